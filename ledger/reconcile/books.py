"""One ledger from all its sources, once they are seen to be of one history.

Several exports of a ledger can differ in size and in what is open; evidence shows some entries,
perhaps later ones. The largest export is read, with every claim that any source opens. Before that
each source is held against the others: what two signed checkpoints contradict is a fork, whose
proof is handed out, and then nothing of that ledger is laid beside anybody else's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ledger.disclosing import disclosures_of
from ledger.folds.moments import Moment
from ledger.folds.reading import read
from ledger.forks import SignedBy, prove_fork, prove_two_entries
from ledger.persistent import Blocks, ById
from ledger.progress import Steps, Tell
from ledger.reconcile.sources import Audited, Sources
from ledger.served import Part, inclusion_within
from ledger.tree import Tree
from ledger.view import Told, View
from ledger.viewing import ViewBuilder, read_view
from verify.brackets import Bracket, Brackets
from verify.chunk import Line, parse_line
from verify.claims import Opened
from verify.codec import Decoder, encode
from verify.events import event_id
from verify.evidence import Evidence, audit_evidence, parse_evidence
from verify.kinds import GOVERNANCE, Event, Key
from verify.notes import PATH as NOTES
from verify.notes import log_vkey
from verify.shown import Held, Shown
from verify.state import State
from verify.submission import Statement, check_disclosure, sealing_event
from verify.tiles import TILE_WIDTH, bundles_of, entries_path, parse_bundle, tile_path

__all__ = ["Book", "Fork", "open_books"]

_NOTE = Decoder(str, name=NOTES)


@dataclass(frozen=True, kw_only=True)
class Book:
    """What one ledger tells, by all its sources.

    Attributes:
        fingerprint: Leaf hash of entry 0, in hex.
        origin: The log's name.
        size: How many entries were read whole; 0 where only evidence is here.
        reach: The largest size of a checkpoint among the sources.
        told: Every event that was read, in ledger order.
        by_id: The same, by id.
        dates: The date that stands for each event, by id.
        parties: The party of each key that was in force, by the key in hex.
        compromised: The keys, in hex, that a revocation says somebody else had.
        withdrawn: The events, by id, that a standing word withdraws.
        brackets: What is proven of when each event was signed, by id, where anything is.
        notes: What a reader must know, in sentences.
        files: Where files are whose claims are open, by SHA-256.
        view: The ledger as far as it is here whole, for folds; None where it is not.
    """

    fingerprint: str
    origin: str
    size: int
    reach: int
    told: tuple[Told, ...] = field(repr=False)
    by_id: Mapping[str, Told] = field(repr=False)
    dates: Mapping[str, Moment] = field(repr=False)
    parties: Mapping[str, str]
    compromised: frozenset[str]
    withdrawn: frozenset[str]
    brackets: Mapping[str, Bracket] = field(repr=False)
    notes: tuple[str, ...]
    files: Mapping[str, Path] = field(repr=False)
    view: View | None = field(repr=False)

    @property
    def whole(self) -> bool:
        """Whether all entries are here, up to a size; otherwise what is not here says nothing."""
        return self.size > 0


class Fork(NamedTuple):
    """Two histories of one ledger, and the proof of it.

    Attributes:
        fingerprint: The ledger's.
        checkpoints: Size and root hash, in hex, of both, the smaller first.
        proof: The octets of a fork proof.
    """

    fingerprint: str
    checkpoints: tuple[tuple[int, str], ...]
    proof: bytes


def open_books(sources: Sources, tell: Tell) -> tuple[tuple[Book, ...], tuple[Fork, ...]]:
    """Make one book for each ledger, by fingerprint; or the forks of it.

    Args:
        sources: What an audit has passed.
        tell: Is told how many entries are read.

    Raises:
        VerifyError: A source was changed after its audit.
        OSError: One cannot be read.
    """
    books: list[Book] = []
    forks: list[Fork] = []
    every = sorted((*sources.exports, *sources.evidence), key=lambda one: one.fingerprint)
    for fingerprint, group in groupby(every, key=lambda one: one.fingerprint):
        mine = list(group)
        exports = [_Exported(one) for one in mine if one.folder is not None]
        shown = [_Evidenced(one) for one in mine if one.folder is None]
        found = list(_forks(fingerprint, exports, shown))
        forks += found
        if not found:
            books.append(_book(fingerprint, exports, shown, tell))
    return tuple(books), tuple(forks)


# Sources, read


class _Exported:
    """An export, as far as it is needed to hold others against it."""

    def __init__(self, source: Audited) -> None:
        if source.folder is None:
            raise AssertionError(source.name)
        self.source = source
        self.folder = source.folder
        self.size = source.size
        self.root = source.root
        self.note = (self.folder / "checkpoint").read_bytes()
        self._tree = Tree(self._tile)

    def part(self, path: str, width: int, limit: int) -> bytes:
        """Return a tile, as `ledger.served.Part`."""
        del width, limit  # the audit has seen that they are so
        return (self.folder / path).read_bytes()

    def root_at(self, size: int) -> str:
        """Return the root hash of an earlier size, in hex."""
        return self._tree.root(size).hex()

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash of an entry."""
        return self._tree.leaf(index)

    def entries(self) -> Iterator[bytes]:
        """Yield the octets of all entries."""
        for number, width in bundles_of(self.size):
            name = entries_path(number=number, width=width)
            yield from parse_bundle((self.folder / name).read_bytes(), where=name)

    def lines(self) -> Iterator[Line]:
        """Yield what is open."""
        path = self.folder / "disclosures.jsonl"
        if path.exists():
            yield from map(parse_line, path.read_bytes().removesuffix(b"\n").split(b"\n"))

    def notes(self) -> Iterator[bytes]:
        """Yield the kept notes and the checkpoint."""
        path = self.folder / NOTES
        if path.exists():
            yield from (_NOTE.decode(line).encode() for line in path.read_bytes().splitlines())
        yield self.note

    def _tile(self, level: int, number: int) -> bytes:
        width = min(TILE_WIDTH, (self.size >> (8 * level)) - TILE_WIDTH * number)
        name = tile_path(level=level, number=number, width=width)
        return (self.folder / name).read_bytes()


class _Evidenced:
    """An evidence file, read as its audit read it."""

    def __init__(self, source: Audited) -> None:
        if source.evidence is None:
            raise AssertionError(source.name)
        self.source = source
        self.size = source.size
        self.root = source.root
        self._data = source.evidence
        self.evidence: Evidence = parse_evidence(source.evidence)
        self.note = self.evidence.checkpoint.encode()
        self.shown = Shown(size=source.size)
        for number, one in enumerate(self.evidence.entries):
            data, where = bytes(one.entry), f"entries[{number}]"
            self.shown.read(data, where=where, shown=one.shown, path=one.path)
        for number, raw in enumerate(self.evidence.governance):
            self.shown.read(bytes(raw), where=f"governance[{number}]")
        if not (self.shown.check_shape() and self.shown.judge()) or self.shown.state is None:
            raise AssertionError(source.name)
        self.state: State = self.shown.state

    def proven(self) -> Iterator[tuple[int, bytes, tuple[bytes, ...]]]:
        """Yield index, leaf hash and inclusion proof of each entry that has one."""
        for held, element in zip(self.shown.entries, self.evidence.entries, strict=True):
            yield held.index, held.leaf, tuple(map(bytes.fromhex, element.proof or ()))

    def lines(self) -> Iterator[Line]:
        """Yield what is open."""
        yield from self.evidence.disclosures or ()

    def times(self) -> dict[int, Bracket]:
        """Return what the charter's own witnesses prove of when entries were signed, by index.

        Whatever a reader trusts beside them would make another result of the same sources.
        """
        times = audit_evidence(self._data).times
        return {} if times is None else dict(times.brackets)


# Whether they are of one history


def _forks(
    fingerprint: str, exports: Sequence[_Exported], shown: Sequence[_Evidenced]
) -> Iterator[Fork]:
    """Yield the forks among the sources of one ledger: exports descend in size."""
    if exports:
        for other in exports[1:]:
            if exports[0].root_at(other.size) != other.root:
                yield _fork_of_exports(fingerprint, other, exports[0])
        for one in shown:
            yield from _against_export(fingerprint, one, exports[0])
    yield from _among_evidence(fingerprint, shown)


def _fork_of_exports(fingerprint: str, smaller: _Exported, larger: _Exported) -> Fork:
    state, charter = _state_of(smaller), next(larger.entries())
    proof = prove_fork(
        _signed(smaller, state),
        _signed(larger, _state_of(larger)),
        charter=charter,
        part=larger.part,
    )
    return _fork(fingerprint, smaller, larger, proof)


def _against_export(fingerprint: str, one: _Evidenced, export: _Exported) -> Iterator[Fork]:
    signed, part = _signed(one, one.state), export.part
    charter = bytes(one.evidence.governance[0])
    if one.size <= export.size:
        if export.root_at(one.size) != one.root:
            larger = _signed(export, _state_of(export))
            proof = prove_fork(signed, larger, charter=charter, part=part)
            yield _fork(fingerprint, one, export, proof)
        return
    for index, leaf, path in one.proven():
        if index < export.size and export.leaf(index) != leaf:
            yield _other_entry(
                fingerprint,
                (export, _signed(export, _state_of(export))),
                (one, signed),
                index=index,
                leaves=(export.leaf(index), leaf),
                proofs=(_inclusion(part, index, export), path),
                charter=charter,
            )
            return


def _inclusion(part: Part, index: int, export: _Exported) -> tuple[bytes, ...]:
    root = bytes.fromhex(export.root)
    return inclusion_within(part, index=index, size=export.size, root=root)[1]


def _among_evidence(fingerprint: str, shown: Sequence[_Evidenced]) -> Iterator[Fork]:
    """Hold evidence files against each other, as far as what they show meets."""
    by_size: dict[int, _Evidenced] = {}
    by_index: dict[int, tuple[_Evidenced, bytes, tuple[bytes, ...]]] = {}
    for one in sorted(shown, key=lambda one: (one.size, one.root, one.source.key)):
        charter = bytes(one.evidence.governance[0])
        twin = by_size.setdefault(one.size, one)
        if twin.root != one.root:
            pair = _signed(twin, twin.state), _signed(one, one.state)
            proof = prove_fork(*pair, charter=charter, part=_no_tiles)
            yield _fork(fingerprint, twin, one, proof)
            continue
        for index, leaf, path in one.proven():
            other, known, way = by_index.setdefault(index, (one, leaf, path))
            if known != leaf:
                yield _other_entry(
                    fingerprint,
                    (other, _signed(other, other.state)),
                    (one, _signed(one, one.state)),
                    index=index,
                    leaves=(known, leaf),
                    proofs=(way, path),
                    charter=charter,
                )
                break


def _other_entry(
    fingerprint: str,
    one: tuple[_Exported | _Evidenced, SignedBy],
    other: tuple[_Exported | _Evidenced, SignedBy],
    *,
    index: int,
    leaves: tuple[bytes, bytes],
    proofs: tuple[tuple[bytes, ...], tuple[bytes, ...]],
    charter: bytes,
) -> Fork:
    proof = prove_two_entries(
        one[1], other[1], index=index, leaves=leaves, proofs=proofs, charter=charter
    )
    return _fork(fingerprint, one[0], other[0], proof)


def _fork(
    fingerprint: str,
    one: _Exported | _Evidenced,
    other: _Exported | _Evidenced,
    proof: bytes | None,
) -> Fork:
    if proof is None:
        raise AssertionError(fingerprint)
    heads = sorted(((one.size, one.root), (other.size, other.root)))
    return Fork(fingerprint, tuple(heads), proof)


def _signed(one: _Exported | _Evidenced, state: State) -> SignedBy:
    return SignedBy(one.note, log_vkey(state.charter.origin, state.log_key_at(one.size)))


def _state_of(export: _Exported) -> State:
    return read_view(export.entries(), lambda _: ()).state


def _no_tiles(path: str, width: int, limit: int) -> bytes:
    raise AssertionError(path, width, limit)  # trees of one size need none


# One book

_Open = Mapping[int, Mapping[str, Opened]]


def _book(
    fingerprint: str, exports: Sequence[_Exported], shown: Sequence[_Evidenced], tell: Tell
) -> Book:
    sources: list[_Exported | _Evidenced] = [*exports, *shown]
    opened = _opened(sources)
    view = _whole(exports, opened, tell) if exports else _nothing(shown[0])
    told = dict(view.by_id)
    brackets = {each.id: view.bracket(each) for each in view.told}
    for one in shown:
        times = one.times()
        for each in _told(one, opened):
            if each.id not in view.by_id:
                told[each.id] = each
                brackets[each.id] = times.get(each.index, Bracket())
    ordered = tuple(sorted(told.values(), key=lambda each: (each.index, each.opened_at or -1)))
    by_id = {each.id: each for each in ordered}
    everything = replace(view, told=Blocks(ordered), by_id=ById.of(by_id))
    reading = read(everything, as_at=dt.date.max)
    states = [view.state, *(one.state for one in shown)]
    return Book(
        fingerprint=fingerprint,
        origin=view.origin,
        size=view.size,
        reach=max(one.size for one in sources),
        told=ordered,
        by_id=by_id,
        dates=reading.dates,
        parties={
            key.key: key.party
            for state in states
            for key in state.keys.values()
            if key.since is not None
        },
        compromised=_compromised(view, shown),
        withdrawn=frozenset(reading.stances.withdrawn),
        brackets={
            each: known
            for each, known in brackets.items()
            if (known.after_s, known.by_s) != (None, None)
        },
        notes=tuple(_notes(view.size, shown)),
        files=_files(exports),
        view=view if exports else None,
    )


def _compromised(view: View, shown: Sequence[_Evidenced]) -> frozenset[str]:
    governance = (held.event for one in shown for held in one.shown.governance)
    return frozenset(
        event.key
        for event in (*(told.event for told in view.told), *governance)
        if isinstance(event, Key) and event.compromised_since is not None
    )


def _opened(sources: Iterable[_Exported | _Evidenced]) -> dict[int, dict[str, Opened]]:
    """Gather what any source opens, by index and claim name: what two open is the same."""
    opened: dict[int, dict[str, Opened]] = {}
    for one in sources:
        for line in one.lines():
            opened.setdefault(line.index, {}).update(line.claims)
    return opened


def _texts(opened: _Open, index: int, owner: Event) -> Sequence[str]:
    return disclosures_of(owner, opened.get(index, {}))


def _whole(exports: Sequence[_Exported], opened: _Open, tell: Tell) -> View:
    """Read the largest export, with what is open in any source and all that dates it."""
    builder = ViewBuilder(partial(_texts, opened))
    steps = Steps(tell("Reading entry"), exports[0].size)
    for data in exports[0].entries():
        builder.add(data)
        steps.step()
    notes = sorted({note for one in exports for note in one.notes()})
    return builder.view(dated=[each for each in map(builder.dated, notes) if each is not None])


def _nothing(one: _Evidenced) -> View:
    """Return a view of the ledger that an evidence file is of, in which nothing is told."""
    return View(
        fingerprint=one.source.fingerprint,
        origin=one.state.charter.origin,
        size=0,
        root=one.root,
        told=Blocks(),
        by_id=ById(),
        authors=(),
        charters=(),
        state=one.state,
        sealed=(),
        brackets=Brackets(covering=(), seen=(), statements=()),
    )


def _told(one: _Evidenced, opened: _Open) -> Iterator[Told]:
    """Yield the events that an evidence file shows."""
    for first, group in sorted(one.shown.submissions.items()):
        statement = group[0].entry.statement
        if statement is None:
            raise AssertionError(first)
        for held in group:
            if held.shown == "yes" and not isinstance(held.event, GOVERNANCE):
                yield from _told_at(one.state, statement, held, opened)


def _told_at(state: State, statement: Statement, held: Held, opened: _Open) -> Iterator[Told]:
    key, own = state.keys[statement.key], sealing_event(held.event)
    texts = _texts(opened, held.index, own)
    where = f"disclosures of entry {held.index}"
    claims = {
        each.name: each.value
        for each in (check_disclosure(text, event=own, where=where) for text in texts)
    }
    nested = own is not held.event
    plain = Told(
        index=held.index,
        id=event_id(bytes(held.entry.event)).hex(),
        recorded=held.entry.recorded,
        event=held.event,
        claims={} if nested else claims,
        author=held.event.author,
        key=key.key,
        key_origin=key.origin,
        seen_size=0 if statement.seen is None else statement.seen.size,
        position=held.entry.position,
        first=held.index - held.entry.position,
    )
    yield plain
    if nested:
        inner = event_id(encode(own)).hex()
        yield replace(plain, id=inner, event=own, claims=claims, opened_at=held.index)


def _notes(size: int, shown: Sequence[_Evidenced]) -> Iterator[str]:
    if not size:
        yield (
            "only evidence is here: it shows some entries of this ledger, and what it does not "
            "show may be there all the same"
        )
    later = sum(one.size > size for one in shown)
    if size and later:
        files = "an evidence file is" if later == 1 else f"{later} evidence files are"
        yield (
            f"{files} of a larger tree than the export: where they show the same entry they agree, "
            "and that one tree is how the other began is not shown"
        )


def _files(exports: Sequence[_Exported]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in exports:
        folder = one.folder / "files"
        if folder.is_dir():
            found |= {path.name: path for path in folder.iterdir()}
    return found
