"""How long the chronology's formats take, beside the table that all are made from.

The ledger holds letters with titles, texts and dates of every kind. Times are CPU times of one
process, in one run; each is also told as a part of the time that the table takes, and for twice the
events as a multiple of the time for these: 2.0 is as long again.
"""

import argparse
import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from ledger.folds.reading import Reading, read
from ledger.outputs.formats import FORMATS
from ledger.outputs.table import table_of
from tests.ledger.bookmaking import book_of
from tests.ledger.outputs.hostile import EDTF, letter
from tests.ledger.outputs.writing import written

T = TypeVar("T")

_AS_AT = dt.date(2025, 11, 28)
_TEXT = "What was said, at some length, about the data that was asked for. " * 4


def main(args: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench outputs", description=__doc__)
    parser.add_argument("--events", type=int, default=5_000)
    events: int = parser.parse_args(args).events
    small, large = _reading(events), _reading(2 * events)
    table, table_s = _timed(lambda: table_of(small))
    longer, longer_s = _timed(lambda: table_of(large))
    print(f"{len(table.rows):,} rows and {len(longer.rows):,} rows")
    print(f"{'table':<12} {table_s:6.2f} s         twice the events: {longer_s / table_s:4.1f}")
    for name, made in FORMATS.items():
        _, made_s = _timed(lambda: written(made.make, table))  # noqa: B023 - called at once
        _, again_s = _timed(lambda: written(made.make, longer))  # noqa: B023 - called at once
        part = f"{made_s / table_s:5.2f} of it"
        print(f"{name:<12} {made_s:6.2f} s  {part}  twice: {again_s / made_s:4.1f}")
    return 0


def _reading(events: int) -> Reading:
    drafts = [
        letter(
            number,
            {
                "title": f"Letter {number} about the data",
                "text": _TEXT,
                "phrase_sent": "about then",
            },
            EDTF[number % len(EDTF)],
        )
        for number in range(events)
    ]
    return read(book_of(drafts, members=("rutland", "blaby", "melton")).view(), as_at=_AS_AT)


def _timed(do: Callable[[], T]) -> tuple[T, float]:
    began_s = time.process_time()
    done = do()
    return done, time.process_time() - began_s
