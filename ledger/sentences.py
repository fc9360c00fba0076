"""One plain English sentence for each event, built from its kind, its fields and its title claim.

The sentence says what the author tells, in the author's own title or text where one is open; it
adds nothing, weighs nothing, and never says whether it is so.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.folds.ranges import format_ranges
from ledger.view import Told
from ledger.wording import actor_words, actors_words, count_words, say
from verify.events import (
    Account,
    Agreement,
    Arrangement,
    Artefact,
    Attestation,
    Commitment,
    Communication,
    Erasure,
    Event,
    Hold,
    Knowledge,
    Meeting,
    Position,
    Request,
    Step,
    Transfer,
)

__all__ = ["sentence", "title_of"]

_TITLES = ("title", "subject", "text", "description", "question", "terms", "note", "body")
_LONGEST = 200


def title_of(told: Told) -> str | None:
    """Return the author's own words for an event, cut to a line; None if none are open."""
    for name in _TITLES:
        text = told.text(name)
        if text:
            line = " ".join(text.split())
            return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return None


def sentence(told: Told, by_id: Mapping[str, Told]) -> str:
    """Write what an event tells.

    Args:
        told: The event.
        by_id: The events that it may refer to, by id.
    """
    words = _words(told.event, by_id)
    if told.event.on_behalf_of is not None:
        # Of the mandate only what is told: whether it was given is another question.
        mandate = told.event.authority or "claimed"
        words += f", on behalf of {actors_words(told.event.on_behalf_of)} (authority {mandate})"
    title = title_of(told)
    return f"{words}: {title}" if title else f"{words}."


def _words(event: Event, by_id: Mapping[str, Told]) -> str:  # noqa: C901, PLR0912 (one case per kind)
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
            return f"{actor_words(event.from_)} passed data to {actors_words(event.to)}"
        case Request():
            return _request(event)
        case Commitment():
            return f"{actor_words(event.by)} promised {actors_words(event.to)} a {event.what}"
        case Agreement():
            who = f" between {actors_words(event.signatories)}" if event.signatories else ""
            return f"Agreement ({say(event.type)}){who}"
        case Arrangement():
            run = f" run by {actor_words(event.operator)}" if event.operator else ""
            who = f" of {actors_words(event.members)}" if event.members else ""
            return f"{say(event.type).capitalize()}{run}{who}"
        case Step():
            return _step(event, by_id)
        case Knowledge():
            way = f", {say(event.directness)}" if event.directness else ""
            return f"{actor_words(event.knower)} {say(event.mode)} {_other(event.of, by_id)}{way}"
        case Position():
            return f"{event.author} {say(event.stance)}: {_other(event.on, by_id)}"
        case Account():
            teller = actor_words(event.from_) if event.from_ else event.author
            to = f" to {actors_words(event.to)}" if event.to else ""
            return f"{say('account').capitalize()} by {teller}{to}"
        case Attestation():
            about = f" about {_other(event.of, by_id)}" if event.of else ""
            return f"{say('attestation').capitalize()} ({say(event.type)}){about}"
        case Erasure():
            what = f"of {_other(event.of, by_id)} on the ground {say(event.ground)}"
            claims = "1 claim" if len(event.names) == 1 else f"{len(event.names)} claims"
            return f"Erasure of {claims} {what}"
        case Hold():
            if event.ends is not None:
                return "End of a hold on erasure"
            many = "everything" if event.all else f"{len(event.of or ())} events"
            return f"Hold on erasure of {many}"
        case _:
            return f"{type(event).__name__} by {event.author}"


def _communication(event: Communication) -> str:
    words = f"{event.channel.capitalize()} from {actors_words(event.from_)}"
    words += f" to {actors_words(event.to)}"
    return f"{words}, copied to {actors_words(event.cc)}" if event.cc else words


def _meeting(event: Meeting) -> str:
    words = "Meeting" if event.count is None else f"{event.count} meetings"
    if event.host:
        words += f" hosted by {actor_words(event.host)}"
    if event.attendees:
        words += f" with {actors_words(event.attendees)}"
    return words


def _request(event: Request) -> str:
    makers, asked = actors_words(event.from_), actors_words(event.to)
    if event.what == "invitation":
        return f"{makers} invited {asked}"
    words = f"{makers} asked {asked} for {'something' if event.what == 'other' else event.what}"
    if event.medium == "oral":
        words += " by word of mouth"
    per_area = event.categories or 1
    certain = per_area * max(len(event.areas or ()), 1)
    total = certain + per_area * len(event.areas_doubtful or ())
    if total == 1:
        return words
    return f"{words} ({count_words(certain, total, event.areas_doubtful or ())})"


def _step(event: Step, by_id: Mapping[str, Told]) -> str:
    doer = actor_words(event.by) if event.by else event.author
    verb = "transfer_request" if event.verb == "transfer" else event.verb
    words = f"{doer} {say(verb)} {_other(event.of, by_id)}"
    if event.outcome:
        words += f", {_OUTCOMES[event.outcome]}"
    if event.items:
        words += f", items {format_ranges(event.items)}"
    if event.reason:
        words += f" (reason: {say(event.reason)})"
    if event.to:
        words += f", to {actors_words(event.to)}"
    return words


_OUTCOMES = {
    "full": "in full",
    "part": "in part",
    "not_held": "saying that it is not held",
    "already_public": "saying that it is already public",
}


def _other(event_id: str, by_id: Mapping[str, Told]) -> str:
    other = by_id.get(event_id)
    if other is None:
        return "an event that is not here"
    return f"the {say(other.kind)} of entry {other.index}"
