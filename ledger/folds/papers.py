"""The paper of an agreement: its versions, and the steps of it that count in a telling.

Who is told to have signed or refused which version, laid out by day but not held against one: what
of it was so at a point, and whom it bound, say `bindings`. That nothing is told of a signature is
no refusal.

Source: FOLDS, "Agreements".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, TypeAlias

from ledger.dates import Answer, When
from ledger.folds.acts import doers_of
from ledger.folds.checklist import CHECKED, unrecorded
from ledger.folds.deeds import Deed, claim_of, deeds_of
from ledger.folds.points import MOST, span_of
from ledger.folds.reading import Reading
from ledger.folds.stances import Telling, parties_of
from ledger.sentences import is_impersonal
from ledger.view import Told
from ledger.wording import party_of
from verify.kinds import Agreement, DateRole, Step

__all__ = ["MAKING", "SIGNING", "Condition", "ConditionKind", "Paper"]

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


_VERSIONED = frozenset(("draft", "propose", *SIGNING))
_ANYBODYS = frozenset(("comment", "draft", "propose", "sign"))
_OPEN: Answer = "not established"
_MOST_VERSIONS = 64  # of which it is looked at which of them a step can be of
_MOST_DEEDS = 16  # by which a party signs or refuses one version, or one that is not named
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
            return self.condition("signature", "no", words, refusals[-1].told, party)
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
                    return self.condition("signature", "no", words, denied, party)
                if self.telling.party is None and told.id not in stances.withdrawn:
                    said = "" if denied is None else ", and denied it"
                    words = f"signed only as {told.author} tells it{said}"
                    return self.condition("signature", _OPEN, words, told, party)
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

    def condition(
        self,
        kind: ConditionKind,
        answer: Answer,
        words: str,
        told: Told,
        party: str | None = None,
        when: When | None = None,
    ) -> Condition:
        """Return a condition that rests on an event, with its date if no other is given."""
        return Condition(
            kind=kind,
            answer=answer,
            words=words,
            party=party,
            id=told.id,
            index=told.index,
            when=when or self.reading.when(told.id),
        )

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


def _keys(party: str, number: int) -> tuple[tuple[str, int | None], ...]:
    """Return by what the steps are found by which a party, or everybody, can have moved it."""
    return (party, None), (party, number), ("", None), ("", number)
