"""Erasures and holds by themselves (SPEC section 9.8)."""

from __future__ import annotations

import pytest

from tests.ledger.counting import lines
from tests.world import T0, restart, say
from verify.erasures import DAY_MS, Erasures
from verify.kinds import Erasure, Hold

OF = "ab" * 32
OTHER = "cd" * 32


@pytest.fixture(autouse=True)
def _fresh() -> None:
    restart("erasures")


def erasure(of: str = OF, ground: str = "retention") -> Erasure:
    event = say(Erasure, "northmere", None, of=of, names=("text",), ground=ground).event
    assert isinstance(event, Erasure)
    return event


def hold(**fields: object) -> Hold:
    event = say(Hold, "southfold", None, **fields).event
    assert isinstance(event, Hold)
    return event


def test_takes_effect_when_its_notice_is_over_and_not_before() -> None:
    erasures = Erasures()
    erasures.announce(erasure(), target=3, recorded=T0, notice_days=2)
    erasures.reach(T0 + 2 * DAY_MS - 1)

    assert set() == erasures.done

    erasures.reach(T0 + 2 * DAY_MS)

    assert {(3, "text")} == erasures.done


def test_takes_effect_at_once_by_a_court_s_order() -> None:
    erasures = Erasures()
    erasures.announce(erasure(ground="court_order"), target=3, recorded=T0, notice_days=28)

    assert {(3, "text")} == erasures.done


@pytest.mark.parametrize("fields", [{"of": (OF, OTHER)}, {"all": "yes"}])
def test_waits_while_it_is_held_and_goes_on_when_the_hold_ends(fields: dict[str, object]) -> None:
    erasures = Erasures()
    erasures.hold(hold(**fields), event_id="11" * 32)
    erasures.announce(erasure(ground="court_order"), target=3, recorded=T0, notice_days=28)
    erasures.hold(hold(ends="11" * 32), event_id="22" * 32)

    assert set() == erasures.done

    erasures.reach(T0)

    assert {(3, "text")} == erasures.done


def test_waits_for_the_last_of_several_holds() -> None:
    erasures = Erasures()
    erasures.hold(hold(of=(OF,)), event_id="11" * 32)
    erasures.hold(hold(all="yes"), event_id="22" * 32)
    erasures.announce(erasure(ground="court_order"), target=3, recorded=T0, notice_days=28)
    erasures.hold(hold(ends="22" * 32), event_id="33" * 32)
    erasures.reach(T0)

    assert set() == erasures.done

    erasures.hold(hold(ends="11" * 32), event_id="44" * 32)
    erasures.reach(T0)

    assert {(3, "text")} == erasures.done


def test_a_hold_of_another_event_stops_nothing() -> None:
    erasures = Erasures()
    erasures.hold(hold(of=(OTHER,)), event_id="11" * 32)
    erasures.announce(erasure(ground="court_order"), target=3, recorded=T0, notice_days=28)

    assert {(3, "text")} == erasures.done


def test_a_hold_counts_once_and_ends_once() -> None:
    erasures = Erasures()
    erasures.hold(hold(of=(OF,)), event_id="11" * 32)
    erasures.hold(hold(of=(OF,)), event_id="11" * 32)
    erasures.hold(hold(ends="11" * 32), event_id="22" * 32)
    erasures.hold(hold(ends="11" * 32), event_id="33" * 32)
    erasures.announce(erasure(ground="court_order"), target=3, recorded=T0, notice_days=28)

    assert {(3, "text")} == erasures.done


def test_what_took_effect_stays_whatever_is_held_later() -> None:
    erasures = Erasures()
    erasures.announce(erasure(ground="court_order"), target=3, recorded=T0, notice_days=28)
    erasures.hold(hold(all="yes"), event_id="11" * 32)
    erasures.reach(T0 + DAY_MS)

    assert {(3, "text")} == erasures.done


@pytest.mark.parametrize("fields", [{"of": (OF,)}, {"all": "yes"}])
def test_what_is_held_twice_costs_nothing_when_one_of_them_ends(fields: dict[str, object]) -> None:
    def cost(stopped: int) -> int:
        erasures = Erasures()
        erasures.hold(hold(**fields), event_id="11" * 32)
        for _ in range(stopped):
            erasures.announce(erasure(ground="court_order"), target=3, recorded=T0, notice_days=0)
        held, ended = hold(**fields), hold(ends="22" * 32)

        def hold_again() -> None:
            erasures.hold(held, event_id="22" * 32)
            erasures.hold(ended, event_id="33" * 32)
            erasures.reach(T0)

        return lines(hold_again)

    assert cost(64) == cost(8)
