"""What a feeder makes of the times of witnesses: a clock ahead of them stops a ledger."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.clock import elapsed_ms, now_ms
from ledger.errors import MovedClockError, StoreError
from ledger.export import export
from ledger.feeder import FAILED, Feeder, Pace
from ledger.feeding import Fed
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.witness import Witness
from tests.ledger.answering import SIZE, answering, honest, http, make_witness
from tests.ledger.builder import Clock, Party, found_ledger, new_letter, new_log_key, sign_document
from verify.audit import audit
from verify.folder import Folder

ALPHA = Party("alpha", 1)
HOUR_MS = 3_600_000


@pytest.fixture
def keys(tmp_path: Path) -> list[WitnessKey]:
    return [make_witness(tmp_path / n, f"{n}.example", new_log_key())[0] for n in ("a", "b")]


@pytest.fixture
def ledger(tmp_path: Path, keys: list[WitnessKey]) -> Iterator[Ledger]:
    named = [
        {"algorithm": "ed25519", "key": k.verifier_key.public.hex(), "name": k.verifier_key.name}
        for k in keys
    ]
    clock = Clock(now_ms())
    found_ledger(tmp_path / "ledger", ALPHA, clock=clock, witnesses=named, quorum=2)[0].close()
    with Ledger.open(tmp_path / "ledger", clock=now_ms, elapsed=elapsed_ms) as opened:
        yield opened


def nothing(witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
    del witness, reason, again, error


def heard(
    ledger: Ledger, folder: Path, keys: list[WitnessKey], *ahead_ms: int
) -> tuple[int, bytes | None]:
    """Let witnesses cosign whose clocks stand so far ahead.

    Returns:
        What is heard from them, and the checkpoint that a quorum of them cosigned.
    """
    kept: queue.Queue[int | None] = queue.Queue()

    def keep(note: bytes, *, heard_ms: int | None) -> None:
        if note:
            ledger.keep_note(note)
        kept.put(heard_ms)

    with contextlib.ExitStack() as stack:
        fed = []
        for name, key, more_ms in zip("ab", keys, ahead_ms, strict=True):
            clock = Clock(now_ms() + more_ms)
            witness = stack.enter_context(Witness.open(folder / name, clock=clock))
            server = stack.enter_context(answering(honest(witness)))
            fed.append(Fed(name, server.url, (key.verifier_key,)))
        feeder = Feeder(
            ledger, fed, pace=Pace(every_s=1, timeout_s=20, retry_s=1),
            now_ms=now_ms, chance=lambda: 0.0, observer=nothing,
        )  # fmt: skip
        stack.callback(feeder.close)
        feeder.keep_with(keep)
        while (told := kept.get(timeout=30)) is None:
            pass
        return told, feeder.last()


def test_what_goes_wrong_here_is_told_with_its_cause(
    ledger: Ledger, keys: list[WitnessKey]
) -> None:
    """Between a witness's answer and the next question the ledger is closed."""
    told: queue.Queue[tuple[str, str, Exception | None]] = queue.Queue()

    def observe(witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
        del again
        told.put((witness, reason, error))

    def answer(path: str, body: bytes) -> bytes:
        del path, body
        ledger.close()
        return http(409, b"1\n", SIZE)

    with answering(answer) as server:
        feeder = Feeder(
            ledger, [Fed("a", server.url, (keys[0].verifier_key,))],
            pace=Pace(every_s=1, timeout_s=20, retry_s=1),
            now_ms=now_ms, chance=lambda: 0.0, observer=observe,
        )  # fmt: skip
        with contextlib.closing(feeder):
            witness, reason, error = told.get(timeout=30)

    assert ("a", FAILED) == (witness, reason)
    assert isinstance(error, StoreError)
    assert error.__traceback__ is not None


def test_a_clock_ahead_of_a_quorum_records_nothing(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey]
) -> None:
    document = sign_document(ledger, ALPHA, [new_letter("alpha")], expires=now_ms() + HOUR_MS)
    told, cosigned = heard(ledger, tmp_path, keys, -HOUR_MS, -HOUR_MS)
    ledger.heard(told)
    export(ledger, tmp_path / "export")

    # One of the clocks is wrong, whichever it is: nothing of it stays.
    assert None is cosigned
    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict
    assert not ledger.healthy()
    with pytest.raises(MovedClockError):
        ledger.submit(document)
    ledger.heard(now_ms())
    ledger.submit(document)


def test_of_a_quorum_that_answers_at_once_with_clocks_behind_nothing_is_kept(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, compared = threading.Barrier(2), set[int]()
    recorded_at, checkpoint_at = ledger.recorded_at, ledger.checkpoint_at

    def compare(index: int) -> int:
        if threading.get_ident() not in compared:  # one of them is asked again
            compared.add(threading.get_ident())
            both.wait(30)
        return recorded_at(index)

    def take(size: int) -> bytes:
        if threading.get_ident() in compared:
            both.wait(1)  # whoever took only now what it compared before would take both
        return checkpoint_at(size)

    monkeypatch.setattr(ledger, "recorded_at", compare)
    monkeypatch.setattr(ledger, "checkpoint_at", take)
    _, cosigned = heard(ledger, tmp_path, keys, -HOUR_MS, -HOUR_MS)

    assert None is cosigned


@pytest.mark.parametrize("ahead_ms", [(-HOUR_MS, 0), (0, HOUR_MS), (HOUR_MS, 0)])
def test_one_witness_with_a_wrong_clock_changes_nothing(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey], ahead_ms: tuple[int, int]
) -> None:
    told, cosigned = heard(ledger, tmp_path, keys, *ahead_ms)

    assert cosigned is not None
    assert abs(told - now_ms()) < HOUR_MS // 10
    ledger.heard(told)
    assert ledger.healthy()
