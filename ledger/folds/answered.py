"""Who has answered a field of an event, wholly or for some items only.

An answer is a response that says how its party stands: not `received`, not one that was withdrawn,
nor one by a key that is said to have been compromised. What is said of some items leaves the rest
open, until a party's words on items cover all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ledger.folds.ranges import covers
from ledger.folds.reading import Reading
from ledger.sentences import item_counts
from ledger.view import Told
from verify.kinds import Event, Position, Ranges, Request, Step

__all__ = ["ANSWERS", "CONTRARY", "answers_to", "is_answer", "items_of"]

CONTRARY: Final = frozenset(("dispute", "deny", "correct", "object"))
ANSWERS: Final = CONTRARY | {"admit", "agree", "not_admit", "ratify"}


def is_answer(told: Told) -> bool:
    """Tell whether a response that stands says how its party stands to what it is about."""
    event = told.event
    return isinstance(event, Position) and event.stance in ANSWERS and not told.disowned


def answers_to(pairs: Iterable[tuple[Told, Position]], items: Ranges | None) -> Mapping[str, bool]:
    """Return who has answered, and whether for all items.

    Args:
        pairs: Responses that stand, all to the same field.
        items: All items that there are to answer for; None where there are none.
    """
    said: dict[str, list[Ranges | None]] = {}
    for told, position in pairs:
        if is_answer(told):
            said.setdefault(told.author, []).append(position.items)
    return {party: _is_all(words, items) for party, words in said.items()}


def items_of(reading: Reading, event: Event) -> Ranges | None:
    """Return the items that a response to an event can be about; None if it has none."""
    if isinstance(event, Step):
        if event.items is not None:
            return event.items
        of = reading.view.by_id.get(event.of)
        event = event if of is None else of.event
    return ((1, item_counts(event)[1]),) if isinstance(event, Request) else None


def _is_all(words: Iterable[Ranges | None], items: Ranges | None) -> bool:
    some: list[tuple[int, int]] = []
    for each in words:
        if each is None:
            return True
        some.extend(each)
    return items is not None and covers(some, items)
