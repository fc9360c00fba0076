"""What a ledger answers: the questions that every dispute over requests asks, in one telling.

Each answer names the telling, the entries it rests on, who told these, and the lowest grade among
them. It computes nothing that another fold does not; it asks them, and leaves out what they leave
open. A what-if says so: it applies a rule that nobody said applies.

Source: domain 1.2.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.date_words import format_day, format_when
from ledger.dates import When, is_before
from ledger.folds.acts import doers_of
from ledger.folds.commitments import CommitmentRow, fold_commitments
from ledger.folds.grades import grade_of
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.ranges import format_ranges
from ledger.folds.reading import Days, Reading
from ledger.folds.requests import ItemRow, RequestRow, Stage, deadline_under, fold_requests
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.folds.waits import came
from ledger.sentences import other_words, title_of
from ledger.view import Told
from ledger.wording import (
    actor_words,
    actors_words,
    count_words,
    days_words,
    noun_of,
    say,
    thing_words,
)
from verify.events import Communication, Request

__all__ = ["QUESTIONS", "Answered", "answers"]

QUESTIONS: Final = {
    "held": "For how long did those invited to ask hold the ball?",
    "items": "How many items were asked for?",
    "lag": "How long was it before an event was known?",
    "clear": "When was a request clear?",
    "deferred": "Which requests were put off, and when was that over?",
    "order": "Did those who put a request off write before what they waited for had come?",
    "silent": "Which requests were queried, with no answer told, and for how long?",
    "open": "Which requests are open, with nothing further told?",
    "undone": "What was promised and not done?",
    "what_if": "When would an answer have been due under the Freedom of Information Act 2000?",
}
"""The questions, in the order in which they are answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer.

    Attributes:
        topic: Which of `QUESTIONS`.
        question: The question.
        answer: The answer, in words.
        about: The id of the event asked about.
        telling: Whose word is taken.
        told_by: The parties that tell what it rests on.
        rests_on: The indexes of the entries that it rests on.
        grade: The lowest grade among these, of that they happened.
        days: The answer in days, least and most; None where unbounded, or where it is no count.
        items: The items certainly meant, and at most; None where it is no count of items.
        day: The day that it gives; None where it gives none.
        what_if: Whether it applies a rule that nobody says applies.
    """

    topic: str
    question: str
    answer: str
    about: str
    telling: Telling
    told_by: tuple[str, ...]
    rests_on: tuple[int, ...]
    grade: str
    days: Days = (None, None)
    items: tuple[int, int] | None = None
    day: dt.date | None = None
    what_if: bool = False


def answers(reading: Reading, telling: Telling = ESTABLISHED) -> tuple[Answered, ...]:
    """Answer what can be answered, in the order of `QUESTIONS`.

    Args:
        reading: The view, read as at a day.
        telling: Whose word is taken.
    """
    found = sorted(_Answers(reading, telling).all(), key=lambda row: _PLACES[row.topic])
    return tuple(found)


_PLACES: Final = {topic: place for place, topic in enumerate(QUESTIONS)}
_CLEAR: Final = frozenset(("clarified", "extended", "narrowed"))
_KEPT: Final = frozenset(("confirmed", "denied", "fulfilled", "released", "claimed"))
_AWARE: Final = frozenset(("became_aware", "told", "knew_earlier"))
_CLOSING: Final = frozenset(("answer", "refuse"))


class _Answers:
    """Answers over one reading, in one telling."""

    def __init__(self, reading: Reading, telling: Telling) -> None:
        self.reading = reading
        self.telling = telling
        self.by_id = reading.view.by_id

    def all(self) -> Iterator[Answered]:
        rows = fold_requests(self.reading, telling=self.telling).rows
        for row in rows:
            if row.standing == "counts":
                yield from self._of_request(row)
        yield from self._order(rows)
        yield from self._lags()
        for promise in fold_commitments(self.reading, telling=self.telling).rows:
            yield from self._undone(promise)

    def _row(self, topic: str, words: str, ids: Iterable[str], **values: object) -> Answered:
        told = [self.by_id[each] for each in dict.fromkeys(ids)]
        grades = [grade_of(self.reading, each)[0] for each in told]
        return Answered(
            topic=topic,
            question=QUESTIONS[topic],
            answer=words,
            about=told[0].id,
            telling=self.telling,
            told_by=tuple(sorted({each.author for each in told})),
            rests_on=tuple(each.index for each in told),
            grade=min(grades, key=lambda grade: grade.grade).name,
            **values,  # type: ignore[arg-type]  # of Answered, as the methods below give them
        )

    def _of_request(self, row: RequestRow) -> Iterator[Answered]:
        if row.what == "invitation":
            yield self._held(row)
        if row.total > 1:
            count = count_words(row.certain, row.total, row.doubtful_areas)
            words = f"{_name(row)}: {count}."
            yield self._row("items", words, [row.id], items=(row.certain, row.total))
        for stage in row.course:
            if stage.word in _CLEAR:
                yield self._clear(row, stage)
            if stage.word == "deferred":
                yield self._deferred(row, stage)
        for item in row.items:
            if item.silent and not item.doubtful:
                asked = f"{say(item.state)} (entry {self.by_id[item.since].index})"
                words = f"{_which(row, item)}: {asked}, and silent since: {_counted(item.days)}, "
                words += f"as at {format_day(self.reading.as_at)}."
                yield self._row("silent", words, [row.id, item.since], days=item.days)
            if item.quiet and not item.doubtful:
                ball = actors_words(item.ball)
                words = f"{_which(row, item)}: {say(item.state)}; next to act: {ball}, "
                words += f"{_counted(item.days)}."
                ids = [row.id, item.since, *filter(None, [item.resumed_after])]
                yield self._row("open", words, ids, days=item.days)
        yield from self._what_if(row)

    def _held(self, row: RequestRow) -> Answered:
        whom = f"{_name(row)}, to {actors_words(row.recipients)}"
        if row.taken_up_by is not None:
            by = other_words(row.taken_up_by, self.by_id)
            words = f"{whom}: {days_words(*row.held)}, until {by}."
            return self._row("held", words, [row.id, row.taken_up_by], days=row.held)
        claimed = [claim.id for claim in row.claims if claim.verb in _CLOSING]
        if claimed:
            by = actors_words(self.by_id[each].author for each in claimed)
            words = f"{whom}: not established. {by} tells that it was taken up; nobody who was "
            return self._row("held", f"{words}invited has signed that.", [row.id, *claimed])
        words = f"{whom}: {_counted(row.held)} so far, and nothing shows it taken up."
        return self._row("held", words, [row.id], days=row.held)

    def _clear(self, row: RequestRow, stage: Stage) -> Answered:
        days = self.reading.days(row.id, stage.id)
        when = "on a day that is not told" if stage.when is None else format_when(stage.when)
        which = "" if stage.items is None or row.total == 1 else " in part"
        words = f"{_name(row)}: {say(stage.word)}{which}, {when}"
        if days != (None, None):
            words += f", {days_words(*days)} after it was {_role(row)}"
        return self._row("clear", f"{words}.", [row.id, stage.id], days=days)

    def _deferred(self, row: RequestRow, stage: Stage) -> Answered:
        step, proof = self.by_id[stage.id], []
        who = actors_words(sorted(doers_of(step)))
        waited = [each for each in self._awaited(stage) if each in self.by_id]
        over = next((s for s in row.course if s.word == "resumed" and s.id == stage.id), None)
        words = f"{_name(row)}: put off by {who}"
        if waited:
            words += f" until {_joined([self._titled(each) for each in waited])} had come"
            proof = [e.id for each in waited for e in self.reading.evidence.get(each, ())]
        if over is not None and over.when is not None:
            words += f"; that was over {_within(over.when)}"
        else:
            words += f"; not shown to be over as at {format_day(self.reading.as_at)}"
        return self._row("deferred", f"{words}.", [row.id, stage.id, *waited, *proof])

    def _awaited(self, stage: Stage) -> tuple[str, ...]:
        return getattr(self.by_id[stage.id].event, "until_events", None) or ()

    def _order(self, rows: Iterable[RequestRow]) -> Iterator[Answered]:
        found: dict[str, dict[str, None]] = {}
        for row in rows:
            for stage in row.course:
                if stage.word != "deferred":
                    continue
                for awaited in self._awaited(stage):
                    early = found.setdefault(awaited, {})
                    early.update(dict.fromkeys(self._written_before(awaited, row)))
        for awaited, early in found.items():
            if early:
                yield self._early(awaited, tuple(early))

    def _early(self, awaited: str, early: tuple[str, ...]) -> Answered:
        what, when = self._titled(awaited), came(self.reading, awaited)
        each = [f"{other_words(e, self.by_id)}, {self._when(e)}," for e in early]
        words = f"Yes: {_joined(each)} came before {what}"
        if when is not None:
            words += f", {self._when(awaited)}"
        return self._row("order", f"{words}.", [*early, awaited])

    def _titled(self, event_id: str) -> str:
        title = title_of(self.by_id[event_id])
        words = other_words(event_id, self.by_id)
        return f"{words} ({title.rstrip('.')})" if title else words

    def _when(self, event_id: str) -> str:
        when = self.reading.when(event_id)
        return "undated" if when is None else format_when(when)

    def _written_before(self, awaited: str, row: RequestRow) -> Iterator[str]:
        """Find what the makers of a request wrote or asked after it, and before something else."""
        end, start = came(self.reading, awaited), self.reading.when(row.id)
        if end is None or start is None or not self._counts(self.by_id.get(awaited)):
            return
        for told in self.reading.laid_out(self.reading.view.told):
            event, when = told.event, self.reading.when(told.id)
            if not isinstance(event, Communication | Request) or not self._counts(told):
                continue
            by, to = parties_of(event.from_, event.on_behalf_of), parties_of(event.to)
            if by.isdisjoint(row.makers) or to.isdisjoint(row.recipients) or when is None:
                continue
            later = start.begin_earliest is not None and (
                when.begin_earliest is not None and when.begin_earliest > start.begin_earliest
            )
            if later and is_before(when, end) == "yes":
                yield told.id

    def _counts(self, told: Told | None) -> bool:
        if told is None:
            return False
        entitled = parties_of(getattr(told.event, "from_", None))
        return self.reading.stances.counts(told, telling=self.telling, entitled=entitled)

    def _lags(self) -> Iterator[Answered]:
        for row in fold_knowledge(self.reading).rows:
            if row.mode not in _AWARE or row.lag == (None, None):
                continue
            told = self.by_id[row.id]
            signers = self.reading.stances.signers(told)
            # Nobody establishes alone what it knew itself, or what the other side did.
            counts = self.telling.party in signers if self.telling.party else len(signers) > 1
            if counts:
                who = actor_words(row.knower)
                what = other_words(row.of, self.by_id)
                words = f"{who} {say(row.mode)} {what} {days_words(*row.lag)} after it."
                via = [row.via] if row.via in self.by_id else []
                yield self._row("lag", words, [row.id, row.of, *filter(None, via)], days=row.lag)

    def _undone(self, row: CommitmentRow) -> Iterator[Answered]:
        told_undone = row.unfulfilled_by is not None
        if row.state in _KEPT or not (told_undone or row.state in {"lapsed", "unfulfilled"}):
            return
        made = "" if row.made is None else f", {format_when(row.made.when)}"
        due = "no day was set" if row.due is None else f"due {format_when(row.due)}"
        words = (
            f"{thing_words(row.what)}, promised by {actor_words(row.by)} to "
            f"{actors_words(row.to)}{made} ({due}): "
        )
        ids = [row.id]
        parts = []
        if row.unfulfilled_by is not None:
            as_at = row.unfulfilled_as_at
            vague = "" if as_at is None or as_at.precise else "a day "
            parts.append(
                "not fulfilled" + ("" if as_at is None else f", as at {vague}{format_when(as_at)}")
            )
            ids.append(row.unfulfilled_by)
        if row.state != "unfulfilled" or not parts:
            parts.append(say(row.state))
        if row.since != row.id:
            parts[-1] += f" (entry {self.by_id[row.since].index})"
            ids.append(row.since)
        days = row.overdue if row.state == "lapsed" else row.waiting
        if row.state == "lapsed":
            parts.append(f"its day has been over for {days_words(*days)}")
        elif days != (None, None):
            parts.append(f"{days_words(*days)} since it was made")
        yield self._row(
            "undone", f"{words[0].upper()}{words[1:]}{'; '.join(parts)}.", ids, days=days
        )

    def _what_if(self, row: RequestRow) -> Iterator[Answered]:
        if row.what != "data" or row.regime not in {None, "none"}:
            return
        found = deadline_under(self.reading, row.id, regime="foia_20")
        if found is None or found.due is None:
            return
        words = f"{_name(row)}: {format_day(found.due)}, 20 working days after it"
        event = self.by_id[row.id].event
        if isinstance(event, Request) and event.medium == "oral":
            words += "; but the Act asks for writing (section 8), and this one is told to be oral"
        yield self._row("what_if", f"{words}.", [row.id], day=found.due, what_if=True)


def _name(row: RequestRow) -> str:
    made = "undated" if row.made is None else f"{_role(row)}: {format_when(row.made.when)}"
    thing = "" if row.what == "invitation" else f" for {thing_words(row.what)}"
    noun = noun_of("request", what=row.what).capitalize()
    return f"{noun}{thing} (entry {row.index}, {made})"


def _which(row: RequestRow, item: ItemRow) -> str:
    """Name a run of items; the request alone where all its items stand alike."""
    if sum(not each.doubtful for each in row.items) == 1:
        return _name(row)
    ranges = format_ranges(((item.first, item.last),))
    return f"{_name(row)}, {'item' if item.first == item.last else 'items'} {ranges}"


def _role(row: RequestRow) -> str:
    role = "made" if row.made is None else row.made.role
    return role if role in {"received", "sent"} else "made"


def _counted(days: Days) -> str:
    return "an unknown number of days" if days == (None, None) else days_words(*days)


def _within(when: When) -> str:
    return f"on {format_when(when)}" if when.precise else f"within {_bare(when)}"


def _bare(when: When) -> str:
    return format_when(when).removesuffix(" (one day)")


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
