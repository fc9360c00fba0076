"""The state machine of one item of a request: every rule about its states stands in this file.

    from                                 step                        by         to
    -                                    request                     maker      asked, asked_orally
    asked, clarified, answered_in_part   seek_clarification          recipient  clarification_sought
    these, clarification_sought          clarify, narrow, extend     maker      clarified
    open                                 defer                       maker (or recipient, if the
                                                                     maker agrees)   deferred
    deferred                             resume, condition met       either     what it was before
    open                                 answer                      recipient  answered_in_part,
                                                                     answered, not_held,
                                                                     already_public
    open                                 refuse                      recipient  refused
    open                                 transfer, maker agrees      recipient  transferred
    any                                  withdraw                    maker      withdrawn
    answered and its like, refused       review                      maker      under_review
    terminal                             position: dispute           maker      contested
    open                                 acknowledge                 recipient  acknowledged
    open                                 defer, maker silent         recipient  deferral_claimed

The last three are flags, and so is an answer in part while a question is open: the maker must
still act. `chase` and `escalate` move nothing. While an item is deferred, a question or its answer
moves what stands behind the deferral. An item passed on stays open, with its new recipient.

Two things are wider than the table of the domain: after an answer in part the recipient may still
ask what the rest means, and the maker may say unasked what it wants. Dates are none of this
module's business: its user says in which order the moves come, and when a deferral is over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final, Literal

__all__ = [
    "ANSWERS",
    "OPEN",
    "TERMINAL",
    "End",
    "Item",
    "ItemState",
    "Move",
    "ball_of",
    "move",
    "resumed",
]

ItemState = Literal[
    "asked",
    "asked_orally",
    "clarification_sought",
    "clarified",
    "deferred",
    "answered_in_part",
    "answered",
    "not_held",
    "already_public",
    "refused",
    "transferred",
    "withdrawn",
    "under_review",
]

OPEN: Final[frozenset[ItemState]] = frozenset(
    (
        *("asked", "asked_orally", "clarification_sought", "clarified", "deferred"),
        *("answered_in_part", "transferred", "under_review"),
    )
)
TERMINAL: Final[frozenset[ItemState]] = frozenset(
    ("answered", "not_held", "already_public", "refused", "withdrawn")
)
ANSWERS: Final[dict[str, ItemState]] = {
    "part": "answered_in_part",
    "full": "answered",
    "not_held": "not_held",
    "already_public": "already_public",
}

_QUESTIONABLE: Final[frozenset[ItemState]] = frozenset(
    ("asked", "asked_orally", "clarified", "answered_in_part", "transferred")
)
_REVIEWABLE: Final = (TERMINAL - {"withdrawn"}) | {"answered_in_part"}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An outcome of an item, and what its deadline depended on when it came.

    Attributes:
        id: The id of the step that brought it.
        review: The id of the review that it ended; None for the outcome of the request.
        passed_on: The id of the step that had passed the item on.
        questions: The questions put until then, as in `Item`.
        put_off: Whether the item had been deferred since it was asked, or since the review.
    """

    id: str
    review: str | None
    passed_on: str | None
    questions: tuple[tuple[str, str | None], ...]
    put_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of a request, or a run of items that fared alike.

    Attributes:
        state: Where it stands.
        since: The id of the event that brought it there.
        recipients: The parties that must answer: they change when it is passed on.
        passed_on: The id of the step that passed it on to them last.
        behind: While deferred: the state and the event to which it will return.
        resumed_after: The id of the deferral that is over, if nothing moved it since.
        resumed_by: The id of the step that ended it; None where what it waited for had come.
        acknowledged: The id of the acknowledgement, if there is one.
        passed: The ids of the first transfers of data that are told to be for it.
        passed_more: How many there are beside.
        part: The id of an answer in part, if there is one.
        contested: Whether its maker disputes the outcome.
        deferral_claimed: The id of a deferral by the recipient alone.
        questions: Questions put (event id) and what answered each (event id, or None), since the
            last review if there was one.
        review: The id of the last review.
        put_off: Whether it was deferred since it was asked, or since the last review.
        ends: Its outcomes, the first first. There is a review between two.
    """

    state: ItemState
    since: str
    recipients: frozenset[str]
    passed_on: str | None = None
    behind: tuple[ItemState, str] | None = None
    resumed_after: str | None = None
    resumed_by: str | None = None
    acknowledged: str | None = None
    part: str | None = None
    passed: tuple[str, ...] = ()
    passed_more: int = 0
    contested: bool = False
    deferral_claimed: str | None = None
    questions: tuple[tuple[str, str | None], ...] = ()
    review: str | None = None
    put_off: bool = False
    ends: tuple[End, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A step, resolved: who did it and who agreed.

    Attributes:
        id: The step's event id.
        verb: What was done.
        outcome: Of an answer.
        doers: The parties whose act it is.
        told_by: The party that tells it.
        consent: The parties that signed their agreement to it.
        to: To whom a request is passed on.
    """

    id: str
    verb: str
    outcome: str | None
    doers: frozenset[str]
    told_by: str
    consent: frozenset[str]
    to: frozenset[str] = frozenset()


def move(item: Item, step: Move, *, makers: frozenset[str]) -> Item:
    """Return the item after a step; the same item if the step does not move it.

    Args:
        item: The item before, with a deferral that is over already resumed.
        step: The step.
        makers: The parties that made the request.
    """
    by_maker = not step.doers.isdisjoint(makers)
    by_recipient = not step.doers.isdisjoint(item.recipients)
    agreed = not step.consent.isdisjoint(makers)
    match step.verb:
        case "acknowledge" if by_recipient and item.state in OPEN:
            return replace(item, acknowledged=item.acknowledged or step.id)
        case "seek_clarification" if by_recipient:
            return _ask(item, step)
        case "clarify" | "narrow" | "extend" if by_maker:
            return _clarify(item, step)
        case "defer" if item.state in OPEN:
            return _defer(item, step, settled=by_maker or (by_recipient and agreed))
        case "resume" if item.behind is not None and (by_maker or by_recipient):
            return replace(resumed(item), resumed_by=step.id)
        case "answer" if by_recipient and item.state in OPEN:
            return _answer(item, step)
        case "refuse" if by_recipient and item.state in OPEN:
            return _ended(item, "refused", step)
        case "transfer" if by_recipient and agreed and step.to and item.state in OPEN:
            return replace(_moved(item, "transferred", step), recipients=step.to, passed_on=step.id)
        case "withdraw" if by_maker:
            return _moved(item, "withdrawn", step)
        case "review" if by_maker and item.state in _REVIEWABLE:
            reviewed = _moved(item, "under_review", step)
            return replace(reviewed, review=step.id, questions=(), put_off=False)
        case _:
            return item


def resumed(item: Item) -> Item:
    """Return a deferred item to where it was; any other as it is."""
    if item.behind is None:
        return item
    state, since = item.behind
    return replace(
        item, state=state, since=since, behind=None, resumed_after=item.since, resumed_by=None
    )


def ball_of(item: Item, *, makers: frozenset[str]) -> frozenset[str]:
    """Return the parties that must act next; none where nobody must."""
    if item.state in {"clarification_sought", "refused"}:
        return makers
    if item.state == "deferred" or item.state in TERMINAL:
        return frozenset()
    return item.recipients


def _moved(item: Item, state: ItemState, step: Move) -> Item:
    return replace(
        item, state=state, since=step.id, behind=None, resumed_after=None, resumed_by=None,
        contested=False,
    )  # fmt: skip


def _ended(item: Item, state: ItemState, step: Move) -> Item:
    end = End(
        id=step.id,
        review=item.review,
        passed_on=item.passed_on,
        questions=item.questions,
        put_off=item.put_off,
    )
    return replace(_moved(item, state, step), ends=(*item.ends, end))


def _answer(item: Item, step: Move) -> Item:
    state = ANSWERS[step.outcome or ""]
    if state != "answered_in_part":
        return _ended(item, state, step)
    answered = replace(item, part=step.id)
    # What is answered in part still waits for what it waited for.
    if item.state == "clarification_sought":
        return answered
    if item.behind is None:
        return _moved(answered, state, step)
    asked = item.behind[0] == "clarification_sought"
    return answered if asked else replace(answered, behind=(state, step.id))


def _ask(item: Item, step: Move) -> Item:
    if item.behind is not None:
        state, _ = item.behind
        if state not in _QUESTIONABLE:
            return item
        return replace(item, behind=("clarification_sought", step.id), questions=_asked(item, step))
    if item.state not in _QUESTIONABLE:
        return item
    return replace(_moved(item, "clarification_sought", step), questions=_asked(item, step))


def _asked(item: Item, step: Move) -> tuple[tuple[str, str | None], ...]:
    return (*item.questions, (step.id, None))


def _clarify(item: Item, step: Move) -> Item:
    state = item.state if item.behind is None else item.behind[0]
    if state != "clarification_sought" and state not in _QUESTIONABLE:
        return item
    # Whatever was asked before the last answer has one.
    is_open = (answer is None for _, answer in reversed(item.questions))
    first = len(item.questions) - sum(takewhile(bool, is_open))
    last = ((put, step.id) for put, _ in item.questions[first:])
    answered = (*item.questions[:first], *last)
    if item.behind is not None:
        return replace(item, behind=("clarified", step.id), questions=answered)
    return replace(_moved(item, "clarified", step), questions=answered)


def _defer(item: Item, step: Move, *, settled: bool) -> Item:
    if not settled:
        if item.recipients.isdisjoint((*step.doers, step.told_by)):
            return item
        return replace(item, deferral_claimed=step.id)
    behind = item.behind or (item.state, item.since)
    return replace(
        item, state="deferred", since=step.id, behind=behind, resumed_after=None,
        resumed_by=None, deferral_claimed=None, put_off=True,
    )  # fmt: skip
