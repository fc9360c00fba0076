"""Plain text on a page: wrapped, aligned, without colour, and nobody's control characters in it.

Text that a party wrote is shown with its control characters replaced, so that nobody's title can
move a reader's cursor or turn its direction.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest

__all__ = ["columns", "ended", "page", "rule", "table", "wrap"]

_GAP = "  "


def wrap(text: str, width: int, *, indent: int = 0) -> list[str]:
    """Break text into lines of at most `width` characters, each indented."""
    space = " " * indent
    lines: list[str] = []
    for part in _clean(text).split("\n"):
        lines += textwrap.wrap(
            part,
            width,
            initial_indent=space,
            subsequent_indent=space,
            break_on_hyphens=False,
        ) or [""]
    return lines


def columns(fixed: tuple[int, ...], width: int) -> tuple[int, ...]:
    """Return the widths of columns: those given, and one that takes what is left."""
    return (*fixed, width - sum(fixed) - len(_GAP) * len(fixed))


def table(widths: tuple[int, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lay out rows of cells under one another, each cell wrapped in its column."""
    lines: list[str] = []
    for row in rows:
        cells = [wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
        lines.extend(
            _GAP.join(part.ljust(size) for part, size in zip(parts, widths, strict=True)).rstrip()
            for parts in zip_longest(*cells, fillvalue="")
        )
    return lines


def ended(sentence: str) -> str:
    """End a sentence with a stop, unless it has one."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def rule(width: int) -> list[str]:
    """Draw a line across the page."""
    return ["-" * width]


def page(body: Sequence[str], footer: Sequence[str]) -> str:
    """Put a page together: what it says, and what stands at the end of every page."""
    while body and not body[-1]:
        body = body[:-1]
    return "\n".join([*body, "", *footer]) + "\n"


def _clean(text: str) -> str:
    return "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
