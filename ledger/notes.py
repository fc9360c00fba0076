"""Notes that others cosigned: what a ledger keeps of what witnesses bring (SPEC section 11.2).

Whether their lines verify is not checked: whose word counts is each reader's own policy.
"""

from __future__ import annotations

from collections.abc import Callable

from verify.checkpoint import check_checkpoint, parse_signed
from verify.checks import Check
from verify.contents import charter_policy
from verify.errors import RuleError, VerifyError
from verify.note import MAX_NOTE_SIZE, MAX_SIGNATURES, NoteSignature, format_note, parse_note
from verify.notes import log_vkey
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
        key = log_vkey(origin, state.log_key_at(max(checkpoint.size, 1)))
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


def merge_notes(before: bytes, note: bytes, *, state: State) -> bytes:
    """Return one note with the lines of both, which are checkpoints of one text.

    Of lines by one key the earliest that came stays: the sooner a witness had seen a tree, the more
    that shows. What there is no room for goes, and of that first what the charter does not name:
    anybody who carries a note can add lines to it, other ones each time, or one many times.

    Args:
        before: The note that was kept.
        note: The note that comes.
        state: The rules' state by now.

    Raises:
        MalformedError: The lines of the log and its witnesses alone have no room.
    """
    checkpoint, (text, first) = parse_signed(before)
    by_key: dict[tuple[str, bytes], NoteSignature] = {}
    for line in (*first, *parse_note(note).signatures):
        by_key.setdefault(line[:2], line)
    lines = list(by_key.values())
    policy = charter_policy(state.charter_at(max(checkpoint.size, 1)))
    keys = [*(log.key for log in policy.logs), *(witness.key for witness in policy.witnesses)]
    named = {(key.name, key.key_id) for key in keys}
    others = [line for line in lines if line[:2] not in named]
    octets = len(text) + 1 + sum(_octets(line) for line in lines)
    while others and (len(lines) > MAX_SIGNATURES or octets > MAX_NOTE_SIZE):
        gone = others.pop()
        lines.remove(gone)
        octets -= _octets(gone)
    return format_note(text, lines)


def _octets(line: NoteSignature) -> int:
    return len(format_note(b"\n", [line])) - 2  # without the text and its empty line
