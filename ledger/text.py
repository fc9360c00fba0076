"""Folds as plain text: aligned, wrapped, readable at 80 columns, without colour.

Every page ends with the ledger, its size and root, the convention for dates, and what was left out
and why. Text that a party wrote is shown with its control characters replaced, so that nobody's
title can move a reader's cursor or turn its direction.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from ledger.dates import HOUSE_CONVENTION, When, format_when
from ledger.folds.commitments import CommitmentRow, Commitments
from ledger.folds.knowledge import KnowledgeFold, KnowledgeRow
from ledger.folds.moments import Moment
from ledger.folds.requests import ItemRow, RequestRow, Requests
from ledger.folds.timeline import Timeline, TimelineRow
from ledger.view import View
from ledger.wording import (
    NO_ANSWER_IS_NO_ADMISSION,
    actor_words,
    actors_words,
    count_words,
    days_words,
    say,
)

__all__ = [
    "WIDTH",
    "chronology_text",
    "commitments_text",
    "footer_text",
    "knowledge_text",
    "requests_text",
]

WIDTH = 80

_LEAST_WIDTH = 40
_SHORT = 16
_GAP = "  "


def chronology_text(view: View, timeline: Timeline, *, width: int = WIDTH) -> str:
    """Write a chronology.

    Args:
        view: Of which the chronology was made.
        timeline: The chronology.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    columns = _columns((4, max(width // 4, 14)), width)
    lines = [*_table(columns, [("No.", "Date", "Event")]), *_rule(width)]
    for number, row in enumerate(timeline.rows, start=1):
        body = _timeline_body(row)
        lines += _table(columns, [(str(number), _date_text(row.date), "\n".join(body))])
        lines.append("")
    whom = "" if timeline.party is None else f" (only what concerns {timeline.party})"
    head = [*_wrap(f"Chronology as at {timeline.as_at.isoformat()}{whom}", width), ""]
    lines += _wrap(_ORDER_NOTE, width)
    return _page([*head, *lines], footer_text(view, left_out=timeline.left_out, width=width))


def requests_text(view: View, folds: Sequence[Requests], *, width: int = WIDTH) -> str:
    """Write requests, each in all the tellings given, one under the other and never merged.

    Args:
        view: Of which the folds were made.
        folds: The same requests in several tellings.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    fullest = sorted(folds, key=lambda fold: -len(fold.rows))
    lines: list[str] = []
    for event_id in dict.fromkeys(row.id for fold in fullest for row in fold.rows):
        found = [(fold, row) for fold in folds for row in fold.rows if row.id == event_id]
        lines += _wrap(_request_head(found[0][1]), width)
        for fold, row in found:
            lines += _wrap(f"{fold.telling}:", width, indent=2)
            for line in _request_body(row):
                lines += _wrap(line, width, indent=4)
        lines.append("")
    left_out = [
        (count, why)
        for fold in folds
        for count, why in (
            (fold.later, f"made after the day asked ({fold.telling})"),
            (fold.elsewhere, f"of which nothing is told ({fold.telling})"),
        )
        if count
    ]
    return _page(["Requests", "", *lines], footer_text(view, left_out=left_out, width=width))


def commitments_text(view: View, folds: Sequence[Commitments], *, width: int = WIDTH) -> str:
    """Write promises, each in all the tellings given, one under the other and never merged."""
    width = max(width, _LEAST_WIDTH)
    lines: list[str] = []
    for event_id in dict.fromkeys(row.id for fold in folds for row in fold.rows):
        found = [(fold, row) for fold in folds for row in fold.rows if row.id == event_id]
        lines += _wrap(_commitment_head(found[0][1]), width)
        for fold, row in found:
            lines += _wrap(f"{fold.telling}: {_commitment_body(row)}", width, indent=2)
        lines.append("")
    left_out = [
        (fold.later, f"made after the day asked ({fold.telling})") for fold in folds if fold.later
    ]
    return _page(["Promises", "", *lines], footer_text(view, left_out=left_out, width=width))


def knowledge_text(view: View, fold: KnowledgeFold, *, width: int = WIDTH) -> str:
    """Write who says that whom knew what, and when."""
    width = max(width, _LEAST_WIDTH)
    columns = _columns((6, max(width // 4, 14)), width)
    lines = [*_table(columns, [("Entry", "When", "Knowledge")]), *_rule(width)]
    for row in fold.rows:
        cells = (str(row.index), _when_text(row.when), "\n".join(_knowledge_body(view, row)))
        lines += [*_table(columns, [cells]), ""]
    for shown in fold.shown:
        of = view.by_id[shown.of].index
        how = {
            "recorded": f"told entry {of} itself",
            "received": f"signed at entry {shown.index} that it received what entry {of} tells",
            "seen": (
                f"held entry {of} when it signed entry {shown.index}, "
                "which does not show that anybody read it"
            ),
        }[shown.how]
        lines += _wrap(f"{shown.party} {how}.", width)
    left_out = [(fold.later, "of after the day asked"), (fold.withdrawn, "withdrawn")]
    return _page(["Knowledge", "", *lines], footer_text(view, left_out=left_out, width=width))


def footer_text(
    view: View, *, left_out: Iterable[tuple[int, str]] = (), width: int = WIDTH
) -> tuple[str, ...]:
    """Write what stands at the end of every page."""
    notes = [
        _ledger_text(view),
        HOUSE_CONVENTION,
        NO_ANSWER_IS_NO_ADMISSION,
    ]
    counts = [f"{count} {why}" for count, why in left_out if count]
    notes.append(f"Left out: {'; '.join(counts)}." if counts else "Nothing was left out.")
    if view.sealed:
        notes.append(f"Sealed and not opened: {len(view.sealed)} events.")
    unopened = sum(len(told.unopened) for told in view.told)
    if unopened:
        notes.append(f"Claims that are not open here: {unopened}.")
    return tuple(line for note in notes for line in _wrap(note, width))


_ORDER_NOTE = (
    "Rows follow their dates. Where it is not said that the order is established, it is not: "
    "the order on the page then proves nothing."
)


def _ledger_text(view: View) -> str:
    name = f"Ledger {view.origin} ({view.fingerprint[:_SHORT]})"
    return f"{name}, size {view.size}, root {view.root[:_SHORT]}."


def _timeline_body(row: TimelineRow) -> list[str]:
    lines = [row.summary]
    grade = row.grades[0]
    lines.append(f"Told by {row.author}. {say(row.status.status)}. {grade.name}: {grade.reason}.")
    lines.extend(
        f"{response.party} {say(response.stance)}"
        + (f": {response.value}" if response.value else "")
        + ("" if field.field == "happened" else f" ({field.field})")
        + (", since answered anew" if response.superseded else "")
        for field in row.status.fields
        for response in field.responses
    )
    if row.status.disowned:
        lines.append("disowned: its key is said to have been compromised")
    if row.status.withdrawn:
        lines.append(f"{row.author} {say(row.status.withdrawn)}")
    if row.order == "yes":
        lines.append("After the row above: established.")
    elif row.order == "no":
        lines.append("Before the row above: established, by the time of day.")
    elif row.order is not None:
        lines.append("Order to the row above: not established.")
    lines.extend(f"{note}." for note in row.notes)
    links = [f"{link.rel.replace('_', ' ')} {_entry(link.index)}" for link in row.links]
    if links:
        lines.append(", ".join(links))
    lines.append(f"[entry {row.index}, {row.id[:_SHORT]}]")
    return lines


def _entry(index: int | None) -> str:
    return "an event of another ledger" if index is None else f"entry {index}"


def _date_text(moment: Moment | None) -> str:
    if moment is None:
        return "undated"
    return f"{format_when(moment.when)}\n{moment.role.replace('_', ' ')}"


def _when_text(when: When | None) -> str:
    return "undated" if when is None else format_when(when)


def _request_head(row: RequestRow) -> str:
    made = "undated" if row.made is None else format_when(row.made.when)
    kind = "Invitation" if row.what == "invitation" else f"Request for {row.what}"
    count = count_words(row.certain, row.total, row.doubtful_areas)
    items = "" if row.total == 1 else f", {count}"
    return (
        f"{kind}{items}: {actors_words(row.makers)} to {actors_words(row.recipients)}, {made} "
        f"[entry {row.index}, {row.id[:_SHORT]}, told by {row.author}]"
    )


def _request_body(row: RequestRow) -> list[str]:
    if row.standing != "counts":
        words = {
            "claimed": f"claimed by {row.author}; none of those said to have made it signed it",
            "withdrawn": f"withdrawn by {row.author}",
        }
        return [f"{words[row.standing]}."]
    lines = [_item_text(row, item) for item in row.items]
    if row.what == "invitation":
        held = days_words(*row.held)
        taken = "until it was taken up" if row.taken_up_by else "and nothing shows it taken up"
        lines.append(f"The invited held the ball for {held} {taken}.")
    lines.extend(
        f"Claim of {claim.told_by} (entry {claim.index}): {claim.doer} {say(claim.verb)} it; "
        f"moves nothing: {claim.why}."
        for claim in row.claims
    )
    workings = dict.fromkeys(item.deadlines for item in row.items if item.deadlines is not None)
    lines.extend(line for working in workings for line in working.explain())
    return lines


def _item_text(row: RequestRow, item: ItemRow) -> str:
    which = "" if row.total == 1 else f"items {item.first} to {item.last}: "
    if row.total > 1 and item.first == item.last:
        which = f"item {item.first}: "
    words = f"{which}{say(item.state)}"
    if item.doubtful:
        words += " (if these items are meant)"
    if item.ball:
        who = actors_words(item.ball, most=3)
        words += f"; next to act: {who}, for {days_words(*item.days)}"
    words += "".join(f"; {flag.replace('_', ' ')}" for flag in item.flags)
    if item.lateness.word not in {"done", "no clock"}:
        days = "" if item.lateness.days is None else f" ({item.lateness.days} days)"
        words += f"; clock: {item.lateness.word}{days}"
    if item.lateness.stale:
        words += "; the question is stale"
    return f"{words}{''.join(f'; {note}' for note in item.notes)}."


def _commitment_head(row: CommitmentRow) -> str:
    made = "undated" if row.made is None else format_when(row.made.when)
    due = "no day" if row.due is None else f"due {format_when(row.due)}"
    return (
        f"{actor_words(row.by)} to {actors_words(row.to)}: a {row.what}, {made}, {due} "
        f"[entry {row.index}, {row.id[:_SHORT]}, told by {row.author}]"
    )


def _commitment_body(row: CommitmentRow) -> str:
    words = say(row.state)
    if row.waiting != (None, None):
        words += f", {days_words(*row.waiting)} after it was made"
    if row.said_unfulfilled:
        words += "; the other side says that nothing came"
    words += "".join(f"; {who} claims: {say(verb)}" for _, verb, who in row.claims)
    return f"{words}."


def _knowledge_body(view: View, row: KnowledgeRow) -> list[str]:
    target = view.by_id[row.of]
    what = f"the {say(target.kind)} of {_at_entry(target.index)}"
    lines = [f"{actor_words(row.knower)} {say(row.mode)} {what}"]
    if row.directness:
        lines[0] += f", {say(row.directness)}"
    if row.lag != (None, None):
        lines.append(f"Lag: {days_words(*row.lag)}.")
    if row.as_at is not None:
        lines.append(f"As at {format_when(row.as_at)}.")
    if row.bounded_by is not None:
        lines.append(f"Dated by {_at_entry(view.by_id[row.bounded_by].index)}.")
    lines.append(f"Told by {row.author}.")
    return lines


def _at_entry(index: int) -> str:
    return f"entry {index}"


def _clean(text: str) -> str:
    return "".join(c if c == "\n" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _wrap(text: str, width: int, *, indent: int = 0) -> list[str]:
    space = " " * indent
    lines: list[str] = []
    for part in _clean(text).split("\n"):
        lines += textwrap.wrap(
            part,
            width,
            initial_indent=space,
            subsequent_indent=space,
            break_on_hyphens=False,
        ) or [""]
    return lines


def _columns(fixed: tuple[int, ...], width: int) -> tuple[int, ...]:
    return (*fixed, width - sum(fixed) - len(_GAP) * len(fixed))


def _table(columns: tuple[int, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines: list[str] = []
    for row in rows:
        cells = [_wrap(cell, size) for cell, size in zip(row, columns, strict=True)]
        lines.extend(
            _GAP.join(part.ljust(size) for part, size in zip(parts, columns, strict=True)).rstrip()
            for parts in zip_longest(*cells, fillvalue="")
        )
    return lines


def _rule(width: int) -> list[str]:
    return ["-" * width]


def _page(body: Sequence[str], footer: Sequence[str]) -> str:
    while body and not body[-1]:
        body = body[:-1]
    return "\n".join([*body, "", *footer]) + "\n"
