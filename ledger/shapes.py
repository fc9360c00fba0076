"""Shapes: what every kind of event can hold, read from the kernel's own types.

Nothing here lists a field or a word by hand: it is all asked of `verify.kinds`, so that drafts
and templates cannot drift from what the kernel reads. Two things the types do not say stand here:
which hashes are references, and which lists SPEC wants sorted.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple, get_args

import msgspec
from msgspec import inspect

from verify import codec, kinds
from verify.claims import NUMBERED_STEMS, STEMS

__all__ = [
    "COMMON",
    "KINDS",
    "PLURALS",
    "REFERENCES",
    "SORTED",
    "STEMS",
    "Field",
    "describe",
    "fields_of",
    "is_actors",
    "is_ranges",
    "pattern_reason",
    "without_none",
]

KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    str(kind.__struct_config__.tag): kind
    for kind in sorted(get_args(kinds.Event), key=lambda kind: str(kind.__struct_config__.tag))
}
"""Every kind of event: its tag, such as "meeting/v1", and its type."""

COMMON: Final = frozenset.intersection(
    *(frozenset(field.encode_name for field in msgspec.structs.fields(k)) for k in KINDS.values())
)
"""The fields that every kind has."""

REFERENCES: Final = frozenset(
    ("amends", "ends", "event", "events", "of", "on", "request", "trigger", "under", "via")
) | {"until_events"}
"""The fields that name events: of every hash with such a name, and of lists of hashes."""

SORTED: Final = frozenset(
    (
        ("charter/v1", "founding_key.powers"),
        ("charter/v1", "members"),
        ("charter/v1", "registrars"),
        ("erasure/v1", "names"),
        ("key/v1", "powers"),
        ("opening/v1", "names"),
    )
)
"""(kind, field) of the lists that SPEC section 1.4 wants sorted."""

PLURALS: Final[dict[str, str]] = {
    ("addresses" if stem == "address" else f"{stem}s"): stem for stem in sorted(NUMBERED_STEMS)
}
"""What a person may write for a numbered claim name: "items" for item.1, item.2 and so on."""

_REASONS: Final[dict[str, str]] = {
    inspect.type_info(kind).pattern or "": reason  # type: ignore[attr-defined]  # each is a string
    for kind, reason in (
        (codec.Hash, "64 digits 0-9 a-f"),
        (codec.Nonce, "32 digits 0-9 a-f"),
        (codec.SignatureHex, "128 digits 0-9 a-f"),
        (codec.Label, "a word of lower-case letters, digits and hyphens, such as a party's id"),
        (codec.Actor, "a party's id (lower-case letters, digits, hyphens), or party/post"),
        (codec.Origin, "a log's name: lower-case letters, digits and . / _ -"),
        (codec.Day, "a day as YYYY-MM-DD"),
        (kinds.Edtf, "a date in EDTF, such as 2025-03-06"),
    )
}


class Field(NamedTuple):
    """One field of a kind.

    Attributes:
        name: As it stands in the event.
        type: What it may hold.
        required: Whether an event of the kind has to have it.
    """

    name: str
    type: inspect.Type
    required: bool


@cache
def fields_of(kind: type[msgspec.Struct]) -> dict[str, Field]:
    """Return the fields of an event kind or of a part of one, by name."""
    shape = inspect.type_info(kind)
    if not isinstance(shape, inspect.StructType):
        raise AssertionError(f"{kind} is no struct")  # noqa: TRY004 - our own mistake
    return {
        field.encode_name: Field(field.encode_name, without_none(field.type), field.required)
        for field in shape.fields
    }


def without_none(shape: inspect.Type) -> inspect.Type:
    """Return what a field holds when it is there."""
    if not isinstance(shape, inspect.UnionType):
        return shape
    rest = [one for one in shape.types if not isinstance(one, inspect.NoneType)]
    return rest[0] if len(rest) == 1 else inspect.UnionType(tuple(rest))


def is_ranges(shape: inspect.Type) -> bool:
    """Tell whether `shape` is item ranges: a list of pairs of numbers."""
    return isinstance(shape, inspect.VarTupleType) and isinstance(
        shape.item_type, inspect.TupleType
    )


def is_actors(shape: inspect.Type) -> bool:
    """Tell whether `shape` is a list of actors or parties."""
    if not isinstance(shape, inspect.VarTupleType):
        return False
    item = shape.item_type
    people = {_pattern(codec.Actor), _pattern(codec.Party)}
    return isinstance(item, inspect.StrType) and item.pattern in people


def pattern_reason(shape: inspect.StrType) -> str:
    """Say in plain words what a string of this shape is."""
    return _REASONS.get(shape.pattern or "", "text" if shape.pattern is None else "of a set form")


def describe(field: Field) -> str:
    """Say in plain words what a field may hold."""
    return _describe(field.type, field.name)


def _describe(shape: inspect.Type, name: str) -> str:
    match shape:
        case inspect.LiteralType():
            return " | ".join(str(word) for word in shape.values)
        case inspect.IntType():
            return f"a number from {shape.ge} to {shape.le}"
        case inspect.StrType() if name in REFERENCES and shape.pattern == _pattern(codec.Hash):
            return "an earlier event: its label here, or its id (64 digits)"
        case inspect.StrType():
            return "a word" if shape.pattern is None else pattern_reason(shape)
        case inspect.VarTupleType() if is_ranges(shape):
            return "a list of item numbers and ranges, such as [1-12, 20]"
        case inspect.VarTupleType():
            return f"a list; each {_describe(shape.item_type, name)}"
        case inspect.DictType():
            key = _describe(shape.key_type, name)
            return f"by name ({key}); each {_describe(shape.value_type, name)}"
        case inspect.StructType():
            inner = (f"{f.name}: {describe(f)}" for f in fields_of(shape.cls).values())
            return "{" + "; ".join(inner) + "}"
        case inspect.UnionType():
            return "an event"
        case _:
            raise AssertionError(f"no words for {shape}")


def _pattern(kind: object) -> str | None:
    shape = inspect.type_info(kind)
    return shape.pattern if isinstance(shape, inspect.StrType) else None
