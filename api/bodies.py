"""Bodies: the octets of a request as they come, within a size and a time.

A `Body` is read on the event loop. `Bridge` lets one thread read it as a plain stream.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import CancelledError, Future
from typing import Final, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from api.problems import ProblemError
from api.settings import Settings

__all__ = ["Body", "Bridge", "Chunks", "announced", "check_media_type"]

_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_MARGIN_S: Final = 5.0


def announced(request: Request) -> int | None:
    """Return the length that a request announces; None if it does not.

    Raises:
        ProblemError: `malformed`: it is no number.
    """
    text = _header(request, b"content-length")
    if text is None:
        return None
    if not _LENGTH.fullmatch(text):
        raise ProblemError("malformed", "Content-Length is no number")
    return int(text)


def check_media_type(request: Request, allowed: frozenset[str]) -> None:
    """Check that a request's body is of one of the media types, and not compressed.

    Raises:
        ProblemError: `unsupported-media-type`.
    """
    name = (_header(request, b"content-type") or "").partition(";")[0].strip().lower()
    if name not in allowed:
        wanted = " or ".join(sorted(allowed))
        raise ProblemError("unsupported-media-type", f"Content-Type must be {wanted}")
    if (_header(request, b"content-encoding") or "identity").strip().lower() != "identity":
        raise ProblemError("unsupported-media-type", "the body must not be compressed")


def _header(request: Request, name: bytes) -> str | None:
    """Return the first header of a name; Starlette's mapping costs several times as much."""
    return next((v.decode("latin-1") for n, v in request.scope["headers"] if n == name), None)


class Body:
    """A request's body, chunk by chunk."""

    def __init__(self, request: Request, *, limit: int, settings: Settings) -> None:
        """Read the body of `request`, of at most `limit` octets.

        Raises:
            ProblemError: `too-large`, `malformed`: what is announced is too much, or no number.
        """
        self._request = request
        self._limit = limit
        self._settings = settings
        self._received = 0
        self._ended = False
        self._left_s = settings.idle_s
        length = announced(request)
        if length is not None and length > limit:
            raise self._too_large()

    async def chunk(self) -> bytes:
        """Return the next octets; none at the end.

        Raises:
            ProblemError: `too-large`, `timeout`.
            ClientDisconnect: The sender went away.
        """
        while not self._ended:
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self._ended = not message.get("more_body", False)
            data: bytes = message.get("body", b"")
            self._received += len(data)
            if self._received > self._limit:
                raise self._too_large()
            if data:
                return data
        return b""

    async def _next(self) -> Message:
        loop, settings = asyncio.get_running_loop(), self._settings
        began_s = loop.time()
        try:
            async with asyncio.timeout(max(0.0, self._left_s)):
                message = await self._request.receive()
        except TimeoutError:
            raise ProblemError("timeout", "the body came too slowly") from None
        # What came quickly buys no more than `idle_s`: else whoever sends most of a large body at
        # once could hold its memory for an hour with an octet now and then.
        bought_s = len(message.get("body", b"")) / settings.octets_per_s
        self._left_s = min(self._left_s - (loop.time() - began_s) + bought_s, settings.idle_s)
        return message

    def _too_large(self) -> ProblemError:
        return ProblemError("too-large", f"the body has more than {self._limit} octets")


class Chunks(Protocol):
    """What gives octets chunk by chunk."""

    async def chunk(self) -> bytes:
        """Return the next octets; none at the end."""


class Bridge:
    """A body as a stream that one thread reads, while the event loop goes on."""

    def __init__(self, body: Chunks, *, idle_s: float) -> None:
        """Read `body`, whose event loop is the running one."""
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._patience_s = idle_s + _MARGIN_S
        self._held = b""
        self._pending: Future[bytes] | None = None
        self._stopped = False

    def read(self, size: int, /) -> bytes:
        """Return up to `size` octets; none at the end. For the thread.

        Raises:
            ProblemError: As `Body.chunk`.
            ClientDisconnect: The sender went away, or the server stops.
        """
        if not self._held:
            self._pending = asyncio.run_coroutine_threadsafe(self._body.chunk(), self._loop)
            if self._stopped:
                self._pending.cancel()
            try:
                self._held = self._pending.result(self._patience_s)
            except (TimeoutError, CancelledError):
                raise ClientDisconnect from None
        data, self._held = self._held[:size], self._held[size:]
        return data

    def stop(self) -> None:
        """Let a thread that reads go. For the event loop."""
        self._stopped = True
        if self._pending is not None:
            self._pending.cancel()
