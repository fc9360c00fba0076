"""Witnesses on real sockets: honest ones, and ones that answer whatever a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.errors import NotFoundError
from ledger.keys import LogKey, WitnessKey
from ledger.trusted import TrustedLog
from ledger.witness import Witness, create_witness
from verify.note import VerifierKey, format_vkey

SIZE = "text/x.tlog.size"
Answer = Callable[[str, bytes], bytes | None]
"""Gives the octets of an answer to a path and a body; None to hang up."""


def http(status: int, body: bytes = b"", kind: str = "text/plain", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{more}Connection: close\r\n\r\n".encode() + body


class Answering:
    """A server that is not of ours. `answer` may be changed at any time."""

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/w"
        self._listener = listener
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
            first = stream.readline().split()
            if not first:
                return
            path = first[1].decode().removeprefix("/w/")
            size = 0
            while (line := stream.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                size = int(value) if name.lower() == b"content-length" else size
            body = stream.read(size)
            self.asked.append(body)
            given = self.answer(path, body)
            if given is not None:
                connection.sendall(given)


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[Answering]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Answering(listener, answer)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.end()
            thread.join()


def honest(witness: Witness) -> Answer:
    """Answer as an honest witness does."""

    def answer(path: str, body: bytes) -> bytes:
        if path != "add-checkpoint":
            log = bytes.fromhex(path.partition("/")[0])
            try:
                return http(200, witness.checkpoint(log))
            except NotFoundError:
                return http(404)
        found = witness.add_checkpoint(body)
        return http(found.outcome, found.body, SIZE if found.outcome == 409 else "text/plain")

    return answer


def make_witness(path: Path, name: str, log_key: LogKey, *, both: bool = False) -> list[WitnessKey]:
    """Make the folder of a witness that trusts a log; return its keys."""
    keys = [WitnessKey.generate(name)]
    if both:
        keys.append(WitnessKey.generate(name, algorithm="ml-dsa-44"))
    create_witness(path, keys=keys, logs=[TrustedLog(log_key.origin, log_key.verifier_key)])
    return keys


def lines_of(*witnesses: tuple[str, VerifierKey, str]) -> bytes:
    """Write a file of witnesses."""
    lines = [f"witness {name} {format_vkey(key)} {url}\n" for name, key, url in witnesses]
    return "".join(lines).encode()
