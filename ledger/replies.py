"""What a reader is answered, as plain values: the same on the command line and over HTTP.

Each takes what was read and folded, so that whoever also wants words folds once, and says of which
size of which ledger it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from ledger.folds.agreements import Agreements, Bindings
from ledger.folds.arrangements import Arrangements
from ledger.folds.changes import Changes
from ledger.folds.commitments import Commitments
from ledger.folds.contradictions import Contradictions
from ledger.folds.knew import KnewBefore, KnewOnDay
from ledger.folds.knowledge import KnowledgeFold
from ledger.folds.matrix import Matrix
from ledger.folds.moments import Moment
from ledger.folds.positions import Positions
from ledger.folds.questions import QUESTIONS, Answer
from ledger.folds.queue import Queue
from ledger.folds.request_rows import Requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.timeline import Timeline, TimelineRow
from ledger.folds.transfers import Transfers
from ledger.plain import Plain, to_json, view_json
from ledger.sentences import sentence
from ledger.view import Told, View
from verify.codec import encode
from verify.state import PartyKey, State

__all__ = [
    "PartyRow",
    "agreements_json",
    "arrangements_json",
    "ask_json",
    "bindings_json",
    "changes_json",
    "chronology_json",
    "contradictions_json",
    "event_json",
    "event_row",
    "events_json",
    "knew_before_json",
    "knew_on_json",
    "knowledge_json",
    "matrix_json",
    "parties_json",
    "positions_json",
    "promises_json",
    "queue_json",
    "requests_json",
    "tellings",
    "transfers_json",
]

Reply = dict[str, object]
Standing = Literal["member", "observer", "left", "named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRow:
    """A party and its keys.

    Attributes:
        party: The party.
        standing: `member`; `observer`, which has an active key and has not joined; `left`; or
            `named`, by the charter or a key that is not active.
        keys: All keys that it ever had, in the order in which they came.
    """

    party: str
    standing: Standing
    keys: tuple[PartyKey, ...]


def tellings(view: View) -> list[Telling]:
    """Return what is established, and then the account of each party that tells anything."""
    return [ESTABLISHED, *(Telling(party) for party in view.authors)]


def event_row(
    told: Told, by_id: Mapping[str, Told], *, moment: Moment | None = None
) -> dict[str, Plain]:
    """Tell of an event in a line.

    Args:
        told: The event.
        by_id: The events that it may refer to.
        moment: The date that stands for it, if it shall be told.
    """
    row: dict[str, Plain] = {
        "author": told.author,
        "id": told.id,
        "index": told.index,
        "kind": told.kind,
        "recorded": told.recorded,
        "what": sentence(told, by_id),
    }
    return row if moment is None else {**row, "date": to_json(moment)}


def events_json(
    view: View, told: Iterable[Told], *, moments: Mapping[str, Moment] | None = None
) -> Reply:
    """Tell of events, a line each."""
    dates = moments or {}
    return {
        "events": [event_row(t, view.by_id, moment=dates.get(t.id)) for t in told],
        "ledger": view_json(view),
    }


def event_json(view: View, told: Told, row: TimelineRow | None) -> Reply:
    """Tell all that is known of one event.

    Args:
        view: The view that it is of.
        told: The event.
        row: Its row of the chronology, if it has one.
    """
    values: Reply = {
        "author": told.author,
        "claims": {
            name: value if isinstance(value, str) else msgspec.to_builtins(value)
            for name, value in told.claims.items()
        },
        "erased": list(told.erased),
        "event": msgspec.json.decode(encode(told.event)),
        "id": told.id,
        "index": told.index,
        "key": told.key,
        "key_origin": told.key_origin,
        "ledger": view_json(view),
        "recorded": told.recorded,
        "seen_size": told.seen_size,
        "unopened": list(told.unopened),
    }
    return values if row is None else {**values, "chronology": to_json(row)}


def chronology_json(view: View, fold: Timeline) -> Reply:
    """Tell the chronology."""
    return {"chronology": to_json(fold), "ledger": view_json(view)}


def requests_json(view: View, folds: Sequence[Requests]) -> Reply:
    """Tell of requests, in each telling."""
    return {"ledger": view_json(view), "requests": [to_json(fold) for fold in folds]}


def matrix_json(view: View, matrices: Sequence[Matrix]) -> Reply:
    """Tell of the items of one request, category by category and area by area, in each telling."""
    return {"ledger": view_json(view), "matrix": [to_json(matrix) for matrix in matrices]}


def promises_json(view: View, folds: Sequence[Commitments]) -> Reply:
    """Tell of promises, in each telling."""
    return {"ledger": view_json(view), "promises": [to_json(fold) for fold in folds]}


def agreements_json(view: View, folds: Sequence[Agreements]) -> Reply:
    """Tell of agreements, in each telling."""
    return {"agreements": [to_json(fold) for fold in folds], "ledger": view_json(view)}


def bindings_json(view: View, folds: Sequence[Bindings]) -> Reply:
    """Tell by which agreements a party was bound on a day, in each telling."""
    return {"bound": [to_json(fold) for fold in folds], "ledger": view_json(view)}


def arrangements_json(view: View, folds: Sequence[Arrangements]) -> Reply:
    """Tell of arrangements, in each telling."""
    return {"arrangements": [to_json(fold) for fold in folds], "ledger": view_json(view)}


def transfers_json(view: View, folds: Sequence[Transfers]) -> Reply:
    """Tell of transfers of data, in each telling."""
    return {"ledger": view_json(view), "transfers": [to_json(fold) for fold in folds]}


def queue_json(view: View, queue: Queue) -> Reply:
    """Tell what awaits a party."""
    return {"ledger": view_json(view), "queue": to_json(queue)}


def positions_json(view: View, positions: Positions) -> Reply:
    """Tell how the parties stand to events, field by field."""
    return {"ledger": view_json(view), "positions": to_json(positions)}


def knowledge_json(view: View, fold: KnowledgeFold) -> Reply:
    """Tell who knew what."""
    return {"knowledge": to_json(fold), "ledger": view_json(view)}


def knew_on_json(view: View, fold: KnewOnDay) -> Reply:
    """Tell who knew what on a day."""
    return {"knew_on": to_json(fold), "ledger": view_json(view)}


def knew_before_json(view: View, answers: Sequence[KnewBefore]) -> Reply:
    """Tell whether somebody knew of one event when another was done, in each telling."""
    return {"knew_before": [to_json(each) for each in answers], "ledger": view_json(view)}


def contradictions_json(view: View, fold: Contradictions) -> Reply:
    """Tell what does not fit, what is missing and what may be counted twice."""
    return {"contradictions": to_json(fold), "ledger": view_json(view)}


def ask_json(view: View, answers: Sequence[Answer]) -> Reply:
    """Tell the answers to what every dispute asks, and which questions those are."""
    asked = dict.fromkeys(answer.question for answer in answers)
    return {
        "answers": [to_json(answer) for answer in answers],
        "ledger": view_json(view),
        "questions": {name: QUESTIONS[name].words for name in asked},
    }


def changes_json(view: View, changes: Changes) -> Reply:
    """Tell what changed between two standpoints; the ledger is that of the later."""
    return {"changes": to_json(changes), "ledger": view_json(view)}


def parties_json(view: View) -> Reply:
    """Tell who the parties are, and with which keys they sign."""
    state = view.state
    keys: dict[str, list[PartyKey]] = {}
    for key in state.keys.values():
        keys.setdefault(key.party, []).append(key)
    parties = [
        PartyRow(party=name, standing=_standing(state, name), keys=tuple(keys.get(name, ())))
        for name in sorted({*state.members, *state.charter.members, *keys})
    ]
    return {
        "controller": state.charter.controller,
        "ledger": view_json(view),
        "parties": [to_json(party) for party in parties],
        "registrars": list(state.charter.registrars),
    }


def _standing(state: State, party: str) -> Standing:
    if party in state.members:
        return "member"
    if any(key.status == "active" for key in state.held_by(party)):
        return "observer"
    return "left" if party in state.left else "named"
