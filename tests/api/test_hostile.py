"""What strangers may try with connections and clocks, over real sockets."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.problems import PREFIX
from api.settings import Settings
from ledger.ledger import Ledger
from tests.api.serving import Got, Site, read_from, serving
from tests.ledger.builder import Clock, Party, found_ledger, new_letter, sign_document

ALPHA = Party("alpha", 1)
SILENT = 2000
ADDRESSES = 40
CRUMBS = 20_000
DRIPS = 200


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        yield ledger


def slug(got: Got) -> tuple[int, str]:
    return got.status, got.problem.type.removeprefix(PREFIX)


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize(
    "sent", [b"", b"POST /submissions HTTP/1.1\r\nHost: x\r\n"], ids=["silent", "half a head"]
)
def test_thousands_that_send_nothing_keep_nobody_out(ledger: Ledger, sent: bytes) -> None:
    with serving(ledger, Settings(connections=128)) as site, contextlib.ExitStack() as stack:
        for number in range(SILENT):
            source = (f"127.0.1.{1 + number % ADDRESSES}", 0)
            connection = socket.create_connection(("127.0.0.1", site.port), 20, source)
            stack.enter_context(connection)
            with contextlib.suppress(ConnectionError):
                connection.sendall(sent)
            if number % 250 == 0:
                assert 200 == site.get("/checkpoint").status
        assert 201 == site.post(sign_document(ledger, ALPHA, [new_letter("alpha")])).status


def test_an_answer_that_nobody_takes_holds_up_nobody(ledger: Ledger) -> None:
    with serving(ledger) as site, contextlib.ExitStack() as stack:
        for _ in range(60):
            connection = socket.create_connection(("127.0.0.1", site.port), 20)
            stack.enter_context(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        with socket.create_connection(("127.0.0.1", site.port), 20, ("127.0.0.2", 0)) as other:
            other.sendall(b"GET /checkpoint HTTP/1.1\r\nHost: x\r\n\r\n")

            assert 200 == read_from(other).status


@pytest.mark.parametrize("path", ["/submissions", "/nothing"])
def test_a_body_in_crumbs_ends_its_connection(ledger: Ledger, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with (
        serving(ledger, Settings(idle_s=60)) as site,
        socket.create_connection(("127.0.0.1", site.port), 20) as connection,
    ):
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        # What is sent may still lie in the sockets' buffers when the server has had enough.
        with contextlib.suppress(ConnectionError):
            for _ in range(CRUMBS // 100):
                connection.sendall(b"1\r\nx\r\n" * 100)
            while connection.recv(1 << 16):  # the body has no end: only the server can make one
                pass


def test_what_came_at_once_buys_no_time_to_hold_it(ledger: Ledger) -> None:
    size = 1 << 20
    head = "POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with (
        serving(ledger, Settings(idle_s=0.3, octets_per_s=1 << 10)) as site,
        socket.create_connection(("127.0.0.1", site.port), 20) as connection,
    ):
        connection.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
        connection.sendall(b" " * (size - DRIPS))
        connection.settimeout(0.05)
        drips = 1
        while drips < DRIPS:
            connection.sendall(b" ")
            drips += 1
            with contextlib.suppress(TimeoutError):
                connection.recv(1, socket.MSG_PEEK)
                break
        connection.settimeout(20)

        assert (408, "timeout") == slug(read_from(connection))
    assert drips < DRIPS


def test_a_body_in_ordinary_chunks_is_taken(ledger: Ledger) -> None:
    head = (
        b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    document = sign_document(ledger, ALPHA, [new_letter("alpha") for _ in range(200)])
    parts = [document[at : at + 600] for at in range(0, len(document), 600)]
    with serving(ledger) as site:
        got = site.raw(head + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in [*parts, b""]))

    assert 201 == got.status
    assert 64 < len(parts)


def head_of(*lines: bytes, path: bytes = b"/checkpoint") -> bytes:
    return b"\r\n".join([b"GET %b HTTP/1.1" % path, b"Host: x", *lines, b"", b""])


def answered(site: Site, sent: bytes) -> int | None:
    """Return the status of the answer; None if the connection was closed under it."""
    # What is still on its way when the connection is closed may take the answer with it.
    with contextlib.suppress(ConnectionError):
        return site.raw(sent).status
    return None


@pytest.mark.parametrize(
    "sent",
    [
        head_of(*[b"a:b"] * 100),
        head_of(*[b"a: " + b"x" * 900] * 80),
        head_of(b"a: " + b"x" * 100_000),
        head_of(b"a:b\n" * 3_000),
        head_of(path=b"/" + b"x" * 100_000),
    ],
    ids=["many lines", "many octets", "a long line", "bare line ends", "a long path"],
)
def test_a_large_head_is_refused_although_all_of_it_came(ledger: Ledger, sent: bytes) -> None:
    with serving(ledger) as site:
        assert answered(site, sent) in {400, None}
        assert 200 == site.get("/checkpoint").status


CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "sent",
    [
        head_of(b"Content-Length: 5", CHUNKED) + b"0\r\n\r\n",
        head_of(CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
        head_of(b"Content-Length: 1", b"Content-Length: 0"),
        head_of(b"Content-Length : 0"),
        head_of(b"a: b", b" c: d"),
        head_of(b"a: b", b"\tc: d"),
        head_of(b"a: b\nc: d"),
        head_of().replace(b"\r\n", b"\n"),
        head_of().replace(b"HTTP/1.1", b"HTTP/2.0"),
        head_of(b"Host: y"),
    ],
)
def test_what_a_proxy_could_read_in_another_way_is_refused(ledger: Ledger, sent: bytes) -> None:
    with serving(ledger) as site:
        assert answered(site, sent) in {400, None}


@pytest.mark.parametrize(
    ("lines", "is_much"),
    [
        (b"a:b\r\n" * 100, False),
        (b"a:b\r\n" * 101, True),
        (b"a:b\r\n" * 50_000, True),
        (b"a: " + b"x" * 100_000 + b"\r\n", True),
    ],
    ids=["100", "101", "50,000", "a long line"],
)
def test_many_lines_behind_a_body_end_its_connection(
    ledger: Ledger, lines: bytes, *, is_much: bool
) -> None:
    head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    received = b""
    with (
        serving(ledger) as site,
        socket.create_connection(("127.0.0.1", site.port), 20) as connection,
        contextlib.suppress(ConnectionError),
    ):
        connection.sendall(
            head + b"0\r\n" + lines + b"\r\n" + head_of() + head_of(b"Connection: close")
        )
        while data := connection.recv(1 << 16):
            received += data

    assert (0 if is_much else 2) == received.count(b"200 OK")


def test_small_chunks_of_one_body_are_not_held_against_the_next(ledger: Ledger) -> None:
    head = b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with (
        serving(ledger) as site,
        socket.create_connection(("127.0.0.1", site.port), 20) as connection,
    ):
        for _ in range(3):
            connection.sendall(head + b"1\r\nx\r\n" * 60 + b"0\r\n\r\n")
            assert 404 == read_from(connection).status


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head_of(path=b"/entries?" + b"limit=1&" * 32), 400),
        (head_of(path=b"/checkpoint?" + b"&" * 5_000), 400),
        (head_of(b"Cookie: " + b";" * 5_000), 400),
        (head_of(*[b"Cookie: " + b"a=b;" * 10] * 30), 400),
        (head_of(*[b"a:b"] * 99), 200),
        (head_of(b"a: " + b"x" * 7_900), 200),
        (head_of(b"Cookie: " + b"a=b;" * 180), 200),
    ],
)
def test_what_is_much_to_take_apart_is_refused_before(
    ledger: Ledger, sent: bytes, status: int
) -> None:
    with serving(ledger) as site:
        assert status == site.raw(sent).status


# The clock


class Moving:
    """Two clocks: one that is set, and one that is not."""

    def __init__(self) -> None:
        self.wall = Clock()
        self.elapsed = 0

    def elapsed_ms(self) -> int:
        return self.elapsed


@pytest.mark.parametrize("step_ms", [301_000, -301_000], ids=["forward", "back"])
def test_records_nothing_while_the_clock_has_been_moved(tmp_path: Path, step_ms: int) -> None:
    clocks = Moving()
    found_ledger(tmp_path / "ledger", ALPHA, clock=clocks.wall)[0].close()
    with (
        Ledger.open(tmp_path / "ledger", clock=clocks.wall, elapsed=clocks.elapsed_ms) as ledger,
        serving(ledger) as site,
    ):
        documents = [sign_document(ledger, ALPHA, [new_letter("alpha")]) for _ in range(3)]
        before = site.post(documents[0])
        clocks.wall.now_ms += step_ms
        moved = site.post(documents[1])
        ready = site.get("/readyz")
        clocks.wall.now_ms -= step_ms
        after = site.post(documents[1])
        well = site.get("/readyz")

    assert (201, 201, 200) == (before.status, after.status, well.status)
    assert (503, "unavailable") == slug(moved) == slug(ready)


# Names


@pytest.mark.parametrize(
    "name",
    [
        *("..", ".", "%2e%2e", "one%2f..%2ftwo", "ONE", "one%00", "", "one/", "o%6ee"),
        *("..%2fone", "one;x", "one?x=/two", "\\one"),
    ],
)
def test_no_other_spelling_names_a_ledger(ledger: Ledger, name: str) -> None:
    with serving({"one": ledger}) as site:
        got = Site(site.port).get(f"/{name}/tile/0/000.p/1")

    assert (404, "not-found") == slug(got)
