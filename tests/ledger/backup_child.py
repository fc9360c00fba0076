"""A process that records, backs up or restores: the tests of backups run it, and kill it.

    backup_child.py record FOLDER START            records from several threads until it is killed
    backup_child.py backup FOLDER TARGET PART      backs up, and kills itself in that part
    backup_child.py restore BACKUP TARGET PART     restores, and kills itself in that part

Every receipt is one line on standard output, written only once it was handed out.
"""

import hashlib
import io
import itertools
import os
import signal
import sys
import threading
from pathlib import Path

from ledger.backup import back_up
from ledger.ledger import Ledger
from ledger.progress import Progress, Tell
from ledger.restore import restore
from tests.ledger.builder import NOON_MS, Clock, NewEvent, Party, new_event, sign_document

ALPHA = Party("alpha", 1)


def letter(number: int) -> tuple[bytes, NewEvent]:
    """A letter with a file; the same each time."""
    data = b"%d" % number * 900
    claim = {
        "media_type": "text/plain",
        "name": "a",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }
    claims = {"file.1": claim, "title": f"{number}"}
    return data, new_event(
        "alpha", "communication/v1", channel="email", claims=claims, number=number
    )


def record_letter(ledger: Ledger, number: int) -> bytes:
    """Record the letter of that number and return its receipt."""
    data, event = letter(number)
    ledger.add_file(io.BytesIO(data), sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    return ledger.submit(sign_document(ledger, ALPHA, [event]))


def record(folder: Path, start: int) -> None:
    ledger = Ledger.open(folder, clock=Clock())
    numbers = itertools.count(start)

    def run() -> None:
        while True:
            os.write(1, b"%b\n" % record_letter(ledger, next(numbers)))

    for _ in range(3):
        threading.Thread(target=run).start()


def tell_of(part: str) -> Tell:
    """Make progress end this process in one part of the work."""

    def tell(name: str) -> Progress:
        def show(done: int, size: int) -> None:
            del done, size
            if name == part:
                os.kill(os.getpid(), signal.SIGKILL)

        return show

    return tell


def main() -> None:
    what, first, second = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if what == "record":
        record(first, int(second))
        return
    tell = tell_of(sys.argv[4])
    if what == "backup":
        with Ledger.open(first, read_only=True) as ledger:
            back_up(ledger, Path(second), now_ms=NOON_MS, tell=tell)
    else:
        restore(first, Path(second), tell=tell)
    raise AssertionError("should have been killed")


if __name__ == "__main__":
    main()
