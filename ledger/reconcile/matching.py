"""Which tellings are of one event, how certain that is, and on what ground.

certain     one event id in several ledgers, signed by one party; a `same_as` link that both sides
            signed; the same octets of the document that events of one kind are about, of which
            either ledger has one, their dates not at odds, nor who sent it to whom
confirmed   by a decision
probable    one Message-ID, with date, sender and subject not at odds; a `same_as` link of one side;
            one event id under different keys; the same octets, with dates that cannot both be, or
            from or to others; what would be certain by a signature, if no ledger said that its key
            was in other hands
possible    one kind, a party or title in common, and days that meet or nearly do; the same document
            under two kinds; the same step of one event; requests about one letter, whatever their
            days

A link counts as long as the telling that has it is not withdrawn; and which of several tellings of
one ledger is meant is no question where all but one of them are.

What is possible joins nothing: it is put to a person, with its reasons and what speaks against it.
No pair is compared that does not share a bucket, and buckets are bounded: where too many are alike,
that is said. The order of the sources changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Final, NamedTuple

from ledger.dates import candidates
from ledger.progress import Steps, Tell, nobody
from ledger.reconcile.comparing import (
    MAX_DAYS_APART,
    Comparison,
    actors_at_odds,
    compare,
    compare_mails,
    dates_at_odds,
    noun,
)
from ledger.reconcile.decisions import Decisions
from ledger.reconcile.matches import Certainty, Crowd, Ground, Group, Match, Matches
from ledger.reconcile.parties import Member, Parties
from ledger.reconcile.tellings import Telling
from verify.kinds import Communication, Knowledge, Request, Step

__all__ = ["MAX_PROPOSED", "match"]

MAX_PROPOSED: Final = 4
"""Possible matches that one telling has in the result."""

_MOST: Final = 24  # tellings of one ledger in a bucket whose pairs are looked at
# Tellings with which one is compared for what it shares with them, and how often it may meet them:
# on each day that both can be of, and by each party that both name.
_MOST_LOOKED: Final = 512
_MOST_MET: Final = 4096
_VAGUE: Final = 31  # days: a date of more is too vague to look for others by it
_WINDOW: Final = -(-MAX_DAYS_APART // 2)


def match(
    tellings: Sequence[Telling], parties: Parties, decisions: Decisions, tell: Tell = nobody
) -> Matches:
    """Match tellings.

    Args:
        tellings: Those of all ledgers, by ledger and then index.
        parties: Which labels are one party.
        decisions: What a person decided.
        tell: Is told how far the long parts are.
    """
    return _Matcher(tellings, parties, decisions, tell).matches()


class _Matcher:
    def __init__(
        self, tellings: Sequence[Telling], parties: Parties, decisions: Decisions, tell: Tell
    ) -> None:
        self._tellings = tellings
        self._parties = parties
        self._decisions = decisions
        self._tell = tell
        self._place = {each.ref: number for number, each in enumerate(tellings)}
        self._roots = [
            frozenset(parties.root(each.fingerprint, label) for label in each.labels)
            for each in tellings
        ]
        self._shares = [
            _shares(each, mine) for each, mine in zip(tellings, self._roots, strict=True)
        ]
        self._spans = [_spans(each) for each in tellings]
        self._parent = list(range(len(tellings)))
        self._members = [[number] for number in range(len(tellings))]
        self._ledgers = [{each.fingerprint} for each in tellings]
        self._joined: dict[int, list[Match]] = defaultdict(list)
        self._apart: dict[int, set[int]] = defaultdict(set)
        for one, other in decisions.reject:
            self._apart[self._place[one]].add(self._place[other])
            self._apart[self._place[other]].add(self._place[one])
        self._proposed: dict[tuple[int, int], tuple[int, Match | None]] = {}
        self._looked: dict[int, set[int]] = defaultdict(set)
        self._met = [0] * len(tellings)
        self._crowds: dict[tuple[str, str, str], tuple[set[int], set[int]]] = {}

    def matches(self) -> Matches:
        self._same_events()
        self._confirmed()
        links = list(self._links())
        for pair, both in links:
            if both and not self._by_other_hands(pair):
                self._join(pair, "linked by both", "certain", _LINKED_BY_BOTH, several=True)
        at_odds = self._same_octets()
        for pair, both in links:
            if not both:
                self._join(pair, "linked by one", "probable", _LINKED_BY_ONE)
            elif self._by_other_hands(pair):
                self._join(pair, "linked by both", "probable", _doubted(_LINKED_BY_BOTH))
        for pair, found in at_odds:
            self._join(pair, "same octets", "probable", found)
        self._same_messages()
        self._same_documents()
        self._same_letters()
        self._same_steps()
        self._alike()
        to_confirm, more = self._to_confirm()
        return Matches(tuple(self._groups()), to_confirm, more, self._all_crowds())

    # Joining

    def _find(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def _join(
        self,
        pair: tuple[int, int],
        ground: Ground,
        certainty: Certainty,
        found: Comparison,
        *,
        several: bool = False,
    ) -> None:
        """Join two tellings; where that may not be, put them to a person.

        Args:
            pair: Their places.
            ground: What joins them.
            certainty: How certain that is.
            found: What speaks for it and against it.
            several: Whether two events of one ledger may come to be one by it.
        """
        one, other = sorted(pair)
        first, second = self._find(one), self._find(other)
        why = self._why_apart(first, second, several=several) if first != second else None
        if why is not None:
            against = (*found.against, why)
            self._propose(one, other, _JOINS, self._match(one, other, ground, "possible",
                Comparison(found.reasons, against)))  # fmt: skip
            return
        self._joined[one].append(self._match(one, other, ground, certainty, found))
        if first != second:
            if len(self._members[first]) < len(self._members[second]):
                first, second = second, first
            self._parent[second] = first
            self._members[first] += self._members[second]
            self._ledgers[first] |= self._ledgers[second]

    def _why_apart(self, first: int, second: int, *, several: bool) -> str | None:
        small, large = sorted((first, second), key=lambda root: len(self._members[root]))
        for member in self._members[small]:
            if any(self._find(other) == large for other in self._apart.get(member, ())):
                return "a decision keeps them, or others joined with them, apart"
        if not several and not self._ledgers[first].isdisjoint(self._ledgers[second]):
            return "it would make one event of two that one ledger tells apart"
        return None

    def _match(
        self, one: int, other: int, ground: Ground, certainty: Certainty, found: Comparison
    ) -> Match:
        refs = (self._tellings[one].ref, self._tellings[other].ref)
        return Match(refs, ground, certainty, found.reasons, found.against)

    def _groups(self) -> Iterator[Group]:
        for number in range(len(self._tellings)):
            if self._find(number) == number:
                members = sorted(self._members[number])
                yield Group(
                    tuple(self._tellings[each] for each in members),
                    tuple(found for each in members for found in self._joined.get(each, ())),
                )

    # What is certain, confirmed or probable

    def _same_events(self) -> None:
        by_id = defaultdict(list)
        for number, each in enumerate(self._tellings):
            by_id[each.told.id].append(number)
        for numbers in by_id.values():
            for other in numbers[1:]:
                one, two = (self._tellings[each] for each in (numbers[0], other))
                signers = [self._parties.root(t.fingerprint, t.told.author) for t in (one, two)]
                # Whoever copies an event into a ledger of its own can sign it there as anybody.
                pair = numbers[0], other
                if one.told.key != two.told.key and signers[0] != signers[1]:
                    self._join(pair, "one event", "probable", _COPIED)
                elif self._by_other_hands(pair):
                    self._join(pair, "one event", "probable", _doubted(_ONE_EVENT))
                else:
                    self._join(pair, "one event", "certain", _ONE_EVENT)

    def _by_other_hands(self, pair: tuple[int, int]) -> bool:
        """Tell whether either is signed by a key that any ledger says was in other hands."""
        return any(self._parties.is_compromised(self._tellings[each].told.key) for each in pair)

    def _confirmed(self) -> None:
        for one, other in self._decisions.confirm:
            pair = self._place[one], self._place[other]
            found = compare(self._tellings[min(pair)], self._tellings[max(pair)], self._parties)
            reasons = ("a decision says so", *found.reasons)
            found = Comparison(reasons, found.against)
            self._join(pair, "decision", "confirmed", found, several=True)

    def _links(self) -> Iterator[tuple[tuple[int, int], bool]]:
        """Yield the pairs that a `same_as` link joins, and whether both sides signed that."""
        linked: dict[tuple[int, int], None] = {}
        for number, each in enumerate(self._tellings):
            for link in each.told.event.links or ():
                target = self._place.get((link.ledger or each.fingerprint, link.event))
                if link.rel == "same_as" and target is not None and not each.withdrawn:
                    linked[number, target] = None
        for one, other in linked:
            authors = [
                self._parties.root(each.fingerprint, each.told.author)
                for each in (self._tellings[one], self._tellings[other])
            ]
            yield (one, other), authors[0] == authors[1] or (other, one) in linked

    def _same_octets(self) -> list[tuple[tuple[int, int], Comparison]]:
        """Join the tellings of one document; return those that cannot both be so."""
        at_odds = []
        buckets: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, each in enumerate(self._tellings):
            if each.main is not None:
                buckets[each.told.kind, each.main].append(number)
        for (kind, _), numbers in buckets.items():
            for pair in self._one_each(numbers, f"{kind}: one document, told several times"):
                one, other = (self._tellings[each] for each in pair)
                who = actors_at_odds(one, other, self._parties)
                against = (*dates_at_odds(one, other), *who)
                if against:
                    at_odds.append((pair, replace(_SAME_OCTETS, against=against)))
                else:
                    self._join(pair, "same octets", "certain", _SAME_OCTETS)
        return at_odds

    def _same_messages(self) -> None:
        buckets: dict[str, list[int]] = defaultdict(list)
        for number, each in enumerate(self._tellings):
            if each.mail is not None and each.mail.message_id:
                buckets[each.mail.message_id].append(number)
        for numbers in buckets.values():
            for pair in self._one_each(numbers, "email: one Message-ID, on several messages"):
                one, other = (self._tellings[each] for each in pair)
                if self._find(pair[0]) == self._find(pair[1]):
                    continue
                found = compare_mails(one, other, self._parties)
                odds = [words for words in found.against if words.endswith(" differs")]
                if odds or len(found.reasons) == 1:
                    self._propose(*pair, _JOINS, self._match(*pair, "same message", "possible",
                        found))  # fmt: skip
                else:
                    self._join(pair, "same message", "probable", found)

    def _one_each(self, numbers: Sequence[int], why: str) -> Iterator[tuple[int, int]]:
        """Yield the pairs of ledgers' tellings, where each ledger has one: else which is whose?"""
        by_ledger: dict[str, set[int]] = defaultdict(set)
        first: dict[str, int] = {}
        standing = {
            self._tellings[n].fingerprint for n in numbers if not self._tellings[n].withdrawn
        }
        for number in numbers:
            each = self._tellings[number]
            if each.withdrawn and each.fingerprint in standing:
                continue
            fingerprint = self._tellings[number].fingerprint
            by_ledger[fingerprint].add(self._find(number))
            first.setdefault(fingerprint, number)
        if len(by_ledger) == 1:
            return
        several = {fingerprint for fingerprint, found in by_ledger.items() if len(found) > 1}
        if several:
            for one, other in combinations(sorted(by_ledger), 2):
                if one in several or other in several:
                    mine = [n for n in numbers if self._tellings[n].fingerprint == one]
                    theirs = [n for n in numbers if self._tellings[n].fingerprint == other]
                    self._crowd(why, mine, theirs)
        single = sorted(first[each] for each in by_ledger if each not in several)
        yield from combinations(single, 2)

    # What is possible

    def _same_documents(self) -> None:
        buckets: dict[str, list[int]] = defaultdict(list)
        for number, each in enumerate(self._tellings):
            if each.main is not None:
                buckets[each.main].append(number)
        for numbers in buckets.values():
            for mine, theirs in self._sides(numbers):
                if len(mine) > _MOST or len(theirs) > _MOST:
                    self._crowd("one document, in too many events of several kinds", mine, theirs)
                    continue
                pairs = [
                    (one, other)
                    for one, other in product(mine, theirs)
                    if self._tellings[one].told.kind != self._tellings[other].told.kind
                ]
                for one, other in pairs:
                    words = f"they call it two things: {self._noun(one)}, {self._noun(other)}"
                    found = compare(self._tellings[one], self._tellings[other], self._parties)
                    reasons = ("they are about the same document, octet for octet", *found.reasons)
                    found = Comparison(reasons, (words, *found.against))
                    self._propose(one, other, _JOINS - 1, self._match(one, other,
                        "same document", "possible", found))  # fmt: skip

    def _same_letters(self) -> None:
        """Propose requests that are told to be about one communication.

        Their days need not meet: how far apart they are is what both sides may be at odds about.
        """
        buckets: dict[int, dict[int, None]] = defaultdict(dict)
        for number, each in enumerate(self._tellings):
            for link in each.told.event.links or ():
                target = self._place.get((link.ledger or each.fingerprint, link.event))
                is_about = isinstance(each.told.event, Request) and link.rel == "about"
                if is_about and target is not None and self._is_letter(target):
                    buckets[self._find(target)][number] = None
        for root, numbers in buckets.items():
            for mine, theirs in self._sides(tuple(numbers)):
                if len(mine) > _MOST or len(theirs) > _MOST:
                    self._crowd("request: about one communication", mine, theirs)
                    continue
                for one, other in product(mine, theirs):
                    found = compare(self._tellings[one], self._tellings[other], self._parties)
                    reasons = (f"both are about one {self._noun(root)}", *found.reasons)
                    found = Comparison(reasons, found.against)
                    self._propose(one, other, _JOINS - 2, self._match(one, other,
                        "same letter", "possible", found))  # fmt: skip

    def _is_letter(self, number: int) -> bool:
        return isinstance(self._tellings[number].told.event, Communication)

    def _same_steps(self) -> None:
        """Propose steps of one event, and knowledge of one, that are told alike."""
        buckets: dict[tuple[int, str], list[int]] = defaultdict(list)
        for number, each in enumerate(self._tellings):
            event = each.told.event
            if isinstance(event, Step | Knowledge):
                target = self._place.get((each.fingerprint, event.of))
                if target is not None:
                    word = event.verb if isinstance(event, Step) else event.mode
                    buckets[self._find(target), word].append(number)
        for numbers in buckets.values():
            for mine, theirs in self._sides(numbers):
                if len(mine) > _MOST or len(theirs) > _MOST:
                    self._crowd("step: the same step of one event", mine, theirs)
                    continue
                for one, other in product(mine, theirs):
                    if self._near(one, other, undated=True):
                        first, second = self._tellings[one], self._tellings[other]
                        found = compare(first, second, self._parties)
                        reasons = ("both are the same step of one event", *found.reasons)
                        found = Comparison(reasons, found.against)
                        self._propose(one, other, self._weight(one, other), self._match(one, other,
                            "same step", "possible", found))  # fmt: skip

    def _alike(self) -> None:
        """Propose tellings of one kind whose days meet, or nearly, and that share a party."""
        near: dict[tuple[object, ...], list[int]] = defaultdict(list)
        exact: dict[tuple[object, ...], list[int]] = defaultdict(list)
        titled: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for number, each in enumerate(self._tellings):
            kind = each.told.kind
            if isinstance(each.told.event, Step | Knowledge):
                continue
            days = _days(self._spans[number])
            for day in days:
                exact[kind, day].append(number)
            for day in range(days.start - _WINDOW, days.stop + _WINDOW) if days else ():
                near[kind, day].append(number)
            if each.title:
                titled[kind, each.title].append(number)
        steps = Steps(self._tell("Comparing day or title"), len(exact) + len(near) + len(titled))
        for numbers in exact.values():
            self._pairs_of(numbers, crowded=True)
            steps.step()
        for numbers in near.values():
            self._pairs_of(numbers, crowded=False)
            steps.step()
        for numbers in titled.values():
            if any(not _days(self._spans[number]) for number in numbers):
                self._pairs_of(numbers, crowded=False)
            steps.step()

    def _pairs_of(self, numbers: Sequence[int], *, crowded: bool) -> None:
        for mine, theirs in self._sides(numbers):
            if len(mine) <= _MOST and len(theirs) <= _MOST:
                self._look(mine, theirs)
                continue
            kept: set[int] = set()
            for few, others in self._split(mine, theirs):
                if len(few) <= _MOST and len(others) <= _MOST:
                    self._look(few, others)
                    kept |= {*few, *others}
            if crowded:
                kind = self._tellings[mine[0]].told.kind
                why = f"{kind}: the same days as too many others"
                self._crowd(
                    why, [n for n in mine if n not in kept], [n for n in theirs if n not in kept]
                )

    def _split(
        self, mine: Sequence[int], theirs: Sequence[int]
    ) -> Iterator[tuple[list[int], list[int]]]:
        """Split a crowd by what its members share: a title, a party."""
        halves: list[dict[object, list[int]]] = []
        for numbers in (mine, theirs):
            shares: dict[object, list[int]] = defaultdict(list)
            for number in numbers:
                for share in self._shares[number]:
                    shares[share].append(number)
            halves.append(shares)
        for share, few in halves[0].items():
            if share in halves[1]:
                yield few, halves[1][share]

    def _look(self, mine: Sequence[int], theirs: Sequence[int]) -> None:
        for one in mine:
            self._met[one] += len(theirs)
            met, looked = self._met[one] > _MOST_MET, self._looked[one]
            for other in theirs:
                if other in looked:
                    continue
                if met or max(len(looked), len(self._looked[other])) >= _MOST_LOOKED:
                    kind = self._tellings[one].told.kind
                    self._crowd(f"{kind}: alike with too many others", [one], [other])
                elif not self._covered(one, other):
                    looked.add(other)
                    self._looked[other].add(one)
                    weight = self._weight(one, other)
                    if weight and self._near(one, other, undated=True):
                        self._propose(one, other, weight, None)

    def _weight(self, one: int, other: int) -> int:
        """Weigh what two tellings share: nothing, if neither a title nor a party."""
        first, second = self._tellings[one], self._tellings[other]
        titles = bool(first.title) and first.title == second.title
        certain = len(self._roots[one] & self._roots[other])
        alike = len(first.labels & second.labels)
        if not (titles or certain or alike):
            return 0
        met = int(self._near(one, other, undated=False))
        return titles * _TITLED + (met << 18) + (min(certain, 255) << 8) + min(alike, 255) + 1

    def _near(self, one: int, other: int, *, undated: bool) -> bool:
        """Tell whether two tellings' days meet; with `undated`, or nearly, or one has none."""
        first, second = self._spans[one], self._spans[other]
        if not (first and second):
            return undated
        apart = min(max(b.lo - a.hi, a.lo - b.hi) for a in first for b in second)
        return apart <= (MAX_DAYS_APART if undated else 0)

    def _sides(self, numbers: Sequence[int]) -> Iterator[tuple[list[int], list[int]]]:
        """Yield the tellings of each pair of ledgers, as far as they are not matched already."""
        by_ledger: dict[str, list[int]] = defaultdict(list)
        for number in numbers:
            by_ledger[self._tellings[number].fingerprint].append(number)
        for one, other in combinations(sorted(by_ledger), 2):
            mine = [n for n in by_ledger[one] if other not in self._ledgers[self._find(n)]]
            theirs = [n for n in by_ledger[other] if one not in self._ledgers[self._find(n)]]
            if mine and theirs:
                yield mine, theirs

    def _covered(self, one: int, other: int) -> bool:
        """Tell whether either is matched in the other's ledger, or a decision keeps them apart."""
        first, second = self._tellings[one], self._tellings[other]
        return (
            second.fingerprint in self._ledgers[self._find(one)]
            or first.fingerprint in self._ledgers[self._find(other)]
            or other in self._apart.get(one, ())
        )

    def _propose(self, one: int, other: int, weight: int, found: Match | None) -> None:
        before = self._proposed.get((one, other))
        if before is None or before[0] < weight:
            self._proposed[one, other] = (weight, found)

    def _to_confirm(self) -> tuple[tuple[Match, ...], int]:
        counts: dict[int, int] = defaultdict(int)
        titled: set[int] = set()
        chosen, more = [], 0
        ranked = sorted((-weight, pair) for pair, (weight, _) in self._proposed.items())
        steps = Steps(self._tell("Weighing match"), len(ranked))
        for weight, (one, other) in ranked:
            steps.step()
            found = self._proposed[one, other][1]
            if self._find(one) == self._find(other) or other in self._apart.get(one, ()):
                continue
            if found is None and self._covered(one, other):
                continue
            # Whoever has a namesake is not told of others that merely share a day and a party.
            weaker = found is None and -weight < _TITLED and not titled.isdisjoint((one, other))
            if weaker or max(counts[one], counts[other]) >= MAX_PROPOSED:
                more += 1
                continue
            counts[one] += 1
            counts[other] += 1
            if -weight >= _TITLED:
                titled.update((one, other))
            if found is None:
                pair = compare(self._tellings[one], self._tellings[other], self._parties)
                found = self._match(one, other, "alike", "possible", pair)
            chosen.append(found)
        return tuple(chosen), more

    # What is bounded

    def _crowd(self, why: str, mine: Iterable[int], theirs: Iterable[int]) -> None:
        mine, theirs = list(mine), list(theirs)
        if mine and theirs:
            key = (why, self._tellings[mine[0]].fingerprint, self._tellings[theirs[0]].fingerprint)
            first, second = self._crowds.setdefault(key, (set(), set()))
            first.update(mine)
            second.update(theirs)

    def _all_crowds(self) -> tuple[Crowd, ...]:
        return tuple(
            Crowd(why, ((one, len(mine)), (other, len(theirs))))
            for (why, one, other), (mine, theirs) in sorted(self._crowds.items())
        )

    def _noun(self, number: int) -> str:
        return noun(self._tellings[number])


_TITLED: Final = 1 << 20  # weighs a title that is the same
_JOINS: Final = 1 << 30  # weighs more than anything that two tellings merely share
_ONE_EVENT: Final = Comparison(("the event id is the same, and so is who signed it",), ())
_COPIED: Final = Comparison(
    ("the event id is the same",),
    ("different keys signed it: one of the two can be a copy under a name that is not its own",),
)
_LINKED_BY_BOTH: Final = Comparison(("a link says that they are one, signed by both sides",), ())
_LINKED_BY_ONE: Final = Comparison(
    ("a link says that they are one",), ("only one side has signed that",)
)
_SAME_OCTETS: Final = Comparison(
    (
        "they are about the same document, octet for octet",
        "neither ledger has two such events that stand",
    ),
    (),
)


def _doubted(found: Comparison) -> Comparison:
    words = "a ledger says that a key which signed this was in other hands"
    return replace(found, against=(*found.against, words))


class _Span(NamedTuple):
    """Days in a row, by ordinal, both ends included."""

    lo: int
    hi: int


def _shares(telling: Telling, roots: Iterable[Member]) -> tuple[object, ...]:
    """Return what a telling can share with others, in order: it is compared with the first."""
    labels = (("label", label) for label in sorted(telling.labels))
    return (*([telling.title] if telling.title else []), *sorted(roots), *labels)


def _spans(telling: Telling) -> tuple[_Span, ...]:
    """Return the days on which it can have been; nothing if it is not dated."""
    if telling.moment is None:
        return ()
    first, last = dt.date.min, dt.date.max
    return tuple(
        _Span((days.lo or first).toordinal(), (days.hi or last).toordinal())
        for days in candidates(telling.moment.when)
    )


def _days(spans: Sequence[_Span]) -> range:
    """Return the days from the first to the last; none where they are too many."""
    if not spans or spans[-1].hi - spans[0].lo > _VAGUE:
        return range(0)
    return range(spans[0].lo, spans[-1].hi + 1)
