"""A ledger, and a backup of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.backup import back_up
from ledger.ledger import Ledger
from tests.ledger.backup.keeping import ALPHA, BETA, SHA256, nobody
from tests.ledger.builder import (
    CONTENT,
    FILE,
    NOON_MS,
    found_ledger,
    new_enrolment,
    new_event,
    new_letter,
    submit,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with some of everything; what is limited to Alpha is what an export leaves out."""
    with found_ledger(tmp_path / "ledger", ALPHA, members=["beta"])[0] as opened:
        submit(opened, new_enrolment(opened, "alpha", BETA))
        opened.add_file(io.BytesIO(CONTENT), sha256=SHA256, size=len(CONTENT))
        limited = new_event(
            "alpha", "communication/v1", channel="letter", audience={"text": ["alpha"]},
            claims={"text": "For Alpha alone", "title": "A letter"},
        )  # fmt: skip
        claims: dict[str, object] = {"file": FILE, "title": "A letter"}
        submit(opened, new_event("alpha", "artefact/v1", type="letter", claims=claims), limited)
        submit(opened, new_letter("beta"), party=BETA, note=opened.checkpoint())
        yield opened


@pytest.fixture
def backup(ledger: Ledger, tmp_path: Path) -> Path:
    back_up(ledger, tmp_path / "backup", now_ms=NOON_MS, tell=nobody)
    return tmp_path / "backup"
