"""The table that every output is made from: the rows of the chronology, and what stands under it.

A row is one event, told in one neutral sentence. Its date keeps the words of the source beside the
bounds: no format may be more precise than what is known. Under the rows stands a footer with which
a reader finds the ledger again, checks it, and sees what was left out and why.

All text of a table has been cleaned: characters that move a cursor, turn the direction of writing
or cannot be seen are replaced, so that no format has to think of them again. What a format itself
treats as special (quotes, angle brackets, formulas) is that format's own affair.

Pure: no clock, no storage, no chance. The same reading and choice give an equal table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Literal

from ledger.date_words import HOUSE_CONVENTION, format_when
from ledger.dates import Answer, When, instant_s
from ledger.folds.acts import principals_of
from ledger.folds.grades import Grade
from ledger.folds.moments import date_of
from ledger.folds.positions import Status, status_of
from ledger.folds.ranges import format_ranges
from ledger.folds.reading import Reading
from ledger.folds.stances import Telling, parties_of
from ledger.folds.timeline import LinkOut, TimelineRow, lay_out, timeline_of
from ledger.layout import clean
from ledger.outputs.due import DueRow, due_rows
from ledger.outputs.sources import Source, Sources
from ledger.persistent import Blocks
from ledger.progress import Steps, Tell, nobody
from ledger.sentences import is_impersonal
from ledger.text import response_lines, status_words
from ledger.view import Told, View
from ledger.wording import NO_ANSWER_IS_NO_ADMISSION, actor_words, actors_words, count_words, say
from verify.brackets import format_time_s
from verify.kinds import (
    Account,
    Agreement,
    Arrangement,
    Artefact,
    Commitment,
    Communication,
    Event,
    Knowledge,
    Meeting,
    Request,
    Step,
    Transfer,
)

__all__ = [
    "COMPLETE",
    "Choice",
    "DateCell",
    "Footer",
    "GradeCell",
    "Row",
    "Table",
    "Variant",
    "instant_words",
    "table_of",
]

Variant = Literal["full", "agreed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What goes into a table.

    Attributes:
        variant: `full`, or `agreed`: only rows to which every party that they name agrees.
        party: Only events that this party tells or is named in; None for all.
        telling: Only events that count in this telling; None for all that is told.
        grades: Whether to say how well each row is proven. Courts are not given grades unasked.
    """

    variant: Variant = "full"
    party: str | None = None
    telling: Telling | None = None
    grades: bool = False


COMPLETE: Final = Choice()


@dataclass(frozen=True, slots=True, kw_only=True)
class DateCell:
    """One date of an event.

    Attributes:
        role: What it is the date of: "sent", "received".
        text: The date for people: words of the source, then bounds.
        phrase: The words of the source, verbatim; None where none are open.
        edtf: The date as written, in EDTF.
        earliest: The first day it can have touched; None where nothing bounds it.
        latest: The last day it can have touched; None where nothing bounds it.
        basis: What the date rests on.
        span: Whether it is a period that lasted, and not one day.
        doubtful: Whether any part is marked uncertain or approximate.
        exact: Whether its day is known, or of a period both its first and its last day, and no
            part is doubtful.
        time: The time of day as written, hh:mm:ss; None where none is given.
        tz: Its offset from UTC, +hh:mm; None where no time is given.
        at_s: The same in POSIX seconds; None where no time is given.
    """

    role: str
    text: str
    phrase: str | None
    edtf: str
    earliest: dt.date | None
    latest: dt.date | None
    basis: str
    span: bool
    doubtful: bool
    exact: bool
    time: str | None
    tz: str | None
    at_s: int | None

    @property
    def lines(self) -> tuple[str, ...]:
        """The date for people, the words of the source in a line of their own.

        What is written from right to left would take the numbers behind it into its own line.
        """
        phrase = " ".join((self.phrase or "").split())
        if phrase and self.text.startswith(f"{phrase} ("):
            return phrase, self.text[len(phrase) + 2 : -1]
        return (self.text,)

    @property
    def precise(self) -> bool:
        """Whether it is one known day, of which no part is doubtful."""
        return self.exact and not self.span


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeCell:
    """How well one element of a row is proven, in words."""

    element: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event of the chronology.

    Attributes:
        no: Its number in this table, from 1.
        ref: Its event id, 64 hex digits.
        seq: The index of its entry.
        kind: Its kind: "communication".
        date: The date that stands for it; None where nothing dates it.
        time_end: The time of day at which it ended, hh:mm:ss, if that is told.
        dates: All its dates that can be read, by role.
        event: What is told, in one neutral sentence.
        title: The author's own words for it, in a line; None where none are open.
        description: The author's longer words for it, which may have several lines.
        items: The items that it is about, in words; None where it names none.
        from_: Who did it, as actors: "rutland/leader".
        to: Towards whom.
        cc: To whom it was copied.
        on_behalf_of: For whom it is told to have been done.
        sources: The documents that stand behind it.
        status: How the parties stand to it.
        status_text: The same for people, with the part that is disputed: "Disputed: when sent".
        positions: Each response in one line.
        grades: How well each of its elements is proven; none unless asked for.
        asserted_by: The party that signed it.
        asserted_at: By when it is proven to have been signed, in UTC; None where nothing proves it.
        recorded_ms: When it was recorded, in POSIX milliseconds, by the operator's clock.
        told_by: The parties whose signature stands behind the whole of it, by name.
        established: Whether one of those whose act it is has signed it.
        links: What it refers to.
        order: Whether the row before it is established to be earlier; None for the first row.
        notes: What a reader must know beside, each a sentence without its full stop.
    """

    no: int
    ref: str
    seq: int
    kind: str
    date: DateCell | None
    time_end: str | None
    dates: tuple[DateCell, ...]
    event: str
    title: str | None
    description: str | None
    items: str | None
    from_: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    on_behalf_of: tuple[str, ...]
    sources: tuple[Source, ...]
    status: Status
    status_text: str
    positions: tuple[str, ...]
    grades: tuple[GradeCell, ...]
    asserted_by: str
    asserted_at: str | None
    recorded_ms: int
    told_by: tuple[str, ...]
    established: bool
    links: tuple[LinkOut, ...]
    order: Answer | None
    notes: tuple[str, ...]

    @property
    def kind_text(self) -> str:
        """Its kind, for people: "document" of "artefact"."""
        return say(self.kind)

    @property
    def from_to(self) -> str:
        """From whom to whom, for people: "rutland (leader) → blaby and melton"."""
        left = actors_words(self.from_) if self.from_ else ""
        if self.on_behalf_of:
            left += f"{' ' if left else ''}on behalf of {actors_words(self.on_behalf_of)}"
        right = actors_words(self.to) if self.to else ""
        if self.cc:
            right += f"{', ' if right else ''}copied to {actors_words(self.cc)}"
        return f"{left} → {right}" if right else left

    @property
    def recorded_at(self) -> str:
        """When it was recorded, for people and machines: 2025-11-28T10:00:00.000Z."""
        return instant_words(self.recorded_ms)

    @property
    def contested(self) -> bool:
        """Whether somebody disputes it or does not admit it."""
        return self.status in {"disputed", "not_admitted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """What every output ends with.

    Attributes:
        origin: The ledger's name.
        fingerprint: The ledger's fingerprint, 64 hex digits.
        size: How many entries were read.
        root: Root hash of their tree, 64 hex digits.
        as_at: The last day that counts.
        choice: What was to go in.
        rows: How many rows the table has.
        left_out: What was left out: (how many, why).
        notes: What else a reader must know.
        calendar: The bank holidays that deadlines rest on, with their version; None where no
            deadline is printed.
        authorities: The time-stamping authorities whose stamps count, since the reader trusts them.
        mail_servers: The domains of which mails were checked with keys that the reader gave.
    """

    origin: str
    fingerprint: str
    size: int
    root: str
    as_at: dt.date
    choice: Choice
    rows: int
    left_out: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]
    calendar: str | None
    authorities: tuple[str, ...]
    mail_servers: tuple[str, ...]

    @property
    def check(self) -> str:
        """The command that checks the export that the table can be made from again."""
        return f"counterfoil-verify EXPORT --fingerprint {self.fingerprint}"

    @property
    def again(self) -> str:
        """The command that makes the same output again from such an export."""
        words = f"counterfoil output EXPORT --at-size {self.size} --as-at {self.as_at.isoformat()}"
        if self.choice.variant != "full":
            words += f" --variant {self.choice.variant}"
        if self.choice.party is not None:
            words += f" --party {self.choice.party}"
        if self.choice.telling is not None:
            party = self.choice.telling.party
            words += " --established" if party is None else f" --telling {party}"
        if self.choice.grades:
            words += " --grades"
        if self.authorities:
            words += " --tsa-chain CERTIFICATES"
        if self.mail_servers:
            words += " --dkim-keys KEYS"
        return f"{words} --format FORMAT --out FILE"

    def lines(self) -> tuple[str, ...]:
        """Write the footer for people, one fact a line."""
        counts = [f"{why} ({count})" for count, why in self.left_out]
        return (
            f"{self.what}, as at {self.as_at.isoformat()}. Rows: {self.rows}.",
            f"Ledger: {self.origin}. Size: {self.size} entries.",
            f"Fingerprint: {self.fingerprint}.",
            f"Root: {self.root}.",
            HOUSE_CONVENTION,
            NO_ANSWER_IS_NO_ADMISSION,
            *self.notes,
            *([] if self.calendar is None else [f"Bank holidays: {self.calendar}."]),
            *(f"Time stamps count of: {name}." for name in self.authorities),
            *(f"A key that the reader gave counts for: {name}." for name in self.mail_servers),
            f"Left out: {'; '.join(counts)}." if counts else "Nothing was left out.",
            f"To check the ledger: {self.check}",
            f"To make this again: {self.again}",
        )

    @property
    def what(self) -> str:
        """Name the table: "Agreed chronology, only what concerns rutland"."""
        words = "Agreed chronology" if self.choice.variant == "agreed" else "Chronology"
        if self.choice.party is not None:
            words += f", only what concerns {self.choice.party}"
        if self.choice.telling is not None:
            words += f", {self.choice.telling}"
        return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows, in the order of the chronology, the deadlines and the footer."""

    rows: tuple[Row, ...]
    due: tuple[DueRow, ...]
    footer: Footer


def table_of(reading: Reading, choice: Choice = COMPLETE, tell: Tell = nobody) -> Table:
    """Make the table of a reading.

    Args:
        reading: The view, read as at a day.
        choice: What goes in.
        tell: Is told how many rows are made.
    """
    laid_out = lay_out(reading, party=choice.party)
    shown: list[Told] = []
    left_out = dict.fromkeys((_NOT_AGREED, _not_in(choice.telling)), 0)
    for told in laid_out.events:
        if choice.telling is not None and not _counts(reading, told, choice.telling):
            left_out[_not_in(choice.telling)] += 1
        elif choice.variant == "agreed" and not _is_agreed(reading, told):
            left_out[_NOT_AGREED] += 1
        else:
            shown.append(told)
    timeline = timeline_of(replace(laid_out, events=Blocks(shown)), graded=choice.grades)
    sources = Sources(reading)
    due = due_rows(reading, shown, choice.telling)
    more = tuple((count, why) for why, count in left_out.items() if count)
    rows, steps = [], Steps(tell("Making row"), len(shown))
    for no, (told, row) in enumerate(zip(shown, timeline.rows, strict=True), start=1):
        rows.append(_row(reading, told, row, sources.of(told), no=no))
        steps.step()
    return Table(
        rows=tuple(rows),
        due=due,
        footer=_footer(
            reading, choice, rows=len(shown), left_out=(*timeline.left_out, *more), due=due
        ),
    )


def instant_words(ms: int) -> str:
    """Write POSIX milliseconds as 2025-11-28T10:00:00.000Z; a time beyond the calendar as its end.

    A clock may say anything, also what is beyond the calendar.
    """
    at = _EPOCH + dt.timedelta(milliseconds=min(ms, _LAST_MS))
    return f"{at.isoformat(timespec='milliseconds')}Z"  # strftime does not fill up years


# `say` knows "received" as a response.
_ELEMENTS: Final = {"received": "received_when"}
_NOT_AGREED: Final = "not agreed by every party that it names"
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 (UTC throughout, and none is printed)
_LAST_MS: Final = (dt.datetime.max - _EPOCH) // dt.timedelta(milliseconds=1)  # noqa: DTZ901
_DAY_S: Final = 86_400
_LONGER: Final = ("description", "text", "body", "question", "terms", "decision", "reason", "note")


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _not_in(telling: Telling | None) -> str:
    if telling is None or telling.party is None:
        return "signed by nobody whose act it would be"
    return f"neither told nor upheld by {telling.party}"


def _is_agreed(reading: Reading, told: Told) -> bool:
    """Tell whether all whom an event names agree to all that a row shows of it.

    Nobody agreed to what it could not see, nor by a key that is said to have been compromised.
    """
    status = status_of(reading, told)
    seen = {
        each.author
        for each, position in reading.stances.on.get(told.id, ())
        if position.stance == "agree" and position.field in {None, "happened"}
        if position.items is None and not each.disowned
        if all(reading.shown_from(told, n, party=each.author) < each.index for n in told.claims)
    }
    standing = status.withdrawn is None and not status.disowned
    return status.status == "agreed" and standing and seen.issuperset(status.named)


def _counts(reading: Reading, told: Told, telling: Telling) -> bool:
    return reading.stances.counts(told, telling=telling, entitled=_entitled(told))


def _entitled(told: Told) -> frozenset[str]:
    """Return the parties whose act an event is; its author where nobody is said to have acted."""
    event = told.event
    match event:
        case Artefact():
            actors = _one(event.custodian)
        case Knowledge():
            actors = _one(event.knower)
        case _:
            actors = _actors(told)[0]
    return parties_of(actors) | principals_of(event) or frozenset({told.author})


def _row(
    reading: Reading,
    told: Told,
    row: TimelineRow,
    sources: tuple[Source, ...],
    *,
    no: int,
) -> Row:
    by_s = reading.view.bracket(told).by_s
    from_, to, cc = _actors(told)
    date = None if row.date is None else _date_cell(row.date.role, row.date.when)
    dates = [(role, date_of(told, role)) for role in sorted(told.event.dates or {})]
    return Row(
        no=no,
        ref=told.id,
        seq=told.index,
        kind=told.kind,
        date=_with_start(told, date),
        time_end=_time_end(told, date),
        dates=tuple(_date_cell(role, when) for role, when in dates if when is not None),
        event=clean(row.summary),
        title=_cleaned(row.title),
        description=_description(told, row.title),
        items=_items(told.event),
        from_=from_,
        to=to,
        cc=cc,
        on_behalf_of=told.event.on_behalf_of or (),
        sources=tuple(_clean_source(source) for source in sources),
        status=row.status.status,
        status_text=status_words(row.status),
        positions=tuple(_positions(row)),
        grades=tuple(map(_grade_cell, row.grades)),
        asserted_by=told.author,
        asserted_at=None if by_s is None else format_time_s(by_s),
        recorded_ms=told.recorded,
        told_by=tuple(sorted(reading.stances.signers(told))),
        established=not reading.stances.signers(told).isdisjoint(_entitled(told)),
        links=row.links,
        order=row.order,
        notes=tuple(_notes(row)),
    )


def _date_cell(role: str, when: When) -> DateCell:
    time, doubtful = when.time, when.uncertain or when.approximate
    begins = when.begin_earliest is not None and when.begin_earliest == when.begin_latest
    ends = when.end_earliest is not None and when.end_earliest == when.end_latest
    zone = None if time is None else time[8:].replace("Z", "+00:00")
    return DateCell(
        role=role,
        text=clean(format_when(when)),
        phrase=_cleaned(when.phrase),
        edtf=when.edtf,
        earliest=when.earliest,
        latest=when.latest,
        basis=when.basis,
        span=when.kind == "span",
        doubtful=doubtful,
        exact=begins and ends and not doubtful,
        time=None if time is None else time[:8],
        tz=zone,
        at_s=None if (at_s := instant_s(when)) is None else at_s - _EPOCH.toordinal() * _DAY_S,
    )


def _with_start(told: Told, date: DateCell | None) -> DateCell | None:
    """Give a date without a time the one at which it is told to have begun that day."""
    start = _same_day(told, "start", date)
    if date is None or date.time is not None or start is None:
        return date
    return replace(date, time=start.time, tz=start.tz, at_s=start.at_s)


def _time_end(told: Told, date: DateCell | None) -> str | None:
    end = _same_day(told, "end", date)
    return None if end is None else end.time


def _same_day(told: Told, role: Literal["start", "end"], date: DateCell | None) -> DateCell | None:
    when = date_of(told, role)
    if date is None or not date.precise or when is None or when.earliest != date.earliest:
        return None
    return _date_cell(role, when)


def _actors(told: Told) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return who did it, towards whom, and to whom it was copied."""
    event = told.event
    match event:
        case Communication():
            return event.from_ or (), event.to or (), event.cc or ()
        case Meeting():
            return _one(event.host or event.chair), event.attendees or (), ()
        case Artefact():
            return _one(event.provenance), _one(event.custodian), ()
        case Request():
            return event.from_, event.to, ()
        case Transfer():
            return (event.from_,), event.to, ()
        case Commitment():
            return (event.by,), event.to, ()
        case Agreement():
            return event.signatories or (), (), ()
        case Arrangement():
            return _one(event.operator), event.members or (), ()
        case Step():
            nobody = event.by is None and (event.on_behalf_of or is_impersonal(event))
            by = () if nobody else (event.by or told.author,)
            return by, event.to or event.members or (), ()
        case Knowledge():
            return _one(event.by), (event.knower,), ()
        case Account():
            nobody = event.from_ is None and event.on_behalf_of is not None
            return () if nobody else (event.from_ or told.author,), event.to or (), ()
        case _:
            return (), (), ()


def _one(actor: str | None) -> tuple[str, ...]:
    return () if actor is None else (actor,)


def _description(told: Told, title: str | None) -> str | None:
    """Return the author's longer words, unless the title has them already."""
    for name in _LONGER:
        text = told.text(name)
        if text and " ".join(text.split()) != title:
            return clean(text)
    return None


def _items(event: Event) -> str | None:
    if isinstance(event, Request):
        per_area = event.categories or 1
        certain = per_area * max(len(event.areas or ()), 1)
        doubtful = event.areas_doubtful or ()
        total = certain + per_area * len(doubtful)
        return None if total == 1 else count_words(certain, total, doubtful)
    ranges = event.items if isinstance(event, Step) else None
    return None if ranges is None else format_ranges(ranges)


def _clean_source(source: Source) -> Source:
    return replace(source, name=clean(source.name), locator=_cleaned(source.locator))


def _positions(row: TimelineRow) -> Iterable[str]:
    for field in row.status.fields:
        for response in field.responses:
            for line in response_lines(response, field.field, row.date):
                yield " ".join(clean(line).split())


def _grade_cell(grade: Grade) -> GradeCell:
    words, reason = say(_ELEMENTS.get(grade.element, grade.element)), clean(grade.reason)
    return GradeCell(element=words, name=grade.name, reason=reason)


def _notes(row: TimelineRow) -> Iterable[str]:
    if row.status.disowned:
        yield "disowned: its key is said to have been compromised"
    if row.status.withdrawn:
        yield f"{actor_words(row.author)} {say(row.status.withdrawn)}"
    for link in row.links:
        where = "an event of another ledger" if link.index is None else f"entry {link.index}"
        yield f"{link.rel.replace('_', ' ')} {where}"
    for note in row.notes:
        yield " ".join(clean(note).split())


def _footer(
    reading: Reading,
    choice: Choice,
    *,
    rows: int,
    left_out: tuple[tuple[int, str], ...],
    due: tuple[DueRow, ...],
) -> Footer:
    view = reading.view
    mails = chain.from_iterable(view.mails.values())
    return Footer(
        origin=view.origin,
        fingerprint=view.fingerprint,
        size=view.size,
        root=view.root,
        as_at=reading.as_at,
        choice=choice,
        rows=rows,
        left_out=left_out,
        notes=tuple(_unopened(view)),
        calendar="; ".join(sorted({row.calendar for row in due if row.calendar})) or None,
        authorities=tuple(sorted({clean(stamp.authority) for stamp in view.stamps})),
        mail_servers=tuple(sorted({clean(mail.domain) for mail in mails if mail.trusted})),
    )


def _unopened(view: View) -> Iterable[str]:
    if view.sealed:
        yield f"Sealed events that are not opened: {len(view.sealed)}."
    unopened = sum(len(told.unopened) for told in view.told)
    if unopened:
        yield f"Claims that are not open here: {unopened}."
