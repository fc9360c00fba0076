"""The keeper: the process that records, as the process that answers HTTP sees it.

It is started with one end of a pair of sockets, opens the ledgers, and is sent documents; what
they come to comes back in any order. When it ends, everything that waits is refused as not known
to be recorded, and nothing more is taken: whoever started this process should start it again.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self

import msgspec

from api.desk import MissingError
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
from api.log import log_failure
from api.problems import RefusedError
from api.recording import Followers
from api.settings import Settings
from ledger.errors import DisputedError, LedgerError, WrongClockError
from ledger.sequencer import Wanted
from ledger.writer import Settled

__all__ = ["Keeper", "KeeperError"]

_CHUNK: Final = 1 << 16
_END_S: Final = 60.0

_ANSWER: Final = msgspec.msgpack.Decoder(Answer)


class KeeperError(LedgerError):
    """The process that records could not open the ledgers, or has ended."""


class Keeper:
    """A `Recorder` that has another process record.

    Attributes:
        names: The ledgers that it has open.
        disputed: Those that it has not, as the log's key is known to have signed another history
            of them, each with the reason.
    """

    def __init__(self, folder: Path, settings: Settings, *, accept_clock: bool = False) -> None:
        """Start the process, and return when it has opened the ledgers in `folder`.

        Raises:
            WrongClockError: Somebody must confirm the clock.
            DisputedError: The log's key is known to have signed another history of the only one.
            KeeperError: The ledgers cannot be opened.
        """
        self.names: frozenset[str] = frozenset()
        self.disputed: Mapping[str, str] = {}
        self._folder = folder
        self._near, far = socket.socketpair()
        with far:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, and nothing of others
                [sys.executable, "-m", "api.keeping", str(far.fileno())],
                pass_fds=(far.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        self._well: dict[str, bool] = {}
        self._frames = Frames()
        self._came: deque[Answer] = deque()
        self._holding = False
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Settled]] = {}
        self._asked: dict[int, asyncio.Future[str]] = {}
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._lost = False
        self._died = False
        self._followers: Followers | None = None
        self._on_lost: Callable[[], None] = _nobody
        try:
            self._open(settings, accept_clock=accept_clock)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the process finish what it took, and end."""
        self._near.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def watch(self, lost: Callable[[], None]) -> None:
        """Have `lost` called when the process has ended by itself."""
        self._on_lost = lost

    async def begin(self, followers: Followers) -> None:
        """Be ready: see `Recorder`."""
        self._followers = followers
        loop = asyncio.get_running_loop()
        self._near.settimeout(0)
        self._transport, _ = await loop.create_connection(
            lambda: _Connection(self), sock=self._near
        )

    async def end(self) -> None:
        """Finish what was taken."""
        if self._transport is not None:
            self._lost = True
            self._flush()
            self._transport.close()
        await asyncio.to_thread(self.close)

    async def record(
        self, name: str, document: bytes, vouched: frozenset[str] | None = None
    ) -> Settled:
        """Record a submission document: see `Recorder`."""
        number = next(self._numbers)
        waiting: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        self._send(Submit(number, name, document, vouched))
        self._waiting[number] = waiting
        try:
            return await waiting
        finally:
            self._waiting.pop(number, None)

    def keep(self, name: str, note: bytes, *, heard_ms: int | None) -> None:
        """Begin to keep a cosigned checkpoint: see `Recorder`."""
        if not self._lost:
            self._send(Keep(name, note, heard_ms))

    async def measures(self) -> str:
        """Return the measures of recording, in Prometheus' text format.

        Raises:
            KeeperError: The process has ended.
        """
        number = next(self._numbers)
        asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._send(Ask(number))
        self._asked[number] = asked
        try:
            return await asked
        finally:
            self._asked.pop(number, None)

    def healthy(self, name: str) -> bool:
        """Tell whether the ledger `name` records."""
        return not self._lost and self._well.get(name) is not False

    def healthy_process(self) -> bool:
        """Tell whether the process has not ended by itself."""
        return not self._died

    def _open(self, settings: Settings, *, accept_clock: bool) -> None:
        begin = Begin(
            folder=str(self._folder),
            accept_clock=accept_clock,
            submissions_per_s=settings.submissions_per_s,
            submissions_at_once=settings.submissions_at_once,
        )
        self._near.sendall(frame_of(begin))
        while data := self._near.recv(_CHUNK):
            for one in self._frames.take(data):
                answer = _ANSWER.decode(one)
                if isinstance(answer, Opened):
                    self.names = frozenset(answer.ledgers)
                    self.disputed = answer.disputed
                    return
                if isinstance(answer, Failed):
                    raise _failure(answer)
        raise KeeperError("the process that records has ended before it began")

    def _send(self, message: Request) -> None:
        """Send a message, with all others of this turn of the event loop."""
        if self._lost:
            raise self._ended()
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(frame_of(message))

    def _flush(self) -> None:
        if self._unsent and self._transport is not None:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def receive(self, data: bytes) -> None:
        """Take octets that came."""
        self._came.extend(_ANSWER.decode(one) for one in self._frames.take(data))
        self._deliver()

    def lose(self) -> None:
        """Take note that the process has ended."""
        expected, self._lost = self._lost, True
        waiting: list[asyncio.Future[Settled] | asyncio.Future[str]]
        waiting = [*self._waiting.values(), *self._asked.values()]
        for one in waiting:
            if not one.done():
                one.set_exception(self._ended())
        if not expected:
            self._died = True
            self._on_lost()

    def _deliver(self) -> None:
        while self._came and not self._holding:
            answer = self._came.popleft()
            match answer:
                case Recorded():
                    self._settle(answer.id, Settled(answer.receipt, new=answer.new))
                case Refused():
                    self._refuse(answer)
                case Grew():
                    self._grow(answer)
                case Noted() if self._followers is not None:
                    self._followers.noted(answer.ledger, answer.size)
                case Health():
                    self._well[answer.ledger] = answer.well
                case Told() if (asked := self._asked.get(answer.id)) is not None:
                    if not asked.done():
                        asked.set_result(answer.text)

    def _grow(self, answer: Grew) -> None:
        if self._followers is None:
            raise AssertionError("nothing is received before `begin`")
        self._followers.published(answer.ledger, answer.size)
        told = self._followers.grew(answer.ledger, governs=answer.governs)
        if told is None:
            return
        # Nobody is told that it is recorded before whoever it shuts out is shut out.
        self._holding = True
        task = asyncio.ensure_future(told)
        task.add_done_callback(self._go_on)

    def _go_on(self, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            # Who is shut out is not known, so nobody may be served: nothing more is delivered.
            log_failure(error)
            self.lose()
            return
        self._holding = False
        self._deliver()

    def _settle(self, number: int, kept: Settled) -> None:
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(kept)

    def _refuse(self, answer: Refused) -> None:
        waiting = self._waiting.get(answer.id)
        if waiting is None or waiting.done():
            return
        refusal: Exception = RefusedError(answer.problem, retry_after_s=answer.retry_after_s)
        if answer.author is not None:
            refusal = MissingError(refusal, Wanted(answer.author, answer.files))
        waiting.set_exception(refusal)

    def _ended(self) -> KeeperError:
        return KeeperError("the process that records has ended")


class _Connection(asyncio.Protocol):
    """The keeper's end of the socket."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def data_received(self, data: bytes) -> None:
        self._keeper.receive(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._keeper.lose()


def _nobody() -> None:
    """Tell nobody."""


def _failure(failed: Failed) -> KeeperError | WrongClockError | DisputedError:
    if failed.disputed is not None:
        source, size = failed.disputed
        return DisputedError(failed.text, source=source, size=size, root=None)
    if failed.recorded_ms is not None:
        return WrongClockError(failed.text, now_ms=failed.now_ms, recorded_ms=failed.recorded_ms)
    return KeeperError(failed.text)
