"""Doubts: what a person should look at again in an event that is about to be recorded for good.

Nothing here is refused: outsiders are named in many events, and a day ahead can be meant. A party
that nobody knows, and that is nearly one whom the ledger knows, is mostly one misspelt; of words
and a date that contradict each other, and that are said to be of one source, one is wrong.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator, Mapping
from typing import Final

from ledger.date_words import other_date
from ledger.dates import known_by, parse_when
from ledger.folds.positions import named_parties
from verify.kinds import DateRole, Event, Request
from verify.state import State

__all__ = ["doubts"]

# What has such a date has happened; what is due, planned or in effect may lie ahead.
_PAST: Final[tuple[DateRole, ...]] = (
    "created", "handed_over", "held", "made", "obtained", "occurred", "published", "received",
    "sent",
)  # fmt: skip
_ALIKE: Final = 0.8  # "rutlnad" is nearly "rutland"; "leicester" is not "leicestershire"


def doubts(
    event: Event, claims: Mapping[str, object], *, state: State, today: dt.date
) -> Iterator[str]:
    """Yield a sentence for each thing in an event that may be a slip of the pen.

    Args:
        event: What is about to be recorded.
        claims: Its claims, opened, those that are withheld too.
        state: Whom the ledger knows.
        today: The day; a date until the day after is no doubt, whatever the time zone.
    """
    known = {*state.charter.members, *state.members, *(key.party for key in state.keys.values())}
    shown_to = (party for parties in (event.audience or {}).values() for party in parties)
    for party in sorted({*named_parties(event), *shown_to} - known):
        near = difflib.get_close_matches(party, sorted(known), n=1, cutoff=_ALIKE)
        if near:
            yield f"this ledger knows no party {party!r}; did you mean {near[0]!r}?"
    named = sum(name.startswith("item.") for name in claims)
    if isinstance(event, Request) and event.categories and named not in {0, event.categories}:
        yield f"it is of {event.categories} categories, and names {named} items"
    for role, date in (event.dates or {}).items():
        words = claims.get(f"phrase_{role}")
        phrase = words if isinstance(words, str) else None
        when = parse_when(date.edtf, basis=date.basis, phrase=phrase)
        if role in _PAST and known_by(when, today + dt.timedelta(days=1)) == "no":
            yield f"the date {role} lies ahead: {when.edtf}"
        other = other_date(when) if when.basis == "stated" else None
        if other is not None:
            yield f"the date {role} is {when.edtf}, and its words {phrase!r} state {other}"
