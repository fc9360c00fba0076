"""Transfers: what data was passed, to whom, under which agreement, and who acknowledges receipt.

In what is established a transfer counts when a party that it names signed it, or signed that it
received it. Receipts are signatures, and the same in every telling. Whether a party was bound by
the agreement that is named is asked for the moment of the transfer, of those that it names; where
it names somebody unknown, of all that the agreement names as well.

Source: FOLDS, "Transfers".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ledger.dates import Answer, When
from ledger.folds.arrangements import Facility
from ledger.folds.bindings import At, Binding
from ledger.folds.moments import Moment, date_of
from ledger.folds.papers import Paper
from ledger.folds.points import Point, some
from ledger.folds.positions import named_parties
from ledger.folds.reading import Reading
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.folds.versions import Versions
from ledger.view import Told
from ledger.wording import party_of
from verify.claims import File
from verify.kinds import Agreement, Transfer

__all__ = [
    "Dataset",
    "Delivered",
    "PartyBinding",
    "Received",
    "TransferRow",
    "Transfers",
    "fold_transfers",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A file that was passed.

    Attributes:
        name: Its name.
        sha256: Its SHA-256, in hex.
    """

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The items of a request that a transfer is told to be for.

    Attributes:
        request: The request's id.
        index: Its index; None if it is not here.
        items: The items; None for all.
    """

    request: str
    index: int | None
    items: tuple[tuple[int, int], ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """That a recipient signed that it received it.

    Attributes:
        party: The recipient.
        id: The event id of its response.
        index: Its index.
        when: When it received it, if it says so.
    """

    party: str
    id: str
    index: int
    when: When | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyBinding:
    """Whether a party was bound by the agreement named, at the moment of the transfer.

    Attributes:
        party: The party.
        role: What it did: `from` or `to`; `signatory` where who passed or got it is not told.
        answer: Whether it was bound by any version.
        bindings: For each version that is told, whether, and on what ground: of many those that
            can have bound it, and then the latest.
        others: How many further versions there are.
        complete: Whether all that can have bound it are told; else it is not established that
            none of the others did.
    """

    party: str
    role: Literal["from", "to", "signatory"]
    answer: Answer
    bindings: tuple[Binding, ...]
    others: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRow:
    """One transfer.

    Attributes:
        id: Its event id.
        index: Its index.
        author: The party that tells it.
        standing: Whether it counts in this telling, is only claimed, or is withdrawn by its author.
        sender: Who passed it.
        recipients: To whom.
        made: The date that stands for it.
        datasets: The files that are open here.
        geography: By which areas.
        period: The period that the data is of.
        rows: How many rows it has.
        personal_data: Whether it holds personal data: yes, no, unknown; None where not told.
        discharges: The items of requests that it is told to be for.
        via: The id of the facility that is named.
        via_index: Its index; None if it is not here.
        via_set_up: Whether that facility was set up by then, and not closed.
        under: The id of the agreement that is named.
        under_index: Its index; None if it is not here.
        bound: Of each party, whether it was bound by that agreement.
        not_recorded: What that agreement does not record of the list of an agreement on sharing
            data.
        receipts: Who signed that it received it, as far as that was by the day asked.
        unacknowledged: The recipients that did not.
    """

    id: str
    index: int
    author: str
    standing: Literal["counts", "claimed", "withdrawn"]
    sender: str
    recipients: tuple[str, ...]
    made: Moment | None
    datasets: tuple[Dataset, ...]
    geography: str | None
    period: When | None
    rows: int | None
    personal_data: str | None
    discharges: tuple[Delivered, ...]
    via: str | None
    via_index: int | None
    via_set_up: Answer | None
    under: str | None
    under_index: int | None
    bound: tuple[PartyBinding, ...]
    not_recorded: tuple[str, ...]
    receipts: tuple[Received, ...]
    unacknowledged: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfers:
    """All transfers in one telling.

    Attributes:
        telling: Whose word is taken.
        rows: The transfers, laid out as in the chronology.
        later: How many are left out, since they are of after the day asked.
        elsewhere: How many are left out, since this party tells nothing of them.
    """

    telling: Telling
    rows: tuple[TransferRow, ...]
    later: int
    elsewhere: int


def fold_transfers(reading: Reading, *, telling: Telling = ESTABLISHED) -> Transfers:
    """Fold all transfers.

    Args:
        reading: The view, read as at a day.
        telling: Whose word is taken.
    """
    rows: list[TransferRow] = []
    papers: dict[str, Versions] = {}
    facilities: dict[str, Facility] = {}
    later = elsewhere = 0
    for told in reading.laid_out(t for t in reading.view.told if isinstance(t.event, Transfer)):
        if reading.later(told):
            later += 1
        elif telling.party is not None and telling.party not in _behind(reading, told):
            elsewhere += 1
        elif isinstance(told.event, Transfer):
            under = reading.view.by_id.get(told.event.under or "")
            paper = papers.get(told.event.under or "")
            if paper is None and under is not None and isinstance(under.event, Agreement):
                paper = Versions(Paper(reading, under, under.event, telling))
                papers[under.id] = paper
            via = reading.view.by_id.get(told.event.via or "")
            if via is not None and via.id not in facilities:
                facilities[via.id] = Facility(reading, via, telling)
            facility = None if via is None else facilities[via.id]
            rows.append(_row(reading, told, told.event, telling, paper, facility))
    return Transfers(telling=telling, rows=tuple(rows), later=later, elsewhere=elsewhere)


def _behind(reading: Reading, told: Told) -> frozenset[str]:
    """Return the parties that signed a transfer or its receipt, of whatever day that is."""
    stood = reading.stances.on.get(told.id, ())
    received = {each.author for each, position in stood if position.stance == "received"}
    return reading.stances.signers(told) | received


def _row(
    reading: Reading,
    told: Told,
    event: Transfer,
    telling: Telling,
    versions: Versions | None,
    facility: Facility | None,
) -> TransferRow:
    by_id = reading.view.by_id
    receipts = tuple(
        Received(party=each.author, id=each.id, index=each.index, when=when)
        for each, when in reading.receipts(told.id)
    )
    behind = _behind(reading, told)
    counts = telling.party is not None or not behind.isdisjoint(named_parties(event))
    via, under = by_id.get(event.via or ""), by_id.get(event.under or "")
    to = parties_of(event.to)
    files = (value for _, value in sorted(told.claims.items()) if isinstance(value, File))
    return TransferRow(
        id=told.id,
        index=told.index,
        author=told.author,
        standing="counts" if counts else "claimed" if behind else "withdrawn",
        sender=event.from_,
        recipients=event.to,
        made=reading.dates.get(told.id),
        datasets=tuple(Dataset(name=file.name, sha256=file.sha256) for file in files),
        geography=event.geography,
        period=date_of(told, "period"),
        rows=event.rows,
        personal_data=event.personal_data,
        discharges=tuple(
            Delivered(
                request=each.request,
                index=by_id[each.request].index if each.request in by_id else None,
                items=each.items,
            )
            for each in event.discharges or ()
        ),
        via=event.via,
        via_index=None if via is None else via.index,
        via_set_up=None if facility is None else facility.set_up_at(told.id),
        under=event.under,
        under_index=None if under is None else under.index,
        bound=() if versions is None else _bound(told, event, versions),
        not_recorded=() if versions is None else versions.paper.not_recorded,
        receipts=receipts,
        unacknowledged=tuple(sorted(to - {each.party for each in receipts})),
    )


def _bound(told: Told, event: Transfer, versions: Versions) -> tuple[PartyBinding, ...]:
    paper = versions.paper
    roles: dict[str, Literal["from", "to", "signatory"]] = {}
    roles |= dict.fromkeys(sorted(parties_of(event.to)), "to")
    roles |= dict.fromkeys(parties_of(event.from_), "from")
    if any(party_of(actor) == "unknown" for actor in (event.from_, *event.to)):
        for party in sorted(paper.required):
            roles.setdefault(party, "signatory")
    at = At(paper, Point(paper.reading, event=told.id))
    found: list[PartyBinding] = []
    for party, role in sorted(roles.items(), key=lambda each: (_ROLES.index(each[1]), each[0])):
        chosen = versions.of(party, at.point)
        bindings = at.bindings(party, numbers=chosen.told, replacing=chosen.replacing)
        answers = {each.answer for each in bindings}
        answer = some(answers if chosen.complete else answers | {"not established"})
        found.append(
            PartyBinding(
                party=party,
                role=role,
                answer=answer,
                bindings=bindings,
                others=len(paper.numbers) - len(bindings),
                complete=chosen.complete,
            )
        )
    return tuple(found)


_ROLES = ("from", "to", "signatory")
