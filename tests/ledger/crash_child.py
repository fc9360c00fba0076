"""A process that records and is killed: `test_crash` runs it, and reads what it acknowledged.

    crash_child.py FOLDER step NUMBER        records, and kills itself when that step is done
    crash_child.py FOLDER load START         records from several threads until it is killed
    crash_child.py FOLDER files START        records three submissions with files, and ends
    crash_child.py FOLDER found START        founds the ledger, and ends

Every receipt is one line on standard output, written only once it was handed out.
"""

import functools
import hashlib
import io
import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path

import lmdb

if os.environ.get("LMDB_SYNC") == "off":
    lmdb.open = functools.partial(lmdb.open, sync=False)  # type: ignore[assignment]  # as good

from ledger import ids
from ledger.ledger import Ledger
from ledger.writer import Observer
from tests.ledger.builder import (
    Clock,
    Party,
    found_ledger,
    new_event,
    new_letter,
    sign_document,
)

ALPHA = Party("alpha", 1)
TAIL_IN_TEST = 40


def document(ledger: Ledger, number: int) -> bytes:
    """The document that has this number, the same each time; of 1 to 7 events."""
    events = [
        new_letter("alpha", f"{number}", number=number * 8 + n) for n in range(1 + number % 7)
    ]
    return sign_document(ledger, ALPHA, events)


def acknowledge(number: int, receipt: bytes) -> None:
    os.write(1, b"receipt %d %b\n" % (number, receipt))


def kill_at(wanted: int) -> Observer:
    def observe(step: int, /) -> None:
        if step == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return observe


def load(ledger: Ledger, start: int) -> None:
    numbers = itertools.count(start)

    def record() -> None:
        while True:
            number = next(numbers)
            acknowledge(number, ledger.submit(document(ledger, number)))

    for _ in range(4):
        threading.Thread(target=record).start()


def files(ledger: Ledger, start: int) -> None:
    for number in range(start, start + 3):
        data = b"%d" % number * 9000
        sha256 = hashlib.sha256(data).hexdigest()
        ledger.add_file(io.BytesIO(data), sha256=sha256, size=len(data))
        claim = {"media_type": "text/plain", "name": "a", "sha256": sha256, "size": len(data)}
        event = new_event(
            "alpha", "communication/v1", channel="email", claims={"file.1": claim}, number=number
        )
        acknowledge(number, ledger.submit(sign_document(ledger, ALPHA, [event])))


def main() -> None:
    folder, what, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    ids.TAIL = TAIL_IN_TEST  # so that runs are written and merged all the time
    if what == "step":
        ledger = Ledger.open(folder, clock=Clock(), observer=kill_at(number))
        ledger.submit(document(ledger, 100_000 + number))
        time.sleep(60)  # the last step is done when this was answered
        raise AssertionError("should have been killed")
    if what == "found":
        with found_ledger(folder, ALPHA)[0] as ledger:
            acknowledge(0, ledger.receipt(0))
        return
    ledger = Ledger.open(folder, clock=Clock())
    if what == "load":
        load(ledger, number)
    else:
        with ledger:
            files(ledger, number)


if __name__ == "__main__":
    main()
