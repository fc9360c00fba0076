"""What held at a point of time: yes, no, or not established.

A point is the end of a day, or the moment of an event. Whether something else had happened by then
follows from the bounds of its date, narrowed by the outside evidence of its author, and from what
is established of the order, and from nothing else: of two things on one day it is not established
which came first.

What has no latest day by its own date had happened when it was recorded, by the operator's clock:
it is told as having happened.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from ledger.dates import Answer, Bound, When
from ledger.folds.reading import Reading

__all__ = ["MOST", "Point", "every", "holds", "negated", "some", "span_of"]


MOST: Final = 128
"""Beginnings and ends of one state that are looked at."""


def every(answers: Iterable[Answer]) -> Answer:
    """Say whether all of them hold; of none, yes."""
    found = set(answers)
    return "no" if "no" in found else "not established" if "not established" in found else "yes"


def some(answers: Iterable[Answer]) -> Answer:
    """Say whether one of them holds; of none, no."""
    return negated(every(negated(answer) for answer in answers))


def negated(answer: Answer) -> Answer:
    """Say whether it does not hold."""
    opposite: dict[Answer, Answer] = {"yes": "no", "no": "yes"}
    return opposite.get(answer, answer)


@dataclass(frozen=True)
class Point:
    """A point at which it is asked what held.

    Attributes:
        reading: The view.
        day: The day at whose end it is asked; None if it is asked for the moment of an event.
        event: The id of that event.
    """

    reading: Reading
    day: dt.date | None = None
    event: str = ""

    @cached_property
    def bounds(self) -> tuple[Bound, Bound]:
        """The first and the last day that it can be; of a period, that it can touch."""
        if self.day is not None:
            return self.day, self.day
        lo, hi = _bounds(self.reading, self.event)
        return (lo, hi) if self._span is None else (lo, self._span.latest)

    def had(self, event_id: str) -> Answer:
        """Say whether another event had happened by then."""
        if event_id not in self._had:
            self._had[event_id] = self._happened(event_id)
        return self._had[event_id]

    @cached_property
    def _had(self) -> dict[str, Answer]:
        return {}

    def _happened(self, event_id: str) -> Answer:
        lo, hi = self.bounds
        first, last = span_of(self.reading, event_id)
        if self.day is not None:
            return _compared(first, last, self.day, self.day)
        if last is not None and lo is not None and last < lo:
            return "yes"
        if first is not None and hi is not None and first > hi:
            return "no"
        order = self.reading.order.before(event_id, self.event)
        # What came after a period had begun came perhaps while it lasted.
        return _OPEN if order == "no" and self._span is not None else order

    def reached(self, when: When) -> Answer:
        """Say whether a day had come by then."""
        lo, hi = self.bounds
        return _compared(when.begin_earliest, when.begin_latest, lo, hi)

    def over(self, when: When) -> Answer:
        """Say whether a day was over by then."""
        lo, hi = self.bounds
        if when.end_latest is not None and lo is not None and when.end_latest < lo:
            return "yes"
        if when.end_earliest is not None and hi is not None and when.end_earliest >= hi:
            return "no"
        return _OPEN

    @cached_property
    def _span(self) -> When | None:
        when = self.reading.when(self.event)
        return when if when is not None and when.kind == "span" else None


def span_of(reading: Reading, event_id: str) -> tuple[Bound, Bound]:
    """Return the first and the last day on which an event can have begun.

    Whatever has no last day by its date was over when it was recorded.
    """
    first, last = _bounds(reading, event_id)
    return first, last or _recorded(reading, event_id, first)


def holds(point: Point, *, began: Iterable[str], ended: Iterable[str]) -> Answer:
    """Say whether a state held at a point.

    Who tells of a hundred beginnings and ends of one state has established nothing.

    Args:
        point: The point.
        began: The ids of the events by which it begins.
        ended: The ids of the events by which it ends.
    """
    begins, ends = (list(islice(each, MOST + 1)) for each in (began, ended))
    if len(begins) + len(ends) > MOST:
        return _OPEN
    begins = [each for each in begins if point.had(each) != "no"]
    ends = [each for each in ends if point.had(each) != "no"]
    if len(begins) * len(ends) > _PAIRS:
        return _OPEN
    return some([_holds(point, event_id, ends) for event_id in begins])


def _holds(point: Point, event_id: str, ended: Iterable[str]) -> Answer:
    answer = point.had(event_id)
    for each in ended:
        lasted = point.reading.order.before(event_id, each)
        if lasted == "yes" and point.had(each) == "yes":
            return "no"
        if lasted != "no":  # else it ended, and began anew
            answer = every([answer, _OPEN])
    return answer


def _bounds(reading: Reading, event_id: str) -> tuple[Bound, Bound]:
    """Return when an event can have begun, narrowed by the outside evidence about it."""
    lo, hi = reading.order.bounds(event_id)
    moment = reading.dates.get(event_id)
    if moment is None or moment.source is not None or not reading.evidence.get(event_id):
        return lo, hi
    when = reading.narrowed(reading.view.by_id[event_id], moment.role) or moment.when
    los = [day for day in (lo, when.begin_earliest) if day is not None]
    his = [day for day in (hi, when.begin_latest) if day is not None]
    return max(los, default=None), min(his, default=None)


def _recorded(reading: Reading, event_id: str, first: Bound) -> Bound:
    """Return the day on which something was recorded, unless it is told of a later one."""
    ordinal = _EPOCH + reading.view.by_id[event_id].recorded // _DAY_MS
    day = dt.date.fromordinal(min(ordinal, dt.date.max.toordinal()))
    return day if first is None or first <= day else None


_OPEN: Answer = "not established"
_PAIRS = 1024  # of them
_DAY_MS = 86_400_000
_EPOCH = dt.date(1970, 1, 1).toordinal()


def _compared(first: Bound, last: Bound, lo: Bound, hi: Bound) -> Answer:
    """Say whether what lies from `first` to `last` had come at a point from `lo` to `hi`."""
    if last is not None and lo is not None and last <= lo:
        return "yes"
    if first is not None and hi is not None and first > hi:
        return "no"
    return _OPEN
