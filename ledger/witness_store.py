"""What a witness keeps on disk: with `store`, one of the two modules that open LMDB.

    witness.mdb
        meta       `format`
        latest     log -> `Latest`: the largest tree cosigned, and when
        cosigned   log, size -> the first checkpoint cosigned at that size, with all signatures
        forks      log, kind, size, root -> `Fork`: a checkpoint refused, and what it contradicts
    witness.lock   held by the one process that cosigns

A log stands in a key as SHA-256 of its origin. All that a transaction writes is on disk when it
returns, or none of it is. What may be written is decided by `witness`, inside the transaction: so
nothing can come between what was looked at and what was written.

Nothing is ever removed but forks above a bound, and what turned out to be none.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar

import lmdb
import msgspec

from ledger.errors import BusyError, FullError, NotFoundError, StoreError
from ledger.files import NO_ROOM
from ledger.gate import Gate, hold
from ledger.private import sync_folder

__all__ = ["MAP_SIZE", "STORE_FILE", "Change", "Fork", "Latest", "Moment", "WitnessStore", "log_id"]

STORE_FILE = "witness.mdb"
MAP_SIZE = 1 << 28
"""Octets of address space to begin with. It is doubled when it is full."""

_LOCK_FILE = "witness.lock"
_FORMAT = b"counterfoil-witness/1"
_TABLES = (b"cosigned", b"forks", b"latest", b"meta")
_NO_ROOM = NO_ROOM | {errno.EIO}  # LMDB says EIO when less was written than it asked for
_READERS = 1024
_LOG_SIZE = 32
_KINDS: Final = {"two-roots": b"2", "no-proof": b"0"}

_Table = lmdb._Database  # noqa: SLF001 - LMDB's type for a table has no public name
_Transaction: TypeAlias = "lmdb.Transaction[bytes]"
T = TypeVar("T")


class Latest(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The largest tree of a log that was cosigned.

    Attributes:
        size: Its size.
        root: Its root hash.
        timestamp_s: The time in the latest cosignatures.
        note: The checkpoint, with the log's signatures and the latest cosignatures.
    """

    size: int
    root: bytes
    timestamp_s: int
    note: bytes


class Fork(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A checkpoint that its log signed and the witness refused, and what it stands against.

    Attributes:
        kind: `two-roots`: the log signed two root hashes of one size, which proves a fork to
            anybody. `no-proof`: the proof that came with it does not begin at what was cosigned.
            Where it leads to the refused tree all the same, it proves a fork, too; else it asks
            for another one, which a log that is honest has.
        origin: The log.
        size: The size of the refused checkpoint.
        root: Its root hash.
        at_s: When it came first, in POSIX seconds.
        old_size: The size that its consistency proof begins at.
        proof: The consistency proof that came with it.
        refused: The refused checkpoint with the log's signatures.
        against: The checkpoint that was cosigned.
    """

    kind: Literal["two-roots", "no-proof"]
    origin: str
    size: int
    root: bytes
    at_s: int
    old_size: int
    proof: tuple[bytes, ...]
    refused: bytes
    against: bytes


_LATEST = msgspec.msgpack.Decoder(Latest)
_FORK = msgspec.msgpack.Decoder(Fork)
_encode = msgspec.msgpack.Encoder().encode


def log_id(origin: str) -> bytes:
    """Return what a log is called in keys and paths: SHA-256 of its origin."""
    return hashlib.sha256(origin.encode()).digest()


class Moment:
    """What the store holds, as one transaction sees it."""

    __slots__ = ("_tables", "_txn")

    def __init__(self, txn: _Transaction, tables: dict[bytes, _Table]) -> None:
        """Look with `txn`."""
        self._txn = txn
        self._tables = tables

    def latest(self, log: bytes) -> Latest | None:
        """Return the largest tree cosigned of a log; None if none was."""
        found = self._txn.get(log, db=self._tables[b"latest"])
        return None if found is None else _LATEST.decode(found)

    def cosigned_at(self, log: bytes, size: int) -> bytes | None:
        """Return the first checkpoint cosigned at a size; None if none was."""
        return self._txn.get(_size_key(log, size), db=self._tables[b"cosigned"])

    def cosigned(self, log: bytes) -> Iterator[bytes]:
        """Yield the first checkpoint cosigned at each size, by size."""
        return (value for _, value in self._within(b"cosigned", log))

    def forks(self, log: bytes) -> list[Fork]:
        """Return what was refused as inconsistent, in the order in which it came."""
        found = [_FORK.decode(value) for _, value in self._within(b"forks", log)]
        return sorted(found, key=lambda fork: (fork.at_s, fork.size))

    def logs(self) -> list[bytes]:
        """Return the logs of which anything is kept."""
        return list(self._txn.cursor(self._tables[b"latest"]).iternext(keys=True, values=False))

    def _within(self, table: bytes, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        cursor = self._txn.cursor(self._tables[table])
        if cursor.set_range(prefix):
            for key, value in cursor:
                if not key.startswith(prefix):
                    return
                yield key, value


class Change(Moment):
    """A transaction that writes."""

    __slots__ = ()

    def put_latest(self, log: bytes, latest: Latest) -> None:
        """Set the largest tree cosigned of a log, and keep the first note of its size."""
        self._txn.put(log, _encode(latest), db=self._tables[b"latest"])
        key = _size_key(log, latest.size)
        self._txn.put(key, latest.note, db=self._tables[b"cosigned"], overwrite=False)

    def put_fork(self, log: bytes, fork: Fork, *, first: int, last: int) -> None:
        """Keep a fork, unless it is kept already.

        Of each kind the `first` that came and the `last` that came are kept: whoever can make
        many, be it the log or a stranger, can push out neither with them.
        """
        prefix = log + _KINDS[fork.kind]
        key = _size_key(prefix, fork.size) + fork.root
        table = self._tables[b"forks"]
        if self._txn.get(key, db=table) is not None:
            return
        kept = [(_FORK.decode(value).at_s, name) for name, value in self._within(b"forks", prefix)]
        if len(kept) >= first + last:
            self._txn.delete(sorted(kept)[first][1], db=table)
        self._txn.put(key, _encode(fork), db=table)

    def drop_candidate(self, log: bytes, *, size: int, root: bytes) -> None:
        """Forget that a checkpoint came without its proof: it came with it now."""
        key = _size_key(log + _KINDS["no-proof"], size) + root
        self._txn.delete(key, db=self._tables[b"forks"])


class WitnessStore:
    """The store of one witness. One process writes, in one thread; any number of threads read.

    Attributes:
        path: The witness's folder.
        read_only: Whether this process cosigns nothing.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, create: bool = False, map_size: int = MAP_SIZE
    ) -> None:
        """Open the store in the folder `path`.

        Args:
            path: The witness's folder.
            read_only: Write nothing, and do not ask whether somebody else does.
            create: Make a new store, where there must be none.
            map_size: Octets of address space to begin with.

        Raises:
            NotFoundError: There is no store.
            BusyError: Another process cosigns with it, or this one has the store open already.
            StoreError: It cannot be opened, or is not a store of this version.
        """
        self.path = path
        self.read_only = read_only
        self._file = path / STORE_FILE
        if self._file.exists() is create:
            if create:
                raise StoreError(self._file, "exists already")
            raise NotFoundError(f"witness in {path}")
        self._lock = None if read_only else _hold(path)
        self._gate = Gate()
        try:
            self._open(create=create, map_size=map_size)
        except lmdb.Error as error:
            self.close()
            if "already open" in str(error):
                raise BusyError(self._file, "is open in this process already") from None
            raise StoreError(self._file, f"cannot be opened: {error}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the store. Nobody may be reading or writing."""
        if hasattr(self, "_env"):
            self._env.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextlib.contextmanager
    def read(self) -> Iterator[Moment]:
        """Read what is there now, whatever is written meanwhile.

        Raises:
            StoreError: The store cannot be read.
        """
        self._gate.enter()
        try:
            with self._begin() as txn:
                yield Moment(txn, self._tables)
        finally:
            self._gate.leave()

    def change(self, write: Callable[[Change], T]) -> T:
        """Run `write` in one transaction; when this returns, what it wrote is on disk.

        Args:
            write: Looks and writes. It is run again, from the same state, in a larger map if the
                map turns out to be full.

        Raises:
            FullError: There is no room; nothing was written.
            StoreError: Nothing was written, or the store can no longer be used.
        """
        while True:
            try:
                return self._once(write)
            except lmdb.MapFullError:
                self._grow()
            except lmdb.Error as error:
                reason = f"nothing was recorded: {error}"
                kind = FullError if error.code in _NO_ROOM else StoreError
                raise kind(self._file, reason) from None

    def _open(self, *, create: bool, map_size: int) -> None:
        used = self._file.stat().st_size if self._file.exists() else 0
        # As in `store`: a new store is of the format that other tools read.
        opening = functools.partial(lmdb.open, lib_version=0) if create else lmdb.open
        self._env = opening(
            str(self._file),
            map_size=max(map_size, -(-used // (1 << 20)) << 20),
            subdir=False,
            readonly=self.read_only,
            mode=0o600,
            create=create,
            max_dbs=len(_TABLES),
            max_readers=_READERS,
            max_spare_txns=1,
        )
        self._env.reader_check()
        self._tables = {name: self._env.open_db(name, create=create) for name in _TABLES}
        meta = self._tables[b"meta"]
        if create:
            with self._env.begin(write=True) as txn:
                txn.put(b"format", _FORMAT, db=meta)
            sync_folder(self.path)
        with self._env.begin() as reading:
            if reading.get(b"format", db=meta) != _FORMAT:
                raise StoreError(self._file, "is not a store of this version")

    def _begin(self) -> _Transaction:
        try:
            return self._env.begin()
        except lmdb.MapResizedError:
            # The process that cosigns has made the map larger. 0 takes over its size. Whoever only
            # reads is alone in this process: a command.
            self._env.set_mapsize(0)
            return self._env.begin()
        except lmdb.Error as error:
            raise StoreError(self._file, f"cannot be read: {error}") from None

    def _once(self, write: Callable[[Change], T]) -> T:
        txn = self._env.begin(write=True)
        try:
            result = write(Change(txn, self._tables))
        except BaseException:
            # As in `store`: an abort waits until nobody reads, a moment that has to be made.
            with self._gate.alone():
                txn.abort()
            raise
        txn.commit()
        return result

    def _grow(self) -> None:
        try:
            with self._gate.alone():
                self._env.set_mapsize(2 * self._env.info()["map_size"])
        except lmdb.Error as error:
            raise FullError(self._file, f"the map cannot grow: {error}") from None


def _hold(path: Path) -> int:
    try:
        return hold(path / _LOCK_FILE)
    except BusyError:
        raise BusyError(path, "another process cosigns with this witness") from None


def _size_key(prefix: bytes, size: int) -> bytes:
    return prefix + size.to_bytes(8, "big")
