"""Limits: how much one request, and all of them together, may ask of this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from api.problems import ProblemError

__all__ = ["Limits", "Places", "Room"]

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is taken. Octets unless the name says otherwise.

    Attributes:
        document: A submission document.
        documents: All submission documents in memory together.
        submissions: How many submissions may be on their way at a time. Below what the ledger's
            queue holds, so that no thread ever waits for room in it.
        file: One file.
        staged: All files together that no accepted submission has named yet.
        uploads: How many files may be on their way at a time.
        idle_s: How long a body may stand still.
        octets_per_s: How fast a body must come on average, after `idle_s`.
        staged_s: How long a file stays that no accepted submission has named.
        head_s: How soon the headers of a request must be there: from connecting, or from their
            first octet on a connection that is used again.
        per_peer: How many connections one address may have at a time, where an IPv6 address is
            its first 64 bits; None for any number. Not for a socket in the file system. Behind a
            proxy all requests have its address.
        retry_after_s: When to try again what was refused because too much waits.
    """

    document: int = 64 * _MIB
    documents: int = 256 * _MIB
    submissions: int = 128
    file: int = 512 * _MIB
    staged: int = 2048 * _MIB
    uploads: int = 8
    idle_s: float = 30.0
    octets_per_s: int = 16 * 1024
    staged_s: float = 86_400.0
    head_s: float = 10.0
    per_peer: int | None = 64
    retry_after_s: int = 2


class Places:
    """A number of places, each for one request at a time. For one event loop."""

    def __init__(self, count: int, *, what: str, retry_after_s: int) -> None:
        """Offer `count` places; `what` names in a refusal what takes them."""
        self._free = count
        self._what = what
        self._retry_after_s = retry_after_s

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            ProblemError: `busy`: there is none.
        """
        if not self._free:
            detail = f"too many {self._what} are on their way"
            raise ProblemError("busy", detail, retry_after_s=self._retry_after_s)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


class Room:
    """A number of octets that may be held together. For one event loop.

    Attributes:
        left: How many more.
    """

    def __init__(self, size: int) -> None:
        """Offer `size` octets."""
        self.left = size

    def take(self, count: int, *, otherwise: ProblemError) -> None:
        """Hold `count` octets more.

        Raises:
            ProblemError: As `otherwise`: they do not fit.
        """
        if count > self.left:
            raise otherwise
        self.left -= count

    def give(self, count: int) -> None:
        """Let go of `count` octets."""
        self.left += count
