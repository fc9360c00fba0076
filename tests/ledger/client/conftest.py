"""A ledger on a shelf, a real one, and a client of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.client import Remote
from ledger.ledger import Ledger
from tests.api.serving import Site, serving
from tests.ledger.builder import (
    found_ledger,
)
from tests.ledger.client.shelf import ALPHA, Shelf, remote_at, remote_of, shelf, show_export
from tests.world import World, letter

__all__ = ["shelf"]  # a fixture


@pytest.fixture
def world() -> World:
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere"), letter("northmere"))
    world.submit(letter("southfold"), see=True)
    return world


@pytest.fixture
def remote(shelf: Shelf, world: World, tmp_path: Path) -> Iterator[Remote]:
    shelf.show(world)
    with remote_of(shelf, world, tmp_path / "home") as remote:
        yield remote


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        yield ledger


@pytest.fixture
def site(ledger: Ledger) -> Iterator[Site]:
    with serving(ledger) as site:
        yield site


@pytest.fixture
def real(ledger: Ledger, site: Site, tmp_path: Path) -> Iterator[Remote]:
    with remote_at(site, ledger, tmp_path / "home") as remote:
        yield remote


@pytest.fixture
def fetching(remote: Remote, shelf: Shelf, world: World) -> Remote:
    remote.head()
    show_export(shelf, world)
    shelf.asks()
    return remote


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder / "export"
