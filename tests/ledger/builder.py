"""Builds ledgers for tests, quickly: keys from a number, events from keywords, documents signed.

    founder = Party("alpha", 1)
    ledger, clock = found_ledger(tmp_path / "ledger", founder)
    event = new_event("alpha", "communication/v1", channel="letter", claims={"title": "A letter"})
    ledger.submit(sign_document(ledger, founder, [event]))

Nothing of it is secret, and equal calls give equal octets.
"""

import base64
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from ledger.keys import LogKey
from ledger.ledger import Ledger
from verify.checkpoint import parse_signed
from verify.checks import Check
from verify.codec import encode
from verify.errors import RuleError
from verify.events import event_id
from verify.merkle import root_hash
from verify.receipt import Receipt, parse_receipt
from verify.submission import POSSESSION, SUBMISSION, LedgerName, Seen, Statement, pae

ORIGIN = "ledger.example/alpha"
NOON_MS = 1_750_000_000_000
ALL_POWERS = ("answer", "govern", "record", "undertake")
_HOUR_MS = 3_600_000

_numbers = itertools.count()

# A file, and how an event names it.
CONTENT = b"%PDF the whole of a letter"
FILE = {
    "media_type": "application/pdf",
    "name": "letter.pdf",
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "size": len(CONTENT),
}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Party:
    """A party with its key."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.key = SigningKey(seed.to_bytes(32, "big"))
        self.public = bytes(self.key.verify_key).hex()

    def sign(self, payload_type: str, body: bytes) -> bytes:
        return self.key.sign(pae(payload_type, body)).signature


@dataclass(frozen=True)
class NewEvent:
    """An event's octets, and the disclosures of its claims by name."""

    data: bytes
    disclosures: Mapping[str, str] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()

    @property
    def id(self) -> bytes:
        return event_id(self.data)

    @property
    def sent(self) -> tuple[str, ...]:
        """The disclosures that travel with it."""
        return tuple(
            self.disclosures[n] for n in sorted(self.disclosures) if n not in self.withheld
        )


def new_log_key(number: int = 1, origin: str = ORIGIN) -> LogKey:
    return LogKey(origin, seed=hashlib.sha256(b"log key %d" % number).digest())


def new_event(
    author: str,
    kind: str,
    *,
    claims: Mapping[str, object] | None = None,
    withheld: Iterable[str] = (),
    number: int | None = None,
    **fields: object,
) -> NewEvent:
    """Make an event; a field that is a Python word is given with a `_` behind it.

    A claim's value is a string or a mapping with the fields of a file object. `number` makes the
    nonce; without it each call gives another event.
    """
    drawn = hashlib.sha256(b"event %d" % (next(_numbers) if number is None else number)).hexdigest()
    nonce, rest = drawn[:32], drawn[32:]
    disclosures = {}
    for name, value in (claims or {}).items():
        octets = encode((f"{author}.{nonce}.{rest}", name, value))
        disclosures[name] = base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    body: dict[str, object] = {k.removesuffix("_"): v for k, v in fields.items()}
    body |= {"author": author, "kind": kind, "nonce": nonce}
    names = tuple(sorted(withheld))
    if disclosures:
        body["sealed"] = {
            name: hashlib.sha256(text.encode()).hexdigest() for name, text in disclosures.items()
        }
    if names:
        body["withheld"] = names
    return NewEvent(encode(body), disclosures, names)


def new_letter(author: str, title: str | None = "A letter", **fields: object) -> NewEvent:
    claims = None if title is None else {"title": title}
    return new_event(author, "communication/v1", channel="letter", claims=claims, **fields)  # type: ignore[arg-type]  # fields are the event's own


def new_charter(
    founder: Party,
    log_key: LogKey,
    *,
    members: Sequence[str] | None = None,
    founding: bool = True,
    **fields: object,
) -> NewEvent:
    """Make a charter of which `founder` is the one registrar."""
    body: dict[str, object] = {
        "contemporaneous_days": 7,
        "controller": founder.name,
        "log_key": log_key.public.hex(),
        "members": sorted({founder.name, *(members or ())}),
        "notice_days": 0,
        "origin": log_key.origin,
        "quorum": 0,
        "registrars": [founder.name],
        "spec": "counterfoil/1",
        "state": "open",
        "thresholds": {"govern": 1, "recover": 1},
        "tolerance_s": 300,
        "visibility": "members",
        "waiting_days": 0,
    }
    if founding:
        body["founding_key"] = {"key": founder.public, "powers": ALL_POWERS}
    return new_event(founder.name, "charter/v1", **(body | fields))  # type: ignore[arg-type]  # as in new_letter


def new_enrolment(ledger: Ledger, author: str, party: Party, **fields: object) -> NewEvent:
    """Make the event by which `author` enrols the key of `party`."""
    powers = fields.pop("powers", ALL_POWERS)
    possession = {
        "type": "counterfoil-possession/v1",
        "ledger": {"charter": ledger.fingerprint, "origin": ledger.origin},
        "party": party.name,
        "key": party.public,
        "powers": powers,
    }
    signature = party.sign(POSSESSION, encode(possession)).hex()
    return new_event(
        author,
        "key/v1",
        verb=fields.pop("verb", "enrol"),
        party=party.name,
        key=party.public,
        powers=powers,
        possession=signature,
        **fields,  # type: ignore[arg-type]  # as in new_letter
    )


def sign_document(
    ledger: Ledger | LedgerName,
    party: Party,
    events: Sequence[NewEvent],
    *,
    note: bytes | None = None,
    seen: Seen | None = None,
    expires: int = NOON_MS + _HOUR_MS,
    disclosures: Sequence[Sequence[str]] | None = None,
) -> bytes:
    """Sign a submission document over `events`.

    Args:
        ledger: The ledger, or what the statement shall call it.
        party: Whose key signs.
        events: The events.
        note: The signed checkpoint that `seen` names; without it there is no `seen`.
        seen: What the statement says of the note, in place of what is true of it.
        expires: As in the statement.
        disclosures: Those that travel, in place of the events' own.
    """
    ids = [event.id for event in events]
    if isinstance(ledger, Ledger):
        ledger = LedgerName(origin=ledger.origin, charter=ledger.fingerprint)
    if note is not None and seen is None:
        checkpoint = parse_signed(note)[0]
        seen = Seen(
            note=hashlib.sha256(note).hexdigest(), root=checkpoint.root.hex(), size=checkpoint.size
        )
    statement = Statement(
        ledger=ledger,
        author=party.name,
        key=party.public,
        count=len(events),
        root=root_hash(ids).hex(),
        expires=expires,
        seen=seen,
    )
    return encode_document(
        statement,
        party.sign(SUBMISSION, encode(statement)),
        [event.data for event in events],
        disclosures=[event.sent for event in events] if disclosures is None else disclosures,
        note=note,
    )


def encode_document(
    statement: Statement,
    signature: bytes,
    events: Sequence[bytes],
    *,
    disclosures: Sequence[Sequence[str]],
    note: bytes | None = None,
) -> bytes:
    """Write a submission document, sound or not."""
    head = {
        "disclosures": disclosures,
        "events": 0,
        "signature": signature.hex(),
        "statement": statement,
        "type": "counterfoil-submissiondocument/v1",
    }
    if note is not None:
        head["note"] = note.decode()
    return encode(head).replace(b'"events":0', b'"events":[%b]' % b",".join(events), 1)


def found_ledger(
    path: Path, founder: Party, *, clock: Clock | None = None, **fields: object
) -> tuple[Ledger, Clock]:
    """Found a ledger in `path`, with `founder` as its one registrar; return its clock, too."""
    clock = Clock() if clock is None else clock
    log_key = new_log_key()
    charter = new_charter(founder, log_key, **fields)  # type: ignore[arg-type]  # as in new_letter
    document = sign_document(
        LedgerName(origin=log_key.origin), founder, [charter], expires=clock() + _HOUR_MS
    )
    return Ledger.create(path, document=document, log_key=log_key, clock=clock), clock


def submit(
    ledger: Ledger, *events: NewEvent, party: Party | None = None, **options: object
) -> Receipt:
    """Record events, by default those of the first party, and return the receipt."""
    document = sign_document(ledger, party or Party("alpha", 1), events, **options)  # type: ignore[arg-type]  # those of sign_document
    return parse_receipt(ledger.submit(document))


def refused(ledger: Ledger, document: bytes) -> Check:
    """Return the check that a submission fails; nothing of it must have been recorded."""
    before = (ledger.size(), ledger.checkpoint())
    with pytest.raises(RuleError) as refusal:
        ledger.submit(document)

    assert before == (ledger.size(), ledger.checkpoint())
    return refusal.value.check


def names(folder: Path) -> list[str]:
    """Return the names of what is in a folder, in order."""
    return sorted(path.name for path in folder.iterdir())
