"""Folders that are there whole or not at all, and copies of files that are whole or nothing.

A folder is made beside its place, under a name that begins with a dot, brought to disk and renamed.
Whatever ends the making, a kill and a power cut too, what stands in its place is nothing or the
whole; only a kill leaves the folder beside, which the next making of the same removes. A lock in
it tells what is left over from what another process is making just now.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import BusyError, FullError, StoreError
from ledger.files import NO_ROOM
from ledger.private import sync_folder, write_all

__all__ = ["copy_file", "create_file", "making", "room_beside"]

_LOCK = ".making"
_CHUNK = 1 << 20
_OTHERS = 0o077
_SAFE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link, and no wait for a pipe's other end


@contextlib.contextmanager
def making(target: Path) -> Iterator[Path]:
    """Make the folder `target`, for this account alone.

    Yields:
        The folder beside, empty, in which everything is to be put and synced. It takes its place
        when the block ends without an exception.

    Raises:
        StoreError: Something is there already, or the folder cannot be made, or not for this
            account alone.
        FullError: There is no room.
        BusyError: Another process is making it.
    """
    if os.path.lexists(target):
        raise StoreError(target, "exists already")
    beside = _beside(target)
    try:
        lock = _claim(beside, target)
        with _closing(lock):
            try:
                _check_private(beside, target)
                yield beside
                sync_folder(beside)
                beside.rename(target)
            except BaseException:
                _remove(beside)
                raise
            # Only now: whoever found the folder beside without its lock would take it over.
            (target / _LOCK).unlink()
            sync_folder(target)
            sync_folder(target.parent)
    except OSError as failure:
        kind = FullError if failure.errno in NO_ROOM else StoreError
        raise kind(target, f"cannot be made: {failure.strerror}") from None


@contextlib.contextmanager
def room_beside(target: Path) -> Iterator[Path]:
    """Lend the folder beside `target` itself, for what is to take that place from within it.

    Raises:
        BusyError: Another process is making `target`.
        StoreError: Something else is in the way.
        OSError: It cannot be made.
    """
    beside = _beside(target)
    with _closing(_claim(beside, target)):
        try:
            yield beside
        finally:
            _remove(beside)


def create_file(path: Path) -> int:
    """Create a file for this account alone; return it open for writing.

    Raises:
        OSError: It is there, or cannot be created.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600)


def copy_file(source: Path, target: Path) -> str | None:
    """Copy a file into a new one, for this account alone, and bring its octets to disk.

    It is never linked: a link shares the octets on the disk, and so what rots or is changed there.

    Returns:
        SHA-256 of the octets, in hex. None if `source` is no plain file or cannot be read to its
        end: then there may be a part of it.

    Raises:
        OSError: `target` cannot be written.
    """
    reading = _open_plain(source)
    if reading is None:
        return None
    with _closing(reading), _closing(create_file(target)) as writing:
        digest = hashlib.sha256()
        while chunk := _read(reading):
            digest.update(chunk)
            write_all(writing, chunk)
        if chunk is None:
            return None
        os.fsync(writing)
    return digest.hexdigest()


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.making")


def _claim(beside: Path, target: Path) -> int:
    """Make the folder beside, or take over what was left of it; return its lock, held.

    Raises:
        OSError: It cannot be made, or is not ours.
        BusyError: Another process is making it.
    """
    lock = None
    while lock is None:
        made = False
        with contextlib.suppress(FileExistsError):
            beside.mkdir(mode=0o700)
            made = True
        try:
            lock = _lock(beside, target, made=made)
        except OSError:
            with contextlib.suppress(OSError):
                if made:
                    (beside / _LOCK).unlink(missing_ok=True)
                    beside.rmdir()
            raise
    _clear(beside)
    return lock


def _check_private(beside: Path, target: Path) -> None:
    """Check that the folder beside has the mode with which it was made: FAT gives it another.

    Raises:
        StoreError: It has not.
    """
    if beside.stat().st_mode & _OTHERS:
        raise StoreError(target, "cannot be kept from others on this file system")


def _clear(beside: Path) -> None:
    """Remove what is in the folder beside, but for its lock.

    Raises:
        OSError: Something cannot be removed.
    """
    for left in beside.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()


def _remove(beside: Path) -> None:
    """Remove the folder beside, its lock last: from then on it is whoever's comes next."""
    with contextlib.suppress(OSError):
        _clear(beside)
        (beside / _LOCK).unlink()
        beside.rmdir()


def _lock(beside: Path, target: Path, *, made: bool) -> int | None:
    """Hold the lock in the folder beside; None if the folder is gone, or another one by now.

    One that was not made just now must look as if an earlier making had left it.

    Raises:
        OSError: It cannot be had.
        BusyError: Another process holds it.
    """
    try:
        if not (made or _is_ours(beside)):
            raise StoreError(beside, "is in the way")
        lock = os.open(beside / _LOCK, os.O_RDWR | os.O_CREAT | _SAFE, 0o600)
    except FileNotFoundError:
        return None  # it was moved to its place, or removed, in this moment
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BusyError(target, "another process is making it") from None
    except OSError:
        os.close(lock)
        raise
    if _is_still(lock, beside / _LOCK):
        return lock
    os.close(lock)
    return None


def _is_ours(beside: Path) -> bool:
    """Tell whether what stands beside is a folder that `making` made, or may have made."""
    status = beside.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    names = {path.name for path in beside.iterdir()}
    return not status.st_mode & _OTHERS and (not names or _LOCK in names)


def _is_still(lock: int, path: Path) -> bool:
    """Tell whether the file that is open is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(lock), path.lstat())
    except FileNotFoundError:
        return False


def _open_plain(path: Path) -> int | None:
    try:
        fd = os.open(path, os.O_RDONLY | _SAFE)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return fd


def _read(fd: int) -> bytes | None:
    """Return the next octets, none at the end; None if they cannot be read."""
    try:
        return os.read(fd, _CHUNK)
    except OSError:
        return None


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)
