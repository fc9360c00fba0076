"""Measures: what monitoring is told of witnesses."""

from __future__ import annotations

import re

from api.measures import Answering
from ledger.feeder import Standing, Witnessed


def standing(name: str, size: int, *, disputed: bool = False, **failures: int) -> Standing:
    return Standing(name, size, "", failures, disputed=disputed, in_charter=True, fed=True)


def told(measures: Answering) -> dict[str, dict[str, float]]:
    """Return what is told of each witness."""
    found: dict[str, dict[str, float]] = {}
    for name, reason, witness, value in re.findall(
        r'^counterfoil_witness_(\w+){ledger="l",(?:reason="(\w+)",)?witness="(\w+)"} (\S+)$',
        measures.text({}),
        re.MULTILINE,
    ):
        found.setdefault(witness, {})[reason or name] = float(value)
    return found


def test_where_each_witness_stands_is_told_as_it_is_by_now() -> None:
    measures = Answering()
    behind, ahead = standing("a", 3, unanswered=2), standing("b", 7, disputed=True)
    measures.witnessed("l", Witnessed(5, 1, 2, 2, 3), [behind, ahead])

    assert {
        "a": {"lag_entries": 2, "disputed": 0, "unanswered": 2},
        "b": {"lag_entries": 0, "disputed": 1},
    } == told(measures)
    measures.witnessed("l", Witnessed(7, 2, 2, 2, 7), [standing("a", 7), standing("b", 7)])

    assert {
        "a": {"lag_entries": 0, "disputed": 0, "unanswered": 2},
        "b": {"lag_entries": 0, "disputed": 0},
    } == told(measures)
