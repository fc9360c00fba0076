"""A server that may lie, and a mirror of what it serves, step by step."""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from ledger.asking import Asking, Patience
from ledger.export import export
from ledger.ledger import Ledger
from ledger.mirror import Mirror
from ledger.mirrored import MirrorNote
from ledger.source import Source
from ledger.watching import Finding, findings
from tests.forking import one_world
from tests.ledger.client.shelf import Shelf
from tests.ledger.commandline import ROOT
from tests.world import T0, World
from verify.codec import encode
from verify.entry import parse_entry
from verify.fork import parse_fork

QUERY = re.compile("(start|stop)=([0-9]+)")
PAGE = 5


@dataclass
class Server:
    """A server that serves a world to mirrors, page by page; `lies` come first."""

    shelf: Shelf
    world: World
    lies: dict[str, bytes] = field(default_factory=dict)
    published: set[int] | None = None

    def show(self, world: World) -> None:
        self.world = world
        self.shelf.show(world)

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> bool:
        path = handler.path.removeprefix("/log/")
        name, _, query = path.partition("?")
        body = self.lies.get(name)
        if body is None:
            body = self._page(name, dict(QUERY.findall(query)))
        if body is None:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    def _page(self, name: str, asked: dict[str, str]) -> bytes | None:
        if name.startswith("checkpoint/before/"):
            sizes = self.published or {first + count for first, count in self.world.submissions}
            most = int(name.rpartition("/")[2])
            return self.world.note(max(size for size in sizes if size <= most))
        if name not in {"checkpoints", "disclosures"}:
            return None
        start, stop = int(asked["start"]), int(asked["stop"])
        if name == "checkpoints":
            return self._notes_about(start, stop)
        last = min(stop, start + PAGE)
        lines = self.shelf.files.get("disclosures.jsonl", b"").splitlines()
        inside = [line for line in lines if start <= msgspec.json.decode(line)["index"] < last]
        return encode({"disclosures": [msgspec.Raw(line) for line in inside], "stop": last})

    def _notes_about(self, start: int, stop: int) -> bytes:
        said = [parse_entry(entry).statement for entry in self.world.entries[start:stop]]
        named = {one.seen.note for one in said if one is not None and one.seen is not None}
        found = [
            (size, digest, note)
            for digest, (size, note) in self.world.notes.items()
            if start < size <= stop or digest in named
        ]
        return b"".join(encode(note.decode()) + b"\n" for *_, note in sorted(found))


@dataclass
class Copier:
    """Somebody who mirrors what the server shows."""

    folder: Path
    server: Server

    @property
    def path(self) -> Path:
        return self.folder / "copy"

    def opened(self, source: Source, audience: str = "public") -> Mirror:
        note = MirrorNote(
            audience=audience,
            charter=self.server.world.fingerprint or "",
            source=self.server.shelf.url,
        )
        return Mirror.open(
            self.path, source, note=note, progress=lambda *_: None, coming=lambda _: None
        )

    def look(self, *, audience: str = "public") -> list[Finding]:
        """Look once."""
        asking = Asking(
            self.server.shelf.url,
            fingerprint=self.server.world.fingerprint or "",
            signer=None,
            now_ms=lambda: T0,
            patience=Patience(attempts=1, timeout_s=5),
        )

        def look() -> Iterator[Finding]:
            with self.opened(Source(asking), audience) as mirror:
                mirror.look()
                yield from (Finding("lacking", "", f"{i} {name}") for i, name in mirror.lacking)

        try:
            return list(findings("the server", look))
        finally:
            asking.close()

    def found(self, kind: str = "altered") -> Finding:
        """Look once, and return the one thing that is found."""
        (finding,) = self.look()
        assert kind == finding.kind, finding
        return finding

    def export(self) -> dict[str, bytes]:
        """Return what the mirror exports."""
        target = self.folder / f"export-{len(list(self.folder.iterdir()))}"
        with Ledger.open(self.path, read_only=True) as ledger:
            export(ledger, target)
        return {
            str(path.relative_to(target)): path.read_bytes()
            for path in target.rglob("*")
            if path.is_file()
        }

    def size(self) -> int:
        if not self.path.exists():
            return 0
        with Ledger.open(self.path, read_only=True) as ledger:
            return ledger.size()


@pytest.fixture
def world() -> World:
    return one_world()


@pytest.fixture
def server(shelf: Shelf, world: World) -> Server:
    server = Server(shelf, world)
    server.show(world)
    shelf.answer = server.answer
    return server


@pytest.fixture
def copier(tmp_path: Path, server: Server) -> Copier:
    return Copier(tmp_path, server)


def unchanged(copier: Copier, kind: str, *, lie: str | None = None) -> Finding:
    """See that something is found, proven where it can be, and nothing taken back."""
    before = copier.export()
    finding = copier.found(kind)

    assert before == copier.export()
    assert (lie is None) is (finding.proof is None)
    if finding.proof is not None:
        proof = parse_fork(finding.proof.read_bytes())
        assert lie == proof.lie.__struct_config__.tag
        command = [sys.executable, "-m", "verify", str(finding.proof), "--fingerprint"]
        fingerprint = copier.server.world.fingerprint or ""
        assert 4 == subprocess.run([*command, fingerprint], cwd=ROOT, check=False).returncode
    return finding
