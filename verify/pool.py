"""A `Runner` for the audit that uses several processes."""

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from verify.source import Source

__all__ = ["Pool", "processors"]

T = TypeVar("T")
U = TypeVar("U")

_AHEAD = 3  # parts for each process that are not yet taken: enough to keep it busy
_SMALL = 32_768  # octets of a task that a pipe takes while its reader is at work


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """Processes that check parts of an export; results come in order.

    Each has a pipe of its own. `concurrent.futures` has one for the results of all, and waits for
    ever if a process is killed while it writes into it.
    """

    def __init__(self, processes: int) -> None:
        """Start that many processes, at least one."""
        self._workers: list[_Worker] = []
        for _ in range(processes):
            self._workers.append(_Worker([one.pipe for one in self._workers]))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes, at once if there are parts that nobody wants any more."""
        for worker in self._workers:
            worker.end(now=kind is not None)

    def __call__(
        self, check: Callable[[Source, T], U], source: Source, parts: Iterable[T], kind: type[U]
    ) -> Iterator[U]:
        """Yield `check(source, part)`, a `kind`, for each part, in order.

        Raises:
            RuntimeError: A process was killed.
        """
        decode = msgspec.msgpack.Decoder(kind).decode
        tasks = enumerate(bytes(ForkingPickler.dumps((check, source, part))) for part in parts)
        task = next(tasks, None)
        results: dict[int, bytes] = {}
        wanted = 0
        while True:
            for worker in self._workers:
                limit = wanted + len(self._workers) * _AHEAD
                while task is not None and task[0] < limit and worker.has_room(task[1]):
                    worker.give(*task)
                    task = next(tasks, None)
            if wanted in results:
                yield decode(results.pop(wanted))
                wanted += 1
                continue
            busy = [worker for worker in self._workers if worker.tasks]
            if not busy:
                return
            ready = wait([worker.pipe for worker in busy])
            results.update(worker.take() for worker in busy if worker.pipe in ready)


class _Worker:
    """One process, and the pipe to it."""

    def __init__(self, others: Sequence[Connection]) -> None:
        self.tasks: deque[int] = deque()  # the numbers of what it was given and has not answered
        self.pipe, own = multiprocessing.Pipe()
        # It must hold no end of ours: each would keep a pipe open when we are gone.
        ours = (*others, self.pipe)
        self._process = multiprocessing.Process(target=_work, args=(own, ours), daemon=True)
        self._process.start()
        own.close()

    def has_room(self, task: bytes) -> bool:
        """Tell whether a task can be given without waiting for the process to read it."""
        return not self.tasks or (len(self.tasks) == 1 and len(task) <= _SMALL)

    def give(self, number: int, task: bytes) -> None:
        self.tasks.append(number)
        with suppress(ConnectionError):  # who takes its answer finds out
            self.pipe.send_bytes(task)

    def take(self) -> tuple[int, bytes]:
        """Return its next answer: the task's number, and the packed result.

        Raises:
            RuntimeError: It was killed.
        """
        try:
            packed, error = self.pipe.recv()
        except (EOFError, OSError):
            raise RuntimeError("a process that checks was killed") from None
        if error is not None:
            raise error
        return self.tasks.popleft(), packed

    def end(self, *, now: bool) -> None:
        if now:
            self._process.kill()
        self.pipe.close()
        self._process.join()


def _work(pipe: Connection, others: Sequence[Connection]) -> None:
    """Check what comes until nothing does any more.

    Ctrl-C, which a terminal sends to all of us, is for the process that leads. Objects in circles
    are never looked for: checks leave none, and a process ends with its audit.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    for other in others:
        other.close()
    with suppress(EOFError, OSError):  # whoever leads has all it wants, or was killed
        while True:
            check, source, part = pipe.recv()
            try:
                # Packed so, a result crosses the border at a third of what pickling costs.
                answer = (msgspec.msgpack.encode(check(source, part)), None)
            except Exception as error:  # noqa: BLE001 (it is raised again by whoever asked)
                pipe.send((b"", error))
            else:
                pipe.send(answer)
