"""Tailing: a ledger's entries as they come, as server-sent events.

    GET /tail               entries, or with `what=events` what they tell, from any index on

The id of a message is the index of its entry, and each entry has one message: so whoever comes
again with the last id that it had misses nothing and gets nothing twice, also from a server that
was started anew. A follower is an index and nothing else: what it has not taken yet stays in the
ledger, and one that takes nothing is dropped by its connection. Commits ring a bell; nobody looks
whether there is something new.

Source: the HTML standard, section 9.2, server-sent events.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Header
from fastapi import Query as InQuery
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.asking import Whole, check_query
from api.connection import address_of
from api.describing import JSON, add_reading, content, problems
from api.exchange import until_gone
from api.hosting import Hosted, Hosting
from api.problems import ProblemError

__all__ = ["Tailing"]

_STREAM: Final = "text/event-stream"
_HEADERS: Final = {
    "cache-control": "no-store",
    "vary": "Authorization, Cookie",
    "x-accel-buffering": "no",  # a proxy that gathers octets would keep them back
}
_MESSAGE: Final = {
    "type": "object",
    "required": ["data", "event", "id"],
    "properties": {
        "data": {"type": "string", "contentMediaType": JSON},
        "event": {"type": "string", "enum": ["entry", "events"]},
        "id": {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"},
    },
}
_EXAMPLE: Final = 'id: 3\nevent: entry\ndata: {"event":{…},"index":3,…}\n\n'
_AT_ONCE: Final = 64
_OCTETS: Final = 1 << 18
_SHARED: Final = 16

What = Annotated[
    Literal["entries", "events"],
    InQuery(description="Entries as they are stored, or the events that they tell, a line each"),
]
After = Annotated[
    Whole | None,
    InQuery(description="Begin behind this index; without it, with entry 0"),
]
LastEventId = Annotated[
    Whole | None,
    Header(
        alias="Last-Event-ID",
        description="The last id that was had; comes before `after`",
    ),
]


class _Part(NamedTuple):
    """Messages that go out together, and the index behind them."""

    data: bytes
    stop: int


class Tailing:
    """The path of the tail."""

    def __init__(self, hosting: Hosting) -> None:
        """Follow the ledgers of `hosting`."""
        self._hosting = hosting
        self._feeds = {name: _Feed(hosting, hosted) for name, hosted in hosting.ledgers.items()}

    async def tail(
        self,
        request: Request,
        what: What = "entries",
        after: After = None,
        last_event_id: LastEventId = None,
    ) -> Response:
        """Send entries as they come."""
        hosted = self._hosting.of(request)
        hosted.admit(request)
        check_query(request)
        had = after if last_event_id is None else last_event_id
        start = 0 if had is None else had + 1
        size = await self._hosting.size(hosted)
        if start > size:
            # Whoever had more than there is follows another past than this one.
            raise ProblemError("not-found", f"after: the ledger has {size} entries")
        if request.method == "HEAD":
            return Response(media_type=_STREAM, headers=_HEADERS)
        feed = self._feeds[hosted.name]
        return _Tail(self._hosting, hosted, request, feed=feed, start=start, what=what)

    def add_to(self, router: APIRouter) -> None:
        """Add the path."""
        stream = content(_STREAM, _MESSAGE, example=_EXAMPLE)
        add_reading(
            router,
            "/tail",
            self.tail,
            summary="Entries as they come, as server-sent events",
            responses={
                200: {"description": "A message for each entry, without end", **stream},
                **problems(400, 401, 404),
            },
        )


class _Tail(Response):
    """Sends messages for as long as there is somebody who may read them."""

    def __init__(
        self,
        hosting: Hosting,
        hosted: Hosted,
        request: Request,
        *,
        feed: _Feed,
        start: int,
        what: str,
    ) -> None:
        super().__init__(media_type=_STREAM, headers=_HEADERS)
        del self.headers["content-length"]
        self._hosting = hosting
        self._hosted = hosted
        self._request = request
        self._audience = hosted.admit(request).audience
        self._feed = feed
        self._next = start
        self._what = what

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them.

        Raises:
            ProblemError: `busy`: too many follow this ledger.
        """
        del scope
        with self._hosted.tails.take(address_of(self._request)):
            left = asyncio.create_task(until_gone(receive))
            try:
                start = {"status": self.status_code, "headers": self.raw_headers}
                await send({"type": "http.response.start", **start})
                async for data in self._messages(left):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                left.cancel()

    async def _messages(self, left: asyncio.Task[None]) -> AsyncIterator[bytes]:
        again_ms = self._hosting.settings.retry_after_s * 1000
        yield f"retry: {again_ms}\n\n".encode()
        while not left.done() and self._may_go_on():
            rung = self._hosted.bell.next()  # before looking: else a ringing between is missed
            size = await self._hosting.size(self._hosted)
            if self._next < size:
                part = await self._feed.part(self._what, self._audience, self._next, size=size)
                self._next = part.stop
                yield part.data
            elif not await self._wait(left, rung):
                yield b":\n\n"

    def _may_go_on(self) -> bool:
        """Tell whether whoever began to follow may still read; a session stays one party's."""
        if self._hosting.stopping:
            return False
        try:
            self._hosted.admit(self._request)
        except ProblemError:
            return False
        return True

    async def _wait(self, left: asyncio.Task[None], rung: asyncio.Event) -> bool:
        """Wait until something happens; tell whether it did."""
        ringing = asyncio.create_task(rung.wait())
        try:
            done, _ = await asyncio.wait(
                (left, ringing),
                timeout=self._hosting.settings.heartbeat_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ringing.cancel()
        return bool(done)


class _Feed:
    """The messages of one ledger, made once for all who are at the same place."""

    def __init__(self, hosting: Hosting, hosted: Hosted) -> None:
        self._hosting = hosting
        self._hosted = hosted
        self._parts: OrderedDict[tuple[int | str, ...], asyncio.Task[_Part]] = OrderedDict()

    async def part(self, what: str, audience: str, start: int, *, size: int) -> _Part:
        """Return the messages from an index on, as many as go out together."""
        stop = min(size, start + _AT_ONCE)
        # What events tell depends on who hears it, and on what was opened or erased by now.
        key = (what, start, stop, *((audience, size) if what == "events" else ()))
        task = self._parts.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(self._make(what, audience, start, stop))
            self._parts[key] = task
            if len(self._parts) > _SHARED:
                self._parts.popitem(last=False)
        # One follower that goes away does not take it from the others.
        return await asyncio.shield(task)

    async def _make(self, what: str, audience: str, start: int, stop: int) -> _Part:
        if what == "events":
            return await self._hosting.view(lambda: self._events(audience, start, stop))
        return await self._hosting.read(lambda: self._entries(start, stop))

    def _entries(self, start: int, stop: int) -> _Part:
        found: list[bytes] = []
        octets = 0
        for entry in self._hosted.ledger.entries(start, stop):
            found.append(_message(start + len(found), b"entry", entry))
            octets += len(entry)
            if octets > _OCTETS:
                break
        return _Part(b"".join(found), start + len(found))

    def _events(self, audience: str, start: int, stop: int) -> _Part:
        rows = self._hosted.readings.rows(audience, start=start, stop=stop)
        data = [
            _message(index, b"events", msgspec.json.encode({"events": told, "index": index}))
            for index, told in rows
        ]
        return _Part(b"".join(data), stop)


def _message(index: int, kind: bytes, data: bytes) -> bytes:
    # Neither an entry nor JSON as it is encoded here has a line's end in it.
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (index, kind, data)
