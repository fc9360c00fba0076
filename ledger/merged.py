"""A checkpoint, and of the cosignatures that came for it the first of each key."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.feeding import Cosigned
from verify.checkpoint import parse_signed
from verify.errors import VerifyError
from verify.note import Note, VerifierKey, check_cosignature, format_note, parse_note

__all__ = ["Merged"]

_Line = tuple[str, bytes]


class Merged:
    """A checkpoint with what cosignatures it got.

    Attributes:
        size: Its size.
        since_s: Of each key, the time that came last, less what a steady clock told then.
        held: The keys whose lines are here and were checked.
    """

    def __init__(self, note: bytes, keys: Sequence[VerifierKey], *, within_s: range) -> None:
        """Begin with a note; of its lines, those of `keys` stay that are valid and in time.

        Args:
            note: The signed note.
            keys: The keys whose lines are checked.
            within_s: When they can have cosigned it, in POSIX seconds.
        """
        parsed = parse_note(note)
        self.text = parsed.text
        self.size = parse_signed(note)[0].size
        self.since_s: dict[_Line, float] = {}
        self.held = {(k.name, k.key_id) for k in keys if _has_cosigned(parsed, k, within_s)}
        bad = {(key.name, key.key_id) for key in keys} - self.held
        self.lines = [line for line in parsed.signatures if line[:2] not in bad]

    def hear(self, cosigned: Sequence[Cosigned], *, elapsed_s: float) -> None:
        """Take note of the times of cosignatures that were checked, and came just now."""
        for line, timestamp_s in cosigned:
            self.since_s[line[:2]] = timestamp_s - elapsed_s

    def add(self, cosigned: Sequence[Cosigned]) -> None:
        """Add cosignatures that were checked."""
        for line, _ in cosigned:
            key = line[:2]
            if key not in self.held:
                self.lines.append(line)
                self.held.add(key)

    def note(self) -> bytes:
        """Return the checkpoint with all its lines."""
        return format_note(self.text, self.lines)

    def count(self, keys: Sequence[VerifierKey]) -> int:
        """Return how many of these keys cosigned it."""
        return sum((key.name, key.key_id) in self.held for key in keys)


def _has_cosigned(note: Note, key: VerifierKey, within_s: range) -> bool:
    """Tell whether a key cosigned a note, and each line of it holds and is in time."""
    try:
        return all(time_s in within_s for time_s in check_cosignature(note, key=key))
    except VerifyError:  # as where it has no line
        return False
