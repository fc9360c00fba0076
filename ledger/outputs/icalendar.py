"""The chronology as iCalendar: an all-day event for each row, and a task for each deadline.

An event lasts from its earliest to its latest possible day, and is tentative where the day is not
known or the event is disputed. What has no day is a journal entry, which needs none. Nothing is
free or busy, nothing invites anybody: there is no METHOD. The footer is the calendar's description.

Written here and not by a library, so that the octets depend on the table alone.

Source: RFC 5545 (folding: section 3.1; text: 3.3.11); RFC 7986 (NAME, DESCRIPTION).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from ledger.outputs.due import DueRow
from ledger.outputs.table import DateCell, Row, Table, instant_words

__all__ = ["icalendar"]

_OCTETS: Final = 75  # in a line, without its end
_WITHIN: Final = 0x80  # how an octet within a character begins in UTF-8
_DAY: Final = dt.timedelta(days=1)
_ESCAPES: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})

Line = tuple[str, str]


def icalendar(table: Table) -> bytes:
    """Write the table."""
    return b"".join(_folded(f"{name}:{value}") for name, value in _calendar(table))


def _calendar(table: Table) -> Iterator[Line]:
    stamps = {row.ref: _stamp(row) for row in table.rows}
    yield "BEGIN", "VCALENDAR"
    yield "VERSION", "2.0"
    yield "PRODID", "-//Counterfoil//Chronology 1//EN"
    yield "CALSCALE", "GREGORIAN"
    yield "NAME", _text(f"{table.footer.what}, {table.footer.origin}")
    yield "X-WR-CALNAME", _text(f"{table.footer.what}, {table.footer.origin}")
    yield "DESCRIPTION", _text("\n".join(table.footer.lines()))
    for row in table.rows:
        yield from _event(row)
    for number, due in enumerate(table.due):
        yield from _task(due, number, stamps[due.ref])
    yield "END", "VCALENDAR"


def _event(row: Row) -> Iterator[Line]:
    days = tuple(_days(row.date))
    component = "VEVENT" if days else "VJOURNAL"
    yield "BEGIN", component
    yield "UID", row.ref
    yield "DTSTAMP", _stamp(row)
    yield from days
    yield "SUMMARY", _text(row.title or row.event)
    yield "DESCRIPTION", _text(_description(row))
    yield "CATEGORIES", _text(row.kind_text)
    if component == "VEVENT":
        if row.contested or row.date is None or not row.date.precise:
            yield "STATUS", "TENTATIVE"
        elif row.status == "agreed":
            yield "STATUS", "CONFIRMED"
        yield "TRANSP", "TRANSPARENT"
    yield "CLASS", "CONFIDENTIAL"
    yield "X-LEDGER-HASH", row.ref
    if row.date is not None:
        yield "X-EDTF", _text(row.date.edtf)
    yield "END", component


def _days(date: DateCell | None) -> Iterator[Line]:
    if date is None:
        return
    if date.at_s is not None and date.earliest is not None:
        yield "DTSTART", _basic(instant_words(date.at_s * 1000))
        return
    # Of what has one bound only, that day is shown: tentative, with the words beside it.
    first, last = date.earliest or date.latest, date.latest or date.earliest
    if first is not None and last is not None:
        yield "DTSTART;VALUE=DATE", _day(first)
        if last != dt.date.max:
            yield "DTEND;VALUE=DATE", _day(last + _DAY)


def _task(due: DueRow, number: int, stamp: str) -> Iterator[Line]:
    day = due.earliest or due.latest
    yield "BEGIN", "VTODO"
    yield "UID", f"{due.ref}-due-{number}"
    yield "DTSTAMP", stamp
    if day is not None:
        yield "DUE;VALUE=DATE", _day(day)
    yield "SUMMARY", _text(due.what)
    parts = (
        f"{due.regime}: {due.state}. {_joined(due.tellings)}.",
        "" if due.earliest == due.latest else f"Between {due.earliest} and {due.latest}.",
        *due.working,
        "" if due.calendar is None else f"Bank holidays: {due.calendar}.",
        f"[entry {due.seq}, {due.ref}]",
    )
    yield "DESCRIPTION", _text("\n".join(filter(None, parts)))
    yield "STATUS", "NEEDS-ACTION" if due.open else "COMPLETED"
    yield "CLASS", "CONFIDENTIAL"
    yield "X-LEDGER-HASH", due.ref
    yield "END", "VTODO"


def _joined(names: tuple[str, ...]) -> str:
    text = ", ".join(names)
    return text[:1].upper() + text[1:]


def _description(row: Row) -> str:
    date = "undated" if row.date is None else f"{row.date.role.replace('_', ' ')}: {row.date.text}"
    parts = (
        row.event,
        row.description,
        f"Date: {date}.",
        f"{row.status_text}. Told by {row.asserted_by}.",
        row.from_to,
        *row.positions,
        *(f"Proof that {grade.element}: {grade.name} ({grade.reason})." for grade in row.grades),
        *(f"Source: {source.text}." for source in row.sources),
        f"[entry {row.seq}, {row.ref}]",
    )
    return "\n".join(filter(None, parts))


def _stamp(row: Row) -> str:
    return _basic(row.recorded_at)


def _basic(instant: str) -> str:
    """Write 2025-11-28T10:00:00.000Z as 20251128T100000Z."""
    return f"{instant[:19].replace('-', '').replace(':', '')}Z"


def _day(day: dt.date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def _text(text: str) -> str:
    return text.translate(_ESCAPES)


def _folded(line: str) -> bytes:
    """Fold a line so that no part has more than 75 octets, and none ends within a character."""
    data, start, parts = line.encode(), 0, []
    while start < len(data):
        end = start + _OCTETS - bool(start)  # what goes on has a space in front
        while end < len(data) and data[end] & 0xC0 == _WITHIN:
            end -= 1
        parts.append(data[start:end])
        start = end
    return b"\r\n ".join(parts) + b"\r\n"
