"""Follows a ledger's tail over a real socket, one message after the other."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from typing import NamedTuple

from tests.api.serving import Site


class Message(NamedTuple):
    id: int
    event: str
    data: bytes


class Tail:
    """A follower, which reads one message after the other."""

    def __init__(self, site: Site, path: str = "/tail", last: int | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        headers = {} if site.token is None else {"Authorization": f"Bearer {site.token}"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self._connection.request("GET", site.prefix + path, headers=headers)
        self.response = self._connection.getresponse()

    def lines(self) -> list[bytes]:
        """Return the lines up to the next empty one; none at the end."""
        found = []
        while line := self.response.readline().rstrip(b"\n"):
            found.append(line)
        return found

    def next(self) -> Message | None:
        """Return the next message; None at the end."""
        while not self.response.isclosed():
            fields = dict(line.split(b": ", 1) for line in self.lines() if line[:1] != b":")
            if b"id" in fields:
                return Message(int(fields[b"id"]), fields[b"event"].decode(), fields[b"data"])
        return None

    def take(self, count: int) -> list[Message]:
        return [message for _ in range(count) if (message := self.next()) is not None]

    def close(self) -> None:
        self._connection.close()
        self.response.close()


@contextlib.contextmanager
def tailing(site: Site, path: str = "/tail", last: int | None = None) -> Iterator[Tail]:
    with contextlib.closing(Tail(site, path, last)) as tail:
        yield tail
