"""Commands about a witness: witness new, add, show, log, forks. `api` adds witness serve."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import functools
import itertools
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.add_checkpoint import format_request
from ledger.cli.context import DONE, Context, InvalidError, UsageError, table
from ledger.cli.parsing import command, origin
from ledger.forks import SignedBy, prove_fork, prove_refused
from ledger.keys import Passphrase, WitnessKey, ask_passphrase, read_passphrase
from ledger.trusted import MAX_FILE, TrustedLog, parse_logs, trusted_log
from ledger.witness import add_logs, create_witness, read_logs, read_vkeys
from ledger.witness_store import Fork, Latest, Moment, WitnessStore, log_id
from verify.checkpoint import parse_signed
from verify.errors import MalformedError, VerifyError
from verify.note import VerifierKey, format_vkey

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add", "passphrase_of"]

_SHORT = 16
# A key of ML-DSA-44 is longer than any file's name, and base64 has "/".
_NO_FILE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG))
_KINDS = {
    "no-proof": "the proof that came with it does not begin at what was cosigned",
    "two-roots": "two root hashes of one size: proof of a fork",
}


def add(commands: _SubParsersAction[ArgumentParser]) -> _SubParsersAction[ArgumentParser]:
    """Add the commands to the command line; return where further ones of a witness go."""
    parser = commands.add_parser("witness", help="run an independent co-signer of logs")
    below = parser.add_subparsers(dest="witness_command", required=True, metavar="COMMAND")
    _add_new(below)
    adding = command(
        below, "add", "let a witness trust further logs", _add,
        "witness add w1 ledger.example.org/dispute+a50749f7+AXoooF1d55s8Iz7ZR4WwLif772FI",
        "witness add w1 logs.txt # lines of a tlog-policy, or a list of logs/v0",
        more="A witness that is being served takes them over when it is served anew.",
    )  # fmt: skip
    adding.add_argument("witness", help="the witness's folder")
    adding.add_argument(
        "logs", nargs="+", metavar="VKEY|FILE", help="a log's verifier key, or a file of logs"
    )
    showing = command(
        below, "show", "show a witness's keys and where each log stands", _show, "witness show w1"
    )
    showing.add_argument("witness", help="the witness's folder")
    for name, words, run, example in (
        ("log", "list the checkpoints that a witness cosigned", _log, "witness log w1 -o kept"),
        ("forks", "list what a witness refused as inconsistent", _forks, "witness forks w1"),
    ):
        listing = command(below, name, words, run, example, more=_MORE[name])
        listing.add_argument("witness", help="the witness's folder")
        listing.add_argument("--origin", help="of this log only")
        listing.add_argument("-o", "--output", metavar="DIR", help="write them into this folder")
    return below


_MORE = {
    "log": "Of each size the first is kept, with the log's signature and the witness's.",
    "forks": (
        "Two root hashes of one size, both signed by the log, prove to anybody that it forked;\n"
        "so does, mostly, a proof that begins at another tree than the one cosigned. One that\n"
        "leads nowhere asks for another one, and is listed until that comes. With -o: where it\n"
        "is proven, a fork proof, which counterfoil-verify checks; else the request that was\n"
        "refused, and the checkpoint that it stands against."
    ),
}


def passphrase_of(source: str | None) -> Passphrase:
    """Return how the passphrase of a witness's keys is had: from a file, or by asking once."""
    return functools.cache(
        ask_passphrase if source is None else functools.partial(read_passphrase, Path(source))
    )


def _add_new(below: _SubParsersAction[ArgumentParser]) -> None:
    new = command(
        below, "new", "make a witness", _new,
        "witness new w1 --name witness.rutland.example/w1 --ml-dsa",
        more="Never restore its folder from a copy: it would sign a second history of its logs.\n"
        "When the folder is lost, make a new witness.",
    )  # fmt: skip
    new.add_argument("witness", help="the folder to make")
    new.add_argument(
        "--name", required=True, type=origin,
        help="the witness's name for ever: a domain and path of yours, without https://",
    )  # fmt: skip
    new.add_argument(
        "--ml-dsa", action="store_true",
        help="a second key, ML-DSA-44, whose cosignatures outlive quantum computers",
    )  # fmt: skip
    new.add_argument(
        "--log", action="append", default=[], metavar="VKEY", dest="logs",
        help="a log to trust: its verifier key, or a file of logs; again for each",
    )  # fmt: skip
    new.add_argument(
        "--passphrase-file", metavar="FILE",
        help="close the keys with the passphrase in this file (default: the files' mode alone)",
    )  # fmt: skip


def _new(arguments: Namespace, context: Context) -> int:
    path, source = Path(arguments.witness), arguments.passphrase_file
    logs = _logs(arguments.logs)
    keys = [WitnessKey.generate(arguments.name)]
    if arguments.ml_dsa:
        keys.append(WitnessKey.generate(arguments.name, algorithm="ml-dsa-44"))
    create_witness(
        path,
        keys=keys,
        logs=logs,
        passphrase=None if source is None else read_passphrase(Path(source)),
    )
    vkeys = [key.verifier_key for key in keys]
    values = {"logs": _log_values(logs), "name": arguments.name, "vkeys": _spelled(vkeys)}
    text = f"Made {path}\n{_vkeys_text(vkeys)}\ntrusts     {_logs_text(len(logs))}"
    context.answer(values | {"folder": str(path)}, text)
    return DONE


def _add(arguments: Namespace, context: Context) -> int:
    path = Path(arguments.witness)
    new = add_logs(path, _logs(arguments.logs))
    lines = [f"Trusts {log.origin}" for log in new] or ["Trusted already"]
    count = len(read_logs(path))
    context.answer({"added": _log_values(new), "logs": count}, "\n".join(lines))
    return DONE


def _show(arguments: Namespace, context: Context) -> int:
    path = Path(arguments.witness)
    logs, vkeys = read_logs(path), read_vkeys(path)
    with _moment(path) as moment:
        latest = {log.origin: moment.latest(log_id(log.origin)) for log in logs}
        forks = {origin: len(moment.forks(log_id(origin))) for origin in latest}
    values: dict[str, object] = {
        "logs": [
            {"origin": log.origin, "vkey": format_vkey(log.key), "forks": forks[log.origin]}
            | _latest_values(latest[log.origin])
            for log in logs
        ],
        "name": vkeys[0].name,
        "vkeys": _spelled(vkeys),
    }
    rows = [("log", "size", "last cosigned", "refused")]
    rows += [(name, *_latest_cells(found), str(forks[name])) for name, found in latest.items()]
    text = f"{_vkeys_text(vkeys)}\ntrusts     {_logs_text(len(logs))}"
    context.answer(values, f"{text}\n\n{table(rows)}" if logs else text)
    return DONE


def _log(arguments: Namespace, context: Context) -> int:
    rows, values = [("size", "root hash", "log")], []
    with _moment(Path(arguments.witness)) as moment:
        for name, log in _chosen(moment, arguments.origin):
            for note in moment.cosigned(log):
                checkpoint = parse_signed(note)[0]
                root = checkpoint.root.hex()
                rows.append((str(checkpoint.size), root[:_SHORT], name))
                values.append({"origin": name, "root": root, "size": checkpoint.size})
                _write(arguments.output, log, f"{checkpoint.size}.checkpoint", note)
    context.answer({"checkpoints": values}, table(rows) if values else "Nothing was cosigned yet.")
    return DONE


def _forks(arguments: Namespace, context: Context) -> int:
    texts, values, keys = [], [], _keys_of(read_logs(Path(arguments.witness)))
    with _moment(Path(arguments.witness)) as moment:
        for name, log in _chosen(moment, arguments.origin):
            for fork in moment.forks(log):
                texts.append(_fork_text(fork))
                values.append(_fork_values(fork))
                stem = f"{fork.kind}-{fork.size}-{fork.root.hex()[:_SHORT]}"
                proof = _proof(fork, keys.get(name, ()))
                if proof is not None:
                    _write(arguments.output, log, f"{stem}.fork", proof)
                    continue
                request = format_request(fork.old_size, fork.proof, fork.refused)
                _write(arguments.output, log, f"{stem}.request", request)
                _write(arguments.output, log, f"{stem}.cosigned", fork.against)
    text = "\n\n".join(texts) or "Nothing that a log signed was refused as inconsistent."
    context.answer({"forks": values}, text)
    return DONE


def _keys_of(logs: Iterable[TrustedLog]) -> dict[str, list[VerifierKey]]:
    keys: dict[str, list[VerifierKey]] = {}
    for log in logs:
        keys.setdefault(log.origin, []).append(log.key)
    return keys


def _proof(fork: Fork, keys: Sequence[VerifierKey]) -> bytes | None:
    """Return the fork proof that is in what was refused; None where nothing is proven yet."""
    for pair in itertools.product(keys, repeat=2):
        one, other = map(SignedBy, (fork.against, fork.refused), pair)
        with contextlib.suppress(VerifyError):
            if fork.kind == "no-proof":
                return prove_refused(one, other, proof=fork.proof)
            return prove_fork(one, other, charter=None, part=_no_part)
    return None  # the proof leads nowhere, or the witness no longer trusts the key


def _no_part(path: str, width: int, limit: int) -> bytes:
    raise AssertionError(f"trees of one size need no {path} of {width}, at most {limit}")


def _logs(words: Sequence[str]) -> list[TrustedLog]:
    """Read verifier keys and files of logs.

    Raises:
        UsageError: A word is neither.
        InvalidError: A file is not one of logs.
    """
    logs: list[TrustedLog] = []
    for word in words:
        path = Path(word)
        try:
            with path.open("rb") as file:
                found = parse_logs(file.read(MAX_FILE + 1))
        except OSError as failure:
            if "+" in word and failure.errno in _NO_FILE:
                logs.append(_key(word))
                continue
            reason = f"{word[:200]}: is no verifier key, and no file: {failure.strerror}"
            raise UsageError(reason) from None
        except MalformedError as error:
            raise InvalidError(f"{path}: {error}") from None
        if not found:
            raise InvalidError(f"{path}: names no log")
        logs += found
    return logs


def _key(word: str) -> TrustedLog:
    try:
        return trusted_log(word)
    except MalformedError as error:
        raise InvalidError(f"{word[:200]!r}: {error.reason}") from None


@contextlib.contextmanager
def _moment(path: Path) -> Iterator[Moment]:
    with (
        contextlib.closing(WitnessStore(path, read_only=True)) as store,
        store.read() as moment,
    ):
        yield moment


def _chosen(moment: Moment, origin_wanted: str | None) -> list[tuple[str, bytes]]:
    """Return the origins of which anything is kept, in their order, with what they are called."""
    found = []
    for log in moment.logs():
        latest = moment.latest(log)
        if latest is not None:
            name = parse_signed(latest.note)[0].origin
            if origin_wanted in {None, name}:
                found.append((name, log))
    if origin_wanted is not None and not found:
        raise UsageError(f"{origin_wanted}: nothing of such a log was cosigned")
    return sorted(found)


def _write(folder: str | None, log: bytes, name: str, data: bytes) -> None:
    if folder is not None:
        path = Path(folder, log.hex())
        path.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)


def _spelled(vkeys: Sequence[VerifierKey]) -> list[str]:
    return [format_vkey(key) for key in vkeys]


def _log_values(logs: Sequence[TrustedLog]) -> list[dict[str, str]]:
    return [{"origin": log.origin, "vkey": format_vkey(log.key)} for log in logs]


def _vkeys_text(vkeys: Sequence[VerifierKey]) -> str:
    rows = [("name", vkeys[0].name), *(("vkey", vkey) for vkey in _spelled(vkeys))]
    return "\n".join(f"{name:<9}  {value}" for name, value in rows)


def _logs_text(count: int) -> str:
    return {0: "no log yet", 1: "1 log"}.get(count, f"{count} logs")


def _latest_values(latest: Latest | None) -> dict[str, object]:
    if latest is None:
        return {"size": 0}
    return {"size": latest.size, "root": latest.root.hex(), "cosigned_s": latest.timestamp_s}


def _latest_cells(latest: Latest | None) -> tuple[str, str]:
    return ("0", "never") if latest is None else (str(latest.size), _utc(latest.timestamp_s))


def _fork_text(fork: Fork) -> str:
    rows = [
        ("log", fork.origin),
        ("size", str(fork.size)),
        ("root hash", fork.root.hex()),
        ("came", _utc(fork.at_s)),
        ("against", f"the checkpoint of size {parse_signed(fork.against)[0].size}"),
        ("kind", _KINDS[fork.kind]),
    ]
    return table(rows)


def _fork_values(fork: Fork) -> dict[str, object]:
    return {
        "against": fork.against.decode(),
        "came_s": fork.at_s,
        "kind": fork.kind,
        "old": fork.old_size,
        "origin": fork.origin,
        "proof": [each.hex() for each in fork.proof],
        "refused": fork.refused.decode(),
        "root": fork.root.hex(),
        "size": fork.size,
    }


def _utc(at_s: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_s, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
