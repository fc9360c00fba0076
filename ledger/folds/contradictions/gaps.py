"""Gaps: counts and sentences without events, years that nobody stated, no date at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ledger.folds.contradictions.findings import Finding
from ledger.folds.contradictions.matter import Matter, entries_words, joined
from ledger.view import Told
from verify.events import references
from verify.kinds import (
    Account,
    Agreement,
    Arrangement,
    Attestation,
    Commitment,
    Communication,
    Event,
    Knowledge,
    Meeting,
    Position,
    Request,
    Step,
)

__all__ = ["gaps"]


def gaps(matter: Matter) -> Iterator[Finding]:
    """Find what is missing."""
    for told in matter.told:
        yield from _counts(matter, told)
        if isinstance(told.event, Account):
            yield from _unsupported(matter, told, told.event)
    yield from _years(matter)
    yield from _undated(matter)


# Counts


_MANY: Final = re.compile(
    r"\b(?:many|several|numerous|countless|repeated|frequent|various|a number of|dozens of|"
    r"hundreds of)(?:\s+[\w'-]+){0,2}?\s+"
    r"(?P<noun>requests|letters|e-?mails|messages|calls|meetings|reminders|chasers|questions|"
    r"queries|promises|undertakings|complaints)\b",
    re.IGNORECASE,
)
_NOT_SCANNED: Final = frozenset(("body", "message_id"))  # a mail's own words are no count of ours
_MOST_TEXT: Final = 4096

_IsCounted = Callable[[Event], bool]


def _is_channel(*channels: str) -> _IsCounted:
    return lambda event: isinstance(event, Communication) and event.channel in channels


def _is_verb(*verbs: str) -> _IsCounted:
    return lambda event: isinstance(event, Step) and event.verb in verbs


def _is_request(event: Event) -> bool:
    return isinstance(event, Request) and event.what != "invitation"


def _is_promise(event: Event) -> bool:
    return isinstance(event, Commitment)


def _is_meeting(event: Event) -> bool:
    return isinstance(event, Meeting)


_COUNTED: Final[Mapping[str, _IsCounted]] = {
    "calls": _is_channel("call"),
    "chasers": _is_verb("chase", "escalate"),
    "complaints": _is_channel("letter", "email", "message", "other"),
    "emails": _is_channel("email"),
    "letters": _is_channel("letter"),
    "meetings": _is_meeting,
    "messages": _is_channel("message"),
    "promises": _is_promise,
    "queries": _is_verb("seek_clarification"),
    "questions": _is_verb("seek_clarification"),
    "reminders": _is_verb("chase", "escalate"),
    "requests": _is_request,
    "undertakings": _is_promise,
}


def _counts(matter: Matter, told: Told) -> Iterator[Finding]:
    texts = (told.text(name) for name in sorted(told.claims) if name not in _NOT_SCANNED)
    found = (said for text in texts if text for said in _MANY.finditer(text[:_MOST_TEXT]))
    # One event can have hundreds of texts that say the same hundreds of times.
    counts = {" ".join(said.group().split()): said["noun"] for said in found}
    for said, noun_said in counts.items():
        noun = noun_said.casefold().replace("-", "")
        is_counted = _COUNTED[noun]
        named = {
            event_id
            for _, event_id in references(told.event)
            if event_id in matter.by_id and is_counted(matter.by_id[event_id].event)
        }
        if len(named) > 1:
            continue
        count = _told_by(matter, told.author, noun)
        words = (
            f"entry {told.index} speaks of “{said}”, and refers to "
            f"{'none' if not named else 'no more than one'}; in all, {told.author} tells "
            f"{count} {noun}."
        )
        yield matter.finding("count_claim", [told.id, *sorted(named)], words)


def _told_by(matter: Matter, author: str, noun: str) -> int:
    return matter.tally(noun, _COUNTED[noun])[author]


def _unsupported(matter: Matter, told: Told, event: Account) -> Iterator[Finding]:
    bare = [str(each.number) for each in event.sentences or () if not each.events]
    if bare:
        noun = "sentence" if len(bare) == 1 else "sentences"
        verb = "has" if len(bare) == 1 else "have"
        words = f"of {matter.name(told.id)}, {noun} {joined(bare)} {verb} no event behind them."
        words = words.replace("behind them", "behind it") if len(bare) == 1 else words
        yield matter.finding("unsupported", [told.id], words)


# Dates


_YEAR: Final = re.compile(r"(?<!\d)\d{4}(?!\d)")
_DAY_OR_MONTH: Final = re.compile(
    r"\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|\d{1,2}(?:st|nd|rd|th))\b",
    re.IGNORECASE,
)


def _years(matter: Matter) -> Iterator[Finding]:
    """Find dates in the words of a source that name a day or month and no year."""
    without: dict[str, dict[str, list[Told]]] = {}
    with_year: dict[str, dict[str, None]] = {}
    for told in matter.told:
        for role in sorted(told.event.dates or {}):
            phrase = " ".join((told.text(f"phrase_{role}") or "").split())
            if _YEAR.search(phrase):
                with_year.setdefault(told.author, {})[phrase] = None
            elif _DAY_OR_MONTH.search(phrase):
                without.setdefault(told.author, {}).setdefault(phrase, []).append(told)
    for author, phrases in sorted(without.items()):
        told_ = dict.fromkeys(told.id for each in phrases.values() for told in each)
        stated = tuple(with_year.get(author, ()))
        others = f"{len(stated)} names its year ({_quoted(stated)})" if stated else "none a year"
        others = others.replace("names its", "name their") if len(stated) > 1 else others
        words = (
            f"of the {len(phrases) + len(stated)} dates in words that {author} gives, {others}; "
            f"the year of the others was added: {_quoted(tuple(phrases))}."
        )
        yield matter.finding("no_year", sorted(told_, key=matter.places.__getitem__), words)


_MOST_PHRASES: Final = 12


def _quoted(phrases: tuple[str, ...]) -> str:
    shown = [f"“{phrase}”" for phrase in phrases[:_MOST_PHRASES]]
    more = len(phrases) - len(shown)
    return joined([*shown, f"{more} more"] if more else shown)


# Things that steps date, what is bounded by what it came by, and responses.
_NEED_NO_DATE: Final = (Agreement, Arrangement, Attestation, Knowledge, Position)


def _undated(matter: Matter) -> Iterator[Finding]:
    found: dict[str, list[Told]] = {}
    for told in matter.told:
        if not _needs_no_date(told.event) and _is_undated(matter, told):
            found.setdefault(told.author, []).append(told)
    for author, events in sorted(found.items()):
        one = len(events) == 1
        noun = "1 event has" if one else f"{len(events)} events have"
        its, it = ("its", "it") if one else ("their", "them")
        words = (
            f"{noun} no date of {its} own as {author} tells {it}, but at most a year, or bounds "
            f"that were worked out: {entries_words(events)}."
        )
        yield matter.finding("undated", [told.id for told in events], words)


def _needs_no_date(event: Event) -> bool:
    # That nothing came of a promise has no day but that as at which it is told.
    nothing = isinstance(event, Step) and event.verb == "claim_unfulfilled"
    return nothing or isinstance(event, _NEED_NO_DATE)


def _is_undated(matter: Matter, told: Told) -> bool:
    """Tell whether no date of an event is precise, stated, by convention or corroborated."""
    if matter.reading.when(told.id) is None:
        return True
    roles = told.event.dates or {}
    whens = [w for role in roles if (w := matter.reading.narrowed(told, role)) is not None]
    known = [when for when in whens if not when.undated and when.latest is not None]
    return not any(when.precise or when.basis != "inferred" for when in known)
