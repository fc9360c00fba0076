"""Dates in words: printed for people, and read from the words of a source.

Printing says what is known and no more: the phrase of the source first, then the bounds, in plain
English that is the same in every locale. Reading is a fixed table: it suggests, and a person
confirms. What is not in the table is not interpreted, numeric dates such as 03/06/2025 among it.

Like `ledger.dates`, which holds the dates themselves, this module has no clock.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from ledger.dates import Basis, Range, When, candidates, parse_when, written_ends
from ledger.errors import DateError

__all__ = [
    "HOUSE_CONVENTION",
    "Suggestion",
    "format_as_at",
    "format_day",
    "format_when",
    "other_date",
    "words_to_edtf",
]

HOUSE_CONVENTION: Final = (
    "Dates: early or the beginning of a month means its days 1 to 10, mid 11 to 20, late or the "
    "end 21 to the last; “X to Y” means one unknown day in that range, “from X to Y” a period "
    "that lasted."
)


class Suggestion(NamedTuple):
    """What a phrase may mean, for a person to confirm."""

    edtf: str
    basis: Basis
    phrase: str


def format_when(when: When) -> str:
    """Write a date for people: the phrase, if there is one, then the bounds in plain English.

    The phrase is one line: whoever gave the date may have written more, to pass for lines of ours.
    """
    plain, notes = _plain_span(when) if when.kind == "span" else _plain_point(when)
    notes += _qualifier_notes(when)
    if when.phrase:
        meaning = ", ".join((plain, *notes))
        phrase = " ".join(when.phrase.split())
        return phrase if phrase.casefold() == meaning.casefold() else f"{phrase} ({meaning})"
    # The phrase, or this note, keeps one unknown day apart from a period that lasted.
    if when.kind == "point" and not (when.precise or when.undated or _is_half_open(when)):
        notes = ("one day", *notes)
    return f"{plain} ({', '.join(notes)})" if notes else plain


def format_as_at(when: When) -> str:
    """Write as at which day something is told, which may be unknown but for a bound."""
    return f"as at {'' if when.precise else 'a day '}{format_when(when)}"


def format_day(day: dt.date) -> str:
    """Write a day for people, the same in every locale: 8 April 2025."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


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


def other_date(when: When) -> str | None:
    """Return the date that the words of a date state, if no day of it can be the date given.

    Where the words name no year, it is the date's. Of a part of a month only the month is compared:
    which days are late in it is a convention.
    """
    ends = (when.earliest, when.latest)
    stated: list[When] = []
    for end in ends if when.phrase else ():
        found = None if end is None else words_to_edtf(when.phrase or "", year=end.year)
        if found is None:
            return None
        edtf = found.edtf[1:8] if found.basis == "convention" else found.edtf
        stated.append(parse_when(edtf, basis=found.basis))
    apart = (_ends_before(when, one) or _ends_before(one, when) for one in stated)
    return stated[0].edtf if stated and all(apart) else None


def _ends_before(a: When, b: When) -> bool:
    return a.latest is not None and b.earliest is not None and a.latest < b.earliest


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


def _is_half_open(when: When) -> bool:
    return when.earliest is None or when.latest is None


def _plain_point(when: When) -> tuple[str, tuple[str, ...]]:
    if when.undated and when.earliest is not None:
        return f"undated, {when.earliest.year}", ()
    if when.time is not None:
        zone = "" if when.time[8:] == "Z" else when.time[8:]
        return f"{_plain_range(Range(when.earliest, when.latest))}, {when.time[:8]} UTC{zone}", ()
    return " or ".join(_plain_range(days) for days in candidates(when)), ()


def _plain_range(days: Range) -> str:
    if days.lo is None or days.hi is None:
        return _plain_half_open(days)
    if days.lo == days.hi:
        return format_day(days.lo)
    if days.is_year:
        return str(days.lo.year)
    month, year = _MONTHS[days.lo.month - 1], days.lo.year
    if days.is_month:
        return f"{month} {year}"
    if (days.hi.year, days.hi.month) == (year, days.lo.month):
        return f"{days.lo.day} to {format_day(days.hi)}"
    if days.hi.year == year:
        return f"{days.lo.day} {month} to {format_day(days.hi)}"
    return f"{format_day(days.lo)} to {format_day(days.hi)}"


def _plain_half_open(days: Range) -> str:
    if days.lo is not None:
        return f"on or after {format_day(days.lo)}"
    if days.hi is not None:
        return f"on or before {format_day(days.hi)}"
    raise AssertionError(days)


def _plain_span(when: When) -> tuple[str, tuple[str, ...]]:
    # The ends as written: the bounds have been tightened by each other.
    begin, end = written_ends(when)
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
    when = parse_when(date[0], basis=date[1])
    if when.earliest is None or when.latest is None:
        raise AssertionError(when)
    one = dt.timedelta(1)
    edtf = {
        "on or after": f"[{when.earliest}..]",
        "on or before": f"[..{when.latest}]",
        "after": f"[{when.latest + one}..]",
        "before": f"[..{when.earliest - one}]",
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
