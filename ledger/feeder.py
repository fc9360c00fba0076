"""Feeding the witnesses of one ledger, for as long as it is served: rounds, back-off, what came.

Each witness has a thread of its own, so that one that hangs keeps nobody else waiting: neither
the others, nor who records, nor who reads. All are given the checkpoint of one size, until it is
time for a round at the next; who is not done by then goes on, and leaves a round out. Fed is only
what whoever records has said to be on disk (`grew`).

What comes is merged: of the latest sizes there is the log's checkpoint with all cosignatures that
it got, the first of each key. Whether they are enough, the charter in force says: `quorum` of the
witnesses that it names. With a quorum of 0 one is asked for: a checkpoint that nobody cosigned is
never called witnessed.

A cosignature of before what it covers was recorded, or of later than now, is told as a time, and
neither merged nor kept: one of the two clocks is wrong, and with others, or for whoever trusts that
witness alone, it would make the ledger invalid for good. When the clocks agree again the witness
cosigns anew.

A witness that knows a later tree than is here, or another, is an alarm (`disputes`), which stays
until that witness cosigns after all; what the log's own key has signed proves it, and stays.

Source: c2sp.org/tlog-witness; SPEC section 8.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple, Protocol

from ledger.covering import earliest_s, size_of
from ledger.errors import DisputedError, WitnessError
from ledger.feeding import Cosigned, Fed, Feeding, Log, keys_of_charter
from ledger.merged import Merged
from ledger.steady import TOLERANCE_MS
from verify.brackets import format_time_s
from verify.checkpoint import parse_signed
from verify.note import VerifierKey

__all__ = [
    "DISPUTED",
    "EARLY",
    "FAILED",
    "LATE",
    "FedLog",
    "Feeder",
    "Keep",
    "Observer",
    "Pace",
    "Standing",
    "Witnessed",
]

DISPUTED: Final = "disputed"
"""The reason that is told when a witness knows another tree."""

EARLY: Final = "early"
"""The reason that is told when a witness's time is before that of what it cosigned."""

LATE: Final = "late"
"""The reason that is told when a witness's time is after now."""

FAILED: Final = "failed"
"""The reason that is told when something of ours went wrong: the store cannot be read, say."""

_SIZES: Final = 64  # for which further cosignatures are still taken
_LOOKED_AT: Final = 1024  # kept notes, at the start, for the latest that a quorum cosigned
_DOUBLINGS: Final = 16
_ENDING_S: Final = 1.0


class FedLog(Log, Protocol):
    """The door to the ledger: what is fed, and what was kept before."""

    def checkpoint(self) -> bytes:
        """Return the latest signed checkpoint."""

    def recorded_at(self, index: int) -> int:
        """Return when an entry was recorded, in milliseconds since 1970."""

    def latest_notes(self) -> Iterator[bytes]:
        """Yield the kept notes, the largest size first."""


class Keep(Protocol):
    """Keeps what came. Called by any thread, and not to wait for."""

    def __call__(self, note: bytes, *, heard_ms: int | None) -> None:
        """Keep a checkpoint with cosignatures; a quorum says that it is at least `heard_ms` now.

        The note is empty where there is only the time.
        """


class Observer(Protocol):
    """Is told what witnesses come to. Called by any thread."""

    def __call__(self, witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
        """Take note that a witness did not cosign, or cosigns again.

        Args:
            witness: The witness.
            reason: A word for why it did not; nothing if it does again.
            again: Whether it was for that reason the last time, too.
            error: What happened; None if it cosigns.
        """


class Pace(NamedTuple):
    """How witnesses are fed.

    Attributes:
        every_s: How long after the beginning of a round the next may begin.
        timeout_s: How long one request may take.
        retry_s: The longest time after which a witness that failed is asked again.
    """

    every_s: float
    timeout_s: float
    retry_s: float


class Witnessed(NamedTuple):
    """How well the latest checkpoint is witnessed.

    Attributes:
        size: Its size.
        cosigned: How many of the charter's witnesses cosigned it.
        of: How many the charter names.
        quorum: How many it wants.
        last: Size of the latest checkpoint that so many cosigned; None if none is known.
    """

    size: int
    cosigned: int
    of: int
    quorum: int
    last: int | None


class Standing(NamedTuple):
    """Where a witness stands.

    Attributes:
        name: What the file calls it; of one that is in the charter only, its key's name.
        size: The largest size that it cosigned since the ledger is served; 0 if none.
        reason: Why it did not cosign the last time; empty if it did, or was not asked yet.
        failures: How often it failed since the ledger is served, by reason.
        disputed: Whether it knows another tree.
        in_charter: Whether the charter in force names it.
        fed: Whether the file says where it is.
    """

    name: str
    size: int
    reason: str
    failures: Mapping[str, int]
    disputed: bool
    in_charter: bool
    fed: bool


class _One:
    """A witness, its thread, and how it fares."""

    def __init__(self, fed: Fed, feeding: Feeding) -> None:
        self.fed = fed
        self.feeding = feeding
        self.size = 0
        self.tries = 0
        self.due_s = 0.0
        self.asked = False
        self.reason = ""
        self.failed: Counter[str] = Counter()
        self.dispute: DisputedError | None = None
        self.thread: threading.Thread | None = None


class Feeder:
    """Feeds the witnesses of one ledger. For any thread."""

    def __init__(
        self,
        log: FedLog,
        witnesses: Sequence[Fed],
        *,
        pace: Pace,
        now_ms: Callable[[], int],
        chance: Callable[[], float],
        observer: Observer,
    ) -> None:
        """Begin to feed what the log has now.

        Args:
            log: The log. All that it has now is on disk.
            witnesses: The witnesses.
            pace: How they are fed.
            now_ms: The clock, in milliseconds since 1970.
            chance: Draws a number from [0, 1), so that not all who wait ask again at once.
            observer: Is told what they come to.
        """
        self._log = log
        self._pace = pace
        self._now_ms = now_ms
        self._chance = chance
        self._observer = observer
        self._changed = threading.Condition()
        self._stopped = False
        self._published = log.size()
        self._round = 0
        self._next_s = 0.0
        self._merged: dict[int, Merged] = {}
        self._last: Merged | None = None
        self._waiting: list[tuple[int, Future[bytes | None]]] = []
        self._keep: Keep | None = None
        self._unkept: dict[int, int | None] = {}
        self._load(witnesses)
        self._all = [_One(fed, Feeding(fed, log, timeout_s=pace.timeout_s)) for fed in witnesses]
        for one in self._all:
            name = f"counterfoil-feed-{one.fed.name}"
            # Not waited for at exit: a name that does not resolve cannot be interrupted.
            one.thread = threading.Thread(target=self._run, args=(one,), name=name, daemon=True)
            one.thread.start()

    def close(self) -> None:
        """End, after what is under way, or without it if that takes long: it can be asked again."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if future.set_running_or_notify_cancel():
                future.set_result(None)
        until_s = time.monotonic() + _ENDING_S
        for one in self._all:
            if one.thread is not None:
                one.thread.join(max(0.0, until_s - time.monotonic()))

    def keep_with(self, keep: Keep) -> None:
        """Have `keep` keep what comes, and what came already."""
        with self._changed:
            self._keep = keep
            unkept, self._unkept = self._unkept, {}
            notes = [(self._merged[size].note(), heard) for size, heard in unkept.items()]
        for note, heard_ms in notes:
            keep(note, heard_ms=heard_ms)

    def grew(self, size: int) -> None:
        """Take note that the log has `size` entries, which are on disk and published."""
        with self._changed:
            if size > self._published:
                self._published = size
                self._changed.notify_all()

    def ask(self, within_s: float) -> tuple[str, ...]:
        """Wait until each witness was asked once; to be called before anything is signed.

        Returns:
            The names of those that did not cosign what is here, at whatever time by their clocks:
            whether they know more is not known.

        Raises:
            DisputedError: One knows a later tree, or another one.
        """
        until_s = time.monotonic() + within_s
        with self._changed:
            while not all(one.asked for one in self._all):
                left_s = until_s - time.monotonic()
                if left_s <= 0 or not self._changed.wait(left_s):
                    break
            for one in self._all:
                if one.dispute is not None:
                    raise one.dispute
            return tuple(
                one.fed.name
                for one in self._all
                if not one.size and one.reason not in {EARLY, LATE}
            )

    def disputes(self) -> tuple[DisputedError, ...]:
        """Return what witnesses know that is not here."""
        with self._changed:
            return tuple(one.dispute for one in self._all if one.dispute is not None)

    def latest(self) -> tuple[bytes, Witnessed]:
        """Return the latest checkpoint, with what cosignatures it has, and how many count."""
        note = self._log.checkpoint()
        size = parse_signed(note)[0].size
        keys, quorum = self._wanted()
        with self._changed:
            merged = self._merged.get(size)
            count = 0 if merged is None else merged.count(keys)
            last = None if self._last is None else self._last.size
            whole = note if merged is None else merged.note()
        return whole, Witnessed(size, count, len(keys), quorum, last)

    def last(self) -> bytes | None:
        """Return the latest checkpoint that a quorum cosigned; None if none is known."""
        with self._changed:
            return None if self._last is None else self._last.note()

    def covered(self, size: int) -> Future[bytes | None]:
        """Return what becomes a checkpoint of at least this size that a quorum cosigned.

        It becomes nothing if this is closed before.
        """
        future: Future[bytes | None] = Future()
        with self._changed:
            if self._last is not None and self._last.size >= size:
                future.set_result(self._last.note())
            elif self._stopped:
                future.set_result(None)
            else:
                self._waiting = [one for one in self._waiting if not one[1].cancelled()]
                self._waiting.append((size, future))
        return future

    def standings(self) -> tuple[Standing, ...]:
        """Return where each witness stands: those of the file, then others of the charter."""
        keys, _ = self._wanted()
        fed = {key.public for one in self._all for key in one.fed.keys}
        named = {(key.name, key.public) for key in keys}
        with self._changed:
            found = [
                Standing(
                    one.fed.name, one.size, one.reason, dict(one.failed),
                    disputed=one.dispute is not None,
                    in_charter=any((key.name, key.public) in named for key in one.fed.keys),
                    fed=True,
                )
                for one in self._all
            ]  # fmt: skip
        others = [key.name for key in keys if key.public not in fed]
        return (
            *found,
            *(
                Standing(name, 0, "", {}, disputed=False, in_charter=True, fed=False)
                for name in others
            ),
        )

    def _wanted(self) -> tuple[tuple[VerifierKey, ...], int]:
        charter = self._log.state().charter
        return keys_of_charter(charter), charter.quorum

    def _load(self, witnesses: Sequence[Fed]) -> None:
        """Take up what was kept before: of the latest size, and the last that is witnessed."""
        keys, quorum = self._wanted()
        known = dict.fromkeys((*keys, *(key for fed in witnesses for key in fed.keys)))
        if not known:
            return
        for number, note in enumerate(self._log.latest_notes()):
            if number >= _LOOKED_AT:
                return
            merged = Merged(note, tuple(known), within_s=self._possible_s(size_of(note)))
            if merged.held and merged.size not in self._merged:
                self._merged[merged.size] = merged
            if _reaches(merged.count(keys), quorum):
                self._last = merged
                return

    def _run(self, one: _One) -> None:
        while (size := self._next(one)) is not None:
            try:
                cosigned = one.feeding.submit(size)
                self._took(one, self._merge(one, size, cosigned))
            except DisputedError as error:
                self._failed(one, DISPUTED, error)
            except WitnessError as error:
                self._failed(one, error.reason, error, retry_after_s=error.retry_after_s)
            except Exception as error:  # noqa: BLE001 - the witness is asked again, whatever it was
                self._failed(one, FAILED, error)
        one.feeding.close()

    def _next(self, one: _One) -> int | None:
        """Wait for something to feed to a witness, and return its size; None at the end."""
        with self._changed:
            while not self._stopped:
                now_s = time.monotonic()
                if one.due_s > now_s:
                    self._changed.wait(one.due_s - now_s)
                    continue
                if self._published > self._round and self._next_s <= now_s:
                    self._round, self._next_s = self._published, now_s + self._pace.every_s
                    self._changed.notify_all()
                if one.size < self._round:
                    return self._round
                news = self._published > self._round
                self._changed.wait(self._next_s - now_s if news else None)
            return None

    def _failed(
        self,
        one: _One,
        reason: str,
        error: Exception,
        *,
        retry_after_s: int = 0,
    ) -> None:
        pace = self._pace
        with self._changed:
            wait_s = min(pace.every_s * 2.0 ** min(one.tries, _DOUBLINGS), pace.retry_s)
            # Half of it is chance.
            wait_s *= (1 + self._chance()) / 2
            one.due_s = time.monotonic() + max(wait_s, min(retry_after_s, pace.retry_s))
            one.tries += 1
            one.failed[reason] += 1
            again, one.reason = one.reason == reason, reason
            proven = one.dispute is not None and one.dispute.note
            if isinstance(error, DisputedError) and not proven:
                one.dispute = error
            one.asked = True
            self._changed.notify_all()
            stopped = self._stopped
        if not stopped:
            self._observer(one.fed.name, reason, again=again, error=error)

    def _took(self, one: _One, merged: Merged) -> None:
        keys, quorum = self._wanted()
        with self._changed:
            size = merged.size
            heard_ms, reached = None, []
            if _reaches(merged.count(keys), quorum):
                heard_ms = self._heard_ms(merged, keys, quorum)
                if self._last is None or size >= self._last.size:
                    self._last = merged
                reached = [future for least, future in self._waiting if least <= size]
                self._waiting = [each for each in self._waiting if each[0] > size]
            note, keep = merged.note(), self._keep
            if keep is None:
                self._unkept[size] = heard_ms
            recovered, one.reason, one.tries, one.size = bool(one.reason), "", 0, size
            if one.dispute is not None and not one.dispute.note:
                one.dispute = None
            one.asked = True
            self._changed.notify_all()
        if keep is not None:
            keep(note, heard_ms=heard_ms)
        for future in reached:
            if future.set_running_or_notify_cancel():
                future.set_result(note)
        if recovered:
            self._observer(one.fed.name, "", again=False, error=None)

    def _merged_at(self, size: int, log_note: bytes) -> Merged:
        """Return what came of a size. What came of old ones goes."""
        merged = self._merged.setdefault(size, Merged(log_note, (), within_s=range(0)))
        for old in sorted(self._merged)[:-_SIZES]:
            del self._merged[old]
        return merged

    def _merge(self, one: _One, size: int, cosigned: Sequence[Cosigned]) -> Merged:
        """Add what a witness cosigned. What it says of the time is heard in any case.

        Raises:
            WitnessError: By its clock it did so before what it cosigned was recorded, or only
                later than now: nothing is added. Alone it may do no harm; but with others it
                makes a quorum, and for whoever trusts this witness it is one.
        """
        log_note, state = self._log.checkpoint_at(size), self._log.state()
        charter = state.charter_at(size)  # by which a reader weighs them
        keys, quorum = keys_of_charter(charter), charter.quorum
        possible_s = self._possible_s(size)
        times_s = [timestamp_s for _, timestamp_s in cosigned]
        with self._changed:
            merged = self._merged_at(size, log_note)
            merged.hear(cosigned, elapsed_s=time.monotonic())
            if all(time_s in possible_s for time_s in times_s):
                merged.add(cosigned)
                return merged
            heard_ms, keep = self._heard_ms(merged, keys, quorum), self._keep
        if keep is not None and heard_ms is not None:
            keep(b"", heard_ms=heard_ms)
        detail = f"cosigned size {size} at "
        if min(times_s) < possible_s.start:
            detail += f"{format_time_s(min(times_s))}, before that was recorded"
            raise WitnessError(one.fed.name, EARLY, detail)
        detail += f"{format_time_s(max(times_s))}, which is later than now"
        raise WitnessError(one.fed.name, LATE, detail)

    def _possible_s(self, size: int) -> range:
        """Return the times, in POSIX seconds, at which a checkpoint can have been cosigned by now.

        It is from when all that it covers was recorded, but for the tolerance of the charters.
        """
        state = self._log.state()
        least_s = earliest_s(state, size, recorded_at=self._log.recorded_at)
        return range(least_s, self._now_ms() // 1000 + state.charter.tolerance_s + 1)

    def _heard_ms(self, merged: Merged, keys: Sequence[VerifierKey], quorum: int) -> int | None:
        """Return how late it is at least now, as a quorum's newest time has it; None if unknown.

        Times ahead of this machine's clock are passed over. Either it is behind, which this is not
        to find, or their clock is ahead, and would hide that this one is, too. Nor do they make a
        quorum: with one of them a single other witness could say that this clock is ahead.
        """
        elapsed_s, limit_ms = time.monotonic(), self._now_ms() + TOLERANCE_MS
        found = [merged.since_s.get((key.name, key.key_id)) for key in keys]
        heard = [int(1000 * (since_s + elapsed_s)) for since_s in found if since_s is not None]
        told = [ms for ms in heard if ms <= limit_ms]
        return max(told) if _reaches(len(told), quorum) else None


def _reaches(count: int, quorum: int) -> bool:
    return count >= max(1, quorum)
