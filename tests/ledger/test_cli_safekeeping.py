"""Backing up and restoring from the command line: what is said, and what is refused."""

from __future__ import annotations

import io
import re

import pytest

from ledger.cli.context import Context
from ledger.cli.main import run
from tests.ledger.commandline import NOW_MS, REQUEST, Desk, part, process, rows, served

MAIL = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: x\r\n\r\nHello\r\n"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    ids = desk.filled()
    desk.done("receipt", "ledger", ids[0], "-o", "early.json")
    desk.done("backup", "ledger", "backup")
    return desk


def record_more(desk: Desk, ledger: str = "ledger", receipt: str = "late.json") -> None:
    """Record two more events, and write their receipt."""
    desk.write("more.yaml", REQUEST.replace("8th April", "9th April"))
    ran = desk.done("record", ledger, "--key", "rutland.key", "--home", f"{ledger}-home",
                    "more.yaml")  # fmt: skip
    latest = str(rows(ran["recorded"])[0]["event"])
    desk.done("receipt", ledger, latest, "-o", receipt)


def names(desk: Desk) -> set[str]:
    return {path.name for path in desk.folder.iterdir()}


def test_a_backup_says_what_it_holds_and_that_keys_are_in_it(desk: Desk) -> None:
    values = desk.done("backup", "ledger", "second")
    ran = desk("backup", "ledger", "third")

    assert (5, 0, [], True, "second") == (
        values["size"], values["files"], values["absent_files"], values["holds_log_keys"],
        values["folder"],
    )  # fmt: skip
    assert NOW_MS < int(str(values["made_ms"])) <= desk.now
    assert (0, "") == (ran.code, ran.err)
    assert "Wrote third" in ran.out
    assert "The log's own keys are in it" in ran.out
    assert "The log's own keys are in it" in desk("backup", "--help").out


def test_a_backup_is_restored_with_what_others_hold(desk: Desk) -> None:
    desk.done("export", "ledger", "export")
    words = ("restore", "backup", "restored", "--receipt", "early.json", "early.json")
    ran = desk(*words, "--checkpoint", "export/checkpoint")
    listed = desk.done("list", "restored")

    assert (0, "") == (ran.code, ran.err)
    assert "Restored restored" in ran.out
    assert "others know  up to 5 entries" in ran.out
    assert 5 == part(listed["ledger"])["size"]
    record_more(desk, "restored")
    desk.done("export", "restored", "again")
    checked = process(desk.folder, "again", "--receipt", "early.json", "late.json", module="verify")
    assert 0 == checked.code, checked.out


def test_without_anything_from_others_it_says_why_and_needs_a_word(desk: Desk) -> None:
    ran = desk("restore", "backup", "restored")

    assert 2 == ran.code
    assert "second history (a fork)" in ran.err
    assert "--unproven" in ran.err
    assert "restored" not in names(desk)
    ran = desk("restore", "backup", "restored", "--unproven")
    assert 0 == ran.code
    assert "others know  nothing was handed in" in ran.out
    assert 0 == desk.done("restore", "backup", "other", "--unproven")["known_size"]


@pytest.mark.parametrize("more", [(), ("--unproven",)])
def test_a_backup_that_is_too_old_is_refused_whatever_else_is_said(
    desk: Desk, more: tuple[str, ...]
) -> None:
    record_more(desk)
    before = names(desk)
    ran = desk("restore", "backup", "restored", "--receipt", "early.json", "late.json", *more)

    assert (1, "") == (ran.code, ran.out)
    reason = "backup is older than late.json: entries 5 to 6 were acknowledged and not here"
    assert f"counterfoil: {reason}\n" == ran.err
    assert before == names(desk)


def test_a_checkpoint_of_another_history_is_refused(desk: Desk) -> None:
    desk.done("restore", "backup", "restored", "--unproven")
    record_more(desk, "restored", "other.json")
    desk.done("export", "restored", "export")
    record_more(desk)
    desk.done("backup", "ledger", "second")
    ran = desk("restore", "second", "new", "--checkpoint", "export/checkpoint")

    assert 1 == ran.code
    assert "second has another history than export/checkpoint: at size 7 two root hashes" in ran.err
    assert "new" not in names(desk)


@pytest.mark.parametrize(("words", "code", "reason"), [
    (("backup", "ledger", "backup"), 2, "backup: exists already"),
    (("backup", "ledger", "none/new"), 2, "none/new: cannot be made: No such file"),
    (("backup", "nowhere", "new"), 2, "nowhere: no such folder"),
    (("backup", "ledger", "ledger/new"), 2, "is in the ledger's own folder"),
    (("restore", "backup", "ledger", "--unproven"), 2, "ledger: exists already"),
    (("restore", "ledger", "new", "--unproven"), 1, "ledger: is no backup: backup.json: is miss"),
    (("restore", "nowhere", "new", "--unproven"), 2, "nowhere: no such folder"),
    (("restore", "early.json", "new", "--unproven"), 2, "early.json: is no folder"),
    (("restore", "backup", "new", "--receipt", "none.json"), 2, "none.json: No such file"),
    (("restore", "backup", "new", "--receipt", "draft.yaml"), 1, "[803] draft.yaml "),
    (("restore", "backup", "new", "--checkpoint", "early.json"), 1, "[204] early.json: "),
    (("record", "backup", "--key", "rutland.key", "draft.yaml"), 2, "backup: is a backup"),
])  # fmt: skip
def test_what_cannot_be_done_is_named_and_leaves_nothing(
    desk: Desk, words: tuple[str, ...], code: int, reason: str
) -> None:
    before = names(desk)
    ran = desk(*words)

    assert code == ran.code, ran.err
    assert reason in ran.err
    assert before == names(desk)


def test_a_file_that_was_lost_is_named_and_the_rest_is_there(desk: Desk) -> None:
    (desk.folder / "one.eml").write_bytes(MAIL)
    desk.done("record", "ledger", "--key", "rutland.key", "one.eml")
    (file,) = (desk.folder / "ledger" / "files").iterdir()
    file.unlink()
    ran = desk("backup", "ledger", "second")
    again = desk("restore", "second", "restored", "--unproven")

    assert (1, 0) == (ran.code, again.code)
    assert f"Missing: the file {file.name}, which a claim names" in ran.out
    assert f"Missing, as it was then: the file {file.name}" in again.out


def test_shows_on_a_terminal_how_far_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.chdir(desk.folder)
    said = Terminal()
    context = Context(now_ms=lambda: NOW_MS, out=io.StringIO(), err=said)

    assert 0 == run(["backup", "ledger", "second"], context)
    assert 0 == run(["restore", "second", "restored", "--unproven"], context)
    assert "\n" not in said.getvalue()
    assert [
        *("Copying MiB 1 of 1", "Checking entry 5 of 5", "Files of entry 5 of 5"),
        *("Files of entry 5 of 5", "Reading entry 5 of 5", "Checking entry 5 of 5"),
    ] == re.findall(r"\r([^\r]+)\r {79}\r", said.getvalue())


def test_a_clock_beyond_all_years_is_refused(desk: Desk) -> None:
    note = desk.folder / "backup" / "backup.json"
    made = b'"made":%d' % (NOW_MS + 9000)
    octets = note.read_bytes()
    start = octets.index(b'"made":')
    note.write_bytes(octets[:start] + b'"made":9007199254740991' + octets[start + len(made) :])

    assert 1 == desk("restore", "backup", "restored", "--unproven").code


def test_backs_up_what_a_server_serves(desk: Desk) -> None:
    fingerprint = str(desk.done("export", "ledger", "export")["fingerprint"])
    with served(desk.folder) as url:
        for number in range(2):
            desk.write("more.yaml", REQUEST.replace("8th April", f"{number + 2}th May"))
            home = ("--home", f"home-{number}", "--fingerprint", fingerprint)
            done = process(desk.folder, "record", url, "--key", "rutland.key", *home, "more.yaml")
            assert 0 == done.code, done.err
            made = process(desk.folder, "--json", "backup", "ledger", f"hot-{number}")

            assert (0, 7 + 2 * number) == (made.code, made.values["size"])
    latest = rows(desk.done("list", "ledger")["events"])[-1]
    desk.done("receipt", "ledger", str(latest["id"]), "-o", "late.json")
    desk.done("restore", "hot-1", "restored", "--receipt", "late.json")
    assert 1 == desk("restore", "hot-0", "none", "--receipt", "late.json").code
