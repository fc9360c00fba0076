"""Gaps and double counting, each rule by itself. What must not be found counts as much."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.ledger.bookmaking import Draft, link
from tests.ledger.contradicting import (
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
from verify.claims import File
from verify.kinds import (
    Account,
    Artefact,
    Sentence,
)

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
