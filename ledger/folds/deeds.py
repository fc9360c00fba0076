"""The steps of agreements and arrangements: whose act each is, and which are only claimed.

In what is established a step is the act of those doers who signed it; one that tells only that
something was done is the word of those who signed it. As a party tells it, a step is the act of
all whom it names, and what was done without a name was done.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.folds.acts import doers_of
from ledger.folds.reading import Reading
from ledger.folds.request_rows import Claim
from ledger.folds.stances import Telling
from ledger.sentences import is_impersonal
from ledger.view import Told
from verify.kinds import Step

__all__ = ["Deed", "claim_of", "deeds_of", "is_elsewhere"]

_NOT_SIGNED = "nobody whose act it would be has signed it"
_NOBODY = "who did it is not told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A step that counts in a telling.

    Attributes:
        told: Its event.
        step: What it says.
        doers: The parties whose act it counts as.
        done: Whether it is told as done, and not by whom.
    """

    told: Told
    step: Step
    doers: frozenset[str]
    done: bool

    @property
    def id(self) -> str:
        """Its event id."""
        return self.told.id

    @property
    def verb(self) -> str:
        """What was done."""
        return self.step.verb


def deeds_of(
    reading: Reading, target: Told, telling: Telling
) -> tuple[tuple[Deed, ...], tuple[Claim, ...]]:
    """Return the steps of a target that count in a telling, laid out, and those only claimed.

    Whether an act was its doers' to do, the target decides.

    Args:
        reading: The view, read as at a day.
        target: The agreement or arrangement.
        telling: Whose word is taken.
    """
    deeds: list[Deed] = []
    claims: list[Claim] = []
    for told, step in reading.steps.get(target.id, ()):
        signers = reading.stances.signers(told)
        if not signers or (telling.party is not None and telling.party not in signers):
            continue
        impersonal = is_impersonal(step)
        said = frozenset[str]() if impersonal else doers_of(told)
        done = impersonal and telling.party is not None
        doers = said
        if telling.party is None:
            doers = signers if impersonal else said & signers
        deed = Deed(told=told, step=step, doers=doers, done=done)
        if doers or done:
            deeds.append(deed)
        else:
            why = _NOT_SIGNED if said else _NOBODY
            claims.append(claim_of(deed, why))
    return tuple(deeds), tuple(claims)


def claim_of(deed: Deed, why: str) -> Claim:
    """Return a step as one that is told and moves nothing."""
    named = frozenset[str]() if is_impersonal(deed.step) else doers_of(deed.told)
    return Claim(
        id=deed.id,
        index=deed.told.index,
        verb=deed.verb,
        doers=tuple(sorted(named)),
        told_by=deed.told.author,
        why=why,
    )


def is_elsewhere(reading: Reading, target: Told, telling: Telling) -> bool:
    """Tell whether a party tells neither a target nor a step of it, nor denies one."""
    if telling.party is None:
        return False
    steps = (step for step, _ in reading.steps.get(target.id, ()))
    return not any(
        telling.party in reading.stances.signers(each)
        or reading.stances.denial(each.id, (telling.party,)) is not None
        for each in (target, *steps)
    )
