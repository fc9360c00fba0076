"""Lateness of items: deadlines, overdue, and questions gone stale. Computed, never stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.clocks import Deadlines, Method, Pause, Regime, Terms, deadlines, is_overdue
from ledger.dates import When
from ledger.errors import ClockError
from ledger.folds.items import OPEN, Item
from ledger.folds.moments import date_of
from ledger.folds.reading import Days, Reading
from ledger.folds.receipt import received_when
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.view import Told
from verify.kinds import Communication, Request, Step

__all__ = ["LONG_OVERDUE_DAYS", "STALE_DAYS", "Lateness", "deadlines_of", "lateness_of"]

LONG_OVERDUE_DAYS: Final = 40
"""Days after its deadline from which an item is long overdue: ours, no law's."""

STALE_DAYS: Final = 60
"""Days without an answer from which a question is stale: ours, no law's."""

_REVIEWED: Final = frozenset(("foia_20", "eir_20_40", "agreed_date"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """What the clock says.

    Attributes:
        word: `no clock`, `stopped`, `due`, `overdue`, `long overdue`, `not established`, or
            `done` where nothing is awaited.
        days: Days until it is due, or since it was, for the earliest and the latest possible
            deadline alike; None if they differ or there is none.
        stale: Whether a question to the maker has been without an answer for `STALE_DAYS`.
    """

    word: str
    days: int | None = None
    stale: bool = False


def deadlines_of(
    reading: Reading,
    told: Told,
    *,
    regime: Regime,
    questions: Sequence[tuple[str, str | None]],
    telling: Telling = ESTABLISHED,
) -> Deadlines | None:
    """Work out the deadline of a request, or of a review.

    Args:
        reading: The view.
        told: The event from which time runs: its receipt, by its own dates and by the words of
            those who received it (`receipt.received_when`). What was asked by word of mouth was
            received at once; of what was sent, and not told to be received, the day is unknown.
            Of a review, or of what was passed on, it is its receipt, or else its own date.
            Service is deemed from the day of sending, by the channel of the communication that
            it is about, or else by email. A day that was agreed needs no receipt.
        regime: The rule to follow.
        questions: Questions put and their answers, as event ids. Of those of vague date one
            deadline is as early as their dates allow, the other as late.
        telling: Whose word is taken for the receipt.

    Returns:
        None if no clock runs: there is no rule, or none for a review, or no day to count from.
    """
    review = isinstance(told.event, Step) and told.event.verb == "review"
    if regime == "none" or (review and regime not in _REVIEWED):
        return None
    terms = Terms(agreed=date_of(told, "due"), method=_method(reading, told), review=review)
    if regime == "agreed_date":
        return deadlines(None, regime=regime, terms=terms)
    served = regime == "cpr_deemed"
    received = date_of(told, "sent") if served else _received(reading, told, telling)
    if received is None or received.kind == "span":
        return None
    pauses = [_pauses(reading, received, questions, late=late) for late in (False, True)]
    try:
        early, late = (
            None if each is None else deadlines(received, regime=regime, pauses=each, terms=terms)
            for each in pauses
        )
    except ClockError:
        # A day outside the years of the calendar, or questions that overlap.
        return None
    if early is None or early == late:
        return early
    return Deadlines(earliest=early.earliest, latest=None if late is None else late.latest)


def _method(reading: Reading, told: Told) -> Method:
    for link in told.event.links or ():
        other = reading.view.by_id.get(link.event)
        if link.rel == "about" and other is not None and isinstance(other.event, Communication):
            return "first_class_post" if other.event.channel == "letter" else "email"
    return "email"


def _received(reading: Reading, told: Told, telling: Telling) -> When | None:
    if not isinstance(told.event, Request):
        return date_of(told, "received") or reading.when(told.id)
    asked = parties_of(told.event.to)
    received = received_when(reading, told, by=asked, telling=telling)
    if received is None and told.event.medium == "oral":
        return reading.when(told.id)
    return received


def lateness_of(due: Deadlines | None, *, item: Item, days: Days, as_at: dt.date) -> Lateness:
    """Say how late an item is at the end of `as_at`."""
    stale = item.state == "clarification_sought" and (days[0] or 0) >= STALE_DAYS
    if item.state not in OPEN:
        return Lateness(word="done")
    if due is None or not _runs(due):
        return Lateness(word="no clock", stale=stale)
    if item.state in {"clarification_sought", "deferred"}:
        return Lateness(word="stopped", stale=stale)
    over = is_overdue(due, as_at)
    if over == "not established":
        return Lateness(word="not established")
    exact = None if due.due is None else (due.due - as_at).days
    if over == "no":
        return Lateness(word="due", days=exact)
    latest = due.latest.due if due.latest is not None else None
    long = latest is not None and (as_at - latest).days > LONG_OVERDUE_DAYS
    return Lateness(
        word="long overdue" if long else "overdue", days=None if exact is None else -exact
    )


def _runs(of: Deadlines) -> bool:
    """Tell whether anything can be late: no service is, nor what no day was agreed for."""
    ends = [end for end in (of.earliest, of.latest) if end is not None]
    if any(end.regime == "agreed_date" for end in ends):
        return any(end.due for end in ends)
    return all(end.regime != "cpr_deemed" for end in ends)


def _pauses(
    reading: Reading, received: When, questions: Sequence[tuple[str, str | None]], *, late: bool
) -> list[Pause] | None:
    """Return when the clock stood still, for a deadline as early or as `late` as dates allow.

    It comes early where a question is put late and answered early, and the other way about. None
    if it has no last day.
    """
    found: list[Pause] = []
    last = received.earliest or dt.date.min
    for put_id, answer_id in questions:
        put_lo, put_hi = _days(reading, put_id)
        if put_hi is not None and put_hi < last:
            continue
        put = max(put_lo or last, last) if late else put_hi
        if answer_id is None:
            if put is not None:
                found.append(Pause(put, None))
            break
        answer_lo, answer_hi = _days(reading, answer_id)
        if answer_hi is not None and answer_hi < max(put_lo or last, last):
            continue
        if late and answer_hi is None:
            return None
        answered = answer_hi if late else max(answer_lo or last, put_lo or last, last)
        if answered is None:
            raise AssertionError(answer_id)
        found.append(Pause(min(put or answered, answered), answered))
        last = answered
    return found


def _days(reading: Reading, event_id: str) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and the last day of an event, by its own date or by what it is between."""
    when = reading.when(event_id)
    if when is not None and when.precise:
        return when.earliest, when.earliest
    return reading.order.bounds(event_id)
