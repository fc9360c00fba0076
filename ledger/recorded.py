"""What a run of recording came to, event by event: `record` makes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["RecordReport", "Recorded", "Refused", "Sent", "Skipped"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event that stands in the ledger.

    Attributes:
        source: The file it came from; None for one that waited from an earlier run.
        event: Its label, or its number in the file.
        event_id: Its id, in hex.
        index: Its entry's index.
    """

    source: str | None
    event: str
    event_id: str
    index: int


class Skipped(NamedTuple):
    """An event that stood in the ledger already, by the journal."""

    source: str
    event: str
    event_id: str


class Refused(NamedTuple):
    """Something that was not recorded, and why."""

    source: str | None
    event: str | None
    reason: str


@dataclass(slots=True)
class RecordReport:
    """What a run did.

    Attributes:
        recorded: What it recorded.
        skipped: What was recorded before.
        refused: What it did not record.
        notes: What a person should know: unknown addresses, odd mails.
        stopped: Why the run ended early, None if it did not; what was on its way waits.
        unfinished: The files that it did not come to the end of then: they are to be given again.
        waiting: How many submissions wait in the outbox for this ledger.
    """

    recorded: list[Recorded] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: str | None = None
    unfinished: list[str] = field(default_factory=list)
    waiting: int = 0


class Sent(NamedTuple):
    """What became of one event.

    Attributes:
        event_id: Its id, in hex; where one with the same words stands in for it, that one's.
        before: The index of the entry in which it was recorded before; None if it was not.
        report: The run's: this event and what else waited, each by the first digits of its id.
    """

    event_id: str
    before: int | None
    report: RecordReport
