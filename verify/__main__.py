r"""The command `counterfoil-verify`: check an export, an evidence file or a fork proof, offline.

It reads the path that it is given and nothing else, and writes nothing but the certificate that
`--certificate` asks for. `--json` prints one
canonical JSON object (SPEC section 1.1, but that lists may be empty) and LF:

    type            "counterfoil-report/v1"
    of              "export" or "evidence"
    verdict         "valid", "self-consistent" or "invalid"
    origin          the log's name; absent where it could not be read, as the next three
    fingerprint     leaf hash of entry 0, hex
    size, root      of the checkpoint: an integer; hex
    audience        of an export: for whom its manifest says it is; absent if it could not be read
    left_out        of an export: how many sealed claims are not opened in it
    agrees          what the reader supplied and agrees, in words
    counts          what was checked: name -> integer
    findings        list of causes, each
        check, name     number and name, as in SPEC section 12
        where, reason   what it is about; what is wrong with it
        entry           index of the entry concerned; absent if none is
        expected, found absent where there is nothing to show
        consequences    list of findings that follow from this one, of the same form
    cosigned        the checkpoint's cosignatures by the reader's policy; absent without one
        quorum      the policy's name of the witness or group that must cosign; absent for none
        by          list of the policy's names of the quorum's witnesses that did
        witnesses   how many witnesses the quorum is made of
        liars_needed how many of them must lie to make two histories possible
    times           what cosignatures prove of time, where a quorum could; times are POSIX seconds
        by          "policy" or "charter": whose witnesses and quorum
        signed_after, existed_by  of an export: of how many entries there is such a time
        earliest, latest  of an export: the first of those after which one was signed, the last of
                    those by which one existed; absent where there is none
        brackets    of evidence: list for each entry shown
            entry   its index
            signed_after, existed_by  absent where nothing shows it
            cosigned, witnesses  how many of the quorum's witnesses had cosigned by then, of how
                    many; with existed_by
    not_checked     what was not looked at, in words
    tokens          of a sound export, where `verify.outside` can be used: list of the tokens of
                    time-stamping authorities over checkpoints, each
        entry, size     index of the entry that carries it; how many entries it dates
        time, authority when these existed, by that authority; absent if it does not hold
        reason          why it does not hold; absent if it does

Of a fork proof, `of` is "fork" and `verdict` "proven", "self-consistent" or "invalid"; besides
`type`, `origin`, `agrees` and `findings` there are

    kind            of the lie, as in SPEC section 10.3; absent if it could not be read
    accused         verifier keys of those whose lie it is
    checkpoints     list of {root, size}
    shows           what is shown, in words
    not_shown       what is not, in words

Characters that no terminal should get (controls, direction marks, half surrogates) are written
there as escapes, such as the four characters `\x1b`; in what people read, likewise.
"""

import argparse
import dataclasses
import hashlib
import importlib.metadata
import io
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from verify.anchors import Anchors
from verify.audit import audit
from verify.brackets import Bracket, format_time_s
from verify.certificate import Received, draft_certificate, listing_hash
from verify.checkpoint import parse_signed
from verify.codec import encode
from verify.contents import read_small
from verify.errors import MalformedError
from verify.events import SPEC_VERSION
from verify.evidence import MAX_EVIDENCE, audit_evidence
from verify.folder import Folder
from verify.fork import MAX_FORK, ForkAnchors, ForkReport, audit_fork, is_fork_proof
from verify.lines import WIDTH, grouped, plain, wrap
from verify.note import ED25519, MAX_NOTE_SIZE, VerifierKey, parse_vkey
from verify.policy import MAX_POLICY_SIZE, Policy, parse_policy
from verify.pool import Pool, processors
from verify.receipt import MAX_RECEIPT
from verify.report import Finding, Report, Times, Weighed
from verify.state import UnknownVersionError

if TYPE_CHECKING:
    from verify.outside.tokens import Token

__all__ = ["main"]

_VALID, _INVALID, _COULD_NOT, _ALONE, _LIE, _INTERRUPTED = 0, 1, 2, 3, 4, 130
_EXIT = {"valid": _VALID, "invalid": _INVALID, "self-consistent": _ALONE, "proven": _LIE}

_PROGRAMS = ("counterfoil", "msgspec", "pynacl", "cryptography")
_TOKENS = "outside evidence in attestations (DKIM, ARC, RFC 3161)"
_TOKENS_CHECKED = "outside evidence in attestations other than RFC 3161 tokens over checkpoints"
_SMALL = 8192  # entries: below this, starting processes takes longer than the audit
_MAX_VKEY_FILE = 4096
_MAX_PROCESSES = 256
_CAUSES = 20
_CONSEQUENCES = 5

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
  2  could not run: no such path, bad arguments, an unknown version
  3  consistent with itself only: nothing from elsewhere was compared
  4  a fork proof holds, and what you supplied says whose lie it shows
"""

Object: TypeAlias = dict[str, "str | int | list[str] | Mapping[str, int] | list[Object] | Object"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever cannot be spelled is escaped
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except UnknownVersionError as error:
        found = plain(error.found or "unknown")
        return _fail(f"the ledger is of version {found}; this verifier knows {error.expected}")
    except (OSError, MemoryError, RuntimeError) as error:
        # RuntimeError: a process of the pool was killed.
        if isinstance(error, OSError) and error.filename is not None:
            return _fail(f"{error.filename}: {error.strerror}")
        return _fail(str(error) or type(error).__name__)


def _fail(reason: str) -> int:
    print(f"counterfoil-verify: could not run: {plain(reason)}", file=sys.stderr)
    return _COULD_NOT


# What is asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="counterfoil-verify",
        description="Check an export, evidence or a fork proof of a ledger. Needs no network.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="an export folder, or a file")
    parser.add_argument(
        "--log-key", type=_log_key, metavar="VKEY",
        help="the log's verifier key, from elsewhere; @FILE reads it from a file",
    )  # fmt: skip
    parser.add_argument(
        "--fingerprint", type=_fingerprint, metavar="HEX",
        help="the ledger's fingerprint, from elsewhere: 64 hex digits, spaces allowed",
    )  # fmt: skip
    parser.add_argument(
        "--receipt", action="extend", nargs="+", default=[], type=Path, metavar="FILE",
        help="receipts that you were given",
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
        "--files", type=Path, metavar="FOLDER",
        help="the files that came with an evidence file, each named by its SHA-256",
    )  # fmt: skip
    parser.add_argument(
        "--processes", type=_positive, default=processors(), metavar="N",
        help="work on at most N processes (default: as many as there are processors)",
    )  # fmt: skip
    parser.add_argument(
        "--tsa-chain", type=Path, metavar="FILE",
        help="certificates (PEM) of time-stamping authorities that you trust",
    )  # fmt: skip
    parser.add_argument(
        "--certificate", type=Path, metavar="OUT",
        help="draft a certificate for a court in OUT, a new file, for a person to sign",
    )  # fmt: skip
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print the whole report as JSON")
    output.add_argument("--quiet", action="store_true", help="print nothing: the exit code tells")
    return parser


def _log_key(text: str) -> VerifierKey:
    try:
        if text.startswith("@"):
            data = _read(Path(text[1:]), limit=_MAX_VKEY_FILE)
            text = data.decode("ascii").strip()
        key = parse_vkey(text)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(plain(str(error))) from None
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"not a verifier key: {plain(error.reason)}") from None
    if key.algorithm != ED25519:
        raise argparse.ArgumentTypeError("is the key of a witness, not of a log")
    return key


def _policy(text: str) -> Policy:
    try:
        return parse_policy(_read(Path(text), limit=MAX_POLICY_SIZE))
    except OSError as error:
        raise argparse.ArgumentTypeError(plain(str(error))) from None
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"not a policy: {plain(str(error))}") from None


def _fingerprint(text: str) -> str:
    digits = "".join(text.split()).lower()
    if len(digits) != 64 or digits.strip("0123456789abcdef"):  # noqa: PLR2004 (32 octets in hex)
        raise argparse.ArgumentTypeError("is not 64 hex digits")
    return digits


def _positive(text: str) -> int:
    if text not in map(str, range(1, _MAX_PROCESSES + 1)):
        raise argparse.ArgumentTypeError(f"is not a number from 1 to {_MAX_PROCESSES}")
    return int(text)


# What is done


def _run(options: argparse.Namespace) -> int:
    path: Path = options.path
    if path.is_file():
        data = _read(path, limit=MAX_EVIDENCE)
        if is_fork_proof(data):
            return _run_fork(data, options)
    if options.certificate is not None and options.certificate.exists():
        return _fail(f"{options.certificate} is there already, and is not overwritten")
    receipts = [(str(name), _read(name, limit=MAX_RECEIPT)) for name in options.receipt]
    anchors = Anchors(options.log_key, options.fingerprint, tuple(receipts), options.policy)
    if path.is_dir():
        if options.files is not None:
            return _fail(f"--files is for evidence files, and {path} is a folder")
        kind = "export"
        report = _audit_folder(path, anchors, options)
    elif path.is_file():
        if options.audience is not None:
            return _fail(f"--audience is for exports, and {path} is a file")
        kind = "evidence"
        files = None if options.files is None else _Beside(options.files)
        report = audit_evidence(data, anchors=anchors, files=files)
    else:
        path.stat()  # says why it cannot be read, if it cannot
        return _fail(f"{path} is neither a folder nor a file")
    tokens: tuple[Token, ...] | None = None
    if kind == "export" and report.verdict != "invalid":
        try:
            tokens = _tokens(path, report, options.tsa_chain)
        except MalformedError as error:
            return _fail(f"{options.tsa_chain}: {error.where}: {error.reason}")
    if tokens:
        texts = [_TOKENS_CHECKED if text == _TOKENS else text for text in report.not_checked]
        report = dataclasses.replace(report, not_checked=tuple(texts))
    if options.certificate is not None:
        _write_certificate(report, options)
    if options.json:
        values = _json(report, kind)
        if tokens is not None:
            values["tokens"] = [_json_token(token) for token in tokens]
        return _print(encode(values).decode(), _EXIT[report.verdict])
    if not options.quiet:
        lines = [*_lines(report, kind), *_token_lines(tokens or (), options.tsa_chain)]
        return _print("\n".join(lines), _EXIT[report.verdict])
    return _EXIT[report.verdict]


def _run_fork(data: bytes, options: argparse.Namespace) -> int:
    for name in ("audience", "certificate", "files", "receipt"):
        if getattr(options, name):
            return _fail(f"--{name} is not for fork proofs")
    anchors = ForkAnchors(options.log_key, options.fingerprint, options.policy)
    report = audit_fork(data[: MAX_FORK + 1], anchors=anchors)
    if options.json:
        return _print(encode(_json_fork(report)).decode(), _EXIT[report.verdict])
    if not options.quiet:
        return _print("\n".join(_fork_lines(report)), _EXIT[report.verdict])
    return _EXIT[report.verdict]


def _print(text: str, code: int) -> int:
    """Print the report; return `code`, or that it could not be printed."""
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer goes nowhere when Python ends, and so cannot fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail(f"standard output: {error.strerror}")
    return code


def _read(path: Path, *, limit: int) -> bytes:
    """Read a file, or as much of it as is needed to see that it is too long."""
    with path.open("rb") as file:
        return file.read(limit + 1)


def _audit_folder(path: Path, anchors: Anchors, options: argparse.Namespace) -> Report:
    for _ in os.walk(path, onerror=_refuse):
        pass  # a folder that cannot be listed is no reason to call its ledger invalid
    folder = Folder(path)
    progress = _Progress() if sys.stderr.isatty() and not options.quiet else None
    try:
        if options.processes == 1 or _size(folder) <= _SMALL:
            return audit(folder, anchors=anchors, progress=progress, audience=options.audience)
        with Pool(options.processes) as pool:
            return audit(
                folder, anchors=anchors, progress=progress, run=pool, audience=options.audience
            )
    finally:
        if progress is not None:
            progress.clear()


class _Beside(Folder):
    """The files that came with an evidence file, as an export would have them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        for _ in os.walk(path, onerror=_refuse):
            pass  # as of an export

    def paths(self) -> Iterator[str]:
        return (f"files/{name}" for name in super().paths())

    def size(self, path: str) -> int | None:
        return super().size(path.removeprefix("files/"))

    def read(self, path: str, start: int = 0, stop: int | None = None) -> bytes:
        return super().read(path.removeprefix("files/"), start, stop)


def _refuse(error: OSError) -> None:
    raise error


def _size(folder: Folder) -> int:
    """Return how many entries the export says it has, to know how to go about it."""
    try:
        checkpoint, _ = parse_signed(read_small(folder, "checkpoint", limit=MAX_NOTE_SIZE))
    except MalformedError:
        return 0
    return checkpoint.size


class _Progress:
    """Tells a person at a terminal how far the audit is."""

    def __call__(self, done: int, size: int) -> None:
        print(f"\r{done:,} of {size:,} entries", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        print(f"\r{'':{WIDTH - 1}}\r", end="", file=sys.stderr, flush=True)


# Outside evidence


def _tokens(path: Path, report: Report, trusted: Path | None) -> "tuple[Token, ...] | None":
    """Check the tokens of time-stamping authorities; return None where the extra is not there."""
    try:
        from verify.outside import rfc3161, tokens  # noqa: PLC0415 (need not be there)
    except ModuleNotFoundError:
        return None
    chain = None if trusted is None else _read(trusted, limit=rfc3161.MAX_CHAIN)
    if chain is not None:
        rfc3161.parse_chain(chain)
    if report.origin is None or report.size is None:
        raise AssertionError(report.verdict)
    return tokens.read_tokens(Folder(path), origin=report.origin, size=report.size, trusted=chain)


def _json_token(token: "Token") -> Object:
    result: Object = {"entry": token.index, "size": token.size}
    if token.stamp is None:
        return result | {"reason": plain(token.reason)}
    return result | {"time": token.stamp.time, "authority": plain(token.stamp.authority)}


def _token_lines(tokens: "Sequence[Token]", trusted: Path | None) -> Iterator[str]:
    if tokens:
        yield ""
        yield "Time stamps of authorities outside this record:"
    whose = "certificates that you gave" if trusted else "certificates that its recorder chose"
    for token in tokens:
        if token.stamp is None:
            text = f"entry {token.index:,}: proves nothing: {token.reason}"
        else:
            text = (
                f"entry {token.index:,}: the first {token.size:,} entries existed by "
                f"{token.stamp.time}, if {token.stamp.authority} can be trusted; checked against "
                f"{whose}. It says nothing of who wrote them, nor whether they are true."
            )
        yield from wrap(text, first="  - ", rest="    ")


# The certificate


def _write_certificate(report: Report, options: argparse.Namespace) -> None:
    supplied = [_received(path) for path in options.receipt]
    if options.files is not None:
        supplied.append(_received(options.files))
    versions = [(name, _version(name)) for name in _PROGRAMS]
    text = draft_certificate(
        report,
        received=_received(options.path),
        supplied=supplied,
        versions=[*versions, ("Python", platform.python_version()), ("rules", SPEC_VERSION)],
    )
    with options.certificate.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _received(path: Path) -> Received:
    """Return what a file or a folder is, by its octets."""
    if path.is_file():
        return Received(path.name, path.stat().st_size, _sha256(path))
    files = sorted(one for one in path.rglob("*") if one.is_file() and not one.is_symlink())
    hashes = [(one.relative_to(path).as_posix(), _sha256(one)) for one in files]
    size = sum(one.stat().st_size for one in files)
    return Received(path.resolve().name, size, listing_hash(hashes), len(files))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package"


# What machines read


def _json(report: Report, kind: str) -> Object:
    result: Object = {
        "type": "counterfoil-report/v1",
        "of": kind,
        "verdict": report.verdict,
        "agrees": [plain(text) for text in report.anchors],
        "counts": {name.replace(" ", "_"): count for name, count in report.counts.items()},
        "findings": [_json_finding(finding) for finding in report.findings],
        "not_checked": list(report.not_checked),
    }
    if kind == "export":
        result["left_out"] = report.left_out
    if report.weighed is not None:
        result["cosigned"] = _json_weighed(report.weighed)
    if report.times is not None:
        result["times"] = _json_times(report.times, kind)
    for name in ("origin", "fingerprint", "size", "root", "audience"):
        value = getattr(report, name)
        if value is not None:
            result[name] = value
    return result


def _json_weighed(weighed: Weighed) -> Object:
    result: Object = {
        "by": [plain(name) for name in weighed.cosigned],
        "witnesses": weighed.witnesses,
        "liars_needed": weighed.liars_needed,
    }
    if weighed.quorum is not None:
        result["quorum"] = plain(weighed.quorum)
    return result


def _json_times(times: Times, kind: str) -> Object:
    result: Object = {"by": times.by}
    if kind == "evidence":
        result["brackets"] = [_json_bracket(index, bracket) for index, bracket in times.brackets]
        return result
    result |= {"signed_after": times.signed_after, "existed_by": times.existed_by}
    return result | _there(earliest=times.earliest_s, latest=times.latest_s)


def _json_bracket(index: int, bracket: Bracket) -> Object:
    result: Object = {"entry": index}
    result |= _there(signed_after=bracket.after_s, existed_by=bracket.by_s)
    if bracket.by_s is not None:
        result |= {"cosigned": bracket.cosigned, "witnesses": bracket.witnesses}
    return result


def _there(**values: int | None) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def _json_fork(report: ForkReport) -> Object:
    checkpoints: list[Object] = [{"root": root, "size": size} for size, root in report.checkpoints]
    result: Object = {
        "type": "counterfoil-report/v1",
        "of": "fork",
        "verdict": report.verdict,
        "accused": [plain(vkey) for vkey in report.accused],
        "agrees": list(report.anchors),
        "checkpoints": checkpoints,
        "findings": [_json_finding(finding) for finding in report.findings],
        "not_shown": list(report.not_shown),
        "shows": [plain(text) for text in report.shows],
    }
    for name, text in (("kind", report.kind), ("origin", report.origin)):
        if text is not None:
            result[name] = plain(text)
    return result


def _json_finding(finding: Finding) -> Object:
    result: Object = {
        "check": finding.check.value,
        "name": finding.check.slug,
        "where": plain(finding.where),
        "reason": plain(finding.reason),
        "consequences": [_json_finding(below) for below in finding.consequences],
    }
    if finding.index is not None:
        result["entry"] = finding.index
    for name, text in (("expected", finding.expected), ("found", finding.found)):
        if text is not None:
            result[name] = plain(text)
    return result


# What people read


def _lines(report: Report, kind: str) -> Iterator[str]:
    place = "folder" if kind == "export" else "file"
    yield from wrap(_verdict(report, place))
    yield ""
    yield from _row("Ledger", [report.origin or "could not be read"])
    yield from _row("Fingerprint", _grouped(report.fingerprint))
    yield from _row("Size", _counted({} if report.size is None else {"entries": report.size}))
    yield from _row("Root", _grouped(report.root))
    if kind == "export":
        yield from _row("For", [report.audience or "could not be read"])
    yield from _row("Checked", _counted(report.counts))
    if kind == "export":
        sealed = report.counts["sealed claims"]
        yield from _row("Left closed", [f"{report.left_out:,} of {sealed:,} claims"])
    if report.weighed is not None:
        yield from _row("Cosigned", _cosigned(report.weighed))
    if report.times is not None:
        yield from _row("Times", list(_dated(report.times, kind)))
    yield from _row("Agrees with", report.anchors or ["nothing from elsewhere"])
    for number, finding in enumerate(report.findings[:_CAUSES], 1):
        yield ""
        yield from _finding(finding, f"{number}. ")
        yield from _consequences(finding)
    if len(report.findings) > _CAUSES:
        yield ""
        yield from wrap(f"… and {len(report.findings) - _CAUSES:,} more; --json lists all")
    yield ""
    yield "Not checked:"
    for text in report.not_checked:
        yield from wrap(text, first="  - ", rest="    ")
    if report.verdict == "self-consistent":
        yield ""
        yield from wrap(
            f"Whoever made this {place} could have made all of it up. Give a fingerprint, a log "
            "key, a policy or a receipt that reached you another way; --help shows how."
        )


def _fork_lines(report: ForkReport) -> Iterator[str]:
    yield from wrap(_FORK_VERDICT[report.verdict])
    for text in report.shows:
        yield ""
        yield from wrap(text)
    yield ""
    yield from _row("Ledger", [report.origin or "could not be read"])
    for size, root in report.checkpoints:
        yield from _row("Signed", [f"{size:,} {_noun('entries', size)}", *_grouped(root)])
    yield from _row("By", report.accused)
    yield from _row("Agrees with", report.anchors or ["nothing from elsewhere"])
    for number, finding in enumerate(report.findings, 1):
        yield ""
        yield from _finding(finding, f"{number}. ")
    if report.not_shown:
        yield ""
        yield "Not shown:"
    for text in report.not_shown:
        yield from wrap(text, first="  - ", rest="    ")
    if report.verdict == "self-consistent":
        yield ""
        yield from wrap(
            "Whoever made this file could have made these keys up. Give the ledger's fingerprint, "
            "the log's key or a policy that reached you another way; --help shows how."
        )


_FORK_VERDICT = {
    "proven": "A LIE IS PROVEN. Both checkpoints were signed, and cannot both be true.",
    "self-consistent": "Two signed checkpoints that cannot both be true, by keys that nothing "
    "outside this file vouches for.",
    "invalid": "INVALID. This file proves nothing against the ledger that you asked about.",
}


def _verdict(report: Report, place: str) -> str:
    if report.verdict == "valid":
        return f"Valid. Every check passed, and what you supplied agrees with this {place}."
    if report.verdict == "self-consistent":
        return f"Consistent with itself only: nothing outside this {place} vouches for it."
    causes = len(report.findings)
    return f"INVALID. {causes:,} {'thing is' if causes == 1 else 'things are'} wrong, as follows."


def _row(name: str, texts: Sequence[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield from wrap(text, first=f"  {'' if number else name:13}", rest=" " * 15)


def _grouped(digits: str | None) -> Sequence[str]:
    """Return a hash in groups that can be read aloud and compared, on two lines."""
    if digits is None:
        return ["could not be read"]
    return grouped(digits)


def _cosigned(weighed: Weighed) -> list[str]:
    """Say who cosigned, and what it would take to deceive by it."""
    if weighed.quorum is None:
        return ["your policy needs no co-signers"]
    count, need = len(weighed.cosigned), weighed.liars_needed
    who = f": {', '.join(weighed.cosigned)}" if count else ""
    return [
        f"by {count} of {weighed.witnesses} co-signers (quorum {weighed.quorum}){who}",
        f"{need} of them must lie to make two histories possible"
        if need
        else "two histories are possible though none of them lies",
    ]


def _dated(times: Times, kind: str) -> Iterator[str]:
    """Say what is proven of time, and by whom."""
    who = "your policy's co-signers" if times.by == "policy" else "the charter's own co-signers"
    if kind == "evidence":
        yield f"by {who}:"
        for index, bracket in times.brackets:
            yield f"entry {index:,}: {_bracketed(bracket)}"
        return
    yield f"by {who}: {times.existed_by:,} entries existed by a known time" + (
        "" if times.latest_s is None else f", the last by {format_time_s(times.latest_s)}"
    )
    yield f"{times.signed_after:,} were signed after a known time" + (
        ""
        if times.earliest_s is None
        else f", the earliest after {format_time_s(times.earliest_s)}"
    )


def _bracketed(bracket: Bracket) -> str:
    after_s, by_s = bracket.after_s, bracket.by_s
    words = []
    if after_s is not None:
        words.append(f"signed after {format_time_s(after_s)}")
    if by_s is not None:
        by = f"existed by {format_time_s(by_s)}"
        words.append(f"{by}, cosigned by {bracket.cosigned} of {bracket.witnesses}")
    return "; ".join(words) or "nothing shows when it was signed"


def _counted(counts: Mapping[str, int]) -> list[str]:
    """Return numbers of things, the numbers one under the other."""
    if not counts:
        return ["could not be read"]
    width = max(len(f"{count:,}") for count in counts.values())
    return [f"{count:{width},} {_noun(name, count)}" for name, count in counts.items()]


def _noun(name: str, count: int) -> str:
    if count != 1:
        return name
    return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")


def _finding(finding: Finding, bullet: str) -> Iterator[str]:
    indent = " " * len(bullet)
    entry = "" if finding.index is None else f", entry {finding.index:,}"
    head = f"[{finding.check.value}] {finding.check.slug}{entry}: {finding.where}"
    yield from wrap(head, first=bullet, rest=indent)
    yield from wrap(finding.reason, first=indent, rest=indent)
    for name, text in (("expected", finding.expected), ("found", finding.found)):
        if text is not None:
            yield from wrap(text, first=f"{indent}{name:9}", rest=f"{indent}{'':9}")


def _consequences(finding: Finding) -> Iterator[str]:
    below = finding.consequences
    if below:
        yield f"   and so{'' if len(below) == 1 else f', {len(below):,} times'}:"
    for consequence in below[:_CONSEQUENCES]:
        yield from _finding(consequence, "   - ")
    if len(below) > _CONSEQUENCES:
        yield f"   … and {len(below) - _CONSEQUENCES:,} more; --json lists all"


if __name__ == "__main__":
    sys.exit(main())
