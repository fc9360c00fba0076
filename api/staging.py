"""Staging: files that came before the submission that names them.

How many octets they may have together is bounded, and the count is kept for as long as this
process runs: of files that were left over by an earlier one nothing is known here.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import msgspec

from api.limits import Room
from api.problems import ProblemError
from ledger.errors import FileMismatchError, NotFoundError
from ledger.files import ByteStream
from ledger.ledger import Ledger
from verify.claims import File, parse_disclosure

__all__ = ["Staging", "check_same", "files_in"]

_CHUNK = 1 << 16


class _Disclosed(msgspec.Struct, frozen=True):
    """As much of a submission document as names files."""

    disclosures: tuple[tuple[str, ...], ...]


_DISCLOSED = msgspec.json.Decoder(_Disclosed)


class Staging:
    """Which files of a ledger no accepted submission has named yet. For one event loop."""

    def __init__(self, ledger: Ledger, room: Room) -> None:
        """Bound the files of `ledger` by `room`."""
        self._ledger = ledger
        self._room = room
        self._staged: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._staged)

    @contextlib.contextmanager
    def reserve(self, sha256: str, size: int) -> Iterator[None]:
        """Hold room while a file comes, and for as long as nothing names it if it came.

        Raises:
            ProblemError: `full`.
        """
        detail = "files that no submission has named yet take all the room there is for them"
        self._room.take(size, otherwise=ProblemError("full", detail))
        try:
            yield
        except BaseException:
            self._room.give(size)
            raise
        if sha256 in self._staged:
            self._room.give(size)  # another request brought the same
        else:
            self._staged[sha256] = size

    def release(self, named: frozenset[str]) -> None:
        """Let go of files that an accepted submission names."""
        for sha256 in named & self._staged.keys():
            self._room.give(self._staged.pop(sha256))

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


def check_same(stream: ByteStream, *, sha256: str, size: int) -> None:
    """Read a file that is kept already to its end. Blocks.

    Only who has a file learns that the ledger has it.

    Raises:
        FileMismatchError: The octets are not of that size or hash.
    """
    digest = hashlib.sha256()
    came = 0
    while chunk := stream.read(_CHUNK):
        came += len(chunk)
        digest.update(chunk)
    if came != size:
        raise FileMismatchError("another size", expected=str(size), found=str(came))
    if digest.hexdigest() != sha256:
        raise FileMismatchError("another hash", expected=sha256, found=digest.hexdigest())


def files_in(document: bytes) -> frozenset[str]:
    """Return the hashes of the files that an accepted document discloses."""
    found: set[str] = set()
    for texts in _DISCLOSED.decode(document).disclosures:
        for text in texts:
            value = parse_disclosure(text).value
            if isinstance(value, File):
                found.add(value.sha256)
    return frozenset(found)
