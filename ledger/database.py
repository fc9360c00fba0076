"""A database in one file: how LMDB is opened, read and written. The one module that opens it.

One process writes, in one thread at a time; any number of threads, here and elsewhere, read. All
that a transaction writes is on disk when it returns, or none of it is.

The map grows by itself. LMDB moves it when it grows, so growing waits until nobody reads, and
whoever wants to read waits for that moment: no read may last while its reader waits for
something else, and none may begin within another of the same thread.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

import lmdb

from ledger.errors import BusyError, FullError, NotFoundError, StoreError
from ledger.files import NO_ROOM
from ledger.gate import Gate, hold
from ledger.private import sync_folder

__all__ = ["Database", "Kind", "Table", "Transaction"]

# LMDB says EIO when the system wrote less than was asked, which it does when a disk is full.
_NO_ROOM = NO_ROOM | {errno.EIO}
_READERS = 1024
_READER_OCTETS = 64  # of each; what LMDB writes of the file itself needs room for a few more
_META = b"meta"
_MIB = 1 << 20
_BROKEN = "must be opened again: the disk failed at the moment at which it says what is written"

Table = lmdb._Database  # noqa: SLF001 - LMDB's type for a table has no public name
Transaction: TypeAlias = "lmdb.Transaction[memoryview]"
T = TypeVar("T")


class Kind(NamedTuple):
    """What a database is for.

    Attributes:
        what: What has it, in words: "ledger".
        busy: What is said when another process writes.
        file: Its name in the folder.
        lock: The name of the file that the one process that writes holds.
        format: What stands in its table `meta` under `format`.
        tables: The names of its tables; `meta` is one.
        by_index: Those of them that have native integers as keys.
    """

    what: str
    busy: str
    file: str
    lock: str
    format: bytes
    tables: tuple[bytes, ...]
    by_index: frozenset[bytes] = frozenset()


class Database:
    """A database that is open.

    Attributes:
        path: The folder that it is in.
        read_only: Whether this process writes nothing.
    """

    def __init__(
        self, path: Path, kind: Kind, *, read_only: bool, create: bool, map_size: int
    ) -> None:
        """Open the database in the folder `path`.

        Args:
            path: The folder.
            kind: What it is for.
            read_only: Write nothing, and do not ask whether somebody else does.
            create: Make a new one, where there must be none.
            map_size: Octets of address space to begin with.

        Raises:
            NotFoundError: There is none.
            BusyError: Another process writes, or this one has it open already.
            FullError: There is no room for it, or for its readers.
            StoreError: It cannot be opened, or is not of this kind or version.
        """
        self.path = path
        self.read_only = read_only
        self._file = path / kind.file
        if self._file.exists() is create:
            if create:
                raise StoreError(self._file, "exists already")
            raise NotFoundError(f"{kind.what} in {path}")
        readers = self._file.with_name(f"{kind.file}-lock")
        for file in (self._file, readers):
            # LMDB waits for the other end of a pipe, and no signal wakes it.
            if file.exists() and not file.is_file():
                raise StoreError(file, "is not a plain file")
        self._lock = None if read_only else hold(path / kind.lock, busy=kind.busy)
        self._gate = Gate()
        self._broken = False
        try:
            _allot(readers)
            self._open(kind, create=create, map_size=map_size)
        except lmdb.Error as error:
            self.close()
            if "already open" in str(error):
                raise BusyError(self._file, "is open in this process already") from None
            # What py-lmdb itself finds wrong has no code.
            failed = FullError if getattr(error, "code", None) in _NO_ROOM else StoreError
            raise failed(self._file, f"cannot be opened: {error}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it. Nobody may be reading or writing."""
        if hasattr(self, "_env"):
            self._env.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Transaction]:
        """Read what is there now, whatever is written meanwhile.

        Raises:
            StoreError: It cannot be read.
        """
        self._gate.enter()
        try:
            with self._begin() as txn:
                yield txn
        except lmdb.PanicError:
            self._broken = True
            raise StoreError(self._file, _BROKEN) from None
        except lmdb.Error as error:
            raise StoreError(self._file, f"cannot be read: {error}") from None
        finally:
            self._gate.leave()

    def check_written(self) -> None:
        """Check that what is written here is found again, where the database was opened.

        A folder can be moved or removed while it is open, or a copy put in its place. And LMDB
        writes nothing more once it could not say whether something was written.

        Raises:
            StoreError: It must be opened again.
        """
        if self._broken:
            raise StoreError(self._file, _BROKEN)
        for file, opened in self._opened:
            try:
                found = os.path.samestat(file.stat(), opened)
            except OSError:
                found = False
            if not found:
                reason = "was moved, removed or replaced while it was open: nothing was recorded"
                raise StoreError(file, reason)

    def _write(self, write: Callable[[Transaction], T]) -> T:
        """Run `write` in one synced transaction; again in a larger map if the map is full.

        Raises:
            FullError: There is no room; nothing was written.
            StoreError: Nothing was written, or the database can no longer be used.
        """
        while True:
            try:
                return self._once(write)
            except lmdb.MapFullError:
                self._grow()
            except lmdb.PanicError:
                self._broken = True  # as `_once` says when it is asked again
            except lmdb.Error as error:
                reason = f"nothing was recorded: {error}"
                kind = FullError if error.code in _NO_ROOM else StoreError
                raise kind(self._file, reason) from None

    def _copy(self, txn: Transaction, fd: int) -> None:
        """Write all that `txn` shows, without unused pages, to an open file or pipe."""
        self._env.copyfd(fd, compact=True, txn=txn)

    def _open(self, kind: Kind, *, create: bool, map_size: int) -> None:
        used = self._file.stat().st_size if self._file.exists() else 0
        # A new one is of the format that other tools read; an old one says by itself what it is.
        opening = functools.partial(lmdb.open, lib_version=0) if create else lmdb.open
        self._env = opening(
            str(self._file),
            map_size=max(map_size, -(-used // _MIB) * _MIB),
            subdir=False,
            readonly=self.read_only,
            mode=0o600,
            create=create,
            max_dbs=len(kind.tables),
            max_readers=_READERS,
            max_spare_txns=1,
        )
        self._env.reader_check()  # forget readers that were killed: they would keep pages in use
        if not create:
            self._check_format(kind)
        self._tables = {
            name: self._env.open_db(name, create=create, integerkey=name in kind.by_index)
            for name in kind.tables
        }
        if create:
            with self._env.begin(write=True) as txn:
                txn.put(b"format", kind.format, db=self._tables[_META])
            sync_folder(self.path)
        # The lock is held by a process only while it is the one that others find.
        written = () if self.read_only else (self._file, self.path / kind.lock)
        self._opened = [(file, file.stat()) for file in written]

    def _check_format(self, kind: Kind) -> None:
        """Check the format before anything is expected of it: another one has other tables."""
        try:
            meta = self._env.open_db(_META, create=False)
        except lmdb.NotFoundError:
            raise StoreError(self._file, f"is not the store of a {kind.what}") from None
        with self._env.begin() as reading:
            found = bytes(reading.get(b"format", db=meta) or b"")
        if found != kind.format:
            told = found[:40].decode("ascii", "backslashreplace")
            raise StoreError(
                self._file,
                f"was made by another version of this program: it is of format {told!r}, and this "
                f"one uses {kind.format.decode()!r} only",
            )

    def _begin(self) -> Transaction:
        try:
            return self._env.begin(buffers=True)
        except lmdb.ReadersFullError:
            if not self._env.reader_check():
                raise
            return self._begin()  # with the place of a reader that was killed
        except lmdb.MapResizedError:
            # Another process has made the map larger. 0 takes over its size.
            self._gate.leave()
            try:
                with self._gate.alone():
                    self._env.set_mapsize(0)
            finally:
                self._gate.enter()
            return self._env.begin(buffers=True)

    def _once(self, write: Callable[[Transaction], T]) -> T:
        self.check_written()
        txn = self._env.begin(write=True, buffers=True)
        try:
            result = write(txn)
        except BaseException:
            # py-lmdb 3.0 lets an abort wait for a moment in which no thread reads. Under load
            # that moment never comes by itself (measured), so it is made.
            with self._gate.alone():
                txn.abort()
            raise
        txn.commit()
        return result

    def _grow(self) -> None:
        if self._env.reader_check():
            return  # what a reader that was killed kept in use is free: that may be enough
        try:
            with self._gate.alone():
                self._env.set_mapsize(2 * self._env.info()["map_size"])
        except lmdb.Error as error:
            raise FullError(self._file, f"the map cannot grow: {error}") from None


def _allot(path: Path) -> None:
    """Have the disk keep all the room that LMDB's file of readers may come to need.

    LMDB makes it with a hole, and writes into it as into memory: where a full disk has no page for
    a further reader, the system ends the process with SIGBUS.

    Raises:
        FullError: There is no room.
    """
    # Once LMDB has written there, it stays untouched: closing it would give up LMDB's locks on it.
    if not hasattr(os, "posix_fallocate") or (path.exists() and path.stat().st_blocks):
        return
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return  # LMDB says why, or needs none: nobody writes on a disk that is read only
    try:
        os.posix_fallocate(fd, 0, (_READERS + _READERS // 16) * _READER_OCTETS)
    except OSError as failure:
        if failure.errno in NO_ROOM:
            # Some systems leave what there was room for, which would pass for LMDB's own.
            os.ftruncate(fd, 0)
            raise FullError(path, f"there is no room for it: {failure.strerror}") from None
    finally:
        os.close(fd)
