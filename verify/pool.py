"""A `Runner` for the audit that uses several processes."""

import gc
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from verify.source import Source

__all__ = ["Pool", "processors"]

T = TypeVar("T")
U = TypeVar("U")

_AHEAD = 3  # parts in flight for each process: enough to keep it busy, few enough to hold


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """Processes that check parts of an export; results come in order."""

    def __init__(self, processes: int) -> None:
        """Start that many processes, at least one."""
        self._processes = processes
        self._executor = ProcessPoolExecutor(processes, initializer=_begin)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the processes, without waiting for parts that nobody wants any more."""
        self._executor.shutdown(wait=kind is None, cancel_futures=True)

    def __call__(
        self, check: Callable[[Source, T], U], source: Source, parts: Iterable[T], kind: type[U]
    ) -> Iterator[U]:
        """Yield `check(source, part)`, a `kind`, for each part, in order."""
        decode = msgspec.msgpack.Decoder(kind).decode
        waiting: deque[Future[bytes]] = deque()
        for part in parts:
            waiting.append(self._executor.submit(_packed, check, source, part))
            if len(waiting) >= self._processes * _AHEAD:
                yield decode(waiting.popleft().result())
        while waiting:
            yield decode(waiting.popleft().result())


def _packed(check: Callable[[Source, T], object], source: Source, part: T) -> bytes:
    """Pack a result: measured, it crosses the border at a third of what pickling costs."""
    return msgspec.msgpack.encode(check(source, part))


def _begin() -> None:
    """Leave Ctrl-C, which a terminal sends to all of us, to the process that leads.

    And never look for objects in circles: checks leave none, and a process ends with its audit.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
