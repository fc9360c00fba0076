"""Two councils' ledgers and their exports, made once: tests read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.ledger.reconcile.parting import Record, county_record, rutland_record


class Dispute(NamedTuple):
    """Two ledgers, and an export of each."""

    county: Record
    rutland: Record
    ours: Path
    theirs: Path

    def pair(self, ours: str, theirs: str) -> str:
        """Write two events as a file of decisions has them."""
        county, rutland = self.county, self.rutland
        return (
            f"{county.ledger.fingerprint}:{county.id(ours)} = "
            f"{rutland.ledger.fingerprint}:{rutland.id(theirs)}"
        )

    @property
    def same(self) -> str:
        """Say that the county is one party in both."""
        one, other = self.county.ledger.fingerprint, self.rutland.ledger.fingerprint
        return f"{one}:leicestershire = {other}:lcc"


@pytest.fixture(scope="session")
def dispute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dispute]:
    folder = tmp_path_factory.mktemp("dispute")
    county, rutland = county_record(folder), rutland_record(folder)
    with county.ledger, rutland.ledger:
        yield Dispute(county, rutland, county.export(), rutland.export())
