"""Kept notes: the checkpoints that parties saw or witnesses cosigned (SPEC section 11.2).

Each is checked for its signature by itself, on as many processes as there are; `audit` compares
roots and who named which.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from verify.brackets import Cosigned
from verify.checkpoint import Checkpoint, check_parsed, parse_plain, parse_signed
from verify.checks import Check
from verify.codec import Decoder
from verify.errors import MalformedError, ProofError, RuleError, SignatureError, VerifyError
from verify.note import Note, VerifierKey, key_id
from verify.policy import Policy, cosigners
from verify.report import Finding
from verify.source import Source

__all__ = [
    "PATH",
    "KeptNote",
    "NoteChunk",
    "NoteResult",
    "check_held",
    "check_notes",
    "dated_by",
    "log_vkey",
    "note_chunks",
]

PATH = "checkpoints"

_ED25519 = 0x01
_CHUNK = 1 << 18  # octets

_TEXT = Decoder(str, name=PATH)


class NoteChunk(msgspec.Struct, frozen=True):
    """What to check: the lines in the octets [start, stop) of the file.

    `log_keys` is as in `State`: (size, key in hex), from which size on which key signs; so are
    `policies`, by which cosignatures are weighed.
    """

    start: int
    stop: int
    origin: str
    log_keys: tuple[tuple[int, str], ...]
    policies: tuple[tuple[int, Policy], ...]


class KeptNote(NamedTuple):
    """A note that is a checkpoint of this log.

    Attributes:
        size: The checkpoint's size.
        note: SHA-256 of the note's octets.
        root: The checkpoint's root hash.
        cosigned: Whether it carries, beside the log's, a line of another key.
        dated: When the policy's witnesses cosigned it; None where none did, or where a line of
            one of them is not valid, and so no time on the note counts.
    """

    size: int
    note: bytes
    root: bytes
    cosigned: bool
    dated: Cosigned | None = None


class NoteResult(msgspec.Struct):
    """The notes of a chunk, in the order in which they stand, and what is wrong with others."""

    notes: list[KeptNote] = []
    findings: list[Finding] = []


def check_held(data: bytes, *, origin: str, log_key_at: Callable[[int], str]) -> Checkpoint:
    """Check a signed checkpoint that a reader holds, by the log key of its size.

    Args:
        data: The signed note.
        origin: The log's name.
        log_key_at: Gives its key of a size, in hex.

    Raises:
        RuleError: With check `receipt`: it is of an empty log, which shows nothing.
        VerifyError: It is none of this log.

    Source: SPEC section 10.1.
    """
    checkpoint, note = parse_signed(data)
    if checkpoint.size == 0:
        raise RuleError(Check.RECEIPT, "checkpoint", "is of an empty log")
    key = log_vkey(origin, log_key_at(checkpoint.size))
    check_parsed(checkpoint, note, key=key, origin=origin)
    return checkpoint


def log_vkey(origin: str, public: str) -> VerifierKey:
    """Return the verifier key of the log with this origin and public key in hex."""
    key = bytes.fromhex(public)
    identity = key_id(name=origin, algorithm=_ED25519, public=key)
    return VerifierKey(name=origin, key_id=identity, algorithm=_ED25519, public=key)


def note_chunks(
    source: Source,
    *,
    origin: str,
    log_keys: tuple[tuple[int, str], ...],
    policies: tuple[tuple[int, Policy], ...],
) -> Iterator[NoteChunk]:
    """Cut the file of kept notes at line ends.

    Raises:
        MalformedError: It does not end with LF, or a line is too long to be a note.
    """
    size = source.size(PATH) or 0
    start = 0
    while start < size:
        stop = min(start + _CHUNK, size)
        data = source.read(PATH, start, stop)
        stop = start + data.rfind(b"\n") + 1
        if stop == start:
            raise MalformedError(PATH, "has a line without end, or too long for a note")
        yield NoteChunk(start, stop, origin, log_keys, policies)
        start = stop


def check_notes(source: Source, chunk: NoteChunk) -> NoteResult:
    """Check each note of a chunk by itself.

    Source: SPEC sections 8 and 11.2.
    """
    result = NoteResult()
    keys = [(start, log_vkey(chunk.origin, key)) for start, key in reversed(chunk.log_keys)]
    # All are read before the first signature is checked, as in `chunk`.
    read: list[tuple[bytes, Checkpoint, Note]] = []
    for octets in _texts(source.read(PATH, chunk.start, chunk.stop), result):
        try:
            plain = parse_plain(octets, origin=chunk.origin)
            read.append((octets, *(plain or parse_signed(octets))))
        except MalformedError as error:
            result.findings.append(_finding(octets, error))
    for octets, checkpoint, note in read:
        try:
            key = _key_at(checkpoint.size, keys)
            check_parsed(checkpoint, note, key=key, origin=chunk.origin)
        except (MalformedError, SignatureError, ProofError) as error:
            result.findings.append(_finding(octets, error))
            continue
        # Every line of the log's own key has been checked: any other is somebody else's.
        own = (key.name, key.key_id)
        cosigned = len(note.signatures) > 1 and any(s[:2] != own for s in note.signatures)
        digest = hashlib.sha256(octets).digest()
        dated = None
        if cosigned:
            dated = dated_by(chunk.policies, note, size=checkpoint.size, digest=digest)
        result.notes.append(KeptNote(checkpoint.size, digest, checkpoint.root, cosigned, dated))
    return result


def dated_by(
    policies: Sequence[tuple[int, Policy]], note: Note, *, size: int, digest: bytes
) -> Cosigned | None:
    """Return when the witnesses cosigned a checkpoint of this log, if any time on it counts.

    Args:
        policies: (size, policy), ascending: from that size on that policy. The first is from
            size 1 or 0.
        note: The checkpoint with its signature lines.
        size: Its size, above 0.
        digest: SHA-256 of the note's octets.

    Source: SPEC section 8.2.
    """
    policy = next(policy for start, policy in reversed(policies) if start <= size)
    try:
        times = cosigners(policy, note=note) if policy.quorum else {}
    except (MalformedError, SignatureError):
        return None
    return Cosigned(size, digest, policy, times) if times else None


def _texts(data: bytes, result: NoteResult) -> Iterator[bytes]:
    """Yield the octets of each note that a line holds; `result` has why another does not."""
    together = _TEXT.decode_lines(data)
    if together is not None:
        yield from map(str.encode, together)
        return
    for line in data.split(b"\n")[:-1]:
        try:
            yield _TEXT.decode(line).encode()
        except MalformedError as error:
            result.findings.append(Finding(Check.NOTES, PATH, error.reason))


def _key_at(size: int, keys: list[tuple[int, VerifierKey]]) -> VerifierKey:
    for start, key in keys:
        if start <= size:
            return key
    raise MalformedError("checkpoint size", "is not above 0")


def _finding(octets: bytes, error: VerifyError) -> Finding:
    where = f"{PATH}: note {hashlib.sha256(octets).hexdigest()[:16]}"
    return Finding(Check.NOTE_SIGNATURE, where, str(error))
