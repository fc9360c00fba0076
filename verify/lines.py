"""Lines for people: wrapped, and free of what a terminal might obey."""

import textwrap
from collections.abc import Sequence

__all__ = ["WIDTH", "grouped", "noun", "plain", "wrap"]

WIDTH = 80
"""Characters in a line."""

_MAX_TEXT = 400  # characters: to wrap a word takes the square of its length


def wrap(text: str, *, first: str = "", rest: str = "") -> list[str]:
    """Return a text in lines, `first` before the first of them and `rest` before the others."""
    if len(text) > _MAX_TEXT:
        text = f"{text[: _MAX_TEXT - 1]}…"
    lines = textwrap.wrap(
        plain(text), WIDTH, initial_indent=first, subsequent_indent=rest,
        break_on_hyphens=False,
    )  # fmt: skip
    return lines or [first.rstrip()]


def plain(text: str) -> str:
    """Escape what a terminal might obey and a person cannot see."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def grouped(digits: str) -> Sequence[str]:
    """Return a hash in groups that can be read aloud and compared, on two lines."""
    groups = [digits[start : start + 8] for start in range(0, len(digits), 8)]
    return [" ".join(groups[:4]), " ".join(groups[4:])]


def noun(plural: str, count: int) -> str:
    """Return the noun that goes with a count: "entry" for "entries" and 1."""
    if count != 1:
        return plural
    return f"{plural[:-3]}y" if plural.endswith("ies") else plural.removesuffix("s")
