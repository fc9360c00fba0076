"""Counts work rather than time, so that growth is the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import TraceFunction

__all__ = ["calls", "lines"]


def calls(work: Callable[[], object]) -> int:
    """Count the calls of functions of Python in some work."""
    count = 0

    def see(frame: FrameType, what: str, arg: object) -> None:
        nonlocal count
        del frame, arg
        count += what == "call"

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def lines(work: Callable[[], object]) -> int:
    """Count the lines of Python that some work runs, each time that it does: loops count, too."""
    count = 0

    def see(frame: FrameType, what: str, arg: object) -> TraceFunction:
        nonlocal count
        del frame, arg
        count += what == "line"
        return see

    before = sys.gettrace()
    sys.settrace(see)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
