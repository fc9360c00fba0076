"""A signed checkpoint in the place of a receipt: what it shows of exports and evidence."""

from __future__ import annotations

import copy
from base64 import b64encode

import pytest

from tests import reference
from tests.forking import forked, one_world
from tests.showing import evidence_of
from tests.world import ORIGIN, World, cosign, policy, restart, signing_key
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.codec import encode
from verify.evidence import audit_evidence
from verify.merkle import EMPTY_ROOT
from verify.note import format_note, parse_note
from verify.policy import parse_policy
from verify.report import Report
from verify.source import MappingSource

AT_S = 1_750_000_000


@pytest.fixture
def world() -> World:
    restart("held")
    return one_world()


def of_export(world: World, held: bytes, applied: bytes | None = None) -> Report:
    """Judge an export by both verifiers, which must agree."""
    rule = None if applied is None else parse_policy(applied)
    anchors = Anchors(receipts=(("held", held),), policy=rule)
    report = audit(MappingSource(world.export()), anchors=anchors)
    judged = reference.audit_export(world.export(), receipts=[held], policy=applied)
    assert (report.verdict, [int(f.check) for f in report.findings]) == (
        judged.verdict,
        [f.check for f in judged.findings],
    )
    return report


def of_evidence(world: World, held: bytes) -> Report:
    anchors = Anchors(receipts=(("held", held),))
    return audit_evidence(encode(evidence_of(world, 2)), anchors=anchors)


def checks(report: Report) -> list[Check]:
    return [finding.check for finding in report.findings]


def test_every_earlier_checkpoint_agrees_with_an_export_and_anchors_it(world: World) -> None:
    for size in range(1, world.size + 1):
        report = of_export(world, world.note(size))

        assert ("valid", ("the checkpoint held",)) == (report.verdict, tuple(report.anchors))


def test_an_export_that_is_smaller_is_older_or_was_cut(world: World) -> None:
    cut = copy.deepcopy(world)
    del cut.entries[6:]
    cut.disclosures = {index: texts for index, texts in cut.disclosures.items() if index < 6}
    (finding,) = of_export(cut, world.note()).findings

    assert (Check.RECEIPT, "at least 8", "6") == (finding.check, finding.expected, finding.found)
    assert "older, or cut" in finding.reason


def test_another_root_hash_is_another_history(world: World) -> None:
    other = forked(world, at=5, more=3)

    for report in (of_export(world, other.note(7)), of_evidence(world, other.note())):
        assert [Check.RECEIPT] == checks(report)
        assert "two histories were signed" in report.findings[0].reason


def signed(world: World, text: str) -> bytes:
    """Sign a text as the log does."""
    (line,) = parse_note(world.note()).signatures
    return format_note(
        text.encode(), [line._replace(payload=world.log.sign(text.encode()).signature)]
    )


def test_what_is_no_checkpoint_of_this_log_is_refused(world: World) -> None:
    thief = copy.deepcopy(world)
    thief.log = signing_key("thief")
    held = world.note()
    empty = signed(world, f"{ORIGIN}\n0\n{b64encode(EMPTY_ROOT).decode()}\n")
    elsewhere = signed(world, parse_note(held).text.decode().replace(ORIGIN, "ledger.example/x"))
    altered = held.replace(b"\n8\n", b"\n7\n")
    for wrong in (b"", b"x", held[:-1], altered, thief.note(), empty, elsewhere):
        assert [Check.RECEIPT] == checks(of_export(world, wrong))
        assert [Check.RECEIPT] == checks(of_evidence(world, wrong))


def test_evidence_meets_a_checkpoint_of_its_size_only(world: World) -> None:
    assert "valid" == of_evidence(world, world.note()).verdict
    report = of_evidence(world, world.note(5))
    assert ("self-consistent", []) == (report.verdict, checks(report))
    assert () == tuple(report.anchors)


def test_a_line_of_a_witness_of_the_policy_must_be_valid(world: World) -> None:
    applied = policy("quorum none")
    held = cosign(world.note(), ("w1", AT_S))
    assert "valid" == of_export(world, held, applied).verdict
    spoilt = held.replace(held[-9:-2], b"AAAAAAA")
    assert [Check.RECEIPT] == checks(of_export(world, spoilt, applied))


def test_without_a_charter_nothing_can_be_compared(world: World) -> None:
    def spoilt(data: bytes) -> bytes:
        return data.replace(b'"kind":"charter/v1"', b'"kind":"xharter/v1"')

    anchors = Anchors(receipts=(("held", world.note()),))
    export = {path: spoilt(data) for path, data in world.export().items()}
    for report in (
        audit(MappingSource(export), anchors=anchors),
        audit_evidence(spoilt(encode(evidence_of(world, 2))), anchors=anchors),
    ):
        (finding,) = report.findings
        assert Check.RECEIPT is finding.consequences[-1].check
        assert "there is no charter" in finding.consequences[-1].reason
