"""What is erased: found by the entries that a ledger lists, and by a fold of all entries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from ledger.erased import find_erased
from ledger.evidence import prove
from ledger.export import export
from ledger.exported import ExportedLedger
from ledger.ledger import Ledger
from ledger.viewing import ViewBuilder
from tests.ledger.builder import Clock, Party, found_ledger, new_event, new_letter, submit
from tests.ledger.client.shelf import shelf
from tests.ledger.copying import Copier, copier, server, world
from tests.moves import Game
from tests.world import World

__all__ = ["copier", "server", "shelf", "world"]  # fixtures

MOVES = ("enrol", "erase", "erase", "erase", "hold", "hold", "letters", "open", "seal", "amend")
SEEDS = range(12)


def played(seed: int) -> World:
    """Return the world of the first game from this seed on that breaks no rule."""
    for number in count(seed << 8):
        game = Game.begin(number)
        for _ in range(60):
            game.move(game.chance.choice(MOVES), game.chance.getrandbits(32))
        if game.broken is None:
            return game.world
    raise AssertionError


@pytest.mark.parametrize("seed", SEEDS)
def test_is_what_a_fold_of_all_entries_finds_at_each_size(copier: Copier, seed: int) -> None:
    copier.server.show(played(seed))
    copier.look()
    builder = ViewBuilder(lambda _index, _event: ())
    with Ledger.open(copier.path, read_only=True) as ledger:
        for data in ledger.entries():
            builder.add(data)
            assert builder.erased == find_erased(ledger, size=builder.size)
        export(ledger, copier.folder / "exported")
    assert builder.erased == find_erased(
        ExportedLedger(copier.folder / "exported"), size=builder.size
    )


def test_the_games_erase_and_hold() -> None:
    """So that the test above does not compare nothing with nothing."""
    effects: list[int] = []
    for seed in SEEDS:
        builder = ViewBuilder(lambda _index, _event: ())
        for data in played(seed).entries:
            builder.add(data)
        effects.append(len(builder.erased))

    assert sum(map(bool, effects)) > len(SEEDS) // 2, effects


class Counted(Ledger):
    """A ledger that counts the entries it gives."""

    given = 0

    def entry(self, index: int) -> bytes:
        self.given += 1
        return super().entry(index)

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        for data in super().entries(start, stop):
            self.given += 1
            yield data


def test_proving_reads_no_more_of_a_ledger_that_has_grown(tmp_path: Path) -> None:
    clock, letters = Clock(), [new_letter("alpha") for _ in range(2)]
    with found_ledger(tmp_path / "ledger", Party("alpha", 1), clock=clock)[0] as ledger:
        submit(ledger, *letters)
        for of in (each.id.hex() for each in letters):
            submit(ledger, new_event("alpha", "erasure/v1", of=of, names=["title"], ground="error"))
        submit(ledger, new_letter("alpha"))
    counts = []
    for _ in range(2):
        with Counted.open(tmp_path / "ledger", clock=clock) as ledger:
            assert isinstance(ledger, Counted)
            prove(ledger, [letters[0].id.hex()])
            counts.append(ledger.given)
            submit(ledger, *(new_letter("alpha") for _ in range(600)))

    assert counts[0] == counts[1] > 0
