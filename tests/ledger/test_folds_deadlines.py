"""Deadlines of requests: when time runs, when it stops, and when something is overdue."""

from __future__ import annotations

import datetime as dt

import pytest

from ledger.folds.reading import read
from ledger.folds.requests import deadline_under
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce
from tests.ledger.founding import FIRST, LCC, LETTER, OTHERS, position, step
from tests.ledger.requesting import AS_AT, ASKED, REFUSED, reading, request, row
from verify.kinds import Communication, Request


def test_what_if_it_had_been_a_freedom_of_information_request() -> None:
    found = deadline_under(reading(), FIRST.id, regime="foia_20")
    letter = deadline_under(reading(), LETTER.id, regime="foia_20")

    assert found is not None
    assert dt.date(2025, 4, 4) == found.due
    assert any("Patrick" in line for line in found.explain())
    assert letter is not None
    assert dt.date(2025, 5, 9) == letter.due
    assert deadline_under(reading(), FIRST.id, regime="none") is None


def test_the_clock_says_due_and_overdue() -> None:
    due = row(ASKED, reading(ASKED, as_at=dt.date(2025, 4, 4))).items[0].lateness
    over = row(ASKED, reading(ASKED, as_at=dt.date(2025, 4, 5))).items[0].lateness

    assert ("due", 0) == (due.word, due.days)
    assert ("overdue", 1) == (over.word, over.days)


def test_a_question_stops_the_clock_and_its_answer_starts_it_afresh() -> None:
    question = step("q", ASKED, "seek_clarification", {"sent": "2025-03-20"}, reason="unclear")
    reply = step("a", ASKED, "clarify", {"sent": "2025-04-01"}, author="rutland")

    stopped = row(ASKED, reading(ASKED, question)).items[0]
    assert ("stopped", ("rutland",), (253, 253)) == (
        stopped.lateness.word,
        stopped.ball,
        stopped.days,
    )
    afresh = row(ASKED, reading(ASKED, question, reply)).items[0]
    assert afresh.deadlines is not None
    assert dt.date(2025, 5, 1) == afresh.deadlines.due


def test_of_more_questions_than_deadlines_are_worked_out_with_a_note_says_so() -> None:
    def notes(count: int) -> list[str]:
        steps: list[Draft] = []
        for number in range(count):
            day = dt.date(2025, 3, 12) + dt.timedelta(days=2 * number)
            sent, back = ({"sent": (day + dt.timedelta(days=n)).isoformat()} for n in (0, 1))
            steps += [
                step(f"q {number}", ASKED, "seek_clarification", sent, reason="unclear"),
                step(f"a {number}", ASKED, "clarify", back, author="rutland"),
            ]
        run = row(ASKED, reading(ASKED, *steps)).items[0]
        assert (run.deadlines is None) == bool(run.notes)
        return list(run.notes)

    assert [] == notes(64)
    assert ["no deadline is worked out: more than 64 questions were put"] == notes(65)


def lateness(of: Draft, *more: Draft, as_at: str = "2025-11-28") -> tuple[str, int | None]:
    found = row(of, reading(of, *more, as_at=dt.date.fromisoformat(as_at))).items[0].lateness
    return found.word, found.days


def test_nothing_is_late_by_the_day_on_which_service_is_deemed() -> None:
    served = request(regime="cpr_deemed", dates=dates(sent="2025-03-06"))

    assert ("no clock", None) == lateness(served)


def test_a_day_that_was_agreed_needs_no_receipt_and_can_be_vague() -> None:
    def agreed(**on: str) -> Draft:
        return request(regime="agreed_date", dates=dates(sent="2025-03-06", **on))

    assert ("overdue", 1) == lateness(agreed(due="2025-11-27"))
    assert ("overdue", None) == lateness(agreed(due="[2025-11-20..2025-11-27]"))
    assert ("not established", None) == lateness(agreed(due="2025-11"))
    assert ("no clock", None) == lateness(agreed())


def test_a_review_is_late_by_its_own_rule_or_by_none() -> None:
    def reviewed(regime: str) -> tuple[str, int | None]:
        of = request(regime=regime, dates=dates(received="2025-03-06", sent="2025-03-06"))
        refusal = step("refusal", of, "refuse", {"sent": "2025-03-20"})
        review = step("review", of, "review", {"sent": "2025-03-25"}, author="rutland")
        return lateness(of, refusal, review, as_at="2025-05-24")

    # 40 working days end on 23 May, 20 on 24 April.
    assert ("overdue", 1) == reviewed("eir_20_40")
    assert ("overdue", 30) == reviewed("foia_20")
    assert ("no clock", None) == reviewed("sar_1_month")
    assert ("no clock", None) == reviewed("cpr_deemed")


@pytest.mark.parametrize(
    ("regime", "put", "answered", "ends"),
    [
        # Time runs afresh from the answer, whenever before the deadline the question was put.
        ("foia_20", "[2025-03-10..2025-03-15]", "2025-04-01", ("2025-05-01", "2025-05-01")),
        ("foia_20", None, "2025-03-20", ("2025-04-17", "2025-04-17")),
        ("foia_20", "2025-03-10", "[2025-03-20..2025-04-01]", ("2025-04-17", "2025-05-01")),
        ("foia_20", "2025-03-10", "[2025-03-20..]", ("2025-04-17", None)),
        # Put after the deadline of 4 April, or before it.
        ("foia_20", "[2025-04-01..2025-04-20]", "2025-04-30", ("2025-04-04", "2025-05-30")),
        ("foia_20", "[2025-02-01..2025-03-01]", "2025-04-01", ("2025-04-04", "2025-04-04")),
        # 6 April is a Sunday, 12 April a Saturday. Paused for 6 to 11 days.
        ("sar_1_month", "[2025-03-10..2025-03-15]", "2025-03-20", ("2025-04-14", "2025-04-17")),
    ],
)
def test_of_a_vague_question_there_are_two_deadlines(
    regime: str, put: str | None, answered: str, ends: tuple[str, str | None]
) -> None:
    of = request(regime=regime, dates=dates(made="2025-03-06", received="2025-03-06"))
    question = step("q", of, "seek_clarification", {} if put is None else {"sent": put},
                    reason="unclear")  # fmt: skip
    answer = step("a", of, "clarify", {"sent": answered}, author="rutland",
                  links=(link("replies_to", question),))  # fmt: skip
    found = row(of, reading(of, question, answer)).items[0].deadlines

    assert found is not None
    given = (found.earliest, found.latest)
    assert ends == tuple(None if e is None or e.due is None else e.due.isoformat() for e in given)


def test_who_gets_a_request_that_is_passed_on_has_the_whole_of_its_time() -> None:
    question = step("q", ASKED, "seek_clarification", {"sent": "2025-03-10"}, reason="unclear")
    passed = step("passed", ASKED, "transfer", {"sent": "2025-03-12"}, to=("melton",))
    agreed = position("yes", "rutland", passed, "agree")

    # By 4 April, had it stayed with the county; from 12 March it is 10 April.
    assert ("due", 0) == lateness(ASKED, passed, agreed, as_at="2025-04-10")
    assert ("overdue", 1) == lateness(ASKED, passed, agreed, question, as_at="2025-04-11")


def test_a_review_runs_a_clock_of_its_own() -> None:
    review = step("review", ASKED, "review", {"received": "2025-05-02"}, author="rutland",
                  items=((1, 3),))  # fmt: skip
    found = row(ASKED, reading(ASKED, REFUSED, review)).items[0]

    assert ("under_review", (LCC,)) == (found.state, found.ball)
    assert found.deadlines is not None
    assert dt.date(2025, 6, 3) == found.deadlines.due


def test_a_vague_receipt_makes_lateness_not_established() -> None:
    vague = Draft(
        Request(
            author="rutland",
            nonce=nonce("vague"),
            dates=dates(received="[2025-03-01..2025-03-10]"),
            what="data",
            medium="written",
            from_=("rutland",),
            to=(LCC,),
            regime="foia_20",
        )
    )
    found = row(vague, reading(vague, as_at=dt.date(2025, 4, 4))).items[0]

    assert "not established" == found.lateness.word
    chase = step("chase", vague, "chase", {"sent": "2025-04-01"}, author="rutland")
    assert (chase.id,) == row(vague, reading(vague, chase)).chased


def test_what_was_sent_and_not_told_to_be_received_has_no_deadline() -> None:
    sent = Draft(
        Request(
            author="rutland",
            nonce=nonce("sent"),
            dates=dates(sent="2025-03-06"),
            what="data",
            medium="written",
            from_=("rutland",),
            to=(LCC,),
            regime="foia_20",
        )
    )
    receipt = position("got it", LCC, sent, "received", dates=dates(received="2025-03-06"))

    assert row(sent, reading(sent)).items[0].deadlines is None
    due = row(sent, reading(sent, receipt)).items[0].deadlines
    assert due is not None
    assert dt.date(2025, 4, 4) == due.due


# Deemed service, as a what-if: from the day of sending, not from that of receipt


def test_service_is_deemed_from_the_day_of_sending_by_the_channel_of_the_letter() -> None:
    letter = Draft(
        Communication(author="rutland", nonce=nonce("posted"), channel="letter", from_=("rutland",))
    )
    posted = request(
        dates=dates(sent="2025-04-17", received="2025-04-24"), links=(link("about", letter),)
    )
    emailed = request(dates=dates(sent="2025-04-17T15:00:00Z"), nonce=nonce("emailed"))
    found = read(book_of([letter, posted, emailed], members=OTHERS).view(), as_at=AS_AT)

    # Good Friday, the Saturday, Easter Sunday and Easter Monday serve nothing.
    by_post = deadline_under(found, posted.id, regime="cpr_deemed")
    assert by_post is not None
    assert dt.date(2025, 4, 22) == by_post.due
    # 15:00 UTC is 16:00 in the United Kingdom in summer, and so before half past four.
    by_email = deadline_under(found, emailed.id, regime="cpr_deemed")
    assert by_email is not None
    assert dt.date(2025, 4, 17) == by_email.due


def test_no_service_is_deemed_of_what_is_not_told_to_have_been_sent() -> None:
    received = request(dates=dates(received="2025-04-08"))
    found = read(book_of([received], members=OTHERS).view(), as_at=AS_AT)

    assert deadline_under(found, received.id, regime="cpr_deemed") is None
    assert deadline_under(found, received.id, regime="foia_20") is not None
