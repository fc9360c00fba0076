"""Knowledge: who says that whom knew what, and when; lags; and whether P knew before it acted.

A knowledge event without a date of its own takes a bound from what it came by: the receipt of that
communication, or, if only its date is given, not before that date. Responses `received` show that
a party had the thing when it signed them; `seen` proves that a signature is later than those
entries, never that anyone read them, nor, when low, that they were unknown.

Source: domain 2.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.dates import Answer, When, days_between, is_before
from ledger.folds.acts import principals_of
from ledger.folds.moments import date_of
from ledger.folds.reading import Days, Reading
from ledger.folds.stances import parties_of
from ledger.view import Told
from ledger.wording import party_of
from verify.events import Communication, Knowledge

__all__ = [
    "KnewBefore",
    "KnowledgeFold",
    "KnowledgeRow",
    "Shown",
    "fold_knowledge",
    "knew_before",
]

_AWARE = frozenset(("became_aware", "told", "knew_earlier"))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class KnewBefore:
    """The answer to "did P know X when Q did Y?".

    Attributes:
        answer: Yes, no, or not established.
        reasons: What it rests on, in words.
    """

    answer: Answer
    reasons: tuple[str, ...]


def fold_knowledge(reading: Reading) -> KnowledgeFold:
    """Fold all that is told of knowledge. Each row has one author: tellings are never merged."""
    rows: list[KnowledgeRow] = []
    later = withdrawn = 0
    for told in reading.laid_out(reading.view.told):
        if not isinstance(told.event, Knowledge):
            continue
        if reading.later(told):
            later += 1
        elif told.id in reading.stances.withdrawn:
            withdrawn += 1
        else:
            rows.append(_row(reading, told, told.event))
    targets = sorted({row.of for row in rows}, key=lambda of: reading.view.by_id[of].index)
    shown = tuple(each for of in targets for each in _shown(reading, of))
    return KnowledgeFold(rows=tuple(rows), shown=shown, later=later, withdrawn=withdrawn)


def knew_before(
    reading: Reading, *, party: str, of: str, act: str, teller: str | None = None
) -> KnewBefore:
    """Say whether `party` knew of one event when another was done.

    Args:
        reading: The view.
        party: The party asked about.
        of: The id of the event that it may have known.
        act: The id of the event that was done.
        teller: Take only what this party tells; None for all, if they do not contradict.
    """
    answers: dict[Answer, list[str]] = {"yes": [], "no": [], "not established": []}
    done = reading.when(act)
    for row in fold_knowledge(reading).rows:
        if row.of != of or party_of(row.knower) != party or teller not in {None, row.author}:
            continue
        answer, reason = _answer(reading, row, act, done)
        answers[answer].append(f"{row.author} tells in event {row.index}: {reason}")
    for told in (reading.view.by_id[of],):
        if party in _doers(told) and teller in {None, told.author}:
            answer = reading.order.before(of, act)
            answers[answer].append(f"{party} did it, as {told.author} tells in event {told.index}")
    if answers["yes"] and answers["no"]:
        reasons = (*answers["yes"], *answers["no"], "these contradict each other")
        return KnewBefore(answer="not established", reasons=reasons)
    for verdict in ("yes", "no"):
        if answers[verdict]:
            return KnewBefore(answer=verdict, reasons=tuple(answers[verdict]))
    reasons = tuple(answers["not established"]) or ("nothing is told of it",)
    return KnewBefore(answer="not established", reasons=reasons)


def _row(reading: Reading, told: Told, event: Knowledge) -> KnowledgeRow:
    moment = reading.dates.get(told.id)
    when = None if moment is None else moment.when
    of_when = reading.when(event.of)
    lag: Days = (None, None)
    if event.mode in _AWARE and when is not None and of_when is not None:
        lag = days_between(of_when, when)
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


def _answer(reading: Reading, row: KnowledgeRow, act: str, done: When | None) -> tuple[Answer, str]:
    if row.mode in _AWARE:
        if row.when is None or done is None:
            return "not established", "it came to know, undated"
        before = is_before(row.when, done)
        if before == "not established":
            return before, "the order of the dates is not established"
        words = {"yes": "it knew before", "no": "it came to know only afterwards"}
        return before, words[before]
    if row.mode in {"not_told", "disclaims"}:
        span = row.when or row.as_at
        if span is not None and done is not None and _covers(span, done):
            return "no", "it did not know in that time"
        return "not established", "it was not told, but for that day this says nothing"
    order = reading.order.before(row.of, act)
    return "not established", f"it could have known (event before the act: {order})"


def _covers(span: When, done: When) -> bool:
    """Tell whether a stretch of not knowing surely covers the whole of another date."""
    bounds = span.begin_latest, done.begin_earliest, done.begin_latest, span.end_earliest
    begin, first, last, end = bounds
    if begin is None or first is None or last is None or end is None:
        return False
    return begin <= first and last <= end


def _doers(told: Told) -> frozenset[str]:
    event = told.event
    if isinstance(event, Communication):
        return parties_of(event.from_) | principals_of(event)
    by = getattr(event, "by", None)
    return parties_of(by if isinstance(by, str) else None) | principals_of(event)


def _shown(reading: Reading, of: str) -> list[Shown]:
    target = reading.view.by_id[of]
    found = [Shown(party=target.author, of=of, by=of, index=target.index, how="recorded")]
    for told, position in reading.stances.on.get(of, ()):
        if position.stance == "received":
            found.append(
                Shown(party=told.author, of=of, by=told.id, index=told.index, how="received")
            )
    held: set[str] = {target.author}
    for told in reading.view.told:
        if told.seen_size > target.index and told.author not in held:
            held.add(told.author)
            found.append(Shown(party=told.author, of=of, by=told.id, index=told.index, how="seen"))
    return found
