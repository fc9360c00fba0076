import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.vectors.submissions import small_world
from tests.world import letter, public_hex, signing_key
from verify.checks import Check
from verify.entry import parse_entry
from verify.errors import RuleError, VerifyError
from verify.notes import log_vkey
from verify.receipt import (
    MAX_RECEIPT,
    Receipt,
    check_receipt_alone,
    format_receipt,
    parse_receipt,
    proof_of,
    rebuild_leaf,
)

WORLD = small_world()
DATA = WORLD.receipt(3, 2)
RECEIPT = parse_receipt(DATA)
KEY = log_vkey("ledger.example/two-councils", public_hex(signing_key("log")))


def where(call: object, *arguments: object, **named: object) -> str:
    with pytest.raises(RuleError) as caught:
        call(*arguments, **named)  # type: ignore[operator]  # any function

    assert Check.RECEIPT is caught.value.check
    return caught.value.where


def test_a_receipt_reads_back_and_its_proof_leads_to_its_checkpoint() -> None:
    assert DATA == format_receipt(RECEIPT)
    assert 5 == check_receipt_alone(RECEIPT, key=KEY).size


def test_who_holds_the_events_rebuilds_the_leaf() -> None:
    entries = [parse_entry(data) for data in WORLD.entries[3:5]]
    events = [bytes(entry.event) for entry in entries]
    statement, signature = entries[0].statement, entries[0].signature
    assert statement is not None
    assert signature is not None
    octets = bytes.fromhex(signature)

    assert RECEIPT.leaf == rebuild_leaf(RECEIPT, statement, octets, events).hex()
    assert RECEIPT.leaf != rebuild_leaf(RECEIPT, statement, octets, events[::-1]).hex()
    assert "receipt.count" == where(rebuild_leaf, RECEIPT, statement, octets, events[:1])


@pytest.mark.parametrize(
    "changes",
    [{"prev": None}, {"rules": None}, {"first": 0}, {"prev": None, "rules": None},
     {"first": 0, "prev": None, "rules": None}, {"count": 0}, {"proof": ""}, {"leaf": "x"}],
)  # fmt: skip
def test_a_receipt_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    value = json.loads(DATA) | changes
    data = json.dumps(
        {k: v for k, v in value.items() if v is not None}, sort_keys=True, separators=(",", ":")
    )

    assert where(parse_receipt, data.encode()).startswith("receipt")


def test_a_proof_is_of_the_last_entry_without_extra_data_and_signed() -> None:
    extra = RECEIPT.proof.replace("index", "extra YQ==\nindex")
    for changed in (
        replace(RECEIPT, proof=extra),
        replace(RECEIPT, proof="x"),
        replace(RECEIPT, proof="\ud800"),
        replace(RECEIPT, first=2),
    ):
        assert "receipt.proof" == where(proof_of, changed)

    other = log_vkey("ledger.example/two-councils", public_hex(signing_key("other")))

    assert "receipt.proof" == where(check_receipt_alone, RECEIPT, key=other)
    assert "receipt.proof" == where(check_receipt_alone, replace(RECEIPT, leaf="00" * 32), key=KEY)


def test_a_receipt_may_be_so_long_and_no_longer() -> None:
    room = MAX_RECEIPT - len(DATA) + len(RECEIPT.proof.encode()) + RECEIPT.proof.count("\n")
    longest = format_receipt(replace(RECEIPT, proof="x" * room))

    assert MAX_RECEIPT == len(longest)
    assert longest == format_receipt(parse_receipt(longest))
    assert "receipt" == where(format_receipt, replace(RECEIPT, proof="x" * (room + 1)))
    assert "receipt" == where(parse_receipt, longest.replace(b"xx", b"xxx", 1))
    assert isinstance(RECEIPT, Receipt)
    assert letter("northmere").id


@given(st.binary())
def test_any_octets_give_a_receipt_or_a_refusal(data: bytes) -> None:
    with pytest.raises(VerifyError):
        parse_receipt(data)
