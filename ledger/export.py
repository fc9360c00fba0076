"""Exports: a folder that anyone can check with no server (SPEC section 11).

The folder appears whole or not at all: everything is written beside it, synced, and renamed.
What an export holds depends only on the ledger's size, its kept notes and the audience.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ledger.audience import closed_to
from ledger.errors import ExportError, NotFoundError
from ledger.ledger import Ledger
from verify.claims import Disclosure, File, parse_disclosure
from verify.codec import encode
from verify.contents import MANIFEST, Manifest, format_charter_policy
from verify.entry import parse_entry
from verify.events import SPEC_VERSION, Charter, Opening, event_id, parse_event
from verify.note import parse_note
from verify.notes import PATH as NOTES
from verify.state import State, found
from verify.submission import LedgerName, sealing_event
from verify.tiles import bundles_of, entries_path, tile_path, tiles_of

__all__ = ["Exported", "Place", "Progress", "copy_whole", "export"]

Progress = Callable[[int, int], None]
Place = Callable[[Path, Path], None]
"""Puts a file of the ledger in its place in an export."""

_LINES = "disclosures.jsonl"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds.

    Attributes:
        path: The folder.
        size: Number of entries.
        root: Root hash, in hex.
        audience: For whom it is: a party, or "public".
        disclosures: How many claims are open in it.
        left_out: How many sealed claims are not.
        files: How many files it holds.
        absent: Files that a disclosure names and the ledger does not have, by SHA-256.
    """

    path: Path
    size: int
    root: str
    audience: str
    disclosures: int
    left_out: int
    files: int
    absent: tuple[str, ...]


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file, and bring it to disk."""
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        _flush(written)


def export(
    ledger: Ledger,
    path: Path,
    *,
    audience: str = "public",
    progress: Progress | None = None,
    place: Place = copy_whole,
) -> Exported:
    """Write an export of a ledger.

    Args:
        ledger: The ledger.
        path: The folder to make; it must not be there, or be empty.
        audience: For whom it is: a party that is or was enrolled, or "public". It decides which
            claims of limited audience are open in it.
        progress: Told how many of how many entries are written.
        place: How files come into it.

    Raises:
        ExportError: The folder is there already, cannot be written, or the audience is no party.

    Source: SPEC section 11.
    """
    if audience != "public" and not ledger.state().is_enrolled(audience):
        raise ExportError(path, f"{audience} is no party with a key in this ledger")
    try:
        if os.path.lexists(path) and (path.is_symlink() or not path.is_dir() or os.listdir(path)):  # noqa: PTH208 - says why a folder cannot be read
            raise ExportError(path, "is there already")
        with tempfile.TemporaryDirectory(
            prefix=f".{path.name}.", dir=path.parent, ignore_cleanup_errors=True
        ) as beside:
            # One folder more, which has the mode that this account gives to folders.
            folder = Path(beside) / "export"
            folder.mkdir()
            exported = _Writer(ledger, folder, audience, progress or _nobody, place).write(path)
            folder.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise ExportError(path, error.strerror or str(error)) from None
    return exported


class _Writer:
    """Writes one export into an empty folder.

    The ledger may grow meanwhile: everything written is of the size of the checkpoint read first,
    and what came later, even about earlier entries, is left out.
    """

    def __init__(
        self, ledger: Ledger, folder: Path, audience: str, progress: Progress, place: Place
    ) -> None:
        self._ledger = ledger
        self._place = place
        self._folder = folder
        self._audience = audience
        self._progress = progress
        self._checkpoint = ledger.checkpoint()
        self._size = int(self._checkpoint.split(b"\n")[1])
        self._disclosures = self._sealed = 0
        self._named: set[str] = set()
        self._files: dict[str, None] = {}
        self._absent: list[str] = []

    def write(self, path: Path) -> Exported:
        self._put("checkpoint", self._checkpoint)
        for tile in tiles_of(self._size):
            name = tile_path(level=tile.level, number=tile.number, width=tile.width)
            self._put(name, self._ledger.tile(name))
        for bundle in bundles_of(self._size):
            name = entries_path(number=bundle.number, width=bundle.width)
            self._put(name, self._ledger.tile(name))
        self._put_disclosures()
        self._put_lines(NOTES, self._notes())
        for sha256 in self._files:
            self._copy(sha256)
        charter = self._charter()
        root = self._ledger.root_at(self._size).hex()
        manifest = Manifest(
            audience=self._audience,
            disclosures=self._disclosures,
            files=len(self._files),
            left_out=self._sealed - self._disclosures,
            ledger=LedgerName(origin=charter.origin, charter=self._ledger.fingerprint),
            root=root,
            size=self._size,
            spec=SPEC_VERSION,
        )
        self._put(MANIFEST, encode(manifest))
        self._put("policy", format_charter_policy(charter))
        for folder in sorted(self._folder.rglob("*/"), reverse=True):
            _sync(folder)
        _sync(self._folder)
        return Exported(
            path=path,
            size=self._size,
            root=root,
            audience=self._audience,
            disclosures=self._disclosures,
            left_out=self._sealed - self._disclosures,
            files=len(self._files) - len(self._absent),
            absent=tuple(self._absent),
        )

    def _charter(self) -> Charter:
        """Return the charter in force at this size."""
        state: State | None = None
        for index in self._ledger.governance():
            if index >= self._size:
                break
            entry = parse_entry(self._ledger.entry(index))
            event, own_id = parse_event(entry.event), event_id(bytes(entry.event)).hex()
            if state is None:
                if entry.statement is None:
                    raise AssertionError(index)
                fingerprint = self._ledger.fingerprint
                state = found(
                    event, charter_id=own_id, fingerprint=fingerprint, statement=entry.statement
                )
                continue
            state = state.settle(index=index, recorded=entry.recorded)
            state = state.govern(event, event_id=own_id, index=index, recorded=entry.recorded)
        if state is None:
            raise AssertionError("entry 0 is a charter")
        return state.charter

    def _put_disclosures(self) -> None:
        """Write `disclosures.jsonl`, without claims that were handed over after this size."""
        later: set[tuple[str, str]] = set()
        while True:
            self._disclosures = self._sealed = 0
            self._files.clear()
            self._put_lines(_LINES, self._lines(later))
            known = len(later)
            later |= self._handed_later()
            if len(later) == known:
                return
            (self._folder / _LINES).unlink(missing_ok=True)

    def _handed_later(self) -> set[tuple[str, str]]:
        """Return (event, claim) of what entries beyond this size have handed over by now."""
        events = (parse_event(parse_entry(data).event) for data in self._ledger.entries(self._size))
        openings = (event for event in events if isinstance(event, Opening))
        return {(one.of, name) for one in openings for name in one.names or ()}

    def _lines(self, later: Collection[tuple[str, str]]) -> Iterator[bytes]:
        """Yield the lines of `disclosures.jsonl`, counting what they hold."""
        for index, data in enumerate(self._ledger.entries(0, self._size)):
            if index % 1024 == 0:
                self._progress(index, self._size)
            entry = parse_entry(data)
            if entry.statement is not None and entry.statement.seen is not None:
                self._named.add(entry.statement.seen.note)
            event = sealing_event(parse_event(entry.event))
            if event.sealed is None:
                continue
            self._sealed += len(event.sealed)
            closed = closed_to(self._audience, event)
            if later:
                own_id = event_id(encode(event)).hex()
                closed |= {name for of, name in later if of == own_id}
            disclosures = map(parse_disclosure, self._ledger.disclosures(index))
            opened = [one for one in disclosures if one.name not in closed]
            if opened:
                self._take(opened)
                claims = {one.name: (one.salt[-32:], one.value) for one in opened}
                yield encode({"claims": claims, "index": index}) + b"\n"
        self._progress(self._size, self._size)

    def _take(self, opened: list[Disclosure]) -> None:
        self._disclosures += len(opened)
        for one in opened:
            if isinstance(one.value, File):
                self._files[one.value.sha256] = None

    def _notes(self) -> Iterator[bytes]:
        """Yield the lines of `checkpoints`: the notes kept up to this size that belong in it.

        A note that only a later submission names, and nobody has cosigned, would be a finding.
        """
        for note in self._ledger.notes():
            if int(note.split(b"\n")[1]) > self._size:
                continue
            named = hashlib.sha256(note).hexdigest() in self._named
            if named or len(parse_note(note).signatures) > 1:
                yield encode(note.decode()) + b"\n"

    def _copy(self, sha256: str) -> None:
        try:
            source = self._ledger.file_path(sha256)
        except NotFoundError:
            self._absent.append(sha256)
            return
        target = self._folder / "files" / sha256
        target.parent.mkdir(exist_ok=True)
        self._place(source, target)

    def _put(self, name: str, data: bytes) -> None:
        with self._create(name) as file:
            file.write(data)
            _flush(file)

    def _put_lines(self, name: str, lines: Iterator[bytes]) -> None:
        """Write a file of lines, or none if there is no line."""
        first = next(lines, None)
        if first is None:
            return
        with self._create(name) as file:
            file.write(first)
            for line in lines:
                file.write(line)
            _flush(file)

    def _create(self, name: str) -> IO[bytes]:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _nobody(_done: int, _size: int) -> None:
    """Tell nobody how far it is."""
