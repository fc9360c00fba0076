"""The contradictions, gaps and doubles of the founding case: these, and no others."""

from __future__ import annotations

import pytest

from ledger.folds.contradictions import RULES, Contradictions, Finding, fold_contradictions
from ledger.folds.reading import read
from ledger.texts.contradicting import contradictions_text
from tests.ledger.contradicting import AS_AT
from tests.ledger.shipped import Shipped, shipped

# What must be found unprompted, (a) to (g)


class Case:
    def __init__(self) -> None:
        self.shipped: Shipped = shipped(["founding"])
        self.view = self.shipped.view
        self.fold: Contradictions = fold_contradictions(read(self.view, as_at=AS_AT))
        labels = {i: label for label, i in self.shipped.ids.items() if ":" not in label}
        self.labels = [[labels[each] for each in row.events] for row in self.fold.rows]

    def index(self, label: str) -> int:
        return self.view.by_id[self.shipped.ids[label]].index

    def rows(self, rule: str) -> list[tuple[Finding, list[str]]]:
        rows = zip(self.fold.rows, self.labels, strict=True)
        return [(row, labels) for row, labels in rows if row.rule == rule]

    def one(self, rule: str) -> tuple[Finding, list[str]]:
        (found,) = self.rows(rule)
        return found


@pytest.fixture(scope="module", name="case")
def _case() -> Case:
    return Case()


def test_a_request_or_invitation_on_6_march(case: Case) -> None:
    row, labels = case.one("meaning")

    assert ["meeting-6-march", "first-request", "invitation"] == labels
    assert ("meaning", 2, ("leicestershire",)) == (row.kind, row.severity, row.told_by)
    assert (
        f"The meeting of entry {case.index('meeting-6-march')} is told in two ways: as a request "
        "for data by blaby, charnwood and 6 others to leicestershire (entry "
        f"{case.index('first-request')}), and as an invitation by leicestershire to blaby, "
        f"charnwood and 6 others to ask (entry {case.index('invitation')})."
    ) == row.words


def test_b_a_complaint_6_days_after_the_invitation_and_27_before_the_list(case: Case) -> None:
    row, labels = case.one("complained_first")

    assert ["invitation", "letter-12-march", "data-request"] == labels
    assert (
        "blaby, charnwood and 6 others sent a statement to mhclg (the letter of entry "
        f"{case.index('letter-12-march')}) 6 days after the invitation of entry "
        f"{case.index('invitation')}, and 27 days before it was taken up (the request of entry "
        f"{case.index('data-request')})."
    ) == row.words


def test_c_the_email_of_the_end_of_may_came_before_what_was_waited_for(case: Case) -> None:
    row, labels = case.one("before_awaited")

    assert [
        *("data-request", "breakdown-request", "list-deferred", "breakdown-deferred"),
        *("email-end-of-may", "meeting-request", "mhclg-response"),
    ] == labels
    assert (
        "blaby, charnwood and 6 others put off the request of entry "
        f"{case.index('data-request')} and the request of entry "
        f"{case.index('breakdown-request')} until the communication of entry "
        f"{case.index('mhclg-response')} (The ministry's response to the interim plans came) had "
        "come, early June (1 to 3 June 2025), and asked again before it came: the email of entry "
        f"{case.index('email-end-of-may')}, at the end of May (21 to 31 May 2025); the request of "
        f"entry {case.index('meeting-request')} (for a meeting), at the end of May (21 to 31 May "
        "2025). That it was put off by then is not established."
    ) == row.words


def test_d_84_items_or_96_if_rutland_is_an_area(case: Case) -> None:
    row, labels = case.one("items_doubtful")

    assert ["data-request"] == labels
    assert (
        f"The request of entry {case.index('data-request')} asks for 84 items, or 96 if rutland "
        "counts: whether it does is not told."
    ) == row.words


def test_e_what_became_of_the_meeting_asked_for_in_may_is_not_told(case: Case) -> None:
    row, labels = case.one("no_outcome")

    assert ["meeting-request"] == labels
    assert (
        "blaby, charnwood and 5 others asked leicestershire for a meeting, at the end of May (21 "
        f"to 31 May 2025) (the request of entry {case.index('meeting-request')}); whether it was "
        "answered or held is not told, 181 to 191 days later."
    ) == row.words


def test_f_what_has_no_date_at_all(case: Case) -> None:
    row, labels = case.one("undated")

    # Rows 15, 16, 17, 30, 31, 33 and 34 of the case.
    assert {
        *("detailed-reply", "list-answered-in-part", "clarification-sought", "breakdown-request"),
        *("officer-group-established", "repository-established", "sharing-agreement-drafted"),
        *("signed-by-leicestershire", "signed-by-oadby-wigston", "postcode-request"),
    } <= set(labels)
    # What is vague by the house's convention, or dated by public record, has a date.
    assert {
        *("email-end-of-may", "mhclg-response", "elections-over", "funding-proposed"),
        *("letter-8-april", "data-request", "last-meeting", "group-established"),
        *("copy-not-sent", "protocol", "data-sharing-group", "became-aware"),
    }.isdisjoint(set(labels) - {"group-established"})
    assert row.words.startswith(
        f"{len(labels)} events have no date of their own as leicestershire tells them, but at "
        "most a year, or bounds that were worked out: entries "
    )


def test_g_one_date_only_carries_a_year(case: Case) -> None:
    row, labels = case.one("no_year")

    assert "meeting-6-march" in labels
    assert "last-meeting" not in labels
    assert (
        "Of the 12 dates in words that leicestershire gives, 1 names its year (“23 September "
        "2025”); the year of the others was added: “6th March”, “until early July”, “12th March”, "
        "“8th April”, “23rd April”, “at the end of May”, “early June”, “In June”, “early July”, "
        "“from July to September” and “in November”."
    ) == row.words


def test_many_earlier_requests_have_no_events_behind_them(case: Case) -> None:
    row, labels = case.one("count_claim")

    assert ["rationale-query", "postcode-request"] == labels
    assert (
        f"Entry {case.index('rationale-query')} speaks of “many earlier requests”, and refers to "
        "no more than one; in all, leicestershire tells 5 requests."
    ) == row.words


def test_the_last_request_was_queried_and_there_is_silence(case: Case) -> None:
    row, labels = case.one("queried")

    assert ["postcode-request", "rationale-query"] == labels
    assert "no answer of blaby, charnwood and 5 others is told, for at most 66 days" in row.words


def test_what_was_asked_and_has_no_answer(case: Case) -> None:
    assert [
        ["first-request", "first-request-clear"],
        ["data-request", "list-clear"],
        ["breakdown-request"],
    ] == [labels for _, labels in case.rows("unanswered")]


def test_that_the_invitation_was_taken_up_is_one_side_s_word(case: Case) -> None:
    row, labels = case.one("answer_claimed")

    assert ["invitation", "invitation-taken-up"] == labels
    assert ["established", "as told by leicestershire"] == [str(each) for each in row.tellings]


def test_what_is_denied_and_what_was_corrected(case: Case) -> None:
    denied, labels = case.one("value_disputed")
    corrected, changed = case.one("own_correction")

    assert ["complaint", "criticism-denied"] == labels
    assert denied.words.endswith(
        f"leicestershire denies allegation 1 (entry {case.index('criticism-denied')})."
    )
    assert ["group-meetings", "group-meetings-until"] == changed
    assert "the two dates do not exclude each other" in corrected.words


def test_nothing_else_is_found_in_the_founding_case(case: Case) -> None:
    assert [
        *("value_disputed", "meaning", "before_awaited", "complained_first", "answer_claimed"),
        *("items_doubtful", "own_correction", "unanswered", "unanswered", "unanswered"),
        *("no_outcome", "queried", "count_claim", "no_year", "undated"),
    ] == [row.rule for row in case.fold.rows]


def test_the_page_says_why_and_in_whose_telling(case: Case) -> None:
    text = contradictions_text(case.view, case.fold)
    flat = " ".join(text.split())

    assert all(len(line) <= 80 for line in text.split("\n"))
    assert "What does not fit or is missing, as at 28 November 2025" in flat
    assert f"{RULES['meaning'].why} [meaning]" in flat
    assert "(established, as told by leicestershire)" in flat
    assert "never which of them is so" in flat
    empty = contradictions_text(case.view, Contradictions(as_at=AS_AT, rows=(), looked_at=3))
    assert "Nothing, in 3 events." in empty
