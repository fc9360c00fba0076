"""The table of states that an item goes through, and the ranges that items are kept in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.folds.items import Item, Move, ball_of, move, resumed
from ledger.folds.ranges import RangeMap
from tests.ledger.founding import LCC


def item(state: str) -> Item:
    return Item(state=state, since="0", recipients=frozenset((LCC,)))  # type: ignore[arg-type]  # a test's own


@pytest.mark.parametrize(
    ("state", "verb", "outcome", "doer", "expected"),
    [
        ("asked", "seek_clarification", None, LCC, "clarification_sought"),
        ("asked", "seek_clarification", None, "rutland", "asked"),
        ("clarified", "seek_clarification", None, LCC, "clarification_sought"),
        ("answered", "seek_clarification", None, LCC, "answered"),
        ("clarification_sought", "narrow", None, "rutland", "clarified"),
        ("clarification_sought", "extend", None, "rutland", "clarified"),
        ("clarification_sought", "clarify", None, LCC, "clarification_sought"),
        ("asked", "clarify", None, "rutland", "clarified"),
        ("asked_orally", "clarify", None, "rutland", "clarified"),
        ("asked", "clarify", None, LCC, "asked"),
        ("answered", "clarify", None, "rutland", "answered"),
        ("clarification_sought", "answer", "part", LCC, "clarification_sought"),
        ("asked_orally", "answer", "part", LCC, "answered_in_part"),
        ("answered_in_part", "answer", "full", LCC, "answered"),
        ("deferred", "answer", "not_held", LCC, "not_held"),
        ("asked", "answer", "already_public", LCC, "already_public"),
        ("answered", "answer", "part", LCC, "answered"),
        ("asked", "refuse", None, LCC, "refused"),
        ("asked", "refuse", None, "rutland", "asked"),
        ("answered", "withdraw", None, "rutland", "withdrawn"),
        ("refused", "review", None, "rutland", "under_review"),
        ("answered_in_part", "review", None, "rutland", "under_review"),
        ("asked", "review", None, "rutland", "asked"),
        ("under_review", "answer", "full", LCC, "answered"),
        ("asked", "chase", None, "rutland", "asked"),
        ("asked", "defer", None, "rutland", "deferred"),
        ("asked", "transfer", None, LCC, "asked"),
    ],
)
def test_only_the_party_entitled_moves_an_item(
    state: str, verb: str, outcome: str | None, doer: str, expected: str
) -> None:
    made = Move(
        id="1", verb=verb, outcome=outcome, doers=frozenset((doer,)), told_by=doer,
        consent=frozenset(), to=frozenset(("melton",)),
    )  # fmt: skip

    assert expected == move(item(state), made, makers=frozenset(("rutland",))).state


def test_a_request_passed_on_with_consent_is_the_new_recipient_s() -> None:
    makers = frozenset(("rutland",))
    passed = Move(
        id="1", verb="transfer", outcome=None, doers=frozenset((LCC,)), told_by=LCC,
        consent=makers, to=frozenset(("melton",)),
    )  # fmt: skip
    after = move(item("asked"), passed, makers=makers)

    assert "transferred" == after.state
    assert {"melton"} == set(ball_of(after, makers=makers))


def test_a_question_answered_during_a_deferral_shows_when_it_ends() -> None:
    makers = frozenset(("rutland",))
    asked = item("clarification_sought")
    deferred = move(asked, _by("rutland", "defer"), makers=makers)
    answered = move(deferred, _by("rutland", "clarify"), makers=makers)

    assert "deferred" == answered.state
    assert "clarified" == resumed(answered).state


def _by(doer: str, verb: str) -> Move:
    return Move(
        id=verb, verb=verb, outcome=None, doers=frozenset((doer,)), told_by=doer,
        consent=frozenset(),
    )  # fmt: skip


SPANS = st.lists(
    st.integers(1, 16), min_size=2, max_size=8, unique=True
).map(sorted).map(lambda ends: tuple(zip(ends[::2], ends[1::2], strict=False)))  # fmt: skip


@given(st.lists(st.tuples(st.none() | SPANS, st.integers(0, 3)), max_size=40))
def test_ranges_agree_with_a_plain_list(
    changes: list[tuple[tuple[tuple[int, int], ...] | None, int]],
) -> None:
    values = [0] * 12
    ranges: RangeMap[int] = RangeMap.filled(12, 0)
    for spans, number in changes:
        before = ranges

        def change(old: int, number: int = number) -> int:
            return (old * 2 + number) % 5

        ranges = ranges.changed(spans, change)
        kept = [seg.value for seg in before.segments for _ in range(seg.width)]
        assert values == kept
        for first, last in ((1, 12),) if spans is None else spans:
            values[first - 1 : last] = map(change, values[first - 1 : last])
        segments = ranges.segments

        assert values == [seg.value for seg in segments for _ in range(seg.width)]
        assert all(a.value != b.value for a, b in pairwise(segments))
        assert sorted(set(values)) == sorted(ranges.values)
        cut = list(ranges.split(((3, 5),)))
        assert values == [seg.value for seg in cut for _ in range(seg.width)]
        assert {3, 6} <= {seg.first for seg in cut}
