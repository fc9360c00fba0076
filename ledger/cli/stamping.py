"""The command that has a checkpoint stamped by time-stamping authorities: timestamp."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.authorities import AUTHORITIES_FILE, Configured, read_authorities
from ledger.cli.context import DONE, REFUSED, Context, UsageError, one_line
from ledger.cli.parsing import command
from ledger.cli.signing import put, signing_options
from ledger.cli.sources import NO_OUTSIDE, home_of, open_target, read_certificates
from ledger.errors import LedgerError
from verify.checkpoint import Checkpoint

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from ledger.plain import Plain
    from ledger.timestamping import Stamped

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    stamping = command(
        commands, "timestamp", "have the record's state stamped by time-stamping authorities",
        _timestamp,
        "timestamp ledger --key rutland.key # by each authority in rutland.key.d/authorities.toml",
        "timestamp ledger --tsa https://tsa.example/tsr --chain tsa.pem --key rutland.key",
        "timestamp ledger --openssl-conf tsa.cnf --chain tsa.pem --key rutland.key",
        more="An authority learns a hash and nothing else. It dates what is recorded so far for\n"
        "whoever trusts it, and says nothing of who wrote it. Ends with 1 where only some of the\n"
        "authorities gave a token.",
    )  # fmt: skip
    stamping.add_argument("ledger", help="the ledger's folder or URL")
    asked = stamping.add_mutually_exclusive_group()
    asked.add_argument("--tsa", metavar="URL", help="one authority, by RFC 3161 over HTTP")
    asked.add_argument(
        "--openssl-conf", metavar="FILE", help="an authority of your own: settings of openssl ts"
    )
    stamping.add_argument(
        "--chain", metavar="FILE",
        help="that authority's certificates from its root down (PEM), as you trust them",
    )  # fmt: skip
    signing_options(stamping)


def _timestamp(arguments: Namespace, context: Context) -> int:
    home = home_of(arguments)
    asked = _asked(arguments, home)
    signer = context.signer(arguments)
    recorded: list[dict[str, Plain]] = []
    failed: list[dict[str, Plain]] = []
    with open_target(context, arguments, signer=signer) as target:
        head = target.head()
        checkpoint = Checkpoint(target.origin, head.size, head.root)
        for each in asked:
            try:
                stamped = _stamp(each, checkpoint, signer.party, context)
                called = f"{checkpoint.size} entries existed by {stamped.stamp.time}"
                done = put(context, target, stamped.composed, signer=signer, home=home)
            except UsageError:
                raise  # what cannot be reached now is not reached for the next either
            except LedgerError as error:
                failed.append({"authority": each.name, "reason": str(error)})
                continue
            recorded.append(
                {"authority": each.name, "event": done.event_id, "index": done.index,
                 "recorded": called}
            )  # fmt: skip
    if not recorded:
        raise UsageError("; ".join(f"{each['authority']}: {each['reason']}" for each in failed))
    lines = [
        f"Recorded: {each['recorded']}, by {each['authority']}, "
        f"entry {each['index']}, event {str(each['event'])[:16]}"
        for each in recorded
    ]
    lines += [f"Not stamped: by {each['authority']}: {each['reason']}" for each in failed]
    context.answer({"failed": failed, "stamped": recorded}, "\n".join(map(one_line, lines)))
    return REFUSED if failed else DONE


def _asked(arguments: Namespace, home: Path) -> tuple[Configured, ...]:
    """Return whom to ask: the one that the command line names, or all that are configured."""
    one: str | None = arguments.tsa or arguments.openssl_conf
    if (one is None) is not (arguments.chain is None):
        raise UsageError("--chain goes with --tsa or --openssl-conf")
    if one is not None:
        settings = None if arguments.openssl_conf is None else Path(arguments.openssl_conf)
        name = one if arguments.tsa is None else _place(one)
        return (Configured(name, arguments.tsa, settings, Path(arguments.chain)),)
    configured = read_authorities(home)
    if not configured:
        raise UsageError(
            f"no authority: give --tsa and --chain, or write {home}/{AUTHORITIES_FILE}"
        )
    return configured


def _stamp(asked: Configured, checkpoint: Checkpoint, party: str, context: Context) -> Stamped:
    try:
        from ledger import timestamping  # noqa: PLC0415 (an extra, which need not be there)
    except ModuleNotFoundError:
        raise UsageError(NO_OUTSIDE) from None
    try:
        chain = read_certificates(asked.chain)
    except UsageError as error:
        raise LedgerError(str(error)) from None  # the other authorities are asked all the same
    if asked.openssl_conf is not None:
        authority = timestamping.ask_openssl(asked.openssl_conf)
        source = "openssl ts, on the signer's own machine"
    else:
        url = asked.tsa or ""
        authority = timestamping.ask_server(url)
        source = _place(url)
    return timestamping.stamp(
        checkpoint, author=party, authority=authority, source=source, chain=chain,
        now_ms=context.now_ms,
    )  # fmt: skip


def _place(url: str) -> str:
    """Return a URL without its query, which may be a customer's key."""
    return url.partition("?")[0]
