"""Time brackets: after when an entry was signed, and by when it existed.

A ledger's own `recorded` is its operator's word. Witnesses put times of their own into the
cosignatures of its checkpoints, and these bound when an entry came to be, from both sides:

    signed after   a statement commits to the octets of the note that it names as seen, and through
                   the tree to those that earlier statements name: to the times in their lines
    existed by     a checkpoint that covers the entry was cosigned

Each bound is a quorum's, so that whoever lies alone cannot move it to where it is not true. What
is put together here has been checked: signatures, roots, and which note is whose.

Source: SPEC section 8.2.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from verify.checks import Check
from verify.errors import RuleError
from verify.policy import Policy, latest_reached, quorum_witnesses, soonest_complete

__all__ = ["Bracket", "Brackets", "Committed", "Cosigned", "check_recorded", "format_time_s"]

_SECOND_MS = 1000
_DAY_S = 86_400


class Cosigned(msgspec.Struct, frozen=True):
    """A checkpoint of this log's tree, and when its witnesses cosigned it.

    Attributes:
        size: The checkpoint's size.
        note: SHA-256 of the note's octets.
        policy: Whose quorum counts. All notes of one size have the same.
        times: The times in POSIX seconds, by what the policy calls the witness.
    """

    size: int
    note: bytes
    policy: Policy
    times: Mapping[str, tuple[int, ...]]


class Committed(NamedTuple):
    """A statement that names a note as seen.

    Attributes:
        first: Index of its submission's first entry.
        seen_size: The size that was seen.
        note: SHA-256 of the note's octets.
    """

    first: int
    seen_size: int
    note: bytes


class Bracket(msgspec.Struct, frozen=True):
    """What is proven of an entry's time, in POSIX seconds.

    Attributes:
        after_s: It was signed after this; None where nothing shows it.
        by_s: It existed by this; None where nothing shows it.
        cosigned: How many of the quorum's witnesses had cosigned by then.
        witnesses: How many there are; 0 where `by_s` is None, or an authority's word.
        authority: The time-stamping authority whose word `by_s` is; empty where it is a quorum's.
    """

    after_s: int | None = None
    by_s: int | None = None
    cosigned: int = 0
    witnesses: int = 0
    authority: str = ""


class Brackets:
    """The brackets of a log's entries, worked out once for all of them."""

    def __init__(
        self,
        *,
        covering: Iterable[Cosigned],
        seen: Iterable[Cosigned],
        statements: Iterable[Committed],
    ) -> None:
        """Work them out.

        Args:
            covering: The checkpoints that are shown to be of the tree with the entries.
            seen: The notes that statements name, of whatever tree they are.
            statements: The statements that name a note, in the order of the log.
        """
        self._reached = {
            note.note: time_s
            for note in seen
            if (time_s := latest_reached(note.policy, times=_each(note, max))) is not None
        }
        # Where no note shows a time, no statement does.
        self._statements = tuple(statements) if self._reached else ()
        self._firsts = [each.first for each in self._statements]
        # Where a note came that is later than all before it, and its time: both ascend.
        self._later: list[int] = []
        self._latest: list[int] = []
        for first, _, note in self._statements:
            time_s = self._reached.get(note)
            if time_s is not None and (not self._latest or time_s > self._latest[-1]):
                self._later.append(first)
                self._latest.append(time_s)
        self._sizes, self._by = _existed_by(covering)

    def __eq__(self, other: object) -> bool:
        """Tell whether all entries have the same brackets by both."""
        if not isinstance(other, Brackets):
            return NotImplemented
        return (self._all_after(), self._sizes, self._by) == (
            other._all_after(),
            other._sizes,
            other._by,
        )

    __hash__ = None  # type: ignore[assignment]  # as of any collection

    def of(self, index: int, *, first: int) -> Bracket:
        """Return the bracket of an entry.

        Args:
            index: The entry's index.
            first: Index of its submission's first entry.
        """
        after_s = self._after(first)
        place = bisect_right(self._sizes, index)
        if place == len(self._sizes):
            return Bracket(after_s)
        return replace(self._by[place], after_s=after_s)

    def held_against(self, index: int, *, first: int) -> Bracket:
        """Return the bracket that an entry's `recorded` is held against.

        Of the notes that `of` weighs only that which its own statement names. Each earlier one was
        held against the tolerance of its own time, which may have been a larger one, and `recorded`
        never decreases.

        Args:
            index: The entry's index.
            first: Index of its submission's first entry.
        """
        own = self._statement(first)
        after_s = None if own is None else self._reached.get(own.note)
        return replace(self.of(index, first=first), after_s=after_s)

    def _statement(self, first: int) -> Committed | None:
        """Return what the submission that begins there names; None if nothing."""
        place = bisect_left(self._firsts, first)
        return self._statements[place] if self._firsts[place : place + 1] == [first] else None

    def _after(self, first: int) -> int | None:
        """Return the time after which the submission that begins there was signed."""
        own = self._statement(first)
        if own is None:
            return None
        _, seen_size, note = own
        # What it saw holds the statements of entries below that size, and what these had seen.
        before = bisect_left(self._later, min(seen_size, first))
        times = self._latest[max(before - 1, 0) : before]
        return max([*times, self._reached[note]] if note in self._reached else times, default=None)

    def _all_after(self) -> list[tuple[int, int]]:
        found = ((first, self._after(first)) for first in self._firsts)
        return [(first, time_s) for first, time_s in found if time_s is not None]

    @property
    def covered(self) -> int:
        """The size up to which every entry is shown to have existed by some time."""
        return self._sizes[-1] if self._sizes else 0


def check_recorded(bracket: Bracket, *, recorded: int, tolerance_s: int) -> None:
    """Check that `recorded`, in ms, lies in a bracket, but for the charter's tolerance.

    Raises:
        RuleError: With check `bracket`: it does not.

    Source: SPEC section 8.2.
    """
    at_s = recorded // _SECOND_MS  # cosignatures know whole seconds
    after_s, by_s = bracket.after_s, bracket.by_s
    if after_s is not None and at_s < after_s - tolerance_s:
        reason = "is earlier than what was signed can be"
        expected = f"after {format_time_s(after_s)}, less {tolerance_s} s"
        raise RuleError(Check.BRACKET, "recorded", reason, expected, format_time_s(at_s))
    if by_s is not None and at_s > by_s + tolerance_s:
        reason = "is later than the cosignatures that cover it"
        expected = f"by {format_time_s(by_s)}, and {tolerance_s} s"
        raise RuleError(Check.BRACKET, "recorded", reason, expected, format_time_s(at_s))


def format_time_s(time_s: int) -> str:
    """Write a time in POSIX seconds, such as "2026-03-06 14:00:00 UTC", of any year."""
    days, seconds = divmod(time_s, _DAY_S)
    # Days since 1 March of year 0, in cycles of 400 years: leap days come last in each.
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    year += 400 * era + month // 10
    month = (month + 2) % 12 + 1
    hours, minutes = divmod(seconds // 60, 60)
    return f"{year:04}-{month:02}-{day + 1:02} {hours:02}:{minutes:02}:{seconds % 60:02} UTC"


def _existed_by(notes: Iterable[Cosigned]) -> tuple[list[int], list[Bracket]]:
    """Return the sizes by which there is a bound, ascending, and the best one from each on."""
    together: dict[int, tuple[Policy, dict[str, int]]] = {}
    for note in notes:
        # Notes of one size differ in nothing but their lines.
        _, times = together.setdefault(note.size, (note.policy, {}))
        for name, time_s in _each(note, min).items():
            times[name] = min(time_s, times.get(name, time_s))
    sizes: list[int] = []
    bounds: list[Bracket] = []
    for size in sorted(together, reverse=True):
        policy, times = together[size]
        by_s = soonest_complete(policy, times=times)
        if by_s is None:
            continue
        best = bounds[-1].by_s if bounds else None
        if best is None or by_s <= best:
            members = quorum_witnesses(policy)
            cosigned = sum(name in members and time_s <= by_s for name, time_s in times.items())
            bounds.append(Bracket(None, by_s, cosigned, len(members)))
        else:
            bounds.append(bounds[-1])
        sizes.append(size)
    return sizes[::-1], bounds[::-1]


def _each(note: Cosigned, choose: Callable[[Iterable[int]], int]) -> dict[str, int]:
    return {name: choose(times) for name, times in note.times.items()}
