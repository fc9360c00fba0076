"""A bell: whoever waits for something to happen hears it, however many they are."""

from __future__ import annotations

import asyncio

__all__ = ["Bell"]


class Bell:
    """Rings for all who wait. For one event loop."""

    def __init__(self) -> None:
        """Be silent."""
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Ring once."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    def next(self) -> asyncio.Event:
        """Return what is set by the next ringing: to be had before looking for what it tells of."""
        return self._next
