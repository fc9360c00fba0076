"""Maps and sequences of which a changed copy shares the rest: as dictionaries and lists are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.persistent import Blocks, ById

IDS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(20)]
IDS += [f"{IDS[0][:3]}{each[3:]}" for each in IDS[1:10]]  # some of one bucket


def numbers(seed: int, count: int) -> set[int]:
    """Return that many numbers, or a few less: to draw each would take long."""
    random = Random(seed)
    return {random.randrange(9000) for _ in range(count)}


NUMBERS = st.builds(numbers, st.integers(0, 99), st.sampled_from((0, 1, 5, 600, 3000)))


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 9) | st.none()), max_size=9),
        max_size=6,
    )
)
def test_a_map_is_a_dictionary_and_what_it_was_stays(
    turns: Sequence[Sequence[tuple[str, int | None]]],
) -> None:
    found: ById[int] = ById()
    model: dict[str, int] = {}
    earlier: list[tuple[ById[int], dict[str, int]]] = []
    for turn in turns:
        earlier.append((found, dict(model)))
        draft = found.draft()
        for event_id, value in turn:
            if value is not None:
                draft[event_id] = model[event_id] = value
            elif event_id in model:
                del draft[event_id], model[event_id]
            assert model.get(event_id) == draft.get(event_id)
        assert model == dict(draft)
        found = draft.done()
    for a_map, values in [*earlier, (found, model)]:
        assert values == dict(a_map)
        assert len(values) == len(a_map)
        assert [values.get(each, -1) for each in IDS] == [a_map.get(each, -1) for each in IDS]
        assert [each in values for each in IDS] == [each in a_map for each in IDS]
    assert found == ById.of(model)


def test_a_map_without_a_value_says_so() -> None:
    a_map = ById.of({IDS[0]: 1})
    with pytest.raises(KeyError):
        a_map[IDS[1]]
    assert a_map.get(IDS[-1]) is None
    assert IDS[-1][:3] == IDS[0][:3]


def place_in(blocks: Blocks[int], number: int) -> int:
    return blocks.place_of(number, lambda each: each)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_sorted_sequence_is_spliced_as_a_sorted_list(
    first: set[int], out: set[int], more: set[int]
) -> None:
    before = Blocks(sorted(first))
    gone, come = first & out, more - (first - out)
    after = before.spliced(
        gone=[place_in(before, number) for number in gone], come=come, key=lambda number: number
    )

    assert sorted(first) == list(before)
    assert sorted((first - out) | come) == list(after)
    assert [place_in(after, number) for number in after] == list(range(len(after)))


@given(NUMBERS, st.lists(st.integers(0, 9000), max_size=5))
def test_a_few_come_into_many_as_well(first: set[int], few: list[int]) -> None:
    before = Blocks(sorted({*first, *range(0, 9000, 2)}))
    come = {number for number in few if number not in {*first, *range(0, 9000, 2)}}
    after = before.spliced(gone=[], come=come, key=lambda number: number)

    assert sorted({*before, *come}) == list(after)


@given(
    st.integers(0, 1600),
    st.dictionaries(st.integers(0, 1599), st.integers(-9, -1), max_size=5),
    st.integers(0, 1100),
)
def test_a_sequence_is_changed_at_places_and_lengthened(
    count: int, items: dict[int, int], more: int
) -> None:
    items = {place: item for place, item in items.items() if place < count}
    before = Blocks(range(count))
    after = before.changed(items, range(count, count + more))
    model = [items.get(number, number) for number in range(count + more)]

    assert model == list(after)
    assert list(range(count)) == list(before)
    assert sorted(items) == sorted(before.differing(after))
    assert list(reversed(model)) == list(reversed(after))
    assert model[3:9] == list(after[3:9])
    assert model[:] == list(after[:])
    assert (after == Blocks(model)) is True
    assert (before == after) is (not items and not more)


def test_a_sequence_is_read_from_either_end_and_not_beyond() -> None:
    blocks = Blocks(range(700))

    assert (0, 699, 699) == (blocks[0], blocks[699], blocks[-1])
    for place in (700, -701):
        with pytest.raises(IndexError):
            blocks[place]
    assert "(0, 1)" == repr(Blocks(range(2)))
    assert Blocks([1]) != (1,)
    assert 0 == Blocks[int]().place_of(3, lambda each: each)
