"""Competing dates and values: by responses, by tellings of one event, by outside evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ledger.date_words import format_when
from ledger.dates import When, narrow
from ledger.errors import ContradictionError
from ledger.folds.answered import CONTRARY
from ledger.folds.contradictions.findings import Finding
from ledger.folds.contradictions.matter import Matter, doers_of_all, entries_words, joined
from ledger.folds.moments import date_of
from ledger.folds.positions import Response, status_of
from ledger.folds.ranges import format_items
from ledger.folds.receipt import came_otherwise, received_otherwise
from ledger.view import Told
from ledger.wording import actors_words, field_words, response_words
from verify.kinds import Account, Communication, DateRole, Event, Meeting, Request, Step, Transfer

__all__ = ["disputes", "said_to_be_one"]

_WHOLE: Final = frozenset(("happened", "status"))
_CLOSING: Final = frozenset(("answer", "refuse", "clarify", "narrow", "extend"))
_KEEPING: Final = frozenset(("fulfil", "part_fulfil"))
_NEVER_ONE: Final = frozenset(("as_at", "value", "opens_by"))


# By responses


def disputes(matter: Matter) -> Iterator[Finding]:
    """Find what responses say was otherwise, and dates that outside evidence rules out."""
    responded = matter.reading.stances.on
    for told in matter.told:
        if told.id in responded:
            for field in status_of(matter.reading, told).fields:
                for response in field.responses:
                    if response.stance in CONTRARY and not _is_settled(matter, told, response):
                        yield _disputed(matter, told, field.field, response)
        yield from _received_otherwise(matter, told)
        yield from _ruled_out(matter, told)


def _is_settled(matter: Matter, told: Told, response: Response) -> bool:
    """Tell whether whoever told it has accepted the response since, or it stands no more.

    It does not where its party answered anew, or says that its key was compromised.
    """
    is_accepted = told.author != response.party and told.author in matter.reading.stances.upholders(
        response.id
    )
    return is_accepted or response.superseded or response.disowned


def _disputed(matter: Matter, told: Told, field: str, response: Response) -> Finding:
    part = f", {format_items(response.items)}" if response.items else ""
    stance = response_words(response.stance, field)
    by = "" if told.author == response.party else f", told by {told.author}"
    words = f"of {matter.name(told.id)}{by}, {response.party} {stance}{part}"
    given = None
    if field.startswith("dates."):
        role: DateRole = field.removeprefix("dates.")  # type: ignore[assignment]  # the schema knows them
        given = date_of(told, role)
    if response.value is not None:
        value = response.value if response.date is None else format_when(response.date)
        words += f": {value}"
        if given is not None:
            words += f", not {format_when(given)}"
        if given is not None and response.date is not None and _overlap(given, response.date):
            words += "; the two dates do not exclude each other"
    words += f" (entry {response.index})."
    return matter.finding(_rule_of(told, field, response), [told.id, response.id], words)


def _received_otherwise(matter: Matter, told: Told) -> Iterator[Finding]:
    """Find a receipt of another day than was told."""
    for each, when, given in received_otherwise(matter.reading, told):
        words = (
            f"of {matter.name(told.id)}, told by {told.author}, {each.author} signs that it "
            f"received it on {format_when(when)}, not {format_when(given)} (entry {each.index})."
        )
        yield matter.finding("date_disputed", [told.id, each.id], words)
    for each, when, given in came_otherwise(matter.reading, told):
        words = (
            f"of {matter.name(told.id)}, told by {told.author}, {each.author} signs that it "
            f"received what it came in on {format_when(when)}, not {format_when(given)} "
            f"(entry {each.index})."
        )
        yield matter.finding("date_disputed", [told.id, each.id], words)


def _rule_of(told: Told, field: str, response: Response) -> str:
    if told.author == response.party:
        # What others are told to have alleged is theirs, and may well be denied.
        theirs = isinstance(told.event, Account) and told.author not in doers_of_all(told)
        return "value_disputed" if theirs else "own_correction"
    if field in _WHOLE and isinstance(told.event, Step) and response.stance in {"deny", "dispute"}:
        if told.event.target == "request" and told.event.verb in _CLOSING:
            return "answer_denied"
        if told.event.target == "commitment" and told.event.verb in _KEEPING:
            return "promise_denied"
    if field == "happened":
        return "denied"
    return "date_disputed" if field.startswith("dates.") else "value_disputed"


def _overlap(one: When, other: When) -> bool:
    return not (_is_after(one, other) or _is_after(other, one))


def _is_after(one: When, other: When) -> bool:
    lo, hi = one.begin_earliest, other.begin_latest
    return lo is not None and hi is not None and lo > hi


def _ruled_out(matter: Matter, told: Told) -> Iterator[Finding]:
    for role in sorted(told.event.dates or {}):
        when = None if role in _NEVER_ONE else date_of(told, role)
        if when is None or when.kind == "span":
            continue
        for each in matter.reading.evidence.get(told.id, ()):
            bound = date_of(each, role)
            if bound is None or bound.kind == "span" or bound.approximate or bound.uncertain:
                continue
            try:
                narrow(when, [bound])
            except ContradictionError:
                words = (
                    f"of {matter.name(told.id)}, {told.author} tells "
                    f"{field_words(f'dates.{role}')}: {format_when(when)}; the outside evidence "
                    f"of entry {each.index} says {format_when(bound)}."
                )
                yield matter.finding("evidence_date", [told.id, each.id], words)


# Of what is said to be one


def said_to_be_one(matter: Matter) -> Iterator[Finding]:
    """Find what cannot be so of events that are said to be one."""
    for group in matter.said_to_be_one:
        yield from _dates_of_one(matter, group)
        for what, value_of in _VALUES.items():
            yield from _values_of_one(matter, group, what, value_of)
        yield from _absent(matter, group)


def _dates_of_one(matter: Matter, group: tuple[Told, ...]) -> Iterator[Finding]:
    roles = sorted({role for told in group for role in told.event.dates or {}} - _NEVER_ONE)
    for role in roles:
        whens = [(told, when) for told in group if (when := date_of(told, role)) is not None]
        lows = [(w.begin_earliest, t, w) for t, w in whens if w.begin_earliest is not None]
        highs = [(w.begin_latest, t, w) for t, w in whens if w.begin_latest is not None]
        if not lows or not highs:
            continue
        # All have a day in common unless the latest beginning is after the earliest end.
        lo, later, late = max(lows, key=lambda row: row[0])
        hi, earlier, early = min(highs, key=lambda row: row[0])
        if lo > hi:
            words = (
                f"{matter.name(earlier.id)} and {matter.name(later.id)} are said to be one, and "
                f"{field_words(f'dates.{role}')} differs: {format_when(early)}, as "
                f"{earlier.author} tells, and {format_when(late)}, as {later.author} tells."
            )
            yield matter.finding("same_date", [earlier.id, later.id], words)


def _who(told: Told) -> str | None:
    """Name those who did an event; of a meeting, who hosted it: others may be told in part."""
    if isinstance(told.event, Meeting):
        return None if told.event.host is None else told.event.host.partition("/")[0]
    if isinstance(told.event, Step | Request | Communication | Transfer):
        return actors_words(sorted(doers_of_all(told))) if doers_of_all(told) else None
    return None


def _count(told: Told) -> str | None:
    event = told.event
    if isinstance(event, Request) and event.categories is not None:
        return f"{event.categories} categories for {max(len(event.areas or ()), 1)} areas"
    if isinstance(event, Transfer) and event.rows is not None:
        return f"{event.rows} rows"
    return None


_VALUES: Final[dict[str, Callable[[Told], str | None]]] = {
    "who it was": _who,
    "how much it was": _count,
}


def _values_of_one(
    matter: Matter, group: Iterable[Told], what: str, value_of: Callable[[Told], str | None]
) -> Iterator[Finding]:
    found: dict[str, list[Told]] = {}
    for told in group:
        value = value_of(told)
        if value is not None:
            found.setdefault(value, []).append(told)
    if len(found) > 1:
        ids = [told.id for each in found.values() for told in each]
        values = joined(f"{value} ({entries_words(each)})" for value, each in found.items())
        words = f"{entries_words([matter.by_id[i] for i in ids])} are said to be one, and differ"
        yield matter.finding("same_value", ids, f"{words} in {what}: {values}.")


def _absent(matter: Matter, group: Iterable[Told]) -> Iterator[Finding]:
    """Find who was there by one telling of a meeting, and sent apologies by another."""
    there: dict[str, Told] = {}
    away: dict[str, Told] = {}
    for told in group:
        for party in _parties(told.event, "attendees"):
            there.setdefault(party, told)
        for party in _parties(told.event, "apologies"):
            away.setdefault(party, told)
    for party in sorted(there.keys() & away.keys()):
        words = (
            f"{party} was at {matter.name(there[party].id)}, and sent apologies to "
            f"{matter.name(away[party].id)}; the two are said to be one."
        )
        yield matter.finding("same_value", [there[party].id, away[party].id], words)


def _parties(event: Event, field: str) -> tuple[str, ...]:
    return tuple(getattr(event, field) or ()) if isinstance(event, Meeting) else ()
