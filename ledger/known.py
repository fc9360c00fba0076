"""What others know of a ledger: receipts, checkpoints, the sizes that witnesses tell.

Whoever keeps a ledger can lose its latest entries, as by restoring a backup, and not notice. If it
then signs again, it signs a second history of the same sizes, which any holder of a later receipt
can prove. So before the first signature what others know is compared with what is here: `restore`
does so with what its operator hands it. What nobody tells cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ledger.errors import ForkedError, OlderError
from ledger.forks import key_on, signed_by
from verify.checkpoint import parse_signed
from verify.checks import Check
from verify.errors import MalformedError, RuleError, VerifyError
from verify.receipt import Receipt, check_receipt_alone, parse_receipt, proof_of
from verify.state import State

__all__ = ["Claim", "check_known", "claim_of_checkpoint", "claim_of_receipt"]


class Claim(NamedTuple):
    """What somebody knows of a ledger.

    Attributes:
        source: Who, or the name of a file.
        size: How many entries they know it to have, or to have had.
        root: Root hash of that size; None if only the size is known.
        note: The signed checkpoint that says so, if there is one.
    """

    source: str
    size: int
    root: bytes | None
    note: bytes = b""


def check_known(
    claims: Iterable[Claim], *, what: object, size: int, root_at: Callable[[int], bytes]
) -> None:
    """Check that a ledger holds all that others know of it.

    Args:
        claims: What they know.
        what: What the ledger is called in a refusal.
        size: How many entries are here.
        root_at: Gives the root hash here at a size up to `size`.

    Raises:
        ForkedError: Somebody knows another root hash at a size.
        OlderError: Somebody knows more entries; of several, who knows most.
    """
    known = sorted(claims, key=lambda claim: claim.size)
    for claim in known:
        if claim.root is None or claim.size > size:
            continue
        found = root_at(claim.size)
        if found != claim.root:
            raise ForkedError(
                f"{what} has another history than {claim.source}: at size {claim.size} two root "
                f"hashes, {found.hex()} here and {claim.root.hex()} there",
                source=claim.source, size=claim.size, root=claim.root.hex(),
                found=found.hex(), note=claim.note,
            )  # fmt: skip
    if known and known[-1].size > size:
        latest = known[-1]
        last = latest.size - 1
        entries = f"entry {last} was" if last == size else f"entries {size} to {last} were"
        raise OlderError(
            f"{what} is older than {latest.source}: {entries} acknowledged and not here",
            source=latest.source, size=latest.size,
            root=None if latest.root is None else latest.root.hex(), note=latest.note,
        )  # fmt: skip


def claim_of_receipt(data: bytes, *, source: str, state: State, size: int) -> Claim:
    """Return what a receipt of a ledger says, having checked all of it that is in it.

    The receipt's entry is under its checkpoint: whoever has the same root hash at that size has
    the same entry.

    Args:
        data: The receipt.
        source: The name of its file.
        state: The state of the ledger, as far as it is here.
        size: How many entries are here.

    Raises:
        RuleError: With check `receipt`: it is none, of another ledger, or not signed by a key of
            its log.

    Source: SPEC section 10.1.
    """
    told = 0
    try:
        receipt = parse_receipt(data)
        _check_ledger(receipt, state)
        note = proof_of(receipt).checkpoint
        told = parse_signed(note)[0].size
        checkpoint = check_receipt_alone(receipt, key=key_on(note, state=state))
    except (RuleError, MalformedError) as error:
        where = f"{source} {error.where}"
        raise RuleError(Check.RECEIPT, where, f"{error.reason}{_beyond(told, size)}") from None
    return Claim(source, checkpoint.size, checkpoint.root, note)


def claim_of_checkpoint(note: bytes, *, source: str, state: State, size: int) -> Claim:
    """Return what a signed checkpoint of a ledger says.

    Args:
        note: The checkpoint; lines of witnesses may stand in it, and are not checked.
        source: The name of its file.
        state: The state of the ledger, as far as it is here.
        size: How many entries are here.

    Raises:
        RuleError: With check `note-signature`: it is none, of another log, or not signed by a key
            of that.

    Source: SPEC section 8.
    """
    told = 0
    try:
        checkpoint, _ = parse_signed(note)
        told = checkpoint.size
        signed_by(note, state=state)
    except VerifyError as error:
        raise RuleError(Check.NOTE_SIGNATURE, source, f"{error}{_beyond(told, size)}") from None
    return Claim(source, checkpoint.size, checkpoint.root, note)


def _check_ledger(receipt: Receipt, state: State) -> None:
    if receipt.charter != state.fingerprint:
        reason = "is of another ledger"
        raise RuleError(Check.RECEIPT, "charter", reason, state.fingerprint, receipt.charter)


def _beyond(told: int, size: int) -> str:
    """Say what else can be the matter with what tells of more entries than there are here."""
    if told <= size:
        return ""
    return (
        f". It is of {told} entries, and {size} are here: either it is forged, or later entries "
        "were signed by a log key that came with them"
    )
