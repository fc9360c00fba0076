"""Files that appear whole or not at all, and never over another unless that is asked for."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledger.private import sync_folder

__all__ = ["write_files"]

# What a file system that has none says: FAT on Linux, on macOS, and what runs as a program (FUSE).
_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS))
_THERE = "exists already, and is not overwritten"


def write_files(files: Mapping[Path, bytes], *, force: bool = False) -> None:
    """Write files, each first beside its place and then renamed, in the order given.

    Args:
        files: What to write.
        force: Take the place of files that are there.

    Raises:
        FileExistsError: One is there and `force` is not given: nothing was written, or, where
            another process brought it meanwhile, those before it.
        OSError: One cannot be written: nothing half-written is left.
    """
    if not force:
        for path in files:
            if os.path.lexists(path):
                raise FileExistsError(0, _THERE, str(path))
    with contextlib.ExitStack() as stack:
        beside = {path: stack.enter_context(_beside(path, data)) for path, data in files.items()}
        for path, written in beside.items():
            if force:
                written.replace(path)
            else:
                _put(written, path)
    for folder in {path.parent for path in files}:
        sync_folder(folder)


def _put(written: Path, path: Path) -> None:
    """Give a file that is written its name, unless something has it."""
    try:
        with _naming(path):
            path.hardlink_to(written)  # which, other than a rename, never replaces
    except FileExistsError:
        raise FileExistsError(0, _THERE, str(path)) from None
    except OSError as failure:
        # On a stick with FAT somebody else's file of this moment could be lost, and no other.
        if failure.errno not in _NO_LINKS or os.path.lexists(path):
            raise
        written.replace(path)


@contextlib.contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    """Write data beside a path, where it goes again when the block ends."""
    with _naming(path):
        fd, name = tempfile.mkstemp(prefix=".counterfoil-", dir=path.parent)
    written = Path(name)
    try:
        with _naming(path), open(fd, "wb") as file:  # noqa: PTH123 (it is open already)
            file.write(data)
            file.flush()
            # `mkstemp` makes files for this account alone; a document has its usual mode.
            os.fchmod(fd, 0o666 & ~_umask())
            os.fsync(fd)
        yield written
    finally:
        written.unlink(missing_ok=True)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let a failure name the file that was asked for, not the one beside it or none."""
    try:
        yield
    except OSError as failure:
        raise OSError(failure.errno, failure.strerror, str(path)) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
