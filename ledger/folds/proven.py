"""What is proven of when events were signed, by cosignatures and by what their authors had seen.

This is of tellings, not of what they tell: whoever signs late tells of long ago. Times are those of
the witnesses that the charter names, by its quorum (SPEC section 8.2): a lying minority of them
moves no bound past the truth. An authority's time stamp bounds from above as well, for a reader
who trusts it.
"""

from __future__ import annotations

from ledger.dates import Answer
from ledger.view import Told, View
from verify.brackets import Bracket, format_time_s

__all__ = ["bracket_words", "signed_before", "witnessed_words"]


def bracket_words(bracket: Bracket) -> str | None:
    """Say what a bracket proves, and by whose word; None if there is none."""
    words = []
    if bracket.after_s is not None:
        words.append(f"signed after {format_time_s(bracket.after_s)}")
    if bracket.by_s is not None:
        words.append(f"existed by {format_time_s(bracket.by_s)}, {witnessed_words(bracket)}")
    if not words:
        return None
    said = "; ".join(words)
    cosigned = bracket.after_s is not None or bracket.witnesses
    return f"{said} (by the charter's own independent co-signers)" if cosigned else said


def witnessed_words(bracket: Bracket) -> str:
    """Say who has witnessed that an entry existed."""
    if bracket.authority:
        return f"stamped by {bracket.authority}, an authority that you trust"
    return f"cosigned by {bracket.cosigned} of {bracket.witnesses} witnesses"


def signed_before(view: View, first: Told, second: Told) -> Answer:
    """Say whether one event is proven to have been signed before another.

    It is if the other's author had then seen it, or if their brackets do not overlap. Else the
    order of the ledger is its operator's word.
    """
    if _surely(view, first, second):
        return "yes"
    return "no" if _surely(view, second, first) else "not established"


def _surely(view: View, first: Told, second: Told) -> bool:
    if second.seen_size > first.index:
        return True
    by_s, after_s = view.bracket(first).by_s, view.bracket(second).after_s
    return by_s is not None and after_s is not None and by_s < after_s
