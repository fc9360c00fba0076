"""The command line: which commands there are, and how each ends."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger.cli import keeping, proving, reading, recording
from ledger.cli.context import FAILED, REFUSED, Context
from ledger.errors import LedgerError, RefusedError
from verify.errors import VerifyError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["Add", "run"]

Add = Callable[["_SubParsersAction[ArgumentParser]"], None]

_INTERRUPTED = 130

_EPILOG = """\
exit status:
  0  done
  1  refused by the ledger, or what was asked is not valid
  2  could not run
Every command takes --json and then answers with one JSON object.
Try `counterfoil demo` first.
"""


def run(arguments: Sequence[str] | None, context: Context, *more: Add) -> int:
    """Run the command that `arguments` name and return its exit status.

    Args:
        arguments: The words of the command line; None for the process's own.
        context: The clock and where to print.
        more: Add further commands.
    """
    parsed = _parser(more).parse_args(arguments)
    context = replace(context, json=parsed.json or context.json)
    try:
        code: int = parsed.run(parsed, context)
    except RefusedError as error:
        return _complain(context, str(error), REFUSED)
    except (LedgerError, VerifyError) as error:
        return _complain(context, str(error), FAILED)
    except OSError as failure:
        where = failure.filename or "this system"
        return _complain(context, f"{where}: {failure.strerror}", FAILED)
    except KeyboardInterrupt:
        context.say("Interrupted. What was acknowledged is kept; the rest waits or never was.")
        return _INTERRUPTED
    return code


def _complain(context: Context, reason: str, code: int) -> int:
    if context.json:
        context.answer({"error": reason, "status": code}, "")
    else:
        context.say(f"counterfoil: {reason}")
    return code


def _parser(more: Sequence[Add]) -> ArgumentParser:
    parser = ArgumentParser(
        prog="counterfoil",
        description="Keep, record in, read and prove from an evidence ledger.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (keeping.add, recording.add, reading.add, proving.add, *more):
        add(commands)
    _add_json(parser, default=False)
    return parser


def _add_json(parser: ArgumentParser, *, default: object = SUPPRESS) -> None:
    """Let every command, at whatever depth, take `--json`; below the first it has no default."""
    text = "answer with one JSON object"
    parser.add_argument("--json", action="store_true", default=default, help=text)
    for action in parser._actions:  # noqa: SLF001 (argparse has no public way to walk commands)
        choices = getattr(action, "choices", None)
        if isinstance(choices, dict):
            for child in choices.values():
                _add_json(child)
