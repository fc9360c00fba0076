"""Values of a draft: from the strings a person wrote to what a field of an event holds.

One walk over the kernel's types serves every field of every kind. It expands sets of parties and
item ranges, tells labels from ids, and says in plain words what is wrong and where.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec import inspect

from ledger.errors import DraftError
from ledger.handwritten import Plain, Remarked
from ledger.shapes import REFERENCES, SORTED, Field, fields_of, is_actors, is_ranges, pattern_reason
from ledger.templates import FILL_IN

__all__ = [
    "Label",
    "Place",
    "Values",
    "did_you_mean",
    "mapping_of",
    "prose_of",
    "resolved",
    "text_of",
]

_ID: Final = re.compile(r"[0-9a-f]{64}")
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,99}")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_RANGE: Final = re.compile(r"([1-9][0-9]{0,4})(?:\s*(?:-|\u2013)\s*([1-9][0-9]{0,4}))?")


class Label(str):
    """A label of an earlier event of the same draft, where its id will stand."""

    __slots__ = ()


class Place(NamedTuple):
    """Where in a draft something stands."""

    path: str
    event: str | None = None
    field: str = ""

    def at(self, name: str | int) -> Place:
        """Return the place of a part of what stands here."""
        if isinstance(name, int):
            return self._replace(field=f"{self.field}[{name}]")
        name = name[:80]
        return self._replace(field=f"{self.field}.{name}" if self.field else name)

    def error(self, reason: str) -> DraftError:
        """Return the error that says that what stands here is wrong."""
        return DraftError(self.path, reason, event=self.event, field=self.field or None)


def text_of(value: Plain, place: Place) -> str:
    """Return a value that must be a string.

    Raises:
        DraftError: It is none, or what a template has in the place of one.
    """
    if not isinstance(value, str):
        raise place.error("must be one value, not a list or a group of fields")
    if value.strip() == FILL_IN:
        raise place.error(f"is still {FILL_IN}: fill it in, or leave it out")
    return str(value)


def prose_of(value: Plain, place: Place) -> str:
    """Return a value in a person's own words, of which a remark may be the rest.

    Raises:
        DraftError: It is none, or a remark stands behind it.
    """
    word = text_of(value, place)
    if isinstance(value, Remarked):
        raise place.error("is cut off, as what follows ` #` is not read: put all of it in quotes")
    return word


def mapping_of(value: Plain, place: Place) -> dict[str, Plain]:
    """Return a value that must be a group of fields.

    Raises:
        DraftError: It is none, or empty.
    """
    if not isinstance(value, dict):
        raise place.error("must be a group of fields, each `name: value`")
    if not value:
        raise place.error("is empty: leave it out")
    return value


def list_of(value: Plain, place: Place) -> list[Plain]:
    """Return a value that must be a list.

    Raises:
        DraftError: It is none, or empty.
    """
    if not isinstance(value, list):
        raise place.error("must be a list, such as [a, b]")
    if not value:
        raise place.error("is empty: leave it out")
    return value


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return the hint about a word that is not known, "" if there is none to give."""
    close = difflib.get_close_matches(word[:80], sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class Values:
    """Reads the values of one draft.

    Attributes:
        sets: Name to actors, for `$name`.
        elsewhere: Name to id, in hex, of events of other drafts.
        labels: The labels of earlier events, each with the kind that it has.
    """

    def __init__(
        self,
        *,
        sets: Mapping[str, tuple[str, ...]],
        elsewhere: Mapping[str, str] | None = None,
    ) -> None:
        """Begin a draft with these sets, and names of events that stand elsewhere."""
        self.sets = sets
        self.elsewhere = elsewhere or {}
        self.labels: dict[str, str] = {}

    def field(self, value: Plain, shape: Field, place: Place, *, kind: str) -> object:
        """Read a field of an event of `kind`.

        Raises:
            DraftError: The value is not one that the field can hold.
        """
        found = self._read(value, shape.type, place, name=shape.name)
        if (kind, shape.name) in SORTED and isinstance(found, list):
            return sorted(found)
        if isinstance(found, dict):
            return {
                name: sorted(part) if (kind, f"{shape.name}.{name}") in SORTED else part
                for name, part in found.items()
            }
        return found

    def reference(self, value: Plain, place: Place) -> str:
        """Read the name of an earlier event: an id, or a label of this draft.

        Raises:
            DraftError: It is neither.
        """
        word = text_of(value, place)
        if _ID.fullmatch(word):
            return word
        if word in self.labels:
            return Label(word)
        if word in self.elsewhere:
            return self.elsewhere[word]
        if _ID.fullmatch(word.lower()):
            raise place.error("an id has lower-case letters")
        hint = did_you_mean(word, self.labels)
        raise place.error(f"{word[:80]!r} is no id, and no label of an earlier event here{hint}")

    def new_label(self, value: Plain, place: Place, *, kind: str) -> str:
        """Read the label of an event, and know it from here on.

        Raises:
            DraftError: It is no label, or an earlier event's.
        """
        label = text_of(value, place)
        if _ID.fullmatch(label) or not _LABEL.fullmatch(label):
            raise place.error("a label is 1 to 100 letters, digits, spaces and . _ / -, and no id")
        if label in self.labels:
            raise place.error(f"{label!r} is the label of an earlier event")
        self.labels[label] = kind
        return label

    def actors(self, value: Plain, place: Place, *, item: inspect.Type) -> list[str]:
        """Read a list of actors, with sets expanded.

        Raises:
            DraftError: It is none, or somebody is named twice.
        """
        found: list[str] = []
        for number, one in enumerate(list_of(value, place)):
            here = place.at(number)
            word = text_of(one, here)
            names = self._set(word[1:], here) if word.startswith("$") else (word,)
            for name in names:
                if name in found:
                    raise here.error(f"names {name[:80]!r} a second time")
                found.append(str(self._read(name, item, here, name="")))
        return found

    def _set(self, name: str, place: Place) -> tuple[str, ...]:
        if name not in self.sets:
            hint = did_you_mean(name, self.sets)
            raise place.error(f"there is no set {name[:80]!r} under `sets`{hint}")
        return self.sets[name]

    def _read(self, value: Plain, shape: inspect.Type, place: Place, *, name: str) -> object:
        match shape:
            case inspect.LiteralType():
                return _word(value, [str(word) for word in shape.values], place)
            case inspect.IntType():
                return _number(value, shape, place)
            case inspect.StrType() if name in REFERENCES and shape.pattern is not None:
                return self.reference(value, place)
            case inspect.StrType():
                return _string(value, shape, place)
            case inspect.VarTupleType() if is_ranges(shape):
                return _ranges(value, place)
            case inspect.VarTupleType() if is_actors(shape):
                return self.actors(value, place, item=shape.item_type)
            case inspect.VarTupleType():
                return [
                    self._read(one, shape.item_type, place.at(number), name=name)
                    for number, one in enumerate(list_of(value, place))
                ]
            case inspect.StructType():
                return self._struct(value, shape.cls, place)
            case _:
                raise place.error("cannot be given in a draft")

    def _struct(self, value: Plain, kind: type[msgspec.Struct], place: Place) -> dict[str, object]:
        fields = fields_of(kind)
        given = mapping_of(value, place)
        check_known(given, fields, place)
        for name, field in fields.items():
            if field.required and name not in given:
                raise place.at(name).error("is missing")
        return {
            name: self._read(one, fields[name].type, place.at(name), name=name)
            for name, one in given.items()
        }


def check_known(given: Iterable[str], known: Collection[str], place: Place) -> None:
    """Check that every field is one that can stand here.

    Raises:
        DraftError: One is not; the reason says which it may have been meant to be.
    """
    for name in given:
        if name not in known:
            raise place.at(name).error(f"is not a field here{did_you_mean(name, known)}")


def resolved(value: object, ids: Mapping[str, str]) -> object:
    """Return `value` with the id in the place of every label."""
    if isinstance(value, Label):
        return ids[value]
    if isinstance(value, dict):
        return {name: resolved(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [resolved(one, ids) for one in value]
    return value


def _word(value: Plain, words: list[str], place: Place) -> str:
    word = text_of(value, place)
    if word not in words:
        hint = did_you_mean(word, words)
        raise place.error(f"{word[:80]!r} is not one of {', '.join(words)}{hint}")
    return word


def _number(value: Plain, shape: inspect.IntType, place: Place) -> int:
    word = text_of(value, place)
    if not _NUMBER.fullmatch(word):
        raise place.error(f"{word[:80]!r} is not a whole number")
    number = int(word)
    least, most = shape.ge, shape.le
    if (least is not None and number < least) or (most is not None and number > most):
        raise place.error(f"{number} is not from {least} to {most}")
    return number


def _string(value: Plain, shape: inspect.StrType, place: Place) -> str:
    word = text_of(value, place)
    if shape.pattern is not None and not re.search(shape.pattern, word):
        raise place.error(f"{word[:80]!r} is not {pattern_reason(shape)}")
    return word


def _ranges(value: Plain, place: Place) -> list[list[int]]:
    """Read item numbers and ranges, in any order, into ranges that ascend and do not touch."""
    pairs: list[tuple[int, int]] = []
    for number, one in enumerate(list_of(value, place)):
        here = place.at(number)
        pairs.append(_range(one, here))
    merged: list[list[int]] = []
    for first, last in sorted(pairs):
        if merged and first <= merged[-1][1]:
            raise place.error(f"names item {first} twice")
        if merged and first == merged[-1][1] + 1:
            merged[-1][1] = last
        else:
            merged.append([first, last])
    return merged


def _range(value: Plain, place: Place) -> tuple[int, int]:
    if isinstance(value, list) and len(value) == 2:  # noqa: PLR2004 - as SPEC writes a range
        value = f"{text_of(value[0], place)}-{text_of(value[1], place)}"
    found = _RANGE.fullmatch(text_of(value, place).strip())
    if found is None:
        raise place.error("is no item number and no range such as 1-12")
    first = int(found[1])
    last = int(found[2] or found[1])
    if not first <= last <= 65_535:  # noqa: PLR2004 - SPEC section 1.4
        raise place.error("a range goes up, and to 65535 at most")
    return first, last
