"""Values over the numbers 1 to n, kept as ranges: sixty thousand items cost as much as one.

Ranges are closed, [first, last], as in SPEC section 1.4.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

__all__ = ["RangeMap", "Segment", "covers", "format_items", "format_ranges"]

T = TypeVar("T")


class Segment(NamedTuple, Generic[T]):
    """The numbers `first` to `last`, both included, which all have `value`."""

    first: int
    last: int
    value: T

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class RangeMap(Generic[T]):
    """A value for each number from 1 to n. Neighbours of one value are one segment."""

    segments: tuple[Segment[T], ...]

    @classmethod
    def filled(cls, count: int, value: T) -> RangeMap[T]:
        """Give every number from 1 to `count` the same value."""
        return cls((Segment(1, count, value),))

    def changed(
        self, ranges: Iterable[tuple[int, int]] | None, change: Callable[[T], T]
    ) -> RangeMap[T]:
        """Change the values of the numbers in `ranges`, or of all if it is None.

        Args:
            ranges: Ascending and apart; what lies beyond n is passed over.
            change: Gives the new value for an old one.
        """
        cut = self if ranges is None else self.split(ranges)
        wanted = None if ranges is None else tuple(ranges)
        return RangeMap(
            _merged(
                seg._replace(value=change(seg.value)) if _inside(seg, wanted) else seg
                for seg in cut.segments
            )
        )

    def split(self, ranges: Iterable[tuple[int, int]]) -> RangeMap[T]:
        """Cut the segments so that each lies wholly inside one of `ranges` or outside all."""
        starts = {edge for first, last in ranges for edge in (first, last + 1)}
        return RangeMap(tuple(self._cut(sorted(starts))))

    def _cut(self, starts: list[int]) -> Iterator[Segment[T]]:
        for seg in self.segments:
            first = seg.first
            for start in starts[bisect_right(starts, first) : bisect_right(starts, seg.last)]:
                yield seg._replace(first=first, last=start - 1)
                first = start
            yield seg._replace(first=first)


def covers(ranges: Iterable[tuple[int, int]], wanted: Iterable[tuple[int, int]]) -> bool:
    """Tell whether ranges, in any order, together hold all numbers of those that are wanted."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    whole = tuple(merged)
    return all(_inside(Segment(first, last, None), whole) for first, last in wanted)


def format_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    """Write ranges for people: "1 to 12, 14"."""
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in ranges)


def format_items(ranges: Sequence[tuple[int, int]]) -> str:
    """Name items for people: "item 14", "items 1 to 12, 14"."""
    single = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"{'item' if single else 'items'} {format_ranges(ranges)}"


def _inside(segment: Segment[T], ranges: tuple[tuple[int, int], ...] | None) -> bool:
    if ranges is None:
        return True
    place = bisect_right(ranges, segment.first, key=lambda each: each[0]) - 1
    return place >= 0 and segment.last <= ranges[place][1]


def _merged(segments: Iterable[Segment[T]]) -> tuple[Segment[T], ...]:
    merged: list[Segment[T]] = []
    for seg in segments:
        if merged and merged[-1].value == seg.value:
            merged[-1] = merged[-1]._replace(last=seg.last)
        else:
            merged.append(seg)
    return tuple(merged)
