"""Which responses stand, what is withdrawn, and which events count in which telling.

Two tellings are folded by the same code. `established`: an event counts when a party entitled to
it signed it, or signed `agree`, `admit` or `ratify` on the whole of it. As told by P: an event
counts when P signed it, or signed one of these on it. What its author withdrew counts in neither,
unless the other signature is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ledger.view import Told, View
from ledger.wording import party_of
from verify.events import Position

__all__ = ["ESTABLISHED", "Stances", "Telling", "parties_of", "read_stances"]

_WITHDRAWING = frozenset(("retract_own", "disown"))
_UPHOLDING = frozenset(("agree", "admit", "ratify"))


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

    on: dict[str, tuple[tuple[Told, Position], ...]]
    withdrawn: dict[str, Told]

    def upholders(self, event_id: str) -> frozenset[str]:
        """Return the parties that agree to, admit or ratify the whole of an event, still."""
        found: dict[str, bool] = {}
        for told, position in self.on.get(event_id, ()):
            if position.field in {None, "happened"} and position.items is None:
                if position.stance in _UPHOLDING:
                    found[told.author] = True
                elif position.stance in {"deny", "dispute", "not_admit"}:
                    found[told.author] = False
        return frozenset(party for party, upholds in found.items() if upholds)

    def signers(self, told: Told) -> frozenset[str]:
        """Return the parties whose signature stands behind the whole of an event."""
        upholders = self.upholders(told.id)
        return upholders if told.id in self.withdrawn else upholders | {told.author}

    def denial(self, event_id: str, parties: Collection[str]) -> Told | None:
        """Return the denial of a whole event by one of `parties`, if one still stands."""
        last: dict[str, Told | None] = {}
        for told, position in self.on.get(event_id, ()):
            if position.field not in {None, "happened"} or told.author not in parties:
                continue
            if position.stance == "deny":
                last[told.author] = told
            elif position.stance in {"agree", "admit"}:
                last[told.author] = None
        return next((found for found in last.values() if found is not None), None)

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


def read_stances(view: View) -> Stances:
    """Find out which responses stand and what is withdrawn.

    A response can itself be withdrawn, so they are read from the last to the first.
    """
    withdrawn: dict[str, Told] = {}
    standing: dict[str, list[tuple[Told, Position]]] = {}
    for told in reversed(view.told):
        position = told.event
        if not isinstance(position, Position) or told.id in withdrawn:
            continue
        if position.stance in _WITHDRAWING and position.field is None and position.items is None:
            withdrawn.setdefault(position.on, told)
            continue
        standing.setdefault(position.on, []).append((told, position))
    return Stances(
        on={event_id: tuple(reversed(found)) for event_id, found in standing.items()},
        withdrawn=withdrawn,
    )


def parties_of(*actors: Iterable[str] | str | None) -> frozenset[str]:
    """Return the parties of actors, given one by one or in lists; nobody unknown."""
    found: set[str] = set()
    for each in actors:
        names = (each,) if isinstance(each, str) else each or ()
        found.update(party_of(name) for name in names)
    return frozenset(found - {"unknown"})
