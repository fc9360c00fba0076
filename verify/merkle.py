"""Merkle trees of RFC 6962: the hashes, the checks of both proofs, and a tree that only grows.

    leaf hash    SHA-256(0x00 || entry)
    node hash    SHA-256(0x01 || left || right)
    root hash    of no leaves: SHA-256 of nothing; of one: its leaf hash; of n: the node hash of
                 the roots of the first k and of the other n - k leaves, where k is the largest
                 power of two below n

Proofs are checked here and not made: `ledger` makes them, written another way, so that one can
catch the other.

Source: RFC 6962 section 2.1; RFC 9162 sections 2.1.3.2 and 2.1.4.2.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice

from verify.errors import MalformedError, ProofError
from verify.spelling import HASH_SIZE, MAX_SIZE

__all__ = [
    "EMPTY_ROOT",
    "MAX_SIZE",
    "SUBTREE_SIZE",
    "Frontier",
    "check_consistency",
    "check_inclusion",
    "leaf_hash",
    "node_hash",
    "root_hash",
    "subtree_root",
]

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root hash of the tree without leaves."""

SUBTREE_SIZE = 256
"""Leaves under one full tile."""

_SUBTREE_HEIGHT = 8


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry into its leaf hash."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours into the node above them. `left` comes first in the tree."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Compute the root hash of the tree with these leaf hashes.

    Raises:
        MalformedError: A leaf hash is not 32 bytes.

    Source: RFC 6962 section 2.1.
    """
    frontier = Frontier()
    frontier.append_many(leaves)
    return frontier.root()


def subtree_root(leaves: Sequence[bytes]) -> bytes:
    """Compute the root hash of a perfect tree: one whose number of leaves is a power of two.

    Raises:
        MalformedError: The number of leaves is not a power of two, or one is not 32 bytes.
    """
    if len(leaves).bit_count() != 1:
        raise MalformedError("subtree", f"{len(leaves)} leaves are not a power of two")
    _check_hashes(leaves, where="leaf hash")
    sha256 = hashlib.sha256
    level = list(leaves)
    while len(level) > 1:
        nodes = iter(level)
        # SHA-256(0x01 || left || right): zip takes two neighbours from the one iterator.
        level = [sha256(b"\x01" + a + b).digest() for a, b in zip(nodes, nodes, strict=True)]
    return level[0]


def check_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the tree of `size` leaves with hash `root` has leaf hash `leaf` at `index`.

    Args:
        index: Leaf index, from 0.
        size: Tree size, in leaves.
        leaf: Leaf hash, 32 bytes.
        proof: Inclusion proof: sibling hashes from leaf to root, 32 bytes each.
        root: Root hash, 32 bytes.

    Raises:
        MalformedError: An argument is out of range or a hash is not 32 bytes.
        ProofError: The proof has the wrong length or leads to another root.

    Source: RFC 9162 section 2.1.3.2.
    """
    _check_size(size, where="size")
    if not 0 <= index < size:
        raise MalformedError("index", f"{index} is outside a tree of {size} leaves")
    _check_hashes((leaf, root), where="leaf or root hash")
    _check_hashes(proof, where="inclusion proof")
    # `node` and `last` are the indexes, one level higher at each step, of the node whose hash is
    # `computed` and of the last node of its level.
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            # A last node without a right sibling is handed up unhashed: skip those levels.
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("the inclusion proof is too short")
    if computed != root:
        raise ProofError("the inclusion proof leads to another root hash", root, computed)


def check_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the first `old_size` leaves of the new tree are the old tree.

    Args:
        old_size: Size of the old tree, at most `new_size`; 0 for the empty tree, which is
            consistent with every tree by an empty proof.
        old_root: Root hash of the old tree, 32 bytes.
        new_size: Size of the new tree.
        new_root: Root hash of the new tree, 32 bytes.
        proof: Consistency proof, 32 bytes for each hash. Empty between equal sizes.

    Raises:
        MalformedError: A size is out of range or a hash is not 32 bytes.
        ProofError: The proof has the wrong length or leads to another root, or an empty tree has
            not the empty tree's root hash.

    Source: RFC 9162 section 2.1.4.2.
    """
    _check_size(new_size, where="new size")
    if not 0 <= old_size <= new_size:
        raise MalformedError("old size", f"{old_size} is not from 0 to the new size {new_size}")
    _check_hashes((old_root, new_root), where="old or new root hash")
    _check_hashes(proof, where="consistency proof")
    _check_empty(size=old_size, root=old_root)
    _check_empty(size=new_size, root=new_root)
    if old_size in {0, new_size}:
        _check_trivial(old_size=old_size, old_root=old_root, new_root=new_root, proof=proof)
        return
    _check_growth(
        old_size=old_size, old_root=old_root, new_size=new_size, new_root=new_root, proof=proof
    )


class Frontier:
    """A tree that only grows, kept as the roots of its perfect subtrees: 53 hashes at most.

    The only class here that changes: it takes in a million leaves at a time. `copy` gives one that
    grows apart.
    """

    __slots__ = ("_nodes", "_size")

    def __init__(self) -> None:
        """Begin with no leaves."""
        self._size = 0
        # One hash for each 1 bit of the size, the largest subtree first.
        self._nodes: list[bytes] = []

    @classmethod
    def from_nodes(cls, size: int, nodes: Sequence[bytes]) -> "Frontier":
        """Take up again a tree whose `size` and `nodes` were kept.

        Raises:
            MalformedError: The size is out of range, there is not one node for each 1 bit of the
                size, or one is not 32 bytes.
        """
        _check_size(size, where="size")
        if len(nodes) != size.bit_count():
            raise MalformedError("frontier", f"{len(nodes)} nodes cannot make {size} leaves")
        _check_hashes(nodes, where="frontier")
        frontier = cls()
        frontier._size = size
        frontier._nodes = list(nodes)
        return frontier

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def nodes(self) -> tuple[bytes, ...]:
        """Root hashes of the perfect subtrees that make up the tree, the largest first."""
        return tuple(self._nodes)

    def copy(self) -> "Frontier":
        """Copy the tree, so that the two can grow apart."""
        return Frontier.from_nodes(self._size, self._nodes)

    def root(self) -> bytes:
        """Compute the root hash."""
        if not self._nodes:
            return EMPTY_ROOT
        sha256 = hashlib.sha256
        nodes = reversed(self._nodes)
        root = next(nodes)
        for node in nodes:
            root = sha256(b"\x01" + node + root).digest()
        return root

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the end.

        Raises:
            MalformedError: The leaf hash is not 32 bytes, or the tree is full.
        """
        if len(leaf) != HASH_SIZE:
            raise MalformedError("leaf hash", f"{len(leaf)} bytes, not {HASH_SIZE}")
        self._push(leaf, height=0)

    def append_many(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes at the end, in order; whole aligned chunks of 256 at a time.

        Raises:
            MalformedError: A leaf hash is not 32 bytes, or the tree is full. The leaves before it
                may have been added.
        """
        rest = iter(leaves)
        for leaf in islice(rest, -self._size % SUBTREE_SIZE):
            self.append(leaf)
        # Either the size is a multiple of 256 now, or nothing is left.
        while len(chunk := list(islice(rest, SUBTREE_SIZE))) == SUBTREE_SIZE:
            self.append_subtree(chunk)
        for leaf in chunk:
            self.append(leaf)

    def append_subtree(self, leaves: Sequence[bytes]) -> bytes:
        """Add exactly 256 leaf hashes where a tile begins, and give the tile's root hash.

        Returns:
            The root hash of the 256 leaves, which is one hash of the tile a level up.

        Raises:
            MalformedError: The size is not a multiple of 256, there are not 256 leaves, one is not
                32 bytes, or the tree is full. Nothing was added.
        """
        if len(leaves) != SUBTREE_SIZE:
            raise MalformedError("subtree", f"{len(leaves)} leaves, not {SUBTREE_SIZE}")
        root = subtree_root(leaves)
        self.append_root(root)
        return root

    def append_root(self, root: bytes) -> None:
        """Add 256 leaves where a tile begins, by the root hash over them.

        Raises:
            MalformedError: The size is not a multiple of 256, the hash is not 32 bytes, or the tree
                is full. Nothing was added.
        """
        if self._size % SUBTREE_SIZE:
            raise MalformedError("subtree", f"cannot begin at index {self._size}")
        _check_hashes((root,), where="subtree root hash")
        self._push(root, height=_SUBTREE_HEIGHT)

    def _push(self, node: bytes, *, height: int) -> None:
        """Add a perfect subtree of 2^height leaves to a size that is a multiple of that."""
        size = self._size + (1 << height)
        if size > MAX_SIZE:
            raise MalformedError("size", f"greater than {MAX_SIZE}")
        nodes = self._nodes
        # Each 1 bit of the old size that carries is a subtree as large as the one that arrives.
        carries = self._size >> height
        while carries & 1:
            node = hashlib.sha256(b"\x01" + nodes.pop() + node).digest()
            carries >>= 1
        nodes.append(node)
        self._size = size


def _check_size(size: int, *, where: str) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise MalformedError(where, f"{size} is not from 0 to {MAX_SIZE}")


def _check_hashes(hashes: Sequence[bytes], *, where: str) -> None:
    # A set of lengths is the fastest check of many: 4 us for 256 hashes.
    if not {HASH_SIZE}.issuperset(map(len, hashes)):
        raise MalformedError(where, f"a hash is not {HASH_SIZE} bytes")


def _check_empty(*, size: int, root: bytes) -> None:
    if size == 0 and root != EMPTY_ROOT:
        raise ProofError("an empty tree with another root hash", EMPTY_ROOT, root)


def _check_trivial(
    *, old_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check a consistency that needs no hash: from an empty tree, or between equal sizes."""
    if proof:
        raise ProofError("the consistency proof is too long")
    if old_size and old_root != new_root:
        raise ProofError("two root hashes of one size", old_root, new_root)


def _check_growth(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check a consistency proof where 0 < old_size < new_size."""
    # A perfect old tree is a node of the new one, and the proof leaves its hash out.
    path = iter(proof if old_size & (old_size - 1) else (old_root, *proof))
    # `node` and `last` are the indexes, one level higher at each step, of the old tree's last node
    # that is a node of the new tree too, and of the last node of its level in the new tree.
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = next(path, b"")
    if not old:
        raise ProofError("the consistency proof is too short")
    for sibling in path:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("the consistency proof is too short")
    if old != old_root:
        raise ProofError("the consistency proof leads to another old root", old_root, old)
    if new != new_root:
        raise ProofError("the consistency proof leads to another new root", new_root, new)
