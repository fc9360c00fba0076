"""The command `output`: what it writes, and how it refuses."""

from __future__ import annotations

import csv
import hashlib

import pytest

from tests.ledger.commandline import Desk, part, rows

CSV = ("output", "export", "--format", "csv", "--as-at", "2025-06-01", "--out")


@pytest.fixture
def exported(desk: Desk) -> Desk:
    desk.filled()
    desk.done("export", "ledger", "export")
    return desk


def test_writes_a_file_and_says_what_it_is(exported: Desk) -> None:
    values = exported.done(*CSV, "one.csv")
    data = (exported.folder / "one.csv").read_bytes()
    (file,) = rows(values["files"])

    assert {"path": "one.csv", "sha256": hashlib.sha256(data).hexdigest()} == file
    assert ("csv", "2025-06-01", 2) == (values["format"], values["as_at"], values["rows"])
    assert {"acts of governance", "happened after the day asked"} & {
        str(each["why"]) for each in rows(values["left_out"])
    }
    found = list(csv.DictReader(data.decode().splitlines()))
    assert "Data was asked for." in {row["title"] for row in found}


def test_a_ledger_and_its_export_give_the_same_octets(exported: Desk) -> None:
    exported.done(*CSV, "one.csv")
    exported.done("output", "ledger", *CSV[2:], "two.csv")
    exported.done(*CSV, "one.csv", "--force")

    one, two = ((exported.folder / name).read_bytes() for name in ("one.csv", "two.csv"))
    assert one == two


def test_what_it_says_makes_it_again_does(exported: Desk) -> None:
    exported.done(
        "output", "export", "--format", "ics", "--out", "one.ics", "--as-at", "2025-06-01",
        "--party", "rutland", "--telling", "rutland", "--grades", "--variant", "full",
    )  # fmt: skip
    text = (exported.folder / "one.ics").read_text().replace("\n ", "")
    again = text.partition("To make this again: counterfoil ")[2].partition("\n")[0]
    words = again.replace("EXPORT", "export").replace("FORMAT", "ics").replace("FILE", "two.ics")
    exported.done(*words.split())

    one, two = ((exported.folder / name).read_bytes() for name in ("one.ics", "two.ics"))
    assert one == two


def test_writes_what_goes_beside(exported: Desk) -> None:
    ran = exported("output", "export", "--format", "timesketch", "--out", "it.jsonl")

    assert (0, "") == (ran.code, ran.err)
    assert {"it.jsonl", "it.omitted.csv"} <= {path.name for path in exported.folder.iterdir()}
    assert "SHA-256" in ran.out
    assert "counterfoil-verify EXPORT --fingerprint " in ran.out


def test_overwrites_nothing_unless_told(exported: Desk) -> None:
    exported.write("it.omitted.csv", "mine")
    ran = exported("--json", "output", "export", "--format", "timesketch", "--out", "it.jsonl")

    assert "it.omitted.csv: exists already, and is not overwritten" in ran.reason
    assert not (exported.folder / "it.jsonl").exists()
    exported.done("output", "export", "--format", "timesketch", "--out", "it.jsonl", "--force")
    assert "mine" != (exported.folder / "it.omitted.csv").read_text()


def test_a_file_is_named_as_its_format_asks(exported: Desk) -> None:
    ran = exported("--json", "output", "export", "--format", "timesketch", "--out", "it.json")

    assert "a file of this format is named *.jsonl" in ran.reason


def test_a_folder_that_is_not_there_is_named(exported: Desk) -> None:
    ran = exported("--json", *CSV, "none/one.csv")

    assert 2 == ran.code
    assert "none" in ran.reason


def test_the_help_lists_the_formats_and_their_files(desk: Desk) -> None:
    help_ = str(part({"help": desk("output", "--help").out})["help"])

    assert "timesketch   *.jsonl, *.omitted.csv" in help_
