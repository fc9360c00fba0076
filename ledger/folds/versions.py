"""Which versions of an agreement can have bound a party at a point, without a look at all of them.

A ledger can tell of hundreds of versions and of thousands of transfers under them. By days alone
most versions are out of the question at any one point: some signature was certainly later, or a
later version had certainly taken effect. Those that are left are looked at, a bounded number, the
ones that all who must have signed first. What is passed over unseen makes no answer firmer: it is
counted as not established.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from ledger.folds.papers import Paper
from ledger.folds.points import MOST, Point, span_of

__all__ = ["MOST_VERSIONS", "Choice", "Versions"]

MOST_VERSIONS: Final = 16
"""Versions of an agreement of which it is told whether they bound a party at a moment."""


class Choice(NamedTuple):
    """The versions that are looked at.

    Attributes:
        told: Their numbers, in order; the likeliest, and others as far as there is room.
        replacing: Those that can have replaced others, in order.
        complete: Whether all that can have bound the party are among them.
    """

    told: tuple[int, ...]
    replacing: tuple[int, ...]
    complete: bool


class Versions:
    """The versions of one agreement, by when each can have begun to bind.

    Attributes:
        paper: The agreement.
    """

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self._lines: dict[str, _Line] = {}

    def of(self, party: str, point: Point) -> Choice:
        """Choose the versions that are looked at for a party at a point."""
        numbers = self.paper.numbers
        if len(numbers) <= MOST_VERSIONS:
            return Choice(numbers, numbers, complete=True)
        if not self.paper.unnamed and party not in self.paper.parties:
            return Choice(numbers[-MOST_VERSIONS:], (), complete=True)  # none bound a stranger
        if len(self._signing) > MOST and party not in self.paper.required:
            return Choice(numbers[-MOST_VERSIONS:], numbers[-MOST_VERSIONS:], complete=False)
        lo, hi = point.bounds
        if lo is not None and hi is not None and lo > hi:
            lo = hi = None  # dates that contradict each other bound nothing
        line = self._line(party)
        sure = line.sure_before(lo or dt.date.min)
        signed = line.signed.by(hi or dt.date.max, start=sure)
        others = line.others.by(hi or dt.date.max, start=sure)
        found = [*signed, *others]
        told = found[:MOST_VERSIONS]
        for number in reversed(numbers):
            if len(told) == MOST_VERSIONS:
                break
            if number not in told:
                told.append(number)
        # What is sure replaces what came before it, whether there was room for it or not.
        replacing = {*signed[:MOST_VERSIONS], *((sure,) if sure else ())}
        return Choice(
            tuple(sorted(told)), tuple(sorted(replacing)), complete=len(found) <= MOST_VERSIONS
        )

    def _line(self, party: str) -> _Line:
        # Who has signed nothing stands as everybody does who has not.
        key = party if party in self._signing else ""
        if key not in self._lines:
            self._lines[key] = self._drawn(party)
        return self._lines[key]

    @cached_property
    def _signing(self) -> frozenset[str]:
        return self.paper.required | self.paper.signers

    def _drawn(self, party: str) -> _Line:
        paper = self.paper
        each = paper.event.effective == "each_signed"
        replacers = {party} if each else paper.required or paper.signers
        signed: list[tuple[int, dt.date]] = []
        others: list[tuple[int, dt.date]] = []
        sure: list[tuple[dt.date, int]] = []
        for number in paper.numbers:
            begins = self._begins(party, number)
            if all(paper.signings(one, number) for one in replacers):
                signed.append((number, begins))
                begun = self._begun(party, number)
                if begun is not None:
                    sure.append((begun, number))
            else:
                others.append((number, begins))
        return _Line(_Soonest(signed), _Soonest(others), sure)

    def _begins(self, party: str, number: int) -> dt.date:
        """Return the day before which a version certainly did not bind a party."""
        paper = self.paper
        # Where no rule is told, what the others lack is no certain bar.
        alone = paper.event.effective in {None, "each_signed"}
        needed = {party} if alone else paper.required | {party}
        effective = paper.date(number, "effective")
        days = [self._first(one, number) for one in needed]
        if effective is not None and effective[1].begin_earliest is not None:
            days.append(effective[1].begin_earliest)
        return max(days)

    def _first(self, party: str, number: int) -> dt.date:
        """Return the first day on which a party can have signed a version."""
        signings = self.paper.signings(party, number)
        made = self.paper.made_by.get(number)
        steps = signings or ([] if made is None else [made])
        days = [span_of(self.paper.reading, deed.id)[0] or dt.date.min for deed in steps]
        return min(days, default=dt.date.min)

    def _begun(self, party: str, number: int) -> dt.date | None:
        """Return the day after which a version had certainly taken effect; None if never."""
        paper = self.paper
        rule, effective = paper.event.effective, paper.date(number, "effective")
        if (paper.unnamed and rule != "each_signed") or (rule == "date" and effective is None):
            return None
        needed = {party} if rule == "each_signed" else paper.required | {party}
        days = [self._last(one, number) for one in needed]
        if effective is not None:
            days.append(effective[1].begin_latest)
        known = [day for day in days if day is not None]
        return max(known) if len(known) == len(days) else None

    def _last(self, party: str, number: int) -> dt.date | None:
        """Return the day by which a party had certainly signed a version; None if never."""
        paper = self.paper
        if not self._refusing.isdisjoint((p, n) for p in (party, "") for n in (number, None)):
            return None
        deeds = (deed for deed in paper.signings(party, number) if len(paper.meant(deed)) == 1)
        days = (span_of(paper.reading, deed.id)[1] for deed in deeds)
        return min((day for day in days if day is not None), default=None)

    @cached_property
    def _refusing(self) -> frozenset[tuple[str, int | None]]:
        """Who refused which version: "" for all parties, None for all versions."""
        return frozenset(
            (party, deed.step.version)
            for deed in self.paper.of("not_adopted")
            for party in ([""] if deed.done else deed.doers)
        )


class _Line:
    """When the versions can have bound a party, and when they certainly had taken effect."""

    def __init__(
        self, signed: _Soonest, others: _Soonest, sure: Iterable[tuple[dt.date, int]]
    ) -> None:
        """Put them in order.

        Args:
            signed: Those that all who must have signed, which can replace others.
            others: The others.
            sure: From when on each had certainly taken effect, and its number.
        """
        self.signed = signed
        self.others = others
        self._days: list[dt.date] = []
        self._last: list[int] = []
        for day, number in sorted(sure):
            self._days.append(day)
            self._last.append(max(number, self._last[-1] if self._last else 0))

    def sure_before(self, day: dt.date) -> int:
        """Return the last version that had certainly taken effect before a day; 0 if none."""
        place = bisect_left(self._days, day)
        return self._last[place - 1] if place else 0


class _Soonest:
    """Finds the last versions that can have begun by a day: a tree of the first days of runs."""

    def __init__(self, versions: Sequence[tuple[int, dt.date]]) -> None:
        """Build it of numbers, ascending, and the first day of each."""
        self._numbers = [number for number, _ in versions]
        self._size = 1 << max(len(versions) - 1, 0).bit_length()
        leaves = [day for _, day in versions]
        leaves += [dt.date.max] * (self._size - len(leaves))
        self._tree = [dt.date.max] * self._size + leaves
        for node in range(self._size - 1, 0, -1):
            self._tree[node] = min(self._tree[2 * node], self._tree[2 * node + 1])

    def by(self, day: dt.date, *, start: int) -> list[int]:
        """Return the last versions, the last first, that can have begun by a day.

        Args:
            day: The day.
            start: The first number that counts.

        Returns:
            One more than are told, where there are more.
        """
        found: list[int] = []
        waiting = [(1, 0, self._size)]
        while waiting and len(found) <= MOST_VERSIONS:
            node, first, end = waiting.pop()
            last = min(end, len(self._numbers)) - 1
            if last < first or self._tree[node] > day or self._numbers[last] < start:
                continue
            if end - first == 1:
                found.append(self._numbers[first])
                continue
            middle = (first + end) // 2
            waiting += (2 * node, first, middle), (2 * node + 1, middle, end)
        return found
