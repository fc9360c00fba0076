"""Who may touch a store's files, and when: between processes, and between threads of this one.

Between processes a lock on a file of its own: LMDB locks its own file per process, and would lose
that lock if it were opened here a second time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import BusyError, FullError, StoreError
from ledger.files import NO_ROOM

__all__ = ["Gate", "hold"]


class Gate:
    """Lets many read, or one move the map while nobody reads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._moving = False

    def enter(self) -> None:
        """Begin to read; waits while the map moves."""
        with self._changed:
            while self._moving:
                self._changed.wait()
            self._readers += 1

    def leave(self) -> None:
        """End reading."""
        with self._changed:
            self._readers -= 1
            if not self._readers:
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody from reading; waits until nobody does."""
        with self._changed:
            while self._moving:
                self._changed.wait()
            self._moving = True
            while self._readers:
                self._changed.wait()
        try:
            yield
        finally:
            with self._changed:
                self._moving = False
                self._changed.notify_all()


def hold(path: Path, *, busy: str) -> int:
    """Hold the lock that only one process can, until the descriptor is closed.

    Raises:
        BusyError: With `busy` as its reason: another process does.
        FullError: There is no room for its file.
        StoreError: It cannot be opened, or the system has no such locks here.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        kind = FullError if failure.errno in NO_ROOM else StoreError
        raise kind(path, f"cannot be opened: {failure.strerror}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise BusyError(path.parent, busy) from None
    except OSError as failure:
        os.close(fd)
        raise StoreError(path, f"cannot be locked: {failure.strerror}") from None
    return fd
