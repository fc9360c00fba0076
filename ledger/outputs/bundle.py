"""The bundle for a court: an index, the chronology, and every document behind it, in one PDF.

Made for the General guidance on electronic court bundles of 29 November 2021: numbered from 1 on
its first page with the numbers that PDF gives its pages, each entry of the index a link, a bookmark
for every document, opened at 100%. `ledger.outputs.bundle_lint` checks it.

A PDF and a picture stand whole on their pages, above a strip that says which file it is; text and
mail are set anew; of anything else, and of what cannot be shown safely, a slip sheet says what it
is and why it is not shown. Nothing that was put in runs here, or in the bundle
(`ledger.outputs.foreign`). A bundle holds the documents that its reader may see, and no others.

Needs the extra `outputs`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pikepdf

from ledger.outputs.documents import Document, Shown, Slip, Text, show
from ledger.outputs.foreign import Harmless
from ledger.outputs.layout import Cell, Column, Grid, Line, grouped, made_at
from ledger.outputs.paper import (
    LANDSCAPE,
    PORTRAIT,
    Book,
    Heading,
    Plan,
    Size,
    finished,
    set_grid,
    set_lines,
    settle,
)
from ledger.outputs.pdf import draw_table, name_of
from ledger.outputs.sources import Source
from ledger.outputs.table import Row, Table
from ledger.progress import Tell

__all__ = ["PathOf", "bundle_of", "documents_of"]

PathOf = Callable[[str], Path | None]
"""Gives where the file with a SHA-256 is; None where it is not at hand."""

_STRIP: Final = 40.0  # points, below a page that was put in
_LEAST_WIDTH: Final = 480.0  # in which the strip has room
_GAP: Final = 8.0
_NAME: Final = 60  # characters of a file's name at the foot of a page
_CHRONOLOGY: Final = "chronology"
_INDEX: Final = (
    *(Column("No.", 12), Column("Date", 48), Column("Document", 140), Column("Ref", 45)),
    Column("Page", 22),
)


def bundle_of(table: Table, path_of: PathOf, tell: Tell) -> bytes:
    """Make the bundle of a table.

    Args:
        table: The table; the documents are those that stand behind its rows.
        path_of: Gives where a file is.
        tell: Gives whom to tell how far it is.

    Raises:
        OSError: A file cannot be read, or there is no room for what is made of it.
    """
    with tempfile.TemporaryDirectory(prefix="counterfoil-bundle-") as folder:
        documents, shown = documents_of(table), []
        reading = tell("Reading document")
        for each in documents:
            shown.append(show(each, path_of(each.sha256), Path(folder) / f"{each.no}.pdf"))
            reading(each.no, len(documents))
        bundle = _Bundle(table, tuple(shown))
        name = name_of(table, "Bundle of documents")
        data, plan = settle(name, bundle.draw, bundle.parts, tell)
        return finished(data, made_at(table), lambda pdf: bundle.put_in(pdf, plan))


def documents_of(table: Table) -> tuple[Document, ...]:
    """List the files behind the rows of a table, each once, in the order of the rows.

    Several events may hold a file. It is named as by the first that was recorded: whoever records
    it again, with whatever date, name or media type, takes no document from the bundle.
    """
    rows: dict[str, Row] = {}
    named: dict[str, list[Source]] = {}
    for row in table.rows:
        for source in row.sources:
            if source.sha256 is not None:
                rows.setdefault(source.sha256, row)
                named.setdefault(source.sha256, []).append(source)
    found = []
    for no, (sha256, row) in enumerate(rows.items(), start=1):
        first, *more = sorted(named[sha256], key=lambda source: source.seq)
        found.append(
            Document(
                no=no,
                name=first.name,
                sha256=sha256,
                media_type=first.media_type or "",
                other_types=tuple(dict.fromkeys(source.media_type or "" for source in more)),
                size=first.size or 0,
                seq=first.seq,
                ref=first.ref,
                date=_date_words(row),
                what=row.event,
            )
        )
    return tuple(found)


def _date_words(row: Row) -> str:
    return "undated" if row.date is None else row.date.text


@dataclass(frozen=True, slots=True)
class _Bundle:
    """The bundle of a table, with all its documents read."""

    table: Table
    shown: tuple[Shown, ...]

    @property
    def parts(self) -> int:
        """How many rows its tables have, and how many documents it has."""
        index = 1 + len(self.shown)
        return index + len(self.table.rows) + len(self.table.due) + len(self.shown)

    def draw(self, book: Book) -> None:
        """Set all pages: of what was put in, the strip."""
        self._draw_index(book)
        anchors = {each.document.sha256: _anchor(each.document) for each in self.shown}
        draw_table(book, self.table, anchor=anchors.get)
        for each in self.shown:
            match each.content:
                case Harmless():
                    _draw_strips(book, each.document, each.content)
                case Text():
                    _draw_text(book, each.document, each.content)
                case Slip():
                    _draw_slip(book, each.document, each.content)
            book.parts.step()

    def _draw_index(self, book: Book) -> None:
        def turn() -> None:
            book.open_page(LANDSCAPE)

        footer = self.table.footer
        turn()
        book.mark(Heading("index", "Index"))
        set_lines(book, ["Index"], "title", turn=turn)
        words = f"Bundle of documents, ledger {footer.origin}, as at {footer.as_at.isoformat()}"
        set_lines(book, [words], "subtitle", turn=turn)
        anchors = {each.document.sha256: _anchor(each.document) for each in self.shown}
        anchors[_CHRONOLOGY] = _CHRONOLOGY
        grid = Grid(
            title="Index",
            what="Every part of the bundle with its page",
            columns=_INDEX,
            rows=tuple(self._index_rows()),
        )
        set_grid(book, grid, turn=turn, anchor=anchors.get)
        if not self.shown:
            book.top -= _GAP
            words = "No document stands behind the rows of the chronology as a file."
            set_lines(book, [words], "legend", turn=turn)

    def _index_rows(self) -> Iterator[tuple[Cell, ...]]:
        as_at = f"as at {self.table.footer.as_at.isoformat()}"
        yield (
            (Line(""),),
            (Line(as_at),),
            (Line(self.table.footer.what, "strong"),),
            (Line(""),),
            (Line("", "plain", _CHRONOLOGY),),
        )
        for each in self.shown:
            document = each.document
            yield (
                (Line(str(document.no)),),
                (Line(document.date),),
                (
                    Line(document.name, "strong"),
                    Line(document.what, "small"),
                    *(Line(f"Not shown: {reason}", "small") for reason in each.reasons),
                ),
                (Line(f"entry {document.seq}"), Line(grouped(document.ref), "small")),
                (Line("", "plain", document.sha256),),
            )

    def put_in(self, pdf: pikepdf.Pdf, plan: Plan) -> None:
        """Put the pages of documents above the strips that wait for them."""
        for each in self.shown:
            if isinstance(each.content, Harmless):
                _put_in(pdf, plan.pages[_anchor(each.document)] - 1, each)


def _anchor(document: Document) -> str:
    return f"document-{document.no}"


# Pages that were put in


def _strip_size(width: float, height: float) -> Size:
    return Size(max(width, _LEAST_WIDTH), height + _STRIP)


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= _NAME else f"{line[: _NAME - 1]}…"


def _draw_strips(book: Book, document: Document, content: Harmless) -> None:
    for number, (width, height) in enumerate(content.pages, start=1):
        lines = (
            f"{document.no}. {_short(document.name)}, page {number} of {len(content.pages)}",
            f"SHA-256 {document.sha256}",
            f"entry {document.seq}, event {document.ref}",
        )
        book.open_page(_strip_size(width, height), foot="\n".join(lines))
        if number == 1:
            book.mark(Heading(_anchor(document), f"{document.no}. {document.name}"))


def _put_in(pdf: pikepdf.Pdf, first: int, shown: Shown) -> None:
    with pikepdf.open(shown.path) as foreign:
        for number, page in enumerate(foreign.pages, start=first):
            _, _, width, height = (float(each) for each in page.mediabox)
            drawing = pdf.copy_foreign(foreign.make_indirect(page.as_form_xobject()))
            place = pdf.pages[number]
            left = (float(place.mediabox[2]) - width) / 2
            name = place.add_resource(drawing, pikepdf.Name.XObject, pikepdf.Name.PutIn)
            rect = pikepdf.Rectangle(left, _STRIP, left + width, _STRIP + height)
            place.contents_add(place.calc_form_xobject_placement(drawing, name, rect), prepend=True)


# Pages of text


def _facts(document: Document) -> list[str]:
    return [
        f"{document.date}. {document.what}",
        f"{document.name} ({document.media_type}, {document.size} octets)",
        f"SHA-256 {document.sha256}",
        f"Entry {document.seq}, event {document.ref}",
    ]


def _begin(book: Book, document: Document) -> Callable[[], None]:
    def turn() -> None:
        foot = f"{document.no}. {_short(document.name)}, entry {document.seq}"
        book.open_page(PORTRAIT, foot=foot)

    turn()
    book.mark(Heading(_anchor(document), f"{document.no}. {document.name}"))
    set_lines(book, [f"{document.no}. {document.name}"], "heading", turn=turn)
    set_lines(book, _facts(document), "legend", turn=turn)
    book.rule()
    return turn


def _draw_text(book: Book, document: Document, content: Text) -> None:
    turn = _begin(book, document)
    if content.notes:
        set_lines(book, content.notes, "legend", turn=turn)
        book.rule()
    if content.head:
        set_lines(book, content.head, "text", turn=turn)
        book.rule()
    set_lines(book, content.lines, content.style, turn=turn)


def _draw_slip(book: Book, document: Document, content: Slip) -> None:
    turn = _begin(book, document)
    set_lines(book, ["This file is not shown here."], "heading", turn=turn)
    set_lines(book, [f"Why: {content.reason}."], "text", turn=turn)
    words = "Whoever holds it can check that it is the file that was recorded by its SHA-256."
    set_lines(book, [words], "text", turn=turn)
