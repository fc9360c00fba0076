"""Connections: how long one may be silent, how many one address may have, and which has to go.

Uvicorn bounds how long one stays open after an answer; it waits for ever for a request that does
not come, and for a reader that does not read. When all places are taken, whoever has waited longest
without a whole request goes, from connecting or from its last answer: thousands that send nothing
keep nobody out. Where all are busy, whoever comes is told so. And each chunk of a body costs the
event loop the same, whether it has an octet or a thousand: a body in crumbs ends its connection. So
does a head that is too large, or has too many lines, whether all of it came at once or not: h11
bounds only what is not whole yet.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections import Counter
from functools import lru_cache
from typing import Any, Final

import h11
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.settings import UNIX, Settings

__all__ = ["FULL", "HEAD", "STOP", "address_of", "limited", "peer_of"]

HEAD: Final = 8192
"""Octets of request line and headers; what comes with the last of them may add as many again."""

STOP: Final = "stop"
"""Under this name an application's lifespan gives what ends answers that have no end."""

FULL: Final = "full"
"""Under this name a request on a connection for which there is no place says when to come again."""

_NETWORK: Final = 64  # bits of an IPv6 address that whoever has one has all of
_PIECE: Final = 8192  # octets that h11 is given at a time, where they may be lines of a head
_LINES: Final = 100  # of a head, and of what may stand behind a body in chunks
_BLANK: Final = re.compile(rb"\n\r?\n")
_CHUNKS: Final = 64  # of a body, of which it is no matter how small they are
_CHUNK: Final = 512  # octets that chunks must have on average
_ABSOLUTE: Final = re.compile(rb"https?://([^/?#@]+)(.*)", re.IGNORECASE)


def limited(settings: Settings) -> type[asyncio.Protocol]:
    """Return the protocol of connections that `settings` bounds; they are counted together."""
    shared = {"settings": settings, "peers": Counter(), "silent": {}}
    return type("Connection", (_Connection,), shared)


class _Requests(h11.Connection):
    """Reads requests, but none with a head of very many lines, or whose body comes in crumbs."""

    def __init__(self, *, most_incomplete: int) -> None:
        super().__init__(h11.SERVER, most_incomplete)
        self._chunks = 0
        self._octets = 0
        self._in_chunks = False

    @property
    def is_plain(self) -> bool:
        """Whether what comes next is a body whose length is known: no lines."""
        return self.their_state is h11.SEND_BODY and not self._in_chunks

    def next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        """Return what comes next.

        Raises:
            RemoteProtocolError: It is no request, could be read in two ways, has too many lines,
                or comes in crumbs.
        """
        if self.their_state is h11.IDLE:
            self._check_head()
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._octets = 0
            self._in_chunks = _is_in_chunks(event)
            return _in_origin_form(event)
        if isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._octets += len(event.data)
            if (self._chunks - _CHUNKS) * _CHUNK > self._octets:
                raise h11.RemoteProtocolError("the body comes in crumbs")
        elif isinstance(event, h11.EndOfMessage) and len(event.headers) > _LINES:
            raise h11.RemoteProtocolError("there are too many lines behind the body")
        return event

    def _check_head(self) -> None:
        data, _ = self.trailing_data
        blank = _BLANK.search(data)
        head = data[: blank.end()] if blank else data
        if head.count(b"\n") > _LINES + 2:  # with the request line and the blank one
            raise h11.RemoteProtocolError("the head has too many lines")
        # A proxy may take these for something else, and so see another request than this one.
        if head.count(b"\n") != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
            raise h11.RemoteProtocolError("a line ends without CR, or goes on in the next")


def _is_in_chunks(request: h11.Request) -> bool:
    """Tell whether a request's body comes in chunks.

    Raises:
        RemoteProtocolError: Its end is announced in two ways, or in one that its version has not.

    Source: RFC 9112 section 6.1.
    """
    names = {name for name, _ in request.headers}
    if request.http_version not in {b"1.0", b"1.1"}:
        raise h11.RemoteProtocolError("no version of HTTP/1")
    if b"transfer-encoding" not in names:
        return False
    if b"content-length" in names or request.http_version != b"1.1":
        raise h11.RemoteProtocolError("Transfer-Encoding with Content-Length, or in HTTP/1.0")
    return True


def _in_origin_form(request: h11.Request) -> h11.Request:
    """Return a request as it is without `http://host` before its path, which tells its `Host` then.

    Source: RFC 9112 section 3.2.2.
    """
    absolute = _ABSOLUTE.fullmatch(request.target)
    if absolute is None:
        return request
    host, rest = absolute.groups()
    return h11.Request(
        method=request.method,
        target=rest if rest.startswith(b"/") else b"/" + rest,
        headers=[(b"host", host), *(line for line in request.headers if line[0] != b"host")],
        http_version=request.http_version,
    )


class _Connection(H11Protocol):
    """One connection.

    Attributes:
        settings: What is taken.
        peers: How many connections each address has.
        silent: Connections whose next request has not come, those that wait longest first.
    """

    settings: Settings
    peers: Counter[str]
    silent: dict[_Connection, None]

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of uvicorn
        super().__init__(*arguments, **options)
        self.conn: _Requests = _Requests(most_incomplete=HEAD)
        self._peer: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless the address has too many connections."""
        super().connection_made(transport)
        if self.client is None:
            self.client = (UNIX, 0)
        elif self.settings.per_peer and not self.settings.trusts(self.client[0]):
            peer = peer_of(self.client[0])
            if self.peers[peer] >= self.settings.per_peer:
                transport.abort()
                return
            self.peers[peer] += 1
            self._peer = peer
        over = len(self.connections) - self.settings.connections
        if over > 0 and self.silent:
            next(iter(self.silent))._give_up()  # noqa: SLF001 - one of us
            over -= 1  # what went may have had no place either
        if over > 0:
            self.app_state = {**self.app_state, FULL: self.settings.retry_after_s}
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_timer()
        self._stop_stalled()
        if self._peer is not None:
            self.peers[self._peer] -= 1
            if not self.peers[self._peer]:
                del self.peers[self._peer]
            self._peer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take octets."""
        # Piece by piece, since h11 looks only at what is not whole whether it is too large.
        while data and not self.transport.is_closing():
            size = len(data) if self.conn.is_plain else _PIECE
            super().data_received(data[:size])
            data = data[size:]
        self._await_head()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio takes one
        """Answer what was asked whole, if nothing more comes: whoever sends no more may still read.

        Once the answer has begun, it is how a reader goes away.
        """
        self._ended = self._is_answering() and not self.cycle.response_started and self._is_whole()
        return self._ended

    def handle_events(self) -> None:
        """Take what of the octets is whole."""
        try:
            super().handle_events()
        except h11.LocalProtocolError:  # uvicorn would refuse what is being answered already
            self._give_up()
        if self._is_answering():
            self._stop_timer()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        super().on_response_complete()
        if self._is_answering() or self.transport.is_closing():
            return
        if self._ended:
            self.transport.close()
        else:
            self.silent[self] = None

    def pause_writing(self) -> None:
        """Stop writing until what was written is read, and wait so long for that."""
        super().pause_writing()
        self._stop_stalled()
        self._stalled = self.loop.call_later(self.settings.idle_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        self._stop_stalled()
        super().resume_writing()

    def shutdown(self) -> None:
        """Come to an end, once the answer that is being given is."""
        super().shutdown()
        if STOP in self.app_state:
            self.app_state[STOP]()

    def _await_head(self) -> None:
        # What comes meanwhile gives no more time.
        if self._timer is None and not self._is_answering() and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.settings.head_s, self._give_up)
            self.silent[self] = None

    def _is_answering(self) -> bool:
        # Before the first request there is none, whatever the annotation in uvicorn says.
        return bool(self.cycle) and not self.cycle.response_complete

    def _is_whole(self) -> bool:
        return self.conn.their_state in {h11.DONE, h11.MUST_CLOSE}

    def _give_up(self) -> None:
        self._stop_timer()
        self.transport.abort()  # to close is to wait until what was written is read

    def _stop_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _stop_timer(self) -> None:
        self.silent.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def address_of(request: Request) -> str:
    """Return what counts as the one address that a request comes from."""
    return peer_of(UNIX if request.client is None else request.client.host)


@lru_cache(maxsize=4096)
def peer_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the network that whoever has one has all of."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _NETWORK), strict=False))
