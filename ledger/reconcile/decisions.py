"""What a person decided: which tellings are of one event, which are not, which labels one party.

Nobody signs decisions, and nothing in a ledger follows from them. They are a plain JSON file:

    {"type": "counterfoil-decisions/v1",
     "confirm": ["LEDGER:EVENT = LEDGER:EVENT"],
     "reject": ["LEDGER:EVENT = LEDGER:EVENT"],
     "same_party": ["LEDGER:LABEL = LEDGER:LABEL"]}

LEDGER is a fingerprint and EVENT an event id, or at least their first eight digits. A
reconciliation holds the decisions that it was made with, digits written out, as such a file.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from ledger.errors import ReconcileError
from ledger.reconcile.books import Book
from ledger.reconcile.parties import Member

__all__ = [
    "DECISIONS",
    "MAX_DECISIONS",
    "NONE",
    "Decisions",
    "Ref",
    "Said",
    "parse_decisions",
    "resolve",
]

DECISIONS: Final = "counterfoil-decisions/v1"
MAX_DECISIONS: Final = 1 << 22
"""Octets of a file of decisions."""

Ref = tuple[str, str]
"""The fingerprint of a ledger, and the id of an event in it."""

_MOST: Final = 20_000
_LEAST_DIGITS: Final = 8
_WHOLE: Final = 64
_PAIR: Final = re.compile(
    r"\s*([0-9a-z]{1,64}):([0-9a-z-]{1,64})\s*=\s*([0-9a-z]{1,64}):([0-9a-z-]{1,64})\s*", re.ASCII
)
_LETTER: Final = re.compile("[a-z]")

_Lines = Annotated[tuple[str, ...], msgspec.Meta(max_length=_MOST)]


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decisions as they were written."""

    type: Literal["counterfoil-decisions/v1"] = DECISIONS
    confirm: _Lines = ()
    reject: _Lines = ()
    same_party: _Lines = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Decisions about books that are here, each pair in order and each once.

    Attributes:
        confirm: Tellings that are of one event.
        reject: Tellings that are not.
        same_party: Labels of one party.
    """

    confirm: tuple[tuple[Ref, Ref], ...] = ()
    reject: tuple[tuple[Ref, Ref], ...] = ()
    same_party: tuple[tuple[Member, Member], ...] = ()

    def plain(self) -> dict[str, str | list[str]]:
        """Return them as such a file holds them."""
        values: dict[str, str | list[str]] = {"type": DECISIONS}
        for name in ("confirm", "reject", "same_party"):
            pairs = getattr(self, name)
            if pairs:
                values[name] = [f"{a}:{b} = {c}:{d}" for (a, b), (c, d) in pairs]
        return values


NONE: Final = Said()
"""No decisions."""


def parse_decisions(data: bytes, *, where: str) -> Said:
    """Read a file of decisions.

    Raises:
        ReconcileError: It is none.
    """
    if len(data) > MAX_DECISIONS:
        raise ReconcileError(where, f"has more than {MAX_DECISIONS} octets")
    try:
        return msgspec.json.decode(data, type=Said)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ReconcileError(where, f"is no file of decisions: {error}") from None


def resolve(
    said: Said,
    books: Sequence[Book],
    *,
    where: str,
    tellings: Mapping[str, Sequence[str]],
    labels: Mapping[str, AbstractSet[str]],
    parties: Iterable[str] = (),
) -> Decisions:
    """Find what decisions speak of.

    Args:
        said: What a file says.
        books: The ledgers, by fingerprint.
        where: What to call the file in a refusal.
        tellings: The ids of the events that stand in the chronology, sorted, by fingerprint.
        labels: The labels that occur, by fingerprint.
        parties: Further pairs of labels, whose ledgers may be called by their letters.

    Raises:
        ReconcileError: One speaks of something that is not here, or they contradict each other.
    """
    finder = _Finder(books, tellings, labels)
    confirm = finder.pairs(said.confirm, f"{where}: confirm", event=True)
    reject = finder.pairs(said.reject, f"{where}: reject", event=True)
    for one, other in sorted(set(confirm) & set(reject)):
        pair = f"{one[0][:16]}:{one[1][:16]} = {other[0][:16]}:{other[1][:16]}"
        raise ReconcileError(where, f"both confirms and rejects {pair}")
    for one, other in reject:
        if one[1] == other[1]:
            raise ReconcileError(where, f"rejects {one[1][:16]}, which is one event in two ledgers")
    same = finder.pairs(said.same_party, f"{where}: same_party", event=False)
    asked = finder.pairs(parties, "--same-party", event=False, letters=True)
    return Decisions(confirm=confirm, reject=reject, same_party=tuple(sorted({*same, *asked})))


class _Finder:
    """Finds ledgers by their first digits or letters, and events by their first digits."""

    def __init__(
        self,
        books: Sequence[Book],
        tellings: Mapping[str, Sequence[str]],
        labels: Mapping[str, AbstractSet[str]],
    ) -> None:
        self._ledgers = [book.fingerprint for book in books]
        self._tellings = tellings
        self._labels = labels

    def pairs(
        self, lines: Iterable[str], where: str, *, event: bool, letters: bool = False
    ) -> tuple[tuple[Ref, Ref], ...]:
        found = set()
        for number, line in enumerate(lines):
            place = f"{where}[{number}]"
            match = _PAIR.fullmatch(line)
            if match is None:
                what = "LEDGER:EVENT = LEDGER:EVENT" if event else "LEDGER:LABEL=LEDGER:LABEL"
                raise ReconcileError(place, f"{line[:80]!r} is not written as {what}")
            ends = []
            for ledger, name in ((match[1], match[2]), (match[3], match[4])):
                fingerprint = self._ledger(ledger, place, letters=letters)
                ends.append((fingerprint, (self._event if event else self._label)(
                    fingerprint, name, place)))  # fmt: skip
            if ends[0][0] == ends[1][0]:
                raise ReconcileError(place, "names one ledger twice")
            one, other = sorted(ends)
            found.add((one, other))
        return tuple(sorted(found))

    def _ledger(self, text: str, place: str, *, letters: bool) -> str:
        if letters and _LETTER.fullmatch(text):
            number = ord(text) - ord("a")
            if number < len(self._ledgers):
                return self._ledgers[number]
            raise ReconcileError(place, f"there is no ledger {text} here")
        return _one(text, self._ledgers, place, "ledger")

    def _event(self, fingerprint: str, text: str, place: str) -> str:
        return _one(text, self._tellings[fingerprint], place, f"event of {fingerprint[:16]}")

    def _label(self, fingerprint: str, text: str, place: str) -> str:
        if text not in self._labels[fingerprint]:
            raise ReconcileError(place, f"no party of {fingerprint[:16]} is called {text}")
        return text


def _one(text: str, known: Sequence[str], place: str, what: str) -> str:
    """Return the one name, of those in ascending order, that begins so."""
    if len(text) < _LEAST_DIGITS:
        raise ReconcileError(place, f"{text} is too short: give at least {_LEAST_DIGITS} digits")
    at = bisect_left(known, text)
    found = known[at : at + 2]
    if not found or not found[0].startswith(text):
        raise ReconcileError(place, f"there is no {what} that begins with {text[:_WHOLE]}")
    if len(found) > 1 and found[1].startswith(text):
        raise ReconcileError(place, f"several begin with {text[:_WHOLE]}: give more digits")
    return found[0]
