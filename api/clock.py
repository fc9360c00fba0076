"""The clocks of this machine. The edge owns them, and hands them down."""

from __future__ import annotations

import time
from typing import Final

__all__ = ["elapsed_ms", "now_ms"]

# The one stands still while the machine sleeps; the other, where there is one, does not.
_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def elapsed_ms() -> int:
    """Return the milliseconds since some moment before: they only ever become more."""
    return time.clock_gettime_ns(_CLOCK) // 1_000_000
