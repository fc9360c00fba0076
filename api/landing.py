"""Landing: how what threads came to gets back to the event loop, many at a time.

Each wake-up of the event loop by another thread costs a system call and a change of threads. A
group of submissions that one commit made durable is brought back with one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

__all__ = ["Landing"]

T = TypeVar("T")


class Landing(Generic[T]):
    """Runs work in threads that ends in a future, and brings back what that came to.

    A thread goes on with what waits, so that there is one change of threads for much work.
    """

    def __init__(self, executor: Executor, *, threads: int) -> None:
        """Work in up to `threads` threads of `executor`."""
        self._executor = executor
        self._threads = threads
        self._changing = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._working = 0
        self._landed: deque[tuple[asyncio.Future[T], Future[T]]] = deque()
        self._is_called = False

    async def bring(self, begin: Callable[[], Future[T]]) -> T:
        """Call `begin` in a thread, and return what the future that it returns comes to.

        Raises:
            Exception: Whatever `begin` raises, or its future holds.
        """
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                future = begin()
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                future = Future()
                future.set_exception(error)
            future.add_done_callback(land)

        def land(future: Future[T]) -> None:
            self._landed.append((waiting, future))
            if not self._is_called:
                self._is_called = True
                loop.call_soon_threadsafe(self._deliver)

        with self._changing:
            self._waiting.append(run)
            idle = self._working < self._threads
            self._working += idle
        if idle:
            self._executor.submit(self._work)
        return await waiting

    def _work(self) -> None:
        while True:
            with self._changing:
                if not self._waiting:
                    self._working -= 1
                    return
                run = self._waiting.popleft()
            run()

    def _deliver(self) -> None:
        self._is_called = False  # first: what lands from here on calls again
        while self._landed:
            waiting, future = self._landed.popleft()
            if waiting.done():
                continue  # whoever waited was cancelled
            error = future.exception()
            if error is None:
                waiting.set_result(future.result())
            else:
                waiting.set_exception(error)
