"""CSV as RFC 4180 has it: UTF-8, commas, line ends CR LF, and no cell that a spreadsheet would run.

Every cell is quoted: programs that take semicolons or tabs for commas, too, as LibreOffice does
unless it is told otherwise, would break an open cell there, and find a formula in what follows.

A spreadsheet takes a cell that begins with = + - @ for a formula, some also after a tab or a line
end, or in full-width forms. Such a cell gets an apostrophe in front. A cell that begins with
apostrophes and then such a character gets one more, so that a reader can undo it: of a cell that
begins with an apostrophe and, behind all apostrophes and spaces, has such a character, take away
the first apostrophe.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["csv_bytes", "defused"]

# Behind spaces too: some programs trim before they look.
_RUN: Final = re.compile(
    r"['\s]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]"
)


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Write rows of cells."""
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(
        [defused(cell) for cell in row] for row in rows
    )
    return file.getvalue().encode()


def defused(cell: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return f"'{cell}" if _RUN.match(cell) else cell
