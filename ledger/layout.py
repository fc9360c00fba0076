"""Plain text on a page: wrapped, aligned, without colour, and nobody's control characters in it.

Text that a party wrote is shown with its control characters replaced, so that nobody's title can
move a reader's cursor or turn its direction, and is wrapped by the columns that it takes, so that
no terminal breaks a line of it, and lets it begin where a line of ours would.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Final

__all__ = [
    "breadth",
    "clean",
    "columns",
    "ended",
    "item",
    "page",
    "rule",
    "shortened",
    "table",
    "wrap",
]

_GAP: Final = "  "
_HANGING: Final = 3


def clean(text: str) -> str:
    """Return text without characters that nobody sees or that a page would obey.

    Line ends become U+000A and other spaces one space. Controls, what Unicode lets a page ignore
    (what turns the direction of writing among it), private use and what is no character become
    U+FFFD; so does all but the first four of marks that are piled on one letter, which would cover
    the lines above it. The lists are fixed: a newer Python, which knows more characters, gives the
    same octets.
    """
    if text.isascii() and text.isprintable():
        return text
    seen = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").translate(_SPACES))
    return _PILES.sub("\\1\N{REPLACEMENT CHARACTER}", seen)


def breadth(text: str) -> int:
    """Return how many columns of a terminal a line of text takes."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def wrap(text: str, width: int, *, indent: int = 0) -> list[str]:
    """Break prose into lines of at most `width` columns.

    Args:
        text: The text; each line of it begins a line.
        width: The longest line, in columns.
        indent: How far each line is indented.
    """
    return _wrapped(text, width, indent, 0)


def item(text: str, width: int, *, indent: int = 0) -> list[str]:
    """Break what stands in a list into lines, as `wrap` does, but that what goes on hangs.

    It stands where nothing begins, since everything that does is indented by an even number: so
    nobody's words, however long, can pass for a line that follows them.
    """
    return _wrapped(text, width, indent, _HANGING)


def shortened(text: str, width: int) -> str:
    """Return text as one line of at most `width` columns, which ends with … if it was cut."""
    line = " ".join(clean(text).split())
    return line if breadth(line) <= width else f"{_head(line, width - 1)}…"


def columns(fixed: tuple[int, ...], width: int) -> tuple[int, ...]:
    """Return the widths of columns: those given, and one that takes what is left."""
    return (*fixed, width - sum(fixed) - len(_GAP) * len(fixed))


def table(widths: tuple[int, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lay out rows of cells under one another, each line of a cell an item of its column."""
    lines: list[str] = []
    for row in rows:
        cells = [item(cell, size) for cell, size in zip(row, widths, strict=True)]
        lines.extend(
            _GAP.join(map(_filled, parts, widths)).rstrip()
            for parts in zip_longest(*cells, fillvalue="")
        )
    return lines


def ended(sentence: str) -> str:
    """End a sentence with a stop, unless it has one."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def rule(width: int) -> list[str]:
    """Draw a line across the page."""
    return ["-" * width]


def page(body: Sequence[str], footer: Sequence[str]) -> str:
    """Put a page together: what it says, and what stands at the end of every page."""
    while body and not body[-1]:
        body = body[:-1]
    return "\n".join([*body, "", *footer]) + "\n"


# Characters

_PLANES: Final = range(0x10000, 0xE0000, 0x10000)
# A blank of Braille is a space, too.
_SPACES: Final = str.maketrans(
    dict.fromkeys("\r\v\f\x85\u2028\u2029", "\n")
    | dict.fromkeys("\t\xa0\u1680\u202f\u205f\u2800\u3000", " ")
    | dict.fromkeys(map(chr, range(0x2000, 0x200B)), " ")
)
# Cc, Cf, Co, noncharacters, and Default_Ignorable_Code_Point but for the variation selectors, which
# choose a look (Unicode 16, UnicodeData.txt and DerivedCoreProperties.txt).
_UNSEEN: Final = re.compile(
    "["
    r"\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ue000-\uf8ff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
    + "".join(f"{chr(plane + 0xFFFE)}-{chr(plane + 0xFFFF)}" for plane in _PLANES)
    + "]"
)
# The blocks of marks that stand above, below or across a letter of any script, and those of
# scripts whose own marks are piled up: Hebrew, Arabic, Thai, Lao, Tibetan.
_MARK: Final = (
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u06d6-\u06ed\u0e31"
    r"\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f71-\u0f84\u0f8d-\u0fbc"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u302a-\u302f\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f]"
)
_PILES: Final = re.compile(f"({_MARK}{{4}}){_MARK}+")


@lru_cache(maxsize=4096)
def _columns_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        # Of a sign that can stand as text or as a picture, the wider look.
        return int(character == "\N{VARIATION SELECTOR-16}")
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _filled(text: str, size: int) -> str:
    return text + " " * (size - breadth(text))


def _head(text: str, room: int) -> str:
    """Return the beginning of a text that takes at most so many columns."""
    taken = 0
    for place, character in enumerate(text):
        taken += _columns_of(character)
        if taken > room:
            return text[:place]
    return text


def _wrapped(text: str, width: int, indent: int, hanging: int) -> list[str]:
    first, later = " " * indent, " " * (indent + hanging)
    lines: list[str] = []
    for part in clean(text).split("\n"):
        lines += _broken(part, width, first, later) or [""]
    return lines


def _broken(text: str, width: int, first: str, later: str) -> list[str]:
    if text.isascii() or all(_columns_of(character) == 1 for character in text):
        return textwrap.wrap(
            text, width, initial_indent=first, subsequent_indent=later, break_on_hyphens=False
        )
    return list(_broken_by_columns(text, width, first, later))


def _broken_by_columns(text: str, width: int, first: str, later: str) -> Iterator[str]:
    """Yield lines as `textwrap` breaks them, which counts characters."""
    before, line = first, ""
    for word in text.split():
        gap, rest = " " if line else "", word
        while rest:
            room = width - len(before)
            head = _head(rest, room - breadth(line + gap))
            if head == rest:
                line, rest = line + gap + rest, ""
                continue
            if not line or (head and _head(rest, room) != rest):
                # Longer than any line: what has room, but one character at least.
                head = head or rest[0]
                line, rest = line + gap + head, rest[len(head) :]
            yield before + line
            before, line, gap = later, "", ""
    if line:
        yield before + line
