"""How vectors spell octets, and one JSON text in every way that is not its own."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from tests.damage import canonical

Vector: TypeAlias = dict[str, Any]
Vectors: TypeAlias = Iterator[Vector]

REF = "5e" * 32
ORDER = 2**252 + 27742317777372353535851937790883648493


def octets(value: Mapping[str, Any]) -> bytes:
    """Return the octets that a vector spells."""
    if "parts" in value:
        return b"".join(octets(part) * part.get("times", 1) for part in value["parts"])
    return value["text"].encode() if "text" in value else bytes.fromhex(value["hex"])


_RUN = re.compile(rb"(.{1,12}?)\1{199,}", re.DOTALL)


def spelled(data: bytes) -> Vector:
    """Spell octets for a vector, long runs of one text as its number of times."""
    run = _RUN.search(data) if len(data) > 50_000 else None
    if run is not None:
        times = len(run[0]) // len(run[1])
        rest = [spelled(data[: run.start()]), {**spelled(run[1]), "times": times}]
        return {"parts": [*rest, spelled(data[run.end() :])]}
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def spellings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield other spellings of a canonical JSON object, and what is not quite JSON."""
    body = data[1:-1]
    value = json.loads(data)
    number = next((f'"{k}":{v}'.encode() for k, v in value.items() if type(v) is int), None)
    pairs = [canonical({key: value[key]})[1:-1] for key in sorted(value)]
    yield "a space before", b" " + data
    yield "a newline after", data + b"\n"
    yield "NUL after", data + b"\x00"
    yield "another text after", data + b"{}"
    yield "a byte order mark", b"\xef\xbb\xbf" + data
    yield "a space after the first brace", b"{ " + data[1:]
    yield "a space after a colon", data.replace(b'":', b'": ', 1)
    yield "a comma too many", data[:-1] + b",}"
    yield "no closing brace", data[:-1]
    yield "nothing", b""
    yield "only white space", b" \n"
    yield "keys out of order", b"{" + b",".join([*pairs[1:], pairs[0]]) + b"}"
    yield "a key twice, the same", b"{" + pairs[0] + b"," + body + b"}"
    yield "a key twice, at the end", b"{" + body + b"," + pairs[-1] + b"}"
    yield "an unknown field", canonical({**value, "zzz": "x"})
    yield "an unknown field that is null", canonical({**value, "zzz": None})
    yield "an empty key", canonical({**value, "": "x"})
    yield "a key in upper case", canonical({**value, "Zzz": "x"})
    yield (
        "a letter of a key escaped",
        data.replace(b'"' + pairs[0][1:2], b'"\\u00%02x' % data[2], 1),
    )
    yield "a field missing", b"{" + b",".join(pairs[1:]) + b"}"
    yield "an array around it", b"[" + data + b"]"
    yield "a string", canonical(data.decode())
    yield "null", b"null"
    yield "true", b"true"
    yield "bad UTF-8 in a string", data.replace(b'":"', b'":"\xff', 1)
    yield "an overlong NUL", data.replace(b'":"', b'":"\xc0\x80', 1)
    yield "a surrogate in UTF-8", data.replace(b'":"', b'":"\xed\xa0\x80', 1)
    yield "a comment", data[:-1] + b"/**/}"
    yield "single quotes", data.replace(b'"', b"'")
    yield "an array 100,000 deep", b"[" * 100_000
    yield "an object 100,000 deep", b'{"a":' * 100_000
    if number is not None:
        field, _, digits = number.rpartition(b":")
        for desc, other in (
            ("with a fraction", digits + b".0"),
            ("with an exponent", digits + b"e0"),
            ("with a leading zero", b"0" + digits),
            ("with a plus sign", b"+" + digits),
            ("of minus zero", b"-0"),
            ("of minus zero and a fraction", b"-0.0"),
            ("that is negative", b"-1"),
            ("of 2^53", b"9007199254740992"),
            ("of 2^64", b"18446744073709551616"),
            ("of 5,000 digits", b"1" * 5000),
            ("that is infinite", b"1e999"),
            ("that is not one", b"NaN"),
            ("as a string", b'"' + digits + b'"'),
            ("that is null", b"null"),
            ("that is true", b"true"),
        ):
            yield f"a number {desc}", data.replace(number, field + b":" + other, 1)


def to_refuse(kind: str, desc: str, given: object) -> Vector:
    return {"desc": desc, "kind": kind, "input": given, "verdict": "refused"}


def to_accept(kind: str, desc: str, given: object) -> Vector:
    return {"desc": desc, "kind": kind, "input": given, "verdict": "accepted"}


def spelled_files(files: Mapping[str, bytes]) -> Vector:
    return {"files": {path: spelled(data) for path, data in sorted(files.items())}}
