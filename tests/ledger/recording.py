"""A ledger to record into, drafts and mails to record, and how."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.keys import PartySigner
from ledger.ledger import Ledger
from ledger.record import record
from ledger.recorded import RecordReport
from ledger.target import Directory
from tests.ledger.partyside import BLABY, NOW_MS, Clock, found
from verify.claims import parse_disclosure
from verify.entry import parse_entry
from verify.events import parse_event
from verify.kinds import Event

DRAFT = """
counterfoil: draft/v1
author: blaby
events:
  - label: request
    kind: request
    what: data
    medium: written
    from: [blaby]
    to: [leicestershire]
    claims: {items: [first, second], text: kept back, files: [letter.txt]}
    withheld: [text]
  - kind: step
    of: request
    target: request
    verb: chase
"""

MAIL = (
    "Received: from a.example by b.example; Tue, 8 Apr 2025 10:05:00 +0100\r\n"
    "From: Ann <ann@blaby.gov.uk>\r\nTo: leader@leics.gov.uk, stranger@example.com\r\n"
    "Subject: {subject}\r\nDate: Tue, {day} Apr 2025 10:00:00 +0100\r\n"
    "Message-ID: <{id}@blaby.gov.uk>\r\n{more}\r\nThe list.\r\n"
)

PARTIES = {"blaby.gov.uk": "blaby", "leics.gov.uk": "leicestershire/leader"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with found(tmp_path / "ledger", clock) as opened:
        yield opened


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    (tmp_path / "letter.txt").write_bytes(b"Dear Leicestershire")
    return write(tmp_path, "draft.yaml", DRAFT)


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, newline="")
    return folder / name


def mail(folder: Path, name: str, *, day: int = 8, more: str = "", subject: str = "Data") -> Path:
    text = MAIL.format(id=name, day=day, more=more, subject=subject)
    return write(folder, f"{name}.eml", text)


def run(
    target: Directory, tmp_path: Path, *sources: Path, signer: PartySigner = BLABY
) -> RecordReport:
    home = tmp_path / f"home-{signer.party}"
    return record(target, sources, signer=signer, home=home, now_ms=lambda: NOW_MS, parties=PARTIES)


def event(ledger: Ledger, index: int) -> Event:
    return parse_event(parse_entry(ledger.entry(index)).event)


def claims(ledger: Ledger, index: int) -> dict[str, object]:
    opened = map(parse_disclosure, ledger.disclosures(index))
    return {one.name: one.value for one in opened}
