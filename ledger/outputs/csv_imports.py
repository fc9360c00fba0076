"""The chronology as CSV for programs that lawyers use: Opus 2, CaseMap, Chronolator.

Each takes dates in a notation of its own. What a notation cannot say is left out of the date cell
and stands in the text, with the words of the source and the bounds: a range of possible days is
never made a period that lasted, and no day is chosen out of it.

Opus 2      Date Modifier On, Before, After or Range, with a day/month/year; times are those of
            Europe/London. The names of fields must be those of the workspace.
CaseMap     month/day/year, ?? for what is unknown, < before, > after, ~ about; at most 10,000
            characters in a field.
Chronolator one day, with ? in front if it is not sure; what has no day at all is left out.

Neither program can be asked here: the notations are those of their own help pages. The footer does
not go into these files, where it would be taken for events: it stands in a text file beside them.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from ledger.date_words import format_day
from ledger.dates import uk_time
from ledger.outputs.csv_cells import csv_bytes, defused
from ledger.outputs.table import DateCell, Row, Table

__all__ = [
    "CASEMAP",
    "CHRONOLATOR",
    "OPUS2",
    "about",
    "casemap",
    "chronolator",
    "chronolator_about",
    "opus2",
    "undated",
]

OPUS2: Final = (
    *("Type", "Date Modifier", "Date", "Status", "Time", "Time Zone", "Tags", "Characters"),
    "Description",
)
CASEMAP: Final = (
    *("Date & Time", "Fact Text", "Source(s)", "Potential Source(s)", "Material", "Status"),
    *("Linked Issues", "Key"),
)
CHRONOLATOR: Final = (
    *("Event Ref", "Start Date", "Start Time", "End Date", "End Time", "Source of Information"),
    *("Event", "From and To", "Status"),
)

_LONGEST_FACT: Final = 10_000  # characters
_SHORT: Final = 16
_DAY: Final = dt.timedelta(days=1)
_EPOCH_S: Final = dt.date(1970, 1, 1).toordinal() * 86_400
_FIRST_UK_YEAR: Final = 1996
# What not all have answered is neither: silence is no admission.
_STATUS: Final = {
    "agreed": "Undisputed",
    "corrected": "Disputed",
    "disputed": "Disputed",
    "not_admitted": "Disputed",
}
_TYPES: Final = {"meeting": "Meeting", "letter": "Letter", "email": "Email"}


def about(table: Table) -> bytes:
    """Write the footer, as a text file that goes with a file that cannot hold it."""
    return "".join(f"{line}\n" for line in table.footer.lines()).encode()


def opus2(table: Table) -> bytes:
    """Write the table for Opus 2."""
    return csv_bytes([OPUS2, *map(_opus2, table.rows)])


def casemap(table: Table) -> bytes:
    """Write the table for CaseMap."""
    return csv_bytes([CASEMAP, *map(_casemap, table.rows)])


def chronolator(table: Table) -> bytes:
    """Write the table for Chronolator; `undated` has what is left out."""
    rows = (row for row in table.rows if _first_day(row.date) is not None)
    return csv_bytes([CHRONOLATOR, *map(_chronolator, rows)])


def chronolator_about(table: Table) -> bytes:
    """Write the footer for Chronolator, and how many rows it cannot hold."""
    count = len(_undated(table))
    return about(table) + f"Left out of this file, which needs a date: {count} rows.\n".encode()


def undated(table: Table) -> bytes:
    """Write what Chronolator cannot hold, and why."""
    why = "has no date, and Chronolator needs one"
    rows = ((row.ref[:_SHORT], str(row.seq), row.event, why) for row in _undated(table))
    return csv_bytes([("Event Ref", "Entry", "Event", "Why it is left out"), *rows])


def _undated(table: Table) -> list[Row]:
    return [row for row in table.rows if _first_day(row.date) is None]


def _opus2(row: Row) -> tuple[str, ...]:
    modifier, date, time = _opus2_date(row.date)
    return (
        _TYPES.get(row.kind, "Fact"),
        modifier,
        date,
        _STATUS.get(row.status, ""),
        time,
        "Europe/London" if time else "",
        row.kind_text,
        "; ".join(dict.fromkeys((*row.from_, *row.to, *row.cc))),
        _text(row),
    )


def _opus2_date(date: DateCell | None) -> tuple[str, str, str]:
    if date is None or date.earliest is date.latest is None:
        return "", "", ""
    if date.at_s is not None and date.earliest is not None and date.earliest.year >= _FIRST_UK_YEAR:
        day, seconds = uk_time(date.at_s + _EPOCH_S)
        return "On", _dmy(day), f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
    if date.earliest is None or date.latest is None:
        modifier, outer = _outside(date)
        return ("", "", "") if outer is None else (modifier, _dmy(outer), "")
    if date.earliest == date.latest:
        return "On", _dmy(date.earliest), ""
    return "Range", f"{_dmy(date.earliest)} - {_dmy(date.latest)}", ""


def _outside(date: DateCell) -> tuple[str, dt.date | None]:
    """Say of a date that has one bound before or after which day it is."""
    if date.earliest is None:
        at_end = date.latest is None or date.latest == dt.date.max
        return "Before", None if at_end or date.latest is None else date.latest + _DAY
    at_start = date.earliest == dt.date.min
    return "After", None if at_start else date.earliest - _DAY


def _dmy(day: dt.date) -> str:
    return f"{day.day:02}/{day.month:02}/{day.year:04}"


def _casemap(row: Row) -> tuple[str, ...]:
    sources = "; ".join(source.text for source in row.sources)
    where = f" [cut; entry {row.seq}, {row.ref[:_SHORT]}]"
    cells = (_casemap_date(row.date), _cut(_text(row), where), _cut(sources, where))
    return (*cells, "", "", _STATUS.get(row.status, ""), "", "")


def _casemap_date(date: DateCell | None) -> str:
    if date is None or date.earliest is date.latest is None:
        return ""
    if date.earliest is None or date.latest is None:
        modifier, day = _outside(date)
        mark = "<" if modifier == "Before" else ">"
        return "" if day is None else f"{mark}{_mdy(day)}"
    first, last = date.earliest, date.latest
    about = "~" if date.doubtful or (date.span and not date.exact) else ""
    if first == last:
        return f"{about}{_mdy(first)}" + ("" if date.time is None else f" {date.time[:5]}")
    if date.span:
        return f"{about}{_mdy(first)} - {_mdy(last)}"
    if first.year != last.year:
        return ""
    month = f"{first.month:02}" if first.month == last.month else "??"
    return f"{about}{month}/??/{first.year:04}"


def _mdy(day: dt.date) -> str:
    return f"{day.month:02}/{day.day:02}/{day.year:04}"


def _cut(text: str, where: str) -> str:
    # An apostrophe may come in front.
    if len(defused(text)) <= _LONGEST_FACT:
        return text
    return f"{text[: _LONGEST_FACT - len(where) - 1]}{where}"


def _chronolator(row: Row) -> tuple[str, ...]:
    date, first = row.date, _first_day(row.date)
    if date is None or first is None:
        raise AssertionError(row)
    end = ""
    if date.span and date.latest is not None:
        end = f"{_sure(date)}{format_day(date.latest)}"
    return (
        row.ref[:_SHORT],
        f"{_sure(date)}{format_day(first)}",
        "" if date.time is None else date.time[:5],
        end,
        "" if row.time_end is None else row.time_end[:5],
        "; ".join(source.text for source in row.sources),
        _text(row),
        row.from_to,
        row.status_text,
    )


def _first_day(date: DateCell | None) -> dt.date | None:
    return None if date is None else date.earliest or date.latest


def _sure(date: DateCell) -> str:
    return "" if date.exact else "? "


def _text(row: Row) -> str:
    """Write what a row tells, with all that its date cell cannot say."""
    date = "undated" if row.date is None else f"{row.date.role.replace('_', ' ')}: {row.date.text}"
    parts = (
        row.event,
        row.description,
        f"Date: {date}.",
        f"{row.status_text}. Told by {row.asserted_by}.",
        *row.positions,
        *(f"Proof that {grade.element}: {grade.name}." for grade in row.grades),
        f"[entry {row.seq}, {row.ref[:_SHORT]}]",
    )
    return "\n".join(filter(None, parts))
