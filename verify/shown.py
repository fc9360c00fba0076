"""A ledger as far as an evidence file shows it: a few entries, judged in their order.

What is here must be complete for what it shows, and agree with itself: signatures, statements,
keys, powers, and the chain of governance back to entry 0. Trees, notes and disclosures are
`evidence`'s. What is not here is not judged: other entries, and so every reference to them.

Source: SPEC section 10.2.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

import msgspec
from msgspec.structs import replace

from verify.checks import Check
from verify.entry import Entry, check_parts, parse_entry
from verify.errors import ProofError, RuleError
from verify.events import event_id, parse_event
from verify.kinds import GOVERNANCE, Event
from verify.merkle import check_inclusion, leaf_hash
from verify.report import Finding, find
from verify.rules import Candidate, Fact, admit_shown, candidate_of, known_ids
from verify.state import State
from verify.submission import Statement, check_covers, check_party_signature, sealing_event

__all__ = ["MAX_SHOWN", "Held", "Shown"]

MAX_SHOWN = 64  # entries


class Held(msgspec.Struct, frozen=True):
    """An entry of an evidence file, read.

    Attributes:
        where: Where in the file it stands.
        entry: The entry.
        event: Its event.
        candidate: What the rules need of the event.
        leaf: Its leaf hash.
        shown: Whether it is shown, or here for its statement alone; None in the file's list of
            governance entries.
        path: Inclusion proof of the event's id in the statement's root, in hex.
    """

    where: str
    entry: Entry
    event: Event
    candidate: Candidate
    leaf: bytes
    shown: Literal["no", "yes"] | None = None
    path: tuple[str, ...] | None = None

    @property
    def index(self) -> int:
        """The entry's index."""
        return self.entry.index

    @property
    def governs(self) -> bool:
        """Whether its event is one of governance."""
        return isinstance(self.event, GOVERNANCE)


class Shown:
    """The entries that an evidence file holds, and what judging them has come to.

    Attributes:
        entries: The entries shown, and those that hold their statements.
        governance: The governance entries.
        submissions: What is here of each submission that is shown, by the index at which it begins.
        leaves: Leaf hash of each entry, by index.
        findings: What is wrong.
        state: The rules' state after the last submission here; None before entry 0 was admitted.
    """

    def __init__(self, *, size: int | None) -> None:
        """Begin with nothing; `size` is the checkpoint's, if it could be read."""
        self.entries: list[Held] = []
        self.governance: list[Held] = []
        self.submissions: dict[int, list[Held]] = {}
        self.leaves: dict[int, bytes] = {}
        self.findings: list[Finding] = []
        self._find = partial(find, self.findings)
        self.state: State | None = None
        self._size = size
        self._past = _Past()
        self._ids: dict[str, int] = {}
        self._rules: str | None = None
        self._next = 0
        self._recorded = 0

    @property
    def fingerprint(self) -> str | None:
        """Leaf hash of entry 0, in hex, if it is here."""
        leaf = self.leaves.get(0)
        return None if leaf is None else leaf.hex()

    @property
    def reach(self) -> int:
        """The index up to which governance must be complete: at least 1, for there is entry 0."""
        return max(1, *self.submissions)

    # Reading

    def read(
        self,
        data: bytes,
        *,
        where: str,
        shown: Literal["no", "yes"] | None = None,
        path: tuple[str, ...] | None = None,
    ) -> None:
        """Read an entry, as one of `governance` unless `shown` is given."""
        index = None
        try:
            entry = parse_entry(data, where=where)
            index = entry.index
            check_parts(entry)
            event = parse_event(entry.event)
        except RuleError as error:
            self.findings.append(Finding.of(error, index=index))
            return
        candidate = candidate_of(event, event_id=event_id(bytes(entry.event)).hex())
        # The rules look events up in the submission that they judge, and so want all of them.
        candidate = replace(candidate, special=event)
        held = Held(where, entry, event, candidate, leaf_hash(data), shown, path)
        self.leaves[index] = held.leaf
        for known, _ in known_ids(candidate):
            self._ids[known] = index
        if shown is None:
            self.governance.append(held)
        else:
            self.entries.append(held)
            self.submissions.setdefault(index - entry.position, []).append(held)

    # What must be here, and nothing else

    def check_shape(self) -> bool:
        """Check that what is here is complete and referred to; return whether it can be judged."""
        self._check_ascending(self.entries, Check.EVIDENCE)
        self._check_ascending(self.governance, Check.GOVERNANCE_CHAIN)
        shown = sum(held.shown == "yes" for held in self.entries)
        if shown > MAX_SHOWN:
            reason = "shows too many events"
            self._find(Check.EVIDENCE, "entries", reason, None, f"at most {MAX_SHOWN}", str(shown))
        for first, group in self.submissions.items():
            self._check_group(first, group)
        first_here = self.governance[0].index
        if first_here != 0:
            reason = "does not begin with entry 0"
            self._find(Check.GOVERNANCE_CHAIN, "governance", reason, None, "0", str(first_here))
        self._check_governance()
        return not self.findings

    def _check_ascending(self, entries: Sequence[Held], check: Check) -> None:
        for before, after in pairwise(entries):
            if not before.index < after.index:
                reason = "is not in order of ascending index"
                expected = f"above {before.index}"
                self._find(check, after.where, reason, after.index, expected, str(after.index))

    def _check_group(self, first: int, group: Sequence[Held]) -> None:
        """Check what is here of one submission."""
        head, *others = group
        if head.entry.statement is None:
            reason = "the first entry of its submission, which holds the statement, is not here"
            self._find(Check.EVIDENCE, head.where, reason, head.index, str(first))
        elif all(held.shown == "no" for held in group):
            reason = "nothing of its submission is shown"
            self._find(Check.EVIDENCE, head.where, reason, head.index)
        for held in others:
            if held.shown == "no":
                reason = "is not shown, and holds no statement of what is"
                self._find(Check.EVIDENCE, held.where, reason, held.index)

    def _check_governance(self) -> None:
        entries = {held.index: held for held in self.entries}
        for held in self.governance:
            if not held.governs or held.entry.position:
                reason = "is no governance entry"
                self._find(Check.GOVERNANCE_CHAIN, held.where, reason, held.index)
            twin = entries.get(held.index)
            if twin is not None and twin.leaf != held.leaf:
                reason = f"is another entry than {twin.where}"
                expected, found = twin.leaf.hex(), held.leaf.hex()
                self._find(Check.GOVERNANCE_CHAIN, held.where, reason, held.index, expected, found)
        here = {held.index for held in self.governance}
        stop = max(self.reach, *here)
        for held in self.entries:
            if held.governs and held.index < stop and held.index not in here:
                reason = "is missing from `governance`"
                self._find(Check.GOVERNANCE_CHAIN, held.where, reason, held.index)

    # Judging

    def judge(self) -> bool:
        """Judge every submission in the order of the log; return whether all are sound.

        Raises:
            UnknownVersionError: A charter is of a version of SPEC that this code does not know.
        """
        turns = dict(self.submissions)
        for held in self.governance:
            turns.setdefault(held.index, [held])
        for first in sorted(turns):
            group = turns[first]
            statement = group[0].entry.statement
            if statement is None or (self.state is None and first):
                break  # the shape, or entry 0, has said so
            try:
                self._judge(first, statement, group)
            except RuleError as error:
                if error.check is Check.VERSION:
                    raise
                index = _index_of(error.where, first)
                governance = any(held.governs for held in group)
                finding = Finding.of(error, index=index, submission=first, governance=governance)
                self.findings.append(finding)
            for held in group:
                self._past.remember(held)
                if held.governs:
                    self._rules = held.leaf.hex()
            self._next = max(self._next, first + statement.count)
            self._recorded = max(self._recorded, group[0].entry.recorded)
        return not self.findings

    def check_versions(self) -> None:
        """Stop at a charter of an unknown version, whatever was found elsewhere.

        What is wrong with other entries may be what that version allows: a new kind, a new field.

        Raises:
            UnknownVersionError: A charter is of a version of SPEC that this code does not know.
        """
        alone = Shown(size=self._size)
        alone.governance, alone.leaves = self.governance, self.leaves
        alone.judge()

    def _judge(self, first: int, statement: Statement, group: Sequence[Held]) -> None:
        head = group[0].entry
        self._check_chain(first, statement, group)
        check_party_signature(statement, signature=bytes.fromhex(head.signature or ""))
        for held in group:
            self._check_covered(held, statement)
        if len(group) == statement.count:
            authors = [held.event.author for held in group]
            ids = [bytes.fromhex(held.candidate.id) for held in group]
            check_covers(statement, authors=authors, ids=ids)
        self.state = admit_shown(
            self.state,
            statement=statement,
            placed=[(held.entry.position, held.candidate) for held in group],
            first=first,
            recorded=head.recorded,
            fingerprint=self.fingerprint or "",
            past=self._past,
        )

    def _check_chain(self, first: int, statement: Statement, group: Sequence[Held]) -> None:
        """Check what the entries here say of each other, and where the submission stands."""
        head = group[0].entry
        if head.rules != self._rules:
            chained = any(held.index == first for held in self.governance)
            check = Check.GOVERNANCE_CHAIN if chained else Check.RULES_REF
            reason = "is not the leaf hash of the governance entry before it"
            raise RuleError(check, "rules", reason, self._rules, head.rules)
        if first < self._next:
            reason = "begins before the submission before it ends"
            raise RuleError(Check.POSITION, "position", reason, str(self._next), str(first))
        stop = first + statement.count
        if self._size is not None and stop > self._size:
            reason = "its submission goes on beyond the checkpoint"
            raise RuleError(Check.POSITION, "position", reason, f"at least {stop}", str(self._size))
        for held in group:
            self._check_before(held, head)

    def _check_before(self, held: Held, head: Entry) -> None:
        entry, place = held.entry, f"events[{held.entry.position}]"
        least = max(self._recorded, head.recorded)
        if entry.recorded != head.recorded or entry.recorded < least:
            reason = "is less than the entry before, or differs within a submission"
            raise RuleError(
                Check.RECORDED, f"{place}: recorded", reason, str(least), str(entry.recorded)
            )
        before = self.leaves.get(held.index - 1)
        if before is not None and entry.prev != before.hex():
            reason = "is not the leaf hash of the entry before"
            raise RuleError(Check.PREV, f"{place}: prev", reason, before.hex(), entry.prev)

    def _check_covered(self, held: Held, statement: Statement) -> None:
        """Check that a statement covers an entry, and that its event names nothing later."""
        position, author = held.entry.position, held.event.author
        place = f"events[{position}]"
        if author != statement.author:
            reason = "is not the statement's author"
            raise RuleError(Check.AUTHOR, f"{place}.author", reason, statement.author, author)
        if position >= statement.count:
            reason = "is not below the statement's count"
            expected = f"below {statement.count}"
            raise RuleError(Check.COUNT, f"{place}: position", reason, expected, str(position))
        if held.shown is not None:
            _check_path(held, statement)
        for name, ref in held.candidate.references:
            if self._ids.get(ref, -1) >= held.index:
                raise RuleError(
                    Check.REFERENCE, f"{place}.{name}", "names no earlier event", None, ref
                )


class _Past:
    """The events that came before, as `rules.Past` wants them."""

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}
        self._events: dict[str, Event] = {}

    def remember(self, held: Held) -> None:
        for known, kind in known_ids(held.candidate):
            self._facts.setdefault(known, Fact(held.index, kind, held.event.author))
            own = known == held.candidate.id
            self._events.setdefault(known, held.event if own else sealing_event(held.event))

    def find(self, event_id: str) -> Fact | None:
        return self._facts.get(event_id)

    def event(self, event_id: str, index: int) -> Event:
        del index  # the id is enough
        return self._events[event_id]


def _check_path(held: Held, statement: Statement) -> None:
    """Check the way from an event to the root that its party signed."""
    where = f"events[{held.entry.position}]: path"
    if held.shown == "no" or statement.count == 1:
        if held.path is not None:
            raise RuleError(Check.EVIDENCE, where, "must not be here")
        return
    try:
        check_inclusion(
            index=held.entry.position,
            size=statement.count,
            leaf=bytes.fromhex(held.candidate.id),
            proof=[bytes.fromhex(node) for node in held.path or ()],
            root=bytes.fromhex(statement.root),
        )
    except ProofError as error:
        raise RuleError(Check.SUBMISSION_ROOT, where, str(error)) from None


def _index_of(where: str, first: int) -> int:
    """Return the index of the entry that a refusal's `where` speaks of."""
    if not where.startswith("events["):
        return first
    return first + int(where[7 : where.index("]")])
