"""Whether a party was bound by a version of an agreement: yes, no, or not established.

It was, if it had signed, the rule of the agreement was met, its day had come, and nothing had
ended it. Each of these conditions is a ground, with the event that it rests on. That nothing is
told of a signature is no refusal. What would end an agreement has to be told.

Source: FOLDS, "Agreements".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

from ledger.date_words import format_when
from ledger.dates import Answer, When
from ledger.folds.acts import doers_of
from ledger.folds.checklist import CHECKED, unrecorded
from ledger.folds.deeds import Deed, claim_of, deeds_of
from ledger.folds.moments import date_of
from ledger.folds.points import MOST, Point, every, negated, some, span_of
from ledger.folds.reading import Reading
from ledger.folds.stances import Telling, parties_of
from ledger.sentences import is_impersonal
from ledger.view import Told
from ledger.wording import party_of
from verify.kinds import Agreement, DateRole, Step

__all__ = ["MAKING", "SIGNING", "At", "Binding", "Condition", "ConditionKind", "Paper"]

ConditionKind = Literal["signatory", "signature", "effective", "replaced", "suspended", "ended"]

SIGNING: Final = frozenset(("sign", "vary"))
"""The steps by which a party signs a version."""

MAKING: Final = ("draft", "vary", "propose")
"""The steps that first tell of a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of being bound, and whether it is met.

    Attributes:
        kind: Which: `signatory`, `signature`, `effective`, `replaced`, `suspended`, `ended`.
        answer: Whether it is met: of the last three, that it is not so.
        words: Why; of a signature, what its party did.
        party: Of a signature: whose.
        id: The id of the event that it rests on, if there is one.
        index: Its index.
        when: Its date, if it has one.
    """

    kind: ConditionKind
    answer: Answer
    words: str
    party: str | None = None
    id: str | None = None
    index: int | None = None
    when: When | None = None


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


_VERSIONED = frozenset(("draft", "propose", *SIGNING))
_ANYBODYS = frozenset(("comment", "draft", "propose", "sign"))
_OPEN: Answer = "not established"
_DONE: dict[str, tuple[ConditionKind, str]] = {
    "end": ("ended", "ended"),
    "suspend": ("suspended", "suspended"),
}
_MOST_VERSIONS = 64  # of which it is looked at which of them a step can be of
_MOST_OTHERS = 16  # whose signatures are told beside a party's own: those that are least certain
_MOST_DEEDS = 16  # by which a party signs or refuses one version, or one that is not named
_WEIGHT: dict[Answer, int] = {"no": 0, "not established": 1, "yes": 2}


_Deeds: TypeAlias = "dict[tuple[str, int | None], list[Deed]]"  # by party, and version or none


class Paper:
    """An agreement and the steps of it that count in a telling.

    Attributes:
        reading: The view, read as at a day.
        told: The agreement's event.
        event: What it says.
        telling: Whose word is taken.
        required: The parties that must sign.
        unnamed: Whether it is not told of all who they are.
        deeds: The steps that count, laid out.
        claims: The steps that moved nothing.
    """

    def __init__(self, reading: Reading, told: Told, event: Agreement, telling: Telling) -> None:
        self.reading = reading
        self.told = told
        self.event = event
        self.telling = telling
        self.required = parties_of(event.signatories)
        self.unnamed = event.signatories is None or any(
            party_of(actor) == "unknown" for actor in event.signatories
        )
        self._said: dict[tuple[str, int | None], Condition] = {}
        self._meant: dict[str, tuple[int, ...]] = {}
        deeds, claims = deeds_of(reading, told, telling)
        self.deeds = tuple(deed for deed in deeds if self._is_theirs(deed))
        strangers = [deed for deed in deeds if not self._is_theirs(deed)]
        self.claims = (*claims, *(claim_of(deed, "it was not theirs to do") for deed in strangers))

    def _is_theirs(self, deed: Deed) -> bool:
        if deed.done or not self.required:
            return True
        # Who drafts does what is its own to do. That it was drafted, a party to it must say.
        if deed.verb in _ANYBODYS and not is_impersonal(deed.step):
            return True
        return not deed.doers.isdisjoint(self.required)

    @cached_property
    def signers(self) -> frozenset[str]:
        """The parties of which a signature counts."""
        return frozenset().union(*(d.doers for d in self.deeds if d.verb in SIGNING))

    def concerned(self, number: int) -> tuple[list[str], bool]:
        """Return of whom it is told whether a version binds them, and whether these are all.

        Where many have signed, those that must, and those that signed this version by its number.
        """
        if len(self.signers) <= MOST:
            return sorted(self.required | self.signers), True
        return sorted(self.required.union(self._signed_by.get(number, ()))), False

    @cached_property
    def _signed_by(self) -> dict[int | None, list[str]]:
        found: dict[int | None, list[str]] = {}
        for party, number in self._signings:
            found.setdefault(number, []).append(party)
        return found

    @cached_property
    def parties(self) -> frozenset[str]:
        """The parties that must sign, that did, or that are told to have signed."""
        claimed = (claim.doers for claim in self.claims if claim.verb in SIGNING)
        return self.required | self.signers | frozenset().union(*claimed)

    @cached_property
    def standing(self) -> Literal["counts", "claimed", "withdrawn"]:
        """Whether anybody that it concerns stands behind it."""
        signers = self.reading.stances.signers(self.told)
        behind = signers.union(*(deed.doers for deed in self.deeds))
        entitled = self.required or behind
        if self.telling.party is not None or not behind.isdisjoint(entitled):
            return "counts"
        return "claimed" if signers else "withdrawn"

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of its versions, in order; 1 where none is told."""
        told = {deed.step.version for deed in self.deeds if deed.verb in _VERSIONED}
        found = {number for number in told if number is not None}
        if any(deed.verb == "vary" and deed.step.version is None for deed in self.deeds):
            last = max(found, default=1)
            found |= {last, last + 1}
        return tuple(sorted(found or {1}))

    @cached_property
    def made_by(self) -> dict[int, Deed]:
        """The step that first tells of each version."""
        found: dict[int, Deed] = {}
        for deed in self.deeds:
            number = self._named(deed.step)
            if number is None and len(self.numbers) == 1:
                number = self.numbers[0]
            if deed.verb in MAKING and number is not None:
                found.setdefault(number, deed)
        return found

    @cached_property
    def not_recorded(self) -> tuple[str, ...]:
        """What the list of an agreement on sharing data asks for and nothing records."""
        if self.event.type not in CHECKED:
            return ()
        return unrecorded(self.event, (d.told for d in self.deeds if d.verb in MAKING))

    def meant(self, deed: Deed) -> tuple[int, ...]:
        """Return the versions that a step can be of: one where it names it, or there is one."""
        if deed.id not in self._meant:
            self._meant[deed.id] = self._means(deed)
        return self._meant[deed.id]

    def _means(self, deed: Deed) -> tuple[int, ...]:
        number = self._named(deed.step)
        if number is not None:
            return (number,)
        if len(self.numbers) > _MOST_VERSIONS:
            return self.numbers
        before = self.reading.order.before
        made = self.made_by
        found = tuple(
            number
            for number in self.numbers
            if number not in made or before(deed.id, made[number].id) != "yes"
        )
        return found or self.numbers

    def _named(self, step: Step) -> int | None:
        if step.verb == "vary" and step.version is None:
            return self.numbers[-1]
        return step.version

    def signings(self, party: str, number: int) -> list[Deed]:
        """Return the steps by which a party can have signed a version, laid out.

        Of more that name the version, or none, those that can have come first.
        """
        return self._merged(self._signings, party, number)

    @cached_property
    def _signings(self) -> _Deeds:
        found: dict[tuple[str, int | None], list[Deed]] = {}
        for deed in self.deeds:
            if deed.verb in SIGNING:
                for number in self._numbers_of(deed):
                    for party in self.required if deed.done else deed.doers:
                        found.setdefault((party, number), []).append(deed)
        return {key: self._most(deeds, last=False) for key, deeds in found.items()}

    def refusals(self, party: str, number: int) -> list[Deed]:
        """Return the steps by which a party refused a version, whenever that was, laid out.

        Of more that name the version, or none, those that can have come last.
        """
        return self._merged(self._refusals, party, number)

    def refused_more(self, party: str, number: int) -> bool:
        """Tell whether there are more refusals than `refusals` gives."""
        keys = _keys(party, number)
        return any(len(self._refused.get(key, ())) > _MOST_DEEDS for key in keys)

    @cached_property
    def _refusals(self) -> _Deeds:
        return {key: self._most(deeds, last=True) for key, deeds in self._refused.items()}

    @cached_property
    def _refused(self) -> _Deeds:
        found: dict[tuple[str, int | None], list[Deed]] = {}
        for deed in self.of("not_adopted"):
            for party in ("",) if deed.done else deed.doers:  # where nobody is named, everybody
                found.setdefault((party, deed.step.version), []).append(deed)
        return found

    def _merged(self, found: _Deeds, party: str, number: int) -> list[Deed]:
        deeds = [deed for key in _keys(party, number) for deed in found.get(key, ())]
        return sorted(deeds, key=self.place)

    def _most(self, deeds: list[Deed], *, last: bool) -> list[Deed]:
        """Leave out what is more than anybody needs: it would be looked at for each version."""
        if len(deeds) <= _MOST_DEEDS:
            return deeds
        spans = {deed.id: span_of(self.reading, deed.id) for deed in deeds}
        if last:
            by_day = sorted(deeds, key=lambda deed: spans[deed.id][1] or dt.date.max)
            return sorted(by_day[-_MOST_DEEDS:], key=self.place)
        by_day = sorted(deeds, key=lambda deed: spans[deed.id][0] or dt.date.min)
        return sorted(by_day[:_MOST_DEEDS], key=self.place)

    def _numbers_of(self, deed: Deed) -> tuple[int | None, ...]:
        """Return the versions that a step can be of; None for all, where there are many."""
        numbers = self.meant(deed)
        return (None,) if len(numbers) > _MOST_VERSIONS else numbers

    def unsigned(self, party: str, number: int) -> Condition:
        """Return what there is in place of a signature: a refusal, another's word, or nothing."""
        refusals = self.refusals(party, number)
        if refusals:
            words = "did not adopt it"
            return _condition("signature", "no", words, refusals[-1].told, self, party)
        # What names no version is the same word on each that none names.
        said = (party, number if (party, number) in self._told_to_sign else None)
        if said not in self._said:
            self._said[said] = self._hearsay(*said)
        return self._said[said]

    def _hearsay(self, party: str, number: int | None) -> Condition:
        stances = self.reading.stances
        for key in dict.fromkeys(((party, number), (party, None))):
            for told in self._told_to_sign.get(key, ()):
                denied = stances.denial(told.id, (party,))
                if denied is not None and self.telling.party == party:
                    words = "denied having signed"
                    return _condition("signature", "no", words, denied, self, party)
                if self.telling.party is None and told.id not in stances.withdrawn:
                    said = "" if denied is None else ", and denied it"
                    words = f"signed only as {told.author} tells it{said}"
                    return _condition("signature", _OPEN, words, told, self, party)
        words = "signed nothing that is told of"
        return Condition(kind="signature", answer=_OPEN, words=words, party=party)

    @cached_property
    def _told_to_sign(self) -> dict[tuple[str, int | None], list[Told]]:
        """The steps by which each party is told to have signed a version, or none, by whomever.

        One that counts as its own is no hearsay: it is of a version, and was found there.
        """
        own = {deed.id: deed.doers for deed in self.deeds}
        found: dict[tuple[str, int | None], list[Told]] = {}
        for told, step in self.reading.steps.get(self.told.id, ()):
            if step.verb in SIGNING:
                number = self._named(step)
                for party in doers_of(told) - own.get(told.id, frozenset()):
                    found.setdefault((party, number), []).append(told)
        return found

    def place(self, deed: Deed) -> int:
        """Return where a step that counts is laid out."""
        return self._place_of[deed.id]

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {deed.id: place for place, deed in enumerate(self.deeds)}

    def of(self, verb: str) -> list[Deed]:
        """Return the steps of a verb that count."""
        return self._by_verb.get(verb, [])

    def named(self, verb: str, number: int | None) -> list[Deed]:
        """Return the steps of a verb that name a version, or none, laid out."""
        return [self.deeds[place] for place in self._of_version.get((verb, number), ())]

    @cached_property
    def _of_version(self) -> dict[tuple[str, int | None], list[int]]:
        found: dict[tuple[str, int | None], list[int]] = {}
        for place, deed in enumerate(self.deeds):
            found.setdefault((deed.verb, deed.step.version), []).append(place)
        return found

    def last(self, number: int, verbs: Iterable[str]) -> Deed | None:
        """Return the last step of some verbs that can be of a version; None if there is none."""
        keys = ((verb, each) for verb in verbs for each in (None, number))
        found = (self._last[key] for key in keys if key in self._last)
        return max(found, key=self.place, default=None)

    @cached_property
    def _last(self) -> dict[tuple[str, int | None], Deed]:
        found: dict[tuple[str, int | None], Deed] = {}
        for deed in self.deeds:
            if deed.verb in _VERSIONED:
                found |= dict.fromkeys(((deed.verb, n) for n in self._numbers_of(deed)), deed)
        return found

    @cached_property
    def _by_verb(self) -> dict[str, list[Deed]]:
        found: dict[str, list[Deed]] = {}
        for deed in self.deeds:
            found.setdefault(deed.verb, []).append(deed)
        return found

    def date(self, number: int, role: DateRole) -> tuple[Told, When] | None:
        """Return a date of a version: of the step that makes it, or else of the agreement."""
        made = self.made_by.get(number)
        for told in (self.told,) if made is None else (made.told, self.told):
            when = self.reading.narrowed(told, role)
            if when is not None:
                return told, when
        return None


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
            return _condition("signature", "no", words, made.told, self.paper, party)
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
        return _condition("signature", answer, words, deed.told, self.paper, party)

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
            return _condition("signature", _OPEN, words, deed.told, self.paper, party)
        if later is not None and self.paper.refused_more(party, number):
            words = "signed, and did not adopt it so often that whether by then is not established"
            return _condition("signature", _OPEN, words, later.told, self.paper, party)
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
            return [_condition("effective", answer, words, told, self.paper, when=when)]
        if self.paper.event.effective == "date":
            words = "it has effect from a date, which is not told"
            return [_condition("effective", _OPEN, words, self.paper.told, self.paper)]
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
        return _condition("replaced", negated(took), words, told, self.paper)

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
        return _condition("ended", answer, words, term[0], self.paper, when=term[1])

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
            return _condition(kind, "no", f"it was {done}", last.told, self.paper)
        # What some did alone has the effect that its terms give it, which are not read.
        words = f"it was {done} by some, or on a day that is not certain"
        return _condition(kind, _OPEN, words, last.told, self.paper)


def _keys(party: str, number: int) -> tuple[tuple[str, int | None], ...]:
    """Return by what the steps are found by which a party, or everybody, can have moved it."""
    return (party, None), (party, number), ("", None), ("", number)


def _condition(
    kind: ConditionKind,
    answer: Answer,
    words: str,
    told: Told,
    paper: Paper,
    party: str | None = None,
    when: When | None = None,
) -> Condition:
    return Condition(
        kind=kind,
        answer=answer,
        words=words,
        party=party,
        id=told.id,
        index=told.index,
        when=when or paper.reading.when(told.id),
    )
