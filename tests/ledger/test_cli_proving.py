"""Handing over from the command line: exports, evidence, receipts, and the verifier's word."""

from __future__ import annotations

import shlex

import msgspec
import pytest

from ledger.errors import NotFoundError
from ledger.exported import ExportedLedger
from tests.ledger.builder import names
from tests.ledger.commandline import Desk, process, rows
from verify.checkpoint import parse_signed
from verify.merkle import check_inclusion, leaf_hash
from verify.proof import parse_proof


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


def test_the_check_that_is_named_can_be_typed_as_it_stands(desk: Desk) -> None:
    given = recorded_file(desk)
    for words in (
        ("export", "ledger", "our export"),
        ("prove", "ledger", given, "-o", "it's one.json", "--files", "its files"),
    ):
        *_, last = desk(*words).out.splitlines()
        named = shlex.split(last.removeprefix("Check it: "))

        assert "counterfoil-verify" == named[0]
        assert 0 == process(desk.folder, *named[1:], "--quiet", module="verify").code


def test_the_check_of_what_is_not_valid_can_be_typed_as_it_stands(desk: Desk) -> None:
    desk.filled()
    desk.done("export", "ledger", "our export")
    (desk.folder / "our export" / "policy").unlink()
    desk.write("our evidence.json", "{}")
    for path, *words in (
        ("our export", "list", "our export"),
        (
            "our evidence.json",
            "key",
            "request",
            "our evidence.json",
            "-o",
            "r",
            "--key",
            "rutland.key",
        ),
    ):
        ran = desk(*words)
        _, command, _ = ran.err.split("`")
        program, named = shlex.split(command)

        assert 1 == ran.code
        assert ("counterfoil-verify", path) == (program, named.rpartition("/")[2])


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


def recorded_file(desk: Desk) -> str:
    """Record a file; return its event's id."""
    desk.filled()
    desk.write("letter.pdf", "%PDF")
    event = "{kind: artefact, type: letter, claims: {files: [letter.pdf]}}"
    desk.write("file.yaml", f"counterfoil: draft/v1\nevents:\n  - {event}\n")
    recorded = desk.done("record", "ledger", "--key", "rutland.key", "file.yaml")["recorded"]
    return str(rows(recorded)[0]["event"])


def test_evidence_can_bring_its_files(desk: Desk) -> None:
    given = recorded_file(desk)
    made = desk("prove", "ledger", given, "-o", "one.json", "--files", "letters")
    anchor = ("--fingerprint", fingerprint(desk))
    words = ("one.json", "--files", "letters", *anchor)
    whole = process(desk.folder, *words, module="verify")
    (file,) = (desk.folder / "letters").iterdir()
    file.write_text("%PDG")
    changed = process(desk.folder, *words, module="verify")

    assert (0, "") == (made.code, made.err)
    assert "Wrote letters: the files that it opens" in made.out
    assert "one.json --files letters --fingerprint" in made.out
    assert 0 == whole.code
    assert "1 file" in whole.out
    assert 1 == changed.code
    assert "[707]" in changed.out


def test_files_that_cannot_be_brought_leave_no_evidence(desk: Desk) -> None:
    given = recorded_file(desk)
    desk.done("export", "ledger", "export")
    before = names(desk.folder)
    there = desk("prove", "ledger", given, "-o", "one.json", "--files", "export")
    nowhere = desk("prove", "ledger", given, "-o", "one.json", "--files", "none/letters")
    alone = desk("prove", "ledger", given, "--files", "letters")
    (stored,) = [each for each in (desk.folder / "ledger" / "files").rglob("*") if each.is_file()]
    stored.unlink()
    lost = desk("prove", "ledger", given, "-o", "one.json", "--files", "letters")

    assert [2] * 4 == [ran.code for ran in (there, nowhere, alone, lost)]
    assert "export: is there already" in there.err
    assert "none/letters: No such file" in nowhere.err
    assert "--files goes with -o" in alone.err
    assert "is not in this ledger" in lost.err
    assert before == names(desk.folder)


def test_tools_of_others_get_a_proof_an_entry_and_an_envelope(desk: Desk) -> None:
    ids = desk.filled()
    made = desk.done("prove", "ledger", ids[0], "--tlog-proof", "one.tlog-proof",
                     "--entry", "one.entry", "--dsse", "one.dsse")  # fmt: skip
    read = {name: (desk.folder / f"one.{name}").read_bytes() for name in ("entry", "dsse")}
    proof = parse_proof((desk.folder / "one.tlog-proof").read_bytes())
    checkpoint, _ = parse_signed(proof.checkpoint)
    check_inclusion(
        index=proof.index, size=checkpoint.size, leaf=leaf_hash(read["entry"]),
        proof=proof.hashes, root=checkpoint.root,
    )  # fmt: skip

    assert made["events"] == [ids[0]]
    assert made["tlog_proof"] == "one.tlog-proof"
    assert ["payload", "payloadType", "signatures"] == list(msgspec.json.decode(read["dsse"]))
    assert b"A. Clerk" not in read["entry"] + read["dsse"]


def test_what_is_asked_for_goes_into_a_file_each(desk: Desk) -> None:
    ids = desk.filled()
    before = names(desk.folder)
    for again in ("./one", "ledger/../one"):
        ran = desk("prove", "ledger", ids[0], "-o", "one", "--dsse", again)

        assert (2, before) == (ran.code, names(desk.folder))
        assert "go into a file each" in ran.err


def test_an_export_gives_all_that_its_ledger_gives(desk: Desk) -> None:
    given = recorded_file(desk)
    desk.done("export", "ledger", "export")
    options = {"-o": "json", "--files": "files", "--tlog-proof": "proof", "--entry": "entry",
               "--dsse": "dsse"}  # fmt: skip
    for source in ("ledger", "export"):
        words = [word for option, end in options.items() for word in (option, f"{source}.{end}")]
        desk.done("prove", source, given, *words)
    made = [desk.folder / f"{source}.files" for source in ("ledger", "export")]

    assert names(made[0]) == names(made[1]) != []
    for end in ("json", "proof", "entry", "dsse"):
        ours, theirs = (desk.folder / f"{source}.{end}" for source in ("ledger", "export"))
        assert ours.read_bytes() == theirs.read_bytes()


def test_a_file_that_an_export_lost_is_named(desk: Desk) -> None:
    given = recorded_file(desk)
    desk.done("export", "ledger", "export")
    (file,) = (desk.folder / "export" / "files").iterdir()
    with pytest.raises(NotFoundError):
        ExportedLedger(desk.folder / "export").file_path("0" * 64)
    file.unlink()
    lost = desk("prove", "export", given, "-o", "one.json", "--files", "letters")

    assert 1 == lost.code
    assert "[706]" in lost.err
    assert "one.json" not in names(desk.folder)


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
    (("prove", "ledger", "ID"), "say what to write: -o"),
    (("prove", "ledger", "ID", "OTHER", "--dsse", "new"), "are for one event"),
    (("prove", "ledger", "ID", "-o", "new", "--dsse", "draft.yaml"), "draft.yaml: exists already"),
    (("receipt", "ledger", "ffffffffffff", "-o", "new"), "begins with ffffffffffff"),
    (("receipt", "ledger", "ID", "-o", "ledger"), "ledger: exists already"),
])  # fmt: skip
def test_what_cannot_be_handed_over_is_named_and_leaves_nothing(
    desk: Desk, words: tuple[str, ...], part: str
) -> None:
    ids = desk.filled()
    desk.done("export", "ledger", "export")
    before = names(desk.folder)
    given = {"ID": ids[0], "OTHER": ids[1]}
    ran = desk(*(given.get(word, word) for word in words))

    assert (2, "") == (ran.code, ran.out)
    assert part in ran.err
    assert before == names(desk.folder)


def test_an_export_without_a_file_says_so(desk: Desk) -> None:
    recorded_file(desk)
    whole = desk("export", "ledger", "whole")
    (stored,) = [each for each in (desk.folder / "ledger" / "files").rglob("*") if each.is_file()]
    stored.unlink()
    ran = desk("export", "ledger", "export")

    assert 0 == whole.code
    assert 1 == ran.code
    assert "Missing: the file " in ran.out
