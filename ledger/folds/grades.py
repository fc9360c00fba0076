"""How well each element of an event is proven: computed, never typed in, and with its reason.

    0  Not asserted     a gap, or a negative that does not say as at which day
    1  Asserted         one party's signature, late, or about what others did
    2  Contemporaneous  one party's signature, shown by others to exist within N days

Elements are: that it happened, who, when sent, when received, what it said. An element that
somebody contradicts has ×, one that its author withdrew has ⊘; no grade removes them. Higher
grades (documented, corroborated, acknowledged, agreed) are not computed in this version.

N is the charter's `contemporaneous_days`. What counts is the time by which cosignatures of the
charter's own witnesses show that the entry existed (SPEC section 8.2), or the time stamp of an
authority that the reader trusts: from the earliest possible date on, and until N days after the
latest. An operator's clock alone raises no grade.

Source: domain, "Evidence grades"; design 3, "Time".
"""

# ruff: noqa: RUF001, RUF002 - the multiplication sign is the domain's mark for contradicted

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

from ledger.dates import When
from ledger.folds.acts import principals_of
from ledger.folds.moments import date_of
from ledger.folds.positions import EventStatus, status_of
from ledger.folds.proven import witnessed_words
from ledger.folds.reading import Reading
from ledger.folds.stances import parties_of
from ledger.view import Told
from ledger.wording import actors_words, days_words, party_of
from verify.brackets import format_time_s
from verify.events import Account, Communication, Knowledge, Meeting, Position, Request, Transfer

__all__ = ["ELEMENTS", "NAMES", "Element", "Grade", "grade_of"]

Element = Literal["happened", "who", "sent", "received", "said"]

ELEMENTS: Final[tuple[Element, ...]] = ("happened", "who", "sent", "received", "said")
NAMES: Final = ("Not asserted", "Asserted", "Contemporaneous")
CONTRADICTED: Final = "×"
WITHDRAWN: Final = "⊘"

_FIELDS: Final[dict[Element, tuple[str, ...]]] = {
    "happened": ("happened",),
    "who": ("actors",),
    "sent": ("dates.sent", "dates.dated"),
    "received": ("dates.received",),
    "said": ("items", "claims."),
}
_DAY_MS = 86_400_000
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """How well one element is proven.

    Attributes:
        element: Which.
        grade: 0, 1 or 2.
        suffix: `×` contradicted, `⊘` withdrawn, or both.
        reason: Why, in words.
    """

    element: Element
    grade: int
    suffix: str
    reason: str

    @property
    def name(self) -> str:
        """The word that people see: "Asserted", "Asserted ×"."""
        return f"{NAMES[self.grade]} {self.suffix}".rstrip()


def grade_of(
    reading: Reading, told: Told, *, status: EventStatus | None = None
) -> tuple[Grade, ...]:
    """Grade the elements of an event that its kind has.

    Args:
        reading: The view.
        told: The event.
        status: How the parties stand to it, where that is known already.
    """
    status = status or status_of(reading, told)
    elements = ELEMENTS if isinstance(told.event, Communication | Transfer | Request) else _SHORT
    whole = _recorded(reading, told, reading.when(told.id))
    return tuple(_grade(reading, told, element, status, whole) for element in elements)


_SHORT: Final[tuple[Element, ...]] = ("happened", "who", "said")


def _grade(
    reading: Reading, told: Told, element: Element, status: EventStatus, whole: tuple[int, str]
) -> Grade:
    gap = _gap(reading, told, element)
    suffix = _suffix(element, status)
    if gap is not None:
        return Grade(element=element, grade=0, suffix=suffix, reason=gap)
    grade, reason = whole
    if element in {"sent", "received"}:
        grade, reason = _recorded(reading, told, _date_of_element(reading, told, element))
    return Grade(
        element=element, grade=grade, suffix=suffix, reason=_with_status(reason, element, status)
    )


def _gap(reading: Reading, told: Told, element: Element) -> str | None:
    """Say why an element is not asserted; None if it is."""
    event = told.event
    if element in {"sent", "received"}:
        roles = ("sent", "dated") if element == "sent" else ("received",)
        if element == "sent" and isinstance(event, Request) and reading.when(told.id) is not None:
            return None
        given = any(role in (event.dates or {}) for role in roles)
        return None if given else f"no date is given on which it was {element}"
    if element == "said":
        return None if told.claims else "nothing of what it said is open here"
    if element == "who":
        return None if _is_named(told) else "nobody is named"
    negative = isinstance(event, Knowledge) and event.mode in {"not_told", "disclaims"}
    if negative and date_of(told, "as_at") is None and date_of(told, "period") is None:
        return "a negative that does not say as at which day"
    return None


def _is_named(told: Told) -> bool:
    event = told.event
    match event:
        case Communication():
            return bool(parties_of(event.from_, event.to, event.cc, event.on_behalf_of))
        case Meeting():
            return bool(parties_of(event.attendees, event.host, event.chair))
        case Request() | Transfer():
            return bool(parties_of(event.from_) | principals_of(event))
        case Account() | Position():
            return True
        case _:
            by = getattr(event, "by", None)
            return by is None or party_of(by) != "unknown" or bool(principals_of(event))


def _recorded(reading: Reading, told: Told, when: When | None) -> tuple[int, str]:
    days_allowed = reading.view.charter_at(told.index).contemporaneous_days
    who = _hearsay(told)
    signed = "one signature"
    bracket = reading.view.bracket(told)
    if bracket.by_s is None:
        lag = _lag_words(_lag(when, told.recorded), _most_lag(when, told.recorded))
        clock = f"recorded {lag} by the operator's clock, which nobody else has witnessed"
        return 1, "; ".join(filter(None, (f"{signed}, {clock}", who)))
    by_ms = bracket.by_s * 1000
    late = _lag(when, by_ms)
    existed = f"existed by {format_time_s(bracket.by_s)}, {witnessed_words(bracket)}"
    reason = f"{signed}; {existed}, {_lag_words(late, _most_lag(when, by_ms))}"
    if who is not None:
        return 1, f"{reason}; {who}"
    early = when is None or when.earliest is None or when.earliest <= _day(by_ms)
    if late is not None and late <= days_allowed and early:
        return 2, f"{reason}, which is within {days_allowed} days"
    return 1, f"{reason}, which is not shown to be within {days_allowed} days"


def _hearsay(told: Told) -> str | None:
    """Say who else did what the author tells; None if the author did it itself."""
    event = told.event
    by = getattr(event, "from_", None) or getattr(event, "by", None)
    actors = (by,) if isinstance(by, str) else tuple(by or ())
    principals = principals_of(event)
    if not actors and isinstance(event, Account):
        return _for_whom(principals - {told.author})
    if not actors or told.author in parties_of(actors) | principals:
        return None
    if not parties_of(actors) and principals:
        return _for_whom(principals)
    return f"it tells what {actors_words(actors, most=3)} did"


def _for_whom(principals: frozenset[str]) -> str | None:
    if not principals:
        return None
    return f"it tells what was done on behalf of {actors_words(sorted(principals), most=3)}"


def _date_of_element(reading: Reading, told: Told, element: Element) -> When | None:
    if element == "sent":
        return date_of(told, "sent") or date_of(told, "dated") or reading.when(told.id)
    return date_of(told, "received")


def _day(ms: int) -> dt.date:
    # A clock may say anything, also what is beyond the calendar.
    return _EPOCH + dt.timedelta(days=min(ms // _DAY_MS, (dt.date.max - _EPOCH).days))


def _lag(when: When | None, ms: int) -> int | None:
    """Count the days from the latest possible date to a time; None if nothing bounds it."""
    if when is None or when.latest is None:
        return None
    return max((_day(ms) - when.latest).days, 0)


def _most_lag(when: When | None, ms: int) -> int | None:
    """Count the days from the earliest possible date to a time; None if nothing bounds it."""
    if when is None or when.earliest is None:
        return None
    return max((_day(ms) - when.earliest).days, 0)


def _lag_words(least: int | None, most: int | None) -> str:
    if least is None and most is None:
        return "an unknown number of days later"
    return f"{days_words(least, most)} later"


def _suffix(element: Element, status: EventStatus) -> str:
    fields = (
        field
        for field in status.fields
        if any(
            field.field == name or (name.endswith(".") and field.field.startswith(name))
            for name in _FIELDS[element]
        )
    )
    contradicted = any(field.contradicted for field in fields)
    whole = status.field("happened")
    # Who denies the whole of it denies each of its elements.
    contradicted = contradicted or status.disowned or (whole is not None and whole.contradicted)
    marks = (CONTRADICTED if contradicted else "", WITHDRAWN if status.withdrawn else "")
    return "".join(marks)


def _with_status(reason: str, element: Element, status: EventStatus) -> str:
    notes = [reason]
    names = _FIELDS[element]
    for field in status.fields:
        if field.field != "happened" and not field.field.startswith(names):
            continue
        notes.extend(
            f"{r.party}: {r.stance}" + (f" ({r.value})" if r.value else "")
            for r in field.responses
            if not r.superseded and r.stance in {"dispute", "deny", "correct", "object"}
        )
    if status.disowned:
        notes.append("disowned: its key is said to have been compromised")
    if status.withdrawn:
        notes.append("withdrawn by its author")
    return "; ".join(notes)
