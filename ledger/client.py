"""The ledger behind HTTP, as its party sees it.

What the server says is believed only as far as it was checked: `Remote` fetches every entry and
follows the ledger itself (`ledger.follower`), and it remembers in the party's folder where it
stood. So a server that alters an entry, shows less than before, or shows another history, is
caught at the next question; and a second history that the log key signed is kept as evidence.

    remote/<fingerprint>.json   where the ledger stood: tree, governance, checkpoint
    remote/<fingerprint>.ids    (event id, index) of every event, 40 octets each
    remote/<fingerprint>.lock   held by the one process that moves them forward
    remote/<fingerprint>.fork   two checkpoints that cannot both be true, if that was ever seen

The ids are written first, and the state file says how many of them count: a crash in between
leaves the old state. Nothing here is secret, but whom a party deals with is nobody's business:
0600 and 0700.

TargetError
├── UnansweredError   (transport) there was no whole answer: trying again may help
├── AlteredError      what the server serves does not hold together
├── ShrunkError       the ledger is smaller than it was
└── ForkError         the log key signed two histories
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import msgspec

from ledger.errors import OutboxError, RefusedError, TargetError
from ledger.follower import Follower, parse_follower
from ledger.private import (
    create_private,
    make_private_folder,
    open_private,
    read_private,
    replace_private,
    write_all,
)
from ledger.target import Head
from ledger.transport import Answer, FileBody, Transport, UnansweredError
from ledger.tree import Tree
from verify.checkpoint import Checkpoint, check_parsed, parse_signed
from verify.codec import encode
from verify.errors import RuleError, VerifyError
from verify.note import MAX_NOTE_SIZE, Note
from verify.notes import log_vkey
from verify.receipt import MAX_RECEIPT
from verify.state import State
from verify.submission import SUBMISSION
from verify.tiles import (
    MAX_ENTRY_SIZE,
    TILE_WIDTH,
    entries_path,
    parse_bundle,
    tile_path,
)

__all__ = ["AlteredError", "ForkError", "Remote", "ShrunkError"]

_ID: Final = struct.Struct(">32sQ")
_MAX_BUNDLE: Final = TILE_WIDTH * (MAX_ENTRY_SIZE + 2)
_MAX_TILE: Final = TILE_WIDTH * 32
_MAX_PROBLEM: Final = 1 << 16
_MAX_STATE: Final = 1 << 30
_MAX_IDS: Final = 1 << 34
_PROBLEM: Final = "urn:counterfoil:problem:"
_PROBLEM_TYPE: Final = "application/problem+json"
_OCTETS: Final = "application/octet-stream"
_OK: Final = 200
_CREATED: Final = 201
_NOT_FOUND: Final = 404
_AGAIN: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
_REFUSALS: Final = range(400, 500)
_NO_REFUSALS: Final = frozenset(("not-found", "method-not-allowed"))  # that is no ledger
_LONGEST_WAIT_S: Final = 60.0
_LONGEST_REASON: Final = 1000


class AlteredError(TargetError):
    """What the server serves does not hold together: damaged on its way, or altered.

    Attributes:
        check: The number of the check of SPEC section 12 that fails, when it is one.
    """

    def __init__(self, reason: str, *, check: int | None = None) -> None:
        super().__init__(reason)
        self.check = check


class ShrunkError(TargetError):
    """The ledger is smaller than it was: cut, put back to an older state, or its answer is stale.

    Attributes:
        seen: The signed checkpoint that was seen before.
        shown: The one that is shown now.
    """

    def __init__(self, *, size: int, before: int, seen: bytes, shown: bytes) -> None:
        super().__init__(f"the ledger shows {size} entries, and had {before} before")
        self.seen = seen
        self.shown = shown


class ForkError(TargetError):
    """The log key signed two histories: the two checkpoints prove it to anybody.

    Attributes:
        seen: The signed checkpoint that was seen before.
        shown: The one that is shown now.
        path: Where both are kept.
    """

    def __init__(self, *, size: int, seen: bytes, shown: bytes, path: Path) -> None:
        super().__init__(
            f"a fork: the log key signed two different trees of {size} entries; "
            f"both checkpoints are kept in {path}"
        )
        self.seen = seen
        self.shown = shown
        self.path = path


class _Problem(msgspec.Struct):
    """As much of a problem (RFC 9457) as a refusal needs."""

    type: str
    title: str = ""
    detail: str = ""
    check: int | None = None
    where: str | None = None


class Remote:
    """A `Target`: the ledger at a URL, identified by its fingerprint. For one thread."""

    def __init__(
        self,
        url: str,
        *,
        fingerprint: str,
        home: Path,
        timeout_s: float = 30.0,
        deadline_s: float = 600.0,
        attempts: int = 5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare to ask the server at `url`; nothing is asked yet.

        Args:
            url: `http(s)://host[:port][/path]`.
            fingerprint: Leaf hash of entry 0, in hex, as it was handed over out of band.
            home: The party's folder.
            timeout_s: How long to wait for any octet.
            deadline_s: How long one request may take.
            attempts: How often a request is sent before giving up.
            sleep: Waits, between attempts.

        Raises:
            TargetError: The URL or the fingerprint is none.
            OutboxError: The folder cannot be used.
        """
        if len(fingerprint) != 64 or fingerprint.strip("0123456789abcdef"):  # noqa: PLR2004 - hex of 32
            raise TargetError(f"{fingerprint[:80]!r} is no fingerprint")
        self._transport = Transport(url, timeout_s=timeout_s, deadline_s=deadline_s)
        self._fingerprint = fingerprint
        self._attempts = attempts
        self._sleep = sleep
        self._kept = _Kept(home / "remote", fingerprint)
        self._follower: Follower | None = None
        self._stale = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    @property
    def fingerprint(self) -> str:
        """The leaf hash of entry 0, in hex."""
        return self._fingerprint

    @property
    def origin(self) -> str:
        """The log's name, by the charter."""
        return _state_of(self._followed()).charter.origin

    @property
    def log_keys(self) -> Sequence[tuple[int, str]]:
        """Which log key, in hex, signs from which size on.

        Asked for after something was submitted, it is fetched: that may have changed it.
        """
        if self._stale:
            self.head()
        return _state_of(self._followed()).log_keys

    def head(self) -> Head:
        """Fetch the latest checkpoint and all entries up to it, and check them.

        Raises:
            AlteredError: An entry, or the checkpoint, does not hold.
            ShrunkError: The ledger is smaller than it was.
            ForkError: The log key signed two histories.
            UnansweredError: The server does not answer.
            OutboxError: The party's folder cannot be used.
        """
        note = self._fetch("checkpoint", MAX_NOTE_SIZE)
        try:
            checkpoint, parsed = parse_signed(note)
        except VerifyError as error:
            raise AlteredError(f"the checkpoint does not hold: {error}") from None
        with self._kept.lock():
            follower = self._kept.load(self._follower)
            self._follower = None  # until all has been checked
            if checkpoint.size < follower.size:
                self._check_signed(follower, checkpoint, parsed)
                raise ShrunkError(
                    size=checkpoint.size,
                    before=follower.size,
                    seen=follower.note or b"",
                    shown=note,
                )
            self._follow(follower, checkpoint, parsed, note)
            follower.note = note
            self._kept.save(follower)
            self._follower = follower
        self._stale = False
        return Head(size=checkpoint.size, root=checkpoint.root, note=note)

    def add_file(self, stream: BinaryIO, *, sha256: str, size: int) -> None:
        """Hand over a file that a submission will name.

        Raises:
            RefusedError: The ledger does not take it.
            TargetError: Whether the ledger has it is not known.
        """
        body = FileBody(stream, size)
        self._send("PUT", f"files/{sha256}", body, media_type=_OCTETS)

    def submit(self, document: bytes) -> bytes:
        """Hand over a submission document and return the octets of its receipt, not checked.

        Sent again, where there was no answer, it is recorded once all the same.

        Raises:
            RefusedError: The ledger does not accept it.
            TargetError: Whether the ledger has accepted it is not known.
        """
        self._stale = True
        return self._send("POST", "submissions", document, media_type=SUBMISSION)

    def index_of(self, event_id: bytes) -> int | None:
        """Return the index of the event with this id, None if the ledger has none.

        Raises:
            TargetError: It cannot be asked, or its answer does not hold.
        """
        index = self._followed().index_of(event_id)
        if index is None:
            # What is not there may have come since; what is there stays.
            self.head()
            index = self._followed().index_of(event_id)
        return index

    def _followed(self) -> Follower:
        if self._follower is None:
            with self._kept.lock():
                follower = self._kept.load(None)
            if follower.size:
                self._follower = follower
            else:
                self.head()
        if self._follower is None:
            raise AssertionError("a head that was fetched has entries")
        return self._follower

    # Checking

    def _follow(
        self, follower: Follower, checkpoint: Checkpoint, parsed: Note, note: bytes
    ) -> None:
        """Bring a follower to the size of a checkpoint, and check that it is the checkpoint's."""
        before, seen = follower.frontier.copy(), follower.note
        try:
            for entry in self._entries(follower.size, checkpoint.size):
                follower.take(entry)
            follower.finish()
            self._check_signed(follower, checkpoint, parsed)
            if follower.frontier.root() == checkpoint.root:
                return
            reason = "the entries do not make the tree that the checkpoint names"
            problem = AlteredError(reason)
        except VerifyError as error:
            check = error.check.value if isinstance(error, RuleError) else None
            problem = AlteredError(f"what the ledger serves does not hold: {error}", check=check)
        if seen is not None and self._is_fork(before.size, before.root(), checkpoint):
            kept = self._kept.load(None)
            self._check_signed(kept, checkpoint, parsed)
            path = self._kept.keep_fork(seen, note)
            raise ForkError(size=before.size, seen=seen, shown=note, path=path)
        raise problem

    def _check_signed(self, follower: Follower, checkpoint: Checkpoint, parsed: Note) -> None:
        """Check a checkpoint's signature by the log key of its size, as far as `follower` knows."""
        state = _state_of(follower)
        if not checkpoint.size:
            raise AlteredError("the checkpoint is of an empty log")
        try:
            key = log_vkey(state.charter.origin, state.log_key_at(checkpoint.size))
            check_parsed(checkpoint, parsed, key=key, origin=state.charter.origin)
        except VerifyError as error:
            raise AlteredError(f"the checkpoint does not hold: {error}") from None

    def _is_fork(self, size: int, root: bytes, checkpoint: Checkpoint) -> bool:
        """Tell whether the checkpoint's own tree, by its tiles, had another root at `size`."""
        if checkpoint.size == size:
            return checkpoint.root != root

        def read(level: int, number: int) -> bytes:
            width = min(TILE_WIDTH, (checkpoint.size >> (8 * level)) - TILE_WIDTH * number)
            path = tile_path(level=level, number=number, width=width)
            data = self._fetch_part(path, width, _MAX_TILE)[: 32 * width]
            if len(data) != 32 * width:
                raise AlteredError(f"{path} is cut short")
            return data

        try:
            tree = Tree(read)
            return tree.root(checkpoint.size) == checkpoint.root and tree.root(size) != root
        except TargetError:
            return False  # without the tiles nothing is proven

    def _entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Fetch the entries [start, stop)."""
        if start == stop:
            return
        for number in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)):
            first = number * TILE_WIDTH
            width = min(TILE_WIDTH, stop - first)
            path = entries_path(number=number, width=width)
            entries = parse_bundle(self._fetch_part(path, width, _MAX_BUNDLE), where=path)
            if len(entries) < width:
                raise AlteredError(f"{path} has {len(entries)} entries, not {width}")
            yield from entries[max(0, start - first) : width]

    # Asking

    def _fetch_part(self, path: str, width: int, limit: int) -> bytes:
        """Fetch a tile or bundle; the full one, where the partial one is no longer kept."""
        answer = self._ask(lambda: self._transport.get(path, limit=limit), path)
        if answer.status == _NOT_FOUND and width < TILE_WIDTH:
            path = path.partition(".p/")[0]
            answer = self._ask(lambda: self._transport.get(path, limit=limit), path)
        return _expect_ok(answer, path)

    def _fetch(self, path: str, limit: int) -> bytes:
        answer = self._ask(lambda: self._transport.get(path, limit=limit), path)
        return _expect_ok(answer, path)

    def _send(self, method: str, path: str, body: bytes | FileBody, *, media_type: str) -> bytes:
        limit = max(MAX_RECEIPT, _MAX_PROBLEM)
        answer = self._ask(
            lambda: self._transport.send(method, path, body, media_type=media_type, limit=limit),
            path,
        )
        if answer.status in {_OK, _CREATED}:
            return answer.body
        raise _refusal(answer, path)

    def _ask(self, ask: Callable[[], Answer], path: str) -> Answer:
        """Ask until there is an answer that asking again would not change."""
        wait_s = 0.5
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            try:
                answer = ask()
            except UnansweredError:
                if last:
                    raise
                self._sleep(wait_s)
            else:
                if answer.status not in _AGAIN:
                    return answer
                if last:
                    break
                self._sleep(_retry_after_s(answer, wait_s))
            wait_s *= 2
        raise UnansweredError(f"/{path}: the server has no time, or is in trouble: {answer.status}")


def _state_of(follower: Follower) -> State:
    if follower.state is None:
        raise AlteredError("the ledger has no entry 0")
    return follower.state


def _expect_ok(answer: Answer, path: str) -> bytes:
    if answer.status != _OK:
        raise TargetError(f"/{path}: the server answers {answer.status}")
    return answer.body


def _retry_after_s(answer: Answer, otherwise_s: float) -> float:
    text = answer.retry_after
    if not (text.isascii() and text.isdigit()):
        return otherwise_s
    return min(float(text), _LONGEST_WAIT_S)


def _refusal(answer: Answer, path: str) -> RefusedError | TargetError:
    """Return the refusal that an answer is; what is no problem of ours refuses nothing."""
    unclear = f"/{path}: the server answers {answer.status}"
    if answer.media_type != _PROBLEM_TYPE:
        return TargetError(unclear)
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return TargetError(unclear)
    slug = problem.type.removeprefix(_PROBLEM)
    reason = (problem.detail or problem.title or slug)[:_LONGEST_REASON]
    if slug == problem.type or slug in _NO_REFUSALS or answer.status not in _REFUSALS:
        return TargetError(f"{unclear}: {reason}")
    where = None if problem.where is None else problem.where[:_LONGEST_REASON]
    return RefusedError(reason, check=problem.check, where=where)


class _Ids:
    """The event ids that are known on disk; read when one is first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._known: dict[bytes, int] | None = None

    def __call__(self, event_id: bytes) -> int | None:
        if self._known is None:
            self._known = dict(_ID.iter_unpack(self._read()))
        return self._known.get(event_id)

    def add(self, fresh: dict[bytes, int]) -> None:
        """Write ids behind those that count, and sync them."""
        if not self.path.exists():
            create_private(self.path, b"", error=OutboxError)
        data = b"".join(_ID.pack(event_id, index) for event_id, index in fresh.items())
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.ftruncate(fd, self.count * _ID.size)
                os.lseek(fd, 0, os.SEEK_END)
                write_all(fd, data)
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as failure:
            raise OutboxError(self.path, f"cannot be written: {failure.strerror}") from None
        if self._known is not None:
            self._known.update(fresh)
        self.count += len(fresh)

    def _read(self) -> bytes:
        if not self.count:
            return b""
        wanted = self.count * _ID.size
        data = read_private(self.path, limit=_MAX_IDS, error=OutboxError)[:wanted]
        if len(data) != wanted:
            raise OutboxError(self.path, "is shorter than it was written")
        return data


class _Kept:
    """What is kept of one ledger in the party's folder."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        make_private_folder(folder.parent, error=OutboxError)
        make_private_folder(folder, error=OutboxError)
        self._fingerprint = fingerprint
        self._state = folder / f"{fingerprint}.json"
        self._lock = folder / f"{fingerprint}.lock"
        self._fork = folder / f"{fingerprint}.fork"
        self._ids_path = folder / f"{fingerprint}.ids"
        self._ids = _Ids(self._ids_path)
        self._data = b""

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one process that moves this forward; waits for another that does."""
        if not self._lock.exists():
            with contextlib.suppress(OutboxError):  # another process was faster
                create_private(self._lock, b"", error=OutboxError)
        with open_private(self._lock, error=OutboxError) as fd:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield

    def load(self, held: Follower | None) -> Follower:
        """Return the follower that is kept: `held` itself, unless another process moved it."""
        data = b""
        if self._state.exists():
            data = read_private(self._state, limit=_MAX_STATE, error=OutboxError)
        if held is not None and data == self._data:
            return held
        self._ids = _Ids(self._ids_path)
        if not data:
            return Follower(fingerprint=self._fingerprint, find_known=self._ids)
        self._ids.count = _count_of(data, self._state)
        try:
            follower = parse_follower(data, fingerprint=self._fingerprint, find_known=self._ids)
        except VerifyError as error:
            raise OutboxError(self._state, f"cannot be read: {error}") from None
        self._data = data
        return follower

    def save(self, follower: Follower) -> None:
        """Keep a follower that has been checked."""
        if follower.fresh:
            self._ids.add(follower.fresh)
            follower.fresh = {}
        data = follower.format()
        if data != self._data:
            replace_private(self._state, data, error=OutboxError)
            self._data = data

    def keep_fork(self, seen: bytes, shown: bytes) -> Path:
        """Keep two checkpoints that cannot both be true."""
        text = encode((seen.decode(), shown.decode()))
        replace_private(self._fork, text, error=OutboxError)
        return self._fork


class _Counted(msgspec.Struct):
    ids: int


def _count_of(data: bytes, path: Path) -> int:
    try:
        return msgspec.json.decode(data, type=_Counted).ids
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise OutboxError(path, "cannot be read") from None
