"""Agreements, arrangements and transfers as text, each in all the tellings given, never merged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from ledger.date_words import format_day, format_when
from ledger.dates import Answer, When
from ledger.folds.agreements import AgreementRow, Agreements, AgreementVersion, Bindings
from ledger.folds.arrangements import ArrangementRow, Arrangements, Seat
from ledger.folds.bindings import Binding
from ledger.folds.moments import Moment
from ledger.folds.papers import Condition
from ledger.folds.ranges import format_items, format_ranges
from ledger.folds.request_rows import Claim
from ledger.folds.stances import Telling
from ledger.folds.transfers import PartyBinding, TransferRow, Transfers
from ledger.layout import item, page, wrap
from ledger.sentences import title_of
from ledger.text import WIDTH, footer_text
from ledger.view import View
from ledger.wording import actor_words, actors_words, party_of, say

__all__ = ["agreements_text", "arrangements_text", "bindings_text", "transfers_text"]

_LEAST_WIDTH = 40
_SHORT = 16
_STATES: Final[Mapping[str, str]] = {
    "all_signed": "signed by all that must sign",
    "dormant": "at rest",
    "established": "set up",
    "in_force": "signed, and has taken effect",
    "named": "told of, with no step that moves it",
    "not_adopted": "not adopted",
    "signed": "signed by some that must sign",
}
_RULES: Final[Mapping[str | None, str]] = {
    "all_signed": "It binds when all have signed.",
    "date": "It binds from a date, when all have signed.",
    "each_signed": "It binds each from its own signature.",
    None: "When it binds whom is not told.",
}
_KINDS: Final[Mapping[str, str]] = {
    "effective": "Of effect",
    "ended": "Not ended",
    "replaced": "Not replaced",
    "signatory": "All named",
    "suspended": "Not suspended",
}
_ROLES: Final[Mapping[str, str]] = {
    "from": "which passed it",
    "signatory": "one that must sign; who passed it, and to whom, is not all told",
    "to": "which got it",
}


class _Row(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def author(self) -> str: ...


class _Fold(Protocol):
    @property
    def telling(self) -> Telling: ...
    @property
    def later(self) -> int: ...
    @property
    def elsewhere(self) -> int: ...


_R = TypeVar("_R", bound=_Row)


def agreements_text(view: View, folds: Sequence[Agreements], *, width: int = WIDTH) -> str:
    """Write agreements: where each version stands, who signed it, and what is not recorded.

    Args:
        view: Of which the folds were made.
        folds: The same agreements in several tellings.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    lines: list[str] = []
    for found in _together([(fold.telling, row) for fold in folds for row in fold.rows]):
        row = found[0][1]
        who = "not told" if row.signatories is None else actors_words(row.signatories)
        kind = row.type.replace("_", " ")
        lines += item(_head(view, f"Agreement ({kind})", row, row.made), width)
        lines += item(f"Must sign: {who}. {_RULES[row.rule]}", width, indent=2)
        for telling, each in found:
            lines += item(f"{telling}:", width, indent=2)
            lines += _wrapped(_agreement_body(view, each, telling), width)
        if row.not_recorded:
            lines += item(f"{_NOT_RECORDED}: {', '.join(row.not_recorded)}.", width, indent=2)
        lines.append("")
    left_out = _left_out(folds, "agreements")
    return page(["Agreements", "", *lines], footer_text(view, left_out=left_out, width=width))


def bindings_text(view: View, folds: Sequence[Bindings], *, width: int = WIDTH) -> str:
    """Write by which agreements a party was bound on a day, each condition with what it rests on.

    Args:
        view: Of which the folds were made.
        folds: The answers for one party and one day, in several tellings.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    lines: list[str] = []
    for fold in folds:
        lines += item(f"{fold.telling}:", width)
        for row in fold.rows:
            title = _titled(view, row.agreement)
            head = f"Version {row.version} of the agreement of entry {row.index}{title}"
            lines += item(f"{head}: {row.answer}.", width, indent=2)
            lines += _wrapped(_conditions([row]), width)
        if not fold.rows:
            lines += wrap("Nothing is told of an agreement that names it.", width, indent=2)
        lines.append("")
    day = format_day(folds[0].on)
    head = f"Was {folds[0].party} bound at the end of {day}?"
    left_out = [(fold.others, f"{fold.telling}: agreements that do not name it") for fold in folds]
    footer = footer_text(view, left_out=left_out, width=width)
    return page([*item(head, width), "", *lines], footer)


def arrangements_text(view: View, folds: Sequence[Arrangements], *, width: int = WIDTH) -> str:
    """Write arrangements: where each stands, who is in it, who chairs, how often it met.

    Args:
        view: Of which the folds were made.
        folds: The same arrangements in several tellings.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    lines: list[str] = []
    for found in _together([(fold.telling, row) for fold in folds for row in fold.rows]):
        row = found[0][1]
        lines += item(_head(view, row.type.capitalize(), row, row.made), width)
        for telling, each in found:
            lines += item(f"{telling}:", width, indent=2)
            lines += _wrapped(_arrangement_body(view, each, telling), width)
        lines.append("")
    left_out = _left_out(folds, "arrangements")
    return page(["Arrangements", "", *lines], footer_text(view, left_out=left_out, width=width))


def transfers_text(view: View, folds: Sequence[Transfers], *, width: int = WIDTH) -> str:
    """Write transfers of data: what, to whom, under what, who was bound, who acknowledges it.

    Args:
        view: Of which the folds were made.
        folds: The same transfers in several tellings.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    lines: list[str] = []
    for found in _together([(fold.telling, row) for fold in folds for row in fold.rows]):
        row = found[0][1]
        who = f"Transfer from {actor_words(row.sender)} to {actors_words(row.recipients)}"
        lines += item(_head(view, who, row, row.made), width)
        lines += _wrapped(_transfer_facts(row), width, indent=2)
        for telling, each in found:
            lines += item(f"{telling}:", width, indent=2)
            lines += _wrapped(_transfer_body(each), width)
        lines.append("")
    left_out = _left_out(folds, "transfers")
    return page(["Transfers", "", *lines], footer_text(view, left_out=left_out, width=width))


_NOT_RECORDED = "Of what an agreement on sharing data should record, not recorded"


def _together(rows: Sequence[tuple[Telling, _R]]) -> list[list[tuple[Telling, _R]]]:
    """Put the tellings of one thing together, each in the place of its first."""
    found: dict[str, list[tuple[Telling, _R]]] = {}
    for telling, row in rows:
        found.setdefault(row.id, []).append((telling, row))
    return list(found.values())


def _left_out(folds: Iterable[_Fold], what: str) -> list[tuple[int, str]]:
    return [
        (count, why)
        for fold in folds
        for count, why in (
            (fold.later, f"{fold.telling}: {what} of after the day asked"),
            (fold.elsewhere, f"{fold.telling}: {what} of which nothing is told"),
        )
    ]


def _wrapped(lines: Iterable[str], width: int, *, indent: int = 4) -> list[str]:
    return [part for line in lines for part in item(line, width, indent=indent)]


def _head(view: View, what: str, row: _Row, made: Moment | None) -> str:
    when = "" if made is None else f", {format_when(made.when)}"
    where = f"[entry {row.index}, {row.id[:_SHORT]}, told by {row.author}]"
    return f"{what}{_titled(view, row.id)}{when} {where}"


def _titled(view: View, event_id: str) -> str:
    title = title_of(view.by_id[event_id])
    return "" if title is None else f", “{title}”"


def _entry(view: View, event_id: str) -> str:
    return f"entry {view.by_id[event_id].index}"


def _dated(when: When | None) -> str:
    return "undated" if when is None else format_when(when)


def _claim(claim: Claim, telling: Telling) -> str:
    told = "" if telling.party == claim.told_by else f"{claim.told_by} tells that "
    did = f"{actors_words(claim.doers, most=3)} {say(claim.verb)} it"
    return f"Entry {claim.index}: {told}{did}. It changes nothing here: {claim.why}."


# Agreements


def _agreement_body(view: View, row: AgreementRow, telling: Telling) -> list[str]:
    lines: list[str] = []
    for version in row.versions:
        name = f"Version {version.version}: " if len(row.versions) > 1 else ""
        lines.append(f"{name}{_version_words(view, row, version)}")
        lines += _grouped(signature.signed for signature in version.signatures)
        lines += [f"{_condition(each)}: {each.answer}." for each in version.against]
    lines += [_claim(claim, telling) for claim in row.claims if claim.verb != "sign"]
    return lines


def _version_words(view: View, row: AgreementRow, version: AgreementVersion) -> str:
    state = _STATES.get(version.state, version.state.replace("_", " "))
    since = "" if version.since == row.id else f" ({_entry(view, version.since)})"
    words = f"{state}{since}; in force on the day asked: {version.in_force}"
    if version.in_force_from not in {None, (None, None)}:
        words += f"; took effect {_between(*version.in_force_from)}"
    return f"{words}."


def _between(first: dt.date | None, last: dt.date | None) -> str:
    if first is not None and first == last:
        return f"on {format_day(first)}"
    low = "" if first is None else f" not before {format_day(first)}"
    high = "" if last is None else f" not after {format_day(last)}"
    return f"{low}{' and' if low and high else ''}{high}".strip()


def _grouped(conditions: Iterable[Condition]) -> list[str]:
    """Write what parties did towards signing; those that did alike together."""
    same: dict[tuple[str, str], list[Condition]] = {}
    for each in conditions:
        same.setdefault((each.words, "" if each.id is None else _dated(each.when)), []).append(each)
    lines: list[str] = []
    for (words, when), alike in same.items():
        who = actors_words(sorted(each.party or "" for each in alike))
        source = _entries(each.index for each in alike if each.index is not None)
        rests = "; ".join(part for part in (source, when and f"date: {when}") if part)
        lines.append(f"{who} {words}{f' [{rests}]' if rests else ''}.")
    return lines


def _entries(indexes: Iterable[int]) -> str:
    """Write which entries: "entries 58 to 60, 67"."""
    runs: list[tuple[int, int]] = []
    for index in sorted(set(indexes)):
        if runs and index == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    if not runs:
        return ""
    one = runs[0][0] == runs[-1][1]
    return f"{'entry' if one else 'entries'} {format_ranges(runs)}"


def _conditions(rows: Iterable[Binding]) -> list[str]:
    """Write the conditions of being bound, each once: first those that are not met."""
    lines: list[str] = []
    conditions = dict.fromkeys(condition for row in rows for condition in row.grounds)
    for answer in ("no", "not established", "yes"):
        found = [each for each in conditions if each.answer == answer]
        signed = [each for each in found if each.party is not None]
        lines += [f"{_capital(answer)}: {line}" for line in _grouped(signed)]
        lines += [f"{_capital(answer)}: {_condition(e)}." for e in found if e.party is None]
    return lines


def _condition(condition: Condition) -> str:
    source = "" if condition.index is None else f" [entry {condition.index}]"
    return f"{_KINDS[condition.kind]} ({condition.words}{source})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# Arrangements


def _arrangement_body(view: View, row: ArrangementRow, telling: Telling) -> list[str]:
    state = _STATES.get(row.state, row.state)
    since = "" if row.since == row.id else f" ({_entry(view, row.since)})"
    states = f"at work: {row.at_work}, at rest: {row.dormant}, closed: {row.closed}"
    lines = [f"{state}{since}; on the day asked, {states}."]
    if row.operator is not None:
        lines.append(f"Run by {actor_words(row.operator)}.")
    lines += _seat_lines("Member", row.members)
    lines += _seat_lines("Chaired by", row.chairs)
    terms = _entries(view.by_id[each].index for each in row.terms)
    lines += [f"Terms: {terms}."] if terms else []
    if row.type == "forum":
        lines.append(_met_words(row))
    lines += [f"Denied by a member: entry {each.index}." for each in row.course if each.denied]
    lines += [_claim(claim, telling) for claim in row.claims]
    return lines


def _seat_lines(what: str, seats: Sequence[Seat]) -> list[str]:
    same: dict[tuple[Answer, bool, str, int], list[str]] = {}
    for seat in seats:
        key = (seat.answer, seat.signed, _dated(seat.when), seat.index)
        same.setdefault(key, []).append(seat.actor)
    lines: list[str] = []
    for (answer, signed, when, index), actors in same.items():
        word = "Members" if what == "Member" and len(actors) > 1 else what
        whose = "" if signed else ", not by their own word"
        count = f" ({len(actors)})" if len(actors) > 1 else ""
        who = f"{word}{count}: {actors_words(actors)}, since: {when} (entry {index}){whose}"
        lines.append(f"{who}; on the day asked: {answer}.")
    return lines


def _met_words(row: ArrangementRow) -> str:
    least, most = row.met
    if not row.meetings:
        return "No meeting of it is told of."
    entries = _entries(each.index for each in row.meetings)
    count = f"at least {least}; how many is not told" if most is None else f"{least} to {most}"
    return f"Meetings: {least if least == most else count} ({entries})."


# Transfers


def _transfer_facts(row: TransferRow) -> list[str]:
    facts = [
        ("By area", row.geography),
        ("Of the period", None if row.period is None else format_when(row.period)),
        ("Rows", None if row.rows is None else str(row.rows)),
        ("Personal data", row.personal_data or "not told"),
        ("File", ", ".join(f"{each.name} ({each.sha256[:_SHORT]})" for each in row.datasets)),
        ("Via the facility of", _place(row.via, row.via_index)),
        ("Under the agreement of", _place(row.under, row.under_index) or "none is named"),
    ]
    lines = [f"{name}: {value}." for name, value in facts if value]
    for each in row.discharges:
        items = "all items" if each.items is None else format_items(each.items)
        where = "a request that is not here" if each.index is None else f"entry {each.index}"
        lines.append(f"For {items} of the request of {where}.")
    if row.not_recorded:
        lines.append(f"{_NOT_RECORDED} by it: {', '.join(row.not_recorded)}.")
    for received in row.receipts:
        when = "" if received.when is None else f", {format_when(received.when)}"
        lines.append(f"Received by {received.party}{when} (entry {received.index}).")
    if row.unacknowledged:
        lines.append(f"Receipt not acknowledged by: {actors_words(row.unacknowledged)}.")
    elif any(party_of(actor) == "unknown" for actor in row.recipients):
        lines.append("Who should acknowledge receipt is not told.")
    return lines


def _place(event_id: str | None, index: int | None) -> str | None:
    if event_id is None:
        return None
    return "an event that is not here" if index is None else f"entry {index}"


def _transfer_body(row: TransferRow) -> list[str]:
    words = {
        "claimed": f"claimed by {row.author}; nobody that it names has signed it or its receipt.",
        "counts": "it counts.",
        "withdrawn": f"withdrawn by {row.author}.",
    }
    lines = [words[row.standing]]
    if row.via_set_up is not None:
        lines.append(f"The facility was set up by then: {row.via_set_up}.")
    same: dict[tuple[str, str], list[str]] = {}
    for each in row.bound:
        same.setdefault((each.role, each.answer), []).append(each.party)
    for (role, answer), parties in same.items():
        lines.append(
            f"Bound by the agreement then: {answer}: {actors_words(parties)} ({_ROLES[role]})."
        )
    bindings = [each for party in row.bound for each in party.bindings]
    versions = sorted({each.version for each in bindings})
    for version in versions:
        name = f"Version {version}: " if len(versions) > 1 else ""
        conditions = _conditions(each for each in bindings if each.version == version)
        lines += [f"{name}{line}" for line in conditions]
    return [*lines, *_others(row.bound)]


def _others(bound: Iterable[PartyBinding]) -> Iterator[str]:
    """Write how many versions are not told, once for those of whom as many are not."""
    same: dict[tuple[int, bool], list[str]] = {}
    for each in bound:
        same.setdefault((each.others, each.complete), []).append(each.party)
    for (count, complete), parties in same.items():
        if count:
            whom = actors_words(parties)
            if complete:
                yield f"Further versions ({count}): none bound {whom}."
            else:
                yield f"Further versions ({count}): whether any bound {whom} is not established."
