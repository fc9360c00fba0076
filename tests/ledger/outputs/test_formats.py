"""The formats that are text, together: the same octets each time, a footer, nothing unseen."""

from __future__ import annotations

from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.folds.reading import read
from ledger.outputs.formats import FORMATS, Format
from ledger.outputs.table import Choice, Table, table_of
from tests.ledger.outputs.hostile import TEXTS, hostile_table
from tests.ledger.outputs.test_table import AS_AT, founding_table
from tests.ledger.outputs.writing import written
from tests.ledger.shipped import shipped

TEXT = (*("csv", "opus2", "casemap", "chronolator", "timesketch", "ics", "json", "prov", "svg"),)


def made(each: Format, table: Table) -> list[bytes]:
    return [written(make, table) for make in (each.make, *each.beside.values())]


@pytest.mark.parametrize("name", TEXT)
def test_the_same_ledger_gives_the_same_octets(name: str) -> None:
    again = table_of(read(shipped(["founding"]).view, as_at=AS_AT))

    assert made(FORMATS[name], founding_table()) == made(FORMATS[name], again)


@pytest.mark.parametrize("name", TEXT)
def test_every_format_ends_with_ledger_and_check(name: str) -> None:
    footer = founding_table().footer
    # What folds lines is unfolded, what escapes is taken back.
    texts = [
        data.decode().replace("\r\n ", "").replace("\\n", "\n").replace("\\,", ",")
        for data in made(FORMATS[name], founding_table())
    ]

    for part in (footer.fingerprint, footer.root, footer.check, "acts of governance"):
        assert any(part in text for text in texts), part


@settings(max_examples=10, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_no_format_lets_through_what_a_reader_cannot_see(texts: list[str]) -> None:
    table = hostile_table(texts, choice=Choice(grades=True))
    for name in TEXT:
        for data in made(FORMATS[name], table):
            # Line ends are the formats' own, and those that a text may have. What is unassigned
            # now (Cn) may be seen later; no one of the list does more than stand there.
            left = set(data.decode()) - {"\n", "\r"}
            assert {c for c in left if not c.isprintable() and category(c) != "Cn"} == set()
            assert not any(ord(c) & 0xFFFE == 0xFFFE for c in left)
