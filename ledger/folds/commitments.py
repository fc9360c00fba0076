"""Promises: kept, kept in part, confirmed, released, overtaken, replaced, denied, lapsed.

    promised        its maker says so
    denied          its maker denies it                       (position: deny)
    part_fulfilled  its maker says so                         (part_fulfil)
    fulfilled       its maker says so                         (fulfil)
    confirmed       the other side agrees that it was kept    (confirm, or agrees to the step)
    released        by the other side                         (release)
    overtaken       the other side says so                    (overtaken)
    replaced        the other side says so, or agrees         (replace)
    lapsed          computed: its day is over, and nothing came
    unfulfilled     computed: it has no day, and nothing came by the day asked

What the other side has settled (confirmed, released, overtaken, replaced) no word of the maker's
alone moves: it takes the other side's. `claim_unfulfilled` is the other side's flag and moves
nothing: that nothing came is computed.

Source: FOLDS, "Promises".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from ledger.dates import Answer, When
from ledger.folds.acts import doers_of
from ledger.folds.deeds import is_elsewhere
from ledger.folds.moments import Moment, date_of
from ledger.folds.reading import Days, Reading, days_since
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.view import Told
from verify.kinds import Commitment, Step

__all__ = ["CommitmentRow", "CommitmentState", "Commitments", "fold_commitment", "fold_commitments"]

CommitmentState = Literal[
    "claimed",
    "confirmed",
    "denied",
    "fulfilled",
    "lapsed",
    "overtaken",
    "part_fulfilled",
    "promised",
    "released",
    "replaced",
    "unfulfilled",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentRow:
    """One promise.

    Attributes:
        id: Its event id.
        index: Its index.
        author: The party that tells it.
        by: Who is to have promised.
        to: To whom.
        what: What.
        made: The date that stands for it.
        due: Its day, if it has one.
        state: Where it stands as at the day asked.
        since: The id of the event that brought it there.
        passed: Whether its day is over: not established for a vague one.
        waiting: Of one that is open: for how many days, least and most.
        overdue: Of one that lapsed: for how many days its day is over, least and most.
        said_unfulfilled: Whether the other side says that nothing came.
        unfulfilled_by: The id of the event in which it says so.
        unfulfilled_as_at: As at which day it says so.
        claims: Steps told by those who cannot move it: (event id, verb, party).
    """

    id: str
    index: int
    author: str
    by: str
    to: tuple[str, ...]
    what: str
    made: Moment | None
    due: When | None
    state: CommitmentState
    since: str
    passed: Answer | None
    waiting: Days
    overdue: Days
    said_unfulfilled: bool
    unfulfilled_by: str | None
    unfulfilled_as_at: When | None
    claims: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitments:
    """All promises in one telling.

    Attributes:
        telling: Whose word is taken.
        rows: The promises, laid out as in the chronology.
        later: How many are left out, since they are of after the day asked.
        elsewhere: How many are left out, since this party tells nothing of them.
    """

    telling: Telling
    rows: tuple[CommitmentRow, ...]
    later: int
    elsewhere: int


_SETTLED: Final = frozenset(("confirmed", "overtaken", "released", "replaced"))


def fold_commitments(reading: Reading, *, telling: Telling = ESTABLISHED) -> Commitments:
    """Fold all promises.

    Args:
        reading: The view, read as at a day.
        telling: Whose word is taken.
    """
    every = (told for told in reading.view.told if isinstance(told.event, Commitment))
    return _fold(reading, reading.laid_out(every), telling)


def fold_commitment(reading: Reading, event_id: str) -> Commitments:
    """Fold one promise as established, and nothing of the others: at most one row.

    Args:
        reading: The view, read as at a day.
        event_id: The id of the promise.
    """
    return _fold(reading, (reading.view.by_id[event_id],), ESTABLISHED)


def _fold(reading: Reading, promises: Iterable[Told], telling: Telling) -> Commitments:
    rows: list[CommitmentRow] = []
    later = elsewhere = 0
    for told in promises:
        if reading.later(told):
            later += 1
        elif is_elsewhere(reading, told, telling):
            elsewhere += 1
        elif isinstance(told.event, Commitment):
            rows.append(_row(reading, told, told.event, telling))
    return Commitments(telling=telling, rows=tuple(rows), later=later, elsewhere=elsewhere)


@dataclass(slots=True)
class _Progress:
    state: CommitmentState
    since: str
    unfulfilled: Told | None = None


def _row(reading: Reading, told: Told, event: Commitment, telling: Telling) -> CommitmentRow:
    makers, others = parties_of(event.by), parties_of(event.to)
    progress = _start(reading, told, makers, telling)
    claims: list[tuple[str, str, str]] = []
    for step_told, step in reading.steps.get(told.id, ()):
        signers = reading.stances.signers(step_told)
        if not signers or (telling.party is not None and telling.party not in signers):
            continue
        doers = doers_of(step_told)
        if telling.party is None:
            doers &= signers
        consent = reading.stances.upholders(step_told.id)
        if not (doers and _moved(progress, step_told, step, doers, makers, others, consent)):
            claims.append((step_told.id, step.verb, step_told.author))
    due = date_of(told, "due")
    passed = None if due is None else _is_over(due, reading)
    _compute(progress, passed)
    made = reading.dates.get(told.id)
    is_open = progress.state in {"promised", "part_fulfilled", "lapsed", "unfulfilled"}
    start = None if made is None else made.when
    said = progress.unfulfilled
    return CommitmentRow(
        id=told.id,
        index=told.index,
        author=told.author,
        by=event.by,
        to=event.to,
        what=event.what,
        made=made,
        due=due,
        state=progress.state,
        since=progress.since,
        passed=passed,
        waiting=days_since(start, reading.as_at) if is_open else (None, None),
        overdue=_days_over(due, reading) if progress.state == "lapsed" else (None, None),
        said_unfulfilled=said is not None,
        unfulfilled_by=None if said is None else said.id,
        unfulfilled_as_at=None if said is None else date_of(said, "as_at") or reading.when(said.id),
        claims=tuple(claims),
    )


def _is_over(due: When, reading: Reading) -> Answer:
    """Say whether the day of a promise is over at the end of the day asked."""
    if due.latest is not None and due.latest < reading.as_at:
        return "yes"
    if due.end_earliest is not None and due.end_earliest >= reading.as_at:
        return "no"
    return "not established"


def _days_over(due: When | None, reading: Reading) -> Days:
    """Count the days for which the day of a promise is over; of a period, its end."""
    ends = (None, None) if due is None else (due.end_latest, due.end_earliest)
    least, most = (None if end is None else (reading.as_at - end).days for end in ends)
    return least, most


def _start(reading: Reading, told: Told, makers: frozenset[str], telling: Telling) -> _Progress:
    denial = reading.stances.denial(told.id, makers)
    if denial is not None and telling.party in {None, denial.author}:
        return _Progress("denied", denial.id)
    counts = reading.stances.counts(told, telling=telling, entitled=makers)
    taken = telling.party is not None or counts
    return _Progress("promised" if taken else "claimed", told.id)


def _moved(
    progress: _Progress,
    told: Told,
    step: Step,
    doers: frozenset[str],
    makers: frozenset[str],
    others: frozenset[str],
    consent: frozenset[str],
) -> bool:
    by_maker, by_other = not doers.isdisjoint(makers), not doers.isdisjoint(others)
    agreed = not consent.isdisjoint(others)
    states: dict[str, tuple[CommitmentState, bool]] = {
        "fulfil": ("confirmed" if agreed else "fulfilled", by_maker),
        "part_fulfil": ("part_fulfilled", by_maker),
        "confirm": ("confirmed", by_other),
        "release": ("released", by_other),
        "overtaken": ("overtaken", by_other),
        "replace": ("replaced", by_other or (by_maker and agreed)),
    }
    if step.verb == "claim_unfulfilled":
        progress.unfulfilled = told if by_other else progress.unfulfilled
        return by_other
    state, may = states[step.verb]
    if not may or progress.state in {"denied", "claimed"}:
        return False
    if progress.state in _SETTLED and not (by_other or agreed):
        return False
    progress.state, progress.since = state, told.id
    return True


def _compute(progress: _Progress, passed: Answer | None) -> None:
    if progress.state != "promised":
        return
    if passed == "yes":
        progress.state = "lapsed"
    elif passed is None:
        progress.state = "unfulfilled"
