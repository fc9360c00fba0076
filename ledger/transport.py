"""Transport: requests to one server, each within a time and a size.

What is too large for memory is taken as it comes, at no less than a certain pace.

Nothing that comes is believed here, nor is it looked at. An answer may come compressed with gzip,
as those of C2SP's tlog-tiles may; it is asked for plain. Redirections are not followed, no proxy
and no password is taken from the environment, and https is checked against the system's
certificates.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import io
import math
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, BinaryIO, Final, Literal
from urllib.parse import urlsplit

from ledger.errors import TargetError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Answer", "FileBody", "Incoming", "Transport", "UnansweredError", "normal_url"]

_CHUNK: Final = 1 << 16
_PACE: Final = 1 << 20  # octets that may take as long as a whole request
_OK: Final = 200
_INTERIM: Final = range(102, 200)  # 100 is passed over by http.client, 101 was not asked for
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_AGENT: Final = "counterfoil"
_MAX_DIGITS: Final = 6  # of seconds: more wait no longer
_BROKEN: Final = (OSError, http.client.HTTPException, ValueError, EOFError, zlib.error)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class UnansweredError(TargetError):
    """There was no whole answer: trying again may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer.

    Attributes:
        status: Its status.
        media_type: Its media type, without parameters, in lower case.
        retry_after_s: How long it asks to be left alone; None if it does not.
        body: Its octets.
    """

    status: int
    media_type: str
    retry_after_s: int | None
    body: bytes


class FileBody:
    """A file as the body of a request: exactly so many octets."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        """Send the first `size` octets of `stream`."""
        self._stream = stream
        self._start = stream.tell() if stream.seekable() else None
        self._used = False
        self.size = size

    def chunks(self) -> Iterator[bytes]:
        """Yield the octets, from the start each time.

        Raises:
            TargetError: They are not so many, or cannot be had a second time.
        """
        if self._used:
            if self._start is None:
                raise TargetError("the file can be read only once, and was not taken")
            self._stream.seek(self._start)
        self._used = True
        left = self.size
        while left:
            chunk = self._stream.read(min(left, _CHUNK))
            if not chunk:
                raise TargetError("the file is shorter than was said")
            left -= len(chunk)
            yield chunk


class Incoming:
    """The body of an answer, as it comes."""

    def __init__(self, response: http.client.HTTPResponse, held: _Held, deadline_s: float) -> None:
        """Read what comes off `held`."""
        self._response = response
        self._body = _plain(response)
        self._held = held
        self._deadline_s = deadline_s
        self._began_s = time.monotonic()
        self._came = 0

    def read(self, size: int, /) -> bytes:
        """Return up to `size` octets; none at the end.

        Raises:
            UnansweredError: The body is cut short, or comes too slowly.
        """
        try:
            self._held.last(self._deadline_s)
            chunk = self._body.read1(min(size, _CHUNK))
            # `read1` takes an early end of the stream for the end of the body.
            if not chunk and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        except _BROKEN as error:
            name = type(error).__name__
            raise UnansweredError(f"the answer is cut short: {name}: {error}") from None
        self._came += len(chunk)
        allowed_s = self._deadline_s * (1 + self._came / _PACE)
        if time.monotonic() - self._began_s > allowed_s:
            raise UnansweredError("the answer comes too slowly")
        return chunk


class Transport:
    """The way to one server. For one thread.

    Attributes:
        host: The server as the URL names it, as in the header `Host`.
        prefix: What all paths begin with.
    """

    def __init__(self, url: str, *, timeout_s: float, deadline_s: float) -> None:
        """Ask the server at `url`.

        Args:
            url: `http://` or `https://`, host, perhaps port and path; nothing else.
            timeout_s: How long to wait for any octet.
            deadline_s: How long one request may take.

        Raises:
            TargetError: The URL is not one.
        """
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._connect, self.host, self.prefix = _parse_url(url, timeout_s)
        self._open: http.client.HTTPConnection | None = None
        self._held: _Held | None = None

    def close(self) -> None:
        """Let go of the connection."""
        if self._open is not None:
            self._open.close()
            self._open = self._held = None

    def get(self, path: str, *, limit: int, token: str | None = None) -> Answer:
        """Fetch what is under `path`, of at most `limit` octets.

        Args:
            path: The path, below the server's own.
            limit: Most octets of an answer.
            token: A bearer token, if there is one.

        Raises:
            UnansweredError: There was no whole answer.
            TargetError: The answer is larger.
        """
        return self._exchange("GET", path, None, _bearer(token), limit)

    def take(
        self,
        path: str,
        take: Callable[[Incoming], None],
        *,
        limit: int,
        token: str | None = None,
    ) -> Answer:
        """Fetch what is under `path` and let `take` have its body, when there is one.

        If it is cut short, `take` is called again, from the start.

        Args:
            path: The path, below the server's own.
            take: Reads the body to its end. What it raises ends the request.
            limit: Most octets of any other answer.
            token: A bearer token, if there is one.

        Returns:
            The answer, without the body that was taken.

        Raises:
            UnansweredError: There was no whole answer.
            TargetError: The answer is larger.
        """
        return self._exchange("GET", path, None, _bearer(token), limit, take)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | FileBody,
        *,
        media_type: str,
        limit: int,
        token: str | None = None,
    ) -> Answer:
        """Send `body` to `path`; as `get`."""
        size = len(body) if isinstance(body, bytes) else body.size
        headers = {"Content-Type": media_type, "Content-Length": str(size), **_bearer(token)}
        return self._exchange(method, path, body, headers, limit)

    def _hold(self, connection: http.client.HTTPConnection) -> _Held:
        """Connect, if need be, and return what is held."""
        if self._held is None or connection.sock is None:
            connection.connect()
            self._held = _Held(connection.sock, idle_s=self._timeout_s)
            connection.sock = self._held  # as much of one as it uses
        return self._held

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | FileBody | None,
        headers: dict[str, str],
        limit: int,
        take: Callable[[Incoming], None] | None = None,
    ) -> Answer:
        if self._open is not None:
            # A server lets go of connections on which nothing comes: that says nothing.
            with contextlib.suppress(UnansweredError):
                return self._once(method, path, body, headers, limit, take)
        return self._once(method, path, body, headers, limit, take)

    def _once(
        self,
        method: str,
        path: str,
        body: bytes | FileBody | None,
        headers: dict[str, str],
        limit: int,
        take: Callable[[Incoming], None] | None = None,
    ) -> Answer:
        connection = self._open or self._connect()
        self._open = connection
        response: http.client.HTTPResponse | None = None
        whole = False
        try:
            held = self._hold(connection)
            held.last(self._deadline_s)
            sent = {"Host": self.host, "User-Agent": _AGENT, "Accept-Encoding": "identity"}
            data = body.chunks() if isinstance(body, FileBody) else body
            # A server that refuses early may stop reading: what it said is still there.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self.prefix + path, data, {**sent, **headers})
            response = connection.getresponse()
            taken = take is not None and response.status == _OK
            octets = b"" if taken else _read(response, limit)
            if take is not None and taken:
                take(Incoming(response, held, self._deadline_s))
            answer = _answer(response, octets)
            whole = not response.will_close
        except _BROKEN as error:
            name = type(error).__name__
            raise UnansweredError(f"{method} /{path}: no answer: {name}: {error}") from None
        finally:
            if response is not None:
                response.close()
            if not whole:
                self.close()
        return answer


class _Held:
    """The socket of a connection, on which nothing lasts beyond a moment, however octets drip.

    No thread watches it: an interrupt that came while one was being started or awaited would leave
    a lock behind, and the command would wait for ever.
    """

    def __init__(self, held: socket.socket, *, idle_s: float) -> None:
        """Hold a socket, and wait at most `idle_s` for any octet."""
        self._socket = held
        self._idle_s = idle_s
        self._within_s = self._until_s = 0.0

    def last(self, within_s: float) -> None:
        """Let what follows last so many seconds."""
        self._within_s = within_s
        self._until_s = time.monotonic() + within_s

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        left = memoryview(data)
        while left:
            with self._in_time():
                sent = self._socket.send(left[:_CHUNK])
            left = left[sent:]

    def makefile(self, mode: Literal["rb"]) -> io.BufferedReader:
        """Return a stream of what comes."""
        return io.BufferedReader(_Raw(self._socket.makefile(mode, buffering=0), self._in_time))

    def close(self) -> None:
        """Close it, when no stream of it is open any more."""
        self._socket.close()

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        left_s = self._until_s - time.monotonic()
        if left_s > 0:
            self._socket.settimeout(min(self._idle_s, left_s))
            try:
                yield
            except TimeoutError:
                if time.monotonic() < self._until_s:
                    raise
            else:
                return
        raise TimeoutError(f"took longer than {self._within_s} s")


class _Raw(io.RawIOBase):
    """What comes on a socket, each part in time."""

    def __init__(
        self, raw: io.RawIOBase, in_time: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._raw = raw
        self._in_time = in_time

    def readable(self) -> bool:
        """Tell whether it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read what comes next."""
        with self._in_time():
            return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer; those before the last one (103, say) are passed over, as RFC 9110 wants."""

    def begin(self) -> None:
        super().begin()
        while self.status in _INTERIM:
            self.headers = None  # type: ignore[assignment]  # that there are none makes it read on
            super().begin()


def _plain(response: http.client.HTTPResponse) -> http.client.HTTPResponse | gzip.GzipFile:
    """Return the body of an answer, to be read as it was before it was compressed."""
    coding = response.getheader("Content-Encoding", "identity").strip().lower()
    if coding == "identity":
        return response
    if coding not in {"gzip", "x-gzip"}:
        raise TargetError("the answer is compressed otherwise than with gzip")
    # Not as it is: of a chunk whose size is said to be -1 its `read` would read to the end of all.
    return gzip.GzipFile(fileobj=io.BufferedReader(response))


def _read(response: http.client.HTTPResponse, limit: int) -> bytes:
    """Read the body of an answer."""
    chunks: list[bytes] = []
    body = _plain(response)
    came = 0
    while came <= limit and (chunk := body.read1(_CHUNK)):
        chunks.append(chunk)
        came += len(chunk)
    if came > limit:
        raise TargetError(f"the answer has more than {limit} octets")
    # `read1` takes an early end of the stream for the end of the body.
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(chunks)


def _answer(response: http.client.HTTPResponse, body: bytes) -> Answer:
    return Answer(
        status=response.status,
        media_type=response.getheader("Content-Type", "").partition(";")[0].strip().lower(),
        retry_after_s=_retry_after_s(response),
        body=body,
    )


def _retry_after_s(response: http.client.HTTPResponse) -> int | None:
    """Read `Retry-After`: seconds, or a date by the server's clock (RFC 9110, section 10.2.3)."""
    text = response.getheader("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:_MAX_DIGITS])
    try:
        until, now = map(parsedate_to_datetime, (text, response.getheader("Date", "")))
        return max(0, math.ceil((until - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None


def _bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def normal_url(url: str) -> str:
    """Return the one spelling of a server's URL.

    Raises:
        TargetError: The URL is not one.
    """
    _, host, prefix = _parse_url(url, 1.0)
    return f"{url.partition(':')[0].lower()}://{host}{prefix}"


def _in_ascii(host: str) -> str:
    """Return a name as the DNS has it; a tlog-policy may have it as people write it (RFC 3490).

    One that does not read back is refused: readers differ as to which name it is.

    Raises:
        ValueError: It has no such form.
    """
    if host.isascii():
        return host
    name = host.encode("idna").decode()
    if name.encode().decode("idna") != host:
        raise ValueError(host)
    return name


def _parse_url(
    url: str, timeout_s: float
) -> tuple[Callable[[], http.client.HTTPConnection], str, str]:
    try:
        parts = urlsplit(url)
        host, port = _in_ascii(parts.hostname or ""), parts.port
    except ValueError:
        raise TargetError(f"{url[:200]!r} is no URL") from None
    prefix = parts.path.rstrip("/")
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or not plain
        or not _PATH.fullmatch(prefix)
    ):
        raise TargetError(f"{url[:200]!r} is not http(s)://host[:port][/path]")

    def connect() -> http.client.HTTPConnection:
        made: http.client.HTTPConnection
        if parts.scheme == "http":
            made = http.client.HTTPConnection(host, port, timeout=timeout_s)
        else:
            context = ssl.create_default_context()
            made = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
        made.response_class = _Response
        return made

    name = f"[{host}]" if ":" in host else host
    named = name if port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{name}:{port}"
    return connect, named, f"{prefix}/"
