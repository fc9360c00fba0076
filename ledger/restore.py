"""Restoring a backup: a ledger again, and only if nobody is known to hold more of it.

A backup is an earlier state. Entries that were acknowledged after it was made are not in it; a
ledger that goes on from it signs, at sizes that it had signed before, another history, and any
holder of a later receipt can prove that. So whatever the operator can find, receipts and
checkpoints, is compared first (`known`). What nobody hands in is not known here.

All of the backup is copied beside, and only the copy is looked at: what was checked is what is
there in the end. It is checked as anyone checks an export, once as the public sees it and once as
each author sees it who limited a claim, so that every claim and file is looked at; and so are the
indexes of the store, which no export shows. A finding, and nothing is there.

Against damage the store's hash in `backup.json` stands before all that. Whoever changes both can
also sign with the log keys beside them: what they cannot make is another's receipt.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.backup import (
    MAX_ABSENT,
    BackupNote,
    copy_log_keys,
    copy_settings,
)
from ledger.errors import BackupError, FullError, NotFoundError, PrivateFileError, StoreError
from ledger.export import export
from ledger.known import Claim, check_known, claim_of_checkpoint, claim_of_receipt
from ledger.ledger import FILES_FOLDER, Ledger
from ledger.making import copy_file, making
from ledger.named import files_of
from ledger.opening import BACKUP_FILE, load_log_keys
from ledger.private import sync_folder
from ledger.progress import Progress, Tell
from ledger.store import READERS_FILE, STORE_FILE
from verify.anchors import Anchors
from verify.audit import audit
from verify.checkpoint import parse_signed
from verify.checks import Check
from verify.codec import Decoder
from verify.contents import read_small
from verify.entry import parse_entry
from verify.errors import MalformedError, RuleError, VerifyError
from verify.events import event_id, parse_event
from verify.folder import Folder
from verify.kinds import GOVERNANCE, Erasure, Event, Hold
from verify.rules import Fact, candidate_of, known_ids
from verify.submission import check_disclosure, sealing_event

__all__ = ["Restored", "restore"]

_MAX_NOTE = 4096 + 72 * MAX_ABSENT  # octets: a hash, its quotes and a comma for each that is absent
_SHOWN = 1024
_NOTE = Decoder(BackupNote, name=BACKUP_FILE)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of a restoring.

    Attributes:
        path: The ledger's folder.
        note: What `backup.json` said.
        files: How many files are there.
        known: The most entries that anybody was shown to know; 0 if nothing was handed in.
    """

    path: Path
    note: BackupNote
    files: int
    known: int


def restore(
    backup: Path,
    target: Path,
    *,
    receipts: Sequence[tuple[str, bytes]] = (),
    checkpoints: Sequence[tuple[str, bytes]] = (),
    tell: Tell,
) -> Restored:
    """Make a ledger of a backup, in the new folder `target`.

    Args:
        backup: The backup, which is not changed.
        target: The folder to make.
        receipts: Receipts of the ledger, each with its name; all must agree.
        checkpoints: Signed checkpoints of the ledger, each with its name; all must agree.
        tell: As `Tell`.

    Raises:
        BackupError: It is no backup, or is damaged.
        OlderError: A receipt or checkpoint knows later entries.
        ForkedError: A receipt or checkpoint knows another history.
        RuleError: A receipt or checkpoint is not one of this ledger.
        KeyFileError: A log key's file cannot be read, or others than its owner can use it.
        StoreError: There is no folder of the backup, or one of the ledger already, or it cannot be
            written.
        FullError: There is no room.
        UnknownVersionError: The ledger is of a version of SPEC that this code does not know.
    """
    note = _read_note(backup)
    with making(target) as folder:
        _copy_store(backup, folder, note)
        copy_log_keys(backup, folder)
        copy_settings(backup, folder)
        with _holding_together(backup):
            copy = Ledger.open(folder, read_only=True)
        with copy:
            claims = _claims(copy, receipts, checkpoints)
            with _holding_together(backup):
                _check_note(backup, copy, note)
                check_known(claims, what=backup, size=copy.size(), root_at=copy.root_at)
                files = _copy_files(backup, copy, folder / FILES_FOLDER, tell("Files of entry"))
                limiting = _check_indexes(backup, copy, tell("Reading entry"))
                for audience in ("public", *sorted(limiting)):
                    _audit(backup, copy, audience, note, tell("Checking entry"))
        (folder / READERS_FILE).unlink()
    return Restored(target, note, files, max((claim.size for claim in claims), default=0))


def _read_note(backup: Path) -> BackupNote:
    if not backup.is_dir():
        raise StoreError(backup, "is no folder" if os.path.lexists(backup) else "no such folder")
    try:
        return _NOTE.decode(read_small(Folder(backup), BACKUP_FILE, limit=_MAX_NOTE))
    except MalformedError as error:
        raise BackupError(backup, f"is no backup: {error}") from None
    except OSError as failure:
        raise BackupError(backup, f"cannot be read: {failure.strerror}") from None


def _copy_store(backup: Path, folder: Path, note: BackupNote) -> None:
    # LMDB trusts what it maps, so it is given nothing else than what it wrote.
    found = copy_file(backup / STORE_FILE, folder / STORE_FILE)
    if found is None:
        raise BackupError(backup, f"{STORE_FILE} cannot be read")
    if found != note.store:
        reason = f"{STORE_FILE} is not the one that {BACKUP_FILE} names: damaged, or changed since"
        raise BackupError(backup, reason)


@contextlib.contextmanager
def _holding_together(backup: Path) -> Iterator[None]:
    """Turn whatever a copy of the store does that is not as it was written into one error."""
    try:
        yield
    except FullError:
        raise  # of the disk, and not of the backup
    except StoreError as error:
        raise BackupError(backup, f"does not hold together: {error.reason}") from None
    except NotFoundError as error:
        raise BackupError(backup, f"does not hold together: {error}") from None
    except PrivateFileError as error:
        reason = f"does not hold together: {Path(error.path).name}: {error.reason}"
        raise BackupError(backup, reason) from None
    except RuleError as error:
        reason = f"is damaged: {error.where}: {error.reason}"
        raise BackupError(backup, reason, check=error.check.value) from None
    except (VerifyError, ValueError, IndexError, struct.error) as error:
        raise BackupError(backup, f"does not hold together: {error}") from None


def _check_note(backup: Path, copy: Ledger, note: BackupNote) -> None:
    load_log_keys(copy.path, copy.state())
    said = (note.fingerprint, note.origin, note.root, note.size)
    if said != (copy.fingerprint, copy.origin, copy.root().hex(), copy.size()):
        raise BackupError(backup, f"{STORE_FILE} is of another ledger or size than {BACKUP_FILE}")


def _claims(
    copy: Ledger, receipts: Sequence[tuple[str, bytes]], checkpoints: Sequence[tuple[str, bytes]]
) -> list[Claim]:
    state, size = copy.state(), copy.size()
    return [
        *(claim_of_receipt(d, source=name, state=state, size=size) for name, d in receipts),
        *(claim_of_checkpoint(d, source=name, state=state, size=size) for name, d in checkpoints),
    ]


def _copy_files(backup: Path, copy: Ledger, folder: Path, show: Progress) -> int:
    """Copy what is there of the files that the entries name; the audit says what is not."""
    folder.mkdir(mode=0o700)
    count = 0
    for index, texts in copy.disclosed():
        for file in files_of(texts):
            target = folder / file.sha256
            if not target.exists():
                count += copy_file(backup / FILES_FOLDER / file.sha256, target) is not None
        if not index % _SHOWN:
            show(index, copy.size())
    show(copy.size(), copy.size())
    sync_folder(folder)
    return count


def _check_indexes(backup: Path, copy: Ledger, show: Progress) -> set[str]:
    """Check that what the store keeps beside the entries agrees with them.

    Returns:
        Who limited a claim to an audience.
    """
    limiting: set[str] = set()
    governance: list[int] = []
    erasures: list[int] = []
    size = copy.size()
    for index, data in enumerate(copy.entries()):
        entry = parse_entry(data)
        event = parse_event(entry.event)
        _check_facts(backup, copy, index, event, event_id(bytes(entry.event)).hex())
        if entry.position == 0 and index:
            _check_published(backup, copy, index)
        if isinstance(event, GOVERNANCE):
            governance.append(index)
        sealing = sealing_event(event)
        if isinstance(sealing, Erasure | Hold):
            erasures.append(index)
        for text in copy.disclosures(index):
            # An export writes less of a disclosure than is kept, and would be right without it.
            check_disclosure(text, event=sealing, where=f"entry {index} disclosure")
        if sealing.audience is not None:
            limiting.add(event.author)
        if not index % _SHOWN:
            show(index, size)
    show(size, size)
    if tuple(governance) != copy.governance():
        raise BackupError(backup, "does not hold together: other governance entries are listed")
    if tuple(erasures) != copy.erasures():
        raise BackupError(backup, "does not hold together: other erasures and holds are listed")
    for note in copy.notes():
        # Raises if it is not found.
        copy.note(size=parse_signed(note)[0].size, sha256=hashlib.sha256(note).hexdigest())
    return limiting


def _check_facts(backup: Path, copy: Ledger, index: int, event: Event, own_id: str) -> None:
    """Check that what is known of an event's ids is what the event says."""
    candidate = candidate_of(event, event_id=own_id)
    for known_id, kind in known_ids(candidate):
        if copy.past().find(known_id) != Fact(index, kind, event.author):
            reason = f"does not hold together: entry {index} is not found by its id as it is"
            raise BackupError(backup, reason)


def _check_published(backup: Path, copy: Ledger, size: int) -> None:
    """Check the checkpoint that was published at an earlier size, if one was."""
    with contextlib.suppress(NotFoundError):
        note = copy.checkpoint_at(size)
        claim = claim_of_checkpoint(
            note, source=f"checkpoint of size {size}", state=copy.state(), size=copy.size()
        )
        if (claim.size, claim.root) != (size, copy.root_at(size)):
            reason = f"does not hold together: its checkpoint of size {size} is of another tree"
            raise BackupError(backup, reason)


def _audit(backup: Path, copy: Ledger, audience: str, note: BackupNote, show: Progress) -> None:
    """Have the verifier check the copy as an export for an audience.

    Files are linked into it: nothing writes to them, and it is gone when this returns.
    """
    anchors = Anchors(fingerprint=note.fingerprint)
    with tempfile.TemporaryDirectory(prefix=".audit-", dir=copy.path) as beside:
        path = Path(beside) / "export"
        export(copy, path, audience=audience)
        report = audit(Folder(path), anchors=anchors, progress=show, audience=audience)
    lost = {f"files/{sha256}" for sha256 in note.absent or ()}
    for finding in report.findings:
        if finding.check is Check.FILE_MISSING and finding.where in lost:
            continue  # as it was in the ledger already
        entry = "" if finding.index is None else f"entry {finding.index}, "
        reason = f"is damaged: {entry}{finding.where}: {finding.reason}"
        raise BackupError(backup, reason, check=finding.check.value)
