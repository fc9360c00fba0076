"""What one member records by the thousand costs its readers no more than its share.

Calls of functions are counted, not time: twice as many events may cost some three times as many.
"""

from __future__ import annotations

import datetime as dt
import tracemalloc
from collections.abc import Callable

import pytest

from ledger.folds.agreements import fold_agreements, fold_bindings
from ledger.folds.arrangements import fold_arrangements
from ledger.folds.contradictions import fold_contradictions
from ledger.folds.knew import knew_on
from ledger.folds.positions import fold_positions
from ledger.folds.questions import ask
from ledger.folds.reading import Reading, read
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.timeline import fold_timeline
from ledger.folds.transfers import fold_transfers
from tests.ledger.bookmaking import (
    ORIGIN,
    POWERS,
    Book,
    Draft,
    book_of,
    dates,
    link,
    nonce,
    sealed,
    secret,
)
from tests.ledger.counting import calls, lines
from verify.claims import File
from verify.codec import encode
from verify.kinds import (
    Account,
    Agreement,
    Arrangement,
    Artefact,
    Attestation,
    Communication,
    Discharge,
    Key,
    Knowledge,
    Meeting,
    Position,
    Request,
    Step,
    Transfer,
)
from verify.submission import POSSESSION, LedgerName, Possession, pae

NORTH, SOUTH = "northmere", "southfold"
AS_AT = dt.date(2025, 11, 28)
_MOST = 3.0


def event(kind: type, label: str, author: str, /, *, on: str | None, **fields: object) -> Draft:
    role = "made" if kind is Agreement else "occurred"
    when = None if on is None else dates(**{role: on})
    values = {"author": author, "nonce": nonce(label), "dates": when} | fields
    return Draft(kind(**values))


def request(label: str, author: str, *, on: str | None = "2025-02-01", **fields: object) -> Draft:
    to = SOUTH if author == NORTH else NORTH
    values = {"what": "data", "medium": "written", "from_": (author,), "to": (to,)} | fields
    return event(*(Request, label, author), on=on, **values)


def versions(count: int) -> list[Draft]:
    """Versions that one side drafts, and signatures of the other that name none."""
    paper = event(
        *(Agreement, "paper", NORTH), on="2025-01-01", type="protocol", signatories=(NORTH, SOUTH)
    )
    found = [paper]
    for number in range(1, count + 1):
        values = {"of": paper.id, "target": "agreement", "on": "2025-03-01"}
        draft = values | {"verb": "draft", "version": number}
        found.append(event(*(Step, f"draft {number}", NORTH), **draft))  # type: ignore[arg-type]  # its own
        found.append(event(*(Step, f"sign {number}", SOUTH), **(values | {"verb": "sign"})))
    return found


def endings(count: int) -> list[Draft]:
    """Versions that one side drafts, refuses, suspends and ends, each by itself."""
    paper = event(
        *(Agreement, "paper", NORTH), on="2025-01-01", type="protocol", signatories=(NORTH, SOUTH)
    )
    found = [paper]
    for number in range(1, count + 1):
        values: dict[str, object] = {"of": paper.id, "target": "agreement", "version": number}
        for verb in ("draft", "sign", "not_adopted", "suspend", "end"):
            named = values | {"verb": verb}
            found.append(event(*(Step, f"{verb} {number}", NORTH), on="2025-03-01", **named))
    return found


def chairs(count: int) -> list[Draft]:
    """A forum of which a post after another of one party is told to take the chair."""
    forum = event(
        *(Arrangement, "forum", NORTH), on="2025-01-01", type="forum", members=(NORTH, SOUTH)
    )
    values = {"of": forum.id, "target": "arrangement", "on": "2025-03-01"}
    return [
        forum,
        *(
            event(
                *(Step, f"chair {number}", NORTH),
                **(values | {"verb": "chair", "by": f"{NORTH}/post-{number}"}),
            )
            for number in range(count)
        ),
    ]


def members(count: int) -> list[Draft]:
    """A forum that many join together, and that is set up and closed again and again."""
    forum = event(
        *(Arrangement, "forum", NORTH), on="2025-01-01", type="forum", members=(NORTH, SOUTH)
    )
    values: dict[str, object] = {"of": forum.id, "target": "arrangement"}
    found = [forum]
    for number in range(count):
        some = tuple(f"{NORTH}/post-{number}-{n}" for n in range(4))
        for verb, more in (("join", {"members": some}), ("close", {}), ("establish", {})):
            said = values | {"verb": verb} | more
            found.append(event(*(Step, f"{verb} {number}", NORTH), on="2025-03-01", **said))
    return found


def facilities(count: int) -> list[Draft]:
    """A facility that is set up and closed again and again, and transfers by way of it."""
    found = members(count)
    sent: dict[str, object] = {"from_": NORTH, "to": (SOUTH,), "via": found[0].id}
    for number in range(count):
        found.append(event(*(Transfer, f"data {number}", NORTH), on="2025-03-01", **sent))
    return found


def invitations(count: int) -> list[Draft]:
    """Invitations and requests about one meeting, each with a statement sent elsewhere."""
    met = event(Meeting, "met", NORTH, on="2025-02-01", attendees=(NORTH, SOUTH))
    account = event(Account, "account", NORTH, on="2025-02-10", from_=NORTH)
    found = [met, account]
    about, enclosing = (link("about", met),), (link("encloses", account),)
    for number in range(count):
        invited = request(f"invited {number}", SOUTH, what="invitation", links=about)
        follows = (link("follows", invited),)
        found += [
            invited,
            request(f"asked {number}", NORTH, links=about),
            request(f"up {number}", NORTH, on="2025-03-01", links=follows),
            event(
                *(Communication, f"wrote {number}", NORTH),
                on="2025-02-10",
                channel="letter",
                from_=(NORTH,),
                to=("ministry",),
                links=enclosing,
            ),
        ]
    return found


def deferrals(count: int) -> list[Draft]:
    """Requests that are put off until one letter, and letters in between."""
    awaited = event(
        *(Communication, "awaited", SOUTH),
        on="2025-06-02",
        channel="letter",
        from_=(SOUTH,),
        to=(NORTH,),
    )
    found = [awaited]
    for number in range(count):
        asked = request(f"asked {number}", NORTH, on=None)
        values = {"of": asked.id, "target": "request", "verb": "defer"}
        found += [
            asked,
            event(
                *(Step, f"put off {number}", NORTH),
                on="2025-03-01",
                until_events=(awaited.id,),
                **values,
            ),
            request(f"again {number}", NORTH, on="2025-05-01", what="meeting"),
        ]
    return found


def denials(count: int) -> list[Draft]:
    """Answers that a maker tells of its own request, and tells that none came."""
    asked = request("asked", NORTH)
    found = [asked]
    for number in range(count):
        values = {"of": asked.id, "target": "request", "verb": "answer", "outcome": "part"}
        found += [
            event(
                *(Step, f"answer {number}", NORTH),
                on="2025-03-01",
                by=SOUTH,
                **values,
            ),
            event(
                *(Knowledge, f"nothing {number}", NORTH),
                on="2025-05-01",
                knower=NORTH,
                of=asked.id,
                mode="not_told",
            ),
        ]
    return found


def denied(count: int) -> list[Draft]:
    """A letter of many claims, that is denied as a whole again and again."""
    digests, opened = sealed(NORTH, "letter", {f"item.{n + 1}": "Text." for n in range(count)})
    letter = Draft(
        Communication(
            author=NORTH, nonce=nonce("letter"), channel="letter", to=(SOUTH,), sealed=digests
        ),
        opened,
    )
    again = [
        Draft(Position(author=SOUTH, nonce=nonce(f"no {number}"), on=letter.id, stance="deny"))
        for number in range(count)
    ]
    return [letter, *again]


def unnamed(count: int) -> list[Draft]:
    """Versions, and steps of all sorts that name none of them."""
    paper = event(
        *(Agreement, "paper", NORTH), on="2025-01-01", type="protocol", signatories=(NORTH, SOUTH)
    )
    values: dict[str, object] = {"of": paper.id, "target": "agreement"}
    found = [paper]
    for number in range(1, count + 1):
        draft = values | {"verb": "draft", "version": number}
        found.append(event(*(Step, f"draft {number}", NORTH), on="2025-03-01", **draft))
        for verb in ("sign", "vary", "not_adopted", "suspend", "end"):
            named = values | {"verb": verb}
            found.append(event(*(Step, f"{verb} {number}", NORTH), on="2025-03-01", **named))
    return found


def strangers(count: int) -> list[Draft]:
    """Versions that parties nobody knows are told to have signed, each one, and what they sent."""
    paper = event(*(Agreement, "paper", NORTH), on="2025-01-01", type="protocol")
    values: dict[str, object] = {"of": paper.id, "target": "agreement"}
    found = [paper]
    for number in range(1, count + 1):
        for verb, more in (("draft", {}), ("sign", {"by": f"party-{number}"})):
            said = values | {"verb": verb, "version": number} | more
            found.append(event(*(Step, f"{verb} {number}", NORTH), on="2025-03-01", **said))
        sent: dict[str, object] = {
            "from_": f"party-{number}", "to": (SOUTH,), "under": paper.id
        }  # fmt: skip
        found.append(event(*(Transfer, f"data {number}", NORTH), on="2025-03-01", **sent))
    return found


def ended(count: int) -> list[Draft]:
    """An agreement that is signed, suspended and ended again and again, and what was sent then."""
    paper = event(
        *(Agreement, "paper", NORTH), on="2025-01-01", type="protocol", signatories=(NORTH, SOUTH)
    )
    found = [paper]
    for number in range(1, count + 1):
        values: dict[str, object] = {"of": paper.id, "target": "agreement"}
        values |= {"version": 1} if number % 2 else {}
        for verb in ("sign", "not_adopted", "suspend", "end"):
            said = values | {"verb": verb}
            found.append(event(*(Step, f"{verb} {number}", NORTH), on="2025-03-01", **said))
        sent: dict[str, object] = {"from_": NORTH, "to": (f"party-{number}",), "under": paper.id}
        found.append(event(*(Transfer, f"data {number}", NORTH), on="2025-03-01", **sent))
    return found


def borne_out(count: int) -> list[Draft]:
    """A letter with much outside evidence, for which items of a request wait, each by itself."""
    letter = event(
        *(Communication, "letter", SOUTH),
        on="2025-06-02",
        channel="letter",
        from_=(SOUTH,),
        to=(NORTH,),
    )
    asked = request("asked", NORTH, categories=count)
    found = [letter, asked]
    for number in range(1, count + 1):
        paper = Attestation(
            author=SOUTH, nonce=nonce(f"paper {number}"), type="public_record", of=letter.id,
            dates=dates(occurred="2025-06-02"),
        )  # fmt: skip
        values: dict[str, object] = {"of": asked.id, "target": "request", "verb": "defer"}
        values |= {"until_events": (letter.id,), "items": ((number, number),)}
        found += [
            Draft(paper),
            event(*(Step, f"put off {number}", NORTH), on="2025-03-01", **values),
        ]
    return found


def answered(count: int) -> list[Draft]:
    """A letter that encloses many sheets, and that is answered again and again."""
    sheets = [
        event(*(Artefact, f"sheet {number}", NORTH), on="2025-03-01", type="letter")
        for number in range(count // 40)
    ]
    letter = event(
        *(Communication, "letter", NORTH),
        on="2025-03-01",
        channel="letter",
        from_=(NORTH,),
        to=(SOUTH,),
        links=tuple(link("encloses", sheet) for sheet in sheets),
    )
    again = [
        Draft(Position(author=SOUTH, nonce=nonce(f"no {n}"), on=letter.id, stance="deny"))
        for n in range(count)
    ]
    return [*sheets, letter, *again]


def replied(count: int) -> list[Draft]:
    """A letter with many replies, and knowledge of it that is told again and again."""
    letter = event(
        *(Communication, "letter", NORTH), on="2025-03-01", channel="letter", from_=(NORTH,)
    )
    found = [letter]
    for number in range(count):
        told: dict[str, object] = {"knower": SOUTH, "of": letter.id, "mode": "told"}
        found += [
            event(
                *(Communication, f"reply {number}", SOUTH),
                on="2025-03-02",
                channel="letter",
                from_=(SOUTH,),
                links=(link("replies_to", letter),),
            ),
            event(*(Knowledge, f"knew {number}", NORTH), on="2025-03-02", **told),
        ]
    return found


def copies(count: int) -> list[Draft]:
    """One file in many letters, of both sides."""
    file = File(name="a", media_type="text/csv", sha256="ab" * 32, size=9)
    found = []
    for number in range(count):
        author, to = (NORTH, SOUTH) if number % 2 else (SOUTH, NORTH)
        digests, opened = sealed(author, f"letter {number}", {"file.1": file})
        letter = event(
            *(Communication, f"letter {number}", author),
            on="2025-03-01",
            channel="letter",
            from_=(author,),
            to=(to,),
            sealed=digests,
        )
        found.append(Draft(letter.event, opened))
    return found


def shared(count: int) -> list[Draft]:
    """Versions of an agreement that both sides sign, and transfers under it, one each day."""
    sides = (NORTH, SOUTH)
    paper = event(*(Agreement, "paper", NORTH), on=None, type="protocol", signatories=sides)
    found = [paper]
    for number in range(1, count + 1):
        day = (dt.date(2025, 1, 1) + dt.timedelta(number)).isoformat()
        sign: dict[str, object] = {"of": paper.id, "target": "agreement", "verb": "sign"}
        sign |= {"version": number}
        found += [event(*(Step, f"sign {number}", party), on=day, **sign) for party in sides]
        sent: dict[str, object] = {"from_": NORTH, "to": (SOUTH,), "under": paper.id}
        found.append(event(*(Transfer, f"data {number}", NORTH), on=day, **sent))
    return found


def piecemeal(count: int) -> list[Draft]:
    """Answers to a request, to an item at a time, and to fields of it that it does not have."""
    asked = request("asked", NORTH, categories=count)
    found = [asked]
    for number in range(1, count + 1):
        some = ((number, number),)
        yes = Position(
            author=SOUTH, nonce=nonce(f"yes {number}"), on=asked.id, stance="agree", items=some
        )
        field = f"claims.item.{number}"
        no = Position(
            author=SOUTH, nonce=nonce(f"no {number}"), on=asked.id, stance="deny", items=some,
            field=field,
        )  # fmt: skip
        found += [Draft(yes), Draft(no)]
    return found


def shattered(count: int) -> list[Draft]:
    """Questions about every other item, so that each item stands alone."""
    asked = request("asked", NORTH, categories=count * 100)
    found = [asked]
    for number in range(count):
        some = tuple((n, n) for n in range(number * 100 + 1, number * 100 + 100, 2))
        values = {"of": asked.id, "target": "request", "verb": "seek_clarification", "items": some}
        found.append(event(*(Step, f"what {number}", SOUTH), on="2025-03-01", **values))
    return found


def passed(count: int) -> list[Draft]:
    """Items that stand alone, and data that is passed for all of them, again and again."""
    found = shattered(count)
    for number in range(count * 20):
        values = {"from_": SOUTH, "to": (NORTH,), "discharges": (Discharge(request=found[0].id),)}
        found.append(event(*(Transfer, f"data {number}", SOUTH), on="2025-04-01", **values))
    return found


def put_off(count: int) -> list[Draft]:
    """Items of a request, each put off by itself, and waiting for what has no date."""
    asked = request("asked", NORTH, categories=count)
    met = event(Meeting, "met", SOUTH, on=None)
    found = [asked, met]
    for number in range(1, count + 1):
        values: dict[str, object] = {"of": asked.id, "target": "request", "verb": "defer"}
        values |= {"until_events": (met.id,), "items": ((number, number),)}
        found.append(event(*(Step, f"put off {number}", NORTH), on="2025-03-01", **values))
    return found


def chased(count: int) -> list[Draft]:
    """Items that stand alone, and steps about all of them, again and again."""
    asked = request("asked", NORTH, categories=2 * count)
    found = [asked]
    for number in range(1, count + 1):
        some = ((2 * number, 2 * number),)
        values: dict[str, object] = {"of": asked.id, "target": "request"}
        said = values | {"verb": "seek_clarification", "items": some}
        found.append(event(*(Step, f"what {number}", SOUTH), on="2025-03-01", **said))
    for number in range(count):
        for verb, party in (("chase", NORTH), ("refuse", NORTH), ("escalate", NORTH)):
            said = values | {"verb": verb}
            found.append(event(*(Step, f"{verb} {number}", party), on="2025-04-01", **said))
    return found


def put_off_for_one(count: int) -> list[Draft]:
    """Requests to one after another, put off until one letter, that were asked and chased again."""
    awaited = event(
        *(Communication, "awaited", SOUTH),
        on="2025-06-02",
        channel="letter",
        from_=(SOUTH,),
        to=(NORTH,),
    )
    found = [awaited]
    for number in range(count):
        asked = request(f"asked {number}", NORTH, to=(SOUTH, f"party-{number}"))
        values: dict[str, object] = {"of": asked.id, "target": "request"}
        put_off = values | {"verb": "defer", "until_events": (awaited.id,)}
        found += [
            asked,
            event(*(Step, f"put off {number}", NORTH), on="2025-03-01", **put_off),
            event(*(Step, f"chase {number}", NORTH), on="2025-02-02", verb="chase", **values),
            request(f"again {number}", NORTH, on="2025-05-01", to=(f"party-{number}",)),
            event(
                *(Communication, f"letter {number}", NORTH),
                on="2025-05-01",
                channel="letter",
                from_=(NORTH,),
                to=(f"party-{number}",),
            ),
        ]
    return found


def too_late(count: int) -> list[Draft]:
    """Answers that another tells, of after the day as at which nothing is told to have come."""
    asked = request("asked", NORTH)
    found = [asked]
    for number in range(count):
        values: dict[str, object] = {"of": asked.id, "target": "request"}
        answer = values | {"verb": "answer", "outcome": "part", "by": SOUTH}
        nothing: dict[str, object] = {"knower": NORTH, "of": asked.id, "mode": "not_told"}
        found += [
            event(*(Step, f"answer {number}", NORTH), on="2025-06-01", **answer),
            event(*(Knowledge, f"nothing {number}", SOUTH), on="2025-05-01", **nothing),
        ]
    return found


def known(count: int) -> list[Draft]:
    """Meetings, of each of which it is told that a party knew of it; and a letter of that party."""
    found: list[Draft] = []
    for number in range(count):
        met = event(*(Meeting, f"met {number}", NORTH), on="2025-02-01", host=NORTH)
        told: dict[str, object] = {"knower": SOUTH, "of": met.id, "mode": "told"}
        found += [met, event(*(Knowledge, f"knew {number}", NORTH), on="2025-02-02", **told)]
    letter = event(
        *(Communication, "letter", SOUTH), on="2025-03-01", channel="letter", from_=(SOUTH,)
    )
    return [*found, letter]


def asked_back(count: int) -> list[Draft]:
    """Questions of vague dates and their answers, one after another."""
    asked = request("asked", NORTH, on=None, regime="foia_20", dates=dates(received="2025-02-03"))
    found = [asked]
    for number in range(count):
        values: dict[str, object] = {"of": asked.id, "target": "request"}
        values |= {"on": "[2025-02-04..2025-02-05]"}
        for verb, party in (("seek_clarification", SOUTH), ("clarify", NORTH)):
            said = values | {"verb": verb, "links": (link("follows", found[-1]),)}
            found.append(event(*(Step, f"{verb} {number}", party), **said))  # type: ignore[arg-type]  # its own
    return found


def loud(count: int) -> list[Draft]:
    """Letters that speak of many others, each time a little more often."""
    found = []
    for number in range(count):
        digests, opened = sealed(NORTH, f"letter {number}", {"text": "many requests " * count})
        letter = event(
            *(Communication, f"letter {number}", NORTH),
            on="2025-03-01",
            channel="letter",
            to=(SOUTH,),
            sealed=digests,
        )
        found.append(Draft(letter.event, opened))
    return found


def nested(count: int) -> list[Draft]:
    """Chases of a request, each about fewer items than the one before, and a question."""
    asked = request("asked", NORTH, categories=4096, regime="foia_20")
    values: dict[str, object] = {"of": asked.id, "target": "request"}
    question = event(
        *(Step, "what", SOUTH),
        on="2025-02-02",
        verb="seek_clarification",
        items=((1, 1),),
        **values,
    )
    found = [asked, question]
    for number in range(1, count + 1):
        values |= {"verb": "chase", "items": ((number, 4096 - number),)}
        found.append(event(*(Step, f"chase {number}", NORTH), on="2025-03-01", **values))
    return found


def _agreements_as_told(reading: Reading) -> None:
    fold_agreements(reading, telling=Telling(NORTH))


def _transfers_as_told(reading: Reading) -> None:
    fold_transfers(reading, telling=Telling(NORTH))


def _who_knew(reading: Reading) -> None:
    ask(reading, question="unaware", event=reading.view.told[-1].id)


@pytest.mark.parametrize(
    ("make", "fold", "count"),
    [
        (versions, fold_agreements, 40),
        (endings, fold_agreements, 200),
        (unnamed, fold_agreements, 80),
        (strangers, _agreements_as_told, 150),
        (strangers, _transfers_as_told, 150),
        (ended, fold_transfers, 300),
        (chairs, fold_arrangements, 140),
        (members, fold_arrangements, 140),
        (facilities, fold_transfers, 140),
        (borne_out, fold_requests, 60),
        (invitations, fold_contradictions, 60),
        (invitations, ask, 60),
        (deferrals, ask, 60),
        (denials, fold_contradictions, 60),
        (denied, fold_positions, 60),
        (piecemeal, fold_positions, 60),
        (shared, fold_transfers, 40),
        (shattered, fold_requests, 10),
        (chased, fold_requests, 60),
        (chased, ask, 150),
        (put_off_for_one, fold_contradictions, 80),
        (put_off_for_one, ask, 240),
        (too_late, fold_contradictions, 60),
        (known, _who_knew, 60),
        (asked_back, fold_requests, 80),
        (loud, fold_contradictions, 40),
        (shattered, fold_contradictions, 5),
        (shattered, ask, 5),
        (put_off, ask, 60),
        (put_off, fold_requests, 500),
        (passed, fold_requests, 5),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_twice_as_many_cost_no_more_than_some_three_times_as_many(
    make: Callable[[int], list[Draft]], fold: Callable[[Reading], object], count: int
) -> None:
    def cost(number: int) -> int:
        book = book_of(make(number), members=(NORTH, SOUTH))
        reading = read(book.view(), as_at=AS_AT)
        return calls(lambda: fold(reading))

    assert cost(2 * count) < _MOST * cost(count)


def _all_know(reading: Reading) -> None:
    knew_on(reading, day=AS_AT, tellings=[ESTABLISHED, Telling(NORTH)])


@pytest.mark.parametrize(
    ("make", "fold", "count"),
    [(answered, _all_know, 1200), (replied, _all_know, 300), (copies, fold_timeline, 200)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_twice_as_many_run_no_more_than_some_twice_as_many_lines(
    make: Callable[[int], list[Draft]], fold: Callable[[Reading], object], count: int
) -> None:
    def cost(number: int) -> int:
        book = book_of(make(number), members=(NORTH, SOUTH))
        reading = read(book.view(), as_at=AS_AT)
        return lines(lambda: fold(reading))

    assert cost(2 * count) < 2.5 * cost(count)


def recoveries(count: int) -> Book:
    """Recoveries of one party that another proposes, each in the place of the last."""
    book = book_of([], members=(NORTH, SOUTH))
    for number in range(count):
        key = secret(f"key {number}")
        possession = Possession(
            ledger=LedgerName(origin=ORIGIN, charter=book.fingerprint),
            party=SOUTH,
            key=key.verify_key.encode().hex(),
            powers=POWERS,
        )
        recovery = Key(
            author="leicestershire",
            nonce=nonce(f"recovery {number}"),
            verb="recover",
            party=SOUTH,
            key=possession.key,
            powers=POWERS,
            possession=key.sign(pae(POSSESSION, encode(possession))).signature.hex(),
        )
        book.add(Draft(recovery))
    return book


def test_a_recovery_costs_the_same_however_many_there_were() -> None:
    def cost(number: int) -> int:
        return lines(recoveries(number).view)

    assert cost(500) < 2.5 * cost(250)


def test_steps_that_each_name_thousands_of_items_take_little_memory() -> None:
    def peak(number: int) -> int:
        book = book_of(nested(number), members=(NORTH, SOUTH))
        reading = read(book.view(), as_at=AS_AT)
        fold_requests(reading)  # what is worked out once for all folds is there by now
        tracemalloc.start()
        try:
            fold_requests(reading)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(600) < _MOST * peak(300)


def test_of_an_agreement_of_many_it_is_told_of_sixteen_others_whether_they_signed() -> None:
    names = tuple(f"party-{number:02}" for number in range(40))
    paper = event(
        *(Agreement, "paper", NORTH), on="2025-01-01", type="protocol", signatories=(*names, NORTH)
    )
    values: dict[str, object] = {"of": paper.id, "target": "agreement", "verb": "sign"}
    signed = [
        event(*(Step, f"sign {name}", NORTH), on="2025-01-02", by=name, **values)
        for name in (NORTH, *names[:30])
    ]
    reading = read(book_of([paper, *signed], members=(NORTH, SOUTH)).view(), as_at=AS_AT)
    (row,) = fold_bindings(reading, party=NORTH, on=AS_AT, telling=Telling(NORTH)).rows
    others = [ground for ground in row.grounds if ground.party != NORTH]

    assert "not established" == row.answer
    assert [*names[30:], *names[:6]] == [ground.party for ground in others]
