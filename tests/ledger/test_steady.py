"""A clock that was set while the ledger is open: nothing is recorded until it is right again."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.clock import elapsed_ms
from ledger.errors import MovedClockError
from ledger.ledger import Ledger
from ledger.steady import TOLERANCE_MS, Steady
from tests.ledger.builder import NOON_MS, Clock, Party, found_ledger, new_letter, sign_document
from verify.entry import parse_entry
from verify.receipt import parse_receipt

ALPHA = Party("alpha", 1)
FAR_MS = NOON_MS + 2 * 10**9
LIMIT_MS = TOLERANCE_MS


class Time:
    """A wall clock and a steady one: both run on with time, and one can be set."""

    def __init__(self) -> None:
        self.wall = Clock()
        self.elapsed = Clock(5_000)

    def passes(self, ms: int) -> None:
        self.wall.now_ms += ms
        self.elapsed.now_ms += ms


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
def ledger(tmp_path: Path, now: Time) -> Iterator[Ledger]:
    found_ledger(tmp_path / "ledger", ALPHA)[0].close()
    with Ledger.open(tmp_path / "ledger", clock=now.wall, elapsed=now.elapsed) as opened:
        yield opened


def document(ledger: Ledger) -> bytes:
    return sign_document(ledger, ALPHA, [new_letter("alpha")], expires=FAR_MS)


def refused(ledger: Ledger) -> int:
    """Submit, expect that the clock is not believed, and return by how much it is ahead."""
    before = (ledger.size(), ledger.checkpoint())
    with pytest.raises(MovedClockError) as refusal:
        ledger.submit(document(ledger))

    assert before == (ledger.size(), ledger.checkpoint())
    assert not ledger.healthy()
    return refusal.value.by_ms


@pytest.mark.parametrize("by_ms", [LIMIT_MS + 1, -LIMIT_MS - 1, 10**12, -(10**12)])
def test_a_clock_that_was_set_stops_recording_until_it_is_right(
    ledger: Ledger, now: Time, by_ms: int
) -> None:
    now.passes(40_000_000)
    ledger.submit(document(ledger))
    now.wall.now_ms += by_ms

    assert by_ms == refused(ledger)
    now.passes(1)
    assert by_ms == refused(ledger)
    now.wall.now_ms -= by_ms
    assert ledger.healthy()
    receipt = parse_receipt(ledger.submit(document(ledger)))
    assert (2, now.wall.now_ms) == (receipt.first, receipt.recorded)


@pytest.mark.parametrize("by_ms", [LIMIT_MS, -LIMIT_MS])
def test_a_small_step_is_let_pass(ledger: Ledger, now: Time, by_ms: int) -> None:
    now.wall.now_ms += by_ms
    receipt = parse_receipt(ledger.submit(document(ledger)))

    assert ledger.healthy()
    assert max(NOON_MS, now.wall.now_ms) == receipt.recorded


def test_small_steps_add_up(ledger: Ledger, now: Time) -> None:
    for _ in range(3):
        now.passes(1000)
        now.wall.now_ms += LIMIT_MS // 3
        ledger.submit(document(ledger))
    now.wall.now_ms += 1

    assert LIMIT_MS + 1 == refused(ledger)


def test_a_retry_gets_no_receipt_either_while_the_clock_is_wrong(ledger: Ledger, now: Time) -> None:
    known = document(ledger)
    receipt = ledger.submit(known)
    now.wall.now_ms += LIMIT_MS + 1
    with pytest.raises(MovedClockError):
        ledger.submit(known)
    now.wall.now_ms -= LIMIT_MS + 1

    assert receipt == ledger.submit(known)


def test_says_by_how_much_and_that_nothing_was_recorded() -> None:
    ahead, behind = (MovedClockError(by_ms=n, now_ms=7) for n in (361_999, -3_600_000))

    assert "nothing was recorded: the clock stands 361 seconds ahead of where it should" == str(
        ahead
    )
    assert "3600 seconds behind" in str(behind)
    assert 7 == ahead.now_ms


def test_a_clock_far_ahead_of_the_witnesses_stops_recording(ledger: Ledger, now: Time) -> None:
    now.passes(50_000)
    ledger.heard(now.wall.now_ms - LIMIT_MS)
    now.passes(10**9)
    ledger.submit(document(ledger))
    now.wall.now_ms += 1

    assert LIMIT_MS + 1 == refused(ledger)
    ledger.heard(now.wall.now_ms - 2)  # a witness that is later than those before
    ledger.submit(document(ledger))
    ledger.heard(NOON_MS - 10**9)  # and one that takes nothing back
    assert ledger.healthy()


def test_a_clock_that_was_wrong_from_the_beginning_is_found_by_witnesses(
    ledger: Ledger, now: Time
) -> None:
    ledger.heard(NOON_MS - 3_600_000)

    assert 3_600_000 == refused(ledger)
    now.wall.now_ms -= LIMIT_MS
    assert 3_600_000 - LIMIT_MS == refused(ledger)


def test_a_witness_ahead_of_the_clock_stops_nothing(ledger: Ledger) -> None:
    ledger.heard(NOON_MS + 10**9)
    ledger.submit(document(ledger))

    assert ledger.healthy()


def test_without_a_steady_clock_any_time_is_believed(tmp_path: Path) -> None:
    ledger, clock = found_ledger(tmp_path / "ledger", ALPHA)
    with ledger:
        ledger.heard(0)
        clock.now_ms += 10**8
        ledger.submit(document(ledger))

        assert ledger.healthy()


def test_a_ledger_that_only_reads_hears_nothing(ledger: Ledger) -> None:
    path = ledger.path
    ledger.close()
    with Ledger.open(path, read_only=True) as reader:
        reader.heard(0)

        assert reader.healthy()


def test_a_sleep_between_two_readings_is_no_step(now: Time) -> None:
    def slow() -> int:
        now.passes(sleep_ms)
        return now.wall()

    sleep_ms = 0
    steady = Steady(slow, now.elapsed)
    sleep_ms = 10 * LIMIT_MS

    assert now.wall.now_ms + sleep_ms == steady.now_ms()
    assert steady.agrees()


def test_the_machine_has_a_steady_clock() -> None:
    before = time.monotonic_ns() // 1_000_000
    first, second = elapsed_ms(), elapsed_ms()

    assert before <= first <= second


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.integers(0, 10**7)),
    st.tuples(st.just("set"), st.integers(-2 * LIMIT_MS, 2 * LIMIT_MS)),
    st.tuples(st.just("hear"), st.integers(-2 * LIMIT_MS, 2 * LIMIT_MS)),
    st.tuples(st.just("right"), st.just(0)),
    st.tuples(st.just("submit"), st.integers(1, 3)),
)


@given(st.lists(STEPS, max_size=12))
def test_recorded_never_decreases_and_nobody_is_answered_while_stopped(
    steps: list[tuple[str, int]],
) -> None:
    now = Time()
    true, heard, answered = NOON_MS, -(10**15), 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        found_ledger(path, ALPHA)[0].close()
        with Ledger.open(path, clock=now.wall, elapsed=now.elapsed) as ledger:
            for what, amount in [*steps, ("submit", 2)]:
                if what == "pass":
                    now.passes(amount)
                    true, heard = true + amount, heard + amount
                elif what == "set":
                    now.wall.now_ms += amount
                elif what == "right":
                    now.wall.now_ms = true
                elif what == "hear":
                    ledger.heard(true + amount)
                    heard = max(heard, true + amount)
                else:
                    off = abs(now.wall.now_ms - true) > LIMIT_MS
                    wrong = off or (heard > 0 and now.wall.now_ms - heard > LIMIT_MS)
                    assert wrong is not ledger.healthy()
                    answered += submit_together(ledger, amount, stopped=wrong)
            times = [parse_entry(entry).recorded for entry in ledger.entries()]

            assert 1 + answered == len(times)
            assert times == sorted(times)
            assert all(at <= true + LIMIT_MS for at in times)


def submit_together(ledger: Ledger, count: int, *, stopped: bool) -> int:
    """Submit from several threads at once; return how many were answered with a receipt."""
    outcomes: list[bool] = []

    def submit() -> None:
        try:
            ledger.submit(document(ledger))
            outcomes.append(True)
        except MovedClockError:
            outcomes.append(False)

    threads = [threading.Thread(target=submit) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [not stopped] * count == outcomes
    return sum(outcomes)
