"""How long readings of a ledger take: the first, which reads all entries, and those behind it.

The ledger holds letters that reply to one another, requests with their answers, knowledge and
responses, each with open claims. Times are CPU times of one process, beside that of parsing each
entry once, which no reading can be without. A chronology is asked for a page at a time.
"""

import argparse
import datetime as dt
import itertools
import shutil
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ledger.folds.commitments import fold_commitments
from ledger.folds.contradictions import fold_contradictions
from ledger.folds.knew import knew_on
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.requests import fold_requests
from ledger.folds.timeline import timeline_of
from ledger.ledger import Ledger
from ledger.readings import Query, Readings, Seen
from ledger.replies import (
    chronology_json,
    contradictions_json,
    knew_on_json,
    knowledge_json,
    promises_json,
    requests_json,
    tellings,
)
from tests.ledger.builder import NewEvent, Party, found_ledger, new_event, sign_document
from verify.entry import parse_entry
from verify.events import event_id, parse_event
from verify.kinds import Event

FOUNDER = Party("alpha", 1)
_FIRST = dt.date(2025, 1, 1)
_DAY = dt.date(2026, 12, 31)
_AT_ONCE = 256
_PAGE = slice(100)

Make = Callable[[Seen, dt.date], object]


def main(args: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench folding", description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    options = parser.parse_args(args)
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-bench-"))
    try:
        _run(folder / "ledger", options.entries)
    finally:
        shutil.rmtree(folder)
    return 0


def _run(path: Path, entries: int) -> None:
    with found_ledger(path, FOUNDER, visibility="public")[0] as ledger:
        fill(ledger, entries)
        parsing_s = _timed(lambda: _parse(ledger))
        print(f"{ledger.size():,} entries; parsing each once takes {parsing_s:.2f} s")
        readings = Readings(ledger)
        for name, make in _QUESTIONS:
            for when, day in (("first", _DAY), ("another day", _DAY.replace(day=1))):
                took_s = _timed(lambda: _ask(readings, ledger.size(), name, make, day))  # noqa: B023 - called at once
                print(f"{name:<14}  {when:<11}  {took_s:6.2f} s  {took_s / parsing_s:5.1f} of it")
        tracemalloc.start()
        readings = Readings(ledger)
        for label, audience in (
            ("the entries, and one view", "public"),
            ("a further view", "alpha"),
        ):
            before, _ = tracemalloc.get_traced_memory()
            _ask(readings, ledger.size(), "chronology", _chronology, _DAY, audience=audience)
            held = tracemalloc.get_traced_memory()[0] - before
            print(f"{label}: {held / entries:,.0f} octets of memory for each entry")


def _timed(do: Callable[[], object]) -> float:
    began_s = time.process_time()
    do()
    return time.process_time() - began_s


def _parse(ledger: Ledger) -> None:
    for entry in ledger.entries():
        parse_event(bytes(parse_entry(entry, where="entry").event))


def _ask(
    readings: Readings, size: int, name: str, make: Make, day: dt.date, *, audience: str = "public"
) -> None:
    readings.answer(Query(audience, size, (name, str(day))), lambda seen: make(seen, day))


def _requests(seen: Seen, day: dt.date) -> object:
    reading = seen.reading(day)
    folds = [fold_requests(reading, telling=each) for each in tellings(seen.view)]
    return requests_json(seen.view, folds)


def _promises(seen: Seen, day: dt.date) -> object:
    reading = seen.reading(day)
    folds = [fold_commitments(reading, telling=each) for each in tellings(seen.view)]
    return promises_json(seen.view, folds)


def _chronology(seen: Seen, day: dt.date) -> object:
    return chronology_json(seen.view, timeline_of(seen.laid_out(day), part=_PAGE))


def _knowledge(seen: Seen, day: dt.date) -> object:
    return knowledge_json(seen.view, fold_knowledge(seen.reading(day)))


def _knew_on(seen: Seen, day: dt.date) -> object:
    fold = knew_on(seen.reading(day), day=day, tellings=tellings(seen.view))
    return knew_on_json(seen.view, fold)


def _contradictions(seen: Seen, day: dt.date) -> object:
    return contradictions_json(seen.view, fold_contradictions(seen.reading(day)))


_QUESTIONS: Sequence[tuple[str, Make]] = (
    ("chronology", _chronology),
    ("requests", _requests),
    ("promises", _promises),
    ("knowledge", _knowledge),
    ("knew on", _knew_on),
    ("contradictions", _contradictions),
)


def fill(ledger: Ledger, entries: int) -> Callable[[int], None]:
    """Record events until there are so many entries; return what records so many more."""
    events = _events()

    def more(count: int) -> None:
        some = list(itertools.islice(events, count))
        ledger.submit(sign_document(ledger, FOUNDER, some))

    while (left := entries - ledger.size()) > 0:
        more(min(left, _AT_ONCE))
    return more


def recorded(ledger: Ledger) -> Iterator[tuple[str, Event]]:
    """Yield the events that are recorded, with their ids."""
    for entry in ledger.entries():
        octets = bytes(parse_entry(entry, where="entry").event)
        yield event_id(octets).hex(), parse_event(octets)


def _events() -> Iterator[NewEvent]:
    """Yield rounds of ten events that refer to one another, a round a day."""
    before = "0" * 64
    for number in itertools.count():
        day = str(_FIRST + dt.timedelta(number % 700))
        date = {"basis": "stated", "edtf": day}
        claims = {"title": f"About data {number}", "text": "Minutes of the working group"}
        for place in range(5):
            letter = _letter(date, claims, [] if not number + place else [before])
            before = letter.id.hex()
            yield letter
        request = new_event(
            "alpha",
            "request/v1",
            what="data",
            medium="written",
            to=["beta"],
            areas=["beta"],
            categories=3,
            dates={"made": date},
            claims=claims,
            from_=["alpha"],
        )
        yield request
        step = {"target": "request", "of": request.id.hex(), "verb": "acknowledge", "by": "beta"}
        yield new_event("alpha", "step/v1", dates={"occurred": date}, **step)  # type: ignore[arg-type]  # the event's own fields
        told = {"knower": "beta/chair", "of": before, "mode": "told"}
        yield new_event("alpha", "knowledge/v1", dates={"occurred": date}, **told)  # type: ignore[arg-type]  # as above
        yield new_event("alpha", "position/v1", on=before, stance="agree", dates={"made": date})
        promise = {"by": "beta", "to": ["alpha"], "what": "data"}
        dates = {"made": date, "due": date}
        yield new_event("alpha", "commitment/v1", dates=dates, claims=claims, **promise)  # type: ignore[arg-type]  # as above


def _letter(date: object, claims: Mapping[str, object], before: Sequence[str]) -> NewEvent:
    fields: dict[str, object] = {
        "channel": "email",
        "from": ["alpha/clerk"],
        "to": ["beta/chair"],
        "dates": {"sent": date},
    }
    if before:
        fields["links"] = [{"rel": "replies_to", "event": each} for each in before]
    return new_event("alpha", "communication/v1", claims=claims, **fields)  # type: ignore[arg-type]  # as above
