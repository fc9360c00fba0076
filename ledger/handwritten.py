"""Handwritten data: YAML or JSON as a person writes it, read without interpretation.

Every scalar stays the string that was written: `2025-03-06` is no date, `no` no boolean and `012`
no number. YAML's anchors, aliases, tags and second documents are refused, keys must be strings
and stand once, and everything is bounded. What the strings mean is for the caller to say; so is
whether a remark may stand behind one, since of `Plot #12` YAML reads `Plot`.
"""

from __future__ import annotations

import json  # noqa: TID251 - a person's file is not canonical; the hook sees repeated keys
import re
from collections.abc import Iterator
from typing import Final, NoReturn, TypeAlias

import yaml

__all__ = ["MAX_OCTETS", "Plain", "PlainError", "Remarked", "read_json", "read_yaml"]

Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"

MAX_OCTETS = 4 * 1024 * 1024
_MAX_DEPTH = 16
# What a person leaves empty is not a value: it is asked about.
_NOTHING = frozenset(("", "~", "null", "Null", "NULL"))
_QUOTES: Final = "text that has `: ` in it, or begins with a mark, goes in quotes"
_REMARK: Final = re.compile(r"[ \t]+#")
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class PlainError(ValueError):
    """Octets are no plain data.

    Attributes:
        line: The line, from 1; None where it is not known.
        reason: What is wrong.
    """

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class Remarked(str):
    """A string without quotes, behind which a remark stands on its line."""

    __slots__ = ()


def read_yaml(octets: bytes) -> Plain:
    """Read one YAML document.

    Raises:
        PlainError: It is none, or more than plain data.
    """
    text = _text(octets)
    try:
        return _Builder(text, yaml.parse(text, Loader=_LOADER)).document()
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        problem = error.problem or "is not YAML"
        raise PlainError(f"{problem} ({_QUOTES})", line=line) from None
    except yaml.YAMLError:
        raise PlainError(f"is not YAML: {_forbidden(text)}") from None
    except (ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, PlainError):
            raise
        raise PlainError("is not YAML") from None


def read_json(octets: bytes) -> Plain:
    """Read one JSON text; numbers stay the digits that were written.

    Raises:
        PlainError: It is none, or more than plain data.
    """
    text = _text(octets)
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise PlainError(f"is not JSON: {error.msg}", line=error.lineno) from None
    except RecursionError:
        raise PlainError(f"is nested deeper than {_MAX_DEPTH}") from None
    return _plain(value, 1)


def _text(octets: bytes) -> str:
    if len(octets) > MAX_OCTETS:
        raise PlainError(f"is longer than {MAX_OCTETS} octets")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise PlainError("is not UTF-8: save the file as UTF-8", line=line) from None


def _forbidden(text: str) -> str:
    """Say which character YAML does not allow."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is None:
        return "it has characters that YAML does not allow"
    line = text.count("\n", 0, found.start()) + 1
    return f"line {line} has the character U+{ord(found[0]):04X}; save the file as UTF-8 text"


class _Builder:
    """Builds plain data from the events of YAML's parser, which does not recurse."""

    def __init__(self, text: str, events: Iterator[yaml.Event]) -> None:
        self._text = text
        self._events = events

    def document(self) -> Plain:
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise PlainError("is empty")
        value = self._node(event, 1)
        event = self._next()
        while isinstance(event, yaml.DocumentEndEvent):
            event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise PlainError("holds more than one document", line=_line(event))
        return value

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _node(self, event: yaml.Event, depth: int) -> Plain:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise PlainError("anchors and aliases (& and *) are not read", line=_line(event))
        if getattr(event, "tag", None) is not None:
            raise PlainError("tags (!) are not read", line=_line(event))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth > _MAX_DEPTH:
            raise PlainError(f"is nested deeper than {_MAX_DEPTH}", line=_line(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(depth)
        return self._mapping(depth)

    def _list(self, depth: int) -> list[Plain]:
        values: list[Plain] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._node(event, depth + 1))
        return values

    def _mapping(self, depth: int) -> dict[str, Plain]:
        values: dict[str, Plain] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, str):
                raise PlainError("a key is not a word", line=_line(event))
            if key in values:
                raise PlainError(f"{key[:80]!r} stands twice", line=_line(event))
            value = self._next()
            values[key] = self._node(value, depth + 1)
        return values

    def _scalar(self, event: yaml.ScalarEvent) -> str:
        value: str = event.value
        if not event.style and value in _NOTHING:
            reason = "nothing stands here: write a value, or leave the line out"
            raise PlainError(reason, line=_line(event))
        value = _scalars(value, line=_line(event))
        end = event.end_mark
        if not event.style and end is not None and _REMARK.match(self._text, end.index):
            return Remarked(value)
        return value


def _line(event: yaml.Event) -> int | None:
    mark = event.start_mark
    return None if mark is None else int(mark.line) + 1


def _scalars(value: str, *, line: int | None = None) -> str:
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise PlainError("half a surrogate pair is no character", line=line)
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise PlainError(f"{key[:80]!r} stands twice")
        values[key] = value
    return values


def _refuse_constant(word: str) -> NoReturn:
    raise PlainError(f"{word} is no number")


def _plain(value: object, depth: int) -> Plain:
    if isinstance(value, str):
        return _scalars(value)
    if depth > _MAX_DEPTH:
        raise PlainError(f"is nested deeper than {_MAX_DEPTH}")
    if isinstance(value, list):
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {_scalars(str(key)): _plain(one, depth + 1) for key, one in value.items()}
    raise PlainError("true, false and null are no values: write yes, no, or leave it out")
