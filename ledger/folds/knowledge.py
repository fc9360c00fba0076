"""Knowledge: who says that whom knew what, and when; how late; and what signatures show of it.

A knowledge event without a date of its own takes a bound from what it came by: the receipt of that
communication, or, if only its date is given, not before that date. Responses `received` show that
a party had the thing when it signed them; `seen` proves that a signature is later than those
entries, never that anyone read them, nor, when low, that they were unknown.

Source: FOLDS, "Knowledge".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.dates import When, days_between
from ledger.folds.moments import date_of
from ledger.folds.reading import Days, Reading
from ledger.view import Told, View
from ledger.wording import party_of
from verify.kinds import Knowledge

__all__ = ["AWARE", "KnowledgeFold", "KnowledgeRow", "Shown", "fold_knowledge", "is_of"]

AWARE = frozenset(("became_aware", "told", "knew_earlier"))
"""The modes of knowledge that tell that somebody knew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a signature shows of a party's having had an event.

    Attributes:
        party: The party.
        of: The event's id.
        by: The id of the event that shows it.
        index: Its index.
        how: `recorded` (it told it itself), `received` (it signed that), `seen` (it held the
            entry when it signed this).
    """

    party: str
    of: str
    by: str
    index: int
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeRow:
    """One telling of what somebody knew.

    Attributes:
        id: Its event id.
        index: Its index.
        author: The party that tells it.
        knower: Who knew, or did not.
        of: The id of the event known.
        mode: How.
        directness: By what way.
        via: The id of the event by which it came.
        when: The date of the knowledge, as told or bounded by what it came by.
        bounded_by: The id of the event that bounds it; None if it is dated itself.
        as_at: Of a negative: the day as at which it is told; without it, it is not asserted.
        lag: Of awareness: days from the event to the knowledge, least and most.
    """

    id: str
    index: int
    author: str
    knower: str
    of: str
    mode: str
    directness: str | None
    via: str | None
    when: When | None
    bounded_by: str | None
    as_at: When | None
    lag: Days


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeFold:
    """What is told and shown of knowledge.

    Attributes:
        rows: The tellings, laid out as in the chronology.
        shown: What signatures show, in ledger order.
        later: How many are left out, since they are of after the day asked.
        withdrawn: How many are left out, since their author withdrew them.
    """

    rows: tuple[KnowledgeRow, ...]
    shown: tuple[Shown, ...]
    later: int
    withdrawn: int


def is_of(actor: str, holder: str) -> bool:
    """Tell whether what an actor knew is what `holder` knew: a party knows what its posts know."""
    return actor == holder or ("/" not in holder and party_of(actor) == holder)


def fold_knowledge(
    reading: Reading, *, holder: str | None = None, of: str | None = None
) -> KnowledgeFold:
    """Fold what is told of knowledge. Each row has one author: tellings are never merged.

    Args:
        reading: The view.
        holder: Only what this party or post knew; None for all.
        of: Only who knew of the event with this id; None for all.
    """
    rows: list[KnowledgeRow] = []
    later = withdrawn = 0
    for told in reading.laid_out(reading.view.told):
        if not isinstance(told.event, Knowledge) or of not in {None, told.event.of}:
            continue
        if holder is not None and not is_of(told.event.knower, holder):
            continue
        if reading.later(told):
            later += 1
        elif told.id in reading.stances.withdrawn:
            withdrawn += 1
        else:
            rows.append(_row(reading, told, told.event))
    targets = sorted({row.of for row in rows}, key=lambda of: reading.view.by_id[of].index)
    held = _Held(reading.view)
    shown = [each for target in targets for each in _shown(reading, held, target)]
    shown = [each for each in shown if holder is None or is_of(each.party, holder)]
    return KnowledgeFold(rows=tuple(rows), shown=tuple(shown), later=later, withdrawn=withdrawn)


def _row(reading: Reading, told: Told, event: Knowledge) -> KnowledgeRow:
    moment = reading.dates.get(told.id)
    when = None if moment is None else moment.when
    of_when = reading.when(event.of)
    lag: Days = (None, None)
    if event.mode in AWARE and when is not None and of_when is not None:
        least, most = days_between(of_when, when)
        if least is not None and (most is None or most >= 0):
            least = max(least, 0)  # nobody knows of what has not happened
        lag = least, most
    return KnowledgeRow(
        id=told.id,
        index=told.index,
        author=told.author,
        knower=event.knower,
        of=event.of,
        mode=event.mode,
        directness=event.directness,
        via=event.via,
        when=when,
        bounded_by=None if moment is None else moment.source,
        as_at=date_of(told, "as_at"),
        lag=lag,
    )


def _shown(reading: Reading, held: _Held, of: str) -> Iterator[Shown]:
    target = reading.view.by_id[of]
    yield Shown(party=target.author, of=of, by=of, index=target.index, how="recorded")
    for told, position in reading.stances.on.get(of, ()):
        if position.stance == "received":
            yield Shown(party=told.author, of=of, by=told.id, index=told.index, how="received")
    for told in held.first_above(target):
        yield Shown(party=told.author, of=of, by=told.id, index=told.index, how="seen")


class _Held:
    """How much each author held when it signed, so that the first who held an entry is found."""

    def __init__(self, view: View) -> None:
        """Read it off the signatures of `view`, once."""
        self._by_author: dict[str, tuple[list[int], list[Told]]] = {}
        for told in view.told:
            sizes, first = self._by_author.setdefault(told.author, ([], []))
            if told.seen_size > (sizes[-1] if sizes else 0):
                sizes.append(told.seen_size)
                first.append(told)

    def first_above(self, target: Told) -> list[Told]:
        """Return the first signature of each other author that is later than an entry."""
        found: list[Told] = []
        for author, (sizes, first) in self._by_author.items():
            place = bisect_right(sizes, target.index)
            if author != target.author and place < len(sizes):
                found.append(first[place])
        return sorted(found, key=lambda told: (told.index, told.position))
