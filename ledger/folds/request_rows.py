"""What is said of a request: of it, of its items, of its course. `requests` computes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ledger.clocks import Deadlines, Regime
from ledger.dates import When
from ledger.folds.lateness import Lateness, Outcome
from ledger.folds.moments import Moment
from ledger.folds.reading import Days
from ledger.folds.stances import Telling

__all__ = ["Claim", "ItemRow", "RequestRow", "Requests", "Stage", "Standing"]

Standing = Literal["counts", "claimed", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """A run of items of one request that stand alike.

    Attributes:
        first: The first item.
        last: The last item, included.
        doubtful: Whether these are items that may not be meant.
        state: Where they stand.
        since: The id of the event that brought them there.
        ball: The parties that must act next.
        days: For how many days they have held the ball, least and most.
        flags: `acknowledged`, `answered_in_part` (where the state says something else),
            `contested`, `deferral_claimed`, in that order.
        lateness: What the clock says, as at the day asked.
        deadlines: The deadline with its working; None where no clock runs. Once there is an
            outcome, the one that stood when it came.
        outcomes: The outcomes, the first first, and whether each came in time; those of which no
            clock ran are left out.
        silent: Whether a question to its makers is open: nothing is told that can answer it.
        resumed_after: The id of the deferral that is over, if nothing moved it since.
        quiet: Whether others than its makers must act, and nothing is told of it since.
        notes: What is not established about this state.
    """

    first: int
    last: int
    doubtful: bool
    state: str
    since: str
    ball: tuple[str, ...]
    days: Days
    flags: tuple[str, ...]
    lateness: Lateness
    deadlines: Deadlines | None
    outcomes: tuple[Outcome, ...] = ()
    silent: bool = False
    resumed_after: str | None = None
    quiet: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the course of a request, laid out with the others by date.

    Attributes:
        word: What became of the items: a state, `acknowledged`, `chased` and the like, or
            `resumed`, which is computed.
        id: The id of the event that brought it about; of `resumed`, of the deferral that ended.
        index: Its index.
        when: When; None if nothing dates it.
        items: The items that were meant; None for all.
        ball: The parties that had to act next.
        until: Of a deferral: the indexes of the events that it waits for.
    """

    word: str
    id: str
    index: int
    when: When | None
    items: tuple[tuple[int, int], ...] | None
    ball: tuple[str, ...]
    until: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A step that is told and moved nothing.

    Attributes:
        id: The step's event id.
        index: Its index.
        verb: What is said to have been done.
        doers: The parties whose act it is said to be.
        told_by: The party that says so.
        why: Why it moved nothing.
    """

    id: str
    index: int
    verb: str
    doers: tuple[str, ...]
    told_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One request.

    Attributes:
        id: Its event id.
        index: Its index.
        author: The party that tells it.
        standing: Whether it counts in this telling, is only claimed, or is withdrawn by its author.
        what: What is asked for.
        makers: The parties that made it.
        recipients: The parties asked.
        made: The date that stands for it.
        certain: The number of items certainly meant.
        total: The number of items if the doubtful ones are meant as well.
        doubtful_areas: The areas that may not be meant.
        items: Its items, in runs that stand alike; none unless it counts.
        worst: The state of the open items that need acting on first; else that of the rest.
        counts: State -> (items certainly meant, items at most).
        course: What became of it, stage by stage; none unless it counts.
        taken_up_by: Of an invitation: the id of the event that took it up.
        held: Of an invitation: for how many days the invited held the ball, least and most.
        claims: The steps that moved nothing.
        chased: The ids of steps that chase or escalate.
        regime: The rule that its author says applies.
    """

    id: str
    index: int
    author: str
    standing: Standing
    what: str
    makers: tuple[str, ...]
    recipients: tuple[str, ...]
    made: Moment | None
    certain: int
    total: int
    doubtful_areas: tuple[str, ...]
    items: tuple[ItemRow, ...]
    worst: str
    counts: tuple[tuple[str, tuple[int, int]], ...]
    course: tuple[Stage, ...]
    taken_up_by: str | None
    held: Days
    claims: tuple[Claim, ...]
    chased: tuple[str, ...]
    regime: Regime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """All requests in one telling.

    Attributes:
        telling: Whose word is taken.
        rows: The requests, laid out as in the chronology.
        later: How many requests are left out, since they are of after the day asked.
        elsewhere: How many are left out, since this party tells nothing of them.
    """

    telling: Telling
    rows: tuple[RequestRow, ...]
    later: int
    elsewhere: int
