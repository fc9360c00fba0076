"""Commands that hand something over: export, prove, receipt."""

from __future__ import annotations

import os
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
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
from ledger.cli.sources import (
    add_source,
    is_url,
    open_provable,
    open_remote,
    provable_id,
    reader_of,
)
from ledger.errors import NotFoundError
from ledger.evidence import Provable, copy_files, prove
from ledger.export import Exported, export
from ledger.ledger import Ledger
from ledger.outputs.files import write_files
from ledger.outward import dsse_envelope, tlog_proof
from verify.evidence import opened_files, parse_evidence

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add", "stamp_option"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    exporting = command(
        commands, "export", "write a folder that anyone can check with counterfoil-verify", _export,
        "export ledger export-2025-11-28",
        "export ledger for-rutland --for rutland # with what only Rutland may see",
        "export https://ledger.example export --key rutland.key # fetched, and audited",
    )  # fmt: skip
    add_source(exporting, source="the ledger's folder or URL")
    exporting.add_argument("folder", help="the folder to make")
    _audience_option(exporting, "what is open to everybody; from a server, what your key may see")
    proving = command(
        commands, "prove",
        "write one evidence file for one or a few events, for a court or a journalist", _prove,
        "prove ledger 3c918f3d -o evidence.json",
        "prove ledger 3c918f3d a06d9c45 --without person.1 --without text -o evidence.json",
        "prove ledger 3c918f3d -o evidence.json --files letters",
        "prove ledger 3c918f3d -o evidence.json --stamp 77ab03c1",
        "prove ledger 3c918f3d --tlog-proof one.tlog-proof --entry one.entry",
        "prove ledger 3c918f3d --dsse envelope.json",
        more="What is limited to some parties stays closed, unless --for names one of them.\n"
        "What --tlog-proof, --entry and --dsse write is for tools of others, and opens no\n"
        "claim.",
    )  # fmt: skip
    add_source(proving)
    proving.add_argument("id", nargs="+", help="the events' ids, or their first digits")
    proving.add_argument("-o", "--output", metavar="FILE", help="the evidence file")
    proving.add_argument(
        "--files", metavar="FOLDER", help="a folder to make, for the files that it opens"
    )
    stamp_option(proving)
    proving.add_argument(
        "--tlog-proof", metavar="FILE", help="a bare proof of the entry (c2sp.org/tlog-proof)"
    )
    proving.add_argument(
        "--entry", metavar="FILE", help="the entry that it proves, octet for octet"
    )
    proving.add_argument(
        "--dsse", metavar="FILE", help="what was signed, and the signature, as a DSSE envelope"
    )
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


def stamp_option(parser: ArgumentParser) -> None:
    """Add the option that brings time stamps."""
    parser.add_argument(
        "--stamp", action="append", default=[], metavar="ID",
        help="bring this time stamp (see `counterfoil timestamp`); again for each",
    )  # fmt: skip


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
    folder = shlex.quote(arguments.folder)
    lines.append(f"Check it: counterfoil-verify {folder} --fingerprint {fingerprint}")
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
    if arguments.files is not None and arguments.output is None:
        raise UsageError("--files goes with -o: they are the files of an evidence file")
    if arguments.stamp and arguments.output is None:
        raise UsageError("--stamp goes with -o: it dates what an evidence file shows")
    with open_provable(context, arguments) as ledger:
        ids = list(dict.fromkeys(provable_id(ledger, given) for given in arguments.id))
        proofs = [(Path(name), data) for name, data in _proofs(arguments, ledger, ids)]
        if not proofs:
            raise UsageError("say what to write: -o, --tlog-proof, --entry or --dsse")
        outputs = dict(proofs)
        if len({os.path.realpath(path) for path in outputs}) < len(proofs):
            raise UsageError("-o, --tlog-proof, --entry and --dsse go into a file each")
        files = _evidence_files(ledger, outputs[Path(arguments.output)]) if arguments.files else {}
        # While it is open: the copy of what a URL serves may go afterwards.
        _write_proofs(arguments, outputs, files)
        fingerprint = ledger.fingerprint
    values: dict[str, object] = {"events": ids, "fingerprint": fingerprint}
    for option in ("output", "tlog_proof", "entry", "dsse", "files"):
        if getattr(arguments, option) is not None:
            values["file" if option == "output" else option] = getattr(arguments, option)
    context.answer(values, "\n".join(_proved(arguments, fingerprint, len(ids))))
    return DONE


def _proofs(arguments: Namespace, ledger: Provable, ids: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield what is asked for: where it goes, and its octets."""
    if arguments.output is not None:
        closed, audience = frozenset(arguments.without), arguments.audience or "public"
        stamps = [provable_id(ledger, given) for given in dict.fromkeys(arguments.stamp)]
        yield (
            arguments.output,
            prove(ledger, ids, stamps=stamps, without=closed, audience=audience),
        )
    if (arguments.tlog_proof, arguments.entry, arguments.dsse) == (None, None, None):
        return
    if len(ids) != 1:
        raise UsageError("--tlog-proof, --entry and --dsse are for one event")
    index = _index_of(ledger, ids[0])
    if arguments.tlog_proof is not None:
        yield arguments.tlog_proof, tlog_proof(ledger, index)
    if arguments.entry is not None:
        yield arguments.entry, ledger.entry(index)
    if arguments.dsse is not None:
        yield arguments.dsse, dsse_envelope(ledger, index)


def _evidence_files(ledger: Provable, data: bytes) -> dict[str, Path]:
    """Return where the files are that an evidence file opens, by SHA-256."""
    try:
        return {name: ledger.file_path(name) for name in opened_files(parse_evidence(data))}
    except NotFoundError as error:
        raise UsageError(f"a file that is opened is not in this ledger: {error}") from None


def _write_proofs(
    arguments: Namespace, outputs: Mapping[Path, bytes], files: Mapping[str, Path]
) -> None:
    """Write all that was asked for, or leave nothing."""
    with ExitStack() as undo:
        write_files(outputs)
        for path in outputs:
            undo.callback(path.unlink, missing_ok=True)
        if arguments.files:
            copy_files(files, Path(arguments.files))
        undo.pop_all()


def _proved(arguments: Namespace, fingerprint: str, count: int) -> Iterator[str]:
    if arguments.output is not None:
        events = "one event" if count == 1 else f"{count} events"
        yield f"Wrote {arguments.output}: evidence for {events}"
    if arguments.files:
        yield f"Wrote {arguments.files}: the files that it opens"
    for option, what in (
        ("tlog_proof", "a proof of the entry, for tools of others"),
        ("entry", "the entry that it proves"),
        ("dsse", "what was signed, as a DSSE envelope"),
    ):
        if getattr(arguments, option) is not None:
            yield f"Wrote {getattr(arguments, option)}: {what}"
    if arguments.output is not None:
        files = ["--files", arguments.files] if arguments.files else []
        words = ["counterfoil-verify", arguments.output, *files, "--fingerprint", fingerprint]
        yield f"Check it: {shlex.join(words)}"


def _receipt(arguments: Namespace, context: Context) -> int:
    with open_provable(context, arguments) as ledger:
        event_id = provable_id(ledger, arguments.id)
        data = ledger.receipt(_index_of(ledger, event_id))
    write_files({Path(arguments.output): data})
    context.answer({"event": event_id, "file": arguments.output}, f"Wrote {arguments.output}")
    return DONE


def _index_of(ledger: Provable, event_id: str) -> int:
    index = ledger.index_of(bytes.fromhex(event_id))
    if index is None:
        raise UsageError(f"no event {event_id[:16]} in this ledger")
    return index
