"""What a ledger tells, kept ready: as if it were read from scratch, and worked out once."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import NotFoundError, StoreError
from ledger.folds.queue import queue_of
from ledger.folds.reading import read
from ledger.folds.timeline import timeline_of
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.readings import Query, Readings, Seen
from ledger.replies import chronology_json, queue_json
from ledger.store import STORE_FILE
from ledger.viewing import ViewBuilder
from tests.ledger.builder import (
    NOON_MS,
    NewEvent,
    Party,
    found_ledger,
    new_enrolment,
    new_event,
    new_letter,
    submit,
)
from verify.brackets import Bracket
from verify.codec import encode
from verify.note import format_note, parse_note

ALPHA, BETA = Party("alpha", 1), Party("beta", 2)
WITNESSES = [WitnessKey(f"w{number}", seed=bytes([number + 1]) * 32) for number in range(3)]
AUDIENCES = ("public", "alpha", "beta")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with _founded(tmp_path / "ledger") as ledger:
        submit(ledger, new_enrolment(ledger, "alpha", BETA))
        yield ledger


def _founded(path: Path) -> Ledger:
    """Found a ledger of which two of three witnesses are a quorum."""
    witnesses = [
        {"algorithm": "ed25519", "key": key.verifier_key.public.hex(), "name": f"w{number}"}
        for number, key in enumerate(WITNESSES)
    ]
    return found_ledger(path, ALPHA, members=["beta"], witnesses=witnesses, quorum=2)[0]


def cosigned(note: bytes, *lines: tuple[int, int]) -> bytes:
    """Return a checkpoint with cosignatures: of which witness, at what second."""
    text, own = parse_note(note)
    more = [WITNESSES[number].cosign(text, timestamp_s=at_s) for number, at_s in lines]
    return format_note(text, [*own[:1], *more])


class Recorder:
    """Records what it is told to, of the kinds of which readers may not see all."""

    def __init__(self, ledger: Ledger, readings: Readings, random: Random) -> None:
        self.ledger = ledger
        self.readings = readings
        self.random = random
        self.withheld: list[NewEvent] = []
        self.erasable: list[NewEvent] = []

    def act(self, act: str) -> None:
        match act:
            case "letters":
                events = [new_letter("alpha", "Open", to=["beta"]) for _ in range(3)]
                submit(self.ledger, *events)
                self.erasable.append(events[1])
            case "limited":
                submit(self.ledger, new_letter("alpha", "Beta's", audience={"title": ["beta"]}))
            case "withheld":
                event = new_letter("alpha", "Later", withheld=["title"])
                submit(self.ledger, event)
                self.withheld.append(event)
            case "hand over" if self.withheld:
                event = self.withheld.pop()
                opening = new_event("alpha", "opening/v1", of=event.id.hex(), names=["title"])
                submit(self.ledger, opening, disclosures=[[event.disclosures["title"]]])
            case "erase" if self.erasable:
                of = self.erasable.pop().id.hex()
                erasure = {"of": of, "names": ["title"], "ground": "court_order"}
                submit(self.ledger, new_event("alpha", "erasure/v1", **erasure))  # type: ignore[arg-type]  # as in the builder
            case "seen":
                lines = self._lines(2)
                note = cosigned(self._checkpoint(), *lines)
                submit(self.ledger, new_letter("alpha", "Seen"), note=note)
            case "cosign":
                size = self.ledger.keep_note(cosigned(self._checkpoint(), *self._lines(1)))
                self.readings.noted(size)

    def _checkpoint(self) -> bytes:
        """Return a checkpoint that was published, of any size."""
        sizes = [n for n in range(1, self.ledger.size() + 1) if self._was_published(n)]
        return self.ledger.checkpoint_at(self.random.choice(sizes))

    def _was_published(self, size: int) -> bool:
        with contextlib.suppress(NotFoundError):
            return bool(self.ledger.checkpoint_at(size))
        return False

    def _lines(self, count: int) -> list[tuple[int, int]]:
        numbers = self.random.sample(range(len(WITNESSES)), count)
        return [(number, NOON_MS // 1000 - self.random.randrange(100)) for number in numbers]


ACTS = ("letters", "limited", "withheld", "hand over", "erase", "seen", "cosign", "cosign", "read")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.sampled_from(ACTS), max_size=12), st.randoms(use_true_random=False))
def test_what_is_kept_is_what_would_be_read_from_scratch(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], random: Random
) -> None:
    path = tmp_path_factory.mktemp("readings") / "ledger"
    with _founded(path) as ledger:
        readings = Readings(ledger)
        recorder = Recorder(ledger, readings, random)
        for act in [*acts, "read"]:
            recorder.act(act)
            if act == "read":
                scratch = ViewBuilder(lambda index, _: ledger.disclosures(index))
                for data in ledger.entries():
                    scratch.add(data)
                dated = [each for each in map(scratch.dated, ledger.notes()) if each is not None]
                for audience in AUDIENCES:
                    assert scratch.view(audience=audience, dated=dated) == readings.view(audience)
                    for size in range(1, ledger.size()):
                        at = size, ledger.root_at(size).hex()
                        view = scratch.view(audience=audience, at=at, dated=dated)

                        assert view == readings.view(audience, size=size)
                        query = Query(audience, size, ("brackets",))
                        assert encode(brackets_of(Seen(view))) == (
                            readings.answer(query, brackets_of).body
                        )


def brackets_of(seen: Seen) -> list[Bracket]:
    return [seen.view.bracket(told) for told in seen.view.told]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.lists(st.sampled_from((*ACTS, "ask", "ask")), max_size=14),
    st.randoms(use_true_random=False),
)
def test_what_was_worked_out_grows_as_it_would_be_worked_out_from_scratch(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], random: Random
) -> None:
    """What is asked now and then, so that several turns lie between, some without a fold."""
    path = tmp_path_factory.mktemp("readings") / "ledger"
    with _founded(path) as ledger:
        submit(ledger, new_enrolment(ledger, "alpha", BETA))
        readings = Readings(ledger)
        recorder = Recorder(ledger, readings, random)
        for number, act in enumerate([*acts, "ask"]):
            recorder.act(act)
            audience = random.choice(AUDIENCES)
            if act == "read":
                readings.view(audience)
            if act == "ask":
                kinds = [kind for kind in FOLDS if random.random() < 0.7] or ["reading"]
                for kind in kinds:
                    query = Query(audience, ledger.size(), (kind, str(number)))
                    fold = FOLDS[kind]
                    kept = readings.answer(query, fold)
                    fresh = Readings(ledger).answer(query, fold)

                    assert fresh.body == kept.body


DAY = dt.date(2026, 3, 1)
FOLDS: Mapping[str, Callable[[Seen], object]] = {
    "chronology": lambda seen: chronology_json(seen.view, timeline_of(seen.laid_out(DAY))),
    "of one party": lambda seen: chronology_json(
        seen.view, timeline_of(seen.laid_out(DAY, "beta"))
    ),
    "queue": lambda seen: [
        queue_json(seen.view, queue_of(seen.queues(DAY), party)) for party in ("alpha", "beta")
    ],
    "reading": lambda seen: [sorted(seen.reading(DAY).dates), seen.view.size],
}


def test_an_answer_is_worked_out_again_only_when_cosignatures_prove_more(ledger: Ledger) -> None:
    readings = Readings(ledger)
    submit(ledger, new_letter("alpha"))
    size, note, at_s = ledger.size(), ledger.checkpoint(), NOON_MS // 1000
    made: list[int] = []

    def make(seen: Seen) -> list[Bracket]:
        made.append(seen.view.size)
        return brackets_of(seen)

    def ask(size: int) -> bytes:
        """Ask as 2,000 readers do, and so that nothing is written."""
        before = (ledger.path / STORE_FILE).read_bytes()
        query = Query("alpha", size, ("brackets",))
        bodies = {
            (readings.kept(query, size=ledger.size()) or readings.answer(query, make)).body
            for _ in range(2000)
        }
        assert before == (ledger.path / STORE_FILE).read_bytes()
        return bodies.pop() if len(bodies) == 1 else b""

    def cosign(*lines: tuple[int, int]) -> None:
        readings.noted(ledger.keep_note(cosigned(note, *lines)))

    nothing, earlier = ask(size), ask(1)
    cosign((0, at_s))
    assert (nothing, [size, 1]) == (ask(size), made)  # one of two that a quorum needs
    cosign((1, at_s + 2))
    complete = ask(size)
    assert nothing != complete
    cosign((2, at_s + 5))
    assert (complete, earlier) == (ask(size), ask(1))  # a quorum was complete; size 1 is not dated
    assert [size, 1, size] == made


def titles(seen: Seen) -> list[str]:
    return [title for told in seen.view.told if (title := told.text("title"))]


def test_an_answer_is_worked_out_once_however_many_ask(ledger: Ledger) -> None:
    readings = Readings(ledger)
    query = Query("alpha", ledger.size(), ("titles",))
    made: list[int] = []

    def make(seen: Seen) -> list[str]:
        made.append(seen.view.size)
        return titles(seen)

    assert readings.kept(query, size=ledger.size()) is None
    threads = [threading.Thread(target=readings.answer, args=(query, make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [query.size] == made
    assert b"[]" == readings.answer(query, make).body
    kept = readings.kept(query, size=ledger.size())
    assert kept is not None
    assert kept == readings.answer(query, make)


def test_nothing_is_ready_before_what_is_new_was_read(ledger: Ledger) -> None:
    readings = Readings(ledger)
    event = new_letter("alpha", "Soon gone")
    submit(ledger, event)
    query = Query("alpha", ledger.size(), ("titles",))
    before = readings.answer(query, titles).body
    erasure = new_event(
        "alpha", "erasure/v1", of=event.id.hex(), names=["title"], ground="court_order"
    )
    submit(ledger, erasure)

    assert b'["Soon gone"]' == before
    assert readings.kept(query, size=ledger.size()) is None
    assert b"[]" == readings.answer(query, titles).body


def test_forgets_what_was_asked_longest_ago_when_there_is_no_more_room(ledger: Ledger) -> None:
    readings = Readings(ledger, octets=100)
    queries = [Query("alpha", 1, (str(number),)) for number in range(7)]
    for query in queries[:6]:
        readings.answer(query, lambda _: "x" * 18)
    readings.answer(queries[1], lambda _: "asked again")
    readings.answer(queries[6], lambda _: "x" * 18)
    too_large = Query("alpha", 1, ("large",))
    readings.answer(too_large, lambda _: "x" * 30)

    kept = [
        query.words[0]
        for query in (*queries, too_large)
        if readings.kept(query, size=ledger.size()) is not None
    ]
    assert ["1", "3", "4", "5", "6"] == kept


def test_another_day_is_read_without_reading_the_ledger_again(ledger: Ledger) -> None:
    seen = Seen(Readings(ledger).view("alpha"))
    one, other = (seen.reading(dt.date(2026, 3, day)) for day in (1, 2))

    assert one.order is other.order
    assert one.stances is other.stances
    assert one.dates is other.dates is seen.dates
    assert one == read(seen.view, as_at=one.as_at)
    assert other == read(seen.view, as_at=other.as_at)


def test_keeps_no_more_views_than_have_room_together(ledger: Ledger) -> None:
    submit(ledger, *(new_letter("alpha") for _ in range(20)))
    size = ledger.size()
    readings = Readings(ledger, events=2 * size)
    first = readings.view("alpha")

    assert first is readings.view("alpha")
    readings.view("beta")
    assert first is readings.view("alpha")
    readings.view("alpha", size=size - 1)
    readings.view("beta")
    assert first is not readings.view("alpha")
    small = Readings(ledger, events=1)
    assert small.view("alpha") is small.view("alpha")


def test_a_follower_does_not_wait_for_a_long_answer(ledger: Ledger) -> None:
    readings = Readings(ledger)
    reached, go_on = threading.Event(), threading.Event()

    def make(seen: Seen) -> list[str]:
        reached.set()
        go_on.wait(20)
        return titles(seen)

    query = Query("alpha", ledger.size(), ("titles",))
    thread = threading.Thread(target=readings.answer, args=(query, make))
    thread.start()
    try:
        reached.wait(20)
        found: list[object] = []
        other = threading.Thread(
            target=lambda: found.extend(
                (readings.file("alpha", "0" * 64), readings.rows("alpha", start=0, stop=1))
            )
        )
        other.start()
        other.join(10)

        assert not other.is_alive()
        assert 2 == len(found)
    finally:
        go_on.set()
        thread.join()


def test_keeps_no_answer_of_what_was_erased_meanwhile(ledger: Ledger) -> None:
    letter = new_letter("alpha", "Secret")
    submit(ledger, letter)
    readings = Readings(ledger)
    query = Query("alpha", ledger.size(), ("titles",))

    def make(seen: Seen) -> list[str]:
        found = titles(seen)
        erasure = {"of": letter.id.hex(), "names": ["title"], "ground": "court_order"}
        submit(ledger, new_event("alpha", "erasure/v1", **erasure))  # type: ignore[arg-type]  # as in the builder
        readings.view("alpha")
        return found

    assert b'["Secret"]' == readings.answer(query, make).body
    assert b"[]" == readings.answer(query, titles).body


def test_a_size_that_is_not_reached_is_not_found(ledger: Ledger) -> None:
    readings = Readings(ledger)
    for size in (0, ledger.size() + 1):
        with pytest.raises(NotFoundError):
            readings.view("public", size=size)


def test_begins_anew_after_something_went_wrong(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = Readings(ledger)
    whole = readings.view("alpha")
    submit(ledger, new_letter("alpha"))

    def fail(start: int) -> Iterator[tuple[int, tuple[str, ...]]]:
        raise StoreError("ledger", f"cannot be read from {start} on")

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "disclosed", fail)
        with pytest.raises(StoreError):
            readings.view("alpha")

    assert 3 == readings.view("alpha").size
    assert whole == readings.view("alpha", size=2)


def test_a_listener_hears_of_each_commit_until_it_ends(ledger: Ledger) -> None:
    heard: list[int] = []
    end = ledger.listen(lambda: heard.append(ledger.head().size))
    submit(ledger, new_letter("alpha"), new_letter("alpha"))
    submit(ledger, new_letter("alpha"))
    end()
    submit(ledger, new_letter("alpha"))

    assert [4, 5] == heard
