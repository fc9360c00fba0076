"""The two processes of a server: what one does when the other ends, and what lasts."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path

import lmdb
import pytest

from api.clock import now_ms
from api.keeper import Keeper, KeeperError
from api.settings import Settings
from ledger.commit import Head
from ledger.errors import StoreError, WrongClockError
from ledger.ledger import Ledger
from ledger.past import load_head
from ledger.store import Snapshot, Store
from tests.api.serving import SUBMISSION, Site, read
from tests.ledger.builder import (
    Clock,
    Party,
    found_ledger,
    new_enrolment,
    new_event,
    new_letter,
    sign_document,
)
from verify.checkpoint import parse_signed
from verify.checks import Check
from verify.entry import parse_entry
from verify.merkle import check_inclusion, leaf_hash
from verify.receipt import parse_receipt, proof_of

ROOT = Path(__file__).parents[2]
ALPHA = Party("alpha", 1)
BETA = Party("beta", 2)
HOUR_MS = 3_600_000
OFF = {
    "COUNTERFOIL_PORT": "0",
    "COUNTERFOIL_REQUESTS_PER_S": "0",
    "COUNTERFOIL_SUBMISSIONS_PER_S": "0",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found_ledger(tmp_path / "ledger", ALPHA, clock=Clock(now_ms()))[0].close()
    return tmp_path / "ledger"


class Served:
    """A server's two processes."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.site = Site(port)

    @property
    def keeper(self) -> int:
        tasks = Path(f"/proc/{self.process.pid}/task")
        children = [
            child for task in tasks.iterdir() for child in (task / "children").read_text().split()
        ]
        (keeper,) = map(int, children)
        return keeper


@contextlib.contextmanager
def served(path: Path, **environment: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "api", "serve", str(path)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **OFF, **environment},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield Served(process, int(line.rpartition(b":")[2]))
        finally:
            process.kill()


def letters(path: Path, count: int) -> list[bytes]:
    with Ledger.open(path, read_only=True) as ledger:
        return [
            sign_document(ledger, ALPHA, [new_letter("alpha")], expires=now_ms() + HOUR_MS)
            for _ in range(count)
        ]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 20
    while not is_gone(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_process_that_answers_holds_no_log_key_open_and_writes_nothing(path: Path) -> None:
    with served(path) as server:
        server.site.post(letters(path, 1)[0])
        held = list(held_by(server.process.pid))

    assert not any("log.key" in name or "ledger.lock" in name for name, _ in held)
    assert {os.O_RDONLY} == {mode for name, mode in held if name.endswith("ledger.mdb")}


def held_by(pid: int) -> Iterator[tuple[str, int]]:
    """Yield the files that a process has open, and for what."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            info = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text()
            flags = int(info.partition("flags:")[2].split()[0], 8)
            yield str(link.readlink()), flags & os.O_ACCMODE


def test_ends_and_says_so_when_the_process_that_records_is_killed(path: Path) -> None:
    with served(path) as server:
        assert 201 == server.site.post(letters(path, 1)[0]).status
        os.kill(server.keeper, signal.SIGKILL)

        assert 2 == server.process.wait(30)


def test_the_process_that_records_ends_with_the_one_that_answers(path: Path) -> None:
    document = letters(path, 1)[0]
    with served(path) as server:
        keeper = server.keeper
        assert 201 == server.site.post(document).status
        server.process.kill()
        server.process.wait()
        wait_until_gone(keeper)
    with served(path) as server:
        assert 200 == server.site.post(document).status


def test_a_server_can_begin_while_the_one_before_is_ending(path: Path) -> None:
    with served(path) as first:
        first.process.kill()
        with served(path) as second:
            assert 201 == second.site.post(letters(path, 1)[0]).status


def test_a_large_document_keeps_nobody_waiting_and_is_recorded(path: Path) -> None:
    with Ledger.open(path, read_only=True) as ledger:
        large = sign_document(
            ledger,
            ALPHA,
            [new_letter("alpha", title="x" * 5000) for _ in range(400)],
            expires=now_ms() + HOUR_MS,
        )
    with served(path) as server:
        got = server.site.post(large)
        again = server.site.post(large)

    assert (201, 200) == (got.status, again.status)
    assert 400 == parse_receipt(got.body).count


def test_refusals_of_the_other_process_are_the_same_problems(path: Path) -> None:
    with Ledger.open(path, read_only=True) as ledger:
        stranger = sign_document(
            ledger, Party("alpha", 9), [new_letter("alpha")], expires=now_ms() + HOUR_MS
        )
        expired = sign_document(ledger, ALPHA, [new_letter("alpha")], expires=now_ms() - HOUR_MS)
    with served(path) as server:
        answers = [server.site.post(data) for data in (stranger, expired, b"{}")]

    assert [(403, Check.KEY.value), (422, Check.EXPIRES.value), (400, None)] == [
        (got.status, got.problem.check) for got in answers
    ]


def test_a_session_ends_before_the_revocation_of_its_key_is_acknowledged(path: Path) -> None:
    with Ledger.open(path, read_only=True) as ledger:
        enrolment = sign_document(
            ledger, ALPHA, [new_enrolment(ledger, "alpha", BETA)], expires=now_ms() + HOUR_MS
        )
        revocation = sign_document(
            ledger,
            BETA,
            [new_event("beta", "key/v1", verb="revoke", party="beta", key=BETA.public)],
            expires=now_ms() + HOUR_MS,
        )
        with served(path) as server:
            assert 201 == server.site.post(enrolment).status
            beta = server.site.signed_in(ledger, BETA)
            before = beta.get("/tile/entries/000.p/1").status
            assert 201 == server.site.post(revocation).status
            after = beta.get("/tile/entries/000.p/1").status

    assert (200, 401) == (before, after)


class Blind:
    """Follows ledgers, and cannot read what governance has changed."""

    def refresh(self, name: str) -> None:
        raise AssertionError(name)

    def published(self, name: str, size: int) -> None:
        """Feed nobody."""

    def noted(self, name: str, size: int) -> None:
        raise AssertionError(name, size)

    def grew(self, name: str, *, governs: bool) -> Awaitable[None] | None:
        return self.follow(name) if governs else None

    async def follow(self, name: str) -> None:
        raise StoreError(name, "cannot be read")


def test_nothing_goes_on_when_it_is_not_known_whom_governance_shuts_out(path: Path) -> None:
    with Ledger.open(path, read_only=True) as ledger:
        enrolment = sign_document(
            ledger, ALPHA, [new_enrolment(ledger, "alpha", BETA)], expires=now_ms() + HOUR_MS
        )
    ended: list[bool] = []

    async def record(keeper: Keeper) -> None:
        keeper.watch(lambda: ended.append(True))
        await keeper.begin(Blind())
        try:
            for _ in range(2):
                with pytest.raises(KeeperError):
                    await asyncio.wait_for(keeper.record("", enrolment), 20)
            assert (False, False) == (keeper.healthy(""), keeper.healthy_process())
        finally:
            await keeper.end()

    with Keeper(path, Settings()) as keeper:
        asyncio.run(record(keeper))

    assert [True] == ended


class Overtaken:
    """A store of which the second read, when it has ended, waits for whoever read first."""

    def __init__(self, store: Store, first: threading.Thread, go: threading.Event) -> None:
        self._store = store
        self._first = first
        self._go = go

    @contextlib.contextmanager
    def read(self) -> Iterator[Snapshot]:
        with self._store.read() as snapshot:
            yield snapshot
        if threading.current_thread() is not self._first:
            self._go.set()
            self._first.join()


def test_a_thread_that_read_earlier_takes_no_newer_state_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came, go = threading.Event(), threading.Event()
    load = load_head

    def late(snapshot: Snapshot, *, path: object) -> Head:
        head = load(snapshot, path=path)
        if threading.current_thread() is first:
            came.set()
            go.wait(20)
        return head

    one, two = letters(path, 2)
    with served(path) as server, Ledger.open(path, read_only=True) as reader:
        first = threading.Thread(target=reader.head)
        with monkeypatch.context() as patched:
            patched.setattr("ledger.ledger.load_head", late)
            patched.setattr(reader, "_store", Overtaken(reader._store, first, go))
            assert 201 == server.site.post(one).status
            first.start()
            came.wait(20)
            assert 201 == server.site.post(two).status
            size = reader.head().size

        assert reader.size() == size


def test_measures_of_both_processes_come_together(path: Path) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    value = {"media_type": "text/plain", "name": "a.txt", "sha256": digest, "size": 7}
    event = new_event("alpha", "artefact/v1", type="letter", claims={"file.1": value})
    with Ledger.open(path, read_only=True) as ledger:
        named = sign_document(ledger, ALPHA, [event], expires=now_ms() + HOUR_MS)
    with served(path, COUNTERFOIL_METRICS="true") as server:
        server.site.post(letters(path, 1)[0])
        server.site.post(b"{}")
        upload = server.site.post(named).problem.upload
        assert upload is not None
        carrier = Site(server.site.port, token=upload.token)
        assert 201 == carrier.ask("PUT", f"/files/{digest}", b"content").status
        assert [201, 200] == [server.site.post(named).status for _ in range(2)]
        text = server.site.get("/metrics").body.decode()

    assert 'counterfoil_submissions_total{ledger="",outcome="new"} 2.0' in text
    assert 'counterfoil_submissions_total{ledger="",outcome="known"} 1.0' in text
    assert 'counterfoil_submissions_total{ledger="",outcome="file-missing"} 1.0' in text
    assert 'counterfoil_submissions_total{ledger="",outcome="malformed"} 1.0' in text
    assert 'counterfoil_entries{ledger=""} 3.0' in text
    assert 'counterfoil_requests_total{method="POST",status="201"} 2.0' in text
    assert 'counterfoil_commit_seconds_count{ledger="",stage="write and sync"} 2.0' in text
    assert 'counterfoil_receipt_seconds_count{ledger=""} 3.0' in text
    assert 'counterfoil_waiting{ledger=""} 0.0' in text


def test_says_why_the_ledgers_cannot_be_opened(path: Path, tmp_path: Path) -> None:
    with pytest.raises(KeeperError, match="is no ledger"):
        Keeper(tmp_path / "nothing", Settings())
    with served(path), pytest.raises(KeeperError, match="another process records"):
        Keeper(path, Settings())
    (path / "log.key").unlink()
    with pytest.raises(KeeperError):
        Keeper(path, Settings())


def test_asks_for_confirmation_of_a_clock_that_disagrees(tmp_path: Path) -> None:
    later = Clock(now_ms() + 10 * HOUR_MS)
    found_ledger(tmp_path / "ledger", ALPHA, clock=later)[0].close()

    with pytest.raises(WrongClockError) as caught:
        Keeper(tmp_path / "ledger", Settings())
    Keeper(tmp_path / "ledger", Settings(), accept_clock=True).close()

    assert later.now_ms == caught.value.recorded_ms


# A full disk: here a limit on the size of files, which ends in the same refusals


def test_a_full_disk_refuses_and_recovers_when_there_is_room(path: Path) -> None:
    documents = letters(path, 40)
    with served(path) as server:
        assert 201 == server.site.post(documents[0]).status
        used = (path / "ledger.mdb").stat().st_size
        _, hard = resource.prlimit(server.keeper, resource.RLIMIT_FSIZE)
        resource.prlimit(server.keeper, resource.RLIMIT_FSIZE, (used, hard))
        answers = [server.site.post(document) for document in documents[1:]]
        refused = [got for got in answers if got.status != 201]
        ready = server.site.get("/healthz").status
        held = places(path, server.keeper)
        resource.prlimit(server.keeper, resource.RLIMIT_FSIZE, (hard, hard))
        again = {server.site.post(document).status for document in documents}

    assert len(refused) > 20
    assert held < 5  # where the disk is full, the file that has them has no room for many more
    assert {507} == {got.status for got in refused}
    assert all(got.problem.type.endswith(":full") for got in refused)
    assert 200 == ready
    assert again <= {200, 201}
    with Ledger.open(path, read_only=True) as ledger:
        assert 41 == ledger.size()


def places(path: Path, pid: int) -> int:
    """Return how many places among the database's readers a process has."""
    database = lmdb.open(str(path / "ledger.mdb"), subdir=False, readonly=True, max_readers=1024)
    with contextlib.closing(database):
        return sum(line.split()[0] == str(pid) for line in database.readers().splitlines())


# Killed under load


class _Sender(threading.Thread):
    """A client that sends its documents, one after the other, until the server is gone."""

    def __init__(self, port: int, documents: list[bytes]) -> None:
        super().__init__()
        self.port = port
        self.documents = documents
        self.receipts: list[bytes] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            for document in self.documents:
                connection.request("POST", "/submissions", document, SUBMISSION)
                got = read(connection.getresponse())
                if got.status in {200, 201}:
                    self.receipts.append(got.body)


@pytest.mark.parametrize("killed", ["answers", "records"])
def test_every_receipt_holds_after_kills_under_load_and_nothing_is_there_twice(
    path: Path, killed: str
) -> None:
    chance = random.Random(killed)
    documents = letters(path, 4 * 24)
    receipts: list[bytes] = []
    for _ in range(4):
        with served(path) as server:
            senders = [_Sender(server.site.port, documents[n::6]) for n in range(6)]
            for sender in senders:
                sender.start()
            time.sleep(chance.uniform(0.0, 0.15))
            os.kill(server.process.pid if killed == "answers" else server.keeper, signal.SIGKILL)
            for sender in senders:
                sender.join()
                receipts += sender.receipts
    with served(path) as server:
        final = [server.site.post(document) for document in documents]

    assert {200, 201} >= {got.status for got in final}
    with Ledger.open(path, read_only=True) as ledger:
        assert 1 + len(documents) == ledger.size()
        for data in (*receipts, *(got.body for got in final)):
            check(ledger, data)


def check(ledger: Ledger, data: bytes) -> None:
    """Check that what a receipt says is so in the ledger as it is now."""
    receipt = parse_receipt(data)
    proof = proof_of(receipt)
    checkpoint, _ = parse_signed(proof.checkpoint)
    leaf = leaf_hash(ledger.entry(receipt.first))
    check_inclusion(
        index=receipt.first,
        size=checkpoint.size,
        leaf=leaf,
        proof=proof.hashes,
        root=checkpoint.root,
    )
    assert leaf.hex() == receipt.leaf
    assert ledger.root_at(checkpoint.size) == checkpoint.root
    assert parse_entry(ledger.entry(receipt.first)).recorded == receipt.recorded
