"""Receipts: what a library user gets is checked."""

from __future__ import annotations

import copy
from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey

from ledger.client import AlteredError, ForkError, Remote
from ledger.errors import TargetError
from ledger.ledger import Ledger
from ledger.record import record
from tests.api.serving import Site
from tests.ledger.builder import (
    Clock,
    new_letter,
    submit,
)
from tests.ledger.client.shelf import ALPHA_SIGNER, Sent, Shelf, remote_at
from tests.world import World, letter
from verify.codec import encode
from verify.errors import VerifyError
from verify.receipt import parse_receipt


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
