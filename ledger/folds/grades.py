"""How well each element of an event is proven: computed, never typed in, and with its reason.

    0  Not asserted     a gap, or a negative that does not say as at which day
    1  Asserted         one party's signature, late, or about what others did
    2  Contemporaneous  one party's signature, shown by others to exist within N days
    3  Documented       its original is recorded, octet for octet, and shows this element
    4  Corroborated     3, and something that its author does not control bears this element out
    5  Acknowledged     the other side, all of it, signed `received`, `admit` or `agree` on it
    6  Agreed           all whom the event names signed `agree` on it

Elements are: that it happened, who, when sent, when received, what it said. An element that
somebody contradicts has ×, one that its author withdrew has ⊘; no grade removes them.

**Which grades need lower ones.** 4 needs 3: what bears out a text that is not here bears out
nothing that can be read. 3 does not need 2: an original can be recorded late, and the reason says
how late. 5 and 6 need none of them: they rest on the other side's signature, and not on documents;
but what nobody asserted (0) nobody can acknowledge, except that a receiver's own signed receipt,
with its day, fills the gap of when something was received. 6 is not given where the author
withdrew. One side alone reaches 4 at most, and so does what is told of somebody without a key.

**Which do not count.** A response that its party replaced since, that is about another field or
some items only, that a compromised key signed, or of a party that the event does not name. A
text agreed in one claim is not agreed in the others. Silence is nothing.

N is the charter's `contemporaneous_days`. What counts is the time by which cosignatures of the
charter's own witnesses show that the entry existed (SPEC section 8.2), or the time stamp of an
authority that the reader trusts: from the earliest possible date on, and until N days after the
latest. An operator's clock alone raises no grade.

Source: domain, "Evidence grades"; design 3, "Time"; see `corroboration` and `sides`.
"""

# ruff: noqa: RUF001, RUF002 - the multiplication sign is the domain's mark for contradicted

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.date_words import format_when
from ledger.dates import When, is_before
from ledger.folds.acts import principals_of
from ledger.folds.corroboration import Backing, backing_of, original_words
from ledger.folds.moments import date_of
from ledger.folds.positions import EventStatus, status_of
from ledger.folds.proven import witnessed_words
from ledger.folds.reading import Reading
from ledger.folds.sides import Element, Sides, Signed, Word
from ledger.folds.stances import parties_of
from ledger.view import Told
from ledger.wording import actors_words, days_words, party_of, say
from verify.brackets import format_time_s
from verify.kinds import Account, Communication, Knowledge, Meeting, Position, Request, Transfer

__all__ = ["ELEMENTS", "NAMES", "Element", "Grade", "grade_of"]

ELEMENTS: Final[tuple[Element, ...]] = ("happened", "who", "sent", "received", "said")
NAMES: Final = (
    *("Not asserted", "Asserted", "Contemporaneous", "Documented", "Corroborated"),
    *("Acknowledged", "Agreed"),
)
CONTRADICTED: Final = "×"
WITHDRAWN: Final = "⊘"

_DAY_MS = 86_400_000
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """How well one element is proven.

    Attributes:
        element: Which.
        grade: 0 to 6.
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
    grader = _Grader(reading, told, status or status_of(reading, told))
    elements = ELEMENTS if isinstance(told.event, Communication | Transfer | Request) else _SHORT
    return tuple(grader.grade(element) for element in elements)


_SHORT: Final[tuple[Element, ...]] = ("happened", "who", "said")


class _Grader:
    """Grades the elements of one event."""

    def __init__(self, reading: Reading, told: Told, status: EventStatus) -> None:
        self.reading = reading
        self.told = told
        self.status = status
        self.sides = Sides(reading, told)
        self.backing: Backing = backing_of(reading, told, self.sides)
        self.sending = self._role_of_sending()
        self.whole = _recorded(reading, told, reading.when(told.id))

    def grade(self, element: Element) -> Grade:
        signed = self.sides.signed(element, self._fields(element))
        found = list(self._reasons(element, signed))
        competing = list(self._competing(element, signed))
        grade = max(grade for grade, _ in found)
        # The strongest first; of equal weight, as found.
        reasons = [words for _, words in sorted(found, key=lambda each: -each[0])]
        notes = [*reasons, *competing, *_disowned(signed), *self._contested(element)]
        return Grade(
            element=element,
            grade=grade,
            suffix=self._suffix(element, competing=bool(competing)),
            reason="; ".join(notes),
        )

    def _reasons(self, element: Element, signed: Signed) -> Iterator[tuple[int, str]]:
        """Yield each ground, with the grade that it gives."""
        gap = _gap(self.reading, self.told, element)
        if gap is not None:
            if not signed.received:
                yield 0, gap
            yield from self._receipts(signed)
            return
        yield self._own(element)
        yield from self._documents(element)
        standing = self.status.withdrawn is None and not self.told.disowned
        if signed.agreed and standing:
            yield 6, f"all whom it names agree: {_responses(signed.agreed)}"
        elif signed.acknowledged:
            yield from _acknowledged(signed)

    def _own(self, element: Element) -> tuple[int, str]:
        if element in {"sent", "received"}:
            when = _date_of_element(self.reading, self.told, element)
            return _recorded(self.reading, self.told, when)
        return self.whole

    def _documents(self, element: Element) -> Iterator[tuple[int, str]]:
        shows = [each for each in self.backing.originals if element in each.elements]
        if shows:
            yield 3, original_words(shows[0])
        if self.backing.originals:
            for support in self.backing.supports:
                if element in support.elements:
                    yield 4, support.words
        if element == "said":
            yield from ((0, note) for note in self.backing.notes)

    def _receipts(self, signed: Signed) -> Iterator[tuple[int, str]]:
        """Fill the gap of when it was received by what its receivers signed."""
        if not signed.received:
            return
        days = ", ".join(f"{party} on {format_when(day)}" for party, day in signed.received.items())
        if signed.missing:
            yield 1, f"received, as they sign: {days}"
            yield 0, f"not by {actors_words(signed.missing, most=3)}"
        else:
            yield 5, f"received, as all that it was for sign: {days}"

    def _fields(self, element: Element) -> tuple[str, ...]:
        """Return the fields that must all be agreed for an element to be."""
        match element:
            case "happened":
                return ("happened",)
            case "who":
                return ("actors",)
            case "said":
                # The words of a date stand with the date.
                names = (name for name in self.told.claims if not name.startswith("phrase_"))
                return tuple(f"claims.{name}" for name in sorted(names))
            case "received":
                return ("dates.received",)
        return () if self.sending is None else (f"dates.{self.sending}",)

    def _role_of_sending(self) -> str | None:
        given = self.told.event.dates or {}
        moment = self.reading.dates.get(self.told.id)
        main = None if moment is None or moment.role == "received" else moment.role
        return next((role for role in ("sent", "dated") if role in given), main)

    def _touches(self, element: Element, field: str) -> bool:
        """Tell whether what is said of a field is said of an element."""
        role = field.removeprefix("dates.")
        if role != field:
            # Where it has no element of its own, a date is that of its happening.
            found = "happened"
            if isinstance(self.told.event, Communication | Transfer | Request):
                sending = {"sent", "dated", self.sending}
                found = "received" if role == "received" else found
                found = "sent" if role in sending else found
            return element == found
        named = {"happened": "happened", "actors": "who"}
        return element == named.get(field, "said")

    def _contested(self, element: Element) -> Iterator[str]:
        """Yield what is said against an element, or against the whole."""
        for field in self.status.fields:
            if field.field != "happened" and not self._touches(element, field.field):
                continue
            for r in field.responses:
                if not r.superseded and r.stance in {"dispute", "deny", "correct", "object"}:
                    yield f"{r.party}: {r.stance}" + (f" ({r.value})" if r.value else "")
        if self.status.disowned:
            yield "disowned: its key is said to have been compromised"
        if self.status.withdrawn:
            yield "withdrawn by its author"

    def _competing(self, element: Element, signed: Signed) -> Iterator[str]:
        """Yield dates of the same element that cannot both hold."""
        if element == "received":
            ours = date_of(self.told, "received")
            for party, day in signed.received.items():
                if ours is not None and "yes" in {is_before(ours, day), is_before(day, ours)}:
                    yield f"{party} signs that it received it on {format_when(day)}"
        if element in {"sent", "received"}:
            sent, received = date_of(self.told, "sent"), date_of(self.told, "received")
            if sent is not None and received is not None and is_before(received, sent) == "yes":
                yield "it cannot have been received before it was sent"

    def _suffix(self, element: Element, *, competing: bool) -> str:
        status = self.status
        # Who denies the whole of it denies each of its elements.
        contradicted = competing or status.disowned or any(
            field.contradicted
            for field in status.fields
            if field.field == "happened" or self._touches(element, field.field)
        )  # fmt: skip
        marks = (CONTRADICTED if contradicted else "", WITHDRAWN if status.withdrawn else "")
        return "".join(marks)


def _acknowledged(signed: Signed) -> Iterator[tuple[int, str]]:
    if not signed.missing:
        yield 5, _responses(signed.acknowledged)
        return
    yield (
        0,
        f"{_responses(signed.acknowledged)}, and {actors_words(signed.missing, most=3)} did not",
    )


def _responses(signed: Mapping[str, Word]) -> str:
    found = []
    for party, word in signed.items():
        key = ", by a recovered key" if word.recovered else ""
        found.append(f"{party} {say(word.stance)} (entry {word.entry}{key})")
    return ", ".join(found)


def _disowned(signed: Signed) -> Iterator[str]:
    for party in signed.disowned:
        yield f"{party} responded by a key that is said to have been compromised"


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
