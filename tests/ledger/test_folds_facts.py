"""Promises, knowledge, responses and grades: the founding case, and a dispute told by two sides."""

# ruff: noqa: RUF001 - the multiplication sign is the domain's mark for contradicted

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import replace

import pytest

from ledger.folds.commitments import CommitmentRow, fold_commitments
from ledger.folds.grades import Grade, grade_of
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.positions import EventStatus, status_of
from ledger.folds.reading import Reading, read
from ledger.folds.stances import ESTABLISHED, Telling
from tests.ledger.bookmaking import Draft, book_of, dates, nonce
from tests.ledger.bookmaking import public as public_key
from tests.ledger.founding import (
    AWARE,
    CASE,
    COMPLAINT,
    LAST_MEETING,
    LCC,
    LETTER,
    NOT_TOLD,
    OTHERS,
    PROMISE,
    REPLY,
    position,
    step,
)
from verify.brackets import Brackets, Cosigned
from verify.kinds import Commitment, Communication, Key, Knowledge, Request
from verify.note import COSIGNATURE_ED25519, VerifierKey
from verify.policy import Policy, Witness

AS_AT = dt.date(2025, 11, 28)
TOLD = Telling(LCC)


def reading(*drafts: Draft, as_at: dt.date = AS_AT) -> Reading:
    return read(book_of(drafts or CASE, members=OTHERS).view(), as_at=as_at)


def status(on: Draft, *more: Draft) -> EventStatus:
    found = reading(*more)
    return status_of(found, found.view.by_id[on.id])


def promise(author: str = "rutland", due: str | None = None) -> Draft:
    roles = {"made": "2025-03-06"} | ({"due": due} if due else {})
    event = Commitment(
        author=author,
        nonce=nonce("a promise"),
        dates=dates(**roles),
        by="rutland/leader",
        to=(LCC,),
        what="document",
    )
    return Draft(event)


def kept(
    of: Draft, verb: str, author: str, label: str = "", on: str = "2025-03-20", **fields: object
) -> Draft:
    return step(
        f"{verb}{author}{label}", of, verb, {"occurred": on}, target="commitment", author=author,
        **fields,
    )  # fmt: skip


def promised(
    *drafts: Draft, telling: Telling = ESTABLISHED, as_at: dt.date = AS_AT
) -> CommitmentRow:
    return fold_commitments(reading(*drafts, as_at=as_at), telling=telling).rows[0]


# Promises


def test_the_copy_of_the_protocol_is_unfulfilled_as_leicestershire_tells_it() -> None:
    found = reading()

    told = fold_commitments(found, telling=TOLD).rows[0]
    assert (PROMISE.id, "unfulfilled", (267, 267)) == (told.id, told.state, told.waiting)
    assert "claimed" == fold_commitments(found).rows[0].state


@pytest.mark.parametrize(
    ("verb", "author", "expected"),
    [
        ("fulfil", "rutland", "fulfilled"),
        ("part_fulfil", "rutland", "part_fulfilled"),
        ("confirm", LCC, "confirmed"),
        ("release", LCC, "released"),
        ("overtaken", LCC, "overtaken"),
        ("replace", LCC, "replaced"),
        ("fulfil", LCC, "unfulfilled"),
        ("release", "rutland", "unfulfilled"),
        ("confirm", "blaby", "unfulfilled"),
        ("claim_unfulfilled", LCC, "unfulfilled"),
    ],
)
def test_only_the_side_entitled_moves_a_promise(verb: str, author: str, expected: str) -> None:
    made = promise()
    found = promised(made, kept(made, verb, author))

    assert expected == found.state
    assert (expected == "unfulfilled" and verb != "claim_unfulfilled") == bool(found.claims)
    assert (verb == "claim_unfulfilled") == found.said_unfulfilled


@pytest.mark.parametrize(
    ("settled", "state"),
    [
        ("confirm", "confirmed"),
        ("release", "released"),
        ("overtaken", "overtaken"),
        ("replace", "replaced"),
    ],
)
@pytest.mark.parametrize("verb", ["fulfil", "part_fulfil"])
def test_what_the_other_side_settled_its_maker_alone_does_not_move(
    settled: str, state: str, verb: str
) -> None:
    made = promise()
    ended = kept(made, settled, LCC)
    later = kept(made, verb, "rutland", on="2025-03-25")
    agreed = position("yes", LCC, later, "agree")

    found = promised(made, ended, later)
    assert (state, ended.id) == (found.state, found.since)
    assert ((later.id, verb, "rutland"),) == found.claims
    moved = {"fulfil": "confirmed", "part_fulfil": "part_fulfilled"}[verb]
    assert moved == promised(made, ended, later, agreed).state


def test_a_promise_lapses_when_its_day_is_over() -> None:
    made = promise(due="2025-03-31")

    assert "promised" == promised(made, as_at=dt.date(2025, 3, 31)).state
    assert "lapsed" == promised(made, as_at=dt.date(2025, 4, 1)).state
    vague = promise(due="[2025-03-21..2025-03-31]")
    assert ("promised", "not established") == (
        promised(vague, as_at=dt.date(2025, 3, 25)).state,
        promised(vague, as_at=dt.date(2025, 3, 25)).passed,
    )
    assert "fulfilled" == promised(made, kept(made, "fulfil", "rutland")).state


def test_what_is_promised_within_a_period_is_due_at_its_end() -> None:
    within = promise(due="2025-03-01/2025-03-31")

    assert "no" == promised(within, as_at=dt.date(2025, 3, 31)).passed
    over = promised(within, as_at=dt.date(2025, 4, 10))
    assert ("lapsed", (10, 10)) == (over.state, over.overdue)
    vague = promised(promise(due="2025-03-01/2025-04"), as_at=dt.date(2025, 5, 10))
    assert ("lapsed", (10, 39)) == (vague.state, vague.overdue)


def test_a_promise_that_its_maker_denies_is_denied() -> None:
    told = promise(LCC)
    denial = position("never", "rutland", told, "deny")

    assert "denied" == promised(told, denial).state
    assert "unfulfilled" == promised(told, denial, telling=TOLD).state
    assert "denied" == promised(told, denial, telling=Telling("rutland")).state
    back = position("sorry", "rutland", told, "admit")
    assert "unfulfilled" == promised(told, denial, back).state


def test_the_other_side_s_agreement_makes_a_fulfilment_confirmed() -> None:
    made = promise()
    done = kept(made, "fulfil", "rutland")

    assert "confirmed" == promised(made, done, position("ok", LCC, done, "agree")).state


# Knowledge


def test_the_lag_is_at_least_42_days() -> None:
    rows = {row.id: row for row in fold_knowledge(reading()).rows}

    assert (42, None) == rows[AWARE.id].lag
    assert REPLY.id == rows[AWARE.id].bounded_by
    assert (None, None) == rows[NOT_TOLD.id].lag


def test_signatures_show_who_had_what() -> None:
    receipt = position("got it", "rutland", COMPLAINT, "received")
    book = book_of([*CASE, receipt], members=OTHERS)
    book.add(position("seen", "blaby", COMPLAINT, "not_admit"), seen=len(book.entries))
    shown = fold_knowledge(read(book.view(), as_at=AS_AT)).shown

    assert [(LCC, "recorded"), ("rutland", "received"), ("blaby", "seen")] == [
        (each.party, each.how) for each in shown
    ]


# Responses


LETTER_TOLD = Draft(
    Communication(
        author=LCC,
        nonce=nonce("told"),
        dates=dates(received="2025-04-08"),
        channel="letter",
        from_=("rutland",),
        to=(LCC,),
    )
)


def test_silence_is_no_answer() -> None:
    assert "not_yet_answered" == status(LETTER_TOLD, LETTER_TOLD).status


@pytest.mark.parametrize(
    ("stance", "expected", "contradicted"),
    [
        ("agree", "agreed", False),
        ("admit", "admitted", False),
        ("not_admit", "not_admitted", False),
        ("dispute", "disputed", True),
        ("deny", "disputed", True),
        ("received", "not_yet_answered", False),
    ],
)
def test_a_response_of_the_party_named_decides_the_status(
    stance: str,
    expected: str,
    contradicted: bool,  # noqa: FBT001 (a column of the table)
) -> None:
    found = status(LETTER_TOLD, LETTER_TOLD, position("it", "rutland", LETTER_TOLD, stance))

    assert (expected, contradicted) == (found.status, found.contradicted)


def test_agreed_needs_every_party_named() -> None:
    agrees = [position(f"a {party}", party, COMPLAINT, "agree") for party in OTHERS]

    assert "admitted" == status(COMPLAINT, *CASE, *agrees).status  # the minister has no key
    assert "agreed" == status(LAST_MEETING, *CASE, *(
        position(f"m {party}", party, LAST_MEETING, "agree") for party in OTHERS
    )).status  # fmt: skip


def test_another_date_contradicts_the_date_alone() -> None:
    other = position(
        "other date", "rutland", LETTER_TOLD, "correct", field="dates.received",
        dates=dates(value="2025-04-09"),
    )  # fmt: skip
    admits = position("but yes", "rutland", LETTER_TOLD, "admit")
    found = status(LETTER_TOLD, LETTER_TOLD, other, admits)

    received = found.field("dates.received")
    assert received is not None
    assert ("disputed", "2025-04-09") == (received.status, received.responses[0].value)
    whole = found.field("happened")
    assert whole is not None
    assert ("admitted", False) == (whole.status, whole.contradicted)


def test_the_latest_response_of_a_party_counts_and_the_earlier_stays() -> None:
    denial = position("no", "rutland", LETTER_TOLD, "deny")
    later = position("yes", "rutland", LETTER_TOLD, "agree")
    found = status(LETTER_TOLD, LETTER_TOLD, denial, later)

    assert "agreed" == found.status
    assert [True, False] == [r.superseded for r in found.fields[0].responses]


def test_what_is_said_of_some_items_is_not_said_of_all() -> None:
    def says(stance: str, *items: tuple[int, int]) -> Draft:
        return position(f"{stance} {items}", "rutland", LETTER_TOLD, stance, items=items or None)

    some, all_, no = says("agree", (1, 1)), says("agree"), says("deny")
    not_one, but_one = says("deny", (1, 1)), says("admit", (1, 1))

    assert "not_yet_answered" == status(LETTER_TOLD, LETTER_TOLD, some).status
    assert "agreed" == status(LETTER_TOLD, LETTER_TOLD, all_, but_one).status
    assert "disputed" == status(LETTER_TOLD, LETTER_TOLD, no, some).status
    assert "disputed" == status(LETTER_TOLD, LETTER_TOLD, all_, not_one).status
    assert "agreed" == status(LETTER_TOLD, LETTER_TOLD, all_, not_one, but_one).status
    assert "agreed" == status(LETTER_TOLD, LETTER_TOLD, not_one, all_).status


def test_a_yes_to_each_item_is_a_yes_to_all() -> None:
    """The request is for four items."""
    asked = Draft(
        Request(
            author=LCC, nonce=nonce("four"), what="data", medium="written", from_=(LCC,),
            to=("rutland",), categories=2, areas=("blaby", "melton"),
        )
    )  # fmt: skip

    def says(stance: str, *items: tuple[int, int]) -> Draft:
        return position(f"{stance} {items}", "rutland", asked, stance, items=items)

    first, rest, admitted = says("agree", (1, 3)), says("agree", (4, 4)), says("admit", (4, 9))

    assert "not_yet_answered" == status(asked, asked, first).status
    assert "agreed" == status(asked, asked, rest, first).status
    assert "admitted" == status(asked, asked, first, admitted).status
    assert "disputed" == status(asked, asked, first, rest, says("deny", (2, 3))).status
    assert "not_admitted" == status(asked, asked, first, says("not_admit", (4, 4))).status


def test_what_its_author_takes_back_is_withdrawn() -> None:
    back = position("back", LCC, LETTER_TOLD, "retract_own")
    again = position("not so", LCC, back, "retract_own")

    assert "retract_own" == status(LETTER_TOLD, LETTER_TOLD, back).withdrawn
    assert status(LETTER_TOLD, LETTER_TOLD, back, again).withdrawn is None


# Grades


def grades(on: Draft, *drafts: Draft) -> dict[str, Grade]:
    found = reading(*drafts)
    return {g.element: g for g in grade_of(found, found.view.by_id[on.id])}


def test_the_founding_case_is_asserted_throughout() -> None:
    found = reading()
    happened = [grade_of(found, told)[0] for told in found.view.told if told.id != NOT_TOLD.id]

    assert {(1, "")} == {(g.grade, g.suffix) for g in happened}
    assert "Asserted" == happened[0].name
    letter = grades(LETTER)["happened"].reason
    assert "recorded 237 days later by the operator's clock" in letter
    assert "it tells what blaby, charnwood and 5 others did" in letter


def test_a_gap_and_a_negative_without_a_day_are_not_asserted() -> None:
    assert 0 == grades(NOT_TOLD)["happened"].grade
    assert 0 == grades(COMPLAINT)["received"].grade
    assert 0 == grades(COMPLAINT)["said"].grade
    assert 1 == grades(LETTER)["said"].grade


def test_a_competing_date_marks_that_element_only() -> None:
    other = position(
        "other date", "rutland", LETTER_TOLD, "correct", field="dates.received",
        dates=dates(value="2025-04-09"),
    )  # fmt: skip
    found = grades(LETTER_TOLD, LETTER_TOLD, other)

    assert ("×", "") == (found["received"].suffix, found["happened"].suffix)
    assert "rutland: correct (2025-04-09)" in found["received"].reason


def test_a_denial_marks_all_and_a_withdrawal_too() -> None:
    denial = position("no", "rutland", LETTER_TOLD, "deny")
    back = position("back", LCC, LETTER_TOLD, "retract_own")
    found = grades(LETTER_TOLD, LETTER_TOLD, denial, back)

    assert {"×⊘"} == {g.suffix for g in found.values()}
    assert "Asserted ×⊘" == found["happened"].name


def cosigned(found: Reading, time_s: int) -> Reading:
    """Return a reading of a ledger of which the charter's witnesses cosigned all at that time."""
    key = VerifierKey("w1.example", b"key.", COSIGNATURE_ED25519, bytes(32))
    policy = Policy((), (Witness("w1", key),), (), "w1")
    notes = [Cosigned(found.view.size, b"", policy, {"w1": (time_s,)})]
    brackets = Brackets(covering=notes, seen=(), statements=())
    return read(replace(found.view, brackets=brackets), as_at=found.as_at)


def test_only_a_cosigned_time_makes_contemporaneous() -> None:
    letter = Draft(
        Communication(
            author=LCC,
            nonce=nonce("prompt"),
            dates=dates(sent="2025-11-28"),
            channel="letter",
            from_=(LCC,),
            to=("rutland",),
        )
    )
    found = reading(letter)
    told = found.view.by_id[letter.id]

    assert 1 == grade_of(found, told)[0].grade
    noon_s = calendar.timegm((2025, 11, 28, 12, 0, 0))
    for days, grade in ((0, 2), (-1, 1), (7, 2), (8, 1), (10**9, 1)):
        dated = cosigned(found, noon_s + days * 86_400)
        assert grade == grade_of(dated, told)[0].grade
    reason = grade_of(cosigned(found, noon_s), told)[0].reason
    assert "existed by 2025-11-28 12:00:00 UTC, cosigned by 1 of 1 witnesses" in reason
    assert "which is within 7 days" in reason


# The rest


def test_undated_knowledge_is_bounded_by_the_date_of_what_it_came_by() -> None:
    copy = Draft(
        Communication(
            author=LCC, nonce=nonce("copy"), dates=dates(dated="2025-04-23"), channel="letter"
        )
    )
    aware = Draft(
        Knowledge(
            author=LCC,
            nonce=nonce("aware of it"),
            knower=LCC,
            of=COMPLAINT.id,
            mode="became_aware",
            via=copy.id,
        )
    )
    found = fold_knowledge(reading(COMPLAINT, copy, aware)).rows[0]

    assert (42, None) == found.lag
    assert found.when is not None
    assert ("[2025-04-23..]", "inferred") == (found.when.edtf, found.when.basis)


@pytest.mark.parametrize(
    ("known", "lag"),
    [
        ("[2025-03-08..2025-03-20]", (0, 8)),
        ("[2025-03-13..2025-03-20]", (1, 8)),
        ("[2025-03-08..]", (0, None)),
        # Before it happened: the dates contradict each other, and that is found elsewhere.
        ("[2025-03-01..2025-03-05]", (-11, -7)),
    ],
)
def test_a_lag_is_never_below_0_where_the_dates_allow_another(
    known: str, lag: tuple[int | None, int | None]
) -> None:
    aware = Draft(
        Knowledge(
            author=LCC,
            nonce=nonce("vaguely aware"),
            dates=dates(occurred=known),
            knower=LCC,
            of=COMPLAINT.id,
            mode="became_aware",
        )
    )

    assert lag == fold_knowledge(reading(COMPLAINT, aware)).rows[0].lag


def test_knowledge_that_is_withdrawn_is_counted_and_left_out() -> None:
    public = Draft(
        Knowledge(
            author="rutland",
            nonce=nonce("public"),
            knower=LCC,
            of=COMPLAINT.id,
            mode="could_have_known",
            directness="public_source",
        )
    )
    back = position("back", "rutland", public, "retract_own")
    fold = fold_knowledge(reading(COMPLAINT, public, back))
    assert ((), 1) == (fold.rows, fold.withdrawn)


def test_what_a_compromised_key_signed_is_disowned_and_contradicted() -> None:
    book = book_of([LETTER_TOLD], members=OTHERS)
    book.add(position("theirs", "rutland", LETTER_TOLD, "agree"))
    index = len(book.entries) - 1
    revoke = Key(
        author="rutland",
        nonce=nonce("revoke"),
        verb="revoke",
        party="rutland",
        key=public_key("rutland"),
        compromised_since=index,
    )
    book.add(Draft(revoke))
    found = read(book.view(), as_at=AS_AT)
    told = found.view.told[-2]

    assert told.disowned
    assert status_of(found, told).contradicted
    assert "×" == grade_of(found, told)[0].suffix
    assert "disowned" in grade_of(found, told)[0].reason
    assert "not_yet_answered" == status_of(found, found.view.by_id[LETTER_TOLD.id]).status
    # It moves nothing that is established: only `retract_own` and `disown` withdraw an event.
    assert {"rutland"} == found.stances.upholders(LETTER_TOLD.id)
