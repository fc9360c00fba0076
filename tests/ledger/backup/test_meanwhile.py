"""Backups while others record, and processes that are killed or find no room."""

from __future__ import annotations

import contextlib
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.backup import back_up
from ledger.errors import (
    OlderError,
)
from ledger.ledger import Ledger
from ledger.restore import Restored, restore
from tests.ledger import backup_child
from tests.ledger.backup.keeping import (
    PARTS_OF_BACKUP,
    PARTS_OF_RESTORE,
    again,
    check_valid,
    environment,
    nobody,
)
from tests.ledger.backup_child import record_letter
from tests.ledger.builder import (
    Clock,
    names,
    new_letter,
    submit,
)
from tests.ledger.test_crash import Disk, completed, needs_strace
from verify.receipt import parse_receipt


def test_backups_while_threads_record_hold_what_was_acknowledged(
    ledger: Ledger, tmp_path: Path
) -> None:
    done = threading.Event()
    acknowledged: list[bytes] = []

    def run(start: int) -> None:
        number = start
        while not done.is_set():
            acknowledged.append(record_letter(ledger, number))
            number += 1
            done.wait(0.01)  # else the ledger outgrows every backup of it

    threads = [threading.Thread(target=run, args=(n * 1_000_000,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(4):
            while len(acknowledged) < 20 * (number + 1):
                submit(ledger, new_letter("alpha"))
            before = list(acknowledged)
            back_up(ledger, tmp_path / f"backup-{number}", now_ms=0, tell=nobody)
            made = again(tmp_path / f"backup-{number}", *before)
            assert made.files > len(before)
    finally:
        done.set()
        for thread in threads:
            thread.join()


def child(what: str, *words: object) -> list[str]:
    return [sys.executable, str(Path(backup_child.__file__)), what, *map(str, words)]


@contextlib.contextmanager
def recording(folder: Path, start: int) -> Iterator[Callable[[], bytes]]:
    """Record in another process; gives the receipts, one after the other."""
    with subprocess.Popen(
        child("record", folder, start), env=environment(), stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline
        finally:
            process.kill()


def test_backups_while_another_process_records_hold_what_was_acknowledged(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.close()
    receipts: list[bytes] = []
    with recording(ledger.path, 1) as next_receipt:
        for number in range(3):
            receipts += [next_receipt().rstrip(b"\n") for _ in range(40)]
            with Ledger.open(ledger.path, read_only=True) as reader:
                back_up(reader, tmp_path / f"backup-{number}", now_ms=0, tell=nobody)
            made = again(tmp_path / f"backup-{number}", *receipts)
            assert made.note.size >= 5 + 40 * (number + 1)
        later = next_receipt().rstrip(b"\n")
        while parse_receipt(later).first < made.note.size:
            later = next_receipt().rstrip(b"\n")
    with pytest.raises(OlderError) as refusal:
        again_elsewhere(tmp_path / "backup-2", receipts[0], later)

    assert refusal.value.size > made.note.size
    with Ledger.open(made.path, clock=Clock()) as restored:
        record_letter(restored, 7_000_000)
        check_valid(restored, tmp_path / "export")


def again_elsewhere(backup: Path, *receipts: bytes) -> Restored:
    named = [(f"receipt {n}", data) for n, data in enumerate(receipts)]
    return restore(backup, backup.with_name("elsewhere"), receipts=named, tell=nobody)


@pytest.mark.parametrize("part", PARTS_OF_BACKUP)
def test_a_kill_while_backing_up_leaves_nothing_in_its_place(
    ledger: Ledger, tmp_path: Path, part: str
) -> None:
    target = tmp_path / "backup"
    done = subprocess.run(
        child("backup", ledger.path, target, part),
        env=environment(), capture_output=True, check=False,
    )  # fmt: skip

    assert (-signal.SIGKILL, b"") == (done.returncode, done.stderr)
    assert [".backup.making", "ledger"] == names(tmp_path)
    submit(ledger, new_letter("alpha"))
    back_up(ledger, target, now_ms=0, tell=nobody)
    assert ["backup", "ledger"] == names(tmp_path)
    assert 6 == again(target).note.size


@pytest.mark.parametrize("part", PARTS_OF_RESTORE)
def test_a_kill_while_restoring_leaves_nothing_in_its_place(
    backup: Path, tmp_path: Path, part: str
) -> None:
    done = subprocess.run(
        child("restore", backup, tmp_path / "backup-restored", part),
        env=environment(), capture_output=True, check=False,
    )  # fmt: skip

    assert (-signal.SIGKILL, b"") == (done.returncode, done.stderr)
    assert [".backup-restored.making", "backup", "ledger"] == names(tmp_path)
    made = again(backup)
    assert ["backup", "backup-restored", "ledger"] == names(tmp_path)
    assert ["files", "ledger.mdb", "log.key"] == names(made.path)


@pytest.mark.parametrize(
    "words", [("backup", "ledger", "new"), ("restore", "backup", "new", "--unproven")]
)
def test_a_full_disk_leaves_nothing_and_says_so(
    ledger: Ledger, tmp_path: Path, words: tuple[str, ...]
) -> None:
    submit(ledger, *(new_letter("alpha", "x" * 3000) for _ in range(200)))
    back_up(ledger, tmp_path / "backup", now_ms=0, tell=nobody)
    ledger.close()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    # A child that measured its coverage could not write that either.
    more = {name: text for name, text in environment().items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-m", "api", *words],
        cwd=tmp_path, env=more, preexec_fn=limit,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert 2 == done.returncode
    assert "counterfoil: new: cannot be made: File too large\n" == done.stderr
    assert ["backup", "ledger"] == names(tmp_path)


@needs_strace
@pytest.mark.parametrize(
    "words", [("backup", "ledger", "new"), ("restore", "backup", "new", "--unproven")]
)
def test_nothing_is_moved_to_its_place_before_it_is_synced(
    backup: Path, ledger: Ledger, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ledger.close()
    existing = {str(path) for path in tmp_path.rglob("*")}
    log = tmp_path / "trace"
    calls = "openat,fsync,fdatasync,write,writev,pwrite64,rename,renameat2,unlink"
    subprocess.run(
        [
            *("strace", "-f", "-y", "-s", "24", "-e", f"trace={calls}", "-o", str(log)),
            *(sys.executable, "-m", "api", words[0], *(str(tmp_path / w) for w in words[1:3])),
            *words[3:],
        ],
        cwd=tmp_path, env=environment(), check=True, capture_output=True,
    )  # fmt: skip
    disk = Disk(tmp_path, existing)
    beside = str(tmp_path / ".new.making")
    moved = 0
    for call, only_begun in completed(log.read_text().splitlines()):
        name, _, rest = call.partition("(")
        if name == "rename" and f'"{beside}"' in rest and not only_begun:
            moved += 1
            assert not [path for path in disk.unsynced if there(path, beside, tmp_path / "new")]
        disk.call(name, rest)

    assert backup.exists()
    assert 1 == moved
    assert str(tmp_path) not in disk.unsynced


def there(path: str, beside: str, target: Path) -> bool:
    """Tell whether what was made beside is in its place in the end."""
    return path.startswith(beside) and Path(path.replace(beside, str(target), 1)).exists()
