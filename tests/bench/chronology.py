"""What a reader of an open ledger waits for: a page of the chronology, a request, a queue.

The ledger is built on disk, opened and read once. Then events come, one at a time and in groups,
and after each of them every question is asked of the ledger as it is by then: so the first one to
be asked reads what is new as well. Times are CPU times of one process, in milliseconds, beside what
parsing the new entries once takes. The events are those of `folding`.
"""

import argparse
import datetime as dt
import shutil
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from ledger.folds.queue import queue_of
from ledger.folds.requests import fold_request
from ledger.folds.timeline import timeline_of
from ledger.ledger import Ledger
from ledger.readings import Query, Readings, Seen
from ledger.replies import chronology_json, queue_json, requests_json, tellings
from tests.bench.folding import FOUNDER, fill, recorded
from tests.ledger.builder import found_ledger
from verify.entry import parse_entry
from verify.events import parse_event
from verify.kinds import Request

_DAY = dt.date(2026, 12, 31)
_GROUP = 256
_PARTY = "beta"

Make = Callable[[Seen], object]


def main(args: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench chronology", description=__doc__)
    parser.add_argument(
        "--events", type=int, default=10_000, help="how many there are to begin with"
    )
    parser.add_argument("--rows", type=int, default=100, help="of a page")
    parser.add_argument("--repeats", type=int, default=20, help="how often events come")
    parser.add_argument("--memory", action="store_true", help="measure memory, in a second run")
    options = parser.parse_args(args)
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-bench-"))
    try:
        with found_ledger(folder / "ledger", FOUNDER, visibility="public")[0] as ledger:
            more = fill(ledger, options.events)
            _run(ledger, more, options.rows, options.repeats)
            if options.memory:
                _measure(ledger, options.rows)
    finally:
        shutil.rmtree(folder)
    return 0


def _run(ledger: Ledger, more: Callable[[int], None], rows: int, repeats: int) -> None:
    questions = _questions(ledger, rows)
    readings = Readings(ledger)
    print(f"{ledger.size():,} events; a page has {rows} rows; CPU time in ms")
    for name, make in questions.items():
        took_ms, _ = _ask(readings, ledger.size(), name, make)
        print(f"  opening, {name:<18} {took_ms:10,.0f}")
    for count in (1, _GROUP):
        print(f"{count} new, which each question reads first       median     worst")
        for name, make in questions.items():
            _ask(readings, ledger.size(), f"{name}, before", make)
            parsing, asking = [], []
            for _ in range(repeats):
                start = ledger.size()
                more(count)
                parsing.append(_timed(lambda: _parse(ledger, start)))  # noqa: B023 - called at once
                took_ms, size = _ask(readings, ledger.size(), name, make)
                asking.append(took_ms)
                if size != ledger.size():
                    raise AssertionError(f"{name} is of {size} entries")
            for what, found in ((name, asking), ("  parsing alone", parsing)):
                print(f"  {what:<37} {statistics.median(found):10.1f} {max(found):9.1f}")
    for name, make in questions.items():  # what came since it was asked last is no part of it
        _ask(readings, ledger.size(), f"{name}, once more", make)
    held = [
        _ask(readings, ledger.size(), f"{name} again", make)[0] for name, make in questions.items()
    ]
    print(
        "nothing new: " + ", ".join(f"{n} {ms:.1f}" for n, ms in zip(questions, held, strict=True))
    )


def _measure(ledger: Ledger, rows: int) -> None:
    questions = _questions(ledger, rows)
    tracemalloc.start()
    readings = Readings(ledger)
    for audience in ("public", "alpha"):
        before, _ = tracemalloc.get_traced_memory()
        for name, make in questions.items():
            _ask(readings, ledger.size(), name, make, audience=audience)
        held = tracemalloc.get_traced_memory()[0] - before
        print(f"memory for {audience}: {held / ledger.size():,.0f} octets for each event")


def _questions(ledger: Ledger, rows: int) -> dict[str, Make]:
    request = next(event_id for event_id, event in recorded(ledger) if isinstance(event, Request))
    page = slice(rows)

    def chronology(seen: Seen) -> object:
        return chronology_json(seen.view, timeline_of(seen.laid_out(_DAY), part=page))

    def one_request(seen: Seen) -> object:
        folds = [
            fold_request(seen.reading(_DAY), request, telling=each) for each in tellings(seen.view)
        ]
        return requests_json(seen.view, folds)

    def queue(seen: Seen) -> object:
        return queue_json(seen.view, queue_of(seen.queues(_DAY), _PARTY, part=page))

    return {"a page of rows": chronology, "a request": one_request, "a page of a queue": queue}


def _ask(
    readings: Readings, size: int, name: str, make: Make, *, audience: str = "public"
) -> tuple[float, int]:
    """Ask a question; return how long it took, in ms, and of which size the answer is."""
    sizes: list[int] = []

    def made(seen: Seen) -> object:
        sizes.append(seen.view.size)
        return make(seen)

    took_ms = _timed(lambda: readings.answer(Query(audience, size, (name,)), made))
    return took_ms, sizes[0]


def _timed(do: Callable[[], object]) -> float:
    began_s = time.process_time()
    do()
    return (time.process_time() - began_s) * 1000


def _parse(ledger: Ledger, start: int) -> None:
    for entry in ledger.entries(start):
        parse_event(bytes(parse_entry(entry, where="entry").event))
