"""Servers that do not behave."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import http.server
import threading
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

from api.clock import now_ms
from ledger.asking import Patience
from ledger.client import Remote
from ledger.errors import TargetError
from ledger.transport import UnansweredError
from tests.ledger.client.shelf import ALPHA_SIGNER, Shelf, remote_of
from tests.world import World


def test_gives_up_on_what_is_larger_than_it_may_be(remote: Remote, shelf: Shelf) -> None:
    shelf.files["checkpoint"] = b"x" * 200_000

    with pytest.raises(TargetError, match="more than"):
        remote.head()


def test_follows_no_redirection(remote: Remote, shelf: Shelf) -> None:
    def redirect(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    shelf.answer = redirect
    with pytest.raises(TargetError, match="302"):
        remote.head()

    assert ["checkpoint"] == shelf.asks()


def gzipped(handler: http.server.BaseHTTPRequestHandler, body: bytes, coding: str) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Encoding", coding)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


def test_takes_what_comes_in_gzip(remote: Remote, shelf: Shelf, world: World) -> None:
    """As tlog-tiles allows, unasked; in several members, as RFC 1952 does."""

    def compressed(handler: http.server.BaseHTTPRequestHandler) -> bool:
        plain = shelf.files[handler.path.removeprefix("/log/").partition("?")[0]]
        return gzipped(handler, gzip.compress(plain[:9]) + gzip.compress(plain[9:]), "GZIP")

    shelf.answer = compressed

    assert world.size == remote.head().size


@pytest.mark.parametrize(
    ("body", "coding", "reason"),
    [
        pytest.param(gzip.compress(bytes(200_000)), "gzip", "more than", id="too large"),
        pytest.param(gzip.compress(bytes(99))[:-1], "gzip", "no answer: EOFError", id="cut"),
        pytest.param(b"plain", "gzip", "no answer: BadGzipFile", id="plain"),
        pytest.param(gzip.compress(b"")[:10] + b"\xff" * 9, "gzip", "no answer: error", id="other"),
        pytest.param(gzip.compress(b"x"), "br", "compressed otherwise", id="unknown"),
    ],
)
def test_takes_nothing_else_that_is_compressed(
    remote: Remote, shelf: Shelf, body: bytes, coding: str, reason: str
) -> None:
    shelf.answer = lambda handler: gzipped(handler, body, coding)
    with pytest.raises(TargetError, match=reason):
        remote.head()


def test_a_chunk_of_minus_one_octets_is_not_read_to_its_end(remote: Remote, shelf: Shelf) -> None:
    """Python's client would read all that comes, before any limit is looked at."""
    taken: list[int] = []

    def endless(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"-1\r\n")
        handler.close_connection = True
        with contextlib.suppress(OSError):
            taken.extend(handler.connection.send(bytes(1 << 16)) for _ in range(512))
        return True

    shelf.answer = endless
    with pytest.raises(UnansweredError, match="no answer"):
        remote.head()

    # What systems hold of a connection, of each attempt, and not all of it.
    assert sum(taken) < 512 << 16


def test_passes_over_what_comes_before_an_answer(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    def early(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2)
        return False

    shelf.answer = early

    assert world.size == remote.head().size
    assert world.size == remote.head().size


def test_does_not_wait_for_ever_for_an_answer_that_drips(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    ended = threading.Event()

    def drip(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not ended.wait(0.01):
                handler.wfile.write(b"x")
        handler.close_connection = True
        return True

    shelf.answer = drip
    try:
        with (
            remote_of(shelf, world, tmp_path, deadline_s=0.2, attempts=1) as remote,
            pytest.raises(UnansweredError),
        ):
            remote.head()
    finally:
        ended.set()


def test_an_answer_cut_short_is_asked_for_again(remote: Remote, shelf: Shelf, world: World) -> None:
    def cut(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if len(shelf.asked) > 1:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"x" * 10)
        handler.close_connection = True
        return True

    shelf.answer = cut

    assert world.size == remote.head().size


def test_a_session_whose_answer_was_lost_is_begun_over_another_nonce(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    """The statement is sent again, as every request is, and is good for once only."""
    statements: list[bytes] = []
    shelf.take = statements.append
    shelf.show(world)

    def members_only(handler: http.server.BaseHTTPRequestHandler) -> bool:
        path = handler.path.removeprefix("/log/")
        used = statements.count(statements[-1]) > 1 if path == "sessions" else False
        if path in {"nonces", "sessions"} and not used:
            made = {"nonce": f"{len(statements):064x}", "token": "known"}
            body, status = msgspec.json.encode(made), 201
        elif path == "checkpoint" or handler.headers["Authorization"] == "Bearer known":
            return False
        else:
            body, status = b"", 401
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if path == "sessions" and len(statements) == 2:
            handler.close_connection = True
        else:
            handler.wfile.write(body)
        return True

    shelf.answer = members_only
    with Remote(
        shelf.url,
        fingerprint=world.fingerprint or "",
        home=tmp_path,
        now_ms=now_ms,
        signer=ALPHA_SIGNER,
        patience=Patience(sleep=lambda _: None),
    ) as remote:
        assert world.size == remote.head().size
    first, second = statements[1], statements[-1]

    assert first != second
    assert [b"", first, first, b"", second] == statements


def test_comes_back_when_it_is_told_to(shelf: Shelf, world: World, tmp_path: Path) -> None:
    waits: list[float] = []
    shelf.show(world)

    def busy(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if len(shelf.asked) > 2:
            return False
        handler.send_response(503)
        handler.send_header("Retry-After", "7" if len(shelf.asked) == 1 else "x")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    shelf.answer = busy
    with Remote(
        shelf.url,
        fingerprint=world.fingerprint or "",
        home=tmp_path,
        now_ms=now_ms,
        patience=Patience(sleep=waits.append),
    ) as remote:
        remote.head()

    assert [7.0, 1.0] == waits


def test_gives_up_on_a_server_that_is_always_busy(remote: Remote, shelf: Shelf) -> None:
    def busy(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
        return True

    shelf.answer = busy
    with pytest.raises(UnansweredError, match="503"):
        remote.hand_in(b"{}")

    assert 5 == len(shelf.asked)


def test_an_answer_of_somebody_else_is_no_refusal(remote: Remote) -> None:
    with pytest.raises(TargetError, match="404"):
        remote.hand_in(b"{}")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "ledger.example",
            "ftp://x",
            "http://",
            "http://u:p@x/",
            "http://u@x/",
            "http://:p@x/",
            "http://x/?q",
            "http://x/#f",
        ),
        *(
            "http://x:99999/",
            "http://x/%2e",
            "http://x/\r\nX: y",
            "file:///etc/passwd",
            "http://[x",
        ),
    ],
)
def test_takes_nothing_else_for_a_url(url: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError):
        Remote(url, fingerprint="0" * 64, home=tmp_path, now_ms=now_ms)


def test_takes_nothing_else_for_a_fingerprint(tmp_path: Path) -> None:
    for fingerprint in ("", "0" * 63, "A" * 64, "../" + "0" * 61):
        with pytest.raises(TargetError):
            Remote("http://x/", fingerprint=fingerprint, home=tmp_path, now_ms=now_ms)


def test_says_that_nobody_answers(world: World, tmp_path: Path) -> None:
    with (
        remote_of(Shelf(port=1), world, tmp_path) as remote,
        pytest.raises(UnansweredError, match="ConnectionRefusedError"),
    ):
        remote.head()
