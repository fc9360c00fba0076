"""What was seen: whether a ledger takes the checkpoint that a statement names, and its times.

It is the log's own, with whatever lines of others the author held. What is taken is kept for ever,
travels with every copy, and dates what stands below it. Whether its root is the tree's, whoever has
the tree says.

Source: SPEC sections 6.2 and 8.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache

from ledger.covering import check_covered, earliest_s
from verify.brackets import Brackets, Committed, Cosigned, check_recorded, format_time_s
from verify.checkpoint import Checkpoint, check_checkpoint, parse_signed
from verify.checks import Check
from verify.contents import charter_policy
from verify.errors import RuleError, VerifyError
from verify.note import MAX_NOTE_SIZE, check_cosignature
from verify.notes import dated_by, log_vkey
from verify.state import State
from verify.submission import Statement

__all__ = ["check_copied", "check_room", "check_seen", "check_times"]


def check_seen(note: bytes, statement: Statement, *, origin: str, key: str) -> Checkpoint:
    """Check that a note is the one that `seen` names, and a checkpoint of this log.

    Args:
        note: The note.
        statement: The statement that names it.
        origin: The log's name.
        key: The key that signs checkpoints of its size, in hex.

    Raises:
        RuleError: It is not.
    """
    seen = statement.seen
    if seen is None:
        raise AssertionError("only a statement with `seen` brings a note")
    found = hashlib.sha256(note).hexdigest()
    if found != seen.note:
        reason = "is not the hash of the note"
        raise RuleError(Check.SEEN, "statement.seen.note", reason, seen.note, found)
    try:
        checkpoint = _check_note(note, origin, key)
    except VerifyError as error:
        raise RuleError(Check.SEEN, "note", f"is no checkpoint of this log: {error}") from None
    if (checkpoint.size, checkpoint.root.hex()) != (seen.size, seen.root):
        reason = "has another size or root hash than the note"
        raise RuleError(Check.SEEN, "statement.seen", reason)
    return checkpoint


def check_times(
    note: bytes,
    state: State,
    *,
    size: int,
    first: int,
    recorded: int,
    recorded_at: Callable[[int], int],
) -> frozenset[str]:
    """Check `recorded` against the times in a note (SPEC section 8.2).

    An audit would find it, for ever: that a statement is recorded before it can have been
    signed, or that what the note covers was, after it was cosigned. What earlier statements
    name was checked when they came, and `recorded` never decreases.

    Args:
        note: The note.
        state: The rules' state by now.
        size: The note's size.
        first: Index of the submission's first entry.
        recorded: When it is recorded, in milliseconds since 1970.
        recorded_at: Gives when an earlier entry was.

    Returns:
        Which of the charter's witnesses cosigned it.

    Raises:
        RuleError: A line of one of them is of a time when it cannot have been.
    """
    # Each line by itself: with those of another note it makes a quorum, and in a reader's
    # policy it may be one, whatever quorum the charter wants.
    times = _times(note, state, size=size)
    if not times:
        return frozenset()
    last_s, name = max(times)
    latest_s = recorded // 1000 + state.charter_at(first).tolerance_s
    if last_s > latest_s:
        raise RuleError(
            Check.BRACKET, "note", "is cosigned later than now",
            f"by {format_time_s(latest_s)}", f"{format_time_s(last_s)} by {name}",
        )  # fmt: skip
    first_s, name = min(times)
    earliest = earliest_s(state, size, recorded_at=recorded_at)
    if first_s < earliest:
        raise RuleError(
            Check.BRACKET, "note", "is cosigned earlier than what it covers was recorded",
            f"from {format_time_s(earliest)} on", f"{format_time_s(first_s)} by {name}",
        )  # fmt: skip
    return frozenset(name for _, name in times)


def check_room(note: bytes, *, known: frozenset[str], kept: Iterable[bytes]) -> None:
    """Check that of one size no more notes are kept than whoever copies the ledger can take.

    A party can write any number of them, of lines that nobody can check, or of the same lines in
    another order. Beyond what one note may have, further ones bring each the first line of another
    of the charter's witnesses, and nothing else; or the log's line alone.

    Args:
        note: The note.
        known: Which of the charter's witnesses cosigned it.
        kept: The notes of that size that are kept; read only where it comes to them.

    Raises:
        RuleError: There is no room for it (SPEC section 6.2).
    """
    alone = len(parse_signed(note)[1].signatures) == 1 + len(known)
    if alone and not known:
        return
    before = frozenset(kept)
    octets = sum(map(len, before | {note}))
    if not before or note in before or octets <= MAX_NOTE_SIZE:
        return
    names = {line.name for one in before for line in parse_signed(one)[1].signatures}
    if not alone or known <= names:
        reason = "brings nothing that the charter's witnesses have not signed in others"
        limit = f"{MAX_NOTE_SIZE} octets of one size together"
        raise RuleError(Check.SEEN, "note", reason, limit, str(octets))


def check_copied(
    note: bytes,
    state: State,
    *,
    size: int,
    first: int,
    recorded: int,
    recorded_at: Callable[[int], int],
) -> None:
    """Check the times where another ledger took the note: only what breaks a rule is refused.

    Args, and what is raised, as for `check_times`.
    """
    dated = _dated(note, state, size=size)
    if dated is None:
        return
    tolerance_s = state.charter_at(first).tolerance_s
    said = [Committed(first, size, dated.note)]
    bracket = Brackets(covering=(), seen=[dated], statements=said).of(first, first=first)
    check_recorded(bracket, recorded=recorded, tolerance_s=tolerance_s)
    check_covered([dated], state=state, size=size, recorded_at=recorded_at)


def _dated(note: bytes, state: State, *, size: int) -> Cosigned | None:
    """Return when witnesses cosigned a note, if any time on it counts."""
    if not any(charter.quorum for _, charter in state.charters):
        return None
    policies = [(start, charter_policy(charter)) for start, charter in state.charters]
    digest = hashlib.sha256(note).digest()
    return dated_by(policies, parse_signed(note)[1], size=size, digest=digest)


def _times(note: bytes, state: State, *, size: int) -> list[tuple[int, str]]:
    """Return when each of the charter's witnesses cosigned a note, and its name.

    One with a line that is not valid is passed over: for whoever counts it the note gives no time.
    """
    parsed = parse_signed(note)[1]
    found: list[tuple[int, str]] = []
    for witness in charter_policy(state.charter_at(size)).witnesses:
        with suppress(VerifyError):  # as where it has no line at all
            times = check_cosignature(parsed, key=witness.key)
            found += [(time_s, witness.key.name) for time_s in times]
    return found


@lru_cache(maxsize=64)
def _check_note(note: bytes, origin: str, key: str) -> Checkpoint:
    """Check a checkpoint's signature; once for those that many submissions name, as they do."""
    return check_checkpoint(note, key=log_vkey(origin, key), origin=origin)
