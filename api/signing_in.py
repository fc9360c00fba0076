"""Signing in: how a reader shows which party it is.

    POST   /nonces              a nonce for one session statement
    POST   /sessions            a signed session statement in, a session out
    GET    /sessions/current    whose session this is
    DELETE /sessions/current    end it

The token of a session comes in the answer, for programs, and as a cookie that no script reads and
no other site sends, for browsers.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.bodies import Body, check_media_type
from api.describing import JSON, add_reading, body, content, json_answer, problems
from api.hosting import Hosted, Hosting
from api.problems import ProblemError
from api.sessions import COOKIE, Session
from verify.session import MAX_SESSION, SESSION

__all__ = ["SigningIn"]

_SHOWN: Final = 8  # names in a refusal
_LONGEST: Final = 80
_NONCE: Final = {
    "type": "object",
    "required": ["nonce", "expires"],
    "properties": {"nonce": {"type": "string"}, "expires": {"type": "integer"}},
}
_SESSION: Final = {
    "type": "object",
    "required": ["party", "key", "expires"],
    "properties": {
        "party": {"type": "string"},
        "key": {"type": "string"},
        "expires": {"type": "integer"},
        "token": {"type": "string"},
    },
}


class SigningIn:
    """The paths of sessions."""

    def __init__(self, hosting: Hosting) -> None:
        """Keep sessions of the ledgers of `hosting`."""
        self._hosting = hosting

    async def nonce(self, request: Request) -> Response:
        """Give a nonce."""
        hosted = self._hosting.of(request)
        hosted.check_recorded_in()
        nonce, expires_ms = hosted.sessions.nonce()
        return json_answer({"nonce": nonce, "expires": expires_ms}, status=201)

    async def begin(self, request: Request) -> Response:
        """Begin a session."""
        hosted = self._hosting.of(request)
        hosted.check_recorded_in()
        check_media_type(request, frozenset((SESSION, JSON)))
        host = request.headers.get("host", "").lower()
        names = self._hosting.settings.names or _addresses(request)
        if host not in names:
            # Whoever passes a nonce on to a party passes on its own `Host`, too.
            known = ", ".join(sorted(names)[:_SHOWN])
            detail = f"`Host` is {host[:_LONGEST]!r}, and this server is called: {known}"
            if not self._hosting.settings.names:
                detail += ". Behind a proxy it needs the setting `names`"
            raise ProblemError("unauthenticated", detail)
        source = Body(request, limit=MAX_SESSION, settings=self._hosting.settings)
        data = b""
        while chunk := await source.chunk():
            data += chunk
        nonce, session = await self._hosting.read(lambda: hosted.sessions.check(data, host=host))
        token = hosted.sessions.begin(nonce, session)
        response = json_answer({**_told(session), "token": token}, status=201)
        age_s = max(0, (session.expires_ms - self._hosting.now_ms()) // 1000)
        _set_cookie(response, request, hosted, token, age_s=age_s)
        return response

    async def current(self, request: Request) -> Response:
        """Tell whose session this is."""
        reader = self._hosting.of(request).reader(request)
        if reader.session is None:
            raise ProblemError("unauthenticated", "there is no session")
        return json_answer(_told(reader.session))

    async def end(self, request: Request) -> Response:
        """End a session."""
        hosted = self._hosting.of(request)
        reader = hosted.reader(request)
        if reader.token is None:
            raise ProblemError("unauthenticated", "there is no session")
        hosted.sessions.end(reader.token)
        hosted.bell.ring()
        response = Response(status_code=204, headers={"cache-control": "no-store"})
        _set_cookie(response, request, hosted, "", age_s=0)
        return response

    def add_to(self, router: APIRouter) -> None:
        """Add the paths."""
        router.add_api_route(
            "/nonces",
            self.nonce,
            methods=["POST"],
            summary="Get a nonce for one session statement",
            status_code=201,
            response_class=Response,
            responses={
                201: {"description": "A nonce, and until when", **content(JSON, _NONCE)},
                **problems(403, 404),
            },
        )
        router.add_api_route(
            "/sessions",
            self.begin,
            methods=["POST"],
            summary="Begin a session",
            description="With a statement over a nonce, signed by an active key of a party.",
            status_code=201,
            response_class=Response,
            responses={
                201: {"description": "The session", **content(JSON, _SESSION)},
                **problems(400, 401, 404, 408, 413, 415),
            },
            openapi_extra={"requestBody": body(SESSION, JSON, schema={"type": "object"})},
        )
        add_reading(
            router,
            "/sessions/current",
            self.current,
            summary="Whose session this is",
            responses={
                200: {"description": "The session", **content(JSON, _SESSION)},
                **problems(401, 404),
            },
        )
        router.add_api_route(
            "/sessions/current",
            self.end,
            methods=["DELETE"],
            summary="End a session",
            status_code=204,
            response_class=Response,
            responses={204: {"description": "It has ended"}, **problems(401, 404)},
        )


def _addresses(request: Request) -> frozenset[str]:
    """Return what a server without a name is called: the address that was connected to."""
    address, port = request.scope.get("server") or ("", None)
    host = f"[{address}]" if ":" in address else address
    found = {f"{name}:{port}" for name in (host, "localhost")}
    return frozenset(found | {host, "localhost"} if port in {80, 443} else found)


def _told(session: Session) -> dict[str, object]:
    return {"party": session.party, "key": session.key, "expires": session.expires_ms}


def _set_cookie(
    response: Response, request: Request, hosted: Hosted, token: str, *, age_s: int
) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=age_s,
        path=f"{request.scope.get('root_path', '')}{hosted.prefix}" or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
