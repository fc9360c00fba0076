"""What one address may have of what there is for all, over real sockets."""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.limits import Quota
from api.problems import PREFIX, ProblemError
from api.settings import Settings
from ledger.ledger import Ledger
from tests.api.serving import Got, Site, read_from, serving
from tests.api.taking import wait_for
from tests.ledger.builder import (
    Party,
    found_ledger,
    new_event,
    new_letter,
    sign_document,
    submit,
)

ALPHA = Party("alpha", 1)
CROWD, OTHER = "127.0.0.9", "127.0.0.2"
PART = 1 << 16
FILE = b"A file\n"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA, visibility="public")[0] as ledger:
        yield ledger


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the octets that the server has taken, by whose they are."""
    counts, take = Counter[str](), Quota.take

    def count(quota: Quota, holder: str, number: int, *, otherwise: ProblemError) -> None:
        take(quota, holder, number, otherwise=otherwise)
        counts[holder] += number

    monkeypatch.setattr(Quota, "take", count)
    return counts


class Line:
    """A connection from an address."""

    def __init__(self, stack: contextlib.ExitStack, site: Site, source: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", site.port), 20, (source, 0))
        stack.enter_context(self.socket)

    def send(self, head: str, body: bytes = b"") -> None:
        self.socket.sendall(f"{head}\r\nHost: x\r\n\r\n".encode() + body)

    def answer(self) -> Got:
        return read_from(self.socket)


def slug(got: Got) -> tuple[int, str]:
    return got.status, got.problem.type.removeprefix(PREFIX)


def test_documents_of_one_address_leave_room_for_others(
    ledger: Ledger, taken: Counter[str]
) -> None:
    head = "POST /submissions HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}"
    settings = Settings(document=PART, documents=4 * PART)
    with serving(ledger, settings) as site, contextlib.ExitStack() as stack:
        first = Line(stack, site, CROWD)
        first.send(head.format(PART), b" " * (PART - 1))
        wait_for(lambda: taken[CROWD] == PART - 1)
        second = Line(stack, site, CROWD)
        second.send(head.format(PART), b" " * (PART - 1))
        refused = second.answer()
        document = sign_document(ledger, ALPHA, [new_letter("alpha")])
        other = Line(stack, site, OTHER)
        other.send(head.format(len(document)), document)
        recorded = other.answer()

    assert (503, "busy") == slug(refused)
    assert 201 == recorded.status


def test_documents_that_do_not_come_keep_nobody_from_recording(
    ledger: Ledger, taken: Counter[str]
) -> None:
    head = "POST /submissions HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}"
    with serving(ledger, Settings(submissions=2)) as site, contextlib.ExitStack() as stack:
        slow = [Line(stack, site, CROWD) for _ in range(3)]
        for line in slow:
            line.send(head.format(PART), b" ")
        wait_for(lambda: taken[CROWD] == len(slow))
        recorded = site.post(sign_document(ledger, ALPHA, [new_letter("alpha")]))

    assert 201 == recorded.status


def test_answers_that_one_address_does_not_take_leave_room_for_others(ledger: Ledger) -> None:
    claims = {f"item.{number}": "x" for number in range(1, 300)}
    for _ in range(8):
        letters = [new_event("alpha", "communication/v1", channel="letter", claims=claims)
                   for _ in range(32)]  # fmt: skip
        submit(ledger, *letters)
    size = len(ledger.entry(5)) * 256
    head = "GET /tile/entries/000 HTTP/1.1"
    with serving(ledger, Settings(answers=4 * size)) as site, contextlib.ExitStack() as stack:
        crowd = [Line(stack, site, CROWD) for _ in range(3)]
        for line in crowd:
            line.send(head)
        begun = [line.socket.recv(12, socket.MSG_WAITALL) for line in crowd]
        other = Line(stack, site, OTHER)
        other.send(head)
        taken = other.answer()
        small = Line(stack, site, CROWD)
        small.send("GET /checkpoint HTTP/1.1")
        still = small.answer()

    assert [b"HTTP/1.1 200", b"HTTP/1.1 503", b"HTTP/1.1 503"] == sorted(begun)
    assert (200, 200) == (taken.status, still.status)


def test_files_of_one_address_leave_places_for_others(ledger: Ledger, taken: Counter[str]) -> None:
    digest = hashlib.sha256(FILE).hexdigest()
    with serving(ledger, Settings(uploads=4)) as site, contextlib.ExitStack() as stack:
        token = site.signed_in(ledger, ALPHA).token
        head = (
            f"PUT /files/{digest} HTTP/1.1\r\nContent-Length: {len(FILE)}\r\n"
            f"Authorization: Bearer {token}"
        )
        first = Line(stack, site, CROWD)
        first.send(head, FILE[:-1])
        wait_for(lambda: taken["alpha"] > 0)
        second = Line(stack, site, CROWD)
        second.send(head, FILE)
        refused = second.answer()
        other = Line(stack, site, OTHER)
        other.send(head, FILE)
        kept = other.answer()

    assert (503, "busy") == slug(refused)
    assert 201 == kept.status


def test_followers_of_one_address_leave_places_for_others(ledger: Ledger) -> None:
    with serving(ledger, Settings(tails=8)) as site, contextlib.ExitStack() as stack:
        crowd = [Line(stack, site, CROWD) for _ in range(3)]
        for line in crowd[:2]:
            line.send("GET /tail HTTP/1.1")
            assert line.socket.recv(12) == b"HTTP/1.1 200"
        crowd[2].send("GET /tail HTTP/1.1")
        refused = crowd[2].answer()
        other = Line(stack, site, OTHER)
        other.send("GET /tail HTTP/1.1")

        assert (503, "busy") == slug(refused)
        assert other.socket.recv(12) == b"HTTP/1.1 200"
