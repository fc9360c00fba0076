"""Imprecise dates: keep the words, store the bounds, never guess.

A date in an event is a string of our subset of EDTF (ISO 8601-2), a basis, and the words of the
source. This module turns it into a `When`: four bounds (CIDOC-CRM's begin of the begin, end of
the begin, begin of the end, end of the end), and answers only what the bounds establish.

The subset, and what each form means:

2025-03-06                  that day
2025-03  2025-03-XX         one unknown day of that month
2025  2025-XX  2025-XX-XX   one unknown day of that year
2025-03-06T16:05:00Z        that day, as written, at that time (or +hh:mm, -hh:mm)
[a..b]  [a..]  [..b]        one unknown day in the range, both ends included
[a,b,c]                     one unknown day of those listed, in order, not overlapping
a/b                         a span that lasted from a to b
a/  /b                      a span whose end, or beginning, is unknown
a/..  ../b                  a span that has no end, or beginning
? ~ %                       behind a year, month or day: uncertain, approximate, both

A qualifier never moves a bound. It is carried, and printed, so that a reader can weigh it;
what `is_before` and its like answer rests on the dates as written.

This module has no clock ("today" is an argument), reads no calendar of holidays
(`ledger.clocks` does), and neither prints words nor interprets them (`ledger.date_words` does).

Source: Library of Congress EDTF specification (2019), levels 0 to 2; linked.art issue 239.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal, NamedTuple, get_args

from ledger.errors import ContradictionError, DateError

__all__ = [
    "BASES",
    "Answer",
    "Basis",
    "Bound",
    "Range",
    "SortKey",
    "When",
    "candidates",
    "days_between",
    "instant_s",
    "is_before",
    "known_by",
    "narrow",
    "parse_when",
    "possible_days",
    "sort_key",
    "uk_time",
    "written_ends",
]

Basis = Literal["stated", "inferred", "corroborated", "convention"]
Answer = Literal["yes", "no", "not established"]
Bound = dt.date | None
SortKey = tuple[int, dt.date, int, dt.date, int, int]

BASES: Final[tuple[Basis, ...]] = get_args(Basis)


class Range(NamedTuple):
    """Days from `lo` to `hi`, both included; None where nothing bounds them."""

    lo: Bound
    hi: Bound

    @property
    def is_year(self) -> bool:
        """Whether it is a whole year."""
        return self.lo is not None and self == _year_range(self.lo.year)

    @property
    def is_month(self) -> bool:
        """Whether it is a whole month."""
        return self.lo is not None and self == _month_range(self.lo.year, self.lo.month)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When something happened, as far as it is known.

    A point is one day: begin and end have the same bounds. A span lasted: its bounds also use
    that nothing ends before it begins, so `end_earliest` of "2025-03-12/" is 12 March.

    Attributes:
        edtf: The date as written, never rewritten.
        basis: What the date rests on.
        phrase: The words of the source, verbatim.
        kind: One day, or a period that lasted.
        begin_earliest: The first day on which it can have begun; None if nothing bounds it.
        begin_latest: The last day on which it can have begun; None if nothing bounds it.
        end_earliest: The first day on which it can have ended; None if nothing bounds it.
        end_latest: The last day on which it can have ended; None if nothing bounds it.
    """

    edtf: str
    basis: Basis
    phrase: str | None
    kind: Literal["point", "span"]
    begin_earliest: Bound
    begin_latest: Bound
    end_earliest: Bound
    end_latest: Bound

    @property
    def earliest(self) -> Bound:
        """The first day it can have touched."""
        return self.begin_earliest

    @property
    def latest(self) -> Bound:
        """The last day it can have touched."""
        return self.end_latest

    @property
    def precise(self) -> bool:
        """Whether it is a point of one known day."""
        return self.kind == "point" and self.earliest is not None and self.earliest == self.latest

    @property
    def undated(self) -> bool:
        """Whether it is a point of which no more than the year is known."""
        return self.kind == "point" and Range(self.earliest, self.latest).is_year

    @property
    def uncertain(self) -> bool:
        """Whether any part of the date is marked ? or %."""
        return "?" in self.edtf or "%" in self.edtf

    @property
    def approximate(self) -> bool:
        """Whether any part of the date is marked ~ or %."""
        return "~" in self.edtf or "%" in self.edtf

    @property
    def time(self) -> str | None:
        """The time of day with its offset, as written; None if there is none."""
        return self.edtf.partition("T")[2] or None

    @property
    def begin_open(self) -> bool:
        """Whether it is a span said to have no beginning (an unknown one is not open)."""
        return self.edtf.startswith("../")

    @property
    def end_open(self) -> bool:
        """Whether it is a span said to have no end (an unknown one is not open)."""
        return self.edtf.endswith("/..")


def parse_when(edtf: str, *, basis: Basis, phrase: str | None = None) -> When:
    """Read a date of our EDTF subset.

    Args:
        edtf: The date, in the subset that the module docstring lists.
        basis: What the date rests on.
        phrase: The words of the source, verbatim.

    Raises:
        DateError: The date is outside the subset, does not exist or is reversed, or the basis
            is none of `BASES`.
    """
    if basis not in BASES:
        raise DateError(str(basis), "is not a basis")
    begin, end, kind = _parse_shape(edtf)
    return When(
        edtf=edtf,
        basis=basis,
        phrase=phrase,
        kind=kind,
        begin_earliest=begin.lo,
        begin_latest=begin.hi,
        end_earliest=end.lo,
        end_latest=end.hi,
    )


def is_before(a: When, b: When) -> Answer:
    """Say whether `a` happened before `b`; of a span, whether it began before.

    Two times of day are compared as instants, whatever their offsets. Without them, two events
    of one day have no established order, and a time of day is on any of its `possible_days`.
    """
    at_a, at_b = instant_s(a), instant_s(b)
    if at_a is not None and at_b is not None:
        if at_a == at_b:
            return "not established"
        return "yes" if at_a < at_b else "no"
    of_a, of_b = possible_days(a), possible_days(b)
    if _surely_before(of_a.hi, of_b.lo):
        return "yes"
    if _surely_before(of_b.hi, of_a.lo):
        return "no"
    return "not established"


def known_by(when: When, as_at: dt.date) -> Answer:
    """Say whether it had happened (a span: had begun) by the end of the day `as_at`."""
    days = possible_days(when)
    if days.hi is not None and days.hi <= as_at:
        return "yes"
    if days.lo is not None and days.lo > as_at:
        return "no"
    return "not established"


def days_between(a: When, b: When) -> tuple[int | None, int | None]:
    """Count the days from `a` to `b`, least and most; None where nothing bounds them.

    Of a span its beginning counts, as in `is_before`. Negative numbers mean that `b` can have
    come first.
    """
    return _lag(a.begin_latest, b.begin_earliest), _lag(a.begin_earliest, b.begin_latest)


def narrow(a: When, corroborations: Iterable[When]) -> When:
    """Narrow a point by independent dates of the same event, without editing the original.

    Returns `a` itself if they leave it as wide as it was. Otherwise the result keeps the phrase
    and the qualifiers of `a`, and its basis is "corroborated".

    Args:
        a: A point.
        corroborations: Outer bounds of the same event: points, neither approximate nor uncertain.

    Raises:
        ContradictionError: No day satisfies all of them.
        DateError: A span was given, or a qualified corroboration.
    """
    others = tuple(corroborations)
    for each in (a, *others):
        if each.kind == "span":
            raise DateError(each.edtf, "a span cannot narrow or be narrowed")
    left = candidates(a)
    for other in others:
        if other.approximate or other.uncertain:
            raise DateError(other.edtf, "a qualified date is not an outer bound")
        left = _meet(left, candidates(other))
    if not left:
        raise ContradictionError(a.edtf, against=tuple(other.edtf for other in others))
    if a.time is not None or left == candidates(a):
        return a
    return parse_when(_format_set(left, _mark(a)), basis="corroborated", phrase=a.phrase)


def sort_key(when: When | None) -> SortKey:
    """Give the place in a timeline: by earliest day, then latest; undated by year; none last.

    A point with no earliest day stands just before what begins on its latest. The order is for
    display: it proves nothing, `is_before` does. Days count as written; times of one day count
    as instants.
    """
    if when is None:
        return 2, dt.date.max, 0, dt.date.max, 0, 0
    instant = instant_s(when)
    return (
        1 if when.undated else 0,
        when.earliest or when.latest or dt.date.max,
        0 if when.earliest is None else 1,
        when.latest or dt.date.max,
        0 if instant is None else 1,
        instant or 0,
    )


def instant_s(when: When) -> int | None:
    """Count the seconds from a fixed midnight in UTC; None without a time of day.

    Divided by 86,400 it gives the proleptic ordinal of the day in UTC (`date.toordinal`).
    """
    if when.time is None or when.earliest is None:
        return None
    return _seconds(when.earliest, when.time)


def uk_time(at_s: int) -> tuple[dt.date, int]:
    """Return the day in the United Kingdom, and the seconds since its midnight by the clock there.

    Args:
        at_s: The time, as `instant_s` gives it, in a year from 1996 on: summer time had other
            dates before.
    """
    at_s += _HOUR_S if _is_summer_time(at_s) else 0
    ordinal, seconds = divmod(at_s, _DAY_S)
    return dt.date.fromordinal(ordinal), seconds


def possible_days(when: When) -> Range:
    """Return the days on one of which it began, for whoever dates by the day.

    Of a time of day: the day as written, in UTC, and in the United Kingdom. Half past eleven in
    the evening in UTC is, for half of the year, the next day there.
    """
    at_s = instant_s(when)
    if at_s is None or when.begin_earliest is None:
        return Range(when.begin_earliest, when.begin_latest)
    days = when.begin_earliest, dt.date.fromordinal(at_s // _DAY_S), uk_time(at_s)[0]
    return Range(min(days), max(days))


def _is_summer_time(at_s: int) -> bool:
    # 1.00 UTC on the last Sundays of March and October: Summer Time Order 2002, and alike since
    # 1996. Written out, since zoneinfo reads whatever tables the machine has.
    year = dt.date.fromordinal(at_s // _DAY_S).year
    begin, end = (_last_sunday(year, month) * _DAY_S + _HOUR_S for month in (3, 10))
    return begin <= at_s < end


def _last_sunday(year: int, month: int) -> int:
    last = dt.date(year, month, 31).toordinal()
    return last - last % 7  # ordinal 7 was a Sunday


def _seconds(day: dt.date, time: str) -> int:
    hours, minutes, seconds = (int(part) for part in time[:8].split(":"))
    zone = time[8:]
    offset = 0 if zone == "Z" else int(f"{zone[0]}1") * (int(zone[1:3]) * 60 + int(zone[4:]))
    return ((day.toordinal() * 24 + hours) * 60 + minutes - offset) * 60 + seconds


def candidates(when: When) -> tuple[Range, ...]:
    """Return the ranges in one of which a point lies: more than one only of a list."""
    if when.edtf.startswith("["):
        return _parse_set(when.edtf)
    return (possible_days(when),)


def written_ends(when: When) -> tuple[Range | None, Range | None]:
    """Return the ends of a span as written, not tightened by each other; None of one unsaid."""
    first, _, last = when.edtf.partition("/")
    return _parse_end(first, whole=when.edtf), _parse_end(last, whole=when.edtf)


# [0-9], not \d, which also takes the digits of other scripts; always with fullmatch, since $
# lets a trailing newline through.
_DATE = re.compile(
    r"(?P<year>[0-9]{4})[?~%]?"
    r"(?:-(?P<month>[0-9]{2}|XX)[?~%]?(?:-(?P<day>[0-9]{2}|XX)[?~%]?)?)?"
)
_DATE_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"T(?P<time>(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))"
)
_SEASONS: Final = frozenset(str(number) for number in range(21, 42))  # and quarters, and halves
_HOUR_S: Final = 3_600
_DAY_S: Final = 24 * _HOUR_S
_CALENDAR: Final = range(dt.date.min.toordinal(), dt.date.max.toordinal() + 1)


@lru_cache(maxsize=4096)  # the same dates are read again and again
def _parse_shape(text: str) -> tuple[Range, Range, Literal["point", "span"]]:
    if "/" in text:
        begin, end = _parse_span(text)
        return begin, end, "span"
    if text.startswith("["):
        members = _parse_set(text)
        days = Range(members[0].lo, members[-1].hi)
    elif (with_time := _DATE_TIME.fullmatch(text)) is not None:
        days = _parse_date(with_time["date"], whole=text)
        # A zone can move a time before the first day of the calendar, or past its last.
        if days.lo is None or _seconds(days.lo, with_time["time"]) // _DAY_S not in _CALENDAR:
            raise DateError(text, "is on no day of the calendar in UTC")
    else:
        days = _parse_date(text, whole=text)
    return days, days, "point"


def _parse_span(text: str) -> tuple[Range, Range]:
    first, _, last = text.partition("/")
    begin, end = _parse_end(first, whole=text), _parse_end(last, whole=text)
    if begin is None and end is None:
        raise DateError(text, "neither end has a date")
    begin, end = begin or Range(None, None), end or Range(None, None)
    if _surely_before(end.hi, begin.lo):
        raise DateError(text, "ends before it begins")
    # Nothing ends before it begins: each side bounds the other.
    return Range(begin.lo, _least(begin.hi, end.hi)), Range(_most(end.lo, begin.lo), end.hi)


def _parse_end(text: str, *, whole: str) -> Range | None:
    return None if text in {"", ".."} else _parse_date(text, whole=whole)


def _parse_set(text: str) -> tuple[Range, ...]:
    inner = text[1:-1]
    if not text.endswith("]") or len(text) < len("[]"):
        raise DateError(text, "the set is not closed")
    if ".." in inner:
        return (_parse_range(inner, whole=text),)
    if "," not in inner:
        raise DateError(text, "a set of one is written without brackets")
    members = tuple(_parse_member(member, whole=text) for member in inner.split(","))
    for left, right in pairwise(members):
        if not _surely_before(left.hi, right.lo):
            raise DateError(text, "the days listed are not in order, or overlap")
    return members


def _parse_range(inner: str, *, whole: str) -> Range:
    first, _, last = inner.partition("..")
    if not first and not last:
        raise DateError(whole, "neither end has a date")
    lo = _parse_member(first, whole=whole).lo if first else None
    hi = _parse_member(last, whole=whole).hi if last else None
    if _surely_before(hi, lo):
        raise DateError(whole, "ends before it begins")
    return Range(lo, hi)


def _parse_member(text: str, *, whole: str) -> Range:
    if "X" in text:
        raise DateError(whole, "an unspecified X cannot be in a set")
    return _parse_date(text, whole=whole)


def _parse_date(text: str, *, whole: str) -> Range:
    found = _DATE.fullmatch(text)
    if found is None:
        reason = "is no date here: a day is written 2025-03-06, a month 2025-03 (EDTF)"
        raise DateError(whole, reason)
    year, month, day = found["year"], found["month"] or "XX", found["day"] or "XX"
    if month == "XX" and day != "XX":
        raise DateError(whole, "has a day without a month")
    if day == "XX" and month in _SEASONS:
        raise DateError(whole, "is a season: write its months, such as [2025-03..2025-05]")
    try:
        if month == "XX":
            return _year_range(int(year))
        if day == "XX":
            return _month_range(int(year), int(month))
        exact = dt.date(int(year), int(month), int(day))
    except ValueError as error:
        raise DateError(whole, "does not exist in the calendar") from error
    return Range(exact, exact)


def _year_range(year: int) -> Range:
    return Range(dt.date(year, 1, 1), dt.date(year, 12, 31))


def _month_range(year: int, month: int) -> Range:
    first = dt.date(year, month, 1)
    return Range(first, first.replace(day=calendar.monthrange(year, month)[1]))


def _surely_before(left: Bound, right: Bound) -> bool:
    return left is not None and right is not None and left < right


def _least(left: Bound, right: Bound) -> Bound:
    return min((day for day in (left, right) if day is not None), default=None)


def _most(left: Bound, right: Bound) -> Bound:
    return max((day for day in (left, right) if day is not None), default=None)


def _lag(left: Bound, right: Bound) -> int | None:
    return None if left is None or right is None else (right - left).days


def _meet(left: tuple[Range, ...], right: tuple[Range, ...]) -> tuple[Range, ...]:
    met = (Range(_most(a.lo, b.lo), _least(a.hi, b.hi)) for a in left for b in right)
    return tuple(days for days in met if not _surely_before(days.hi, days.lo))


def _mark(when: When) -> str:
    marks = {(True, True): "%", (True, False): "?", (False, True): "~"}
    return marks.get((when.uncertain, when.approximate), "")


def _format_set(members: tuple[Range, ...], mark: str) -> str:
    if len(members) == 1:
        return _format_range(members[0], mark)
    # Only lists have more than one member, and theirs are bounded.
    days = [day for each in members for day in _each_day(each)]
    return f"[{','.join(f'{day.isoformat()}{mark}' for day in days)}]"


def _format_range(days: Range, mark: str) -> str:
    lo = "" if days.lo is None else f"{days.lo.isoformat()}{mark}"
    hi = "" if days.hi is None else f"{days.hi.isoformat()}{mark}"
    return lo if days.lo == days.hi else f"[{lo}..{hi}]"


def _each_day(days: Range) -> list[dt.date]:
    if days.lo is None or days.hi is None:
        raise AssertionError(days)
    return [days.lo + dt.timedelta(n) for n in range((days.hi - days.lo).days + 1)]
