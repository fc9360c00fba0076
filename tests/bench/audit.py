"""How fast an audit is, against a bare loop of the same signature checks.

Everything is measured in one run on the same processors, and what is printed are ratios:

(a) an export of single-event submissions, each with its own recent `seen` and four disclosures,
    against libsodium verifying the same messages (statements and notes) on as many processes;
(b) the same events in submissions of 256;
(c) (a) on one process against two;
(e) peak memory of the audit, in each process.
"""

import argparse
import contextlib
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from nacl.bindings import crypto_sign_open

from tests.world import World, letter, public_hex, signing_key
from verify.codec import encode
from verify.entry import parse_entry
from verify.merkle import Frontier, leaf_hash
from verify.note import parse_note
from verify.submission import SUBMISSION, pae
from verify.tiles import parse_bundle

Message = tuple[bytes, bytes, bytes]

_SELF_CONSISTENT = 3  # nothing outside the folder vouches for it, and none was given


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench audit", description=__doc__)
    parser.add_argument("--events", type=int, default=16384, help="events in each export")
    parser.add_argument("--rounds", type=int, default=5, help="of all; the medians count")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        single, batched = Path(name, "single"), Path(name, "batched")
        _make(single, options.events, 1)
        _make(batched, options.events, 256)
        _report(single, batched, options.events, options.rounds)
    return 0


# What the command does once Python has loaded it, in a process that holds nothing else. Its own
# peak, not `ru_maxrss`: that one begins with what its parent had before exec.
_TIMED = """
import gc, resource, time
import verify.audit, verify.folder, verify.pool
from verify.command import main
gc.disable()  # as `verify.start` does
start = time.perf_counter()
code = main()
seconds = time.perf_counter() - start
own = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(seconds, own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
raise SystemExit(code)
"""


def _report(single: Path, batched: Path, events: int, rounds: int) -> None:
    messages = list(_messages(single))
    rows: dict[str, list[float]] = {}
    peaks: list[tuple[int, int]] = []
    for _ in range(rounds):  # in turn, so that a slow moment of the machine meets all of them
        for processes, words in ((1, "1 process"), (2, "2 processes")):
            for name, seconds in (
                (f"bare, {words}", _bare(messages, processes)),
                (f"audit single, {words}", _audit(single, processes, peaks)),
                (f"audit of 256, {words}", _audit(batched, processes, peaks)),
            ):
                rows.setdefault(name, []).append(seconds)
    for name, taken in rows.items():
        seconds = statistics.median(taken)
        print(f"{name:28} {seconds:8.3f} s  {seconds / events * 1e6:8.1f} us an event")
    print(f"messages verified            {len(messages):8} of {events} events")
    bare_one, one, batch_one, bare_two, two, batch_two = rows.values()
    for name, bound, these, those in (
        ("(a) single / bare, 1 process", "at most 1.5", one, bare_one),
        ("(a) single / bare, 2 process.", "at most 1.5", two, bare_two),
        ("(b) single / of 256, 1 proc.", "at least 5", one, batch_one),
        ("(b) single / of 256, 2 proc.", "at least 5", two, batch_two),
        ("(c) 1 process / 2 processes", "at least 1.7", one, two),
    ):
        ratios = [this / that for this, that in zip(these, those, strict=True)]
        middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
        print(f"{name:29} {middle:6.2f}  ({bound}; rounds {low:.2f} to {high:.2f})")
    own, others = (max(column) // 1024 for column in zip(*peaks, strict=True))
    print(f"(e) peak memory: the process that leads {own} MiB, the largest other {others} MiB")


def _audit(path: Path, processes: int, peaks: list[tuple[int, int]]) -> float:
    """Run the command; return its seconds, but for starting Python, and note its peak memory."""
    words = [str(path), "--processes", str(processes), "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", _TIMED, *words], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != _SELF_CONSISTENT:
        raise SystemExit(f"the export is not consistent with itself: {done.stdout}")
    seconds, own, others = done.stdout.split()
    peaks.append((int(own), int(others)))
    return float(seconds)


def _bare(messages: list[Message], processes: int) -> float:
    """Verify all messages and nothing else; return the seconds."""
    start = time.perf_counter()
    if processes == 1:
        _verify(messages)
    else:
        parts = [messages[n::processes] for n in range(processes)]
        with multiprocessing.Pool(processes) as pool:
            pool.map(_verify, parts)
    return time.perf_counter() - start


def _verify(messages: list[Message]) -> None:
    for key, message, signature in messages:
        crypto_sign_open(signature + message, key)


def _messages(path: Path) -> Iterator[Message]:
    """Yield everything that the audit verifies: key, message, signature."""
    for file in sorted((path / "tile/entries").rglob("*")):
        if not file.is_file():
            continue
        for data in parse_bundle(file.read_bytes(), where=str(file)):
            entry = parse_entry(data)
            if entry.statement is not None and entry.signature is not None:
                key = bytes.fromhex(entry.statement.key)
                message = pae(SUBMISSION, encode(entry.statement))
                yield key, message, bytes.fromhex(entry.signature)
    log = bytes.fromhex(public_hex(signing_key("log")))
    with contextlib.suppress(FileNotFoundError):
        for line in (path / "checkpoints").read_bytes().splitlines():
            note = parse_note(msgspec.json.decode(line, type=str).encode())
            yield log, note.text, note.signatures[0].payload


def _make(path: Path, events: int, batch: int) -> None:
    """Write an export of `events` letters in submissions of `batch`."""
    world = QuickWorld().found()
    while world.size <= events:
        world.submit(*(letter("northmere") for _ in range(batch)), see=True)
    for name, data in world.export().items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


class QuickWorld(World):
    """A world that remembers its leaves, and so makes ten thousand notes in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._leaves: list[bytes] = []
        self._frontier = Frontier()

    @property
    def leaves(self) -> list[bytes]:
        for entry in self.entries[len(self._leaves) :]:
            leaf = leaf_hash(entry)
            self._leaves.append(leaf)
            self._frontier.append(leaf)
        return self._leaves

    def root(self, size: int) -> bytes:
        if size == len(self.leaves):
            return self._frontier.root()
        return super().root(size)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
