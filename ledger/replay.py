"""Replaying: entries that another process recorded, judged again and made a `Commit`.

The entries say what was submitted and when it was recorded. That is given to the same code that
gives submissions their order (`sequencer`), which must come to the same entries, octet for octet;
and their tree must be the one that the log has signed. So nothing is copied that would not have
been accepted here: signatures, chain, references, governance, what `seen` names and its times.

What of the claims is open is no matter of the entries: whoever copies adds it to the commit.

Source: SPEC sections 6.4, 7 and 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.commit import Commit, Head
from ledger.sequencer import History, Run, prepare_submission
from ledger.tree import root_of_edge
from verify.checkpoint import check_parsed, parse_signed
from verify.checks import Check
from verify.entry import Entry, check_parts, parse_entry
from verify.errors import RuleError
from verify.events import event_id, parse_event
from verify.merkle import leaf_hash
from verify.note import format_note
from verify.notes import log_vkey
from verify.submission import Submission, SubmittedEvent, check_covers, check_party_signature

__all__ = ["Replayed", "cut", "replay"]

_CHECKS: Final = (
    ("index", Check.INDEX),
    ("prev", Check.PREV),
    ("position", Check.POSITION),
    ("recorded", Check.RECORDED),
    ("rules", Check.RULES_REF),
)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A submission as its entries hold it.

    Attributes:
        first: Index of its first entry.
        recorded: When that was recorded.
        submission: The submission, without disclosures and without the note that it names.
        entries: The entries' octets.
    """

    first: int
    recorded: int
    submission: Submission
    entries: tuple[bytes, ...]


def cut(entries: Sequence[bytes], *, first: int) -> tuple[Replayed, ...]:
    """Cut entries into submissions, and check of each what needs no ledger.

    Args:
        entries: The entries: whole submissions.
        first: The index of the first of them.

    Raises:
        RuleError: They are none.
    """
    found: list[Replayed] = []
    at = 0
    while at < len(entries):
        found.append(_first_of(entries[at:], first + at))
        at += len(found[-1].entries)
    return tuple(found)


def _first_of(entries: Sequence[bytes], first: int) -> Replayed:
    where = f"entry {first}"
    head = parse_entry(entries[0], where=where)
    check_parts(head)
    if head.statement is None or head.signature is None:
        raise RuleError(Check.POSITION, where, "begins no submission")
    statement, signature = head.statement, bytes.fromhex(head.signature)
    own = tuple(entries[: statement.count])
    if len(own) < statement.count:
        where = f"entry {first + len(own)}"
        raise RuleError(Check.POSITION, where, "is missing: its submission is cut short")
    check_party_signature(statement, signature=signature)
    events = tuple(_event_in(data, first + number) for number, data in enumerate(own))
    authors = [each.event.author for each in events]
    check_covers(statement, authors=authors, ids=[each.id for each in events])
    return Replayed(first, head.recorded, Submission(statement, signature, events, None), own)


def _event_in(data: bytes, index: int) -> SubmittedEvent:
    where = f"entry {index}"
    octets = bytes(parse_entry(data, where=where).event)
    return SubmittedEvent(parse_event(octets, where=where), octets, event_id(octets), ())


def replay(
    head: Head,
    given: Iterable[Replayed],
    *,
    checkpoint: bytes,
    fingerprint: str,
    notes: Mapping[str, bytes],
    history: History,
    path: object,
) -> Commit:
    """Judge submissions behind a head, and return what recording them would have written.

    Args:
        head: Where the copy stands.
        given: The submissions that follow, all up to the checkpoint.
        checkpoint: The signed checkpoint of the size behind them; cosignatures may stand in it.
        fingerprint: Leaf hash that entry 0 must have, in hex.
        notes: By SHA-256 in hex, the notes that statements name.
        history: The entries before `head.size`.
        path: Names the copy in a refusal.

    Returns:
        The commit, without disclosures.

    Raises:
        RuleError: The rules do not come to these entries, or the log has not signed their tree.
    """
    run = Run(head, history, held=None, path=path)
    for each in given:
        if each.first == 0 and leaf_hash(each.entries[0]).hex() != fingerprint:
            found = leaf_hash(each.entries[0]).hex()
            reason = "is another ledger's charter"
            raise RuleError(Check.FINGERPRINT, "entry 0", reason, fingerprint, found)
        submission = _with_note(each, notes)
        prepared = prepare_submission(submission, state=run.head.state)
        run.accept(prepared, now_ms=each.recorded)
        for index, (found_, made) in enumerate(
            zip(each.entries, run.submissions[-1].entries, strict=True), each.first
        ):
            if found_ != made:
                raise _unlike(parse_entry(found_), parse_entry(made), index)
    after, tiles = run.finish()
    return Commit(
        expected_size=head.size,
        submissions=tuple(run.submissions),
        tiles=tiles,
        disclosures=(),
        notes=tuple(run.notes),
        turnings=tuple(run.turnings),
        checkpoint=_signed_tree(checkpoint, after),
        head=after,
    )


def _with_note(given: Replayed, notes: Mapping[str, bytes]) -> Submission:
    submission, seen = given.submission, given.submission.statement.seen
    if seen is None:
        return submission
    if seen.note not in notes:
        where = f"entry {given.first} statement.seen.note"
        raise RuleError(Check.SEEN, where, "is kept by nobody", seen.note)
    return Submission(
        submission.statement, submission.signature, submission.events, notes[seen.note]
    )


def _unlike(found: Entry, made: Entry, index: int) -> RuleError:
    """Return what is wrong with an entry that is not the one the rules come to."""
    for name, check in _CHECKS:
        is_, wanted = getattr(found, name), getattr(made, name)
        if is_ != wanted:
            where, reason = f"entry {index} {name}", "is not what it must be here"
            return RuleError(check, where, reason, str(wanted), str(is_))
    return RuleError(Check.ENTRY, f"entry {index}", "is not the one that was submitted")


def _signed_tree(note: bytes, head: Head) -> bytes:
    """Return the checkpoint with the log's line alone, if it is of the tree of a head.

    Raises:
        RuleError: It is not, or its key has not signed it.
    """
    if head.state is None:
        raise AssertionError("there is an entry 0")
    origin = head.state.charter.origin
    checkpoint, parsed = parse_signed(note)
    key = log_vkey(origin, head.state.log_key_at(head.size))
    check_parsed(checkpoint, parsed, key=key, origin=origin)
    root = root_of_edge(head.edge)
    if (checkpoint.size, checkpoint.root) != (head.size, root):
        reason = "is not of the tree that the entries make"
        found = f"{checkpoint.size} {checkpoint.root.hex()}"
        wanted = f"{head.size} {root.hex()}"
        raise RuleError(Check.ROOT, "checkpoint", reason, wanted, found)
    line = next(one for one in parsed.signatures if (one.name, one.key_id) == (origin, key.key_id))
    return format_note(parsed.text, [line])
