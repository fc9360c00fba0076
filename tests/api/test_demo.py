"""The demonstration, as anybody runs it: one child process, from an empty folder to the answers."""

# ruff: noqa: RUF001 - the multiplication sign is the domain's mark for contradicted

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from api.clock import now_ms
from api.command import _add
from ledger.cli.context import Context, vkey_of
from ledger.cli.main import run as command
from ledger.folds.grades import NAMES
from ledger.ledger import Ledger
from verify.command import main as counterfoil_verify

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )


def test_the_demonstration_ends_with_the_answers(tmp_path: Path) -> None:
    folder = tmp_path / "the demo"
    shown = run("demo", str(folder))
    words = " ".join(shown.stdout.split())

    assert (0, "") == (shown.returncode, shown.stderr)
    for answer in ("33 days", "at least 42 days", "84 items, or 96 if", "silent"):
        assert answer in words
    assert words.index("33 days") < words.index("What to try next")
    assert f"  cd {shlex.quote(str(folder))}\n" in shown.stdout
    assert 2 == shown.stdout.count("$ counterfoil ask ")
    assert 2 == words.count("Valid. Every check passed")
    proofs = [line for line in shown.stdout.splitlines() if line.startswith("Proof that ")]
    grades = {line.split(": ", 1)[1].partition(" (")[0] for line in proofs}
    assert {*NAMES[:6], "Agreed", "Agreed ×", "Asserted ⊘", "Not asserted ⊘"} == grades
    assert 0 == verify(folder / "export", folder / "ledger")
    assert 0 == verify(folder / "invented-export", folder / "invented")


def verify(export: Path, ledger: Path) -> int:
    with Ledger.open(ledger, read_only=True) as opened:
        vkey = vkey_of(opened.state())
        anchor = ("--fingerprint", opened.fingerprint, "--log-key", vkey)
    return counterfoil_verify([str(export), "--quiet", *anchor])


def test_the_demonstration_is_one_object_for_machines(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()  # empty will do
    shown = run("demo", str(tmp_path / "demo"), "--json")
    values = msgspec.json.decode(shown.stdout)

    assert (0, "") == (shown.returncode, shown.stderr)
    assert 1 == shown.stdout.count("\n")
    assert {"folder", "steps"} == set(values)
    assert {0} == {step["status"] for step in values["steps"]}


@pytest.mark.parametrize("json", [(), ("--json",)], ids=["text", "json"])
def test_the_demonstration_wants_a_folder_of_its_own(tmp_path: Path, json: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("mine")

    for folder, problem in ((tmp_path, "is not empty"), (tmp_path / "file", "is no folder")):
        told = io.StringIO()
        context = Context(now_ms=now_ms, out=told, err=told)

        assert 2 == command(["demo", str(folder), *json], context, _add)
        assert problem in told.getvalue()
    assert ["file"] == [each.name for each in tmp_path.iterdir()]
