"""What a question is asked of, and what an answer is made of.

An answer names the telling, the rows that it rests on with their grades, and what of it is not
established, with the reason. Questions ask other folds; nothing here weighs anything anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from ledger.date_words import format_when
from ledger.folds.commitments import CommitmentRow, fold_commitments
from ledger.folds.grades import grade_of
from ledger.folds.knew import doers
from ledger.folds.knowledge import KnowledgeRow, fold_knowledge
from ledger.folds.reading import Days, Reading
from ledger.folds.request_rows import RequestRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.sentences import other_words, sentence, title_of
from ledger.view import Told
from ledger.wording import party_of

__all__ = [
    "Answer",
    "Answering",
    "Asked",
    "Ground",
    "Grounds",
    "established_gap",
    "is_gap",
    "joined",
]

_NOTHING: Final = "nothing, since "


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A row that an answer rests on.

    Attributes:
        index: The index of its entry.
        id: Its event id.
        told_by: The party that tells it.
        sentence: What it tells.
        grade: How well it is proven that it happened, in words.
    """

    index: int
    id: str
    told_by: str
    sentence: str
    grade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    Attributes:
        question: The name of the question.
        answer: The answer, in words.
        about: The id of the event asked about; None for the ledger as a whole.
        telling: Whose word is taken.
        parties: The parties that it is about.
        grounds: The rows that it rests on.
        not_established: What of it is not established, and why.
        days: The answer in days, least and most; None where unbounded, or where it is no count.
        items: The items certainly meant, and at most; None where it is no count of items.
        count: The answer as a number; None where it is none.
        day: The day that it gives; None where it gives none.
        what_if: Whether it applies a rule that nobody says applies.
    """

    question: str
    answer: str
    about: str | None
    telling: Telling
    parties: tuple[str, ...]
    grounds: tuple[Ground, ...]
    not_established: tuple[str, ...] = ()
    days: Days = (None, None)
    items: tuple[int, int] | None = None
    count: int | None = None
    day: dt.date | None = None
    what_if: bool = False

    @property
    def told_by(self) -> tuple[str, ...]:
        """The parties that tell what it rests on."""
        return tuple(sorted({ground.told_by for ground in self.grounds}))

    @property
    def rests_on(self) -> tuple[int, ...]:
        """The indexes of the entries that it rests on."""
        return tuple(ground.index for ground in self.grounds)


class Grounds:
    """The rows of one reading as grounds, each made once, however many answers rest on it."""

    def __init__(self, reading: Reading) -> None:
        """Take the rows of `reading`."""
        self._reading = reading
        self._made: dict[str, Ground] = {}

    def of(self, told: Told) -> Ground:
        """Return the row of an event."""
        if told.id not in self._made:
            self._made[told.id] = Ground(
                index=told.index,
                id=told.id,
                told_by=told.author,
                sentence=sentence(told, self._reading.view.by_id),
                grade=grade_of(self._reading, told)[0].name,
            )
        return self._made[told.id]


@dataclass(frozen=True)
class Asked:
    """What a question is asked of: a reading, in one telling.

    Attributes:
        reading: The view, read as at a day.
        telling: Whose word is taken.
        grounds: The rows of the reading.
        party: The party that is asked about; None for all.
        event: The id of the event that is asked about; None for all.
    """

    reading: Reading
    telling: Telling
    grounds: Grounds
    party: str | None = None
    event: str | None = None

    def ask(self, name: str, answering: Answering) -> Iterator[Answer]:
        """Ask one question; yield what is about the party and the event that are asked about."""
        for answer in answering(self):
            if self.party is not None and self.party not in answer.parties:
                continue
            if self.event is None or self.event in {ground.id for ground in answer.grounds}:
                yield replace(answer, question=name)

    @property
    def by_id(self) -> Mapping[str, Told]:
        """All events, by id."""
        return self.reading.view.by_id

    @cached_property
    def requests(self) -> tuple[RequestRow, ...]:
        """The requests that count in this telling."""
        rows = fold_requests(self.reading, telling=self.telling).rows
        return tuple(row for row in rows if row.standing == "counts")

    @cached_property
    def promises(self) -> tuple[CommitmentRow, ...]:
        """The promises in this telling."""
        return fold_commitments(self.reading, telling=self.telling).rows

    @cached_property
    def knowledge(self) -> tuple[KnowledgeRow, ...]:
        """What is told of knowledge and counts in this telling.

        Nobody establishes alone what it knew itself, or what the other side did; and no others
        establish it between them.
        """
        return tuple(row for row in fold_knowledge(self.reading).rows if self._is_told(row))

    def _is_told(self, row: KnowledgeRow) -> bool:
        signers = self.reading.stances.signers(self.by_id[row.id])
        if self.telling.party is not None:
            return self.telling.party in signers
        knower = party_of(row.knower)
        if row.mode == "not_told":
            return not signers.isdisjoint(frozenset(doers(self.by_id[row.of])) - {knower})
        return knower in signers and len(signers) > 1

    def counts(self, told: Told | None, entitled: Iterable[str]) -> bool:
        """Tell whether an event counts in this telling.

        Args:
            told: The event; None if it is not here.
            entitled: The parties whose signature establishes it.
        """
        if told is None or self.reading.later(told):
            return False
        stances = self.reading.stances
        return stances.counts(told, telling=self.telling, entitled=frozenset(entitled))

    def answer(  # noqa: PLR0913 - all but the first two are what an answer may have
        self,
        words: str,
        ids: Iterable[str],
        *,
        parties: Iterable[str] = (),
        whole: bool = False,
        why: Iterable[str] = (),
        days: Days | None = None,
        items: tuple[int, int] | None = None,
        count: int | None = None,
        day: dt.date | None = None,
        what_if: bool = False,
    ) -> Answer:
        """Make an answer.

        Args:
            words: The answer.
            ids: The events that it rests on; unless it is of the whole, the one asked about first.
            parties: The parties that it is about.
            whole: Whether it is about the ledger as a whole.
            why: What of it is not established, and why.
            days: As in `Answer`; where a bound is missing, which dates leave it open is added.
            items: As in `Answer`.
            count: As in `Answer`.
            day: As in `Answer`.
            what_if: As in `Answer`.
        """
        told = [self.by_id[each] for each in dict.fromkeys(ids)]
        reasons = list(why)
        if days is not None and None in days:
            reasons += [f"the number of days: {date}" for date in self._unbounded(told)]
        return Answer(
            question="",
            answer=words,
            about=None if whole else told[0].id,
            telling=self.telling,
            parties=tuple(sorted(set(parties))),
            grounds=tuple(map(self.grounds.of, told)),
            not_established=tuple(reasons),
            days=days or (None, None),
            items=items,
            count=count,
            day=day,
            what_if=what_if,
        )

    def _unbounded(self, told: Iterable[Told]) -> Iterator[str]:
        """Say which dates leave a number of days without a least or a most."""
        for each in told:
            when = self.reading.when(each.id)
            if when is None:
                yield f"entry {each.index} has no date"
            elif when.earliest is None:
                yield f"entry {each.index} has no first day: {format_when(when)}"
            elif when.latest is None:
                yield f"entry {each.index} has no last day: {format_when(when)}"

    def when_words(self, event_id: str) -> str:
        """Write the date that stands for an event."""
        when = self.reading.when(event_id)
        return "undated" if when is None else format_when(when)

    def named(self, event_id: str) -> str:
        """Name another event, with its author's words for it."""
        words = other_words(event_id, self.by_id)
        told = self.by_id.get(event_id)
        title = None if told is None else title_of(told)
        return f"{words} ({title.rstrip('.')})" if title else words


Answering = Callable[[Asked], Iterator[Answer]]
"""Answers a question: once for each thing that it can be asked about."""


def joined(parts: Iterable[str]) -> str:
    """Write a list: "a, b and c"."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def established_gap(rows: Iterable[Answer]) -> Answer:
    """Say of what parties tell about one thing that none of it is established.

    Args:
        rows: The answers to one question about one thing, in the tellings of parties.
    """
    told = list(rows)
    tellers = joined(sorted({party for row in told for party in row.told_by}))
    reason = f"it rests on the word of {tellers}, and nobody else whose act it is has signed it"
    return replace(
        told[0],
        answer=f"{_NOTHING}{reason}.",
        telling=ESTABLISHED,
        grounds=(),
        not_established=(reason,),
        days=(None, None),
        items=None,
        count=None,
        day=None,
        what_if=False,
    )


def is_gap(answer: Answer) -> bool:
    """Tell whether an answer only says that nothing of what parties tell is established."""
    return answer.answer.startswith(_NOTHING) and not answer.grounds
