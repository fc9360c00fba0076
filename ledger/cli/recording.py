"""Commands that record: new, record, answer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

import msgspec

from ledger.cli.context import DONE, FAILED, REFUSED, Context, UsageError, home_of, is_url
from ledger.cli.keeping import signing_options, submit
from ledger.compose import compose
from ledger.dates import parse_when
from ledger.mail_events import read_parties
from ledger.record import RecordReport, record
from ledger.templates import new_draft
from verify.events import DateRole, Position

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add", "full_id", "report_text"]

_STANCES = get_args(get_type_hints(Position)["stance"])
_ID_DIGITS = 64


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    new = commands.add_parser("new", help="write a draft of an event to fill in")
    new.add_argument("kind", help="communication, meeting, request, step, position, …")
    new.add_argument("-o", "--output", metavar="FILE", help="the draft (default: standard output)")
    new.set_defaults(run=_new)
    recording = commands.add_parser(
        "record", help="record drafts (.yaml, .json) and emails (.eml) in a ledger"
    )
    recording.add_argument("ledger", help="the ledger's folder or URL")
    recording.add_argument("source", nargs="*", help="files; none sends what waits in the outbox")
    recording.add_argument(
        "--parties", metavar="FILE", help="which mail addresses and domains are whose (YAML)"
    )
    recording.add_argument(
        "--names", metavar="FILE",
        help="names of recorded events (file:label), for drafts to refer to; kept up to date",
    )  # fmt: skip
    signing_options(recording)
    recording.set_defaults(run=_record)
    answer = commands.add_parser("answer", help="say what your party holds of an event")
    answer.add_argument("ledger", help="the ledger's folder or URL")
    answer.add_argument("id", help="the event's id, or its first digits")
    answer.add_argument("stance", choices=_STANCES, metavar="STANCE", help=", ".join(_STANCES))
    answer.add_argument(
        "--field", help="one part of it: happened, actors, items, dates.sent, claims.text, …"
    )
    answer.add_argument("--value", help="what you say instead: a date in EDTF, or words")
    answer.add_argument("--note", help="a remark; recorded as a sealed claim")
    signing_options(answer)
    answer.set_defaults(run=_answer)


def _new(arguments: Namespace, context: Context) -> int:
    text = new_draft(arguments.kind)
    if arguments.output is None:
        context.answer({"draft": text}, text)
        return DONE
    try:
        with Path(arguments.output).open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as failure:
        raise UsageError(f"{arguments.output}: {failure.strerror}") from None
    text = f"Wrote {arguments.output}: fill it in, then `counterfoil record` it."
    context.answer({"file": arguments.output}, text)
    return DONE


def _record(arguments: Namespace, context: Context) -> int:
    parties = None if arguments.parties is None else read_parties(Path(arguments.parties))
    signer = context.signer(arguments)
    names = None if arguments.names is None else Path(arguments.names)
    elsewhere = {} if names is None else _read_names(names)
    with context.target(arguments) as target:
        report = record(
            target,
            [Path(source) for source in arguments.source],
            signer=signer,
            home=home_of(arguments),
            now_ms=context.now_ms,
            parties=parties,
            elsewhere=elsewhere,
        )
    if names is not None:
        _write_names(names, elsewhere, report)
    values = {
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
        "waiting": report.waiting,
    }
    context.answer(values, report_text(report))
    if report.stopped is not None:
        return FAILED
    return REFUSED if report.refused else DONE


def _read_names(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path}: is no file of names: {error}") from None


def _write_names(path: Path, names: dict[str, str], report: RecordReport) -> None:
    done = [(one.source, one.event, one.event_id) for one in report.recorded]
    done += [(one.source, one.event, one.event_id) for one in report.skipped]
    names |= {f"{Path(source).stem}:{event}": id_ for source, event, id_ in done if source}
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(names, order="sorted"), indent=1))
    beside.replace(path)


def report_text(report: RecordReport) -> str:
    """Say what a run recorded, passed over and could not record."""
    lines = [f"  entry {one.index:>5}  {one.event_id[:16]}  {one.event}" for one in report.recorded]
    lines.insert(0, f"Recorded {len(report.recorded)}.")
    if report.skipped:
        lines.append(f"Passed over {len(report.skipped)}: recorded before.")
    if report.refused:
        lines.append(f"Not recorded {len(report.refused)}:")
        lines += [f"  {one.source or 'outbox'}: {one.event or ''} {one.reason}".rstrip()
                  for one in report.refused]  # fmt: skip
    lines += [f"Note: {note}" for note in report.notes]
    if report.stopped is not None:
        lines.append(f"Stopped: {report.stopped}")
    if report.waiting:
        lines.append(f"{report.waiting} submissions wait in the outbox; run `record` again.")
    return "\n".join(lines)


def _answer(arguments: Namespace, context: Context) -> int:
    signer = context.signer(arguments)
    on = full_id(arguments, context)
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
    return submit(context, arguments, composed, f"{signer.party}: {arguments.stance} {on[:16]}")


def full_id(arguments: Namespace, context: Context) -> str:
    """Return the whole id of the event that the command line names by its first digits.

    Raises:
        UsageError: None begins so, or several do.
    """
    digits: str = arguments.id.lower()
    if not digits or digits.strip("0123456789abcdef") or len(digits) > _ID_DIGITS:
        raise UsageError(f"{arguments.id!r} is no event id: hex digits, at most 64")
    if len(digits) == _ID_DIGITS:
        return digits
    if is_url(arguments.ledger):
        raise UsageError("with a URL, give the event's whole id")
    view = context.view(Path(arguments.ledger))
    found = [event_id for event_id in view.by_id if event_id.startswith(digits)]
    if len(found) != 1:
        what = "no event" if not found else f"{len(found)} events"
        raise UsageError(f"{what} of this ledger begin with {digits}")
    return found[0]
