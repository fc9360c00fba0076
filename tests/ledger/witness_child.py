"""A process that cosigns and is killed: `test_witness_crash` runs it and reads what it answered.

    witness_child.py FOLDER START

Two logs grow, each from two threads that race for every size, until the process is killed. Each
checkpoint that was cosigned is one line on standard output, written once its answer was there.
"""

import itertools
import os
import sys
import threading
import time
from pathlib import Path

from ledger.add_checkpoint import Outcome
from ledger.witness import Witness
from tests.ledger.witnessing import Log


def grow(witness: Witness, log: Log, start: int) -> None:
    size = start
    for step in itertools.count(1):
        new = size + 1 + step % 3
        answer = witness.add_checkpoint(log.request(size, new))
        if answer.outcome is Outcome.CONFLICT:
            size = int(answer.body)
            continue
        assert answer.outcome is Outcome.COSIGNED
        size = new
        os.write(1, f"{log.origin} {new} {answer.body.hex()}\n".encode())


def main() -> None:
    witness = Witness.open(Path(sys.argv[1]), clock=lambda: time.time_ns() // 1_000_000)
    logs = (Log("log.example/one", seed=1), Log("log.example/two", seed=2))
    for log in (*logs, *logs):
        threading.Thread(target=grow, args=(witness, log, 0), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
