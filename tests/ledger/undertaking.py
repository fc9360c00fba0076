"""Drafts of agreements, arrangements and transfers, and their folds, for tests of these."""

from __future__ import annotations

import datetime as dt

from ledger.dates import Answer
from ledger.folds.agreements import AgreementRow, fold_agreements
from ledger.folds.arrangements import ArrangementRow, fold_arrangements
from ledger.folds.reading import Reading, read
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.transfers import TransferRow, fold_transfers
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce
from tests.ledger.founding import LCC, step
from verify.claims import File
from verify.kinds import Agreement, Arrangement, Meeting, Request, Transfer

AS_AT = dt.date(2025, 11, 28)
TOLD = Telling(LCC)
RUTLAND, BLABY = "rutland", "blaby"
MEMBERS = (BLABY, "melton", RUTLAND)


def reading(*drafts: Draft, as_at: dt.date = AS_AT) -> Reading:
    return read(book_of(drafts, members=MEMBERS).view(), as_at=as_at)


def agreement(
    *, author: str = LCC, on: dict[str, str] | None = None, label: str = "isa", **fields: object
) -> Draft:
    given_ = {"signatories": (LCC, RUTLAND), "effective": "all_signed"} | fields
    return Draft(
        Agreement(
            author=author,
            nonce=nonce(label),
            type=given_.pop("type", "information_sharing"),  # type: ignore[arg-type]  # a test's own
            dates=dates(**on) if on else None,
            **given_,  # type: ignore[arg-type]  # a test's own
        )
    )


def did(of: Draft, verb: str, author: str, on: str = "2025-08-01", **fields: object) -> Draft:
    """Make a step of an agreement; its label follows from what it says."""
    roles = fields.pop("roles", {"occurred": on} if on else {})
    label = f"{verb} {author} {on} {sorted(fields.items(), key=str)} {roles}"
    return step(label, of, verb, roles, target="agreement", author=author, **fields)  # type: ignore[arg-type]  # a test's own


def folded(*drafts: Draft, telling: Telling = ESTABLISHED, as_at: dt.date = AS_AT) -> AgreementRow:
    return fold_agreements(reading(*drafts, as_at=as_at), telling=telling).rows[0]


ISA = agreement()


BOTH = (did(ISA, "sign", LCC), did(ISA, "sign", RUTLAND, "2025-08-05"))


V1 = (did(ISA, "draft", LCC, "2025-07-01", version=1), *(
    did(ISA, "sign", party, "2025-08-01", version=1) for party in (LCC, RUTLAND)
))  # fmt: skip


def passed(on: str = "2025-09-01", label: str = "data", **fields: object) -> Draft:
    given_ = {"author": LCC, "from_": LCC, "to": (RUTLAND,), "under": ISA.id} | fields
    return Draft(
        Transfer(
            nonce=nonce(f"{label} {on} {given_['author']}"),
            dates=dates(sent=on) if on else None,
            **given_,  # type: ignore[arg-type]  # a test's own
        )
    )


def arrangement(author: str = LCC, label: str = "group", **fields: object) -> Draft:
    given_ = {"type": "forum", "members": (LCC, RUTLAND, BLABY)} | fields
    return Draft(Arrangement(author=author, nonce=nonce(label), **given_))  # type: ignore[arg-type]  # a test's own


GROUP = arrangement()


def done(verb: str, author: str = LCC, on: str = "2025-07-01", **fields: object) -> Draft:
    of = fields.pop("of", GROUP)
    label = f"{verb} {author} {on} {sorted(fields.items(), key=str)}"
    roles = {"occurred": on} if on else {}
    return step(label, of, verb, roles, target="arrangement", author=author, **fields)  # type: ignore[arg-type]  # a test's own


def met(on: str, label: str = "", author: str = LCC, **fields: object) -> Draft:
    role = "period" if "/" in on else "occurred"
    return Draft(
        Meeting(
            author=author,
            nonce=nonce(f"met {on} {label}"),
            dates=dates(**{role: on}) if on else None,
            links=(link("about", GROUP),),
            **fields,  # type: ignore[arg-type]  # a test's own
        )
    )


def arranged(
    *drafts: Draft, telling: Telling = ESTABLISHED, as_at: dt.date = AS_AT
) -> ArrangementRow:
    return fold_arrangements(reading(*drafts, as_at=as_at), telling=telling).rows[0]


def seats(row: ArrangementRow) -> dict[str, tuple[Answer, bool]]:
    return {seat.actor: (seat.answer, seat.signed) for seat in row.members}


def chairs(row: ArrangementRow) -> list[tuple[str, str]]:
    return [(seat.actor, seat.answer) for seat in row.chairs]


def transferred(
    *drafts: Draft, telling: Telling = ESTABLISHED, as_at: dt.date = AS_AT
) -> TransferRow:
    return fold_transfers(reading(*drafts, as_at=as_at), telling=telling).rows[0]


ASKED = Draft(
    Request(
        author=RUTLAND, nonce=nonce("asked"), what="data", medium="written",
        from_=(RUTLAND,), to=(LCC,), categories=12,
    )
)  # fmt: skip
STORE = arrangement(type="facility", operator=LCC, members=None, label="store")
FILE = File(name="jobs.csv", media_type="text/csv", size=3, sha256="ab" * 32)
