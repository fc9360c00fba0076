"""Files that are sent, over a real socket: room, time, and who brought them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import socket
import time
from types import SimpleNamespace

import pytest
from starlette.requests import ClientDisconnect

from api.bodies import Bridge, Chunks
from api.limits import Quota
from api.problems import ProblemError
from api.settings import Settings
from api.staging import Place, Staging
from ledger.files import Kept
from ledger.ledger import Ledger
from tests.api.serving import Site, read_from
from tests.api.taking import ledger, put, refusal, serving, signed, site, wait_for
from tests.ledger.builder import NewEvent, new_event, new_letter, submit

__all__ = ["ledger", "site"]  # fixtures


def new_file(content: bytes) -> NewEvent:
    value = {
        "media_type": "application/pdf",
        "name": "letter.pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    return new_event("alpha", "artefact/v1", type="letter", claims={"file.1": value})


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
    with serving(ledger, Settings(staged=100, idle_s=1)) as site:
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
    with serving(ledger, Settings(staged=100, idle_s=1)) as site:
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


def test_a_file_that_nothing_names_goes_and_gives_its_room_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("api.staging.time", SimpleNamespace(monotonic=lambda: now_s))
    kept, lost, gone = b"1" * 30, b"2" * 30, b"3" * 30
    files = ledger.path / "files"
    submit(ledger, new_letter("alpha"))  # whose claims are none of files
    with serving(ledger, Settings(staged=60, staged_s=0.5)) as site:
        for content in (kept, lost):
            assert 201 == put(site, content).status
            assert 201 == site.post(signed(ledger, new_file(content))).status
        (files / hashlib.sha256(lost).hexdigest()).unlink()
        assert [201, 201] == [put(site, content).status for content in (lost, gone)]
        assert (507, "full") == refusal(put(site, b"4" * 60))
        now_s += 0.5
        wait_for(lambda: len(list(files.iterdir())) == 2)
        # What the ledger names stays, also when it came again.
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
    assert frozenset() == staging.due()


def test_two_that_send_one_file_for_a_party_take_its_room_once(ledger: Ledger) -> None:
    quota = Quota(200, each=200)
    staging = Staging(ledger, quota, keep_s=60.0)
    digest = "a" * 64

    def reserve() -> contextlib.AbstractContextManager[Chunks]:
        return staging.reserve(_Given(b"x" * 60), party="alpha", sha256=digest, size=60)

    with reserve() as first, reserve() as second:
        for body in (first, second):
            asyncio.run(_drain(body))
        assert 80 == quota.left("alpha")
    assert 140 == quota.left("alpha")
    staging.release("alpha", {digest})
    assert 200 == quota.left("alpha")


def test_a_file_that_is_announced_larger_than_it_came_before_wants_room_for_it(
    ledger: Ledger,
) -> None:
    staging = Staging(ledger, Quota(100, each=100), keep_s=60.0)
    with staging.reserve(_Given(b"x" * 60), party="alpha", sha256="a" * 64, size=60) as body:
        asyncio.run(_drain(body))

    with (
        pytest.raises(ProblemError, match="room"),
        staging.reserve(_Given(b"x" * 90), party="alpha", sha256="a" * 64, size=90),
    ):
        pass


@pytest.mark.parametrize("whole", [True, False])
def test_the_time_of_a_file_begins_anew_when_it_is_sent_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    staging = Staging(ledger, Quota(200, each=200), keep_s=60.0)

    def send(digest: str) -> None:
        with staging.reserve(_Given(b"x"), party="alpha", sha256=digest, size=1) as body:
            if whole:
                asyncio.run(_drain(body))

    for digest in ("a" * 64, "b" * 64):
        send(digest)
    assert frozenset() == staging.due()
    now_s += 59
    send("a" * 64)
    now_s += 1
    assert {Place("alpha", "b" * 64)} == staging.due()
    now_s += 59
    assert {Place("alpha", "a" * 64), Place("alpha", "b" * 64)} == staging.due()


def test_what_an_earlier_process_left_holds_room_for_the_rest_of_its_time(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    quota = Quota(200, each=200)
    staging = Staging(ledger, quota, keep_s=60.0)
    old, sent, named = ("a" * 64, "b" * 64, "c" * 64)
    with staging.reserve(_Given(b"x"), party="alpha", sha256=sent, size=1):
        pass
    left = [Kept(old, 50, since_ms=5_000), Kept(sent, 1, since_ms=5_000), Kept(named, 20, 15_000)]
    staging.adopt(left, now_ms=45_000)
    assert 200 - 50 - 20 == quota.left("alpha")
    staging.release("alpha", {named})
    assert 200 - 50 == quota.left("alpha")
    now_s += 19
    assert frozenset() == staging.due()
    now_s += 1
    assert {Place("", old)} == staging.due()


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
    assert frozenset() == staging.due()


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
    assert frozenset() == staging.due()
    assert staging.holds(digest)


def test_a_thread_that_waits_for_a_body_is_let_go_when_the_server_stops() -> None:
    class Silent:
        def __init__(self) -> None:
            self.asked = asyncio.Event()

        async def chunk(self) -> bytes:
            self.asked.set()
            return await asyncio.Future()

    async def stop() -> None:
        body = Silent()
        bridge = Bridge(body, idle_s=20)
        reading = asyncio.create_task(asyncio.to_thread(bridge.read, 1))
        await body.asked.wait()
        bridge.stop()
        with pytest.raises(ClientDisconnect):
            await reading

    asyncio.run(stop())


class _Given:
    """A body that is there."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = [*chunks, b""]

    async def chunk(self) -> bytes:
        return self._chunks.pop(0)


async def _drain(body: Chunks) -> None:
    while await body.chunk():
        pass
