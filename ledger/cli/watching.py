"""The command that follows a ledger from outside: watch."""

from __future__ import annotations

import contextlib
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.asking import Asking, Patience, UnknownReaderError
from ledger.cli.context import DONE, FAILED, REFUSED, Context, InvalidError, UsageError
from ledger.cli.parsing import command, seconds
from ledger.cli.sources import add_source, home_of, is_url, open_remote, reader_of
from ledger.client import Remote
from ledger.errors import TargetError
from ledger.watching import Finding, Watch
from verify.errors import MalformedError
from verify.policy import MAX_POLICY_SIZE, Policy, parse_policy
from verify.receipt import MAX_RECEIPT

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    watch = command(
        commands, "watch", "follow a ledger, and tell when it goes back on its word", _watch,
        "watch https://ledger.example.org/dispute --fingerprint 8d1f...e2 --policy policy",
        "watch URL --once --held letter.receipt.json # one look, with a receipt to compare",
        "watch URL --also https://mirror.example.net/dispute # two servers, one history?",
        more="Every new entry is checked as it comes. It ends with status 1 as soon as anything\n"
        "does not go together: with a fork proof for anybody, where there can be one, which\n"
        "`counterfoil-verify FILE --fingerprint HEX` confirms. It goes on from where it was.",
    )  # fmt: skip
    add_source(watch)
    watch.add_argument(
        "--policy", metavar="FILE", help="a tlog-policy: whose cosignatures there must be"
    )
    watch.add_argument(
        "--also", action="append", default=[], metavar="URL",
        help="another server of the same ledger; again for each",
    )  # fmt: skip
    watch.add_argument(
        "--witness", action="append", default=[], metavar="URL",
        help="the monitoring prefix of a witness; again for each",
    )  # fmt: skip
    watch.add_argument(
        "--held", action="append", default=[], metavar="FILE",
        help="a receipt or a signed checkpoint that reached you another way; again for each",
    )  # fmt: skip
    watch.add_argument("--once", action="store_true", help="look once, and end")
    watch.add_argument(
        "--every", type=seconds, default=60, metavar="S", help="look every S seconds (default: 60)"
    )


def _watch(arguments: Namespace, context: Context) -> int:
    if not is_url(arguments.ledger):
        raise UsageError(f"{arguments.ledger}: watching takes a URL; `counterfoil-verify` a folder")
    with contextlib.ExitStack() as stack:
        watch = _open(arguments, context, stack)
        size = 0
        while True:
            try:
                found = list(watch.look())
            except TargetError as error:
                if arguments.once or isinstance(error, UnknownReaderError):
                    raise
                found = [Finding("unanswered", "the server", str(error))]
            if watch.size != size:
                size = watch.size
                context.answer({"size": size}, f"{size:,} entries: checked, and none went back")
            for finding in found:
                _tell(context, finding)
            if any(finding.kind != "unanswered" for finding in found):
                return REFUSED
            if arguments.once:
                return FAILED if found else DONE
            time.sleep(arguments.every)


def _open(arguments: Namespace, context: Context, stack: contextlib.ExitStack) -> Watch:
    home, signer = home_of(arguments), reader_of(arguments, context)
    policy = None if arguments.policy is None else _policy(Path(arguments.policy))
    held = [(name, _read(Path(name), MAX_RECEIPT)) for name in arguments.held]
    remote = stack.enter_context(open_remote(context, arguments, signer=signer))
    others = [
        (url, stack.enter_context(
            Remote(url, fingerprint=remote.fingerprint, home=home, now_ms=context.now_ms,
                   signer=signer)))
        for url in arguments.also
    ]  # fmt: skip
    witnesses = {
        url: stack.enter_context(
            contextlib.closing(
                Asking(
                    url, fingerprint=remote.fingerprint, signer=None, now_ms=context.now_ms,
                    patience=Patience(),
                )
            )
        )
        for url in arguments.witness
    }  # fmt: skip
    return Watch(
        remote, home=home, now_ms=context.now_ms, policy=policy, others=others,
        witnesses=witnesses, held=held,
    )  # fmt: skip


def _tell(context: Context, finding: Finding) -> None:
    values = {"finding": finding.kind, "reason": finding.reason, "source": finding.source}
    text = f"{finding.kind}: {finding.source}: {finding.reason}"
    if finding.proof is not None:
        values["proof"] = str(finding.proof)
        if str(finding.proof) not in finding.reason:
            text += f"\n  {finding.proof} is the proof, for counterfoil-verify"
    context.answer(values, text)


def _policy(path: Path) -> Policy:
    try:
        return parse_policy(_read(path, MAX_POLICY_SIZE))
    except MalformedError as error:
        raise InvalidError(f"{path}: {error}") from None


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit + 1)
