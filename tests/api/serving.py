"""Serves a ledger on a real socket from a thread, and asks it without a client of ours."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from starlette.types import ASGIApp

from api.app import create_app
from api.clock import elapsed_ms, now_ms
from api.problems import Problem
from api.recording import Here
from api.serve import Server, configure, listen
from api.settings import Settings
from ledger.ledger import Ledger
from tests.ledger.builder import Party
from verify.codec import encode
from verify.session import SESSION, SessionStatement, format_session
from verify.submission import LedgerName

JSON = {"Content-Type": "application/json"}
SUBMISSION = {"Content-Type": "application/vnd.counterfoil.submission+json"}


class Got(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> Problem:
        assert self.headers["content-type"] == "application/problem+json"
        return msgspec.json.decode(self.body, type=Problem)


class Site:
    """A server that runs; `prefix` is where the ledger stands, and `token` a session's."""

    def __init__(self, port: int, prefix: str = "", token: str | None = None) -> None:
        self.port = port
        self.prefix = prefix
        self.token = token
        self.url = f"http://127.0.0.1:{port}{prefix}"

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Got:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            own = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
            sent = {**own, **(headers or {})}
            connection.request(method, self.prefix + path, body=body, headers=sent)  # type: ignore[arg-type]  # whatever http.client takes
            return read(connection.getresponse())

    def get(self, path: str) -> Got:
        return self.ask("GET", path)

    def post(self, document: bytes) -> Got:
        return self.ask("POST", "/submissions", document, SUBMISSION)

    def signed_in(self, ledger: Ledger | LedgerName, party: Party) -> Site:
        """Return the same server, seen by a party with a session."""
        nonce = msgspec.json.decode(self.ask("POST", "/nonces").body)["nonce"]
        got = self.ask("POST", "/sessions", self.session_body(ledger, party, nonce), JSON)
        assert got.status == 201
        return Site(self.port, self.prefix, msgspec.json.decode(got.body)["token"])

    def session_body(
        self,
        ledger: Ledger | LedgerName,
        party: Party,
        nonce: str,
        *,
        changes: Mapping[str, object] | None = None,
        payload_type: str = SESSION,
    ) -> bytes:
        """Return a signed session statement."""
        if isinstance(ledger, Ledger):
            ledger = LedgerName(origin=ledger.origin, charter=ledger.fingerprint)
        values = {
            "ledger": ledger,
            "host": f"127.0.0.1:{self.port}",
            "party": party.name,
            "key": party.public,
            "nonce": nonce,
            "at": now_ms(),
        }
        statement = SessionStatement(**(values | dict(changes or {})))  # type: ignore[arg-type]  # its fields
        return format_session(statement, signature=party.sign(payload_type, encode(statement)))

    def raw(self, data: bytes) -> Got:
        """Send octets as they are and read one answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(data)
            return read_from(connection)


def read(response: http.client.HTTPResponse) -> Got:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Got(response.status, headers, response.read())


def read_from(connection: socket.socket) -> Got:
    response = http.client.HTTPResponse(connection)
    with contextlib.closing(response):
        response.begin()
        return read(response)


@contextlib.contextmanager
def serving(
    ledger: Ledger | Mapping[str, Ledger],
    settings: Settings | None = None,
    *,
    now_ms: Callable[[], int] = now_ms,
    elapsed_ms: Callable[[], int] = elapsed_ms,
) -> Iterator[Site]:
    """Serve a ledger, or several by name; what was asked is finished before this returns."""
    chosen = settings or Settings()
    ledgers = {"": ledger} if isinstance(ledger, Ledger) else ledger
    app = create_app(
        ledgers, Here(ledgers, chosen), settings=chosen, now_ms=now_ms, elapsed_ms=elapsed_ms
    )
    with serving_app(app, chosen) as site:
        yield site


# Below those of which systems give any to who asks for none; each process has its own.
_FIRST = 20_000 + os.getpid() % 600 * 20
_PORTS = itertools.cycle(range(_FIRST, _FIRST + 20))


def lasting_port() -> int:
    """Return a port on which somebody may listen, end, and listen again: nobody gets it between."""
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("they come again and again")


@contextlib.contextmanager
def serving_app(app: ASGIApp, settings: Settings | None = None, *, port: int = 0) -> Iterator[Site]:
    """Serve an application; what was asked is finished before this returns."""
    server = Server(configure(app, settings or Settings()))
    with listen(Settings(port=port)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield Site(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
