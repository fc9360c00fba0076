"""A desk with the command line on it: commands run in this process, in a folder, by a set clock."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ledger.cli.context import Context
from ledger.cli.main import run

ROOT = Path(__file__).parents[2]
NOW_MS = 1_750_000_000_000
ORIGIN = "ledger.example/desk"
REQUEST = """\
counterfoil: draft/v1
events:
  - kind: request
    label: asked
    what: data
    medium: written
    from: [rutland]
    to: [county]
    regime: foia_20
    dates:
      received: {words: "8th April", edtf: "2025-04-08", basis: stated}
    claims:
      title: Data was asked for.
      text: |
        Please send it.
      persons: [A. Clerk, B. Clerk]
  - kind: communication
    label: letter
    channel: letter
    from: [rutland]
    to: [county]
    dates:
      sent: {edtf: "2025-04-08", basis: stated}
    claims:
      title: "A \\e[31mred\\e[0m letter"
      text: "first line\\nStatus: agreed by everybody"
"""


def rows(value: object) -> list[dict[str, object]]:
    """Return a list of objects, as JSON has it."""
    return msgspec.convert(value, list[dict[str, object]])


def part(value: object) -> dict[str, object]:
    """Return an object, as JSON has it."""
    return msgspec.convert(value, dict[str, object])


READERS = (
    "list",
    "chronology",
    "requests",
    "promises",
    "knowledge",
    "ask",
    "positions",
    "agreements",
    "arrangements",
    "transfers",
    "contradictions",
    "stat",
)
"""The commands that read all of a ledger, an export or what a URL serves."""


@dataclass
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def values(self) -> dict[str, object]:
        """The one JSON object on standard output."""
        assert 1 == self.out.count("\n")
        assert self.out.isascii()
        return msgspec.json.decode(self.out, type=dict[str, object])

    @property
    def reason(self) -> str:
        """Why it failed, by the JSON object."""
        values = self.values
        assert {"error", "status"} == set(values)
        assert self.code == values["status"]
        return str(values["error"])


@dataclass
class Desk:
    """A folder in which commands are run; its pattern is another desk, on which `fill` was run."""

    folder: Path
    now: int = NOW_MS
    pattern: Desk | None = None
    asked: list[str] = field(default_factory=list)

    def __call__(self, *words: str) -> Ran:
        """Run a command."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.folder):
            self.now += 1000
            code = run(words, Context(now_ms=lambda: self.now, out=out, err=err))
        return Ran(code, out.getvalue(), err.getvalue())

    def done(self, *words: str) -> dict[str, object]:
        """Run a command that succeeds, and return its JSON object."""
        ran = self("--json", *words)

        assert (0, "") == (ran.code, ran.err), ran
        return ran.values

    def key(self, party: str, *more: str) -> str:
        """Make a key file; return its public key."""
        return str(
            self.done("key", "new", f"{party}.key", "--party", party, "--plain", *more)["key"]
        )

    def found(self, *more: str, name: str = "ledger") -> str:
        """Found a ledger of the county's, which Rutland may join; return its fingerprint."""
        if not (self.folder / "county.key").exists():
            self.key("county")
        init = ("init", name, "--origin", ORIGIN, "--key", "county.key", "--member", "rutland")
        return str(self.done(*init, *more)["fingerprint"])

    def enrol(self, party: str = "rutland", ledger: str = "ledger", *more: str) -> Ran:
        """Make a party's key and have the county enrol it."""
        self.key(party)
        request = ("key", "request", ledger, "--key", f"{party}.key", "-o", f"{party}.request")
        self.done(*request)
        return self("enrol", ledger, f"{party}.request", "--key", "county.key", *more)

    def write(self, name: str, text: str = REQUEST) -> str:
        """Write a file."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def fill(self) -> None:
        """Found a ledger in which two parties are and Rutland has asked."""
        self.found()
        assert 0 == self.enrol().code
        self.done("join", "ledger", "--key", "rutland.key")
        self.write("draft.yaml")
        recorded = self.done("record", "ledger", "--key", "rutland.key", "draft.yaml")["recorded"]
        self.asked = [str(one["event"]) for one in rows(recorded)]

    def filled(self) -> list[str]:
        """Have on this desk what `fill` has put on its pattern; return the ids of what was asked.

        It is copied: to run the commands anew for every test takes a minute in all.
        """
        assert self.pattern is not None
        shutil.copytree(self.pattern.folder, self.folder, dirs_exist_ok=True)
        self.now = self.pattern.now
        return self.pattern.asked


def process(folder: Path, *words: str, module: str = "api", **settings: str) -> Ran:
    """Run a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", module, *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def served(folder: Path, ledger: str = "ledger") -> Iterator[str]:
    """Serve a ledger from a process of its own; give its URL."""
    server = subprocess.Popen(
        [sys.executable, "-m", "api", "serve", ledger, "--port", "0", "--accept-clock"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line.startswith("listening on ")
            yield line.removeprefix("listening on ").strip()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
