"""What one side has and another has not: documents by their octets, messages by their rows.

Only a ledger that is here whole, up to a size, can lack something: evidence shows what it shows.
And only what is open here is compared: what a ledger holds in claims that are closed in the sources
is not known, so that their number stands beside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby, islice
from typing import Final, NamedTuple

from ledger.reconcile.books import Book
from ledger.reconcile.decisions import Ref
from ledger.reconcile.matches import Match
from ledger.reconcile.parties import Parties
from ledger.reconcile.rows import Row
from ledger.reconcile.tellings import Telling
from ledger.wording import party_of
from verify.kinds import Communication

__all__ = ["Document", "MissingMessage", "documents_of", "missing_messages"]

_MOST: Final = 16
"""Reasons that are given for one message."""


class Document(NamedTuple):
    """A file, by its octets.

    Attributes:
        sha256: Its hash, in hex.
        held: Where it is opened: the event and the claim's name, in order.
        lacking: The fingerprints of whole ledgers in which no open claim names it.
    """

    sha256: str
    held: tuple[tuple[Ref, str], ...]
    lacking: tuple[str, ...]


class MissingMessage(NamedTuple):
    """A message that a ledger does not tell.

    Attributes:
        row: The number of its row, from 0.
        lacking: The fingerprint of the ledger.
        reasons: What shows that its side should have it, or may have it under another name.
    """

    row: int
    lacking: str
    reasons: tuple[str, ...]


def documents_of(tellings: Sequence[Telling], books: Sequence[Book]) -> tuple[Document, ...]:
    """Return every document that is open in any ledger, by its hash."""
    held: dict[str, set[tuple[Ref, str]]] = defaultdict(set)
    for each in tellings:
        for name, digest in each.documents:
            held[digest].add((each.ref, name))
    whole = [book.fingerprint for book in books if book.whole]
    found = []
    for digest, where in sorted(held.items()):
        holders = {fingerprint for (fingerprint, _), _ in where}
        lacking = tuple(each for each in whole if each not in holders)
        found.append(Document(digest, tuple(sorted(where)), lacking))
    return tuple(found)


def missing_messages(
    rows: Sequence[Row], books: Sequence[Book], parties: Parties, to_confirm: Sequence[Match]
) -> tuple[MissingMessage, ...]:
    """Return the messages that a whole ledger does not tell, in the order of the rows.

    Args:
        rows: The chronology.
        books: The ledgers.
        parties: Which labels are one party.
        to_confirm: Matches that may show that it has one of them all the same.
    """
    whole = [book for book in books if book.whole]
    finder = _Finder(rows, whole, parties, to_confirm)
    found = []
    for number, row in enumerate(rows):
        if not any(isinstance(each.told.event, Communication) for each in row.group.tellings):
            continue
        tellers = {each.fingerprint for each in row.group.tellings}
        for book in whole:
            if book.fingerprint not in tellers:
                reasons = tuple(islice(finder.reasons(row, book), _MOST))
                found.append(MissingMessage(number, book.fingerprint, reasons))
    return tuple(found)


class _Finder:
    """Finds what shows that a side should have a message."""

    def __init__(
        self,
        rows: Sequence[Row],
        books: Sequence[Book],
        parties: Parties,
        to_confirm: Sequence[Match],
    ) -> None:
        self._parties = parties
        self._perhaps: dict[tuple[str, Ref], list[Ref]] = defaultdict(list)
        for found in to_confirm:
            for one, other in (found.events, found.events[::-1]):
                self._perhaps[other[0], one].append(other)
        self._rows: dict[Ref, int] = {}
        self._replies: dict[Ref, list[int]] = defaultdict(list)
        self._answers: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._foreign: dict[tuple[str, Ref], list[int]] = defaultdict(list)
        self._signers = {
            book.fingerprint: frozenset(
                (book.fingerprint, label) for label in book.parties.values()
            )
            for book in books
        }
        self._tellers = [frozenset(t.fingerprint for t in row.group.tellings) for row in rows]
        for number, row in enumerate(rows):
            for each in row.group.tellings:
                self._rows[each.ref] = number
                self._read(number, each)

    def _read(self, number: int, telling: Telling) -> None:
        for link in telling.told.event.links or ():
            target = (link.ledger or telling.fingerprint, link.event)
            if link.rel == "replies_to":
                self._replies[target].append(number)
            if link.ledger not in {None, telling.fingerprint}:
                self._foreign[telling.fingerprint, target].append(number)
        if telling.mail is not None and telling.mail.read:
            for message_id in telling.mail.answers:
                self._answers[telling.fingerprint, message_id].append(number)

    def reasons(self, row: Row, book: Book) -> Iterator[str]:
        """Yield what shows that the side of a ledger should have, or has, the message of a row."""
        for each in row.group.tellings:
            for other in self._perhaps.get((book.fingerprint, each.ref), ()):
                yield f"it may be row {self._rows[other] + 1}: that match is to be confirmed"
        yield from self._mails(row, book)
        yield from self._later(row, book)
        for each in row.group.tellings:
            for number in self._foreign.get((book.fingerprint, each.ref), ()):
                yield f"row {number + 1} of this ledger itself links to it"
        yield from self._named(row, book)

    def _mails(self, row: Row, book: Book) -> Iterator[str]:
        ids = {each.mail.message_id for each in row.group.tellings if each.mail is not None}
        answers = [self._answers.get((book.fingerprint, one), ()) for one in ids if one is not None]
        for number in _ascending(answers):
            yield f"the mail of row {number + 1}, as this ledger has it, says that it answers it"

    def _later(self, row: Row, book: Book) -> Iterator[str]:
        replies = [self._replies.get(each.ref, ()) for each in row.group.tellings]
        for number in _ascending(replies):
            if book.fingerprint in self._tellers[number]:
                yield f"row {number + 1}, which this ledger tells, replies to it as another tells"

    def _named(self, row: Row, book: Book) -> Iterator[str]:
        """Say which parties of the ledger the message names, and as what."""
        signers = self._signers[book.fingerprint]
        roots = {self._parties.root(*member) for member in signers}
        labels = {label for _, label in signers}
        found: dict[str, None] = {}
        for each in row.group.tellings:
            event = each.told.event
            if not isinstance(event, Communication):
                continue
            for what, actors in (("from", event.from_), ("to", event.to), ("copied to", event.cc)):
                for actor in actors or ():
                    label = party_of(actor)
                    if self._parties.root(each.fingerprint, label) in roots:
                        found[f"it is {what} {label}, who signs in this ledger"] = None
                    elif label in labels:
                        words = f"it is {what} {label}, and one of that label signs in this ledger"
                        found[words] = None
        yield from found


def _ascending(numbers: Iterable[Sequence[int]]) -> Iterator[int]:
    """Yield the numbers of ascending lists, each once: no more of them than are asked for."""
    return (number for number, _ in groupby(merge(*numbers)))
