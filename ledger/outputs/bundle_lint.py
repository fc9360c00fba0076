"""A court's rules for a bundle, held against any PDF, ours or another's.

    numbering    each page shows, at its head or foot, the number that PDF gives it, from 1
    index        it has an index, of which each entry is a link to the page that it names
    bookmarks    each part has a bookmark that leads to it and names its page
    text         the words of each page can be searched
    upright      pages, also those that lie across, read from left to right
    view         it opens at 100%, and no link or bookmark changes that
    resolution   no picture has more than 300 dots an inch

What no program can tell is left to people: whether every document of significance has its bookmark,
how well a scan was recognised, whether the description in the index is fair.

Source: General guidance on electronic court bundles, 29 November 2021. Needs the extra `outputs`.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import pikepdf
import pypdfium2

from ledger.errors import OutputError

__all__ = ["RULES", "Finding", "Linted", "lint"]

RULES: Final[Mapping[str, str]] = {
    "numbering": "each page shows the number that PDF gives it, from 1",
    "index": "it has an index, of which each entry is a link to the page that it names",
    "bookmarks": "each part has a bookmark that leads to it and names its page",
    "text": "the words of each page can be searched",
    "upright": "pages read from left to right, none upside down",
    "view": "it opens at 100%, and no link or bookmark changes that",
    "resolution": "no picture has more than 300 dots an inch",
}
"""The rules, by name."""

_EDGE: Final = 72.0  # points: how far a page's number may stand from its edge
_INDEX_WITHIN: Final = 20  # pages
_INDEX: Final = re.compile(
    r"^\s*(bundle\s+)?(index|(table\s+of\s+)?contents)\b", re.IGNORECASE | re.MULTILINE
)
_NUMBER: Final = re.compile(r"(?<![\w.,/-])\d+(?![\w/-]|[.,]\d)")
_DPI: Final = 300
_ROUNDING: Final = 1.01
_INCH: Final = 72
_SAMPLE: Final = 400  # characters of a page whose direction is looked at
_PICTURE: Final = 0.5  # of a page's area
_FEW_WORDS: Final = 40  # characters


class Finding(NamedTuple):
    """What does not keep to a rule.

    Attributes:
        page: The page, from 1; None where it concerns the whole.
        rule: The rule's name.
        what: What is wrong.
    """

    page: int | None
    rule: str
    what: str


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found in a PDF.

    Attributes:
        pages: How many pages it has.
        findings: What breaks a rule, by page.
        notes: What somebody should look at.
    """

    pages: int
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]


def lint(path: Path) -> Linted:
    """Hold the rules against a PDF.

    Raises:
        OutputError: It is no PDF that can be read.
        OSError: The file cannot be read.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OutputError(f"{path}: is no file")  # what need not end cannot be read whole
    try:
        with (
            path.open("rb") as octets,  # a name need not be one that the libraries can spell
            pikepdf.open(octets) as pdf,
            path.open("rb") as drawable,
            pypdfium2.PdfDocument(drawable) as drawn,
        ):
            looks = [_look(drawn, number) for number in range(len(drawn))]
            shape = _Shape(pdf)
            found = [
                *_numbering(shape, looks),
                *_index(shape, looks),
                *_bookmarks(shape),
                *_view(shape),
                *(each for look in looks for each in look.findings),
            ]
            notes = tuple(each for look in looks for each in look.notes)
            found.sort(key=lambda each: (each.page or 0, tuple(RULES).index(each.rule)))
            return Linted(len(looks), tuple(found), notes)
    except pikepdf.PasswordError:
        raise OutputError(f"{path}: is encrypted, and asks for a password") from None
    except (pikepdf.PdfError, pypdfium2.PdfiumError, *_ODD) as error:
        # The library names the stream that it was handed, which says nothing to anybody.
        why = re.sub(r"^stream <[^>]*>: ", "", str(error))
        raise OutputError(f"{path}: is no PDF that can be read: {why}") from None


# What libraries raise where a PDF is not built as it should be.
_ODD: Final = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
)


# What a page shows


@dataclass(frozen=True, slots=True)
class _Link:
    """Where a link lies on its page: its lower and upper edge."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Look:
    """One page as it is drawn.

    Attributes:
        edges: The text at its head and at its foot.
        text: All its text.
        findings: What is wrong with it by itself.
        notes: What somebody should look at.
        rows: The text of each line, with the line's lower and upper edge.
    """

    edges: str
    text: str
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    rows: tuple[tuple[float, float, str], ...]

    def beside(self, link: _Link) -> str:
        """Return the text of the lines that a link touches."""
        touched = (row for row in self.rows if row[0] < link.high and row[1] > link.low)
        return " ".join(text for _, _, text in touched)


def _look(drawn: Any, number: int) -> _Look:  # noqa: ANN401 (pypdfium2 has no types)
    page = drawn[number]
    words = page.get_textpage()
    try:
        text = words.get_text_range()
        edges = "\n".join(_edges(page, words))
        pictures = [*_pictures(page)]
        findings = [
            *_resolution(number + 1, pictures),
            *_direction(number + 1, page, words),
        ]
        middle = len("".join(text.split())) - len("".join(edges.split()))
        covered = max((each.part for each in pictures), default=0.0)
        notes = []
        if not set(text) - set("0123456789 \r\n\t"):
            findings.append(Finding(number + 1, "text", "it has no text but its number"))
        elif covered > _PICTURE and middle < _FEW_WORDS:
            what = "it is a picture: if it shows words, nobody can search for them"
            notes.append(Finding(number + 1, "text", what))
        rows = tuple(_rows(words)) if number < _INDEX_WITHIN else ()
        return _Look(edges, text, tuple(findings), tuple(notes), rows)
    finally:
        words.close()
        page.close()


def _edges(page: Any, words: Any) -> Iterator[str]:  # noqa: ANN401 (as above)
    left, bottom, right, top = page.get_cropbox()
    if page.get_rotation() % 180:
        yield words.get_text_bounded(left, bottom, left + _EDGE, top)
        yield words.get_text_bounded(right - _EDGE, bottom, right, top)
    else:
        yield words.get_text_bounded(left, bottom, right, bottom + _EDGE)
        yield words.get_text_bounded(left, top - _EDGE, right, top)


def _rows(words: Any) -> Iterator[tuple[float, float, str]]:  # noqa: ANN401 (as above)
    for number in range(words.count_rects()):
        left, bottom, right, top = words.get_rect(number)
        yield bottom, top, words.get_text_bounded(left, bottom, right, top)


class _Picture(NamedTuple):
    """A picture: its dots an inch, and how much of the page it takes."""

    dpi: float
    part: float


def _pictures(page: Any) -> Iterator[_Picture]:  # noqa: ANN401 (as above)
    whole = page.get_width() * page.get_height()
    for each in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]):
        matrix, inside = each.get_matrix(), each.container
        while inside is not None:
            matrix = matrix.multiply(inside.get_matrix())
            inside = inside.container
        width, height = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
        across, down = each.get_px_size()
        if width > 0 and height > 0:
            dpi = max(across / width, down / height) * _INCH
            yield _Picture(dpi, width * height / whole if whole else 0.0)


def _resolution(number: int, pictures: list[_Picture]) -> Iterator[Finding]:
    most = max((each.dpi for each in pictures), default=0.0)
    if most > _DPI * _ROUNDING:
        yield Finding(number, "resolution", f"a picture has {most:.0f} dots an inch")


def _direction(number: int, page: Any, words: Any) -> Iterator[Finding]:  # noqa: ANN401
    count = words.count_chars()
    step = max(1, count // _SAMPLE)
    turned = page.get_rotation()
    quarters = [0, 0, 0, 0]
    for index in range(0, count, step):
        angle = pypdfium2.raw.FPDFText_GetCharAngle(words, ctypes.c_int(index))
        if angle >= 0:
            quarters[round((math.degrees(angle) + turned) / 90) % 4] += 1
    upright, *others = quarters
    if sum(others) > upright:
        what = "upside down" if others[1] == max(others) else "on its side"
        yield Finding(number, "upright", f"most of its text stands {what}")


# How the whole is built


class _Target(NamedTuple):
    """Where a link or bookmark leads: a page, from 1, and how large it shows it."""

    page: int | None
    fit: str
    zoom: float


class _Shape:
    """The bookmarks, links and settings of a PDF."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._numbers = {page.obj.objgen: n for n, page in enumerate(pdf.pages, start=1)}
        self._root = pdf.Root
        self._named = _named(pdf.Root)
        self.labels = "/PageLabels" in pdf.Root
        self.label_of = [page.label for page in pdf.pages] if self.labels else []
        self.opens = self._target(pdf.Root.get("/OpenAction"))
        self.bookmarks = [*self._outline(pdf.Root.get("/Outlines"))]
        self.links = {n: [*self._links(page)] for n, page in enumerate(pdf.pages, start=1)}

    def _outline(self, outlines: Any) -> Iterator[tuple[str, int, _Target | None]]:  # noqa: ANN401
        """Yield every bookmark with its depth, a loop once."""
        waiting = [] if outlines is None else [(outlines.get("/First"), 0)]
        seen = set()
        while waiting:
            item, depth = waiting.pop()
            if item is None or item.objgen in seen:
                continue
            seen.add(item.objgen)
            to = item.get("/Dest", item.get("/A"))
            yield str(item.get("/Title", "")), depth, self._target(to)
            waiting.append((item.get("/Next"), depth))
            waiting.append((item.get("/First"), depth + 1))

    def _links(self, page: pikepdf.Page) -> Iterator[tuple[_Link, _Target]]:
        for each in page.obj.get("/Annots", ()):
            if each.get("/Subtype") != "/Link":
                continue
            to = self._target(each.get("/Dest", each.get("/A")))
            box = [float(edge) for edge in each.get("/Rect", (0, 0, 0, 0))]
            if to is not None:
                yield _Link(min(box[1], box[3]), max(box[1], box[3])), to

    def _target(self, to: Any) -> _Target | None:  # noqa: ANN401 (anything may stand there)
        """Follow a destination; None of what leads out of the PDF, or nowhere."""
        if isinstance(to, pikepdf.Dictionary):
            to = to.get("/D") if to.get("/S", "/GoTo") == "/GoTo" else None
        if isinstance(to, (pikepdf.Name, pikepdf.String)):
            to = self._named.get(str(to).removeprefix("/"))
        if isinstance(to, pikepdf.Dictionary):
            to = to.get("/D")
        if not isinstance(to, pikepdf.Array) or len(to) < 2:  # noqa: PLR2004 (page and fit)
            return None
        page = self._numbers.get(to[0].objgen) if isinstance(to[0], pikepdf.Object) else None
        zoom = to[4] if len(to) > 4 and to[1] == "/XYZ" else None  # noqa: PLR2004 (page XYZ l t z)
        return _Target(page, str(to[1]), float(zoom or 0))


def _named(root: Any) -> dict[str, Any]:  # noqa: ANN401 (as pikepdf)
    found = {str(key).removeprefix("/"): to for key, to in root.get("/Dests", {}).items()}
    tree = root.get("/Names", {}).get("/Dests")
    if tree is not None:
        found.update({str(key): to for key, to in pikepdf.NameTree(tree).items()})
    return found


# The rules of the whole


def _numbering(shape: _Shape, looks: list[_Look]) -> Iterator[Finding]:
    for number, look in enumerate(looks, start=1):
        if str(number) not in _NUMBER.findall(look.edges):
            yield Finding(number, "numbering", f"it does not show its number, {number}")
    for number, label in enumerate(shape.label_of, start=1):
        if label != str(number):
            yield Finding(number, "numbering", f"the PDF calls it {label!r}, not {number}")


def _index(shape: _Shape, looks: list[_Look]) -> Iterator[Finding]:
    first = next(
        (n for n, look in enumerate(looks[:_INDEX_WITHIN], 1) if _INDEX.search(look.text)), None
    )
    if first is None:
        yield Finding(None, "index", f"none of its first {_INDEX_WITHIN} pages is an index")
        return
    parts = {to.page for _, depth, to in shape.bookmarks if to is not None and depth == 0}
    linked: set[int | None] = set()
    for number in range(first, min(len(looks), _INDEX_WITHIN) + 1):
        if number > first and (number in parts or number in linked or not shape.links[number]):
            break
        for link, to in shape.links[number]:
            linked.add(to.page)
            beside = " ".join(
                text
                for low, high, text in looks[number - 1].rows
                if low < link.high and high > link.low
            )
            if str(to.page) not in _NUMBER.findall(beside):
                what = f"an entry leads to page {to.page}, which is not the page that it names"
                yield Finding(number, "index", what)
    if not linked:
        yield Finding(first, "index", "none of its entries is a link")
        return
    for title, depth, part in shape.bookmarks:
        if depth == 0 and part is not None and part.page not in {first, *linked}:
            yield Finding(first, "index", f"no entry leads to {title[:80]!r}, page {part.page}")


def _bookmarks(shape: _Shape) -> Iterator[Finding]:
    if not shape.bookmarks:
        yield Finding(None, "bookmarks", "it has none")
    for title, _, to in shape.bookmarks:
        if to is None or to.page is None:
            yield Finding(None, "bookmarks", f"{title[:80]!r} leads to no page")
        elif str(to.page) not in re.findall(r"\d+", title):
            yield Finding(to.page, "bookmarks", f"{title[:80]!r} does not name its page")


def _view(shape: _Shape) -> Iterator[Finding]:
    opens = shape.opens
    if opens is None or opens.fit != "/XYZ" or opens.zoom != 1:
        yield Finding(None, "view", "it does not say that it opens at 100%")
    for title, _, to in shape.bookmarks:
        if to is not None and _rescales(to):
            yield Finding(to.page, "view", f"the bookmark {title[:80]!r} changes the size")
    for number, links in shape.links.items():
        if any(_rescales(to) for _, to in links):
            yield Finding(number, "view", "a link on it changes the size")


def _rescales(to: _Target) -> bool:
    return to.fit != "/XYZ" or to.zoom not in {0, 1}
