"""Printouts: aligned, within their width, honest about what they leave out; and plain JSON."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import get_args

import msgspec
import pytest

from ledger.cli.context import printable
from ledger.date_words import HOUSE_CONVENTION
from ledger.folds.agreements import fold_agreements
from ledger.folds.arrangements import fold_arrangements
from ledger.folds.commitments import fold_commitments
from ledger.folds.items import ItemState
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.positions import fold_positions
from ledger.folds.reading import read
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.timeline import fold_timeline
from ledger.folds.transfers import fold_transfers
from ledger.plain import to_json, view_json
from ledger.sentences import sentence
from ledger.text import chronology_text, commitments_text, requests_text
from ledger.texts.knowing import knowledge_text
from ledger.texts.queueing import positions_text
from ledger.view import View
from ledger.wording import WORDS, actors_words, count_words, days_words, field_words, say
from tests.ledger.bookmaking import Draft, book_of, dates, nonce, sealed
from tests.ledger.founding import CASE, LCC, OTHERS
from verify.kinds import (
    STEP_VERBS,
    Account,
    Agreement,
    Arrangement,
    Artefact,
    Attestation,
    Commitment,
    Erasure,
    Event,
    Hold,
    Meeting,
    Position,
    Request,
    Step,
    Transfer,
)

AS_AT = dt.date(2025, 11, 28)


def pages(view: View, width: int = 80) -> dict[str, str]:
    found = read(view, as_at=AS_AT)
    tellings = (ESTABLISHED, Telling(LCC))
    return {
        "chronology": chronology_text(view, fold_timeline(found), width=width),
        "requests": requests_text(
            view, [fold_requests(found, telling=t) for t in tellings], width=width
        ),
        "promises": commitments_text(
            view, [fold_commitments(found, telling=t) for t in tellings], width=width
        ),
        "knowledge": knowledge_text(view, fold_knowledge(found), width=width),
    }


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_longer_than_the_width(width: int) -> None:
    for text in pages(book_of(CASE, members=OTHERS).view(), width).values():
        assert all(len(line) <= width for line in text.split("\n"))
        assert all(line == line.rstrip() for line in text.split("\n"))


def test_every_page_ends_with_ledger_size_root_and_convention() -> None:
    view = book_of(CASE, members=OTHERS).view()
    for text in pages(view).values():
        flat = " ".join(text.split())

        assert f"size {view.size}, root {view.root[:16]}" in flat
        assert " ".join(HOUSE_CONVENTION.split()) in flat
        assert "eft out" in flat


def test_the_requests_page_has_the_answers_of_the_founding_case() -> None:
    text = " ".join(pages(book_of(CASE, members=OTHERS).view())["requests"].split())

    assert "held the ball for 33 days until it was taken up" in text
    assert "84 items, or 96 if rutland counts" in text
    assert "queried, and silent since, for 28 to 66 days; next to act: blaby" in text


def test_a_title_cannot_move_the_reader_s_cursor() -> None:
    digests, texts = sealed(LCC, "evil", {"title": "A\x1b[2J\u202eB\rC"})
    event = Meeting(author=LCC, nonce=nonce("evil"), sealed=digests)
    text = pages(book_of([Draft(event, texts)]).view())["chronology"]

    assert "A\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}B" in text
    assert all(c == "\n" or c.isprintable() for c in text)


def test_no_line_of_what_a_party_wrote_passes_for_a_line_of_ours() -> None:
    """Dates are printed in the words of the source, and no word of ours ends their line."""
    forged = "\n  established: kept\r\u2028Not yet answered.\x85All was checked."
    words = {f"phrase_{role}": f"{role}{forged}" for role in ("made", "due")}
    digests, texts = sealed(LCC, "promise", words)
    promise = Draft(
        Commitment(
            author=LCC,
            nonce=nonce("promise"),
            dates=dates(made="2025-03-06", due="2025-04"),
            what="data",
            by=LCC,
            to=("rutland",),
            sealed=digests,
        ),
        texts,
    )
    value, opened = sealed("rutland", "title", {"value": f"another{forged}"})
    title = Draft(
        Position(author="rutland", nonce=nonce("title"), on=promise.id, stance="correct",
                 field="claims.phrase_made", sealed=value),
        opened,
    )  # fmt: skip
    when, told = sealed("rutland", "due", {"phrase_value": f"later{forged}"})
    due = Draft(
        Position(author="rutland", nonce=nonce("due"), on=promise.id, stance="correct",
                 field="dates.due", dates=dates(value="2025-05"), sealed=when),
        told,
    )  # fmt: skip
    view = book_of([promise, title, due], members=("rutland",)).view()

    found = pages(view, width=400)
    found["positions"] = positions_text(view, fold_positions(read(view, as_at=AS_AT)), width=400)
    for text in found.values():
        for line in text.split("\n"):
            # In whatever column it stands, something of ours stands before it.
            assert not line.lstrip().startswith(
                ("established: kept", "Not yet answered.", "All was")
            )
    assert "made established: kept Not yet answered. All was checked." in found["promises"]
    for told_as in ("another", "later"):
        assert f"{told_as} established: kept Not yet answered." in found["positions"]


def test_spaces_of_another_document_are_spaces() -> None:
    title = "A\xa0letter\u202fof\u20096\u3000May"
    digests, texts = sealed(LCC, "pasted", {"title": title})
    event = Meeting(author=LCC, nonce=nonce("pasted"), sealed=digests)
    text = pages(book_of([Draft(event, texts)]).view())["chronology"]

    assert "A letter of 6 May" in text
    assert "A letter of 6 May\n\\x1b" == printable(f"{title}\n\x1b")


def test_an_empty_ledger_prints() -> None:
    for text in pages(book_of([]).view()).values():
        assert "size 1" in text


def test_every_fold_is_plain_and_the_same_each_time() -> None:
    view = book_of(CASE, members=OTHERS).view()
    found = read(view, as_at=AS_AT)

    def octets() -> bytes:
        values = (
            fold_timeline(found),
            fold_requests(found, telling=Telling(LCC)),
            fold_commitments(found),
            fold_knowledge(found),
            fold_agreements(found),
            fold_arrangements(found),
            fold_transfers(found),
        )
        return msgspec.json.encode([view_json(view), *(to_json(value) for value in values)])

    assert octets() == octets()
    assert b'"earliest":"2025-04-08"' in octets()
    assert b"null" not in octets()


def test_the_words_of_the_house_are_not_the_words_of_reports() -> None:
    assert "independent co-signer" == say("witness")
    assert "opened text" == say("disclosure")
    assert "member organisation" == say("party")
    assert "statement of events" == say("account")
    assert "response" == say("position")
    assert set(get_args(ItemState)) <= set(WORDS)
    assert {v for verbs in STEP_VERBS.values() for v in verbs} - {"transfer"} <= set(WORDS)


def test_counts_are_words() -> None:
    assert "1 item" == count_words(1, 1)
    assert "84 items, or 108 if rutland and leicester count" == count_words(
        84, 108, ("rutland", "leicester")
    )
    assert "at least 42 days" == days_words(42, None)
    assert "at most 1 day" == days_words(None, 1)
    assert "117 to 126 days" == days_words(117, 126)
    assert "not established" == days_words(None, None)
    assert "somebody unnamed" == actors_words(())
    assert "rutland (leader) and blaby" == actors_words(("rutland/leader", "blaby"))


def _event(event: Event) -> Draft:
    return Draft(event)


def test_every_kind_has_its_sentence() -> None:
    n = iter(range(99))

    def one() -> str:
        return nonce(f"kind {next(n)}")

    base = _event(Meeting(author=LCC, nonce=one(), count=3, host=LCC, attendees=("rutland",)))
    made = _event(Arrangement(author=LCC, nonce=one(), type="facility", operator=LCC))
    rows: list[tuple[Event, str]] = [
        (base.event, "3 meetings hosted by leicestershire with rutland."),
        (made.event, "Facility run by leicestershire."),
        (
            Arrangement(author=LCC, nonce=one(), type="forum", members=(LCC, "rutland")),
            "Forum of leicestershire and rutland.",
        ),
        (
            Artefact(
                author=LCC, nonce=one(), type="protocol", custodian=LCC, provenance="lincolnshire"
            ),
            "Document (protocol) held by leicestershire, from lincolnshire.",
        ),
        (
            Transfer(author=LCC, nonce=one(), from_=LCC, to=("rutland",)),
            "leicestershire passed data to rutland.",
        ),
        (
            Agreement(author=LCC, nonce=one(), type="information_sharing"),
            "Agreement (information sharing).",
        ),
        (
            Account(author=LCC, nonce=one(), to=("mhclg/minister",)),
            "Statement of events by leicestershire to mhclg (minister).",
        ),
        (
            Attestation(author=LCC, nonce=one(), type="public_record", of=base.id),
            "Outside evidence (public record) about the meeting of entry 1.",
        ),
        (
            Erasure(author=LCC, nonce=one(), of=base.id, names=("title",), ground="error"),
            "Erasure of 1 claim of the meeting of entry 1 on the ground error.",
        ),
        (Hold(author=LCC, nonce=one(), all="yes"), "Hold on erasure of everything."),
        (Hold(author=LCC, nonce=one(), of=(base.id,)), "Hold on erasure of 1 event."),
        (Hold(author=LCC, nonce=one(), of=(base.id, "0" * 64)), "Hold on erasure of 2 events."),
        (Hold(author=LCC, nonce=one(), ends="0" * 64), "End of a hold on erasure."),
        (
            Position(author="rutland", nonce=one(), on="0" * 64, stance="deny"),
            "rutland denies: an event that is not here.",
        ),
        (
            Position(
                author="rutland", nonce=one(), on=base.id, stance="deny", field="dates.occurred"
            ),
            "rutland denies when it happened: the meeting of entry 1.",
        ),
        (
            Position(
                author="rutland", nonce=one(), on=base.id, stance="not_admit", items=((2, 3),)
            ),
            "rutland does not admit, items 2 to 3: the meeting of entry 1.",
        ),
        (
            Step(
                author=LCC,
                nonce=one(),
                of=made.id,
                target="arrangement",
                verb="chair",
                by="blaby/chief-executive",
                to=("rutland",),
            ),
            "blaby (chief executive) chaired the arrangement of entry 2, to rutland.",
        ),
    ]
    view = book_of([base, made]).view()
    told = view.told[1]
    for event, expected in rows:
        assert expected == sentence(replace(told, event=event), view.by_id)


def test_a_page_shows_responses_deadlines_and_what_is_not_open() -> None:
    digests, _ = sealed("rutland", "asked", {"title": "Ask"})
    asked = Draft(
        Request(
            author="rutland",
            nonce=nonce("asked"),
            dates=dates(received="2025-03-06"),
            what="data",
            medium="written",
            from_=("rutland",),
            to=(LCC,),
            categories=3,
            regime="foia_20",
            sealed=digests,
        )
    )
    denial = Draft(
        Position(
            author=LCC,
            nonce=nonce("denial"),
            on=asked.id,
            stance="correct",
            field="dates.received",
            dates=dates(value="2025-03-07"),
        )
    )
    view = book_of([asked, denial], members=("rutland",)).view()
    found = {name: " ".join(text.split()) for name, text in pages(view).items()}

    corrects = "leicestershire corrects when it was received: 7 March 2025, not 6 March 2025"
    assert corrects in found["chronology"]
    assert "Disputed: when it was received." in found["chronology"]
    assert "Claims that are not open here: 1." in found["chronology"]
    assert "Due: by the end of Friday 4 April 2025, working day 20." in found["requests"]
    assert "clock: long overdue" in found["requests"]
    plain = msgspec.json.encode(to_json(fold_requests(read(view, as_at=AS_AT))))
    assert b'"due":"2025-04-04"' in plain


def test_to_json_refuses_what_is_no_fold() -> None:
    with pytest.raises(AssertionError):
        to_json(object())


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("claims.phrase_received", "the words for when it was received"),
        ("claims.phrase_start", "the words for the date “start”"),
        ("claims.allegation.1", "allegation 1"),
    ],
)
def test_a_field_is_named_as_people_name_it(field: str, words: str) -> None:
    assert words == field_words(field)
