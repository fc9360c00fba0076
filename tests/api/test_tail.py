"""Entries as they come: no gap, no repeat, whoever comes and goes, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from api import tailing as tailing_module
from api.settings import Settings
from api.tailing import _Feed
from ledger.ledger import Ledger
from tests.api.following import Tail, tailing
from tests.api.serving import Site, read, serving
from tests.api.taking import ALPHA, ledger, refusal, site
from tests.ledger.builder import (
    Clock,
    NewEvent,
    Party,
    found_ledger,
    new_enrolment,
    new_event,
    new_letter,
    sign_document,
    submit,
)

__all__ = ["ledger", "site"]  # fixtures

BETA = Party("beta", 2)


def test_gives_what_there_is_and_then_what_comes(ledger: Ledger, site: Site) -> None:
    submit(ledger, new_letter("alpha"), new_letter("alpha"))
    with tailing(site) as tail:
        before = tail.take(3)
        submit(ledger, new_letter("alpha"))
        after = tail.take(1)

        assert "text/event-stream; charset=utf-8" == tail.response.headers["content-type"]
        assert "no-store" == tail.response.headers["cache-control"]
    assert [(n, "entry", ledger.entry(n)) for n in range(4)] == [*before, *after]


@pytest.mark.parametrize("last", [0, 1, 2])
def test_goes_on_behind_the_last_id(ledger: Ledger, site: Site, last: int) -> None:
    submit(ledger, new_letter("alpha"), new_letter("alpha"))
    with tailing(site, last=last) as by_header, tailing(site, f"/tail?after={last}") as by_query:
        submit(ledger, new_letter("alpha"))
        expected = list(range(last + 1, 4))

        assert expected == [message.id for message in by_header.take(len(expected))]
        assert expected == [message.id for message in by_query.take(len(expected))]


def test_the_header_comes_before_the_query(ledger: Ledger, site: Site) -> None:
    submit(ledger, new_letter("alpha"), new_letter("alpha"))
    with tailing(site, "/tail?after=0", last=1) as tail:
        assert [2] == [message.id for message in tail.take(1)]


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/tail?after=1", {}, (404, "not-found")),
        ("/tail", {"Last-Event-ID": "1"}, (404, "not-found")),
        ("/tail?after=-1", {}, (400, "malformed")),
        ("/tail?after=%2B0", {}, (400, "malformed")),
        ("/tail?what=files", {}, (400, "malformed")),
        ("/tail?since=1", {}, (400, "malformed")),
        ("/tail", {"Last-Event-ID": "x"}, (400, "malformed")),
    ],
)
def test_refuses_to_begin_where_nothing_is(
    site: Site, path: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert expected == refusal(site.ask("GET", path, headers=headers))


def test_says_what_a_tail_is_without_beginning_one(site: Site) -> None:
    head = f"Host: x\r\nAuthorization: Bearer {site.token}\r\n"
    asked = f"HEAD /tail HTTP/1.1\r\n{head}\r\nGET / HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(asked.encode())
        with connection.makefile("rb") as file:
            first, second, _ = file.read().split(b"\r\n\r\n")

    assert first.startswith(b"HTTP/1.1 200 ")
    assert b"content-type: text/event-stream" in first
    assert second.startswith(b"HTTP/1.1 200 ")


def enrol(site: Site, ledger: Ledger) -> None:
    """Give Beta a key, over HTTP: whoever is answered knows that the server has taken it up."""
    enrolment = new_enrolment(ledger, "alpha", BETA)
    assert 201 == site.post(sign_document(ledger, Party("alpha", 1), [enrolment])).status


def test_tells_of_events_what_the_reader_may_see(ledger: Ledger, site: Site) -> None:
    enrol(site, ledger)
    limited = new_event(
        "alpha",
        "communication/v1",
        channel="letter",
        claims={"title": "For Alpha alone"},
        audience={"title": ["alpha"]},
    )
    submit(ledger, limited)
    beta = Site(site.port).signed_in(ledger, BETA)
    with tailing(site, "/tail?what=events") as own, tailing(beta, "/tail?what=events") as other:
        mine, theirs = own.take(3)[-1], other.take(3)[-1]

    assert (2, "events") == (mine.id, mine.event) == (theirs.id, theirs.event)
    assert b"For Alpha alone" in mine.data
    assert b"For Alpha alone" not in theirs.data
    row = msgspec.json.decode(theirs.data)["events"][0]
    assert (2, "communication", limited.id.hex()) == (row["index"], row["kind"], row["id"])


def test_tells_of_events_what_was_opened_since_others_heard_of_them(
    ledger: Ledger, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailing_module, "_AT_ONCE", 2)
    letter = new_event(
        "alpha", "communication/v1", channel="call", claims={"title": "Told"}, withheld=["title"]
    )
    submit(ledger, letter)
    with tailing(site, "/tail?what=events") as before:
        assert b"Told" not in before.take(2)[-1].data
    opening = new_event("alpha", "opening/v1", of=letter.id.hex(), names=["title"])
    assert (
        201
        == site.post(
            sign_document(ledger, ALPHA, [opening], disclosures=[[letter.disclosures["title"]]])
        ).status
    )
    with tailing(site, "/tail?what=events") as after:
        assert b"Told" in after.take(2)[-1].data


class Shelf:
    """As much of what is hosted as a feed asks."""

    def __init__(self) -> None:
        self.ledger = self
        self.may_go_on = asyncio.Event()
        self.fails = False
        self.read_from = 0

    async def read(self, do: Callable[[], object]) -> object:
        self.read_from += 1
        await self.may_go_on.wait()
        if self.fails:
            raise OSError
        return do()

    def entries(self, start: int, stop: int) -> list[bytes]:
        return [b"entry"] * (stop - start)


def test_what_followers_share_outlasts_one_that_goes_and_is_read_again_if_it_failed() -> None:
    async def follow() -> None:
        shelf = Shelf()
        feed = _Feed(shelf, shelf)  # type: ignore[arg-type]  # all of it that is asked
        goes, stays = (asyncio.create_task(feed.part("entries", "", 0, size=2)) for _ in range(2))
        await asyncio.sleep(0.01)
        goes.cancel()
        shelf.may_go_on.set()
        assert 2 == (await stays).stop
        assert 1 == shelf.read_from

        shelf.fails = True
        with pytest.raises(OSError):  # noqa: PT011 - the one that was raised
            await feed.part("entries", "", 2, size=3)
        shelf.fails = False
        assert 3 == (await feed.part("entries", "", 2, size=3)).stop

    asyncio.run(follow())


def test_an_entry_that_opens_a_seal_has_one_message(ledger: Ledger, site: Site) -> None:
    inner = new_letter("alpha", "Inside")
    opens_by = {"opens_by": {"basis": "stated", "edtf": "2026-01-31"}}
    seal = new_event("alpha", "sealed/v1", seals=inner.id.hex(), dates=opens_by)
    submit(ledger, seal)
    opening = new_event("alpha", "opening/v1", of=seal.id.hex(), event=msgspec.Raw(inner.data))
    submit(ledger, opening, disclosures=[inner.sent])
    with tailing(site, "/tail?what=events", last=1) as tail:
        (message,) = tail.take(1)

    told = msgspec.json.decode(message.data)["events"]
    assert ["opening", "communication"] == [row["kind"] for row in told]
    assert "Inside" in told[1]["what"]


def test_misses_and_repeats_nothing_while_others_record_and_it_comes_and_goes(
    ledger: Ledger, site: Site
) -> None:
    rounds, recorders = 40, 3
    whole = 1 + 2 * rounds * recorders

    def record() -> None:
        for _ in range(rounds):
            submit(ledger, new_letter("alpha"), new_letter("alpha"))

    threads = [threading.Thread(target=record) for _ in range(recorders)]
    for thread in threads:
        thread.start()
    seen: dict[str, list[int]] = {}
    for what in ("entries", "events"):
        chance = random.Random(what)
        had: list[int] = []
        while len(had) < whole:
            last = had[-1] if had else None
            with tailing(site, f"/tail?what={what}", last=last) as tail:
                count = min(chance.randint(1, 60), whole - len(had))
                had += [message.id for message in tail.take(count)]
        seen[what] = had
    for thread in threads:
        thread.join()

    assert {what: list(range(whole)) for what in seen} == seen


def test_a_server_that_is_started_anew_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    clock = Clock()
    found_ledger(tmp_path / "ledger", ALPHA, clock=clock, visibility="public")[0].close()
    had: list[int] = []
    for _ in range(3):
        with Ledger.open(tmp_path / "ledger", clock=clock) as ledger:
            submit(ledger, new_letter("alpha"), new_letter("alpha"))
            with serving(ledger) as site, tailing(site, last=had[-1] if had else None) as tail:
                had += [message.id for message in tail.take(2)]

    assert list(range(6)) == had


def test_a_server_that_stops_ends_its_tails(ledger: Ledger) -> None:
    with contextlib.ExitStack() as stack:
        with serving(ledger) as site:
            alpha = site.signed_in(ledger, ALPHA)
            tails = [stack.enter_context(tailing(alpha)) for _ in range(3)]
            began = [tail.take(1)[0].id for tail in tails]

        # Leaving the block has stopped the server, which waits for all its answers to end.
        assert [0, 0, 0] == began
        assert [None] * 3 == [tail.next() for tail in tails]


def test_says_when_to_come_again_and_ends_with_the_session(ledger: Ledger) -> None:
    with serving(ledger, Settings(retry_after_s=3)) as site:
        alpha = site.signed_in(ledger, ALPHA)
        with tailing(alpha) as tail:
            assert [b"retry: 3000"] == tail.lines()
            tail.take(1)
            alpha.ask("DELETE", "/sessions/current")

            assert b"" == tail.response.read()  # to the end of the answer, which was not cut


def test_ends_with_the_key_before_anything_else_is_told(ledger: Ledger, site: Site) -> None:
    enrol(site, ledger)
    beta = Site(site.port).signed_in(ledger, BETA)
    with tailing(beta, last=1) as tail:
        revoked = new_event("beta", "key/v1", verb="revoke", party="beta", key=BETA.public)
        submit(ledger, revoked, party=BETA)
        submit(ledger, new_letter("alpha"))

        assert tail.next() is None


def test_says_now_and_then_that_nothing_is_new(ledger: Ledger) -> None:
    with (
        serving(ledger, Settings(heartbeat_s=0.01)) as site,
        tailing(site.signed_in(ledger, ALPHA)) as tail,
    ):
        tail.take(1)

        assert [[b":"]] * 3 == [tail.lines() for _ in range(3)]


def test_so_many_may_follow_and_a_place_comes_free(ledger: Ledger) -> None:
    with serving(ledger, Settings(tails=2, share=1)) as site:
        alpha = site.signed_in(ledger, ALPHA)
        with tailing(alpha) as first, tailing(alpha) as second:
            first.take(1)
            second.take(1)
            refused = alpha.get("/tail")
            first.close()
            while (again := Tail(alpha)).response.status != 200:
                again.close()
            with contextlib.closing(again):
                assert [0] == [message.id for message in again.take(1)]

    assert (503, "busy") == refusal(refused)
    assert "2" == refused.headers["retry-after"]


def test_a_tail_needs_a_session_where_entries_do(site: Site) -> None:
    stranger = Site(site.port)

    assert (401, "unauthenticated") == refusal(stranger.get("/tail"))


def test_a_follower_that_does_not_read_is_dropped(ledger: Ledger) -> None:
    # More than the buffers between two sockets of one machine hold.
    for _ in range(24):
        submit(ledger, *(_large() for _ in range(100)))
    with serving(ledger, Settings(idle_s=0.5, tails=1, requests_per_s=0)) as site:
        alpha = site.signed_in(ledger, ALPHA)
        with socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect(("127.0.0.1", site.port))
            asking = f"GET /tail HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alpha.token}\r\n\r\n"
            stalled.sendall(asking.encode())
            stalled.recv(1)
            # It has the only place, until it is dropped.
            while (got := Tail(alpha)).response.status != 200:
                assert 503 == read(got.response).status
                got.close()
            with contextlib.closing(got):
                assert [0] == [message.id for message in got.take(1)]


def _large() -> NewEvent:
    names = [f"{'x' * 56}-{number}" for number in range(60)]
    return new_event(
        "alpha",
        "communication/v1",
        channel="letter",
        to=names,
    )
