"""What a witness keeps on disk, in a database (`database`).

    witness.mdb
        meta       `format`
        latest     log -> `Latest`: the largest tree cosigned, and when
        cosigned   log, size -> the first checkpoint cosigned at that size, with all signatures
        forks      log, kind, size, root -> `Fork`: a checkpoint refused, and what it contradicts
    witness.lock   held by the one process that cosigns

A log stands in a key as SHA-256 of its origin. What may be written is decided by `witness`, inside
the transaction: so nothing can come between what was looked at and what was written.

Nothing is ever removed but forks above a bound, and what turned out to be none.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from ledger.database import Database, Kind, Table, Transaction

__all__ = ["MAP_SIZE", "STORE_FILE", "Change", "Fork", "Latest", "Moment", "WitnessStore", "log_id"]

STORE_FILE = "witness.mdb"
MAP_SIZE = 1 << 28
"""Octets of address space to begin with. It is doubled when it is full."""

_KIND = Kind(
    what="witness",
    busy="another process cosigns with this witness",
    file=STORE_FILE,
    lock="witness.lock",
    format=b"counterfoil-witness/1",
    tables=(b"cosigned", b"forks", b"latest", b"meta"),
)
_KINDS: Final = {"two-roots": b"2", "no-proof": b"0"}

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

    def __init__(self, txn: Transaction, tables: dict[bytes, Table]) -> None:
        """Look with `txn`."""
        self._txn = txn
        self._tables = tables

    def latest(self, log: bytes) -> Latest | None:
        """Return the largest tree cosigned of a log; None if none was."""
        found = self._txn.get(log, db=self._tables[b"latest"])
        return None if found is None else _LATEST.decode(found)

    def cosigned_at(self, log: bytes, size: int) -> bytes | None:
        """Return the first checkpoint cosigned at a size; None if none was."""
        found = self._txn.get(_size_key(log, size), db=self._tables[b"cosigned"])
        return None if found is None else bytes(found)

    def cosigned(self, log: bytes) -> Iterator[bytes]:
        """Yield the first checkpoint cosigned at each size, by size."""
        return (value for _, value in self._within(b"cosigned", log))

    def forks(self, log: bytes) -> list[Fork]:
        """Return what was refused as inconsistent, in the order in which it came."""
        found = [_FORK.decode(value) for _, value in self._within(b"forks", log)]
        return sorted(found, key=lambda fork: (fork.at_s, fork.size))

    def logs(self) -> list[bytes]:
        """Return the logs of which anything is kept."""
        cursor = self._txn.cursor(self._tables[b"latest"])
        return [bytes(key) for key in cursor.iternext(keys=True, values=False)]

    def _within(self, table: bytes, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        cursor = self._txn.cursor(self._tables[table])
        if cursor.set_range(prefix):
            for key, value in cursor:
                if key[: len(prefix)] != prefix:
                    return
                yield bytes(key), bytes(value)


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


class WitnessStore(Database):
    """The store of one witness. One process writes, in one thread; any number of threads read.

    Attributes:
        path: The witness's folder.
        read_only: Whether this process cosigns nothing.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, create: bool = False, map_size: int = MAP_SIZE
    ) -> None:
        """Open the store in the folder `path`: see `Database`.

        Raises:
            NotFoundError: There is no store.
            BusyError: Another process cosigns with it, or this one has the store open already.
            StoreError: It cannot be opened, or is not a store of this version.
        """
        super().__init__(path, _KIND, read_only=read_only, create=create, map_size=map_size)

    @contextlib.contextmanager
    def read(self) -> Iterator[Moment]:
        """Read what is there now, whatever is written meanwhile.

        Raises:
            StoreError: The store cannot be read.
        """
        with self._reading() as txn:
            yield Moment(txn, self._tables)

    def change(self, write: Callable[[Change], T]) -> T:
        """Run `write` in one transaction; when this returns, what it wrote is on disk.

        Args:
            write: Looks and writes. It is run again, from the same state, in a larger map if the
                map turns out to be full.

        Raises:
            FullError: There is no room; nothing was written.
            StoreError: Nothing was written, or the store can no longer be used.
        """
        return self._write(lambda txn: write(Change(txn, self._tables)))


def _size_key(prefix: bytes, size: int) -> bytes:
    return prefix + size.to_bytes(8, "big")
