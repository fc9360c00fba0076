"""The deadlines of a table: when an answer is due by a clock, and when a promise falls due.

A deadline is computed for a telling, never stored; where several tellings come to the same day, it
stands once and names them all. Its working is printed with the version of the bank holidays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from ledger.folds.commitments import CommitmentRow, fold_commitments
from ledger.folds.lateness import outcome_words
from ledger.folds.ranges import format_items
from ledger.folds.reading import Reading
from ledger.folds.request_rows import ItemRow, RequestRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.view import Told
from ledger.wording import actor_words, actors_words, say, thing_words
from verify.kinds import Commitment, Request

__all__ = ["DueRow", "due_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """One deadline.

    Attributes:
        ref: The event id of the request or promise, 64 hex digits.
        seq: The index of its entry.
        what: What is due, in a line.
        earliest: The earliest possible last day to act; None where nothing bounds it.
        latest: The latest possible last day to act; None where nothing bounds it.
        regime: The rule that gives it: "foia_20"; `promised` for the day of a promise.
        state: Where it stands as at the day asked, for people.
        open: Whether something is still to be done.
        working: How the day was found, one line per fact.
        calendar: The bank holidays used, with their version; None where none are.
        tellings: In which tellings it stands.
    """

    ref: str
    seq: int
    what: str
    earliest: dt.date | None
    latest: dt.date | None
    regime: str
    state: str
    open: bool
    working: tuple[str, ...]
    calendar: str | None
    tellings: tuple[str, ...]


def due_rows(
    reading: Reading, shown: Collection[Told], telling: Telling | None
) -> tuple[DueRow, ...]:
    """List the deadlines of the requests and promises among some events, in their order.

    Args:
        reading: The view, read as at a day.
        shown: The events.
        telling: The telling that counts; None for what is established and each party's account.
    """
    asked = {told.id for told in shown if isinstance(told.event, Request) and told.event.regime}
    promised = {
        told.id for told in shown if isinstance(told.event, Commitment) and told.event.dates
    }
    if not asked | promised:
        return ()
    tellings = (ESTABLISHED, *map(Telling, reading.view.authors)) if telling is None else (telling,)
    found: dict[DueRow, list[str]] = {}
    for each in tellings:
        for row in _rows(reading, asked, promised, each):
            found.setdefault(row, []).append(str(each))
    places = {told.id: place for place, told in enumerate(shown)}
    rows = (replace(row, tellings=tuple(names)) for row, names in found.items())
    return tuple(sorted(rows, key=lambda row: places[row.ref]))


def _rows(
    reading: Reading, asked: Collection[str], promised: Collection[str], telling: Telling
) -> Iterator[DueRow]:
    if asked:
        for request in fold_requests(reading, telling=telling).rows:
            if request.id in asked:
                yield from _of_request(request)
    if promised:
        for promise in fold_commitments(reading, telling=telling).rows:
            if promise.id in promised and promise.due is not None:
                yield _of_promise(promise)


def _of_request(row: RequestRow) -> Iterable[DueRow]:
    for item in row.items:
        ends = None if item.deadlines is None else (item.deadlines.earliest, item.deadlines.latest)
        if item.deadlines is None or ends is None or not any(end and end.due for end in ends):
            continue
        if row.regime == "cpr_deemed":  # nothing is due on the day of deemed service
            continue
        calendar = next(end.calendar for end in ends if end is not None)
        yield DueRow(
            ref=row.id,
            seq=row.index,
            what=f"Answer by {actors_words(row.recipients)} to {actors_words(row.makers)}"
            f"{_which(row, item)}",
            earliest=None if ends[0] is None else ends[0].due,
            latest=None if ends[1] is None else ends[1].due,
            regime=row.regime or "none",
            state=_state(item),
            open=item.lateness.word != "done",
            working=item.deadlines.explain(),
            calendar=calendar or None,
            tellings=(),
        )


def _which(row: RequestRow, item: ItemRow) -> str:
    return "" if row.total == 1 else f", {format_items(((item.first, item.last),))}"


def _state(item: ItemRow) -> str:
    word = item.lateness.word
    if word != "done":
        disputed = ", from a day of receipt that is disputed" if item.lateness.disputed else ""
        return f"{say(item.state)}; clock: {word}{disputed}"
    return "; ".join((say(item.state), *map(outcome_words, item.outcomes[-1:])))


def _of_promise(row: CommitmentRow) -> DueRow:
    due = row.due
    return DueRow(
        ref=row.id,
        seq=row.index,
        what=f"Promise of {actor_words(row.by)} to {actors_words(row.to)}: {thing_words(row.what)}",
        earliest=None if due is None else due.earliest,
        latest=None if due is None else due.latest,
        regime="promised",
        state=say(row.state),
        open=row.state in {"claimed", "promised", "part_fulfilled", "lapsed", "unfulfilled"},
        working=(),
        calendar=None,
        tellings=(),
    )
