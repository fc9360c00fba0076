"""What the commands that sign share: their options, and how one event is recorded."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ledger.cli.context import DONE, Context, UsageError
from ledger.cli.sources import home_of, identity_options, open_target
from ledger.compose import Composed
from ledger.errors import RefusedError
from ledger.keys import PartySigner
from ledger.sending import record_composed
from ledger.target import Target
from verify.kinds import Charter
from verify.state import State

__all__ = ["Done", "passphrase_option", "put", "reported", "signing_options", "submit", "waiting"]


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


@dataclass(frozen=True, slots=True)
class Done:
    """An event that is recorded.

    Attributes:
        event_id: Its id, in hex.
        index: Its entry's index.
        before: Whether it was recorded by an earlier run.
    """

    event_id: str
    index: int
    before: bool


def submit(
    context: Context,
    arguments: Namespace,
    composed: Composed,
    called: str,
    *,
    signer: PartySigner,
) -> int:
    """Record one event in the ledger that the command line names, and say how it went."""
    with open_target(context, arguments, signer=signer) as target:
        done = put(context, target, composed, signer=signer, home=home_of(arguments))
        waits = waiting(target, done.event_id)
    return reported(context, done, called, waits=waits)


def reported(
    context: Context, done: Done, called: str, *, waits: str = "", log_key: str | None = None
) -> int:
    """Say that one event is recorded, what it waits for if it does, and the log key it names."""
    values: dict[str, object] = {
        "before": done.before,
        "event": done.event_id,
        "index": done.index,
        "recorded": called,
    }
    how = "Recorded before" if done.before else "Recorded"
    text = f"{how}: {called}, entry {done.index}, event {done.event_id[:16]}"
    if waits:
        values |= {"waits": waits}
        text += f"\nIt {waits}:\n  counterfoil approve LEDGER {done.event_id} --key FILE"
    if log_key is not None:
        values |= {"log_key": log_key}
        text += f"\nlog key  {log_key}"
    context.answer(values, text)
    return DONE


def put(
    context: Context,
    target: Target,
    composed: Composed,
    *,
    signer: PartySigner,
    home: Path,
    once: bool = False,
) -> Done:
    """Record one event in a ledger; with `once`, unless one with the same words was before.

    What else came of it is said: of what waited in the outbox, and of amendments that waited for
    approvals and are void by this one, or by another that it completed.

    Raises:
        RefusedError: The ledger does not accept it.
        UsageError: Whether it is recorded is not known: it waits in the outbox.
    """
    amendments = _amendments(target.state)
    sent = record_composed(
        target, composed, signer=signer, home=home, now_ms=context.now_ms, once=once
    )
    if sent.before is not None:
        return Done(sent.event_id, sent.before, before=True)
    report = sent.report
    refused = {one.event: one.reason for one in report.refused}
    reason = refused.pop(sent.event_id[:16], None)
    for one in report.recorded:
        if one.event_id != sent.event_id:
            context.say(f"counterfoil: {one.event}, which waited, is recorded: entry {one.index}")
    for event, why in refused.items():
        context.say(f"counterfoil: {event}, which waited, was refused: {why}")
    if reason is not None:
        raise RefusedError(f"refused: {reason}")
    if report.stopped is not None:
        raise UsageError(f"{report.stopped}; what you signed waits in {home} and goes next time")
    if amendments:  # else nothing can be void by this, and a server need not be asked again
        _say_void(context, amendments, target.state)
    indices = {one.event_id: one.index for one in report.recorded}
    return Done(sent.event_id, indices[sent.event_id], before=False)


def _amendments(state: State) -> dict[str, Charter]:
    """Return the amendments that wait for approvals, by their events' ids."""
    return {name: one.act for name, one in state.pending.items() if isinstance(one.act, Charter)}


def _say_void(context: Context, before: Mapping[str, Charter], state: State) -> None:
    """Say which of these amendments wait no longer and have not taken effect."""
    for event_id in sorted(before.keys() - _amendments(state).keys() - {state.charter_id}):
        context.say(
            f"counterfoil: the amendment {event_id[:16]} by {before[event_id].author}, which "
            "waited for approvals, is void now"
        )


def waiting(target: Target, event_id: str) -> str:
    """Say what an act of governance waits for; nothing if it has taken effect."""
    pending = target.state.pending.get(event_id)
    if pending is None:
        return ""
    if pending.ready_ms is not None:
        return "is approved, and takes effect when its waiting days are over"
    return f"waits for approvals, {len(pending.signers)} so far"
