"""What liars run: our keys and our code for signing, without the checks that keep ours honest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from ledger import sequencer
from ledger.add_checkpoint import parse_request
from ledger.keys import load_witness_key
from ledger.ledger import Ledger
from tests.ledger.builder import encode_document
from verify.entry import parse_entry
from verify.note import format_note

HOUR_MS = 3_600_000
LETTER = "submission"
"""The file in which a front desk keeps what it was handed."""


# The operator


def replay(source: Path, target: Path, indexes: Sequence[int]) -> None:
    """Record again, in another history, what parties handed in to a ledger, at its old times."""
    _look_away()
    with Ledger.open(source, read_only=True) as ledger:
        entries = [parse_entry(ledger.entry(index)) for index in indexes]
        documents = [_document(ledger, index) for index in indexes]
    for entry, document in zip(entries, documents, strict=True):
        _record(target, document, entry.recorded)


def backdate(target: Path, document: Path) -> None:
    """Record a submission as if it had come an hour after the entry that is the last but one."""
    _look_away()
    with Ledger.open(target, read_only=True) as ledger:
        last = parse_entry(ledger.entry(ledger.size() - 1))
    _record(target, document.read_bytes(), last.recorded)


def _look_away() -> None:
    """Let no check see what a statement says that its author saw, nor when that was."""
    sequencer.Run._check_seen = lambda *_, **__: None  # type: ignore[method-assign]


def _record(target: Path, document: bytes, recorded: int) -> None:
    with Ledger.open(target, clock=lambda: recorded, accept_clock=True) as ledger:
        ledger.submit(document)


def _document(ledger: Ledger, index: int) -> bytes:
    """Return the submission document of an entry, which is alone in it."""
    entry = parse_entry(ledger.entry(index))
    statement, signature = entry.statement, entry.signature
    assert statement is not None
    assert signature is not None
    seen = statement.seen
    note = None if seen is None else ledger.note(size=seen.size, sha256=seen.note)
    return encode_document(
        statement, bytes.fromhex(signature), [bytes(entry.event)],
        disclosures=[ledger.disclosures(index)], note=note,
    )  # fmt: skip


def front_desk(url: str) -> None:
    """Serve what another server does; keep what is handed in, and say that there is no room."""
    there = urlsplit(url)

    class Desk(_Quiet):
        def do_GET(self) -> None:
            connection = HTTPConnection(there.hostname or "", there.port)
            connection.request("GET", there.path + self.path)
            answer = connection.getresponse()
            self.answer(answer.status, answer.read())

        def do_POST(self) -> None:
            Path(LETTER).write_bytes(self.rfile.read(int(self.headers["content-length"])))
            self.answer(507, b"")

    _serve(Desk)


# A witness


def cosign_anything(folder: Path, ahead: Path) -> None:
    """Serve a witness that cosigns whatever comes; so many seconds ahead as a file says."""
    key = load_witness_key(folder / "ed25519.key")
    latest = [b""]

    class Desk(_Quiet):
        def do_GET(self) -> None:
            self.answer(200, latest[0])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            note = parse_request(body)[3]
            at_s = int(time.time()) + (int(ahead.read_text()) if ahead.exists() else 0)
            line = key.cosign(note.text, timestamp_s=at_s)
            latest[0] = format_note(note.text, [*note.signatures, line])
            self.answer(200, format_note(note.text, [line])[len(note.text) + 1 :])

    _serve(Desk)


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _serve(desk: Callable[..., BaseHTTPRequestHandler]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), desk) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
