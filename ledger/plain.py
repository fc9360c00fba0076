"""Folds as plain values, for JSON: dictionaries, lists, strings and integers, and nothing else.

The same fold gives the same value. Absent is left out, as everywhere in the ledger. A date gives
its phrase, its bounds and its reading for people together: never a false precision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Final, TypeAlias

import msgspec

from ledger.clocks import Deadline
from ledger.date_words import HOUSE_CONVENTION, format_when
from ledger.dates import When
from ledger.folds.grades import Grade
from ledger.folds.positions import EventStatus
from ledger.folds.stances import Telling
from ledger.view import View

__all__ = ["Plain", "shown_names", "to_json", "view_json"]

Plain: TypeAlias = "str | int | list[Plain] | dict[str, Plain]"


def to_json(value: object) -> Plain:
    """Turn a fold, or any part of one, into plain values.

    Raises:
        AssertionError: A fold holds a type that this does not know.
    """
    match value:
        case bool():
            return "yes" if value else "no"
        case str() | int():
            return value
        case dt.date():
            return value.isoformat()
        case When():
            return _when(value)
        case Telling():
            return str(value)
        case Deadline():
            return _deadline(value)
        case Mapping():
            return {str(key): to_json(each) for key, each in value.items() if each is not None}
        case tuple() | list():
            return [to_json(each) if each is not None else "unknown" for each in value]
        case _:
            return _object(value)


def view_json(view: View) -> Plain:
    """Say of which ledger, and how much of it, a fold was made."""
    return {
        "origin": view.origin,
        "fingerprint": view.fingerprint,
        "size": view.size,
        "root": view.root,
        "date_convention": HOUSE_CONVENTION,
    }


def _object(value: object) -> Plain:
    names = shown_names(type(value))
    if not names:
        raise AssertionError(type(value))
    plain: dict[str, Plain] = {}
    for name in names:
        part = getattr(value, name)
        if part is not None:
            plain[name] = to_json(part)
    if isinstance(value, EventStatus):
        plain["status"] = value.status
    if isinstance(value, Grade):
        plain["name"] = value.name
    return plain


_NAMES: Final[dict[type, tuple[str, ...]]] = {}
"""The names of each class that was asked for, which `fields` looks up anew each time."""


def shown_names(kind: type) -> tuple[str, ...]:
    """Return the names of the parts that an object of a type shows; none for another type."""
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(n for n in _names_of(kind) if not n.startswith("_"))
    return names


def _names_of(kind: type) -> tuple[str, ...]:
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    return kind.__struct_fields__ if issubclass(kind, msgspec.Struct) else ()


def _when(when: When) -> Plain:
    plain: dict[str, Plain] = {
        "edtf": when.edtf,
        "basis": when.basis,
        "kind": when.kind,
        "text": format_when(when),
    }
    parts = (
        ("phrase", when.phrase),
        ("earliest", when.earliest and when.earliest.isoformat()),
        ("latest", when.latest and when.latest.isoformat()),
    )
    plain.update({name: part for name, part in parts if isinstance(part, str)})
    return plain


def _deadline(deadline: Deadline) -> Plain:
    plain: dict[str, Plain] = {
        "regime": deadline.regime,
        "calendar": deadline.calendar,
        "working": list(deadline.explain()),
    }
    if deadline.start is not None:
        plain["start"] = deadline.start.isoformat()
    if deadline.due is not None:
        plain["due"] = deadline.due.isoformat()
    return plain
