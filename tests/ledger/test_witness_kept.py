"""The witness: what it keeps, what it survives, and its folder."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmdb
import pytest

from ledger.add_checkpoint import Answer, Outcome
from ledger.errors import BusyError, KeyFileError, NotFoundError, StoreError
from ledger.keys import WitnessKey
from ledger.trusted import trusted_log
from ledger.witness import Witness, add_logs, create_witness, read_logs, read_vkeys
from ledger.witness_store import STORE_FILE, Change, Latest, WitnessStore, log_id
from tests.ledger.builder import Clock
from tests.ledger.witness_desk import (
    KEYS,
    LOG,
    SMALL,
    Desk,
    desk,
    kept,
    make,
    opened,
    path,
    shrink,
)
from tests.ledger.witnessing import (
    EMPTY,
    NOW_MS,
    ORIGIN,
    Log,
    line,
    prove,
    request,
)
from verify.checkpoint import parse_signed
from verify.note import check_cosignature, parse_note

ROOT = Path(__file__).parents[2]
CONFLICT, INCONSISTENT = Outcome.CONFLICT, Outcome.INCONSISTENT


__all__ = ["desk", "path"]  # fixtures


# What is kept.


def test_keeps_every_checkpoint_that_it_cosigned(path: Path) -> None:
    with opened(path) as desk:
        desk.grow(1, 3, 300)
        desk.clock.now_ms += 1000
        latest = desk.ask(LOG.request(300, 300)).body
    last, cosigned, forks = kept(path)

    assert [1, 3, 300] == [parse_signed(note)[0].size for note in cosigned]
    for note in cosigned:  # the first time of each
        assert (NOW_MS // 1000,) == check_cosignature(parse_note(note), key=KEYS[0].verifier_key)
    assert last is not None
    assert last.note == LOG.note(300) + latest
    assert not forks


def test_the_folders_above_a_new_one_are_made_too(tmp_path: Path) -> None:
    path = tmp_path / "above" / "w"
    create_witness(path, keys=KEYS[:1])

    assert (KEYS[0].verifier_key,) == read_vkeys(path)
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="cannot be made"):
        create_witness(tmp_path / "file" / "w", keys=KEYS[:1])


def test_goes_on_where_it_was(path: Path) -> None:
    with opened(path) as desk:
        desk.grow(5)
    with opened(path, Clock(NOW_MS - 1000)) as desk:
        assert Answer(CONFLICT, b"5\n") == desk.ask(LOG.request(0, 6))
        assert INCONSISTENT == desk.ask(LOG.request(5, 5, fork_at=2))[0]
        answer = desk.ask(LOG.request(5, 6))
        note = parse_note(LOG.note(6) + answer.body)

        assert (NOW_MS // 1000,) == check_cosignature(note, key=desk.witness.vkeys[0])


def test_a_fork_of_one_size_is_kept_with_what_it_stands_against(path: Path) -> None:
    with opened(path) as desk:
        desk.grow(5)
        desk.ask(LOG.request(5, 5, fork_at=4))
    _, cosigned, (fork,) = kept(path)

    assert ("two-roots", ORIGIN, 5, 5, ()) == (
        *(fork.kind, fork.origin, fork.size, fork.old_size),
        fork.proof,
    )
    assert LOG.note(5, fork_at=4) == fork.refused
    assert cosigned == [fork.against]


def test_a_wrong_root_of_an_empty_log_is_refused_and_no_fork(path: Path) -> None:
    wrong = request(0, [], LOG.note(0, root=bytes(32)))
    with opened(path) as desk:
        assert INCONSISTENT == desk.ask(wrong)[0]
        desk.grow(0)
        assert INCONSISTENT == desk.ask(wrong)[0]
        desk.grow(5)
        assert Answer(CONFLICT, b"5\n") == desk.ask(wrong)

    assert not kept(path)[2]


def test_where_nothing_was_cosigned_nothing_is_a_fork(path: Path) -> None:
    with opened(path) as desk:
        assert INCONSISTENT == desk.ask(request(0, [EMPTY], LOG.note(5)))[0]
        assert Answer(CONFLICT, b"0\n") == desk.ask(request(3, [EMPTY], LOG.note(5)))

    assert not kept(path)[2]


def test_a_fork_of_an_earlier_size_is_kept_though_it_is_a_conflict(path: Path) -> None:
    with opened(path) as desk:
        desk.grow(5, 9)
        assert Answer(CONFLICT, b"9\n") == desk.ask(LOG.request(0, 5, fork_at=4))
        assert Answer(CONFLICT, b"9\n") == desk.ask(LOG.request(0, 5))
        assert Answer(CONFLICT, b"9\n") == desk.ask(LOG.request(0, 6, fork_at=4))
    _, cosigned, (fork,) = kept(path)

    assert ("two-roots", LOG.note(5, fork_at=4)) == (fork.kind, fork.refused)
    assert cosigned[0] == fork.against


def test_a_growth_without_its_proof_is_kept_until_the_proof_comes(path: Path) -> None:
    forked = LOG.request(5, 9, fork_at=3)
    with opened(path) as desk:
        desk.grow(5)
        desk.ask(request(5, [EMPTY], LOG.note(7)))
        desk.ask(request(5, [EMPTY, EMPTY], LOG.note(7)))
        desk.clock.now_ms += 1000
        assert INCONSISTENT == desk.ask(forked)[0]
    _, _, before = kept(path)
    with opened(path) as desk:
        assert Outcome.COSIGNED == desk.ask(LOG.request(5, 7))[0]
    _, _, (fork,) = kept(path)

    assert [7, 9] == [each.size for each in before]
    assert (EMPTY,) == before[0].proof
    assert ("no-proof", 9, 5) == (fork.kind, fork.size, fork.old_size)
    assert list(fork.proof) == prove(5, LOG.leaves(9, fork_at=3))
    assert LOG.note(9, fork_at=3) == fork.refused
    assert 5 == parse_signed(fork.against)[0].size


def test_what_strangers_send_is_no_fork(path: Path) -> None:
    stranger = Log(ORIGIN, seed=9)
    with opened(path) as desk:
        desk.grow(5)
        for body in (
            stranger.request(5, 5, fork_at=1),
            request(5, [EMPTY], LOG.note(5)),
            request(0, [], LOG.note(5) + line(ORIGIN, LOG.key_id, bytes(64))),
            request(4, [EMPTY], LOG.note(9)),
        ):
            desk.ask(body)

    assert [] == kept(path)[2]


def test_forks_are_bounded_and_the_first_and_the_last_stay(path: Path) -> None:
    unknown = b"".join(line(f"junk{n}.example", b"1234", bytes(900)) for n in range(40))
    with opened(path) as desk:
        desk.grow(5)
        for number in range(100):
            desk.clock.now_ms += 1000
            root = number.to_bytes(32, "big")
            assert INCONSISTENT == desk.ask(request(5, [], LOG.note(5, root=root) + unknown))[0]
            body = request(5, [EMPTY] * 63, LOG.note(6 + number, root=root) + unknown)
            assert INCONSISTENT == desk.ask(body)[0]
    forks = kept(path)[2]
    expected = [*range(32), *range(68, 100)]
    for kind in ("two-roots", "no-proof"):
        found = [int.from_bytes(fork.root, "big") for fork in forks if fork.kind == kind]

        assert expected == found
    assert sum(len(fork.refused) + len(fork.against) for fork in forks) < 128 * 1000


def test_the_latest_checkpoint_of_a_log_can_be_read(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        desk.witness.checkpoint(bytes.fromhex(LOG.hex))
    with pytest.raises(NotFoundError):
        desk.witness.checkpoint(bytes(32))
    desk.grow(5)

    assert desk.witness.checkpoint(bytes.fromhex(LOG.hex)).startswith(LOG.note(5))


# Races and crashes.


@pytest.mark.parametrize("fork_at", [None, 6])
def test_of_those_that_race_from_one_size_one_is_cosigned(desk: Desk, fork_at: int | None) -> None:
    desk.grow(5)
    bodies = [LOG.request(5, 6 + n % 8, fork_at=fork_at if n % 2 else None) for n in range(32)]
    start = threading.Barrier(len(bodies))

    def ask(body: bytes) -> Answer:
        start.wait()
        return desk.ask(body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(ask, bodies))
    counts = Counter(answer.outcome for answer in answers)

    assert 1 == counts[Outcome.COSIGNED]
    assert {Outcome.COSIGNED, CONFLICT} == set(counts)


def test_what_waits_is_decided_in_one_transaction(desk: Desk) -> None:
    offered = [desk.witness.offer(LOG.request(n, n + 1)) for n in range(50)]

    assert {Outcome.COSIGNED} == {future.result().outcome for future in offered}


def test_what_its_caller_gave_up_is_not_cosigned_and_holds_nothing_up(path: Path) -> None:
    deciding, may_go_on = threading.Event(), threading.Event()

    def clock() -> int:
        deciding.set()
        may_go_on.wait(30)
        return NOW_MS

    with Witness.open(path, clock=clock) as witness:
        first = witness.offer(LOG.request(0, 1))
        assert deciding.wait(30)
        given_up, last = (witness.offer(LOG.request(1, size)) for size in (2, 3))
        assert given_up.cancel()
        may_go_on.set()

        assert [Outcome.COSIGNED] * 2 == [one.result(30).outcome for one in (first, last)]
        assert witness.healthy()


def test_nobody_waits_behind_its_end(path: Path) -> None:
    with opened(path) as desk:
        offered = desk.witness.offer(LOG.request(0, 1))
    assert Outcome.COSIGNED == offered.result().outcome
    with pytest.raises(StoreError, match="closed"):
        desk.ask(LOG.request(1, 2))
    assert not desk.witness.healthy()


def test_one_process_cosigns_at_a_time(path: Path, desk: Desk) -> None:
    desk.grow(1)
    with pytest.raises(BusyError, match="witness"):
        Witness.open(path, clock=Clock(NOW_MS))
    code = "import sys; from pathlib import Path; from ledger.witness import Witness\n"
    code += "Witness.open(Path(sys.argv[1]), clock=lambda: 0)"
    other = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, check=False
    )

    assert b"another process cosigns" in other.stderr


def test_the_map_grows_by_itself(path: Path) -> None:
    shrink(path)
    store = WitnessStore(path, map_size=SMALL)
    keys, logs = KEYS[1:], [trusted_log(LOG.vkey)]
    with Witness(store, keys=keys, logs=logs, clock=Clock(NOW_MS)) as witness:
        desk = Desk(witness, Clock(NOW_MS))
        desk.grow(*range(1, 60))
        assert desk.witness.checkpoint(bytes.fromhex(LOG.hex)).startswith(LOG.text(59))

    assert 59 == len(kept(path)[1])
    assert SMALL < (path / STORE_FILE).stat().st_size


def test_a_change_that_fails_leaves_nothing(path: Path) -> None:
    log = log_id(ORIGIN)

    def write(change: Change) -> None:
        change.put_latest(log, Latest(size=1, root=EMPTY, timestamp_s=1, note=b"note"))
        assert change.latest(log) is not None
        raise RuntimeError

    with contextlib.closing(WitnessStore(path)) as store:
        with pytest.raises(RuntimeError):
            store.change(write)
        with store.read() as moment:
            assert moment.latest(log) is None
            assert [] == moment.logs()
    with (
        contextlib.closing(WitnessStore(path, read_only=True)),
        pytest.raises(BusyError, match="open in this process"),
    ):
        WitnessStore(path, read_only=True)


def test_a_command_reads_on_when_the_map_has_grown(path: Path) -> None:
    code = """
import sys
from pathlib import Path
from ledger.witness_store import WitnessStore
store = WitnessStore(Path(sys.argv[1]), read_only=True, map_size=int(sys.argv[2]))
print("open", flush=True)
sys.stdin.readline()
with store.read() as moment:
    print(len(list(moment.cosigned(moment.logs()[0]))))
"""
    shrink(path)
    command = [sys.executable, "-c", code, str(path), str(SMALL)]
    pipe = subprocess.PIPE
    store = WitnessStore(path, map_size=SMALL)
    with (
        Witness(store, keys=KEYS, logs=[trusted_log(LOG.vkey)], clock=Clock(NOW_MS)) as witness,
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as child,
    ):
        assert child.stdout is not None
        assert "open\n" == child.stdout.readline()
        Desk(witness, Clock(NOW_MS)).grow(*range(1, 300))
        out, _ = child.communicate("go\n")

    assert "299\n" == out
    assert 2 * SMALL < (path / STORE_FILE).stat().st_size


def test_where_there_is_no_room_nothing_is_cosigned_and_later_it_is(path: Path) -> None:
    code = f"""
import resource, sys
from pathlib import Path
from ledger.errors import FullError
from ledger.witness import Witness
from tests.ledger.witnessing import Log, NOW_MS
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = Log()
with Witness.open(Path(sys.argv[1]), clock=lambda: NOW_MS) as witness:
    assert 200 == witness.add_checkpoint(log.request(0, 1)).outcome
    used = (Path(sys.argv[1]) / {STORE_FILE!r}).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (used, limits[1]))
    size = 1
    try:
        while size < 500:
            assert 200 == witness.add_checkpoint(log.request(size, size + 1)).outcome
            size += 1
    except FullError:
        pass
    else:
        raise AssertionError("there is room")
    assert witness.healthy()
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert 200 == witness.add_checkpoint(log.request(size, size + 1)).outcome
"""
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=True)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_what_was_answered_survives_being_killed(tmp_path: Path, seconds: float) -> None:
    logs = (Log("log.example/one", seed=1), Log("log.example/two", seed=2))
    path = make(tmp_path / "w", *logs)
    child = [sys.executable, "-m", "tests.ledger.witness_child", str(path)]
    with subprocess.Popen(child, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        timer = threading.Timer(seconds, process.send_signal, [signal.SIGKILL])
        timer.start()
        lines += process.stdout.readlines()
        timer.join()
    answered = [said.split() for said in lines if said.endswith("\n")]
    with opened(path, Clock(2 * NOW_MS)) as desk:
        for log in logs:
            sizes = [int(size) for origin, size, _ in answered if origin == log.origin]
            answer = desk.ask(log.request(1_000, 1_000))

            assert len(set(sizes)) == len(sizes)  # never two answers of one size
            assert CONFLICT == answer.outcome
            assert max(sizes, default=0) <= int(answer.body)
            assert (
                INCONSISTENT
                == desk.ask(log.request(int(answer.body), int(answer.body) + 1, fork_at=0))[0]
            )
    for log in logs:
        notes = {parse_signed(note)[0].size: note for note in kept(path, log)[1]}
        for origin, size, body in answered:
            if origin == log.origin:
                assert notes[int(size)] == log.note(int(size)) + bytes.fromhex(body)


def test_a_failure_of_ours_ends_it_and_nobody_waits(path: Path) -> None:
    failures = [RuntimeError("no clock")]

    def clock() -> int:
        if failures:
            raise failures.pop()
        return NOW_MS  # it cosigns nothing more all the same

    with Witness.open(path, clock=clock) as witness:
        for _ in range(2):
            with pytest.raises(StoreError, match="opened again: no clock"):
                witness.add_checkpoint(LOG.request(0, 1))
        assert not witness.healthy()
    assert kept(path)[0] is None


# Its folder.


def test_its_folder_is_its_own(path: Path) -> None:
    for name in ("ed25519.key", "logs", STORE_FILE):
        assert 0o600 == (path / name).stat().st_mode & 0o777
    assert 0o700 == path.stat().st_mode & 0o777


def test_is_not_made_twice(path: Path) -> None:
    with pytest.raises(KeyFileError, match="exists already"):
        make(path, LOG)
    with pytest.raises(StoreError, match="exists already"):
        WitnessStore(path, create=True)


def test_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    """Keys without a store are no witness, and were in the way of the next one."""
    path = tmp_path / "witness"
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from ledger.keys import WitnessKey; from ledger.witness import create_witness\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, 1 << 14))\n"
        "create_witness(Path(sys.argv[1]), keys=[WitnessKey.generate('w.example')])\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)

    assert (1, True) == (done.returncode, b"witness.mdb-lock: " in done.stderr), done.stderr
    assert [] == list(tmp_path.iterdir())
    for folder in (path, tmp_path / "given"):
        if folder != path:
            folder.mkdir(mode=0o700)
        make(folder, LOG)
        assert [trusted_log(LOG.vkey)] == list(read_logs(folder))
        WitnessStore(folder).close()


def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    for look in (read_logs, read_vkeys):
        with pytest.raises(NotFoundError):
            look(tmp_path)
    with pytest.raises(NotFoundError):
        WitnessStore(tmp_path)


def test_trusts_further_logs_once_each(path: Path) -> None:
    third = trusted_log(Log("log.example/third", seed=3).vkey)
    file = path / "logs"
    file.write_bytes(file.read_bytes() + b"# a remark\n")

    assert (third,) == add_logs(path, [trusted_log(LOG.vkey), third, third])
    assert () == add_logs(path, [third])
    assert 3 == len(read_logs(path))
    assert b"# a remark\n" in file.read_bytes()
    with opened(path) as desk:
        desk.grow(5, log=Log("log.example/third", seed=3))


def test_trusts_all_logs_that_are_added_at_once(path: Path) -> None:
    logs = [trusted_log(Log(f"log.example/{n}", seed=200 + n).vkey) for n in range(16)]
    with ThreadPoolExecutor(len(logs)) as pool:
        added = list(pool.map(lambda log: add_logs(path, [log]), logs))

    assert [(log,) for log in logs] == added
    assert set(logs) <= set(read_logs(path))


def test_no_key_serves_two_roles(tmp_path: Path) -> None:
    own = Log("log.example/own", seed=ord("e"))

    assert own.public == KEYS[0].verifier_key.public
    with pytest.raises(StoreError, match="two roles"):
        make(tmp_path / "w", own)
    make(tmp_path / "w", LOG)
    with pytest.raises(StoreError, match="two roles"):
        add_logs(tmp_path / "w", [trusted_log(own.vkey)])
    (tmp_path / "w" / "logs").write_text(f"log {own.vkey}\n")
    with pytest.raises(StoreError, match="two roles"):
        Witness.open(tmp_path / "w", clock=Clock(NOW_MS))


def test_a_witness_has_one_name_and_one_key_of_each_kind(tmp_path: Path) -> None:
    other = WitnessKey("witness.example/w2", seed=b"o" * 32, algorithm="ml-dsa-44")
    with pytest.raises(StoreError, match="one name"):
        make(tmp_path / "w", keys=(KEYS[0], other))
    path = make(tmp_path / "w", LOG)
    (path / "ml-dsa-44.key").write_bytes((path / "ed25519.key").read_bytes())
    (path / "ml-dsa-44.key").chmod(0o600)
    with pytest.raises(StoreError, match="one key of each kind"):
        Witness.open(path, clock=Clock(NOW_MS))


def test_a_bad_file_of_logs_or_of_another_format_is_said(path: Path) -> None:
    (path / "logs").write_bytes(b"logs/v0\nvkey x\n")
    with pytest.raises(StoreError, match="line 2"):
        read_logs(path)
    file = str(path / STORE_FILE)
    with lmdb.open(file, subdir=False, max_dbs=4) as env, env.begin(write=True) as txn:
        txn.put(b"format", b"counterfoil-witness/2", db=env.open_db(b"meta", txn=txn))
    with pytest.raises(StoreError, match="by another version"):
        WitnessStore(path)
    (path / STORE_FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="cannot be opened"):
        WitnessStore(path)
