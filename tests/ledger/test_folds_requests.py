"""Requests: the founding case, the table of states, and a dispute that two sides tell."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.folds.contradictions import fold_contradictions
from ledger.folds.items import Item, Move, ball_of, move, resumed
from ledger.folds.ranges import RangeMap
from ledger.folds.reading import Reading, read
from ledger.folds.request_rows import ItemRow, RequestRow
from ledger.folds.requests import deadline_under, fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce, revoked
from tests.ledger.founding import (
    CASE,
    CLARIFIED,
    FIRST,
    INVITATION,
    LCC,
    LETTER,
    OTHERS,
    POSTCODES,
    position,
    step,
)
from verify.kinds import Attestation, Communication, Discharge, Meeting, Request, Transfer

TOLD = Telling(LCC)
DISTRICT_PARTIES = tuple(sorted(OTHERS))
AS_AT = dt.date(2025, 11, 28)


def reading(*drafts: Draft, as_at: dt.date = AS_AT, members: tuple[str, ...] = OTHERS) -> Reading:
    return read(book_of(drafts or CASE, members=members).view(), as_at=as_at)


def row(of: Draft, read_: Reading, telling: Telling = ESTABLISHED) -> RequestRow:
    return next(r for r in fold_requests(read_, telling=telling).rows if r.id == of.id)


def states(found: RequestRow) -> list[tuple[int, int, str]]:
    return [(run.first, run.last, run.state) for run in found.items]


def test_the_invited_held_the_ball_for_33_days() -> None:
    found = row(INVITATION, reading(), TOLD)

    assert (33, 33) == found.held
    assert LETTER.id == found.taken_up_by
    assert () == found.items[0].ball


def test_of_vague_days_nobody_held_the_ball_for_less_than_none() -> None:
    invitation = Draft(
        Request(
            author="rutland",
            nonce=nonce("vaguely invited"),
            dates=dates(sent="[2025-03-01..2025-03-10]"),
            what="invitation",
            medium="written",
            from_=("rutland",),
            to=(LCC,),
        )
    )
    taken = Draft(
        Request(
            author=LCC,
            nonce=nonce("taken up"),
            dates=dates(sent="[2025-03-05..2025-03-12]"),
            what="data",
            medium="written",
            from_=(LCC,),
            to=("rutland",),
            links=(link("follows", invitation),),
        )
    )

    assert (0, 11) == row(invitation, reading(invitation, taken)).held


def test_what_only_the_recipient_tells_establishes_no_request() -> None:
    found = row(INVITATION, reading())

    assert (267, 267) == found.held
    assert DISTRICT_PARTIES == found.items[0].ball
    assert "claimed" == row(LETTER, reading()).standing


def test_the_letter_has_84_items_or_96_if_rutland_counts() -> None:
    found = row(LETTER, reading(), TOLD)

    assert (84, 96, ("rutland",)) == (found.certain, found.total, found.doubtful_areas)
    assert (("clarified", (24, 36)), ("answered_in_part", (60, 60))) == found.counts
    assert [False, False, True] == [run.doubtful for run in found.items]
    assert "clarified" == found.worst


@pytest.mark.parametrize(
    ("as_at", "expected", "notes"),
    [
        ("2025-05-31", "deferred", 0),
        ("2025-06-05", "deferred", 1),
        ("2025-06-10", "clarification_sought", 1),
        ("2025-06-30", "clarification_sought", 1),
        ("2025-07-10", "clarified", 0),
    ],
)
def test_the_deferral_ends_when_all_it_waits_for_has_come(
    as_at: str, expected: str, notes: int
) -> None:
    found = row(LETTER, reading(as_at=dt.date.fromisoformat(as_at)), TOLD)

    assert expected == found.items[1].state
    assert notes == len(found.items[1].notes)


def test_it_took_117_to_126_days_to_be_clear() -> None:
    assert (117, 126) == reading().days(FIRST.id, CLARIFIED.id)


def test_the_postcodes_request_was_queried_and_is_silent_since() -> None:
    run = row(POSTCODES, reading(), TOLD).items[0]

    assert ("clarification_sought", ("blaby",)) == (run.state, run.ball)
    assert (28, 66) == run.days
    assert not run.lateness.stale
    later = row(POSTCODES, reading(as_at=dt.date(2025, 12, 31)), TOLD).items[0]
    assert later.lateness.stale


def test_what_if_it_had_been_a_freedom_of_information_request() -> None:
    found = deadline_under(reading(), FIRST.id, regime="foia_20")
    letter = deadline_under(reading(), LETTER.id, regime="foia_20")

    assert found is not None
    assert dt.date(2025, 4, 4) == found.due
    assert any("Patrick" in line for line in found.explain())
    assert letter is not None
    assert dt.date(2025, 5, 9) == letter.due
    assert deadline_under(reading(), FIRST.id, regime="none") is None


# Two sides


def request(**fields: object) -> Draft:
    usual = {"nonce": nonce("two-sided"), "dates": dates(received="2025-03-06")}
    event = Request(
        author="rutland",
        what="data",
        medium="written",
        from_=("rutland",),
        to=(LCC,),
        **(usual | fields),  # type: ignore[arg-type]  # a test's own
    )
    return Draft(event)


ASKED = request(categories=10, regime="foia_20")
REFUSED = step("refusal", ASKED, "refuse", {"sent": "2025-03-20"}, items=((1, 3),), reason="exempt")


def test_a_step_of_the_party_entitled_to_it_moves_what_is_established() -> None:
    acknowledged = step("ack", ASKED, "acknowledge", {"sent": "2025-03-07"})
    found = row(ASKED, reading(ASKED, acknowledged, REFUSED))

    assert [(1, 3, "refused"), (4, 10, "asked")] == states(found)
    assert ("rutland",) == found.items[0].ball
    assert (LCC,) == found.items[1].ball
    assert ("acknowledged",) == found.items[1].flags
    assert ("long overdue", 238) == (found.items[1].lateness.word, found.items[1].lateness.days)


def test_the_clock_says_due_and_overdue() -> None:
    due = row(ASKED, reading(ASKED, as_at=dt.date(2025, 4, 4))).items[0].lateness
    over = row(ASKED, reading(ASKED, as_at=dt.date(2025, 4, 5))).items[0].lateness

    assert ("due", 0) == (due.word, due.days)
    assert ("overdue", 1) == (over.word, over.days)


def test_another_side_s_step_is_only_a_claim() -> None:
    told = step("claim", ASKED, "withdraw", {"sent": "2025-03-20"}, by="rutland")
    found = row(ASKED, reading(ASKED, told))

    assert [(1, 10, "asked")] == states(found)
    assert [("withdraw", ("rutland",), LCC)] == [(c.verb, c.doers, c.told_by) for c in found.claims]
    assert [(1, 10, "withdrawn")] == states(row(ASKED, reading(ASKED, told), TOLD))


def test_a_claim_that_the_doer_agrees_to_moves_what_is_established() -> None:
    told = step("claim", ASKED, "withdraw", {"sent": "2025-03-20"}, by="rutland")
    agreed = position("yes", "rutland", told, "agree")
    undone = position("no", "rutland", agreed, "retract_own")

    assert [(1, 10, "withdrawn")] == states(row(ASKED, reading(ASKED, told, agreed)))
    assert [(1, 10, "asked")] == states(row(ASKED, reading(ASKED, told, agreed, undone)))


def test_a_deferral_by_the_recipient_alone_is_only_a_flag() -> None:
    deferral = step("defer", ASKED, "defer", {"sent": "2025-03-20", "until": "2025-05-02"})
    agreed = position("yes", "rutland", deferral, "agree")
    day = dt.date(2025, 4, 1)

    alone = row(ASKED, reading(ASKED, deferral, as_at=day)).items[0]
    assert ("asked", ("deferral_claimed",)) == (alone.state, alone.flags)
    both = row(ASKED, reading(ASKED, deferral, agreed, as_at=day)).items[0]
    assert ("deferred", ()) == (both.state, both.ball)
    over = row(ASKED, reading(ASKED, deferral, agreed, as_at=dt.date(2025, 5, 2))).items[0]
    assert ("asked", (LCC,), (0, 0)) == (over.state, over.ball, over.days)
    # Due on 4 April, as before: the Act knows no deferral, and that is said.
    assert ("overdue", 28) == (over.lateness.word, over.lateness.days)
    assert "its deferral moves no deadline" in over.notes


def test_who_must_act_again_holds_the_ball_from_the_day_on_which_it_was_resumed() -> None:
    put_off = step("wait", ASKED, "defer", {"sent": "2025-03-17", "until": "2025-04-13"},
                   author="rutland")  # fmt: skip
    again = step("again", ASKED, "resume", {"sent": "2025-04-08"})

    def found(*drafts: Draft, day: str) -> ItemRow:
        of = reading(ASKED, put_off, *drafts, as_at=dt.date.fromisoformat(day))
        return row(ASKED, of).items[0]

    early = found(again, day="2025-04-10")
    assert ("asked", (LCC,), (2, 2)) == (early.state, early.ball, early.days)
    assert ("its deferral moves no deadline",) == early.notes
    assert (6, 6) == found(again, day="2025-04-14").days
    # Without a word it is over by itself on the 13th.
    over = found(day="2025-04-14")
    assert (1, 1) == over.days
    assert "what it waited for has come" in over.notes


def test_an_answer_is_missed_28_days_after_it_was_resumed_or_once_it_is_overdue() -> None:
    def missed(of: Draft, day: str) -> bool:
        put_off = step("wait", of, "defer", {"sent": "2025-03-17", "until": "2025-04-13"},
                       author="rutland")  # fmt: skip
        found = reading(of, put_off, as_at=dt.date.fromisoformat(day))
        return "unanswered" in {each.rule for each in fold_contradictions(found).rows}

    of = request(dates=dates(made="2025-03-06", received="2025-03-06"))
    assert [False, True] == [missed(of, "2025-05-10"), missed(of, "2025-05-11")]
    agreed = request(regime="agreed_date", dates=dates(made="2025-03-06", due="2025-04-15"))
    assert [False, True] == [missed(agreed, "2025-04-15"), missed(agreed, "2025-04-16")]


def test_the_maker_contests_an_outcome() -> None:
    contest = position("contest", "rutland", REFUSED, "dispute")
    found = row(ASKED, reading(ASKED, REFUSED, contest))

    assert ("refused", ("contested",)) == (found.items[0].state, found.items[0].flags)
    assert () == found.items[1].flags


def test_no_word_by_a_compromised_key_contests_an_outcome_or_settles_one() -> None:
    contest = position("contest", "rutland", REFUSED, "dispute")
    settled = position("settled", "rutland", REFUSED, "agree")

    def flags(since: int, *words: Draft) -> tuple[str, ...]:
        book = book_of([ASKED, REFUSED, *words], members=OTHERS)
        book.add(revoked("rutland", since=len(book.entries) - since))
        return row(ASKED, read(book.view(), as_at=AS_AT)).items[0].flags

    assert () == flags(1, contest)
    assert ("contested",) == flags(1, contest, settled)


def test_what_was_disputed_of_one_outcome_contests_no_later_one() -> None:
    contest = position("contest", "rutland", REFUSED, "dispute")
    settled = position("settled", "rutland", REFUSED, "agree")
    review = step("review", ASKED, "review", {"sent": "2025-03-25"}, author="rutland",
                  items=((1, 3),))  # fmt: skip
    answer = step("late", ASKED, "answer", {"sent": "2025-04-02"}, outcome="full", items=((1, 3),))
    again = position("again", "rutland", answer, "dispute", items=((2, 2),))
    withdrawn = step("no more", ASKED, "withdraw", {"sent": "2025-04-02"}, author="rutland")

    def flags(*more: Draft) -> list[tuple[str, ...]]:
        return [run.flags for run in row(ASKED, reading(ASKED, REFUSED, contest, *more)).items]

    assert [("contested",), ()] == flags()
    assert [(), ()] == flags(settled)
    assert [(), ()] == flags(review, answer)
    assert [(), ("contested",), (), ()] == flags(review, answer, again)
    assert {()} == set(flags(withdrawn))


def test_a_chase_after_what_was_waited_for_is_told_after_it_and_breaks_the_quiet() -> None:
    wait = step("wait", ASKED, "defer", {"sent": "2025-03-10", "until": "2025-03-20"},
                author="rutland")  # fmt: skip

    def course(day: str) -> tuple[list[tuple[str, tuple[str, ...]]], bool]:
        chase = step("chase", ASKED, "chase", {"sent": day}, author="rutland")
        found = row(ASKED, reading(ASKED, wait, chase))
        return [(each.word, each.ball) for each in found.course[2:]], found.items[0].quiet

    assert ([("chased", ()), ("resumed", (LCC,))], True) == course("2025-03-15")
    assert ([("resumed", (LCC,)), ("chased", (LCC,))], False) == course("2025-03-30")


def test_a_maker_that_is_content_with_some_items_contests_the_others_still() -> None:
    whole = position("contest", "rutland", REFUSED, "dispute")
    request_ = position("unhappy", "rutland", ASKED, "dispute", items=((1, 3),))
    some = position("content", "rutland", REFUSED, "agree", items=((2, 2),))
    of_request = position("happier", "rutland", ASKED, "agree", items=((1, 2),))

    def contested(*words: Draft) -> list[tuple[int, int]]:
        runs = row(ASKED, reading(ASKED, REFUSED, *words)).items
        return [(run.first, run.last) for run in runs if "contested" in run.flags]

    refused = contested(whole)
    assert [(1, 3)] == refused
    assert [(1, 1), (3, 3)] == contested(whole, some)
    assert refused == contested(some, whole)
    assert [(3, 3)] == contested(request_, of_request)


def test_a_deferral_that_was_claimed_is_no_flag_of_an_outcome() -> None:
    deferral = step("defer", ASKED, "defer", {"sent": "2025-03-20", "until": "2025-05-02"})
    answer = step("done", ASKED, "answer", {"sent": "2025-04-02"}, outcome="full")

    assert () == row(ASKED, reading(ASKED, deferral, answer)).items[0].flags


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


def test_what_is_recorded_later_is_laid_out_by_its_date() -> None:
    question = step("q", ASKED, "seek_clarification", {"sent": "2025-03-20"}, reason="unclear")
    reply = step("a", ASKED, "clarify", {"sent": "2025-04-01"}, author="rutland")

    assert row(ASKED, reading(ASKED, question, reply)).items[0].state == "clarified"
    assert row(ASKED, reading(ASKED, reply, question)).items[0].state == "clarified"


def test_sixty_five_thousand_items_cost_no_more_than_ten() -> None:
    many = request(categories=4096, areas=tuple(f"p{n}" for n in range(16)))
    parts = [
        step(f"part {n}", many, "answer", {"sent": "2025-03-20"}, outcome="full",
             items=tuple((k, k) for k in range(n, n + 512, 2)))
        for n in range(1, 2002, 500)
    ]  # fmt: skip
    found = row(many, reading(many, *parts))

    assert (65_536, 65_536) == (found.certain, found.total)
    assert 2600 > len(found.items)
    assert 65_536 == sum(run.last - run.first + 1 for run in found.items)


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


# The table


def item(state: str) -> Item:
    return Item(state=state, since="0", recipients=frozenset((LCC,)))  # type: ignore[arg-type]  # a test's own


@pytest.mark.parametrize(
    ("state", "verb", "outcome", "doer", "expected"),
    [
        ("asked", "seek_clarification", None, LCC, "clarification_sought"),
        ("asked", "seek_clarification", None, "rutland", "asked"),
        ("clarified", "seek_clarification", None, LCC, "clarification_sought"),
        ("answered", "seek_clarification", None, LCC, "answered"),
        ("clarification_sought", "narrow", None, "rutland", "clarified"),
        ("clarification_sought", "extend", None, "rutland", "clarified"),
        ("clarification_sought", "clarify", None, LCC, "clarification_sought"),
        ("asked", "clarify", None, "rutland", "clarified"),
        ("asked_orally", "clarify", None, "rutland", "clarified"),
        ("asked", "clarify", None, LCC, "asked"),
        ("answered", "clarify", None, "rutland", "answered"),
        ("clarification_sought", "answer", "part", LCC, "clarification_sought"),
        ("asked_orally", "answer", "part", LCC, "answered_in_part"),
        ("answered_in_part", "answer", "full", LCC, "answered"),
        ("deferred", "answer", "not_held", LCC, "not_held"),
        ("asked", "answer", "already_public", LCC, "already_public"),
        ("answered", "answer", "part", LCC, "answered"),
        ("asked", "refuse", None, LCC, "refused"),
        ("asked", "refuse", None, "rutland", "asked"),
        ("answered", "withdraw", None, "rutland", "withdrawn"),
        ("refused", "review", None, "rutland", "under_review"),
        ("answered_in_part", "review", None, "rutland", "under_review"),
        ("asked", "review", None, "rutland", "asked"),
        ("under_review", "answer", "full", LCC, "answered"),
        ("asked", "chase", None, "rutland", "asked"),
        ("asked", "defer", None, "rutland", "deferred"),
        ("asked", "transfer", None, LCC, "asked"),
    ],
)
def test_only_the_party_entitled_moves_an_item(
    state: str, verb: str, outcome: str | None, doer: str, expected: str
) -> None:
    made = Move(
        id="1", verb=verb, outcome=outcome, doers=frozenset((doer,)), told_by=doer,
        consent=frozenset(), to=frozenset(("melton",)),
    )  # fmt: skip

    assert expected == move(item(state), made, makers=frozenset(("rutland",))).state


def test_a_request_passed_on_with_consent_is_the_new_recipient_s() -> None:
    makers = frozenset(("rutland",))
    passed = Move(
        id="1", verb="transfer", outcome=None, doers=frozenset((LCC,)), told_by=LCC,
        consent=makers, to=frozenset(("melton",)),
    )  # fmt: skip
    after = move(item("asked"), passed, makers=makers)

    assert "transferred" == after.state
    assert {"melton"} == set(ball_of(after, makers=makers))


def test_a_question_answered_during_a_deferral_shows_when_it_ends() -> None:
    makers = frozenset(("rutland",))
    asked = item("clarification_sought")
    deferred = move(asked, _by("rutland", "defer"), makers=makers)
    answered = move(deferred, _by("rutland", "clarify"), makers=makers)

    assert "deferred" == answered.state
    assert "clarified" == resumed(answered).state


def _by(doer: str, verb: str) -> Move:
    return Move(
        id=verb, verb=verb, outcome=None, doers=frozenset((doer,)), told_by=doer,
        consent=frozenset(),
    )  # fmt: skip


SPANS = st.lists(
    st.integers(1, 16), min_size=2, max_size=8, unique=True
).map(sorted).map(lambda ends: tuple(zip(ends[::2], ends[1::2], strict=False)))  # fmt: skip


@given(st.lists(st.tuples(st.none() | SPANS, st.integers(0, 3)), max_size=40))
def test_ranges_agree_with_a_plain_list(
    changes: list[tuple[tuple[tuple[int, int], ...] | None, int]],
) -> None:
    values = [0] * 12
    ranges: RangeMap[int] = RangeMap.filled(12, 0)
    for spans, number in changes:
        before = ranges

        def change(old: int, number: int = number) -> int:
            return (old * 2 + number) % 5

        ranges = ranges.changed(spans, change)
        kept = [seg.value for seg in before.segments for _ in range(seg.width)]
        assert values == kept
        for first, last in ((1, 12),) if spans is None else spans:
            values[first - 1 : last] = map(change, values[first - 1 : last])
        segments = ranges.segments

        assert values == [seg.value for seg in segments for _ in range(seg.width)]
        assert all(a.value != b.value for a, b in pairwise(segments))
        assert sorted(set(values)) == sorted(ranges.values)
        cut = list(ranges.split(((3, 5),)))
        assert values == [seg.value for seg in cut for _ in range(seg.width)]
        assert {3, 6} <= {seg.first for seg in cut}


def test_a_deferral_that_names_nothing_ends_only_when_a_party_resumes() -> None:
    deferral = step("defer", ASKED, "defer", {"occurred": "2025-03-20"}, author="rutland")
    back = step("resume", ASKED, "resume", {"occurred": "2025-06-01"}, author="rutland")

    assert [(1, 10, "deferred")] == states(row(ASKED, reading(ASKED, deferral)))
    assert [(1, 10, "asked")] == states(row(ASKED, reading(ASKED, deferral, back)))


def test_a_deferral_until_something_undated_may_have_ended() -> None:
    undated = Draft(Meeting(author=LCC, nonce=nonce("undated")))
    deferral = step(
        "defer", ASKED, "defer", {"occurred": "2025-03-20"}, author="rutland",
        until_events=(undated.id,),
    )  # fmt: skip
    question = step("q", ASKED, "seek_clarification", {"sent": "2025-07-01"}, reason="unclear")
    found = row(ASKED, reading(ASKED, undated, deferral, question)).items[0]

    assert ("deferred", 1, "stopped") == (found.state, len(found.notes), found.lateness.word)


def test_a_request_that_its_author_withdraws_and_one_of_another_party() -> None:
    back = position("back", "rutland", ASKED, "retract_own")

    assert "withdrawn" == row(ASKED, reading(ASKED, back)).standing
    found = fold_requests(reading(ASKED), telling=Telling("blaby"))
    assert ((), 1, 0) == (found.rows, found.elsewhere, found.later)
    early = fold_requests(reading(ASKED, as_at=dt.date(2025, 3, 5)))
    assert ((), 0, 1) == (early.rows, early.elsewhere, early.later)


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


# On whose behalf


def test_what_is_done_on_behalf_of_the_makers_moves_what_is_told_and_nothing_established() -> None:
    told = step("claim", ASKED, "withdraw", {"sent": "2025-03-20"}, by="unknown",
                on_behalf_of=("rutland",), authority="claimed")  # fmt: skip

    assert [(1, 10, "withdrawn")] == states(row(ASKED, reading(ASKED, told), TOLD))
    found = row(ASKED, reading(ASKED, told))
    assert [(1, 10, "asked")] == states(found)
    assert [("rutland",)] == [claim.doers for claim in found.claims]
    ratified = position("ours", "rutland", told, "ratify")
    assert [(1, 10, "withdrawn")] == states(row(ASKED, reading(ASKED, told, ratified)))


def test_another_s_signature_establishes_nothing_on_behalf_of_the_makers() -> None:
    told = step("claim", ASKED, "withdraw", {"sent": "2025-03-20"}, author="blaby", by="blaby",
                on_behalf_of=("rutland",), authority="claimed")  # fmt: skip

    assert [(1, 10, "asked")] == states(row(ASKED, reading(ASKED, told)))


def test_a_mandate_told_as_disowned_names_nobody() -> None:
    told = step("claim", ASKED, "withdraw", {"sent": "2025-03-20"}, by="unknown",
                on_behalf_of=("rutland",), authority="disowned")  # fmt: skip
    found = row(ASKED, reading(ASKED, told), TOLD)

    assert [(1, 10, "asked")] == states(found)
    assert ["who did it is not told"] == [claim.why for claim in found.claims]


def test_an_answer_in_part_leaves_the_question_open_in_whatever_order() -> None:
    question = step("q", ASKED, "seek_clarification", {"sent": "2025-03-20"}, reason="unclear")
    part = step("p", ASKED, "answer", {"sent": "2025-03-20"}, outcome="part")
    later = step("p", ASKED, "answer", {"sent": "2025-03-21"}, outcome="part")

    for answer in (part, later):
        item = row(ASKED, reading(ASKED, question, answer)).items[0]
        assert ("clarification_sought", ("rutland",)) == (item.state, item.ball)
        assert ("answered_in_part",) == item.flags


def test_an_answer_in_part_ends_no_deferral() -> None:
    deferral = step("defer", ASKED, "defer", {"occurred": "2025-03-20"}, author="rutland")
    part = step("p", ASKED, "answer", {"sent": "2025-03-21"}, outcome="part")
    back = step("resume", ASKED, "resume", {"occurred": "2025-06-01"}, author="rutland")

    found = row(ASKED, reading(ASKED, deferral, part)).items[0]
    assert ("deferred", ("answered_in_part",)) == (found.state, found.flags)
    assert [(1, 10, "answered_in_part")] == states(row(ASKED, reading(ASKED, deferral, part, back)))


def test_a_claim_says_why_it_changes_nothing() -> None:
    theirs = step("theirs", ASKED, "withdraw", {"sent": "2025-03-20"})
    early = step("early", ASKED, "review", {"sent": "2025-03-20"}, author="rutland")
    found = row(ASKED, reading(ASKED, theirs, early))

    assert {
        "it was not theirs to do",
        "no item that it names was in a state for it",
    } == {claim.why for claim in found.claims}


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


def test_evidence_of_its_author_alone_narrows_what_is_waited_for() -> None:
    come = Draft(Meeting(author=LCC, nonce=nonce("come"), dates=dates(occurred="[2025-05-02..]")))
    deferral = step(
        "defer", ASKED, "defer", {"occurred": "2025-03-20"}, author="rutland",
        until_events=(come.id,),
    )  # fmt: skip

    def evidence(author: str, edtf: str) -> Draft:
        event = Attestation(
            author=author,
            nonce=nonce(f"{author} {edtf}"),
            type="public_record",
            of=come.id,
            dates=dates(occurred=edtf),
        )
        return Draft(event)

    def state(*more: Draft) -> str:
        return row(ASKED, reading(ASKED, come, deferral, *more)).items[0].state

    assert "deferred" == state()
    assert "asked" == state(evidence(LCC, "2025-05-02"))
    assert "deferred" == state(evidence("blaby", "2025-05-02"))
    assert "deferred" == state(evidence(LCC, "2025-05-01"))


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


def test_an_item_that_one_transfer_names_twice_was_passed_once_and_sixteen_are_told() -> None:
    both = tuple(Discharge(request=ASKED.id, items=((1, last),)) for last in (2, 5))
    drafts = [
        Draft(
            Transfer(
                author=LCC,
                nonce=nonce(f"data {number}"),
                dates=dates(sent="2025-04-01"),
                from_=LCC,
                to=("rutland",),
                discharges=both,
            )
        )
        for number in range(18)
    ]
    first, rest = row(ASKED, reading(ASKED, *drafts)).items

    assert ((1, 5), (6, 10)) == ((first.first, first.last), (rest.first, rest.last))
    assert len(set(first.notes)) == len(first.notes) == 17
    assert first.notes[-1] == "data for it was passed in 2 transfers more"
    assert not rest.notes
