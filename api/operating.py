"""Operating: what whoever runs the process asks it.

    GET /healthz    whether the process answers and its ledgers can be read and recorded in
    GET /readyz     whether it is also good to send requests to: there is room on the disk

Neither tells anything of what a ledger holds.
"""

from __future__ import annotations

import shutil

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.describing import JSON, add_reading, content, json_answer, problems
from api.hosting import Hosting
from api.problems import ProblemError

__all__ = ["Operating"]

_STATUS = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string", "const": "ok"}},
}


class Operating:
    """The paths of the process."""

    def __init__(self, hosting: Hosting) -> None:
        """Tell of `hosting`."""
        self._hosting = hosting

    async def health(self, request: Request) -> Response:
        """Tell whether every ledger can be read and recorded in."""
        del request
        await self._hosting.read(self._check_ledgers)
        return json_answer({"status": "ok"})

    async def readiness(self, request: Request) -> Response:
        """Tell whether requests should be sent here."""
        del request
        await self._hosting.read(self._check_ledgers)
        await self._hosting.read(self._check_room)
        return json_answer({"status": "ok"})

    def _check_ledgers(self) -> None:
        for hosted in self._hosting.ledgers.values():
            hosted.ledger.size()
            if not self._hosting.recorder.healthy(hosted.name):
                raise ProblemError("unavailable", "a ledger records nothing now")

    def _check_room(self) -> None:
        for hosted in self._hosting.ledgers.values():
            if shutil.disk_usage(hosted.ledger.path).free < self._hosting.settings.free:
                raise ProblemError("unavailable", "the disk is nearly full")

    def add_to(self, router: APIRouter) -> None:
        """Add the paths."""
        for path, endpoint, summary in (
            ("/healthz", self.health, "Whether the ledgers can be read and recorded in"),
            ("/readyz", self.readiness, "Whether requests should be sent here"),
        ):
            add_reading(
                router,
                path,
                endpoint,
                summary=summary,
                responses={200: {"description": "Yes", **content(JSON, _STATUS)}, **problems()},
            )
