"""Exports over HTTP: who gets what, how many at a time, and what a broken one looks like."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.problems import PREFIX
from api.settings import Settings
from ledger.archive import pack
from ledger.export import open_export
from ledger.ledger import Ledger
from tests.api.serving import Site, serving
from tests.ledger.builder import (
    Party,
    found_ledger,
    new_enrolment,
    new_event,
    new_letter,
    submit,
)

ALPHA, BETA = Party("alpha", 1), Party("beta", 2)
LARGE = bytes(48 << 20)
DIGEST = hashlib.sha256(LARGE).hexdigest()


@pytest.fixture(params=["members", "public"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    found, _ = found_ledger(tmp_path / "ledger", ALPHA, visibility=request.param, members=["beta"])
    with found:
        submit(found, new_enrolment(found, "alpha", BETA))
        limited = new_event(
            "alpha", "communication/v1", channel="letter", audience={"text": ["alpha"]},
            claims={"text": "Between ourselves", "title": "A letter"},
        )  # fmt: skip
        submit(found, limited)
        yield found


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger whose export does not fit into what a socket holds."""
    with found_ledger(tmp_path / "large", ALPHA, visibility="public")[0] as found:
        found.add_file(io.BytesIO(LARGE), sha256=DIGEST, size=len(LARGE))
        value = {"media_type": "a/b", "name": "large", "sha256": DIGEST, "size": len(LARGE)}
        submit(found, new_event("alpha", "artefact/v1", type="letter", claims={"file.1": value}))
        yield found


def expected(ledger: Ledger, audience: str) -> bytes:
    with open_export(ledger, audience=audience) as opened:
        return b"".join(pack(opened.members()))


@contextlib.contextmanager
def begun(site: Site) -> Iterator[http.client.HTTPResponse]:
    """Ask for an export, and read no more than the answer's head."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    with contextlib.closing(connection):
        own = {} if site.token is None else {"Authorization": f"Bearer {site.token}"}
        connection.request("GET", "/export", headers=own)
        yield connection.getresponse()


def test_each_reader_gets_its_own(ledger: Ledger) -> None:
    public = ledger.state().charter.visibility == "public"
    with serving(ledger) as site:
        nobody = site.get("/export")
        alpha = site.signed_in(ledger, ALPHA).get("/export")
        beta = site.signed_in(ledger, BETA).get("/export")

    assert (200 if public else 401) == nobody.status
    assert (public, False) == (nobody.body == expected(ledger, "public"), b"ourse" in nobody.body)
    assert expected(ledger, "alpha") == alpha.body
    assert expected(ledger, "beta") == beta.body
    assert (True, False) == (b"Between ourselves" in alpha.body, b"Between ourselves" in beta.body)


def test_the_head_says_what_it_is(ledger: Ledger) -> None:
    with serving(ledger) as site:
        reader = site.signed_in(ledger, ALPHA)
        got, head = reader.get("/export"), reader.ask("HEAD", "/export")

    assert (200, b"") == (head.status, head.body)
    for one in (got, head):
        assert "application/x-tar" == one.headers["content-type"]
        assert "no-store" == one.headers["cache-control"]
        disposition = 'attachment; filename="ledger.example-alpha-3.tar"'
        assert disposition == one.headers["content-disposition"]
    assert "content-length" not in got.headers


def test_a_token_that_is_none_gets_nothing(ledger: Ledger) -> None:
    with serving(ledger) as site:
        got = Site(site.port, token="x" * 43).get("/export")

    assert (401, f"{PREFIX}unauthenticated") == (got.status, got.problem.type)


@pytest.mark.parametrize("who", ["stranger", "party"])
def test_only_so_many_at_a_time(large: Ledger, who: str) -> None:
    with serving(large, Settings(exports=1)) as served:
        site = served if who == "stranger" else served.signed_in(large, ALPHA)
        with begun(site) as first:
            assert 200 == first.status
            busy = site.get("/export")
        until_free(site)

    assert (503, f"{PREFIX}busy", "2") == (
        busy.status,
        busy.problem.type,
        busy.headers["retry-after"],
    )


def test_strangers_leave_parties_a_place(large: Ledger) -> None:
    with serving(large, Settings(exports=3, share=1)) as site, contextlib.ExitStack() as stack:
        alpha = site.signed_in(large, ALPHA)
        strangers = [stack.enter_context(begun(site)).status for _ in range(3)]
        party = stack.enter_context(begun(alpha))

        assert [200, 200, 503] == strangers
        assert 200 == party.status


def until_free(site: Site) -> None:
    """Ask until there is a place again, and take one."""
    while True:
        with begun(site) as again:
            if again.status == 200:
                return
            assert 503 == again.status


def test_whoever_stands_still_is_let_go(large: Ledger) -> None:
    settings = Settings(exports=1, idle_s=0.1, octets_per_s=1 << 40)
    with serving(large, settings) as site, begun(site) as first:
        assert 200 == first.status
        until_free(site)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            first.read()


def test_what_comes_meanwhile_is_left_out(large: Ledger) -> None:
    before = expected(large, "public")
    with serving(large) as site, begun(site) as response:
        start = response.read(100_000)
        submit(large, new_letter("alpha"), note=large.checkpoint())
        rest = response.read()

    assert before == start + rest
    assert before != expected(large, "public")


def test_one_that_fails_does_not_look_whole(large: Ledger) -> None:
    with serving(large) as site:
        with begun(site) as response:
            start = response.read(1 << 20)
            os.truncate(large.file_path(DIGEST), 0)
            with pytest.raises(http.client.IncompleteRead) as caught:
                response.read()
        after = site.get("/checkpoint")

    assert len(start + caught.value.partial) < len(LARGE)
    assert 200 == after.status
