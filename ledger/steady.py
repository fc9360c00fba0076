"""Whether the wall clock runs as time does: it can be set by hand, by a bad server, by anybody.

It is compared with a clock that nobody sets and that only runs on, and with the times that
witnesses have told. More than five minutes apart, and nobody can say what the time is: then nothing
is recorded, since a time that was recorded stays and never decreases. When the clocks agree again,
they agree. Smaller steps are let pass.

What a clock already said wrongly when it was first looked at is not known here: see `opening`. So
if it was wrong then and was put right since, or the whole machine was halted and its steady clock
with it, the ledger has to be opened again.
"""

from __future__ import annotations

import threading
from typing import NamedTuple, Protocol

from ledger.errors import MovedClockError

__all__ = ["TOLERANCE_MS", "Clock", "Steady"]

TOLERANCE_MS = 300_000


class Clock(Protocol):
    """The door to the time."""

    def __call__(self) -> int:
        """Return the time in milliseconds: since 1970, or of a steady clock since anything."""


class _Reading(NamedTuple):
    """The wall clock, and how far it stands before the steady clock: at least, and at most.

    The two cannot be read at once: however long this process slept between, the truth is within.
    """

    now_ms: int
    least_ms: int
    most_ms: int


class Steady:
    """A wall clock that is believed only while it runs as a steady one does."""

    def __init__(self, clock: Clock, elapsed: Clock | None) -> None:
        """Compare `clock` with how it stands now.

        Args:
            clock: The wall clock.
            elapsed: A clock that nobody sets; without one, any time is believed.
        """
        self._clock = clock
        self._elapsed = elapsed
        self._begun = None if elapsed is None else self._read(elapsed)
        self._heard_ms: int | None = None  # as `_Reading.least_ms`, of the newest time heard
        self._hearing = threading.Lock()

    def now_ms(self) -> int:
        """Return the time.

        Raises:
            MovedClockError: The clock has moved.
        """
        if self._elapsed is None or self._begun is None:
            return self._clock()
        reading = self._read(self._elapsed)
        with self._hearing:
            heard_ms = self._heard_ms
        ahead_ms = reading.least_ms - self._begun.most_ms
        behind_ms = self._begun.least_ms - reading.most_ms
        if heard_ms is not None:
            ahead_ms = max(ahead_ms, reading.least_ms - heard_ms)
        if ahead_ms > TOLERANCE_MS:
            raise MovedClockError(by_ms=ahead_ms, now_ms=reading.now_ms)
        if behind_ms > TOLERANCE_MS:
            raise MovedClockError(by_ms=-behind_ms, now_ms=reading.now_ms)
        return reading.now_ms

    def agrees(self) -> bool:
        """Tell whether the clock is believed now."""
        try:
            self.now_ms()
        except MovedClockError:
            return False
        return True

    def heard(self, timestamp_ms: int) -> None:
        """Take note that somebody trusted says, just now, that it is at least this late.

        The newest time counts: whoever says that it is earlier than that takes nothing back.
        """
        if self._elapsed is None:
            return
        since_ms = timestamp_ms - self._elapsed()
        with self._hearing:
            self._heard_ms = max(since_ms, since_ms if self._heard_ms is None else self._heard_ms)

    def _read(self, elapsed: Clock) -> _Reading:
        before_ms = elapsed()
        now_ms = self._clock()
        after_ms = elapsed()
        return _Reading(now_ms, now_ms - after_ms, now_ms - before_ms)
