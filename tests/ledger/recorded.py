"""The same events recorded in other orders, for properties that no order may break."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.ledger.bookmaking import Draft
from verify.events import references


@st.composite
def orders(draw: st.DrawFn, drafts: Sequence[Draft]) -> list[Draft]:
    """Draw an order in which every event comes after those that it names."""
    own = {draft.id for draft in drafts}
    named = {d.id: {e for _, e in references(d.event)} & own for d in drafts}
    left = list(draw(st.permutations(drafts)))
    placed: dict[str, Draft] = {}
    while left:
        place = next(n for n, each in enumerate(left) if named[each.id] <= placed.keys())
        draft = left.pop(place)
        placed[draft.id] = draft
    return list(placed.values())
