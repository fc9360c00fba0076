"""A witness over HTTP: the paths of one witness, and serving them.

    POST /add-checkpoint         a checkpoint and its consistency proof in, cosignatures out
    GET  /{log}/checkpoint       the latest checkpoint cosigned of a log: SHA-256 of its origin
    GET  /                       who this is, for people
    GET  /healthz                whether checkpoints are cosigned

What is refused by the protocol is answered with its statuses, in words; what is refused by the
edge, such as a body that is too large, is a problem as everywhere here. There is nobody to log in:
the log's signature is the credential.

Source: c2sp.org/tlog-witness.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import log
from api.bodies import Body
from api.clock import now_ms
from api.connection import address_of
from api.edge import Edge, refuse
from api.limits import Places, Rates
from api.measures import Answering
from api.problems import ProblemError
from api.serve import listen, run
from api.settings import Settings
from ledger.add_checkpoint import MAX_BODY, Answer, Outcome
from ledger.errors import FullError, LedgerError, NotFoundError
from ledger.keys import Passphrase
from ledger.witness import Witness
from verify.note import format_vkey

__all__ = ["SIZE", "create_witness_app", "serve_witness"]

SIZE: Final = "text/x.tlog.size"
"""What the answer to a conflict is."""

_LOG: Final = re.compile(r"[0-9a-f]{64}")
_TEXT: Final = "text/plain; charset=utf-8"
_FRESH: Final = {"cache-control": "no-cache"}


class _Service:
    """What the paths do, over one witness."""

    def __init__(self, witness: Witness, settings: Settings) -> None:
        self._witness = witness
        self._settings = settings
        again_s = settings.retry_after_s
        self._places = Places(settings.submissions, what="checkpoints", retry_after_s=again_s)
        self._workers = ThreadPoolExecutor(max(2, os.cpu_count() or 1), "counterfoil-checkpoint")

    def close(self) -> None:
        """Wait for what is under way."""
        self._workers.shutdown()

    async def add_checkpoint(self, request: Request) -> Response:
        """Cosign a checkpoint, or say why not."""
        body = Body(request, limit=MAX_BODY, settings=self._settings)
        data = await body.chunk()
        while chunk := await body.chunk():
            data += chunk
        # Not before it has come, else a few who send slowly keep every log from being cosigned.
        with self._places.take(address_of(request)):
            answer = await self._ask(data)
        media_type = SIZE if answer.outcome is Outcome.CONFLICT else _TEXT
        # Not as `media_type`, which would say a charset that the specification does not.
        headers = {"content-type": media_type}
        return Response(answer.body, status_code=answer.outcome, headers=headers)

    async def _ask(self, data: bytes) -> Answer:
        try:
            offered = await self._work(data)
            return await asyncio.wrap_future(offered)
        except FullError:
            raise
        except LedgerError as error:
            log.log_failure(error)
            raise ProblemError("unavailable", "nothing can be cosigned now") from error

    async def _work(self, data: bytes) -> Future[Answer]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, self._witness.offer, data)

    def checkpoint(self, request: Request) -> Response:
        """Return the latest checkpoint cosigned of a log. Blocks."""
        name: str = request.path_params["log"]
        if not _LOG.fullmatch(name):
            raise NotFoundError("log of such a name")
        note = self._witness.checkpoint(bytes.fromhex(name))
        return Response(note, media_type=_TEXT, headers=_FRESH)

    async def front(self, request: Request) -> Response:
        """Say who this is."""
        del request
        vkeys = [format_vkey(key) for key in self._witness.vkeys]
        text = (
            f"This is the witness {self._witness.vkeys[0].name}.\n\n"
            "It remembers, of each log that it knows, the largest tree that it has seen, and\n"
            "cosigns what grew from it: c2sp.org/tlog-witness. Of these keys:\n\n"
        )
        return Response(text + "".join(f"{vkey}\n" for vkey in vkeys), media_type=_TEXT)

    async def health(self, request: Request) -> Response:
        """Tell whether checkpoints are cosigned."""
        del request
        if not self._witness.healthy():
            raise ProblemError("unavailable", "nothing is cosigned until it is opened again")
        headers = {"cache-control": "no-store"}
        return Response(b'{"status":"ok"}', media_type="application/json", headers=headers)


def create_witness_app(witness: Witness, settings: Settings) -> Starlette:
    """Make the application over a witness, which stays its caller's to close.

    Args:
        witness: The witness.
        settings: What is taken.
    """
    service = _Service(witness, settings)
    addresses = Rates(
        settings.requests_per_s,
        at_once=settings.requests_at_once,
        what="requests from this address",
        clock=time.monotonic,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        await asyncio.to_thread(service.close)

    app = Starlette(
        routes=[
            Route("/", service.front),
            Route("/add-checkpoint", service.add_checkpoint, methods=["POST"]),
            Route("/healthz", service.health),
            Route("/{log}/checkpoint", service.checkpoint),
        ],
        middleware=[Middleware(Edge, addresses=addresses, settings=settings, measures=Answering())],
        exception_handlers=dict.fromkeys((ProblemError, LedgerError, HTTPException), refuse),
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def serve_witness(path: Path, settings: Settings, *, passphrase: Passphrase | None = None) -> None:
    """Serve the witness in the folder `path`; return when a signal has ended it.

    Prints one line, "listening on ...", once it answers.

    Args:
        path: The witness's folder.
        settings: How to listen, and what is taken.
        passphrase: Asked for each key that is in a box.

    Raises:
        LedgerError: The witness cannot be opened, or the address cannot be had.
    """
    with log.written():
        with (
            Witness.open(path, clock=now_ms, passphrase=passphrase) as witness,
            listen(settings) as listener,
        ):
            run(create_witness_app(witness, settings), settings, listener)
        log.log_note("closed")
