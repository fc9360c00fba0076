"""Folds as plain text: aligned, wrapped, readable at 80 columns, without colour.

Every page ends with the ledger, its size and root, the convention for dates, and what was left out
and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledger.date_words import HOUSE_CONVENTION, format_as_at, format_when
from ledger.dates import When
from ledger.folds.commitments import CommitmentRow, Commitments
from ledger.folds.lateness import outcome_words
from ledger.folds.moments import Moment
from ledger.folds.positions import EventStatus, Response
from ledger.folds.ranges import format_items
from ledger.folds.request_rows import Claim, ItemRow, RequestRow, Requests, Stage
from ledger.folds.stances import Telling
from ledger.folds.timeline import Timeline, TimelineRow
from ledger.layout import columns as _columns
from ledger.layout import item as _item
from ledger.layout import page as _page
from ledger.layout import rule as _rule
from ledger.layout import table as _table
from ledger.layout import wrap as _wrap
from ledger.view import View
from ledger.wording import (
    NO_ANSWER_IS_NO_ADMISSION,
    actor_words,
    actors_words,
    count_words,
    days_words,
    field_words,
    response_words,
    say,
    thing_words,
)

__all__ = [
    "WIDTH",
    "chronology_text",
    "commitments_text",
    "footer_text",
    "requests_text",
    "response_lines",
    "status_words",
]

WIDTH = 80

_LEAST_WIDTH = 40
_SHORT = 16


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
    head = [*_item(f"Chronology as at {timeline.as_at.isoformat()}{whom}", width), ""]
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
        lines += _item(_request_head(found[0][1]), width)
        for fold, row in found:
            lines += _item(f"{fold.telling}:", width, indent=2)
            for line in _request_body(view, row, fold.telling):
                indent = 4 + len(line) - len(line.lstrip())
                lines += _item(line.lstrip(), width, indent=indent)
        lines.append("")
    left_out = [
        (count, why)
        for fold in folds
        for count, why in (
            (fold.later, f"{fold.telling}: requests made after the day asked"),
            (fold.elsewhere, f"{fold.telling}: requests of which nothing is told"),
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
        lines += _item(_commitment_head(found[0][1]), width)
        for fold, row in found:
            body = _commitment_body(view, row)
            lines += _item(f"{fold.telling}: {body}", width, indent=2)
        lines.append("")
    left_out = [
        (count, why)
        for fold in folds
        for count, why in (
            (fold.later, f"{fold.telling}: promises made after the day asked"),
            (fold.elsewhere, f"{fold.telling}: promises of which nothing is told"),
        )
    ]
    return _page(["Promises", "", *lines], footer_text(view, left_out=left_out, width=width))


def footer_text(
    view: View, *, left_out: Iterable[tuple[int, str]] = (), width: int = WIDTH
) -> tuple[str, ...]:
    """Write what stands at the end of every page."""
    notes = [
        _ledger_text(view),
        HOUSE_CONVENTION,
        NO_ANSWER_IS_NO_ADMISSION,
    ]
    counts = [f"{why} ({count})" for count, why in left_out if count]
    notes.append(f"Left out: {'; '.join(counts)}." if counts else "Nothing was left out.")
    if view.sealed:
        notes.append(f"Sealed events that are not opened: {len(view.sealed)}.")
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
    status = status_words(row.status)
    lines.append(f"Told by {row.author}. {status}. {grade.name}: {grade.reason}.")
    for field in row.status.fields:
        for response in field.responses:
            lines += response_lines(response, field.field, row.date)
    if row.status.disowned:
        lines.append("Disowned: its key is said to have been compromised.")
    if row.status.withdrawn:
        lines.append(f"{row.author} {say(row.status.withdrawn)}.")
    if row.order == "yes":
        lines.append("After the row above: established.")
    elif row.order == "no":
        lines.append("Before the row above: established, by the time of day.")
    elif row.order is not None:
        lines.append("Order to the row above: not established.")
    lines.extend(f"{_capital(note)}." for note in row.notes)
    links = [f"{link.rel.replace('_', ' ')} {_entry(link.index)}" for link in row.links]
    if links:
        lines.append(f"{_capital(', '.join(links))}.")
    lines.append(f"[entry {row.index}, {row.id[:_SHORT]}]")
    return lines


def status_words(status: EventStatus) -> str:
    """Say how an event stands, and which part of it where the whole is not in question."""
    whole = status.field("happened")
    if status.status not in {"disputed", "not_admitted"} or (
        whole is not None and whole.status == status.status
    ):
        return say(status.status)
    parts = [f.field for f in status.fields if f.status == status.status]
    words = f"{say(status.status)}: {_joined(map(field_words, parts))}"
    if whole is None or whole.status not in {"agreed", "admitted"}:
        return words
    return f"{say(whole.status)} that it happened. {words}"


def response_lines(
    response: Response, field: str, date: Moment | None, depth: int = 0
) -> list[str]:
    """Write a response to a field, and under it what was said to the response, a line each."""
    stance = response_words(response.stance, field) if depth == 0 else say(response.stance)
    words = f"{response.party} {stance}"
    if response.items is not None:
        words += f", {format_items(response.items)}"
    if response.stance == "received":
        words += "" if response.date is None else f", {_on(response.date)}"
    elif response.value is not None:
        value = " ".join(response.value.split())
        given = value if response.date is None else format_when(response.date)
        words += f": {given}"
        if date is not None and field == f"dates.{date.role}":
            words += f", not {format_when(date.when)}"
    if response.superseded:
        words += ", since answered anew"
    if response.disowned:
        words += ", by a key that is said to have been compromised"
    lines = [f"{'- ' * depth}{words} (entry {response.index})."]
    for reply in response.replies:
        lines += response_lines(reply, field, None, depth + 1)
    return lines


def _on(when: When) -> str:
    return f"{'on ' if when.precise else ''}{format_when(when)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _joined(parts: Iterable[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def _entry(index: int | None) -> str:
    return "an event of another ledger" if index is None else f"entry {index}"


def _date_text(moment: Moment | None) -> str:
    if moment is None:
        return "undated"
    return f"{format_when(moment.when)}\n{moment.role.replace('_', ' ')}"


def _request_head(row: RequestRow) -> str:
    made = "undated" if row.made is None else format_when(row.made.when)
    if row.made is not None and row.made.role in {"received", "sent"}:
        made = f"{row.made.role}: {made}"
    kind = "Invitation" if row.what == "invitation" else f"Request for {thing_words(row.what)}"
    count = count_words(row.certain, row.total, row.doubtful_areas)
    items = "" if row.total == 1 else f", {count}"
    return (
        f"{kind}{items}: {actors_words(row.makers)} to {actors_words(row.recipients)}, {made} "
        f"[entry {row.index}, {row.id[:_SHORT]}, told by {row.author}]"
    )


def _request_body(view: View, row: RequestRow, telling: Telling) -> list[str]:
    if row.standing != "counts":
        words = {
            "claimed": f"claimed by {row.author}; nobody said to have made it has signed it",
            "withdrawn": f"withdrawn by {row.author}",
        }
        return [f"{words[row.standing]}."]
    is_taken_up = row.what == "invitation" and row.taken_up_by is not None
    lines = [] if is_taken_up else [_item_text(row, item) for item in row.items]
    if is_taken_up:
        by = view.by_id[row.taken_up_by or ""].index
        held = days_words(*row.held)
        lines.append(f"The invited held the ball for {held} until it was taken up (entry {by}).")
    elif row.what == "invitation" and not row.claims:
        lines.append("Nothing shows it taken up.")
    lines.extend(_claim_text(claim, telling) for claim in row.claims)
    if len(row.course) > 1:
        lines.append("Course, by date; the chronology says which order is established:")
        lines.extend(f"  {_stage_text(row, stage)}" for stage in row.course)
    workings = dict.fromkeys(item.deadlines for item in row.items if item.deadlines is not None)
    lines.extend(line for working in workings for line in working.explain())
    return lines


def _claim_text(claim: Claim, telling: Telling) -> str:
    who = actors_words(claim.doers, most=3)
    did = f"{who} {say(claim.verb)} it"
    told = "" if telling.party == claim.told_by else f"{claim.told_by} tells that "
    return f"Entry {claim.index}: {told}{did}. It changes nothing here: {claim.why}."


def _stage_text(row: RequestRow, stage: Stage) -> str:
    words = say(stage.word)
    if stage.items is not None and row.total > 1:
        words = f"{format_items(stage.items)}: {words}"
    when = "undated" if stage.when is None else format_when(stage.when)
    if stage.id == row.id and row.made is not None and row.made.role in {"received", "sent"}:
        when = f"{row.made.role}: {when}"
    until = ""
    if stage.until:
        until = f", until {_entries(stage.until)} had come"
    source = f"entry {stage.index}"
    if stage.word == "resumed" and stage.id != row.id:
        source = f"computed from entry {stage.index}"
    ball = actors_words(stage.ball, most=3) if stage.ball else "nobody"
    return f"{words}, {when}{until} ({source}); next to act: {ball}"


def _entries(indexes: Sequence[int]) -> str:
    names = _joined(str(index) for index in indexes)
    return f"{'entry' if len(indexes) == 1 else 'entries'} {names}"


def _item_text(row: RequestRow, item: ItemRow) -> str:
    which = "" if row.total == 1 else f"{format_items(((item.first, item.last),))}: "
    words = f"{which}{say(item.state)}"
    if item.doubtful:
        words += " (if these items are meant)"
    if item.silent:
        words += f"; queried, and silent since, for {_days_or_unknown(item)}"
    if item.ball:
        words += f"; next to act: {actors_words(item.ball, most=3)}"
        words += "" if item.silent else f", for {_days_or_unknown(item)}"
        words += ", unless what is told below is so" if _may_be_over(row) else ""
    words += "".join(f"; {flag.replace('_', ' ')}" for flag in item.flags)
    if item.lateness.word not in {"done", "no clock"}:
        days = item.lateness.days
        count = "" if days is None else f" ({days_words(days, days)})"
        words += f"; clock: {item.lateness.word}{count}"
        words += ", from a day of receipt that is disputed" if item.lateness.disputed else ""
    if item.lateness.stale:
        words += "; the question is stale"
    for outcome in item.outcomes:
        which = "the review" if outcome.review is not None else "the request"
        words += f"; outcome of {which} (entry {outcome.index}): {outcome_words(outcome)}"
    if item.quiet:
        words += "; open, and nothing further is told of it"
    return f"{words}{''.join(f'; {note}' for note in item.notes)}."


def _days_or_unknown(item: ItemRow) -> str:
    least, most = item.days
    return "an unknown time" if least is None and most is None else days_words(least, most)


def _may_be_over(row: RequestRow) -> bool:
    return any(claim.verb in _ENDING for claim in row.claims)


_ENDING = frozenset(("answer", "clarify", "defer", "extend", "narrow", "refuse", "withdraw"))


def _commitment_head(row: CommitmentRow) -> str:
    made = "undated" if row.made is None else format_when(row.made.when)
    due = "no day set" if row.due is None else f"due {format_when(row.due)}"
    return (
        f"{actor_words(row.by)} to {actors_words(row.to)}: {thing_words(row.what)}, {made}, {due} "
        f"[entry {row.index}, {row.id[:_SHORT]}, told by {row.author}]"
    )


def _commitment_body(view: View, row: CommitmentRow) -> str:
    if row.state == "claimed":
        return f"claimed by {row.author}; {actor_words(row.by)} has not signed it."
    parts = []
    if row.unfulfilled_by is not None:
        teller = view.by_id[row.unfulfilled_by]
        as_at = row.unfulfilled_as_at
        when = "" if as_at is None else f", {format_as_at(as_at)}"
        parts.append(f"not fulfilled{when} (so {teller.author} in entry {teller.index})")
    if row.state != "unfulfilled" or not parts:
        parts.append(_state_words(view, row))
    if row.state == "lapsed" and row.overdue != (None, None):
        parts.append(f"its day has been over for {days_words(*row.overdue)}")
    elif row.waiting != (None, None):
        parts.append(f"{days_words(*row.waiting)} since it was made")
    parts += [f"{who} claims: {say(verb)} it, which is not counted" for _, verb, who in row.claims]
    return f"{'; '.join(parts)}."


def _state_words(view: View, row: CommitmentRow) -> str:
    if row.since == row.id:
        return say(row.state)
    return f"{say(row.state)} (entry {view.by_id[row.since].index})"
