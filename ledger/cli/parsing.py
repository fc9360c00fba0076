"""How the command line is read: commands with examples, and words that are numbers or days.

Nothing here prints or ends the process: what cannot be read, and a wish for help, are exceptions.
"""

from __future__ import annotations

import datetime as dt
import re
from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ledger.cli.context import UsageError
from verify.errors import MalformedError
from verify.note import ED25519, VerifierKey, parse_vkey
from verify.state import KEYLESS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = [
    "HelpError",
    "Parser",
    "actor",
    "command",
    "cosigner",
    "day",
    "fingerprint",
    "index",
    "label",
    "origin",
    "party",
    "seconds",
    "size",
    "width",
]

_LEAST_WIDTH, _MOST_WIDTH = 40, 1000
_MAX_SIZE = (1 << 53) - 1
_MOST_SECONDS = 86_400
_FINGERPRINT = 64
_NO_COMMAND = re.compile(r"argument COMMAND: invalid choice: (.*) \(choose from", re.DOTALL)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9./_-]{0,199}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class HelpError(Exception):
    """Help was asked for: there is nothing to run.

    Attributes:
        text: The help.
    """

    def __init__(self, text: str) -> None:
        """Keep the help."""
        super().__init__(text)
        self.text = text


class _Formatter(RawDescriptionHelpFormatter):
    """Keeps paragraphs as they are, and gives the longest command a line with its help."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)


class Parser(ArgumentParser):
    """A parser that leaves printing and ending to its caller."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - argparse's own
        """Take what `ArgumentParser` takes; options cannot be abbreviated."""
        kwargs.setdefault("formatter_class", _Formatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)
        self._mixed = False

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageError: Always.
        """
        choice = _NO_COMMAND.match(message)
        if choice is not None:
            message = f"there is no command {choice[1]}"
        raise UsageError(f"{message}\nTry `{self.prog} --help`.")

    def print_help(self, file: object = None) -> NoReturn:
        """Hand over the help.

        Raises:
            HelpError: Always.
        """
        del file
        raise HelpError(self.format_help())

    def parse_known_args(  # type: ignore[override]  # of its overloads only this one is used
        self, args: Sequence[str] | None = None, namespace: Namespace | None = None
    ) -> tuple[Namespace, list[str]]:
        """Read the words of a command, whose options may stand between its other words.

        Without this `record LEDGER --key FILE SOURCE` would not find its SOURCE.
        """
        if self._mixed or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._mixed = True  # reading mixed calls this method for either half
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixed = False


def command(
    commands: _SubParsersAction[ArgumentParser],
    name: str,
    words: str,
    run: object,
    *examples: str,
    more: str = "",
) -> ArgumentParser:
    """Add a command.

    Args:
        commands: To which.
        name: What it is called.
        words: What it does, in a line.
        run: Called with the arguments and the context; returns the exit status.
        examples: Command lines to show, without `counterfoil`; after ` # ` what they do.
        more: What else a person should know, in paragraphs of at most 80 characters a line.
    """
    description = f"{words[0].upper()}{words[1:]}."
    lines = []
    for example in examples:
        line, _, remark = example.partition(" # ")
        lines += [f"  counterfoil {line}", *([f"      {remark}"] if remark else [])]
    parser = commands.add_parser(
        name,
        help=words,
        description=f"{description}\n\n{more}" if more else description,
        epilog="\n".join(["examples:", *lines]) if lines else None,
    )
    parser.set_defaults(run=run)
    return parser


def width(text: str) -> int:
    """Read how many characters a line may have."""
    return _number(text, _LEAST_WIDTH, _MOST_WIDTH)


def size(text: str) -> int:
    """Read the size of a log."""
    return _number(text, 1, _MAX_SIZE)


def seconds(text: str) -> int:
    """Read how many seconds to wait."""
    return _number(text, 1, _MOST_SECONDS)


def index(text: str) -> int:
    """Read the index of an entry."""
    return _number(text, 0, _MAX_SIZE)


def cosigner(text: str) -> VerifierKey:
    """Read the verifier key of a witness that a charter shall name.

    Raises:
        ArgumentTypeError: It is none, or is called what no charter can say (SPEC section 4.1).
    """
    try:
        key = parse_vkey(text)
    except MalformedError as error:
        raise ArgumentTypeError(str(error)) from None
    if key.algorithm == ED25519:
        raise ArgumentTypeError("the key is a log's, not a witness's")
    if not _ORIGIN.fullmatch(key.name):
        words = "only small letters, digits and ./_-, at most 200"
        raise ArgumentTypeError(f"no charter can name {key.name[:80]!r}: names there have {words}")
    return key


def day(text: str) -> dt.date:
    """Read a day."""
    try:
        if _DAY.fullmatch(text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise ArgumentTypeError(f"{text[:40]!r} is no day such as 2025-11-28")


def label(text: str) -> str:
    """Read the name of a party or of a post."""
    if _LABEL.fullmatch(text):
        return text
    words = "small letters, digits and hyphens between them, at most 63"
    raise ArgumentTypeError(f"{text[:80]!r} is no name here: {words}")


def party(text: str) -> str:
    """Read the name of a party that is to hold keys."""
    if text in KEYLESS:
        raise ArgumentTypeError(f"{text!r} is the name of no party: it can hold no key")
    return label(text)


def actor(text: str) -> str:
    """Read the name of a party, or of a post of one: "rutland/leader"."""
    for part in text.split("/", 1):
        label(part)
    return text


def origin(text: str) -> str:
    """Read the name of a log."""
    if _ORIGIN.fullmatch(text):
        return text
    words = "a domain and path such as ledger.example.org/dispute, without https://"
    raise ArgumentTypeError(f"{text[:80]!r} is no origin: {words}")


def fingerprint(text: str) -> str:
    """Read a fingerprint, with or without the spaces that people write it with."""
    digits = "".join(text.split()).lower()
    if len(digits) != _FINGERPRINT or digits.strip("0123456789abcdef"):
        raise ArgumentTypeError(f"{text[:80]!r} is no fingerprint: 64 hex digits")
    return digits


def _number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        raise ArgumentTypeError(f"{text[:40]!r} is no number from {least} to {most}")
    number = int(text)
    if not least <= number <= most:
        raise ArgumentTypeError(f"{number} is not from {least} to {most}")
    return number
