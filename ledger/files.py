"""Files outside the chain: `files/<sha256>`, each named by the hash of its octets.

A file is there whole and on disk, or not at all: it grows under a name that no hash has, is
checked, synced and renamed, and then the folder is synced. Whether a disclosure names a file is
not known here.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from ledger.errors import FileMismatchError, FullError, NotFoundError, StoreError
from ledger.private import sync_folder, write_all

__all__ = ["NO_ROOM", "ByteStream", "Files", "Kept", "Vouched"]

NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What the system says when there is no room: of the disk, of a quota, of a process."""

_CHUNK = 1 << 20
_NAME = re.compile(r"[0-9a-f]{64}")
_GROWING = ".new-"


class ByteStream(Protocol):
    """Something to read octets from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` octets; none at the end."""


class Kept(NamedTuple):
    """A file that is kept: its hash, how many octets it has, and since when it is there."""

    sha256: str
    size: int
    since_ms: int


class Files:
    """The files of one ledger.

    Attributes:
        folder: Where they are.
    """

    __slots__ = ("folder",)

    def __init__(self, folder: Path) -> None:
        """Use the files in `folder`, which need not be there yet."""
        self.folder = folder

    def add(self, stream: ByteStream, *, sha256: str, size: int) -> None:
        """Keep a file, unless it is kept already.

        When this returns, the file and its name are on disk. At most one octet more than `size`
        is read.

        Args:
            stream: The file's octets.
            sha256: Their hash, in hex.
            size: How many there are.

        Raises:
            FileMismatchError: The octets are not of that size or hash.
            FullError: There is no room.
            StoreError: The folder cannot be used, or the stream broke.
            NotFoundError: `sha256` is no hash.
        """
        target = self._name(sha256)
        growing = self.folder / f"{_GROWING}{secrets.token_hex(16)}"
        try:
            if not self.folder.is_dir():
                self.folder.mkdir(mode=0o700, exist_ok=True)
                sync_folder(self.folder.parent)
            self._receive(stream, growing, sha256=sha256, size=size)
            growing.replace(target)
            sync_folder(self.folder)
        except OSError as failure:
            error = FullError if failure.errno in NO_ROOM else StoreError
            raise error(target, f"cannot be written: {failure.strerror}") from None
        finally:
            growing.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        """Return where a file is.

        Raises:
            NotFoundError: It is not there.
        """
        path = self._name(sha256)
        if not path.is_file():
            raise NotFoundError(f"file {sha256}")
        return path

    def size(self, sha256: str) -> int | None:
        """Return how many octets a file has; None if it is not there."""
        try:
            return self._name(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def kept(self) -> Iterator[Kept]:
        """Yield the files that are there, in no order; nothing that is half written, or a link.

        One that comes or goes meanwhile is there or not.

        Raises:
            StoreError: The folder cannot be read.
        """
        try:
            with os.scandir(self.folder) as found:
                for each in found:
                    if not _NAME.fullmatch(each.name):
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        status = each.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            yield Kept(each.name, status.st_size, status.st_mtime_ns // 1_000_000)
        except FileNotFoundError:
            return  # no file has come yet
        except OSError as failure:
            raise StoreError(self.folder, f"cannot be read: {failure.strerror}") from None

    def sync(self) -> None:
        """Bring the names of all files to disk: of those, too, that somebody restored here.

        Raises:
            OSError: The system cannot.
        """
        if self.folder.is_dir():
            sync_folder(self.folder)

    def clean(self) -> None:
        """Remove what crashes left half written. For the one process that may write here."""
        for path in self.folder.glob(f"{_GROWING}*"):
            path.unlink(missing_ok=True)

    def _name(self, sha256: str) -> Path:
        # What is no hash never becomes a path.
        if not _NAME.fullmatch(sha256):
            raise NotFoundError(f"file {sha256[:80]!r}")
        return self.folder / sha256

    def _receive(self, stream: ByteStream, path: Path, *, sha256: str, size: int) -> None:
        digest = hashlib.sha256()
        left = size + 1
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with contextlib.closing(os.fdopen(fd, "wb", buffering=0)):
            while left and (chunk := _read(stream, min(left, _CHUNK))):
                left -= len(chunk)
                digest.update(chunk)
                write_all(fd, chunk)
            os.fsync(fd)
        if left != 1:
            found = str(size + 1 - left)
            raise FileMismatchError("another size", expected=str(size), found=found)
        if digest.hexdigest() != sha256:
            raise FileMismatchError("another hash", expected=sha256, found=digest.hexdigest())


class Vouched:
    """The files of a ledger for somebody who may name only some of them."""

    __slots__ = ("_files", "_named")

    def __init__(self, files: Files, named: Container[str]) -> None:
        """Show of `files` those whose hashes are in `named`."""
        self._files = files
        self._named = named

    def size(self, sha256: str) -> int | None:
        """Return how many octets a file has; None if it is not there, or may not be named."""
        return self._files.size(sha256) if sha256 in self._named else None


def _read(stream: ByteStream, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError as failure:
        raise StoreError("file", f"did not come to its end: {failure}") from None
