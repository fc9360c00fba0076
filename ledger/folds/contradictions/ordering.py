"""Orders that cannot hold, and orders that want explaining: provable although dates are vague."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ledger.date_words import format_when
from ledger.dates import When
from ledger.folds.contradictions.findings import Finding
from ledger.folds.contradictions.matter import Dated, Matter, doers_of_all, joined
from ledger.folds.knowledge import AWARE
from ledger.folds.moments import date_of
from ledger.folds.request_rows import RequestRow
from ledger.folds.stances import Telling, parties_of
from ledger.folds.waits import came
from ledger.sentences import title_of
from ledger.view import Told
from ledger.wording import actor_words, actors_words, days_words, field_words, say, thing_words
from verify.kinds import Account, Communication, DateRole, Knowledge, Request, Step

__all__ = ["impossible", "surprising"]

_MOST: Final = 3
# Of what was put off until one thing had come, and asked before it came:
_MOST_EARLY: Final = 64  # that are told
_MOST_LOOKED_AT: Final = 1024
_MOST_GROUPS: Final = 16  # of those who put off and those who were asked
_OWN: Final[tuple[tuple[DateRole, DateRole], ...]] = (
    *(("sent", "received"), ("dated", "received"), ("received", "opened"), ("start", "end")),
)
_ASKING: Final = frozenset(("chase", "escalate"))


# What cannot hold


def impossible(matter: Matter) -> Iterator[Finding]:
    """Find links and dates whose order cannot be."""
    for earlier, later in matter.reading.order.refused:
        if earlier in matter.places and later in matter.places:
            yield _linked(matter, earlier, later)
    for told in matter.told:
        yield from _own_dates(matter, told)
        if isinstance(told.event, Knowledge) and told.event.mode in AWARE:
            yield from _known_before(matter, told, told.event)


def _linked(matter: Matter, earlier: str, later: str) -> Finding:
    words = (
        f"{matter.name(later)} is told to come after {matter.name(earlier)}, and its date is "
        f"before: {matter.when_words(later)}, against {matter.when_words(earlier)}."
    )
    return matter.finding("link_order", [earlier, later], words)


def _own_dates(matter: Matter, told: Told) -> Iterator[Finding]:
    for first, second in _OWN:
        one, other = date_of(told, first), date_of(told, second)
        if one is None or other is None:
            continue
        lo, hi = one.begin_earliest, other.begin_latest
        if lo is not None and hi is not None and hi < lo:
            words = (
                f"of {matter.name(told.id)}, {field_words(f'dates.{second}')} is before "
                f"{field_words(f'dates.{first}')}: {format_when(other)}, and {format_when(one)}."
            )
            yield matter.finding("own_dates", [told.id], words)


def _known_before(matter: Matter, told: Told, event: Knowledge) -> Iterator[Finding]:
    when, done = matter.reading.when(told.id), matter.reading.when(event.of)
    if when is None or done is None or event.of not in matter.places:
        return
    lo, hi = done.begin_earliest, when.begin_latest
    if lo is not None and hi is not None and hi < lo:
        words = (
            f"{actor_words(event.knower)} {say(event.mode)} {matter.name(event.of)} "
            f"{format_when(when)} (entry {told.index}), and that was only {format_when(done)}."
        )
        yield matter.finding("known_before", [event.of, told.id], words)


# What wants an explanation


@dataclass(slots=True)
class _Wait:
    """What was put off until one event had come: the requests, each with its deferrals."""

    rows: dict[str, RequestRow] = field(default_factory=dict)
    deferrals: dict[str, str] = field(default_factory=dict)  # step to request


def surprising(matter: Matter) -> Iterator[Finding]:
    """Find who asked before what it was content to wait for, or complained before it asked."""
    asks = Dated(matter.reading, (t for t in matter.told if _is_ask(t)), _asked)
    statements = Dated(
        matter.reading, (t for t in matter.told if _statement(matter, t)), doers_of_all
    )
    for telling, rows in matter.requests.items():
        waits: dict[str, _Wait] = {}
        for row in rows:
            _wait_for(matter, row, waits)
            if row.what == "invitation" and row.taken_up_by is not None:
                # Some show it: a thousand would be a thousand findings for each invitation.
                yield from islice(_complained(matter, telling, row, statements), _MOST)
        for awaited, wait in waits.items():
            yield from _before_awaited(matter, telling, awaited, wait, asks)


def _is_ask(told: Told) -> bool:
    if isinstance(told.event, Request):
        return told.event.what != "invitation"
    return isinstance(told.event, Step) and told.event.verb in _ASKING


def _asked(told: Told) -> Iterable[str]:
    """Yield by what an ask is found: whom it asks, or the request that it is about."""
    event = told.event
    return (event.of,) if isinstance(event, Step) else parties_of(getattr(event, "to", None))


def _counts(matter: Matter, told: Told, telling: Telling) -> bool:
    entitled = doers_of_all(told)
    return matter.reading.stances.counts(told, telling=telling, entitled=entitled)


def _wait_for(matter: Matter, row: RequestRow, waits: dict[str, _Wait]) -> None:
    for stage in row.course:
        step = matter.by_id[stage.id].event
        if stage.word == "deferred" and isinstance(step, Step):
            for awaited in step.until_events or ():
                if awaited in matter.places:
                    wait = waits.setdefault(awaited, _Wait())
                    wait.rows[row.id] = row
                    wait.deferrals[stage.id] = row.id


def _before_awaited(
    matter: Matter, telling: Telling, awaited: str, wait: _Wait, asks: Dated
) -> Iterator[Finding]:
    """Find what was asked, by those who put something off, before what they waited for came."""
    end = came(matter.reading, awaited)
    if end is None:
        return
    early: dict[str, None] = {}
    # Of those who put off several requests together, the first tells from when on they did.
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[RequestRow, str]] = {}
    for deferral, request in wait.deferrals.items():
        row = wait.rows[request]
        groups.setdefault((row.makers, row.recipients), (row, deferral))
    named = tuple(islice(wait.rows, _MOST_EARLY))
    found = (
        (told, row, deferral)
        for row, deferral in islice(groups.values(), _MOST_GROUPS)
        for told in asks.between((*row.recipients, *named), matter.reading.when(row.id), end)
        if not doers_of_all(told).isdisjoint(row.makers)
    )
    for told, row, deferral in islice(found, _MOST_LOOKED_AT):
        if len(early) >= _MOST_EARLY:
            break
        if (
            told.id not in early
            and _is_early(matter, told, row, wait, deferral)
            and _counts(matter, told, telling)
        ):
            early.update(dict.fromkeys((*_letters(matter, told, end), told.id)))
    if early:
        yield _early(matter, telling, awaited, wait, tuple(early))


def _is_early(matter: Matter, told: Told, row: RequestRow, wait: _Wait, deferral: str) -> bool:
    # What is known to have been asked before they were content to wait is no surprise.
    before = matter.reading.order.before
    put_off = told.id in wait.rows
    return not put_off and before(told.id, deferral) != "yes" and before(told.id, row.id) != "yes"


def _letters(matter: Matter, told: Told, end: When) -> Iterator[str]:
    """Yield the communications in which something was asked."""
    for link in told.event.links or ():
        other = matter.by_id.get(link.event) if link.rel == "about" else None
        if other is None or other.id not in matter.places:
            continue
        when, lo = matter.reading.when(other.id), end.begin_earliest
        hi = None if when is None else when.begin_latest
        if isinstance(other.event, Communication) and hi and lo and hi < lo:
            yield other.id


def _early(
    matter: Matter, telling: Telling, awaited: str, wait: _Wait, early: tuple[str, ...]
) -> Finding:
    title, end = title_of(matter.by_id[awaited]), came(matter.reading, awaited)
    what = matter.name(awaited) + (f" ({title.rstrip('.')})" if title else "")
    makers = sorted({maker for row in wait.rows.values() for maker in row.makers})
    rows, deferrals = (tuple(islice(each, _MOST_EARLY)) for each in (wait.rows, wait.deferrals))
    more = len(wait.rows) - len(rows)
    put_off = [*map(matter.name, rows), *([f"{more} requests more"] if more else [])]
    when = "" if end is None else f", {format_when(end)}"
    asked = "; ".join(f"{_ask_words(matter, e)}, {matter.when_words(e)}" for e in early)
    words = (
        f"{actors_words(makers, most=_MOST)} put off {joined(put_off)} until "
        f"{what} had come{when}, and asked again before it came: {asked}."
    )
    order = matter.reading.order
    all_seen = len(deferrals) == len(wait.deferrals)
    if not all_seen or any(order.before(s, e) != "yes" for s in deferrals for e in early):
        words += " That it was put off by then is not established."
    ids = [*rows, *deferrals, *early, awaited]
    return matter.finding("before_awaited", ids, words, tellings=[telling])


def _ask_words(matter: Matter, event_id: str) -> str:
    event = matter.by_id[event_id].event
    name = matter.name(event_id)
    return f"{name} (for {thing_words(event.what)})" if isinstance(event, Request) else name


def _statement(matter: Matter, told: Told) -> bool:
    """Tell whether an event is a communication that encloses a statement of events."""
    if not isinstance(told.event, Communication):
        return False
    links = told.event.links or ()
    enclosed = [matter.by_id.get(link.event) for link in links if link.rel == "encloses"]
    return any(each is not None and isinstance(each.event, Account) for each in enclosed)


def _complained(
    matter: Matter, telling: Telling, row: RequestRow, statements: Dated
) -> Iterator[Finding]:
    taken_up, before = row.taken_up_by or "", matter.reading.order.before
    end = matter.reading.when(taken_up)
    if end is None:
        return
    for told in statements.between(row.recipients, matter.reading.when(row.id), end):
        to = parties_of(told.event.to) if isinstance(told.event, Communication) else frozenset()
        elsewhere = to.isdisjoint(row.makers) and bool(to)
        within = "yes" == before(row.id, told.id) == before(told.id, taken_up)
        if elsewhere and within and _counts(matter, told, telling):
            since = days_words(*matter.reading.days(row.id, told.id))
            until = days_words(*matter.reading.days(told.id, taken_up))
            words = (
                f"{actors_words(sorted(doers_of_all(told)), most=_MOST)} sent a statement to "
                f"{actors_words(sorted(to))} ({matter.name(told.id)}) {since} after "
                f"{matter.name(row.id)}, and {until} before it was taken up "
                f"({matter.name(taken_up)})."
            )
            ids = [row.id, told.id, taken_up]
            yield matter.finding("complained_first", ids, words, tellings=[telling])
