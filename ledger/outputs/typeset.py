"""Text broken into lines: fonts, styles, and how much of a text has room in a line.

The text is set in DejaVu, which is shipped with this package (`fonts/LICENSE`) and embedded, so
that every reader sees the same: Latin with all its accents, Greek, Cyrillic, Armenian, Georgian.

Needs the extra `outputs`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from typing import Final, NamedTuple

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

__all__ = ["STYLES", "Lines", "Link", "Style", "broken", "load_fonts", "unprinted"]


class Style(NamedTuple):
    """How text is set: its font, and in points its size, the height of a line, and what follows."""

    font: str
    size: float
    leading: float
    after: float = 0.0


STYLES: Final[Mapping[str, Style]] = {
    "title": Style("DejaVuBold", 18.0, 23.0, 4.0),
    "subtitle": Style("DejaVu", 10.0, 13.0, 8.0),
    "heading": Style("DejaVuBold", 12.0, 16.0, 4.0),
    "legend": Style("DejaVu", 8.0, 10.5, 2.0),
    "plain": Style("DejaVu", 8.0, 10.0),
    "strong": Style("DejaVuBold", 8.0, 10.0),
    "small": Style("DejaVu", 6.5, 8.0),
    "text": Style("DejaVu", 10.0, 13.0),
    "mono": Style("DejaVuMono", 8.0, 10.0),
}

_FACES: Final = {
    "DejaVu": "DejaVuSansCondensed.ttf",
    "DejaVuBold": "DejaVuSansCondensed-Bold.ttf",
    "DejaVuMono": "DejaVuSansMono.ttf",
}
_SHORT: Final = 24  # characters of a word that is likely to come again
_SLACK: Final = 1e-6  # of sums of decimal fractions


class Link(NamedTuple):
    """The end of a text, one word of it, that leads to an anchor of the same PDF."""

    text: str
    to: str


@dataclass(frozen=True, slots=True)
class Lines:
    """A text that is broken into lines.

    Attributes:
        lines: The lines, one at least.
        style: How they are set.
        link: What in the last line is a link.
    """

    lines: tuple[str, ...]
    style: Style
    link: Link | None = None

    @property
    def height(self) -> float:
        """How high they are, in points."""
        return len(self.lines) * self.style.leading

    def cut(self, room: float) -> tuple[Lines | None, Lines | None]:
        """Return the lines that have room in a height, and the rest; None for no line."""
        fits = int((room + _SLACK) / self.style.leading)
        if fits >= len(self.lines):
            return self, None
        if fits <= 0:
            return None, self
        first = replace(self, lines=self.lines[:fits], link=None)
        return first, replace(self, lines=self.lines[fits:])


def broken(text: str, style: Style, width: float, link: Link | None = None) -> Lines:
    """Break a text into lines.

    A line ends where the text has a line end, or where a space is; only a word that no line can
    hold is broken itself. No-break spaces belong to their word.

    Args:
        text: The text, which ends with what is a link.
        style: How it is set.
        width: How wide a line may be, in points.
        link: What at its end is a link.
    """
    room = width * 1000 / style.size + _SLACK
    lines = (line for part in text.split("\n") for line in _lines(part, style.font, room))
    return Lines(tuple(lines), style, link)


def _lines(text: str, font: str, room: float) -> Iterator[str]:
    space = _breadth(font, " ")
    line: list[str] = []
    used = 0.0
    for word in filter(None, text.split(" ")):
        breadth = _breadth(font, word)
        if line and used + space + breadth <= room:
            line.append(word)
            used += space + breadth
            continue
        if line:
            yield " ".join(line)
        *whole, last = (word,) if breadth <= room else _pieces(word, font, room)
        yield from whole
        line, used = [last], _breadth(font, last)
    yield " ".join(line)


def _pieces(word: str, font: str, room: float) -> Iterator[str]:
    breadths = _breadths(font)
    start, used = 0, 0.0
    for at, character in enumerate(word):
        breadth = breadths[character]
        if at > start and used + breadth > room:
            yield word[start:at]
            start, used = at, 0.0
        used += breadth
    yield word[start:]


# Fonts


class _Breadths(dict[str, float]):
    """How broad each character is, in thousandths of the size; what the font has not, as a box."""

    def __init__(self, font: TTFont) -> None:
        super().__init__((chr(code), breadth) for code, breadth in font.face.charWidths.items())
        self._box: float = font.face.defaultWidth

    def __missing__(self, character: str) -> float:
        return self._box


@cache
def load_fonts() -> Mapping[str, TTFont]:
    """Read the fonts, once, from this package."""
    folder = resources.files("ledger.outputs") / "fonts"
    fonts = {n: TTFont(n, io.BytesIO((folder / file).read_bytes())) for n, file in _FACES.items()}
    for font in fonts.values():
        pdfmetrics.registerFont(font)
    return fonts


@cache
def _breadths(font: str) -> _Breadths:
    return _Breadths(load_fonts()[font])


def _breadth(font: str, word: str) -> float:
    return (_known if len(word) <= _SHORT else _summed)(font, word)


def _summed(font: str, word: str) -> float:
    return sum(map(_breadths(font).__getitem__, word))


_known: Final = lru_cache(maxsize=1 << 15)(_summed)


def unprinted(characters: Iterable[str]) -> frozenset[str]:
    """Return the characters that the font has not, which are printed as empty boxes."""
    drawn = load_fonts()["DejaVu"].face.charToGlyph
    return frozenset(c for c in characters if ord(c) not in drawn and c != "\n")
