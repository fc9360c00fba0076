"""A view, read once for all folds: which responses stand, which date is whose, and what is before.

`as_at` is the last day that counts. An event of which it is certain that it happened later is
passed over; one that may have happened by then counts, since nothing says that it did not.

A reading can grow: `grow` reads a view of which the first events were read before, and looks only
at what is new or changed, and at what that changes. `read` grows it from nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, NamedTuple, TypeVar

from ledger.dates import When, days_between, known_by, narrow
from ledger.errors import ContradictionError
from ledger.folds.moments import Moment, date_of, grow_dates
from ledger.folds.order import NO_ORDER, Order, grow_order
from ledger.folds.stances import Stances, grow_stances
from ledger.persistent import Blocks, ById
from ledger.view import Told, View
from verify.claims import File
from verify.events import references
from verify.kinds import Artefact, Attestation, DateRole, Opening, Step, Transfer

__all__ = ["Days", "Reading", "Seals", "days_since", "grow", "read"]

Days = tuple[int | None, int | None]
V = TypeVar("V")

_MANY: Final = 16  # that part of all events is many


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
        referring: The events that refer to each, by its id, in ledger order.
        holding: The events that hold a file, or held it, by its SHA-256.
        opened: How many seals each author has opened.
    """

    view: View
    stances: Stances
    dates: ById[Moment]
    order: Order
    as_at: dt.date
    referring: ById[tuple[str, ...]] = field(repr=False)
    holding: ById[tuple[str, ...]] = field(repr=False, compare=False)
    opened: Mapping[str, int] = field(repr=False)

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
        unopened = Counter(t.author for t in self.view.sealed)
        overdue = Counter(t.author for t in self.view.sealed if _is_overdue(t, self.as_at))
        return {
            author: Seals(count, unopened[author], overdue[author])
            for author, count in self.opened.items()
        }

    @cached_property
    def steps(self) -> Mapping[str, tuple[tuple[Told, Step], ...]]:
        """The steps of each target, by its id, laid out in order; none of after `as_at`."""
        return _Each(self.referring, lambda target: tuple(self._steps_of(target)))

    def _steps_of(self, target: str) -> Iterator[tuple[Told, Step]]:
        for told in self.laid_out(self.referring_to(target)):
            if isinstance(told.event, Step) and told.event.of == target and not self.later(told):
                yield told, told.event

    @cached_property
    def evidence(self) -> Mapping[str, tuple[Told, ...]]:
        """The outside evidence about each event, by its id, in ledger order; none withdrawn."""
        return _Each(self.referring, lambda target: tuple(self._evidence_of(target)))

    def _evidence_of(self, target: str) -> Iterator[Told]:
        for told in self.referring_to(target):
            is_about = isinstance(told.event, Attestation) and told.event.of == target
            if is_about and told.id not in self.stances.withdrawn:
                yield told

    @cached_property
    def files(self) -> Mapping[str, tuple[tuple[Told, str], ...]]:
        """The open claims that hold a file, by its SHA-256: event and name, in ledger order."""
        return _Each(self.holding, self._claims_with)

    def _claims_with(self, sha256: str) -> tuple[tuple[Told, str], ...]:
        held = (self.view.by_id[each] for each in self.holding.get(sha256, ()))
        return tuple(
            (told, name)
            for told in sorted(held, key=lambda told: self.view.rank(told.id))
            for name, value in told.claims.items()
            if isinstance(value, File) and value.sha256 == sha256
        )

    @cached_property
    def holders(self) -> Mapping[str, Mapping[str, Told]]:
        """The first event of each party, one that stands, that holds a file, by its SHA-256."""
        return _Each(self.holding, self._holders_of)

    def _holders_of(self, sha256: str) -> Mapping[str, Told]:
        found: dict[str, Told] = {}
        for told, _ in self.files.get(sha256, ()):
            if not told.disowned and told.id not in self.stances.withdrawn:
                found.setdefault(told.author, told)
        return found

    def shown_from(self, told: Told, name: str, *, party: str) -> float:
        """Return the index from which a party could have had a claim from the ledger."""
        audience = (told.event.audience or {}).get(name)
        if audience is not None and party != told.author and party not in audience:
            return float("inf")
        return max(told.index, self.handed_over(told.id, name))

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
        return _Each(self.referring, lambda target: tuple(self._exhibits_of(target)))

    def _exhibits_of(self, target: str) -> Iterator[Told]:
        for told in self.referring_to(target):
            if isinstance(told.event, Artefact):
                for link in told.event.links or ():
                    is_it = link.event == target and link.ledger is None
                    if is_it and link.rel in {"evidences", "minutes_of"}:
                        yield told

    def handed_over(self, event_id: str, name: str) -> int:
        """Return the index at which a claim that was withheld is handed over; 0 if it is not."""
        return self._handed_over.get(event_id, {}).get(name, 0)

    @cached_property
    def _handed_over(self) -> Mapping[str, Mapping[str, int]]:
        return _Each(self.referring, self._handed_over_of)

    def _handed_over_of(self, event_id: str) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for told in self.referring_to(event_id):
            if isinstance(told.event, Opening) and told.event.of == event_id:
                for name in told.event.names or ():
                    found.setdefault(name, told.index)
        return found

    @cached_property
    def passed(self) -> Mapping[str, tuple[tuple[Told, tuple[tuple[int, int], ...] | None], ...]]:
        """The transfers of data for each request, by its id, with the items that each is for."""
        return _Each(self.referring, lambda target: tuple(self._passed_for(target)))

    def _passed_for(
        self, request: str
    ) -> Iterator[tuple[Told, tuple[tuple[int, int], ...] | None]]:
        for told in self.laid_out(self.referring_to(request)):
            if isinstance(told.event, Transfer) and not self.later(told):
                for discharge in told.event.discharges or ():
                    if discharge.request == request:
                        yield told, discharge.items

    def referring_to(self, event_id: str) -> Iterator[Told]:
        """Yield the events that refer to one, in ledger order."""
        return (self.view.by_id[each] for each in self.referring.get(event_id, ()))

    def narrowed(self, told: Told, role: DateRole) -> When | None:
        """Return a date of an event, narrowed by the outside evidence that its author adds.

        Evidence that leaves no day, and what other parties bring, narrows nothing.
        """
        key = (told.id, role)
        if key not in self._narrowed:
            self._narrowed[key] = self._narrow(told, role)
        return self._narrowed[key]

    @cached_property
    def _narrowed(self) -> dict[tuple[str, DateRole], When | None]:
        return {}

    def _narrow(self, told: Told, role: DateRole) -> When | None:
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
        found = tuple(events)
        if len(found) < len(self.view.told) // _MANY:
            return tuple(sorted(found, key=lambda told: self.order.place(told.id)))
        # To number all once is quicker than to compare many.
        return tuple(sorted(found, key=lambda told: self._places[told.id]))

    def when(self, event_id: str) -> When | None:
        """Return the date that stands for an event; None if nothing dates it."""
        moment = self.dates.get(event_id)
        return None if moment is None else moment.when

    def days(self, first: str, second: str) -> Days:
        """Count the days from one event to another, least and most; None where unbounded.

        Of what is established to have come later the least is never below 0.
        """
        a, b = self.when(first), self.when(second)
        if a is None or b is None:
            return None, None
        least, most = days_between(a, b)
        if least is not None and least < 0 and self.order.before(first, second) == "yes":
            least = 0
        return least, most

    def later(self, told: Told) -> bool:
        """Tell whether it is certain that an event happened after `as_at`."""
        return self._is_after(self.when(told.id))

    def receipts(self, event_id: str) -> Iterator[tuple[Told, When | None]]:
        """Yield the receipts that parties signed, with the day that each gives, if any.

        One that was certainly received after `as_at` is passed over.
        """
        for told, position in self.stances.on.get(event_id, ()):
            when = date_of(told, "received") if position.stance == "received" else None
            if position.stance == "received" and not self._is_after(when):
                yield told, when

    def _is_after(self, when: When | None) -> bool:
        return when is not None and known_by(when, self.as_at) == "no"


def read(view: View, *, as_at: dt.date) -> Reading:
    """Read a view for folding."""
    nothing = Reading(
        view=replace(view, size=0, told=Blocks(), by_id=ById(), sealed=()),
        stances=Stances(on=ById(), withdrawn=ById()),
        dates=ById(),
        order=NO_ORDER,
        as_at=as_at,
        referring=ById(),
        holding=ById(),
        opened={},
    )
    return grow(nothing, view)[0]


def grow(before: Reading, view: View) -> tuple[Reading, frozenset[str]]:
    """Read a view, given a reading of fewer of its events, which stays as it is.

    It costs what is new and what that changes, beside copying what stays.

    Args:
        before: A reading of a view of the same ledger, for the same audience, of a smaller or the
            same size.
        view: The view.

    Returns:
        The reading, as `read` would give it, and the ids of all events that are new, or that are
        told, dated, placed in the order, responded to, or sealed otherwise than before.
    """
    touched = {view.told[place].id: place for place in _touched(before.view, view)}
    referring, opened = before.referring.draft(), dict(before.opened)
    # Thousands can refer to one event, or hold one file: what is new of each is added at once.
    new: dict[str, list[str]] = {}
    for place in range(len(before.view.told), len(view.told)):
        told = view.told[place]
        for each in dict.fromkeys(ref for _, ref in references(told.event)):
            new.setdefault(each, []).append(told.id)
        if told.sealed_at is not None:
            opened[told.author] = opened.get(told.author, 0) + 1
    referring.update((each, (*referring.get(each, ()), *ids)) for each, ids in new.items())
    holding = before.holding.draft()
    held: dict[str, list[str]] = {}
    for place in touched.values():
        told = view.told[place]
        for sha256 in _files_of(told):
            held.setdefault(sha256, []).append(told.id)
    for sha256, ids in held.items():
        holding[sha256] = tuple(dict.fromkeys((*holding.get(sha256, ()), *ids)))
    stances, responded = grow_stances(before.stances, view, referring, touched)
    dates, dated = grow_dates(before.dates, view, referring, touched)
    order, moved = grow_order(before.order, view, dates, touched.keys() | dated)
    reading = Reading(
        view=view,
        stances=stances,
        dates=dates,
        order=order,
        as_at=before.as_at,
        referring=referring.done(),
        holding=holding.done(),
        opened=opened,
    )
    return reading, moved | responded | dated | touched.keys() | (
        before.unopened ^ reading.unopened if before.view.sealed != view.sealed else frozenset()
    )


def _files_of(told: Told) -> frozenset[str]:
    return frozenset(each.sha256 for each in told.claims.values() if isinstance(each, File))


def _touched(before: View, view: View) -> Iterator[int]:
    """Yield the places of the events that are new, or tell something else now."""
    yield from before.told.differing(view.told)
    yield from range(len(before.told), len(view.told))


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


class _Each(Mapping[str, V]):
    """What there is of each event, by its id: looked up when it is asked for, and kept."""

    def __init__(self, ids: Iterable[str], find: Callable[[str], V]) -> None:
        self._ids = ids
        self._find = find
        self._found: dict[str, V] = {}

    def __getitem__(self, event_id: str) -> V:
        found = self._found.get(event_id)
        if found is None:
            found = self._found[event_id] = self._find(event_id)
        if not found:
            raise KeyError(event_id)
        return found

    def __iter__(self) -> Iterator[str]:
        return (each for each in self._ids if each in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
