"""Competing characterisation: two events about the same thing that say it was different things."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.folds.contradictions.findings import Finding
from ledger.folds.contradictions.matter import Matter, entries_words, joined
from ledger.folds.stances import parties_of
from ledger.view import Told
from ledger.wording import actors_words, noun_of, party_of, say, thing_words
from verify.kinds import Communication, Request, Step

__all__ = ["meanings"]

_FIELDS: Final = ("what", "type", "channel", "target", "verb", "outcome", "mode")
_SAYS_NOTHING: Final = frozenset(("other", "unknown", "none"))
_MOST: Final = 3


def meanings(matter: Matter) -> Iterator[Finding]:
    """Find what is told as different things."""
    for group in matter.said_to_be_one:
        yield from _as_one(matter, group)
    yield from _invited_or_asked(matter)


def _as_one(matter: Matter, group: tuple[Told, ...]) -> Iterator[Finding]:
    """Find events that are said to be one, and are of different kinds, or different within one."""
    kinds = {_noun(told): told for told in reversed(group)}
    if len({told.kind for told in group}) > 1:
        told_as = joined(f"{noun} ({entries_words([told])})" for noun, told in _in(group, kinds))
        words = f"{entries_words(group)} are said to be one, and told as different things: "
        yield matter.finding("meaning", [t.id for t in group], f"{words}{told_as}.")
        return
    for field in _FIELDS:
        values: dict[str, list[Told]] = {}
        for told in group:
            value = getattr(told.event, field, None)
            if value is not None and value not in _SAYS_NOTHING:
                values.setdefault(value, []).append(told)
        if len(values) > 1:
            told_as = joined(f"{say(v)} ({entries_words(each)})" for v, each in values.items())
            words = f"{entries_words(group)} are said to be one, and told as different things: "
            yield matter.finding("meaning", [t.id for t in group], f"{words}{told_as}.")
            return


def _in(group: tuple[Told, ...], kinds: dict[str, Told]) -> list[tuple[str, Told]]:
    return [(noun, kinds[noun]) for noun in dict.fromkeys(map(_noun, group))]


def _noun(told: Told) -> str:
    channel = told.event.channel if isinstance(told.event, Communication) else None
    what = told.event.what if isinstance(told.event, Request) else None
    noun = noun_of(told.kind, channel=channel, what=what)
    return f"{noun} ({say(told.event.verb)})" if isinstance(told.event, Step) else noun


def _invited_or_asked(matter: Matter) -> Iterator[Finding]:
    """Find what is told of one thing as a request, and as an invitation to make one."""
    found: dict[tuple[str, str], tuple[list[Told], list[Told]]] = {}
    for told in matter.told:
        if not isinstance(told.event, Request):
            continue
        invites = told.event.what == "invitation"
        # Whoever invites in the one telling is asked in the other.
        sides = parties_of(told.event.from_ if invites else told.event.to)
        for parent in _about(matter, told):
            for side in sides:
                both = found.setdefault((parent, side), ([], []))
                both[0 if invites else 1].append(told)
    seen: set[frozenset[str]] = set()
    for (parent, side), (invitations, requests) in found.items():
        if not invitations or not requests:
            continue
        first = invitations[0]
        asked = [each for each in requests if _competes(matter, first, each)]
        key = frozenset((parent, first.id, *(each.id for each in asked)))
        if asked and key not in seen:
            seen.add(key)
            yield _both(matter, parent, side, first, asked)


def _about(matter: Matter, told: Told) -> Iterator[str]:
    links = told.event.links or ()
    parents = (link.event for link in links if link.rel == "about" and link.ledger is None)
    yield from dict.fromkeys(matter.root(each) for each in parents if each in matter.places)


def _competes(matter: Matter, invitation: Told, request: Told) -> bool:
    """Tell whether a request can be what is told as an invitation: it is no answer to it."""
    one, other = invitation.event, request.event
    if not isinstance(one, Request) or not isinstance(other, Request):
        raise AssertionError(invitation, request)  # noqa: TRY004 (our own mistake, not the data's)
    mirrored = not parties_of(one.to).isdisjoint(parties_of(other.from_))
    order = matter.reading.order.before(invitation.id, request.id)
    return mirrored and order == "not established"


def _both(
    matter: Matter, parent: str, side: str, invitation: Told, requests: list[Told]
) -> Finding:
    event = invitation.event
    invited = actors_words(getattr(event, "to", ()), most=_MOST)
    asked = joined(_asked(each, side) for each in requests)
    words = (
        f"{matter.name(parent)} is told in two ways: as {asked}, and as an invitation by "
        f"{side} to {invited} to ask (entry {invitation.index})."
    )
    ids = [parent, *(each.id for each in requests), invitation.id]
    return matter.finding("meaning", ids, words)


def _asked(told: Told, side: str) -> str:
    event = told.event
    if not isinstance(event, Request):
        raise AssertionError(told)  # noqa: TRY004 (our own mistake, not the data's)
    makers = actors_words(dict.fromkeys(map(party_of, event.from_)), most=_MOST)
    return f"a request for {thing_words(event.what)} by {makers} to {side} (entry {told.index})"
