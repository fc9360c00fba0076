"""Values over the numbers 1 to n, kept as ranges: sixty thousand items cost as much as one.

Ranges are closed, [first, last], as in SPEC section 1.4.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from operator import is_
from typing import Generic, NamedTuple, TypeVar

__all__ = ["RangeMap", "Segment", "covers", "format_items", "format_ranges", "united"]

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)

_SPARE = 64  # values that no number has any more may be so many, beside one for each range


class Segment(NamedTuple, Generic[T]):
    """The numbers `first` to `last`, both included, which all have `value`."""

    first: int
    last: int
    value: T

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return self.last - self.first + 1


class RangeMap(Generic[H]):
    """A value for each number from 1 to n.

    Ranges of equal value share one place in a list of values: a change of all numbers costs what
    there are values, and a change of some what it touches, beside copying what stays.
    """

    __slots__ = ("_places", "_starts", "_total", "_values")

    def __init__(self, total: int, starts: list[int], places: list[int], values: list[H]) -> None:
        """Take over lists that nobody changes any more: where each range begins, and its value."""
        self._total = total
        self._starts = starts
        self._places = places
        self._values = values

    @classmethod
    def filled(cls, count: int, value: H) -> RangeMap[H]:
        """Give every number from 1 to `count` the same value."""
        return cls(count, [1], [0], [value])

    @property
    def segments(self) -> tuple[Segment[H], ...]:
        """The numbers in order; neighbours of one value are one segment."""
        found: list[Segment[H]] = []
        ends = (*self._starts[1:], self._total + 1)
        for first, end, place in zip(self._starts, ends, self._places, strict=True):
            value = self._values[place]
            if found and (found[-1].value is value or found[-1].value == value):
                found[-1] = found[-1]._replace(last=end - 1)
            else:
                found.append(Segment(first, end - 1, value))
        return tuple(found)

    @property
    def values(self) -> list[H]:
        """The values that numbers have, each once."""
        return _tidy(self._places, self._values)[1]

    def changed(
        self, ranges: Iterable[tuple[int, int]] | None, change: Callable[[H], H]
    ) -> RangeMap[H]:
        """Change the values of the numbers in `ranges`, or of all if it is None.

        Where nothing of all changes, it is the same map.

        Args:
            ranges: Ascending and apart; what lies beyond n is passed over.
            change: Gives the new value for an old one; what many numbers share it is asked once.
        """
        if ranges is None:
            places, values = _tidy(self._places, self._values)
            new = [change(value) for value in values]
            if all(map(is_, new, values)) and values is self._values:
                return self
            return RangeMap(self._total, self._starts, *_tidy(places, new))
        starts, places, values = list[int](), list[int](), list(self._values)
        made: dict[int, int] = {}
        begin = 1
        for first, last in ranges:
            if first > self._total:
                break
            self._copy(starts, places, begin, first - 1)
            begin = min(last, self._total) + 1
            behind = len(places)
            self._copy(starts, places, first, begin - 1)
            for number, place in enumerate(places[behind:], behind):
                if place not in made:
                    made[place] = place
                    value = change(self._values[place])
                    if value is not self._values[place]:
                        made[place] = len(values)
                        values.append(value)
                places[number] = made[place]
        self._copy(starts, places, begin, self._total)
        if len(values) > len(starts) + _SPARE:
            places, values = _tidy(places, values)
        return RangeMap(self._total, starts, places, values)

    def split(self, ranges: Iterable[tuple[int, int]]) -> Iterator[Segment[H]]:
        """Yield the segments, cut so that each lies inside one of `ranges` or outside all."""
        starts = sorted({edge for first, last in ranges for edge in (first, last + 1)})
        for seg in self.segments:
            first = seg.first
            for start in starts[bisect_right(starts, first) : bisect_right(starts, seg.last)]:
                yield seg._replace(first=first, last=start - 1)
                first = start
            yield seg._replace(first=first)

    def _copy(self, starts: list[int], places: list[int], first: int, last: int) -> None:
        """Add the ranges from `first` to `last`, cut at both."""
        if first <= last:
            begin = bisect_right(self._starts, first)
            end = bisect_right(self._starts, last)
            starts.append(first)
            starts += self._starts[begin:end]
            places += self._places[begin - 1 : end]


def _tidy(places: list[int], values: list[H]) -> tuple[list[int], list[H]]:
    """Leave out the values that no place names, and those that are there already."""
    if len(values) == 1:
        return places, values
    used = sorted(set(places))
    found = list(dict.fromkeys(values[place] for place in used))
    if len(found) == len(values):
        return places, values
    number_of = {value: number for number, value in enumerate(found)}
    new = {place: number_of[values[place]] for place in used}
    return [new[place] for place in places], found


def covers(ranges: Iterable[tuple[int, int]], wanted: Iterable[tuple[int, int]]) -> bool:
    """Tell whether ranges, in any order, together hold all numbers of those that are wanted."""
    whole = united(ranges)
    firsts = [first for first, _ in whole]
    for first, last in wanted:
        place = bisect_right(firsts, first) - 1
        if place < 0 or last > whole[place][1]:
            return False
    return True


def united(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Put ranges in any order together: ascending and apart."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def format_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    """Write ranges for people: "1 to 12, 14"."""
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in ranges)


def format_items(ranges: Sequence[tuple[int, int]]) -> str:
    """Name items for people: "item 14", "items 1 to 12, 14"."""
    single = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"{'item' if single else 'items'} {format_ranges(ranges)}"
