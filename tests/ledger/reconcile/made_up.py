"""Tellings made up, for tests of what is made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ledger.dates import parse_when
from ledger.folds.moments import Moment
from ledger.reconcile.books import Book
from ledger.reconcile.tellings import MailHead, Telling
from ledger.view import Told
from verify.brackets import Bracket
from verify.kinds import Communication, Date, DateRole, Event, Link, Meeting

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64


def telling(  # noqa: PLR0913 - a builder: each part has a default
    ledger: str,
    number: int,
    *,
    title: str = "",
    edtf: str | None = "2025-03-06",
    labels: Sequence[str] = ("county", "rutland"),
    document: str | None = None,
    mail: MailHead | None = None,
    event: Event | None = None,
    event_id: str | None = None,
    key: str | None = None,
    withdrawn: bool = False,
) -> Telling:
    """Return what a ledger tells, made up."""
    nonce = hashlib.sha256(f"{ledger}{number}".encode()).hexdigest()
    told = Told(
        index=number,
        id=event_id or nonce,
        recorded=0,
        event=event or Meeting(author="county", nonce=nonce[:32]),
        claims={},
        author="county",
        key=key or ledger,
        key_origin="founding",
        seen_size=0,
        position=0,
        first=number,
    )
    return Telling(
        fingerprint=ledger,
        told=told,
        moment=None if edtf is None else Moment("occurred", parse_when(edtf, basis="stated")),
        labels=frozenset(labels),
        title=title,
        documents=() if document is None else (("file.1", document),),
        mail=mail,
        withdrawn=withdrawn,
    )


def mail_event(number: int, *links: Link) -> Communication:
    return Communication(
        author="county", nonce=f"{number:032x}", channel="email", links=links or None
    )


def dated(**roles: str) -> dict[DateRole, Date]:
    """Return dates of an event."""
    found: dict[DateRole, Date] = {}
    for role, edtf in roles.items():
        found[role] = Date(basis="stated", edtf=edtf)  # type: ignore[index]  # roles are tested
    return found


def book(
    fingerprint: str,
    *,
    told: Sequence[Told] = (),
    brackets: dict[str, Bracket] | None = None,
    parties: dict[str, str] | None = None,
    compromised: Sequence[str] = (),
    withdrawn: Sequence[str] = (),
) -> Book:
    """Return a ledger that tells this, made up."""
    return Book(
        fingerprint=fingerprint,
        origin="ledger.example",
        size=1,
        reach=1,
        told=tuple(told),
        by_id={each.id: each for each in told},
        dates={},
        parties=parties or {},
        compromised=frozenset(compromised),
        withdrawn=frozenset(withdrawn),
        brackets=brackets or {},
        notes=(),
        files={},
        view=None,
    )
