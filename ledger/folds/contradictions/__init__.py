"""Contradictions, gaps and double counting, found without being asked for.

A finding says that things do not fit together, never which of them is so. Each names the rule that
found it, in whose telling it stands and the events it rests on, in one order that does not depend
on when anything was recorded: by gravity, by rule, then as the chronology lays events out.

Candidates are found by what events share (a link, a request, a file, the parties and the day), so
that a ledger costs about what its events cost.

Source: FOLDS, "Contradictions".
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final

from ledger.folds.contradictions.asked import silences, unanswered
from ledger.folds.contradictions.disputed import disputes, said_to_be_one
from ledger.folds.contradictions.doubles import doubles
from ledger.folds.contradictions.findings import RULES, Finding, FindingKind, Rule
from ledger.folds.contradictions.gaps import gaps
from ledger.folds.contradictions.matter import Matter
from ledger.folds.contradictions.meaning import meanings
from ledger.folds.contradictions.ordering import impossible, surprising
from ledger.folds.reading import Reading

__all__ = ["RULES", "Contradictions", "Finding", "FindingKind", "Rule", "fold_contradictions"]

_SOURCES: Final = (
    *(disputes, said_to_be_one, impossible, surprising, meanings, silences, unanswered),
    *(doubles, gaps),
)
_PLACES: Final = {rule: place for place, rule in enumerate(RULES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradictions:
    """What was found.

    Attributes:
        as_at: The last day that counts.
        rows: The findings, the gravest first.
        looked_at: How many events were looked at.
    """

    as_at: dt.date
    rows: tuple[Finding, ...]
    looked_at: int


def fold_contradictions(reading: Reading) -> Contradictions:
    """Find what does not fit, what is missing and what may be counted twice.

    Args:
        reading: The view, read as at a day.
    """
    matter = Matter(reading)
    found: dict[tuple[str, tuple[str, ...], str], Finding] = {}
    for source in _SOURCES:
        for each in source(matter):
            key = (each.rule, each.events, each.words)
            same = found.get(key)
            # The same in several tellings is one finding.
            tellings = (*(same.tellings if same else ()), *each.tellings)
            found[key] = replace(each, tellings=tuple(dict.fromkeys(tellings)))
    places = reading.order.sequence
    laid_out = {event_id: place for place, event_id in enumerate(places)}
    rows = sorted(
        found.values(),
        key=lambda row: (
            row.severity,
            _PLACES[row.rule],
            [laid_out[each] for each in row.events],
            [str(telling) for telling in row.tellings],
            row.words,
        ),
    )
    return Contradictions(as_at=reading.as_at, rows=tuple(rows), looked_at=len(matter.told))
