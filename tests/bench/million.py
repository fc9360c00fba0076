"""A large ledger: how long it takes to open, export and audit, and how much memory that needs.

The ledger is filled in submissions of 256, synced; the export is audited by `counterfoil-verify`
in a process of its own, once on one process and once on two, and the system's own figures for the
peak memory of every process are printed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ledger.export import export
from ledger.ledger import Ledger
from tests.bench.append import _documents, _record
from tests.ledger.builder import Party, found_ledger


def main(args: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench million", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=256, help="events in a submission")
    parser.add_argument("--claims", type=int, default=0, help="claims of each event, up to 3")
    parser.add_argument("--folder", type=Path, help="where to make it; removed afterwards")
    options = parser.parse_args(args)
    options.seen = True
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-bench-", dir=options.folder))
    try:
        _run(options, folder)
    finally:
        shutil.rmtree(folder)
    return 0


def _run(options: argparse.Namespace, folder: Path) -> None:
    founder = Party("alpha", 1)
    ledger, clock = found_ledger(folder / "ledger", founder)
    with ThreadPoolExecutor(2) as pool:
        while ledger.size() < options.entries:
            _record(ledger, pool, _documents(ledger, founder, options))
    ledger.close()
    start = time.perf_counter()
    with Ledger.open(folder / "ledger", clock=clock) as ledger:
        print(f"opened {ledger.size():,} entries in {time.perf_counter() - start:.3f} s")
        start = time.perf_counter()
        export(ledger, folder / "export")
        print(f"exported in {time.perf_counter() - start:.1f} s")
        fingerprint = ledger.fingerprint
    for processes in ("1", "2"):
        words = ["--fingerprint", fingerprint, "--processes", processes]
        start = time.perf_counter()
        command = [sys.executable, "-c", _MEASURED, str(folder / "export"), *words]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        took = time.perf_counter() - start
        peaks = done.stdout.splitlines()[-1]
        print(f"audited on {processes} in {took:.1f} s; {peaks}")


# A process's own peak, not `ru_maxrss`: that one begins with what its parent had before exec.
_MEASURED = """
import resource
from verify.start import main
code = main()
own = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
others = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"peak {int(own) // 1024} MiB, of the largest worker {others // 1024} MiB")
raise SystemExit(code)
"""
