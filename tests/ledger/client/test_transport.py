"""Transport by itself: files as bodies of requests, and answers that take their time."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ledger.errors import TargetError
from ledger.transport import FileBody, Incoming, Transport, UnansweredError, normal_url

LARGE = bytes(range(256)) * 1000  # more than is read at a time


@pytest.mark.parametrize("size", [0, 1, len(LARGE) - 1])
def test_gives_so_many_octets_and_from_the_same_place_again(size: int) -> None:
    stream = io.BytesIO(b"before" + LARGE)
    stream.seek(6)
    body = FileBody(stream, size)

    assert size == body.size
    for _ in range(2):
        assert LARGE[:size] == b"".join(body.chunks())


def test_says_that_a_file_is_shorter_than_was_said() -> None:
    body = FileBody(io.BytesIO(b"short"), 6)
    with pytest.raises(TargetError, match="shorter than was said"):
        list(body.chunks())


def test_what_can_be_read_only_once_is_not_sent_a_second_time() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"once" * 2)
    os.close(writer)
    with os.fdopen(reader, "rb", buffering=0) as stream:
        body = FileBody(stream, 4)

        assert b"once" == b"".join(body.chunks())
        with pytest.raises(TargetError, match="can be read only once"):
            list(body.chunks())


@contextlib.contextmanager
def server(
    *answers: Callable[[socket.socket], object], deadline_s: float = 20
) -> Iterator[Transport]:
    """Serve one connection after the other, each as it is told; give the way there."""

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # nobody asks any more
            for answer in answers:
                with listener.accept()[0] as connection:
                    connection.recv(1 << 16)
                    answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            transport = Transport(url, timeout_s=20, deadline_s=deadline_s)
            with contextlib.closing(transport):
                yield transport
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_kept_connection_that_has_ended_is_made_anew() -> None:
    def once(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")

    with server(*[once] * 3) as transport:
        answers = [transport.get("a", limit=2).body for _ in range(2)]
        answers.append(transport.send("POST", "b", b"x", media_type="x/y", limit=2).body)

    assert [b"OK"] * 3 == answers


def test_a_new_connection_that_ends_is_no_answer() -> None:
    with server(lambda _: None) as transport, pytest.raises(UnansweredError):
        transport.get("a", limit=2)


def test_a_server_that_says_nothing_is_given_up() -> None:
    over = threading.Event()
    with server(lambda _: over.wait(30)) as transport:
        transport._timeout_s, transport._deadline_s = 0.2, 30.0
        began_s = time.monotonic()
        with pytest.raises(UnansweredError):
            transport.get("a", limit=2)
        over.set()

    assert time.monotonic() - began_s < 15


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://X.example:80/a/b/", "http://x.example/a/b/"),
        ("https://x:443", "https://x/"),
        ("http://x:443/", "http://x:443/"),
        ("https://[::1]:444/", "https://[::1]:444/"),
        ("http://[::1]", "http://[::1]/"),
        ("http://Свидетель.example:81", "http://xn--b1aedamv0bm6g.example:81/"),
        ("http://xn--b1aedamv0bm6g.example:81/", "http://xn--b1aedamv0bm6g.example:81/"),
    ],
)
def test_a_server_has_one_url(url: str, normal: str) -> None:
    assert normal == normal_url(url)


@pytest.mark.parametrize("host", ["\u00df.example", "\uff58.example", "\u00e9..x", "\u00e9" * 64])
def test_a_name_that_readers_take_for_several_is_no_server(host: str) -> None:
    with pytest.raises(TargetError, match="no URL"):
        normal_url(f"http://{host}/")


def test_a_server_is_called_by_its_name_in_ascii() -> None:
    transport = Transport("http://w\u00eftness.example:81/p", timeout_s=1, deadline_s=1)

    assert "xn--wtness-iwa.example:81" == transport.host


def test_what_was_said_before_all_was_read_is_heard() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno")
        time.sleep(0.3)  # until the client cannot send more

    with server(refuse) as transport:
        answer = transport.send("PUT", "a", bytes(32 << 20), media_type="x/y", limit=2)

    assert (413, b"no") == (answer.status, answer.body)


def test_a_large_answer_may_take_longer_than_a_request_as_long_as_it_comes() -> None:
    size, parts = 1 << 20, 6
    came = 0

    def slowly(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size * parts))
        for _ in range(parts):
            time.sleep(0.5)
            connection.sendall(bytes(size))

    def take(incoming: Incoming) -> None:
        nonlocal came
        while chunk := incoming.read(1 << 20):
            came += len(chunk)

    with server(slowly, deadline_s=2) as transport:
        transport.take("export", take, limit=0)

    assert size * parts == came
