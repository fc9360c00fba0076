"""Frames: what the process that answers and the process that records say to each other.

Each frame is its length in four octets, most significant first, and a message in msgpack. Both
ends are of one installation and one account, on a pair of sockets that nobody else has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from api.problems import Problem

__all__ = [
    "Answer",
    "Ask",
    "Begin",
    "Failed",
    "Frames",
    "Grew",
    "Health",
    "Keep",
    "Noted",
    "Opened",
    "Recorded",
    "Refused",
    "Request",
    "Submit",
    "Told",
    "frame_of",
]

_HEAD: Final = 4


class Begin(msgspec.Struct, tag=True, frozen=True, gc=False):
    """Open the ledgers in a folder, and record in them."""

    folder: str
    accept_clock: bool
    submissions_per_s: float
    submissions_at_once: int


class Submit(msgspec.Struct, tag=True, frozen=True, gc=False):
    """Record a document in the ledger `ledger`; what it comes to is said under `id`.

    `vouched` are the hashes of the files that its author may name. Without it the document is
    recorded only if it names none, and else comes again.
    """

    id: int
    ledger: str
    document: bytes
    vouched: frozenset[str] | None = None


class Ask(msgspec.Struct, tag=True, frozen=True, gc=False):
    """Tell the measures of recording, in Prometheus' text format."""

    id: int


class Keep(msgspec.Struct, tag=True, frozen=True, gc=False):
    """Keep a cosigned checkpoint of a ledger; its witnesses say that it is at least so late now.

    When it is kept that is said (`Noted`). If it is not, it will come again with further
    cosignatures, or the next size will.
    """

    ledger: str
    note: bytes
    heard_ms: int | None


class Opened(msgspec.Struct, tag=True, frozen=True, gc=False):
    """These ledgers are open: all that there were.

    But for those in which nothing may be recorded, since the log's key is known to have signed
    another history: each with the reason.
    """

    ledgers: tuple[str, ...]
    disputed: dict[str, str] = {}


class Failed(msgspec.Struct, tag=True, frozen=True, gc=False):
    """The ledgers cannot be opened.

    With times if somebody must confirm the clock; with who knows how many entries if the log's key
    has signed another history.
    """

    text: str
    recorded_ms: int | None = None
    now_ms: int | None = None
    disputed: tuple[str, int] | None = None


class Recorded(msgspec.Struct, tag=True, frozen=True, gc=False):
    """A submission is durable."""

    id: int
    receipt: bytes
    new: bool


class Refused(msgspec.Struct, tag=True, frozen=True):
    """A submission is refused; for its files only, if `author` is given."""

    id: int
    problem: Problem
    retry_after_s: int | None = None
    author: str | None = None
    files: dict[str, int] = {}


class Grew(msgspec.Struct, tag=True, frozen=True, gc=False):
    """More is recorded in a ledger, governance perhaps. Said before who recorded it is told.

    So many entries are on disk. Another process may see more, before the disk has them.
    """

    ledger: str
    governs: bool
    size: int


class Noted(msgspec.Struct, tag=True, frozen=True, gc=False):
    """A cosigned checkpoint of that size is kept."""

    ledger: str
    size: int


class Health(msgspec.Struct, tag=True, frozen=True, gc=False):
    """Whether a ledger records, from now on."""

    ledger: str
    well: bool


class Told(msgspec.Struct, tag=True, frozen=True, gc=False):
    """What was asked."""

    id: int
    text: str


Request = Begin | Submit | Ask | Keep
Answer = Opened | Failed | Recorded | Refused | Grew | Noted | Health | Told

_encode = msgspec.msgpack.Encoder().encode


def frame_of(message: Request | Answer) -> bytes:
    """Return a message as it travels."""
    data = _encode(message)
    return len(data).to_bytes(_HEAD, "big") + data


class Frames:
    """Cuts what comes into frames."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._held = bytearray()

    def take(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are whole now that `data` came."""
        held = self._held
        held += data
        start = 0
        while len(held) - start >= _HEAD:
            stop = start + _HEAD + int.from_bytes(held[start : start + _HEAD], "big")
            if stop > len(held):
                break
            yield bytes(held[start + _HEAD : stop])
            start = stop
        del held[:start]
