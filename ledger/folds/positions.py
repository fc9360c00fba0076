"""How the parties stand to each event and to each of its fields.

A party's latest standing response to a field counts; earlier ones are kept as history. An event is
agreed when every party that it names, other than its author, agrees. Silence is never counted, nor
is a yes to some items only, until such words cover all of them, nor a word by a key that is said to
have been compromised. What is said of some items replaces nothing that was said of all.

Responses to the whole event stand under the field `happened`. Field by field, what a party says of
the whole is its word on each field of which it says nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ledger.dates import When
from ledger.folds.answered import ANSWERS, CONTRARY, answers_to, is_answer, items_of
from ledger.folds.moments import Moment, date_of
from ledger.folds.ranges import covers
from ledger.folds.reading import Reading
from ledger.folds.receipt import received_otherwise
from ledger.folds.stances import parties_of
from ledger.sentences import sentence
from ledger.view import Told
from verify.kinds import (
    GOVERNANCE,
    Account,
    Agreement,
    Arrangement,
    Artefact,
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
    Ranges,
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

_DEEPEST = 4
_RECEIVED = "dates.received"
_APART = (*GOVERNANCE, Attestation, Erasure, Hold, Opening, Position, Sealed)
_YES = ANSWERS - CONTRARY - {"not_admit"}


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
        silent: The parties that the event names and that have not answered it, or not all of it.
        partly: Those of them that have answered for some items: the rest is open.
    """

    field: str
    status: Status
    responses: tuple[Response, ...]
    silent: tuple[str, ...]
    partly: tuple[str, ...]


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


_BY_WEIGHT: tuple[Status, ...] = ("disputed", "not_admitted", "corrected", "agreed", "admitted")


def status_of(reading: Reading, told: Told) -> EventStatus:
    """Work out how the parties stand to an event."""
    whole, by_field = _by_field(reading, told)
    if whole:
        by_field["happened"] = [*whole, *by_field.get("happened", ())]
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
    items = items_of(reading, told.event)
    of_whole = answers_to(whole, items)
    standing = _standing(whole)
    in_parts = _yes_in_parts(standing, items)
    # On each field the words that stand are enough: what came before them, and what was said to
    # them, is told once, with the whole.
    lendable = _lendable(standing)
    fields: list[FieldPosition] = []
    for name in _in_order({*answerable(told.event), *by_field}):
        own = by_field.get(name, ())
        answers = _answers(own, items)
        lent = whole if name == "happened" else lendable
        rest = [pair for pair in lent if not answers.get(pair[0].author)]
        bare = frozenset(each.id for each, _ in rest) if name != "happened" else frozenset[str]()
        # A party's word on this field stands over its word on the whole, whichever came first.
        yes = {(party, stance) for party, stance in in_parts if not answers.get(party)}
        field = _field(reading, name, (*rest, *own), told, bare=bare, yes=yes)
        said = {*answers, *of_whole}
        silent = {each for each in named if not answers.get(each) and not of_whole.get(each)}
        fields.append(
            FieldPosition(
                field=name,
                status=field.status,
                responses=field.responses,
                silent=tuple(sorted(silent)),
                partly=tuple(sorted(silent & said)),
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


def unanswered(reading: Reading, told: Told, party: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields of an event that a party has not answered, or not all of it.

    Returns:
        The fields, none after its word on all of the event; and those of them that it has answered
        for some items.
    """
    whole, by_field = _by_field(reading, told)
    items = items_of(reading, told.event)
    of_whole = answers_to(whole, items).get(party)
    if of_whole:
        return (), ()
    said = {name: _answers(pairs, items).get(party) for name, pairs in by_field.items()}
    left = _in_order(name for name in answerable(told.event) if not said.get(name))
    partly = (name for name in left if of_whole is not None or said.get(name) is not None)
    return tuple(left), tuple(partly)


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
    """Return the responses to the whole of an event, and those to each of its fields.

    A receipt of another day than was told is a word on when it was received.
    """
    whole: list[tuple[Told, Position]] = []
    by_field: dict[str, list[tuple[Told, Position]]] = {}
    otherwise = {each.id for each, _, _ in received_otherwise(reading, told)}
    for each, position in reading.stances.on.get(told.id, ()):
        field = _RECEIVED if each.id in otherwise else position.field
        into = whole if field is None else by_field.setdefault(field, [])
        into.append((each, position))
    return whole, by_field


def _answers(pairs: Iterable[tuple[Told, Position]], items: Ranges | None) -> dict[str, bool]:
    """Return who has answered a field, and whether for all items: a receipt can be its word."""
    pairs = tuple(pairs)
    dated = (told.author for told, position in pairs if position.field is None)
    return {**answers_to(pairs, items), **dict.fromkeys(dated, True)}


def _lendable(standing: Iterable[tuple[Told, Position]]) -> list[tuple[Told, Position]]:
    """Return what each field is told of the words that stand on the whole of an event.

    Of each party that is its word on all items, and of those on some the last of each stance: many
    words on few items are told once, with the whole.
    """
    found: dict[tuple[str, str, bool], tuple[Told, Position]] = {}
    for each, position in standing:
        found[each.author, position.stance, position.items is None] = each, position
    return list(found.values())


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
        case Artefact():
            return behalf | parties_of(event.provenance, event.custodian)
        case _:
            return behalf


def _field(
    reading: Reading,
    name: str,
    found: Iterable[tuple[Told, Position]],
    told: Told,
    *,
    bare: Collection[str] = (),
    yes: Collection[tuple[str, str]] = (),
) -> FieldStatus:
    pairs = tuple(found)
    standing = _standing(pairs)
    # A yes counts only if it is to all of it, a no also to a part.
    current: set[tuple[str, str]] = {
        (each.author, position.stance)
        for each, position in standing
        if position.items is None or position.stance not in _YES
    }
    current |= {*yes, *_yes_in_parts(standing, items_of(reading, told.event))}
    if name == _RECEIVED:
        current |= {(each.author, "correct") for each, _, _ in received_otherwise(reading, told)}
    named = named_parties(told.event) - {told.author}
    # The author's own correction contradicts what it told, too.
    return FieldStatus(
        field=name,
        status=_status(current, told.author, named),
        responses=_responses(reading, pairs, bare=bare),
        contradicted=any(stance in CONTRARY for _, stance in current),
    )


def _standing(pairs: Iterable[tuple[Told, Position]]) -> list[tuple[Told, Position]]:
    """Return the answers that their party has not replaced since."""
    pairs = tuple(pairs)
    last = _last_places(pairs)
    return [
        (each, position)
        for place, (each, position) in enumerate(pairs)
        if is_answer(each) and place == _replaced_at(last, each, position)
    ]


def _yes_in_parts(
    standing: Iterable[tuple[Told, Position]], items: Ranges | None
) -> set[tuple[str, str]]:
    """Return the yes of each party that has said it to all items, to some at a time."""
    said: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for each, position in standing:
        if position.items is not None and position.stance in _YES:
            for stance in {position.stance, "admit"}:  # whoever agrees or ratifies admits
                said.setdefault((each.author, stance), []).extend(position.items)
    if items is None:
        return set()
    return {key for key, some in said.items() if covers(some, items)}


def _responses(
    reading: Reading,
    pairs: Iterable[tuple[Told, Position]],
    depth: int = 0,
    *,
    bare: Collection[str] = (),
) -> tuple[Response, ...]:
    pairs = tuple(pairs)
    last = _last_places(pairs)
    found = (
        Response(
            id=each.id,
            index=each.index,
            party=each.author,
            stance=position.stance,
            value=_value(each, position),
            superseded=position.stance in ANSWERS and place < _replaced_at(last, each, position),
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
    return tuple(sorted(found, key=lambda response: response.index))


def _last_places(pairs: Iterable[tuple[Told, Position]]) -> dict[tuple[str, Ranges | None], int]:
    """Return the place of each party's last answer to all items, and to each choice of some."""
    return {
        (each.author, position.items): place
        for place, (each, position) in enumerate(pairs)
        if is_answer(each)
    }


def _replaced_at(
    last: Mapping[tuple[str, Ranges | None], int], told: Told, position: Position
) -> int:
    """Return the place of its party's last answer to the same items, or to all; -1 if none."""
    return max(last.get((told.author, about), -1) for about in (None, position.items))


def _status(current: Collection[tuple[str, str]], author: str, named: frozenset[str]) -> Status:
    stances = {stance for _, stance in current}
    others = {stance for party, stance in current if party != author}
    if (author, "correct") in current and not others & CONTRARY:
        return "corrected"
    if stances & CONTRARY:
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
