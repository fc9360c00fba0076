"""Commands that hand something over: export, prove, receipt."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli.context import (
    DONE,
    REFUSED,
    Context,
    UsageError,
    check_digits,
    groups,
    one_id,
    table,
)
from ledger.cli.parsing import command
from ledger.cli.recording import write_new
from ledger.evidence import prove
from ledger.export import export
from ledger.ledger import Ledger

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    exporting = command(
        commands, "export", "write a folder that anyone can check with counterfoil-verify", _export,
        "export ledger export-2025-11-28",
        "export ledger for-rutland --for rutland # with what only Rutland may see",
    )  # fmt: skip
    exporting.add_argument("ledger", help="the ledger's folder")
    exporting.add_argument("folder", help="the folder to make")
    _audience_option(exporting)
    proving = command(
        commands, "prove",
        "write one evidence file for one or a few events, for a court or a journalist", _prove,
        "prove ledger 3c918f3d -o evidence.json",
        "prove ledger 3c918f3d a06d9c45 --without person.1 --without text -o evidence.json",
        more="What is limited to some parties stays closed, unless --for names one of them.",
    )  # fmt: skip
    proving.add_argument("ledger", help="the ledger's folder")
    proving.add_argument("id", nargs="+", help="the events' ids, or their first digits")
    proving.add_argument("-o", "--output", required=True, metavar="FILE", help="the evidence file")
    proving.add_argument(
        "--without", action="append", default=[], metavar="CLAIM",
        help="leave this claim closed (such as person.1); again for each",
    )  # fmt: skip
    _audience_option(proving)
    receipt = command(
        commands, "receipt", "write the receipt of an event's submission", _receipt,
        "receipt ledger 3c918f3d -o receipt.json",
    )  # fmt: skip
    receipt.add_argument("ledger", help="the ledger's folder")
    receipt.add_argument("id", help="the event's id, or its first digits")
    receipt.add_argument("-o", "--output", required=True, metavar="FILE", help="the receipt")


def _audience_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--for", dest="audience", default="public", metavar="PARTY",
        help="include what is limited to this party (default: what is open to everybody)",
    )  # fmt: skip


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
        "folder": arguments.folder,
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
    lines = [f"Wrote {arguments.folder}", table(rows)]
    lines += [f"Missing: the file {name}, which a claim names" for name in exported.absent]
    lines.append(f"Check it: counterfoil-verify {arguments.folder} --fingerprint {fingerprint}")
    context.answer(values, "\n".join(lines))
    # Without its files the folder does not pass the check it is made for.
    return REFUSED if exported.absent else DONE


def _prove(arguments: Namespace, context: Context) -> int:
    output = Path(arguments.output)
    with context.ledger(Path(arguments.ledger)) as ledger:
        ids = list(dict.fromkeys(_full_id(ledger, given) for given in arguments.id))
        data = prove(ledger, ids, without=frozenset(arguments.without), audience=arguments.audience)
        fingerprint = ledger.fingerprint
    write_new(output, data)
    count = "one event" if len(ids) == 1 else f"{len(ids)} events"
    text = (
        f"Wrote {output}: evidence for {count}\n"
        f"Check it: counterfoil-verify {output} --fingerprint {fingerprint}"
    )
    values = {"events": ids, "file": arguments.output, "fingerprint": fingerprint}
    context.answer(values, text)
    return DONE


def _full_id(ledger: Ledger, digits: str) -> str:
    return one_id(digits, ledger.ids_with_prefix(check_digits(digits)))


def _receipt(arguments: Namespace, context: Context) -> int:
    with context.ledger(Path(arguments.ledger)) as ledger:
        event_id = _full_id(ledger, arguments.id)
        index = ledger.index_of(bytes.fromhex(event_id))
        if index is None:
            raise UsageError(f"no event {event_id[:16]} in this ledger")
        data = ledger.receipt(index)
    write_new(Path(arguments.output), data)
    context.answer({"event": event_id, "file": arguments.output}, f"Wrote {arguments.output}")
    return DONE
