"""The folds' input: what a ledger of a given size tells, read once.

A `View` is made from the octets of entries and of disclosures, so that it is the same for a store
and for an export. It folds governance with the kernel's own rules, to know whose key signed what
and how that key came; it does not check signatures, hashes or proofs. Run an audit before.

An event that was sealed and then opened takes effect at its opening. A claim that an event
withheld is shown from the entry on that hands it over, so that what a view of size n says never
changes.

Source: SPEC sections 5, 7, 9, 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from verify.checkpoint import parse_signed
from verify.chunk import Line, parse_line
from verify.claims import File, format_disclosure
from verify.codec import encode
from verify.entry import Entry, parse_entry
from verify.errors import MalformedError
from verify.events import (
    GOVERNANCE,
    Charter,
    Event,
    Key,
    Opening,
    Sealed,
    event_id,
    kind_of,
    parse_event,
)
from verify.merkle import Frontier, leaf_hash
from verify.state import PartyKey, State, found
from verify.submission import check_disclosure, sealing_event
from verify.tiles import bundles_of, entries_path, parse_bundle

__all__ = ["CharterInForce", "Claims", "KeyOrigin", "Told", "View", "read_view", "view_of_export"]

KeyOrigin = Literal["founding", "own", "vouched", "recovered"]
Claims = Mapping[str, str | File]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event, who told it, and what of it is open.

    Attributes:
        index: Index of the entry from which it has effect: its own, or that of its opening.
        id: Its id, in hex.
        recorded: When that entry was recorded, in milliseconds, by the operator's clock.
        event: What it says.
        claims: The claims that are open here, by name.
        author: The party that signed it.
        key: The key that signed it, in hex.
        key_origin: How that key came to its party.
        key_post: The post that the key belongs to, if one was named.
        seen_size: How many entries the author held when it signed; 0 if it names none.
        position: Its place in its submission.
        first: Index of its submission's first entry.
        opened_at: Index of the opening that it came nested in; None if it came plain.
        sealed_at: Index of the entry that sealed it before; None if it came plain.
        disowned: Whether it falls in the range of a revocation that says the key was compromised.
    """

    index: int
    id: str
    recorded: int
    event: Event
    claims: Claims
    author: str
    key: str
    key_origin: KeyOrigin
    key_post: str | None
    seen_size: int
    position: int
    first: int
    opened_at: int | None = None
    sealed_at: int | None = None
    disowned: bool = False

    @property
    def kind(self) -> str:
        """The event's kind without its version."""
        return kind_of(self.event)

    def text(self, name: str) -> str | None:
        """Return the text of a claim; None if it is not open, or is a file."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else None

    @property
    def unopened(self) -> tuple[str, ...]:
        """The names of the claims that the event seals and that are not open here."""
        return tuple(sorted(name for name in self.event.sealed or () if name not in self.claims))


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterInForce:
    """A charter and the first index at which it is in force."""

    since: int
    charter: Charter


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a ledger of `size` entries tells.

    Attributes:
        fingerprint: Leaf hash of entry 0, in hex.
        origin: The log's name.
        size: How many entries were read.
        root: Root hash of their tree, in hex.
        told: The events in the order in which they took effect.
        by_id: The same, by id.
        charters: The charters that were in force, in order.
        state: Members and keys at the end.
        sealed: The sealed events that are not opened.
    """

    fingerprint: str
    origin: str
    size: int
    root: str
    told: tuple[Told, ...]
    by_id: Mapping[str, Told] = field(repr=False)
    charters: tuple[CharterInForce, ...]
    state: State = field(repr=False)
    sealed: tuple[Told, ...]

    def charter_at(self, index: int) -> Charter:
        """Return the charter in force at `index`."""
        return next(c.charter for c in reversed(self.charters) if c.since <= index)

    @property
    def authors(self) -> tuple[str, ...]:
        """The parties that told something that is not governance, by name."""
        found_ = {t.author for t in self.told if not isinstance(t.event, GOVERNANCE)}
        return tuple(sorted(found_))


def read_view(
    entries: Iterable[bytes],
    disclosures: Callable[[int], Sequence[str]],
    *,
    at_size: int | None = None,
) -> View:
    """Read a ledger, from entry 0 on, that an audit has passed.

    Args:
        entries: The octets of each entry, in order.
        disclosures: Gives the disclosures held for the entry with this index.
        at_size: Read only the first `at_size` entries; None for all.

    Raises:
        MalformedError: There is no entry, or fewer than `at_size`.
        RuleError: An entry, a key or a disclosure is not what an audit lets through.
    """
    return _read(entries, lambda index, _owner: disclosures(index), at_size)


def _read(
    entries: Iterable[bytes],
    disclosures: Callable[[int, Event], Sequence[str]],
    at_size: int | None,
) -> View:
    reader = _Reader(disclosures)
    for data in islice(entries, at_size):
        reader.add(data)
    if at_size is not None and reader.tree.size != at_size:
        raise MalformedError("ledger", f"has {reader.tree.size} entries, not {at_size}")
    return reader.view()


def view_of_export(path: Path, *, at_size: int | None = None) -> View:
    """Read an export folder that an audit has passed.

    Args:
        path: The folder.
        at_size: Read only the first `at_size` entries; None for all.

    Raises:
        MalformedError: A bundle, the checkpoint or `disclosures.jsonl` cannot be read.
        OSError: A file is missing.
        RuleError: As `read_view`.

    Source: SPEC section 11.
    """
    size = parse_signed((path / "checkpoint").read_bytes())[0].size
    held = _read_lines(path / "disclosures.jsonl")

    def disclosures(index: int, owner: Event) -> list[str]:
        return [
            format_disclosure(
                author=owner.author, nonce=owner.nonce, name=name, random=random, value=value
            )
            for name, (random, value) in (held[index].claims if index in held else {}).items()
        ]

    return _read(_bundled(path, size), disclosures, at_size)


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


class _Reader:
    """Folds entries, one after the other, into a view."""

    def __init__(self, disclosures: Callable[[int, Event], Sequence[str]]) -> None:
        self.tree = Frontier()
        self._disclosures = disclosures
        self._state: State | None = None
        self._signed: _Signed | None = None
        self._told: dict[str, Told] = {}
        self._charters: list[CharterInForce] = []
        self._handed: dict[str, set[str]] = {}
        self._opened: set[str] = set()
        self._revoked: list[tuple[str, int, int]] = []

    def add(self, data: bytes) -> None:
        entry = parse_entry(data, where=f"entry {self.tree.size}")
        octets = bytes(entry.event)
        event = parse_event(octets)
        self.tree.append(leaf_hash(data))
        own_id = event_id(octets).hex()
        if entry.statement is not None:
            self._begin(entry, event, own_id)
        self._govern(entry, event, own_id)
        self._keep(entry, event, own_id)

    def _begin(self, entry: Entry, event: Event, own_id: str) -> None:
        statement = entry.statement
        if statement is None:
            raise AssertionError(entry.index)
        if self._state is None:
            root = self.tree.root().hex()  # of one entry: its leaf hash
            self._state = found(event, charter_id=own_id, fingerprint=root, statement=statement)
        else:
            self._state = self._state.settle(index=entry.index, recorded=entry.recorded)
        key = self._state.active_key(statement)
        seen = 0 if statement.seen is None else statement.seen.size
        self._signed = _Signed(entry.index, key, seen)

    def _govern(self, entry: Entry, event: Event, own_id: str) -> None:
        state, signed = self._state, self._signed
        if state is None or signed is None:
            raise MalformedError("entry 0", "has no statement")
        if entry.index > 0:
            state = state.govern(event, event_id=own_id, index=entry.index, recorded=entry.recorded)
        if not self._charters or self._charters[-1].charter != state.charter:
            since = entry.index + 1 if self._charters else 0
            self._charters.append(CharterInForce(since=since, charter=state.charter))
        if isinstance(event, Key) and event.verb == "revoke":
            self._revoked.append((event.key, _compromised(event, signed.seen_size), entry.index))
        self._state = state

    def _keep(self, entry: Entry, event: Event, own_id: str) -> None:
        nested = isinstance(event, Opening) and event.event is not None
        claims = self._open(entry, sealing_event(event))
        self._put(self._tell(entry, event, own_id, claims={} if nested else claims))
        if not isinstance(event, Opening):
            return
        if event.event is None:
            self._handed.setdefault(event.of, set()).update(event.names or ())
            return
        self._opened.add(event.of)
        told = self._tell(
            entry,
            event.event,
            # The octets are canonical, so what encoding gives back is what was nested.
            event_id(encode(event.event)).hex(),
            claims=claims,
        )
        sealed_at = self._told[event.of].index
        self._put(replace(told, opened_at=entry.index, sealed_at=sealed_at))

    def _put(self, told: Told) -> None:
        self._told[told.id] = told

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
            key_post=signed.key.post,
            seen_size=signed.seen_size,
            position=entry.position,
            first=signed.first,
        )

    def _open(self, entry: Entry, owner: Event) -> Claims:
        where = f"disclosures of entry {entry.index}"
        texts = self._disclosures(entry.index, owner)
        opened = (check_disclosure(text, event=owner, where=where) for text in texts)
        return {each.name: each.value for each in opened}

    def view(self) -> View:
        if self._state is None:
            raise MalformedError("ledger", "has no entry")
        told = tuple(self._finish(each) for each in self._told.values())
        return View(
            fingerprint=self._state.fingerprint,
            origin=self._state.charter.origin,
            size=self.tree.size,
            root=self.tree.root().hex(),
            told=told,
            by_id={each.id: each for each in told},
            charters=tuple(self._charters),
            state=self._state,
            sealed=tuple(
                t for t in told if isinstance(t.event, Sealed) and t.id not in self._opened
            ),
        )

    def _finish(self, told: Told) -> Told:
        """Hide withheld claims that no entry of this view hands over, and mark the disowned."""
        hidden = set(told.event.withheld or ()) - self._handed.get(told.id, set())
        claims = {name: value for name, value in told.claims.items() if name not in hidden}
        disowned = any(
            key == told.key and since <= told.index < end for key, since, end in self._revoked
        )
        return replace(told, claims=claims, disowned=disowned)


def _compromised(event: Key, seen_size: int) -> int:
    """Return the index from which on what the revoked key signed is disowned."""
    bounds = (event.compromised_since, seen_size or None)
    # With neither, the revocation says nothing against what was signed before it.
    return min((bound for bound in bounds if bound is not None), default=2**53)
