"""Fork proofs, made: from two signed checkpoints, and the tiles of one of their trees.

Nothing is written here that `verify.fork` has not checked, so that nobody is accused by mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.served import Part, inclusion_within, past_within
from verify.checkpoint import check_parsed, parse_signed
from verify.fork import ForkProof, Lie, OneSize, OtherEntry, OtherPast, StepBack, format_fork
from verify.merkle import node_hash
from verify.note import VerifierKey, format_vkey
from verify.notes import log_vkey
from verify.proof import Proof
from verify.state import State

__all__ = [
    "SignedBy",
    "key_on",
    "prove_fork",
    "prove_other_entry",
    "prove_refused",
    "prove_step_back",
    "prove_two_entries",
    "signed_by",
]


class SignedBy(NamedTuple):
    """A signed checkpoint, all lines included, and the log's key that signed it."""

    note: bytes
    key: VerifierKey


def key_on(note: bytes, *, state: State) -> VerifierKey:
    """Return the log key that has a line on a checkpoint: the one for its size, or another.

    A backup from before a change of the key goes on with the key before. What that signed beyond
    the change is no part of the ledger, and shows another history all the same.

    Args:
        note: The checkpoint.
        state: What is known of the ledger, with all log keys that it has or had.

    Returns:
        The key, whose line is not checked; where none has one, the key for the size.

    Raises:
        VerifyError: It is no checkpoint.
    """
    checkpoint, parsed = parse_signed(note)
    own = state.log_key_at(max(checkpoint.size, 1))
    known = dict.fromkeys((own, *(public for _, public in state.log_keys)))
    keys = [log_vkey(state.charter.origin, public) for public in known]
    named = {line[:2] for line in parsed.signatures}
    return next((key for key in keys if (key.name, key.key_id) in named), keys[0])


def signed_by(note: bytes, *, state: State) -> SignedBy:
    """Return a checkpoint with the log key that signed it, as `key_on` finds it.

    Raises:
        VerifyError: It is no checkpoint of the ledger's origin, or none of its keys signed it.
    """
    key = key_on(note, state=state)
    check_parsed(*parse_signed(note), key=key, origin=state.charter.origin)
    return SignedBy(note, key)


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


def prove_refused(one: SignedBy, other: SignedBy, *, proof: Sequence[bytes]) -> bytes | None:
    """Prove a fork by the consistency proof that a log gave with its larger tree.

    It does not begin at the smaller checkpoint's tree. Where it leads to the larger one all the
    same, it begins at the tree that the log had in its place.

    Args:
        one: The smaller checkpoint.
        other: The larger one.
        proof: The consistency proof.

    Returns:
        The octets of a fork proof; None where that tree cannot be worked out from the proof alone,
        as of sizes that are powers of two.

    Raises:
        RuleError: The proof does not lead to the larger tree, or a checkpoint is not signed by
            its key.
    """
    past = _beginning(proof, old=_size_and_root(one)[0], new=_size_and_root(other)[0])
    if past is None:
        return None
    lie = OtherPast(past=past.hex(), proof=tuple(each.hex() for each in proof))
    return _format(one, other, lie, None)


def _beginning(proof: Sequence[bytes], *, old: int, new: int) -> bytes | None:
    """Return the root hash at `old` that a consistency proof to `new` stands for, if it tells.

    Source: RFC 6962 section 2.1.2, read from the proof's end.
    """
    rest, lefts = list(proof), []
    while rest and 0 < old < new:
        split = 1 << ((new - 1).bit_length() - 1)
        sibling = rest.pop()
        if old <= split:
            new = split
        else:
            old, new = old - split, new - split
            lefts.append(sibling)
    if old != new or len(rest) != 1:
        return None
    root = rest[0]
    for left in reversed(lefts):
        root = node_hash(left, root)
    return root


def prove_other_entry(
    acknowledged: Proof, leaf: bytes, *, key: VerifierKey, other: SignedBy, charter: bytes,
    part: Part,
) -> bytes | None:  # fmt: skip
    """Prove that another tree does not hold what a receipt acknowledged.

    Args:
        acknowledged: The receipt's proof.
        leaf: The leaf hash that it proves.
        key: The log's key for the size of the receipt's checkpoint.
        other: A checkpoint that is larger than the receipt's index.
        charter: The octets of entry 0.
        part: Gives the tiles of this checkpoint's tree.

    Returns:
        The octets of a fork proof; None if the entry is there.

    Raises:
        TargetError: The tiles cannot be had, or do not prove it.
        RuleError: A checkpoint is not signed by its key.
    """
    size, root = _size_and_root(other)
    found, proof = inclusion_within(part, index=acknowledged.index, size=size, root=root)
    if found == leaf:
        return None
    lie = OtherEntry(
        index=acknowledged.index,
        leaves=(leaf.hex(), found.hex()),
        proofs=(
            tuple(each.hex() for each in acknowledged.hashes),
            tuple(each.hex() for each in proof),
        ),
    )
    return _format(SignedBy(acknowledged.checkpoint, key), other, lie, charter)


def prove_two_entries(
    one: SignedBy,
    other: SignedBy,
    *,
    index: int,
    leaves: tuple[bytes, bytes],
    proofs: tuple[Sequence[bytes], Sequence[bytes]],
    charter: bytes,
) -> bytes | None:
    """Prove that two trees have different entries at one index.

    Args:
        one: A checkpoint.
        other: Another one.
        index: The index, below both sizes.
        leaves: The leaf hash there in either tree.
        proofs: Inclusion proof in either tree.
        charter: The octets of entry 0.

    Returns:
        The octets of a fork proof; None if the entries are the same.

    Raises:
        RuleError: An inclusion proof does not hold, or a checkpoint is not signed by its key.
    """
    if leaves[0] == leaves[1]:
        return None
    lie = OtherEntry(
        index=index,
        leaves=(leaves[0].hex(), leaves[1].hex()),
        proofs=(tuple(h.hex() for h in proofs[0]), tuple(h.hex() for h in proofs[1])),
    )
    return _format(one, other, lie, charter)


def prove_step_back(
    one: SignedBy, other: SignedBy, *, witness: VerifierKey, charter: bytes
) -> bytes:
    """Prove that a witness cosigned the smaller of two trees after the larger one.

    Raises:
        RuleError: It did not, or a checkpoint is not signed by its key.
    """
    first, second = sorted((one, other), key=_size_and_root)
    return _format(first, second, StepBack(witness=format_vkey(witness)), charter)


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
