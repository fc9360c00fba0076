"""Judging checkpoints that come to a witness: the rules of add-checkpoint, and nothing else.

    old 20852014                                        the size that the proof begins at
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=        the consistency proof: 0 to 63 hashes
                                                        an empty line
    example.com/behind-the-sofa                         the signed checkpoint
    20852163
    ...

A request is judged in two halves. `prepare` needs only the request, so that many threads can do
it: form, origin, signatures. `decide` compares it with what was cosigned before, and must run
inside the transaction that records the outcome: else two requests could each find the witness at
the same size, and one would roll it back.

Stricter than the specification in two ways: a checkpoint has no extension lines, since an
ML-DSA-44 cosignature does not cover them, and its size is below 2^53.

Source: c2sp.org/tlog-witness, "add-checkpoint".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ledger.errors import WrongClockError
from ledger.witness_store import Change, Fork, Latest, log_id
from verify.checkpoint import Checkpoint, parse_signed
from verify.errors import MalformedError, ProofError, SignatureError
from verify.merkle import EMPTY_ROOT, check_consistency
from verify.note import Note, NoteSignature, VerifierKey, check_log_note, format_note
from verify.spelling import MAX_SIZE, format_base64, parse_decimal, parse_hash, parse_text

__all__ = [
    "MAX_BODY",
    "Answer",
    "Cosigner",
    "Outcome",
    "Request",
    "decide",
    "format_request",
    "parse_request",
    "prepare",
]

MAX_BODY = 128 * 1024
"""Octets in a request, as much as Sunlight takes."""

_MAX_PROOF = 63
_OLD = "old "

# How far the clock may stand behind a cosignature that was given: less is a clock being set, and
# then the old time is given again; more is a clock that was, or is, wrong.
_PATIENCE_S = 600

# Forks of each kind that are kept of each log: the first and the last that came.
_FIRST_FORKS = 32
_LAST_FORKS = 32

_NOTHING = Latest(size=0, root=EMPTY_ROOT, timestamp_s=0, note=b"")


class Outcome(enum.IntEnum):
    """How a request ends, by its HTTP status in the specification."""

    COSIGNED = 200
    MALFORMED = 400
    UNTRUSTED = 403
    UNKNOWN = 404
    CONFLICT = 409
    INCONSISTENT = 422


class Answer(NamedTuple):
    """What is answered to a request.

    Attributes:
        outcome: How it ended.
        body: When cosigned, the cosignatures' lines; at a conflict, the size that the witness is
            at; else what is wrong, in words. It ends with LF.
    """

    outcome: Outcome
    body: bytes


class Request(NamedTuple):
    """A request whose signatures have been checked.

    Attributes:
        old: The size that the proof begins at; at most the checkpoint's.
        proof: The consistency proof.
        checkpoint: What is to be cosigned.
        text: The same as octets.
        signed: The note, with one line of each key that is trusted, and no others.
    """

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    text: bytes
    signed: bytes


class Cosigner(Protocol):
    """The door to a witness's key."""

    def cosign(self, text: bytes, *, timestamp_s: int) -> NoteSignature:
        """Sign that, as of a time, this is the largest consistent tree that was seen."""


def prepare(body: bytes, *, logs: Mapping[str, Sequence[VerifierKey]]) -> Request | Answer:
    """Judge what can be judged of a request by itself.

    Args:
        body: The request, any octets at all.
        logs: The keys that are trusted, by origin.

    Returns:
        The request, for `decide`; or an answer that refuses it.
    """
    try:
        old, proof, checkpoint, note = parse_request(body)
    except MalformedError as error:
        return _refusal(Outcome.MALFORMED, str(error))
    keys = logs.get(checkpoint.origin)
    if keys is None:
        return _refusal(Outcome.UNKNOWN, "no log of this origin is known here")
    try:
        lines = _signatures(note, keys)
    except SignatureError as error:
        return _refusal(Outcome.UNTRUSTED, str(error))
    except MalformedError as error:  # extension lines, under a key of ML-DSA-44
        return _refusal(Outcome.MALFORMED, str(error))
    if not lines:
        return _refusal(Outcome.UNTRUSTED, "no signature by a trusted key of this log")
    if checkpoint.extensions:
        return _refusal(Outcome.MALFORMED, "extension lines are not cosigned here")
    if old > checkpoint.size:
        return _refusal(Outcome.MALFORMED, "the old size is greater than the checkpoint's")
    return Request(old, proof, checkpoint, note.text, format_note(note.text, lines))


def parse_request(body: bytes) -> tuple[int, tuple[bytes, ...], Checkpoint, Note]:
    """Read a request: old size, consistency proof, checkpoint and note. Nothing is checked.

    Raises:
        MalformedError: It is none.
    """
    if len(body) > MAX_BODY:
        raise MalformedError("request", f"longer than {MAX_BODY} octets")
    head, blank, data = body.partition(b"\n\n")
    if not blank:
        raise MalformedError("request", "no empty line before the checkpoint")
    old, *hashes = parse_text(head, where="request").split("\n")
    if not old.startswith(_OLD):
        raise MalformedError("request", "does not begin with an old size")
    size = parse_decimal(old.removeprefix(_OLD), where="old size", limit=MAX_SIZE)
    if len(hashes) > _MAX_PROOF:
        raise MalformedError("consistency proof", f"more than {_MAX_PROOF} hashes")
    proof = tuple([parse_hash(each, where="consistency proof") for each in hashes])
    return size, proof, *parse_signed(data)


def format_request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Write a request."""
    lines = [f"{_OLD}{old}", *(format_base64(each) for each in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note


def decide(
    request: Request, change: Change, *, cosigners: Sequence[Cosigner], now_s: int
) -> Answer:
    """Compare a request with what was cosigned before; cosign it, or refuse it.

    When the transaction is on disk the answer may be given, and not before.

    Args:
        request: The request.
        change: The transaction, which sees every request that was decided before.
        cosigners: The witness's keys, one for each of its algorithms.
        now_s: The time, in POSIX seconds.

    Raises:
        WrongClockError: The clock stands far behind the last cosignature of this log.
    """
    checkpoint = request.checkpoint
    log = log_id(checkpoint.origin)
    latest = change.latest(log) or _NOTHING
    if request.old != latest.size:
        _keep_fork(change, log, request, latest, now_s)
        return Answer(Outcome.CONFLICT, b"%d\n" % latest.size)
    try:
        check_consistency(
            old_size=latest.size,
            old_root=latest.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            proof=request.proof,
        )
    except ProofError as error:
        # Also where the sizes are equal and the roots are not: that is no matter of what size the
        # log believes us to be at, which a 409 would correct, but of a tree that did not grow from
        # ours. Texts of the specification before its change 280 (July 2026) said 409 here, which
        # its readers could not tell from the other.
        _keep_fork(change, log, request, latest, now_s)
        return _refusal(Outcome.INCONSISTENT, error.reason)
    return _cosign(change, log, request, cosigners, _time(latest, now_s))


def _cosign(
    change: Change, log: bytes, request: Request, cosigners: Sequence[Cosigner], at_s: int
) -> Answer:
    text, checkpoint = request.text, request.checkpoint
    lines = [cosigner.cosign(text, timestamp_s=at_s) for cosigner in cosigners]
    own = format_note(text, lines)[len(text) + 1 :]  # what follows the text and its empty line
    note = request.signed + own
    change.put_latest(
        log, Latest(size=checkpoint.size, root=checkpoint.root, timestamp_s=at_s, note=note)
    )
    change.drop_candidate(log, size=checkpoint.size, root=checkpoint.root)
    return Answer(Outcome.COSIGNED, own)


def _time(latest: Latest, now_s: int) -> int:
    """Return the time to give: never before the last one that was given."""
    if latest.timestamp_s - now_s > _PATIENCE_S:
        raise WrongClockError(
            "the clock stands far behind the last cosignature",
            now_ms=now_s * 1000,
            recorded_ms=latest.timestamp_s * 1000,
        )
    return max(now_s, latest.timestamp_s)


def _keep_fork(change: Change, log: bytes, request: Request, latest: Latest, now_s: int) -> None:
    """Keep a checkpoint that its log has signed, if it stands against one that was cosigned."""
    checkpoint = request.checkpoint
    if checkpoint.size == 0:
        return  # whoever signs a wrong root of nothing is mistaken, and has hidden nothing
    kept = change.cosigned_at(log, checkpoint.size)
    if kept is not None and parse_signed(kept)[0].root == checkpoint.root:
        return
    if kept is None and not (0 < latest.size == request.old < checkpoint.size):
        return
    fork = Fork(
        kind="no-proof" if kept is None else "two-roots",
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root,
        at_s=now_s,
        old_size=request.old,
        proof=request.proof,
        refused=request.signed,
        against=latest.note if kept is None else kept,
    )
    change.put_fork(log, fork, first=_FIRST_FORKS, last=_LAST_FORKS)


def _signatures(note: Note, keys: Sequence[VerifierKey]) -> list[NoteSignature]:
    """Return one line of each key that signed the note, whose every line has been checked.

    Raises:
        SignatureError: A line under the name and key ID of one of them does not verify.
        MalformedError: One of them covers no text such as this.
    """
    lines = {line[:2]: line for line in reversed(note.signatures)}
    found = []
    for key in keys:
        line = lines.get((key.name, key.key_id))
        if line is not None:
            check_log_note(note, key=key)
            found.append(line)
    return found


def _refusal(outcome: Outcome, reason: str) -> Answer:
    return Answer(outcome, f"{reason}\n".encode())
