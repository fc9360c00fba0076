"""Earlier entries as the rules ask for them, read from the store.

One class for one snapshot, which the writer uses for a batch; and one that takes a snapshot for
each question, which anybody may keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from ledger.commit import EMPTY_HEAD, Head
from ledger.errors import StoreError
from ledger.sequencer import Recorded
from ledger.store import Snapshot
from ledger.tree import Tree, edge_of, root_of_edge
from verify.checkpoint import parse_checkpoint, parse_signed
from verify.checks import Check
from verify.entry import Entry, parse_entry
from verify.errors import RuleError, VerifyError
from verify.events import event_id as id_of
from verify.events import parse_event
from verify.kinds import Event
from verify.merkle import leaf_hash
from verify.rules import Fact, admit, candidate_of
from verify.state import State
from verify.submission import Statement, sealing_event

__all__ = ["SnapshotPast", "StorePast", "load_head", "statement_of"]


class SnapshotPast:
    """Earlier entries of one snapshot; with `before`, only those below that index."""

    def __init__(self, snapshot: Snapshot, *, before: int | None = None) -> None:
        """Look at `snapshot`."""
        self._snapshot = snapshot
        self._before = snapshot.size if before is None else before
        self._tree = Tree(snapshot.tile)

    def find(self, event_id: str) -> Fact | None:
        """Return what is known of the event with this id (in hex)."""
        found = self._snapshot.find(bytes.fromhex(event_id))
        return Fact(*found) if found is not None and found[0] < self._before else None

    def event(self, event_id: str, index: int) -> Event:
        """Return the event with this id (in hex), held by the entry at `index`."""
        octets = bytes(parse_entry(self._snapshot.row(index).entry(index)).event)
        event = parse_event(octets)
        return event if id_of(octets).hex() == event_id else sealing_event(event)

    def root(self, size: int) -> bytes:
        """Return the tree's root hash at an earlier size."""
        published = self._snapshot.checkpoint(size)
        if published is not None:
            # Its text alone: whose it is was looked at when it was signed.
            return parse_checkpoint(published[: published.index(b"\n\n") + 1]).root
        return self._tree.root(size)

    def recorded_as(self, event_id: str) -> Recorded | None:
        """Return the submission that begins with this event."""
        octets = bytes.fromhex(event_id)
        found = self._snapshot.find(octets)
        if found is None:
            return None
        row = self._snapshot.row(found[0])
        # An id that became known by being opened is not its entry's own.
        if row.first != found[0] or row.ids_at(row.first)[0] != octets:
            return None
        return Recorded(row.first, statement_of(parse_entry(row.entry(row.first))))

    def disclosures(self, index: int) -> tuple[str, ...]:
        """Return the disclosures that are held at an earlier entry."""
        return self._snapshot.disclosures(index)

    def recorded_at(self, index: int) -> int:
        """Return when an earlier entry was recorded, in milliseconds since 1970."""
        return parse_entry(self._snapshot.row(index).entry(index)).recorded

    def notes_of(self, size: int) -> Iterator[bytes]:
        """Yield the notes of a size that are kept."""
        return (note for _, note in self._snapshot.notes_within(size - 1, size))


class StorePast:
    """Earlier entries, whatever there are when the question is put."""

    def __init__(self, read: Callable[[], AbstractContextManager[Snapshot]]) -> None:
        """Take snapshots with `read`."""
        self._read = read

    def find(self, event_id: str) -> Fact | None:
        """Return what is known of the event with this id (in hex)."""
        with self._read() as snapshot:
            return SnapshotPast(snapshot).find(event_id)

    def event(self, event_id: str, index: int) -> Event:
        """Return the event with this id (in hex), held by the entry at `index`."""
        with self._read() as snapshot:
            return SnapshotPast(snapshot).event(event_id, index)


def statement_of(entry: Entry) -> Statement:
    """Return the statement at position 0 of a submission."""
    if entry.statement is None:
        raise AssertionError("the first entry of a submission holds its statement")
    return entry.statement


def load_head(snapshot: Snapshot, *, path: object) -> Head:
    """Return where the ledger stands: by its last entry, and by its governance judged again.

    Raises:
        StoreError: What is stored does not hold together.
    """
    if not snapshot.size:
        return EMPTY_HEAD
    try:
        last = parse_entry(snapshot.row(snapshot.size - 1).entry(snapshot.size - 1))
        edge = edge_of(snapshot.edge())
        note = snapshot.checkpoint(snapshot.size)
        if note is None or parse_signed(note)[0].root != root_of_edge(edge):
            raise StoreError(path, "the checkpoint is missing or not of the tree that is stored")
        state, rules = _replay(snapshot)
    except VerifyError as error:
        raise StoreError(path, f"what is stored does not hold together: {error}") from None
    return Head(
        size=snapshot.size,
        edge=edge,
        prev=Tree(snapshot.tile).leaf(snapshot.size - 1).hex(),
        recorded=last.recorded,
        rules=rules.hex(),
        state=state,
    )


def _replay(snapshot: Snapshot) -> tuple[State, bytes]:
    """Judge all governance again; return the state and the leaf hash of the latest of it."""
    state: State | None = None
    rules = b""
    for first, leaf in snapshot.turnings():
        data = snapshot.row(first).entry(first)
        entry = parse_entry(data)
        if leaf and leaf != leaf_hash(data):
            # The next entries would name it in `rules`.
            raise RuleError(Check.RULES_REF, f"entry {first}", "is listed with another leaf hash")
        if state is not None and not leaf:
            # No governance, but the first entry after the days of a recovery were over.
            state = state.settle(index=first, recorded=entry.recorded)
            continue
        octets = bytes(entry.event)
        state = admit(
            state,
            statement=statement_of(entry),
            candidates=(candidate_of(parse_event(octets), event_id=id_of(octets).hex()),),
            first=first,
            recorded=entry.recorded,
            fingerprint=leaf.hex(),
            past=SnapshotPast(snapshot, before=first),
        )
        rules = leaf
    if state is None:
        raise AssertionError("entry 0 is a charter")
    return state, rules
