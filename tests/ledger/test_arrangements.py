"""Arrangements: who is in a forum, who chairs it, and whether it is at work."""

from __future__ import annotations

import datetime as dt

import pytest

from ledger.folds.arrangements import fold_arrangements
from ledger.folds.stances import Telling
from tests.ledger.bookmaking import Draft, dates, nonce
from tests.ledger.founding import LCC, position
from tests.ledger.undertaking import (
    BLABY,
    GROUP,
    RUTLAND,
    TOLD,
    arranged,
    arrangement,
    chairs,
    done,
    met,
    reading,
    seats,
)
from verify.kinds import Arrangement, Meeting


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), ("named", "not established", "no", "no")),
        ((("establish", "2025-07-01"),), ("established", "yes", "no", "no")),
        ((("establish", "2025-XX-XX"),), ("established", "not established", "no", "no")),
        (
            (("establish", "2025-07-01"), ("dormant", "2025-09-23")),
            ("dormant", "no", "yes", "no"),
        ),
        (
            (("establish", "2025-07-01"), ("dormant", "2025-XX-XX")),
            ("dormant", "not established", "not established", "no"),
        ),
        (
            (("establish", "2025-07-01"), ("dormant", "2025-08-01"), ("establish", "2025-09-01")),
            ("established", "yes", "no", "no"),
        ),
        (
            (("establish", "2025-07-01"), ("dormant", "2025-08-01"), ("close", "2025-09-01")),
            ("closed", "no", "no", "yes"),
        ),
        ((("terms", "2025-07-01"),), ("named", "not established", "no", "no")),
    ],
)
def test_steps_move_an_arrangement(
    steps: tuple[tuple[str, str], ...], expected: tuple[str, ...]
) -> None:
    found = arranged(GROUP, *(done(verb, on=on) for verb, on in steps))

    assert expected == (found.state, found.at_work, found.dormant, found.closed)


def test_the_state_is_that_of_the_day_asked() -> None:
    case = (GROUP, done("establish"), done("dormant", on="2025-09-23"))

    assert "established" == arranged(*case, as_at=dt.date(2025, 9, 22)).state
    assert "named" == arranged(*case, as_at=dt.date(2025, 6, 30)).state


def test_an_outsider_sets_nothing_up_and_another_member_may_deny_it() -> None:
    outside = done("establish", "melton")
    found = arranged(GROUP, outside)

    assert ("named", "it was not theirs to do") == (found.state, found.claims[0].why)
    own = done("close", LCC, "2025-08-01")
    denied = arranged(GROUP, done("establish"), own, position("no", RUTLAND, own, "deny"))
    assert ("not established", "not established") == (denied.at_work, denied.closed)
    assert [False, True] == [stage.denied for stage in denied.course]
    assert ("established", "not established") == (denied.state, seats(denied)[LCC][0])
    told = arranged(
        GROUP, done("establish"), own, position("no", RUTLAND, own, "deny"), telling=TOLD
    )
    assert "yes" == told.closed
    assert "closed" == told.state
    # A stranger's denial is none.
    assert "yes" == arranged(GROUP, own, position("no", "melton", own, "deny")).closed


def test_a_stranger_that_says_it_joined_cannot_close_an_arrangement() -> None:
    joined = done("join", "melton", "2025-08-01", members=("melton",))
    asked_in = done("join", RUTLAND, "2025-08-01", members=("melton",))
    closed = done("close", "melton", "2025-09-01")

    alone = arranged(GROUP, done("establish"), joined, closed)
    assert ("established", "no") == (alone.state, alone.closed)
    assert "closed" == arranged(GROUP, done("establish"), asked_in, closed).state


def test_a_stranger_cannot_take_the_chair() -> None:
    own = done("chair", BLABY, "2025-07-01")
    strange = done("chair", "melton", "2025-08-01")
    found = arranged(GROUP, own, strange)

    assert [(BLABY, "yes")] == [(seat.actor, seat.answer) for seat in found.chairs]
    assert ["it was not theirs to do"] == [claim.why for claim in found.claims]
    agreed = arranged(GROUP, own, strange, position("yes", LCC, strange, "agree"))
    assert ["no", "yes"] == [seat.answer for seat in agreed.chairs]


def test_what_is_later_and_what_nothing_is_told_of_is_left_out_of_arrangements_too() -> None:
    later = Draft(
        Arrangement(author=LCC, nonce=nonce("later"), type="forum", dates=dates(start="2025-12-01"))
    )
    found = fold_arrangements(reading(GROUP, later), telling=Telling(RUTLAND))

    assert ((), 1, 1) == (found.rows, found.later, found.elsewhere)


def test_a_facility_is_its_operator_s() -> None:
    store = arrangement(type="facility", operator=LCC, members=None)
    by_rutland = done("establish", RUTLAND, of=store)

    assert "named" == arranged(store, by_rutland).state
    assert "established" == arranged(store, done("establish", LCC, of=store)).state


def test_an_arrangement_that_only_an_outsider_tells_is_a_claim() -> None:
    told = arrangement(author="melton")

    assert "claimed" == arranged(told).state
    assert "named" == arranged(told, telling=Telling("melton")).state
    assert "withdrawn" == arranged(told, position("no", "melton", told, "retract_own")).state


def test_who_is_a_member_says_so_itself() -> None:
    founded = done("establish", LCC, members=(LCC, RUTLAND, BLABY))
    joined = done("join", RUTLAND, "2025-08-01")

    assert {
        BLABY: ("not established", False),
        LCC: ("yes", True),
        RUTLAND: ("yes", True),
    } == seats(arranged(GROUP, founded, joined))
    assert {BLABY: ("yes", False), LCC: ("yes", True), RUTLAND: ("yes", False)} == seats(
        arranged(GROUP, founded, telling=TOLD)
    )
    agrees = position("yes", BLABY, founded, "agree")
    assert ("yes", True) == seats(arranged(GROUP, founded, agrees))[BLABY]


def test_a_member_is_one_until_it_leaves_or_all_is_closed() -> None:
    founded = done("establish", LCC, members=(LCC, RUTLAND, BLABY))
    left = done("leave", LCC, "2025-09-01")
    assert "no" == seats(arranged(GROUP, left))[LCC][0]
    assert "not established" == seats(arranged(GROUP, left))[RUTLAND][0]
    vague = done("leave", LCC, "2025-XX-XX")

    assert "no" == seats(arranged(GROUP, founded, left))[LCC][0]
    assert "yes" == seats(arranged(GROUP, founded, left, as_at=dt.date(2025, 8, 31)))[LCC][0]
    assert "not established" == seats(arranged(GROUP, founded, vague))[LCC][0]
    # Nobody is put out by another's word for it.
    put_out = done("leave", RUTLAND, "2025-09-01", members=(LCC,))
    assert "yes" == seats(arranged(GROUP, founded, put_out))[LCC][0]
    assert "no" == seats(arranged(GROUP, founded, left, telling=TOLD))[LCC][0]
    again = done("join", LCC, "2025-10-01")
    assert "yes" == seats(arranged(GROUP, founded, left, again))[LCC][0]
    assert "no" == seats(arranged(GROUP, founded, done("close", on="2025-09-01")))[LCC][0]
    # It rests, and is still there.
    assert "yes" == seats(arranged(GROUP, founded, done("dormant", on="2025-09-01")))[LCC][0]


def test_who_left_by_its_own_word_is_in_it_no_more_whoever_told_that_it_was() -> None:
    founded = done("establish", LCC, members=(LCC, RUTLAND))
    left = done("leave", RUTLAND, "2025-09-01")

    assert ("no", False) == seats(arranged(GROUP, founded, left))[RUTLAND]
    dated = arrangement(dates=dates(start="2025-07-01"))
    out = done("leave", RUTLAND, "2025-09-01", of=dated)
    assert "no" == seats(arranged(dated, out, telling=Telling(RUTLAND)))[RUTLAND][0]
    before = arranged(GROUP, founded, left, as_at=dt.date(2025, 8, 31))
    assert "not established" == seats(before)[RUTLAND][0]
    vague = done("leave", RUTLAND, "2025-XX-XX")
    assert "not established" == seats(arranged(GROUP, founded, vague))[RUTLAND][0]
    # Another's word that it came back later is a word against it, and settles nothing.
    again = done("join", LCC, "2025-10-01", members=(RUTLAND,))
    assert "not established" == seats(arranged(GROUP, founded, left, again))[RUTLAND][0]
    put_out = done("leave", LCC, "2025-09-01", by=RUTLAND)
    assert "not established" == seats(arranged(GROUP, founded, put_out))[RUTLAND][0]


def test_membership_has_the_bounds_of_its_date() -> None:
    founded = done("establish", on="2025-07-XX", members=(LCC,))
    case = (arrangement(members=None), founded)
    group = case[0]
    founded = done("establish", of=group, on="2025-07-XX", members=(LCC,))

    for on, answer in (("2025-07-15", "not established"), ("2025-07-31", "yes")):
        found = arranged(group, founded, as_at=dt.date.fromisoformat(on))
        assert {LCC: (answer, True)} == seats(found)


def test_who_chairs_says_so_itself_and_the_next_one_ends_it() -> None:
    first = done("chair", BLABY, "2025-07-01", by="blaby/chief-executive")
    second = done("chair", RUTLAND, "2025-09-01")
    said = done("chair", LCC, "2025-07-01", by="blaby/chief-executive")

    assert [("blaby/chief-executive", "yes")] == chairs(arranged(GROUP, first))
    assert [("blaby/chief-executive", "no"), (RUTLAND, "yes")] == chairs(
        arranged(GROUP, first, second)
    )
    assert [] == chairs(arranged(GROUP, said))
    assert [("blaby/chief-executive", "yes")] == chairs(arranged(GROUP, said, telling=TOLD))


def test_a_meeting_with_its_chair_dates_who_chaired() -> None:
    undated = done("chair", LCC, "", by="blaby/chief-executive")
    meeting = met("2025-09-23", chair="blaby/chief-executive")

    assert [("blaby/chief-executive", "not established")] == chairs(
        arranged(GROUP, undated, telling=TOLD)
    )
    assert [("blaby/chief-executive", "yes")] == chairs(
        arranged(GROUP, undated, meeting, telling=TOLD)
    )


def test_who_chaired_a_hundred_meetings_has_the_chair() -> None:
    taken = done("chair", BLABY, "2022-01-01")
    weeks = (dt.date(2022, 1, 3) + dt.timedelta(weeks=number) for number in range(150))
    held = [met(day.isoformat(), chair=BLABY) for day in weeks]
    next_one = done("chair", RUTLAND, "2025-09-01")

    assert [(BLABY, "yes")] == chairs(arranged(GROUP, taken, *held))
    assert [(BLABY, "not established"), (RUTLAND, "yes")] == chairs(
        arranged(GROUP, taken, *held, next_one)
    )
    assert [(BLABY, "no"), (RUTLAND, "yes")] == chairs(arranged(GROUP, taken, *held[:32], next_one))


@pytest.mark.parametrize(
    ("meetings", "count"),
    [
        ((), (0, 0)),
        ((met("2025-07-01"),), (1, 1)),
        ((met(""),), (1, 1)),
        ((met("2025-07-01"), met("2025-08-01")), (2, 2)),
        ((met("2025-07-01"), met("2025-07-XX")), (1, 2)),
        ((met("2025-07/2025-09"),), (1, None)),
        ((met("2025-07/2025-09"), met("2025-08-01"), met("2025-09-23")), (2, None)),
        ((met("2025-07/2025-09", count=4), met("2025-09-23")), (4, 5)),
    ],
)
def test_meetings_are_counted_as_least_and_most(
    meetings: tuple[Draft, ...], count: tuple[int, int | None]
) -> None:
    assert count == arranged(GROUP, *meetings).met


def test_meetings_are_those_that_are_told_and_linked() -> None:
    other = Draft(Meeting(author=LCC, nonce=nonce("other"), dates=dates(occurred="2025-07-02")))
    outside = met("2025-07-03", author="melton")
    later = met("2025-12-03")
    found = arranged(GROUP, met("2025-07-01", minutes="no"), other, outside, later)

    assert [(1, "no")] == [(each.count, each.minutes) for each in found.meetings]
    assert (1, 1) == arranged(GROUP, outside, telling=Telling("melton")).met
