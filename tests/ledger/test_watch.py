"""Watching operators that lie: each is seen, and what can be proven is proven to anybody."""

from __future__ import annotations

import copy
import hashlib
import io
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.cli.context import Context
from ledger.cli.main import run
from tests.forking import cosigned, forked
from tests.ledger.client.shelf import shelf
from tests.ledger.commandline import ROOT, Desk, process, served
from tests.ledger.watching import NOW_S, Watcher, cosign, policy_of, watcher, world
from tests.world import ORIGIN, T0, World, letter
from verify.fork import parse_fork

__all__ = ["shelf", "watcher", "world"]  # fixtures


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


# What is found is told


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
        held = watcher.file("held", data)
        assert 1 == watcher("--held", held)
        assert held in str(watcher.lines[-1]["error"])


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
