"""Commands that found a ledger and say who takes part: init, enrol, join, leave, approve."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli.charters import amendment, quorum_of, say_if_weak, witness_fields
from ledger.cli.context import (
    DONE,
    Context,
    InvalidError,
    UsageError,
    groups,
    table,
    vkey_of,
)
from ledger.cli.keying import read_request
from ledger.cli.parsing import command, cosigner, label, origin, party
from ledger.cli.signing import passphrase_option, put, signing_options, submit
from ledger.cli.sources import full_id, home_of, is_url, open_target, read_state
from ledger.compose import compose, sign_document
from ledger.errors import KeyFileError, RefusedError
from ledger.keyrequests import KeyRequest, check_key_request, compose_enrolment
from ledger.keys import LogKey, PartySigner
from ledger.ledger import Ledger
from verify.kinds import SPEC_VERSION
from verify.note import VerifierKey
from verify.state import State
from verify.submission import LedgerName

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]

_DAY_MS = 86_400_000


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    _add_init(commands)
    _add_enrol(commands)
    join = command(
        commands, "join", "join a ledger: sign its fingerprint", _join,
        "join https://ledger.example --fingerprint HEX --key rutland.key",
        more="From then on your party is bound by the ledger's charter.",
    )  # fmt: skip
    join.add_argument("ledger", help="the ledger's folder or URL")
    signing_options(join)
    leave = command(
        commands, "leave", "leave a ledger: your keys in it end", _leave,
        "leave https://ledger.example --fingerprint HEX --key rutland.key",
        more="What your party signed stays, and so do requests that are open.",
    )  # fmt: skip
    leave.add_argument("ledger", help="the ledger's folder or URL")
    signing_options(leave)
    approve = command(
        commands, "approve", "approve an act that waits for signatures", _approve,
        "approve ledger 3c918f3d --key rutland.key",
    )  # fmt: skip
    approve.add_argument("ledger", help="the ledger's folder or URL")
    approve.add_argument("id", help="the event to approve: its id, or its first digits")
    signing_options(approve)


# Ledgers


def _add_init(commands: _SubParsersAction[ArgumentParser]) -> None:
    init = command(
        commands, "init", "found a ledger", _init,
        "init ledger --origin ledger.example.org/dispute --key county.key --member rutland",
        "init ledger --origin ledger.example.org/dispute --key county.key --member rutland \\\n"
        "    --witness W1 --witness W2 --witness W3 --witness W4 --quorum 3",
        more="W1 … are verifier keys, as `counterfoil witness show` prints them. Where the\n"
        "witnesses are, says a file of whoever serves the ledger: see api/SERVING.md.",
    )  # fmt: skip
    init.add_argument("ledger", help="the folder to make")
    init.add_argument(
        "--origin", required=True, type=origin,
        help="the log's name for ever: a domain and path of yours, without https://",
    )  # fmt: skip
    init.add_argument("--key", required=True, metavar="FILE", help="your party's key file")
    passphrase_option(init)
    init.add_argument(
        "--member", action="append", default=[], type=party, metavar="PARTY",
        help="a party that may join, besides yours; again for each",
    )  # fmt: skip
    init.add_argument(
        "--registrar", action="append", default=[], type=party, metavar="PARTY",
        help="a member that governs, besides yours; again for each",
    )  # fmt: skip
    for name, default, text in (
        ("--threshold", 1, "registrars that must agree"),
        ("--recover", 1, "other members that must agree to recover a lost key"),
        ("--notice-days", 28, "notice before an erasure"),
        ("--waiting-days", 14, "wait before a recovery"),
        ("--contemporaneous-days", 7, "what is recorded within so many days is contemporaneous"),
    ):
        init.add_argument(
            name, type=int, default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )
    init.add_argument(
        "--controller", type=label, metavar="PARTY", help="data controller (default: you)"
    )
    init.add_argument(
        "--witness", action="append", default=[], type=cosigner, metavar="VKEY",
        help="an independent co-signer of the log; again for each",
    )  # fmt: skip
    init.add_argument(
        "--quorum", type=int, metavar="K",
        help="co-signers that a checkpoint needs (default: so many that two must lie)",
    )  # fmt: skip
    init.add_argument(
        "--visibility", choices=("members", "public"), default="members",
        help="who may read it over HTTP: parties with a key in it, or anybody (default: members)",
    )  # fmt: skip


def _init(arguments: Namespace, context: Context) -> int:
    if is_url(arguments.ledger):
        raise UsageError(f"{arguments.ledger}: a ledger is founded in a folder; then serve it")
    if arguments.threshold > 1:
        raise UsageError(
            f"--threshold {arguments.threshold}: only your party is a member at first, so nobody "
            "could ever be enrolled. Found the ledger with 1, and `counterfoil amend` its charter "
            "when the other registrars have joined"
        )
    witnesses: tuple[VerifierKey, ...] = tuple(arguments.witness)
    quorum = quorum_of(arguments.quorum, of=len(witnesses))
    signer = context.signer(arguments)
    log_key = LogKey.generate(arguments.origin)
    fields = _charter(arguments, signer=signer, log_key=log_key, witnesses=witnesses, quorum=quorum)
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
    say_if_weak(context, quorum, of=len(witnesses))
    return DONE


def _charter(
    arguments: Namespace,
    *,
    signer: PartySigner,
    log_key: LogKey,
    witnesses: tuple[VerifierKey, ...],
    quorum: int,
) -> dict[str, object]:
    """Return the fields of the founding charter."""
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
        "quorum": quorum,
        "registrars": sorted(registrars),
        "spec": SPEC_VERSION,
        "state": "open",
        "thresholds": {"govern": arguments.threshold, "recover": arguments.recover},
        "tolerance_s": 300,
        "visibility": arguments.visibility,
        "waiting_days": arguments.waiting_days,
    }
    if witnesses:
        fields["witnesses"] = [witness_fields(key) for key in witnesses]
    return fields


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


# Parties


def _add_enrol(commands: _SubParsersAction[ArgumentParser]) -> None:
    enrol = command(
        commands, "enrol", "enrol a key that asked for it", _enrol,
        "enrol ledger rutland.request --key county.key",
        "enrol ledger lost.request --recover --key county.key # it lost its keys; you vouch",
        more="Compare the public key with its holder first: `counterfoil key show REQUEST`.",
    )  # fmt: skip
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


def _enrol(arguments: Namespace, context: Context) -> int:
    if arguments.recover and arguments.replaces is not None:
        raise UsageError("--recover and --replaces exclude each other")
    path = Path(arguments.request)
    request = read_request(path)
    signer = context.signer(arguments)
    with open_target(context, arguments, signer=signer) as target:
        _check(request, path, LedgerName(origin=target.origin, charter=target.fingerprint))
        if arguments.as_member and request.party not in target.state.charter.members:
            members = sorted({*target.state.charter.members, request.party})
            amended = amendment(target.state, author=signer.party, members=members)
            called = f"the charter names {request.party}"
            try:
                put(context, target, amended, signer=signer, home=home_of(arguments))
            except RefusedError as error:
                raise RefusedError(f"{called}: {error}") from None
    composed = compose_enrolment(
        request,
        author=signer.party,
        verb="recover" if arguments.recover else "enrol",
        replaces=arguments.replaces,
        claims=None if arguments.holder is None else {"holder": arguments.holder},
    )
    return submit(context, arguments, composed, f"the key of {request.party}", signer=signer)


def _check(request: KeyRequest, path: Path, ledger: LedgerName) -> None:
    """Check a request, whose signature and ledger a stranger chose.

    Raises:
        InvalidError: It does not hold.
    """
    try:
        check_key_request(request, ledger=ledger)
    except KeyFileError as error:
        raise InvalidError(f"{path}: {error.reason}") from None


def _join(arguments: Namespace, context: Context) -> int:
    return _membership(arguments, context, "join")


def _leave(arguments: Namespace, context: Context) -> int:
    return _membership(arguments, context, "leave")


def _membership(arguments: Namespace, context: Context, verb: str) -> int:
    signer = context.signer(arguments)
    fingerprint = read_state(context, arguments, signer=signer).fingerprint
    composed = compose(
        "party/v1", author=signer.party, fields={"verb": verb, "charter": fingerprint}
    )
    called = f"{signer.party} {'joins' if verb == 'join' else 'leaves'}"
    return submit(context, arguments, composed, called, signer=signer)


def _approve(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    of = full_id(context, arguments, arguments.id, signer=signer)
    composed = compose("approval/v1", author=signer.party, fields={"of": of})
    called = f"{signer.party} approves {of[:16]}"
    return submit(context, arguments, composed, called, signer=signer)
