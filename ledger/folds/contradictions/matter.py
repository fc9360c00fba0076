"""What all rules look at: the events that stand, those said to be one, and requests as each tells.

Events that are withdrawn or of after the day asked are not looked at. Everything here is found by
what events say, never by when they were recorded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from ledger.date_words import format_when
from ledger.dates import When
from ledger.folds.contradictions.findings import RULES, Finding
from ledger.folds.grounds import actors_of
from ledger.folds.reading import Reading
from ledger.folds.request_rows import RequestRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling, parties_of
from ledger.sentences import other_words
from ledger.view import Told
from verify.kinds import GOVERNANCE, Erasure, Event, Hold, Opening, Sealed

__all__ = ["Dated", "Matter", "doers_of_all", "entries_words", "joined"]

_UPON_THE_LEDGER: Final = (*GOVERNANCE, Erasure, Hold, Opening, Sealed)
_LISTED: Final = 24


class Matter:
    """A reading, and what rules ask of it, each worked out once."""

    def __init__(self, reading: Reading) -> None:
        """Look at `reading`."""
        self.reading = reading
        self.by_id = reading.view.by_id
        self._tallies: dict[str, Counter[str]] = {}

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """The events that stand, laid out."""
        withdrawn = self.reading.stances.withdrawn
        standing = (
            t
            for t in self.reading.view.told
            if not isinstance(t.event, _UPON_THE_LEDGER) and t.id not in withdrawn
        )
        return self.reading.laid_out(t for t in standing if not self.reading.later(t))

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each event that stands, by id."""
        return {told.id: place for place, told in enumerate(self.told)}

    @cached_property
    def tellings(self) -> tuple[Telling, ...]:
        """What is established, and the telling of each party that tells anything."""
        return (ESTABLISHED, *(Telling(party) for party in self.reading.view.authors))

    @cached_property
    def requests(self) -> Mapping[Telling, tuple[RequestRow, ...]]:
        """The requests that count in each telling."""
        return {
            telling: tuple(
                row
                for row in fold_requests(self.reading, telling=telling).rows
                if row.standing == "counts" and row.id in self.places
            )
            for telling in self.tellings
        }

    @cached_property
    def by_telling(self) -> Mapping[Telling, Mapping[str, RequestRow]]:
        """The same, by id."""
        return {t: {row.id: row for row in rows} for t, rows in self.requests.items()}

    @cached_property
    def _roots(self) -> Mapping[str, str]:
        roots: dict[str, str] = {}

        def root(event_id: str) -> str:
            while (up := roots.get(event_id, event_id)) != event_id:
                roots[event_id] = roots.get(up, up)
                event_id = up
            return event_id

        for told in self.told:
            for link in told.event.links or ():
                if link.rel == "same_as" and link.ledger is None and link.event in self.places:
                    one, other = sorted((root(told.id), root(link.event)))
                    roots[one] = roots[other] = one
        return {event_id: root(event_id) for event_id in list(roots)}

    def root(self, event_id: str) -> str:
        """Return what stands for all events that are said to be one with this."""
        return self._roots.get(event_id, event_id)

    @cached_property
    def said_to_be_one(self) -> tuple[tuple[Told, ...], ...]:
        """The events that are said to be one, together, laid out."""
        found: dict[str, list[Told]] = {}
        for told in self.told:
            if told.id in self._roots:
                found.setdefault(self._roots[told.id], []).append(told)
        return tuple(tuple(each) for each in found.values())

    @cached_property
    def _linked(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (told.id, link.event)
            for told in self.told
            for link in told.event.links or ()
            if link.ledger is None
        )

    def joined(self, one: str, other: str) -> bool:
        """Tell whether two events are said to be one, or a link says how they are two."""
        links = self._linked
        return self.root(one) == self.root(other) or (one, other) in links or (other, one) in links

    def name(self, event_id: str) -> str:
        """Name an event: "the letter of entry 13"."""
        return other_words(event_id, self.by_id)

    def when_words(self, event_id: str) -> str:
        """Write when an event happened."""
        when = self.reading.when(event_id)
        return "undated" if when is None else format_when(when)

    def tally(self, name: str, is_counted: Callable[[Event], bool]) -> Counter[str]:
        """Count the events of a sort that each author tells; `name` names the sort."""
        if name not in self._tallies:
            self._tallies[name] = Counter(t.author for t in self.told if is_counted(t.event))
        return self._tallies[name]

    def finding(
        self,
        rule: str,
        ids: Iterable[str],
        words: str,
        *,
        tellings: Iterable[Telling] | None = None,
    ) -> Finding:
        """Make a finding.

        Args:
            rule: Which of `RULES` found it.
            ids: The events that it rests on.
            words: The finding, in a sentence.
            tellings: In whose telling it stands; None for those who tell the events.
        """
        told = [self.by_id[each] for each in dict.fromkeys(ids)]
        authors = tuple(sorted({each.author for each in told}))
        if tellings is None:
            tellings = map(Telling, authors)
        return Finding(
            rule=rule,
            kind=RULES[rule].kind,
            severity=RULES[rule].severity,
            tellings=tuple(tellings),
            events=tuple(each.id for each in told),
            indexes=tuple(each.index for each in told),
            told_by=authors,
            words=_begun(words),
            why=RULES[rule].why,
        )


def _begun(words: str) -> str:
    """Begin a sentence, but never change the name of a party."""
    ours = words.partition(" ")[0] in {"the", "of", "entry", "entries"}
    return words[0].upper() + words[1:] if ours else words


class Dated:
    """Events by who is concerned and by date, so that those between two days are found."""

    def __init__(
        self, reading: Reading, told: Iterable[Told], keys_of: Callable[[Told], Iterable[str]]
    ) -> None:
        """Sort `told`; what has no last day is left out.

        Args:
            reading: The view.
            told: The events, laid out.
            keys_of: Gives what an event is found by: parties, or other events.
        """
        self._by_key: dict[str, list[tuple[int, int, Told]]] = {}
        for place, each in enumerate(told):
            when = reading.when(each.id)
            if when is not None and when.begin_latest is not None:
                key = (when.begin_latest.toordinal(), place, each)
                for name in keys_of(each):
                    self._by_key.setdefault(name, []).append(key)
        for rows in self._by_key.values():
            rows.sort(key=lambda row: row[:2])

    def between(
        self, keys: Iterable[str], first: When | None, last: When, *, slack: int = 0
    ) -> Iterator[Told]:
        """Yield what is found by these, not surely before `first`, and surely before `last`.

        Also what is of so many days more as `slack` says: times of day can come before others.
        """
        if last.begin_earliest is None:
            return
        stop = last.begin_earliest.toordinal() + slack
        start = 0
        if first is not None and first.begin_earliest is not None:
            start = first.begin_earliest.toordinal()
        found: dict[str, tuple[int, int, Told]] = {}
        for name in keys:
            rows = self._by_key.get(name, [])
            begin = bisect_left(rows, start, key=lambda row: row[0])
            end = bisect_left(rows, stop, key=lambda row: row[0])
            found.update((row[2].id, row) for row in rows[begin:end])
        yield from (row[2] for row in sorted(found.values(), key=lambda row: row[1]))


def doers_of_all(told: Told) -> frozenset[str]:
    """Return the parties whose act an event of whatever kind is; nobody where nobody is told."""
    return parties_of(tuple(actors_of(told)))


def joined(parts: Iterable[str]) -> str:
    """Write a list: "a, b and c"."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def entries_words(told: Iterable[Told]) -> str:
    """Name entries, no more than a page can hold: "entries 3, 7 and 9"."""
    names = [str(each.index) for each in told]
    noun = "entry" if len(names) == 1 else "entries"
    if len(names) > _LISTED:
        names = [*names[:_LISTED], f"{len(names) - _LISTED} more"]
    return f"{noun} {joined(names)}"
