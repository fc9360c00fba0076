"""Transfers: who passed what to whom, who was bound, and what an agreement leaves unsaid."""

from __future__ import annotations

import datetime as dt

from ledger.folds.checklist import ELEMENTS
from ledger.folds.requests import fold_request
from ledger.folds.stances import Telling
from ledger.folds.transfers import fold_transfers
from tests.ledger.bookmaking import Draft, dates, nonce, sealed
from tests.ledger.founding import LCC, position
from tests.ledger.undertaking import (
    ASKED,
    BLABY,
    BOTH,
    FILE,
    GROUP,
    ISA,
    RUTLAND,
    STORE,
    TOLD,
    agreement,
    did,
    done,
    folded,
    passed,
    reading,
    transferred,
)
from verify.kinds import Discharge, Request


def test_a_transfer_says_what_was_passed_and_for_what() -> None:
    seal, texts = sealed(LCC, "data 2025-09-01 leicestershire", {"file.1": FILE})
    event = passed(
        geography="msoa", personal_data="no", rows=120, via=STORE.id,
        discharges=(Discharge(request=ASKED.id, items=((1, 3), (5, 5))),), sealed=seal,
    ).event  # fmt: skip
    found = transferred(
        ASKED, ISA, *BOTH, STORE, done("establish", LCC, of=STORE), Draft(event, texts)
    )

    assert (LCC, (RUTLAND,)) == (found.sender, found.recipients)
    assert [("jobs.csv", "ab" * 32)] == [(each.name, each.sha256) for each in found.datasets]
    assert ("msoa", "no", 120) == (found.geography, found.personal_data, found.rows)
    assert [(ASKED.id, ((1, 3), (5, 5)))] == [(d.request, d.items) for d in found.discharges]
    assert (STORE.id, "yes") == (found.via, found.via_set_up)
    assert ISA.id == found.under
    assert [(LCC, "from", "yes"), (RUTLAND, "to", "yes")] == [
        (each.party, each.role, each.answer) for each in found.bound
    ]


def test_receipt_is_acknowledged_by_the_recipient_s_own_word() -> None:
    sent = passed(to=(RUTLAND, BLABY))
    got = position("got", RUTLAND, sent, "received", dates=dates(received="2025-09-02"))
    found = transferred(ISA, sent, got)

    assert [(RUTLAND, got.id)] == [(each.party, each.id) for each in found.receipts]
    when = found.receipts[0].when
    assert when is not None
    assert "2025-09-02" == when.edtf
    assert (BLABY,) == found.unacknowledged


def test_a_receipt_counts_from_the_day_that_it_gives() -> None:
    """That it was signed stands behind the transfer all the same."""
    sent = passed(author="melton", to=(RUTLAND,))
    got = position("got", RUTLAND, sent, "received", dates=dates(received="2025-09-05"))
    undated = position("got", RUTLAND, sent, "received")
    for receipt, day, count in ((got, 4, 0), (got, 5, 1), (undated, 4, 1)):
        (row,) = fold_transfers(reading(ISA, sent, receipt, as_at=dt.date(2025, 9, day))).rows

        assert ("counts", count) == (row.standing, len(row.receipts))
        assert (() if count else (RUTLAND,)) == row.unacknowledged


def test_the_items_of_a_request_say_that_data_was_received_from_that_day_on() -> None:
    asked = Draft(
        Request(
            author=RUTLAND, nonce=nonce("asked"), what="data", medium="written",
            from_=(RUTLAND,), to=(LCC,),
        )
    )  # fmt: skip
    sent = passed(to=(RUTLAND,), discharges=(Discharge(request=asked.id),))
    got = position("got", RUTLAND, sent, "received", dates=dates(received="2025-09-05"))
    for day, count in ((4, 0), (5, 1)):
        found = reading(ISA, asked, sent, got, as_at=dt.date(2025, 9, day))
        (note,) = fold_request(found, asked.id).rows[0].items[0].notes

        assert count == note.count("and received")


def test_a_transfer_counts_by_those_that_it_names() -> None:
    told = passed(author="melton")
    got = position("got", RUTLAND, told, "received")

    assert "claimed" == transferred(ISA, told).standing
    assert "counts" == transferred(ISA, told, got).standing
    assert "counts" == transferred(ISA, told, telling=Telling("melton")).standing
    assert "counts" == transferred(ISA, told, got, telling=Telling(RUTLAND)).standing
    found = fold_transfers(reading(ISA, told), telling=TOLD)
    assert ((), 1) == (found.rows, found.elsewhere)
    back = position("back", "melton", told, "retract_own")
    assert "withdrawn" == transferred(ISA, told, back).standing
    assert 1 == fold_transfers(reading(ISA, passed("2025-12-01"))).later


def test_who_is_not_of_the_agreement_was_not_bound_by_it() -> None:
    found = transferred(ISA, *BOTH, passed(to=(BLABY,)))

    assert [(LCC, "yes"), (BLABY, "no")] == [(each.party, each.answer) for each in found.bound]
    (ground,) = found.bound[1].bindings[0].grounds
    assert "signatory" == ground.kind


def test_without_an_agreement_nobody_is_bound() -> None:
    found = transferred(passed(under=None))

    assert ((), (), None) == (found.bound, found.not_recorded, found.under)
    other = transferred(GROUP, passed(under=GROUP.id))
    assert ((), GROUP.id) == (other.bound, other.under)
    assert "not established" == transferred(ISA, passed(via=ISA.id)).via_set_up


# The list of an agreement on sharing data


def test_what_an_agreement_does_not_record_is_listed() -> None:
    assert tuple(e for e in ELEMENTS if e != "organisations") == folded(ISA).not_recorded
    claims = {
        "purpose": "planning", "item.1": "jobs", "lawful_basis": "public task",
        "special_category": "none", "individual_rights": "by each", "security": "encrypted",
        "retention": "a year", "terms": "these",
    }  # fmt: skip
    seal, texts = sealed(LCC, "full", claims)
    full = Draft(agreement(label="full", on={"until": "2027-01-01"}, sealed=seal).event, texts)
    assert () == folded(full).not_recorded
    # What is sealed is recorded, open here or not; and a draft records for its agreement.
    closed = Draft(full.event)
    assert () == folded(closed).not_recorded
    seal, texts = sealed(LCC, "drafted", {"purpose": "planning"})
    drafted = Draft(did(ISA, "draft", LCC, sealed=seal).event)
    assert "purpose" not in folded(ISA, drafted).not_recorded
    assert () == folded(agreement(type="funding")).not_recorded
