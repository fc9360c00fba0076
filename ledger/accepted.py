"""Accepted or not: whether a receipt is for what was sent, by what its sender holds.

The one place where a receipt is believed. Its entries are rebuilt from the events and from a
statement that was signed over them, and its proof must lead to a checkpoint that the log key of
that size signed. Whether this checkpoint is of the ledger that was seen is for the target to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledger.errors import OtherStatementError, TargetError
from verify.checkpoint import parse_signed
from verify.errors import VerifyError
from verify.notes import log_vkey
from verify.proof import check_proof
from verify.receipt import Receipt, parse_receipt, proof_of, rebuild_leaf
from verify.submission import LedgerName, Statement

__all__ = ["check_accepted", "find_signed"]


def check_accepted(
    data: bytes,
    *,
    signed: Iterable[tuple[Statement, bytes]],
    events: Sequence[bytes],
    ledger: LedgerName,
    log_keys: Sequence[tuple[int, str]],
) -> Receipt:
    """Check that a receipt is for these events: rebuild their entries and find them in the tree.

    Args:
        data: The octets of the receipt.
        signed: Each statement that was signed over the events, and its signature.
        events: The octets of the events.
        ledger: The ledger that they were for.
        log_keys: (size, key in hex): from which size on which key signs checkpoints.

    Raises:
        OtherStatementError: It is about none of these statements; its proof holds.
        TargetError: The answer of the ledger does not hold.

    Source: SPEC section 10.1.
    """
    try:
        receipt = parse_receipt(data)
        if receipt.charter != ledger.charter:
            raise TargetError(f"the receipt is of another ledger: {receipt.charter}")
        _check_in_tree(receipt, origin=ledger.origin, log_keys=log_keys)
        find_signed(receipt, signed, events)
    except VerifyError as error:
        raise TargetError(f"the receipt does not hold: {error}") from None
    return receipt


def find_signed(
    receipt: Receipt, signed: Iterable[tuple[Statement, bytes]], events: Sequence[bytes]
) -> int:
    """Return the number of the statement that a receipt is about, from 0.

    Raises:
        OtherStatementError: It is about none of them.
        RuleError: It is for another number of events.
    """
    for number, (statement, signature) in enumerate(signed):
        if rebuild_leaf(receipt, statement, signature, events).hex() == receipt.leaf:
            return number
    raise OtherStatementError(receipt)


def _check_in_tree(receipt: Receipt, *, origin: str, log_keys: Sequence[tuple[int, str]]) -> None:
    """Check that a log signed a tree that has what the receipt promises."""
    proof = proof_of(receipt)
    checkpoint, _ = parse_signed(proof.checkpoint)
    public = next((key for start, key in reversed(log_keys) if start <= checkpoint.size), None)
    if public is None:
        raise TargetError("the receipt is of an empty log")
    key = log_vkey(origin, public)
    check_proof(proof, leaf=bytes.fromhex(receipt.leaf), key=key, origin=origin)
