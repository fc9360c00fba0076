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
(`ledger.clocks` does), and never interprets numeric dates such as 03/06/2025: a person confirms.

Source: Library of Congress EDTF specification (2019), levels 0 to 2; linked.art issue 239.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, NamedTuple, get_args

from ledger.errors import ContradictionError, DateError

__all__ = [
    "BASES",
    "HOUSE_CONVENTION",
    "Answer",
    "Basis",
    "Bound",
    "SortKey",
    "Suggestion",
    "When",
    "days_between",
    "format_day",
    "format_when",
    "instant_s",
    "is_before",
    "known_by",
    "narrow",
    "parse_when",
    "sort_key",
    "words_to_edtf",
]

Basis = Literal["stated", "inferred", "corroborated", "convention"]
Answer = Literal["yes", "no", "not established"]
Bound = dt.date | None
SortKey = tuple[int, dt.date, int, dt.date, int, int]

BASES: Final[tuple[Basis, ...]] = get_args(Basis)

HOUSE_CONVENTION: Final = (
    "Dates: early or the beginning of a month means its days 1 to 10, mid 11 to 20, late or the "
    "end 21 to the last; “X to Y” means one unknown day in that range, “from X to Y” a period "
    "that lasted."
)


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
        return self.kind == "point" and _is_year(_Range(self.earliest, self.latest))

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


class Suggestion(NamedTuple):
    """What a phrase may mean, for a person to confirm."""

    edtf: str
    basis: Basis
    phrase: str


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
    of one day have no established order.
    """
    at_a, at_b = instant_s(a), instant_s(b)
    if at_a is not None and at_b is not None:
        if at_a == at_b:
            return "not established"
        return "yes" if at_a < at_b else "no"
    if _surely_before(a.begin_latest, b.begin_earliest):
        return "yes"
    if _surely_before(b.begin_latest, a.begin_earliest):
        return "no"
    return "not established"


def known_by(when: When, as_at: dt.date) -> Answer:
    """Say whether it had happened (a span: had begun) by the end of the day `as_at`."""
    if when.begin_latest is not None and when.begin_latest <= as_at:
        return "yes"
    if when.begin_earliest is not None and when.begin_earliest > as_at:
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
    left = _candidates(a)
    for other in others:
        if other.approximate or other.uncertain:
            raise DateError(other.edtf, "a qualified date is not an outer bound")
        left = _meet(left, _candidates(other))
    if not left:
        raise ContradictionError(a.edtf, against=tuple(other.edtf for other in others))
    if left == _candidates(a):
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


def format_when(when: When) -> str:
    """Write a date for people: the phrase, if there is one, then the bounds in plain English."""
    plain, notes = _plain_span(when) if when.kind == "span" else _plain_point(when)
    notes += _qualifier_notes(when)
    if when.phrase:
        meaning = ", ".join((plain, *notes))
        same = " ".join(when.phrase.split()).casefold() == meaning.casefold()
        return when.phrase if same else f"{when.phrase} ({meaning})"
    # The phrase, or this note, keeps one unknown day apart from a period that lasted.
    if when.kind == "point" and not (when.precise or when.undated or _is_half_open(when)):
        notes = ("one day", *notes)
    return f"{plain} ({', '.join(notes)})" if notes else plain


def format_day(day: dt.date) -> str:
    """Write a day for people, the same in every locale: 8 April 2025."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def instant_s(when: When) -> int | None:
    """Count the seconds from a fixed midnight in UTC; None without a time of day.

    Divided by 86,400 it gives the proleptic ordinal of the day in UTC (`date.toordinal`).
    """
    if when.time is None or when.earliest is None:
        return None
    hours, minutes, seconds = (int(part) for part in when.time[:8].split(":"))
    zone = when.time[8:]
    offset = 0 if zone == "Z" else int(f"{zone[0]}1") * (int(zone[1:3]) * 60 + int(zone[4:]))
    return ((when.earliest.toordinal() * 24 + hours) * 60 + minutes - offset) * 60 + seconds


def words_to_edtf(phrase: str, *, year: int | None) -> Suggestion | None:
    """Suggest a date for words, from a fixed table; None for anything that is not in it.

    The table, in any case, each with or without a year, months also as three letters: early,
    beginning of, mid, late, end of July; in July; 6 July, 6th July, 6th of July; before, after,
    on or before, on or after, between … and … with such a day or month. Parts of months follow
    `HOUSE_CONVENTION`. Numeric dates give None: 03/06/2025 is two days.

    Args:
        phrase: The words of the source.
        year: The year to infer where the words give none; None to infer nothing.
    """
    text = _normalise(phrase)
    usual = str(year) if year is not None and _FIRST_YEAR <= year <= _LAST_YEAR else None
    for read in _READERS:
        found = read(text, usual)
        if found is not None and _exists(found[0]):
            return Suggestion(found[0], found[1], phrase)
    return None


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

# [0-9], not \d, which also takes the digits of other scripts; always with fullmatch, since $
# lets a trailing newline through.
_DATE = re.compile(
    r"(?P<year>[0-9]{4})[?~%]?"
    r"(?:-(?P<month>[0-9]{2}|XX)[?~%]?(?:-(?P<day>[0-9]{2}|XX)[?~%]?)?)?"
)
_DATE_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


class _Range(NamedTuple):
    """Days from `lo` to `hi`, both included; None where nothing bounds them."""

    lo: Bound
    hi: Bound


def _parse_shape(text: str) -> tuple[_Range, _Range, Literal["point", "span"]]:
    if "/" in text:
        begin, end = _parse_span(text)
        return begin, end, "span"
    if text.startswith("["):
        members = _parse_set(text)
        days = _Range(members[0].lo, members[-1].hi)
    elif (with_time := _DATE_TIME.fullmatch(text)) is not None:
        days = _parse_date(with_time["date"], whole=text)
    else:
        days = _parse_date(text, whole=text)
    return days, days, "point"


def _parse_span(text: str) -> tuple[_Range, _Range]:
    first, _, last = text.partition("/")
    begin, end = _parse_end(first, whole=text), _parse_end(last, whole=text)
    if begin is None and end is None:
        raise DateError(text, "neither end has a date")
    begin, end = begin or _Range(None, None), end or _Range(None, None)
    if _surely_before(end.hi, begin.lo):
        raise DateError(text, "ends before it begins")
    # Nothing ends before it begins: each side bounds the other.
    return _Range(begin.lo, _least(begin.hi, end.hi)), _Range(_most(end.lo, begin.lo), end.hi)


def _parse_end(text: str, *, whole: str) -> _Range | None:
    return None if text in {"", ".."} else _parse_date(text, whole=whole)


def _parse_set(text: str) -> tuple[_Range, ...]:
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


def _parse_range(inner: str, *, whole: str) -> _Range:
    first, _, last = inner.partition("..")
    if not first and not last:
        raise DateError(whole, "neither end has a date")
    lo = _parse_member(first, whole=whole).lo if first else None
    hi = _parse_member(last, whole=whole).hi if last else None
    if _surely_before(hi, lo):
        raise DateError(whole, "ends before it begins")
    return _Range(lo, hi)


def _parse_member(text: str, *, whole: str) -> _Range:
    if "X" in text:
        raise DateError(whole, "an unspecified X cannot be in a set")
    return _parse_date(text, whole=whole)


def _parse_date(text: str, *, whole: str) -> _Range:
    found = _DATE.fullmatch(text)
    if found is None:
        raise DateError(whole, "is not in the EDTF subset")
    year, month, day = found["year"], found["month"] or "XX", found["day"] or "XX"
    if month == "XX" and day != "XX":
        raise DateError(whole, "has a day without a month")
    try:
        if month == "XX":
            return _year_range(int(year))
        if day == "XX":
            return _month_range(int(year), int(month))
        exact = dt.date(int(year), int(month), int(day))
    except ValueError as error:
        raise DateError(whole, "does not exist in the calendar") from error
    return _Range(exact, exact)


def _year_range(year: int) -> _Range:
    return _Range(dt.date(year, 1, 1), dt.date(year, 12, 31))


def _month_range(year: int, month: int) -> _Range:
    first = dt.date(year, month, 1)
    return _Range(first, first.replace(day=calendar.monthrange(year, month)[1]))


def _is_year(days: _Range) -> bool:
    return days.lo is not None and days == _year_range(days.lo.year)


def _is_month(days: _Range) -> bool:
    return days.lo is not None and days == _month_range(days.lo.year, days.lo.month)


def _is_half_open(when: When) -> bool:
    return when.earliest is None or when.latest is None


def _surely_before(left: Bound, right: Bound) -> bool:
    return left is not None and right is not None and left < right


def _least(left: Bound, right: Bound) -> Bound:
    return min((day for day in (left, right) if day is not None), default=None)


def _most(left: Bound, right: Bound) -> Bound:
    return max((day for day in (left, right) if day is not None), default=None)


def _lag(left: Bound, right: Bound) -> int | None:
    return None if left is None or right is None else (right - left).days


def _candidates(when: When) -> tuple[_Range, ...]:
    if when.edtf.startswith("["):
        return _parse_set(when.edtf)
    return (_Range(when.earliest, when.latest),)


def _meet(left: tuple[_Range, ...], right: tuple[_Range, ...]) -> tuple[_Range, ...]:
    met = (_Range(_most(a.lo, b.lo), _least(a.hi, b.hi)) for a in left for b in right)
    return tuple(days for days in met if not _surely_before(days.hi, days.lo))


def _mark(when: When) -> str:
    marks = {(True, True): "%", (True, False): "?", (False, True): "~"}
    return marks.get((when.uncertain, when.approximate), "")


def _format_set(candidates: tuple[_Range, ...], mark: str) -> str:
    if len(candidates) == 1:
        return _format_range(candidates[0], mark)
    # Only lists have more than one candidate, and their members are bounded.
    days = [day for each in candidates for day in _each_day(each)]
    return f"[{','.join(f'{day.isoformat()}{mark}' for day in days)}]"


def _format_range(days: _Range, mark: str) -> str:
    lo = "" if days.lo is None else f"{days.lo.isoformat()}{mark}"
    hi = "" if days.hi is None else f"{days.hi.isoformat()}{mark}"
    return lo if days.lo == days.hi else f"[{lo}..{hi}]"


def _each_day(days: _Range) -> list[dt.date]:
    if days.lo is None or days.hi is None:
        raise AssertionError(days)
    return [days.lo + dt.timedelta(n) for n in range((days.hi - days.lo).days + 1)]


def _plain_point(when: When) -> tuple[str, tuple[str, ...]]:
    if when.undated and when.earliest is not None:
        return f"undated, {when.earliest.year}", ()
    if when.time is not None:
        zone = "" if when.time[8:] == "Z" else when.time[8:]
        return f"{_plain_range(_candidates(when)[0])}, {when.time[:8]} UTC{zone}", ()
    return " or ".join(_plain_range(days) for days in _candidates(when)), ()


def _plain_range(days: _Range) -> str:
    if days.lo is None or days.hi is None:
        return _plain_half_open(days)
    if days.lo == days.hi:
        return format_day(days.lo)
    if _is_year(days):
        return str(days.lo.year)
    month, year = _MONTHS[days.lo.month - 1], days.lo.year
    if _is_month(days):
        return f"{month} {year}"
    if (days.hi.year, days.hi.month) == (year, days.lo.month):
        return f"{days.lo.day} to {format_day(days.hi)}"
    if days.hi.year == year:
        return f"{days.lo.day} {month} to {format_day(days.hi)}"
    return f"{format_day(days.lo)} to {format_day(days.hi)}"


def _plain_half_open(days: _Range) -> str:
    if days.lo is not None:
        return f"on or after {format_day(days.lo)}"
    if days.hi is not None:
        return f"on or before {format_day(days.hi)}"
    raise AssertionError(days)


def _plain_span(when: When) -> tuple[str, tuple[str, ...]]:
    # The ends as written: the bounds have been tightened by each other.
    first, _, last = when.edtf.partition("/")
    begin, end = _parse_end(first, whole=when.edtf), _parse_end(last, whole=when.edtf)
    words = []
    notes: list[str] = []
    if begin is None:
        notes.append("no beginning" if when.begin_open else "beginning unknown")
    else:
        words.append(f"from {_plain_range(begin)}")
    if end is None:
        notes.append("no end" if when.end_open else "end unknown")
    else:
        words.append(f"{'until' if begin is None else 'to'} {_plain_range(end)}")
    return " ".join(words), tuple(notes)


def _qualifier_notes(when: When) -> tuple[str, ...]:
    notes = []
    for note, marks in (("approximate", "~%"), ("uncertain", "?%")):
        marked = len(re.findall(f"[{marks}]", when.edtf))
        if marked:
            years = len(re.findall(rf"(?:^|[^0-9-])[0-9]{{4}}[{marks}]-", when.edtf))
            notes.append(f"year {note}" if years == marked else note)
    return tuple(notes)


_FIRST_YEAR, _LAST_YEAR = 1000, 2999
_LAST = 0
_THIRDS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("early", "in early", "beginning of", "at the beginning of"), (1, 10)),
    **dict.fromkeys(("mid", "in mid", "middle of", "in the middle of"), (11, 20)),
    **dict.fromkeys(("late", "in late", "end of", "at the end of"), (21, _LAST)),
}
_MONTH_NUMBERS: dict[str, int] = {
    **{name.casefold(): number for number, name in enumerate(_MONTHS, start=1)},
    **{name[:3].casefold(): number for number, name in enumerate(_MONTHS, start=1)},
    "sept": 9,
}
_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}

_NAME = "(?P<month>" + "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True)) + ")"
_YEAR = r"(?: (?P<year>[12][0-9]{3}))?"
_WORD_DAY = re.compile(rf"(?P<day>[0-9]{{1,2}})(?P<th>st|nd|rd|th)?(?: of)? {_NAME}{_YEAR}")
_WORD_MONTH = re.compile(rf"{_NAME}{_YEAR}")
_WORD_THIRD = re.compile(rf"(?P<part>{'|'.join(_THIRDS)}) {_NAME}{_YEAR}")
_WORD_IN = re.compile(rf"in {_NAME}{_YEAR}")
_WORD_BOUND = re.compile(r"(?P<side>on or after|on or before|after|before) (?P<date>.+)")
_WORD_BETWEEN = re.compile(r"between (?P<first>.+) and (?P<last>.+)")
_BARE_DAY = re.compile(r"[0-9]{1,2}(?:st|nd|rd|th)?")

_Reading = tuple[str, Basis] | None


def _normalise(phrase: str) -> str:
    text = " ".join(phrase.split()).casefold().rstrip(".,")
    return text.replace("mid-", "mid ")


def _exists(edtf: str) -> bool:
    try:
        parse_when(edtf, basis="inferred")
    except DateError:
        return False
    return True


def _read_third(text: str, usual: str | None) -> _Reading:
    found = _WORD_THIRD.fullmatch(text)
    year = (found["year"] or usual) if found else None
    if found is None or year is None:
        return None
    first, last = _THIRDS[found["part"]]
    number = _MONTH_NUMBERS[found["month"]]
    last = last or calendar.monthrange(int(year), number)[1]
    return f"[{year}-{number:02}-{first:02}..{year}-{number:02}-{last:02}]", "convention"


def _read_in(text: str, usual: str | None) -> _Reading:
    found = _WORD_IN.fullmatch(text)
    year = (found["year"] or usual) if found else None
    if found is None or year is None:
        return None
    return f"{year}-{_MONTH_NUMBERS[found['month']]:02}-XX", _basis(found["year"])


def _read_day(text: str, usual: str | None) -> _Reading:
    found = _WORD_DAY.fullmatch(text)
    year = (found["year"] or usual) if found else None
    if found is None or year is None:
        return None
    day = int(found["day"])
    if found["th"] not in {None, _ORDINALS.get(day, "th")}:
        return None
    return f"{year}-{_MONTH_NUMBERS[found['month']]:02}-{day:02}", _basis(found["year"])


def _read_month(text: str, usual: str | None) -> _Reading:
    found = _WORD_MONTH.fullmatch(text)
    year = (found["year"] or usual) if found else None
    if found is None or year is None:
        return None
    return f"{year}-{_MONTH_NUMBERS[found['month']]:02}", _basis(found["year"])


def _read_bound(text: str, usual: str | None) -> _Reading:
    found = _WORD_BOUND.fullmatch(text)
    date = _read_day_or_month(found["date"], usual) if found else None
    if found is None or date is None or not _exists(date[0]):
        return None
    days = _parse_date(date[0], whole=date[0])
    if days.lo is None or days.hi is None:
        raise AssertionError(days)
    one = dt.timedelta(1)
    edtf = {
        "on or after": f"[{days.lo}..]",
        "on or before": f"[..{days.hi}]",
        "after": f"[{days.hi + one}..]",
        "before": f"[..{days.lo - one}]",
    }[found["side"]]
    return edtf, date[1]


def _read_between(text: str, usual: str | None) -> _Reading:
    found = _WORD_BETWEEN.fullmatch(text)
    last = _read_day_or_month(found["last"], usual) if found else None
    if found is None or last is None:
        return None
    words, whole = found["first"], _WORD_DAY.fullmatch(found["last"])
    if whole is not None and _BARE_DAY.fullmatch(words):
        # "between 6 and 8 April": the month is said once.
        words = f"{words} {whole['month']}"
    first = _read_day_or_month(words, last[0][:4])
    # A year said of the first date only leaves the year of the second to a guess.
    if first is None or (first[1], last[1]) == ("stated", "inferred"):
        return None
    return f"[{first[0]}..{last[0]}]", last[1]


def _read_day_or_month(text: str, usual: str | None) -> _Reading:
    return _read_day(text, usual) or _read_month(text, usual)


def _basis(stated_year: str | None) -> Basis:
    return "inferred" if stated_year is None else "stated"


_READERS: tuple[Callable[[str, str | None], _Reading], ...] = (
    _read_third,
    _read_in,
    _read_day,
    _read_bound,
    _read_between,
)
