"""A server of files, which can be made to say anything."""

from __future__ import annotations

import contextlib
import copy
import http.client
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from api.clock import now_ms
from ledger.asking import Patience
from ledger.client import AlteredError, Remote
from ledger.keys import PartySigner
from ledger.ledger import Ledger
from tests.api.serving import Site
from tests.ledger.builder import (
    Party,
    encode_document,
)
from tests.ledger.test_archive import archive, in_order
from tests.world import Said, World, letter
from verify.checks import Check
from verify.entry import SignedStatement, parse_entry
from verify.events import event_id

ALPHA = Party("alpha", 1)
ALPHA_SIGNER = PartySigner("alpha", seed=(1).to_bytes(32, "big"))


@dataclass
class Shelf:
    """What a server has under each path, what it was asked for, and who takes what is sent."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    answer: Callable[[http.server.BaseHTTPRequestHandler], bool] | None = None
    take: Callable[[bytes], None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/log"

    def show(self, world: World) -> None:
        self.files = world.export()

    def asks(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/log/")
            shelf.asked.append(path)
            if shelf.answer is not None and shelf.answer(self):
                return
            body = shelf.files.get(path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if shelf.take is not None:
                shelf.take(body)
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is there
            del format, args

    with serving_by(Handler) as port:
        shelf.port = port
        yield shelf


@contextlib.contextmanager
def serving_by(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def remote_at(site: Site, ledger: Ledger, home: Path) -> Remote:
    return Remote(
        site.url, fingerprint=ledger.fingerprint, home=home, now_ms=now_ms, signer=ALPHA_SIGNER
    )


def remote_of(shelf: Shelf, world: World, home: Path, **options: float) -> Remote:
    fingerprint = world.fingerprint or ""
    return Remote(
        shelf.url,
        fingerprint=fingerprint,
        home=home,
        now_ms=now_ms,
        patience=Patience(sleep=lambda _: None, **options),  # type: ignore[arg-type]  # numbers
    )


def id_at(world: World, index: int) -> bytes:
    return event_id(bytes(parse_entry(world.entries[index]).event))


def refused(remote: Remote, check: Check | None = None) -> AlteredError:
    with pytest.raises(AlteredError) as caught:
        remote.head()
    assert (None if check is None else check.value) == caught.value.check
    return caught.value


def forked(world: World) -> World:
    """Return a ledger that tells another story from entry 5 on."""
    other = copy.deepcopy(world)
    cut_back(other, 5)
    other.submit(letter("northmere"))
    return other


def cut_back(world: World, size: int) -> None:
    del world.entries[size:]
    world.disclosures = {i: texts for i, texts in world.disclosures.items() if i < size}
    world.notes.clear()


@dataclass
class Sent:
    """A letter of Southfold's on its way: its document, and how it is recorded."""

    said: Said
    signed: SignedStatement
    document: bytes

    @classmethod
    def of(cls, world: World) -> Sent:
        said = letter("southfold")
        signed = world.sign([said])
        document = encode_document(
            signed.statement, signed.signature, [said.data], disclosures=[said.disclosures]
        )
        return cls(said, signed, document)

    def recorded(self, world: World) -> bytes:
        return world.receipt(world.append([self.said], self.signed), 1)


def show_export(shelf: Shelf, world: World, **changes: bytes) -> None:
    shelf.show(world)
    shelf.files["export"] = archive(in_order(world.export() | changes))
