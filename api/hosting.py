"""Hosting: the ledgers that one process serves, and what their requests share.

A folder that is served is a ledger, which then stands at the root of all paths; or it holds
ledgers, each a folder whose name is one DNS label, and each then stands under that name. Nothing
of one ledger is reached through another: sessions, files and followers are each ledger's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from starlette.requests import Request

from api import log
from api.bell import Bell
from api.connection import address_of
from api.limits import Places, Quota, Rates
from api.measures import Answering
from api.problems import ProblemError
from api.recording import Recorder
from api.sessions import Session, Sessions, token_of
from api.settings import Settings
from api.staging import Staging
from api.turns import Asker, Turns
from ledger.disputes import keep_dispute
from ledger.errors import DisputedError, LedgerError, NotFoundError, WitnessError
from ledger.feeder import DISPUTED, EARLY, FAILED, LATE, Feeder, Pace
from ledger.feeding import read_witnesses
from ledger.ledger import Ledger
from ledger.readings import Readings
from ledger.store import STORE_FILE
from verify.submission import LedgerName

__all__ = ["Hosted", "Hosting", "NoLedgerError", "open_ledgers"]

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SIGNED: Final = "the log's key has signed another history of this ledger"
_KNOWN: Final = "a witness knew more of this ledger, or another history, when the server began"
_READERS: Final = 4
_VIEWERS: Final = 2
_FOLDERS: Final = 2  # threads that count for themselves: more would only hold up the event loop
_SIZES: Final = 64  # the latest, of which cosignatures may still have come

T = TypeVar("T")


class NoLedgerError(LedgerError):
    """A folder is no ledger and holds none."""


class Reader(NamedTuple):
    """Who reads.

    Attributes:
        session: Their session; None for somebody unknown.
        token: The token that it came by.
    """

    session: Session | None
    token: str | None

    @property
    def audience(self) -> str:
        """For whom an answer is: a party, or "public"."""
        return "public" if self.session is None else self.session.party


class Hosted:
    """A ledger that is served.

    Attributes:
        name: What it is called here; empty when it is the only one.
        ledger: The ledger.
        state: The rules' state by now: see `refresh`.
        sessions: Who was let read, or hand over files.
        staging: Files that were brought and that their party has not named yet.
        readings: What it tells its readers.
        bell: Rings when more is recorded, when a session ends, and when the server stops.
        tails: Places for readers that follow it.
        sized: What `Hosting.size` has looked up, and until when it is good.
        feeder: Feeds its witnesses; of a mirror, tells what its source's cosigned.
        changes: Of a mirror, what `Ledger.changes` said when it was looked at.
        copied: Of a mirror, its size by then.
    """

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        settings: Settings,
        *,
        now_ms: Callable[[], int],
        elapsed_ms: Callable[[], int],
        feeder: Feeder,
    ) -> None:
        """Serve `ledger` as `name`."""
        self.name = name
        self.ledger = ledger
        self.state = ledger.state()
        self.sessions = Sessions(
            LedgerName(origin=ledger.origin, charter=ledger.fingerprint),
            lambda: self.state,
            now_ms=now_ms,
            elapsed_ms=elapsed_ms,
            session_s=settings.session_s,
            nonce_s=settings.nonce_s,
            each=settings.sessions_per_party,
        )
        quota = Quota(settings.staged, each=settings.staged_per_party)
        self.staging = Staging(ledger, quota, keep_s=settings.staged_s)
        self.readings = Readings(ledger)
        self.bell = Bell()
        self.sized: tuple[asyncio.Event, asyncio.Task[int]] | None = None
        self.tails = Places(
            settings.tails,
            what="followers",
            retry_after_s=settings.retry_after_s,
            each=settings.part(settings.tails),
        )
        self.feeder = feeder
        self.changes, self.copied = ledger.changes(), ledger.size()

    @property
    def prefix(self) -> str:
        """What its paths begin with."""
        return f"/{self.name}" if self.name else ""

    def refresh(self) -> None:
        """Take up what governance has changed. Blocks, unless this process records."""
        self.state = self.ledger.state()

    def check_recorded_in(self) -> None:
        """Check that something can be recorded here.

        Raises:
            ProblemError: `mirror`: it is a copy of a ledger that is served elsewhere.
        """
        mirror = self.ledger.mirror
        if mirror is not None:
            detail = (
                f"this is a mirror, which is only read: record, and sign in, at {mirror.source}"
            )
            raise ProblemError("mirror", detail)

    def reader(self, request: Request) -> Reader:
        """Return who asks; whether they may read is not judged.

        Raises:
            ProblemError: `unauthenticated`: they bring a token that is none, or no longer.
        """
        token = token_of(request.headers)
        if token is None:
            return Reader(None, None)
        session = self.sessions.find(token)
        if session is None:
            detail = "the session is none of this ledger, has ended, or its key has"
            raise ProblemError("unauthenticated", detail)
        return Reader(session, token)

    def asker(self, request: Request, reader: Reader) -> Asker:
        """Return whose turn it must be for a question of a reader to be worked out."""
        if reader.session is not None:
            return Asker(party=True, name=f"{self.name} {reader.session.party}")
        return Asker(party=False, name=address_of(request))

    def admit(self, request: Request) -> Reader:
        """Return who reads.

        Raises:
            ProblemError: `unauthenticated`: the ledger shows itself to parties only; or `mirror`:
                so it does, and nobody signs in here.
        """
        reader = self.reader(request)
        if reader.session is None and self.state.charter.visibility != "public":
            self.check_recorded_in()
            raise ProblemError("unauthenticated", "this ledger is read with a session only")
        return reader


class Hosting:
    """All ledgers that are served, and what they share. For one event loop.

    Attributes:
        settings: What is taken.
        ledgers: The ledgers, by name.
        recorder: Records in them.
        measures: Counts.
        disputed: The ledgers in which nothing is recorded any more, and why: see `_stop`.
        now_ms: The clock.
        submissions: Places for submissions on their way.
        uploads: Places for files on their way.
        exports: Places for exports on their way.
        open_exports: Those of them that readers without a session may have together.
        memory: Room for documents on their way.
        addresses: How often each address may ask.
        turns: Whose question is worked out next.
        stopping: Whether the server stops: then nobody may go on following a ledger.
    """

    def __init__(
        self,
        ledgers: Mapping[str, Ledger],
        recorder: Recorder,
        settings: Settings,
        *,
        now_ms: Callable[[], int],
        elapsed_ms: Callable[[], int],
        disputed: Mapping[str, str] | None = None,
    ) -> None:
        """Serve `ledgers`, which stay their caller's to close, and record through `recorder`.

        In those that are `disputed` nothing is recorded, for the reason given.
        """
        self.settings = settings
        self.recorder = recorder
        self.now_ms = now_ms
        self.measures = Answering()
        self.disputed: dict[str, str] = {}  # before those who feed begin
        for name, reason in (disputed or {}).items():
            self._stop(name, _SIGNED, why=reason)
        self.ledgers: Mapping[str, Hosted] = {
            name: Hosted(
                name, ledger, settings,
                now_ms=now_ms, elapsed_ms=elapsed_ms, feeder=self._feeder(name, ledger),
            )
            for name, ledger in ledgers.items()
        }  # fmt: skip
        again_s = settings.retry_after_s
        self.submissions = Places(settings.submissions, what="submissions", retry_after_s=again_s)
        self.exports = Places(
            settings.exports,
            what="exports",
            retry_after_s=again_s,
            each=settings.part(settings.exports),
        )
        # Else whoever likes keeps the parties of a public ledger from theirs.
        open_exports = (settings.exports + 1) // 2
        self.open_exports = Places(open_exports, what="exports", retry_after_s=again_s)
        self.uploads = Places(
            settings.uploads,
            what="files",
            retry_after_s=again_s,
            each=settings.part(settings.uploads),
        )
        each = max(settings.part(settings.documents), settings.document)
        self.memory = Quota(settings.documents, each=each)
        self.addresses = Rates(
            settings.requests_per_s,
            at_once=settings.requests_at_once,
            what="requests from this address",
            clock=time.monotonic,
        )
        # Apart, so that slow senders of files and long readings do not wait for each other.
        self._receivers = ThreadPoolExecutor(settings.uploads, "counterfoil-upload")
        self._readers = ThreadPoolExecutor(_READERS, "counterfoil-reading")
        self._exporters = ThreadPoolExecutor(settings.exports, "counterfoil-export")
        # What is worked out takes seconds in a large ledger: a checkpoint does not wait for it.
        self._folders = ThreadPoolExecutor(_FOLDERS, "counterfoil-folding")
        # What is looked up in a view waits neither for that, nor does a checkpoint wait for it.
        self._viewers = ThreadPoolExecutor(_VIEWERS, "counterfoil-viewing")
        self.turns = Turns(
            _FOLDERS,
            self._fold,
            each=settings.questions,
            wait_s=settings.question_s,
            retry_after_s=again_s,
        )
        self.stopping = False
        self._endings: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Hear, in the running event loop, of what the ledgers record."""
        loop = asyncio.get_running_loop()
        for hosted in self.ledgers.values():

            def ring(bell: Bell = hosted.bell) -> None:
                if _is_running(loop):  # to wake a loop that is awake costs two system calls
                    bell.ring()
                    return
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(bell.ring)

            self._endings.append(hosted.ledger.listen(ring))

    def stop(self) -> None:
        """Have whoever follows a ledger come to an end: the server stops."""
        self.stopping = True
        for hosted in self.ledgers.values():
            hosted.bell.ring()

    def close(self) -> None:
        """Wait for what is under way."""
        self.end_feeding()
        for end in self._endings:
            end()
        for pool in (
            *(self._receivers, self._readers, self._viewers, self._folders),
            self._exporters,
        ):
            pool.shutdown()

    def refresh(self, name: str) -> None:
        """Take up what governance has changed in the ledger `name`."""
        self.ledgers[name].refresh()

    def published(self, name: str, size: int) -> None:
        """Take note that the ledger `name` has so many entries on disk: see `Followers`."""
        self.ledgers[name].feeder.grew(size)

    def noted(self, name: str, size: int) -> None:
        """Take note that a cosigned checkpoint of `size` was kept in `name`: see `Followers`."""
        self.ledgers[name].readings.noted(size)

    def ask_witnesses(self) -> None:
        """Ask all witnesses what they know, before anything is signed. Blocks, within a bound.

        Raises:
            DisputedError: One knows more of the only ledger than is here, or another history. Of
                several the others must not wait for that: in this one nothing is recorded.
        """
        until_s = time.monotonic() + self.settings.witness_wait_s
        for hosted in self.ledgers.values():
            try:
                silent = hosted.feeder.ask(until_s - time.monotonic())
            except DisputedError as error:
                self._dispute(hosted.name, hosted.ledger, error)
                if self.is_alone:
                    raise
                if hosted.name not in self.disputed:
                    self._stop(hosted.name, _KNOWN, why=str(error))
                continue
            for name in silent:
                log.log_note(
                    f"what the witness {name} of {_called(hosted.name)} knows is not known",
                    level=logging.WARNING,
                )

    def begin_feeding(self) -> None:
        """Have what witnesses cosign kept. Called on the event loop, when the recorder is ready."""
        loop = asyncio.get_running_loop()
        for hosted in self.ledgers.values():
            if hosted.name in self.disputed:
                continue  # the process that records may not have it open
            hosted.feeder.keep_with(partial(self._keep, loop, hosted.name))

    def end_feeding(self) -> None:
        """Feed no witness any more. Blocks, for a moment at most."""
        for hosted in self.ledgers.values():
            hosted.feeder.close()

    def check_undisputed(self, hosted: Hosted) -> None:
        """Check that nothing has stopped a ledger.

        Raises:
            ProblemError: `disputed`.
        """
        if hosted.name in self.disputed:
            raise ProblemError("disputed", f"nothing is recorded: {self.disputed[hosted.name]}")

    def _dispute(self, name: str, ledger: Ledger, error: DisputedError) -> None:
        """Record nothing more in a ledger, if its log key has signed what is not here.

        What is on its way to the process that records still is recorded; nothing new goes there.
        What was shown is kept, and keeps the ledger from being opened for recording (`disputes`).
        What is not signed by that key shows nothing: whoever likes could say it.
        """
        if not error.note or name in self.disputed:
            return
        self.disputed[name] = _SIGNED  # at once; then what shows it is kept
        try:
            kept = str(keep_dispute(ledger, error.note).relative_to(ledger.path))
        except LedgerError as failure:
            log.log_failure(failure)
            kept = "what shows it could not be kept"
        self._stop(name, _SIGNED, why=f"its log key signed another history: {kept}")

    def _stop(self, name: str, reason: str, *, why: str) -> None:
        """Record nothing more in a ledger, and say `reason` to those who ask, `why` in the log."""
        self.disputed[name] = reason
        log.log_note(f"{_called(name)} records nothing more: {why}", level=logging.CRITICAL)

    def _feeder(self, name: str, ledger: Ledger) -> Feeder:
        settings = self.settings
        return Feeder(
            ledger,
            read_witnesses(ledger.path) if ledger.mirror is None else (),
            pace=Pace(
                every_s=settings.witness_every_s,
                timeout_s=settings.witness_timeout_s,
                retry_s=settings.witness_retry_s,
            ),
            now_ms=self.now_ms,
            chance=secrets.SystemRandom().random,
            observer=partial(self._observe, name, ledger),
        )

    def _keep(
        self, loop: asyncio.AbstractEventLoop, name: str, note: bytes, *, heard_ms: int | None
    ) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(partial(self.recorder.keep, name, note, heard_ms=heard_ms))

    def _observe(
        self,
        name: str,
        ledger: Ledger,
        witness: str,
        reason: str,
        *,
        again: bool,
        error: Exception | None,
    ) -> None:
        """Log what changes, and each alarm: of a witness that is away one line is enough."""
        if isinstance(error, DisputedError):
            self._dispute(name, ledger, error)
        if error is not None and reason == FAILED:
            log.log_failure(error)
        if again and reason != DISPUTED:
            return
        told = f"did not cosign: {reason}" if reason else "cosigns again"
        if isinstance(error, WitnessError) and reason in {EARLY, LATE}:
            told += f": it {error.detail}"  # which clock is wrong, a person can tell
        level = logging.ERROR if reason == DISPUTED else logging.WARNING if reason else logging.INFO
        log.log_note(f"the witness {witness} of {_called(name)} {told}", level=level)

    def grew(self, name: str, *, governs: bool) -> Awaitable[None] | None:
        """Take note that another process recorded in the ledger `name`: see `Followers`."""
        hosted = self.ledgers[name]
        if governs:
            return self._follow(hosted)
        hosted.ledger.notice()
        return None

    async def follow(self, hosted: Hosted) -> None:
        """Take up what another process has copied into a mirror."""
        changes = await self.read(hosted.ledger.changes)
        if changes == hosted.changes:
            return
        hosted.feeder = await self.read(partial(self._feeder, hosted.name, hosted.ledger))
        size = await self.read(hosted.ledger.size)
        for noted in await self.read(partial(_noted, hosted.ledger, hosted.copied)):
            hosted.readings.noted(noted)
        await self._follow(hosted)
        hosted.changes, hosted.copied = changes, size

    async def _follow(self, hosted: Hosted) -> None:
        await self.read(hosted.refresh)
        hosted.ledger.notice()

    @property
    def is_alone(self) -> bool:
        """Whether there is one ledger, at the root of all paths."""
        return "" in self.ledgers

    def of(self, request: Request) -> Hosted:
        """Return the ledger that a request is about.

        Raises:
            NotFoundError: There is none of that name.
        """
        name: str = request.path_params.get("ledger", "")
        hosted = self.ledgers.get(name)
        if hosted is None:
            raise NotFoundError("ledger of such a name")
        return hosted

    async def receive(self, do: Callable[[], T]) -> T:
        """Do something about a file, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._receivers, do)

    async def read(self, do: Callable[[], T]) -> T:
        """Read something, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, do)

    async def export(self, do: Callable[[], T]) -> T:
        """Do something about an export, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._exporters, do)

    def export_soon(self, do: Callable[[], None]) -> None:
        """Do something about an export, in a thread, which nobody waits for."""
        self._exporters.submit(do)

    async def size(self, hosted: Hosted) -> int:
        """Return the size of a ledger: looked up, in a thread, once between two ringings."""
        rung = hosted.bell.next()
        if hosted.sized is None or hosted.sized[0] is not rung or _failed(hosted.sized[1]):
            hosted.sized = rung, asyncio.create_task(self.read(hosted.ledger.size))
        return await asyncio.shield(hosted.sized[1])

    async def view(self, do: Callable[[], T]) -> T:
        """Look something up in the view of a ledger, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._viewers, do)

    async def _fold(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._folders, do)


def _noted(ledger: Ledger, since: int) -> set[int]:
    """Return the sizes of which a mirror may have other notes than it had at a size."""
    latest = [_size_of(note) for note in islice(ledger.latest_notes(), _SIZES)]
    return {_size_of(note) for note in ledger.notes(min([since, *latest[-1:]]))}


def _size_of(note: bytes) -> int:
    return int(note.split(b"\n")[1])


def _failed(task: asyncio.Task[int]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether this is a thread's turn of an event loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


@contextlib.contextmanager
def open_ledgers(
    folder: Path,
    *,
    open_one: Callable[[str, Path], Ledger | None],
    wanted: Callable[[str, Path], bool] | None = None,
) -> Iterator[Mapping[str, Ledger]]:
    """Open the ledger in `folder`, or all that it holds, by the names that they are served under.

    Args:
        folder: The folder.
        open_one: Opens one, by its name and folder; None leaves it out.
        wanted: Tells, by name and folder, whether one is to be opened; None for all.

    Raises:
        NoLedgerError: There is none; or one has a name under which it cannot be served.
        LedgerError: One cannot be opened: then none is served.
    """
    ledgers: dict[str, Ledger] = {}
    with contextlib.ExitStack() as stack:
        for name, path in _folders(folder).items():
            if wanted is not None and not wanted(name, path):
                continue
            ledger = open_one(name, path)
            if ledger is not None:
                ledgers[name] = stack.enter_context(ledger)
        yield ledgers


def _folders(folder: Path) -> dict[str, Path]:
    if (folder / STORE_FILE).exists():
        return {"": folder}
    try:
        found = {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{STORE_FILE}"))}
    except OSError as failure:
        raise NoLedgerError(f"{folder}: cannot be read: {failure.strerror}") from None
    hidden = {name for name in found if name.startswith(".")}  # half of a ledger, being made
    for name in found.keys() - hidden:
        if not _NAME.fullmatch(name):
            reason = "is no name that a ledger can be served under: one DNS label"
            raise NoLedgerError(f"{found[name]}: {reason}")
    if found.keys() <= hidden:
        raise NoLedgerError(f"{folder}: is no ledger, and holds none")
    return {name: path for name, path in found.items() if name not in hidden}


def _called(name: str) -> str:
    """Return what the log calls a ledger: one that is served alone has no name."""
    return f"the ledger {name!r}" if name else "the ledger"
