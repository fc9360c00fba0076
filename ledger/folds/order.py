"""The order of events, as far as it is established.

One event is before another when their dates leave no other possibility, or when the ledger's
links say so (`follows`, `replies_to`, a step after the request or promise it moves, knowledge
after what it came by), or by any chain of these. Everything else is not established; it is then
laid out by date, then by what the event says, never by when somebody recorded it, so that the same
facts recorded in another order give the same chronology.

Links are followed as their authors state them. A link that the dates make impossible is left out
and reported.

How it is laid out: of the events of which all that must come before is laid out, the one with the
smallest key is next. So an event stands behind the greatest key among its own and those of all
that must come before it, its head; events of one head, mostly one, are laid out among themselves.
That makes the place of an event depend on what links put before it and on nothing else, and an
order can grow: events are added at the end of a view, and only what they change is looked at.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ledger.dates import Answer, Bound, When, instant_s, possible_days
from ledger.folds.moments import Moment
from ledger.folds.worklist import Worklist
from ledger.persistent import Blocks, ById
from ledger.view import Told, View
from verify.kinds import Knowledge, Step

__all__ = ["NO_ORDER", "Order", "grow_order"]

_LINKS = frozenset(("follows", "replies_to"))
_STEPS = frozenset(("request", "commitment"))

_Key = tuple[tuple[dt.date, int, dt.date, int, int], tuple[int, int, str, str], str]
_Place = tuple[_Key, int]


@dataclass(frozen=True, slots=True)
class _Bounds:
    """When an event began: its own dates, tightened by those it must be after or before."""

    lo: Bound
    hi: Bound


@dataclass(slots=True)
class _Node:
    """What is known of one event.

    Attributes:
        rank: Its place in the view.
        own: Its own dates.
        at_s: Its own time.
        content: What is known of it beside its date.
        links: The events that it says come before it.
        later: The events that say that they come after it.
        after: Those of its links that are followed.
        lo: The first day on which it can have begun.
        hi: The last day.
        clock: The latest time among its own and those of all before it.
        key: What it is laid out by.
        head: The greatest key among its own and those of all before it.
        number: Its place among the events of that head.
    """

    rank: int
    own: _Bounds
    at_s: int | None
    content: tuple[int, int, str, str]
    links: tuple[str, ...]
    later: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    lo: Bound = None
    hi: Bound = None
    clock: int | None = None
    key: _Key | None = None
    head: _Key | None = None
    number: int = 0

    def copied(self) -> _Node:
        """Return a copy, several times as quickly as `copy` and `replace` do."""
        return _Node(
            self.rank, self.own, self.at_s, self.content, self.links, self.later, self.after,
            self.lo, self.hi, self.clock, self.key, self.head, self.number,
        )  # fmt: skip

    @property
    def place(self) -> _Place:
        """Where it is laid out: smaller is earlier."""
        if self.head is None:
            raise AssertionError(self.rank)
        return self.head, self.number


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of the order of a view's events.

    Attributes:
        sequence: Every event id, laid out: what is before comes before.
        refused: Links whose order the dates make impossible: (earlier, later).
    """

    sequence: Blocks[str]
    refused: tuple[tuple[str, str], ...]
    _nodes: ById[_Node] = field(repr=False)
    _groups: ById[tuple[str, ...]] = field(repr=False)  # of the heads that have several

    def place(self, event_id: str) -> _Place:
        """Return where an event is laid out: what compares as smaller is earlier."""
        return self._nodes[event_id].place

    def before(self, first: str, second: str) -> Answer:
        """Say whether the event `first` happened (a span: began) before `second`."""
        if first == second:
            return "no"
        if self._surely(first, second):
            return "yes"
        if self._surely(second, first):
            return "no"
        return "not established"

    def bounds(self, event_id: str) -> tuple[Bound, Bound]:
        """Return the first and the last day on which an event can have begun; None if unbounded.

        By its own date, and by those of the events that links put before and after it.
        """
        node = self._nodes[event_id]
        return node.lo, node.hi

    def firsts(self, event_ids: Collection[str]) -> frozenset[str]:
        """Return those of some events before which none of the others is established to be.

        It costs one pass over all events, where `before` asked of each pair costs their square.
        """
        wanted = {each: self._nodes[each] for each in event_ids}
        last = min((node.hi for node in wanted.values() if node.hi is not None), default=None)
        time = min((node.at_s for node in wanted.values() if node.at_s is not None), default=None)
        behind: set[str] = set()
        for each in self.sequence:
            if any(e in wanted or e in behind for e in self._nodes[each].after):
                behind.add(each)
        return frozenset(
            each
            for each, node in wanted.items()
            if each not in behind
            and not (time is not None and node.at_s is not None and time < node.at_s)
            and not (last is not None and node.lo is not None and last < node.lo)
        )

    def _surely(self, first: str, second: str) -> bool:
        one, other = self._nodes[first], self._nodes[second]
        if one.at_s is not None and other.at_s is not None and one.at_s != other.at_s:
            return one.at_s < other.at_s
        if one.hi is not None and other.lo is not None and one.hi < other.lo:
            return True
        return one.place < other.place and self._linked(first, second)

    def _linked(self, first: str, second: str) -> bool:
        begin, waiting, seen = self.place(first), [second], {second}
        while waiting:
            for earlier in self._nodes[waiting.pop()].after:
                if earlier == first:
                    return True
                # What is laid out before `first` cannot come after it.
                if earlier not in seen and self.place(earlier) > begin:
                    seen.add(earlier)
                    waiting.append(earlier)
        return False


NO_ORDER = Order(sequence=Blocks(), refused=(), _nodes=ById(), _groups=ById())
"""The order of no events."""


def grow_order(
    before: Order, view: View, dates: Mapping[str, Moment], touched: Collection[str]
) -> tuple[Order, frozenset[str]]:
    """Work out the order of all events of a view from that of fewer, which it leaves as it is.

    Args:
        before: The order of the first events of the view; `NO_ORDER` to begin with.
        view: The events.
        dates: The date that stands for each, by id (`moments.grow_dates`).
        touched: The events that are new, or of which the date, or what is told, is another.

    Returns:
        The order, and the events that are laid out at another place than before, or newly.
    """
    return _Growth(before, view, dates).run(touched)


class _Growth:
    """An order that grows: each pass looks at what the one before it changed, and at no more."""

    def __init__(self, before: Order, view: View, dates: Mapping[str, Moment]) -> None:
        self._before = before
        self._told = view.told
        self._dates = dates
        self._nodes = before._nodes.draft()  # noqa: SLF001 - of this module
        self._edited: set[str] = set()

    def run(self, touched: Collection[str]) -> tuple[Order, frozenset[str]]:
        for rank in range(len(self._nodes), len(self._told)):
            self._add(rank)
        for event_id in touched:
            self._read(self._edit(event_id))
        visited = self._link({self._nodes[event_id].rank for event_id in touched})
        refused = self._refused(visited)
        narrowed = self._tighten(visited)
        moved = self._head(visited | narrowed)
        groups = self._number(moved)
        moved = {each for each in self._edited if self._has_moved(each)}
        order = Order(
            sequence=self._before.sequence.spliced(
                gone=[self._old_place(each) for each in moved if each in self._before._nodes],  # noqa: SLF001 - as above
                come=moved,
                key=lambda each: self._nodes[each].place,
            ),
            refused=refused,
            _nodes=self._nodes.done(),
            _groups=groups,
        )
        return order, frozenset(moved)

    def _edit(self, event_id: str) -> _Node:
        node = self._nodes[event_id]
        if event_id not in self._edited:
            self._edited.add(event_id)
            if event_id in self._before._nodes:  # noqa: SLF001 - as above
                node = self._nodes[event_id] = node.copied()
        return node

    def _add(self, rank: int) -> None:
        told = self._told[rank]
        links = tuple(dict.fromkeys(each for each in _earlier(told) if each in self._nodes))
        none = _Bounds(None, None)
        self._nodes[told.id] = _Node(rank, none, None, _content(told), links)
        for each in links:
            self._edit(each).later += (told.id,)

    def _read(self, node: _Node) -> None:
        """Read an event's own dates, and what it says."""
        told = self._told[node.rank]
        moment = self._dates.get(told.id)
        when = None if moment is None else moment.when
        node.own = _own_bounds(when)
        node.at_s = None if when is None else instant_s(when)
        node.content = _content(told)

    def _link(self, ranks: Iterable[int]) -> set[str]:
        """Follow links, leaving out each that the dates make impossible.

        An event is no earlier than all that is linked before it, and a link is impossible when
        that is later than the last day of what it leads to. So whatever is followed can hold at
        once. Events stand in the view after those that they refer to, whoever recorded them first.
        """
        waiting, visited = Worklist(ranks), set[str]()
        while waiting:
            event_id = self._told[waiting.pop()].id
            visited.add(event_id)
            node = self._edit(event_id)
            was = node.lo, node.clock
            linked = [(each, self._nodes[each]) for each in node.links]
            kept = [(each, other) for each, other in linked if not _is_impossible(other, node)]
            node.after = tuple(each for each, _ in kept)
            lows = [node.own.lo, *(other.lo for _, other in kept)]
            node.lo = max((low for low in lows if low is not None), default=None)
            clocks = [node.at_s, *(other.clock for _, other in kept)]
            node.clock = max((clock for clock in clocks if clock is not None), default=None)
            if (node.lo, node.clock) != was:
                for each in node.later:
                    waiting.add(self._nodes[each].rank)
        return visited

    def _refused(self, visited: Iterable[str]) -> tuple[tuple[str, str], ...]:
        changed = set[str]()
        found: list[tuple[str, str]] = []
        for event_id in visited:
            node, old = self._nodes[event_id], self._before._nodes.get(event_id)  # noqa: SLF001 - as above
            if old is None or old.after != node.after:
                changed.add(event_id)
                found += [(each, event_id) for each in node.links if each not in node.after]
        kept = (pair for pair in self._before.refused if pair[1] not in changed)
        return tuple(sorted((*kept, *found)))

    def _tighten(self, visited: Iterable[str]) -> set[str]:
        """Carry the last days back along links; return the events that it visits."""
        first = {*visited, *(each for v in visited for each in self._nodes[v].links)}
        waiting, found = Worklist(-self._nodes[each].rank for each in first), set[str]()
        while waiting:
            event_id = self._told[-waiting.pop()].id
            node = self._nodes[event_id]
            followed = (self._nodes[each] for each in node.later)
            his = [node.own.hi, *(other.hi for other in followed if event_id in other.after)]
            hi = min((hi for hi in his if hi is not None), default=None)
            if hi != node.hi:
                self._edit(event_id).hi = hi
                found.add(event_id)
                for each in node.links:
                    waiting.add(-self._nodes[each].rank)
        return found

    def _head(self, changed: Iterable[str]) -> set[str]:
        """Give keys, and carry the greatest on along links; return the events that it visits."""
        waiting = Worklist(self._nodes[each].rank for each in changed)
        visited = set[str]()
        while waiting:
            event_id = self._told[waiting.pop()].id
            visited.add(event_id)
            node = self._edit(event_id)
            key = _place(_Bounds(node.lo, node.hi), node.at_s), node.content, event_id
            heads = (self._nodes[each].head for each in node.after)
            head = max((key, *(head for head in heads if head is not None)))
            if head != node.head:
                for each in node.later:
                    waiting.add(self._nodes[each].rank)
            node.key, node.head = key, head
        return visited

    def _number(self, visited: Iterable[str]) -> ById[tuple[str, ...]]:
        """Lay out among themselves the events of each head that something visited has, or had."""
        groups = self._before._groups.draft()  # noqa: SLF001 - as above
        members: dict[str, set[str]] = {}
        for event_id in visited:
            members.setdefault(self._head_of(event_id), set()).add(event_id)
            old = self._before._nodes.get(event_id)  # noqa: SLF001 - as above
            if old is not None and old.head is not None:
                members.setdefault(old.head[-1], set())
        for head, those in members.items():
            those.update(e for e in (head, *groups.pop(head, ())) if self._head_of(e) == head)
            laid_out = self._laid_out(those) if len(those) > 1 else tuple(those)
            for number, event_id in enumerate(laid_out):
                if self._nodes[event_id].number != number:
                    self._edit(event_id).number = number
            if len(laid_out) > 1:
                groups[head] = laid_out
        return groups.done()

    def _head_of(self, event_id: str) -> str:
        head = self._nodes[event_id].head
        return "" if head is None else head[-1]

    def _laid_out(self, members: Collection[str]) -> tuple[str, ...]:
        missing = {m: sum(e in members for e in self._nodes[m].after) for m in members}
        ready = [(self._nodes[m].key, m) for m, count in missing.items() if not count]
        heapq.heapify(ready)
        found: list[str] = []
        while ready:
            event_id = heapq.heappop(ready)[1]
            found.append(event_id)
            for each in self._nodes[event_id].later:
                if each in missing and event_id in self._nodes[each].after:
                    missing[each] -= 1
                    if not missing[each]:
                        heapq.heappush(ready, (self._nodes[each].key, each))
        return tuple(found)

    def _has_moved(self, event_id: str) -> bool:
        old = self._before._nodes.get(event_id)  # noqa: SLF001 - as above
        return old is None or old.place != self._nodes[event_id].place

    def _old_place(self, event_id: str) -> int:
        before = self._before
        return before.sequence.place_of(before.place(event_id), before.place)


def _is_impossible(earlier: _Node, later: _Node) -> bool:
    hi, at_s = later.own.hi, later.at_s
    if earlier.lo is not None and hi is not None and earlier.lo > hi:
        return True
    return earlier.clock is not None and at_s is not None and earlier.clock > at_s


def _own_bounds(when: When | None) -> _Bounds:
    if when is None:
        return _Bounds(None, None)
    return _Bounds(*possible_days(when))


def _earlier(told: Told) -> Iterator[str]:
    for link in told.event.links or ():
        if link.rel in _LINKS and link.ledger is None:
            yield link.event
    if isinstance(told.event, Step) and told.event.target in _STEPS:
        yield told.event.of
    if isinstance(told.event, Knowledge) and told.event.via is not None:
        yield told.event.via


def _place(bounds: _Bounds, at_s: int | None) -> tuple[dt.date, int, dt.date, int, int]:
    """Give the place by date: what is known to a year only stands at the end of that year.

    Whatever is established to be before something else has the smaller place: the first day
    given here is never after `hi`, nor before `lo`.
    """
    lo, hi = bounds.lo, bounds.hi
    vague = lo is not None and hi is not None and (hi - lo).days >= _WHOLE_YEAR
    first = hi if vague else lo or hi
    return (
        first or dt.date.max,
        0 if lo is None else 2 if vague else 1,
        hi or dt.date.max,
        0 if at_s is None else 1,
        at_s or 0,
    )


_WHOLE_YEAR = 364
_KINDS = (
    *("communication", "meeting", "request", "commitment", "agreement", "arrangement", "artefact"),
    *("step", "transfer", "knowledge", "account", "attestation", "position"),
)
_VERBS = (
    *("draft", "propose", "establish", "acknowledge", "seek_clarification", "clarify", "narrow"),
    *("extend", "defer", "resume", "chase", "escalate", "answer", "refuse", "transfer", "sign"),
    *("part_fulfil", "fulfil", "confirm", "claim_unfulfilled", "review", "withdraw"),
)


def _content(told: Told) -> tuple[int, int, str, str]:
    """Give what is known of an event beside its date, to lay out events of one date."""
    verb = told.event.verb if isinstance(told.event, Step) else ""
    return (
        _KINDS.index(told.kind) if told.kind in _KINDS else len(_KINDS),
        _VERBS.index(verb) if verb in _VERBS else len(_VERBS),
        told.author,
        told.text("title") or told.text("subject") or told.text("text") or "",
    )
