"""What judges a vector: the kernel, and the second verifier."""

from collections.abc import Callable, Mapping
from typing import Any

from tests import reference
from tests.vectors.spelling import Vector, octets
from verify.audit import Anchors, audit
from verify.checkpoint import check_checkpoint
from verify.ed25519 import check_public_key, check_signature
from verify.entry import check_parts, parse_entry
from verify.errors import RuleError, VerifyError
from verify.events import parse_event
from verify.evidence import audit_evidence
from verify.fork import check_fork, parse_fork
from verify.merkle import check_consistency, check_inclusion
from verify.note import check_note, parse_note, parse_vkey
from verify.policy import parse_policy
from verify.receipt import check_receipt_alone, parse_receipt
from verify.source import MappingSource
from verify.submission import check_disclosure, parse_document, parse_statement


class Refusal(Exception):  # noqa: N818 - the word of the specification
    """An audit's verdict, as an exception like any other refusal."""

    def __init__(self, check: int) -> None:
        super().__init__(check)
        self.check = check


def _entry(given: Vector) -> None:
    entry = parse_entry(octets(given))
    check_parts(entry)
    parse_event(entry.event)


def _receipt(given: Vector) -> None:
    check_receipt_alone(parse_receipt(octets(given["receipt"])), key=parse_vkey(given["vkey"]))


def _export(given: Vector) -> None:
    files = {path: octets(data) for path, data in given["files"].items()}
    policy = parse_policy(octets(given["policy"])) if "policy" in given else None
    report = audit(MappingSource(files), anchors=Anchors(policy=policy))
    if report.findings:
        raise Refusal(report.findings[0].check)


def _evidence(given: Vector) -> None:
    report = audit_evidence(octets(given))
    if report.findings:
        raise Refusal(report.findings[0].check)


def _reference_receipt(given: Vector) -> None:
    _, proof = reference.parse_receipt(octets(given["receipt"]))
    try:
        reference.read_checkpoint(proof.checkpoint, given["vkey"])
    except reference.Refused as problem:
        raise reference.Refused(803, problem.where) from problem


def _reference_export(given: Vector) -> None:
    files = {path: octets(data) for path, data in given["files"].items()}
    try:
        policy = octets(given["policy"]) if "policy" in given else None
        report = reference.audit_export(files, policy=policy)
    except reference.UnknownVersion as problem:
        raise Refusal(104) from problem
    if report.findings:
        raise Refusal(report.findings[0].check)


def _reference_evidence(given: Vector) -> None:
    try:
        report = reference.audit_evidence(octets(given))
    except reference.UnknownVersion as problem:
        raise Refusal(104) from problem
    if report.findings:
        raise Refusal(report.findings[0].check)


def _hashes(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def _tree(given: Vector, **names: str) -> dict[str, Any]:
    hashes = {name: bytes.fromhex(given[key]) for name, key in names.items()}
    return {**hashes, "proof": _hashes(given["proof"])}


KERNEL: dict[str, Callable[[Vector], object]] = {
    "event": lambda v: parse_event(octets(v)),
    "statement": lambda v: parse_statement(octets(v)),
    "entry": _entry,
    "document": lambda v: parse_document(octets(v)),
    "disclosure": lambda v: check_disclosure(
        v["disclosure"], event=parse_event(octets(v["event"])), where="disclosure"
    ),
    "note": lambda v: check_note(parse_note(octets(v["note"])), key=parse_vkey(v["vkey"])),
    "checkpoint": lambda v: check_checkpoint(
        octets(v["note"]), key=parse_vkey(v["vkey"]), origin=v["vkey"].partition("+")[0]
    ),
    "fork": lambda v: check_fork(parse_fork(octets(v))),
    "receipt": _receipt,
    "evidence": _evidence,
    "export": _export,
    "key": lambda v: check_public_key(bytes.fromhex(v["key"])),
    "signature": lambda v: check_signature(
        key=bytes.fromhex(v["key"]),
        message=octets(v["message"]),
        signature=bytes.fromhex(v["signature"]),
    ),
    "inclusion": lambda v: check_inclusion(
        index=v["index"], size=v["size"], **_tree(v, leaf="leaf", root="root")
    ),
    "consistency": lambda v: check_consistency(
        old_size=v["old_size"], new_size=v["size"], **_tree(v, old_root="old_root", new_root="root")
    ),
}
REFERENCE: dict[str, Callable[[Vector], object]] = {
    "event": lambda v: reference.check_event(octets(v)),
    "statement": lambda v: reference.check_statement(octets(v)),
    "entry": lambda v: reference.check_entry(octets(v)),
    "document": lambda v: reference.check_document(octets(v)),
    "disclosure": lambda v: reference.check_disclosure(v["disclosure"], octets(v["event"])),
    "note": lambda v: reference.check_note(octets(v["note"]), v["vkey"]),
    "checkpoint": lambda v: reference.check_checkpoint(octets(v["note"]), v["vkey"]),
    "fork": lambda v: reference.check_fork(octets(v)),
    "receipt": _reference_receipt,
    "evidence": _reference_evidence,
    "export": _reference_export,
    "key": lambda v: reference.check_key(bytes.fromhex(v["key"])),
    "signature": lambda v: reference.check_signature(
        bytes.fromhex(v["key"]), octets(v["message"]), bytes.fromhex(v["signature"])
    ),
    "inclusion": lambda v: reference.check_inclusion(
        index=v["index"], size=v["size"], **_tree(v, leaf="leaf", root="root")
    ),
    "consistency": lambda v: reference.check_consistency(
        old_size=v["old_size"], size=v["size"], **_tree(v, old_root="old_root", root="root")
    ),
}


def judge(judges: Mapping[str, Callable[[Vector], object]], vector: Vector) -> tuple[str, int]:
    """Return a verdict on a vector, and the check that a refusal names, or 0."""
    try:
        judges[vector["kind"]](vector["input"])
    except (RuleError, Refusal, reference.Refused) as problem:
        return "refused", int(problem.check)
    except VerifyError:
        return "refused", 0
    return "accepted", 0
