"""Numbers and bytes as text, with exactly one spelling each.

What is hashed, deduplicated or compared as text must not have a second spelling: `int("+4_2")` is
42, and a lenient base64 decoder reads `AB==` as it reads `AA==`. Here what was read, written again,
gives the text that was read, or it is refused. JSON is not here.
"""

import binascii

from verify.errors import MalformedError

__all__ = [
    "HASH_SIZE",
    "MAX_SIZE",
    "format_base64",
    "is_hex",
    "parse_base64",
    "parse_decimal",
    "parse_hash",
    "parse_text",
]

HASH_SIZE = 32
"""Bytes in a SHA-256 hash."""

MAX_SIZE = 2**53 - 1
"""The largest tree size: every size and index is exact in any JSON reader and in int64."""

_HEX_DIGITS = "0123456789abcdef"
_CONTROL = bytes((*range(0x0A), *range(0x0B, 0x20)))
# No number in any of our formats is longer than 2^63 - 1, 19 digits; and `int` is quadratic.
_MAX_DIGITS = 19


def is_hex(text: str, *, length: int) -> bool:
    """Tell whether `text` is so many hex digits of lower case."""
    return len(text) == length and not text.strip(_HEX_DIGITS)


def parse_decimal(text: str, *, where: str, limit: int) -> int:
    """Read a decimal number from 0 to `limit`: ASCII digits, no sign, no leading zero.

    Raises:
        MalformedError: The text is no such number, or it is greater than `limit`.
    """
    is_digits = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    if not is_digits or (text[0] == "0" and text != "0"):
        raise MalformedError(where, "not a decimal number without leading zeros")
    number = int(text)
    if number > limit:
        raise MalformedError(where, f"greater than {limit}")
    return number


def parse_base64(text: str, *, where: str) -> bytes:
    """Read RFC 4648 section 4 base64 with padding, in its one spelling.

    Raises:
        MalformedError: Not base64, or not what encoding the bytes gives again.
    """
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise MalformedError(where, "not base64") from error
    # Strict mode still lets non-zero trailing bits through.
    if text != format_base64(data):
        raise MalformedError(where, "not the one spelling of its base64")
    return data


def parse_hash(text: str, *, where: str) -> bytes:
    """Read a SHA-256 hash in base64.

    Raises:
        MalformedError: Not base64 in its one spelling, or not 32 bytes.
    """
    data = parse_base64(text, where=where)
    if len(data) != HASH_SIZE:
        raise MalformedError(where, f"{len(data)} bytes, not {HASH_SIZE}")
    return data


def format_base64(data: bytes) -> str:
    """Write RFC 4648 section 4 base64 with padding."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def parse_text(data: bytes, *, where: str) -> str:
    """Read UTF-8 with no control character but LF.

    Raises:
        MalformedError: Not UTF-8, or a control character below 0x20; 0x7F is allowed.

    Source: c2sp.org/signed-note.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(where, "not UTF-8") from error
    if len(data.translate(None, _CONTROL)) != len(data):
        raise MalformedError(where, "a control character other than LF")
    return text
