"""Commands that read what was undertaken and done: agreements, arrangements, transfers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ledger.cli.context import DONE, Context, UsageError
from ledger.cli.parsing import day, label
from ledger.cli.reading import add_reader, reading_of
from ledger.folds.agreements import fold_agreements, fold_bindings
from ledger.folds.arrangements import fold_arrangements
from ledger.folds.transfers import fold_transfers
from ledger.replies import (
    agreements_json,
    arrangements_json,
    bindings_json,
    tellings,
    transfers_json,
)
from ledger.texts.undertakings import (
    agreements_text,
    arrangements_text,
    bindings_text,
    transfers_text,
)

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    agreements = add_reader(
        commands, "agreements", "who signed what, and what was in force", _agreements,
        "agreements ledger --as-at 2025-11-28",
        "agreements ledger --bound rutland --on 2025-09-23 # was it bound on that day, and why",
        more="A signature counts with its party's own key; what others tell of it is a claim.",
    )  # fmt: skip
    agreements.add_argument(
        "--bound", type=label, metavar="PARTY",
        help="whether this party was bound: yes, no, or not established, with each ground",
    )  # fmt: skip
    agreements.add_argument(
        "--on", type=day, metavar="DATE",
        help="with --bound: at the end of this day (default: the day as at which it is read)",
    )  # fmt: skip
    add_reader(
        commands, "arrangements", "forums and facilities: who is in them, and who chairs",
        _arrangements,
        "arrangements ledger --as-at 2025-11-28",
    )  # fmt: skip
    add_reader(
        commands, "transfers", "which data was passed, to whom, and who was bound by what",
        _transfers,
        "transfers export --as-at 2025-11-28",
    )  # fmt: skip


def _agreements(arguments: Namespace, context: Context) -> int:
    if arguments.bound is not None:
        return _bound(arguments, context)
    if arguments.on is not None:
        raise UsageError("--on goes with --bound")
    reading = reading_of(arguments, context)
    folds = [fold_agreements(reading, telling=telling) for telling in tellings(reading.view)]
    text = agreements_text(reading.view, folds, width=arguments.width)
    context.answer(agreements_json(reading.view, folds), text)
    return DONE


def _bound(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    on = reading.as_at if arguments.on is None else arguments.on
    if on > reading.as_at:
        as_at = reading.as_at.isoformat()
        raise UsageError(f"--on: {on} is after {as_at}, as at which this is read: see --as-at")
    folds = [
        fold_bindings(reading, party=arguments.bound, on=on, telling=telling)
        for telling in tellings(reading.view)
    ]
    text = bindings_text(reading.view, folds, width=arguments.width)
    context.answer(bindings_json(reading.view, folds), text)
    return DONE


def _arrangements(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    folds = [fold_arrangements(reading, telling=telling) for telling in tellings(reading.view)]
    text = arrangements_text(reading.view, folds, width=arguments.width)
    context.answer(arrangements_json(reading.view, folds), text)
    return DONE


def _transfers(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    folds = [fold_transfers(reading, telling=telling) for telling in tellings(reading.view)]
    text = transfers_text(reading.view, folds, width=arguments.width)
    context.answer(transfers_json(reading.view, folds), text)
    return DONE
