"""Small ledgers made in memory for tests of folds: real events and entries, idle signatures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nacl.signing import SigningKey

from ledger.view import View
from ledger.viewing import read_view
from verify.claims import File, digest
from verify.codec import encode
from verify.entry import SignedStatement, format_entry
from verify.events import event_id
from verify.kinds import (
    Charter,
    Date,
    DateRole,
    Event,
    FoundingKey,
    Key,
    Link,
    Opening,
    Power,
    Rel,
    Thresholds,
)
from verify.merkle import leaf_hash
from verify.submission import POSSESSION, LedgerName, Possession, Seen, Statement, pae

POWERS: tuple[Power, ...] = ("answer", "govern", "intake", "record", "undertake")
DAY_MS = 86_400_000
T0 = 1_764_547_200_000  # 1 December 2025
ORIGIN = "example.org/lgr"


def secret(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(name.encode()).digest())


def public(name: str) -> str:
    return secret(name).verify_key.encode().hex()


def nonce(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Draft:
    event: Event
    disclosures: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return event_id(encode(self.event)).hex()


def dates(**roles: str) -> dict[DateRole, Date]:
    found: dict[DateRole, Date] = {}
    for role, edtf in roles.items():
        found[role] = Date(basis="stated", edtf=edtf)  # type: ignore[index]  # roles are tested
    return found


def link(rel: Rel, other: Draft) -> Link:
    return Link(event=other.id, rel=rel)


def sealed(
    author: str, label: str, claims: Mapping[str, str | File]
) -> tuple[dict[str, str], tuple[str, ...]]:
    texts: dict[str, str] = {}
    for name, value in sorted(claims.items()):
        salt = f"{author}.{nonce(label)}.{nonce(label + name)}"
        octets = encode([salt, name, value])
        texts[name] = base64.urlsafe_b64encode(octets).decode().rstrip("=")
    return {name: digest(text) for name, text in texts.items()}, tuple(texts.values())


@dataclass
class Book:
    """Entries, one submission each."""

    entries: list[bytes] = field(default_factory=list)
    disclosures: dict[int, tuple[str, ...]] = field(default_factory=dict)
    recorded: int = T0
    fingerprint: str = ""
    _rules: str = ""

    def found(self, *, days: int = 7, members: Sequence[str] = ()) -> None:
        charter = Charter(
            author="leicestershire",
            nonce=nonce("charter"),
            contemporaneous_days=days,
            controller="leicestershire",
            founding_key=FoundingKey(key=public("leicestershire"), powers=POWERS),
            log_key=public("log"),
            members=tuple(sorted({"leicestershire", *members})),
            notice_days=30,
            origin=ORIGIN,
            quorum=0,
            registrars=("leicestershire",),
            spec="counterfoil/1",
            state="open",
            thresholds=Thresholds(govern=1, recover=1),
            tolerance_s=300,
            visibility="members",
            waiting_days=14,
        )
        self.add(Draft(charter))
        self.fingerprint = leaf_hash(self.entries[0]).hex()
        for member in members:
            self.enrol(member)

    def enrol(self, party: str) -> None:
        possession = Possession(
            ledger=LedgerName(origin=ORIGIN, charter=self.fingerprint),
            party=party,
            key=public(party),
            powers=POWERS,
        )
        signature = secret(party).sign(pae(POSSESSION, encode(possession))).signature
        self.add(
            Draft(
                Key(
                    author="leicestershire",
                    nonce=nonce(f"enrol {party}"),
                    verb="enrol",
                    party=party,
                    key=public(party),
                    powers=POWERS,
                    possession=signature.hex(),
                )
            )
        )

    def add(self, draft: Draft, *, seen: int = 0) -> None:
        index = len(self.entries)
        prev = leaf_hash(self.entries[-1]).hex() if self.entries else None
        octets = encode(draft.event)
        statement = Statement(
            ledger=LedgerName(origin=ORIGIN, charter=self.fingerprint or None),
            author=draft.event.author,
            key=public(draft.event.author),
            count=1,
            root=draft.id,
            expires=self.recorded + DAY_MS,
            seen=Seen(note="0" * 64, root="0" * 64, size=seen) if seen else None,
        )
        data = format_entry(
            octets,
            index=index,
            position=0,
            recorded=self.recorded,
            prev=prev,
            rules=self._rules or None,
            signed=SignedStatement(statement, bytes(64)),
        )
        self.entries.append(data)
        if draft.disclosures:
            self.disclosures[index] = draft.disclosures
        if isinstance(draft.event, Charter | Key):
            self._rules = leaf_hash(data).hex()

    def view(self, *, at_size: int | None = None) -> View:
        return read_view(self.entries, lambda i: self.disclosures.get(i, ()), at_size=at_size)


def book_of(drafts: Iterable[Draft], *, members: Sequence[str] = (), days: int = 7) -> Book:
    book = Book()
    book.found(days=days, members=members)
    for draft in drafts:
        book.add(draft)
    return book


def opening_of(seal: Draft, inner: Draft, label: str) -> Draft:
    if isinstance(inner.event, Charter | Key):
        raise AssertionError(inner)  # noqa: TRY004 (the test is wrong, not its data)
    opening = Opening(
        author=inner.event.author,
        nonce=nonce(label),
        of=seal.id,
        event=inner.event,  # type: ignore[arg-type]  # the tests nest only what may be nested
    )
    return Draft(opening, inner.disclosures)


def revoked(party: str, *, since: int) -> Draft:
    """Revoke a party's first key, as compromised from an entry on."""
    revocation = Key(
        author=party,
        nonce=nonce(f"revoke {party}"),
        verb="revoke",
        party=party,
        key=public(party),
        compromised_since=since,
    )
    return Draft(revocation)
