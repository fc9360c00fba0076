"""A ledger whose key has signed what is not in it: nothing is recorded until somebody decides."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ledger.cli.context import Context
from ledger.cli.main import run
from ledger.disputes import decide, disputes_of, is_decided, keep_dispute
from ledger.errors import DisputedError, NotFoundError, PrivateFileError
from ledger.ledger import Ledger
from ledger.store import STORE_FILE
from tests.ledger.builder import NOON_MS, Clock, Party, found_ledger, new_letter, submit
from tests.ledger.commandline import rows
from verify.checkpoint import parse_signed
from verify.errors import RuleError
from verify.fork import check_fork, parse_fork
from verify.note import format_note, parse_note

ALPHA = Party("alpha", 1)


class Twins:
    """A ledger and its copy, which have gone different ways."""

    def __init__(self, folder: Path, *, here: int, there: int) -> None:
        self.path, self.other = folder / "ledger", folder / "other"
        found_ledger(self.path, ALPHA)[0].close()
        shutil.copytree(self.path, self.other)
        for path, count in ((self.path, here), (self.other, there)):
            with self.open(path) as ledger:
                for _ in range(count):
                    submit(ledger, new_letter("alpha"))
        with self.open(self.other) as ledger:
            self.note = ledger.checkpoint()

    def open(self, path: Path | None = None) -> Ledger:
        return Ledger.open(path or self.path, clock=Clock())

    def keep(self, note: bytes | None = None) -> Path:
        """Keep what the copy has signed, as if somebody had shown it."""
        with Ledger.open(self.path, read_only=True) as ledger:
            return keep_dispute(ledger, note or self.note)


@pytest.fixture
def twins(tmp_path: Path) -> Callable[[int, int], Twins]:
    return lambda here, there: Twins(tmp_path, here=here, there=there)


def said(*words: str) -> tuple[int, dict[str, object]]:
    out = io.StringIO()
    context = Context(now_ms=lambda: NOON_MS, out=out, err=io.StringIO(), json=True)
    code = run(words, context)
    return code, msgspec.json.decode(out.getvalue(), type=dict[str, object])


@pytest.mark.parametrize(("here", "there"), [(1, 1), (2, 1), (1, 2), (300, 2)])
def test_nothing_is_recorded_and_everything_read(
    twins: Callable[[int, int], Twins], here: int, there: int
) -> None:
    made = twins(here, there)
    kept = made.keep()

    with pytest.raises(DisputedError, match="counterfoil disputes"):
        made.open()
    with Ledger.open(made.path, read_only=True) as ledger:
        assert 1 + here == ledger.size()
    if here >= there:
        proof = parse_fork(kept.read_bytes())
        check_fork(proof)
        assert made.note.decode() in proof.checkpoints
    else:
        assert made.note == kept.read_bytes()


def test_it_goes_on_when_somebody_has_decided(twins: Callable[[int, int], Twins]) -> None:
    made = twins(1, 1)
    path = str(made.path)
    made.keep()
    (dispute,) = disputes_of(made.path)
    before = said("disputes", path)
    wrong = said("disputes", path, "--go-on", "00")
    decided = said("disputes", path, "--go-on", dispute.name)
    again = said("disputes", path, "--go-on", dispute.name)
    with made.open() as ledger:
        submit(ledger, new_letter("alpha"))

    signed, _ = parse_signed(made.note)
    (told,) = rows(before[1]["disputes"])
    assert (0, signed.size, signed.root.hex(), "open") == (
        before[0],
        told["size"],
        told["root"],
        told["state"],
    )
    assert str(dispute.proof) == told["proof"]
    assert told["found"] != told["root"]
    assert [2, 2] == [wrong[0], again[0]]
    assert "decided" == rows(decided[1]["disputes"])[0]["state"]
    assert is_decided(made.path, made.note)


def test_what_was_decided_holds_however_many_have_signed_it_and_for_nothing_else(
    twins: Callable[[int, int], Twins],
) -> None:
    made = twins(1, 2)
    made.keep()
    (dispute,) = disputes_of(made.path)
    decide(made.path, dispute.name)
    text, lines = parse_note(made.note)

    assert is_decided(made.path, format_note(text, [lines[0], lines[0]._replace(name="x")]))
    with made.open(made.other) as ledger:
        submit(ledger, new_letter("alpha"))
        note = ledger.checkpoint()
    assert not is_decided(made.path, note)
    made.keep(note)
    with pytest.raises(DisputedError):
        made.open()
    with pytest.raises(NotFoundError):
        decide(made.path, dispute.name)


def test_a_dispute_is_over_when_the_ledger_has_what_was_signed(
    twins: Callable[[int, int], Twins],
) -> None:
    made = twins(1, 2)
    made.keep()
    shutil.copy(made.other / STORE_FILE, made.path / STORE_FILE)

    with made.open() as ledger:
        assert 3 == ledger.size()
    (told,) = msgspec.convert(
        said("disputes", str(made.path))[1]["disputes"], list[dict[str, object]]
    )
    assert "over" == told["state"]


def test_what_is_kept_and_is_no_checkpoint_of_the_ledger_stops_it_too(
    twins: Callable[[int, int], Twins],
) -> None:
    """Somebody has altered it: what it was is not known."""
    made = twins(1, 1)
    path = made.keep().with_suffix(".note")
    path.write_bytes(made.note.replace(b"\n2\n", b"\n3\n"))
    with pytest.raises(RuleError):
        made.open()
    path.chmod(0o644)
    with pytest.raises(PrivateFileError):
        made.open()


def test_nobody_has_shown_anything(twins: Callable[[int, int], Twins]) -> None:
    made = twins(1, 1)

    assert () == disputes_of(made.path)
    assert (0, {"disputes": []}) == said("disputes", str(made.path))
