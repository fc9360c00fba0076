"""Text broken into lines: none is too wide, and nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfbase.pdfmetrics import stringWidth

from ledger.outputs.typeset import STYLES, Link, broken

PLAIN = STYLES["plain"]
WIDTH = 60.0
TEXTS = st.text(st.sampled_from("ab iW-é漢\n\N{NO-BREAK SPACE}"), max_size=200)


@given(text=TEXTS, style=st.sampled_from(sorted(STYLES)))
def test_no_line_is_too_wide_and_no_word_is_lost(text: str, style: str) -> None:
    found = broken(text, STYLES[style], WIDTH)

    font, size, leading, _ = STYLES[style]
    assert all(stringWidth(line, font, size) <= WIDTH + 1e-6 for line in found.lines)
    assert len(found.lines) * leading == found.height
    assert "".join("".join(found.lines).split(" ")) == "".join(text.replace("\n", " ").split(" "))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one  two", ["one two"]),
        (" one\n\ntwo ", ["one", "", "two"]),
        ("some words and more", ["some words and", "more"]),
        ("a " + "W" * 12, ["a", "W" * 8, "W" * 4]),
        ("W" * 9 + " a", ["W" * 8, "W a"]),
        ("some words at\N{NO-BREAK SPACE}most", ["some words", "at\N{NO-BREAK SPACE}most"]),
    ],
)
def test_breaks_at_spaces_and_what_no_line_can_hold(text: str, lines: list[str]) -> None:
    assert tuple(lines) == broken(text, PLAIN, WIDTH).lines


def test_is_cut_where_a_page_ends() -> None:
    text = broken("one\ntwo\nthree page", PLAIN, WIDTH, Link("page", "there"))
    first, rest = text.cut(2 * PLAIN.leading)

    assert first is not None
    assert rest is not None
    assert (("one", "two"), None) == (first.lines, first.link)
    assert (("three page",), Link("page", "there")) == (rest.lines, rest.link)
    assert (None, rest) == rest.cut(PLAIN.leading - 1)
    assert (rest, None) == rest.cut(PLAIN.leading)
