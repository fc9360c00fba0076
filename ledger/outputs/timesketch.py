"""The chronology as JSON lines for Timesketch, and the list of what could not go in.

Timesketch puts events on a line of instants. A day that is not known becomes two events, at its
earliest and its latest possible moment, and never one in between. Each date of an event is an
event of its own, and so is its recording. What has no bound, or lies before 1700 (which the
importer drops without a word), is listed in `omitted.csv` with the reason.

Lines have the fields that the importer asks for (message, datetime, timestamp_desc), and timestamp,
in microseconds, which it would compute itself; none of the names that it takes out. No field is
longer than 32,766 octets, beyond which it cannot be sorted by.

Source: Timesketch, `timesketch/lib/utils.py`, `read_and_validate_jsonl`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from ledger.outputs.csv_cells import csv_bytes
from ledger.outputs.table import DateCell, Row, Table, instant_words

__all__ = ["FIRST_YEAR", "omitted", "timesketch"]

FIRST_YEAR: Final = 1700
"""The importer drops what is earlier."""

_LONGEST: Final = 32_766  # octets
_DAY_S: Final = 86_400
_EPOCH: Final = dt.date(1970, 1, 1)
# These say nothing of when it happened.
_ELSEWHEN: Final = frozenset(("as_at", "due", "opens_by", "until", "value"))


class _Point(NamedTuple):
    """A moment of an event, in POSIX milliseconds, and of what it is the moment."""

    ms: int
    what: str
    date: DateCell | None


def timesketch(table: Table) -> bytes:
    """Write the table, a line for each moment; the last, at its last recording, is the footer."""
    lines = [_line(row, point, table) for row in table.rows for point in _points(row)]
    if table.rows:
        last = max(row.recorded_ms for row in table.rows)
        what = _Point(last, "About this timeline", None)
        message = "\n".join(table.footer.lines())
        lines.append({**_when(what), "message": _cut(message), **_ledger(table)})
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def omitted(table: Table) -> bytes:
    """Write what the timeline does not hold, and why, and the footer."""
    head = ("event_hash", "seq", "kind", "date_role", "date_edtf", "event", "reason")
    rows = [
        (row.ref, str(row.seq), row.kind, role, edtf, row.event, why)
        for row in table.rows
        for role, edtf, why in _omissions(row)
    ]
    footer = [("", "", "footer", "", "", line, "") for line in table.footer.lines()]
    return csv_bytes([head, *rows, *footer])


def _dates(row: Row) -> list[DateCell]:
    """Return the dates of an event that say when something of it happened, each once."""
    found = [] if row.date is None else [row.date]
    for date in row.dates:
        known = any((date.role, date.edtf) == (each.role, each.edtf) for each in found)
        if date.role not in _ELSEWHEN and not known:
            found.append(date)
    return found


def _points(row: Row) -> Iterator[_Point]:
    for date in _dates(row):
        role = date.role.replace("_", " ").capitalize()
        if date.at_s is not None:
            if _late_enough(_utc_day(date.at_s)):
                yield _Point(date.at_s * 1000, role, date)
        elif date.precise and date.earliest is not None and _late_enough(date.earliest):
            yield _Point(_day_ms(date.earliest), role, date)
        else:
            if date.earliest is not None and _late_enough(date.earliest):
                yield _Point(_day_ms(date.earliest), f"{role} (earliest)", date)
            if date.latest is not None and _late_enough(date.latest):
                yield _Point(_day_ms(date.latest) + _DAY_S * 1000 - 1000, f"{role} (latest)", date)
    yield _Point(row.recorded_ms, "Recorded in ledger", None)


def _omissions(row: Row) -> Iterator[tuple[str, str, str]]:
    dates = _dates(row)
    if not dates:
        yield "", "", "has no date that can be read"
    for date in dates:
        if date.at_s is not None:
            if not _late_enough(_utc_day(date.at_s)):
                yield date.role, date.edtf, f"its day is before {FIRST_YEAR} in UTC"
            continue
        for name, day in (("earliest", date.earliest), ("latest", date.latest)):
            if day is None:
                yield date.role, date.edtf, f"nothing bounds its {name} day"
            elif not _late_enough(day):
                yield date.role, date.edtf, f"its {name} day is before {FIRST_YEAR}"


def _late_enough(day: dt.date | None) -> bool:
    return day is not None and day.year >= FIRST_YEAR


def _utc_day(at_s: int) -> dt.date:
    return _EPOCH + dt.timedelta(seconds=at_s)


def _day_ms(day: dt.date) -> int:
    return (day - _EPOCH).days * _DAY_S * 1000


def _when(point: _Point) -> dict[str, object]:
    written = instant_words(point.ms)
    at = dt.datetime.fromisoformat(written)
    # From what is written: a clock may say what is beyond the calendar.
    micros = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return {
        "datetime": written.replace("Z", "+00:00"),
        "timestamp": micros,
        "timestamp_desc": point.what,
    }


def _line(row: Row, point: _Point, table: Table) -> dict[str, object]:
    date = point.date
    line: dict[str, object] = {
        "message": _cut(row.event),
        **_when(point),
        "tag": [row.kind, row.status],
        "event_hash": row.ref,
        "ledger_entry": row.seq,
        "event_kind": row.kind,
        "asserted_by": row.asserted_by,
        "told_by": ", ".join(row.told_by),
        "status_text": row.status_text,
    }
    if date is not None:
        line |= {
            "edtf": date.edtf,
            "phrase": _cut(date.phrase or ""),
            "date_text": _cut(date.text),
            "date_basis": date.basis,
            "date_known_to": _known_to(date),
        }
    if row.grades:
        line["proof_grade"] = _cut("; ".join(f"{g.element}: {g.name}" for g in row.grades))
    return line | _ledger(table)


def _known_to(date: DateCell) -> str:
    if date.at_s is not None:
        return "the second"
    return "the day" if date.precise else "its bounds"


def _ledger(table: Table) -> dict[str, object]:
    return {
        "ledger": table.footer.origin,
        "ledger_fingerprint": table.footer.fingerprint,
        "ledger_size": table.footer.size,
        "ledger_root": table.footer.root,
    }


def _cut(text: str) -> str:
    """Return text, or as much of it as can be sorted by."""
    data = text.encode()
    if len(data) <= _LONGEST:
        return text
    return data[: _LONGEST - 3].decode(errors="ignore") + "…"
