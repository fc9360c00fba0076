"""A ledger: the one object that everybody else uses.

A ledger is a folder: `ledger.mdb`, `files/`, the log's key in `log.key`, and further log keys in
`log-*.key` while one takes the place of another. It is thread-safe. Whether what it holds is
valid is for `verify` to say; here it is only kept, proved and handed out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Self

from ledger.commit import EMPTY_HEAD, Head
from ledger.disputes import check_undisputed, is_decided
from ledger.errors import LogKeyError, StoreError
from ledger.files import ByteStream, Files, Kept, Vouched
from ledger.keys import LogKey
from ledger.log import Log
from ledger.making import making
from ledger.mirrored import load_mirror
from ledger.notes import check_cosigned, merge_notes
from ledger.opening import (
    LOG_KEY_FILE,
    check_clock,
    check_recorded_in,
    further_log_key_file,
    load_log_keys,
)
from ledger.past import StorePast, load_head
from ledger.receipts import Receipts
from ledger.sequencer import (
    FileSizes,
    LogSigner,
    Prepared,
    Wanted,
    check_files,
    prepare_submission,
    wanted_files,
)
from ledger.steady import Clock, Steady
from ledger.store import Store
from ledger.tree import Tree
from ledger.writer import Observer, Settled, Writer, ignore
from verify.checks import Check
from verify.errors import RuleError
from verify.kinds import Charter
from verify.rules import Past
from verify.state import State
from verify.submission import Submission, parse_document

__all__ = ["FILES_FOLDER", "Ledger"]

FILES_FOLDER = "files"
_PUBLISHED = 6  # the step of `writer` after which readers find what was recorded

Listener = Callable[[], None]


class Ledger(Log):
    """A ledger that is open. Made by `create` and `open`.

    Attributes:
        origin: Its name, for ever.
        fingerprint: Leaf hash of entry 0, in hex.
        mirror: Of what it is a mirror, where it is one.
    """

    def __init__(
        self,
        path: Path,
        *,
        store: Store,
        head: Head,
        clock: Steady | None,
        signers: dict[bytes, LogSigner],
        observer: Observer,
    ) -> None:
        """Take over an open store. Use `create` or `open`."""
        super().__init__(path, store)
        self.mirror = load_mirror(path)
        self._files = Files(path / FILES_FOLDER)
        self._signers = signers
        self._head = head
        self._observer = observer
        self._listeners: tuple[Listener, ...] = ()
        self._listening = threading.Lock()
        self._following = threading.Lock()
        self._clock = clock
        self._writer: Writer | None = None
        if clock is not None:
            self._files.clean()
            self._writer = Writer(
                store, self._files, head=head, clock=clock, signers=signers, observer=self._observe
            )

    @classmethod
    def create(cls, path: Path, *, document: bytes, log_key: LogKey, clock: Clock) -> Ledger:
        """Found a ledger in the new folder `path`, and open it.

        It is made beside and moved to its place whole: see `making`.

        Args:
            path: The folder, which must not be there yet; the one above it must.
            document: The submission document of entry 0, a charter.
            log_key: The log key that the charter names.
            clock: Gives the time, now and for as long as the ledger is open.

        Raises:
            VerifyError: The document founds no ledger.
            LogKeyError: The charter names another log key.
            StoreError: The folder is there already, or cannot be made.
            FullError: There is no room.
            BusyError: Another process is making it.
        """
        charter = parse_document(document).events[0].event
        if not isinstance(charter, Charter):
            raise RuleError(Check.CHARTER, "events[0].kind", "entry 0 is not a charter")
        if bytes.fromhex(charter.log_key) != log_key.public:
            raise LogKeyError(path, key=charter.log_key)
        with making(path) as beside:
            (beside / FILES_FOLDER).mkdir(mode=0o700)
            log_key.save(beside / LOG_KEY_FILE)
            store = Store(beside, create=True)
            signers: dict[bytes, LogSigner] = {log_key.public: log_key}
            founding = cls(
                beside,
                store=store,
                head=EMPTY_HEAD,
                clock=Steady(clock, None),
                signers=signers,
                observer=ignore,
            )
            with founding:
                founding.submit(document)
        return cls.open(path, clock=clock)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock | None = None,
        elapsed: Clock | None = None,
        read_only: bool = False,
        accept_clock: bool = False,
        observer: Observer = ignore,
    ) -> Ledger:
        """Open the ledger in the folder `path`.

        Args:
            path: The folder.
            clock: Gives the time; needed unless `read_only`.
            elapsed: Gives the time of a clock that nobody sets: while the other moves against it,
                nothing is recorded. Without one, `clock` is believed.
            read_only: Record nothing. No log key is read, and another process may record.
            accept_clock: Somebody has confirmed that the clock is right although the last entry
                disagrees.
            observer: Is told of each step of `writer`.

        Raises:
            NotFoundError: There is no ledger.
            BusyError: Another process records in it.
            WrongClockError: The clock stands behind the last entry, or more than a day ahead of
                it; or there is no clock.
            LogKeyError: The log key in force is not at hand.
            StoreError: What is stored cannot be read or does not hold together; or it is a backup
                or a mirror, and was not to be only read.
            DisputedError: The log's key is known to have signed another history, and nobody has
                decided to go on: not raised where it is only read.
        """
        if not read_only:
            check_recorded_in(path)
        store = Store(path, read_only=read_only)
        try:
            with store.read() as snapshot:
                head = load_head(snapshot, path=path)
                if not read_only:
                    tree = Tree(snapshot.tile)
                    check_undisputed(path, head.state, size=head.size, root_at=tree.root)
            signers: dict[bytes, LogSigner] = {}
            steady: Steady | None = None
            if not read_only:
                steady = Steady(check_clock(clock, head, accepted=accept_clock), elapsed)
                signers = load_log_keys(path, head.state)
            return cls(
                path, store=store, head=head, clock=steady, signers=signers, observer=observer
            )
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Record what waits, then close."""
        if self._writer is not None:
            self._writer.close()
        self._store.close()

    def healthy(self) -> bool:
        """Tell whether the ledger does what it was opened for: if it was to record, it can."""
        return self._writer is None or self._writer.healthy()

    def is_decided(self, note: bytes) -> bool:
        """Tell whether it was decided to go on although the log's key signed this checkpoint."""
        return is_decided(self.path, note)

    def heard(self, timestamp_ms: int) -> None:
        """Take note that a witness says, just now, that it is this late.

        While the ledger's clock is far ahead of that, nothing is recorded. See `Steady.heard`.
        """
        if self._clock is not None:
            self._clock.heard(timestamp_ms)

    @property
    def origin(self) -> str:
        """The ledger's name."""
        return self.state().charter.origin

    @property
    def fingerprint(self) -> str:
        """Leaf hash of entry 0, in hex."""
        return self.state().fingerprint

    def head(self) -> Head:
        """Return where the ledger stands; never ahead of what is on disk."""
        return self._current()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called whenever more is recorded; return what ends that.

        The thread that records calls it, and waits for it.
        """
        with self._listening:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._listening:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return end

    def notice(self) -> None:
        """Tell all who listen that another process has recorded more."""
        for listener in self._listeners:
            listener()

    def keep_note(self, note: bytes) -> int:
        """Keep a checkpoint of this log that others have cosigned, and return its size.

        Its lines are added to those of the one that was kept for its size before, which goes,
        unless a submission has named it.

        Raises:
            RuleError: As `check_cosigned`.
            NotFoundError: It is of a size that the log has not reached.
            FullError: There is no room.
        """
        state = self.state()
        size = check_cosigned(note, state=state, root_at=self.root_at)
        self._store.keep_notes([(size, note)], merge=partial(merge_notes, state=state))
        return size

    def add_file(self, stream: ByteStream, *, sha256: str, size: int) -> None:
        """Keep a file, so that a submission can disclose it.

        Raises:
            FileMismatchError: The octets are not of that size or hash.
            FullError: There is no room.
        """
        self._files.add(stream, sha256=sha256, size=size)

    def file_path(self, sha256: str) -> Path:
        """Return where a file is.

        Raises:
            NotFoundError: It is not there.
        """
        return self._files.path(sha256)

    def kept_files(self) -> Iterator[Kept]:
        """Yield the files that are kept, named by a disclosure or not, in no order."""
        return self._files.kept()

    def state(self) -> State:
        """Return the rules' state after the last entry."""
        state = self._current().state
        if state is None:
            raise StoreError(self.path, "has no entry 0")
        return state

    def past(self) -> Past:
        """Return the door through which the rules look at earlier events."""
        return StorePast(self._store.read)

    def submit(self, document: bytes) -> bytes:
        """Record a submission document and return its receipt, when it is durable.

        Raises:
            VerifyError: It is refused.
            FullError: There is no room; the same may be submitted again.
            StoreError: The ledger cannot record.
        """
        return self.offer(self.prepare(document)).result().receipt

    def prepare(self, document: bytes, *, vouched: Container[str] | None = None) -> Prepared:
        """Check all of a submission document that needs no order, in this thread.

        Args:
            document: The document.
            vouched: Hashes of the files that its author has shown to have, or may see: another is
                to it as one that is not here. None where any may be named: who has the folder
                has them all.

        Raises:
            VerifyError: It is refused.
            StoreError: The ledger is open for reading only.
        """
        state = self._recording().head.state
        submission = parse_document(document)
        try:
            check_files(submission, self._namable(vouched))
        except RuleError:
            # What is recorded already discloses nothing more when it comes again.
            if vouched is None or not self._is_known(submission):
                raise
            check_files(submission, self._files)
        return prepare_submission(submission, state=state)

    def offer(self, prepared: Prepared) -> Future[Settled]:
        """Begin to record what was prepared; blocks while very many others wait.

        Returns:
            Its receipt, when it is durable; or the reason of the refusal.

        Raises:
            StoreError: The ledger is open for reading only, or closed.
        """
        return self._recording().offer(prepared)

    def announce(self) -> None:
        """Say that a submission is on its way: somebody will prepare and perhaps offer it.

        Whoever says so calls `arrive` when it is about to be offered, or is refused. Those that
        come at about the same time are then recorded together.

        Raises:
            StoreError: The ledger is open for reading only.
        """
        self._recording().coming.add(1)

    def arrive(self) -> None:
        """Say that a submission that was announced is about to be offered, or is refused."""
        self._recording().coming.add(-1)

    def wanted_files(self, document: bytes, *, vouched: Container[str] | None = None) -> Wanted:
        """Return which files a submission document wants that are not here.

        Args:
            document: The document.
            vouched: As for `prepare`.

        Raises:
            VerifyError: It is not sound in itself, or its statement breaks a rule.
            StoreError: The ledger is open for reading only.
        """
        head = self._recording().head
        if self._clock is None:
            raise AssertionError("whoever records has a clock")
        files = self._namable(vouched)
        return wanted_files(document, head=head, files=files, now_ms=self._clock.now_ms())

    def _namable(self, vouched: Container[str] | None) -> FileSizes:
        return self._files if vouched is None else Vouched(self._files, vouched)

    def _is_known(self, submission: Submission) -> bool:
        return all(self.index_of(each.id) is not None for each in submission.events)

    def receipt(self, index: int) -> bytes:
        """Return the receipt of the submission that holds the entry, at the latest checkpoint.

        Raises:
            NotFoundError: There is no such entry.
        """
        fingerprint = self.fingerprint
        return self._look(lambda snapshot: Receipts(snapshot, fingerprint=fingerprint).of(index))

    def receipt_under(self, index: int, *, note: bytes) -> bytes:
        """Return the receipt of the submission that holds the entry, at a cosigned checkpoint.

        Args:
            index: The entry's.
            note: A signed checkpoint of this log, which has been checked, that covers all of it.

        Raises:
            NotFoundError: There is no such entry.
        """
        fingerprint = self.fingerprint
        return self._look(
            lambda snapshot: Receipts(snapshot, fingerprint=fingerprint, note=note).of(index)
        )

    def add_log_key(self, log_key: LogKey) -> None:
        """Hold a further log key, before a charter that names it is submitted.

        Raises:
            KeyFileError: It cannot be saved.
        """
        if log_key.public not in self._signers:
            log_key.save(self.path / further_log_key_file(log_key))
            self._signers[log_key.public] = log_key

    def drop_log_key(self, log_key: LogKey) -> None:
        """Hold a log key no longer: the charter that names it was refused, and no other does."""
        del self._signers[log_key.public]
        (self.path / further_log_key_file(log_key)).unlink()

    def _observe(self, step: int) -> None:
        self._observer(step)
        if step == _PUBLISHED:
            self.notice()

    def _recording(self) -> Writer:
        if self._writer is None:
            raise StoreError(self.path, "is open for reading only")
        return self._writer

    def _current(self) -> Head:
        if self._writer is not None:
            return self._writer.head
        # Another process may have recorded.
        with self._store.read() as snapshot:
            head = self._head
            if snapshot.size > head.size:
                head = load_head(snapshot, path=self.path)
        # A thread whose snapshot is older must take nothing back: by a state from before its
        # revocation a key would be good.
        with self._following:
            if head.size > self._head.size:
                self._head = head
        return head
