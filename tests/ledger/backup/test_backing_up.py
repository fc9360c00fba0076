"""A backup of a ledger: what it holds, and what prevents it."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import threading
from pathlib import Path

import pytest

from ledger import backup as module
from ledger.backup import back_up
from ledger.errors import (
    KeyFileError,
    LogKeyError,
    StoreError,
)
from ledger.ledger import Ledger
from ledger.progress import Progress
from ledger.store import STORE_FILE
from tests.ledger.backup.keeping import PARTS_OF_BACKUP, SHA256, again, damage, nobody
from tests.ledger.builder import (
    CONTENT,
    FILE,
    NOON_MS,
    Clock,
    names,
    new_event,
    new_letter,
    submit,
)
from verify.codec import encode


def test_a_backup_is_the_ledger_and_says_what_of(ledger: Ledger, tmp_path: Path) -> None:
    made = back_up(ledger, tmp_path / "backup", now_ms=NOON_MS, tell=nobody)
    octets = (made.path / "backup.json").read_bytes()

    assert ["backup.json", "files", "ledger.mdb", "log.key"] == names(made.path)
    assert octets == encode(made.note)
    assert (5, ledger.root().hex(), ledger.fingerprint, ledger.origin, NOON_MS, None) == (
        made.note.size, made.note.root, made.note.fingerprint, made.note.origin, made.note.made,
        made.note.absent,
    )  # fmt: skip
    assert hashlib.sha256((made.path / STORE_FILE).read_bytes()).hexdigest() == made.note.store
    assert 1 == made.files
    assert CONTENT == (made.path / "files" / SHA256).read_bytes()
    with Ledger.open(made.path, read_only=True) as copy:
        assert list(ledger.entries()) == list(copy.entries())
        assert list(ledger.disclosed()) == list(copy.disclosed())
        assert list(ledger.notes()) == list(copy.notes())
        assert ledger.checkpoint() == copy.checkpoint()


def test_a_backup_is_for_its_owner_alone_and_shares_nothing(ledger: Ledger, backup: Path) -> None:
    for path in (backup, *backup.rglob("*")):
        status = path.stat()
        assert (0o700 if path.is_dir() else 0o600) == stat.S_IMODE(status.st_mode)
        assert path.is_dir() or status.st_nlink == 1
    assert (backup / "log.key").read_bytes() == (ledger.path / "log.key").read_bytes()


def test_nothing_is_recorded_in_a_backup(backup: Path) -> None:
    with pytest.raises(StoreError, match="is a backup"):
        Ledger.open(backup, clock=Clock())


def test_copies_the_files_that_are_named_and_no_others(ledger: Ledger, tmp_path: Path) -> None:
    orphan = b"nobody names it"
    name = hashlib.sha256(orphan).hexdigest()
    ledger.add_file(io.BytesIO(orphan), sha256=name, size=len(orphan))
    (ledger.path / "files" / ".new-half").write_bytes(b"half")
    back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody)

    assert [SHA256] == names(tmp_path / "backup" / "files")


@pytest.mark.parametrize("inside", ["backup", "files/backup"])
def test_refuses_to_put_a_backup_into_the_ledger(ledger: Ledger, inside: str) -> None:
    with pytest.raises(StoreError, match="own folder"):
        back_up(ledger, ledger.path / inside, now_ms=0, tell=nobody)


def test_refuses_a_target_that_exists(ledger: Ledger, backup: Path) -> None:
    before = {path: path.stat() for path in backup.rglob("*")}
    with pytest.raises(StoreError, match="exists already"):
        back_up(ledger, backup, now_ms=0, tell=nobody)

    assert before == {path: path.stat() for path in backup.rglob("*")}


@pytest.mark.parametrize("part", PARTS_OF_BACKUP)
def test_an_interruption_leaves_nothing(ledger: Ledger, tmp_path: Path, part: str) -> None:
    def tell(name: str) -> Progress:
        def show(_done: int, _size: int) -> None:
            if name == part:
                raise KeyboardInterrupt

        return show

    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        back_up(ledger, tmp_path / "backup", now_ms=0, tell=tell)

    assert ["ledger"] == names(tmp_path)
    assert threads == threading.active_count()
    submit(ledger, new_letter("alpha"))


def test_a_closed_pipe_ends_the_copying(ledger: Ledger) -> None:
    submit(ledger, *(new_letter("alpha", "x" * 900) for _ in range(300)))
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(StoreError, match="Broken pipe"):
        ledger.copy_store(writing)
    os.close(writing)
    submit(ledger, new_letter("alpha"))


def test_what_the_ledger_has_lost_is_listed_and_not_taken_for_damage(
    ledger: Ledger, tmp_path: Path
) -> None:
    other = b"another file"
    claim = FILE | {"sha256": hashlib.sha256(other).hexdigest(), "size": len(other)}
    ledger.add_file(io.BytesIO(other), sha256=str(claim["sha256"]), size=len(other))
    events = [new_event("alpha", "artefact/v1", type="letter", claims={"file": claim})] * 1
    submit(ledger, *events)
    (ledger.path / "files" / SHA256).write_bytes(CONTENT[::-1])  # rotten
    (ledger.path / "files" / str(claim["sha256"])).unlink()
    made = back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody)

    lost = tuple(sorted((SHA256, str(claim["sha256"]))))
    assert (lost, 0, []) == (made.note.absent, made.files, names(made.path / "files"))
    assert lost == again(made.path).note.absent


def test_a_ledger_whose_files_are_not_there_is_not_backed_up(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ABSENT", 0)
    (ledger.path / "files").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="are missing"):
        back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody)

    assert ["elsewhere", "ledger"] == names(tmp_path)


def test_a_ledger_without_its_key_is_not_backed_up(ledger: Ledger, tmp_path: Path) -> None:
    (ledger.path / "log.key").rename(tmp_path / "log.key")
    with pytest.raises(LogKeyError, match=f"^{re.escape(str(ledger.path))}: "):
        back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody)
    (tmp_path / "log.key").rename(ledger.path / "log.key")
    (ledger.path / "log.key").chmod(0o640)
    with pytest.raises(KeyFileError, match="0640"):
        back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody)

    assert ["ledger"] == names(tmp_path)


def test_a_tree_that_is_not_of_the_entries_is_not_backed_up(ledger: Ledger, tmp_path: Path) -> None:
    ledger.close()
    damage(ledger.path / STORE_FILE, b'"channel":"letter"', b'"channel":"lettar"')
    with (
        Ledger.open(ledger.path, read_only=True) as damaged,
        pytest.raises(StoreError, match="not of the entries"),
    ):
        back_up(damaged, tmp_path / "backup", now_ms=0, tell=nobody)

    assert ["ledger"] == names(tmp_path)
