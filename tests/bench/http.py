"""How fast a server records over HTTP, against a bare route that only reads the same body.

Everything is measured in one run, on the same processors: the server in a process of its own, the
clients in others, over real sockets, every commit synced and every receipt checked by the client
that got it. Rates per address and party are switched off, as all clients are one. What counts are
the ratios.

(a) 64 clients with single-event submissions, each with its own `seen`, against the bare route
(b) submissions of 256 events, against (a), in events
(c) one client alone: the wait for a receipt, against a synced LMDB commit and a bare request, in a
    ledger that is new; and once more behind all of the load, for whoever wants to know
"""

import argparse
import contextlib
import http.client
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import lmdb
import msgspec
from fastapi import FastAPI, Request, Response

from api.clock import now_ms
from api.serve import Server, configure, listen
from api.settings import Settings
from ledger.cli.context import vkey_of
from ledger.ledger import Ledger
from tests.bench._load import Came, Client, Plan, Sent, check
from tests.ledger.builder import Clock, Party, found_ledger, new_event, sign_document
from verify.note import parse_vkey

_ALPHA = Party("alpha", 1)
_OFF = {
    "COUNTERFOIL_PORT": "0",
    "COUNTERFOIL_METRICS": "true",
    "COUNTERFOIL_PER_PEER": "0",
    "COUNTERFOIL_REQUESTS_PER_S": "0",
    "COUNTERFOIL_SHARE": "1",
    "COUNTERFOIL_SUBMISSIONS_PER_S": "0",
}
_PROCESSES = 2
_DAY_MS = 86_400_000
_ALONE = 200  # submissions by one client alone
_IN_TURN = 10


class _Alone(NamedTuple):
    """The median waits of one client alone, in seconds."""

    receipt: float
    bare: float
    commit: float


def bare_app() -> FastAPI:
    """Return an application whose one route reads a body and says that it did."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})

    @app.post("/submissions", status_code=201)
    async def read(request: Request) -> Response:
        await request.body()
        return Response(b"{}", status_code=201, media_type="application/json")

    return app


def serve_bare() -> None:
    """Serve the bare route on a free port, with the settings of the real server."""
    settings = Settings(port=0, per_peer=0)
    with listen(settings) as listener:
        print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        Server(configure(bare_app(), settings)).run(sockets=[listener])


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench http", description=__doc__)
    parser.add_argument("--submissions", type=int, default=1000, help="of one event, each round")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7, help="of all; the medians count")
    parser.add_argument("--strace", type=Path, help="trace the server's syncs into this file")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-bench-"))
    try:
        _run(options, folder)
    finally:
        shutil.rmtree(folder)
    return 0


def _run(options: argparse.Namespace, folder: Path) -> None:
    count, clients, rounds = options.submissions, options.clients, options.rounds
    single, bare, batched = [], [], []
    spent: Counter[str] = Counter()
    ledger = folder / "ledger"
    vkey, ones, large = _documents(ledger, rounds * (count + 2 * _ALONE), rounds * clients)
    with _bare() as other, _served(ledger, folder / "log", options.strace) as port:
        alone, ones = _alone(rounds, other, port, vkey, ones, folder)
        ones, kept = ones[: rounds * count], ones[rounds * count :]
        for number in range(rounds):  # in turn, so that a slow moment meets all of them
            some, few = _part(ones, number, rounds), _part(large, number, rounds)
            bare.append(_load(other, "", some, clients, folder))
            before = _stages(port)
            single.append(_load(port, vkey, some, clients, folder))
            spent += _stages(port)
            spent -= before
            batched.append(_load(port, vkey, few, clients, folder))
            _print_round(number, bare[-1], single[-1], batched[-1])
        later, _ = _alone(rounds, other, port, vkey, kept, folder)
    _print_stages(spent, single)
    _print_ratio("(a) submissions of 1 / bare route", "at least 0.45", _rates(single, bare))
    many = [256 * each for each in _rates(batched, single)]
    _print_ratio("(b) events of 256 / events of 1", "at least 8", many)
    _print_alone("(c) receipt / (commit + bare)", "at most 3", alone)
    _print_alone("    behind all of that", "no bound", later)


def _print_alone(name: str, bound: str, alone: list[_Alone]) -> None:
    _print_ratio(name, bound, [one.receipt / (one.bare + one.commit) for one in alone])
    wait, floor, commit = (1e3 * statistics.median(each) for each in zip(*alone, strict=True))
    print(f"    {wait:.2f} ms / ({commit:.2f} ms + {floor:.2f} ms)")


def _part(documents: list[Sent], number: int, of: int) -> list[Sent]:
    size = len(documents) // of
    return documents[number * size : (number + 1) * size]


def _rates(loads: list[list[Came]], others: list[list[Came]]) -> list[float]:
    return [_rate(one) / _rate(other) for one, other in zip(loads, others, strict=True)]


def _print_ratio(name: str, bound: str, ratios: list[float]) -> None:
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    print(f"{name:34} {middle:6.2f}  ({bound}; rounds {low:.2f} to {high:.2f})")


def _print_round(number: int, *loads: list[Came]) -> None:
    for name, came in zip(("bare route", "of 1 event", "of 256 events"), loads, strict=True):
        waits = sorted(wait for one in came for wait in one.waits)
        p50, p99 = (1e3 * waits[int(len(waits) * share)] for share in (0.5, 0.99))
        print(
            f"round {number}: {name:14} {_rate(came):8.0f} requests/s, "
            f"p50 {p50:6.1f} ms, p99 {p99:6.1f} ms"
        )


def _stages(port: int) -> Counter[str]:
    """Return the seconds that the server spent in each stage so far."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    found = re.findall(r'^counterfoil_commit_seconds_sum{.*stage="(.+)"} (.+)$', text, re.MULTILINE)
    return Counter({stage: float(seconds) for stage, seconds in found})


def _print_stages(spent: Mapping[str, float], loads: list[list[Came]]) -> None:
    count = sum(len(one.waits) for came in loads for one in came)
    took_s = sum(map(_took_s, loads))
    for stage, seconds in spent.items():
        share, each_us = seconds / took_s, 1e6 * seconds / count
        print(f"of 1 event: {stage:20} {share:6.1%} of the time, {each_us:6.1f} us a submission")


def _took_s(came: list[Came]) -> float:
    return max(one.ended for one in came) - min(one.began for one in came)


def _rate(came: list[Came]) -> float:
    return sum(len(one.waits) for one in came) / _took_s(came)


def _documents(
    path: Path, count: int, batches: int, *, visibility: str = "members"
) -> tuple[str, list[Sent], list[Sent]]:
    """Found a ledger; return its log key, and signed documents of one event, and of 256."""
    ledger, _ = found_ledger(path, _ALPHA, clock=Clock(now_ms()), visibility=visibility)
    with ledger:
        note = ledger.checkpoint()
        ones = [_signed(ledger, note, 1) for _ in range(count)]
        large = [_signed(ledger, note, 256) for _ in range(batches)]
        return vkey_of(ledger.state()), ones, large


def _signed(ledger: Ledger, note: bytes, events: int) -> Sent:
    claims = {"title": "A letter", "text": "Please send us the data. " * 8, "person.1": "A. Clerk"}
    made = [
        new_event("alpha", "communication/v1", channel="letter", claims=claims)
        for _ in range(events)
    ]
    document = sign_document(ledger, _ALPHA, made, note=note, expires=now_ms() + _DAY_MS)
    parts = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    signature = bytes.fromhex(msgspec.json.decode(parts["signature"], type=str))
    statement = bytes(parts["statement"])
    return Sent(document, statement, signature, tuple(event.data for event in made))


def _load(port: int, vkey: str, documents: list[Sent], clients: int, folder: Path) -> list[Came]:
    processes = min(_PROCESSES, clients)
    plans = []
    for number in range(processes):
        path = folder / f"plan-{secrets.token_hex(8)}"
        mine = documents[number::processes]
        begin = time.time() + 1.5
        plan = Plan(port, vkey, clients // processes, begin, mine)
        path.write_bytes(msgspec.msgpack.encode(plan))
        plans.append(path)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench._load", str(path)], stdout=subprocess.PIPE
        )
        for path in plans
    ]
    came = [msgspec.json.decode(one.communicate()[0], type=Came) for one in running]
    refused = [one.refused for one in came if one.refused]
    if refused:
        raise SystemExit(f"refused: {refused}")
    return came


@contextlib.contextmanager
def _bare() -> Iterator[int]:
    code = "from tests.bench.http import serve_bare; serve_bare()"
    with _process([sys.executable, "-c", code], None) as port:
        yield port


@contextlib.contextmanager
def _served(ledger: Path, log: Path, strace: Path | None) -> Iterator[int]:
    command = [sys.executable, "-m", "api", "serve", str(ledger)]
    if strace is not None:
        calls = "trace=fsync,fdatasync,msync"
        command = ["strace", "-f", "-c", "-e", calls, "-o", str(strace), *command]
    with _process(command, log) as port:
        yield port


@contextlib.contextmanager
def _process(command: list[str], log: Path | None) -> Iterator[int]:
    with (log or Path(os.devnull)).open("wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **_OFF}
        )
        try:
            if process.stdout is None:
                raise AssertionError("standard output is a pipe")
            yield int(process.stdout.readline().rpartition(b":")[2])
        finally:
            process.terminate()
            process.wait()


def _alone(
    rounds: int, bare: int, port: int, vkey: str, documents: list[Sent], folder: Path
) -> tuple[list[_Alone], list[Sent]]:
    """Measure one client alone, round by round; also return the documents that are left."""
    found = []
    for _ in range(rounds):
        path = folder / f"bare-{secrets.token_hex(8)}"
        found.append(_one_client(bare, port, vkey, documents[:_ALONE], path))
        documents = documents[_ALONE:]
    return found, documents


def _one_client(bare: int, port: int, vkey: str, documents: list[Sent], path: Path) -> _Alone:
    """Measure one client alone.

    A few submissions, bare requests and commits in turn, again and again, so that a slow moment
    of the machine meets all of them.
    """
    key = parse_vkey(vkey)
    waits: dict[str, list[float]] = {name: [] for name in _Alone._fields}
    floor, client = Client(bare), Client(port)
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=1) as environment:
        for start in range(0, len(documents), _IN_TURN):
            some = documents[start : start + _IN_TURN]
            waits["bare"] += [floor.ask(sent)[0] for sent in some]
            for sent in some:
                wait_s, status, body = client.ask(sent)
                check(body, sent, key)
                if status != HTTPStatus.CREATED:
                    raise SystemExit(f"refused: {status}")
                waits["receipt"].append(wait_s)
            waits["commit"] += [
                _commit_s(environment, start + number) for number in range(len(some))
            ]
    floor.socket.close()
    client.socket.close()
    return _Alone(**{name: statistics.median(each) for name, each in waits.items()})


def _commit_s(environment: lmdb.Environment, number: int) -> float:
    """Return how long a synced LMDB commit of a few pages takes."""
    start = time.perf_counter()
    with environment.begin(write=True) as txn:
        txn.put(number.to_bytes(8, "big"), bytes(2000))
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
