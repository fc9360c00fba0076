"""The command line: which commands there are, and how each ends."""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger.cli import (
    amending,
    asking,
    carrying,
    comparing,
    contradicting,
    keeping,
    keying,
    knowing,
    linting,
    offering,
    outputting,
    proving,
    queueing,
    reading,
    reconciling,
    recording,
    requesting,
    safekeeping,
    stamping,
    undertakings,
    watching,
)
from ledger.cli.context import (
    DONE,
    FAILED,
    INTERRUPTED,
    REFUSED,
    Context,
    InvalidError,
    OutputError,
)
from ledger.cli.parsing import HelpError, Parser
from ledger.errors import (
    BackupError,
    ComposeError,
    DateError,
    DisputedError,
    DraftError,
    LedgerError,
    ReconcileError,
    RefusedError,
)
from verify.errors import VerifyError
from verify.state import UnknownVersionError
from verify.version import version_of

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["Add", "run"]

Add = Callable[["_SubParsersAction[ArgumentParser]"], None]

_ADD: tuple[Add, ...] = (
    keying.add,
    keeping.add,
    amending.add,
    recording.add,
    carrying.add,
    reading.add,
    requesting.add,
    proving.add,
    offering.add,
    stamping.add,
    safekeeping.add,
    watching.add,
    knowing.add,
    contradicting.add,
    queueing.add,
    outputting.add,
    asking.add,
    comparing.add,
    undertakings.add,
    reconciling.add,
    linting.add,
)
_REFUSALS = (
    *(BackupError, ComposeError, DateError, DisputedError, DraftError, InvalidError, RefusedError),
    ReconcileError,
)

_EPILOG = """\
`counterfoil COMMAND --help` shows what a command takes, with examples.
Every command takes --json, before or after its name, and then prints one JSON
object: its answer, or {"error": ..., "status": ...}.

exit status:
  0  done
  1  refused by the ledger, or what was handed in is not valid
  2  could not run
  130  interrupted

Try `counterfoil demo` first.
"""


def run(arguments: Sequence[str] | None, context: Context, *more: Add) -> int:
    """Run the command that `arguments` name and return its exit status.

    Args:
        arguments: The words of the command line; None for the process's own.
        context: The clock and where to print.
        more: Add further commands.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    context = replace(context, json=context.json or "--json" in words)
    try:
        return _ended(words, context, more)
    except OutputError as error:  # what cannot be printed is said where there is room
        context.say(f"counterfoil: {error}")
        return FAILED


def _ended(words: Sequence[str], context: Context, more: Sequence[Add]) -> int:
    """Run a command, and answer for however it ends.

    Raises:
        OutputError: The answer cannot be printed.
    """
    try:
        return _run(words, context, more)
    except OutputError:
        raise
    except HelpError as asked:
        context.answer({"help": asked.text}, asked.text)
        return DONE
    except UnknownVersionError as error:
        return _complain(context, str(error), FAILED)
    except (VerifyError, *_REFUSALS) as error:
        return _complain(context, str(error), REFUSED)
    except LedgerError as error:
        return _complain(context, str(error), FAILED)
    except BrokenPipeError:
        return FAILED  # whoever read has gone, and wants no words
    except OSError as failure:
        where = failure.filename or "this system"
        return _complain(context, f"{where}: {failure.strerror or failure}", FAILED)
    except MemoryError:
        return _complain(context, "there is too little memory", FAILED)
    except KeyboardInterrupt:
        reason = "Interrupted. What was acknowledged is kept; the rest waits or never was."
        return _complain(context, reason, INTERRUPTED)


def _run(words: Sequence[str], context: Context, more: Sequence[Add]) -> int:
    parser = _parser(more)
    asked = set(words) - {"--json"}
    if not asked:
        parser.print_help()
    if asked == {"--version"}:
        version = version_of("counterfoil")
        context.answer({"version": version}, f"counterfoil {version}")
        return DONE
    parsed = parser.parse_args(words)
    code: int = parsed.run(parsed, context)
    return code


def _complain(context: Context, reason: str, code: int) -> int:
    if context.json:
        context.answer({"error": reason, "status": code}, "")
    else:
        context.say(f"counterfoil: {reason}")
    return code


def _parser(more: Sequence[Add]) -> Parser:
    parser = Parser(
        prog="counterfoil",
        description="Keep, record in, read and prove from an evidence ledger.",
        epilog=_EPILOG,
    )
    _add_commands(parser, more)
    parser.add_argument("--version", action="store_true", help="print the version, and end")
    _add_json(parser, default=False)
    return parser


def _add_commands(parser: ArgumentParser, more: Sequence[Add]) -> None:
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (*_ADD, *more):
        add(commands)


def _add_json(parser: ArgumentParser, *, default: object = SUPPRESS) -> None:
    """Let every command, at whatever depth, take `--json`; below the first it has no default."""
    text = "answer with one JSON object"
    parser.add_argument("--json", action="store_true", default=default, help=text)
    for action in parser._actions:  # noqa: SLF001 (argparse has no public way to walk commands)
        choices = getattr(action, "choices", None)
        if isinstance(choices, dict):
            for child in choices.values():
                _add_json(child)
