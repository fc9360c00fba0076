"""A server behind TLS: its certificate is checked, and nothing lasts beyond its time there too."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.transport import Incoming, Transport, UnansweredError

_LARGE = bytes(range(256)) * 4096


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what was asked for: some octets, many, or one now and then."""

    protocol_version = "HTTP/1.1"
    ended = threading.Event()

    def do_GET(self) -> None:
        body = b"small" if len(self.path) < len("/large") else _LARGE
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/last":
            self.send_header("Connection", "close")
        self.end_headers()
        if self.path != "/dripping":
            self.wfile.write(body)
            return
        with contextlib.suppress(OSError):
            while not self.ended.wait(0.01):
                self.wfile.write(b"x")

    def do_PUT(self) -> None:
        length = int(self.headers["Content-Length"])
        came = len(self.rfile.read(length))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.send_header("X-Came", str(came))
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that signs itself; return it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    own = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(own, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    public, private = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    _Handler.ended.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            _Handler.ended.set()
            server.shutdown()
            thread.join()


def to(url: str, *, deadline_s: float = 10.0) -> AbstractContextManager[Transport]:
    return contextlib.closing(Transport(url, timeout_s=5.0, deadline_s=deadline_s))


def test_many_requests_share_a_connection_and_survive_its_end(url: str) -> None:
    taken: list[bytes] = []

    def take(body: Incoming) -> None:
        while chunk := body.read(1 << 16):
            taken.append(chunk)

    with to(url) as transport:
        small = [transport.get(path, limit=100).body for path in ("a", "last", "b")]
        sent = transport.send("PUT", "file", _LARGE, media_type="application/x", limit=100)
        large = transport.take("large", take, limit=100)

    assert [b"small"] * 3 == small
    assert (201, 200, _LARGE) == (sent.status, large.status, b"".join(taken))


def test_what_drips_is_cut(url: str) -> None:
    with to(url, deadline_s=0.3) as transport, pytest.raises(UnansweredError, match="took longer"):
        transport.get("dripping", limit=1 << 20)


def test_who_is_not_vouched_for_is_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with to(url) as transport, pytest.raises(UnansweredError, match="CERTIFICATE_VERIFY_FAILED"):
        transport.get("a", limit=100)
