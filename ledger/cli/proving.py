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
    groups,
    table,
)
from ledger.cli.parsing import command
from ledger.cli.recording import write_new
from ledger.cli.sources import (
    add_source,
    is_url,
    open_provable,
    open_remote,
    provable_id,
    reader_of,
)
from ledger.evidence import prove
from ledger.export import Exported, export
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
        "export https://ledger.example export --key rutland.key # fetched, and audited",
    )  # fmt: skip
    add_source(exporting)
    exporting.add_argument("folder", help="the folder to make")
    _audience_option(exporting, "what is open to everybody; from a server, what your key may see")
    proving = command(
        commands, "prove",
        "write one evidence file for one or a few events, for a court or a journalist", _prove,
        "prove ledger 3c918f3d -o evidence.json",
        "prove ledger 3c918f3d a06d9c45 --without person.1 --without text -o evidence.json",
        more="What is limited to some parties stays closed, unless --for names one of them.",
    )  # fmt: skip
    add_source(proving)
    proving.add_argument("id", nargs="+", help="the events' ids, or their first digits")
    proving.add_argument("-o", "--output", required=True, metavar="FILE", help="the evidence file")
    proving.add_argument(
        "--without", action="append", default=[], metavar="CLAIM",
        help="leave this claim closed (such as person.1); again for each",
    )  # fmt: skip
    _audience_option(proving, "what is open to everybody")
    receipt = command(
        commands, "receipt", "write the receipt of an event's submission", _receipt,
        "receipt ledger 3c918f3d -o receipt.json",
    )  # fmt: skip
    add_source(receipt)
    receipt.add_argument("id", help="the event's id, or its first digits")
    receipt.add_argument("-o", "--output", required=True, metavar="FILE", help="the receipt")


def _audience_option(parser: ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--for", dest="audience", metavar="PARTY",
        help=f"include what is limited to this party (default: {default})",
    )  # fmt: skip


def _export(arguments: Namespace, context: Context) -> int:
    make = _fetch if is_url(arguments.ledger) else _write
    exported, fingerprint = make(arguments, context)
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


def _write(arguments: Namespace, context: Context) -> tuple[Exported, str]:
    """Export a ledger that is here; return its fingerprint, too."""
    with open_provable(context, arguments) as ledger:
        if not isinstance(ledger, Ledger):
            raise UsageError(f"{arguments.ledger} is an export already")
        exported = export(
            ledger,
            Path(arguments.folder),
            audience=arguments.audience or "public",
            progress=context.progress("Writing entry"),
        )
        return exported, ledger.fingerprint


def _fetch(arguments: Namespace, context: Context) -> tuple[Exported, str]:
    """Fetch the export that a server hands out; return the ledger's fingerprint, too."""
    with open_remote(context, arguments, signer=reader_of(arguments, context)) as remote:
        if arguments.audience not in {None, remote.audience}:
            raise UsageError(
                f"--for {arguments.audience}: the server hands out what is for {remote.audience}"
            )
        fetched = remote.fetch_export(
            Path(arguments.folder),
            coming=context.coming("Fetched"),
            checking=context.progress("Checking entry"),
        )
        exported = Exported(
            size=fetched.head.size,
            root=fetched.head.root.hex(),
            audience=fetched.audience,
            disclosures=fetched.disclosures,
            left_out=fetched.left_out,
            files=fetched.files,
            absent=(),
        )
        return exported, remote.fingerprint


def _prove(arguments: Namespace, context: Context) -> int:
    output = Path(arguments.output)
    audience = arguments.audience or "public"
    with open_provable(context, arguments) as ledger:
        ids = list(dict.fromkeys(provable_id(ledger, given) for given in arguments.id))
        data = prove(ledger, ids, without=frozenset(arguments.without), audience=audience)
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


def _receipt(arguments: Namespace, context: Context) -> int:
    with open_provable(context, arguments) as ledger:
        event_id = provable_id(ledger, arguments.id)
        index = ledger.index_of(bytes.fromhex(event_id))
        if index is None:
            raise UsageError(f"no event {event_id[:16]} in this ledger")
        data = ledger.receipt(index)
    write_new(Path(arguments.output), data)
    context.answer({"event": event_id, "file": arguments.output}, f"Wrote {arguments.output}")
    return DONE
