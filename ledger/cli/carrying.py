"""Responses that somebody else hands in: signed into a file, and carried.

The signature is the credential, so anybody may carry what was signed. This is for whoever reaches
no server, such as an outsider who was sent an evidence file.
"""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.accepted import check_accepted
from ledger.cli.context import DONE, Context, InvalidError, UsageError, utc
from ledger.cli.parsing import command
from ledger.cli.sources import add_source, one_id, open_target, reader_of
from ledger.compose import Composed, sign_document
from ledger.errors import TargetError
from ledger.keys import PartySigner
from ledger.outputs.files import write_files
from verify.anchors import Anchors
from verify.errors import VerifyError
from verify.evidence import MAX_EVIDENCE, audit_evidence
from verify.receipt import proof_of
from verify.report import Report
from verify.submission import LedgerName, parse_document

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add", "evidence_of", "name_in", "shown_id", "sign_to_carry"]

_GOOD_FOR_MS = 30 * 86_400_000  # of the 31 days that a signature may last: clocks differ
_MAX_CARRIED = 1 << 24  # octets


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    carry = command(
        commands, "carry", "hand in what somebody else signed into a file", _carry,
        "carry ledger response.json -o receipt.json",
        "carry https://ledger.example response.json -o receipt.json --key county.key",
        more="It is what `counterfoil answer EVIDENCE ID STANCE -o FILE` makes. Whoever signed\n"
        "it needs a key in the ledger by now. Handing it in again is safe.",
    )  # fmt: skip
    add_source(carry, source="the ledger's folder or URL")
    carry.add_argument("file", help="what was signed")
    carry.add_argument(
        "-o", "--output", required=True, metavar="FILE",
        help="the receipt, to be sent to whoever signed it",
    )  # fmt: skip
    carry.add_argument(
        "--accept-clock", action="store_true",
        help="this machine's clock is right, although the last entry disagrees",
    )  # fmt: skip


def _carry(arguments: Namespace, context: Context) -> int:
    document, output = _read(Path(arguments.file), _MAX_CARRIED), Path(arguments.output)
    try:
        submission = parse_document(document)
    except VerifyError as error:
        raise InvalidError(f"{arguments.file}: is nothing that was signed: {error}") from None
    statement = submission.statement
    if output.exists():
        raise UsageError(f"{output}: exists already, and is not overwritten")
    with open_target(context, arguments, signer=reader_of(arguments, context)) as target:
        name = LedgerName(origin=target.origin, charter=target.fingerprint)
        if statement.ledger != name:
            other = statement.ledger
            raise InvalidError(
                f"{arguments.file}: is for another ledger: {other.origin} {other.charter}"
            )
        data = target.hand_in(document)
        receipt = check_accepted(
            data,
            signed=[(statement, submission.signature)],
            events=[one.data for one in submission.events],
            ledger=name,
            log_keys=target.log_keys,
        )
        # What it promises may never be shown: then there is nothing else that shows it.
        write_files({output: data})
        try:
            target.confirm(proof_of(receipt).checkpoint)
        except TargetError as error:
            raise TargetError(f"{error}; {output} is the receipt that came") from None
    ids = [one.id.hex() for one in submission.events]
    context.answer(
        {"author": statement.author, "events": ids, "file": str(output), "index": receipt.first},
        f"Recorded: signed by {statement.author}, entry {receipt.first}, event {ids[0][:16]}\n"
        f"Wrote {output}: send it to {statement.author}",
    )
    return DONE


def sign_to_carry(
    arguments: Namespace,
    context: Context,
    composed: Composed,
    called: str,
    *,
    signer: PartySigner,
    ledger: LedgerName,
) -> int:
    """Sign one event into the file `--output`, for anybody to carry."""
    expires_ms = context.now_ms() + _GOOD_FOR_MS
    document = sign_document([composed], signer=signer, ledger=ledger, expires_ms=expires_ms)
    write_files({Path(arguments.output): document})
    context.answer(
        {"event": composed.id.hex(), "expires": expires_ms, "file": arguments.output},
        f"Wrote {arguments.output}: {called}, event {composed.id.hex()[:16]}, good until "
        f"{utc(expires_ms)}\n"
        "Send it to whoever sent you the evidence, or to any member of the record: "
        f"`counterfoil carry LEDGER {shlex.quote(arguments.output)} -o receipt.json` hands it in, "
        "and the receipt is for you.",
    )
    return DONE


def evidence_of(path: Path, *, fingerprint: str | None) -> Report:
    """Check an evidence file, and return the report.

    Raises:
        UsageError: It cannot be read.
        InvalidError: It is none, or not valid.
    """
    anchors = Anchors(fingerprint=fingerprint)
    report = audit_evidence(_read(path, MAX_EVIDENCE), anchors=anchors)
    if report.verdict == "invalid" or report.origin is None:
        check = shlex.join(["counterfoil-verify", str(path)])
        raise InvalidError(f"{path} is no valid evidence. `{check}` says more.")
    return report


def name_in(report: Report) -> LedgerName:
    """Name the ledger that an evidence file is from."""
    return LedgerName(origin=report.origin or "", charter=report.fingerprint)


def shown_id(report: Report, digits: str) -> str:
    """Return the id of the event that evidence shows, which begins so.

    Raises:
        UsageError: None does, or several do.
    """
    return one_id(digits, [one.event_id for one in report.shown])


def _read(path: Path, limit: int) -> bytes:
    """Read a file, and at most one octet more than it may have."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as failure:
        raise UsageError(f"{path}: {failure.strerror}") from None
