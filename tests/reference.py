"""The second verifier: `verify/SPEC.md` read as it stands, and nothing of the first verifier.

It exists to disagree. It is slow, keeps whole files in memory, walks lists where the first one
keeps indices, and shares no line with `verify/`: where the two give different verdicts, one of them
or the specification is wrong. It does not read folders, print or exit. Headings name sections of
SPEC.md; numbers in `Refused` are those of its section 12.

`Refused` is the only exception that malformed input raises, and `UnknownVersion` where the text
says that a verifier stops.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias

import nacl.bindings
import nacl.exceptions

__all__ = [
    "Entry",
    "Finding",
    "Fragment",
    "Refused",
    "Report",
    "State",
    "UnknownVersion",
    "audit_evidence",
    "audit_export",
    "check_checkpoint",
    "check_consistency",
    "check_disclosure",
    "check_document",
    "check_entry",
    "check_event",
    "check_inclusion",
    "check_key",
    "check_note",
    "check_receipt",
    "check_signature",
    "check_statement",
    "ed25519_exact",
    "encode",
    "leaf_hash",
    "parse_entry",
    "parse_policy",
    "tree_hash",
]

# What the json module made of a text; once its schema was checked, its fields are trusted.
Object: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[object, str], None]
Fields: TypeAlias = dict[str, Check]

SPEC = "counterfoil/1"
MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 8
MAX_EVIDENCE_DEPTH = 10
MAX_EVENT = 32_768
MAX_ENTRY = 65_535
MAX_EVENTS = 4_096
MAX_SUBMISSION = 16 * 1024 * 1024
MAX_DISCLOSURE = 1_048_576
MAX_NOTE = 131_072
MAX_NOTE_LINES = 100
MAX_KEYS = 1_024
MAX_LISTED = 1_024
MAX_EVIDENCE = 16 * 1024 * 1024
MAX_EVIDENCE_EVENTS = 64
MAX_RECEIPT = 262_144
DAY_MS = 86_400_000
EXPIRY_MS = 31 * DAY_MS


class Refused(Exception):  # noqa: N818 - the word of the specification
    """Something failed a check of section 12.

    Attributes:
        check: The number of the check.
        where: What failed, in words.
        expected: What would have passed, where that is one value.
        found: What was there instead.
    """

    def __init__(
        self, check: int, where: str, *, expected: str | None = None, found: str | None = None
    ) -> None:
        super().__init__(f"[{check}] {where}")
        self.check = check
        self.where = where
        self.expected = expected
        self.found = found


class UnknownVersion(Exception):  # noqa: N818 - as above
    """`spec` is not one that this verifier knows: it stops [104]."""


class Malformed(Exception):  # noqa: N818 - as above
    """A text breaks section 1 or its schema; the caller knows which check that is."""


@contextmanager
def refusing(check: int) -> Iterator[None]:
    """Turn `Malformed` into `Refused` with the number of `check`."""
    try:
        yield
    except Malformed as problem:
        raise Refused(check, str(problem)) from problem


def need(check: int, where: str, *, found: object, expected: object) -> None:
    """Refuse, with both values, unless they are equal."""
    if found != expected:
        raise Refused(check, where, expected=str(expected), found=str(found))


# Section 1.1, canonical JSON.

KEY = re.compile(r"[a-z][a-z0-9_]*(\.[1-9][0-9]{0,3})?")
STRING_OCTETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}


def parse(data: bytes, *, depth: int = MAX_DEPTH) -> object:
    """Read the one canonical spelling of a JSON text, and refuse every other octet sequence.

    Whether its fields are those of a schema is another question, and so are empty values and
    clear strings: what may be empty depends on the field.
    """
    _check_depth(data, depth)
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            parse_float=_no_number,
            parse_constant=_no_number,
            object_pairs_hook=_distinct_pairs,
        )
        again = encode(value)
    except ValueError as problem:
        raise Malformed(f"is no JSON text: {problem}") from problem
    if again != data:
        raise Malformed("is not spelled canonically")
    return value


def encode(value: object) -> bytes:
    """Return the canonical encoding of a value: RFC 8785, narrowed."""
    return _encoded(value).encode("utf-8")


def _encoded(value: object) -> str:
    if isinstance(value, bool) or value is None:
        raise Malformed("holds true, false or null")
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise Malformed("holds a number out of range")
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(map(_escaped, value)) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(_encoded, value)) + "]"
    assert isinstance(value, dict)
    for key in value:
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise Malformed(f"has a key of another form: {key!r}")
    return "{" + ",".join(f'"{key}":{_encoded(value[key])}' for key in sorted(value)) + "}"


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    return f"\\u{ord(character):04x}" if character < " " else character


def _check_depth(data: bytes, most: int) -> None:
    # Brackets inside strings nest nothing.
    depth = 0
    for octet in STRING_OCTETS.sub(b"", data):
        if octet in b"{[":
            depth += 1
            if depth > most:
                raise Malformed("is nested too deep")
        if octet in b"}]":
            depth -= 1


def _no_number(text: str) -> NoReturn:
    raise Malformed(f"holds a number that is no integer: {text}")


def _distinct_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Malformed("has a key twice")
    return dict(pairs)


# Sections 1.2 to 1.4, small types, limits and lists: a schema is made of functions that refuse.


def pattern(expression: str) -> Check:
    """Make the check of a clear string that matches as a whole."""
    compiled = re.compile(expression)

    def check(value: object, where: str) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise Malformed(f"{where} is not of its form")

    return check


def words(allowed: str) -> Check:
    """Make the check of an enumeration, its words given with spaces between."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, str) or value not in allowed.split():
            raise Malformed(f"{where} is none of: {allowed}")

    return check


def integer(low: int, high: int = MAX_INTEGER) -> Check:
    """Make the check of an integer, both bounds included."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, int) or not low <= value <= high:
            raise Malformed(f"{where} is no integer from {low} to {high}")

    return check


def text(value: object, where: str) -> None:
    """Refuse what is no string, or an empty one; any character may be in it."""
    if not isinstance(value, str) or not value:
        raise Malformed(f"{where} is no text")


def several(each: Check, most: int) -> Check:
    """Make the check of a list that keeps its author's order and holds nothing twice."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise Malformed(f"{where} is no list of 1 to {most}")
        for place, element in enumerate(value):
            each(element, f"{where}[{place}]")
        if len({encode(element) for element in value}) != len(value):
            raise Malformed(f"{where} holds something twice")

    return check


def ascending(each: Check, most: int) -> Check:
    """Make the check of a list of strings of sorted kind."""
    kept = several(each, most)

    def check(value: object, where: str) -> None:
        kept(value, where)
        if not isinstance(value, list) or value != sorted(value):
            raise Malformed(f"{where} is not in order")

    return check


def fields(required: Fields, optional: Fields | None = None) -> Check:
    """Make the check of an object that has exactly these fields."""
    known = required | (optional or {})

    def check(value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{where} is no object")
        for name in required:
            if name not in value:
                raise Malformed(f"{where}.{name} is missing")
        for name in value:
            if name not in known:
                raise Malformed(f"{where}.{name} is no field here")
            known[name](value[name], f"{where}.{name}")

    return check


def mapping(key: Check, each: Check, most: int) -> Check:
    """Make the check of an object whose keys are not fields but values of a type."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, dict) or not 1 <= len(value) <= most:
            raise Malformed(f"{where} is no object of 1 to {most}")
        for name in value:
            key(name, f"{where}.{name}")
            each(value[name], f"{where}.{name}")

    return check


def item_ranges(value: object, where: str) -> None:
    """Refuse item ranges that are empty, touch, overlap or descend."""
    if not isinstance(value, list) or not 1 <= len(value) <= 256:
        raise Malformed(f"{where} is no list of 1 to 256")
    after = 1
    for place, pair in enumerate(value):
        # A range is a pair, not a list: its two numbers may be equal.
        if not isinstance(pair, list) or len(pair) != 2:
            raise Malformed(f"{where}[{place}] is no pair")
        for bound in pair:
            integer(1, 65_535)(bound, f"{where}[{place}]")
        if not after <= pair[0] <= pair[1]:
            raise Malformed(f"{where}[{place}] is out of order")
        after = pair[1] + 2


LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HEX_32 = pattern("[0-9a-f]{64}")
SIGNATURE = pattern("[0-9a-f]{128}")
NONCE = pattern("[0-9a-f]{32}")
PARTY = pattern(LABEL)
ACTOR = pattern(f"{LABEL}(?:/{LABEL})?")
ORIGIN = pattern("[a-z0-9][a-z0-9./_-]{0,199}")
INSTANT = integer(0)
INDEX = integer(0, MAX_INTEGER - 1)
DAY = pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}")
EDTF = pattern(r"[0-9X?~%.,/:TZ+\[\]-]{4,64}")
ACTORS = several(ACTOR, 64)
REFS = several(HEX_32, 256)
PARTIES = ascending(PARTY, MAX_LISTED)
RESERVED = ("public", "unknown")
POWERS = ascending(words("answer govern intake record undertake"), 5)
YES_NO_UNKNOWN = words("yes no unknown")


# Section 2, signatures: the pure rule first, then the same rule with one library call.

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME
ROOT_OF_MINUS_ONE = pow(2, (PRIME - 1) // 4, PRIME)

Point: TypeAlias = tuple[int, int]
IDENTITY: Point = (0, 1)


def ed25519_exact(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a signature satisfies the four points of section 2, in plain arithmetic."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key = decode_point(public)
    if key is None or key == IDENTITY or multiply(ORDER, key) != IDENTITY:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER or signature[:32] in SMALL_ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    x, y = multiply(challenge, key)
    # [S]B - [k]A: the opposite of (x, y) is (-x, y).
    return encode_point(add(multiply(scalar, BASE), (-x % PRIME, y))) == signature[:32]


def decode_point(octets: bytes) -> Point | None:
    """Read the canonical encoding of a curve point; None for any other octets."""
    number = int.from_bytes(octets, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= PRIME:
        return None
    x = _abscissa(y)
    if x is None or (x == 0 and sign == 1):
        return None
    return (x if x & 1 == sign else PRIME - x), y


def encode_point(point: Point) -> bytes:
    """Return the canonical encoding of a point."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def add(left: Point, right: Point) -> Point:
    """Add two points by the complete affine law of the twisted Edwards curve."""
    (x1, y1), (x2, y2) = left, right
    product = CURVE_D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, PRIME)
    return x % PRIME, y % PRIME


def multiply(scalar: int, point: Point) -> Point:
    """Add a point to itself, doubling bit by bit."""
    total = IDENTITY
    for bit in f"{scalar:b}":
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def _abscissa(y: int) -> int | None:
    # x squared = (y squared - 1) / (d y squared + 1); RFC 8032 section 5.1.3.
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if x * x % PRIME != square:
        x = x * ROOT_OF_MINUS_ONE % PRIME
    return x if x * x % PRIME == square else None


def _small_order_encodings() -> set[bytes]:
    # The points of small order are the multiples of one of order eight, which is [L]Q for most Q.
    y = 2
    while True:
        x = _abscissa(y)
        generator = multiply(ORDER, (x, y)) if x is not None else IDENTITY
        if multiply(4, generator) != IDENTITY:
            break
        y += 1
    found = set()
    for times in range(8):
        _, y = multiply(times, generator)
        for spelled in (y, y + PRIME):
            if spelled < 2**255:
                found.add(spelled.to_bytes(32, "little"))
                found.add((spelled | 1 << 255).to_bytes(32, "little"))
    return found


_BASE_Y = 4 * pow(5, -1, PRIME) % PRIME
_BASE = decode_point(_BASE_Y.to_bytes(32, "little"))
assert _BASE is not None
BASE: Point = _BASE
SMALL_ORDER = _small_order_encodings()


def check_key(public: bytes) -> None:
    """Refuse a public key that fails rule 1 of section 2 [603]."""
    if len(public) != 32 or public in SMALL_ORDER:
        raise Refused(603, "the key is of small order")
    if not nacl.bindings.crypto_core_ed25519_is_valid_point(public):
        raise Refused(603, "the key is no point of the prime-order subgroup")


def check_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Refuse a signature that fails the rule of section 2 [505].

    The library's equation may be the cofactored one. Point 4 implies that R, as a sum of multiples
    of B and A, lies in the prime-order subgroup; once R is known to, the two equations are one.
    """
    with _as_signature():
        check_key(public)
    if len(signature) != 64 or signature[:32] in SMALL_ORDER:
        raise Refused(505, "R is of small order")
    if int.from_bytes(signature[32:], "little") >= ORDER:
        raise Refused(505, "S is not below L")
    if not nacl.bindings.crypto_core_ed25519_is_valid_point(signature[:32]):
        raise Refused(505, "R is no point of the prime-order subgroup")
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except nacl.exceptions.BadSignatureError as problem:
        raise Refused(505, "the equation does not hold") from problem


@contextmanager
def _as_signature() -> Iterator[None]:
    try:
        yield
    except Refused as problem:
        raise Refused(505, problem.where) from problem


def pre_authentication(use: str, body: bytes) -> bytes:
    """Return the DSSE encoding that a party key signs; `use` is submission or possession."""
    kind = f"application/vnd.counterfoil.{use}+json".encode("ascii")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


# Sections 3 and 4, events. A kind is its required and its optional fields.


def _listed(names: str) -> list[str]:
    return names.split()


DATE_ROLES = _listed(
    "as_at created dated due effective end handed_over held made obtained occurred opened opens_by "
    "period published received sent start until value"
)
RELATIONS = _listed(
    "about corrects discharges encloses evidences follows minutes_of replies_to same_as supersedes"
)
GOVERNANCE = ("charter/v1", "party/v1", "key/v1", "approval/v1")
VERBS = {
    "request": _listed(
        "acknowledge answer chase clarify defer escalate extend narrow refuse resume review "
        "seek_clarification transfer withdraw"
    ),
    "commitment": _listed("claim_unfulfilled confirm fulfil overtaken part_fulfil release replace"),
    "agreement": _listed("comment draft end not_adopted propose sign suspend vary"),
    "arrangement": _listed("chair close dormant establish join leave terms"),
}

# Section 5, claim names.
NUMBERED_STEMS = _listed("address allegation file item material person reference sentence url")
PLAIN_STEMS = _listed(
    "body conditions decision description dpia dpo_view holder individual_rights lawful_basis "
    "legal_power locator message_id name necessity note order purpose question reason retention "
    "security source special_category subject terms text title value"
) + [f"phrase_{role}" for role in DATE_ROLES]
CLAIM_PATTERN = (
    f"(?:{'|'.join(PLAIN_STEMS + NUMBERED_STEMS)})"
    f"|(?:{'|'.join(NUMBERED_STEMS)})\\.[1-9][0-9]{{0,3}}"
)
CLAIM = pattern(CLAIM_PATTERN)
CLAIMS = ascending(CLAIM, 512)

COMMON_REQUIRED: Fields = {"author": PARTY, "kind": text, "nonce": NONCE}
COMMON_OPTIONAL: Fields = {
    "dates": mapping(
        words(" ".join(DATE_ROLES)),
        fields({"basis": words("stated inferred corroborated convention"), "edtf": EDTF}),
        len(DATE_ROLES),
    ),
    "links": several(
        fields({"event": HEX_32, "rel": words(" ".join(RELATIONS))}, {"ledger": HEX_32}), 64
    ),
    "on_behalf_of": ACTORS,
    "authority": words("claimed evidenced ratified disowned"),
    "sealed": mapping(CLAIM, HEX_32, 512),
    "withheld": CLAIMS,
    "audience": mapping(CLAIM, PARTIES, 512),
    "retain": mapping(CLAIM, DAY, 512),
    "cipher": mapping(CLAIM, HEX_32, 512),
}

LEDGER = fields({"charter": HEX_32, "origin": ORIGIN})
DAYS = integer(0, 365)
WITNESS = fields(
    {
        "algorithm": words("ed25519 ml-dsa-44"),
        "key": pattern("[0-9a-f]{64}|[0-9a-f]{2624}"),
        "name": ORIGIN,
    },
    {"party": PARTY},
)
KINDS: dict[str, tuple[Fields, Fields]] = {
    "charter/v1": (
        {
            "contemporaneous_days": DAYS,
            "controller": PARTY,
            "log_key": HEX_32,
            "members": PARTIES,
            "notice_days": DAYS,
            "origin": ORIGIN,
            "quorum": integer(0, 32),
            "registrars": PARTIES,
            "spec": pattern("counterfoil/[1-9][0-9]{0,3}"),
            "state": words("open closed"),
            "thresholds": fields({"govern": integer(1, 1024), "recover": integer(1, 1024)}),
            "tolerance_s": integer(0, 86_400),
            "visibility": words("public members"),
            "waiting_days": DAYS,
        },
        {
            "amends": HEX_32,
            "founding_key": fields({"key": HEX_32, "powers": POWERS}, {"post": PARTY}),
            "predecessor": fields({"charter": HEX_32, "root": HEX_32, "size": integer(1)}),
            "witnesses": several(WITNESS, 32),
        },
    ),
    "party/v1": ({"verb": words("join leave"), "charter": HEX_32}, {}),
    "key/v1": (
        {"verb": words("enrol revoke recover"), "party": PARTY, "key": HEX_32},
        {
            "post": PARTY,
            "powers": POWERS,
            "possession": SIGNATURE,
            "replaces": HEX_32,
            "compromised_since": INDEX,
        },
    ),
    "approval/v1": ({"of": HEX_32}, {}),
    "communication/v1": (
        {"channel": words("letter email call message portal publication other")},
        {
            "from": ACTORS,
            "to": ACTORS,
            "cc": ACTORS,
            "delivery": words("none sent delivered bounced unknown"),
        },
    ),
    "meeting/v1": (
        {},
        {
            "attendees": ACTORS,
            "apologies": ACTORS,
            "chair": ACTOR,
            "host": ACTOR,
            "medium": words("in_person video call hybrid unknown"),
            "minutes": YES_NO_UNKNOWN,
            "count": integer(1, 65_535),
        },
    ),
    "artefact/v1": (
        {"type": words("protocol minutes dataset assessment letter policy recording other")},
        {"custodian": ACTOR, "provenance": ACTOR},
    ),
    "transfer/v1": (
        {"from": ACTOR, "to": ACTORS},
        {
            "discharges": several(fields({"request": HEX_32}, {"items": item_ranges}), 256),
            "geography": words("postcode oa lsoa msoa ward district county person other"),
            "personal_data": YES_NO_UNKNOWN,
            "rows": integer(0),
            "under": HEX_32,
            "via": HEX_32,
        },
    ),
    "request/v1": (
        {
            "what": words("data meeting reply decision signature invitation other"),
            "medium": words("written oral unknown"),
            "from": ACTORS,
            "to": ACTORS,
        },
        {
            "categories": integer(1, 4_096),
            "areas": ACTORS,
            "areas_doubtful": ACTORS,
            "regime": words("none agreed_date foia_20 eir_20_40 sar_1_month cpr_deemed"),
            "personal_data": YES_NO_UNKNOWN,
            "controllers": words("joint separate unknown"),
            "agreement_in_place": YES_NO_UNKNOWN,
            "reply_to": ACTOR,
        },
    ),
    "commitment/v1": (
        {
            "by": ACTOR,
            "to": ACTORS,
            "what": words("data document meeting reply decision payment other"),
        },
        {"trigger": HEX_32},
    ),
    "agreement/v1": (
        {"type": words("information_sharing protocol terms memorandum funding other")},
        {"signatories": ACTORS, "effective": words("all_signed each_signed date")},
    ),
    "arrangement/v1": (
        {"type": words("forum facility")},
        {"operator": ACTOR, "members": ACTORS},
    ),
    "step/v1": (
        {
            "of": HEX_32,
            "target": words(" ".join(VERBS)),
            "verb": words(" ".join(verb for verbs in VERBS.values() for verb in verbs)),
        },
        {
            "by": ACTOR,
            "to": ACTORS,
            "items": item_ranges,
            "outcome": words("full part not_held already_public"),
            "reason": words("unclear purpose lawful_basis cost exempt repeated not_held other"),
            "version": integer(1, 65_535),
            "members": ACTORS,
            "until_events": REFS,
        },
    ),
    "knowledge/v1": (
        {
            "knower": ACTOR,
            "of": HEX_32,
            "mode": words("became_aware told not_told could_have_known disclaims knew_earlier"),
        },
        {
            "directness": words("actor_told copied third_party public_source own_record inferred"),
            "via": HEX_32,
            "by": ACTOR,
        },
    ),
    "position/v1": (
        {
            "on": HEX_32,
            "stance": words(
                "received admit agree not_admit dispute deny correct retract_own ratify "
                "disown object"
            ),
        },
        {
            "field": pattern(
                "happened|actors|items|status"
                f"|dates\\.(?:{'|'.join(DATE_ROLES)})|claims\\.(?:{CLAIM_PATTERN})"
            ),
            "items": item_ranges,
        },
    ),
    "account/v1": (
        {},
        {
            "from": ACTOR,
            "to": ACTORS,
            "sentences": several(fields({"number": integer(1, 4_096)}, {"events": REFS}), 4_096),
        },
    ),
    "attestation/v1": (
        {"type": words("dkim arc rfc3161 opentimestamps delivery_log public_record other")},
        {"of": HEX_32, "size": integer(1), "root": HEX_32},
    ),
    "sealed/v1": ({"seals": HEX_32}, {}),
    "opening/v1": ({"of": HEX_32}, {"event": lambda _value, _where: None, "names": CLAIMS}),
    "erasure/v1": (
        {
            "of": HEX_32,
            "names": CLAIMS,
            "ground": words(
                "subject_request retention legal_obligation court_order regulator_order error other"
            ),
        },
        {},
    ),
    "hold/v1": ({}, {"of": REFS, "all": words("yes"), "ends": HEX_32}),
}


def check_event(data: bytes) -> None:
    """Refuse octets that are no event by sections 3 to 5 [405]."""
    with refusing(405):
        _check_event_object(parse(data), "event")


def event_id(octets: bytes) -> str:
    """Return H(0x00 || event octets) in hex."""
    return leaf_hash(octets).hex()


def _check_event_object(event: object, where: str) -> None:
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
        _check_event_object(event["event"], f"{where}.event")
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


# Section 5, disclosures.

SALT = pattern(f"{LABEL}\\.[0-9a-f]{{32}}\\.[0-9a-f]{{32}}")
DISCLOSURE_TEXT = pattern(f"[A-Za-z0-9_-]{{1,{MAX_DISCLOSURE}}}")
FILE_OBJECT = fields(
    {
        "media_type": pattern(r"(?=.{3,127}\Z)[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+"),
        "name": pattern(r"(?!\.\.?\Z)[^/\\\x00-\x1f\x7f]{1,255}"),
        "sha256": HEX_32,
        "size": integer(0),
    }
)


class Disclosure(NamedTuple):
    """What a disclosure says."""

    salt: str
    name: str
    value: str | Object


def parse_disclosure(encoded: str) -> Disclosure:
    """Read the one spelling of a disclosure [703]."""
    with refusing(703):
        DISCLOSURE_TEXT(encoded, "disclosure")
        try:
            octets = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except binascii.Error as problem:
            raise Malformed("disclosure is no base64url") from problem
        if base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii") != encoded:
            raise Malformed("disclosure is another spelling of base64url")
        array = parse(octets)
        if not isinstance(array, list) or len(array) != 3:
            raise Malformed("disclosure is no array of salt, name, value")
        SALT(array[0], "salt")
        CLAIM(array[1], "name")
        if array[1].partition(".")[0] == "file":
            FILE_OBJECT(array[2], "value")
        elif not isinstance(array[2], str):
            raise Malformed("value is no string")
        return Disclosure(array[0], array[1], array[2])


def check_disclosure(text: str, event: bytes) -> None:
    """Refuse a disclosure that does not belong to the event of these octets [703]."""
    check_event(event)
    check_belongs(text, json.loads(event))


def check_belongs(encoded: str, event: Object) -> Disclosure:
    """Return what a disclosure says; refuse one that does not belong to the event [703]."""
    said = parse_disclosure(encoded)
    author, nonce, _ = said.salt.split(".")
    need(703, "author in the salt", found=author, expected=event["author"])
    need(703, "nonce in the salt", found=nonce, expected=event["nonce"])
    if said.name not in event.get("sealed", {}):
        raise Refused(703, f"{said.name} is not sealed by the event")
    digest = hashlib.sha256(encoded.encode("ascii")).hexdigest()
    need(703, f"digest of {said.name}", found=digest, expected=event["sealed"][said.name])
    return said


# Section 6, submissions.

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


def _any(_value: object, _where: str) -> None:
    """Pass: another check decides."""


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
        "statement": _any,
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
            _check_event_object(event, f"document.events[{place}]")
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
    check_signature(
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


# Section 7, entries, and RFC 6962 as it reads.


def leaf_hash(octets: bytes) -> bytes:
    """Return SHA-256(0x00 || octets): the leaf hash of an entry, the id of an event."""
    return hashlib.sha256(b"\x00" + octets).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of RFC 6962 section 2.1 over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def check_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Refuse an inclusion proof that does not lead from `leaf` to `root` [902].

    Source: RFC 6962 section 2.1.1, PATH(m, D[n]) read backwards.
    """
    if not 0 <= index < size:
        raise Refused(902, "the index is not below the size")
    found = _root_by_path(index, size, leaf, list(proof))
    need(902, "root", found=found.hex(), expected=root.hex())


def check_consistency(
    *, old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Refuse a consistency proof that does not lead to both roots [205]; 1 <= old_size <= size.

    Source: RFC 6962 section 2.1.2, SUBPROOF(m, D[n], b) read backwards.
    """
    if not 1 <= old_size <= size:
        raise Refused(205, "the old size is not between 1 and the size")
    old, new = _roots_by_subproof(old_size, size, old_root, list(proof))
    need(205, "old root", found=old.hex(), expected=old_root.hex())
    need(205, "root", found=new.hex(), expected=root.hex())


def _split(size: int) -> int:
    """Return the largest power of two that is smaller than `size`."""
    split = 1
    while split * 2 < size:
        split *= 2
    return split


def _root_by_path(index: int, size: int, leaf: bytes, proof: list[bytes]) -> bytes:
    if size == 1:
        if proof:
            raise Refused(902, "the proof is too long")
        return leaf
    if not proof:
        raise Refused(902, "the proof is too short")
    split = _split(size)
    if index < split:
        return node_hash(_root_by_path(index, split, leaf, proof[:-1]), proof[-1])
    return node_hash(proof[-1], _root_by_path(index - split, size - split, leaf, proof[:-1]))


def _roots_by_subproof(
    old_size: int, size: int, known: bytes | None, proof: list[bytes]
) -> tuple[bytes, bytes]:
    # `known` is the old root while this subtree is the whole of the old tree (b of the RFC).
    if old_size == size:
        if len(proof) != (0 if known is not None else 1):
            raise Refused(205, "the proof has the wrong length")
        same = proof[0] if known is None else known
        return same, same
    if not proof:
        raise Refused(205, "the proof is too short")
    split = _split(size)
    if old_size <= split:
        old, new = _roots_by_subproof(old_size, split, known, proof[:-1])
        return old, node_hash(new, proof[-1])
    old, new = _roots_by_subproof(old_size - split, size - split, None, proof[:-1])
    return node_hash(proof[-1], old), node_hash(proof[-1], new)


ENTRY = fields(
    {
        "event": _any,
        "index": INDEX,
        "position": integer(0, MAX_EVENTS - 1),
        "recorded": INSTANT,
    },
    {"prev": HEX_32, "rules": HEX_32, "signature": SIGNATURE, "statement": _any},
)


@dataclass
class Entry:
    """One entry that is well-formed by itself.

    Attributes:
        body: Its JSON object.
        octets: Its octets.
        leaf: Its leaf hash; the audit of a damaged log replaces it by what the others say.
    """

    body: Object
    octets: bytes
    leaf: bytes

    @property
    def index(self) -> int:
        return int(self.body["index"])

    @property
    def position(self) -> int:
        return int(self.body["position"])

    @property
    def recorded(self) -> int:
        return int(self.body["recorded"])

    @property
    def event(self) -> Object:
        event: Object = self.body["event"]
        return event

    @property
    def id(self) -> str:
        octets = encode(self.event)
        # The entry is canonical, so its event stands in it in this spelling.
        assert octets in self.octets
        return event_id(octets)


def check_entry(data: bytes) -> None:
    """Refuse octets that are no entry by themselves [401] [403] [405] [406] [511] [104]."""
    parse_entry(data)


def parse_entry(data: bytes) -> Entry:
    """Read an entry; where it stands in a log is not decided here."""
    with refusing(401):
        if len(data) > MAX_ENTRY:
            raise Malformed(f"entry is larger than {MAX_ENTRY} octets")
        body = parse(data)
        ENTRY(body, "entry")
    assert isinstance(body, dict)
    with refusing(405):
        _check_event_object(body["event"], "entry.event")
    if "statement" in body:
        with refusing(511):
            STATEMENT(body["statement"], "entry.statement")
    first = body["position"] == 0
    need(403, "prev is there", found="prev" in body, expected=body["index"] > 0)
    need(406, "statement is there", found="statement" in body, expected=first)
    need(406, "signature is there", found="signature" in body, expected=first)
    need(406, "rules is there", found="rules" in body, expected=first and body["index"] > 0)
    if body["position"] > body["index"]:
        raise Refused(406, "the submission would begin before entry 0")
    return Entry(body=body, octets=data, leaf=leaf_hash(data))


# Section 8, checkpoints and notes.

NOT_IN_NAMES = (
    "+\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class NoteLine(NamedTuple):
    """A signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """A signed note: the text that is signed, with its last LF, and the lines."""

    text: bytes
    lines: list[NoteLine]


class Checkpoint(NamedTuple):
    """The three lines of a checkpoint."""

    origin: str
    size: int
    root: bytes


def parse_note(data: bytes) -> Note:
    """Read a signed note [201]."""
    with refusing(201):
        if len(data) > MAX_NOTE:
            raise Malformed("note is too large")
        try:
            decoded = data.decode("utf-8")
        except UnicodeDecodeError as problem:
            raise Malformed("note is no UTF-8") from problem
        if any(character < " " and character != "\n" for character in decoded):
            raise Malformed("note holds a control character")
        head, blank, tail = decoded.rpartition("\n\n")
        if not blank or not tail.endswith("\n"):
            raise Malformed("note has no signature lines")
        lines = tail[:-1].split("\n")
        if len(lines) > MAX_NOTE_LINES:
            raise Malformed("note has too many signature lines")
        return Note((head + "\n").encode("utf-8"), [_parse_note_line(line) for line in lines])


def _parse_note_line(line: str) -> NoteLine:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014":
        raise Malformed("signature line is no dash, name, base64")
    if not parts[1] or any(character in NOT_IN_NAMES for character in parts[1]):
        raise Malformed("key name of a signature line is malformed")
    octets = decode_base64(parts[2])
    if len(octets) < 5:
        raise Malformed("signature line is too short")
    return NoteLine(parts[1], octets[:4], octets[4:])


def decode_base64(encoded: str) -> bytes:
    """Read the one spelling of base64 with padding."""
    try:
        octets = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as problem:
        raise Malformed("is no base64") from problem
    if base64.b64encode(octets).decode("ascii") != encoded:
        raise Malformed("is another spelling of base64")
    return octets


def format_vkey(*, name: str, algorithm: int, public: bytes) -> str:
    """Return the verifier key of a name; its key ID is H(name || LF || type || key)[:4]."""
    typed = bytes([algorithm]) + public
    key_id = hashlib.sha256(name.encode("utf-8") + b"\n" + typed).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(typed).decode('ascii')}"


def check_note(data: bytes, vkey: str) -> None:
    """Refuse a note that the key did not sign [201]."""
    _check_note_signature(parse_note(data), vkey)


def check_checkpoint(data: bytes, vkey: str) -> None:
    """Refuse a checkpoint that is malformed, of another origin, or not signed by the key [201]."""
    read_checkpoint(data, vkey)


def read_checkpoint(data: bytes, vkey: str) -> Checkpoint:
    """Return the checkpoint that the key signed [201]."""
    checkpoint = parse_checkpoint(data)
    need(201, "origin", found=checkpoint.origin, expected=vkey.partition("+")[0])
    check_note(data, vkey)
    return checkpoint


def parse_checkpoint(data: bytes) -> Checkpoint:
    """Read a checkpoint, whoever signed it [201]."""
    lines = parse_note(data).text.decode("utf-8").split("\n")
    with refusing(201):
        if len(lines) != 4:
            raise Malformed("checkpoint is not three lines")
        ORIGIN(lines[0], "origin")
        pattern("[1-9][0-9]{0,15}")(lines[1], "size")
        integer(1)(int(lines[1]), "size")
        root = decode_base64(lines[2])
        if len(root) != 32:
            raise Malformed("root is not 32 octets")
        return Checkpoint(lines[0], int(lines[1]), root)


def _check_note_signature(note: Note, vkey: str) -> None:
    with refusing(201):
        name, _, rest = vkey.partition("+")
        typed = decode_base64(rest.partition("+")[2])
        if len(typed) != 33 or typed[0] != 1:
            raise Malformed("verifier key is not of type 0x01")
        if format_vkey(name=name, algorithm=1, public=typed[1:]) != vkey:
            raise Malformed("verifier key has another key ID")
    key_id = bytes.fromhex(rest.partition("+")[0])
    own = [line for line in note.lines if (line.name, line.key_id) == (name, key_id)]
    if not own:
        raise Refused(201, f"no signature of {name}")
    for line in own:
        try:
            check_signature(typed[1:], note.text, line.signature)
        except Refused as problem:
            raise Refused(201, f"signature of {name}: {problem.where}") from problem


# Sections 8.1 and 12, policies.


@dataclass(frozen=True)
class Member:
    """A witness or a group of a policy.

    A witness has a verifier key and no members. The key of a type that is not checked here is
    None: ML-DSA-44 is in no library that this verifier may use, so that such a witness never
    counts, whatever a note says under its name.
    """

    vkey: str | None = None
    threshold: int = 0
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A tlog-policy: the logs' verifier keys, what has a name, and the name that decides."""

    logs: list[str]
    named: dict[str, Member]
    quorum: str | None


def parse_policy(data: bytes) -> Policy:
    """Read a policy that is well-formed: what is not, no verifier runs with."""
    policy = Policy([], {}, None)
    for line in data.decode("utf-8").split("\n"):
        words_ = line.split()
        match words_:
            case ["log", vkey, *_]:
                policy.logs.append(vkey)
            case ["witness", name, vkey, *_]:
                octets = decode_base64(vkey.split("+", 2)[2])
                policy.named[name] = Member(vkey if octets[0] == 4 else None)
            case ["group", name, threshold, *members]:
                least = {"any": 1, "all": len(members)}.get(threshold) or int(threshold)
                policy.named[name] = Member(None, least, tuple(members))
            case ["quorum", name]:
                policy = replace(policy, quorum=None if name == "none" else name)
    return policy


def cosigned_at(policy: Policy, note: Note) -> dict[str, list[int]]:
    """Return when each witness of a policy cosigned a checkpoint.

    Refuses a note on which a witness's line does not verify [805].
    """
    found: dict[str, list[int]] = {}
    for name, member in policy.named.items():
        if member.vkey is None:
            continue
        key_name, key_id, material = member.vkey.split("+", 2)
        for line in note.lines:
            if (line.name, line.key_id.hex()) == (key_name, key_id):
                at_s = _cosignature_time(decode_base64(material)[1:], note.text, line.signature)
                found.setdefault(name, []).append(at_s)
    return found


def _cosignature_time(public: bytes, text_: bytes, payload: bytes) -> int:
    at_s = int.from_bytes(payload[:8], "big")
    if len(payload) != 72 or not 0 < at_s < 2**63:
        raise Refused(805, "a cosignature has another length, or no time")
    try:
        check_signature(public, b"cosignature/v1\ntime %d\n%b" % (at_s, text_), payload[8:])
    except Refused as problem:
        raise Refused(805, f"a cosignature: {problem.where}") from problem
    return at_s


def is_reached(policy: Policy, name: str, witnesses: Collection[str]) -> bool:
    """Say whether these witnesses make up what a policy calls `name`."""
    member = policy.named[name]
    if not member.members:
        return name in witnesses
    return sum(is_reached(policy, each, witnesses) for each in member.members) >= member.threshold


def signed_after_s(policy: Policy, note: Note) -> int | None:
    """Return the latest time that a quorum of a note's cosignatures reaches (section 8.2)."""
    times = _times_that_count(policy, note)
    reached = [
        at_s
        for at_s in {each for found in times.values() for each in found}
        if _is_quorum(policy, [name for name in times if max(times[name]) >= at_s])
    ]
    return max(reached, default=None)


def existed_by_s(policy: Policy, notes: Sequence[Note]) -> int | None:
    """Return the earliest time by which a quorum is complete over the notes of one checkpoint."""
    times: dict[str, list[int]] = {}
    for note in notes:
        for name, found in _times_that_count(policy, note).items():
            times.setdefault(name, []).extend(found)
    complete = [
        at_s
        for at_s in {each for found in times.values() for each in found}
        if _is_quorum(policy, [name for name in times if min(times[name]) <= at_s])
    ]
    return min(complete, default=None)


def _times_that_count(policy: Policy, note: Note) -> dict[str, list[int]]:
    try:
        return cosigned_at(policy, note)
    except Refused:
        return {}


def _is_quorum(policy: Policy, witnesses: Collection[str]) -> bool:
    return policy.quorum is not None and is_reached(policy, policy.quorum, witnesses)


def check_recorded(
    recorded: int, tolerance_s: int, after_s: Sequence[int], by_s: Sequence[int]
) -> None:
    """Refuse what is recorded outside its bracket by more than the tolerance [409]."""
    for each in after_s:
        if recorded // 1000 + tolerance_s < each:
            raise Refused(409, "recorded before it can have been signed", found=str(recorded))
    if by_s and recorded // 1000 - tolerance_s > min(by_s):
        raise Refused(409, "recorded after it was cosigned", found=str(recorded))


# Section 9, rules.

KeyState: TypeAlias = Literal["pending", "active", "ended", "void"]
CharterState: TypeAlias = Literal["pending", "in force", "past", "void"]


@dataclass
class Key:
    """One key that was ever proposed, and who vouched for it.

    The author is the first of its signers. A recovery has an instant at which it is due from the
    entry that completed its approval on.
    """

    party: str
    public: str
    powers: list[str]
    state: KeyState
    event: str
    recovery: bool
    signers: list[str]
    due: int | None = None
    approved: int = -1


@dataclass
class Charter:
    """One charter that was ever proposed; `since` is the entry at which it took effect."""

    event: str
    body: Object
    state: CharterState
    signers: list[str]
    since: int = -1


@dataclass(frozen=True)
class Known:
    """An event whose id is known: at which entry, and when recorded."""

    event: Object
    index: int
    recorded: int


@dataclass
class State:
    """The state of section 9 after the entries admitted so far.

    `admit` judges one whole submission and then has its effect. After a refusal the state is to be
    thrown away, or told to `pass_over` the submission when an audit goes on.
    """

    leaves: list[bytes] = field(default_factory=list)
    recorded: int = 0
    rules: str | None = None
    fingerprint: str | None = None
    charters: list[Charter] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    active_once: list[str] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def admit(self, submission: Sequence[Entry], notes: Mapping[str, bytes] | None) -> None:
        """Judge a submission by the state before it, and take its effect.

        Args:
            submission: Its entries, in order.
            notes: The kept notes, by H of their octets; None where notes are not to be had.
        """
        self._check_places(submission)
        self._tick(submission[0].recorded)
        self._check_submission(submission, notes)
        for entry in submission:
            self._check_event(entry)
            self._take_effect(entry)

    def pass_over(self, submission: Sequence[Entry]) -> None:
        """Take note of refused entries, so that what follows can be judged as far as possible."""
        for entry in submission:
            self._remember(entry)

    def charter_after(self, size: int) -> Charter:
        """Return the charter in force after `size` entries."""
        found = [charter for charter in self.charters if 0 <= charter.since < size]
        if not found:
            raise Refused(601, "there is no charter")
        return max(found, key=lambda charter: charter.since)

    def log_key_after(self, size: int) -> str:
        """Return the vkey of the log after `size` entries."""
        charter = self.charter_after(size).body
        public = bytes.fromhex(charter["log_key"])
        return format_vkey(name=charter["origin"], algorithm=1, public=public)

    @property
    def charter(self) -> Object:
        """The charter in force."""
        for charter in self.charters:
            if charter.state == "in force":
                return charter.body
        raise Refused(601, "there is no charter")

    # Sections 6.4 and 7: the submission.

    def _check_places(self, submission: Sequence[Entry]) -> None:
        first = submission[0]
        need(406, "first position", found=first.position, expected=0)
        statement = first.body["statement"]
        for place, entry in enumerate(submission):
            index = len(self.leaves) + place
            before = submission[place - 1].leaf if place else (self.leaves or [b""])[-1]
            need(402, "index", found=entry.index, expected=index)
            need(403, "prev", found=entry.body.get("prev", ""), expected=before.hex())
            need(406, "position", found=entry.position, expected=place)
            if entry.recorded < self.recorded or entry.recorded != first.recorded:
                raise Refused(404, "recorded", found=str(entry.recorded))
        need(406, "entries", found=len(submission), expected=statement["count"])
        need(407, "rules", found=first.body.get("rules"), expected=self.rules)

    def _check_submission(
        self, submission: Sequence[Entry], notes: Mapping[str, bytes] | None
    ) -> None:
        first = submission[0]
        statement = first.body["statement"]
        self._check_ledger(first)
        for entry in submission:
            need(502, "author", found=entry.event["author"], expected=statement["author"])
        self._check_events_root(submission)
        message = pre_authentication("submission", encode(statement))
        signature = bytes.fromhex(first.body["signature"])
        check_signature(bytes.fromhex(statement["key"]), message, signature)
        key = self._signing_key(first)
        self._check_seen(first, notes)
        if not first.recorded <= statement["expires"] <= first.recorded + EXPIRY_MS:
            raise Refused(508, "expires", found=str(statement["expires"]))
        for entry in submission:
            if entry.event["kind"] in GOVERNANCE:
                need(509, "count", found=statement["count"], expected=1)
        for entry in submission:
            self._check_power(entry.event, key)

    def _check_ledger(self, first: Entry) -> None:
        ledger = first.body["statement"]["ledger"]
        if first.index == 0:
            if first.event["kind"] != "charter/v1":
                raise Refused(601, "entry 0 is no charter", found=first.event["kind"])
            need(501, "ledger", found=ledger, expected={"origin": first.event["origin"]})
            return
        expected = {"charter": self.fingerprint, "origin": self.charter["origin"]}
        need(501, "ledger", found=ledger, expected=expected)

    def _check_events_root(self, submission: Sequence[Entry]) -> None:
        statement = submission[0].body["statement"]
        root = tree_hash([bytes.fromhex(entry.id) for entry in submission])
        need(504, "root of the events", found=root.hex(), expected=statement["root"])

    def _signing_key(self, first: Entry) -> Key:
        statement = first.body["statement"]
        if first.index == 0:
            founding = first.event.get("founding_key")
            if founding is None:
                raise Refused(601, "entry 0 has no founding key")
            need(601, "founding key", found=founding["key"], expected=statement["key"])
            return Key(
                party=statement["author"],
                public=founding["key"],
                powers=founding["powers"],
                state="active",
                event=first.id,
                recovery=False,
                signers=[],
            )
        for key in self.keys:
            if (key.public, key.party, key.state) == (
                statement["key"],
                statement["author"],
                "active",
            ):
                return key
        raise Refused(506, "key", found=statement["key"])

    def _check_seen(self, first: Entry, notes: Mapping[str, bytes] | None) -> None:
        seen = first.body["statement"].get("seen")
        if seen is None:
            return
        if seen["size"] > first.index:
            raise Refused(507, "seen is in the future", found=str(seen["size"]))
        self._check_seen_root(seen)
        if notes is None:
            return
        if seen["note"] not in notes:
            raise Refused(507, "the note of seen is missing", expected=seen["note"])
        try:
            checkpoint = read_checkpoint(notes[seen["note"]], self.log_key_after(seen["size"]))
        except Refused as problem:
            raise Refused(507, f"the note of seen: {problem.where}") from problem
        need(507, "size of the note", found=checkpoint.size, expected=seen["size"])
        need(507, "root of the note", found=checkpoint.root.hex(), expected=seen["root"])

    def _check_seen_root(self, seen: Object) -> None:
        root = tree_hash(self.leaves[: seen["size"]]).hex()
        need(507, "root of seen", found=seen["root"], expected=root)

    def _check_power(self, event: Object, key: Key) -> None:
        check = 601 if event["kind"] == "charter/v1" and not self.charters else 510
        for accepted in needed_powers(event):
            if not any(power in key.powers for power in accepted):
                raise Refused(check, "power", expected=" or ".join(accepted))

    # Section 9.7: one event.

    def _check_event(self, entry: Entry) -> None:
        event = entry.event
        if self.charters and self.charter["state"] == "closed":
            raise Refused(610, "the ledger is closed")
        if entry.id in self.known:
            raise Refused(408, "event id", found=entry.id)
        self._check_references(event)
        nested = event.get("event")
        if nested is not None:
            nested_id = event_id(encode(nested))
            if nested_id in self.known or nested_id == entry.id:
                raise Refused(408, "id of the nested event", found=nested_id)
            self._check_references(nested)
        checks = {
            "charter/v1": self._check_charter,
            "party/v1": self._check_party,
            "key/v1": self._check_key,
            "approval/v1": self._check_approval,
        }
        if event["kind"] in checks:
            checks[event["kind"]](entry)

    def _find(self, ref: str) -> Known | None:
        if ref not in self.known:
            raise Refused(605, "no earlier event", found=ref)
        return self.known[ref]

    def _check_references(self, event: Object) -> None:
        for link in event.get("links", []):
            if "ledger" not in link:
                self._find(link["event"])
            elif link["ledger"] == self.fingerprint:
                raise Refused(605, "a link names this ledger as another")
        for ref in references(event):
            self._find(ref)
        checks = {
            "step/v1": self._check_step,
            "opening/v1": self._check_opening,
            "erasure/v1": self._check_erasure,
            "hold/v1": self._check_hold,
            "position/v1": self._check_position,
        }
        if event["kind"] in checks:
            checks[event["kind"]](event)

    def _check_step(self, event: Object) -> None:
        of = self._find(event["of"])
        if of is not None:
            need(606, "target", found=of.event["kind"], expected=f"{event['target']}/v1")

    def _check_opening(self, event: Object) -> None:
        of = self._find(event["of"])
        if "event" in event:
            need(607, "author", found=event["event"]["author"], expected=event["author"])
        if of is None:
            return
        need(607, "author", found=of.event["author"], expected=event["author"])
        if "event" in event:
            need(607, "kind", found=of.event["kind"], expected="sealed/v1")
            nested_id = event_id(encode(event["event"]))
            need(607, "seals", found=of.event["seals"], expected=nested_id)
            if event["of"] in self.opened:
                raise Refused(607, "opened before", found=event["of"])
            return
        for name in event["names"]:
            if name not in of.event.get("withheld", []):
                raise Refused(607, "the event does not withhold the claim", found=name)

    def _check_erasure(self, event: Object) -> None:
        of = self._find(event["of"])
        if of is None:
            return
        if event["author"] not in (of.event["author"], self.charter["controller"]):
            raise Refused(608, "author", found=event["author"])
        for name in event["names"]:
            if name not in of.event.get("sealed", {}):
                raise Refused(608, "the event does not seal the claim", found=name)

    def _check_hold(self, event: Object) -> None:
        ended = self._find(event["ends"]) if "ends" in event else None
        if ended is None:
            return
        need(609, "kind", found=ended.event["kind"], expected="hold/v1")
        need(609, "author", found=ended.event["author"], expected=event["author"])
        if "ends" in ended.event:
            raise Refused(609, "what is ended is an end itself", found=event["ends"])

    def _check_position(self, event: Object) -> None:
        if event["stance"] in ("retract_own", "disown"):
            on = self._find(event["on"])
            if on is not None:
                need(611, "author", found=on.event["author"], expected=event["author"])

    # Sections 9.1 to 9.6: governance.

    def _is_registrar(self, party: str) -> bool:
        return party in self.charter["registrars"] and party in self.members

    def _check_charter(self, entry: Entry) -> None:
        event = entry.event
        self._check_charter_keys(event)
        if entry.index == 0:
            need(601, "amends is there", found="amends" in event, expected=False)
            need(601, "state", found=event["state"], expected="open")
            if event["author"] in RESERVED:
                raise Refused(601, "a reserved word can hold no key", found=event["author"])
            if event["author"] not in event["registrars"]:
                raise Refused(601, "the author is no registrar", found=event["author"])
            need(104, "spec", found=event["spec"], expected=SPEC)
            return
        in_force = self.charter_after(entry.index)
        need(601, "amends", found=event.get("amends"), expected=in_force.event)
        if not self._is_registrar(event["author"]):
            raise Refused(601, "the author is no registrar and member", found=event["author"])
        if "founding_key" in event:
            raise Refused(601, "an amendment has a founding key")
        for name in ("origin", "predecessor"):
            need(601, name, found=event.get(name), expected=in_force.body.get(name))
        need(104, "spec", found=event["spec"], expected=SPEC)

    def _check_charter_keys(self, event: Object) -> None:
        log_key, witnesses = event["log_key"], event.get("witnesses", [])
        if log_key in [witness["key"] for witness in witnesses]:
            raise Refused(601, "the log key is a witness key", found=log_key)
        edwards = [each["key"] for each in witnesses if each["algorithm"] == "ed25519"]
        for public in [log_key, *edwards]:
            try:
                check_key(bytes.fromhex(public))
            except Refused as problem:
                raise Refused(601, problem.where, found=public) from problem
        party_keys = [key.public for key in self.keys]
        if "founding_key" in event:
            party_keys.append(event["founding_key"]["key"])
        for public in _keys_of_roles(event):
            if public in party_keys:
                raise Refused(601, "a party key has another role", found=public)
        roles = self._role_keys("in force", "past")
        in_force: Object = self.charter if self.charters else {"log_key": None}
        if log_key != in_force["log_key"] and log_key in roles:
            raise Refused(601, "the log key had a role before", found=log_key)
        kept = [witness["key"] for witness in in_force.get("witnesses", [])]
        for witness in witnesses:
            if witness["key"] not in kept and witness["key"] in roles:
                raise Refused(601, "a witness key had a role before", found=witness["key"])

    def _role_keys(self, *states: CharterState) -> list[str]:
        return [
            public
            for charter in self.charters
            if charter.state in states
            for public in _keys_of_roles(charter.body)
        ]

    def _check_party(self, entry: Entry) -> None:
        event = entry.event
        author = event["author"]
        need(602, "charter", found=event["charter"], expected=self.fingerprint)
        if event["verb"] == "leave":
            if author not in self.members:
                raise Refused(602, "who leaves is no member", found=author)
            return
        if author in self.members or author not in self.charter["members"]:
            raise Refused(602, "who joins is a member, or not named", found=author)

    def _check_key(self, entry: Entry) -> None:
        event = entry.event
        if event["verb"] == "revoke":
            self._check_revocation(entry)
            return
        self._check_new_key(event)
        party = event["party"]
        own = [key for key in self.keys if key.party == party]
        if event["verb"] == "recover":
            if event["author"] == party or event["author"] not in self.members:
                raise Refused(603, "no other member recovers", found=event["author"])
            if party not in self.active_once:
                raise Refused(603, "the party never had an active key", found=party)
            return
        if event["author"] == party:
            replaced = event.get("replaces")
            if replaced is not None and replaced not in [
                key.public for key in own if key.state == "active"
            ]:
                raise Refused(603, "replaces is no active key of the party", found=replaced)
            return
        if not self._is_registrar(event["author"]):
            raise Refused(603, "the author is no registrar and member", found=event["author"])
        if "replaces" in event:
            raise Refused(603, "a registrar replaces no key")
        if any(key.state == "active" for key in own):
            raise Refused(603, "the party has a key", found=party)
        if party in self.active_once and party not in self.left:
            raise Refused(603, "the party had a key and has not left", found=party)

    def _check_new_key(self, event: Object) -> None:
        public, party = event["key"], event["party"]
        if party in RESERVED:
            raise Refused(603, "a reserved word can hold no key", found=party)
        check_key(bytes.fromhex(public))
        taken = [key.public for key in self.keys]
        taken += self._role_keys("in force", "past", "pending")
        if public in taken:
            raise Refused(603, "the key was used before", found=public)
        superseded = self._superseded(event)
        counted = [
            key
            for key in self.keys
            if key.party == party and key.state != "void" and key not in superseded
        ]
        if len(counted) >= MAX_KEYS:
            raise Refused(603, "the party has too many keys", found=party)
        possession = {
            "type": "counterfoil-possession/v1",
            "ledger": {"charter": self.fingerprint, "origin": self.charter["origin"]},
            "party": party,
            "key": public,
            "powers": event["powers"],
        }
        if "post" in event:
            possession["post"] = event["post"]
        message = pre_authentication("possession", encode(possession))
        try:
            check_signature(bytes.fromhex(public), message, bytes.fromhex(event["possession"]))
        except Refused as problem:
            raise Refused(603, f"possession: {problem.where}") from problem

    def _check_revocation(self, entry: Entry) -> None:
        event = entry.event
        need(603, "party", found=event["party"], expected=event["author"])
        revocable = [
            key.public
            for key in self.keys
            if key.party == event["party"] and key.state in ("pending", "active")
        ]
        if event["key"] not in revocable:
            raise Refused(603, "no pending or active key of the party", found=event["key"])
        if event.get("compromised_since", 0) > entry.index:
            raise Refused(603, "compromised_since is in the future")

    def _check_approval(self, entry: Entry) -> None:
        of, author = entry.event["of"], entry.event["author"]
        for charter in self.charters:
            if charter.event == of and charter.state == "pending":
                if not self._is_registrar(author) or author in charter.signers:
                    raise Refused(604, "not entitled, or approved before", found=author)
                return
        for key in self.keys:
            if key.event == of and key.state == "pending" and key.due is None:
                entitled = (
                    author in self.members and author != key.party
                    if key.recovery
                    else self._is_registrar(author)
                )
                if not entitled or author in key.signers:
                    raise Refused(604, "not entitled, or approved before", found=author)
                return
        raise Refused(604, "nothing pending of that id", found=of)

    # Effects.

    def _remember(self, entry: Entry) -> None:
        known = Known(entry.event, entry.index, entry.recorded)
        self.known[entry.id] = known
        if "event" in entry.event:
            nested = entry.event["event"]
            self.known[event_id(encode(nested))] = replace(known, event=nested)
            self.opened.append(entry.event["of"])
        if not self.leaves:
            self.fingerprint = entry.leaf.hex()
        self.leaves.append(entry.leaf)
        self.recorded = entry.recorded
        self.times[entry.index] = entry.recorded
        if entry.event["kind"] in GOVERNANCE:
            self.rules = entry.leaf.hex()

    def _take_effect(self, entry: Entry) -> None:
        self._remember(entry)
        event = entry.event
        effects = {
            "charter/v1": self._propose_charter,
            "party/v1": self._join_or_leave,
            "key/v1": self._propose_key,
            "approval/v1": self._approve,
        }
        if event["kind"] in effects:
            effects[event["kind"]](entry)
            self._settle(event["of"] if event["kind"] == "approval/v1" else entry.id, entry)

    def _propose_charter(self, entry: Entry) -> None:
        author = entry.event["author"]
        for earlier in self.charters:
            if earlier.state == "pending" and earlier.body["author"] == author:
                earlier.state = "void"
        charter = Charter(event=entry.id, body=entry.event, state="pending", signers=[author])
        self.charters.append(charter)
        if entry.index == 0:
            charter.state = "in force"
            charter.since = 0
            self.members.append(author)
            founding = entry.event["founding_key"]
            self._enlist(author, founding["key"], founding["powers"], entry)
            self._activate(self.keys[0])

    def _join_or_leave(self, entry: Entry) -> None:
        author = entry.event["author"]
        if entry.event["verb"] == "join":
            self.members.append(author)
            return
        self.members.remove(author)
        self.left.append(author)
        for key in self.keys:
            if key.party == author:
                self._end(key)

    def _enlist(self, party: str, public: str, powers: list[str], entry: Entry) -> None:
        self.keys.append(
            Key(
                party=party,
                public=public,
                powers=powers,
                state="pending",
                event=entry.id,
                recovery=entry.event.get("verb") == "recover",
                signers=[entry.event["author"]],
            )
        )

    def _propose_key(self, entry: Entry) -> None:
        event = entry.event
        if event["verb"] == "revoke":
            self._end(self._key(event["key"]))
            return
        for earlier in self._superseded(event):
            self._end(earlier)
        self._enlist(event["party"], event["key"], event["powers"], entry)
        if event["verb"] == "enrol" and event["author"] == event["party"]:
            self._activate(self._key(event["key"]))
            if "replaces" in event:
                self._end(self._key(event["replaces"]))

    def _superseded(self, event: Object) -> list[Key]:
        """Return the pending keys that a new proposal for the party makes void: its author's."""
        return [
            key
            for key in self.keys
            if key.state == "pending"
            and (key.party, key.signers[0]) == (event["party"], event["author"])
            and key.recovery == (event["verb"] == "recover")
        ]

    def _approve(self, entry: Entry) -> None:
        proposals: list[Charter | Key] = [*self.charters, *self.keys]
        for proposal in proposals:
            if proposal.event == entry.event["of"]:
                proposal.signers.append(entry.event["author"])

    def _key(self, public: str) -> Key:
        return next(key for key in self.keys if key.public == public)

    def _activate(self, key: Key) -> None:
        key.state = "active"
        if key.party in self.left:
            self.left.remove(key.party)
        if key.party not in self.active_once:
            self.active_once.append(key.party)

    def _end(self, key: Key) -> None:
        if key.state == "active":
            key.state = "ended"
        if key.state == "pending":
            key.state = "void"

    def _settle(self, act: str, entry: Entry) -> None:
        """Give effect to the act, proposed or approved by this entry, if enough have signed it."""
        for charter in self.charters:
            registrars = [party for party in charter.signers if self._is_registrar(party)]
            if (charter.event, charter.state) == (act, "pending") and (
                len(registrars) >= self.charter["thresholds"]["govern"]
            ):
                for other in self.charters:
                    if other.state == "in force":
                        other.state = "past"
                    if other.state == "pending":
                        other.state = "void"
                charter.state = "in force"
                charter.since = entry.index
        for key in self.keys:
            if (key.event, key.state) != (act, "pending"):
                continue
            registrars = [party for party in key.signers if self._is_registrar(party)]
            others = [
                party for party in key.signers if party in self.members and party != key.party
            ]
            thresholds = self.charter["thresholds"]
            if not key.recovery and len(registrars) >= thresholds["govern"]:
                for rival in self.keys:
                    if rival.party == key.party and rival.state == "pending" and rival is not key:
                        rival.state = "void"
                self._activate(key)
            if key.recovery and key.due is None and len(others) >= thresholds["recover"]:
                key.due = entry.recorded + self.charter["waiting_days"] * DAY_MS
                key.approved = entry.index

    def _tick(self, recorded: int) -> None:
        """Give effect to the recoveries whose waiting time is over at an entry recorded then."""
        due = [key for key in self.keys if key.due is not None and key.due <= recorded]
        # Two of one party may be due by the same entry: the one due first is the first.
        for key in sorted(due, key=lambda each: (each.due or 0, each.approved)):
            if key.state == "pending":
                for other in self.keys:
                    if other.party == key.party and other is not key:
                        self._end(other)
                self._activate(key)

    # Section 9.8.

    def erased(self) -> list[tuple[str, str]]:
        """Return event id and claim name of all that an erasure in effect covers."""
        return [
            (known.event["of"], name)
            for known in self.known.values()
            if known.event["kind"] == "erasure/v1" and self._took_effect(known)
            for name in known.event["names"]
        ]

    def _took_effect(self, erasure: Known) -> bool:
        """Say whether at any entry from its own on an erasure was due, and nothing held it."""
        due = 0
        if erasure.event["ground"] not in ("court_order", "regulator_order"):
            notice = self.charter_after(erasure.index).body["notice_days"]
            due = erasure.recorded + notice * DAY_MS
        return any(
            index >= erasure.index
            and recorded >= due
            and not self._is_held(erasure.event["of"], index)
            for index, recorded in self.times.items()
        )

    def _is_held(self, ref: str, index: int) -> bool:
        """Say whether before entry `index` a hold stands that covers an event."""
        earlier = {
            key: known.event
            for key, known in self.known.items()
            if known.event["kind"] == "hold/v1" and known.index < index
        }
        ended = [event["ends"] for event in earlier.values() if "ends" in event]
        return any(
            key not in ended and ("all" in event or ref in event.get("of", []))
            for key, event in earlier.items()
        )


def _keys_of_roles(charter: Object) -> list[str]:
    return [charter["log_key"], *(witness["key"] for witness in charter.get("witnesses", []))]


def needed_powers(event: Object) -> list[list[str]]:
    """Return the powers that signing an event needs: one of each list (section 9.2)."""
    kind = event["kind"]
    if kind in GOVERNANCE:
        return [["govern"]]
    if kind in ("communication/v1", "artefact/v1"):
        return [["record", "intake"]]
    if kind in ("commitment/v1", "agreement/v1"):
        return [["undertake"]]
    if kind == "step/v1":
        return [["undertake" if event["target"] in ("commitment", "agreement") else "record"]]
    if kind == "position/v1":
        return [["undertake" if event["stance"] in ("admit", "agree", "ratify") else "answer"]]
    nested = needed_powers(event["event"]) if "event" in event else []
    return [["record"], *nested]


def references(event: Object) -> list[str]:
    """Return the values of all ref fields of an event (links apart)."""
    single: dict[str, list[str]] = {
        "charter/v1": ["amends"],
        "approval/v1": ["of"],
        "transfer/v1": ["under", "via"],
        "commitment/v1": ["trigger"],
        "step/v1": ["of"],
        "knowledge/v1": ["of", "via"],
        "position/v1": ["on"],
        "attestation/v1": ["of"],
        "opening/v1": ["of"],
        "erasure/v1": ["of"],
        "hold/v1": ["ends"],
    }
    kind = event["kind"]
    found: list[str] = [event[name] for name in single.get(kind, []) if name in event]
    if kind == "transfer/v1":
        found += [discharge["request"] for discharge in event.get("discharges", [])]
    if kind == "step/v1":
        found += event.get("until_events", [])
    if kind == "account/v1":
        for sentence in event.get("sentences", []):
            found += sentence.get("events", [])
    if kind == "hold/v1":
        found += event.get("of", [])
    return found


# Section 10.1, receipts.

RECEIPT = fields(
    {
        "type": words("counterfoil-receipt/v1"),
        "charter": HEX_32,
        "count": integer(1, MAX_EVENTS),
        "first": INDEX,
        "leaf": HEX_32,
        "proof": text,
        "recorded": INSTANT,
    },
    {"prev": HEX_32, "rules": HEX_32},
)


@dataclass(frozen=True)
class LogProof:
    """A tlog-proof without `extra`."""

    index: int
    proof: list[bytes]
    checkpoint: bytes


def check_receipt(data: bytes) -> None:
    """Refuse a receipt that is malformed or contradicts itself [803]; no key is known here."""
    parse_receipt(data)


def parse_receipt(data: bytes) -> tuple[Object, LogProof]:
    """Read a receipt and its proof, and follow the proof to the root."""
    with refusing(803):
        if len(data) > MAX_RECEIPT:
            raise Malformed("receipt is too large")
        receipt = parse(data)
        RECEIPT(receipt, "receipt")
        assert isinstance(receipt, dict)
        proof = _parse_log_proof(receipt["proof"])
    with _as_receipt():
        for name in ("prev", "rules"):
            need(803, f"{name} is there", found=name in receipt, expected=receipt["first"] > 0)
        if receipt["first"] == 0:
            need(803, "count of entry 0", found=receipt["count"], expected=1)
            need(803, "leaf of entry 0", found=receipt["leaf"], expected=receipt["charter"])
        last = receipt["first"] + receipt["count"] - 1
        need(803, "index of the proof", found=proof.index, expected=last)
        checkpoint = parse_checkpoint(proof.checkpoint)
        check_inclusion(
            index=proof.index,
            size=checkpoint.size,
            leaf=bytes.fromhex(receipt["leaf"]),
            proof=proof.proof,
            root=checkpoint.root,
        )
    return receipt, proof


@contextmanager
def _as_receipt() -> Iterator[None]:
    try:
        yield
    except Refused as problem:
        raise Refused(
            803, problem.where, expected=problem.expected, found=problem.found
        ) from problem


def _parse_log_proof(written: str) -> LogProof:
    head, blank, checkpoint = written.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 2:
        raise Malformed("receipt.proof is no tlog-proof")
    pattern("index (?:0|[1-9][0-9]{0,15})")(lines[1], "receipt.proof")
    hashes = [decode_base64(line) for line in lines[2:]]
    if len(hashes) > 63 or any(len(each) != 32 for each in hashes):
        raise Malformed("receipt.proof has a hash that is not 32 octets, or too many")
    return LogProof(int(lines[1].removeprefix("index ")), hashes, checkpoint.encode("utf-8"))


# Sections 11 and 12, exports and the audit.


@dataclass(frozen=True)
class Finding:
    """One breach."""

    check: int
    index: int | None
    where: str
    expected: str | None
    found: str | None


@dataclass
class Report:
    """What an audit found; `consequences` follow from `findings` and are none of their own."""

    verdict: Literal["valid", "self", "invalid"]
    findings: list[Finding]
    consequences: list[Finding]


@dataclass
class _Findings:
    """Tells causes from consequences (section 12)."""

    findings: list[Finding] = field(default_factory=list)
    consequences: list[Finding] = field(default_factory=list)
    groups: list[list[int]] = field(default_factory=list)
    spoiled: set[int] = field(default_factory=set)

    def add(self, problem: Refused, index: int | None = None, *, after: object = None) -> None:
        """Record a breach, as a consequence if `after` is true or its entry is spoiled."""
        finding = Finding(problem.check, index, problem.where, problem.expected, problem.found)
        if after or index in self.spoiled:
            self.consequences.append(finding)
        else:
            self.findings.append(finding)
        if index is not None:
            self.spoiled.add(index)
            for group in self.groups:
                if index in group:
                    self.spoiled.update(group)

    def has(self, *checks: range) -> bool:
        """Say whether there is a finding in one of these ranges."""
        return any(finding.check in each for finding in self.findings for each in checks)

    def report(self, *, anchored: bool) -> Report:
        if self.findings:
            return Report("invalid", self.findings, self.consequences)
        return Report("valid" if anchored else "self", [], [])


def audit_export(
    files: Mapping[str, bytes],
    *,
    log_key: str | None = None,
    fingerprint: str | None = None,
    receipts: Sequence[bytes] = (),
    policy: bytes | None = None,
) -> Report:
    """Run every check of section 12 over an export.

    Args:
        files: The octets of its files, by relative path.
        log_key: The vkey of the log that the reader trusts.
        fingerprint: The fingerprint that the reader trusts, in hex.
        receipts: Receipts that the reader holds.
        policy: The policy that the reader applies.

    Raises:
        UnknownVersion: The export is of a version that this verifier does not know.
    """
    applied = None if policy is None else parse_policy(policy)
    audit = _Audit(files, applied)
    return audit.run(log_key=log_key, fingerprint=fingerprint, receipts=receipts)


MANIFEST = fields(
    {
        "type": words("counterfoil-manifest/v1"),
        "audience": PARTY,
        "disclosures": integer(0),
        "files": integer(0),
        "left_out": integer(0),
        "ledger": LEDGER,
        "root": HEX_32,
        "size": integer(0),
        "spec": words(SPEC),
    }
)


def _opened(value: object, where: str) -> None:
    """Refuse what is no pair of the random part of a salt and a claim's value."""
    if not isinstance(value, list) or len(value) != 2:
        raise Malformed(f"{where} is no pair")
    NONCE(value[0], f"{where}[0]")
    if not isinstance(value[1], str):
        FILE_OBJECT(value[1], f"{where}[1]")


LINE = fields({"claims": mapping(CLAIM, _opened, 512), "index": INDEX})
# Once one of these is found, what is missing or superfluous elsewhere is a consequence.
DAMAGE = (range(301, 304), range(401, 612))


def tile_path(level: str, number: int, width: int) -> str:
    """Return the path of a tile of C2SP tlog-tiles; width 256 is a full one."""
    groups = f"{number % 1000:03d}"
    while number >= 1000:
        number //= 1000
        groups = f"x{number % 1000:03d}/{groups}"
    partial = "" if width == 256 else f".p/{width}"
    return f"tile/{level}/{groups}{partial}"


def format_policy(charter: Object) -> bytes:
    """Return the policy of section 11.4."""
    log = bytes.fromhex(charter["log_key"])
    lines = [f"log {format_vkey(name=charter['origin'], algorithm=1, public=log)}"]
    witnesses = charter.get("witnesses", [])
    for number, witness in enumerate(witnesses, 1):
        algorithm = {"ed25519": 4, "ml-dsa-44": 6}[witness["algorithm"]]
        public = bytes.fromhex(witness["key"])
        vkey = format_vkey(name=witness["name"], algorithm=algorithm, public=public)
        lines.append(f"witness w{number} {vkey}")
    if witnesses and charter["quorum"]:
        names = " ".join(f"w{number}" for number in range(1, len(witnesses) + 1))
        lines += [f"group parties {charter['quorum']} {names}", "quorum parties"]
    else:
        lines.append("quorum none")
    return "".join(f"{line}\n" for line in lines).encode("ascii")


class _Audit:
    """One run over one export; the stages are called in the order in which they stand."""

    def __init__(self, files: Mapping[str, bytes], policy: Policy | None = None) -> None:
        self.policy = policy
        self.files = {path: octets for path, octets in files.items() if not path.startswith(".")}
        self.findings = _Findings()
        self.state = State()
        self.expected_paths = {"checkpoint", "checkpoints", "disclosures.jsonl", "policy"}
        self.expected_paths.add("manifest.json")
        self.checkpoint: Checkpoint | None = None
        self.manifest: Object | None = None
        self.tile_leaves: list[bytes | None] = []
        self.octets: list[bytes | None] = []
        self.entries: list[Entry | None] = []
        self.leaves: list[bytes] = []
        self.notes: dict[str, bytes] = {}
        self.disclosed: dict[tuple[str, str], Disclosure] = {}
        self.held = 0

    def run(
        self, *, log_key: str | None, fingerprint: str | None, receipts: Sequence[bytes]
    ) -> Report:
        self._read_manifest()
        self._read_checkpoint()
        if self.checkpoint is None:
            return self.findings.report(anchored=False)
        self._read_bundles()
        self._read_leaf_tiles()
        self._read_entries()
        self._settle_leaves()
        self._read_notes()
        self._run_state()
        if self.state.charters:
            self._check_signature_of_checkpoint()
            self._check_tiles()
            self._check_root()
            self._check_notes()
            self._check_times()
            self._check_disclosures()
            self._check_missing_disclosures()
            self._check_files()
            self._check_policy()
        self._check_layout()
        if self.state.charters:
            self._check_manifest()
            self._check_reader(log_key=log_key, fingerprint=fingerprint)
            for receipt in receipts:
                self._check_receipt(receipt)
        anchors = [log_key, fingerprint, self.policy, *receipts]
        return self.findings.report(anchored=any(each is not None for each in anchors))

    # What is there.

    def _read_manifest(self) -> None:
        if "manifest.json" not in self.files:
            return
        try:
            with refusing(102):
                manifest = parse(self.files["manifest.json"])
                MANIFEST(manifest, "manifest")
                assert isinstance(manifest, dict)
                self.manifest = manifest
        except Refused as problem:
            self.findings.add(problem)

    def _read_checkpoint(self) -> None:
        if "checkpoint" not in self.files:
            self.findings.add(Refused(101, "checkpoint is missing"))
            return
        try:
            self.checkpoint = parse_checkpoint(self.files["checkpoint"])
        except Refused as problem:
            self.findings.add(problem)

    @property
    def size(self) -> int:
        assert self.checkpoint is not None
        return self.checkpoint.size

    def _tiles(self, level: str, count: int, hash_size: int) -> Iterator[tuple[str, int, bytes]]:
        """Yield path, width and octets of the tiles of a level; stop at the first that is missing.

        A checkpoint may claim a size that no list of paths could hold.
        """
        number = 0
        while 256 * number < count:
            width = min(256, count - 256 * number)
            path = tile_path(level, number, width)
            octets = self.files.get(path)
            if octets is None or (hash_size and len(octets) != width * hash_size):
                self.expected_paths.add(path)
                self.findings.add(
                    Refused(301, f"{path} is not there, or has the wrong length"),
                    after=self.findings.has(*DAMAGE),
                )
                return
            self.expected_paths.add(path)
            yield path, width, octets
            number += 1

    def _read_bundles(self) -> None:
        for path, width, octets in self._tiles("entries", self.size, 0):
            entries = split_bundle(octets)
            if entries is None or len(entries) != width:
                self.findings.add(Refused(303, path, expected=f"{width} entries"), len(self.octets))
                self.octets += [None] * width
            else:
                self.octets += entries

    def _read_leaf_tiles(self) -> None:
        for _path, _width, octets in self._tiles("0", self.size, 32):
            self.tile_leaves += [octets[at : at + 32] for at in range(0, len(octets), 32)]
        missing = len(self.octets) - len(self.tile_leaves)
        self.tile_leaves += [None] * max(0, missing)

    def _read_entries(self) -> None:
        problems: list[tuple[Refused, int]] = []
        for index, octets in enumerate(self.octets):
            entry = None
            try:
                entry = parse_entry(octets) if octets is not None else None
            except Refused as problem:
                problems.append((problem, index))
            self.entries.append(entry)
        self.findings.groups = _group(self.entries)
        for refused, index in problems:
            self.findings.add(refused, index)

    def _settle_leaves(self) -> None:
        """Let computed leaf hash, tile and the next `prev` vote (section 12, below the table)."""
        claimed: list[str | None] = [
            entry.body.get("prev") if entry is not None else None for entry in self.entries[1:]
        ]
        claimed.append(None)
        for index, octets in enumerate(self.octets):
            says = claimed[index]
            following = bytes.fromhex(says) if says is not None else None
            self.leaves.append(self._vote(index, octets, following))
        for entry, leaf in zip(self.entries, self.leaves, strict=True):
            if entry is not None:
                entry.leaf = leaf

    def _vote(self, index: int, octets: bytes | None, following: bytes | None) -> bytes:
        tile = self.tile_leaves[index]
        if octets is None:
            return tile or following or bytes(32)
        computed = leaf_hash(octets)
        others = [other for other in (tile, following) if other is not None]
        against = [other for other in others if other != computed]
        if not against:
            return computed
        damaged = Refused(401, "entry was altered", found=computed.hex(), expected=against[0].hex())
        if len(against) == 2:
            self.findings.add(damaged, index)
            return against[0]
        if computed not in others and not self._root_confirms(index, computed):
            self.findings.add(damaged, index)
            return against[0]
        if against[0] == tile:
            where = f"leaf hash {index}"
            found = Refused(302, where, found=against[0].hex(), expected=computed.hex())
            self.findings.add(found)
        else:
            found = Refused(403, "prev", found=against[0].hex(), expected=computed.hex())
            self.findings.add(found, index + 1)
        return computed

    def _root_confirms(self, index: int, leaf: bytes) -> bool:
        assert self.checkpoint is not None
        later = zip(self.tile_leaves[index + 1 :], self.octets[index + 1 :], strict=False)
        leaves = [*self.leaves, leaf, *(tile or leaf_hash(octets or b"") for tile, octets in later)]
        return tree_hash(leaves) == self.checkpoint.root

    def _read_notes(self) -> None:
        if "checkpoints" not in self.files:
            return
        try:
            with refusing(203):
                lines = _lines(self.files["checkpoints"], "checkpoints")
                ordered = []
                for line in lines:
                    note = parse(line)
                    text(note, "note")
                    octets = str(note).encode("utf-8")
                    name = hashlib.sha256(octets).hexdigest()
                    self.notes[name] = octets
                    ordered.append((_size_of_note(octets), name))
        except Refused as problem:
            self.findings.add(problem)
            return
        sizes = [pair for pair in ordered if pair[0] is not None]
        if sizes != sorted(set(sizes)) or len(set(ordered)) != len(ordered):
            self.findings.add(Refused(203, "checkpoints is out of order, or holds a note twice"))
        if any(size is not None and size > self.size for size, _ in ordered):
            self.findings.add(Refused(203, "a kept note is larger than the export"))

    # What it says.

    def _run_state(self) -> None:
        broken = self.findings.has(range(203, 204))
        for group in self.findings.groups:
            entries = [self.entries[index] for index in group]
            readable = [entry for entry in entries if entry is not None]
            altered = any(index in self.findings.spoiled for index in group)
            if len(readable) < len(entries):
                broken = True
                self._skip(group)
                continue
            try:
                self.state.admit(readable, self.notes)
            except Refused as problem:
                if not altered:
                    _check_not_version(problem)
                at = next((index for index in group if index >= len(self.state.leaves)), group[0])
                self.findings.add(problem, at, after=broken)
                self._pass_over(readable, group)
            broken = broken or altered

    def _skip(self, group: list[int]) -> None:
        for index in group:
            entry = self.entries[index]
            if entry is not None:
                self._pass_over([entry], [index])
            elif len(self.state.leaves) == index:
                self.state.leaves.append(self.leaves[index])

    def _pass_over(self, entries: list[Entry], group: list[int]) -> None:
        # Some of them may have been taken up before the refusal.
        left = [
            entry
            for entry, index in zip(entries, group, strict=True)
            if index >= len(self.state.leaves)
        ]
        self.state.pass_over(left)

    def _check_signature_of_checkpoint(self) -> None:
        try:
            vkey = self.state.log_key_after(self.size)
            read_checkpoint(self.files["checkpoint"], vkey)
        except Refused as problem:
            damaged = self.findings.has(*DAMAGE)
            self.findings.add(Refused(201, problem.where, found=problem.found), after=damaged)

    def _check_tiles(self) -> None:
        level = 1
        while count := self.size >> (8 * level):
            tiles = self._tiles(str(level), count, 32)
            for number, (path, _width, octets) in enumerate(tiles):
                if octets != self._tile(level, number, len(octets) // 32):
                    problem = Refused(302, path)
                    self.findings.add(problem, after=self.findings.has(*DAMAGE))
            level += 1

    def _tile(self, level: int, number: int, width: int) -> bytes:
        span = 256**level
        starts = [(256 * number + place) * span for place in range(width)]
        return b"".join(tree_hash(self.leaves[start : start + span]) for start in starts)

    def _check_root(self) -> None:
        assert self.checkpoint is not None
        try:
            root = tree_hash(self.leaves)
            need(304, "root", found=root.hex(), expected=self.checkpoint.root.hex())
        except Refused as problem:
            damaged = self.findings.has(*DAMAGE, range(201, 202))
            self.findings.add(problem, after=damaged)

    def _check_notes(self) -> None:
        named = [
            entry.body["statement"]["seen"]["note"]
            for entry in self.entries
            if entry is not None and "seen" in entry.body.get("statement", {})
        ]
        damaged = self.findings.has(*DAMAGE)
        for name, octets in self.notes.items():
            try:
                self._check_kept_note(octets, is_named=name in named)
            except Refused as problem:
                self.findings.add(problem, after=damaged)

    def _check_kept_note(self, octets: bytes, *, is_named: bool) -> None:
        try:
            checkpoint = parse_checkpoint(octets)
            vkey = self.state.log_key_after(checkpoint.size)
            read_checkpoint(octets, vkey)
        except Refused as problem:
            raise Refused(204, problem.where) from problem
        if checkpoint.size > self.size:
            return
        root = tree_hash(self.leaves[: checkpoint.size]).hex()
        need(205, "root of a kept note", found=checkpoint.root.hex(), expected=root)
        name, key_id, _ = vkey.split("+", 2)
        others = [
            line
            for line in parse_note(octets).lines
            if (line.name, line.key_id.hex()) != (name, key_id)
        ]
        if not is_named and not others:
            raise Refused(206, "a kept note is neither named nor cosigned")

    # When it was.

    def _weighs(self, size: int) -> Policy:
        return self.policy or parse_policy(format_policy(self.state.charter_after(size).body))

    def _check_times(self) -> None:
        readable = [octets for octets in self.notes.values() if _size_of_note(octets) is not None]
        kept = [*readable, self.files["checkpoint"]]
        statements = [entry for entry in self.entries if entry and "statement" in entry.body]
        damaged = self.findings.has(*DAMAGE, range(201, 207))
        if damaged:
            return  # whatever the times are, the export is invalid
        for entry in statements:
            tolerance_s = self.state.charter_after(max(1, entry.index)).body["tolerance_s"]
            try:
                check_recorded(
                    entry.recorded,
                    tolerance_s,
                    self._after(entry, statements),
                    self._by(entry, kept),
                )
            except Refused as problem:
                self.findings.add(problem, entry.index)

    def _after(self, entry: Entry, statements: Sequence[Entry]) -> list[int]:
        seen = entry.body["statement"].get("seen")
        if seen is None:
            return []
        before = [each for each in statements if each.index < seen["size"]]
        times = []
        for each in [entry, *before]:
            named = each.body["statement"].get("seen")
            if named is not None:
                note = parse_note(self.notes[named["note"]])
                times.append(signed_after_s(self._weighs(named["size"]), note))
        return [at_s for at_s in times if at_s is not None]

    def _by(self, entry: Entry, kept: Sequence[bytes]) -> list[int]:
        sizes = {parse_checkpoint(octets).size for octets in kept}
        times = []
        for size in sorted(size for size in sizes if size > entry.index):
            notes = [parse_note(octets) for octets in kept if parse_checkpoint(octets).size == size]
            times.append(existed_by_s(self._weighs(size), notes))
        return [at_s for at_s in times if at_s is not None]

    # What was disclosed.

    def _check_disclosures(self) -> None:
        if "disclosures.jsonl" not in self.files:
            return
        try:
            with refusing(701):
                parsed = []
                for line in _lines(self.files["disclosures.jsonl"], "disclosures.jsonl"):
                    value = parse(line)
                    LINE(value, "line")
                    assert isinstance(value, dict)
                    parsed.append(value)
                indexes = [value["index"] for value in parsed]
                if indexes != sorted(set(indexes)):
                    raise Malformed("lines do not ascend")
        except Refused as problem:
            self.findings.add(problem)
            return
        for value in parsed:
            self.held += len(value["claims"])
            self._check_line(value["index"], value["claims"])

    def _check_line(self, index: int, claims: Object) -> None:
        if index >= self.size:
            self.findings.add(Refused(702, "a line is for no entry"), index)
            return
        entry = self.entries[index] if index < len(self.entries) else None
        if entry is None:
            return
        owner = entry.event.get("event", entry.event)
        if "sealed" not in owner:
            self.findings.add(Refused(702, "a line is for an entry that seals nothing"), index)
            return
        for encoded in disclosures_of(claims, owner):
            try:
                said = check_belongs(encoded, owner)
                self.disclosed[event_id(encode(owner)), said.name] = said
                self._check_audience(owner, said.name)
            except Refused as problem:
                self.findings.add(problem, index)

    def _check_audience(self, owner: Object, name: str) -> None:
        if self.manifest is None or name not in owner.get("audience", {}):
            return
        if self._is_hidden(owner, name):
            raise Refused(705, f"{name} is not for {self.manifest['audience']}")

    def _is_hidden(self, owner: Object, name: str) -> bool:
        """Say whether an event limits a claim to an audience that this export's is not of."""
        reader = "public" if self.manifest is None else self.manifest["audience"]
        limited = name in owner.get("audience", {})
        return limited and (
            reader == "public" or reader not in [owner["author"], *owner["audience"][name]]
        )

    def _sealing(self) -> list[tuple[int, Object]]:
        """Return every event that seals claims, with its entry's index."""
        events = [
            (entry.index, entry.event.get("event", entry.event))
            for entry in self.entries
            if entry is not None
        ]
        return [(index, event) for index, event in events if "sealed" in event]

    def _handed_over(self) -> list[tuple[str, str]]:
        """Return event id and claim name of all that was withheld at first and opened since."""
        return [
            (entry.event["of"], name)
            for entry in self.entries
            if entry is not None and entry.event["kind"] == "opening/v1"
            for name in entry.event.get("names", [])
        ]

    def _check_missing_disclosures(self) -> None:
        erased = self.state.erased()
        handed_over = self._handed_over()
        malformed = self.findings.has(range(701, 702))
        for index, event in self._sealing():
            own = event_id(encode(event))
            for name in event["sealed"]:
                accounted = (
                    (own, name) in self.disclosed
                    or (name in event.get("withheld", []) and (own, name) not in handed_over)
                    or self._is_hidden(event, name)
                    or (own, name) in erased
                )
                if not accounted:
                    problem = Refused(704, f"{name} has no disclosure")
                    self.findings.add(problem, index, after=malformed)

    def _check_files(self) -> None:
        named: dict[str, list[int]] = {}
        for said in self.disclosed.values():
            if isinstance(said.value, dict):
                named.setdefault(said.value["sha256"], []).append(said.value["size"])
        for name, sizes in named.items():
            octets = self.files.get(f"files/{name}")
            if octets is None:
                self.findings.add(Refused(706, f"files/{name} is not there"))
                continue
            if hashlib.sha256(octets).hexdigest() != name or set(sizes) != {len(octets)}:
                self.findings.add(Refused(707, f"files/{name} is of another size or hash"))
        for path in self.files:
            if re.fullmatch("files/[0-9a-f]{64}", path):
                self.expected_paths.add(path)
                if path.removeprefix("files/") not in named:
                    unread = self.findings.has(range(701, 705), *DAMAGE)
                    self.findings.add(Refused(708, f"{path} is named nowhere"), after=unread)

    # What explains it.

    def _check_policy(self) -> None:
        expected = format_policy(self.state.charter_after(self.size).body)
        if "policy" in self.files and self.files["policy"] != expected:
            damaged = self.findings.has(*DAMAGE)
            self.findings.add(Refused(103, "policy is not the charter's"), after=damaged)

    def _check_layout(self) -> None:
        for path in ("policy", "manifest.json"):
            if path not in self.files:
                self.findings.add(Refused(101, f"{path} is missing"))
        for path in self.files:
            if path not in self.expected_paths and not re.fullmatch("files/[0-9a-f]{64}", path):
                unsure = path.startswith("tile/") and self.findings.has(range(301, 302))
                self.findings.add(Refused(101, f"{path} is no path of an export"), after=unsure)

    def _check_manifest(self) -> None:
        if self.manifest is None:
            return
        left_out = sum(
            (event_id(encode(event)), name) not in self.disclosed
            for _, event in self._sealing()
            for name in event["sealed"]
        )
        counted = {
            "disclosures": self.held,
            "files": sum(path.startswith("files/") for path in self.files),
            "left_out": left_out,
            "ledger": {
                "charter": self.leaves[0].hex(),
                "origin": self.state.charter_after(self.size).body["origin"],
            },
            "root": tree_hash(self.leaves).hex(),
            "size": len(self.leaves),
        }
        unsure = self.findings.has(range(701, 709), range(304, 305), *DAMAGE)
        try:
            for name, value in counted.items():
                need(102, f"manifest.{name}", found=self.manifest[name], expected=value)
            known = self.manifest["audience"] in ["public", *self.state.active_once]
            need(102, "manifest.audience is known", found=known, expected=True)
        except Refused as problem:
            self.findings.add(problem, after=unsure)

    # What the reader brought.

    def _check_reader(self, *, log_key: str | None, fingerprint: str | None) -> None:
        try:
            if log_key is not None:
                own = self.state.log_key_after(self.size)
                need(801, "log key", found=own, expected=log_key)
        except Refused as problem:
            self.findings.add(problem)
        try:
            if fingerprint is not None:
                need(802, "fingerprint", found=self.leaves[0].hex(), expected=fingerprint)
        except Refused as problem:
            self.findings.add(problem)
        if self.policy is not None:
            own = self.state.log_key_after(self.size)
            for breach in policy_problems(self.policy, own, self.files["checkpoint"]):
                self.findings.add(breach)

    def _check_receipt(self, data: bytes) -> None:
        try:
            receipt, proof = parse_receipt(data)
            with _as_receipt():
                size = parse_checkpoint(proof.checkpoint).size
                vkey = self.state.log_key_after(min(size, self.size))
                checkpoint = read_checkpoint(proof.checkpoint, vkey)
                need(803, "ledger", found=receipt["charter"], expected=self.leaves[0].hex())
                older = len(self.leaves) <= proof.index
                need(803, "the export is older than the receipt", found=older, expected=False)
                leaf = self.leaves[proof.index].hex()
                need(803, "leaf", found=leaf, expected=receipt["leaf"])
                if checkpoint.size <= len(self.leaves):
                    root = tree_hash(self.leaves[: checkpoint.size])
                    need(803, "root", found=root.hex(), expected=checkpoint.root.hex())
                if self.policy is not None:
                    cosigned_at(self.policy, parse_note(proof.checkpoint))
        except Refused as problem:
            self.findings.add(problem)


def policy_problems(policy: Policy, vkey: str, checkpoint: bytes) -> Iterator[Refused]:
    """Yield what of a policy a checkpoint does not satisfy."""
    if vkey not in policy.logs:
        yield Refused(801, "log key is none of the policy's", found=vkey)
    try:
        cosigned = cosigned_at(policy, parse_note(checkpoint))
    except Refused as problem:
        yield problem
        return
    if policy.quorum is not None and not is_reached(policy, policy.quorum, cosigned):
        yield Refused(804, "no quorum", expected=policy.quorum, found=str(sorted(cosigned)))


def disclosures_of(claims: Object, owner: Object) -> list[str]:
    """Make the disclosures that a line of section 11.3 stands for."""
    prefix = f"{owner['author']}.{owner['nonce']}."
    arrays = [[prefix + random, name, value] for name, (random, value) in claims.items()]
    return [
        base64.urlsafe_b64encode(encode(array)).rstrip(b"=").decode("ascii") for array in arrays
    ]


def split_bundle(octets: bytes) -> list[bytes | None] | None:
    """Return the entries of a bundle: u16 length, then the entry; None if it does not come out."""
    entries: list[bytes | None] = []
    while octets:
        length = int.from_bytes(octets[:2], "big")
        if len(octets) < 2 + length:
            return None
        entries.append(octets[2 : 2 + length])
        octets = octets[2 + length :]
    return entries


def _check_not_version(problem: Refused) -> None:
    if problem.check == 104:
        raise UnknownVersion(problem.found) from problem


def _lines(octets: bytes, where: str) -> list[bytes]:
    if not octets.endswith(b"\n"):
        raise Malformed(f"{where} does not end with LF")
    return octets[:-1].split(b"\n")


def _size_of_note(octets: bytes) -> int | None:
    try:
        return parse_checkpoint(octets).size
    except Refused:
        return None


def _group(entries: Sequence[Entry | None]) -> list[list[int]]:
    """Group indexes into submissions; an entry that cannot be read goes with those before it."""
    groups: list[list[int]] = []
    wanted = 0
    for index, entry in enumerate(entries):
        starts = entry.position == 0 if entry is not None else wanted == 0
        if starts or not groups:
            groups.append([])
            known = entry is not None and "statement" in entry.body
            wanted = entry.body["statement"]["count"] if entry is not None and known else 1
        groups[-1].append(index)
        wanted = max(0, wanted - 1)
    return groups


# Section 10.2, evidence.

SHOWN = fields(
    {"entry": _any, "shown": words("yes no")},
    {"proof": several(HEX_32, 64), "path": several(HEX_32, 64)},
)


def _inclusion_proof(value: object, where: str) -> None:
    """Refuse what is no list of hashes; it may be empty."""
    if value != []:
        several(HEX_32, 64)(value, where)


COVERING = fields({"note": text}, {"proof": several(HEX_32, 64)})
EVIDENCE = fields(
    {
        "type": words("counterfoil-evidence/v1"),
        "checkpoint": text,
        "entries": several(SHOWN, 2 * MAX_EVIDENCE_EVENTS),
        "governance": several(_any, 2**16),
    },
    {
        "covering": several(COVERING, 2 * MAX_EVIDENCE_EVENTS),
        "disclosures": several(LINE, MAX_EVIDENCE_EVENTS),
        "latest": _inclusion_proof,
        "notes": several(text, 64),
    },
)


class Fragment(State):
    """The state as far as an evidence file tells it: all governance, and some other entries.

    What the file does not hold is not checked: refs to events that are not shown, the root of a
    submission of which not all is shown, the roots of `seen`.
    """

    def _check_places(self, submission: Sequence[Entry]) -> None:
        first = submission[0]
        statement = first.body["statement"]
        for entry in submission:
            need(406, "position", found=entry.index - first.index, expected=entry.position)
            if entry.position >= statement["count"]:
                raise Refused(406, "position is not below count", found=str(entry.position))
            if entry.recorded < self.recorded or entry.recorded != first.recorded:
                raise Refused(404, "recorded", found=str(entry.recorded))
        need(903, "rules", found=first.body.get("rules"), expected=self.rules)

    def _check_events_root(self, submission: Sequence[Entry]) -> None:
        if len(submission) == submission[0].body["statement"]["count"]:
            super()._check_events_root(submission)

    def _check_seen_root(self, seen: Object) -> None:
        """Pass: the leaves are not here."""

    def _find(self, ref: str) -> Known | None:
        return self.known.get(ref)


def audit_evidence(
    data: bytes,
    *,
    log_key: str | None = None,
    fingerprint: str | None = None,
    policy: bytes | None = None,
) -> Report:
    """Check an evidence file as far as it reaches (section 10.2).

    Raises:
        UnknownVersion: It is of a version that this verifier does not know.
    """
    findings = _Findings()
    applied = None if policy is None else parse_policy(policy)
    try:
        _Evidence(data, applied).check(log_key=log_key, fingerprint=fingerprint)
    except _AtEntryError as problem:
        _check_not_version(problem.refused)
        findings.add(problem.refused, problem.index)
    except Refused as problem:
        _check_not_version(problem)
        findings.add(problem)
    anchors = [log_key, fingerprint, policy]
    return findings.report(anchored=any(each is not None for each in anchors))


class _AtEntryError(Exception):
    """A refusal at an entry."""

    def __init__(self, refused: Refused, index: int) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.index = index


@contextmanager
def at_entry(index: int) -> Iterator[None]:
    try:
        yield
    except Refused as problem:
        raise _AtEntryError(problem, index) from problem


class _Evidence:
    """One evidence file; the first refusal ends the run."""

    def __init__(self, data: bytes, policy: Policy | None = None) -> None:
        self.policy = policy
        with refusing(901):
            if len(data) > MAX_EVIDENCE:
                raise Malformed("evidence is too large")
            evidence = parse(data, depth=MAX_EVIDENCE_DEPTH)
            EVIDENCE(evidence, "evidence")
            assert isinstance(evidence, dict)
        self.body: Object = evidence
        self.elements: list[Object] = evidence["entries"]
        self.checkpoint = parse_checkpoint(evidence["checkpoint"].encode("utf-8"))
        self.entries = [parse_entry(encode(element["entry"])) for element in self.elements]
        self.governance = [parse_entry(encode(each)) for each in evidence["governance"]]
        self.state = Fragment()

    def check(self, *, log_key: str | None, fingerprint: str | None) -> None:
        self._check_order()
        self._check_submissions_are_whole()
        self._check_inclusions()
        self._check_governance()
        notes = self._notes()
        self._run_state(notes)
        octets = self.body["checkpoint"].encode("utf-8")
        vkey = self.state.log_key_after(self.checkpoint.size)
        self._check_latest_changed_the_log_key()
        read_checkpoint(octets, vkey)
        self._check_times(notes)
        self._check_disclosures()
        if log_key is not None:
            need(801, "log key", found=vkey, expected=log_key)
        if fingerprint is not None:
            need(802, "fingerprint", found=self.state.fingerprint, expected=fingerprint)
        if self.policy is not None:
            for problem in policy_problems(self.policy, vkey, octets):
                raise problem

    def _check_order(self) -> None:
        for entries in (self.entries, self.governance):
            for before, after in pairwise(entries):
                if not before.index < after.index:
                    raise Refused(901, "entries do not ascend")
        shown = [element for element in self.elements if element["shown"] == "yes"]
        if not 1 <= len(shown) <= MAX_EVIDENCE_EVENTS:
            raise Refused(901, "shows no event, or too many", found=str(len(shown)))

    def _submissions(self) -> dict[int, list[int]]:
        """Return the places in `entries` of each submission, by the index of its first entry."""
        found: dict[int, list[int]] = {}
        for place, entry in enumerate(self.entries):
            found.setdefault(entry.index - entry.position, []).append(place)
        return found

    def _check_submissions_are_whole(self) -> None:
        for first, places in self._submissions().items():
            if self.entries[places[0]].index != first:
                raise Refused(901, "a submission has no first entry here", expected=str(first))
            if not any(self.elements[place]["shown"] == "yes" for place in places):
                raise Refused(901, "nothing of a submission is shown", found=str(first))
            for place in places[1:]:
                need(901, "shown", found=self.elements[place]["shown"], expected="yes")

    def _check_inclusions(self) -> None:
        for places in self._submissions().values():
            statement = self.entries[places[0]].body["statement"]
            for place in places:
                entry, element = self.entries[place], self.elements[place]
                with at_entry(entry.index):
                    check_inclusion(
                        index=entry.index,
                        size=self.checkpoint.size,
                        leaf=entry.leaf,
                        proof=[bytes.fromhex(each) for each in element.get("proof", [])],
                        root=self.checkpoint.root,
                    )
                    self._check_path(entry, element, statement)

    def _check_path(self, entry: Entry, element: Object, statement: Object) -> None:
        if element["shown"] == "no":
            need(901, "path is there", found="path" in element, expected=False)
            return
        try:
            check_inclusion(
                index=entry.position,
                size=statement["count"],
                leaf=bytes.fromhex(entry.id),
                proof=[bytes.fromhex(each) for each in element.get("path", [])],
                root=bytes.fromhex(statement["root"]),
            )
        except Refused as problem:
            raise Refused(504, f"path: {problem.where}") from problem

    def _check_latest_changed_the_log_key(self) -> None:
        latest = self.governance[-1].index
        if "latest" in self.body:
            before = self.state.log_key_after(latest)
            if self.state.log_key_after(latest + 1) == before:
                raise Refused(901, "a governance entry is later than what is shown")

    def _check_latest(self, last: int) -> None:
        latest = self.governance[-1]
        need(901, "latest", found="latest" in self.body, expected=latest.index >= max(last, 1))
        if "latest" in self.body:
            with at_entry(latest.index):
                check_inclusion(
                    index=latest.index,
                    size=self.checkpoint.size,
                    leaf=latest.leaf,
                    proof=[bytes.fromhex(each) for each in self.body["latest"]],
                    root=self.checkpoint.root,
                )

    def _check_governance(self) -> None:
        last = max(self._submissions())
        self._check_latest(last)
        need(903, "first governance entry", found=self.governance[0].index, expected=0)
        shown = {entry.index: entry for entry in self.entries}
        for entry in self.governance:
            with at_entry(entry.index):
                if entry.event["kind"] not in GOVERNANCE or entry.position != 0:
                    raise Refused(903, "not a governance entry", found=entry.event["kind"])
                if entry.index in shown:
                    need(903, "leaf", found=entry.leaf, expected=shown[entry.index].leaf)
        here = [entry.index for entry in self.governance]
        for entry in self.entries:
            if entry.event["kind"] in GOVERNANCE and entry.index < last and entry.index not in here:
                raise Refused(903, "a governance entry that is shown is not in the chain")

    def _check_covering(self) -> list[tuple[int, bytes]]:
        """Return the size and the octets of each cosigned checkpoint beside the file's own."""
        found = []
        for element in self.body.get("covering", []):
            octets = element["note"].encode("utf-8")
            try:
                own = parse_checkpoint(octets)
                vkey = self.state.log_key_after(own.size)
                read_checkpoint(octets, vkey)
            except Refused as problem:
                raise Refused(204, problem.where) from problem
            name, key_id, _ = vkey.split("+", 2)
            lines = [(line.name, line.key_id.hex()) for line in parse_note(octets).lines]
            if set(lines) == {(name, key_id)}:
                raise Refused(901, "covering: nobody cosigned it")
            if own.size <= min(entry.index for entry in self.entries):
                raise Refused(901, "covering: of nothing that is shown")
            proof = [bytes.fromhex(each) for each in element.get("proof", [])]
            try:
                check_consistency(
                    old_size=own.size, size=self.checkpoint.size, old_root=own.root,
                    root=self.checkpoint.root, proof=proof,
                )  # fmt: skip
            except Refused as problem:
                raise Refused(902, problem.where) from problem
            found.append((own.size, hashlib.sha256(octets).digest(), octets))
        if found != sorted(set(found)):
            raise Refused(901, "covering is out of order")
        return [(size, octets) for size, _, octets in found]

    def _check_times(self, notes: dict[str, bytes]) -> None:
        def weighs(size: int) -> Policy:
            charter = self.state.charter_after(size).body
            return self.policy or parse_policy(format_policy(charter))

        covering = self._check_covering()
        covering.append((self.checkpoint.size, self.body["checkpoint"].encode("utf-8")))
        heads = [entry for entry in self.entries if entry.position == 0]
        for head in heads:
            seen = head.body["statement"].get("seen")
            before = [each for each in heads if seen and each.index < seen["size"]]
            times = []
            for each in [head, *before]:
                named = each.body["statement"].get("seen")
                if named is not None:
                    note = parse_note(notes[named["note"]])
                    times.append(signed_after_s(weighs(named["size"]), note))
            tolerance_s = self.state.charter_after(max(1, head.index)).body["tolerance_s"]
            by_s = [
                existed_by_s(
                    weighs(size), [parse_note(each) for other, each in covering if other == size]
                )
                for size, _ in covering
                if size > head.index
            ]
            with at_entry(head.index):
                check_recorded(
                    head.recorded,
                    tolerance_s,
                    [at_s for at_s in times if at_s is not None],
                    [at_s for at_s in by_s if at_s is not None],
                )

    def _notes(self) -> dict[str, bytes]:
        octets = [note.encode("utf-8") for note in self.body.get("notes", [])]
        names = [hashlib.sha256(note).hexdigest() for note in octets]
        wanted: list[str] = []
        for entry in self.entries:
            seen = entry.body.get("statement", {}).get("seen")
            if seen is not None and seen["note"] not in wanted:
                wanted.append(seen["note"])
        for name in wanted:
            if name not in names:
                raise Refused(507, "the note of seen is missing", expected=name)
        need(901, "notes", found=names, expected=wanted)
        return dict(zip(names, octets, strict=True))

    def _run_state(self, notes: dict[str, bytes]) -> None:
        submissions: dict[int, list[Entry]] = {
            first: [self.entries[place] for place in places]
            for first, places in self._submissions().items()
        }
        concerned = list(submissions)
        for entry in self.governance:
            submissions.setdefault(entry.index, [entry])
        before: Entry | None = None
        for first in sorted(submissions):
            for entry in submissions[first]:
                if before is not None and before.index + 1 == entry.index:
                    with at_entry(entry.index):
                        prev = entry.body.get("prev")
                        need(403, "prev", found=prev, expected=before.leaf.hex())
                before = entry
            with at_entry(first):
                self.state.admit(submissions[first], notes if first in concerned else None)

    def _check_disclosures(self) -> None:
        lines = self.body.get("disclosures", [])
        indexes = [line["index"] for line in lines]
        if indexes != sorted(set(indexes)):
            raise Refused(901, "disclosures do not ascend")
        shown = {
            entry.index: entry.event
            for entry, element in zip(self.entries, self.elements, strict=True)
            if element["shown"] == "yes"
        }
        for line in lines:
            if line["index"] not in shown:
                raise Refused(901, "disclosures of what is not shown", found=str(line["index"]))
            event = shown[line["index"]]
            owner = event.get("event", event)
            with at_entry(line["index"]):
                for encoded in disclosures_of(line["claims"], owner):
                    check_belongs(encoded, owner)
