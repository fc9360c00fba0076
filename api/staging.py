"""Staging: files that came before the submission that names them, and for whom each came.

How many octets they may have together is bounded, and how many each party may have; and each goes
after a time.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from api.bodies import Chunks
from api.limits import Quota
from api.problems import ProblemError
from ledger.errors import NotFoundError
from ledger.files import ByteStream, Kept
from ledger.ledger import Ledger
from verify.claims import File, parse_disclosure

__all__ = ["Place", "Staging"]

_BLOCK = 1 << 20
_NOBODY = ""  # no party is called so


class Place(NamedTuple):
    """A file that was brought for a party, which has not named it since."""

    party: str
    sha256: str


class _Staged(NamedTuple):
    """What is held there: its octets, and until when it may stay."""

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
    """Which files were brought that their party has not named yet. For one event loop.

    Several parties may bring the same file, and one that the ledger has already: each holds room
    for it, so that none can tell what another brought.

    A file is removed only when nothing in the ledger names it and nothing that could come to name
    it is being judged: a submission's files are looked for before it has its place.
    """

    def __init__(self, ledger: Ledger, quota: Quota, *, keep_s: float) -> None:
        """Bound the files of `ledger` by `quota`, and each by `keep_s` after it came."""
        self._ledger = ledger
        self._quota = quota
        self._keep_s = keep_s
        self._staged: dict[Place, _Staged] = {}
        self._coming: Counter[Place] = Counter()
        self._named: set[Place] = set()  # of those that come, by submissions accepted meanwhile
        self._accepted: set[str] = set()  # files that were named since it was asked what is due
        self._judging = 0

    @contextlib.contextmanager
    def judging(self) -> Iterator[None]:
        """Let no file expire while a submission finds its files, is recorded and releases them."""
        self._judging += 1
        try:
            yield
        finally:
            self._judging -= 1

    @contextlib.contextmanager
    def coming(self, party: str, sha256: str) -> Iterator[None]:
        """Let a file not expire while somebody sends it for a party."""
        place = Place(party, sha256)
        self._coming[place] += 1
        try:
            yield
        finally:
            self._coming[place] -= 1
            if not self._coming[place]:
                del self._coming[place]
                self._named.discard(place)

    @contextlib.contextmanager
    def reserve(self, body: Chunks, *, party: str, sha256: str, size: int) -> Iterator[Chunks]:
        """Hold room for a party's file as it comes, and until the party names it if it came.

        Room is asked for whether the file is here or not: only who has a file may learn that. One
        that the party itself brought is no news to it.

        Args:
            body: What comes.
            party: Who brings it.
            sha256: Its hash.
            size: How many octets are announced.

        Yields:
            The body, which refuses with `full` when what comes has no room.

        Raises:
            ProblemError: `full`: there is no room for all of it now.
        """
        place = Place(party, sha256)
        known = self._staged.get(place)
        if known is not None and known.size == size:
            yield body
            self._renew(place)
            return
        if size > self._quota.left(party):
            raise _full()
        counted = _Counted(body, self._quota, party=party, size=size)
        try:
            yield counted
        except BaseException:
            self._quota.give(party, counted.held)
            raise
        if place in self._staged or place in self._named:
            self._quota.give(party, counted.held)  # another request brought the same
            self._renew(place)
        else:
            self._staged[place] = _Staged(counted.held, self._until())

    def adopt(self, left: Iterable[Kept], *, now_ms: int) -> None:
        """Take over what an earlier process left: files that nothing names.

        Args:
            left: What `ledger.named.leftovers` found.
            now_ms: The time, in milliseconds since 1970.
        """
        now = time.monotonic()
        brought = {place.sha256 for place in self._staged}
        for file in left:
            if file.sha256 not in brought:
                self._quota.hold(_NOBODY, file.size)
                until = now + self._keep_s - max(0, now_ms - file.since_ms) / 1000
                self._staged[Place(_NOBODY, file.sha256)] = _Staged(file.size, until)

    def brought(self, party: str, files: Iterable[str]) -> frozenset[str]:
        """Return which of these files were brought for a party, and not named by it since."""
        return frozenset(sha256 for sha256 in files if Place(party, sha256) in self._staged)

    def release(self, party: str, named: Collection[str]) -> None:
        """Let go of files that a party has named in an accepted submission, or may see."""
        self._accepted.update(named)
        own = {Place(party, sha256) for sha256 in named}
        self._named |= own & self._coming.keys()
        left = {Place(_NOBODY, sha256) for sha256 in named}
        for place in (own | left) & self._staged.keys():
            self._forget(place)

    def due(self) -> frozenset[Place]:
        """Return which files were not named for too long: what `expire` is then called with."""
        self._accepted.clear()
        return self._overdue()

    def _overdue(self) -> frozenset[Place]:
        now = time.monotonic()
        return frozenset(place for place, staged in self._staged.items() if staged.until <= now)

    def named(self, due: frozenset[Place]) -> frozenset[str]:
        """Return which of these files the ledger names after all, as it may. Blocks.

        Another party may have named it; or it was lost, and somebody has sent it again.
        """
        files = {place.sha256 for place in due}
        found: set[str] = set()
        for _, texts in self._ledger.disclosed():
            found |= _files_of(texts) & files
        return frozenset(found)

    def expire(self, due: frozenset[Place], named: frozenset[str]) -> None:
        """Forget what is due; remove what nobody else brought and the ledger does not name.

        Args:
            due: What `due` returned.
            named: What `named` returned since.
        """
        if self._judging:
            return  # the next time
        coming = {place.sha256 for place in self._coming}
        ended = {place for place in due & self._overdue() if place.sha256 not in coming}
        for place in ended:
            self._forget(place)
        brought = {place.sha256 for place in self._staged}
        for sha256 in {place.sha256 for place in ended} - named - self._accepted - brought:
            with contextlib.suppress(NotFoundError):
                self._ledger.file_path(sha256).unlink(missing_ok=True)

    def _forget(self, place: Place) -> None:
        self._quota.give(place.party, self._staged.pop(place).size)

    def _renew(self, place: Place) -> None:
        """Begin the time of a file anew: somebody has sent it again."""
        if place in self._staged:
            self._staged[place] = self._staged[place]._replace(until=self._until())

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


def _files_of(texts: tuple[str, ...]) -> set[str]:
    values = [parse_disclosure(text).value for text in texts]
    return {value.sha256 for value in values if isinstance(value, File)}


def _full() -> ProblemError:
    detail = "files that no submission has named yet take all the room there is for them"
    return ProblemError("full", detail)
