"""The founding dispute from two sides: what is one event, what is lacking, what cannot both be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ledger.reconcile.decisions import Said
from ledger.reconcile.reconciling import Reconciled
from ledger.reconcile.rows import Row
from ledger.reconcile.text import reconciliation_text
from ledger.wording import field_words
from tests.ledger.reconcile.conftest import Dispute
from tests.ledger.reconcile.parting import reconciled

ALL = ("meeting", "asked", "letter")


def row_of(found: Reconciled, event_id: str) -> Row:
    return next(
        row for row in found.rows for each in row.group.tellings if each.told.id == event_id
    )


def confirmed(dispute: Dispute, room: Path, *labels: str) -> Reconciled:
    said = Said(
        confirm=tuple(dispute.pair(label, label) for label in labels), same_party=(dispute.same,)
    )
    return reconciled(dispute.ours, dispute.theirs, room=room, said=said)


def test_joins_the_mail_that_both_hold_octet_for_octet(dispute: Dispute, tmp_path: Path) -> None:
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path)
    row = row_of(found, dispute.county.id("reply"))

    assert {dispute.county.id("reply"), dispute.rutland.id("reply")} == {
        each.told.id for each in row.group.tellings
    }
    assert [("same octets", "certain")] == [(m.ground, m.certainty) for m in row.group.matches]


def test_marks_a_mail_that_a_program_wrote_anew_as_probable(
    dispute: Dispute, tmp_path: Path
) -> None:
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path)
    (match,) = row_of(found, dispute.county.id("mail")).group.matches

    assert ("same message", "probable") == (match.ground, match.certainty)
    assert {"the date is the same", "the subject is the same", "the sender is the same"} <= set(
        match.reasons
    )
    assert any("the octets differ" in words for words in match.against)


def test_joins_no_meeting_and_no_letter_by_itself(dispute: Dispute, tmp_path: Path) -> None:
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path)
    proposed = {
        frozenset(event for _, event in match.events): match for match in found.matches.to_confirm
    }

    for label in ALL:
        pair = frozenset((dispute.county.id(label), dispute.rutland.id(label)))
        assert 1 == len(row_of(found, dispute.county.id(label)).group.tellings)
        assert "possible" == proposed[pair].certainty
    meeting = proposed[frozenset((dispute.county.id("meeting"), dispute.rutland.id("meeting")))]
    assert "both can be of 6 March 2025" in meeting.reasons
    assert "both name blaby, the same in both ledgers" in meeting.reasons
    assert "the titles differ" in meeting.against


def test_tells_two_dates_of_one_letter_side_by_side(dispute: Dispute, tmp_path: Path) -> None:
    found = confirmed(dispute, tmp_path, "letter")
    row = row_of(found, dispute.county.id("letter"))
    (dated,) = (each for each in row.differences if each.about == field_words("dates.dated"))

    assert ["confirmed"] == [match.certainty for match in row.group.matches]
    assert "contradiction" == dated.how
    assert {"4 April 2025", "7 April 2025"} == {words for _, words in dated.said}
    assert ("in common", "2025-04-07") == (row.dated, row.when and row.when.edtf)


def test_calls_request_and_invitation_a_contradiction(dispute: Dispute, tmp_path: Path) -> None:
    found = confirmed(dispute, tmp_path, "asked")
    row = row_of(found, dispute.county.id("asked"))
    contradicted = {each.about for each in row.differences if each.how == "contradiction"}

    assert {"what", "what it was"} <= contradicted
    assert "WHERE THEY CONTRADICT EACH OTHER" in reconciliation_text(found)


def test_knows_who_is_meant_once_the_parties_are_joined(dispute: Dispute, tmp_path: Path) -> None:
    before = reconciled(dispute.ours, dispute.theirs, room=tmp_path)
    after = reconciled(
        dispute.ours, dispute.theirs, room=tmp_path, said=Said(same_party=(dispute.same,))
    )
    named = [
        {each.about for each in row_of(found, dispute.county.id("mail")).differences}
        for found in (before, after)
    ]

    assert [{"to, by labels that nothing joins"}, set()] == named
    assert {("the same key",), ("a decision",)} == {each.because for each in after.parties.joined}


def test_shows_the_letter_of_12_march_that_one_side_never_had(
    dispute: Dispute, tmp_path: Path
) -> None:
    found = reconciled(
        dispute.ours, dispute.theirs, room=tmp_path, said=Said(same_party=(dispute.same,))
    )
    complaint = dispute.rutland.id("complaint")
    (missing,) = (
        each
        for each in found.missing
        if found.rows[each.row].group.tellings[0].told.id == complaint
    )
    reasons = "\n".join(missing.reasons)

    assert dispute.county.ledger.fingerprint == missing.lacking
    assert "as this ledger has it, says that it answers it" in reasons
    assert "replies to it as another tells" in reasons
    assert "it is copied to lcc, who signs in this ledger" in reasons


def test_tells_which_documents_one_side_has_and_the_other_lacks(
    dispute: Dispute, tmp_path: Path
) -> None:
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path)
    county, rutland = dispute.county.ledger.fingerprint, dispute.rutland.ledger.fingerprint

    assert Counter([(), (county,), (rutland,), (rutland,)]) == Counter(
        each.lacking for each in found.documents
    )


def test_orders_rows_of_two_ledgers_by_dates_alone(dispute: Dispute, tmp_path: Path) -> None:
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path)
    complaint = row_of(found, dispute.rutland.id("complaint"))
    # Both are of 7 April: which of the two rows is the first, the ledgers' fingerprints say.
    letters = [row_of(found, side.id("letter")) for side in (dispute.county, dispute.rutland)]
    first, second = sorted(letters, key=found.rows.index)

    assert found.rows[0].order is None
    assert ("yes", "yes", "not established") == (complaint.order, first.order, second.order)
    assert found.rows.index(first) + 1 == found.rows.index(second)


def test_a_rejected_match_is_neither_joined_nor_proposed(dispute: Dispute, tmp_path: Path) -> None:
    said = Said(reject=(dispute.pair("mail", "mail"), dispute.pair("meeting", "meeting")))
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path, said=said)
    pairs = [frozenset(e for _, e in match.events) for match in found.matches.to_confirm]

    assert 1 == len(row_of(found, dispute.county.id("mail")).group.tellings)
    for label in ("mail", "meeting"):
        assert frozenset((dispute.county.id(label), dispute.rutland.id(label))) not in pairs


def test_tells_where_a_request_stands_by_either_side(dispute: Dispute, tmp_path: Path) -> None:
    found = confirmed(dispute, tmp_path, "asked")
    row = row_of(found, dispute.county.id("asked"))
    (stands,) = (each for each in row.differences if each.about == "where the request stands")

    assert "contradiction" == stands.how
    assert {"answered, as told by leicestershire", "refused, as told by rutland"} == {
        words for _, words in stands.said
    }
