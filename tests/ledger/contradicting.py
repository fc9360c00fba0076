"""What two councils tell, in few words, and the contradictions that are found in it."""

from __future__ import annotations

import datetime as dt

from ledger.folds.contradictions import Finding, fold_contradictions
from ledger.folds.reading import read
from tests.ledger.bookmaking import Draft, book_of, dates, nonce, sealed
from verify.claims import File
from verify.kinds import (
    Communication,
    Meeting,
    Request,
    Step,
)

AS_AT = dt.date(2025, 11, 28)
NORTH, SOUTH = "northmere", "southfold"


def found_in(*drafts: Draft, as_at: dt.date = AS_AT) -> tuple[Finding, ...]:
    book = book_of(drafts, members=(NORTH, SOUTH))
    return fold_contradictions(read(book.view(), as_at=as_at)).rows


def rules_of(*drafts: Draft, as_at: dt.date = AS_AT) -> list[str]:
    return [row.rule for row in found_in(*drafts, as_at=as_at)]


def only(rule: str, *drafts: Draft) -> Finding:
    rows = [row for row in found_in(*drafts) if row.rule == rule]

    assert 1 == len(rows), [row.words for row in rows]
    return rows[0]


# Made of keywords: `label` makes the nonce, dates are given as `on`.


def event(
    kind: type, label: str, author: str, days: dict[str, str] | None, /, **fields: object
) -> Draft:
    texts: dict[str, str | File] = fields.pop("claims", {})  # type: ignore[assignment]  # a test's own
    digests, opened = sealed(author, label, texts)
    return Draft(
        kind(
            author=author,
            nonce=nonce(label),
            dates=dates(**days) if days else None,
            sealed=digests or None,
            **fields,
        ),
        opened,
    )


def letter(label: str, author: str = NORTH, **fields: object) -> Draft:
    on = fields.pop("on", {"sent": "2025-02-03"})
    values = {"channel": "letter", "from_": (NORTH,), "to": (SOUTH,)} | fields
    return event(Communication, label, author, on, **values)  # type: ignore[arg-type]  # a test's own


def request(label: str, author: str = NORTH, **fields: object) -> Draft:
    on = fields.pop("on", {"received": "2025-02-03"})
    values = {"what": "data", "medium": "written", "from_": (NORTH,), "to": (SOUTH,)} | fields
    return event(Request, label, author, on, **values)  # type: ignore[arg-type]  # a test's own


def step(label: str, of: Draft, verb: str, author: str, on: str, **fields: object) -> Draft:
    values = {"target": "request"} | fields
    return event(Step, label, author, {"occurred": on}, of=of.id, verb=verb, **values)


def meeting(label: str, author: str, on: str, **fields: object) -> Draft:
    values = {"attendees": (NORTH, SOUTH)} | fields
    return event(Meeting, label, author, {"occurred": on}, **values)


FILE = File(name="letter.pdf", media_type="application/pdf", size=3, sha256="ab" * 32)
