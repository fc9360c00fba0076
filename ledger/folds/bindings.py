"""Whether a party was bound by a version of an agreement: yes, no, or not established.

It was, if it had signed, the rule of the agreement was met, its day had come, and nothing had
ended it. Each of these conditions is a ground, with the event that it rests on. What would end an
agreement has to be told.

Source: FOLDS, "Agreements".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ledger.date_words import format_when
from ledger.dates import Answer
from ledger.folds.deeds import Deed
from ledger.folds.moments import date_of
from ledger.folds.papers import Condition, ConditionKind, Paper
from ledger.folds.points import MOST, Point, every, negated, some

__all__ = ["At", "Binding"]

_OPEN: Answer = "not established"
_DONE: dict[str, tuple[ConditionKind, str]] = {
    "end": ("ended", "ended"),
    "suspend": ("suspended", "suspended"),
}
_MOST_OTHERS = 16  # whose signatures are told beside a party's own: those that are least certain
_WEIGHT: dict[Answer, int] = {"no": 0, "not established": 1, "yes": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Whether a party was bound by a version of an agreement.

    Attributes:
        agreement: The agreement's id.
        index: Its index.
        version: The version.
        party: The party.
        answer: Whether it was bound.
        grounds: The conditions, each with what it rests on.
    """

    agreement: str
    index: int
    version: int
    party: str
    answer: Answer
    grounds: tuple[Condition, ...]


class _Joint(NamedTuple):
    """What steps of one verb come to.

    Attributes:
        by_party: Whether each party had done it.
        done: Whether it is told to have been done, by nobody in particular.
        last: The last step that had effect, or can have had; None if none.
    """

    by_party: Mapping[str, Answer]
    done: Answer
    last: Deed | None


class At:
    """An agreement at a point: the end of a day, or the moment of an event."""

    def __init__(self, paper: Paper, point: Point) -> None:
        self.paper = paper
        self.point = point
        self._signed: dict[tuple[str, int], Condition] = {}
        self._took: dict[tuple[str, int], Answer] = {}
        self._after: dict[str, dict[int, tuple[Answer, int]]] = {}
        self._over: dict[tuple[str, int], Condition | None] = {}
        self._joints: dict[tuple[str, int | None], _Joint] = {}
        self._required: dict[int, list[Condition]] = {}

    def bindings(
        self,
        party: str,
        *,
        numbers: Sequence[int] | None = None,
        replacing: Sequence[int] | None = None,
    ) -> tuple[Binding, ...]:
        """Say whether a party was bound, by each version.

        Args:
            party: The party.
            numbers: Only these versions.
            replacing: Only these can have replaced others; None for all.
        """
        numbers = self.paper.numbers if numbers is None else numbers
        self._after[party] = self._replacing(party, numbers, replacing)
        return tuple(self.binding(party, number) for number in numbers)

    def binding(self, party: str, number: int) -> Binding:
        """Say whether a party was bound by a version."""
        paper = self.paper
        own = self.signed(party, number)
        others = self._others(party, number)
        if len(others) > _MOST_OTHERS:
            others = sorted(others, key=lambda ground: _WEIGHT[ground.answer])[:_MOST_OTHERS]
        grounds = [own, *others, *self._effective(number)]
        if self._is_stranger(party):
            words = "is not among those that it names"
            grounds = [Condition(kind="signatory", answer="no", words=words, party=party)]
        answer = self.took_effect(party, number)
        ends = [self._replaced(party, number), self.suspended(number), self.ended(number)]
        grounds += [ground for ground in ends if ground is not None]
        return Binding(
            agreement=paper.told.id,
            index=paper.told.index,
            version=number,
            party=party,
            answer=every([answer, *(ground.answer for ground in ends if ground is not None)]),
            grounds=tuple(grounds),
        )

    def took_effect(self, party: str, number: int) -> Answer:
        """Say whether a version had taken effect for a party."""
        key = (party, number)
        if key not in self._took:
            self._took[key] = self._takes_effect(party, number)
        return self._took[key]

    def _takes_effect(self, party: str, number: int) -> Answer:
        if self._is_stranger(party):
            return "no"
        own = self.signed(party, number).answer
        others = every(ground.answer for ground in self._others(party, number))
        if self.paper.event.effective is None and others == "no" and not self._refused(number):
            # Nothing says that all must sign before one is bound.
            others = _OPEN
        return every([own, others, *(ground.answer for ground in self._effective(number))])

    def _refused(self, number: int) -> bool:
        """Tell whether one that must sign a version refused, and never signed it."""
        return any(
            self.paper.refusals(party, number) and not self.paper.signings(party, number)
            for party in self.paper.required
        )

    def _is_stranger(self, party: str) -> bool:
        return not self.paper.unnamed and party not in self.paper.parties

    def signed(self, party: str, number: int) -> Condition:
        """Say whether a party had signed a version, and on what that rests."""
        key = (party, number)
        if key not in self._signed:
            self._signed[key] = self._sign(party, number)
        return self._signed[key]

    def _sign(self, party: str, number: int) -> Condition:
        signings = self.paper.signings(party, number)
        if signings:
            found = max(signings, key=lambda deed: _WEIGHT[self._is_signed(deed)])
            best = self._signature(found, party)
        else:
            best = self.paper.unsigned(party, number)
        made = self.paper.made_by.get(number)
        if best.answer == _OPEN and made is not None and self.point.had(made.id) == "no":
            words = "had not signed: it was not drafted or proposed yet"
            return self.paper.condition("signature", "no", words, made.told, party)
        return (self._declined(party, number, best) or best) if signings else best

    def _is_signed(self, deed: Deed) -> Answer:
        had = self.point.had(deed.id)
        return _OPEN if had == "yes" and len(self.paper.meant(deed)) > 1 else had

    def _signature(self, deed: Deed, party: str) -> Condition:
        had, answer = self.point.had(deed.id), self._is_signed(deed)
        words = {
            "yes": "signed",
            "no": "signed later",
            _OPEN: "signed, but whether by then is not established",
        }[had]
        if answer != had:
            words = "signed, but which version is not told"
        return self.paper.condition("signature", answer, words, deed.told, party)

    def _declined(self, party: str, number: int, signed: Condition) -> Condition | None:
        """Return a refusal that is not certain to have come before the signature."""
        if signed.answer == "no":
            return None
        before = self.paper.reading.order.before
        later: Deed | None = None
        for deed in self.paper.refusals(party, number):
            if self.point.had(deed.id) == "no":
                later = deed
                continue
            if before(deed.id, signed.id or "") == "yes":
                continue
            words = "signed and did not adopt it, the latter not certainly first"
            return self.paper.condition("signature", _OPEN, words, deed.told, party)
        if later is not None and self.paper.refused_more(party, number):
            words = "signed, and did not adopt it so often that whether by then is not established"
            return self.paper.condition("signature", _OPEN, words, later.told, party)
        return None

    def _others(self, party: str, number: int) -> list[Condition]:
        """Return the conditions that others must meet before a party is bound."""
        if self.paper.event.effective == "each_signed":
            return []
        grounds = [each for each in self._signatures(number) if each.party != party]
        if self.paper.unnamed:
            words = "who must sign it is not told, or not of all"
            grounds.append(Condition(kind="signatory", answer=_OPEN, words=words))
        return grounds

    def _signatures(self, number: int) -> list[Condition]:
        """Return of each party that must sign whether it had signed a version."""
        if number not in self._required:
            required = sorted(self.paper.required)
            self._required[number] = [self.signed(party, number) for party in required]
        return self._required[number]

    def _effective(self, number: int) -> list[Condition]:
        found = self.paper.date(number, "effective")
        if found is not None:
            told, when = found
            answer = self.point.reached(when)
            words = f"it has effect from {format_when(when)}"
            return [self.paper.condition("effective", answer, words, told, when=when)]
        if self.paper.event.effective == "date":
            words = "it has effect from a date, which is not told"
            return [self.paper.condition("effective", _OPEN, words, self.paper.told)]
        return []

    def _replaced(self, party: str, number: int) -> Condition | None:
        """Say whether no later version had taken effect; None where none can have."""
        if party not in self._after:
            self._after[party] = self._replacing(party, self.paper.numbers, None)
        took, by = self._after[party][number]
        if took == "no":
            return None
        made = self.paper.made_by.get(by)
        told = self.paper.told if made is None else made.told
        words = f"version {by} {'had' if took == 'yes' else 'can have'} taken effect"
        return self.paper.condition("replaced", negated(took), words, told)

    def _replacing(
        self, party: str, numbers: Iterable[int], replacing: Iterable[int] | None
    ) -> dict[int, tuple[Answer, int]]:
        """Say of each version whether a later one had taken effect, and the last that did."""
        replacers = set(self.paper.numbers if replacing is None else replacing)
        needed = self.paper.required or self.paper.signers
        if self.paper.event.effective == "each_signed":
            needed = frozenset((party,))
        if len(needed) > MOST:
            replacers.clear()  # nobody can say that all of them signed a version
        found: dict[int, tuple[Answer, int]] = {}
        took: Answer = "no"
        by = 0
        for number in sorted({*numbers, *replacers}, reverse=True):
            found[number] = took, by
            if number in replacers and all(self.paper.signings(each, number) for each in needed):
                answer = self.took_effect(party, number)
                if _WEIGHT[answer] > _WEIGHT[took]:
                    took, by = answer, number
        return found

    def suspended(self, number: int) -> Condition | None:
        """Say whether it was not suspended; None where nobody had suspended it."""
        return self._once("suspend", number, self._suspended)

    def ended(self, number: int) -> Condition | None:
        """Say whether it had not ended; None where nobody had ended it."""
        return self._once("end", number, self._ended)

    def _once(
        self, what: str, number: int, work_out: Callable[[int], Condition | None]
    ) -> Condition | None:
        key = (what, number)
        if key not in self._over:
            self._over[key] = work_out(number)
        return self._over[key]

    def _suspended(self, number: int) -> Condition | None:
        return self._jointly("suspend", number)

    def _ended(self, number: int) -> Condition | None:
        ended = self._jointly("end", number)
        term = self.paper.date(number, "end") or self.paper.date(number, "until")
        if term is None or (ended is not None and ended.answer == "no"):
            return ended
        answer = negated(self.point.over(term[1]))
        if answer == "yes":
            return ended
        words = f"its last day is {format_when(term[1])}"
        return self.paper.condition("ended", answer, words, term[0], when=term[1])

    def _came(self, deed: Deed) -> Answer:
        """Say whether a step had effect by then: from its own date of effect, if it gives one."""
        effective = date_of(deed.told, "effective")
        return self.point.had(deed.id) if effective is None else self.point.reached(effective)

    def _lasted(self, deed: Deed) -> Answer:
        """Say whether a step had effect, and still has: a suspension may be until a day."""
        until = date_of(deed.told, "until") if deed.verb == "suspend" else None
        over = "no" if until is None else self.point.over(until)
        return every([self._came(deed), negated(over)])

    def _joint(self, verb: str, number: int | None) -> _Joint:
        """Say what the steps come to that name a version, or none."""
        key = (verb, number)
        if key not in self._joints:
            deeds = self.paper.named(verb, number)
            if self.point.day is None and len(deeds) > MOST:
                # Asked for each of thousands of moments: what all these come to is left open.
                self._joints[key] = _Joint({}, _OPEN, deeds[-1])
                return self._joints[key]
            by_party: dict[str, list[Answer]] = {}
            done: list[Answer] = []
            last: Deed | None = None
            for deed in deeds:
                answer = self._lasted(deed)
                if answer != "no":
                    last = deed
                    for party in () if deed.done else deed.doers:
                        by_party.setdefault(party, []).append(answer)
                    done += [answer] if deed.done else []
            each_party = {party: some(answers) for party, answers in by_party.items()}
            self._joints[key] = _Joint(each_party, some(done), last)
        return self._joints[key]

    def _jointly(self, verb: str, number: int) -> Condition | None:
        """Say what an act that all must do comes to; None where nobody had done it."""
        both = self._joint(verb, None), self._joint(verb, number)
        deeds = [each.last for each in both if each.last is not None]
        if not deeds:
            return None
        last = max(deeds, key=self.paper.place)
        by_nobody = some(acts.done for acts in both)
        joint = _OPEN
        if self.paper.required and not self.paper.unnamed:
            joint = every(
                some(acts.by_party.get(party, "no") for acts in both)
                for party in self.paper.required
            )
        joint = some([joint, by_nobody])
        kind, done = _DONE[verb]
        if joint == "yes":
            return self.paper.condition(kind, "no", f"it was {done}", last.told)
        # What some did alone has the effect that its terms give it, which are not read.
        words = f"it was {done} by some, or on a day that is not certain"
        return self.paper.condition(kind, _OPEN, words, last.told)
