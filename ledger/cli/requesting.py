"""The command that reads requests: item by item, as a table of items, and under another rule."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ledger.cli.context import DONE, Context, UsageError
from ledger.cli.reading import add_reader, reading_of
from ledger.cli.sources import one_id
from ledger.clocks import Deadlines, Regime, is_overdue
from ledger.date_words import format_when
from ledger.folds.matrix import fold_matrix
from ledger.folds.reading import Reading
from ledger.folds.request_rows import RequestRow, Requests
from ledger.folds.requests import deadline_under, fold_request, fold_requests
from ledger.outputs.files import write_files
from ledger.plain import Plain, to_json
from ledger.replies import matrix_json, requests_json, tellings
from ledger.text import requests_text
from ledger.texts.matrix import matrix_svg, matrix_text
from verify.kinds import Request

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]

_REGIMES = tuple(regime for regime in get_args(Regime) if regime != "none")


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = add_reader(
        commands, "requests", "what was asked, item by item, and who must act", _requests,
        "requests ledger --as-at 2025-11-28",
        "requests ledger --what-if foia_20 # when it would be due, had it been an FOI request",
        "requests ledger --what-if foia_20 --working # with every day counted or passed over",
        "requests ledger --matrix 19449d6e --svg items.svg # its items by category and area",
        more="Where a clock runs, the deadline stands there with its working and calendar.",
    )  # fmt: skip
    parser.add_argument(
        "--id", metavar="EVENT", help="only the request with this id, or first digits"
    )
    parser.add_argument(
        "--what-if", choices=_REGIMES, metavar="REGIME",
        help=f"work the deadlines out under another rule as well: {', '.join(_REGIMES)}",
    )  # fmt: skip
    parser.add_argument(
        "--working",
        action="store_true",
        help="with every day that a deadline counts",
    )
    parser.add_argument(
        "--matrix", metavar="ID", help="the items of this request as a table, and nothing else"
    )
    parser.add_argument("--svg", metavar="FILE", help="with --matrix: as a picture, too")


def _requests(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    if arguments.matrix is not None:
        return _matrix(arguments, context, reading)
    if arguments.svg is not None:
        raise UsageError("--svg goes with --matrix")
    chosen = tellings(reading.view)
    if arguments.id is None:
        folds = [fold_requests(reading, telling=telling) for telling in chosen]
    else:
        one = _request_id(arguments.id, reading, "--id")
        folds = [fold_request(reading, one, telling=telling) for telling in chosen]
    values = requests_json(reading.view, folds)
    text = requests_text(reading.view, folds, width=arguments.width)
    if arguments.working:
        running = _running(folds)
        values |= {"working": [_days(request, found) for request, found in running]}
        text += "\nDeadlines, day by day\n\n" + "\n".join(_day_lines(reading, running))
    if arguments.what_if is not None:
        more, words = _what_ifs(arguments, reading, folds)
        values |= {"what_if": more}
        text += words
    context.answer(values, text)
    return DONE


def _matrix(arguments: Namespace, context: Context, reading: Reading) -> int:
    event_id = _request_id(arguments.matrix, reading, "--matrix")
    matrices = [fold_matrix(reading, event_id, telling=each) for each in tellings(reading.view)]
    matrices = [each for each in matrices if each.standing != "elsewhere"] or matrices[:1]
    if arguments.svg is not None:
        write_files({Path(arguments.svg): matrix_svg(reading, matrices).encode()})
    text = matrix_text(reading, matrices, width=arguments.width)
    context.answer(matrix_json(reading.view, matrices), text)
    return DONE


def _request_id(digits: str, reading: Reading, option: str) -> str:
    event_id = one_id(digits, reading.view.by_id)
    if not isinstance(reading.view.by_id[event_id].event, Request):
        raise UsageError(f"{option}: the event {event_id[:16]} is no request")
    return event_id


def _running(folds: Iterable[Requests]) -> list[tuple[RequestRow, Deadlines]]:
    """Return the deadlines that run, each once, with the request that each is of."""
    found: dict[tuple[str, Deadlines], RequestRow] = {}
    for fold in folds:
        for row in fold.rows:
            for item in row.items:
                if item.deadlines is not None:
                    found.setdefault((row.id, item.deadlines), row)
    return [(row, due) for (_, due), row in found.items()]


def _what_ifs(
    arguments: Namespace, reading: Reading, folds: Iterable[Requests]
) -> tuple[dict[str, Plain], str]:
    regime: Regime = arguments.what_if
    rows = {row.id: row for fold in folds for row in fold.rows}.values()
    cases = [
        _what_if(reading, row, regime, working=arguments.working)
        for row in rows
        if row.what != "invitation"
    ]
    text = f"\nWhat if {regime} applied to each request, with no question put\n\n"
    text += "\n".join(lines for _, lines in cases)
    return {"regime": regime, "requests": [case for case, _ in cases]}, text


def _what_if(
    reading: Reading, row: RequestRow, regime: Regime, *, working: bool
) -> tuple[dict[str, Plain], str]:
    """Work out a request's deadline under another rule, for machines and for people."""
    found = deadline_under(reading, row.id, regime=regime)
    head = _head(row)
    if found is None:
        why = "no deadline: no day is known from which time would run"
        return {"request": row.id}, f"{head}\n  {why}\n"
    late = is_overdue(found, reading.as_at)
    lines = [head, *(f"  {line}" for line in found.explain())]
    case: dict[str, Plain] = {"request": row.id, "deadlines": to_json(found), "past": late}
    if working:
        lines += [f"    {line}" for line in found.day_by_day()]
        case |= {"working": to_json(found.day_by_day())}
    lines.append(f"  Past on {reading.as_at.isoformat()}: {late}\n")
    return case, "\n".join(lines)


def _head(row: RequestRow) -> str:
    made = "undated" if row.made is None else format_when(row.made.when)
    return f"Request of entry {row.index}, {made} [{row.id[:16]}]"


def _days(row: RequestRow, found: Deadlines) -> dict[str, Plain]:
    return {"request": row.id, "working": to_json(found.day_by_day())}


def _day_lines(reading: Reading, running: Iterable[tuple[RequestRow, Deadlines]]) -> Iterator[str]:
    some = False
    for row, found in running:
        some = True
        yield _head(row)
        yield from (f"  {line}" for line in found.day_by_day())
        yield f"  Past on {reading.as_at.isoformat()}: {is_overdue(found, reading.as_at)}"
        yield ""
    if not some:
        yield "No clock runs.\n"
