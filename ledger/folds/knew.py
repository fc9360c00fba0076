"""Who knew what on a day, and whether somebody knew of one event when it did another.

Each answer is yes, no or not established, in one telling, with its grounds in words; `grounds`
says what they are and in whose telling each counts. Where grounds of one telling contradict each
other, nothing is established; nor does the word of somebody whose own grounds contradict it show
that another did not know. Nobody knew of what had not happened.

That a party held an entry when it signed (`seen`) is told beside an answer and decides none.

Source: FOLDS, "Knowledge".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ledger.dates import Answer, is_before, known_by
from ledger.folds.grounds import Ground, Grounds, actors_of, signing_day
from ledger.folds.knowledge import is_of
from ledger.folds.proven import signed_before
from ledger.folds.reading import Reading
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.view import Told
from ledger.wording import party_of
from verify.kinds import (
    Account,
    Agreement,
    Arrangement,
    Artefact,
    Commitment,
    Communication,
    Meeting,
    Position,
    Request,
    Step,
    Transfer,
)

__all__ = [
    "KnewBefore",
    "KnewOn",
    "KnewOnDay",
    "Knowing",
    "doers",
    "knew_before",
    "knew_on",
    "knew_when",
]

Knowing = Literal["knew", "did not know", "not established"]

_OF = (
    *(Account, Agreement, Arrangement, Artefact, Commitment, Communication, Meeting, Request),
    *(Step, Transfer),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnewOn:
    """Whether somebody knew of an event on a day, in one telling.

    Attributes:
        holder: Who: a party (with all its posts), or a post.
        of: The event's id.
        index: Its index.
        telling: Whose word is taken.
        answer: Whether they knew.
        grounds: What it rests on, in words; what counts in this telling, and no more.
    """

    holder: str
    of: str
    index: int
    telling: Telling
    answer: Knowing
    grounds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnewOnDay:
    """Who knew what on a day. Of whoever is not in it, nothing is told or shown.

    Attributes:
        day: The day: what is asked is how it stood at its end.
        holder: The party or post that it is limited to, if it is.
        rows: The events laid out, for each the holders by name, for each the tellings.
        later: How many events are left out, since they are of after that day.
        untold: How many are left out, since nothing is told or shown of who knew of them.
    """

    day: dt.date
    holder: str | None
    rows: tuple[KnewOn, ...]
    later: int
    untold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnewBefore:
    """The answer to "did P know X when P did Y?".

    Attributes:
        holder: Who: a party or a post.
        of: The id of the event that it may have known.
        act: The id of the event that was done.
        telling: Whose word is taken.
        answer: Yes, no, or not established.
        reasons: What it rests on, in words.
    """

    holder: str
    of: str
    act: str
    telling: Telling
    answer: Answer
    reasons: tuple[str, ...]


def knew_on(
    reading: Reading,
    *,
    day: dt.date,
    tellings: Collection[Telling],
    holder: str | None = None,
    of: str | None = None,
) -> KnewOnDay:
    """Say who knew what at the end of a day.

    Args:
        reading: The view.
        day: The day.
        tellings: Whose words are taken, one after the other and never merged.
        holder: Only what this party or post knew; None for all.
        of: Only who knew of the event with this id; None for all.
    """
    grounds = Grounds(reading)
    rows: list[KnewOn] = []
    later = untold = 0
    on_day = reading.at(day)
    asked = reading.view.told if of is None else (reading.view.by_id[of],)
    for told in reading.laid_out(t for t in asked if isinstance(t.event, _OF)):
        if reading.later(told) or on_day.later(told):
            later += 1
            continue
        found = list(_on(grounds.of(told.id), told, day=day, tellings=tellings, holder=holder))
        untold += not found
        rows += found
    return KnewOnDay(day=day, holder=holder, rows=tuple(rows), later=later, untold=untold)


def knew_before(
    reading: Reading,
    *,
    holder: str,
    of: str,
    act: str,
    telling: Telling = ESTABLISHED,
    grounds: Grounds | None = None,
) -> KnewBefore:
    """Say whether a party or post knew of one event when another was done.

    Args:
        reading: The view.
        holder: The party asked about, with all its posts; or a post.
        of: The id of the event that it may have known.
        act: The id of the event that was done.
        telling: Whose word is taken.
        grounds: Those of the reading, where somebody has them: to find them costs a pass.
    """
    before = _Before(reading, grounds or Grounds(reading), of=of, act=act, telling=telling)
    answer, reasons = before.ask(holder)
    return KnewBefore(
        holder=holder, of=of, act=act, telling=telling, answer=answer, reasons=tuple(reasons)
    )


def knew_when(
    reading: Reading,
    *,
    of: str,
    act: str,
    tellings: Collection[Telling],
    holder: str | None = None,
) -> tuple[KnewBefore, ...]:
    """Ask `knew_before` of everybody concerned, in several tellings.

    Args:
        reading: The view.
        of: The id of the event that may have been known.
        act: The id of the event that was done.
        tellings: Whose words are taken, one after the other.
        holder: The party or post asked about; None for each party whose act the second event is.
    """
    grounds = Grounds(reading)
    holders = doers(reading.view.by_id[act]) if holder is None else (holder,)
    return tuple(
        knew_before(reading, holder=each, of=of, act=act, telling=telling, grounds=grounds)
        for each in holders
        for telling in tellings
    )


def doers(told: Told) -> tuple[str, ...]:
    """Return the parties whose act an event is; of an act upon the ledger, its author."""
    named = actors_of(told) or (told.author,)
    return tuple(dict.fromkeys(map(party_of, named)))


def _on(
    grounds: Iterable[Ground],
    told: Told,
    *,
    day: dt.date,
    tellings: Collection[Telling],
    holder: str | None,
) -> Iterator[KnewOn]:
    of_holder: dict[str, list[Ground]] = {}
    for ground in grounds:
        for name in dict.fromkeys((party_of(ground.actor), ground.actor)):
            # That a party recorded it, on whatever day, would make a row for every event.
            if holder in {None, name} and (ground.how != "recorded" or ground.since is not None):
                of_holder.setdefault(name, []).append(ground)
    for name in sorted(of_holder):
        for telling in tellings:
            counting = _counting(of_holder[name], telling, lambda ground: _on_day(ground, day))
            if telling.party is None or counting:
                yield KnewOn(
                    holder=name,
                    of=told.id,
                    index=told.index,
                    telling=telling,
                    answer=_knew(counting, day),
                    grounds=tuple(dict.fromkeys(_sourced(each) for each in counting)),
                )


def _knew(grounds: Iterable[Ground], day: dt.date) -> Knowing:
    shown = {_on_day(each, day) for each in grounds}
    if ("yes" in shown) is ("no" in shown):
        return "not established"
    return "knew" if "yes" in shown else "did not know"


def _on_day(ground: Ground, day: dt.date) -> Answer:
    """Say what a ground shows of whether they knew at the end of a day; none shows both."""
    if ground.since is not None and known_by(ground.since, day) == "yes":
        return "yes"
    is_no = ground.unaware_on is not None and day <= ground.unaware_on
    return "no" if is_no else "not established"


def _counting(
    grounds: Iterable[Ground], telling: Telling, shows: Callable[[Ground], Answer]
) -> list[Ground]:
    """Return the grounds that count in a telling.

    Where all who establish that somebody did not know also sign that they did, so does what they
    sign of that: as they tell it themselves, it is not established either.
    """
    found = list(grounds)
    counting = [each for each in found if each.counts(telling)]
    if telling.party is not None:
        return counting
    against = [each for each in counting if shows(each) == "no"]
    witnesses = frozenset[str]().union(*(each.signers & each.entitled for each in against))
    if not witnesses:
        return counting
    shown = [each for each in found if shows(each) == "yes"]
    if not witnesses <= frozenset[str]().union(*(each.signers for each in shown)):
        return counting
    contrary = {id(each) for each in shown if not witnesses.isdisjoint(each.signers)}
    return [each for each in found if each.counts(telling) or id(each) in contrary]


def _sourced(ground: Ground) -> str:
    source = "signed" if ground.is_signed else "told"
    return f"{ground.words} (entry {ground.index}, {source} by {ground.author})"


class _Before:
    """Answers whether somebody knew of one event when another was done, in one telling."""

    def __init__(
        self, reading: Reading, grounds: Grounds, *, of: str, act: str, telling: Telling
    ) -> None:
        self._reading = reading
        self._of = reading.view.by_id[of]
        self._act = reading.view.by_id[act]
        self._telling = telling
        self._grounds = grounds
        links = self._act.event.links or ()
        enclosed = (link.event for link in links if link.rel == "encloses")
        # What an act encloses was done by then.
        self._parts = (act, *(each for each in enclosed if each in reading.view.by_id))
        self._done = reading.when(act)
        if self._done is None and isinstance(self._act.event, Position):
            self._done = signing_day(reading.view, self._act)  # it is done by being signed

    def ask(self, holder: str) -> tuple[Answer, list[str]]:
        for told in (self._act, self._of):
            if not self._is_told(told):
                return "not established", [self._untold(told)]
        if self._reading.order.before(self._act.id, self._of.id) == "yes":
            return "no", [f"entry {self._of.index} happened only after entry {self._act.index}"]
        found: dict[Answer, list[str]] = {"yes": [], "no": [], "not established": []}
        theirs = (each for each in self._grounds.of(self._of.id) if is_of(each.actor, holder))
        for ground in _counting(theirs, self._telling, lambda ground: self._weigh(ground)[0]):
            answer, words = self._weigh(ground)
            found[answer].append(f"{_sourced(ground)}: {words}")
        answer = self._sum(found)
        reasons = found[answer] or ["nothing that counts here is told or shown of it"]
        if answer == "not established" and found["yes"]:
            reasons = [*found["yes"], *found["no"], "these contradict each other"]
        return answer, [*reasons, *self._held(holder)]

    @staticmethod
    def _sum(found: dict[Answer, list[str]]) -> Answer:
        if bool(found["yes"]) is bool(found["no"]):
            return "not established"
        return "yes" if found["yes"] else "no"

    def _is_told(self, told: Told) -> bool:
        """Tell whether an event can be asked about: as told, unless this party denies it."""
        if self._telling.party is None:
            return not self._reading.stances.signers(told).isdisjoint(doers(told))
        return self._reading.stances.denial(told.id, (self._telling.party,)) is None

    def _untold(self, told: Told) -> str:
        if self._telling.party is None:
            return f"nobody whose act entry {told.index} is has signed it"
        return f"{self._telling.party} denies entry {told.index}"

    def _weigh(self, ground: Ground) -> tuple[Answer, str]:
        """Say what a ground shows of the time of the act."""
        act = f"entry {self._act.index}"
        if ground.how in {"could", "disclaims"}:
            return "not established", "that shows nothing of whether it knew of it"
        if ground.unaware_on is not None or ground.how in {"learned", "unaware"}:
            last = None if self._done is None else self._done.begin_latest
            by_day = (
                ground.unaware_on is not None and last is not None and last <= ground.unaware_on
            )
            if by_day or (ground.how == "learned" and self._is_before(self._act.id, ground.by)):
                return "no", f"{act} was done by then"
            return "not established", f"whether {act} was done by then is not established"
        if self._was_before(ground):
            return "yes", f"that was {'by' if ground.by == self._act.id else 'before'} {act}"
        return "not established", f"that it was before {act} is not established"

    def _was_before(self, ground: Ground) -> bool:
        if (
            ground.since is not None
            and self._done is not None
            and (is_before(ground.since, self._done) == "yes")
        ):
            return True
        if ground.by == self._act.id and ground.how == "replied":
            return True
        if ground.how in {"did", "replied", "told"}:
            return any(self._is_before(ground.by, each) for each in self._parts)
        if ground.is_signed and isinstance(self._act.event, Position):
            by = self._reading.view.by_id[ground.by]
            if (by.author, by.first) == (self._act.author, self._act.first):
                return True  # one signature stands under both
            return signed_before(self._reading.view, by, self._act) == "yes"
        return False

    def _is_before(self, first: str, second: str) -> bool:
        return self._reading.order.before(first, second) == "yes"

    def _held(self, holder: str) -> Iterator[str]:
        """Tell what the act's own signature proves of order, and of nothing else."""
        party = party_of(holder)
        if self._act.author != party or self._act.seen_size <= self._of.index:
            return
        yield (
            f"{party} signed entry {self._act.index} when it held entry {self._of.index}: that "
            "shows that its signature is later, never that anyone had read it"
        )
