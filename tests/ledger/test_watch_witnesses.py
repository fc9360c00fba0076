"""Watching whose cosignatures a ledger has: a quorum, its times, and witnesses that step back."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest

from tests.forking import LOG_KEY, WITNESS, cosigned, forked, witness_key
from tests.ledger.client.shelf import shelf
from tests.ledger.commandline import ROOT
from tests.ledger.watching import NOW_S, Watcher, cosign, policy_of, watcher, world
from tests.world import ORIGIN, World, letter, public_hex, signing_key
from verify.brackets import format_time_s
from verify.note import format_vkey
from verify.notes import log_vkey
from verify.policy import Witness, format_policy, threshold_policy

__all__ = ["shelf", "watcher", "world"]  # fixtures


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
    before = cosigned(world.note(7), NOW_S)

    def nap(_: float) -> None:
        given.append(cosigned(world.note(), NOW_S))
        world.submit(letter("northmere"))
        watcher.shelf.show(world)
        # One that does not cover what was seen does not do.
        watcher.shelf.files["checkpoint/cosigned"] = given[-1] if len(given) > 1 else before

    monkeypatch.setattr("time.sleep", nap)
    watcher.shelf.files["checkpoint/cosigned"] = before

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


def test_a_witness_that_cosigns_again_and_what_grew_is_honest_and_remembered_by_the_largest(
    watcher: Watcher, world: World
) -> None:
    """A server may show an older line of it on the same tree, too."""
    policy = policy_of(watcher)
    for grows, at_s in ((0, -9), (0, -5), (0, -7), (1, -5), (1, -5)):
        for _ in range(grows):
            world.submit(letter("northmere"))
        watcher.shelf.show(world)
        cosign(watcher, world, NOW_S + at_s)
        assert 0 == watcher("--policy", policy), watcher.lines
    world.submit(letter("northmere"))
    watcher.shelf.show(world)
    cosign(watcher, world, NOW_S - 6)

    assert "step-back" == watcher.found("--policy", policy)["finding"]


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


def test_that_there_is_no_room_to_remember_witnesses_is_told_where_nothing_else_is(
    watcher: Watcher, world: World
) -> None:
    policy = policy_of(watcher)
    cosign(watcher, world, NOW_S)
    assert 0 == watcher("--policy", policy)
    kept = watcher.folder / "home" / "remote" / f"{watcher.fingerprint}.watch"
    before = kept.read_bytes()
    kept.with_name(f".{kept.name}.new").mkdir()
    world.submit(letter("northmere"))
    watcher.shelf.show(world)
    cosign(watcher, world, NOW_S)

    assert 2 == watcher("--policy", policy)
    assert f"{kept}: cannot be written" in str(watcher.lines[-1])
    assert before == kept.read_bytes()


def test_a_ledger_that_goes_back_is_told_though_there_is_no_room_to_remember_its_witnesses(
    watcher: Watcher, world: World
) -> None:
    assert 0 == watcher()
    watcher.shelf.files["checkpoint"] = cosigned(world.note(6), NOW_S)
    (watcher.folder / "home" / "remote" / f".{watcher.fingerprint}.watch.new").mkdir()

    assert "shrunk" == watcher.found("--policy", policy_of(watcher))["finding"]
