"""Feeding by itself: who is told what when, and what a feeder makes of the times of witnesses."""

from __future__ import annotations

import contextlib
import itertools
import queue
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.clock import elapsed_ms, now_ms
from ledger.cli.context import vkey_of
from ledger.covering import size_of
from ledger.errors import MovedClockError, OlderError, StoreError
from ledger.export import export
from ledger.feeder import DISPUTED, EARLY, FAILED, LATE, Feeder, Observer, Pace, Witnessed
from ledger.feeding import Fed, Feeding
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.merged import Merged
from ledger.witness import Witness
from tests.ledger.answering import SIZE, Answering, answering, honest, http, make_witness
from tests.ledger.builder import Clock, Party, found_ledger, new_letter, new_log_key, sign_document
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


@contextlib.contextmanager
def witnessed(path: Path, keys: list[WitnessKey], *, quorum: int) -> Iterator[Ledger]:
    named = [
        {"algorithm": "ed25519", "key": k.verifier_key.public.hex(), "name": k.verifier_key.name}
        for k in keys
    ]
    found_ledger(path, ALPHA, clock=Clock(now_ms()), witnesses=named, quorum=quorum)[0].close()
    with Ledger.open(path, clock=now_ms, elapsed=elapsed_ms) as opened:
        yield opened


@pytest.fixture
def ledger(tmp_path: Path, keys: list[WitnessKey]) -> Iterator[Ledger]:
    with witnessed(tmp_path / "ledger", keys, quorum=2) as opened:
        yield opened


@contextlib.contextmanager
def honest_at(folder: Path, *at_ms: int) -> Iterator[list[Answering]]:
    """Serve two honest witnesses whose clocks stand there, or both at one time."""
    with contextlib.ExitStack() as stack:
        clocks = map(Clock, itertools.cycle(at_ms))
        opened = [
            Witness.open(folder / name, clock=clock)
            for name, clock in zip("ab", clocks, strict=False)
        ]
        for one in opened:
            stack.callback(one.close)
        yield [stack.enter_context(answering(honest(one))) for one in opened]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Answering]]:
    with honest_at(tmp_path, now_ms()) as opened:
        yield opened


AT_ONCE = Pace(every_s=0.01, timeout_s=20, retry_s=0.05)


def nothing(witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
    del witness, reason, again, error


@contextlib.contextmanager
def fed(
    ledger: Ledger,
    keys: list[WitnessKey],
    servers: list[Answering],
    *,
    pace: Pace = AT_ONCE,
    observer: Observer = nothing,
) -> Iterator[Feeder]:
    """Feed as many witnesses as there are servers."""
    witnesses = [
        Fed(name, server.url, (key.verifier_key,))
        for name, key, server in zip("ab", keys, servers, strict=False)
    ]
    feeder = Feeder(
        ledger, witnesses, pace=pace,
        now_ms=now_ms, chance=lambda: 0.0, observer=observer,
    )  # fmt: skip
    with contextlib.closing(feeder):
        yield feeder


def grow(ledger: Ledger, feeder: Feeder) -> None:
    letters = [new_letter("alpha")]
    ledger.submit(sign_document(ledger, ALPHA, letters, expires=now_ms() + HOUR_MS))
    feeder.grew(ledger.size())


def covered(feeder: Feeder, size: int) -> int:
    """Wait for a checkpoint that a quorum cosigned, of this size at least; return its size."""
    note = feeder.covered(size).result(30)
    assert note is not None
    return size_of(note)


def heard(
    ledger: Ledger, folder: Path, keys: list[WitnessKey], *ahead_ms: int, covers: bool = False
) -> tuple[int, bytes | None]:
    """Let witnesses cosign whose clocks stand so far ahead; if it `covers`, until a quorum has.

    Returns:
        What is heard from them, and the checkpoint that a quorum of them cosigned.
    """
    kept: queue.Queue[tuple[bytes, int | None]] = queue.Queue()

    def keep(note: bytes, *, heard_ms: int | None) -> None:
        if note:
            ledger.keep_note(note)
        kept.put((note, heard_ms))

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
        note, told = b"", None
        while told is None or (covers and not note):  # a wrong clock alone may be heard before
            note, told = kept.get(timeout=30)
        return told, feeder.last()


def test_who_waits_for_a_size_is_told_when_a_quorum_covers_it_or_at_the_end(
    ledger: Ledger, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    with fed(ledger, keys, servers) as feeder:
        third, never = feeder.covered(3), feeder.covered(99)
        assert [1, 1] == [covered(feeder, 1), covered(feeder, 0)]
        grow(ledger, feeder)
        assert [2, 2] == [covered(feeder, 2), covered(feeder, 2)]
        assert not third.done()
        grow(ledger, feeder)

        note = third.result(30)
        assert note == feeder.last()
        assert 3 == size_of(note or b"")
        assert all(len(server.asked) <= 3 for server in servers)  # once for each size
    assert None is never.result(0)
    assert None is feeder.covered(99).result(0)


def test_the_next_size_follows_no_sooner_than_it_is_to(
    ledger: Ledger, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    begun_s = time.monotonic()
    with fed(ledger, keys, servers, pace=AT_ONCE._replace(every_s=0.5)) as feeder:
        assert 1 == covered(feeder, 1)
        grow(ledger, feeder)
        assert 2 == covered(feeder, 2)

        assert 0.5 <= time.monotonic() - begun_s


def test_who_fails_is_left_alone_for_longer_each_time_and_never_for_too_long(
    ledger: Ledger, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    asked_s: list[float] = []
    honestly = servers[1].answer

    def answer(path: str, body: bytes) -> bytes | None:
        asked_s.append(time.monotonic())
        if len(asked_s) < 4:
            return None
        return (
            http(429, more="Retry-After: 86400\r\n") if len(asked_s) == 4 else honestly(path, body)
        )

    servers[1].answer = answer
    with fed(ledger, keys, servers, pace=Pace(every_s=0.2, timeout_s=20, retry_s=1.0)) as feeder:
        assert 1 == covered(feeder, 1)

    # By chance it is half of what it may be.
    waited_s = [later - before for before, later in itertools.pairwise(asked_s)]
    assert [True] * 4 == [
        least <= found for least, found in zip((0.1, 0.2, 0.4, 1.0), waited_s, strict=True)
    ]


def test_what_is_witnessed_does_not_go_back_where_one_cosigns_less_later(
    tmp_path: Path, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    asked, held, honestly = threading.Event(), threading.Event(), servers[1].answer
    kept: queue.Queue[bytes] = queue.Queue()

    def answer(path: str, body: bytes) -> bytes | None:
        asked.set()
        held.wait(30)
        return honestly(path, body)

    def keep(note: bytes, *, heard_ms: int | None) -> None:
        del heard_ms
        kept.put(note)

    servers[1].answer = answer
    with (
        witnessed(tmp_path / "alone", keys, quorum=1) as ledger,
        fed(ledger, keys, servers) as feeder,
    ):
        assert asked.wait(30)  # of this size: of the next one it is asked later
        assert 1 == covered(feeder, 1)
        grow(ledger, feeder)
        assert 2 == covered(feeder, 2)
        feeder.keep_with(keep)
        held.set()
        while (size := size_of(note := kept.get(timeout=30)), len(parse_note(note)[1])) != (1, 3):
            assert size <= 2

        assert 2 == size_of(feeder.last() or b"")


def test_before_it_is_signed_each_is_asked_once_and_those_that_did_not_cosign_are_named(
    ledger: Ledger, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    servers[1].answer = lambda _path, _body: None
    with fed(ledger, keys, servers) as feeder:
        assert ("b",) == feeder.ask(30)
        assert () == feeder.disputes()

    silent = threading.Event()

    def keep_silent(path: str, body: bytes) -> bytes | None:
        del path, body
        silent.wait(30)
        return None

    servers[1].answer = keep_silent
    with fed(ledger, keys, servers) as feeder:
        assert "b" in feeder.ask(0.01)
        silent.set()


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, HOUR_MS])
def test_who_cosigned_by_a_wrong_clock_has_said_what_it_knows(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey], ahead_ms: int
) -> None:
    with (
        honest_at(tmp_path, now_ms() + ahead_ms) as servers,
        fed(ledger, keys, servers) as feeder,
    ):
        assert () == feeder.ask(30)
        assert {EARLY if ahead_ms < 0 else LATE} == {one.reason for one in feeder.standings()}


def test_who_knows_more_is_an_alarm_until_it_cosigns_after_all(
    ledger: Ledger, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    honestly = servers[1].answer
    servers[1].answer = lambda path, _: http(409 if "add" in path else 404, b"9\n", SIZE)
    with fed(ledger, keys, servers) as feeder:
        with pytest.raises(OlderError):
            feeder.ask(30)
        assert [9] == [one.size for one in feeder.disputes()]
        assert [False, True] == [one.disputed for one in feeder.standings()]
        servers[1].answer = honestly

        assert 1 == covered(feeder, 1)
        assert () == feeder.disputes()
        assert [False, False] == [one.disputed for one in feeder.standings()]


def test_what_the_log_key_has_signed_elsewhere_stays_an_alarm(
    tmp_path: Path, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    """Neither what a witness says without proof takes its place, nor that it cosigns after all."""
    path, honestly = tmp_path / "ledger", servers[1].answer
    with witnessed(path, keys, quorum=2):
        pass
    shutil.copytree(path, tmp_path / "other")
    with Ledger.open(tmp_path / "other", clock=now_ms, elapsed=elapsed_ms) as other:
        expires = now_ms() + HOUR_MS
        other.submit(sign_document(other, ALPHA, [new_letter("alpha")], expires=expires))
        signed = other.checkpoint()
    told: queue.Queue[tuple[str, bool, Exception | None]] = queue.Queue()

    def observe(witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
        if witness == "b":
            told.put((reason, again, error))

    def told_with(note: bytes | None) -> bool:
        """Wait until a dispute is told with a note; tell whether it was one the time before."""
        while True:
            reason, again, error = told.get(timeout=30)
            assert DISPUTED == reason
            if isinstance(error, OlderError) and error.note == note:
                return again

    def claim(size: int, shown: bytes) -> None:
        servers[1].answer = lambda path, _: (
            http(409, b"%d\n" % size, SIZE) if path == "add-checkpoint" else shown
        )

    claim(9, http(404))
    with (
        Ledger.open(path, clock=now_ms, elapsed=elapsed_ms) as ledger,
        fed(ledger, keys, servers, observer=observe) as feeder,
    ):
        assert not told_with(b"")
        claim(2, http(200, signed))
        assert told_with(signed)
        assert [signed] == [one.note for one in feeder.disputes()]
        claim(9, http(404))
        assert told_with(b"")
        assert [signed] == [one.note for one in feeder.disputes()]
        servers[1].answer = honestly

        assert 1 == covered(feeder, 1)
        assert [signed] == [one.note for one in feeder.disputes()]
        assert [("", False), ("", True)] == [
            (one.reason, one.disputed) for one in feeder.standings()
        ]


def test_what_came_before_anybody_kept_it_is_kept_once(
    ledger: Ledger, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    kept: list[tuple[bytes, bool]] = []

    def keep(note: bytes, *, heard_ms: int | None) -> None:
        kept.append((note, heard_ms is not None))

    with fed(ledger, keys, servers) as feeder:
        covered(feeder, 1)
        assert () == feeder.ask(30)  # what either cosigned has come
        feeder.keep_with(keep)
        feeder.keep_with(keep)

        assert [(feeder.last(), True)] == kept


def test_what_was_kept_is_known_again(
    ledger: Ledger, keys: list[WitnessKey], servers: list[Answering]
) -> None:
    with fed(ledger, keys, servers) as feeder:
        for size in (1, 2):
            covered(feeder, size)
            ledger.keep_note(note := feeder.last() or b"")
            grow(ledger, feeder)
    for server in servers:
        server.answer = lambda _path, _body: None
    with fed(ledger, keys, servers[:1]) as feeder:
        assert note == feeder.last()
        assert (ledger.checkpoint(), Witnessed(3, 0, 2, 2, 2)) == feeder.latest()
        known = [(one.name, one.in_charter, one.fed) for one in feeder.standings()]
        assert [("a", True, True), ("b.example", True, False)] == known


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, HOUR_MS])
def test_what_was_kept_by_a_wrong_clock_is_not_shown_and_keeps_nobody_from_recording(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey], ahead_ms: int
) -> None:
    """Whoever records names what is shown."""
    with honest_at(tmp_path, now_ms() + ahead_ms) as servers:
        a = Fed("a", servers[0].url, (keys[0].verifier_key,))
        with contextlib.closing(Feeding(a, ledger, timeout_s=20)) as feeding:
            kept = Merged(ledger.checkpoint(), (), within_s=range(0))
            kept.add(feeding.submit(1))
            ledger.keep_note(kept.note())
    for server in servers:
        server.answer = lambda _path, _body: None
    with fed(ledger, keys, servers) as feeder:
        note, shown = feeder.latest()

    assert Witnessed(1, 0, 2, 2, None) == shown
    expires = now_ms() + HOUR_MS
    ledger.submit(sign_document(ledger, ALPHA, [new_letter("alpha")], note=note, expires=expires))


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


def test_who_cosigned_what_could_not_be_taken_is_asked_again(
    ledger: Ledger,
    keys: list[WitnessKey],
    servers: list[Answering],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a quorum is could not be read, between the witness's answer and what follows of it."""
    failures = [StoreError(ledger.path, "cannot be read")]
    told: queue.Queue[tuple[str, Exception | None]] = queue.Queue()
    wanted = Feeder._wanted

    def observe(witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
        del witness, again
        told.put((reason, error))

    def fail(feeder: Feeder) -> object:
        if threading.current_thread().name.startswith("counterfoil-feed") and failures:
            raise failures.pop()
        return wanted(feeder)

    monkeypatch.setattr(Feeder, "_wanted", fail)
    (failure,) = failures
    with fed(ledger, keys, servers, observer=observe) as feeder:
        assert (FAILED, failure) == told.get(timeout=30)
        assert 1 == covered(feeder, 1)


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


def test_a_quorum_may_have_cosigned_as_early_as_the_tolerance_allows(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey]
) -> None:
    tolerance_ms = 1000 * ledger.state().charter.tolerance_s
    with (
        honest_at(tmp_path, ledger.recorded_at(0) - tolerance_ms) as servers,
        fed(ledger, keys, servers) as feeder,
    ):
        assert 1 == covered(feeder, 1)


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


@pytest.mark.parametrize(
    ("ahead_ms", "quorum"),
    [((-HOUR_MS, 0), 1), ((-HOUR_MS, 0), 2), ((0, HOUR_MS), 1), ((HOUR_MS, 0), 1)],
)
def test_one_witness_with_a_wrong_clock_counts_for_none(
    tmp_path: Path, keys: list[WitnessKey], ahead_ms: tuple[int, int], quorum: int
) -> None:
    with witnessed(tmp_path / "ledger", keys, quorum=quorum) as ledger:
        told, cosigned = heard(ledger, tmp_path, keys, *ahead_ms, covers=quorum == 1)
        ledger.heard(told)
        export(ledger, tmp_path / "export")

        right = keys[ahead_ms.index(0)].verifier_key.name
        names = (
            None if cosigned is None else {line.name for line in parse_note(cosigned).signatures}
        )
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


@pytest.mark.parametrize("other_ms", [-HOUR_MS, 0])
def test_with_a_witness_ahead_of_this_clock_no_other_says_alone_how_late_it_is(
    ledger: Ledger, tmp_path: Path, keys: list[WitnessKey], other_ms: int
) -> None:
    kept: list[int | None] = []
    failed: queue.Queue[str] = queue.Queue()

    def observe(witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
        del again, error
        if reason:
            failed.put(witness)

    def keep(note: bytes, *, heard_ms: int | None) -> None:
        del note
        kept.append(heard_ms)

    with (
        honest_at(tmp_path, now_ms() + other_ms, now_ms() + HOUR_MS) as servers,
        fed(ledger, keys, servers, observer=observe) as feeder,
    ):
        feeder.keep_with(keep)
        # By then each was heard, and the first again where it is asked again.
        awaited = ["b"] * 5 + (["a"] * 5 if other_ms else [])
        while awaited:
            with contextlib.suppress(ValueError):
                awaited.remove(failed.get(timeout=30))

        assert None is feeder.last()
    assert {None} >= set(kept)


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
