"""Histories: what a log has signed, held against what was seen of its ledger.

A checkpoint that the log key signed is of the history that a `Follower` has seen, or of another,
which is proven to anybody, or it cannot be compared yet: then it is remembered until it can be.
What is shown less of than before, and an export with entries that may not stand there, prove no
second history; what shows them is kept all the same (`ledger.kept`).

Source: SPEC sections 8, 10.3 and 12.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from ledger.covering import size_of
from ledger.errors import OutboxError, TargetError
from ledger.follower import Follower
from ledger.forks import SignedBy, prove_fork, prove_other_entry, prove_step_back, signed_by
from ledger.kept import Kept
from ledger.served import AlteredError, Part, entries_of, parse_note
from verify.anchors import Anchors
from verify.audit import audit
from verify.checkpoint import Checkpoint, check_parsed, parse_signed
from verify.checks import Check
from verify.errors import RuleError, VerifyError
from verify.folder import Folder
from verify.note import Note, VerifierKey
from verify.notes import log_vkey
from verify.receipt import Receipt, proof_of
from verify.report import Report
from verify.state import State

__all__ = [
    "SIGNED_FOR",
    "ForkError",
    "Histories",
    "ShrunkError",
    "audited",
    "doubting",
    "settled",
    "state_of",
]

SIGNED_FOR: Final = frozenset((Check.NOTE_ROOT, *(each for each in Check if 402 <= each < 700)))  # noqa: PLR2004 - SPEC section 12
"""Checks of what the log key has signed for, where what was signed is what the entries make."""

_NOT_SIGNED: Final = frozenset(
    (
        *(Check.CHECKPOINT, Check.TILE_MISSING, Check.BUNDLE, Check.ROOT, Check.ENTRY),
        Check.FINGERPRINT,
    )
)
_MAX_DOUBTED: Final = 16
_NAMED_NOTE: Final = "statement.seen.note"  # who hands out a copy can leave it out of that


class ShrunkError(TargetError):
    """The ledger is smaller than it was: cut, put back to an older state, or its answer is stale.

    Attributes:
        seen: The signed checkpoint that was seen before.
        shown: The one that is shown now.
        path: Where the former is kept; None if it could not be.
    """

    def __init__(
        self, *, size: int, before: int, seen: bytes, shown: bytes, path: Path | None
    ) -> None:
        kept = "the checkpoint that says so could not be kept"
        if path is not None:
            kept = f"{path} is the checkpoint that says so, for counterfoil-verify --receipt"
        super().__init__(f"the ledger shows {size} entries, and had {before} before: {kept}")
        self.seen = seen
        self.shown = shown
        self.path = path


class ForkError(TargetError):
    """The log key signed two histories: the two checkpoints prove it to anybody.

    Attributes:
        seen: The signed checkpoint that was seen before.
        shown: The one that is shown now.
        path: The fork proof; None if it could not be kept.
    """

    def __init__(self, *, size: int, seen: bytes, shown: bytes, path: Path | None) -> None:
        kept = "could not be kept" if path is None else f"is kept in {path}"
        super().__init__(
            f"a fork: the log key signed two different trees of {size} entries; "
            f"what proves it to anybody {kept}"
        )
        self.seen = seen
        self.shown = shown
        self.path = path


class Histories:
    """Holds what a log signs against the history of its ledger that is kept. For one thread."""

    def __init__(self, kept: Kept, part: Part) -> None:
        """Compare with what is `kept`; tiles come from `part`."""
        self._kept = kept
        self._part = part

    def follow(self, follower: Follower, note: bytes, part: Part) -> None:
        """Bring a follower to the size of a checkpoint, and check that it is the checkpoint's.

        Where that fails the follower is of no use any more; what is kept still is.

        Raises:
            AlteredError: An entry, or the checkpoint, does not hold.
            ForkError: The log key signed two histories.
            TargetError: The entries cannot be had.
        """
        checkpoint, parsed = parse_note(note)
        seen = follower.note
        try:
            for entry in entries_of(part, follower.size, checkpoint.size):
                follower.take(entry)
            follower.finish()
            self._check_signed(follower, checkpoint, parsed)
            if follower.frontier.root() == checkpoint.root:
                follower.cover([note])
                return
            reason = "the entries do not make the tree that the checkpoint names"
            problem = AlteredError(reason)
        except VerifyError as error:
            check = error.check.value if isinstance(error, RuleError) else None
            problem = AlteredError(f"what the ledger serves does not hold: {error}", check=check)
        except AlteredError as error:
            problem = error
        fork = None
        if seen is not None:
            with contextlib.suppress(TargetError):  # without tiles, and a signature, nothing is
                fork = self._find_fork(self._kept.load(None), note, part)
        raise fork or problem

    def check_past(self, follower: Follower, note: bytes) -> None:
        """Check that a checkpoint, of any size, is of the history that a follower has seen."""
        fork = self._find_fork(follower, note)
        if fork is not None:
            raise fork
        self._check_signed(follower, *parse_note(note))

    def check_there(self, follower: Follower, receipt: Receipt, note: bytes) -> None:
        """Check that the follower's tree has at a receipt's index, if it reaches it, its entry.

        Raises:
            ForkError: It has another one.
        """
        shown, proof = follower.note or b"", proof_of(receipt)
        if proof.index >= follower.size:
            return
        found = prove_other_entry(
            proof,
            bytes.fromhex(receipt.leaf),
            key=_signed_by(follower, note).key,
            other=_signed_by(follower, shown),
            charter=follower.charter or b"",
            part=self._part,
        )
        if found is not None:
            path = self._kept.keep_fork(found)
            raise ForkError(size=follower.size, seen=note, shown=shown, path=path)

    def gone_back(self, follower: Follower, note: bytes) -> ForkError | ShrunkError:
        """Return what it comes to that a checkpoint is smaller than what was seen: maybe a fork.

        Raises:
            AlteredError: The log key did not sign it, so that it says nothing.
        """
        _signed_by(follower, note)
        fork = None
        try:
            fork = self._find_fork(follower, note)
        except TargetError:  # without tiles nothing is proven
            self.doubt(note)
        return fork or self.shrunk(seen=follower.note or b"", shown=note)

    def shrunk(self, *, seen: bytes, shown: bytes) -> ShrunkError:
        """Return that the ledger went back, the checkpoint that says so kept."""
        before, size = (parse_note(each)[0].size for each in (seen, shown))
        path = self._kept.keep_checkpoint(seen)
        return ShrunkError(size=size, before=before, seen=seen, shown=shown, path=path)

    def step_back(
        self, follower: Follower, one: bytes, other: bytes, *, witness: VerifierKey
    ) -> Path | None:
        """Keep the proof that a witness cosigned the smaller of two checkpoints after the larger.

        Returns:
            Where it is; None if it could not be kept.

        Raises:
            RuleError: It did not.
        """
        first, second = (_signed_by(follower, note) for note in (one, other))
        charter = follower.charter or b""
        proof = prove_step_back(first, second, witness=witness, charter=charter)
        return self._kept.keep_fork(proof, name=f"{witness.key_id.hex()}.fork")

    def doubt(self, note: bytes) -> None:
        """Remember a checkpoint that could not be compared, if the log key signed it."""
        # Why it could not be compared is told also where there is no room for it.
        with contextlib.suppress(AlteredError, OutboxError, VerifyError), self._kept.lock():
            follower = self._kept.load(None)
            follower.doubted = doubting(follower.doubted, note, state=state_of(follower))
            self._kept.save(follower)

    def settle(self, follower: Follower) -> None:
        """Compare what could not be compared before, as far as the tree reaches now.

        Raises:
            ForkError: One is of another history.
        """
        left, fork = settled(
            follower.doubted, size=follower.size, find_fork=partial(self._find_fork, follower)
        )
        if left != follower.doubted:
            follower.doubted = left
            with contextlib.suppress(OutboxError):  # then all are compared again
                self._kept.save(follower)
        if fork is not None:
            raise fork

    def _check_signed(self, follower: Follower, checkpoint: Checkpoint, parsed: Note) -> None:
        """Check a checkpoint's signature by the log key of its size, as far as `follower` knows."""
        state = state_of(follower)
        if not checkpoint.size:
            raise AlteredError("the checkpoint is of an empty log")
        try:
            key = log_vkey(state.charter.origin, state.log_key_at(checkpoint.size))
            check_parsed(checkpoint, parsed, key=key, origin=state.charter.origin)
        except VerifyError as error:
            raise AlteredError(f"the checkpoint does not hold: {error}") from None

    def _find_fork(
        self, follower: Follower, note: bytes, part: Part | None = None
    ) -> ForkError | None:
        """Return the fork, its proof kept, if a signed tree and the follower's are two histories.

        Args:
            follower: The history that was seen.
            note: A checkpoint.
            part: Gives the tiles, where others are at hand than the server's.

        Raises:
            TargetError: That cannot be found out.
        """
        seen = follower.note or b""
        one, other = (_signed_by(follower, each) for each in (seen, note))
        try:
            proof = prove_fork(one, other, charter=follower.charter, part=part or self._part)
        except VerifyError as error:
            raise AlteredError(f"the checkpoint does not hold: {error}") from None
        if proof is None:
            return None
        path = self._kept.keep_fork(proof)
        size = min(parse_note(each)[0].size for each in (seen, note))
        return ForkError(size=size, seen=seen, shown=note, path=path)


def doubting(doubted: tuple[bytes, ...], note: bytes, *, state: State) -> tuple[bytes, ...]:
    """Return the checkpoints that could not be compared yet, with one more.

    What is shown once, to one party, and never again, is half of a fork proof. Of more than are
    remembered the smallest stay: they are the first that can be compared.

    Args:
        doubted: Those before.
        note: The one more.
        state: What is known of the ledger, with its log keys.

    Raises:
        VerifyError: It is no checkpoint of the ledger's origin, or none of its keys signed it.
    """
    signed_by(note, state=state)
    one = parse_signed(note)[0]
    if not one.size or one.root in [parse_signed(each)[0].root for each in doubted]:
        return doubted
    return tuple(sorted((*doubted, note), key=size_of)[:_MAX_DOUBTED])


def settled(
    doubted: tuple[bytes, ...], *, size: int, find_fork: Callable[[bytes], ForkError | None]
) -> tuple[tuple[bytes, ...], ForkError | None]:
    """Compare the checkpoints that could not be compared before, as far as a tree reaches now.

    Args:
        doubted: The checkpoints.
        size: The size of the tree.
        find_fork: Compares one with the tree; raises `TargetError` where that cannot be done yet.

    Returns:
        Those that are left, with each whose proof could not be kept, of which it is half; and the
        last fork that was found.
    """
    left: list[bytes] = []
    found: ForkError | None = None
    for note in doubted:
        done = False
        if size_of(note) <= size:
            with contextlib.suppress(TargetError):  # then another time
                fork = find_fork(note)
                found = fork or found
                done = fork is None or fork.path is not None
        if not done:
            left.append(note)
    return tuple(left), found


def state_of(follower: Follower) -> State:
    """Return the state that a follower has come to.

    Raises:
        AlteredError: It has none: the ledger has no entry 0.
    """
    if follower.state is None:
        raise AlteredError("the ledger has no entry 0")
    return follower.state


def audited(
    path: Path,
    *,
    fingerprint: str,
    audience: str,
    kept: Kept,
    checking: Callable[[int, int], None] | None,
) -> Report:
    """Return what an audit says of an export that is valid.

    One with entries that may not stand there, though the log key signed for them, is kept.

    Args:
        path: Its folder.
        fingerprint: The ledger's.
        audience: For whom it should be.
        kept: Where it is kept.
        checking: Told how many of how many entries are audited.

    Raises:
        AlteredError: It is not valid.
    """
    anchors = Anchors(fingerprint=fingerprint)
    report = audit(Folder(path), anchors=anchors, progress=checking, audience=audience)
    if report.verdict != "valid":
        raise _invalid(report, kept.keep_invalid(path) if _is_signed_for(report) else None)
    return report


def _is_signed_for(report: Report) -> bool:
    """Tell whether an export shows that the log key signed for what may not stand there.

    Whatever else is wrong with it, the entries have to be those of the signed checkpoint: anybody
    on the way can alter others, and make their tree.
    """
    found = [each for cause in report.findings for each in (cause, *cause.consequences)]
    return not any(each.check in _NOT_SIGNED for each in found) and any(
        each.check in SIGNED_FOR and each.where != _NAMED_NOTE for each in found
    )


def _invalid(report: Report, kept: Path | None) -> AlteredError:
    """Return what the first finding of a report, or that it agrees with nothing, comes to."""
    if not report.findings:
        return AlteredError("the export is of another ledger")
    first = report.findings[0]
    where = first.where if first.index is None else f"entry {first.index}, {first.where}"
    check, reason = first.check.value, first.reason
    shown = "" if kept is None else f"; it is kept in {kept}, where counterfoil-verify shows it"
    text = f"the export is not valid: [{check}] {where}: {reason}{shown}"
    return AlteredError(text, check=check, path=kept)


def _signed_by(follower: Follower, note: bytes) -> SignedBy:
    try:
        return signed_by(note, state=state_of(follower))
    except VerifyError as error:
        raise AlteredError(f"the checkpoint does not hold: {error}") from None
