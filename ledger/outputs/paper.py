"""Pages: what every PDF of ours is set with. Lines, tables over many pages, numbers, links.

Each page is numbered from 1 with the number that PDF gives it.

Positions are in points (1/72 inch) from the lower left corner, as PDF has them. Needs the extra
`outputs`.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import pikepdf
from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.textobject import PDFTextObject

from ledger.outputs.layout import Grid, Line
from ledger.outputs.typeset import STYLES, Lines, Link, broken, load_fonts
from ledger.progress import Steps, Tell

__all__ = [
    "LANDSCAPE",
    "MARGIN",
    "PORTRAIT",
    "Book",
    "Heading",
    "Name",
    "Plan",
    "Size",
    "finished",
    "set_grid",
    "set_lines",
    "settle",
]


class Size(NamedTuple):
    """A page's width and height, in points."""

    width: float
    height: float


class Name(NamedTuple):
    """What a PDF says of itself: its title, author and subject."""

    title: str
    author: str
    subject: str


PORTRAIT: Final = Size(210 * mm, 297 * mm)
LANDSCAPE: Final = Size(297 * mm, 210 * mm)
MARGIN: Final = 15 * mm

_PADDING: Final = 3.0
_INK, _LINE, _SHADE, _BLUE = map(HexColor, ("#000000", "#9AA5AC", "#E7ECEF", "#1A4480"))
_FOOT: Final = 8 * mm  # of the line with the page's number, above the lower edge
_ABOVE: Final = 12.0  # of what a bookmark leads to, still to be seen
_PASSES: Final = 20
_MOST_OUTLINE: Final = 120  # characters of a bookmark


# Pages


class Heading(NamedTuple):
    """A place that bookmarks and links lead to.

    Attributes:
        key: Its anchor.
        title: Its name in the bookmarks, to which the page's number is added.
        level: How deep it lies in them, from 0.
    """

    key: str
    title: str
    level: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What must be known of the whole before a page can be set.

    Attributes:
        total: How many pages there are.
        pages: The page of each anchor.
    """

    total: int
    pages: Mapping[str, int]


class Book:
    """A PDF that grows from its first page to its last."""

    def __init__(self, name: Name, plan: Plan, parts: Steps, *, measures: bool = False) -> None:
        """Begin with no page.

        Args:
            name: What the PDF says of itself.
            plan: What it will have been when it is done, as far as that is known.
            parts: Counts each row of a table, and each document, once it is set.
            measures: Draw neither text nor boxes: only the plan is wanted.
        """
        self.parts = parts
        self._measures = measures
        self.plan = plan
        self.number = 0
        self.size = LANDSCAPE
        self.top = 0.0
        self._name = name
        self._foot = ""
        self._pages: dict[str, int] = {}
        self._data = io.BytesIO()
        load_fonts()
        # What is written last compresses all.
        self._canvas = Canvas(
            self._data, pagesize=LANDSCAPE, invariant=1, lang="en-GB", pageCompression=0
        )
        self._canvas.setTitle(name.title)
        self._canvas.setAuthor(name.author)
        self._canvas.setSubject(name.subject)
        self._canvas.setCreator("Counterfoil")
        self._canvas.showOutline()

    @property
    def floor(self) -> float:
        """How low text may come on a page."""
        return MARGIN + 2 * mm

    @property
    def room(self) -> float:
        """How much height is left on the page."""
        return self.top - self.floor

    @property
    def width(self) -> float:
        """The width between the margins."""
        return self.size.width - 2 * MARGIN

    def open_page(self, size: Size, *, foot: str | None = None) -> None:
        """Begin the next page.

        Args:
            size: Its size.
            foot: What stands beside its number; None for the PDF's title.
        """
        if self.number:
            self._end_page()
        self.number += 1
        self.size, self.top = size, size.height - MARGIN
        self._foot = self._name.title if foot is None else foot
        self._canvas.setPageSize(size)
        self._canvas.setFillColor(_INK)
        self._canvas.setStrokeColor(_LINE)
        self._canvas.setLineWidth(0.4)

    def _end_page(self) -> None:
        """Number the page: last, since what is read out is read in the order of drawing."""
        if self._measures:
            return
        words = f"Page {self.number} of {self.plan.total}"
        left = self.width - MARGIN - pdfmetrics.stringWidth(words, "DejaVuBold", 9)
        beside = broken(self._foot, STYLES["small"], left)
        self.place(beside, x=MARGIN, y=max(_FOOT - 1 + min(0, 8 - beside.height) / 2, 2))
        self._canvas.setFont("DejaVuBold", 9)
        self._canvas.drawRightString(self.size.width - MARGIN, _FOOT, words)
        self._canvas.showPage()

    def mark(self, heading: Heading) -> None:
        """Let bookmarks and links lead to where the page has come to."""
        self._pages[heading.key] = self.number
        if self._measures:
            return
        self._canvas.bookmarkPage(
            heading.key, fit="XYZ", left=0, top=min(self.top + 12, self.size.height)
        )
        title = " ".join(heading.title.split())
        if len(title) > _MOST_OUTLINE:
            title = f"{title[: _MOST_OUTLINE - 1]}…"
        self._canvas.addOutlineEntry(f"{title} (page {self.number})", heading.key, heading.level)

    def place(self, lines: Lines, *, x: float, y: float) -> None:
        """Draw lines, the lower left corner of the last at (x, y)."""
        if self._measures:
            return
        font, size, leading, _ = lines.style
        text = self._canvas.beginText(x, y + lines.height - size)
        text.setFont(font, size, leading)
        *before, last = lines.lines
        for line in before:
            text.textLine(line)
        if lines.link is None:
            text.textLine(last)
        else:
            self._place_linked(text, last, lines.link, area=(y, y + leading))
        self._canvas.drawText(text)

    def _place_linked(
        self, text: PDFTextObject, line: str, link: Link, *, area: tuple[float, float]
    ) -> None:
        head, found, tail = line.rpartition(link.text)
        text.textOut(head)
        left = text.getX()
        text.setFillColor(_BLUE)
        text.textOut(found)
        text.setFillColor(_INK)
        bottom, top = area
        self._canvas.linkRect("", link.to, (left, bottom, text.getX(), top), thickness=0)
        text.textOut(tail)

    def box(self, *, x: float, y: float, width: float, height: float, shade: bool) -> None:
        """Draw a box, with its lower left corner at (x, y)."""
        if self._measures:
            return
        if shade:
            self._canvas.setFillColor(_SHADE)
        self._canvas.rect(x, y, width, height, stroke=1, fill=int(shade))
        if shade:
            self._canvas.setFillColor(_INK)

    def rule(self) -> None:
        """Draw a line across the page, with room around it."""
        self.top -= _ABOVE / 2
        if not self._measures:
            self._canvas.line(MARGIN, self.top, self.size.width - MARGIN, self.top)
        self.top -= _ABOVE / 2

    def close(self) -> tuple[bytes, Plan]:
        """Return the PDF, or nothing of one that was only measured, and what there is in it."""
        self._end_page()
        if not self._measures:
            self._canvas.save()
        return self._data.getvalue(), Plan(self.number, self._pages)


def settle(name: Name, draw: Callable[[Book], None], parts: int, tell: Tell) -> tuple[bytes, Plan]:
    """Set a PDF anew until every number in it is right.

    A page's number and the pages that are named on it are known only when all is set; to set them
    can only move what comes later. The first setting only measures, and takes numbers that are
    wide, so that the second rarely moves anything.

    Args:
        name: What the PDF says of itself.
        draw: Sets all pages.
        parts: How many rows and documents it sets.
        tell: Gives whom to tell how many are set, each time anew.

    Returns:
        The PDF, and on which pages what is.
    """
    plan = Plan(9999, {})
    for number in range(_PASSES):
        steps = Steps(tell("Setting part" if number else "Measuring part"), parts)
        book = Book(name, plan, steps, measures=not number)
        draw(book)
        data, found = book.close()
        if found == plan:
            return data, found
        plan = found
    raise AssertionError("the numbers of pages do not settle")


def finished(
    data: bytes, at: dt.datetime, change: Callable[[pikepdf.Pdf], None] = lambda _: None
) -> bytes:
    """Return a PDF that opens on its first page at 100%, shows its title, and runs nothing.

    Args:
        data: The PDF.
        at: When it says that it was made, in UTC.
        change: What else to do with it.
    """
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        change(pdf)
        first = pdf.pages[0]
        top = first.mediabox[3]
        pdf.Root.OpenAction = pikepdf.Array([first.obj, pikepdf.Name.XYZ, 0, top, 1])
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        made = f"D:{at:%Y%m%d%H%M%S}Z"
        pdf.docinfo.CreationDate = pdf.docinfo.ModDate = pikepdf.String(made)
        pdf.save(written, deterministic_id=True)
    return written.getvalue()


# Text over many pages


def set_lines(book: Book, lines: Iterable[str], style: str, *, turn: Callable[[], None]) -> None:
    """Set paragraphs one below the other.

    Args:
        book: Where.
        lines: Their texts.
        style: Their style.
        turn: Begins a further page.
    """
    how = STYLES[style]
    for text in lines:
        rest: Lines | None = broken(text, how, book.width)
        while rest is not None:
            taken, rest = rest.cut(book.room)
            if taken is not None:
                book.top -= taken.height
                book.place(taken, x=MARGIN, y=book.top)
            if rest is not None:
                turn()
        book.top -= how.after


# Tables over many pages


class _Cell:
    """What is still to be set of a cell."""

    __slots__ = ("_parts", "width")

    def __init__(self, parts: Iterable[Lines], width: float) -> None:
        self.width = width
        self._parts = list(parts)

    @property
    def height(self) -> float:
        return sum(part.height for part in self._parts) + 2 * _PADDING

    def take(self, room: float) -> list[Lines]:
        """Take off what has room."""
        taken: list[Lines] = []
        while self._parts:
            fits, rest = self._parts[0].cut(room)
            self._parts[:1] = [] if rest is None else [rest]
            if fits is not None:
                taken.append(fits)
                room -= fits.height
            if rest is not None:
                break
        return taken


def set_grid(
    book: Book, grid: Grid, *, turn: Callable[[], None], anchor: Callable[[str], str | None]
) -> None:
    """Set a table, its head again on each page. A row is broken only if no page can hold it.

    Args:
        book: Where.
        grid: The table.
        turn: Begins a further page.
        anchor: Gives the anchor of the document with a SHA-256; None where it is not in the PDF.
    """
    widths = [column.width_mm * mm for column in grid.columns]
    head = [[Line(column.head, "strong")] for column in grid.columns]

    def begin() -> float:
        turn()
        _set_row(book, _cells(book, head, widths, anchor), shade=True)
        return book.room

    if book.room < _LEAST_ROOM:
        turn()
    _set_row(book, _cells(book, head, widths, anchor), shade=True)
    for row in grid.rows:
        cells = _cells(book, row, widths, anchor)
        height = max(cell.height for cell in cells)
        if height > book.room:
            room = begin()
            while height > room:
                _set_row(book, cells, shade=False)
                height = max(cell.height for cell in cells)
                room = begin()
        _set_row(book, cells, shade=False)
        book.parts.step()


_LEAST_ROOM: Final = 30 * mm  # below a heading


def _cells(
    book: Book,
    row: Iterable[Iterable[Line]],
    widths: Sequence[float],
    anchor: Callable[[str], str | None],
) -> list[_Cell]:
    return [
        _Cell((_broken(book, line, width - 2 * _PADDING, anchor) for line in lines), width)
        for lines, width in zip(row, widths, strict=True)
    ]


def _broken(book: Book, line: Line, width: float, anchor: Callable[[str], str | None]) -> Lines:
    to = None if line.to is None else anchor(line.to)
    if to is None:
        return broken(line.text, STYLES[line.style], width)
    page = f"page\N{NO-BREAK SPACE}{book.plan.pages.get(to, book.plan.total)}"
    text = f"{line.text} [{page}]" if line.text else page
    return broken(text, STYLES[line.style], width, Link(page, to))


def _set_row(book: Book, cells: Sequence[_Cell], *, shade: bool) -> None:
    """Set as much of a row as the page has room for."""
    room = book.room - 2 * _PADDING
    taken = [cell.take(room) for cell in cells]
    height = max(sum(part.height for part in parts) for parts in taken) + 2 * _PADDING
    x, top = MARGIN, book.top
    book.top -= height
    for cell, parts in zip(cells, taken, strict=True):
        book.box(x=x, y=book.top, width=cell.width, height=height, shade=shade)
        y = top - _PADDING
        for part in parts:
            y -= part.height
            book.place(part, x=x + _PADDING, y=y)
        x += cell.width
