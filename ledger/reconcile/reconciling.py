"""Reconciling: sources that were audited, to one chronology and all that was found on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.errors import ReconcileError
from ledger.folds.positions import named_parties
from ledger.progress import Tell, nobody
from ledger.reconcile.books import Book, Fork, open_books
from ledger.reconcile.decisions import NONE, Decisions, Said, resolve
from ledger.reconcile.lacks import Document, MissingMessage, documents_of, missing_messages
from ledger.reconcile.matches import Matches
from ledger.reconcile.matching import match
from ledger.reconcile.parties import Parties
from ledger.reconcile.rows import Row, make_rows
from ledger.reconcile.sources import Audited, Sources
from ledger.reconcile.tellings import tellings_of

__all__ = ["MAX_LEDGERS", "Reconciled", "reconcile"]

MAX_LEDGERS: Final = 26
"""Ledgers of one reconciliation: each is called by a letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What reconciling came to.

    Attributes:
        inputs: The sources, each once.
        letters: What each ledger is called here, by fingerprint.
        books: The ledgers, by fingerprint.
        forks: Ledgers of which two histories were told; nothing of them is in the rest.
        decisions: What a person decided.
        parties: Which labels are one party.
        rows: The chronology.
        matches: What joined the rows, and what is to be confirmed.
        documents: The documents, by their octets.
        missing: Messages that a whole ledger does not tell.
        counts: How many tellings, and how many other events, each ledger has, by fingerprint.
    """

    inputs: tuple[Audited, ...]
    letters: Mapping[str, str]
    books: tuple[Book, ...]
    forks: tuple[Fork, ...]
    decisions: Decisions
    parties: Parties
    rows: tuple[Row, ...]
    matches: Matches
    documents: tuple[Document, ...]
    missing: tuple[MissingMessage, ...]
    counts: Mapping[str, tuple[int, int]]


def reconcile(
    sources: Sources,
    *,
    said: Said = NONE,
    where: str = "decisions",
    same_parties: Iterable[str] = (),
    tell: Tell = nobody,
) -> Reconciled:
    """Lay the ledgers of several sources side by side.

    Args:
        sources: What an audit has passed. What was refused is no part of this.
        said: What a person decided.
        where: What to call that in a refusal.
        same_parties: Further pairs of labels that are one party, as `a:county=b:lcc`.
        tell: Is told how far each part of it is.

    Raises:
        ReconcileError: There are too many ledgers, or a decision is about nothing here.
        VerifyError: A source was changed after its audit.
        OSError: One cannot be read.
    """
    books, forks = open_books(sources, tell)
    if len(books) > MAX_LEDGERS:
        raise ReconcileError("sources", f"are of {len(books)} ledgers: at most {MAX_LEDGERS}")
    tellings = [each for book in books for each in tellings_of(book)]
    named = {book.fingerprint: _labels(book) for book in books}
    ids: dict[str, list[str]] = {book.fingerprint: [] for book in books}
    for each in tellings:
        ids[each.fingerprint].append(each.told.id)
    decisions = resolve(
        said,
        books,
        where=where,
        tellings={fingerprint: sorted(mine) for fingerprint, mine in ids.items()},
        labels=named,
        parties=same_parties,
    )
    parties = Parties(books, named=named, same=decisions.same_party)
    matches = match(tellings, parties, decisions, tell)
    by_fingerprint = {book.fingerprint: book for book in books}
    rows = make_rows(matches.groups, by_fingerprint, parties, tell)
    return Reconciled(
        inputs=(*sources.exports, *sources.evidence),
        letters={book.fingerprint: chr(ord("a") + place) for place, book in enumerate(books)},
        books=books,
        forks=forks,
        decisions=decisions,
        parties=parties,
        rows=rows,
        matches=matches,
        documents=documents_of(tellings, books),
        missing=missing_messages(rows, books, parties, matches.to_confirm),
        counts={
            book.fingerprint: (
                len(ids[book.fingerprint]),
                len(book.told) - len(ids[book.fingerprint]),
            )
            for book in books
        },
    )


def _labels(book: Book) -> frozenset[str]:
    """Return the parties that occur in a ledger: who signs, and who is named."""
    found = set(book.parties.values())
    for told in book.told:
        found |= named_parties(told.event)
        found.add(told.author)
    return frozenset(found)
