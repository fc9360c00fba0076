"""A served ledger whose charter names witnesses, and these, on real sockets.

The ledger is served by two processes, as ever; the witnesses by threads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from api.clock import now_ms
from api.settings import Settings
from api.witness import create_witness_app
from ledger.feeding import WITNESSES_FILE
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.witness import Witness
from tests.api.serving import SUBMISSION, Site, serving_app
from tests.ledger.answering import lines_of, make_witness
from tests.ledger.builder import (
    Clock,
    Party,
    found_ledger,
    new_letter,
    new_log_key,
    sign_document,
)
from verify.checkpoint import parse_signed
from verify.note import check_cosignature, parse_note
from verify.receipt import parse_receipt, proof_of

ROOT = Path(__file__).parents[2]
ALPHA = Party("alpha", 1)
HOUR_MS = 3_600_000
OFF = {
    "COUNTERFOIL_PORT": "0",
    "COUNTERFOIL_REQUESTS_PER_S": "0",
    "COUNTERFOIL_SUBMISSIONS_PER_S": "0",
    "COUNTERFOIL_WITNESS_EVERY_S": "0.05",
    "COUNTERFOIL_WITNESS_RETRY_S": "0.4",
    "COUNTERFOIL_WITNESS_TIMEOUT_S": "1",
    "COUNTERFOIL_METRICS": "true",
    "COUNTERFOIL_WITNESS_WAIT_S": "15",
}


class EndedError(Exception):
    """A process has ended before it listened."""

    def __init__(self, status: int, err: str) -> None:
        super().__init__(status, err)
        self.status = status
        self.err = err


@contextlib.contextmanager
def running(
    *words: str, log: Path, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[int, int]]:
    """Run a command that serves; give its port and its process."""
    command = [sys.executable, "-m", "api", *words]
    environment = {**os.environ, **OFF, **(settings or {})}
    with (
        log.open("ab") as err,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=err, env=environment
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise EndedError(process.wait(), log.read_text())
        try:
            yield int(line.rpartition(b":")[2]), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@dataclass
class Town:
    """A ledger whose charter names witnesses, and these, in folders."""

    folder: Path
    names: Sequence[str]
    keys: Mapping[str, WitnessKey]
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "ledger"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def place(self) -> None:
        """Write where the witnesses are."""
        lines = [(n, self.keys[n].verifier_key, self.urls[n]) for n in self.names if n in self.urls]
        (self.path / WITNESSES_FILE).write_bytes(lines_of(*lines))

    @contextlib.contextmanager
    def witness(self, name: str, port: int = 0, *, ahead_ms: int = 0) -> Iterator[int]:
        """Serve a witness from a thread: `test_witness_commands` starts it as a process."""
        settings = Settings(requests_per_s=0)
        with (
            Witness.open(self.folder / name, clock=lambda: now_ms() + ahead_ms) as witness,
            serving_app(create_witness_app(witness, settings), settings, port=port) as site,
        ):
            self.urls[name] = site.url
            yield site.port

    @contextlib.contextmanager
    def served(self, **settings: str) -> Iterator[Site]:
        self.place()
        with running("serve", str(self.path), log=self.folder / "log", settings=settings) as (
            port,
            _,
        ):
            yield Site(port)

    def letters(self, count: int) -> list[bytes]:
        with Ledger.open(self.path, read_only=True) as ledger:
            return [
                sign_document(ledger, ALPHA, [new_letter("alpha")], expires=now_ms() + HOUR_MS)
                for _ in range(count)
            ]

    def cosigners(self, note: bytes) -> list[str]:
        """Return who cosigned a note, each line checked."""
        parsed = parse_note(note)
        found = []
        for name in self.names:
            key = self.keys[name].verifier_key
            if any(line[:2] == (key.name, key.key_id) for line in parsed.signatures):
                check_cosignature(parsed, key=key)
                found.append(name)
        return found


def found(folder: Path, names: Sequence[str], quorum: int, **fields: object) -> Town:
    keys = {}
    for number, name in enumerate(names):
        made = make_witness(folder / name, f"{name}.example", new_log_key(), both=number == 0)
        keys[name] = made[-1]  # of the first one the charter names its ML-DSA-44 key
    named = [
        {
            "algorithm": key.algorithm,
            "key": key.verifier_key.public.hex(),
            "name": key.verifier_key.name,
        }
        for key in keys.values()
    ]
    clock = Clock(now_ms())
    made_ledger, _ = found_ledger(
        folder / "ledger", ALPHA, clock=clock, witnesses=named, quorum=quorum, **fields
    )
    made_ledger.close()
    return Town(folder, names, keys)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def summary(site: Site) -> dict[str, dict[str, object]]:
    values = msgspec.json.decode(site.get("/witnesses").body)
    return {one["name"]: one for one in values["witnesses"]} | {"": values["witnessed"]}


def size_of(note: bytes) -> int:
    return parse_signed(note)[0].size


def wait_for_quorum(site: Site, document: bytes) -> tuple[str, bytes]:
    """Submit, and wait; return what waiting came to, and the receipt's checkpoint."""
    got = site.ask("POST", "/submissions?wait=quorum", document, SUBMISSION)
    assert got.status in {200, 201}, got
    return got.headers["counterfoil-waited"], proof_of(parse_receipt(got.body)).checkpoint
