"""Arrangements: forums and facilities, who is in them, who chairs, and whether they are at work.

    named        it is told of, and nothing more
    established  (establish)
    dormant      put to rest, and not closed                  (dormant)
    closed       (close)
    claimed      only told by parties that it does not name
    withdrawn    its author took it back

In what is established, that it was set up, put to rest, closed or given terms is the word of its
operator, or where it has none of any member; if another of them denies that, it is not
established. Who is a member or leaves is that party's own word, and who chairs, where one of those
who are named or were asked in has signed that. A meeting that is told of with its chair shows who
then chaired it. A forum that rests is still one: its members stay.

How many meetings there were is given as least and most. Meetings told as having gone on for a
time, without a number, are at least one; two that can have been on one day can be one.

Source: FOLDS, "Arrangements".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from typing import Literal

from ledger.dates import Answer, When
from ledger.folds.deeds import Deed, claim_of, deeds_of, is_elsewhere
from ledger.folds.moments import Moment
from ledger.folds.points import MOST, Point, every, holds, negated
from ledger.folds.reading import Days, Reading
from ledger.folds.request_rows import Claim
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.view import Told
from ledger.wording import party_of
from verify.kinds import Arrangement, Meeting

__all__ = [
    "ArrangementRow",
    "ArrangementStage",
    "ArrangementState",
    "Arrangements",
    "Facility",
    "Met",
    "Seat",
    "fold_arrangements",
]

ArrangementState = Literal["claimed", "closed", "dormant", "established", "named", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A member, or a chair.

    Attributes:
        actor: Who.
        answer: Whether it was so on the day asked.
        signed: Whether its own signature stands behind it.
        id: The id of the event by which it became so.
        index: Its index.
        when: Its date; None if nothing dates it.
    """

    actor: str
    answer: Answer
    signed: bool
    id: str
    index: int
    when: When | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A meeting, or several told as one.

    Attributes:
        id: Its event id.
        index: Its index.
        when: When; None if nothing dates it.
        count: How many it was; None where that is not told.
        chair: Who chaired it, if that is told.
        minutes: Whether there are minutes: yes, no, unknown.
    """

    id: str
    index: int
    when: When | None
    count: int | None
    chair: str | None
    minutes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangementStage:
    """A step of an arrangement that counts.

    Attributes:
        verb: What was done.
        id: The step's event id.
        index: Its index.
        when: When; None if nothing dates it.
        actors: Whose act it was, or who joined, left or chaired; none where that is not told.
        denied: Whether another of its members denies it.
    """

    verb: str
    id: str
    index: int
    when: When | None
    actors: tuple[str, ...]
    denied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangementRow:
    """One arrangement.

    Attributes:
        id: Its event id.
        index: Its index.
        author: The party that tells it.
        type: `forum` or `facility`.
        operator: Who runs it, if that is told.
        made: The date that stands for it.
        state: Where it stands as at the day asked.
        since: The id of the event that brought it there.
        at_work: Whether on the day asked it was set up, and neither at rest nor closed.
        dormant: Whether it was at rest.
        closed: Whether it was closed.
        members: Its members, by name.
        chairs: Who chairs, or did, laid out by date.
        terms: The ids of the steps that gave it its terms.
        meetings: Its meetings, laid out by date.
        met: How many meetings, least and most; None where nothing says how many at most.
        course: The steps that count, laid out by date.
        claims: The steps that moved nothing.
    """

    id: str
    index: int
    author: str
    type: str
    operator: str | None
    made: Moment | None
    state: ArrangementState
    since: str
    at_work: Answer
    dormant: Answer
    closed: Answer
    members: tuple[Seat, ...]
    chairs: tuple[Seat, ...]
    terms: tuple[str, ...]
    meetings: tuple[Met, ...]
    met: Days
    course: tuple[ArrangementStage, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangements:
    """All arrangements in one telling.

    Attributes:
        telling: Whose word is taken.
        rows: The arrangements, laid out as in the chronology.
        later: How many are left out, since they are of after the day asked.
        elsewhere: How many are left out, since this party tells nothing of them.
    """

    telling: Telling
    rows: tuple[ArrangementRow, ...]
    later: int
    elsewhere: int


def fold_arrangements(reading: Reading, *, telling: Telling = ESTABLISHED) -> Arrangements:
    """Fold all arrangements.

    Args:
        reading: The view, read as at a day.
        telling: Whose word is taken.
    """
    rows: list[ArrangementRow] = []
    later = elsewhere = 0
    meetings = _meetings(reading)
    point = Point(reading, reading.as_at)
    for told in reading.laid_out(t for t in reading.view.told if isinstance(t.event, Arrangement)):
        if reading.later(told):
            later += 1
        elif isinstance(told.event, Arrangement):
            body = _Body(reading, told, told.event, telling)
            row = _row(body, point, meetings.get(told.id, ()))
            if is_elsewhere(reading, told, telling) and not row.meetings:
                elsewhere += 1
            else:
                rows.append(row)
    return Arrangements(telling=telling, rows=tuple(rows), later=later, elsewhere=elsewhere)


class Facility:
    """An arrangement in one telling, to be asked for the moments of many events."""

    def __init__(self, reading: Reading, arrangement: Told, telling: Telling) -> None:
        """Take the steps of `arrangement` that count in `telling`."""
        self._reading = reading
        self._body = (
            _Body(reading, arrangement, arrangement.event, telling)
            if isinstance(arrangement.event, Arrangement)
            else None
        )

    def set_up_at(self, event: str) -> Answer:
        """Say whether it was set up, and not closed, at the moment of an event."""
        if self._body is None:
            return _OPEN
        return _state_at(self._body, Point(self._reading, event=event), "establish", ("close",))


_Pair = tuple[Told, Meeting]

_OPEN: Answer = "not established"
_MOST_HELD = 32  # meetings by which one is shown to have the chair: the last ones
_STATES: dict[str, ArrangementState] = {
    "establish": "established",
    "dormant": "dormant",
    "close": "closed",
}
_OF_ALL = frozenset(("terms", *_STATES))


class _Body:
    """An arrangement and the steps of it that count in a telling."""

    def __init__(self, reading: Reading, told: Told, event: Arrangement, telling: Telling) -> None:
        self.reading = reading
        self.told = told
        self.event = event
        self.telling = telling
        self.named = self._named()
        self.entitled = parties_of(event.operator) or self.named
        deeds, claims = deeds_of(reading, told, telling)
        self.deeds = tuple(deed for deed in deeds if self._is_theirs(deed))
        strangers = [deed for deed in deeds if not self._is_theirs(deed)]
        self.claims = (*claims, *(claim_of(deed, "it was not theirs to do") for deed in strangers))

    def _named(self) -> frozenset[str]:
        """Return those whom it concerns; a stranger's word that it joined makes it none of them."""
        named = first = parties_of(self.event.members, self.event.operator)
        for told, step in self.reading.steps.get(self.told.id, ()):
            if step.verb in {"establish", "join"} and step.members:
                signers = self.reading.stances.signers(told)
                if not first or not signers.isdisjoint(named):
                    named |= parties_of(step.members)
        return named

    def _is_theirs(self, deed: Deed) -> bool:
        # Who takes the chair, one of those whom it concerns must have signed.
        entitled = self.named if deed.verb == "chair" else self.entitled
        is_anybodys = deed.verb not in {"chair", *_OF_ALL}
        if self.telling.party is not None or is_anybodys or not entitled:
            return True
        return not self.reading.stances.signers(deed.told).isdisjoint(entitled)

    def of(self, *verbs: str) -> tuple[Deed, ...]:
        if verbs not in self._of:
            self._of[verbs] = tuple(deed for deed in self.deeds if deed.verb in verbs)
        return self._of[verbs]

    @cached_property
    def _of(self) -> dict[tuple[str, ...], tuple[Deed, ...]]:
        return {}

    @cached_property
    def closings(self) -> tuple[str, ...]:
        """The ids of the steps that close it and that nobody entitled denies."""
        return tuple(deed.id for deed in self.of("close") if not self.denied(deed))

    def in_doubt(self, point: Point, *verbs: str) -> bool:
        """Tell whether a step that somebody entitled denies can have been by then."""
        if verbs not in self._doubted:
            denied = tuple(deed.id for deed in self.of(*verbs) if self.denied(deed))
            self._doubted[verbs] = denied
        doubted = self._doubted[verbs]
        return len(doubted) > MOST or any(point.had(each) != "no" for each in doubted)

    @cached_property
    def _doubted(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        return {}

    @cached_property
    def leavings(self) -> dict[str, list[Deed]]:
        """The steps by which each is told to have left."""
        found: dict[str, list[Deed]] = {}
        for deed in self.of("leave"):
            for name in deed.step.members or deed.doers:
                found.setdefault(name, []).append(deed)
        return found

    def denied(self, deed: Deed) -> bool:
        """Tell whether another of those entitled denies a step, in what is established."""
        if self.telling.party is not None or deed.verb not in _OF_ALL:
            return False
        if deed.id not in self._denied:
            others = self.entitled - self.reading.stances.signers(deed.told)
            self._denied[deed.id] = self.reading.stances.denial(deed.id, others) is not None
        return self._denied[deed.id]

    @cached_property
    def _denied(self) -> dict[str, bool]:
        return {}

    def counts(self, told: Told, party: str) -> bool:
        """Tell whether what an event says of a party counts as so."""
        signers = self.reading.stances.signers(told)
        return (party if self.telling.party is None else self.telling.party) in signers


def _row(body: _Body, point: Point, meetings: Sequence[_Pair]) -> ArrangementRow:
    told, event, reading = body.told, body.event, body.reading
    held = [pair for pair in meetings if _is_held(body, pair[0])]
    told_of = [_met(reading, each, meeting) for each, meeting in held]
    state, since = _state(body)
    return ArrangementRow(
        id=told.id,
        index=told.index,
        author=told.author,
        type=event.type,
        operator=event.operator,
        made=reading.dates.get(told.id),
        state=state,
        since=since,
        at_work=_state_at(body, point, "establish", ("dormant", "close")),
        dormant=_state_at(body, point, "dormant", ("establish", "close")),
        closed=_state_at(body, point, "close", ("establish",)),
        members=_members(body, point),
        chairs=_chairs(body, point, held),
        terms=tuple(deed.id for deed in body.of("terms")),
        meetings=tuple(told_of),
        met=_count(told_of),
        course=tuple(_stage(body, deed) for deed in body.deeds),
        claims=body.claims,
    )


def _state(body: _Body) -> tuple[ArrangementState, str]:
    signers = body.reading.stances.signers(body.told)
    behind = signers.union(*(deed.doers for deed in body.deeds))
    if body.telling.party is None and behind.isdisjoint(body.named or behind):
        return "claimed" if signers else "withdrawn", body.told.id
    last = [deed for deed in body.of(*_STATES) if not body.denied(deed)][-1:]
    return (_STATES[last[0].verb], last[0].id) if last else ("named", body.told.id)


def _state_at(body: _Body, point: Point, begins: str, ends: Iterable[str]) -> Answer:
    began, ended = body.of(begins), body.of(*ends)
    answer = holds(point, began=(d.id for d in began), ended=(d.id for d in ended))
    if body.in_doubt(point, begins, *ends):
        return _OPEN
    # That nothing is told of its being set up does not show that it was not.
    return _OPEN if begins == "establish" and not began else answer


def _members(body: _Body, point: Point) -> tuple[Seat, ...]:
    joined: dict[str, list[Told]] = {actor: [] for actor in body.event.members or ()}
    for told, step in body.reading.steps.get(body.told.id, ()):
        joining = step.members or ((step.by or told.author,) if step.verb == "join" else ())
        for actor in joining if step.verb in {"establish", "join"} else ():
            joined.setdefault(actor, []).append(told)

    @cache  # those who joined together stand alike
    def lasted(began: tuple[str, ...], left: tuple[str, ...]) -> Answer:
        return holds(point, began=began, ended=chain(body.closings, left))

    in_doubt = body.in_doubt(point, "close")
    seats = []
    for actor, found in sorted(joined.items()):
        began, answer = _member(body, point, actor, found, lasted)
        answer = _unless_closed(answer, in_doubt=in_doubt)
        seats.append(_seat(body, actor, began or found or [body.told], answer))
    return tuple(seats)


def _member(
    body: _Body,
    point: Point,
    actor: str,
    joined: Sequence[Told],
    lasted: Callable[[tuple[str, ...], tuple[str, ...]], Answer],
) -> tuple[list[Told], Answer]:
    """Say by what somebody became a member, as far as it counts, and whether it still was one."""
    party = party_of(actor)
    began = [told for told in joined if body.counts(told, party)]
    left = tuple(
        deed.id
        for name in dict.fromkeys((actor, party))
        for deed in body.leavings.get(name, ())
        if body.counts(deed.told, party)
    )
    if began:
        return began, lasted(tuple(told.id for told in began), left)
    if actor in (body.event.members or ()) and body.counts(body.told, party):
        # Named with all others, and no step says since when: it was one until it left.
        ended = (negated(point.had(each)) for each in (*body.closings, *left))
        return [body.told], every([point.had(body.told.id), *ended])
    # Only others tell that it was one. If it was, by its own word it is none any more.
    has_left = any(point.had(each) == "yes" for each in left)
    told_in = tuple(told.id for told in joined or (body.told,))
    return [], "no" if has_left and lasted(told_in, left) == "no" else _OPEN


def _chairs(body: _Body, point: Point, meetings: Sequence[_Pair]) -> tuple[Seat, ...]:
    in_doubt = body.in_doubt(point, "close")
    taken: dict[str, list[Deed]] = {}
    for deed in body.of("chair"):
        taken.setdefault(deed.step.by or deed.told.author, []).append(deed)
    chaired: dict[str, list[str]] = {}
    for told, meeting in meetings:
        chaired.setdefault(meeting.chair or "", []).append(told.id)
    seats: list[Seat] = []
    for actor, own in taken.items():
        held = chaired.get(actor, [])
        began = (*(deed.id for deed in own), *held[-_MOST_HELD:])
        others = (d.id for name, each in taken.items() if name != actor for d in each)
        answer = holds(point, began=began, ended=chain(body.closings, others))
        if answer == "no" and len(held) > _MOST_HELD:
            answer = _OPEN  # an earlier meeting can have been after what ended it
        answer = _unless_closed(answer, in_doubt=in_doubt)
        seats.append(_seat(body, actor, [own[0].told], answer))
    return tuple(seats)


def _unless_closed(answer: Answer, *, in_doubt: bool) -> Answer:
    """Return an answer, left open where one tells of a closing and another denies it."""
    return _OPEN if answer == "yes" and in_doubt else answer


def _seat(body: _Body, actor: str, found: Sequence[Told], answer: Answer) -> Seat:
    dated = [each for each in found if body.reading.when(each.id) is not None]
    told = (dated or found)[0]
    signers = [body.reading.stances.signers(each) for each in found]
    return Seat(
        actor=actor,
        answer=answer,
        signed=any(party_of(actor) in each for each in signers),
        id=told.id,
        index=told.index,
        when=body.reading.when(told.id),
    )


def _stage(body: _Body, deed: Deed) -> ArrangementStage:
    actors = deed.step.members or (() if deed.step.by is None else (deed.step.by,))
    return ArrangementStage(
        verb=deed.verb,
        id=deed.id,
        index=deed.told.index,
        when=body.reading.when(deed.id),
        actors=actors,
        denied=body.denied(deed),
    )


# Meetings


def _meetings(reading: Reading) -> dict[str, tuple[_Pair, ...]]:
    """Return the meetings about each arrangement, by its id, laid out; none of after the day."""
    found: dict[str, dict[str, _Pair]] = {}
    for told in reading.laid_out(t for t in reading.view.told if isinstance(t.event, Meeting)):
        if not isinstance(told.event, Meeting) or reading.later(told):
            continue
        for link in told.event.links or ():
            if link.rel == "about" and link.ledger is None:
                found.setdefault(link.event, {})[told.id] = (told, told.event)
    return {target: tuple(each.values()) for target, each in found.items()}


def _is_held(body: _Body, told: Told) -> bool:
    signers = body.reading.stances.signers(told)
    if body.telling.party is not None:
        return body.telling.party in signers
    return not signers.isdisjoint(body.named or signers)


def _met(reading: Reading, told: Told, event: Meeting) -> Met:
    when = reading.when(told.id)
    several = when is not None and when.kind == "span"
    return Met(
        id=told.id,
        index=told.index,
        when=when,
        count=event.count or (None if several else 1),
        chair=event.chair,
        minutes=event.minutes or "unknown",
    )


def _count(meetings: Sequence[Met]) -> Days:
    """Count meetings: least and most."""
    counts = [each.count for each in meetings]
    known = [count for count in counts if count is not None]
    most = sum(known) if len(known) == len(counts) else None
    single = [each.when for each in meetings if each.count == 1]
    least = max([*known, _apart(single)], default=0)
    return max(least, 1 if meetings else 0), most


def _apart(whens: Iterable[When | None]) -> int:
    """Count the most that cannot have been on one day with another of them."""
    bounded = [w for w in whens if w is not None and w.earliest and w.latest]
    count, last = 0, None
    for when in sorted(bounded, key=lambda w: (w.latest or w.earliest, w.earliest)):
        if last is None or (when.earliest is not None and when.earliest > last):
            count, last = count + 1, when.latest
    return count
