"""What the tests of backups share: a file, where things stand, and how to bring them back."""

from __future__ import annotations

import os
from pathlib import Path

from ledger.export import export
from ledger.ledger import Ledger
from ledger.progress import Progress
from ledger.restore import Restored, restore
from tests.ledger.builder import (
    FILE,
    Party,
)
from verify.anchors import Anchors
from verify.audit import audit
from verify.folder import Folder

ROOT = Path(__file__).parents[3]
ALPHA, BETA = Party("alpha", 1), Party("beta", 2)
SHA256 = str(FILE["sha256"])
PARTS_OF_BACKUP = ("Copying MiB", "Checking entry", "Files of entry")
PARTS_OF_RESTORE = ("Files of entry", "Reading entry", "Checking entry")


def nobody(_part: str) -> Progress:
    return lambda _done, _size: None


def again(backup: Path, *receipts: bytes, checkpoints: tuple[bytes, ...] = ()) -> Restored:
    named = [(f"receipt {n}", data) for n, data in enumerate(receipts)]
    notes = [(f"checkpoint {n}", data) for n, data in enumerate(checkpoints)]
    target = backup.with_name(f"{backup.name}-restored")
    return restore(backup, target, receipts=named, checkpoints=notes, tell=nobody)


def check_valid(ledger: Ledger, path: Path) -> None:
    export(ledger, path)
    report = audit(Folder(path), anchors=Anchors(fingerprint=ledger.fingerprint))

    assert ((), "valid") == (report.findings, report.verdict)


def damage(path: Path, old: bytes, new: bytes) -> None:
    """Change octets of a file, every time they are there."""
    data = path.read_bytes()

    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}
