"""What a server serves of a log, and what it shows: entries in order, and what a tree was before.

Tiles and bundles come from whoever gives them; nothing of them is believed that is not proven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ledger.errors import TargetError
from ledger.tree import Tree
from verify.checkpoint import Checkpoint, parse_signed
from verify.errors import VerifyError
from verify.merkle import check_consistency, check_inclusion
from verify.note import Note
from verify.tiles import MAX_ENTRY_SIZE, TILE_WIDTH, entries_path, parse_bundle, tile_path

__all__ = [
    "MAX_TILE",
    "AlteredError",
    "Part",
    "entries_of",
    "inclusion_within",
    "parse_note",
    "past_within",
]

MAX_TILE: Final = TILE_WIDTH * 32
"""Octets of a full tile."""

_MAX_BUNDLE: Final = TILE_WIDTH * (MAX_ENTRY_SIZE + 2)

Part = Callable[[str, int, int], bytes]
"""Gives a tile or bundle by its path, its width, and the most octets that it may have."""


class AlteredError(TargetError):
    """What the server serves does not hold together: damaged on its way, or altered.

    Attributes:
        check: The number of the check of SPEC section 12 that fails, when it is one.
    """

    def __init__(self, reason: str, *, check: int | None = None) -> None:
        super().__init__(reason)
        self.check = check


def parse_note(note: bytes) -> tuple[Checkpoint, Note]:
    """Read a signed note as a checkpoint; its signature is not checked.

    Raises:
        AlteredError: It is none.
    """
    try:
        return parse_signed(note)
    except VerifyError as error:
        raise AlteredError(f"the checkpoint does not hold: {error}") from None


def entries_of(part: Part, start: int, stop: int) -> Iterator[bytes]:
    """Yield the entries [start, stop).

    Raises:
        AlteredError: A bundle has fewer than it must.
        MalformedError: One is none.
        TargetError: One cannot be had.
    """
    if start == stop:
        return
    for number in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)):
        first = number * TILE_WIDTH
        width = min(TILE_WIDTH, stop - first)
        path = entries_path(number=number, width=width)
        entries = parse_bundle(part(path, width, _MAX_BUNDLE), where=path)
        if len(entries) < width:
            raise AlteredError(f"{path} has {len(entries)} entries, not {width}")
        yield from entries[max(0, start - first) : width]


def past_within(part: Part, *, old: int, size: int, root: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the root hash that the tree of `size` leaves, with hash `root`, had at `old`, proven.

    Returns:
        The root hash, and the consistency proof from there.

    Raises:
        AlteredError: The tiles do not prove it.
        TargetError: They cannot be had.
    """
    tree = _tree(part, size)
    found = tree.root(old)
    proof = tree.consistency_proof(old=old, new=size)
    try:
        check_consistency(old_size=old, old_root=found, new_size=size, new_root=root, proof=proof)
    except VerifyError as error:
        raise AlteredError(f"the tiles are not of the checkpoint's tree: {error}") from None
    return found, proof


def inclusion_within(
    part: Part, *, index: int, size: int, root: bytes
) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the leaf hash at `index` of the tree of `size` leaves with hash `root`, and its proof.

    Raises:
        AlteredError: The tiles do not prove it.
        TargetError: They cannot be had.
    """
    tree = _tree(part, size)
    leaf, proof = tree.leaf(index), tree.inclusion_proof(index=index, size=size)
    try:
        check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
    except VerifyError as error:
        raise AlteredError(f"the tiles are not of the checkpoint's tree: {error}") from None
    return leaf, proof


def _tree(part: Part, size: int) -> Tree:
    """Return the tree of `size` leaves, read from its tiles."""

    def read(level: int, number: int) -> bytes:
        width = min(TILE_WIDTH, (size >> (8 * level)) - TILE_WIDTH * number)
        path = tile_path(level=level, number=number, width=width)
        data = part(path, width, MAX_TILE)[: 32 * width]
        if len(data) != 32 * width:
            raise AlteredError(f"{path} is cut short")
        return data

    return Tree(read)
