"""The log as other tools of the field read it: checkpoint, tiles, entry bundles.

    GET /checkpoint         the latest signed checkpoint, cosigned or not yet, for anybody
    GET /tile/{path}        tiles, for anybody; entry bundles, for whoever may read

A tile holds hashes of entries, each over a random nonce and a signature, so it tells nothing of
what they say: witnesses and monitors need no account. Entry bundles come in gzip for who takes it:
they are a third as long then. Hashes cannot be made shorter.

Source: c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import gzip
import re
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.describing import (
    BINARY,
    OCTETS,
    TEXT,
    add_reading,
    check_spelling,
    content,
    is_known,
    parameter,
    problems,
    tag_of,
    tagged,
)
from api.hosting import Hosting
from api.witnessed import headers_of

__all__ = ["Tlog"]

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_FOR_ONE: Final = "private, max-age=31536000, immutable"
_ANYBODY: Final = {"access-control-allow-origin": "*"}
_FASTEST: Final = 1  # of the levels of gzip: the others make a bundle 7% shorter for twice the time
_GZIP: Final = re.compile(
    r"\s*gzip\s*(?:;\s*q=(?P<weight>[01](?:\.[0-9]{0,3})?)\s*)?", re.IGNORECASE
)


class Tlog:
    """The C2SP read paths."""

    def __init__(self, hosting: Hosting) -> None:
        """Read the ledgers of `hosting`."""
        self._hosting = hosting

    async def checkpoint(self, request: Request) -> Response:
        """Return the latest checkpoint, with what cosignatures it has; headers say how many count.

        Nothing waits for witnesses: whatever was signed is shown, and marked.
        """
        feeder = self._hosting.of(request).feeder
        note, witnessed = await self._hosting.read(feeder.latest)
        headers = {"cache-control": "no-cache", **_ANYBODY, **headers_of(witnessed)}
        return tagged(request, note, TEXT, headers)

    async def tile(self, request: Request) -> Response:
        """Return a tile or an entry bundle."""
        hosted = self._hosting.of(request)
        path = f"tile/{request.path_params['path']}"
        check_spelling(request, f"{hosted.prefix}/{path}")
        headers = {"cache-control": _FOR_EVER, **_ANYBODY}
        is_bundle = path.startswith("tile/entries/")
        if is_bundle:
            hosted.admit(request)
            if hosted.state.charter.visibility == "public":
                headers["vary"] = "Accept-Encoding"
            else:
                vary = "Accept-Encoding, Authorization, Cookie"
                headers = {"cache-control": _FOR_ONE, "vary": vary}
        is_packed = is_bundle and _takes_gzip(request)
        if is_packed:
            headers["content-encoding"] = "gzip"

        def made() -> tuple[bytes, str]:
            data = hosted.ledger.tile(path)
            tag = tag_of(data)
            if is_packed:
                tag = f'{tag[:-1]}.gzip"'
                if not is_known(request, tag):  # packing takes as long as 25 such sums
                    data = gzip.compress(data, _FASTEST, mtime=0)
            return data, tag

        data, tag = await self._hosting.read(made)
        return tagged(request, data, OCTETS, headers, tag=tag)

    def add_to(self, router: APIRouter) -> None:
        """Add the paths."""
        add_reading(
            router,
            "/checkpoint",
            self.checkpoint,
            summary="The latest signed checkpoint",
            responses={
                200: {"description": "A signed note", **content(TEXT, {"type": "string"})},
                304: {"description": "It is still this one, with these lines"},
                **problems(404),
            },
        )
        add_reading(
            router,
            "/tile/{path:path}",
            self.tile,
            summary="A tile or an entry bundle, by its C2SP path",
            responses={
                200: {"description": "Its octets", **content(OCTETS, BINARY)},
                304: {"description": "It never changes"},
                **problems(401, 404),
            },
            openapi_extra={"parameters": [parameter("path", {"type": "string"})]},
        )


def _takes_gzip(request: Request) -> bool:
    """Tell whether an answer may come in gzip (RFC 9110 section 12.5.3)."""
    codings = ",".join(request.headers.getlist("accept-encoding")).split(",")
    found = [each for each in map(_GZIP.fullmatch, codings) if each]
    return any(float(each["weight"] or 1) > 0 for each in found)
