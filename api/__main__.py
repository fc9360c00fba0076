"""The command `counterfoil`: the ledger's command line, with the commands that serve.

counterfoil serve LEDGER     answer parties and readers over HTTP
counterfoil demo [DIR]       the founding case, end to end
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from api.demo import demo
from api.serve import now_ms, serve
from ledger.cli.context import DONE, Context
from ledger.cli.main import run

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    return run(arguments, Context(now_ms=now_ms, out=sys.stdout, err=sys.stderr), _add)


def _add(commands: "_SubParsersAction[ArgumentParser]") -> None:
    serving = commands.add_parser("serve", help="serve a ledger over HTTP")
    serving.add_argument("ledger", help="the ledger's folder")
    serving.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    serving.add_argument("--port", type=int, default=8470, help="port (default: %(default)s)")
    serving.add_argument("--uds", metavar="PATH", help="listen on this socket file instead")
    serving.add_argument(
        "--accept-clock", action="store_true",
        help="this machine's clock is right, although the last entry disagrees",
    )  # fmt: skip
    serving.set_defaults(run=_serve)
    showing = commands.add_parser("demo", help="see the founding case go through a ledger")
    showing.add_argument(
        "folder", nargs="?", help="keep everything here (default: a temporary one)"
    )
    showing.set_defaults(run=_demo)


def _serve(arguments: Namespace, _context: Context) -> int:
    serve(
        Path(arguments.ledger),
        host=arguments.host,
        port=arguments.port,
        uds=None if arguments.uds is None else Path(arguments.uds),
        accept_clock=arguments.accept_clock,
    )
    return DONE


def _demo(arguments: Namespace, context: Context) -> int:
    folder = None if arguments.folder is None else Path(arguments.folder)
    return demo(context, folder)


if __name__ == "__main__":
    sys.exit(main())
