"""Where a command reads, and where it records: a folder, or the URL of a server.

Of what a server says nothing is taken on trust. Whoever records follows the ledger. Whoever reads
gets a folder: the export that the server hands out, fetched and audited into the party's folder,
and from there on the code is that of any export.
"""

from __future__ import annotations

import contextlib
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.addresses import Addresses
from ledger.asking import UnknownReaderError
from ledger.authorities import read_authorities
from ledger.cli.context import Context, UsageError, kind_of_folder
from ledger.cli.parsing import fingerprint
from ledger.client import Remote, Wait
from ledger.copies import latest_copy
from ledger.draft_values import did_you_mean
from ledger.evidence import Provable
from ledger.exported import ExportedLedger
from ledger.files import Files
from ledger.keys import PartySigner
from ledger.target import Directory, Target
from ledger.view import View
from verify.errors import MalformedError
from verify.kinds import Attestation, Event
from verify.state import State

if TYPE_CHECKING:
    from verify.outside.rfc3161 import Chain

__all__ = [
    "NO_OUTSIDE",
    "SOURCE",
    "add_source",
    "add_trusted",
    "fingerprint_of",
    "full_id",
    "home_of",
    "identity_options",
    "is_url",
    "one_id",
    "open_provable",
    "open_remote",
    "open_target",
    "open_view",
    "provable_id",
    "read_certificates",
    "read_state",
    "read_view",
    "reader_of",
    "view_of_target",
]

SOURCE = "the folder of a ledger or an export, or a server's URL"
"""What every command that reads takes, in words."""

NO_OUTSIDE = "needs the extra `outside`: python -m pip install 'counterfoil[outside]'"
"""What to say where the libraries that read time stamps are not installed."""

_ID_DIGITS = 64
_LEAST_DIGITS = 4
_MOST_NAME = 80
_NAME_PARTIES = ("party", "telling", "told_by", "bound")
_SHOWN_IDS = 4
_SHORT = 16


# The command line


def add_source(parser: ArgumentParser, *, source: str = SOURCE) -> None:
    """Add what every command that reads takes: where from, and who asks."""
    parser.add_argument("ledger", help=source)
    parser.add_argument(
        "--key", metavar="FILE", help="with a URL: your key, where the ledger is for its parties"
    )
    parser.add_argument(
        "--passphrase-file", metavar="FILE",
        help="read the key's passphrase from this file (default: ask)",
    )  # fmt: skip
    identity_options(parser)


def identity_options(parser: ArgumentParser) -> None:
    """Add the options that say which ledger it is, and where what is known of it is kept."""
    parser.add_argument(
        "--fingerprint", metavar="HEX", type=fingerprint,
        help="the ledger's fingerprint as it was given to you; needed with a URL, once",
    )  # fmt: skip
    parser.add_argument(
        "--home", metavar="DIR",
        help="your outbox, receipts, journal, authorities and what you know of ledgers "
        "(default: the key file's name with .d; without a key, a cache of this account)",
    )  # fmt: skip


def add_trusted(parser: ArgumentParser) -> None:
    """Add the options that say whose word the reader trusts, beside the ledger's witnesses."""
    parser.add_argument(
        "--tsa-chain", metavar="FILE",
        help="certificates (PEM) of time-stamping authorities whose word counts as a witness's "
        "(default: of those in authorities.toml in --home)",
    )  # fmt: skip
    parser.add_argument(
        "--dkim-keys", metavar="FILE",
        help="keys of mail servers that you trust: lines of a name in the DNS and its record",
    )  # fmt: skip


def is_url(where: str) -> bool:
    """Tell whether a ledger is named by a URL."""
    return where.lower().startswith(("http://", "https://"))


def home_of(arguments: Namespace) -> Path:
    """Return the party's folder: `--home`, or one beside the key, or this account's cache.

    Raises:
        UsageError: There is no such cache.
    """
    if arguments.home is not None:
        return Path(arguments.home)
    if arguments.key is not None:
        key = Path(arguments.key)
        return key.with_name(f"{key.name}.d")
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        # What is no absolute path is to be passed over (XDG Base Directory Specification).
        cache = named if named.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        raise UsageError("this account has no home: give --home") from None
    return cache / "counterfoil"


def reader_of(arguments: Namespace, context: Context) -> PartySigner | None:
    """Read the key of whoever asks a server; None for anybody.

    Raises:
        KeyFileError: It cannot be read.
    """
    return None if arguments.key is None else context.signer(arguments)


# Servers


@contextlib.contextmanager
def open_remote(
    context: Context, arguments: Namespace, *, signer: PartySigner | None, wait: Wait = "durable"
) -> Iterator[Remote]:
    """Ask the ledger at a URL, whose fingerprint is remembered when that went well.

    Raises:
        UsageError: No fingerprint is known, or another one; or the ledger wants to know who asks.
        LedgerError: The URL is none, or the ledger cannot be asked.
    """
    home = home_of(arguments)
    with (
        fingerprint_of(arguments, signer=signer) as wanted,
        Remote(
            arguments.ledger,
            fingerprint=wanted,
            home=home,
            now_ms=context.now_ms,
            signer=signer,
            wait=wait,
        ) as remote,
    ):
        yield remote


@contextlib.contextmanager
def fingerprint_of(arguments: Namespace, *, signer: PartySigner | None) -> Iterator[str]:
    """Give the fingerprint of the ledger at a URL, and remember it when all went well with it.

    Raises:
        UsageError: No fingerprint is known, or another one; or the ledger wants to know who asks.
        OutboxError: What is known of ledgers cannot be read or written.
    """
    url, known = arguments.ledger, Addresses(home_of(arguments))
    found = known.find(url)
    wanted: str | None = arguments.fingerprint or found
    if wanted is None:
        raise UsageError(
            f"{url}: a URL needs --fingerprint, the first time: whoever answers there could be "
            "anybody"
        )
    if found not in {None, wanted}:
        raise UsageError(
            f"{url} is known as the ledger with fingerprint {found}, which --fingerprint is not. "
            f"If that was a slip, take it out of {known.path}"
        )
    try:
        yield wanted
    except UnknownReaderError as error:
        if signer is not None:
            raise
        reason = "it is for its parties: --key with your party's key"
        raise UsageError(f"{url} does not answer anybody: {reason}") from error
    if found is None:
        known.remember(url, wanted)


@contextlib.contextmanager
def open_target(
    context: Context, arguments: Namespace, *, signer: PartySigner | None, wait: Wait = "durable"
) -> Iterator[Target]:
    """Open the ledger to record in: a folder, or the URL of a server that `signer` is known to.

    Args:
        context: What the command works with.
        arguments: The command line.
        signer: Whose key signs, or at least asks; None for anybody's.
        wait: When a server is to answer.

    Raises:
        LedgerError: There is none, it is not the one with the fingerprint given, or it cannot be
            used.
    """
    if is_url(arguments.ledger):
        with open_remote(context, arguments, signer=signer, wait=wait) as remote:
            yield remote
        return
    if wait != "durable":
        raise UsageError(f"--wait {wait} needs the URL of a server: it asks the witnesses")
    path = Path(arguments.ledger)
    with context.recording(path, accept_clock=arguments.accept_clock) as ledger:
        yield Directory(ledger, fingerprint=arguments.fingerprint)


# Reading


@contextlib.contextmanager
def _folder(context: Context, arguments: Namespace) -> Iterator[Path]:
    """Hold the folder to read: the one that is named, or the copy of what a URL serves."""
    if not is_url(arguments.ledger):
        # A reader's folder also names the authorities that the reader trusts.
        unused = ("key",) if hasattr(arguments, "tsa_chain") else ("key", "home")
        for option in unused:
            if getattr(arguments, option) is not None:
                raise UsageError(f"--{option} goes with a URL, and {arguments.ledger} is none")
        yield Path(arguments.ledger)
        return
    with _copy(context, arguments, signer=reader_of(arguments, context)) as path:
        yield path


@contextlib.contextmanager
def _copy(context: Context, arguments: Namespace, *, signer: PartySigner | None) -> Iterator[Path]:
    """Hold the copy of what a URL serves."""
    with (
        open_remote(context, arguments, signer=signer) as remote,
        latest_copy(
            remote,
            home_of(arguments),
            coming=context.coming("Fetched"),
            checking=context.progress("Checking entry"),
        ) as path,
    ):
        yield path


def read_view(context: Context, arguments: Namespace, *, at_size: int | None = None) -> View:
    """Read what the command line names: a ledger, an export, or what a server hands out.

    Raises:
        LedgerError: There is none, it is another than the fingerprint's, it is smaller than
            `at_size`, what is there is not valid, or nothing in it names a party that is asked for.
    """
    with open_view(context, arguments, at_size=at_size) as (view, _):
        return view


def view_of_target(context: Context, arguments: Namespace, *, signer: PartySigner) -> View:
    """Read the ledger that is recorded in, as `signer` may.

    Raises:
        LedgerError: As `open_target`.
    """
    if not is_url(arguments.ledger):
        return context.view(Path(arguments.ledger))
    with _copy(context, arguments, signer=signer) as path:
        return context.view(path)


@contextlib.contextmanager
def open_view(
    context: Context, arguments: Namespace, *, at_size: int | None = None
) -> Iterator[tuple[View, Files]]:
    """Hold what the command line names, to read what it tells and its files.

    Raises:
        LedgerError: As `read_view`.
    """
    with _folder(context, arguments) as path:
        view = context.view(path, at_size=at_size)
        trusted = _trusted(arguments)
        if trusted:
            view = _with_stamps(view, path, context, trusted=trusted)
        view = _with_mails(view, path, context, trusted=getattr(arguments, "dkim_keys", None))
        _check_fingerprint(arguments, view.fingerprint)
        _check_parties(arguments, view)
        yield view, Files(path / "files")


def _check_parties(arguments: Namespace, view: View) -> None:
    """Refuse a party that nothing names: it is one misspelt, and of it nothing would be told.

    Raises:
        UsageError: Nothing names it.
    """
    asked = [getattr(arguments, name, None) for name in _NAME_PARTIES]
    missing = {actor.partition("/")[0] for actor in asked if actor is not None}
    for told in view.told:
        if not missing:  # mostly behind the charter
            return
        missing.difference_update(word.partition("/")[0] for word in _words(told.event))
    for party in sorted(missing):
        near = did_you_mean(party, sorted({told.author for told in view.told}))
        raise UsageError(f"nothing in {arguments.ledger} names {party[:_MOST_NAME]!r}{near}")


def _words(event: Event) -> Iterator[str]:
    """Yield the clear strings of an event: the ids of parties are among them."""
    waiting: list[object] = [msgspec.to_builtins(event)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value


def _trusted(arguments: Namespace) -> tuple[Path, ...]:
    """Return the files of certificates of the authorities that the reader trusts.

    It is the one that the command line names, or those that the reader has configured.
    """
    if not hasattr(arguments, "tsa_chain"):
        return ()
    if arguments.tsa_chain is not None:
        return (Path(arguments.tsa_chain),)
    try:
        home = home_of(arguments)
    except UsageError:
        return ()  # there is no folder in which any could be configured
    return tuple(each.chain for each in read_authorities(home))


def _with_stamps(view: View, path: Path, context: Context, *, trusted: tuple[Path, ...]) -> View:
    """Add the time stamps of the authorities that the reader trusts."""
    try:
        from ledger.stamps import read_stamps  # noqa: PLC0415 (an extra, which need not be there)
    except ModuleNotFoundError:
        raise UsageError(f"to read time stamps {NO_OUTSIDE}") from None
    chain = [certificate for file in trusted for certificate in read_certificates(file)]
    if kind_of_folder(path) == "export":
        return replace(view, stamps=read_stamps(view, ExportedLedger(path), trusted=chain))
    with context.ledger(path) as ledger:
        return replace(view, stamps=read_stamps(view, ledger, trusted=chain))


def _with_mails(view: View, path: Path, context: Context, *, trusted: str | None) -> View:
    """Add the signatures of mail servers that hold, where keys for them are recorded."""
    attested = (told.event for told in view.told if isinstance(told.event, Attestation))
    if trusted is None and not any(event.type == "dkim" for event in attested):
        return view
    try:
        from ledger.mail_keys import read_mails  # noqa: PLC0415 (as above)
        from verify.outside.mails import MAX_KEYS, read_keys  # noqa: PLC0415 (as above)
    except ModuleNotFoundError:
        if trusted is None:
            return view
        raise UsageError(f"--dkim-keys {NO_OUTSIDE}") from None
    keys = None
    if trusted is not None:
        try:
            keys = read_keys(_read(Path(trusted), limit=MAX_KEYS), where=trusted)
        except MalformedError as error:
            raise UsageError(str(error)) from None
    if kind_of_folder(path) == "export":
        return replace(view, mails=read_mails(view, ExportedLedger(path), trusted=keys))
    with context.ledger(path) as ledger:
        return replace(view, mails=read_mails(view, ledger, trusted=keys))


def read_certificates(path: Path) -> Chain:
    """Read a file of certificates. Needs the extra `outside`.

    Raises:
        UsageError: It cannot be read, or holds none, or something else.
    """
    from verify.outside.rfc3161 import MAX_CHAIN, parse_chain  # noqa: PLC0415 (an extra)

    octets = _read(path, limit=MAX_CHAIN)
    if b"-----BEGIN" not in octets:
        raise UsageError(f"{path}: holds no certificate (PEM)")
    try:
        return parse_chain(octets)
    except MalformedError as error:
        raise UsageError(f"{path}: {error}") from None


def _read(path: Path, *, limit: int) -> bytes:
    """Read a file that a reader trusts, or as much of it as shows that it is too long."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as failure:
        raise UsageError(f"{path}: {failure.strerror}") from None


@contextlib.contextmanager
def open_provable(context: Context, arguments: Namespace) -> Iterator[Provable]:
    """Open what the command line names, to prove something from it.

    Raises:
        LedgerError: As `read_view`.
    """
    with _folder(context, arguments) as path:
        if kind_of_folder(path) == "export":
            context.check_export(path)
            provable = ExportedLedger(path)
            _check_fingerprint(arguments, provable.fingerprint)
            yield provable
            return
        with context.ledger(path) as ledger:
            _check_fingerprint(arguments, ledger.fingerprint)
            yield ledger


def read_state(context: Context, arguments: Namespace, *, signer: PartySigner) -> State:
    """Return the rules' state of what the command line names.

    Raises:
        LedgerError: As `read_view`.
    """
    if is_url(arguments.ledger):
        with open_remote(context, arguments, signer=signer) as remote:
            return remote.state
    state = context.state(Path(arguments.ledger))
    _check_fingerprint(arguments, state.fingerprint)
    return state


def _check_fingerprint(arguments: Namespace, found: str) -> None:
    wanted: str | None = arguments.fingerprint
    if wanted not in {None, found}:
        raise UsageError(f"{arguments.ledger} is another ledger: its fingerprint is {found}")


# Events


def full_id(context: Context, arguments: Namespace, digits: str, *, signer: PartySigner) -> str:
    """Return the whole id of the event, of what the command line names, that begins so.

    Raises:
        UsageError: None begins so, or several do.
        LedgerError: As `read_view`.
    """
    digits = _check_digits(digits)
    if len(digits) == _ID_DIGITS:
        return digits
    if is_url(arguments.ledger):
        with open_remote(context, arguments, signer=signer) as remote:
            return one_id(digits, remote.ids_with_prefix(digits))
    with context.ledger(Path(arguments.ledger)) as ledger:
        return one_id(digits, ledger.ids_with_prefix(digits))


def one_id(digits: str, ids: Iterable[str]) -> str:
    """Return the one id that begins with `digits`.

    Raises:
        UsageError: None does, or several do.
    """
    digits = _check_digits(digits)
    found = sorted(event_id for event_id in ids if event_id.startswith(digits))
    if not found:
        raise UsageError(f"no event of this ledger has an id that begins with {digits[:_SHORT]}")
    if len(found) > 1:
        shown = ", ".join(event_id[:_SHORT] for event_id in found[:_SHOWN_IDS])
        more = " and others" if len(found) > _SHOWN_IDS else ""
        raise UsageError(f"several events have an id that begins with {digits}: {shown}{more}")
    return found[0]


def provable_id(provable: Provable, digits: str) -> str:
    """Return the one id of a ledger or export that begins with `digits`.

    Raises:
        UsageError: None does, or several do.
    """
    return one_id(digits, provable.ids_with_prefix(_check_digits(digits)))


def _check_digits(digits: str) -> str:
    """Return the first digits of an event id, in lower case.

    Raises:
        UsageError: They are none, or can as well be the number of an entry: of a small ledger some
            event's id begins with it, and an answer would go to that one.
    """
    found = digits.strip().lower()
    if not found or found.strip("0123456789abcdef") or len(found) > _ID_DIGITS:
        raise UsageError(f"{digits[:80]!r} is no event id: hex digits, at most 64")
    if found.isdecimal() and len(found) < _LEAST_DIGITS and (found == "0" or found[0] != "0"):
        raise UsageError(
            f"{found} may be an entry's number, which is no event id: give the id's first "
            f"{_LEAST_DIGITS} digits or more, as `counterfoil list` shows it"
        )
    return found
