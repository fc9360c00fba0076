"""Watching operators that lie: each is seen, and what can be proven is proven to anybody."""

from __future__ import annotations

import copy
import fcntl
import hashlib
import io
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from ledger.cli.context import Context
from ledger.cli.main import run
from tests.forking import LOG_KEY, WITNESS, cosigned, forked, one_world, witness_key
from tests.ledger.client.shelf import Shelf, shelf
from tests.ledger.commandline import ROOT, Desk, process, served
from tests.world import ORIGIN, T0, World, letter, public_hex, signing_key
from verify.anchors import Anchors
from verify.audit import audit
from verify.brackets import format_time_s
from verify.checks import Check
from verify.fork import parse_fork
from verify.note import VerifierKey, format_vkey
from verify.notes import log_vkey
from verify.policy import Witness, format_policy, threshold_policy
from verify.source import MappingSource

__all__ = ["shelf"]  # a fixture

NOW_S = T0 // 1000


@dataclass
class Watcher:
    """Somebody who watches a ledger at a server that may lie."""

    folder: Path
    shelf: Shelf
    fingerprint: str
    lines: list[dict[str, object]] = field(default_factory=list)
    err: str = ""

    def __call__(self, *more: str, once: bool = True) -> int:
        out, err = io.StringIO(), io.StringIO()
        words = ["watch", self.shelf.url, "--fingerprint", self.fingerprint, "--json"]
        words += ["--home", str(self.folder / "home"), *(["--once"] if once else []), *more]
        code = run(words, Context(now_ms=lambda: T0, out=out, err=err))
        self.lines = [
            msgspec.json.decode(line, type=dict[str, object])
            for line in out.getvalue().splitlines()
        ]
        self.err = err.getvalue()
        return code

    def found(self, *more: str) -> dict[str, object]:
        """Look once, and return the one thing that is found."""
        assert 1 == self(*more), self.lines
        (finding,) = [line for line in self.lines if "finding" in line]
        return finding

    def file(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def proven(self, finding: dict[str, object], kind: str) -> None:
        """See that the proof alone convinces somebody else, who knows the fingerprint."""
        path = shutil.copy(str(finding["proof"]), self.folder / "elsewhere")
        command = [sys.executable, "-m", "verify", path, "--fingerprint", self.fingerprint]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

        assert (4, "") == (done.returncode, done.stderr)
        assert kind == parse_fork(Path(path).read_bytes()).lie.__struct_config__.tag

    def missed(self, finding: dict[str, object], cut: World) -> bool:
        """Tell whether an export of a ledger is refused by who has the checkpoint of a finding."""
        held = Path(str(finding["proof"])).read_bytes()
        anchors = Anchors(fingerprint=self.fingerprint, receipts=(("held", held),))
        report = audit(MappingSource(cut.export()), anchors=anchors)
        return [Check.RECEIPT] == [each.check for each in report.findings]


@pytest.fixture
def world() -> World:
    return one_world()


@pytest.fixture
def watcher(tmp_path: Path, shelf: Shelf, world: World) -> Watcher:
    shelf.show(world)
    return Watcher(tmp_path, shelf, world.fingerprint or "")


def policy_of(watcher: Watcher, name: str = WITNESS, *, log: VerifierKey = LOG_KEY) -> str:
    witnesses = [Witness(name, witness_key(name))]
    policy = threshold_policy(log=log, witnesses=witnesses, threshold=1)
    return watcher.file(f"policy of {name.replace('/', ' ')}", format_policy(policy))


def cosign(watcher: Watcher, world: World, *times_s: int) -> None:
    watcher.shelf.files["checkpoint"] = cosigned(world.note(), *times_s)


# Honest


def test_a_ledger_that_grows_is_followed_from_where_it_was(watcher: Watcher, world: World) -> None:
    assert 0 == watcher()
    assert [{"size": 8}] == watcher.lines
    world.submit(letter("northmere"))
    watcher.shelf.show(world)
    watcher.shelf.asks()

    assert 0 == watcher()
    assert [{"size": 9}] == watcher.lines
    assert "tile/entries/000.p/9" in watcher.shelf.asks()


def test_a_mirror_that_is_behind_and_what_is_held_of_it_agree(
    watcher: Watcher, world: World
) -> None:
    receipt = watcher.file("receipt", world.receipt(3, 2))
    watcher.shelf.files |= {
        "behind/checkpoint": world.note(5), f"w/{name_of_log()}/checkpoint": world.note(6)
    }  # fmt: skip
    more = ("--also", f"{watcher.shelf.url}/behind", "--witness", f"{watcher.shelf.url}/w")

    assert 0 == watcher("--held", receipt, "--held", watcher.file("note", world.note(4)), *more)


def name_of_log() -> str:
    return hashlib.sha256(ORIGIN.encode()).hexdigest()


def test_a_source_that_does_not_answer_shows_nothing(watcher: Watcher) -> None:
    assert 2 == watcher("--witness", f"{watcher.shelf.url}/none")
    assert [{"size": 8}, "unanswered"] == [watcher.lines[0], watcher.lines[1]["finding"]]
    watcher.shelf.files[f"w/{name_of_log()}/checkpoint"] = b"x"
    assert "altered" == watcher.found("--witness", f"{watcher.shelf.url}/w")["finding"]


# Operators that lie


def test_an_old_entry_that_is_edited_is_proven(watcher: Watcher, world: World) -> None:
    assert 0 == watcher()
    watcher.shelf.show(forked(world, at=4, more=4))

    watcher.proven(watcher.found(), "one-size")


def test_an_old_entry_that_is_edited_under_new_ones_is_proven(
    watcher: Watcher, world: World
) -> None:
    assert 0 == watcher()
    watcher.shelf.show(forked(world, at=4, more=9))

    watcher.proven(watcher.found(), "other-past")


@pytest.mark.parametrize(("more", "kind"), [(1, "other-past"), (3, "one-size"), (6, "other-past")])
def test_a_fork_for_one_reader_is_proven_by_comparing_servers(
    watcher: Watcher, world: World, more: int, kind: str
) -> None:
    other = forked(world, at=5, more=more)
    watcher.shelf.files |= {f"other/{path}": data for path, data in other.export().items()}

    watcher.proven(watcher.found("--also", f"{watcher.shelf.url}/other"), kind)


def test_a_fork_for_one_reader_is_proven_by_what_a_witness_cosigned(
    watcher: Watcher, world: World
) -> None:
    other = forked(world, at=5, more=2)
    watcher.shelf.files[f"w/{name_of_log()}/checkpoint"] = cosigned(other.note(), NOW_S)

    watcher.proven(watcher.found("--witness", f"{watcher.shelf.url}/w"), "other-past")


def test_what_a_witness_cosigned_of_a_larger_history_is_a_proof_once_the_log_is_as_large(
    watcher: Watcher, world: World
) -> None:
    """By then the witness may say something else."""
    other = forked(world, at=5, more=6)
    watcher.shelf.files[f"w/{name_of_log()}/checkpoint"] = cosigned(other.note(), NOW_S)
    assert "shrunk" == watcher.found("--witness", f"{watcher.shelf.url}/w")["finding"]
    while world.size < other.size:
        world.submit(letter("northmere"))
    watcher.shelf.show(world)

    watcher.proven(watcher.found(), "one-size")


def test_a_cut_tail_is_seen_and_shown_by_what_is_there(watcher: Watcher, world: World) -> None:
    receipt = watcher.file("receipt", world.receipt(7, 1))
    cut = copy.deepcopy(world)
    del cut.entries[6:]
    cut.disclosures = {i: texts for i, texts in cut.disclosures.items() if i < 6}
    watcher.shelf.show(cut)

    finding = watcher.found("--held", receipt)
    assert ("shrunk", receipt) == (finding["finding"], finding["source"])
    assert watcher.missed(finding, cut)
    watcher.shelf.show(world)
    assert 0 == watcher("--held", receipt)
    watcher.shelf.show(cut)
    finding = watcher.found()
    assert "shrunk" == finding["finding"]
    assert watcher.missed(finding, cut)


def test_a_restored_backup_that_goes_on_is_proven_before_it_is_as_large(
    watcher: Watcher, world: World
) -> None:
    """The server has the tiles of the new history alone, and the receipt's tree is larger."""
    world.submit(letter("northmere"))
    receipt = watcher.file("receipt", world.receipt(6, 1))
    world.submit(letter("northmere"))
    watcher.shelf.show(forked(world, at=5, more=3))

    watcher.proven(watcher.found("--held", receipt), "other-entry")


@pytest.mark.parametrize("more", [2, 3, 4])
def test_a_submission_that_is_dropped_after_its_receipt_is_proven(
    watcher: Watcher, world: World, more: int
) -> None:
    receipt = watcher.file("receipt", world.receipt(6, 1))
    watcher.shelf.show(forked(world, at=6, more=more))

    watcher.proven(watcher.found("--held", receipt), {2: "one-size"}.get(more, "other-past"))


@pytest.mark.parametrize(("more", "kind"), [(1, "other-past"), (2, "one-size")])
def test_what_an_earlier_log_key_signed_of_another_history_is_a_proof(
    watcher: Watcher, world: World, more: int, kind: str
) -> None:
    """Of a backup from before a change of the log key, which somebody was served."""
    other = copy.deepcopy(world)
    world.change_log_key()
    world.submit(letter("northmere"))
    watcher.shelf.show(world)
    for _ in range(more):
        other.submit(letter("northmere"))
    for data in (other.receipt(other.size - 1, 1), other.note()):
        finding = watcher.found("--held", watcher.file("held", data))

        assert "fork" == finding["finding"]
        proof = Path(str(finding["proof"])).read_bytes()
        assert kind == parse_fork(proof).lie.__struct_config__.tag


def test_a_receipt_of_an_entry_that_was_cut_off_is_no_proof(watcher: Watcher, world: World) -> None:
    receipt = watcher.file("receipt", world.receipt(7, 1))
    watcher.shelf.show(forked(world, at=5, more=1))

    finding = watcher.found("--held", receipt)
    assert "shrunk" == finding["finding"]
    assert str(finding["proof"]).endswith(".checkpoint")


def test_a_tail_that_is_cut_behind_the_entry_of_a_receipt_is_no_proof(
    watcher: Watcher, world: World
) -> None:
    receipt = watcher.file("receipt", world.receipt(5, 1))
    cut = copy.deepcopy(world)
    del cut.entries[7:]
    cut.disclosures.pop(7)
    watcher.shelf.show(cut)

    finding = watcher.found("--held", receipt)
    assert "shrunk" == finding["finding"]
    assert str(finding["proof"]).endswith(".checkpoint")


def test_tiles_that_are_not_of_the_tree_prove_nothing(watcher: Watcher, world: World) -> None:
    world.submit(letter("northmere"))
    receipt = watcher.file("receipt", world.receipt(6, 1))
    world.submit(letter("northmere"))
    other = forked(world, at=5, more=3)
    tile = f"tile/0/000.p/{other.size}"
    watcher.shelf.show(other)
    watcher.shelf.files[tile] = bytes(len(watcher.shelf.files[tile]))

    finding = watcher.found("--held", receipt)
    assert "altered" == finding["finding"]
    assert "proof" not in finding


def test_a_restored_backup_is_proven_between_real_servers(tmp_path: Path) -> None:
    """The operator puts yesterday's folder back, records, and serves on; a reader looks again."""
    desk = Desk(tmp_path)
    fingerprint = desk.found()
    assert 0 == desk.enrol().code
    shutil.copytree(tmp_path / "ledger", tmp_path / "backup")
    desk.done("join", "ledger", "--key", "rutland.key")
    watch = ("watch", "--once", "--home", "home", "--fingerprint", fingerprint, "--key")
    with served(tmp_path) as url:
        assert 0 == process(tmp_path, *watch, "rutland.key", url).code
    desk.done("join", "backup", "--key", "rutland.key", "--home", "second")
    with served(tmp_path, "backup") as other:
        ran = process(tmp_path, *watch, "rutland.key", other)

    assert 1 == ran.code, ran
    assert "fork" in ran.out
    (proof,) = (tmp_path / "home" / "remote").glob("*.fork")
    checked = process(tmp_path, str(proof), "--fingerprint", fingerprint, module="verify")
    assert (4, "") == (checked.code, checked.err)


# Cosignatures


def test_a_quorum_is_asked_of_what_is_there(
    watcher: Watcher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    policy = policy_of(watcher)

    assert "quorum" == watcher.found("--policy", policy)["finding"]
    assert 10 == sum(naps)
    cosign(watcher, world, NOW_S)
    assert 0 == watcher("--policy", policy)
    assert 10 == sum(naps)


def test_a_log_that_is_never_still_lacks_no_quorum_that_comes_after_each_checkpoint(
    watcher: Watcher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Witnesses are given a size a second: the latest checkpoint has hardly ever its quorum."""
    given: list[bytes] = []

    def nap(_: float) -> None:
        given.append(cosigned(world.note(), NOW_S))
        world.submit(letter("northmere"))
        watcher.shelf.show(world)
        if len(given) > 1:  # one that does not cover what was seen does not do
            watcher.shelf.files["checkpoint/cosigned"] = given[-1]

    monkeypatch.setattr("time.sleep", nap)
    watcher.shelf.files["checkpoint/cosigned"] = cosigned(world.note(7), NOW_S)

    assert 0 == watcher("--policy", policy_of(watcher))
    assert [{"size": 10}] == watcher.lines
    assert 2 == len(given)


def test_what_is_cosigned_of_another_history_is_a_fork(
    watcher: Watcher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    other = forked(world, at=5, more=3)
    watcher.shelf.files["checkpoint/cosigned"] = cosigned(other.note(), NOW_S)

    watcher.proven(watcher.found("--policy", policy_of(watcher)), "one-size")


def test_a_log_that_the_policy_does_not_name_is_told(watcher: Watcher, world: World) -> None:
    cosign(watcher, world, NOW_S)
    other = log_vkey(ORIGIN, public_hex(signing_key("another log")))

    found = watcher.found("--policy", policy_of(watcher, log=other))
    assert "log-key" == found["finding"]
    assert format_vkey(LOG_KEY) in str(found["reason"])


def test_a_cosignature_of_the_future_is_told(watcher: Watcher, world: World) -> None:
    cosign(watcher, world, NOW_S + 301)

    found = watcher.found("--policy", policy_of(watcher))
    assert "time" == found["finding"]
    assert str(found["reason"]).endswith(f"in the future: at {format_time_s(NOW_S + 301)}")


def test_what_is_found_while_a_quorum_is_waited_for_is_told_once(
    watcher: Watcher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    cosign(watcher, world, NOW_S + 301)
    witnesses = [Witness(name, witness_key(name)) for name in (WITNESS, "w2")]
    policy = format_policy(threshold_policy(log=LOG_KEY, witnesses=witnesses, threshold=2))

    assert 1 == watcher("--policy", watcher.file("policy", policy))
    assert ["time", "quorum"] == [line["finding"] for line in watcher.lines[1:]]


def test_a_witness_that_steps_back_is_proven_to_who_knows_it(
    watcher: Watcher, world: World
) -> None:
    policy = policy_of(watcher)
    cosign(watcher, world, NOW_S)
    assert 0 == watcher("--policy", policy)
    world.submit(letter("northmere"))
    watcher.shelf.show(world)
    cosign(watcher, world, NOW_S - 5)

    finding = watcher.found("--policy", policy)
    assert "step-back" == finding["finding"]
    command = [sys.executable, "-m", "verify", str(finding["proof"]), "--policy", policy]
    assert 4 == subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode


def test_a_tail_that_is_cut_and_cosigned_convicts_the_witness_alone(
    watcher: Watcher, world: World
) -> None:
    policy = policy_of(watcher)
    cosign(watcher, world, NOW_S - 5)
    assert 0 == watcher("--policy", policy)
    watcher.shelf.files["checkpoint"] = cosigned(world.note(6), NOW_S)

    assert 1 == watcher("--policy", policy)
    assert ["step-back", "shrunk"] == [line.get("finding") for line in watcher.lines]


def test_of_two_that_watch_in_one_home_neither_forgets_what_the_other_saw(
    watcher: Watcher, world: World
) -> None:
    assert 0 == watcher()
    watcher.shelf.asks()
    cosign(watcher, world, NOW_S)
    note = watcher.shelf.files["checkpoint"]
    watcher.shelf.files["checkpoint"] = cosigned(note, NOW_S, name="w2")
    remote = watcher.folder / "home" / "remote"
    writing = remote / f".{watcher.fingerprint}.watch.new"
    with writing.open("wb") as file, ThreadPoolExecutor(2) as both:
        # As if a third one were writing: so that both have looked before either writes.
        fcntl.flock(file, fcntl.LOCK_EX)
        looks = [
            both.submit(replace(watcher), "--policy", policy_of(watcher, name))
            for name in (WITNESS, "w2")
        ]
        until_s = time.monotonic() + 20
        while watcher.shelf.asked.count("checkpoint") < len(looks) and time.monotonic() < until_s:
            time.sleep(0.01)
        fcntl.flock(file, fcntl.LOCK_UN)
        assert [0, 0] == [look.result() for look in looks]

    kept = msgspec.json.decode((remote / f"{watcher.fingerprint}.watch").read_bytes())
    keys = {format_vkey(witness_key(name)) for name in (WITNESS, "w2")}
    assert keys == {one["witness"] for one in kept["cosigned"]}


def test_what_witnesses_did_is_told_though_there_is_no_room_to_remember_it(
    watcher: Watcher, world: World
) -> None:
    policy = policy_of(watcher)
    cosign(watcher, world, NOW_S)
    assert 0 == watcher("--policy", policy)
    watcher.shelf.files["checkpoint"] = cosigned(world.note(6), NOW_S + 301)
    for kind in ("watch", f"{witness_key().key_id.hex()}.fork"):
        # In the place of what is written beside: it can be neither written nor removed.
        (watcher.folder / "home" / "remote" / f".{watcher.fingerprint}.{kind}.new").mkdir()

    assert 1 == watcher("--policy", policy)
    assert ["time", "step-back", "shrunk"] == [line.get("finding") for line in watcher.lines]
    assert "proof" not in watcher.lines[1]


def test_a_ledger_that_goes_back_is_told_though_there_is_no_room_to_remember_its_witnesses(
    watcher: Watcher, world: World
) -> None:
    assert 0 == watcher()
    watcher.shelf.files["checkpoint"] = cosigned(world.note(6), NOW_S)
    (watcher.folder / "home" / "remote" / f".{watcher.fingerprint}.watch.new").mkdir()

    assert "shrunk" == watcher.found("--policy", policy_of(watcher))["finding"]


@pytest.mark.parametrize("once", [True, False])
def test_what_is_found_is_told_though_what_is_held_is_not_of_this_ledger(
    watcher: Watcher, world: World, *, once: bool
) -> None:
    assert 0 == watcher()
    watcher.shelf.show(forked(world, at=4, more=4))

    assert 1 == watcher("--held", watcher.file("x", b"x"), once=once)
    assert ["fork"] == [line.get("finding") for line in watcher.lines]
    assert "[204]" in watcher.err


def test_what_is_found_is_told_though_the_server_answers_no_more(
    watcher: Watcher, world: World
) -> None:
    assert 0 == watcher()
    watcher.shelf.files = {"checkpoint": forked(world, at=4, more=4).note()}

    assert 1 == watcher("--held", watcher.file("held", world.note(5)))
    assert ["fork", "unanswered"] == [line.get("finding") for line in watcher.lines]


# The command


def test_what_is_held_must_be_of_this_ledger(watcher: Watcher) -> None:
    for data in (b"", b"x", b"{}", World().found().receipt(0, 1)):
        assert 1 == watcher("--held", watcher.file("held", data))
        assert "error" in watcher.lines[-1]


def test_what_cannot_be_watched_is_said(watcher: Watcher, world: World, tmp_path: Path) -> None:
    assert 1 == watcher("--policy", watcher.file("policy", b"x"))
    assert 2 == watcher("--every", "0")
    out = io.StringIO()
    words = ("watch", str(tmp_path), "--json")
    assert 2 == run(words, Context(now_ms=lambda: T0, out=out, err=io.StringIO()))
    state = tmp_path / "home" / "remote" / f"{watcher.fingerprint}.watch"
    assert 0 == watcher()
    state.write_bytes(b"x")
    state.chmod(0o600)
    cosign(watcher, world, NOW_S)
    assert 2 == watcher("--policy", policy_of(watcher))


def test_a_server_in_trouble_is_asked_again(
    watcher: Watcher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.shelf.files = {}
    assert 2 == watcher()

    def nap(_: float) -> None:
        watcher.shelf.show(world)
        watcher.shelf.files["checkpoint"] = watcher.shelf.files["checkpoint"][:-9] + b"AAAAAAA=\n"

    monkeypatch.setattr("time.sleep", nap)
    assert 1 == watcher(once=False)
    assert ["unanswered", "altered"] == [line["finding"] for line in watcher.lines]


def test_watches_until_something_does_not_go_together(
    watcher: Watcher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        watcher.shelf.show(forked(world, at=4, more=4))

    monkeypatch.setattr("time.sleep", nap)

    assert 1 == watcher("--every", "7", once=False)
    assert [7] == naps
    assert [{"size": 8}, "fork"] == [watcher.lines[0], watcher.lines[1]["finding"]]


def test_is_interrupted_and_goes_on(watcher: Watcher, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "api", "watch", watcher.shelf.url, "--home", str(tmp_path / "h")),
        *("--fingerprint", watcher.fingerprint, "--json"),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert '{"size":8}\n' == watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert 130 == watching.wait(60)
