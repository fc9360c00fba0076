"""The drafts that are shipped, composed as anybody's are, in a ledger in memory."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ledger.compose import Composed
from ledger.drafts import compose_event, read_draft
from ledger.view import View
from tests.ledger.bookmaking import Book, Draft, book_of

DEMO = Path(__file__).parents[2] / "ledger" / "demo"


@dataclass(frozen=True)
class Shipped:
    """A ledger of drafts.

    Attributes:
        book: Its entries.
        ids: Label to event id; of the invented files as `file:label`.
    """

    book: Book
    ids: Mapping[str, str]

    @property
    def view(self) -> View:
        return self.book.view()


class Chance:
    """Draws the same numbers each time."""

    def __init__(self, name: str) -> None:
        self._numbers = (hashlib.sha256(f"{name} {n}".encode()).digest() for n in itertools.count())

    def token_bytes(self, nbytes: int, /) -> bytes:
        return next(self._numbers)[:nbytes]


class NothingKept:
    def disclosures(self, event_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
        raise AssertionError(event_id, names)

    def nested(self, event_id: str) -> Composed:
        raise AssertionError(event_id)


def shipped(stems: Iterable[str], *, members: Iterable[str] = ()) -> Shipped:
    """Compose drafts, one file after the other, and record them in that order."""
    named: dict[str, str] = {}
    ids: dict[str, str] = {}
    drafts: list[Draft] = []
    for stem in stems:
        draft = read_draft(DEMO / f"{stem}.yaml", elsewhere=named)
        own: dict[str, str] = {}
        for event in draft.events:
            composed = compose_event(
                event,
                author=draft.author or "",
                ids=own,
                kept=NothingKept(),
                random=Chance(f"{stem} {event.name}"),
            )
            drafts.append(Draft(composed.event, composed.disclosures))
            own[event.label or event.name] = composed.id.hex()
        named |= {f"{stem}:{label}": event_id for label, event_id in own.items()}
        ids |= own
    return Shipped(book_of(drafts, members=tuple(members)), {**ids, **named})
