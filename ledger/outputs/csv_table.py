"""The chronology as CSV in our own columns: one row an event, and the footer in rows of its own.

The columns and their order are those of the domain (5.2). Dates are ISO only. Rows of kind
`footer` have nothing but a description. A cell with several values has a line for each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from ledger.outputs.csv_cells import csv_bytes
from ledger.outputs.table import DateCell, Row, Table

__all__ = ["COLUMNS", "csv_table"]

COLUMNS: Final = (
    *("ref", "seq", "kind", "date_phrase", "date_edtf", "date_earliest", "date_latest"),
    *("date_basis", "time_start", "time_end", "tz", "from", "to", "cc", "on_behalf_of", "title"),
    *("description", "items", "source_doc", "source_locator", "source_sha256", "status"),
    *("positions", "proof_grade", "asserted_by", "asserted_at", "recorded_at", "event_hash"),
)

_SHORT: Final = 16


def csv_table(table: Table) -> bytes:
    """Write the table."""
    footer = ({"kind": "footer", "description": line} for line in table.footer.lines())
    cells = [*map(_cells, table.rows), *footer]
    return csv_bytes([COLUMNS, *([row.get(name, "") for name in COLUMNS] for row in cells)])


def _cells(row: Row) -> dict[str, str]:
    return {
        "ref": row.ref[:_SHORT],
        "seq": str(row.seq),
        "kind": row.kind,
        **({} if row.date is None else _date(row.date)),
        "time_end": row.time_end or "",
        "from": "\n".join(row.from_),
        "to": "\n".join(row.to),
        "cc": "\n".join(row.cc),
        "on_behalf_of": "\n".join(row.on_behalf_of),
        "title": row.title or "",
        "description": "\n".join(filter(None, (row.event, row.description))),
        "items": row.items or "",
        "source_doc": _lines(source.name for source in row.sources),
        "source_locator": _lines(source.locator for source in row.sources),
        "source_sha256": _lines(source.sha256 for source in row.sources),
        "status": row.status_text,
        "positions": "\n".join(row.positions),
        "proof_grade": "\n".join(f"{grade.element}: {grade.name}" for grade in row.grades),
        "asserted_by": row.asserted_by,
        "asserted_at": row.asserted_at or "",
        "recorded_at": row.recorded_at,
        "event_hash": row.ref,
    }


def _date(date: DateCell) -> dict[str, str]:
    return {
        "date_phrase": date.phrase or "",
        "date_edtf": date.edtf,
        "date_earliest": _day(date.earliest),
        "date_latest": _day(date.latest),
        "date_basis": date.basis,
        "time_start": date.time or "",
        "tz": "" if date.tz is None else f"UTC{date.tz}",
    }


def _day(day: dt.date | None) -> str:
    return "" if day is None else day.isoformat()


def _lines(values: Iterable[str | None]) -> str:
    """Write a line for each value, so that those of several columns stand side by side."""
    lines = [value or "none" for value in values]
    return "" if set(lines) <= {"none"} else "\n".join(lines)
