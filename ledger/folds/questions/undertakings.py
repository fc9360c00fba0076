"""Questions about what was undertaken together: forums, agreements, data that was passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ledger.date_words import format_day, format_when
from ledger.folds.agreements import AgreementRow, AgreementVersion, fold_agreements
from ledger.folds.arrangements import ArrangementRow, Seat, fold_arrangements
from ledger.folds.questions.asked import Answer, Asked
from ledger.folds.ranges import format_items
from ledger.folds.transfers import TransferRow, fold_transfers
from ledger.sentences import other_words
from ledger.wording import actor_words, actors_words, party_of, say

__all__ = ["bound", "chair", "member", "passed", "proposed"]

_ANSWERS = ("yes", "no", "not established")


def member(asked: Asked) -> Iterator[Answer]:
    """Who was a member of what, and from when."""
    for row in fold_arrangements(asked.reading, telling=asked.telling).rows:
        if row.members and row.state not in {"claimed", "withdrawn"}:
            yield _seats(asked, row, row.members, "members")


def chair(asked: Asked) -> Iterator[Answer]:
    """Who chaired."""
    for row in fold_arrangements(asked.reading, telling=asked.telling).rows:
        if row.chairs and row.state not in {"claimed", "withdrawn"}:
            yield _seats(asked, row, row.chairs, "chair")


def proposed(asked: Asked) -> Iterator[Answer]:
    """Who proposed which agreement, and what became of it."""
    for row in fold_agreements(asked.reading, telling=asked.telling).rows:
        stages = [stage for stage in row.course if stage.verb == "propose"]
        if stages:
            words = f"{_capital(asked.named(row.id))}: proposed"
            for stage in stages:
                when = "undated" if stage.when is None else format_when(stage.when)
                words += f" by {actors_words(stage.parties)}, {when} (entry {stage.index})"
            words += "" if row.state == "proposed" else f"; {_state(row.state)}"
            later = [] if row.state == "proposed" else [row.since]
            ids = [row.id, *(stage.id for stage in stages), *later]
            parties = [party for stage in stages for party in stage.parties]
            yield asked.answer(f"{words}.", ids, parties=parties, why=_unanswered(row))


def bound(asked: Asked) -> Iterator[Answer]:
    """Who was bound by which agreement, as at the day asked."""
    for row in fold_agreements(asked.reading, telling=asked.telling).rows:
        for version in row.versions:
            if version.signatures:
                yield _bound(asked, row, version)


def passed(asked: Asked) -> Iterator[Answer]:
    """Which data was passed, from whom to whom, and which items it answered."""
    for row in fold_transfers(asked.reading, telling=asked.telling).rows:
        if row.standing == "counts":
            yield _passed(asked, row)


def _seats(asked: Asked, row: ArrangementRow, seats: Iterable[Seat], role: str) -> Answer:
    seats = tuple(seats)
    words = f"{_capital(asked.named(row.id))}, as at {format_day(asked.reading.as_at)}: {role}: "
    parts = []
    for answer in _ANSWERS:
        names = [seat.actor for seat in seats if seat.answer == answer]
        if names:
            lead = {"yes": "", "no": "no more ", "not established": "not established of "}[answer]
            parts.append(f"{lead}{actors_words(names)}")
    began = [stage for stage in row.course if stage.verb == "establish"]
    words += "; ".join(parts)
    if began and role == "members":
        when = "undated" if began[0].when is None else format_when(began[0].when)
        words += f"; set up {when} (entry {began[0].index})"
    unsigned = sorted({party_of(seat.actor) for seat in seats if not seat.signed})
    why = [f"by a signature of its own: {actors_words(unsigned)}"] if unsigned else []
    why += [] if all(seat.when for seat in seats) else ["from when: not all that is told is dated"]
    ids = [row.id, *(stage.id for stage in began), *(seat.id for seat in seats)]
    return asked.answer(f"{words}.", ids, parties=[party_of(seat.actor) for seat in seats], why=why)


def _bound(asked: Asked, row: AgreementRow, version: AgreementVersion) -> Answer:
    words = f"{_capital(asked.named(row.id))}, version {version.version}, as at "
    words += f"{format_day(asked.reading.as_at)}: "
    parts, why = [], []
    for answer in _ANSWERS:
        names = [each.party for each in version.signatures if each.bound == answer]
        if names and answer == "not established":
            why.append(f"whether {actors_words(names)} {_was(names)} bound")
        elif names:
            lead = "bound" if answer == "yes" else "not bound"
            parts.append(f"{lead}: {actors_words(names)}")
    words += "; ".join(parts) or "nobody is established to be bound"
    grounds = [each.signed.id for each in version.signatures if each.signed.id is not None]
    why += [
        f"that {each.party} signed: {each.signed.words}"
        for each in version.signatures
        if each.bound == "not established" and each.signed.answer != "yes"
    ]
    parties = [each.party for each in version.signatures]
    return asked.answer(f"{words}.", [row.id, *grounds], parties=parties, why=why)


def _passed(asked: Asked, row: TransferRow) -> Answer:
    words = f"Entry {row.index}, {asked.when_words(row.id)}: data from "
    words += f"{actor_words(row.sender)} to {actors_words(row.recipients)}"
    ids, why = [row.id], []
    for part, lead in ((row.via, "via"), (row.under, "under")):
        if part is not None and part in asked.by_id:
            words += f", {lead} {other_words(part, asked.by_id)}"
            ids.append(part)
    words += "" if row.geography is None else f", by {row.geography}"
    for one in row.discharges:
        if one.index is not None:
            which = "" if one.items is None else f", {format_items(one.items)}"
            words += f"; for {other_words(one.request, asked.by_id)}{which}"
            ids.append(one.request)
    if not row.discharges:
        why.append("which item of which request it answers: none is named")
    if "unknown" in {row.sender, *row.recipients}:
        why.append("from whom and to whom: not all are named")
    if row.receipts:
        words += f"; received, as {actors_words(each.party for each in row.receipts)} signed"
        ids += [each.id for each in row.receipts]
    else:
        why.append("whether it was received: nobody has signed that")
    unbound = [each.party for each in row.bound if each.answer == "not established"]
    if unbound:
        why.append(f"whether {actors_words(unbound)} {_was(unbound)} bound by that agreement then")
    parties = [party_of(each) for each in (row.sender, *row.recipients)]
    return asked.answer(f"{words}.", ids, parties=parties, why=why)


def _unanswered(row: AgreementRow) -> Iterator[str]:
    if row.state == "proposed":
        yield "whether it was accepted: nothing further is told of it"


def _state(state: str) -> str:
    return {"not_adopted": "not adopted"}.get(state) or say(state)


def _was(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
