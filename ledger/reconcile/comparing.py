"""Two tellings held against each other: what speaks for one event, and what against.

Words are for people and hold for any two ledgers; whoever prints them says which is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.date_words import format_when
from ledger.dates import Range, When, candidates, instant_s, is_before, parse_when
from ledger.errors import DateError
from ledger.folds.moments import date_of
from ledger.reconcile.parties import Parties
from ledger.reconcile.tellings import Telling
from ledger.wording import field_words, noun_of, party_of, say
from verify.kinds import Communication, DateRole, Event, Request

__all__ = [
    "AFTER",
    "BEFORE",
    "MAX_DAYS_APART",
    "Comparison",
    "actor_fields",
    "actors_at_odds",
    "common",
    "compare",
    "compare_mails",
    "dates_at_odds",
    "days_apart",
    "format_range",
    "noun",
    "plain_fields",
    "when_of",
    "who_is_meant",
]

MAX_DAYS_APART: Final = 3
"""How far apart the days of two tellings may be that are still proposed as one event."""

BEFORE: Final[tuple[DateRole, ...]] = ("dated", "made", "sent")
AFTER: Final[tuple[DateRole, ...]] = ("received", "opened")
"""What can only be after each of `BEFORE`."""

_NO_CONTENT: Final = frozenset(
    (
        *("author", "nonce", "dates", "links", "on_behalf_of", "authority", "sealed", "withheld"),
        *("audience", "retain", "cipher", "of", "via", "under", "trigger", "discharges", "kind"),
        *("until_events", "sentences", "on"),
    )
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What speaks for and against two tellings being of one event.

    Attributes:
        reasons: What speaks for it.
        against: What speaks against it.
    """

    reasons: tuple[str, ...]
    against: tuple[str, ...]


def compare(one: Telling, other: Telling, parties: Parties) -> Comparison:
    """Compare two tellings of one kind by what they say: dates, parties, titles, clear fields."""
    reasons: list[str] = []
    against: list[str] = []
    titles = bool(one.title) and one.title == other.title
    if titles:
        reasons.append("the titles are equal")
    elif one.title and other.title:
        against.append("the titles differ")
    _compare_dates(one, other, reasons, against)
    certain, alike = shared_labels(one, other, parties)
    _say_shared(certain, alike, reasons)
    _compare_fields(one.told.event, other.told.event, against)
    return Comparison(tuple(reasons), tuple(against))


def _say_shared(certain: list[str], alike: list[str], reasons: list[str]) -> None:
    if certain:
        reasons.append(f"both name {_named(certain)}, the same in both ledgers")
    if alike:
        reasons.append(f"both name {_named(alike)}, by equal labels that nothing else joins")


def shared_labels(one: Telling, other: Telling, parties: Parties) -> tuple[list[str], list[str]]:
    """Return the labels of the first telling that the other names too: as one party, or alike."""
    roots = {parties.root(other.fingerprint, label) for label in other.labels}
    certain, alike = [], []
    for label in sorted(one.labels):
        if parties.root(one.fingerprint, label) in roots:
            certain.append(label)
        elif label in other.labels:
            alike.append(label)
    return certain, alike


def compare_mails(one: Telling, other: Telling, parties: Parties) -> Comparison:
    """Compare two mails of one Message-ID by what they say of themselves: date, sender, subject."""
    first, second = one.mail, other.mail
    if first is None or second is None:
        raise AssertionError(one.ref)
    reasons: list[str] = ["the Message-ID is the same, which is a reason and no identity"]
    against: list[str] = []
    _agree("date", _instant(first.date), _instant(second.date), reasons, against)
    _agree("subject", first.subject, second.subject, reasons, against)
    if first.read and second.read:
        _agree("sender", first.senders or None, second.senders or None, reasons, against)
    else:
        certain, alike = shared_labels(one, other, parties)
        _say_shared(certain, alike, reasons)
    if one.main is not None and other.main is not None:
        against.append("the octets differ: one of the two, or both, are not as they were sent")
    return Comparison(tuple(reasons), tuple(against))


def _agree(what: str, one: object, other: object, reasons: list[str], against: list[str]) -> None:
    if one is None or other is None:
        return
    if one == other:
        reasons.append(f"the {what} is the same")
    else:
        against.append(f"the {what} differs")


def _instant(edtf: str | None) -> tuple[object, ...] | None:
    """Return what two spellings of one moment share."""
    if edtf is None:
        return None
    try:
        when = parse_when(edtf, basis="stated")
    except DateError:
        return (edtf,)
    instant = instant_s(when)
    return (when.earliest, when.latest) if instant is None else (instant,)


# Dates


def common(dates: Iterable[When]) -> Range | None:
    """Return the first and last day that all dates allow; None where there is none."""
    first, *rest = dates
    ranges = candidates(first)
    for when in rest:
        met = (_meet(a, b) for a in ranges for b in candidates(when))
        ranges = tuple(each for each in met if each is not None)
    if not ranges:
        return None
    los, his = [each.lo for each in ranges], [each.hi for each in ranges]
    return Range(
        None if None in los else min(lo for lo in los if lo is not None),
        None if None in his else max(hi for hi in his if hi is not None),
    )


def _meet(a: Range, b: Range) -> Range | None:
    lo = max((day for day in (a.lo, b.lo) if day is not None), default=None)
    hi = min((day for day in (a.hi, b.hi) if day is not None), default=None)
    return None if lo is not None and hi is not None and lo > hi else Range(lo, hi)


def days_apart(one: When, other: When) -> int:
    """Count the days between two dates of which neither allows a day of the other; else 0."""
    gaps = [
        (later.earliest - earlier.latest).days
        for earlier, later in ((one, other), (other, one))
        if later.earliest is not None and earlier.latest is not None
    ]
    return max(0, *gaps) if gaps else 0


def _compare_dates(one: Telling, other: Telling, reasons: list[str], against: list[str]) -> None:
    """Compare the dates that stand for two tellings."""
    if one.moment is None or other.moment is None:
        if (one.moment is None) is not (other.moment is None):
            against.append("only one of them is dated")
        return
    first, second = one.moment.when, other.moment.when
    shared = common((first, second))
    if shared is None:
        against.append(f"the dates have no day in common{_gap(first, second)}")
        return
    if shared.lo is not None and shared.lo == shared.hi:
        reasons.append(f"both can be of {format_range(shared)}")
    else:
        reasons.append(f"the dates allow the same days: {format_range(shared)}")


def dates_at_odds(one: Telling, other: Telling) -> Iterator[str]:
    """Yield why the dates of two tellings cannot both be those of one event.

    Two dates of one kind have no day in common, or one side has it sent only after the other
    received it.
    """
    first, second = _dates_by_role(one), _dates_by_role(other)
    for role in sorted(first.keys() & second.keys()):
        if common((first[role], second[role])) is None:
            gap = _gap(first[role], second[role])
            yield f"{field_words(f'dates.{role}')}: no day in common{gap}"
    for sent_by, received_by in ((first, second), (second, first)):
        for early in BEFORE:
            for late in AFTER:
                sent, received = sent_by.get(early), received_by.get(late)
                if sent and received and is_before(received, sent) == "yes":
                    yield f"one has it {early} only after the other has it {late}"


def _dates_by_role(telling: Telling) -> dict[DateRole, When]:
    found = {role: date_of(telling.told, role) for role in telling.told.event.dates or ()}
    if telling.moment is not None and telling.moment.source is None:
        found[telling.moment.role] = telling.moment.when
    return {role: when for role, when in found.items() if when is not None}


def _gap(one: When, other: When) -> str:
    apart = days_apart(one, other)
    days = "1 day" if apart == 1 else f"{apart} days"
    return f", {days} apart" if apart else ""


def when_of(days: Range) -> When | None:
    """Return days as a date; None where nothing bounds them."""
    if days.lo is None and days.hi is None:
        return None
    lo, hi = (day.isoformat() if day is not None else "" for day in days)
    return parse_when(lo if days.lo == days.hi else f"[{lo}..{hi}]", basis="inferred")


def format_range(days: Range) -> str:
    """Write days for people."""
    when = when_of(days)
    return "any day" if when is None else format_when(when).removesuffix(" (one day)")


# Clear fields


def noun(telling: Telling) -> str:
    """Return what an event is called: letter, invitation, meeting."""
    event = telling.told.event
    channel = event.channel if isinstance(event, Communication) else None
    what = event.what if isinstance(event, Request) else None
    return noun_of(telling.told.kind, channel=channel, what=what)


def plain_fields(event: Event) -> dict[str, object]:
    """Return the clear fields that say what an event was, without actors and references."""
    found: dict[str, object] = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name not in _NO_CONTENT and isinstance(value, str | int) and name not in _ACTOR_FIELDS:
            found[name] = value
    return found


_ACTOR_FIELDS: Final = frozenset(
    (
        *("from_", "to", "cc", "by", "host", "chair", "attendees", "apologies", "custodian"),
        *("provenance", "knower", "operator", "members", "signatories", "reply_to", "areas"),
        "areas_doubtful",
    )
)


def actor_fields(event: Event) -> dict[str, tuple[str, ...]]:
    """Return the actors that an event names, by field."""
    found: dict[str, tuple[str, ...]] = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in _ACTOR_FIELDS and value is not None:
            found[name.removesuffix("_")] = (value,) if isinstance(value, str) else value
    return found


def actors_at_odds(one: Telling, other: Telling, parties: Parties) -> Iterator[str]:
    """Yield why two tellings of a message cannot be of one sending: no sender or addressee is one.

    Parties that nothing joins may be one, and are no reason.
    """
    if not isinstance(one.told.event, Communication):
        return
    first, second = actor_fields(one.told.event), actor_fields(other.told.event)
    for name in ("from", "to"):
        if name in first and name in second:
            mine = who_is_meant(one, first[name], parties)
            theirs = who_is_meant(other, second[name], parties)
            if mine.isdisjoint(theirs) and all(ledger for ledger, _ in mine | theirs):
                yield f"{name}: no party in common"


def who_is_meant(
    telling: Telling, actors: Iterable[str], parties: Parties
) -> frozenset[tuple[str, str]]:
    """Return who is meant: parties that ledgers share, and labels that only equal themselves."""
    return frozenset(_meant(telling, party_of(actor), parties) for actor in actors)


def _meant(telling: Telling, label: str, parties: Parties) -> tuple[str, str]:
    root = parties.root(telling.fingerprint, label)
    return root if parties.is_joined(root) else ("", label)


def _compare_fields(one: Event, other: Event, against: list[str]) -> None:
    first, second = plain_fields(one), plain_fields(other)
    differ = sorted(n for n in first.keys() & second.keys() if first[n] != second[n])
    against.extend(
        f"{_plain(name)} differs: {_value(first[name])}, {_value(second[name])}" for name in differ
    )


def _plain(name: str) -> str:
    return name.removesuffix("_").replace("_", " ")


def _value(value: object) -> str:
    return say(value) if isinstance(value, str) else str(value)


def _named(labels: list[str]) -> str:
    shown = labels[:4]
    more = len(labels) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
