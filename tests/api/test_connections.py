"""Connections: those that are slow, many or silent."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import time

import pytest

from api.connection import peer_of
from api.settings import Settings
from ledger.ledger import Ledger
from tests.api.serving import SUBMISSION, Site, read_from
from tests.api.taking import ledger, serving, signed, site, wait_for

__all__ = ["ledger", "site"]  # fixtures


def connect(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=20)


def is_closed(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1)
    except ConnectionError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_closes_a_connection_whose_request_does_not_come(ledger: Ledger, sent: bytes) -> None:
    with serving(ledger, Settings(head_s=0.3)) as site, connect(site) as connection:
        connection.sendall(sent)
        began_s = time.monotonic()
        assert is_closed(connection)
        assert time.monotonic() - began_s < 5
        assert 200 == site.get("/healthz").status


def test_slow_headers_get_no_more_time_by_coming_slowly(ledger: Ledger) -> None:
    with serving(ledger, Settings(head_s=0.4)) as site, connect(site) as connection:
        began_s = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began_s < 5:
                connection.sendall(b"G")
                time.sleep(0.05)
        assert time.monotonic() - began_s < 5


def test_the_second_request_of_a_connection_must_come_in_time_too(ledger: Ledger) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(ledger, Settings(head_s=1)) as site, connect(site) as connection:
        for pause_s in (0.0, 1.5):  # between two requests it may be silent longer
            time.sleep(pause_s)
            connection.sendall(whole)
            assert 200 == read_from(connection).status
        connection.sendall(whole[:9])
        assert is_closed(connection)


def test_a_body_may_take_longer_than_headers(ledger: Ledger) -> None:
    document = signed(ledger)
    head = f"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(document)}\r\n"
    head += f"Content-Type: {SUBMISSION['Content-Type']}\r\n\r\n"
    with serving(ledger, Settings(head_s=1)) as site, connect(site) as connection:
        connection.sendall(head.encode() + document[:9])
        time.sleep(1.5)
        connection.sendall(document[9:])
        assert 201 == read_from(connection).status


def test_one_address_has_only_so_many_connections(ledger: Ledger) -> None:
    with serving(ledger, Settings(per_peer=3)) as site, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(site)) for _ in range(3)]
        assert is_closed(stack.enter_context(connect(site)))
        held[0].close()
        wait_for(lambda: not is_refused(site))


@pytest.mark.parametrize(
    "settings", [Settings(per_peer=0), Settings(per_peer=1, trusted_proxies=("127.0.0.1",))]
)
def test_connections_are_not_counted_without_a_number_or_of_a_proxy(
    ledger: Ledger, settings: Settings
) -> None:
    with serving(ledger, settings) as site, contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connect(site))
        assert 200 == site.get("/healthz").status


def is_refused(site: Site) -> bool:
    try:
        return site.get("/healthz").status != 200
    except (ConnectionError, http.client.HTTPException):
        return True


def test_what_counts_as_one_address() -> None:
    assert "192.0.2.1" == peer_of("192.0.2.1") == peer_of("::ffff:192.0.2.1")
    assert peer_of("2001:db8::1") == peer_of("2001:db8::ffff:1%eth0")
    assert peer_of("2001:db8::1") != peer_of("2001:db8:0:1::1")
    assert "testclient" == peer_of("testclient")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://x/checkpoint", 200),
        ("HTTPS://log.example:8470/checkpoint?at=1", 200),
        ("http://x", 200),
        ("http://x?at=1", 400),
        ("http://x//checkpoint", 404),
        ("http:///checkpoint", 404),
        ("http://me@x/checkpoint", 404),
        ("ftp://x/checkpoint", 404),
    ],
)
def test_a_request_may_have_the_absolute_form(site: Site, target: str, status: int) -> None:
    head = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    assert status == site.raw(head.encode()).status


def ask_from(site: Site, address: str, stack: contextlib.ExitStack) -> socket.socket:
    """Return a connection from one of this machine's addresses, on which a request was sent."""
    place = ("127.0.0.1", site.port)
    connection = socket.create_connection(place, 20, (address, 0))
    stack.enter_context(connection)
    connection.sendall(b"GET /checkpoint HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection


def test_of_connections_that_were_used_and_idle_the_longest_idle_goes(ledger: Ledger) -> None:
    with serving(ledger, Settings(connections=3)) as site, contextlib.ExitStack() as stack:
        held = [ask_from(site, f"127.0.0.{n}", stack) for n in (2, 3, 4)]
        assert [200] * 3 == [read_from(one).status for one in held]
        held[0].sendall(b"GET /checkpoint HTTP/1.1\r\nHost: x\r\n\r\n")
        assert 200 == read_from(held[0]).status
        assert 200 == read_from(ask_from(site, "127.0.0.5", stack)).status
        assert is_closed(held[1])
        for one in (held[0], held[2]):
            one.sendall(b"GET /checkpoint HTTP/1.1\r\nHost: x\r\n\r\n")
            assert 200 == read_from(one).status


def test_who_comes_while_all_connections_are_busy_is_told_when_to_come_again(
    ledger: Ledger,
) -> None:
    head = b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    settings = Settings(connections=1, retry_after_s=7)
    with serving(ledger, settings) as site, contextlib.ExitStack() as stack:
        busy = stack.enter_context(connect(site))
        busy.sendall(head + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert busy.recv(99).startswith(b"HTTP/1.1 100 ")
        got = site.get("/checkpoint")
        busy.sendall(b"{}")
        assert 400 == read_from(busy).status
        assert 200 == site.get("/checkpoint").status

    assert got.problem.type.endswith(":busy")
    assert ("7", "close") == (got.headers["retry-after"], got.headers["connection"])


def test_places_that_are_all_busy_are_not_got_by_connecting_again_and_again(
    ledger: Ledger,
) -> None:
    head = b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    settings = Settings(connections=2)
    with serving(ledger, settings) as site, contextlib.ExitStack() as stack:

        def ask() -> tuple[socket.socket, bytes]:
            connection = stack.enter_context(connect(site))
            connection.sendall(head)
            return connection, connection.recv(12)[-3:]

        busy = [ask(), ask()]
        silent = [stack.enter_context(connect(site)) for _ in range(4)]
        assert [True] * 3 == [is_closed(one) for one in silent[:3]]
        late = ask()
        assert is_closed(silent[3])
        for connection, _ in busy:
            connection.sendall(b"{}")
            assert is_closed(connection) is False

    assert [b"100", b"100", b"503"] == [status for _, status in (*busy, late)]


def test_who_sends_nothing_more_may_still_read_the_answers(ledger: Ledger) -> None:
    document = signed(ledger)
    head = f"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(document)}\r\n"
    head += f"Content-Type: {SUBMISSION['Content-Type']}\r\n\r\n"
    with serving(ledger, Settings(head_s=60)) as site, connect(site) as connection:
        connection.sendall(head.encode() + document + head.encode() + document)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as file:
            answers = file.read()
        with connect(site) as other:
            other.sendall(head.encode() + document[:-1])
            other.shutdown(socket.SHUT_WR)
            assert is_closed(other)

    assert [b"201", b"200"] == re.findall(rb"HTTP/1.1 ([0-9]+)", answers)
