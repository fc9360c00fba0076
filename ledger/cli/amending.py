"""The command that changes a charter: witnesses and their quorum, registrars, the log's key."""

from __future__ import annotations

import contextlib
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.cli.charters import amendment, quorum_of, say_if_weak, witness_fields
from ledger.cli.context import DONE, Context, UsageError
from ledger.cli.parsing import command, cosigner, label, party
from ledger.cli.signing import put, reported, signing_options, waiting
from ledger.cli.sources import home_of, is_url, open_target
from ledger.errors import RefusedError
from ledger.keys import LogKey, PartySigner
from ledger.ledger import Ledger
from ledger.target import Directory, Target
from verify.kinds import Charter
from verify.note import format_vkey
from verify.state import State

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    amend = command(
        commands, "amend", "change what the charter says of witnesses, registrars, the log's key",
        _amend,
        "amend https://ledger.example --witness W1 --witness W2 --witness W3 --key county.key",
        "amend ledger --without-witness w1.example --witness W4 --quorum 3 --key county.key",
        "amend ledger --registrar rutland --threshold 2 --key county.key",
        "amend ledger --new-log-key --key county.key # while it is not served",
        more="What is not named stays. A registrar proposes it; where the charter asks for more\n"
        "than one, it waits for `counterfoil approve`, and a further one by the same party\n"
        "takes its place. Whoever has a policy of the ledger needs a new one: with a line\n"
        "for each log key that it has had, and the witnesses.",
    )  # fmt: skip
    amend.add_argument("ledger", help="the ledger's folder or URL")
    amend.add_argument(
        "--witness", action="append", default=[], type=cosigner, metavar="VKEY",
        help="a further independent co-signer of the log; again for each",
    )  # fmt: skip
    amend.add_argument(
        "--without-witness", action="append", default=[], metavar="NAME",
        help="a co-signer that is one no longer, and whose key cannot come back; again for each",
    )  # fmt: skip
    amend.add_argument(
        "--quorum", type=int, metavar="K",
        help="co-signers that a checkpoint needs (default, where they change: so many that two "
        "must lie)",
    )  # fmt: skip
    amend.add_argument(
        "--registrar", action="append", default=[], type=party, metavar="PARTY",
        help="a further party that governs, once it is a member; again for each",
    )  # fmt: skip
    amend.add_argument(
        "--without-registrar", action="append", default=[], type=label, metavar="PARTY",
        help="a party that governs no longer; again for each",
    )  # fmt: skip
    amend.add_argument("--threshold", type=int, metavar="N", help="registrars that must agree")
    amend.add_argument(
        "--recover", type=int, metavar="N",
        help="other members that must agree to recover a lost key",
    )  # fmt: skip
    amend.add_argument(
        "--new-log-key", action="store_true",
        help="make another key for the log, in its folder, that signs from there on",
    )  # fmt: skip
    signing_options(amend)


def _amend(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    with _opened(arguments, context, signer) as (target, ledger):
        state = target.state
        changes = _changes(arguments, context, state)
        log_key = None if ledger is None else LogKey.generate(ledger.origin)
        if log_key is not None:
            changes["log_key"] = log_key.public.hex()
        if not changes:
            raise UsageError("nothing is to change: say what, see --help")
        composed = amendment(state, author=signer.party, **changes)
        if ledger is not None and log_key is not None:
            ledger.add_log_key(log_key)  # before anything names it
        try:
            done = put(context, target, composed, signer=signer, home=home_of(arguments))
        except RefusedError:
            if ledger is not None and log_key is not None:
                ledger.drop_log_key(log_key)
            raise
        waits = waiting(target, done.event_id)
    vkey = None if log_key is None else format_vkey(log_key.verifier_key)
    reported(context, done, "an amendment of the charter", waits=waits, log_key=vkey)
    if log_key is not None:
        context.say(
            "counterfoil: each witness needs the log's new key (`counterfoil witness add`, and "
            "served anew), and every policy, beside the one before"
        )
    return DONE


@contextlib.contextmanager
def _opened(
    arguments: Namespace, context: Context, signer: PartySigner
) -> Iterator[tuple[Target, Ledger | None]]:
    """Open the ledger to record in; its folder itself where a log key is to be put into it."""
    if not arguments.new_log_key:
        with open_target(context, arguments, signer=signer) as target:
            yield target, None
        return
    if is_url(arguments.ledger):
        raise UsageError(
            "--new-log-key makes a key in the ledger's folder: give that, while it is not served"
        )
    path = Path(arguments.ledger)
    with context.recording(path, accept_clock=arguments.accept_clock) as ledger:
        yield Directory(ledger, fingerprint=arguments.fingerprint), ledger


def _changes(arguments: Namespace, context: Context, state: State) -> dict[str, object]:
    """Return which fields of the charter become what, and none that is so already.

    Raises:
        UsageError: What is to go is not there, or too few would be left who can govern.
    """
    charter = state.charter
    changes: dict[str, object] = {}
    kept = {one.name: one for one in charter.witnesses or ()}
    for name in arguments.without_witness:
        if kept.pop(name, None) is None:
            raise UsageError(f"--without-witness {name}: the charter names {_names(charter)}")
    witnesses = [*kept.values(), *map(witness_fields, arguments.witness)]
    if arguments.witness or arguments.without_witness:
        changes["witnesses"] = witnesses or None
    if changes or arguments.quorum is not None:
        quorum = quorum_of(arguments.quorum, of=len(witnesses))
        say_if_weak(context, quorum, of=len(witnesses))
        changes["quorum"] = quorum
    for name in arguments.without_registrar:
        if name not in charter.registrars:
            named = ", ".join(charter.registrars)
            raise UsageError(f"--without-registrar {name}: the registrars are {named}")
    left = set(charter.registrars) - set(arguments.without_registrar)
    registrars = sorted(left | set(arguments.registrar))
    given = {"govern": arguments.threshold, "recover": arguments.recover}
    thresholds = msgspec.structs.replace(
        charter.thresholds, **{name: number for name, number in given.items() if number is not None}
    )
    changes |= {"registrars": tuple(registrars), "thresholds": thresholds}
    now = msgspec.to_builtins(charter)
    fields = msgspec.to_builtins(changes).items()
    changes = {name: value for name, value in fields if value != now.get(name)}
    if changes.keys() & {"registrars", "thresholds"}:
        _check_governed(state, registrars, thresholds.govern)
    return changes


def _check_governed(state: State, registrars: Sequence[str], govern: int) -> None:
    """Check that as many registrars have joined as must agree.

    Raises:
        UsageError: They are fewer.
    """
    joined = [name for name in registrars if name in state.members]
    if len(joined) < govern:
        raise UsageError(
            f"{govern} registrars would have to agree, and of them have joined: "
            f"{', '.join(joined) or 'none'}. Nobody could be enrolled, and nothing amended: let "
            "the others join first"
        )


def _names(charter: Charter) -> str:
    return ", ".join(one.name for one in charter.witnesses or ()) or "no witnesses"
