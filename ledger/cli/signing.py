"""What the commands that sign share: their options, and how one event is recorded."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ledger.cli.context import DONE, REFUSED, Context, UsageError
from ledger.cli.sources import home_of, identity_options, open_target
from ledger.compose import Composed
from ledger.keys import PartySigner
from ledger.record import RecordReport, record_composed
from ledger.target import Target

__all__ = ["passphrase_option", "put", "reported", "signing_options", "submit"]


def passphrase_option(parser: ArgumentParser) -> None:
    """Add the option of every command that reads a key."""
    parser.add_argument(
        "--passphrase-file", metavar="FILE",
        help="read the key's passphrase from this file (default: ask)",
    )  # fmt: skip


def signing_options(parser: ArgumentParser) -> None:
    """Add the options of every command that signs."""
    parser.add_argument("--key", required=True, metavar="FILE", help="your party's key file")
    passphrase_option(parser)
    identity_options(parser)
    parser.add_argument(
        "--accept-clock", action="store_true",
        help="this machine's clock is right, although the last entry disagrees",
    )  # fmt: skip


def submit(context: Context, arguments: Namespace, composed: Composed, called: str) -> int:
    """Record one event in the ledger that the command line names, and say how it went."""
    signer, home = context.signer(arguments), home_of(arguments)
    with open_target(context, arguments, signer=signer) as target:
        report = put(context, target, composed, signer=signer, home=home, called=called)
        waits = "" if report.refused else _waits(target, report.recorded[-1].event_id)
    return reported(context, report, called, waits=waits)


def reported(context: Context, report: RecordReport, called: str, *, waits: str = "") -> int:
    """Say how the recording of one event went, and what it waits for if it does."""
    if report.refused:
        reason = report.refused[0].reason
        if context.json:
            context.answer({"error": reason, "status": REFUSED}, "")
        else:
            context.say(f"counterfoil: refused: {reason}")
        return REFUSED
    done = report.recorded[-1]
    values = {"event": done.event_id, "index": done.index, "recorded": called}
    text = f"Recorded: {called}, entry {done.index}, event {done.event_id[:16]}"
    if waits:
        values |= {"waits": waits}
        text += f"\nIt {waits}:\n  counterfoil approve LEDGER {done.event_id} --key FILE"
    context.answer(values, text)
    return DONE


def put(
    context: Context,
    target: Target,
    composed: Composed,
    *,
    signer: PartySigner,
    home: Path,
    called: str,
) -> RecordReport:
    """Record one event in a ledger.

    Raises:
        UsageError: Whether it is recorded is not known: it waits in the outbox.
    """
    report = record_composed(
        target, composed, signer=signer, home=home, now_ms=context.now_ms, called=called
    )
    if report.stopped is not None:
        raise UsageError(f"{report.stopped}; what you signed waits in {home} and goes next time")
    return report


def _waits(target: Target, event_id: str) -> str:
    """Say what an act of governance waits for; nothing if it has taken effect."""
    pending = target.state.pending.get(event_id)
    if pending is None:
        return ""
    if pending.ready_ms is not None:
        return "is approved, and takes effect when its waiting days are over"
    return f"waits for approvals, {len(pending.signers)} so far"
