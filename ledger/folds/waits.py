"""What a deferral waits for, and when that had come.

A deferral can wait for several things at once: events that have happened (or been received), and a
day that has passed. It is over when all of them have come. One that names nothing ends only when
a party resumes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ledger.dates import Answer, Bound, When, parse_when
from ledger.folds.moments import date_of
from ledger.folds.reading import Days, Reading
from ledger.view import Told
from verify.kinds import Communication, Step

__all__ = ["Wait", "came", "over_at", "over_before", "wait_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """When the last of what a deferral waits for had come.

    Attributes:
        lo: The first day on which it can have; None if nothing bounds it.
        hi: The last day; None if nothing bounds it, or it may never come.
        endless: Whether it waits for nothing that a computer can see.
    """

    lo: Bound
    hi: Bound
    endless: bool

    def days_since_over(self, as_at: dt.date) -> Days:
        """Count the days from its end to `as_at`, least and most."""
        least = None if self.hi is None else max((as_at - self.hi).days, 0)
        return least, None if self.lo is None else (as_at - self.lo).days

    @property
    def over(self) -> When | None:
        """When the last of it had come; None if nothing says by when."""
        if self.hi is None:
            return None
        lo = "" if self.lo is None else self.lo.isoformat()
        hi = self.hi.isoformat()
        return parse_when(hi if lo == hi else f"[{lo}..{hi}]", basis="inferred")


def wait_of(reading: Reading, told: Told, step: Step) -> Wait:
    """Read what a deferral waits for.

    A day given as "not before" has passed when it is reached. Of a communication the receipt
    counts, where one is given, and outside evidence of its author narrows a date.
    """
    bounds: list[tuple[Bound, Bound]] = []
    until = date_of(told, "until")
    if until is not None:
        bounds.append((until.earliest, until.latest or until.earliest))
    for event_id in step.until_events or ():
        when = came(reading, event_id)
        bounds.append((None, None) if when is None else (when.begin_earliest, when.begin_latest))
    his = [hi for _, hi in bounds]
    return Wait(
        lo=max((lo for lo, _ in bounds if lo is not None), default=None),
        hi=None if None in his else max((hi for hi in his if hi is not None), default=None),
        endless=not bounds,
    )


def over_at(wait: Wait, day: dt.date) -> Answer:
    """Say whether the wait was over by the end of `day`."""
    if wait.endless or (wait.lo is not None and wait.lo > day):
        return "no"
    return "yes" if wait.hi is not None and wait.hi <= day else "not established"


def over_before(wait: Wait, when: When | None) -> Answer:
    """Say whether the wait was over when something else happened.

    What happened on the day on which it ended counts as after it.
    """
    if wait.endless:
        return "no"
    if when is None:
        return "not established"
    if wait.hi is not None and when.begin_earliest is not None and wait.hi <= when.begin_earliest:
        return "yes"
    if wait.lo is not None and when.begin_latest is not None and when.begin_latest < wait.lo:
        return "no"
    return "not established"


def came(reading: Reading, event_id: str) -> When | None:
    """Return when an event that is waited for had come: its receipt, where one is given."""
    told = reading.view.by_id.get(event_id)
    moment = reading.dates.get(event_id)
    if told is None:
        return None
    received = reading.narrowed(told, "received") if isinstance(told.event, Communication) else None
    if received is not None or moment is None:
        return received
    if moment.source is not None:
        return moment.when
    return reading.narrowed(told, moment.role)
