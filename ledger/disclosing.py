"""Disclosures, made again of what an export or an evidence file keeps of them (SPEC 11.3)."""

from __future__ import annotations

from collections.abc import Mapping

from verify.claims import Opened, format_disclosure
from verify.kinds import Event

__all__ = ["disclosures_of"]


def disclosures_of(owner: Event, opened: Mapping[str, Opened]) -> tuple[str, ...]:
    """Return the disclosures of an event's claims, sorted by claim name.

    Args:
        owner: The event that seals them.
        opened: Of each claim, by its name, what its disclosure holds beside what the event says.
    """
    return tuple(
        format_disclosure(
            author=owner.author, nonce=owner.nonce, name=name, random=one.random, value=one.value
        )
        for name, one in sorted(opened.items())
    )
