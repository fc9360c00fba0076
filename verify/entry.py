"""Entries: events as the ledger keeps them, chained and stamped (SPEC section 7)."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from verify.checks import Check
from verify.codec import (
    Decoder,
    HashText,
    Index,
    Instant,
    SignatureText,
    Texts,
    Wire,
    encode,
)
from verify.errors import MalformedError, RuleError
from verify.events import MAX_EVENT, gather_event
from verify.kinds import Event
from verify.submission import MAX_EVENTS, Statement, gather_statement

__all__ = [
    "MAX_ENTRY",
    "Entry",
    "EntryOf",
    "SignedStatement",
    "check_parts",
    "cut_head",
    "event_octets",
    "format_entry",
    "parse_entries",
    "parse_entry",
]

MAX_ENTRY = 65_535  # octets: an entry bundle gives lengths in 16 bits

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class EntryOf(Wire, Generic[T_co], frozen=True, kw_only=True):
    """One entry of the log, with its event as octets or read."""

    event: T_co
    index: Index
    position: Index
    recorded: Instant
    prev: HashText | None = None
    rules: HashText | None = None
    signature: SignatureText | None = None
    statement: Statement | None = None


Entry: TypeAlias = EntryOf[msgspec.Raw]


class SignedStatement(NamedTuple):
    """A statement and the signature over it."""

    statement: Statement
    signature: bytes


_AT_THE_HEAD = ("statement", "signature", "rules")
_EVENT_AT = len('{"event":')
_AFTER_EVENT = b',"index":'
_BEFORE_STATEMENT = b',"statement":'


def _gather(entry: EntryOf[T], texts: Texts) -> None:
    texts.digits += (entry.prev or "", entry.rules or "", entry.signature or "")
    if entry.statement is not None:
        gather_statement(entry.statement, texts)


def _gather_all(entry: EntryOf[Event], texts: Texts) -> None:
    _gather(entry, texts)
    gather_event(entry.event, texts)


_ENTRY = Decoder(Entry, name="entry", gather=_gather)
_WHOLE = Decoder(EntryOf[Event], name="entry", gather=_gather_all)


def parse_entry(data: bytes, *, where: str = "entry") -> Entry:
    """Read an entry; its event stays octets, for `parse_event`.

    Args:
        data: The entry's octets.
        where: Names the entry in a refusal.

    Raises:
        RuleError: With check `entry`: too long, not canonical, or not of the schema.

    Source: SPEC section 7.
    """
    if len(data) > MAX_ENTRY:
        raise RuleError(Check.ENTRY, where, f"is longer than {MAX_ENTRY} octets")
    try:
        return _ENTRY.decode(data, where=where)
    except MalformedError as error:
        raise RuleError(Check.ENTRY, error.where, error.reason) from None


def parse_entries(bundle: Sequence[bytes]) -> list[EntryOf[Event]] | None:
    """Read entries with their events, all at once: half the work of reading one after the other.

    Args:
        bundle: The octets of each entry.

    Returns:
        The entries; None if `parse_entry` would refuse one or `parse_event` its event. They say
        which and why, and alone read an entry longer than any event: its event could be, too.
    """
    if max(map(len, bundle)) > MAX_EVENT:
        return None
    entries = _WHOLE.decode_lines(b"\n".join((*bundle, b"")))
    # Were there an LF within an entry, there would be more lines than entries.
    return entries if entries is not None and len(entries) == len(bundle) else None


def event_octets(data: bytes) -> bytes:
    """Cut its event's octets out of an entry's, which must have been read."""
    # The names of an entry ascend, and neither hex nor a statement has room for `_AFTER_EVENT`.
    return data[_EVENT_AT : data.rindex(_AFTER_EVENT)]


def cut_head(data: bytes) -> tuple[bytes, bytes]:
    """Cut its event's and its statement's octets out of an entry's, read and with a statement.

    An entry is canonical, and so these are what encoding the two again would give.
    """
    # `statement` is the last name of an entry, and nothing in a statement has room for it.
    stop = data.rindex(_BEFORE_STATEMENT)
    event = data[_EVENT_AT : data.rindex(_AFTER_EVENT, 0, stop)]
    return event, data[stop + len(_BEFORE_STATEMENT) : -1]


def check_parts(entry: EntryOf[object]) -> None:
    """Check that an entry has the parts that its index and position call for, and no others.

    Raises:
        RuleError: With check `prev` or `position`.

    Source: SPEC section 7.
    """
    first, later = entry.position == 0, entry.index > 0
    if (entry.prev is None) is later:
        raise RuleError(Check.PREV, "prev", "is missing, or stands at index 0")
    there = (entry.statement is not None, entry.signature is not None, entry.rules is not None)
    wanted = (first, first, first and later)
    if there != wanted:
        number = next(n for n in range(len(wanted)) if there[n] is not wanted[n])
        reason = "is missing" if wanted[number] else "must not be here"
        raise RuleError(Check.POSITION, _AT_THE_HEAD[number], reason)
    if entry.position >= MAX_EVENTS:
        raise RuleError(Check.POSITION, "position", f"is not below {MAX_EVENTS}")
    if entry.position > entry.index:
        raise RuleError(Check.POSITION, "position", "is that of a submission before entry 0")


def format_entry(
    event: bytes,
    *,
    index: int,
    position: int,
    recorded: int,
    prev: str | None,
    rules: str | None,
    signed: SignedStatement | None,
) -> bytes:
    """Return an entry's octets.

    Args:
        event: The event's octets.
        index: The entry's index.
        position: Its place in its submission.
        recorded: When the ledger recorded it, in milliseconds since 1970.
        prev: Leaf hash of the entry before, in hex; None at index 0.
        rules: Leaf hash of the latest governance entry before it, in hex; only at position 0.
        signed: The statement and its signature; only at position 0.

    Source: SPEC section 7.
    """
    return encode(
        EntryOf(
            event=msgspec.Raw(event),
            index=index,
            position=position,
            recorded=recorded,
            prev=prev,
            rules=rules,
            signature=None if signed is None else signed.signature.hex(),
            statement=None if signed is None else signed.statement,
        )
    )
