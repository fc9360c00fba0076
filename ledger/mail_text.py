"""Body of a mail: which part is its text, and that text in Unicode, HTML reduced to its words.

Whatever the octets, there is a text: what has no known charset, or breaks it, is read leniently
and noted in the problems. Links, pictures and the look of HTML are left out; nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from html.parser import HTMLParser

from ledger.mime import (
    FOREIGN,
    Entity,
    Problems,
    content_of,
    text_codec,
    wider_codec,
    without_surrogates,
)

__all__ = ["choose_body"]

# Longer HTML is hostile, and the standard library needs quadratic time for it.
_MAX_HTML_CHARS = 4 * 1024 * 1024


def choose_body(
    octets: bytes, leaves: Iterable[Entity], problems: Problems
) -> tuple[str | None, Entity | None]:
    """Choose the first plain text that says something, else HTML that does, else blank text."""
    blank: tuple[str | None, Entity | None] = (None, None)
    for subtype in ("plain", "html"):
        for leaf in (leaf for leaf in leaves if leaf.is_text(subtype)):
            text = _text(content_of(octets, leaf, problems), leaf, problems)
            text = _html_text(text, problems) if subtype == "html" else text
            if text.strip():
                return text, leaf
            if blank[1] is None:
                blank = (text, leaf)
    return blank


def _text(content: bytes, leaf: Entity, problems: Problems) -> str:
    charset = leaf.parameters.get("charset", "")
    codec = text_codec(charset) if charset else "ascii"
    if codec is None:
        problems.note("The body has a charset that is not known: it was read as UTF-8.")
        codec = "utf-8"
    if codec == "ascii" and not content.isascii():
        problems.note("The body has octets outside its charset: it was read as UTF-8.")
        codec = "utf-8"
    wider = wider_codec(codec, content)
    if wider is not None:
        problems.note(f"The body has octets outside its charset: it was read as {wider[1]}.")
        codec = wider[0]
    try:
        text = content.decode(codec)
    except FOREIGN:
        text = _decode_leniently(content, codec)
    text = without_surrogates(text)
    if "\N{REPLACEMENT CHARACTER}" in text:
        problems.note("The body has octets that cannot be decoded: U+FFFD stands for them.")
    if "\0" in text:
        problems.note("The body has NUL characters.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_leniently(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec, "replace")
    except FOREIGN:
        return content.decode("utf-8", "replace")


class _TextOfHtml(HTMLParser):
    """Collects the words of an HTML text; blocks and breaks become line feeds."""

    _SILENT = frozenset({"head", "script", "style", "template", "title"})
    _BLOCKS = frozenset({
        "address", "article", "blockquote", "br", "div", "dl", "dt", "dd", "footer", "h1", "h2",
        "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr",
        "ul",
    })  # fmt: skip

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silence: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Start a line, a cell, or a silence."""
        del attrs
        if self._silence is None and tag in self._SILENT:
            self._silence = tag
        elif tag == "body":
            self._silence = None
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        """End a line, or the silence."""
        if tag == self._silence:
            self._silence = None
        self._break(tag)

    def handle_data(self, data: str) -> None:
        """Keep words, with the blanks between them as one."""
        if self._silence is None:
            self.words.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if tag in self._BLOCKS:
            self.words.append("\n")
        elif tag in {"td", "th"}:
            self.words.append(" ")


def _html_text(html: str, problems: Problems) -> str:
    """Reduce HTML to its words, line by line."""
    problems.note("The body is HTML reduced to text.")
    if len(html) > _MAX_HTML_CHARS:
        problems.note("The HTML body is too long: it was cut.")
    parser = _TextOfHtml()
    try:
        # No close(): on unfinished markup it needs quadratic time. The rest is taken as text.
        parser.feed(html[:_MAX_HTML_CHARS])
    except FOREIGN:
        problems.note("The HTML body is broken: the rest of it is kept as it stands.")
    rest = parser.rawdata
    if rest:
        parser.handle_data(unescape(rest))
    lines = (" ".join(line.split()) for line in "".join(parser.words).split("\n"))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return without_surrogates(text)
