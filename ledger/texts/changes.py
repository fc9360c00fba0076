"""What changed between two standpoints, as text: what more was known, what more had happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from ledger.date_words import format_day
from ledger.folds.changes import Change, Changes, Standpoint
from ledger.layout import ended, item, page
from ledger.text import WIDTH, footer_text
from ledger.texts.ask import check_text
from ledger.view import View

__all__ = ["changes_text"]

_LEAST_WIDTH = 40
_SHORT = 16
_SHOWN = frozenset(("the date", "the status", "the proof of that it happened"))
_CAUSES = {
    ("ledger",): "told since",
    ("time",): "come about since",
    ("ledger", "time"): "told since, and come about since",
}


def changes_text(view: View, changes: Changes, *, width: int = WIDTH) -> str:
    """Write what changed.

    Args:
        view: The later view.
        changes: The changes.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    lines = ["What changed", ""]
    for line in _heading(changes):
        lines += item(line, width)
    lines.append("")
    for _, rows in groupby(changes.rows, key=lambda row: row.id):
        lines += [*_event(list(rows), width), ""]
    if not changes.rows:
        lines.append("Nothing changed.")
    return page(lines, (*check_text(view, width=width), *footer_text(view, width=width)))


def _heading(changes: Changes) -> Iterator[str]:
    yield f"From: {_standpoint(changes.since)}."
    yield f"To: {_standpoint(changes.until)}."
    more = changes.until.size - changes.since.size
    if more:
        yield (
            f"What is known: {more} entries were recorded in between. What they tell, of whatever "
            "day, is marked “told since”."
        )
    else:
        yield "What is known: the same entries at both ends."
    if changes.since.as_at == changes.until.as_at:
        yield "What had happened: read as at the same day at both ends."
    else:
        yield (
            "What had happened: whatever one and the same ledger says otherwise as at the later "
            "day is marked “come about since”."
        )


def _standpoint(standpoint: Standpoint) -> str:
    entries = "entry" if standpoint.size == 1 else "entries"
    return f"the ledger of {standpoint.size} {entries}, as at {format_day(standpoint.as_at)}"


def _event(rows: list[Change], width: int) -> Iterator[str]:
    head = f"{rows[0].sentence} [entry {rows[0].index}, {rows[0].id[:_SHORT]}]"
    yield from item(head, width)
    for change in _told(rows):
        yield from item(change, width, indent=2)


def _told(rows: Iterable[Change]) -> Iterator[str]:
    new = False
    for row in rows:
        cause = _CAUSES[row.causes]
        if row.what == "event" and not row.field and row.before is None:
            new = True
            yield f"New in the chronology ({cause})."
        elif new and row.what == "event" and row.before is None:
            # How well its other elements are proven stands with the event itself.
            if row.field in _SHOWN:
                yield ended(f"{_capital(row.field)}: {row.after}")
        else:
            yield f"{_where(row)}: {_half(row.before)} -> {_half(row.after)} ({cause})."


def _where(row: Change) -> str:
    words = row.field or ("the words" if row.what == "event" else f"the {row.what}")
    if row.items is not None:
        first, last = row.items
        words = f"item {first}" if first == last else f"items {first} to {last}"
    return _capital(words if row.telling is None else f"{row.telling}, {words}")


def _half(words: str | None) -> str:
    return "nothing" if words is None else words


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
