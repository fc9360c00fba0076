"""What a reading is made of, found out from scratch by looking at every event: judges what grows.

Shares no code with the folds that grow, but for what reads a single event.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ledger.dates import When, instant_s, uk_time
from ledger.folds import moments, order
from ledger.folds.moments import Moment, date_of
from ledger.view import Told, View
from verify.claims import File
from verify.kinds import Artefact, Communication, Knowledge, Opening, Position

__all__ = ["dates_of", "exhibits_of", "handed_over_of", "holders_of", "laid_out", "standing"]

_DAY_S = 86_400
_Bounds = order._Bounds


def standing(
    view: View,
) -> tuple[dict[str, tuple[tuple[Told, Position], ...]], dict[str, Told]]:
    """Find out which responses stand to each event, and what is withdrawn by which.

    A response can itself be withdrawn, so they are read from the last to the first.
    """
    withdrawn: dict[str, Told] = {}
    found: dict[str, list[tuple[Told, Position]]] = {}
    for told in reversed(view.told):
        position = told.event
        if not isinstance(position, Position) or told.id in withdrawn:
            continue
        if (
            position.stance in {"retract_own", "disown"}
            and position.field is None
            and position.items is None
        ):
            withdrawn.setdefault(position.on, told)
            continue
        found.setdefault(position.on, []).append((told, position))
    return {event_id: tuple(reversed(each)) for event_id, each in found.items()}, withdrawn


def dates_of(view: View) -> dict[str, Moment]:
    """Return the date that stands for each event, by id; events that nothing dates are not there.

    An event without dates of its own takes those of the first communication that encloses it;
    knowledge is bounded by what it came by.
    """
    dated = {told.id: best for told in view.told if (best := moments._best(told)) is not None}
    for told in view.told:
        lent = dated.get(told.id)
        if lent is None or not isinstance(told.event, Communication):
            continue
        for link in told.event.links or ():
            if link.rel == "encloses" and link.event in view.by_id:
                dated.setdefault(link.event, Moment(lent.role, lent.when, told.id))
    for told in view.told:
        if isinstance(told.event, Knowledge) and told.id not in dated:
            bound = _came_by(view, dated, told.event)
            if bound is not None:
                dated[told.id] = bound
    return dated


def _came_by(view: View, dated: Mapping[str, Moment], event: Knowledge) -> Moment | None:
    """Bound undated knowledge by what it came by: its receipt, or else not before its date."""
    via = view.by_id.get(event.via or "")
    if via is None:
        return None
    received = date_of(via, "received")
    if received is not None:
        return Moment("received", received, via.id)
    if via.id not in dated:
        return None
    when = dated[via.id].when
    day = when.begin_earliest
    if day is None:
        return None
    # What is dated on a day can be received on that day or any later one.
    late = replace(
        when,
        edtf=f"[{day.isoformat()}..]",
        basis="inferred",
        phrase=None,
        kind="point",
        begin_latest=None,
        end_earliest=day,
        end_latest=None,
    )
    return Moment("received", late, via.id)


def laid_out(
    view: View, dates: Mapping[str, Moment]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Lay the events of a view out; return the links as well that the dates make impossible."""
    whens = {told.id: dates[told.id].when for told in view.told if told.id in dates}
    instants = {
        event_id: at for event_id, when in whens.items() if (at := instant_s(when)) is not None
    }
    own = {told.id: _own_bounds(whens.get(told.id)) for told in view.told}
    after, refused = _edges(view, own, instants)
    bounds = _tighten(view, own, after)
    return tuple(_lay_out(view, instants, after, bounds)), refused


def _own_bounds(when: When | None) -> _Bounds:
    if when is None:
        return _Bounds(None, None)
    at_s = instant_s(when)
    if at_s is None or when.begin_earliest is None:
        return _Bounds(when.begin_earliest, when.begin_latest)
    # Against a day without a time, the day as written, in UTC and in the United Kingdom can all be.
    days = when.begin_earliest, dt.date.fromordinal(at_s // _DAY_S), uk_time(at_s)[0]
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
        for earlier in dict.fromkeys(e for e in order._earlier(told) if e in own):
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
        told.id: (order._place(bounds[told.id], instants.get(told.id)), order._content(told))
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


def holders_of(view: View) -> dict[str, tuple[tuple[Told, str], ...]]:
    """Return the open claims that hold a file, by its SHA-256: event and name."""
    found: dict[str, list[tuple[Told, str]]] = {}
    for told in view.told:
        for name, value in told.claims.items():
            if isinstance(value, File):
                found.setdefault(value.sha256, []).append((told, name))
    return {sha256: tuple(each) for sha256, each in found.items()}


def exhibits_of(view: View) -> dict[str, tuple[Told, ...]]:
    """Return the artefacts that are put in as evidence or minutes of an event, by its id."""
    found: dict[str, list[Told]] = {}
    for told in view.told:
        if isinstance(told.event, Artefact):
            for link in told.event.links or ():
                if link.rel in {"evidences", "minutes_of"}:
                    found.setdefault(link.event, []).append(told)
    return {target: tuple(each) for target, each in found.items()}


def handed_over_of(view: View) -> dict[tuple[str, str], int]:
    """Return the index at which a claim that was withheld is handed over, by event and name."""
    found: dict[tuple[str, str], int] = {}
    for told in view.told:
        if isinstance(told.event, Opening):
            for name in told.event.names or ():
                found.setdefault((told.event.of, name), told.index)
    return found
