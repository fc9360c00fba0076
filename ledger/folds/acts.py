"""Whose act an event is: of those who did it and of those on whose behalf it was done.

An account that says for whom something was done, and not who did it, names those whose act it is.
In what a party tells, that is enough. In what is established only their own signature counts, so
a mandate that is claimed moves nothing there. A mandate that is told as disowned names nobody.
"""

from __future__ import annotations

from ledger.folds.stances import parties_of
from ledger.view import Told
from verify.kinds import Event

__all__ = ["doers_of", "principals_of"]


def doers_of(told: Told) -> frozenset[str]:
    """Return the parties whose act an event with one actor (`by`) is.

    Where nobody is given as having done it, its author did.
    """
    by = getattr(told.event, "by", None)
    principals = principals_of(told.event)
    return parties_of(by if isinstance(by, str) else told.author) | principals


def principals_of(event: Event) -> frozenset[str]:
    """Return the parties on whose behalf an event is told to have been done."""
    return frozenset() if event.authority == "disowned" else parties_of(event.on_behalf_of)
