"""A run of entries, checked by itself: everything that needs no other part of the log.

An audit cuts the log into chunks and checks them on as many processes as it likes; `audit` then
walks the results in order and applies the rules. A chunk says what it saw in as few octets as it
can, because its result crosses a process border.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Annotated

import msgspec
from msgspec.structs import replace

from verify.checks import Check
from verify.claims import File, Opened, check_claims, claims_hold
from verify.codec import Decoder, Index, Texts, Wire
from verify.entry import (
    MAX_ENTRY,
    Entry,
    EntryOf,
    check_parts,
    cut_head,
    event_octets,
    parse_entries,
    parse_entry,
)
from verify.errors import MalformedError, RuleError
from verify.events import event_id, parse_event
from verify.kinds import Event
from verify.merkle import leaf_hash, subtree_root
from verify.report import Finding, find
from verify.rules import Candidate, candidate_of
from verify.source import Source
from verify.spelling import HASH_SIZE
from verify.submission import (
    Statement,
    check_covers,
    check_party_signature,
    sealing_event,
)
from verify.tiles import TILE_WIDTH, entries_path, parse_bundle, tile_path

__all__ = [
    "Chunk",
    "ChunkResult",
    "Line",
    "OpenedFile",
    "Piece",
    "check_chunk",
    "gather_line",
    "parse_line",
]


_MAX_REFUSED = 16  # claims of one line that get a finding each
_TOGETHER = 32  # lines whose claims are checked at once: each takes four times its size meanwhile


class Line(Wire, frozen=True, kw_only=True):
    """A line of `disclosures.jsonl` (SPEC section 11.3)."""

    claims: Annotated[
        dict[str, Opened], msgspec.Meta(min_length=1, max_length=512)
    ]  # as many as an event can seal
    index: Index


def gather_line(line: Line, texts: Texts) -> None:
    """Give a `Decoder` the texts of a line that it checks together with others."""
    texts.digits += [opened.random for opened in line.claims.values()]


_LINE = Decoder(Line, name="disclosures.jsonl", gather=gather_line)


class Chunk(msgspec.Struct, frozen=True):
    """What to check.

    Attributes:
        first: Index of the first entry: a multiple of 256.
        stop: Index after the last.
        size: Size of the log.
        lines: Where its lines stand in `disclosures.jsonl`: octets [start, stop).
        audience: For whom the manifest says the export is: a party or "public".
    """

    first: int
    stop: int
    size: int
    lines: tuple[int, int]
    audience: str


class Piece(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The part of one submission that a chunk holds.

    It is what is made and packed fastest, as is `Candidate`: one for each entry. The collector
    need not look at either, as nothing in them leads back.

    Attributes:
        first: Index of its first entry here.
        position: Position of that entry in its submission.
        statement: The statement, if the submission begins here.
        rules: The `rules` of that entry.
        recorded: When it was recorded; None if that could not be read.
        candidates: What the rules need of its events; None for one that could not be read.
        sound: Whether everything that was checked here holds.
        whole: Whether all of the submission is here, so that what it covers has been checked.
    """

    first: int
    position: int
    statement: Statement | None
    rules: str | None
    recorded: int | None
    candidates: tuple[Candidate | None, ...]
    sound: bool
    whole: bool


class OpenedFile(msgspec.Struct, frozen=True):
    """A file that a disclosure of the entry at `entry` names."""

    entry: int
    name: str
    sha256: str
    size: int


class ChunkResult(msgspec.Struct):
    """What a chunk holds.

    Attributes:
        first: Index of its first entry.
        leaves: The leaf hash of each entry, 32 octets each, one after the other; where an entry
            was altered, what the tile and the next entry say it was.
        subtrees: The root hash of each full tile of them.
        pieces: Its submissions.
        missing: Claims without a disclosure that the event itself does not account for, as
            (index, claim name).
        kept_back: Claims without a disclosure that the event withholds: `audit` asks whether an
            opening has handed them over since.
        files: Files that disclosures name.
        findings: What is wrong here.
        disclosures: How many disclosures were opened.
        sealed: How many claims are sealed.
        doubtful: What the tile says of the log's last entry, where that differs.
    """

    first: int
    leaves: bytes = b""
    subtrees: list[bytes] = []
    pieces: list[Piece] = []
    missing: list[tuple[int, str]] = []
    kept_back: list[tuple[int, str]] = []
    files: list[OpenedFile] = []
    findings: list[Finding] = []
    disclosures: int = 0
    sealed: int = 0
    doubtful: bytes | None = None


def parse_line(data: bytes) -> Line:
    """Read a line of `disclosures.jsonl`, without its LF.

    Raises:
        MalformedError: It is not canonical or not of the schema.

    Source: SPEC section 11.3.
    """
    return _LINE.decode(data)


def check_chunk(source: Source, chunk: Chunk) -> ChunkResult:
    """Check the entries [first, stop) of an export, and what belongs to them.

    Args:
        source: The export.
        chunk: Which part of it.
    """
    return _Checker(source, chunk).run()


class _Read(msgspec.Struct, gc=False):
    """An entry as far as it could be read.

    Attributes:
        data: Its octets.
        entry: The entry.
        event: The event that it holds; None also where nobody has tried to read it.
        octets: The event's octets.
        id: The event's id.
        said: The octets of the statement in it, if it has one.
    """

    data: bytes
    entry: EntryOf[object] | None = None
    event: Event | None = None
    octets: bytes = b""
    id: bytes = b""
    said: bytes = b""


class _Checker:
    """Walks one chunk, entry by entry, gathering a result."""

    __slots__ = (
        *("_begun", "_candidates", "_chunk", "_find", "_hold", "_ids", "_leaves", "_lines"),
        *("_lost", "_open", "_result", "_signed", "_sound", "_source"),
    )

    def __init__(self, source: Source, chunk: Chunk) -> None:
        self._source = source
        self._chunk = chunk
        self._result = ChunkResult(chunk.first)
        self._find = partial(find, self._result.findings)
        self._lines = self._disclosure_lines()
        self._lost: set[int] = set()  # entries whose bundle cannot be read: one finding says so
        # The submission that the walk is in: its first entry here and the octets of the
        # statement in it, and what it holds so far.
        self._open: tuple[int, EntryOf[object], bytes] | None = None
        self._candidates: list[Candidate | None] = []
        self._begun = chunk.first  # the first of these, where no entry of them could be read
        self._ids: list[bytes] = []  # of those of its events that could be read
        self._leaves: list[str] = []
        self._sound = True
        self._hold = False  # whether all that is open here was found to be what is sealed
        # Signatures to check: the number of the piece, its statement, its octets, the signature.
        self._signed: list[tuple[int, Statement, bytes, bytes]] = []

    def run(self) -> ChunkResult:
        reads = [read for bundle in self._bundles() for read in self._read_bundle(*bundle)]
        self._judge_leaves(reads)
        self._hold = bool(self._lines) and self._together(reads)
        damaged = len(self._result.findings)
        for index, read in enumerate(reads, self._chunk.first):
            self._walk(index, read)
        self._close()
        self._check_signatures(damaged)
        return self._result

    # Octets

    def _bundles(self) -> Iterator[tuple[int, list[bytes]]]:
        for number, width in _bundle_span(self._chunk.first, self._chunk.stop):
            path = entries_path(number=number, width=width)
            start = number * TILE_WIDTH
            try:
                yield start, self._bundle(path, width)
            except MalformedError as error:
                # Whatever the entries were, they may have been governance.
                finding = Finding(Check.BUNDLE, path, error.reason, governance=True)
                self._result.findings.append(finding)
                self._lost.update(range(start, start + width))
                yield start, [b""] * width

    def _bundle(self, path: str, width: int) -> list[bytes]:
        """Return the `width` entries of a bundle.

        Raises:
            MalformedError: It is none, or of another number of entries.
        """
        limit = width * (MAX_ENTRY + 2)
        # One octet more than a bundle can have is enough to be refused.
        entries = parse_bundle(self._source.read(path, 0, limit + 1), where=path)
        if len(entries) != width:
            raise MalformedError(path, f"has {len(entries)} entries, and should have {width}")
        return entries

    def _read_bundle(self, start: int, bundle: list[bytes]) -> Iterator[_Read]:
        entries = parse_entries(bundle)
        if entries is None:
            return (self._read(data, index) for index, data in enumerate(bundle, start))
        # What one step does for all entries is quicker than all steps for one after the other.
        parts = [
            cut_head(data) if entry.statement is not None else (event_octets(data), b"")
            for data, entry in zip(bundle, entries, strict=True)
        ]
        ids = [event_id(octets) for octets, _ in parts]
        return (
            _Read(data, entry, entry.event, octets, own_id, said)
            for data, entry, (octets, said), own_id in zip(bundle, entries, parts, ids, strict=True)
        )

    def _read(self, data: bytes, index: int) -> _Read:
        if index in self._lost:
            return _Read(data)
        try:
            entry = parse_entry(data)
        except RuleError as error:
            self._result.findings.append(Finding.of(error, index=index))
            return _Read(data)
        said = b"" if entry.statement is None else cut_head(data)[1]
        octets = bytes(entry.event)
        return _Read(data, entry, None, octets, event_id(octets), said)

    # The tree

    def _judge_leaves(self, reads: Sequence[_Read]) -> None:
        """Settle each entry's leaf hash between entry, tile and the next entry's `prev`."""
        leaves = [leaf_hash(read.data) for read in reads]
        tile = self._tiles()
        computed = b"".join(leaves)
        if tile != computed:
            following = [*(read.entry for read in reads[1:]), self._peek()]
            for number, after in enumerate(following):
                stored = tile[number * HASH_SIZE : (number + 1) * HASH_SIZE]
                if stored not in {b"", leaves[number]}:
                    leaves[number] = self._judge_leaf(number, leaves[number], stored, after)
        self._result.leaves = b"".join(leaves)
        self._result.subtrees = [
            subtree_root(leaves[start : start + TILE_WIDTH])
            for start in range(0, len(leaves) - TILE_WIDTH + 1, TILE_WIDTH)
        ]
        self._leaves = [leaf.hex() for leaf in leaves]

    def _judge_leaf(
        self, number: int, computed: bytes, stored: bytes, after: EntryOf[object] | None
    ) -> bytes:
        """Return which of the two hashes to believe, and blame the other."""
        index = self._chunk.first + number
        if index in self._lost:
            return stored
        if after is not None and after.prev == computed.hex():
            self._blame_tile(index, computed, stored)
            return computed
        if index + 1 == self._chunk.size:
            self._result.doubtful = stored  # `audit` lets the root decide
            return computed
        self._blame_entry(index, computed, stored)
        return stored

    def _tiles(self) -> bytes:
        """Return the hashes of level 0, or nothing where a tile is missing: `audit` says so."""
        hashes: list[bytes] = []
        for number, width in _bundle_span(self._chunk.first, self._chunk.stop):
            path = tile_path(level=0, number=number, width=width)
            if self._source.size(path) != width * HASH_SIZE:
                return b"".join(hashes)
            hashes.append(self._source.read(path))
        return b"".join(hashes)

    def _peek(self) -> Entry | None:
        """Return the entry after the chunk, if it can be read."""
        index = self._chunk.stop
        if index >= self._chunk.size:
            return None
        width = min(TILE_WIDTH, self._chunk.size - index)
        path = entries_path(number=index // TILE_WIDTH, width=width)
        try:
            return parse_entry(_first_of(self._source, path))
        except RuleError:
            return None

    def _blame_tile(self, index: int, computed: bytes, stored: bytes) -> None:
        width = min(TILE_WIDTH, self._chunk.size - index // TILE_WIDTH * TILE_WIDTH)
        path = tile_path(level=0, number=index // TILE_WIDTH, width=width)
        reason = "holds another leaf hash than this entry has and the next entry names"
        where = f"{path} hash {index % TILE_WIDTH}"
        self._find(Check.TILE, where, reason, index, computed.hex(), stored.hex())

    def _blame_entry(self, index: int, computed: bytes, stored: bytes) -> None:
        reason = "is not the entry that the tree holds"
        self._find(Check.ENTRY, "entry", reason, index, stored.hex(), computed.hex())

    # Entries and submissions

    def _walk(self, index: int, read: _Read) -> None:
        entry = read.entry
        line = self._lines.pop(index, None) if self._lines else None
        if entry is None:
            if self._is_complete():
                self._close()
            if not self._candidates:
                self._begun = index
            self._sound = False
            self._candidates.append(None)
            return
        if entry.index != index:
            reason = "is not the entry's place in the log"
            self._find(Check.INDEX, "index", reason, index, str(index), str(entry.index))
        whole = True
        try:
            check_parts(entry)
        except RuleError as error:
            whole = False
            self._result.findings.append(Finding.of(error, index=index))
        number = index - self._chunk.first
        if number and entry.prev != self._leaves[number - 1] and entry.prev is not None:
            # (The entry before a chunk's first is in another chunk: `walk` compares.)
            reason = "is not the leaf hash of the entry before"
            self._find(Check.PREV, "prev", reason, index, self._leaves[number - 1], entry.prev)
        complete = whole or self._is_complete()
        if entry.position == 0 or self._open is None or (complete and not whole):
            # Of what an entry cuts short that should not stand here so, nothing more is said.
            self._sound = self._sound and complete
            self._close()
            self._open = (index, entry, read.said)
        else:
            start, head, _ = self._open
            self._check_place(index, entry, start, head)
        self._sound = self._sound and whole
        self._candidates.append(self._check_event(index, read, line))

    def _is_complete(self) -> bool:
        """Tell whether the submission that is open has all the entries that it says."""
        if self._open is None:
            return False
        _, head, _ = self._open
        return head.statement is not None and len(self._candidates) >= head.statement.count

    def _check_place(
        self, index: int, entry: EntryOf[object], start: int, head: EntryOf[object]
    ) -> None:
        """Check that an entry goes on with the submission that is open."""
        position = head.position + index - start
        if entry.position != position:
            reason = "does not follow the entry before"
            found = str(entry.position)
            self._find(Check.POSITION, "position", reason, index, str(position), found)
            self._sound = False
        if entry.recorded != head.recorded:
            reason = "differs within a submission"
            found = str(entry.recorded)
            self._find(Check.RECORDED, "recorded", reason, index, str(head.recorded), found)

    def _check_event(self, index: int, read: _Read, line: Line | None) -> Candidate | None:
        event = read.event
        if event is None:
            try:
                event = parse_event(read.octets)
            except RuleError as error:
                self._sound = False
                self._result.findings.append(Finding.of(error, index=index))
                return None
        self._check_claims(index, sealing_event(event), line)
        self._ids.append(read.id)
        return candidate_of(event, event_id=read.id.hex())

    def _close(self) -> None:
        """End the submission that is open and keep what it holds."""
        if self._open is None:
            if self._candidates:  # nothing but entries that could not be read
                self._keep(self._begun, 0, None)
            return
        first, head, said = self._open
        self._open = None
        if head.statement is not None:
            self._check_statement(first, head, head.statement, said)
        self._keep(first, head.position, head)

    def _keep(self, first: int, position: int, head: EntryOf[object] | None) -> None:
        statement = None if head is None else head.statement
        self._result.pieces.append(
            Piece(
                first=first,
                position=position,
                statement=statement,
                rules=None if head is None else head.rules,
                recorded=None if head is None else head.recorded,
                candidates=tuple(self._candidates),
                sound=self._sound,
                whole=statement is not None and first + statement.count <= self._chunk.stop,
            )
        )
        self._candidates = []
        self._ids = []
        self._sound = True

    def _check_statement(
        self, first: int, head: EntryOf[object], statement: Statement, octets: bytes
    ) -> None:
        if head.signature is not None:
            signature = bytes.fromhex(head.signature)
            number = len(self._result.pieces)
            self._signed.append((number, statement, octets, signature))
        if not self._sound or first + statement.count > self._chunk.stop:
            return  # `audit` joins what goes on in the next chunk
        try:
            check_covers(
                statement,
                authors=[c.author for c in self._candidates if c is not None],
                ids=self._ids,
            )
        except RuleError as error:
            self._sound = False
            self._result.findings.append(Finding.of(error, index=first, submission=first))

    def _check_signatures(self, damaged: int) -> None:
        """Check all signatures of the chunk, one after the other.

        A finding goes where it would have stood if they had been checked in turn: after what is
        wrong with the submission's entries, before what follows from both. The first `damaged`
        findings are causes of their own.

        Measured: taken in turn with everything else they cost a tenth more, as neither finds its
        tables in the processor's caches.
        """
        for number, statement, octets, signature in self._signed:
            try:
                check_party_signature(statement, signature=signature, octets=octets)
            except RuleError as error:
                piece = self._result.pieces[number]
                self._result.pieces[number] = replace(piece, sound=False)
                finding = Finding.of(error, index=piece.first, submission=piece.first)
                stop = piece.first + len(piece.candidates)
                later = (
                    at for at, other in enumerate(self._result.findings)
                    if at >= damaged
                    and (other.submission == piece.first or (other.index or 0) >= stop)
                )  # fmt: skip
                at = next(later, len(self._result.findings))
                self._result.findings.insert(at, finding)

    # Claims

    def _disclosure_lines(self) -> dict[int, Line]:
        start, stop = self._chunk.lines
        if start == stop:
            return {}
        octets = self._source.read("disclosures.jsonl", start, stop)
        together = _LINE.decode_lines(octets)
        if together is not None:
            return {line.index: line for line in together}
        # A line that cannot be read ends the reading: one finding, however much follows it.
        lines: dict[int, Line] = {}
        each = map(parse_line, octets.split(b"\n")[:-1])
        try:
            lines.update((line.index, line) for line in each)
        except MalformedError as error:
            self._find(Check.DISCLOSURES, error.where, error.reason)
        return lines

    def _together(self, reads: Sequence[_Read]) -> bool:
        """Tell whether all claims that are open here are what their events seal.

        Only where every event was read with its bundle: what is damaged is looked at line by line.
        """
        lines = []
        for index, read in enumerate(reads, self._chunk.first):
            if read.event is None:
                return False
            line = self._lines.get(index)
            if line is not None and (sealing := sealing_event(read.event)).sealed is not None:
                lines.append((line.claims, sealing.author, sealing.nonce, sealing.sealed))
        starts = range(0, len(lines), _TOGETHER)
        return all(claims_hold(lines[start : start + _TOGETHER]) for start in starts)

    def _check_claims(self, index: int, event: Event, line: Line | None) -> None:
        sealed = event.sealed
        if sealed is None:
            if line is not None:
                reason = "its entry seals nothing"
                self._find(Check.DISCLOSURE_UNUSED, "disclosures.jsonl", reason, index)
            return
        result = self._result
        result.sealed += len(sealed)
        opened = {} if line is None else line.claims
        if opened and not self._hold:
            opened = self._judge_claims(index, event, sealed, opened)
        for name, one in opened.items():
            if type(value := one.value) is File:
                result.files.append(OpenedFile(index, name, value.sha256, value.size))
        result.disclosures += len(opened)
        hidden: set[str] = set()
        if event.audience is not None:
            hidden = self._hidden(event.author, event.audience)
            self._check_audience(index, event.audience, hidden.intersection(opened))
        if len(opened) < len(sealed):
            closed = [name for name in sealed if name not in opened and name not in hidden]
            withheld = event.withheld or ()
            result.missing += [(index, name) for name in closed if name not in withheld]
            result.kept_back += [(index, name) for name in closed if name in withheld]

    def _judge_claims(
        self, index: int, event: Event, sealed: dict[str, str], claims: dict[str, Opened]
    ) -> dict[str, Opened]:
        """Return the claims of one line that are what the event seals, and blame the others."""
        refused = check_claims(claims, author=event.author, nonce=event.nonce, sealed=sealed)
        for error in islice(refused.values(), _MAX_REFUSED):
            self._result.findings.append(Finding.of(error, index=index))
        if len(refused) > _MAX_REFUSED:
            reason = f"and {len(refused) - _MAX_REFUSED:,} more like it"
            self._find(Check.DISCLOSURE, "claims", reason, index)
        return {name: claims[name] for name in claims if name not in refused}

    def _hidden(self, author: str, audience: dict[str, tuple[str, ...]]) -> set[str]:
        """Return the claims that are not for the audience of this export."""
        reader = self._chunk.audience
        if reader == "public":  # is no party, even where a list names it
            return set(audience)
        return {name for name, parties in audience.items() if reader not in {author, *parties}}

    def _check_audience(
        self, index: int, audience: dict[str, tuple[str, ...]], shown: set[str]
    ) -> None:
        for name in sorted(shown):
            reason = f"{name} is not for {self._chunk.audience}"
            expected = ", ".join(audience[name])
            self._find(Check.AUDIENCE, "disclosures", reason, index, expected, self._chunk.audience)


def _bundle_span(first: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield (number, width) of the tiles of level 0 and the bundles that hold [first, stop)."""
    for start in range(first, stop, TILE_WIDTH):
        yield start // TILE_WIDTH, min(TILE_WIDTH, stop - start)


def _first_of(source: Source, path: str) -> bytes:
    """Return the first entry of a bundle."""
    length = int.from_bytes(source.read(path, 0, 2), "big")
    return source.read(path, 2, 2 + length)
