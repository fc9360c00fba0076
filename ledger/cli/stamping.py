"""The command that has a checkpoint stamped by a time-stamping authority: timestamp."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli.context import Context, UsageError, utc
from ledger.cli.parsing import command
from ledger.cli.signing import put, reported, signing_options
from ledger.cli.sources import NO_OUTSIDE, home_of, open_target, read_certificates
from verify.checkpoint import Checkpoint

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    stamping = command(
        commands, "timestamp", "have the record's state stamped by a time-stamping authority",
        _timestamp,
        "timestamp ledger --tsa https://tsa.example/tsr --chain tsa.pem --key rutland.key",
        "timestamp ledger --openssl-conf tsa.cnf --chain tsa.pem --key rutland.key",
        more="The authority learns a hash and nothing else. It dates what is recorded so far for\n"
        "whoever trusts it, and says nothing of who wrote it.",
    )  # fmt: skip
    stamping.add_argument("ledger", help="the ledger's folder or URL")
    asked = stamping.add_mutually_exclusive_group(required=True)
    asked.add_argument("--tsa", metavar="URL", help="the authority, by RFC 3161 over HTTP")
    asked.add_argument(
        "--openssl-conf", metavar="FILE", help="an authority of your own: settings of openssl ts"
    )
    stamping.add_argument(
        "--chain", required=True, metavar="FILE",
        help="the authority's certificates from its root down (PEM), as you trust them",
    )  # fmt: skip
    signing_options(stamping)


def _timestamp(arguments: Namespace, context: Context) -> int:
    try:
        from ledger import timestamping  # noqa: PLC0415 (an extra, which need not be there)
    except ModuleNotFoundError:
        raise UsageError(NO_OUTSIDE) from None
    chain = read_certificates(Path(arguments.chain))
    if arguments.tsa is not None:
        authority, source = timestamping.ask_server(arguments.tsa), arguments.tsa
    else:
        authority = timestamping.ask_openssl(Path(arguments.openssl_conf))
        source = "openssl ts, on the signer's own machine"
    signer = context.signer(arguments)
    with open_target(context, arguments, signer=signer) as target:
        head = target.head()
        checkpoint = Checkpoint(target.origin, head.size, head.root)
        stamped = timestamping.stamp(
            checkpoint, author=signer.party, authority=authority, source=source, chain=chain
        )
        called = f"{checkpoint.size} entries existed by {utc(stamped.stamp.time_ms)}"
        report = put(
            context, target, stamped.composed, signer=signer, home=home_of(arguments), called=called
        )
    return reported(context, report, called)
