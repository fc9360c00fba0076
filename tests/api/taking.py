"""A served ledger of Alpha, and what Alpha sends it."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.problems import PREFIX
from api.settings import Settings
from ledger.ledger import Ledger
from tests.api import serving as servers
from tests.api.serving import Got, Site
from tests.ledger.builder import NewEvent, Party, found_ledger, new_letter, sign_document

ALPHA = Party("alpha", 1)


@contextlib.contextmanager
def serving(ledger: Ledger, settings: Settings | None = None) -> Iterator[Site]:
    with servers.serving(ledger, settings) as site:
        yield site.signed_in(ledger, ALPHA)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        yield ledger


@pytest.fixture
def site(ledger: Ledger) -> Iterator[Site]:
    with serving(ledger) as site:
        yield site


def signed(ledger: Ledger, *events: NewEvent, party: Party = ALPHA) -> bytes:
    return sign_document(ledger, party, events or [new_letter("alpha")])


def put(site: Site, content: bytes, name: str | None = None) -> Got:
    return site.ask("PUT", f"/files/{name or hashlib.sha256(content).hexdigest()}", content)


def refusal(got: Got) -> tuple[int, str]:
    problem = got.problem
    assert got.status == problem.status
    assert problem.title
    assert problem.detail
    return got.status, problem.type.removeprefix(PREFIX)


def wait_for(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not met():
        assert time.monotonic() < end
        time.sleep(0.02)
