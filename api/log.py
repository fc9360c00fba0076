"""The log: one line of JSON for each thing that happened, on standard error.

What is in it is chosen, field by field: never a body, a header, a query or an address, and of a
failure where it was, not what it said, since that may quote what somebody sent.

Who writes a line waits for nobody: a thread of its own writes them out. Where whoever reads them
stands still, as many as there is room for wait, and how many were lost is said when it goes on.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Final, TextIO

import msgspec

__all__ = ["log_failure", "log_note", "log_request", "written"]

_LOGGER: Final = logging.getLogger("counterfoil")
_PATH: Final = 200
_HASH: Final = re.compile(r"[0-9a-f]{64}")  # a file's hash is a part of a claim
_FRAMES: Final = 8

_LEVELS: Final = (
    ("counterfoil", logging.INFO),
    ("uvicorn", logging.WARNING),
    ("asyncio", logging.WARNING),
)
_WAITING: Final = 10_000  # lines
_AT_ONCE: Final = 4096  # octets that a pipe takes whole, as two processes may share one
_PAUSE_S: Final = 0.02
_LAST_S: Final = 2.0

_writer: _Writer | None = None


@contextlib.contextmanager
def written(stream: TextIO | None = None) -> Iterator[None]:
    """Have the log written, by default to standard error, with what uvicorn and asyncio warn of.

    Args:
        stream: Where to; what has a file behind it is written to past its buffer, whose lock a
            reader that stands still would keep for ever, even from a process that ends.
    """
    global _writer  # noqa: PLW0603 - a process has one log
    before, _writer = _writer, _Writer(stream or sys.stderr)
    target = _Handler(_writer)
    target.setFormatter(_Lines())
    loggers = [(logging.getLogger(name), level) for name, level in _LEVELS]
    were = [(logger.handlers, logger.propagate, logger.level) for logger, _ in loggers]
    for logger, level in loggers:
        logger.handlers, logger.propagate = [target], False
        logger.setLevel(level)
    try:
        yield
    finally:
        for (logger, _), (handlers, propagate, level) in zip(loggers, were, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
        _writer.end()
        _writer = before


def log_note(text: str, *, level: int = logging.INFO) -> None:
    """Log a sentence."""
    _LOGGER.log(level, text)


def log_request(*, method: str, path: str, status: int | None, octets: int, ms: int) -> None:
    """Log a request that was answered, or not.

    Args:
        method: Its method.
        path: Its path, without the query.
        status: The status of the answer, if there was one.
        octets: How many octets of body came.
        ms: How long it took.
    """
    if _writer is None:
        return
    path = _HASH.sub("*", path[:_PATH])
    # Past `logging`, which takes longer than all else that is done for a small request.
    _writer.put(
        _line("info", "request", method=method, ms=ms, octets=octets, path=path, status=status)
    )


def log_failure(error: BaseException) -> None:
    """Log that something of ours failed: its type, its `errno` and where, not its message."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = [f"{frame.name}:{frame.lineno}" for frame in frames]
    fields: dict[str, object] = {"error": type(error).__name__, "at": places}
    if isinstance(error, OSError) and error.errno is not None:
        fields["errno"] = errno.errorcode.get(error.errno, error.errno)
    _LOGGER.error("failure", extra={"fields": fields})


class _Writer:
    """A thread that writes lines, in the order in which they are put."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._file = _file_of(stream)
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._losing = threading.Lock()
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name="counterfoil-log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Let a line be written, or count it as lost where too many wait. Never waits itself."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            with self._losing:
                self._lost += 1

    def end(self) -> None:
        """Write what waits, as far as that takes no more than a moment."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=_LAST_S)
        self._thread.join(_LAST_S)

    def _run(self) -> None:
        ended = False
        while not ended:
            lines = [self._lines.get()]
            # Measured: a turn for each line takes a tenth of the rate from who answers requests.
            time.sleep(_PAUSE_S)
            with contextlib.suppress(queue.Empty):
                while lines[-1] is not None:
                    lines.append(self._lines.get_nowait())
            self._write(line for line in lines if line is not None)
            ended = lines[-1] is None
            with self._losing:
                lost, self._lost = self._lost, 0
            if lost:
                told = f"{lost} lines of log were lost: nobody read them"
                self._write([_line("warning", told)])

    def _write(self, lines: Iterable[str]) -> None:
        text = ""
        for line in lines:
            if len(text) + len(line) >= _AT_ONCE:
                self._put_out(text)
                text = ""
            text += f"{line}\n"
        self._put_out(text)

    def _put_out(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads the log any more
            if self._file is None:
                self._stream.write(text)
                return
            data = text.encode()
            while data:
                data = data[os.write(self._file, data) :]


class _Handler(logging.Handler):
    """Puts what is logged by name among the lines."""

    def __init__(self, writer: _Writer) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Put a record."""
        self._writer.put(self.format(record))


class _Lines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what an exception attached to the record says is left out."""
        fields: dict[str, object] = dict(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            fields["error"] = record.exc_info[0].__name__
        return _line(record.levelname.lower(), record.getMessage().strip(), **fields)


def _file_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except OSError:  # such as of a text in memory
        return None


def _line(level: str, what: str, **fields: object) -> str:
    now_s = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_s))
    at = f"{at}.{int(now_s % 1 * 1000):03}Z"
    return msgspec.json.encode({"at": at, "level": level, "what": what, **fields}).decode()
