"""The rules: whether a ledger may accept a submission after what it holds (SPEC sections 6.4, 9).

The sequencer admits with this code and the audit judges with it. Everything here is a function of
the state, the submission and, through one narrow door, earlier events. Signatures, counts and
roots are checked before, in `submission`; hashes and order after, in `audit`.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from verify.checks import Check
from verify.codec import encode
from verify.errors import RuleError
from verify.events import KINDS, POWERS, REFERRING, event_id, kind_of, power_for, references
from verify.kinds import GOVERNANCE, Erasure, Event, Hold, Opening, Position, Power, Sealed, Step
from verify.state import PartyKey, State, found
from verify.submission import EXPIRES_WITHIN_MS, Statement, sealing_event

__all__ = [
    "Candidate",
    "Fact",
    "Past",
    "admit",
    "admit_shown",
    "candidate_of",
    "judge_statement",
    "known_ids",
    "powers_of",
]


class Fact(msgspec.Struct, frozen=True):
    """What the rules need to know of an event that is known already.

    Attributes:
        index: Index of the entry that holds it; for an event nested in an opening, the opening's.
        kind: Its kind without version: "request".
        author: Its author.
    """

    index: int
    kind: str
    author: str


class Past(Protocol):
    """The door to earlier entries."""

    def find(self, event_id: str) -> Fact | None:
        """Return what is known of the event with this id (in hex), None if nothing is."""

    def event(self, event_id: str, index: int) -> Event:
        """Return the event with this id (in hex), held by the entry at `index`.

        It may be the event nested in the opening at that entry.
        """


class Candidate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the rules need of an event that asks to be admitted.

    It is made for each entry, and an audit sends it from process to process: as a struct for a
    fifth of what a named tuple costs.

    Attributes:
        id: The event's id, in hex.
        kind: Its kind without version.
        author: Its author.
        references: The events it names, as (field, id in hex).
        special: The event itself, where the rules look further than the above. A caller whose
            `Past` cannot give the events of the submission being judged sets it for all.
    """

    id: str
    kind: str
    author: str
    references: tuple[tuple[str, str], ...]
    special: Event | None


_SPECIAL = frozenset((*GOVERNANCE, Step, Opening, Erasure, Hold, Position))
# The names of the kinds that the rules need not look into.
_PLAIN = {kind: name for kind, name in KINDS.items() if kind not in _SPECIAL | REFERRING}
# Of those that a kind alone settles, by its name.
_POWERS = {KINDS[kind]: (powers,) for kind, powers in POWERS.items()}


def candidate_of(event: Event, *, event_id: str) -> Candidate:
    """Return what the rules need to know of an event."""
    name = _PLAIN.get(type(event))
    if name is not None and event.links is None:  # most are letters
        return Candidate(event_id, name, event.author, (), None)
    links = event.links or ()
    special = type(event) in _SPECIAL or bool(links and any(link.ledger for link in links))
    named = tuple(references(event)) if special or links or type(event) in REFERRING else ()
    return Candidate(event_id, kind_of(event), event.author, named, event if special else None)


def powers_of(candidate: Candidate) -> tuple[tuple[Power, ...], ...]:
    """Return the powers that the event's key needs: one of each tuple."""
    event = candidate.special
    if event is None:
        return _POWERS[candidate.kind]
    if isinstance(event, Opening) and event.event is not None:
        return power_for(event), power_for(event.event)
    return (power_for(event),)


def known_ids(candidate: Candidate) -> tuple[tuple[str, str], ...]:
    """Return the ids that become known with this event, each with its kind.

    An opening makes two known: its own and that of the event nested in it.
    """
    own = (candidate.id, candidate.kind)
    event = candidate.special
    if isinstance(event, Opening) and event.event is not None:
        return own, (_nested_id(event), kind_of(event.event))
    return (own,)


def admit(
    state: State | None,
    *,
    statement: Statement,
    candidates: Sequence[Candidate],
    first: int,
    recorded: int,
    fingerprint: str,
    past: Past,
) -> State:
    """Judge a submission and return the state after it.

    Args:
        state: The state after the entries before; None before entry 0.
        statement: What was signed, whose signature, count and root have been checked.
        candidates: Its events.
        first: Index of its first entry.
        recorded: When the ledger records it, in milliseconds.
        fingerprint: Leaf hash of entry 0, in hex; used when `first` is 0 and it is that entry's.
        past: Earlier entries.

    Raises:
        RuleError: The first rule that it breaks. `where` begins with "statement" or
            "events[n]".

    Source: SPEC sections 6.4 and 9.
    """
    batch = _Batch(past)
    return _admit(
        state,
        batch,
        statement=statement,
        placed=enumerate(candidates),
        first=first,
        recorded=recorded,
        fingerprint=fingerprint,
    )


def judge_statement(
    state: State, statement: Statement, *, first: int, recorded: int
) -> tuple[State, PartyKey]:
    """Judge a statement, whatever events it is over.

    Args:
        state: The state after the entries before.
        statement: What was signed.
        first: Index of the submission's first entry.
        recorded: When the ledger records it, in milliseconds.

    Returns:
        The state in which its events are judged, and the key that signed it.

    Raises:
        RuleError: The first rule that it breaks.
    """
    if not recorded <= statement.expires <= recorded + EXPIRES_WITHIN_MS:
        raise _expired(statement, recorded)
    if state.charter.state == "closed":
        raise RuleError(Check.CLOSED, "statement.ledger", "the charter in force is closed")
    _check_ledger(state, statement)
    state = state.settle(index=first, recorded=recorded)
    signer = state.active_key(statement)
    if statement.seen is not None and statement.seen.size > first:
        reason = "is in the future"
        size = str(statement.seen.size)
        raise RuleError(Check.SEEN, "statement.seen.size", reason, f"at most {first}", size)
    return state, signer


def admit_shown(
    state: State | None,
    *,
    statement: Statement,
    placed: Sequence[tuple[int, Candidate]],
    first: int,
    recorded: int,
    fingerprint: str,
    past: Past,
) -> State:
    """Judge what is shown of a submission, where neither it nor the past need be whole.

    A reference to an event that `past` does not have is left open, and with it whatever the rules
    ask of that event. Everything else is judged as `admit` does.

    Args:
        state: The state after the governance before; None before entry 0.
        statement: What was signed, whose signature has been checked.
        placed: The events shown, at least one, each after its position in the submission.
        first: Index of the submission's first entry.
        recorded: When the ledger recorded it, in milliseconds.
        fingerprint: Leaf hash of entry 0, in hex.
        past: The earlier entries that are shown.

    Raises:
        RuleError: As `admit` does.

    Source: SPEC section 10.2.
    """
    return _admit(
        state,
        _Shown(past),
        statement=statement,
        placed=placed,
        first=first,
        recorded=recorded,
        fingerprint=fingerprint,
    )


def _admit(
    state: State | None,
    batch: "_Batch",
    *,
    statement: Statement,
    placed: Iterable[tuple[int, Candidate]],
    first: int,
    recorded: int,
    fingerprint: str,
) -> State:
    if state is None:
        if not recorded <= statement.expires <= recorded + EXPIRES_WITHIN_MS:
            raise _expired(statement, recorded)
        _, charter = next(iter(placed))
        for name, ref in charter.references:
            reason = "names no earlier event"
            raise RuleError(Check.REFERENCE, f"events[0].{name}", reason, None, ref)
        return found(
            charter.special, charter_id=charter.id, fingerprint=fingerprint, statement=statement
        )
    state, signer = judge_statement(state, statement, first=first, recorded=recorded)
    alone = statement.count == 1
    for position, candidate in placed:
        try:
            state = _admit_one(
                state, candidate, batch, signer=signer, index=first + position, recorded=recorded,
                alone=alone,
            )  # fmt: skip
        except RuleError as error:
            where = f"events[{position}]{error.where.removeprefix('event')}"
            error_at = type(error)
            raise error_at(error.check, where, error.reason, error.expected, error.found) from None
        if alone:
            break
        batch.add(candidate, first + position)
    return state


def _admit_one(
    state: State,
    candidate: Candidate,
    batch: "_Batch",
    *,
    signer: PartyKey,
    index: int,
    recorded: int,
    alone: bool,
) -> State:
    held = signer.powers
    for powers in powers_of(candidate):
        if powers[0] not in held and set(powers).isdisjoint(held):
            wanted = " or ".join(powers)
            reason = f"the key lacks the power {wanted}"
            raise RuleError(Check.POWER, "event.kind", reason, wanted, ", ".join(signer.powers))
    batch.check_new(candidate.id)
    event = candidate.special
    if event is not None:
        for nested, _ in known_ids(candidate)[1:]:
            batch.check_new(nested)
    for name, ref in candidate.references:
        batch.check_reference(ref, where=f"event.{name}")
    if event is None:
        return state
    for links in (event.links, sealing_event(event).links):
        if any(link.ledger == state.fingerprint for link in links or ()):
            reason = "names this ledger: a link within it has no `ledger`"
            raise RuleError(Check.REFERENCE, "event.links", reason)
    _check_kind(event, batch, controller=state.charter.controller)
    if not isinstance(event, GOVERNANCE):
        return state
    if not alone:
        raise RuleError(Check.ALONE, "event", "a governance event has company")
    return state.govern(event, event_id=candidate.id, index=index, recorded=recorded)


class _Batch:
    """Earlier entries and the events of this submission that came before."""

    __slots__ = ("_events", "_facts", "_past")

    def __init__(self, past: Past) -> None:
        self._past = past
        self._facts: dict[str, tuple[int, str, str]] = {}  # of each a `Fact`, once it is wanted
        self._events: dict[str, Event] = {}

    def add(self, candidate: Candidate, index: int) -> None:
        self._facts[candidate.id] = (index, candidate.kind, candidate.author)
        event = candidate.special
        if event is None:
            return
        self._events[candidate.id] = event
        for nested, kind in known_ids(candidate)[1:]:
            self._facts[nested] = (index, kind, candidate.author)
            self._events[nested] = sealing_event(event)

    def find(self, event_id: str) -> Fact | None:
        fact = self._facts.get(event_id)
        return self._past.find(event_id) if fact is None else Fact(*fact)

    def check_new(self, event_id: str) -> None:
        """Check that an event is not known yet."""
        known = self.find(event_id)
        if known is not None:
            reason = f"its event is known already, at entry {known.index}"
            raise RuleError(Check.REPEATED, "event", reason, None, event_id)

    def check_reference(self, event_id: str, *, where: str) -> None:
        """Check that a reference names a known event."""
        if self.find(event_id) is None:
            raise RuleError(Check.REFERENCE, where, "names no earlier event", None, event_id)

    def event(self, event_id: str) -> Event | None:
        """Return a known event; an opening stands for the event nested in it.

        None is for references that were left open: others are resolved before they are followed.
        """
        known = self._events.get(event_id)
        if known is not None:
            return known
        fact = self.find(event_id)
        return None if fact is None else self._past.event(event_id, fact.index)


class _Shown(_Batch):
    """As `_Batch`, where a reference may name an event that is not shown."""

    __slots__ = ()

    def check_reference(self, event_id: str, *, where: str) -> None:
        """Leave every reference open: the rules judge the ones that they can follow."""


def _nested_id(opening: Opening) -> str:
    # The opening's octets are canonical, so what encoding gives back is what was nested in them.
    return event_id(encode(opening.event)).hex()


def _expired(statement: Statement, recorded: int) -> RuleError:
    where, found = "statement.expires", str(statement.expires)
    if recorded > statement.expires:
        reason = "had passed when it was recorded"
        return RuleError(Check.EXPIRES, where, reason, f"at least {recorded}", found)
    reason = "is more than 31 days after it was recorded"
    return RuleError(Check.EXPIRES, where, reason, f"at most {recorded + EXPIRES_WITHIN_MS}", found)


def _check_ledger(state: State, statement: Statement) -> None:
    ledger = statement.ledger
    if ledger.origin != state.charter.origin:
        reason = "is another ledger's"
        raise RuleError(
            Check.LEDGER, "statement.ledger.origin", reason, state.charter.origin, ledger.origin
        )
    if ledger.charter != state.fingerprint:
        reason = "is not this ledger's fingerprint"
        raise RuleError(
            Check.LEDGER, "statement.ledger.charter", reason, state.fingerprint, ledger.charter
        )


def _check_kind(event: Event, batch: _Batch, *, controller: str) -> None:
    match event:
        case Step():
            _check_target(event, batch)
        case Opening(event=None):
            _check_handing_over(event, batch)
        case Opening():
            _check_opening(event, batch, controller=controller)
        case Erasure():
            _check_erasure(event, batch, controller=controller)
        case Hold(ends=str()):
            _check_hold(event, batch)
        case Position(stance="retract_own" | "disown"):
            fact = batch.find(event.on)
            if fact is not None and fact.author != event.author:
                reason = f"a party can {event.stance.partition('_')[0]} only its own"
                raise RuleError(Check.OWN, "event.on", reason, event.author, fact.author)
        case _:
            return


def _check_target(event: Step, batch: _Batch) -> None:
    fact = batch.find(event.of)
    if fact is not None and fact.kind != event.target:
        reason = "is of another kind than `target`"
        raise RuleError(Check.STEP, "event.of", reason, event.target, fact.kind)


def _check_opening(event: Opening, batch: _Batch, *, controller: str) -> None:
    sealed, nested = batch.event(event.of), event.event
    if nested is None or nested.author != event.author:
        raise RuleError(Check.OPENING, "event.event.author", "is not this author")
    if isinstance(sealed, Sealed) and sealed.author == event.author:
        if sealed.seals != _nested_id(event):
            reason = "is not the event that was sealed"
            raise RuleError(Check.OPENING, "event.event", reason, sealed.seals, _nested_id(event))
    elif sealed is not None:
        raise RuleError(Check.OPENING, "event.of", "is no sealed event of this author")
    _check_kind(nested, batch, controller=controller)


def _check_handing_over(event: Opening, batch: _Batch) -> None:
    target = batch.event(event.of)
    if target is None:
        return
    if target.author != event.author:
        raise RuleError(Check.OPENING, "event.of", "is no event of this author")
    if not set(event.names or ()) <= set(target.withheld or ()):
        raise RuleError(Check.OPENING, "event.names", "names what that event did not withhold")


def _check_erasure(event: Erasure, batch: _Batch, *, controller: str) -> None:
    target = batch.event(event.of)
    if target is None:
        return
    if event.author not in {target.author, controller}:
        raise RuleError(Check.ERASURE, "event.of", "is not this author's to erase")
    if not set(event.names) <= set(target.sealed or ()):
        raise RuleError(Check.ERASURE, "event.names", "names what that event did not seal")


def _check_hold(event: Hold, batch: _Batch) -> None:
    target = batch.event(event.ends or "")
    if target is None:
        return
    if not isinstance(target, Hold) or target.author != event.author or target.ends is not None:
        raise RuleError(Check.HOLD, "event.ends", "is no hold of this author")
