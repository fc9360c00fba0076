"""A ledger whose parties write what a reader's program should never obey, and tables of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from ledger.folds.reading import read
from ledger.outputs.table import COMPLETE, Choice, Table, table_of
from tests.ledger.bookmaking import Draft, book_of, dates, nonce, sealed
from verify.kinds import Communication

AS_AT = dt.date.max
TITLES = (
    '=cmd|" /C calc"!A0',
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "'=1+1",
    "''=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20A1",
    '"quoted", with, commas',
    "two\r\nlines",
    "a;b\\c,d:e",
    "letter;=1+1;Agreed",
    'letter";=1+1;"Agreed";',
    "BEGIN:VEVENT\r\nEND:VCALENDAR",
    "<script>alert(1)</script>&amp;]]>",
    "\u202egnp.exe\u202c and \u200b nothing",
    "\x1b[31mred\x1b[0m and \x00",
    "\U0001f9fe £ é 漢字 عربى",
    "x" * 40_000,
)
EDTF = (
    *("2025-03-06", "2025-03-06T16:05:00+01:00", "[2025-07-01..2025-07-10]", "2025", "2025-06"),
    *("[..2025-04-08]", "[2025-04-08..]", "2025-07-01/2025-09-30", "2025-07/..", "2025-03-06~"),
    *("1650-01-01", "0001-01-01", "9999-12-31", "[2024-12-30..2025-01-02]", "../2025-03-01"),
)
# What a claim can hold: any text that UTF-8 can.
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60) | st.sampled_from(TITLES)


def letter(number: int, claims: Mapping[str, str], edtf: str | None) -> Draft:
    author = "rutland" if number % 2 else "leicestershire"
    seal, opened = sealed(author, f"letter {number}", claims)
    return Draft(
        Communication(
            author=author,
            nonce=nonce(f"letter {number}"),
            dates=None if edtf is None else dates(sent=edtf),
            channel="letter",
            from_=(f"{author}/leader",),
            to=("blaby", "unknown"),
            cc=("melton",),
            sealed=seal,
        ),
        opened,
    )


def hostile_table(
    texts: Sequence[str], *, edtf: Sequence[str | None] = EDTF, choice: Choice = COMPLETE
) -> Table:
    """Make a table of letters: each text is the title, text, source and phrase of one."""
    drafts = [
        letter(
            number,
            {"title": text, "text": f"{text}\n{text}", "source": text, "phrase_sent": text},
            edtf[number % len(edtf)],
        )
        for number, text in enumerate(texts)
    ]
    book = book_of(drafts, members=("rutland", "blaby", "melton"))
    return table_of(read(book.view(), as_at=AS_AT), choice)


ALL_HOSTILE = [*TITLES, *EDTF, "undated"]


def every_date() -> Table:
    """Make a table with each kind of date, and none."""
    return hostile_table(ALL_HOSTILE, edtf=(*EDTF, None))
