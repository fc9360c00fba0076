"""Sections 3 and 4: what an event must be beyond the types of its fields."""

from collections.abc import Callable
from itertools import pairwise

from tests.reference.canonical import MAX_EVENT, Object, encode, parse
from tests.reference.kinds import COMMON_OPTIONAL, COMMON_REQUIRED, GOVERNANCE, KINDS, VERBS
from tests.reference.refusals import Malformed, refusing
from tests.reference.schema import DAY, fields
from tests.reference.tree import leaf_hash


def check_event(data: bytes) -> None:
    """Refuse octets that are no event by sections 3 to 5 [405]."""
    with refusing(405):
        check_event_object(parse(data), "event")


def event_id(octets: bytes) -> str:
    """Return H(0x00 || event octets) in hex."""
    return leaf_hash(octets).hex()


def check_event_object(event: object, where: str) -> None:
    if not isinstance(event, dict):
        raise Malformed(f"{where} is no object")
    kind = event.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Malformed(f"{where}.kind is unknown")
    required, optional = KINDS[kind]
    fields(COMMON_REQUIRED | required, COMMON_OPTIONAL | optional)(event, where)
    if len(encode(event)) > MAX_EVENT:
        raise Malformed(f"{where} is larger than {MAX_EVENT} octets")
    _check_common_rules(event, where)
    if kind in KIND_RULES:
        KIND_RULES[kind](event, where)


def _say(*, unless: bool, problem: str) -> None:
    if not unless:
        raise Malformed(problem)


def _check_common_rules(event: Object, where: str) -> None:
    sealed = event.get("sealed", {})
    _say(
        unless="authority" not in event or "on_behalf_of" in event,
        problem=f"{where}.authority without on_behalf_of",
    )
    for name in ("withheld", "audience", "retain", "cipher"):
        for claim in event.get(name, []):
            _say(unless=claim in sealed, problem=f"{where}.{name}: {claim} is not sealed")
    for claim in sealed:
        stem, _, number = claim.partition(".")
        for smaller in range(1, int(number or 0)):
            _say(
                unless=f"{stem}.{smaller}" in sealed,
                problem=f"{where}.sealed: {claim} without {stem}.{smaller}",
            )


def _check_charter(event: Object, where: str) -> None:
    witnesses = event.get("witnesses", [])
    for name in ("name", "key"):
        distinct = {witness[name] for witness in witnesses}
        _say(unless=len(distinct) == len(witnesses), problem=f"{where}.witnesses: {name} twice")
    for witness in witnesses:
        length = {"ed25519": 32, "ml-dsa-44": 1_312}[witness["algorithm"]]
        _say(unless=len(witness["key"]) == 2 * length, problem=f"{where}.witnesses: key length")
    _say(unless=event["quorum"] <= len(witnesses), problem=f"{where}.quorum exceeds the witnesses")
    _say(
        unless=event["thresholds"]["govern"] <= len(event["registrars"]),
        problem=f"{where}.thresholds.govern exceeds the registrars",
    )
    for registrar in event["registrars"]:
        _say(unless=registrar in event["members"], problem=f"{where}: {registrar} is no member")
    powers = event.get("founding_key", {"powers": ["govern"]})["powers"]
    _say(unless="govern" in powers, problem=f"{where}.founding_key has not the power govern")


def _check_key_event(event: Object, where: str) -> None:
    verb = event["verb"]
    must = {"enrol": ["powers", "possession"], "recover": ["powers", "possession"], "revoke": []}
    must_not = {
        "enrol": ["compromised_since"],
        "recover": ["compromised_since", "replaces"],
        "revoke": ["post", "powers", "possession", "replaces"],
    }
    for name in must[verb]:
        _say(unless=name in event, problem=f"{where}.{name} is missing")
    for name in must_not[verb]:
        _say(unless=name not in event, problem=f"{where}.{name} is no field of {verb}")


def _check_request(event: Object, where: str) -> None:
    _say(
        unless="areas_doubtful" not in event or "areas" in event,
        problem=f"{where}.areas_doubtful without areas",
    )


def _check_step(event: Object, where: str) -> None:
    _say(
        unless=event["verb"] in VERBS[event["target"]],
        problem=f"{where}.verb is none of a step of {event['target']}",
    )
    _say(
        unless=(event["verb"] == "answer") == ("outcome" in event),
        problem=f"{where}.outcome goes with answer",
    )


def _check_account(event: Object, where: str) -> None:
    numbers = [sentence["number"] for sentence in event.get("sentences", [])]
    for before, after in pairwise(numbers):
        _say(unless=before < after, problem=f"{where}.sentences do not ascend")


def _check_attestation(event: Object, where: str) -> None:
    present = [name for name in ("of", "root", "size") if name in event]
    _say(unless=present in (["of"], ["root", "size"]), problem=f"{where}: of, or size with root")


def _check_sealed(event: Object, where: str) -> None:
    for name in COMMON_OPTIONAL:
        _say(unless=name == "dates" or name not in event, problem=f"{where}.{name} is no field")
    dates = event.get("dates", {})
    _say(unless=list(dates) == ["opens_by"], problem=f"{where}.dates is not opens_by alone")
    DAY(dates["opens_by"]["edtf"], f"{where}.dates.opens_by.edtf")


def _check_opening(event: Object, where: str) -> None:
    _say(unless="sealed" not in event, problem=f"{where}.sealed is no field of an opening")
    _say(unless=("event" in event) != ("names" in event), problem=f"{where}: event or names")
    if "event" in event:
        check_event_object(event["event"], f"{where}.event")
        _say(
            unless=event["event"]["kind"] not in (*GOVERNANCE, "sealed/v1", "opening/v1"),
            problem=f"{where}.event may not be nested",
        )


def _check_hold(event: Object, where: str) -> None:
    present = [name for name in ("of", "all", "ends") if name in event]
    _say(unless=len(present) == 1, problem=f"{where}: exactly one of of, all, ends")


KIND_RULES: dict[str, Callable[[Object, str], None]] = {
    "charter/v1": _check_charter,
    "key/v1": _check_key_event,
    "request/v1": _check_request,
    "step/v1": _check_step,
    "account/v1": _check_account,
    "attestation/v1": _check_attestation,
    "sealed/v1": _check_sealed,
    "opening/v1": _check_opening,
    "hold/v1": _check_hold,
}
