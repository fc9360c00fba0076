"""Sources: exports and evidence files of others, audited before anything in them is read.

What the reader holds from elsewhere is one pool for all sources, because a command line names many:
a fingerprint, a log key or a policy goes to the sources that it is about, and the kernel compares
it there. What vouches for no source is refused: otherwise a ledger that somebody put in the place
of the one expected would pass for one more.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.archive import unpack
from ledger.errors import ReconcileError
from ledger.folders import NewFolder
from verify.anchors import Anchors
from verify.audit import audit
from verify.checkpoint import parse_signed
from verify.contents import MANIFEST, read_small
from verify.entry import parse_entry
from verify.errors import MalformedError, VerifyError
from verify.events import parse_event
from verify.evidence import MAX_EVIDENCE, audit_evidence, is_evidence, parse_evidence
from verify.folder import Folder
from verify.kinds import Charter
from verify.merkle import leaf_hash
from verify.note import MAX_NOTE_SIZE, VerifierKey
from verify.notes import PATH as NOTES
from verify.notes import log_vkey
from verify.policy import Policy
from verify.report import Finding, Report
from verify.tiles import MAX_ENTRY_SIZE, TILE_WIDTH, entries_path, parse_bundle

__all__ = ["MAX_SOURCES", "Audited", "Holding", "Refused", "Sources", "read_sources"]

MAX_SOURCES: Final = 256
"""Sources of one reconciliation."""

_ARCHIVE: Final = b"checkpoint\0"  # how the archive of an export begins
_MAX_BUNDLE: Final = TILE_WIDTH * (MAX_ENTRY_SIZE + 2)
_UNSETTLED: Final = (
    ("checkpoint", "checkpoint"),
    ("disclosures", "disclosures.jsonl"),
    ("manifest", MANIFEST),
    ("notes", NOTES),
)


@dataclass(frozen=True, slots=True)
class Holding:
    """What the reader holds from elsewhere.

    Attributes:
        fingerprints: Leaf hash of a ledger's entry 0 each, in hex.
        log_keys: Verifier keys of logs.
        policies: Which logs and witnesses the reader trusts.
    """

    fingerprints: tuple[str, ...] = ()
    log_keys: tuple[VerifierKey, ...] = ()
    policies: tuple[Policy, ...] = ()

    def about(self, fingerprint: str, log_key: VerifierKey) -> Anchors:
        """Return what is held about one ledger, for the kernel to compare."""
        policies = (p for p in self.policies if log_key in {log.key for log in p.logs})
        return Anchors(
            log_key=log_key if log_key in self.log_keys else None,
            fingerprint=fingerprint if fingerprint in self.fingerprints else None,
            policy=next(policies, None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A source that an audit has passed.

    Attributes:
        name: What the reader called it.
        fingerprint: The ledger's.
        size: The size of its checkpoint.
        root: The root hash of that, in hex.
        report: What the audit says of it, anchors included.
        digests: SHA-256 of what in it is not settled by the root, in hex, by a name; of an
            evidence file that of the whole.
        folder: Where the export is; None for evidence.
        evidence: The octets of the evidence file; None for an export.
    """

    name: str
    fingerprint: str
    size: int
    root: str
    report: Report
    digests: tuple[tuple[str, str], ...]
    folder: Path | None = None
    evidence: bytes | None = None

    @property
    def key(self) -> tuple[str, int, str, tuple[tuple[str, str], ...]]:
        """What two sources share that are one."""
        return self.fingerprint, self.size, self.root, self.digests


@dataclass(frozen=True, slots=True)
class Refused:
    """A source that is not valid, and the first thing that is wrong with it."""

    name: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Sources:
    """What was handed in.

    Attributes:
        exports: Valid exports, each once: by ledger, then the largest first.
        evidence: Valid evidence files, each once, in the same order.
        refused: What is not valid, by name.
    """

    exports: tuple[Audited, ...]
    evidence: tuple[Audited, ...]
    refused: tuple[Refused, ...]


def read_sources(
    paths: Sequence[Path],
    *,
    holding: Holding,
    room: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Sources:
    """Audit what was handed in.

    Args:
        paths: Export folders, archives of exports, evidence files.
        holding: What the reader holds from elsewhere.
        room: An empty folder in which archives are unpacked; needed as long as the result is.
        progress: Told how far the audit of an export is.

    Raises:
        ReconcileError: There are too many, one is none of these, or something that is held is
            about no source.
        UnknownVersionError: A source is of a version of SPEC that this code does not know.
        OSError: One cannot be read.
    """
    if len(paths) > MAX_SOURCES:
        raise ReconcileError("sources", f"are {len(paths)}: at most {MAX_SOURCES}")
    found: dict[tuple[object, ...], Audited] = {}
    refused: list[Refused] = []
    for number, path in enumerate(paths):
        one = _read(path, holding, room / str(number), progress)
        if isinstance(one, Refused):
            refused.append(one)
        elif one.key not in found or one.name < found[one.key].name:
            found[one.key] = one
    audited = sorted(found.values(), key=lambda one: (one.fingerprint, -one.size, one.key))
    _check_used(holding, audited, refused)
    return Sources(
        exports=tuple(one for one in audited if one.folder is not None),
        evidence=tuple(one for one in audited if one.folder is None),
        refused=tuple(sorted(refused, key=lambda one: (one.name, one.finding.where))),
    )


def _check_used(holding: Holding, audited: Sequence[Audited], refused: Sequence[Refused]) -> None:
    if refused:
        return  # they can be what it is about, and are said to be bad
    fingerprints = {one.fingerprint for one in audited}
    for fingerprint in holding.fingerprints:
        if fingerprint not in fingerprints:
            raise ReconcileError("--fingerprint", f"{fingerprint} is of none of the sources")
    agreed = {anchor for one in audited for anchor in one.report.anchors}
    if holding.policies and "your policy" not in agreed:
        raise ReconcileError("--policy", "is about none of the sources")
    if holding.log_keys and "the log's key" not in agreed:
        raise ReconcileError("--log-key", "is of none of the sources")


def _read(
    path: Path, holding: Holding, room: Path, progress: Callable[[int, int], None] | None
) -> Audited | Refused:
    name = str(path)
    mode = path.stat().st_mode  # that nothing is there the system says
    if stat.S_ISDIR(mode):
        if not ((path / "checkpoint").exists() or (path / MANIFEST).exists()):
            raise ReconcileError(
                name, "is no export: what is reconciled is what the other side can be given, "
                "so make one first with `counterfoil export`"
            )  # fmt: skip
        return _export(name, path, holding, progress)
    if not stat.S_ISREG(mode):
        raise ReconcileError(name, "is neither a folder nor a file")
    with path.open("rb") as file:
        head = file.read(len(_ARCHIVE))
    if head == _ARCHIVE:
        room.mkdir()
        try:
            with path.open("rb") as stream:
                unpack(stream, NewFolder(room))
        except MalformedError as error:
            raise ReconcileError(name, f"is no archive of an export: {error}") from None
        return _export(name, room, holding, progress)
    with path.open("rb") as file:
        data = file.read(MAX_EVIDENCE + 1)
    if not is_evidence(data):
        raise ReconcileError(name, "is neither an export, nor its archive, nor evidence")
    return _evidence(name, data, holding)


def _export(
    name: str, path: Path, holding: Holding, progress: Callable[[int, int], None] | None
) -> Audited | Refused:
    folder = Folder(path)
    report = audit(folder, anchors=_about_export(folder, holding), progress=progress)
    if report.verdict == "invalid":
        return Refused(name, report.findings[0])
    # What is open in it, and which notes are kept, the root does not settle.
    digests = tuple(
        (label, _sha256(path / file)) for label, file in _UNSETTLED if folder.size(file) is not None
    )
    return _audited(name, report, digests, folder=path)


def _evidence(name: str, data: bytes, holding: Holding) -> Audited | Refused:
    report = audit_evidence(data, anchors=_about_evidence(data, holding))
    if report.verdict == "invalid":
        return Refused(name, report.findings[0])
    digests = (("evidence", hashlib.sha256(data).hexdigest()),)
    return _audited(name, report, digests, evidence=data)


def _audited(
    name: str,
    report: Report,
    digests: tuple[tuple[str, str], ...],
    *,
    folder: Path | None = None,
    evidence: bytes | None = None,
) -> Audited:
    if report.fingerprint is None or report.size is None or report.root is None:
        raise AssertionError(report.verdict)
    return Audited(
        name=name,
        fingerprint=report.fingerprint,
        size=report.size,
        root=report.root,
        report=report,
        digests=digests,
        folder=folder,
        evidence=evidence,
    )


def _about_export(folder: Folder, holding: Holding) -> Anchors:
    """Choose what is held about the ledger that an export says it is of."""
    try:
        size = parse_signed(read_small(folder, "checkpoint", limit=MAX_NOTE_SIZE))[0].size
        path = entries_path(number=0, width=min(TILE_WIDTH, size))
        entry = parse_bundle(read_small(folder, path, limit=_MAX_BUNDLE), where=path)[0]
        return _about(entry, holding)
    except (VerifyError, IndexError):
        return Anchors()  # the audit says what is wrong


def _about_evidence(data: bytes, holding: Holding) -> Anchors:
    try:
        return _about(bytes(parse_evidence(data).governance[0]), holding)
    except VerifyError:
        return Anchors()


def _about(entry: bytes, holding: Holding) -> Anchors:
    charter = parse_event(parse_entry(entry, where="entry 0").event)
    if not isinstance(charter, Charter):
        return Anchors()
    key = log_vkey(charter.origin, charter.log_key)
    return holding.about(leaf_hash(entry).hex(), key)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
