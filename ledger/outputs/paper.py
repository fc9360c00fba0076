"""Pages: what every PDF of ours is set with. Fonts, lines, tables over many pages, numbers, links.

The text is set in DejaVu, which is shipped with this package (`fonts/LICENSE`) and embedded, so
that every reader sees the same: Latin with all its accents, Greek, Cyrillic, Armenian, Georgian.
Each page is numbered from 1 with the number that PDF gives it.

Positions are in points (1/72 inch) from the lower left corner, as PDF has them. Needs the extra
`outputs`.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

import pikepdf
from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from ledger.outputs.layout import Grid, Line
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
    "link",
    "set_grid",
    "set_lines",
    "settle",
    "styles",
    "unprinted",
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

_FACES: Final = {
    "DejaVu": "DejaVuSansCondensed.ttf",
    "DejaVuBold": "DejaVuSansCondensed-Bold.ttf",
    "DejaVuMono": "DejaVuSansMono.ttf",
}
_PADDING: Final = 3.0
_INK, _GREY, _LINE, _SHADE, _BLUE = "#000000", "#444444", "#9AA5AC", "#E7ECEF", "#1A4480"
_FOOT: Final = 8 * mm  # of the line with the page's number, above the lower edge
_ABOVE: Final = 12.0  # of what a bookmark leads to, still to be seen
_PASSES: Final = 20
_MOST_OUTLINE: Final = 120  # characters of a bookmark
# Of one paragraph: what is left of it is set anew on each page.
_MOST_OF_ONE: Final = 2000  # characters
_MOST_LINES: Final = 40


# Text


@cache
def _fonts() -> Mapping[str, TTFont]:
    """Read the fonts, once, from this package."""
    folder = resources.files("ledger.outputs") / "fonts"
    fonts = {n: TTFont(n, io.BytesIO((folder / file).read_bytes())) for n, file in _FACES.items()}
    for font in fonts.values():
        pdfmetrics.registerFont(font)
    return fonts


@cache
def styles() -> Mapping[str, ParagraphStyle]:
    """Return the styles by name."""
    _fonts()
    sizes = {
        "title": ("DejaVuBold", 18.0, 23.0, 4.0),
        "subtitle": ("DejaVu", 10.0, 13.0, 8.0),
        "heading": ("DejaVuBold", 12.0, 16.0, 4.0),
        "legend": ("DejaVu", 8.0, 10.5, 2.0),
        "plain": ("DejaVu", 8.0, 10.0, 0.0),
        "strong": ("DejaVuBold", 8.0, 10.0, 0.0),
        "small": ("DejaVu", 6.5, 8.0, 0.0),
        "text": ("DejaVu", 10.0, 13.0, 0.0),
        "mono": ("DejaVuMono", 8.0, 10.0, 0.0),
    }
    return {
        name: ParagraphStyle(
            name,
            fontName=font,
            fontSize=size,
            leading=leading,
            spaceAfter=after,
            splitLongWords=1,
        )
        for name, (font, size, leading, after) in sizes.items()
    }


def link(text: str, to: str) -> str:
    """Mark text up as a link to an anchor of the same PDF."""
    return f'<a href="#{to}" color="{_BLUE}">{escape(text)}</a>'


def unprinted(texts: Iterable[str]) -> frozenset[str]:
    """Return the characters that the font has not, which are printed as empty boxes."""
    drawn = _fonts()["DejaVu"].face.charToGlyph
    return frozenset(c for text in texts for c in set(text) if ord(c) not in drawn and c != "\n")


def _paragraph(text: str, style: str, more: str = "") -> Paragraph:
    marked = escape(text).replace("\n", "<br/>")
    return Paragraph(marked + more, styles()[style])


def _paragraphs(text: str, style: str, more: str = "") -> Iterator[Paragraph]:
    """Yield the paragraphs of a text: one, or several of a long one, cut where a line may end."""
    *before, last = _pieces(text)
    yield from (_paragraph(piece, style) for piece in before)
    yield _paragraph(last, style, more)


def _pieces(text: str) -> Iterator[str]:
    lines = text.split("\n")
    for first in range(0, len(lines), _MOST_LINES):
        piece = "\n".join(lines[first : first + _MOST_LINES])
        start = 0
        while len(piece) - start > _MOST_OF_ONE:
            stop = start + _MOST_OF_ONE
            space = piece.rfind(" ", start + 1, stop)
            yield piece[start : stop if space < 0 else space]
            start = stop if space < 0 else space + 1
        yield piece[start:]


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
        styles()
        self._canvas = Canvas(self._data, pagesize=LANDSCAPE, invariant=1, lang="en-GB")
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

    def _end_page(self) -> None:
        """Number the page: last, since what is read out is read in the order of drawing."""
        words = f"Page {self.number} of {self.plan.total}"
        beside = _paragraph(self._foot, "small")
        left = self.width - MARGIN - pdfmetrics.stringWidth(words, "DejaVuBold", 9)
        _, height = beside.wrap(left, self.size.height)
        beside.drawOn(self._canvas, MARGIN, max(_FOOT - 1 + min(0, 8 - height) / 2, 2))
        self._canvas.setFont("DejaVuBold", 9)
        self._canvas.setFillColor(HexColor(_INK))
        self._canvas.drawRightString(self.size.width - MARGIN, _FOOT, words)
        self._canvas.showPage()

    def mark(self, heading: Heading) -> None:
        """Let bookmarks and links lead to where the page has come to."""
        self._pages[heading.key] = self.number
        self._canvas.bookmarkPage(
            heading.key, fit="XYZ", left=0, top=min(self.top + 12, self.size.height)
        )
        title = " ".join(heading.title.split())
        if len(title) > _MOST_OUTLINE:
            title = f"{title[: _MOST_OUTLINE - 1]}…"
        self._canvas.addOutlineEntry(f"{title} (page {self.number})", heading.key, heading.level)

    def place(self, paragraph: Paragraph, *, x: float, y: float) -> None:
        """Draw a paragraph that has been wrapped, its lower left corner at (x, y)."""
        if self._measures:
            return
        paragraph.drawOn(self._canvas, x, y)

    def box(self, *, x: float, y: float, width: float, height: float, shade: bool) -> None:
        """Draw a box, with its lower left corner at (x, y)."""
        if self._measures:
            return
        self._canvas.setStrokeColor(HexColor(_LINE))
        self._canvas.setFillColor(HexColor(_SHADE))
        self._canvas.setLineWidth(0.4)
        self._canvas.rect(x, y, width, height, stroke=1, fill=int(shade))

    def rule(self) -> None:
        """Draw a line across the page, with room around it."""
        self.top -= _ABOVE / 2
        self._canvas.setStrokeColor(HexColor(_LINE))
        self._canvas.line(MARGIN, self.top, self.size.width - MARGIN, self.top)
        self.top -= _ABOVE / 2

    def close(self) -> tuple[bytes, Plan]:
        """Return the PDF, and what there is in it."""
        self._end_page()
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
    for text in lines:
        rest = list(_paragraphs(text, style))
        while rest:
            paragraph = rest.pop(0)
            _, height = paragraph.wrap(book.width, book.room)
            if height > book.room:
                parts = _split(paragraph, book.width, book.room)
                if not parts:
                    turn()
                    rest.insert(0, paragraph)
                    continue
                paragraph, *left = parts
                rest = left + rest
                _, height = paragraph.wrap(book.width, book.room)
            book.top -= height
            book.place(paragraph, x=MARGIN, y=book.top)
            book.top -= styles()[style].spaceAfter


def _split(paragraph: Paragraph, width: float, room: float) -> list[Paragraph]:
    """Return what of a paragraph has room, and the rest; nothing where not one line has room."""
    parts = [part for part in paragraph.split(width, room) if isinstance(part, Paragraph)]
    if len(parts) > 1:
        return parts
    paragraph.wrap(width, room)  # the library has forgotten the lines of what it did not split
    return []


# Tables over many pages


class _Cell:
    """What is still to be set of a cell: paragraphs, with the height of each."""

    __slots__ = ("_parts", "width")

    def __init__(self, paragraphs: Iterable[Paragraph], width: float) -> None:
        self.width = width - 2 * _PADDING
        self._parts = [(each, each.wrap(self.width, 1e9)[1]) for each in paragraphs]

    @property
    def height(self) -> float:
        return sum(height for _, height in self._parts)

    def take(self, room: float) -> list[tuple[Paragraph, float]]:
        """Take off what has room."""
        taken: list[tuple[Paragraph, float]] = []
        while self._parts:
            paragraph, height = self._parts[0]
            if height <= room:
                taken.append(self._parts.pop(0))
                room -= height
                continue
            if parts := _split(paragraph, self.width, room):
                wrapped = [(each, each.wrap(self.width, 1e9)[1]) for each in parts]
                taken.append(wrapped[0])
                self._parts[:1] = wrapped[1:]
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
    head = [[_paragraph(column.head, "strong")] for column in grid.columns]

    def begin() -> float:
        turn()
        _set_row(book, _cells(head, widths), shade=True)
        return book.room

    if book.room < _LEAST_ROOM:
        turn()
    _set_row(book, _cells(head, widths), shade=True)
    for row in grid.rows:
        cells = _cells((_lines(book, lines, anchor) for lines in row), widths)
        height = max(cell.height for cell in cells) + 2 * _PADDING
        if height > book.room:
            room = begin()
            while height > room:
                _set_row(book, cells, shade=False)
                height = max(cell.height for cell in cells) + 2 * _PADDING
                room = begin()
        _set_row(book, cells, shade=False)
        book.parts.step()


_LEAST_ROOM: Final = 30 * mm  # below a heading


def _cells(contents: Iterable[Iterable[Paragraph]], widths: Sequence[float]) -> list[_Cell]:
    return [_Cell(each, width) for each, width in zip(contents, widths, strict=True)]


def _lines(
    book: Book, lines: Iterable[Line], anchor: Callable[[str], str | None]
) -> Iterator[Paragraph]:
    for line in lines:
        to = None if line.to is None else anchor(line.to)
        more = ""
        if to is not None:
            page = link(f"page {book.plan.pages.get(to, book.plan.total)}", to)
            more = f" [{page}]" if line.text else page
        yield from _paragraphs(line.text, line.style, more)


def _set_row(book: Book, cells: Sequence[_Cell], *, shade: bool) -> None:
    """Set as much of a row as the page has room for."""
    room = book.room - 2 * _PADDING
    taken = [cell.take(room) for cell in cells]
    height = max(sum(high for _, high in parts) for parts in taken) + 2 * _PADDING
    x, top = MARGIN, book.top
    book.top -= height
    for cell, parts in zip(cells, taken, strict=True):
        width = cell.width + 2 * _PADDING
        book.box(x=x, y=book.top, width=width, height=height, shade=shade)
        y = top - _PADDING
        for paragraph, high in parts:
            y -= high
            book.place(paragraph, x=x + _PADDING, y=y)
        x += width
