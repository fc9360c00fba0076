"""Receipts from one snapshot of the store (SPEC section 10.1)."""

from __future__ import annotations

from ledger.errors import StoreError
from ledger.store import Snapshot
from ledger.tree import Tree
from verify.entry import parse_entry
from verify.proof import Proof, format_proof
from verify.receipt import Receipt, format_receipt

__all__ = ["Receipts"]


class Receipts:
    """Makes receipts against the checkpoint of one snapshot; many cost little more than one."""

    def __init__(self, snapshot: Snapshot, *, fingerprint: str) -> None:
        """Make receipts of what is in `snapshot`, which has entries."""
        checkpoint = snapshot.checkpoint(snapshot.size)
        if checkpoint is None:
            raise StoreError("ledger", f"the checkpoint of size {snapshot.size} is missing")
        self._checkpoint = checkpoint
        self._snapshot = snapshot
        self._fingerprint = fingerprint
        self._tree = Tree(snapshot.tile)

    def of(self, index: int) -> bytes:
        """Return the receipt of the submission that the entry at `index` belongs to.

        Raises:
            NotFoundError: There is no such entry.
        """
        row = self._snapshot.row(index)
        entry = parse_entry(row.entry(row.first))
        last = row.first + row.count - 1
        hashes = self._tree.inclusion_proof(index=last, size=self._snapshot.size)
        proof = format_proof(Proof(last, hashes, self._checkpoint))
        return format_receipt(
            Receipt(
                charter=self._fingerprint,
                count=row.count,
                first=row.first,
                leaf=self._tree.leaf(last).hex(),
                proof=proof.decode(),
                recorded=entry.recorded,
                prev=entry.prev,
                rules=entry.rules,
            )
        )
