"""The index of event ids: which entry holds the event with this id.

Ids are random, so a B-tree of them would touch a page of its own for each event: of all that
recording a million events costs, that was measured to cost most. So new ids wait in memory (the
tail), and many at a time become a *run*: a value that is written once, in order, and read where
it lies.

    run      the first 8 octets of each id as integers, ascending, then the index of each:
             2 * count native u64

Eight runs of a level are merged into one of the next, up to level 2; there they stay, some
millions of ids each. Eight octets do not make an id: what is found here is a candidate, which the
caller confirms against the stored id. After a crash the tail is read again from the entries.

What LMDB holds and when it is written is `store`'s.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

__all__ = [
    "FACTOR",
    "TAIL",
    "TOP_LEVEL",
    "Run",
    "Tail",
    "find",
    "format_run",
    "merge",
    "parse_run",
    "prefix_of",
    "prefix_range",
    "to_merge",
]

TAIL = 1 << 15
"""Ids that wait in memory before they become a run."""

FACTOR = 8
"""Runs of one level that are merged into one of the next."""

TOP_LEVEL = 2
"""Runs of this level are not merged further, so that no merge takes longer than a few seconds."""

_MERGE_AT_ONCE = 1 << 18
_WORD = 8
_BITS = 64


class Run(NamedTuple):
    """A run, where it lies: both columns are views of u64."""

    prefixes: memoryview
    indexes: memoryview


class Tail:
    """The ids that are in no run yet. It changes: one thread adds, any thread looks."""

    __slots__ = ("_indexes", "_twins")

    def __init__(self) -> None:
        """Begin with none."""
        self._indexes: dict[int, int] = {}
        # Two ids with the same 8 octets: nobody will see it who does not look for it.
        self._twins: dict[int, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._indexes)

    def add(self, prefix: int, index: int) -> None:
        """Add an id."""
        if prefix in self._indexes:
            self._twins[prefix] = (*self._twins.get(prefix, ()), index)
        else:
            self._indexes[prefix] = index

    def find(self, prefix: int) -> tuple[int, ...]:
        """Return the indexes of the ids that begin with these 8 octets."""
        index = self._indexes.get(prefix)
        if index is None:
            return ()
        return (index, *self._twins.get(prefix, ()))

    def within(self, low: int, high: int) -> list[int]:
        """Return the indexes of the ids whose first 8 octets are from `low` to `high`."""
        # A copy in one step, as another thread may add meanwhile.
        found = sorted(p for p in self._indexes.copy() if low <= p <= high)
        return [index for prefix in found for index in self.find(prefix)]

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield every (first 8 octets, index), in no order."""
        yield from self._indexes.items()
        for prefix, indexes in self._twins.items():
            for index in indexes:
                yield prefix, index


def prefix_of(event_id: bytes) -> int:
    """Return the first 8 octets of an id as an integer: runs are sorted by it."""
    return int.from_bytes(event_id[:_WORD], "big")


def prefix_range(digits: str) -> tuple[int, int]:
    """Return the least and the greatest prefix of ids whose hex begins with `digits`.

    Raises:
        ValueError: Not hex digits of lower case, or none, or more than an id has.
    """
    if not 0 < len(digits) <= 4 * _WORD * 2 or digits.strip("0123456789abcdef"):
        raise ValueError(f"{digits[:80]!r} is not the beginning of an id")
    head = digits[: 2 * _WORD]
    low = int(head, 16) << (_BITS - 4 * len(head))
    return low, low + (1 << (_BITS - 4 * len(head))) - 1


def parse_run(value: memoryview) -> Run:
    """Read a run where it lies."""
    columns = value.cast("Q")
    half = len(columns) // 2
    return Run(columns[:half], columns[half:])


def format_run(pairs: Iterable[tuple[int, int]]) -> bytes:
    """Write a run of (first 8 octets of the id, index)."""
    # As octets in network order they sort as one key, several times faster than as tuples.
    octets = [prefix.to_bytes(_WORD, "big") + i.to_bytes(_WORD, "big") for prefix, i in pairs]
    octets.sort()
    return _columns([octets])


def merge(runs: Sequence[Run]) -> bytes:
    """Write one run that holds what these hold, an equal part of the ids at a time."""
    total = sum(len(run.prefixes) for run in runs)
    parts = total // _MERGE_AT_ONCE + 1
    width = (1 << _BITS) // parts + 1

    def records() -> Iterator[list[bytes]]:
        for part in range(parts):
            low, high = part * width, (part + 1) * width - 1
            octets: list[bytes] = []
            for run in runs:
                octets += _records(run, low, high)
            octets.sort()  # which finds the sorted stretches by itself, and merges them
            yield octets

    return _columns(records())


def find(runs: Iterable[Run], prefix: int) -> Iterator[int]:
    """Yield the indexes of the ids in `runs` that begin with these 8 octets."""
    for prefixes, indexes in runs:
        place = bisect_left(prefixes, prefix)
        while place < len(prefixes) and prefixes[place] == prefix:
            yield indexes[place]
            place += 1


def within(run: Run, low: int, high: int) -> Iterator[int]:
    """Yield the indexes of the ids whose first 8 octets are from `low` to `high`, by prefix."""
    start, end = bisect_left(run.prefixes, low), bisect_right(run.prefixes, high)
    for place in range(start, end):
        yield run.indexes[place]


def to_merge(counts: Mapping[int, int]) -> int | None:
    """Return the level whose runs are to be merged, given how many each level has."""
    for level in range(TOP_LEVEL):
        if counts.get(level, 0) >= FACTOR:
            return level
    return None


def _records(run: Run, low: int, high: int) -> list[bytes]:
    """Return the part of a run as 16 octets for each id, in network order."""
    start, end = bisect_left(run.prefixes, low), bisect_right(run.prefixes, high)
    words = array("Q", bytes(2 * _WORD * (end - start)))
    for place, column in enumerate(run):
        part = array("Q")
        part.frombytes(column[start:end].cast("B"))
        words[place::2] = part
    octets = _network(words).tobytes()
    return [octets[i : i + 2 * _WORD] for i in range(0, len(octets), 2 * _WORD)]


def _columns(parts: Iterable[Sequence[bytes]]) -> bytes:
    """Write sorted records of 16 octets as a run."""
    prefixes, indexes = array("Q"), array("Q")
    for octets in parts:
        words = array("Q")
        words.frombytes(b"".join(octets))
        words = _network(words)
        prefixes += words[0::2]
        indexes += words[1::2]
    return prefixes.tobytes() + indexes.tobytes()


def _network(words: array[int]) -> array[int]:
    """Turn native words into network order, or back."""
    if sys.byteorder == "little":
        words.byteswap()
    return words
