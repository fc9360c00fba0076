"""Commands that hand something over: export, prove, receipt."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli.context import DONE, Context, UsageError, groups, table
from ledger.cli.recording import full_id
from ledger.evidence import prove
from ledger.export import export

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    exporting = commands.add_parser(
        "export", help="write a folder that anyone can check with counterfoil-verify"
    )
    exporting.add_argument("ledger", help="the ledger's folder")
    exporting.add_argument("folder", help="the folder to make")
    exporting.add_argument(
        "--for", dest="audience", default="public", metavar="PARTY",
        help="include what is limited to this party (default: what is open to everybody)",
    )  # fmt: skip
    exporting.set_defaults(run=_export)
    proving = commands.add_parser(
        "prove", help="write one evidence file for one or a few events, for a court or a journalist"
    )
    proving.add_argument("ledger", help="the ledger's folder")
    proving.add_argument("id", nargs="+", help="the events' ids, or their first digits")
    proving.add_argument("-o", "--output", required=True, metavar="FILE", help="the evidence file")
    proving.add_argument(
        "--without", action="append", default=[], metavar="CLAIM",
        help="leave this claim closed (such as person.1); again for each",
    )  # fmt: skip
    proving.set_defaults(run=_prove)
    receipt = commands.add_parser("receipt", help="write the receipt of an event's submission")
    receipt.add_argument("ledger", help="the ledger's folder")
    receipt.add_argument("id", help="the event's id, or its first digits")
    receipt.add_argument("-o", "--output", required=True, metavar="FILE", help="the receipt")
    receipt.set_defaults(run=_receipt)


def _export(arguments: Namespace, context: Context) -> int:
    with context.ledger(Path(arguments.ledger)) as ledger:
        exported = export(
            ledger,
            Path(arguments.folder),
            audience=arguments.audience,
            progress=context.progress("Writing entry"),
        )
        fingerprint = ledger.fingerprint
    values = {
        "absent_files": list(exported.absent),
        "audience": exported.audience,
        "disclosures": exported.disclosures,
        "files": exported.files,
        "fingerprint": fingerprint,
        "folder": str(exported.path),
        "left_out": exported.left_out,
        "root": exported.root,
        "size": exported.size,
    }
    rows = [
        ("entries", str(exported.size)),
        ("root", groups(exported.root)),
        ("for", exported.audience),
        ("opened texts", f"{exported.disclosures} ({exported.left_out} left closed)"),
        ("files", str(exported.files)),
    ]
    lines = [f"Wrote {exported.path}", table(rows)]
    lines += [f"Missing: the file {name}, which a claim names" for name in exported.absent]
    lines.append(f"Check it: counterfoil-verify {exported.path} --fingerprint {fingerprint}")
    context.answer(values, "\n".join(lines))
    return DONE


def _prove(arguments: Namespace, context: Context) -> int:
    ids = []
    for given in arguments.id:
        one = Namespace(id=given, ledger=arguments.ledger)
        ids.append(full_id(one, context))
    with context.ledger(Path(arguments.ledger)) as ledger:
        data = prove(ledger, ids, without=frozenset(arguments.without))
        fingerprint = ledger.fingerprint
    _write(Path(arguments.output), data)
    text = (
        f"Wrote {arguments.output}: evidence for {len(ids)} of the ledger's events\n"
        f"Check it: counterfoil-verify {arguments.output} --fingerprint {fingerprint}"
    )
    context.answer({"events": ids, "file": arguments.output, "fingerprint": fingerprint}, text)
    return DONE


def _receipt(arguments: Namespace, context: Context) -> int:
    event_id = full_id(arguments, context)
    with context.ledger(Path(arguments.ledger)) as ledger:
        index = ledger.index_of(bytes.fromhex(event_id))
        if index is None:
            raise UsageError(f"no event {event_id[:16]} in this ledger")
        data = ledger.receipt(index)
    _write(Path(arguments.output), data)
    context.answer({"event": event_id, "file": arguments.output}, f"Wrote {arguments.output}")
    return DONE


def _write(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as failure:
        raise UsageError(f"{path}: {failure.strerror}") from None
