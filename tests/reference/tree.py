"""Section 7: the tree, by RFC 6962 as it reads."""

import hashlib
from collections.abc import Sequence

from tests.reference.refusals import Refused, need


def leaf_hash(octets: bytes) -> bytes:
    """Return SHA-256(0x00 || octets): the leaf hash of an entry, the id of an event."""
    return hashlib.sha256(b"\x00" + octets).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of RFC 6962 section 2.1 over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def check_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Refuse an inclusion proof that does not lead from `leaf` to `root` [902].

    Source: RFC 6962 section 2.1.1, PATH(m, D[n]) read backwards.
    """
    if not 0 <= index < size:
        raise Refused(902, "the index is not below the size")
    found = _root_by_path(index, size, leaf, list(proof))
    need(902, "root", found=found.hex(), expected=root.hex())


def check_consistency(
    *, old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Refuse a consistency proof that does not lead to both roots [205]; 1 <= old_size <= size.

    Source: RFC 6962 section 2.1.2, SUBPROOF(m, D[n], b) read backwards.
    """
    if not 1 <= old_size <= size:
        raise Refused(205, "the old size is not between 1 and the size")
    old, new = _roots_by_subproof(old_size, size, old_root, list(proof))
    need(205, "old root", found=old.hex(), expected=old_root.hex())
    need(205, "root", found=new.hex(), expected=root.hex())


def _split(size: int) -> int:
    """Return the largest power of two that is smaller than `size`."""
    split = 1
    while split * 2 < size:
        split *= 2
    return split


def _root_by_path(index: int, size: int, leaf: bytes, proof: list[bytes]) -> bytes:
    if size == 1:
        if proof:
            raise Refused(902, "the proof is too long")
        return leaf
    if not proof:
        raise Refused(902, "the proof is too short")
    split = _split(size)
    if index < split:
        return node_hash(_root_by_path(index, split, leaf, proof[:-1]), proof[-1])
    return node_hash(proof[-1], _root_by_path(index - split, size - split, leaf, proof[:-1]))


def _roots_by_subproof(
    old_size: int, size: int, known: bytes | None, proof: list[bytes]
) -> tuple[bytes, bytes]:
    # `known` is the old root while this subtree is the whole of the old tree (b of the RFC).
    if old_size == size:
        if len(proof) != (0 if known is not None else 1):
            raise Refused(205, "the proof has the wrong length")
        same = proof[0] if known is None else known
        return same, same
    if not proof:
        raise Refused(205, "the proof is too short")
    split = _split(size)
    if old_size <= split:
        old, new = _roots_by_subproof(old_size, split, known, proof[:-1])
        return old, node_hash(new, proof[-1])
    old, new = _roots_by_subproof(old_size - split, size - split, None, proof[:-1])
    return node_hash(proof[-1], old), node_hash(proof[-1], new)
