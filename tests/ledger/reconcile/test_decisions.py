"""Decisions: read, found in the ledgers, and refused where they are about nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ledger.errors import ReconcileError
from ledger.reconcile.decisions import MAX_DECISIONS, Said, parse_decisions
from tests.ledger.reconcile.conftest import Dispute
from tests.ledger.reconcile.parting import reconciled


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"type":"counterfoil-decisions/v2"}',
        b'{"type":"counterfoil-decisions/v1","confirm":[1]}',
        b'{"type":"counterfoil-decisions/v1","confirmed":[]}',
        b'{"type":"counterfoil-decisions/v1","confirm":["\xff"]}',
        b"[" * 100_000,
        b" " * (MAX_DECISIONS + 1),
    ],
)
def test_refuses_what_is_no_file_of_decisions(data: bytes) -> None:
    with pytest.raises(ReconcileError) as refusal:
        parse_decisions(data, where="decisions.json")

    assert "decisions.json" == refusal.value.where


@pytest.mark.parametrize(
    ("field", "line", "reason"),
    [
        ("confirm", "nonsense", "is not written as"),
        ("confirm", "{a}:{x} = {a}:{x}", "names one ledger twice"),
        ("confirm", "{a}:{none} = {b}:{y}", "there is no event"),
        ("confirm", "{none}:{x} = {b}:{y}", "there is no ledger"),
        ("confirm", "a:{x} = b:{y}", "is too short"),
        ("reject", "{a}:{x} = {b}:{none}", "there is no event"),
        ("reject", "{a}:12 = {b}:{y}", "is too short"),
        ("same_party", "{a}:leicestershire = {b}:nobody", "no party"),
        ("same_party", "{a}:leicestershire", "is not written as"),
    ],
)
def test_refuses_a_decision_about_nothing_here(
    dispute: Dispute, tmp_path: Path, field: str, line: str, reason: str
) -> None:
    names = {
        "a": dispute.county.ledger.fingerprint,
        "b": dispute.rutland.ledger.fingerprint,
        "x": dispute.county.id("letter"),
        "y": dispute.rutland.id("letter"),
        "none": "0123456789abcdef" * 4,
    }
    said = msgspec.structs.replace(Said(), **{field: (line.format(**names),)})
    with pytest.raises(ReconcileError, match=reason) as refusal:
        reconciled(dispute.ours, dispute.theirs, room=tmp_path, said=said)

    assert f"decisions: {field}[0]" == refusal.value.where


def test_refuses_to_confirm_what_it_rejects(dispute: Dispute, tmp_path: Path) -> None:
    pair = dispute.pair("letter", "letter")
    said = Said(confirm=(pair,), reject=(" = ".join(reversed(pair.split(" = "))),))
    with pytest.raises(ReconcileError, match="both confirms and rejects"):
        reconciled(dispute.ours, dispute.theirs, room=tmp_path, said=said)


def test_what_a_result_holds_is_a_file_of_decisions(dispute: Dispute, tmp_path: Path) -> None:
    first = dispute.pair("letter", "letter")
    short = " = ".join(f"{end[:16]}:{end.partition(':')[2][:8]}" for end in first.split(" = "))
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path, said=Said(confirm=(short,)))
    again = Said(confirm=tuple(found.decisions.plain()["confirm"]))

    assert (
        found.decisions
        == reconciled(dispute.ours, dispute.theirs, room=tmp_path, said=again).decisions
    )
    assert 64 == len(found.decisions.confirm[0][0][1])


def test_two_confirmed_tellings_of_one_ledger_are_one_event(
    dispute: Dispute, tmp_path: Path
) -> None:
    said = Said(confirm=(dispute.pair("letter", "letter"), dispute.pair("meeting", "letter")))
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path, said=said)
    (row,) = (row for row in found.rows if len(row.group.tellings) == 3)

    assert "contradicted" == row.dated
    assert any(each.about == "what it was" for each in row.differences)


def test_a_rejection_holds_against_what_others_join(dispute: Dispute, tmp_path: Path) -> None:
    # The mail and the meeting are joined with one letter each way round: the last may not close.
    said = Said(
        confirm=(dispute.pair("letter", "letter"), dispute.pair("meeting", "letter")),
        reject=(dispute.pair("meeting", "mail"), dispute.pair("letter", "mail")),
    )
    found = reconciled(dispute.ours, dispute.theirs, room=tmp_path, said=said)
    (row,) = (row for row in found.rows if len(row.group.tellings) == 3)

    assert dispute.rutland.id("mail") not in {each.told.id for each in row.group.tellings}
