"""Who may sign what: the charter in force, members and keys (SPEC sections 9.1 to 9.6).

The state after n entries is a function of those entries alone. A `State` never changes: governance
makes a new one. This module knows nothing of the other kinds; `rules` asks it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from verify.checks import Check
from verify.ed25519 import check_public_key
from verify.errors import MalformedError, RuleError
from verify.kinds import SPEC_VERSION, Approval, Charter, Event, Key, Membership, Power
from verify.submission import LedgerName, Possession, Statement, check_possession

__all__ = ["KEYLESS", "MAX_KEYS", "PartyKey", "Pending", "State", "UnknownVersionError", "found"]

KEYLESS = frozenset(("public", "unknown"))
"""Labels that are no party: they can hold no key."""

MAX_KEYS = 1024  # of one party, ever; void ones do not count
_DAY_MS = 86_400_000
_LIVING = frozenset(("active", "pending"))


class UnknownVersionError(RuleError):
    """The charter names a version of SPEC that this code does not know: it must stop."""


class PartyKey(msgspec.Struct, frozen=True):
    """A key of a party.

    Attributes:
        party: Whose it is.
        key: The public key, in hex.
        powers: What it may sign.
        post: The post it belongs to, if one was named.
        origin: How it came: `founding`, `own` (signed for by the party's own key), `vouched`
            (by registrars) or `recovered` (by other members).
        status: As in SPEC section 9.2.
        since: Index of the entry from which on it is active; None while it is not.
        ended: Index of the entry with which it ended; None before.
    """

    party: str
    key: str
    powers: tuple[Power, ...]
    post: str | None
    origin: Literal["founding", "own", "vouched", "recovered"]
    status: Literal["pending", "active", "ended", "void"]
    since: int | None = None
    ended: int | None = None


class Pending(msgspec.Struct, frozen=True):
    """An act of governance that waits for approvals or, a recovery, for its days.

    Attributes:
        act: The charter amendment, enrolment or recovery.
        signers: The parties that signed or approved it.
        ready_ms: For an approved recovery: when it takes effect; None before.
        approved: For an approved recovery: index of the entry that completed the approval.
    """

    act: Charter | Key
    signers: frozenset[str]
    ready_ms: int | None = None
    approved: int = 0


class State(msgspec.Struct, frozen=True):
    """The rules' state after a number of entries.

    Attributes:
        fingerprint: Leaf hash of entry 0, in hex.
        charter: The charter in force.
        charter_id: Its event id, in hex.
        members: The parties that are members.
        keys: Every party key there ever was, by the key in hex.
        held: The keys of each party that are not void, in the order in which they came: of those
            that are, one party can make another have any number.
        pending: Acts that wait, by event id in hex.
        log_keys: (size, key in hex): from that size on checkpoints need that log key.
        charters: (size, charter): from that size on that charter is in force.
        roles: Every log key and witness key there ever was, in hex.
        left: Parties that left and have had no new key since.
    """

    fingerprint: str
    charter: Charter
    charter_id: str
    members: frozenset[str]
    keys: Mapping[str, PartyKey]
    held: Mapping[str, tuple[str, ...]]
    log_keys: tuple[tuple[int, str], ...]
    charters: tuple[tuple[int, Charter], ...]
    roles: frozenset[str]
    pending: Mapping[str, Pending] = {}
    left: frozenset[str] = frozenset()

    def log_key_at(self, size: int) -> str:
        """Return the log key, in hex, that signs checkpoints of `size` entries."""
        return next(key for start, key in reversed(self.log_keys) if start <= size)

    def charter_at(self, size: int) -> Charter:
        """Return the charter in force after `size` entries, of which there is at least one."""
        return next(charter for start, charter in reversed(self.charters) if start <= size)

    def keys_of(self, party: str) -> tuple[PartyKey, ...]:
        """Return all keys that `party` ever had, in the order in which they came."""
        return tuple(key for key in self.keys.values() if key.party == party)

    def is_enrolled(self, party: str) -> bool:
        """Tell whether `party` has had an active key."""
        return any(key.since is not None for key in self.held_by(party))

    def held_by(self, party: str) -> Iterator[PartyKey]:
        """Yield the keys of `party` that are not void."""
        return (self.keys[key] for key in self.held.get(party, ()))

    def settle(self, *, index: int, recorded: int) -> "State":
        """Return the state in which an entry at `index`, recorded then, is judged.

        Recoveries whose waiting days are over take effect. Source: SPEC section 9.5.
        """
        if not self.pending:
            return self
        due = [
            (waiting.ready_ms, waiting.approved, event_id)
            for event_id, waiting in self.pending.items()
            if waiting.ready_ms is not None and waiting.ready_ms <= recorded
        ]
        state = self
        for _, _, event_id in sorted(due):
            act = state.pending[event_id].act if event_id in state.pending else None
            if isinstance(act, Key):  # else the first made it void
                state = _recovered(state, act, index=index)
        return state

    def active_key(self, statement: Statement) -> PartyKey:
        """Return the key that signed `statement`, which must be an active key of its author.

        Raises:
            RuleError: With check `key`.
        """
        key = self.keys.get(statement.key)
        if key is None:
            raise RuleError(Check.KEY, "statement.key", "is no key of this ledger")
        if key.party != statement.author:
            reason = "is not a key of the author"
            raise RuleError(Check.KEY, "statement.key", reason, statement.author, key.party)
        if key.status != "active":
            reason = "is not active"
            raise RuleError(Check.KEY, "statement.key", reason, "active", key.status)
        return key

    def govern(self, event: Event, *, event_id: str, index: int, recorded: int) -> "State":
        """Return the state after an act of governance, or the same state after anything else.

        Args:
            event: The event, whose key and power have been checked.
            event_id: Its id, in hex.
            index: Its entry's index.
            recorded: When it was recorded, in milliseconds.

        Raises:
            RuleError: The act breaks a rule of SPEC sections 9.1 to 9.6.
        """
        match event:
            case Charter():
                return _amend(self, event, event_id=event_id, index=index)
            case Membership():
                return _membership(self, event, index=index)
            case Key(verb="revoke"):
                return _revoke(self, event, index=index)
            case Key(verb="recover"):
                return _recover(self, event, event_id=event_id, index=index, recorded=recorded)
            case Key():
                return _enrol(self, event, event_id=event_id, index=index)
            case Approval():
                return _approve(self, event, index=index, recorded=recorded)
            case _:
                return self


def found(
    charter: Event | None, *, charter_id: str, fingerprint: str, statement: Statement
) -> State:
    """Return the state after entry 0.

    Raises:
        UnknownVersionError: The charter is of another version of SPEC.
        RuleError: With check `charter`, `ledger` or `seen`: it breaks SPEC section 9.3 or 7.

    Source: SPEC sections 7 and 9.3.
    """
    if not isinstance(charter, Charter):
        raise RuleError(Check.CHARTER, "event.kind", "entry 0 is not a charter")
    if statement.ledger != LedgerName(origin=charter.origin):
        reason = "must name the charter's origin and, at entry 0, no fingerprint"
        raise RuleError(Check.LEDGER, "statement.ledger", reason)
    if statement.seen is not None:
        raise RuleError(Check.SEEN, "statement.seen", "is in the future: there is no entry yet")
    if statement.count != 1:
        raise RuleError(Check.ALONE, "statement.count", "a governance event has company")
    founding = charter.founding_key
    if founding is None or founding.key != statement.key:
        reason = "must be there and be the key that signs entry 0"
        raise RuleError(Check.CHARTER, "event.founding_key", reason, statement.key)
    if charter.amends is not None or charter.state != "open":
        raise RuleError(Check.CHARTER, "event", "entry 0 amends nothing and is open")
    if charter.author not in charter.registrars:
        raise RuleError(Check.CHARTER, "event.registrars", "do not have the author among them")
    _check_may_hold_key(charter.author)
    roles = _roles(charter)
    if founding.key in roles or len(roles) != len(_role_keys(charter)):
        raise RuleError(Check.CHARTER, "event", "one public key serves two roles")
    _check_role_keys(charter)
    check_version(charter)
    key = PartyKey(
        party=charter.author,
        key=founding.key,
        powers=founding.powers,
        post=founding.post,
        origin="founding",
        status="active",
        since=0,
    )
    return State(
        fingerprint=fingerprint,
        charter=charter,
        charter_id=charter_id,
        members=frozenset((charter.author,)),
        keys={key.key: key},
        held={key.party: (key.key,)},
        log_keys=((1, charter.log_key),),
        charters=((1, charter),),
        roles=roles,
    )


def check_version(charter: Charter) -> None:
    """Check that the charter is of the version of SPEC that this code is.

    Raises:
        UnknownVersionError: It is not.
    """
    if charter.spec != SPEC_VERSION:
        reason = "is a version that this verifier does not know"
        raise UnknownVersionError(Check.VERSION, "charter.spec", reason, SPEC_VERSION, charter.spec)


def _role_keys(charter: Charter) -> list[str]:
    return [charter.log_key, *(w.key for w in charter.witnesses or ())]


def _roles(charter: Charter) -> frozenset[str]:
    return frozenset(_role_keys(charter))


def _check_role_keys(charter: Charter) -> None:
    keys = [charter.log_key]
    keys += [w.key for w in charter.witnesses or () if w.algorithm == "ed25519"]
    for key in keys:
        try:
            check_public_key(bytes.fromhex(key))
        except MalformedError as error:
            reason = f"{key} {error.reason}"
            raise RuleError(Check.CHARTER, "event.log_key or witnesses", reason) from None


def _check_may_hold_key(party: str) -> None:
    if party in KEYLESS:
        raise RuleError(Check.ENROLMENT, "event.party", f"`{party}` can hold no key")


def _check_registrar(state: State, party: str, check: Check) -> None:
    if party not in state.charter.registrars or party not in state.members:
        raise RuleError(check, "event.author", "is not a registrar who is a member", None, party)


def _with_key(state: State, key: PartyKey) -> State:
    return _with_keys(state, key.party, (key,))


def _with_keys(state: State, party: str, new: Iterable[PartyKey]) -> State:
    """Put in keys of a party, or others in the place of what they were."""
    changed = {key.key: key for key in new}
    held = dict.fromkeys((*state.held.get(party, ()), *changed))
    kept = tuple(key for key in held if key not in changed or changed[key].status != "void")
    return replace(state, keys={**state.keys, **changed}, held={**state.held, party: kept})


def _without_pending(state: State, event_id: str) -> State:
    rest = {k: v for k, v in state.pending.items() if k != event_id}
    return replace(state, pending=rest)


def _end(key: PartyKey, index: int) -> PartyKey:
    """End a key, or make a key void that never was active."""
    status: Literal["ended", "void"] = "void" if key.status == "pending" else "ended"
    return replace(key, status=status, ended=index)


# The charter


def _amend(state: State, event: Charter, *, event_id: str, index: int) -> State:
    _check_registrar(state, event.author, Check.CHARTER)
    if event.amends != state.charter_id:
        reason = "is not the charter in force"
        raise RuleError(Check.CHARTER, "event.amends", reason, state.charter_id, event.amends)
    if event.founding_key is not None:
        raise RuleError(Check.CHARTER, "event.founding_key", "belongs to entry 0 only")
    if event.origin != state.charter.origin:
        reason = "never changes"
        raise RuleError(Check.CHARTER, "event.origin", reason, state.charter.origin, event.origin)
    if event.predecessor != state.charter.predecessor:
        raise RuleError(Check.CHARTER, "event.predecessor", "never changes")
    _check_new_roles(state, event)
    check_version(event)
    state = _propose(state, event, event_id=event_id, index=index)
    return _progress(state, event_id, index=index, recorded=0)


def _check_new_roles(state: State, event: Charter) -> None:
    keys = _role_keys(event)
    if len(keys) != len(set(keys)):
        raise RuleError(Check.CHARTER, "event", "one public key serves two roles")
    _check_role_keys(event)
    witnesses = {w.key for w in state.charter.witnesses or ()}
    for key in keys:
        if key in state.keys:
            raise RuleError(Check.CHARTER, "event", f"{key} is or was a party's key")
        # A key that once had a role may keep that role, not take another.
        keeps = key in witnesses or key == state.charter.log_key
        if key in state.roles and not keeps:
            raise RuleError(Check.CHARTER, "event", f"{key} served another role before")
    if event.log_key in witnesses or state.charter.log_key in {
        w.key for w in event.witnesses or ()
    }:
        raise RuleError(Check.CHARTER, "event.log_key", "one public key serves two roles")


def _amended(state: State, event: Charter, *, event_id: str, index: int) -> State:
    pending = {k: v for k, v in state.pending.items() if not isinstance(v.act, Charter)}
    log_keys = state.log_keys
    if event.log_key != state.charter.log_key:
        log_keys = (*log_keys, (index + 1, event.log_key))
    return replace(
        state,
        charter=event,
        charter_id=event_id,
        pending=pending,
        log_keys=log_keys,
        charters=(*state.charters, (index + 1, event)),
        roles=state.roles | _roles(event),
    )


# Members


def _membership(state: State, event: Membership, *, index: int) -> State:
    party = event.author
    if event.charter != state.fingerprint:
        reason = "is not this ledger's fingerprint"
        raise RuleError(Check.PARTY, "event.charter", reason, state.fingerprint, event.charter)
    if event.verb == "join":
        if party in state.members:
            raise RuleError(Check.PARTY, "event.verb", f"{party} is a member already")
        if party not in state.charter.members:
            raise RuleError(Check.PARTY, "event.author", f"the charter does not name {party}")
        return replace(state, members=state.members | {party}, left=state.left - {party})
    if party not in state.members:
        raise RuleError(Check.PARTY, "event.verb", f"{party} is not a member")
    ended = [_end(key, index) for key in state.held_by(party) if key.status in _LIVING]
    rest = {
        name: waiting
        for name, waiting in state.pending.items()
        if not (isinstance(waiting.act, Key) and waiting.act.party == party)
    }
    return replace(
        _with_keys(state, party, ended),
        members=state.members - {party},
        left=state.left | {party},
        pending=rest,
    )


# Keys


def _check_new_key(state: State, event: Key) -> None:
    """Check that a key may become one: new in every role, and shown to be held."""
    _check_may_hold_key(event.party)
    proposed = (w.act for w in state.pending.values() if isinstance(w.act, Charter))
    roles = state.roles.union(*map(_roles, proposed))
    if event.key in state.keys or event.key in roles:
        raise RuleError(Check.ENROLMENT, "event.key", "has or had a role in this ledger already")
    if len(state.held.get(event.party, ())) >= MAX_KEYS:
        raise RuleError(Check.ENROLMENT, "event.party", f"has had {MAX_KEYS} keys")
    possession = Possession(
        ledger=LedgerName(origin=state.charter.origin, charter=state.fingerprint),
        party=event.party,
        key=event.key,
        powers=event.powers or (),
        post=event.post,
    )
    # The schema lets no enrolment through without powers and possession.
    check_possession(possession, signature=bytes.fromhex(event.possession or ""))


def _new_key(
    event: Key, origin: Literal["own", "vouched", "recovered"], since: int | None
) -> PartyKey:
    return PartyKey(
        party=event.party,
        key=event.key,
        powers=event.powers or (),
        post=event.post,
        origin=origin,
        status="pending" if since is None else "active",
        since=since,
    )


def _enrol(state: State, event: Key, *, event_id: str, index: int) -> State:
    _check_new_key(state, event)
    if event.author == event.party:
        return _enrol_own(state, event, index=index)
    _check_registrar(state, event.author, Check.ENROLMENT)
    if event.replaces is not None:
        raise RuleError(Check.ENROLMENT, "event.replaces", "only its own party rotates a key")
    if any(key.status == "active" for key in state.held_by(event.party)):
        raise RuleError(Check.ENROLMENT, "event.party", "has a key and enrols others itself")
    if state.is_enrolled(event.party) and event.party not in state.left:
        raise RuleError(Check.ENROLMENT, "event.party", "has lost its keys: that is a recovery")
    state = _propose(state, event, event_id=event_id, index=index)
    state = _with_key(state, _new_key(event, "vouched", None))
    return _progress(state, event_id, index=index, recorded=0)


def _enrol_own(state: State, event: Key, *, index: int) -> State:
    state = _with_key(state, _new_key(event, "own", index))
    if event.replaces is None:
        return state
    old = state.keys.get(event.replaces)
    if old is None or old.party != event.party or old.status != "active" or old.key == event.key:
        raise RuleError(Check.ENROLMENT, "event.replaces", "is no active key of the party")
    return _with_key(state, _end(old, index))


def _revoke(state: State, event: Key, *, index: int) -> State:
    if event.author != event.party:
        raise RuleError(Check.ENROLMENT, "event.party", "a party revokes its own keys only")
    key = state.keys.get(event.key)
    if key is None or key.party != event.party or key.status not in _LIVING:
        raise RuleError(Check.ENROLMENT, "event.key", "is no active or pending key of the party")
    if event.compromised_since is not None and event.compromised_since > index:
        reason = "is later than this entry"
        found_ = str(event.compromised_since)
        raise RuleError(Check.ENROLMENT, "event.compromised_since", reason, str(index), found_)
    pending = {
        name: waiting
        for name, waiting in state.pending.items()
        if not (isinstance(waiting.act, Key) and waiting.act.key == event.key)
    }
    return replace(_with_key(state, _end(key, index)), pending=pending)


def _recover(state: State, event: Key, *, event_id: str, index: int, recorded: int) -> State:
    _check_new_key(state, event)
    if event.author == event.party or event.author not in state.members:
        raise RuleError(Check.ENROLMENT, "event.author", "is not another member")
    if not state.is_enrolled(event.party):
        raise RuleError(Check.ENROLMENT, "event.party", "has never had a key to recover")
    state = _propose(state, event, event_id=event_id, index=index)
    state = _with_key(state, _new_key(event, "recovered", None))
    return _progress(state, event_id, index=index, recorded=recorded)


def _recovered(state: State, event: Key, *, index: int) -> State:
    keys = [
        replace(key, status="active", since=index) if key.key == event.key else _end(key, index)
        for key in state.held_by(event.party)
        if key.status in _LIVING
    ]
    pending = {
        name: waiting
        for name, waiting in state.pending.items()
        if not (isinstance(waiting.act, Key) and waiting.act.party == event.party)
    }
    state = _with_keys(state, event.party, keys)
    return replace(state, pending=pending, left=state.left - {event.party})


# Approvals


def _propose(state: State, act: Charter | Key, *, event_id: str, index: int) -> State:
    """Let an act wait for others; an earlier one of its sort by its author is void.

    One of each author, and not one in all: else whoever proposes first blocks everybody.
    """
    for earlier, waiting in state.pending.items():
        if waiting.act.author == act.author and _sort(waiting.act) == _sort(act):
            state = _withdraw(state, earlier, index=index)
            break
    waiting = Pending(act=act, signers=frozenset((act.author,)))
    return replace(state, pending={**state.pending, event_id: waiting})


def _sort(act: Charter | Key) -> tuple[str, str]:
    return ("charter", "") if isinstance(act, Charter) else (act.verb, act.party)


def _withdraw(state: State, event_id: str, *, index: int) -> State:
    act = state.pending[event_id].act
    state = _without_pending(state, event_id)
    return state if isinstance(act, Charter) else _with_key(state, _end(state.keys[act.key], index))


def _void(state: State, *, party: str, index: int) -> State:
    """Make void what else waits to give a key to `party`."""
    for event_id, waiting in state.pending.items():
        if isinstance(waiting.act, Key) and waiting.act.party == party:
            state = _withdraw(state, event_id, index=index)
    return state


def _approve(state: State, event: Approval, *, index: int, recorded: int) -> State:
    waiting = state.pending.get(event.of)
    if waiting is None or waiting.ready_ms is not None:
        raise RuleError(Check.APPROVAL, "event.of", "is nothing that waits for approval")
    party = event.author
    if isinstance(waiting.act, Key) and waiting.act.verb == "recover":
        if party not in state.members or party == waiting.act.party:
            raise RuleError(Check.APPROVAL, "event.author", "is not another member")
    else:
        _check_registrar(state, party, Check.APPROVAL)
    if party in waiting.signers:
        raise RuleError(Check.APPROVAL, "event.author", "has signed or approved it already")
    waiting = replace(waiting, signers=waiting.signers | {party})
    state = replace(state, pending={**state.pending, event.of: waiting})
    return _progress(state, event.of, index=index, recorded=recorded)


def _progress(state: State, event_id: str, *, index: int, recorded: int) -> State:
    """Let a pending act take effect if enough have signed it."""
    waiting = state.pending[event_id]
    act = waiting.act
    if isinstance(act, Key) and act.verb == "recover":
        count = len((waiting.signers & state.members) - {act.party})
        if count < state.charter.thresholds.recover:
            return state
        ready_ms = recorded + state.charter.waiting_days * _DAY_MS
        pending = {**state.pending, event_id: replace(waiting, ready_ms=ready_ms, approved=index)}
        return replace(state, pending=pending)
    entitled = waiting.signers & state.members & set(state.charter.registrars)
    if len(entitled) < state.charter.thresholds.govern:
        return state
    if isinstance(act, Charter):
        return _amended(state, act, event_id=event_id, index=index)
    active = replace(state.keys[act.key], status="active", since=index)
    state = _void(_without_pending(state, event_id), party=act.party, index=index)
    return replace(_with_key(state, active), left=state.left - {act.party})
