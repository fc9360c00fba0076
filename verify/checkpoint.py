"""Checkpoints: what a log signs about its tree.

    example.com/ledger                                  origin
    20852163                                            size, decimal
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=        root hash, base64
                                                        extension lines, which we never write

This is the text of a signed note. Witnesses' cosignatures and their quorum are not weighed here.

Source: c2sp.org/tlog-checkpoint; SPEC section 8.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable

import msgspec

from verify.errors import MalformedError, ProofError
from verify.merkle import EMPTY_ROOT
from verify.note import (
    KEY_ID_SIZE,
    MAX_NOTE_SIZE,
    Note,
    NoteSignature,
    VerifierKey,
    check_note,
    parse_note,
)
from verify.spelling import (
    HASH_SIZE,
    MAX_SIZE,
    format_base64,
    parse_decimal,
    parse_hash,
    parse_text,
)

__all__ = [
    "Checkpoint",
    "check_checkpoint",
    "check_parsed",
    "format_checkpoint",
    "format_plain",
    "parse_checkpoint",
    "parse_plain",
    "parse_signed",
]

_FIXED_LINES = 3
_PLAIN_PARTS = 6  # between LFs: the three lines, an empty one, a signature line, nothing


class Checkpoint(msgspec.Struct, frozen=True):
    """The text of a checkpoint. Nothing about it has been checked.

    Attributes:
        origin: The log's name, which never changes.
        size: Tree size, at most 2^53 - 1.
        root: Root hash, 32 bytes.
        extensions: Lines after the root hash, of logs other than ours.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Read the text of a checkpoint: a note without its signatures.

    Raises:
        MalformedError: It is not one, or its size is above 2^53 - 1. (The format allows 2^64 - 1;
            ours is the bound below which an integer is exact in every JSON reader.)

    Source: c2sp.org/tlog-checkpoint, "Note text".
    """
    return _parse_lines(parse_text(text, where="checkpoint"))


def _parse_lines(text: str) -> Checkpoint:
    lines = text.split("\n")
    if lines.pop():
        raise MalformedError("checkpoint", "does not end with LF")
    if len(lines) < _FIXED_LINES:
        raise MalformedError("checkpoint", "fewer than three lines")
    if "" in lines:
        raise MalformedError("checkpoint", "an empty line")
    origin, size, root, *extensions = lines
    return Checkpoint(
        origin=origin,
        size=parse_decimal(size, where="checkpoint size", limit=MAX_SIZE),
        root=parse_hash(root, where="checkpoint root hash"),
        extensions=tuple(extensions),
    )


def format_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Write the text of a checkpoint.

    Raises:
        MalformedError: What is written would not read back.
    """
    root = format_base64(checkpoint.root)
    lines = (checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions)
    try:
        text = "".join(f"{line}\n" for line in lines).encode()
    except UnicodeEncodeError as error:
        raise MalformedError("checkpoint", "not UTF-8") from error
    if parse_checkpoint(text) != checkpoint:
        raise MalformedError("checkpoint", "does not read back as it was written")
    return text


def parse_signed(data: bytes) -> tuple[Checkpoint, Note]:
    """Read a signed note whose text is a checkpoint. No signature is checked.

    Raises:
        MalformedError: It is not a note, or its text is no checkpoint.
    """
    note = parse_note(data)
    # The note's octets have been checked to be such text.
    return _parse_lines(note.text.decode()), note


def parse_plain(data: bytes, *, origin: str) -> tuple[Checkpoint, Note] | None:
    """Read what a log without witnesses signs: no extensions, and one line, by the log.

    Almost every kept note is one, and is read so in a third of the time: what its parts say is
    written again, and must be the octets that were read.

    Args:
        data: The signed note.
        origin: The log's origin, which is a key name.

    Returns:
        What `parse_signed` returns; None for any other note, which it may be able to read.
    """
    parts = data.split(b"\n")
    if len(parts) != _PLAIN_PARTS or len(data) > MAX_NOTE_SIZE:
        return None
    try:
        size, root = int(parts[1]), a2b_base64(parts[2])
        signed = a2b_base64(parts[4].rpartition(b" ")[2])
    except ValueError:
        return None
    if not 0 <= size <= MAX_SIZE or len(root) != HASH_SIZE or len(signed) <= KEY_ID_SIZE:
        return None
    name = origin.encode()
    text = _plain_text(name, size, root)
    if data != _plain_note(text, name, signed):
        return None
    signature = NoteSignature(origin, signed[:KEY_ID_SIZE], signed[KEY_ID_SIZE:])
    return Checkpoint(origin, size, root), Note(text, (signature,))


def format_plain(
    *, origin: str, size: int, root: bytes, key_id: bytes, sign: Callable[[bytes], bytes]
) -> bytes:
    """Write what a log without witnesses signs, which is what `parse_plain` reads.

    Args:
        origin: The log's origin, which is a key name.
        size: Tree size.
        root: Root hash, 32 bytes.
        key_id: Of the log's key.
        sign: Gives the signature over the checkpoint's text.

    Raises:
        MalformedError: What is written would not read back.
    """
    name = origin.encode()
    text = _plain_text(name, size, root)
    signature = sign(text)
    data = _plain_note(text, name, key_id + signature)
    written = (
        Checkpoint(origin, size, root),
        Note(text, (NoteSignature(origin, key_id, signature),)),
    )
    if parse_plain(data, origin=origin) != written:
        raise MalformedError("checkpoint", "does not read back as it was written")
    return data


def _plain_text(name: bytes, size: int, root: bytes) -> bytes:
    return b"%b\n%d\n%b" % (name, size, b2a_base64(root))


def _plain_note(text: bytes, name: bytes, signed: bytes) -> bytes:
    return b"%b\n\xe2\x80\x94 %b %b" % (text, name, b2a_base64(signed))


def check_checkpoint(data: bytes, *, key: VerifierKey, origin: str) -> Checkpoint:
    """Check that `data` is a checkpoint of the log `origin`, signed by its key.

    Stricter than the format: the key name is the origin, and there are no extension lines, as no
    witness that cosigns with ML-DSA-44 covers them.

    Args:
        data: The signed note.
        key: The log's key, of type Ed25519 (0x01).
        origin: The log's origin.

    Raises:
        MalformedError: Not a checkpoint of this origin, or the key is not one of this origin.
        SignatureError: Not signed by the key, or a line under its name and key ID fails.
        ProofError: The size is 0 and the root hash is not the empty tree's.

    Source: SPEC section 8.
    """
    checkpoint, note = parse_signed(data)
    check_parsed(checkpoint, note, key=key, origin=origin)
    return checkpoint


def check_parsed(checkpoint: Checkpoint, note: Note, *, key: VerifierKey, origin: str) -> None:
    """Check a checkpoint that has been read, as `check_checkpoint` does.

    For callers that must look at the size before they know which key it needs.
    """
    if checkpoint.origin != origin:
        raise MalformedError("checkpoint origin", f"not {origin}")
    if key.name != origin:
        raise MalformedError("verifier key", f"its name is not {origin}")
    if checkpoint.extensions:
        raise MalformedError("checkpoint", "extension lines")
    check_note(note, key=key)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise ProofError("an empty tree with another root hash", EMPTY_ROOT, checkpoint.root)
