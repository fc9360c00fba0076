"""The items of a request as a table of categories by areas: which cell stands where.

Item (k - 1)·c + j is category j for area k, the areas certainly meant before the doubtful ones
(SPEC 4.3); without areas there is one column. The texts of the items name the categories, where
they are open: `item.j`, of the first area.

Source: SPEC section 4.3; domain, finding 2.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from ledger.folds.reading import Reading
from ledger.folds.request_rows import ItemRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from verify.kinds import Request

__all__ = ["CODES", "FLAGS", "Area", "Category", "Cell", "Matrix", "fold_matrix"]

CODES: Final = {
    "asked": "A",
    "asked_orally": "AO",
    "clarification_sought": "Q",
    "clarified": "C",
    "deferred": "D",
    "answered_in_part": "P",
    "answered": "F",
    "not_held": "NH",
    "already_public": "AP",
    "refused": "R",
    "transferred": "T",
    "withdrawn": "W",
    "under_review": "U",
    "claimed": "CL",
    "elsewhere": "--",
}
"""The short code of each state. `claimed` and `elsewhere` are of requests that do not count."""

FLAGS: Final = {
    "acknowledged": "a",
    "answered_in_part": "p",
    "contested": "x",
    "deferral_claimed": "d",
}
"""The letter behind a code for each flag of an item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A column.

    Attributes:
        name: The area; empty where the request names none.
        doubtful: Whether it may not be meant.
    """

    name: str
    doubtful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A row.

    Attributes:
        number: Its number, from 1.
        title: What it is, in its author's words; None if that is not open.
    """

    number: int
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One item.

    Attributes:
        item: Its number.
        state: Where it stands.
        code: The state in short, and a letter for each flag.
        ball: The parties that must act next.
        flags: As of an `ItemRow`.
        doubtful: Whether its area may not be meant.
    """

    item: int
    state: str
    code: str
    ball: tuple[str, ...]
    flags: tuple[str, ...]
    doubtful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The items of one request, in one telling.

    Attributes:
        request: The id of the request's event.
        index: Its index.
        telling: Whose word is taken.
        certain: The number of items certainly meant.
        total: The number of items if the doubtful areas are meant as well.
        categories: The rows.
        areas: The columns.
        cells: The items, row by row.
        standing: Whether the request counts in this telling; else every cell says why not.
    """

    request: str
    index: int
    telling: Telling
    certain: int
    total: int
    categories: tuple[Category, ...]
    areas: tuple[Area, ...]
    cells: tuple[tuple[Cell, ...], ...]
    standing: str

    def counts(self) -> tuple[tuple[str, int, int], ...]:
        """Count the cells of each state: certainly meant, and at most."""
        every = [cell for row in self.cells for cell in row]
        return tuple(
            (state, sum(not cell.doubtful for cell in here), len(here))
            for state in CODES
            if (here := [cell for cell in every if cell.state == state])
        )


def fold_matrix(reading: Reading, event_id: str, *, telling: Telling = ESTABLISHED) -> Matrix:
    """Lay out the items of a request.

    Args:
        reading: The view, read as at a day.
        event_id: The id of a request of the view.
        telling: Whose word is taken.
    """
    told = reading.view.by_id[event_id]
    if not isinstance(told.event, Request):
        raise AssertionError(event_id)  # noqa: TRY004 - the caller chose it, not its data
    event = told.event
    rows = fold_requests(reading, telling=telling).rows
    row = next((row for row in rows if row.id == event_id), None)
    names = [(name, False) for name in event.areas or ("",)]
    areas = [*names, *((name, True) for name in event.areas_doubtful or ())]
    per_area = event.categories or 1
    certain, total = per_area * len(names), per_area * len(areas)
    standing = "elsewhere" if row is None else row.standing
    runs = () if row is None else row.items
    lasts = [run.last for run in runs]

    def cell(item: int, *, doubtful: bool) -> Cell:
        run = runs[bisect_left(lasts, item)] if runs else None
        return _cell(item, run, standing, doubtful=doubtful)

    return Matrix(
        request=event_id,
        index=told.index,
        telling=telling,
        certain=certain,
        total=total,
        categories=tuple(
            Category(number=j, title=told.text(f"item.{j}")) for j in range(1, per_area + 1)
        ),
        areas=tuple(Area(name=name, doubtful=doubtful) for name, doubtful in areas),
        cells=tuple(
            tuple(
                cell(k * per_area + j, doubtful=doubtful) for k, (_, doubtful) in enumerate(areas)
            )
            for j in range(1, per_area + 1)
        ),
        standing=standing,
    )


def _cell(item: int, run: ItemRow | None, standing: str, *, doubtful: bool) -> Cell:
    state = standing if run is None else run.state
    flags = () if run is None else run.flags
    return Cell(
        item=item,
        state=state,
        code=CODES[state] + "".join(FLAGS[flag] for flag in flags),
        ball=() if run is None else run.ball,
        flags=flags,
        doubtful=doubtful,
    )
