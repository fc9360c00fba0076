"""The certificate: what a court's clerk reads, and what it never says."""

import hashlib
import importlib.metadata
import resource
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.showing import evidence_of
from tests.verify.test_command import fingerprint, run, two_parties, written
from tests.world import World
from verify.__main__ import main
from verify.brackets import Bracket
from verify.certificate import WORDS, Received, draft_certificate, listing_hash
from verify.checks import Check
from verify.evidence import NOT_CHECKED, format_evidence
from verify.report import Finding, Report, Times, Weighed

LISTING = "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
RECEIVED = Received("letter.json", 1234, "ab" * 32)
NEVER = (
    "witness", "disclosure", "redact", "tenant", "timeline", "leaf", "tree", "hash chain",
    "checkpoint", "vkey", "proves that", "is true.",
)  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return two_parties()


@pytest.fixture
def evidence(world: World, tmp_path: Path) -> Path:
    path = tmp_path / "letter.json"
    path.write_bytes(format_evidence(evidence_of(world, 3)))
    return path


def drafted(report: Report, received: Received = RECEIVED) -> str:
    return draft_certificate(report, received=received, supplied=(), versions=[("program", "1.0")])


def test_says_what_was_received_and_what_came_of_it(world: World, evidence: Path) -> None:
    out = evidence.parent / "draft.txt"
    done = run(evidence, "--fingerprint", fingerprint(world), "--certificate", out)
    text = out.read_text()
    sha256 = hashlib.sha256(evidence.read_bytes()).hexdigest()

    assert 0 == done.returncode
    assert b"Valid. " in done.stdout
    for part in (
        "letter.json", f"{evidence.stat().st_size:,} octets", "SOUND. Every check passed",
        "Agrees with  the ledger's fingerprint", "counterfoil", "Signature      ____",
        "whether anything that was said is true", "Draft, made by a program.",
    ):  # fmt: skip
        assert part in text
    assert sha256 == "".join(text.split("SHA-256")[1].split()[:8])
    assert all(len(line) <= 80 for line in text.splitlines())


def test_is_the_same_text_every_time(evidence: Path) -> None:
    first, second = evidence.parent / "1.txt", evidence.parent / "2.txt"
    for out in (first, second):
        assert 3 == run(evidence, "--quiet", "--certificate", out).returncode

    assert first.read_bytes() == second.read_bytes()
    assert b"AGREES WITH ITSELF ONLY" in first.read_bytes()


def test_names_a_folder_by_a_listing_that_anyone_can_make(world: World, tmp_path: Path) -> None:
    export = written(tmp_path / "export", world.export())
    receipt = written(tmp_path, {"r.json": world.receipt(3, 2)}) / "r.json"
    out = tmp_path / "draft.txt"
    run(export, "--receipt", receipt, "--certificate", out)
    listed = subprocess.run(
        ["/bin/sh", "-c", LISTING], cwd=export, capture_output=True, check=True,
    )  # fmt: skip
    text = out.read_text()

    assert listed.stdout.decode()[:64] == "".join(text.split("SHA-256")[1].split()[:8])
    assert "Folder       export" in text
    assert "File         r.json" in text
    assert hashlib.sha256(receipt.read_bytes()).hexdigest()[:8] in text
    assert "of a folder is that of the list" in text


def test_names_the_files_that_came_along(world: World, tmp_path: Path) -> None:
    evidence = written(tmp_path, {"e.json": format_evidence(evidence_of(world, 5))}) / "e.json"
    files = written(tmp_path / "files", world.files)
    run(evidence, "--files", files, "--certificate", tmp_path / "draft.txt")

    assert "1 attached files, each" in (tmp_path / "draft.txt").read_text()


def test_never_overwrites_and_writes_nothing_where_nothing_ran(evidence: Path) -> None:
    out = written(evidence.parent, {"there.txt": b"mine"}) / "there.txt"
    there = run(evidence, "--certificate", out)
    nowhere = run(evidence.parent / "missing", "--certificate", evidence.parent / "new.txt")
    lost = run(evidence, "--certificate", evidence.parent / "none" / "new.txt")

    assert [2, 2, 2] == [ran.returncode for ran in (there, nowhere, lost)]
    assert b"mine" == out.read_bytes()
    assert not (evidence.parent / "new.txt").exists()


def test_lists_what_is_wrong_and_what_follows(evidence: Path) -> None:
    evidence.write_bytes(evidence.read_bytes().replace(b'"counterfoil-evidence/v1"', b'"x"'))
    out = evidence.parent / "draft.txt"
    done = run(evidence, "--certificate", out)
    below = Finding(Check.TILE, "tile/0/000", "is another")
    causes = [
        Finding(Check.ENTRY, "entry", "is damaged", index=3, consequences=(below,) * n)
        for n in (0, 1, 2)
    ]
    text = drafted(Report("invalid", findings=tuple(causes)))
    many = drafted(Report("invalid", findings=tuple(causes[:1] * 103)))

    assert 1 == done.returncode
    assert "NOT SOUND" in out.read_text()
    assert "Nothing could be read" in text
    assert "  1. entry 3, entry: is damaged (check 401)\n" in text
    assert "     one point more follows from it\n" in text
    assert "     2 points more follow from it\n" in text
    assert "  and 3 points more\n" in many


def test_speaks_no_word_of_the_craft_and_escapes_what_it_is_given() -> None:
    counts = dict.fromkeys(set(WORDS) - {"valid", "invalid", "self-consistent"}, 1)
    for verdict in ("valid", "self-consistent", "invalid"):
        report = Report(verdict, counts=counts, not_checked=NOT_CHECKED)
        text = drafted(report, Received("a\x1b[31m\u202eb", 1, "00" * 32))

        assert not [word for word in NEVER if word in text.lower()]
        assert "a\\x1b[31m\\u202eb" in text
        assert text.replace("\n", "").isprintable()


def test_its_table_has_what_reports_say() -> None:
    said = {text for text in WORDS if len(text) > 40}

    assert 3 == len(said)
    assert said <= set(NOT_CHECKED)


def test_says_whose_clocks_show_when_entries_existed() -> None:
    weighed = Weighed("all", ("a", "b"), witnesses=3, liars_needed=1)
    of_evidence = Times("policy", brackets=((3, Bracket(0, 60, 2, 3)), (4, Bracket(None, None))))
    of_export = Times("charter", signed_after=5, existed_by=6, earliest_s=0, latest_s=60)
    one = drafted(Report("valid", weighed=weighed, times=of_evidence))
    all_of_it = drafted(Report("valid", times=of_export))
    none = drafted(Report("valid", weighed=replace(weighed, quorum=None), times=Times("charter")))

    assert "  Co-signed    by 2 of 3 co-signers that the policy names\n" in one
    assert "  Times        by the clocks of co-signers that the policy names\n" in one
    assert "entry 3 signed after 1970-01-01 00:00:00 UTC\n" in one
    assert "entry 3 existed by 1970-01-01 00:01:00 UTC\n" in one
    assert "entry 4 " not in one
    assert "that the record itself names\n" in all_of_it
    assert "5 entries signed after 1970-01-01 00:00:00 UTC or later\n" in all_of_it
    assert "6 entries existed by 1970-01-01 00:01:00 UTC or earlier\n" in all_of_it
    assert "Co-signed" not in all_of_it + none


def test_says_of_a_program_that_nobody_installed_that_it_was_not(
    evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where this folder alone was copied to a machine.
    monkeypatch.setattr(importlib.metadata.Distribution, "discover", lambda **_: iter(()))
    out = evidence.parent / "draft.txt"

    assert 3 == main([str(evidence), "--quiet", "--certificate", str(out)])
    assert "counterfoil  not installed as a package" in out.read_text()


def test_a_draft_for_which_there_is_no_room_is_not_begun(
    evidence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = evidence.parent / "draft.txt"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        code = main([str(evidence), "--quiet", "--certificate", str(out)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (2, False) == (code, out.exists())
    assert f"{out}: File too large" in capsys.readouterr().err


def test_a_listing_is_in_the_order_of_octets() -> None:
    expected = hashlib.sha256(b"22  B\n11  a\n33  \xc3\xa4\n").hexdigest()

    assert expected == listing_hash([("a", "11"), ("ä", "33"), ("B", "22")])
