"""Which erasures are in effect: due, and held by nobody when they were (SPEC section 9.8).

An erasure that took effect stays: what it let be destroyed cannot come back, whatever is held
later. Each event costs a look at what is due and no more, however many holds and erasures stand.
"""

import heapq
from collections import Counter
from typing import NamedTuple

from verify.kinds import Erasure, Hold

__all__ = ["DAY_MS", "Erasures"]

DAY_MS = 86_400_000


class _Announced(NamedTuple):
    """An erasure that is not in effect yet; ordered by when it is due."""

    due_ms: int
    number: int
    of: str
    target: int
    names: tuple[str, ...]


class Erasures:
    """Holds and erasures, as the walk meets them.

    Attributes:
        done: Claims of which an erasure is in effect, as (index of the entry, claim name).
        waiting: Erasures that are not in effect and that nothing stops, the next due first.
    """

    __slots__ = ("_count", "_held", "_held_all", "_holds", "_stopped", "done", "waiting")

    def __init__(self) -> None:
        """Begin before entry 0."""
        self.done: set[tuple[int, str]] = set()
        self.waiting: list[_Announced] = []
        self._count = 0
        self._holds: dict[str, tuple[str, ...] | None] = {}
        self._held: Counter[str] = Counter()
        self._held_all = 0
        # Those that are due and held, by the event held; looked at again when a hold ends.
        self._stopped: dict[str, list[_Announced]] = {}

    def reach(self, recorded: int) -> None:
        """Let take effect what is due by the `recorded` of an entry, before its event counts."""
        while self.waiting and self.waiting[0].due_ms <= recorded:
            self._settle(heapq.heappop(self.waiting))

    def announce(self, event: Erasure, *, target: int, recorded: int, notice_days: int) -> None:
        """Take in an erasure.

        Args:
            event: The erasure.
            target: Index of the entry that holds its event.
            recorded: When it was recorded, in milliseconds.
            notice_days: As the charter in force says.
        """
        ordered = event.ground in {"court_order", "regulator_order"}
        due_ms = recorded if ordered else recorded + notice_days * DAY_MS
        self._count += 1
        heapq.heappush(self.waiting, _Announced(due_ms, self._count, event.of, target, event.names))
        self.reach(recorded)

    def hold(self, event: Hold, *, event_id: str) -> None:
        """Take in a hold, or the end of one."""
        if event.ends is None:
            if event_id in self._holds:
                return  # recorded twice: the rules have said so
            self._holds[event_id] = event.of
            self._held_all += event.of is None
            self._held.update(event.of or ())
            return
        if event.ends not in self._holds:
            return  # ended before, or refused
        held = self._holds.pop(event.ends)
        self._held_all -= held is None
        self._held.subtract(held or ())
        # What another hold stops stays: it can be thousands, and be held again and again.
        ended = list(self._stopped) if held is None else held
        for of in () if self._held_all else ended:
            for announced in () if self._held[of] > 0 else self._stopped.pop(of, ()):
                # From the next entry on: it is due already.
                heapq.heappush(self.waiting, announced)

    def _settle(self, announced: _Announced) -> None:
        if self._held_all or self._held[announced.of] > 0:
            self._stopped.setdefault(announced.of, []).append(announced)
            return
        self.done.update((announced.target, name) for name in announced.names)
