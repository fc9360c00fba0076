"""What tools of others read: a bare tlog-proof, and a submission's DSSE envelope.

Nothing here is needed to check a ledger: evidence files and receipts hold the same, and more.
"""

from __future__ import annotations

import msgspec

from ledger.covering import most_cosigned, size_of
from ledger.evidence import Provable
from verify.codec import encode
from verify.entry import parse_entry
from verify.proof import Proof, format_proof
from verify.spelling import format_base64
from verify.submission import SUBMISSION

__all__ = ["dsse_envelope", "tlog_proof"]


class _Signature(msgspec.Struct, frozen=True):
    """DSSE's signature object; the key ID is a hint that nobody vouches for."""

    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True):
    """DSSE's envelope, with its own spelling of names."""

    payload: str
    payloadType: str  # noqa: N815 (DSSE's name for it)
    signatures: tuple[_Signature, ...]


def tlog_proof(ledger: Provable, index: int) -> bytes:
    """Write the tlog-proof of an entry, to the checkpoint that most witnesses cosigned.

    Args:
        ledger: The ledger, or an export of it.
        index: Index of the entry; the ledger has it.

    Source: c2sp.org/tlog-proof.
    """
    checkpoint = most_cosigned(ledger, size=index + 1)
    size = size_of(checkpoint)
    hashes = ledger.inclusion_proof(index=index, size=size)
    return format_proof(Proof(index, hashes, checkpoint=checkpoint))


def dsse_envelope(ledger: Provable, index: int) -> bytes:
    """Write the DSSE envelope of the submission that an entry belongs to.

    The payload is the statement, octet for octet as it was signed. It names the events by `root`,
    the RFC 6962 tree hash over their ids.

    Args:
        ledger: The ledger, or an export of it.
        index: Index of the entry; the ledger has it.

    Source: DSSE envelope.md; SPEC section 2.
    """
    first = index - parse_entry(ledger.entry(index)).position
    head = parse_entry(ledger.entry(first))
    if head.statement is None or head.signature is None:
        raise AssertionError(first)
    signature = format_base64(bytes.fromhex(head.signature))
    return encode(
        _Envelope(
            payload=format_base64(encode(head.statement)),
            payloadType=SUBMISSION,
            signatures=(_Signature(keyid=head.statement.key, sig=signature),),
        )
    )
