"""Commands about answers that are awaited and given: queue, positions."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ledger.cli.context import DONE, Context
from ledger.cli.parsing import label
from ledger.cli.reading import add_reader, reading_of
from ledger.cli.sources import one_id
from ledger.folds.positions import fold_positions
from ledger.folds.queue import fold_queues, queue_of
from ledger.replies import positions_json, queue_json
from ledger.texts.queueing import positions_text, queue_text

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    queue = add_reader(
        commands, "queue", "what awaits a party, the most urgent first", _queue,
        "queue ledger --party rutland",
        "queue export --party rutland --as-at 2025-11-28",
        more="Requests and questions that are with it, promises that it has not kept, agreements\n"
        "that it has not signed, what it has not said to have received, and what it has not\n"
        "answered, field by field.",
    )  # fmt: skip
    queue.add_argument("--party", type=label, required=True, metavar="PARTY", help="the party")
    positions = add_reader(
        commands, "positions", "how the parties stand to each event, field by field", _positions,
        "positions ledger --party rutland",
        "positions export --event 3c918f3d",
        more="Each field is agreed, admitted, corrected, disputed, not admitted or not answered.",
    )  # fmt: skip
    positions.add_argument(
        "--party", type=label, metavar="PARTY", help="only what this party tells or is named in"
    )
    positions.add_argument(
        "--event", metavar="EVENT", help="only the event with this id, or first digits"
    )


def _queue(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    found = queue_of(fold_queues(reading), arguments.party)
    text = queue_text(reading.view, found, width=arguments.width)
    context.answer(queue_json(reading.view, found), text)
    return DONE


def _positions(arguments: Namespace, context: Context) -> int:
    reading = reading_of(arguments, context)
    event = arguments.event
    event_id = None if event is None else one_id(event, reading.view.by_id)
    found = fold_positions(reading, party=arguments.party, event_id=event_id)
    text = positions_text(reading.view, found, width=arguments.width)
    context.answer(positions_json(reading.view, found), text)
    return DONE
