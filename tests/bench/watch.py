"""Whether a watcher keeps up with a ledger that is recorded in as fast as a server takes it.

`counterfoil serve` and `counterfoil watch` are processes of their own, and so are the clients, over
real sockets, on the same processors, all at once. While the clients record, the watcher looks once
a second and checks every new entry. What counts is how many of the entries that were recorded it
had checked when the last receipt came, and how long it took for the rest: up to a second of that
it sleeps.

(a) 64 clients with submissions of one event
(b) 8 clients with submissions of 256 events
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ledger.ledger import Ledger
from tests.bench._load import Sent
from tests.bench.http import _documents, _load, _served

_LEAST = 0.8


class Load(NamedTuple):
    """What is recorded, as `_load` takes it."""

    port: int
    vkey: str
    documents: list[Sent]
    clients: int
    folder: Path


class Watching:
    """A watcher at work: what it says, and when."""

    def __init__(self, url: str, fingerprint: str, home: Path) -> None:
        words = ("--fingerprint", fingerprint, "--home", str(home), "--every", "1", "--json")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api", "watch", url, *words], stdout=subprocess.PIPE, text=True
        )
        self.sizes: list[tuple[float, int]] = []
        self._came = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._came:
                said = json.loads(line)
                if "size" not in said:  # it was ended, or has found something
                    print(f"the watcher: {said}", file=sys.stderr)
                    continue
                self.sizes.append((time.time(), said["size"]))
                self._came.notify_all()

    def size(self, until_s: float) -> int:
        """Return how many entries it had checked by a moment."""
        return max((size for at_s, size in self.sizes if at_s <= until_s), default=0)

    def wait_for(self, size: int) -> float:
        """Wait until it has checked so many entries; return when it had."""
        with self._came:
            while not self.sizes or self.sizes[-1][1] < size:
                if self.process.poll() is not None or not self._came.wait(60):
                    raise SystemExit(f"the watcher stands at {self.sizes[-1:]}, not at {size}")
        return next(at_s for at_s, checked in self.sizes if checked >= size)

    def cpu_s(self) -> float:
        """Return how long it has worked."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench watch", description=__doc__)
    parser.add_argument("--submissions", type=int, default=20_000, help="of one event each")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as name:
        folder = Path(name)
        count = options.submissions
        vkey, ones, large = _documents(folder / "ledger", count, count // 40, visibility="public")
        with Ledger.open(folder / "ledger", read_only=True) as ledger:
            fingerprint = ledger.fingerprint
        with (
            _served(folder / "ledger", folder / "log", None) as port,
            _watching(f"http://127.0.0.1:{port}", fingerprint, folder / "home") as watching,
        ):
            _measure("(a) of 1 event", watching, Load(port, vkey, ones, 64, folder))
            _measure("(b) of 256 events", watching, Load(port, vkey, large, 8, folder))
    return 0


@contextlib.contextmanager
def _watching(url: str, fingerprint: str, home: Path) -> Iterator[Watching]:
    watching = Watching(url, fingerprint, home)
    try:
        watching.wait_for(1)
        yield watching
    finally:
        watching.process.terminate()
        watching.process.wait()


def _measure(name: str, watching: Watching, load: Load) -> None:
    before, worked_s = watching.sizes[-1][1], watching.cpu_s()
    came = _load(*load)
    recorded = sum(len(one.events) for one in load.documents)
    began, ended = min(one.began for one in came), max(one.ended for one in came)
    checked = watching.size(ended) - before
    caught_up = watching.wait_for(before + recorded)
    each_us = 1e6 * (watching.cpu_s() - worked_s) / recorded
    appends, checks = recorded / (ended - began), recorded / (caught_up - began)
    print(
        f"{name:18} recorded {appends:8,.0f} entries/s, checked {checks:8,.0f} entries/s:"
        f" ratio {checks / appends:4.2f}  (at least {_LEAST})"
    )
    print(
        f"{'':18} {recorded - checked:,} of {recorded:,} behind at the end, caught up in"
        f" {caught_up - ended:.1f} s; {each_us:.0f} us of CPU an entry"
    )
