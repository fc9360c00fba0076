"""Commands that record: new, record, answer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

import msgspec

from ledger.cli.carrying import evidence_of, name_in, shown_id, sign_to_carry
from ledger.cli.context import DONE, FAILED, REFUSED, Context, UsageError, one_line
from ledger.cli.parsing import command
from ledger.cli.signing import put, reported, signing_options
from ledger.cli.sources import full_id, home_of, is_url, open_target, view_of_target
from ledger.client import Wait
from ledger.compose import compose
from ledger.dates import parse_when
from ledger.folds.reading import read
from ledger.keys import PartySigner
from ledger.mail_events import PARTIES_TYPE, read_parties
from ledger.outputs.files import write_files
from ledger.record import record
from ledger.recorded import RecordReport, Refused
from ledger.sending import give_up
from ledger.templates import new_draft
from verify.kinds import DateRole, Position
from verify.report import Report

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]

_MAX_NAMES = 1 << 24
_STANCES = get_args(get_type_hints(Position)["stance"])
_STANCE_WORDS = {
    "received": "it reached you; you say nothing of what is in it",
    "admit": "it is so, and you accept that against yourself",
    "agree": "it is so",
    "not_admit": "you neither admit nor deny it: let it be proven",
    "dispute": "you contest it, and may say why in a note",
    "deny": "it is not so; with --field and --value, say what is so instead",
    "correct": "a slip, your own too, is put right with --field and --value",
    "retract_own": "you withdraw what your own party recorded",
    "ratify": "you stand by what was said or done in your name",
    "disown": "what your own key signed is not your party's word",
    "object": "you object to it, such as to an erasure that is announced",
}
_DRAFTS = "communication, meeting, request, commitment, agreement, step, position, knowledge, …"
_VALUES = "a date in EDTF, such as 2025-03-06 or 2025-03~; or words"


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    new = command(
        commands, "new", "write a draft of an event to fill in", _new,
        "new request -o request.yaml # then fill it in, and `counterfoil record` it",
        "new meeting",
    )  # fmt: skip
    new.add_argument("kind", help=_DRAFTS)
    new.add_argument("-o", "--output", metavar="FILE", help="the draft (default: standard output)")
    recording = command(
        commands, "record", "record drafts (.yaml, .json) and emails (.eml) in a ledger", _record,
        "record ledger --key rutland.key request.yaml",
        "record https://ledger.example --fingerprint HEX --key rutland.key letter.yaml",
        "record ledger --key rutland.key --parties parties.yaml mail/*.eml",
        "record ledger --key rutland.key # send what waits from a run that was interrupted",
        more="Run it again as often as you like: what is recorded already is passed over.\n"
        "A file that was changed is another file, and all of it is recorded: write what\n"
        "comes later into a draft of its own.\n\n"
        "The file for --parties says whose an email's addresses are. Whoever it does not name\n"
        "is kept in a sealed claim, and never guessed:\n\n"
        f"  counterfoil: {PARTIES_TYPE}\n"
        "  addresses:\n"
        "    rutland.example: rutland                 # a domain, and those below it\n"
        "    leader@county.example: county/leader     # one address: a post of a party",
    )  # fmt: skip
    recording.add_argument("ledger", help="the ledger's folder or URL")
    recording.add_argument(
        "source", nargs="*", help="files; none sends what waits from an earlier run"
    )
    recording.add_argument(
        "--parties", metavar="FILE", help="which mail addresses and domains are whose (YAML)"
    )
    recording.add_argument(
        "--names", metavar="FILE",
        help="names of recorded events (file:label), for drafts to refer to; kept up to date",
    )  # fmt: skip
    recording.add_argument(
        "--wait", choices=get_args(Wait), default="durable",
        help="let the server answer when it is on disk (default), or when a quorum of "
        "witnesses has cosigned, if they do in time: the receipt then shows it",
    )  # fmt: skip
    recording.add_argument(
        "--give-up", action="store_true",
        help="send nothing, and let go of what waits from earlier runs and will never be taken",
    )  # fmt: skip
    signing_options(recording)
    answer = command(
        commands, "answer", "say what your party holds of an event", _answer,
        "answer ledger 3c918f3d received --key rutland.key",
        "answer ledger 3c918f3d dispute --field dates.sent --value 2025-03-07 --key rutland.key",
        "answer evidence.json 3c918f3d deny --key rutland.key -o response.json",
        more="STANCE is one of these:\n\n"
        + "".join(f"  {stance:<12}  {_STANCE_WORDS[stance]}\n" for stance in _STANCES)
        + "\nadmit, agree and ratify need a key with the power undertake, the others one\n"
        "with answer. What your party holds already, in the same words, is not recorded\n"
        "again.",
    )  # fmt: skip
    answer.add_argument("ledger", help="the ledger's folder or URL; with -o, an evidence file")
    answer.add_argument("id", help="the event's id, or its first digits")
    answer.add_argument("stance", choices=_STANCES, metavar="STANCE", help="what you hold of it")
    answer.add_argument(
        "--field", help="one part of it: happened, actors, items, dates.sent, claims.text, …"
    )
    answer.add_argument("--value", help=f"what you say instead: {_VALUES}")
    answer.add_argument("--note", help="a remark; recorded as a sealed claim")
    answer.add_argument(
        "-o", "--output", metavar="FILE",
        help="sign into this file, on an evidence file, for somebody else to hand in: see `carry`",
    )  # fmt: skip
    signing_options(answer)


def _new(arguments: Namespace, context: Context) -> int:
    text = new_draft(arguments.kind)
    if arguments.output is None:
        context.answer({"draft": text}, text)
        return DONE
    write_files({Path(arguments.output): text.encode()})
    text = f"Wrote {arguments.output}: fill it in, then `counterfoil record` it."
    context.answer({"file": arguments.output}, text)
    return DONE


def _record(arguments: Namespace, context: Context) -> int:
    sources = [Path(source) for source in arguments.source]
    for source in sources:
        if source.is_dir():
            raise UsageError(f"{source}: is a folder: name the files in it, as {source}/*.eml does")
    if arguments.give_up:
        return _give_up(arguments, context)
    parties = None if arguments.parties is None else read_parties(Path(arguments.parties))
    signer = context.signer(arguments)
    names = None if arguments.names is None else Path(arguments.names)
    elsewhere = {} if names is None else _read_names(names)
    with open_target(context, arguments, signer=signer, wait=arguments.wait) as target:
        report = record(
            target,
            sources,
            signer=signer,
            home=home_of(arguments),
            now_ms=context.now_ms,
            parties=parties,
            elsewhere=elsewhere,
            quorum=arguments.wait == "quorum",
        )
    failed = report.stopped is not None
    if names is not None:
        try:
            _write_names(names, elsewhere, report)
        except OSError as failure:
            failed = True
            report.notes.append(f"{names} was not brought up to date: {failure.strerror}")
    context.answer(_report_values(report), _report_text(report))
    if failed:
        return FAILED
    return REFUSED if report.refused else DONE


def _give_up(arguments: Namespace, context: Context) -> int:
    if arguments.source:
        raise UsageError("--give-up takes no files: it is about what waits from earlier runs")
    signer, home = context.signer(arguments), home_of(arguments)
    with open_target(context, arguments, signer=signer) as target:
        report = give_up(target, signer=signer, home=home, now_ms=context.now_ms)
    context.answer(_report_values(report), _report_text(report))
    return DONE


def _report_values(report: RecordReport) -> dict[str, object]:
    values: dict[str, object] = {
        "notes": report.notes,
        "recorded": [
            {"event": r.event_id, "index": r.index, "name": r.event, "source": r.source or "outbox"}
            for r in report.recorded
        ],
        "refused": [
            {"name": r.event or "", "reason": r.reason, "source": r.source or "outbox"}
            for r in report.refused
        ],
        "skipped": [
            {"event": s.event_id, "name": s.event, "source": s.source} for s in report.skipped
        ],
        "stopped": report.stopped or "",
        "unfinished": report.unfinished,
        "waiting": report.waiting,
    }
    return values


def _read_names(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        with path.open("rb") as file:
            octets = file.read(_MAX_NAMES + 1)
        if len(octets) > _MAX_NAMES:
            raise UsageError(f"{path}: is no file of names: longer than {_MAX_NAMES} octets")
        return msgspec.json.decode(octets, type=dict[str, str])
    except OSError as failure:
        raise UsageError(f"{path}: {failure.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is no file of names: {error}") from None


def _write_names(path: Path, names: dict[str, str], report: RecordReport) -> None:
    for before in report.skipped:
        names.setdefault(f"{Path(before.source).stem}:{before.event}", before.event_id)
    for one in report.recorded:
        if one.source is not None:
            name = f"{Path(one.source).stem}:{one.event}"
            known = names.get(name, one.event_id)
            if known != one.event_id:
                moved = f"{name} is event {one.event_id[:16]} from now on, and was {known[:16]}"
                report.notes.append(f"{path}: {moved}: drafts that name it mean the new one")
            names[name] = one.event_id
    octets = msgspec.json.format(msgspec.json.encode(names, order="sorted"), indent=1)
    write_files({path: octets}, force=True)


def _report_text(report: RecordReport) -> str:
    lines = [f"  entry {one.index:>5}  {one.event_id[:16]}  {one.event}" for one in report.recorded]
    lines.insert(0, f"Recorded {len(report.recorded)}.")
    if report.skipped:
        lines.append(f"Passed over {len(report.skipped)}: recorded before.")
    if report.refused:
        lines.append(f"Not recorded {len(report.refused)}:")
        lines += [f"  {_refusal(one)}" for one in report.refused]
    lines += [f"Note: {note}" for note in report.notes]
    if report.stopped is not None:
        lines.append(f"Stopped: {report.stopped}")
    if report.unfinished:
        lines.append(f"Not finished, give again: {', '.join(report.unfinished)}")
    if report.waiting:
        wait = "1 submission waits" if report.waiting == 1 else f"{report.waiting} submissions wait"
        lines.append(f"{wait} in the outbox; run `record` again, or with --give-up.")
    return "\n".join(map(one_line, lines))


def _refusal(one: Refused) -> str:
    source = one.source or "outbox"
    if one.reason.startswith(source):  # a draft's own complaint names file, event and field
        return one.reason
    return (
        f"{source}: {one.reason}" if one.event is None else f"{source}, {one.event}: {one.reason}"
    )


def _answer(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    report = _evidence(arguments)
    if report is None:
        on = full_id(context, arguments, arguments.id, signer=signer)
    else:
        on = shown_id(report, arguments.id)
    fields: dict[str, object] = {"on": on, "stance": arguments.stance}
    claims: dict[str, str] = {}
    if arguments.note is not None:
        claims["note"] = arguments.note
    if arguments.field is not None:
        fields["field"] = arguments.field
    if arguments.value is not None:
        if arguments.field is None:
            raise UsageError("--value goes with --field")
        head, _, rest = arguments.field.partition(".")
        if head == "dates" and rest in get_args(DateRole):
            parse_when(arguments.value, basis="stated")
            fields["dates"] = {"value": {"basis": "stated", "edtf": arguments.value}}
        else:
            claims["value"] = arguments.value
    composed = compose("position/v1", author=signer.party, fields=fields, claims=dict(claims))
    called = f"{signer.party}: {arguments.stance} {on[:16]}"
    if report is not None:
        ledger = name_in(report)
        return sign_to_carry(arguments, context, composed, called, signer=signer, ledger=ledger)
    home = home_of(arguments)
    with open_target(context, arguments, signer=signer) as target:
        done = put(context, target, composed, signer=signer, home=home, once=True)
    if done.before and not _stands(context, arguments, done.event_id, signer=signer):
        with open_target(context, arguments, signer=signer) as target:
            done = put(context, target, composed, signer=signer, home=home)
    return reported(context, done, called)


def _evidence(arguments: Namespace) -> Report | None:
    """Check the evidence file on which an answer is signed to be carried; None if it is not."""
    path, carried = Path(arguments.ledger), arguments.output is not None
    # With -o, what is not there is missed as the evidence that it was to be.
    is_file = not is_url(arguments.ledger) and (path.is_file() or (carried and not path.exists()))
    if is_file is not carried:
        raise UsageError(
            "-o FILE goes with an evidence file: what is signed on it, somebody else hands in"
        )
    if not is_file:
        return None
    return evidence_of(path, fingerprint=arguments.fingerprint)


def _stands(context: Context, arguments: Namespace, event_id: str, *, signer: PartySigner) -> bool:
    """Tell whether a response is still what its party holds."""
    view = view_of_target(context, arguments, signer=signer)
    stances = read(view, as_at=context.today()).stances
    return event_id in view.by_id and stances.is_latest(view.by_id[event_id])
