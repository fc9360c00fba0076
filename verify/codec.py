"""Canonical JSON (SPEC section 1): one value, one spelling.

The one place where octets become typed values and where foreign exceptions end: whatever msgspec,
UTF-8 or the interpreter's stack has to say about bad input leaves here as a `MalformedError`.
Validity is the schema and the octets: decode into exact types, encode again, refuse unless equal.
The schemas bound the depth: a type that cannot nest deeper than eight cannot be decoded from
anything that does.
"""

import operator
import re
from collections.abc import Callable, Iterable, Sequence
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
    "LabelText",
    "Nonce",
    "NonceText",
    "Origin",
    "OriginText",
    "Party",
    "SignatureHex",
    "SignatureText",
    "Texts",
    "Wire",
    "encode",
    "encode_lines",
    "is_sorted",
]

MAX_INTEGER = 2**53 - 1

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = r"[a-z0-9][a-z0-9./_-]{0,199}"

# msgspec searches rather than matches, and `$` would let a trailing newline through: \A and \Z.
Hash = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
# The same lengths, for fields whose characters a `Decoder` checks for many values together: a
# pattern is a call for each.
HashText = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]
NonceText = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
SignatureText = Annotated[str, msgspec.Meta(min_length=128, max_length=128)]
LabelText = Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
OriginText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Nonce = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
SignatureHex = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{128}\Z")]
Label = Annotated[str, msgspec.Meta(pattern=rf"\A{_LABEL}\Z")]
Party = Label
Actor = Annotated[str, msgspec.Meta(pattern=rf"\A{_LABEL}(?:/{_LABEL})?\Z")]
Origin = Annotated[str, msgspec.Meta(pattern=rf"\A{_ORIGIN}\Z")]
Day = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
Instant = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Index = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]

_ENCODER = msgspec.json.Encoder(order="sorted")

encode = _ENCODER.encode
"""Encode a `Wire` value as canonical JSON. Measured: equal to RFC 8785 on SPEC's subset only."""

encode_lines = _ENCODER.encode_lines
"""Encode values as lines of it, each with an LF at its end and none within."""


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


class Texts:
    """Texts of many values whose characters are checked together.

    Attributes:
        digits: What must be hex digits of lower case: a `HashText`, `NonceText`, `SignatureText`.
        labels: Each distinct `LabelText`, as a key.
        origins: Each distinct `OriginText`, as a key.
    """

    __slots__ = ("digits", "labels", "origins")

    def __init__(self) -> None:
        """Begin with none."""
        self.digits: list[str] = []
        self.labels: dict[str, None] = {}
        self.origins: dict[str, None] = {}

    def wrong(self) -> tuple[str, str] | None:
        """Return the first that is wrong, and why; None if none is."""
        if not _is_hex("".join(self.digits)):
            return next(text for text in self.digits if not _is_hex(text)), _NOT_HEX
        for texts, is_one, reason in (
            (self.labels, _is_label, "is not a label"),
            (self.origins, _is_origin, "is not an origin"),
        ):
            for text in texts:
                if not is_one(text):
                    return text, reason
        return None


T = TypeVar("T")


class Decoder(Generic[T]):
    """Decodes canonical JSON octets into one type, or refuses them.

    Attributes:
        name: What the octets are, for the `where` of refusals: "entry", "statement".
    """

    __slots__ = ("_built", "_gather", "_kind", "name")

    def __init__(
        self,
        kind: type[T],
        *,
        name: str,
        gather: Callable[[T, Texts], None] | None = None,
    ) -> None:
        """Take the kind, which may be a union.

        Args:
            kind: The type.
            name: What the octets are.
            gather: Puts the values of all the fields that a `Texts` is for, wherever in the type
                they are, into one.
        """
        self._kind = kind
        self._built: msgspec.json.Decoder[T] | None = None
        self._gather = gather
        self.name = name

    @property
    def _decoder(self) -> msgspec.json.Decoder[T]:
        # Built when it is first asked for: of large schemas that takes milliseconds.
        if self._built is None:
            self._built = msgspec.json.Decoder(self._kind)
        return self._built

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
            value = self._decoder.decode(data)
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
        wrong = self._wrong((value,))
        if wrong is not None:
            text, reason = wrong
            raise MalformedError((where or self.name) + _place_in(data, text), reason)
        return value

    def decode_lines(self, data: bytes) -> list[T] | None:
        """Decode lines, each of which must be canonical and end with LF, all at once.

        Canonical JSON holds no LF, so that what encoding gives back has one only after each
        value: as many values as lines, and each the canonical encoding of its line.

        Returns:
            A value for each line; None if `decode` would refuse one, and can say which and why.
        """
        try:
            values = self._decoder.decode_lines(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if encode_lines(values) != data:
            return None
        return values if self._wrong(values) is None else None

    def _wrong(self, values: Sequence[T]) -> tuple[str, str] | None:
        if self._gather is None:
            return None
        texts = Texts()
        for value in values:
            self._gather(value, texts)
        return texts.wrong()


_is_label = re.compile(rf"\A{_LABEL}\Z").search
_is_origin = re.compile(rf"\A{_ORIGIN}\Z").search
_HEX_DIGITS = b"0123456789abcdef"
_NOT_HEX = "is not hex digits of lower case"
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


def _is_hex(digits: str) -> bool:
    # One call for all the digests of an entry, or of many, costs a tenth of a pattern for each.
    return not digits.encode().translate(None, _HEX_DIGITS)


def _place_in(data: bytes, text: str) -> str:
    """Return where in JSON `text` stands; nothing where a part that stays octets is not JSON."""
    try:
        return _place_of(text, msgspec.json.decode(data))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _place_of(text: str, value: object) -> str:
    """Return where in plain values `text` stands: ".statement.key"."""
    parts: Iterable[tuple[str, object]] = ()
    if isinstance(value, dict):
        parts = ((f".{name}", part) for name, part in value.items())
    elif isinstance(value, list | tuple):
        parts = ((f"[{number}]", part) for number, part in enumerate(value))
    for name, part in parts:
        if part == text:
            return name
        below = _place_of(text, part)
        if below:
            return name + below
    return ""


def is_sorted(values: Sequence[str] | Sequence[int]) -> bool:
    """Tell whether `values` is strictly ascending: sorted, strings by octets, and nothing twice."""
    return all(map(operator.lt, values, values[1:]))
