"""Receipts: what a ledger hands out for a submission that it recorded (SPEC section 10.1).

A receipt proves the last entry of a submission; as each entry holds the leaf hash of the one
before, it covers them all. Its holder rebuilds the entries from what it signed and so learns that
the ledger recorded exactly that. Comparing a receipt with an export is `audit`'s.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from verify.checkpoint import Checkpoint
from verify.checks import Check
from verify.codec import Decoder, Hash, Index, Instant, Wire, encode
from verify.entry import SignedStatement, format_entry
from verify.errors import MalformedError, RuleError, VerifyError
from verify.merkle import leaf_hash
from verify.note import VerifierKey
from verify.proof import Proof, check_proof, parse_proof
from verify.submission import MAX_EVENTS, Statement

__all__ = [
    "MAX_RECEIPT",
    "Receipt",
    "check_receipt_alone",
    "format_receipt",
    "parse_receipt",
    "proof_of",
    "rebuild_leaf",
]

MAX_RECEIPT = 262_144  # octets: a note of 128 KiB, whose line ends take two octets here


class Receipt(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-receipt/v1"):
    """That a submission is recorded, and how to check it."""

    charter: Hash
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_EVENTS)]
    first: Index
    leaf: Hash
    proof: Annotated[str, msgspec.Meta(min_length=1)]
    recorded: Instant
    prev: Hash | None = None
    rules: Hash | None = None

    def __post_init__(self) -> None:
        """Check that the hashes before it are there, unless nothing is before it."""
        if not (self.prev is None) is (self.rules is None) is (self.first == 0):
            raise ValueError("prev: goes with rules, and both are absent at entry 0 only")
        if self.first == 0 and (self.count != 1 or self.leaf != self.charter):
            raise ValueError("leaf: of entry 0 is the fingerprint, and it is alone")


_RECEIPT = Decoder(Receipt, name="receipt")


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt.

    Raises:
        RuleError: With check `receipt`: too long, not canonical, or not of the schema.

    Source: SPEC section 10.1.
    """
    if len(data) > MAX_RECEIPT:
        raise RuleError(Check.RECEIPT, "receipt", f"is longer than {MAX_RECEIPT} octets")
    try:
        return _RECEIPT.decode(data)
    except MalformedError as error:
        reason = f"is no receipt, or a damaged one: {error.reason}"
        raise RuleError(Check.RECEIPT, error.where, reason) from None


def format_receipt(receipt: Receipt) -> bytes:
    """Write a receipt.

    Raises:
        RuleError: With check `receipt`: it is too long to be read back.
    """
    data = encode(receipt)
    if len(data) > MAX_RECEIPT:
        raise RuleError(Check.RECEIPT, "receipt", f"is longer than {MAX_RECEIPT} octets")
    return data


def proof_of(receipt: Receipt) -> Proof:
    """Return the tlog-proof in a receipt, which is of the submission's last entry.

    Raises:
        RuleError: With check `receipt`: it is no such proof, or of another entry.
    """
    try:
        proof = parse_proof(receipt.proof.encode())
    except UnicodeEncodeError:
        raise RuleError(Check.RECEIPT, "receipt.proof", "is not UTF-8") from None
    except MalformedError as error:
        raise RuleError(Check.RECEIPT, "receipt.proof", str(error)) from None
    if proof.extra is not None:
        raise RuleError(Check.RECEIPT, "receipt.proof", "has extra data")
    last = receipt.first + receipt.count - 1
    if proof.index != last:
        reason = "is not of the submission's last entry"
        raise RuleError(Check.RECEIPT, "receipt.proof", reason, str(last), str(proof.index))
    return proof


def check_receipt_alone(receipt: Receipt, *, key: VerifierKey) -> Checkpoint:
    """Check all of a receipt that needs nothing but the log's key.

    Args:
        receipt: The receipt.
        key: The log's key at the size of the receipt's checkpoint; its name is the origin.

    Returns:
        The checkpoint that the receipt carries.

    Raises:
        RuleError: With check `receipt`: the checkpoint is not signed by the key, or the proof does
            not lead to it.

    Source: SPEC section 10.1.
    """
    proof = proof_of(receipt)
    try:
        return check_proof(proof, leaf=bytes.fromhex(receipt.leaf), key=key, origin=key.name)
    except VerifyError as error:
        raise RuleError(Check.RECEIPT, "receipt.proof", str(error)) from None


def rebuild_leaf(
    receipt: Receipt, statement: Statement, signature: bytes, events: Sequence[bytes]
) -> bytes:
    """Return the leaf hash of the last entry, rebuilt from what was signed.

    Who holds a receipt compares this with `receipt.leaf`: only if they are equal are these the
    events that the ledger recorded.

    Args:
        receipt: The receipt: where and when the ledger says it recorded them.
        statement: The statement that was signed.
        signature: The signature over it, 64 octets.
        events: The events' octets, in order.

    Raises:
        RuleError: With check `receipt`: the receipt is for another number of events.

    Source: SPEC sections 7 and 10.1.
    """
    if len(events) != receipt.count:
        reason = "is not the number of events"
        raise RuleError(
            Check.RECEIPT, "receipt.count", reason, str(len(events)), str(receipt.count)
        )
    prev = receipt.prev
    leaf = b""
    for position, event in enumerate(events):
        first = position == 0
        entry = format_entry(
            event,
            index=receipt.first + position,
            position=position,
            recorded=receipt.recorded,
            prev=prev,
            rules=receipt.rules if first else None,
            signed=SignedStatement(statement, signature) if first else None,
        )
        leaf = leaf_hash(entry)
        prev = leaf.hex()
    return leaf
