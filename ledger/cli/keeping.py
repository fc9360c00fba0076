"""Commands that make keys and ledgers and say who may sign: key, init, enrol, join, revoke."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ledger.cli.context import (
    DONE,
    REFUSED,
    Context,
    UsageError,
    groups,
    home_of,
    is_url,
    table,
    vkey_of,
)
from ledger.compose import Composed, compose, sign_document
from ledger.errors import KeyFileError
from ledger.keyrequests import (
    check_key_request,
    compose_enrolment,
    format_key_request,
    make_key_request,
    parse_key_request,
)
from ledger.keys import LogKey, PartySigner, ask_new_passphrase, read_passphrase
from ledger.ledger import Ledger
from ledger.private import create_private
from ledger.record import record_composed
from ledger.target import Target
from verify.events import SPEC_VERSION, Power
from verify.state import State
from verify.submission import LedgerName

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add", "signing_options", "submit"]

_DAY_MS = 86_400_000
_ALL_POWERS = ("answer", "govern", "record", "undertake")


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    _add_key(commands)
    _add_init(commands)
    _add_enrol(commands)
    join = commands.add_parser("join", help="join a ledger: sign its fingerprint")
    join.add_argument("ledger", help="the ledger's folder or URL")
    signing_options(join)
    join.set_defaults(run=_join)
    leave = commands.add_parser("leave", help="leave a ledger: your keys in it end")
    leave.add_argument("ledger", help="the ledger's folder or URL")
    signing_options(leave)
    leave.set_defaults(run=_leave)
    approve = commands.add_parser("approve", help="approve an act that waits for signatures")
    approve.add_argument("ledger", help="the ledger's folder or URL")
    approve.add_argument("id", help="the event to approve, its whole id")
    signing_options(approve)
    approve.set_defaults(run=_approve)
    revoke = commands.add_parser("revoke", help="end one of your party's keys")
    revoke.add_argument("ledger", help="the ledger's folder or URL")
    revoke.add_argument("public", metavar="KEY", help="the public key to end, in hex, or its file")
    revoke.add_argument(
        "--compromised-since", type=int, metavar="INDEX",
        help="the entry from which on somebody else may have used it",
    )  # fmt: skip
    signing_options(revoke)
    revoke.set_defaults(run=_revoke)


def signing_options(parser: ArgumentParser) -> None:
    """Add the options of every command that signs."""
    parser.add_argument("--key", required=True, metavar="FILE", help="your party's key file")
    parser.add_argument(
        "--passphrase-file", metavar="FILE",
        help="read the key's passphrase from this file (default: ask)",
    )  # fmt: skip
    parser.add_argument(
        "--fingerprint", metavar="HEX",
        help="the ledger's fingerprint as it was given to you; needed with a URL",
    )  # fmt: skip
    parser.add_argument(
        "--home", metavar="DIR",
        help="your outbox, receipts and journal (default: the key file's name with .d)",
    )  # fmt: skip


def submit(context: Context, arguments: Namespace, composed: Composed, called: str) -> int:
    """Record one event in the ledger that the command line names, and say how it went."""
    signer, home = context.signer(arguments), home_of(arguments)
    with context.target(arguments) as target:
        return _record(context, target, composed, signer=signer, home=home, called=called)


def _record(
    context: Context,
    target: Target,
    composed: Composed,
    *,
    signer: PartySigner,
    home: Path,
    called: str,
) -> int:
    report = record_composed(
        target, composed, signer=signer, home=home, now_ms=context.now_ms, called=called
    )
    if report.stopped is not None:
        raise UsageError(f"{report.stopped}; what you signed waits in {home} and goes next time")
    if report.refused:
        reason = report.refused[0].reason
        context.answer({"refused": reason}, f"Refused: {reason}")
        return REFUSED
    done = report.recorded[-1]
    context.answer(
        {"event": done.event_id, "index": done.index, "recorded": called},
        f"Recorded: {called}, entry {done.index}, event {done.event_id[:16]}",
    )
    return DONE


# Keys


def _add_key(commands: _SubParsersAction[ArgumentParser]) -> None:
    key = commands.add_parser("key", help="make and show keys").add_subparsers(
        dest="key_command", required=True, metavar="COMMAND"
    )
    new = key.add_parser("new", help="make a key for your party")
    new.add_argument("file", help="the key file to make")
    new.add_argument("--party", required=True, help="your party's name in the ledger: a DNS label")
    new.add_argument("--post", help="the post that the key belongs to, such as monitoring-officer")
    new.add_argument(
        "--powers", default=",".join(_ALL_POWERS),
        help="what it may sign: answer, govern, intake, record, undertake (default: %(default)s)",
    )  # fmt: skip
    new.add_argument("--passphrase-file", metavar="FILE", help="read the passphrase from this file")
    new.add_argument(
        "--plain", action="store_true", help="no passphrase: the file's mode alone protects it"
    )
    new.set_defaults(run=_new_key)
    request = key.add_parser("request", help="ask a ledger's registrars to enrol your key")
    request.add_argument("ledger", help="the ledger's folder, export or URL")
    request.add_argument("-o", "--output", required=True, metavar="FILE", help="the request")
    signing_options(request)
    request.set_defaults(run=_request_key)
    show = key.add_parser("show", help="show what a key file or a request says, without secrets")
    show.add_argument("--key", required=True, metavar="FILE", help="the key file")
    show.add_argument(
        "--passphrase-file", metavar="FILE", help="read the passphrase from this file"
    )
    show.set_defaults(run=_show_key)


def _new_key(arguments: Namespace, context: Context) -> int:
    known = get_args(Power)
    powers = tuple(sorted(set(arguments.powers.split(","))))
    unknown = [power for power in powers if power not in known]
    if unknown:
        raise UsageError(f"no such power: {', '.join(unknown)} (there are {', '.join(known)})")
    signer = PartySigner.generate(arguments.party, post=arguments.post, powers=powers)
    passphrase = None
    if not arguments.plain:
        source = arguments.passphrase_file
        passphrase = ask_new_passphrase() if source is None else read_passphrase(Path(source))
    signer.save(Path(arguments.file), passphrase=passphrase)
    values = _key_values(signer) | {"file": arguments.file}
    kept = "plain, mode 0600" if passphrase is None else "encrypted under your passphrase"
    context.answer(values, f"Made {arguments.file} ({kept})\n{_key_text(signer)}")
    return DONE


def _key_values(signer: PartySigner) -> dict[str, object]:
    values: dict[str, object] = {
        "key": signer.public,
        "party": signer.party,
        "powers": list(signer.powers),
    }
    return values if signer.post is None else values | {"post": signer.post}


def _key_text(signer: PartySigner) -> str:
    rows = [
        ("party", signer.party),
        ("post", signer.post or "none named"),
        ("powers", ", ".join(signer.powers)),
        ("public key", signer.public),
    ]
    return table(rows)


def _show_key(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    context.answer(_key_values(signer), _key_text(signer))
    return DONE


def _request_key(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    name = _name_of(arguments, context)
    request = make_key_request(signer, ledger=name)
    create_private(Path(arguments.output), format_key_request(request), error=KeyFileError)
    text = (
        f"Wrote {arguments.output}: {signer.party} asks to be enrolled in {name.origin}\n"
        f"fingerprint  {groups(name.charter or '')}\n"
        "Send it to a registrar of the ledger. It holds no secret."
    )
    context.answer({"file": arguments.output, "ledger": name.charter}, text)
    return DONE


def _name_of(arguments: Namespace, context: Context) -> LedgerName:
    """Name the ledger without opening it to record: an export will do."""
    if is_url(arguments.ledger):
        with context.target(arguments) as target:
            return LedgerName(origin=target.origin, charter=target.fingerprint)
    state = context.state(Path(arguments.ledger))
    wanted: str | None = arguments.fingerprint
    if wanted is not None and wanted.replace(" ", "").lower() != state.fingerprint:
        raise UsageError(f"this is another ledger: its fingerprint is {state.fingerprint}")
    return LedgerName(origin=state.charter.origin, charter=state.fingerprint)


# Ledgers


def _add_init(commands: _SubParsersAction[ArgumentParser]) -> None:
    init = commands.add_parser("init", help="found a ledger")
    init.add_argument("ledger", help="the folder to make")
    init.add_argument(
        "--origin", required=True,
        help="the log's name for ever: a domain and path of yours, without https://",
    )  # fmt: skip
    init.add_argument(
        "--member", action="append", default=[], metavar="PARTY",
        help="a party that may join, besides yours; again for each",
    )  # fmt: skip
    init.add_argument(
        "--registrar", action="append", default=[], metavar="PARTY",
        help="a member that governs, besides yours; again for each",
    )  # fmt: skip
    init.add_argument("--threshold", type=int, default=1, help="registrars that must agree")
    init.add_argument("--recover", type=int, default=1, help="other members that must agree")
    init.add_argument("--notice-days", type=int, default=28, help="notice before an erasure")
    init.add_argument("--waiting-days", type=int, default=14, help="wait before a recovery")
    init.add_argument("--contemporaneous-days", type=int, default=7)
    init.add_argument("--controller", metavar="PARTY", help="data controller (default: you)")
    init.add_argument("--visibility", choices=("members", "public"), default="members")
    signing_options(init)
    init.set_defaults(run=_init)


def _init(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    log_key = LogKey.generate(arguments.origin)
    registrars = {signer.party, *arguments.registrar}
    founding: dict[str, object] = {"key": signer.public, "powers": signer.powers}
    if signer.post is not None:
        founding["post"] = signer.post
    fields: dict[str, object] = {
        "contemporaneous_days": arguments.contemporaneous_days,
        "controller": arguments.controller or signer.party,
        "founding_key": founding,
        "log_key": log_key.public.hex(),
        "members": sorted({*registrars, *arguments.member}),
        "notice_days": arguments.notice_days,
        "origin": arguments.origin,
        "quorum": 0,
        "registrars": sorted(registrars),
        "spec": SPEC_VERSION,
        "state": "open",
        "thresholds": {"govern": arguments.threshold, "recover": arguments.recover},
        "tolerance_s": 300,
        "visibility": arguments.visibility,
        "waiting_days": arguments.waiting_days,
    }
    charter = compose("charter/v1", author=signer.party, fields=fields)
    document = sign_document(
        [charter],
        signer=signer,
        ledger=LedgerName(origin=arguments.origin),
        expires_ms=context.now_ms() + _DAY_MS,
    )
    path = Path(arguments.ledger)
    with Ledger.create(path, document=document, log_key=log_key, clock=context.now_ms) as ledger:
        state = ledger.state()
    context.answer(_ledger_values(state), f"Founded {path}\n{_ledger_text(state)}")
    return DONE


def _ledger_values(state: State) -> dict[str, object]:
    return {
        "fingerprint": state.fingerprint,
        "log_key": vkey_of(state),
        "origin": state.charter.origin,
    }


def _ledger_text(state: State) -> str:
    return (
        table(
            [
                ("origin", state.charter.origin),
                ("fingerprint", groups(state.fingerprint)),
                ("log key", vkey_of(state)),
            ]
        )
        + "\nGive the fingerprint to every party by another way than this machine: it is how"
        "\nthey know the ledger. Keep a copy of your key; the log's own key is in the folder."
    )


def _add_enrol(commands: _SubParsersAction[ArgumentParser]) -> None:
    enrol = commands.add_parser("enrol", help="enrol a key that asked for it")
    enrol.add_argument("ledger", help="the ledger's folder or URL")
    enrol.add_argument("request", help="the request, made by `counterfoil key request`")
    enrol.add_argument("--holder", help="who holds the post; recorded as a sealed claim")
    enrol.add_argument(
        "--replaces", metavar="KEY", help="your own earlier key, in hex, that ends with it"
    )
    enrol.add_argument(
        "--recover", action="store_true",
        help="recover: the party lost its keys, and other members vouch for this one",
    )  # fmt: skip
    enrol.add_argument(
        "--as-member", action="store_true",
        help="if the charter does not name the party, amend it first so that it may join",
    )  # fmt: skip
    signing_options(enrol)
    enrol.set_defaults(run=_enrol)


def _enrol(arguments: Namespace, context: Context) -> int:
    path = Path(arguments.request)
    try:
        with path.open("rb") as stream:
            request = parse_key_request(stream.read(65_536), path=path)
    except OSError as failure:
        raise UsageError(f"{path}: {failure.strerror}") from None
    signer, home = context.signer(arguments), home_of(arguments)
    with context.target(arguments) as target:
        ledger = LedgerName(origin=target.origin, charter=target.fingerprint)
        check_key_request(request, ledger=ledger)
        if arguments.as_member:
            amended = _amendment(context, arguments, request.party, signer.party)
            if amended is not None:
                called = f"the charter names {request.party}"
                code = _record(context, target, amended, signer=signer, home=home, called=called)
                if code != DONE:
                    return code
        composed = compose_enrolment(
            request,
            author=signer.party,
            verb="recover" if arguments.recover else "enrol",
            replaces=arguments.replaces,
            claims=None if arguments.holder is None else {"holder": arguments.holder},
        )
        called = f"the key of {request.party}"
        return _record(context, target, composed, signer=signer, home=home, called=called)


def _amendment(context: Context, arguments: Namespace, party: str, author: str) -> Composed | None:
    """Return an amendment that names `party` among the members, None if the charter does."""
    if is_url(arguments.ledger):
        raise UsageError("--as-member needs the ledger's folder, not its URL")
    state = context.state(Path(arguments.ledger))
    charter = state.charter
    if party in charter.members:
        return None
    fields = {
        name: getattr(charter, name)
        for name in (
            *("contemporaneous_days", "controller", "log_key", "notice_days", "origin", "quorum"),
            *("registrars", "spec", "state", "thresholds", "tolerance_s", "visibility"),
            *("waiting_days", "witnesses", "predecessor"),
        )
        if getattr(charter, name) is not None
    }
    fields |= {"members": sorted({*charter.members, party}), "amends": state.charter_id}
    return compose("charter/v1", author=author, fields=fields)


def _join(arguments: Namespace, context: Context) -> int:
    return _membership(arguments, context, "join")


def _leave(arguments: Namespace, context: Context) -> int:
    return _membership(arguments, context, "leave")


def _membership(arguments: Namespace, context: Context, verb: str) -> int:
    signer, home = context.signer(arguments), home_of(arguments)
    with context.target(arguments) as target:
        fields = {"verb": verb, "charter": target.fingerprint}
        composed = compose("party/v1", author=signer.party, fields=fields)
        called = f"{signer.party} {'joins' if verb == 'join' else 'leaves'}"
        return _record(context, target, composed, signer=signer, home=home, called=called)


def _approve(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    composed = compose("approval/v1", author=signer.party, fields={"of": arguments.id})
    return submit(context, arguments, composed, f"{signer.party} approves")


def _revoke(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    fields: dict[str, object] = {
        "verb": "revoke",
        "party": signer.party,
        "key": arguments.public,
    }
    if arguments.compromised_since is not None:
        fields["compromised_since"] = arguments.compromised_since
    composed = compose("key/v1", author=signer.party, fields=fields)
    return submit(context, arguments, composed, f"key {arguments.public[:16]} ends")
