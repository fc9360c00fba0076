"""The two sides of an event, and what the other side has signed of it.

Whose interest an event is against depends on who tells it. Who tells of its own act speaks against
those it was done to; who tells of another's act speaks against whoever did it. Who stands on both
sides stands on the author's. Where nobody has a side of its own (a meeting, an agreement, a group),
everybody but the author is the other side.

An element is acknowledged when *every* party of the other side has signed so, since one of several
could be a friend of the author's. Nobody who is not named there counts.

Source: domain, "Evidence grades".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ledger.dates import When, is_before
from ledger.folds.acts import doers_of, principals_of
from ledger.folds.moments import date_of
from ledger.folds.positions import named_parties
from ledger.folds.reading import Reading
from ledger.folds.stances import parties_of
from ledger.view import Told
from verify.events import (
    Account,
    Agreement,
    Arrangement,
    Artefact,
    Commitment,
    Communication,
    Knowledge,
    Meeting,
    Position,
    Request,
    Step,
    Transfer,
)

__all__ = ["Element", "Signed", "apart", "opponents", "shown_from", "signed_of"]

Element = Literal["happened", "who", "sent", "received", "said"]

_AGREEING: Final = frozenset(("admit", "agree"))
_WHOLE: Final = ""  # a response to the whole of an event
_RECEIPT: Final = "received"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What others have signed of one element.

    Attributes:
        acknowledged: By party of the other side: its stance, and the index of the entry.
        missing: The parties of the other side that have not signed so.
        agreed: Where all whom the event names have signed that they agree: each of these parties,
            and the index of the entry. Else empty.
        received: The days on which parties say that they received it, by party.
        disowned: Parties whose response is signed by a key that is said to be compromised.
    """

    acknowledged: Mapping[str, tuple[str, int]]
    missing: tuple[str, ...]
    agreed: Mapping[str, tuple[str, int]]
    received: Mapping[str, When]
    disowned: tuple[str, ...]


def opponents(told: Told, element: Element) -> frozenset[str]:
    """Return the parties against whose interest it is what an event says of an element."""
    doers, receivers = _sides(told)
    first, second = (receivers, doers) if element == "received" else (doers, receivers)
    if first == second:
        return first - {told.author}
    if told.author in first:
        return second - first
    return first - second if told.author in second else first


def apart(told: Told) -> frozenset[str]:
    """Return the parties that an event names and that are not on its author's side."""
    doers, receivers = _sides(told)
    if doers == receivers:
        return doers - {told.author}
    own: frozenset[str] = frozenset().union(*(s for s in (doers, receivers) if told.author in s))
    return (doers | receivers) - own - {told.author}


def _sides(told: Told) -> tuple[frozenset[str], frozenset[str]]:
    """Return who did it and to whom it was done; the same twice where these are not apart."""
    event = told.event
    behalf = principals_of(event)
    match event:
        case Communication():
            return parties_of(event.from_) | behalf, parties_of(event.to, event.cc)
        case Request() | Transfer():
            return parties_of(event.from_) | behalf, parties_of(event.to)
        case Commitment():
            return parties_of(event.by) | behalf, parties_of(event.to)
        case Step():
            return doers_of(told), parties_of(event.to)
        case Account():
            return parties_of(event.from_ or told.author) | behalf, parties_of(event.to)
        case Knowledge():
            return parties_of(event.knower), parties_of(event.by)
        case Artefact():
            return parties_of(event.provenance), parties_of(event.custodian)
        case Meeting() | Agreement() | Arrangement():
            everybody = named_parties(event)
            return everybody, everybody
    return frozenset(), frozenset()


def signed_of(reading: Reading, told: Told, element: Element, fields: tuple[str, ...]) -> Signed:
    """Work out what others have signed of an element.

    A party's latest word on a field counts, on the field itself or on the whole of the event;
    earlier ones do not, nor what it said of other fields or of some items only.

    Args:
        reading: The view.
        told: The event.
        element: The element.
        fields: The fields that it consists of: who agrees with one of several does not agree
            with all.
    """
    words: dict[str, dict[str, tuple[int, str, Told]]] = {}
    disowned: set[str] = set()
    for place, (each, position) in enumerate(reading.stances.on.get(told.id, ())):
        if each.author == told.author:
            continue
        if each.disowned:
            disowned.add(each.author)
        elif (field := _field(position)) is not None:
            words.setdefault(each.author, {})[field] = (place, position.stance, each)
    against = opponents(told, element)
    doers, receivers = _sides(told)
    receivers = frozenset() if doers == receivers else receivers  # nobody receives a meeting
    acknowledged: dict[str, tuple[str, int]] = {}
    agreed: dict[str, tuple[str, int]] = {}
    received: dict[str, When] = {}
    for party, said in words.items():
        last = [_seen(reading, told, field, _last(said, field)) for field in fields]
        found = _acknowledgement(told, element, last, receives=party in receivers)
        if found is not None and party in against:
            acknowledged[party] = found
        if found is not None and {_stance(word) for word in last} == {"agree"}:
            agreed[party] = found
        if element == "received" and party in receivers:
            received |= _receipt(party, last)
    named = (named_parties(told.event) | against) - {told.author}
    return Signed(
        acknowledged=dict(sorted(acknowledged.items())),
        missing=tuple(sorted(against - acknowledged.keys())),
        agreed={party: agreed[party] for party in sorted(named)} if named <= agreed.keys() else {},
        received=dict(sorted(received.items())),
        disowned=tuple(sorted(disowned & (against | named))),
    )


def shown_from(reading: Reading, told: Told, name: str, party: str) -> float:
    """Return the index from which a party could have had a claim from the ledger."""
    audience = (told.event.audience or {}).get(name)
    if audience is not None and party != told.author and party not in audience:
        return float("inf")
    return max(told.index, reading.handed_over.get((told.id, name), 0))


_Word = tuple[int, str, Told]


def _field(position: Position) -> str | None:
    """Return the field that a response is about; None if it is of no weight for any element."""
    if position.stance in _AGREEING | {"received", "ratify"} and position.items is not None:
        return None  # of some items: not of the whole
    if position.stance == "received":
        return _RECEIPT if position.field in {None, "happened", "dates.received"} else None
    return position.field or _WHOLE


def _last(said: Mapping[str, _Word], field: str) -> _Word | None:
    """Return a party's latest word on a field."""
    names = [_WHOLE, field]
    if field in {"happened", "dates.received"}:
        names.append(_RECEIPT)  # what was received has happened
    found = [said[name] for name in names if name in said]
    return max(found, key=lambda word: word[0], default=None)


def _seen(reading: Reading, told: Told, field: str, word: _Word | None) -> _Word | None:
    """Pass over a word on the whole that was said before this part of it could be seen."""
    if word is None or not field.startswith("claims."):
        return word
    _, _, each = word
    if isinstance(each.event, Position) and each.event.field is not None:
        return word
    shown = shown_from(reading, told, field.removeprefix("claims."), each.author)
    return word if shown < each.index else None


def _stance(word: _Word | None) -> str | None:
    return None if word is None else word[1]


def _acknowledgement(
    told: Told, element: Element, last: Iterable[_Word | None], *, receives: bool
) -> tuple[str, int] | None:
    """Return how and where a party acknowledges all of these fields; None if it does not."""
    found: tuple[str, int] | None = None
    for word in last:
        if word is None:
            return None
        _, stance, each = word
        if stance == "received":
            if not receives or not _receipt_fits(told, element, each):
                return None
        elif stance not in _AGREEING:
            return None
        found = stance, each.index
    return found


def _receipt_fits(told: Told, element: Element, each: Told) -> bool:
    """Tell whether a signed receipt acknowledges an element: of a date, only with a date."""
    if element == "happened":
        return True
    ours, theirs = date_of(told, "received"), date_of(each, "received")
    if theirs is None:
        return False
    return ours is None or not _cannot_both(ours, theirs)


def _receipt(party: str, last: Iterable[_Word | None]) -> dict[str, When]:
    for word in last:
        if word is not None and word[1] == "received":
            when = date_of(word[2], "received")
            if when is not None:
                return {party: when}
    return {}


def _cannot_both(a: When, b: When) -> bool:
    return "yes" in {is_before(a, b), is_before(b, a)}
