"""What every command is given: where it prints, and how it opens ledgers, exports and keys."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import re
import secrets
import shlex
import unicodedata
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

import msgspec

from ledger.disputes import keep_dispute
from ledger.errors import BusyError, DisputedError, LedgerError, WrongClockError
from ledger.feeder import FAILED as NOT_ASKED
from ledger.feeder import Feeder, Pace
from ledger.feeding import read_witnesses
from ledger.keys import PartySigner, ask_passphrase, load_party_key, read_passphrase
from ledger.ledger import Ledger
from ledger.progress import Steps
from ledger.store import STORE_FILE
from ledger.text import WIDTH
from ledger.view import View
from ledger.viewing import read_view, view_of_export
from verify.audit import audit
from verify.contents import MANIFEST
from verify.folder import Folder
from verify.note import format_vkey
from verify.notes import log_vkey
from verify.state import State

__all__ = [
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "REFUSED",
    "Context",
    "InvalidError",
    "OutputError",
    "UsageError",
    "groups",
    "kind_of_folder",
    "one_line",
    "printable",
    "table",
    "utc",
    "vkey_of",
    "wrong_clock",
]

DONE = 0
REFUSED = 1
FAILED = 2
INTERRUPTED = 130

_MIB = 1 << 20
_PACE = Pace(every_s=1.0, timeout_s=5.0, retry_s=60.0)
_NOT_ASCII = re.compile("[\x7f-\U0010ffff]")


class UsageError(LedgerError):
    """What was asked on the command line cannot be done."""


class OutputError(LedgerError):
    """What is to be printed cannot be."""


class InvalidError(LedgerError):
    """What was handed in was looked at, and is not valid."""


@dataclass(slots=True)
class _Line:
    """The line of a terminal that shows how far work is.

    Attributes:
        used: Whether anything stands on it.
    """

    used: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with.

    Attributes:
        now_ms: The clock, in milliseconds since 1970.
        out: Where answers go.
        err: Where progress and complaints go.
        json: Whether answers are for machines.
        line: Where it shows how far work is.
    """

    now_ms: Callable[[], int]
    out: TextIO
    err: TextIO
    json: bool = False
    line: _Line = field(default_factory=_Line, repr=False)

    def today(self) -> dt.date:
        """Return the day, by UTC."""
        return dt.datetime.fromtimestamp(self.now_ms() / 1000, dt.UTC).date()

    # Printing

    def answer(self, values: Mapping[str, object], text: str) -> None:
        """Print an answer: `values` as one line of JSON, or `text`.

        Raises:
            OutputError: It cannot be printed. That nobody reads any more is no error.
        """
        with contextlib.suppress(BrokenPipeError):
            self.write(_as_json(values) if self.json else printable(text.rstrip("\n")) + "\n")

    def write(self, text: str) -> None:
        """Print text as it is.

        Raises:
            BrokenPipeError: Nobody reads any more.
            OutputError: It cannot be printed.
        """
        self._clear()
        try:
            print(text, end="", file=self.out, flush=True)
        except OSError as failure:
            _mute(self.out)
            if isinstance(failure, BrokenPipeError):
                raise
            raise OutputError(f"standard output: {failure.strerror}") from None

    def say(self, text: str) -> None:
        """Print a remark that is no part of the answer; its further lines are indented.

        A remark can hold what a stranger wrote, and only its first line begins as ours do.
        """
        self._clear()
        try:
            print(printable(text).replace("\n", "\n  "), file=self.err, flush=True)
        except OSError:
            _mute(self.err)  # there is nowhere else to say it

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Return a function that shows how far long work is, on a terminal only.

        What it shows is gone when the work is done, and before anything else is printed.
        """

        def show(done: int, size: int, /) -> None:
            if not self.err.isatty():
                return
            self.line.used = True
            print(f"\r{what} {done:,} of {size:,}", end="", file=self.err, flush=True)
            if done >= size:
                self._clear()

        return show

    def coming(self, what: str) -> Callable[[int], None]:
        """Return a function that shows how much has come, on a terminal only; as `progress`."""

        def show(came: int, /) -> None:
            if self.err.isatty():
                self.line.used = True
                print(f"\r{what} {came / _MIB:.1f} MiB ", end="", file=self.err, flush=True)

        return show

    def _clear(self) -> None:
        """Take what shows how far work is off the terminal."""
        if self.line.used:
            self.line.used = False
            with contextlib.suppress(OSError):  # what is printed next finds out whether it can be
                print(f"\r{'':{WIDTH - 1}}\r", end="", file=self.err, flush=True)

    # Ledgers

    @contextlib.contextmanager
    def ledger(self, path: Path) -> Iterator[Ledger]:
        """Open the ledger in a folder for reading; another process may record in it.

        Raises:
            LedgerError: There is none, or it cannot be used.
        """
        if kind_of_folder(path) == "export":
            raise UsageError(f"{path} is an export: this needs the ledger's own folder")
        with Ledger.open(path, read_only=True) as ledger:
            yield ledger

    @contextlib.contextmanager
    def recording(self, path: Path, *, accept_clock: bool = False) -> Iterator[Ledger]:
        """Open the ledger in a folder to record in it, having asked its witnesses what they know.

        Raises:
            DisputedError: A witness knows more than is here, or another history.
            LedgerError: There is none, or it cannot be used.
        """
        if kind_of_folder(path) == "export":
            raise UsageError(f"{path} is an export: what is recorded goes into a ledger")
        try:
            ledger = Ledger.open(path, clock=self.now_ms, accept_clock=accept_clock)
        except BusyError:
            raise UsageError(
                f"{path} is busy: another process records in it. If it is served, give the "
                f"server's URL in place of the folder, with --fingerprint {self._name(path)}"
            ) from None
        except WrongClockError as error:
            raise UsageError(wrong_clock(path, error)) from None
        with ledger:
            self._ask_witnesses(ledger)
            yield ledger

    def _ask_witnesses(self, ledger: Ledger) -> None:
        witnesses = read_witnesses(ledger.path)
        if not witnesses:
            return
        feeder = Feeder(
            ledger,
            witnesses,
            pace=_PACE,
            now_ms=self.now_ms,
            chance=secrets.SystemRandom().random,
            observer=self._observe,
        )
        with contextlib.closing(feeder):
            try:
                silent = feeder.ask(_PACE.timeout_s)
            except DisputedError as error:
                if error.note:
                    self._keep_dispute(ledger, error.note)
                raise
            for name in silent:
                self.say(f"counterfoil: the witness {name} did not say what it knows")

    def _keep_dispute(self, ledger: Ledger, note: bytes) -> None:
        try:
            keep_dispute(ledger, note)
        except LedgerError as failure:
            self.say(f"counterfoil: what shows it could not be kept: {failure}")

    def _observe(self, witness: str, reason: str, *, again: bool, error: Exception | None) -> None:
        del again
        if reason == NOT_ASKED:
            self.say(f"counterfoil: the witness {witness} was not asked: {error!r}")

    def _name(self, path: Path) -> str:
        try:
            with self.ledger(path) as ledger:
                return ledger.fingerprint
        except LedgerError:
            return "HEX"

    def view(self, path: Path, *, at_size: int | None = None) -> View:
        """Read the ledger or the export in a folder; an export is audited first.

        Raises:
            LedgerError: There is neither, it is smaller than `at_size`, or the export is not valid.
        """
        if kind_of_folder(path) == "export":
            size = _size_to_read(path, at_size, self.check_export(path))
            steps = Steps(self.progress("Reading entry"), size)
            return view_of_export(path, at_size=size, steps=steps)
        with self.ledger(path) as ledger:
            notes = (*ledger.notes(), ledger.checkpoint())
            # Only now, so that no note is of more entries than are read.
            size = _size_to_read(path, at_size, ledger.size())
            steps = Steps(self.progress("Reading entry"), size)
            entries = ledger.entries()
            return read_view(entries, ledger.disclosures, notes=notes, at_size=size, steps=steps)

    def check_export(self, path: Path) -> int:
        """Audit an export, and return its size.

        Raises:
            InvalidError: It is not valid.
        """
        report = audit(Folder(path), progress=self.progress("Checking entry"))
        if report.verdict == "invalid":
            finding = report.findings[0]
            raise InvalidError(
                f"{path} is not a valid export: [{finding.check.value}] {finding.where}: "
                f"{finding.reason}. `{shlex.join(['counterfoil-verify', str(path)])}` says more."
            )
        return report.size or 0

    def state(self, path: Path) -> State:
        """Return the rules' state of the ledger or the export in a folder."""
        if kind_of_folder(path) == "export":
            return self.view(path).state
        with self.ledger(path) as ledger:
            return ledger.state()

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


def kind_of_folder(path: Path) -> Literal["ledger", "export"]:
    """Tell whether a folder holds a ledger or an export.

    Raises:
        UsageError: It holds neither, or is no folder.
    """
    scheme, _, rest = str(path).partition(":/")  # a path has lost a slash
    if scheme.lower() in {"http", "https"}:
        raise UsageError(f"{scheme}://{rest}: this needs a folder, not a URL")
    if not path.is_dir():
        reason = "is a file, not the folder of a ledger" if path.exists() else "no such folder"
        raise UsageError(f"{path}: {reason}")
    names = set(os.listdir(path))  # noqa: PTH208 - says why a folder cannot be read
    if STORE_FILE in names:
        return "ledger"
    if names & {MANIFEST, "checkpoint"}:
        return "export"
    raise UsageError(
        f"{path}: is neither a ledger (with {STORE_FILE}) nor an export (with {MANIFEST})"
    )


def wrong_clock(path: Path, error: WrongClockError) -> str:
    """Say what a clock and a ledger disagree about, and how to go on."""
    recorded = utc(error.recorded_ms)
    if error.now_ms is None:
        return f"{path}: {error}"
    return (
        f"{path}: {error}: it says {utc(error.now_ms)}, and the last entry was recorded "
        f"{recorded}. What is recorded never goes back: see that the clock is right, "
        "then add --accept-clock"
    )


def utc(at_ms: int) -> str:
    """Return a moment as people write it."""
    return f"{dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _size_to_read(path: Path, at_size: int | None, size: int) -> int:
    if at_size is not None and at_size > size:
        raise UsageError(f"--at-size {at_size}: {path} has {size} entries")
    return size if at_size is None else at_size


def vkey_of(state: State) -> str:
    """Return the log's verifier key, as readers want it."""
    return format_vkey(log_vkey(state.charter.origin, state.log_keys[-1][1]))


def printable(text: str) -> str:
    """Return text without anything that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def one_line(text: str) -> str:
    """Return as one line what may hold a stranger's words, none of which begins a line then."""
    return printable(text).replace("\n", "\\n")


def _printable(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    # A space of another kind, as in what was copied from a document, is no more than a space.
    return " " if unicodedata.category(character) == "Zs" else ascii(character)[1:-1]


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


def _as_json(values: Mapping[str, object]) -> str:
    """Return one line of JSON in ASCII: the same octets in every locale, and inert."""
    try:
        data = msgspec.json.encode(values, order="sorted")
    except UnicodeEncodeError:  # a file name that is no text
        data = msgspec.json.encode(_spelled(values), order="sorted")
    return _NOT_ASCII.sub(_escaped, data.decode()) + "\n"


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _spelled(value: object) -> object:
    """Return values with what is no text spelled out."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return {_spelled(name): _spelled(each) for name, each in value.items()}
        case list() | tuple():
            return [_spelled(each) for each in value]
        case _:
            return value


def _mute(stream: TextIO) -> None:
    """Send what is left in a stream's buffer nowhere, so that it cannot fail again at the end."""
    with contextlib.suppress(io.UnsupportedOperation, OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
