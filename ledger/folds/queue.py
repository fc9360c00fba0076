"""What awaits a party: the requests, questions and promises whose ball it holds, and its answers.

    request         an item of a request is with it, or was passed back to it
    clarification   a question about its request is open
    promise         it promised, and nothing says that it is done
    signature       an agreement names it as signatory, and it has not signed
    acknowledgement something was sent to it, and it has neither signed that it came nor answered
    response        an event names it, and it has not said how it stands to it, field by field; or
                    only for some items

Requests and promises are taken as established: what a party only claims awaits its response, and
nothing else. What is late comes first, then what has a day, then the rest, the oldest first.

A queue is kept as its ledger grows: what an event changes are the things that it tells of, moves,
answers or dates, and what waited for it; only these are looked at again. Another day is another
queue, worked out anew: what is late, and what is over, depends on the day throughout.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, Literal

from ledger.dates import Answer, When
from ledger.folds.agreements import fold_agreement
from ledger.folds.commitments import fold_commitment
from ledger.folds.moments import date_of
from ledger.folds.positions import named_parties, unanswered
from ledger.folds.reading import Days, Reading, days_since
from ledger.folds.request_rows import ItemRow
from ledger.folds.requests import fold_request
from ledger.folds.stances import parties_of
from ledger.persistent import Blocks, ById, Draft
from ledger.sentences import sentence
from ledger.view import Told
from verify.kinds import (
    GOVERNANCE,
    Agreement,
    Attestation,
    Commitment,
    Communication,
    Erasure,
    Hold,
    Opening,
    Position,
    Request,
    Sealed,
    Step,
    Transfer,
)

__all__ = ["Ask", "Queue", "QueueRow", "Queues", "fold_queues", "grow_queues", "queue_of"]

Ask = Literal[
    "request", "clarification", "promise", "signature", "acknowledgement", "response"
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """One thing that awaits a party.

    Attributes:
        ask: What is awaited.
        id: The id of the event that it is about.
        index: The index of its entry.
        author: The party that tells it.
        summary: What it tells, in a sentence.
        state: Of a request, promise or agreement: where it stands.
        items: Of a request: the items, where it has several.
        fields: Of a response: the fields that the party has not answered, or not all of it.
        partly: Those of them that it has answered for some items.
        since: Since when it is awaited; None if nothing dates it.
        days: For how many days, least and most.
        due: The last day that is certainly in time, or that is known to be; None if it has none.
        late: Whether that is past; None where it has none.
    """

    ask: Ask
    id: str
    index: int
    author: str
    summary: str
    state: str | None
    items: tuple[tuple[int, int], ...] | None
    fields: tuple[str, ...]
    partly: tuple[str, ...]
    since: When | None
    days: Days
    due: dt.date | None
    late: Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What awaits one party.

    Attributes:
        party: The party.
        as_at: The last day that counts.
        rows: What awaits it, or a part of that, the most urgent first.
        total: How much awaits it altogether.
    """

    party: str
    as_at: dt.date
    rows: tuple[QueueRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class _Wait:
    """One thing that awaits one party, of which the row is still to be made.

    Attributes:
        told: The event that it is about.
        place: Where that is laid out.
        key: What it is sorted by.
    """

    party: str
    ask: Ask
    told: Told
    place: object
    since: When | None
    due: dt.date | None = None
    late: Answer | None = None
    items: tuple[tuple[int, int], ...] | None = None
    state: str | None = None
    key: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        begin = None if self.since is None else self.since.begin_earliest
        urgency = 0 if self.late == "yes" else 1 if self.due is not None else 2
        days = self.due or dt.date.max, _ORDER[self.ask], begin or dt.date.max
        object.__setattr__(self, "key", (urgency, *days, self.place, self.items or ()))


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of all parties, as at a day."""

    reading: Reading
    _by_party: Mapping[str, Blocks[_Wait]]
    _by_event: ById[tuple[_Wait, ...]]
    _awaited: ById[tuple[str, ...]]  # the requests that wait for each event, or did


def fold_queues(reading: Reading) -> Queues:
    """Work out what awaits each party.

    Args:
        reading: The view, read as at a day.
    """
    nothing = Queues(reading=reading, _by_party={}, _by_event=ById(), _awaited=ById())
    return grow_queues(nothing, reading, [told.id for told in reading.view.told])


def grow_queues(before: Queues, reading: Reading, changed: Iterable[str]) -> Queues:
    """Work out what awaits each party, given what did at a smaller or the same size.

    Args:
        before: The queues of before, which stay as they are.
        reading: The view by now, read as at the same day.
        changed: What changed since, as `ledger.folds.reading.grow` tells it.
    """
    by_event, awaited = before._by_event.draft(), before._awaited.draft()  # noqa: SLF001 - of this module
    gone: dict[str, list[_Wait]] = {}
    come: dict[str, list[_Wait]] = {}
    for event_id in _concerned(reading, awaited, changed):
        for wait in by_event.pop(event_id, ()):
            gone.setdefault(wait.party, []).append(wait)
        waits = tuple(_waits(reading, reading.view.by_id[event_id]))
        if waits:
            by_event[event_id] = waits
        for wait in waits:
            come.setdefault(wait.party, []).append(wait)
    by_party = dict(before._by_party)  # noqa: SLF001 - as above
    for party in gone.keys() | come.keys():
        queue = by_party.get(party, Blocks[_Wait]())
        by_party[party] = queue.spliced(
            gone=[queue.place_of(_key(wait), _key) for wait in gone.get(party, ())],
            come=come.get(party, ()),
            key=_key,
        )
    return Queues(
        reading=reading, _by_party=by_party, _by_event=by_event.done(), _awaited=awaited.done()
    )


def queue_of(queues: Queues, party: str, *, part: slice = slice(None)) -> Queue:
    """Make the rows of one party's queue, or of a part of it."""
    waits: Blocks[_Wait] = queues._by_party.get(party, Blocks())  # noqa: SLF001 - of this module
    rows = tuple(_row(queues.reading, wait) for wait in waits[part])
    return Queue(party=party, as_at=queues.reading.as_at, rows=rows, total=len(waits))


_ASKS: Final[tuple[Ask, ...]] = (
    *("clarification", "request", "promise", "signature", "acknowledgement", "response"),
)
_ORDER: Final[Mapping[Ask, int]] = {ask: place for place, ask in enumerate(_ASKS)}
_APART: Final = (*GOVERNANCE, Attestation, Erasure, Hold, Opening, Position, Sealed)
_SIGNING: Final = frozenset(("named", "proposed", "drafted", "signed", "in_force"))
_KEEPING: Final = frozenset(("promised", "part_fulfilled", "lapsed", "unfulfilled"))


_key: Final = attrgetter("key")


# Which events something changes


def _concerned(
    reading: Reading, awaited: Draft[tuple[str, ...]], changed: Iterable[str]
) -> set[str]:
    """Return the events of which what is awaited may have changed."""
    found = set[str]()
    waiting = list(changed)
    while waiting:
        event_id = waiting.pop()
        told = reading.view.by_id.get(event_id)
        if told is None or event_id in found:
            continue
        found.add(event_id)
        waiting += awaited.get(event_id, ())
        waiting += _moved_by(told)
        if isinstance(told.event, Step):
            for each in told.event.until_events or ():
                requests = awaited.get(each, ())
                if told.event.of not in requests:
                    awaited[each] = (*requests, told.event.of)
    return found


def _moved_by(told: Told) -> Iterator[str]:
    """Yield the events of which an event may change where they stand."""
    match told.event:
        case Step(of=of) | Position(on=of):
            yield of
        case Attestation(of=of) if of is not None:
            yield of
        case Transfer(discharges=discharges):
            yield from (each.request for each in discharges or ())
        case Request(links=links):
            yield from (link.event for link in links or () if link.ledger is None)


# What is awaited


def _waits(reading: Reading, told: Told) -> Iterator[_Wait]:
    if isinstance(told.event, _APART) or reading.later(told):
        return
    match told.event:
        case Request():
            yield from _of_request(reading, told)
        case Commitment():
            yield from _of_promise(reading, told)
        case Agreement():
            yield from _signatures(reading, told)
    if told.id not in reading.stances.withdrawn:
        yield from _receipts(reading, told)
        yield from _responses(reading, told)


def _of_request(reading: Reading, told: Told) -> Iterator[_Wait]:
    together: dict[tuple[str, ...], list[ItemRow]] = {}
    for row in fold_request(reading, told.id).rows:
        for run in row.items:
            together.setdefault((run.state, run.since, *run.ball), []).append(run)
        several = row.total > 1
        for runs in together.values():
            run = min(runs, key=_deadline)
            asks: Ask = "clarification" if run.state == "clarification_sought" else "request"
            # The deadline is that of whoever asks for clarification, not of whom it asks.
            due = dt.date.max if asks == "clarification" else _deadline(run)
            late = None if asks == "clarification" else _LATE.get(run.lateness.word)
            for party in run.ball:
                yield _Wait(
                    party=party,
                    ask=asks,
                    told=told,
                    place=reading.order.place(told.id),
                    since=reading.when(run.since),
                    due=None if due == dt.date.max else due,
                    late=late,
                    items=tuple((each.first, each.last) for each in runs) if several else None,
                    state=run.state,
                )


_LATE: Final[Mapping[str, Answer]] = {
    "due": "no", "overdue": "yes", "long overdue": "yes", "not established": "not established",
}  # fmt: skip


def _deadline(run: ItemRow) -> dt.date:
    """Return the first day that can be the last, where the clock runs."""
    if run.deadlines is None or run.lateness.word not in _LATE:
        return dt.date.max
    ends = (run.deadlines.earliest, run.deadlines.latest)
    days = [end.due for end in ends if end is not None and end.due is not None]
    return min(days, default=dt.date.max)


def _of_promise(reading: Reading, told: Told) -> Iterator[_Wait]:
    for row in fold_commitment(reading, told.id).rows:
        if row.state in _KEEPING:
            for party in sorted(parties_of(row.by)):
                yield _Wait(
                    party=party,
                    ask="promise",
                    told=told,
                    place=reading.order.place(told.id),
                    since=None if row.made is None else row.made.when,
                    due=None if row.due is None else row.due.latest,
                    late=None if row.due is None else row.passed,
                    state=row.state,
                )


def _signatures(reading: Reading, told: Told) -> Iterator[_Wait]:
    """Yield the signatures that the latest version of an agreement still waits for."""
    place = reading.order.place(told.id)
    for row in fold_agreement(reading, told.id).rows:
        if row.state in _SIGNING:
            for each in row.versions[-1].signatures:
                if each.required and each.signed.answer != "yes":
                    since = reading.when(row.versions[-1].since)
                    yield _Wait(each.party, "signature", told, place, since, state=row.state)


def _receipts(reading: Reading, told: Told) -> Iterator[_Wait]:
    """Yield the receipts that the parties to whom something was sent have not signed."""
    if not isinstance(told.event, Communication | Transfer):
        return
    # Whatever it says of it, or of a part, shows as well that it came.
    stood = reading.stances.on.get(told.id, ())
    said = [each for each, position in stood if position.stance != "received"]
    said += [each for each, _ in reading.receipts(told.id)]
    answered = {each.author for each in said if not each.disowned}
    place = reading.order.place(told.id)
    sent = date_of(told, "sent") or reading.when(told.id)
    for party in sorted(parties_of(told.event.to) - answered - {told.author}):
        yield _Wait(party, "acknowledgement", told, place, sent)


def _responses(reading: Reading, told: Told) -> Iterator[_Wait]:
    """Yield the answers that the parties whom an event names have not given."""
    place = reading.order.place(told.id)
    said = {each.author for each, _ in reading.stances.on.get(told.id, ())}
    for party in sorted(named_parties(told.event) - {told.author}):
        if party not in said or unanswered(reading, told, party)[0]:
            yield _Wait(party, "response", told, place, reading.when(told.id))


def _row(reading: Reading, wait: _Wait) -> QueueRow:
    told = wait.told
    asks = wait.ask == "response"
    fields, partly = unanswered(reading, told, wait.party) if asks else ((), ())
    return QueueRow(
        ask=wait.ask,
        id=told.id,
        index=told.index,
        author=told.author,
        summary=sentence(told, reading.view.by_id),
        state=wait.state,
        items=wait.items,
        fields=fields,
        partly=partly,
        since=wait.since,
        days=days_since(wait.since, reading.as_at),
        due=wait.due,
        late=wait.late,
    )
