"""How many checkpoints a witness cosigns, against a bare route that does the least there is.

A client in a process of its own keeps several connections busy, one for each log, as a witness has
them: each request is that log's next checkpoint, with the consistency proof from the one before.
The bare route, of FastAPI under the same configuration of uvicorn, verifies one Ed25519 signature
and commits one synced LMDB transaction for each request, which is what no witness can do without.
Requests are made and signed beforehand, off the clock. Both are measured in turn; the best of
several runs counts.
"""

import argparse
import contextlib
import multiprocessing
import re
import secrets
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb
from fastapi import FastAPI
from nacl.bindings import crypto_sign_open
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.serve import listen, run
from api.settings import Settings
from api.witness import serve_witness
from ledger.keys import WitnessKey
from ledger.trusted import trusted_log
from ledger.witness import create_witness
from tests.ledger.witnessing import NAME, Log, prove, request, tree_hash

_LEAST = 0.5
_BARE, _ONE, _BOTH = "bare route", "witness", "witness, both keys"
_LENGTH = re.compile(rb"content-length: ([0-9]+)", re.IGNORECASE)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark and print its numbers."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench witness", description=__doc__)
    parser.add_argument("--logs", type=int, default=16, help="logs, each with a connection")
    parser.add_argument("--requests", type=int, default=250, help="requests of each log")
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the best counts")
    parser.add_argument("--serve", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve is not None:
        return _serve(options.serve[0], Path(options.serve[1]))
    logs = [Log(f"log.example/{number}", seed=number + 1) for number in range(options.logs)]
    requests = _requests(logs, options.requests)
    rates = dict.fromkeys((_BARE, _ONE, _BOTH), 0.0)
    for _ in range(options.runs):  # in turn, so that a slow moment of the machine meets all
        for name in rates:
            rates[name] = max(rates[name], _measure(name, logs, requests))
    for name, rate in rates.items():
        print(f"{name:<20} {rate:>8,.0f} requests/s, synced")
    ratio = rates[_ONE] / rates[_BARE]
    print(f"witness / bare route {ratio:8.2f}  (at least {_LEAST})")
    return 0 if ratio >= _LEAST else 1


def _requests(logs: Sequence[Log], count: int) -> list[list[bytes]]:
    """Return requests by which each log grows from nothing, one entry at a time."""
    leaves = logs[0].leaves(count)
    trees = [
        (size - 1, prove(size - 1, leaves[:size]), tree_hash(leaves[:size]))
        for size in range(1, count + 1)
    ]
    return [
        [_post(request(old, proof, log.note(old + 1, root=root))) for old, proof, root in trees]
        for log in logs
    ]


def _post(body: bytes) -> bytes:
    head = f"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _measure(name: str, logs: Sequence[Log], requests: list[list[bytes]]) -> float:
    with tempfile.TemporaryDirectory(prefix="counterfoil-bench-") as folder:
        path = Path(folder, "served")
        if name == _BARE:
            path.mkdir()
        else:
            keys = [WitnessKey.generate(NAME)]
            if name == _BOTH:
                keys.append(WitnessKey.generate(NAME, algorithm="ml-dsa-44"))
            create_witness(path, keys=keys, logs=[trusted_log(log.vkey) for log in logs])
        with _served(name, path) as port, multiprocessing.get_context("spawn").Pool(1) as client:
            seconds = client.apply(_ask, (port, requests))
    return sum(map(len, requests)) / seconds


@contextlib.contextmanager
def _served(name: str, path: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.bench", "witness", "--serve", name, str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline().rpartition(":")[2])
        finally:
            server.terminate()


def _serve(name: str, path: Path) -> int:
    settings = Settings(port=0, requests_per_s=0)
    if name == _BARE:
        with listen(settings) as listener:
            run(_bare(path), settings, listener)
    else:
        serve_witness(path, settings)
    return 0


def _bare(path: Path) -> FastAPI:
    """Return the least there is: one signature verified, one transaction synced."""
    log = Log()
    message = log.text(7)
    signed = log.key.sign(message) + message
    app = FastAPI()
    env = lmdb.open(str(path / "bare.mdb"), subdir=False, map_size=1 << 30)

    def keep(body: bytes) -> bytes:
        crypto_sign_open(signed, log.public)
        with env.begin(write=True) as txn:
            txn.put(secrets.token_bytes(16), body)
        return signed[:64]

    @app.post("/add-checkpoint")
    async def add(request: Request) -> Response:
        return Response(await run_in_threadpool(keep, await request.body()))

    return app


def _ask(port: int, requests: Sequence[Sequence[bytes]]) -> float:
    """Ask, a connection for each log, one request after the other; return the time it took."""
    with selectors.DefaultSelector() as waiting, contextlib.ExitStack() as stack:
        for each in requests:
            connection = socket.create_connection(("127.0.0.1", port))
            stack.enter_context(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting.register(connection, selectors.EVENT_READ, iter(each))
        start = time.perf_counter()
        for key in list(waiting.get_map().values()):
            key.fileobj.sendall(next(key.data))  # type: ignore[union-attr]  # a socket
        while waiting.get_map():
            for key, _ in waiting.select():
                _read(key.fileobj)  # type: ignore[arg-type]  # a socket
                following = next(key.data, None)
                if following is None:
                    waiting.unregister(key.fileobj)
                else:
                    key.fileobj.sendall(following)  # type: ignore[union-attr]  # a socket
        return time.perf_counter() - start


def _read(connection: socket.socket) -> None:
    data = connection.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    assert length is not None
    assert head.startswith(b"HTTP/1.1 200 "), data
    left = int(length[1]) - len(body)
    while left:
        left -= len(connection.recv(left))
