"""Rows: one for each event, with every telling of it side by side, and where they differ.

No telling is preferred and none is made of two. Of dates a row says which days all tellings allow;
where there are none, they contradict each other, and the row stands where the first can have been.
Rows are laid out by days. That one is before the next is said where the days of all their tellings
show it, and nowhere else: an index orders one ledger and never two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import permutations
from math import inf
from typing import Final, Literal, NamedTuple

from ledger.date_words import format_when
from ledger.dates import Answer, When, instant_s, is_before, possible_days, sort_key
from ledger.folds.moments import date_of
from ledger.progress import Steps, Tell, nobody
from ledger.reconcile.books import Book
from ledger.reconcile.comparing import (
    AFTER,
    BEFORE,
    actor_fields,
    common,
    noun,
    plain_fields,
    when_of,
    who_is_meant,
)
from ledger.reconcile.decisions import Ref
from ledger.reconcile.matches import Group
from ledger.reconcile.parties import Member, Parties
from ledger.reconcile.standings import Standing, standings
from ledger.reconcile.tellings import Telling
from ledger.sentences import title_of
from ledger.wording import field_words, say
from verify.kinds import DateRole, Position, Ranges

__all__ = ["Difference", "Response", "Row", "make_rows", "responses_of"]

_CONTRARY: Final = frozenset(("correct", "deny", "dispute", "object"))
_ASSENTING: Final = frozenset(("admit", "agree", "ratify"))


How = Literal["contradiction", "difference", "wording"]

_CONTRADICTION: Final[How] = "contradiction"
_DIFFERENCE: Final[How] = "difference"


class Difference(NamedTuple):
    """Something that tellings of one event say in two ways.

    Attributes:
        about: What it is about: a date, a field, how it is called, what a party responded.
        how: `contradiction` where both cannot be so; `difference` where one says what the other
            does not; `wording` where the words differ.
        said: What each says, by the place of its telling in the row.
    """

    about: str
    how: How
    said: tuple[tuple[int, str], ...]


class Response(NamedTuple):
    """A party's latest response to an event, or to a field of it, in one ledger.

    What a party says of some items is not its word on the whole, nor is what a key says that is
    said to have been compromised: each stands beside that.

    Attributes:
        party: Who responded.
        stance: How it stands to that.
        field: What it responded to: the field, or `happened`.
        items: The items that it is about; None where it is about all there is.
        disowned: Whether its key is said to have been in other hands.
        value: What it says instead: a date in EDTF, or a text; or the day of receipt.
        date: The same as a date, if it is one that can be read.
    """

    party: str
    stance: str
    field: str
    items: Ranges | None = None
    disowned: bool = False
    value: str | None = None
    date: When | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is the party's word on all of the field."""
        return self.items is None and not self.disowned


class Row(NamedTuple):
    """One event.

    Attributes:
        group: Its tellings, and what joined them.
        when: The days that all its tellings allow, or the date of the only one that is dated;
            None where there are no such days, or it is not dated.
        dated: How `when` came: by one telling, by several that agree, or not at all.
        order: Whether the row before is established to be before; None for the first.
        differences: Where its tellings differ.
        responses: The responses to each telling, in its own ledger.
        signed: Places of tellings of two ledgers, of which the first is proven to be signed before
            the second, by the witnesses of either ledger's charter; of two ledgers that tell it
            several times, those that are farthest apart.
    """

    group: Group
    when: When | None
    dated: Literal["one telling", "in common", "contradicted", "undated"]
    order: Answer | None
    differences: tuple[Difference, ...]
    responses: tuple[tuple[Response, ...], ...]
    signed: tuple[tuple[int, int], ...]


def make_rows(
    groups: Sequence[Group], books: Mapping[str, Book], parties: Parties, tell: Tell = nobody
) -> tuple[Row, ...]:
    """Make the rows of a chronology, laid out by their days, and tell how many are made."""
    responses = {fingerprint: responses_of(book) for fingerprint, book in books.items()}
    stand = standings(groups, books)
    rows, steps = [], Steps(tell("Making row"), len(groups))
    for group in groups:
        row = _row(group, parties, responses, stand)
        rows.append(row._replace(signed=_signed(group, books)))
        steps.step()
    rows.sort(key=lambda row: (_place(row), row.group.tellings[0].ref))
    ordered = []
    for number, row in enumerate(rows):
        order = None if number == 0 else _order(rows[number - 1], row)
        ordered.append(row._replace(order=order))
    return tuple(ordered)


def responses_of(book: Book) -> dict[str, tuple[Response, ...]]:
    """Return the latest response of each party to each event and field, by the event's id."""
    # Of each event, by party, field and whether the key was in other hands: by the items.
    found: dict[str, dict[tuple[str, str, bool], dict[Ranges, Response]]] = defaultdict(dict)
    for told in book.told:
        event = told.event
        if isinstance(event, Position) and told.id not in book.withdrawn:
            field = event.field or "happened"
            role: DateRole = "received" if event.stance == "received" else "value"
            written = (event.dates or {}).get(role)
            latest = Response(
                told.author,
                event.stance,
                field,
                event.items,
                told.disowned,
                told.text("value") if written is None else written.edtf,
                date_of(told, role),
            )
            # That something was received is no answer to whether it is so.
            about = field if event.stance != "received" else f"{field} received"
            key = told.author, about, told.disowned
            if event.items is None:  # about each item, whatever was said of some before
                found[event.on][key] = {(): latest}
            else:
                found[event.on].setdefault(key, {})[event.items] = latest
    return {
        event_id: tuple(one for _, each in sorted(mine.items()) for _, one in sorted(each.items()))
        for event_id, mine in found.items()
    }


def _row(
    group: Group,
    parties: Parties,
    responses: Mapping[str, Mapping[str, tuple[Response, ...]]],
    stand: Mapping[Ref, Standing],
) -> Row:
    dates = [each.moment.when for each in group.tellings if each.moment is not None]
    answered = tuple(responses[t.fingerprint].get(t.told.id, ()) for t in group.tellings)
    when, dated = _when(dates)
    return Row(
        group=group,
        when=when,
        dated=dated,
        order=None,
        differences=(
            *_differences(group.tellings, parties, answered),
            *_standings(group.tellings, stand),
        ),
        responses=answered,
        signed=(),
    )


def _signed(group: Group, books: Mapping[str, Book]) -> tuple[tuple[int, int], ...]:
    by_s: dict[str, tuple[int, int]] = {}
    after_s: dict[str, tuple[int, int]] = {}
    for place, each in enumerate(group.tellings):
        known, ledger = books[each.fingerprint].brackets.get(each.told.id), each.fingerprint
        if known is not None and known.by_s is not None:
            by_s[ledger] = min(by_s.get(ledger, (known.by_s, place)), (known.by_s, place))
        if known is not None and known.after_s is not None:
            latest = after_s.get(ledger, (known.after_s, place))
            after_s[ledger] = max(latest, (known.after_s, place), key=lambda one: one[0])
    return tuple(
        sorted(
            (by_s[one][1], after_s[other][1])
            for one, other in permutations(by_s.keys() | after_s.keys(), 2)
            if one in by_s and other in after_s and by_s[one][0] <= after_s[other][0]
        )
    )


def _when(
    dates: Sequence[When],
) -> tuple[When | None, Literal["one telling", "in common", "contradicted", "undated"]]:
    if not dates:
        return None, "undated"
    if len({when.edtf for when in dates}) == 1:
        return dates[0], "one telling" if len(dates) == 1 else "in common"
    days = common(dates)
    if days is None:
        return None, "contradicted"
    return when_of(days), "in common"


def _place(row: Row) -> tuple[object, ...]:
    if row.dated == "contradicted":
        dates = (each.moment.when for each in row.group.tellings if each.moment is not None)
        return min(map(sort_key, dates))
    return sort_key(row.when)


def _order(before: Row, row: Row) -> Answer:
    """Say whether all dates of one row are before all dates of the next."""
    firsts = _outermost(_dates_of(before), lambda when: -_over(when), -1)
    thens = _outermost(_dates_of(row), _begun, 1)
    surely = all(is_before(one, other) == "yes" for _, one in firsts for _, other in thens)
    return "yes" if firsts and thens and surely else "not established"


def _dates_of(row: Row) -> Iterator[tuple[int, When]]:
    for place, each in enumerate(row.group.tellings):
        if each.moment is not None:
            yield place, each.moment.when


def _outermost(
    dates: Iterable[tuple[int, When]], day: Callable[[When], float], sign: int
) -> list[tuple[int, When]]:
    """Return the dates that decide, whichever one of them is left out, whether another is before.

    Each is compared by its instant or by its days, and what is farthest out by either decides for
    all: one party can tell an event as often as it likes.

    Args:
        dates: Dates with the places of their tellings.
        day: The days that count, the farthest out with the smallest number.
        sign: 1 where the earliest instant is the farthest out, -1 where the latest is.
    """
    timed: list[tuple[int, int, When]] = []
    untimed: list[tuple[int, When]] = []
    for place, when in dates:
        instant = instant_s(when)
        if instant is None:
            untimed.append((place, when))
        else:
            timed.append((sign * instant, place, when))
    found = {place: when for _, place, when in nsmallest(2, timed, key=lambda one: one[0])}
    found |= {place: when for _, place, when in nsmallest(2, timed, key=lambda one: day(one[2]))}
    found |= dict(nsmallest(2, untimed, key=lambda one: day(one[1])))
    return sorted(found.items())


def _begun(when: When) -> float:
    first = possible_days(when).lo
    return -inf if first is None else first.toordinal()


def _over(when: When) -> float:
    last = possible_days(when).hi
    return inf if last is None else last.toordinal()


# Differences


def _differences(
    tellings: Sequence[Telling], parties: Parties, answered: Sequence[tuple[Response, ...]]
) -> Iterator[Difference]:
    if len(tellings) == 1:
        return
    yield from _statuses(tellings, parties, answered)
    if len({each.told.id for each in tellings}) == 1:
        return  # one event, told once and recorded twice
    yield from _kinds(tellings)
    yield from _dates(tellings)
    yield from _fields(tellings)
    yield from _actors(tellings, parties)
    yield from _words(tellings)


def _kinds(tellings: Sequence[Telling]) -> Iterator[Difference]:
    called = [(place, noun(each)) for place, each in enumerate(tellings)]
    if len({word for _, word in called}) > 1:
        yield Difference("what it was", "contradiction", tuple(called))


def _dates(tellings: Sequence[Telling]) -> Iterator[Difference]:
    by_role: dict[DateRole, dict[int, When]] = defaultdict(dict)
    for place, each in enumerate(tellings):
        for role in each.told.event.dates or ():
            when = date_of(each.told, role)
            if when is not None:
                by_role[role][place] = when
    for role, found in sorted(by_role.items()):
        if len({_moment(when) for when in found.values()}) > 1:
            how = _CONTRADICTION if common(found.values()) is None else _DIFFERENCE
            said = tuple((place, format_when(when)) for place, when in sorted(found.items()))
            yield Difference(field_words(f"dates.{role}"), how, said)
    yield from _impossible(by_role)


def _moment(when: When) -> int | str:
    """Return what two spellings of one moment share, whatever their offsets from UTC."""
    instant = instant_s(when)
    return when.edtf if instant is None else instant


def _impossible(by_role: Mapping[DateRole, Mapping[int, When]]) -> Iterator[Difference]:
    """Yield orders that cannot hold: one side has it sent after another has it received.

    Of each that is sent too late one that shows it: any one side can tell it thousands of times.
    """
    for first in BEFORE:
        for then in AFTER:
            earliest = _outermost(by_role.get(then, {}).items(), _over, 1)
            for sender, sent in sorted(by_role.get(first, {}).items()):
                for receiver, received in earliest:
                    if sender != receiver and is_before(received, sent) == "yes":
                        about = f"{first} only after it was {then}"
                        said = ((sender, format_when(sent)), (receiver, format_when(received)))
                        yield Difference(about, "contradiction", tuple(sorted(said)))
                        break


def _fields(tellings: Sequence[Telling]) -> Iterator[Difference]:
    by_name: dict[str, dict[int, object]] = defaultdict(dict)
    for place, each in enumerate(tellings):
        for name, value in plain_fields(each.told.event).items():
            if value != "unknown":
                by_name[name][place] = value
    for name, found in sorted(by_name.items()):
        if len(set(found.values())) > 1:
            said = tuple((p, say(v) if isinstance(v, str) else str(v)) for p, v in found.items())
            yield Difference(name.removesuffix("_").replace("_", " "), "contradiction", said)


def _actors(tellings: Sequence[Telling], parties: Parties) -> Iterator[Difference]:
    """Compare who is named, post and all, under labels that are joined or at least equal."""
    by_name: dict[str, dict[int, tuple[str, ...]]] = defaultdict(dict)
    for place, each in enumerate(tellings):
        for name, actors in actor_fields(each.told.event).items():
            by_name[name][place] = actors
    for name, found in sorted(by_name.items()):
        meant = {
            place: who_is_meant(tellings[place], actors, parties) for place, actors in found.items()
        }
        if len(set(meant.values())) > 1:
            # Labels that nothing joins may mean one party: then it is no contradiction.
            known = all(root[0] for actors in meant.values() for root in actors)
            disjoint = not frozenset.intersection(*meant.values())
            how = _CONTRADICTION if known and disjoint else _DIFFERENCE
            said = tuple((place, ", ".join(actors)) for place, actors in sorted(found.items()))
            apart = "" if known else ", by labels that nothing joins"
            yield Difference(f"{name.replace('_', ' ')}{apart}", how, said)


def _words(tellings: Sequence[Telling]) -> Iterator[Difference]:
    said = tuple(
        (place, title_of(each.told) or "") for place, each in enumerate(tellings) if each.title
    )
    if len({tellings[place].title for place, _ in said}) > 1:
        yield Difference("the words for it", "wording", said)


def _standings(tellings: Sequence[Telling], stand: Mapping[Ref, Standing]) -> Iterator[Difference]:
    """Yield where a request stands, if its ledgers do not agree on that."""
    found = {p: stand[each.ref] for p, each in enumerate(tellings) if each.ref in stand}
    if len({one.state for one in found.values()}) > 1:
        # Who tells of no answer does not say that there was none.
        how = _DIFFERENCE if any(one.untouched for one in found.values()) else _CONTRADICTION
        said = tuple((place, one.words) for place, one in sorted(found.items()))
        yield Difference("where the request stands", how, said)


def _statuses(
    tellings: Sequence[Telling], parties: Parties, answered: Sequence[tuple[Response, ...]]
) -> Iterator[Difference]:
    """Yield fields that one party accepts in one ledger and contests in another."""
    by_party: dict[tuple[Member, str], dict[int, Response]] = defaultdict(dict)
    for place, responses in enumerate(answered):
        for response in responses:
            if response.is_whole and response.stance in _CONTRARY | _ASSENTING:
                root = parties.root(tellings[place].fingerprint, response.party)
                by_party[root, response.field][place] = response
    for (_, field), found in sorted(by_party.items(), key=lambda item: (item[0][1], item[0][0])):
        if len({response.stance in _CONTRARY for response in found.values()}) > 1:
            said = tuple(
                (place, f"{response.party}: {say(response.stance)}")
                for place, response in sorted(found.items())
            )
            yield Difference(f"the response to {field_words(field)}", "contradiction", said)
