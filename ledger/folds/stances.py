"""Which responses stand, what is withdrawn, and which events count in which telling.

Two tellings are folded by the same code. `established`: an event counts when a party entitled to
it signed it, or signed `agree`, `admit` or `ratify` on the whole of it. As told by P: an event
counts when P signed it, or signed one of these on it. What its author withdrew counts in neither,
unless the other signature is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ledger.folds.worklist import Worklist
from ledger.persistent import ById
from ledger.view import Told, View
from ledger.wording import party_of
from verify.kinds import Position

__all__ = ["ESTABLISHED", "Stances", "Telling", "grow_stances", "parties_of"]

_WITHDRAWING = frozenset(("retract_own", "disown"))
_UPHOLDING = frozenset(("agree", "admit", "ratify"))
_ABOUT_ALL = frozenset(("deny", "agree", "admit"))


@dataclass(frozen=True, slots=True)
class Telling:
    """Whose word is taken: nobody's alone (established), or all of one party's."""

    party: str | None = None

    def __str__(self) -> str:
        """Name the telling for people."""
        return "established" if self.party is None else f"as told by {self.party}"


ESTABLISHED = Telling()


@dataclass(frozen=True, slots=True)
class Stances:
    """The responses that stand.

    Attributes:
        on: The standing responses to each event, by its id, in ledger order.
        withdrawn: The response that withdraws an event, by that event's id.
    """

    on: ById[tuple[tuple[Told, Position], ...]]
    withdrawn: ById[Told]
    # An event can have thousands of responses, and be asked about thousands of times.
    _upholders: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)
    _denials: dict[str, dict[str, Told | None]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def upholders(self, event_id: str) -> frozenset[str]:
        """Return the parties that agree to, admit or ratify the whole of an event, still."""
        responses = self.on.get(event_id, ())
        if not responses:
            return frozenset()
        if event_id not in self._upholders:
            found: dict[str, bool] = {}
            for told, position in responses:
                if position.field in {None, "happened"} and position.items is None:
                    if position.stance in _UPHOLDING:
                        found[told.author] = True
                    elif position.stance in {"deny", "dispute", "not_admit"}:
                        found[told.author] = False
            self._upholders[event_id] = frozenset(p for p, upholds in found.items() if upholds)
        return self._upholders[event_id]

    def signers(self, told: Told) -> frozenset[str]:
        """Return the parties whose signature stands behind the whole of an event."""
        upholders = self.upholders(told.id)
        return upholders if told.id in self.withdrawn else upholders | {told.author}

    def denial(self, event_id: str, parties: Collection[str]) -> Told | None:
        """Return the denial of a whole event by one of `parties`, if one still stands."""
        responses = self.on.get(event_id, ())
        if not responses:
            return None
        if event_id not in self._denials:
            last: dict[str, Told | None] = {}
            for told, position in responses:
                if position.field in {None, "happened"} and position.stance in _ABOUT_ALL:
                    last[told.author] = told if position.stance == "deny" else None
            self._denials[event_id] = last
        standing = self._denials[event_id].items()
        return next((d for party, d in standing if d is not None and party in parties), None)

    def is_latest(self, told: Told) -> bool:
        """Tell whether a response stands, and its party has said nothing else of its field since.

        That something was received is a word of its own: what a party holds of it replaces none.
        """
        said = told.event
        if not isinstance(said, Position) or told.disowned:
            return False
        withdrawal = self.withdrawn.get(said.on)
        if withdrawal is not None and withdrawal.author == told.author:
            return withdrawal.id == told.id
        same = [
            each.id
            for each, other in self.on.get(said.on, ())
            if each.author == told.author
            and (other.field or "happened") == (said.field or "happened")
            and (other.stance == "received") == (said.stance == "received")
        ]
        return same[-1:] == [told.id]

    def counts(self, told: Told, *, telling: Telling, entitled: Collection[str]) -> bool:
        """Tell whether an event counts in a telling.

        Args:
            told: The event.
            telling: Whose word is taken.
            entitled: The parties whose signature establishes it.
        """
        signers = self.signers(told)
        if telling.party is None:
            return not signers.isdisjoint(entitled)
        return telling.party in signers


def grow_stances(
    before: Stances,
    view: View,
    referring: Mapping[str, tuple[str, ...]],
    touched: Mapping[str, int],
) -> tuple[Stances, frozenset[str]]:
    """Find out which responses stand and what is withdrawn, from what did so before.

    A response can itself be withdrawn, so they are read from the last to the first.

    Args:
        before: What stood in the first events of the view, and is left as it is.
        view: The events.
        referring: The events that refer to each, by its id.
        touched: The places in the view of the events that are new, or tell something else now.

    Returns:
        What stands, and the events to which responses stand that did not, or no more.
    """
    on, withdrawn = before.on.draft(), before.withdrawn.draft()
    changed = set[str]()
    touched_on = {
        position.on
        for rank in touched.values()
        if isinstance(position := view.told[rank].event, Position)
    }
    waiting = Worklist(-view.rank(each) for each in touched_on if each in view.by_id)
    while waiting:
        told = view.told[-waiting.pop()]
        was = on.pop(told.id, ()), withdrawn.pop(told.id, None)
        standing, withdrawal = _standing(view, referring, told.id, withdrawn)
        if standing:
            on[told.id] = standing
        if withdrawal is not None:
            withdrawn[told.id] = withdrawal
        if (standing, withdrawal) != was:
            changed.add(told.id)
            if isinstance(told.event, Position) and told.event.on in view.by_id:
                waiting.add(-view.rank(told.event.on))
    return Stances(on=on.done(), withdrawn=withdrawn.done()), frozenset(changed)


def _standing(
    view: View,
    referring: Mapping[str, tuple[str, ...]],
    event_id: str,
    withdrawn: Mapping[str, Told],
) -> tuple[tuple[tuple[Told, Position], ...], Told | None]:
    standing: list[tuple[Told, Position]] = []
    withdrawal: Told | None = None
    for each in referring.get(event_id, ()):
        told = view.by_id[each]
        position = told.event
        if not isinstance(position, Position) or position.on != event_id or each in withdrawn:
            continue
        if position.stance in _WITHDRAWING and position.field is None and position.items is None:
            withdrawal = told
        else:
            standing.append((told, position))
    return tuple(standing), withdrawal


def parties_of(*actors: tuple[str, ...] | frozenset[str] | str | None) -> frozenset[str]:
    """Return the parties of actors, given one by one or in lists; nobody unknown."""
    return _parties(actors)


@lru_cache(maxsize=4096)  # the same actors come again and again
def _parties(actors: tuple[tuple[str, ...] | frozenset[str] | str | None, ...]) -> frozenset[str]:
    names = ((each,) if isinstance(each, str) else each or () for each in actors)
    return frozenset(party_of(name) for each in names for name in each) - {"unknown"}
