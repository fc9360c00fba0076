"""Receipts, from one snapshot of the store or from an export (SPEC section 10.1)."""

from __future__ import annotations

import msgspec

from ledger.errors import StoreError
from ledger.store import Snapshot
from ledger.tree import EMPTY_EDGE, Edge, Tree
from verify.checkpoint import parse_signed
from verify.proof import Proof, format_proof
from verify.receipt import Receipt, format_receipt

__all__ = ["Receipts", "make_receipt"]


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """As much of a submission's first entry as its receipt tells."""

    recorded: int
    prev: str | None = None
    rules: str | None = None


_ENTRY = msgspec.json.Decoder(_Entry)


class Receipts:
    """Makes receipts against the checkpoint of one snapshot; many cost little more than one."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        fingerprint: str,
        note: bytes | None = None,
        edge: Edge = EMPTY_EDGE,
    ) -> None:
        """Make receipts of what is in `snapshot`, which has entries.

        Args:
            snapshot: What the store held at one moment.
            fingerprint: The ledger's.
            note: The signed checkpoint to make them against; by default the snapshot's own. It
                covers what receipts are made of.
            edge: The right edge of the tree in `snapshot`, where that is known.
        """
        checkpoint = snapshot.checkpoint(snapshot.size) if note is None else note
        if checkpoint is None:
            raise StoreError("ledger", f"the checkpoint of size {snapshot.size} is missing")
        self._checkpoint = checkpoint
        self._size = snapshot.size if note is None else parse_signed(note)[0].size
        self._snapshot = snapshot
        self._fingerprint = fingerprint
        self._tree = Tree(snapshot.tile, size=snapshot.size, edge=edge)

    def of(self, index: int) -> bytes:
        """Return the receipt of the submission that the entry at `index` belongs to.

        Raises:
            NotFoundError: There is no such entry.
        """
        row = self._snapshot.row(index)
        return self.of_entries(row.first, row.count, row.entry(row.first))

    def of_entries(self, first: int, count: int, entry: bytes) -> bytes:
        """Return the receipt of `count` entries from `first` on; `entry` is the first of them."""
        return make_receipt(
            entry,
            first=first,
            count=count,
            tree=self._tree,
            size=self._size,
            checkpoint=self._checkpoint,
            fingerprint=self._fingerprint,
        )


def make_receipt(
    entry: bytes,
    *,
    first: int,
    count: int,
    tree: Tree,
    size: int,
    checkpoint: bytes,
    fingerprint: str,
) -> bytes:
    """Make the receipt of a submission.

    Args:
        entry: Its first entry.
        first: Index of that.
        count: How many entries it has.
        tree: The ledger's tree.
        size: The size of the checkpoint.
        checkpoint: The signed checkpoint that it leads to.
        fingerprint: Leaf hash of entry 0, in hex.
    """
    read = _ENTRY.decode(entry)
    last = first + count - 1
    hashes = tree.inclusion_proof(index=last, size=size)
    return format_receipt(
        Receipt(
            charter=fingerprint,
            count=count,
            first=first,
            leaf=tree.leaf(last).hex(),
            proof=format_proof(Proof(last, hashes, checkpoint)).decode(),
            recorded=read.recorded,
            prev=read.prev,
            rules=read.rules,
        )
    )
