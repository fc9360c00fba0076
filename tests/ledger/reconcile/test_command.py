"""`counterfoil reconcile`: what it prints, writes and compares, and how it ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from ledger.archive import pack
from ledger.evidence import prove
from ledger.export import export, open_export
from ledger.reconcile.result import RECONCILIATION
from tests.ledger.builder import new_letter
from tests.ledger.commandline import Desk, part, process, rows
from tests.ledger.reconcile.conftest import Dispute
from tests.ledger.reconcile.parting import COUNTY, found
from verify.fork import ForkAnchors, audit_fork


@pytest.fixture
def desk(tmp_path: Path, dispute: Dispute) -> Desk:
    """Have the two exports, an evidence file and an archive on a desk."""
    shutil.copytree(dispute.ours, tmp_path / "ours")
    shutil.copytree(dispute.theirs, tmp_path / "theirs")
    complaint = dispute.rutland.id("complaint")
    (tmp_path / "complaint.json").write_bytes(prove(dispute.rutland.ledger, [complaint]))
    with open_export(dispute.rutland.ledger) as opened, (tmp_path / "theirs.tar").open("xb") as tar:
        tar.writelines(pack(opened.members()))
    return Desk(tmp_path)


def decided(desk: Desk, dispute: Dispute) -> str:
    said = {
        "type": "counterfoil-decisions/v1",
        "confirm": [dispute.pair("letter", "letter"), dispute.pair("meeting", "meeting")],
        "reject": [dispute.pair("asked", "asked")],
        "same_party": [dispute.same],
    }
    return desk.write("decisions.json", msgspec.json.encode(said).decode())


def test_says_that_nothing_vouches_for_a_source(desk: Desk) -> None:
    ran = desk("reconcile", "ours", "theirs")

    assert 0 == ran.code
    assert "ours: export, consistent with itself only: nothing that you gave vouches" in ran.out
    assert "CHRONOLOGY" in ran.out


def test_takes_an_anchor_to_the_source_that_it_is_about(desk: Desk, dispute: Dispute) -> None:
    fingerprint = dispute.county.ledger.fingerprint
    values = desk.done("reconcile", "ours", "theirs", "--fingerprint", fingerprint)

    assert {"ours": "valid", "theirs": "self-consistent"} == {
        one["source"]: one["verdict"] for one in rows(values["sources"])
    }


def test_takes_a_policy_of_the_readers_own(desk: Desk) -> None:
    values = desk.done("reconcile", "ours", "theirs", "--policy", "theirs/policy")

    assert [["your policy"]] == [
        one["anchors"] for one in rows(values["sources"]) if one["source"] == "theirs"
    ]


def test_takes_a_log_key_and_refuses_what_is_none(desk: Desk) -> None:
    vkey = str(desk.done("stat", "ours")["log_key"])
    values = desk.done("reconcile", "ours", "theirs", "--log-key", vkey)

    assert [["the log's key"]] == [
        one["anchors"] for one in rows(values["sources"]) if one["source"] == "ours"
    ]
    assert 1 == desk("reconcile", "theirs", "--log-key", vkey).code
    for option, value in (("--log-key", "x"), ("--policy", "nowhere"), ("--policy", "ours")):
        assert 2 == desk("reconcile", "ours", option, value).code
    assert 2 == desk("reconcile", "ours", "--decisions", "nowhere").code


def test_the_check_takes_no_other_decisions(desk: Desk) -> None:
    desk.done("reconcile", "ours", "theirs", "--out", "together")
    ran = desk("reconcile", "ours", "theirs", "--check", "together", "--same-party", "a:b=c:d")

    assert 2 == ran.code
    assert "takes the decisions that are in the folder" in ran.err


def test_refuses_an_anchor_that_is_about_no_source(desk: Desk, dispute: Dispute) -> None:
    ran = desk("reconcile", "ours", "--fingerprint", "ab" * 32)

    assert 1 == ran.code
    assert "is of none of the sources" in ran.err
    assert 1 == desk("reconcile", "ours", "--policy", "theirs/policy").code
    assert 0 == desk("reconcile", "ours", "--fingerprint", dispute.county.ledger.fingerprint).code


def test_evidence_says_that_later_entries_are_not_shown(desk: Desk) -> None:
    ran = desk("reconcile", "ours", "complaint.json")
    values = desk.done("reconcile", "ours", "complaint.json")
    found = part(values["reconciliation"])
    whole = {one["whole"] for one in rows(found["ledgers"])}

    assert "it shows some entries; later ones are not shown" in ran.out
    assert {"yes", "no"} == whole
    assert "Letter about the county" in ran.out


def test_an_archive_is_the_export_that_it_holds(desk: Desk) -> None:
    folder = desk.done("reconcile", "ours", "theirs")["reconciliation"]
    archive = desk.done("reconcile", "ours", "theirs.tar")["reconciliation"]
    both = desk.done("reconcile", "ours", "theirs", "theirs.tar", "ours")["reconciliation"]

    assert folder == archive == both


def test_lists_a_source_that_is_not_valid_with_its_first_finding(desk: Desk) -> None:
    path = desk.folder / "theirs" / "tile" / "entries" / "000.p" / "9"
    path.write_bytes(path.read_bytes().replace(b"lcc", b"lcd", 1))
    ran = desk("reconcile", "ours", "theirs")
    asked = desk("--json", "reconcile", "ours", "theirs")
    (refused,) = rows(asked.values["refused"])

    assert (1, 1) == (ran.code, asked.code)
    assert "REFUSED  theirs is not valid: [" in ran.out
    assert "theirs" == refused["source"]
    assert "lcd" not in ran.out
    assert 2 == desk("reconcile", "ours", "theirs", "--out", "together").code
    assert not (desk.folder / "together").exists()


def test_a_file_of_a_source_adds_no_line_to_what_is_said_of_it(desk: Desk) -> None:
    forged = "theirs: a valid export, by the ledger's fingerprint"
    (desk.folder / "theirs" / f"x\n{forged}").touch()
    ran = desk("reconcile", "ours", "theirs")

    assert 1 == ran.code
    assert rf"REFUSED  theirs is not valid: [101] x\n{forged}: " in ran.out
    assert forged not in ran.out.splitlines()


def test_the_other_side_makes_the_same_octets(desk: Desk, dispute: Dispute) -> None:
    decisions = decided(desk, dispute)
    made = desk("reconcile", "ours", "theirs", "complaint.json", "--decisions", decisions,
        "--out", "together")  # fmt: skip
    checked = desk("reconcile", "--check", "together", "complaint.json", "theirs.tar", "ours")

    assert (0, 0) == (made.code, checked.code), checked
    assert "is what these sources give, octet for octet" in checked.out
    assert ["reconciliation.json", "reconciliation.txt"] == sorted(
        each.name for each in (desk.folder / "together").iterdir()
    )
    data = (desk.folder / "together" / "reconciliation.json").read_bytes()
    assert RECONCILIATION == msgspec.json.decode(data)["type"]
    assert str(desk.folder).encode() not in data


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("reconciliation.json", b"Meeting of leaders", b"Meeting of readers", "rows"),
        ("reconciliation.json", b'"size":9', b'"size":8', "inputs"),
        ("reconciliation.json", b'{"', b'{ "', "how it is written"),
        ("reconciliation.txt", b"CHRONOLOGY", b"CHRONOLOGIE", "reconciliation.txt"),
    ],
)
def test_says_what_somebody_altered(
    desk: Desk, name: str, old: bytes, new: bytes, part: str
) -> None:
    desk.done("reconcile", "ours", "theirs", "--out", "together")
    path = desk.folder / "together" / name
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    ran = desk("--json", "reconcile", "ours", "theirs", "--check", "together")

    assert 1 == ran.code
    assert any(part in each for each in msgspec.convert(ran.values["differs"], list[str]))


def test_other_sources_do_not_pass_the_check(desk: Desk) -> None:
    desk.done("reconcile", "ours", "theirs", "--out", "together")
    ran = desk("reconcile", "ours", "complaint.json", "--check", "together")

    assert 1 == ran.code
    assert "reconciliation.json: inputs" in ran.out


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[",
        b'{"type":"x","decisions":{}}',
        b"[" * 9999,
        b'{"type":"counterfoil-reconciliation/v1","decisions":{},"\xff":1}',
    ],
)
def test_refuses_a_folder_that_is_no_reconciliation(desk: Desk, data: bytes) -> None:
    desk.done("reconcile", "ours", "theirs", "--out", "together")
    (desk.folder / "together" / "reconciliation.json").write_bytes(data)
    ran = desk("reconcile", "ours", "theirs", "--check", "together")

    assert 1 == ran.code
    assert "reconciliation.json" in ran.err


def test_overwrites_no_folder(desk: Desk) -> None:
    ran = desk("reconcile", "ours", "theirs", "--out", "theirs")

    assert 2 == ran.code
    assert "theirs: is there already" in ran.err


def test_a_folder_to_check_that_is_not_there_could_not_be_checked(desk: Desk) -> None:
    ran = desk("reconcile", "ours", "theirs", "--check", "nowhere")

    assert 2 == ran.code
    assert "nowhere/reconciliation.json: No such file" in ran.err


@pytest.mark.parametrize(
    ("source", "code", "reason"),
    [
        ("ledger", 1, "make one first with `counterfoil export`"),
        ("notes.txt", 1, "is neither an export, nor its archive, nor evidence"),
        ("/dev/null", 1, "is neither a folder nor a file"),
        ("cut.tar", 1, "is no archive of an export"),
        ("nowhere", 2, "nowhere: No such file or directory"),
        ("notes.txt/ours", 2, "notes.txt/ours: Not a directory"),
    ],
)
def test_refuses_what_is_no_source(
    desk: Desk, dispute: Dispute, source: str, code: int, reason: str
) -> None:
    (desk.folder / "ledger").symlink_to(dispute.county.folder / "leicestershire")
    (desk.folder / "notes.txt").write_text("notes")
    (desk.folder / "cut.tar").write_bytes((desk.folder / "theirs.tar").read_bytes()[:4000])
    ran = desk("reconcile", "ours", source)

    assert code == ran.code
    assert reason in ran.err


def test_letters_name_ledgers_on_the_command_line(desk: Desk, dispute: Dispute) -> None:
    order = sorted((dispute.county.ledger.fingerprint, dispute.rutland.ledger.fingerprint))
    county = "ab"[order.index(dispute.county.ledger.fingerprint)]
    rutland = "ab"[order.index(dispute.rutland.ledger.fingerprint)]
    values = desk.done("reconcile", "ours", "theirs", "--same-party",
        f"{county}:leicestershire={rutland}:lcc")  # fmt: skip
    found = part(values["reconciliation"])

    (line,) = msgspec.convert(part(found["decisions"])["same_party"], list[str])

    assert sorted(dispute.same.split(" = ")) == line.split(" = ")


def test_a_process_with_another_hash_seed_gives_the_same_octets(
    desk: Desk, dispute: Dispute
) -> None:
    decisions = decided(desk, dispute)
    sources = ("ours", "theirs", "complaint.json")
    assert 0 == desk("reconcile", *sources, "--decisions", decisions, "--out", "one").code
    ran = process(desk.folder, "reconcile", *sources[::-1], "--decisions", decisions,
        "--out", "other", PYTHONHASHSEED="7")  # fmt: skip

    assert 0 == ran.code
    for name in ("reconciliation.json", "reconciliation.txt"):
        one, other = (desk.folder / folder / name for folder in ("one", "other"))
        assert one.read_bytes() == other.read_bytes()


def test_says_for_whom_a_folder_is_that_holds_what_is_limited(desk: Desk, dispute: Dispute) -> None:
    export(dispute.rutland.ledger, desk.folder / "limited", audience="rutland")
    ran = desk("reconcile", "ours", "limited", "--out", "together")

    assert "It holds what only rutland may see: hand it to nobody else" in ran.out
    assert [] == desk.done("reconcile", "ours", "theirs", "--out", "open")["limited_to"]


def test_a_fork_is_handed_over_with_its_proof(desk: Desk) -> None:
    for name in ("one", "two"):
        (desk.folder / name).mkdir()
        record = found(desk.folder / name, COUNTY, number=1, nonce=1)
        with record.ledger:
            record.add("letter", new_letter("leicestershire", name))
            record.export()
    sources = ("one/leicestershire-export", "two/leicestershire-export", "theirs")
    made = desk("reconcile", *sources, "--out", "together")
    checked = desk("reconcile", "--check", "together", *sources[::-1])
    (proof,) = (desk.folder / "together").glob("*.fork")

    assert (1, 1) == (made.code, checked.code)
    assert "FORK: two histories of the ledger" in made.out
    assert "octet for octet" in checked.out
    assert "self-consistent" == audit_fork(proof.read_bytes(), anchors=ForkAnchors()).verdict
