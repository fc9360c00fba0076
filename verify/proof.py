"""A tlog-proof: one file that shows that an entry is in a log.

    c2sp.org/tlog-proof@v1
    extra <base64>                  optional; nobody vouches for it
    index <decimal>
    <base64 hash>                   the inclusion proof, from the leaf's sibling up
                                    an empty line
    <signed checkpoint>             verbatim, with all signature lines

Quorums of witnesses are `policy`'s. Source: c2sp.org/tlog-proof.
"""

import msgspec

from verify.checkpoint import Checkpoint, check_checkpoint
from verify.errors import MalformedError
from verify.merkle import check_inclusion
from verify.note import MAX_NOTE_SIZE, VerifierKey
from verify.spelling import (
    HASH_SIZE,
    MAX_SIZE,
    format_base64,
    parse_base64,
    parse_decimal,
    parse_hash,
    parse_text,
)

__all__ = ["MAX_EXTRA_SIZE", "MAX_HASHES", "Proof", "check_proof", "format_proof", "parse_proof"]

MAX_EXTRA_SIZE = 48_000
"""Bytes of extra data: Go's line scanner fails at lines of 64 KiB, and base64 adds a third."""

MAX_HASHES = 53
"""Hashes in an inclusion proof: the height of a tree of 2^53 - 1 leaves."""

_MAGIC = "c2sp.org/tlog-proof@v1"
_MAX_HEADER_SIZE = 1024 * 67
_MAX_PROOF_SIZE = _MAX_HEADER_SIZE + MAX_NOTE_SIZE


class Proof(msgspec.Struct, frozen=True):
    """The parts of a tlog-proof. Nothing about them has been checked.

    Attributes:
        index: Index of the entry.
        hashes: The inclusion proof, 32 bytes each.
        checkpoint: The signed note, verbatim.
        extra: Data of the application that no signature covers; None when the line is not there.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def parse_proof(data: bytes) -> Proof:
    """Read a tlog-proof. The checkpoint in it is cut out and not read.

    Raises:
        MalformedError: It is not one, or one of its parts is longer than the limits here.

    Source: c2sp.org/tlog-proof, "Format".
    """
    if len(data) > _MAX_PROOF_SIZE:
        raise MalformedError("proof", f"longer than {_MAX_PROOF_SIZE} bytes")
    head, blank, checkpoint = data.partition(b"\n\n")
    if not blank:
        raise MalformedError("proof", "no empty line before the checkpoint")
    if len(checkpoint) > MAX_NOTE_SIZE:
        raise MalformedError("proof checkpoint", f"longer than {MAX_NOTE_SIZE} bytes")
    magic, *lines = parse_text(head, where="proof").split("\n")
    if magic != _MAGIC:
        raise MalformedError("proof", f"does not begin with {_MAGIC}")
    extra = _parse_extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else None
    if not lines or not lines[0].startswith("index "):
        raise MalformedError("proof", "no index line")
    index = lines.pop(0).removeprefix("index ")
    if len(lines) > MAX_HASHES:
        raise MalformedError("proof", f"more than {MAX_HASHES} hashes")
    return Proof(
        index=parse_decimal(index, where="proof index", limit=MAX_SIZE - 1),
        hashes=tuple(parse_hash(line, where=f"proof hash {i}") for i, line in enumerate(lines, 1)),
        checkpoint=checkpoint,
        extra=extra,
    )


def format_proof(proof: Proof) -> bytes:
    """Write a tlog-proof.

    Raises:
        MalformedError: What is written would not read back.
    """
    if not 0 <= proof.index < MAX_SIZE:
        raise MalformedError("proof index", f"not from 0 to {MAX_SIZE - 1}")
    if len(proof.hashes) > MAX_HASHES:
        raise MalformedError("proof", f"more than {MAX_HASHES} hashes")
    if any(len(one) != HASH_SIZE for one in proof.hashes):
        raise MalformedError("proof", f"a hash that is not {HASH_SIZE} bytes")
    if proof.extra is not None and len(proof.extra) > MAX_EXTRA_SIZE:
        raise MalformedError("proof extra", f"longer than {MAX_EXTRA_SIZE} bytes")
    if len(proof.checkpoint) > MAX_NOTE_SIZE:
        raise MalformedError("proof checkpoint", f"longer than {MAX_NOTE_SIZE} bytes")
    lines = [_MAGIC]
    if proof.extra is not None:
        lines.append(f"extra {format_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines.extend(map(format_base64, proof.hashes))
    return "\n".join(lines).encode("ascii") + b"\n\n" + proof.checkpoint


def check_proof(proof: Proof, *, leaf: bytes, key: VerifierKey, origin: str) -> Checkpoint:
    """Check that the log `origin` has leaf hash `leaf` at the proof's index.

    Args:
        proof: The proof.
        leaf: Leaf hash, computed from the entry that the reader holds.
        key: The log's key.
        origin: The log's origin.

    Returns:
        The checkpoint, whose witnesses have not been weighed.

    Raises:
        MalformedError: The checkpoint is malformed or of another origin, or the index is outside
            its tree.
        SignatureError: The log did not sign the checkpoint.
        ProofError: The hashes do not lead to the checkpoint's root hash.

    Source: c2sp.org/tlog-proof; SPEC section 8.
    """
    checkpoint = check_checkpoint(proof.checkpoint, key=key, origin=origin)
    check_inclusion(
        index=proof.index,
        size=checkpoint.size,
        leaf=leaf,
        proof=proof.hashes,
        root=checkpoint.root,
    )
    return checkpoint


def _parse_extra(line: str) -> bytes:
    extra = parse_base64(line.removeprefix("extra "), where="proof extra")
    if len(extra) > MAX_EXTRA_SIZE:
        raise MalformedError("proof extra", f"longer than {MAX_EXTRA_SIZE} bytes")
    return extra
