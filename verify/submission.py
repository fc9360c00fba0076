"""Submissions: what a party signs and what travels (SPEC sections 2, 6).

A submission is one signature over one or many events. This module checks everything about it that
needs no ledger: spelling, authors, count, root, signature, and that the disclosures open exactly
what they should. Whether a ledger may accept it is decided in `rules`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import msgspec

from verify.checks import Check
from verify.claims import Disclosure, digest, parse_disclosure
from verify.codec import (
    Decoder,
    Hash,
    HashText,
    Instant,
    Label,
    LabelText,
    OriginText,
    Party,
    SignatureHex,
    Texts,
    Wire,
    encode,
)
from verify.ed25519 import check_public_key, check_signature
from verify.errors import MalformedError, RuleError, SignatureError
from verify.events import event_id, parse_event
from verify.kinds import Event, Opening, Positive, Powers
from verify.merkle import root_hash
from verify.spelling import is_hex

__all__ = [
    "EXPIRES_WITHIN_MS",
    "MAX_DISCLOSURES",
    "MAX_EVENTS",
    "MAX_SUBMISSION",
    "POSSESSION",
    "SUBMISSION",
    "Document",
    "LedgerName",
    "Possession",
    "Seen",
    "Statement",
    "Submission",
    "SubmittedEvent",
    "check_covers",
    "check_disclosure",
    "check_party_signature",
    "check_possession",
    "gather_name",
    "gather_statement",
    "open_disclosures",
    "pae",
    "parse_document",
    "parse_statement",
    "sealing_event",
]

MAX_EVENTS = 4096
_RANDOM_DIGITS = 32  # of the part of a salt that is drawn
MAX_SUBMISSION = 16 * 1024 * 1024  # octets of events together
MAX_DISCLOSURES = 16 * 1024 * 1024  # octets of the disclosures of one event together
EXPIRES_WITHIN_MS = 31 * 24 * 60 * 60 * 1000

SUBMISSION = "application/vnd.counterfoil.submission+json"
POSSESSION = "application/vnd.counterfoil.possession+json"


class LedgerName(Wire, frozen=True, kw_only=True):
    """Which ledger: its origin and its fingerprint, absent only while there is none."""

    origin: OriginText
    charter: HashText | None = None


class Seen(Wire, frozen=True, kw_only=True):
    """An earlier checkpoint that the author held."""

    note: HashText
    root: HashText
    size: Positive


class Statement(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-submission/v1"):
    """What a party signs over its events."""

    ledger: LedgerName
    author: LabelText
    key: HashText
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_EVENTS)]
    root: HashText
    expires: Instant
    seen: Seen | None = None


class Possession(
    Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-possession/v1"
):
    """What a new key signs, to show that its party holds it."""

    ledger: LedgerName
    party: Party
    key: Hash
    powers: Powers
    post: Label | None = None


_Events = Annotated[tuple[msgspec.Raw, ...], msgspec.Meta(min_length=1, max_length=MAX_EVENTS)]


class Document(
    Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-submissiondocument/v1"
):
    """What travels: statement, signature, events, disclosures, and the note that was seen."""

    statement: Statement
    signature: SignatureHex
    events: _Events
    disclosures: tuple[tuple[str, ...], ...]
    note: Annotated[str, msgspec.Meta(min_length=1)] | None = None


class SubmittedEvent(msgspec.Struct, frozen=True):
    """One event of a submission, read.

    Attributes:
        event: What it says.
        data: Its octets.
        id: Its id, 32 octets.
        disclosures: The disclosures that came with it, as text and opened, by claim name.
    """

    event: Event
    data: bytes
    id: bytes
    disclosures: tuple[tuple[str, Disclosure], ...]


class Submission(msgspec.Struct, frozen=True):
    """A submission that is sound in itself.

    Attributes:
        statement: What was signed.
        signature: The signature over it, 64 octets, checked.
        events: The events, in order.
        note: The octets of the signed note that `seen` names, if it names one.
    """

    statement: Statement
    signature: bytes
    events: tuple[SubmittedEvent, ...]
    note: bytes | None


def gather_name(name: LedgerName, texts: Texts) -> None:
    """Give a `Decoder` the texts of a ledger's name that it checks together with others."""
    texts.origins[name.origin] = None
    texts.digits.append(name.charter or "")


def gather_statement(statement: Statement, texts: Texts) -> None:
    """Give a `Decoder` the texts of a statement that it checks together with others."""
    texts.labels[statement.author] = None
    texts.digits += (statement.key, statement.root)
    gather_name(statement.ledger, texts)
    seen = statement.seen
    if seen is not None:
        texts.digits += (seen.note, seen.root)


_STATEMENT = Decoder(Statement, name="statement", gather=gather_statement)
_DOCUMENT = Decoder(
    Document,
    name="submission",
    gather=lambda document, texts: gather_statement(document.statement, texts),
)


def pae(payload_type: str, body: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding: the octets that a party key signs.

    Source: DSSE protocol.md; LEN is the decimal count of octets.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def parse_statement(data: bytes) -> Statement:
    """Read a statement.

    Raises:
        RuleError: With check `statement`: not canonical, or not of the schema.

    Source: SPEC section 6.1.
    """
    try:
        return _STATEMENT.decode(data)
    except MalformedError as error:
        raise RuleError(Check.STATEMENT, error.where, error.reason) from None


def check_party_signature(
    statement: Statement, *, signature: bytes, octets: bytes | None = None
) -> None:
    """Check the signature over a statement by the key that it names.

    Args:
        statement: What was signed.
        signature: The signature, 64 bytes.
        octets: The statement's octets, where the caller has read it from them; default, what
            encoding it gives, which is the same.

    Raises:
        RuleError: With check `signature`.

    Source: SPEC sections 2 and 6.4.
    """
    key = bytes.fromhex(statement.key)
    message = pae(SUBMISSION, encode(statement) if octets is None else octets)
    try:
        check_signature(key=key, message=message, signature=signature)
    except MalformedError as error:
        raise RuleError(Check.SIGNATURE, "statement.key", error.reason) from None
    except SignatureError as error:
        raise RuleError(Check.SIGNATURE, "signature", error.reason) from None


def check_possession(possession: Possession, *, signature: bytes) -> None:
    """Check that a new key has signed for itself.

    Raises:
        RuleError: With check `enrolment`.

    Source: SPEC section 9.4.
    """
    key = bytes.fromhex(possession.key)
    try:
        check_public_key(key)
        check_signature(key=key, message=pae(POSSESSION, encode(possession)), signature=signature)
    except MalformedError as error:
        raise RuleError(Check.ENROLMENT, "event.key", error.reason) from None
    except SignatureError as error:
        raise RuleError(Check.ENROLMENT, "event.possession", error.reason) from None


def check_covers(statement: Statement, *, authors: Sequence[str], ids: Sequence[bytes]) -> None:
    """Check that a statement covers exactly these events.

    Args:
        statement: What was signed.
        authors: The author of each event, in order.
        ids: The id of each event, 32 octets, in order.

    Raises:
        RuleError: With check `author`, `count` or `submission-root`.

    Source: SPEC section 6.4.
    """
    for number, author in enumerate(authors):
        if author != statement.author:
            where = f"events[{number}].author"
            reason = "is not the statement's author"
            raise RuleError(Check.AUTHOR, where, reason, statement.author, author)
    if statement.count != len(ids):
        reason = "is not the number of events"
        raise RuleError(Check.COUNT, "statement.count", reason, str(len(ids)), str(statement.count))
    root = (ids[0] if len(ids) == 1 else root_hash(ids)).hex()
    if statement.root != root:
        reason = "is not the root hash of the events"
        raise RuleError(Check.SUBMISSION_ROOT, "statement.root", reason, root, statement.root)


def sealing_event(event: Event) -> Event:
    """Return the event whose claims stand at this event: the nested one of an opening, or it."""
    if isinstance(event, Opening) and event.event is not None:
        return event.event
    return event


def open_disclosures(
    texts: Iterable[str], *, event: Event, where: str = "disclosures"
) -> Iterator[Disclosure | RuleError]:
    """Open disclosures that should belong to `event`.

    Args:
        texts: The disclosures.
        event: The event whose claims they should open.
        where: Names the list in a refusal.

    Yields:
        For each text what it opens, or the refusal, with check `disclosure`.

    Source: SPEC section 5.
    """
    prefix = f"{event.author}.{event.nonce}."
    start = len(prefix)
    sealed = event.sealed or {}
    for number, text in enumerate(texts):
        try:
            opened = parse_disclosure(text)
        except RuleError as error:
            at = f"{where}[{number}]{error.where.removeprefix('disclosure')}"
            yield RuleError(error.check, at, error.reason)
            continue
        salt, name, _ = opened
        # The digest last: whatever has it is what the author sealed, however badly.
        if not salt.startswith(prefix) or not is_hex(salt[start:], length=_RANDOM_DIGITS):
            reason = "its salt is not its event's author and nonce and 32 random hex digits"
            at = f"{where}[{number}]"
            yield RuleError(Check.DISCLOSURE, at, reason, f"{prefix}…", salt[:160])
        elif name not in sealed:
            reason = f"its event seals no {name[:80]!r}"
            yield RuleError(Check.DISCLOSURE, f"{where}[{number}]", reason)
        elif sealed[name] != digest(text):
            reason = f"its digest is not the one sealed as {name!r}"
            at = f"{where}[{number}]"
            yield RuleError(Check.DISCLOSURE, at, reason, sealed[name], digest(text))
        else:
            yield opened


def check_disclosure(text: str, *, event: Event, where: str) -> Disclosure:
    """Check that a disclosure opens a claim of `event`, and open it.

    Raises:
        RuleError: With check `disclosure`; its `where` begins with `where`.

    Source: SPEC section 5.
    """
    opened = next(open_disclosures((text,), event=event, where=where))
    if isinstance(opened, RuleError):
        raise opened
    return opened


def parse_document(data: bytes) -> Submission:
    """Read a submission document and check all of it that needs no ledger.

    The disclosures of an opening's `names` belong to an event that only the ledger has: they are
    opened here and matched in `rules`.

    Raises:
        MalformedError: The document is not canonical or not of its schema.
        RuleError: An event, the statement, the signature or a disclosure fails its check.

    Source: SPEC sections 6.3 and 6.4.
    """
    document = _DOCUMENT.decode(data)
    statement = document.statement
    if len(document.disclosures) != len(document.events):
        raise MalformedError("submission.disclosures", "has not one array for each event")
    if sum(len(bytes(raw)) for raw in document.events) > MAX_SUBMISSION:
        raise MalformedError("submission.events", f"are more than {MAX_SUBMISSION} octets")
    if (document.note is None) is not (statement.seen is None):
        raise MalformedError("submission.note", "goes with statement.seen")
    events = tuple(
        _read_event(bytes(raw), texts, number)
        for number, (raw, texts) in enumerate(
            zip(document.events, document.disclosures, strict=True)
        )
    )
    authors = [e.event.author for e in events]
    check_covers(statement, authors=authors, ids=[e.id for e in events])
    signature = bytes.fromhex(document.signature)
    check_party_signature(statement, signature=signature)
    note = None if document.note is None else document.note.encode()
    return Submission(statement=statement, signature=signature, events=events, note=note)


def _read_event(data: bytes, texts: tuple[str, ...], number: int) -> SubmittedEvent:
    event = parse_event(data, where=f"events[{number}]")
    where = f"disclosures[{number}]"
    if sum(map(len, texts)) > MAX_DISCLOSURES:
        raise MalformedError(where, f"are more than {MAX_DISCLOSURES} octets")
    handing_over = isinstance(event, Opening) and event.names is not None
    if handing_over:
        opened = [parse_disclosure(t, where=f"{where}[{n}]") for n, t in enumerate(texts)]
        wanted = event.names or () if isinstance(event, Opening) else ()
    else:
        owner = sealing_event(event)
        opened = []
        for disclosure in open_disclosures(texts, event=owner, where=where):
            if isinstance(disclosure, RuleError):
                raise disclosure
            opened.append(disclosure)
        withheld = owner.withheld or ()
        wanted = tuple(sorted(name for name in owner.sealed or () if name not in withheld))
    names = tuple(d.name for d in opened)
    if names != wanted:
        reason = "are not exactly those of the claims not withheld, by name"
        check = Check.DISCLOSURE_MISSING if set(names) < set(wanted) else Check.DISCLOSURE
        raise RuleError(check, where, reason, ", ".join(wanted), ", ".join(names))
    pairs = tuple(zip(texts, opened, strict=True))
    return SubmittedEvent(event=event, data=data, id=event_id(data), disclosures=pairs)
