"""Somebody who watches a ledger at a server that may lie."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from ledger.cli.context import Context
from ledger.cli.main import run
from tests.forking import LOG_KEY, WITNESS, cosigned, one_world, witness_key
from tests.ledger.client.shelf import Shelf, shelf
from tests.ledger.commandline import ROOT
from tests.world import T0, World
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.fork import parse_fork
from verify.note import VerifierKey
from verify.policy import Witness, format_policy, threshold_policy
from verify.source import MappingSource

# The last three are fixtures.
__all__ = ["NOW_S", "Watcher", "cosign", "policy_of", "shelf", "watcher", "world"]

NOW_S = T0 // 1000


@dataclass
class Watcher:
    """Somebody who watches a ledger at a server that may lie."""

    folder: Path
    shelf: Shelf
    fingerprint: str
    lines: list[dict[str, object]] = field(default_factory=list)
    err: str = ""

    def __call__(self, *more: str, once: bool = True) -> int:
        out, err = io.StringIO(), io.StringIO()
        words = ["watch", self.shelf.url, "--fingerprint", self.fingerprint, "--json"]
        words += ["--home", str(self.folder / "home"), *(["--once"] if once else []), *more]
        code = run(words, Context(now_ms=lambda: T0, out=out, err=err))
        self.lines = [
            msgspec.json.decode(line, type=dict[str, object])
            for line in out.getvalue().splitlines()
        ]
        self.err = err.getvalue()
        return code

    def found(self, *more: str) -> dict[str, object]:
        """Look once, and return the one thing that is found."""
        assert 1 == self(*more), self.lines
        (finding,) = [line for line in self.lines if "finding" in line]
        return finding

    def file(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def proven(self, finding: dict[str, object], kind: str) -> None:
        """See that the proof alone convinces somebody else, who knows the fingerprint."""
        path = shutil.copy(str(finding["proof"]), self.folder / "elsewhere")
        command = [sys.executable, "-m", "verify", path, "--fingerprint", self.fingerprint]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

        assert (4, "") == (done.returncode, done.stderr)
        assert kind == parse_fork(Path(path).read_bytes()).lie.__struct_config__.tag

    def missed(self, finding: dict[str, object], cut: World) -> bool:
        """Tell whether an export of a ledger is refused by who has the checkpoint of a finding."""
        held = Path(str(finding["proof"])).read_bytes()
        anchors = Anchors(fingerprint=self.fingerprint, receipts=(("held", held),))
        report = audit(MappingSource(cut.export()), anchors=anchors)
        return [Check.RECEIPT] == [each.check for each in report.findings]


@pytest.fixture
def world() -> World:
    return one_world()


@pytest.fixture
def watcher(tmp_path: Path, shelf: Shelf, world: World) -> Watcher:
    shelf.show(world)
    return Watcher(tmp_path, shelf, world.fingerprint or "")


def policy_of(watcher: Watcher, name: str = WITNESS, *, log: VerifierKey = LOG_KEY) -> str:
    witnesses = [Witness(name, witness_key(name))]
    policy = threshold_policy(log=log, witnesses=witnesses, threshold=1)
    return watcher.file(f"policy of {name.replace('/', ' ')}", format_policy(policy))


def cosign(watcher: Watcher, world: World, *times_s: int) -> None:
    watcher.shelf.files["checkpoint"] = cosigned(world.note(), *times_s)
