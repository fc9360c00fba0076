"""When an event happened: its dates as `When`, and the one that stands for it in a chronology.

An event can have several dates (dated, sent, received). The main one is the first, in the order
of its kind, that is bounded on both sides; else the first there is. A date that cannot be read is
kept as words and bounds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, get_args

from ledger.dates import When, parse_when
from ledger.errors import DateError
from ledger.folds.worklist import Worklist
from ledger.persistent import ById
from ledger.view import Told, View
from verify.kinds import Communication, DateRole, Knowledge

__all__ = ["MAIN_ROLES", "Moment", "date_of", "grow_dates", "unread_dates"]

MAIN_ROLES: Final[Mapping[str, tuple[DateRole, ...]]] = {
    "communication": ("sent", "dated", "received", "published", "occurred", "made"),
    "meeting": ("occurred", "held", "start", "period"),
    "artefact": ("obtained", "created", "handed_over", "published", "dated", "held"),
    "transfer": ("sent", "occurred", "handed_over", "received"),
    "request": ("made", "sent", "received", "occurred", "dated"),
    "commitment": ("made", "occurred"),
    "agreement": ("made", "occurred", "dated", "effective"),
    "arrangement": ("start", "occurred", "made", "period"),
    "step": ("occurred", "made", "sent", "received", "dated", "effective", "handed_over", "start"),
    "knowledge": ("occurred", "received", "period", "start"),
    "position": ("made", "occurred"),
    "account": ("made", "dated", "published", "sent"),
    "attestation": ("occurred", "made", "created", "published"),
}
"""The date roles that can stand for an event, by kind, best first."""

# These are of the future, of something else, or about the telling: they never date the event.
_NEVER: Final = frozenset(("as_at", "due", "until", "opens_by", "value"))
_ROLES: Final[tuple[DateRole, ...]] = tuple(r for r in get_args(DateRole) if r not in _NEVER)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date of an event.

    Attributes:
        role: What the date is of: "received".
        when: The date.
        source: The id of the event that gives it, if another does.
    """

    role: DateRole
    when: When
    source: str | None = None


def date_of(told: Told, role: DateRole) -> When | None:
    """Return one date of an event; None if it has none, or one that cannot be read."""
    date = (told.event.dates or {}).get(role)
    if date is None:
        return None
    try:
        return parse_when(date.edtf, basis=date.basis, phrase=told.text(f"phrase_{role}"))
    except DateError:
        return None


def unread_dates(told: Told) -> tuple[str, ...]:
    """Return the dates of an event that cannot be read, as "role: what is written"."""
    return tuple(
        f"{role}: {date.edtf}"
        for role, date in sorted((told.event.dates or {}).items())
        if date_of(told, role) is None
    )


def grow_dates(
    before: ById[Moment],
    view: View,
    referring: Mapping[str, tuple[str, ...]],
    touched: Mapping[str, int],
) -> tuple[ById[Moment], frozenset[str]]:
    """Work out the date that stands for each event from those of fewer, which it leaves as is.

    An event without dates of its own takes those of the first communication that encloses it;
    knowledge is bounded by what it came by. Events that nothing dates have none.

    Args:
        before: The dates by id, of the first events of the view.
        view: The events.
        referring: The events that refer to each, by its id.
        touched: The places in the view of the events that are new, or tell something else now.

    Returns:
        The dates by id, and the events of which the date is another than before.
    """
    dates = before.draft()
    changed = set[str]()
    waiting = Worklist(touched.values())
    for rank in touched.values():
        for link in view.told[rank].event.links or ():
            if link.rel == "encloses" and link.event in view.by_id:
                waiting.add(view.rank(link.event))
    while waiting:
        told = view.told[waiting.pop()]
        moment = _best(told) or _lent(view, referring, told) or _came_by(view, dates, told)
        if moment != dates.get(told.id):
            changed.add(told.id)
            if moment is None:
                del dates[told.id]
            else:
                dates[told.id] = moment
        elif told.id not in touched:
            continue
        for each in referring.get(told.id, ()):
            event = view.by_id[each].event
            if isinstance(event, Knowledge) and event.via == told.id:
                waiting.add(view.rank(each))
    return dates.done(), frozenset(changed)


def _lent(view: View, referring: Mapping[str, tuple[str, ...]], told: Told) -> Moment | None:
    """Take the date of the first communication that encloses an event, and has one of its own."""
    for each in referring.get(told.id, ()):
        other = view.by_id[each]
        links = other.event.links or ()
        if isinstance(other.event, Communication) and any(
            link.rel == "encloses" and link.event == told.id for link in links
        ):
            own = _best(other)
            if own is not None:
                return Moment(own.role, own.when, other.id)
    return None


def _came_by(view: View, dated: Mapping[str, Moment], told: Told) -> Moment | None:
    """Bound undated knowledge by what it came by: its receipt, or else not before its date."""
    via = view.by_id.get(told.event.via or "") if isinstance(told.event, Knowledge) else None
    if via is None:
        return None
    received = date_of(via, "received")
    if received is not None:
        return Moment("received", received, via.id)
    if via.id not in dated:
        return None
    when = dated[via.id].when
    day = when.begin_earliest
    if day is None:
        return None
    # What is dated on a day can be received on that day or any later one.
    late = replace(
        when,
        edtf=f"[{day.isoformat()}..]",
        basis="inferred",
        phrase=None,
        kind="point",
        begin_latest=None,
        end_earliest=day,
        end_latest=None,
    )
    return Moment("received", late, via.id)


def _best(told: Told) -> Moment | None:
    given = told.event.dates or {}
    roles = [role for role in MAIN_ROLES.get(told.kind, ()) if role in given]
    roles += [role for role in _ROLES if role in given and role not in roles]
    moments = [Moment(role, when) for role in roles if (when := date_of(told, role)) is not None]
    bounded = (m for m in moments if m.when.earliest is not None and m.when.latest is not None)
    return next(bounded, moments[0] if moments else None)
