"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ledger.commandline import Desk


@pytest.fixture(scope="session")
def filled_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.fill()
    return desk


@pytest.fixture
def desk(tmp_path: Path, filled_desk: Desk) -> Desk:
    return Desk(tmp_path, pattern=filled_desk)
