"""What changed between two standpoints, of what is known and of what had happened.

A standpoint is a size of the ledger (what was known) and a day (what had happened by then). What
either says is written down as facts, one for each field of each row, and two lists of facts are
compared. A change is due to the ledger when the larger one says something else than the smaller,
as at the earlier or as at the later day; it is due to time when one of them says something else
as at the later day than as at the earlier; or to both. How many days something has lasted is no
fact here: else every row would change every day.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from ledger.date_words import format_when
from ledger.folds.agreements import AgreementRow, fold_agreements
from ledger.folds.arrangements import ArrangementRow, fold_arrangements
from ledger.folds.commitments import fold_commitments
from ledger.folds.grades import Element, grade_of
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.lateness import outcome_words
from ledger.folds.moments import Moment
from ledger.folds.positions import EventStatus, status_of
from ledger.folds.reading import Reading
from ledger.folds.request_rows import ItemRow, RequestRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import Telling
from ledger.folds.timeline import lay_out
from ledger.sentences import sentence
from ledger.view import Told
from ledger.wording import actor_words, actors_words, days_words, field_words, say

__all__ = ["Change", "Changes", "Fact", "FactName", "Standpoint", "What", "facts", "find_changes"]

What = Literal["event", "request", "promise", "agreement", "arrangement", "knowledge"]
Cause = Literal["ledger", "time"]
Fact: TypeAlias = "str | tuple[tuple[int, int, str], ...]"
"""What a field says: words, or words for each run of items (first, last, words)."""

_ELEMENTS: Final[dict[Element, str]] = {
    "happened": "that it happened",
    "who": "who acted",
    "sent": "when it was sent",
    "received": "when it was received",
    "said": "what it said",
}
_WHATS: Final[tuple[What, ...]] = get_args(What)


class FactName(NamedTuple):
    """Which field of which row a fact is of.

    Attributes:
        id: The event's id.
        what: What the row is of.
        telling: In whose telling; None where the row is the same in all.
        field: The field, in words; empty for the row itself.
    """

    id: str
    what: What
    telling: Telling | None
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """From where something is read.

    Attributes:
        size: How many entries of the ledger are known.
        as_at: The last day that counts.
    """

    size: int
    as_at: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that says something else.

    Attributes:
        id: The id of the event that the row is of.
        index: Its index.
        sentence: What it tells.
        what: What the row is of: an event of the chronology, or what becomes of one of its kind.
        telling: In whose telling; None where the row is the same in all.
        field: The field, in words; empty for the row itself, which is new or gone.
        items: Of a request: the items that moved alike, first and last; None for no items.
        before: What it said; None if it was not there.
        after: What it says; None if it is not there any more.
        causes: `ledger`: more is known; `time`: more has happened.
    """

    id: str
    index: int
    sentence: str
    what: What
    telling: Telling | None
    field: str
    items: tuple[int, int] | None
    before: str | None
    after: str | None
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed from one standpoint to another.

    Attributes:
        since: The earlier.
        until: The later.
        rows: The changes, laid out as in the chronology.
    """

    since: Standpoint
    until: Standpoint
    rows: tuple[Change, ...]


def find_changes(before: Reading, after: Reading, tellings: Iterable[Telling]) -> Changes:
    """Find what changed from one reading of a ledger to another.

    Args:
        before: The earlier: of no more entries, and of no later day.
        after: The later.
        tellings: Whose word is taken, one after the other.
    """
    wanted = tuple(tellings)
    old, new = facts(before, wanted), facts(after, wanted)
    # What the later ledger says of the earlier day, and the earlier of the later, parts the causes.
    more_known = _known(after.at(before.as_at), wanted, old, new, before, after)
    more_passed = _known(before.at(after.as_at), wanted, old, new, before, after)
    names = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    places = {told.id: place for place, told in enumerate(after.laid_out(after.view.told))}
    order = {telling: place for place, telling in enumerate((None, *wanted))}
    names.sort(key=lambda n: (places[n.id], _WHATS.index(n.what), order[n.telling], n.field))
    rows = [
        change
        for name in names
        for change in _compared(
            after,
            name,
            (old.get(name), new.get(name)),
            (more_known.get(name), more_passed.get(name)),
        )
    ]
    return Changes(since=_standpoint(before), until=_standpoint(after), rows=tuple(rows))


def facts(reading: Reading, tellings: Iterable[Telling]) -> dict[FactName, Fact]:
    """Write down what a reading says, field by field.

    Args:
        reading: The view, read as at a day.
        tellings: Whose word is taken, one after the other.
    """
    found: dict[FactName, Fact] = {}
    for told in lay_out(reading).events:
        for field, words in _event(reading, told):
            found[FactName(told.id, "event", None, field)] = words
    for row in fold_knowledge(reading).rows:
        if row.lag != (None, None):
            lag = days_words(*row.lag)
            found[FactName(row.id, "knowledge", None, "how late it was known")] = lag
    for telling in tellings:
        for request in fold_requests(reading, telling=telling).rows:
            for field, fact in _request(request):
                found[FactName(request.id, "request", telling, field)] = fact
        for promise in fold_commitments(reading, telling=telling).rows:
            found[FactName(promise.id, "promise", telling, "")] = say(promise.state)
        for agreement in fold_agreements(reading, telling=telling).rows:
            for field, words in _agreement(agreement):
                found[FactName(agreement.id, "agreement", telling, field)] = words
        for arrangement in fold_arrangements(reading, telling=telling).rows:
            for field, words in _arrangement(arrangement):
                found[FactName(arrangement.id, "arrangement", telling, field)] = words
    return found


def _known(
    reading: Reading,
    tellings: tuple[Telling, ...],
    old: dict[FactName, Fact],
    new: dict[FactName, Fact],
    before: Reading,
    after: Reading,
) -> dict[FactName, Fact]:
    """Return what a reading says, worked out anew only if it is neither of the two."""
    here = _standpoint(reading)
    if here == _standpoint(before):
        return old
    return new if here == _standpoint(after) else facts(reading, tellings)


def _standpoint(reading: Reading) -> Standpoint:
    return Standpoint(size=reading.view.size, as_at=reading.as_at)


def _event(reading: Reading, told: Told) -> Iterator[tuple[str, str]]:
    status = status_of(reading, told)
    yield "", sentence(told, reading.view.by_id)
    yield "the date", _moment(reading.dates.get(told.id))
    yield "the status", say(status.status)
    if status.withdrawn:
        yield "its author's word", say(status.withdrawn)
    if status.disowned:
        yield "its key", "said to have been compromised"
    yield from _responses(status)
    for grade in grade_of(reading, told, status=status):
        yield f"the proof of {_ELEMENTS[grade.element]}", grade.name
    for each in reading.evidence.get(told.id, ()):
        yield f"outside evidence of entry {each.index}", sentence(each, reading.view.by_id)


def _moment(moment: Moment | None) -> str:
    return (
        "undated"
        if moment is None
        else f"{moment.role.replace('_', ' ')}: {format_when(moment.when)}"
    )


def _responses(status: EventStatus) -> Iterator[tuple[str, str]]:
    for field in status.fields:
        for response in field.responses:
            if not response.superseded:
                given = "" if response.value is None else f": {response.value}"
                about = f"the response of {response.party} on {field_words(field.field)}"
                yield f"{about} (entry {response.index})", f"{say(response.stance)}{given}"


def _agreement(row: AgreementRow) -> Iterator[tuple[str, str]]:
    yield "", f"{say(row.state)}; in force: {row.in_force}"
    for version in row.versions:
        for each in version.signatures:
            yield (
                f"version {version.version}, {each.party}",
                (f"{each.signed.words}; bound: {each.bound}"),
            )


def _arrangement(row: ArrangementRow) -> Iterator[tuple[str, str]]:
    yield "", say(row.state)
    for role, seats in (("member", row.members), ("chair", row.chairs)):
        for seat in seats:
            yield f"{role} {actor_words(seat.actor)}", seat.answer


def _request(row: RequestRow) -> Iterator[tuple[str, Fact]]:
    yield "", "counts" if row.standing == "counts" else f"{row.standing} by {row.author}"
    if row.taken_up_by is not None:
        yield "the invitation", "taken up"
    if row.items:
        yield "the items", tuple(_runs(row.items))
    for claim in row.claims:
        did = f"{actors_words(claim.doers)} {say(claim.verb)} it: {claim.why}"
        yield f"the claim of entry {claim.index}", did


def _runs(items: Iterable[ItemRow]) -> Iterator[tuple[int, int, str]]:
    for words, alike in groupby(items, key=_item):
        runs = list(alike)
        yield runs[0].first, runs[-1].last, words


def _item(run: ItemRow) -> str:
    words = say(run.state)
    if run.ball:
        words += f"; next to act: {', '.join(map(actor_words, run.ball))}"
    words += "".join(f"; {say(flag)}" for flag in run.flags)
    if run.lateness.word not in {"done", "no clock"}:
        words += f"; clock: {run.lateness.word}"
        words += ", from a day of receipt that is disputed" if run.lateness.disputed else ""
    words += "".join(f"; {outcome_words(each)}" for each in run.outcomes)
    return f"{words}; the question is stale" if run.lateness.stale else words


def _compared(
    after: Reading,
    name: FactName,
    ends: tuple[Fact | None, Fact | None],
    between: tuple[Fact | None, Fact | None],
) -> Iterator[Change]:
    told = after.view.by_id[name.id]
    for items, was, is_, causes in _moved(*ends, *between):
        yield Change(
            id=told.id,
            index=told.index,
            sentence=sentence(told, after.view.by_id),
            what=name.what,
            telling=name.telling,
            field=name.field,
            items=items,
            before=was,
            after=is_,
            causes=causes,
        )


_Move: TypeAlias = "tuple[tuple[int, int] | None, str | None, str | None, tuple[Cause, ...]]"


def _moved(
    old: Fact | None, new: Fact | None, more_known: Fact | None, more_passed: Fact | None
) -> Iterator[_Move]:
    """Take a fact of items apart: the runs of items that moved alike, and for the same causes."""
    facts_ = (old, new, more_known, more_passed)
    if isinstance(old, str) or isinstance(new, str) or (old is None and new is None):
        yield _move(None, *map(_words, facts_))
        return
    runs = [_Runs(each) for each in facts_]
    last: _Move | None = None
    for first, stop in pairwise(sorted({edge for each in runs for edge in each.edges})):
        found = _move((first, stop - 1), *(each.of(first) for each in runs))
        if last is not None and last[0] is not None and last[1:] == found[1:]:
            last = ((last[0][0], stop - 1), *found[1:])
            continue
        if last is not None and last[1] != last[2]:
            yield last
        last = found
    if last is not None and last[1] != last[2]:
        yield last


def _move(
    items: tuple[int, int] | None,
    old: str | None,
    new: str | None,
    more_known: str | None,
    more_passed: str | None,
) -> _Move:
    causes: tuple[Cause, ...] = (
        *(("ledger",) if old != more_known or more_passed != new else ()),
        *(("time",) if old != more_passed or more_known != new else ()),
    )
    return items, old, new, causes


def _words(fact: Fact | None) -> str | None:
    return fact if isinstance(fact, str) else None


class _Runs:
    """What is said of each item. Runs are one behind the other, from item 1 on."""

    def __init__(self, fact: Fact | None) -> None:
        self._runs = () if fact is None or isinstance(fact, str) else fact
        self.edges = [first for first, _, _ in self._runs]
        self.edges += [last + 1 for _, last, _ in self._runs[-1:]]

    def of(self, item: int) -> str | None:
        place = bisect_right(self.edges, item) - 1
        return self._runs[place][2] if 0 <= place < len(self._runs) else None
