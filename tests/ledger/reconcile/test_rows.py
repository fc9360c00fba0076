"""Rows: the days that tellings share, what cannot both be, and orders that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.dates import is_before, parse_when
from ledger.reconcile.books import Book
from ledger.reconcile.matches import Group
from ledger.reconcile.parties import Parties
from ledger.reconcile.rows import Row, make_rows
from ledger.reconcile.tellings import Telling
from ledger.view import Told
from tests.ledger.reconcile.made_up import ONE, TWO, book, dated, mail_event, telling
from verify.brackets import Bracket
from verify.kinds import Communication, Event, Position, Ranges, Request


def rows_of(
    *groups: Sequence[Telling], books: Sequence[Book] | None = None, joined: bool = True
) -> tuple[Row, ...]:
    books = books or [
        book(each, told=[t.told for group in groups for t in group if t.fingerprint == each])
        for each in (ONE, TWO)
    ]
    same = [((ONE, "county"), (TWO, "county"))] if joined else []
    parties = Parties(books, named={each.fingerprint: () for each in books}, same=same)
    return make_rows(
        [Group(tuple(group), ()) for group in groups],
        {each.fingerprint: each for each in books},
        parties,
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "how", "when"),
    [
        ("2025-03-06", "2025-03-06", "in common", "2025-03-06"),
        ("2025-03", "[2025-02-20..2025-03-06]", "in common", "[2025-03-01..2025-03-06]"),
        ("[2025-03-06..]", "[..2025-03-06]", "in common", "2025-03-06"),
        ("[2025-03-01,2025-03-05]", "[2025-03-04..2025-03-09]", "in common", "2025-03-05"),
        ("[2025-03-01..]", "[2025-03-04..]", "in common", "[2025-03-04..]"),
        ("2025-03-06", "2025-03-07", "contradicted", None),
        ("2025-03-06", None, "one telling", "2025-03-06"),
        (None, None, "undated", None),
    ],
)
def test_says_which_days_all_tellings_allow(
    mine: str | None, theirs: str | None, how: str, when: str | None
) -> None:
    (row,) = rows_of((telling(ONE, 1, edtf=mine), telling(TWO, 1, edtf=theirs)))

    assert (how, when) == (row.dated, row.when and row.when.edtf)


def test_orders_rows_by_days_and_not_by_index() -> None:
    rows = rows_of(
        (telling(ONE, 1, edtf="2025-03-08"),),
        (telling(ONE, 2, edtf="2025-03-06"),),
        (telling(TWO, 9, edtf="2025-03-07"),),
        (telling(TWO, 1, edtf="[2025-03-07..2025-03-10]"),),
        (telling(TWO, 3, edtf=None),),
    )

    assert [None, "yes", "not established", "not established", "not established"] == [
        row.order for row in rows
    ]
    assert [2, 9, 1, 1, 3] == [row.group.tellings[0].told.index for row in rows]


def both(mine: Event, theirs: Event) -> dict[str, str]:
    """Return what two tellings differ in, and how."""
    (row,) = rows_of((telling(ONE, 1, event=mine), telling(TWO, 1, event=theirs)))
    return {each.about: each.how for each in row.differences}


def letter(number: int, **fields: object) -> Communication:
    return Communication(author="county", nonce=f"{number:032x}", channel="letter", **fields)  # type: ignore[arg-type]  # a test's own


def test_received_before_it_was_sent_cannot_be() -> None:
    mine = letter(1, dates=dated(received="2025-03-06"))
    theirs = letter(2, dates=dated(sent="2025-03-07"))

    assert {"sent only after it was received": "contradiction"} == both(mine, theirs)


def test_a_date_that_narrows_another_is_a_difference() -> None:
    mine = letter(1, dates=dated(sent="2025-03"))
    theirs = letter(2, dates=dated(sent="2025-03-07"))

    assert {"when it was sent": "difference"} == both(mine, theirs)


def test_one_instant_by_two_clocks_is_no_difference() -> None:
    mine, theirs, later = (
        letter(n, dates=dated(sent=edtf))
        for n, edtf in enumerate(
            ("2025-04-23T23:30:00-05:00", "2025-04-24T04:30:00Z", "2025-04-24T04:31:00Z"), start=1
        )
    )

    assert {} == both(mine, theirs)
    assert {"when it was sent": "difference"} == both(mine, later)


def test_a_request_and_an_invitation_are_two_things() -> None:
    fields = {"medium": "oral", "from_": ("county",), "to": ("county",)}
    mine = Request(author="county", nonce="1" * 32, what="data", **fields)  # type: ignore[arg-type]  # a test's own
    theirs = Request(author="county", nonce="2" * 32, what="invitation", **fields)  # type: ignore[arg-type]  # a test's own

    assert {"what": "contradiction", "what it was": "contradiction"} == both(mine, theirs)


def test_what_is_not_known_contradicts_nothing() -> None:
    assert {} == both(letter(1, delivery="unknown"), letter(2, delivery="sent"))
    assert {"delivery": "contradiction"} == both(
        letter(1, delivery="bounced"), letter(2, delivery="sent")
    )


def test_who_is_named_contradicts_only_where_parties_are_joined() -> None:
    mine, theirs = letter(1, from_=("county",)), letter(2, from_=("mhclg",))

    assert {"from, by labels that nothing joins": "difference"} == both(mine, theirs)
    assert {} == both(mine, letter(2, from_=("county/leader",)))


def test_one_party_that_admits_here_and_denies_there_contradicts_itself() -> None:
    mine, theirs = telling(ONE, 1, event=letter(1)), telling(TWO, 1, event=letter(2))
    books = [
        book(each.fingerprint, told=[each.told, response(each, stance)])
        for each, stance in ((mine, "admit"), (theirs, "deny"))
    ]
    (row,) = rows_of((mine, theirs), books=books)
    apart = rows_of((mine, theirs), books=books, joined=False)[0]

    assert [("admit",), ("deny",)] == [tuple(r.stance for r in each) for each in row.responses]
    assert ["contradiction"] == [each.how for each in row.differences]
    assert () == apart.differences


def test_a_response_that_was_withdrawn_is_none() -> None:
    mine, theirs = telling(ONE, 1, event=letter(1)), telling(TWO, 1, event=letter(2))
    denial = response(theirs, "deny")
    back = response(theirs, "retract_own", on=denial.id, number=9)
    books = [
        book(ONE, told=[mine.told, response(mine, "admit")]),
        book(TWO, told=[theirs.told, denial, back], withdrawn=[denial.id]),
    ]
    (row,) = rows_of((mine, theirs), books=books)

    assert ((), ()) == (row.differences, row.responses[1])


def test_what_is_said_of_some_items_or_by_a_lost_key_is_no_word_on_the_whole() -> None:
    mine, theirs = telling(ONE, 1, event=letter(1)), telling(TWO, 1, event=letter(2))
    lost = replace(response(theirs, "deny", number=12), disowned=True)
    said = [
        response(theirs, "deny", number=9, items=((4, 6),)),
        response(theirs, "admit", number=10),
        response(theirs, "deny", number=11, items=((1, 2), (5, 5))),
        lost,
    ]
    books = [
        book(ONE, told=[mine.told, response(mine, "admit")]),
        book(TWO, told=[theirs.told, *said]),
    ]
    (row,) = rows_of((mine, theirs), books=books)

    assert () == row.differences
    assert [
        ("admit", None, False), ("deny", ((1, 2), (5, 5)), False), ("deny", None, True),
    ] == [(one.stance, one.items, one.disowned) for one in row.responses[1]]  # fmt: skip


def response(
    to: Telling, stance: str, *, on: str | None = None, number: int = 8, items: Ranges | None = None
) -> Told:
    event = Position(
        author="county",
        nonce=f"{number:032x}",
        on=on or to.told.id,
        stance=stance,  # type: ignore[arg-type]  # a test's own
        items=items,
    )
    return telling(to.fingerprint, number, event=event).told


def test_the_order_of_signing_is_shown_by_brackets_alone() -> None:
    mine, theirs = telling(ONE, 9, event=mail_event(1)), telling(TWO, 1, event=mail_event(2))
    for after_s, signed in ((1000, ((0, 1),)), (999, ())):
        books = (
            book(ONE, brackets={mine.told.id: Bracket(None, 1000)}),
            book(TWO, brackets={theirs.told.id: Bracket(after_s, None)}),
        )
        (row,) = rows_of((mine, theirs), books=books)

        assert signed == row.signed


# Days and instants by turns, some of which are the same and some nearly so.
EDTF = st.sampled_from(
    (
        *("2025-03-06", "2025-03-07", "2025-03", "[..2025-03-06]", "[2025-03-07..]", "2025-04"),
        *("2025-03-06T23:30:00-05:00", "2025-03-07T04:30:00Z", "2025-03-07T01:00:00+14:00"),
        *("2025-03-06T12:00:00Z", "2025-03-05/2025-03-09", "[2025-03-01,2025-03-09]"),
    )
)


@given(sent=st.lists(EDTF, max_size=6), received=st.lists(EDTF, min_size=1, max_size=6))
def test_each_that_was_sent_too_late_is_found(sent: list[str], received: list[str]) -> None:
    letters = [letter(n, dates=dated(sent=edtf)) for n, edtf in enumerate(sent)]
    letters += [letter(100 + n, dates=dated(received=edtf)) for n, edtf in enumerate(received)]
    letters.append(letter(200, dates=dated(sent="2025-03-08", received="2025-03-01")))
    (row,) = rows_of([telling(ONE, n, event=each) for n, each in enumerate(letters)])
    found = [each for each in row.differences if each.about == "sent only after it was received"]

    whens = [(parse_when(edtf, basis="stated"), n) for n, edtf in enumerate([*sent, "2025-03-08"])]
    others = [parse_when(edtf, basis="stated") for edtf in received]
    last = parse_when("2025-03-01", basis="stated")
    late = [
        n
        for when, n in whens
        if any(is_before(each, when) == "yes" for each in others)
        or (n < len(sent) and is_before(last, when) == "yes")
    ]
    assert len(late) == len(found)
    assert all(place < len(letters) for each in found for place, _ in each.said)


@given(first=st.lists(EDTF, min_size=1, max_size=5), then=st.lists(EDTF, min_size=1, max_size=5))
def test_a_row_is_after_another_if_each_telling_is_after_each(
    first: list[str], then: list[str]
) -> None:
    rows = rows_of(
        [telling(ONE, n, edtf=edtf) for n, edtf in enumerate(first)],
        [telling(TWO, n, edtf=edtf) for n, edtf in enumerate(then)],
    )
    before, row = ([each.moment.when for each in row.group.tellings if each.moment] for row in rows)
    surely = all(is_before(one, other) == "yes" for one in before for other in row)

    assert ("yes" if surely else "not established") == rows[1].order


def test_a_party_that_tells_one_event_often_is_no_more_than_linear_work() -> None:
    """Each telling is sent too late for every other."""
    event = letter(1, dates=dated(sent="2025-03-08", received="2025-03-01"))

    def differences(count: int) -> int:
        (row,) = rows_of([telling(ONE, n, event=event) for n in range(count)])
        return len(row.differences)

    assert (4, 64) == (differences(4), differences(64))


def test_of_ledgers_that_tell_it_often_the_farthest_apart_are_shown_as_signed_in_order() -> None:
    group = [telling(ledger, n) for ledger in (ONE, TWO) for n in range(3)]
    brackets = {
        each.told.id: Bracket(after_s=100 * place, by_s=100 * place + 50)
        for place, each in enumerate(group)
    }
    books = [
        book(each, told=[t.told for t in group if t.fingerprint == each], brackets=brackets)
        for each in (ONE, TWO)
    ]
    (row,) = rows_of(group, books=books)

    assert ((0, 5),) == row.signed
