"""What shows that somebody knew of an event, or did not: each ground, with whose word it is.

    did        it did the event, took part in it, or it was done for them
    reached    the event reached them, on a day that is told
    enclosed   a communication that encloses it was theirs, or reached them
    replied    they replied to it, or did a step of it
    told       somebody tells that they knew
    learned    somebody tells that they came to know only then, and so not before
    unaware    somebody tells that they were not told of it
    disclaims  they say that they do not know something about it: not that it is unknown to them
    could      somebody tells that they could have known: it shows nothing of knowing
    received   they signed that they received it
    responded  they signed a response to it
    recorded   they told it themselves

What is told counts in the telling of whoever signed it. It is established that somebody knew when
that party itself has signed so; that somebody did not know, only when one of those who did the
event has: nobody establishes its own ignorance. A signature dates what it shows by cosigned time
alone (`View.bracket`), never by the operator's clock.

Source: FOLDS, "Knowledge".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from ledger.date_words import format_as_at, format_when
from ledger.dates import When, parse_when, uk_time
from ledger.folds.acts import principals_of
from ledger.folds.knowledge import AWARE
from ledger.folds.moments import date_of
from ledger.folds.reading import Reading
from ledger.folds.stances import Telling
from ledger.sentences import is_impersonal
from ledger.view import Told, View
from ledger.wording import party_of, say
from verify.kinds import (
    Account,
    Artefact,
    Commitment,
    Communication,
    Knowledge,
    Meeting,
    Request,
    Step,
    Transfer,
)

__all__ = ["Ground", "Grounds", "How", "actors_of", "signing_day", "unaware_until"]

How = Literal[
    "did", "reached", "enclosed", "replied", "told", "learned", "unaware", "disclaims", "could",
    "received", "responded", "recorded",
]  # fmt: skip

_SIGNED: Final = frozenset(("received", "responded", "recorded"))
_ORDER: Final = {how: place for place, how in enumerate(How.__args__)}  # type: ignore[attr-defined]  # a Literal has them


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One ground for saying that somebody knew of an event, or did not.

    Attributes:
        actor: Who: a party, or a post of it ("rutland/leader").
        of: The id of the event known.
        how: By what it is shown.
        by: The id of the event that shows it.
        index: Its index.
        author: The party that signed that.
        since: A day by which they knew, as far as it is told or shown; None where nothing dates it,
            or it does not show that they knew.
        unaware_on: The last day of which it shows that they did not know; so they did not on any
            day before. None where it shows no such day.
        signers: Whose signatures stand behind it.
        entitled: Whose signature establishes it.
        words: What it shows, in a clause without a subject.
    """

    actor: str
    of: str
    how: How
    by: str
    index: int
    author: str
    since: When | None
    unaware_on: dt.date | None
    signers: frozenset[str]
    entitled: frozenset[str]
    words: str

    @property
    def is_signed(self) -> bool:
        """Whether a signature of theirs shows it, and not what is told in it."""
        return self.how in _SIGNED

    def counts(self, telling: Telling) -> bool:
        """Tell whether it counts in a telling."""
        if telling.party is None:
            return not self.signers.isdisjoint(self.entitled)
        return telling.party in self.signers


def actors_of(told: Told) -> tuple[str, ...]:
    """Return those whose act an event is, as it names them: with their posts; nobody unknown."""
    event = told.event
    named: Iterable[str | None]
    match event:
        case Communication() | Request():
            named = event.from_ or ()
        case Meeting():
            named = (event.host, event.chair, *(event.attendees or ()))
        case Transfer():
            named = (event.from_,)
        case Commitment():
            named = (event.by,)
        case Artefact():
            named = (event.custodian,)
        case Account():
            named = (event.from_ or (None if event.on_behalf_of else told.author),)
        case Step():
            named = (event.by or (None if is_impersonal(event) else told.author),)
        case _:
            named = ()
    behalf = event.on_behalf_of or () if principals_of(event) else ()
    found = dict.fromkeys(each for each in (*named, *behalf) if each is not None)
    return tuple(each for each in found if party_of(each) != "unknown")


def signing_day(view: View, told: Told) -> When | None:
    """Return when an event was signed, as far as cosigned time shows it; None if it does not."""
    bracket = view.bracket(told)
    after, by = _day_of(bracket.after_s, last=False), _day_of(bracket.by_s, last=True)
    if after is None and by is None:
        return None
    if after == by and after is not None:
        return parse_when(after, basis="corroborated")
    return parse_when(f"[{after or ''}..{by or ''}]", basis="corroborated")


def _day_of(time_s: int | None, *, last: bool) -> str | None:
    """Return the first or the last day that a time is on: in UTC, and in the United Kingdom."""
    if time_s is None:
        return None
    ordinal = time_s // _DAY_S + _EPOCH.toordinal()
    if ordinal not in _CALENDAR:
        return None  # a witness can sign any time: what no calendar has dates nothing
    there, _ = uk_time(time_s + _EPOCH.toordinal() * _DAY_S)
    return (there if last else dt.date.fromordinal(ordinal)).isoformat()


_EPOCH: Final = dt.date(1970, 1, 1)
_DAY_S: Final = 86_400
_CALENDAR: Final = range(dt.date(1, 1, 1).toordinal(), dt.date.max.toordinal() + 1)


class Grounds:
    """The grounds of a reading, found event by event. To make it costs one pass over the view."""

    def __init__(self, reading: Reading) -> None:
        """Find them in `reading`."""
        self._reading = reading
        self._known: dict[str, list[tuple[Told, Knowledge]]] = {}
        self._enclosing: dict[str, list[Told]] = {}
        self._replies: dict[str, list[Told]] = {}
        for told in reading.view.told:
            if told.id in reading.stances.withdrawn or reading.later(told):
                continue
            if isinstance(told.event, Knowledge):
                self._known.setdefault(told.event.of, []).append((told, told.event))
            if isinstance(told.event, Step):
                self._replies.setdefault(told.event.of, []).append(told)
            for link in told.event.links or ():
                if link.rel == "replies_to" and link.ledger is None:
                    self._replies.setdefault(link.event, []).append(told)
                if link.rel == "encloses" and isinstance(told.event, Communication):
                    self._enclosing.setdefault(link.event, []).append(told)

    def of(self, event_id: str) -> tuple[Ground, ...]:
        """Return what shows that anybody knew of an event, or did not, laid out."""
        told = self._reading.view.by_id[event_id]
        found = [
            *self._did(told),
            *self._reached(told),
            *self._enclosed(told),
            *self._replied(told),
            *self._told(told),
            *self._signed(told),
        ]
        by_id = self._reading.view.by_id
        laid_out = self._reading.laid_out(
            {by_id[each.by].id: by_id[each.by] for each in found}.values()
        )
        places = {each.id: place for place, each in enumerate(laid_out)}
        return tuple(sorted(found, key=lambda g: (places[g.by], _ORDER[g.how], g.actor, g.words)))

    def _did(self, told: Told) -> Iterator[Ground]:
        behalf = set(told.event.on_behalf_of or ()) - set(_named(told))
        for actor in actors_of(told):
            words = _DID.get(told.kind, "did it")
            words = "it was done on their behalf" if actor in behalf else words
            yield self._from(told, told, actor, "did", words, self._reading.when(told.id))

    def _reached(self, told: Told) -> Iterator[Ground]:
        when = _received(told) or (self._reading.when(told.id) if _is_oral(told) else None)
        if when is not None:
            for actor in _recipients(told):
                yield self._from(told, told, actor, "reached", "it reached them", when)

    def _enclosed(self, told: Told) -> Iterator[Ground]:
        for letter in self._enclosing.get(told.id, ()):
            sent, received = self._reading.when(letter.id), _received(letter)
            what = f"entry {letter.index}, which encloses it"
            for actor in actors_of(letter):
                yield self._from(told, letter, actor, "enclosed", f"sent {what}", sent)
            if received is not None:
                for actor in _recipients(letter):
                    yield self._from(told, letter, actor, "enclosed", f"received {what}", received)

    def _replied(self, told: Told) -> Iterator[Ground]:
        for reply in self._replies.get(told.id, ()):
            is_step = isinstance(reply.event, Step) and reply.event.of == told.id
            words = "did a step of it" if is_step else "replied to it"
            for actor in actors_of(reply):
                when = self._reading.when(reply.id)
                yield self._from(told, reply, actor, "replied", words, when)

    def _told(self, told: Told) -> Iterator[Ground]:
        for each, event in self._known.get(told.id, ()):
            when, words = self._reading.when(each.id), f"{say(event.mode)} it"
            if event.mode in AWARE:
                yield self._from(told, each, event.knower, "told", words, when)
            if (
                event.mode == "became_aware"
                and when is not None
                and when.begin_earliest not in {None, dt.date.min}
            ):
                words = f"came to know of it only then, {format_when(when)}"
                day = when.begin_earliest - dt.timedelta(1)
                yield self._not(told, each, event, "learned", words, day)
            if event.mode in _NEITHER:
                how = _NEITHER[event.mode]
                yield replace(self._from(told, each, event.knower, how, words, when), since=None)
            # Of its own act nobody is told: what did not come is an answer to it.
            own = party_of(event.knower) in map(party_of, actors_of(told))
            if event.mode == "not_told" and not own:
                span = _unaware(when, date_of(each, "as_at"))
                yield self._not(told, each, event, "unaware", *span)

    def _signed(self, told: Told) -> Iterator[Ground]:
        view = self._reading.view
        signers = frozenset((told.author,))
        recorded = _ground(told, told, told.author, "recorded", "recorded it", signers=signers)
        yield replace(recorded, since=signing_day(view, told))
        for each, position in self._reading.stances.on.get(told.id, ()):
            how: How = "received" if position.stance == "received" else "responded"
            if how == "responded" and each.author == told.author:
                continue
            given = date_of(each, "received") if how == "received" else None
            since = given or signing_day(view, each)
            day = "" if given is None else f", {format_when(given)}"
            words = f"signed that it received it{day}" if how == "received" else "responded to it"
            signers = frozenset((each.author,))
            ground = _ground(told, each, each.author, how, words, signers=signers)
            yield replace(ground, since=since)

    def _from(
        self, told: Told, by: Told, actor: str, how: How, words: str, when: When | None
    ) -> Ground:
        day = "undated" if when is None else format_when(when)
        signers = self._reading.stances.signers(by)
        ground = _ground(told, by, actor, how, f"{words}, {day}", signers=signers)
        return replace(ground, since=when)

    def _not(
        self, told: Told, by: Told, event: Knowledge, how: How, words: str, day: dt.date | None
    ) -> Ground:
        signers = self._reading.stances.signers(by)
        ground = _ground(told, by, event.knower, how, words, signers=signers)
        doers = frozenset(map(party_of, actors_of(told))) - {party_of(event.knower)}
        return replace(ground, unaware_on=day, entitled=doers)


_NEITHER: Final[dict[str, How]] = {"could_have_known": "could", "disclaims": "disclaims"}
_DID: Final = {
    "artefact": "held it",
    "communication": "sent it",
    "commitment": "made it",
    "meeting": "took part",
    "request": "made it",
    "transfer": "passed it on",
}


def _ground(
    told: Told, by: Told, actor: str, how: How, words: str, *, signers: frozenset[str]
) -> Ground:
    return Ground(
        actor=actor,
        of=told.id,
        how=how,
        by=by.id,
        index=by.index,
        author=by.author,
        since=None,
        unaware_on=None,
        signers=signers,
        entitled=frozenset((party_of(actor),)),
        words=words,
    )


def _named(told: Told) -> tuple[str, ...]:
    named = getattr(told.event, "from_", None) or getattr(told.event, "by", None) or ()
    return (named,) if isinstance(named, str) else tuple(named)


def _recipients(told: Told) -> tuple[str, ...]:
    named = (getattr(told.event, "to", None) or ()) + (getattr(told.event, "cc", None) or ())
    return tuple(each for each in dict.fromkeys(named) if party_of(each) != "unknown")


def _received(told: Told) -> When | None:
    return None if isinstance(told.event, Knowledge) else date_of(told, "received")


def _is_oral(told: Told) -> bool:
    event = told.event
    if isinstance(event, Communication):
        return event.channel == "call"
    return isinstance(event, Request) and event.medium == "oral"


def unaware_until(reading: Reading, told: Told) -> dt.date | None:
    """Return the last day of which an event of knowledge tells that something was not known."""
    return _unaware(reading.when(told.id), date_of(told, "as_at"))[1]


def _unaware(when: When | None, as_at: When | None) -> tuple[str, dt.date | None]:
    """Return, in words and as a day, until when somebody is told not to have known."""
    told = [] if when is None else [format_when(when)]
    if as_at is not None:
        told.append(format_as_at(as_at))
    words = ", ".join(told) or "as at which day is not told"
    bounds = (
        None if when is None else when.end_earliest,
        None if as_at is None else as_at.earliest,
    )
    ends = [day for day in bounds if day is not None]
    return f"was not told of it, {words}", max(ends, default=None)
