"""How long it takes to lay two ledgers side by side: what it costs beside auditing them.

Either side tells of the same letters and mails: of every second one with the same Message-ID, of
the others with the same title and day, so that matches of both sorts are looked for among all.
Times are CPU times of one process.
"""

import argparse
import datetime as dt
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ledger.reconcile.reconciling import reconcile
from ledger.reconcile.result import format_reconciliation
from ledger.reconcile.text import reconciliation_text
from tests.ledger.builder import new_event, submit
from tests.ledger.reconcile.parting import COUNTY, RUTLAND, Record, dates, found, sources_of

_AT_ONCE = 4000
_FIRST = dt.date(2020, 1, 1)

T = TypeVar("T")


def main(args: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench reconcile", description=__doc__)
    parser.add_argument("--events", type=int, default=4_000, help="of either ledger")
    parser.add_argument("--a-day", type=int, default=20, help="events of one day")
    options = parser.parse_args(args)
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-bench-"))
    try:
        _run(folder, options.events, options.a_day)
    finally:
        shutil.rmtree(folder)
    return 0


def _run(folder: Path, events: int, a_day: int) -> None:
    exports = []
    for number, party in enumerate((COUNTY, RUTLAND), start=1):
        record = found(folder, party, number=number)
        with record.ledger:
            _fill(record, events, a_day)
            exports.append(record.export())
    sources, audit_s = _timed(lambda: sources_of(*exports, room=folder / "room"))
    made, reconcile_s = _timed(lambda: reconcile(sources))
    _, json_s = _timed(lambda: format_reconciliation(made))
    _, text_s = _timed(lambda: reconciliation_text(made))
    print(f"2 ledgers of {events:,} events, {a_day} a day: {len(made.rows):,} rows, "
        f"{len(made.matches.to_confirm):,} matches to confirm")  # fmt: skip
    print(f"audit      {audit_s:6.2f} s")
    for name, taken_s in (("reconcile", reconcile_s), ("JSON", json_s), ("text", text_s)):
        print(f"{name:9}  {taken_s:6.2f} s  {taken_s / audit_s:5.1f} audits")


def _fill(record: Record, events: int, a_day: int) -> None:
    party = record.founder
    offset = 0 if party is COUNTY else 1 << 32
    made = [
        new_event(
            party.name,
            "communication/v1",
            number=offset + number,
            channel="email" if number % 2 else "letter",
            from_=[party.name],
            to=["blaby", "rutland"],
            dates=dates(sent=(_FIRST + dt.timedelta(number // a_day)).isoformat()),
            claims={"title": f"Letter {number}", **_identity(number)},
        )
        for number in range(events)
    ]
    for start in range(0, events, _AT_ONCE):
        submit(record.ledger, *made[start : start + _AT_ONCE], party=party)


def _identity(number: int) -> dict[str, str]:
    return {"message_id": f"{number}@mail.example"} if number % 2 else {}


def _timed(make: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    value = make()
    return value, time.process_time() - began
