"""What a ledger answers, and what it keeps beside the entries: claims and files."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.ledger import Ledger
from tests.ledger.builder import (
    NOON_MS,
    Clock,
    NewEvent,
    Party,
    found_ledger,
    new_event,
    new_letter,
    new_log_key,
    refused,
    sign_document,
    submit,
)
from verify.checks import Check
from verify.errors import RuleError
from verify.merkle import leaf_hash
from verify.receipt import (
    Receipt,
    check_receipt_alone,
    format_receipt,
    parse_receipt,
    rebuild_leaf,
)
from verify.submission import parse_document

ALPHA, BETA, GAMMA = Party("alpha", 1), Party("beta", 2), Party("gamma", 3)
KEY = new_log_key().verifier_key
DAY_MS = 86_400_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    opened, _ = found_ledger(tmp_path / "ledger", ALPHA, clock=clock, members=["beta", "gamma"])
    with opened:
        yield opened


def sealed_and_its_opening(nested: NewEvent) -> tuple[NewEvent, NewEvent]:
    dates = {"opens_by": {"basis": "stated", "edtf": "2026-05-01"}}
    seal = new_event("alpha", "sealed/v1", seals=nested.id.hex(), dates=dates)
    plain = new_event("alpha", "opening/v1", of=seal.id.hex(), event=0)
    data = plain.data.replace(b'"event":0', b'"event":' + nested.data)
    return seal, NewEvent(data, nested.disclosures)


# Receipts


def test_a_receipt_proves_all_that_was_signed(ledger: Ledger) -> None:
    events = [new_letter("alpha") for _ in range(5)]
    document = sign_document(ledger, ALPHA, events)
    submit(ledger, new_letter("alpha"))
    receipt = parse_receipt(ledger.submit(document))
    statement, signature = (
        parse_document(document).statement,
        parse_document(document).signature,
    )

    assert (2, 5, NOON_MS) == (receipt.first, receipt.count, receipt.recorded)
    assert 7 == check_receipt_alone(receipt, key=KEY).size
    leaf = rebuild_leaf(receipt, statement, signature, [event.data for event in events])
    assert receipt.leaf == leaf.hex() == leaf_hash(ledger.entry(6)).hex()


def test_the_receipt_of_any_entry_is_of_its_submission(ledger: Ledger) -> None:
    submit(ledger, *(new_letter("alpha") for _ in range(3)))
    submit(ledger, new_letter("alpha"))
    receipts = [parse_receipt(ledger.receipt(index)) for index in range(5)]

    assert [(0, 1), (1, 3), (1, 3), (1, 3), (4, 1)] == [(r.first, r.count) for r in receipts]
    for receipt in receipts:
        assert 5 == check_receipt_alone(receipt, key=KEY).size


@pytest.mark.parametrize(
    "change",
    [
        {"leaf": "0" * 64},
        {"count": 2},
        {"first": 2},
        {"proof": "c2sp.org/tlog-proof@v1\n"},
        {"proof": "\ud800"},
    ],
)
def test_refuses_a_receipt_of_which_anything_is_changed(
    ledger: Ledger, change: dict[str, object]
) -> None:
    receipt = submit(ledger, new_letter("alpha"))
    fields = {name: getattr(receipt, name) for name in receipt.__struct_fields__}
    with pytest.raises(RuleError) as refusal:
        check_receipt_alone(Receipt(**(fields | change)), key=KEY)

    assert Check.RECEIPT is refusal.value.check


def test_refuses_a_receipt_signed_by_another_log_key(ledger: Ledger) -> None:
    with pytest.raises(RuleError):
        check_receipt_alone(parse_receipt(ledger.receipt(0)), key=new_log_key(2).verifier_key)


@pytest.mark.parametrize(
    "change",
    [(b'"count":1', b'"count":01'), (b'"first":1', b'"first":0'), (b"{", b"{ "), (b"}", b"")],
)
def test_refuses_octets_that_are_no_receipt(ledger: Ledger, change: tuple[bytes, bytes]) -> None:
    octets = format_receipt(submit(ledger, new_letter("alpha")))
    for bad in (octets.replace(*change, 1), octets + b" " * 131_072):
        with pytest.raises(RuleError) as refusal:
            parse_receipt(bad)

        assert Check.RECEIPT is refusal.value.check


# Claims and files


def file_claim(data: bytes) -> dict[str, object]:
    return {
        "media_type": "text/plain",
        "name": "a.txt",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }


def test_refuses_a_disclosure_whose_file_is_not_there(ledger: Ledger) -> None:
    data = b"the minutes"
    sha256 = hashlib.sha256(data).hexdigest()
    event = new_event(
        "alpha", "communication/v1", channel="email", claims={"file.1": file_claim(data)}
    )
    document = sign_document(ledger, ALPHA, [event])

    assert Check.FILE_MISSING is refused(ledger, document)
    with pytest.raises(RuleError, match="its file is not here"):
        ledger.submit(document)
    ledger.add_file(io.BytesIO(data), sha256=sha256, size=len(data))
    ledger.submit(document)
    assert data == ledger.file_path(sha256).read_bytes()


def test_refuses_a_disclosure_that_says_another_size(ledger: Ledger) -> None:
    data = b"the minutes"
    sha256 = hashlib.sha256(data).hexdigest()
    ledger.add_file(io.BytesIO(data), sha256=sha256, size=len(data))
    claim = file_claim(data) | {"size": 12}
    event = new_event("alpha", "communication/v1", channel="email", claims={"file.1": claim})
    document = sign_document(ledger, ALPHA, [event])

    assert Check.FILE_MISSING is refused(ledger, document)
    with pytest.raises(RuleError, match="its file has another size"):
        ledger.submit(document)


def withheld_letter() -> NewEvent:
    return new_event(
        "alpha",
        "communication/v1",
        channel="letter",
        claims={"title": "t", "text": "w", "body": "b"},
        withheld=["text", "body"],
    )


@pytest.mark.parametrize("together", [True, False])
def test_withheld_claims_are_handed_over_to_their_own_entry(
    ledger: Ledger, *, together: bool
) -> None:
    letter = withheld_letter()
    opening = new_event("alpha", "opening/v1", of=letter.id.hex(), names=["body"])
    handed = NewEvent(opening.data, {"body": letter.disclosures["body"]})
    if together:
        submit(ledger, letter, handed)
    else:
        submit(ledger, letter)
        assert letter.sent == ledger.disclosures(1)
        submit(ledger, new_letter("alpha"))
        submit(ledger, handed)
    expected = (letter.disclosures["body"], letter.disclosures["title"])

    assert expected == ledger.disclosures(1)
    assert () == ledger.disclosures(ledger.index_of(opening.id) or 0)


def test_refuses_to_hand_over_what_was_not_sealed(ledger: Ledger) -> None:
    letter, other = withheld_letter(), withheld_letter()
    submit(ledger, letter)
    opening = new_event("alpha", "opening/v1", of=letter.id.hex(), names=["body"])
    forged = NewEvent(opening.data, {"body": other.disclosures["body"]})

    assert Check.DISCLOSURE is refused(ledger, sign_document(ledger, ALPHA, [forged]))
    assert letter.sent == ledger.disclosures(1)


def test_an_opening_makes_two_events_known(ledger: Ledger) -> None:
    nested = new_letter("alpha", "sealed before")
    seal, opening = sealed_and_its_opening(nested)
    submit(ledger, seal, new_letter("alpha"))
    submit(ledger, new_letter("alpha"), opening, new_letter("alpha"))
    after = new_letter("alpha", links=[{"event": nested.id.hex(), "rel": "about"}])
    submit(ledger, after)

    assert 4 == ledger.index_of(opening.id) == ledger.index_of(nested.id)
    assert nested.sent == ledger.disclosures(4)
    assert (nested.id.hex(),) == ledger.ids_with_prefix(nested.id.hex()[:20])
    fact = ledger.past().find(nested.id.hex())
    assert fact is not None
    assert (4, "communication", "alpha") == (fact.index, fact.kind, fact.author)
    assert parse_document(sign_document(ledger, ALPHA, [nested])).events[0].event == (
        ledger.past().event(nested.id.hex(), 4)
    )
    assert Check.REPEATED is refused(ledger, sign_document(ledger, ALPHA, [nested]))
