"""What is kept, in a party's folder, of one ledger that it follows from outside.

    remote/<fingerprint>.json   where the ledger stood: tree, governance, checkpoint
    remote/<fingerprint>.ids    (event id, index) of every event, 40 octets each
    remote/<fingerprint>.lock   held by the one process that moves them forward
    remote/<fingerprint>.fork   a fork proof (SPEC section 10.3), if two histories were ever seen
    remote/<fingerprint>.<key ID>.fork   that a witness stepped back, if one did
    remote/<fingerprint>.checkpoint   the larger one, if the ledger was ever seen to be smaller
    remote/<fingerprint>.invalid   an export with entries that may not stand there, if one ever came

The ids are written first, and the state file says how many of them count: a crash in between
leaves the old state. Nothing here is secret, but whom a party deals with is nobody's business:
0600 and 0700.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from ledger.errors import OutboxError
from ledger.follower import Follower, parse_follower
from ledger.private import (
    create_private,
    locked,
    make_private_folder,
    read_private,
    replace_private,
    sync_folder,
    write_all,
)
from verify.errors import VerifyError

__all__ = ["Kept", "keep_shown"]

_ID: Final = struct.Struct(">32sQ")
_MAX_STATE: Final = 1 << 30
_MAX_IDS: Final = 1 << 34


class Kept:
    """What is kept of one ledger in the party's folder. For one thread."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Keep what is known of the ledger with this fingerprint in `folder`.

        Raises:
            OutboxError: The folder cannot be used.
        """
        make_private_folder(folder.parent, error=OutboxError)
        make_private_folder(folder, error=OutboxError)
        self._fingerprint = fingerprint
        self._state = folder / f"{fingerprint}.json"
        self._lock = folder / f"{fingerprint}.lock"
        self._fork = folder / f"{fingerprint}.fork"
        self._ids_path = folder / f"{fingerprint}.ids"
        self._ids = _Ids(self._ids_path)
        self._data = b""
        self._locked = False

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one process that moves this forward; waits for another that does.

        Within this block it is no other.
        """
        if self._locked:
            yield
            return
        with locked(self._lock, error=OutboxError, wait=True):
            self._locked = True
            try:
                yield
            finally:
                self._locked = False

    def load(self, held: Follower | None) -> Follower:
        """Return the follower that is kept: `held` itself, unless another process moved it."""
        data = b""
        if self._state.exists():
            data = read_private(self._state, limit=_MAX_STATE, error=OutboxError)
        if held is not None and data == self._data:
            return held
        self._ids = _Ids(self._ids_path)
        if not data:
            return Follower(fingerprint=self._fingerprint, find_known=self._ids)
        self._ids.count = _count_of(data, self._state)
        try:
            follower = parse_follower(data, fingerprint=self._fingerprint, find_known=self._ids)
        except VerifyError as error:
            raise OutboxError(self._state, f"cannot be read: {error}") from None
        self._data = data
        return follower

    def save(self, follower: Follower) -> None:
        """Keep a follower that has been checked."""
        if follower.fresh:
            self._ids.add(follower.fresh)
            follower.fresh = {}
        data = follower.format()
        if data != self._data:
            replace_private(self._state, data, error=OutboxError)
            self._data = data

    def ids_with_prefix(self, digits: str) -> tuple[str, ...]:
        """Return all ids that begin with these hex digits, of what was loaded and saved last."""
        found = (event_id.hex() for event_id in self._ids.known())
        return tuple(sorted(one for one in found if one.startswith(digits)))

    def keep_fork(self, proof: bytes, *, name: str = "fork") -> Path | None:
        """Keep a fork proof, of the log or, under a longer name, of a witness: as `keep_shown`."""
        return keep_shown(self._fork.with_suffix(f".{name}"), proof)

    def keep_checkpoint(self, note: bytes) -> Path | None:
        """Keep a checkpoint that is larger than what the ledger showed later: as `keep_shown`."""
        return keep_shown(self._state.with_suffix(".checkpoint"), note)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Lend a folder for something large that may be kept."""
        with tempfile.TemporaryDirectory(
            prefix=".", suffix=".new", dir=self._state.parent, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)

    def keep_invalid(self, export: Path) -> Path | None:
        """Keep the folder of an export that the log key signed, and that is not valid.

        Returns:
            Where it is, whole; None if it could not be kept.
        """
        path = self._state.with_suffix(".invalid")
        try:
            with self.scratch() as room:  # it may come from another disk
                whole = room / "export"
                shutil.move(export, whole)
                shutil.rmtree(path, ignore_errors=True)
                whole.rename(path)
            sync_folder(path.parent)
        except OSError:
            return None
        return path


def keep_shown(path: Path, data: bytes) -> Path | None:
    """Keep what shows that somebody went back on their word; None if it cannot be written.

    It is to be told all the same: a full disk must not hide it.
    """
    try:
        replace_private(path, data, error=OutboxError)
    except OutboxError:
        return None
    return path


class _Ids:
    """The event ids that are known on disk; read when one is first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._known: dict[bytes, int] | None = None

    def __call__(self, event_id: bytes) -> int | None:
        return self.known().get(event_id)

    def known(self) -> dict[bytes, int]:
        """Return every id that counts, with its entry's index."""
        if self._known is None:
            self._known = dict(_ID.iter_unpack(self._read()))
        return self._known

    def add(self, fresh: dict[bytes, int]) -> None:
        """Write ids behind those that count, and sync them."""
        if not self.path.exists():
            create_private(self.path, b"", error=OutboxError)
        data = b"".join(_ID.pack(event_id, index) for event_id, index in fresh.items())
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.ftruncate(fd, self.count * _ID.size)
                os.lseek(fd, 0, os.SEEK_END)
                write_all(fd, data)
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as failure:
            raise OutboxError(self.path, f"cannot be written: {failure.strerror}") from None
        if self._known is not None:
            self._known.update(fresh)
        self.count += len(fresh)

    def _read(self) -> bytes:
        if not self.count:
            return b""
        wanted = self.count * _ID.size
        data = read_private(self.path, limit=_MAX_IDS, error=OutboxError)[:wanted]
        if len(data) != wanted:
            raise OutboxError(self.path, "is shorter than it was written")
        return data


class _Counted(msgspec.Struct):
    ids: int


def _count_of(data: bytes, path: Path) -> int:
    try:
        return msgspec.json.decode(data, type=_Counted).ids
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise OutboxError(path, "cannot be read") from None
