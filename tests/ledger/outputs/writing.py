"""Writes tables without files."""

from __future__ import annotations

from pathlib import Path

from ledger.files import Files
from ledger.outputs.formats import Make
from ledger.outputs.table import Table
from ledger.progress import nobody


def written(make: Make, table: Table) -> bytes:
    return make(table, Files(Path("none")), nobody)
