"""Evidence of two parties, changed and audited: what the tests of evidence files share."""

import msgspec

from tests.world import World, letter
from verify.anchors import Anchors
from verify.checks import Check
from verify.codec import encode
from verify.evidence import Evidence, audit_evidence
from verify.report import Report

ORIGIN = "ledger.example/two-councils"


def two_parties() -> World:
    """Entry 0; southfold's key 1 and joining 2; three letters at 3 to 5; one at 6; its answer 7."""
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere"), letter("northmere"), letter("northmere"), see=True)
    world.submit(letter("southfold"), see=True)
    world.submit(letter("northmere"))
    return world


def audited(evidence: Evidence, **anchors: object) -> Report:
    return audit_evidence(encode(evidence), anchors=Anchors(**anchors))  # type: ignore[arg-type]  # any anchor


def causes(evidence: Evidence, **anchors: object) -> list[Check]:
    return [finding.check for finding in audited(evidence, **anchors).findings]


def changed(evidence: Evidence, **fields: object) -> Evidence:
    return msgspec.structs.replace(evidence, **fields)


def with_entry(evidence: Evidence, place: int, **fields: object) -> Evidence:
    entries = list(evidence.entries)
    entries[place] = msgspec.structs.replace(entries[place], **fields)
    return changed(evidence, entries=tuple(entries))
