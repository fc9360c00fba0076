"""The witness over a real socket: each row of the specification's table, and what is around it."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.problems import PREFIX
from api.settings import Settings
from api.witness import create_witness_app
from ledger.add_checkpoint import MAX_BODY
from ledger.keys import WitnessKey
from ledger.steady import Clock
from ledger.trusted import trusted_log
from ledger.witness import Witness, create_witness
from tests.api.serving import Got, Site, read_from, serving_app
from tests.ledger.builder import Clock as StillClock
from tests.ledger.witnessing import EMPTY, NAME, NOW_MS, Log, grease, prove, request
from verify.note import check_cosignature, parse_note, parse_vkey

ROOT = Path(__file__).parents[2]
LOG = Log()
STRANGER = Log("log.example/stranger", seed=2)
TEXT = "text/plain; charset=utf-8"
PATH = f"/{LOG.hex}/checkpoint"


def make(path: Path) -> Path:
    keys = [WitnessKey.generate(NAME), WitnessKey.generate(NAME, algorithm="ml-dsa-44")]
    create_witness(path, keys=keys, logs=[trusted_log(LOG.vkey)])
    return path


@contextlib.contextmanager
def witnessing(
    path: Path, settings: Settings | None = None, clock: Clock | None = None
) -> Iterator[Site]:
    with (
        Witness.open(path, clock=clock or StillClock(NOW_MS)) as witness,
        serving_app(create_witness_app(witness, settings or Settings()), settings) as site,
    ):
        yield site


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make(tmp_path / "w")


@pytest.fixture
def site(path: Path) -> Iterator[Site]:
    with witnessing(path) as site:
        yield site


def add(site: Site, body: bytes) -> Got:
    return site.ask("POST", "/add-checkpoint", body)


def refusal(got: Got) -> tuple[int, str]:
    return got.status, got.problem.type.removeprefix(PREFIX)


# The table.


def test_200_with_the_cosignatures_of_both_keys(site: Site) -> None:
    got = add(site, LOG.request(0, 7))
    front = site.get("/")
    vkeys = [parse_vkey(each) for each in front.body.decode().splitlines()[-2:]]
    note = parse_note(LOG.note(7) + got.body)

    assert (200, TEXT) == (got.status, got.headers["content-type"])
    assert 2 == got.body.count(b"\n")
    assert got.body.startswith(b"\xe2\x80\x94 ")
    for key in vkeys:
        assert (NOW_MS // 1000,) == check_cosignature(note, key=key)


def test_200_for_growth_and_for_the_same_tree_again(site: Site) -> None:
    for old, new in ((0, 0), (0, 5), (5, 5), (5, 6), (6, 100)):
        assert 200 == add(site, LOG.request(old, new)).status


def test_200_whoever_else_signed_it(site: Site) -> None:
    note = LOG.text(7) + b"\n" + grease() + LOG.sign(LOG.text(7)) + STRANGER.sign(LOG.text(7))

    assert 200 == add(site, request(0, [], note)).status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        LOG.note(7),
        LOG.request(0, 7).replace(b"old 0", b"old 00"),
        LOG.request(0, 7)[:-1],
        request(8, [], LOG.note(7)),
        request(0, [EMPTY] * 64, LOG.note(7)),
    ],
    ids=range(6),
)
def test_400_for_what_is_no_request(site: Site, body: bytes) -> None:
    got = add(site, body)

    assert (400, TEXT) == (got.status, got.headers["content-type"])


def test_403_without_a_signature_of_the_log(site: Site) -> None:
    text = LOG.text(7)
    for signed in (
        grease(),
        Log(seed=9).sign(text),
        LOG.sign(b"x"),
        LOG.sign(text) + LOG.sign(b"x"),
    ):
        assert 403 == add(site, request(0, [], text + b"\n" + signed)).status


def test_404_for_a_log_that_is_not_known(site: Site) -> None:
    assert 404 == add(site, STRANGER.request(0, 7)).status


def test_409_with_the_size_in_its_own_content_type(site: Site) -> None:
    nothing = add(site, LOG.request(3, 7))
    add(site, LOG.request(0, 5))
    got = add(site, LOG.request(0, 7))

    assert (409, b"0\n") == (nothing.status, nothing.body)
    assert (409, b"5\n") == (got.status, got.body)
    assert "text/x.tlog.size" == got.headers["content-type"]


def test_422_for_a_tree_that_did_not_grow_from_the_last(site: Site) -> None:
    assert 422 == add(site, request(0, [], LOG.note(0, root=bytes(32)))).status
    assert 422 == add(site, request(0, [EMPTY], LOG.note(7))).status
    add(site, LOG.request(0, 5))
    assert 422 == add(site, request(5, [], LOG.note(7))).status
    assert 422 == add(site, request(5, prove(5, LOG.leaves(7))[::-1], LOG.note(7))).status
    assert 422 == add(site, LOG.request(5, 7, fork_at=2)).status
    assert 422 == add(site, LOG.request(5, 5, fork_at=2)).status
    assert 200 == add(site, LOG.request(5, 7)).status


def test_422_and_no_size_for_another_root_of_the_same_size(site: Site) -> None:
    """The newest text has one status for all that did not grow from the last tree (C2SP#280)."""
    add(site, LOG.request(0, 5))
    got = add(site, LOG.request(5, 5, fork_at=2))

    assert (422, "text/plain; charset=utf-8") == (got.status, got.headers["content-type"])
    assert got.body.strip() != b"5"
    assert (409, b"5\n") == add(site, LOG.request(0, 5, fork_at=2))[::2]
    assert 200 == add(site, LOG.request(5, 5)).status


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda at, more: LOG.request(0, 7)[:at] + more + LOG.request(0, 7)[at:],
            st.integers(0, 300),
            st.binary(max_size=9),
        ),
    )
)
def test_any_body_has_a_status_of_the_table(site: Site, body: bytes) -> None:
    assert add(site, body).status in {200, 400, 403, 404, 409, 422}


# Reading.


def test_the_latest_checkpoint_is_read_under_the_hash_of_the_origin(site: Site) -> None:
    assert 404 == site.get(PATH).status
    add(site, LOG.request(0, 5))
    body = add(site, LOG.request(5, 7)).body
    got = site.get(PATH)

    assert (200, TEXT) == (got.status, got.headers["content-type"])
    assert LOG.note(7) + body == got.body
    assert "no-cache" == got.headers["cache-control"]
    assert (200, b"") == (site.ask("HEAD", PATH).status, site.ask("HEAD", PATH).body)


@pytest.mark.parametrize(
    "where",
    [
        f"/{STRANGER.hex}/checkpoint",
        f"/{LOG.hex.upper()}/checkpoint",
        f"/{LOG.hex[:-1]}/checkpoint",
        f"/{LOG.origin}/checkpoint",
        f"/{LOG.hex}/checkpoint/",
        f"/{LOG.hex}",
        "/checkpoint",
        "/openapi.json",
        "/sign-subtree",
    ],
)
def test_elsewhere_there_is_nothing(site: Site, where: str) -> None:
    add(site, LOG.request(0, 5))

    assert (404, "not-found") == refusal(site.get(where))


def test_says_who_it_is_and_that_it_is_well(path: Path, site: Site) -> None:
    front, health = site.get("/"), site.get("/healthz")

    assert (200, TEXT) == (front.status, front.headers["content-type"])
    assert f"witness {NAME}.".encode() in front.body
    assert (200, {"status": "ok"}) == (health.status, msgspec.json.decode(health.body))
    assert str(path).encode() not in front.body


def test_when_it_cannot_cosign_it_says_so_and_not_why(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def __call__(self) -> int:
            raise RuntimeError("a secret of this machine")

    with witnessing(path, clock=Broken()) as site:
        assert 200 == site.get("/healthz").status
        got = add(site, LOG.request(0, 5))
        assert (503, "unavailable") == refusal(got)
        assert (503, "unavailable") == refusal(site.get("/healthz"))
        assert 404 == add(site, STRANGER.request(0, 5)).status
    assert b"secret" not in got.body
    assert "secret" not in capfd.readouterr().err


# The edge.


def test_only_post_asks_for_cosignatures(site: Site) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert (405, "method-not-allowed") == refusal(site.ask(method, "/add-checkpoint"))
    assert (405, "method-not-allowed") == refusal(site.ask("POST", "/", b"x"))


def test_a_body_has_a_limit_whether_announced_or_not(site: Site) -> None:
    assert 400 == add(site, b"x" * MAX_BODY).status
    assert (413, "too-large") == refusal(add(site, b"x" * (MAX_BODY + 1)))
    chunks = site.ask("POST", "/add-checkpoint", iter([b"x" * 70_000] * 2))
    assert (413, "too-large") == refusal(chunks)
    assert 200 == add(site, LOG.request(0, 5)).status


def test_a_body_that_does_not_come_is_given_up(path: Path) -> None:
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nold"
    with witnessing(path, Settings(idle_s=0.2)) as site:
        assert (408, "timeout") == refusal(site.raw(head))


def test_what_is_too_much_at_a_time_may_come_again(path: Path) -> None:
    with witnessing(path, Settings(submissions=0)) as site:
        got = add(site, LOG.request(0, 5))

    assert (503, "busy") == refusal(got)
    assert "2" == got.headers["retry-after"]


def test_bodies_that_do_not_come_keep_nobody_from_being_cosigned(path: Path) -> None:
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nold"
    with witnessing(path, Settings(submissions=1)) as site, contextlib.ExitStack() as stack:
        for _ in range(2):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", site.port), 20))
            slow.sendall(head)
            slow.settimeout(0.3)
            with pytest.raises(TimeoutError):  # it is waited for
                slow.recv(1)

        assert 200 == add(site, LOG.request(0, 5)).status


def test_a_connection_may_be_used_again(site: Site) -> None:
    body = LOG.request(0, 5)
    head = f"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        statuses = []
        for _ in range(3):
            connection.sendall(head.encode() + body)
            statuses.append(read_from(connection).status)

    assert [200, 409, 409] == statuses


def test_a_request_may_have_the_absolute_form(site: Site) -> None:
    body = LOG.request(0, 5)
    head = (
        f"POST http://w.example/add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}"
    )

    assert 200 == site.raw(f"{head}\r\n\r\n".encode() + body).status


def test_of_those_that_race_from_one_size_one_is_answered_200(site: Site) -> None:
    add(site, LOG.request(0, 5))
    bodies = [LOG.request(5, 6 + n) for n in range(16)]
    start = threading.Barrier(len(bodies))

    def ask(body: bytes) -> Got:
        start.wait()
        return add(site, body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(ask, bodies))
    cosigned = [n for n, got in enumerate(answers) if got.status == 200]

    assert {200: 1, 409: 15} == Counter(got.status for got in answers)
    assert site.get(PATH).body.startswith(LOG.note(6 + cosigned[0]))


# The process.

CODE = """
import sys
from pathlib import Path
from api.settings import Settings
from api.witness import serve_witness
serve_witness(Path(sys.argv[1]), Settings(port=0))
"""


@contextlib.contextmanager
def started(path: Path) -> Iterator[tuple[subprocess.Popen[str], Site]]:
    arguments = [sys.executable, "-W", "error", "-c", CODE, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:")
            yield process, Site(int(line.rpartition(":")[2]))
        finally:
            process.kill()


def test_what_was_answered_survives_a_kill(path: Path) -> None:
    size = 0
    for _ in range(3):
        with started(path) as (process, site):
            if size:
                assert (409, b"%d\n" % size) == (got := add(site, LOG.request(0, 1)))[::2]
                assert 422 == add(site, LOG.request(size, size, fork_at=0)).status
            for new in range(size + 1, size + 6):
                got = add(site, LOG.request(size, new))
                assert 200 == got.status
                size = new
            process.send_signal(signal.SIGKILL)
            process.wait(60)
    with started(path) as (process, site):
        assert LOG.note(size) + got.body == site.get(PATH).body
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)

    assert 0 == process.returncode
    lines = [msgspec.json.decode(line, type=dict[str, object]) for line in said.splitlines()]
    assert "closed" == lines[-1]["what"]
