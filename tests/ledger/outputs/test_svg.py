"""The picture, read as XML: every row is in it as a mark and in words, and nothing that runs."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase.pdfmetrics import stringWidth

from ledger.outputs.svg import lane_of, svg
from ledger.outputs.table import Choice, Table
from tests.ledger.founding import CASE, MEETING, OTHERS, position
from tests.ledger.outputs.hostile import TEXTS, every_date, hostile_table
from tests.ledger.outputs.test_table import case_table, founding_table

NS = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "title", "desc", "rect", "text", "path", "circle", "g"}


def drawn(table: Table) -> ET.Element:
    return ET.fromstring(svg(table))  # noqa: S314 (our own octets)


def words(root: ET.Element) -> str:
    return "".join("".join(each.itertext()) + " " for each in root.iter(f"{NS}text"))


def marks(root: ET.Element) -> list[ET.Element]:
    return list(root.iter(f"{NS}g"))


def holds(text: str, sentence: str) -> bool:
    """Tell whether text holds a sentence, wherever lines were broken."""
    return "".join(sentence.split()) in "".join(text.split())


def test_a_text_that_is_cut_says_so() -> None:
    (row, *_), table = founding_table().rows, founding_table()
    long = replace(row, event="word " * 9_999 + "last.")
    root = drawn(replace(table, rows=(long,)))
    lines = [each.text or "" for each in root.iter(f"{NS}text") if "word" in (each.text or "")]

    assert lines[-1].endswith("word …")
    assert not any(line.endswith("…") for line in lines[:-1])
    assert "last." not in words(root)
    assert "…" not in words(drawn(replace(table, rows=(row,)))).replace(
        f"{table.footer.root[:16]}…", ""
    )


def test_every_row_is_a_mark_with_its_words_and_a_line_of_text() -> None:
    for table in (founding_table(), case_table()):
        root = drawn(table)
        titles = [each.findtext(f"{NS}title") or "" for each in marks(root)]
        below = words(root)

        assert sorted(row.no for row in table.rows) == sorted(
            int(re.match(r"No\. ([0-9]+),", title)[1])  # type: ignore[index]  # else it fails
            for title in titles
        )
        assert all(holds(below, row.event) for row in table.rows)


def test_has_a_title_a_description_and_the_footer() -> None:
    table = founding_table()
    root = drawn(table)

    assert "Chronology, as at 2025-11-28" == root.findtext(f"{NS}title")
    assert "title what" == root.get("aria-labelledby")
    assert "67 numbered events" in (root.findtext(f"{NS}desc") or "")
    assert all(holds(words(root), line) for line in table.footer.lines())


def test_shapes_tell_what_is_known_of_a_day() -> None:
    root = drawn(every_date())
    by_edtf = {row.no: "" if row.date is None else row.date.edtf for row in every_date().rows}
    shapes = {}
    for mark in marks(root):
        number = int((mark.findtext(f"{NS}title") or "").split()[1].rstrip(","))
        first = next(each for each in mark if each.tag != f"{NS}title")
        shapes[by_edtf[number]] = (first.tag.removeprefix(NS), first.get("stroke-dasharray"))

    assert ("circle", None) == shapes["2025-03-06"]
    assert ("rect", "4 2.5") == shapes["[2025-07-01..2025-07-10]"]
    assert ("rect", "4 2.5") == shapes["2025-03-06~"]
    assert ("rect", None) == shapes["2025-07-01/2025-09-30"]
    assert ("path", None) == shapes["[..2025-04-08]"]


def test_what_is_disputed_or_agreed_is_said_by_a_sign() -> None:
    agreeing = [position(f"agree {party}", party, MEETING, "agree") for party in OTHERS]
    denial = position("deny", "rutland", CASE[1], "deny")
    table = case_table(*agreeing, denial)
    numbers = {each.text for mark in marks(drawn(table)) for each in mark.iter(f"{NS}text")}
    of = {row.ref: row.no for row in table.rows}

    assert f"{of[MEETING.id]} ✓" in numbers
    assert f"{of[CASE[1].id]} ×" in numbers  # noqa: RUF001 (the sign)


def test_a_lane_is_of_who_acted() -> None:
    lanes = {row.seq: lane_of(row) for row in founding_table().rows}

    assert "leicestershire" == lanes[1]  # its host
    assert "several together" == lanes[2]  # eight councils asked
    assert "mhclg" in lanes.values()
    assert "nobody named" in lanes.values()


def test_everything_is_inside_the_picture() -> None:
    for table in (founding_table(), every_date()):
        root = drawn(table)
        height, width = float(root.get("height", "0")), float(root.get("width", "0"))
        for each in root.iter():
            for name in ("x", "cx"):
                assert 0 <= float(each.get(name, "1")) <= width
            for name in ("y", "cy"):
                assert 0 <= float(each.get(name, "1")) <= height


@pytest.mark.parametrize("text", ["W" * 500, "@%mM " * 99, "Ŵœ" * 200, "plain words " * 40])
def test_no_text_runs_into_the_next_column(text: str) -> None:
    root = drawn(hostile_table([text], edtf=["2025-03-06"]))
    ends = {70: 330, 330: 1100, 1100: 1280}
    for each in root.iter(f"{NS}text"):
        x, words = float(each.get("x", "0")), each.text or ""
        if x in ends and each.get("font-weight") is None and set(words) <= set(text):
            breadth = stringWidth(words.replace("Ŵ", "W").replace("œ", "m"), "Helvetica", 12)
            assert x + breadth <= ends[int(x)]


def test_letters_of_unknown_breadth_stay_in_their_cell() -> None:
    # One sign, eleven times as wide as it is high.
    root = drawn(hostile_table(["\ufdfd" * 60], edtf=["2025-03-06"]))
    cells = [each for each in root.iter(f"{NS}svg") if each is not root]
    held = {text for cell in cells for text in cell.iter(f"{NS}text")}

    assert all("hidden" == cell.get("overflow") for cell in cells)
    assert all("none" == cell.get("role") for cell in cells)
    assert held >= {each for each in root.iter(f"{NS}text") if "\ufdfd" in (each.text or "")}
    for cell in cells:
        assert float(cell.get("x", "0")) + float(cell.get("width", "0")) < 1100


def test_what_runs_from_right_to_left_takes_no_number_of_the_date_with_it() -> None:
    root = drawn(hostile_table(["שלום"], edtf=["2025-03-06"]))
    texts = [each.text for each in root.iter(f"{NS}text") if each.get("x") == "70.0"]

    assert ["שלום", "6 March 2025"] == texts[1:3]


def test_draws_a_table_without_rows() -> None:
    root = drawn(founding_table(Choice(variant="agreed")))

    assert [] == marks(root)
    assert "not agreed by every party that it names" in words(root)


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_hostile_texts_are_text(texts: list[str]) -> None:
    table = hostile_table(texts)
    data = svg(table)
    root = ET.fromstring(data)  # noqa: S314 (our own octets)

    assert {f"{NS}{name}" for name in ALLOWED} >= {each.tag for each in root.iter()}
    assert not any(
        "href" in name or name.startswith("on") for e in root.iter() for name in e.attrib
    )
    titles = " ".join(each.findtext(f"{NS}title") or "" for each in marks(root))
    assert all(" ".join(row.event.split()) in titles for row in table.rows)
