"""The items of a request as a table of categories by areas, in text and as a picture."""

from __future__ import annotations

import datetime as dt
from functools import cache
from xml.etree import ElementTree as ET

import pytest

from ledger.errors import ExportError
from ledger.folds.matrix import CODES, FLAGS, Matrix, fold_matrix
from ledger.folds.reading import Reading, read
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.plain import to_json
from ledger.texts.matrix import matrix_svg, matrix_text
from tests.ledger.bookmaking import Draft, book_of, dates, nonce, sealed
from tests.ledger.commandline import Desk, part, rows
from tests.ledger.shipped import Shipped, shipped
from verify.kinds import Request, Step

LCC = Telling("leicestershire")
NOW = dt.date(2025, 11, 28)
SVG = "{http://www.w3.org/2000/svg}"


@cache
def founding() -> Reading:
    return read(_shipped().view, as_at=NOW)


@cache
def _shipped() -> Shipped:
    return shipped(["founding"])


def list_of_84(telling: Telling = LCC) -> Matrix:
    return fold_matrix(founding(), _shipped().ids["data-request"], telling=telling)


def asked(*, areas: tuple[str, ...] | None, doubtful: tuple[str, ...] | None = None) -> Draft:
    texts, disclosures = sealed(
        "rutland", "asked", {"item.1": "Roads\n  & bridges", "item.2": "<b>\u202ePay</b>"}
    )
    event = Request(
        author="rutland",
        nonce=nonce("asked"),
        what="data",
        medium="written",
        from_=("rutland",),
        to=("leicestershire",),
        categories=3,
        areas=areas,
        areas_doubtful=doubtful,
        dates=dates(received="2025-04-08"),
        sealed=texts,
    )
    return Draft(event, disclosures)


def step(label: str, of: Draft, verb: str, *items: tuple[int, int], **more: object) -> Draft:
    return Draft(
        Step(
            author="leicestershire",
            nonce=nonce(label),
            of=of.id,
            target="request",
            verb=verb,
            items=items or None,
            dates=dates(occurred="2025-04-20"),
            **more,  # type: ignore[arg-type]  # fields of a step
        )
    )


def made(*drafts: Draft) -> Reading:
    return read(book_of(drafts, members=("rutland",)).view(), as_at=NOW)


def parsed(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 (written here a moment ago)


# What the table says


def test_the_list_has_12_rows_and_8_columns_of_which_one_is_in_doubt() -> None:
    matrix = list_of_84()

    assert (84, 96) == (matrix.certain, matrix.total)
    assert list(range(1, 13)) == [each.number for each in matrix.categories]
    assert ["rutland"] == [area.name for area in matrix.areas if area.doubtful]
    assert 7 == sum(not area.doubtful for area in matrix.areas)
    assert 84 == sum(not cell.doubtful for row in matrix.cells for cell in row)
    assert (("clarified", 84, 96),) == matrix.counts()


def test_items_run_down_the_columns_as_the_specification_numbers_them() -> None:
    cells = list_of_84().cells

    assert list(range(1, 13)) == [row[0].item for row in cells]
    assert [1, 13, 25, 37, 49, 61, 73, 85] == [cell.item for cell in cells[0]]
    assert 96 == cells[-1][-1].item
    assert set(range(1, 97)) == {cell.item for row in cells for cell in row}


@pytest.mark.parametrize("telling", [ESTABLISHED, LCC])
def test_each_cell_says_what_the_request_says_of_that_item(telling: Telling) -> None:
    request = _shipped().ids["data-request"]
    row = next(r for r in fold_requests(founding(), telling=telling).rows if r.id == request)
    said = {i: run.state for run in row.items for i in range(run.first, run.last + 1)}
    for cells in list_of_84(telling).cells:
        for cell in cells:
            assert said.get(cell.item, "claimed") == cell.state


def test_nobody_else_has_signed_the_list_and_so_each_cell_is_only_claimed() -> None:
    matrix = list_of_84(ESTABLISHED)

    assert (("claimed", 84, 96),) == matrix.counts()
    assert {"CL"} == {cell.code for row in matrix.cells for cell in row}


def test_a_step_moves_the_cells_that_it_names_and_no_others() -> None:
    request = asked(areas=("blaby", "melton"), doubtful=("rutland",))
    answer = step("answered", request, "answer", (2, 2), (4, 5), outcome="full")
    public = step("public", request, "answer", (9, 9), outcome="already_public")
    noted = step("noted", request, "acknowledge", (1, 1))
    matrix = fold_matrix(made(request, answer, public, noted), request.id)
    codes = [[cell.code for cell in row] for row in matrix.cells]

    assert [["Aa", "F", "A"], ["F", "F", "A"], ["A", "A", "AP"]] == codes
    assert ("leicestershire",) == matrix.cells[0][0].ball
    assert () == matrix.cells[1][0].ball
    assert (("asked", 3, 5), ("answered", 3, 3), ("already_public", 0, 1)) == matrix.counts()


def test_without_areas_there_is_one_column_and_the_categories_have_their_titles() -> None:
    request = asked(areas=None)
    matrix = fold_matrix(made(request), request.id)

    assert [("", False)] == [(area.name, area.doubtful) for area in matrix.areas]
    titles = ["Roads\n  & bridges", "<b>\u202ePay</b>", None]
    assert titles == [each.title for each in matrix.categories]
    assert "\n  1: Roads & bridges\n  2: <b>" in matrix_text(made(request), [matrix])
    assert 3 == matrix.total


def test_a_party_that_tells_nothing_of_it_has_no_states() -> None:
    request = asked(areas=("blaby",))
    matrix = fold_matrix(made(request), request.id, telling=LCC)

    assert ("elsewhere", {"--"}) == (matrix.standing, {row[0].code for row in matrix.cells})


def test_every_state_and_every_flag_has_a_code_of_its_own() -> None:
    assert len(CODES) == len(set(CODES.values()))
    assert len(FLAGS) == len(set(FLAGS.values()))
    assert all(code.isupper() or code == "--" for code in CODES.values())
    assert all(letter.islower() for letter in FLAGS.values())


def test_the_table_is_plain_and_the_same_each_time() -> None:
    assert to_json(list_of_84()) == to_json(list_of_84())


# The page


def test_the_page_has_a_table_for_each_telling_and_a_legend() -> None:
    text = matrix_text(founding(), [list_of_84(ESTABLISHED), list_of_84()])
    flat = " ".join(text.split())

    assert all(len(line) <= 80 for line in text.split("\n"))
    assert "84 items, or 96 if rutland counts: 12 categories for each of 7 areas" in flat
    assert "Established: 84 only claimed (96 at most)" in flat
    assert "As told by leicestershire: 84 clarified (96 at most)" in flat
    assert "   1   Cp   Cp   Cp   Cp   Cp   Cp   Cp (Cp)" in text.split("\n")
    assert "C: clarified; CL: only claimed" in flat
    assert "p behind it: answered in part, too" in flat
    assert "7: oadby-wigston; (8): rutland" in flat
    assert "counterfoil-verify EXPORT --fingerprint" in flat


def test_a_table_that_is_too_wide_is_cut_into_blocks_of_columns() -> None:
    text = matrix_text(founding(), [list_of_84()], width=40)

    assert all(len(line) <= 40 for line in text.split("\n") if "counterfoil" not in line)
    assert 2 == sum(
        line.split()[1:2] in (["Cp"], ["(Cp)"]) and line.split()[0] == "12"
        for line in text.split("\n")
    )


# The picture


def test_the_picture_says_in_text_what_it_shows() -> None:
    root = parsed(matrix_svg(founding(), [list_of_84(ESTABLISHED), list_of_84()]))
    cells = [each for each in root.iter(f"{SVG}g") if each.get("role") == "cell"]
    words = [each.findtext(f"{SVG}title") for each in cells]

    assert f"{SVG}svg" == root.tag
    assert "en" == root.get("{http://www.w3.org/XML/1998/namespace}lang")
    assert ("group", "title description") == (root.get("role"), root.get("aria-labelledby"))
    assert "Items by category and area, as at 28 November 2025" == root.findtext(f"{SVG}title")
    assert "84 items, or 96 if rutland counts" in str(root.findtext(f"{SVG}desc"))
    assert 2 * 96 == len(cells)
    assert 84 == sum(each.findtext(f"{SVG}text") == "Cp" for each in cells)
    assert 12 == sum(each.findtext(f"{SVG}text") == "(Cp)" for each in cells)
    assert (
        "Item 13, category 1 for charnwood: clarified, answered in part; "
        "next to act: leicestershire" in words
    )
    assert any("in doubt whether it is meant" in str(each) for each in words)


def test_the_picture_is_a_table_to_those_who_listen() -> None:
    root = parsed(matrix_svg(founding(), [list_of_84()]))
    (table,) = (each for each in root.iter(f"{SVG}g") if each.get("role") == "table")
    head, *body = table
    heads = [each.findtext(f"{SVG}title") for each in head]

    assert {"row"} == {row.get("role") for row in table}
    assert ["columnheader"] * 9 == [each.get("role") for each in head]
    assert ["Category", "charnwood"] == [heads[0], heads[2]]
    assert 12 == len(body)
    for number, row in enumerate(body, start=1):
        assert ["rowheader", *["cell"] * 8] == [each.get("role") for each in row]
        assert f"Category {number}" == row[0].findtext(f"{SVG}title")


def test_the_picture_stands_alone_and_runs_nothing() -> None:
    drawn = matrix_svg(founding(), [list_of_84()])

    assert all(word not in drawn for word in ("<script", "href", "url(", "<image", "@import"))
    assert 1 == drawn.count("http")
    assert drawn == matrix_svg(founding(), [list_of_84()])


def test_what_a_party_wrote_cannot_become_part_of_the_picture() -> None:
    request = asked(areas=("blaby",))
    drawn = matrix_svg(made(request), [fold_matrix(made(request), request.id)])

    assert "<b>" not in drawn
    assert "\u202e" not in drawn
    assert "2: &lt;b&gt;\N{REPLACEMENT CHARACTER}Pay&lt;/b&gt;" in drawn
    assert "Roads &amp; bridges" in drawn
    assert f"{SVG}svg" == parsed(drawn).tag


def test_more_items_than_can_be_seen_make_no_picture() -> None:
    matrix = list_of_84()
    with pytest.raises(ExportError, match=r"24000 items.*20000"):
        matrix_svg(founding(), [matrix] * 250)


# The command


def test_the_command_prints_the_table_and_draws_it(desk: Desk) -> None:
    request, letter = desk.filled()
    done = desk.done("requests", "ledger", "--matrix", request[:12], "--svg", "items.svg")
    again = desk("requests", "ledger", "--matrix", request, "--svg", "items.svg")

    found = rows(done["matrix"])
    assert [("established", 1), ("as told by rutland", 1)] == [
        (each["telling"], each["total"]) for each in found
    ]
    assert "1 asked" in desk("requests", "ledger", "--matrix", request).out
    assert f"{SVG}svg" == parsed((desk.folder / "items.svg").read_text(encoding="utf-8")).tag
    assert (2, True) == (again.code, "exists already" in again.err)
    assert "is no request" in desk("requests", "ledger", "--matrix", letter).err
    assert "--svg goes with --matrix" in desk("requests", "ledger", "--svg", "x.svg").err
    assert {"ledger", "matrix"} == set(done)
    assert 5 == part(done["ledger"])["size"]
