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
from ledger.outputs.printed import bundle, docx, pdf
from ledger.outputs.prov import prov_json
from ledger.outputs.svg import svg
from ledger.outputs.table import Table
from ledger.outputs.timesketch import omitted, timesketch
from ledger.progress import Tell

__all__ = ["FORMATS", "Format", "Make"]

Make = Callable[[Table, Files, Tell], bytes]
"""Writes a table, with files of its ledger if they go in, and tells how far it is if it takes long.

May raise OutputError where a library is not installed, and OSError where a file cannot be read.
"""


class Format(NamedTuple):
    """A format.

    Attributes:
        media_type: Its media type.
        suffix: How the names of its files end.
        make: Writes the file.
        beside: Files that go with it, each by how its name ends instead.
    """

    media_type: str
    suffix: str
    make: Make
    beside: Mapping[str, Make] = {}


def _quick(write: Callable[[Table], bytes]) -> Make:
    """Return what writes a table alone, and takes no longer than it took to make."""
    return lambda table, _files, _tell: write(table)


_ABOUT: Final = {".about.txt": _quick(about)}
_CSV: Final = "text/csv; charset=utf-8"
_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_PDF: Final = "application/pdf"

FORMATS: Final[Mapping[str, Format]] = {
    "csv": Format(_CSV, ".csv", _quick(csv_table)),
    "opus2": Format(_CSV, ".csv", _quick(opus2), _ABOUT),
    "casemap": Format(_CSV, ".csv", _quick(casemap), _ABOUT),
    "chronolator": Format(
        *(_CSV, ".csv", _quick(chronolator)),
        {".omitted.csv": _quick(undated), ".about.txt": _quick(chronolator_about)},
    ),
    "timesketch": Format(
        "application/jsonl", ".jsonl", _quick(timesketch), {".omitted.csv": _quick(omitted)}
    ),
    "ics": Format("text/calendar; charset=utf-8", ".ics", _quick(icalendar)),
    "json": Format("application/json", ".json", _quick(json_view)),
    "prov": Format("application/json", ".json", _quick(prov_json)),
    "svg": Format("image/svg+xml", ".svg", _quick(svg)),
    "docx": Format(_DOCX, ".docx", docx),
    "pdf": Format(_PDF, ".pdf", pdf),
    "bundle": Format(_PDF, ".pdf", bundle),
}
