"""Notes that others cosigned: what a ledger keeps of what witnesses bring (SPEC section 11.2).

Whether their lines verify is not checked: whose word counts is each reader's own policy.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.sequencer import log_verifier_key
from verify.checkpoint import check_checkpoint, parse_signed
from verify.checks import Check
from verify.errors import RuleError, VerifyError
from verify.note import MAX_SIGNATURES, format_note, parse_note
from verify.state import State

__all__ = ["check_cosigned", "merge_notes"]


def check_cosigned(note: bytes, *, state: State, root_at: Callable[[int], bytes]) -> int:
    """Check that `note` is a checkpoint of this log with a line of another key; return its size.

    Args:
        note: The signed note.
        state: The rules' state by now.
        root_at: Gives the tree's root hash at a size.

    Raises:
        RuleError: With check `note-signature`, `note-root` or `note-unused`: it is no checkpoint
            of this log, has another root hash than the tree, or nobody else signed it.
    """
    origin = state.charter.origin
    try:
        checkpoint, parsed = parse_signed(note)
        public = bytes.fromhex(state.log_key_at(max(checkpoint.size, 1)))
        key = log_verifier_key(origin, public)
        check_checkpoint(note, key=key, origin=origin)
    except VerifyError as error:
        raise RuleError(Check.NOTE_SIGNATURE, "note", str(error)) from None
    root = root_at(checkpoint.size)
    if checkpoint.root != root:
        reason = "is not the tree's root hash at that size"
        raise RuleError(Check.NOTE_ROOT, "note", reason, root.hex(), checkpoint.root.hex())
    if all((line.name, line.key_id) == (origin, key.key_id) for line in parsed.signatures):
        raise RuleError(Check.NOTE_UNUSED, "note", "carries no line of another key")
    return checkpoint.size


def merge_notes(before: bytes, note: bytes) -> bytes:
    """Return one note with the lines of both, which are of one text.

    Of two lines by one key the earlier one stays: the sooner a witness had seen a tree, the more
    that shows.

    Raises:
        MalformedError: Together they have more lines, or octets, than a note may have.
    """
    text, first = parse_note(before)
    known = {line[:2] for line in first}
    more = [line for line in parse_note(note).signatures if line[:2] not in known]
    return format_note(text, [*first, *more][:MAX_SIGNATURES])
