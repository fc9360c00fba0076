"""How long work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["Progress", "Steps", "Tell", "nobody"]

Progress = Callable[[int, int], None]
"""Is told how much of how much is done."""

Tell = Callable[[str], Progress]
"""Gives, for each part of the work, whom to tell."""

_EVERY: Final = 64


def nobody(_what: str, /) -> Progress:
    """Tell nobody how far a part of the work is: a `Tell` for where nobody waits."""
    return lambda _done, _size: None


class Steps:
    """Counts the steps of work that has many, and tells now and then how far it is."""

    __slots__ = ("_done", "_show", "_size")

    def __init__(self, show: Progress, size: int) -> None:
        """Begin with none.

        Args:
            show: Is told how many are done.
            size: How many there are.
        """
        self._show, self._size, self._done = show, size, 0

    def step(self) -> None:
        """Count one that is done."""
        self._done += 1
        if self._done % _EVERY == 0 or self._done == self._size:
            self._show(self._done, self._size)
