"""CSV in our columns and for Opus 2, CaseMap and Chronolator, read back by others."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.outputs.csv_cells import csv_bytes, defused
from ledger.outputs.csv_imports import (
    CASEMAP,
    CHRONOLATOR,
    OPUS2,
    about,
    casemap,
    chronolator,
    chronolator_about,
    opus2,
    undated,
)
from ledger.outputs.csv_table import COLUMNS, csv_table
from ledger.outputs.table import Choice, Table
from tests.ledger.founding import INVITATION, LETTER, MEETING, OTHERS, position
from tests.ledger.outputs.hostile import TEXTS, every_date, hostile_table
from tests.ledger.outputs.test_table import case_table, founding_table

WRITERS = (csv_table, opus2, casemap, chronolator, undated)


def cells(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


def dicts(data: bytes) -> list[dict[str, str]]:
    head, *rows = cells(data)
    return [dict(zip(head, row, strict=True)) for row in rows]


def may_run(cell: str) -> bool:
    """Tell whether a spreadsheet may run a cell: by Unicode's own account of its first sign."""
    if cell[:1] in {"\t", "\r", "\n"}:
        return True
    return unicodedata.normalize("NFKC", cell.lstrip()[:1]) in {"=", "+", "-", "@", "\u2212"}


def undone(cell: str) -> str:
    """Undo what the README says was done to a cell."""
    run = r"'['\s]*[=+\-@\t\r\n\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]"
    return cell[1:] if re.match(run, cell) else cell


@given(st.text(st.characters(codec="utf-8")) | TEXTS)
def test_no_cell_begins_as_a_formula_and_a_reader_can_undo_it(text: str) -> None:
    assert not may_run(defused(text))
    assert text == undone(defused(text))


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=3).map(tuple), max_size=4))
def test_another_reader_finds_the_same_cells(rows: list[tuple[str, ...]]) -> None:
    found = cells(csv_bytes(rows))

    assert [list(map(defused, row)) for row in rows] == found


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_hostile_texts_stay_in_their_cells(texts: list[str]) -> None:
    table = hostile_table(texts)
    for write in WRITERS:
        head, *rows = cells(write(table))
        assert {len(head)} >= {len(row) for row in rows}
        assert not any(may_run(cell) for row in rows for cell in row)


def test_has_the_columns_of_the_domain_in_their_order() -> None:
    head, *_ = cells(csv_table(founding_table()))

    assert (
        "ref,seq,kind,date_phrase,date_edtf,date_earliest,date_latest,date_basis,time_start,"
        "time_end,tz,from,to,cc,on_behalf_of,title,description,items,source_doc,source_locator,"
        "source_sha256,status,positions,proof_grade,asserted_by,asserted_at,recorded_at,event_hash"
    ) == ",".join(head)
    assert list(COLUMNS) == head


def test_every_line_ends_as_rfc_4180_says_and_there_is_no_mark_in_front() -> None:
    data = csv_table(founding_table())

    assert data.endswith(b"\r\n")
    assert data.startswith(b'"ref",')
    assert len(founding_table().rows) + len(founding_table().footer.lines()) + 1 == len(cells(data))


def test_ends_with_the_footer() -> None:
    table = founding_table()
    rows = dicts(csv_table(table))
    footer = [row["description"] for row in rows if row["kind"] == "footer"]

    assert list(table.footer.lines()) == footer
    assert "footer" == rows[-1]["kind"]


def test_says_how_well_a_row_is_proven_only_when_asked() -> None:
    assert {""} == {row["proof_grade"] for row in dicts(csv_table(founding_table()))}
    graded = dicts(csv_table(founding_table(Choice(grades=True))))[0]["proof_grade"]

    assert "that it happened: Asserted" in graded


def test_the_early_july_row_in_each_notation() -> None:
    table = founding_table()
    (row,) = (row for row in table.rows if row.seq == 41)
    ours = next(each for each in dicts(csv_table(table)) if each["event_hash"] == row.ref)
    mark = f"[entry 41, {row.ref[:16]}]"

    assert ("early July", "2025-07-01", "2025-07-10", "convention") == (
        ours["date_phrase"],
        ours["date_earliest"],
        ours["date_latest"],
        ours["date_basis"],
    )
    found = next(each for each in dicts(casemap(table)) if mark in each["Fact Text"])
    assert "07/??/2025" == found["Date & Time"]
    found = next(each for each in dicts(opus2(table)) if mark in each["Description"])
    assert ("Range", "01/07/2025 - 10/07/2025") == (found["Date Modifier"], found["Date"])
    found = next(each for each in dicts(chronolator(table)) if mark in each["Event"])
    assert ("? 1 July 2025", "") == (found["Start Date"], found["End Date"])


def column(write: Callable[[Table], bytes], name: str) -> dict[str, str]:
    """Return a column of the table with every date, by the date as it was written."""
    table = every_date()
    data = {row.ref[:16]: "undated" if row.date is None else row.date.edtf for row in table.rows}
    found = {}
    for each in dicts(write(table)):
        text = "".join(each.values())
        (ref,) = (ref for ref in data if ref in text)
        found[data[ref]] = each[name]
    return found


def test_casemap_dates() -> None:
    assert {
        "2025-03-06": "03/06/2025",
        "2025-03-06T16:05:00+01:00": "03/06/2025 16:05",
        "[2025-07-01..2025-07-10]": "07/??/2025",
        "2025": "??/??/2025",
        "2025-06": "06/??/2025",
        "[..2025-04-08]": "<04/09/2025",
        "[2025-04-08..]": ">04/07/2025",
        "2025-07-01/2025-09-30": "07/01/2025 - 09/30/2025",
        "2025-07/..": ">06/30/2025",
        "2025-03-06~": "~03/06/2025",
        "1650-01-01": "01/01/1650",
        "0001-01-01": "01/01/0001",
        "9999-12-31": "12/31/9999",
        "[2024-12-30..2025-01-02]": "",
        "../2025-03-01": "<03/02/2025",
        "undated": "",
    } == column(casemap, "Date & Time")


def test_opus_2_dates() -> None:
    dates, modifiers = column(opus2, "Date"), column(opus2, "Date Modifier")

    assert ("On", "06/03/2025") == (modifiers["2025-03-06"], dates["2025-03-06"])
    assert ("Before", "09/04/2025") == (modifiers["[..2025-04-08]"], dates["[..2025-04-08]"])
    assert ("After", "07/04/2025") == (modifiers["[2025-04-08..]"], dates["[2025-04-08..]"])
    assert ("", "") == (modifiers["undated"], dates["undated"])
    assert {"On", "Before", "After", "Range", ""} == set(modifiers.values())
    timed = "2025-03-06T16:05:00+01:00"
    assert "15:05" == column(opus2, "Time")[timed]
    assert "Europe/London" == column(opus2, "Time Zone")[timed]


def test_chronolator_has_one_day_in_a_cell_and_leaves_out_what_has_none() -> None:
    starts, ends = column(chronolator, "Start Date"), column(chronolator, "End Date")
    day = re.compile(r"(\? )?[0-9]{1,2} [A-Z][a-z]+ [0-9]{1,4}")

    assert all(day.fullmatch(cell) for cell in starts.values())
    assert all(day.fullmatch(cell) for cell in ends.values() if cell)
    assert ("1 July 2025", "30 September 2025") == (
        starts["2025-07-01/2025-09-30"],
        ends["2025-07-01/2025-09-30"],
    )
    assert "undated" not in starts
    assert {"undated": "has no date, and Chronolator needs one"} == column(
        undated, "Why it is left out"
    )
    assert b"Left out of this file, which needs a date: 2 rows." in chronolator_about(every_date())


def test_no_field_of_casemap_is_longer_than_it_takes() -> None:
    facts = dicts(casemap(hostile_table(["=" + "y" * 20_000, "z" * 9_999])))

    assert 10_000 == max(len(cell) for row in facts for cell in row.values())
    assert all("[cut; entry " in row["Fact Text"] for row in facts)


def test_nobodys_silence_makes_a_row_undisputed() -> None:
    agreeing = [position(f"agree {party}", party, MEETING, "agree") for party in OTHERS]
    one = position("admit one", "rutland", INVITATION, "admit")
    denial = position("deny one", "rutland", LETTER, "deny")
    table = case_table(*agreeing, one, denial)
    marks = {f"[entry {row.seq}, {row.ref[:16]}]": row.ref for row in table.rows}
    found = {}
    for each in dicts(opus2(table)):
        found[marks[each["Description"].splitlines()[-1]]] = each["Status"]

    assert ("Undisputed", "", "Disputed") == tuple(
        found[draft.id] for draft in (MEETING, INVITATION, LETTER)
    )
    assert {"", "Disputed", "Undisputed"} == set(found.values())
    assert found == dict(
        zip(found, (each["Status"] for each in dicts(casemap(table))), strict=True)
    )


def test_the_columns_of_the_imports() -> None:
    table = founding_table()

    assert list(OPUS2) == cells(opus2(table))[0]
    assert list(CASEMAP) == cells(casemap(table))[0]
    assert list(CHRONOLATOR) == cells(chronolator(table))[0]
    assert b"counterfoil-verify EXPORT --fingerprint " in about(table)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not on this machine")
def test_libreoffice_opens_it_and_runs_nothing(tmp_path: Path) -> None:
    table = every_date()
    (tmp_path / "ours.csv").write_bytes(csv_table(table))
    (tmp_path / "theirs.csv").write_bytes(b"a,b\r\n=1+1,2\r\n")
    # Commas, semicolons and tabs, which its dialogue proposes; double quotes, UTF-8; and evaluate
    # formulas, were there any.
    options = "--infilter=CSV:44/59/9,34,76,1,,0,false,true,false,false,false,-1,true"
    subprocess.run(
        [
            *("soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", options),
            *("--convert-to", "fods", "--outdir", str(tmp_path)),
            *(str(tmp_path / "ours.csv"), str(tmp_path / "theirs.csv")),
        ],
        check=True,
        capture_output=True,
        timeout=200,
    )
    opened = (tmp_path / "ours.fods").read_text()

    assert "table:formula" in (tmp_path / "theirs.fods").read_text()
    assert "table:formula" not in opened
    assert "漢字" in opened
    assert all(row.ref in opened for row in table.rows)
    assert opened.count(f"<text:p>{table.rows[0].status_text}</text:p>") == len(table.rows)
