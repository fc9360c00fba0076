"""A witness with its clock, and what it keeps."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ledger.add_checkpoint import Answer, Outcome
from ledger.keys import WitnessKey
from ledger.trusted import trusted_log
from ledger.witness import Witness, create_witness
from ledger.witness_store import STORE_FILE, Fork, Latest, WitnessStore, log_id
from tests.ledger.builder import Clock
from tests.ledger.witnessing import (
    NAME,
    NOW_MS,
    Log,
)

LOG = Log()
SECOND = Log("log.example/second", seed=5)
KEYS = (
    WitnessKey(NAME, seed=b"e" * 32),
    WitnessKey(NAME, seed=b"m" * 32, algorithm="ml-dsa-44"),
)
SMALL = 1 << 17


class Desk(NamedTuple):
    """A witness with its clock."""

    witness: Witness
    clock: Clock

    def grow(self, *sizes: int, log: Log = LOG) -> None:
        """Have a log's tree of each of these sizes cosigned, from nothing."""
        for old, size in itertools.pairwise((0, *sizes)):
            assert Outcome.COSIGNED == self.ask(log.request(old, size))[0]

    def ask(self, body: bytes) -> Answer:
        return self.witness.add_checkpoint(body)


def make(path: Path, *logs: Log, keys: tuple[WitnessKey, ...] = KEYS[:1]) -> Path:
    create_witness(path, keys=keys, logs=[trusted_log(log.vkey) for log in logs])
    return path


@contextlib.contextmanager
def opened(path: Path, clock: Clock | None = None) -> Iterator[Desk]:
    clock = clock or Clock(NOW_MS)
    with Witness.open(path, clock=clock) as witness:
        yield Desk(witness, clock)


def shrink(path: Path) -> None:
    """Make the store of a new witness anew, in as small a map as there can be."""
    (path / STORE_FILE).unlink()
    WitnessStore(path, create=True, map_size=SMALL).close()


def kept(path: Path, log: Log = LOG) -> tuple[Latest | None, list[bytes], list[Fork]]:
    """What a witness that is closed keeps of a log."""
    store = WitnessStore(path, read_only=True)
    with contextlib.closing(store), store.read() as moment:
        log_key = log_id(log.origin)
        return moment.latest(log_key), list(moment.cosigned(log_key)), moment.forks(log_key)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make the folder of a witness that trusts both logs."""
    return make(tmp_path / "w", LOG, SECOND)


@pytest.fixture
def desk(path: Path) -> Iterator[Desk]:
    """Open that witness."""
    with opened(path) as desk:
        yield desk
