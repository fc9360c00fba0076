"""The two sides of an event, and what the other side has signed of it.

Whose interest an event is against depends on who tells it. Who tells of its own act speaks against
those it was done to; who tells of another's act speaks against whoever did it. Who stands on both
sides stands on the author's. On whose behalf the author says that it acted is for these to say, so
that they count as the other side, whose `ratify` does as well. Where nobody has a side of its own
(a meeting, an agreement, a group), everybody but the author is the other side.

An element is acknowledged when *every* party of the other side has signed so, since one of several
could be a friend of the author's. Nobody who is not named there counts.

Source: domain, "Evidence grades".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple

from ledger.dates import When, is_before
from ledger.folds.acts import doers_of, principals_of
from ledger.folds.moments import date_of
from ledger.folds.positions import named_parties
from ledger.folds.reading import Reading
from ledger.folds.stances import parties_of
from ledger.view import Told
from verify.kinds import (
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

__all__ = ["Element", "Sides", "Signed", "Word"]

Element = Literal["happened", "who", "sent", "received", "said"]

_AGREEING: Final = frozenset(("admit", "agree"))
_WHOLE: Final = ""  # a response to the whole of an event
_RECEIPT: Final = "received"


_Word = tuple[int, str, Told]  # its place among the responses, its stance, and who tells it


class Word(NamedTuple):
    """A party's response.

    Attributes:
        stance: Its stance.
        entry: Index of its entry.
        recovered: Whether its key was recovered without that party's own signature.
    """

    stance: str
    entry: int
    recovered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What others have signed of one element.

    Attributes:
        acknowledged: By party of the other side: its response.
        missing: The parties of the other side that have not signed so.
        agreed: Where all whom the event names have signed that they agree: each of these parties,
            and its response. Else empty.
        received: The days on which parties say that they received it, by party.
        disowned: Parties whose response is signed by a key that is said to be compromised.
    """

    acknowledged: Mapping[str, Word]
    missing: tuple[str, ...]
    agreed: Mapping[str, Word]
    received: Mapping[str, When]
    disowned: tuple[str, ...]


_NOTHING: Final = Signed(acknowledged={}, missing=(), agreed={}, received={}, disowned=())


class Sides:
    """The sides of one event, and what they have signed of it.

    Attributes:
        doers: Who did it, or on whose behalf it was done.
        receivers: To whom it was done; the same as `doers` where these are not apart.
        apart: The parties that it names and that are not on its author's side.
    """

    def __init__(self, reading: Reading, told: Told) -> None:
        """Read what others have signed of `told`."""
        self._reading = reading
        self._told = told
        self._principals = principals_of(told.event)
        self.doers, self.receivers = _sides(told, self._principals)
        self.apart = _apart(self.doers, self.receivers, told.author)
        # By party, the latest word on each field.
        self._words: dict[str, dict[str, _Word]] = {}
        self._disowned: set[str] = set()
        for place, (each, position) in enumerate(reading.stances.on.get(told.id, ())):
            if each.author == told.author:
                continue
            if each.disowned:
                self._disowned.add(each.author)
            elif (field := _field(position)) is not None:
                self._words.setdefault(each.author, {})[field] = (place, position.stance, each)

    @cached_property
    def _named(self) -> frozenset[str]:
        return named_parties(self._told.event)

    def opponents(self, element: Element) -> frozenset[str]:
        """Return the parties against whose interest it is what the event says of an element."""
        author = self._told.author
        first, second = self.doers, self.receivers
        if element == "received":
            first, second = second, first
        if first == second:
            return first - {author}
        if author in first:
            return (second - first) | (self._principals - {author})
        return first - second if author in second else first

    def signed(self, element: Element, fields: tuple[str, ...]) -> Signed:
        """Work out what others have signed of an element.

        A party's latest word on a field counts, on the field itself or on the whole of the event;
        earlier ones do not, nor what it said of other fields or of some items only.

        Args:
            element: The element.
            fields: The fields that it consists of: who agrees with one of several does not agree
                with all.
        """
        if not self._words and not self._disowned:
            return _NOTHING
        against = self.opponents(element)
        # Nobody receives a meeting.
        receivers = frozenset() if self.doers == self.receivers else self.receivers
        acknowledged: dict[str, Word] = {}
        agreed: dict[str, Word] = {}
        received: dict[str, When] = {}
        for party, said in self._words.items():
            last = [self._seen(field, _last(said, field)) for field in fields]
            found = self._acknowledgement(element, last, party, receives=party in receivers)
            if found is not None and party in against:
                acknowledged[party] = found
            if found is not None and {_stance(word) for word in last} == {"agree"}:
                agreed[party] = found
            if element == "received" and party in receivers:
                received |= _receipt(party, last)
        named = (self._named | against) - {self._told.author}
        whole = {party: agreed[party] for party in sorted(named)} if named <= agreed.keys() else {}
        return Signed(
            acknowledged=dict(sorted(acknowledged.items())),
            missing=tuple(sorted(against - acknowledged.keys())),
            agreed=whole,
            received=dict(sorted(received.items())),
            disowned=tuple(sorted(self._disowned & (against | named))),
        )

    def _seen(self, field: str, word: _Word | None) -> _Word | None:
        """Pass over a word on the whole that was said before this part of it could be seen."""
        if word is None or not field.startswith("claims."):
            return word
        _, _, each = word
        if isinstance(each.event, Position) and each.event.field is not None:
            return word
        name = field.removeprefix("claims.")
        shown = self._reading.shown_from(self._told, name, party=each.author)
        return word if shown < each.index else None

    def _acknowledgement(
        self, element: Element, last: Iterable[_Word | None], party: str, *, receives: bool
    ) -> Word | None:
        """Return how a party acknowledges all of these fields; None if it does not."""
        accepted = _AGREEING | ({"ratify"} if party in self._principals else set())
        found: Word | None = None
        for word in last:
            if word is None:
                return None
            _, stance, each = word
            if stance == "received":
                if not receives or not _receipt_fits(self._told, element, each):
                    return None
            elif stance not in accepted:
                return None
            found = Word(stance, each.index, each.key_origin == "recovered")
        return found


def _sides(told: Told, behalf: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    event = told.event
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


def _apart(doers: frozenset[str], receivers: frozenset[str], author: str) -> frozenset[str]:
    everybody = doers | receivers
    if doers != receivers:
        for side in (doers, receivers):
            everybody -= side if author in side else frozenset()
    return everybody - {author}


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


def _stance(word: _Word | None) -> str | None:
    return None if word is None else word[1]


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
