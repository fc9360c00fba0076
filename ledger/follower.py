"""Following: what a party keeps of a ledger that it watches from outside, and how it goes on.

Entry by entry, without the ledger's help, a `Follower` checks the chain, the order, the statement
over each submission, that an active key of its author signed it for this ledger and that it was
recorded in time, and folds governance by the kernel's rules; the tree it grows says which
checkpoint there may be. With the kept notes about the entries it also holds `recorded` against the
times of the charter's witnesses. Of the rules beyond who may sign, and of disclosures, it judges
nothing: that is an audit's, which needs all entries.

    turnings    the governance entries whole, and where recoveries took effect: judged again when
                what was kept is read, they give the state
    frontier    the tree
    known       event id -> index
    doubted     signed checkpoints that could not be compared with it yet
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ledger.covering import check_covered
from verify.brackets import Brackets, Committed, Cosigned, check_recorded
from verify.checkpoint import check_parsed, parse_signed
from verify.checks import Check
from verify.codec import Count, Decoder, Hash, Instant, Wire, encode
from verify.contents import charter_policy
from verify.entry import Entry, check_parts, parse_entry
from verify.errors import MalformedError, RuleError
from verify.events import event_id as id_of
from verify.events import parse_event
from verify.kinds import GOVERNANCE, Event
from verify.merkle import Frontier, leaf_hash
from verify.notes import dated_by, log_vkey
from verify.policy import Policy
from verify.rules import Candidate, Fact, admit, candidate_of, judge_statement, known_ids
from verify.state import State
from verify.submission import Statement, check_covers, check_party_signature

__all__ = ["Follower", "Notes", "parse_follower"]


class _Turning(Wire, frozen=True, kw_only=True):
    """A submission after which the state is another: governance, or the end of a waiting."""

    first: Count
    recorded: Instant
    entry: str | None = None


class _FollowerFile(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-remote/v1"):
    """What is kept, on disk."""

    charter: Hash
    size: Count
    nodes: tuple[Hash, ...]
    recorded: Instant
    ids: Count
    turnings: tuple[_Turning, ...]
    note: str | None = None
    prev: Hash | None = None
    rules: Hash | None = None
    doubted: tuple[str, ...] | None = None


_FILE = Decoder(_FollowerFile, name="remote")


class _Signed(NamedTuple):
    """A statement, its signature, and where the submission begins."""

    first: int
    recorded: int
    statement: Statement
    signature: bytes
    entry: bytes
    leaf: str


class Notes(Protocol):
    """The door to the kept notes about entries."""

    def named(self, index: int, sha256: str) -> bytes | None:
        """Return the note with this hash, in hex, that the statement at an entry names."""

    def of_size(self, size: int) -> Sequence[bytes]:
        """Return the notes of a size."""


@dataclass(slots=True)
class Follower:
    """A ledger as far as it was fetched and checked. Of no use after a check has failed.

    Attributes:
        fingerprint: Leaf hash that entry 0 must have, in hex.
        find_known: Gives the index of an event known before `fresh`; None if there is none.
        frontier: The tree.
        note: The signed checkpoint of exactly this tree; None before the first.
        prev: Leaf hash of the last entry, in hex.
        recorded: When it was recorded.
        rules: Leaf hash of the latest governance entry, in hex.
        state: The rules' state.
        ids: How many event ids are known.
        fresh: The event ids that became known since this was read, each with its entry's index.
        notes: The kept notes about the entries that are taken in; None to compare no times.
        doubted: Signed checkpoints of this log that could not be compared with the tree yet.
    """

    fingerprint: str
    find_known: Callable[[bytes], int | None]
    frontier: Frontier = field(default_factory=Frontier)
    note: bytes | None = None
    prev: str | None = None
    recorded: int = 0
    rules: str | None = None
    state: State | None = None
    ids: int = 0
    fresh: dict[bytes, int] = field(default_factory=dict)
    notes: Notes | None = None
    doubted: tuple[bytes, ...] = ()
    _turnings: dict[int, _Turning] = field(default_factory=dict)
    _signed: _Signed | None = None
    _candidates: list[Candidate] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.frontier.size

    @property
    def charter(self) -> bytes | None:
        """The octets of entry 0; None before it was taken in."""
        founding = self._turnings.get(0)
        entry = None if founding is None else founding.entry
        return None if entry is None else entry.encode()

    def take(self, data: bytes) -> None:
        """Take in the next entry.

        Raises:
            RuleError: It is not one that may stand there.
        """
        where = f"entry {self.size}"
        entry = parse_entry(data, where=where)
        leaf = leaf_hash(data)
        check_parts(entry)
        self._check_place(entry, leaf.hex(), where)
        if entry.statement is not None and entry.signature is not None:
            signature = bytes.fromhex(entry.signature)
            self._signed = _Signed(
                self.size, entry.recorded, entry.statement, signature, data, leaf.hex()
            )
        octets = bytes(entry.event)
        event = parse_event(octets, where=where)
        self._candidates.append(candidate_of(event, event_id=id_of(octets).hex()))
        self.frontier.append(leaf)
        self.prev = leaf.hex()
        self.recorded = entry.recorded
        signed = self._signed
        if signed is not None and len(self._candidates) == signed.statement.count:
            self._judge(signed, self._candidates)
            self._signed, self._candidates = None, []
            if self.notes is not None and self._policies():
                self._check_named(signed, self.notes)
                self.cover(self.notes.of_size(self.size))

    def finish(self) -> None:
        """Check that no submission is cut short.

        Raises:
            RuleError: One is.
        """
        if self._signed is not None:
            where = f"entry {self.size}"
            raise RuleError(Check.POSITION, where, "is missing: its submission is cut short")

    def cover(self, notes: Iterable[bytes]) -> None:
        """Check that no entry was recorded later than cosignatures that cover it.

        Args:
            notes: Checkpoints of this size.

        Raises:
            RuleError: With check `bracket`: it was. Or a checkpoint is of another tree.
            SignatureError: One is not signed by the log key.

        Source: SPEC section 8.2.
        """
        root = self.frontier.root()
        dated = [each for note in notes if (each := self._dated(note, self.size, root))]
        if dated and self.state is not None:
            with self._at_last():
                check_covered(
                    dated, state=self.state, size=self.size, recorded_at=self._recorded_at
                )

    def _recorded_at(self, index: int) -> int:
        """Return when an entry was recorded: the last one, or one that changed the state."""
        return self.recorded if index == self.size - 1 else self._turnings[index].recorded

    def _check_named(self, signed: _Signed, notes: Notes) -> None:
        """Check that a statement was not recorded before the cosignatures that it commits to.

        What earlier statements commit to was compared when they came, and `recorded` never
        decreases.
        """
        seen = signed.statement.seen
        if seen is None:
            return
        where = f"entry {signed.first}"
        note = notes.named(signed.first, seen.note)
        if note is None:
            raise RuleError(Check.SEEN, where, "names a note that is not there", seen.note)
        dated = self._dated(note, seen.size, bytes.fromhex(seen.root))
        if dated is not None:
            said = [Committed(signed.first, seen.size, dated.note)]
            brackets = Brackets(covering=(), seen=[dated], statements=said)
            bracket = brackets.of(signed.first, first=signed.first)
            with self._at_last():
                check_recorded(bracket, recorded=signed.recorded, tolerance_s=self._tolerance_s())

    def _tolerance_s(self) -> int:
        if self.state is None:
            raise AssertionError("an entry was taken in")
        # As before the last submission, or the charter itself.
        return self.state.charter_at(max(self.size - 1, 1)).tolerance_s

    @contextmanager
    def _at_last(self) -> Iterator[None]:
        """Say of what does not hold that it is at the last entry."""
        try:
            yield
        except RuleError as error:
            where = f"entry {self.size - 1} {error.where}"
            raise RuleError(error.check, where, error.reason, error.expected, error.found) from None

    def _policies(self) -> list[tuple[int, Policy]]:
        """Return by whose quorum notes are weighed from which size on; nothing if by none."""
        charters = () if self.state is None else self.state.charters
        if not any(charter.quorum for _, charter in charters):
            return []
        return [(start, charter_policy(charter)) for start, charter in charters]

    def _dated(self, data: bytes, size: int, root: bytes) -> Cosigned | None:
        """Return when a checkpoint of a size and root hash was cosigned; None where none counts."""
        policies, state = self._policies(), self.state
        if not policies or state is None:
            return None
        checkpoint, note = parse_signed(data)
        origin = state.charter.origin
        check_parsed(checkpoint, note, key=log_vkey(origin, state.log_key_at(size)), origin=origin)
        if (checkpoint.size, checkpoint.root) != (size, root):
            reason = "is of another tree than it is kept for"
            expected, found = (
                f"{s} {r.hex()}" for s, r in ((size, root), (checkpoint.size, checkpoint.root))
            )
            raise RuleError(Check.NOTE_ROOT, f"note of size {size}", reason, expected, found)
        return dated_by(policies, note, size=size, digest=hashlib.sha256(data).digest())

    # The door for the rules

    def find(self, event_id: str) -> Fact | None:
        """Return where an event is. Of kind and author nothing that governs asks."""
        index = self.index_of(bytes.fromhex(event_id))
        return None if index is None else Fact(index, "", "")

    def event(self, event_id: str, index: int) -> Event:
        """Return an earlier event, which nothing that governs asks for."""
        raise AssertionError(f"governance looked into event {event_id} at {index}")

    def index_of(self, event_id: bytes) -> int | None:
        """Return the index of the entry that holds an event; None if none does."""
        index = self.fresh.get(event_id)
        return self.find_known(event_id) if index is None else index

    def _check_place(self, entry: Entry, leaf: str, where: str) -> None:
        if entry.index != self.size:
            reason = "is not its place in the log"
            raise RuleError(Check.INDEX, where, reason, str(self.size), str(entry.index))
        if entry.prev != self.prev:
            reason = "does not name the entry before"
            raise RuleError(Check.PREV, where, reason, self.prev, entry.prev)
        if self.size == 0 and leaf != self.fingerprint:
            reason = "is another ledger's charter"
            raise RuleError(Check.FINGERPRINT, where, reason, self.fingerprint, leaf)
        signed = self._signed
        position = len(self._candidates)
        if entry.position != position:
            reason = "is not the next of its submission"
            raise RuleError(Check.POSITION, where, reason, str(position), str(entry.position))
        if entry.position == 0 and entry.rules != self.rules:
            reason = "does not name the latest governance entry"
            raise RuleError(Check.RULES_REF, where, reason, self.rules, entry.rules)
        if entry.recorded < self.recorded or (signed and entry.recorded != signed.recorded):
            reason = "was recorded at another time than it may be"
            raise RuleError(Check.RECORDED, where, reason, str(self.recorded), str(entry.recorded))

    def _judge(self, signed: _Signed, candidates: Sequence[Candidate]) -> None:
        statement = signed.statement
        check_party_signature(statement, signature=signed.signature)
        check_covers(
            statement,
            authors=[c.author for c in candidates],
            ids=[bytes.fromhex(c.id) for c in candidates],
        )
        governs = self.state is None or any(isinstance(c.special, GOVERNANCE) for c in candidates)
        if governs and len(candidates) > 1:
            where = f"entry {signed.first}"
            raise RuleError(Check.ALONE, where, "a governance event has company")
        if governs:
            self.state = self._admit(signed, candidates)
            self.rules = signed.leaf
            turning = _Turning(
                first=signed.first, recorded=signed.recorded, entry=signed.entry.decode()
            )
            self._turnings[turning.first] = turning
        else:
            self._check_signer(signed)
        for number, candidate in enumerate(candidates):
            self._remember(candidate, signed.first + number)

    def _admit(self, signed: _Signed, candidates: Sequence[Candidate]) -> State:
        return admit(
            self.state,
            statement=signed.statement,
            candidates=candidates,
            first=signed.first,
            recorded=signed.recorded,
            fingerprint=self.fingerprint,
            past=self,
        )

    def _check_signer(self, signed: _Signed) -> None:
        state = self.state
        if state is None:
            raise AssertionError("before entry 0 everything governs")
        with self._at_last():
            settled, _ = judge_statement(
                state, signed.statement, first=signed.first, recorded=signed.recorded
            )
        if settled is not state:
            self.state = settled
            self._turnings[signed.first] = _Turning(first=signed.first, recorded=signed.recorded)

    def _remember(self, candidate: Candidate, index: int) -> None:
        for known, _ in known_ids(candidate):
            octets = bytes.fromhex(known)
            if self.index_of(octets) is not None:
                where = f"entry {index}"
                raise RuleError(Check.REPEATED, where, "has an event that is known", None, known)
            self.fresh[octets] = index
            self.ids += 1

    def replay(self, turnings: Sequence[_Turning]) -> None:
        """Judge all governance again, and so get back the state.

        Raises:
            RuleError: What was kept was altered.
        """
        for turning in turnings:
            self._turnings[turning.first] = turning
            if turning.entry is None:
                if self.state is not None:
                    self.state = self.state.settle(index=turning.first, recorded=turning.recorded)
                continue
            octets = turning.entry.encode()
            entry = parse_entry(octets)
            if entry.statement is None:
                raise RuleError(Check.POSITION, f"entry {turning.first}", "holds no statement")
            event = bytes(entry.event)
            candidate = candidate_of(parse_event(event), event_id=id_of(event).hex())
            signed = _Signed(turning.first, entry.recorded, entry.statement, b"", octets, "")
            before = self.find_known
            # What became known with or after an act of governance it did not know.
            self.find_known = _Below(before, turning.first)
            try:
                self.state = self._admit(signed, [candidate])
            finally:
                self.find_known = before

    def format(self) -> bytes:
        """Write what is to be kept, without the ids that are known."""
        return encode(
            _FollowerFile(
                charter=self.fingerprint,
                size=self.size,
                nodes=tuple(node.hex() for node in self.frontier.nodes),
                recorded=self.recorded,
                ids=self.ids,
                turnings=tuple(self._turnings.values()),
                note=None if self.note is None else self.note.decode(),
                prev=self.prev,
                rules=self.rules,
                doubted=tuple(note.decode() for note in self.doubted) or None,
            )
        )


class _Below:
    """Knows only what stands below an index."""

    def __init__(self, find_known: Callable[[bytes], int | None], index: int) -> None:
        self._find_known = find_known
        self._index = index

    def __call__(self, event_id: bytes) -> int | None:
        index = self._find_known(event_id)
        return index if index is not None and index < self._index else None


def parse_follower(
    data: bytes, *, fingerprint: str, find_known: Callable[[bytes], int | None]
) -> Follower:
    """Take up again what was kept.

    Raises:
        MalformedError: It is no such thing, or of another ledger.
        RuleError: The governance in it does not hold.
    """
    file = _FILE.decode(data)
    if file.charter != fingerprint:
        raise MalformedError("remote.charter", f"is another ledger's: {file.charter}")
    follower = Follower(
        fingerprint=fingerprint,
        find_known=find_known,
        frontier=Frontier.from_nodes(file.size, [bytes.fromhex(node) for node in file.nodes]),
        note=None if file.note is None else file.note.encode(),
        prev=file.prev,
        recorded=file.recorded,
        rules=file.rules,
        ids=file.ids,
        doubted=tuple(note.encode() for note in file.doubted or ()),
    )
    follower.replay(file.turnings)
    return follower
