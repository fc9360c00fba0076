"""Of which claims an erasure is in effect, without a look at every entry (SPEC section 9.8).

Only holds and erasures change what may take effect. So it is enough to look at these, at the times
at which they were recorded, and at the last entry: whatever is due in between is due by the next.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Protocol

from verify.codec import encode
from verify.entry import Entry, parse_entry
from verify.erasures import Erasures
from verify.events import event_id, parse_event
from verify.kinds import Erasure, Hold
from verify.state import State
from verify.submission import sealing_event

__all__ = ["Erasing", "find_erased"]


class Erasing(Protocol):
    """The door to a ledger, or to an export of it, for whoever asks what is erased."""

    def state(self) -> State:
        """Return the rules' state after the last entry."""

    def erasures(self) -> tuple[int, ...]:
        """Return the indexes of the entries that are or nest an erasure or a hold, in order."""

    def index_of(self, event_id: bytes) -> int | None:
        """Return the index of the entry that holds the event with this id, also a nested one."""

    def entry(self, index: int) -> bytes:
        """Return the entry at `index`."""


def find_erased(ledger: Erasing, *, size: int) -> AbstractSet[tuple[int, str]]:
    """Return the claims of which an erasure is in effect, as (index of the entry, claim name).

    It takes time for each hold and each erasure, and none for whatever else is recorded.

    Args:
        ledger: The ledger.
        size: How many of its entries count: at most as many as it has.

    Raises:
        RuleError, MalformedError, StoreError: What is stored does not hold together.
    """
    listed = [index for index in ledger.erasures() if index < size]
    if not listed:
        return frozenset()
    charters = ledger.state().charters
    erasures = Erasures()
    for index in listed:
        entry = _entry(ledger, index)
        erasures.reach(entry.recorded)
        event = sealing_event(parse_event(entry.event))
        if isinstance(event, Hold):
            # The octets are canonical, so encoding gives back those that were nested.
            erasures.hold(event, event_id=event_id(encode(event)).hex())
        elif isinstance(event, Erasure):
            target = ledger.index_of(bytes.fromhex(event.of))
            if target is None:
                raise AssertionError(f"entry {index} erases of an event that is not there")
            charter = next(each for start, each in reversed(charters) if start <= index)
            erasures.announce(
                event, target=target, recorded=entry.recorded, notice_days=charter.notice_days
            )
    if listed[-1] < size - 1:
        erasures.reach(_entry(ledger, size - 1).recorded)
    return erasures.done


def _entry(ledger: Erasing, index: int) -> Entry:
    return parse_entry(ledger.entry(index), where=f"entry {index}")
