"""Every fold answers whatever day is told: one event must not take a ledger from its readers."""

from __future__ import annotations

import datetime as dt

import pytest

from ledger.folds.agreements import fold_agreements, fold_bindings
from ledger.folds.arrangements import fold_arrangements
from ledger.folds.changes import find_changes
from ledger.folds.commitments import fold_commitments
from ledger.folds.contradictions import fold_contradictions
from ledger.folds.knew import knew_on, knew_when
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.positions import fold_positions
from ledger.folds.questions import ask
from ledger.folds.queue import fold_queues, queue_of
from ledger.folds.reading import Reading, read
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.timeline import lay_out, timeline_of
from ledger.folds.transfers import fold_transfers
from ledger.view import View
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce
from verify.kinds import (
    Agreement,
    Arrangement,
    Attestation,
    Commitment,
    Communication,
    Discharge,
    Knowledge,
    Meeting,
    Position,
    Request,
    Step,
    Transfer,
)

NORTH, SOUTH = "northmere", "southfold"
TELLINGS = (ESTABLISHED, Telling(NORTH), Telling(SOUTH))
FIRST, LAST = dt.date.min, dt.date.max
REGIMES = ("foia_20", "eir_20_40", "sar_1_month", "cpr_deemed", "agreed_date", "none")
MODES = ("became_aware", "told", "not_told", "could_have_known", "disclaims", "knew_earlier")


def event(kind: type, label: str, author: str, on: dict[str, str], /, **fields: object) -> Draft:
    return Draft(kind(author=author, nonce=nonce(label), dates=dates(**on), **fields))


def steps_of(
    of: Draft, target: str, on: dict[str, str], *acts: tuple[str, str], **fields: object
) -> list[Draft]:
    return [
        event(
            *(Step, f"{of.id}{verb}{author}", author, on),
            **({"of": of.id, "target": target, "verb": verb} | fields),
        )
        for verb, author in acts
    ]


def everything_on(day: str) -> View:
    """Return a ledger of one event of nearly each kind, all of whose dates are one."""
    letter = event(
        *(Communication, "letter", NORTH, {"sent": day, "received": day, "dated": day}),
        channel="letter",
        from_=(NORTH,),
        to=(SOUTH,),
    )
    found = [letter]
    for regime in REGIMES:
        asked = event(
            *(Request, regime, NORTH, {"received": day, "due": day}),
            what="data",
            medium="written",
            from_=(NORTH,),
            to=(SOUTH,),
            regime=regime,
        )
        found.append(asked)
        on = {"occurred": day}
        found += steps_of(asked, "request", on, ("seek_clarification", SOUTH), ("clarify", NORTH))
        found += steps_of(asked, "request", on, ("defer", NORTH), until_events=(letter.id,))
        found += steps_of(asked, "request", on, ("answer", SOUTH), outcome="full")
    promise = event(
        *(Commitment, "promise", SOUTH, {"made": day, "due": day}),
        by=SOUTH,
        to=(NORTH,),
        what="document",
    )
    terms = {"made": day, "effective": day, "end": day}
    paper = event(Agreement, "paper", NORTH, terms, type="protocol", signatories=(NORTH, SOUTH))
    acts = [(verb, p) for p in (NORTH, SOUTH) for verb in ("draft", "sign", "suspend", "end")]
    forum = event(Arrangement, "forum", NORTH, {"start": day}, type="forum", members=(NORTH, SOUTH))
    seats = [(verb, NORTH) for verb in ("establish", "join", "chair", "leave", "close")]
    known = [
        event(
            *(Knowledge, f"{mode} {who}", NORTH, {"occurred": day, "as_at": day}),
            knower=who,
            of=letter.id,
            mode=mode,
        )
        for mode in MODES
        for who in (NORTH, SOUTH)
    ]
    data = event(
        *(Transfer, "data", NORTH, {"sent": day, "period": day}),
        from_=NORTH,
        to=(SOUTH,),
        under=paper.id,
        via=forum.id,
        discharges=(Discharge(request=found[1].id),),
    )
    answers = [
        event(
            *(Position, "another day", SOUTH, {"value": day}),
            on=letter.id,
            stance="correct",
            field="dates.sent",
        ),
        event(Position, "it came", SOUTH, {"received": day}, on=letter.id, stance="received"),
        event(Attestation, "seen", NORTH, {"sent": day}, of=letter.id, type="public_record"),
    ]
    met = event(Meeting, "met", NORTH, {"occurred": day}, links=(link("about", forum),))
    same = event(Meeting, "same", SOUTH, {"occurred": day}, links=(link("same_as", met),))
    drafts = (
        *(*found, promise, paper, *steps_of(paper, "agreement", terms, *acts), forum),
        *(*steps_of(forum, "arrangement", {"occurred": day}, *seats), *known, data, *answers),
        *(met, same),
    )
    return book_of(drafts, members=(NORTH, SOUTH)).view()


def ask_everything(reading: Reading) -> None:
    for telling in TELLINGS:
        fold_requests(reading, telling=telling)
        fold_commitments(reading, telling=telling)
        fold_agreements(reading, telling=telling)
        fold_bindings(reading, party=NORTH, on=reading.as_at, telling=telling)
        fold_arrangements(reading, telling=telling)
        fold_transfers(reading, telling=telling)
    letter, met = (
        next(t.id for t in reading.view.told if isinstance(t.event, kind))
        for kind in (Communication, Meeting)
    )
    fold_knowledge(reading)
    knew_on(reading, day=reading.as_at, tellings=TELLINGS)
    knew_when(reading, of=letter, act=met, tellings=TELLINGS)
    fold_positions(reading)
    fold_contradictions(reading)
    timeline_of(lay_out(reading))
    for party in (NORTH, SOUTH):
        queue_of(fold_queues(reading), party)
    find_changes(reading.at(FIRST), reading, TELLINGS)


@pytest.mark.parametrize("as_at", [FIRST, LAST], ids=str)
@pytest.mark.parametrize(
    "day",
    [
        *("0001-01-01", "9999-12-31", "[0001-01-01..]", "[..9999-12-31]", "0001-01-01/9999"),
        *("0001-01-01/", "/9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_whatever_day_is_told_everything_is_answered(day: str, as_at: dt.date) -> None:
    reading = read(everything_on(day), as_at=as_at)

    ask_everything(reading)
    assert all(each.answer for each in ask(reading, TELLINGS))
