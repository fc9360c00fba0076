"""The order of events, as far as it is established.

One event is before another when their dates leave no other possibility, or when the ledger's
links say so (`follows`, `replies_to`, a step after the request or promise it moves, knowledge
after what it came by), or by any chain of these. Everything else is not established; it is then
laid out by date, then by what the event says, never by when somebody recorded it, so that the same
facts recorded in another order give the same chronology.

Links are followed as their authors state them. A link that the dates make impossible is left out
and reported.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ledger.dates import Answer, Bound, When, instant_s
from ledger.folds.moments import Moment
from ledger.view import Told, View
from verify.events import Knowledge, Step

__all__ = ["Order", "order_of"]

_LINKS = frozenset(("follows", "replies_to"))
_STEPS = frozenset(("request", "commitment"))

_Place = tuple[dt.date, int, dt.date, int, int]


@dataclass(frozen=True, slots=True)
class _Bounds:
    """When an event began: its own dates, tightened by those it must be after or before."""

    lo: Bound
    hi: Bound


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of the order of a view's events.

    Attributes:
        sequence: Every event id, laid out: what is before comes before.
        after: For each event, those that links put just before it.
        refused: Links whose order the dates make impossible: (earlier, later).
    """

    sequence: tuple[str, ...]
    after: Mapping[str, tuple[str, ...]]
    refused: tuple[tuple[str, str], ...]
    _bounds: Mapping[str, _Bounds]
    _instants: Mapping[str, int]
    _ranks: Mapping[str, int]

    def before(self, first: str, second: str) -> Answer:
        """Say whether the event `first` happened (a span: began) before `second`."""
        if first == second:
            return "no"
        if self._surely(first, second):
            return "yes"
        if self._surely(second, first):
            return "no"
        return "not established"

    def bounds(self, event_id: str) -> tuple[Bound, Bound]:
        """Return the first and the last day on which an event can have begun; None if unbounded.

        By its own date, and by those of the events that links put before and after it.
        """
        own = self._bounds[event_id]
        return own.lo, own.hi

    def _surely(self, first: str, second: str) -> bool:
        one, other = self._instants.get(first), self._instants.get(second)
        if one is not None and other is not None and one != other:
            return one < other
        hi, lo = self._bounds[first].hi, self._bounds[second].lo
        if hi is not None and lo is not None and hi < lo:
            return True
        return self._linked(first, second)

    def _linked(self, first: str, second: str) -> bool:
        waiting, seen = [second], {second}
        while waiting:
            for earlier in self.after.get(waiting.pop(), ()):
                if earlier == first:
                    return True
                # Links lead to earlier entries only: what was told before `first` cannot follow it.
                if earlier not in seen and self._ranks[earlier] > self._ranks[first]:
                    seen.add(earlier)
                    waiting.append(earlier)
        return False


def order_of(view: View, dates: Mapping[str, Moment]) -> Order:
    """Work out the order of all events of a view.

    Args:
        view: The events.
        dates: The date that stands for each, by id (`moments.main_dates`).
    """
    whens = {told.id: dates[told.id].when for told in view.told if told.id in dates}
    instants = {
        event_id: at for event_id, when in whens.items() if (at := instant_s(when)) is not None
    }
    own = {told.id: _own_bounds(whens.get(told.id)) for told in view.told}
    after, refused = _edges(view, own, instants)
    bounds = _tighten(view, own, after)
    return Order(
        sequence=tuple(_lay_out(view, instants, after, bounds)),
        after=after,
        refused=refused,
        _bounds=bounds,
        _instants=instants,
        _ranks={told.id: rank for rank, told in enumerate(view.told)},
    )


def _own_bounds(when: When | None) -> _Bounds:
    if when is None:
        return _Bounds(None, None)
    at_s = instant_s(when)
    if at_s is None or when.begin_earliest is None:
        return _Bounds(when.begin_earliest, when.begin_latest)
    # Against a day without a time, the day as written and the day in UTC are both possible.
    days = when.begin_earliest, dt.date.fromordinal(at_s // _DAY_S)
    return _Bounds(min(days), max(days))


def _edges(
    view: View, own: Mapping[str, _Bounds], instants: Mapping[str, int]
) -> tuple[dict[str, tuple[str, ...]], tuple[tuple[str, str], ...]]:
    """Read the links, leaving out each that the dates make impossible.

    An event is no earlier than all that is linked before it, and a link is impossible when that
    is later than the last day of what it leads to. So whatever is kept can hold at once. Events
    stand in the view after those that they refer to, whoever recorded them first.
    """
    lows = {event_id: bounds.lo for event_id, bounds in own.items()}
    clocks = dict(instants)
    after: dict[str, tuple[str, ...]] = {}
    refused: list[tuple[str, str]] = []
    for told in view.told:
        hi, at_s = own[told.id].hi, instants.get(told.id)
        kept: list[str] = []
        for earlier in dict.fromkeys(e for e in _earlier(told) if e in own):
            low, clock = lows[earlier], clocks.get(earlier)
            late = low is not None and hi is not None and low > hi
            if late or (clock is not None and at_s is not None and clock > at_s):
                refused.append((earlier, told.id))
                continue
            kept.append(earlier)
        known = [low for e in (told.id, *kept) if (low := lows[e]) is not None]
        lows[told.id] = max(known, default=None)
        timed = [clocks[e] for e in (told.id, *kept) if e in clocks]
        if timed:
            clocks[told.id] = max(timed)
        if kept:
            after[told.id] = tuple(kept)
    return after, tuple(sorted(refused))


def _earlier(told: Told) -> Iterator[str]:
    for link in told.event.links or ():
        if link.rel in _LINKS and link.ledger is None:
            yield link.event
    if isinstance(told.event, Step) and told.event.target in _STEPS:
        yield told.event.of
    if isinstance(told.event, Knowledge) and told.event.via is not None:
        yield told.event.via


def _tighten(
    view: View, own: Mapping[str, _Bounds], after: Mapping[str, tuple[str, ...]]
) -> dict[str, _Bounds]:
    """Carry bounds along links."""
    bounds: dict[str, _Bounds] = {}
    for told in view.told:
        lows = [low for e in after.get(told.id, ()) if (low := bounds[e].lo) is not None]
        mine = own[told.id]
        lows += [] if mine.lo is None else [mine.lo]
        bounds[told.id] = replace(mine, lo=max(lows, default=None))
    for told in reversed(view.told):
        hi = bounds[told.id].hi
        for earlier in after.get(told.id, ()):
            mine = bounds[earlier]
            if hi is not None and (mine.hi is None or hi < mine.hi):
                bounds[earlier] = replace(mine, hi=hi)
    return bounds


def _lay_out(
    view: View,
    instants: Mapping[str, int],
    after: Mapping[str, tuple[str, ...]],
    bounds: Mapping[str, _Bounds],
) -> Iterator[str]:
    places = {
        told.id: (_place(bounds[told.id], instants.get(told.id)), _content(told))
        for told in view.told
    }
    missing = {told.id: len(after.get(told.id, ())) for told in view.told}
    later: dict[str, list[str]] = {}
    for event_id, earlier in after.items():
        for each in earlier:
            later.setdefault(each, []).append(event_id)
    ready = [(*places[event_id], event_id) for event_id, count in missing.items() if count == 0]
    heapq.heapify(ready)
    while ready:
        event_id = heapq.heappop(ready)[-1]
        yield event_id
        for each in later.get(event_id, ()):
            missing[each] -= 1
            if missing[each] == 0:
                heapq.heappush(ready, (*places[each], each))


def _place(bounds: _Bounds, at_s: int | None) -> _Place:
    """Give the place by date: what is known to a year only stands at the end of that year.

    Whatever is established to be before something else has the smaller place: the first day
    given here is never after `hi`, nor before `lo`.
    """
    lo, hi = bounds.lo, bounds.hi
    vague = lo is not None and hi is not None and (hi - lo).days >= _WHOLE_YEAR
    first = hi if vague else lo or hi
    return (
        first or dt.date.max,
        0 if lo is None else 2 if vague else 1,
        hi or dt.date.max,
        0 if at_s is None else 1,
        at_s or 0,
    )


_DAY_S = 86_400
_WHOLE_YEAR = 364
_KINDS = (
    *("communication", "meeting", "request", "commitment", "agreement", "arrangement", "artefact"),
    *("step", "transfer", "knowledge", "account", "attestation", "position"),
)
_VERBS = (
    *("draft", "propose", "establish", "acknowledge", "seek_clarification", "clarify", "narrow"),
    *("extend", "defer", "resume", "chase", "escalate", "answer", "refuse", "transfer", "sign"),
    *("part_fulfil", "fulfil", "confirm", "claim_unfulfilled", "review", "withdraw"),
)


def _content(told: Told) -> tuple[int, int, str, str]:
    """Give what is known of an event beside its date, to lay out events of one date."""
    verb = told.event.verb if isinstance(told.event, Step) else ""
    return (
        _KINDS.index(told.kind) if told.kind in _KINDS else len(_KINDS),
        _VERBS.index(verb) if verb in _VERBS else len(_VERBS),
        told.author,
        told.text("title") or told.text("subject") or told.text("text") or "",
    )
