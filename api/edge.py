"""The edge: what is around every request, whatever the application."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from api.connection import FULL, peer_of
from api.exchange import HEADERS, Exchange
from api.limits import Quota, Rates
from api.log import log_failure, log_request
from api.measures import Answering
from api.problems import ProblemError, answer
from api.settings import Settings

__all__ = ["Edge", "refuse"]

_METHODS: Final = ("DELETE", "GET", "HEAD", "POST", "PUT")
_PARAMETERS: Final = 32  # of a query: no path has so many
_COOKIES: Final = 256  # of a request: browsers keep fewer of one site
_LARGE: Final = 1 << 18  # octets of an answer, below which it is not counted
_STOPPED: Final = 503
_GONE: Final = 499  # in the log only: the sender went away before there was an answer


async def refuse(request: Request, error: Exception) -> Response:
    """Answer a request that ended in an error of ours."""
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return answer(error, headers={"allow": ", ".join(_allowed(request))})
    return answer(error)


def _allowed(request: Request) -> list[str]:
    """Return the methods that a path knows: of all its routes, of which each knows some."""
    routes: list[BaseRoute] = request.app.routes
    scopes = ({**request.scope, "method": method} for method in _METHODS)
    return [
        scope["method"]
        for scope in scopes
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


class Edge:
    """Around everything: one log line for each request, and an answer whatever happens."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        addresses: Rates,
        settings: Settings,
        measures: Answering,
    ) -> None:
        """Stand around `app`.

        Args:
            app: The application.
            addresses: How often each address may ask.
            settings: The settings.
            measures: Counts.
        """
        self._app = app
        self._addresses = addresses
        self._answers = Quota(settings.answers, each=settings.part(settings.answers))
        self._retry_after_s = settings.retry_after_s
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.monotonic()
        room = _Room(self._answers, "" if scope["client"] is None else peer_of(scope["client"][0]))
        exchange = Exchange(receive, send, awaited=_is_awaited(scope), hold=room.take)
        try:
            if scope["client"] is not None:
                self._addresses.take(peer_of(scope["client"][0]))
            _check_counts(scope)
            await self._chosen(scope)(scope, exchange.receive, exchange.send)
        except ProblemError as error:
            await answer(error)(scope, exchange.receive, exchange.send)
        except _NoRoomError:
            detail = "answers that nobody has taken yet have all the room that there is"
            busy = ProblemError("busy", detail, retry_after_s=self._retry_after_s)
            await answer(busy)(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = _GONE
        except asyncio.CancelledError:
            # The server stops, and this took longer than it waits. Nobody reads the rest.
            if exchange.status is None:
                exchange.status = _STOPPED
                stopping = ProblemError("unavailable", "the server stops")
                await answer(stopping, headers=HEADERS)(scope, receive, send)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, no trace of it may leave
            log_failure(error)
            if exchange.status is None:
                await answer(error)(scope, exchange.receive, exchange.send)
        finally:
            room.give()
            self._measures.answered(scope["method"], exchange.status or _GONE)
            log_request(
                method=scope["method"],
                path=scope["path"],
                status=exchange.status,
                octets=exchange.received,
                ms=round((time.monotonic() - began_s) * 1000),
            )
        await exchange.finish()

    def _chosen(self, scope: Scope) -> ASGIApp:
        """Return what answers: the application, if the connection has a place."""
        again_s = scope.get("state", {}).get(FULL)
        if again_s is None:
            return self._app
        full = ProblemError("busy", "all connections are taken", retry_after_s=again_s)
        return answer(full, headers={"connection": "close"})


class _NoRoomError(Exception):
    """There is no room for an answer until others have been taken.

    No `ProblemError`, which Starlette would catch, and take for one that came too late.
    """


class _Room:
    """What an answer has of the room for those that wait to be taken."""

    def __init__(self, quota: Quota, holder: str) -> None:
        self._quota = quota
        self._holder = holder
        self._held = 0

    def take(self, octets: int) -> None:
        """Hold room for an answer, if it is large."""
        if octets <= _LARGE:
            return
        if not self._quota.take_one(self._holder, octets):
            # An error that a frame names would keep the answer in memory for a while.
            raise _NoRoomError
        self._held = octets

    def give(self) -> None:
        """Let go of it."""
        if self._held:
            self._quota.give(self._holder, self._held)


def _check_counts(scope: Scope) -> None:
    """Check that there is not much to take apart: FastAPI does so whatever the path needs.

    Raises:
        ProblemError: `malformed`: too many parameters, or cookies.
    """
    if scope["query_string"].count(b"&") >= _PARAMETERS:
        raise ProblemError("malformed", "the query has too many parameters")
    if sum(value.count(b";") for name, value in scope["headers"] if name == b"cookie") >= _COOKIES:
        raise ProblemError("malformed", "there are too many cookies")


def _is_awaited(scope: Scope) -> bool:
    return any(name == b"expect" for name, _ in scope["headers"])
