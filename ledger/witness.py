"""A witness: who remembers, of each log it trusts, the largest tree, and signs that others grew it.

    ed25519.key, ml-dsa-44.key   its keys, one or both, of one name
    logs, logs.lock              the logs it trusts (`trusted`); held while some are added
    witness.mdb, witness.lock    what it cosigned and what it refused (`witness_store`)

It serves any log of C2SP's formats, Counterfoil's or another. A witness that forgot would sign two
histories, so what it signs is on disk before it is handed out, and nobody else may use its folder
meanwhile. Never restore its folder from a copy: from the copy on it would sign a second history.
When its folder is lost, make a new witness with new keys.

One thread decides (`add_checkpoint.decide`): it takes all requests that wait, judges them one
after the other in one synced transaction, and then answers each. Checks that need no order are
done by the callers' threads before.

Source: c2sp.org/tlog-witness; c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Final, Self

from ledger.add_checkpoint import Answer, Cosigner, Request, decide, prepare
from ledger.errors import KeyFileError, LedgerError, NotFoundError, StoreError, WrongClockError
from ledger.keys import Algorithm, Passphrase, WitnessKey, load_witness_key, read_witness_vkey
from ledger.making import making
from ledger.private import (
    create_private,
    locked,
    make_private_folder,
    read_private,
    replace_private,
)
from ledger.steady import Clock
from ledger.trusted import HEADER, MAX_FILE, TrustedLog, format_logs, parse_logs
from ledger.witness_store import Change, WitnessStore, log_id
from verify.errors import MalformedError
from verify.note import VerifierKey

__all__ = ["Witness", "add_logs", "create_witness", "read_logs", "read_vkeys"]

_LOGS: Final = "logs"
_LOCK: Final = "logs.lock"
_KEY_FILES: Final[Mapping[Algorithm, str]] = {
    "ed25519": "ed25519.key",
    "ml-dsa-44": "ml-dsa-44.key",
}
_WAITING: Final = 256
_AT_ONCE: Final = 256


class _Waiting:
    """A request and whoever waits for its answer."""

    __slots__ = ("future", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.future: Future[Answer] = Future()


class Witness:
    """A witness at work.

    Attributes:
        path: Its folder.
        vkeys: Its verifier keys.
        logs: The keys that it trusts, by origin.
    """

    def __init__(
        self,
        store: WitnessStore,
        *,
        keys: Sequence[WitnessKey],
        logs: Iterable[TrustedLog],
        clock: Clock,
    ) -> None:
        """Start the thread that decides. It ends, and the store with it, with `close`.

        Args:
            store: Its store, open for writing.
            keys: Its keys.
            logs: The logs that it trusts.
            clock: The time.
        """
        self.path = store.path
        self.vkeys = tuple(key.verifier_key for key in keys)
        self.logs = _by_origin(logs)
        self._origins = {log_id(origin): origin for origin in self.logs}
        self._store = store
        self._cosigners: Sequence[Cosigner] = keys
        self._clock = clock
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(_WAITING)
        self._failure: BaseException | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="counterfoil-witness", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path, *, clock: Clock, passphrase: Passphrase | None = None) -> Witness:
        """Open the witness in a folder, to cosign.

        Args:
            path: Its folder.
            clock: The time.
            passphrase: Asked for each key that is in a box.

        Raises:
            NotFoundError: There is none.
            BusyError: Another process cosigns with it.
            LedgerError: It cannot be used.
        """
        logs = read_logs(path)
        keys = [load_witness_key(file, passphrase=passphrase) for file in _key_files(path)]
        _check_keys([key.verifier_key for key in keys], logs, path=path)
        return cls(WitnessStore(path), keys=keys, logs=logs, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Answer what waits, then end."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()
        self._store.close()

    def offer(self, body: bytes) -> Future[Answer]:
        """Ask for cosignatures; blocks while too many wait already.

        Args:
            body: The body of an add-checkpoint request, any octets at all.

        Returns:
            The answer, once it may be given; or a `LedgerError`: nothing was cosigned.
        """
        prepared = prepare(body, logs=self.logs)
        if isinstance(prepared, Answer):
            refused: Future[Answer] = Future()
            refused.set_result(prepared)
            return refused
        waiting = _Waiting(prepared)
        # Behind the mark that ends the thread nobody may wait.
        with self._closing:
            if self._closed:
                raise StoreError(self.path, "is closed")
            self._queue.put(waiting)
        return waiting.future

    def add_checkpoint(self, body: bytes) -> Answer:
        """Ask for cosignatures, and wait for the answer.

        Raises:
            LedgerError: The witness cannot cosign now. Nothing was cosigned.
        """
        return self.offer(body).result()

    def checkpoint(self, log: bytes) -> bytes:
        """Return the latest checkpoint cosigned of a log, with all signatures.

        Args:
            log: SHA-256 of its origin.

        Raises:
            NotFoundError: None was, or the log is not trusted.
        """
        if log in self._origins:
            with self._store.read() as moment:
                latest = moment.latest(log)
            if latest is not None:
                return latest.note
        raise NotFoundError("checkpoint of such a log")

    def healthy(self) -> bool:
        """Tell whether checkpoints are still cosigned."""
        return self._failure is None and not self._closed and self._thread.is_alive()

    def _run(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._take()
            # A caller may have given up; from here on it no longer can.
            batch = [w for w in batch if w.future.set_running_or_notify_cancel()]
            if batch:
                self._answer(batch)

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Wait for a request; take it and what else waits. Also tell whether it is the end."""
        batch: list[_Waiting] = []
        waiting = self._queue.get()
        while waiting is not None:
            batch.append(waiting)
            if len(batch) >= _AT_ONCE:
                return batch, False
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        for waiting, answer in zip(batch, self._answers(batch), strict=True):
            if isinstance(answer, LedgerError):
                waiting.future.set_exception(answer)
            else:
                waiting.future.set_result(answer)

    def _answers(self, batch: Sequence[_Waiting]) -> Sequence[Answer | LedgerError]:
        if self._failure is not None:
            return [self._failed()] * len(batch)
        try:
            return self._decide([waiting.request for waiting in batch])
        except LedgerError as error:
            return [error] * len(batch)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            # What we believe about the store may be wrong now: cosign nothing more.
            self._failure = error
            return [self._failed()] * len(batch)

    def _failed(self) -> StoreError:
        return StoreError(self.path, f"must be opened again: {self._failure}")

    def _decide(self, requests: Sequence[Request]) -> list[Answer | LedgerError]:
        """Decide requests in their order. When this returns, all that was decided is on disk."""
        now_s = self._clock() // 1000

        def write(change: Change) -> list[Answer | LedgerError]:
            answers: list[Answer | LedgerError] = []
            for request in requests:
                try:
                    answers.append(decide(request, change, cosigners=self._cosigners, now_s=now_s))
                except WrongClockError as error:
                    answers.append(error)  # of this log only
            return answers

        return self._store.change(write)


def create_witness(
    path: Path,
    *,
    keys: Sequence[WitnessKey],
    logs: Iterable[TrustedLog] = (),
    passphrase: bytes | None = None,
) -> None:
    """Make the folder of a new witness: whole, or not at all where it was not there.

    Args:
        path: The folder, which need not be there, nor those above it.
        keys: Its keys, of one name and different algorithms.
        logs: The logs that it trusts.
        passphrase: What its key files are closed with; None for plain ones.

    Raises:
        LedgerError: There is a witness already, or the folder cannot be written.
    """
    logs = tuple(logs)
    _check_keys([key.verifier_key for key in keys], logs, path=path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failure:
        raise KeyFileError(path, f"cannot be made: {failure.strerror}") from None
    # A folder that is there was given to who may make none above it.
    with contextlib.nullcontext(path) if path.is_dir() else making(path) as folder:
        make_private_folder(folder, error=KeyFileError)
        for key in keys:
            key.save(folder / _KEY_FILES[key.algorithm], passphrase=passphrase)
        data = f"{HEADER}\n".encode() + format_logs(logs)
        create_private(folder / _LOGS, data, error=KeyFileError)
        WitnessStore(folder, create=True).close()


def add_logs(path: Path, logs: Iterable[TrustedLog]) -> tuple[TrustedLog, ...]:
    """Trust further logs. A process that serves the witness takes them over when it begins anew.

    Returns:
        Those that are new.

    Raises:
        LedgerError: There is no witness, or its folder cannot be written.
    """
    vkeys = read_vkeys(path)
    with locked(path / _LOCK, error=KeyFileError, wait=True):
        known = set(read_logs(path))
        new = tuple(dict.fromkeys(log for log in logs if log not in known))
        _check_keys(vkeys, new, path=path)
        if new:
            file = path / _LOGS
            kept = read_private(file, limit=MAX_FILE, error=KeyFileError)
            # Behind what is there, so that remarks stay.
            replace_private(file, kept + format_logs(new), error=KeyFileError)
    return new


def read_logs(path: Path) -> tuple[TrustedLog, ...]:
    """Read the logs that the witness in a folder trusts.

    Raises:
        LedgerError: There is no witness, or the file of its logs cannot be read.
    """
    _key_files(path)
    file = path / _LOGS
    try:
        return parse_logs(read_private(file, limit=MAX_FILE, error=KeyFileError))
    except MalformedError as error:
        raise StoreError(file, str(error)) from None


def read_vkeys(path: Path) -> tuple[VerifierKey, ...]:
    """Read the verifier keys of the witness in a folder, without its secrets.

    Raises:
        LedgerError: There is no witness, or its key files cannot be read.
    """
    return tuple(read_witness_vkey(file) for file in _key_files(path))


def _key_files(path: Path) -> list[Path]:
    found = [path / name for name in _KEY_FILES.values() if (path / name).exists()]
    if not found:
        raise NotFoundError(f"witness in {path}")
    return found


def _check_keys(vkeys: Sequence[VerifierKey], logs: Iterable[TrustedLog], *, path: Path) -> None:
    """Check a witness's keys, and that no log's key is among them.

    Raises:
        StoreError: They are not of one name and different kinds, or a log has one of them.
    """
    if len({key.name for key in vkeys}) != 1:
        raise StoreError(path, "a witness has one name")
    if len({key.algorithm for key in vkeys}) != len(vkeys):
        raise StoreError(path, "a witness has one key of each kind")
    own = {key.public for key in vkeys}
    for log in logs:
        if log.key.public in own:
            raise StoreError(log.origin, "its key is the witness's own: no key serves two roles")


def _by_origin(logs: Iterable[TrustedLog]) -> dict[str, tuple[VerifierKey, ...]]:
    found: dict[str, tuple[VerifierKey, ...]] = {}
    for log in logs:
        found[log.origin] = (*found.get(log.origin, ()), log.key)
    return found
