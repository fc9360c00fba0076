"""What others know of a ledger, against what is here: later entries, other histories, neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ledger.errors import DisputedError, ForkedError, OlderError
from ledger.known import Claim, check_known, claim_of_checkpoint, claim_of_receipt
from ledger.ledger import Ledger
from tests.ledger.builder import Party, found_ledger, new_letter, submit
from verify.checks import Check
from verify.codec import encode
from verify.errors import RuleError
from verify.merkle import root_hash
from verify.receipt import format_receipt, parse_receipt

ALPHA = Party("alpha", 1)
LEAVES = [bytes([n + 1]) * 32 for n in range(9)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as opened:
        yield opened


def root_at(size: int) -> bytes:
    return root_hash(LEAVES[:size])


def check(*claims: Claim, size: int) -> None:
    check_known(claims, what="the ledger", size=size, root_at=root_at)


def test_every_small_claim_is_judged_by_size_and_root() -> None:
    for size in range(9):
        for told in range(10):
            claim = Claim("one", told, None)
            true = claim._replace(root=root_at(told))
            false = claim._replace(root=bytes(32))
            if told > size:
                for each in (claim, true, false):
                    with pytest.raises(OlderError) as older:
                        check(each, size=size)
                    assert (told, "one", None) == (
                        older.value.size, older.value.source, older.value.found,
                    )  # fmt: skip
                continue
            check(claim, true, size=size)
            with pytest.raises(ForkedError) as forked:
                check(claim, true, false, size=size)
            assert (told, bytes(32).hex(), root_at(told).hex()) == (
                forked.value.size, forked.value.root, forked.value.found,
            )  # fmt: skip


def test_nothing_known_is_nothing_disputed() -> None:
    check(size=0)


def test_who_knows_most_is_named_and_a_fork_before_anything() -> None:
    some, more = Claim("some", 6, None, b"note"), Claim("more", 8, root_at(8), b"later note")
    with pytest.raises(OlderError, match=r"older than more: entries 5 to 7 were") as older:
        check(more, some, size=5)
    with pytest.raises(OlderError, match=r"entry 7 was acknowledged"):
        check(some, more, size=7)
    with pytest.raises(ForkedError, match="size 3") as forked:
        check(more, some, Claim("fork", 3, bytes(32), b"other note"), size=5)

    assert (b"later note", root_at(8).hex()) == (older.value.note, older.value.root)
    assert (b"other note", "fork") == (forked.value.note, forked.value.source)
    assert isinstance(forked.value, DisputedError)


def test_a_receipt_and_a_checkpoint_say_what_was_signed(ledger: Ledger) -> None:
    submit(ledger, new_letter("alpha"), new_letter("alpha"))
    state = ledger.state()
    note = ledger.checkpoint()
    receipt = claim_of_receipt(ledger.receipt(1), source="r", state=state, size=3)
    checkpoint = claim_of_checkpoint(note, source="c", state=state, size=3)

    assert Claim("r", 3, ledger.root(), note) == receipt
    assert Claim("c", 3, ledger.root(), note) == checkpoint


def refused(ledger: Ledger, data: bytes) -> RuleError:
    with pytest.raises(RuleError) as refusal:
        claim_of_receipt(data, source="r.json", state=ledger.state(), size=ledger.size())

    assert refusal.value.check is Check.RECEIPT
    assert refusal.value.where.startswith("r.json ")
    return refusal.value


def test_refuses_receipts_that_are_none(ledger: Ledger, tmp_path: Path) -> None:
    submit(ledger, new_letter("alpha"))
    good = parse_receipt(ledger.receipt(1))
    wire = msgspec.structs.replace
    with found_ledger(tmp_path / "other", ALPHA, notice_days=9)[0] as other:
        assert "is of another ledger" == refused(ledger, other.receipt(0)).reason
        swapped = wire(good, proof=parse_receipt(other.receipt(0)).proof)
        refused(ledger, encode(swapped))
    refused(ledger, b"{}")
    refused(ledger, b"x" * 300_000)
    refused(ledger, format_receipt(wire(good, leaf="0" * 64)))
    refused(ledger, encode(wire(good, proof=good.proof.replace("2\n", "3\n", 1))))
    body, _, line = good.proof.rpartition("\n\n")
    refused(ledger, encode(wire(good, proof=f"{body}\n\n{line[:-9]}AAAAAAA=\n")))
    refused(ledger, encode(wire(good, proof="nothing")))


@pytest.mark.parametrize("note", [b"", b"nothing", b"x\n1\n\n\n"])
def test_refuses_checkpoints_that_are_none(ledger: Ledger, note: bytes) -> None:
    with pytest.raises(RuleError) as refusal:
        claim_of_checkpoint(note, source="c", state=ledger.state(), size=ledger.size())

    assert (Check.NOTE_SIGNATURE, "c") == (refusal.value.check, refusal.value.where)


def test_refuses_a_checkpoint_that_another_signed(ledger: Ledger) -> None:
    charter = ledger.state().charter
    other = msgspec.structs.replace(charter, log_key=ALPHA.public)
    state = msgspec.structs.replace(ledger.state(), charter=other, log_keys=((0, ALPHA.public),))
    with pytest.raises(RuleError):
        claim_of_checkpoint(ledger.checkpoint(), source="c", state=state, size=3)
