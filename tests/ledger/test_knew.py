"""Who knew what on a day, and whether somebody knew of one event when it did another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.dates import Answer
from ledger.folds.grounds import signing_day
from ledger.folds.knew import doers, knew_before, knew_on, knew_when
from ledger.folds.reading import Reading, read
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.persistent import Blocks, ById
from ledger.replies import tellings
from ledger.texts.knowing import knew_before_text, knew_on_text
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce
from tests.ledger.founding import (
    AWARE,
    CASE,
    COMPLAINT,
    INVITATION,
    LAST_MEETING,
    LCC,
    LETTER,
    MEETING,
    OTHERS,
    POSTCODES,
    QUERY,
    REPLY,
    position,
)
from tests.ledger.recorded import orders, tangles
from tests.ledger.shipped import Shipped, shipped
from verify.brackets import Brackets, Cosigned
from verify.kinds import Artefact, Communication, Knowledge, Meeting
from verify.note import COSIGNATURE_ED25519, VerifierKey
from verify.policy import Policy, Witness

AS_AT = dt.date(2025, 11, 28)
TOLD = Telling(LCC)


def reading(*drafts: Draft) -> Reading:
    return read(book_of(drafts, members=(*OTHERS, "northmere", "southfold")).view(), as_at=AS_AT)


def cosigned(found: Reading, *, size: int, day: dt.date) -> Reading:
    """Return a reading of a ledger of which a witness cosigned `size` entries on a day."""
    key = VerifierKey("w1.example", b"key.", COSIGNATURE_ED25519, bytes(32))
    policy = Policy((), (Witness("w1", key),), (), "w1")
    at_s = (day - dt.date(1970, 1, 1)).days * 86_400
    notes = [Cosigned(size, b"", policy, {"w1": (at_s,)})]
    brackets = Brackets(covering=notes, seen=(), statements=())
    return read(replace(found.view, brackets=brackets), as_at=found.as_at)


def knowing(label: str, author: str, mode: str, of: Draft = COMPLAINT, **roles: str) -> Draft:
    event = Knowledge(
        author=author,
        nonce=nonce(label),
        dates=dates(**roles) if roles else None,
        knower=LCC,
        of=of.id,
        mode=mode,  # type: ignore[arg-type]  # a test's own
    )
    return Draft(event)


def letter(label: str, author: str, by: str, to: str, **roles: str) -> Draft:
    return Draft(
        Communication(
            author=author,
            nonce=nonce(label),
            dates=dates(**roles) if roles else None,
            channel="letter",
            from_=(by,),
            to=(to,),
        )
    )


def before(
    found: Reading,
    act: Draft,
    of: Draft = COMPLAINT,
    *,
    holder: str = LCC,
    telling: Telling = TOLD,
) -> Answer:
    return knew_before(found, holder=holder, of=of.id, act=act.id, telling=telling).answer


def on(
    found: Reading, day: str, of: Draft, *, holder: str = LCC, telling: Telling = TOLD
) -> str | None:
    fold = knew_on(found, day=dt.date.fromisoformat(day), tellings=[telling], of=of.id)
    return next((row.answer for row in fold.rows if row.holder == holder), None)


# Did P know X when P did Y


def test_the_county_knew_only_after_what_it_learned_later() -> None:
    found = reading(*CASE)

    assert "no" == before(found, LETTER)
    assert "no" == before(found, INVITATION)
    assert "not established" == before(found, LAST_MEETING)
    assert "yes" == before(found, LETTER, holder="blaby")
    assert "yes" == before(found, LETTER, of=MEETING)
    assert "no" == before(found, LETTER, of=QUERY)


def test_a_ground_that_a_party_and_its_post_share_is_told_once() -> None:
    event = Meeting(
        author=LCC,
        nonce=nonce("hosted"),
        dates=dates(occurred="2025-03-06"),
        host=LCC,
        attendees=(f"{LCC}/acting-leader", "rutland"),
    )
    met = Draft(event)
    fold = knew_on(reading(met), day=AS_AT, tellings=[TOLD], of=met.id)
    grounds = {row.holder: row.grounds for row in fold.rows}[LCC]

    assert 1 == sum(each.startswith("took part") for each in grounds)


def test_nothing_of_it_is_established_by_one_side_alone() -> None:
    found = reading(*CASE)
    answer = knew_before(found, holder=LCC, of=COMPLAINT.id, act=LETTER.id)

    assert "not established" == answer.answer
    assert 1 == len(answer.reasons)
    index = found.view.by_id[LETTER.id].index
    assert f"nobody whose act entry {index} is has signed it" == answer.reasons[0]


def test_nobody_knew_of_what_had_not_happened() -> None:
    answer = knew_before(
        reading(*CASE), holder="rutland", of=LAST_MEETING.id, act=COMPLAINT.id, telling=TOLD
    )

    assert "no" == answer.answer
    assert "happened only after" in answer.reasons[0]


def test_two_sides_contradict_each_other_only_where_one_reader_takes_both_words() -> None:
    early = knowing("early", "rutland", "knew_earlier", occurred="2025-03-13")
    found = reading(*CASE, early)

    assert "no" == before(found, LETTER)
    assert "yes" == before(found, LETTER, telling=Telling("rutland"))
    both = reading(*CASE, early, position("so it was", LCC, early, "admit"))
    answer = knew_before(both, holder=LCC, of=COMPLAINT.id, act=LETTER.id, telling=TOLD)
    assert "not established" == answer.answer
    assert "these contradict each other" == answer.reasons[-1]


@pytest.mark.parametrize(
    ("edtf", "expected"),
    [("2025-03-12/2025-04-22", "no"), ("2025-03-12/", "not established")],
)
def test_a_stretch_of_not_knowing_covers_what_was_done_within(edtf: str, expected: str) -> None:
    unknowing = knowing("unknowing", LCC, "not_told", period=edtf)

    assert expected == before(reading(COMPLAINT, INVITATION, LETTER, unknowing), LETTER)


def test_what_was_not_known_as_at_a_day_was_not_known_before() -> None:
    unknowing = knowing("as at", LCC, "not_told", as_at="2025-05-01")

    assert "no" == before(reading(COMPLAINT, INVITATION, LETTER, unknowing), LETTER)


@pytest.mark.parametrize("mode", ["could_have_known", "disclaims"])
def test_what_says_nothing_of_knowing_establishes_nothing(mode: str) -> None:
    event = knowing(mode, LCC, mode, occurred="2025-03-13", as_at="2025-05-01")
    found = reading(COMPLAINT, INVITATION, LETTER, event)
    answer = knew_before(found, holder=LCC, of=COMPLAINT.id, act=LETTER.id, telling=TOLD)

    assert "not established" == answer.answer
    assert "shows nothing of whether it knew" in " ".join(answer.reasons)


def test_its_own_ignorance_is_established_by_the_other_side() -> None:
    theirs = letter("theirs", "rutland", "rutland", LCC, sent="2025-05-01")
    act = letter("own act", LCC, LCC, "rutland", sent="2025-06-01")
    unknowing = knowing("unknowing", LCC, "not_told", of=theirs, as_at="2025-07-01")
    alone = reading(theirs, act, unknowing)
    agreed = reading(theirs, act, unknowing, position("so", "rutland", unknowing, "agree"))

    assert "not established" == before(alone, act, theirs, telling=ESTABLISHED)
    assert "no" == before(agreed, act, theirs, telling=ESTABLISHED)


def test_who_tells_both_establishes_no_ignorance() -> None:
    theirs = letter("theirs", "rutland", "rutland", LCC, received="2025-05-02", sent="2025-05-01")
    act = letter("own act", LCC, LCC, "rutland", sent="2025-06-01")
    unknowing = knowing("unknowing", "rutland", "not_told", of=theirs, as_at="2025-07-01")
    found = reading(theirs, act, unknowing)

    for telling in (ESTABLISHED, Telling("rutland")):
        assert "not established" == before(found, act, theirs, telling=telling)
        assert "not established" == on(found, "2025-05-02", theirs, telling=telling)
        # Before it was received both of its words agree.
        assert "did not know" == on(found, "2025-05-01", theirs, telling=telling)
    rows = knew_on(found, day=dt.date(2025, 5, 2), tellings=[ESTABLISHED], of=theirs.id).rows
    theirs_ = next(row for row in rows if row.holder == LCC)
    assert any("it reached them" in each for each in theirs_.grounds)
    assert any("was not told of it" in each for each in theirs_.grounds)


def test_one_of_several_who_tells_no_other_establishes_ignorance_alone() -> None:
    theirs = Draft(
        Communication(
            author="rutland",
            nonce=nonce("of both"),
            dates=dates(sent="2025-05-01", received="2025-05-02"),
            channel="letter",
            from_=("rutland", "blaby"),
            to=(LCC,),
        )
    )
    both = [
        knowing(f"by {party}", party, "not_told", of=theirs, as_at="2025-07-01")
        for party in ("rutland", "blaby")
    ]

    assert "not established" == on(
        reading(theirs, both[0]), "2025-06-01", theirs, telling=ESTABLISHED
    )
    assert "did not know" == on(reading(theirs, *both), "2025-06-01", theirs, telling=ESTABLISHED)


def test_what_it_signs_against_itself_is_established() -> None:
    theirs = letter("theirs", "rutland", "rutland", LCC, sent="2025-05-01")
    act = letter("own act", LCC, LCC, "rutland", sent="2025-06-01")
    aware = knowing("aware", LCC, "became_aware", of=theirs, occurred="2025-05-02")

    assert "not established" == before(reading(theirs, act), act, theirs, telling=ESTABLISHED)
    assert "yes" == before(reading(theirs, act, aware), act, theirs, telling=ESTABLISHED)
    told = knowing("told", "rutland", "told", of=theirs, occurred="2025-05-02")
    found = reading(theirs, act, told)
    assert "not established" == before(found, act, theirs, telling=ESTABLISHED)
    assert "yes" == before(found, act, theirs, telling=Telling("rutland"))


def test_a_signed_receipt_with_its_day_shows_it() -> None:
    theirs = letter("theirs", "rutland", "rutland", LCC, sent="2025-05-01")
    act = letter("own act", LCC, LCC, "rutland", sent="2025-06-01")
    receipt = position("got it", LCC, theirs, "received", dates=dates(received="2025-05-03"))
    late = position("got it late", LCC, theirs, "received", dates=dates(received="2025-06-03"))

    assert "yes" == before(reading(theirs, act, receipt), act, theirs, telling=ESTABLISHED)
    # Receipt later than the act does not show that it was unknown before.
    found = reading(theirs, act, late)
    assert "not established" == before(found, act, theirs, telling=ESTABLISHED)


def test_a_copy_that_is_told_to_have_reached_somebody_is_their_knowledge_as_told() -> None:
    found = reading(*CASE)
    act = letter("later", LCC, LCC, "rutland", sent="2025-05-01")
    copied = letter("copied", LCC, "rutland", LCC, received="2025-04-30")
    more = reading(*CASE, copied, act)

    assert "not established" == before(found, LAST_MEETING, of=REPLY)
    assert "yes" == before(more, act, of=copied)
    # Its receiver has signed that it came; that it was sent, its sender has not.
    assert "not established" == before(more, act, of=copied, telling=ESTABLISHED)


def test_what_an_act_encloses_was_known_when_it_was_done() -> None:
    case = shipped(["founding"])
    found = read(case.view, as_at=AS_AT)
    answer = knew_before(
        found,
        holder=LCC,
        of=case.ids["letter-12-march"],
        act=case.ids["letter-to-minister"],
        telling=TOLD,
    )
    index = {label: found.view.by_id[event_id].index for label, event_id in case.ids.items()}

    assert "yes" == answer.answer
    source = f"entry {index['became-aware']}, told by leicestershire"
    first = f"became aware of it, on or after 23 April 2025 ({source})"
    assert (f"{first}: that was before entry {index['letter-to-minister']}",) == answer.reasons


def test_seen_is_told_and_decides_nothing() -> None:
    theirs = letter("theirs", "rutland", "rutland", LCC, sent="2025-05-01")
    act = letter("own act", LCC, LCC, "rutland", sent="2025-06-01")
    book = book_of([theirs], members=OTHERS)
    book.add(act, seen=len(book.entries))
    found = read(book.view(), as_at=AS_AT)
    answer = knew_before(found, holder=LCC, of=theirs.id, act=act.id)
    plain = knew_before(reading(theirs, act), holder=LCC, of=theirs.id, act=act.id)

    assert ("not established", "not established") == (answer.answer, plain.answer)
    assert "never that anyone had read it" in answer.reasons[-1]
    # A low `seen`, or none, is no sign that it was unknown: nothing is said of it.
    assert all("held" not in reason for reason in plain.reasons)


def test_a_response_is_done_by_being_signed_and_cosigned_time_dates_it() -> None:
    theirs = letter("theirs", "rutland", "rutland", LCC, sent="2025-05-01")
    answered = position("denied", LCC, theirs, "deny")
    later = position("elsewhere", LCC, MEETING, "deny")
    found = reading(MEETING, theirs, answered, later)

    assert "not established" == before(found, later, theirs, telling=ESTABLISHED)
    size = found.view.by_id[answered.id].index + 1
    dated = cosigned(found, size=size, day=dt.date(2025, 6, 1))
    assert "not established" == before(dated, later, theirs, telling=ESTABLISHED)
    assert "knew" == on(dated, "2025-06-01", theirs, telling=ESTABLISHED)
    assert "not established" == on(dated, "2025-05-31", theirs, telling=ESTABLISHED)
    book = book_of([MEETING, theirs, answered], members=OTHERS)
    book.add(later, seen=len(book.entries))
    held = read(book.view(), as_at=AS_AT)
    # It had responded to it, and signed the other response when it held that.
    assert "yes" == before(held, later, theirs, telling=ESTABLISHED)


def test_one_signature_under_both_shows_that_it_knew_when_it_signed() -> None:
    case = shipped(["invented-1-north", "invented-2-south"], members=("northmere", "southfold"))
    found = read(case.view, as_at=AS_AT)
    of, act = case.ids["letter"], case.ids["meeting-agreed"]

    # Of two submissions the ledger says which came first: that proves nothing.
    assert "not established" == knew_before(found, holder="southfold", of=of, act=act).answer
    first = found.view.by_id[case.ids["letter-received"]].first
    by_id = {
        event_id: replace(told, first=first) if event_id == act else told
        for event_id, told in found.view.by_id.items()
    }
    told = Blocks(by_id[each.id] for each in found.view.told)
    joint = read(replace(found.view, told=told, by_id=ById.of(by_id)), as_at=AS_AT)
    answer = knew_before(joint, holder="southfold", of=of, act=act)
    assert "yes" == answer.answer
    assert "signed that it received it, 4 February 2026" in answer.reasons[0]


def test_who_replies_to_it_or_does_a_step_of_it_knows_of_it() -> None:
    found = reading(*CASE)

    assert "yes" == before(found, REPLY, holder="mhclg")
    assert "yes" == before(found, AWARE, holder="mhclg")
    assert "not established" == before(found, LETTER, holder="mhclg")
    assert "yes" == before(found, LAST_MEETING, holder="mhclg")
    # It asked about it, and so had it; but when is vague.
    assert "not established" == before(found, POSTCODES, of=POSTCODES)
    assert "yes" == before(found, QUERY, of=POSTCODES)


def test_a_signature_is_dated_by_cosigned_time_and_by_nothing_else() -> None:
    found = reading(COMPLAINT)
    told = found.view.by_id[COMPLAINT.id]

    assert signing_day(found.view, told) is None
    dated = cosigned(found, size=found.view.size, day=dt.date(2025, 6, 1))
    when = signing_day(dated.view, told)
    assert when is not None
    assert "[..2025-06-01]" == when.edtf
    for beyond in (10**15, -(10**15)):
        notes = [replace_time(found.view.size, beyond)]
        view = replace(found.view, brackets=Brackets(covering=notes, seen=(), statements=()))
        assert signing_day(view, told) is None


def replace_time(size: int, at_s: int) -> Cosigned:
    key = VerifierKey("w1.example", b"key.", COSIGNATURE_ED25519, bytes(32))
    return Cosigned(size, b"", Policy((), (Witness("w1", key),), (), "w1"), {"w1": (at_s,)})


def test_what_a_party_denies_is_not_in_its_telling() -> None:
    found = reading(*CASE, position("no such letter", "rutland", LETTER, "deny"))
    answer = knew_before(
        found, holder="blaby", of=COMPLAINT.id, act=LETTER.id, telling=Telling("rutland")
    )

    assert "not established" == answer.answer
    assert "rutland denies entry" in answer.reasons[0]


def test_what_was_enclosed_came_with_what_enclosed_it() -> None:
    paper = Draft(
        Artefact(author="rutland", nonce=nonce("paper"), type="protocol", custodian="rutland")
    )
    sent = Draft(
        Communication(
            author="rutland",
            nonce=nonce("with the paper"),
            dates=dates(sent="2025-05-01", received="2025-05-03"),
            links=(link("encloses", paper),),
            channel="letter",
            from_=("rutland",),
            to=(LCC,),
        )
    )
    found, rutland = reading(paper, sent), Telling("rutland")

    assert "knew" == on(found, "2025-05-01", paper, holder="rutland", telling=ESTABLISHED)
    assert "not established" == on(found, "2025-05-02", paper, telling=rutland)
    assert "knew" == on(found, "2025-05-03", paper, telling=rutland)
    # That it reached the County is Rutland's word.
    assert "not established" == on(found, "2025-05-03", paper, telling=ESTABLISHED)


@pytest.mark.parametrize(("channel", "expected"), [("call", "knew"), ("letter", None)])
def test_what_is_said_reaches_at_once_and_what_is_sent_does_not(
    channel: Literal["call", "letter"], expected: str | None
) -> None:
    said = Draft(
        Communication(
            author="rutland",
            nonce=nonce(channel),
            dates=dates(sent="2025-05-01"),
            channel=channel,
            from_=("rutland",),
            to=(LCC,),
        )
    )

    assert expected == on(reading(said), "2025-05-01", said, telling=Telling("rutland"))


def test_what_was_done_on_somebody_s_behalf_is_told_to_be_known_to_them() -> None:
    found = reading(*CASE)
    fold = knew_on(found, day=AS_AT, tellings=[TOLD], of=LETTER.id, holder="rutland")

    # The districts wrote it, for Rutland too.
    assert "it was done on their behalf, 8 April 2025 (entry" in fold.rows[0].grounds[0]


def test_a_party_knows_what_its_posts_know_and_not_the_reverse() -> None:
    event = Knowledge(
        author="rutland",
        nonce=nonce("post"),
        dates=dates(occurred="2025-03-20"),
        knower=f"{LCC}/clerk",
        of=COMPLAINT.id,
        mode="told",
    )
    of_party = knowing("party", "rutland", "told", of=REPLY, occurred="2025-04-24")
    found = reading(*CASE, Draft(event), of_party)
    rutland = Telling("rutland")

    assert "yes" == before(found, LETTER, telling=rutland)
    assert "yes" == before(found, LETTER, holder=f"{LCC}/clerk", telling=rutland)
    assert "not established" == before(found, LETTER, holder=f"{LCC}/leader", telling=rutland)
    assert None is on(found, "2025-05-01", REPLY, holder=f"{LCC}/clerk", telling=rutland)


# Who knew what on a day


@pytest.fixture(scope="module", name="case")
def _case() -> Shipped:
    return shipped(["founding"])


def answer_on(case: Shipped, day: str, label: str, holder: str, telling: Telling = TOLD) -> str:
    fold = knew_on(
        read(case.view, as_at=AS_AT),
        day=dt.date.fromisoformat(day),
        tellings=[telling],
        holder=holder,
        of=case.ids[label],
    )
    return next((row.answer for row in fold.rows if row.holder == holder), "no row")


UNKNOWN = "not established"


@pytest.mark.parametrize(
    ("day", "label", "holder", "told", "established"),
    [
        # The letter to the minister: those who wrote it knew, the County did not.
        ("2025-03-12", "letter-12-march", "blaby", "knew", UNKNOWN),
        ("2025-03-12", "letter-12-march", "rutland/leader", "knew", UNKNOWN),
        ("2025-03-12", "letter-12-march", "leicestershire", "did not know", UNKNOWN),
        ("2025-04-08", "letter-12-march", "leicestershire", "did not know", UNKNOWN),
        ("2025-04-22", "letter-12-march", "leicestershire", "did not know", UNKNOWN),
        # The day on which the copy came is not told.
        ("2025-04-23", "letter-12-march", "leicestershire", UNKNOWN, UNKNOWN),
        ("2025-11-28", "letter-12-march", "leicestershire", UNKNOWN, UNKNOWN),
        # Nobody tells when the minister had it, but he replied to it.
        ("2025-04-22", "letter-12-march", "mhclg", UNKNOWN, UNKNOWN),
        ("2025-04-23", "letter-12-march", "mhclg/minister", "knew", UNKNOWN),
        ("2025-11-28", "letter-12-march", "lincolnshire", "no row", "no row"),
        # Its own act, and what it says reached it, the County signs against itself.
        ("2025-04-08", "data-request", "leicestershire", "knew", "knew"),
        ("2025-03-06", "invitation", "leicestershire", "knew", "knew"),
        ("2025-03-06", "invitation", "blaby", "knew", UNKNOWN),
        ("2025-03-06", "meeting-6-march", "rutland", "knew", UNKNOWN),
        # What it was spent on is unknown; that it was, is not said to be.
        ("2025-09-23", "funding-not-adopted", "leicestershire", UNKNOWN, UNKNOWN),
        # Of its own question it was not "not told": nothing came in answer to it.
        ("2025-11-28", "rationale-query", "leicestershire", UNKNOWN, UNKNOWN),
    ],
)
def test_who_knew_what_in_the_founding_case(
    case: Shipped, day: str, label: str, holder: str, told: str, established: str
) -> None:
    assert told == answer_on(case, day, label, holder)
    assert established == answer_on(case, day, label, holder, ESTABLISHED)


def test_what_had_not_happened_is_left_out_and_counted(case: Shipped) -> None:
    found = read(case.view, as_at=AS_AT)
    fold = knew_on(found, day=dt.date(2025, 3, 5), tellings=[TOLD])

    assert case.ids["letter-12-march"] not in {row.of for row in fold.rows}
    assert 0 < fold.later
    flat = " ".join(knew_on_text(found.view, fold).split())
    assert f"events of after that day ({fold.later})" in flat
    assert "Who knew what at the end of 5 March 2025" in flat


def test_the_page_of_a_day_groups_those_who_stand_alike(case: Shipped) -> None:
    found = read(case.view, as_at=AS_AT)
    of = case.ids["letter-12-march"]
    fold = knew_on(found, day=dt.date(2025, 4, 10), tellings=tellings(found.view), of=of)
    text = knew_on_text(found.view, fold)
    flat = " ".join(text.split())

    assert all(len(line) <= 80 for line in text.split("\n"))
    assert "as told by leicestershire: blaby, blaby (leader), charnwood," in flat
    assert "rutland and rutland (leader): knew sent it, 12th March" in flat
    assert "as told by leicestershire: leicestershire: did not know was not told of it" in flat
    assert "came to know of it only then, on or after 23 April 2025 (entry" in flat


def test_the_page_of_the_question_names_both_events(case: Shipped) -> None:
    found = read(case.view, as_at=AS_AT)
    of, act = case.ids["letter-12-march"], case.ids["letter-8-april"]
    rows = [
        knew_before(found, holder=LCC, of=of, act=act, telling=each)
        for each in tellings(found.view)
    ]
    flat = " ".join(knew_before_text(found.view, rows).split())

    indexes = found.view.by_id[of].index, found.view.by_id[act].index
    assert (
        f"Did leicestershire know of entry {indexes[0]} when entry {indexes[1]} was done?" in flat
    )
    assert "established: not established nobody whose act entry" in flat
    assert "as told by leicestershire: no came to know of it only then" in flat


def test_those_who_did_it_are_asked_and_an_author_of_what_nobody_did() -> None:
    found = reading(*CASE)

    assert (LCC, *OTHERS)[1:] == doers(found.view.by_id[LETTER.id])
    assert ("blaby",) == doers(found.view.by_id[POSTCODES.id])
    assert (LCC,) == doers(found.view.by_id[AWARE.id])


# Properties


def told_of(drafts: Iterable[Draft]) -> dict[tuple[str, str, str], tuple[str, int]]:
    """Return who knew what, with nothing in it that depends on the order of entries."""
    found = read(book_of(drafts, members=(*OTHERS, "northmere", "southfold")).view(), as_at=AS_AT)
    return {
        (row.of, row.holder, str(row.telling)): (row.answer, len(row.grounds))
        for day in (dt.date(2025, 4, 10), dt.date(2025, 10, 1))
        for row in knew_on(found, day=day, tellings=tellings(found.view)).rows
    }


@settings(max_examples=25)
@given(orders(CASE))
def test_the_order_of_recording_changes_nothing(drafts: list[Draft]) -> None:
    assert told_of(CASE) == told_of(drafts)


@settings(max_examples=30)
@given(st.data())
def test_whatever_is_told_gives_answers_and_the_same_in_any_order(data: st.DataObject) -> None:
    drafts = data.draw(tangles())
    again = data.draw(orders(drafts))
    of, act = (data.draw(st.sampled_from(drafts)).id for _ in range(2))

    assert told_of(drafts) == told_of(again)
    answers = [_asked(each, of=of, act=act) for each in (drafts, again)]
    assert answers[0] == answers[1]
    assert {answer for _, _, answer in answers[0]} <= {"yes", "no", "not established"}


def _asked(drafts: Iterable[Draft], *, of: str, act: str) -> list[tuple[str, str, Answer]]:
    found = read(book_of(drafts, members=(*OTHERS, "northmere", "southfold")).view(), as_at=AS_AT)
    rows = knew_when(found, of=of, act=act, tellings=tellings(found.view))
    return [(row.holder, str(row.telling), row.answer) for row in rows]


@pytest.mark.parametrize("count", range(8, len(CASE), 3))
def test_what_is_recorded_later_changes_nothing_of_an_earlier_size(count: int) -> None:
    book = book_of(CASE, members=OTHERS)
    size = len(book.entries) - len(CASE) + count
    early = read(book.view(at_size=size), as_at=AS_AT)
    alone = read(book_of(CASE[:count], members=OTHERS).view(), as_at=AS_AT)

    day = dt.date(2025, 4, 10)
    assert (
        knew_on(alone, day=day, tellings=[TOLD]).rows
        == knew_on(early, day=day, tellings=[TOLD]).rows
    )
