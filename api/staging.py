"""Staging: files that came before the submission that names them.

How many octets they may have together is bounded, and how many each party may have; and each goes
after a time.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from api.bodies import Chunks
from api.limits import Quota
from api.problems import ProblemError
from ledger.errors import NotFoundError
from ledger.files import ByteStream, Kept
from ledger.ledger import Ledger
from verify.claims import File, parse_disclosure

__all__ = ["Staging", "files_in"]

_BLOCK = 1 << 20
_NOBODY = ""  # no party is called so


class _Disclosed(msgspec.Struct, frozen=True):
    """As much of a submission document as names files."""

    disclosures: tuple[tuple[str, ...], ...]


_DISCLOSED = msgspec.json.Decoder(_Disclosed)


class _Staged(NamedTuple):
    """A file that nothing has named yet: who brought it, its octets, until when it may stay."""

    party: str
    size: int
    until: float


class _Counted:
    """A body that takes room for its octets as they come, in blocks.

    Attributes:
        held: Octets of room that it holds; in the end, as many as it has.
    """

    def __init__(self, body: Chunks, quota: Quota, *, party: str, size: int) -> None:
        self.held = 0
        self._body = body
        self._quota = quota
        self._party = party
        self._size = size
        self._came = 0

    async def chunk(self) -> bytes:
        """Return the next octets; none at the end.

        Raises:
            ProblemError: `full`.
        """
        data = await self._body.chunk()
        self._came += len(data)
        # Never more than was announced: what is more than that is refused by whoever reads.
        wanted = min(self._size, -(-self._came // _BLOCK) * _BLOCK)
        if wanted > self.held:
            self._quota.take(self._party, wanted - self.held, otherwise=_full())
            self.held = wanted
        return data


class Staging:
    """Which files of a ledger no accepted submission has named yet. For one event loop.

    A file is removed only when nothing in the ledger names it and nothing that could come to name
    it is being judged: a submission's files are looked for before it has its place.
    """

    def __init__(self, ledger: Ledger, quota: Quota, *, keep_s: float) -> None:
        """Bound the files of `ledger` by `quota`, and each by `keep_s` after it came."""
        self._ledger = ledger
        self._quota = quota
        self._keep_s = keep_s
        self._staged: dict[str, _Staged] = {}
        self._coming: Counter[str] = Counter()
        self._named: set[str] = set()  # of those that come, by submissions accepted meanwhile
        self._judging = 0

    def __bool__(self) -> bool:
        """Tell whether there are any, or some are coming."""
        return bool(self._staged) or bool(self._coming)

    @contextlib.contextmanager
    def judging(self) -> Iterator[None]:
        """Let no file expire while a submission finds its files, is recorded and releases them."""
        self._judging += 1
        try:
            yield
        finally:
            self._judging -= 1

    @contextlib.contextmanager
    def coming(self, sha256: str) -> Iterator[None]:
        """Let a file not expire while somebody sends it."""
        self._coming[sha256] += 1
        try:
            yield
        finally:
            self._coming[sha256] -= 1
            if not self._coming[sha256]:
                del self._coming[sha256]
                self._named.discard(sha256)

    @contextlib.contextmanager
    def reserve(
        self, body: Chunks, *, party: str, sha256: str, size: int, held: bool = False
    ) -> Iterator[Chunks]:
        """Hold room for a party's file as it comes, and while nothing names it if it came.

        Room is asked for whether the file is here or not: only who has a file may learn that. One
        that the party itself brought is no news to it.

        Args:
            body: What comes.
            party: Who brings it.
            sha256: Its hash.
            size: How many octets are announced.
            held: Whether it was here already.

        Yields:
            The body, which refuses with `full` when what comes has no room.

        Raises:
            ProblemError: `full`: there is no room for all of it now.
        """
        known = self._staged.get(sha256)
        if known is not None and (known.party, known.size) == (party, size):
            yield body
            self._renew(sha256)
            return
        if size > self._quota.left(party):
            raise _full()
        counted = _Counted(body, self._quota, party=party, size=size)
        try:
            yield counted
        except BaseException:
            self._quota.give(party, counted.held)
            raise
        if held or sha256 in self._staged or sha256 in self._named:
            self._quota.give(party, counted.held)  # it, or another request, brought the same
            self._renew(sha256)
        else:
            self._staged[sha256] = _Staged(party, counted.held, self._until())

    def adopt(self, left: Iterable[Kept], *, now_ms: int) -> None:
        """Take over what an earlier process left: files that nothing names.

        Args:
            left: What `ledger.named.leftovers` found.
            now_ms: The time, in milliseconds since 1970.
        """
        now = time.monotonic()
        for file in left:
            if file.sha256 not in self._staged:
                self._quota.hold(_NOBODY, file.size)
                until = now + self._keep_s - max(0, now_ms - file.since_ms) / 1000
                self._staged[file.sha256] = _Staged(_NOBODY, file.size, until)

    def release(self, named: frozenset[str]) -> None:
        """Let go of files that an accepted submission names."""
        self._named |= named & self._coming.keys()
        for sha256 in named & self._staged.keys():
            self._forget(sha256)

    def due(self) -> frozenset[str]:
        """Return which files nothing has named for too long."""
        now = time.monotonic()
        return frozenset(sha256 for sha256, staged in self._staged.items() if staged.until <= now)

    def named(self, files: frozenset[str]) -> frozenset[str]:
        """Return which of these files the ledger names after all, as it may. Blocks.

        One that was lost and that somebody has sent again was named by an old submission.
        """
        found: set[str] = set()
        for _, texts in self._ledger.disclosed():
            found |= _files_of(texts) & files
        return frozenset(found)

    def expire(self, due: frozenset[str], named: frozenset[str]) -> None:
        """Remove files that are due and that the ledger does not name.

        Args:
            due: What `due` returned.
            named: What `named` returned since.
        """
        self.release(named)
        if self._judging:
            return  # the next time
        for sha256 in due & self.due() - self._coming.keys():
            with contextlib.suppress(NotFoundError):
                self._ledger.file_path(sha256).unlink(missing_ok=True)
            self._forget(sha256)

    def _forget(self, sha256: str) -> None:
        staged = self._staged.pop(sha256)
        self._quota.give(staged.party, staged.size)

    def _renew(self, sha256: str) -> None:
        """Begin the time of a file anew: somebody has sent it again."""
        if sha256 in self._staged:
            self._staged[sha256] = self._staged[sha256]._replace(until=self._until())

    def _until(self) -> float:
        return time.monotonic() + self._keep_s

    def holds(self, sha256: str) -> bool:
        """Tell whether the ledger has a file. Blocks."""
        try:
            self._ledger.file_path(sha256)
        except NotFoundError:
            return False
        return True

    def add(self, stream: ByteStream, *, sha256: str, size: int) -> None:
        """Keep a file. Blocks.

        Raises:
            FileMismatchError: The octets are not of that size or hash.
            FullError: There is no room.
        """
        self._ledger.add_file(stream, sha256=sha256, size=size)


def files_in(document: bytes) -> frozenset[str]:
    """Return the hashes of the files that an accepted document discloses."""
    return frozenset().union(*map(_files_of, _DISCLOSED.decode(document).disclosures))


def _files_of(texts: tuple[str, ...]) -> set[str]:
    values = [parse_disclosure(text).value for text in texts]
    return {value.sha256 for value in values if isinstance(value, File)}


def _full() -> ProblemError:
    detail = "files that no submission has named yet take all the room there is for them"
    return ProblemError("full", detail)
