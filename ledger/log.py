"""A log that is stored: its entries, tiles, checkpoints and kept notes, and proofs of them.

Each answer is read in a snapshot of its own, so that none is half from before and half from after
what is recorded meanwhile. Nothing here records, and nothing knows the rules: that is `ledger`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from ledger.errors import NotFoundError, StoreError
from ledger.rows import Row
from ledger.store import Snapshot, Store
from ledger.tree import Tree
from verify.entry import parse_entry
from verify.errors import MalformedError
from verify.submission import Seen
from verify.tiles import Bundle, format_bundle, parse_tile_path

__all__ = ["Log"]

_AT_ONCE = 256

T = TypeVar("T")


class Log:
    """A log in an open store. Thread-safe.

    Attributes:
        path: The folder of the store.
    """

    def __init__(self, path: Path, store: Store) -> None:
        """Read from an open store, which stays its caller's to close."""
        self.path = path
        self._store = store

    def size(self) -> int:
        """Return the number of entries."""
        return self._look(lambda snapshot: snapshot.size)

    def changes(self) -> int:
        """Return a number that grows with everything that any process writes."""
        return self._store.changes()

    def root(self) -> bytes:
        """Return the tree's root hash."""
        return self._look(lambda snapshot: Tree(snapshot.tile).root(snapshot.size))

    def root_at(self, size: int) -> bytes:
        """Return the tree's root hash at an earlier size.

        Raises:
            NotFoundError: The log is smaller.
        """

        def read(snapshot: Snapshot) -> bytes:
            _check_size(snapshot, size)
            return Tree(snapshot.tile).root(size)

        return self._look(read)

    def checkpoint(self) -> bytes:
        """Return the latest signed checkpoint."""

        def read(snapshot: Snapshot) -> bytes:
            note = snapshot.checkpoint(snapshot.size)
            if note is None:
                raise StoreError(self.path, f"the checkpoint of size {snapshot.size} is missing")
            return note

        return self._look(read)

    def checkpoint_at(self, size: int) -> bytes:
        """Return the signed checkpoint that was published at `size`.

        Raises:
            NotFoundError: None was: the size is none that ever was the latest.
        """
        note = self._look(lambda snapshot: snapshot.checkpoint(size))
        if note is None:
            raise NotFoundError(f"checkpoint of size {size}")
        return note

    def checkpoint_before(self, size: int) -> bytes:
        """Return the latest signed checkpoint that was published at `size` or before.

        Raises:
            NotFoundError: None was: the size is 0.
        """
        note = self._look(lambda snapshot: snapshot.checkpoint_before(size))
        if note is None:
            raise NotFoundError(f"checkpoint of at most {size} entries")
        return note

    def tile(self, path: str) -> bytes:
        """Return a tile or an entry bundle, whole or partial, by its C2SP path.

        Raises:
            NotFoundError: It is no such path, or the log is too small for it.
        """
        try:
            tile = parse_tile_path(path)
        except MalformedError:
            raise NotFoundError(f"tile {path[:80]!r}") from None

        def read(snapshot: Snapshot) -> bytes:
            level = 0 if isinstance(tile, Bundle) else tile.level
            first = tile.number << 8
            if first + tile.width > snapshot.size >> (8 * level):
                raise NotFoundError(f"{path} in a log of {snapshot.size} entries")
            if isinstance(tile, Bundle):
                return format_bundle(_slice(snapshot, first, first + tile.width))
            return snapshot.tile(level, tile.number)[: 32 * tile.width]

        return self._look(read)

    def entry(self, index: int) -> bytes:
        """Return the entry at `index`.

        Raises:
            NotFoundError: There is none.
        """
        return self._look(lambda snapshot: snapshot.row(index).entry(index))

    def recorded_at(self, index: int) -> int:
        """Return when the entry at `index` was recorded, in milliseconds since 1970.

        Raises:
            NotFoundError: There is none.
        """
        return parse_entry(self.entry(index)).recorded

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the entries from `start` to before `stop`, or to the last there is by then.

        Nothing is held between two entries: the ledger may record meanwhile.
        """
        while stop is None or start < stop:
            high = start + _AT_ONCE if stop is None else min(stop, start + _AT_ONCE)

            def read(snapshot: Snapshot, low: int = start, high: int = high) -> list[bytes]:
                return _slice(snapshot, low, min(high, snapshot.size))

            found = self._look(read)
            if not found:
                return
            yield from found
            start += len(found)

    def index_of(self, event_id: bytes) -> int | None:
        """Return the index of the entry that holds the event with this id, also a nested one."""
        found = self._look(lambda snapshot: snapshot.find(event_id))
        return None if found is None else found[0]

    def ids_with_prefix(self, digits: str, limit: int = 10) -> tuple[str, ...]:
        """Return the first `limit` event ids that begin with these hex digits, in order.

        Raises:
            ValueError: Not 1 to 64 hex digits of lower case.
        """
        found = self._look(lambda snapshot: snapshot.ids_with_prefix(digits, limit=limit))
        return tuple(event_id.hex() for event_id in found)

    def disclosures(self, index: int) -> tuple[str, ...]:
        """Return the disclosures at an entry, sorted by claim name."""
        return self._look(lambda snapshot: snapshot.disclosures(index))

    def disclosed(self, start: int = 0) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield each entry from `start` on that has disclosures, by index, with them.

        Nothing is held between two.
        """
        after = start - 1
        while True:

            def read(snapshot: Snapshot, after: int = after) -> list[tuple[int, tuple[str, ...]]]:
                return snapshot.disclosed(after, _AT_ONCE)

            found = self._look(read)
            if not found:
                return
            yield from found
            after = found[-1][0]

    def notes(self, start: int = 0) -> Iterator[bytes]:
        """Yield the kept notes from size `start` on, by size and then hash (SPEC section 11.2)."""
        after = start.to_bytes(8, "big")
        while True:

            def read(snapshot: Snapshot, after: bytes = after) -> list[tuple[bytes, bytes]]:
                return snapshot.notes(after, _AT_ONCE)

            found = self._look(read)
            if not found:
                return
            for _, note in found:
                yield note
            after = found[-1][0]

    def notes_of(self, size: int) -> tuple[bytes, ...]:
        """Return the kept notes of a size, by hash."""
        return self._look(
            lambda snapshot: tuple(note for _, note in snapshot.notes_within(size - 1, size))
        )

    def notes_about(self, start: int, stop: int) -> tuple[bytes, ...]:
        """Return the kept notes about the entries [start, stop), by size and then by hash.

        Those that their statements name, and those of the sizes that end with one of them.

        Raises:
            NotFoundError: There are not so many entries.
        """

        def read(snapshot: Snapshot) -> tuple[bytes, ...]:
            _check_size(snapshot, stop)
            found = {(size, note) for size, note in snapshot.notes_within(start, stop)}
            for row in snapshot.rows(start):
                if row.first >= stop:
                    break
                seen = _seen_in(row)
                if row.first >= start and seen is not None:
                    note = snapshot.note(seen.size, bytes.fromhex(seen.note))
                    found.update([] if note is None else [(seen.size, note)])
            return tuple(note for _, note in sorted(found, key=_by_size_and_hash))

        return self._look(read)

    def latest_notes(self) -> Iterator[bytes]:
        """Yield the kept notes, the largest size first."""
        before = b""
        while True:

            def read(snapshot: Snapshot, before: bytes = before) -> list[tuple[bytes, bytes]]:
                return snapshot.notes_before(before, _AT_ONCE)

            found = self._look(read)
            for _, note in found:
                yield note
            if len(found) < _AT_ONCE:
                return
            before = found[-1][0]

    def note(self, *, size: int, sha256: str) -> bytes:
        """Return a kept note by its size and its hash.

        Raises:
            NotFoundError: It is not kept.
        """
        note = self._look(lambda snapshot: snapshot.note(size, bytes.fromhex(sha256)))
        if note is None:
            raise NotFoundError(f"note {sha256[:16]} of size {size}")
        return note

    def governance(self) -> tuple[int, ...]:
        """Return the indexes of the governance entries, in order."""
        turnings = self._look(lambda snapshot: snapshot.turnings())
        return tuple(first for first, leaf in turnings if leaf)

    def erasures(self) -> tuple[int, ...]:
        """Return the indexes of the entries that are or nest an erasure or a hold, in order."""
        return self._look(lambda snapshot: tuple(snapshot.erasures()))

    def inclusion_proof(self, *, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that the entry at `index` is in the tree of `size` entries.

        Raises:
            NotFoundError: The log is smaller, or has no such entry at that size.
        """

        def read(snapshot: Snapshot) -> tuple[bytes, ...]:
            _check_size(snapshot, size)
            if not 0 <= index < size:
                raise NotFoundError(f"entry {index} at size {size}")
            return Tree(snapshot.tile).inclusion_proof(index=index, size=size)

        return self._look(read)

    def consistency_proof(self, *, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the first `old` entries of the tree of `new` entries are the old tree.

        Raises:
            NotFoundError: The log is smaller, or the sizes are not in order.
        """

        def read(snapshot: Snapshot) -> tuple[bytes, ...]:
            _check_size(snapshot, new)
            if not 0 <= old <= new:
                raise NotFoundError(f"size {old} below size {new}")
            return Tree(snapshot.tile).consistency_proof(old=old, new=new)

        return self._look(read)

    def copy_store(self, fd: int) -> None:
        """Write all but files and log keys, as it is now, to an open file or pipe.

        Raises:
            StoreError: The store cannot be read, or `fd` not written.
        """
        self._store.copy(fd)

    def _look(self, read: Callable[[Snapshot], T]) -> T:
        with self._store.read() as snapshot:
            return read(snapshot)


def _slice(snapshot: Snapshot, start: int, stop: int) -> list[bytes]:
    """Return the entries [start, stop), as far as they are there."""
    found: list[bytes] = []
    for row in snapshot.rows(start):
        if row.first >= stop:
            break
        found += row.entries(start, stop)
    return found


def _seen_in(row: Row) -> Seen | None:
    """Return what the statement over a submission says its author had seen."""
    statement = parse_entry(row.entry(row.first)).statement
    return None if statement is None else statement.seen


def _by_size_and_hash(each: tuple[int, bytes]) -> tuple[int, bytes]:
    return each[0], hashlib.sha256(each[1]).digest()


def _check_size(snapshot: Snapshot, size: int) -> None:
    if not 0 <= size <= snapshot.size:
        raise NotFoundError(f"size {size} in a log of {snapshot.size} entries")
