"""Copying: what a mirror wants beside entries, part by part, so that nothing is fetched twice.

    GET /checkpoint/before/{size}   the latest checkpoint published at a size or before it
    GET /disclosures                the claims that are open to the reader, by entry

Each claim is as in a line of `disclosures.jsonl` of an export (SPEC section 11.3). Checkpoints
that are kept are given with the entries that they are about (`proving`).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Path
from fastapi import Query as InQuery
from starlette.requests import Request
from starlette.responses import Response

from api.asking import Positive, Whole, caching, check_query
from api.describing import (
    JSON,
    TEXT,
    Endpoint,
    Responses,
    add_reading,
    answered,
    content,
    problems,
    tag_of,
    tagged,
)
from api.hosting import Hosting
from api.problems import ProblemError
from ledger.export import format_line
from ledger.readings import Readings
from verify.claims import parse_disclosure

__all__ = ["Copying"]

_MOST_OCTETS: Final = 1 << 20  # of one page, which has one row in any case
_FOR_ANYBODY: Final = {"cache-control": "no-cache", "access-control-allow-origin": "*"}
_encode: Final = msgspec.json.Encoder(order="sorted").encode

Size = Annotated[Positive, Path(description="The size")]
First = Annotated[Whole, InQuery(description="The index of the first entry")]
Behind = Annotated[Positive | None, InQuery(description="The index behind the last entry")]


class Copying:
    """The paths for mirrors."""

    def __init__(self, hosting: Hosting) -> None:
        """Show the ledgers of `hosting`."""
        self._hosting = hosting

    async def checkpoint(self, request: Request, size: Size) -> Response:
        """Return the latest checkpoint that was published at a size or before it."""
        ledger = self._hosting.of(request).ledger
        check_query(request)
        note = await self._hosting.read(lambda: ledger.checkpoint_before(size))
        return tagged(request, note, TEXT, _FOR_ANYBODY)

    async def disclosures(
        self, request: Request, start: First = 0, stop: Behind = None
    ) -> Response:
        """Return the claims that are open to the reader, a line for each entry that has any."""
        hosted = self._hosting.of(request)
        reader = hosted.admit(request)
        check_query(request)
        size = await self._hosting.size(hosted)
        if stop is not None and stop <= start:
            raise ProblemError("malformed", "stop: is not behind start")
        if start >= size or (stop or 0) > size:
            raise ProblemError("not-found", f"the ledger has {size} entries")
        last = min(stop or size, start + self._hosting.settings.page)
        body, tag = await self._hosting.view(
            lambda: _disclosures(hosted.readings, reader.audience, start, last)
        )
        return tagged(request, body, JSON, caching(hosted, reader, "no-cache"), tag=tag)

    def add_to(self, router: APIRouter) -> None:
        """Add the paths."""
        note = content(TEXT, {"type": "string"}, example="northmere.example/allotments\n10\n…")
        published: Responses = {
            200: {"description": "A signed note", **note},
            304: {"description": "It is still the same"},
        }
        about: tuple[tuple[str, Endpoint, str, Responses], ...] = (
            (
                "/checkpoint/before/{size}",
                self.checkpoint,
                "The latest checkpoint published at a size or before it",
                {**published, **problems(400, 404)},
            ),
            (
                "/disclosures",
                self.disclosures,
                "The claims that are open to the reader, by entry",
                {**answered("Disclosures"), **problems(400, 401, 404)},
            ),
        )
        for path, endpoint, summary, responses in about:
            add_reading(router, path, endpoint, summary=summary, responses=responses)


def _disclosures(readings: Readings, audience: str, start: int, stop: int) -> tuple[bytes, str]:
    lines: list[msgspec.Raw] = []
    octets = 0
    for index, texts in readings.disclosures(audience, start=start, stop=stop):
        line = format_line(index, map(parse_disclosure, texts))
        octets += len(line)
        if lines and octets > _MOST_OCTETS:
            stop = index
            break
        lines.append(msgspec.Raw(line))
    body = _encode({"disclosures": lines, "stop": stop})
    return body, tag_of(body)
