"""Operating: what whoever runs the process asks it.

    GET /healthz    whether the process answers and its ledgers can be read and recorded in
    GET /readyz     whether it is also good to send requests to: there is room on the disk, and a
                    ledger of which no witness knows more than is here, or another history, and
                    whose log key has not signed one
    GET /metrics    numbers for Prometheus, if the settings want it, for this machine only

None tells anything of what a ledger holds.
"""

from __future__ import annotations

import contextlib
import ipaddress
import shutil

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.describing import JSON, add_reading, content, json_answer, problems
from api.hosting import Hosting
from api.problems import ProblemError
from api.settings import UNIX
from ledger.errors import NotFoundError

__all__ = ["Operating"]

_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_OF_PROXIES = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
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
        self._check_witnesses()
        return json_answer({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Tell the numbers of both processes, to who asks from this machine, if that is wanted."""
        if not (self._hosting.settings.metrics and _is_local(request)):
            raise NotFoundError("path")
        free = await self._hosting.read(self._free)
        recording = await self._hosting.recorder.measures()
        for name, hosted in self._hosting.ledgers.items():
            _, witnessed = await self._hosting.read(hosted.feeder.latest)
            standings = await self._hosting.read(hosted.feeder.standings)
            self._hosting.measures.witnessed(name, witnessed, standings)
        text = self._hosting.measures.text(free) + recording
        return Response(text, media_type=_METRICS, headers={"cache-control": "no-store"})

    def _free(self) -> dict[str, int]:
        return {
            name: shutil.disk_usage(hosted.ledger.path).free
            for name, hosted in self._hosting.ledgers.items()
        }

    def _check_ledgers(self) -> None:
        for hosted in self._hosting.ledgers.values():
            hosted.ledger.size()
            if not self._hosting.recorder.healthy(hosted.name):
                raise ProblemError("unavailable", "a ledger records nothing now")

    def _check_room(self) -> None:
        if any(free < self._hosting.settings.free for free in self._free().values()):
            raise ProblemError("unavailable", "the disk is nearly full")

    def _check_witnesses(self) -> None:
        """Check that a ledger is beyond doubt: one of several takes no other with it."""
        disputed = self._hosting.disputed
        own = [each for each in self._hosting.ledgers.values() if each.ledger.mirror is None]
        if not own or not all(each.name in disputed or each.feeder.disputes() for each in own):
            return
        for reason in disputed.values():
            raise ProblemError("unavailable", f"a ledger has stopped: {reason}")
        raise ProblemError("unavailable", "a witness of a ledger knows another history of it")

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
        add_reading(
            router,
            "/metrics",
            self.metrics,
            summary="Numbers for Prometheus, for this machine only",
            responses={
                200: {"description": "Numbers", **content(_METRICS, {"type": "string"})},
                **problems(404),
            },
        )


def _is_local(request: Request) -> bool:
    """Tell whether a request comes from this machine, and not by way of a proxy on it."""
    if any(name in request.headers for name in _OF_PROXIES):
        return False
    host = "" if request.client is None else request.client.host
    if host == UNIX:
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
