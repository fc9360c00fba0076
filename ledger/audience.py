"""Who may see which claims: the one rule by which exports, evidence and readings leave some out.

An event may limit a claim to an audience. Its author is always of it; "public" is nobody's name,
and so never.

Source: SPEC section 11.5.
"""

from __future__ import annotations

from verify.kinds import Event

__all__ = ["closed_to"]


def closed_to(audience: str, event: Event) -> frozenset[str]:
    """Return the names of the claims of an event that are not for an audience.

    Args:
        audience: A party, or "public".
        event: The event that seals the claims.
    """
    if event.audience is None:
        return frozenset()
    if audience == "public":  # is no party, even where a list names it
        return frozenset(event.audience)
    return frozenset(
        name for name, parties in event.audience.items() if audience not in {event.author, *parties}
    )
