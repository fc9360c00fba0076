"""The command that asks: what is outstanding, who was slow, what was promised and not done."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ledger.cli.context import DONE, Context
from ledger.cli.parsing import label
from ledger.cli.reading import add_reader, reading_of
from ledger.cli.sources import one_id
from ledger.folds.questions import QUESTIONS, ask
from ledger.folds.stances import Telling
from ledger.replies import ask_json, tellings
from ledger.texts.ask import ask_text, questions_text

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = add_reader(
        commands, "ask", "what every dispute asks: what is outstanding, who was slow", _ask,
        "ask ledger",
        "ask ledger --questions # which questions there are, each with an example",
        "ask export outstanding --party rutland --as-at 2025-11-28",
        "ask export clear --event 24ddea7a # with the rows that each answer rests on",
        more="Without a question it answers all that apply. Each answer stands as established and\n"
        "as each side tells it, with the rows that it rests on, how well they are proven,\n"
        "and what is not established.",
    )  # fmt: skip
    parser.add_argument(
        "question", nargs="?", choices=tuple(QUESTIONS), metavar="question",
        help="one of those that --questions lists (default: all)",
    )  # fmt: skip
    parser.add_argument("--questions", action="store_true", help="list the questions, and end")
    parser.add_argument("--party", type=label, help="only what is about this party")
    parser.add_argument(
        "--event", metavar="ID", help="only what rests on the event with this id, or first digits"
    )
    parser.add_argument(
        "--told-by", type=label, metavar="PARTY",
        help="only as this party tells it (default: as established, and as each tells it)",
    )  # fmt: skip


def _ask(arguments: Namespace, context: Context) -> int:
    if arguments.questions:
        listed = {name: {"words": q.words, "example": q.example} for name, q in QUESTIONS.items()}
        text = questions_text(QUESTIONS, width=arguments.width)
        context.answer({"questions": listed}, text)
        return DONE
    reading = reading_of(arguments, context)
    chosen = tellings(reading.view)
    if arguments.told_by is not None:
        chosen = [Telling(arguments.told_by)]
    event = None if arguments.event is None else one_id(arguments.event, reading.view.by_id)
    answers = ask(reading, chosen, question=arguments.question, party=arguments.party, event=event)
    one = arguments.question is not None
    text = ask_text(reading.view, answers, rows=one, width=arguments.width)
    context.answer(ask_json(reading.view, answers), text)
    return DONE
