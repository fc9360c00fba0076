"""Contradictions as text: what does not fit, gravest first, each with why it is found."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from ledger.date_words import format_day
from ledger.folds.contradictions import RULES, Contradictions, Finding
from ledger.layout import item, page, wrap
from ledger.text import WIDTH, footer_text
from ledger.view import View

__all__ = ["contradictions_text"]

_LEAST_WIDTH = 40
_HEADS: Final = {
    1: "What cannot both be so",
    2: "What wants explaining",
    3: "What may be counted twice, or was corrected",
    4: "What is missing",
}
_NOTE: Final = "A finding says that things do not fit together, never which of them is so."


def contradictions_text(view: View, fold: Contradictions, *, width: int = WIDTH) -> str:
    """Write what was found.

    Args:
        view: Of which the fold was made.
        fold: What was found.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    head = f"What does not fit or is missing, as at {format_day(fold.as_at)}"
    lines = [*wrap(head, width), ""]
    for severity, rows in groupby(fold.rows, key=lambda row: row.severity):
        lines += [*wrap(_HEADS[severity], width), ""]
        for rule, alike in groupby(rows, key=lambda row: row.rule):
            lines += item(f"{RULES[rule].why} [{rule}]", width, indent=2)
            for row in alike:
                lines += [*_finding(row, width), ""]
    if not fold.rows:
        lines += [f"Nothing, in {fold.looked_at} events.", ""]
    lines += wrap(_NOTE, width)
    return page(lines, footer_text(view, width=width))


def _finding(row: Finding, width: int) -> list[str]:
    tellings = ", ".join(map(str, row.tellings))
    return [*item(row.words, width, indent=4), *item(f"({tellings})", width, indent=4)]
