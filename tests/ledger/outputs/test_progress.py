"""What takes long to write shows on a terminal how far it is, and can be interrupted."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from ledger.cli.context import Context
from ledger.cli.main import run
from ledger.progress import Steps
from tests.ledger.commandline import NOW_MS, ROOT, Desk

ROWS = 100
LETTERS = "".join(
    f"""
  - kind: communication
    channel: letter
    from: [rutland]
    to: [county]
    dates: {{sent: {{edtf: "2025-04-08", basis: stated}}}}
    claims: {{title: Letter {number}, files: [letter-{number % 2}.txt]}}"""
    for number in range(ROWS)
)


@pytest.fixture(name="lettered")
def _lettered(desk: Desk) -> Desk:
    desk.filled()
    for number in range(2):
        desk.write(f"letter-{number}.txt", f"Letter {number}")
    desk.write("letters.yaml", f"counterfoil: draft/v1\nevents:{LETTERS}\n")
    desk.done("record", "ledger", "--key", "rutland.key", "letters.yaml")
    return desk


def shown(folder: Path, *words: str) -> list[str]:
    """Run a command, standard error a terminal of its own; return each line that came there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "api", *words], cwd=folder, stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        os.close(theirs)
        octets = b""
        with contextlib.suppress(OSError):  # so a terminal tells that the other side is closed
            while True:
                octets += os.read(ours, 4096)
    os.close(ours)

    assert 0 == process.returncode, octets
    return [line for line in re.split(r"[\r\n]+", octets.decode()) if line.strip()]


@pytest.mark.parametrize(
    ("made_as", "suffix", "parts"),
    [
        ("docx", "docx", [f"Writing row {ROWS + 3} of {ROWS + 3}"]),
        (
            "bundle",
            "pdf",
            [
                "Reading document 2 of 2",
                *(f"{what} part {ROWS + 8} of {ROWS + 8}" for what in ("Measuring", "Setting")),
            ],
        ),
    ],
)
def test_shows_how_far_it_is(lettered: Desk, made_as: str, suffix: str, parts: list[str]) -> None:
    words = ("output", "ledger", "--format", made_as, "--out", f"it.{suffix}")
    lines = shown(lettered.folder, *words)

    assert parts == [line for line in lines if line in parts]
    for part in parts:
        what, _, size = part.rpartition(" of ")
        begun = f"{what.rpartition(' ')[0]} 64 of {size}"
        assert begun in lines or "document" in part


def test_reading_and_tables_show_how_far_they_are(lettered: Desk) -> None:
    lettered.done("export", "ledger", "export")
    size = msgspec.json.decode((lettered.folder / "export" / "manifest.json").read_bytes())["size"]
    read = ["Reading entry 64 of {0}", "Reading entry {0} of {0}"]
    made = [f"Making row {number} of {ROWS + 2}" for number in (64, ROWS + 2)]
    words = ("--format", "csv", "--out")

    lines = shown(lettered.folder, "output", "ledger", *words, "ledger.csv")
    assert [*(each.format(size) for each in read), *made] == lines

    lines = shown(lettered.folder, "output", "export", "--at-size", "70", *words, "export.csv")
    assert [f"Checking entry {size} of {size}", *(each.format(70) for each in read)] == lines[:3]


def test_reconciling_shows_how_far_it_is(lettered: Desk) -> None:
    lettered.done("export", "ledger", "export")
    lettered.done("init", "second", "--origin", "ledger.example/second", "--key", "county.key")
    lettered.write("theirs.yaml", f"counterfoil: draft/v1\nevents:{LETTERS}\n")
    lettered.done("record", "second", "--key", "county.key", "theirs.yaml")
    lettered.done("export", "second", "theirs")
    lines = shown(lettered.folder, "reconcile", "export", "theirs")

    begun = [line.partition(" 64 of ") for line in lines if " 64 of " in line]

    # Which of the ledgers is read first is settled by their fingerprints.
    assert ["101", "105"] == sorted(size for what, _, size in begun if what == "Reading entry")
    assert ["Comparing day or title", "Weighing match", "Making row", "Writing row"] == [
        what for what, _, _ in begun if what != "Reading entry"
    ]
    assert f"Writing row {2 * ROWS + 2} of {2 * ROWS + 2}" == lines[-1]


class Interrupting(io.StringIO):
    """A terminal at which somebody presses Ctrl-C once work has come to some point."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._at in text:
            raise KeyboardInterrupt
        return super().write(text)


@pytest.mark.parametrize(
    ("made_as", "suffix", "at"),
    [
        ("docx", "docx", "Writing row 64 "),
        ("pdf", "pdf", "Measuring part 64 "),
        ("bundle", "pdf", "Reading document 1 "),
        ("bundle", "pdf", "Setting part 64 "),
    ],
)
def test_what_is_interrupted_leaves_nothing(
    lettered: Desk, monkeypatch: pytest.MonkeyPatch, made_as: str, suffix: str, at: str
) -> None:
    beside = lettered.folder / "beside"
    beside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(beside))
    monkeypatch.chdir(lettered.folder)
    before = sorted(lettered.folder.rglob("*"))
    said = Interrupting(at)
    context = Context(now_ms=lambda: NOW_MS, out=io.StringIO(), err=said)
    words = ("output", "ledger", "--format", made_as, "--out", f"it.{suffix}")

    assert 130 == run(words, context)
    assert f"\r{'':79}\rcounterfoil: Interrupted." in said.getvalue()
    assert before == sorted(lettered.folder.rglob("*"))


def test_where_nothing_was_shown_nothing_is_cleared() -> None:
    said = Interrupting("nothing")
    Context(now_ms=lambda: NOW_MS, out=io.StringIO(), err=said).say("A remark.")

    assert "A remark.\n" == said.getvalue()


def test_steps_are_told_now_and_then_and_at_the_end() -> None:
    said: list[tuple[int, int]] = []
    steps = Steps(lambda done, size: said.append((done, size)), 130)
    for _ in range(130):
        steps.step()

    assert [(64, 130), (128, 130), (130, 130)] == said
