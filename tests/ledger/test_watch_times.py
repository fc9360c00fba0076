"""Watching an operator whose times are not true: the charter's witnesses show it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.forking import forked
from tests.ledger.client.shelf import Shelf, shelf
from tests.ledger.watching import Watcher
from tests.world import World, cosign, founding_charter, letter, restart, signing_key, witness
from verify.audit import audit
from verify.checks import Check
from verify.codec import encode
from verify.entry import parse_entry
from verify.events import event_id
from verify.source import MappingSource
from verify.submission import Seen

__all__ = ["shelf"]  # a fixture


@pytest.fixture
def witnessed() -> World:
    """Return a ledger of two entries whose one witness cosigned the first."""
    restart("watched and witnessed")
    world = World().found(witnesses=(witness("w1"),), quorum=1)
    world.keep(cosign(world.note(), ("w1", world.now // 1000)))
    world.submit(letter("northmere"))
    return world


def seeing(world: World, at_s: int) -> Seen:
    """Return what a party has seen when it saw the checkpoint of now, cosigned at a time."""
    note = cosign(world.note(), ("w1", at_s))
    world.keep(note)
    return replace(world.seen()[0], note=hashlib.sha256(note).hexdigest())


def tolerance_made_larger() -> World:
    """Return a ledger of three entries, the last of which has a tolerance of 300 s and not 60."""
    restart("a larger tolerance")
    world = World().found(witnesses=(witness("w1"),), quorum=1, tolerance_s=60)
    amended = founding_charter(
        "northmere", witnesses=(witness("w1"),), quorum=1, founding_key=None,
        amends=event_id(encode(world.events()[0])).hex(),
    )  # fmt: skip
    world.submit(amended)
    world.submit(letter("northmere"))
    return world


def watched(tmp_path: Path, shelf: Shelf, world: World) -> Watcher:
    shelf.show(world)
    return Watcher(tmp_path, shelf, world.fingerprint or "")


def test_what_was_recorded_when_it_was_is_no_finding(
    tmp_path: Path, shelf: Shelf, witnessed: World
) -> None:
    for _ in range(300):
        witnessed.submit(letter("northmere"), seen=seeing(witnessed, witnessed.now // 1000))
    watcher = watched(tmp_path, shelf, witnessed)

    assert 0 == watcher()
    assert [
        "checkpoints?start=0&stop=256", "checkpoints?start=256&stop=302",
    ] == [path for path in shelf.asks() if path.startswith("checkpoints")]  # fmt: skip
    witnessed.submit(letter("northmere"), seen=seeing(witnessed, witnessed.now // 1000))
    shelf.show(witnessed)
    assert (0, [{"size": 303}]) == (watcher(), watcher.lines)
    assert "checkpoints?start=302&stop=303" in shelf.asks()


@pytest.mark.parametrize("late_s", [299, 302])
def test_what_is_backdated_is_seen(
    tmp_path: Path, shelf: Shelf, witnessed: World, late_s: int
) -> None:
    """Its author names a checkpoint that was cosigned after the time that the ledger gives it."""
    watcher = watched(tmp_path, shelf, witnessed)
    assert 0 == watcher()
    recorded_s = witnessed.now // 1000
    witnessed.submit(letter("northmere"), seen=seeing(witnessed, recorded_s + late_s))
    witnessed.submit(letter("northmere"))
    shelf.show(witnessed)

    if late_s < 300:
        assert 0 == watcher()
        return
    finding = watcher.found()
    assert ("altered", "the server") == (finding["finding"], finding["source"])
    assert "[409] entry 2 recorded: is earlier than what was signed can be" in str(
        finding["reason"]
    )


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("late_s", [299, 302])
def test_what_is_postdated_is_seen(
    tmp_path: Path, shelf: Shelf, witnessed: World, late_s: int, *, kept: bool
) -> None:
    """It was cosigned before the time that the ledger gives it, as a note shows."""
    witnessed.now += 3_600_000
    recorded_s = witnessed.now // 1000
    witnessed.submit(letter("northmere"))
    note = cosign(witnessed.note(), ("w1", recorded_s - late_s))
    if kept:
        witnessed.keep(note)
        witnessed.submit(letter("northmere"))
    watcher = watched(tmp_path, shelf, witnessed)
    if not kept:
        shelf.files["checkpoint"] = note

    if late_s < 300:
        assert 0 == watcher()
        return
    finding = watcher.found()
    assert "altered" == finding["finding"]
    assert "note: is cosigned earlier than what it covers was recorded" in str(finding["reason"])


@pytest.mark.parametrize("late_s", [60, 61])
def test_each_entry_has_the_tolerance_of_its_own_charter(
    tmp_path: Path, shelf: Shelf, late_s: int
) -> None:
    """A larger one since excuses nothing that was recorded before it."""
    world = tolerance_made_larger()
    at_s = parse_entry(world.entries[1]).recorded // 1000
    world.keep(cosign(world.note(), ("w1", at_s - late_s)))
    world.submit(letter("northmere"))
    report = audit(MappingSource(world.export()))
    watcher = watched(tmp_path, shelf, world)

    if late_s == 60:
        assert ("self-consistent", 0) == (report.verdict, watcher())
        return
    assert [Check.BRACKET] == [finding.check for finding in report.findings]
    assert "[409] entry 2 note: is cosigned earlier" in str(watcher.found()["reason"])


def test_a_note_that_is_named_and_not_shown_is_a_finding(
    tmp_path: Path, shelf: Shelf, witnessed: World
) -> None:
    """Else whoever backdates would just not show it."""
    witnessed.submit(letter("northmere"), seen=seeing(witnessed, witnessed.now // 1000))
    watcher = watched(tmp_path, shelf, witnessed)
    del shelf.files["checkpoints"]

    assert "names a note that is not there" in str(watcher.found()["reason"])


@pytest.mark.parametrize("other", ["tree", "key", "octets"])
def test_a_kept_note_that_is_none_of_this_ledger_is_a_finding(
    tmp_path: Path, shelf: Shelf, witnessed: World, other: str
) -> None:
    lying = forked(witnessed, at=1)
    if other == "key":
        lying.log = signing_key("thief")
    watcher = watched(tmp_path, shelf, witnessed)
    # Cosigned in time, so that nothing else is wrong with it.
    note = encode(cosign(lying.note(), ("w1", witnessed.now // 1000)).decode()) + b"\n"
    shelf.files["checkpoints"] = b"x\n" if other == "octets" else note

    assert "altered" == watcher.found()["finding"]
