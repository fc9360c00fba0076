"""Lateness of items: deadlines, overdue, and questions gone stale. Computed, never stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from ledger.clocks import Deadlines, Method, Pause, Regime, Terms, deadlines, is_overdue
from ledger.dates import Bound, When, instant_s, uk_time
from ledger.errors import ClockError
from ledger.folds.answered import CONTRARY
from ledger.folds.items import OPEN, End, Item
from ledger.folds.moments import date_of
from ledger.folds.reading import Days, Reading
from ledger.folds.receipt import is_receipt_disputed, received_when
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.view import Told
from ledger.wording import days_words
from verify.kinds import Communication, DateRole, Request, Step

__all__ = [
    "LONG_OVERDUE_DAYS",
    "MOST_QUESTIONS",
    "STALE_DAYS",
    "Lateness",
    "Outcome",
    "deadlines_of",
    "is_start_disputed",
    "lateness_of",
    "outcome_of",
    "outcome_words",
]

LONG_OVERDUE_DAYS: Final = 40
"""Days after its deadline from which an item is long overdue: ours, no law's."""

STALE_DAYS: Final = 60
"""Days without an answer from which a question is stale: ours, no law's."""

MOST_QUESTIONS: Final = 64
"""Questions about one item with which a deadline is worked out."""

_REVIEWED: Final = frozenset(("foia_20", "eir_20_40", "agreed_date"))
_FROM_RECEIPT: Final = frozenset(("foia_20", "eir_20_40", "sar_1_month"))
# What was received on a day can have been sent earlier, and what is dated later.
_NOT_BEFORE: Final[frozenset[DateRole]] = frozenset(("occurred", "made", "sent", "dated"))
_NOT_AFTER: Final[frozenset[DateRole]] = frozenset(("occurred", "made", "sent", "received"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """What the clock says.

    Attributes:
        word: `no clock`, `stopped`, `due`, `overdue`, `long overdue`, `not established`, or
            `done` where nothing is awaited.
        days: Days until it is due, or since it was, for the earliest and the latest possible
            deadline alike; None if they differ or there is none.
        stale: Whether a question to the maker has been without an answer for `STALE_DAYS`.
        disputed: Whether it counts from a receipt of which a receiver denies the day, and gives
            none of its own.
    """

    word: str
    days: int | None = None
    stale: bool = False
    disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An outcome of items, held against the deadline that stood when it came.

    Attributes:
        id: The id of the step that brought it.
        index: Its index.
        review: The id of the review that it ended; None if it answered the request itself.
        came: Whether it came by the deadline.
        days: Of one that was late: for how many days, least and most.
        due_earliest: The earliest possible deadline; None if there was none, or nothing bounds it.
        due_latest: The latest possible one; None if there was none, or nothing bounds it.
    """

    id: str
    index: int
    review: str | None
    came: Literal["in time", "late", "not established"]
    days: Days | None
    due_earliest: Bound
    due_latest: Bound


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
            Of a review, or of what was passed on, it is its receipt, or else its own date; so too
            of the reply to a question.
            Service is deemed from the day of sending, by the channel of the communication that
            it is about, or else by email. A day that was agreed needs no receipt.
        regime: The rule to follow.
        questions: Questions put and their answers, as event ids. Of those of vague date one
            deadline is as early as their dates allow, the other as late.
        telling: Whose word is taken for the receipt.

    Returns:
        None if no clock runs: there is no rule, or none for a review, or no day to count from; or
        there are more questions than anybody can be thought to have put, and answered.
    """
    review = isinstance(told.event, Step) and told.event.verb == "review"
    if regime == "none" or (review and regime not in _REVIEWED):
        return None
    terms = Terms(agreed=date_of(told, "due"), method=_method(reading, told), review=review)
    if regime == "agreed_date":
        return deadlines(None, regime=regime, terms=terms)
    served = regime == "cpr_deemed"
    received = date_of(told, "sent") if served else _received(reading, told, telling)
    if received is None or received.kind == "span" or len(questions) > MOST_QUESTIONS:
        return None
    asked = [
        (_days(reading, put), None if answer is None else _came_in(reading, answer, telling))
        for put, answer in questions
    ]
    longest = _pauses(received, asked, late=True)
    try:
        early = _early(received, asked, regime=regime, terms=terms)
        late = (
            None
            if longest is None
            else deadlines(received, regime=regime, pauses=_only(longest), terms=terms)
        )
    except ClockError:
        # A day outside the years of the calendar, or questions that overlap.
        return None
    if early == late:
        return early
    return Deadlines(earliest=early.earliest, latest=None if late is None else late.latest)


def _early(
    received: When,
    asked: Sequence[_Asked],
    *,
    regime: Regime,
    terms: Terms,
) -> Deadlines:
    """Work out the deadline that comes as early as the dates allow.

    That is the one before a question that can have been put after it: such a question moves
    nothing, and neither does any that follows.
    """
    stops = _pauses(received, asked, late=False) or []
    for place, stop in enumerate(stops):
        if stop.at_latest == stop.pause.stopped:
            continue
        before = deadlines(received, regime=regime, pauses=_only(stops[:place]), terms=terms)
        due = None if before.earliest is None else before.earliest.due
        if due is not None and (stop.at_latest is None or stop.at_latest > due):
            return before
    return deadlines(received, regime=regime, pauses=_only(stops), terms=terms)


def _method(reading: Reading, told: Told) -> Method:
    for link in told.event.links or ():
        other = reading.view.by_id.get(link.event)
        if link.rel == "about" and other is not None and isinstance(other.event, Communication):
            return "first_class_post" if other.event.channel == "letter" else "email"
    return "email"


def _received(reading: Reading, told: Told, telling: Telling) -> When | None:
    received = received_when(reading, told, by=_receivers(reading, told), telling=telling)
    sent = not isinstance(told.event, Request) or told.event.medium == "oral"
    return reading.when(told.id) if received is None and sent else received


def _receivers(reading: Reading, told: Told) -> frozenset[str]:
    """Return who was to receive a request or a step of one: if it does not say, who was asked."""
    event = told.event
    if isinstance(event, Step) and not event.to:
        of = reading.view.by_id.get(event.of)
        event = event if of is None else of.event
    return parties_of(event.to if isinstance(event, Request | Step) else None)


def is_start_disputed(reading: Reading, told: Told, *, regime: Regime, telling: Telling) -> bool:
    """Tell whether a clock counts from a receipt that is disputed (`deadlines_of`)."""
    return regime in _FROM_RECEIPT and is_receipt_disputed(
        reading, told, by=_receivers(reading, told) - {told.author}, telling=telling
    )


def lateness_of(
    due: Deadlines | None,
    *,
    item: Item,
    days: Days,
    as_at: dt.date,
    disputed: bool,
    unsettled: bool,
) -> Lateness:
    """Say how late an item is at the end of `as_at`, and whether the start is `disputed`.

    Where the order of questions and replies is `unsettled`, it is not established.
    """
    stale = item.state == "clarification_sought" and (days[0] or 0) >= STALE_DAYS
    if item.state not in OPEN:
        return Lateness(word="done")
    if due is None or not _runs(due):
        return Lateness(word="no clock", stale=stale)
    if unsettled:
        return Lateness(word="not established", stale=stale, disputed=disputed)
    over = is_overdue(due, as_at)
    if item.state == "deferred" or (item.state == "clarification_sought" and over == "no"):
        return Lateness(word="stopped", stale=stale)
    if over == "not established":
        return Lateness(word="not established", stale=stale, disputed=disputed)
    exact = None if due.due is None else (due.due - as_at).days
    if over == "no":
        return Lateness(word="due", days=exact, disputed=disputed)
    latest = due.latest.due if due.latest is not None else None
    long = latest is not None and (as_at - latest).days > LONG_OVERDUE_DAYS
    return Lateness(
        word="long overdue" if long else "overdue",
        days=None if exact is None else -exact,
        stale=stale,
        disputed=disputed,
    )


def outcome_of(
    reading: Reading,
    end: End,
    due: Deadlines | None,
    *,
    telling: Telling,
    disputed: bool,
    unmoved: Deadlines | None,
) -> Outcome | None:
    """Say whether an outcome came in time: by its own dates, and those of the deadline.

    It is late only where no day on which it can have come is in time. Of one that somebody else
    denies or dates otherwise, and of one that came late after the item had been put off, it is
    not established: the deadline may be moved by no deferral, but its maker agreed to wait.

    Args:
        reading: The view.
        end: The outcome.
        due: The deadline that stood when it came.
        telling: Whose word is taken.
        disputed: Whether that counts from a receipt that is disputed: nothing is established.
        unmoved: Where it is not established which questions and replies came before it, and in
            which order: the deadline without them. Whoever keeps that one is in time.

    Returns:
        None if no clock ran.
    """
    if due is None or not _runs(due):
        return None
    first, last = _ends(due)
    if unmoved is not None:
        first, last = _ends(unmoved)[0], None
    came: Literal["in time", "late", "not established"] = "not established"
    days: Days | None = None
    told = reading.view.by_id[end.id]
    disputed = disputed or _is_disputed(reading, told, telling)
    lo, hi = (None, None) if disputed else _came(reading, told)
    if hi is not None and first is not None and hi <= first:
        came = "in time"
    elif lo is not None and last is not None and lo > last and not end.put_off:
        came = "late"
        most = None if hi is None or first is None else (hi - first).days
        days = ((lo - last).days, most)
    return Outcome(
        id=end.id,
        index=told.index,
        review=end.review,
        came=came,
        days=days,
        due_earliest=None if first == dt.date.max else first,
        due_latest=None if last == dt.date.max else last,
    )


def outcome_words(outcome: Outcome) -> str:
    """Say whether an outcome came in time, and if not, by how many days it was late."""
    if outcome.came == "late" and outcome.days is not None:
        return f"late by {days_words(*outcome.days)}"
    if outcome.came == "not established":
        return "whether in time is not established"
    return outcome.came


def _ends(due: Deadlines) -> tuple[Bound, Bound]:
    """Return the deadlines: the last day there is, where a question had stopped the clock."""
    first, last = (
        None if end is None else end.due or dt.date.max for end in (due.earliest, due.latest)
    )
    return first, last


def _came(reading: Reading, told: Told) -> tuple[Bound, Bound]:
    """Return the first and the last day on which an outcome can have come."""
    moment = reading.dates.get(told.id)
    if moment is None:
        return reading.order.bounds(told.id)
    lo, hi = _days(reading, told.id)
    if moment.when.kind == "span":
        lo, hi = moment.when.end_earliest, moment.when.end_latest
    return (
        lo if moment.role in _NOT_BEFORE else None,
        hi if moment.role in _NOT_AFTER else None,
    )


def _is_disputed(reading: Reading, told: Told, telling: Telling) -> bool:
    """Tell whether somebody denies an event, or any of its dates, by the latest word on it."""
    last: dict[tuple[str, str], bool] = {}
    for each, position in reading.stances.on.get(told.id, ()):
        field = position.field or "happened"
        if each.disowned or telling.party not in {None, each.author}:
            continue
        if field.startswith("dates"):
            last[each.author, field] = position.stance in CONTRARY
        elif field == "happened":  # to dispute an outcome says nothing of its day
            last[each.author, field] = position.stance == "deny"
    return any(last.values())


def _runs(of: Deadlines) -> bool:
    """Tell whether anything can be late: no service is, nor what no day was agreed for."""
    ends = [end for end in (of.earliest, of.latest) if end is not None]
    if any(end.regime == "agreed_date" for end in ends):
        return any(end.due for end in ends)
    return all(end.regime != "cpr_deemed" for end in ends)


# The first and the last day on which a question was put, and those of its answer, if it has one.
_Asked = tuple[tuple[Bound, Bound], tuple[Bound, Bound] | None]


class _Stop(NamedTuple):
    """A time in which the clock stood still, and the last day on which it can have begun."""

    pause: Pause
    at_latest: Bound


def _only(stops: Sequence[_Stop]) -> list[Pause]:
    return [stop.pause for stop in stops]


def _pauses(received: When, asked: Sequence[_Asked], *, late: bool) -> list[_Stop] | None:
    """Return when the clock stood still, for a deadline as early or as `late` as dates allow.

    It comes early where a question is put late and answered early, and the other way about. None
    if it has no last day.
    """
    found: list[_Stop] = []
    last = received.earliest or dt.date.min
    for (put_lo, put_hi), answer in asked:
        if put_hi is not None and put_hi < last:
            continue
        put = max(put_lo or last, last) if late else put_hi
        if answer is None:
            if put is not None:
                found.append(_Stop(Pause(put, None), put))
            break
        answer_lo, answer_hi = answer
        if answer_hi is not None and answer_hi < max(put_lo or last, last):
            continue
        if late and answer_hi is None:
            return None
        answered = answer_hi if late else max(answer_lo or last, put_lo or last, last)
        if answered is None:
            raise AssertionError(answer)
        at_latest = min((day for day in (put_hi, answer_hi) if day is not None), default=None)
        found.append(_Stop(Pause(min(put or answered, answered), answered), at_latest))
        last = answered
    return found


def _came_in(reading: Reading, reply_id: str, telling: Telling) -> tuple[Bound, Bound]:
    """Return the first and the last day on which a reply came in: its receipt, or its own date."""
    told = reading.view.by_id[reply_id]
    when = received_when(reading, told, by=_receivers(reading, told), telling=telling)
    if when is None or when.kind == "span":
        return _days(reading, reply_id)
    at_s = instant_s(when)
    if at_s is not None:
        day = uk_time(at_s)[0]
        return day, day
    earliest, _ = reading.order.bounds(reply_id)
    return when.earliest or earliest, when.latest


def _days(reading: Reading, event_id: str) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and the last day of an event, by its own date or by what it is between."""
    when = reading.when(event_id)
    at_s = None if when is None else instant_s(when)
    if at_s is not None:
        day = uk_time(at_s)[0]
        return day, day
    if when is not None and when.precise:
        return when.earliest, when.earliest
    return reading.order.bounds(event_id)
