"""Agreements, arrangements, transfers, outside evidence, erasures and holds: listed as told.

Nothing is computed about them here (whether an agreement is in force, who was a member on a day,
whether an erasure is in effect): each row says what was recorded and which steps followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ledger.folds.acts import doers_of
from ledger.folds.moments import Moment
from ledger.folds.reading import Reading
from ledger.folds.stances import Telling
from ledger.sentences import is_impersonal, sentence, title_of
from ledger.view import Told

__all__ = ["OTHER_KINDS", "OtherRow", "OtherStep", "fold_other"]

OtherKind = Literal["agreement", "arrangement", "transfer", "attestation", "erasure", "hold"]

OTHER_KINDS: Final[tuple[OtherKind, ...]] = (
    *("agreement", "arrangement", "transfer", "attestation", "erasure", "hold"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherStep:
    """A step of an agreement or arrangement.

    Attributes:
        index: The index of its entry.
        id: Its event id.
        verb: What was done.
        doers: The parties whose act it is said to be; none where only that it was done is told.
        signed: Whether one of them has signed it: else it is a claim.
        date: The date that stands for it.
        summary: What it tells, in a sentence.
    """

    index: int
    id: str
    verb: str
    doers: tuple[str, ...]
    signed: bool
    date: Moment | None
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRow:
    """One event of these kinds.

    Attributes:
        index: The index of its entry.
        id: Its event id.
        kind: Its kind.
        author: The party that tells it.
        date: The date that stands for it.
        summary: What it tells, in a sentence.
        title: The author's own words for it, if they are open.
        withdrawn: Whether its author withdrew it.
        steps: Its steps, laid out as in the chronology.
    """

    index: int
    id: str
    kind: str
    author: str
    date: Moment | None
    summary: str
    title: str | None
    withdrawn: bool
    steps: tuple[OtherStep, ...]


def fold_other(
    reading: Reading, *, telling: Telling | None = None
) -> Mapping[OtherKind, tuple[OtherRow, ...]]:
    """List the events of each of these kinds, laid out as in the chronology.

    Args:
        reading: The view, read as at a day.
        telling: Only what this party tells; None, or established, for all that is told.
    """
    party = None if telling is None else telling.party
    rows: dict[OtherKind, tuple[OtherRow, ...]] = {}
    laid_out = [t for t in reading.laid_out(reading.view.told) if not reading.later(t)]
    for kind in OTHER_KINDS:
        rows[kind] = tuple(
            _row(reading, told)
            for told in laid_out
            if told.kind == kind and party in {None, told.author}
        )
    return rows


def _row(reading: Reading, told: Told) -> OtherRow:
    steps = []
    for each, step in reading.steps.get(told.id, ()):
        doers = frozenset[str]() if is_impersonal(step) else doers_of(each)
        steps.append(
            OtherStep(
                index=each.index,
                id=each.id,
                verb=step.verb,
                doers=tuple(sorted(doers)),
                signed=not doers.isdisjoint(reading.stances.signers(each)),
                date=reading.dates.get(each.id),
                summary=sentence(each, reading.view.by_id),
            )
        )
    return OtherRow(
        index=told.index,
        id=told.id,
        kind=told.kind,
        author=told.author,
        date=reading.dates.get(told.id),
        summary=sentence(told, reading.view.by_id),
        title=title_of(told),
        withdrawn=told.id in reading.stances.withdrawn,
        steps=tuple(steps),
    )
