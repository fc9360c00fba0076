"""Deadlines: when an answer is due, and the working that shows why.

A deadline is a pure function of the day of receipt, a regime, a calendar and the pauses that
signed events show. It is computed, never stored, and can be run again under another regime
("as a data request: no clock; had it been FOIA: due 9 May 2025").

none           no clock
agreed_date    the day the parties agreed
foia_20        20 working days; the day after receipt is day 1        FOIA 2000 s.10(1), (6)
               a review: 20, by good practice and no law              s.45 Code of Practice
eir_20_40      20 working days, or 40 if complex and voluminous       EIR 2004 reg. 5(2), 7(1)
               a review: 40                                           EIR 2004 reg. 11(4)
sar_1_month    the corresponding day of the next month                UK GDPR art. 12(3)
               the days of a question and of its answer do not count  UK GDPR art. 12A(5)
cpr_deemed     the day on which a document counts as served           CPR 6.26, 6.2(b)

A working day depends on the calendar: for FOIA and EIR a bank holiday in any part of the United
Kingdom does not count, for CPR those of England. Whether the regime applies, and whether a
question was one that stops the clock, are for the parties and the court: this module only counts.

No event tells an extension (EIR reg. 7(1), UK GDPR art. 12A(3)), and none is counted unless
`Terms` say so: a deadline only notes the day to which one would bring it.

It has no clock of its own: "today" is an argument. Bank holidays come from the package
`holidays`, whose version every deadline names.
"""

from __future__ import annotations

import calendar as months
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Final, Literal, NamedTuple

import holidays

from ledger.date_words import format_day
from ledger.dates import Answer, When, instant_s, uk_time
from ledger.errors import ClockError

__all__ = [
    "ANY_PART_OF_UK",
    "ENGLAND",
    "Calendar",
    "Day",
    "Deadline",
    "Deadlines",
    "Method",
    "Pause",
    "Regime",
    "Terms",
    "deadlines",
    "is_countable",
    "is_overdue",
]

Regime = Literal["none", "agreed_date", "foia_20", "eir_20_40", "sar_1_month", "cpr_deemed"]
Method = Literal["email", "first_class_post"]
Nation = Literal["ENG", "WLS", "SCT", "NIR"]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The nations whose bank holidays do not count. A union, never an intersection."""

    nations: tuple[Nation, ...]

    def __str__(self) -> str:
        """Name the package, its version and the nations."""
        names = ", ".join(_NATIONS[nation] for nation in self.nations)
        union = f"union of {names}" if len(self.nations) > 1 else names
        return f"holidays {_holidays_version()} ({union})"


@cache  # to look it up reads the package's files: longer than all the days of a clock take
def _holidays_version() -> str:
    return version("holidays")


# country_holidays("GB") without a subdivision leaves out Easter Monday: always name the nations.
ANY_PART_OF_UK: Final = Calendar(("ENG", "WLS", "SCT", "NIR"))
ENGLAND: Final = Calendar(("ENG",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What some regimes ask beside the date.

    Attributes:
        eir_days: Working days under EIR: 40 if complex and voluminous (reg. 7(1)).
        agreed: The day agreed, for agreed_date; of a period, its end is the day.
        method: How it was sent, for cpr_deemed.
        review: Whether it is a review of an answer that is awaited, for foia_20 and eir_20_40.
    """

    eir_days: Literal[20, 40] = 20
    agreed: When | None = None
    method: Method = "email"
    review: bool = False


class Pause(NamedTuple):
    """The clock stood still from `stopped` (a question was put) to `restarted` (its answer).

    None as `restarted` means that the answer has not come.
    """

    stopped: dt.date
    restarted: dt.date | None


class Day(NamedTuple):
    """One day of the working: its number in the count, or why it has none."""

    date: dt.date
    counted: int | None
    skipped_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """One deadline with its working.

    Attributes:
        regime: The rule it follows.
        rule: The rule in words, with its source.
        start: The day from which it runs; None if it does not depend on the receipt.
        due: The last day to act, to its midnight; None if no clock runs.
        working: The days counted and passed over, in order: for working days all of them from
            `start` to `due`, for one month only its ends; empty if no clock runs.
        calendar: The bank holidays used, with the version of their source.
        notes: What the working alone does not show.
    """

    regime: Regime
    rule: str
    start: dt.date | None
    due: dt.date | None
    working: tuple[Day, ...]
    calendar: str
    notes: tuple[str, ...] = ()

    def explain(self) -> tuple[str, ...]:
        """Write the working for people, one line per fact."""
        return tuple(_explain(self))

    def day_by_day(self) -> tuple[str, ...]:
        """Write every day of the working: its number in the count, or why it has none."""
        return tuple(_day_by_day(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """The deadlines of the earliest and the latest possible day: one, if that is known.

    The day is that of receipt, or the one agreed.

    None where nothing bounds the receipt on that side.
    """

    earliest: Deadline | None
    latest: Deadline | None

    @property
    def due(self) -> dt.date | None:
        """The last day to act, if the receipt leaves no doubt about it."""
        if self.earliest is None or self.latest is None:
            return None
        return self.earliest.due if self.earliest.due == self.latest.due else None

    def explain(self) -> tuple[str, ...]:
        """Write the working for people; of an imprecise receipt, both ends."""
        if self.earliest == self.latest and self.earliest is not None:
            return self.earliest.explain()
        lines: list[str] = []
        for name, end in (("Earliest", self.earliest), ("Latest", self.latest)):
            lines.append(
                f"{name} possible deadline:" + (" not established." if end is None else "")
            )
            lines.extend(() if end is None else end.explain())
        return tuple(lines)

    def day_by_day(self) -> tuple[str, ...]:
        """Write every day of the working; of an imprecise receipt, of both ends."""
        if self.earliest == self.latest and self.earliest is not None:
            return self.earliest.day_by_day()
        lines: list[str] = []
        for name, end in (("earliest", self.earliest), ("latest", self.latest)):
            if end is not None:
                lines += [f"From the {name} possible receipt:", *end.day_by_day()]
        return tuple(lines)


def deadlines(
    received: When | None,
    *,
    regime: Regime,
    calendar: Calendar | None = None,
    pauses: Sequence[Pause] = (),
    terms: Terms | None = None,
) -> Deadlines:
    """Work out when an answer is due.

    A time of day is turned into United Kingdom time first, which can move the day; without one
    the day counts as written. Under FOIA and EIR time runs afresh from the answer to a question
    (FOIA s.1(3), EIR reg. 9(4)); under SAR the days of the pause are added, the first and the
    last included (UK GDPR art. 12A(5), in force since 5 February 2026; the Commissioner's guidance
    had such a pause before, and did not say how its ends count). A question put after
    the deadline had passed does not move it. Other regimes have no pauses.

    Args:
        received: The day of receipt; for cpr_deemed the day of sending or posting. None will do
            where no clock runs from it: agreed_date, none.
        regime: The rule to follow.
        calendar: Bank holidays; None for those of the regime.
        pauses: When the clock stood still, in order.
        terms: What some regimes ask beside the date; None for the usual ones.

    Raises:
        ClockError: There is no receipt, or it is a span, a pause ends before it begins or they
            are out of order, or a day is outside the years of the calendar.
    """
    rule = _Rule(regime, calendar or _USUAL[regime], tuple(pauses), terms or Terms())
    if regime in {"none", "agreed_date"}:
        return _fixed(rule)
    if received is None or received.kind == "span":
        raise ClockError("a receipt is one day, not a span")
    _check_pauses(pauses, received)
    earliest, latest = _receipts(received)
    return Deadlines(
        earliest=None if earliest is None else _deadline(earliest, rule),
        latest=None if latest is None else _deadline(latest, rule),
    )


def is_countable(when: When) -> bool:
    """Tell whether the days of a date are in the years of which bank holidays are known."""
    days = (day for day in (when.earliest, when.latest) if day is not None)
    return all(_FIRST_YEAR <= day.year <= _LAST_YEAR for day in days)


def is_overdue(of: Deadlines, as_at: dt.date) -> Answer:
    """Say whether the deadline has passed at the end of the day `as_at`, with nothing done.

    Where no clock runs, nothing is overdue.
    """
    if of.latest is not None and of.latest.due is not None and of.latest.due < as_at:
        return "yes"
    if of.earliest is None:
        return "not established"
    if of.earliest.due is None or of.earliest.due >= as_at:
        return "no"
    return "not established"


_NATIONS: Final[dict[Nation, str]] = {
    "ENG": "England",
    "WLS": "Wales",
    "SCT": "Scotland",
    "NIR": "Northern Ireland",
}
# SAR has no calendar in law; the ICO says "a weekend or bank holiday". England is where most of
# our parties sit; others pass their own.
_USUAL: Final[dict[Regime, Calendar]] = {
    "none": ANY_PART_OF_UK,
    "agreed_date": ANY_PART_OF_UK,
    "foia_20": ANY_PART_OF_UK,
    "eir_20_40": ANY_PART_OF_UK,
    "sar_1_month": ENGLAND,
    "cpr_deemed": ENGLAND,
}
_SOURCES: Final[dict[Regime, str]] = {
    "none": "No regime applies: no clock runs",
    "agreed_date": "The day the parties agreed",
    "foia_20": "Freedom of Information Act 2000 s.10: 20 working days",
    "eir_20_40": "Environmental Information Regulations 2004 reg. 5(2), 7(1): working days",
    "sar_1_month": "UK GDPR art. 12(3): one month, to the corresponding day",
    "cpr_deemed": "Civil Procedure Rules 6.26: deemed service",
}
_REVIEWS: Final[dict[Regime, str]] = {
    "foia_20": "Code of Practice under the Freedom of Information Act 2000 s.45, good practice and "
    "no limit in law: a review, 20 working days",
    "eir_20_40": "Environmental Information Regulations 2004 reg. 11(4): a review, 40 working days",
}
_SATURDAY = 5
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NOT_COUNTED = "day from which time runs"
_HOUR_S = 60 * 60
_DAY_S = 24 * _HOUR_S
_CUT_OFF_S = (16 * 60 + 30) * 60  # 4.30 pm
_OFFICIAL_UNTIL = 2028
_FIRST_YEAR, _LAST_YEAR = 1996, 2099
_EXTENDED_DAYS, _EXTENDED_MONTHS = 40, 3


class _Receipt(NamedTuple):
    """A possible receipt in United Kingdom time, `seconds` after midnight.

    Of an unknown time, the first or the last second of the day, whichever end this is.
    """

    day: dt.date
    seconds: int
    timed: bool
    notes: tuple[str, ...]


class _Rule(NamedTuple):
    regime: Regime
    calendar: Calendar
    pauses: tuple[Pause, ...]
    terms: Terms


def _check_pauses(pauses: Sequence[Pause], received: When) -> None:
    last = received.earliest or dt.date.min
    for place, (stopped, restarted) in enumerate(pauses):
        if stopped < last:
            raise ClockError("a pause begins before the receipt, or before the last one ended")
        if restarted is None and place < len(pauses) - 1:
            raise ClockError("a pause that has not ended is not the last one")
        if restarted is not None and restarted < stopped:
            raise ClockError("a pause ends before it begins")
        last = restarted or stopped
        _check_year(stopped)
        _check_year(last)


def _check_year(day: dt.date) -> None:
    # Before 1996 summer time had other dates; after 2099 the package has no holidays, and would
    # silently count every weekday.
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ClockError(f"{day.isoformat()} is outside the years {_FIRST_YEAR} to {_LAST_YEAR}")


def _receipts(received: When) -> tuple[_Receipt | None, _Receipt | None]:
    for day in (received.earliest, received.latest):
        if day is not None:
            _check_year(day)
    at_s = instant_s(received)
    if at_s is not None:
        exact = _in_uk_time(at_s, written=received)
        return exact, exact
    return (
        None
        if received.earliest is None
        else _Receipt(received.earliest, 0, timed=False, notes=()),
        None
        if received.latest is None
        else _Receipt(received.latest, _DAY_S - 1, timed=False, notes=()),
    )


def _in_uk_time(at_s: int, *, written: When) -> _Receipt:
    day, seconds = uk_time(at_s)
    clock = f"{seconds // _HOUR_S:02}:{seconds // 60 % 60:02}"
    moved = day != written.earliest
    note = f"{written.time} as written is {clock} on {format_day(day)} in the United Kingdom."
    return _Receipt(
        day=day,
        seconds=seconds,
        timed=True,
        notes=(note,) if moved or written.time != f"{clock}:00Z" else (),
    )


def _deadline(receipt: _Receipt, rule: _Rule) -> Deadline:
    if rule.regime == "sar_1_month":
        return _one_month(receipt, rule)
    if rule.regime == "cpr_deemed":
        return _deemed(receipt, rule)
    return _working_days(receipt, rule)


def _fixed(rule: _Rule) -> Deadlines:
    agreed = rule.terms.agreed if rule.regime == "agreed_date" else None
    if agreed is None:
        notes = ("No day was agreed.",) if rule.regime == "agreed_date" else ()
        none = _made(rule, None, None, notes=notes)
        return Deadlines(earliest=none, latest=none)
    earliest, latest = (
        None if day is None else _made(rule, None, day)
        for day in (agreed.end_earliest, agreed.end_latest)
    )
    return Deadlines(earliest=earliest, latest=latest)


def _made(
    rule: _Rule,
    start: dt.date | None,
    due: dt.date | None,
    *,
    working: tuple[Day, ...] = (),
    notes: tuple[str, ...] = (),
) -> Deadline:
    if due is not None and due.year > _OFFICIAL_UNTIL and working:
        notes += (f"Bank holidays after {_OFFICIAL_UNTIL} are expected, not proclaimed.",)
    words = _REVIEWS.get(rule.regime) if rule.terms.review else None
    return Deadline(
        regime=rule.regime,
        rule=words or _SOURCES[rule.regime],
        start=start,
        due=due,
        working=working,
        calendar=str(rule.calendar),
        notes=notes,
    )


def _working_days(receipt: _Receipt, rule: _Rule) -> Deadline:
    days = (40 if rule.terms.review else rule.terms.eir_days) if rule.regime == "eir_20_40" else 20
    start, notes = receipt.day, list(receipt.notes)
    working = _count(start, days, rule.calendar)
    for stopped, restarted in rule.pauses:
        if stopped > working[-1].date:
            notes.append(_too_late(stopped, working[-1].date))
            break
        if restarted is None:
            notes.append(_standing(stopped))
            return _made(rule, start, None, notes=tuple(notes))
        notes.append(
            f"The question of {format_day(stopped)} was answered on "
            f"{format_day(restarted)}: time runs afresh from there."
        )
        start = restarted
        working = _count(start, days, rule.calendar)
    due = working[-1].date
    if rule.regime == "eir_20_40" and days < _EXTENDED_DAYS and due.year < _LAST_YEAR:
        notes.append(_extended("reg. 7(1)", _count(start, _EXTENDED_DAYS, rule.calendar)))
    return _made(rule, start, due, working=working, notes=tuple(notes))


def _count(start: dt.date, days: int, calendar: Calendar) -> tuple[Day, ...]:
    working = [Day(start, None, _NOT_COUNTED)]
    counted = 0
    while counted < days:
        day = working[-1].date + dt.timedelta(1)
        reason = _skipped(day, calendar)
        counted += reason is None
        working.append(Day(day, counted if reason is None else None, reason))
    return tuple(working)


def _one_month(receipt: _Receipt, rule: _Rule) -> Deadline:
    notes = list(receipt.notes)
    target, paused = _months_later(receipt.day, 1), dt.timedelta(0)
    rolled = _roll(target, rule.calendar)
    last: dt.date | None = None
    for stopped, restarted in rule.pauses:
        if stopped > rolled[-1].date:
            notes.append(_too_late(stopped, rolled[-1].date))
            break
        if restarted is None:
            notes.append(_standing(stopped))
            return _made(rule, receipt.day, None, notes=tuple(notes))
        # A day on which one question was answered and the next was put is added once.
        days = (restarted - stopped).days + (stopped != last)
        last = restarted
        notes.append(
            f"Paused from {format_day(stopped)} to {format_day(restarted)}, both days included: "
            f"{days} {'day is' if days == 1 else 'days are'} added."
        )
        paused += dt.timedelta(days)
        rolled = _roll(target + paused, rule.calendar)
    if rolled[-1].date.year < _LAST_YEAR:
        longest = _months_later(receipt.day, _EXTENDED_MONTHS) + paused
        notes.append(_extended("art. 12A(3)", _roll(longest, rule.calendar)))
    working = (Day(receipt.day, None, _NOT_COUNTED), *rolled)
    return _made(rule, receipt.day, rolled[-1].date, working=working, notes=tuple(notes))


def _extended(source: str, working: tuple[Day, ...]) -> str:
    return (
        f"No extension is counted: with one under {source} it would be due by the end of "
        f"{_weekday(working[-1].date)}."
    )


def _months_later(day: dt.date, count: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    last = months.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(day.day, last))


def _roll(day: dt.date, calendar: Calendar) -> tuple[Day, ...]:
    """Step from `day` to the first working day, itself if it is one."""
    working = [Day(day, None, _skipped(day, calendar))]
    while working[-1].skipped_reason is not None:
        day += dt.timedelta(1)
        working.append(Day(day, None, _skipped(day, calendar)))
    return tuple(working)


def _deemed(receipt: _Receipt, rule: _Rule) -> Deadline:
    day, notes = receipt.day, receipt.notes
    if rule.terms.method == "first_class_post":
        posted = Day(day, None, "day of posting"), Day(day + dt.timedelta(1), None, "day after it")
        working = (*posted, *_roll(day + dt.timedelta(2), rule.calendar))
    elif _skipped(day, rule.calendar) is None and receipt.seconds < _CUT_OFF_S:
        working = (Day(day, None, None),)
        sent = "Sent" if receipt.timed else "Supposing that it was sent"
        notes += (f"{sent} before 4.30 pm on a business day: served on that day.",)
    else:
        late = "sent at 4.30 pm or later" if receipt.timed else "supposing 4.30 pm or later"
        reason = _skipped(day, rule.calendar) or late
        working = (Day(day, None, reason), *_roll(day + dt.timedelta(1), rule.calendar))
    return _made(rule, day, working[-1].date, working=working, notes=notes)


def _too_late(stopped: dt.date, due: dt.date) -> str:
    return (
        f"The question of {format_day(stopped)} came after the deadline of "
        f"{format_day(due)} and does not move it."
    )


def _standing(stopped: dt.date) -> str:
    return f"The question of {format_day(stopped)} is unanswered: no clock runs."


def _skipped(day: dt.date, calendar: Calendar) -> str | None:
    """Say why `day` is no working day; None if it is one."""
    _check_year(day)
    if day.weekday() >= _SATURDAY:
        return _WEEKDAYS[day.weekday()]
    where: dict[str, list[str]] = {}
    for nation in calendar.nations:
        name = _bank_holidays(nation, day.year).get(day)
        if name is not None:
            where.setdefault(name, []).append(_NATIONS[nation])
    return "; ".join(f"{name} ({', '.join(found)})" for name, found in where.items()) or None


@cache
def _bank_holidays(nation: Nation, year: int) -> dict[dt.date, str]:
    return dict(holidays.country_holidays("GB", subdiv=nation, years=year, language="en_GB"))


def _explain(deadline: Deadline) -> Iterator[str]:
    yield f"Rule: {deadline.rule}."
    if deadline.start is not None:
        yield f"Runs from: {_weekday(deadline.start)}."
    yield from deadline.notes
    skipped = [day for day in deadline.working if day.skipped_reason not in {None, _NOT_COUNTED}]
    weekend = sum(day.date.weekday() >= _SATURDAY for day in skipped)
    if weekend:
        yield f"Saturdays and Sundays passed over: {weekend}."
    for day in skipped:
        if day.date.weekday() < _SATURDAY:
            yield f"Passed over: {_weekday(day.date)}, {day.skipped_reason}."
    yield _conclusion(deadline)
    yield f"Calendar: {deadline.calendar}."


def _day_by_day(deadline: Deadline) -> Iterator[str]:
    for day in deadline.working:
        words = day.skipped_reason if day.counted is None else f"working day {day.counted}"
        yield f"{day.date.isoformat()} {_WEEKDAYS[day.date.weekday()]}: {words or 'the day itself'}"
    yield f"Calendar: {deadline.calendar}."


def _conclusion(deadline: Deadline) -> str:
    if deadline.due is None:
        return "Due: no date."
    day = _weekday(deadline.due)
    if deadline.regime == "cpr_deemed":
        return f"Deemed served: {day}."
    counted = deadline.working[-1].counted if deadline.working else None
    count = "" if counted is None else f", working day {counted}"
    return f"Due: by the end of {day}{count}."


def _weekday(day: dt.date) -> str:
    return f"{_WEEKDAYS[day.weekday()]} {format_day(day)}"
