"""The server as a process: beginning, ending, ending badly, and beginning again."""

from __future__ import annotations

import contextlib
import http.client
import resource
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from api.clock import now_ms
from api.serve import listen
from api.settings import Settings
from ledger.errors import StoreError
from ledger.ledger import Ledger
from tests.api.following import tailing
from tests.api.serving import SUBMISSION, Got, Site, read, read_from, serving
from tests.ledger.builder import Clock, Party, found_ledger, new_letter, sign_document
from verify.receipt import parse_receipt

ROOT = Path(__file__).parents[2]
ELSEWHERE = "203.0.113.1"  # no address of this machine
ALPHA = Party("alpha", 1)
HOUR_MS = 3_600_000
CODE = """
import sys
from pathlib import Path
from api.serve import serve
from api.settings import Settings
uds = sys.argv[3] if sys.argv[3:] else None
serve(Path(sys.argv[1]), Settings(host=sys.argv[2], port=0, uds=uds))
"""


class Server:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], name: str) -> None:
        self.process = process
        self.name = name
        self._log = ""

    @property
    def site(self) -> Site:
        return Site(int(self.name.rpartition(":")[2]))

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, list[dict[str, object]]]:
        """Send a signal; return the exit code and the log, once it is gone."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> tuple[int, list[dict[str, object]]]:
        assert self.process.stderr is not None
        log = self._log + self.process.stderr.read()
        lines = [msgspec.json.decode(line, type=dict[str, object]) for line in log.splitlines()]
        return self.process.wait(60), lines

    def logs(self, part: str) -> None:
        """Wait until it logs a line with this in it."""
        assert self.process.stderr is not None
        line = ""
        while part not in line:
            line = self.process.stderr.readline()
            assert line, self._log
            self._log += line


@contextlib.contextmanager
def started(path: Path, *more: str, host: str = "127.0.0.1", first: str = "") -> Iterator[Server]:
    arguments = [sys.executable, "-W", "error", "-c", first + CODE, str(path), host, *more]
    with subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("listening on "):
                _, log = process.communicate(timeout=60)
                raise AssertionError(log)
            yield Server(process, line.strip().removeprefix("listening on "))
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found_ledger(tmp_path / "ledger", ALPHA, clock=Clock(now_ms()))[0].close()
    return tmp_path / "ledger"


@pytest.fixture
def document(path: Path) -> bytes:
    with Ledger.open(path, read_only=True) as ledger:
        return sign_document(ledger, ALPHA, [new_letter("alpha")], expires=now_ms() + HOUR_MS)


def size_of(path: Path) -> int:
    with Ledger.open(path, clock=now_ms) as ledger:
        return ledger.size()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_serves_until_a_signal_and_then_closes(path: Path, document: bytes, number: int) -> None:
    with started(path) as server:
        assert server.name.startswith("http://127.0.0.1:")
        got = server.site.post(document)
        code, log = server.stop(number)

    assert (201, 0) == (got.status, code)
    assert "closed" == log[-1]["what"]
    assert 2 == size_of(path)


def test_finishes_what_had_begun_when_the_signal_came(path: Path, document: bytes) -> None:
    head = (
        f"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: {SUBMISSION['Content-Type']}\r\n"
    )
    head += f"Content-Length: {len(document)}\r\n\r\n"
    with started(path) as server:
        site = server.site
        with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
            connection.sendall(head.encode() + document[:50])
            assert 200 == site.get("/healthz").status  # by now the request has begun
            server.process.send_signal(signal.SIGTERM)
            wait_until_refused(site.port)
            connection.sendall(document[50:])
            got = read_from(connection)
        code, _ = server.end()

    assert (201, 0) == (got.status, code)
    assert 1 == parse_receipt(got.body).first
    assert 2 == size_of(path)


def test_tells_followers_what_the_other_process_records(path: Path, document: bytes) -> None:
    with Ledger.open(path, read_only=True) as ledger, started(path) as server:
        site = server.site.signed_in(ledger, ALPHA)
        with tailing(site) as tail:
            first = tail.take(1)
            receipt = parse_receipt(site.post(document).body)
            second = tail.take(1)
            summary = msgspec.json.decode(site.get("/").body)
            code, _ = server.stop()
            last = tail.next()
        entries = [ledger.entry(0), ledger.entry(1)]

    assert entries == [message.data for message in (*first, *second)]
    assert (1, 2) == (receipt.first, summary["size"])
    assert (0, None) == (code, last)


def wait_until_refused(port: int) -> None:
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=20):
                pass
        except ConnectionError:
            return


def test_what_was_acknowledged_survives_a_kill_and_comes_again(path: Path, document: bytes) -> None:
    with started(path) as server:
        first = server.site.post(document)
        server.stop(signal.SIGKILL)
    with started(path) as server:
        second = server.site.post(document)
        server.stop()

    assert (201, 200) == (first.status, second.status)
    assert first.body == second.body


def test_log_is_one_line_of_json_each_without_what_was_sent(path: Path, document: bytes) -> None:
    digest = "0" * 64
    with started(path) as server:
        server.site.post(document)
        server.site.get("/checkpoint?token=sesame")
        server.site.ask("PUT", f"/files/{digest}", b"content")
        server.site.get("/a%0Ab%1B[2J")
        code, log = server.stop()

    requests = [line for line in log if line["what"] == "request"]
    assert 0 == code
    assert ["/submissions", "/checkpoint", "/files/*", "/a\nb\x1b[2J"] == [
        line["path"] for line in requests
    ]
    assert [201, 200, 401, 404] == [line["status"] for line in requests]
    assert len(document) == requests[0]["octets"]
    assert not any(secret in str(log) for secret in ("sesame", "A letter", digest, "content"))


def test_warns_when_others_may_reach_it(path: Path) -> None:
    with started(path, host="0.0.0.0") as server:  # noqa: S104 - that is what is tested
        _, log = server.stop()

    assert ["warning"] == [line["level"] for line in log if "reach" in str(line["what"])]


def test_does_not_warn_on_loopback(path: Path) -> None:
    with started(path) as server:
        _, log = server.stop()

    assert [] == [line for line in log if line["level"] == "warning"]


def test_serves_on_a_socket_for_this_account_alone(path: Path, tmp_path: Path) -> None:
    place = tmp_path / "s"
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(str(place))
    stale.close()
    with started(path, str(place)) as server:
        assert f"unix:{place}" == server.name
        assert 0o600 == stat.S_IMODE(place.stat().st_mode)
        got = ask_unix(place)
        code, log = server.stop()

    assert (200, 0) == (got.status, code)
    assert not place.exists()
    assert ["warning"] == [line["level"] for line in log if "`names`" in str(line["what"])]


def test_many_silent_connections_leave_room_on_tcp_and_are_not_counted_on_a_socket_file(
    path: Path, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(started(path))
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.site.port), 20))
            for _ in range(520)
        ]
        with contextlib.suppress(ConnectionError):
            assert not silent[-1].recv(1)
        silent[0].close()
        with socket.create_connection(
            ("127.0.0.1", server.site.port), 20, ("127.0.0.2", 0)
        ) as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert 200 == read_from(other).status
        server.stop()
    place = tmp_path / "s"
    with started(path, str(place)) as server, contextlib.ExitStack() as stack:
        for _ in range(80):
            connection = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            connection.connect(str(place))
        assert 200 == ask_unix(place).status
        server.stop()


@pytest.mark.parametrize(("hard", "said"), [(80, 1), (4096, 0)])
def test_takes_as_many_connections_as_it_may_have_files_open(
    path: Path, hard: int, said: int
) -> None:
    limit = f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (80, {hard}))"
    with started(path, first=limit) as server, contextlib.ExitStack() as stack:
        for n in range(120):
            place = ("127.0.0.1", server.site.port)
            connection = socket.create_connection(place, 20, (f"127.0.0.{2 + n % 2}", 0))
            stack.enter_context(connection).sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert 200 == read_from(connection).status
        code, log = server.stop()

    told = [line["what"] for line in log if line["level"] in {"warning", "error"}]
    assert (0, said) == (code, len(told))
    assert all("no more than 80 files open" in str(what) for what in told)


def test_who_comes_when_no_file_can_be_opened_waits_and_the_log_stays_short(path: Path) -> None:
    with started(path) as server:
        number = server.process.pid
        soft, hard = resource.prlimit(number, resource.RLIMIT_NOFILE)
        assert 200 == server.site.get("/healthz").status
        resource.prlimit(number, resource.RLIMIT_NOFILE, (5, hard))
        with socket.create_connection(("127.0.0.1", server.site.port), 20) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            server.logs("EMFILE")
            resource.prlimit(number, resource.RLIMIT_NOFILE, (soft, hard))
            assert 200 == read_from(connection).status
        code, log = server.stop()

    failures = [line["errno"] for line in log if line["what"] == "failure"]
    assert (0, {"EMFILE"}) == (code, set(failures))
    assert len(failures) < 10


def ask_unix(place: Path) -> Got:
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(str(place))
    with contextlib.closing(connection):
        connection.request("GET", "/healthz")
        return read(connection.getresponse())


@pytest.mark.parametrize(("kind", "why"), [
    ("file", "something that is no socket is"), ("socket", "another process listens"),
])  # fmt: skip
def test_takes_no_place_that_something_else_has(
    path: Path, tmp_path: Path, kind: str, why: str
) -> None:
    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        if kind == "file":
            place.write_bytes(b"mine")
        else:
            listener.bind(str(place))
            listener.listen()

        assert f"{place}: cannot listen there: {why} there" in failed(path, str(place))

    assert place.exists()


def test_says_what_is_wrong_when_it_cannot_begin(path: Path, tmp_path: Path) -> None:
    with started(path):
        assert "another process records" in failed(path)
    assert "is no ledger, and holds none" in failed(tmp_path / "nothing")
    with pytest.raises(StoreError, match="cannot listen there"), listen(Settings(host=ELSEWHERE)):
        pass


def failed(path: Path, *more: str) -> str:
    arguments = [sys.executable, "-c", CODE, str(path), "127.0.0.1", *more]
    done = subprocess.run(
        arguments, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode
    assert not done.stdout
    return done.stderr


@pytest.mark.parametrize("target", ["POST /submissions", "PUT /files/" + "a" * 64])
def test_does_not_wait_for_ever_for_who_does_not_send(
    path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setattr("api.serve._GRACE_S", 1)
    with Ledger.open(path, clock=now_ms) as ledger, contextlib.ExitStack() as stack:
        with serving(ledger) as site:
            connection = socket.create_connection(("127.0.0.1", site.port), timeout=20)
            stack.enter_context(connection)
            token = site.signed_in(ledger, ALPHA).token
            head = f"{target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            head += f"Authorization: Bearer {token}\r\n"
            connection.sendall(f"{head}Content-Length: 100\r\n\r\nabc".encode())
            assert 200 == site.get("/healthz").status  # by now the request has begun
        got = read_from(connection)

    assert 503 == got.status == got.problem.status
    assert "nosniff" == got.headers["x-content-type-options"]
    assert not list((path / "files").glob("*"))
