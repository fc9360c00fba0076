"""The walk: results of chunks, in order, through the chain and the rules.

What a chunk cannot know by itself is settled here: the chain across chunks, which submission a
piece belongs to, the state by which a signature is judged, and which event ids are known.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from verify.checks import Check
from verify.chunk import ChunkResult, OpenedFile, Piece
from verify.entry import MAX_ENTRY, parse_entry
from verify.erasures import Erasures
from verify.errors import MalformedError, RuleError
from verify.events import event_id, parse_event
from verify.kinds import GOVERNANCE, Erasure, Event, Hold, Opening
from verify.merkle import Frontier, subtree_root
from verify.report import Finding, find
from verify.rules import Candidate, Fact, admit, known_ids
from verify.source import Source
from verify.spelling import HASH_SIZE
from verify.state import State
from verify.submission import Statement, check_covers, sealing_event
from verify.tiles import TILE_WIDTH, entries_path, parse_bundle

__all__ = ["Expected", "Walk"]

_CACHED_BUNDLES = 8


class Expected(NamedTuple):
    """A note that a statement names: it must be kept. Ordered as the notes are."""

    size: int
    note: bytes
    root: bytes
    entry: int


class Walk(msgspec.Struct):
    """Everything the audit learns from the entries, chunk by chunk.

    Attributes:
        source: The export, to read earlier entries again where a rule looks at them.
        size: The log's size.
        state: The rules' state so far; None before entry 0 was admitted.
        fingerprint: Leaf hash of entry 0, in hex.
        leaves: Every leaf hash, 32 octets each.
        subtrees: Root hash of each full tile of level 0.
        expected: The notes that statements name.
        missing: Claims that have no disclosure and that their event does not account for.
        files: Files that disclosures name.
        kept_back: Claims without a disclosure that their event withholds.
        handed_over: Claims that an opening handed over, as (index, claim name).
        erasures: Which erasures are in effect.
        findings: What is wrong so far.
        submissions: How many submissions there were.
        submitted: First index and `recorded` of each submission that could be judged, in turn.
        sealed: How many claims are sealed.
        disclosures: How many of them are open here.
        recorded: When the latest entry was recorded.
        doubtful: What the tile says of the last entry, where that differs from the entry.
    """

    source: Source
    size: int
    state: State | None = None
    fingerprint: str | None = None
    leaves: bytearray = msgspec.field(default_factory=bytearray)
    subtrees: list[bytes] = []
    expected: list[Expected] = []
    missing: list[tuple[int, str]] = []
    files: list[OpenedFile] = []
    kept_back: list[tuple[int, str]] = []
    handed_over: set[tuple[int, str]] = set()
    erasures: Erasures = msgspec.field(default_factory=Erasures)
    findings: list[Finding] = []
    submissions: int = 0
    submitted: "array[int]" = msgspec.field(default_factory=lambda: array("Q"))
    sealed: int = 0
    disclosures: int = 0
    recorded: int = 0
    doubtful: bytes | None = None
    _known: dict[bytes, int] = {}
    _nested: dict[bytes, tuple[str, int]] = {}
    _kinds: bytearray = msgspec.field(default_factory=bytearray)
    _authors: "array[int]" = msgspec.field(default_factory=lambda: array("I"))
    _kind_codes: dict[str, int] = {}
    _kind_names: list[str] = []
    _author_codes: dict[str, int] = {}
    _author_names: list[str] = []
    _waiting: Piece | None = None
    _damaged: set[int] = set()
    _lost: set[int] = set()
    _latest_rules: str | None = None
    _bundles: dict[int, list[bytes]] = {}

    def take(self, result: ChunkResult) -> None:
        """Take in the next chunk."""
        self.findings += result.findings
        # An entry whose hash a tile has wrong is sound: the tile is to blame.
        self._damaged.update(
            f.index for f in result.findings if f.index is not None and f.check is not Check.TILE
        )
        self.doubtful = result.doubtful
        before = bytes(self.leaves[-HASH_SIZE:])
        self.leaves += result.leaves
        if result.first == 0:
            self.fingerprint = result.leaves[:HASH_SIZE].hex()
        else:
            self._check_chain(result.first, before)
        self.subtrees += result.subtrees
        for piece in result.pieces:
            self._take_piece(piece)
        self.missing += result.missing
        self.kept_back += result.kept_back
        self.files += result.files
        self.sealed += result.sealed
        self.disclosures += result.disclosures

    def finish(self) -> None:
        """Say what is wrong once there are no more chunks."""
        if self._waiting is not None:
            self._judge(self._waiting)
            self._waiting = None
        # What later entries suffer from a lost act of governance follows from that entry.
        # In place: `audit` keeps them in a list that knows how many it has left out.
        self.findings[:] = [
            replace(f, governance=True) if f.index in self._lost else f for f in self.findings
        ]

    def leaf(self, index: int) -> bytes:
        """Return an entry's leaf hash."""
        return bytes(self.leaves[index * HASH_SIZE : (index + 1) * HASH_SIZE])

    def frontier(self, size: int) -> Frontier:
        """Return the tree of the first `size` entries, from full tiles and single leaves."""
        return self.grow(Frontier(), size)

    def grow(self, frontier: Frontier, size: int) -> Frontier:
        """Return the tree of the first `size` entries, given that of some of them, to be used up.

        Args:
            frontier: The tree of at most `size` entries.
            size: How many; all of them, and their full tiles, have been taken in.
        """
        before, full = frontier.size // TILE_WIDTH, size // TILE_WIDTH
        if full > before:
            # What the tree has of a tile in part is in the root hash of the full one.
            nodes = frontier.nodes[: before.bit_count()]
            frontier = Frontier.from_nodes(before * TILE_WIDTH, nodes)
            for root in self.subtrees[before:full]:
                frontier.append_root(root)
        for index in range(frontier.size, size):
            frontier.append(self.leaf(index))
        return frontier

    def replace_last(self, leaf: bytes) -> None:
        """Take another leaf hash for the last entry."""
        self.leaves[-HASH_SIZE:] = leaf
        if self.size % TILE_WIDTH == 0:
            start = (self.size - TILE_WIDTH) * HASH_SIZE
            self.subtrees[-1] = subtree_root(_hashes(bytes(self.leaves[start:])))

    # The door for the rules

    def find(self, wanted: str) -> Fact | None:
        """Return what is known of an event, as `rules.Past` wants it."""
        key = bytes.fromhex(wanted)
        index = self._known.get(key)
        if index is None:
            return None
        nested = self._nested.get(key)
        author = self._author_names[self._authors[index]]
        if nested is not None:
            return Fact(index, nested[0], author)
        return Fact(index, self._kind_names[self._kinds[index]], author)

    def event(self, wanted: str, index: int) -> Event:
        """Return an earlier event, read again from the export."""
        entry = parse_entry(self._octets(index))
        if event_id(bytes(entry.event)).hex() == wanted:
            return parse_event(entry.event)
        return sealing_event(parse_event(entry.event))

    def _octets(self, index: int) -> bytes:
        number = index // TILE_WIDTH
        if number not in self._bundles:
            width = min(TILE_WIDTH, self.size - number * TILE_WIDTH)
            path = entries_path(number=number, width=width)
            if len(self._bundles) >= _CACHED_BUNDLES:
                del self._bundles[next(iter(self._bundles))]
            # One octet more than a bundle can have is enough to be refused.
            data = self.source.read(path, 0, width * (MAX_ENTRY + 2) + 1)
            self._bundles[number] = parse_bundle(data, where=path)
        bundle, place = self._bundles[number], index % TILE_WIDTH
        if place >= len(bundle):
            raise MalformedError("entry bundle", f"ends before entry {index}")
        return bundle[place]

    def of_kind(self, kind: str) -> tuple[int, ...]:
        """Return the indexes of the entries with an event of this kind that could be read."""
        wanted = self._kind_codes.get(kind)
        return tuple(index for index, code in enumerate(self._kinds) if code == wanted)

    # Pieces

    def _check_chain(self, index: int, before: bytes) -> None:
        try:
            entry = parse_entry(self._octets(index))
        except (RuleError, MalformedError):
            return  # the chunk has said so
        if entry.prev is not None and entry.prev != before.hex():
            reason = "is not the leaf hash of the entry before"
            find(self.findings, Check.PREV, "prev", reason, index, before.hex(), entry.prev)

    def _take_piece(self, piece: Piece) -> None:
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            if piece.statement is None:
                piece = self._join(waiting, piece)
            else:
                self._judge(waiting)
        elif piece.statement is None and piece.sound:
            reason = "an entry that no statement covers"
            find(
                self.findings,
                Check.POSITION,
                "position",
                reason,
                piece.first,
                "0",
                str(piece.position),
            )
        if piece.statement is None or len(piece.candidates) >= piece.statement.count:
            self._judge(piece)
        else:
            self._waiting = piece

    def _join(self, waiting: Piece, piece: Piece) -> Piece:
        """Join a submission with the part of it that the next chunk holds."""
        sound = waiting.sound and piece.sound
        if piece.position not in {0, len(waiting.candidates)}:
            reason = "does not follow the entry before"
            expected = str(len(waiting.candidates))
            found = str(piece.position)
            find(self.findings, Check.POSITION, "position", reason, piece.first, expected, found)
            sound = False
        if piece.recorded not in {None, waiting.recorded}:
            reason = "differs within a submission"
            expected = str(waiting.recorded)
            found = str(piece.recorded)
            find(self.findings, Check.RECORDED, "recorded", reason, piece.first, expected, found)
        candidates = waiting.candidates + piece.candidates
        return replace(waiting, candidates=candidates, sound=sound)

    def _judge(self, waiting: Piece) -> None:
        """Apply the rules to a submission whose entries have all come."""
        first = waiting.first
        self.submissions += 1
        if first and waiting.statement is not None and waiting.rules != self._latest_rules:
            reason = "is not the leaf hash of the latest governance entry"
            find(
                self.findings,
                Check.RULES_REF,
                "rules",
                reason,
                first,
                self._latest_rules,
                waiting.rules,
            )
        recorded = waiting.recorded
        if recorded is not None and recorded < self.recorded:
            reason = "is less than the entry before"
            expected = f"at least {self.recorded}"
            find(self.findings, Check.RECORDED, "recorded", reason, first, expected, str(recorded))
        if recorded is not None and first not in self._damaged:
            # Also where it went back: the next entry is measured by this one.
            self.recorded = recorded
        if waiting.sound and waiting.statement is not None:
            self._admit(waiting, waiting.statement)
        elif any(c is None or isinstance(c.special, GOVERNANCE) for c in waiting.candidates):
            self._lost.add(first)
        self._remember(first, waiting.candidates)

    def _admit(self, waiting: Piece, statement: Statement) -> None:
        first = waiting.first
        self.submitted.extend((first, waiting.recorded or 0))
        candidates = [c for c in waiting.candidates if c is not None]
        try:
            if not waiting.whole:
                check_covers(
                    statement,
                    authors=[c.author for c in candidates],
                    ids=[bytes.fromhex(c.id) for c in candidates],
                )
            self.state = admit(
                self.state,
                statement=statement,
                candidates=candidates,
                first=first,
                recorded=waiting.recorded or 0,
                fingerprint=self.fingerprint or "",
                past=self,
            )
        except RuleError as error:
            if (
                error.check is Check.VERSION
                and first not in self._damaged
                and self.doubtful is None
            ):
                raise
            governance = any(isinstance(c.special, GOVERNANCE) for c in candidates)
            index = _index_of(error.where, first)
            finding = Finding.of(error, index=index, submission=first, governance=governance)
            self.findings.append(finding)
        if statement.seen is not None:
            seen = statement.seen
            note, root = bytes.fromhex(seen.note), bytes.fromhex(seen.root)
            self.expected.append(Expected(seen.size, note, root, first))

    def _remember(self, first: int, candidates: Sequence[Candidate | None]) -> None:
        for index, candidate in enumerate(candidates, first):
            if self.erasures.waiting:
                self.erasures.reach(self.recorded)
            if candidate is None:
                self._kinds.append(0)
                self._authors.append(0)
                continue
            kind = self._kind_codes.get(candidate.kind)
            if kind is None:
                kind = _code(candidate.kind, self._kind_codes, self._kind_names)
            author = self._author_codes.get(candidate.author)
            if author is None:
                author = _code(candidate.author, self._author_codes, self._author_names)
            self._kinds.append(kind)
            self._authors.append(author)
            self._known.setdefault(bytes.fromhex(candidate.id), index)
            if candidate.special is not None:
                self._remember_special(index, candidate, candidate.special)

    def _remember_special(self, index: int, candidate: Candidate, event: Event) -> None:
        own = candidate.id
        for known, kind in known_ids(candidate)[1:]:
            own = known
            self._known.setdefault(bytes.fromhex(known), index)
            self._nested[bytes.fromhex(known)] = (kind, index)
        if isinstance(event, GOVERNANCE):
            self._latest_rules = self.leaf(index).hex()
        match sealing_event(event):
            case Hold() as hold:
                self.erasures.hold(hold, event_id=own)
            case Erasure() as erasure:
                target = self.find(erasure.of)
                if target is not None and self.state is not None:  # else the rules have said so
                    self.erasures.announce(
                        erasure,
                        target=target.index,
                        recorded=self.recorded,
                        notice_days=self.state.charter.notice_days,
                    )
            case Opening(names=tuple() as names) as opening:
                target = self.find(opening.of)
                if target is not None:
                    self.handed_over.update((target.index, name) for name in names)


def _code(name: str, codes: dict[str, int], names: list[str]) -> int:
    """Give a name a number, to be kept instead of it."""
    codes[name] = len(names)
    names.append(name)
    return codes[name]


def _hashes(data: bytes) -> list[bytes]:
    return [data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)]


def _index_of(where: str, first: int) -> int:
    """Return the index of the entry that a refusal's `where` speaks of."""
    if not where.startswith("events["):
        return first
    return first + int(where[7 : where.index("]")])
