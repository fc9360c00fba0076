"""Exports: what anyone can check with no server (SPEC section 11).

`open_export` gives the members of an export, one after the other, in the order of SPEC's table;
`export` writes them into a folder, which appears whole or not at all, and `ledger.archive` into
one stream. What an export holds depends only on the ledger's size, its kept notes and the
audience.

Entries are read once, as the bundles go out; what is known only when all have been read
(disclosures, files, kept notes, the manifest's counts) waits in temporary files and comes behind.
So the first octet comes at once, nothing is silent for long, and memory holds one bundle, a hash
for each note that a statement names and one for each file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ledger.audience import closed_to
from ledger.covering import most_cosigned
from ledger.erased import find_erased
from ledger.errors import ExportError, NotFoundError
from ledger.folders import new_folder
from ledger.ledger import Ledger
from ledger.progress import Progress
from verify.claims import Disclosure, File, parse_disclosure
from verify.codec import encode
from verify.contents import MANIFEST, Manifest, format_charter_policy
from verify.entry import Entry, parse_entry
from verify.events import event_id, parse_event
from verify.kinds import SPEC_VERSION, Charter, Event, Opening
from verify.note import parse_note
from verify.notes import PATH as NOTES
from verify.state import State, found
from verify.submission import LedgerName, sealing_event
from verify.tiles import bundles_of, entries_path, parse_bundle, tile_path, tiles_of

__all__ = [
    "DISCLOSURES",
    "Export",
    "Exported",
    "Member",
    "export",
    "format_line",
    "open_export",
]

DISCLOSURES = "disclosures.jsonl"
"""The path of the opened claims in an export."""

_CHUNK = 1 << 18


class Member(NamedTuple):
    """A file of an export.

    Attributes:
        name: Its path.
        size: How many octets it has.
        chunks: The octets. They must be taken before the next member is asked for.
    """

    name: str
    size: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds.

    Attributes:
        size: Number of entries.
        root: Root hash, in hex.
        audience: For whom it is: a party, or "public".
        disclosures: How many claims are open in it.
        left_out: How many sealed claims are not.
        files: How many files it holds.
        absent: Files that a disclosure names and the ledger does not have, by SHA-256.
    """

    size: int
    root: str
    audience: str
    disclosures: int
    left_out: int
    files: int
    absent: tuple[str, ...]


def export(
    ledger: Ledger,
    path: Path,
    *,
    audience: str = "public",
    progress: Progress | None = None,
) -> Exported:
    """Write an export of a ledger into a folder.

    Args:
        ledger: The ledger.
        path: The folder to make; it must not be there, or be empty.
        audience: For whom it is: a party that is or was enrolled, or "public". It decides which
            claims of limited audience are open in it.
        progress: Told how many of how many entries are written.

    Raises:
        ExportError: The folder is there already, cannot be written, or the audience is no party.

    Source: SPEC section 11.
    """
    try:
        with (
            open_export(ledger, audience=audience, progress=progress) as opened,
            new_folder(path) as folder,
        ):
            for member in opened.members():
                with folder.create(member.name) as file:
                    file.writelines(member.chunks)
            return opened.exported()
    except ExportError as error:
        raise ExportError(path, error.reason) from None
    except OSError as error:
        raise ExportError(path, error.strerror or str(error)) from None


def format_line(index: int, opened: Iterable[Disclosure]) -> bytes:
    """Return the line of `disclosures.jsonl` for the claims that are open at an entry, without LF.

    Source: SPEC section 11.3.
    """
    return encode({"claims": {o.name: (o.salt[-32:], o.value) for o in opened}, "index": index})


@contextmanager
def open_export(
    ledger: Ledger, *, audience: str = "public", progress: Progress | None = None
) -> Iterator[Export]:
    """Begin an export of a ledger as it is now; it may grow meanwhile.

    Args:
        ledger: The ledger.
        audience: As in `export`.
        progress: Told how many of how many entries are read.

    Raises:
        ExportError: The audience is no party, or the ledger a mirror for others.
        OSError: No temporary file can be had.
    """
    if audience != "public" and not ledger.state().is_enrolled(audience):
        raise ExportError("export", f"{audience} is no party with a key in this ledger")
    mirror = ledger.mirror
    if mirror is not None and audience not in {"public", mirror.audience}:
        reason = f"what only {audience} may see is not in this mirror, which is for"
        raise ExportError("export", f"{reason} {mirror.audience}")
    with ExitStack() as stack:
        spools = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        yield Export(ledger, audience, progress or _nobody, lines=spools[0], notes=spools[1])


class Export:
    """One export of a ledger, of the size of the checkpoint that is read first.

    What comes later, even about earlier entries, is left out.

    Attributes:
        size: Number of entries.
    """

    def __init__(
        self,
        ledger: Ledger,
        audience: str,
        progress: Progress,
        *,
        lines: BinaryIO,
        notes: BinaryIO,
    ) -> None:
        """Use `open_export`, which lends the two files to write into."""
        self._ledger = ledger
        self._audience = audience
        self._progress = progress
        self._lines = lines
        self._notes = notes
        self._checkpoint = most_cosigned(ledger, size=ledger.size())
        self.size = int(self._checkpoint.split(b"\n")[1])
        self._disclosures = self._sealed = 0
        self._named: set[bytes] = set()
        self._files: set[str] = set()
        self._absent: list[str] = []
        self._later: set[tuple[str, str]] = set()
        self._handed: set[tuple[str, str]] | None = None
        self._looked = self.size
        self._erased: AbstractSet[tuple[int, str]] = frozenset()

    def members(self) -> Iterator[Member]:
        """Yield each file of the export, once.

        Raises:
            LedgerError: The ledger cannot be read.
            OSError: A file cannot be read, or a temporary one not be written.
        """
        yield _member("checkpoint", self._checkpoint)
        self._erased = find_erased(self._ledger, size=self.size)
        for tile in tiles_of(self.size):
            name = tile_path(level=tile.level, number=tile.number, width=tile.width)
            yield _member(name, self._ledger.tile(name))
        for bundle in bundles_of(self.size):
            name = entries_path(number=bundle.number, width=bundle.width)
            data = self._ledger.tile(name)
            yield _member(name, data)
            self._progress(bundle.number << 8, self.size)
            self._read(data, name)
        self._progress(self.size, self.size)
        self._keep_notes()
        for name, spool in ((NOTES, self._notes), (DISCLOSURES, self._lines)):
            size = spool.tell()
            spool.seek(0)
            if size:
                yield Member(name, size, _chunks(spool, size))
        for sha256 in sorted(self._files):
            yield from self._file(sha256)
        charter = self._charter()
        yield _member("policy", format_charter_policy(charter))
        yield _member(MANIFEST, encode(self._manifest(charter)))

    def exported(self) -> Exported:
        """Tell what the export holds, when all of its members were taken."""
        return Exported(
            size=self.size,
            root=self._root(),
            audience=self._audience,
            disclosures=self._disclosures,
            left_out=self._sealed - self._disclosures,
            files=len(self._files) - len(self._absent),
            absent=tuple(self._absent),
        )

    def _root(self) -> str:
        return self._ledger.root_at(self.size).hex()

    def _manifest(self, charter: Charter) -> Manifest:
        return Manifest(
            audience=self._audience,
            disclosures=self._disclosures,
            files=len(self._files),
            left_out=self._sealed - self._disclosures,
            ledger=LedgerName(origin=charter.origin, charter=self._ledger.fingerprint),
            root=self._root(),
            size=self.size,
            spec=SPEC_VERSION,
        )

    def _charter(self) -> Charter:
        """Return the charter in force at this size."""
        state: State | None = None
        for index in self._ledger.governance():
            if index >= self.size:
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

    # Claims

    def _read(self, bundle: bytes, name: str) -> None:
        """Read the entries of a bundle: which notes they name, which claims are open."""
        entries = [parse_entry(data) for data in parse_bundle(bundle, where=name)]
        held = [self._ledger.disclosures(entry.index) for entry in entries]
        # Only now: whatever was handed over before the disclosures were read is seen.
        self._look_later()
        for entry, texts in zip(entries, held, strict=True):
            if entry.statement is not None and entry.statement.seen is not None:
                self._named.add(bytes.fromhex(entry.statement.seen.note))
            self._open(entry, texts)

    def _look_later(self) -> None:
        """Look which claims the entries beyond this size have handed over by now."""
        for data in self._ledger.entries(self._looked):
            self._looked += 1
            self._later |= _handed_by(data)

    def _handed_later(self, event: Event) -> set[str]:
        """Return the names of an event's claims that only entries beyond this size hand over."""
        own_id = event_id(encode(event)).hex()
        found = {one for one in self._later if one[0] == own_id}
        if found and self._handed is None:
            # What is handed over may be handed over again. It is rare that this has to be known.
            entries = self._ledger.entries(0, self.size)
            self._handed = {one for data in entries for one in _handed_by(data)}
        return {name for _, name in found - (self._handed or set())}

    def _open(self, entry: Entry, texts: tuple[str, ...]) -> None:
        """Write a line of `disclosures.jsonl`, if any claim of the entry is open."""
        event = sealing_event(parse_event(entry.event))
        if event.sealed is None:
            return
        self._sealed += len(event.sealed)
        closed = set(closed_to(self._audience, event))
        if self._later:
            closed |= self._handed_later(event)
        closed |= {name for name in event.sealed if (entry.index, name) in self._erased}
        opened = [one for one in map(parse_disclosure, texts) if one.name not in closed]
        if opened:
            self._take(opened)
            self._lines.write(format_line(entry.index, opened) + b"\n")

    def _take(self, opened: list[Disclosure]) -> None:
        self._disclosures += len(opened)
        for one in opened:
            if isinstance(one.value, File):
                self._files.add(one.value.sha256)

    # Notes and files

    def _keep_notes(self) -> None:
        """Write the lines of `checkpoints`: the notes kept up to this size that belong in it.

        A note that only a later submission names, and nobody has cosigned, would be a finding.
        """
        for note in self._ledger.notes():
            if int(note.split(b"\n")[1]) > self.size:
                continue
            named = hashlib.sha256(note).digest() in self._named
            if named or len(parse_note(note).signatures) > 1:
                self._notes.write(encode(note.decode()) + b"\n")

    def _file(self, sha256: str) -> Iterator[Member]:
        try:
            source = self._ledger.file_path(sha256)
        except NotFoundError:
            self._absent.append(sha256)
            return
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            yield Member(f"files/{sha256}", size, _chunks(file, size))


def _handed_by(entry: bytes) -> set[tuple[str, str]]:
    """Return (event, claim) of what an entry hands over."""
    event = parse_event(parse_entry(entry).event)
    if not isinstance(event, Opening):
        return set()
    return {(event.of, name) for name in event.names or ()}


def _member(name: str, data: bytes) -> Member:
    return Member(name, len(data), iter((data,)))


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next `size` octets of a file.

    Raises:
        OSError: There are fewer.
    """
    left = size
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise OSError(0, "a file is shorter than it was")
        left -= len(chunk)
        yield chunk


def _nobody(_done: int, _size: int) -> None:
    """Tell nobody how far it is."""
