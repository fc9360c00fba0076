"""Writing: submissions, and the files that they name.

    POST /submissions       a submission document in, its receipt out; with `?wait=quorum` when
                            witnesses have cosigned, if they do in time
    PUT  /files/{sha256}    a file that a submission names

A submission needs no session: the signature in it is the credential. A file needs one, or leave
that was given for it: a sound submission whose files are not here is refused, and the refusal
carries leave to hand over just these. So whoever carries a submission can carry its files.

A submission discloses its files to its author, who might know no more of one than its hash. So it
may name what was handed over for that party, and what that party may see. Any other file is not
here, whether it is or not.

The event loop only moves octets: parsing, hashing, signatures and the store are for threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Collection, Iterator
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.bodies import Body, Bridge, Chunks, announced, check_media_type
from api.connection import address_of
from api.describing import (
    BINARY,
    JSON,
    OCTETS,
    body,
    check_spelling,
    content,
    parameter,
    problems,
)
from api.desk import MissingError
from api.hosting import Hosted, Hosting
from api.problems import FilesMissingError, ProblemError
from api.sessions import token_of
from ledger.errors import NotFoundError
from ledger.sequencer import Wanted
from ledger.writer import Settled
from verify.receipt import parse_receipt
from verify.submission import SUBMISSION

__all__ = ["RECEIPT", "WAITED", "Writing"]

RECEIPT: Final = "application/vnd.counterfoil.receipt+json"

WAITED: Final = "counterfoil-waited"
"""The header that says what waiting for witnesses came to."""

_WAITS: Final = ("durable", "quorum")
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class Writing:
    """The paths by which parties record."""

    def __init__(self, hosting: Hosting) -> None:
        """Write in the ledgers of `hosting`."""
        self._hosting = hosting
        self._settings = hosting.settings

    async def submit(self, request: Request) -> Response:
        """Record a submission document."""
        hosted = self._hosting.of(request)
        hosted.check_recorded_in()
        self._hosting.check_undisputed(hosted)
        waits = _waits(request)
        check_media_type(request, frozenset((SUBMISSION, JSON)))
        address = address_of(request)
        source = Body(request, limit=self._settings.document, settings=self._settings)
        chunks: list[bytes] = []
        held = 0
        try:
            while chunk := await source.chunk():
                self._hosting.memory.take(address, len(chunk), otherwise=self._busy())
                held += len(chunk)
                chunks.append(chunk)
            document = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
            # Not before it has come, else a few who send slowly keep everybody from recording.
            with self._hosting.submissions.take(address):
                settled = await self._record(hosted, document)
        finally:
            self._hosting.memory.give(address, held)
        # Whoever waits for witnesses takes no place of those who record.
        receipt, headers = settled.receipt, {}
        if waits:
            receipt, waited = await self._cosigned(hosted, receipt)
            headers = {WAITED: waited}
        status = 201 if settled.new else 200
        return Response(receipt, status_code=status, media_type=RECEIPT, headers=headers)

    async def _cosigned(self, hosted: Hosted, receipt: bytes) -> tuple[bytes, str]:
        """Return a receipt under a checkpoint that a quorum cosigned, or as it is when time is up.

        What is recorded stays recorded, whatever witnesses do.
        """
        first, size = await self._hosting.read(lambda: _place(receipt))
        if not hosted.state.charter.witnesses:
            return receipt, "no-witnesses"
        cosigned = None
        with contextlib.suppress(TimeoutError):
            covered = asyncio.wrap_future(hosted.feeder.covered(size))
            cosigned = await asyncio.wait_for(covered, self._settings.witness_wait_s)

        def make() -> bytes:
            note = hosted.feeder.latest()[0] if cosigned is None else cosigned
            return hosted.ledger.receipt_under(first, note=note)

        waited = "not-reached" if cosigned is None else "quorum"
        return await self._hosting.read(make), waited

    async def _record(self, hosted: Hosted, document: bytes) -> Settled:
        with hosted.staging.judging():
            began_s = time.perf_counter()
            try:
                settled = await self._offer(hosted, document)
            except MissingError as error:
                settled = await self._record_with_files(hosted, document, error.wanted)
        self._hosting.measures.acknowledged(hosted.name, time.perf_counter() - began_s)
        return settled

    async def _offer(
        self, hosted: Hosted, document: bytes, vouched: frozenset[str] | None = None
    ) -> Settled:
        # Once more: it came as slowly as its sender liked, and what is disputed since is not grown.
        self._hosting.check_undisputed(hosted)
        return await self._hosting.recorder.record(hosted.name, document, vouched)

    async def _record_with_files(self, hosted: Hosted, document: bytes, named: Wanted) -> Settled:
        """Record a document that names these files, if its author may."""
        author, files = named
        # In this order: what is let go of in between is recorded, and seen.
        vouched = hosted.staging.brought(author, files)
        if others := files.keys() - vouched:
            vouched |= await self._seen(hosted, author, others)
        try:
            settled = await self._offer(hosted, document, vouched)
        except MissingError as error:
            raise FilesMissingError(error.cause, hosted.sessions.permit(error.wanted)) from None
        hosted.staging.release(author, files)
        return settled

    async def _seen(self, hosted: Hosted, party: str, files: Collection[str]) -> set[str]:
        """Return which of these files a party may see: those that `GET /files` gives it."""
        readings = hosted.readings
        return await self._hosting.view(
            lambda: {each for each in files if readings.file(party, each) is not None}
        )

    async def put_file(self, request: Request) -> Response:
        """Keep a file."""
        hosted = self._hosting.of(request)
        hosted.check_recorded_in()
        self._hosting.check_undisputed(hosted)
        sha256: str = request.path_params["sha256"]
        check_spelling(request, f"/files/{sha256}")
        if not _HASH.fullmatch(sha256):
            raise NotFoundError("file of such a name")
        size = announced(request)
        if size is None:
            raise ProblemError("length-required", "a file needs Content-Length")
        party = _sender(hosted, request, sha256=sha256, size=size)
        with self._hosting.uploads.take(address_of(request)):
            source = Body(request, limit=self._settings.file, settings=self._settings)
            with hosted.staging.coming(party, sha256):
                new = await self._keep(hosted, source, party=party, sha256=sha256, size=size)
        return Response(status_code=201 if new else 200)

    async def _keep(
        self, hosted: Hosted, source: Body, *, party: str, sha256: str, size: int
    ) -> bool:
        """Keep a file; tell whether it was not here before, as far as its party may know."""
        staging, receive = hosted.staging, self._hosting.receive
        held = await receive(lambda: staging.holds(sha256))
        brought = bool(staging.brought(party, (sha256,)))
        # One way for what is here and what is not: else a refusal would tell which it is.
        with (
            staging.reserve(source, party=party, sha256=sha256, size=size) as counted,
            self._bridge(counted) as stream,
        ):
            await receive(lambda: staging.add(stream, sha256=sha256, size=size))
        # Only now, and always: nobody may see by the time it takes whether the file is here.
        seen = bool(await self._seen(hosted, party, (sha256,)))
        if held and seen:
            staging.release(party, (sha256,))  # what a party may see needs no room
        # Else whoever guesses a file that others keep among themselves could ask for it.
        return not (held and (brought or seen))

    @contextlib.contextmanager
    def _bridge(self, source: Chunks) -> Iterator[Bridge]:
        stream = Bridge(source, idle_s=self._settings.idle_s)
        try:
            yield stream
        finally:
            stream.stop()

    def _busy(self) -> ProblemError:
        detail = "too many octets of submissions are on their way"
        return ProblemError("busy", detail, retry_after_s=self._settings.retry_after_s)

    def add_to(self, router: APIRouter) -> None:
        """Add the paths, and say of each what it takes and gives."""
        receipt = content(RECEIPT, {"type": "object"})
        router.add_api_route(
            "/submissions",
            self.submit,
            methods=["POST"],
            summary="Record a submission",
            description="All of its events are recorded together, or none. "
            "Sending it again is safe.",
            status_code=201,
            response_class=Response,
            responses={
                200: {"description": "It was recorded before; the receipt", **receipt},
                201: {"description": "It is recorded; the receipt", **receipt},
                **problems(400, 403, 404, 408, 409, 413, 415, 422, 507),
            },
            openapi_extra={
                "parameters": [
                    parameter(
                        "wait",
                        {"type": "string", "enum": list(_WAITS), "default": _WAITS[0]},
                        where="query",
                        words="When to answer: when it is on disk; or when a quorum of witnesses "
                        "has cosigned a checkpoint above it, within a bound. Then the header "
                        f"`{WAITED}` says `quorum`, `not-reached` or `no-witnesses`.",
                    )
                ],
                "requestBody": body(SUBMISSION, JSON, schema={"type": "object"}),
            },
        )
        router.add_api_route(
            "/files/{sha256}",
            self.put_file,
            methods=["PUT"],
            summary="Hand over a file that a submission names",
            description="With a session, before the submission; or with the leave that the "
            "refusal of a submission carries. Sending it again is safe.",
            status_code=201,
            response_class=Response,
            responses={
                200: {"description": "It was sent before, or its party may see it already"},
                201: {"description": "It is kept"},
                **problems(400, 401, 404, 408, 409, 411, 413, 422, 507),
            },
            openapi_extra={
                "parameters": [
                    parameter("sha256", {"type": "string", "pattern": "^[0-9a-f]{64}$"})
                ],
                "requestBody": body(OCTETS, schema=BINARY),
            },
        )


def _waits(request: Request) -> bool:
    """Tell whether a submission is to be answered when witnesses have cosigned.

    Raises:
        ProblemError: `malformed`: the query says anything else.
    """
    if not request.scope["query_string"]:
        return False  # almost always, and told without taking anything apart
    given = request.query_params.multi_items()
    if len(given) != 1 or given[0] not in {("wait", wait) for wait in _WAITS}:
        raise ProblemError("malformed", "wait=durable or wait=quorum is all that can be asked")
    return given[0][1] == "quorum"


def _place(receipt: bytes) -> tuple[int, int]:
    """Return the index of a receipt's first entry, and the size that covers all of them."""
    parsed = parse_receipt(receipt)
    return parsed.first, parsed.first + parsed.count


def _sender(hosted: Hosted, request: Request, *, sha256: str, size: int) -> str:
    """Return the party for which a file is handed over.

    Raises:
        ProblemError: `unauthenticated`: there is none.
    """
    token = token_of(request.headers)
    party = None if token is None else hosted.sessions.permitted(token, sha256=sha256, size=size)
    if party is None:
        detail = "a file needs a session, or the leave that a submission naming it was given"
        raise ProblemError("unauthenticated", detail)
    return party
