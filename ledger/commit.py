"""What one durable step of a ledger consists of.

A `Commit` is computed from a `Head` and a batch of submissions without touching anything; whoever
keeps the order makes it durable, and applying it gives the next head. These are the values that
pass between `sequencer`, which computes, and `store`, which writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from ledger.tree import EMPTY_EDGE, Edge
from verify.state import State

__all__ = ["EMPTY_HEAD", "Commit", "Head", "Known", "Placed"]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a ledger stands: all that the next submission is judged and chained by.

    Attributes:
        size: Entries so far.
        edge: The right edge of the tree.
        prev: Leaf hash of the last entry, in hex; None before entry 0.
        recorded: When the last entry was recorded, in milliseconds; 0 before entry 0.
        rules: Leaf hash of the latest governance entry, in hex; None before entry 0.
        state: The rules' state; None before entry 0.
    """

    size: int
    edge: Edge
    prev: str | None
    recorded: int
    rules: str | None
    state: State | None


EMPTY_HEAD = Head(size=0, edge=EMPTY_EDGE, prev=None, recorded=0, rules=None, state=None)


class Known(NamedTuple):
    """An id that became known with a submission.

    Attributes:
        id: The event id, 32 octets.
        position: Place in the submission of the entry that holds the event.
        kind: The event's kind without version.
    """

    id: bytes
    position: int
    kind: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A submission in its place.

    Attributes:
        first: Index of its first entry.
        author: Its author.
        entries: Its entries' octets.
        known: The ids that became known with it, in order; an event nested in an opening
            right after the opening.
    """

    first: int
    author: str
    entries: tuple[bytes, ...]
    known: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """Whole submissions that become durable together.

    Attributes:
        expected_size: How many entries there must be before.
        submissions: The submissions, in order.
        tiles: (level, number, octets) of every tile that is new or longer.
        disclosures: (index, disclosures to add) of entries, ascending by index.
        notes: (size, octets) of every note that a `seen` names.
        turnings: (first index, leaf hash) of every submission after which the rules' state is
            another; the leaf hash is empty where that is no governance, but a recovery whose
            days were over.
        checkpoint: The signed checkpoint of the new size.
        head: Where the ledger stands afterwards.
    """

    expected_size: int
    submissions: tuple[Placed, ...]
    tiles: tuple[tuple[int, int, bytes], ...]
    disclosures: tuple[tuple[int, tuple[str, ...]], ...]
    notes: tuple[tuple[int, bytes], ...]
    turnings: tuple[tuple[int, bytes], ...]
    checkpoint: bytes
    head: Head

    def with_disclosures(self, disclosures: Iterable[tuple[int, tuple[str, ...]]]) -> Commit:
        """Return the same commit with these disclosures."""
        return replace(self, disclosures=tuple(disclosures))
