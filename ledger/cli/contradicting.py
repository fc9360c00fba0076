"""The command that finds what nobody asked for: contradictions, gaps and double counting."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from ledger.cli.context import DONE, Context
from ledger.cli.parsing import label
from ledger.cli.reading import add_reader, reading_of
from ledger.folds.contradictions import FindingKind, fold_contradictions
from ledger.folds.stances import Telling
from ledger.replies import contradictions_json
from ledger.texts.contradicting import contradictions_text

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    kinds = get_args(FindingKind)
    parser = add_reader(
        commands, "contradictions", "what does not fit, is missing, or may be counted twice",
        _contradictions,
        "contradictions ledger",
        "contradictions export --kind gap --as-at 2025-11-28",
        "contradictions ledger --party rutland # only what stands in its telling",
        more="Each finding says in whose telling it stands, on which events it rests, and why it\n"
        "is found. It never says which of two things is so.",
    )  # fmt: skip
    parser.add_argument("--kind", choices=kinds, metavar="KIND", help=f"only {', '.join(kinds)}")
    parser.add_argument("--party", type=label, help="only what stands in this party's telling")


def _contradictions(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    fold = fold_contradictions(reading)
    telling = Telling(arguments.party)
    rows = tuple(
        row
        for row in fold.rows
        if arguments.kind in {None, row.kind}
        and (arguments.party is None or telling in row.tellings)
    )
    fold = replace(fold, rows=rows)
    text = contradictions_text(reading.view, fold, width=arguments.width)
    context.answer(contradictions_json(reading.view, fold), text)
    return DONE
