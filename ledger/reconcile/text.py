"""A reconciliation for people: plain text, aligned and wrapped.

Text that a party wrote is shown with its control characters replaced, so that nobody's title can
move a reader's cursor or turn its direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ledger.date_words import HOUSE_CONVENTION, format_when
from ledger.folds.ranges import format_items
from ledger.layout import item
from ledger.progress import Steps, Tell, nobody
from ledger.reconcile.books import Book
from ledger.reconcile.matches import Match
from ledger.reconcile.reconciling import Reconciled
from ledger.reconcile.result import decide, limits
from ledger.reconcile.rows import Row
from ledger.sentences import cut, sentence
from ledger.text import WIDTH
from ledger.wording import response_words

__all__ = ["reconciliation_text"]

_SHORT: Final = 16
_LISTED: Final = 200
"""Documents and messages of each kind that are listed; the JSON has all."""

_RESPONSES: Final = 16
"""Responses to one telling that are shown; the JSON has all."""


def reconciliation_text(found: Reconciled, tell: Tell = nobody) -> str:
    """Write a reconciliation, in lines of at most 80 characters, and tell how many rows are."""
    parts = (
        _ledgers(found),
        _forks(found),
        _rows(found, tell),
        _contradictions(found),
        _to_confirm(found),
        _missing(found),
        _documents(found),
        _parties(found),
        _bounds(found),
        _footer(found),
    )
    lines: list[str] = []
    for part in parts:
        written = [line for text in part for line in _broken(text)]
        lines += [*written, ""] if written else []
    return "\n".join(lines[:-1]) + "\n"


def _broken(text: str) -> list[str]:
    """Break a line, which says by its own spaces how far it is indented."""
    indent = len(text) - len(text.lstrip())
    return item(" ".join(text.strip().splitlines()), WIDTH, indent=indent)


def _ledgers(found: Reconciled) -> Iterator[str]:
    ledgers, events = _count(len(found.books), "ledger"), _count(len(found.rows), "event")
    yield f"{ledgers}, side by side: {events}"
    for book in found.books:
        yield ""
        yield from _ledger(found, book)


def _ledger(found: Reconciled, book: Book) -> Iterator[str]:
    tellings, others = found.counts[book.fingerprint]
    yield f"{found.letters[book.fingerprint]}  {book.origin}"
    yield f"    fingerprint {book.fingerprint}"
    size = f"whole, up to {_count(book.size, 'entry')}" if book.whole else "not whole"
    acts = _count(others, "other act")
    yield f"    {size}; tells {_count(tellings, 'event')}; {acts} upon the ledger"
    closed = sum(len(told.unopened) for told in book.told)
    if closed:
        yield f"    claims of it that are not open here: {closed:,}; what they hold is not compared"
    for note in book.notes:
        yield f"    {note}"


def _forks(found: Reconciled) -> Iterator[str]:
    for fork in found.forks:
        sizes = " and ".join(f"{size:,} entries" for size, _ in fork.checkpoints)
        yield (
            f"FORK: two histories of the ledger {fork.fingerprint} were told (checkpoints of "
            f"{sizes}). Nothing of it stands below. A proof that anybody can check is in the JSON."
        )


# The chronology


def _rows(found: Reconciled, tell: Tell) -> Iterator[str]:
    if not found.rows:
        return
    yield "CHRONOLOGY"
    yield (
        "Rows follow their dates. Where it is not said that the order is established, it is not. "
        "Each line below a date is one ledger's telling, and none is preferred."
    )
    books = {book.fingerprint: book for book in found.books}
    steps = Steps(tell("Writing row"), len(found.rows))
    for number, row in enumerate(found.rows, start=1):
        steps.step()
        yield ""
        order = "; after the row before" if row.order == "yes" else ""
        yield f"{number}  {_date(row)}{order}"
        for place, telling in enumerate(row.group.tellings):
            told, book = telling.told, books[telling.fingerprint]
            moment, when = telling.moment, ""
            if moment is not None:
                when = f" [{moment.role.replace('_', ' ')} {format_when(moment.when)}]"
            letter = found.letters[telling.fingerprint]
            yield f"    {letter} {told.index}  {told.author}: {sentence(told, book.by_id)}{when}"
            for each in row.responses[place][:_RESPONSES]:
                words = response_words(each.stance, each.field)
                if each.items is not None:
                    words += f", {format_items(each.items)}"
                if each.value is not None:
                    value = cut(each.value) if each.date is None else format_when(each.date)
                    words += f": {value}"
                if each.disowned:
                    words += ", by a key that is said to have been compromised"
                yield f"        in {letter}, {each.party} {words}"
            if len(row.responses[place]) > _RESPONSES:
                yield f"        and {len(row.responses[place]) - _RESPONSES:,} more responses"
        yield from _joined(found, row)


def _date(row: Row) -> str:
    if row.dated == "contradicted":
        return "no day that all tellings allow"
    if row.when is None:
        return "undated"
    words = format_when(row.when)
    return f"{words} (in common)" if len(row.group.tellings) > 1 else words


def _joined(found: Reconciled, row: Row) -> Iterator[str]:
    for match in row.group.matches:
        ends = " and ".join(found.letters[ledger] for ledger, _ in match.events)
        yield f"      one event in {ends}, {match.certainty}: {match.ground}"
        yield from (f"        against: {words}" for words in match.against)
    for first, then in row.signed:
        one, other = (_told_by(found, row, place) for place in (first, then))
        yield f"      {one} is proven to be signed before {other}, by the ledgers' own witnesses"
    for each in row.differences:
        said = "; ".join(
            f"{found.letters[row.group.tellings[place].fingerprint]}: {words}"
            for place, words in each.said
        )
        yield f"      {each.how}, {each.about}: {said}"


def _told_by(found: Reconciled, row: Row, place: int) -> str:
    telling = row.group.tellings[place]
    return f"entry {telling.told.index} of {found.letters[telling.fingerprint]}"


def _contradictions(found: Reconciled) -> Iterator[str]:
    rows = [
        (number, sorted({each.about for each in row.differences if each.how == "contradiction"}))
        for number, row in enumerate(found.rows, start=1)
    ]
    rows = [(number, about) for number, about in rows if about]
    if rows:
        yield "WHERE THEY CONTRADICT EACH OTHER"
        yield from (f"    row {number}: {', '.join(about)}" for number, about in rows)


# What is for a person


def _to_confirm(found: Reconciled) -> Iterator[str]:
    if not found.matches.to_confirm:
        return
    places = {
        each.ref: number
        for number, row in enumerate(found.rows, start=1)
        for each in row.group.tellings
    }
    yield "TO CONFIRM OR REJECT"
    yield (
        "These may be one event. Nothing joins them until a file of decisions says so, in which "
        "the line given stands under confirm or reject."
    )
    for match in found.matches.to_confirm[:_LISTED]:
        yield ""
        yield from _match(found, match, (places[match.events[0]], places[match.events[1]]))
    yield from _more(len(found.matches.to_confirm))


def _match(found: Reconciled, match: Match, rows: tuple[int, int]) -> Iterator[str]:
    ends = " and ".join(
        f"row {number} ({found.letters[ledger]})"
        for number, (ledger, _) in zip(rows, match.events, strict=True)
    )
    yield f"    {ends}: {match.ground}"
    yield f"      {decide(*match.events)}"
    yield from (f"      for: {words}" for words in match.reasons)
    yield from (f"      against: {words}" for words in match.against)


def _missing(found: Reconciled) -> Iterator[str]:
    if not found.missing:
        return
    yield "MESSAGES THAT ONE SIDE HAS AND ANOTHER HAS NOT"
    for each in found.missing[:_LISTED]:
        yield f"    row {each.row + 1}: not in {found.letters[each.lacking]}"
        yield from (f"      {words}" for words in each.reasons)
    yield from _more(len(found.missing))


def _documents(found: Reconciled) -> Iterator[str]:
    shared = [each for each in found.documents if len({ref[0] for ref, _ in each.held}) > 1]
    lacking = [each for each in found.documents if each.lacking]
    if not found.documents:
        return
    yield "DOCUMENTS, BY THEIR OCTETS"
    yield f"    {len(shared):,} of {len(found.documents):,} are in more than one ledger"
    for each in lacking[:_LISTED]:
        holders = sorted({found.letters[ledger] for (ledger, _), _ in each.held})
        letters = ", ".join(found.letters[one] for one in each.lacking)
        yield f"    {each.sha256[:_SHORT]}  in {', '.join(holders)}, not in {letters}"
    yield from _more(len(lacking))


def _parties(found: Reconciled) -> Iterator[str]:
    if not (found.parties.joined or found.parties.to_confirm):
        return
    yield "PARTIES"
    for party in found.parties.joined:
        names = " = ".join(f"{found.letters[ledger]}:{label}" for ledger, label in party.members)
        yield f"    {names}, by {' and '.join(party.because)}"
    for each in found.parties.to_confirm:
        letters = ", ".join(found.letters[ledger] for ledger in each.ledgers)
        against = f"; {each.against}" if each.against else ""
        yield f"    {each.label} in {letters}: an equal label, which nothing joins{against}"


def _bounds(found: Reconciled) -> Iterator[str]:
    lines = limits(found)
    if lines:
        yield "WHAT IS BOUNDED"
        yield from (f"    {line}" for line in lines)


def _footer(found: Reconciled) -> Iterator[str]:
    yield "Made from:"
    for one in found.inputs:
        kind = "evidence" if one.folder is None else "an export"
        audience = "" if one.report.audience is None else f", for {one.report.audience}"
        digest = "".join(f", SHA-256 {d[:_SHORT]}" for name, d in one.digests if name == "evidence")
        yield (
            f"    {kind} of {one.fingerprint[:_SHORT]}, size {one.size:,}, root {one.root[:_SHORT]}"
            f"{audience}{digest}"
        )
    decided = sum(len(lines) for lines in _decided(found))
    if decided:
        yield f"    {_count(decided, 'decision')}, which nobody signed"
    yield HOUSE_CONVENTION
    yield "That a ledger is valid says who told what, not that any of it is so."
    yield "Check it: counterfoil reconcile --check FOLDER, and the same sources"


def _decided(found: Reconciled) -> Iterable[tuple[object, ...]]:
    return found.decisions.confirm, found.decisions.reject, found.decisions.same_party


def _count(number: int, word: str) -> str:
    many = "entries" if word == "entry" else f"{word}s"
    return f"{number:,} {word if number == 1 else many}"


def _more(count: int) -> Iterator[str]:
    if count > _LISTED:
        yield f"    and {count - _LISTED:,} more, which the JSON lists"
