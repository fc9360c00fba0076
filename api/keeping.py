"""The process that records: the one that has the ledgers open for writing, and the log keys.

It hears of submissions from one other process, the one that answers HTTP, over the socket whose
descriptor is its one argument, and from nobody else. So what parses the requests of strangers
holds no key, and readers take no time from the writer. It ends when that socket does, after all
that it took is durable; then the ledgers can be opened again.
"""

from __future__ import annotations

import gc
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from api import log
from api.clock import elapsed_ms, now_ms
from api.desk import Desk, MissingError
from api.frames import (
    Answer,
    Ask,
    Begin,
    Failed,
    Frames,
    Grew,
    Health,
    Keep,
    Noted,
    Opened,
    Recorded,
    Refused,
    Request,
    Submit,
    Told,
    frame_of,
)
from api.hosting import open_ledgers
from api.limits import Rates
from api.measures import Recording
from api.problems import ProblemError, problem_of
from api.recording import keep
from ledger.errors import BusyError, DisputedError, LedgerError, WrongClockError
from ledger.ledger import Ledger
from ledger.mirrored import is_mirror
from ledger.writer import Observer, Settled
from verify.errors import VerifyError

__all__ = ["main"]

_CHUNK: Final = 1 << 18
_LARGE: Final = 1 << 16  # octets of a document that others do not wait for
_BUSY_S: Final = 3.0
_LOOK_S: Final = 0.1
_HEALTH_S: Final = 1.0
_OBJECTS: Final = 100_000

_REQUEST: Final = msgspec.msgpack.Decoder(Request)


def main(descriptor: int) -> int:
    """Record until the socket ends."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the other process says when to end
    # A submission makes thousands of small objects that outlive nothing: looking through them for
    # cycles after every 700 took a fifth of the time to check it.
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    with log.written(), socket.socket(fileno=descriptor) as connection:
        Keeping(connection).run()
    return 0


class Keeping:
    """What is said on one socket, and done."""

    def __init__(self, connection: socket.socket) -> None:
        """Talk on `connection`."""
        self._connection = connection
        self._frames = Frames()
        self._held: list[bytes] = []
        self._said: list[bytes] = []
        self._saying = threading.Condition()
        self._awaited = 0
        self._idle = False
        self._ended = False
        self._desks: dict[str, Desk] = {}
        self._measures = Recording()

    def run(self) -> None:
        """Open the ledgers that the first message names, and record in them."""
        sending = threading.Thread(target=self._send, name="counterfoil-answers")
        sending.start()
        try:
            for begin, *_ in self._received():
                if isinstance(begin, Begin):
                    self._record(begin)
                return
        except WrongClockError as error:
            self._say(Failed(str(error), recorded_ms=error.recorded_ms, now_ms=error.now_ms))
        except DisputedError as error:
            self._say(Failed(str(error), disputed=(error.source, error.size)))
        except LedgerError as error:
            self._say(Failed(str(error)))
        finally:
            with self._saying:
                self._ended = True
                self._saying.notify()
            sending.join()

    def _record(self, begin: Begin) -> None:
        parties = Rates(
            begin.submissions_per_s,
            at_once=begin.submissions_at_once,
            what="submissions of this party",
            clock=time.monotonic,
        )

        disputed: dict[str, str] = {}

        def open_one(name: str, path: Path) -> Ledger | None:
            stopwatch = self._measures.stopwatch(name)
            try:
                return _open(path, accept_clock=begin.accept_clock, observer=stopwatch)
            except DisputedError as error:
                if not name:  # it is alone: there is nothing else to record in
                    raise
                disputed[name] = str(error)
                return None

        stopped = threading.Event()
        with (
            open_ledgers(Path(begin.folder), open_one=open_one, wanted=_is_own) as ledgers,
            ThreadPoolExecutor(1, "counterfoil-large") as large,
            ThreadPoolExecutor(1, "counterfoil-notes") as notes,
        ):
            for name, ledger in ledgers.items():
                self._desks[name] = Desk(ledger, parties)
                ledger.listen(_Grown(self._hold, name, ledger))
            watching = threading.Thread(target=self._watch, args=(ledgers, stopped))
            watching.start()
            self._say(Opened(tuple(ledgers), disputed))
            try:
                for requests in self._received():
                    self._submit([r for r in requests if isinstance(r, Submit)], large)
                    for request in requests:
                        match request:
                            case Ask(number):
                                self._say(Told(number, self._measures.text(ledgers)))
                            case Keep(name, note, heard_ms):
                                notes.submit(
                                    keep, ledgers[name], note, heard_ms=heard_ms,
                                    noted=partial(self._noted, name),
                                )  # fmt: skip
            finally:
                stopped.set()
                watching.join()

    def _submit(self, requests: list[Submit], large: ThreadPoolExecutor) -> None:
        with self._saying:
            self._awaited += len(requests)
        for request in requests:
            self._desks[request.ledger].announce()
            self._measures.came(request.ledger)
        for request in requests:
            if len(request.document) > _LARGE:
                large.submit(self._take, request)
            else:
                self._take(request)

    def _take(self, request: Submit) -> None:
        began_s = time.perf_counter()
        try:
            desk = self._desks[request.ledger]
            offered = desk.take(request.document, request.vouched or frozenset())
        except MissingError as error:
            if request.vouched is None:
                self._measures.returned(request.ledger)
                self._say(_refusal(request.id, error), answered=1)
            else:
                self._refuse(request.id, request.ledger, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits for an answer
            self._refuse(request.id, request.ledger, error)
        else:
            self._measures.checked(request.ledger, time.perf_counter() - began_s)
            offered.add_done_callback(partial(self._answer, request.id, request.ledger))

    def _answer(self, number: int, name: str, settled: Future[Settled]) -> None:
        error = settled.exception()
        if error is not None:
            self._refuse(number, name, error)
            return
        receipt, new = settled.result()
        self._measures.recorded(name, new=new)
        self._say(Recorded(number, receipt, new), answered=1)

    def _refuse(self, number: int, name: str, error: BaseException) -> None:
        refused = _refusal(number, error)
        self._measures.refused(name, refused.problem)
        self._say(refused, answered=1)

    def _noted(self, name: str, size: int) -> None:
        self._say(Noted(name, size))

    def _watch(self, ledgers: Mapping[str, Ledger], stopped: threading.Event) -> None:
        """Say when a ledger stops to record, and when it does again."""
        known = dict.fromkeys(ledgers, True)
        while not stopped.wait(_HEALTH_S):
            for name, ledger in ledgers.items():
                well = ledger.healthy()
                if well is not known[name]:
                    known[name] = well
                    self._say(Health(name, well))

    def _received(self) -> Iterator[list[Request]]:
        """Yield the messages that came together, until the socket ends."""
        while True:
            try:
                data = self._connection.recv(_CHUNK)
            except OSError:
                return
            if not data:
                return
            if came := [_REQUEST.decode(one) for one in self._frames.take(data)]:
                yield came

    def _hold(self, message: Answer) -> None:
        """Say something with the next answer, which follows at once, and costs no turn more."""
        with self._saying:
            self._held.append(frame_of(message))

    def _say(self, message: Answer, *, answered: int = 0) -> None:
        """Say something that answers so many of the documents that came.

        The answer to the only one is sent from here: it need not wait for another thread's turn.
        """
        with self._saying:
            self._awaited -= answered
            said = b"".join((*self._held, frame_of(message)))  # what was held is said first
            self._held.clear()
            if answered and not self._awaited and self._idle and not self._said:
                said = said[self._send_now(said) :]
            if said:
                self._said.append(said)
                self._saying.notify()

    def _send_now(self, data: bytes) -> int:
        """Send as much as there is room for; return how many octets that is."""
        try:
            return self._connection.send(data, socket.MSG_DONTWAIT)
        except OSError:
            return 0  # no room; or nobody listens any more, as the other thread will find, too

    def _send(self) -> None:
        """Send what is said, as much at once as there is.

        In a thread of its own, so that nobody else waits for a reader that is slow.
        """
        while True:
            with self._saying:
                self._idle = True
                while not self._said and not self._ended:
                    self._saying.wait()
                self._idle = False
                parts, self._said = self._said, []
            if not parts:
                return
            try:
                self._connection.sendall(b"".join(parts))
            except OSError:
                return  # nobody listens any more


class _Grown:
    """Says that a ledger grew, and whether by governance."""

    def __init__(self, say: Callable[[Answer], None], name: str, ledger: Ledger) -> None:
        self._say = say
        self._name = name
        self._ledger = ledger
        self._state = ledger.state()

    def __call__(self) -> None:
        state = self._ledger.state()
        governs, size = state is not self._state, self._ledger.head().size
        self._say(Grew(self._name, governs=governs, size=size))
        self._state = state


def _is_own(name: str, path: Path) -> bool:
    """Tell whether a ledger is one to record in, and no mirror of another's."""
    del name
    return not is_mirror(path)


def _open(path: Path, *, accept_clock: bool, observer: Observer) -> Ledger:
    """Open a ledger, waiting a moment for a process that is ending."""
    until_s = time.monotonic() + _BUSY_S
    while True:
        try:
            return Ledger.open(
                path,
                clock=now_ms,
                elapsed=elapsed_ms,
                accept_clock=accept_clock,
                observer=observer,
            )
        except BusyError:
            if time.monotonic() > until_s:
                raise
        time.sleep(_LOOK_S)


def _refusal(number: int, error: BaseException) -> Refused:
    match error:
        case MissingError():
            wanted = error.wanted
            problem = problem_of(error.cause)
            return Refused(number, problem, author=wanted.author, files=dict(wanted.files))
        case ProblemError():
            return Refused(number, problem_of(error), retry_after_s=error.retry_after_s)
        case VerifyError() | LedgerError():
            return Refused(number, problem_of(error))
        case Exception():
            log.log_failure(error)
            return Refused(number, problem_of(error))
        case _:
            raise error


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
