"""The outbox: what was signed is there until its receipt is, and nobody else can read it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.compose import Composed, compose, compose_sealed, file_claim, sign_document
from ledger.errors import ComposeError, OutboxError, TargetError
from ledger.journal import Place
from ledger.ledger import Ledger
from ledger.outbox import Item, Outbox, open_outbox
from tests.ledger.partyside import BLABY, NOW_MS, Clock, found
from verify.receipt import format_receipt, parse_receipt
from verify.submission import LedgerName, parse_document


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found(tmp_path / "ledger", Clock()) as opened:
        yield opened


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with open_outbox(tmp_path / "home") as opened:
        yield opened


def name_of(ledger: Ledger) -> LedgerName:
    return LedgerName(origin=ledger.origin, charter=ledger.fingerprint)


def letter(text: str = "Dear Ann", **more: object) -> Composed:
    file = file_claim(text.encode(), name="letter.txt", media_type="text/plain")
    return compose(
        "communication/v1",
        author="blaby",
        fields={"channel": "letter", **more},
        claims={"text": text, "note": "a private note", "file.1": file},
        withheld=["note"],
    )


def put(outbox: Outbox, ledger: Ledger, *composed: Composed) -> Item:
    places = [Place(source="aa" * 32, place=n) for n in range(len(composed))]
    return outbox.put(composed, ledger=name_of(ledger), places=places)


def send(outbox: Outbox, ledger: Ledger, item: Item, expires_ms: int = NOW_MS + 1000) -> bytes:
    for file in item.files():
        with outbox.open_file(file.sha256) as stream:
            ledger.add_file(stream, sha256=file.sha256, size=file.size)
    document = sign_document(item.events, signer=BLABY, ledger=item.ledger, expires_ms=expires_ms)
    signed = parse_document(document)
    outbox.add_attempt(
        item, statement=signed.statement, signature=signed.signature, note=signed.note
    )
    return ledger.submit(document)


def test_waits_until_its_receipt_is_there(tmp_path: Path, ledger: Ledger, outbox: Outbox) -> None:
    first, second = put(outbox, ledger, letter("a")), put(outbox, ledger, letter("b"))

    assert [first.name, second.name] == [item.name for item in outbox.waiting()]
    assert first.events[0].data == outbox.waiting()[0].events[0].data
    assert first.places == outbox.waiting()[0].places
    receipt = send(outbox, ledger, first)
    outbox.check_receipt(first, receipt, log_keys=ledger.state().log_keys)
    outbox.settle(first, receipt)

    assert [second.name] == [item.name for item in outbox.waiting()]
    home = tmp_path / "home"
    assert receipt == (home / "receipts" / f"{first.name}.receipt").read_bytes()
    assert [second.files()[0].sha256] == [
        path.name for path in (home / "outbox" / "files").iterdir()
    ]


def test_everything_is_for_its_owner_alone(tmp_path: Path, ledger: Ledger) -> None:
    home = tmp_path / "home"
    old = os.umask(0)
    try:
        with open_outbox(home) as outbox:
            item = put(outbox, ledger, letter("a"))
            outbox.settle(item, send(outbox, ledger, item))
            item = put(outbox, ledger, compose_sealed(letter("b"), opens_by="2026-01-01"))
            send(outbox, ledger, item)
            item = put(outbox, ledger, letter("c"))
            send(outbox, ledger, item)
            outbox.refuse(item, "no")
    finally:
        os.umask(old)
    paths = [home, *home.rglob("*")]

    assert 15 < len(paths)
    for path in paths:
        assert (0o700 if path.is_dir() else 0o600) == stat.S_IMODE(path.stat().st_mode)


def test_is_used_by_one_process_at_a_time(tmp_path: Path, outbox: Outbox) -> None:
    with pytest.raises(OutboxError), open_outbox(outbox.home):
        pass
    assert tmp_path / "home" == outbox.home


def test_refuses_a_home_that_others_can_enter(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(OutboxError), open_outbox(tmp_path / "open"):
        pass


def test_a_retry_is_settled_by_the_statement_that_was_accepted(
    ledger: Ledger, outbox: Outbox
) -> None:
    item = put(outbox, ledger, letter())
    first = send(outbox, ledger, item, NOW_MS + 1000)
    again = send(outbox, ledger, item, NOW_MS + 2000)

    for receipt in (first, again):
        read = outbox.check_receipt(item, receipt, log_keys=ledger.state().log_keys)
        assert 2 == read.first
    outbox.settle(item, again)
    assert () == outbox.waiting()
    # What was signed stays beside its receipt: the statement that was accepted, which is the first.
    kept = outbox.home / "receipts" / f"{item.name}.attempt"
    assert b'"expires":%d' % (NOW_MS + 1000) in kept.read_bytes()


def test_what_was_signed_over_others_stays_when_one_is_let_go(
    ledger: Ledger, outbox: Outbox
) -> None:
    items = [put(outbox, ledger, letter(text)) for text in "abc"]
    receipts = [send(outbox, ledger, item) for item in items]
    outbox.settle(items[1], receipts[1])
    outbox.refuse(items[2], "no")
    again = Outbox(outbox.home)

    again.check_receipt(items[0], receipts[0], log_keys=ledger.state().log_keys)
    again.settle(items[0], receipts[0])


def test_a_receipt_for_something_else_is_refused(ledger: Ledger, outbox: Outbox) -> None:
    log_keys = ledger.state().log_keys
    item, other = put(outbox, ledger, letter("a")), put(outbox, ledger, letter("b"))
    receipt, foreign = send(outbox, ledger, item), send(outbox, ledger, other)
    read = parse_receipt(receipt)
    outbox.check_receipt(item, receipt, log_keys=log_keys)
    changed = {
        "charter": "00" * 32,
        "leaf": "00" * 32,
        "first": read.first + 1,
        "recorded": read.recorded + 1,
        "prev": "00" * 32,
        "rules": "00" * 32,
        "count": 2,
        "proof": parse_receipt(foreign).proof,
    }
    for field, value in changed.items():
        values = {name: getattr(read, name) for name in read.__struct_fields__} | {field: value}
        with pytest.raises(TargetError):
            outbox.check_receipt(item, format_receipt(type(read)(**values)), log_keys=log_keys)
    for octets in (b"", b"{}", foreign, receipt + b" "):
        with pytest.raises(TargetError):
            outbox.check_receipt(item, octets, log_keys=log_keys)
    other_key = ((1, BLABY.public),)
    for keys in ((), other_key):
        with pytest.raises(TargetError):
            outbox.check_receipt(item, receipt, log_keys=keys)


def test_what_is_refused_is_kept_aside_with_the_reason(
    tmp_path: Path, ledger: Ledger, outbox: Outbox
) -> None:
    item = put(outbox, ledger, letter())
    for number in range(1, 4):
        send(outbox, ledger, item, NOW_MS + number)
    outbox.refuse(item, "[605] of: names no earlier event")

    assert () == outbox.waiting()
    refused = tmp_path / "home" / "refused"
    assert b"[605]" in (refused / f"{item.name}.reason").read_bytes()
    assert (refused / f"{item.name}.item").exists()
    for number in range(1, 4):
        signed = (refused / f"{item.name}.{number}").read_bytes()
        assert b'"expires":%d' % (NOW_MS + number) in signed


def test_names_never_repeat(tmp_path: Path, ledger: Ledger) -> None:
    for number in range(1, 4):
        with open_outbox(tmp_path / "other") as outbox:
            item = put(outbox, ledger, letter(str(number)))
            assert item.name.startswith(f"000000000{number}-")
            outbox.refuse(item, "no")


def test_keeps_what_was_withheld_and_sealed(ledger: Ledger, outbox: Outbox) -> None:
    withholding = letter("a")
    nested = letter("b")
    sealing = compose_sealed(nested, opens_by="2026-01-01")
    put(outbox, ledger, withholding, sealing)
    read = outbox.nested(sealing.id.hex())

    assert withholding.withheld == outbox.disclosures(withholding.id.hex(), ("note",))
    assert nested.withheld == outbox.disclosures(nested.id.hex(), ("note",))
    assert (nested.data, nested.disclosures, nested.withheld) == (
        read.data,
        read.disclosures,
        read.withheld,
    )
    with read.files[0].open() as stream:
        assert b"b" == stream.read()
    for event_id in ("00" * 32, "../lock", withholding.id.hex()):
        with pytest.raises(ComposeError):
            outbox.nested(event_id)
    with pytest.raises(ComposeError):
        outbox.disclosures(withholding.id.hex(), ("text",))


def test_refuses_a_file_that_changed_since_it_was_hashed(
    tmp_path: Path, ledger: Ledger, outbox: Outbox
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")
    composed = compose(
        "artefact/v1",
        author="blaby",
        fields={"type": "other"},
        claims={"file.1": file_claim(path, name="a.txt")},
    )
    path.write_bytes(b"after")
    with pytest.raises(ComposeError, match=r"a\.txt: changed while it was being recorded"):
        put(outbox, ledger, composed)
    path.unlink()
    with pytest.raises(ComposeError, match=r"a\.txt: cannot be read: No such file"):
        put(outbox, ledger, composed)

    assert () == outbox.waiting()
    assert [] == list((tmp_path / "home" / "outbox" / "files").iterdir())


def test_a_damaged_item_is_an_error_not_a_loss(
    tmp_path: Path, ledger: Ledger, outbox: Outbox
) -> None:
    item = put(outbox, ledger, letter())
    path = tmp_path / "home" / "outbox" / f"{item.name}.item"
    whole = path.read_bytes()
    # The second still is JSON.
    for damaged in (whole[:-1], whole.replace(b'"channel":"letter"', b'"channel":"lettre"', 1)):
        path.write_bytes(damaged)
        with pytest.raises(OutboxError, match=f"{path}: cannot be read"):
            outbox.waiting()

    assert path.exists()


@pytest.mark.parametrize("name", ["1", "1~"])
def test_what_was_signed_and_is_damaged_is_an_error_not_a_loss(
    ledger: Ledger, outbox: Outbox, name: str
) -> None:
    """Nor is a copy that an editor left beside it taken for a statement."""
    item = put(outbox, ledger, letter())
    receipt = send(outbox, ledger, item)
    path = outbox.home / "outbox" / f"{item.name}.1"
    path = path.rename(path.with_suffix(f".{name}"))
    if name == "1":
        path.write_bytes(path.read_bytes()[:-1])
    for let_go in (
        lambda: outbox.check_receipt(item, receipt, log_keys=ledger.state().log_keys),
        lambda: outbox.settle(item, receipt),
        lambda: outbox.refuse(item, "no"),
    ):
        with pytest.raises(OutboxError, match=f"{path}: cannot be read"):
            let_go()

    assert path.exists()
    assert [item.name] == [one.name for one in outbox.waiting()]


def test_an_item_that_cannot_be_moved_waits_on(ledger: Ledger, outbox: Outbox) -> None:
    item = put(outbox, ledger, letter())
    receipt = send(outbox, ledger, item)
    path = outbox.home / "receipts" / f"{item.name}.item"
    path.mkdir()
    with pytest.raises(OutboxError, match=f"{path}: cannot be moved"):
        outbox.settle(item, receipt)
    path.rmdir()
    outbox.settle(item, receipt)

    assert () == outbox.waiting()


def test_what_cannot_be_removed_is_named(outbox: Outbox) -> None:
    path = outbox.home / "outbox" / ".0000000007-0123456789abcdef.new"
    path.mkdir()
    with pytest.raises(OutboxError, match=f"{path}: cannot be removed"):
        Outbox(outbox.home)


def test_what_was_kept_and_is_damaged_is_an_error_not_a_loss(
    tmp_path: Path, ledger: Ledger, outbox: Outbox
) -> None:
    composed = letter()
    put(outbox, ledger, composed)
    path = tmp_path / "home" / "kept" / composed.id.hex()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OutboxError, match=f"{path}: cannot be read"):
        outbox.disclosures(composed.id.hex(), ("note",))

    assert path.exists()


def test_a_file_half_written_by_a_crash_is_passed_over(
    tmp_path: Path, ledger: Ledger, outbox: Outbox
) -> None:
    composed = letter()
    folder = tmp_path / "home" / "outbox"
    (folder / ".0000000001-00.item.new").write_bytes(b"{")
    (folder / "files" / f".{composed.files[0].sha256}.new").write_bytes(b"half")
    item = put(outbox, ledger, composed)

    assert [item.name] == [one.name for one in outbox.waiting()]
    with outbox.open_file(composed.files[0].sha256) as stream:
        assert b"Dear Ann" == stream.read()
    with pytest.raises(OutboxError):
        outbox.open_file("00" * 32)


def test_what_a_crash_left_of_no_item_goes_when_it_is_next_opened(
    tmp_path: Path, ledger: Ledger, outbox: Outbox
) -> None:
    home = tmp_path / "home"
    item = put(outbox, ledger, letter())
    for name in ("outbox/notes.2024", "outbox/files/notes"):
        (home / name).write_text("of somebody")
    kept = sorted(path for path in home.rglob("*"))
    left = [home / "outbox" / "0000000007-0123456789abcdef.1"]
    left += [home / "outbox" / "files" / ("00" * 32)]
    for folder in ("outbox", "outbox/files", "kept", "kept/files", "receipts", "refused"):
        left.append(home / folder / ".0000000007-0123456789abcdef.new")
    for path in left:
        path.write_bytes(b"half")

    again = Outbox(home)

    assert kept == sorted(path for path in home.rglob("*"))
    assert [item.name] == [one.name for one in again.waiting()]
