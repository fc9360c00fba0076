"""Composing: plain values become an event, its disclosures, and a signed document.

What is drawn at random (an event's nonce, a salt for each claim) is drawn here and nowhere else.
An event that leaves here has passed the kernel's own reader; whether a ledger admits it is not
decided here. Nothing is kept: see `ledger.outbox`.

Source: SPEC sections 3, 5 and 6.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from ledger.chance import Random
from ledger.errors import ComposeError
from verify.claims import MAX_DISCLOSURE, File, digest, is_claim_name, parse_disclosure, stem
from verify.codec import Party, encode
from verify.errors import RuleError
from verify.events import event_id, parse_event
from verify.kinds import Event
from verify.merkle import root_hash
from verify.submission import (
    MAX_EVENTS,
    MAX_SUBMISSION,
    Document,
    LedgerName,
    Seen,
    Statement,
)

__all__ = [
    "Composed",
    "FileClaim",
    "Signer",
    "compose",
    "compose_handing_over",
    "compose_opening",
    "compose_sealed",
    "file_claim",
    "recompose",
    "sign_document",
    "signed_document",
]

_NONCE_SIZE = 16
_RANDOM_SIZE = 16
_CHUNK = 1 << 20
_NAMED = re.compile(r"([a-z_]+(?:\.[a-z_.0-9]+)?): (.*)", re.DOTALL)


class Signer(Protocol):
    """A party's key."""

    @property
    def party(self) -> str:
        """Whose key it is."""

    @property
    def public(self) -> str:
        """The public key, in hex."""

    def sign_submission(self, statement: Statement) -> bytes:
        """Sign a statement that names this key: 64 octets."""


@dataclass(frozen=True, slots=True)
class FileClaim:
    """A file that stands behind a claim.

    Attributes:
        name: Its own name, without folders.
        media_type: Such as "application/pdf".
        sha256: Of its octets, in hex.
        size: In octets.
        source: Where the octets are: a path, or themselves.
    """

    name: str
    media_type: str
    sha256: str
    size: int
    source: Path | bytes = field(repr=False, compare=False)

    def open(self) -> BinaryIO:
        """Open the octets for reading. They may have changed since they were hashed.

        Raises:
            OSError: The path cannot be opened.
        """
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        return self.source.open("rb")


@dataclass(frozen=True, slots=True)
class Composed:
    """An event that is ready to be signed for.

    Attributes:
        event: What it says.
        data: Its octets, which never change again.
        id: Its id, 32 octets.
        disclosures: Those that travel with it, sorted by claim name.
        withheld: Those that its author keeps back, sorted by claim name.
        files: The files behind its claims, those of withheld claims too.
        nested: The event that this one seals, which its author keeps until it opens it.
    """

    event: Event
    data: bytes
    id: bytes
    disclosures: tuple[str, ...] = field(default=(), repr=False)
    withheld: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[FileClaim, ...] = field(default=(), repr=False)
    nested: Composed | None = field(default=None, repr=False)

    def claims(self) -> dict[str, object]:
        """Return what its claims say, those that its author keeps back included, by their names."""
        claims = map(parse_disclosure, (*self.disclosures, *self.withheld))
        return {claim.name: claim.value for claim in claims}


def file_claim(
    source: Path | bytes, *, name: str, media_type: str = "application/octet-stream"
) -> FileClaim:
    """Hash a file.

    Raises:
        OSError: The path cannot be read.
    """
    if isinstance(source, bytes):
        digest_ = hashlib.sha256(source).hexdigest()
        return FileClaim(name, media_type, digest_, len(source), source)
    hashed, size = hashlib.sha256(), 0
    with source.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            hashed.update(chunk)
            size += len(chunk)
    return FileClaim(name, media_type, hashed.hexdigest(), size, source)


def compose(
    kind: str,
    *,
    author: str,
    fields: Mapping[str, object] | None = None,
    claims: Mapping[str, str | FileClaim] | None = None,
    withheld: Collection[str] = (),
    audience: Mapping[str, Sequence[str]] | None = None,
    random: Random = secrets,
) -> Composed:
    """Build an event and the disclosures of its claims.

    Args:
        kind: The kind with its version: "communication/v1".
        author: The party whose key will sign.
        fields: The kind's clear fields and the common ones (`dates`, `links`, `retain` and so on),
            by their names in SPEC, made of strings, integers, sequences and mappings.
        claims: Claim name to text or file.
        withheld: Names of claims whose disclosures stay with the author, in any order.
        audience: Claim name to the parties that alone may see it, in any order.
        random: Draws the nonce and the salts.

    Raises:
        ComposeError: These values make no event that the kernel would read.
    """
    _check_author(author)
    nonce = random.token_bytes(_NONCE_SIZE).hex()
    claims = claims or {}
    texts: dict[str, str] = {}
    for name in sorted(claims):
        salt = f"{author}.{nonce}.{random.token_bytes(_RANDOM_SIZE).hex()}"
        texts[name] = _disclosure(salt, name, claims[name])
    drawn: dict[str, object] = {
        "author": author,
        "kind": kind,
        "nonce": nonce,
        "sealed": {name: digest(text) for name, text in texts.items()},
        "withheld": sorted(set(withheld)),
        "audience": {name: sorted(set(parties)) for name, parties in (audience or {}).items()},
    }
    given = dict(fields or {})
    for name in given:
        if name in drawn or name == "cipher":
            raise ComposeError(name, "is not a field to be given here")
    # An absent field is left out; an empty one would be refused.
    values = given | {name: value for name, value in drawn.items() if value}
    data, event = _event(values)
    return Composed(
        event=event,
        data=data,
        id=event_id(data),
        disclosures=tuple(t for name, t in texts.items() if name not in withheld),
        withheld=tuple(t for name, t in texts.items() if name in withheld),
        files=tuple(claim for claim in claims.values() if isinstance(claim, FileClaim)),
    )


def compose_sealed(nested: Composed, *, opens_by: str, random: Random = secrets) -> Composed:
    """Build the event that seals another one, which is opened by that day.

    Raises:
        ComposeError: The day is none, or a `sealed/v1` would not take such an event.
    """
    fields = {
        "seals": nested.id.hex(),
        "dates": {"opens_by": {"basis": "stated", "edtf": opens_by}},
    }
    sealing = compose("sealed/v1", author=nested.event.author, fields=fields, random=random)
    return replace(sealing, nested=nested)


def compose_opening(nested: Composed, *, of: str, random: Random = secrets) -> Composed:
    """Build the event that opens a sealed one.

    Args:
        nested: The event that was sealed.
        of: The id of the `sealed/v1` that seals it, in hex.
        random: Draws the nonce.

    Raises:
        ComposeError: Such an event cannot be opened: governance, for one, is never sealed.
    """
    fields = {"of": of, "event": msgspec.Raw(nested.data)}
    opening = compose("opening/v1", author=nested.event.author, fields=fields, random=random)
    return replace(opening, disclosures=nested.disclosures, files=nested.files)


def compose_handing_over(
    disclosures: Sequence[str], *, author: str, of: str, random: Random = secrets
) -> Composed:
    """Build the event that hands over claims which an earlier event withheld.

    Args:
        disclosures: The disclosures, as they were made with that event.
        author: The author of both events.
        of: The id of the event that withheld them, in hex.
        random: Draws the nonce.

    Raises:
        ComposeError: There is none, or something is no disclosure.
    """
    try:
        named = {parse_disclosure(text).name: text for text in disclosures}
    except RuleError as error:
        raise ComposeError("disclosures", error.reason) from None
    fields = {"of": of, "names": sorted(named)}
    opening = compose("opening/v1", author=author, fields=fields, random=random)
    return replace(opening, disclosures=tuple(named[name] for name in sorted(named)))


def recompose(
    data: bytes, *, disclosures: tuple[str, ...], withheld: tuple[str, ...] = ()
) -> Composed:
    """Read back an event that was composed earlier and kept. Its files are not here.

    Raises:
        ComposeError: The octets are no event.
    """
    try:
        event = parse_event(data)
    except RuleError as error:
        raise ComposeError(error.where, error.reason) from None
    return Composed(event, data, event_id(data), disclosures, withheld, (), None)


def sign_document(
    composed: Sequence[Composed],
    *,
    signer: Signer,
    ledger: LedgerName,
    expires_ms: int,
    seen: Seen | None = None,
    note: bytes | None = None,
) -> bytes:
    """Sign for events and return the document that travels.

    Args:
        composed: The events, in the order in which they are to stand in the log.
        signer: Their author's key.
        ledger: Which ledger; without a fingerprint only for a charter that founds one.
        expires_ms: When the signature stops being good, in milliseconds since 1970.
        seen: A checkpoint that the author fetched and checked.
        note: The signed note that `seen` names.

    Raises:
        ComposeError: There are too many events or octets, or one is another author's.

    Source: SPEC sections 6.1 and 6.3.
    """
    if not 1 <= len(composed) <= MAX_EVENTS:
        raise ComposeError("events", f"are {len(composed)}, not 1 to {MAX_EVENTS}")
    if sum(len(one.data) for one in composed) > MAX_SUBMISSION:
        raise ComposeError("events", f"are more than {MAX_SUBMISSION} octets")
    for number, one in enumerate(composed):
        if one.event.author != signer.party:
            raise ComposeError(f"events[{number}].author", f"is not {signer.party}, who signs")
    ids = [one.id for one in composed]
    statement = Statement(
        ledger=ledger,
        author=signer.party,
        key=signer.public,
        count=len(ids),
        root=root_hash(ids).hex(),
        expires=expires_ms,
        seen=seen,
    )
    signature = signer.sign_submission(statement)
    return signed_document(composed, statement=statement, signature=signature, note=note)


def signed_document(
    composed: Sequence[Composed], *, statement: Statement, signature: bytes, note: bytes | None
) -> bytes:
    """Return the document of a statement that has been signed already.

    Raises:
        ComposeError: The note is not there exactly when `seen` is, or is not UTF-8.
    """
    if (note is None) is not (statement.seen is None):
        raise ComposeError("note", "goes with seen")
    try:
        text = None if note is None else note.decode()
    except UnicodeDecodeError:
        raise ComposeError("note", "is not UTF-8") from None
    return encode(
        Document(
            statement=statement,
            signature=signature.hex(),
            events=tuple(msgspec.Raw(one.data) for one in composed),
            disclosures=tuple(one.disclosures for one in composed),
            note=text,
        )
    )


def _check_author(author: str) -> None:
    try:
        msgspec.convert(author, Party)
    except msgspec.ValidationError:
        raise ComposeError("author", f"{author[:80]!r} is no party id") from None


def _disclosure(salt: str, name: str, claim: str | FileClaim) -> str:
    where = f"claims.{name[:80]}"
    if not is_claim_name(name):
        raise ComposeError(where, "is not a claim name")
    if (stem(name) == "file") is isinstance(claim, str):
        raise ComposeError(where, "a file claim is a file, any other is text")
    value = claim if isinstance(claim, str) else _file(claim, where)
    try:
        octets = encode((salt, name, value))
    except UnicodeEncodeError:
        raise ComposeError(where, "has half a surrogate pair in it") from None
    text = base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    if len(text) > MAX_DISCLOSURE:
        length = f"{len(text)} octets as it travels, of at most {MAX_DISCLOSURE}"
        raise ComposeError(where, f"is too long for a claim: {length}")
    return text


def _file(claim: FileClaim, where: str) -> File:
    values = {
        "media_type": claim.media_type,
        "name": claim.name,
        "sha256": claim.sha256,
        "size": claim.size,
    }
    try:
        return msgspec.convert(values, File)
    except msgspec.ValidationError as error:
        field_ = str(error).rpartition("$.")[2].rstrip("`")
        raise ComposeError(f"{where}.{field_}", "is not allowed for a file") from None


def _event(values: Mapping[str, object]) -> tuple[bytes, Event]:
    try:
        data = encode(values)
        return data, parse_event(data)
    except RuleError as error:
        where = error.where.removeprefix("event").removeprefix(".")
        named = _NAMED.fullmatch(error.reason)
        if named is not None:  # what one schema checks by itself names its field so
            where = ".".join(part for part in (where, named[1]) if part)
        reason = error.reason if named is None else named[2]
        raise ComposeError(where or "event", reason) from None
    except (UnicodeEncodeError, OverflowError, TypeError, RecursionError) as error:
        raise ComposeError("event", f"cannot be written: {type(error).__name__}") from None
