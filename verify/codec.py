"""Canonical JSON (SPEC section 1): one value, one spelling.

The one place where octets become typed values and where foreign exceptions end: whatever msgspec,
UTF-8 or the interpreter's stack has to say about bad input leaves here as a `MalformedError`.
Validity is the schema and the octets: decode into exact types, encode again, refuse unless equal.
The schemas bound the depth: a type that cannot nest deeper than eight cannot be decoded from
anything that does.
"""

import binascii
import operator
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import msgspec

from verify.errors import MalformedError

__all__ = [
    "MAX_INTEGER",
    "Actor",
    "Count",
    "Day",
    "Decoder",
    "Hash",
    "HashText",
    "Index",
    "Instant",
    "Label",
    "Nonce",
    "Origin",
    "Party",
    "SignatureHex",
    "SignatureText",
    "Wire",
    "check_hex",
    "encode",
    "is_sorted",
]

MAX_INTEGER = 2**53 - 1

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"

# msgspec searches rather than matches, and `$` would let a trailing newline through: \A and \Z.
Hash = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
# The same length, for fields of types that check all their digits together: see `check_hex`.
HashText = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]
SignatureText = Annotated[str, msgspec.Meta(min_length=128, max_length=128)]
Nonce = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
SignatureHex = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{128}\Z")]
Label = Annotated[str, msgspec.Meta(pattern=rf"\A{_LABEL}\Z")]
Party = Label
Actor = Annotated[str, msgspec.Meta(pattern=rf"\A{_LABEL}(?:/{_LABEL})?\Z")]
Origin = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9./_-]{0,199}\Z")]
Day = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
Instant = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Index = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]

_ENCODER = msgspec.json.Encoder(order="sorted")

encode = _ENCODER.encode
"""Encode a `Wire` value as canonical JSON. Measured: equal to RFC 8785 on SPEC's subset only."""


class Wire(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    # A field that is absent is None and is left out. None is the only default there is:
    # msgspec compares defaults by identity. A JSON null decodes to None too, and is then
    # refused because it does not come back when encoded.
    omit_defaults=True,
    gc=False,
):
    """The base of everything that is signed, hashed or exported as JSON."""


T = TypeVar("T")


class Decoder(Generic[T]):
    """Decodes canonical JSON octets into one type, or refuses them.

    Attributes:
        name: What the octets are, for the `where` of refusals: "entry", "statement".
    """

    __slots__ = ("_decode", "_decode_lines", "name")

    def __init__(self, kind: type[T], *, name: str) -> None:
        """Build a decoder for `kind`, which may be a union."""
        decoder = msgspec.json.Decoder(kind)
        self._decode = decoder.decode
        self._decode_lines = decoder.decode_lines
        self.name = name

    def decode(self, data: bytes, *, where: str = "") -> T:
        """Decode `data`, which must be the canonical encoding of what it says.

        Args:
            data: The octets.
            where: Put before the part in a refusal, such as "events[3]"; default the name.

        Raises:
            MalformedError: The octets are not canonical JSON of this type. Its part and its reason
                are cut where they are long: the octets may have given them any length.

        Source: SPEC section 1.1.
        """
        try:
            value = self._decode(data)
        except msgspec.MsgspecError as error:
            part, reason = _part(str(error))
            raise MalformedError((where or self.name) + part, reason) from None
        except UnicodeDecodeError:
            raise MalformedError(where or self.name, "is not UTF-8") from None
        except RecursionError:
            raise MalformedError(where or self.name, "is nested too deeply") from None
        if encode(value) != data:
            reason = "is not the canonical encoding of what it says"
            raise MalformedError(where or self.name, reason)
        return value

    def decode_lines(self, data: bytes) -> list[T] | None:
        """Decode lines, each of which must be canonical and end with LF, all at once.

        Canonical JSON holds no LF, so that what encoding gives back has one only after each
        value: as many values as lines, and each the canonical encoding of its line.

        Returns:
            A value for each line; None if `decode` would refuse one, and can say which and why.
        """
        try:
            values = self._decode_lines(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return values if _ENCODER.encode_lines(values) == data else None


_MAX_SAID = 200  # characters of a part or a reason


def _part(message: str) -> tuple[str, str]:
    """Split msgspec's message into the part of the value and what is wrong with it."""
    # From the end: what stands before it may quote the octets, and so look like it.
    reason, _, path = message.rpartition(" - at `")
    if not reason or path[-1:] != "`":
        return "", _cut(message)
    part = path[:-1].removeprefix("key ").removeprefix("in ").removeprefix("$")
    return _cut(part.replace("[...]", "[]")), _cut(reason)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SAID else f"{text[: _MAX_SAID - 1]}…"


def check_hex(digits: str) -> None:
    """Check that `digits`, an even number of them, are hex digits of lower case.

    One call for all the digests of an event costs a tenth of a pattern for each.

    Raises:
        ValueError: They are not. (A schema's own error, as in `__post_init__`.)
    """
    binascii.unhexlify(digits)
    if digits != digits.lower():
        raise ValueError("hex digits of upper case")


def is_sorted(values: Sequence[str] | Sequence[int]) -> bool:
    """Tell whether `values` is strictly ascending: sorted, strings by octets, and nothing twice."""
    return all(map(operator.lt, values, values[1:]))
