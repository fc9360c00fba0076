"""What a client says that it has seen: only what it has fetched and checked, all of it."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ledger.compose import compose
from ledger.errors import TargetError
from ledger.keys import PartySigner
from ledger.recorded import RecordReport
from ledger.sending import record_composed
from tests.forking import forked
from tests.ledger.client.shelf import Shelf, remote_of, shelf
from tests.world import World, letter
from verify.submission import parse_document

__all__ = ["shelf"]  # a fixture

NORTHMERE = PartySigner("northmere", seed=hashlib.sha256(b"northmere").digest())


@pytest.fixture
def world() -> World:
    world = World().found()
    world.submit(letter("northmere"), letter("northmere"))
    return world


class Party:
    """Northmere, who records at whatever server is at a URL."""

    def __init__(self, shelf: Shelf, world: World, home: Path) -> None:
        self.shelf, self.world, self.home = shelf, world, home
        self.handed_in: list[bytes] = []
        shelf.take = self.handed_in.append
        shelf.answer = self.refuse

    def refuse(self, request: BaseHTTPRequestHandler) -> bool:
        """Take no submission, so that nothing of its answer matters."""
        if request.command == "POST":
            request.send_response(403)
            request.send_header("Content-Length", "0")
            request.end_headers()
        return request.command == "POST"

    def record(self) -> RecordReport:
        composed = compose("communication/v1", author="northmere", fields={"channel": "letter"})
        with remote_of(self.shelf, self.world, self.home) as remote:
            return record_composed(
                remote, composed, signer=NORTHMERE, home=self.home,
                now_ms=lambda: self.world.now,
            ).report  # fmt: skip


@pytest.fixture
def party(shelf: Shelf, world: World, tmp_path: Path) -> Party:
    shelf.show(world)
    return Party(shelf, world, tmp_path / "home")


def test_a_signature_names_what_was_fetched_and_checked(party: Party, world: World) -> None:
    party.record()
    seen = parse_document(party.handed_in[0]).statement.seen
    asked = party.shelf.asks()

    assert seen is not None
    note = hashlib.sha256(world.note()).hexdigest()
    assert (world.size, world.root(world.size).hex(), note) == (seen.size, seen.root, seen.note)
    assert asked.index("tile/entries/000.p/3") < asked.index("submissions")


@pytest.mark.parametrize("lie", ["no entries", "fewer entries", "an altered entry", "another tree"])
@pytest.mark.parametrize("before", [True, False])
def test_nothing_is_signed_over_what_does_not_hold(
    party: Party, world: World, lie: str, *, before: bool
) -> None:
    """The checkpoint is signed as it should be. What it is of was not shown, or is another."""
    if before:
        party.record()
        party.handed_in.clear()
    world.submit(letter("northmere"))
    other = forked(world, at=3)
    files = party.shelf.files
    files["checkpoint"] = world.note()
    match lie:
        case "no entries":
            files.pop("tile/entries/000.p/3")
        case "fewer entries":
            files["tile/entries/000.p/4"] = files["tile/entries/000.p/3"]
        case "an altered entry":
            bundle = world.export()["tile/entries/000.p/4"]
            files["tile/entries/000.p/4"] = bundle.replace(b'"recorded":17', b'"recorded":18')
        case _:
            files["tile/entries/000.p/4"] = other.export()["tile/entries/000.p/4"]
    stopped: object = None
    try:
        stopped = party.record().stopped
    except TargetError as error:  # nothing is known of the ledger yet
        stopped = error

    assert stopped is not None
    assert [] == party.handed_in
    party.shelf.show(world)
    party.record()
    seen = parse_document(party.handed_in[0]).statement.seen
    assert seen is not None
    assert 4 == seen.size
