"""The command that writes the chronology for others: output."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ledger.cli.context import DONE, Context, UsageError, table
from ledger.cli.parsing import command, day, label, size
from ledger.cli.sources import add_source, add_trusted, open_view
from ledger.folds.reading import read
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.outputs.files import write_files
from ledger.outputs.formats import FORMATS
from ledger.outputs.table import Choice, Variant, table_of

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    output = command(
        commands, "output", "write the chronology in a format that others read", _output,
        "output export --format csv --out chronology.csv",
        "output ledger --format timesketch --out chronology.jsonl --as-at 2025-11-28",
        "output export --format casemap --out agreed.csv --variant agreed",
        "output export --format bundle --out bundle.pdf # for a court, with the documents",
        more=_more(),
    )  # fmt: skip
    add_source(output)
    output.add_argument("--format", choices=tuple(FORMATS), required=True, help="the format")
    output.add_argument("--out", required=True, metavar="PATH", help="the file to write")
    output.add_argument(
        "--variant", choices=get_args(Variant), default="full",
        help="agreed: only what every party that it names agrees to (default: full)",
    )  # fmt: skip
    output.add_argument(
        "--party", type=label, metavar="PARTY", help="only what this party tells or is named in"
    )
    whose = output.add_mutually_exclusive_group()
    whose.add_argument(
        "--telling", type=label, metavar="PARTY", help="only what this party tells or upholds"
    )
    whose.add_argument(
        "--established", action="store_true", help="only what is signed by those whose act it is"
    )
    output.add_argument(
        "--grades", action="store_true", help="say how well each row is proven (courts: do not)"
    )
    output.add_argument(
        "--as-at", type=day, metavar="DATE", help="as things stood on this day (default: today)"
    )
    output.add_argument("--at-size", type=size, metavar="N", help="only the first N entries")
    add_trusted(output)
    output.add_argument("--force", action="store_true", help="overwrite the file, if there is one")


def _more() -> str:
    lines = ["Formats, and the files that come with them:"]
    for name, each in FORMATS.items():
        lines.append(f"  {name:<12} *{each.suffix}" + "".join(f", *{end}" for end in each.beside))
    lines.append("")
    lines.append("The same ledger, size, day and options give the same octets. Each file, or the")
    lines.append("text file beside it, says how it is made again and checked.")
    return "\n".join(lines)


def _output(arguments: Namespace, context: Context) -> int:
    made = FORMATS[arguments.format]
    path = Path(arguments.out)
    if path.suffix != made.suffix:
        raise UsageError(f"--out {path}: a file of this format is named *{made.suffix}")
    as_at = context.today() if arguments.as_at is None else arguments.as_at
    with open_view(context, arguments, at_size=arguments.at_size) as (view, kept):
        found = table_of(read(view, as_at=as_at), _choice(arguments), context.progress)
        # Those beside come first, so that who sees the main one has them all.
        makers = {path.with_suffix(end): make for end, make in made.beside.items()}
        makers[path] = made.make
        files = {each: make(found, kept, context.progress) for each, make in makers.items()}
    write_files(files, force=arguments.force)
    sums = {str(each): hashlib.sha256(data).hexdigest() for each, data in files.items()}
    values = {
        "as_at": as_at.isoformat(),
        "files": [{"path": name, "sha256": digest} for name, digest in sums.items()],
        "fingerprint": found.footer.fingerprint,
        "format": arguments.format,
        "left_out": [{"count": count, "why": why} for count, why in found.footer.left_out],
        "media_type": made.media_type,
        "root": found.footer.root,
        "rows": len(found.rows),
        "size": found.footer.size,
    }
    rows = [(name, f"SHA-256 {digest}") for name, digest in sums.items()]
    rows.append(("rows", str(len(found.rows))))
    rows += [("left out", f"{count}: {why}") for count, why in found.footer.left_out]
    rows.append(("check", found.footer.check))
    context.answer(values, table(rows))
    return DONE


def _choice(arguments: Namespace) -> Choice:
    telling = ESTABLISHED if arguments.established else None
    if arguments.telling is not None:
        telling = Telling(arguments.telling)
    return Choice(
        variant=arguments.variant,
        party=arguments.party,
        telling=telling,
        grades=arguments.grades,
    )
