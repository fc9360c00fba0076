"""The shape of what `plain` makes of a type, as JSON Schema: of what `to_json` does, the mirror.

A type that `to_json` would refuse is refused here, too, before anything of it exists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from ledger.clocks import Deadline
from ledger.dates import When
from ledger.folds.grades import Grade
from ledger.folds.positions import EventStatus, Status
from ledger.folds.stances import Telling
from ledger.plain import shown_names

__all__ = ["Schema", "schemas_of"]

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_DAY: Final[Schema] = {"type": "string", "format": "date"}
_SIMPLE: Final[Mapping[object, Schema]] = {
    bool: {"type": "string", "enum": ["no", "yes"]},
    dt.date: _DAY,
    int: {"type": "integer"},
    str: _TEXT,
    Telling: {"type": "string", "description": "`established`, or `as told by` a party"},
}
_WRITTEN: Final[Mapping[object, Schema]] = {
    Deadline: {
        "type": "object",
        "description": "A deadline with its working",
        "required": ["calendar", "regime", "working"],
        "properties": {
            "calendar": _TEXT,
            "due": _DAY,
            "regime": _TEXT,
            "start": _DAY,
            "working": {"type": "array", "items": _TEXT},
        },
    },
    When: {
        "type": "object",
        "description": "A date as far as it is known: in EDTF, with its bounds and in words",
        "required": ["basis", "edtf", "kind", "text"],
        "properties": {
            "basis": _TEXT,
            "earliest": _DAY,
            "edtf": _TEXT,
            "kind": {"type": "string", "enum": ["point", "span"]},
            "latest": _DAY,
            "phrase": _TEXT,
            "text": _TEXT,
        },
    },
}
_MORE: Final[Mapping[object, Schema]] = {
    EventStatus: {"status": {"type": "string", "enum": sorted(get_args(Status))}},
    Grade: {"name": _TEXT},
}


def schemas_of(*kinds: type, under: str) -> dict[str, Schema]:
    """Return the schemas of types and of all that they hold, by the names of the types.

    Args:
        kinds: The types: dataclasses that are folds or parts of some.
        under: What a reference to one of them begins with, such as "#/components/schemas/".

    Raises:
        AssertionError: A fold holds a type that `plain` does not know.
    """
    maker = _Maker(under)
    for kind in kinds:
        maker.schema(kind)
    return maker.found


class _Maker:
    """Makes schemas, each type's once."""

    def __init__(self, under: str) -> None:
        self._under = under
        self.found: dict[str, Schema] = {}

    def schema(self, kind: object) -> Schema:
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        if isinstance(kind, type) and (kind in _WRITTEN or shown_names(kind)):
            return self._named(kind)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Literal:
            return {"type": "string", "enum": sorted(arguments)}
        if origin is tuple:
            return self._list(arguments)
        if origin in {Union, UnionType}:
            return self._either([each for each in arguments if each is not NoneType])
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.schema(arguments[1])}
        raise AssertionError(kind)

    def _named(self, kind: type) -> Schema:
        if kind.__name__ not in self.found:
            self.found[kind.__name__] = {}  # so that a type may hold itself
            self.found[kind.__name__] = _WRITTEN.get(kind) or self._object(kind)
        return {"$ref": f"{self._under}{kind.__name__}"}

    def _object(self, kind: type) -> Schema:
        hints = get_type_hints(kind)
        shown = shown_names(kind)
        more = _MORE.get(kind, {})
        required = [name for name in shown if NoneType not in get_args(hints[name])]
        return {
            "type": "object",
            "description": (kind.__doc__ or "").partition("\n")[0].rstrip("."),
            "required": sorted([*required, *more]),
            "properties": {**{name: self.schema(hints[name]) for name in shown}, **more},
        }

    def _list(self, parts: tuple[object, ...]) -> Schema:
        if parts[1:] == (...,):
            return {"type": "array", "items": self._part(parts[0])}
        items = [self._part(part) for part in parts]
        length = len(items)
        return {"type": "array", "prefixItems": items, "minItems": length, "maxItems": length}

    def _part(self, kind: object) -> Schema:
        """Return the schema of a part of a list, where what is not known is said to be so."""
        if NoneType not in get_args(kind):
            return self.schema(kind)
        return {"anyOf": [self.schema(kind), {"type": "string", "const": "unknown"}]}

    def _either(self, kinds: list[object]) -> Schema:
        found = [self.schema(kind) for kind in kinds]
        return found[0] if len(found) == 1 else {"anyOf": found}
