"""Requests: the founding case, and a dispute that two sides tell."""

from __future__ import annotations

import datetime as dt

import pytest

from ledger.folds.contradictions import fold_contradictions
from ledger.folds.reading import read
from ledger.folds.request_rows import ItemRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import Telling
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce, revoked
from tests.ledger.founding import (
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
from tests.ledger.requesting import AS_AT, ASKED, REFUSED, TOLD, reading, request, row, states
from verify.kinds import Attestation, Discharge, Meeting, Request, Transfer

DISTRICT_PARTIES = tuple(sorted(OTHERS))


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


# Two sides


def test_a_step_of_the_party_entitled_to_it_moves_what_is_established() -> None:
    acknowledged = step("ack", ASKED, "acknowledge", {"sent": "2025-03-07"})
    found = row(ASKED, reading(ASKED, acknowledged, REFUSED))

    assert [(1, 3, "refused"), (4, 10, "asked")] == states(found)
    assert ("rutland",) == found.items[0].ball
    assert (LCC,) == found.items[1].ball
    assert ("acknowledged",) == found.items[1].flags
    assert ("long overdue", 238) == (found.items[1].lateness.word, found.items[1].lateness.days)


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
