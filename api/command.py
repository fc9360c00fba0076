"""The command `counterfoil`: the ledger's command line, with the commands that serve.

counterfoil serve FOLDER             answer parties and readers over HTTP
counterfoil witness serve WITNESS    cosign logs' checkpoints over HTTP
counterfoil demo [DIR]               the founding case, end to end
"""

import io
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from api.clock import now_ms
from api.demo import demo
from api.settings import Settings, load_settings
from ledger.cli import witnessing
from ledger.cli.context import DONE, Context, UsageError, wrong_clock
from ledger.cli.main import run
from ledger.cli.parsing import command
from ledger.errors import WrongClockError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["main"]

_MAX_PORT = 65_535
_WITNESS_PORT = 8471


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    out, err = _stream(sys.stdout), _stream(sys.stderr)
    return run(arguments, Context(now_ms=now_ms, out=out, err=err), _add)


def _stream(stream: TextIO | None) -> TextIO:
    """Return a stream that takes any text; one that was closed takes it nowhere."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _add(commands: "_SubParsersAction[ArgumentParser]") -> None:
    serving = command(
        commands, "serve", "serve a ledger over HTTP, or all that a folder holds", _serve,
        "serve ledger",
        "serve ledgers --uds /run/counterfoil/socket # behind a proxy that speaks TLS",
        more='Prints "listening on URL" when it answers. Ctrl-C ends it, in order. Further\n'
        "settings: ledger.toml in the folder, or the environment; see api/SERVING.md.",
    )  # fmt: skip
    serving.add_argument("folder", help="a ledger's folder, or one that holds ledgers")
    _listening_options(serving, port=Settings().port)
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
    cosigning = command(
        witnessing.add(commands), "serve", "serve a witness over HTTP", _serve_witness,
        "witness serve w1",
        more='Prints "listening on URL" when it answers. Ctrl-C ends it, in order.',
    )  # fmt: skip
    cosigning.add_argument("witness", help="the witness's folder")
    _listening_options(cosigning, port=_WITNESS_PORT)
    cosigning.add_argument(
        "--passphrase-file", metavar="FILE",
        help="read the keys' passphrase from this file (default: ask, if they have one)",
    )  # fmt: skip


def _listening_options(parser: ArgumentParser, *, port: int) -> None:
    defaults = Settings()
    parser.add_argument("--host", help=f"address (default: {defaults.host})")
    parser.add_argument("--port", type=_port, help=f"port; 0 takes a free one (default: {port})")
    parser.add_argument("--uds", metavar="PATH", help="listen on this socket file instead")
    parser.add_argument("--root-path", metavar="PATH", help="what a proxy cuts from each path")
    parser.add_argument(
        "--per-address", dest="per_peer", type=_count, metavar="N",
        help=f"connections from one address at a time (default: {defaults.per_peer})",
    )  # fmt: skip


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text[:6]) > _MAX_PORT:
        raise ArgumentTypeError(f"{text[:40]!r} is no port: 0 to {_MAX_PORT}")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6])):
        raise ArgumentTypeError(f"{text[:40]!r} is no number above 0")
    return int(text[:9])


_GIVEN = ("host", "per_peer", "port", "root_path", "uds")


def _settings(arguments: Namespace, file: Path, **otherwise: object) -> Settings:
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent}: no such folder")
    given = {name: getattr(arguments, name) for name in _GIVEN}
    return load_settings(
        file,
        environment=os.environ,
        given={name: value for name, value in given.items() if value is not None},
        otherwise=otherwise,
    )


# What serves is imported where it is used: no other command waits for a web framework.


def _serve(arguments: Namespace, _context: Context) -> int:
    from api.serve import serve  # noqa: PLC0415 - as above

    folder = Path(arguments.folder)
    settings = _settings(arguments, folder / "ledger.toml")
    try:
        serve(folder, settings, accept_clock=arguments.accept_clock)
    except WrongClockError as error:
        raise UsageError(wrong_clock(folder, error)) from None
    return DONE


def _serve_witness(arguments: Namespace, _context: Context) -> int:
    from api.witness import serve_witness  # noqa: PLC0415 - as above

    folder = Path(arguments.witness)
    settings = _settings(arguments, folder / "witness.toml", port=_WITNESS_PORT)
    passphrase = witnessing.passphrase_of(arguments.passphrase_file)
    serve_witness(folder, settings, passphrase=passphrase)
    return DONE


def _demo(arguments: Namespace, context: Context) -> int:
    folder = None if arguments.folder is None else Path(arguments.folder)
    return demo(context, folder)
