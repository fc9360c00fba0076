"""Chance: where nonces, salts and keys come from.

Everything random on this floor is drawn through this door, which comes in as an argument. The
module `secrets` stands in it by default; tests put something else there.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Random"]


class Random(Protocol):
    """Draws octets that nobody can guess."""

    def token_bytes(self, nbytes: int, /) -> bytes:
        """Return `nbytes` random octets."""
