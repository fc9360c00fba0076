"""Plain text on a page: no line of a party's words is wider than the page, or hides another."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from ledger.layout import breadth, clean, item, shortened, table, wrap

FULL = "\uff37"  # a full-width letter, which takes two columns
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from(f" {FULL}漢\u0301\u3164\n"))


def on_screen(lines: list[str], width: int) -> list[str]:
    """Return what stands at the beginning of each line of a terminal that has so many columns."""
    found = []
    for line in lines:
        taken = width + 1
        for character in line:
            size = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            if taken + size > width:
                found.append("")
                taken = 0
            found[-1] += character
            taken += size
    return found


def test_no_wide_letters_push_the_end_of_a_line_to_where_a_row_begins() -> None:
    row = ("1", "2 May", f"Letter: {FULL * 24}4_1_May_2026_bravo_admits_it_all.")

    for line in on_screen(table((4, 20, 52), [row]), 80):
        assert not line.startswith("4_")


@given(st.sampled_from((wrap, item)), TEXTS, st.integers(9, 90), st.integers(0, 4))
@example(wrap, f"{FULL * 100} {FULL}a b", 9, 0)
def test_a_line_is_no_wider_than_asked_and_nothing_is_lost(
    broken: Callable[..., list[str]], text: str, width: int, indent: int
) -> None:
    lines = broken(text, width, indent=indent)

    assert all(breadth(line) <= width for line in lines)
    assert "".join(clean(text).split()) == "".join("".join(lines).split())


@given(TEXTS, st.integers(12, 90), st.sampled_from((0, 2, 4, 6)))
def test_what_goes_on_stands_where_nothing_begins(text: str, width: int, indent: int) -> None:
    for part in clean(text).split("\n"):
        for line in item(part, width, indent=indent)[1:]:
            assert indent + 3 == len(line) - len(line.lstrip(" "))


def test_no_padded_title_passes_for_the_line_that_follows_it() -> None:
    padded = f"Letter: {'a' * 43} Told by bravo. Agreed by all."
    told = "Told by alpha. Not yet answered."

    lines = table((4, 20, 52), [("1", "2 May", f"{padded}\n{told}")])

    assert [told] == [line[28:] for line in lines if line[28:].startswith("Told by")]


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])), st.integers(8, 90))
def test_plain_words_break_as_the_standard_library_breaks_them(text: str, width: int) -> None:
    assert (textwrap.wrap(text, width, break_on_hyphens=False) or [""]) == wrap(text, width)


@given(TEXTS, st.integers(2, 40))
def test_what_is_cut_has_room_and_says_so(text: str, width: int) -> None:
    found, line = shortened(text, width), " ".join(clean(text).split())

    assert breadth(found) <= width
    assert found == line or (found.endswith("…") and line.startswith(found[:-1]))


def test_no_pile_of_marks_covers_the_lines_above() -> None:
    assert clean("Zalgo" + "\u0302\u0335" * 40) == "Zalgo\u0302\u0335\u0302\u0335\ufffd"
    for written in ("e\u0323\u0302", "e\u031b\u0323\u0302\u0301", "\u05e9\u05bc\u05c1\u05b8"):
        assert clean(written) == written


def test_no_blank_letter_stands_for_a_space() -> None:
    assert clean("a\u3164b\u2800c\uffa0d") == "a\ufffdb c\ufffdd"
