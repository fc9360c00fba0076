"""The command that compares: what changed since a day, an event, or a size of the ledger."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ledger.cli.context import DONE, Context, UsageError
from ledger.cli.parsing import command, day, size, width
from ledger.cli.sources import add_source, add_trusted, one_id, read_view
from ledger.date_words import format_when
from ledger.folds.changes import find_changes
from ledger.folds.reading import Reading, read
from ledger.replies import changes_json, tellings
from ledger.texts.changes import changes_text

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]

_MORE = """\
A ledger grows (by size: what was known), and the world goes on (by day: what had
happened). --since and --until are days, --since-size and --until-size sizes, and
--since-recorded is the size that the ledger had at the end of a day, by the
operator's clock. What is not given is the same at both ends: today, and all of it.\
"""


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = command(
        commands, "changes", "what changed since a day, an event, or a size of the ledger",
        _changes,
        "changes ledger --since 2025-04-23 --until 2025-11-28",
        "changes ledger --since-event 19449d6e # since the day of that letter",
        "changes export --since-size 40 # what the entries from the 41st on told anew",
        more=_MORE,
    )  # fmt: skip
    add_source(parser)
    since = parser.add_mutually_exclusive_group()
    since.add_argument("--since", type=day, metavar="DATE", help="as things stood on this day")
    since.add_argument(
        "--since-event", metavar="ID", help="as things stood on the day of this event"
    )
    parser.add_argument("--until", type=day, metavar="DATE", help="until this day (default: today)")
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--since-size", type=size, metavar="N", help="as was known from the first N entries"
    )
    known.add_argument(
        "--since-recorded", type=day, metavar="DATE",
        help="as was known from what was recorded by the end of this day (UTC)",
    )  # fmt: skip
    parser.add_argument(
        "--until-size", type=size, metavar="M", help="as known from the first M entries"
    )
    add_trusted(parser)
    parser.add_argument(
        "--width", type=width, default=80, metavar="N", help="characters in a line (default: 80)"
    )


def _changes(arguments: Namespace, context: Context) -> int:
    view = read_view(context, arguments, at_size=arguments.until_size)
    until = arguments.until or context.today()
    after = read(view, as_at=until)
    since = _since(arguments, after) or until
    if since > until:
        raise UsageError(f"{since.isoformat()} is after {until.isoformat()}")
    known = _size(arguments, after)
    if since == until and known is None:
        raise UsageError("since when: --since, --since-event, --since-size or --since-recorded")
    before = after.at(since)
    if known is not None:
        before = read(read_view(context, arguments, at_size=known), as_at=since)
    changes = find_changes(before, after, tellings(view))
    text = changes_text(view, changes, width=arguments.width)
    context.answer(changes_json(view, changes), text)
    return DONE


def _since(arguments: Namespace, after: Reading) -> dt.date | None:
    if arguments.since_event is None:
        since: dt.date | None = arguments.since
        return since
    event_id = one_id(arguments.since_event, after.view.by_id)
    when = after.when(event_id)
    if when is None or when.latest is None:
        words = "has no date" if when is None else f"has no last day: {format_when(when)}"
        index = after.view.by_id[event_id].index
        raise UsageError(f"--since-event: entry {index} {words}. Give --since with a day")
    return when.latest


def _size(arguments: Namespace, after: Reading) -> int | None:
    known: int | None = arguments.since_size
    if arguments.since_recorded is not None:
        end = arguments.since_recorded + dt.timedelta(1)
        end_ms = (end - dt.date(1970, 1, 1)).days * 86_400_000
        known = 1 + max(
            (told.index for told in after.view.told if told.recorded < end_ms), default=-1
        )
        if known == 0:
            day_ = arguments.since_recorded.isoformat()
            raise UsageError(f"--since-recorded: nothing was recorded by {day_}")
    if known is not None and known > after.view.size:
        raise UsageError(f"--since-size {known}: it is read up to {after.view.size} entries")
    return known
