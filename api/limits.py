"""Limits: how much one request, one party, one address, and all together may ask of this process.

`Rates` is for any thread; the others are for one event loop.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from api.problems import ProblemError

__all__ = ["Places", "Quota", "Rates"]

_REMEMBERED: Final = 65_536  # holders of a rate; with more, who asked longest ago is forgotten


class Places:
    """A number of places, each for one request at a time, of which each holder may have a part.

    Attributes:
        taken: How many are taken.
    """

    def __init__(
        self, count: int, *, what: str, retry_after_s: int, each: int | None = None
    ) -> None:
        """Offer places.

        Args:
            count: How many.
            what: Names in a refusal what takes them.
            retry_after_s: When to ask again.
            each: How many one holder may have; None for all.
        """
        self.taken = 0
        self._held: Counter[str] = Counter()
        self._count = count
        self._each = count if each is None else each
        self._what = what
        self._retry_after_s = retry_after_s

    @contextlib.contextmanager
    def take(self, holder: str) -> Iterator[None]:
        """Hold a place.

        Raises:
            ProblemError: `busy`: there is none, or none for this holder.
        """
        if self.taken >= self._count or self._held[holder] >= self._each:
            detail = f"too many {self._what} are on their way"
            raise ProblemError("busy", detail, retry_after_s=self._retry_after_s)
        self.taken += 1
        self._held[holder] += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]


class Quota:
    """A number of octets that may be held together, of which each holder may have a part."""

    def __init__(self, size: int, *, each: int) -> None:
        """Offer `size` octets, of which one holder may have `each`."""
        self._left = size
        self._each = each
        self._held: Counter[str] = Counter()

    def left(self, holder: str) -> int:
        """Return how many octets more a holder may have."""
        return min(self._left, self._each - self._held[holder])

    def take(self, holder: str, count: int, *, otherwise: ProblemError) -> None:
        """Hold `count` octets more for a holder.

        Raises:
            ProblemError: As `otherwise`: they do not fit.
        """
        if count > self.left(holder):
            raise otherwise
        self.hold(holder, count)

    def take_one(self, holder: str, count: int) -> bool:
        """Hold `count` octets for a holder, of which the first may be any number; tell if it did.

        It does not if there is no room at all, or if with what it holds they are more than it may
        have.
        """
        if self._left <= 0 or (holder in self._held and count > self.left(holder)):
            return False
        self.hold(holder, count)
        return True

    def hold(self, holder: str, count: int) -> None:
        """Hold `count` octets that a holder has already, whether they fit or not."""
        self._left -= count
        self._held[holder] += count

    def give(self, holder: str, count: int) -> None:
        """Let go of `count` octets of a holder."""
        self._left += count
        self._held[holder] -= count
        if not self._held[holder]:
            del self._held[holder]


class Rates:
    """How often each holder may ask: a bucket that fills by the second, and from which each takes.

    A holder that is forgotten begins with a full bucket. To make the server forget, somebody
    must ask in the name of very many others: an address has one name, and a party one signature.
    """

    def __init__(
        self, per_s: float, *, at_once: int, what: str, clock: Callable[[], float]
    ) -> None:
        """Let each holder ask `per_s` times a second, and `at_once` times more in one go.

        Args:
            per_s: How often; 0 for as often as it likes.
            at_once: How many more.
            what: Names in a refusal what there are too many of.
            clock: Gives seconds that never go back.
        """
        self._per_s = per_s
        self._most = at_once + 1.0
        self._what = what
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._changing = threading.Lock()

    def take(self, holder: str) -> None:
        """Ask once.

        Raises:
            ProblemError: `too-many`: it asked too often; says when to ask again.
        """
        if not self._per_s:
            return
        with self._changing:
            now_s = self._clock()
            level, at_s = self._levels.pop(holder, (self._most, now_s))
            level = min(self._most, level + (now_s - at_s) * self._per_s)
            allowed = level >= 1
            self._levels[holder] = (level - allowed, now_s)
            if len(self._levels) > _REMEMBERED:
                self._levels.popitem(last=False)
        if not allowed:
            wait_s = int((1 - level) / self._per_s) + 1
            raise ProblemError("too-many", f"too many {self._what}", retry_after_s=wait_s)

    def give(self, holder: str) -> None:
        """Take back that a holder asked: it was not the holder, or it was nothing new."""
        with self._changing:
            known = self._levels.get(holder)
            if known is not None:
                level, at_s = known
                self._levels[holder] = (level + 1, at_s)  # `take` bounds it
