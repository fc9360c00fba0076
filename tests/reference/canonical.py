"""Sections 1.1 and 1.3: canonical JSON, and the limits."""

import json
import re
from typing import Any, NoReturn, TypeAlias

from tests.reference.refusals import Malformed

# What the json module made of a text; once its schema was checked, its fields are trusted.
Object: TypeAlias = dict[str, Any]

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

KEY = re.compile(r"[a-z][a-z0-9_]*(\.[1-9][0-9]{0,3})?")
STRING_OCTETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
TO_ESCAPE = re.compile(r'["\\\x00-\x1f]')
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
        return '"' + TO_ESCAPE.sub(_escaped, value) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(_encoded, value)) + "]"
    assert isinstance(value, dict)
    for key in value:
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise Malformed(f"has a key of another form: {key!r}")
    return "{" + ",".join(f'"{key}":{_encoded(value[key])}' for key in sorted(value)) + "}"


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return ESCAPES.get(character) or f"\\u{ord(character):04x}"


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
