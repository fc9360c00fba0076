"""What every command is given, and how it opens ledgers, exports and keys."""

from __future__ import annotations

import contextlib
import datetime as dt
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import msgspec

from ledger.client import Remote
from ledger.errors import LedgerError, NotFoundError
from ledger.keys import PartySigner, ask_passphrase, load_party_key, read_passphrase
from ledger.ledger import Ledger
from ledger.target import Directory, Target
from ledger.view import View, read_view, view_of_export
from verify.audit import audit
from verify.contents import MANIFEST
from verify.folder import Folder
from verify.note import format_vkey
from verify.notes import log_vkey
from verify.state import State

__all__ = [
    "DONE",
    "FAILED",
    "REFUSED",
    "Context",
    "UsageError",
    "groups",
    "home_of",
    "is_url",
    "printable",
    "table",
    "vkey_of",
]

DONE = 0
REFUSED = 1
FAILED = 2


class UsageError(LedgerError):
    """What was asked on the command line cannot be done."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with.

    Attributes:
        now_ms: The clock, in milliseconds since 1970.
        out: Where answers go.
        err: Where progress and complaints go.
        json: Whether answers are for machines.
    """

    now_ms: Callable[[], int]
    out: TextIO
    err: TextIO
    json: bool = False

    def today(self) -> dt.date:
        """Return the day, by UTC."""
        return dt.datetime.fromtimestamp(self.now_ms() / 1000, dt.UTC).date()

    def answer(self, values: Mapping[str, object], text: str) -> None:
        """Print an answer: `values` as one line of JSON, or `text`."""
        if self.json:
            line = msgspec.json.encode(values, order="sorted").decode()
            print(line, file=self.out)
        else:
            print(text.rstrip("\n"), file=self.out)

    def say(self, text: str) -> None:
        """Print a remark that is no part of the answer."""
        print(text, file=self.err)

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Return a function that shows how far long work is, on a terminal only."""

        def show(done: int, size: int, /) -> None:
            if not self.err.isatty():
                return
            end = "\n" if done >= size else ""
            print(f"\r{what} {done:,} of {size:,}", end=end, file=self.err, flush=True)

        return show

    @contextlib.contextmanager
    def ledger(self, path: Path, *, read_only: bool = True) -> Iterator[Ledger]:
        """Open the ledger in a folder.

        Raises:
            LedgerError: There is none, or it cannot be used.
        """
        if not (path / "ledger.mdb").exists():
            raise NotFoundError(f"a ledger in {path}")
        clock = None if read_only else self.now_ms
        with Ledger.open(path, clock=clock, read_only=read_only) as ledger:
            yield ledger

    @contextlib.contextmanager
    def target(self, arguments: Namespace) -> Iterator[Target]:
        """Open the ledger to record in: a folder, or the URL of a server.

        Raises:
            LedgerError: There is none, it is not the one with the fingerprint given, or it cannot
                be used.
        """
        fingerprint: str | None = arguments.fingerprint
        if fingerprint is not None:
            fingerprint = fingerprint.replace(" ", "").lower()
        if is_url(arguments.ledger):
            if fingerprint is None:
                reason = "a URL needs --fingerprint: whoever answers there could be anybody"
                raise UsageError(reason)
            with Remote(
                arguments.ledger, fingerprint=fingerprint, home=home_of(arguments)
            ) as remote:
                yield remote
            return
        with self.ledger(Path(arguments.ledger), read_only=False) as ledger:
            yield Directory(ledger, fingerprint=fingerprint)

    def view(self, path: Path, *, at_size: int | None = None) -> View:
        """Read the ledger or the export in a folder; an export is audited first.

        Raises:
            LedgerError: There is neither, or the export is not valid.
        """
        if (path / MANIFEST).exists():
            report = audit(Folder(path), progress=self.progress("Checking entry"))
            if report.verdict == "invalid":
                finding = report.findings[0]
                raise UsageError(
                    f"{path} is not a valid export: {finding.where}: {finding.reason}. "
                    "counterfoil-verify says more."
                )
            return view_of_export(path, at_size=at_size)
        with self.ledger(path) as ledger:
            return read_view(ledger.entries(), ledger.disclosures, at_size=at_size)

    def state(self, path: Path) -> State:
        """Return the rules' state of the ledger or the export in a folder."""
        return self.view(path).state

    def signer(self, arguments: Namespace) -> PartySigner:
        """Read the party's key that `--key` names, asking for its passphrase if it has one.

        Raises:
            KeyFileError: It cannot be read.
        """
        source: str | None = arguments.passphrase_file

        def passphrase() -> bytes:
            if source is None:
                return ask_passphrase(f"Passphrase of {arguments.key}: ")
            return read_passphrase(Path(source))

        signer: PartySigner = load_party_key(Path(arguments.key), passphrase=passphrase)
        return signer


def home_of(arguments: Namespace) -> Path:
    """Return the party's folder for outbox and journal: `--home`, or one beside the key."""
    if arguments.home is not None:
        return Path(arguments.home)
    key = Path(arguments.key)
    return key.with_name(f"{key.name}.d")


def is_url(where: str) -> bool:
    """Tell whether a ledger is named by a URL."""
    return where.startswith(("http://", "https://"))


def vkey_of(state: State) -> str:
    """Return the log's verifier key, as readers want it."""
    return format_vkey(log_vkey(state.charter.origin, state.log_keys[-1][1]))


def printable(text: str) -> str:
    """Return text without anything that a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def groups(digits: str) -> str:
    """Return hex digits in groups of eight, as people compare them."""
    return " ".join(digits[start : start + 8] for start in range(0, len(digits), 8))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows with their columns aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)
