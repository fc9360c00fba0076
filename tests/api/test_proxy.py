"""Behind a proxy: whose address counts, and what is believed of whom."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from api.sessions import COOKIE
from api.settings import Settings
from ledger.ledger import Ledger
from tests.api.serving import JSON, Site, serving
from tests.ledger.builder import Party, found_ledger

ALPHA = Party("alpha", 1)
SELDOM = {"requests_per_s": 0.01, "requests_at_once": 0}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        yield ledger


def statuses(site: Site, *addresses: str) -> list[int]:
    return [
        site.ask("GET", "/checkpoint", headers={"X-Forwarded-For": address}).status
        for address in addresses
    ]


def test_a_trusted_proxy_says_whose_request_it_is(ledger: Ledger) -> None:
    settings = Settings(trusted_proxies=("127.0.0.0/8",), **SELDOM)  # type: ignore[arg-type]  # numbers
    with serving(ledger, settings) as site:
        found = statuses(site, "203.0.113.1", "203.0.113.2", "203.0.113.1")

    assert [200, 200, 429] == found


def test_what_stands_in_front_of_the_last_proxy_is_not_believed(ledger: Ledger) -> None:
    settings = Settings(trusted_proxies=("127.0.0.0/8",), **SELDOM)  # type: ignore[arg-type]  # numbers
    with serving(ledger, settings) as site:
        found = statuses(site, "198.51.100.1, 203.0.113.1", "198.51.100.2, 203.0.113.1")

    assert [200, 429] == found


def test_nobody_else_says_so(ledger: Ledger) -> None:
    with serving(ledger, Settings(**SELDOM)) as site:  # type: ignore[arg-type]  # numbers
        found = statuses(site, "203.0.113.1", "203.0.113.2")

    assert [200, 429] == found


@pytest.mark.parametrize(("proxies", "secure"), [(("127.0.0.1",), True), ((), "")])
def test_a_cookie_is_for_https_if_a_trusted_proxy_says_so(
    ledger: Ledger, proxies: tuple[str, ...], secure: object
) -> None:
    settings = Settings(trusted_proxies=proxies, root_path="/ledgers")
    with serving({"one": ledger}, settings) as site:
        one = Site(site.port, "/one")
        nonce = one.ask("POST", "/nonces").body.decode().split('"')[3]
        body = one.session_body(ledger, ALPHA, nonce)
        got = one.ask("POST", "/sessions", body, {**JSON, "X-Forwarded-Proto": "https"})
        cookie = SimpleCookie(got.headers["set-cookie"])[COOKIE]

    assert 201 == got.status
    assert (secure, "/ledgers/one") == (cookie["secure"], cookie["path"])


def test_numbers_are_for_this_machine_and_not_through_a_proxy(ledger: Ledger) -> None:
    settings = Settings(trusted_proxies=("127.0.0.1",), metrics=True)
    with serving(ledger, settings) as site:
        direct = site.get("/metrics").status
        through = {
            site.ask("GET", "/metrics", headers={name: "127.0.0.1"}).status
            for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host")
        }

    assert (200, {404}) == (direct, through)


def test_nobody_gets_numbers_unless_that_is_set(ledger: Ledger) -> None:
    with serving(ledger) as site:
        assert 404 == site.get("/metrics").status


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "127.0.0.1:"),
        (("ledger.example", "www.ledger.example"), "ledger.example, www.ledger.example"),
    ],
)
def test_a_refused_sign_in_hears_what_the_server_is_called(
    ledger: Ledger, names: tuple[str, ...], told: str
) -> None:
    with serving(ledger, Settings(names=names)) as site:
        body = site.session_body(ledger, ALPHA, "00" * 32)
        got = site.ask("POST", "/sessions", body, {**JSON, "Host": "other.example"})

    assert 401 == got.status
    assert told in got.problem.detail
    assert "'other.example'" in got.problem.detail
    assert (not names) == ("`names`" in got.problem.detail)
