"""The chronology in Word, opened again by python-docx and, where it is here, by LibreOffice."""

from __future__ import annotations

import datetime as dt
import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from ledger.layout import clean
from ledger.outputs.docx import docx_of
from ledger.outputs.table import Choice, Table
from ledger.progress import nobody
from tests.ledger.outputs.test_table import founding_table

HOSTILE = st.text(
    st.characters() | st.sampled_from("\x00\x0b\x1b\u202e\u200b\ufffe\ud800\r\n\t&<>]\u0e33"),
    max_size=200,
)


def opened(table: Table) -> Any:  # noqa: ANN401 (python-docx hides the class of documents)
    return Document(io.BytesIO(docx_of(table, nobody)))


def test_a_date_says_what_it_is_the_date_of() -> None:
    table = founding_table()
    cells = {cell.text for row in opened(table).tables[0].rows for cell in row.cells}
    roles = {row.date.role for row in table.rows if row.date is not None}

    assert {"received", "sent"} <= roles
    assert any(text.endswith("\nreceived; stated") for text in cells)
    assert any("\nsent; " in text for text in cells)


def test_has_each_row_of_the_table_under_a_head_that_repeats() -> None:
    table = founding_table()
    grid = opened(table).tables[0]
    cells = [[cell.text for cell in row.cells] for row in grid.rows]

    assert ["No.", "Date", "Event", "From → To", "Source", "Status", "Positions", "Ref"] == cells[0]
    assert len(table.rows) + 1 == len(cells)
    for row, found in zip(table.rows, cells[1:], strict=True):
        assert str(row.no) == found[0].rstrip("†")
        assert row.event in found[2]
        assert row.from_to.strip() == found[3]
        assert row.status_text == found[5]
        assert row.ref == "".join(found[7].split("\n")[1].split())
    head = grid.rows[0]._tr.trPr
    assert head.find(qn("w:tblHeader")) is not None
    assert "1" == grid._tbl.tblPr.find(qn("w:tblLook")).get(qn("w:firstRow"))


def test_says_how_a_row_is_proven_only_where_asked() -> None:
    heads = [
        [cell.text for cell in opened(founding_table(Choice(grades=asked))).tables[0].rows[0].cells]
        for asked in (False, True)
    ]

    assert "Proof" not in heads[0]
    assert "Proof" == heads[1][7]


def test_begins_with_its_name_and_ends_with_the_footer() -> None:
    table = founding_table(Choice(variant="agreed"))
    paragraphs = [paragraph.text for paragraph in opened(table).paragraphs]

    assert "Agreed chronology" == paragraphs[0]
    assert list(table.footer.lines()) == paragraphs[-len(table.footer.lines()) :]


def test_is_landscape_english_and_of_no_time_but_the_ledgers() -> None:
    table = founding_table()
    word = opened(table)
    section, core = word.sections[0], word.core_properties

    assert section.page_width > section.page_height
    assert {"en-GB"} == {
        language.get(qn("w:val")) for language in word.styles.element.iter(qn("w:lang"))
    }
    last = dt.datetime.fromtimestamp(max(row.recorded_ms for row in table.rows) // 1000, dt.UTC)
    assert last == core.created == core.modified
    assert "Chronology of example.org/lgr" == core.title
    fields = re.findall(r'w:instr="(\w+)"', section.footer._element.xml)
    assert ["PAGE", "NUMPAGES"] == fields


def test_gives_the_same_octets_again_with_no_time_of_day() -> None:
    table = founding_table()
    data = docx_of(table, nobody)

    assert data == docx_of(table, nobody)
    parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert {(1980, 1, 1, 0, 0, 0)} == {part.date_time for part in parts}
    assert "docProps/thumbnail.jpeg" not in {part.filename for part in parts}


def test_a_clock_beyond_the_calendar_ends_with_it() -> None:
    table = founding_table()
    late = replace(table.rows[0], recorded_ms=2**53 - 1)

    assert 9999 == opened(replace(table, rows=(late,))).core_properties.created.year


def test_an_empty_table_is_a_document() -> None:
    word = opened(replace(founding_table(), rows=()))

    assert 1 == len(word.tables[0].rows)
    assert 1970 == word.core_properties.created.year


def test_a_long_name_of_a_ledger_is_cut_where_word_allows_no_more() -> None:
    table = founding_table()
    long = replace(table, rows=(), footer=replace(table.footer, origin="x" * 300))

    assert 255 == len(opened(long).core_properties.title)


@settings(max_examples=15, deadline=None)
@given(text=HOSTILE)
def test_no_text_breaks_it(text: str) -> None:
    table = founding_table()
    row = replace(table.rows[0], event=clean(text), positions=(clean(text),))
    found = opened(replace(table, rows=(row,))).tables[0].rows[1].cells[2].text

    assert found.startswith(clean(text))


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not here")
def test_libreoffice_lays_it_out(tmp_path: Path) -> None:
    table = founding_table()
    (tmp_path / "chronology.docx").write_bytes(docx_of(table, nobody))
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless"]
    subprocess.run(
        [*command, "--convert-to", "pdf", "--outdir", tmp_path, tmp_path / "chronology.docx"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    pages = PdfReader(tmp_path / "chronology.pdf").pages

    assert f"Page 1 of {len(pages)}" in pages[0].extract_text()
    assert "Positions" in pages[len(pages) // 2].extract_text()
    assert table.footer.root in pages[-1].extract_text()
