"""What a feeder makes of the times of witnesses: what is out of time counts for nothing."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.clock import elapsed_ms, now_ms
from ledger.cli.context import vkey_of
from ledger.errors import MovedClockError, StoreError
from ledger.export import export
from ledger.feeder import FAILED, LATE, Feeder, Pace
from ledger.feeding import Fed
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.witness import Witness
from tests.ledger.answering import SIZE, answering, honest, http, make_witness
from tests.ledger.builder import (
    Clock,
    Party,
    found_ledger,
    new_letter,
    new_log_key,
    sign_document,
)
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.folder import Folder
from verify.note import format_vkey, parse_note
from verify.policy import parse_policy

ALPHA = Party("alpha", 1)
HOUR_MS = 3_600_000


@pytest.fixture
def keys(tmp_path: Path) -> list[WitnessKey]:
    return [make_witness(tmp_path / n, f"{n}.example", new_log_key())[0] for n in ("a", "b")]


@pytest.fixture
def quorum() -> int:
    return 2


@pytest.fixture
def ledger(tmp_path: Path, keys: list[WitnessKey], quorum: int) -> Iterator[Ledger]:
    named = [
        {"algorithm": "ed25519", "key": k.verifier_key.public.hex(), "name": k.verifier_key.name}
        for k in keys
    ]
    clock = Clock(now_ms())
    found_ledger(tmp_path / "ledger", ALPHA, clock=clock, witnesses=named, quorum=quorum)[0].close()
    with Ledger.open(tmp_path / "ledger", clock=now_ms, elapsed=elapsed_ms) as opened:
        yield opened


def nothing(witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
    del witness, reason, again, error


def heard(
    ledger: Ledger, folder: Path, keys: list[WitnessKey], *ahead_ms: int, covers: bool = False
) -> tuple[int, bytes | None]:
    """Let witnesses cosign whose clocks stand so far ahead; if it `covers`, until a quorum has.

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
        told = None
        while told is None or (covers and feeder.last() is None):
            told = kept.get(timeout=30)
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


@pytest.mark.parametrize("quorum", [1, 2])
@pytest.mark.parametrize("ahead_ms", [(-HOUR_MS, 0), (0, HOUR_MS), (HOUR_MS, 0)])
def test_one_witness_with_a_wrong_clock_counts_for_none(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey], ahead_ms: tuple[int, int], quorum: int
) -> None:
    told, cosigned = heard(ledger, tmp_path, keys, *ahead_ms, covers=quorum == 1)
    ledger.heard(told)
    export(ledger, tmp_path / "export")

    right = keys[ahead_ms.index(0)].verifier_key.name
    names = None if cosigned is None else {line.name for line in parse_note(cosigned).signatures}
    assert names == ({ledger.state().charter.origin, right} if quorum == 1 else None)
    assert abs(told - now_ms()) < HOUR_MS // 10
    assert ledger.healthy()
    # Nor for whoever trusts this one alone.
    for key in keys:
        words = f"log {vkey_of(ledger.state())}\n"
        words += f"witness w {format_vkey(key.verifier_key)}\nquorum w\n"
        anchors = Anchors(policy=parse_policy(words.encode()))
        found = audit(Folder(tmp_path / "export"), anchors=anchors).findings
        assert Check.BRACKET not in {each.check for each in found}


def test_witnesses_ahead_of_this_clock_are_no_reason_to_record_nothing(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey]
) -> None:
    told: queue.Queue[tuple[str, Exception | None]] = queue.Queue()

    def observe(witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
        del witness, again
        told.put((reason, error))

    with contextlib.ExitStack() as stack:
        ahead = Witness.open(tmp_path / "a", clock=Clock(now_ms() + HOUR_MS))
        server = stack.enter_context(answering(honest(stack.enter_context(ahead))))
        feeder = Feeder(
            ledger, [Fed("a", server.url, (keys[0].verifier_key,))],
            pace=Pace(every_s=1, timeout_s=20, retry_s=1),
            now_ms=now_ms, chance=lambda: 0.0, observer=observe,
        )  # fmt: skip
        stack.callback(feeder.close)
        reason, error = told.get(timeout=30)

    assert reason == LATE
    assert "which is later than now" in str(error)
    expires = now_ms() + HOUR_MS
    event = new_letter("alpha")
    ledger.submit(sign_document(ledger, ALPHA, [event], note=ledger.checkpoint(), expires=expires))
