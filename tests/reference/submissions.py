"""Section 6: submissions."""

from tests.reference import signatures
from tests.reference.canonical import MAX_EVENTS, MAX_SUBMISSION, Object, encode, parse
from tests.reference.claims import DISCLOSURE_TEXT, check_belongs, parse_disclosure
from tests.reference.events import check_event_object
from tests.reference.refusals import Malformed, Refused, need, refusing
from tests.reference.schema import (
    HEX_32,
    INSTANT,
    ORIGIN,
    PARTY,
    SIGNATURE,
    anything,
    fields,
    integer,
    text,
    words,
)
from tests.reference.signatures import pre_authentication
from tests.reference.tree import leaf_hash, tree_hash

STATEMENT = fields(
    {
        "type": words("counterfoil-submission/v1"),
        "ledger": fields({"origin": ORIGIN}, {"charter": HEX_32}),
        "author": PARTY,
        "key": HEX_32,
        "count": integer(1, MAX_EVENTS),
        "root": HEX_32,
        "expires": INSTANT,
    },
    {"seen": fields({"note": HEX_32, "root": HEX_32, "size": integer(1)})},
)


def _positional(value: object, where: str) -> None:
    """Refuse what is no array of 1 to 4,096; it may hold something twice."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_EVENTS:
        raise Malformed(f"{where} is no array of 1 to {MAX_EVENTS}")


def _brought(value: object, where: str) -> None:
    """Refuse what is no array of arrays of disclosures; here they may be empty, and equal."""
    if not isinstance(value, list):
        raise Malformed(f"{where} is no list")
    for place, element in enumerate(value):
        if not isinstance(element, list):
            raise Malformed(f"{where}[{place}] is no array")
        if sum(len(str(encoded)) for encoded in element) > MAX_SUBMISSION:
            raise Malformed(f"{where}[{place}] is larger than 16 MiB")
        for number, encoded in enumerate(element):
            DISCLOSURE_TEXT(encoded, f"{where}[{place}][{number}]")


DOCUMENT = fields(
    {
        "type": words("counterfoil-submissiondocument/v1"),
        "statement": anything,
        "signature": SIGNATURE,
        "events": _positional,
        "disclosures": _brought,
    },
    {"note": text},
)


def check_statement(data: bytes) -> None:
    """Refuse octets that are no canonical statement [511]."""
    with refusing(511):
        STATEMENT(parse(data), "statement")


def check_document(data: bytes) -> None:
    """Refuse a submission document that is malformed or contradicts itself.

    No ledger is known here: the claims that an opening names are counted, not checked.
    """
    with refusing(511):
        document = parse(data)
        DOCUMENT(document, "document")
        assert isinstance(document, dict)
        STATEMENT(document["statement"], "document.statement")
    events = document["events"]
    with refusing(405):
        for place, event in enumerate(events):
            check_event_object(event, f"document.events[{place}]")
    if sum(len(encode(event)) for event in events) > MAX_SUBMISSION:
        raise Refused(503, "the events are larger than 16 MiB together")
    if ("note" in document) != ("seen" in document["statement"]):
        raise Refused(507, "note goes with seen")
    need(703, "lists of disclosures", found=len(document["disclosures"]), expected=len(events))
    for event, disclosures in zip(events, document["disclosures"], strict=True):
        _check_brought(event, disclosures)
    statement = document["statement"]
    for event in events:
        need(502, "author", found=event["author"], expected=statement["author"])
    need(503, "count", found=statement["count"], expected=len(events))
    root = tree_hash([leaf_hash(encode(event)) for event in events]).hex()
    need(504, "root of the events", found=statement["root"], expected=root)
    signatures.check_signature(
        bytes.fromhex(statement["key"]),
        pre_authentication("submission", encode(statement)),
        bytes.fromhex(document["signature"]),
    )


def _check_brought(event: Object, disclosures: list[str]) -> None:
    names = [parse_disclosure(encoded).name for encoded in disclosures]
    owner: Object = event.get("event", event)
    handing_over = event["kind"] == "opening/v1" and "names" in event
    if handing_over:
        expected = event["names"]
    else:
        kept_back = owner.get("withheld", [])
        expected = [name for name in sorted(owner.get("sealed", {})) if name not in kept_back]
    for name in expected:
        if name not in names:
            raise Refused(704, f"{name} comes without its disclosure")
    if names != sorted(set(names)):
        raise Refused(701, "disclosures are not in order")
    need(703, "disclosed names", found=names, expected=expected)
    for encoded in disclosures:
        if not handing_over:
            check_belongs(encoded, owner)
