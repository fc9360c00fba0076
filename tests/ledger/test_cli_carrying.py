"""Responses that are signed into a file, on evidence, and handed in by somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ledger.commandline import NOW_MS, Desk, rows
from verify.command import main as verify
from verify.submission import parse_document

DAY_MS = 86_400_000
KEY = ("--key", "ministry.key")


@pytest.fixture
def given(desk: Desk) -> str:
    """The id of an event of which an outsider has evidence."""
    found = desk.filled()[0]
    desk.done("prove", "ledger", found, "-o", "evidence.json")
    desk.key("ministry", "--powers", "answer,undertake")
    return found


def enrol(desk: Desk) -> None:
    desk.done("key", "request", "evidence.json", *KEY, "-o", "ministry.request")
    desk.done("enrol", "ledger", "ministry.request", "--key", "county.key")


def carried(desk: Desk, name: str = "receipt.json") -> int:
    return desk("carry", "ledger", "response.json", "-o", name).code


def test_a_response_is_signed_without_a_ledger_and_handed_in_by_anybody(
    desk: Desk, given: str
) -> None:
    words = ("deny", "--field", "dates.received", "--value", "2025-04-09", "--note", "Not then.")
    signed = desk("answer", "evidence.json", given[:12], *words, *KEY, "-o", "response.json")
    enrol(desk)
    ran = desk("carry", "ledger", "response.json", "-o", "receipt.json")
    submission = parse_document((desk.folder / "response.json").read_bytes())
    desk.done("export", "ledger", "export")

    assert (0, "", 0, "") == (signed.code, signed.err, ran.code, ran.err)
    assert f"ministry: deny {given[:16]}" in signed.out
    assert None is submission.statement.seen  # of nothing but what it was shown
    assert NOW_MS + 29 * DAY_MS < submission.statement.expires < NOW_MS + 31 * DAY_MS
    assert "Recorded: signed by ministry, entry " in ran.out
    assert "send it to ministry" in ran.out
    shown = desk("show", "ledger", given).out
    assert "ministry: deny (2025-04-09)" in shown
    receipt = str(desk.folder / "receipt.json")
    assert 0 == verify([str(desk.folder / "export"), "--receipt", receipt, "--quiet"])


def test_handed_in_again_it_is_recorded_once(desk: Desk, given: str) -> None:
    desk.done("answer", "evidence.json", given, "deny", *KEY, "-o", "response.json")
    enrol(desk)

    assert [0, 0] == [carried(desk, name) for name in ("one.json", "two.json")]
    one, two = ((desk.folder / name).read_bytes() for name in ("one.json", "two.json"))
    assert one == two
    assert 1 == len(rows(desk.done("list", "ledger", "--party", "ministry")["events"]))
    assert 2 == carried(desk, "two.json")  # it is there already


def test_nothing_is_handed_in_where_its_receipt_has_no_place(desk: Desk, given: str) -> None:
    desk.done("answer", "evidence.json", given, "deny", *KEY, "-o", "response.json")
    enrol(desk)
    (desk.folder / "receipt.json").write_text("another's")
    ran = desk("carry", "ledger", "response.json", "-o", "receipt.json")

    assert (2, True) == (ran.code, "exists already, and is not overwritten" in ran.err)
    assert [] == rows(desk.done("list", "ledger", "--party", "ministry")["events"])
    assert "another's" == (desk.folder / "receipt.json").read_text()


def test_what_the_ledger_refuses_leaves_no_receipt(desk: Desk, given: str) -> None:
    desk.done("answer", "evidence.json", given, "deny", *KEY, "-o", "response.json")

    assert 1 == carried(desk)  # its key is not known
    assert not (desk.folder / "receipt.json").exists()


def test_only_a_sound_response_to_this_ledger_is_handed_in(
    desk: Desk, given: str, tmp_path: Path
) -> None:
    desk.done("answer", "evidence.json", given, "deny", *KEY, "-o", "response.json")
    whole = desk.folder / "response.json"
    data = whole.read_bytes()
    for bad in (b"", data[:-2], data.replace(b"deny", b"deem"), data.replace(b"answer", b"x")):
        whole.write_bytes(bad)
        assert bad == data or carried(desk) == 1
    whole.write_bytes(data)
    (tmp_path / "elsewhere").mkdir()
    other = Desk(tmp_path / "elsewhere")
    other.found()
    (other.folder / "response.json").write_bytes(data)
    ran = other("carry", "ledger", "response.json", "-o", "receipt.json")

    assert (1, True) == (ran.code, "is for another ledger" in ran.err)
    assert 2 == desk("carry", "ledger", "missing.json", "-o", "receipt.json").code


def test_what_goes_with_evidence_goes_with_nothing_else(desk: Desk, given: str) -> None:
    for ledger, more in (("evidence.json", ()), ("ledger", ("-o", "response.json"))):
        ran = desk("answer", ledger, given, "deny", *KEY, *more)
        assert (2, True) == (ran.code, "goes with an evidence file" in ran.err)
    ran = desk("answer", "evidence.json", "0" * 64, "deny", *KEY, "-o", "response.json")
    assert (2, True) == (ran.code, "no event" in ran.err)
    ran = desk("answer", "evidense.json", given, "deny", *KEY, "-o", "response.json")
    assert (2, "counterfoil: evidense.json: No such file or directory\n") == (ran.code, ran.err)
    path = desk.folder / "evidence.json"
    path.write_bytes(path.read_bytes().replace(b'"recorded":1', b'"recorded":2', 1))
    ran = desk("answer", "evidence.json", given, "deny", *KEY, "-o", "response.json")
    assert (1, True) == (ran.code, "is no valid evidence" in ran.err)
    assert not (desk.folder / "response.json").exists()
