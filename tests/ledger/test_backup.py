"""Backups of a ledger that goes on, and what comes of them: the same ledger, or nothing."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import lmdb
import msgspec
import pytest

from ledger import backup as module
from ledger.backup import BackupNote, Progress, back_up
from ledger.errors import (
    BackupError,
    BusyError,
    ForkedError,
    KeyFileError,
    LogKeyError,
    OlderError,
    StoreError,
)
from ledger.export import export
from ledger.ledger import Ledger
from ledger.restore import Restored, restore
from ledger.store import STORE_FILE
from tests.ledger import backup_child
from tests.ledger.backup_child import record_letter
from tests.ledger.builder import (
    NOON_MS,
    Clock,
    Party,
    found_ledger,
    new_charter,
    new_enrolment,
    new_event,
    new_letter,
    new_log_key,
    submit,
)
from tests.ledger.test_crash import Disk, completed, needs_strace
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.codec import encode
from verify.entry import parse_entry
from verify.errors import RuleError
from verify.events import event_id
from verify.folder import Folder
from verify.receipt import parse_receipt

ROOT = Path(__file__).parents[2]
ALPHA, BETA = Party("alpha", 1), Party("beta", 2)
CONTENT = b"%PDF the whole of a letter"
FILE = {
    "media_type": "application/pdf",
    "name": "letter.pdf",
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "size": len(CONTENT),
}
SHA256 = str(FILE["sha256"])
PARTS_OF_BACKUP = ("Copying MiB", "Checking entry", "Files of entry")
PARTS_OF_RESTORE = ("Files of entry", "Reading entry", "Checking entry")


def nobody(_part: str) -> Progress:
    return lambda _done, _size: None


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with some of everything; what is limited to Alpha is what an export leaves out."""
    with found_ledger(tmp_path / "ledger", ALPHA, members=["beta"])[0] as opened:
        submit(opened, new_enrolment(opened, "alpha", BETA))
        opened.add_file(io.BytesIO(CONTENT), sha256=SHA256, size=len(CONTENT))
        limited = new_event(
            "alpha", "communication/v1", channel="letter", audience={"text": ["alpha"]},
            claims={"text": "For Alpha alone", "title": "A letter"},
        )  # fmt: skip
        claims: dict[str, object] = {"file": FILE, "title": "A letter"}
        submit(opened, new_event("alpha", "artefact/v1", type="letter", claims=claims), limited)
        submit(opened, new_letter("beta"), party=BETA, note=opened.checkpoint())
        yield opened


@pytest.fixture
def backup(ledger: Ledger, tmp_path: Path) -> Path:
    back_up(ledger, tmp_path / "backup", now_ms=NOON_MS, tell=nobody)
    return tmp_path / "backup"


def again(backup: Path, *receipts: bytes, checkpoints: tuple[bytes, ...] = ()) -> Restored:
    named = [(f"receipt {n}", data) for n, data in enumerate(receipts)]
    notes = [(f"checkpoint {n}", data) for n, data in enumerate(checkpoints)]
    target = backup.with_name(f"{backup.name}-restored")
    return restore(backup, target, receipts=named, checkpoints=notes, tell=nobody)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def check_valid(ledger: Ledger, path: Path) -> None:
    export(ledger, path)
    report = audit(Folder(path), anchors=Anchors(fingerprint=ledger.fingerprint))

    assert ((), "valid") == (report.findings, report.verdict)


# A backup


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
    with pytest.raises(LogKeyError):
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


def damage(path: Path, old: bytes, new: bytes) -> None:
    """Change octets of a file, every time they are there."""
    data = path.read_bytes()

    assert old in data
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))


# While others record


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


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


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


# A ledger again


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


# Damage


def resign(backup: Path, **fields: object) -> None:
    """Let `backup.json` say what is there now, or something else."""
    note = msgspec.json.decode((backup / "backup.json").read_bytes(), type=BackupNote)
    store = hashlib.sha256((backup / STORE_FILE).read_bytes()).hexdigest()
    changed = msgspec.structs.replace(note, **({"store": store} | fields))
    (backup / "backup.json").write_bytes(encode(changed))


def damaged(backup: Path) -> BackupError:
    before = names(backup.parent)
    with pytest.raises(BackupError) as refusal:
        again(backup)

    assert before == names(backup.parent)
    return refusal.value


def test_a_store_that_is_another_is_found_before_it_is_opened(backup: Path) -> None:
    data = (backup / STORE_FILE).read_bytes()
    for changed in (data[:-1], data + b"\x00", bytes([data[0] ^ 1]) + data[1:], b""):
        (backup / STORE_FILE).write_bytes(changed)

        assert "damaged, or changed since" in damaged(backup).reason
    (backup / STORE_FILE).write_bytes(data)
    again(backup)


@pytest.mark.parametrize("what", ["nothing", "link", "pipe", "folder"])
def test_a_store_that_is_no_plain_file_is_refused(backup: Path, tmp_path: Path, what: str) -> None:
    (backup / STORE_FILE).rename(tmp_path / "store")
    if what == "link":
        (backup / STORE_FILE).symlink_to(tmp_path / "store")
    elif what == "pipe":
        os.mkfifo(backup / STORE_FILE)
    elif what == "folder":
        (backup / STORE_FILE).mkdir()

    assert f"{STORE_FILE} cannot be read" == damaged(backup).reason


def test_a_store_that_is_none_is_refused(backup: Path) -> None:
    (backup / STORE_FILE).write_bytes(b"nothing of ours" * 1000)
    resign(backup)

    assert "does not hold together" in damaged(backup).reason


def test_a_changed_event_is_named_by_its_check(backup: Path) -> None:
    damage(backup / STORE_FILE, b'"channel":"letter"', b'"channel":"letxer"')
    resign(backup)

    assert Check.EVENT.value == damaged(backup).check


def test_what_the_audit_finds_is_named_by_its_check(ledger: Ledger, backup: Path) -> None:
    # Of entry 2, what it says about when it was recorded: nothing but its hash depends on it.
    recorded = b'"recorded":%d' % NOON_MS
    entry = ledger.entry(2)
    damage(backup / STORE_FILE, entry, entry.replace(recorded, b'"recorded":%d' % (NOON_MS + 1)))
    resign(backup)
    error = damaged(backup)

    assert (Check.ENTRY.value, str(backup)) == (error.check, error.path)
    assert "entry 2, entry: is not the entry that the tree holds" in error.reason


@pytest.mark.parametrize("name", ["title", "text"])
@pytest.mark.parametrize("place", [0, 10, 40, -1])
def test_a_changed_claim_is_found_also_if_it_is_limited(
    ledger: Ledger, backup: Path, name: str, place: int
) -> None:
    claim = next(text for text in ledger.disclosures(3) if f'"{name}"'.encode() in decode(text))
    other = "B" if claim[place] == "A" else "A"
    swapped = claim[:place] + other + (claim[place + 1 :] if place >= 0 else "")
    damage(backup / STORE_FILE, claim.encode(), swapped.encode())
    resign(backup)

    assert Check.DISCLOSURE.value == damaged(backup).check


def test_a_lost_claim_is_found_also_if_it_is_limited(ledger: Ledger, backup: Path) -> None:
    text, title = ledger.disclosures(3)
    with table_of(backup, "disclosures") as change:
        group = change(2, b"")
        change(2, group.replace(f"{text} {title}".encode(), title.encode()))

    assert Check.DISCLOSURE_MISSING.value == damaged(backup).check


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("change", [b"", CONTENT + b".", CONTENT[::-1]])
def test_a_changed_file_is_named_by_its_check(backup: Path, change: bytes) -> None:
    (backup / "files" / SHA256).write_bytes(change)
    error = damaged(backup)

    assert Check.FILE.value == error.check
    assert SHA256 in error.reason


@pytest.mark.parametrize("what", ["nothing", "link", "pipe"])
def test_a_missing_file_is_named_by_its_check(backup: Path, tmp_path: Path, what: str) -> None:
    place = backup / "files" / SHA256
    place.rename(tmp_path / "file")
    if what == "link":
        place.symlink_to(tmp_path / "file")
    elif what == "pipe":
        os.mkfifo(place)
    error = damaged(backup)

    assert Check.FILE_MISSING.value == error.check
    assert "entry 2, files/" in error.reason


def test_files_that_nothing_names_are_not_restored(backup: Path, tmp_path: Path) -> None:
    (backup / "files" / "passwd").symlink_to("/etc/passwd")
    (backup / "files" / ("0" * 64)).write_bytes(b"")
    (backup / "log-extra.key").symlink_to(tmp_path / "nowhere")
    with pytest.raises(KeyFileError):
        again(backup)
    (backup / "log-extra.key").unlink()

    assert [SHA256] == names(again(backup).path / "files")


@pytest.mark.parametrize("what", ["none", "other", "rubbish", "open", "link"])
def test_a_log_key_that_cannot_be_used_is_refused(backup: Path, tmp_path: Path, what: str) -> None:
    key = backup / "log.key"
    if what == "open":
        key.chmod(0o644)
    else:
        key.rename(tmp_path / "kept.key")
    if what == "other":
        new_log_key(9).save(key)
    elif what == "rubbish":
        key.write_bytes(b"{}")
        key.chmod(0o600)
    elif what == "link":
        key.symlink_to(tmp_path / "kept.key")
    before = names(tmp_path)
    with pytest.raises((BackupError, KeyFileError)) as refusal:
        again(backup)

    assert isinstance(refusal.value, KeyFileError) is (what in {"open", "link"})
    assert before == names(tmp_path)


@pytest.mark.parametrize("octets", [None, b"", b"{}", b"x" * 200_000])
def test_a_folder_that_is_no_backup_is_refused(backup: Path, octets: bytes | None) -> None:
    (backup / "backup.json").unlink()
    if octets is not None:
        (backup / "backup.json").write_bytes(octets)

    assert "is no backup" in damaged(backup).reason


@pytest.mark.parametrize(
    "fields", [{"size": 4}, {"root": "0" * 64}, {"fingerprint": "0" * 64}, {"origin": "x"}]
)
def test_a_note_that_says_another_thing_is_refused(backup: Path, fields: dict[str, object]) -> None:
    resign(backup, **fields)

    assert "another ledger or size" in damaged(backup).reason


def test_indexes_that_lead_elsewhere_are_found(ledger: Ledger, backup: Path) -> None:
    known = event_id(bytes(parse_entry(ledger.entry(4)).event))
    damage(backup / STORE_FILE, known, bytes(reversed(known)))
    resign(backup)

    assert "entry 4 is not found by its id" in damaged(backup).reason


@contextlib.contextmanager
def table_of(backup: Path, name: str) -> Iterator[Callable[[int, bytes | None], bytes]]:
    """Give what changes a value of the store under its key, or removes it; returns the old one."""
    with lmdb.open(str(backup / STORE_FILE), subdir=False, max_dbs=8) as store:
        table = store.open_db(name.encode(), create=False, integerkey=True)
        with store.begin(write=True) as txn:

            def change(key: int, value: bytes | None) -> bytes:
                octets = key.to_bytes(8, sys.byteorder)
                before = txn.get(octets, db=table)
                assert before is not None
                if value is None:
                    txn.delete(octets, db=table)
                else:
                    txn.put(octets, value, db=table)
                return before

            yield change
    resign(backup)


def test_governance_that_is_listed_otherwise_is_found(backup: Path) -> None:
    with table_of(backup, "turnings") as change:
        leaf = change(1, None)

    assert "other governance entries" in damaged(backup).reason
    assert 32 == len(leaf)


def test_governance_that_is_listed_with_another_hash_is_found(backup: Path) -> None:
    with table_of(backup, "turnings") as change:
        change(1, bytes(32))

    assert "entry 1: is listed with another leaf hash" in damaged(backup).reason


def test_an_event_that_is_listed_as_another_kind_is_found(backup: Path) -> None:
    with table_of(backup, "submissions") as change:
        row = change(4, b"")
        change(4, row.replace(b"\x04\x04beta", b"\x05\x04beta", 1))

    assert "entry 4 is not found by its id as it is" in damaged(backup).reason


@pytest.mark.parametrize("what", ["another", "unsigned"])
def test_a_published_checkpoint_that_was_changed_is_found(
    ledger: Ledger, backup: Path, what: str
) -> None:
    note = ledger.checkpoint_at(1 if what == "another" else 2)
    with table_of(backup, "checkpoints") as change:
        change(2, note if what == "another" else note[:-9] + b"AAAAAAA=\n")

    assert "heckpoint of size 2" in damaged(backup).reason


def test_a_note_that_is_kept_under_another_key_is_found(ledger: Ledger, backup: Path) -> None:
    (note,) = ledger.notes()
    key = (4).to_bytes(8, "big") + hashlib.sha256(note).digest()
    with lmdb.open(str(backup / STORE_FILE), subdir=False, max_dbs=8) as store:
        table = store.open_db(b"notes", create=False)
        with store.begin(write=True) as txn:
            assert txn.delete(key, db=table)
            txn.put(key[:-1] + b"\x00", note, db=table)
    resign(backup)

    assert "there is no note" in damaged(backup).reason


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
