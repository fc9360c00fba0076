"""Double counting: events that look like one and are not joined, and counts that can be read twice.

Only what shares a file, a Message-ID, or its kind, parties and day is looked at. A pair is named as
possible, with what it shares: whoever knows can join it (`same_as`) or say how it is two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ledger.date_words import format_when
from ledger.folds.contradictions.findings import Finding
from ledger.folds.contradictions.matter import Matter, doers_of_all, joined
from ledger.folds.stances import parties_of
from ledger.sentences import title_of
from ledger.view import Told
from ledger.wording import count_words
from verify.claims import File
from verify.kinds import Artefact, Commitment, Communication, Meeting, Request, Step, Transfer

__all__ = ["doubles"]

_FILES: Final = ("file.1", "file")
_MOST_DAYS: Final = 31
_SHORT: Final = 16
_Key = tuple[object, ...]


def doubles(matter: Matter) -> Iterator[Finding]:
    """Find what may be counted twice."""
    yield from _by_file(matter)
    yield from _by_message(matter)
    yield from _by_likeness(matter)
    yield from _by_area(matter)


def _by_file(matter: Matter) -> Iterator[Finding]:
    found: dict[str, list[Told]] = {}
    for told in matter.told:
        if isinstance(told.event, Artefact | Communication):
            for name in _FILES:
                file = told.claims.get(name)
                if isinstance(file, File) and file.size:  # nothing is in many files
                    found.setdefault(file.sha256, []).append(told)
    for sha256, events in found.items():
        apart = _apart(matter, events)
        if len(apart) > 1:
            names = joined(matter.name(told.id) for told in apart)
            words = f"{names} hold the same file (SHA-256 {sha256[:_SHORT]}…) and are not joined: "
            yield matter.finding("same_file", [t.id for t in apart], f"{words}they may be one.")


def _by_message(matter: Matter) -> Iterator[Finding]:
    found: dict[str, list[Told]] = {}
    for told in matter.told:
        message_id = told.text("message_id")
        if message_id:
            found.setdefault(message_id.strip(), []).append(told)
    for events in found.values():
        apart = _apart(matter, events)
        if len(apart) > 1:
            names = joined(matter.name(told.id) for told in apart)
            words = f"{names} have the same Message-ID and are not joined: they may be one."
            yield matter.finding("same_message", [told.id for told in apart], words)


def _apart(matter: Matter, events: Iterable[Told]) -> list[Told]:
    """Return one event of each that nothing joins: the first of those that are joined."""
    first: dict[str, Told] = {}
    linked: set[str] = set()
    for told in events:
        root = matter.root(told.id)
        links = {matter.root(link.event) for link in told.event.links or ()}
        if root not in first and links.isdisjoint(first) and root not in linked:
            first[root] = told
        linked |= links
    return list(first.values())


def _by_likeness(matter: Matter) -> Iterator[Finding]:
    found: dict[_Key, list[tuple[int, int, Told]]] = {}
    for told in matter.told:
        key, when = _likeness(matter, told), matter.reading.when(told.id)
        if key is None or when is None or when.begin_earliest is None or when.begin_latest is None:
            continue
        lo, hi = when.begin_earliest.toordinal(), when.begin_latest.toordinal()
        if hi - lo < _MOST_DAYS:
            found.setdefault(key, []).append((lo, hi, told))
    for rows in found.values():
        if len(rows) > 1:
            rows.sort(key=lambda row: (row[0], row[1], title_of(row[2]) or "", row[2].id))
            yield from _pairs(matter, rows)


def _pairs(matter: Matter, rows: list[tuple[int, int, Told]]) -> Iterator[Finding]:
    """Pair each event with the last one of another author, or its own like it, that can be it."""
    last: dict[str, tuple[int, Told]] = {}
    for lo, hi, told in rows:
        for author in sorted(last):
            end, other = last[author]
            if end >= lo and _may_be_one(matter, other, told):
                yield _alike(matter, other, told)
                del last[author]
                break
        else:
            last[told.author] = (hi, told)


def _may_be_one(matter: Matter, one: Told, other: Told) -> bool:
    if matter.joined(one.id, other.id):
        return False
    if one.author != other.author:
        return True
    # A party may well send two letters in a day: its own must agree in all that is told.
    same = matter.reading.when(one.id), matter.reading.when(other.id)
    dates = {None if when is None else when.edtf for when in same}
    return len(dates) == 1 and title_of(one) == title_of(other)


def _alike(matter: Matter, one: Told, other: Told) -> Finding:
    authors = {one.author, other.author}
    who = (
        f"each told by one of {joined(sorted(authors))}"
        if len(authors) > 1
        else (f"both told by {one.author}, in the same words")
    )
    whens = [when for t in (one, other) if (when := matter.reading.when(t.id)) is not None]
    dates = joined(dict.fromkeys(map(format_when, whens)))
    words = (
        f"{matter.name(one.id)} and {matter.name(other.id)} may be one: of one kind, between the "
        f"same parties, on dates that overlap ({dates}), {who}, and not joined."
    )
    return matter.finding("alike", [one.id, other.id], words)


def _likeness(matter: Matter, told: Told) -> _Key | None:
    """Return what two events that are one share; None where too little is told to say."""
    event, who = told.event, doers_of_all(told)
    if not who:
        return None
    match event:
        case Communication() if event.to:
            return ("communication", event.channel, who, parties_of(event.to))
        case Meeting():
            return ("meeting", who)
        case Request():
            return ("request", event.what, who, parties_of(event.to), event.categories)
        case Transfer():
            return ("transfer", who, parties_of(event.to))
        case Commitment():
            return ("commitment", event.what, who, parties_of(event.to))
        case Step():
            return ("step", matter.root(event.of), event.verb, who, event.items, event.outcome)
        case _:
            return None


def _by_area(matter: Matter) -> Iterator[Finding]:
    for told in matter.told:
        event = told.event
        if not isinstance(event, Request) or not event.areas_doubtful:
            continue
        per_area = event.categories or 1
        certain = per_area * len(event.areas or ())
        total = certain + per_area * len(event.areas_doubtful)
        count = count_words(certain, total, event.areas_doubtful)
        words = f"{matter.name(told.id)} asks for {count}: whether it does is not told."
        yield matter.finding("items_doubtful", [told.id], words)
