"""Fork proofs, made: from two signed checkpoints, and the tiles of one of their trees.

Nothing is written here that `verify.fork` has not checked, so that nobody is accused by mistake.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.served import Part, past_within
from verify.checkpoint import parse_signed
from verify.fork import ForkProof, Lie, OneSize, OtherPast, format_fork
from verify.note import VerifierKey, format_vkey

__all__ = ["SignedBy", "prove_fork"]


class SignedBy(NamedTuple):
    """A signed checkpoint, all lines included, and the log's key for its size."""

    note: bytes
    key: VerifierKey


def prove_fork(
    one: SignedBy, other: SignedBy, *, charter: bytes | None, part: Part
) -> bytes | None:
    """Prove that of two trees the smaller one is not how the larger one began.

    Args:
        one: A checkpoint.
        other: Another one, of any size.
        charter: The octets of entry 0, if it is a ledger's.
        part: Gives the tiles of the larger tree. Of trees of one size none are asked for.

    Returns:
        The octets of a fork proof; None if they agree.

    Raises:
        TargetError: The tiles cannot be had, or do not prove it.
        RuleError: A checkpoint is not signed by its key.
    """
    first, second = sorted((one, other), key=_size_and_root)
    (size, root), (larger, larger_root) = _size_and_root(first), _size_and_root(second)
    if size == larger:
        if root == larger_root:
            return None
        return _format(first, second, OneSize(), charter)
    past, proof = past_within(part, old=size, size=larger, root=larger_root)
    if past == root:
        return None
    lie = OtherPast(past=past.hex(), proof=tuple(each.hex() for each in proof))
    return _format(first, second, lie, charter)


def _size_and_root(signed: SignedBy) -> tuple[int, bytes]:
    checkpoint, _ = parse_signed(signed.note)
    return checkpoint.size, checkpoint.root


def _format(one: SignedBy, other: SignedBy, lie: Lie, charter: bytes | None) -> bytes:
    keys = dict.fromkeys((format_vkey(one.key), format_vkey(other.key)))
    proof = ForkProof(
        checkpoints=(one.note.decode(), other.note.decode()),
        lie=lie,
        log_keys=tuple(keys),
        charter=None if charter is None else charter.decode(),
    )
    return format_fork(proof)
