"""A ledger of two parties, and what is made of it to check."""

from pathlib import Path

import pytest

from tests.showing import evidence_of
from tests.verify.commanding import two_parties, written
from tests.world import World
from verify.evidence import format_evidence


@pytest.fixture(scope="module")
def world() -> World:
    return two_parties()


@pytest.fixture
def export(world: World, tmp_path: Path) -> Path:
    return written(tmp_path / "export", world.export())


@pytest.fixture
def evidence(world: World, tmp_path: Path) -> Path:
    path = tmp_path / "evidence.json"
    path.write_bytes(format_evidence(evidence_of(world, 3)))
    return path
