"""How long it takes to print a long chronology: CPU seconds for 2,000 rows in Word and in PDF.

The rows are those of the founding case, over and over, each with a response beside it. The table is
made beforehand. Beside each time stands that of the same document with half the rows: whatever is
printed row by row takes twice as long for twice as many, and no more.
"""

import argparse
import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ledger.folds.reading import read
from ledger.outputs.docx import docx_of
from ledger.outputs.pdf import pdf_of
from ledger.outputs.table import Choice, Table, table_of
from ledger.progress import Tell, nobody
from tests.ledger.shipped import shipped

_AS_AT = dt.date(2025, 11, 28)
_RESPONSE = "rutland disputes when it was received: 9 April 2025 (entry 74)."


def main(args: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench paper", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000)
    options = parser.parse_args(args)
    table = table_of(read(shipped(["founding"]).view, as_at=_AS_AT), Choice(grades=True))
    for name, make in (("docx", docx_of), ("pdf", pdf_of)):
        half_s, _ = _timed(make, _of(table, options.rows // 2))
        whole_s, octets = _timed(make, _of(table, options.rows))
        print(
            f"{name}: {options.rows} rows {whole_s:.1f} s CPU, {octets / 1e6:.1f} MB; "
            f"{whole_s / half_s:.1f} times as long as half of them"
        )
    return 0


def _of(table: Table, rows: int) -> Table:
    return replace(
        table,
        rows=tuple(
            replace(table.rows[n % len(table.rows)], no=n + 1, positions=(_RESPONSE,))
            for n in range(rows)
        ),
    )


def _timed(make: Callable[[Table, Tell], bytes], table: Table) -> tuple[float, int]:
    start = time.process_time()
    octets = len(make(table, nobody))
    return time.process_time() - start, octets
