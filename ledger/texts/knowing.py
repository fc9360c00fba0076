"""Knowledge as text: what is told and shown of it, who knew what on a day, and the one question."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ledger.date_words import format_as_at, format_day, format_when
from ledger.folds.knew import KnewBefore, KnewOn, KnewOnDay
from ledger.folds.knowledge import KnowledgeFold, KnowledgeRow
from ledger.layout import columns, item, page, rule, table, wrap
from ledger.sentences import knowledge_words, sentence, title_of
from ledger.text import WIDTH, footer_text
from ledger.view import View
from ledger.wording import actor_words, actors_words, days_words
from verify.kinds import Knowledge

__all__ = ["knew_before_text", "knew_on_text", "knowledge_text"]

_LEAST_WIDTH = 40
_SEEN = (
    "A checkpoint that a signature names proves that the signature is later than those entries, "
    "never that anyone read them, nor, when low, that they were unknown."
)


def knowledge_text(view: View, fold: KnowledgeFold, *, width: int = WIDTH) -> str:
    """Write who says that whom knew what, and when.

    Args:
        view: Of which the fold was made.
        fold: The tellings.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    widths = columns((6, max(width // 4, 14)), width)
    lines = ["What parties say", ""]
    lines += [*table(widths, [("Entry", "When", "Knowledge")]), *rule(width)]
    for row in fold.rows:
        when = "undated" if row.when is None else format_when(row.when)
        cells = (str(row.index), when, "\n".join(_told(view, row)))
        lines += [*table(widths, [cells]), ""]
    if fold.shown:
        lines += ["What signatures show", ""]
    for shown in fold.shown:
        of = view.by_id[shown.of].index
        how = {
            "recorded": f"{shown.party} recorded entry {of} itself",
            "received": f"{shown.party} signed at entry {shown.index} that it received what "
            f"entry {of} tells",
            "seen": f"{shown.party}'s signature on entry {shown.index} is later than everything "
            f"up to entry {view.by_id[shown.by].seen_size - 1}, and so than entry {of}",
        }[shown.how]
        lines += item(f"{how}.", width)
    if any(shown.how == "seen" for shown in fold.shown):
        lines += ["", *wrap(_SEEN, width)]
    left_out = [
        (fold.later, "knowledge of after the day asked"),
        (fold.withdrawn, "withdrawn by their authors"),
    ]
    return page(["Knowledge", "", *lines], footer_text(view, left_out=left_out, width=width))


def knew_on_text(view: View, fold: KnewOnDay, *, width: int = WIDTH) -> str:
    """Write who knew what on a day, event by event, in each telling.

    Args:
        view: Of which the fold was made.
        fold: What it says.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    whom = "" if fold.holder is None else f", of {actor_words(fold.holder)}"
    lines = [*item(f"Who knew what at the end of {format_day(fold.day)}{whom}", width), ""]
    for event_id, rows in groupby(fold.rows, key=lambda row: row.of):
        told = view.by_id[event_id]
        lines += item(f"Entry {told.index}: {sentence(told, view.by_id)}", width)
        alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
        for row in rows:
            alike.setdefault(_alike(row), []).append(row.holder)
        for (telling, answer, grounds), holders in alike.items():
            lines += item(f"{telling}: {actors_words(holders)}: {answer}", width, indent=2)
            lines += [line for each in grounds for line in item(f"{each}.", width, indent=4)]
        lines.append("")
    left_out = [
        (fold.later, "events of after that day"),
        (fold.untold, "events of which nothing is told or shown of who knew of them"),
    ]
    notes = wrap("Of whoever does not stand here, nothing is told or shown.", width)
    return page([*lines, *notes], footer_text(view, left_out=left_out, width=width))


def knew_before_text(view: View, answers: Sequence[KnewBefore], *, width: int = WIDTH) -> str:
    """Write whether somebody knew of one event when another was done, in each telling.

    Args:
        view: Of which the answers were made.
        answers: The answers, in the order of those asked about and of the tellings.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    lines: list[str] = []
    for holder, of_one in groupby(answers, key=lambda answer: answer.holder):
        rows = list(of_one)
        of, act = view.by_id[rows[0].of], view.by_id[rows[0].act]
        who = actor_words(holder)
        lines += item(f"Did {who} know of entry {of.index} when entry {act.index} was done?", width)
        for told in (of, act):
            lines += item(f"Entry {told.index}: {sentence(told, view.by_id)}", width, indent=2)
        for row in rows:
            lines += item(f"{row.telling}: {row.answer}", width, indent=2)
            lines += [line for each in row.reasons for line in item(f"{each}.", width, indent=4)]
        lines.append("")
    return page(lines, footer_text(view, width=width))


def _alike(row: KnewOn) -> tuple[str, str, tuple[str, ...]]:
    return str(row.telling), row.answer, row.grounds


def _told(view: View, row: KnowledgeRow) -> list[str]:
    told = view.by_id[row.id]
    event = told.event
    words = knowledge_words(event, view.by_id) if isinstance(event, Knowledge) else ""
    title = title_of(told)
    lines = [f"{words}: {title}" if title else f"{words}."]
    if row.lag != (None, None):
        lines.append(f"Lag: {days_words(*row.lag)}.")
    if row.as_at is not None:
        lines.append(f"A{format_as_at(row.as_at)[1:]}.")
    if row.bounded_by is not None:
        lines.append(f"Dated by entry {view.by_id[row.bounded_by].index}.")
    lines.append(f"Told by {row.author}.")
    return lines
