"""The importer's journal: which place of which source became which event of which ledger.

One line for each event, appended and synced before the outbox lets go of it, so that a second run
over the same files records nothing twice. A line torn by a crash is cut off when the journal is
opened: its event still stands in the outbox. Only hashes are in it. Two processes must not write
it at a time: whoever opens the outbox beside it has the right to.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ledger.errors import JournalError
from ledger.private import create_private, open_private, sync_folder, write_all
from verify.codec import Count, Decoder, Hash, Wire, encode
from verify.errors import MalformedError

__all__ = ["Journal", "Line", "Place"]

_CHUNK: Final = 1 << 20


class Place(Wire, frozen=True, kw_only=True):
    """Where an event came from.

    Attributes:
        source: SHA-256 of the source's octets, in hex.
        place: Which part of it: an event's number in a draft, from 1; 0 for the whole of a mail.
        message: SHA-256 of the mail's Message-ID, by which replies find it.
    """

    source: Hash
    place: Count
    message: Hash | None = None


class Line(Wire, frozen=True, kw_only=True):
    """One line: a place, the ledger by its fingerprint, and the event by its id."""

    event: Hash
    ledger: Hash
    source: Hash
    place: Count
    message: Hash | None = None


_LINE = Decoder(Line, name="journal line")


class Journal:
    """A journal file, read whole when it is opened."""

    def __init__(self, path: Path) -> None:
        """Open the journal, or begin one.

        Raises:
            JournalError: The file cannot be used, or a line in it cannot be read.
        """
        self.path = path
        self._events: dict[tuple[str, str, int], str] = {}
        self._messages: dict[tuple[str, str], str] = {}
        if not path.exists():
            create_private(path, b"", error=JournalError)
        data, torn = _read(path)
        if torn:
            _cut(path, len(data))
        for number, line in enumerate(data.splitlines(), 1):
            try:
                self._know(_LINE.decode(line))
            except MalformedError as error:
                raise JournalError(path, f"line {number} cannot be read: {error}") from None

    def __len__(self) -> int:
        return len(self._events)

    def find(self, ledger: str, *, source: str, place: int) -> str | None:
        """Return the id of the event that this place became in this ledger, in hex."""
        return self._events.get((ledger, source, place))

    def find_message(self, ledger: str, message: str) -> str | None:
        """Return the first event of this ledger that holds the mail with this Message-ID's hash."""
        return self._messages.get((ledger, message))

    def add(self, lines: Iterable[Line]) -> None:
        """Write lines, and return when they are on disk. What is known already is passed over.

        Raises:
            JournalError: It cannot be written, or a place is another event already.
        """
        new: dict[tuple[str, str, int], Line] = {}
        for line in lines:
            key = (line.ledger, line.source, line.place)
            known = self._events.get(key)
            if known is None and key in new:
                known = new[key].event
            if known is None:
                new[key] = line
            elif known != line.event:
                where = f"place {line.place} of source {line.source}"
                raise JournalError(self.path, f"{where} is event {known} already")
        if not new:
            return
        self._append(b"".join(encode(line) + b"\n" for line in new.values()))
        for line in new.values():
            self._know(line)

    def _append(self, data: bytes) -> None:
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
            size = os.fstat(fd).st_size
            try:
                write_all(fd, data)
                os.fsync(fd)
            except OSError:
                # A full disk: half a line must not end up before the next whole one.
                with contextlib.suppress(OSError):
                    os.ftruncate(fd, size)
                raise
            finally:
                os.close(fd)
        except OSError as failure:
            raise JournalError(self.path, f"cannot be written: {failure.strerror}") from None

    def _know(self, line: Line) -> None:
        self._events[line.ledger, line.source, line.place] = line.event
        if line.message is not None:
            self._messages.setdefault((line.ledger, line.message), line.event)


def _read(path: Path) -> tuple[bytes, bool]:
    """Return the whole lines of the journal, and whether something torn stands after them."""
    chunks: list[bytes] = []
    with open_private(path, error=JournalError) as fd:
        while chunk := os.read(fd, _CHUNK):
            chunks.append(chunk)
    data = b"".join(chunks)
    whole = data[: data.rfind(b"\n") + 1]
    return whole, len(whole) < len(data)


def _cut(path: Path, size: int) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.ftruncate(fd, size)
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_folder(path.parent)
    except OSError as failure:
        raise JournalError(path, f"cannot be mended: {failure.strerror}") from None
