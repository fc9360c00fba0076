"""Evidence files: one file for one or a few events, for whoever gets nothing else.

The file carries the entries, the signed statements, the chain of governance that shows that the
keys were good, and the proofs that all this is in the tree the log signed (SPEC section 10.2).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from ledger.audience import closed_to
from ledger.covering import covering, most_cosigned, size_of
from ledger.erased import Erasing, find_erased
from ledger.errors import ExportError, NotFoundError
from ledger.folders import new_folder
from verify.chunk import Line
from verify.claims import File, Opened, parse_disclosure
from verify.entry import Entry, parse_entry
from verify.errors import RuleError
from verify.events import event_id, parse_event
from verify.evidence import (
    MAX_COVERING,
    MAX_SHOWN,
    Covering,
    Evidence,
    EvidenceEntry,
    EvidenceStamp,
    format_evidence,
    token_of,
)
from verify.kinds import Attestation, Event
from verify.merkle import root_hash
from verify.spelling import format_base64
from verify.submission import Statement, sealing_event

__all__ = ["Provable", "copy_files", "prove"]


class Provable(Erasing, Protocol):
    """The door to a ledger, or to an export of it, for whoever proves something from it."""

    @property
    def fingerprint(self) -> str:
        """Leaf hash of entry 0, in hex."""

    def checkpoint(self) -> bytes:
        """Return the latest signed checkpoint."""

    def governance(self) -> tuple[int, ...]:
        """Return the indexes of the governance entries, in order."""

    def ids_with_prefix(self, digits: str) -> tuple[str, ...]:
        """Return event ids that begin with these hex digits, in order: several if there are."""

    def entries(self, start: int, stop: int) -> Iterable[bytes]:
        """Return the entries [start, stop)."""

    def inclusion_proof(self, *, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that the entry at `index` is in the tree of `size` entries."""

    def consistency_proof(self, *, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of `old` entries is the beginning of that of `new`."""

    def root_at(self, size: int) -> bytes:
        """Return the tree's root hash at an earlier size."""

    def disclosures(self, index: int) -> tuple[str, ...]:
        """Return the disclosures that are held at an entry, sorted by claim name."""

    def note(self, *, size: int, sha256: str) -> bytes:
        """Return a kept note by its size and its hash."""

    def notes(self, start: int = 0) -> Iterable[bytes]:
        """Return the kept notes from size `start` on, by size and then by hash."""

    def file_path(self, sha256: str) -> Path:
        """Return where a file is.

        Raises:
            NotFoundError: It is not there.
        """

    def receipt(self, index: int) -> bytes:
        """Return the receipt of the submission that holds the entry."""


def prove(
    ledger: Provable,
    ids: Sequence[str],
    *,
    stamps: Sequence[str] = (),
    without: Collection[str] = (),
    audience: str = "public",
) -> bytes:
    """Make an evidence file.

    Args:
        ledger: The ledger, or an export of it.
        ids: The ids of the events to show, in hex.
        stamps: The ids of the time stamps to bring, in hex, which date what is shown.
        without: Names of claims to leave closed.
        audience: For whom it is, a party or "public": a claim that its event limits to others
            stays closed, and so does one of which an erasure is in effect.

    Returns:
        The file's octets.

    Raises:
        ExportError: An id is none of this ledger's, there are none or too many for one file, no
            event shown seals a claim that is to stay closed, the audience is no party, or a time
            stamp is none, or dates nothing that is shown.

    Source: SPEC section 10.2.
    """
    if audience != "public" and not ledger.state().is_enrolled(audience):
        raise ExportError("evidence", f"{audience} is no party with a key in this ledger")
    try:
        return _Maker(ledger, frozenset(without), audience).make(ids, stamps)
    except RuleError as error:
        raise ExportError("evidence", error.reason) from None


def copy_files(files: Mapping[str, Path], folder: Path) -> None:
    """Copy files into a new folder, each under its SHA-256: what an evidence file opens.

    Raises:
        ExportError: The folder is there, or cannot be written: then nothing of it is.
    """
    try:
        with new_folder(folder) as new:
            for name, path in files.items():
                with new.create(name) as file, path.open("rb") as source:
                    shutil.copyfileobj(source, file)
    except OSError as error:
        raise ExportError(str(folder), error.strerror or str(error)) from None


class _Maker:
    """Makes one file, at one size of the ledger."""

    def __init__(self, ledger: Provable, without: frozenset[str], audience: str) -> None:
        self._ledger = ledger
        self._without = without
        self._audience = audience
        self._erased: AbstractSet[tuple[int, str]] = frozenset()
        self._checkpoint = b""
        self._size = 0
        self._heads: dict[int, Entry] = {}
        self._ids: dict[int, list[bytes]] = {}

    def make(self, ids: Sequence[str], stamps: Sequence[str]) -> bytes:
        shown = sorted({self._index_of(event_id) for event_id in ids})
        if not shown:
            raise ExportError("evidence", "names no event")
        if len(shown) > MAX_SHOWN:
            reason = f"{len(shown)} events are too many for one file: at most {MAX_SHOWN}"
            raise ExportError("evidence", reason)
        self._check_without(shown)
        self._erased = find_erased(self._ledger, size=size_of(self._ledger.checkpoint()))
        stamped = [self._stamp(event_id, least=shown[0]) for event_id in stamps]
        first, statement = self._statement(shown[-1])
        # Whole submissions only: the log's key can sign what cuts one, and a witness cosign it.
        size = max(first + statement.count, *(one.size for one in stamped), 0)
        self._checkpoint = most_cosigned(self._ledger, size=size)
        self._size = size_of(self._checkpoint)
        for index in shown:
            self._head_of(index)
        indexes = sorted({*shown, *self._heads})
        governance = self._governance(max(self._heads))
        lines = tuple(self._lines(shown))
        notes = tuple(self._notes(shown))
        return format_evidence(
            Evidence(
                checkpoint=self._checkpoint.decode(),
                entries=tuple(self._entry(index, shown=index in shown) for index in indexes),
                covering=tuple(islice(self._covering(shown), MAX_COVERING)) or None,
                governance=tuple(msgspec.Raw(self._ledger.entry(i)) for i in governance),
                disclosures=lines or None,
                latest=self._latest(governance[-1]),
                notes=notes or None,
                stamps=tuple(sorted(map(self._proven, stamped), key=_place)) or None,
            )
        )

    def _index_of(self, event_id: str) -> int:
        index = self._ledger.index_of(bytes.fromhex(event_id))
        if index is None:
            raise ExportError("evidence", f"no event {event_id[:16]} in this ledger")
        return index

    def _read(self, index: int) -> Entry:
        return parse_entry(self._ledger.entry(index))

    def _head_of(self, index: int) -> tuple[int, Entry]:
        """Return where the submission of an entry begins, and that entry."""
        first = index - self._read(index).position
        if first not in self._heads:
            self._heads[first] = self._read(first)
        return first, self._heads[first]

    def _statement(self, index: int) -> tuple[int, Statement]:
        first, head = self._head_of(index)
        if head.statement is None:
            raise AssertionError(first)
        return first, head.statement

    def _entry(self, index: int, *, shown: bool) -> EvidenceEntry:
        first, statement = self._statement(index)
        proof = self._ledger.inclusion_proof(index=index, size=self._size)
        path: tuple[str, ...] = ()
        if shown and statement.count > 1:
            ids = self._ids_of(first, statement.count)
            path = tuple(h.hex() for h in _path(ids, index - first))
        return EvidenceEntry(
            entry=msgspec.Raw(self._ledger.entry(index)),
            shown="yes" if shown else "no",
            path=path or None,
            proof=tuple(h.hex() for h in proof) or None,
        )

    def _ids_of(self, first: int, count: int) -> list[bytes]:
        """Return the ids of the events of a submission."""
        if first not in self._ids:
            entries = self._ledger.entries(first, first + count)
            self._ids[first] = [event_id(bytes(parse_entry(data).event)) for data in entries]
        return self._ids[first]

    # Time stamps

    def _stamp(self, event_id: str, *, least: int) -> EvidenceStamp:
        """Return a time stamp that was recorded, without its proof."""
        index = self._index_of(event_id)
        event = self._event(index)
        if not isinstance(event, Attestation) or not (
            event.type == "rfc3161" and event.size and event.root
        ):
            raise ExportError("stamp", f"{event_id[:16]} is no time stamp of a checkpoint")
        if event.size <= least:
            raise ExportError("stamp", f"{event_id[:16]} is earlier than all that is shown")
        closed = self._closed(index, event)
        disclosed = map(parse_disclosure, self._ledger.disclosures(index))
        opened = {one.name: one.value for one in disclosed if one.name not in closed}
        token, certificates = (self._file(opened.get(name)) for name in ("file.1", "file.2"))
        try:
            text = certificates.decode()
        except UnicodeDecodeError:
            raise ExportError("stamp", f"{event_id[:16]} has no certificates in PEM") from None
        return EvidenceStamp(
            certificates=text, root=event.root, size=event.size, token=format_base64(token)
        )

    def _file(self, value: object) -> bytes:
        if not isinstance(value, File):
            raise ExportError("stamp", "its files are not open here")
        try:
            return self._ledger.file_path(value.sha256).read_bytes()
        except NotFoundError as error:
            raise ExportError("stamp", f"is not here: {error}") from None

    def _proven(self, stamp: EvidenceStamp) -> EvidenceStamp:
        """Add the way from the stamped checkpoint to that of the file."""
        if stamp.size > self._size or self._ledger.root_at(stamp.size).hex() != stamp.root:
            raise ExportError("stamp", "is of a state that this ledger never had")
        proof = self._ledger.consistency_proof(old=stamp.size, new=self._size)
        return replace(stamp, proof=tuple(node.hex() for node in proof) or None)

    # Governance

    def _governance(self, first: int) -> list[int]:
        """Return the indexes of the governance entries that the file needs, ascending.

        Args:
            first: Where the latest submission that is shown begins.
        """
        changes = [size - 1 for size, _ in self._ledger.state().log_keys if size <= self._size]
        # With no change of the log key behind it, the chain ends before the submission.
        stop = max(first, changes[-1] + 1)
        return [index for index in self._ledger.governance() if index < stop]

    def _latest(self, last: int) -> tuple[str, ...] | None:
        """Return the proof of the last governance entry, where the chain alone does not show it."""
        if last == 0 or last < max(self._heads):
            return None
        proof = self._ledger.inclusion_proof(index=last, size=self._size)
        return tuple(h.hex() for h in proof)

    # Claims and notes

    def _check_without(self, shown: Sequence[int]) -> None:
        """Check that every claim to stay closed is there: a slip of the pen would open it."""
        sealed = {name for index in shown for name in self._event(index).sealed or ()}
        unknown = sorted(self._without - sealed)
        if unknown:
            there = f"they seal {', '.join(sorted(sealed))}" if sealed else "they seal nothing"
            reason = f"the events shown seal no claim {', '.join(unknown)}: {there}"
            raise ExportError("evidence", reason)

    def _event(self, index: int) -> Event:
        return sealing_event(parse_event(self._read(index).event))

    def _closed(self, index: int, event: Event) -> set[str]:
        """Return the claims of an event that are not for the audience, or erased."""
        return {*closed_to(self._audience, event), *(n for i, n in self._erased if i == index)}

    def _lines(self, shown: Sequence[int]) -> Iterator[Line]:
        for index in shown:
            event = self._event(index)
            closed = self._without | self._closed(index, event)
            opened = map(parse_disclosure, self._ledger.disclosures(index))
            claims = {
                one.name: Opened(one.salt[-32:], one.value)
                for one in opened
                if one.name not in closed
            }
            if claims:
                yield Line(claims=claims, index=index)

    def _notes(self, shown: Sequence[int]) -> Iterator[str]:
        """Yield the notes that the submissions name as seen, each once."""
        wanted: dict[str, int] = {}
        for index in shown:
            _, statement = self._statement(index)
            if statement.seen is not None:
                wanted[statement.seen.note] = statement.seen.size
        for sha256, size in wanted.items():
            yield self._ledger.note(size=size, sha256=sha256).decode()

    def _covering(self, shown: Sequence[int]) -> Iterator[Covering]:
        """Yield the cosigned checkpoints that show earliest that the entries existed."""
        most = MAX_COVERING // len(shown)
        for size, notes in covering(self._ledger, shown, limit=self._size, most=most):
            proof = self._ledger.consistency_proof(old=size, new=self._size)
            hashes = tuple(node.hex() for node in proof)
            for note in notes:
                if note != self._checkpoint:
                    yield Covering(note=note.decode(), proof=hashes or None)


def _place(stamp: EvidenceStamp) -> tuple[int, bytes]:
    token = token_of(stamp, where="stamp")
    return stamp.size, hashlib.sha256(token).digest()


def _path(leaves: Sequence[bytes], index: int) -> Iterator[bytes]:
    """Yield the inclusion proof of a leaf, its sibling first (RFC 6962 section 2.1.1)."""
    if len(leaves) == 1:
        return
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        yield from _path(leaves[:half], index)
        yield root_hash(leaves[half:])
    else:
        yield from _path(leaves[half:], index - half)
        yield root_hash(leaves[:half])
