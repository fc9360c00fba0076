"""Serves a ledger on a real socket from a thread, and asks it without a client of ours."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
import uvicorn

from api.app import create_app
from api.limits import Limits
from api.problems import Problem
from api.serve import configure
from ledger.ledger import Ledger

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
    """A server that runs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Got:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=dict(headers or {}))  # type: ignore[arg-type]  # whatever http.client takes
            return read(connection.getresponse())

    def get(self, path: str) -> Got:
        return self.ask("GET", path)

    def post(self, document: bytes) -> Got:
        return self.ask("POST", "/submissions", document, SUBMISSION)

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
def serving(ledger: Ledger, limits: Limits | None = None) -> Iterator[Site]:
    """Serve a ledger; what was asked is finished before this returns."""
    server = uvicorn.Server(configure(create_app(ledger, limits=limits), limits))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield Site(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
