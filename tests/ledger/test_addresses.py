"""Addresses: what a party's folder knows of URLs, also where several processes learn at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ledger.addresses import Addresses
from ledger.errors import TargetError

URLS = tuple(f"https://{n}.ledger.example" for n in range(16))


def test_remembers_all_that_is_learnt_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"

    def remember(url: str) -> None:
        Addresses(home).remember(url, "ab" * 32)

    with ThreadPoolExecutor(len(URLS)) as pool:
        list(pool.map(remember, URLS))

    assert ["ab" * 32] * len(URLS) == [Addresses(home).find(url) for url in URLS]


def test_of_two_fingerprints_given_at_once_for_one_url_one_holds(tmp_path: Path) -> None:
    given = [f"{n:064x}" for n in range(16)]

    def remember(fingerprint: str) -> str | None:
        try:
            Addresses(tmp_path / "home").remember(URLS[0], fingerprint)
        except TargetError:
            return None
        return fingerprint

    with ThreadPoolExecutor(len(given)) as pool:
        held = [one for one in pool.map(remember, given) if one is not None]

    assert [Addresses(tmp_path / "home").find(URLS[0])] == held
