"""Queues and positions as text: what awaits a party, and how the parties stand to each field."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.date_words import format_day, format_when
from ledger.folds.positions import FieldPosition, Positions
from ledger.folds.queue import Queue, QueueRow
from ledger.folds.ranges import format_items
from ledger.layout import columns, item, page, rule, table, wrap
from ledger.text import WIDTH, footer_text, response_lines
from ledger.view import View
from ledger.wording import (
    NO_ANSWER_IS_NO_ADMISSION,
    actor_words,
    actors_words,
    days_words,
    field_words,
    say,
)

__all__ = ["positions_text", "queue_text"]

_LEAST_WIDTH = 40
_ASKS = {
    "acknowledgement": "a receipt, or an answer",
    "clarification": "an answer to a question about it",
    "promise": "what was promised",
    "request": "the next step",
    "response": "how it stands to it",
    "signature": "its signature",
}


def queue_text(view: View, queue: Queue, *, width: int = WIDTH) -> str:
    """Write what awaits a party, the most urgent first.

    Args:
        view: Of which the queue was made.
        queue: The queue.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    widths = columns((4, max(width // 4, 14)), width)
    head = f"What awaits {actor_words(queue.party)} as at {queue.as_at.isoformat()}"
    lines = [head, "", *table(widths, [("No.", "Due", "What")]), *rule(width)]
    for number, row in enumerate(queue.rows, start=1):
        lines += table(widths, [(str(number), _due(row), "\n".join(_what(row)))])
        lines.append("")
    if not queue.rows:
        lines += ["Nothing.", ""]
    notes = wrap(NO_ANSWER_IS_NO_ADMISSION, width)
    return page([*lines, *notes], footer_text(view, width=width))


def _due(row: QueueRow) -> str:
    if row.due is None:
        return "no day"
    late = {"yes": "\nlate", "not established": "\nlate: not established"}
    return format_day(row.due) + late.get(row.late or "", "")


def _what(row: QueueRow) -> Iterator[str]:
    state = "" if row.state is None else f" ({say(row.state)})"
    items = "" if row.items is None else f", {format_items(row.items)}"
    yield f"{_ASKS[row.ask].capitalize()}{items}{state}:"
    yield row.summary
    if row.fields:
        yield f"Not answered: {', '.join(map(field_words, row.fields))}."
    if row.partly:
        yield f"Answered for some items only: {', '.join(map(field_words, row.partly))}."
    since = "Undated" if row.since is None else f"Since {format_when(row.since)}"
    yield f"{since}, for {days_words(*row.days)}."
    yield f"[entry {row.index}, {row.id[:16]}, told by {row.author}]"


def positions_text(view: View, positions: Positions, *, width: int = WIDTH) -> str:
    """Write how the parties stand to events, field by field.

    Args:
        view: Of which the positions were made.
        positions: How the parties stand.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    whom = "" if positions.party is None else f" (only what concerns {positions.party})"
    lines = [*item(f"Positions, field by field{whom}", width), ""]
    for row in positions.rows:
        when = "undated" if row.date is None else format_when(row.date.when)
        lines += item(f"{row.summary} {when} [entry {row.index}, {row.id[:16]}]", width)
        if row.withdrawn is not None:
            lines += item(f"{row.author} {say(row.withdrawn)}.", width, indent=2)
        for field in row.fields:
            for line in _field_lines(field):
                indent = 2 + len(line) - len(line.lstrip())
                lines += item(line.lstrip(), width, indent=indent)
        lines.append("")
    notes = wrap(NO_ANSWER_IS_NO_ADMISSION, width)
    return page([*lines, *notes], footer_text(view, width=width))


def _field_lines(field: FieldPosition) -> Iterator[str]:
    none = tuple(party for party in field.silent if party not in field.partly)
    silent = f"; not answered by {actors_words(none)}" if none else ""
    some = f"; for some items only by {actors_words(field.partly)}" if field.partly else ""
    what = field_words(field.field)
    yield f"{what[:1].upper()}{what[1:]}: {say(field.status).lower()}{silent}{some}"
    for response in field.responses:
        yield from (f"  {line}" for line in response_lines(response, field.field, None))
