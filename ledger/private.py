"""Private files: for this account alone, and on disk before anyone relies on them.

A file is created with mode 0600 in the same call that creates it, so that nobody else can open it
even for a moment; folders have mode 0700. Nothing is encrypted here, and nothing is wiped.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import PrivateFileError

__all__ = [
    "create_private",
    "locked",
    "make_private_folder",
    "open_private",
    "read_private",
    "replace_private",
    "sync_folder",
    "write_all",
]

_OTHERS = 0o077
_SAFE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link, and no wait for a pipe's other end


def create_private(path: Path, data: bytes, *, error: type[PrivateFileError]) -> None:
    """Write a new file, and its name, to disk: all of it, or nothing.

    Raises:
        PrivateFileError: As `error`: it exists already, or cannot be written.
    """
    _write(path, data, error=error, new=True)


@contextlib.contextmanager
def locked(path: Path, *, error: type[PrivateFileError], wait: bool) -> Iterator[None]:
    """Hold the lock that is the file `path`, made if it is not there, as the one process.

    Args:
        path: The file.
        error: What is raised.
        wait: Wait for another process that holds it.

    Raises:
        PrivateFileError: As `error`: it cannot be made or had, or another process holds it.
    """
    if not path.exists():
        try:
            create_private(path, b"", error=error)
        except error:
            if not path.exists():  # else another process was faster
                raise
    # NFS gives this lock only to who may write: flock(2).
    with _opened(path, os.O_RDWR, error=error) as fd:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise error(path.parent, "another process is using it") from None
        except OSError as failure:
            raise error(path, f"cannot be locked: {failure.strerror}") from None
        yield


def replace_private(path: Path, data: bytes, *, error: type[PrivateFileError]) -> None:
    """Write a file and put it in the place of what may be there: all of it, or nothing.

    Raises:
        PrivateFileError: As `error`: it cannot be written.
    """
    _write(path, data, error=error, new=False)


def _write(path: Path, data: bytes, *, error: type[PrivateFileError], new: bool) -> None:
    """Write a file beside its place, bring it to disk, and move it there.

    A crash leaves what was there before or the new file, and perhaps a `.new` beside it, which the
    next call takes over. Of several processes one writes at a time, and the last one's stays.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with contextlib.closing(_Open(_claim(beside))) as claimed:
            if new and os.path.lexists(path):
                beside.unlink()
                raise error(path, "exists already, and is not overwritten")
            try:
                write_all(claimed.fd, data)
                os.fsync(claimed.fd)
                beside.replace(path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
            sync_folder(path.parent)
    except OSError as failure:
        raise error(path, f"cannot be written: {failure.strerror}") from None


def _claim(beside: Path) -> int:
    """Open the new file `beside`, which no other process takes away until it is closed."""
    while True:
        try:
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600)
        except FileExistsError:
            _take_away(beside)
            continue
        try:
            if _lock(fd, beside):
                return fd
        except BaseException:
            os.close(fd)
            beside.unlink(missing_ok=True)
            raise
        os.close(fd)


def _take_away(beside: Path) -> None:
    """Remove what a process that was killed had begun; wait for one that is writing."""
    with contextlib.suppress(FileNotFoundError):  # it was moved to its place meanwhile
        if not stat.S_ISREG(beside.lstat().st_mode):
            beside.unlink()
            return
        fd = os.open(beside, os.O_RDWR | _SAFE)  # as in `locked`
        with contextlib.closing(_Open(fd)):
            if _lock(fd, beside):
                beside.unlink()


def _lock(fd: int, beside: Path) -> bool:
    """Lock an open file, and tell whether it still stands there."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        return os.path.samestat(os.fstat(fd), beside.lstat())
    except FileNotFoundError:
        return False


def read_private(path: Path, *, limit: int, error: type[PrivateFileError]) -> bytes:
    """Read a file that nobody else may read.

    Raises:
        PrivateFileError: As `error`: it is not there, is no plain file, is longer than `limit`,
            or its mode lets its group or others at it.
    """
    with open_private(path, error=error) as fd:
        chunks: list[bytes] = []
        left = limit + 1
        while chunk := os.read(fd, min(left, 1 << 20)):  # nothing is read where none is left
            chunks.append(chunk)
            left -= len(chunk)
    if not left:
        raise error(path, f"is longer than {limit} octets")
    return b"".join(chunks)


@contextlib.contextmanager
def open_private(path: Path, *, error: type[PrivateFileError]) -> Iterator[int]:
    """Open a file that nobody else may read, for reading.

    Raises:
        PrivateFileError: As `read_private`.
    """
    with _opened(path, os.O_RDONLY, error=error) as fd:
        yield fd


@contextlib.contextmanager
def _opened(path: Path, access: int, *, error: type[PrivateFileError]) -> Iterator[int]:
    try:
        fd = os.open(path, access | _SAFE)
    except OSError as failure:
        raise error(path, f"cannot be opened: {failure.strerror}") from None
    with contextlib.closing(_Open(fd)):
        # The open file is asked, not its name, which may be another file's by now.
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise error(path, "is not a plain file")
        if mode & _OTHERS:
            found = stat.S_IMODE(mode)
            reason = f"others than its owner can use it: mode {found:04o}, not 0600"
            raise error(path, f"{reason}; `chmod 600` closes it")
        yield fd


def make_private_folder(path: Path, *, error: type[PrivateFileError]) -> None:
    """Make a folder that nobody else may enter, unless it is there.

    Raises:
        PrivateFileError: As `error`: it cannot be made, or others may enter it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode
        sync_folder(path.parent)
    except OSError as failure:
        raise error(path, f"cannot be made a folder: {failure.strerror}") from None
    if mode & _OTHERS:
        found = stat.S_IMODE(mode)
        reason = f"others than its owner can enter it: mode {found:04o}, not 0700"
        raise error(path, f"{reason}; `chmod 700` closes it")


def sync_folder(path: Path) -> None:
    """Bring the names in a folder to disk.

    Raises:
        OSError: The system cannot. It names the folder, as the system does where it opens one.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with contextlib.closing(_Open(fd)):
        try:
            os.fsync(fd)
        except OSError as failure:
            raise OSError(failure.errno, failure.strerror, str(path)) from None


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`: one call may write less.

    Raises:
        OSError: The system cannot.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class _Open:
    """An open file descriptor, as something with `close`."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        os.close(self.fd)
