"""The table that outputs are made from: its rows on the founding case, its choices, its footer."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.folds.reading import Reading, read
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.timeline import fold_timeline
from ledger.layout import clean
from ledger.outputs.table import COMPLETE, Choice, Table, instant_words, table_of
from ledger.view import SignedMail, Stamped
from tests.ledger.bookmaking import Draft, book_of, nonce, public, sealed
from tests.ledger.founding import CASE, INVITATION, LCC, LETTER, MEETING, OTHERS, position
from tests.ledger.outputs.hostile import hostile_table
from tests.ledger.shipped import shipped
from tests.ledger.test_folds_timeline import shuffled
from verify.kinds import Artefact, Communication, Key, Opening

AS_AT = dt.date(2025, 11, 28)


@functools.cache
def founding() -> tuple[Reading, dict[str, str]]:
    case = shipped(["founding"])
    return read(case.view, as_at=AS_AT), dict(case.ids)


def founding_table(choice: Choice = COMPLETE) -> Table:
    return table_of(founding()[0], choice)


def case_table(*more: object, choice: Choice = COMPLETE) -> Table:
    book = book_of((*CASE, *more), members=OTHERS)  # type: ignore[arg-type]  # drafts
    return table_of(read(book.view(), as_at=AS_AT), choice)


def test_has_a_row_for_each_event_of_the_chronology_in_its_order() -> None:
    reading, _ = founding()
    table = founding_table()

    assert [row.id for row in fold_timeline(reading).rows] == [row.ref for row in table.rows]
    assert list(range(1, len(table.rows) + 1)) == [row.no for row in table.rows]
    assert len(table.rows) == table.footer.rows


def test_counts_every_entry_as_a_row_or_as_left_out() -> None:
    table = founding_table()
    counts = sum(count for count, _ in table.footer.left_out)

    assert table.footer.size == len(table.rows) + counts


def test_keeps_the_words_and_bounds_of_an_imprecise_date() -> None:
    table, ids = founding_table(), founding()[1]
    row = next(row for row in table.rows if row.seq == 41)
    assert row.date is not None

    assert "early July" == row.date.phrase
    assert (dt.date(2025, 7, 1), dt.date(2025, 7, 10)) == (row.date.earliest, row.date.latest)
    assert "[2025-07-01..2025-07-10]" == row.date.edtf
    assert not row.date.precise
    assert row.ref in ids.values()


def test_the_words_of_a_date_are_one_line_and_its_bounds_another() -> None:
    (row,) = hostile_table(["in spring,\n or so"], edtf=["2025-03"]).rows
    assert row.date is not None

    assert ("in spring, or so", "March 2025") == row.date.lines
    assert "in spring,\n or so" == row.date.phrase


def test_names_who_did_it_towards_whom_and_for_whom() -> None:
    (row,) = (row for row in case_table().rows if row.ref == LETTER.id)

    assert set(OTHERS) == set(row.on_behalf_of)
    assert (f"{LCC}/acting-leader",) == row.to
    assert "84 items, or 96 if rutland counts" == row.items
    assert (LCC,) == row.told_by
    assert not row.established


def test_the_agreed_variant_has_only_what_every_named_party_agrees_to() -> None:
    agreeing = [position(f"agree {party}", party, MEETING, "agree") for party in OTHERS]
    most = [position(f"agree too {party}", party, INVITATION, "agree") for party in OTHERS[1:]]
    table = case_table(*agreeing, *most, choice=Choice(variant="agreed"))

    assert [MEETING.id] == [row.ref for row in table.rows]
    assert "agreed" == table.rows[0].status
    assert len(OTHERS) == len(table.rows[0].positions)
    assert (len(CASE) - 1, "not agreed by every party that it names") in table.footer.left_out
    assert "--variant agreed" in table.footer.again


def test_the_agreed_variant_leaves_out_what_its_author_withdrew() -> None:
    agreeing = [position(f"agree {party}", party, MEETING, "agree") for party in OTHERS]
    withdrawal = position("withdrawal", LCC, MEETING, "retract_own")

    assert () == case_table(*agreeing, withdrawal, choice=Choice(variant="agreed")).rows


def agreed_letter(**fields: object) -> Table:
    """Return the agreed chronology of a letter to rutland, which then agrees to it."""
    seal, opened = sealed(LCC, "letter", {"title": "You admitted it"})
    event = Communication(
        author=LCC, nonce=nonce("letter"), channel="letter", from_=(LCC,), to=("rutland",),
        sealed=seal, **fields,  # type: ignore[arg-type]  # a test's own
    )  # fmt: skip
    on = Draft(event, () if event.withheld else opened)
    book = book_of((on, position("yes", "rutland", on, "agree")), members=OTHERS)
    if event.withheld:
        handed = Opening(author=LCC, nonce=nonce("handed"), of=on.id, names=("title",))
        book.add(Draft(handed))
        book.disclosures[len(book.entries) - 3] = opened
    return table_of(read(book.view(), as_at=AS_AT), Choice(variant="agreed"))


def test_the_agreed_variant_has_no_text_that_was_shown_after_it_was_agreed() -> None:
    assert ["You admitted it"] == [row.title for row in agreed_letter().rows]
    assert () == agreed_letter(withheld=("title",)).rows
    assert () == agreed_letter(audience={"title": ("blaby",)}).rows


def test_the_agreed_variant_has_a_document_when_who_gave_it_and_who_holds_it_agree() -> None:
    paper = Draft(
        Artefact(
            author=LCC, nonce=nonce("paper"), type="protocol", custodian="blaby/clerk",
            provenance="rutland",
        )
    )  # fmt: skip
    one, other = (position(f"yes of {who}", who, paper, "agree") for who in ("blaby", "rutland"))
    agreed = Choice(variant="agreed")

    assert () == case_table(paper, one, choice=agreed).rows
    assert [paper.id] == [row.ref for row in case_table(paper, one, other, choice=agreed).rows]


def test_the_agreed_variant_has_nothing_that_a_compromised_key_agreed_to() -> None:
    letter = Draft(
        Communication(
            author=LCC, nonce=nonce("to one"), channel="letter", from_=(LCC,), to=("rutland",)
        )
    )
    book = book_of((letter, position("yes", "rutland", letter, "agree")), members=OTHERS)
    revoked = Key(
        author="rutland", nonce=nonce("revoked"), verb="revoke", party="rutland",
        key=public("rutland"), compromised_since=len(book.entries) - 1,
    )  # fmt: skip
    before = table_of(read(book.view(), as_at=AS_AT), Choice(variant="agreed"))
    book.add(Draft(revoked))
    after = read(book.view(), as_at=AS_AT)

    assert [letter.id] == [row.ref for row in before.rows]
    assert () == table_of(after, Choice(variant="agreed")).rows
    (row,) = table_of(after).rows
    assert "by a key that is said to have been compromised" in row.positions[0]


def test_a_telling_has_what_its_party_signs_or_upholds() -> None:
    upheld = position("admit", "rutland", MEETING, "admit")
    table = case_table(upheld, choice=Choice(telling=Telling("rutland")))

    assert [MEETING.id] == [row.ref for row in table.rows]
    assert ("leicestershire", "rutland") == table.rows[0].told_by


def test_what_is_established_is_signed_by_one_whose_act_it_is() -> None:
    refs = {row.ref for row in case_table(choice=Choice(telling=ESTABLISHED)).rows}

    assert {INVITATION.id, MEETING.id} <= refs
    assert LETTER.id not in refs


def test_says_nothing_of_grades_unless_asked() -> None:
    assert {()} == {row.grades for row in founding_table().rows}
    graded = founding_table(Choice(grades=True)).rows[0].grades

    assert "that it happened" == graded[0].element
    assert graded[0].name.startswith("Asserted")


def test_the_order_is_that_to_the_row_above_in_this_table() -> None:
    table = founding_table(Choice(telling=ESTABLISHED))
    reading, _ = founding()
    for above, row in zip(table.rows, table.rows[1:], strict=False):
        assert reading.order.before(above.ref, row.ref) == row.order
    assert table.rows[0].order is None


def test_an_account_stands_behind_what_its_sentences_name() -> None:
    names = Counter(source.locator for row in founding_table().rows for source in row.sources)

    assert names["sentence 15"] > 0


def test_the_footer_says_where_the_ledger_is_and_how_to_check_it() -> None:
    footer = founding_table().footer
    text = "\n".join(footer.lines())

    for part in (footer.origin, footer.fingerprint, footer.root, str(footer.size), "2025-11-28"):
        assert part in text
    assert f"counterfoil-verify EXPORT --fingerprint {footer.fingerprint}" in text
    assert "acts of governance (1)" in text
    assert footer.calendar is None


def test_the_same_reading_gives_an_equal_table() -> None:
    assert founding_table() == founding_table()


def facts(table: Table) -> list[tuple[object, ...]]:
    """Give what rows say, without the numbers of entries."""
    return [
        (row.no, row.ref, row.date, row.dates, row.title, row.from_, row.to, row.items, row.status)
        for row in table.rows
    ]


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_the_same_facts_in_any_order_give_the_same_rows(seed: int) -> None:
    assert facts(table_in(CASE)) == facts(table_in(shuffled(CASE, seed)))


def table_in(order: Sequence[Draft]) -> Table:
    return table_of(read(book_of(order, members=OTHERS).view(), as_at=AS_AT))


def test_what_was_known_before_stays_when_more_is_recorded() -> None:
    late = position("late", "rutland", CASE[-1], "deny")
    longer = book_of((*CASE, late), members=OTHERS)
    shorter = book_of(CASE, members=OTHERS)
    before = longer.view(at_size=shorter.view().size)

    assert table_of(read(before, as_at=AS_AT)) == table_of(read(shorter.view(), as_at=AS_AT))


def test_the_footer_names_the_authorities_whose_stamps_count() -> None:
    view = replace(founding()[0].view, stamps=(Stamped(2, 1_800_000_000, "Time\u202e CA"),))
    footer = table_of(read(view, as_at=AS_AT)).footer

    assert "Time stamps count of: Time\ufffd CA." in footer.lines()
    assert " --tsa-chain CERTIFICATES --format " in footer.again


def test_the_footer_names_whose_mails_were_checked_with_keys_of_the_reader() -> None:
    usual = SignedMail(domain="a.example", covers=(), own=True, day="", trusted=False)
    mails = (usual, usual._replace(domain="given.example", trusted=True))
    view = replace(founding()[0].view, mails={"an event": mails})
    footer = table_of(read(view, as_at=AS_AT)).footer

    assert "A key that the reader gave counts for: given.example." in footer.lines()
    assert not any("a.example" in line for line in footer.lines())
    assert " --dkim-keys KEYS --format " in footer.again


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two\r\nlines\rand\u2028more", "two\nlines\nand\nmore"),
        ("a\u00a0b\tc", "a b c"),
        (
            "漢字 \U0001f469\u200d\U0001f680 \ufdd0\U0001fffe",
            "漢字 \U0001f469\ufffd\U0001f680 \ufffd\ufffd",
        ),
        ("turn \u202e round\u200b\x00\x1b[31m", "turn \ufffd round\ufffd\ufffd\ufffd[31m"),
    ],
)
def test_cleans_text(text: str, expected: str) -> None:
    assert expected == clean(text)


def test_cleans_all_that_unicode_says_nobody_sees() -> None:
    for number in {*range(0xD800), *range(0xE000, 0x110000, 7)}:
        character = chr(number)
        if category(character) in {"Cc", "Cf", "Co", "Zl", "Zp"} and character != "\n":
            assert clean(character) in {"\n", " ", "\ufffd"}, hex(number)


def test_writes_instants_beyond_the_calendar_as_its_end() -> None:
    assert "2025-12-01T00:00:00.000Z" == instant_words(1_764_547_200_000)
    assert "9999-12-31T23:59:59.999Z" == instant_words(2**53 - 1)
    assert "0005-01-01T10:00:00.000Z" == instant_words(-62_009_330_400_000)
