"""The audit: every check of SPEC section 12 over an export.

Chunks of entries and of notes are checked by themselves, on as many processes as the caller's
`Runner` has; `walk` takes their results in order through chain and rules. This module leads them
and compares what is left: tree, checkpoint, notes, manifest, policy, files, and what the reader
supplied. It goes on as far as it can after a finding.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, pairwise, repeat
from typing import Protocol, TypeVar

from verify.anchors import Anchors, compare, not_checked
from verify.brackets import Brackets, Committed, Cosigned, check_recorded
from verify.checkpoint import Checkpoint, check_parsed, parse_signed
from verify.checks import Check
from verify.chunk import Chunk, ChunkResult, check_chunk
from verify.contents import (
    MANIFEST,
    FileResult,
    Manifest,
    charter_policy,
    check_file,
    check_files,
    check_layout,
    format_charter_policy,
    parse_manifest,
    read_small,
)
from verify.errors import MalformedError, ProofError, RuleError, SignatureError
from verify.events import KINDS
from verify.kinds import Attestation
from verify.merkle import Frontier, subtree_root
from verify.note import MAX_NOTE_SIZE, Note
from verify.notes import PATH as NOTES_PATH
from verify.notes import (
    KeptNote,
    NoteResult,
    check_held,
    check_notes,
    dated_by,
    log_vkey,
    note_chunks,
)
from verify.policy import Policy
from verify.receipt import Receipt, check_receipt_alone, proof_of
from verify.report import Finding, Findings, Report, Times, Verdict, Weighed, find, nest
from verify.source import Source
from verify.spelling import HASH_SIZE
from verify.state import State
from verify.tiles import TILE_WIDTH, bundles_of, entries_path, tile_path, tiles_of
from verify.walk import Walk

__all__ = ["Anchors", "Progress", "Runner", "audit", "run_here"]

_DISCLOSURES = "disclosures.jsonl"
_ENTRIES = "tile/entries"
_CHUNK = 4 * TILE_WIDTH  # entries: small enough to share out, large enough to be worth it
_BLOCK = 1 << 20
_MAX_LINE = 32 * 1024 * 1024  # octets: 16 MiB of disclosures, and room for their quotes
_MAX_DIGITS = 16  # of an index: 2^53 - 1 has as many
_ATTESTATION = KINDS[Attestation]
_MAX_POLICY = 262_144
_MAX_MANIFEST = 65_536

T = TypeVar("T")
U = TypeVar("U")


class Runner(Protocol):
    """Applies a function to parts of an export, in order, on as many processes as it likes."""

    def __call__(
        self, check: Callable[[Source, T], U], source: Source, parts: Iterable[T], kind: type[U]
    ) -> Iterator[U]:
        """Yield `check(source, part)`, a `kind`, for each part, in order."""


class Progress(Protocol):
    """Is told how far the audit is."""

    def __call__(self, done: int, size: int, /) -> None:
        """Take notice that `done` of `size` entries are checked."""


def run_here(
    check: Callable[[Source, T], U], source: Source, parts: Iterable[T], kind: type[U]
) -> Iterator[U]:
    """Apply a function to parts of an export, one after the other, in this process."""
    del kind  # nothing crosses a border
    return (check(source, part) for part in parts)


def audit(
    source: Source,
    *,
    anchors: Anchors | None = None,
    run: Runner = run_here,
    progress: Progress | None = None,
    audience: str | None = None,
) -> Report:
    """Check an export.

    Args:
        source: The export.
        anchors: What the reader holds from elsewhere.
        run: Where the work is done.
        progress: Told of each chunk.
        audience: For whom the reader knows that the export should be. The manifest must say the
            same; that vouches for nothing, as an anchor does.

    Raises:
        UnknownVersionError: The charter is of a version of SPEC that this code does not know.

    Source: SPEC section 12.
    """
    return _Audit(source, anchors or Anchors(), run, progress, audience).report()


class _Audit:
    """One audit, as far as it has come."""

    def __init__(
        self,
        source: Source,
        anchors: Anchors,
        run: Runner,
        progress: Progress | None,
        audience: str | None = None,
    ) -> None:
        self._source = source
        self._anchors = anchors
        self._run = run
        self._progress = progress
        self._given = audience
        self._audience: str | None = None
        self._findings = Findings()
        self._find = partial(find, self._findings)
        self._agreed: list[str] = []
        self._checkpoint: Checkpoint | None = None
        self._notes = 0
        self._weighed: Weighed | None = None
        self._dated: list[Cosigned] = []
        self._times: Times | None = None
        self._walk = Walk(source, 0, findings=Findings())

    def report(self) -> Report:
        manifest = self._read_manifest()
        signed = self._read_checkpoint()
        if signed is not None:
            self._findings += check_layout(self._source, self._walk.size)
            self._check_entries("public" if manifest is None else manifest.audience)
            self._check_tree()
            state = self._walk.state
            if state is not None:
                self._check_signature(state, *signed)
                self._check_notes(state)
                self._check_times(state, signed[1])
                self._check_policy(state)
            self._check_claims()
            if manifest is not None:
                self._check_manifest(manifest)
            self._check_anchors(signed[1])
        return self._report()

    # What stands first

    def _read_manifest(self) -> Manifest | None:
        try:
            manifest = parse_manifest(read_small(self._source, MANIFEST, limit=_MAX_MANIFEST))
        except MalformedError as error:
            if self._source.size(MANIFEST) is not None:  # else the layout says so
                self._find(Check.MANIFEST, error.where, error.reason)
            return None
        self._audience = manifest.audience
        if self._given not in {None, manifest.audience}:
            reason = "is not for the audience that you gave"
            self._find(Check.MANIFEST, f"{MANIFEST} audience", reason, None, self._given,
                manifest.audience)  # fmt: skip
        return manifest

    def _read_checkpoint(self) -> tuple[Checkpoint, Note] | None:
        """Read the checkpoint as far as its size; its signature waits for the charter's key."""
        try:
            data = read_small(self._source, "checkpoint", limit=MAX_NOTE_SIZE)
            checkpoint, note = parse_signed(data)
        except MalformedError as error:
            if self._source.size("checkpoint") is None:
                self._find(Check.LAYOUT, "checkpoint", "is missing, or no regular file")
            else:
                self._find(Check.CHECKPOINT, "checkpoint", str(error))
            return None
        self._checkpoint = checkpoint
        size = checkpoint.size
        if size == 0:
            reason = "is of size 0: a log begins with its charter"
            self._find(Check.CHECKPOINT, "checkpoint", reason)
            return None
        # A size that the bundles cannot have is not worth walking to.
        count = sum(1 for path in self._source.paths() if path.startswith(f"{_ENTRIES}/"))
        if size > count * TILE_WIDTH:
            paths = (entries_path(number=b.number, width=b.width) for b in bundles_of(size))
            # Where letters' case does not matter, a file may be there under another name.
            missing = next((path for path in paths if self._source.size(path) is None), _ENTRIES)
            self._find(Check.TILE_MISSING, missing, f"is missing: the size is {size}")
            return None
        self._walk.size = size
        return checkpoint, note

    # Entries

    def _check_entries(self, audience: str) -> None:
        walk = self._walk
        readable = sum(
            1 for b in bundles_of(walk.size)
            if self._source.size(entries_path(number=b.number, width=b.width)) is not None
        )  # fmt: skip
        if readable < -(-walk.size // TILE_WIDTH):
            return  # the layout has said which bundles are missing: the chain ends there
        chunks = self._chunks(audience)
        for result in self._run(check_chunk, self._source, chunks, ChunkResult):
            walk.take(result)
            if self._progress is not None:
                self._progress(len(walk.leaves) // HASH_SIZE, walk.size)
        walk.finish()
        self._findings += walk.findings

    def _chunks(self, audience: str) -> Iterator[Chunk]:
        """Yield the chunks: the first are checked while the lines of others are looked for."""
        size = self._walk.size
        lines = pairwise(self._line_starts(size))
        for first, span in zip(range(0, size, _CHUNK), lines, strict=True):
            yield Chunk(first, min(first + _CHUNK, size), size, span, audience)

    def _line_starts(self, size: int) -> Iterator[int]:
        """Yield where the lines of each chunk begin in `disclosures.jsonl`, and where it ends.

        Only the index at the end of each line is looked at: enough to find its chunk and to see
        that the lines ascend. The first line that has none, that does not ascend or that is for no
        entry ends the reading: no line after it could be in order and for an entry, or there is no
        telling where it belongs. What is not read counts as not disclosed.
        """
        position = 0
        latest = -1
        chunks = 0  # how many have their lines
        yield position
        for line in chain.from_iterable(self._lines()):
            index = _index_of(line)
            if index <= latest:
                self._find(Check.DISCLOSURES, _DISCLOSURES, "is not in order of ascending index",
                    expected=f"above {latest}", found=_shown(line))  # fmt: skip
                break
            if index >= size:
                self._find(Check.DISCLOSURE_UNUSED, _DISCLOSURES, "no entry for it", index)
                break
            latest = index
            if index >= (chunks + 1) * _CHUNK:
                yield from repeat(position, index // _CHUNK - chunks)
                chunks = index // _CHUNK
            position += len(line) + 1
        yield from repeat(position, -(-size // _CHUNK) - chunks)

    def _lines(self) -> Iterator[list[bytes]]:
        """Yield the lines of `disclosures.jsonl`, LF left out, without holding the file."""
        size = self._source.size(_DISCLOSURES) or 0
        rest = b""
        for start in range(0, size, _BLOCK):
            rest += self._source.read(_DISCLOSURES, start, min(start + _BLOCK, size))
            *lines, rest = rest.split(b"\n")
            yield lines
            if len(rest) > _MAX_LINE:
                self._find(Check.DISCLOSURES, _DISCLOSURES, "has a line that is too long")
                return
        if rest:
            self._find(Check.DISCLOSURES, _DISCLOSURES, "does not end with LF")

    # The tree

    def _check_tree(self) -> None:
        walk, checkpoint = self._walk, self._checkpoint
        if checkpoint is None or len(walk.leaves) != walk.size * HASH_SIZE:
            return
        self._settle_last(checkpoint)
        root = walk.frontier(walk.size).root()
        if root != checkpoint.root:
            reason = "is not the root hash of the entries"
            self._find(Check.ROOT, "checkpoint root", reason, None, root.hex(),
                checkpoint.root.hex())  # fmt: skip
        self._check_upper_tiles()

    def _settle_last(self, checkpoint: Checkpoint) -> None:
        """Let the root decide between the last entry and its tile, where the two differ."""
        walk = self._walk
        if walk.doubtful is None:
            return
        index = walk.size - 1
        computed = walk.leaf(index)
        frontier = walk.frontier(index)
        frontier.append(walk.doubtful)
        whole = walk.frontier(walk.size).root()
        if frontier.root() != checkpoint.root and whole == checkpoint.root:
            number, width = divmod(index, TILE_WIDTH)
            path = tile_path(level=0, number=number, width=width + 1)
            reason = "holds another leaf hash than this entry has and the root holds"
            self._find(Check.TILE, f"{path} hash {width}", reason, index,
                computed.hex(), walk.doubtful.hex())  # fmt: skip
            return
        walk.replace_last(walk.doubtful)
        # Before whatever else is wrong with the entry, which follows from this.
        at = [finding.index for finding in self._findings]
        place = at.index(index) if index in at else len(at)
        finding = Finding(
            Check.ENTRY, "entry", "is not the entry that the tree holds", index,
            expected=walk.doubtful.hex(), found=computed.hex(),
        )  # fmt: skip
        self._findings.insert(place, finding)

    def _check_upper_tiles(self) -> None:
        hashes = self._walk.subtrees
        level = 1
        for tile in tiles_of(self._walk.size):
            if tile.level == 0:
                continue
            if tile.level != level:
                level = tile.level
                starts = range(0, len(hashes) - TILE_WIDTH + 1, TILE_WIDTH)
                hashes = [subtree_root(hashes[start : start + TILE_WIDTH]) for start in starts]
            path = tile_path(level=level, number=tile.number, width=tile.width)
            start = tile.number * TILE_WIDTH
            wanted = b"".join(hashes[start : start + tile.width])
            if self._source.size(path) != tile.width * HASH_SIZE:
                continue  # the layout has said so
            stored = self._source.read(path)
            if stored != wanted:
                number = _first_difference(stored, wanted)
                reason = "is not the hash of the tile below"
                stop = number + HASH_SIZE
                where = f"{path} hash {number // HASH_SIZE}"
                expected, found = wanted[number:stop].hex(), stored[number:stop].hex()
                self._find(Check.TILE, where, reason, None, expected, found)

    # What was signed about the tree

    def _check_signature(self, state: State, checkpoint: Checkpoint, note: Note) -> None:
        key = log_vkey(state.charter.origin, state.log_key_at(checkpoint.size))
        try:
            check_parsed(checkpoint, note, key=key, origin=state.charter.origin)
        except (MalformedError, SignatureError, ProofError) as error:
            # Whatever else disagrees with an unsigned checkpoint follows from this.
            finding = Finding(Check.CHECKPOINT, "checkpoint", str(error))
            self._findings.insert(0, finding)

    def _check_notes(self, state: State) -> None:
        expected = sorted(self._walk.expected)
        frontier = Frontier()
        before = (-1, b"")
        place, end = 0, len(expected)
        for note in self._kept(state):
            self._notes += 1
            own = note[:2]  # size and hash, by which both lists are sorted
            if before >= own:
                self._find(Check.NOTES, NOTES_PATH, "is not in order of size and hash, or repeats",
                    found=note.note.hex())  # fmt: skip
            before = max(before, own)
            while place < end and expected[place][:2] < own:
                self._miss(expected[place])
                place += 1
            named = False
            while place < end and expected[place][:2] == own:
                named = True
                said = expected[place]
                if said.root != note.root:
                    where, reason = "statement.seen.root", "is not its note's"
                    root, found = note.root.hex(), said.root.hex()
                    self._find(Check.SEEN, where, reason, said.entry, root, found)
                place += 1
            frontier = self._check_note(note, frontier, named=named)
        for wanted in expected[place:]:
            self._miss(wanted)

    def _kept(self, state: State) -> Iterator[KeptNote]:
        try:
            chunks = list(
                note_chunks(
                    self._source,
                    origin=state.charter.origin,
                    log_keys=state.log_keys,
                    policies=self._policies(state),
                )
            )
        except MalformedError as error:
            self._find(Check.NOTES, error.where, error.reason)
            return
        for result in self._run(check_notes, self._source, chunks, NoteResult):
            self._findings += result.findings
            yield from result.notes

    def _check_note(self, note: KeptNote, frontier: Frontier, *, named: bool) -> Frontier:
        """Check a note's root hash; return the tree of its size, given that of the note before."""
        if not named and not note.cosigned:
            reason = "no statement names it and nobody cosigned it"
            self._find(Check.NOTE_UNUSED, _where(note), reason)
        if note.size > self._walk.size:
            size = str(self._walk.size)
            self._find(Check.NOTES, _where(note), "is of a larger log", None, size, str(note.size))
            return frontier
        if note.size < frontier.size or len(self._walk.leaves) < note.size * HASH_SIZE:
            return frontier  # out of order, or of entries that are missing: said already
        frontier = self._walk.grow(frontier, note.size)
        root = frontier.root()
        if root != note.root:
            reason = f"two histories were signed: another root hash at size {note.size}"
            found = note.root.hex()
            self._find(Check.NOTE_ROOT, _where(note), reason, None, root.hex(), found)
        elif note.dated is not None:
            self._dated.append(note.dated)
        return frontier

    def _miss(self, wanted: tuple[int, bytes, bytes, int]) -> None:
        size, note, _, index = wanted
        reason = f"no kept note of size {size} has this hash"
        self._find(Check.SEEN, "statement.seen.note", reason, index, note.hex())

    # Time

    def _policies(self, state: State) -> tuple[tuple[int, Policy], ...]:
        """Return by whose witnesses a checkpoint is dated, from which size on."""
        given = self._anchors.policy
        if given is not None:
            return ((0, given),)
        return tuple((size, charter_policy(charter)) for size, charter in state.charters)

    def _check_times(self, state: State, note: Note) -> None:
        """Compare `recorded` with the brackets that cosignatures give.

        Source: SPEC section 8.2.
        """
        walk, policies = self._walk, self._policies(state)
        if not any(policy.quorum for _, policy in policies):
            return
        dated = dated_by(policies, note, size=walk.size, digest=b"")
        held = self._dated if dated is None else [*self._dated, dated]
        named = (Committed(said.entry, said.size, said.note) for said in walk.expected)
        brackets = Brackets(covering=held, seen=self._dated, statements=named)
        signed_after, earliest_s = 0, None
        firsts = [*walk.submitted[::2], walk.size]
        for first, stop, recorded in zip(firsts, firsts[1:], walk.submitted[1::2], strict=False):
            # What is there later is covered later: the first entry has the narrowest bracket.
            bracket = brackets.of(first, first=first)
            if bracket.after_s is not None:
                signed_after += stop - first
                earliest_s = min(bracket.after_s, earliest_s or bracket.after_s)
            try:
                own = brackets.held_against(first, first=first)
                tolerance_s = state.charter_at(max(1, first)).tolerance_s
                check_recorded(own, recorded=recorded, tolerance_s=tolerance_s)
            except RuleError as error:
                self._findings.append(Finding.of(error, index=first, submission=first))
        covered = brackets.covered
        self._times = Times(
            by="charter" if self._anchors.policy is None else "policy",
            signed_after=signed_after,
            existed_by=covered,
            earliest_s=earliest_s,
            latest_s=brackets.of(covered - 1, first=0).by_s if covered else None,
        )

    def _check_policy(self, state: State) -> None:
        try:
            policy = read_small(self._source, "policy", limit=_MAX_POLICY)
        except MalformedError as error:
            if self._source.size("policy") is not None:  # else the layout says so
                self._find(Check.POLICY, error.where, error.reason)
            return
        if policy != format_charter_policy(state.charter):
            self._find(Check.POLICY, "policy", "is not the one that the charter stands for")

    # Claims and files

    def _check_claims(self) -> None:
        walk = self._walk
        handed_over = [claim for claim in walk.kept_back if claim in walk.handed_over]
        for index, name in sorted((*walk.missing, *handed_over)):
            if (index, name) not in walk.erasures.done:
                reason = f"{name} has no disclosure, and nothing accounts for it"
                self._find(Check.DISCLOSURE_MISSING, _DISCLOSURES, reason, index)
        self._findings += check_files(
            self._source,
            self._walk.files,
            lambda names: self._run(check_file, self._source, names, FileResult),
        )

    def _check_manifest(self, manifest: Manifest) -> None:
        walk, state = self._walk, self._walk.state
        if state is None or self._checkpoint is None:
            return
        enrolled = manifest.audience == "public" or state.is_enrolled(manifest.audience)
        rows = (
            ("size", manifest.size, walk.size),
            ("root", manifest.root, self._checkpoint.root.hex()),
            ("ledger.origin", manifest.ledger.origin, state.charter.origin),
            ("ledger.charter", manifest.ledger.charter, walk.fingerprint),
            ("disclosures", manifest.disclosures, walk.disclosures),
            ("left_out", manifest.left_out, walk.sealed - walk.disclosures),
            ("files", manifest.files, len({file.sha256 for file in walk.files})),
            ("audience", manifest.audience, manifest.audience if enrolled else "an enrolled party"),
        )
        for name, found, wanted in rows:
            if found != wanted:
                where = f"{MANIFEST} {name}"
                self._find(Check.MANIFEST, where, "disagrees with the export", None,
                    str(wanted), str(found))  # fmt: skip

    # What the reader holds

    def _check_anchors(self, note: Note) -> None:
        state = self._walk.state
        key = None
        if state is not None:
            key = log_vkey(state.charter.origin, state.log_key_at(self._walk.size))
        result = compare(
            self._anchors,
            log_key=key,
            note=note,
            fingerprint=self._walk.fingerprint,
            check_receipt=self._check_receipt,
            check_held=self._check_held,
        )
        self._agreed += result.agreed
        self._findings += result.findings
        self._weighed = result.weighed

    def _check_receipt(self, receipt: Receipt) -> bool:
        """Check a receipt against the export.

        Source: SPEC section 10.1.
        """
        walk, state = self._walk, self._walk.state
        if receipt.charter != walk.fingerprint or state is None:
            raise RuleError(Check.RECEIPT, "charter", "is of another ledger", receipt.charter,
                walk.fingerprint)  # fmt: skip
        promised, _ = parse_signed(proof_of(receipt).checkpoint)
        key = log_vkey(state.charter.origin, state.log_key_at(max(promised.size, 1)))
        checkpoint = check_receipt_alone(receipt, key=key)
        index = receipt.first + receipt.count - 1
        if index >= walk.size or len(walk.leaves) != walk.size * HASH_SIZE:
            reason = f"promises entry {index}; the export ends before it: it is older, or was cut"
            raise RuleError(Check.RECEIPT, "first", reason, f"at least {index + 1}", str(walk.size))
        if walk.leaf(index).hex() != receipt.leaf:
            reason = f"promises another entry {index}"
            raise RuleError(Check.RECEIPT, "leaf", reason, receipt.leaf, walk.leaf(index).hex())
        if checkpoint.size <= walk.size:
            self._check_root(checkpoint)
        return True

    def _check_held(self, data: bytes) -> bool:
        """Check a signed checkpoint that the reader holds against the export.

        Source: SPEC section 10.1.
        """
        walk, state = self._walk, self._walk.state
        if state is None:
            raise RuleError(Check.RECEIPT, "checkpoint", "cannot be compared: there is no charter")
        origin = state.charter.origin
        promised = check_held(data, origin=origin, log_key_at=state.log_key_at)
        if promised.size > walk.size or len(walk.leaves) != walk.size * HASH_SIZE:
            reason = f"is of {promised.size} entries; the export ends before: it is older, or cut"
            expected = f"at least {promised.size}"
            raise RuleError(Check.RECEIPT, "checkpoint", reason, expected, str(walk.size))
        self._check_root(promised)
        return True

    def _check_root(self, held: Checkpoint) -> None:
        root = self._walk.frontier(held.size).root()
        if root != held.root:
            reason = f"two histories were signed: another root hash at size {held.size}"
            raise RuleError(Check.RECEIPT, "proof", reason, held.root.hex(), root.hex())

    # The end

    def _report(self) -> Report:
        walk = self._walk
        verdict: Verdict = "valid" if self._agreed else "self-consistent"
        state = walk.state
        return Report(
            verdict="invalid" if self._findings else verdict,
            origin=None if state is None else state.charter.origin,
            fingerprint=walk.fingerprint,
            size=None if self._checkpoint is None else self._checkpoint.size,
            root=None if self._checkpoint is None else self._checkpoint.root.hex(),
            anchors=tuple(self._agreed),
            findings=nest(self._findings, self._findings.more),
            counts={
                "entries": len(walk.leaves) // HASH_SIZE,
                "submissions": walk.submissions,
                "kept notes": self._notes,
                "sealed claims": walk.sealed,
                "disclosures": walk.disclosures,
                "files": len({file.sha256 for file in walk.files}),
            },
            not_checked=not_checked(self._anchors.policy),
            audience=self._audience,
            left_out=walk.sealed - walk.disclosures,
            weighed=self._weighed,
            times=self._times,
            attestations=walk.of_kind(_ATTESTATION),
        )


def _where(note: KeptNote) -> str:
    return f"{NOTES_PATH}: note {note.note.hex()[:16]}"


def _index_of(line: bytes) -> int:
    """Return the index at the end of a line of `disclosures.jsonl`, LF left out; -1 for none."""
    digits = line[line.rfind(b":", -_MAX_DIGITS - 2) + 1 : -1]
    return int(digits) if len(digits) <= _MAX_DIGITS and digits.isdigit() else -1


def _shown(line: bytes) -> str:
    return line[-40:].decode("ascii", "backslashreplace")


def _first_difference(stored: bytes, wanted: bytes) -> int:
    """Return where the first hash begins that differs."""
    starts = range(0, len(wanted), HASH_SIZE)
    return next(n for n in starts if stored[n : n + HASH_SIZE] != wanted[n : n + HASH_SIZE])
