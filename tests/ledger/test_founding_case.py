"""What the shipped drafts answer: the founding case, as told by Leicestershire, and the invented.

The answers stand here as a person who read the case would give them. Where the case does not give
a bound, neither does the answer: when the postcodes were asked for and queried is told only as
after 23 September 2025, so how long the query has met silence has a most, and no least.
"""

# ruff: noqa: RUF001 - the multiplication sign is the domain's mark for contradicted

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from ledger.date_words import format_when
from ledger.folds.commitments import CommitmentRow, fold_commitments
from ledger.folds.grades import grade_of
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.positions import status_of
from ledger.folds.questions import QUESTIONS, Answer, ask
from ledger.folds.reading import Reading, read
from ledger.folds.request_rows import RequestRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.timeline import fold_timeline
from ledger.plain import to_json
from ledger.text import (
    chronology_text,
    commitments_text,
    requests_text,
)
from ledger.texts.ask import ask_text
from ledger.texts.knowing import knowledge_text
from ledger.view import View
from tests.ledger.shipped import Shipped, shipped
from verify.kinds import GOVERNANCE

LCC = Telling("leicestershire")
DISTRICTS = (
    *("blaby", "charnwood", "harborough", "hinckley-bosworth", "melton"),
    *("north-west-leicestershire", "oadby-wigston"),
)
ASKERS = (*DISTRICTS, "rutland")
AS_AT = dt.date(2025, 11, 28)


class Case:
    """The shipped founding case, read as at 28 November 2025."""

    def __init__(self) -> None:
        self.shipped: Shipped = shipped(["founding"])
        self.reading: Reading = read(self.shipped.view, as_at=AS_AT)

    def id(self, label: str) -> str:
        return self.shipped.ids[label]

    def index(self, label: str) -> int:
        return self.reading.view.by_id[self.id(label)].index

    def request(self, label: str, telling: Telling = LCC) -> RequestRow:
        rows = fold_requests(self.reading, telling=telling).rows
        return next(row for row in rows if row.id == self.id(label))

    def promise(self, telling: Telling = LCC) -> CommitmentRow:
        return fold_commitments(self.reading, telling=telling).rows[0]

    def answers(self, question: str, telling: Telling = LCC) -> list[Answer]:
        return list(ask(self.reading, [telling], question=question))


@pytest.fixture(scope="module", name="case")
def _case() -> Case:
    return Case()


def course(row: RequestRow) -> list[tuple[str, tuple[str, ...]]]:
    return [(stage.word, stage.ball) for stage in row.course]


def pages(view: View, as_at: dt.date) -> dict[str, str]:
    found = read(view, as_at=as_at)
    tellings = [ESTABLISHED, *(Telling(party) for party in view.authors)]
    return {
        "chronology": chronology_text(view, fold_timeline(found)),
        "requests": requests_text(view, [fold_requests(found, telling=t) for t in tellings]),
        "promises": commitments_text(view, [fold_commitments(found, telling=t) for t in tellings]),
        "knowledge": knowledge_text(view, fold_knowledge(found)),
        "ask": ask_text(view, ask(found, tellings)),
    }


# The requests of the founding case


def test_the_invitation_is_taken_up_after_33_days(case: Case) -> None:
    row = case.request("invitation")

    assert (33, 33) == row.held
    assert case.id("data-request") == row.taken_up_by
    assert [("asked_orally", ASKERS), ("taken_up", ())] == course(row)
    assert ((), ("answered",)) == (row.claims, tuple(item.state for item in row.items))


def test_nobody_else_has_signed_that_the_invitation_was_taken_up(case: Case) -> None:
    row = case.request("invitation", ESTABLISHED)

    assert row.taken_up_by is None
    assert [("answer", ASKERS, "leicestershire")] == [
        (claim.verb, claim.doers, claim.told_by) for claim in row.claims
    ]


def test_the_list_has_84_items_or_96_if_rutland_counts(case: Case) -> None:
    row = case.request("data-request")

    assert (84, 96, ("rutland",)) == (row.certain, row.total, row.doubtful_areas)
    assert [(1, 84, False), (85, 96, True)] == [
        (item.first, item.last, item.doubtful) for item in row.items
    ]


def test_the_list_is_asked_queried_answered_in_part_deferred_resumed_and_clear(case: Case) -> None:
    row = case.request("data-request")

    assert [
        ("asked", ("leicestershire",)),
        ("clarification_sought", ASKERS),
        ("answered_in_part", ASKERS),
        ("deferred", ()),
        ("resumed", ASKERS),
        ("clarified", ("leicestershire",)),
    ] == course(row)
    assert {"clarified"} == {item.state for item in row.items}
    assert {("answered_in_part",)} == {item.flags for item in row.items}
    assert {("leicestershire",)} == {item.ball for item in row.items}
    assert () == row.claims


def test_the_list_waited_for_the_elections_and_the_response_of_the_ministry(case: Case) -> None:
    row = case.request("data-request")
    deferred = next(stage for stage in row.course if stage.word == "deferred")
    resumed = next(stage for stage in row.course if stage.word == "resumed")

    assert (case.index("elections-over"), case.index("mhclg-response")) == deferred.until
    # By the public record, every council had the response by 3 June.
    assert resumed.when is not None
    assert "[2025-06-01..2025-06-03]" == resumed.when.edtf
    assert case.id("list-deferred") == resumed.id


@pytest.mark.parametrize(
    ("as_at", "expected"),
    [
        ("2025-05-31", "deferred"),
        ("2025-06-02", "deferred"),
        ("2025-06-03", "clarification_sought"),
        ("2025-06-30", "clarification_sought"),
        ("2025-07-10", "clarified"),
    ],
)
def test_the_list_stands_thus_as_at_a_day(case: Case, as_at: str, expected: str) -> None:
    reading = read(case.shipped.view, as_at=dt.date.fromisoformat(as_at))
    rows = fold_requests(reading, telling=LCC).rows
    row = next(row for row in rows if row.id == case.id("data-request"))

    assert expected == row.items[0].state


def test_the_list_was_clear_in_early_july(case: Case) -> None:
    clear = case.request("data-request").course[-1]

    assert clear.when is not None
    assert "early July (1 to 10 July 2025)" == format_when(clear.when)


def test_the_request_of_6_march_was_clear_after_117_to_126_days(case: Case) -> None:
    row = case.request("first-request")
    found = next(a for a in case.answers("clear") if a.about == row.id)

    assert [("asked_orally", (LCC.party,)), ("clarified", (LCC.party,))] == course(row)
    assert () == row.claims
    assert (117, 126) == found.days
    assert (case.index("first-request"), case.index("first-request-clear")) == found.rests_on


def test_the_breakdown_waited_and_is_open_since(case: Case) -> None:
    row = case.request("breakdown-request")

    assert [("asked", (LCC.party,)), ("deferred", ()), ("resumed", (LCC.party,))] == course(row)
    assert (("asked",), True) == (tuple(i.state for i in row.items), row.items[0].quiet)


def test_the_postcodes_were_queried_and_there_is_silence_since(case: Case) -> None:
    item = case.request("postcode-request").items[0]

    assert ("clarification_sought", True, DISTRICTS) == (item.state, item.silent, item.ball)
    assert (None, 66) == item.days
    text = " ".join(pages(case.shipped.view, AS_AT)["requests"].split())
    assert "clarification sought; queried, and silent since, for at most 66 days" in text


def test_the_meeting_asked_for_at_the_end_of_may_is_open_with_nothing_told(case: Case) -> None:
    item = case.request("meeting-request").items[0]
    found = case.answers("outstanding")

    assert ("asked", (LCC.party,), (181, 191), True) == (
        item.state,
        item.ball,
        item.days,
        item.quiet,
    )
    assert case.id("meeting-request") in {row.about for row in found}


def test_no_act_of_the_districts_is_established(case: Case) -> None:
    rows = fold_requests(case.reading).rows

    assert {"invitation"} == {row.what for row in rows if row.standing == "counts"}
    assert {"claimed"} == {row.standing for row in rows if row.what != "invitation"}
    assert "claimed" == case.promise(ESTABLISHED).state


def test_no_step_of_the_founding_case_moves_nothing_as_told(case: Case) -> None:
    rows = fold_requests(case.reading, telling=LCC).rows

    assert [] == [claim for row in rows for claim in row.claims]
    assert () == case.promise().claims


# Promise, knowledge, order, what-if


def test_the_copy_was_not_sent_as_at_the_account_and_is_overtaken(case: Case) -> None:
    row = case.promise()

    assert ("overtaken", case.id("promise-overtaken")) == (row.state, row.since)
    assert case.id("copy-not-sent") == row.unfulfilled_by
    assert row.unfulfilled_as_at is not None
    assert "[2025-09-23..]" == row.unfulfilled_as_at.edtf
    found = case.answers("undone")[0].answer
    assert "not fulfilled, as at a day on or after 23 September 2025; overtaken" in found


def test_the_county_knew_of_the_letter_after_42_days_at_least(case: Case) -> None:
    found = case.answers("lag")

    assert [(42, None)] == [row.days for row in found]
    labels = ("became-aware", "letter-12-march", "ministers-reply")
    assert tuple(map(case.index, labels)) == found[0].rests_on


def test_the_answer_on_items_is_84_or_96(case: Case) -> None:
    assert [(84, 96)] == [row.items for row in case.answers("items")]


def test_the_answer_on_the_ball_is_33_days(case: Case) -> None:
    assert [(33, 33)] == [row.days for row in case.answers("held")]
    assert "not established" in case.answers("held", ESTABLISHED)[0].answer


def test_the_email_of_the_end_of_may_came_before_the_response(case: Case) -> None:
    found = case.answers("order")

    assert 1 == len(found)
    labels = ("email-end-of-may", "meeting-request", "mhclg-response")
    assert tuple(map(case.index, labels)) == found[0].rests_on
    assert found[0].answer.startswith("Yes: the email of entry ")
    email, response = case.id("email-end-of-may"), case.id("mhclg-response")
    assert "yes" == case.reading.order.before(email, response)


def test_one_request_was_queried_and_never_answered(case: Case) -> None:
    found = case.answers("queried")

    assert (1, None) == (found[0].count, found[0].about)
    assert found[0].answer.startswith("2 requests were queried; no answer is told of 1 of them")
    assert [(None, None), (None, 66)] == [row.days for row in found[1:]]
    assert [case.id("data-request"), case.id("postcode-request")] == [r.about for r in found[1:]]


def test_the_deferral_rests_on_the_public_record_too(case: Case) -> None:
    found = next(a for a in case.answers("deferred") if a.about == case.id("data-request"))
    labels = (
        *("data-request", "list-deferred", "elections-over", "mhclg-response"),
        *("elections-record", "mhclg-response-record"),
    )

    assert tuple(map(case.index, labels)) == found.rests_on
    assert "that was over within 1 to 3 June 2025" in found.answer


@pytest.mark.parametrize(
    ("label", "due"), [("first-request", "2025-04-04"), ("data-request", "2025-05-09")]
)
def test_had_it_been_freedom_of_information(case: Case, label: str, due: str) -> None:
    found = next(a for a in case.answers("foia") if a.about == case.id(label))

    assert (dt.date.fromisoformat(due), True) == (found.day, found.what_if)


def test_what_if_needs_a_known_day_of_receipt(case: Case) -> None:
    about = {row.about for row in case.answers("foia")}

    assert {case.id("first-request"), case.id("data-request")} == about


def test_every_answer_is_told_by_leicestershire_and_asserted(case: Case) -> None:
    found = ask(case.reading, [LCC])

    # What somebody knew when it did something is asked of one event.
    assert set(QUESTIONS) - {"unaware"} == {row.question for row in found}
    assert {("leicestershire",)} == {row.told_by for row in found}
    grades = {ground.id: ground.grade for row in found for ground in row.grounds}
    # The account itself gives the period of the meetings in two ways.
    assert "Asserted ×" == grades.pop(case.id("group-meetings"))
    assert {"Asserted"} == set(grades.values())
    assert {"as told by leicestershire"} == {str(row.telling) for row in found}


def test_what_only_leicestershire_tells_is_not_established_and_says_why(case: Case) -> None:
    found = ask(case.reading, [ESTABLISHED, LCC], question="clear")
    gaps = [row for row in found if row.telling == ESTABLISHED]

    assert [row.about for row in gaps] == [row.about for row in found if row.telling == LCC]
    assert {((), (None, None))} == {(row.grounds, row.days) for row in gaps}
    assert all("the word of leicestershire" in row.not_established[0] for row in gaps)
    assert "established" not in {str(row.telling) for row in ask(case.reading, [LCC])}


def test_every_row_is_asserted_or_not_asserted(case: Case) -> None:
    told = [t for t in case.reading.view.told if not isinstance(t.event, GOVERNANCE)]
    grades = {t.id: grade_of(case.reading, t) for t in told}

    assert {1} == {found[0].grade for found in grades.values()}
    assert {0, 1} == {grade.grade for found in grades.values() for grade in found}
    who = {event_id: found[1].grade for event_id, found in grades.items()}
    # For whom is told where who is not; of the data shared neither is.
    assert 1 == who[case.id("list-clear")]
    assert 0 == who[case.id("data-shared")]
    sent = next(g for g in grades[case.id("letter-8-april")] if g.element == "received")
    assert 1 == sent.grade


def test_the_answers_are_plain(case: Case) -> None:
    octets = msgspec.json.encode(to_json(ask(case.reading, [LCC])))

    assert b'"day":"2025-04-04"' in octets
    assert b'"what_if":"yes"' in octets
    assert b"null" not in octets


# What is printed


def test_the_printed_pages_are_clean(case: Case) -> None:
    invented = shipped(INVENTED, members=["northmere", "southfold"])
    for view, as_at in ((case.shipped.view, AS_AT), (invented.view, INVENTED_AS_AT)):
        for text in pages(view, as_at).values():
            flat = " ".join(text.split())

            assert all(len(line) <= 80 for line in text.split("\n"))
            assert "moves nothing" not in flat
            assert "unknown clarified" not in flat
            assert " a data" not in flat
            assert "asked leicestershire for meeting" not in flat
            assert "Other from" not in flat
            assert "to somebody unnamed: The County Council elections" not in flat
            assert "1 acts" not in flat


def test_no_group_is_said_to_be_the_county_s_doing(case: Case) -> None:
    flat = " ".join(pages(case.shipped.view, AS_AT)["chronology"].split())

    assert f"The arrangement of entry {case.index('data-sharing-group')} was established" in flat
    assert "Statement of events by leicestershire to mhclg" not in flat
    complaint = f"entry {case.index('complaint')}, "
    assert complaint in flat
    assert "Corrected by its author" in flat


def test_outside_evidence_stands_with_what_it_is_about(case: Case) -> None:
    flat = " ".join(pages(case.shipped.view, AS_AT)["chronology"].split())

    assert "By 3 June 2025 every council had the ministry's written feedback." in flat


def test_answers_are_printed_once_each_with_their_entries(case: Case) -> None:
    text = pages(case.shipped.view, AS_AT)["ask"]
    flat = " ".join(text.split())

    assert text.startswith("What this ledger answers\n")
    assert all(q.words in flat for name, q in QUESTIONS.items() if name != "unaware")
    assert 2 == flat.count("What if: ")
    assert "33 days, until the request of entry 17" in flat
    assert "117 to 126 days after it was made" in flat
    assert "at least 42 days after it" in flat


def test_an_empty_ledger_answers_nothing() -> None:
    view = shipped([]).view

    assert () == ask(read(view, as_at=AS_AT))
    assert "Nothing here answers" in ask_text(view, ())


# The invented dispute

INVENTED = (
    *("invented-1-north", "invented-2-south", "invented-3-north"),
    *("invented-4-south", "invented-5-north", "invented-6-south"),
)
INVENTED_AS_AT = dt.date(2026, 4, 1)
NORTH, SOUTH = Telling("northmere"), Telling("southfold")


class Invented:
    def __init__(self) -> None:
        self.shipped = shipped(INVENTED, members=["northmere", "southfold"])
        self.reading = read(self.shipped.view, as_at=INVENTED_AS_AT)

    def id(self, label: str) -> str:
        return self.shipped.ids[label]

    def request(self, telling: Telling) -> RequestRow:
        return fold_requests(self.reading, telling=telling).rows[0]

    def promise(self, label: str, telling: Telling) -> CommitmentRow:
        rows = fold_commitments(self.reading, telling=telling).rows
        return next(row for row in rows if row.id == self.id(label))


@pytest.fixture(scope="module", name="invented")
def _invented() -> Invented:
    return Invented()


def flat_of(invented: Invented, page: str) -> str:
    return " ".join(pages(invented.shipped.view, INVENTED_AS_AT)[page].split())


def test_the_receipt_of_the_letter_is_signed_and_agreed(invented: Invented) -> None:
    flat = flat_of(invented, "chronology")

    assert "southfold received it, on 4 February 2026" in flat
    assert "- northmere agrees" in flat


def test_the_meeting_is_agreed_and_its_date_denied_with_another(invented: Invented) -> None:
    told = invented.reading.view.by_id[invented.id("meeting")]
    found = status_of(invented.reading, told)
    whole, date = found.field("happened"), found.field("dates.occurred")

    assert whole is not None
    assert ("agreed", False) == (whole.status, whole.contradicted)
    assert date is not None
    assert ("disputed", "2026-01-22") == (date.status, date.responses[0].value)
    flat = flat_of(invented, "chronology")
    assert "Agreed that it happened. Disputed: when it happened." in flat
    assert "southfold denies when it happened: 22 January 2026, not 20 January 2026" in flat


def test_two_items_are_answered_and_the_third_is_asked_still(invented: Invented) -> None:
    row = invented.request(ESTABLISHED)

    assert ["answered", "answered", "asked"] == [item.state for item in row.items]
    assert [(), (), ("southfold",)] == [item.ball for item in row.items]
    assert (58, 58) == row.items[2].days
    assert () == row.claims


def test_clarification_is_sought_and_given_for_item_2(invented: Invented) -> None:
    stages = [
        (stage.word, stage.items) for stage in invented.request(ESTABLISHED).course if stage.items
    ]

    item = ((2, 2),)
    assert [("clarification_sought", item), ("clarified", item), ("answered", item)] == [
        stage for stage in stages if stage[1] == item
    ]
    assert ("chased", ((3, 3),)) == stages[-1]


def test_each_side_tells_its_own_part(invented: Invented) -> None:
    north, south = invented.request(NORTH), invented.request(SOUTH)

    assert ["asked", "clarified", "asked"] == [item.state for item in north.items]
    assert ["answered", "answered", "asked"] == [item.state for item in south.items]
    assert () == north.claims + south.claims


def test_the_data_for_item_1_was_passed_and_received(invented: Invented) -> None:
    by_id = invented.reading.view.by_id
    sent, received = by_id[invented.id("plots-sent")], by_id[invented.id("plots-received")]
    note = f"data for it was passed (entry {sent.index}), and received (entry {received.index})"

    for telling in (ESTABLISHED, NORTH, SOUTH):
        items = invented.request(telling).items
        assert [(note,), (), ()] == [item.notes for item in items]


def test_the_map_was_sent_and_its_receipt_confirmed(invented: Invented) -> None:
    assert "confirmed" == invented.promise("map-promised", ESTABLISHED).state
    assert "confirmed" == invented.promise("map-promised", NORTH).state
    assert "fulfilled" == invented.promise("map-promised", SOUTH).state


def test_the_promise_of_the_readings_lapsed_30_days_ago(invented: Invented) -> None:
    row = invented.promise("readings-promised", ESTABLISHED)

    assert ("lapsed", (30, 30)) == (row.state, row.overdue)
    assert "lapsed; its day has been over for 30 days" in flat_of(invented, "promises")
    assert "as told by northmere: promises of which nothing is told (1)" in flat_of(
        invented, "promises"
    )


def test_the_invented_answers_say_whose_word_they_rest_on(invented: Invented) -> None:
    found = {row.question: row for row in ask(invented.reading)}

    assert (3, 3) == found["items"].items
    assert ("northmere",) == found["clear"].told_by
    assert ("southfold",) == found["undone"].told_by
    assert ("southfold",) == found["outstanding"].parties
    assert "denies when it happened" in found["denied"].answer
    assert "by its own word: 22 January 2026" in found["denied"].answer


def test_what_the_other_side_signed_is_acknowledged_or_agreed(invented: Invented) -> None:
    def happened(label: str) -> str:
        told = invented.reading.view.by_id[invented.id(label)]
        return grade_of(invented.reading, told)[0].name

    assert "Acknowledged" == happened("letter")
    assert "Agreed ×" == happened("meeting")
    assert "Acknowledged" == happened("plots-sent")
    assert "Asserted" == happened("request")


def test_the_invented_dispute_has_every_grade_but_that_of_its_own_day(invented: Invented) -> None:
    # A witness dates what happened today: `counterfoil demo` shows it, and no shipped file can.
    told = [t for t in invented.reading.view.told if not isinstance(t.event, GOVERNANCE)]
    found = [grade for each in told for grade in grade_of(invented.reading, each)]

    assert {0, 1, 3, 4, 5, 6} == {grade.grade for grade in found}
    assert {"", "×", "⊘"} == {grade.suffix for grade in found}


def test_one_mail_is_documented_by_its_sender_and_borne_out_for_its_receiver(
    invented: Invented,
) -> None:
    def said(label: str) -> tuple[str, str]:
        told = invented.reading.view.by_id[invented.id(label)]
        grade = grade_of(invented.reading, told)[-1]
        return grade.name, grade.reason

    name, reason = said("invented-5-north:mail")
    assert "Documented" == name
    assert "southfold recorded the same file" in reason
    assert "when it could be had here" in reason
    name, reason = said("invented-6-south:mail")
    assert "Corroborated" == name
    assert reason.startswith("northmere recorded the same file")
