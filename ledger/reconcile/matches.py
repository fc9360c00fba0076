"""What matching comes to: pairs with their grounds, groups, and crowds that are too many alike."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ledger.reconcile.decisions import Ref
from ledger.reconcile.tellings import Telling

__all__ = ["Certainty", "Crowd", "Ground", "Group", "Match", "Matches"]

Certainty = Literal["certain", "confirmed", "probable", "possible"]
Ground = Literal[
    "one event", "linked by both", "same octets", "decision", "linked by one", "same message",
    "same document", "same letter", "same step", "alike",
]  # fmt: skip


class Match(NamedTuple):
    """Two tellings that are, or may be, of one event.

    Attributes:
        events: What they are, in order.
        ground: What joins them.
        certainty: How certain that is.
        reasons: What speaks for it.
        against: What speaks against it.
    """

    events: tuple[Ref, Ref]
    ground: Ground
    certainty: Certainty
    reasons: tuple[str, ...]
    against: tuple[str, ...]


class Group(NamedTuple):
    """The tellings of one event, by ledger and index, and what joined them."""

    tellings: tuple[Telling, ...]
    matches: tuple[Match, ...]


class Crowd(NamedTuple):
    """Tellings that are too many alike for matches to be proposed.

    Attributes:
        why: What they share.
        counts: How many there are of each ledger, by fingerprint.
    """

    why: str
    counts: tuple[tuple[str, int], ...]


class Matches(NamedTuple):
    """What matching came to.

    Attributes:
        groups: Every telling in one group, the groups in no order that means anything.
        to_confirm: What may be one event and was not joined, the likeliest first.
        more: How many further possible matches of tellings were left out.
        crowds: Where too many were alike.
    """

    groups: tuple[Group, ...]
    to_confirm: tuple[Match, ...]
    more: int
    crowds: tuple[Crowd, ...]
