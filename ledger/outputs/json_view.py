"""The chronology as JSON: the table itself, for programs.

Absent is left out, as everywhere in the ledger. Keys are in order, so that the octets depend on the
table alone. What can be verified is the export that it is made from, not this view.
"""

from __future__ import annotations

import msgspec

from ledger.outputs.table import Footer, Row, Table
from ledger.plain import Plain, to_json

__all__ = ["json_view", "table_json"]


def json_view(table: Table) -> bytes:
    """Write the table, indented."""
    return msgspec.json.format(msgspec.json.encode(table_json(table), order="sorted"), indent=2)


def table_json(table: Table) -> dict[str, Plain]:
    """Turn the table into plain values."""
    footer = table.footer
    left_out = [{"count": count, "why": why} for count, why in footer.left_out]
    return {
        "chronology": [_row(row) for row in table.rows],
        "deadlines": to_json(table.due),
        "footer": {
            **_fields(footer),
            "left_out": to_json(left_out),
            "lines": to_json(footer.lines()),
        },
    }


def _row(row: Row) -> Plain:
    plain = _fields(row)
    return {"from": plain.pop("from_"), **plain, "recorded_at": row.recorded_at}


def _fields(part: Row | Footer) -> dict[str, Plain]:
    plain = to_json(part)
    return plain if isinstance(plain, dict) else {}
