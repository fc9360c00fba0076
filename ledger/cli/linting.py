"""The command that holds a court's rules against a bundle: bundle-lint."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli.context import DONE, REFUSED, Context, table
from ledger.cli.parsing import command
from ledger.outputs.printed import extra

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from ledger.outputs.bundle_lint import Finding

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    linting = command(
        commands, "bundle-lint", "hold the rules for court bundles against a PDF", _lint,
        "bundle-lint bundle.pdf",
        more="The rules are those of the General guidance on electronic court bundles of\n"
        "29 November 2021: numbers, index, bookmarks, text, direction, view, resolution.\n"
        "Any PDF will do. Exit status: 0 it keeps to them, 1 it does not, 2 it cannot be read.",
    )  # fmt: skip
    linting.add_argument("file", metavar="FILE", help="the PDF")


def _lint(arguments: Namespace, context: Context) -> int:
    with extra():
        from ledger.outputs.bundle_lint import RULES, lint  # noqa: PLC0415 (an extra)
    found = lint(Path(arguments.file))
    broken = {each.rule for each in found.findings}
    values = {
        "findings": [_plain(each) for each in found.findings],
        "notes": [_plain(each) for each in found.notes],
        "pages": found.pages,
        "rules": {rule: rule not in broken for rule in RULES},
    }
    rows = [("Rule", "Page", "What")]
    for rule, words in RULES.items():
        of = [_row(each, each.what) for each in found.findings if each.rule == rule]
        rows += of or [(rule, "", f"kept: {words}")]
    rows += [_row(each, f"see for yourself: {each.what}") for each in found.notes]
    context.answer(values, table(rows))
    return REFUSED if found.findings else DONE


def _row(finding: Finding, what: str) -> tuple[str, str, str]:
    return finding.rule, "" if finding.page is None else str(finding.page), what


def _plain(finding: Finding) -> dict[str, object]:
    return {"page": finding.page, "rule": finding.rule, "what": finding.what}
