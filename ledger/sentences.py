"""One plain English sentence for each event, built from its kind, its fields and its title claim.

The sentence says what the author tells, in the author's own title or text where one is open; it
adds nothing, weighs nothing, and never says whether it is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from ledger.date_words import format_as_at
from ledger.folds.moments import date_of
from ledger.folds.ranges import format_items
from ledger.view import Told
from ledger.wording import (
    actor_words,
    actors_words,
    count_words,
    noun_of,
    party_of,
    response_words,
    say,
    thing_words,
)
from verify.events import kind_of
from verify.kinds import (
    Account,
    Agreement,
    Approval,
    Arrangement,
    Artefact,
    Attestation,
    Charter,
    Commitment,
    Communication,
    Erasure,
    Event,
    Hold,
    Key,
    Knowledge,
    Meeting,
    Membership,
    Position,
    Request,
    Step,
    Transfer,
)

__all__ = [
    "AMENDABLE",
    "Placed",
    "cut",
    "event_words",
    "is_impersonal",
    "item_counts",
    "knowledge_words",
    "other_words",
    "sentence",
    "title_of",
]

_TITLES = ("title", "subject", "text", "description", "question", "terms", "note", "body")
_LONGEST = 200

AMENDABLE: Final = sorted(
    {*Charter.__struct_fields__} - {*Approval.__struct_fields__, "amends", "founding_key"}
)
"""The fields of a charter in which an amendment can differ from it."""


class Placed(Protocol):
    """An event at its place in a ledger, as far as a sentence that refers to it needs it."""

    @property
    def index(self) -> int:
        """Index of its entry."""

    @property
    def event(self) -> Event:
        """What it says."""


def title_of(told: Told) -> str | None:
    """Return the author's own words for an event, cut to a line; None if none are open."""
    for name in _TITLES:
        text = told.text(name)
        if text:
            return cut(text)
    return None


def cut(text: str) -> str:
    """Write a party's words as one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def sentence(told: Told, by_id: Mapping[str, Placed]) -> str:
    """Write what an event tells.

    Args:
        told: The event.
        by_id: The events that it may refer to, by id.
    """
    words = event_words(told.event, by_id)
    as_at = date_of(told, "as_at")
    if as_at is not None:
        # It never dates the event: that somebody was not told says nothing without it.
        words += f", {format_as_at(as_at)}"
    title = title_of(told)
    return f"{words}: {title}" if title else f"{words}."


def event_words(event: Event, by_id: Mapping[str, Placed]) -> str:
    """Write what an event tells in its clear fields: who did what, without its title."""
    words = _words(event, by_id)
    if event.on_behalf_of is not None and not isinstance(event, _WITH_ACTOR):
        words += f", on behalf of {actors_words(event.on_behalf_of)}{_authority(event)}"
    return words


def other_words(event_id: str, by_id: Mapping[str, Placed]) -> str:
    """Name another event: "the letter of entry 13"."""
    other = by_id.get(event_id)
    if other is None:
        return "an event that is not here"
    channel = other.event.channel if isinstance(other.event, Communication) else None
    what = other.event.what if isinstance(other.event, Request) else None
    return f"the {noun_of(kind_of(other.event), channel=channel, what=what)} of entry {other.index}"


def is_impersonal(step: Step) -> bool:
    """Tell whether a step tells only that something was done, and not by whom."""
    return step.by is None and step.on_behalf_of is None and step.verb in _IMPERSONAL


def _acting(actors: Iterable[str] | None, event: Event) -> str:
    """Write who acted, and for whom. Of the mandate only what is told is said."""
    names = tuple(actors or ())
    words = actors_words(names)
    if event.on_behalf_of is None:
        return words
    if set(event.on_behalf_of) <= set(names):
        return f"{words}{_authority(event)}"
    return f"{words} on behalf of {actors_words(event.on_behalf_of)}{_authority(event)}"


def _authority(event: Event) -> str:
    return "" if event.authority is None else f" (authority {event.authority})"


_WITH_ACTOR = (Account, Commitment, Communication, Request, Step, Transfer)


def _words(event: Event, by_id: Mapping[str, Placed]) -> str:  # noqa: C901, PLR0912 (one case per kind)
    match event:
        case Communication():
            return _communication(event)
        case Meeting():
            return _meeting(event)
        case Artefact():
            where = f" held by {actor_words(event.custodian)}" if event.custodian else ""
            source = f", from {actor_words(event.provenance)}" if event.provenance else ""
            return f"Document ({event.type}){where}{source}"
        case Transfer():
            return f"{_acting((event.from_,), event)} passed data to {actors_words(event.to)}"
        case Request():
            return _request(event)
        case Commitment():
            what = thing_words(event.what)
            return f"{_acting((event.by,), event)} promised {actors_words(event.to)} {what}"
        case Agreement():
            who = f" between {actors_words(event.signatories)}" if event.signatories else ""
            return f"Agreement ({_plain(event.type)}){who}"
        case Arrangement():
            run = f" run by {actor_words(event.operator)}" if event.operator else ""
            who = f" of {actors_words(event.members)}" if event.members else ""
            return f"{_plain(event.type).capitalize()}{run}{who}"
        case Step():
            return _step(event, by_id)
        case Knowledge():
            return knowledge_words(event, by_id)
        case Position():
            # Who contests one part of it does not contest the whole.
            said = response_words(event.stance, event.field) if event.field else say(event.stance)
            items = f", {format_items(event.items)}" if event.items else ""
            return f"{event.author} {said}{items}: {other_words(event.on, by_id)}"
        case Account():
            return _account(event)
        case Attestation():
            about = f" about {other_words(event.of, by_id)}" if event.of else ""
            return f"{say('attestation').capitalize()} ({say(event.type)}){about}"
        case Erasure():
            what = f"of {other_words(event.of, by_id)} on the ground {say(event.ground)}"
            claims = "1 claim" if len(event.names) == 1 else f"{len(event.names)} claims"
            return f"Erasure of {claims} {what}"
        case Hold():
            if event.ends is not None:
                return "End of a hold on erasure"
            count = len(event.of or ())
            many = "1 event" if count == 1 else f"{count} events"
            return f"Hold on erasure of {'everything' if event.all else many}"
        case Membership():
            return f"{event.author} {'joined' if event.verb == 'join' else 'left'}"
        case Key():
            # Signed, and in force only once enough others approve.
            return f"{event.author} signed the {_KEY_ACTS[event.verb]} of a key of {event.party}"
        case Approval():
            return f"{event.author} approved {other_words(event.of, by_id)}"
        case Charter() if event.amends is not None:
            return _amendment(event, event.amends, by_id)
        case _:
            return f"{type(event).__name__} by {event.author}"


def _amendment(event: Charter, amends: str, by_id: Mapping[str, Placed]) -> str:
    """Name what it would change, for who is asked to approve it."""
    words = f"{event.author} signed an amendment of {other_words(amends, by_id)}"
    before = by_id.get(amends)
    if before is None or not isinstance(before.event, Charter):
        return words
    changed = [
        _plain(name.removesuffix("_s"))
        for name in AMENDABLE
        if getattr(event, name) != getattr(before.event, name)
    ]
    return f"{words} ({', '.join(changed) or 'nothing changes'})"


def _communication(event: Communication) -> str:
    words = "Communication" if event.channel == "other" else event.channel.capitalize()
    if event.from_ or event.on_behalf_of:
        words += f" from {_acting(event.from_, event)}"
    if event.to:
        words += f" to {actors_words(event.to)}"
    return f"{words}, copied to {actors_words(event.cc)}" if event.cc else words


def _account(event: Account) -> str:
    words = say("account").capitalize()
    if event.from_ is not None or event.on_behalf_of is None:
        words += f" by {_acting((event.from_ or event.author,), event)}"
    else:
        words += f" on behalf of {actors_words(event.on_behalf_of)}{_authority(event)}"
    return f"{words} to {actors_words(event.to)}" if event.to else words


def _meeting(event: Meeting) -> str:
    words = "Meeting" if event.count is None else f"{event.count} meetings"
    if event.host:
        words += f" hosted by {actor_words(event.host)}"
    if event.attendees:
        words += f" with {actors_words(event.attendees)}"
    return f"{words}, chaired by {actor_words(event.chair)}" if event.chair else words


def knowledge_words(event: Knowledge, by_id: Mapping[str, Placed]) -> str:
    """Write what an event of knowledge tells, without its title."""
    way = f", {say(event.directness)}" if event.directness else ""
    mode, what = say(event.mode), other_words(event.of, by_id)
    of = by_id.get(event.of)
    if event.mode == "not_told" and of is not None and isinstance(of.event, Step):
        by = of.event.by or of.event.author
        if party_of(by) == party_of(event.knower):
            # Of its own act nobody is told: what did not come is an answer to it.
            mode = "was told nothing in answer to"
    return f"{actor_words(event.knower)} {mode} {what}{way}"


def item_counts(event: Request) -> tuple[int, int]:
    """Count the items of a request: those certainly meant, and with those in doubt (SPEC 4.3)."""
    per_area = event.categories or 1
    certain = per_area * max(len(event.areas or ()), 1)
    return certain, certain + per_area * len(event.areas_doubtful or ())


def _request(event: Request) -> str:
    makers, asked = _acting(event.from_, event), actors_words(event.to)
    if event.what == "invitation":
        return f"{makers} invited {asked}"
    words = f"{makers} asked {asked} for {thing_words(event.what)}"
    if event.medium == "oral":
        words += " by word of mouth"
    certain, total = item_counts(event)
    if total == 1:
        return words
    return f"{words} ({count_words(certain, total, event.areas_doubtful or ())})"


def _step(event: Step, by_id: Mapping[str, Placed]) -> str:
    of = by_id.get(event.of)
    what = other_words(event.of, by_id)
    taken_up = event.verb == "answer" and of is not None and _is_invitation(of.event)
    if is_impersonal(event):
        words = f"{what[0].upper()}{what[1:]} {_IMPERSONAL[event.verb]}"
    else:
        form = "took up {}" if taken_up else _FORMS.get(event.verb, f"{say(event.verb)} {{}}")
        words = f"{_acting((event.by or event.author,), event)} {form.format(what)}"
    if event.outcome and not taken_up:
        words += f", {_OUTCOMES[event.outcome]}"
    if event.items:
        words += f", {format_items(event.items)}"
    if event.reason:
        words += f" (reason: {_plain(event.reason)})"
    if event.to:
        words += f", {_TOWARDS.get(event.verb, 'to')} {actors_words(event.to)}"
    return words


def _is_invitation(event: Event) -> bool:
    return isinstance(event, Request) and event.what == "invitation"


def _plain(word: str) -> str:
    return word.replace("_", " ")


_KEY_ACTS = {"enrol": "enrolment", "recover": "recovery", "revoke": "end"}
_FORMS = {
    "confirm": "confirmed that {} was kept",
    "overtaken": "said that events had overtaken {}",
    "replace": "said that something else had replaced {}",
    "seek_clarification": "asked for clarification of {}",
    "transfer": "passed on {}",
}
_IMPERSONAL = {
    "close": "was closed",
    "dormant": "was put to rest",
    "draft": "was drafted",
    "end": "was ended",
    "establish": "was established",
    "not_adopted": "was not adopted",
    "suspend": "was suspended",
    "terms": "was given its terms",
    "vary": "was varied",
}
_TOWARDS = {
    "acknowledge": "replying to",
    "answer": "replying to",
    "refuse": "replying to",
    "seek_clarification": "from",
}
_OUTCOMES = {
    "full": "in full",
    "part": "in part",
    "not_held": "saying that it is not held",
    "already_public": "saying that it is already public",
}
