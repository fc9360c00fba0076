"""Contradictions: each rule by itself, and what holds of all findings.

What must not be found counts as much as what must: a tool that cries wolf is not read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.folds.contradictions import RULES, Finding, fold_contradictions
from ledger.folds.reading import read
from tests.ledger.bookmaking import Draft, book_of, link, revoked
from tests.ledger.contradicting import (
    AS_AT,
    FILE,
    NORTH,
    SOUTH,
    event,
    found_in,
    letter,
    meeting,
    only,
    request,
    rules_of,
    step,
)
from tests.ledger.founding import CASE
from tests.ledger.recorded import orders, tangles
from verify.kinds import (
    Account,
    Attestation,
    Commitment,
    Knowledge,
    Link,
    Position,
)


def promise(label: str = "promise", **fields: object) -> Draft:
    values = {"by": SOUTH, "to": (NORTH,), "what": "document"} | fields
    return event(Commitment, label, SOUTH, {"made": "2025-02-03"}, **values)


def response(label: str, author: str, on: Draft, stance: str, **fields: object) -> Draft:
    when = fields.pop("at", None)
    return event(Position, label, author, when, on=on.id, stance=stance, **fields)  # type: ignore[arg-type]  # a test's own


# Competing dates and values


def test_a_denial_by_another_is_a_contradiction_between_two() -> None:
    told = meeting("m", NORTH, "2025-02-01")
    row = only("denied", told, response("no", SOUTH, told, "deny"))

    assert ["as told by northmere", "as told by southfold"] == [str(t) for t in row.tellings]
    assert (told.id, 1) == (row.events[0], row.severity)
    assert "told by northmere, southfold denies that it happened" in row.words


def test_another_date_is_a_competing_date() -> None:
    told = meeting("m", NORTH, "2025-02-01")
    other = response(
        "other", SOUTH, told, "correct", field="dates.occurred", at={"value": "2025-02-03"}
    )

    assert "3 February 2025, not 1 February 2025" in only("date_disputed", told, other).words
    assert "exclude" not in only("date_disputed", told, other).words


def test_another_text_is_a_competing_value() -> None:
    told = letter("l", claims={"title": "A letter"})
    other = response("other", SOUTH, told, "dispute", field="claims.title")

    assert "disputes title" in only("value_disputed", told, other).words


@pytest.mark.parametrize("stance", ["agree", "admit", "received", "not_admit"])
def test_what_denies_nothing_is_no_contradiction(stance: str) -> None:
    told = meeting("m", NORTH, "2025-02-01")

    assert [] == rules_of(told, response("r", SOUTH, told, stance))


def test_what_is_answered_anew_or_accepted_or_withdrawn_is_no_contradiction() -> None:
    told = meeting("m", NORTH, "2025-02-01")
    no = response("no", SOUTH, told, "deny")

    assert [] == rules_of(told, no, response("yes", SOUTH, told, "agree"))
    assert [] == rules_of(told, no, response("quite so", NORTH, no, "admit"))
    assert [] == rules_of(told, no, response("taken back", SOUTH, no, "retract_own"))
    assert [] == rules_of(told, no, response("never was", NORTH, told, "retract_own"))
    assert ["denied"] == rules_of(told, no, revoked(SOUTH, since=5))
    assert [] == rules_of(told, no, revoked(SOUTH, since=4))


def test_an_author_that_corrects_itself_does_not_contradict_anybody() -> None:
    told = meeting("m", NORTH, "2025-02-01")
    own = response(
        "own", NORTH, told, "correct", field="dates.occurred", at={"value": "2025-02-02"}
    )

    assert ["own_correction"] == rules_of(told, own)


def test_two_tellings_of_one_meeting_with_two_dates() -> None:
    north = meeting("n", NORTH, "2025-02-01")
    south = meeting("s", SOUTH, "2025-02-03", links=(link("same_as", north),))
    row = only("same_date", north, south)

    assert (north.id, south.id) == row.events
    assert "1 February 2025, as northmere tells, and 3 February 2025, as southfold" in row.words


def test_tellings_of_one_whose_dates_have_a_day_in_common_agree() -> None:
    north = meeting("n", NORTH, "[2025-02-01..2025-02-05]")
    south = meeting("s", SOUTH, "2025-02-03", links=(link("same_as", north),))

    assert [] == rules_of(north, south)


def test_sent_by_one_and_received_by_the_other_are_no_competing_dates() -> None:
    sent = letter("n", NORTH)
    received = letter("s", SOUTH, on={"received": "2025-02-06"}, links=(link("same_as", sent),))

    assert [] == rules_of(sent, received)


def test_tellings_of_one_that_differ_in_who_or_how_much() -> None:
    north = request("n", categories=3)
    south = request("s", SOUTH, categories=4, links=(link("same_as", north),))
    hosted = meeting("nh", NORTH, "2025-02-01", host=NORTH)
    other = meeting("sh", SOUTH, "2025-02-01", host=SOUTH, links=(link("same_as", hosted),))
    away = meeting(
        "sa", SOUTH, "2025-02-01", attendees=(SOUTH,), apologies=(NORTH,),
        links=(link("same_as", hosted),),
    )  # fmt: skip

    assert "3 categories" in only("same_value", north, south).words
    assert "who it was: northmere" in only("same_value", hosted, other).words
    assert "sent apologies" in only("same_value", hosted, away).words


def test_outside_evidence_that_leaves_no_day() -> None:
    told = letter("l", on={"received": "[2025-06-01..2025-06-10]"})

    def record(edtf: str) -> Draft:
        return event(
            Attestation, f"record {edtf}", SOUTH, {"received": edtf}, type="public_record",
            of=told.id,
        )  # fmt: skip

    row = only("evidence_date", told, record("2025-06-12"))
    assert "1 to 10 June 2025" in row.words
    assert [] == rules_of(told, record("2025-06-03"))


# Orders


def test_a_link_that_the_dates_make_impossible() -> None:
    first = letter("first", on={"sent": "2025-05-01"})
    second = letter("second", on={"sent": "2025-04-01"}, links=(link("replies_to", first),))

    assert (first.id, second.id) == only("link_order", first, second).events
    later = letter("later", on={"sent": "2025-05-02"}, links=(link("replies_to", first),))
    assert [] == rules_of(first, later)


def test_what_was_received_before_it_was_sent() -> None:
    wrong = letter("w", on={"sent": "2025-05-02", "received": "2025-05-01"})

    assert "is before when it was sent" in only("own_dates", wrong).words
    same_day = letter("d", on={"sent": "2025-05-02", "received": "2025-05-02"})
    vague = letter("v", on={"sent": "[2025-05-01..2025-05-03]", "received": "2025-05-02"})
    assert [] == rules_of(same_day)
    assert [] == rules_of(vague)


def test_who_knew_of_it_before_it_was() -> None:
    told = letter("l", on={"sent": "2025-05-02"})

    def knew(day: str) -> Draft:
        return event(
            Knowledge, f"knew {day}", SOUTH, {"occurred": day}, knower=SOUTH, of=told.id,
            mode="became_aware",
        )  # fmt: skip

    assert "became aware of" in only("known_before", told, knew("2025-05-01")).words
    assert [] == rules_of(told, knew("2025-05-02"))


def deferred(*, until: Draft, of: Draft, on: str = "2025-03-01") -> Draft:
    return step("deferred", of, "defer", NORTH, on, until_events=(until.id,))


def test_who_puts_off_and_asks_again_before_it_came() -> None:
    asked = request("asked")
    awaited = letter("awaited", SOUTH, on={"received": "2025-06-02"}, from_=(SOUTH,), to=(NORTH,))
    wait = deferred(until=awaited, of=asked)
    again = request("again", what="meeting", on={"received": "2025-05-01"})
    chased = step("chased", asked, "chase", NORTH, "2025-05-01")
    late = request("late", what="meeting", on={"received": "2025-06-02"})
    early = request("early", what="meeting", on={"received": "2025-02-20"})
    theirs = request("theirs", SOUTH, from_=(SOUTH,), to=(NORTH,), on={"received": "2025-05-01"})
    mail = letter("mail", on={"sent": "2025-05-01"})

    def is_found(*drafts: Draft) -> bool:
        return "before_awaited" in rules_of(asked, awaited, wait, *drafts)

    assert "not established" not in only("before_awaited", asked, awaited, wait, again).words
    assert is_found(chased)
    # After it came; before they put it off; by the other side; about something else.
    assert not any(map(is_found, (late, early, theirs, mail)))
    # Of that they had not said that they would wait.
    assert not is_found(early, step("of-early", early, "chase", NORTH, "2025-05-01"))


def test_of_what_was_put_off_too_often_to_look_at_it_is_not_taken_for_granted_when() -> None:
    awaited = letter("awaited", SOUTH, on={"received": "2025-06-02"}, from_=(SOUTH,), to=(NORTH,))
    again = request("again", what="meeting", on={"received": "2025-05-01"})

    def words(count: int) -> str:
        asked = [request(f"asked {number}") for number in range(count)]
        waits = [
            step(f"wait {n}", each, "defer", NORTH, "2025-03-01", until_events=(awaited.id,))
            for n, each in enumerate(asked)
        ]
        return only("before_awaited", *asked, awaited, *waits, again).words

    assert "requests more" not in words(64)
    assert "not established" not in words(64)
    assert "1 requests more" in words(65)
    assert "not established" in words(65)


def test_who_complains_while_it_is_invited_to_ask() -> None:
    invitation = request(
        "invited", SOUTH, what="invitation", from_=(SOUTH,), to=(NORTH,), on={"made": "2025-02-01"}
    )
    taken_up = request("up", links=(link("follows", invitation),), on={"received": "2025-03-01"})

    def wrote(day: str, to: str, *, encloses: bool = True) -> list[Draft]:
        account = event(Account, f"account {day}{to}", NORTH, {"dated": day}, from_=NORTH)
        links = (link("encloses", account),) if encloses else None
        sent = letter(f"wrote {day}{to}{encloses}", on={"sent": day}, to=(to,), links=links)
        return [account, sent]

    def is_found(*drafts: Draft) -> bool:
        return "complained_first" in rules_of(invitation, taken_up, *drafts)

    assert is_found(*wrote("2025-02-10", "ministry"))
    assert not is_found(*wrote("2025-01-30", "ministry"))
    assert not is_found(*wrote("2025-03-02", "ministry"))
    assert not is_found(*wrote("2025-02-10", SOUTH))
    assert not is_found(*wrote("2025-02-10", "ministry", encloses=False))


# Meaning


def about(parent: Draft) -> tuple[Link, ...]:
    return (link("about", parent),)


def test_one_meeting_told_as_a_request_by_one_and_as_an_invitation_by_the_other() -> None:
    north = meeting("n", NORTH, "2025-02-01")
    south = meeting("s", SOUTH, "2025-02-01", links=(link("same_as", north),))
    asked = request("asked", medium="oral", on={"made": "2025-02-01"}, links=about(north))
    invitation = request(
        "inv", SOUTH, what="invitation", medium="oral", from_=(SOUTH,), to=(NORTH,),
        on={"made": "2025-02-01"}, links=about(south),
    )  # fmt: skip
    row = only("meaning", north, south, asked, invitation)

    assert {asked.id, invitation.id} < set(row.events)
    assert (NORTH, SOUTH) == row.told_by


def test_an_invitation_and_the_request_that_takes_it_up_do_not_compete() -> None:
    told = meeting("m", SOUTH, "2025-02-01")
    invitation = request(
        "inv", SOUTH, what="invitation", from_=(SOUTH,), to=(NORTH,), on={"made": "2025-02-01"},
        links=about(told),
    )  # fmt: skip
    links = (link("about", told), link("follows", invitation))
    taken_up = request("up", on={"made": "2025-02-01"}, links=links)
    # Nor do two that invite, or ask, in one direction.
    other_way = request(
        "o", SOUTH, from_=(SOUTH,), to=(NORTH,), on={"made": "2025-02-01"}, links=about(told)
    )

    assert "meaning" not in rules_of(told, invitation, taken_up)
    assert "meaning" not in rules_of(told, invitation, other_way)


def test_what_is_said_to_be_one_and_told_as_two_kinds() -> None:
    told = letter("l")
    asked = request("r", SOUTH, links=(link("same_as", told),))
    call = letter("c", SOUTH, channel="call", links=(link("same_as", told),))

    assert "letter (entry 3) and request (entry 4)" in only("meaning", told, asked).words
    assert "letter (entry 3) and call (entry 4)" in only("meaning", told, call).words


# Silence


def test_an_answer_that_the_other_side_denies() -> None:
    asked = request("asked")
    answered = step("a", asked, "answer", SOUTH, "2025-03-01", outcome="full")
    nothing = event(
        Knowledge, "nothing", NORTH, {"as_at": "2025-04-01"}, knower=NORTH, of=asked.id,
        mode="not_told",
    )  # fmt: skip
    before = event(
        Knowledge, "before", NORTH, {"as_at": "2025-02-20"}, knower=NORTH, of=asked.id,
        mode="not_told",
    )  # fmt: skip

    assert (asked.id, answered.id, nothing.id) == only(
        "answer_denied", asked, answered, nothing
    ).events
    denied = response("denied", NORTH, answered, "deny")
    assert (
        "southfold, northmere denies that it happened"
        in only("answer_denied", asked, answered, denied).words
    )
    # As at a day before the answer, nothing had come: both are so.
    assert [] == rules_of(asked, answered, before)
    assert [] == rules_of(asked, answered)


def test_an_answer_to_a_question_that_the_other_side_did_not_get() -> None:
    asked = request("asked")
    question = step("q", asked, "seek_clarification", SOUTH, "2025-03-01")
    clear = step("c", asked, "clarify", NORTH, "2025-03-10")
    nothing = event(
        Knowledge, "nothing", SOUTH, {"as_at": "2025-04-01"}, knower=SOUTH, of=question.id,
        mode="not_told",
    )  # fmt: skip

    assert (question.id, clear.id, nothing.id) == only(
        "answer_denied", asked, question, clear, nothing
    ).events
    assert "answer_denied" not in rules_of(asked, question, nothing)


def test_that_nothing_came_up_to_no_day_denies_no_answer() -> None:
    asked = request("asked")
    answered = step("a", asked, "answer", SOUTH, "2025-03-01", outcome="full")

    def silent(days: dict[str, str] | None) -> Draft:
        return event(Knowledge, "n", NORTH, days, knower=NORTH, of=asked.id, mode="not_told")

    assert "answer_denied" in rules_of(asked, answered, silent({"as_at": "2025-04-01"}))
    assert "answer_denied" not in rules_of(asked, answered, silent(None))


def test_an_answer_that_only_the_asker_tells() -> None:
    asked = request("asked")
    told = step("a", asked, "answer", NORTH, "2025-03-01", outcome="full", by=SOUTH)
    row = only("answer_claimed", asked, told)

    assert "stands unanswered by southfold in what is established" in row.words
    assert "answer_claimed" not in rules_of(
        asked, told, response("so it was", SOUTH, told, "agree")
    )


def test_a_promise_that_is_kept_and_is_not() -> None:
    promised = promise()
    kept = step("k", promised, "fulfil", SOUTH, "2025-03-01", target="commitment")
    nothing = step("n", promised, "claim_unfulfilled", NORTH, "2025-04-01", target="commitment")
    before = step("b", promised, "claim_unfulfilled", NORTH, "2025-02-20", target="commitment")
    confirmed = step("c", promised, "confirm", NORTH, "2025-04-02", target="commitment")

    assert (promised.id, kept.id, nothing.id) == only(
        "promise_denied", promised, kept, nothing
    ).events
    assert "promise_denied" not in rules_of(promised, kept, before)
    assert "promise_denied" not in rules_of(promised, kept, nothing, confirmed)
    assert "promise_denied" not in rules_of(promised, nothing)
    denied = response("denied", NORTH, kept, "deny")
    assert "promise_denied" in rules_of(promised, kept, denied)


def test_who_did_not_know_of_it_and_did() -> None:
    wrote = letter("l", on={"sent": "2025-02-03"})

    def knew(author: str, mode: str, knower: str = SOUTH, **on: str) -> Draft:
        label = f"{author} {mode} {knower} {on}"
        return event(Knowledge, label, author, on, knower=knower, of=wrote.id, mode=mode)

    not_told = knew(SOUTH, "not_told", as_at="2025-04-01")
    told = knew(NORTH, "told", occurred="2025-03-01")
    row = only("known_denied", wrote, not_told, told)
    assert (wrote.id, told.id, not_told.id) == row.events
    assert ["as told by northmere", "as told by southfold"] == [str(t) for t in row.tellings]
    assert "southfold tells that, as at 1 April 2025, southfold had not been told of the" in (
        row.words
    )
    assert "northmere tells that southfold was told of it, 1 March 2025" in row.words

    later = knew(SOUTH, "became_aware", occurred="2025-04-01")
    assert (
        "southfold became aware, only 1 April 2025, of"
        in only("known_denied", wrote, later, told).words
    )
    # A party knows what its posts know, and not the other way round.
    clerk = knew(NORTH, "told", f"{SOUTH}/clerk", occurred="2025-03-01")
    assert "known_denied" in rules_of(wrote, not_told, clerk)
    of_clerk = knew(SOUTH, "not_told", f"{SOUTH}/clerk", as_at="2025-04-01")
    assert "known_denied" not in rules_of(wrote, of_clerk, told)
    for fits in (
        knew(NORTH, "told", occurred="2025-04-02"),
        knew(NORTH, "told", occurred="[2025-03-01..2025-04-02]"),
        knew(SOUTH, "told", occurred="2025-03-01"),
        knew(NORTH, "told", NORTH, occurred="2025-03-01"),
        knew(NORTH, "disclaims", occurred="2025-03-01"),
    ):
        assert "known_denied" not in rules_of(wrote, not_told, fits)
    assert "known_denied" not in rules_of(wrote, told, knew(SOUTH, "became_aware"))
    assert "known_denied" not in rules_of(wrote, told, knew(SOUTH, "not_told"))
    assert "known_denied" not in rules_of(wrote, told, knew(SOUTH, "told", occurred="2025-03-02"))
    same_day = knew(SOUTH, "became_aware", occurred="2025-03-01")
    assert "known_denied" not in rules_of(wrote, told, same_day)


# Properties


def plain(rows: Iterable[Finding]) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Return findings with nothing in them that depends on the order of entries."""
    return [(row.rule, row.events, tuple(map(str, row.tellings))) for row in rows]


_NORTH = meeting("pn", NORTH, "2025-02-01", host=NORTH)
_SOUTH = meeting("ps", SOUTH, "2025-02-03", host=SOUTH, links=(link("same_as", _NORTH),))
_ASKED = request("pr", categories=2, areas=("a",), areas_doubtful=("b",), links=about(_NORTH))
_INVITED = request(
    "pi", SOUTH, what="invitation", from_=(SOUTH,), to=(NORTH,), on={"received": "2025-02-03"},
    links=about(_SOUTH),
)  # fmt: skip
_ANSWERED = step("pa", _ASKED, "answer", NORTH, "2025-03-01", outcome="full", by=SOUTH)
_PROMISED = promise("pp")
_SMALL: tuple[Draft, ...] = (
    *(_NORTH, _SOUTH, _ASKED, _INVITED, _ANSWERED, _PROMISED),
    letter("pl", claims={"file.1": FILE}),
    letter("pk", SOUTH, claims={"file.1": FILE, "note": "Many earlier letters."}),
    letter("pm", claims={"phrase_sent": "6th March", "message_id": "<1>"}, on={"sent": "2025-03"}),
    letter("pe", SOUTH, claims={"message_id": "<1>"}, on=None),
    step("pf", _PROMISED, "fulfil", SOUTH, "2025-03-01", target="commitment"),
    step("pu", _PROMISED, "claim_unfulfilled", NORTH, "2025-04-01", target="commitment"),
    response("pd", SOUTH, _NORTH, "deny", field="dates.occurred", at={"value": "2025-02-02"}),
    event(
        Knowledge, "pt", NORTH, {"occurred": "2025-03-01"}, knower=SOUTH, of=_ASKED.id, mode="told"
    ),
    event(
        Knowledge, "pn", SOUTH, {"as_at": "2025-04-01"}, knower=SOUTH, of=_ASKED.id, mode="not_told"
    ),
)


def test_the_small_case_has_most_rules() -> None:
    assert [
        *("date_disputed", "same_date", "same_value", "answer_denied", "promise_denied"),
        "known_denied",
        *("meaning", "answer_claimed", "same_file", "same_message", "alike", "items_doubtful"),
        *("unanswered", "count_claim", "no_year", "undated"),
    ] == list(dict.fromkeys(rules_of(*_SMALL)))


@settings(max_examples=30)
@given(orders(_SMALL))
def test_the_order_of_recording_changes_nothing(drafts: list[Draft]) -> None:
    assert plain(found_in(*_SMALL)) == plain(found_in(*drafts))


@settings(max_examples=10)
@given(orders(CASE))
def test_nor_does_it_in_the_founding_case(drafts: list[Draft]) -> None:
    def found(case: Iterable[Draft]) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        book = book_of(case, members=("blaby", "rutland"))
        return plain(fold_contradictions(read(book.view(), as_at=AS_AT)).rows)

    assert found(CASE) == found(drafts)


@settings(max_examples=50)
@given(st.data())
def test_whatever_is_told_gives_findings_and_the_same_in_any_order(data: st.DataObject) -> None:
    drafts = data.draw(tangles())
    as_at = data.draw(st.sampled_from((dt.date.min, dt.date(2025, 2, 4), AS_AT, dt.date.max)))
    rows = found_in(*drafts, as_at=as_at)

    assert plain(rows) == plain(found_in(*data.draw(orders(drafts)), as_at=as_at))
    assert all(row.words and row.events for row in rows)


def test_what_is_recorded_later_changes_nothing_of_an_earlier_size() -> None:
    book = book_of(_SMALL, members=(NORTH, SOUTH))
    before = len(book.entries) - len(_SMALL)
    for count in range(1, len(_SMALL)):
        early = fold_contradictions(read(book.view(at_size=before + count), as_at=AS_AT))
        assert found_in(*_SMALL[:count]) == early.rows


def test_each_finding_names_its_rule_and_rests_on_events_of_the_view() -> None:
    rows = found_in(*_SMALL)
    by_id = book_of(_SMALL, members=(NORTH, SOUTH)).view().by_id

    for row in rows:
        rule = RULES[row.rule]
        assert (rule.kind, rule.severity, rule.why) == (row.kind, row.severity, row.why)
        assert tuple(by_id[each].index for each in row.events) == row.indexes
        assert row.tellings
        assert row.words.endswith(".")
    order = [(row.severity, list(RULES).index(row.rule)) for row in rows]
    assert sorted(order) == order


def test_events_of_after_the_day_are_not_looked_at() -> None:
    told = meeting("m", NORTH, "2025-02-01")
    denied = response("no", SOUTH, told, "deny")

    assert ["denied"] == rules_of(told, denied, as_at=dt.date(2025, 2, 1))
    assert [] == rules_of(told, denied, as_at=dt.date(2025, 1, 31))
