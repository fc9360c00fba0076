"""A telling: one event as one ledger tells it, and what of it can be compared with another's.

What a mail says of itself is read from its original octets where the export brings them, and
otherwise taken as its recorder claims it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ledger.errors import MailError
from ledger.folds.moments import Moment, date_of
from ledger.folds.positions import named_parties
from ledger.mail import Mail, parse_mail
from ledger.reconcile.books import Book
from ledger.reconcile.decisions import Ref
from ledger.sentences import title_of
from ledger.view import Told
from verify.claims import File
from verify.kinds import (
    Account,
    Agreement,
    Arrangement,
    Artefact,
    Commitment,
    Communication,
    Knowledge,
    Meeting,
    Request,
    Step,
    Transfer,
)

__all__ = ["MailHead", "Telling", "tellings_of"]

_TOLD: Final = (
    *(Account, Agreement, Arrangement, Artefact, Commitment, Communication, Knowledge, Meeting),
    *(Request, Step, Transfer),
)
_MAIL: Final = "message/rfc822"
_MAIN: Final = frozenset(("file", "file.1"))
_MAX_HEAD: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHead:
    """What a mail says of itself.

    Attributes:
        message_id: Without angle brackets.
        answers: The Message-IDs that it says it answers.
        subject: Its subject, white space made one.
        date: Its date in EDTF, if it has one that can be read.
        senders: The addresses that it says it is from, in small letters.
        read: Whether its octets were read; otherwise its recorder claims all this.
    """

    message_id: str | None
    answers: tuple[str, ...] = ()
    subject: str | None = None
    date: str | None = None
    senders: frozenset[str] = frozenset()
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One event as one ledger tells it.

    Attributes:
        fingerprint: The ledger's.
        told: The event.
        moment: The date that stands for it.
        labels: The parties that it names as having done or undergone something.
        title: The author's words for it, in small letters, white space made one; or nothing.
        documents: The files that it opens: claim name and SHA-256, by name.
        mail: What the mail says of itself, if it is one.
        withdrawn: Whether it is withdrawn.
    """

    fingerprint: str
    told: Told = field(repr=False)
    moment: Moment | None
    labels: frozenset[str]
    title: str
    documents: tuple[tuple[str, str], ...]
    mail: MailHead | None
    withdrawn: bool

    @property
    def ref(self) -> Ref:
        """What names it."""
        return self.fingerprint, self.told.id

    @property
    def main(self) -> str | None:
        """SHA-256 of the document that the event is about, not of what came with that."""
        return next((digest for name, digest in self.documents if name in _MAIN), None)


def tellings_of(book: Book) -> Iterator[Telling]:
    """Yield what a ledger tells to have happened, in ledger order.

    Governance, seals, openings, holds, erasures, responses and outside evidence are acts upon the
    ledger: they are no tellings.
    """
    for told in book.told:
        if isinstance(told.event, _TOLD):
            yield _telling(book, told)


def _telling(book: Book, told: Told) -> Telling:
    files = {name: value for name, value in told.claims.items() if isinstance(value, File)}
    labels = named_parties(told.event)
    return Telling(
        fingerprint=book.fingerprint,
        told=told,
        moment=book.dates.get(told.id),
        labels=labels or frozenset((told.author,)),
        title=" ".join((title_of(told) or "").split()).casefold(),
        # A file without an octet is no document: any two events can have that one.
        documents=tuple(sorted((name, file.sha256) for name, file in files.items() if file.size)),
        mail=_mail(book, told, files),
        withdrawn=told.id in book.withdrawn,
    )


def _mail(book: Book, told: Told, files: dict[str, File]) -> MailHead | None:
    if not isinstance(told.event, Communication):
        return None
    original = files.get("file.1")
    path = None
    if original is not None and original.media_type == _MAIL:
        path = book.files.get(original.sha256)
    mail = None if path is None else _read(path)
    if mail is not None:
        return MailHead(
            message_id=mail.message_id,
            answers=tuple(dict.fromkeys((*mail.in_reply_to, *mail.references))),
            subject=None if mail.subject is None else _one_line(mail.subject),
            date=mail.date_edtf,
            senders=frozenset(each.address.casefold() for each in mail.from_ if each.address),
            read=True,
        )
    message_id, subject = told.text("message_id"), told.text("title")
    if message_id is None:
        return None
    sent = date_of(told, "sent")
    return MailHead(
        message_id=message_id,
        subject=None if subject is None else _one_line(subject),
        date=None if sent is None else sent.edtf,
    )


def _read(path: Path) -> Mail | None:
    """Read the header of a mail; None where it cannot be read as one."""
    with path.open("rb") as file:
        octets = file.read(_MAX_HEAD)
    ends = [at for mark in (b"\r\n\r\n", b"\n\n") if (at := octets.find(mark)) >= 0]
    try:
        return parse_mail(octets[: min(ends, default=len(octets))] + b"\r\n\r\n")
    except MailError:
        return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
