"""The application: what is around all paths, and which modules have them.

    writing       POST /submissions, PUT /files/{sha256}
    signing_in    nonces and sessions
    tlog          checkpoint, tiles, entry bundles
    exporting     GET /export
    reading       events, chronology and the other readings, parties
    proving       the ledger in short, entries, receipts, proofs, earlier checkpoints
    fetching      GET /files/{sha256}
    copying       disclosures, and checkpoints to stop at, for mirrors
    tailing       entries as they come
    witnessed     what witnesses cosigned, and who they are
    operating     /healthz, /readyz, /metrics: of the process, not of a ledger

Where several ledgers are served, all paths but the process's own stand under `/{ledger}`.

Source: RFC 9457; c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from inspect import signature
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.connection import STOP
from api.copying import Copying
from api.describing import describe, parameter
from api.edge import Edge, refuse
from api.exporting import Exporting
from api.fetching import Fetching
from api.hosting import Hosting
from api.log import log_failure
from api.operating import Operating
from api.problems import FilesMissingError, ProblemError, RefusedError
from api.proving import Proving
from api.reading import Reading
from api.recording import Recorder
from api.settings import Settings
from api.signing_in import SigningIn
from api.tailing import Tailing
from api.tlog import Tlog
from api.witnessed import Witnessed
from api.writing import Writing
from ledger.errors import LedgerError
from ledger.files import Kept
from ledger.ledger import Ledger
from ledger.named import leftovers
from verify.errors import VerifyError

__all__ = ["create_app"]

_SWEEPS = 24  # in the time that a file may stay unnamed
_LOOK_S = 1.0  # after which mirrors are looked at again: another process copies


def create_app(
    ledgers: Mapping[str, Ledger],
    recorder: Recorder,
    *,
    settings: Settings,
    now_ms: Callable[[], int],
    elapsed_ms: Callable[[], int],
    disputed: Mapping[str, str] | None = None,
) -> FastAPI:
    """Make the application over open ledgers, which stay their caller's to close.

    Args:
        ledgers: The ledgers by name; one alone may have the empty name, and then stands at the
            root of all paths. They are only read.
        recorder: Records in them.
        settings: What is taken.
        now_ms: The clock, in milliseconds since 1970.
        elapsed_ms: A clock that nobody sets, in milliseconds since anything.
        disputed: Ledgers that `recorder` records nothing in, as their log's key has signed another
            history of them, each with the reason.

    Raises:
        DisputedError: A witness knows more of the only ledger than is here, or another history.
        StoreError: A file of witnesses is none.
    """
    hosting = Hosting(
        ledgers, recorder, settings, now_ms=now_ms, elapsed_ms=elapsed_ms, disputed=disputed
    )
    try:
        hosting.ask_witnesses()
    except BaseException:
        hosting.close()
        raise

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Callable[[], None]]]:
        del app
        await recorder.begin(hosting)
        hosting.begin()
        hosting.begin_feeding()
        tasks = [asyncio.create_task(each) for each in (_sweep(hosting), _follow(hosting))]
        yield {STOP: hosting.stop}
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(hosting.end_feeding)  # what came is kept
        await recorder.end()
        await asyncio.to_thread(hosting.close)

    app = FastAPI(
        title="Counterfoil",
        summary="An evidence ledger for parties that trust neither each other nor this server.",
        version="1",
        openapi_url=None,  # `describe` has it; pages that show it fetch scripts from others
        servers=[{"url": settings.root_path}] if settings.root_path else None,
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
    for kind in (
        *(ProblemError, FilesMissingError, RefusedError, VerifyError, LedgerError),
        *(HTTPException, RequestValidationError),
    ):
        app.add_exception_handler(kind, refuse)
    app.add_middleware(
        Edge, addresses=hosting.addresses, settings=settings, measures=hosting.measures
    )
    _add_paths(app, hosting)
    describe(app)
    return app


def _add_paths(app: FastAPI, hosting: Hosting) -> None:
    app.router.route_class = _Route
    router = app.router if hosting.is_alone else _Named(app.router)
    for kind in (
        *(Writing, Tlog, Witnessed, SigningIn, Reading, Proving, Fetching, Tailing),
        *(Exporting, Copying),
    ):
        kind(hosting).add_to(router)
    Operating(hosting).add_to(app.router)


class _Route(APIRoute):
    """A route that gives the request to a function which wants nothing else.

    FastAPI would first look for what else to take out of it, each time.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        if list(signature(self.endpoint).parameters) == ["request"]:
            return cast("Callable[[Request], Coroutine[Any, Any, Response]]", self.endpoint)
        return super().get_route_handler()


class _Named(APIRouter):
    """Adds paths to a router under the name of a ledger.

    Not by including a router in another: then each request would be matched twice.
    """

    def __init__(self, router: APIRouter) -> None:
        super().__init__()
        self._router = router

    def add_api_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        **options: Any,  # noqa: ANN401 - FastAPI's
    ) -> None:
        # FastAPI describes parameters of a path only where a function takes them by name.
        extra = options.pop("openapi_extra", None) or {}
        name = parameter("ledger", {"type": "string"}, words="Which ledger")
        described = {**extra, "parameters": [name, *extra.get("parameters", [])]}
        self._router.add_api_route(
            f"/{{ledger}}{path}", endpoint, openapi_extra=described, **options
        )


async def _sweep(hosting: Hosting) -> None:
    """Remove, again and again, files that nothing has named for too long."""
    recorded_in = [one for one in hosting.ledgers.values() if one.ledger.mirror is None]
    for hosted in recorded_in:
        try:
            left = await asyncio.to_thread(_leftovers, hosted.ledger)
            hosted.staging.adopt(left, now_ms=hosting.now_ms())
        except Exception as error:  # noqa: BLE001 - they stay until the next time
            log_failure(error)
    while True:
        await asyncio.sleep(hosting.settings.staged_s / _SWEEPS)
        for hosted in recorded_in:
            try:
                if due := hosted.staging.due():
                    named = await asyncio.to_thread(hosted.staging.named, due)
                    hosted.staging.expire(due, named)
            except Exception as error:  # noqa: BLE001 - the next time it may do
                log_failure(error)


async def _follow(hosting: Hosting) -> None:
    """Take up, again and again, what mirrors have copied."""
    mirrors = [one for one in hosting.ledgers.values() if one.ledger.mirror is not None]
    while mirrors:
        await asyncio.sleep(_LOOK_S)
        for hosted in mirrors:
            try:
                await hosting.follow(hosted)
            except Exception as error:  # noqa: BLE001 - the next time it may do
                log_failure(error)


def _leftovers(ledger: Ledger) -> list[Kept]:
    return list(leftovers(ledger))
