"""Having checkpoints stamped: by an authority over HTTP, and by one of one's own."""

from __future__ import annotations

import http.server
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.timestamping import StampError, ask_server, stamp
from tests.ledger.commandline import Desk
from tests.timestamping import Authority
from verify.checkpoint import Checkpoint
from verify.outside.rfc3161 import MAX_TOKEN

CHECKPOINT = Checkpoint("ledger.example/one", 3, bytes(range(32)))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tsa")


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.filled()
    return desk


@dataclass
class Served:
    """An authority over HTTP, and how it is to misbehave."""

    authority: Authority
    port: int = 0
    status: int = 200
    media_type: str = "application/timestamp-reply"
    body: bytes | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def url(self, path: str = "/tsr") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def served(authority: Authority) -> Iterator[Served]:
    it = Served(authority)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            it.asked.append((self.path, self.headers["Content-Type"]))
            query = self.rfile.read(int(self.headers["Content-Length"]))
            body = authority.answer(query) if it.body is None else it.body
            self.send_response(it.status)
            self.send_header("Content-Type", it.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its own name)
            del format, args

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        it.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield it
        server.shutdown()
        thread.join()


def test_a_checkpoint_is_stamped_over_http_and_the_token_recorded(
    desk: Desk, served: Served
) -> None:
    size = int(str(desk.done("export", "ledger", "before")["size"]))
    words = ("--tsa", served.url(), "--chain", "tsa/root.pem", "--key", "rutland.key")
    done = desk.done("timestamp", "ledger", *words)
    shown = desk("show", "ledger", str(done["event"])[:16]).out
    exported = desk.done("export", "ledger", "export")

    assert [("/tsr", "application/timestamp-query")] == served.asked
    assert f"{size} entries existed by " in str(done["recorded"])
    assert size == done["index"]
    assert f"{size}.tsr" in shown
    assert served.url() in shown
    assert 2 == exported["files"]


def test_a_checkpoint_is_stamped_by_openssl(desk: Desk, authority: Authority) -> None:
    ran = desk("timestamp", "ledger", "--openssl-conf", "tsa/tsa.cnf", "--chain", "tsa/root.pem",
               "--key", "rutland.key")  # fmt: skip
    (authority.folder / "leaf.key").unlink()
    failed = desk("timestamp", "ledger", "--openssl-conf", "tsa/tsa.cnf", "--chain",
                  "tsa/root.pem", "--key", "rutland.key")  # fmt: skip

    assert (0, "") == (ran.code, ran.err)
    assert "entries existed by" in ran.out
    assert 2 == failed.code
    assert "openssl gave no token" in failed.err


def test_a_server_without_a_path_is_asked_for_its_root(served: Served) -> None:
    chain = served.authority.chain
    stamp(CHECKPOINT, author="alpha", authority=ask_server(served.url("")), source="x", chain=chain)

    assert ["/"] == [path for path, _ in served.asked]


def test_what_is_no_token_records_nothing(desk: Desk, served: Served) -> None:
    words = ("timestamp", "ledger", "--tsa", served.url(), "--chain", "tsa/root.pem",
             "--key", "rutland.key")  # fmt: skip
    before = desk.done("export", "ledger", "before")["size"]
    reasons = []
    served.body = b"no token"
    reasons.append(desk(*words))
    served.body = served.authority.stamp(b"other octets")
    reasons.append(desk(*words))
    served.body = bytes(MAX_TOKEN + 1)
    reasons.append(desk(*words))
    served.status, served.body = 503, b""
    reasons.append(desk(*words))
    served.status, served.media_type = 200, "text/html"
    reasons.append(desk(*words))
    reasons.append(desk(*words[:5], "none.pem", *words[6:]))

    assert [2] * 6 == [ran.code for ran in reasons]
    parts = (
        "token",
        "Mismatch",
        "more than 65536 octets",
        "status 503",
        "text/html",
        "none.pem: No such file",
    )
    for part, ran in zip(parts, reasons, strict=True):
        assert part in ran.err
    assert before == desk.done("export", "ledger", "after")["size"]


def test_the_token_of_another_query_is_none(authority: Authority) -> None:
    kept: list[bytes] = []

    def replay(query: bytes) -> bytes:
        kept.append(authority.answer(query))
        return kept[0]

    def again() -> None:
        stamp(CHECKPOINT, author="alpha", authority=replay, source="x", chain=authority.chain)

    again()
    with pytest.raises(StampError, match="another query"):
        again()


def test_without_the_extra_the_command_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    monkeypatch.delitem(sys.modules, "ledger.timestamping")
    monkeypatch.delattr("ledger.timestamping")
    ran = desk("timestamp", "ledger", "--tsa", "https://tsa.example", "--chain", "x",
               "--key", "rutland.key")  # fmt: skip

    assert 2 == ran.code
    assert "pip install 'counterfoil[outside]'" in ran.err
