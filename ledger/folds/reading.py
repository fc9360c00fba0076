"""A view, read once for all folds: which responses stand, which date is whose, and what is before.

`as_at` is the last day that counts. An event of which it is certain that it happened later is
passed over; one that may have happened by then counts, since nothing says that it did not.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from ledger.dates import When, days_between, known_by, narrow
from ledger.errors import ContradictionError
from ledger.folds.moments import Moment, date_of, main_dates
from ledger.folds.order import Order, order_of
from ledger.folds.stances import Stances, read_stances
from ledger.view import Told, View
from verify.claims import File
from verify.events import Artefact, Attestation, DateRole, Opening, Step, Transfer

__all__ = ["Days", "Reading", "Seals", "days_since", "read"]

Days = tuple[int | None, int | None]


class Seals(NamedTuple):
    """How many events an author sealed: else one could seal ten and open the one that fits.

    Attributes:
        opened: Those that are opened.
        unopened: Those that are not.
        overdue: Of these, those that should be.
    """

    opened: int
    unopened: int
    overdue: int


@dataclass(frozen=True)
class Reading:
    """A view and what all folds ask of it.

    Attributes:
        view: The events.
        stances: The responses that stand.
        dates: The date that stands for each event, by id.
        order: What is known of their order.
        as_at: The last day that counts.
    """

    view: View
    stances: Stances
    dates: Mapping[str, Moment]
    order: Order
    as_at: dt.date

    def at(self, day: dt.date) -> Reading:
        """Return the same view, read as at another day."""
        return replace(self, as_at=day)

    @cached_property
    def unopened(self) -> frozenset[str]:
        """The ids of the sealed events that are not opened."""
        return frozenset(told.id for told in self.view.sealed)

    @cached_property
    def contradicted(self) -> frozenset[str]:
        """The ids of events that a link puts after what their dates say is later."""
        return frozenset(later for _, later in self.order.refused)

    @cached_property
    def seals(self) -> Mapping[str, Seals]:
        """The seals of each author that has opened one."""
        opened = Counter(t.author for t in self.view.told if t.sealed_at is not None)
        unopened = Counter(t.author for t in self.view.sealed)
        overdue = Counter(t.author for t in self.view.sealed if _is_overdue(t, self.as_at))
        return {
            author: Seals(count, unopened[author], overdue[author])
            for author, count in opened.items()
        }

    @cached_property
    def steps(self) -> Mapping[str, tuple[tuple[Told, Step], ...]]:
        """The steps of each target, by its id, laid out in order; none of after `as_at`."""
        found: dict[str, list[tuple[Told, Step]]] = {}
        for told in self.laid_out(self.view.told):
            if isinstance(told.event, Step) and not self.later(told):
                found.setdefault(told.event.of, []).append((told, told.event))
        return {target: tuple(steps) for target, steps in found.items()}

    @cached_property
    def evidence(self) -> Mapping[str, tuple[Told, ...]]:
        """The outside evidence about each event, by its id, in ledger order; none withdrawn."""
        found: dict[str, list[Told]] = {}
        for told in self.view.told:
            if told.id in self.stances.withdrawn or not isinstance(told.event, Attestation):
                continue
            if told.event.of is not None:
                found.setdefault(told.event.of, []).append(told)
        return {target: tuple(each) for target, each in found.items()}

    @cached_property
    def files(self) -> Mapping[str, tuple[tuple[Told, str], ...]]:
        """The open claims that hold a file, by its SHA-256: event and name, in ledger order."""
        found: dict[str, list[tuple[Told, str]]] = {}
        for told in self.view.told:
            for name, value in told.claims.items():
                if isinstance(value, File):
                    found.setdefault(value.sha256, []).append((told, name))
        return {sha256: tuple(each) for sha256, each in found.items()}

    @cached_property
    def holders(self) -> Mapping[str, Mapping[str, Told]]:
        """The first event of each party, one that stands, that holds a file, by its SHA-256."""
        found: dict[str, dict[str, Told]] = {}
        for sha256, claims in self.files.items():
            for told, _ in claims:
                if not told.disowned and told.id not in self.stances.withdrawn:
                    found.setdefault(sha256, {}).setdefault(told.author, told)
        return found

    def shown_from(self, told: Told, name: str, *, party: str) -> float:
        """Return the index from which a party could have had a claim from the ledger."""
        audience = (told.event.audience or {}).get(name)
        if audience is not None and party != told.author and party not in audience:
            return float("inf")
        return max(told.index, self.handed_over.get((told.id, name), 0))

    def file_shown_from(self, sha256: str, *, party: str) -> float:
        """Return the index from which a party could have had a file of others, from any event."""
        key = (sha256, party)
        if key not in self._files_shown:
            found = (
                self.shown_from(told, name, party=party)
                for told, name in self.files[sha256]
                if told.author != party
            )
            self._files_shown[key] = min(found, default=float("inf"))
        return self._files_shown[key]

    @cached_property
    def _files_shown(self) -> dict[tuple[str, str], float]:
        return {}

    @cached_property
    def exhibits(self) -> Mapping[str, tuple[Told, ...]]:
        """The artefacts that are put in as evidence or minutes of an event, by its id."""
        found: dict[str, list[Told]] = {}
        for told in self.view.told:
            if isinstance(told.event, Artefact):
                for link in told.event.links or ():
                    if link.ledger is None and link.rel in {"evidences", "minutes_of"}:
                        found.setdefault(link.event, []).append(told)
        return {target: tuple(each) for target, each in found.items()}

    @cached_property
    def handed_over(self) -> Mapping[tuple[str, str], int]:
        """The index at which a claim that was withheld is handed over, by event and name."""
        found: dict[tuple[str, str], int] = {}
        for told in self.view.told:
            if isinstance(told.event, Opening):
                for name in told.event.names or ():
                    found.setdefault((told.event.of, name), told.index)
        return found

    @cached_property
    def passed(self) -> Mapping[str, tuple[tuple[Told, tuple[tuple[int, int], ...] | None], ...]]:
        """The transfers of data for each request, by its id, with the items that each is for."""
        found: dict[str, list[tuple[Told, tuple[tuple[int, int], ...] | None]]] = {}
        for told in self.laid_out(self.view.told):
            if isinstance(told.event, Transfer) and not self.later(told):
                for discharge in told.event.discharges or ():
                    found.setdefault(discharge.request, []).append((told, discharge.items))
        return {request: tuple(each) for request, each in found.items()}

    def narrowed(self, told: Told, role: DateRole) -> When | None:
        """Return a date of an event, narrowed by the outside evidence that its author adds.

        Evidence that leaves no day, and what other parties bring, narrows nothing.
        """
        when = date_of(told, role)
        if when is None or when.kind == "span":
            return when
        bounds = [
            date
            for each in self.evidence.get(told.id, ())
            if each.author == told.author and (date := date_of(each, role)) is not None
            if date.kind == "point" and not (date.approximate or date.uncertain)
        ]
        try:
            return narrow(when, bounds)
        except ContradictionError:
            return when

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {event_id: place for place, event_id in enumerate(self.order.sequence)}

    def laid_out(self, events: Iterable[Told]) -> tuple[Told, ...]:
        """Lay events out: as far as their order is established, and stably beyond."""
        return tuple(sorted(events, key=lambda told: self._places[told.id]))

    def when(self, event_id: str) -> When | None:
        """Return the date that stands for an event; None if nothing dates it."""
        moment = self.dates.get(event_id)
        return None if moment is None else moment.when

    def days(self, first: str, second: str) -> Days:
        """Count the days from one event to another, least and most; None where unbounded."""
        a, b = self.when(first), self.when(second)
        return (None, None) if a is None or b is None else days_between(a, b)

    def later(self, told: Told) -> bool:
        """Tell whether it is certain that an event happened after `as_at`."""
        when = self.when(told.id)
        return when is not None and known_by(when, self.as_at) == "no"


def read(view: View, *, as_at: dt.date) -> Reading:
    """Read a view for folding."""
    dates = main_dates(view)
    return Reading(
        view=view,
        stances=read_stances(view),
        dates=dates,
        order=order_of(view, dates),
        as_at=as_at,
    )


def days_since(when: When | None, as_at: dt.date) -> Days:
    """Count the days from `when` to the end of `as_at`: least and most, None where unbounded.

    What is told as having happened has happened by `as_at`: the least is never below 0.
    """
    if when is None:
        return None, None
    least, most = days_between(when, _day(as_at))
    return (None if least is None else max(least, 0)), most


def _is_overdue(told: Told, as_at: dt.date) -> bool:
    opens_by = (told.event.dates or {}).get("opens_by")
    return opens_by is not None and opens_by.edtf < as_at.isoformat()


def _day(day: dt.date) -> When:
    return When(
        edtf=day.isoformat(),
        basis="stated",
        phrase=None,
        kind="point",
        begin_earliest=day,
        begin_latest=day,
        end_earliest=day,
        end_latest=day,
    )
