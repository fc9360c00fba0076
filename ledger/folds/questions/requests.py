"""Questions about requests: what is open, who had to act and for how long, what was clear when."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from ledger.date_words import format_day, format_when
from ledger.dates import When, days_between, is_before
from ledger.folds.acts import doers_of
from ledger.folds.contradictions.matter import Dated
from ledger.folds.items import OPEN
from ledger.folds.lateness import outcome_words
from ledger.folds.questions.asked import Answer, Asked, joined
from ledger.folds.ranges import format_items
from ledger.folds.reading import Days, days_since
from ledger.folds.request_rows import ItemRow, RequestRow, Stage
from ledger.folds.requests import deadline_under
from ledger.folds.stances import parties_of
from ledger.folds.waits import came
from ledger.sentences import other_words
from ledger.view import Told
from ledger.wording import (
    actors_words,
    count_words,
    days_words,
    noun_of,
    say,
    thing_words,
)
from verify.kinds import Communication, Request, Step

__all__ = [
    "clear",
    "deferred",
    "first",
    "foia",
    "held",
    "items",
    "order",
    "outstanding",
    "queried",
    "slow",
]

_CLEAR: Final = frozenset(("clarified", "extended", "narrowed"))
_CLOSING: Final = frozenset(("answer", "refuse"))
_LATE: Final = frozenset(("overdue", "long overdue"))
_MOST_CLAIMS: Final = 16  # that are told of one request
# Of what was put off until one thing had come, and of what was written before that:
_MOST_EARLY: Final = 64  # that are told
_MOST_LOOKED_AT: Final = 1024
_SLACK: Final = 2  # days by which times of day, with their offsets, can come before another
_MOST_TURNS: Final = 1 << 16  # runs of items of one request, each with each of its stages
_UNSETTLED: Final = " is not established"
_QUIET: Final = "whether it was answered: nothing further is told of it"


def outstanding(asked: Asked) -> Iterator[Answer]:
    """What is open, and who must act next."""
    by_id = {row.id: row for row in asked.requests}
    for row in asked.requests:
        if row.taken_up_by is not None:
            continue
        of_all = (*_claimed(row), *_of_another(asked, row, by_id))
        for item in _certain(row):
            if item.state not in OPEN:
                continue
            ball = actors_words(item.ball) if item.ball else "nobody, while it is put off"
            words = f"{_which(row, item)}: {say(item.state)}; next to act: {ball}"
            words += f", {_counted(item.days)}." if item.ball else "."
            ids = [row.id, item.since, *filter(None, [item.resumed_after])]
            yield asked.answer(
                words,
                ids,
                parties=item.ball,
                days=item.days if item.ball else None,
                why=(
                    *([_QUIET] if item.quiet else []),
                    *_unsettled(item),
                    *of_all,
                ),
            )


def slow(asked: Asked) -> Iterator[Answer]:
    """Who had to act, for how long, and how late by a clock that was told to run."""
    turns: dict[tuple[str, ...], list[_Turn]] = {}
    for row in asked.requests:
        for turn in _turns(asked, row):
            turns.setdefault(turn.ball, []).append(turn)
    why = [each for row in asked.requests for each in _unfollowed(row)]
    for ball, had in sorted(turns.items(), key=lambda each: _longest(each[1]), reverse=True):
        words = f"{actors_words(ball)}: {joined([turn.words for turn in had])}."
        yield asked.answer(
            words,
            [event_id for turn in had for event_id in turn.ids],
            parties=ball,
            days=max((turn.days for turn in had), key=_length),
            whole=True,
            why=why,
        )


def held(asked: Asked) -> Iterator[Answer]:
    """For how long those who were invited to ask held the ball."""
    for row in asked.requests:
        if row.what == "invitation":
            yield _held(asked, row)


def items(asked: Asked) -> Iterator[Answer]:
    """How many items were asked for."""
    for row in asked.requests:
        if row.total > 1:
            count = count_words(row.certain, row.total, row.doubtful_areas)
            why = [f"whether {actors_words(row.doubtful_areas)} is meant"]
            yield asked.answer(
                f"{_name(row)}: {count}.",
                [row.id],
                parties=(*row.makers, *row.recipients),
                items=(row.certain, row.total),
                why=why if row.doubtful_areas else (),
            )


def clear(asked: Asked) -> Iterator[Answer]:
    """When a request was specific enough to answer."""
    for row in asked.requests:
        for stage in row.course:
            if stage.word in _CLEAR:
                yield _clear(asked, row, stage)


def deferred(asked: Asked) -> Iterator[Answer]:
    """Which requests were put off, until what, and when that was over."""
    for row in asked.requests:
        over = {stage.id: stage for stage in reversed(row.course) if stage.word == "resumed"}
        why = dict.fromkeys(note for item in row.items for note in _unsettled(item))
        for stage in row.course:
            if stage.word == "deferred":
                yield _deferred(asked, row, stage, over=over.get(stage.id), why=why)


def queried(asked: Asked) -> Iterator[Answer]:
    """What was asked back, of which items, and whether an answer to it is told."""
    put = [each for row in asked.requests for each in _questions(row)]
    if put:
        yield _count_queried(asked, put)
    for each in put:
        yield _queried(asked, each)


def order(asked: Asked) -> Iterator[Answer]:
    """Whether those who put a request off wrote before what they waited for had come."""
    put_off = {
        (awaited, row.makers, row.recipients, asked.reading.when(row.id)): row
        for row in asked.requests
        for stage in row.course
        if stage.word == "deferred"
        for awaited in _awaited(asked, stage)
    }
    told = asked.reading.view.told if put_off else ()
    written = (each for each in asked.reading.laid_out(told) if _is_written(asked, each))
    texts = Dated(asked.reading, written, lambda each: parties_of(getattr(each.event, "to", None)))
    rows: dict[str, list[RequestRow]] = {}
    for (awaited, *_), row in put_off.items():
        rows.setdefault(awaited, []).append(row)
    for awaited, together in rows.items():
        early = _written_before(asked, awaited, together, texts)
        if early:
            yield _early(asked, awaited, early)


def first(asked: Asked) -> Iterator[Answer]:
    """Who asked first."""
    rows = [row for row in asked.requests if row.what != "invitation"]
    firsts = asked.reading.order.firsts([row.id for row in rows])
    earliest = [row for row in rows if row.id in firsts]
    for row in earliest[:1]:
        made = asked.when_words(row.id)
        words = f"{actors_words(row.makers)}: the {_named(row)} of entry {row.index}, {made}"
        others = [other for other in earliest if other is not row]
        yield asked.answer(
            f"{words}.",
            [row.id, *(other.id for other in others)],
            parties=row.makers,
            whole=True,
            why=[*_also_first(others), *_other_reading(asked, row)],
        )


def foia(asked: Asked) -> Iterator[Answer]:
    """When an answer would have been due under the Freedom of Information Act 2000."""
    for row in asked.requests:
        if row.what != "data" or row.regime not in {None, "none"}:
            continue
        found = deadline_under(asked.reading, row.id, regime="foia_20")
        if found is None or found.due is None:
            continue
        words = f"{_name(row)}: {format_day(found.due)}, 20 working days after it"
        event = asked.by_id[row.id].event
        if isinstance(event, Request) and event.medium == "oral":
            words += "; but the Act asks for writing (section 8), and this one is told to be oral"
        yield asked.answer(
            f"{words}.", [row.id], parties=row.recipients, day=found.due, what_if=True
        )


# Turns: who had to act, from when to when


class _Turn(NamedTuple):
    ball: tuple[str, ...]
    days: Days
    words: str
    ids: tuple[str, ...]


def _turns(asked: Asked, row: RequestRow) -> Iterator[_Turn]:
    """Follow the ball of a request, run of items by run of items, from one party to the next."""
    which = f"{_named(row)} of entry {row.index}"
    if row.taken_up_by is not None:
        ids = (row.id, row.taken_up_by)
        yield _Turn(row.recipients, row.held, f"{days_words(*row.held)} ({which})", ids)
        return
    runs, left = _followed(row)
    for run, concerned in zip(runs, _concerned(row, runs), strict=True):
        items_ = "" if len(runs) == 1 and not left else f", {_items(run)}"
        yield from _turns_of(asked, row, run, f"{which}{items_}", concerned)


def _followed(row: RequestRow) -> tuple[list[ItemRow], int]:
    """Return the runs of items that are followed, and how many are not.

    Of too many, those that have been where they are for longest: they are what is asked about.
    """
    runs = _certain(row)
    most = max(_MOST_TURNS // len(row.course), 1)
    if len(runs) <= most:
        return runs, 0
    kept = sorted(runs, key=lambda run: _length(run.days), reverse=True)[:most]
    return sorted(kept, key=lambda run: run.first), len(runs) - most


def _unfollowed(row: RequestRow) -> Iterator[str]:
    left = 0 if row.taken_up_by is not None else _followed(row)[1]
    if left:
        which = f"the {_named(row)} of entry {row.index}"
        yield f"how long it was for {left} runs of items more of {which}"


def _concerned(row: RequestRow, runs: Iterable[ItemRow]) -> Iterator[list[Stage]]:
    """Yield for each run of items the stages that concern it, in their order."""
    begins: list[tuple[int, int]] = []
    ends: list[tuple[int, int]] = []
    going = [number for number, stage in enumerate(row.course) if stage.items is None]
    for number, stage in enumerate(row.course):
        for first, last in stage.items or ():
            begins.append((first, number))
            ends.append((last, number))
    begins.sort(reverse=True)
    ends.sort(reverse=True)
    for run in runs:
        while begins and begins[-1][0] <= run.first:
            insort(going, begins.pop()[1])
        while ends and ends[-1][0] < run.first:
            del going[bisect_left(going, ends.pop()[1])]
        yield [row.course[number] for number in going]


def _turns_of(
    asked: Asked, row: RequestRow, run: ItemRow, which: str, concerned: list[Stage]
) -> Iterator[_Turn]:
    start = concerned[0]
    for stage in concerned:
        if stage.ball != start.ball:
            if start.ball:
                yield _turn(start, stage, which, _came(row, run, start, stage))
            start = stage
    if run.state not in OPEN or run.ball != start.ball or not run.ball:
        return
    days = days_since(start.when, asked.reading.as_at)
    late = ""
    if run.lateness.word in _LATE and not set(run.ball) <= set(row.makers):
        by = run.lateness.days
        late = f", {run.lateness.word}" + ("" if by is None else f" by {days_words(by, by)}")
        late += ", from a day of receipt that is disputed" if run.lateness.disputed else ""
    yield _Turn(start.ball, days, f"{_counted(days)} so far{late} ({which})", (row.id, start.id))


def _came(row: RequestRow, run: ItemRow, start: Stage, end: Stage) -> str:
    """Say whether the outcome that ended a turn came in time, of who had to bring it."""
    if set(start.ball) <= set(row.makers):
        return ""
    found = next((each for each in run.outcomes if each.id == end.id), None)
    return "" if found is None else f", {outcome_words(found)}"


def _turn(start: Stage, end: Stage, which: str, came: str) -> _Turn:
    days: Days = (None, None)
    if start.when is not None and end.when is not None:
        least, most = days_between(start.when, end.when)
        # What is told to have come after it came no earlier: that alone bounds nothing.
        days = max(least or 0, 0), most
        days = (None, None) if days == (0, None) else days
    words = f"{_counted(days)} ({which}, until entry {end.index}{came})"
    return _Turn(start.ball, days, words, (start.id, end.id))


def _length(days: Days) -> tuple[int, int]:
    least, most = days
    return least or 0, most or 0


def _longest(turns: Iterable[_Turn]) -> tuple[int, int]:
    return max(_length(turn.days) for turn in turns)


# The parts of answers


def _held(asked: Asked, row: RequestRow) -> Answer:
    whom = f"{_name(row)}, to {actors_words(row.recipients)}"
    if row.taken_up_by is not None:
        by = other_words(row.taken_up_by, asked.by_id)
        words = f"{whom}: {days_words(*row.held)}, until {by}."
        ids = [row.id, row.taken_up_by]
        return asked.answer(words, ids, parties=row.recipients, days=row.held)
    claimed = [claim for claim in row.claims if claim.verb in _CLOSING]
    if claimed:
        by = actors_words(claim.told_by for claim in claimed)
        why = f"{by} tells that it was taken up; nobody who was invited has signed that"
        ids = [row.id, *(claim.id for claim in claimed)]
        return asked.answer(f"{whom}: not established.", ids, parties=row.recipients, why=[why])
    words = f"{whom}: {_counted(row.held)} so far, and nothing shows it taken up."
    return asked.answer(words, [row.id], parties=row.recipients, days=row.held)


def _clear(asked: Asked, row: RequestRow, stage: Stage) -> Answer:
    days = asked.reading.days(row.id, stage.id)
    when = "on a day that is not told" if stage.when is None else format_when(stage.when)
    which = "" if stage.items is None or row.total == 1 else " in part"
    words = f"{_name(row)}: {say(stage.word)}{which}, {when}"
    if days != (None, None):
        words += f", {days_words(*days)} after it was {_role(row)}"
    concerned = (*row.makers, *row.recipients)
    return asked.answer(f"{words}.", [row.id, stage.id], parties=concerned, days=days)


def _deferred(
    asked: Asked, row: RequestRow, stage: Stage, *, over: Stage | None, why: Iterable[str]
) -> Answer:
    step, proof = asked.by_id[stage.id], []
    doers = sorted(doers_of(step))
    waited = [each for each in _awaited(asked, stage) if each in asked.by_id]
    words = f"{_name(row)}: put off by {actors_words(doers)}"
    if waited:
        words += f" until {joined([asked.named(each) for each in waited])} had come"
        proof = [e.id for each in waited for e in asked.reading.evidence.get(each, ())]
    if over is not None and over.when is not None:
        words += f"; that was over {_within(over.when)}"
        why = ()
    else:
        words += f"; not shown to be over as at {format_day(asked.reading.as_at)}"
    ids = [row.id, stage.id, *waited, *proof]
    return asked.answer(f"{words}.", ids, parties=doers, why=why)


class _Question(NamedTuple):
    """A question that was put.

    Attributes:
        row: The request.
        stage: The question.
        run: Items that still wait for an answer to it; None if none do.
        answer: The first answer that came after it; None if none did.
    """

    row: RequestRow
    stage: Stage
    run: ItemRow | None
    answer: Stage | None


def _questions(row: RequestRow) -> list[_Question]:
    silent: dict[str, ItemRow] = {}
    for run in _certain(row):
        if run.silent:
            silent.setdefault(run.since, run)
    found: list[_Question] = []
    answer: Stage | None = None
    for stage in reversed(row.course):
        if stage.word == "clarification_sought":
            found.append(_Question(row, stage, silent.get(stage.id), answer))
        elif stage.word in _CLEAR:
            answer = stage
    return found[::-1]


def _count_queried(asked: Asked, put: list[_Question]) -> Answer:
    silent = {each.row.id: each.row for each in put if each.run is not None}
    queried_ = len({each.row.id for each in put})
    many = (
        f"{queried_} request was queried" if queried_ == 1 else f"{queried_} requests were queried"
    )
    told = "an answer to each is told"
    if silent:
        entries = joined([f"entry {row.index}" for row in silent.values()])
        which = "it" if queried_ == 1 else f"{len(silent)} of them"
        told = f"no answer is told of {which} ({entries})"
    words = f"{many}; {told}, as at {format_day(asked.reading.as_at)}."
    ids = [event_id for each in put for event_id in (each.row.id, each.stage.id)]
    parties = {party for row in silent.values() for party in row.makers}
    return asked.answer(words, ids, parties=parties, whole=True, count=len(silent))


def _queried(asked: Asked, put: _Question) -> Answer:
    row, stage, run, answer = put
    told = asked.by_id[stage.id]
    question = told.text("question")
    words = f"{_name(row)}: {actors_words(sorted(doers_of(told)))} asked back, "
    words += f"{asked.when_words(stage.id)} (entry {stage.index})"
    words += f": “{' '.join(question.split())}”" if question else ""
    ids, why = [row.id, stage.id], []
    if stage.items is None and row.total > 1:
        why.append("of which items: none is named")
    if question is None:
        why.append("what was asked: the question is not open here")
    if run is None:
        words += "" if answer is None else f"; answered by entry {answer.index}"
        ids += [] if answer is None else [answer.id]
        return asked.answer(f"{words}.", ids, parties=row.makers, why=why)
    words += f"; silent since: {_counted(run.days)}, as at {format_day(asked.reading.as_at)}"
    return asked.answer(f"{words}.", ids, parties=run.ball, why=why, days=run.days)


def _awaited(asked: Asked, stage: Stage) -> tuple[str, ...]:
    step = asked.by_id[stage.id].event
    return (step.until_events or ()) if isinstance(step, Step) else ()


def _early(asked: Asked, awaited: str, early: tuple[str, ...]) -> Answer:
    what, when = asked.named(awaited), came(asked.reading, awaited)
    each = [f"{other_words(e, asked.by_id)}, {asked.when_words(e)}," for e in early]
    words = f"Yes: {joined(each)} came before {what}"
    if when is not None:
        words += f", {asked.when_words(awaited)}"
    parties = {party for e in early for party in _senders(asked.by_id[e])}
    return asked.answer(f"{words}.", [*early, awaited], parties=parties)


def _senders(told: Told) -> frozenset[str]:
    event = told.event
    if not isinstance(event, Communication | Request):
        return frozenset()
    return parties_of(event.from_, event.on_behalf_of)


def _written_before(
    asked: Asked, awaited: str, rows: Iterable[RequestRow], texts: Dated
) -> tuple[str, ...]:
    """Find what the makers of requests wrote or asked after these, and before something else."""
    end = came(asked.reading, awaited)
    if end is None or not _written(asked, asked.by_id.get(awaited)):
        return ()
    found = (
        (told, start.begin_earliest)
        for row in islice(rows, _MOST_EARLY)
        if (start := asked.reading.when(row.id)) is not None and start.begin_earliest is not None
        for told in texts.between(row.recipients, start, end, slack=_SLACK)
        if not _senders(told).isdisjoint(row.makers)
    )
    early: dict[str, None] = {}
    for told, start_day in islice(found, _MOST_LOOKED_AT):
        when = asked.reading.when(told.id)
        first = None if when is None else when.begin_earliest
        if when is not None and first is not None and first > start_day:
            if is_before(when, end) == "yes":
                early[told.id] = None
            if len(early) == _MOST_EARLY:
                break
    return tuple(early)


def _is_written(asked: Asked, told: Told) -> bool:
    return isinstance(told.event, Communication | Request) and _written(asked, told)


def _written(asked: Asked, told: Told | None) -> bool:
    entitled = parties_of(getattr(told.event, "from_", None)) if told else ()
    return asked.counts(told, entitled)


def _of_another(asked: Asked, row: RequestRow, by_id: Mapping[str, RequestRow]) -> Iterator[str]:
    """Say of a request that is told to be about another that it may be no request of its own."""
    about = [by_id[each] for each in _about(asked, row.id) if each in by_id]
    for other in sorted(about, key=lambda other: asked.reading.order.place(other.id)):
        what = f"it is told to be about the {_named(other)} of entry {other.index}"
        yield f"whether it is a request of its own, or a word about another: {what}"


def _also_first(others: list[RequestRow]) -> Iterator[str]:
    for other in others:
        yield f"whether the {_named(other)} of entry {other.index} came before it"


def _other_reading(asked: Asked, row: RequestRow) -> Iterator[str]:
    """Name the invitations that are told of the same event: another reading of what was said."""
    about = _about(asked, row.id)
    for other in asked.requests:
        if other.what == "invitation" and about & _about(asked, other.id):
            what = f"entry {other.index} tells an invitation by {actors_words(other.makers)}"
            yield f"whether this was a request: of the same event {what}"


def _about(asked: Asked, event_id: str) -> set[str]:
    links = asked.by_id[event_id].event.links or ()
    return {link.event for link in links if link.rel == "about"}


def _unsettled(item: ItemRow) -> Iterator[str]:
    for note in item.notes:
        if note.endswith(_UNSETTLED):
            yield note.removesuffix(_UNSETTLED)


def _claimed(row: RequestRow) -> Iterator[str]:
    for claim in row.claims[:_MOST_CLAIMS]:
        did = f"{actors_words(claim.doers)} {say(claim.verb)} it, as {claim.told_by} tells"
        yield f"whether {did} in entry {claim.index}: {claim.why}"
    more = len(row.claims) - _MOST_CLAIMS
    if more > 0:
        yield f"what {more} steps more come to, of which nobody entitled has signed any"


def _certain(row: RequestRow) -> list[ItemRow]:
    return [item for item in row.items if not item.doubtful]


def _named(row: RequestRow) -> str:
    thing = "" if row.what == "invitation" else f" for {thing_words(row.what)}"
    return f"{noun_of('request', what=row.what)}{thing}"


def _name(row: RequestRow) -> str:
    made = "undated" if row.made is None else f"{_role(row)}: {format_when(row.made.when)}"
    named = _named(row)
    return f"{named[0].upper()}{named[1:]} (entry {row.index}, {made})"


def _which(row: RequestRow, item: ItemRow) -> str:
    """Name a run of items; the request alone where all its items stand alike."""
    if len(list(islice((run for run in row.items if not run.doubtful), 2))) == 1:
        return _name(row)
    return f"{_name(row)}, {_items(item)}"


def _items(run: ItemRow) -> str:
    return format_items(((run.first, run.last),))


def _role(row: RequestRow) -> str:
    role = "made" if row.made is None else row.made.role
    return role if role in {"received", "sent"} else "made"


def _counted(days: Days) -> str:
    return "an unknown number of days" if days == (None, None) else days_words(*days)


def _within(when: When) -> str:
    return f"on {format_when(when)}" if when.precise else f"within {_bare(when)}"


def _bare(when: When) -> str:
    return format_when(when).removesuffix(" (one day)")
