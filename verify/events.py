"""Events: one is read from its octets, and asked what the rules need of it (SPEC section 3).

What each kind holds is in `kinds`. This module decodes an event, and tells its id, its kind, the
powers that sign it and the earlier events that it names.
"""

from collections.abc import Iterator
from typing import get_args

import msgspec

from verify.checks import Check
from verify.codec import Decoder, Texts
from verify.errors import MalformedError, RuleError
from verify.kinds import (
    GOVERNANCE,
    Account,
    Agreement,
    Approval,
    Artefact,
    Attestation,
    Charter,
    Commitment,
    Communication,
    Discharge,
    Erasure,
    Event,
    Hold,
    Knowledge,
    NestedEvent,
    Opening,
    Position,
    Power,
    Sealed,
    Sentence,
    Step,
    Transfer,
)
from verify.merkle import leaf_hash

__all__ = [
    "KINDS",
    "MAX_EVENT",
    "POWERS",
    "REFERRING",
    "event_id",
    "gather_event",
    "kind_of",
    "parse_event",
    "power_for",
    "references",
]

MAX_EVENT = 32_768  # octets


def gather_event(event: Event, texts: Texts) -> None:
    """Give a `Decoder` the texts of an event that it checks together with others."""
    texts.labels[event.author] = None
    texts.digits.append(event.nonce)
    if event.sealed is not None:
        texts.digits += event.sealed.values()
    elif type(event) is Opening and event.event is not None:  # and seals nothing itself
        gather_event(event.event, texts)


_EVENT: Decoder[Event] = Decoder(Event, name="event", gather=gather_event)  # type: ignore[arg-type]  # mypy: a union is no type[T]
# Of each kind alone: to build the decoder of all takes longer than to check an evidence file.
_ALONE: dict[bytes, Decoder[Event]] = {
    kind.__struct_config__.tag.encode(): Decoder(kind, name="event", gather=gather_event)
    for kind in get_args(Event)
}
_TAG = b'"kind":"'


def parse_event(data: bytes | msgspec.Raw, *, where: str = "event") -> Event:
    """Read an event.

    Args:
        data: The event's octets.
        where: Names the event in a refusal.

    Raises:
        RuleError: With check `event`: too long, not canonical, or not of its kind's schema.

    Source: SPEC sections 3 and 4.
    """
    data = bytes(data)
    if len(data) > MAX_EVENT:
        raise RuleError(Check.EVENT, where, f"is longer than {MAX_EVENT} octets")
    tag = data.rpartition(_TAG)[2].partition(b'"')[0]
    try:
        return _ALONE[tag].decode(data, where=where)
    except (KeyError, MalformedError):
        pass  # of another kind, or of none: which, the decoder of all says
    try:
        return _EVENT.decode(data, where=where)
    except MalformedError as error:
        raise RuleError(Check.EVENT, error.where, error.reason) from None


event_id = leaf_hash
"""Return the id of the event with these octets: its RFC 6962 leaf hash, 32 octets."""


def kind_of(event: Event) -> str:
    """Return the event's kind without its version: "communication"."""
    return KINDS[type(event)]


def power_for(event: Event) -> tuple[Power, ...]:
    """Return the powers any one of which lets a key sign this event.

    Source: SPEC section 9.2.
    """
    if isinstance(event, Step):
        return ("undertake",) if event.target in {"commitment", "agreement"} else ("record",)
    if isinstance(event, Position):
        return ("undertake",) if event.stance in {"admit", "agree", "ratify"} else ("answer",)
    return POWERS[type(event)]


def references(event: Event) -> Iterator[tuple[str, str]]:
    """Yield every event of this ledger that `event` names, as (field, id).

    The references of an event nested in an opening come too, each field after "event.".

    Source: SPEC sections 3.3 and 9.7.
    """
    for number, link in enumerate(event.links or ()):
        if link.ledger is None:
            yield f"links[{number}].event", link.event
    for field in _REFERENCES.get(type(event), ()):
        value = getattr(event, field)
        if isinstance(value, str):
            yield field, value
        for number, ref in enumerate(value if isinstance(value, tuple) else ()):
            yield from _listed(f"{field}[{number}]", ref)
    if isinstance(event, Opening) and event.event is not None:
        for field, ref in references(event.event):
            yield f"event.{field}", ref


def _listed(field: str, item: str | Discharge | Sentence) -> Iterator[tuple[str, str]]:
    """Yield the references in one element of a list."""
    if isinstance(item, str):
        yield field, item
    elif isinstance(item, Discharge):
        yield f"{field}.request", item.request
    else:
        for number, ref in enumerate(item.events or ()):
            yield f"{field}.events[{number}]", ref


KINDS: dict[type, str] = {
    kind: str(kind.__struct_config__.tag).partition("/")[0]
    for kind in (*get_args(NestedEvent), *GOVERNANCE, Sealed, Opening)
}
"""The name of each kind, without its version."""

POWERS: dict[type, tuple[Power, ...]] = {
    **dict.fromkeys(KINDS.keys() - {Step, Position}, ("record",)),
    **dict.fromkeys(GOVERNANCE, ("govern",)),
    Communication: ("record", "intake"),
    Artefact: ("record", "intake"),
    Commitment: ("undertake",),
    Agreement: ("undertake",),
}
"""The powers for each kind where the kind alone settles them: see `power_for`."""

_REFERENCES: dict[type, tuple[str, ...]] = {
    Account: ("sentences",),
    Approval: ("of",),
    Attestation: ("of",),
    Charter: ("amends",),
    Commitment: ("trigger",),
    Erasure: ("of",),
    Hold: ("of", "ends"),
    Knowledge: ("of", "via"),
    Opening: ("of",),
    Position: ("on",),
    Step: ("of", "until_events"),
    Transfer: ("discharges", "under", "via"),
}
REFERRING = frozenset(_REFERENCES)
"""The kinds with fields of their own that name events."""
