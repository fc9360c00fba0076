"""What a printed chronology has on it: columns, cells and lines, the same in Word and in PDF.

Nothing here knows of a file format. A cell is a few lines, each plain, strong or small. A line
that names a document carries its SHA-256, so that a bundle can say on which page it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from ledger.outputs.due import DueRow
from ledger.outputs.table import DateCell, Row, Table
from ledger.wording import say

__all__ = ["Column", "Grid", "Line", "grids_of", "grouped", "legend_of", "made_at", "title_of"]

Style = Literal["plain", "strong", "small"]


class Line(NamedTuple):
    """A line of a cell.

    Attributes:
        text: The text, which may break anywhere into more lines.
        style: How it is set.
        to: What it leads to: the SHA-256 of a document, or an anchor; None if nothing.
    """

    text: str
    style: Style = "plain"
    to: str | None = None


Cell = tuple[Line, ...]


class Column(NamedTuple):
    """A column: its head, and its width in millimetres."""

    head: str
    width_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table as it is printed.

    Attributes:
        title: Its heading.
        what: What it holds, for those to whom it is read out.
        columns: Its columns, which fill the width of a landscape page of A4.
        rows: Its rows, each of as many cells as there are columns.
    """

    title: str
    what: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


_UNDATED: Final = "undated"
_UNORDERED: Final = "†"
_LEGEND: Final = (
    (
        "Each row is one event, in one sentence, as the party that recorded it tells it. Where a "
        "row tells what another did, that is a claim until the other answers."
    ),
    (
        "Date: the words of the source where there are any, and below them the bounds that they "
        f"have. {_UNORDERED} beside a number: that the row is later than the one above it is not "
        "established."
    ),
    (
        "Source: the documents that stand behind the row. Status and positions: how the parties "
        "that the row names have answered it."
    ),
)
_PROOF: Final = "Proof: how well each part of the row is proven, with the reason."
_REF_WORDS: Final = (
    "Ref: the entry of the ledger, and the event's id, 64 hex digits in groups of eight."
)
_GROUP: Final = 8
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LAST: Final = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


def grids_of(table: Table) -> tuple[Grid, ...]:
    """Lay out a table: the chronology, and the deadlines if there are any."""
    grids = [_chronology(table)]
    if table.due:
        grids.append(_deadlines(table))
    return tuple(grids)


def title_of(table: Table) -> str:
    """Name a table and its ledger, in a line."""
    return f"{table.footer.what} of {table.footer.origin}"


def legend_of(table: Table) -> tuple[str, ...]:
    """Say how the chronology is to be read, one fact a line."""
    graded = table.footer.choice.grades
    return (*_LEGEND, _PROOF, _REF_WORDS) if graded else (*_LEGEND, _REF_WORDS)


def made_at(table: Table) -> dt.datetime:
    """Return when the last row was recorded, in UTC: a document knows no other time.

    A clock may say anything, also what is beyond the calendar, which then ends it. Without rows it
    is 1970.
    """
    last_s = max((row.recorded_ms for row in table.rows), default=0) // 1000
    return _EPOCH + dt.timedelta(seconds=min(last_s, int((_LAST - _EPOCH).total_seconds())))


def grouped(digits: str) -> str:
    """Write hex digits in groups, so that they break where people can follow."""
    return " ".join(digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP))


# The chronology

_NO: Final = Column("No.", 11)
_DATE: Final = Column("Date", 34)
_FROM: Final = Column("From → To", 41)
_REF: Final = Column("Ref", 24)
_PLAIN: Final = (
    *(_NO, _DATE, Column("Event", 66), _FROM, Column("Source", 36)),
    *(Column("Status", 22), Column("Positions", 33), _REF),
)
_WITH_PROOF: Final = (
    *(_NO, _DATE, Column("Event", 51), Column("From → To", 36), Column("Source", 31)),
    *(Column("Status", 20), Column("Positions", 28), Column("Proof", 32), _REF),
)


def _chronology(table: Table) -> Grid:
    graded = table.footer.choice.grades
    return Grid(
        title="Chronology",
        what="One row for each event, in the order of time as far as it is established",
        columns=_WITH_PROOF if graded else _PLAIN,
        rows=tuple(tuple(_cells(row, graded=graded)) for row in table.rows),
    )


def _cells(row: Row, *, graded: bool) -> Iterator[Cell]:
    yield (Line(f"{row.no}{'' if row.order in {None, 'yes'} else _UNORDERED}"),)
    yield tuple(_date(row.date))
    yield (
        Line(row.event),
        *([] if row.items is None else [Line(f"Items: {row.items}", "small")]),
        *(Line(note, "small") for note in row.notes),
    )
    yield (Line(row.from_to.strip()),)
    yield tuple(Line(source.text, "small", source.sha256) for source in row.sources)
    yield (Line(row.status_text),)
    yield tuple(Line(position, "small") for position in row.positions)
    if graded:
        yield tuple(_grades(row))
    yield (Line(f"entry {row.seq}"), Line(grouped(row.ref), "small"))


def _date(date: DateCell | None) -> Iterable[Line]:
    if date is None:
        yield Line(_UNDATED)
        return
    words, *bounds = date.lines
    yield Line(words)
    yield from (Line(line, "small") for line in bounds)
    yield Line(f"{date.role.replace('_', ' ')}; {say(date.basis)}", "small")


def _grades(row: Row) -> Iterable[Line]:
    """Say each grade once, with the parts of the row that have it for the same reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for grade in row.grades:
        found.setdefault((grade.name, grade.reason), []).append(grade.element)
    for (name, reason), elements in found.items():
        yield Line(f"{', '.join(elements)}: {name}", "small")
        yield Line(reason, "small")


# The deadlines

_DUE: Final = (
    *(Column("Due", 34), Column("What", 62), Column("Rule", 22), Column("State", 36)),
    *(Column("As told by", 30), Column("Working", 59), _REF),
)


def _deadlines(table: Table) -> Grid:
    return Grid(
        title="Deadlines",
        what="When each answer is due by a clock, and each promise by its day",
        columns=_DUE,
        rows=tuple(tuple(_due_cells(row)) for row in table.due),
    )


def _due_cells(row: DueRow) -> Iterator[Cell]:
    yield (Line(_day_words(row.earliest, row.latest)),)
    yield (Line(row.what),)
    yield (Line(row.regime.replace("_", " ")),)
    yield (Line(row.state),)
    yield tuple(Line(telling, "small") for telling in row.tellings)
    yield tuple(Line(line, "small") for line in row.working)
    yield (Line(f"entry {row.seq}"), Line(grouped(row.ref), "small"))


def _day_words(earliest: dt.date | None, latest: dt.date | None) -> str:
    if earliest is not None and earliest == latest:
        return earliest.isoformat()
    first = "not bounded" if earliest is None else earliest.isoformat()
    last = "not bounded" if latest is None else latest.isoformat()
    return f"{first} to {last}"
