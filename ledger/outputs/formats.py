"""The formats that a table is written in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from ledger.files import Files
from ledger.outputs.csv_imports import (
    about,
    casemap,
    chronolator,
    chronolator_about,
    opus2,
    undated,
)
from ledger.outputs.csv_table import csv_table
from ledger.outputs.icalendar import icalendar
from ledger.outputs.json_view import json_view
from ledger.outputs.printed import bundle, bundle_with_files, docx, pdf
from ledger.outputs.prov import prov_json
from ledger.outputs.svg import svg
from ledger.outputs.table import Table
from ledger.outputs.timesketch import omitted, timesketch

__all__ = ["FORMATS", "Format", "Make", "MakeWith"]

Make = Callable[[Table], bytes]
MakeWith = Callable[[Table, Files, Callable[[int, int], None]], bytes]


class Format(NamedTuple):
    """A format.

    Attributes:
        media_type: Its media type.
        suffix: How the names of its files end.
        make: Writes the file.
        beside: Files that go with it, each by how its name ends instead.
        make_with: Writes it with the ledger's files in it, telling how many of how many it has
            read; None where none go in.
    """

    media_type: str
    suffix: str
    make: Make
    beside: Mapping[str, Make] = {}
    make_with: MakeWith | None = None


_CSV: Final = "text/csv; charset=utf-8"
_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_PDF: Final = "application/pdf"

FORMATS: Final[Mapping[str, Format]] = {
    "csv": Format(_CSV, ".csv", csv_table),
    "opus2": Format(_CSV, ".csv", opus2, {".about.txt": about}),
    "casemap": Format(_CSV, ".csv", casemap, {".about.txt": about}),
    "chronolator": Format(
        _CSV, ".csv", chronolator, {".omitted.csv": undated, ".about.txt": chronolator_about}
    ),
    "timesketch": Format("application/jsonl", ".jsonl", timesketch, {".omitted.csv": omitted}),
    "ics": Format("text/calendar; charset=utf-8", ".ics", icalendar),
    "json": Format("application/json", ".json", json_view),
    "prov": Format("application/json", ".json", prov_json),
    "svg": Format("image/svg+xml", ".svg", svg),
    "docx": Format(_DOCX, ".docx", docx),
    "pdf": Format(_PDF, ".pdf", pdf),
    "bundle": Format(_PDF, ".pdf", bundle, make_with=bundle_with_files),
}
