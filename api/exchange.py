"""An exchange: one request and its answer, as the edge sees them pass.

Adds the headers that every answer has. An answer begins when its first octets are there: until then
there may turn out to be no room for it. And when an answer is given before the whole body came, as
to one that is too large, it is handed over first, the connection is marked to be closed, and what
still comes is thrown away for a moment: a connection closed at once would be reset, and the
sender would never read why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Send

__all__ = ["HEADERS", "Exchange", "until_gone"]

HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
"""What every answer says to browsers, unless it says something narrower itself."""

_LINGER_S: Final = 2.0
_PIECE: Final = 1 << 16  # octets of an answer that are handed over at a time


class Exchange:
    """Stands between the server and the application for one request.

    Attributes:
        status: The status of the answer; None while there is none.
        received: Octets of body that came.
    """

    def __init__(
        self, receive: Receive, send: Send, *, awaited: bool, hold: Callable[[int], None]
    ) -> None:
        """Pass on to `receive` and `send`.

        Args:
            receive: Gives the parts of the request.
            send: Takes the parts of the answer.
            awaited: The sender waits to be told to go on before it sends a body.
            hold: Is told how many octets the first part of an answer's body has, before anything
                of the answer is sent; what it raises, `send` does.
        """
        self.status: int | None = None
        self.received = 0
        self._receive = receive
        self._send = send
        self._whole = False
        self._awaited = awaited
        self._hold = hold
        self._start: Message | None = None
        self._last: Message | None = None

    async def receive(self) -> Message:
        """Take the next part of the request."""
        self._awaited = False
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._whole = True
        else:
            self.received += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send the next part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        body = message.get("body", b"")
        if self._start is not None:
            self._hold(len(body))
            await self._begin(self._start)
            self._start = None
        # Piece by piece, each when the one before is nearly taken: a reader that stands still
        # holds a piece, not a copy of the whole.
        for at in range(0, len(body) - _PIECE, _PIECE):
            piece = {"body": body[at : at + _PIECE], "more_body": True}
            await self._send({"type": "http.response.body", **piece})
        last = body[(len(body) - 1) // _PIECE * _PIECE :] if body else b""
        message = {**message, "body": last}
        if not self._whole and not message.get("more_body", False):
            self._last = {**message, "body": b"", "more_body": False}
            message = {**message, "more_body": True}
        await self._send(message)

    async def _begin(self, message: Message) -> None:
        self.status = message["status"]
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if not self._whole and await self._is_more_coming():
            headers["connection"] = "close"
        await self._send(message)

    async def finish(self) -> None:
        """End an answer that was given early."""
        if self._last is None:
            return
        try:
            async with asyncio.timeout(_LINGER_S):
                while not self._whole:
                    await self.receive()
        except TimeoutError:
            pass
        await self._send(self._last)

    async def _is_more_coming(self) -> bool:
        """Look whether the body is at its end, without waiting for more of it."""
        if self._awaited:
            self._whole = True  # to look would be to ask for it
            return True
        try:
            async with asyncio.timeout(0):
                await self.receive()
        except TimeoutError:
            return True
        return not self._whole


async def until_gone(receive: Receive) -> None:
    """Return when nobody waits for the answer any more."""
    while (await receive())["type"] != "http.disconnect":
        pass
