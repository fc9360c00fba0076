"""The chronology: what is told to have happened, in order as far as the order is established.

Responses stand beside what they respond to. Governance, seals, holds and the like are acts upon
the ledger, not of the dispute: they are counted under what was left out, never silently missing.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger.dates import Answer
from ledger.folds.grades import Grade, grade_of
from ledger.folds.moments import Moment, unread_dates
from ledger.folds.positions import EventStatus, named_parties, status_of
from ledger.folds.proven import bracket_words, signed_before
from ledger.folds.reading import Reading
from ledger.persistent import Blocks
from ledger.sentences import sentence, title_of
from ledger.view import Told
from ledger.wording import say
from verify.kinds import GOVERNANCE, Attestation, Erasure, Hold, Opening, Position, Sealed

__all__ = [
    "LaidOut",
    "LinkOut",
    "Timeline",
    "TimelineRow",
    "fold_timeline",
    "lay_out",
    "lay_out_more",
    "row_of",
    "timeline_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOut:
    """A link from a row to another event: `index` is None when that is not in this ledger."""

    rel: str
    event: str
    index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One event of the chronology.

    Attributes:
        index: The index of its entry.
        id: Its event id.
        kind: Its kind.
        author: The party that tells it.
        date: The date that stands for it, and of what it is the date.
        summary: What it tells, in a sentence.
        title: The author's own words for it, if they are open.
        links: What it refers to.
        status: The responses to it.
        grades: How well its elements are proven; none where that was not asked for.
        order: Whether the row before it is established to be earlier; None for the first row.
        notes: What a reader must know beside.
    """

    index: int
    id: str
    kind: str
    author: str
    date: Moment | None
    summary: str
    title: str | None
    links: tuple[LinkOut, ...]
    status: EventStatus
    grades: tuple[Grade, ...]
    order: Answer | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The chronology.

    Attributes:
        rows: The events, laid out.
        as_at: The last day that counts.
        party: The party that it is limited to, if it is.
        left_out: What was left out: (how many, why).
        refused_links: Links whose order the dates make impossible: (earlier, later), by id.
    """

    rows: tuple[TimelineRow, ...]
    as_at: dt.date
    party: str | None
    left_out: tuple[tuple[int, str], ...]
    refused_links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LaidOut:
    """The events of a chronology, in its order: its rows are still to be made.

    Attributes:
        reading: The view, read as at a day.
        party: The party that it is limited to, if it is.
        events: The events.
        left_out: What was left out: (how many, why).
    """

    reading: Reading
    party: str | None
    events: Blocks[Told]
    left_out: tuple[tuple[int, str], ...]


def fold_timeline(reading: Reading, *, party: str | None = None) -> Timeline:
    """Make the chronology: `lay_out` and `timeline_of` in one."""
    return timeline_of(lay_out(reading, party=party))


def lay_out(reading: Reading, *, party: str | None = None) -> LaidOut:
    """Choose the events of the chronology, and lay them out.

    Args:
        reading: The view, read as at a day.
        party: Only events that this party tells or is named in; None for all.
    """
    left_out: Counter[str] = Counter()
    shown: list[Told] = []
    for told in reading.view.told:
        why = _why_left_out(reading, told, party)
        if why is None:
            shown.append(told)
        else:
            left_out[why] += 1
    return LaidOut(
        reading=reading,
        party=party,
        events=Blocks(reading.laid_out(shown)),
        left_out=_counted(left_out),
    )


def lay_out_more(before: LaidOut, reading: Reading, changed: Iterable[str]) -> LaidOut:
    """Lay a chronology out, given that of a smaller or the same size, which stays as it is.

    Args:
        before: The chronology of before.
        reading: The view by now, read as at the same day.
        changed: What changed since, as `ledger.folds.reading.grow` tells it.
    """
    party = before.party
    left_out = Counter({why: count for count, why in before.left_out})
    gone: list[int] = []
    come: list[Told] = []
    for event_id in changed:
        old, new = before.reading.view.by_id.get(event_id), reading.view.by_id[event_id]
        if old is not None:
            why = _why_left_out(before.reading, old, party)
            if why is None:
                gone.append(_place_of(before, event_id))
            else:
                left_out[why] -= 1
        why = _why_left_out(reading, new, party)
        if why is None:
            come.append(new)
        else:
            left_out[why] += 1
    place = reading.order.place
    return LaidOut(
        reading=reading,
        party=party,
        events=before.events.spliced(gone=gone, come=come, key=lambda told: place(told.id)),
        left_out=_counted(left_out),
    )


def _place_of(laid_out: LaidOut, event_id: str) -> int:
    """Return the place among the events of one of them."""
    order = laid_out.reading.order
    place = order.place(event_id)
    return laid_out.events.place_of(place, lambda told: order.place(told.id))


def _counted(left_out: Counter[str]) -> tuple[tuple[int, str], ...]:
    return tuple((count, why) for why, count in sorted(left_out.items()) if count)


def timeline_of(laid_out: LaidOut, *, part: slice = slice(None), graded: bool = True) -> Timeline:
    """Make the rows of a chronology, or of a part of it: each row costs, and the others nothing.

    Args:
        laid_out: The events.
        part: Of which of them rows are made.
        graded: Whether they are graded, which is more than half of what they cost.
    """
    reading = laid_out.reading
    places = range(*part.indices(len(laid_out.events)))
    return Timeline(
        rows=tuple(_row_at(laid_out, place, graded=graded) for place in places),
        as_at=reading.as_at,
        party=laid_out.party,
        left_out=laid_out.left_out,
        refused_links=reading.order.refused,
    )


def row_of(laid_out: LaidOut, event_id: str) -> TimelineRow | None:
    """Return the row of one event; None if it has none."""
    told = laid_out.reading.view.by_id.get(event_id)
    if told is None or _why_left_out(laid_out.reading, told, laid_out.party) is not None:
        return None
    return _row_at(laid_out, _place_of(laid_out, event_id))


def _row_at(laid_out: LaidOut, place: int, *, graded: bool = True) -> TimelineRow:
    before = laid_out.events[place - 1] if place else None
    return _row(laid_out.reading, laid_out.events[place], before, graded=graded)


_APART = {
    Attestation: "outside evidence, which stands with what it is about",
    Erasure: "erasures, listed apart",
    Hold: "holds on erasure, listed apart",
    Opening: "openings: what they opened stands here itself",
    Position: "responses, which stand beside what they respond to",
}


def _why_left_out(reading: Reading, told: Told, party: str | None) -> str | None:
    if isinstance(told.event, GOVERNANCE):
        return "acts of governance"
    if isinstance(told.event, Sealed):
        if told.id in reading.unopened:
            return "sealed and not opened"
        return "seals that have been opened: what they sealed stands here itself"
    for kind, why in _APART.items():
        if isinstance(told.event, kind):
            return why
    if reading.later(told):
        return "happened after the day asked"
    if party is not None and told.author != party and party not in named_parties(told.event):
        return f"neither told by {party} nor naming it"
    return None


def _row(reading: Reading, told: Told, before: Told | None, *, graded: bool) -> TimelineRow:
    order = None if before is None else reading.order.before(before.id, told.id)
    status = status_of(reading, told)
    return TimelineRow(
        index=told.index,
        id=told.id,
        kind=told.kind,
        author=told.author,
        date=reading.dates.get(told.id),
        summary=sentence(told, reading.view.by_id),
        title=title_of(told),
        links=tuple(_links(reading, told)),
        status=status,
        grades=grade_of(reading, told, status=status) if graded else (),
        order=order,
        notes=(*_notes(reading, told), *_proven(reading, told, before)),
    )


def _links(reading: Reading, told: Told) -> list[LinkOut]:
    found = []
    for link in told.event.links or ():
        other = None if link.ledger is not None else reading.view.by_id.get(link.event)
        index = None if other is None else other.index
        found.append(LinkOut(rel=link.rel, event=link.event, index=index))
    return found


def _notes(reading: Reading, told: Told) -> list[str]:
    notes = [
        f"a date that cannot be read stands as written ({text})" for text in unread_dates(told)
    ]
    moment = reading.dates.get(told.id)
    if moment is not None and moment.source is not None:
        source = reading.view.by_id[moment.source]
        notes.append(f"dated by the {say(source.kind)} of entry {source.index}")
    notes.extend(_evidence(reading, told))
    if told.id in reading.contradicted:
        notes.append("a link says that it came after an event whose date is later")
    if told.key_origin == "recovered":
        notes.append("signed by a recovered key")
    if told.sealed_at is not None:
        notes.append(f"sealed at entry {told.sealed_at}, opened at entry {told.opened_at}")
        notes.append(_seals(reading, told))
    if told.erased:
        notes.append(f"erased of it: {', '.join(told.erased)}")
    closed = len(told.unopened) - len(told.erased)
    if closed:
        notes.append(f"claims of it that are not open here: {closed}")
    return notes


def _proven(reading: Reading, told: Told, before: Told | None) -> Iterator[str]:
    """Say when it was signed, as far as cosignatures prove it."""
    words = bracket_words(reading.view.bracket(told))
    if words is None:
        return
    yield words
    if before is not None:
        order = signed_before(reading.view, before, told)
        what = f"the telling above, entry {before.index}"
        if order == "not established":
            yield f"whether it was signed before or after {what}, is the ledger's word"
        else:
            yield f"it is proven to be signed {'after' if order == 'yes' else 'before'} {what}"


def _evidence(reading: Reading, told: Told) -> Iterator[str]:
    for each in reading.evidence.get(told.id, ()):
        if isinstance(each.event, Attestation):
            title = title_of(each)
            what = f"outside evidence ({say(each.event.type)}) of entry {each.index}"
            yield f"{what}, told by {each.author}" + (f": {title.rstrip('.')}" if title else "")


def _seals(reading: Reading, told: Told) -> str:
    """Count the author's seals: else one could seal ten versions and open the one that fits."""
    seals = reading.seals[told.author]
    return (
        f"of {told.author}'s sealed events {seals.opened} are opened and {seals.unopened} "
        f"unopened, {seals.overdue} of them overdue"
    )
