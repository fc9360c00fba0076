"""The order: which submissions a ledger accepts, as which entries, under which checkpoint.

`sequence` is a pure function of a head and a batch: it reads earlier events through one door,
asks the kernel's rules, and gives a `Commit` with the signed checkpoint and what each submission
came to. The checkpoint is a function of the entries alone, so that honest nodes make the same.
Nothing is durable until `append` of whoever keeps the order has acknowledged; see `writer`.

What needs no order is done before, by the caller's thread: the document is parsed, its signatures
and disclosures are checked with that, then `check_files` and `prepare_submission`.

Source: SPEC sections 6.4, 7 and 8.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple, Protocol

from ledger.commit import Commit, Head, Known, Placed
from ledger.errors import LogKeyError
from ledger.seen import check_copied, check_room, check_seen, check_times
from ledger.tree import extend, root_of_edge
from verify.checkpoint import Checkpoint, format_plain
from verify.checks import Check
from verify.claims import Disclosure, File, parse_disclosure
from verify.entry import SignedStatement, format_entry
from verify.errors import RuleError, VerifyError
from verify.kinds import GOVERNANCE, Charter, Event, Opening
from verify.merkle import leaf_hash
from verify.notes import log_vkey
from verify.rules import Candidate, Fact, Past, admit, candidate_of, judge_statement, known_ids
from verify.state import State
from verify.submission import (
    MAX_DISCLOSURES,
    Statement,
    Submission,
    SubmittedEvent,
    check_disclosure,
    parse_document,
    sealing_event,
)

__all__ = [
    "Accepted",
    "FileSizes",
    "History",
    "LogSigner",
    "Outcome",
    "Prepared",
    "Recorded",
    "Run",
    "Sequenced",
    "Wanted",
    "check_files",
    "prepare_submission",
    "sequence",
    "sign_checkpoint",
    "wanted_files",
]


class LogSigner(Protocol):
    """The door to a log key."""

    @property
    def public(self) -> bytes:
        """The public key, 32 octets."""

    def sign(self, message: bytes) -> bytes:
        """Sign the text of a checkpoint: 64 octets."""


class FileSizes(Protocol):
    """The door to files."""

    def size(self, sha256: str) -> int | None:
        """Return how many octets a file has; None if it is not there."""


class History(Past, Protocol):
    """The door to earlier entries: what the rules ask, and the tree."""

    def root(self, size: int) -> bytes:
        """Return the tree's root hash at an earlier size."""

    def recorded_as(self, event_id: str) -> Recorded | None:
        """Return the submission that begins with this event; None if none does."""

    def disclosures(self, index: int) -> tuple[str, ...]:
        """Return the disclosures that are held at an earlier entry."""

    def recorded_at(self, index: int) -> int:
        """Return when an earlier entry was recorded, in milliseconds since 1970."""

    def notes_of(self, size: int) -> Iterable[bytes]:
        """Return the notes of a size that are kept."""


class Recorded(NamedTuple):
    """Which submission stands where."""

    first: int
    statement: Statement


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission that waits for its place: all is checked that needs no order.

    Attributes:
        submission: The submission.
        candidates: What the rules need of its events.
        known: The ids that become known with it.
        seen: The checkpoint in the note that it names; None if it names none.
        seen_key: The log key, in hex, under which that note was checked.
        has_files: Whether it discloses files.
    """

    submission: Submission
    candidates: tuple[Candidate, ...]
    known: tuple[Known, ...]
    seen: Checkpoint | None
    seen_key: str | None
    has_files: bool


class Wanted(NamedTuple):
    """Files that a submission by `author` discloses and that are not here: hash -> size."""

    author: str
    files: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submission is recorded: its entries are [first, first + count).

    Attributes:
        first: Index of its first entry.
        count: How many entries it has.
        new: Whether it is recorded now; else it was before.
    """

    first: int
    count: int
    new: bool


Outcome = Accepted | VerifyError | LogKeyError


class Sequenced(NamedTuple):
    """What a batch comes to.

    Attributes:
        commit: What to make durable; None if nothing of the batch is new.
        outcomes: What each submission came to, in order. Valid when the commit is durable.
    """

    commit: Commit | None
    outcomes: tuple[Outcome, ...]


def check_files(submission: Submission, files: FileSizes) -> None:
    """Check that the files which a submission discloses are here.

    Raises:
        RuleError: One is not, or has another size.
    """
    for where, file, found in _unlike(_files_of(submission), files):
        reason = "its file is not here" if found is None else "its file has another size"
        raise RuleError(Check.FILE_MISSING, where, reason, file.sha256)


def prepare_submission(submission: Submission, *, state: State | None) -> Prepared:
    """Check what needs no order of a submission that is sound in itself, and whose files are here.

    Args:
        submission: The submission.
        state: The rules' state by now; None before entry 0.

    Raises:
        RuleError: The note that it names is not one of this log.
    """
    candidates = tuple(candidate_of(e.event, event_id=e.id.hex()) for e in submission.events)
    known = tuple(
        Known(bytes.fromhex(event_id), position, kind)
        for position, candidate in enumerate(candidates)
        for event_id, kind in known_ids(candidate)
    )
    seen, seen_key = None, None
    if submission.note is not None and submission.statement.seen is not None and state is not None:
        seen_key = state.log_key_at(submission.statement.seen.size)
        seen = check_seen(
            submission.note, submission.statement, origin=state.charter.origin, key=seen_key
        )
    has_files = any(_files_of(submission))
    return Prepared(submission, candidates, known, seen, seen_key, has_files=has_files)


def wanted_files(document: bytes, *, head: Head, files: FileSizes, now_ms: int) -> Wanted:
    """Return which files a submission document wants that are not here.

    Raises:
        VerifyError: It is not sound in itself, or its statement breaks a rule.
    """
    if head.state is None:
        raise AssertionError("a ledger without entries takes no files")
    submission = parse_document(document)
    statement = submission.statement
    judge_statement(head.state, statement, first=head.size, recorded=max(now_ms, head.recorded))
    unlike = _unlike(_files_of(submission), files)
    found = {file.sha256: file.size for _, file, _ in unlike}
    return Wanted(statement.author, found)


def sequence(
    head: Head,
    batch: Sequence[Prepared],
    *,
    now_ms: int,
    history: History,
    signers: Mapping[bytes, LogSigner],
    path: object = "ledger",
) -> Sequenced:
    """Give a batch of submissions its order.

    A submission that is refused leaves no trace in those behind it. One whose events are recorded
    already, together and in that order, is accepted as what it was.

    Args:
        head: Where the ledger stands.
        batch: The submissions, in the order in which they came.
        now_ms: The clock, in milliseconds since 1970.
        history: The entries before `head.size`.
        signers: The log keys at hand, by public key.
        path: Names the ledger in a refusal.
    """
    run = Run(head, history, held=frozenset(signers), path=path)
    outcomes = tuple(run.place(prepared, now_ms=now_ms) for prepared in batch)
    if not run.submissions:
        return Sequenced(None, outcomes)
    after, tiles = run.finish()
    commit = Commit(
        expected_size=head.size,
        submissions=tuple(run.submissions),
        tiles=tiles,
        disclosures=tuple(sorted(run.disclosures.items())),
        notes=tuple(run.notes),
        turnings=tuple(run.turnings),
        checkpoint=sign_checkpoint(after, signers, path=path),
        head=after,
    )
    return Sequenced(commit, outcomes)


def sign_checkpoint(head: Head, signers: Mapping[bytes, LogSigner], *, path: object) -> bytes:
    """Sign the checkpoint of a head, which has entries.

    Raises:
        LogKeyError: The key of that size is not at hand.
    """
    if head.state is None:
        raise AssertionError("a ledger without entries has no checkpoint")
    origin = head.state.charter.origin
    public = bytes.fromhex(head.state.log_key_at(head.size))
    signer = signers.get(public)
    if signer is None:
        raise LogKeyError(path, key=public.hex())
    return format_plain(
        origin=origin,
        size=head.size,
        root=root_of_edge(head.edge),
        key_id=log_vkey(origin, public.hex()).key_id,
        sign=signer.sign,
    )


class Run:
    """One batch on its way. Everything in it is about submissions that were accepted.

    Attributes:
        head: The head behind them, whose edge is that of the head before.
        submissions: The submissions.
        disclosures: Disclosures to add, by index.
        notes: The notes that they name, each after its size.
        turnings: As in `Commit`.
    """

    def __init__(
        self, head: Head, history: History, *, held: frozenset[bytes] | None, path: object
    ) -> None:
        """Begin behind `head`.

        Args:
            head: Where the ledger stands.
            history: The entries before.
            held: The log keys at hand, one of which must always be able to sign; None where
                nothing is to be signed.
            path: Names the ledger in a refusal.
        """
        self.head = head
        self.submissions: list[Placed] = []
        self.disclosures: dict[int, tuple[str, ...]] = {}
        self.notes: dict[tuple[int, bytes], None] = {}
        self.turnings: list[tuple[int, bytes]] = []
        self._before = head
        self._grown = (head.size, head.edge)
        self._leaves: list[bytes] = []
        self._held = held
        self._path = path
        self._past = _Past(history, head.size)

    def place(self, prepared: Prepared, *, now_ms: int) -> Outcome:
        """Accept a submission behind those accepted before, or say why not."""
        try:
            known = self._known(prepared)
            return self.accept(prepared, now_ms=now_ms) if known is None else known
        except (VerifyError, LogKeyError) as error:
            return error

    def finish(self) -> tuple[Head, tuple[tuple[int, int, bytes], ...]]:
        """Return the head behind all that was accepted, and the tiles that differ."""
        before = self._before
        growth = extend(before.edge, size=before.size, leaves=self._leaves)
        return replace(self.head, edge=growth.edge), growth.tiles

    def _known(self, prepared: Prepared) -> Accepted | None:
        """Return where the submission is recorded already."""
        statement = prepared.submission.statement
        recorded = self._past.recorded_as(prepared.candidates[0].id)
        if recorded is None:
            return None
        first, old = recorded
        # One root hash: the same ids in the same order.
        if (old.ledger, old.count, old.root) != (statement.ledger, statement.count, statement.root):
            return None
        return Accepted(first, old.count, new=False)

    def accept(self, prepared: Prepared, *, now_ms: int) -> Accepted:
        """Accept a submission behind those accepted before.

        Raises:
            VerifyError: It breaks a rule.
            LogKeyError: With it, the ledger could not go on signing.
        """
        head = self.head
        submission, candidates = prepared.submission, prepared.candidates
        first = head.size
        recorded = max(now_ms, head.recorded)
        self._past.offer(first, prepared, recorded=recorded)
        if head.state is None:
            fingerprint = _entries(submission, head, recorded=recorded)[1][0].hex()
        else:
            fingerprint = head.state.fingerprint
        state = admit(
            head.state,
            statement=submission.statement,
            candidates=candidates,
            first=first,
            recorded=recorded,
            fingerprint=fingerprint,
            past=self._past,
        )
        if submission.statement.seen is not None:
            self._check_seen(prepared, state, recorded=recorded)
        handed_over = self._handed_over(first, prepared)
        governance = isinstance(submission.events[0].event, GOVERNANCE)
        if governance:
            self._check_keys(state)
        # From here on nothing is refused.
        entries, leaves = _entries(submission, head, recorded=recorded)
        if submission.note is not None and prepared.seen is not None:
            self.notes[prepared.seen.size, submission.note] = None
        if state is not head.state:
            self.turnings.append((first, leaves[0] if governance else b""))
        self._disclose(first, submission, handed_over)
        self.submissions.append(Placed(first, submission.statement.author, entries, prepared.known))
        self._past.accept()
        self._leaves += leaves
        self.head = replace(
            head,
            size=first + len(entries),
            prev=leaves[-1].hex(),
            recorded=recorded,
            rules=leaves[0].hex() if governance else head.rules,
            state=state,
        )
        return Accepted(first, len(entries), new=True)

    def _check_seen(self, prepared: Prepared, state: State, *, recorded: int) -> None:
        note, statement = prepared.submission.note, prepared.submission.statement
        if note is None or statement.seen is None:
            raise AssertionError("a document with `seen` brings its note")
        size = statement.seen.size
        # The state may have moved on since the note was checked.
        key = state.log_key_at(size)
        if prepared.seen is None or key != prepared.seen_key:
            check_seen(note, statement, origin=state.charter.origin, key=key)
        root = self._root(size)
        if root.hex() != statement.seen.root:
            reason = "is not the tree's root hash at that size"
            raise RuleError(
                Check.SEEN, "statement.seen.root", reason, root.hex(), statement.seen.root
            )
        first, recorded_at = self.head.size, self._past.recorded_at
        if self._held is None:
            check_copied(
                note, state, size=size, first=first, recorded=recorded, recorded_at=recorded_at
            )
            return
        known = check_times(
            note, state, size=size, first=first, recorded=recorded, recorded_at=recorded_at
        )
        on_their_way = (one for at, one in self.notes if at == size)
        kept = chain(on_their_way, self._past.history.notes_of(size))
        check_room(note, known=known, kept=kept)

    def _root(self, size: int) -> bytes:
        before = self._before
        if size < before.size:
            return self._past.root(size)
        # No checkpoint of such a size was published, unless the log key is elsewhere, too, or
        # this was recorded before. What names such sizes names them in order, mostly.
        at, edge = self._grown if self._grown[0] <= size else (before.size, before.edge)
        leaves = self._leaves[at - before.size : size - before.size]
        self._grown = size, extend(edge, size=at, leaves=leaves).edge
        return root_of_edge(self._grown[1])

    def _check_keys(self, state: State) -> None:
        """Check that the ledger could go on signing if every pending charter took effect."""
        if self._held is None:
            return
        charters = [w.act for w in state.pending.values() if isinstance(w.act, Charter)]
        for charter in (state.charter, *charters):
            if bytes.fromhex(charter.log_key) not in self._held:
                raise LogKeyError(self._path, key=charter.log_key)

    def _handed_over(self, first: int, prepared: Prepared) -> list[tuple[int, tuple[str, ...]]]:
        """Match what openings hand over with the events that withheld it."""
        found = []
        held: dict[int, set[str]] = {}
        for number, submitted in enumerate(prepared.submission.events):
            opening = submitted.event
            if not isinstance(opening, Opening) or opening.names is None:
                continue
            index = self._index_of(opening.of, first, prepared)
            target = self._past.event(opening.of, index)
            texts = tuple(text for text, _ in submitted.disclosures)
            for place, text in enumerate(texts):
                where = f"disclosures[{number}][{place}]"
                check_disclosure(text, event=target, where=where)
            if index not in held:
                held[index] = self._held_at(index, first, prepared)
            held[index].update(texts)
            octets = sum(map(len, held[index]))
            if octets > MAX_DISCLOSURES:
                where = f"disclosures[{number}]"
                reason = "are too many octets, with what the ledger holds of the event already"
                limit = f"at most {MAX_DISCLOSURES}"
                raise RuleError(Check.DISCLOSURE, where, reason, limit, str(octets))
            found.append((index, texts))
        return found

    def _held_at(self, index: int, first: int, prepared: Prepared) -> set[str]:
        """Return the disclosures of an event: recorded, of this batch, or of what is judged."""
        if index >= first:
            return {text for text, _ in _own_disclosures(prepared.submission.events[index - first])}
        held = set(self.disclosures.get(index, ()))
        if index < self._before.size:
            held.update(self._past.history.disclosures(index))
        return held

    def _index_of(self, event_id: str, first: int, prepared: Prepared) -> int:
        """Return the index of an event that is known, or is in the submission being judged."""
        fact = self._past.find(event_id)
        if fact is not None:
            return fact.index
        octets = bytes.fromhex(event_id)
        # The rules have resolved every reference.
        return first + next(known.position for known in prepared.known if known.id == octets)

    def _disclose(
        self, first: int, submission: Submission, handed_over: list[tuple[int, tuple[str, ...]]]
    ) -> None:
        for index, submitted in enumerate(submission.events, first):
            if own := _own_disclosures(submitted):
                self.disclosures[index] = tuple(text for text, _ in own)
        for index, texts in handed_over:
            both = {*self.disclosures.get(index, ()), *texts}
            self.disclosures[index] = tuple(sorted(both, key=lambda t: parse_disclosure(t).name))


class _Past:
    """Earlier entries, then the submissions of this batch, then the one being judged."""

    def __init__(self, history: History, size: int) -> None:
        self.history = history
        self._size = size
        self._facts: dict[str, tuple[int, str, str]] = {}
        self._roots: dict[int, bytes] = {}
        self._recorded: dict[str, Recorded] = {}
        self._firsts: list[int] = []
        self._prepared: list[Prepared] = []
        self._times: list[int] = []

    def find(self, event_id: str) -> Fact | None:
        """Return what is known of an event of an earlier submission."""
        fact = self._facts.get(event_id)
        return self.history.find(event_id) if fact is None else Fact(*fact)

    def event(self, event_id: str, index: int) -> Event:
        """Return a known event, or one of the submission being judged."""
        if index < self._size:
            return self.history.event(event_id, index)
        # Of those that were offered for one place all before the last were refused.
        place = bisect_right(self._firsts, index) - 1
        submitted = self._prepared[place].submission.events[index - self._firsts[place]]
        return submitted.event if submitted.id.hex() == event_id else sealing_event(submitted.event)

    def root(self, size: int) -> bytes:
        """Return the root hash at an earlier size; many of a batch name the same."""
        root = self._roots.get(size)
        if root is None:
            root = self._roots[size] = self.history.root(size)
        return root

    def recorded_as(self, event_id: str) -> Recorded | None:
        """Return the submission that begins with this event."""
        return self._recorded.get(event_id) or self.history.recorded_as(event_id)

    def recorded_at(self, index: int) -> int:
        """Return when an earlier entry was recorded, in milliseconds since 1970."""
        if index < self._size:
            return self.history.recorded_at(index)
        return self._times[bisect_right(self._firsts, index) - 1]

    def offer(self, first: int, prepared: Prepared, *, recorded: int) -> None:
        """Let the events of the submission being judged be read."""
        self._firsts.append(first)
        self._prepared.append(prepared)
        self._times.append(recorded)

    def accept(self) -> None:
        """Keep the submission that was offered last."""
        first, prepared = self._firsts[-1], self._prepared[-1]
        statement = prepared.submission.statement
        self._recorded[prepared.candidates[0].id] = Recorded(first, statement)
        for event_id, position, kind in prepared.known:
            self._facts[event_id.hex()] = (first + position, kind, statement.author)


def _own_disclosures(submitted: SubmittedEvent) -> tuple[tuple[str, Disclosure], ...]:
    """Return the disclosures that stay with an event, and are not handed over to another."""
    event = submitted.event
    handing_over = isinstance(event, Opening) and event.names is not None
    return () if handing_over else submitted.disclosures


def _entries(
    submission: Submission, head: Head, *, recorded: int
) -> tuple[tuple[bytes, ...], list[bytes]]:
    """Return the entries of a submission behind `head`, and their leaf hashes."""
    signed = SignedStatement(submission.statement, submission.signature)
    entries, leaves = [], []
    prev, rules = head.prev, head.rules
    for position, submitted in enumerate(submission.events):
        entry = format_entry(
            submitted.data,
            index=head.size + position,
            position=position,
            recorded=recorded,
            prev=prev,
            rules=rules if position == 0 else None,
            signed=signed if position == 0 else None,
        )
        leaf = leaf_hash(entry)
        prev = leaf.hex()
        entries.append(entry)
        leaves.append(leaf)
    return tuple(entries), leaves


def _unlike(
    disclosed: Iterable[tuple[str, File]], files: FileSizes
) -> Iterator[tuple[str, File, int | None]]:
    """Yield where a file is disclosed that is not here so, the file, and the size that is here."""
    for where, file in disclosed:
        if (found := files.size(file.sha256)) != file.size:
            yield where, file, found


def _files_of(submission: Submission) -> Iterator[tuple[str, File]]:
    """Yield where a file is disclosed, and the file."""
    for number, submitted in enumerate(submission.events):
        for place, (_, opened) in enumerate(submitted.disclosures):
            if isinstance(opened.value, File):
                yield f"disclosures[{number}][{place}]", opened.value
