"""Deadlines: measured dates first, then each regime, then properties."""

from __future__ import annotations

import datetime as dt
from importlib.metadata import version

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.clocks import (
    ANY_PART_OF_UK,
    ENGLAND,
    Calendar,
    Day,
    Deadlines,
    Pause,
    Regime,
    Terms,
    deadlines,
    is_overdue,
)
from ledger.dates import When, parse_when
from ledger.errors import ClockError

DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2040, 12, 31))
POST = Terms(method="first_class_post")


def when(edtf: str) -> When:
    return parse_when(edtf, basis="stated")


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def due(edtf: str, regime: Regime, terms: Terms | None = None) -> str:
    only = deadlines(when(edtf), regime=regime, terms=terms).due

    assert only is not None
    return only.isoformat()


def ends(of: Deadlines) -> tuple[dt.date | None, dt.date | None]:
    return (
        None if of.earliest is None else of.earliest.due,
        None if of.latest is None else of.latest.due,
    )


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2025-03-06", "2025-04-04"),  # St Patrick's Day counts against it
        ("2025-04-08", "2025-05-09"),  # Good Friday, Easter Monday, 5 May
        ("2025-03-08", "2025-04-07"),  # received on a Saturday
        ("2024-12-23", "2025-01-24"),  # Christmas, and 2 January in Scotland
    ],
)
def test_foia_gives_the_date_worked_out_by_hand(received: str, expected: str) -> None:
    assert expected == due(received, "foia_20")


def test_the_trap_of_the_calendar_without_a_nation_is_still_there() -> None:
    careless = holidays.country_holidays("GB", years=2025)

    assert day("2025-04-21") not in careless
    assert "2025-05-08" != due("2025-04-08", "foia_20")


def test_the_working_lists_every_day_with_its_number_or_its_reason() -> None:
    only = deadlines(when("2025-03-06"), regime="foia_20").earliest

    assert only is not None
    assert day("2025-03-06") == only.start
    assert [day("2025-03-06") + dt.timedelta(n) for n in range(30)] == [
        d.date for d in only.working
    ]
    assert Day(day("2025-03-06"), None, "day from which time runs") == only.working[0]
    assert Day(day("2025-03-07"), 1, None) == only.working[1]
    assert Day(day("2025-03-08"), None, "Saturday") == only.working[2]
    assert Day(day("2025-04-04"), 20, None) == only.working[-1]
    skipped = {d.date: d.skipped_reason for d in only.working if d.counted is None}
    assert "Saint Patrick's Day (Northern Ireland)" == skipped[day("2025-03-17")]


def test_a_deadline_names_the_source_of_its_calendar() -> None:
    only = deadlines(when("2025-03-06"), regime="foia_20").earliest

    assert only is not None
    assert (
        f"holidays {version('holidays')} (union of England, Wales, Scotland, Northern Ireland)"
        == only.calendar
    )
    assert f"holidays {version('holidays')} (England)" == str(ENGLAND)


def test_explains_a_deadline_in_plain_text() -> None:
    nations = "England, Wales, Scotland, Northern Ireland"
    lines = deadlines(when("2025-04-08"), regime="foia_20").explain()

    assert (
        "Rule: Freedom of Information Act 2000 s.10: 20 working days.",
        "Runs from: Tuesday 8 April 2025.",
        "Saturdays and Sundays passed over: 8.",
        f"Passed over: Friday 18 April 2025, Good Friday ({nations}).",
        "Passed over: Monday 21 April 2025, Easter Monday (England, Wales, Northern Ireland).",
        f"Passed over: Monday 5 May 2025, May Day ({nations}).",
        "Due: by the end of Friday 9 May 2025, working day 20.",
        f"Calendar: {ANY_PART_OF_UK}.",
    ) == lines


def test_an_imprecise_receipt_gives_an_earliest_and_a_latest_deadline() -> None:
    of = deadlines(when("[2025-06-01..2025-06-10]"), regime="foia_20")

    assert (day("2025-06-27"), day("2025-07-08")) == ends(of)
    assert of.due is None
    assert "Earliest possible deadline:" == of.explain()[0]
    assert "Latest possible deadline:" in of.explain()


def test_a_weekend_of_doubt_can_leave_one_deadline() -> None:
    of = deadlines(when("[2025-03-07,2025-03-08]"), regime="foia_20")

    assert day("2025-04-07") == of.due


def test_an_unbounded_receipt_leaves_that_side_open() -> None:
    after = deadlines(when("[2025-04-23..]"), regime="foia_20")
    before = deadlines(when("[..2025-04-08]"), regime="foia_20")

    assert (day("2025-05-22"), None) == ends(after)
    assert after.due is None
    assert (None, day("2025-05-09")) == ends(before)
    assert "Earliest possible deadline: not established." == before.explain()[0]


def test_a_time_of_day_is_turned_into_united_kingdom_time() -> None:
    in_summer = deadlines(when("2025-07-10T23:30:00Z"), regime="foia_20")
    in_winter = deadlines(when("2025-01-10T23:30:00Z"), regime="foia_20")

    assert day("2025-07-11") == (in_summer.earliest and in_summer.earliest.start)
    assert day("2025-01-10") == (in_winter.earliest and in_winter.earliest.start)
    assert (
        "23:30:00Z as written is 00:30 on 11 July 2025 in the United Kingdom."
        in in_summer.explain()
    )


@pytest.mark.parametrize(
    ("received", "start"),
    [
        ("2025-03-30T00:59:59Z", "2025-03-30"),
        ("2025-03-30T23:00:00Z", "2025-03-31"),
        ("2025-03-29T23:30:00Z", "2025-03-29"),
        ("2025-10-25T23:30:00Z", "2025-10-26"),
        ("2025-10-26T23:30:00Z", "2025-10-26"),
        ("2025-07-11T00:30:00+02:00", "2025-07-10"),
    ],
)
def test_summer_time_runs_from_the_last_sunday_of_march_to_that_of_october(
    received: str, start: str
) -> None:
    only = deadlines(when(received), regime="foia_20").earliest

    assert only is not None
    assert day(start) == only.start


def test_eir_has_twenty_working_days_or_forty() -> None:
    assert "2025-04-04" == due("2025-03-06", "eir_20_40")
    assert "2025-05-07" == due("2025-03-06", "eir_20_40", Terms(eir_days=40))


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2025-09-03", "2025-10-03"),
        ("2025-01-30", "2025-02-28"),  # no 30 February
        ("2024-01-31", "2024-02-29"),
        ("2025-03-31", "2025-04-30"),
        ("2025-06-05", "2025-07-07"),  # 5 July is a Saturday
        ("2025-03-18", "2025-04-22"),  # Good Friday, weekend, Easter Monday
        ("2025-11-25", "2025-12-29"),  # Christmas Day to Sunday
        ("2025-12-10", "2026-01-12"),
    ],
)
def test_sar_is_due_on_the_corresponding_day_of_the_next_month(
    received: str, expected: str
) -> None:
    assert expected == due(received, "sar_1_month")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2025-04-08T15:29:59Z", "2025-04-08"),  # 16:29:59 in summer time
        ("2025-04-08T15:30:00Z", "2025-04-09"),
        ("2025-01-08T16:29:59Z", "2025-01-08"),
        ("2025-01-08T16:30:00Z", "2025-01-09"),
        ("2025-04-17T17:00:00+01:00", "2025-04-22"),  # the Thursday before Easter
        ("2025-04-19T09:00:00+01:00", "2025-04-22"),
        ("2025-03-17T09:00:00Z", "2025-03-17"),  # no bank holiday in England
    ],
)
def test_an_email_before_half_past_four_on_a_business_day_is_served_that_day(
    sent: str, expected: str
) -> None:
    assert expected == due(sent, "cpr_deemed")


def test_an_email_of_unknown_time_is_served_that_day_or_the_next_business_day() -> None:
    of = deadlines(when("2025-04-08"), regime="cpr_deemed")

    assert (day("2025-04-08"), day("2025-04-09")) == ends(of)
    assert "2025-04-22" == due("2025-04-19", "cpr_deemed")
    assert any("Supposing" in line for line in of.explain())


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        ("2025-03-03", "2025-03-05"),
        ("2025-03-06", "2025-03-10"),  # Thursday: the second day is a Saturday
        ("2025-04-16", "2025-04-22"),  # the second day is Good Friday
        ("2025-03-15", "2025-03-17"),  # no bank holiday in England
    ],
)
def test_first_class_post_is_served_on_the_second_day_or_the_next_business_day(
    posted: str, expected: str
) -> None:
    assert expected == due(posted, "cpr_deemed", POST)


def test_no_regime_has_no_deadline_and_is_never_overdue() -> None:
    of = deadlines(when("[..2025-04-08]"), regime="none")

    assert (None, None) == ends(of)
    assert "Due: no date." in of.explain()
    assert "no" == is_overdue(of, day("2099-01-01"))


def test_an_agreed_date_does_not_depend_on_the_receipt() -> None:
    agreed = Terms(agreed=when("2025-11-28"))

    assert "2025-11-28" == due("[2025-04-08..]", "agreed_date", agreed)
    assert day("2025-11-28") == deadlines(None, regime="agreed_date", terms=agreed).due
    assert deadlines(when("2025-04-08"), regime="agreed_date").due is None
    with pytest.raises(ClockError, match="one day"):
        deadlines(None, regime="foia_20")


def test_of_a_vague_day_that_was_agreed_both_ends_are_deadlines() -> None:
    of = deadlines(None, regime="agreed_date", terms=Terms(agreed=when("[2025-04-10..2025-04-20]")))

    assert (day("2025-04-10"), day("2025-04-20")) == ends(of)
    words = [is_overdue(of, day(f"2025-04-{n}")) for n in (10, 15, 21)]
    assert ["no", "not established", "yes"] == words
    half = deadlines(None, regime="agreed_date", terms=Terms(agreed=when("[..2025-04-20]")))
    assert (None, day("2025-04-20")) == ends(half)
    within = Terms(agreed=when("2025-04-01/2025-04-20"))
    assert day("2025-04-20") == deadlines(None, regime="agreed_date", terms=within).due


def test_a_review_has_a_rule_of_its_own() -> None:
    review = Terms(review=True)
    eir = deadlines(when("2026-05-01"), regime="eir_20_40", terms=review)
    foia = deadlines(when("2026-05-01"), regime="foia_20", terms=review)

    # Bank holidays: 4 and 25 May, and 15 June in Scotland alone.
    assert (day("2026-07-01"), day("2026-06-02")) == (eir.due, foia.due)
    assert "reg. 11(4)" in eir.explain()[0]
    assert "no limit in law" in foia.explain()[0]


def test_time_under_foia_runs_afresh_from_the_answer_to_a_question() -> None:
    pauses = [Pause(day("2025-03-20"), day("2025-04-08"))]
    of = deadlines(when("2025-03-06"), regime="foia_20", pauses=pauses)

    assert day("2025-05-09") == of.due
    assert (
        "The question of 20 March 2025 was answered on 8 April 2025: time runs afresh from there."
        in of.explain()
    )


def test_no_clock_runs_while_a_question_is_unanswered() -> None:
    regimes: tuple[Regime, ...] = ("foia_20", "eir_20_40", "sar_1_month")
    for regime in regimes:
        of = deadlines(when("2025-03-06"), regime=regime, pauses=[Pause(day("2025-03-20"), None)])

        assert (None, None) == ends(of)
        assert "no" == is_overdue(of, day("2030-01-01"))


def test_a_question_put_after_the_deadline_does_not_move_it() -> None:
    late = [Pause(day("2025-04-07"), day("2025-04-20"))]
    in_time = [Pause(day("2025-04-04"), day("2025-04-20"))]

    assert day("2025-04-04") == deadlines(when("2025-03-06"), regime="foia_20", pauses=late).due
    assert day("2025-04-04") < (
        deadlines(when("2025-03-06"), regime="foia_20", pauses=in_time).due or dt.date.min
    )


def test_a_question_put_after_the_month_does_not_move_it() -> None:
    late = [Pause(day("2025-10-04"), day("2025-10-20"))]
    of = deadlines(when("2025-09-03"), regime="sar_1_month", pauses=late)

    assert day("2025-10-03") == of.due
    assert any("does not move it" in line for line in of.explain())


@pytest.mark.parametrize(
    ("pauses", "expected"),
    [
        # Neither the day on which a question is put counts, nor that of its answer.
        ([("2025-09-10", "2025-09-13"), ("2025-09-20", "2025-09-21")], "2025-10-09"),
        ([("2025-09-10", "2025-09-10")], "2025-10-06"),  # the 4th is a Saturday
        ([("2025-09-10", "2025-09-13"), ("2025-09-13", "2025-09-16")], "2025-10-10"),
    ],
)
def test_the_days_of_a_pause_are_added_under_sar(
    pauses: list[tuple[str, str]], expected: str
) -> None:
    stood = [Pause(day(stopped), day(restarted)) for stopped, restarted in pauses]
    of = deadlines(when("2025-09-03"), regime="sar_1_month", pauses=stood)

    assert day(expected) == of.due
    assert any("both days included" in line for line in of.explain())


def test_a_deadline_that_can_be_extended_says_to_which_day() -> None:
    def note(regime: Regime, *pauses: Pause, received: str = "2025-03-06") -> str:
        lines = deadlines(when(received), regime=regime, pauses=pauses).explain()
        return next((line for line in lines if line.startswith("No extension")), "")

    answered = Pause(day("2025-03-20"), day("2025-04-08"))
    assert note("eir_20_40").endswith(
        "reg. 7(1) it would be due by the end of Wednesday 7 May 2025."
    )
    # Three months from 30 November, and of February the last day.
    end = "it would be due by the end of Friday 28 February 2025."
    assert note("sar_1_month", received="2024-11-30").endswith(end)
    assert note("sar_1_month", answered).endswith("Thursday 26 June 2025.")
    assert note("eir_20_40", answered).endswith("Monday 9 June 2025.")
    assert "" == note("foia_20") == note("eir_20_40", received="2099-11-20")
    review = deadlines(when("2025-03-06"), regime="eir_20_40", terms=Terms(review=True))
    assert not any("extension" in line for line in review.explain())


@pytest.mark.parametrize(
    "pauses",
    [
        [Pause(dt.date(2025, 3, 20), dt.date(2025, 3, 19))],
        [Pause(dt.date(2025, 3, 5), dt.date(2025, 3, 10))],
        [
            Pause(dt.date(2025, 3, 20), dt.date(2025, 3, 25)),
            Pause(dt.date(2025, 3, 24), dt.date(2025, 3, 26)),
        ],
        [Pause(dt.date(2025, 3, 20), None), Pause(dt.date(2025, 3, 24), dt.date(2025, 3, 26))],
        [Pause(dt.date(2025, 3, 20), dt.date(2100, 1, 1))],
    ],
)
def test_refuses_pauses_that_cannot_be(pauses: list[Pause]) -> None:
    with pytest.raises(ClockError) as refused:
        deadlines(when("2025-03-06"), regime="foia_20", pauses=pauses)

    assert refused.value.reason


@pytest.mark.parametrize("edtf", ["2025-03-06/2025-03-07", "1990-01-01", "2099-12-31", "9999"])
def test_refuses_a_receipt_it_cannot_count_from(edtf: str) -> None:
    with pytest.raises(ClockError) as refused:
        deadlines(when(edtf), regime="foia_20")

    assert refused.value.reason


def test_says_whether_a_deadline_has_passed() -> None:
    precise = deadlines(when("2025-04-08"), regime="foia_20")
    vague = deadlines(when("[2025-06-01..2025-06-10]"), regime="foia_20")
    after = deadlines(when("[2025-04-23..]"), regime="foia_20")

    assert "no" == is_overdue(precise, day("2025-05-09"))
    assert "yes" == is_overdue(precise, day("2025-05-10"))
    assert "no" == is_overdue(vague, day("2025-06-27"))
    assert "not established" == is_overdue(vague, day("2025-06-28"))
    assert "yes" == is_overdue(vague, day("2025-07-09"))
    assert "not established" == is_overdue(after, day("2030-01-01"))


def test_another_calendar_can_be_asked_for() -> None:
    scotland = Calendar(("SCT",))
    received = when("2025-04-08")

    assert day("2025-05-08") == deadlines(received, regime="foia_20", calendar=scotland).due


def test_a_deadline_beyond_the_proclaimed_holidays_says_so() -> None:
    of = deadlines(when("2029-03-06"), regime="foia_20")

    assert "Bank holidays after 2028 are expected, not proclaimed." in of.explain()


def working_days(after: dt.date, last: dt.date) -> int:
    """Count the days that are no weekend, and a holiday in none of the four nations."""
    years = range(after.year, last.year + 1)
    closed = {
        each
        for nation in ("ENG", "NIR", "SCT", "WLS")
        for each in holidays.country_holidays("GB", subdiv=nation, years=years)
    }
    days = (after + dt.timedelta(n) for n in range(1, (last - after).days + 1))
    return sum(each.weekday() < 5 and each not in closed for each in days)


@given(DAYS)
def test_foia_counts_twenty_working_days_and_ends_on_one(received: dt.date) -> None:
    last = day(due(received.isoformat(), "foia_20"))

    assert 20 == working_days(received, last)
    assert 19 == working_days(received, last - dt.timedelta(1))


@given(
    DAYS,
    st.integers(0, 40),
    st.sampled_from(["foia_20", "eir_20_40", "sar_1_month", "cpr_deemed"]),
    st.sampled_from([Terms(), POST]),
)
def test_a_later_receipt_never_gives_an_earlier_deadline(
    received: dt.date, more: int, regime: Regime, terms: Terms
) -> None:
    days = [received + dt.timedelta(n) for n in range(more + 1)]
    of = deadlines(when(f"[{days[0]}..{days[-1]}]"), regime=regime, terms=terms)
    first, last = ends(of)

    assert first is not None
    assert last is not None
    for each in (days[0], days[more // 2], days[-1]):
        lo, hi = ends(deadlines(when(each.isoformat()), regime=regime, terms=terms))
        assert lo is not None
        assert hi is not None
        assert first <= lo <= hi <= last


@pytest.mark.parametrize(
    "edtf",
    [
        "2099-12-31",
        "2099-12-31T23:30:00-02:00",
        "1996-01-01",
        "1996-01-01T00:30:00+05:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "[2025-04-08..9999]",
    ],
)
def test_the_edges_of_the_calendar_give_a_deadline_or_a_clock_error(edtf: str) -> None:
    regimes: tuple[Regime, ...] = ("none", "foia_20", "eir_20_40", "sar_1_month", "cpr_deemed")
    for regime in regimes:
        try:
            of = deadlines(when(edtf), regime=regime, terms=POST)
        except ClockError:
            continue

        assert of.explain()


def test_every_day_is_printed_with_its_number_or_its_reason() -> None:
    only = deadlines(when("2025-03-06"), regime="foia_20").earliest
    assert only is not None
    lines = only.day_by_day()

    assert "2025-03-06 Thursday: day from which time runs" == lines[0]
    assert "2025-03-07 Friday: working day 1" == lines[1]
    assert "2025-03-08 Saturday: Saturday" == lines[2]
    assert "2025-03-17 Monday: Saint Patrick's Day (Northern Ireland)" == lines[11]
    assert "2025-04-04 Friday: working day 20" == lines[-2]
    assert lines[-1].startswith("Calendar: holidays ")
    assert "union of England, Wales, Scotland, Northern Ireland" in lines[-1]
    assert 20 == sum(": working day " in line for line in lines)


def test_every_day_of_both_ends_is_printed_where_the_receipt_is_vague() -> None:
    lines = deadlines(when("[2025-04-08..2025-04-09]"), regime="foia_20").day_by_day()
    open_ended = deadlines(when("[2025-04-08..]"), regime="foia_20").day_by_day()
    served = deadlines(when("2025-04-08"), regime="cpr_deemed").day_by_day()

    assert "From the earliest possible receipt:" == lines[0]
    assert "From the latest possible receipt:" in lines
    assert "2025-05-12 Monday: working day 20" in lines
    assert "From the latest possible receipt:" not in open_ended
    assert "2025-04-08 Tuesday: the day itself" in served
