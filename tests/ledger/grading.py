"""Events to grade, and their grades, for tests of these."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections.abc import Mapping, Sequence

from ledger.folds.grades import Grade, grade_of
from ledger.folds.reading import Reading, read
from tests.ledger.bookmaking import Book, Draft, book_of, dates, nonce, sealed
from tests.ledger.founding import position
from verify.claims import File
from verify.kinds import Actors, Communication, Event

US, THEM, FRIEND, OTHER = "leicestershire", "rutland", "blaby", "melton"
AS_AT = dt.date(2026, 1, 31)
Claims = Mapping[str, str | File]
_numbers = itertools.count()


def file(name: str = "letter.docx", *, kind: str | None = None, size: int = 100) -> File:
    docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    kinds = {"docx": docx, "eml": "message/rfc822", "pdf": "application/pdf", "csv": "text/csv"}
    return File(
        media_type=kind or kinds[name.rpartition(".")[2]],
        name=name,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        size=size,
    )


def draft(
    kind: type[Event], author: str, *, claims: Claims | None = None,
    **fields: object,
) -> Draft:  # fmt: skip
    label = f"{author} {next(_numbers)}"
    seals, opened = sealed(author, label, claims or {})
    event = kind(author=author, nonce=nonce(label), sealed=seals or None, **fields)  # type: ignore[arg-type]  # a test's own
    return Draft(event, opened)


def letter(
    author: str = US, *, from_: Actors = (US,), to: Actors = (THEM,), channel: str = "letter",
    sent: str | None = "2025-11-28", received: str | None = None,
    claims: Claims | None = None, **fields: object,
) -> Draft:  # fmt: skip
    roles = {name: day for name, day in (("sent", sent), ("received", received)) if day}
    given = {"title": "A letter"} if claims is None else claims
    return draft(
        Communication, author, claims=given, channel=channel, from_=from_, to=to,
        dates=dates(**roles) if roles else None, **fields,
    )  # fmt: skip


def replace_event(of: Draft, **fields: object) -> Communication:
    event = of.event
    assert isinstance(event, Communication)
    values = {name: getattr(event, name) for name in event.__struct_fields__} | fields
    return Communication(**values)


def says(author: str, on: Draft, stance: str, **fields: object) -> Draft:
    return position(f"says {next(_numbers)}", author, on, stance, **fields)


def book(drafts: Sequence[Draft]) -> Book:
    return book_of(drafts, members=(THEM, FRIEND, OTHER))


def graded(on: Draft, *drafts: Draft, reading: Reading | None = None) -> dict[str, Grade]:
    found = reading or read(book((on, *drafts)).view(), as_at=AS_AT)
    return {each.element: each for each in grade_of(found, found.view.by_id[on.id])}


def numbers(on: Draft, *drafts: Draft) -> dict[str, int]:
    return {name: grade.grade for name, grade in graded(on, *drafts).items()}


DOCX: Claims = {"file.1": file(), "title": "A letter"}
EML: Claims = {"file.1": file("mail.eml"), "title": "A mail"}
