"""What witnesses cosigned, for anybody: how far, and by whom.

    GET /checkpoint/cosigned    the latest checkpoint that a quorum of witnesses cosigned
    GET /witnesses              how well the latest checkpoint is witnessed, and where each stands

The latest checkpoint is shown at once, witnessed or not (`tlog`); these tell the two apart.

Source: c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.describing import JSON, TEXT, add_reading, content, json_answer, problems, tagged
from api.hosting import Hosting
from ledger import feeder
from ledger.errors import NotFoundError

__all__ = ["Witnessed", "headers_of"]

_ANYBODY: Final = {"access-control-allow-origin": "*"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_SUMMARY: Final = {
    "type": "object",
    "required": ["size", "witnessed", "witnesses"],
    "properties": {
        "size": _COUNT,
        "witnessed": {
            "type": "object",
            "required": ["cosigned", "of", "quorum"],
            "properties": {"cosigned": _COUNT, "of": _COUNT, "quorum": _COUNT, "last": _COUNT},
        },
        "witnesses": {"type": "array", "items": {"type": "object"}},
    },
}


class _Count(msgspec.Struct, omit_defaults=True):
    cosigned: int
    of: int
    quorum: int
    last: int | None = None


class _One(msgspec.Struct):
    name: str
    in_charter: bool
    fed: bool
    size: int
    state: str


class _Summary(msgspec.Struct):
    size: int
    witnessed: _Count
    witnesses: list[_One]


def headers_of(witnessed: feeder.Witnessed) -> dict[str, str]:
    """Return the headers that say how well a checkpoint is witnessed, and which is the last."""
    headers = {"counterfoil-witnessed": f"{witnessed.cosigned}/{witnessed.of}"}
    if witnessed.last is not None:
        headers["counterfoil-witnessed-size"] = str(witnessed.last)
    return headers


class Witnessed:
    """The paths about witnesses."""

    def __init__(self, hosting: Hosting) -> None:
        """Tell of the ledgers of `hosting`."""
        self._hosting = hosting

    async def cosigned(self, request: Request) -> Response:
        """Return the latest checkpoint that a quorum cosigned."""
        note = self._hosting.of(request).feeder.last()
        if note is None:
            raise NotFoundError("checkpoint that a quorum of witnesses cosigned")
        return tagged(request, note, TEXT, {"cache-control": "no-cache", **_ANYBODY})

    async def summary(self, request: Request) -> Response:
        """Tell how well the latest checkpoint is witnessed, and where each witness stands."""
        feeding = self._hosting.of(request).feeder
        _, witnessed = await self._hosting.read(feeding.latest)
        standings = await self._hosting.read(feeding.standings)
        found = _Summary(
            witnessed.size,
            _Count(witnessed.cosigned, witnessed.of, witnessed.quorum, witnessed.last),
            [
                _One(one.name, one.in_charter, one.fed, one.size, one.reason or "ok")
                for one in standings
            ],
        )
        return json_answer(found, headers=_ANYBODY)

    def add_to(self, router: APIRouter) -> None:
        """Add the paths."""
        add_reading(
            router,
            "/checkpoint/cosigned",
            self.cosigned,
            summary="The latest checkpoint that a quorum of witnesses cosigned",
            responses={
                200: {"description": "A signed note", **content(TEXT, {"type": "string"})},
                304: {"description": "It is still this one, with these lines"},
                **problems(404),
            },
        )
        add_reading(
            router,
            "/witnesses",
            self.summary,
            summary="How well the latest checkpoint is witnessed, and where each witness stands",
            responses={
                200: {"description": "A summary", **content(JSON, _SUMMARY)},
                **problems(404),
            },
        )
