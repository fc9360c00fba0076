"""Disputes: what the log's own key has signed, and this ledger has not.

Anybody can say that a ledger has another history, and one witness that lies must not stop it. But
a checkpoint that the log's key signed, of a tree that is not here, was made with that key: by a
copy of the ledger, by the ledger before it was put back to an older state, or by whoever has the
key. To go on would be to sign more that contradicts it. So it is kept, nothing is recorded from
then on, and somebody has to look and decide (`counterfoil disputes`).

    disputes/<hash>.note      the checkpoint; <hash> is the start of SHA-256 of its text
    disputes/<hash>.fork      what proves it to anybody (SPEC section 10.3), where this ledger is
                              as large; of a larger tree the tiles are not here
    disputes/<hash>.decided   in place of `.note`: it was decided to go on all the same

A dispute is over when the ledger has what was signed, as after the right backup was restored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from ledger.errors import DisputedError, NotFoundError, PrivateFileError, TargetError
from ledger.forks import SignedBy, prove_fork
from ledger.known import check_known, claim_of_checkpoint
from ledger.private import make_private_folder, read_private, replace_private, sync_folder
from verify.checkpoint import parse_signed
from verify.errors import VerifyError
from verify.note import MAX_NOTE_SIZE, parse_note
from verify.notes import log_vkey
from verify.state import State

__all__ = [
    "DISPUTES_FOLDER",
    "Dispute",
    "DisputedLedger",
    "check_undisputed",
    "decide",
    "disputes_of",
    "is_decided",
    "keep_dispute",
]

DISPUTES_FOLDER: Final = "disputes"
"""In a ledger's folder: what its log key signed beside its history, and what was decided."""

_OPEN, _PROOF, _DECIDED = ".note", ".fork", ".decided"
_DIGITS: Final = 16


class DisputedLedger(Protocol):
    """The door to a ledger, to show how it contradicts a checkpoint."""

    @property
    def path(self) -> Path:
        """Its folder."""

    def state(self) -> State:
        """Return the rules' state by now."""

    def checkpoint(self) -> bytes:
        """Return the latest signed checkpoint."""

    def entry(self, index: int) -> bytes:
        """Return an entry."""

    def tile(self, path: str) -> bytes:
        """Return a tile."""


class Dispute(NamedTuple):
    """A checkpoint that the log's key signed, and what became of it.

    Attributes:
        name: What it is called.
        note: The checkpoint.
        decided: Whether it was decided to go on.
        proof: The fork proof, where there is one.
    """

    name: str
    note: bytes
    decided: bool
    proof: Path | None


def keep_dispute(ledger: DisputedLedger, note: bytes) -> Path:
    """Keep a checkpoint that the log's key signed and this ledger has not, and the proof of it.

    Args:
        ledger: The ledger.
        note: The checkpoint, whose signature has been checked.

    Returns:
        The fork proof, or where there can be none the checkpoint.

    Raises:
        PrivateFileError: It cannot be written.
    """
    folder = ledger.path / DISPUTES_FOLDER
    make_private_folder(folder, error=PrivateFileError)
    kept = folder / f"{_name_of(note)}{_OPEN}"
    # First: this is what stops the ledger.
    replace_private(kept, note, error=PrivateFileError)
    proof = _prove(ledger, note)
    if proof is None:
        return kept
    path = kept.with_suffix(_PROOF)
    replace_private(path, proof, error=PrivateFileError)
    return path


def check_undisputed(
    path: Path, state: State | None, *, size: int, root_at: Callable[[int], bytes]
) -> None:
    """Check that the ledger in the folder `path` has all that its key is known to have signed.

    Args:
        path: The folder.
        state: The rules' state; None before entry 0.
        size: How many entries there are.
        root_at: Gives the tree's root hash at a size up to `size`.

    Raises:
        DisputedError: It has not, and nobody has decided to go on.
        RuleError: What is kept is no checkpoint of this ledger.
        PrivateFileError: What is kept cannot be read.
    """
    if state is None:
        return
    claims = [
        claim_of_checkpoint(one.note, source=f"dispute {one.name}", state=state, size=size)
        for one in disputes_of(path)
        if not one.decided
    ]
    try:
        check_known(claims, what=path, size=size, root_at=root_at)
    except DisputedError as error:
        raise DisputedError(
            f"{error}. The log's key signed it, so nothing is recorded until somebody has "
            "looked and decided: `counterfoil disputes` says more",
            source=error.source, size=error.size, root=error.root, found=error.found,
            note=error.note,
        ) from None  # fmt: skip


def disputes_of(path: Path) -> tuple[Dispute, ...]:
    """Return what is kept of disputes in a ledger's folder, by name.

    Raises:
        PrivateFileError: It cannot be read.
    """
    found = []
    for file in sorted((path / DISPUTES_FOLDER).glob("*")):
        if file.suffix in {_OPEN, _DECIDED}:
            note = read_private(file, limit=MAX_NOTE_SIZE, error=PrivateFileError)
            proof = file.with_suffix(_PROOF)
            found.append(
                Dispute(file.stem, note, file.suffix == _DECIDED, proof if proof.exists() else None)
            )
    return tuple(found)


def is_decided(path: Path, note: bytes) -> bool:
    """Tell whether it was decided to go on although the log's key signed this checkpoint."""
    return (path / DISPUTES_FOLDER / f"{_name_of(note)}{_DECIDED}").exists()


def decide(path: Path, name: str) -> None:
    """Keep that somebody has decided to go on all the same.

    Raises:
        NotFoundError: There is no such dispute, or it was decided.
        PrivateFileError: It cannot be written.
    """
    file = path / DISPUTES_FOLDER / f"{name}{_OPEN}"
    if name not in {one.name for one in disputes_of(path) if not one.decided}:
        raise NotFoundError(f"open dispute {name[:_DIGITS]}")
    try:
        file.rename(file.with_suffix(_DECIDED))
        sync_folder(file.parent)
    except OSError as failure:
        raise PrivateFileError(file, f"cannot be renamed: {failure.strerror}") from None


def _name_of(note: bytes) -> str:
    """Return what a checkpoint is called, however many have signed it."""
    return hashlib.sha256(parse_note(note).text).hexdigest()[:_DIGITS]


def _prove(ledger: DisputedLedger, note: bytes) -> bytes | None:
    own = ledger.checkpoint()
    if parse_signed(note)[0].size > parse_signed(own)[0].size:
        return None
    state = ledger.state()

    def signed(each: bytes) -> SignedBy:
        key = state.log_key_at(parse_signed(each)[0].size)
        return SignedBy(each, log_vkey(state.charter.origin, key))

    def part(path: str, width: int, limit: int) -> bytes:
        del width, limit
        return ledger.tile(path)

    try:
        return prove_fork(signed(note), signed(own), charter=ledger.entry(0), part=part)
    except (TargetError, VerifyError):
        return None
