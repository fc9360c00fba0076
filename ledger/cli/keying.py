"""Commands about keys: key new, key request, key show, revoke."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ledger.cli.carrying import evidence_of, name_in
from ledger.cli.context import DONE, Context, UsageError, groups, table
from ledger.cli.parsing import command, index, label, party
from ledger.cli.signing import passphrase_option, signing_options, submit
from ledger.cli.sources import SOURCE, is_url, open_remote, read_state
from ledger.compose import compose
from ledger.errors import KeyFileError
from ledger.keyrequests import (
    KeyRequest,
    check_key_request,
    format_key_request,
    make_key_request,
    parse_key_request,
)
from ledger.keys import PartySigner, ask_new_passphrase, read_passphrase
from ledger.private import create_private
from verify.kinds import Power
from verify.submission import LedgerName

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add", "read_request"]

_ALL_POWERS = ("answer", "govern", "record", "undertake")
_MAX_REQUEST = 65_536
_KEY = re.compile("[0-9a-f]{64}")


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    parser = commands.add_parser("key", help="make and show keys")
    keys = parser.add_subparsers(dest="key_command", required=True, metavar="COMMAND")
    _add_new(keys)
    request = command(
        keys, "request", "ask a ledger's registrars to enrol your key", _request,
        "key request https://ledger.example --fingerprint HEX --key rutland.key -o rutland.request",
        "key request export/ --key rutland.key -o rutland.request # an export will do as well",
        "key request evidence.json --key rutland.key -o rutland.request # or evidence from it",
    )  # fmt: skip
    request.add_argument("ledger", help=f"{SOURCE}, or an evidence file")
    request.add_argument("-o", "--output", required=True, metavar="FILE", help="the request")
    signing_options(request)
    show = command(
        keys, "show", "show what a key file or a key request says, without secrets", _show,
        "key show rutland.key",
        "key show rutland.request # compare the public key with its holder, by telephone say",
    )  # fmt: skip
    show.add_argument("file", nargs="?", help="a key file or a key request")
    show.add_argument("--key", metavar="FILE", help="the same, as other commands name it")
    passphrase_option(show)
    revoke = command(
        commands, "revoke", "end one of your party's keys", _revoke,
        "revoke ledger 5d3ab0c1 --key new.key # by its first digits",
        "revoke URL KEY --key lost.key --compromised-since 120 # what it signed since is doubted",
    )  # fmt: skip
    revoke.add_argument("ledger", help="the ledger's folder or URL")
    revoke.add_argument(
        "public", metavar="KEY",
        help="the public key to end, in hex, or its first digits",
    )  # fmt: skip
    revoke.add_argument(
        "--compromised-since", type=index, metavar="INDEX",
        help="the entry from which on somebody else may have used it",
    )  # fmt: skip
    signing_options(revoke)


def _add_new(keys: _SubParsersAction[ArgumentParser]) -> None:
    new = command(
        keys, "new", "make a key for your party", _new,
        "key new rutland.key --party rutland",
        "key new mo.key --party rutland --post monitoring-officer --powers answer,record",
    )  # fmt: skip
    new.add_argument("file", help="the key file to make")
    new.add_argument(
        "--party", required=True, type=party, help="your party's name in the ledger: a DNS label"
    )
    new.add_argument(
        "--post", type=label, help="the post that the key belongs to, such as monitoring-officer"
    )
    new.add_argument(
        "--powers", default=",".join(_ALL_POWERS),
        help="what it may sign: answer, govern, intake, record, undertake (default: %(default)s)",
    )  # fmt: skip
    new.add_argument(
        "--passphrase-file", metavar="FILE",
        help="read the passphrase from this file (default: ask)",
    )  # fmt: skip
    new.add_argument(
        "--plain", action="store_true", help="no passphrase: the file's mode alone protects it"
    )


def _new(arguments: Namespace, context: Context) -> int:
    known = get_args(Power)
    powers = tuple(sorted({word.strip() for word in arguments.powers.split(",")}))
    unknown = [power for power in powers if power not in known]
    if unknown:
        names = ", ".join(map(repr, unknown))
        raise UsageError(f"--powers: no such power: {names} (there are {', '.join(known)})")
    path, source = Path(arguments.file), arguments.passphrase_file
    if arguments.plain and source is not None:
        raise UsageError("--plain and --passphrase-file exclude each other")
    if path.exists():  # before a passphrase is asked for in vain
        raise UsageError(f"{path}: exists already, and is not overwritten")
    signer = PartySigner.generate(arguments.party, post=arguments.post, powers=powers)
    passphrase = None
    if not arguments.plain:
        passphrase = ask_new_passphrase() if source is None else read_passphrase(Path(source))
    signer.save(path, passphrase=passphrase)
    values = _values(signer) | {"file": arguments.file}
    kept = "plain, mode 0600" if passphrase is None else "encrypted under your passphrase"
    context.answer(values, f"Made {arguments.file} ({kept})\n{_text(signer)}")
    return DONE


def _values(key: PartySigner | KeyRequest) -> dict[str, object]:
    values: dict[str, object] = {
        "key": key.public if isinstance(key, PartySigner) else key.key,
        "party": key.party,
        "powers": list(key.powers),
    }
    return values if key.post is None else values | {"post": key.post}


def _text(key: PartySigner | KeyRequest) -> str:
    rows = [
        ("party", key.party),
        ("post", key.post or "none named"),
        ("powers", ", ".join(key.powers) or "none named"),
        ("public key", key.public if isinstance(key, PartySigner) else key.key),
    ]
    return table(rows)


def _show(arguments: Namespace, context: Context) -> int:
    name = arguments.file or arguments.key
    if name is None or (arguments.file and arguments.key):
        raise UsageError("name one file: a key file or a key request")
    request = _as_request(Path(name))
    if request is None:
        signer = context.signer(Namespace(key=name, passphrase_file=arguments.passphrase_file))
        context.answer(_values(signer), _text(signer))
        return DONE
    check_key_request(request, ledger=request.ledger)
    ledger = request.ledger
    values = _values(request) | {"ledger": {"origin": ledger.origin, "fingerprint": ledger.charter}}
    context.answer(
        values,
        f"{_text(request)}\nasks to be enrolled in {ledger.origin}\n"
        f"fingerprint  {groups(ledger.charter or '')}\n"
        "Whoever made the request holds the key. That it is who it names is for you to find out.",
    )
    return DONE


def _as_request(path: Path) -> KeyRequest | None:
    """Read a key request, None if the file is something else."""
    try:
        return read_request(path)
    except KeyFileError:
        return None


def read_request(path: Path) -> KeyRequest:
    """Read a key request, whose signature is not checked.

    Raises:
        UsageError: The file cannot be read.
        KeyFileError: It is no key request.
    """
    try:
        with path.open("rb") as stream:
            return parse_key_request(stream.read(_MAX_REQUEST), path=path)
    except OSError as failure:
        raise UsageError(f"{path}: {failure.strerror}") from None


def _request(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    name = _name_of(arguments, context, signer)
    request = make_key_request(signer, ledger=name)
    create_private(Path(arguments.output), format_key_request(request), error=KeyFileError)
    text = (
        f"Wrote {arguments.output}: {signer.party} asks to be enrolled in {name.origin}\n"
        f"public key   {signer.public}\n"
        f"fingerprint  {groups(name.charter or '')}\n"
        "Send it to a registrar of the ledger. It holds no secret."
    )
    values = {"file": arguments.output, "key": signer.public, "ledger": name.charter}
    context.answer(values, text)
    return DONE


def _name_of(arguments: Namespace, context: Context, signer: PartySigner) -> LedgerName:
    """Name the ledger without opening it to record: an export will do, or evidence from it."""
    if is_url(arguments.ledger):
        with open_remote(context, arguments, signer=signer) as remote:
            return LedgerName(origin=remote.claimed_origin(), charter=remote.fingerprint)
    if Path(arguments.ledger).is_file():
        return name_in(evidence_of(Path(arguments.ledger), fingerprint=arguments.fingerprint))
    state = read_state(context, arguments, signer=signer)
    return LedgerName(origin=state.charter.origin, charter=state.fingerprint)


def _revoke(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    public = _own_key(arguments, context, signer)
    fields: dict[str, object] = {"verb": "revoke", "party": signer.party, "key": public}
    if arguments.compromised_since is not None:
        fields["compromised_since"] = arguments.compromised_since
    composed = compose("key/v1", author=signer.party, fields=fields)
    return submit(context, arguments, composed, f"key {public[:16]} ends", signer=signer)


def _own_key(arguments: Namespace, context: Context, signer: PartySigner) -> str:
    """Return the whole public key that the command line names."""
    given = "".join(arguments.public.split()).lower()
    if _KEY.fullmatch(given):
        return given
    if not given or given.strip("0123456789abcdef"):
        raise UsageError(f"{arguments.public[:80]!r} is no public key: 64 hex digits")
    keys = read_state(context, arguments, signer=signer).keys_of(signer.party)
    found = [key.key for key in keys if key.key.startswith(given)]
    if len(found) != 1:
        what = "no key" if not found else f"{len(found)} keys"
        raise UsageError(f"{what} of {signer.party} in this ledger begins with {given}")
    return found[0]
