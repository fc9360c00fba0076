"""When something was received, by the words of those who say so.

Its author says when, and so does each party that received it, in a response: to the event itself,
or to the letter, say, that it is `about` and came in. A word of a receiver narrows the author's.
Where words have no day in common, or several received it on different days, it can have been any
day from the first of them to the last: none is preferred, and it does not matter who recorded
first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ledger.clocks import is_countable
from ledger.dates import Bound, When, is_before, parse_when, possible_days
from ledger.folds.answered import CONTRARY
from ledger.folds.moments import date_of
from ledger.folds.reading import Reading
from ledger.folds.stances import Telling, parties_of
from ledger.view import Told
from verify.kinds import Communication, Position

__all__ = [
    "came_otherwise",
    "exclude",
    "is_receipt_disputed",
    "received_otherwise",
    "received_when",
]

_FIELD = "dates.received"


def received_when(
    reading: Reading, told: Told, *, by: Collection[str], telling: Telling
) -> When | None:
    """Return when an event was received; None if no word for it gives a day, or one that it can be.

    Args:
        reading: The view.
        told: The event.
        by: The parties that were to receive it.
        telling: Whose word is taken. As a party tells it, its own word counts, if it gives one.
    """
    own = date_of(told, "received")
    words = _words(reading, told, by)
    if telling.party in words:
        return words[telling.party]
    if not words or (own is not None and (own.kind == "span" or telling.party == told.author)):
        return own
    found = [when for each in words.values() for when in _together(own, each)]
    days = [possible_days(each) for each in found]
    lows, highs = {each.lo for each in days}, {each.hi for each in days}
    if len(lows) == len(highs) == 1:
        return min(found, key=lambda each: each.edtf)
    return _between(
        None if None in lows else min(low for low in lows if low is not None),
        None if None in highs else max(high for high in highs if high is not None),
    )


def is_receipt_disputed(
    reading: Reading, told: Told, *, by: Collection[str], telling: Telling
) -> bool:
    """Tell whether a receiver denies when an event was received, and gives no day of its own.

    Args:
        reading: The view.
        told: The event.
        by: The parties that were to receive it.
        telling: Whose word is taken. As a party tells it, it is what that party denies.
    """
    denies: dict[str, bool] = {}
    for each, position in _said(reading, told, by):
        if telling.party not in {None, each.author}:
            continue
        if _gives_day(_word(each, position)):
            denies[each.author] = False
        elif position.field == _FIELD:
            denies[each.author] = position.stance in CONTRARY
    return any(denies.values())


def received_otherwise(reading: Reading, told: Told) -> Iterator[tuple[Told, When, When]]:
    """Yield the receipts of another day than an event tells, with their day and the one told.

    Of several receivers each has its own. One that whoever told it has accepted since is none, nor
    is one by a key that is said to have been compromised.
    """
    yield from _otherwise(reading, told, told)


def came_otherwise(reading: Reading, told: Told) -> Iterator[tuple[Told, When, When]]:
    """Yield the same of what an event came in, by a receiver that signs for nothing but that."""
    signed = {each.author for each, _ in reading.receipts(told.id)}
    for message in _messages(reading, told, date_of(told, "received")):
        for each, when, given in _otherwise(reading, told, message):
            if each.author not in signed and is_before(when, given) != "yes":
                yield each, when, given


def _otherwise(reading: Reading, told: Told, of: Told) -> Iterator[tuple[Told, When, When]]:
    given, to = date_of(told, "received"), parties_of(getattr(told.event, "to", None))
    if given is None or len(to) != 1:
        return
    for each, when in reading.receipts(of.id):
        accepted = told.author in reading.stances.upholders(each.id)
        if each.author not in to - {told.author} or accepted or each.disowned:
            continue
        if when is not None and exclude(given, when):
            yield each, when, given


def exclude(one: When, other: When) -> bool:
    """Tell whether two dates have no day in common."""
    return "yes" in {is_before(one, other), is_before(other, one)}


def _words(reading: Reading, told: Told, by: Collection[str]) -> dict[str | None, When]:
    """Return the latest word of each receiver that gives a day which a calendar knows.

    Else a day of another century would take the clock from whoever waits for an answer.
    """
    words: dict[str | None, When] = {}
    for each, position in _said(reading, told, by):
        when = _word(each, position)
        if when is not None and _gives_day(when):
            words[each.author] = when
        elif position.field == _FIELD and position.stance not in CONTRARY:
            words.pop(each.author, None)  # it agrees with its author after all
    return words


def _said(reading: Reading, told: Told, by: Collection[str]) -> Iterator[tuple[Told, Position]]:
    """Yield the responses of receivers, those to the event itself after those to what it came in.

    A word by a key that is said to be in other hands is not its party's.
    """
    own = date_of(told, "received")
    for of in (*_messages(reading, told, own), told):
        for each, position in reading.stances.on.get(of.id, ()):
            if each.author not in by or each.disowned:
                continue
            when = None if of is told else _word(each, position)
            # An earlier message is one that was asked about, not one that it came in.
            if when is None or own is None or is_before(when, own) != "yes":
                yield each, position


def _messages(reading: Reading, told: Told, own: When | None) -> Iterator[Told]:
    """Yield the messages that an event can have come in, by the word of their one author."""
    if own is None:
        return
    for link in told.event.links or ():
        other = reading.view.by_id.get(link.event) if link.ledger is None else None
        if link.rel != "about" or other is None or not isinstance(other.event, Communication):
            continue
        taken_back = other.disowned or other.id in reading.stances.withdrawn
        received = date_of(other, "received")
        if other.author != told.author or taken_back:
            continue
        if received is None or received.edtf == own.edtf:
            yield other


def _gives_day(when: When | None) -> bool:
    return when is not None and when.kind == "point" and is_countable(when)


def _word(each: Told, position: Position) -> When | None:
    if position.stance == "received":
        return date_of(each, "received")
    if position.field == _FIELD and position.stance in CONTRARY:
        return date_of(each, "value")
    return None


def _together(own: When | None, word: When) -> tuple[When, ...]:
    """Return what a receiver's word leaves of the author's; both, where they exclude each other."""
    if own is None:
        return (word,)
    if exclude(own, word):
        return own, word
    days = possible_days(own), possible_days(word)
    lo = max((each.lo for each in days if each.lo is not None), default=None)
    hi = min((each.hi for each in days if each.hi is not None), default=None)
    for each, its_days in zip((own, word), days, strict=True):
        if its_days == (lo, hi):
            return (each,)
    both = _between(lo, hi)
    return () if both is None else (both,)


def _between(lo: Bound, hi: Bound) -> When | None:
    if lo is None and hi is None:
        return None
    first, last = (None if day is None else day.isoformat() for day in (lo, hi))
    return parse_when(f"[{first or ''}..{last or ''}]", basis="inferred")
