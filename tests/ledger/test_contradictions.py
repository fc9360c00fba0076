"""Contradictions, gaps and double counting: those of the founding case, and each rule by itself.

What must not be found counts as much as what must: a tool that cries wolf is not read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.folds.contradictions import RULES, Contradictions, Finding, fold_contradictions
from ledger.folds.reading import read
from ledger.texts.contradicting import contradictions_text
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce, revoked, sealed
from tests.ledger.founding import CASE
from tests.ledger.recorded import orders, tangles
from tests.ledger.shipped import Shipped, shipped
from verify.claims import File
from verify.kinds import (
    Account,
    Artefact,
    Attestation,
    Commitment,
    Communication,
    Knowledge,
    Link,
    Meeting,
    Position,
    Request,
    Sentence,
    Step,
)

AS_AT = dt.date(2025, 11, 28)
NORTH, SOUTH = "northmere", "southfold"


def found_in(*drafts: Draft, as_at: dt.date = AS_AT) -> tuple[Finding, ...]:
    book = book_of(drafts, members=(NORTH, SOUTH))
    return fold_contradictions(read(book.view(), as_at=as_at)).rows


def rules_of(*drafts: Draft, as_at: dt.date = AS_AT) -> list[str]:
    return [row.rule for row in found_in(*drafts, as_at=as_at)]


def only(rule: str, *drafts: Draft) -> Finding:
    rows = [row for row in found_in(*drafts) if row.rule == rule]

    assert 1 == len(rows), [row.words for row in rows]
    return rows[0]


# Made of keywords: `label` makes the nonce, dates are given as `on`.


def event(
    kind: type, label: str, author: str, days: dict[str, str] | None, /, **fields: object
) -> Draft:
    texts: dict[str, str | File] = fields.pop("claims", {})  # type: ignore[assignment]  # a test's own
    digests, opened = sealed(author, label, texts)
    return Draft(
        kind(
            author=author,
            nonce=nonce(label),
            dates=dates(**days) if days else None,
            sealed=digests or None,
            **fields,
        ),
        opened,
    )


def letter(label: str, author: str = NORTH, **fields: object) -> Draft:
    on = fields.pop("on", {"sent": "2025-02-03"})
    values = {"channel": "letter", "from_": (NORTH,), "to": (SOUTH,)} | fields
    return event(Communication, label, author, on, **values)  # type: ignore[arg-type]  # a test's own


def request(label: str, author: str = NORTH, **fields: object) -> Draft:
    on = fields.pop("on", {"received": "2025-02-03"})
    values = {"what": "data", "medium": "written", "from_": (NORTH,), "to": (SOUTH,)} | fields
    return event(Request, label, author, on, **values)  # type: ignore[arg-type]  # a test's own


def step(label: str, of: Draft, verb: str, author: str, on: str, **fields: object) -> Draft:
    values = {"target": "request"} | fields
    return event(Step, label, author, {"occurred": on}, of=of.id, verb=verb, **values)


def promise(label: str = "promise", **fields: object) -> Draft:
    values = {"by": SOUTH, "to": (NORTH,), "what": "document"} | fields
    return event(Commitment, label, SOUTH, {"made": "2025-02-03"}, **values)


def response(label: str, author: str, on: Draft, stance: str, **fields: object) -> Draft:
    when = fields.pop("at", None)
    return event(Position, label, author, when, on=on.id, stance=stance, **fields)  # type: ignore[arg-type]  # a test's own


def meeting(label: str, author: str, on: str, **fields: object) -> Draft:
    values = {"attendees": (NORTH, SOUTH)} | fields
    return event(Meeting, label, author, {"occurred": on}, **values)


# The founding case: the list of domain 1.2, (a) to (g)


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


# Gaps


def test_what_was_asked_lately_or_answered_is_no_gap() -> None:
    asked = request("asked", on={"received": "2025-11-20"})
    old = request("old", on={"received": "2025-10-01"})
    answered = step("a", old, "answer", SOUTH, "2025-10-10", outcome="full")

    assert [] == rules_of(asked)
    assert ["unanswered"] == rules_of(old)
    assert [] == rules_of(old, answered)
    # Before a statutory deadline nothing is missing.
    foia = request("foia", on={"received": "2025-10-30"}, regime="foia_20")
    assert [] == rules_of(foia, as_at=dt.date(2025, 11, 27))


def test_who_has_not_told_of_an_answer_that_the_other_side_signed_leaves_no_gap() -> None:
    asked = request("asked", categories=3, areas=("a",))
    answered = step("a", asked, "answer", SOUTH, "2025-03-01", outcome="full", items=((1, 1),))
    question = step("q", asked, "seek_clarification", SOUTH, "2025-03-01", items=((2, 2),))
    rows = {row.rule: row for row in found_in(asked, answered, question)}

    # As Northmere tells it, nothing was answered: it has not said so yet.
    assert {"unanswered", "queried"} == set(rows)
    assert "(the request of entry 3, item 3)" in rows["unanswered"].words
    told = ["established", "as told by northmere", "as told by southfold"]
    assert told == [str(each) for each in rows["unanswered"].tellings]
    assert "The request of entry 3, item 2, was queried" in rows["queried"].words
    assert told[::2] == [str(each) for each in rows["queried"].tellings]


def test_what_was_chased_and_never_answered_is_a_gap() -> None:
    asked = request("asked")
    chased = step("c", asked, "chase", NORTH, "2025-03-01")

    assert (asked.id, chased.id) == only("unanswered", asked, chased).events


def test_a_meeting_that_was_asked_for_and_refused_has_an_outcome() -> None:
    asked = request("asked", what="meeting")
    refused = step("r", asked, "refuse", SOUTH, "2025-03-01")

    assert ["no_outcome"] == rules_of(asked)
    assert [] == rules_of(asked, refused)


def test_a_count_with_its_events_is_no_gap() -> None:
    first, second = letter("one"), letter("two", on={"sent": "2025-02-05"})
    words = {"note": "After several letters, in many areas and with various officers."}
    bare = meeting("m", NORTH, "2025-03-01", claims=words)
    backed = meeting(
        "b", NORTH, "2025-03-01", claims=words,
        links=(link("about", first), link("about", second)),
    )  # fmt: skip

    row = only("count_claim", first, second, bare)
    assert "“several letters”, and refers to none; in all, northmere tells 2 letters" in row.words
    assert [] == rules_of(first, second, backed)
    # The words of a mail are its writer's, and no count of ours.
    mail = letter("mail", channel="email", claims={"body": "Many requests were made."})
    assert [] == rules_of(mail)


def test_sentences_without_events() -> None:
    told = letter("l")
    account = event(
        Account, "acc", NORTH, {"dated": "2025-03-01"},
        sentences=(Sentence(number=1, events=(told.id,)), Sentence(number=2), Sentence(number=4)),
    )  # fmt: skip

    assert "sentences 2 and 4 have no event behind them" in only("unsupported", told, account).words


@pytest.mark.parametrize(
    ("phrase", "is_gap"),
    [
        *(("6th March", True), ("in early July", True), ("the 6th", True)),
        *(("6 March 2025", False), ("shortly after the meeting", False), ("2025", False)),
        ("it may be so", True),  # a month's name; the reader sees the phrase
    ],
)
def test_a_day_or_month_without_its_year(phrase: str, *, is_gap: bool) -> None:
    told = letter("l", claims={"phrase_sent": phrase})

    assert (["no_year"] if is_gap else []) == rules_of(told)


def test_a_date_that_is_vague_is_a_date() -> None:
    vague = letter("v", on={"sent": "[2025-06-01..2025-06-10]"})
    month = letter("m", on={"sent": "2025-06"})
    year = letter("y", on={"sent": "2025-XX-XX"})
    half = letter("h", on={"sent": "[2025-06-01..]"})

    assert [] == rules_of(vague)
    assert [] == rules_of(month)
    assert ["undated"] == rules_of(year)
    assert ["undated"] == rules_of(half)
    assert ["undated"] == rules_of(letter("n", on=None))


# Double counting

FILE = File(name="letter.pdf", media_type="application/pdf", size=3, sha256="ab" * 32)


def test_one_file_in_two_events() -> None:
    north = letter("n", claims={"file.1": FILE})
    south = event(
        Artefact, "s", SOUTH, {"created": "2025-02-03"}, type="letter", custodian=SOUTH,
        claims={"file.1": FILE},
    )  # fmt: skip
    joined = event(
        Artefact, "j", SOUTH, {"created": "2025-02-03"}, type="letter", custodian=SOUTH,
        claims={"file.1": FILE}, links=(link("evidences", north),),
    )  # fmt: skip

    assert {north.id, south.id} == set(only("same_file", north, south).events)
    assert [] == rules_of(north, joined)


def test_a_picture_that_many_mails_enclose_makes_them_no_doubles() -> None:
    def mail(number: str, on: str) -> Draft:
        own = File(name="m.eml", media_type="message/rfc822", size=1, sha256=number * 64)
        return letter(number, on={"sent": on}, claims={"file.1": own, "file.2": FILE})

    first, second = mail("1", "2025-02-03"), mail("2", "2025-02-20")

    assert [] == rules_of(first, second)


def test_one_message_in_two_events() -> None:
    same = {"message_id": "<1@example.org>"}
    north = letter("n", channel="email", on={"sent": "2025-02-03"}, claims=same)
    south = letter("s", SOUTH, channel="email", on={"received": "2025-03-09"}, claims=same)
    joined = letter(
        "j", SOUTH, channel="email", on={"received": "2025-03-09"}, claims=same,
        links=(link("same_as", north),),
    )  # fmt: skip

    assert {north.id, south.id} == set(only("same_message", north, south).events)
    assert [] == rules_of(north, joined)


def test_one_letter_that_each_side_tells_by_itself() -> None:
    north = letter("n")
    south = letter("s", SOUTH, on={"sent": "[2025-02-01..2025-02-05]"})
    row = only("alike", north, south)

    assert {north.id, south.id} == set(row.events)
    assert "each told by one of northmere and southfold" in row.words


def test_what_is_not_alike() -> None:
    north = letter("n", claims={"title": "One"})
    others = (
        letter("joined", SOUTH, links=(link("same_as", north),)),
        letter("reply", SOUTH, from_=(SOUTH,), to=(NORTH,)),
        letter("another day", SOUTH, on={"sent": "2025-02-04"}),
        letter("a year", SOUTH, on={"sent": "2025-XX-XX"}),
        letter("an email", SOUTH, channel="email"),
        letter("to another", SOUTH, to=("ministry",)),
        letter("own, other words", claims={"title": "Two"}),
    )

    for other in others:
        assert "alike" not in rules_of(north, other), other.event
    twice = letter("own, same words", claims={"title": "One"})
    assert "alike" in rules_of(north, twice)


def test_each_event_is_paired_once() -> None:
    drafts = [letter(f"n{n}", claims={"title": f"N{n}"}) for n in range(2)]
    drafts += [letter(f"s{n}", SOUTH, claims={"title": f"S{n}"}) for n in range(3)]
    rows = [row for row in found_in(*drafts) if row.rule == "alike"]
    paired = [event_id for row in rows for event_id in row.events]

    assert len(paired) == len(set(paired))
    assert rows


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
)


def test_the_small_case_has_most_rules() -> None:
    assert [
        *("date_disputed", "same_date", "same_value", "promise_denied", "meaning"),
        *("answer_claimed", "same_file", "same_message", "alike", "items_doubtful"),
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
