"""The command line as a whole: help, JSON, and streams that misbehave."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.ledger.commandline import ROOT, Desk, process

COMMANDS = (
    "agreements",
    "amend",
    "answer",
    "approve",
    "arrangements",
    "ask",
    "backup",
    "changes",
    "bundle-lint",
    "carry",
    "chronology",
    "contradictions",
    "disputes",
    "enrol",
    "export",
    "init",
    "join",
    "key new",
    "key request",
    "key show",
    "knowledge",
    "leave",
    "list",
    "mirror",
    "new",
    "offer",
    "output",
    "positions",
    "promises",
    "prove",
    "queue",
    "receipt",
    "reconcile",
    "record",
    "requests",
    "restore",
    "revoke",
    "show",
    "stat",
    "timestamp",
    "transfers",
    "watch",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(desk: Desk, command: str) -> None:
    ran = desk(*command.split(), "--help")

    assert (0, "") == (ran.code, ran.err)
    assert f"usage: counterfoil {command} " in ran.out
    assert f"examples:\n  counterfoil {command} " in ran.out
    # What an option is for stands behind it, or on the next line, far to the right.
    bare = re.findall(r"(?m)^  (--?[a-z].*)\n(?! {20})", ran.out)
    assert [] == [line for line in bare if "  " not in line]


def test_the_list_of_commands_here_is_whole(desk: Desk) -> None:
    found = set(re.findall(r"(?m)^    ([a-z-]+)(?: |$)", desk("--help").out))

    assert found == {command.split()[0] for command in COMMANDS}
    assert desk().out == desk("--help").out


def test_json_may_stand_anywhere(desk: Desk) -> None:
    for number, words in enumerate((
        ("--json", "key", "new", "{}", "--party", "county", "--plain"),
        ("key", "--json", "new", "{}", "--party", "county", "--plain"),
        ("key", "new", "--json", "{}", "--party", "county", "--plain"),
        ("key", "new", "{}", "--party", "county", "--plain", "--json"),
    )):  # fmt: skip
        ran = desk(*(word.format(f"{number}.key") for word in words))

        assert (0, "") == (ran.code, ran.err)
        assert f"{number}.key" == ran.values["file"]


@pytest.mark.parametrize("words", [
    (),
    ("nonsense",),
    ("list",),
    ("list", "nowhere"),
    ("list", "nowhere", "--width", "9"),
    ("list", "nowhere", "--nonsense"),
    ("key", "new", "x.key", "--party", "Not A Label"),
    ("answer", "nowhere", "00", "nonsense", "--key", "x"),
], ids=" ".join)  # fmt: skip
def test_errors_are_one_json_object_as_well(desk: Desk, words: tuple[str, ...]) -> None:
    plain, ran = desk(*words), desk(*words, "--json")

    assert plain.code == ran.code
    assert "" == ran.err
    if words:
        assert "" == plain.out
        first, *further = ran.reason.split("\n")
        assert "\n  ".join([f"counterfoil: {first}", *further]) + "\n" == plain.err
        assert 2 == ran.code
    else:
        assert "help" in ran.values


def test_help_is_json_when_asked_for(desk: Desk) -> None:
    assert (
        desk("list", "--help").out.strip()
        == str(desk("list", "--json", "--help").values["help"]).strip()
    )


def test_the_version_is_told(desk: Desk) -> None:
    told = desk("--version", "--json").values["version"]

    assert f"counterfoil {told}\n" == desk("--version").out
    assert version("counterfoil") == told


def test_a_wrong_word_is_named(desk: Desk) -> None:
    assert "there is no command 'frob'" in desk("frob").err
    assert "there is no command 'frob'" in desk("key", "frob").err
    assert "Try `counterfoil key --help`" in desk("key", "frob").err


@pytest.mark.parametrize("name", ["\udcff\x1b[31m", "\u202eevil"])
def test_what_a_terminal_would_obey_is_spelled_out(desk: Desk, name: str) -> None:
    plain = desk("list", name)

    assert 2 == plain.code
    assert plain.err.removesuffix("\n").isprintable()
    assert name.encode("utf-8", "backslashreplace").decode() in desk("--json", "list", name).reason


def test_a_reader_that_goes_away_is_no_error(desk: Desk) -> None:
    desk.filled()
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "api", "chronology", "ledger"], cwd=desk.folder, stdout=write,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        timeout=60,
    )  # fmt: skip
    os.close(write)

    assert (0, b"") == (done.returncode, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("words", [
    ("list", "ledger"), ("list", "ledger", "--json"), ("list", "nosuch", "--json"), ("--help",),
], ids=" ".join)  # fmt: skip
def test_an_answer_that_cannot_be_printed_is_an_error(desk: Desk, words: tuple[str, ...]) -> None:
    desk.filled()
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "api", *words], cwd=desk.folder, stdout=full,
            stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
            timeout=60,
        )  # fmt: skip

    assert 2 == done.returncode
    assert b"counterfoil: standard output: No space left on device\n" == done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_no_command(desk: Desk, closed: str) -> None:
    desk.filled()
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m api list ledger {closed}', sys.executable],
        cwd=desk.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        check=False, timeout=60,
    )  # fmt: skip

    assert (0, b"") == (done.returncode, done.stderr)


def test_a_locale_that_cannot_spell_gets_escapes(desk: Desk) -> None:
    desk.found()
    desk.enrol()
    text = "counterfoil: draft/v1\nevents:\n  - kind: communication\n    channel: letter\n"
    desk.write("draft.yaml", text + "    claims: {title: Straße ‖ 東京 🏛}\n")
    desk.done("record", "ledger", "--key", "rutland.key", "draft.yaml")
    settings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    plain = process(desk.folder, "list", "ledger", "--width", "200", **settings)
    as_json = process(desk.folder, "list", "ledger", "--json", **settings)

    assert (0, "") == (plain.code, plain.err)
    assert r"Stra\xdfe \u2016 \u6771\u4eac \U0001f3db" in plain.out
    assert "Straße ‖ 東京 🏛" in str(as_json.values["events"])


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_said_in_a_line(desk: Desk, number: signal.Signals) -> None:
    desk.key("county")
    fifo = desk.folder / "fifo"
    os.mkfifo(fifo)
    running = subprocess.Popen(
        [sys.executable, "-m", "api", "key", "show", "fifo"], cwd=desk.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with running, fifo.open("wb"):  # it waits here for what never comes
        running.send_signal(number)
        out, err = running.communicate(timeout=60)

    assert (130, "") == (running.returncode, out)
    assert "counterfoil: Interrupted. What was acknowledged is kept;" in err
    assert 1 == err.count("\n")
