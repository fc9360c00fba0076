"""The paths, over a real socket and a real ledger."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from api.bodies import Chunks
from api.connection import peer_of
from api.limits import Quota
from api.problems import PREFIX
from api.settings import Settings
from api.staging import Staging
from ledger.ledger import Ledger
from tests.api import serving as servers
from tests.api.serving import SUBMISSION, Got, Site, read_from
from tests.ledger.builder import (
    NewEvent,
    Party,
    found_ledger,
    new_event,
    new_letter,
    sign_document,
)
from verify.checkpoint import parse_signed
from verify.receipt import parse_receipt

ALPHA = Party("alpha", 1)
STRANGER = Party("alpha", 2)
FOREVER = "public, max-age=31536000, immutable"
PRIVATE = "private, max-age=31536000, immutable"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        yield ledger


@contextlib.contextmanager
def serving(ledger: Ledger, settings: Settings | None = None) -> Iterator[Site]:
    with servers.serving(ledger, settings) as site:
        yield site.signed_in(ledger, ALPHA)


@pytest.fixture
def site(ledger: Ledger) -> Iterator[Site]:
    with serving(ledger) as site:
        yield site


def signed(ledger: Ledger, *events: NewEvent, party: Party = ALPHA) -> bytes:
    return sign_document(ledger, party, events or [new_letter("alpha")])


def new_file(content: bytes) -> NewEvent:
    value = {
        "media_type": "application/pdf",
        "name": "letter.pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    return new_event("alpha", "artefact/v1", type="letter", claims={"file.1": value})


def put(site: Site, content: bytes, name: str | None = None) -> Got:
    return site.ask("PUT", f"/files/{name or hashlib.sha256(content).hexdigest()}", content)


def refusal(got: Got) -> tuple[int, str]:
    problem = got.problem
    assert got.status == problem.status
    assert problem.title
    assert problem.detail
    return got.status, problem.type.removeprefix(PREFIX)


# Submissions


def test_answers_a_new_submission_with_201_and_the_same_again_with_200(
    ledger: Ledger, site: Site
) -> None:
    document = signed(ledger)

    first, second = site.post(document), site.post(document)

    assert (201, 200) == (first.status, second.status)
    assert "application/vnd.counterfoil.receipt+json" == first.headers["content-type"]
    assert first.body == second.body == ledger.receipt(1)
    assert 1 == parse_receipt(first.body).first
    assert 2 == ledger.size()


def test_takes_plain_json_and_a_body_without_announced_length(ledger: Ledger, site: Site) -> None:
    document = signed(ledger)
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}

    got = site.ask("POST", "/submissions", iter([document[:100], document[100:]]), headers)

    assert 201 == got.status


def test_refusal_names_check_event_and_field(ledger: Ledger, site: Site) -> None:
    missing = "0" * 64
    links = [{"event": missing, "rel": "about"}]
    document = signed(ledger, new_letter("alpha"), new_letter("alpha", links=links))

    got = site.post(document)

    assert (422, "reference") == refusal(got)
    assert (605, "events[1].links[0].event", missing) == (
        got.problem.check,
        got.problem.where,
        got.problem.found,
    )
    assert 1 == ledger.size()


def test_refusal_names_the_claim_whose_disclosure_is_wrong(ledger: Ledger, site: Site) -> None:
    event = new_letter("alpha")
    other = new_letter("alpha")
    document = sign_document(ledger, ALPHA, [event], disclosures=[other.sent])

    got = site.post(document)

    assert (422, "disclosure") == refusal(got)
    assert (703, "disclosures[0][0]") == (got.problem.check, got.problem.where)


def test_refuses_a_key_that_is_none_of_the_ledger(ledger: Ledger, site: Site) -> None:
    got = site.post(signed(ledger, party=STRANGER))

    assert (403, "key") == refusal(got)
    assert 506 == got.problem.check


def test_refuses_known_and_new_events_together(ledger: Ledger, site: Site) -> None:
    event = new_letter("alpha")
    site.post(signed(ledger, event))

    assert (409, "repeated") == refusal(site.post(signed(ledger, event, new_letter("alpha"))))


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 100_000, b"\xff", b"null"])
def test_refuses_what_is_no_document(site: Site, body: bytes) -> None:
    assert (400, "malformed") == refusal(site.post(body))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        SUBMISSION | {"Content-Encoding": "gzip"},
    ],
)
def test_refuses_another_media_type(ledger: Ledger, site: Site, headers: dict[str, str]) -> None:
    got = site.ask("POST", "/submissions", signed(ledger), headers)

    assert (415, "unsupported-media-type") == refusal(got)
    assert 1 == ledger.size()


def test_refuses_a_document_announced_as_too_large_before_it_comes(site: Site) -> None:
    got = site.raw(
        b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 67108865\r\n\r\n"
    )

    assert (413, "too-large") == refusal(got)
    assert "close" == got.headers["connection"]


def test_asks_for_no_body_that_it_would_refuse(site: Site) -> None:
    got = site.raw(
        b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
    )

    assert (415, "unsupported-media-type") == refusal(got)


def test_answers_an_endless_body_and_stops_reading_it(ledger: Ledger) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent = 0
    with (
        serving(ledger, Settings(document=1 << 20)) as site,
        socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection,
    ):
        connection.sendall(
            b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        answers: list[Got] = []
        reader = threading.Thread(target=lambda: answers.append(read_from(connection)))
        reader.start()
        with contextlib.suppress(ConnectionError):
            while True:
                connection.sendall(chunk)
                sent += len(chunk)
        reader.join()

    assert (413, "too-large") == refusal(answers[0])
    assert sent > 1 << 20


def test_refuses_a_body_that_stands_still(ledger: Ledger) -> None:
    with serving(ledger, Settings(idle_s=0.2)) as site:
        got = site.raw(
            b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10\r\n\r\n{"
        )

    assert (408, "timeout") == refusal(got)


def test_says_when_to_come_back_if_too_much_waits(ledger: Ledger) -> None:
    document = signed(ledger)
    with serving(ledger, Settings(submissions=0, retry_after_s=9)) as site:
        got = site.post(document)
    with serving(ledger, Settings(documents=100)) as site:
        large = site.post(document)

    assert (503, "busy") == refusal(got) == refusal(large)
    assert ("9", "2") == (got.headers["retry-after"], large.headers["retry-after"])


def test_many_submit_at_once(ledger: Ledger, site: Site) -> None:
    documents = [signed(ledger) for _ in range(20)]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda d=d: statuses.append(site.post(d).status)) for d in documents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [201] * 20 == statuses
    assert 21 == ledger.size()


# Files


def test_takes_a_file_and_then_the_submission_that_names_it(ledger: Ledger, site: Site) -> None:
    content = b"%PDF-" + bytes(300_000)
    document = signed(ledger, new_file(content))

    missing = site.post(document)
    first, second = put(site, content), put(site, content)
    accepted = site.post(document)

    assert (422, "file-missing") == refusal(missing)
    assert (201, 200, 201) == (first.status, second.status, accepted.status)
    digest = hashlib.sha256(content).hexdigest()
    assert content == ledger.file_path(digest).read_bytes()


def test_refuses_a_file_of_another_hash_also_where_it_has_the_right_one(
    ledger: Ledger, site: Site
) -> None:
    content = b"one"
    digest = hashlib.sha256(content).hexdigest()

    wrong = put(site, b"two", digest)
    kept_nothing = not list((ledger.path / "files").glob("*"))
    put(site, content)
    again = put(site, b"two", digest)

    assert (422, "file-mismatch") == refusal(wrong) == refusal(again)
    assert kept_nothing
    assert (digest, hashlib.sha256(b"two").hexdigest()) == (
        wrong.problem.expected,
        wrong.problem.found,
    )


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2flog.key",
        "../log.key",
        "x",
        "A" * 64,
        "a" * 63,
        "a" * 65,
        "%61" * 64,
        "a" * 64 + "%00",
        "a" * 64 + "/",
    ],
)
def test_file_names_are_hashes_in_their_one_spelling(ledger: Ledger, site: Site, name: str) -> None:
    assert (404, "not-found") == refusal(site.ask("PUT", f"/files/{name}", b"x"))
    assert not list((ledger.path / "files").glob("*"))


def test_wants_the_length_of_a_file(site: Site) -> None:
    got = site.ask("PUT", f"/files/{'0' * 64}", iter([b"abc"]))

    assert (411, "length-required") == refusal(got)


def test_refuses_a_file_above_the_limit(ledger: Ledger) -> None:
    with serving(ledger, Settings(file=10)) as site:
        assert (413, "too-large") == refusal(put(site, b"x" * 11))
        assert 201 == put(site, b"x" * 10).status


def test_files_that_nothing_names_are_bounded_together(ledger: Ledger) -> None:
    one, two = b"1" * 60, b"2" * 60
    with serving(ledger, Settings(staged=100)) as site:
        first = put(site, one)
        refused = put(site, two)
        again = put(site, one)
        site.post(signed(ledger, new_file(one)))
        second = put(site, two)

    assert (201, 200, 201) == (first.status, again.status, second.status)
    assert (507, "full") == refusal(refused)


def test_a_file_that_is_broken_off_leaves_nothing_and_gives_its_room_back(ledger: Ledger) -> None:
    content = b"x" * 80
    digest = hashlib.sha256(content).hexdigest()
    with serving(ledger, Settings(staged=100, idle_s=0.3)) as site:
        got = site.raw(
            f"PUT /files/{digest} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.token}\r\n"
            "Content-Length: 80\r\n\r\nxxx".encode()
        )
        assert (408, "timeout") == refusal(got)
        assert not list((ledger.path / "files").glob("*"))
        assert 201 == put(site, content).status


def test_an_announced_length_takes_no_room_before_it_comes(ledger: Ledger) -> None:
    size = 3 << 20
    content = b"y" * size
    with (
        serving(ledger, Settings(staged=4 << 20, share=1)) as site,
        contextlib.ExitStack() as stack,
    ):
        for number in range(3):
            connection = socket.create_connection(("127.0.0.1", site.port), timeout=20)
            stack.enter_context(connection)
            head = (
                f"PUT /files/{number:064x} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
                f"Authorization: Bearer {site.token}"
            )
            connection.sendall(f"{head}\r\n\r\n".encode())
        assert 201 == put(site, content).status


def test_what_comes_beyond_the_room_is_refused_though_it_fitted_when_it_began(
    ledger: Ledger,
) -> None:
    slow, quick = b"1" * 60, b"2" * 60
    digest = hashlib.sha256(slow).hexdigest()
    with (
        serving(ledger, Settings(staged=100)) as site,
        socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection,
    ):
        head = (
            f"PUT /files/{digest} HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n"
            f"Authorization: Bearer {site.token}\r\nExpect: 100-continue"
        )
        connection.sendall(f"{head}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")  # it has begun
        assert 201 == put(site, quick).status
        connection.sendall(slow)
        assert (507, "full") == refusal(read_from(connection))
        site.post(signed(ledger, new_file(quick)))
        assert 201 == put(site, slow).status


def test_no_refusal_tells_whether_a_file_is_here(ledger: Ledger) -> None:
    content = b"x" * 60
    here, nowhere = hashlib.sha256(content).hexdigest(), "0" * 64
    with serving(ledger, Settings(staged=100, idle_s=0.3)) as site:
        assert 201 == put(site, content).status
        assert 201 == site.post(signed(ledger, new_file(content))).status

        def refused(size: int, sent: bytes) -> set[tuple[int, str]]:
            heads = (
                f"PUT /files/{digest} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
                f"Authorization: Bearer {site.token}\r\n\r\n"
                for digest in (here, nowhere)
            )
            return {refusal(site.raw(head.encode() + sent)) for head in heads}

        assert {(507, "full")} == refused(101, b"")
        assert {(408, "timeout")} == refused(100, b"y")
        assert {(422, "file-mismatch")} == refused(1, b"y")
        assert {(422, "file-mismatch")} == refused(0, b"")


def test_a_party_sends_its_own_file_again_though_there_is_no_more_room(ledger: Ledger) -> None:
    with serving(ledger, Settings(staged=100)) as site:
        statuses = [put(site, b"x" * 60).status for _ in range(3)]
        assert [201, 200, 200] == statuses
        assert (507, "full") == refusal(put(site, b"y" * 60))


def test_what_a_party_may_see_takes_no_room_when_it_comes_again(ledger: Ledger) -> None:
    content = b"x" * 60
    document = signed(ledger, new_file(content))
    with serving(ledger, Settings(staged=100)) as site:
        for status, recorded in ((201, 201), (200, 200), (200, 200)):
            assert status == put(site, content).status
            assert recorded == site.post(document).status
        assert 201 == put(site, b"y" * 60).status


def test_a_file_that_nothing_names_goes_and_gives_its_room_back(ledger: Ledger) -> None:
    kept, lost, gone = b"1" * 30, b"2" * 30, b"3" * 30
    files = ledger.path / "files"
    with serving(ledger, Settings(staged=60, staged_s=0.5)) as site:
        for content in (kept, lost):
            assert 201 == put(site, content).status
            assert 201 == site.post(signed(ledger, new_file(content))).status
        (files / hashlib.sha256(lost).hexdigest()).unlink()
        assert [201, 201] == [put(site, content).status for content in (lost, gone)]
        assert (507, "full") == refusal(put(site, b"4" * 60))
        wait_for(lambda: len(list(files.iterdir())) == 2)
        time.sleep(0.6)  # what the ledger names stays, also when it came again
        assert {hashlib.sha256(c).hexdigest() for c in (kept, lost)} == {
            path.name for path in files.iterdir()
        }
        assert 201 == put(site, b"4" * 60).status


def test_a_file_that_is_sent_again_while_it_is_named_is_not_staged_anew(ledger: Ledger) -> None:
    quota = Quota(100, each=80)
    staging = Staging(ledger, quota, keep_s=0.0)
    digest = "a" * 64
    with staging.coming("alpha", digest):
        with staging.reserve(_Given(b"x" * 60), party="alpha", sha256=digest, size=60) as body:
            asyncio.run(_drain(body))
            assert (20, 40) == (quota.left("alpha"), quota.left("beta"))
            staging.release("alpha", {digest})
        assert frozenset() == staging.due()
    assert 80 == quota.left("alpha")
    assert not staging


def test_no_file_expires_while_a_submission_is_judged_or_somebody_sends_it(ledger: Ledger) -> None:
    content = b"x" * 60
    digest = hashlib.sha256(content).hexdigest()
    ledger.add_file(io.BytesIO(content), sha256=digest, size=60)
    staging = Staging(ledger, Quota(100, each=100), keep_s=0.0)
    with staging.reserve(_Given(content), party="alpha", sha256=digest, size=60):
        pass
    due = staging.due()
    with staging.judging():
        staging.expire(due, staging.named(due))
    with staging.coming("beta", digest):
        staging.expire(due, frozenset())
    assert staging.holds(digest)

    staging.expire(due, staging.named(due))

    assert not staging.holds(digest)
    assert not staging


def test_a_file_that_two_parties_brought_stays_until_neither_waits_for_it(ledger: Ledger) -> None:
    content = b"x" * 60
    digest = hashlib.sha256(content).hexdigest()
    ledger.add_file(io.BytesIO(content), sha256=digest, size=60)
    quota = Quota(200, each=60)
    staging = Staging(ledger, quota, keep_s=0.0)

    def bring(party: str) -> None:
        with staging.reserve(_Given(content), party=party, sha256=digest, size=60) as body:
            asyncio.run(_drain(body))

    bring("alpha")
    due = staging.due()
    bring("beta")
    assert 0 == quota.left("alpha") == quota.left("beta")
    staging.expire(due, staging.named(due))
    assert (60, 0) == (quota.left("alpha"), quota.left("beta"))
    assert staging.holds(digest)
    assert not staging.brought("alpha", [digest])
    assert {digest} == staging.brought("beta", [digest])

    bring("alpha")
    due = staging.due()
    named = staging.named(due)
    staging.release("alpha", {digest})  # it was named after it was looked whether anything does
    staging.expire(due, named)
    assert not staging
    assert staging.holds(digest)


class _Given:
    """A body that is there."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = [*chunks, b""]

    async def chunk(self) -> bytes:
        return self._chunks.pop(0)


async def _drain(body: Chunks) -> None:
    while await body.chunk():
        pass


def wait_for(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 8
    while not met():
        assert time.monotonic() < end
        time.sleep(0.02)


# Connections


def connect(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=8)


def is_closed(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1)
    except ConnectionError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_closes_a_connection_whose_request_does_not_come(ledger: Ledger, sent: bytes) -> None:
    with serving(ledger, Settings(head_s=0.3)) as site, connect(site) as connection:
        connection.sendall(sent)
        began_s = time.monotonic()
        assert is_closed(connection)
        assert time.monotonic() - began_s < 5
        assert 200 == site.get("/healthz").status


def test_slow_headers_get_no_more_time_by_coming_slowly(ledger: Ledger) -> None:
    with serving(ledger, Settings(head_s=0.4)) as site, connect(site) as connection:
        began_s = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began_s < 5:
                connection.sendall(b"G")
                time.sleep(0.05)
        assert time.monotonic() - began_s < 5


def test_the_second_request_of_a_connection_must_come_in_time_too(ledger: Ledger) -> None:
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(ledger, Settings(head_s=0.3)) as site, connect(site) as connection:
        for pause_s in (0.0, 0.7):  # between two requests it may be silent longer
            time.sleep(pause_s)
            connection.sendall(whole)
            assert 200 == read_from(connection).status
        connection.sendall(whole[:9])
        assert is_closed(connection)


def test_a_body_may_take_longer_than_headers(ledger: Ledger) -> None:
    document = signed(ledger)
    head = f"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(document)}\r\n"
    head += f"Content-Type: {SUBMISSION['Content-Type']}\r\n\r\n"
    with serving(ledger, Settings(head_s=0.3)) as site, connect(site) as connection:
        connection.sendall(head.encode() + document[:9])
        time.sleep(0.7)
        connection.sendall(document[9:])
        assert 201 == read_from(connection).status


def test_one_address_has_only_so_many_connections(ledger: Ledger) -> None:
    with serving(ledger, Settings(per_peer=3)) as site, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(site)) for _ in range(3)]
        assert is_closed(stack.enter_context(connect(site)))
        held[0].close()
        wait_for(lambda: not is_refused(site))


def is_refused(site: Site) -> bool:
    try:
        return site.get("/healthz").status != 200
    except (ConnectionError, http.client.HTTPException):
        return True


def test_what_counts_as_one_address() -> None:
    assert "192.0.2.1" == peer_of("192.0.2.1") == peer_of("::ffff:192.0.2.1")
    assert peer_of("2001:db8::1") == peer_of("2001:db8::ffff:1%eth0")
    assert peer_of("2001:db8::1") != peer_of("2001:db8:0:1::1")
    assert "testclient" == peer_of("testclient")


# Reading


def test_serves_the_checkpoint(ledger: Ledger, site: Site) -> None:
    got = site.get("/checkpoint")

    assert (200, ledger.checkpoint()) == (got.status, got.body)
    assert "text/plain; charset=utf-8" == got.headers["content-type"]
    assert "no-cache" == got.headers["cache-control"]
    assert 1 == parse_signed(got.body)[0].size


def test_serves_tiles_and_bundles_for_ever(ledger: Ledger, site: Site) -> None:
    for path, caching in (("tile/0/000.p/1", FOREVER), ("tile/entries/000.p/1", PRIVATE)):
        got = site.get(f"/{path}")

        assert (200, ledger.tile(path)) == (got.status, got.body)
        assert "application/octet-stream" == got.headers["content-type"]
        assert caching == got.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        *(
            "0/000",
            "0/000.p/2",
            "0/000.p/0",
            "0/000.p/01",
            "0/000.p/256",
            "0/0",
            "0/00",
            "0/x000/000",
        ),
        *("00/000.p/1", "1/000.p/1", "64/000", "-1/000", "data/000.p/1", "entries/001.p/1", ""),
        *("0/../0/000.p/1", "%30/000.p/1", "0%2f000.p/1", "0/000.p/1/", "/0/000.p/1", "0//000.p/1"),
        *("0/000.p/%EF%BC%91", "0/000.p/1%00", "../log.key", "..%2flog.key", "entries/../../x"),
    ],
)
def test_no_other_spelling_of_a_tile_is_served(site: Site, path: str) -> None:
    got = site.get(f"/tile/{path}")

    assert (404, "not-found") == refusal(got)
    assert "cache-control" not in got.headers


def test_answers_head_as_get_without_a_body(site: Site) -> None:
    for path in ("/checkpoint", "/tile/0/000.p/1", "/healthz"):
        got, full = site.ask("HEAD", path), site.get(path)

        assert (200, b"") == (got.status, got.body)
        assert full.headers["content-length"] == got.headers["content-length"]


def test_says_that_it_is_well(site: Site) -> None:
    got = site.get("/healthz")

    assert (200, b'{"status":"ok"}') == (got.status, got.body)


# Everything


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/checkpoint/", 404),
        ("GET", "/files/" + "0" * 64, 404),
        ("DELETE", "/files/" + "0" * 64, 405),
        ("GET", "/submissions", 405),
        ("DELETE", "/checkpoint", 405),
        ("BREW", "/healthz", 405),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    site: Site, method: str, path: str, status: int
) -> None:
    got = site.ask(method, path)

    assert status == got.status == got.problem.status


def test_every_answer_has_the_headers_and_none_names_the_server(ledger: Ledger, site: Site) -> None:
    answers = [
        site.get("/checkpoint"),
        site.get("/nowhere"),
        site.get("/openapi.json"),
        site.post(b"{}"),
        site.post(signed(ledger)),
    ]
    for got in answers:
        assert "nosniff" == got.headers["x-content-type-options"]
        assert "default-src 'none'" in got.headers["content-security-policy"]
        assert "server" not in got.headers


def test_no_answer_and_no_log_line_tells_what_went_wrong_inside(
    ledger: Ledger,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> int:
        raise RuntimeError("the secret of /var/lib/ledger")

    monkeypatch.setattr(ledger, "size", fail)
    with caplog.at_level(logging.INFO):
        got = site.get("/healthz")

    assert (500, "internal") == refusal(got)
    assert b"secret" not in got.body
    assert "secret" not in caplog.text
    failure = next(r for r in caplog.records if r.message == "failure")
    assert "RuntimeError" == getattr(failure, "fields", {})["error"]


def test_a_ledger_that_is_closed_is_unavailable_and_names_no_path(
    ledger: Ledger, tmp_path: Path
) -> None:
    document = signed(ledger)
    ledger.close()
    with Ledger.open(ledger.path, read_only=True) as reading, serving(reading) as site:
        got = site.post(document)

    assert (503, "unavailable") == refusal(got)
    assert str(tmp_path).encode() not in got.body


def test_is_not_well_when_nothing_more_is_recorded(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = signed(ledger)

    def fail(*_: object) -> bool:
        raise MemoryError("secret")

    with serving(ledger) as site:
        assert ledger.healthy()
        monkeypatch.setattr(ledger._store, "append", fail)
        site.post(document)
        got = site.get("/healthz")

    assert not ledger.healthy()
    assert (503, "unavailable") == refusal(got)
    assert b"secret" not in got.body


def test_headers_without_end_are_refused(site: Site) -> None:
    answers: list[Got] = []
    # What is still on its way when the connection is closed may take the answer with it.
    with contextlib.suppress(ConnectionError):
        answers.append(site.raw(b"GET /checkpoint HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000))

    assert [400] * len(answers) == [got.status for got in answers]


def test_openapi_is_true(ledger: Ledger) -> None:
    with serving(ledger, Settings(metrics=True)) as site:
        check_openapi(ledger, site)


def check_openapi(ledger: Ledger, site: Site) -> None:
    got = site.get("/openapi.json")
    paths = msgspec.json.decode(got.body)["paths"]

    known = {
        *("/submissions", "/files/{sha256}", "/checkpoint", "/tile/{path}"),
        *("/nonces", "/sessions", "/sessions/current", "/healthz", "/metrics", "/readyz"),
        "/export",
        *("/", "/entries", "/entries/{index}", "/receipts/{reference}", "/checkpoints/{size}"),
        "/checkpoints",
        *("/proofs/inclusion", "/proofs/consistency", "/events", "/events/{id}", "/chronology"),
        *("/requests", "/promises", "/knowledge", "/ask", "/changes", "/parties", "/tail"),
        *("/agreements", "/bindings", "/arrangements", "/transfers"),
        *("/knowledge/on", "/knowledge/when", "/contradictions"),
        *("/checkpoint/cosigned", "/witnesses", "/checkpoints", "/disclosures"),
        "/checkpoint/before/{size}",
        *("/queue", "/requests/{id}", "/events/{id}/positions"),
    }
    assert known == set(paths)
    asked = {
        ("/submissions", "post"): [
            site.post(signed(ledger)),
            site.post(b"{}"),
            site.post(signed(ledger, party=STRANGER)),
            site.ask("POST", "/submissions", b""),
        ],
        ("/files/{sha256}", "put"): [put(site, b"x"), put(site, b"x"), put(site, b"x", "y")],
        ("/checkpoint", "get"): [site.get("/checkpoint")],
        ("/tile/{path}", "get"): [site.get("/tile/0/000.p/1"), site.get("/tile/x")],
        ("/export", "get"): [site.get("/export"), Site(site.port).get("/export")],
        ("/healthz", "get"): [site.get("/healthz")],
        ("/readyz", "get"): [site.get("/readyz")],
        ("/metrics", "get"): [
            site.get("/metrics"),
            site.ask("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.1"}),
        ],
        ("/nonces", "post"): [site.ask("POST", "/nonces")],
        ("/sessions", "post"): [site.ask("POST", "/sessions", b"{}", servers.JSON)],
        ("/sessions/current", "get"): [site.get("/sessions/current")],
        ("/sessions/current", "delete"): [site.ask("DELETE", "/sessions/current")],
    }
    for (path, method), answers in asked.items():
        documented = paths[path][method]["responses"]
        assert "500" in documented
        for answer in answers:
            known = documented[str(answer.status)]
            media_type = answer.headers.get("content-type")
            assert ([media_type] if media_type else []) == list(known.get("content", {}))


def test_openapi_is_the_same_octets_and_spared_to_who_has_them(ledger: Ledger) -> None:
    with servers.serving(ledger, Settings(root_path="/below")) as site:
        first, again = site.get("/openapi.json"), site.get("/openapi.json")
        known = site.ask("GET", "/openapi.json", headers={"If-None-Match": first.headers["etag"]})
        head = site.ask("HEAD", "/openapi.json")

    assert (200, first.body) == (again.status, again.body)
    assert "public, max-age=300" == first.headers["cache-control"]
    assert (304, b"") == (known.status, known.body)
    assert (200, b"", first.headers["etag"]) == (head.status, head.body, head.headers["etag"])
    assert [{"url": "/below"}] == msgspec.json.decode(first.body)["servers"]


def test_says_what_a_path_knows(site: Site) -> None:
    assert "GET, HEAD" == site.ask("DELETE", "/checkpoint").headers["allow"]
    assert "POST" == site.get("/submissions").headers["allow"]
