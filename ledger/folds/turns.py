"""Turns of a request whose order is not established, where it decides what is late.

Steps move items in the order in which they are laid out. A reply answers the question that it is
laid out behind, a question stops the clock until its reply, and what comes after an outcome moves
nothing. Where dates and links leave another order possible, what is late can be another matter: a
reply laid out before a question can have answered it, a question known to its year only can have
been put in time. Such pairs are found here. That the only reply to a question came after it
is taken for granted: it is what its author calls it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from ledger.dates import Bound
from ledger.folds.items import Move
from ledger.folds.order import Order
from verify.kinds import Ranges

__all__ = ["Doubt", "Role", "Turn", "first_doubt", "role_of"]

Role = Literal["question", "reply", "wait", "review", "other"]


class Turn(NamedTuple):
    """A step of a request that those signed who were entitled to it.

    Attributes:
        id: Its event id.
        role: What it does to the clock.
        items: The items that it names; None for all.
    """

    id: str
    role: Role
    items: Ranges | None


class Doubt(NamedTuple):
    """Two turns of which it is not established that the first came before the second.

    Attributes:
        first: The id of the one laid out first.
        second: The id of the other.
    """

    first: str
    second: str


def role_of(step: Move, *, makers: frozenset[str], recipients: frozenset[str]) -> Role:
    """Tell what a step does to the clock, if it is theirs who did it."""
    by_maker = not step.doers.isdisjoint(makers)
    by_recipient = not step.doers.isdisjoint(recipients)
    match step.verb:
        case "seek_clarification" if by_recipient:
            return "question"
        case "clarify" | "narrow" | "extend" if by_maker:
            return "reply"
        case "defer" if by_maker or (by_recipient and not step.consent.isdisjoint(makers)):
            return "wait"
        case "review" if by_maker:
            return "review"
        case _:
            return "other"


def first_doubt(
    turns: Sequence[Turn], order: Order, *, end: str | None, last: Bound
) -> Doubt | None:
    """Find the first two turns whose order decides what is late, and is not established.

    Args:
        turns: The turns that name the items that are asked about, as laid out.
        order: What is known of the order of events.
        end: The id of the outcome that is asked about; None to ask where the items stand.
        last: The latest possible deadline: a question put after it moves nothing.
    """
    concerned = [turn for turn in turns if _matters(turn, order, last)]
    return next(_doubts(concerned, order, end), None)


def _doubts(turns: Sequence[Turn], order: Order, end: str | None) -> Iterator[Doubt]:
    places = (place for place, turn in enumerate(turns) if turn.id == end)
    cut = next(places, len(turns))
    reviews = (place for place in range(cut, 0, -1) if turns[place - 1].role == "review")
    asked: str | None = None
    passed_over: list[str] = []
    replies: list[str] = []
    # The replies in front of the last question are before it: what that is before, they are too.
    put, checked = None, 0
    reply: Turn | None = None
    for turn in turns[next(reviews, 0) : cut]:
        if turn.role == "question" and asked is not None:
            passed_over.append(turn.id)
        elif turn.role == "question":
            asked = turn.id
            known = checked if put is not None and order.before(put, asked) == "yes" else 0
            yield from _unsure(order, replies[known:], turn)
            put, checked = asked, len(replies)
        elif turn.role == "reply" and asked is not None:
            yield from _unsure(order, [asked, *passed_over] if passed_over else [], turn)
            replies.append(turn.id)
            asked, passed_over, reply = None, [], turn
        elif turn.role == "reply":
            # A second one: whether the first replied to the question matters, too.
            if put is not None and reply is not None:
                yield from _unsure(order, [put], reply)
            replies.append(turn.id)
    for turn in turns[cut + 1 :]:
        if turn.role == "review":
            return
        if turn.role in {"question", "wait"} or (turn.role == "reply" and asked is not None):
            yield from _unsure(order, [end or ""], turn)


def _unsure(order: Order, firsts: Sequence[str], second: Turn) -> Iterator[Doubt]:
    for first in firsts:
        if order.before(first, second.id) != "yes":
            yield Doubt(first, second.id)


def _matters(turn: Turn, order: Order, last: Bound) -> bool:
    put_lo, _ = order.bounds(turn.id)
    too_late = last is not None and put_lo is not None and put_lo > last
    return not (turn.role == "question" and too_late)
