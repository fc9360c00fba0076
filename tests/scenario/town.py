"""A dispute with all who take part: an operator, parties, their witnesses, watchers, an auditor.

Each has a machine, and does nothing there but run the public command line. What they tell each
other out of band, a fingerprint, keys, a policy, is handed over here.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import msgspec

from ledger.ledger import Ledger
from tests.api.serving import Site, lasting_port
from tests.ledger.commandline import Ran, rows
from tests.scenario.processes import Machine, Running, command
from verify.checkpoint import parse_signed

ORIGIN = "northmere.example/allotments"
NAMES = ("northmere", "southfold", "eastbury", "westcombe")
WEEK = 7
LEDGER = "allotments"
"""What the ledger is called where it is served."""

SETTINGS = {
    "COUNTERFOIL_PORT": "0",
    "COUNTERFOIL_WITNESS_EVERY_S": "0.05",
    "COUNTERFOIL_WITNESS_RETRY_S": "0.4",
    "COUNTERFOIL_WITNESS_TIMEOUT_S": "2",
    "COUNTERFOIL_WITNESS_WAIT_S": "2",
}
_LETTER = """\
counterfoil: draft/v1
events:
  - kind: communication
    channel: letter
    from: [{author}]
    to: [northmere]
    dates:
      sent: {{edtf: "2026-02-02", basis: stated}}
    claims:
      title: "{title}"
"""


class Found(NamedTuple):
    """What a watcher found: its kind, and its proof, if it has one."""

    kind: str
    proof: Path


@dataclass
class Party:
    """A party: a key, a witness, and what the others told it."""

    name: str
    machine: Machine
    vkey: str = ""
    fingerprint: str = ""
    letters: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return ("--key", f"{self.name}.key")

    def write(self, title: str) -> str:
        """Write a letter, as a draft."""
        self.letters += 1
        name = f"letter-{self.letters}.yaml"
        text = _LETTER.format(author=self.name, title=title)
        (self.machine.folder / name).write_text(text)
        return name

    def sends(self, where: str, *drafts: str, home: str | None = None, wait: bool = False) -> Ran:
        """Record drafts, or what waits, at a server or in a folder."""
        words = ["record", where, *drafts, *self.key, *self._known(where), "--json"]
        words += [] if home is None else ["--home", home]
        return self.machine(*words, *(["--wait", "quorum"] if wait else []))

    def records(self, where: str, title: str, *, home: str | None = None) -> Path:
        """Record a letter at a server that takes it; return the receipt."""
        ran = self.sends(where, self.write(title), home=home, wait=home is None)

        assert 0 == ran.code, ran
        assert 1 == len(rows(ran.values["recorded"]))
        return self.receipts(home)[-1]

    def receipts(self, home: str | None = None) -> list[Path]:
        folder = self.machine.folder / (home or f"{self.name}.key.d") / "receipts"
        return sorted(folder.glob("*.receipt"))

    def looks(self, url: str, *more: str, home: str) -> list[Found]:
        """Look at a server once with `counterfoil watch`; return what does not go together."""
        words = ("watch", url, *self._known(url), "--once", "--home", home, "--json", *more)
        ran = self.machine(*words)
        found = self.found(ran)

        assert (1 if found else 0) == ran.code, ran
        return found

    def exports(self, url: str, folder: str, *, home: str) -> Ran:
        """Fetch all that a server hands out."""
        return self.machine("export", url, folder, *self._known(url), "--home", home)

    def found(self, ran: Ran) -> list[Found]:
        """Return what a watcher found."""
        lines = [
            msgspec.json.decode(line, type=dict[str, str | int]) for line in ran.out.splitlines()
        ]
        return [
            Found(str(line["finding"]), self.machine.folder / str(line.get("proof", "")))
            for line in lines
            if "finding" in line
        ]

    def watches(self, url: str, *more: str) -> Running:
        """Begin to watch a server."""
        words = ("watch", url, *self._known(url), "--every", "1", "--home", "watching", "--json")
        return self.machine.start(command, (*words, *more), 0)

    def _known(self, where: str) -> tuple[str, ...]:
        if where.startswith("http"):
            return ("--fingerprint", self.fingerprint)
        return ("--accept-clock",)  # it is a week since anything was recorded


_ALONE = """
import importlib.util, sys
sys.path.insert(0, sys.argv.pop(1))
assert not [name for name in ("api", "ledger", "tests") if importlib.util.find_spec(name)]
from verify.command import main
sys.exit(main())
"""


@dataclass
class Auditor:
    """Somebody with a fresh machine: `verify`, the libraries that it needs, and a policy."""

    folder: Path
    policy: str
    _count: int = 0

    def __post_init__(self) -> None:
        """Put them on the machine."""
        libraries = self.folder / "libraries"
        libraries.mkdir(parents=True)
        kernel = Path(import_module("verify").__file__ or "").parent
        shutil.copytree(kernel, libraries / "verify", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("msgspec", "nacl", "cryptography", "cffi", "_cffi_backend"):
            found = Path(import_module(name).__file__ or "")
            whole = found.parent if found.stem == "__init__" else found
            (libraries / whole.name).symlink_to(whole)

    def __call__(self, paper: Path, *, receipt: Path | None = None) -> Ran:
        """Carry a file or folder there, perhaps a receipt, and run `counterfoil-verify` on it."""
        self._count += 1
        desk = self.folder / f"desk-{self._count}"
        desk.mkdir()
        (desk / "policy").write_text(self.policy)
        words = [paper.name, "--policy", "policy"]
        (shutil.copytree if paper.is_dir() else shutil.copy)(paper, desk / paper.name)
        if receipt is not None:
            shutil.copy(receipt, desk / "held")
            words += ["--receipt", "held"]
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _ALONE, str(self.folder / "libraries"), *words],
            cwd=desk, env={}, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

        assert "" == done.stderr
        return Ran(done.returncode, done.stdout, "")


@dataclass
class Town:
    """All of them, and a ledger that they founded a week ago.

    Attributes:
        folder: Where their machines are.
        names: The parties; the first one keeps the ledger.
        quorum: How many of their witnesses a checkpoint needs.
    """

    folder: Path
    names: Sequence[str]
    quorum: int
    parties: dict[str, Party] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Found the ledger; enrol everybody; keep a backup. All that was a week ago."""
        self.operator = Machine(self.folder / "operator", SETTINGS)
        for name in self.names:
            party = Party(name, Machine(self.folder / name, SETTINGS))
            party.machine.done("key", "new", f"{name}.key", "--party", name, "--plain")
            made = party.machine.done("witness", "new", "witness", "--name", f"{name}.example/w")
            (party.vkey,) = msgspec.convert(made["vkeys"], list[str])
            self.parties[name] = party
        self._found()
        self.auditor = Auditor(self.folder / "auditor", self.policy)
        self.operator.done("backup", f"kept/{LEDGER}", "backup", days_ago=WEEK)

    def _found(self) -> None:
        first, *others = self.parties.values()
        (self.operator.folder / "kept").mkdir()
        path = self.ledger
        words = [f"--member={name}" for name in self.names[1:]]
        words += [f"--witness={party.vkey}" for party in self.parties.values()]
        words += [f"--quorum={self.quorum}", "--visibility=public", f"--origin={ORIGIN}"]
        made = first.machine.done("init", str(path), *words, *first.key, days_ago=WEEK)
        self.log_key, self.fingerprint = str(made["log_key"]), str(made["fingerprint"])
        for party in others:
            asks = ("key", "request", str(path), *party.key, "-o", "request")
            party.machine.done(*asks, days_ago=WEEK)
            request = str(party.machine.folder / "request")
            first.machine.done("enrol", str(path), request, *first.key, days_ago=WEEK)
            party.machine.done("join", str(path), *party.key, days_ago=WEEK)
        for party in self.parties.values():
            party.machine.done("witness", "add", "witness", self.log_key)
            party.fingerprint = self.fingerprint
            (party.machine.folder / "policy").write_text(self.policy)

    @property
    def ledger(self) -> Path:
        """Where the operator keeps the ledger, as it is."""
        return self.operator.folder / "kept" / LEDGER

    @property
    def policy(self) -> str:
        """The policy that all of them agreed on, as a tlog-policy."""
        lines = [f"log {self.log_key}"]
        lines += [f"witness {name} {party.vkey}" for name, party in self.parties.items()]
        lines += [f"group all-of-us {self.quorum} {' '.join(self.parties)}", "quorum all-of-us"]
        return "".join(f"{line}\n" for line in lines)

    def kept(self) -> tuple[int, int]:
        """Return the size of the largest checkpoint kept, and how many witnesses are on it."""
        with Ledger.open(self.ledger, read_only=True) as ledger:
            note = next(ledger.latest_notes(), ledger.checkpoint())
        return parse_signed(note)[0].size, len(parse_signed(note)[1].signatures) - 1

    @contextlib.contextmanager
    def witness(self, name: str) -> Iterator[None]:
        """Serve the witness of a party, where it was served before."""
        place = self.places.get(name)
        port = lasting_port() if place is None else place.rpartition(":")[2]
        words = ("witness", "serve", "witness", "--port", str(port))
        with self.parties[name].machine.serving(*words) as url:
            self.places[name] = url
            yield

    def place(self, ledger: Path, *names: str) -> None:
        """Tell the operator's server where witnesses are."""
        vkeys = {name: self.parties[name].vkey for name in names}
        lines = [f"witness {name} {vkey} {self.places[name]}\n" for name, vkey in vkeys.items()]
        (ledger / "witnesses").write_text("".join(lines))

    @contextlib.contextmanager
    def served(self, folder: str, port: int = 0) -> Iterator[Site]:
        """Serve the ledgers in a folder of the operator's."""
        words = ("serve", folder, "--accept-clock", "--port", str(port or lasting_port()))
        with self.operator.serving(*words) as url:
            yield Site(int(url.rpartition(":")[2]))


def covered(site: Site, name: str = LEDGER) -> str:
    """Return how many of how many witnesses cosigned the latest checkpoint."""
    return site.get(f"/{name}/checkpoint").headers["counterfoil-witnessed"]
