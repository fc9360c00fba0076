"""The command `counterfoil`: the ledger's command line, with the commands that serve.

counterfoil serve LEDGER     answer parties and readers over HTTP
counterfoil demo [DIR]       the founding case, end to end
"""

import io
import os
import signal
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

from api.demo import demo
from api.limits import Limits
from api.serve import now_ms, serve
from ledger.cli.context import DONE, Context, UsageError, kind_of_folder, wrong_clock
from ledger.cli.main import run
from ledger.cli.parsing import command
from ledger.errors import WrongClockError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["main"]

_MAX_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)  # else half an export would stay behind
    out, err = _stream(sys.stdout), _stream(sys.stderr)
    return run(arguments, Context(now_ms=now_ms, out=out, err=err), _add)


def _stream(stream: TextIO | None) -> TextIO:
    """Return a stream that takes any text; one that was closed takes it nowhere."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _add(commands: "_SubParsersAction[ArgumentParser]") -> None:
    serving = command(
        commands, "serve", "serve a ledger over HTTP", _serve,
        "serve ledger",
        "serve ledger --host 0.0.0.0 --port 443 # whoever reaches it can read every entry",
        more='Prints "listening on URL" when it answers. Ctrl-C ends it, in order.',
    )  # fmt: skip
    serving.add_argument("ledger", help="the ledger's folder")
    serving.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    serving.add_argument(
        "--port", type=_port, default=8470, help="port; 0 takes a free one (default: %(default)s)"
    )
    serving.add_argument("--uds", metavar="PATH", help="listen on this socket file instead")
    serving.add_argument(
        "--per-address", type=_count, default=Limits().per_peer, metavar="N",
        help="connections from one address at a time; more behind a proxy (default: %(default)s)",
    )  # fmt: skip
    serving.add_argument(
        "--accept-clock", action="store_true",
        help="this machine's clock is right, although the last entry disagrees",
    )  # fmt: skip
    showing = command(
        commands, "demo", "see the founding case go through a ledger", _demo,
        "demo", "demo /tmp/counterfoil-demo",
    )  # fmt: skip
    showing.add_argument(
        "folder", nargs="?", help="keep everything here (default: a temporary one)"
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:6]) > _MAX_PORT:
        raise ArgumentTypeError(f"{text[:40]!r} is no port: 0 to {_MAX_PORT}")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6])):
        raise ArgumentTypeError(f"{text[:40]!r} is no number above 0")
    return int(text[:9])


def _serve(arguments: Namespace, _context: Context) -> int:
    path = Path(arguments.ledger)
    if kind_of_folder(path) == "export":
        raise UsageError(f"{path} is an export: any web server can serve its files as they are")
    try:
        serve(
            path,
            host=arguments.host,
            port=arguments.port,
            uds=None if arguments.uds is None else Path(arguments.uds),
            accept_clock=arguments.accept_clock,
            limits=Limits(per_peer=arguments.per_address),
        )
    except WrongClockError as error:
        raise UsageError(wrong_clock(path, error)) from None
    return DONE


def _demo(arguments: Namespace, context: Context) -> int:
    folder = None if arguments.folder is None else Path(arguments.folder)
    return demo(context, folder)


if __name__ == "__main__":
    sys.exit(main())
