"""Limits by themselves: each at its edge, and what is given back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from api import limits
from api.limits import Places, Quota, Rates
from api.problems import ProblemError


def refusal(ask: Callable[[], object]) -> tuple[str, int | None]:
    with pytest.raises(ProblemError) as refused:
        ask()
    return refused.value.slug, refused.value.retry_after_s


def enter(places: Places, holder: str) -> contextlib.ExitStack:
    stack = contextlib.ExitStack()
    stack.enter_context(places.take(holder))
    return stack


def test_there_are_so_many_places_and_what_is_left_is_free_again() -> None:
    places = Places(2, what="files", retry_after_s=7)

    one, two = (enter(places, name) for name in ("one", "two"))
    assert ("busy", 7) == refusal(lambda: enter(places, "three"))
    assert 2 == places.taken
    one.close()
    three = enter(places, "three")
    assert ("busy", 7) == refusal(lambda: enter(places, "one"))
    for each in (two, three):
        each.close()
    assert 0 == places.taken


def test_one_holder_has_its_part_of_the_places() -> None:
    places = Places(9, what="files", retry_after_s=7, each=2)

    first, second = (enter(places, "one") for _ in range(2))
    assert ("busy", 7) == refusal(lambda: enter(places, "one"))
    other = enter(places, "two")
    first.close()
    third = enter(places, "one")
    assert ("busy", 7) == refusal(lambda: enter(places, "one"))
    for each in (second, third, other):
        each.close()
    assert not places._held  # whoever asked once is not remembered for ever


def test_a_place_is_free_again_when_what_took_it_fails() -> None:
    places = Places(1, what="files", retry_after_s=7)
    with pytest.raises(ValueError, match="broken"), places.take("one"):
        raise ValueError("broken")

    enter(places, "one").close()


def test_the_first_that_one_holds_may_be_any_number_while_there_is_room() -> None:
    quota = Quota(100, each=25)

    assert [True, False] == [quota.take_one("a", count) for count in (90, 1)]
    assert [True, False] == [quota.take_one(holder, 90) for holder in ("b", "c")]
    quota.give("a", 90)
    assert quota.take_one("c", 20) is True
    quota.give("b", 90)
    assert [True, False] == [quota.take_one("c", count) for count in (5, 1)]


def test_octets_are_held_up_to_a_bound_for_each_and_for_all() -> None:
    full = ProblemError("full", "no room")
    quota = Quota(10, each=6)

    quota.take("one", 6, otherwise=full)
    assert 0 == quota.left("one")
    assert 4 == quota.left("two")
    assert ("full", None) == refusal(lambda: quota.take("one", 1, otherwise=full))
    assert ("full", None) == refusal(lambda: quota.take("two", 5, otherwise=full))
    quota.take("two", 4, otherwise=full)
    assert 0 == quota.left("three")
    quota.give("one", 2)
    assert 2 == quota.left("one") == quota.left("three")
    quota.give("one", 4)
    quota.give("two", 4)
    assert 6 == quota.left("one") == quota.left("two")
    assert not quota._held


def test_what_is_held_already_counts_though_it_does_not_fit() -> None:
    quota = Quota(10, each=6)
    quota.hold("", 11)

    assert quota.left("one") < 0


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_is_full_at_first_and_fills_by_the_second() -> None:
    clock = Clock()
    rates = Rates(0.5, at_once=2, what="requests", clock=clock)

    for _ in range(3):
        rates.take("one")
    assert ("too-many", 3) == refusal(lambda: rates.take("one"))
    rates.take("two")
    clock.now_s += 1.5
    assert ("too-many", 1) == refusal(lambda: rates.take("one"))
    clock.now_s += 0.5
    rates.take("one")
    assert ("too-many", 3) == refusal(lambda: rates.take("one"))
    clock.now_s += 1000
    for _ in range(3):
        rates.take("one")
    assert ("too-many", 3) == refusal(lambda: rates.take("one"))


def test_what_is_taken_back_may_be_asked_again_and_no_more() -> None:
    rates = Rates(0.5, at_once=1, what="requests", clock=Clock())

    for given in (1, 5):
        for _ in range(2):
            rates.take("one")
        for _ in range(given):
            rates.give("one")
            rates.give("nobody")
        for _ in range(min(given, 2)):
            rates.take("one")
        assert ("too-many", 3) == refusal(lambda: rates.take("one"))
        rates.give("one")
        rates.give("one")


def test_without_a_rate_anybody_asks_as_often_as_it_likes() -> None:
    rates = Rates(0, at_once=0, what="requests", clock=Clock())

    for _ in range(3):
        rates.take("one")
    assert not rates._levels


def test_who_asked_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_REMEMBERED", 2)
    rates = Rates(0.5, at_once=0, what="requests", clock=Clock())

    for name in ("one", "two"):
        rates.take(name)
    assert ("too-many", 3) == refusal(lambda: rates.take("one"))  # it asked last
    rates.take("three")
    rates.take("two")  # forgotten, so its bucket is full
    assert ["three", "two"] == list(rates._levels)
