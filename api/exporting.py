"""Exporting: all of a ledger that a reader may have, as one archive.

    GET /export     the export for whoever asks, a tar archive (SPEC section 11)

For a party with a session it is the party's own export, else the public one: the same octets that
`counterfoil export` writes into a folder. It is made as it is taken: nothing is read ahead, a
reader that goes away or stands still ends it, and only so many are made at a time. Whether it is
whole shows at its end: when anything fails in between, the connection is cut before it.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.connection import address_of
from api.describing import BINARY, add_reading, content, problems
from api.exchange import until_gone
from api.hosting import Hosting
from ledger.archive import pack
from ledger.export import open_export
from ledger.ledger import Ledger

__all__ = ["TAR", "Exporting"]

TAR: Final = "application/x-tar"

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9.]+")


class Exporting:
    """The path of exports."""

    def __init__(self, hosting: Hosting) -> None:
        """Export the ledgers of `hosting`."""
        self._hosting = hosting

    async def export(self, request: Request) -> Response:
        """Begin an export."""
        hosted = self._hosting.of(request)
        reader = hosted.admit(request)
        audience = reader.audience
        ledger = hosted.ledger
        address = address_of(request)
        with ExitStack() as stack:
            if reader.session is None:
                stack.enter_context(self._hosting.open_exports.take(address))
            stack.enter_context(self._hosting.exports.take(address))
            size = await self._hosting.read(ledger.size)
            headers = {
                "cache-control": "no-store",
                "content-disposition": f'attachment; filename="{_name(ledger.origin, size)}"',
            }
            if request.method == "HEAD":
                return Response(media_type=TAR, headers=headers)
            source = await self._hosting.export(lambda: _Source(ledger, audience))
            stack.callback(self._hosting.export_soon, source.close)
            return _Archive(source, self._hosting, headers, end=stack.pop_all().close)

    def add_to(self, router: APIRouter) -> None:
        """Add the path."""
        add_reading(
            router,
            "/export",
            self.export,
            summary="All that the reader may have, as one archive",
            responses={
                200: {
                    "description": "A tar archive of the export's files, of the ledger as it is "
                    "when it is asked for. It is whole only if it ends as a tar archive does",
                    **content(TAR, BINARY),
                },
                **problems(401, 404),
            },
        )


def _name(origin: str, size: int) -> str:
    return f"{_NO_NAME.sub('-', origin)}-{size}.tar"


class _Source:
    """An archive that is being made: in threads, one at a time."""

    def __init__(self, ledger: Ledger, audience: str) -> None:
        self._lock = threading.Lock()
        self._stack = ExitStack()
        opened = self._stack.enter_context(open_export(ledger, audience=audience))
        self._pieces = pack(opened.members())

    def piece(self) -> bytes:
        """Return what comes next; nothing at the end."""
        with self._lock:
            return next(self._pieces, b"")

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._stack.close()


class _Archive(Response):
    """Sends an archive as it is made, as fast as it is taken."""

    def __init__(
        self,
        source: _Source,
        hosting: Hosting,
        headers: dict[str, str],
        *,
        end: Callable[[], None],
    ) -> None:
        super().__init__(media_type=TAR, headers=headers)
        del self.headers["content-length"]
        self._source = source
        self._hosting = hosting
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the archive, until it ends or its reader goes.

        Raises:
            ClientDisconnect: The reader went away, or took nothing for too long.
        """
        del scope
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(until_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ClientDisconnect
            await sending
        finally:
            sending.cancel()
            leaving.cancel()
            self._end()

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        settings = self._hosting.settings
        while piece := await self._hosting.export(self._source.piece):
            try:
                async with asyncio.timeout(settings.idle_s + len(piece) / settings.octets_per_s):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError:
                raise ClientDisconnect from None
        await send({"type": "http.response.body", "body": b""})
