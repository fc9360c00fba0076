"""How fast a ledger records: synced appends of submissions, and where the time goes.

Documents are made and signed beforehand, off the clock. Callers' threads offer them, as an HTTP
service would; the clock runs until the last receipt is there. The stages are timed in the same run,
which costs some; one within another counts in both.
"""

import argparse
import functools
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ledger import ids, sequencer, store, writer
from ledger import ledger as ledger_module
from ledger.ledger import Ledger
from ledger.writer import Settled
from tests.ledger.builder import Clock, Party, found_ledger, new_event, sign_document
from verify.receipt import parse_receipt

_ROUND = 40


class Stages:
    """Adds up the time spent in functions, which it wraps where they are called from."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(
        self,
        owner: object,
        name: str,
        stage: str,
        *,
        time_s: Callable[[], float] = time.thread_time,
    ) -> None:
        """Add up under `stage` what `owner.name` takes: by default not while it waits."""
        plain = getattr(owner, name)
        self.seconds[stage] = 0.0

        @functools.wraps(plain)
        def timed(*args: object, **kwargs: object) -> object:
            start = time_s()
            try:
                return plain(*args, **kwargs)
            finally:
                self.seconds[stage] += time_s() - start

        setattr(owner, name, timed)

    def forget(self) -> None:
        """Begin anew."""
        self.seconds = dict.fromkeys(self.seconds, 0.0)

    def most(self) -> list[tuple[str, float]]:
        """Return the stages, the longest first."""
        return sorted(self.seconds.items(), key=lambda stage: -stage[1])


def main(args: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench append")
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=256, help="events in a submission")
    parser.add_argument("--claims", type=int, default=0, help="claims of each event, up to 3")
    parser.add_argument("--threads", type=int, default=2, help="callers' threads")
    parser.add_argument("--seen", action="store_true", help="name a checkpoint in `seen`")
    parser.add_argument("--folder", type=Path, help="where to make the ledger; removed afterwards")
    options = parser.parse_args(args)
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-bench-", dir=options.folder))
    try:
        return _run(options, folder / "ledger")
    finally:
        shutil.rmtree(folder)


def _run(options: argparse.Namespace, path: Path) -> int:
    stages = Stages()
    _watch(stages)
    founder = Party("alpha", 1)
    ledger, clock = found_ledger(path, founder)
    stages.forget()
    spent, recent, recorded, mark = 0.0, 0.0, 0, 100_000
    with ThreadPoolExecutor(options.threads) as pool:
        while recorded < options.entries:
            documents = _documents(ledger, founder, options)
            start = time.perf_counter()
            _record(ledger, pool, documents)
            took = time.perf_counter() - start
            spent, recent = spent + took, recent + took
            recorded += options.events * len(documents)
            if recorded >= mark:
                print(f"{recorded:>9,} entries: {100_000 / recent:>8,.0f} events/s at the end")
                recent, mark = 0.0, mark + 100_000
                sys.stdout.flush()
    print(f"{recorded:,} events in {spent:.2f} s: {recorded / spent:,.0f} events/s, synced")
    for stage, seconds in stages.most():
        share, each = seconds / spent, 1e6 * seconds / recorded
        print(f"  {stage:<40} {seconds:>8.2f} s  {share:>6.1%}  {each:>6.1f} us/event")
    _look(ledger)
    ledger.close()
    _open(path, clock)
    print(f"ledger.mdb: {(path / store.STORE_FILE).stat().st_size / recorded:,.0f} octets/event")
    return 0


def _watch(stages: Stages) -> None:
    stages.watch(ledger_module, "parse_document", "parse, with signature and claims")
    stages.watch(ledger_module, "prepare_submission", "candidates")
    stages.watch(sequencer, "admit", "rules, with lookup of ids")
    stages.watch(sequencer, "_entries", "entries and leaf hashes")
    stages.watch(sequencer, "extend", "tree")
    stages.watch(sequencer, "sign_checkpoint", "checkpoint")
    stages.watch(writer.Writer, "_receipts", "receipts")
    stages.watch(store, "format_row", "rows")
    stages.watch(ids, "format_run", "runs of ids")
    stages.watch(ids, "merge", "merging of runs")
    stages.watch(store.Store, "_put_commit", "LMDB: tiles, disclosures, checkpoint")
    stages.watch(store.Store, "_put", "LMDB: appends")
    whole = "LMDB: whole transaction, waiting too"
    stages.watch(store.Store, "_write", whole, time_s=time.perf_counter)


def _documents(ledger: Ledger, founder: Party, options: argparse.Namespace) -> list[bytes]:
    names = ("title", "text", "person.1")[: options.claims]
    claims = dict.fromkeys(names, "Minutes of the meeting of the working group")
    note = ledger.checkpoint() if options.seen else None
    fields = {
        "channel": "email",
        "from": ("alpha/clerk",),
        "to": ("beta", "gamma/chair"),
        "dates": {"sent": {"basis": "stated", "edtf": "2026-03-01"}},
        "claims": claims,
    }
    return [
        sign_document(
            ledger,
            founder,
            [new_event("alpha", "communication/v1", **fields) for _ in range(options.events)],  # type: ignore[arg-type]  # the event's own fields
            note=note,
        )
        for _ in range(_ROUND)
    ]


def _record(ledger: Ledger, pool: ThreadPoolExecutor, documents: list[bytes]) -> None:
    offered: list[Future[Settled]] = list(
        pool.map(lambda document: ledger.offer(ledger.prepare(document)), documents)
    )
    for future in offered:
        future.result()


def _look(ledger: Ledger) -> None:
    size = ledger.size()
    missing = [index.to_bytes(32, "big")[::-1] for index in range(1000)]
    for label, look in (
        ("missing id", lambda n: ledger.index_of(missing[n])),
        ("entry", lambda n: ledger.entry(size * n // 1000)),
        ("inclusion proof", lambda n: ledger.inclusion_proof(index=size * n // 1000, size=size)),
        ("receipt", lambda n: ledger.receipt(size * n // 1000)),
    ):
        start = time.perf_counter()
        for number in range(1000):
            look(number)
        print(f"  {label:<40} {1e3 * (time.perf_counter() - start):>8.1f} us")
    receipt = parse_receipt(ledger.receipt(size - 1))
    assert receipt.first + receipt.count == size


def _open(path: Path, clock: Clock) -> None:
    start = time.perf_counter()
    with Ledger.open(path, clock=clock) as ledger:
        print(f"opened {ledger.size():,} entries in {time.perf_counter() - start:.3f} s")
