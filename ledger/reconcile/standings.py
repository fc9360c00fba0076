"""Where a request stands in each ledger that tells of it, by the ledger's own folds.

Each telling is taken at its author's word, as the readings of one ledger do, and as at the last day
on which anything was recorded in any ledger here: there is no clock.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ledger.folds.reading import read
from ledger.folds.requests import fold_requests
from ledger.folds.stances import Telling as Word
from ledger.reconcile.books import Book
from ledger.reconcile.decisions import Ref
from ledger.reconcile.matches import Group
from ledger.wording import say
from verify.kinds import Request

__all__ = ["Standing", "standings"]

_MOST: Final = 8
"""Authors of one ledger whose word is folded: one fold goes through all requests."""

_LAST_S: Final = 253_402_300_799
"""The last second of the year 9999: an operator can write what it likes."""

_UNTOUCHED: Final = frozenset(("asked", "asked_orally"))


class Standing(NamedTuple):
    """Where a request stands by one ledger.

    Attributes:
        state: The state of what is open in it; else of the rest.
        author: At whose word.
    """

    state: str
    author: str

    @property
    def untouched(self) -> bool:
        """Whether nothing is told of it since it was made."""
        return self.state in _UNTOUCHED

    @property
    def words(self) -> str:
        """Say it."""
        return f"{say(self.state)}, as told by {self.author}"


def standings(groups: Sequence[Group], books: Mapping[str, Book]) -> dict[Ref, Standing]:
    """Return where requests stand that several whole ledgers tell of."""
    wanted: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for group in groups:
        asked = [t for t in group.tellings if isinstance(t.told.event, Request)]
        if len({t.fingerprint for t in asked}) > 1:
            for each in asked:
                wanted[each.fingerprint][each.told.author].add(each.told.id)
    if not wanted:
        return {}
    last = max(told.recorded for book in books.values() for told in book.told)
    day = dt.datetime.fromtimestamp(min(last // 1000, _LAST_S), dt.UTC).date()
    found: dict[Ref, Standing] = {}
    for fingerprint, authors in wanted.items():
        view = books[fingerprint].view
        if view is None:
            continue
        reading = read(view, as_at=day)
        for author in sorted(authors)[:_MOST]:
            for row in fold_requests(reading, telling=Word(author)).rows:
                if row.id in authors[author]:
                    found[fingerprint, row.id] = Standing(row.worst, author)
    return found
