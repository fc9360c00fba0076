"""The chronology as a PDF, for those who will read it, print it or put it before a court.

The octets depend on the table alone, and on the versions of reportlab, qpdf and zlib: no clock is
read. Needs the extra `outputs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ledger.outputs.layout import Grid, grids_of, legend_of, made_at
from ledger.outputs.paper import (
    LANDSCAPE,
    Book,
    Heading,
    Name,
    finished,
    set_grid,
    set_lines,
    settle,
)
from ledger.outputs.table import Table
from ledger.outputs.typeset import unprinted
from ledger.progress import Tell

__all__ = ["draw_table", "name_of", "pdf_of"]


def pdf_of(table: Table, tell: Tell) -> bytes:
    """Write a table as a PDF.

    Args:
        table: The table.
        tell: Gives whom to tell how far it is.
    """
    parts = len(table.rows) + len(table.due)
    data, _ = settle(name_of(table), lambda book: draw_table(book, table), parts, tell)
    return finished(data, made_at(table))


def name_of(table: Table, what: str | None = None) -> Name:
    """Return what a PDF of a table says of itself.

    Args:
        table: The table.
        what: What it is; None for the table itself.
    """
    footer = table.footer
    return Name(
        title=f"{what or footer.what}, {footer.origin}, as at {footer.as_at.isoformat()}",
        author=footer.origin,
        subject=f"Size {footer.size}, root {footer.root}",
    )


def draw_table(
    book: Book, table: Table, *, anchor: Callable[[str], str | None] = lambda _: None
) -> None:
    """Set a table with its legend and footer, from a new page on.

    Args:
        book: Where.
        table: The table.
        anchor: Gives the anchor of the document with a SHA-256; None where it is not in the PDF.
    """

    def turn() -> None:
        book.open_page(LANDSCAPE)

    grids = grids_of(table)
    turn()
    book.mark(Heading("chronology", table.footer.what))
    set_lines(book, [table.footer.what], "title", turn=turn)
    origin, as_at = table.footer.origin, table.footer.as_at.isoformat()
    set_lines(book, [f"Ledger {origin}, as at {as_at}"], "subtitle", turn=turn)
    set_lines(book, [*legend_of(table), *_boxes(grids)], "legend", turn=turn)
    for number, grid in enumerate(grids):
        book.top -= _GAP
        if number:
            book.mark(Heading(f"grid-{number}", grid.title, 1))
        set_lines(book, [grid.title], "heading", turn=turn)
        set_grid(book, grid, turn=turn, anchor=anchor)
    if book.room < _FOOTER_ROOM:
        turn()
    book.top -= _GAP
    book.mark(Heading("made-from", "What this was made from", 1))
    set_lines(book, ["What this was made from"], "heading", turn=turn)
    set_lines(book, table.footer.lines(), "legend", turn=turn)


_GAP: Final = 10.0
_FOOTER_ROOM: Final = 150.0
_FEW: Final = 12
_RIGHT_TO_LEFT: Final = range(0x0590, 0x0900)


def _boxes(grids: tuple[Grid, ...]) -> Iterator[str]:
    """Say which characters are not printed as their author meant them."""
    found = set[str]().union(
        *(n.text for g in grids for row in g.rows for cell in row for n in cell)
    )
    missing = sorted(unprinted(found))
    if missing:
        named = ", ".join(f"U+{ord(character):04X}" for character in missing[:_FEW])
        more = f" and {len(missing) - _FEW} more" if len(missing) > _FEW else ""
        yield f"Characters that this print has no letter for stand as boxes: {named}{more}."
    if any(ord(character) in _RIGHT_TO_LEFT for character in found):
        yield "Writing that runs from right to left stands here letter by letter from the left."
