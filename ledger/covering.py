"""Which cosigned checkpoints to hand out with a proof.

One leads to the entries: that which most witnesses cosigned, since a reader's policy may ask for
any of them. Others date them: a cosignature dates what it covers from above, so that of two
checkpoints that cover the same entry the earlier one proves more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from verify.brackets import Brackets, format_time_s
from verify.brackets import Cosigned as Dated
from verify.checkpoint import parse_signed
from verify.checks import Check
from verify.contents import charter_policy
from verify.errors import RuleError, VerifyError
from verify.note import MAX_NOTE_SIZE
from verify.notes import dated_by, log_vkey
from verify.policy import cosigners
from verify.state import State

__all__ = [
    "Cosigned",
    "Covering",
    "check_covered",
    "covering",
    "earliest_s",
    "is_witnessed",
    "most_cosigned",
    "size_of",
]


class Cosigned(Protocol):
    """The door to the checkpoints of a ledger, or of an export of it."""

    def checkpoint(self) -> bytes:
        """Return the latest signed checkpoint."""

    def state(self) -> State:
        """Return the rules' state after the last entry."""

    def notes(self, start: int = 0) -> Iterable[bytes]:
        """Return the kept notes from size `start` on, by size and then by hash."""


class Covering(NamedTuple):
    """Kept notes of one size that others cosigned: the same checkpoint under several lines."""

    size: int
    notes: tuple[bytes, ...]


class _Weighed(NamedTuple):
    """A kept note: when which of the charter's witnesses cosigned it, and how many lines it has."""

    note: bytes
    times: Mapping[str, tuple[int, ...]]
    lines: int


def most_cosigned(ledger: Cosigned, *, size: int) -> bytes:
    """Return the checkpoint of `size` entries or more that most witnesses of the charter cosigned.

    It is the earliest that all of them did, or else the earliest of those that most did; of two
    alike the one with more lines; and the latest checkpoint if nobody cosigned any.

    Args:
        ledger: The ledger, or an export of it.
        size: At least this many entries; the ledger has them.
    """
    state, best, most = ledger.state(), ledger.checkpoint(), (0, 1)
    limit = size_of(best)
    for note in ledger.notes(size):
        witnesses = charter_policy(state.charter_at(size_of(note))).witnesses
        if size_of(note) > limit or most[0] == len(witnesses) > 0:
            break
        if (weight := _weight(state, note)) > most:
            best, most = note, weight
    return best


def covering(
    ledger: Cosigned, indexes: Sequence[int], *, limit: int, most: int
) -> Iterator[Covering]:
    """Yield the cosigned checkpoints that show earliest that entries existed, by size.

    For each entry it is that of the smallest size that has the quorum of the charter's witnesses;
    where none has, of the smallest that anybody cosigned: a reader may trust others. A note is
    passed over if one of these witnesses' lines on it is not valid.

    Args:
        ledger: The ledger, or an export of it.
        indexes: The indexes of the entries, ascending, at least one.
        limit: No checkpoint larger than this.
        most: Most notes of one size, beside those that the charter's witnesses need.
    """
    state, pending = ledger.state(), list(indexes)
    others: list[Covering] = []  # in case that there is no quorum for the entries below them
    for size, kept in groupby(ledger.notes(indexes[0] + 1), key=size_of):
        if size > limit or not pending:
            break
        found = Covering(size, _dating(state, tuple(kept), most=most))
        if not found.notes or pending[0] >= size:
            continue
        if _is_complete(state, found):
            yield found
            pending, others = [index for index in pending if index >= size], []
        elif not others or any(others[-1].size <= index < size for index in pending):
            others.append(found)
    yield from others


def is_witnessed(state: State, note: bytes) -> bool:
    """Tell whether a quorum of the charter's witnesses cosigned a checkpoint; of none, anybody."""
    return _weight(state, note)[0] >= max(1, state.charter_at(size_of(note)).quorum)


def earliest_s(state: State, size: int, *, recorded_at: Callable[[int], int]) -> int:
    """Return the earliest time, in POSIX seconds, at which a checkpoint can have been cosigned.

    By then each of its entries was recorded, but for the tolerance of the charter of its time.

    Args:
        state: The rules' state by now.
        size: The checkpoint's size, above 0.
        recorded_at: Gives when an entry was recorded, in milliseconds.

    Source: SPEC section 8.2.
    """
    # Of the entries under one charter the last was recorded latest.
    ends = (*(start for start, _ in state.charters[1:]), size)
    return max(
        recorded_at(min(end, size) - 1) // 1000 - charter.tolerance_s
        for (start, charter), end in zip(state.charters, ends, strict=True)
        if start < size or start == 1
    )


def check_covered(
    dated: Sequence[Dated], *, state: State, size: int, recorded_at: Callable[[int], int]
) -> None:
    """Check that no entry was recorded later than the cosignatures that cover it.

    Args:
        dated: Cosigned checkpoints of this size, weighed by the charter's witnesses.
        state: The rules' state, at that size or later.
        size: Their size, above 0.
        recorded_at: Gives when an entry was recorded, in milliseconds.

    Raises:
        RuleError: With check `bracket`: one was.

    Source: SPEC section 8.2.
    """
    by_s = Brackets(covering=dated, seen=(), statements=()).of(size - 1, first=size - 1).by_s
    if by_s is None:
        return
    least_s = earliest_s(state, size, recorded_at=recorded_at)
    if by_s < least_s:
        reason = "is cosigned earlier than what it covers was recorded"
        expected, found = f"from {format_time_s(least_s)} on", format_time_s(by_s)
        raise RuleError(Check.BRACKET, "note", reason, expected, found)


def size_of(checkpoint: bytes) -> int:
    """Return the size in a checkpoint of this ledger, or of an export that was checked."""
    return int(checkpoint.split(b"\n")[1])


def _dating(state: State, kept: Sequence[bytes], *, most: int) -> tuple[bytes, ...]:
    """Return those of the notes of one size that say when it was cosigned.

    Of each of the charter's witnesses that which has its earliest line; of the rest, the shortest
    first, no more than `most` in all, nor more octets in all than one note may have. For whoever
    signs can have any number of notes kept, of any lines, by naming them as seen.
    """
    weighed = [each for data in kept if (each := _weighed(state, data)) and each.lines > 1]
    weighed.sort(key=lambda each: (-len(each.times), len(each.note)))
    earliest: dict[str, _Weighed] = {}
    for each in weighed:
        for name, times in each.times.items():
            if name not in earliest or min(times) < min(earliest[name].times[name]):
                earliest[name] = each
    chosen = {each.note for each in earliest.values()}
    rest = {each.note for each in weighed} - chosen
    octets = sum(map(len, chosen))
    for note in sorted(rest, key=lambda note: (len(note), note)):
        octets += len(note)
        if len(chosen) >= most or octets > MAX_NOTE_SIZE:
            break
        chosen.add(note)
    return tuple(note for note in kept if note in chosen)


def _weight(state: State, data: bytes) -> tuple[int, int]:
    """Return how many of the charter's witnesses cosigned a note, and how many lines it has.

    Where a line of one of them is not valid the note counts for nothing: (0, 0).
    """
    weighed = _weighed(state, data)
    return (0, 0) if weighed is None else (len(weighed.times), weighed.lines)


def _weighed(state: State, data: bytes) -> _Weighed | None:
    """Return what a note says; None where a line of one of the charter's witnesses is not valid."""
    checkpoint, note = parse_signed(data)
    try:
        times = cosigners(charter_policy(state.charter_at(checkpoint.size)), note=note)
    except VerifyError:
        return None
    key = log_vkey(checkpoint.origin, state.log_key_at(checkpoint.size))
    others = sum(line[:2] != (key.name, key.key_id) for line in note.signatures)
    return _Weighed(data, times, 1 + others)


def _is_complete(state: State, found: Covering) -> bool:
    policies = [(0, charter_policy(state.charter_at(found.size)))]
    notes = (parse_signed(data)[1] for data in found.notes)
    dated = [dated_by(policies, note, size=found.size, digest=b"") for note in notes]
    held = [each for each in dated if each is not None]
    return Brackets(covering=held, seen=(), statements=()).covered == found.size
