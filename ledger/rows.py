"""The values that the store keeps: one for each submission, and groups of disclosures.

A submission's entries are written once and together, so they are one value, found by its first
index. Ids, kinds and the author stand before them, so that what the rules ask of earlier events
needs no JSON. Native byte order: a store moves between machines as an export.

    count, known       u32, u32        entries, and ids that became known with them
    ends               count u32       where each entry ends, from the start of the first
    positions          known u16       to which entry an id belongs
    kinds              known u8        place in `KINDS`
    author length      u8
    author             octets
    ids                known * 32
    entries            octets, one after the other

A group of disclosures is text: a line for each entry that has any, `index disclosure ...`.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Mapping

from ledger.commit import Placed

__all__ = ["KINDS", "Row", "find_in_group", "format_group", "format_row", "parse_group"]

KINDS = (
    *("charter", "party", "key", "approval", "communication", "meeting", "artefact", "transfer"),
    *("request", "commitment", "agreement", "arrangement", "step", "knowledge", "position"),
    *("account", "attestation", "sealed", "opening", "erasure", "hold"),
)
"""Kinds by their code. Stores hold the codes: new kinds go to the end."""

_CODES = {kind: code for code, kind in enumerate(KINDS)}
_HEAD = struct.Struct("=II")
_ID = 32


class Row:
    """A submission where it lies: nothing is copied until it is asked for.

    Attributes:
        first: Index of its first entry.
        count: How many entries it has.
    """

    __slots__ = ("_data", "_ends", "_ids", "_known", "_start", "count", "first")

    def __init__(self, first: int, data: memoryview) -> None:
        """Read the value `data`, found at index `first`."""
        self.first = first
        self.count: int
        self._known: int
        self.count, self._known = _HEAD.unpack_from(data)
        self._data = data
        self._ends = _HEAD.size
        author = self._author_at()
        self._ids = author + 1 + data[author]
        self._start = self._ids + self._known * _ID

    @property
    def author(self) -> str:
        """The author of all its events."""
        start = self._author_at() + 1
        return str(self._data[start : self._ids], "ascii")

    def entry(self, index: int) -> bytes:
        """Return the octets of the entry at `index`, which is one of this submission's."""
        position = index - self.first
        return bytes(self._data[self._end(position - 1) : self._end(position)])

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the octets of its entries from index `start` to before `stop`."""
        low = max(start - self.first, 0)
        high = min(stop - self.first, self.count)
        if low >= high:
            return
        begin = self._end(low - 1)
        # One view for all: `_ends` may not be aligned, which struct does not mind.
        ends = struct.unpack_from(f"={high - low}I", self._data, self._ends + 4 * low)
        for end in ends:
            yield bytes(self._data[begin : self._start + end])
            begin = self._start + end

    def find(self, event_id: bytes, index: int) -> str | None:
        """Return the kind of the event with this id, if the entry at `index` holds it."""
        position = index - self.first
        if self._known == self.count:  # no opening of a sealed event: one id for each entry
            at = self._ids + position * _ID
            return KINDS[self._kinds()[position]] if self._data[at : at + _ID] == event_id else None
        positions = self._positions()
        # Openings put two ids on one entry, so an id stands at its position or somewhat later.
        for place in range(position, self._known):
            at = self._ids + place * _ID
            if self._data[at : at + _ID] == event_id and positions[place] == position:
                return KINDS[self._kinds()[place]]
            if positions[place] > position:
                break
        return None

    def ids(self) -> Iterator[tuple[bytes, int]]:
        """Yield every (id, index) that became known with it."""
        positions = self._positions()
        octets = bytes(self._data[self._ids : self._start])
        for place, position in enumerate(positions):
            yield octets[place * _ID : place * _ID + _ID], self.first + position

    def ids_at(self, index: int) -> list[bytes]:
        """Return the ids of the events that the entry at `index` holds."""
        return [event_id for event_id, at in self.ids() if at == index]

    def _end(self, position: int) -> int:
        if position < 0:
            return self._start
        (end,) = struct.unpack_from("=I", self._data, self._ends + 4 * position)
        return self._start + int(end)

    def _positions(self) -> tuple[int, ...]:
        return struct.unpack_from(f"={self._known}H", self._data, self._ends + 4 * self.count)

    def _kinds(self) -> memoryview:
        start = self._ends + 4 * self.count + 2 * self._known
        return self._data[start : start + self._known]

    def _author_at(self) -> int:
        return self._ends + 4 * self.count + 3 * self._known


def format_row(placed: Placed) -> bytes:
    """Write a submission."""
    ends = array("I")
    end = 0
    for entry in placed.entries:
        end += len(entry)
        ends.append(end)
    author = placed.author.encode("ascii")
    return b"".join(
        (
            _HEAD.pack(len(placed.entries), len(placed.known)),
            ends.tobytes(),
            array("H", [known.position for known in placed.known]).tobytes(),
            bytes([_CODES[known.kind] for known in placed.known]),
            bytes([len(author)]),
            author,
            *(known.id for known in placed.known),
            *placed.entries,
        )
    )


def parse_group(value: bytes) -> dict[int, tuple[str, ...]]:
    """Read a group of disclosures: those of each entry, by index."""
    group: dict[int, tuple[str, ...]] = {}
    for line in value.decode("ascii").split("\n"):
        index, *texts = line.split(" ")
        group[int(index)] = tuple(texts)
    return group


def find_in_group(value: bytes, index: int) -> tuple[str, ...]:
    """Return the disclosures of one entry in a group; empty if it has none there."""
    lines, mark = b"\n%b\n" % value, b"\n%d " % index
    at = lines.find(mark)
    if at < 0:
        return ()
    start = at + len(mark)
    return tuple(lines[start : lines.index(b"\n", start)].decode("ascii").split(" "))


def format_group(group: Mapping[int, tuple[str, ...]]) -> bytes:
    """Write a group of disclosures, which is not empty and leaves out entries that have none."""
    return "\n".join(
        " ".join((str(index), *texts)) for index, texts in sorted(group.items())
    ).encode("ascii")
