"""The log: one line of JSON for each thing that happened, on standard error.

What is in it is chosen, field by field: never a body, a header, a query or an address, and of a
failure where it was, not what it said, since that may quote what somebody sent.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import time
import traceback
from typing import Final, TextIO

import msgspec

__all__ = ["begin", "log_failure", "log_note", "log_request"]

_LOGGER: Final = logging.getLogger("counterfoil")
_PATH: Final = 200
_HASH: Final = re.compile(r"[0-9a-f]{64}")  # a file's hash is a part of a claim
_FRAMES: Final = 8

_stream: TextIO | None = None


def begin(stream: TextIO | None = None) -> None:
    """Write to `stream`, by default standard error; what uvicorn warns of goes there, too."""
    global _stream  # noqa: PLW0603 - a process has one log
    _stream = stream or sys.stderr
    target = logging.StreamHandler(_stream)
    target.setFormatter(_Lines())
    for name, level in (("counterfoil", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [target]
        logger.propagate = False
        logger.setLevel(level)


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
    if _stream is None:
        return
    line = {
        "at": _at(time.time()),
        "level": "info",
        "what": "request",
        "method": method,
        "ms": ms,
        "octets": octets,
        "path": _HASH.sub("*", path[:_PATH]),
        "status": status,
    }
    # Past `logging`, which takes longer than all else that is done for a small request.
    with contextlib.suppress(OSError, ValueError):  # nobody reads the log any more
        _stream.write(msgspec.json.encode(line).decode() + "\n")
        _stream.flush()


def log_failure(error: BaseException) -> None:
    """Log that something of ours failed: its type and where, not its message."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = [f"{frame.name}:{frame.lineno}" for frame in frames]
    fields = {"error": type(error).__name__, "at": places}
    _LOGGER.error("failure", extra={"fields": fields})


class _Lines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what an exception attached to the record says is left out."""
        line: dict[str, object] = {
            "at": _at(record.created),
            "level": record.levelname.lower(),
            "what": record.getMessage().strip(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return msgspec.json.encode(line).decode()


def _at(time_s: float) -> str:
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_s))
    return f"{at}.{int(time_s % 1 * 1000):03}Z"
