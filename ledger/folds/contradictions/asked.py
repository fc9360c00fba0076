"""Silence: claimed answers and knowledge against it, and what was asked and never answered."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ledger.date_words import format_as_at, format_day, format_when
from ledger.dates import When
from ledger.folds.acts import doers_of
from ledger.folds.contradictions.findings import Finding
from ledger.folds.contradictions.matter import Matter, entries_words
from ledger.folds.grounds import unaware_until
from ledger.folds.items import OPEN
from ledger.folds.knowledge import AWARE
from ledger.folds.moments import date_of
from ledger.folds.ranges import format_items
from ledger.folds.request_rows import ItemRow, RequestRow
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.view import Told
from ledger.wording import actor_words, actors_words, days_words, party_of, say, thing_words
from verify.kinds import Commitment, Knowledge, Request, Step

__all__ = ["PATIENCE_DAYS", "silences", "unanswered"]

PATIENCE_DAYS: Final = 28
"""Days without an answer before which nothing is said to be missing: ours, no law's."""

_ANSWERS: Final = frozenset(("answer", "refuse"))
_REPLIES: Final = frozenset(("clarify", "narrow", "extend"))
_KEEPING: Final = frozenset(("fulfil", "part_fulfil"))
_MOST: Final = 3


# A claimed reply against silence


def silences(matter: Matter) -> Iterator[Finding]:
    """Find answers that are told by one side, and not by the other."""
    steps = matter.reading.steps
    answers: dict[str, _Firsts] = {}
    aware = _aware(matter)
    for told in matter.told:
        if isinstance(told.event, Knowledge):
            if told.event.mode == "not_told":
                yield from _nothing_came(matter, told, told.event, answers)
            yield from _unaware(matter, told, told.event, aware)
        if isinstance(told.event, Commitment):
            yield from _kept_or_not(matter, told, told.event, steps.get(told.id, ()))
    for row in matter.requests[ESTABLISHED]:
        if any(item.state in OPEN for item in row.items):
            yield from _only_claimed(matter, row)


def _nothing_came(
    matter: Matter, told: Told, event: Knowledge, answers: dict[str, _Firsts]
) -> Iterator[Finding]:
    """Find an answer told by another to what somebody says that it got no answer to.

    One shows it: a thousand would be a thousand findings for each word.
    """
    until, of = unaware_until(matter.reading, told), matter.by_id.get(event.of)
    if of is None or until is None:
        return
    if of.id not in answers:
        answers[of.id] = _Firsts(matter, _answers_to(matter, of))
    each = answers[of.id].first(until, but=told.author)
    if each is not None:
        words = (
            f"{told.author} tells that, as at {until.isoformat()}, nothing had come in answer "
            f"to {matter.name(of.id)} (entry {told.index}); {each.author} tells that it was "
            f"answered, {matter.when_words(each.id)} (entry {each.index})."
        )
        yield matter.finding("answer_denied", [of.id, each.id, told.id], words)


def _aware(matter: Matter) -> dict[tuple[str, str], _Firsts]:
    """Return what is told of who came to know, by the event and who: a party, or its post."""
    found: dict[tuple[str, str], list[Told]] = {}
    for told in matter.told:
        if isinstance(told.event, Knowledge) and told.event.mode in AWARE:
            # A party knows what its posts know.
            for who in dict.fromkeys((told.event.knower, party_of(told.event.knower))):
                found.setdefault((told.event.of, who), []).append(told)
    return {key: _Firsts(matter, each) for key, each in found.items()}


def _unaware(
    matter: Matter, told: Told, event: Knowledge, aware: Mapping[tuple[str, str], _Firsts]
) -> Iterator[Finding]:
    """Find who is told by another to have known by when it is told not to have known."""
    when, knower = matter.reading.when(told.id), actor_words(event.knower)
    if event.mode == "not_told":
        until = unaware_until(matter.reading, told)
        words = (
            "" if until is None else f", as at {format_day(until)}, {knower} had not been told of"
        )
    elif event.mode == "became_aware" and when is not None:
        # Whoever became aware of it that day did not know before.
        first = when.begin_earliest
        until = None if first in {None, dt.date.min} else first - dt.timedelta(days=1)
        words = f" {knower} became aware, only {format_when(when)}, of"
    else:
        return
    firsts = aware.get((event.of, event.knower))
    if until is None or firsts is None or event.of not in matter.places:
        return
    each = firsts.first(until, but=told.author)
    if each is not None and isinstance(each.event, Knowledge):
        words = (
            f"{told.author} tells that{words} {matter.name(event.of)} (entry {told.index}); "
            f"{each.author} tells that {actor_words(each.event.knower)} {say(each.event.mode)} it, "
            f"{matter.when_words(each.id)} (entry {each.index})."
        )
        yield matter.finding("known_denied", [event.of, each.id, told.id], words)


class _Firsts:
    """Events of one matter, of each party those that came by a day before all earlier ones."""

    def __init__(self, matter: Matter, events: Iterable[Told]) -> None:
        self._by_party: dict[str, list[tuple[int, int, Told]]] = {}
        for place, each in enumerate(events):
            when = matter.reading.when(each.id)
            if when is not None and when.begin_latest is not None:
                rows = self._by_party.setdefault(each.author, [])
                day = when.begin_latest.toordinal()
                if not rows or day < rows[-1][0]:
                    rows.append((day, place, each))

    def first(self, until: dt.date, *, but: str) -> Told | None:
        """Return the first that had come by a day, of those that others than one party tell."""
        day = until.toordinal()
        firsts = (
            rows[bisect_left(rows, -day, key=lambda row: -row[0]) :][:1]
            for party, rows in self._by_party.items()
            if party != but
        )
        return min((row for found in firsts for row in found), key=_place, default=(0, 0, None))[2]


def _place(row: tuple[int, int, Told]) -> int:
    return row[1]


def _answers_to(matter: Matter, of: Told) -> Iterator[Told]:
    """Yield the steps that answer a request, or a question about one; or a step that is such."""
    if isinstance(of.event, Request):
        verbs, request = _ANSWERS, of.id
    elif isinstance(of.event, Step) and of.event.verb == "seek_clarification":
        verbs, request = _REPLIES, of.event.of
    else:
        if isinstance(of.event, Step) and of.event.verb in _ANSWERS | _REPLIES:
            yield of
        return
    for each, step in matter.reading.steps.get(request, ()):
        if step.verb not in verbs or each.id not in matter.places:
            continue
        if matter.reading.order.before(each.id, of.id) != "yes":
            yield each


def _kept_or_not(
    matter: Matter, told: Told, event: Commitment, steps: tuple[tuple[Told, Step], ...]
) -> Iterator[Finding]:
    """Find a promise that its maker says it kept, and the other side says it did not."""
    makers, others = parties_of(event.by), parties_of(event.to)
    standing = [(each, step) for each, step in steps if each.id in matter.places]
    by_maker = [
        each for each, step in standing if step.verb in _KEEPING and doers_of(each) & makers
    ]
    if any(step.verb == "confirm" and doers_of(each) & others for each, step in standing):
        return
    for nothing, step in standing:
        if step.verb != "claim_unfulfilled" or not doers_of(nothing) & others:
            continue
        as_at = date_of(nothing, "as_at") or matter.reading.when(nothing.id)
        kept = next((each for each in by_maker if not _is_afterwards(matter, each, as_at)), None)
        if kept is not None:
            day = "" if as_at is None else f", {format_as_at(as_at)}"
            words = (
                f"{matter.name(told.id)} is told to have been kept, {matter.when_words(kept.id)} "
                f"(entry {kept.index}, {kept.author}), and that nothing came of it{day} "
                f"(entry {nothing.index}, {nothing.author})."
            )
            yield matter.finding("promise_denied", [told.id, kept.id, nothing.id], words)


def _is_afterwards(matter: Matter, kept: Told, as_at: When | None) -> bool:
    """Tell whether a promise was surely kept only after the day as at which nothing had come."""
    when = matter.reading.when(kept.id)
    last = None if as_at is None else as_at.latest
    first = None if when is None else when.earliest
    return last is not None and first is not None and last < first


def _only_claimed(matter: Matter, row: RequestRow) -> Iterator[Finding]:
    for claim in row.claims:
        if claim.verb in _ANSWERS:
            did = "was taken up" if row.what == "invitation" else "was answered"
            who = actors_words(row.recipients, most=_MOST)
            words = (
                f"{matter.name(row.id)} stands unanswered by {who} in what is established; "
                f"{claim.told_by} tells that it {did} (entry {claim.index}), and {claim.why}."
            )
            tellings = [ESTABLISHED, Telling(claim.told_by)]
            yield matter.finding("answer_claimed", [row.id, claim.id], words, tellings=tellings)


# What was never answered


def unanswered(matter: Matter) -> Iterator[Finding]:
    """Find requests and questions about them of which nothing further is told.

    Who tells nothing of an answer that those entitled have signed leaves no gap: of a request that
    is established, what is established decides.
    """
    established = {row.id: row for row in matter.requests[ESTABLISHED]}
    for telling, rows in matter.requests.items():
        for row in rows:
            if telling == ESTABLISHED or row.id not in established:
                yield from _open_items(matter, telling, row)


def _open_items(matter: Matter, telling: Telling, row: RequestRow) -> Iterator[Finding]:
    taken_up = row.what == "invitation" and row.taken_up_by is not None
    items = [] if taken_up else [item for item in row.items if not item.doubtful]
    quiet = [item for item in items if _is_open(row, item) and _is_late(item)]
    silent: dict[str, list[ItemRow]] = {}
    for item in items:
        if item.silent and _is_late(item):
            silent.setdefault(item.since, []).append(item)
    if quiet:
        yield _quiet(matter, [telling, *_who_agrees(matter, telling, row, quiet)], row, quiet)
    for same in silent.values():
        yield _silent(matter, [telling, *_who_agrees(matter, telling, row, same)], row, same)


def _who_agrees(
    matter: Matter, telling: Telling, row: RequestRow, items: Iterable[ItemRow]
) -> Iterator[Telling]:
    """Yield whose tellings have these items, which are established to be so, in the same state."""
    if telling != ESTABLISHED:
        return
    wanted = [(item.first, item.last, item.state) for item in items]
    for other, rows in matter.by_telling.items():
        same = rows.get(row.id)
        if other == ESTABLISHED or same is None:
            continue
        firsts = [run.first for run in same.items]
        runs = (same.items[bisect_right(firsts, first) - 1] for first, _, _ in wanted)
        if all(
            last <= run.last and run.state == state
            for run, (_, last, state) in zip(runs, wanted, strict=True)
        ):
            yield other


def _is_open(row: RequestRow, item: ItemRow) -> bool:
    """Tell whether others must act, and nothing but that they were chased is told since."""
    if item.quiet or not row.chased:
        return item.quiet
    must_act = item.state in OPEN and not set(item.ball) <= set(row.makers)
    return must_act and not row.claims and not any("was passed" in note for note in item.notes)


_OVERDUE: Final = frozenset(("overdue", "long overdue"))


def _is_late(item: ItemRow) -> bool:
    if item.lateness.word == "due":
        return False
    if item.lateness.word in _OVERDUE and not item.silent:
        return True
    _, most = item.days
    return most is None or most >= PATIENCE_DAYS


def _items(row: RequestRow, items: Iterable[ItemRow]) -> str:
    ranges = [(item.first, item.last) for item in items]
    if sum(last - first + 1 for first, last in ranges) == row.certain:
        return ""
    return f", {format_items(ranges)}"


def _quiet(
    matter: Matter, tellings: list[Telling], row: RequestRow, items: list[ItemRow]
) -> Finding:
    makers, asked = (actors_words(each, most=_MOST) for each in (row.makers, row.recipients))
    days = days_words(*items[0].days)
    if row.what == "meeting":
        words = (
            f"{makers} asked {asked} for a meeting, {matter.when_words(row.id)} "
            f"({matter.name(row.id)}); whether it was answered or held is not told, {days} later."
        )
        return matter.finding("no_outcome", [row.id], words, tellings=tellings)
    did = "invited" if row.what == "invitation" else "asked"
    what = "" if row.what == "invitation" else f" for {thing_words(row.what)}"
    since = "" if items[0].since == row.id else _since(matter, items[0])
    if row.chased:
        since += f", chased ({entries_words(matter.by_id[each] for each in row.chased)})"
    words = (
        f"{makers} {did} {asked}{what}, {matter.when_words(row.id)} ({matter.name(row.id)}"
        f"{_items(row, items)}){since}; nothing further is told of it, and {asked} must act, for "
        f"{days}."
    )
    ids = [row.id, *(item.since for item in items), *row.chased]
    return matter.finding("unanswered", ids, words, tellings=tellings)


def _since(matter: Matter, item: ItemRow) -> str:
    index = matter.by_id[item.since].index
    return f", {say(item.state)}, {matter.when_words(item.since)} (entry {index})"


def _silent(
    matter: Matter, tellings: list[Telling], row: RequestRow, items: list[ItemRow]
) -> Finding:
    question = matter.by_id[items[0].since]
    reason = getattr(question.event, "reason", None)
    about = "" if reason is None else f" ({say(reason)})"
    part = f"{which}," if (which := _items(row, items)) else ""
    words = (
        f"{matter.name(row.id)}{part} was queried{about}, "
        f"{matter.when_words(question.id)} (entry {question.index}); no answer of "
        f"{actors_words(items[0].ball, most=_MOST)} is told, for {days_words(*items[0].days)}."
    )
    return matter.finding("queried", [row.id, question.id], words, tellings=tellings)
