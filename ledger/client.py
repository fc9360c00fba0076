"""The ledger behind HTTP, as its party sees it.

What the server says is believed only as far as it was checked: `Remote` fetches every entry and
follows the ledger itself (`ledger.follower`), and it remembers in the party's folder where it
stood. So a server that alters an entry, shows less than before, or shows another history, is
caught at the next question; and a second history that the log key signed is kept as evidence
(`ledger.kept`).

TargetError
├── UnansweredError   (transport) there was no whole answer: trying again may help
├── AlteredError      what the server serves does not hold together
├── ShrunkError       the ledger is smaller than it was
└── ForkError         the log key signed two histories
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from ledger.asking import Asking, Patience, SessionSigner
from ledger.errors import TargetError
from ledger.follower import Follower
from ledger.kept import Kept
from ledger.target import Head
from ledger.transport import FileBody
from ledger.tree import Tree
from verify.checkpoint import Checkpoint, check_parsed, parse_signed
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

_MAX_BUNDLE: Final = TILE_WIDTH * (MAX_ENTRY_SIZE + 2)
_MAX_TILE: Final = TILE_WIDTH * 32
_OCTETS: Final = "application/octet-stream"
_PATIENCE: Final = Patience()


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


class Remote:
    """A `Target`: the ledger at a URL, identified by its fingerprint. For one thread."""

    def __init__(
        self,
        url: str,
        *,
        fingerprint: str,
        home: Path,
        now_ms: Callable[[], int],
        signer: SessionSigner | None = None,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Prepare to ask the server at `url`; nothing is asked yet.

        Args:
            url: `http(s)://host[:port][/path]`.
            fingerprint: Leaf hash of entry 0, in hex, as it was handed over out of band.
            home: The party's folder.
            now_ms: The clock, in milliseconds since 1970.
            signer: The party's key, which is asked for where the server has to know who asks:
                where a ledger is read by its parties only, and to hand over files.
            patience: How long to try.

        Raises:
            TargetError: The URL or the fingerprint is none.
            OutboxError: The folder cannot be used.
        """
        if len(fingerprint) != 64 or fingerprint.strip("0123456789abcdef"):  # noqa: PLR2004 - hex of 32
            raise TargetError(f"{fingerprint[:80]!r} is no fingerprint")
        self._asking = Asking(
            url, fingerprint=fingerprint, signer=signer, now_ms=now_ms, patience=patience
        )
        self._fingerprint = fingerprint
        self._kept = Kept(home / "remote", fingerprint)
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
        self._asking.close()

    @property
    def fingerprint(self) -> str:
        """The leaf hash of entry 0, in hex."""
        return self._fingerprint

    @property
    def origin(self) -> str:
        """The log's name, by the charter."""
        return _state_of(self._followed()).charter.origin

    def claimed_origin(self) -> str:
        """Return the log's name as the server's checkpoint has it, which nobody has vouched for.

        For who may not read the ledger yet. What is signed with it names the fingerprint, too.

        Raises:
            TargetError: The server gives no checkpoint.
        """
        try:
            return parse_signed(self._asking.fetch("checkpoint", limit=MAX_NOTE_SIZE))[0].origin
        except VerifyError as error:
            raise AlteredError(f"the checkpoint does not hold: {error}") from None

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
        note = self._asking.fetch("checkpoint", limit=MAX_NOTE_SIZE)
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
        self._asking.send("PUT", f"files/{sha256}", body, media_type=_OCTETS, limit=0)

    def submit(self, document: bytes) -> bytes:
        """Hand over a submission document and return the octets of its receipt, not checked.

        Sent again, where there was no answer, it is recorded once all the same.

        Raises:
            RefusedError: The ledger does not accept it.
            TargetError: Whether the ledger has accepted it is not known.
        """
        self._stale = True
        return self._asking.send(
            "POST", "submissions", document, media_type=SUBMISSION, limit=MAX_RECEIPT
        )

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

    def _fetch_part(self, path: str, width: int, limit: int) -> bytes:
        """Fetch a tile or bundle; the full one, where the partial one is no longer kept."""
        full = path.partition(".p/")[0] if width < TILE_WIDTH else None
        return self._asking.fetch(path, limit=limit, otherwise=full)


def _state_of(follower: Follower) -> State:
    if follower.state is None:
        raise AlteredError("the ledger has no entry 0")
    return follower.state
