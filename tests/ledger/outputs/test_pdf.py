"""The chronology as PDF, read again by pypdf and drawn by PDFium."""

from __future__ import annotations

import cProfile
import io
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pypdfium2
import pytest
from hypothesis import given, settings
from pypdf import PdfReader
from reportlab.lib.units import mm

from ledger.layout import clean
from ledger.outputs.layout import grouped
from ledger.outputs.pdf import pdf_of
from ledger.outputs.table import Choice, Table
from ledger.outputs.typeset import unprinted
from ledger.progress import nobody
from tests.ledger.outputs.test_docx import HOSTILE
from tests.ledger.outputs.test_table import founding_table


def opened(table: Table) -> PdfReader:
    return PdfReader(io.BytesIO(pdf_of(table, nobody)))


def words(reader: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_has_each_row_of_the_table_and_its_footer() -> None:
    table = founding_table()
    text = words(opened(table)).replace(" ", "")

    for row in table.rows:
        assert grouped(row.ref).replace(" ", "") in text
        assert row.event.replace(" ", "") in text
    for line in table.footer.lines():
        assert line.replace(" ", "") in text


def test_numbers_each_page_with_its_own_number() -> None:
    reader = opened(founding_table())
    for number, page in enumerate(reader.pages, start=1):
        assert f"Page {number} of {len(reader.pages)}" in page.extract_text()
        assert page.mediabox.width > page.mediabox.height
        assert "Positions" in page.extract_text()


def test_says_its_language_title_and_time_and_opens_at_full_size() -> None:
    table = founding_table()
    reader = opened(table)
    root: Any = reader.root_object
    page, fit, *_, zoom = root["/OpenAction"]

    assert "en-GB" == root["/Lang"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert (reader.pages[0].indirect_reference, "/XYZ", 1) == (page, fit, zoom)
    assert reader.metadata is not None
    assert "Chronology, example.org/lgr, as at 2025-11-28" == reader.metadata.title
    assert "D:20251201000000Z" == str(reader.metadata["/CreationDate"])


def test_its_bookmarks_name_their_pages() -> None:
    reader = opened(founding_table())
    outline: Any = reader.outline
    first, inner = outline

    assert "Chronology (page 1)" == first["/Title"]
    assert [f"What this was made from (page {len(reader.pages)})"] == [
        each["/Title"] for each in inner
    ]


def test_gives_the_same_octets_again() -> None:
    table = founding_table(Choice(grades=True))

    assert pdf_of(table, nobody) == pdf_of(table, nobody)


def test_breaks_a_row_that_no_page_can_hold() -> None:
    table = founding_table()
    long = " ".join(f"word{number}" for number in range(3_000))
    row = replace(table.rows[0], event=long, positions=("x" * 9_000,))
    reader = opened(replace(table, rows=(row, table.rows[1])))
    text = words(reader)

    assert len(reader.pages) > 5
    assert all(f"word{number}" in text for number in range(3_000))
    assert table.rows[1].event.split(":")[0].replace(" ", "") in text.replace(" ", "")


def test_breaks_a_row_of_more_lines_than_a_page_holds() -> None:
    table = founding_table()
    positions = tuple(f"position{number}" for number in range(200))
    text = words(opened(replace(table, rows=(replace(table.rows[0], positions=positions),))))

    assert all(position in text for position in positions)


def test_a_text_of_twice_the_pages_is_about_twice_the_work() -> None:
    table = founding_table()

    def calls(words: int) -> int:
        row = replace(table.rows[0], positions=("word " * words,))
        profile = cProfile.Profile()
        profile.runcall(pdf_of, replace(table, rows=(row,)), nobody)
        return sum(entry.callcount for entry in profile.getstats())

    calls(1)  # reads the fonts
    assert calls(16_000) < 2.3 * calls(8_000)


@pytest.mark.parametrize(
    "text",
    ["Cyngor Sir Gŵyr, Tŷ'r Môr", "Rada Miasta Łódź", "Δήμος Αθηναίων", "Городской совет"],
)
def test_prints_what_parties_call_themselves(text: str) -> None:
    table = founding_table()
    row = replace(table.rows[0], event=text)

    assert not unprinted(text)
    assert text in words(opened(replace(table, rows=(row,))))


def test_says_what_it_has_no_letter_for() -> None:
    table = founding_table()
    row = replace(table.rows[0], event="\u6771\u4eac")
    text = words(opened(replace(table, rows=(row,))))

    assert "stand as boxes: U+4EAC, U+6771." in text
    assert "stand as boxes" not in words(opened(table))


@settings(max_examples=15, deadline=None)
@given(text=HOSTILE)
def test_no_text_breaks_it(text: str) -> None:
    table = founding_table()
    row = replace(table.rows[0], event=clean(text), positions=(clean(text),))

    assert "Page 1 of" in words(opened(replace(table, rows=(row,))))


@pytest.mark.parametrize(
    "word", ["a" * 150, f"https://example.org/{'a' * 150}", "a-" * 90, "W/" * 90]
)
def test_no_word_leaves_its_column(word: str) -> None:
    table = founding_table()
    row = replace(table.rows[0], event=f"see {word}", positions=(f"({word})",), notes=())
    page = pypdfium2.PdfDocument(pdf_of(replace(table, rows=(row,)), nobody))[0]
    found = page.get_textpage()
    text = found.get_text_range()
    of_row = range(text.index("see\r\n"), text.index("What this was made from"))
    boxes = [found.get_charbox(index) for index in of_row if not text[index].isspace()]
    edges = [15 + width for width in accumulate((11, 34, 66, 41, 36, 22, 33, 24), initial=0)]

    assert len(boxes) > 2 * len(word)
    for left, _, right, _ in boxes:
        column = max(edge for edge in edges if edge * mm <= left)
        assert right <= edges[edges.index(column) + 1] * mm
