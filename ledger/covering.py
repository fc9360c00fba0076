"""Which cosigned checkpoints to hand out with a proof: the earliest that enough witnesses cosigned.

A cosignature dates what it covers from above, so of two checkpoints that prove the same entry the
earlier one proves more. Who the witnesses are is for a reader's own policy to weigh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from verify.brackets import Brackets
from verify.checkpoint import parse_signed
from verify.contents import charter_policy
from verify.errors import VerifyError
from verify.notes import dated_by, log_vkey
from verify.policy import cosigners
from verify.state import State

__all__ = ["Cosigned", "Covering", "covering", "size_of"]


class Cosigned(Protocol):
    """The door to the kept notes of a ledger, or of an export of it."""

    def state(self) -> State:
        """Return the rules' state after the last entry."""

    def notes(self, start: int = 0) -> Iterable[bytes]:
        """Return the kept notes from size `start` on, by size and then by hash."""


class Covering(NamedTuple):
    """The kept notes of one size that others cosigned: the same checkpoint under several lines."""

    size: int
    notes: tuple[bytes, ...]


def covering(ledger: Cosigned, indexes: Sequence[int], *, limit: int) -> Iterator[Covering]:
    """Yield the cosigned checkpoints that show earliest that entries existed, by size.

    For each entry it is that of the smallest size that has the quorum of the charter's witnesses;
    where none has, of the smallest that anybody cosigned: a reader may trust others. A note is
    passed over if one of these witnesses' lines on it is not valid.

    Args:
        ledger: The ledger, or an export of it.
        indexes: The indexes of the entries, ascending, at least one.
        limit: No checkpoint larger than this.
    """
    state, pending = ledger.state(), list(indexes)
    others: list[Covering] = []  # in case that there is no quorum for the entries below them
    for size, kept in groupby(ledger.notes(indexes[0] + 1), key=size_of):
        if size > limit or not pending:
            break
        found = Covering(size, tuple(note for note in kept if _is_cosigned(state, size, note)))
        if not found.notes or pending[0] >= size:
            continue
        if _is_complete(state, found):
            yield found
            pending, others = [index for index in pending if index >= size], []
        elif not others or any(others[-1].size <= index < size for index in pending):
            others.append(found)
    yield from others


def size_of(checkpoint: bytes) -> int:
    """Return the size in a checkpoint of this ledger, or of an export that was checked."""
    return int(checkpoint.split(b"\n")[1])


def _is_cosigned(state: State, size: int, data: bytes) -> bool:
    checkpoint, note = parse_signed(data)
    key = log_vkey(checkpoint.origin, state.log_key_at(size))
    try:
        cosigners(charter_policy(state.charter_at(size)), note=note)
    except VerifyError:
        return False
    return any(line[:2] != (key.name, key.key_id) for line in note.signatures)


def _is_complete(state: State, found: Covering) -> bool:
    policies = [(0, charter_policy(state.charter_at(found.size)))]
    notes = (parse_signed(data)[1] for data in found.notes)
    dated = [dated_by(policies, note, size=found.size, digest=b"") for note in notes]
    held = [each for each in dated if each is not None]
    return Brackets(covering=held, seen=(), statements=()).covered == found.size
