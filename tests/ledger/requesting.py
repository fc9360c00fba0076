"""Requests that two sides tell of, and how they are read, for tests of these."""

from __future__ import annotations

import datetime as dt

from ledger.folds.reading import Reading, read
from ledger.folds.request_rows import RequestRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from tests.ledger.bookmaking import Draft, book_of, dates, nonce
from tests.ledger.founding import CASE, LCC, OTHERS, step
from verify.kinds import Request

TOLD = Telling(LCC)
AS_AT = dt.date(2025, 11, 28)


def reading(*drafts: Draft, as_at: dt.date = AS_AT, members: tuple[str, ...] = OTHERS) -> Reading:
    return read(book_of(drafts or CASE, members=members).view(), as_at=as_at)


def row(of: Draft, read_: Reading, telling: Telling = ESTABLISHED) -> RequestRow:
    return next(r for r in fold_requests(read_, telling=telling).rows if r.id == of.id)


def states(found: RequestRow) -> list[tuple[int, int, str]]:
    return [(run.first, run.last, run.state) for run in found.items]


def request(**fields: object) -> Draft:
    usual = {"nonce": nonce("two-sided"), "dates": dates(received="2025-03-06")}
    event = Request(
        author="rutland",
        what="data",
        medium="written",
        from_=("rutland",),
        to=(LCC,),
        **(usual | fields),  # type: ignore[arg-type]  # a test's own
    )
    return Draft(event)


ASKED = request(categories=10, regime="foia_20")
REFUSED = step("refusal", ASKED, "refuse", {"sent": "2025-03-20"}, items=((1, 3),), reason="exempt")
