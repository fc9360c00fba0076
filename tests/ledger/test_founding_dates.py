"""Every imprecise or incomplete date of the founding case: the words, their meaning, the basis.

A line of the table for each line of the domain's section 1.3, in its order. `text` is what is
printed, and `vague` the way in which the date is vague.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import pytest

from ledger.date_words import format_when
from ledger.dates import When
from ledger.folds.moments import date_of
from ledger.folds.questions import ask
from ledger.folds.questions.dates import vagueness
from ledger.folds.reading import Reading, read
from ledger.folds.requests import fold_requests
from ledger.folds.stances import Telling
from tests.ledger.shipped import Shipped, shipped
from verify.kinds import DateRole, Step

LCC = Telling("leicestershire")
AS_AT = dt.date(2025, 11, 28)


class Line(NamedTuple):
    """A date of the case."""

    number: int
    label: str
    role: DateRole
    edtf: str
    basis: str
    text: str
    vague: str | None


LINES = (
    Line(1, "meeting-6-march", "occurred", "2025-03-06", "inferred",
         "6th March (6 March 2025)", "inferred"),
    Line(2, "letter-12-march", "dated", "2025-03-12", "inferred",
         "12th March (12 March 2025)", "inferred"),
    Line(3, "ministers-reply", "dated", "2025-04-23", "stated",
         "23rd April (23 April 2025)", None),
    Line(3, "ministers-reply", "received", "[2025-04-23..]", "inferred",
         "on or after 23 April 2025", "open"),
    Line(4, "not-told", "period", "2025-03-12/", "inferred",
         "12th March (from 12 March 2025, end unknown)", "open"),
    Line(6, "letter-8-april", "received", "2025-04-08", "stated",
         "8th April (8 April 2025)", None),
    Line(6, "letter-8-april", "sent", "[..2025-04-08]", "inferred",
         "on or before 8 April 2025", "open"),
    Line(7, "detailed-reply", "sent", "[2025-04-08..]", "inferred",
         "A detailed reply was sent (on or after 8 April 2025)", "open"),
    Line(7, "list-answered-in-part", "occurred", "[2025-04-08..2025-05-01]", "inferred",
         "A detailed reply was sent (8 April to 1 May 2025)", "range"),
    Line(8, "breakdown-request", "made", "[2025-04-08..]", "inferred",
         "on or after 8 April 2025", "open"),
    Line(9, "elections-over", "occurred", "[2025-05-02..]", "corroborated",
         "after the County Council elections (on or after 2 May 2025)", "open"),
    Line(11, "mhclg-response", "received", "[2025-06-01..2025-06-10]", "convention",
         "early June (1 to 10 June 2025)", "range"),
    Line(12, "email-end-of-may", "received", "[2025-05-21..2025-05-31]", "convention",
         "at the end of May (21 to 31 May 2025)", "range"),
    Line(12, "meeting-request", "received", "[2025-05-21..2025-05-31]", "convention",
         "at the end of May (21 to 31 May 2025)", "range"),
    Line(13, "funding-proposed", "occurred", "2025-06-XX", "stated",
         "In June (June 2025)", "range"),
    Line(14, "common-data-funding", "due", "2025-11", "stated",
         "in November (November 2025)", "range"),
    Line(15, "list-clear", "occurred", "[2025-07-01..2025-07-10]", "convention",
         "early July (1 to 10 July 2025)", "range"),
    Line(15, "first-request-clear", "occurred", "[2025-07-01..2025-07-10]", "convention",
         "early July (1 to 10 July 2025)", "range"),
    Line(15, "wants-unclear", "period", "2025-03-06/2025-07~", "convention",
         "until early July (from 6 March 2025 to July 2025, approximate)", "marked"),
    Line(16, "group-established", "occurred", "[2025-07-01..2025-07-31]", "inferred",
         "Following that (July 2025)", "range"),
    Line(17, "group-meetings", "period", "2025-07/2025-09", "stated",
         "from July to September (from July 2025 to September 2025)", "span"),
    Line(18, "last-meeting", "occurred", "2025-09-23", "stated", "23 September 2025", None),
    Line(19, "group-dormant", "period", "2025-09-23/", "stated",
         "for a period of time (from 23 September 2025, end unknown)", "open"),
    Line(20, "officer-group-established", "occurred", "2025-XX-XX", "inferred",
         "also established (undated, 2025)", "year"),
    Line(20, "repository-established", "occurred", "2025-XX-XX", "inferred",
         "was established (undated, 2025)", "year"),
    Line(21, "sharing-agreement-drafted", "occurred", "2025-XX-XX", "inferred",
         "developed (undated, 2025)", "year"),
    Line(21, "signed-by-rutland", "occurred", "2025-XX-XX", "inferred",
         "signed by each party (undated, 2025)", "year"),
    Line(22, "postcode-request", "received", "[2025-09-23..]", "stated",
         "Following the last meeting (on or after 23 September 2025)", "open"),
    Line(23, "rationale-query", "occurred", "[2025-09-23..]", "inferred",
         "separately queried (on or after 23 September 2025)", "open"),
    Line(23, "no-response", "period", "2025-09-23/", "inferred",
         "no response was received (from 23 September 2025, end unknown)", "open"),
    Line(25, "lincolnshire-protocol", "effective", "[..2025-03-06]", "inferred",
         "introduced in Lincolnshire (on or before 6 March 2025)", "open"),
)  # fmt: skip
ELSEWHERE = {5, 10, 24}
"""Lines that are no date of one event: an order, a condition, a count. Their tests stand below."""


class Case:
    def __init__(self) -> None:
        self.shipped: Shipped = shipped(["founding"])
        self.reading: Reading = read(self.shipped.view, as_at=AS_AT)

    def id(self, label: str) -> str:
        return self.shipped.ids[label]

    def date(self, label: str, role: DateRole) -> When:
        when = date_of(self.reading.view.by_id[self.id(label)], role)
        assert when is not None
        return when

    def narrowed(self, label: str, role: DateRole) -> When:
        when = self.reading.narrowed(self.reading.view.by_id[self.id(label)], role)
        assert when is not None
        return when

    def before(self, first: str, second: str) -> str:
        return self.reading.order.before(self.id(first), self.id(second))


@pytest.fixture(scope="module", name="case")
def _case() -> Case:
    return Case()


@pytest.mark.parametrize(
    "line", LINES, ids=lambda line: f"date-{line.number:02}-{line.label}-{line.role}"
)
def test_a_date_says_what_the_case_says_and_no_more(case: Case, line: Line) -> None:
    when = case.date(line.label, line.role)

    assert (line.edtf, line.basis) == (when.edtf, when.basis)
    assert line.text == format_when(when)
    assert line.vague == vagueness(when)


def test_every_line_of_the_domain_has_a_test() -> None:
    assert set(range(1, 26)) == {line.number for line in LINES} | ELSEWHERE


def test_date_02_six_days_after_the_meeting_agrees_with_12_march(case: Case) -> None:
    assert (6, 6) == case.reading.days(case.id("meeting-6-march"), case.id("letter-12-march"))


def test_date_05_prior_to_the_receipt_of_the_copy_is_an_order_and_no_date(case: Case) -> None:
    # The list came before the copied reply: that much is stated, and no day of its receipt.
    assert "yes" == case.before("letter-8-april", "ministers-reply")
    assert case.date("ministers-reply", "received").latest is None


def test_date_08_the_breakdown_was_asked_for_after_the_reply(case: Case) -> None:
    assert "yes" == case.before("detailed-reply", "breakdown-request")


def test_date_09_the_first_day_after_the_poll_by_public_record(case: Case) -> None:
    assert dt.date(2025, 5, 2) == case.date("elections-over", "occurred").earliest
    assert "2025-05-02" == case.narrowed("elections-over", "occurred").edtf


def test_date_10_the_second_condition_is_an_event_and_no_date(case: Case) -> None:
    step = case.reading.view.by_id[case.id("list-deferred")].event

    assert isinstance(step, Step)
    assert (case.id("elections-over"), case.id("mhclg-response")) == step.until_events
    assert "until" not in (step.dates or {})


def test_date_11_the_public_record_narrows_early_june_to_three_days(case: Case) -> None:
    when = case.narrowed("mhclg-response", "received")

    assert ("[2025-06-01..2025-06-03]", "corroborated") == (when.edtf, when.basis)
    # What was told stays as it was told.
    assert "[2025-06-01..2025-06-10]" == case.date("mhclg-response", "received").edtf


def test_date_12_the_end_of_may_is_before_early_june_although_both_are_vague(case: Case) -> None:
    assert "yes" == case.before("email-end-of-may", "mhclg-response")


def test_date_13_in_june_is_one_day_and_nothing_that_lasted(case: Case) -> None:
    when = case.date("funding-proposed", "occurred")

    assert ("point", dt.date(2025, 6, 1), dt.date(2025, 6, 30)) == (
        when.kind, when.earliest, when.latest,
    )  # fmt: skip
    assert "not established" == case.before("mhclg-response", "funding-proposed")


def test_date_14_november_is_the_28th_by_public_record(case: Case) -> None:
    assert "2025-11-28" == case.narrowed("common-data-funding", "due").edtf


def test_date_17_the_meetings_ended_with_the_last_one(case: Case) -> None:
    by_id = case.reading.view.by_id
    corrected = date_of(by_id[case.id("group-meetings-until")], "value")

    assert corrected is not None
    assert ("2025-07/2025-09-23", "span") == (corrected.edtf, corrected.kind)
    assert dt.date(2025, 9, 23) == corrected.latest


def test_date_18_is_the_only_one_with_a_year_in_the_text(case: Case) -> None:
    stated = {
        (date.basis, told.text(f"phrase_{role}") or "")
        for told in case.reading.view.told
        for role, date in (told.event.dates or {}).items()
    }

    assert {"23 September 2025"} == {words for _, words in stated if "2025" in words}


def test_date_19_the_time_in_diaries_has_an_unknown_end_and_not_an_open_one(case: Case) -> None:
    when = case.date("group-dormant", "period")

    assert ("span", None) == (when.kind, when.latest)
    assert "end unknown" in format_when(when)
    assert "no end" not in format_when(when)


def test_date_21_all_ten_signatures_are_undated_each(case: Case) -> None:
    labels = [label for label in case.shipped.ids if label.startswith("signed-by-")]

    assert 10 == len(labels)
    assert {"2025-XX-XX"} == {case.date(label, "occurred").edtf for label in labels}


def test_date_24_many_is_a_count_and_has_no_date(case: Case) -> None:
    (found, *_) = ask(case.reading, [LCC], question="queried")

    assert 1 == found.count
    rows = fold_requests(case.reading, telling=LCC).rows
    assert 2 == sum(any(s.word == "clarification_sought" for s in row.course) for row in rows)


# The question


def test_the_vague_dates_are_told_by_the_ways_in_which_they_are_vague(case: Case) -> None:
    found = ask(case.reading, [LCC], question="vague")
    flat = {answer.answer.partition(" (")[0]: answer for answer in found}

    assert 1 == flat["Marked as approximate or uncertain"].count
    assert "early June (1 to 10 June 2025), convention, by outside evidence" in (
        flat["One unknown day of several"].answer
    )
    assert 14 == flat["Nothing but the year"].count
    undated = found[-1]
    assert undated.answer.startswith("Nothing dates ")
    assert case.reading.view.by_id[case.id("copy-from-lincolnshire")].index in undated.rests_on


def test_the_vague_dates_of_one_event_can_be_asked_for(case: Case) -> None:
    found = ask(case.reading, [LCC], question="vague", event=case.id("letter-8-april"))

    assert 1 == len(found)
    assert found[0].answer.startswith("Without a first or a last day (1): entry 16, sent on or bef")
