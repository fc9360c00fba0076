"""Readings of a served ledger that real witnesses cosign: dated as the folder's are."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec

from api.clock import now_ms
from ledger.cli.context import Context
from ledger.cli.main import run
from ledger.ledger import Ledger
from tests.api.serving import Site
from tests.api.town import ALPHA, HOUR_MS, Town, found, until, wait_for_quorum
from tests.ledger.builder import NewEvent, new_event, new_letter, sign_document
from verify.checkpoint import parse_signed

DAY = ("--as-at", "2030-01-01")
QUERY = "?as_at=2030-01-01"


def sign(town: Town, *events: NewEvent, note: bytes | None = None) -> bytes:
    with Ledger.open(town.path, read_only=True) as ledger:
        return sign_document(ledger, ALPHA, events, note=note, expires=now_ms() + HOUR_MS)


def told(site: Site, path: str) -> dict[str, object]:
    got = site.get(path)
    assert 200 == got.status
    return msgspec.json.decode(got.body, type=dict[str, object])


def said(*words: str) -> dict[str, object]:
    out = io.StringIO()
    assert 0 == run(words, Context(now_ms=now_ms, out=out, err=io.StringIO(), json=True))
    return msgspec.json.decode(out.getvalue(), type=dict[str, object])


def fingerprint_of(town: Town) -> str:
    with Ledger.open(town.path, read_only=True) as ledger:
        return ledger.fingerprint


def kept(town: Town, size: int) -> bytes:
    """Return the kept note of a size with the most lines."""
    with Ledger.open(town.path, read_only=True) as ledger:
        return max(ledger.notes_of(size), key=len, default=ledger.checkpoint())


def test_readings_over_http_are_dated_as_those_of_the_folder(tmp_path: Path) -> None:
    town = found(tmp_path, ["a", "b"], 2, visibility="public")
    request = new_event(
        "alpha", "request/v1", what="data", medium="written", to=["beta"], from_=["alpha"],
        dates={"sent": {"basis": "stated", "edtf": "2025-06-01"}},
    )  # fmt: skip
    knowledge = new_event(
        "alpha", "knowledge/v1", knower="beta", of=request.id.hex(), mode="became_aware"
    )
    folds = ("chronology", "requests", "promises", "knowledge", "ask")
    with town.witness("a"), town.witness("b"), town.served() as site:
        # Asked for before it is cosigned, so that what is kept of it has to go.
        assert 201 == site.post(sign(town, request, knowledge)).status
        told(site, f"/chronology{QUERY}")
        waited, _ = wait_for_quorum(site, sign(town, new_letter("alpha")))
        until(lambda: "existed by" in str(told(site, f"/chronology{QUERY}&at_size=3")))
        note = site.get("/checkpoint/cosigned").body
        seen = sign(town, new_letter("alpha", "Later"), note=note)
        assert "quorum" == waited == wait_for_quorum(site, seen)[0]
        assert 4 == parse_signed(note)[0].size
        until(lambda: ["a", "b"] == town.cosigners(kept(town, 5)))
        # The folder, while it is served.
        here = {path: said(path, str(town.path), *DAY) for path in folds}
        event = said("show", str(town.path), request.id.hex(), *DAY)
        until(lambda: here["chronology"] == told(site, f"/chronology{QUERY}"))
        over_http = {path: told(site, f"/{path}{QUERY}") for path in folds}
        shown = told(site, f"/events/{request.id.hex()}{QUERY}")
        # Whoever follows compares the same times, and finds none that is out of place.
        about = site.get("/checkpoints?start=3&stop=5").body
        known = ("--fingerprint", fingerprint_of(town), "--home", str(tmp_path / "home"))
        watched = said("watch", site.url, "--once", *known)

    assert here == over_http
    assert event == shown
    text = str(over_http["chronology"])
    assert "cosigned by 2 of 2 witnesses" in text
    assert "signed after" in text
    assert "nobody else has witnessed" not in text
    notes = [msgspec.json.decode(line, type=str).encode() for line in about.splitlines()]
    assert note in notes
    assert {4, 5} == {parse_signed(each)[0].size for each in notes}
    assert {"size": 5} == watched
