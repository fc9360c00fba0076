"""Mirrors: a verified copy of a ledger that somebody else serves, which outlives its operator.

    ledger.mdb           a store as any ledger's; there is no log key
    files/               the files that open claims name
    mirror.json          whose copy it is, for whom, what the source owes, and signed checkpoints
                         that could not be compared yet (`mirrored`)
    <fingerprint>.fork   a fork proof (SPEC section 10.3), if two histories were ever seen
    <fingerprint>.checkpoint   the larger one, if the source was ever seen to be smaller

A mirror moves from one checkpoint that the log has signed to a later one. The entries between are
judged as they were when they were recorded (`replay`); claims and files that are open to whoever
mirrors are compared with what the entries seal (`owed`), and the files come to disk; then all of
it is written in one synced transaction. A crash leaves the mirror at the checkpoint before, and
files that the next attempt finds. What is here is never taken back, whatever the source shows.

Of what should be open and did not come the mirror keeps a list, and asks again; what an erasure
accounts for is not missed. It takes nothing from the entries, so it does not hold them up.

Source: SPEC sections 7, 8 and 11.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, Self

from msgspec.structs import replace

from ledger.commit import Commit, Head
from ledger.covering import check_covered
from ledger.errors import PrivateFileError, StoreError, TargetError
from ledger.files import Files
from ledger.forks import prove_fork, signed_by
from ledger.histories import ForkError, ShrunkError, doubting, settled
from ledger.kept import keep_shown
from ledger.ledger import FILES_FOLDER, Ledger
from ledger.making import making
from ledger.mirrored import Lacking, MirrorNote, load_mirror, save_mirror
from ledger.notes import check_cosigned, merge_notes
from ledger.owed import Claims, Collector, claims_of
from ledger.past import SnapshotPast, load_head
from ledger.progress import Progress
from ledger.replay import Replayed, cut, replay
from ledger.served import AlteredError, NotesAbout, Part, parse_note
from ledger.source import Source
from ledger.store import Store
from ledger.viewing import ViewBuilder
from ledger.writer import ignore
from verify.checkpoint import Checkpoint, parse_signed
from verify.contents import charter_policy
from verify.entry import parse_entry
from verify.errors import RuleError, VerifyError
from verify.events import parse_event
from verify.kinds import Event
from verify.notes import dated_by
from verify.policy import cosigners
from verify.state import State, UnknownVersionError
from verify.submission import sealing_event

__all__ = ["Mirror"]

_STEP: Final = 1024  # entries that are copied at once, if a checkpoint was published so near
_LARGEST_STEP: Final = 1 << 14  # more than one commit of a ledger can hold
_SIZES: Final = 64  # the latest, for which further cosignatures may have come
_RETRIED: Final = 256  # claims that are asked for again at a time
_MAX_LACKING: Final = 100_000


class Mirror:
    """A mirror that is open, and the way to its source. For one thread of one process.

    Attributes:
        ledger: The copy, to be read.
    """

    def __init__(
        self,
        path: Path,
        source: Source,
        *,
        note: MirrorNote,
        store: Store,
        progress: Progress,
        coming: Callable[[int], None],
    ) -> None:
        """Take over an open store. Use `open`."""
        with store.read() as snapshot:
            self._head = load_head(snapshot, path=path)
        self.ledger = Ledger(
            path, store=store, head=self._head, clock=None, signers={}, observer=ignore
        )
        self._path = path
        self._source = source
        self._note = note
        self._store = store
        self._progress = progress
        files = Files(path / FILES_FOLDER)
        files.clean()
        self._collector = Collector(source, files, coming=coming)
        self._shown = b""
        self._noted = self._first_noted()
        self._erasing: ViewBuilder | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        source: Source,
        *,
        note: MirrorNote,
        progress: Progress,
        coming: Callable[[int], None],
    ) -> Self:
        """Open the mirror in the folder `path`; make it, with its first entries, if need be.

        Args:
            path: The folder.
            source: The way to what it is a mirror of.
            note: What it is to be a mirror of, and for whom.
            progress: Told how many of how many entries are copied.
            coming: Told, now and then, how many octets of files have come.

        Raises:
            StoreError: Something else is there, or a mirror of another ledger or for others.
            BusyError: Another process works on it.
            FullError: There is no room.
            LedgerError: As `look`.
        """
        if not path.exists():
            with making(path) as beside:
                save_mirror(beside, note)
                (beside / FILES_FOLDER).mkdir(mode=0o700)
                store = Store(beside, create=True)
                with cls(
                    beside, source, note=note, store=store, progress=progress, coming=coming
                ) as first:
                    first.begin()
        kept = load_mirror(path)
        if kept is None:
            raise StoreError(path, "is there already, and is no mirror")
        if kept.charter != note.charter:
            raise StoreError(path, f"is a mirror of another ledger: {kept.charter}")
        if kept.audience != note.audience:
            raise StoreError(path, f"is a mirror of what {kept.audience} may see")
        store = Store(path)
        try:
            if kept.source != note.source:
                kept = replace(kept, source=note.source)
                save_mirror(path, kept)
            return cls(path, source, note=kept, store=store, progress=progress, coming=coming)
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.ledger.close()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._head.size

    @property
    def lacking(self) -> tuple[Lacking, ...]:
        """What the source should show, and did not: (index, claim name)."""
        owed = self._note.lacking or ()
        if not owed:
            return ()
        erased = self._erased()
        # What was put down for entries that never came is nothing yet.
        return tuple(sorted(one for one in owed if one[0] < self.size and one not in erased))

    def begin(self) -> None:
        """Copy the first entries.

        Raises:
            LedgerError: As `look`.
        """
        shown = self._source.checkpoint()
        self._advance(shown, parse_note(shown)[0].size, steps=1)

    def look(self) -> None:
        """Bring the mirror to where its source stands.

        What was copied before anything fails stays.

        Raises:
            ForkError: The log key signed two histories.
            ShrunkError: The source shows less than is here.
            AlteredError: What it shows does not hold.
            TargetError: It does not show what is asked for.
            FullError: There is no room.
            StoreError: The mirror cannot be written.
        """
        before = self.size
        shown = self._source.checkpoint()
        checkpoint, _ = parse_note(shown)
        try:
            if checkpoint.size > before:
                self._advance(shown, checkpoint.size)
            else:
                self._compare(shown, checkpoint)
        except (ForkError, ShrunkError):
            raise
        except TargetError:
            self._doubt(shown)
            raise
        self._settle_doubts()
        self._look_at_notes(shown, before)
        self._ask_again()

    # Entries

    def _advance(self, shown: bytes, size: int, *, steps: int | None = None) -> None:
        """Copy the entries up to a checkpoint, step by step."""
        try:
            entries = self._source.entries(self.size, size)
            notes = self._source.notes_about(self.size, size)
            while self.size < size and steps != 0:
                self._progress(self.size, size)
                note = self._next(shown, size)
                try:
                    self._step(note, entries, notes)
                except (TargetError, VerifyError):
                    self._doubt(note)
                    raise
                steps = None if steps is None else steps - 1
        except UnknownVersionError:
            raise
        except AlteredError as error:
            raise self._fork(shown) or error from None
        except VerifyError as error:
            check = error.check.value if isinstance(error, RuleError) else None
            reason = f"what the source serves does not hold: {error}"
            raise self._fork(shown) or AlteredError(reason, check=check) from None
        self._progress(self.size, size)

    def _next(self, shown: bytes, size: int) -> bytes:
        """Return the checkpoint of the next step: one behind which not too many entries stand."""
        step = _STEP
        while step <= _LARGEST_STEP:
            if self.size + step >= size:
                return shown
            note = self._source.checkpoint_before(self.size + step)
            if parse_note(note)[0].size > self.size:
                return note
            step *= 2
        sizes = f"{self.size + 1} to {self.size + _LARGEST_STEP}"
        raise AlteredError(f"the source publishes no checkpoint of {sizes} entries")

    def _step(self, note: bytes, entries: Iterator[bytes], notes: NotesAbout) -> None:
        stop = parse_note(note)[0].size
        given = cut(list(islice(entries, stop - self.size)), first=self.size)
        named, kept = _about(given, notes)
        with self._store.read() as snapshot:
            commit = replay(
                self._head,
                given,
                checkpoint=note,
                fingerprint=self._note.charter,
                notes=named,
                history=SnapshotPast(snapshot),
                path=self._path,
            )
        recorded = {each.first + len(each.entries) - 1: each.recorded for each in given}
        state = _state_of(commit.head)

        def recorded_at(index: int) -> int:
            # Asked of the last entries of submissions only.
            return recorded[index] if index in recorded else self.ledger.recorded_at(index)

        for size, one in (*kept, (stop, note)):
            if _is_sound(one, state, size):
                _check_times(one, state, size, recorded_at)
        self._write(commit, self._claims(commit, given))
        self._keep_notes(one for _, one in kept)

    def _write(self, commit: Commit, wanted: dict[int, Claims]) -> None:
        """Fetch what belongs to a commit, and write all of it."""
        found = self._collector.collect(wanted)
        if found.lacking:
            self._owe((*(self._note.lacking or ()), *found.lacking))
        commit = commit.with_disclosures(found.disclosures)
        if not self._store.append(commit.expected_size, commit):
            raise StoreError(self._path, "has another size: somebody else wrote")
        self._head = commit.head

    def _claims(self, commit: Commit, given: Sequence[Replayed]) -> dict[int, Claims]:
        """Return which claims are open with the entries of a commit."""
        events = {
            each.first + position: one.event
            for each in given
            for position, one in enumerate(each.submission.events)
        }
        places = {
            known.id.hex(): placed.first + known.position
            for placed in commit.submissions
            for known in placed.known
        }

        def find(event_id: str) -> tuple[int, Event]:
            index = places.get(event_id)
            if index is not None:
                return index, sealing_event(events[index])
            index = self.ledger.index_of(bytes.fromhex(event_id))
            if index is None:
                raise AssertionError("the rules have resolved every reference")
            return index, self._owner(index)

        return claims_of(events.items(), audience=self._note.audience, find=find)

    def _owner(self, index: int) -> Event:
        """Return the event whose claims stand at an entry that is here."""
        return sealing_event(parse_event(parse_entry(self.ledger.entry(index)).event))

    # Checkpoints

    def _compare(self, shown: bytes, checkpoint: Checkpoint) -> None:
        """Compare a checkpoint that is no larger than what is here with it."""
        state = _state_of(self._head)
        try:
            key = signed_by(shown, state=state).key
        except VerifyError as error:
            raise AlteredError(f"the checkpoint does not hold: {error}") from None
        if self.ledger.root_at(checkpoint.size) != checkpoint.root:
            raise self._fork(shown) or AlteredError("the checkpoint is of another tree")
        if checkpoint.size < self.size:
            raise ShrunkError(
                size=checkpoint.size,
                before=self.size,
                seen=self.ledger.checkpoint(),
                shown=shown,
                path=self._keep("checkpoint", self.ledger.checkpoint()),
            )
        if key.public.hex() != state.log_key_at(self.size):
            raise AlteredError("the checkpoint is signed by a log key that has ended")

    def _doubt(self, shown: bytes) -> None:
        """Remember a checkpoint that could not be compared, if the log key signed it."""
        # Why it could not be compared is told also where there is no room for it.
        with contextlib.suppress(AlteredError, VerifyError, PrivateFileError):
            self._remember(doubting(self._doubted(), shown, state=_state_of(self._head)))

    def _settle_doubts(self) -> None:
        """Compare what could not be compared before, as far as the mirror reaches now.

        Raises:
            ForkError: One is of another history.
        """
        left, fork = settled(self._doubted(), size=self.size, find_fork=self._fork)
        with contextlib.suppress(PrivateFileError):  # then all are compared again
            self._remember(left)
        if fork is not None:
            raise fork

    def _doubted(self) -> tuple[bytes, ...]:
        return tuple(note.encode() for note in self._note.doubted or ())

    def _remember(self, doubted: Sequence[bytes]) -> None:
        notes = tuple(note.decode() for note in doubted)
        self._save(replace(self._note, doubted=notes or None))

    def _fork(self, shown: bytes) -> ForkError | None:
        """Return the fork, its proof kept, if a signed checkpoint and the mirror's are one."""
        if not self.size:
            return None
        state, seen = _state_of(self._head), self.ledger.checkpoint()
        sizes = sorted(parse_note(each)[0].size for each in (seen, shown))
        part: Part = self._source.part if sizes[-1] > self.size else self._own_part
        try:
            one, other = (signed_by(each, state=state) for each in (seen, shown))
            proof = prove_fork(one, other, charter=self.ledger.entry(0), part=part)
        except (TargetError, VerifyError):
            return None  # without tiles, and a signature, nothing is proven
        if proof is None:
            return None
        return ForkError(size=sizes[0], seen=seen, shown=shown, path=self._keep("fork", proof))

    def _keep(self, kind: str, data: bytes) -> Path | None:
        """Keep what shows that the source goes back on its word; return where: `keep_shown`."""
        return keep_shown(self._path / f"{self._note.charter}.{kind}", data)

    def _own_part(self, path: str, width: int, limit: int) -> bytes:
        del width, limit
        return self.ledger.tile(path)

    def _look_at_notes(self, shown: bytes, before: int) -> None:
        """Keep what cosignatures have come to checkpoints of late."""
        if shown == self._shown:
            return
        about = self._source.notes_about(self._noted - 1, self.size)
        sizes = range(self._noted, self.size + 1)
        try:
            self._keep_notes([*(note for size in sizes for note in about.of_size(size)), shown])
        except VerifyError as error:
            check = error.check.value if isinstance(error, RuleError) else None
            reason = f"a kept checkpoint does not hold: {error}"
            raise AlteredError(reason, check=check) from None
        self._shown, self._noted = shown, max(before, 1)

    def _keep_notes(self, notes: Iterable[bytes]) -> None:
        """Keep those notes that others have cosigned.

        Raises:
            VerifyError: One is no checkpoint of this log's tree, or of another time than it says.
            ForkError: The log key signed another tree.
        """
        state = _state_of(self._head)
        keep: list[tuple[int, bytes]] = []
        for note in notes:
            size = parse_signed(note)[0].size
            if size > self.size or not _is_sound(note, state, size):
                continue
            with self._store.read() as snapshot:
                if snapshot.note(size, hashlib.sha256(note).digest()) is not None:
                    continue
            try:
                check_cosigned(note, state=state, root_at=self.ledger.root_at)
            except RuleError as error:
                raise self._fork(note) or error from None
            _check_times(note, state, size, self.ledger.recorded_at)
            keep.append((size, note))
        if keep:
            self._store.keep_notes(keep, merge=partial(merge_notes, state=state))

    def _first_noted(self) -> int:
        """Return from which size on further cosignatures may have come since."""
        latest = list(islice(self.ledger.latest_notes(), _SIZES))
        return parse_signed(latest[-1])[0].size if len(latest) == _SIZES else 1

    # What is owed

    def _ask_again(self) -> None:
        """Ask for what the source did not show before."""
        lacking = self.lacking
        if not lacking:
            if self._note.lacking:
                self._owe(())
            return
        # In turn: what does not come now comes behind the others the next time.
        known = set(lacking)
        owed = [claim for claim in self._note.lacking or () if claim in known]
        asked, rest = owed[:_RETRIED], owed[_RETRIED:]
        wanted: dict[int, Claims] = {}
        for index, name in asked:
            wanted.setdefault(index, Claims(self._owner(index), set())).names.add(name)
        try:
            found = self._collector.collect(wanted)
        except VerifyError as error:
            raise AlteredError(f"what the source serves does not hold: {error}") from None
        if found.disclosures:
            self._store.disclose(found.disclosures)
        self._owe((*rest, *found.lacking))

    def _owe(self, lacking: Sequence[Lacking]) -> None:
        """Put down what the source owes. Whatever is down before it came is asked for again."""
        if len(lacking) > _MAX_LACKING:
            raise AlteredError(f"the source shows fewer claims than it has: {len(lacking):,} lack")
        self._save(replace(self._note, lacking=tuple(dict.fromkeys(lacking)) or None))

    def _save(self, note: MirrorNote) -> None:
        if note != self._note:
            save_mirror(self._path, note)
            self._note = note

    def _erased(self) -> frozenset[tuple[int, str]]:
        """Return the claims of which an erasure is in effect here."""
        if self._erasing is None:
            self._erasing = ViewBuilder(lambda _index, _event: ())
        for data in self.ledger.entries(self._erasing.size):
            self._erasing.add(data)
        return frozenset(self._erasing.erased)


def _state_of(head: Head) -> State:
    if head.state is None:
        raise AlteredError("the source has no entry 0")
    return head.state


def _about(
    given: Iterable[Replayed], notes: NotesAbout
) -> tuple[dict[str, bytes], list[tuple[int, bytes]]]:
    """Return the notes that submissions name, by hash, and those of the sizes that end with one."""
    named: dict[str, bytes] = {}
    kept: list[tuple[int, bytes]] = []
    for each in given:
        seen = each.submission.statement.seen
        note = None if seen is None else notes.named(each.first, seen.note)
        if seen is not None and note is not None:
            named[seen.note] = note
        size = each.first + len(each.entries)
        kept += [(size, one) for one in notes.of_size(size)]
    return named, kept


def _check_times(note: bytes, state: State, size: int, recorded_at: Callable[[int], int]) -> None:
    """Check that what a checkpoint covers was not recorded after it was cosigned."""
    policies = [(start, charter_policy(charter)) for start, charter in state.charters]
    dated = dated_by(policies, parse_signed(note)[1], size=size, digest=b"")
    if dated is not None:
        check_covered([dated], state=state, size=size, recorded_at=recorded_at)


def _is_sound(note: bytes, state: State, size: int) -> bool:
    """Tell whether others than the log have signed a note, and the charter's witnesses rightly.

    Kept, a line that is not theirs would stand where theirs belongs.
    """
    parsed = parse_signed(note)[1]
    if len(parsed.signatures) == 1:
        return False
    with contextlib.suppress(VerifyError):
        cosigners(charter_policy(state.charter_at(size)), note=parsed)
        return True
    return False
