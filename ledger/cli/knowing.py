"""The command that tells who knew what: in all, on a day, or when something else was done."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ledger.cli.context import DONE, Context, UsageError
from ledger.cli.parsing import actor, day
from ledger.cli.reading import add_reader, reading_of
from ledger.cli.sources import one_id
from ledger.folds.knew import knew_on, knew_when
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.reading import Reading
from ledger.replies import knew_before_json, knew_on_json, knowledge_json, tellings
from ledger.texts.knowing import knew_before_text, knew_on_text, knowledge_text

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = add_reader(
        commands, "knowledge", "who knew what, when, and how late", _knowledge,
        "knowledge export",
        "knowledge ledger --on 2025-04-10 --party rutland # what it knew at the end of that day",
        "knowledge ledger --of 3c918f3d --when 8d2b9af0 # did those who did the second know it?",
        more="What is asked of a day or an act is answered yes, no or not established, each with\n"
        "its grounds, as established and as each side tells it.",
    )  # fmt: skip
    parser.add_argument(
        "--on", type=day, metavar="DATE", help="who knew what at the end of this day"
    )
    parser.add_argument(
        "--party", type=actor, metavar="PARTY",
        help="only what this party, or a post of one (rutland/leader), knew",
    )  # fmt: skip
    parser.add_argument(
        "--of", metavar="EVENT", help="only who knew of the event with this id, or first digits"
    )
    parser.add_argument(
        "--when", metavar="EVENT",
        help="with --of: whether it was known when this event was done (default: to its doers)",
    )  # fmt: skip


def _knowledge(arguments: Namespace, context: Context) -> int:
    if arguments.when is not None and (arguments.of is None or arguments.on is not None):
        raise UsageError("--when: goes with --of, and without --on")
    reading = reading_of(arguments, context)
    of = None if arguments.of is None else one_id(arguments.of, reading.view.by_id)
    if arguments.when is not None and of is not None:
        return _before(arguments, context, reading, of)
    view, holder = reading.view, arguments.party
    if arguments.on is not None:
        told = tellings(view)
        on_day = knew_on(reading, day=arguments.on, tellings=told, holder=holder, of=of)
        text = knew_on_text(view, on_day, width=arguments.width)
        context.answer(knew_on_json(view, on_day), text)
        return DONE
    fold = fold_knowledge(reading, holder=holder, of=of)
    context.answer(knowledge_json(view, fold), knowledge_text(view, fold, width=arguments.width))
    return DONE


def _before(arguments: Namespace, context: Context, reading: Reading, of: str) -> int:
    view = reading.view
    act = one_id(arguments.when, view.by_id)
    told = tellings(view)
    answers = knew_when(reading, of=of, act=act, tellings=told, holder=arguments.party)
    text = knew_before_text(view, answers, width=arguments.width)
    context.answer(knew_before_json(view, answers), text)
    return DONE
