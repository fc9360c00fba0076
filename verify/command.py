"""The command `counterfoil-verify`: check an export, an evidence file or a fork proof, offline.

It reads the path that it is given and nothing else, and writes nothing but the certificate that
`--certificate` asks for. What `--json` prints is told in `report_json`.

What only some uses need is imported where it is used: a court's clerk, who has one evidence file
checked, waits for little more than Python itself.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from verify.anchors import Anchors
from verify.codec import encode
from verify.errors import MalformedError, VerifyError
from verify.evidence import EVIDENCE_FILE, MAX_EVIDENCE, audit_evidence, is_evidence, parse_evidence
from verify.lines import WIDTH, plain
from verify.note import ED25519, VerifierKey, parse_vkey
from verify.policy import MAX_POLICY_SIZE, Policy, parse_policy
from verify.receipt import MAX_RECEIPT
from verify.report import Report
from verify.spelling import HASH_SIZE, is_hex
from verify.state import UnknownVersionError
from verify.version import version_of

if TYPE_CHECKING:
    from verify.certificate import Received
    from verify.folder import Folder
    from verify.outside.mails import Mail
    from verify.outside.tokens import Token

__all__ = ["main"]

_VALID, _INVALID, _COULD_NOT, _ALONE, _LIE, _INTERRUPTED = 0, 1, 2, 3, 4, 130
_EXIT = {"valid": _VALID, "invalid": _INVALID, "self-consistent": _ALONE, "proven": _LIE}

_PROGRAMS = ("counterfoil", "msgspec", "pynacl", "cryptography")
_OUTSIDE = "outside evidence in attestations"
_ALL_OUTSIDE = f"{_OUTSIDE} (DKIM, ARC, RFC 3161)"
_SMALL = 8192  # entries: below this, starting processes takes longer than the audit
_MAX_VKEY_FILE = 4096
_MAX_PROCESSES = 256
_STORE_FILE = "ledger.mdb"  # of a ledger's folder, which nothing here can read

_EXAMPLES = """\
examples:
  counterfoil-verify export/ --fingerprint 8d1f...e2
      check a folder against the fingerprint printed on your receipt
  counterfoil-verify export/ --receipt letter.json --receipt meeting.json
      check that what two receipts promise is there
  counterfoil-verify evidence.json --log-key @log.vkey
      check one file against the log's key, which another file holds
  counterfoil-verify export/ --policy trusted.policy
      check against a tlog-policy: its log, and as many co-signers as it asks for
  counterfoil-verify 8d1f...e2.fork --fingerprint 8d1f...e2
      check a fork proof: that who keeps this ledger told two histories of it
  counterfoil-verify export/ --audience southfold
      check that a folder is the one made for southfold, not for another reader
  counterfoil-verify evidence.json --fingerprint 8d1f...e2 --certificate draft.txt
      draft a certificate of the examination, for a person to complete and sign
  counterfoil-verify export/ --json > report.json
      keep everything that was found

exit codes:
  0  valid, and something that you supplied agrees
  1  invalid
  2  could not run: no such path, bad arguments, an unknown version, a folder that changes
  3  consistent with itself only: nothing from elsewhere was compared
  4  a fork proof holds, and what you supplied says whose lie it shows
  130  interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    if sys.stderr is None:  # it was closed: nobody reads what it would be told
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever cannot be spelled is escaped
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else arguments
    if [*words] == ["--version"]:  # beside a path, which may be called so, 0 would say: valid
        return _print(f"counterfoil-verify {version_of('counterfoil')}", 0)
    options = _parser().parse_args(words)
    if options.version:
        return _fail("--version goes alone")
    try:
        return _run(options)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except UnknownVersionError as error:
        found = plain(error.found or "unknown")
        return _fail(f"the ledger is of version {found}; this verifier knows {error.expected}")
    except VerifyError as error:
        # What is wrong with what was read is in the report: this was read again, and was other.
        return _fail(f"{options.path} changed while it was read: {error}")
    except (OSError, MemoryError, RuntimeError) as error:
        # RuntimeError: a process of the pool was killed.
        if isinstance(error, OSError) and error.filename is not None:
            return _fail(f"{error.filename}: {error.strerror}")
        return _fail(str(error) or type(error).__name__)


def _fail(reason: str) -> int:
    with suppress(OSError):  # where nobody takes it, the exit code tells
        print(f"counterfoil-verify: could not run: {plain(reason)}", file=sys.stderr)
    return _COULD_NOT


# What is asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="counterfoil-verify",
        description="Check an export, evidence or a fork proof of a ledger. Needs no network.",
        epilog=_EXAMPLES,
        # Of a fixed width: to ask the terminal for its own loads modules that nothing else needs.
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=WIDTH - 2),
        allow_abbrev=False,
    )
    parser.add_argument("path", metavar="PATH", help="an export folder, or a file")
    parser.add_argument(
        "--log-key", type=_log_key, metavar="VKEY",
        help="the log's verifier key, from elsewhere; @FILE reads it from a file",
    )  # fmt: skip
    parser.add_argument(
        "--fingerprint", type=_fingerprint, metavar="HEX",
        help="the ledger's fingerprint, from elsewhere: 64 hex digits, spaces allowed",
    )  # fmt: skip
    parser.add_argument(
        "--receipt", action="extend", nargs="+", default=[], metavar="FILE",
        help="receipts, or signed checkpoints, that you were given",
    )  # fmt: skip
    parser.add_argument(
        "--policy", type=_policy, metavar="FILE",
        help="a tlog-policy of your own: which logs and co-signers you trust, and how many",
    )  # fmt: skip
    parser.add_argument(
        "--audience", metavar="PARTY|public",
        help="for whom the export should be: an error if it says otherwise, and no anchor",
    )  # fmt: skip
    parser.add_argument(
        "--files", metavar="FOLDER",
        help="the files that came with an evidence file, each named by its SHA-256",
    )  # fmt: skip
    parser.add_argument(
        "--processes", type=_positive, metavar="N",
        help="work on at most N processes (default: as many as there are processors)",
    )  # fmt: skip
    parser.add_argument(
        "--tsa-chain", metavar="FILE",
        help="certificates (PEM) of time-stamping authorities that you trust",
    )  # fmt: skip
    parser.add_argument(
        "--dkim-keys", metavar="FILE",
        help="keys of mail servers that you trust: lines of a name in the DNS and its record",
    )  # fmt: skip
    parser.add_argument(
        "--certificate", metavar="OUT",
        help="draft a certificate for a court in OUT, a new file, for a person to sign",
    )  # fmt: skip
    parser.add_argument("--version", action="store_true", help="print the version, and end")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print the whole report as JSON")
    output.add_argument("--quiet", action="store_true", help="print nothing: the exit code tells")
    return parser


def _log_key(text: str) -> VerifierKey:
    try:
        if text.startswith("@"):
            data = _read(text[1:], limit=_MAX_VKEY_FILE)
            text = data.decode("ascii").strip()
        key = parse_vkey(text)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(plain(str(error))) from None
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"not a verifier key: {plain(error.reason)}") from None
    if key.algorithm != ED25519:
        raise argparse.ArgumentTypeError("is the key of a witness, not of a log")
    return key


class _PolicyFile(NamedTuple):
    """A policy, and the file that it was read from."""

    path: str
    data: bytes
    policy: Policy


def _policy(text: str) -> _PolicyFile:
    try:
        data = _read(text, limit=MAX_POLICY_SIZE)
        return _PolicyFile(text, data, parse_policy(data))
    except OSError as error:
        raise argparse.ArgumentTypeError(plain(str(error))) from None
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"not a policy: {plain(str(error))}") from None


def _fingerprint(text: str) -> str:
    digits = "".join(text.split()).lower()
    if not is_hex(digits, length=2 * HASH_SIZE):
        raise argparse.ArgumentTypeError("is not 64 hex digits")
    return digits


def _positive(text: str) -> int:
    if text not in map(str, range(1, _MAX_PROCESSES + 1)):
        raise argparse.ArgumentTypeError(f"is not a number from 1 to {_MAX_PROCESSES}")
    return int(text)


# What is done


def _run(options: argparse.Namespace) -> int:
    path: str = options.path
    data = b""
    if os.path.isfile(path):
        data = _read(path, limit=MAX_EVIDENCE)
        if not is_evidence(data) and (code := _run_fork(data, options)) is not None:
            return code
    if options.certificate is not None and (reason := _no_place(options)) is not None:
        return _fail(reason)
    receipts = [(name, _read(name, limit=MAX_RECEIPT)) for name in options.receipt]
    policy = None if options.policy is None else options.policy.policy
    anchors = Anchors(options.log_key, options.fingerprint, tuple(receipts), policy)
    if os.path.isdir(path):
        if options.files is not None:
            return _fail(f"--files is for evidence files, and {path} is a folder")
        if (reason := _no_export(path)) is not None:
            return _fail(f"{path} is no export, but {reason}")
        kind = "export"
        received = _examined(options, data, receipts)
        report = _audit_export(path, anchors, options)
    elif os.path.isfile(path):
        if options.audience is not None:
            return _fail(f"--audience is for exports, and {path} is a file")
        kind = "evidence"
        received = _examined(options, data, receipts)
        report = _audit_evidence(data, anchors, options.files)
    else:
        os.stat(path)  # says why it cannot be read, if it cannot
        return _fail(f"{path} is neither a folder nor a file")
    outside = _Outside()
    if report.verdict != "invalid" and (kind == "export" or b'"stamps":' in data):
        try:
            outside = _look_outside(path, data, report, options)
        except _GivenError as error:
            return _fail(str(error))
        report = _said_of(report, outside)
    if options.certificate is not None:
        if _examined(options, data, receipts) != received:
            return _fail("what was received changed while it was examined")
        _write_certificate(report, received, outside, options)
    code = _EXIT[report.verdict]
    if options.quiet:
        return code
    return _print(_report(report, kind, outside, options), code)


def _report(report: Report, kind: str, outside: "_Outside", options: argparse.Namespace) -> str:
    """Write the report, for people or for programs."""
    if options.json:
        from verify.report_json import mail_object, report_object, token_object

        values = report_object(report, kind)
        if outside.tokens is not None:
            values["tokens"] = [token_object(token) for token in outside.tokens]
        if outside.mails is not None:
            values["mails"] = [mail_object(mail) for mail in outside.mails]
        return encode(values).decode()
    from verify.report_text import outside_lines, report_lines

    return "\n".join([*report_lines(report, kind), *outside_lines(_told(outside, options))])


def _told(outside: "_Outside", options: argparse.Namespace) -> "list[tuple[str, list[str]]]":
    from verify.report_text import outside_texts

    chain, keys = options.tsa_chain is not None, options.dkim_keys is not None
    return outside_texts(outside.tokens or (), outside.mails or (), chain=chain, keys=keys)


def _run_fork(data: bytes, options: argparse.Namespace) -> int | None:
    """Check a fork proof; return None where the file does not say that it is one."""
    from verify.fork import MAX_FORK, ForkAnchors, audit_fork, is_fork_proof

    if not is_fork_proof(data):
        return None
    for name in ("audience", "certificate", "files", "receipt"):
        if getattr(options, name):
            return _fail(f"--{name} is not for fork proofs")
    policy = None if options.policy is None else options.policy.policy
    anchors = ForkAnchors(options.log_key, options.fingerprint, policy)
    report = audit_fork(data[: MAX_FORK + 1], anchors=anchors)
    code = _EXIT[report.verdict]
    if options.quiet:
        return code
    if options.json:
        from verify.report_json import fork_object

        return _print(encode(fork_object(report)).decode(), code)
    from verify.report_text import fork_lines

    return _print("\n".join(fork_lines(report)), code)


def _print(text: str, code: int) -> int:
    """Print the report; return `code`, or that it could not be printed."""
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer goes nowhere when Python ends, and so cannot fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"standard output: {error.strerror}")
    return code


def _read(path: str, *, limit: int) -> bytes:
    """Read a file, or as much of it as is needed to see that it is too long."""
    with open(path, "rb") as file:
        return file.read(limit + 1)


def _audit_export(path: str, anchors: Anchors, options: argparse.Namespace) -> Report:
    from verify.folder import Folder

    folder = Folder(path)
    return _settled(path, folder, partial(_audit, folder, anchors, options))


def _audit_evidence(data: bytes, anchors: Anchors, beside: str | None) -> Report:
    if beside is None:
        return audit_evidence(data, anchors=anchors)
    from verify.folder import Beside

    files = Beside(beside)
    return _settled(beside, files, partial(audit_evidence, data, anchors=anchors, files=files))


def _settled(path: str, folder: "Folder", audit: Callable[[], Report]) -> Report:
    """Audit a folder. What is replaced or still copied meanwhile is not invalid for that."""
    before = folder.state()  # says why it cannot be listed, if it cannot
    report = audit()
    if report.verdict == "invalid" and folder.state() != before:
        raise OSError(0, "was written to while it was checked: check it again", path)
    return report


def _audit(folder: "Folder", anchors: Anchors, options: argparse.Namespace) -> Report:
    from verify.audit import audit
    from verify.pool import Pool, processors

    processes = options.processes or processors()
    with _Progress("entries", options) as progress:
        if processes == 1 or _size(folder) <= _SMALL:
            return audit(folder, anchors=anchors, progress=progress, audience=options.audience)
        with Pool(processes) as pool:
            return audit(
                folder, anchors=anchors, progress=progress, run=pool, audience=options.audience
            )


def _size(folder: "Folder") -> int:
    """Return how many entries the export says it has, to know how to go about it."""
    from verify.checkpoint import parse_signed
    from verify.contents import read_small
    from verify.note import MAX_NOTE_SIZE

    try:
        checkpoint, _ = parse_signed(read_small(folder, "checkpoint", limit=MAX_NOTE_SIZE))
    except MalformedError:
        return 0
    return checkpoint.size


class _Progress:
    """Tells a person at a terminal how far something is, unless nothing is to be said."""

    def __init__(self, what: str, options: argparse.Namespace) -> None:
        self._what = what
        self._told = sys.stderr.isatty() and not options.quiet

    def __enter__(self) -> Self:
        return self

    def __call__(self, done: int, size: int) -> None:
        if self._told:
            print(f"\r{done:,} of {size:,} {self._what}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self._told:
            print(f"\r{'':{WIDTH - 1}}\r", end="", file=sys.stderr, flush=True)


# Outside evidence


class _GivenError(Exception):
    """A file that the reader gave to check outside evidence with cannot be read."""


class _Outside(msgspec.Struct, frozen=True):
    """What was found of outside evidence; None where it was not looked at."""

    tokens: "tuple[Token, ...] | None" = None
    mails: "tuple[Mail, ...] | None" = None


def _look_outside(path: str, data: bytes, report: Report, options: argparse.Namespace) -> _Outside:
    """Check what can be checked of outside evidence.

    Raises:
        _GivenError: What the reader trusts cannot be read.
    """
    if not (data or report.attestations or options.tsa_chain or options.dkim_keys):
        return _Outside((), ())  # there is none, and what looks at it takes a while to load
    tokens = _tokens(path, data, report, options.tsa_chain)
    return _Outside(tokens, None if data else _mails(path, report, options.dkim_keys))


def _said_of(report: Report, outside: _Outside) -> Report:
    """Take out of what was not checked what was."""
    checked = ["RFC 3161 tokens over this ledger"] if outside.tokens else []
    checked += ["DKIM signatures"] if outside.mails else []
    if not checked:
        return report
    from msgspec.structs import replace

    left = f"{_OUTSIDE} other than {' and '.join(checked)}"
    texts = [left if text == _ALL_OUTSIDE else text for text in report.not_checked]
    return replace(report, not_checked=tuple(texts))


def _tokens(
    path: str, data: bytes, report: Report, trusted: str | None
) -> "tuple[Token, ...] | None":
    """Check the tokens of time-stamping authorities; return None where the extra is not there.

    `data` are the octets of an evidence file, and empty for an export.
    """
    try:
        from verify.outside import rfc3161, tokens
    except ModuleNotFoundError:
        return None
    from verify.folder import Folder

    chain = None
    if trusted is not None:
        try:
            chain = rfc3161.parse_chain(_read(trusted, limit=rfc3161.MAX_CHAIN))
        except MalformedError as error:
            raise _GivenError(f"{trusted}: {error}") from None
    if report.origin is None or report.size is None:
        raise AssertionError(report.verdict)
    if data:
        return tokens.evidence_tokens(parse_evidence(data), origin=report.origin, trusted=chain)
    return tokens.read_tokens(
        Folder(path),
        origin=report.origin,
        size=report.size,
        attestations=report.attestations,
        trusted=chain,
    )


def _mails(path: str, report: Report, trusted: str | None) -> "tuple[Mail, ...] | None":
    """Check the signatures of mail servers; return None where the extra is not there."""
    try:
        from verify.outside import mails
    except ModuleNotFoundError:
        return None
    from verify.folder import Folder

    keys = None
    if trusted is not None:
        try:
            keys = mails.read_keys(_read(trusted, limit=mails.MAX_KEYS), where=trusted)
        except MalformedError as error:
            raise _GivenError(str(error)) from None
    if report.size is None:
        raise AssertionError(report.verdict)
    return mails.read_mails(
        Folder(path), size=report.size, attestations=report.attestations, trusted=keys
    )


# The certificate


def _no_export(path: str) -> str | None:
    """Say what a folder is that people take for an export; None where it may be one."""
    if os.path.exists(os.path.join(path, "checkpoint")):
        return None
    offered = os.path.join(path, EVIDENCE_FILE)
    if os.path.isfile(offered):
        return f"holds an evidence file: check {offered}"
    if os.path.isfile(os.path.join(path, _STORE_FILE)):
        return "the folder of a ledger or of a mirror: `counterfoil export` makes one of it"
    return None


def _no_place(options: argparse.Namespace) -> str | None:
    """Say why no certificate can be where it is to be; None if it can."""
    out: str = options.certificate
    if os.path.exists(out):
        return f"{out} is there already, and is not overwritten"
    where = os.path.realpath(out)
    for folder in (options.path, options.files):
        if folder is not None and where.startswith(os.path.join(os.path.realpath(folder), "")):
            return f"{out} would be in {folder}, which is to stay as it was received"
    return None


def _examined(
    options: argparse.Namespace, data: bytes, receipts: Sequence[tuple[str, bytes]]
) -> "list[Received]":
    """Return what was received, and then the files that it is compared with, by their octets.

    Nothing where no certificate is asked for. `data` are those of an evidence file.
    """
    if options.certificate is None:
        return []
    from verify.examined import of_file, of_folder
    from verify.folder import Folder

    def folder(path: str) -> "Received":
        name = os.path.basename(os.path.realpath(path))
        with _Progress("octets", options) as progress:
            return of_folder(name, Folder(path), progress)

    path: str = options.path
    one = folder(path) if os.path.isdir(path) else of_file(os.path.basename(path), data)
    given = [*receipts] if options.policy is None else [*receipts, options.policy[:2]]
    trusted = (options.tsa_chain, options.dkim_keys)
    given += [
        (name, _read(name, limit=MAX_EVIDENCE)) for name in trusted if name and os.path.isfile(name)
    ]
    found = [one, *(of_file(os.path.basename(name), octets) for name, octets in given)]
    return found if options.files is None else [*found, folder(options.files)]


def _write_certificate(
    report: Report,
    received: "Sequence[Received]",
    outside: "_Outside",
    options: argparse.Namespace,
) -> None:
    import platform

    from verify.certificate import draft_certificate
    from verify.kinds import SPEC_VERSION
    from verify.note import format_vkey

    read_by = (("rfc3161-client", outside.tokens), ("dkimpy", outside.mails))
    programs = (*_PROGRAMS, *(name for name, read in read_by if read))
    versions = [(name, version_of(name)) for name in programs]
    text = draft_certificate(
        report,
        received=received[0],
        supplied=received[1:],
        log_key=None if options.log_key is None else format_vkey(options.log_key),
        outside=_told(outside, options),
        versions=[*versions, ("Python", platform.python_version()), ("rules", SPEC_VERSION)],
    )
    descriptor = os.open(options.certificate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as failure:
        os.unlink(options.certificate)
        raise OSError(failure.errno, failure.strerror, options.certificate) from None
