"""Fetching: a file, to whoever may see a claim that names it.

    GET /files/{sha256}

What comes from here is somebody's file, never a page of this server: it is to be saved, and a
browser that shows it all the same runs nothing of it.
"""

from __future__ import annotations

import asyncio
import os
import re
from functools import partial
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter
from fastapi import Path as InPath
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.asking import HASH, caching, check_query
from api.describing import BINARY, OCTETS, add_reading, check_spelling, is_known, problems
from api.exchange import until_gone
from api.hosting import Hosting
from ledger.errors import NotFoundError, StoreError
from verify.claims import File

__all__ = ["Fetching"]

_CHUNK: Final = 1 << 18
_SAFE: Final = frozenset(
    ("application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/csv")
) | {"message/rfc822", "text/plain"}
"""What no program takes for something that it should run."""
_CONTENT: Final = {kind: {"schema": BINARY} for kind in (OCTETS, *sorted(_SAFE))}
_RANGE: Final = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
_KEPT: Final = "max-age=0, must-revalidate"  # it may be erased

Sha256 = Annotated[str, InPath(pattern=HASH, description="The SHA-256 of the file")]


class Fetching:
    """The path by which files go out."""

    def __init__(self, hosting: Hosting) -> None:
        """Hand out files of the ledgers of `hosting`."""
        self._hosting = hosting

    async def file(self, request: Request, sha256: Sha256) -> Response:
        """Return a file."""
        hosted = self._hosting.of(request)
        reader = hosted.admit(request)
        check_spelling(request, f"/files/{sha256}")
        check_query(request)
        named = await self._hosting.view(lambda: hosted.readings.file(reader.audience, sha256))
        if named is None:
            raise NotFoundError("file of such a name")
        path = await self._hosting.read(lambda: hosted.ledger.file_path(sha256))
        headers = {**_headers(named), **caching(hosted, reader, _KEPT)}
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return _Octets(self._hosting, path, named.size, _range(request, named), headers)

    def add_to(self, router: APIRouter) -> None:
        """Add the path."""
        add_reading(
            router,
            "/files/{sha256}",
            self.file,
            summary="A file that a claim names which the reader may see",
            responses={
                200: {"description": "Its octets", "content": _CONTENT},
                206: {"description": "Those of its octets asked for", "content": _CONTENT},
                304: {"description": "It never changes"},
                **problems(400, 401, 404),
            },
        )


def _headers(file: File) -> dict[str, str]:
    # What turns letters round would have it saved as a picture by its looks, and run by its end.
    name = "".join(each if each.isprintable() else "_" for each in file.name)
    return {
        "accept-ranges": "bytes",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "content-type": file.media_type if file.media_type in _SAFE else OCTETS,
        "etag": f'"{file.sha256}"',
    }


def _range(request: Request, file: File) -> range | None:
    """Return the octets asked for, if it is one range that there is; else all are sent."""
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or request.headers.get("if-range", f'"{file.sha256}"') != f'"{file.sha256}"':
        return None
    first, last = found.groups()
    if first:
        asked = range(int(first), min(int(last or file.size), file.size - 1) + 1)
    else:
        asked = range(max(file.size - int(last or 0), 0), file.size)
    return asked or None


class _Octets(Response):
    """Sends octets of a file, as fast as they are taken."""

    def __init__(
        self,
        hosting: Hosting,
        path: Path,
        size: int,
        asked: range | None,
        headers: dict[str, str],
    ) -> None:
        octets = range(size) if asked is None else asked
        more = {**headers, "content-length": str(len(octets))}
        if asked is not None:
            more["content-range"] = f"bytes {asked.start}-{asked.stop - 1}/{size}"
        super().__init__(status_code=200 if asked is None else 206, headers=more)
        self._hosting = hosting
        self._path = path
        self._octets = octets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them, as long as there is somebody who reads."""
        file = await self._hosting.read(lambda: os.open(self._path, os.O_RDONLY | os.O_CLOEXEC))
        left = asyncio.create_task(until_gone(receive))
        try:
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            at = self._octets.start
            while at < self._octets.stop and scope["method"] != "HEAD" and not left.done():
                count = min(_CHUNK, self._octets.stop - at)
                chunk = await self._hosting.read(partial(os.pread, file, count, at))
                if not chunk:
                    raise StoreError(self._path, "is shorter than it was")
                at += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            left.cancel()
            os.close(file)
