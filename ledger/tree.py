"""Making what `verify` checks: tiles, root hashes and both proofs, from stored tiles.

Written another way than `verify.merkle`, so that one can catch the other: there a tree is a list
of subtree roots that grows, here it is its tiles. A proof takes two walks: the first lists the
ranges of leaves whose root hashes it consists of, the second fetches them from tiles.

    tile (level, number)   256 hashes, each the root of 256^level leaves
    node (height, index)   the root of the 2^height leaves from index * 2^height on; it is folded
                           from 2^(height % 8) hashes that stand together in a tile of level
                           height // 8

A stored tile only ever grows at its end, so a proof for an old size reads the tiles of today.

Source: RFC 6962 section 2.1; c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeAlias

from verify.merkle import EMPTY_ROOT
from verify.spelling import HASH_SIZE

__all__ = [
    "EMPTY_EDGE",
    "Edge",
    "Growth",
    "TileReader",
    "Tree",
    "edge_of",
    "extend",
    "root_of_edge",
]

_HEIGHT = 8
_WIDTH = 1 << _HEIGHT

Rows: TypeAlias = tuple[list[bytes], ...]
"""A tile that is folded: row h holds the node of every 2^h hashes that are there, h from 0 to 7."""

_NO_ROWS: Rows = tuple([] for _ in range(_HEIGHT))

Edge: TypeAlias = tuple[Rows, ...]
"""The partial tile at the right edge of each level, from level 0 up; empty where there is none.

Folded, since it is what every root hash and the proof of every new entry is made from. It is not
to be changed: heads share it.
"""

EMPTY_EDGE: Edge = ()


class TileReader(Protocol):
    """The door to stored tiles."""

    def __call__(self, level: int, number: int) -> bytes:
        """Return the hashes that a tile has by now: 32 octets each, at most 256."""


class Growth(NamedTuple):
    """What appending leaves to a tree changes.

    Attributes:
        edge: The new right edge.
        tiles: (level, number, octets) of every tile that is new or longer.
    """

    edge: Edge
    tiles: tuple[tuple[int, int, bytes], ...]


def edge_of(tiles: Iterable[bytes]) -> Edge:
    """Return the right edge that consists of these tiles, from level 0 up."""
    return tuple(_grown(_NO_ROWS, _hashes(data)) for data in tiles)


def extend(edge: Edge, *, size: int, leaves: Sequence[bytes]) -> Growth:
    """Append leaf hashes to the tree of `size` leaves with this right edge.

    Args:
        edge: The right edge.
        size: Leaves so far.
        leaves: Leaf hashes to append, 32 octets each.
    """
    tiles: list[tuple[int, int, bytes]] = []
    new_edge: list[Rows] = []
    arriving = leaves
    level = 0
    while arriving or level < len(edge):
        rows = edge[level] if level < len(edge) else _NO_ROWS
        number = size >> (_HEIGHT * (level + 1))
        roots: list[bytes] = []
        start = 0
        while start < len(arriving):
            stop = start + _WIDTH - len(rows[0])
            rows = _grown(rows, arriving[start:stop])
            tiles.append((level, number, b"".join(rows[0])))
            if len(rows[0]) == _WIDTH:  # the edge holds only partial tiles
                roots.append(_node(*rows[-1]))
                rows = _NO_ROWS
                number += 1
            start = stop
        new_edge.append(rows)
        arriving = roots
        level += 1
    return Growth(tuple(new_edge), tuple(tiles))


def root_of_edge(edge: Edge) -> bytes:
    """Return the root hash of the tree with this right edge."""
    root = b""
    # From the lowest, smallest subtree up: each larger one stands to the left of what was folded.
    for rows in edge:
        count = len(rows[0])
        for height, row in enumerate(rows):
            if count >> height & 1:  # the last of this height has no right neighbour
                root = _node(row[-1], root) if root else row[-1]
    return root or EMPTY_ROOT


class Tree:
    """The tree of one log at all its sizes, read from stored tiles.

    Tiles that were read are kept, folded, with what was made of them, as long as this object is:
    many proofs of one tree cost little more than one. It is for one thread and one read
    transaction.
    """

    __slots__ = ("_folded", "_ranges", "_read")

    def __init__(self, read: TileReader, *, size: int = 0, edge: Edge = EMPTY_EDGE) -> None:
        """Read tiles with `read`, but for those that are known: the right edge at `size`."""
        self._read = read
        self._folded = {
            (level, size >> (_HEIGHT * (level + 1))): rows for level, rows in enumerate(edge)
        }
        self._ranges: dict[tuple[int, int], bytes] = {}

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash at `index`."""
        return self._hash(0, index)

    def root(self, size: int) -> bytes:
        """Return the root hash of the first `size` leaves."""
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, *, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that a leaf is in the tree of `size` leaves.

        Returns:
            The sibling hashes from leaf to root.

        Raises:
            ValueError: The index is not below the size.
        """
        if not 0 <= index < size:
            raise ValueError(f"index {index} is outside a tree of {size} leaves")
        return tuple(self._range(low, high) for low, high in _siblings(index, 0, size))

    def consistency_proof(self, *, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the first `old` leaves of the tree of `new` leaves are the old tree.

        Raises:
            ValueError: The sizes are not in order.
        """
        if not 0 <= old <= new:
            raise ValueError(f"{old} is not from 0 to {new}")
        if old in {0, new}:
            return ()
        return tuple(self._range(low, high) for low, high in _growth(old, 0, new))

    def _range(self, low: int, high: int) -> bytes:
        """Return the root hash of leaves [low, high), a subtree of RFC 6962."""
        root = self._ranges.get((low, high), b"")
        if not root:
            for height, index in reversed(list(_nodes(low, high))):
                node = self._hash(height, index)
                root = _node(node, root) if root else node
            self._ranges[low, high] = root
        return root

    def _hash(self, height: int, index: int) -> bytes:
        level, rest = divmod(height, _HEIGHT)
        number, offset = divmod(index, _WIDTH >> rest)
        rows = self._folded.get((level, number))
        # A tile that was short when it was read may have grown since.
        if rows is None or offset >= len(rows[rest]):
            rows = _rows(self._read(level, number))
            self._folded[level, number] = rows
        return rows[rest][offset]


def _siblings(index: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """List the ranges of an inclusion proof, from the leaf up. PATH of RFC 6962 2.1.1."""
    if high - low == 1:
        return
    middle = low + _split(high - low)
    if index < middle:
        yield from _siblings(index, low, middle)
        yield middle, high
    else:
        yield from _siblings(index, middle, high)
        yield low, middle


def _growth(old: int, low: int, high: int, *, whole: bool = True) -> Iterator[tuple[int, int]]:
    """List the ranges of a consistency proof. SUBPROOF of RFC 6962 2.1.2; `whole` is its b."""
    if old == high:
        if not whole:
            yield low, high
        return
    middle = low + _split(high - low)
    if old <= middle:
        yield from _growth(old, low, middle, whole=whole)
        yield middle, high
    else:
        yield from _growth(old, middle, high, whole=False)
        yield low, middle


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _nodes(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Cut [low, high) into perfect subtrees, the largest first: (height, index) of each."""
    while low < high:
        height = (high - low).bit_length() - 1
        yield height, low >> height
        low += 1 << height


@lru_cache(maxsize=16)
def _rows(data: bytes) -> Rows:
    """Fold a tile. Remembered for a few: many proofs are made from the same. Not to be changed."""
    return _grown(_NO_ROWS, _hashes(data))


def _grown(rows: Rows, hashes: Sequence[bytes]) -> Rows:
    """Return a folded tile with further hashes, which must have room in it."""
    sha256 = hashlib.sha256
    grown = tuple(map(list.copy, rows))
    grown[0].extend(hashes)
    for below, row in pairwise(grown):
        # SHA-256(0x01 || left || right); an odd last one has no node yet.
        nodes = iter(below[2 * len(row) :])
        row += [sha256(b"\x01" + a + b).digest() for a, b in zip(nodes, nodes, strict=False)]
    return grown


def _hashes(data: bytes) -> list[bytes]:
    return [data[i : i + HASH_SIZE] for i in range(0, len(data), HASH_SIZE)]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
