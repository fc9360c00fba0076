"""Outcomes of requests: in time, late by how many days, or not established."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from ledger.folds.questions import ask
from ledger.folds.queue import fold_queues, queue_of
from ledger.folds.reading import Reading, read
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.plain import to_json
from ledger.text import requests_text
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce
from tests.ledger.founding import LCC, position, step
from verify.kinds import Request

NAMES = itertools.count()
MEMBERS = ("melton", "rutland")


def asked(regime: str = "foia_20", **on: str) -> Draft:
    """A request received on 6 March: under the Act an answer is due on 4 April."""
    return Draft(
        Request(
            author="rutland",
            nonce=nonce("asked"),
            dates=dates(**(on or {"received": "2025-03-06"})),
            what="data",
            medium="written",
            from_=("rutland",),
            to=(LCC,),
            regime=regime,  # type: ignore[arg-type]  # a test's own
        )
    )


def did(of: Draft, verb: str, by: str = LCC, *, on: dict[str, str], **fields: object) -> Draft:
    if verb == "answer":
        fields = {"outcome": "full"} | fields
    if verb in {"refuse", "seek_clarification"}:
        fields["reason"] = "unclear"
    return step(f"step {next(NAMES)}", of, verb, on, author=by, **fields)


def reading(*drafts: Draft) -> Reading:
    return read(book_of(drafts, members=MEMBERS).view(), as_at=dt.date(2025, 11, 28))


def came(*drafts: Draft, telling: Telling = ESTABLISHED) -> list[object]:
    run = fold_requests(reading(*drafts), telling=telling).rows[0].items[0]
    return [each.days if each.came == "late" else each.came for each in run.outcomes]


def lateness(*drafts: Draft) -> str:
    return fold_requests(reading(*drafts)).rows[0].items[0].lateness.word


ASKED = asked()


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ({"sent": "2025-04-04"}, "in time"),
        ({"sent": "2025-04-16"}, (12, 12)),
        ({"sent": "[2025-04-10..2025-04-16]"}, (6, 12)),
        ({"sent": "[2025-04-10..]"}, (6, None)),
        ({"sent": "[2025-04-01..2025-04-10]"}, "not established"),
        ({"sent": "[..2025-04-04]"}, "in time"),
        # It can have been sent before it was received, and after the day that it is dated.
        ({"received": "2025-04-04"}, "in time"),
        ({"received": "2025-04-16"}, "not established"),
        ({"dated": "2025-04-04"}, "not established"),
        ({"dated": "2025-04-05"}, (1, None)),
        ({"occurred": "2025-04-01/2025-04-06"}, (2, 2)),
        # Half an hour past midnight in the United Kingdom.
        ({"sent": "2025-04-04T23:30:00Z"}, (1, 1)),
        ({}, "not established"),
    ],
)
def test_an_outcome_is_held_against_the_deadline(on: dict[str, str], expected: object) -> None:
    assert [expected] == came(ASKED, did(ASKED, "answer", on=on))
    assert [expected] == came(ASKED, did(ASKED, "refuse", on=on))


def test_where_no_clock_ran_and_where_there_is_no_outcome_nothing_is_said() -> None:
    late = {"sent": "2025-09-16"}
    for regime in ("none", "cpr_deemed"):
        of = asked(regime, sent="2025-03-06")
        assert [] == came(of, did(of, "answer", on=late))
    assert [] == came(ASKED, did(ASKED, "withdraw", "rutland", on=late))
    assert [] == came(ASKED, did(ASKED, "answer", on=late, outcome="part"))
    unknown = asked(sent="2025-03-06")
    assert [] == came(unknown, did(unknown, "answer", on=late))


def test_the_deadline_is_the_one_that_stood_when_the_outcome_came() -> None:
    put = did(ASKED, "seek_clarification", on={"sent": "2025-03-20"})
    afterwards = did(ASKED, "seek_clarification", on={"sent": "2025-04-10"})
    reply = did(ASKED, "clarify", "rutland", on={"sent": "2025-04-01"})
    answer = did(ASKED, "answer", on={"sent": "2025-05-02"})

    # Afresh from 1 April: 1 May. A question without an answer stops the clock, if put in time.
    assert [(1, 1)] == came(ASKED, put, reply, answer)
    assert ["in time"] == came(ASKED, put, answer)
    assert [(28, 28)] == came(ASKED, afterwards, answer)
    vague = asked("agreed_date", sent="2025-03-06", due="[2025-04-01..2025-04-04]")
    assert [(2, 5)] == came(vague, did(vague, "answer", on={"sent": "2025-04-06"}))


def test_a_question_that_can_have_been_put_after_the_deadline_saves_nobody_for_certain() -> None:
    put = did(ASKED, "seek_clarification", on={"sent": "[2025-03-30..2025-04-08]"})
    reply = did(ASKED, "clarify", "rutland", on={"sent": "[2025-04-02..2025-04-09]"})
    midnight = did(ASKED, "seek_clarification", on={"sent": "2025-04-04T23:30:00Z"})
    answer = did(ASKED, "answer", on={"sent": "2025-04-29"})

    # Put and answered by 4 April it would be due in May.
    assert ["not established"] == came(ASKED, put, reply, answer)
    # Half an hour past midnight in the United Kingdom: on 5 April.
    assert [(25, 25)] == came(ASKED, midnight, answer)


def test_what_is_known_to_its_year_only_can_have_come_before_the_outcome() -> None:
    by = asked(received="[..2025-03-06]")
    year = {"occurred": "2025-XX-XX"}
    question = did(by, "seek_clarification", on=year)
    waits = did(by, "defer", "rutland", on=year)
    late, early = (did(by, "answer", on={"sent": day}) for day in ("2025-05-06", "2025-01-02"))
    afterwards = did(ASKED, "seek_clarification", on={"sent": "[2025-04-20..2025-12-31]"})

    assert [(32, None)] == came(by, late)
    assert ["not established"] == came(by, late, question)
    assert ["not established"] == came(by, late, waits)
    # Of a receipt that nothing bounds no day is surely in time; nor is one after 4 April.
    assert ["not established"] == came(by, early, question)
    assert ["in time"] == came(ASKED, did(ASKED, "answer", on={"sent": "2025-04-03"}), question)
    assert [(26, 26)] == came(ASKED, did(ASKED, "answer", on={"sent": "2025-04-30"}), afterwards)


def test_which_reply_is_one_to_which_question_must_be_established() -> None:
    put = did(ASKED, "seek_clarification", on={"sent": "2025-03-16"})
    reply = did(ASKED, "clarify", "rutland", on={"sent": "[..2025-03-18]"})
    linked = did(
        ASKED, "clarify", "rutland", on={"sent": "[..2025-03-18]"}, links=(link("follows", put),)
    )
    answer = did(ASKED, "answer", on={"sent": "2025-05-20"})

    # Before the question, it left the question open; after it, an answer was due on 15 April.
    assert ["not established"] == came(ASKED, put, reply, answer)
    assert [(35, 36)] == came(ASKED, put, linked, answer)
    assert ["in time"] == came(ASKED, put, reply, did(ASKED, "answer", on={"sent": "2025-04-04"}))
    run = fold_requests(reading(ASKED, put, reply)).rows[0].items[0]
    assert ("clarification_sought", False) == (run.state, run.silent)
    assert "not established" == run.lateness.word
    assert any(note.startswith("whether entry") for note in run.notes)


def test_a_question_that_can_have_followed_the_reply_to_another_must_be_ordered() -> None:
    first = did(ASKED, "seek_clarification", on={"sent": "2025-03-10"})
    reply = did(ASKED, "clarify", "rutland", on={"sent": "2025-03-22"})
    vague = {"sent": "[2025-03-20..2025-04-01]"}
    again = did(ASKED, "seek_clarification", on=vague)
    after = did(ASKED, "seek_clarification", on=vague, links=(link("follows", reply),))
    second = did(ASKED, "clarify", "rutland", on={"sent": "2025-04-06"})
    more = did(ASKED, "clarify", "rutland", on={"sent": "[2025-03-11..2025-04-06]"})
    answer = did(ASKED, "answer", on={"sent": "2025-05-02"})

    assert ["not established"] == came(ASKED, first, reply, again, second, answer)
    assert ["in time"] == came(ASKED, first, reply, after, second, answer)
    assert "not established" == lateness(ASKED, first, reply, again)
    assert "not established" == lateness(ASKED, again, more, reply)
    assert "stopped" == lateness(ASKED, first, reply, after)
    # What came before a review is none of the review's business.
    refused = did(ASKED, "refuse", on={"sent": "2025-05-02"})
    review = did(ASKED, "review", "rutland", on={"sent": "2025-05-06"})
    assert "long overdue" == lateness(ASKED, first, reply, again, second, refused, review)


def test_a_question_put_after_the_deadline_stops_no_clock() -> None:
    put = did(ASKED, "seek_clarification", on={"sent": "2025-04-10"})
    in_time = did(ASKED, "seek_clarification", on={"sent": "2025-04-04"})
    either = did(ASKED, "seek_clarification", on={"sent": "[2025-04-03..2025-04-10]"})
    found = reading(ASKED, put)

    assert "long overdue" == lateness(ASKED, put)
    assert "stopped" == lateness(ASKED, in_time)
    assert "not established" == lateness(ASKED, either)
    assert {None} == {each.late for each in queue_of(fold_queues(found), "rutland").rows}
    assert not any("overdue" in each.answer for each in ask(found, question="slow"))


def test_a_review_has_an_outcome_and_a_deadline_of_its_own() -> None:
    def both(regime: str, *between: tuple[str, str], last: str) -> list[object]:
        of = asked(regime)
        refusal = did(of, "refuse", on={"sent": "2025-04-07"})
        review = did(of, "review", "rutland", on={"sent": "2025-04-08"})
        more = [did(of, verb, on={"sent": day}, outcome="part") for verb, day in between]
        return came(of, refusal, review, *more, did(of, "answer", on={"sent": last}))

    # 20 working days from 8 April end on 9 May, 40 on 9 June; a month from 6 March on 7 April,
    # since the 6th is a Sunday.
    assert [(3, 3), (1, 1)] == both("foia_20", last="2025-05-10")
    assert [(3, 3), "in time"] == both("eir_20_40", last="2025-05-10")
    assert [(3, 3), "in time"] == both("foia_20", ("answer", "2025-05-01"), last="2025-05-09")
    assert ["in time"] == both("sar_1_month", last="2025-09-10")


def test_the_outcome_of_a_review_shows_the_deadline_of_the_review() -> None:
    refusal = did(ASKED, "refuse", on={"sent": "2025-04-03"})
    review = did(ASKED, "review", "rutland", on={"sent": "2025-04-08"})
    answer = did(ASKED, "answer", on={"sent": "2025-05-10"})
    row = fold_requests(reading(ASKED, refusal, review, answer)).rows[0]
    run = row.items[0]

    assert run.deadlines is not None
    assert dt.date(2025, 5, 9) == run.deadlines.due
    assert [dt.date(2025, 4, 4), dt.date(2025, 5, 9)] == [each.due_latest for each in run.outcomes]
    assert [None, review.id] == [each.review for each in run.outcomes]


def test_who_agreed_to_wait_shows_nobody_late() -> None:
    deferral = did(ASKED, "defer", on={"sent": "2025-03-20", "until": "2025-05-02"})
    agreed = position("yes", "rutland", deferral, "agree")
    answer = did(ASKED, "answer", on={"sent": "2025-05-06"})
    early = did(ASKED, "answer", on={"sent": "2025-04-03"})

    assert [(32, 32)] == came(ASKED, deferral, answer)
    assert ["not established"] == came(ASKED, deferral, agreed, answer)
    assert ["in time"] == came(ASKED, deferral, agreed, early)


def test_words_that_differ_make_nobody_late() -> None:
    answer = did(ASKED, "answer", on={"sent": "2025-04-08"})
    agreed = position("yes", "rutland", answer, "agree")
    receipt = position("receipt", LCC, ASKED, "received", dates=dates(received="2025-03-12"))
    denied = position("no", "rutland", answer, "deny", field="dates.sent")
    after_all = position("after all", "rutland", answer, "agree", field="dates.sent")

    # From 12 March it was due on 10 April.
    found = (ASKED, answer, agreed, receipt)
    assert ["not established"] == came(*found)
    assert [(4, 4)] == came(*found, telling=Telling("rutland"))
    assert ["in time"] == came(*found, telling=Telling(LCC))
    assert ["not established"] == came(ASKED, answer, denied)
    assert [(4, 4)] == came(ASKED, answer, denied, after_all)
    assert [(4, 4)] == came(ASKED, answer, position("but", "rutland", answer, "dispute"))


def test_text_json_and_the_question_who_was_slow_say_the_same() -> None:
    found = reading(ASKED, did(ASKED, "answer", on={"sent": "2025-04-16"}))
    rows = fold_requests(found)
    outcome = rows.rows[0].items[0].outcomes[0]
    slow = ask(found, question="slow")

    text = " ".join(requests_text(found.view, [rows]).split())
    assert f"outcome of the request (entry {outcome.index}): late by 12 days" in text
    assert f"until entry {outcome.index}, late by 12 days" in slow[0].answer
    due = "2025-04-04"
    assert to_json(outcome) == {
        "id": outcome.id, "index": outcome.index, "came": "late", "days": [12, 12],
        "due_earliest": due, "due_latest": due,
    }  # fmt: skip


def test_no_maker_is_late_with_an_answer_that_came_while_it_had_to_act() -> None:
    question = did(ASKED, "seek_clarification", on={"sent": "2025-04-10"})
    answer = did(ASKED, "answer", on={"sent": "2025-04-16"})
    told = ask(reading(ASKED, question, answer), question="slow")

    assert not any("late" in each.answer for each in told)
