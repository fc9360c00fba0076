"""What a ledger keeps on disk, in a database (`database`).

    ledger.mdb
        meta          `format`; `indexed`: the size up to which ids are in runs; `merged` and a
                      size -> SHA-256 of the note there that the next one for it takes the place of
        submissions   first index -> its entries and ids (`rows`)
        tiles         level, number -> hashes; the last tile of a level grows
        runs          level, size when written -> ids by their first octets (`ids`)
        disclosures   first index of a group -> disclosures of some entries (`rows`)
        notes         size, SHA-256 -> a signed note that a `seen` names or witnesses cosigned
        checkpoints   size -> the signed checkpoint published at that size
        turnings      first index -> leaf hash if governance, else nothing (`Commit.turnings`)
        erasures      index -> nothing: each entry that is, or nests, an erasure or a hold
    ledger.lock       held by the one process that records

All of a `Commit` is written in one synced transaction, so there is no state between two commits.
Nothing here decides what may be written: `sequencer` does.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from ledger import ids
from ledger.commit import Commit
from ledger.database import Database, Kind, Table, Transaction
from ledger.errors import NotFoundError, StoreError
from ledger.rows import Row, find_in_group, format_group, format_row, parse_group
from verify.claims import parse_disclosure

__all__ = ["LOCK_FILE", "MAP_SIZE", "READERS_FILE", "STORE_FILE", "Snapshot", "Store"]

STORE_FILE = "ledger.mdb"
LOCK_FILE = "ledger.lock"
READERS_FILE = f"{STORE_FILE}-lock"
"""LMDB's own list of who reads; it makes one where there is none."""
MAP_SIZE = 1 << 30
"""Octets of address space to begin with. It is doubled when it is full."""

_BY_INDEX = (b"checkpoints", b"disclosures", b"erasures", b"submissions", b"turnings")
_ERASING = {"erasure", "hold"}
_KIND = Kind(
    what="ledger",
    busy="another process records in this ledger",
    file=STORE_FILE,
    lock=LOCK_FILE,
    format=b"counterfoil-store/2",
    tables=(*_BY_INDEX, b"meta", b"notes", b"runs", b"tiles"),
    by_index=frozenset(_BY_INDEX),
)
_KEY = struct.Struct("=Q")  # LMDB compares integer keys natively
_SIZE = 8
_MERGED = b"merged"
_MERGING = 64  # sizes for which further lines may still come
_GROUP_SIZE = 1 << 16

Merge = Callable[[bytes, bytes], bytes]


def _latter(before: bytes, note: bytes) -> bytes:
    del before
    return note


class Snapshot:
    """What the store held at one moment. Valid, with all views it gave, inside `Store.read`."""

    __slots__ = ("_runs", "_tables", "_tail", "_txn", "size")

    def __init__(self, txn: Transaction, tables: dict[bytes, Table], tail: ids.Tail) -> None:
        """Read with `txn`; `tail` holds at least the ids that are in no run of it."""
        self._txn = txn
        self._tables = tables
        self._tail = tail
        self._runs: list[ids.Run] | None = None
        last = self._at_or_before(b"submissions", (1 << 64) - 1)
        self.size = 0 if last is None else last[0] + Row(*last).count

    def row(self, index: int) -> Row:
        """Return the submission that the entry at `index` belongs to.

        Raises:
            NotFoundError: There is no such entry.
        """
        if not 0 <= index < self.size:
            raise NotFoundError(f"entry {index}")
        found = self._at_or_before(b"submissions", index)
        if found is None:
            raise AssertionError("the first submission begins at 0")
        return Row(*found)

    def rows(self, start: int = 0) -> Iterator[Row]:
        """Yield the submissions from the one that holds the entry at `start` on."""
        if start >= self.size:
            return
        cursor = self._txn.cursor(self._tables[b"submissions"])
        cursor.set_key(_KEY.pack(self.row(start).first))
        for key, value in cursor:
            yield Row(_KEY.unpack(key)[0], value)

    def tile(self, level: int, number: int) -> bytes:
        """Return the hashes that a tile has by now; nothing if it has none."""
        found = self._txn.get(_level_key(level, number), db=self._tables[b"tiles"])
        return b"" if found is None else bytes(found)

    def edge(self) -> tuple[bytes, ...]:
        """Return the right edge of the tree."""
        edge = []
        level, count = 0, self.size
        while count:
            edge.append(self.tile(level, count >> 8))  # a level of full tiles has none there
            level, count = level + 1, count >> 8
        return tuple(edge)

    def find(self, event_id: bytes) -> tuple[int, str, str] | None:
        """Return (index, kind, author) of the event with this id; None if it is not known."""
        prefix = ids.prefix_of(event_id)
        for index in chain(self._tail.find(prefix), ids.find(self.runs(), prefix)):
            if index >= self.size:
                continue
            row = self.row(index)
            kind = row.find(event_id, index)
            if kind is not None:
                return index, kind, row.author
        return None

    def ids_with_prefix(self, digits: str, *, limit: int) -> list[bytes]:
        """Return the first `limit` ids whose hex begins with `digits`, in ascending order."""
        low, high = ids.prefix_range(digits)
        found = {
            event_id
            for index in self._within(low, high, limit)
            if index < self.size
            for event_id in self.row(index).ids_at(index)
            if event_id.hex().startswith(digits)
        }
        return sorted(found)[:limit]

    def runs(self) -> list[ids.Run]:
        """Return the runs of the id index, where they lie."""
        if self._runs is None:
            cursor = self._txn.cursor(self._tables[b"runs"])
            self._runs = [ids.parse_run(v) for v in cursor.iternext(keys=False, values=True)]
        return self._runs

    def disclosures(self, index: int) -> tuple[str, ...]:
        """Return the disclosures at an entry, sorted by claim name."""
        found = self._at_or_before(b"disclosures", index)
        return () if found is None else find_in_group(bytes(found[1]), index)

    def disclosed(self, after: int, limit: int) -> list[tuple[int, tuple[str, ...]]]:
        """Return the disclosures at up to about `limit` entries behind `after`, in order."""
        cursor = self._txn.cursor(self._tables[b"disclosures"])
        found = self._at_or_before(b"disclosures", after + 1)
        if not (cursor.first() if found is None else cursor.set_key(_KEY.pack(found[0]))):
            return []
        rows: list[tuple[int, tuple[str, ...]]] = []
        for value in cursor.iternext(keys=False, values=True):
            rows += [item for item in sorted(parse_group(bytes(value)).items()) if item[0] > after]
            if len(rows) >= limit:
                break
        return rows

    def checkpoint(self, size: int) -> bytes | None:
        """Return the checkpoint published at a size; None if none was."""
        found = self._txn.get(_KEY.pack(size), db=self._tables[b"checkpoints"])
        return None if found is None else bytes(found)

    def checkpoint_before(self, size: int) -> bytes | None:
        """Return the latest checkpoint published at a size or before it; None if none was."""
        found = self._at_or_before(b"checkpoints", size)
        return None if found is None else bytes(found[1])

    def notes(self, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` kept notes behind the key `after`, each with its key, in order."""
        cursor = self._txn.cursor(self._tables[b"notes"])
        if not cursor.set_range(after + b"\x00"):
            return []
        return [(bytes(k), bytes(v)) for k, v in islice(cursor, limit)]

    def notes_within(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Yield the kept notes of sizes in (start, stop], each with its size, in order."""
        cursor = self._txn.cursor(self._tables[b"notes"])
        if cursor.set_range((start + 1).to_bytes(_SIZE, "big")):
            for key, note in cursor:
                size = int.from_bytes(key[:_SIZE], "big")
                if size > stop:
                    return
                yield size, bytes(note)

    def notes_before(self, before: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` kept notes below the key `before`, each with its key, last first.

        Nothing for `before` stands behind them all.
        """
        cursor = self._txn.cursor(self._tables[b"notes"])
        found = cursor.prev() if before and cursor.set_range(before) else cursor.last()
        if not found:
            return []
        return [(bytes(k), bytes(v)) for k, v in islice(cursor.iterprev(), limit)]

    def note(self, size: int, digest: bytes) -> bytes | None:
        """Return the kept note of that size and SHA-256; None if there is none."""
        found = self._txn.get(size.to_bytes(8, "big") + digest, db=self._tables[b"notes"])
        return None if found is None else bytes(found)

    def turnings(self) -> list[tuple[int, bytes]]:
        """Return (first index, leaf hash or nothing) of what changed the rules' state."""
        cursor = self._txn.cursor(self._tables[b"turnings"])
        return [(_KEY.unpack(k)[0], bytes(v)) for k, v in cursor]

    def erasures(self) -> list[int]:
        """Return the indexes of the entries that are or nest an erasure or a hold, in order."""
        cursor = self._txn.cursor(self._tables[b"erasures"])
        return [_KEY.unpack(k)[0] for k in cursor.iternext(keys=True, values=False)]

    def indexed(self) -> int:
        """Return the size up to which ids are in runs."""
        found = self._txn.get(b"indexed", db=self._tables[b"meta"])
        return 0 if found is None else int(_KEY.unpack(found)[0])

    def _at_or_before(self, table: bytes, index: int) -> tuple[int, memoryview] | None:
        cursor = self._txn.cursor(self._tables[table])
        if cursor.set_range(_KEY.pack(index)):
            found = _KEY.unpack(cursor.key())[0]
            if found == index:
                return index, cursor.value()
            if not cursor.prev():
                return None
        elif not cursor.last():
            return None
        return _KEY.unpack(cursor.key())[0], cursor.value()

    def _within(self, low: int, high: int, limit: int) -> Iterator[int]:
        # `limit` more of each than asked for, since the first octets are not the whole id.
        yield from self._tail.within(low, high)
        for run in self.runs():
            yield from islice(ids.within(run, low, high), limit)


class Store(Database):
    """The store of one ledger. One process writes, any number of threads read.

    Attributes:
        path: The ledger's folder.
        read_only: Whether this process records nothing.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, create: bool = False, map_size: int = MAP_SIZE
    ) -> None:
        """Open the store in the folder `path`: see `Database`.

        Raises:
            NotFoundError: There is no store.
            BusyError: Another process records here, or this one has the store open already.
            StoreError: It cannot be opened, or is not a store of this version.
        """
        super().__init__(path, _KIND, read_only=read_only, create=create, map_size=map_size)
        self._writing = threading.Lock()
        self._tail, self._tail_size, self._indexed = ids.Tail(), 0, 0
        try:
            with self._reading() as txn:
                self._follow(Snapshot(txn, self._tables, self._tail))
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def read(self) -> Iterator[Snapshot]:
        """Read what is there now, whatever is written meanwhile.

        Raises:
            StoreError: The store cannot be read.
        """
        while True:
            tail, size = self._tail, self._tail_size
            with self._reading() as txn:
                snapshot = Snapshot(txn, self._tables, tail)
                if self.read_only and snapshot.size != size:
                    self._follow(snapshot)
                # What left this tail meanwhile may be in no run that the snapshot has.
                if tail is self._tail and (size == snapshot.size or not self.read_only):
                    yield snapshot
                    return

    def append(self, expected_size: int, commit: Commit) -> bool:
        """Make a commit durable, if the log has exactly `expected_size` entries.

        When this returns True, all of the commit is on disk. This is the door that a replicated
        order would take the place of.

        Returns:
            False if the log has another size: somebody else was faster. Nothing was written.

        Raises:
            FullError: There is no room; nothing was written.
            StoreError: Nothing was written, or the store can no longer be used.
        """
        with self._writing:
            return self._apply(expected_size, commit)

    def keep_notes(self, notes: Sequence[tuple[int, bytes]], *, merge: Merge = _latter) -> None:
        """Keep signed notes, which have been checked, beside those that a `seen` names.

        Of the latest sizes for which notes are kept so, one stays for each: what is kept for the
        same size again is merged with it and takes its place. What a `seen` names stays.

        Args:
            notes: The notes, each after its size.
            merge: Makes one note of that which was kept before and of the one that comes.

        Raises:
            FullError: There is no room; nothing was written.
        """

        def write(txn: Transaction) -> None:
            for size, note in notes:
                self._put_note(txn, size, note, merge)

        with self._writing:
            self._write(write)

    def disclose(self, disclosures: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Add disclosures, which have been checked, to entries that are there.

        Raises:
            FullError: There is no room; nothing was written.
        """

        def write(txn: Transaction) -> None:
            for index, texts in disclosures:
                self._hand_over(txn, self._tables[b"disclosures"], index, texts)

        with self._writing:
            self._write(write)

    def changes(self) -> int:
        """Return a number that grows with everything that any process writes."""
        return int(self._env.info()["last_txnid"])

    def copy(self, fd: int) -> None:
        """Write the store as it is now, without unused pages, to an open file or pipe.

        It is one read: in this process the map cannot grow, and nothing that fails can be taken
        back, before it is done. Another process is not held up.

        Raises:
            StoreError: The store cannot be read, or `fd` not written.
        """
        with self._reading() as txn:
            self._copy(txn, fd)

    def _follow(self, snapshot: Snapshot) -> None:
        """Bring the tail up to `snapshot`: at opening, or after another process wrote."""
        with self._writing:
            indexed = snapshot.indexed()
            fresh = indexed != self._indexed or self._tail_size < indexed
            tail, start = (ids.Tail(), indexed) if fresh else (self._tail, self._tail_size)
            if snapshot.size <= start and not fresh:
                return
            for row in snapshot.rows(start):
                for event_id, index in row.ids():
                    tail.add(ids.prefix_of(event_id), index)
            self._tail, self._tail_size, self._indexed = tail, snapshot.size, indexed

    def _apply(self, expected_size: int, commit: Commit) -> bool:
        rows = [(_KEY.pack(p.first), format_row(p)) for p in commit.submissions]
        new = [
            (ids.prefix_of(known.id), placed.first + known.position)
            for placed in commit.submissions
            for known in placed.known
        ]
        full = len(self._tail) + len(new) >= ids.TAIL
        run = ids.format_run(chain(self._tail.pairs(), new)) if full else None

        def write(txn: Transaction) -> bool:
            if Snapshot(txn, self._tables, self._tail).size != expected_size:
                return False
            self._put(txn, b"submissions", rows)
            self._put_commit(txn, commit)
            if run is not None:
                self._put_run(txn, run, commit.head.size)
            return True

        if not self._write(write):
            return False
        if run is not None:
            self._tail, self._indexed = ids.Tail(), commit.head.size
        else:
            for prefix, index in new:
                self._tail.add(prefix, index)
        self._tail_size = commit.head.size
        return True

    def _put_commit(self, txn: Transaction, commit: Commit) -> None:
        tiles = self._tables[b"tiles"]
        for level, number, data in commit.tiles:
            txn.put(_level_key(level, number), data, db=tiles)
        notes = self._tables[b"notes"]
        for size, note in commit.notes:
            key, mark = _note_key(size, note), _merged_key(size)
            txn.put(key, note, db=notes)
            if bytes(txn.get(mark, db=self._tables[b"meta"]) or b"") == key[_SIZE:]:
                txn.delete(mark, db=self._tables[b"meta"])  # it is named now, and stays
        self._put(txn, b"turnings", [(_KEY.pack(index), leaf) for index, leaf in commit.turnings])
        self._put(txn, b"erasures", [(_KEY.pack(index), b"") for index in _erasing(commit)])
        self._put(txn, b"checkpoints", [(_KEY.pack(commit.head.size), commit.checkpoint)])
        self._put_disclosures(txn, commit)

    def _put_note(self, txn: Transaction, size: int, note: bytes, merge: Merge) -> None:
        notes, meta = self._tables[b"notes"], self._tables[b"meta"]
        mark, kept = _merged_key(size), note
        digest = txn.get(mark, db=meta)
        if digest is not None:
            old = size.to_bytes(_SIZE, "big") + bytes(digest)
            kept = merge(bytes(txn.pop(old, db=notes) or b""), note)
        key = _note_key(size, kept)
        if txn.get(key, db=notes) is None:
            txn.put(mark, key[_SIZE:], db=meta)
        txn.put(key, kept, db=notes)
        cursor = txn.cursor(meta)
        cursor.set_range(_MERGED)
        marks = [bytes(k) for k in cursor.iternext(keys=True, values=False)]
        for old in [k for k in marks if k.startswith(_MERGED)][:-_MERGING]:
            txn.delete(old, db=meta)

    def _put(self, txn: Transaction, table: bytes, items: list[tuple[bytes, bytes]]) -> None:
        """Put items behind all that are in a table."""
        if not items:
            return
        _, added = txn.cursor(self._tables[table]).putmulti(items, append=True)
        if added != len(items):
            raise StoreError(self._file, f"{table.decode()} are not in order")

    def _put_disclosures(self, txn: Transaction, commit: Commit) -> None:
        table = self._tables[b"disclosures"]
        new: dict[int, tuple[str, ...]] = {}
        for index, texts in commit.disclosures:
            if index < commit.expected_size:
                self._hand_over(txn, table, index, texts)
            else:
                new[index] = texts
        self._put(txn, b"disclosures", _in_groups(new))

    def _hand_over(
        self, txn: Transaction, table: Table, index: int, texts: tuple[str, ...]
    ) -> None:
        """Add disclosures to an entry that was there before."""
        found = Snapshot(txn, self._tables, self._tail)._at_or_before(b"disclosures", index)  # noqa: SLF001 - one door in two classes
        group = {} if found is None else parse_group(bytes(found[1]))
        both = {*group.get(index, ()), *texts}
        group[index] = tuple(sorted(both, key=lambda text: parse_disclosure(text).name))
        # The first of these has the key that the group had. However much is handed over, no group
        # becomes much larger than one entry's disclosures.
        for key, value in _in_groups(group):
            txn.put(key, value, db=table)

    def _put_run(self, txn: Transaction, run: bytes, size: int) -> None:
        table, meta = self._tables[b"runs"], self._tables[b"meta"]
        txn.put(_level_key(0, size), run, db=table)
        txn.put(b"indexed", _KEY.pack(size), db=meta)
        while True:
            keys = [bytes(key) for key in txn.cursor(table).iternext(keys=True, values=False)]
            level = ids.to_merge(Counter(key[0] for key in keys))
            if level is None:
                return
            old = [key for key in keys if key[0] == level]
            views = [txn.get(key, db=table) for key in old]
            # All is read before anything is written: writing moves what the views show.
            merged = ids.merge([ids.parse_run(view) for view in views if view is not None])
            for key in old:
                txn.delete(key, db=table)
            txn.put(_level_key(level + 1, size), merged, db=table)


def _erasing(commit: Commit) -> list[int]:
    """Return the indexes of the entries by which an erasure or a hold becomes known, in order."""
    return [
        placed.first + known.position
        for placed in commit.submissions
        for known in placed.known
        if known.kind in _ERASING
    ]


def _in_groups(disclosures: dict[int, tuple[str, ...]]) -> list[tuple[bytes, bytes]]:
    """Return groups of disclosures by their keys, in order."""
    groups: list[tuple[bytes, bytes]] = []
    group: dict[int, tuple[str, ...]] = {}
    length = 0
    for index, texts in sorted(disclosures.items()):
        group[index] = texts
        length += sum(map(len, texts))
        if length >= _GROUP_SIZE:
            groups.append((_KEY.pack(min(group)), format_group(group)))
            group, length = {}, 0
    if group:
        groups.append((_KEY.pack(min(group)), format_group(group)))
    return groups


def _level_key(level: int, number: int) -> bytes:
    return bytes([level]) + number.to_bytes(8, "big")


def _note_key(size: int, note: bytes) -> bytes:
    return size.to_bytes(_SIZE, "big") + hashlib.sha256(note).digest()


def _merged_key(size: int) -> bytes:
    return _MERGED + size.to_bytes(_SIZE, "big")
