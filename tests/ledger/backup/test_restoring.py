"""A ledger again, from a backup: the same, or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from ledger.backup import back_up
from ledger.errors import (
    BusyError,
    ForkedError,
    FullError,
    OlderError,
    StoreError,
)
from ledger.export import export
from ledger.ledger import Ledger
from ledger.progress import Progress
from ledger.restore import restore
from tests.ledger.backup.keeping import (
    ALPHA,
    BETA,
    SHA256,
    again,
    check_valid,
    environment,
    nobody,
)
from tests.ledger.builder import (
    CONTENT,
    Clock,
    found_ledger,
    names,
    new_charter,
    new_letter,
    new_log_key,
    submit,
)
from verify.errors import RuleError


def test_settings_and_witnesses_come_back_and_no_other_file(ledger: Ledger, tmp_path: Path) -> None:
    (ledger.path / "witnesses").write_text("witness w1 w1+0+key https://w1.example/\n")
    (ledger.path / "ledger.toml").write_text('names = ["ledger.example"]\n')
    (ledger.path / "disputes").mkdir(mode=0o700)
    (ledger.path / "disputes" / "0123.note").write_bytes(b"a note")
    (ledger.path / "alpha.key").write_text("a party's")
    made = back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody).path
    restored = again(made).path

    kept = ["disputes", "files", "ledger.mdb", "ledger.toml", "log.key", "witnesses"]
    assert ["backup.json", *kept] == names(made)
    assert kept == names(restored)
    for name in ("ledger.toml", "witnesses", "disputes/0123.note"):
        assert (ledger.path / name).read_bytes() == (restored / name).read_bytes()
        assert 0o600 == stat.S_IMODE((restored / name).stat().st_mode)


def test_witnesses_that_cannot_be_read_are_no_backup(ledger: Ledger, tmp_path: Path) -> None:
    (ledger.path / "witnesses").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="cannot be read"):
        back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody)

    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("what", ["readers", "store"])
def test_a_full_disk_is_not_told_as_a_damaged_backup(
    ledger: Ledger, backup: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def allot(fd: int, offset: int, size: int) -> None:
        del fd, offset, size
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def start(path: str, **options: object) -> lmdb.Environment:
        del options
        failure = lmdb.Error(f"{path}: {os.strerror(errno.ENOSPC)}")
        vars(failure)["code"] = errno.ENOSPC
        raise failure

    with monkeypatch.context() as patched:
        if what == "readers":
            patched.setattr(os, "posix_fallocate", allot)
        else:
            patched.setattr(lmdb, "open", start)
        with pytest.raises(FullError, match="No space left"):
            again(backup, ledger.receipt(0))

    assert 5 == again(backup, ledger.receipt(0)).note.size


def test_a_restored_ledger_is_the_same_and_goes_on(
    ledger: Ledger, backup: Path, tmp_path: Path
) -> None:
    receipts = [ledger.receipt(n) for n in range(5)]
    made = again(backup, *receipts, checkpoints=(ledger.checkpoint(), ledger.checkpoint_at(1)))

    assert (5, 1, 5) == (made.known, made.files, made.note.size)
    assert ["files", "ledger.mdb", "log.key"] == names(made.path)
    for path in (made.path, *made.path.rglob("*")):
        assert (0o700 if path.is_dir() else 0o600) == stat.S_IMODE(path.stat().st_mode)
    with Ledger.open(made.path, clock=Clock()) as restored:
        assert list(ledger.entries()) == list(restored.entries())
        assert list(ledger.disclosed()) == list(restored.disclosed())
        assert CONTENT == restored.file_path(SHA256).read_bytes()
        assert receipts == [restored.receipt(n) for n in range(5)]
        submit(restored, new_letter("alpha"))
        submit(restored, new_letter("beta"), party=BETA, note=ledger.checkpoint())
        check_valid(restored, tmp_path / "export")
        back_up(restored, tmp_path / "second", now_ms=0, tell=nobody)
    assert 7 == again(tmp_path / "second", *receipts).note.size


def test_counterfoil_verify_agrees_with_a_restored_ledger(
    ledger: Ledger, backup: Path, tmp_path: Path
) -> None:
    made = again(backup)
    (tmp_path / "receipt.json").write_bytes(ledger.receipt(3))
    with Ledger.open(made.path, clock=Clock()) as restored:
        submit(restored, new_letter("alpha"))
        export(restored, tmp_path / "export")
    done = subprocess.run(
        [sys.executable, "-m", "verify", "export", "--receipt", "receipt.json"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout


def test_restores_a_ledger_whose_log_key_was_changed(ledger: Ledger, tmp_path: Path) -> None:
    old = ledger.receipt(4)
    second = new_log_key(2)
    ledger.add_log_key(second)
    amended = new_charter(
        ALPHA, second, members=["beta"], founding=False, amends=ledger.state().charter_id
    )
    submit(ledger, amended)
    submit(ledger, new_letter("alpha"))
    back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody)
    made = again(tmp_path / "backup", old, ledger.receipt(6), checkpoints=(ledger.checkpoint(),))

    assert 2 == sum(name.endswith(".key") for name in names(made.path))
    with Ledger.open(made.path, clock=Clock()) as restored:
        submit(restored, new_letter("alpha"))


@pytest.mark.parametrize("kind", ["receipt", "checkpoint"])
def test_refuses_to_go_back_behind_what_was_acknowledged(
    ledger: Ledger, backup: Path, tmp_path: Path, kind: str
) -> None:
    early = ledger.receipt(2)
    submit(ledger, new_letter("alpha"), new_letter("alpha"), new_letter("alpha"))
    receipts = [early, ledger.receipt(6)] if kind == "receipt" else [early]
    checkpoints = (ledger.checkpoint(),) if kind == "checkpoint" else ()
    with pytest.raises(OlderError, match=f"{kind} .: entries 5 to 7 were acknowledged"):
        again(backup, *receipts, checkpoints=checkpoints)

    assert ["backup", "ledger"] == names(tmp_path)


def test_refuses_to_go_on_beside_another_history(
    ledger: Ledger, backup: Path, tmp_path: Path
) -> None:
    with Ledger.open(again(backup).path, clock=Clock()) as second:
        theirs = submit(second, new_letter("alpha", "another history"))
        back_up_of_second = back_up(second, tmp_path / "second", now_ms=0, tell=nobody)
        submitted = second.checkpoint()
    submit(ledger, new_letter("alpha"))
    with pytest.raises(ForkedError) as refusal:
        again(back_up_of_second.path, ledger.receipt(5))

    assert (6, ledger.root().hex(), back_up_of_second.note.root) == (
        refusal.value.size, refusal.value.root, refusal.value.found,
    )  # fmt: skip
    assert ledger.checkpoint() == refusal.value.note != submitted
    assert 5 == theirs.first


def test_refuses_what_is_of_another_ledger(ledger: Ledger, backup: Path, tmp_path: Path) -> None:
    with found_ledger(tmp_path / "other", ALPHA, notice_days=9)[0] as other:
        for receipts, checkpoints in (
            ([other.receipt(0)], ()),
            ([ledger.receipt(2), b"{}"], ()),
            ([], (b"",)),
        ):
            with pytest.raises(RuleError):
                again(backup, *receipts, checkpoints=checkpoints)
    assert ["backup", "ledger", "other"] == names(tmp_path)


def test_refuses_a_target_that_is_there(backup: Path) -> None:
    made = again(backup)
    with pytest.raises(StoreError, match="exists already"):
        again(backup)

    assert ["files", "ledger.mdb", "log.key"] == names(made.path)


def test_refuses_what_a_later_key_signed_and_says_what_else_it_may_be(
    ledger: Ledger, backup: Path
) -> None:
    second = new_log_key(2)
    ledger.add_log_key(second)
    submit(ledger, new_charter(
        ALPHA, second, members=["beta"], founding=False, amends=ledger.state().charter_id
    ))  # fmt: skip
    for receipts, checkpoints in (([ledger.receipt(5)], ()), ([], (ledger.checkpoint(),))):
        with pytest.raises(RuleError, match="It is of 6 entries, and 5 are here"):
            again(backup, *receipts, checkpoints=checkpoints)


def test_reading_a_backup_changes_nothing_that_counts(ledger: Ledger, backup: Path) -> None:
    with contextlib.suppress(StoreError):
        Ledger.open(backup, clock=Clock())
    with Ledger.open(backup, read_only=True) as reader:
        assert 5 == reader.size()
        check_valid(reader, backup.with_name("export"))
    assert not (backup / "ledger.lock").exists()
    assert 5 == again(backup, ledger.receipt(4)).note.size


def test_two_do_not_restore_to_the_same_place(backup: Path, tmp_path: Path) -> None:
    def tell(_part: str) -> Progress:
        with pytest.raises(BusyError):
            restore(backup, tmp_path / "new", tell=nobody)
        return lambda _done, _size: None

    assert 5 == restore(backup, tmp_path / "new", tell=tell).note.size
