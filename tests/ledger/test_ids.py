"""The id index: against a plain dictionary."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import ids

PREFIXES = st.integers(0, 2**64 - 1)
PAIRS = st.lists(st.tuples(PREFIXES, st.integers(0, 2**53)), max_size=60)


def id_of(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def run_of(pairs: list[tuple[int, int]]) -> ids.Run:
    return ids.parse_run(memoryview(ids.format_run(pairs)))


def expected(pairs: list[tuple[int, int]], prefix: int) -> list[int]:
    return sorted(index for known, index in pairs if known == prefix)


@given(PAIRS)
def test_a_run_finds_what_it_holds_and_nothing_else(pairs: list[tuple[int, int]]) -> None:
    run = run_of(pairs)

    for prefix in {known for known, _ in pairs} | {0, 1, 2**64 - 1}:
        assert expected(pairs, prefix) == sorted(ids.find([run], prefix))


@given(st.lists(PAIRS, min_size=1, max_size=9))
def test_a_merged_run_is_the_run_of_all(runs: list[list[tuple[int, int]]]) -> None:
    merged = ids.merge([run_of(pairs) for pairs in runs])

    assert ids.format_run(pair for pairs in runs for pair in pairs) == merged


def test_a_merge_in_parts_is_the_merge_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(ids.prefix_of(id_of(n)), n) for n in range(1000)] + [(2**64 - 1, 7), (0, 8)]
    whole = ids.format_run(pairs)
    monkeypatch.setattr(ids, "_MERGE_AT_ONCE", 100)

    assert whole == ids.merge([run_of(pairs[:500]), run_of(pairs[500:])])


@given(PAIRS, PREFIXES, PREFIXES)
def test_a_range_holds_what_lies_in_it(pairs: list[tuple[int, int]], one: int, other: int) -> None:
    low, high = sorted((one, other))
    tail = ids.Tail()
    for prefix, index in pairs:
        tail.add(prefix, index)
    inside = Counter(index for prefix, index in pairs if low <= prefix <= high)

    assert inside == Counter(ids.within(run_of(pairs), low, high))
    assert inside == Counter(tail.within(low, high))


@given(PAIRS)
def test_the_tail_finds_what_was_added_also_twins(pairs: list[tuple[int, int]]) -> None:
    tail = ids.Tail()
    for prefix, index in pairs:
        tail.add(prefix, index)

    for prefix in {known for known, _ in pairs} | {0}:
        assert expected(pairs, prefix) == sorted(tail.find(prefix))
    assert sorted(pairs) == sorted(tail.pairs())


@given(st.binary(min_size=32, max_size=32), st.integers(1, 64))
def test_the_range_of_a_prefix_holds_the_id(event_id: bytes, digits: int) -> None:
    low, high = ids.prefix_range(event_id.hex()[:digits])

    assert low <= ids.prefix_of(event_id) <= high


@pytest.mark.parametrize(
    ("digits", "low", "high"),
    [
        ("0", 0, 2**60 - 1),
        ("f", 15 << 60, 2**64 - 1),
        ("0123456789abcdef0", 0x0123456789ABCDEF, 0x0123456789ABCDEF),
    ],
)
def test_a_range_is_exactly_that_of_its_digits(digits: str, low: int, high: int) -> None:
    assert (low, high) == ids.prefix_range(digits)


@pytest.mark.parametrize("digits", ["", "g", "A", "0x1", " 1", "1" * 65])
def test_refuses_what_no_id_begins_with(digits: str) -> None:
    with pytest.raises(ValueError, match="beginning"):
        ids.prefix_range(digits)


def test_merges_a_level_that_is_full_and_never_the_top() -> None:
    assert ids.to_merge({0: 7, 1: 7, 2: 100}) is None
    assert ids.to_merge({0: 8, 1: 8}) == 0
    assert ids.to_merge({0: 0, 1: 8}) == 1
