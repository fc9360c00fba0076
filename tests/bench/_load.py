"""Clients that load a server: many connections in one process, each receipt checked.

    python -m tests.bench._load PLAN

PLAN is a file of msgpack, as `Plan`. What came of it is printed as one line of JSON.
"""

import selectors
import socket
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from verify.checkpoint import Checkpoint, check_checkpoint
from verify.merkle import check_inclusion
from verify.note import VerifierKey, parse_vkey
from verify.receipt import parse_receipt, proof_of, rebuild_leaf
from verify.submission import parse_statement

_CHUNK = 1 << 16
_HEAD = (
    b"POST /submissions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/vnd.counterfoil.submission+json\r\nContent-Length: "
)


class Sent(msgspec.Struct):
    """A document, and what its receipt is checked with."""

    document: bytes
    statement: bytes
    signature: bytes
    events: tuple[bytes, ...]


class Plan(msgspec.Struct):
    """What to send.

    Attributes:
        port: Where the server listens.
        vkey: The log's key; empty where the answer is no receipt.
        connections: How many connections send at a time.
        begin: When to begin, by the wall clock, so that several processes begin together.
        documents: What is sent, each once, by whichever connection is free.
    """

    port: int
    vkey: str
    connections: int
    begin: float
    documents: list[Sent]


class Came(msgspec.Struct):
    """What came of it: when it began and ended, each wait in seconds, and refusals by status."""

    began: float
    ended: float
    waits: list[float]
    refused: dict[str, int]
    receipts: list[bytes]


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self.sent: Sent | None = None
        self._held = b""

    def send(self, sent: Sent) -> None:
        """Send a document."""
        self.sent = sent
        self._held = b""
        self.began = time.perf_counter()
        self.socket.sendall(_HEAD + b"%d\r\n\r\n" % len(sent.document) + sent.document)

    def answer(self) -> tuple[int, bytes] | None:
        """Take what came; return status and body once they are whole."""
        data = self.socket.recv(_CHUNK)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._held += data
        head, blank, body = self._held.partition(b"\r\n\r\n")
        if not blank:
            return None
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return (int(head[9:12]), body) if len(body) >= length else None

    def ask(self, sent: Sent) -> tuple[float, int, bytes]:
        """Send a document and wait; return the seconds that took, status and body."""
        self.send(sent)
        while (answer := self.answer()) is None:
            pass
        return (time.perf_counter() - self.began, *answer)


def load(plan: Plan) -> Came:
    """Send all documents; each connection sends its next when it has checked the last answer."""
    key = parse_vkey(plan.vkey) if plan.vkey else None
    waiting = list(reversed(plan.documents))
    clients = [Client(plan.port) for _ in range(plan.connections)]
    came = Came(began=0.0, ended=0.0, waits=[], refused={}, receipts=[])
    time.sleep(max(0.0, plan.begin - time.time()))
    came.began = time.time()
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            if waiting:
                client.send(waiting.pop())
        open_requests = min(len(clients), len(plan.documents))
        while open_requests:
            for chosen, _ in selector.select():
                client = chosen.data
                answer = client.answer()
                if answer is None:
                    continue
                wait_s = time.perf_counter() - client.began
                _take(answer, client, key, came)
                came.waits.append(wait_s)
                open_requests -= 1
                if waiting:
                    client.send(waiting.pop())
                    open_requests += 1
    came.ended = time.time()
    for client in clients:
        client.socket.close()
    return came


def _take(answer: tuple[int, bytes], client: Client, key: VerifierKey | None, came: Came) -> None:
    status, body = answer
    if status not in {200, 201}:
        came.refused[str(status)] = came.refused.get(str(status), 0) + 1
        return
    if key is not None and client.sent is not None:
        check(body, client.sent, key)
        came.receipts.append(body)


def check(body: bytes, sent: Sent, key: VerifierKey) -> None:
    """Check a receipt against what was sent, and the log's signature on its checkpoint."""
    receipt = parse_receipt(body)
    proof = proof_of(receipt)
    checkpoint = _signed(proof.checkpoint, key)
    check_inclusion(
        index=proof.index,
        size=checkpoint.size,
        leaf=bytes.fromhex(receipt.leaf),
        proof=proof.hashes,
        root=checkpoint.root,
    )
    statement = parse_statement(sent.statement)
    leaf = rebuild_leaf(receipt, statement, sent.signature, sent.events)
    if leaf.hex() != receipt.leaf:
        raise AssertionError("the receipt is for something else")


@lru_cache(maxsize=256)
def _signed(note: bytes, key: VerifierKey) -> Checkpoint:
    """Check the log's signature; once for the receipts of one commit, which share it."""
    return check_checkpoint(note, key=key, origin=key.name)


def main(arguments: Sequence[str]) -> int:
    """Run one plan."""
    plan = msgspec.msgpack.decode(Path(arguments[0]).read_bytes(), type=Plan)
    came = load(plan)
    if len(arguments) > 1:
        Path(arguments[1]).write_bytes(msgspec.msgpack.encode(came.receipts))
    came.receipts = []
    sys.stdout.buffer.write(msgspec.json.encode(came) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
