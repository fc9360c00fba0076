"""The folds' input: what a ledger of a given size tells, read once.

A `View` is made from the octets of entries and of disclosures, so that it is the same for a store
and for an export. It folds governance with the kernel's own rules, to know whose key signed what
and how that key came; it does not check signatures, hashes or proofs. Run an audit before.

An event that was sealed and then opened takes effect at its opening. A claim that an event
withheld is shown from the entry on that hands it over, so that what a view of size n says never
changes. The one exception is erasure: whoever has read on to where one takes effect shows its
claims no more, at whatever size, and whether or not their values are still there.

`viewing` makes it.

Source: SPEC sections 5, 7, 9, 11.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ledger.persistent import Blocks, ById
from verify.brackets import Bracket, Brackets
from verify.claims import File
from verify.events import kind_of
from verify.kinds import Charter, Event
from verify.state import State

__all__ = ["CharterInForce", "Claims", "KeyOrigin", "SignedMail", "Stamped", "Told", "View"]

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
        seen_size: How many entries the author held when it signed; 0 if it names none.
        position: Its place in its submission.
        first: Index of its submission's first entry.
        opened_at: Index of the opening that it came nested in; None if it came plain.
        sealed_at: Index of the entry that sealed it before; None if it came plain.
        disowned: Whether it falls in the range of a revocation that says the key was compromised.
        erased: The names of the claims of which an erasure is in effect.
    """

    index: int
    id: str
    recorded: int
    event: Event
    claims: Claims
    author: str
    key: str
    key_origin: KeyOrigin
    seen_size: int
    position: int
    first: int
    opened_at: int | None = None
    sealed_at: int | None = None
    disowned: bool = False
    erased: tuple[str, ...] = ()

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
        """The names of the claims that the event seals and that are not open here, or erased."""
        return tuple(sorted(name for name in self.event.sealed or () if name not in self.claims))


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterInForce:
    """A charter and the first index at which it is in force."""

    since: int
    charter: Charter


class Stamped(NamedTuple):
    """A time stamp over a checkpoint, by an authority that the reader trusts.

    Attributes:
        size: The checkpoint's size.
        by_s: When the authority saw it, in POSIX seconds, by its own clock.
        authority: The authority's name.
    """

    size: int
    by_s: int
    authority: str


class SignedMail(NamedTuple):
    """A mail server's signature over a mail, checked with a key that was recorded.

    Attributes:
        domain: The domain that signed.
        covers: What of From, To, Date, Subject and body it covers.
        own: Whether the mail's From is of that domain.
        day: The day of the mail's Date, YYYY-MM-DD; may be anything, or empty.
        trusted: Whether the key is one that the reader gave.
    """

    domain: str
    covers: tuple[str, ...]
    own: bool
    day: str
    trusted: bool


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
        authors: The parties that told something that is not governance, by name.
        charters: The charters that were in force, in order.
        state: Members and keys at the end.
        sealed: The sealed events that are not opened.
        brackets: When entries were signed, as far as the charter's own witnesses and the notes
            that were read show it: nothing, where no notes were.
        stamps: Time stamps that bound when entries existed: none, where the reader trusts no
            authority.
        mails: Of outside evidence on mails that was checked, by its event's id: the signatures
            that hold.
    """

    fingerprint: str
    origin: str
    size: int
    root: str
    told: Blocks[Told]
    by_id: ById[Told] = field(repr=False)
    authors: tuple[str, ...]
    charters: tuple[CharterInForce, ...]
    state: State = field(repr=False)
    sealed: tuple[Told, ...]
    brackets: Brackets = field(repr=False)
    stamps: tuple[Stamped, ...] = field(default=(), repr=False)
    mails: Mapping[str, tuple[SignedMail, ...]] = field(default_factory=dict, repr=False)

    def bracket(self, told: Told) -> Bracket:
        """Return what cosignatures and time stamps prove of when an event was signed."""
        bracket = self.brackets.of(told.index, first=told.first)
        covering = (stamp for stamp in self.stamps if stamp.size > told.index)
        stamp = min(covering, key=lambda stamp: stamp.by_s, default=None)
        if stamp is None or (bracket.by_s is not None and bracket.by_s <= stamp.by_s):
            return bracket
        return Bracket(bracket.after_s, stamp.by_s, authority=stamp.authority)

    def rank(self, event_id: str) -> int:
        """Return the place in `told` of the event of that id."""
        index = self.by_id[event_id].index
        place = self.told.place_of(index, lambda told: told.index)
        while self.told[place].id != event_id:  # those of one entry stand together
            place += 1
        return place

    def charter_at(self, index: int) -> Charter:
        """Return the charter in force at `index`."""
        return self.charters[bisect_right(self.charters, index, key=lambda c: c.since) - 1].charter
