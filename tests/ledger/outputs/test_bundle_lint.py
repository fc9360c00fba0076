"""The rules for court bundles: ours keep them, and each broken bundle breaks the one it should."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ledger.errors import OutputError
from ledger.outputs.bundle_lint import RULES, Finding, lint
from tests.ledger.commandline import Desk
from tests.ledger.outputs.test_bundle import ALL, bundled

Draw = Callable[[Canvas, int], None]
Change = Callable[[pikepdf.Pdf], None]

PAGES = 3


def nothing(*_: object) -> None:
    """Leave it as it is."""


def number(canvas: Canvas, page: int) -> None:
    canvas.drawCentredString(300, 30, f"{page}")


def words(canvas: Canvas, page: int) -> None:
    canvas.drawString(
        60, 500, f"These are the words of the part {['one', 'two', 'three'][page - 1]}"
    )


def small(path: Path, *, foot: Draw = number, body: Draw = words, change: Change = nothing) -> Path:
    """A bundle of an index and two parts, made by hand; the parts begin on pages 2 and 3."""
    data = io.BytesIO()
    canvas = Canvas(data, invariant=1)
    for page in range(1, PAGES + 1):
        canvas.bookmarkPage(f"part-{page}", fit="XYZ", left=0, top=842)
        title = "Index" if page == 1 else f"Part of the year {1990 + page}"
        canvas.addOutlineEntry(f"{title} (page {page})", f"part-{page}")
        if page == 1:
            canvas.drawString(60, 800, "Index")
            for part in (2, 3):
                canvas.drawString(
                    60, 800 - 30 * part, f"Part of the year {1990 + part}, page {part}"
                )
                canvas.linkRect("", f"part-{part}", (60, 795 - 30 * part, 300, 810 - 30 * part))
        else:
            body(canvas, page)
        foot(canvas, page)
        canvas.showPage()
    canvas.save()
    with pikepdf.open(data) as pdf:
        pdf.Root.OpenAction = pikepdf.Array([pdf.pages[0].obj, pikepdf.Name.XYZ, 0, 842, 1])
        change(pdf)
        pdf.save(path)
    return path


def broken(path: Path, **more: Draw | Change) -> tuple[Finding, ...]:
    return lint(small(path, **more)).findings  # type: ignore[arg-type]  # by their names


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "bundle.pdf"


def test_a_bundle_made_by_hand_keeps_every_rule(path: Path) -> None:
    found = lint(small(path))

    assert () == found.findings
    assert () == found.notes
    assert PAGES == found.pages


def test_our_own_bundle_keeps_every_rule(tmp_path: Path) -> None:
    path = tmp_path / "ours.pdf"
    path.write_bytes(bundled(ALL, tmp_path))
    found = lint(path)

    assert () == found.findings
    assert ["text"] == [note.rule for note in found.notes]  # the photograph


def test_numbers_must_be_those_of_the_pdf(path: Path) -> None:
    def behind(canvas: Canvas, page: int) -> None:
        number(canvas, page if page == 1 else page + 1)

    def labels(pdf: pikepdf.Pdf) -> None:
        roman = pikepdf.Dictionary(S=pikepdf.Name.r)
        pdf.Root.PageLabels = pikepdf.Dictionary(Nums=pikepdf.Array([0, roman]))

    assert [("numbering", 2), ("numbering", 3)] == [
        (each.rule, each.page) for each in broken(path, foot=behind)
    ]
    assert {"numbering"} == {each.rule for each in broken(path, change=labels)}


def test_a_number_in_the_text_is_no_page_number(path: Path) -> None:
    def inside(canvas: Canvas, page: int) -> None:
        canvas.drawString(60, 400, f"{page}")

    assert 3 == len([each for each in broken(path, foot=inside) if each.rule == "numbering"])


def test_there_must_be_an_index(path: Path) -> None:
    def without(pdf: pikepdf.Pdf) -> None:
        page = pdf.pages[0]
        data = page.Contents.read_bytes().replace(b"(Index)", b"(Parts)")
        page.Contents = pdf.make_stream(data)

    assert [("index", None)] == [(each.rule, each.page) for each in broken(path, change=without)]


def test_entries_of_the_index_must_be_links_to_what_they_name(path: Path) -> None:
    def without(pdf: pikepdf.Pdf) -> None:
        del pdf.pages[0].obj["/Annots"]

    def without_one(pdf: pikepdf.Pdf) -> None:
        del pdf.pages[0].obj["/Annots"][1]

    def astray(pdf: pikepdf.Pdf) -> None:
        annots = pdf.pages[0].obj["/Annots"]
        annots[0]["/Dest"], annots[1]["/Dest"] = annots[1]["/Dest"], annots[0]["/Dest"]

    found = [broken(path, change=change) for change in (without, without_one, astray)]

    assert ["none of its entries is a link"] == [each.what for each in found[0]]
    assert ["no entry leads to 'Part of the year 1993 (page 3)', page 3"] == [
        each.what for each in found[1]
    ]
    assert ["index", "index"] == [each.rule for each in found[2]]


def test_there_must_be_bookmarks_that_name_their_pages(path: Path) -> None:
    def without(pdf: pikepdf.Pdf) -> None:
        del pdf.Root["/Outlines"]

    def nameless(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Outlines.First.Next.Title = "Part of the year 1992"

    def nowhere(pdf: pikepdf.Pdf) -> None:
        item = pdf.Root.Outlines.First.Next
        del item["/Dest"]

    found = [broken(path, change=change) for change in (without, nameless, nowhere)]

    assert [["bookmarks"]] * 3 == [[each.rule for each in rules] for rules in found]
    assert 2 == found[1][0].page


def test_a_loop_of_bookmarks_ends(path: Path) -> None:
    def loop(pdf: pikepdf.Pdf) -> None:
        first = pdf.Root.Outlines.First
        first.Next.Next.Next = first

    assert () == broken(path, change=loop)


def test_pages_must_have_text(path: Path) -> None:
    def drawing(canvas: Canvas, page: int) -> None:
        if page == 2:
            canvas.rect(100, 100, 300, 500, fill=1)
        else:
            words(canvas, page)

    assert [("text", 2)] == [(each.rule, each.page) for each in broken(path, body=drawing)]


def test_pages_must_stand_upright(path: Path) -> None:
    def over(canvas: Canvas, page: int) -> None:
        canvas.saveState()
        canvas.translate(500, 700)
        canvas.rotate({2: 180, 3: 90}[page])
        canvas.drawString(0, 0, "These words stand in a way that nobody can read them")
        canvas.restoreState()

    found = broken(path, body=over)

    assert ["upright", "upright"] == [each.rule for each in found]
    assert ["most of its text stands upside down", "most of its text stands on its side"] == [
        each.what for each in found
    ]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_is_as_its_reader_sees_it(turn: int, path: Path) -> None:
    """Text that is turned in the page and back again by the page's own setting is upright."""

    def against(canvas: Canvas, page: int) -> None:
        canvas.saveState()
        canvas.translate(300, 400)
        canvas.rotate(turn if page == 2 else 0)
        canvas.drawString(-100, 0, "These words are turned twice and stand as they should")
        # The foot of the page as it is seen.
        if page == 2:
            canvas.drawString(0, -370 if turn == 180 else -270, "2")
        canvas.restoreState()

    def back(pdf: pikepdf.Pdf) -> None:
        pdf.pages[1].obj.Rotate = turn

    def foot(canvas: Canvas, page: int) -> None:
        if page != 2:
            number(canvas, page)

    assert () == broken(path, body=against, foot=foot, change=back)


def test_it_must_open_at_full_size_and_stay_there(path: Path) -> None:
    def without(pdf: pikepdf.Pdf) -> None:
        del pdf.Root["/OpenAction"]

    def fitted(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Array([pdf.pages[0].obj, pikepdf.Name.Fit])

    def bookmark(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Outlines.First.Next.Dest = pikepdf.Array([pdf.pages[1].obj, pikepdf.Name.Fit])

    def linked(pdf: pikepdf.Pdf) -> None:
        to = pikepdf.Array([pdf.pages[1].obj, pikepdf.Name.XYZ, 0, 800, 2])
        pdf.pages[0].obj.Annots[0].Dest = to

    found = [broken(path, change=change) for change in (without, fitted, bookmark, linked)]

    assert [["view"]] * 4 == [[each.rule for each in rules] for rules in found]


def test_pictures_must_not_be_finer_than_300_dots(path: Path) -> None:
    def picture(size: int) -> Draw:
        def draw(canvas: Canvas, page: int) -> None:
            words(canvas, page)
            image = ImageReader(Image.new("L", (size, size)))
            canvas.drawImage(image, 100, 100, 144, 144)  # two inches

        return draw

    assert () == broken(path, body=picture(600))
    assert [("resolution", 2), ("resolution", 3)] == [
        (each.rule, each.page) for each in broken(path, body=picture(620))
    ]


def test_a_page_that_is_a_picture_is_something_to_look_at(path: Path) -> None:
    def scan(canvas: Canvas, page: int) -> None:
        del page
        canvas.drawImage(ImageReader(Image.new("L", (60, 80))), 0, 100, 595, 740)
        canvas.drawString(60, 40, "Scan")

    small(path, body=scan)
    found = lint(path)

    assert () == found.findings
    assert [2, 3] == [note.page for note in found.notes]


def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="pipe: is no file"):
        lint(tmp_path / "pipe")


def test_a_name_that_is_no_text_is_a_name(path: Path, tmp_path: Path) -> None:
    small(path)
    named = tmp_path / os.fsdecode(b"b\xff.pdf")
    path.rename(named)

    assert lint(named).pages


def test_what_is_no_pdf_cannot_be_checked(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7 and no more")
    with pytest.raises(OutputError, match=r"no PDF that can be read: (?!stream)"):
        lint(path)
    written = io.BytesIO()
    with pikepdf.open(small(path)) as pdf:
        pdf.save(written, encryption=pikepdf.Encryption(owner="a", user="b"))
    path.write_bytes(written.getvalue())
    with pytest.raises(OutputError, match="encrypted"):
        lint(path)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.tuples(st.integers(0, 4000), st.binary(max_size=4)), max_size=4))
def test_damage_gives_an_answer_or_a_typed_error(cuts: list[tuple[int, bytes]], path: Path) -> None:
    data = bytearray(small(path).read_bytes())
    for at, octets in cuts:
        data[at : at + len(octets)] = octets
    path.write_bytes(data)
    try:
        found = lint(path)
    except OutputError:
        return

    assert {each.rule for each in found.findings} <= set(RULES)


def test_the_command_says_what_is_kept_and_what_is_not(desk: Desk, path: Path) -> None:
    small(path)
    ran = desk("bundle-lint", str(path))

    assert (0, "") == (ran.code, ran.err)
    assert "kept: it opens at 100%" in ran.out
    values = desk.done("bundle-lint", str(path))
    assert [] == values["findings"]
    assert dict.fromkeys(RULES, True) == values["rules"]
    assert PAGES == values["pages"]


def test_the_command_exits_with_what_it_found(desk: Desk, path: Path) -> None:
    small(path, foot=nothing)
    ran = desk("bundle-lint", str(path))

    assert 1 == ran.code
    assert "it does not show its number, 2" in ran.out
    path.write_bytes(b"")
    ran = desk("bundle-lint", str(path), "--json")
    assert 2 == ran.code
    assert "no PDF that can be read" in ran.reason
    assert 2 == desk("bundle-lint", str(path.with_name("none.pdf"))).code
