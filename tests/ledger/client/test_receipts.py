"""Receipts: what a library user gets is checked."""

from __future__ import annotations

import copy
import hashlib
import http.server
from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey

from ledger.client import AlteredError, ForkError, Remote, ShrunkError
from ledger.errors import TargetError
from ledger.keys import PartySigner
from ledger.ledger import Ledger
from ledger.record import record
from ledger.recorded import RecordReport
from tests.api.serving import Site
from tests.ledger.builder import (
    Clock,
    new_letter,
    submit,
)
from tests.ledger.client.shelf import ALPHA_SIGNER, Sent, Shelf, remote_at
from tests.ledger.commandline import Desk
from tests.world import Said, World, letter
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.codec import encode
from verify.entry import SignedStatement
from verify.errors import VerifyError
from verify.receipt import parse_receipt
from verify.source import MappingSource
from verify.submission import parse_document


def test_a_submission_comes_back_as_its_receipt(remote: Remote, shelf: Shelf, world: World) -> None:
    sent = Sent.of(world)
    shelf.files["submissions"] = answer = sent.recorded(world)
    shelf.files |= world.export()

    receipt = remote.submit(sent.document)

    assert (6, parse_receipt(answer)) == (receipt.first, receipt)
    assert world.size == remote.head().size


def test_an_older_receipt_of_the_same_document_will_do(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    sent = Sent.of(world)
    shelf.files["submissions"] = answer = sent.recorded(world)
    for _ in range(3):
        world.submit(letter("northmere"))
    shelf.files |= world.export()

    assert parse_receipt(answer) == remote.submit(sent.document)

    path = f"tile/0/000.p/{world.size}"
    shelf.files[path] = bytes(len(shelf.files[path]))
    with pytest.raises(AlteredError, match="tiles"):
        remote.submit(sent.document)


def test_tiles_that_prove_nothing_do_not_show_that_a_ledger_went_back(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    held = world.note()
    world.submit(letter("northmere"))
    shelf.show(world)
    path = f"tile/0/000.p/{world.size}"
    whole, shelf.files[path] = shelf.files[path], bytes(len(shelf.files[path]))

    with pytest.raises(AlteredError, match="tiles"):
        remote.check_held(held, source="held")

    assert [] == list((tmp_path / "home").rglob("*.checkpoint"))
    shelf.files[path] = whole
    assert held == remote.check_held(held, source="held")


@pytest.mark.parametrize("more", [1, 2])
def test_a_receipt_of_what_is_not_there_any_more_shows_that_a_ledger_went_back(
    remote: Remote, world: World, more: int
) -> None:
    """Also where only the last entry is gone."""
    later = copy.deepcopy(world)
    for _ in range(more):
        index = later.submit(letter("northmere"))
    held = later.receipt(index, 1)
    remote.head()

    with pytest.raises(ShrunkError) as caught:
        remote.check_held(held, source="held")

    assert (later.note(), world.note()) == (caught.value.seen, caught.value.shown)


def test_a_document_that_is_not_sound_is_not_sent(remote: Remote, shelf: Shelf) -> None:
    with pytest.raises(VerifyError):
        remote.submit(b"{}")

    assert [] == shelf.asks()


@pytest.mark.parametrize("what", ["another", "an old one", "none", "another ledger's", "no key's"])
def test_a_receipt_of_something_else_is_caught(
    remote: Remote, shelf: Shelf, world: World, what: str
) -> None:
    sent, other, old = Sent.of(world), Sent.of(world), world.receipt(5, 1)
    mine, others = sent.recorded(world), other.recorded(world)
    shelf.show(world)
    receipt = parse_receipt(mine)
    key = SigningKey(bytes(32))
    unsigned = copy.deepcopy(world)
    unsigned.log = key
    shelf.files["submissions"] = {
        "another": others,
        "an old one": old,
        "none": mine[:-1],
        "another ledger's": encode(msgspec.structs.replace(receipt, charter="0" * 64)),
        "no key's": unsigned.receipt(6, 1),
    }[what]

    with pytest.raises(TargetError, match="receipt"):
        remote.submit(sent.document)


@pytest.mark.parametrize("cut", [4, 5, 6])
@pytest.mark.parametrize("more", [0, 1, 3])
def test_a_receipt_of_another_history_is_a_fork(
    remote: Remote, shelf: Shelf, world: World, cut: int, more: int
) -> None:
    """Whether its tree is smaller, as large or larger than the one that is shown."""
    remote.head()
    world.submit(letter("northmere"))
    other = copy.deepcopy(world)
    del other.entries[cut:]
    sent = Sent.of(world)
    index = other.append([sent.said], sent.signed)
    for _ in range(more):
        other.submit(letter("northmere"))
    shelf.files = other.export() | world.export()
    shelf.files["submissions"] = other.receipt(index, 1)

    with pytest.raises((ForkError, AlteredError)) as caught:
        remote.submit(sent.document)

    if other.size <= world.size:
        assert isinstance(caught.value, ForkError)
        assert (world.note(), other.note()) == (caught.value.seen, caught.value.shown)
    assert world.size == remote.head().size


def test_what_was_sent_waits_when_the_receipt_is_of_another_history(
    ledger: Ledger, site: Site, tmp_path: Path
) -> None:
    """The server shows one ledger, and has what comes recorded in another."""
    path = tmp_path / "other"
    path.mkdir()
    submit(ledger, new_letter("alpha"))
    for name in ("ledger.mdb", "log.key"):
        (path / name).write_bytes((ledger.path / name).read_bytes())
        (path / name).chmod(0o600)
    home = tmp_path / "home"
    draft = tmp_path / "draft.yaml"
    draft.write_text("counterfoil: draft/v1\nevents: [{kind: communication, channel: letter}]\n")

    with Ledger.open(path, clock=Clock()) as other, remote_at(site, ledger, home) as remote:

        def elsewhere(document: bytes) -> bytes:
            submit(ledger, new_letter("alpha"))
            remote.head()  # as after all that is handed in
            return other.submit(document)

        remote.hand_in = elsewhere  # type: ignore[method-assign]  # what the server does
        report = record(remote, [draft], signer=ALPHA_SIGNER, home=home, now_ms=Clock())

    assert ([], 1) == (report.recorded, report.waiting)
    assert "fork" in str(report.stopped)


def test_a_receipt_by_which_the_ledger_does_not_stand_is_left_to_who_carried(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    sent, shown = Sent.of(world), copy.deepcopy(world)
    shelf.show(shown)
    shelf.files["submissions"] = sent.recorded(world)
    (tmp_path / "response.json").write_bytes(sent.document)
    words = ("--fingerprint", world.fingerprint or "", "--home", "home")
    ran = Desk(tmp_path)("carry", shelf.url, "response.json", "-o", "receipt.json", *words)

    assert (2, True) == (ran.code, "receipt.json is the receipt that came" in ran.err)
    assert 6 == parse_receipt((tmp_path / "receipt.json").read_bytes()).first


def test_a_receipt_by_which_the_ledger_does_not_stand_is_kept(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    """The log key signed it for one party, and nobody is shown what it promises."""
    shown, home = copy.deepcopy(world), tmp_path / "home"
    draft = tmp_path / "letter.yaml"
    draft.write_text("counterfoil: draft/v1\nevents:\n  - {kind: communication, channel: letter}\n")
    signer = PartySigner("southfold", seed=hashlib.sha256(b"southfold").digest())

    def take(document: bytes) -> None:
        submission = parse_document(document)
        said = [Said(one.event) for one in submission.events]
        signed = SignedStatement(submission.statement, submission.signature)
        shelf.files["submissions"] = world.receipt(world.append(said, signed), 1)

    def run() -> RecordReport:
        return record(remote, [draft], signer=signer, home=home, now_ms=lambda: world.now)

    shelf.take = take
    first = run()
    (kept,) = (home / "receipts").glob("*.receipt")
    answered = parse_receipt(kept.read_bytes())
    assert (1, 6, world.leaves[6].hex()) == (first.waiting, answered.first, answered.leaf)
    assert str(kept) in str(first.stopped)

    # In the place of what is written beside: it can be neither written nor removed.
    shelf.take = lambda _: kept.with_name(f".{kept.name}.new").mkdir()
    told = str(run().stopped)
    assert f"; the receipt that came is not kept: {kept}: cannot be written" in told
    assert "404" in told
    kept.with_name(f".{kept.name}.new").rmdir()

    shelf.take = None
    shelf.answer = lambda handler: handler.command == "POST" and _refuse(handler)
    again = run()
    assert (1, []) == (again.waiting, again.refused)
    assert f"refuses what it has acknowledged by {kept}" in str(again.stopped)
    shown.submit(letter("northmere"))
    anchors = Anchors(receipts=(("kept", kept.read_bytes()),))
    report = audit(MappingSource(shown.export()), anchors=anchors)
    assert [Check.RECEIPT] == [finding.check for finding in report.findings]

    shelf.answer = None
    shelf.show(world)
    shelf.files["submissions"] = answer = kept.read_bytes()
    done = run()
    assert (None, 0, 1) == (done.stopped, done.waiting, len(done.recorded))
    assert [answer] == [path.read_bytes() for path in (home / "receipts").glob("*.receipt")]


def _refuse(handler: http.server.BaseHTTPRequestHandler) -> bool:
    body = encode({"detail": "no", "type": "urn:counterfoil:problem:expires"})
    handler.send_response(422)
    handler.send_header("Content-Type", "application/problem+json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True
