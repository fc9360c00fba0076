"""Search: the events of a view that somebody asks for.

Only what stands clear in events is searched, never claims: so whoever reads finds the same
events, and the same search of the same size finds the same for ever.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ledger.folds.moments import Moment
from ledger.folds.positions import named_parties
from ledger.view import Told, View
from verify.events import references
from verify.kinds import GOVERNANCE, Account, Erasure, Event, Hold

__all__ = ["Search", "search", "thread_of"]

_CITING = (*GOVERNANCE, Account, Erasure, Hold)
"""Kinds that name events without carrying on what they are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What somebody looks for; what is None is not asked.

    Attributes:
        party: The party that signed it or is named in it.
        kind: Its kind, without version.
        since: Its date is, or can be, on this day or later.
        until: Its date is, or can be, on this day or earlier.
        thread: The id of an event; it is that one, or joined to it by what events refer to.
        digits: The first digits of its id.
    """

    party: str | None = None
    kind: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    thread: str | None = None
    digits: str | None = None


def search(view: View, wanted: Search, *, dates: Mapping[str, Moment]) -> tuple[Told, ...]:
    """Return the events that are looked for, in ledger order.

    Args:
        view: The events.
        wanted: What is looked for.
        dates: The date that stands for each, by id. What has none is on no day.
    """
    thread = None if wanted.thread is None else thread_of(view, wanted.thread)
    return tuple(
        told
        for told in view.told
        if (thread is None or told.id in thread) and _matches(told, wanted, dates)
    )


def thread_of(view: View, event_id: str) -> frozenset[str]:
    """Return the ids of all events that are joined to one, by whatever refers to what.

    What only cites joins nothing: governance, accounts, erasures and holds are in no thread but
    their own.
    """
    joined: dict[str, list[str]] = {}
    for told in view.told:
        for other in _joins(told.event):
            joined.setdefault(told.id, []).append(other)
            joined.setdefault(other, []).append(told.id)
    found = {event_id} & view.by_id.keys()
    waiting = list(found)
    while waiting:
        for other in joined.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return frozenset(found)


def _joins(event: Event) -> Iterator[str]:
    if not isinstance(event, _CITING):
        yield from (other for _, other in references(event))


def _matches(told: Told, wanted: Search, dates: Mapping[str, Moment]) -> bool:
    if wanted.kind not in {None, told.kind}:
        return False
    if wanted.digits is not None and not told.id.startswith(wanted.digits):
        return False
    party = wanted.party
    if party is not None and party != told.author and party not in named_parties(told.event):
        return False
    return (wanted.since is None and wanted.until is None) or _overlaps(
        dates.get(told.id), wanted.since, wanted.until
    )


def _overlaps(moment: Moment | None, since: dt.date | None, until: dt.date | None) -> bool:
    if moment is None:
        return False
    earliest, latest = moment.when.earliest, moment.when.latest
    return (since is None or latest is None or latest >= since) and (
        until is None or earliest is None or earliest <= until
    )
