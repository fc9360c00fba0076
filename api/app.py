"""The application: the paths of one ledger.

    POST /submissions       a submission document in, its receipt out
    PUT  /files/{sha256}    a file that a submission will name
    GET  /checkpoint        the latest signed checkpoint
    GET  /tile/{path}       tiles and entry bundles, as c2sp.org/tlog-tiles says
    GET  /healthz           whether the ledger can be read and recorded in
    GET  /openapi.json      this, for machines

Writing needs no session: the signature in the document is the credential. Reading is open. The
event loop only moves octets: parsing, hashing, signatures and the store are for threads.

Source: RFC 9457; c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NamedTuple, TypeVar

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.bodies import Body, Bridge, Chunks, announced, check_media_type
from api.exchange import HEADERS, Exchange
from api.limits import Limits, Places, Room
from api.log import log_failure, log_request
from api.problems import MEDIA_TYPE, SCHEMA, ProblemError, answer
from api.staging import Staging, check_same, files_in
from ledger.errors import LedgerError, NotFoundError
from ledger.ledger import Ledger
from verify.errors import VerifyError
from verify.receipt import parse_receipt
from verify.submission import SUBMISSION

__all__ = ["RECEIPT", "create_app"]

RECEIPT: Final = "application/vnd.counterfoil.receipt+json"

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_JSON: Final = "application/json"
_OCTETS: Final = "application/octet-stream"
_TEXT: Final = "text/plain; charset=utf-8"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_SWEEPS: Final = 24  # in the time that a file may stay unnamed
_STOPPED: Final = 503
_GONE: Final = 499  # in the log only: the sender went away before there was an answer

T = TypeVar("T")


class _Offered(NamedTuple):
    """A submission on its way.

    Attributes:
        size: The size of the ledger before.
        receipt: Its receipt, when it is durable.
    """

    size: int
    receipt: Future[bytes]


class _Service:
    """What the paths do, over one ledger."""

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger = ledger
        self._limits = limits
        again_s = limits.retry_after_s
        self._submissions = Places(limits.submissions, what="submissions", retry_after_s=again_s)
        self._uploads = Places(limits.uploads, what="files", retry_after_s=again_s)
        self._memory = Room(limits.documents)
        self._staging = Staging(ledger, Room(limits.staged), keep_s=limits.staged_s)
        # Apart, so that slow senders of files keep no submission waiting.
        self._workers = ThreadPoolExecutor(max(2, os.cpu_count() or 1), "counterfoil-submission")
        self._receivers = ThreadPoolExecutor(limits.uploads, "counterfoil-upload")

    def close(self) -> None:
        """Wait for what is under way."""
        self._workers.shutdown()
        self._receivers.shutdown()

    async def submit(self, request: Request) -> Response:
        """Record a submission document."""
        check_media_type(request, frozenset((SUBMISSION, _JSON)))
        with self._submissions.take():
            body = Body(request, limit=self._limits.document, limits=self._limits)
            chunks: list[bytes] = []
            held = 0
            try:
                while chunk := await body.chunk():
                    self._memory.take(len(chunk), otherwise=self._busy())
                    held += len(chunk)
                    chunks.append(chunk)
                return await self._record(chunks)
            finally:
                self._memory.give(held)

    async def _record(self, chunks: list[bytes]) -> Response:
        document = await self._work(lambda: b"".join(chunks))
        chunks.clear()
        with self._staging.judging():
            offered = await self._work(lambda: self._offer(document))
            receipt = await asyncio.wrap_future(offered.receipt)
            if self._staging:
                self._staging.release(await self._work(lambda: files_in(document)))
        new = parse_receipt(receipt).first >= offered.size
        return Response(receipt, status_code=201 if new else 200, media_type=RECEIPT)

    def _offer(self, document: bytes) -> _Offered:
        # The size first: what was recorded before this is below it.
        return _Offered(self._ledger.size(), self._ledger.offer(document))

    async def put_file(self, request: Request) -> Response:
        """Keep a file."""
        sha256: str = request.path_params["sha256"]
        _check_spelling(request, f"/files/{sha256}")
        if not _HASH.fullmatch(sha256):
            raise NotFoundError("file of such a name")
        size = announced(request)
        if size is None:
            raise ProblemError("length-required", "a file needs Content-Length")
        with self._uploads.take():
            body = Body(request, limit=self._limits.file, limits=self._limits)
            with self._staging.coming(sha256):
                return await self._keep(body, sha256=sha256, size=size)

    async def _keep(self, body: Body, *, sha256: str, size: int) -> Response:
        staging = self._staging
        if await self._receive(lambda: staging.holds(sha256)):
            with self._bridge(body) as stream:
                await self._receive(lambda: check_same(stream, sha256=sha256, size=size))
            staging.renew(sha256)
            return Response(status_code=200)
        with (
            staging.reserve(body, sha256=sha256, size=size) as counted,
            self._bridge(counted) as stream,
        ):
            await self._receive(lambda: staging.add(stream, sha256=sha256, size=size))
        return Response(status_code=201)

    @contextmanager
    def _bridge(self, body: Chunks) -> Iterator[Bridge]:
        stream = Bridge(body, idle_s=self._limits.idle_s)
        try:
            yield stream
        finally:
            stream.stop()

    async def sweep(self) -> None:
        """Remove, again and again, files that nothing has named for too long."""
        while True:
            await asyncio.sleep(self._limits.staged_s / _SWEEPS)
            try:
                if due := self._staging.due():
                    named = await asyncio.to_thread(self._staging.named, due)
                    self._staging.expire(due, named)
            except Exception as error:  # noqa: BLE001 - the next time it may do
                log_failure(error)

    def checkpoint(self, request: Request) -> Response:
        """Return the latest checkpoint. Blocks."""
        del request
        note = self._ledger.checkpoint()
        return Response(note, media_type=_TEXT, headers={"cache-control": "no-cache"})

    def tile(self, request: Request) -> Response:
        """Return a tile or an entry bundle. Blocks."""
        path = f"tile/{request.path_params['path']}"
        _check_spelling(request, f"/{path}")
        data = self._ledger.tile(path)
        return Response(data, media_type=_OCTETS, headers={"cache-control": _FOR_EVER})

    def health(self, request: Request) -> Response:
        """Tell whether the ledger can be read and recorded in. Blocks."""
        del request
        self._ledger.size()
        if not self._ledger.healthy():
            raise ProblemError("unavailable", "the ledger records nothing until it is opened again")
        headers = {"cache-control": "no-store"}
        return Response(b'{"status":"ok"}', media_type=_JSON, headers=headers)

    def _busy(self) -> ProblemError:
        detail = "too many octets of submissions are on their way"
        return ProblemError("busy", detail, retry_after_s=self._limits.retry_after_s)

    async def _work(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, do)

    async def _receive(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._receivers, do)


def create_app(ledger: Ledger, *, limits: Limits | None = None) -> FastAPI:
    """Make the application over an open ledger, which stays its caller's to close.

    Args:
        ledger: The ledger, open for recording.
        limits: What is taken.
    """
    service = _Service(ledger, limits or Limits())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        sweeping = asyncio.create_task(service.sweep())
        yield
        sweeping.cancel()
        await asyncio.to_thread(service.close)

    app = FastAPI(
        title="Counterfoil",
        summary="An evidence ledger for parties that trust neither each other nor this server.",
        version="1",
        docs_url=None,  # its pages fetch scripts from others
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        # Whatever the environment says: spans and logs would carry what is nobody else's.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    for kind in (ProblemError, VerifyError, LedgerError, HTTPException):
        app.add_exception_handler(kind, _refuse)
    app.add_middleware(_Edge)
    _add_paths(app, service)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    del request
    return answer(error)


class _Edge:
    """Around everything: one log line for each request, and an answer whatever happens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.monotonic()
        exchange = Exchange(receive, send, awaited=_is_awaited(scope))
        try:
            await self._app(scope, exchange.receive, exchange.send)
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
            log_request(
                method=scope["method"],
                path=scope["path"],
                status=exchange.status,
                octets=exchange.received,
                ms=round((time.monotonic() - began_s) * 1000),
            )
        await exchange.finish()


def _is_awaited(scope: Scope) -> bool:
    return any(name == b"expect" for name, _ in scope["headers"])


def _check_spelling(request: Request, path: str) -> None:
    """Check that the path came exactly so, with no octet written as `%xx`.

    Raises:
        NotFoundError: It did not: to a cache, each spelling is another thing.
    """
    raw: bytes = request.scope.get("raw_path", b"")
    if raw != path.encode("utf-8", "replace"):
        raise NotFoundError("path of this spelling")


# What OpenAPI says of the paths


def _content(media_type: str, schema: Mapping[str, object]) -> dict[str, object]:
    return {"content": {media_type: {"schema": dict(schema)}}}


_BINARY: Final[Mapping[str, object]] = {"type": "string", "format": "binary"}
_REASONS: Final[Mapping[int, str]] = {
    400: "It is malformed",
    403: "The key is not an active key of the author, or lacks the power",
    404: "There is nothing under this path",
    408: "The body came too slowly",
    409: "An event is recorded already, or the ledger is closed",
    411: "The length was not announced",
    413: "The body is too large",
    415: "The media type is not one that is taken",
    422: "A numbered check fails",
    500: "Something is wrong with the server",
    503: "Too much is waiting, or the ledger cannot be used now",
    507: "There is no room",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    return {
        status: {"description": _REASONS[status], **_content(MEDIA_TYPE, SCHEMA)}
        for status in sorted({*statuses, 500, 503})
    }


def _parameter(name: str, schema: Mapping[str, object]) -> dict[str, object]:
    return {"name": name, "in": "path", "required": True, "schema": dict(schema)}


def _body(*media_types: str, schema: Mapping[str, object]) -> dict[str, object]:
    return {
        "required": True,
        "content": {media_type: {"schema": dict(schema)} for media_type in media_types},
    }


def _add_paths(app: FastAPI, service: _Service) -> None:
    receipt = _content(RECEIPT, {"type": "object"})
    app.add_api_route(
        "/submissions",
        service.submit,
        methods=["POST"],
        summary="Record a submission",
        description="All of its events are recorded together, or none. Sending it again is safe.",
        status_code=201,
        response_class=Response,
        responses={
            200: {"description": "It was recorded before; the receipt", **receipt},
            201: {"description": "It is recorded; the receipt", **receipt},
            **_problems(400, 403, 408, 409, 413, 415, 422, 507),
        },
        openapi_extra={"requestBody": _body(SUBMISSION, _JSON, schema={"type": "object"})},
    )
    app.add_api_route(
        "/files/{sha256}",
        service.put_file,
        methods=["PUT"],
        summary="Hand over a file that a submission will name",
        description="It comes before the submission. Sending it again is safe.",
        status_code=201,
        response_class=Response,
        responses={
            200: {"description": "The ledger has it already"},
            201: {"description": "It is kept"},
            **_problems(400, 404, 408, 411, 413, 422, 507),
        },
        openapi_extra={
            "parameters": [_parameter("sha256", {"type": "string", "pattern": "^[0-9a-f]{64}$"})],
            "requestBody": _body(_OCTETS, schema=_BINARY),
        },
    )
    read = functools.partial(_add_reading, app)
    read(
        "/checkpoint",
        service.checkpoint,
        summary="The latest signed checkpoint",
        responses={200: {"description": "A signed note", **_content(_TEXT, {"type": "string"})}},
    )
    read(
        "/tile/{path:path}",
        service.tile,
        summary="A tile or an entry bundle, by its C2SP path",
        responses={
            200: {"description": "Its octets", **_content(_OCTETS, _BINARY)},
            **_problems(404),
        },
        openapi_extra={"parameters": [_parameter("path", {"type": "string"})]},
    )
    read(
        "/healthz",
        service.health,
        summary="Whether the ledger can be read and recorded in",
        responses={200: {"description": "It can", **_content(_JSON, {"type": "object"})}},
    )


def _add_reading(
    app: FastAPI,
    path: str,
    endpoint: Callable[[Request], Response],
    *,
    summary: str,
    responses: dict[int | str, dict[str, object]],
    openapi_extra: dict[str, object] | None = None,
) -> None:
    app.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        summary=summary,
        description=summary,
        response_class=Response,
        responses={**_problems(), **responses},
        openapi_extra=openapi_extra,
    )
    app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
