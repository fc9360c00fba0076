"""Signed notes: a text, and below it who signed it.

    example.com/ledger                                   the text: UTF-8, ends with LF
    1
    47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
                                                         an empty line
    <em dash> example.com/ledger Az3grmB...              a signature line for each signature

A signature line carries a key name and base64 of key ID (4 bytes) || payload. A verifier key is
written `name+keyid+base64(algorithm || public key)`; the key ID is
SHA-256(name || LF || algorithm || public key)[:4].

    algorithm        payload                            signed message
    0x01 Ed25519     signature, 64 bytes                the text
    0x04 Ed25519     u64 time in seconds || signature   "cosignature/v1" LF "time " decimal LF text
    0x06 ML-DSA-44   u64 time in seconds || signature   "subtree/v1" LF NUL || name || u64 time
                                                        || origin || u64 0 || u64 size || root hash

Both cosignatures say: as of that time, this is the largest tree of this log that I have seen, and
it grew from every earlier one. The first covers the whole text, and not its signer's name; the
second covers the name, and of the text what is a checkpoint: it is for texts of three lines.

Lines by keys that the reader does not know are ignored, as the format demands: nothing here tells
who is to be believed.

Source: c2sp.org/signed-note; c2sp.org/tlog-cosignature.
"""

import functools
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from verify import ed25519, mldsa
from verify.errors import MalformedError, SignatureError
from verify.spelling import (
    MAX_SIZE,
    format_base64,
    is_hex,
    parse_base64,
    parse_decimal,
    parse_hash,
    parse_text,
)

__all__ = [
    "COSIGNATURE_ED25519",
    "COSIGNATURE_ML_DSA_44",
    "ED25519",
    "KEY_ID_SIZE",
    "MAX_NOTE_SIZE",
    "MAX_SIGNATURES",
    "MAX_TIMESTAMP_S",
    "Cosignature",
    "Note",
    "NoteSignature",
    "VerifierKey",
    "check_cosignature",
    "check_key_name",
    "check_log_note",
    "check_note",
    "cosignature_message",
    "format_cosignature",
    "format_note",
    "format_vkey",
    "key_id",
    "parse_cosignature",
    "parse_note",
    "parse_vkey",
]

ED25519 = 0x01
COSIGNATURE_ED25519 = 0x04
COSIGNATURE_ML_DSA_44 = 0x06

MAX_NOTE_SIZE = 128 * 1024
"""Bytes in a note: room for 32 witnesses that each cosign with Ed25519 and with ML-DSA-44, and for
the 16 signatures of "nearly 5 kB" that the format asks us to accept. Sunlight has this limit too.
"""

MAX_SIGNATURES = 100
"""Signature lines in a note. The format asks for 16 at least; Go, too, stops at 100."""

MAX_TIMESTAMP_S = 2**63 - 1

KEY_ID_SIZE = 4
"""Bytes in a key ID."""

_TIMESTAMP_SIZE = 8
_PUBLIC_SIZE = {
    ED25519: ed25519.KEY_SIZE,
    COSIGNATURE_ED25519: ed25519.KEY_SIZE,
    COSIGNATURE_ML_DSA_44: mldsa.KEY_SIZE,
}
_COSIGNATURE_SIZE = {
    COSIGNATURE_ED25519: ed25519.SIGNATURE_SIZE,
    COSIGNATURE_ML_DSA_44: mldsa.SIGNATURE_SIZE,
}
_CHECKPOINT_LINES = 3
_MAX_COVERED = 255  # bytes of a name or an origin that an ML-DSA-44 cosignature covers
_DASH = "\N{EM DASH} "
# Unicode white space as Go has it, and "+".
_NOT_IN_NAME = frozenset(
    "+\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class NoteSignature(NamedTuple):
    """One signature line."""

    name: str
    key_id: bytes
    payload: bytes


class Note(NamedTuple):
    """A text and its signature lines, in their order. Nothing about them has been checked.

    Attributes:
        text: What was signed, its last LF included.
        signatures: At least one.
    """

    text: bytes
    signatures: tuple[NoteSignature, ...]


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key with the name it signs notes under.

    Attributes:
        name: The key name.
        key_id: 4 bytes, made from all the others.
        algorithm: The type byte.
        public: The public key: 32 bytes, or 1,312 of ML-DSA-44.
    """

    name: str
    key_id: bytes
    algorithm: int
    public: bytes


class Cosignature(msgspec.Struct, frozen=True):
    """A cosignature: the payload of its signature line."""

    timestamp_s: int
    signature: bytes


def parse_note(data: bytes) -> Note:
    """Read a signed note.

    Raises:
        MalformedError: It is not one, is longer than `MAX_NOTE_SIZE`, or has more signature lines
            than `MAX_SIGNATURES`.

    Source: c2sp.org/signed-note, "Format".
    """
    if len(data) > MAX_NOTE_SIZE:
        raise MalformedError("note", f"longer than {MAX_NOTE_SIZE} bytes")
    text, blank, lines = parse_text(data, where="note").rpartition("\n\n")
    if not blank:
        raise MalformedError("note", "no empty line before signatures")
    if not lines.endswith("\n"):
        raise MalformedError("note", "no signature lines that end with LF")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise MalformedError("note", f"more than {MAX_SIGNATURES} signature lines")
    return Note(
        # The first of the two LFs is the text's own.
        text=f"{text}\n".encode(),
        signatures=tuple([_parse_line(line, number) for number, line in enumerate(signatures, 1)]),
    )


def format_note(text: bytes, signatures: Sequence[NoteSignature]) -> bytes:
    """Write a signed note.

    Raises:
        MalformedError: What is written would not read back as this text and these signatures.
    """
    lines = "".join(_format_line(signature) for signature in signatures)
    data = text + b"\n" + lines.encode()
    if parse_note(data) != Note(text, tuple(signatures)):
        raise MalformedError("note", "does not read back as it was written")
    return data


def check_note(note: Note, *, key: VerifierKey) -> None:
    """Check that `key` signed the note, and that no line under its name and key ID fails.

    Raises:
        MalformedError: The key's algorithm signs no plain notes, or its public key is bad.
        SignatureError: No line is by this key, or one that says so does not verify.

    Source: c2sp.org/signed-note, "Verifying"; SPEC section 8.
    """
    if key.algorithm != ED25519:
        raise MalformedError("verifier key", f"algorithm {key.algorithm:#04x} signs no plain notes")
    for line in _lines_by(note, key):
        if len(line.payload) != ed25519.SIGNATURE_SIZE:
            raise SignatureError(key.name, key.key_id, "not 64 bytes")
        _check_signature(key, note.text, line.payload)


def check_log_note(note: Note, *, key: VerifierKey) -> None:
    """Check that a log signed its checkpoint with `key`, and that no line of that key fails.

    The log may be anybody's. Ours sign with Ed25519; others may with ML-DSA-44, as a cosigner
    does, and need say nothing of the time: it may be 0.

    Raises:
        MalformedError: The key's algorithm signs for no log, its public key is bad, or the text is
            none that its algorithm covers.
        SignatureError: No line is by this key, or one that says so does not verify.

    Source: c2sp.org/tlog-checkpoint, "Signatures"; c2sp.org/tlog-cosignature.
    """
    if key.algorithm != COSIGNATURE_ML_DSA_44:
        check_note(note, key=key)
        return
    for line in _lines_by(note, key):
        time, signature = line.payload[:_TIMESTAMP_SIZE], line.payload[_TIMESTAMP_SIZE:]
        if len(signature) != mldsa.SIGNATURE_SIZE:
            raise SignatureError(key.name, key.key_id, "not a time and an ML-DSA-44 signature")
        timestamp_s = int.from_bytes(time, "big")
        if timestamp_s > MAX_TIMESTAMP_S:
            raise SignatureError(key.name, key.key_id, "its time is above 2^63 - 1")
        message = _subtree_message(note.text, name=key.name, timestamp_s=timestamp_s)
        _check_signature(key, message, signature)


def check_cosignature(note: Note, *, key: VerifierKey) -> tuple[int, ...]:
    """Check that `key` cosigned the note, and that no line under its name and key ID fails.

    Whether the note's text is a checkpoint is looked at only where the key's algorithm needs it.

    Returns:
        The times of the cosignatures, in POSIX seconds, in the order of the lines; at least one.

    Raises:
        MalformedError: The key is not one for cosignatures, its public key is bad, or the text is
            none that its algorithm covers.
        SignatureError: No line is by this key, or one that says so does not verify.

    Source: c2sp.org/tlog-cosignature; SPEC section 8.
    """
    _check_cosigner(key)
    times = []
    for line in _lines_by(note, key):
        try:
            cosignature = parse_cosignature(line.payload, algorithm=key.algorithm)
        except MalformedError as error:
            raise SignatureError(key.name, key.key_id, error.reason) from error
        message = cosignature_message(note.text, key=key, timestamp_s=cosignature.timestamp_s)
        _check_signature(key, message, cosignature.signature)
        times.append(cosignature.timestamp_s)
    return tuple(times)


def cosignature_message(text: bytes, *, key: VerifierKey, timestamp_s: int) -> bytes:
    """Build what the cosigner with this key signs for the checkpoint `text`.

    Raises:
        MalformedError: The key is not one for cosignatures, the time is not from 1 to
            `MAX_TIMESTAMP_S`, or the algorithm is ML-DSA-44 and the text is no checkpoint of
            three lines, or a name is longer than 255 bytes.
    """
    _check_cosigner(key)
    _check_timestamp(timestamp_s)
    if key.algorithm == COSIGNATURE_ED25519:
        return b"cosignature/v1\ntime %d\n%b" % (timestamp_s, text)
    return _subtree_message(text, name=key.name, timestamp_s=timestamp_s)


def parse_cosignature(payload: bytes, *, algorithm: int) -> Cosignature:
    """Read the payload of a cosignature's line.

    Args:
        payload: The payload.
        algorithm: The type byte of its key: of an Ed25519 or an ML-DSA-44 cosigner.

    Raises:
        MalformedError: It is not 72 bytes, or 2,428 of ML-DSA-44, or the time is not from 1 to
            `MAX_TIMESTAMP_S`.
    """
    size = _TIMESTAMP_SIZE + _COSIGNATURE_SIZE[algorithm]
    if len(payload) != size:
        raise MalformedError("cosignature", f"not {size} bytes")
    timestamp_s = int.from_bytes(payload[:_TIMESTAMP_SIZE], "big")
    _check_timestamp(timestamp_s)
    return Cosignature(timestamp_s, payload[_TIMESTAMP_SIZE:])


def format_cosignature(cosignature: Cosignature, *, algorithm: int) -> bytes:
    """Write the payload of a cosignature's line.

    Raises:
        MalformedError: The signature has not the size of its algorithm, or the time is out of
            range.
    """
    _check_timestamp(cosignature.timestamp_s)
    payload = cosignature.timestamp_s.to_bytes(_TIMESTAMP_SIZE, "big") + cosignature.signature
    parse_cosignature(payload, algorithm=algorithm)
    return payload


def parse_vkey(text: str) -> VerifierKey:
    """Read a verifier key of one of the three algorithms.

    Raises:
        MalformedError: It is not one: name, key ID, algorithm or public key is bad, or it is not
            the one spelling (lower-case key ID, canonical base64).

    Source: c2sp.org/signed-note, "Verifier keys".
    """
    # At the first two "+" only, as base64 has "+" of its own.
    name, _, rest = text.partition("+")
    spelled_id, _, material = rest.partition("+")
    check_key_name(name, where="verifier key")
    if not is_hex(spelled_id, length=2 * KEY_ID_SIZE):
        raise MalformedError("verifier key", "the key ID is not 8 lower-case hex digits")
    data = parse_base64(material, where="verifier key")
    key = _verifier_key(name, algorithm=data[0] if data else 0, public=data[1:])
    if key.key_id.hex() != spelled_id:
        raise MalformedError("verifier key", f"the key ID is {key.key_id.hex()}, not {spelled_id}")
    return key


def format_vkey(key: VerifierKey) -> str:
    """Write a verifier key.

    Raises:
        MalformedError: What is written would not read back.
    """
    material = format_base64(bytes([key.algorithm]) + key.public)
    text = f"{key.name}+{key.key_id.hex()}+{material}"
    if parse_vkey(text) != key:
        raise MalformedError("verifier key", "does not read back as it was written")
    return text


def key_id(*, name: str, algorithm: int, public: bytes) -> bytes:
    """Compute the key ID: 4 bytes that tell keys of one name apart, and prove nothing.

    Raises:
        MalformedError: The name is no key name.
    """
    check_key_name(name, where="key name")
    # SHA-256(name || 0x0A || algorithm || public)[:4]
    return hashlib.sha256(b"%b\n%c%b" % (name.encode(), algorithm, public)).digest()[:KEY_ID_SIZE]


def check_key_name(name: str, *, where: str) -> None:
    """Check that `name` can stand in a signature line.

    Raises:
        MalformedError: It is empty or has white space, a control character, "+" or a surrogate.
    """
    if not name:
        raise MalformedError(where, "the key name is empty")
    if not _is_key_name(name):
        raise MalformedError(where, "the key name has white space, a control character or '+'")


@functools.lru_cache(maxsize=256)
def _is_key_name(name: str) -> bool:
    # Nor control characters, which no note can hold, nor what a str may hold and UTF-8 may not.
    return (
        _NOT_IN_NAME.isdisjoint(name)
        and min(name) > " "
        and not any("\ud800" <= character <= "\udfff" for character in name)
    )


def _parse_line(line: str, number: int) -> NoteSignature:
    if not line.startswith(_DASH):
        where = f"signature line {number}"
        raise MalformedError(where, "does not begin with an em dash and a space")
    name, _, material = line[len(_DASH) :].partition(" ")
    try:
        check_key_name(name, where="")
        data = parse_base64(material, where="")
    except MalformedError as error:
        raise MalformedError(f"signature line {number}", error.reason) from error
    if len(data) <= KEY_ID_SIZE:
        raise MalformedError(f"signature line {number}", "no signature after the key ID")
    return NoteSignature(name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])


def _format_line(signature: NoteSignature) -> str:
    # Here already, as a name with a surrogate does not encode.
    check_key_name(signature.name, where="signature line")
    return f"{_DASH}{signature.name} {format_base64(signature.key_id + signature.payload)}\n"


def _lines_by(note: Note, key: VerifierKey) -> list[NoteSignature]:
    name, identity = key.name, key.key_id
    # Every one is checked, repeated or not: an unchecked line could say anything.
    lines = [line for line in note.signatures if line.key_id == identity and line.name == name]
    if not lines:
        raise SignatureError(key.name, key.key_id, "there is none")
    return lines


def _check_signature(key: VerifierKey, message: bytes, signature: bytes) -> None:
    scheme = mldsa if key.algorithm == COSIGNATURE_ML_DSA_44 else ed25519
    try:
        scheme.check_signature(key=key.public, message=message, signature=signature)
    except SignatureError as error:
        raise SignatureError(key.name, key.key_id, error.reason) from error


def _check_cosigner(key: VerifierKey) -> None:
    if key.algorithm not in _COSIGNATURE_SIZE:
        raise MalformedError("verifier key", f"algorithm {key.algorithm:#04x} cosigns nothing")


def _subtree_message(text: bytes, *, name: str, timestamp_s: int) -> bytes:
    """Build what ML-DSA-44 signs. `checkpoint` reads checkpoints too, but stands above."""
    lines = parse_text(text, where="checkpoint").split("\n")
    if lines.pop() or len(lines) != _CHECKPOINT_LINES:
        raise MalformedError("checkpoint", "not of three lines: ML-DSA-44 covers no others")
    origin, size, root = lines
    end = parse_decimal(size, where="checkpoint size", limit=MAX_SIZE)
    return b"".join(
        (
            b"subtree/v1\n\0",
            _covered(name, where="key name"),
            timestamp_s.to_bytes(8, "big"),
            _covered(origin, where="checkpoint origin"),
            bytes(8),  # the first leaf, from 0
            end.to_bytes(8, "big"),  # the first leaf behind
            parse_hash(root, where="checkpoint root hash"),
        )
    )


def _covered(text: str, *, where: str) -> bytes:
    # u8 length || text, of 1 to 255 bytes
    data = text.encode()
    if not 0 < len(data) <= _MAX_COVERED:
        raise MalformedError(where, f"{len(data)} bytes, not from 1 to {_MAX_COVERED}")
    return bytes([len(data)]) + data


def _check_timestamp(timestamp_s: int) -> None:
    # A witness never says 0, by which others mean that they say nothing about time.
    if not 0 < timestamp_s <= MAX_TIMESTAMP_S:
        raise MalformedError("cosignature", f"time {timestamp_s} is not from 1 to 2^63 - 1")


def _verifier_key(name: str, *, algorithm: int, public: bytes) -> VerifierKey:
    if algorithm not in _PUBLIC_SIZE:
        raise MalformedError("verifier key", f"unknown algorithm {algorithm:#04x}")
    if len(public) != _PUBLIC_SIZE[algorithm]:
        raise MalformedError("verifier key", f"{len(public)} bytes of public key")
    if algorithm != COSIGNATURE_ML_DSA_44:
        ed25519.check_public_key(public)
    return VerifierKey(
        name, key_id(name=name, algorithm=algorithm, public=public), algorithm, public
    )
