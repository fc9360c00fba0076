"""Requests: where each item stands, who holds the ball, since when, and what is late.

Who moved what follows `items`; this module says in which order, when a deferral is over, which
steps are only claimed, and computes what is never stored: silence, deadlines, lateness. Deadlines
print their working (`ledger.clocks`). An unknown day of receipt gives no deadline, an imprecise
one two.

Source: FOLDS, "Requests".
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property, reduce
from heapq import heappop, heappush
from itertools import accumulate, chain, groupby
from operator import or_, xor
from typing import Final

from ledger.clocks import Deadlines, Regime
from ledger.dates import Bound
from ledger.folds.acts import doers_of, principals_of
from ledger.folds.items import ANSWERS, OPEN, TERMINAL, End, Item, Move, ball_of, move, resumed
from ledger.folds.lateness import (
    MOST_QUESTIONS,
    Outcome,
    deadlines_of,
    is_start_disputed,
    lateness_of,
    outcome_of,
)
from ledger.folds.positions import named_parties
from ledger.folds.ranges import RangeMap, united
from ledger.folds.reading import Reading, days_since
from ledger.folds.request_rows import Claim, ItemRow, RequestRow, Requests, Stage, Standing
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.folds.turns import Doubt, Turn, first_doubt, role_of
from ledger.folds.waits import Wait, over_at, over_before, wait_of
from ledger.sentences import item_counts
from ledger.view import Told
from verify.kinds import Ranges, Request, Step

__all__ = ["deadline_under", "fold_request", "fold_requests"]


def fold_requests(reading: Reading, *, telling: Telling = ESTABLISHED) -> Requests:
    """Fold all requests.

    Args:
        reading: The view, read as at a day.
        telling: Whose word is taken.
    """
    every = (told for told in reading.view.told if isinstance(told.event, Request))
    return _fold(reading, reading.laid_out(every), telling)


def fold_request(reading: Reading, event_id: str, *, telling: Telling = ESTABLISHED) -> Requests:
    """Fold one request, and nothing of the others: at most one row.

    Args:
        reading: The view, read as at a day.
        event_id: The id of the request.
        telling: Whose word is taken.
    """
    return _fold(reading, (reading.view.by_id[event_id],), telling)


def _fold(reading: Reading, requests: Iterable[Told], telling: Telling) -> Requests:
    rows: list[RequestRow] = []
    later = elsewhere = 0
    for told in requests:
        if reading.later(told):
            later += 1
        elif _is_elsewhere(reading, told, telling):
            elsewhere += 1
        elif isinstance(told.event, Request):
            rows.append(_taken_up(reading, _row(reading, told, told.event, telling), telling))
    return Requests(telling=telling, rows=tuple(rows), later=later, elsewhere=elsewhere)


def deadline_under(reading: Reading, event_id: str, *, regime: Regime) -> Deadlines | None:
    """Work out when an answer would be due if `regime` applied to a request, without questions.

    Returns None if nothing says when it was received, or the regime has no clock.
    """
    told = reading.view.by_id[event_id]
    return deadlines_of(reading, told, regime=regime, questions=())


_URGENCY: Final = (
    *("under_review", "asked", "asked_orally", "clarified", "transferred", "answered_in_part"),
    *("clarification_sought", "deferred", "refused", "not_held", "already_public", "answered"),
    "withdrawn",
)
_MOVES_NOTHING: Final = frozenset(("chase", "escalate"))
_STILL_OPEN: Final = OPEN - {"answered_in_part"}
_BY_MAKER: Final = frozenset(("clarify", "narrow", "extend", "withdraw", "review"))
_BY_EITHER: Final = frozenset(("defer", "resume"))
_MOST_TRANSFERS: Final = 16  # that are told of one item
_BY_LAW: Final = frozenset(("foia_20", "eir_20_40", "sar_1_month"))
_NOT_SIGNED: Final = "nobody whose act it would be has signed it"
_NOBODY: Final = "who did it is not told"
_STAGES: Final = {
    "acknowledge": "acknowledged",
    "chase": "chased",
    "clarify": "clarified",
    "escalate": "escalated",
    "extend": "extended",
    "narrow": "narrowed",
    "refuse": "refused",
    "resume": "resumed",
    "review": "under_review",
    "seek_clarification": "clarification_sought",
    "transfer": "transferred",
    "withdraw": "withdrawn",
}


def _makers(event: Request) -> frozenset[str]:
    return parties_of(event.from_) | principals_of(event)


def _is_elsewhere(reading: Reading, told: Told, telling: Telling) -> bool:
    """Tell whether a party neither tells a request nor any step of it."""
    if telling.party is None:
        return False
    signers = reading.stances.signers
    steps = (step for step, _ in reading.steps.get(told.id, ()))
    return not any(telling.party in signers(each) for each in (told, *steps))


def _standing(reading: Reading, told: Told, makers: frozenset[str], telling: Telling) -> Standing:
    if telling.party is not None or reading.stances.counts(told, telling=telling, entitled=makers):
        return "counts"
    return "withdrawn" if told.id in reading.stances.withdrawn else "claimed"


def _row(reading: Reading, told: Told, event: Request, telling: Telling) -> RequestRow:
    makers, recipients = _makers(event), parties_of(event.to)
    certain, total = item_counts(event)
    standing = _standing(reading, told, makers, telling)
    claims: tuple[Claim, ...] = ()
    course: tuple[Stage, ...] = ()
    items: tuple[ItemRow, ...] = ()
    if standing == "counts":
        fold = _Fold(reading, told, event, makers, telling)
        folded = fold.run(total)
        claims, course = tuple(fold.claims), tuple(fold.course)
        items = tuple(
            fold.item_row(seg.first, seg.last, seg.value, doubtful=seg.first > certain)
            for seg in folded.split(((1, certain),))
        )
    steps = reading.steps.get(told.id, ())
    return RequestRow(
        id=told.id,
        index=told.index,
        author=told.author,
        standing=standing,
        what=event.what,
        makers=tuple(sorted(makers)),
        recipients=tuple(sorted(recipients)),
        made=reading.dates.get(told.id),
        certain=certain,
        total=total,
        doubtful_areas=event.areas_doubtful or (),
        items=items,
        worst=_worst(items) if items else standing,
        counts=_counts(items),
        course=course,
        taken_up_by=None,
        held=(None, None),
        claims=claims,
        chased=tuple(step.id for step, what in steps if what.verb in _MOVES_NOTHING),
        regime=event.regime,
    )


class _Fold:
    """Moves the items of one request through its steps, in one telling."""

    def __init__(
        self,
        reading: Reading,
        told: Told,
        event: Request,
        makers: frozenset[str],
        telling: Telling,
    ) -> None:
        self.reading = reading
        self.told = told
        self.event = event
        self.makers = makers
        self.telling = telling
        self.claims: list[Claim] = []
        self.course: list[Stage] = []
        self.waits: dict[str, Wait] = {}
        self.turns: list[Turn] = []
        self._recipients = frozenset[str]()  # of any item, as it stands
        self._stops = False  # whether a question was put, or it was agreed to wait
        self._woken: dict[str, list[Item]] = {}
        self._unmoved: RangeMap[Item] | None = None
        self._idle: dict[Move | None, frozenset[str]] = {}  # of `_unmoved`: who must act
        self._due: dict[tuple[str, tuple[tuple[str, str | None], ...]], Deadlines | None] = {}
        # Of thousands of items each is told of these; most of them have the same.
        self._doubted: dict[str, bool] = {}
        self._doubts: dict[tuple[int, str | None, Bound], Doubt | None] = {}
        self._transfers: dict[str, str] = {}

    def run(self, total: int) -> RangeMap[Item]:
        start = Item(
            state="asked_orally" if self.event.medium == "oral" else "asked",
            since=self.told.id,
            recipients=parties_of(self.event.to),
        )
        items = RangeMap.filled(total, start)
        self._recipients = start.recipients
        self._stage(start.state, self.told, None, ball_of(start, makers=self.makers))
        for told, step in self.reading.steps.get(self.told.id, ()):
            if self._is_untold(told):
                continue
            items = self._step(items, told, step)
        items = items.changed(None, self._wake_at_end)
        self._resumed()
        return self._contest(self._pass(items))

    def _pass(self, items: RangeMap[Item]) -> RangeMap[Item]:
        """Note which data was passed for which item: that alone moves nothing."""
        passed = self.reading.passed.get(self.told.id, ())
        for event_id, together in groupby(passed, key=lambda pair: pair[0].id):
            discharged = [ranges for _, ranges in together]
            if self._is_passed(self.reading.view.by_id[event_id]):
                some = united(chain.from_iterable(ranges or () for ranges in discharged))
                items = items.changed(None if None in discharged else some, _passing(event_id))
        return items

    def _is_passed(self, told: Told) -> bool:
        receipts = self.reading.stances.on.get(told.id, ())
        signers = self.reading.stances.signers(told) | {
            each.author for each, position in receipts if position.stance == "received"
        }
        if self.telling.party is not None:
            return self.telling.party in signers
        return not signers.isdisjoint(named_parties(told.event))

    def _is_untold(self, told: Told) -> bool:
        signers = self.reading.stances.signers(told)
        return not signers or (self.telling.party is not None and self.telling.party not in signers)

    def _step(self, items: RangeMap[Item], told: Told, step: Step) -> RangeMap[Item]:
        said = doers_of(told)
        # In what is established, nobody but the doers can speak for the doers.
        doers = said if self.telling.party else said & self.reading.stances.signers(told)
        resolved = Move(
            id=told.id,
            verb=step.verb,
            outcome=step.outcome,
            doers=doers,
            told_by=told.author,
            consent=self.reading.stances.upholders(told.id),
            to=parties_of(step.to),
        )
        if step.verb == "defer":
            self.waits[told.id] = wait_of(self.reading, told, step)
        role = role_of(resolved, makers=self.makers, recipients=self._recipients)
        self._stops |= role in {"question", "wait"}
        moved: list[Item] = []
        same = None if self.waits or step.items is not None else replace(resolved, id="")
        ball = self._idle.get(same) if items is self._unmoved else None
        after = items
        if ball is None:
            after = items.changed(step.items, lambda item: self._moved(item, resolved, moved))
        if role != "other" or moved:  # what does nothing to the clock and ends no item is no turn
            self.turns.append(Turn(told.id, role, step.items))
        if not doers:
            self._claim(told, step, said, _NOT_SIGNED if said else _NOBODY)
            return self._still(items, after, same, frozenset())
        if not moved and step.verb not in _MOVES_NOTHING:
            self._claim(told, step, said, self._why(resolved))
            return self._still(items, after, same, frozenset())
        if moved and step.verb == "transfer":
            self._recipients = _recipients(after)
        self._resumed()
        if ball is None:
            reached = moved or _within(after, step.items)
            ball = frozenset().union(*(ball_of(item, makers=self.makers) for item in reached))
        word = _stage_word(step, moved, invitation=self._invites)
        self._stage(word, told, step.items, ball)
        return self._still(items, after, same, ball)

    def _still(
        self, items: RangeMap[Item], after: RangeMap[Item], same: Move | None, ball: frozenset[str]
    ) -> RangeMap[Item]:
        """Keep in mind which step on the whole moved nothing: the same one will move nothing, too.

        A request can stand in thousands of pieces, and be chased thousands of times.
        """
        if after is items and same is not None:
            if items is not self._unmoved:
                self._unmoved = items
                self._idle.clear()
            self._idle[same] = ball
        return after

    @property
    def _invites(self) -> bool:
        return self.event.what == "invitation"

    def _why(self, step: Move) -> str:
        entitled = self.makers if step.verb in _BY_MAKER else self._recipients
        if step.verb in _BY_EITHER:
            entitled = self.makers | self._recipients
        if step.doers.isdisjoint(entitled):
            return "it was not theirs to do"
        return "no item that it names was in a state for it"

    def _claim(self, told: Told, step: Step, doers: frozenset[str], why: str) -> None:
        self.claims.append(
            Claim(
                id=told.id,
                index=told.index,
                verb=step.verb,
                doers=tuple(sorted(doers)),
                told_by=told.author,
                why=why,
            )
        )

    def _stage(
        self,
        word: str,
        told: Told,
        items: tuple[tuple[int, int], ...] | None,
        ball: frozenset[str],
    ) -> None:
        waited = (told.event.until_events or ()) if isinstance(told.event, Step) else ()
        by_id = self.reading.view.by_id
        self.course.append(
            Stage(
                word=word,
                id=told.id,
                index=told.index,
                when=self.reading.when(told.id),
                items=items,
                ball=tuple(sorted(ball)),
                until=tuple(by_id[each].index for each in waited if each in by_id),
            )
        )

    def _resumed(self) -> None:
        """Tell of each deferral that was found to be over."""
        woken, self._woken = self._woken, {}
        for event_id, back in woken.items():
            told = self.reading.view.by_id[event_id]
            ball = frozenset().union(*(ball_of(item, makers=self.makers) for item in back))
            asked = told.event.items if isinstance(told.event, Step) else None
            self._stage("resumed", told, asked, ball)
            over = self.waits[event_id].over
            self.course[-1] = replace(self.course[-1], when=over, until=())

    def _moved(self, item: Item, step: Move, moved: list[Item]) -> Item:
        wait = self.waits.get(item.since) if item.state == "deferred" else None
        awake = item
        if wait is not None and over_before(wait, self.reading.when(step.id)) == "yes":
            awake = resumed(item)
        after = move(awake, step, makers=self.makers)
        # A chase moves nothing, and is told after the end of the deferral that it came after.
        stays = after == awake
        if stays and not (step.doers and step.verb in _MOVES_NOTHING):
            return item
        if awake is not item:
            self._woken.setdefault(item.since, []).append(awake)
        if not stays:
            moved.append(after)
        return after

    def _wake_at_end(self, item: Item) -> Item:
        wait = self.waits.get(item.since) if item.state == "deferred" else None
        if wait is None or over_at(wait, self.reading.as_at) != "yes":
            return item
        self._woken.setdefault(item.since, []).append(resumed(item))
        return resumed(item)

    def _contest(self, items: RangeMap[Item]) -> RangeMap[Item]:
        """Flag outcomes that a maker disputes: those of the step disputed, or of any step."""
        whole: set[str] = set()
        total = item_counts(self.event)[1]
        steps = (told.id for told, _ in self.reading.steps.get(self.told.id, ()))
        for event_id in (self.told.id, *steps):
            step = None if event_id == self.told.id else event_id
            for ranges in self._disputed(event_id, total):
                if ranges == ((1, total),):
                    whole.add(event_id)
                else:
                    items = items.changed(ranges, lambda item: _contested(item, {step}))  # noqa: B023 - called at once
        any_step = {None} if self.told.id in whole else whole
        return items.changed(None, lambda item: _contested(item, any_step)) if whole else items

    def _disputed(self, event_id: str, total: int) -> Iterator[Ranges]:
        """Yield, for each maker, the items of which its latest word is that it disputes a step."""
        found: dict[str, RangeMap[bool]] = {}
        for told, position in self.reading.stances.on.get(event_id, ()):
            if told.disowned or told.author not in self.makers:
                continue
            # Denying that the request was made, or when, contests no outcome.
            if position.field not in {None, "status", "items"}:
                continue
            if self.telling.party not in {None, told.author}:
                continue
            if position.stance in {"dispute", "deny"}:
                before = found.get(told.author) or RangeMap.filled(total, value=False)
                found[told.author] = before.changed(position.items, lambda _: True)
            elif position.stance in {"agree", "admit"} and told.author in found:
                found[told.author] = found[told.author].changed(position.items, lambda _: False)
        for each in found.values():
            yield tuple((seg.first, seg.last) for seg in each.segments if seg.value)

    def item_row(self, first: int, last: int, item: Item, *, doubtful: bool) -> ItemRow:
        ball = ball_of(item, makers=self.makers)
        since = self.reading.when(item.since)
        days = days_since(since, self.reading.as_at)
        if item.resumed_by is not None:
            days = days_since(self.reading.when(item.resumed_by), self.reading.as_at)
        elif item.resumed_after is not None:
            wait = self.waits.get(item.resumed_after)
            days = (None, None) if wait is None else wait.days_since_over(self.reading.as_at)
        due = self._deadline(item)
        doubt = self._doubt((first, last), due, end=None) if item.state in OPEN else None
        outcomes = (self._outcome(end, (first, last)) for end in item.ends)
        return ItemRow(
            first=first,
            last=last,
            doubtful=doubtful,
            state=item.state,
            since=item.since,
            ball=tuple(sorted(ball)),
            days=days if ball else (None, None),
            flags=_flags(item),
            lateness=lateness_of(
                due,
                item=item,
                days=days,
                as_at=self.reading.as_at,
                disputed=self._is_disputed(item),
                unsettled=doubt is not None,
            ),
            deadlines=due,
            outcomes=tuple(each for each in outcomes if each is not None),
            silent=item.state == "clarification_sought" and doubt is None,
            resumed_after=item.resumed_after,
            quiet=self._is_quiet(first, item),
            notes=tuple(self._notes(item, doubt)),
        )

    def _outcome(self, end: End, items: tuple[int, int]) -> Outcome | None:
        due = self._deadline(end)
        return outcome_of(
            self.reading,
            end,
            due,
            telling=self.telling,
            disputed=self._is_disputed(end),
            unmoved=None
            if self._doubt(items, due, end=end.id) is None
            else self._deadline(replace(end, questions=())),
        )

    def _doubt(
        self, items: tuple[int, int], due: Deadlines | None, *, end: str | None
    ) -> Doubt | None:
        if not self._stops:
            return None
        latest = due.latest if due is not None else None
        last = None if latest is None else latest.due
        starts, going = self._going
        begin = bisect_right(starts, items[0]) - 1
        some = reduce(or_, going[begin : bisect_right(starts, items[1])])
        key = some, end, last
        if key not in self._doubts:
            self._doubts[key] = first_doubt(
                [self.turns[number] for number in _ones(some)],
                self.reading.order,
                end=end,
                last=last,
            )
        return self._doubts[key]

    @cached_property
    def _going(self) -> tuple[list[int], list[int]]:
        """From which item on which turns name it, ascending: of each turn a bit, by its number.

        Thousands of turns can each name thousands of items: a bit for each pair is little, and a
        set of numbers would be gigabytes.
        """
        turning: dict[int, int] = {1: 0}  # at an item: the turns that begin or end to name it
        whole = ((1, item_counts(self.event)[1]),)
        for number, turn in enumerate(self.turns):
            for first, last in whole if turn.items is None else turn.items:
                turning[first] = turning.get(first, 0) ^ 1 << number
                turning[last + 1] = turning.get(last + 1, 0) ^ 1 << number
        starts = sorted(turning)
        return starts, list(accumulate((turning[start] for start in starts), xor))

    def _start(self, of: Item | End) -> Told:
        """Return the event from which the time of an item, or of an outcome, runs."""
        start = of.review or self.told.id
        if of.review is None and of.passed_on is not None and self.event.regime in _BY_LAW:
            start = of.passed_on  # who gets it has the whole of its time
        return self.reading.view.by_id[start]

    def _deadline(self, of: Item | End) -> Deadlines | None:
        """Work out the deadline of an item, or the one that stood when an outcome came."""
        start = self._start(of)
        if (start.id, of.questions) not in self._due:
            self._due[start.id, of.questions] = deadlines_of(
                self.reading,
                start,
                regime=self.event.regime or "none",
                questions=of.questions,
                telling=self.telling,
            )
        return self._due[start.id, of.questions]

    def _is_disputed(self, of: Item | End) -> bool:
        start = self._start(of)
        if start.id not in self._doubted:
            self._doubted[start.id] = is_start_disputed(
                self.reading,
                start,
                regime=self.event.regime or "none",
                telling=self.telling,
            )
        return self._doubted[start.id]

    def _is_quiet(self, first: int, item: Item) -> bool:
        if (
            self.claims
            or item.passed
            or item.state not in OPEN
            or ball_of(item, makers=self.makers) <= self.makers
        ):
            return False
        return self._last_stage(first) in {item.since, item.resumed_after, item.resumed_by}

    def _last_stage(self, item: int) -> str:
        """Return the event of the last stage that concerns an item."""
        place = bisect_right(self._last_stages, item, key=lambda row: row[0]) - 1
        return self._last_stages[place][1]

    @cached_property
    def _last_stages(self) -> list[tuple[int, str]]:
        """Of which item on which event is the last stage, ascending."""
        whole = ((1, item_counts(self.event)[1]),)
        begins: dict[int, list[tuple[int, int]]] = {}  # at an item: the stage, and its last item
        for number, stage in enumerate(self.course):
            for first, last in whole if stage.items is None else stage.items:
                begins.setdefault(first, []).append((number, last))
                begins.setdefault(last + 1, [])  # what was hidden by it comes up again
        found: list[tuple[int, str]] = []
        going: list[tuple[int, int]] = []
        for item in sorted(begins):
            for number, last in begins[item]:
                heappush(going, (-number, last))
            while going and going[0][1] < item:
                heappop(going)
            if going:  # not behind the last item
                found.append((item, self.course[-going[0][0]].id))
        return found

    def _notes(self, item: Item, doubt: Doubt | None) -> Iterable[str]:
        if doubt is not None:
            first, second = (self.reading.view.by_id[each].index for each in doubt)
            yield f"whether entry {first} came before entry {second} is not established"
        if self.event.regime in _BY_LAW and len(item.questions) > MOST_QUESTIONS:
            yield f"no deadline is worked out: more than {MOST_QUESTIONS} questions were put"
        wait = self.waits.get(item.since) if item.state == "deferred" else None
        if wait is not None and over_at(wait, self.reading.as_at) == "not established":
            yield "whether what it waited for had come by then is not established"
        if item.resumed_after is not None:
            if item.resumed_by is None:
                yield "what it waited for has come"
            if self.event.regime in _BY_LAW:
                yield "its deferral moves no deadline"
        yield from map(self._passed_words, item.passed)
        if item.passed_more:
            yield f"data for it was passed in {item.passed_more} transfers more"

    def _passed_words(self, event_id: str) -> str:
        if event_id not in self._transfers:
            told = self.reading.view.by_id[event_id]
            receipts = self.reading.receipts(event_id)
            received = [each.index for each, _ in receipts if each.author in self.makers]
            note = f"data for it was passed (entry {told.index})"
            self._transfers[event_id] = note + (
                f", and received (entry {received[0]})" if received else ""
            )
        return self._transfers[event_id]


def _ones(bits: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _recipients(items: RangeMap[Item]) -> frozenset[str]:
    return frozenset().union(*(item.recipients for item in items.values))


def _within(items: RangeMap[Item], ranges: tuple[tuple[int, int], ...] | None) -> list[Item]:
    found: list[Item] = []

    def keep(item: Item) -> Item:
        found.append(item)
        return item

    items.changed(ranges, keep)
    return found


def _stage_word(step: Step, reached: Iterable[Item], *, invitation: bool) -> str:
    if step.verb == "answer":
        return "taken_up" if invitation else ANSWERS[step.outcome or ""]
    if step.verb == "defer":
        deferred = any(item.state == "deferred" for item in reached)
        return "deferred" if deferred else "deferral_claimed"
    return _STAGES[step.verb]


def _passing(transfer: str) -> Callable[[Item], Item]:
    def passing(item: Item) -> Item:
        if len(item.passed) < _MOST_TRANSFERS:
            return replace(item, passed=(*item.passed, transfer))
        return replace(item, passed_more=item.passed_more + 1)

    return passing


def _contested(item: Item, steps: Collection[str | None]) -> Item:
    """Flag an item that one of these steps brought to its end; None for any step."""
    ended = item.state in TERMINAL and (None in steps or item.since in steps)
    return replace(item, contested=True) if ended else item


def _flags(item: Item) -> tuple[str, ...]:
    rows = (
        ("acknowledged", item.acknowledged is not None),
        ("answered_in_part", item.part is not None and item.state in _STILL_OPEN),
        ("contested", item.contested),
        ("deferral_claimed", item.deferral_claimed is not None and item.state in OPEN),
    )
    return tuple(name for name, is_set in rows if is_set)


def _worst(items: Iterable[ItemRow]) -> str:
    return min((row.state for row in items), key=_URGENCY.index)


def _counts(items: Iterable[ItemRow]) -> tuple[tuple[str, tuple[int, int]], ...]:
    certain: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for row in items:
        width = row.last - row.first + 1
        most[row.state] += width
        certain[row.state] += 0 if row.doubtful else width
    return tuple((state, (certain[state], most[state])) for state in _URGENCY if most[state])


def _taken_up(reading: Reading, row: RequestRow, telling: Telling) -> RequestRow:
    """Close an invitation by the first request of the invited that replies to or follows it.

    Without one, it is closed by the step that says so.
    """
    if row.what != "invitation" or row.standing != "counts":
        return row
    taking = next(_taking_up(reading, row, telling), None)
    if taking is not None:
        items = tuple(
            replace(run, ball=(), days=(None, None)) if run.state in OPEN else run
            for run in row.items
        )
        return replace(row, taken_up_by=taking, held=reading.days(row.id, taking), items=items)
    closing = next((run.since for run in row.items if run.state not in OPEN), None)
    if closing is not None:
        return replace(row, taken_up_by=closing, held=reading.days(row.id, closing))
    return replace(row, held=days_since(reading.when(row.id), reading.as_at))


def _taking_up(reading: Reading, row: RequestRow, telling: Telling) -> Iterator[str]:
    """Yield the requests by which those invited took an invitation up."""
    for told in reading.laid_out(reading.referring_to(row.id)):
        event = told.event
        if not isinstance(event, Request) or not any(
            k.event == row.id and k.rel in {"replies_to", "follows"} for k in event.links or ()
        ):
            continue
        makers = _makers(event)
        if makers.isdisjoint(row.recipients) or reading.later(told):
            continue
        is_told = not _is_elsewhere(reading, told, telling)
        if is_told and _standing(reading, told, makers, telling) == "counts":
            yield told.id
