"""The command that lays several ledgers side by side: reconcile."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.cli.context import DONE, REFUSED, Context, UsageError, one_line
from ledger.cli.parsing import command, fingerprint
from ledger.reconcile.decisions import MAX_DECISIONS, NONE, Said, parse_decisions
from ledger.reconcile.package import differences, read_package, write_package
from ledger.reconcile.reconciling import reconcile
from ledger.reconcile.result import format_reconciliation
from ledger.reconcile.sources import Audited, Holding, Refused, Sources, read_sources
from ledger.reconcile.text import reconciliation_text
from verify.errors import MalformedError
from verify.note import ED25519, VerifierKey, parse_vkey
from verify.policy import MAX_POLICY_SIZE, Policy, parse_policy

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = command(
        commands, "reconcile", "lay several parties' ledgers side by side in one chronology",
        _reconcile,
        "reconcile ours theirs # two exports",
        "reconcile ours theirs.tar letter.json --out together # and a folder to hand over",
        "reconcile ours theirs --fingerprint 8d1f...e2 --fingerprint 77ab...03",
        "reconcile ours theirs --same-party a:leicestershire=b:lcc --decisions decisions.json",
        "reconcile --check together ours theirs.tar letter.json",
        more="Each source is audited first, and one that is not valid is refused. What is given\n"
        "with --fingerprint, --log-key or --policy goes to the sources that it is about; a\n"
        "source that nothing vouches for is consistent with itself only, and is said to be.\n"
        "What may be one event is listed, with reasons, and not joined before it is decided.",
    )  # fmt: skip
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE",
        help="export folders, archives of exports, and evidence files",
    )  # fmt: skip
    parser.add_argument(
        "--fingerprint", action="append", default=[], metavar="HEX", type=fingerprint,
        help="a ledger's fingerprint as it was given to you; again for each",
    )  # fmt: skip
    parser.add_argument(
        "--log-key", action="append", default=[], metavar="VKEY", type=_log_key,
        help="a log's verifier key as it was given to you; again for each",
    )  # fmt: skip
    parser.add_argument(
        "--policy", action="append", default=[], metavar="FILE", type=_policy,
        help="a tlog-policy of your own; again for each",
    )  # fmt: skip
    parser.add_argument(
        "--same-party", action="append", default=[], metavar="A:X=B:Y",
        help="X of ledger a and Y of ledger b are one party; again for each",
    )  # fmt: skip
    parser.add_argument(
        "--decisions", metavar="FILE", help="which matches are confirmed or rejected (JSON)"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", metavar="FOLDER", help="a folder to make, for the other side")
    where.add_argument(
        "--check", metavar="FOLDER", help="make this again from the sources, and compare"
    )


def _log_key(text: str) -> VerifierKey:
    try:
        key = parse_vkey(text)
    except MalformedError as error:
        raise ArgumentTypeError(f"not a verifier key: {error.reason}") from None
    if key.algorithm != ED25519:
        raise ArgumentTypeError("is the key of a witness, not of a log")
    return key


def _policy(text: str) -> Policy:
    try:
        with Path(text).open("rb") as file:
            return parse_policy(file.read(MAX_POLICY_SIZE + 1))
    except OSError as failure:
        raise ArgumentTypeError(f"{text}: {failure.strerror}") from None
    except MalformedError as error:
        raise ArgumentTypeError(f"not a policy: {error}") from None


def _reconcile(arguments: Namespace, context: Context) -> int:
    holding = Holding(
        tuple(arguments.fingerprint), tuple(arguments.log_key), tuple(arguments.policy)
    )
    with tempfile.TemporaryDirectory(prefix="counterfoil-") as room:
        sources = read_sources(
            [Path(each) for each in arguments.sources],
            holding=holding,
            room=Path(room),
            progress=context.progress("Checking entry"),
        )
        if arguments.check is not None:
            return _check(arguments, context, sources)
        return _make(arguments, context, sources)


def _make(arguments: Namespace, context: Context, sources: Sources) -> int:
    found = reconcile(
        sources,
        said=_decisions(arguments),
        where=str(arguments.decisions),
        same_parties=arguments.same_party,
        tell=context.progress,
    )
    if arguments.out is not None:
        if sources.refused:
            raise UsageError(f"{arguments.out} is not made: {_refusal(sources.refused[0])}")
        write_package(found, Path(arguments.out))
    values = _sources_json(sources)
    lines = list(map(one_line, _sources_text(sources)))
    if context.json:  # either takes a while where there are many events
        values["reconciliation"] = msgspec.Raw(format_reconciliation(found))
    else:
        lines += ["", reconciliation_text(found, context.progress)]
    if arguments.out is not None:
        values["folder"] = arguments.out
        lines.append(f"Wrote {arguments.out}, for whoever has the same sources to check")
        limited = sorted({one.report.audience or "public" for one in sources.exports} - {"public"})
        values["limited_to"] = limited
        lines += [
            f"It holds what only {party} may see: hand it to nobody else" for party in limited
        ]
    context.answer(values, "\n".join(lines))
    return REFUSED if sources.refused or found.forks else DONE


def _check(arguments: Namespace, context: Context, sources: Sources) -> int:
    if arguments.decisions is not None or arguments.same_party:
        raise UsageError("--check takes the decisions that are in the folder, and no others")
    folder = Path(arguments.check)
    package = read_package(folder)
    where = f"{folder}: decisions"
    found = reconcile(sources, said=package.decisions, where=where, tell=context.progress)
    differ = differences(package, found)
    values: dict[str, object] = {"differs": list(differ), **_sources_json(sources)}
    lines = list(_sources_text(sources))
    if differ:
        lines += ["", f"{folder} is not what these sources give. It differs in:"]
        lines += [f"   {part}" for part in differ]
    else:
        lines += ["", f"{folder} is what these sources give, octet for octet."]
    context.answer(values, "\n".join(map(one_line, lines)))
    return REFUSED if differ or sources.refused or found.forks else DONE


def _decisions(arguments: Namespace) -> Said:
    if arguments.decisions is None:
        return NONE
    path = Path(arguments.decisions)
    try:
        with path.open("rb") as file:
            return parse_decisions(file.read(MAX_DECISIONS + 1), where=str(path))
    except OSError as failure:
        raise UsageError(f"{path}: {failure.strerror}") from None


# What the sources are


def _sources_json(sources: Sources) -> dict[str, object]:
    return {
        "refused": [
            {
                "check": int(one.finding.check),
                "reason": one.finding.reason,
                "source": one.name,
                "where": one.finding.where,
            }
            for one in sources.refused
        ],
        "sources": [
            {
                "anchors": list(one.report.anchors),
                "fingerprint": one.fingerprint,
                "not_checked": list(one.report.not_checked),
                "size": one.size,
                "source": one.name,
                "verdict": one.report.verdict,
            }
            for one in _by_name(sources)
        ],
    }


def _by_name(sources: Sources) -> list[Audited]:
    return sorted((*sources.exports, *sources.evidence), key=lambda one: one.name)


def _sources_text(sources: Sources) -> Iterator[str]:
    for refused in sources.refused:
        yield f"REFUSED  {_refusal(refused)}"
    for one in _by_name(sources):
        yield f"{one.name}: {_verdict(one)}"
        if one.evidence is not None:
            yield "    it shows some entries; later ones are not shown"


def _refusal(refused: Refused) -> str:
    finding = refused.finding
    check = f"[{finding.check.value}]"
    return f"{refused.name} is not valid: {check} {finding.where}: {finding.reason}"


def _verdict(one: Audited) -> str:
    what = "export" if one.evidence is None else "evidence"
    if one.report.verdict == "valid":
        return f"a valid {what}, by {' and '.join(one.report.anchors)}"
    return f"{what}, consistent with itself only: nothing that you gave vouches for it"
