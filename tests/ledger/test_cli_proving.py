"""Handing over from the command line: exports, evidence, receipts, and the verifier's word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ledger.commandline import Desk, process


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def fingerprint(desk: Desk) -> str:
    return str(desk.done("export", "ledger", "for-the-fingerprint")["fingerprint"])


def test_an_export_is_valid_for_whoever_holds_the_fingerprint(desk: Desk) -> None:
    desk.filled()
    exported = desk.done("export", "ledger", "export")
    anchor = ("--fingerprint", str(exported["fingerprint"]))

    assert 3 == process(desk.folder, "export", "--quiet", module="verify").code
    assert 0 == process(desk.folder, "export", "--quiet", *anchor, module="verify").code
    assert 1 == process(desk.folder, "export", "--fingerprint", "0" * 64, module="verify").code
    assert 7 == exported["disclosures"]


def test_evidence_is_valid_for_whoever_holds_the_fingerprint(desk: Desk) -> None:
    ids = desk.filled()
    made = desk("prove", "ledger", ids[0][:12], ids[1], ids[0], "--without", "person.1",
                "-o", "one.json")  # fmt: skip
    anchor = ("--fingerprint", fingerprint(desk))

    assert (0, "") == (made.code, made.err)
    assert "evidence for 2 events" in made.out
    assert 3 == process(desk.folder, "one.json", "--quiet", module="verify").code
    assert 0 == process(desk.folder, "one.json", "--quiet", *anchor, module="verify").code
    data = (desk.folder / "one.json").read_bytes()
    assert b"A. Clerk" not in data
    assert b"B. Clerk" in data


def test_a_receipt_is_one_that_the_verifier_takes(desk: Desk) -> None:
    ids = desk.filled()
    desk.done("receipt", "ledger", ids[0][:12], "-o", "receipt.json")
    desk.done("export", "ledger", "export")
    checked = process(desk.folder, "export", "--receipt", "receipt.json", module="verify")

    assert 0 == checked.code


@pytest.mark.parametrize(("words", "part"), [
    (("export", "ledger", "draft.yaml"), "draft.yaml: is there already"),
    (("export", "ledger", "none/export"), "none/export: No such file or directory"),
    (("export", "ledger", "new", "--for", "nobody"), "nobody is no party"),
    (("export", "export", "new"), "export is an export already"),
    (("export", "nowhere", "new"), "nowhere: no such folder"),
    (("prove", "ledger", "ffffffffffff", "-o", "new"), "begins with ffffffffffff"),
    (("prove", "ledger", "ID", "-o", "draft.yaml"), "draft.yaml: exists already"),
    (("prove", "ledger", "ID", "-o", "none/new"), "none/new: No such file"),
    (("prove", "ledger", "ID", "-o", "new", "--without", "persn"), "persn"),
    (("prove", "ledger", "ID", "-o", "new", "--for", "nobody"), "nobody is no party"),
    (("prove", "ledger", "-o", "new"), "required: id"),
    (("receipt", "ledger", "ffffffffffff", "-o", "new"), "begins with ffffffffffff"),
    (("receipt", "ledger", "ID", "-o", "ledger"), "ledger: exists already"),
])  # fmt: skip
def test_what_cannot_be_handed_over_is_named_and_leaves_nothing(
    desk: Desk, words: tuple[str, ...], part: str
) -> None:
    ids = desk.filled()
    desk.done("export", "ledger", "export")
    before = names(desk.folder)
    ran = desk(*(ids[0] if word == "ID" else word for word in words))

    assert (2, "") == (ran.code, ran.out)
    assert part in ran.err
    assert before == names(desk.folder)


def test_an_export_without_a_file_says_so(desk: Desk) -> None:
    desk.filled()
    desk.write("letter.pdf", "%PDF")
    event = "{kind: artefact, type: letter, claims: {files: [letter.pdf]}}"
    desk.write("file.yaml", f"counterfoil: draft/v1\nevents:\n  - {event}\n")
    desk.done("record", "ledger", "--key", "rutland.key", "file.yaml")
    whole = desk("export", "ledger", "whole")
    (stored,) = [each for each in (desk.folder / "ledger" / "files").rglob("*") if each.is_file()]
    stored.unlink()
    ran = desk("export", "ledger", "export")

    assert 0 == whole.code
    assert 1 == ran.code
    assert "Missing: the file " in ran.out
