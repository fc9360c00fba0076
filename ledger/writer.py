"""The writer: one thread that gives submissions their order and makes them durable.

Callers' threads prepare submissions and put them in a bounded queue. The writer takes all that
wait, up to a limit, makes them durable in one synced transaction, and then answers each. So a
receipt never leaves before what it promises is on disk, and many callers share one sync.

The steps, and what a crash right after each leaves behind:

    1  a batch is taken from the queue      nothing; nobody was answered, and callers ask again
    2  it is sequenced, its checkpoint      nothing; the signature never left this process, and
       signed                               the same entries would give the same one
    3  the files' folder is synced, if      files that no disclosure names
       any of the batch discloses a file
    4  the transaction is about to begin    as 3
    5  the transaction is committed and     all of the batch; callers who ask again are answered
       synced                               with a receipt, as their events are recorded already
    6  the new head stands for readers      as 5
    7  the receipts are made                as 5
    8  a submission is answered             as 5; once for each submission

Between 4 and 5 LMDB first writes and syncs pages that nothing refers to yet, then the page that
refers to them: a crash there is a crash at 4 or at 5. A full disk is found there too: then the
batch is refused, the old state stands, and the writer goes on. So it does while the clock is not
believed (`steady`): then a batch is refused at 1.

Source: SPEC sections 6.4 and 10.1.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from ledger.commit import Commit, Head, Placed
from ledger.errors import LedgerError, StoreError
from ledger.files import Files
from ledger.past import SnapshotPast
from ledger.receipts import Receipts
from ledger.sequencer import Accepted, LogSigner, Outcome, Prepared, Sequenced, sequence
from ledger.steady import Steady
from ledger.store import Store

__all__ = ["STEPS", "Counter", "Observer", "Settled", "Writer", "ignore"]

STEPS = 8
"""How many steps there are."""

_WAITING = 256
_EVENTS_AT_ONCE = 8192
_SUBMISSIONS_AT_ONCE = 1024
_GATHER_S = 0.005
_LOOK_S = 0.0005


class Observer(Protocol):
    """Is told of each step as it is done. What it does holds up the writer."""

    def __call__(self, step: int, /) -> None:
        """Take note that `step` is done."""


def ignore(step: int) -> None:
    """Observe nothing."""
    del step


class Settled(NamedTuple):
    """A submission that is durable: its receipt, and whether it is recorded now or was before."""

    receipt: bytes
    new: bool


class Counter:
    """A number that any thread may change.

    Attributes:
        count: The number.
    """

    __slots__ = ("_changing", "count")

    def __init__(self) -> None:
        """Begin at 0."""
        self.count = 0
        self._changing = threading.Lock()

    def add(self, number: int) -> None:
        """Add to it."""
        with self._changing:
            self.count += number


class _Waiting:
    """A submission and whoever waits for it."""

    __slots__ = ("future", "prepared")

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.future: Future[Settled] = Future()


class Writer:
    """The one thread that writes to a store.

    Attributes:
        head: Where the ledger stands; never ahead of what is on disk.
        coming: How many submissions are announced, and not in the queue yet.
    """

    def __init__(
        self,
        store: Store,
        files: Files,
        *,
        head: Head,
        clock: Steady,
        signers: Mapping[bytes, LogSigner],
        observer: Observer = ignore,
    ) -> None:
        """Start the thread. It ends with `close`."""
        self.head = head
        self.coming = Counter()
        self._store = store
        self._files = files
        self._clock = clock
        self._signers = signers
        self._observer = observer
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(_WAITING)
        self._failure: BaseException | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="counterfoil-writer", daemon=True)
        self._thread.start()

    def offer(self, prepared: Prepared) -> Future[Settled]:
        """Let a submission wait for its place; blocks while too many wait already.

        Returns:
            What it came to, when it is durable; or the reason why it was refused.
        """
        waiting = _Waiting(prepared)
        # Behind the mark that ends the thread nobody may wait.
        with self._closing:
            if self._closed:
                raise StoreError(self._store.path, "is closed")
            self._queue.put(waiting)
        return waiting.future

    def healthy(self) -> bool:
        """Tell whether submissions are still recorded."""
        alive = self._failure is None and not self._closed and self._thread.is_alive()
        with contextlib.suppress(StoreError):
            self._store.check_written()
            return alive and self._clock.agrees()
        return False

    def close(self) -> None:
        """Finish what waits, then end the thread."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._take()
            # A caller may have given up; from here on it no longer can.
            batch = [w for w in batch if w.future.set_running_or_notify_cancel()]
            if not batch:
                continue
            if self._failure is not None:
                _refuse(batch, self._stopped(self._failure))
                continue
            try:
                self._record(batch)
            except LedgerError as error:
                _refuse(batch, error)
            except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                # What we believe about the ledger may be wrong now: record nothing more.
                self._failure = error
                _refuse(batch, error)

    def _stopped(self, failure: BaseException) -> StoreError:
        return StoreError(self._store.path, f"must be opened again: {failure}")

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Wait for a submission; take it and what else waits. Also tell whether it is the end."""
        first = self._queue.get()
        if first is None:
            return [], True
        self._gather()
        batch, events = [first], len(first.prepared.candidates)
        while events < _EVENTS_AT_ONCE and len(batch) < _SUBMISSIONS_AT_ONCE:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return batch, True
            batch.append(waiting)
            events += len(waiting.prepared.candidates)
        return batch, False

    def _gather(self) -> None:
        """Wait, for a moment at most, for submissions that are being prepared.

        They are about to come: one sync for all of them costs less than one for each. Who is alone
        waits for nobody.
        """
        until_s = time.monotonic() + _GATHER_S
        while self.coming.count and time.monotonic() < until_s:
            time.sleep(_LOOK_S)

    def _record(self, batch: Sequence[_Waiting]) -> None:
        at = self._observer
        at(1)
        now_ms = self._clock.now_ms()
        with self._store.read() as snapshot:
            sequenced = sequence(
                self.head,
                [waiting.prepared for waiting in batch],
                now_ms=now_ms,
                history=SnapshotPast(snapshot),
                signers=self._signers,
                path=self._store.path,
            )
        at(2)
        if sequenced.commit is not None:
            has_files = any(waiting.prepared.has_files for waiting in batch)
            self._append(sequenced.commit, has_files=has_files)
        receipts = self._receipts(sequenced)
        at(7)
        for waiting, outcome, receipt in zip(batch, sequenced.outcomes, receipts, strict=True):
            if isinstance(outcome, Accepted):
                waiting.future.set_result(Settled(receipt, outcome.new))
            else:
                waiting.future.set_exception(outcome)
            at(8)

    def _append(self, commit: Commit, *, has_files: bool) -> None:
        if has_files:
            self._files.sync()
        self._observer(3)
        self._observer(4)
        if not self._store.append(commit.expected_size, commit):
            # Only one process may write, and it is us: somebody broke the lock.
            reason = f"has another size than {commit.expected_size}: somebody else wrote"
            self._failure = StoreError(self._store.path, reason)
            raise self._failure
        self._observer(5)
        self.head = commit.head
        self._observer(6)

    def _receipts(self, sequenced: Sequenced) -> list[bytes]:
        head = self.head
        if head.state is None:
            return [b"" for _ in sequenced.outcomes]
        commit = sequenced.commit
        new = {} if commit is None else {placed.first: placed for placed in commit.submissions}
        with self._store.read() as snapshot:
            receipts = Receipts(snapshot, fingerprint=head.state.fingerprint, edge=head.edge)
            return [self._receipt(receipts, outcome, new) for outcome in sequenced.outcomes]

    def _receipt(self, receipts: Receipts, outcome: Outcome, new: Mapping[int, Placed]) -> bytes:
        if not isinstance(outcome, Accepted):
            return b""
        placed = new.get(outcome.first)
        if placed is None:
            return receipts.of(outcome.first)
        return receipts.of_entries(placed.first, outcome.count, placed.entries[0])


def _refuse(batch: list[_Waiting], error: BaseException) -> None:
    """Refuse all that still wait, and let go of them.

    The error has the frames in which it was raised, and these the batch: if the batch had the
    error, documents and places among the database's readers would stay until somebody looks for
    cycles.
    """
    while batch:
        future = batch.pop().future
        if not future.done():
            future.set_exception(error)
