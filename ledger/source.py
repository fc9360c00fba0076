"""The source of a client or a mirror: what a server serves of a ledger, part by part.

    checkpoint, checkpoint/before/…   where the ledger stands, and a size on the way there
    checkpoint/cosigned               the latest that a quorum of its witnesses cosigned
    tile/…, tile/entries/…            tiles and entries
    checkpoints?start&stop            the kept notes about entries (SPEC section 11.2)
    disclosures?start&stop            the claims that are open to whoever asks, by entry
    files/…                           files that open claims name

Nothing of it is believed here. Each answer is bounded, and each must go on from the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from ledger.asking import Asking
from ledger.served import MAX_NOTES, AlteredError, NotesAbout, entries_of, parse_note
from ledger.transport import Incoming
from verify.chunk import Line, parse_line
from verify.codec import encode
from verify.errors import MalformedError
from verify.note import MAX_NOTE_SIZE
from verify.submission import MAX_DISCLOSURES
from verify.tiles import TILE_WIDTH

__all__ = ["Source"]

_MAX_PAGE: Final = 2 * MAX_DISCLOSURES  # a page has 1 MiB, and then at most one line more


class _Disclosures(msgspec.Struct):
    """A page of disclosures: lines, and up to which entry they were looked for.

    They are read as lines at once: a page, which comes in 32 KiB of gzip, can have 16 Mi of
    anything else.
    """

    disclosures: list[Line]
    stop: int


class Source:
    """What a server serves of one ledger. For one thread."""

    def __init__(self, asking: Asking) -> None:
        """Fetch through `asking`, which stays its caller's to close."""
        self._asking = asking
        self._bundle = ("", b"")

    def checkpoint(self) -> bytes:
        """Return the latest checkpoint, with what cosignatures it has.

        Raises:
            TargetError: It cannot be had.
        """
        return self._asking.fetch("checkpoint", limit=MAX_NOTE_SIZE)

    def cosigned(self) -> bytes:
        """Return the latest checkpoint that a quorum cosigned; the latest, where none is known of.

        Raises:
            TargetError: It cannot be had.
        """
        return self._asking.fetch(
            "checkpoint/cosigned", limit=MAX_NOTE_SIZE, otherwise="checkpoint"
        )

    def checkpoint_before(self, size: int) -> bytes:
        """Return the latest checkpoint that was published at a size or before it.

        Raises:
            AlteredError: It is none.
            TargetError: It cannot be had.
        """
        note = self._asking.fetch(f"checkpoint/before/{size}", limit=MAX_NOTE_SIZE)
        if not 0 < parse_note(note)[0].size <= size:
            raise AlteredError(f"/checkpoint/before: has not at most {size} entries")
        return note

    def part(self, path: str, width: int, limit: int) -> bytes:
        """Return a tile or bundle; the full one, where the partial one is no longer kept.

        Raises:
            TargetError: It cannot be had.
        """
        full = path.partition(".p/")[0] if width < TILE_WIDTH else None
        return self._asking.fetch(path, limit=limit, otherwise=full)

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the entries [start, stop).

        Raises:
            AlteredError: A bundle has fewer than it must.
            MalformedError: One is none.
            TargetError: One cannot be had.
        """
        return entries_of(self._bundled, start, stop)

    def _bundled(self, path: str, width: int, limit: int) -> bytes:
        """Return a bundle. Whoever stops within one and goes on later gets it from memory."""
        if self._bundle[0] != path:
            self._bundle = path, self.part(path, width, limit)
        return self._bundle[1]

    def disclosures(self, start: int, stop: int) -> Iterator[Line]:
        """Yield the lines of the entries [start, stop) that have open claims, in order.

        Raises:
            AlteredError: What comes is none, or not in order.
            TargetError: They cannot be had.
        """
        while start < stop:
            path = f"disclosures?start={start}&stop={stop}"
            page = _page(self._asking.fetch_own(path, limit=_MAX_PAGE))
            if not start < page.stop <= stop:
                raise AlteredError("/disclosures: a page does not go on from the one before")
            for each in page.disclosures:
                line = _line(each)
                if not start <= line.index < page.stop:
                    raise AlteredError("/disclosures: a line is not in its place")
                start = line.index + 1
                yield line
            start = page.stop

    def notes_about(self, start: int, stop: int) -> NotesAbout:
        """Return the way to the kept notes about the entries [start, stop)."""

        def fetch(start: int, stop: int) -> bytes:
            path = f"checkpoints?start={start}&stop={stop}"
            return self._asking.fetch(path, limit=MAX_NOTES, absent=b"")

        return NotesAbout(fetch, start=start, stop=stop)

    def file(self, sha256: str, take: Callable[[Incoming], None]) -> None:
        """Have `take` read a file; again from its start, whenever it is cut short.

        Raises:
            TargetError: It cannot be had.
        """
        self._asking.take(f"files/{sha256}", take)


def _page(data: bytes) -> _Disclosures:
    try:
        return msgspec.json.decode(data, type=_Disclosures)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AlteredError(f"/disclosures: a page cannot be read: {type(error).__name__}") from None


def _line(line: Line) -> Line:
    """Check the texts of a line, which its type leaves to whoever reads it as octets."""
    try:
        return parse_line(encode(line))
    except MalformedError as error:
        raise AlteredError(f"/disclosures: {error}") from None
