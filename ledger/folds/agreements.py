"""Agreements: proposed, drafted, signed by whom, in force, varied, suspended, ended, not adopted.

    named        it is told of, and nothing more
    proposed     by anybody                                   (propose)
    drafted      a version of it                              (draft)
    signed       by some that must                            (sign; vary signs its version)
    all_signed   by all that must
    in_force     computed: signed as its rule asks, and its day has come
    varied       computed: a later version took effect
    suspended    by all that must sign, while it lasts        (suspend)
    ended        by all that must sign, or its term is over   (end)
    not_adopted  by one that must sign; where each signs for itself, by all   (not_adopted)
    claimed      only told by parties that it does not name
    withdrawn    its author took it back

A signature counts with the party's own key only; another's word that P signed is a claim. Whether
one party can end or suspend an agreement alone, its terms say, and they are not read: then it is
not established who is bound. A later version replaces an earlier one once it takes effect. A step
that names no version is of the one that there is; a variation that names none makes the next.

The rule of an agreement is what it says: all must have signed, each is bound by its own signature,
or a date; where it says nothing, that all have signed is enough. A date from which it has effect
counts under every rule. That nothing is told of a signature is no refusal: not established.

Source: FOLDS, "Agreements".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ledger.dates import Answer, When
from ledger.errors import DateError
from ledger.folds.bindings import At, Binding
from ledger.folds.deeds import Deed, is_elsewhere
from ledger.folds.moments import Moment
from ledger.folds.papers import SIGNING, Condition, Paper
from ledger.folds.points import Point, some
from ledger.folds.reading import Reading
from ledger.folds.request_rows import Claim
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.view import Told
from verify.kinds import Agreement

__all__ = [
    "AgreementRow",
    "AgreementSignature",
    "AgreementStage",
    "AgreementState",
    "AgreementVersion",
    "Agreements",
    "Bindings",
    "fold_agreement",
    "fold_agreements",
    "fold_bindings",
]

AgreementState = Literal[
    "all_signed",
    "claimed",
    "drafted",
    "ended",
    "in_force",
    "named",
    "not_adopted",
    "proposed",
    "signed",
    "suspended",
    "varied",
    "withdrawn",
]
Rule = Literal["all_signed", "each_signed", "date"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bindings:
    """By which agreements a party was bound on a day, in one telling.

    Attributes:
        telling: Whose word is taken.
        party: The party.
        on: The day, at its end.
        rows: One for each version of each agreement that names the party or that it signed.
        others: How many agreements are told of that do neither.
    """

    telling: Telling
    party: str
    on: dt.date
    rows: tuple[Binding, ...]
    others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSignature:
    """A party's signature of a version.

    Attributes:
        party: The party.
        required: Whether the agreement names it as one that must sign.
        signed: Whether it had signed by the day asked, and on what that rests.
        bound: Whether it was bound on the day asked.
    """

    party: str
    required: bool
    signed: Condition
    bound: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementVersion:
    """A version of an agreement.

    Attributes:
        version: Its number; 1 where none is told.
        made_by: The id of the step that first tells of it.
        state: Where it stands as at the day asked.
        since: The id of the event that brought it there.
        in_force: Whether anybody was bound by it on the day asked.
        in_force_from: Where all that must sign did: the first and the last day on which it can
            have taken effect.
        against: What else is against its being in force on the day asked, or may be: its date of
            effect, a later version, that it was suspended or ended.
        signatures: Of those that must sign, and of others that did.
    """

    version: int
    made_by: str | None
    state: AgreementState
    since: str
    in_force: Answer
    in_force_from: tuple[dt.date | None, dt.date | None] | None
    against: tuple[Condition, ...]
    signatures: tuple[AgreementSignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementStage:
    """A step of an agreement that counts.

    Attributes:
        verb: What was done.
        id: The step's event id.
        index: Its index.
        when: When; None if nothing dates it.
        parties: Whose act it was; none where it is told as done, and not by whom.
        version: The version that it names.
    """

    verb: str
    id: str
    index: int
    when: When | None
    parties: tuple[str, ...]
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRow:
    """One agreement.

    Attributes:
        id: Its event id.
        index: Its index.
        author: The party that tells it.
        type: What it is.
        signatories: The parties that must sign; None where that is not told.
        rule: From when it binds whom, as it says.
        made: The date that stands for it.
        state: Where it stands as at the day asked: as the latest of its versions that took
            effect, or else the latest.
        since: The id of the event that brought it there.
        in_force: Whether any version was in force on the day asked.
        versions: Its versions, in order.
        course: The steps that count, laid out by date.
        claims: The steps that moved nothing.
        not_recorded: What the list of an agreement on sharing data asks for and nothing records.
    """

    id: str
    index: int
    author: str
    type: str
    signatories: tuple[str, ...] | None
    rule: Rule | None
    made: Moment | None
    state: AgreementState
    since: str
    in_force: Answer
    versions: tuple[AgreementVersion, ...]
    course: tuple[AgreementStage, ...]
    claims: tuple[Claim, ...]
    not_recorded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreements:
    """All agreements in one telling.

    Attributes:
        telling: Whose word is taken.
        rows: The agreements, laid out as in the chronology.
        later: How many are left out, since they are of after the day asked.
        elsewhere: How many are left out, since this party tells nothing of them.
    """

    telling: Telling
    rows: tuple[AgreementRow, ...]
    later: int
    elsewhere: int


def fold_agreements(reading: Reading, *, telling: Telling = ESTABLISHED) -> Agreements:
    """Fold all agreements.

    Args:
        reading: The view, read as at a day.
        telling: Whose word is taken.
    """
    return _fold(reading, _all(reading), telling)


def fold_agreement(reading: Reading, event_id: str) -> Agreements:
    """Fold one agreement as established, and nothing of the others: at most one row.

    Args:
        reading: The view, read as at a day.
        event_id: The id of the agreement.
    """
    return _fold(reading, (reading.view.by_id[event_id],), ESTABLISHED)


def _fold(reading: Reading, agreements: Iterable[Told], telling: Telling) -> Agreements:
    papers, later, elsewhere = _papers(reading, agreements, telling)
    point = Point(reading, reading.as_at)
    return Agreements(
        telling=telling,
        rows=tuple(_row(At(paper, point)) for paper in papers),
        later=later,
        elsewhere=elsewhere,
    )


def fold_bindings(
    reading: Reading, *, party: str, on: dt.date, telling: Telling = ESTABLISHED
) -> Bindings:
    """Say by which versions of which agreements a party was bound at the end of a day.

    Args:
        reading: The view, read as at a day.
        party: The party.
        on: The day; not after the one as at which the view is read.
        telling: Whose word is taken.

    Raises:
        DateError: The day is after the one as at which the view is read.
    """
    if on > reading.as_at:
        as_at = reading.as_at.isoformat()
        raise DateError(on.isoformat(), f"is after {as_at}, the day as at which this is read")
    papers, _, _ = _papers(reading, _all(reading), telling)
    point = Point(reading, on)
    mine = [paper for paper in papers if party in paper.parties]
    return Bindings(
        telling=telling,
        party=party,
        on=on,
        rows=tuple(row for paper in mine for row in At(paper, point).bindings(party)),
        others=len(papers) - len(mine),
    )


def _all(reading: Reading) -> tuple[Told, ...]:
    return reading.laid_out(t for t in reading.view.told if isinstance(t.event, Agreement))


def _papers(
    reading: Reading, agreements: Iterable[Told], telling: Telling
) -> tuple[list[Paper], int, int]:
    papers: list[Paper] = []
    later = elsewhere = 0
    for told in agreements:
        if reading.later(told):
            later += 1
        elif is_elsewhere(reading, told, telling):
            elsewhere += 1
        elif isinstance(told.event, Agreement):
            papers.append(Paper(reading, told, told.event, telling))
    return papers, later, elsewhere


def _row(at: At) -> AgreementRow:
    paper = at.paper
    told, event = paper.told, paper.event
    versions = tuple(_version(at, number) for number in paper.numbers)
    effective = [each for each in versions if each.state in _IN_EFFECT]
    leading = effective[-1] if effective else versions[-1]
    return AgreementRow(
        id=told.id,
        index=told.index,
        author=told.author,
        type=event.type,
        signatories=None if event.signatories is None else tuple(sorted(paper.required)),
        rule=event.effective,
        made=paper.reading.dates.get(told.id),
        state=leading.state,
        since=leading.since,
        in_force=some(each.in_force for each in versions),
        versions=versions,
        course=tuple(
            AgreementStage(
                verb=deed.verb,
                id=deed.id,
                index=deed.told.index,
                when=paper.reading.when(deed.id),
                parties=() if deed.done else tuple(sorted(deed.doers)),
                version=deed.step.version,
            )
            for deed in paper.deeds
        ),
        claims=paper.claims,
        not_recorded=paper.not_recorded,
    )


def _version(at: At, number: int) -> AgreementVersion:
    paper = at.paper
    parties, complete = paper.concerned(number)
    bindings = {party: at.binding(party, number) for party in parties}
    made = paper.made_by.get(number)
    state, since = _state(at, number, tuple(bindings.values()))
    return AgreementVersion(
        version=number,
        made_by=None if made is None else made.id,
        state=state,
        since=since,
        in_force=some((*(each.answer for each in bindings.values()), *_UNSEEN[complete]))
        if parties
        else _OPEN,
        in_force_from=_from(at, number),
        against=tuple(
            dict.fromkeys(
                condition
                for binding in bindings.values()
                for condition in binding.grounds
                if condition.answer != "yes" and condition.party is None
            )
        ),
        signatures=tuple(
            AgreementSignature(
                party=party,
                required=party in paper.required,
                signed=at.signed(party, number),
                bound=binding.answer,
            )
            for party, binding in bindings.items()
        ),
    )


def _state(at: At, number: int, bindings: Sequence[Binding]) -> tuple[AgreementState, str]:
    paper = at.paper
    if paper.standing != "counts":
        return paper.standing, paper.told.id
    in_effect = some(at.took_effect(each.party, number) for each in bindings)
    signing = paper.last(number, SIGNING)
    refusal = _refusal(at, number)
    over = None if in_effect == "no" else _over(at, number, bindings)
    if over is not None:
        return over
    if refusal is not None and in_effect != "yes":
        return "not_adopted", refusal.id
    if in_effect == "yes":
        return "in_force", paper.told.id if signing is None else signing.id
    if signing is not None:
        by_all = all(paper.signings(party, number) for party in paper.required)
        return "all_signed" if by_all and not paper.unnamed else "signed", signing.id
    for verb, state in _EARLY:
        found = paper.last(number, (verb,))
        if found is not None:
            return state, found.id
    return "named", paper.told.id


def _over(at: At, number: int, bindings: Sequence[Binding]) -> tuple[AgreementState, str] | None:
    """Return the state of a version that was ended, replaced for all, or suspended."""
    replaced = [g for each in bindings for g in each.grounds if g.kind == "replaced"]
    grounds: tuple[tuple[AgreementState, Condition | None], ...] = (
        ("ended", at.ended(number)),
        ("varied", replaced[0] if replaced and len(replaced) == len(bindings) else None),
        ("suspended", at.suspended(number)),
    )
    for state, ground in grounds:
        if ground is not None and ground.answer == "no":
            return state, ground.id or at.paper.told.id
    return None


def _refusal(at: At, number: int) -> Deed | None:
    """Return the last refusal, if those that refuse are enough of them."""
    paper = at.paper
    refusing = {
        party: refusals[-1]
        for party in paper.concerned(number)[0]
        if (refusals := paper.refusals(party, number)) and not paper.signings(party, number)
    }
    alone = paper.event.effective != "each_signed"
    enough = refusing and (alone or refusing.keys() >= paper.required)
    return max(refusing.values(), key=paper.place) if enough else None


def _from(at: At, number: int) -> tuple[dt.date | None, dt.date | None] | None:
    paper = at.paper
    signings = [paper.signings(party, number) for party in sorted(paper.required)]
    if paper.unnamed or not all(signings) or paper.event.effective == "each_signed":
        return None
    bounds = [paper.reading.order.bounds(found[0].id) for found in signings]
    effective = paper.date(number, "effective")
    if effective is not None:
        bounds.append((effective[1].begin_earliest, effective[1].begin_latest))
    elif paper.event.effective == "date":
        bounds.append((None, None))
    los = [lo for lo, _ in bounds if lo is not None]
    his = [hi for _, hi in bounds if hi is not None]
    return max(los, default=None), max(his) if len(his) == len(bounds) else None


_EARLY: tuple[tuple[str, AgreementState], ...] = (("draft", "drafted"), ("propose", "proposed"))
_OPEN: Answer = "not established"
_UNSEEN: dict[bool, tuple[Answer, ...]] = {True: (), False: (_OPEN,)}  # whether all are looked at
_IN_EFFECT = frozenset(("in_force", "suspended", "ended"))
