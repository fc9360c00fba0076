"""Reading a ledger: how a view is made of octets of entries and of disclosures.

A `ViewBuilder` takes entries as they come, and gives the view of any size up to there.

Source: SPEC sections 5, 7, 9, 11.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from ledger.audience import closed_to
from ledger.disclosing import disclosures_of
from ledger.persistent import Blocks, ById
from ledger.progress import Steps
from ledger.view import CharterInForce, Claims, Told, View
from verify.brackets import Brackets, Committed, Cosigned
from verify.checkpoint import parse_signed
from verify.chunk import Line, parse_line
from verify.codec import Decoder, encode
from verify.contents import charter_policy
from verify.entry import Entry, parse_entry
from verify.erasures import Erasures
from verify.errors import MalformedError
from verify.events import event_id, parse_event
from verify.kinds import GOVERNANCE, Erasure, Event, Hold, Key, Opening, Sealed
from verify.merkle import Frontier, leaf_hash
from verify.notes import dated_by
from verify.policy import Policy
from verify.state import PartyKey, State, found
from verify.submission import check_disclosure, sealing_event
from verify.tiles import bundles_of, entries_path, parse_bundle

__all__ = ["ViewBuilder", "read_view", "view_of_export"]

_Act = Callable[["State | None"], State]
_NOTE = Decoder(str, name="checkpoints")


def read_view(
    entries: Iterable[bytes],
    disclosures: Callable[[int], Sequence[str]],
    *,
    notes: Iterable[bytes] = (),
    at_size: int | None = None,
    steps: Steps | None = None,
) -> View:
    """Read a ledger, from entry 0 on, that an audit has passed.

    Args:
        entries: The octets of each entry, in order.
        disclosures: Gives the disclosures held for the entry with this index.
        notes: The kept notes and the checkpoint, to know when entries were signed. Those of more
            entries than are read count for nothing.
        at_size: Read only the first `at_size` entries; None for all.
        steps: Counts the entries that are read.

    Raises:
        MalformedError: There is no entry, or fewer than `at_size`.
        RuleError: An entry, a key or a disclosure is not what an audit lets through.
    """
    return _read(entries, lambda index, _owner: disclosures(index), notes, at_size, steps)


def _read(
    entries: Iterable[bytes],
    disclosures: Callable[[int, Event], Sequence[str]],
    notes: Iterable[bytes],
    at_size: int | None,
    steps: Steps | None,
) -> View:
    builder = ViewBuilder(disclosures)
    for data in islice(entries, at_size):
        builder.add(data)
        if steps is not None:
            steps.step()
    if at_size is not None and builder.size != at_size:
        raise MalformedError("ledger", f"has {builder.size} entries, not {at_size}")
    return builder.view(dated=[each for each in map(builder.dated, notes) if each is not None])


def view_of_export(path: Path, *, at_size: int | None = None, steps: Steps | None = None) -> View:
    """Read an export folder that an audit has passed.

    Args:
        path: The folder.
        at_size: Read only the first `at_size` entries; None for all.
        steps: Counts the entries that are read.

    Raises:
        MalformedError: A bundle, the checkpoint or `disclosures.jsonl` cannot be read.
        OSError: A file is missing.
        RuleError: As `read_view`.

    Source: SPEC section 11.
    """
    checkpoint = (path / "checkpoint").read_bytes()
    size = parse_signed(checkpoint)[0].size
    notes = chain(_read_notes(path / "checkpoints"), [checkpoint])
    held = _read_lines(path / "disclosures.jsonl")

    def disclosures(index: int, owner: Event) -> Sequence[str]:
        return disclosures_of(owner, held[index].claims) if index in held else ()

    return _read(_bundled(path, size), disclosures, notes, at_size, steps)


def _read_notes(path: Path) -> Iterator[bytes]:
    if path.exists():
        yield from (_NOTE.decode(line).encode() for line in path.read_bytes().split(b"\n")[:-1])


def _read_lines(path: Path) -> dict[int, Line]:
    if not path.exists():
        return {}
    lines = map(parse_line, path.read_bytes().removesuffix(b"\n").split(b"\n"))
    return {line.index: line for line in lines}


def _bundled(path: Path, size: int) -> Iterator[bytes]:
    for number, width in bundles_of(size):
        name = entries_path(number=number, width=width)
        yield from parse_bundle((path / name).read_bytes(), where=name)


@dataclass(frozen=True, slots=True)
class _Signed:
    """The submission that entries belong to."""

    first: int
    key: PartyKey
    seen_size: int


class ViewBuilder:
    """Folds entries, one after the other, and gives views of what was folded so far.

    Each entry is read once, and its disclosures once more when some of them are handed over. Not
    for several threads at a time; of no use any more once `add` has raised.
    """

    def __init__(self, disclosures: Callable[[int, Event], Sequence[str]]) -> None:
        """Begin before entry 0.

        Args:
            disclosures: Gives the disclosures held for the entry with this index, whose claims
                are those of this event.
        """
        self._disclosures = disclosures
        self._tree = Frontier()
        self._signed: _Signed | None = None
        self._named: list[Committed] = []
        self._policies: list[tuple[int, Policy]] = []
        self._state: State | None = None
        # What made the state what it is, and with which entry: a state for each act would take
        # the square of their number of memory, since each has all keys that there ever were.
        self._acts: list[tuple[int, _Act]] = []
        self._charters: list[CharterInForce] = []
        self._told: dict[str, Told] = {}
        self._ids: list[str] = []
        self._starts: list[int] = []  # of each entry: how many ids came before it
        self._handed: dict[str, dict[str, int]] = {}
        self._opened: dict[str, int] = {}
        self._signed_by: dict[str, list[str]] = {}  # the ids of what each key signed
        self._revoked: dict[str, tuple[int, int]] = {}  # a key: since when, and by which entry
        self._reopened: set[str] = set()  # the ids of events of which claims were handed over
        self._erasures = Erasures()
        self._erased: set[tuple[int, str]] = set()
        # What was told before and is told otherwise: since which entry, and the event's id.
        self._changed: list[tuple[int, str]] = []

    @property
    def size(self) -> int:
        """How many entries were folded."""
        return self._tree.size

    @property
    def erased(self) -> AbstractSet[tuple[int, str]]:
        """The claims of which an erasure is in effect, as (index of the entry, claim name)."""
        return self._erased

    @property
    def named(self) -> Sequence[Committed]:
        """Which notes the statements that were folded name, in their order."""
        return self._named

    def dated(self, data: bytes) -> Cosigned | None:
        """Return when the witnesses of the charter in force then cosigned a note of this log.

        Args:
            data: The note. Whose tree it is of is not checked.

        Returns:
            None where nothing on it counts, or it is of more entries than were folded.
        """
        charters = () if self._state is None else self._state.charters
        for start, charter in charters[len(self._policies) :]:
            self._policies.append((start, charter_policy(charter)))
        if not any(policy.quorum for _, policy in self._policies):
            return None
        checkpoint, note = parse_signed(data)
        if not 0 < checkpoint.size <= self.size:
            return None
        digest = hashlib.sha256(data).digest()
        return dated_by(self._policies, note, size=checkpoint.size, digest=digest)

    def add(self, data: bytes) -> None:
        """Fold the next entry.

        Raises:
            RuleError: An entry, a key or a disclosure is not what an audit lets through.
            MalformedError: Entry 0 has no statement.
        """
        entry = parse_entry(data, where=f"entry {self.size}")
        octets = bytes(entry.event)
        event = parse_event(octets)
        self._tree.append(leaf_hash(data))
        self._starts.append(len(self._ids))
        own_id = event_id(octets).hex()
        if entry.statement is not None:
            self._begin(entry, event, own_id)
        self._govern(entry, event, own_id)
        self._erasures.reach(entry.recorded)
        self._keep(entry, event, own_id)
        self._erase()

    def view(
        self,
        *,
        audience: str | None = None,
        at: tuple[int, str] | None = None,
        dated: Sequence[Cosigned] = (),
        before: View | None = None,
    ) -> View:
        """Return what is told, for an audience.

        Args:
            audience: A party or "public": claims that are limited to others are not open. None
                for whoever holds all that is held.
            at: The size of which the view is, at most the builder's, and the root hash of that
                size, in hex; None for all.
            dated: When the notes of this log's tree were cosigned: see `dated`.
            before: A view that this builder gave for the same audience, of all there was then.
                What it tells is not looked at again, but for what changed since. Only with `at`
                None.

        Raises:
            MalformedError: There is no entry.
        """
        size, root = at or (self.size, self._tree.root().hex())
        if not 0 < size <= self.size:
            raise MalformedError("ledger", "has no entry" if not size else f"is below size {size}")
        self._reopen()
        notes = [each for each in dated if each.size <= size]
        said = self._named[: bisect_left(self._named, size, key=lambda each: each.first)]
        state = self._state_at(size)
        start, earlier = (0, ()) if before is None else (before.size, before.sealed)
        new = [self._shown(each, size, audience) for each in self._between(start, size)]
        told = Blocks[Told]() if before is None else before.told
        by_id = (ById[Told]() if before is None else before.by_id).draft()
        by_id.update((each.id, each) for each in new)
        changed = {} if before is None else self._changed_of(before, audience)
        by_id.update((each.id, each) for each in changed.values())
        authors = {each.author for each in new if not isinstance(each.event, GOVERNANCE)}
        return View(
            fingerprint=state.fingerprint,
            origin=state.charter.origin,
            size=size,
            root=root,
            told=told.changed(changed, new),
            by_id=by_id.done(),
            authors=tuple(sorted(authors.union(() if before is None else before.authors))),
            charters=tuple(c for c in self._charters if self._amended(c) < size),
            state=state,
            sealed=tuple(
                by_id[each.id]
                for each in (*earlier, *new)
                if isinstance(each.event, Sealed) and self._opened.get(each.id, size) >= size
            ),
            brackets=Brackets(covering=notes, seen=notes, statements=said),
        )

    def _changed_of(self, before: View, audience: str | None) -> dict[int, Told]:
        """Return, of what a view told, what is told otherwise by now, by its place."""
        found: dict[int, Told] = {}
        for _, changed in self._changed[bisect_left(self._changed, (before.size, "")) :]:
            told = self._told[changed]
            if told.index < before.size:
                place = self._ids.index(changed, self._starts[told.index])
                found[place] = self._shown(told, self.size, audience)
        return found

    def told(self, start: int, stop: int, *, audience: str) -> Iterator[Told]:
        """Yield what took effect with the entries from `start` to before `stop`, as `view` has it.

        It costs what these entries cost, however large the ledger is.
        """
        self._reopen()
        for each in self._between(start, stop):
            yield self._shown(each, self.size, audience)

    def by_id(self, audience: str) -> Mapping[str, Told]:
        """Return what `View.by_id` has, made as it is asked for, as long as nothing is added."""
        self._reopen()
        return _Shown(self._told, lambda told: self._shown(told, self.size, audience))

    def _between(self, start: int, stop: int) -> Iterator[Told]:
        low = self._starts[start] if start < self.size else len(self._ids)
        high = self._starts[stop] if stop < self.size else len(self._ids)
        return (self._told[event_id] for event_id in self._ids[low:high])

    def _begin(self, entry: Entry, event: Event, own_id: str) -> None:
        statement = entry.statement
        if statement is None:
            raise AssertionError(entry.index)
        index, recorded = entry.index, entry.recorded
        if self._state is None:
            root = self._tree.root().hex()  # of one entry: its leaf hash
            first = found(event, charter_id=own_id, fingerprint=root, statement=statement)
            self._turn(index, lambda _: first)
        else:
            self._turn(index, lambda state: _known(state).settle(index=index, recorded=recorded))
        key = _known(self._state).active_key(statement)
        seen = statement.seen
        self._signed = _Signed(entry.index, key, 0 if seen is None else seen.size)
        if seen is not None:
            self._named.append(Committed(entry.index, seen.size, bytes.fromhex(seen.note)))

    def _govern(self, entry: Entry, event: Event, own_id: str) -> None:
        signed = self._signed
        if signed is None:
            raise MalformedError("entry 0", "has no statement")
        index, recorded = entry.index, entry.recorded
        if index > 0 and isinstance(event, GOVERNANCE):

            def govern(state: State | None) -> State:
                return _known(state).govern(event, event_id=own_id, index=index, recorded=recorded)

            self._turn(index, govern)
        charter = _known(self._state).charter
        if not self._charters or self._charters[-1].charter != charter:
            since = index + 1 if self._charters else 0
            self._charters.append(CharterInForce(since=since, charter=charter))
        if isinstance(event, Key) and event.verb == "revoke":
            since = _compromised(event, signed.seen_size)
            self._revoked[event.key] = since, index
            for each in self._signed_by.get(event.key, ()):
                if self._told[each].index >= since:
                    self._changed.append((index, each))

    def _turn(self, index: int, act: _Act) -> None:
        """Let something make another state of the one there is, or the first."""
        state = act(self._state)
        if state is not self._state:
            self._state = state
            self._acts.append((index, act))

    def _state_at(self, size: int) -> State:
        """Return the state after so many entries: before the last act, made once more."""
        if self._acts[-1][0] < size:
            return _known(self._state)
        state: State | None = None
        for index, act in self._acts:
            if index >= size:
                break
            state = act(state)
        return _known(state)

    def _amended(self, charter: CharterInForce) -> int:
        """Return the index of the entry with which a charter came to be in force."""
        return max(charter.since - 1, 0)

    def _keep(self, entry: Entry, event: Event, own_id: str) -> None:
        nested = isinstance(event, Opening) and event.event is not None
        own = sealing_event(event)
        claims = self._open(entry.index, own)
        self._put(self._tell(entry, event, own_id, claims={} if nested else claims))
        if not isinstance(event, Opening):
            self._take_note(own, own_id, entry)
            return
        if event.event is None:
            self._hand_over(event, entry.index)
            return
        self._opened[event.of] = entry.index
        # The octets are canonical, so what encoding gives back is what was nested.
        nested_id = event_id(encode(own)).hex()
        told = self._tell(entry, own, nested_id, claims=claims)
        sealed_at = self._told[event.of].index
        self._put(replace(told, opened_at=entry.index, sealed_at=sealed_at))
        self._take_note(own, nested_id, entry)

    def _hand_over(self, event: Opening, index: int) -> None:
        names = self._handed.setdefault(event.of, {})
        for name in event.names or ():
            names.setdefault(name, index)
        # What was read with the event was, perhaps, not all that there is now.
        self._reopened.add(event.of)
        self._changed.append((index, event.of))

    def _reopen(self) -> None:
        """Read again the disclosures of events of which claims were handed over.

        Once for all that came since somebody looked: an event can have many, and be handed over
        claim by claim.
        """
        for each in self._reopened:
            told = self._told[each]
            self._told[each] = replace(told, claims=self._open(told.index, told.event))
        self._reopened.clear()

    def _take_note(self, event: Event, own_id: str, entry: Entry) -> None:
        """Take note of an erasure, and of what stands in its way."""
        match event:
            case Hold():
                self._erasures.hold(event, event_id=own_id)
            case Erasure():
                self._erasures.announce(
                    event,
                    target=self._told[event.of].index,
                    recorded=entry.recorded,
                    notice_days=_known(self._state).charter.notice_days,
                )

    def _erase(self) -> None:
        """Forget the claims of which an erasure has taken effect."""
        new = self._erasures.done - self._erased
        self._erasures.done.clear()
        self._erased |= new
        for index in {index for index, _ in new}:
            for told in list(self._between(index, index + 1)):
                claims = self._without_erased(index, told.claims)
                sealed = told.event.sealed or ()
                gone = tuple(sorted(name for name in sealed if (index, name) in self._erased))
                self._told[told.id] = replace(told, claims=claims, erased=gone)
                self._changed.append((self.size - 1, told.id))

    def _without_erased(self, index: int, claims: Claims) -> Claims:
        return {name: v for name, v in claims.items() if (index, name) not in self._erased}

    def _put(self, told: Told) -> None:
        self._told[told.id] = told
        self._ids.append(told.id)
        self._signed_by.setdefault(told.key, []).append(told.id)

    def _tell(self, entry: Entry, event: Event, own_id: str, *, claims: Claims) -> Told:
        signed = self._signed
        if signed is None:
            raise AssertionError(entry.index)
        return Told(
            index=entry.index,
            id=own_id,
            recorded=entry.recorded,
            event=event,
            claims=claims,
            author=event.author,
            key=signed.key.key,
            key_origin=signed.key.origin,
            seen_size=signed.seen_size,
            position=entry.position,
            first=signed.first,
        )

    def _open(self, index: int, owner: Event) -> Claims:
        where = f"disclosures of entry {index}"
        texts = self._disclosures(index, owner)
        opened = (check_disclosure(text, event=owner, where=where) for text in texts)
        return self._without_erased(index, {each.name: each.value for each in opened})

    def _shown(self, told: Told, size: int, audience: str | None) -> Told:
        """Hide what is not for the audience or not handed over yet, and mark the disowned."""
        hidden = set() if audience is None else set(closed_to(audience, told.event))
        if told.event.withheld:
            handed = self._handed.get(told.id, {})
            hidden.update(n for n in told.event.withheld if handed.get(n, size) >= size)
        since, end = self._revoked.get(told.key, (0, 0))
        disowned = since <= told.index < end < size
        if not disowned and hidden.isdisjoint(told.claims):
            return told
        claims = {name: value for name, value in told.claims.items() if name not in hidden}
        return replace(told, claims=claims, disowned=disowned)


def _known(state: State | None) -> State:
    if state is None:
        raise AssertionError
    return state


class _Shown(Mapping[str, Told]):
    """Events by id, each as `show` shows it when it is asked for."""

    def __init__(self, told: Mapping[str, Told], show: Callable[[Told], Told]) -> None:
        self._told = told
        self._show = show

    def __getitem__(self, event_id: str) -> Told:
        return self._show(self._told[event_id])

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)


def _compromised(event: Key, seen_size: int) -> int:
    """Return the index from which on what the revoked key signed is disowned."""
    bounds = (event.compromised_since, seen_size or None)
    # With neither, the revocation says nothing against what was signed before it.
    return min((bound for bound in bounds if bound is not None), default=2**53)
