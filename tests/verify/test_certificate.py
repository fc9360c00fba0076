"""The certificate: what a court's clerk reads, and what it never says."""

import hashlib
import importlib.metadata
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.showing import evidence_of
from tests.verify.commanding import fingerprint, run, written
from tests.world import World, policy
from verify.brackets import Bracket
from verify.certificate import WORDS, Received, draft_certificate, listing_hash
from verify.checks import Check
from verify.codec import encode
from verify.command import main
from verify.events import event_id
from verify.evidence import NOT_CHECKED, format_evidence
from verify.folder import Folder
from verify.lines import noun
from verify.report import Finding, Report, Times, Weighed

LISTING = "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
RECEIVED = Received("letter.json", 1234, "ab" * 32)
NEVER = (
    "witness", "disclosure", "redact", "tenant", "timeline", "leaf", "tree", "hash chain",
    "checkpoint", "vkey", "proves that", "is true.",
)  # fmt: skip


@pytest.fixture
def evidence(world: World, tmp_path: Path) -> Path:
    path = tmp_path / "letter.json"
    path.write_bytes(format_evidence(evidence_of(world, 3)))
    return path


def drafted(report: Report, received: Received = RECEIVED) -> str:
    return draft_certificate(
        report, received=received, supplied=(), log_key=None, outside=(),
        versions=[("program", "1.0")],
    )  # fmt: skip


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

    text = (tmp_path / "draft.txt").read_text()
    assert "attached file, compared with the entry that names it: 1\n" in text
    assert "  Folder       files\n" in text


def test_names_what_it_was_compared_with_by_the_octets_that_were_read(
    world: World, evidence: Path
) -> None:
    folder = evidence.parent
    key, rules, receipt = (folder / name for name in ("log.vkey", "p.policy", "r.json"))
    rules.write_bytes(policy("quorum none", names=()))
    key.write_text(rules.read_text().split()[1])
    receipt.write_bytes(world.receipt(3, 2))
    with receipt.open("rb") as file:  # to be read once: as what the shell's <(...) gives
        reading, writing = os.pipe()
        os.write(writing, file.read())
        os.close(writing)
    done = run(
        evidence, "--receipt", f"/dev/fd/{reading}", "--policy", rules, "--log-key", f"@{key}",
        "--tsa-chain", key, "--quiet", "--certificate", folder / "draft.txt",
    )  # fmt: skip
    os.close(reading)
    text = (folder / "draft.txt").read_text()

    assert 0 == done.returncode
    for path in (rules, receipt, key):
        assert " ".join(grouped(path)[:4]) in text
    assert f"  Log's key    {key.read_text()[:20]}" in text
    assert "  File         p.policy\n" in text
    assert "the policy above: its log's key, and as many of its co-signers" in text


def grouped(path: Path) -> list[str]:
    digits = hashlib.sha256(path.read_bytes()).hexdigest()
    return [digits[start : start + 8] for start in range(0, 64, 8)]


def test_speaks_to_nobody_of_what_disagrees(world: World, tmp_path: Path) -> None:
    export = written(tmp_path / "export", world.export())
    rules = written(tmp_path, {"p": policy("quorum w1", names=("w1",), log="other")}) / "p"
    vkey = policy("quorum none", names=(), log="other").decode().split()[1]
    run(export, "--policy", rules, "--log-key", vkey, "--fingerprint", "ab" * 32,
        "--audience", "southfold", "--certificate", tmp_path / "draft.txt")  # fmt: skip
    text = " ".join((tmp_path / "draft.txt").read_text().split())

    assert "is not for the reader that the signatory named (check 102)" in text
    assert 2 == text.count("is not the one that had reached the signatory another way (check 80")
    assert "is none of the logs that the policy of part 3 names (check 801)" in text
    assert "has not as many co-signers as the policy of part 3 asks for (check 804)" in text
    assert "you" not in text.split()
    assert "your" not in text.split()


def test_says_for_whom_a_folder_says_that_it_is(world: World, tmp_path: Path) -> None:
    files = world.export()
    for name, manifest in (("a", files["manifest.json"]), ("b", b"{}")):
        export = written(tmp_path / name, {**files, "manifest.json": manifest})
        run(export, "--certificate", tmp_path / f"{name}.txt")

    told = (tmp_path / "a.txt").read_text()
    assert "  Made for     public: so says whoever made the folder, and nobody signs it" in told
    assert "  Made for     could not be read\n" in (tmp_path / "b.txt").read_text()


def test_of_what_changed_while_it_was_examined_there_is_none(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = written(tmp_path / "export", world.export())
    read = Folder.read

    def late(folder: Folder, path: str, start: int = 0, stop: int | None = None) -> bytes:
        if path == "policy" and stop is None:  # as the audit reads it
            (export / ".late").write_bytes(b"x")
        return read(folder, path, start, stop)

    monkeypatch.setattr(Folder, "read", late)
    done = run(export, "--certificate", tmp_path / "draft.txt")

    assert (2, b"") == done[:2]
    assert b"what was received changed while it was examined" in done.stderr
    assert not (tmp_path / "draft.txt").exists()


def test_counts_one_thing_as_one_and_names_what_is_shown(world: World, tmp_path: Path) -> None:
    evidence = written(tmp_path, {"e.json": format_evidence(evidence_of(world, 5))}) / "e.json"
    run(evidence, "--certificate", tmp_path / "draft.txt")
    text = (tmp_path / "draft.txt").read_text()
    event = world.events()[5]
    shown = text.split("whose id is")[1].split()[:8]

    assert "  batch of entries, with one signature: 1\n" in text
    assert f"  Shows        entry 5, signed by {event.author}, whose id is\n" in text
    assert event_id(encode(event)).hex() == "".join(shown)
    assert "left closed" not in text


def test_names_what_the_maker_of_evidence_left_closed(world: World, tmp_path: Path) -> None:
    bare = replace(evidence_of(world, 5), disclosures=None)
    evidence = written(tmp_path, {"e.json": format_evidence(bare)}) / "e.json"
    words = run(evidence, "--certificate", tmp_path / "draft.txt").stdout.decode()
    line = f"               left closed: {', '.join(sorted(world.events()[5].sealed or ()))}\n"

    assert line in (tmp_path / "draft.txt").read_text()
    assert line in words


def test_never_overwrites_and_writes_nothing_where_nothing_ran(evidence: Path) -> None:
    out = written(evidence.parent, {"there.txt": b"mine"}) / "there.txt"
    there = run(evidence, "--certificate", out)
    nowhere = run(evidence.parent / "missing", "--certificate", evidence.parent / "new.txt")
    lost = run(evidence, "--certificate", evidence.parent / "none" / "new.txt")

    assert [2, 2, 2] == [ran.returncode for ran in (there, nowhere, lost)]
    assert b"mine" == out.read_bytes()
    assert not (evidence.parent / "new.txt").exists()


def test_is_not_put_into_what_it_is_about(world: World, evidence: Path, tmp_path: Path) -> None:
    export = written(tmp_path / "export", world.export())
    files = written(tmp_path / "files", world.files)
    (tmp_path / "link").symlink_to(export)
    inside = run(export, "--certificate", tmp_path / "link" / "draft.txt")
    among = run(evidence, "--files", files, "--certificate", files / "draft.txt")
    beside = run(export, "--certificate", tmp_path / "export.txt")

    assert [2, 2, 3] == [ran.returncode for ran in (inside, among, beside)]
    assert f"would be in {export}, which is to stay as it was received".encode() in inside.stderr
    assert not [*export.glob("draft*"), *files.glob("draft*")]


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


COUNTED = (
    "disclosures", "entries", "files", "governance entries", "kept notes", "notes",
    "sealed claims", "submissions",
)  # fmt: skip


def test_its_table_has_what_reports_say() -> None:
    said = {text for text in WORDS if len(text) > 60}

    assert 3 == len(said)
    assert all(noun(one, 1) in WORDS for one in COUNTED)
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
    assert "counterfoil     not installed as a package" in out.read_text()


def test_a_draft_for_which_there_is_no_room_is_not_begun(
    evidence: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = evidence.parent / "draft.txt"
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # nor is there room for that
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
