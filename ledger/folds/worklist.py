"""Numbers that wait to be looked at, each once at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

__all__ = ["Worklist"]


class Worklist:
    """Numbers that wait: the least is taken first."""

    def __init__(self, numbers: Iterable[int]) -> None:
        """Begin with `numbers`."""
        self._waiting = set(numbers)
        self._heap = list(self._waiting)
        heapq.heapify(self._heap)

    def __bool__(self) -> bool:
        """Tell whether any waits."""
        return bool(self._heap)

    def add(self, number: int) -> None:
        """Add a number, unless it waits already."""
        if number not in self._waiting:
            self._waiting.add(number)
            heapq.heappush(self._heap, number)

    def pop(self) -> int:
        """Take the least."""
        number = heapq.heappop(self._heap)
        self._waiting.remove(number)
        return number
