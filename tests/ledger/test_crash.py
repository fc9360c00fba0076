"""What is acknowledged is on disk: real processes, killed at every step and under load."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.clock import now_ms
from ledger.ledger import Ledger
from ledger.writer import STEPS
from tests.ledger import crash_child, partyside
from tests.ledger.builder import Clock, found_ledger, new_log_key
from verify.checkpoint import parse_signed
from verify.entry import parse_entry
from verify.events import event_id
from verify.merkle import leaf_hash, root_hash
from verify.receipt import check_receipt_alone, parse_receipt

ROOT = Path(__file__).parents[2]
KEY = new_log_key().verifier_key
DRAFT = """
counterfoil: draft/v1
author: blaby
events:
  - kind: communication
    channel: letter
    claims: {text: kept back, files: [letter.txt]}
    withheld: [text]
"""
COMMITTED = 5  # the step from which on a submission is recorded, although nobody knows
RECEIPT = re.compile(rb"receipt ([0-9]+) (.*)\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found_ledger(tmp_path / "ledger", crash_child.ALPHA)[0].close()
    return tmp_path / "ledger"


def command(folder: Path, what: str, number: int) -> list[str]:
    return [sys.executable, str(Path(crash_child.__file__)), str(folder), what, str(number)]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)} | more


def check(folder: Path, acknowledged: dict[int, bytes]) -> int:
    """Check that the ledger is whole and holds all that was acknowledged; return its size."""
    with Ledger.open(folder, clock=Clock()) as ledger:
        entries = list(ledger.entries())
        leaves = [leaf_hash(entry) for entry in entries]
        assert root_hash(leaves) == ledger.root() == parse_signed(ledger.checkpoint())[0].root
        rest = 0
        for index, octets in enumerate(entries):
            entry = parse_entry(octets)
            assert index == entry.index
            assert index == ledger.index_of(event_id(bytes(entry.event)))
            assert (rest == 0) is (entry.position == 0) is (entry.statement is not None)
            if entry.statement is not None:
                rest = entry.statement.count
            rest -= 1
            if index:
                assert leaves[index - 1].hex() == entry.prev
                assert ledger.disclosures(index)
        assert rest == 0
        assert not list((folder / "files").glob(".*"))
        for number, octets in acknowledged.items():
            receipt = parse_receipt(octets)
            checkpoint = check_receipt_alone(receipt, key=KEY)
            assert leaves[receipt.first + receipt.count - 1].hex() == receipt.leaf
            assert root_hash(leaves[: checkpoint.size]) == checkpoint.root
            again = parse_receipt(ledger.submit(crash_child.document(ledger, number)))
            assert (receipt.first, receipt.leaf) == (again.first, again.leaf)
        assert len(entries) == ledger.size()
    return len(entries)


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_kill_at_a_step_leaves_all_or_nothing(folder: Path, step: int) -> None:
    done = subprocess.run(
        command(folder, "step", step), env=environment(), capture_output=True, check=False
    )

    assert (-signal.SIGKILL, b"") == (done.returncode, done.stderr)
    with Ledger.open(folder, clock=Clock()) as ledger:
        document = crash_child.document(ledger, 100_000 + step)
        count = parse_receipt(ledger.receipt(0)).count
        before = ledger.size()
        assert (count if step < COMMITTED else 1 + (1 + (100_000 + step) % 7)) == before
        receipt = parse_receipt(ledger.submit(document))
        assert (1, 1 + (100_000 + step) % 7) == (receipt.first, receipt.count)
    check(folder, {})


def test_nothing_acknowledged_is_lost_by_kills_under_load(folder: Path) -> None:
    chance = random.Random(1)
    acknowledged: dict[int, bytes] = {}
    size = 1
    for life in range(10):
        with subprocess.Popen(
            command(folder, "load", life * 10_000), env=environment(), stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            first = b"".join(child.stdout.readline() for _ in range(12))
            time.sleep(chance.uniform(0, 0.4))
            child.kill()
            # A line that the kill cut off was not acknowledged.
            said = RECEIPT.findall(first + child.stdout.read())
        new = {int(number): receipt for number, receipt in said}
        acknowledged |= new
        assert size < (size := check(folder, new))
    assert size == check(folder, acknowledged)
    assert len(acknowledged) > 100


# Syncing


class NotSyncedError(AssertionError):
    """A receipt left before what it promises was on disk."""


def traced(folder: Path, words: list[str], **more: str) -> tuple[list[str], set[str]]:
    """Run a command under strace; return its calls, and what was in the folder before."""
    log, before = folder.parent / "trace", {str(path) for path in folder.rglob("*")}
    calls = "openat,mkdir,fsync,fdatasync,msync,write,writev,pwrite64,pwritev,rename,renameat2"
    subprocess.run(
        [
            *("strace", "-f", "-y", "-s", "24", "-e", f"trace={calls}", "-o", str(log)),
            *words,
        ],
        env=environment(**more),
        check=True,
        capture_output=True,
    )
    return log.read_text().splitlines(), before


def completed(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield each call, and whether it is only begun; a call that is interrupted comes twice."""
    begun: dict[str, str] = {}
    for line in lines:
        pid, call = line.split(maxsplit=1)
        if call.endswith("<unfinished ...>"):
            begun[pid] = call.removesuffix(" <unfinished ...>")
            yield begun[pid], True
        elif call.startswith("<..."):
            yield begun.pop(pid) + call.partition("resumed>")[2], False
        else:
            yield call, False


class Disk:
    """What of the files under a folder is not on disk yet, as far as system calls tell."""

    def __init__(self, folder: Path, existing: set[str]) -> None:
        self.unsynced: set[str] = set()
        self.written = 0
        self._folder = str(folder)
        self._existing = existing
        # Descriptors whose writes are on disk when they return.
        self._direct: set[str] = set()

    def call(self, name: str, rest: str) -> None:
        descriptor = re.match(r"([0-9]+)<([^>]*)>", rest)
        opened = re.search(r"= ([0-9]+)<([^>]*)>", rest)
        if name == "openat" and opened:
            self._opened(opened[1], opened[2], rest)
        elif "write" in name and descriptor:
            self._wrote(descriptor[1], descriptor[2])
        elif name in {"fsync", "fdatasync"} and descriptor and rest.rstrip().endswith("= 0"):
            self.unsynced.discard(descriptor[2])
        elif name == "mkdir" and rest.endswith("= 0"):
            self._made(*re.findall(r'"([^"]*)"', rest))
        elif name.startswith("rename"):
            self._renamed(*re.findall(r'"([^"]*)"', rest))

    def _opened(self, descriptor: str, path: str, flags: str) -> None:
        (self._direct.add if "DSYNC" in flags else self._direct.discard)(descriptor)
        new = "O_CREAT" in flags and path not in self._existing
        if new and path.startswith(self._folder):
            self._existing.add(path)
            self.unsynced.add(str(Path(path).parent))

    def _made(self, path: str) -> None:
        if path.startswith(self._folder):
            self.unsynced.add(str(Path(path).parent))

    def _wrote(self, descriptor: str, path: str) -> None:
        if path.startswith(self._folder) and not path.endswith("lock"):
            self.written += 1
            if descriptor not in self._direct:
                self.unsynced.add(path)

    def _renamed(self, old: str, new: str) -> None:
        if old in self.unsynced:
            raise NotSyncedError(old)
        self._existing = {path.replace(old, new, 1) for path in self._existing}
        self.unsynced |= {str(Path(path).parent) for path in (old, new)}


def check_synced(lines: list[str], disk: Disk) -> int:
    """Check that nothing was unsynced whenever a receipt left; return how many receipts left."""
    receipts = 0
    for call, only_begun in completed(lines):
        name, _, rest = call.partition("(")
        if '"receipt ' not in rest:
            disk.call(name, rest)
            continue
        if disk.unsynced:
            raise NotSyncedError(disk.unsynced)
        if not only_begun:
            assert disk.written
            disk.written = 0
            receipts += 1
    return receipts


needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None and "CI" not in os.environ, reason="strace is not installed"
)


@needs_strace
def test_no_receipt_leaves_before_files_folders_and_store_are_synced(folder: Path) -> None:
    lines, before = traced(folder, command(folder, "files", 1))

    assert 3 == check_synced(lines, Disk(folder, before))


@needs_strace
def test_no_ledger_is_founded_before_it_is_synced(tmp_path: Path) -> None:
    lines, before = traced(tmp_path / "new", command(tmp_path / "new", "found", 1))

    assert 1 == check_synced(lines, Disk(tmp_path, before))


@needs_strace
def test_what_a_party_records_is_synced_before_it_is_sent_and_before_it_is_let_go(
    tmp_path: Path,
) -> None:
    clock = partyside.Clock(now_ms())
    partyside.found(tmp_path / "ledger", clock).close()
    partyside.BLABY.save(tmp_path / "key")
    (tmp_path / "letter.txt").write_bytes(b"Dear Leicestershire")
    (tmp_path / "draft.yaml").write_text(DRAFT)
    home = tmp_path / "home"
    paths = (str(tmp_path / name) for name in ("ledger", "draft.yaml"))
    options = ("--key", str(tmp_path / "key"), "--home", str(home))
    lines, before = traced(home, [sys.executable, "-m", "api", "record", *paths, *options])
    disk, sent, let_go = Disk(home, before), 0, 0
    for call, only_begun in completed(lines):
        name, _, rest = call.partition("(")
        recorded = "write" in name and "ledger.mdb>" in rest
        moved = name == "rename" and ".item" in rest.partition(",")[0] and "receipts" in rest
        if (recorded or moved) and disk.unsynced:
            raise NotSyncedError(disk.unsynced)
        sent += recorded and not only_begun
        let_go += moved and not only_begun
        disk.call(name, rest)

    assert sent
    assert 1 == let_go
    assert not disk.unsynced


@needs_strace
def test_the_same_check_fails_when_the_store_does_not_sync(folder: Path) -> None:
    lines, before = traced(folder, command(folder, "files", 1), LMDB_SYNC="off")

    with pytest.raises(NotSyncedError, match=r"ledger\.mdb"):
        check_synced(lines, Disk(folder, before))


@needs_strace
@pytest.mark.parametrize("left_out", ["fdatasync", "fsync"])
def test_the_same_check_fails_when_a_sync_is_left_out(folder: Path, left_out: str) -> None:
    lines, before = traced(folder, command(folder, "files", 1))

    rest = [line for line in lines if not re.search(rf"\b{left_out}(\(| resumed)", line)]

    assert len(rest) < len(lines)
    with pytest.raises(NotSyncedError):
        check_synced(rest, Disk(folder, before))
