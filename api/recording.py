"""Recording: the door through which the edge has submissions recorded.

`Here` records in this process. `keeper.Keeper` has another process do it, which is how `serve`
does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Protocol

from api.desk import Desk, rates_of_parties
from api.landing import Landing
from api.log import log_failure
from api.settings import Settings
from ledger.ledger import Ledger
from ledger.writer import Settled

__all__ = ["Followers", "Here", "Recorder", "keep"]

_THREADS: Final = 2


class Followers(Protocol):
    """Those who have to know that a ledger has grown."""

    def refresh(self, name: str) -> None:
        """Take up what governance has changed in the ledger `name`. For any thread; may block."""

    def published(self, name: str, size: int) -> None:
        """Take note that the ledger `name` has so many entries on disk. For any thread."""

    def noted(self, name: str, size: int) -> None:
        """Take note that a cosigned checkpoint of `size` was kept in `name`. For any thread."""

    def grew(self, name: str, *, governs: bool) -> Awaitable[None] | None:
        """Take note that another process recorded in the ledger `name`, governance perhaps.

        Returns:
            What is to be waited for before it is acknowledged; None for nothing.
        """


class Recorder(Protocol):
    """Records submissions in the ledgers that are served, by their names. For one event loop."""

    async def begin(self, followers: Followers) -> None:
        """Be ready, and tell `followers` what is recorded. Called once, before all else."""

    async def end(self) -> None:
        """Finish what was taken."""

    async def record(
        self, name: str, document: bytes, vouched: frozenset[str] | None = None
    ) -> Settled:
        """Record a submission document in the ledger `name`; return when it is durable.

        Args:
            name: The ledger.
            document: The document.
            vouched: Hashes of the files that its author may name; None if it was not yet looked
                whether it names any.

        Raises:
            VerifyError: It is refused.
            MissingError: It is refused for its files only: those that are not here, or that its
                author may not name.
            RefusedError: It is refused, and this is the problem.
            ProblemError: `too-many`: its party submits too often.
            LedgerError: It is not recorded, or that is not known.
        """

    def keep(self, name: str, note: bytes, *, heard_ms: int | None) -> None:
        """Begin to keep a cosigned checkpoint of the ledger `name`.

        Args:
            name: The ledger.
            note: The checkpoint, whose cosignatures have been checked; empty where there is none.
            heard_ms: What a quorum of its witnesses say that it is at least, just now.
        """

    def healthy(self, name: str) -> bool:
        """Tell whether the ledger `name` records."""

    async def measures(self) -> str:
        """Return the measures of another process that records, in Prometheus' text format.

        Raises:
            LedgerError: It does not tell.
        """


class Here:
    """Records in this process, in threads."""

    def __init__(self, ledgers: Mapping[str, Ledger], settings: Settings) -> None:
        """Record in `ledgers`, which are open for recording and stay their caller's to close."""
        parties = rates_of_parties(settings)
        self._ledgers = ledgers
        self._desks = {name: Desk(ledger, parties) for name, ledger in ledgers.items()}
        self._threads = ThreadPoolExecutor(_THREADS, "counterfoil-submission")
        self._landing: Landing[Settled] = Landing(self._threads, threads=_THREADS)
        self._followers: Followers | None = None

    async def begin(self, followers: Followers) -> None:
        """Be ready: see `Recorder`."""
        self._followers = followers
        for name, ledger in self._ledgers.items():
            ledger.listen(partial(self._grew, name, followers))

    async def end(self) -> None:
        """Finish what was taken."""
        await asyncio.to_thread(self._threads.shutdown)

    async def record(
        self, name: str, document: bytes, vouched: frozenset[str] | None = None
    ) -> Settled:
        """Record a submission document: see `Recorder`."""
        desk = self._desks[name]
        desk.announce()
        return await self._landing.bring(lambda: desk.take(document, vouched or frozenset()))

    def keep(self, name: str, note: bytes, *, heard_ms: int | None) -> None:
        """Begin to keep a cosigned checkpoint: see `Recorder`."""
        if self._followers is None:
            raise AssertionError("nothing is kept before `begin`")
        noted = partial(self._followers.noted, name)
        self._threads.submit(keep, self._ledgers[name], note, heard_ms=heard_ms, noted=noted)

    def healthy(self, name: str) -> bool:
        """Tell whether the ledger `name` records."""
        return self._ledgers[name].healthy()

    async def measures(self) -> str:
        """Return nothing: there is no other process."""
        return ""

    def _grew(self, name: str, followers: Followers) -> None:
        followers.refresh(name)
        followers.published(name, self._ledgers[name].head().size)


def keep(
    ledger: Ledger, note: bytes, *, heard_ms: int | None, noted: Callable[[int], None]
) -> None:
    """Keep a cosigned checkpoint, and what its witnesses say of the time: see `Recorder`.

    When it is on disk `noted` is told its size. What cannot be kept is logged: it comes again, or
    is followed by others.
    """
    try:
        if heard_ms is not None:
            ledger.heard(heard_ms)
        if note:  # else there is only the time
            noted(ledger.keep_note(note))
    except Exception as error:  # noqa: BLE001 - nobody waits for it
        log_failure(error)
