"""Commands that read: list, show, chronology, promises, stat."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from ledger.cli.context import (
    DONE,
    Context,
    groups,
    printable,
    table,
    vkey_of,
)
from ledger.cli.parsing import command, day, label, size, width
from ledger.cli.sources import add_source, add_trusted, one_id, read_view
from ledger.date_words import format_when
from ledger.folds.commitments import fold_commitments
from ledger.folds.proven import bracket_words
from ledger.folds.reading import Reading, read
from ledger.folds.timeline import fold_timeline, lay_out, row_of
from ledger.layout import item, shortened, wrap
from ledger.plain import view_json
from ledger.replies import (
    chronology_json,
    event_json,
    events_json,
    promises_json,
    tellings,
)
from ledger.sentences import sentence
from ledger.shapes import KINDS
from ledger.text import (
    chronology_text,
    commitments_text,
    footer_text,
)
from ledger.view import Told, View
from ledger.wording import say
from verify.claims import File
from verify.codec import encode

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add", "add_reader", "reading_of"]


_KINDS = tuple(name.removesuffix("/v1") for name in KINDS)
_LEAST = 20  # columns of a sentence in `list`
_QUOTE = "    | "


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    listing = add_reader(
        commands, "list", "list every event, a line each", _list,
        "list ledger", "list export --kind request --party rutland",
        "list https://ledger.example --key rutland.key # fetched and audited before it is read",
    )  # fmt: skip
    listing.add_argument("--kind", choices=_KINDS, metavar="KIND", help="only events of this kind")
    listing.add_argument(
        "--party", type=label, metavar="PARTY", help="only events that this party signed"
    )
    show = add_reader(
        commands, "show", "show one event, with everything known of it", _show,
        "show ledger 3c918f3d",
    )  # fmt: skip
    show.add_argument("id", help="the event's id, or its first digits")
    chronology = add_reader(
        commands, "chronology", "who did what, when, and who says so", _chronology,
        "chronology ledger",
        "chronology export --as-at 2025-11-28 --party rutland",
        "chronology ledger --at-size 40 # as it read when the ledger had 40 entries",
    )  # fmt: skip
    chronology.add_argument(
        "--party", type=label, metavar="PARTY", help="only what this party tells or is named in"
    )
    chronology.add_argument("--format", choices=("text", "json"), help="json is as --json")
    add_reader(
        commands, "promises", "what was promised, and whether it was kept", _promises,
        "promises ledger --as-at 2025-11-28",
    )  # fmt: skip
    stat = command(
        commands, "stat", "what a ledger or an export holds, in numbers", _stat, "stat ledger"
    )
    add_source(stat)


def add_reader(
    commands: _SubParsersAction[ArgumentParser],
    name: str,
    words: str,
    run: object,
    *examples: str,
    more: str = "",
) -> ArgumentParser:
    """Add a command that reads a ledger as at a day and a size.

    Args:
        commands: To which.
        name: What it is called.
        words: What it does, in a line.
        run: Called with the arguments and the context; returns the exit status.
        examples: As in `command`.
        more: As in `command`.
    """
    parser = command(commands, name, words, run, *examples, more=more)
    add_source(parser)
    parser.add_argument(
        "--as-at", type=day, metavar="DATE", help="as things stood on this day (default: today)"
    )
    parser.add_argument("--at-size", type=size, metavar="N", help="only the first N entries")
    add_trusted(parser)
    parser.add_argument(
        "--width", type=width, default=80, metavar="N", help="characters in a line (default: 80)"
    )
    return parser


def _as_at(arguments: Namespace, context: Context) -> dt.date:
    as_at: dt.date | None = arguments.as_at
    return context.today() if as_at is None else as_at


def _view(arguments: Namespace, context: Context) -> View:
    return read_view(context, arguments, at_size=arguments.at_size)


def reading_of(arguments: Namespace, context: Context) -> Reading:
    """Read what the command line names, as at its day and size."""
    return read(_view(arguments, context), as_at=_as_at(arguments, context))


def _list(arguments: Namespace, context: Context) -> int:
    view = _view(arguments, context)
    told = [
        t
        for t in view.told
        if arguments.kind in {None, t.kind} and arguments.party in {None, t.author}
    ]
    rows = [("Entry", "Event", "Author", "Kind", "What")]
    rows += [(str(t.index), t.id[:12], t.author, t.kind, sentence(t, view.by_id)) for t in told]
    left = sum(max(len(row[n]) for row in rows) + 2 for n in range(4))
    room = max(_LEAST, arguments.width - left)
    values = events_json(view, told)
    footer = "\n".join(footer_text(view, width=arguments.width))
    body = table([(*row[:4], shortened(row[4], room)) for row in rows])
    context.answer(values, f"{body}\n\n{footer}")
    return DONE


def _show(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    event_id = one_id(arguments.id, reading.view.by_id)
    told = reading.view.by_id[event_id]
    values = event_json(reading.view, told, row_of(lay_out(reading), told.id))
    context.answer(values, ("\n".join(_show_lines(told, reading, arguments.width))))
    return DONE


def _show_lines(told: Told, reading: Reading, width: int) -> Iterator[str]:
    recorded = dt.datetime.fromtimestamp(told.recorded / 1000, dt.UTC)
    proven = bracket_words(reading.view.bracket(told))
    yield "\n".join(item(printable(sentence(told, reading.view.by_id)), width))
    yield ""
    yield table(
        [
            ("event", told.id),
            ("entry", str(told.index)),
            ("recorded", f"{recorded:%Y-%m-%d %H:%M:%S} UTC, by the operator's clock"),
            ("signed by", f"{told.author}, key {told.key[:16]} ({told.key_origin})"),
            ("after seeing", f"{told.seen_size} {'entry' if told.seen_size == 1 else 'entries'}"),
            *([] if proven is None else [("proven", proven)]),
            ("kind", told.kind),
        ]
    )  # fmt: skip
    yield ""
    yield "Fields"
    yield msgspec.json.format(encode(told.event), indent=2).decode()
    if told.claims:
        yield ""
        yield "Opened texts"
        for name, value in sorted(told.claims.items()):
            words = value if isinstance(value, str) else _file(value)
            yield f"  {_quoted(f'{name}: {words}', width)}"
    if told.erased:
        yield f"Erased: {', '.join(told.erased)}"
    if closed := [name for name in told.unopened if name not in told.erased]:
        yield f"Not open here: {', '.join(closed)}"
    row = row_of(lay_out(reading), told.id)
    if row is None:
        return
    yield ""
    yield f"Status: {say(row.status.status)}"
    for field in row.status.fields:
        for response in field.responses:
            given = response.value
            if response.stance == "received" and response.date is not None:
                given = format_when(response.date)
            value = "" if given is None else f": {given}"
            stance, of = say(response.stance), say(field.field)
            words = f"Response of {response.party} on {of}: {stance}{value}"
            yield f"  {_quoted(words, width)}"
    proofs: dict[str, list[str]] = {}
    for grade in row.grades:
        proofs.setdefault(f"{grade.name} ({grade.reason})", []).append(grade.element)
    for words, elements in proofs.items():
        yield f"Proof that {', '.join(elements)}: {words}"


def _quoted(text: str, width: int) -> str:
    """Return a party's words so that none of their lines can pass for one of ours."""
    return f"\n{_QUOTE}".join(wrap(printable(text), width - len(_QUOTE)))


def _file(file: File) -> str:
    return f"{file.name} ({file.media_type}, {file.size} octets, SHA-256 {file.sha256})"


def _chronology(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    fold = fold_timeline(reading, party=arguments.party)
    values = chronology_json(reading.view, fold)
    if arguments.format == "json":
        context = replace(context, json=True)
    text = chronology_text(reading.view, fold, width=arguments.width)
    context.answer(values, text)
    return DONE


def _promises(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    folds = [fold_commitments(reading, telling=telling) for telling in tellings(reading.view)]
    values = promises_json(reading.view, folds)
    text = commitments_text(reading.view, folds, width=arguments.width)
    context.answer(values, text)
    return DONE


def _stat(arguments: Namespace, context: Context) -> int:
    view = read_view(context, arguments)
    kinds: dict[str, int] = {}
    for told in view.told:
        kinds[told.kind] = kinds.get(told.kind, 0) + 1
    sealed = sum(len(told.event.sealed or {}) for told in view.told)
    opened = sum(len(told.claims) for told in view.told)
    keys = [key for key in view.state.keys.values() if key.status == "active"]
    values = {
        "claims": {"opened": opened, "sealed": sealed},
        "events": kinds,
        "keys": {key.key: key.party for key in keys},
        "ledger": view_json(view),
        "log_key": vkey_of(view.state),
        "members": sorted(view.state.members),
    }
    rows = [
        ("origin", view.origin),
        ("fingerprint", groups(view.fingerprint)),
        ("log key", vkey_of(view.state)),
        ("size", str(view.size)),
        ("root", groups(view.root)),
        ("members", ", ".join(sorted(view.state.members))),
        ("active keys", ", ".join(f"{key.party} {key.key[:8]}" for key in keys)),
        ("claims", f"{sealed} sealed, {opened} open here"),
        ("events", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))),
    ]
    context.answer(values, table(rows))
    return DONE
