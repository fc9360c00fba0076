import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import _ledger, _with
from verify.checks import Check
from verify.codec import encode
from verify.entry import MAX_ENTRY, check_parts, parse_entry
from verify.errors import RuleError

ENTRIES = _ledger().entries


def test_entries_read_back() -> None:
    for data in ENTRIES:
        entry = parse_entry(data)
        check_parts(entry)

        assert data == encode(entry)


@pytest.mark.parametrize(
    ("index", "field", "value", "check"),
    [(0, "prev", "00" * 32, Check.PREV), (3, "prev", None, Check.PREV),
     (0, "rules", "00" * 32, Check.POSITION), (3, "rules", None, Check.POSITION),
     (3, "signature", None, Check.POSITION), (3, "statement", None, Check.POSITION),
     (4, "signature", "00" * 64, Check.POSITION), (4, "rules", "00" * 32, Check.POSITION),
     (4, "position", 4096, Check.POSITION), (4, "position", 5, Check.POSITION)],
)  # fmt: skip
def test_an_entry_has_the_parts_that_its_place_calls_for(
    index: int, field: str, value: object, check: Check
) -> None:
    entry = parse_entry(_with(ENTRIES[index], field, value))
    with pytest.raises(RuleError) as caught:
        check_parts(entry)

    assert (check, field) == (caught.value.check, caught.value.where)


def test_an_entry_is_of_65_535_octets_at_most() -> None:
    with pytest.raises(RuleError) as caught:
        parse_entry(b" " * (MAX_ENTRY + 1), where="here")

    assert (Check.ENTRY, "here") == (caught.value.check, caught.value.where)


def test_an_event_is_not_read_into_the_depth_by_the_entry() -> None:
    for opening in (b"[", b'{"a":'):
        with pytest.raises(RuleError) as caught:
            parse_entry(b'{"event":' + opening * 13_000)

        assert (Check.ENTRY, "entry") == (caught.value.check, caught.value.where)


@given(st.binary())
def test_any_octets_give_an_entry_or_a_refusal(data: bytes) -> None:
    with pytest.raises(RuleError):
        parse_entry(data)
