"""How the parties stand to each event and to each of its fields.

A party's latest standing response to a field counts; earlier ones are kept as history. An event is
agreed when every party that it names, other than its author, agrees. Silence is never counted, nor
is a yes to some items only. What is said of some items replaces nothing that was said of all.

Responses to the whole event stand under the field `happened`. Field by field, what a party says of
the whole is its word on each field of which it says nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from ledger.dates import When
from ledger.folds.moments import Moment, date_of
from ledger.folds.reading import Reading
from ledger.folds.stances import parties_of
from ledger.sentences import sentence
from ledger.view import Told
from verify.events import (
    GOVERNANCE,
    Account,
    Agreement,
    Arrangement,
    Attestation,
    Commitment,
    Communication,
    Erasure,
    Event,
    Hold,
    Knowledge,
    Meeting,
    Opening,
    Position,
    Request,
    Sealed,
    Step,
    Transfer,
)

__all__ = [
    "EventStatus",
    "FieldPosition",
    "FieldStatus",
    "Positions",
    "PositionsRow",
    "Response",
    "Status",
    "answerable",
    "fold_positions",
    "named_parties",
    "positions_of",
    "status_of",
    "unanswered",
]

Status = Literal["agreed", "admitted", "corrected", "disputed", "not_admitted", "not_yet_answered"]

_CONTRARY = frozenset(("dispute", "deny", "correct", "object"))
_DEEPEST = 4
_APART = (*GOVERNANCE, Attestation, Erasure, Hold, Opening, Position, Sealed)
_ANSWERS = _CONTRARY | {"admit", "agree", "not_admit", "ratify"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response.

    Attributes:
        id: Its event id.
        index: Its index.
        party: Who responds.
        stance: How.
        value: The competing value, if it gives one: a date in EDTF, or a text.
        superseded: Whether the party has responded to this field again since.
        date: The competing date, or that of receipt, if it gives one that can be read.
        items: The items that it is about; None for all.
        disowned: Whether its key is said to have been compromised when it was signed.
        replies: The responses to this response.
    """

    id: str
    index: int
    party: str
    stance: str
    value: str | None
    superseded: bool
    date: When | None = None
    items: tuple[tuple[int, int], ...] | None = None
    disowned: bool = False
    replies: tuple[Response, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStatus:
    """How the parties stand to one field.

    Attributes:
        field: The field; `happened` for the whole event.
        status: How it stands.
        responses: The responses to it, in ledger order.
        contradicted: Whether a party signed that it was otherwise.
    """

    field: str
    status: Status
    responses: tuple[Response, ...]
    contradicted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStatus:
    """How the parties stand to one event.

    Attributes:
        id: The event's id.
        fields: The fields that have responses, `happened` first, then by name.
        named: The parties that the event names, other than its author.
        withdrawn: How its author took it back: `retract_own`, `disown`; None if it did not.
        disowned: Whether its key is said to have been compromised when it was signed.
    """

    id: str
    fields: tuple[FieldStatus, ...]
    named: tuple[str, ...]
    withdrawn: str | None
    disowned: bool

    @property
    def status(self) -> Status:
        """How the event as a whole stands: as its most contested field."""
        found = {field.status for field in self.fields}
        for status in _BY_WEIGHT:
            if status in found:
                # An agreed detail does not make the whole agreed.
                whole = any(f.field == "happened" and f.status == status for f in self.fields)
                if status in {"disputed", "not_admitted", "corrected"} or whole:
                    return status
        return "not_yet_answered"

    @property
    def contradicted(self) -> bool:
        """Whether a party signed that something in it was otherwise, or its key is disowned."""
        return self.disowned or any(field.contradicted for field in self.fields)

    def field(self, name: str) -> FieldStatus | None:
        """Return how one field stands; None if nobody responded to it."""
        return next((each for each in self.fields if each.field == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPosition:
    """How the parties stand to one field that can be contested, whether or not anybody has.

    Attributes:
        field: The field; `happened` for that it happened.
        status: How it stands.
        responses: The responses to it, and the word that stands on the whole of the event of
            parties that say nothing of this field, in ledger order. What came before that word,
            and the replies to it, are told with the whole.
        silent: The parties that the event names and that have not answered it.
    """

    field: str
    status: Status
    responses: tuple[Response, ...]
    silent: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsRow:
    """One event, field by field.

    Attributes:
        id: Its event id.
        index: The index of its entry.
        author: The party that tells it.
        kind: Its kind.
        date: The date that stands for it.
        summary: What it tells, in a sentence.
        withdrawn: How its author took it back: `retract_own`, `disown`; None if it did not.
        fields: Its fields, `happened` first, then by name.
    """

    id: str
    index: int
    author: str
    kind: str
    date: Moment | None
    summary: str
    withdrawn: str | None
    fields: tuple[FieldPosition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """How the parties stand to events, field by field.

    Attributes:
        rows: The events, laid out as in the chronology.
        party: Only the events that this party tells or is named in; None for all.
    """

    rows: tuple[PositionsRow, ...]
    party: str | None


_Items = tuple[tuple[int, int], ...] | None
_BY_WEIGHT: tuple[Status, ...] = ("disputed", "not_admitted", "corrected", "agreed", "admitted")


def status_of(reading: Reading, told: Told) -> EventStatus:
    """Work out how the parties stand to an event."""
    by_field: dict[str, list[tuple[Told, Position]]] = {}
    for each, position in reading.stances.on.get(told.id, ()):
        by_field.setdefault(position.field or "happened", []).append((each, position))
    return EventStatus(
        id=told.id,
        fields=tuple(_field(reading, name, by_field[name], told) for name in _in_order(by_field)),
        named=tuple(sorted(named_parties(told.event) - {told.author})),
        withdrawn=_withdrawn_how(reading, told),
        disowned=told.disowned,
    )


def fold_positions(
    reading: Reading, *, party: str | None = None, event_id: str | None = None
) -> Positions:
    """Work out how the parties stand to events, field by field.

    Args:
        reading: The view, read as at a day.
        party: Only events that this party tells or is named in; None for all.
        event_id: Only this event; None for all that a chronology tells.
    """
    view = reading.view
    every = view.told if event_id is None else (view.by_id[event_id],)
    found = (
        told
        for told in every
        if not isinstance(told.event, _APART)
        and not reading.later(told)
        and (party is None or party == told.author or party in named_parties(told.event))
    )
    rows = tuple(positions_of(reading, told) for told in reading.laid_out(found))
    return Positions(rows=rows, party=party)


def positions_of(reading: Reading, told: Told) -> PositionsRow:
    """Work out how the parties stand to each field of an event that can be contested."""
    whole, by_field = _by_field(reading, told)
    named = named_parties(told.event) - {told.author}
    # On each field the word that stands is enough: what came before it, and what was said to it,
    # is told once, with the whole.
    last = {each.author: each.id for each, p in whole if p.stance in _ANSWERS}
    standing = [pair for pair in whole if pair[0].id == last.get(pair[0].author)]
    fields: list[FieldPosition] = []
    for name in _in_order({*answerable(told.event), *by_field}):
        own = by_field.get(name, ())
        said = {each.author for each, position in own if position.stance in _ANSWERS}
        lent = whole if name == "happened" else standing
        rest = [pair for pair in lent if pair[0].author not in said]
        pairs = sorted((*own, *rest), key=lambda pair: (pair[0].index, pair[0].id))
        bare = frozenset(each.id for each, _ in rest) if name != "happened" else frozenset[str]()
        field = _field(reading, name, pairs, told, bare=bare)
        answered = {r.party for r in field.responses if r.stance in _ANSWERS}
        fields.append(
            FieldPosition(
                field=name,
                status=field.status,
                responses=field.responses,
                silent=tuple(sorted(named - answered)),
            )
        )
    return PositionsRow(
        id=told.id,
        index=told.index,
        author=told.author,
        kind=told.kind,
        date=reading.dates.get(told.id),
        summary=sentence(told, reading.view.by_id),
        withdrawn=_withdrawn_how(reading, told),
        fields=tuple(fields),
    )


def unanswered(reading: Reading, told: Told, party: str) -> tuple[str, ...]:
    """Return the fields of an event that a party has not answered; none after its word on all."""
    whole, by_field = _by_field(reading, told)
    if any(each.author == party and p.stance in _ANSWERS for each, p in whole):
        return ()
    answered = {
        name
        for name, pairs in by_field.items()
        if any(each.author == party and p.stance in _ANSWERS for each, p in pairs)
    }
    return tuple(_in_order(answerable(told.event) - answered))


def answerable(event: Event) -> frozenset[str]:
    """Return the fields of an event that a response can be about."""
    fields = {"happened", *(f"claims.{name}" for name in event.sealed or ())}
    fields.update(f"dates.{role}" for role in event.dates or ())
    if named_parties(event) or isinstance(event, Step):
        fields.add("actors")
    if isinstance(event, Request | Step):
        fields.add("items")
    if isinstance(event, Step) and event.outcome is not None:
        fields.add("status")
    return frozenset(fields)


def _by_field(
    reading: Reading, told: Told
) -> tuple[list[tuple[Told, Position]], dict[str, list[tuple[Told, Position]]]]:
    """Return the responses to the whole of an event, and those to each of its fields."""
    whole: list[tuple[Told, Position]] = []
    by_field: dict[str, list[tuple[Told, Position]]] = {}
    for each, position in reading.stances.on.get(told.id, ()):
        into = whole if position.field is None else by_field.setdefault(position.field, [])
        into.append((each, position))
    return whole, by_field


def _in_order(fields: Iterable[str]) -> list[str]:
    return sorted(fields, key=lambda name: (name != "happened", name))


def _withdrawn_how(reading: Reading, told: Told) -> str | None:
    withdrawal = reading.stances.withdrawn.get(told.id)
    event = None if withdrawal is None else withdrawal.event
    return event.stance if isinstance(event, Position) else None


def named_parties(event: Event) -> frozenset[str]:
    """Return the parties that an event names as having done or undergone something."""
    behalf = parties_of(event.on_behalf_of)
    match event:
        case Communication():
            return behalf | parties_of(event.from_, event.to, event.cc)
        case Meeting():
            people = parties_of(event.attendees, event.apologies, event.host, event.chair)
            return behalf | people
        case Request():
            return behalf | parties_of(event.from_, event.to)
        case Transfer():
            return behalf | parties_of(event.from_, event.to)
        case Commitment():
            return behalf | parties_of(event.by, event.to)
        case Agreement():
            return behalf | parties_of(event.signatories)
        case Arrangement():
            return behalf | parties_of(event.operator, event.members)
        case Step():
            return behalf | parties_of(event.by, event.to, event.members)
        case Knowledge():
            return behalf | parties_of(event.knower, event.by)
        case Account():
            return behalf | parties_of(event.from_, event.to)
        case _:
            return behalf


def _field(
    reading: Reading,
    name: str,
    found: Iterable[tuple[Told, Position]],
    told: Told,
    bare: Collection[str] = (),
) -> FieldStatus:
    pairs = tuple(found)
    responses = _responses(reading, pairs, bare=bare)
    current = {(r.party, r.stance) for r in responses if _weighs(r)}
    named = named_parties(told.event) - {told.author}
    # The author's own correction contradicts what it told, too.
    return FieldStatus(
        field=name,
        status=_status(current, told.author, named),
        responses=responses,
        contradicted=any(stance in _CONTRARY for _, stance in current),
    )


def _weighs(response: Response) -> bool:
    """Tell whether a response counts for how a field stands: a yes only if it is to all of it."""
    if response.superseded or response.stance not in _ANSWERS:
        return False
    return response.items is None or response.stance in _CONTRARY | {"not_admit"}


def _responses(
    reading: Reading,
    pairs: Iterable[tuple[Told, Position]],
    depth: int = 0,
    *,
    bare: Collection[str] = (),
) -> tuple[Response, ...]:
    pairs = tuple(pairs)
    last = _last_places(pairs)
    return tuple(
        Response(
            id=each.id,
            index=each.index,
            party=each.author,
            stance=position.stance,
            value=_value(each, position),
            superseded=position.stance in _ANSWERS
            and place < max(last.get((each.author, about), -1) for about in (None, position.items)),
            date=date_of(each, "received" if position.stance == "received" else "value"),
            items=position.items,
            disowned=each.disowned,
            # Whoever wants the rest of a longer quarrel asks for the response itself.
            replies=()
            if depth == _DEEPEST or each.id in bare
            else _responses(reading, reading.stances.on.get(each.id, ()), depth + 1),
        )
        for place, (each, position) in enumerate(pairs)
    )


def _last_places(pairs: Iterable[tuple[Told, Position]]) -> dict[tuple[str, _Items], int]:
    """Return the place of each party's last answer to all items, and to each choice of some."""
    return {
        (each.author, position.items): place
        for place, (each, position) in enumerate(pairs)
        if position.stance in _ANSWERS
    }


def _status(current: Collection[tuple[str, str]], author: str, named: frozenset[str]) -> Status:
    stances = {stance for _, stance in current}
    others = {stance for party, stance in current if party != author}
    if (author, "correct") in current and not others & _CONTRARY:
        return "corrected"
    if stances & _CONTRARY:
        return "disputed"
    if "not_admit" in stances:
        return "not_admitted"
    agreeing = {party for party, stance in current if stance == "agree"}
    if named and named <= agreeing:
        return "agreed"
    return "admitted" if others else "not_yet_answered"


def _value(told: Told, position: Position) -> str | None:
    date = (position.dates or {}).get("value")
    return date.edtf if date is not None else told.text("value")
