"""Readings: what one open ledger tells its readers, kept ready between their questions.

The view is kept up to the ledger: only what is new is read, and the same entries are never parsed
twice. Views, folds and whole answers are kept as well, each for a size and an audience, within
bounds; what was asked longest ago is forgotten first. An answer is worked out once, however many
ask for it at a time. Nothing here is written to disk, and nothing is signed.

Two things change what is told of a size that was read already, and then what is kept of it goes:
an erasure that takes effect, and cosignatures, which date its entries. Only notes of the size that
got some are read again, and what they prove decides: a line that comes when a quorum was complete
before makes nobody wait.

Thread-safe, and for threads: all but `kept` waits for the store. One lock is held while what is
new is read, another while something is worked out from one view: so files and followers do not
wait for long answers. The ledger may be one in which another process records.
"""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from ledger.errors import NotFoundError
from ledger.folds.moments import Moment
from ledger.folds.queue import Queues, fold_queues, grow_queues
from ledger.folds.reading import Reading, grow, read
from ledger.folds.timeline import LaidOut, lay_out, lay_out_more
from ledger.ledger import Ledger
from ledger.plain import Plain
from ledger.replies import event_row
from ledger.view import View
from ledger.viewing import ViewBuilder
from verify.brackets import Brackets, Committed, Cosigned
from verify.claims import File, parse_disclosure
from verify.kinds import Event

__all__ = ["Answer", "Query", "Readings", "Seen"]

_AT_ONCE: Final = 1024  # entries of which the disclosures are read together
_VIEWS: Final = 8
_EVENTS: Final = 200_000  # of all views that are kept, where there are several: some 100 MB
_FOLDS: Final = 4
_DAYS: Final = 2  # of which queues are kept: today's, and the last that was asked for
_CHANGED: Final = 16_384  # with more changes since, what nobody asked for is worked out anew
_LONG_S: Final = 1.0
_OCTETS: Final = 16 << 20
_PART: Final = 4  # of the room for answers: no answer may have more than such a part of it

_NEVER: Final = 1 << 53  # a size that no log has

_Notes: TypeAlias = "dict[int, dict[bytes, Cosigned | None]]"  # size, SHA-256; None: dates nothing
K = TypeVar("K")
V = TypeVar("V")


class Query(NamedTuple):
    """What somebody asks.

    Attributes:
        audience: For whom the answer is: a party or "public".
        size: Of how many entries it is.
        words: What is asked, in full.
    """

    audience: str
    size: int
    words: tuple[str, ...]


class Answer(NamedTuple):
    """What somebody is answered: JSON, and a tag that no other answer has."""

    body: bytes
    tag: str


class _Old(NamedTuple, Generic[V]):
    """What was worked out at an earlier size, and what changed since."""

    value: V
    changed: frozenset[str]


def _old(value: V | _Old[V], changed: frozenset[str]) -> _Old[V]:
    if isinstance(value, _Old):
        return _Old(value.value, value.changed | changed)
    return _Old(value, changed)


class Seen:
    """A view, and what is worked out from it, each once.

    Attributes:
        view: The view.
        folding: Held by whoever works something out, but for `files`.
    """

    def __init__(self, view: View, *, before: Seen | None = None) -> None:
        """Work with `view`.

        Args:
            view: The view.
            before: What was worked out for the same audience at a size that is no larger: what
                is asked is worked out from that, as far as it has what is needed.
        """
        self.view = view
        self.folding = threading.Lock()
        self._before = before
        self._read: Reading | None = None
        self._readings: _Kept[dt.date, Reading] = _Kept(_FOLDS)
        self._laid_out: _Kept[tuple[dt.date, str | None], LaidOut | _Old[LaidOut]] = _Kept(_FOLDS)
        self._queues: _Kept[dt.date, Queues | _Old[Queues]] = _Kept(_DAYS)

    @property
    def last_read(self) -> Seen | None:
        """This, if it has been read for folding; else what it grows from."""
        before = self._before  # asked for first: it goes when this has been read
        return before if self._read is None else self

    @property
    def dates(self) -> Mapping[str, Moment]:
        """The date that stands for each event, by id."""
        return self._whole().dates

    @cached_property
    def files(self) -> Mapping[str, File]:
        """The files that open claims name, by hash."""
        found: dict[str, File] = {}
        for told in self.view.told:
            for _, value in sorted(told.claims.items()):
                if isinstance(value, File):
                    found.setdefault(value.sha256, value)
        return found

    def reading(self, as_at: dt.date) -> Reading:
        """Return the view, read as at a day."""
        whole = self._whole()
        return self._readings.get(as_at, lambda: whole.at(as_at))

    def laid_out(self, as_at: dt.date, party: str | None = None) -> LaidOut:
        """Return the chronology as at a day, of which the rows are still to be made."""
        reading = self.reading(as_at)
        found = self._laid_out.get((as_at, party), lambda: lay_out(reading, party=party))
        if isinstance(found, _Old):
            found = lay_out_more(found.value, reading, found.changed)
            self._laid_out.put((as_at, party), found)
        return found

    def queues(self, as_at: dt.date) -> Queues:
        """Return what awaits each party as at a day, of which the rows are still to be made."""
        reading = self.reading(as_at)
        found = self._queues.get(as_at, lambda: fold_queues(reading))
        if isinstance(found, _Old):
            found = grow_queues(found.value, reading, found.changed)
            self._queues.put(as_at, found)
        return found

    def _whole(self) -> Reading:
        # Dates, responses and order are the same on whatever day: they are worked out once.
        if self._read is None:
            before = self._before
            if before is None:
                self._read = read(self.view, as_at=dt.date.max)
            else:
                with before.folding:
                    self._read = self._grown(before)
            self._before = None
        return self._read

    def _grown(self, before: Seen) -> Reading:
        whole, changed = grow(before._whole(), self.view)
        # What is worked out from a reading grows when it is asked for, if it is soon enough.
        for key, laid_out in before._laid_out.items():
            old = _old(laid_out, changed)
            if len(old.changed) < _CHANGED:
                self._laid_out.put(key, old)
        for day, queues in before._queues.items():
            stale = _old(queues, changed)
            if len(stale.changed) < _CHANGED:
                self._queues.put(day, stale)
        return whole


class Readings:
    """The readings of one ledger."""

    def __init__(self, ledger: Ledger, *, octets: int = _OCTETS, events: int = _EVENTS) -> None:
        """Read `ledger`, which stays open as long as this is used.

        Args:
            ledger: The ledger.
            octets: How much room kept answers may take.
            events: How many events kept views may have together; one view may have any number.
        """
        self._ledger = ledger
        self._octets = octets
        self._events = events
        self._reading = threading.Lock()
        self._noted: list[int] = []
        self._begin()
        self._keeping = threading.Lock()
        self._forgotten = 0
        self._answers: OrderedDict[Query, Answer] = OrderedDict()
        self._held = 0

    def noted(self, size: int) -> None:
        """Take note that, since the ledger was opened, a note of that size was kept.

        Whoever keeps notes that no submission names says so. For any thread, at once.
        """
        self._noted.append(size)

    def kept(self, query: Query, *, size: int) -> Answer | None:
        """Return an answer that is ready, at once; None if there is none.

        Args:
            query: The query.
            size: The size that the ledger has by now.
        """
        if self._size < size or self._noted:
            return None  # what is new may be an erasure, or date any entry
        return self._find(query)

    def _find(self, query: Query) -> Answer | None:
        with self._keeping:
            answer = self._answers.get(query)
            if answer is not None:
                self._answers.move_to_end(query)
        return answer

    def answer(self, query: Query, make: Callable[[Seen], object]) -> Answer:
        """Return the answer to a query.

        Args:
            query: The query.
            make: Makes the values, which become JSON.

        Raises:
            NotFoundError: The ledger has not the size asked for.
        """
        began_s = time.monotonic()
        with self._reading:
            self._catch_up()
            forgotten = self._forgotten
            seen = self._seen(query.size, query.audience)
        with seen.folding:
            answer = self._find(query)
            if answer is None:
                body = msgspec.json.encode(make(seen), order="sorted")
                answer = Answer(body, hashlib.sha256(body).hexdigest()[:32])
                self._keep(query, answer, forgotten)
                if time.monotonic() - began_s > _LONG_S:
                    # What took long to work out is large, and stays. Looking through millions of
                    # such objects for circles, of which there are none, would hold up a question
                    # for a second every now and then.
                    gc.freeze()
            return answer

    def view(self, audience: str, *, size: int | None = None) -> View:
        """Return what is told to an audience.

        Args:
            audience: A party or "public".
            size: Of how many entries; None for all there are by now.

        Raises:
            NotFoundError: The ledger has not the size asked for.
        """
        with self._reading:
            self._catch_up()
            return self._seen(self._builder.size if size is None else size, audience).view

    def file(self, audience: str, sha256: str) -> File | None:
        """Return the file of that hash that an open claim names; None if none does."""
        with self._reading:
            self._catch_up()
            return self._seen(self._builder.size, audience).files.get(sha256)

    def rows(
        self, audience: str, *, start: int, stop: int
    ) -> Sequence[tuple[int, list[dict[str, Plain]]]]:
        """Return what took effect with each entry from `start` to before `stop`, a line each.

        As it is told by now. It costs what these entries cost, however large the ledger is.
        """
        with self._reading:
            self._catch_up()
            by_id = self._builder.by_id(audience)
            told = self._builder.told(start, stop, audience=audience)
            return [
                (index, [event_row(each, by_id) for each in together])
                for index, together in groupby(told, key=lambda each: each.index)
            ]

    def disclosures(
        self, audience: str, *, start: int, stop: int
    ) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield the disclosures at the entries from `start` to before `stop` that are told by now.

        Of each entry that has any: its index, and its disclosures sorted by claim name.
        """
        with self._reading:
            self._catch_up()
            told = list(self._builder.told(start, stop, audience=audience))
        for each in told:
            if each.claims:
                texts = self._ledger.disclosures(each.index)
                yield each.index, tuple(t for t in texts if parse_disclosure(t).name in each.claims)

    def _begin(self) -> None:
        self._block: dict[int, tuple[str, ...]] = {}
        self._blocked = range(0)
        self._builder = ViewBuilder(self._disclosures)
        self._views = self._no_views()
        self._latest: _Kept[str, Seen] = _Kept(_VIEWS, room=self._events, weigh=_weight)
        self._size = 0
        self._notes: _Notes | None = None
        self._named: set[bytes] = set()
        self._heard = 0

    def _no_views(self) -> _Kept[tuple[int, str], Seen]:
        return _Kept(_VIEWS, room=self._events, weigh=_weight)

    def _disclosures(self, index: int, owner: Event) -> Sequence[str]:
        if owner.sealed is None:
            return ()
        if index in self._blocked:
            return self._block.get(index, ())
        return self._ledger.disclosures(index)

    def _catch_up(self) -> None:
        size = self._ledger.size()
        erased = len(self._builder.erased)
        try:
            while (start := self._builder.size) < size:
                self._read(start, min(size, start + _AT_ONCE))
            noted = tuple(self._noted)
            since = self._date(noted)
        except BaseException:
            self._begin()  # half an entry may have been folded
            raise
        self._forget(0 if len(self._builder.erased) != erased else since)
        # Not before: until then whoever asks for what is kept is not given it.
        self._noted[: len(noted)] = [each for each in noted if each > size]
        self._size = size

    def _date(self, noted: Collection[int]) -> int:
        """Read the notes that were kept, at these sizes and by submissions.

        Returns:
            The least size of which something else may be told now.
        """
        new = self._builder.named[self._heard :]
        self._heard += len(new)
        self._named.update(each.note for each in new)
        if self._notes is None:
            self._notes = {}
            for note in self._ledger.notes():
                dated = self._builder.dated(note)
                if dated is not None:
                    self._notes.setdefault(dated.size, {})[dated.note] = dated
            return 0
        sizes = {each for each in noted if each <= self._builder.size}
        sizes.update(each.seen_size for each in new)
        return min((size for size in sizes if self._dates_anew(self._notes, size)), default=_NEVER)

    def _dates_anew(self, notes: _Notes, size: int) -> bool:
        """Read the notes of a size again; tell whether they prove anything else than before."""
        before = notes.pop(size, {})
        now: dict[bytes, Cosigned | None] = {}
        for note in self._ledger.notes_of(size):
            digest = hashlib.sha256(note).digest()
            now[digest] = before[digest] if digest in before else self._builder.dated(note)
        notes[size] = now
        return self._proven(before) != self._proven(now)

    def _proven(self, notes: Mapping[bytes, Cosigned | None]) -> Brackets:
        """Return what notes of one size prove, in whatever entries that concern."""
        dated = _counting(notes)
        named = [
            Committed(number, 0, each.note)
            for number, each in enumerate(dated)
            if each.note in self._named
        ]
        return Brackets(covering=dated, seen=dated, statements=named)

    def _forget(self, since: int) -> None:
        """Forget what is kept of sizes from `since` on."""
        self._views.drop(lambda key: key[0] >= since)
        with self._keeping:
            self._forgotten += since < _NEVER
            for query in [query for query in self._answers if query.size >= since]:
                self._held -= len(self._answers.pop(query).body)

    def _read(self, start: int, stop: int) -> None:
        self._block, self._blocked = {}, range(start, stop)
        for index, texts in self._ledger.disclosed(start):
            if index >= stop:
                break
            self._block[index] = texts
        for data in self._ledger.entries(start, stop):
            self._builder.add(data)
        self._block, self._blocked = {}, range(0)

    def _seen(self, size: int, audience: str) -> Seen:
        if not 0 < size <= self._builder.size:
            raise NotFoundError(f"size {size} in a log of {self._builder.size} entries")
        return self._views.get((size, audience), lambda: self._look(size, audience))

    def _look(self, size: int, audience: str) -> Seen:
        dated = [each for notes in (self._notes or {}).values() for each in _counting(notes)]
        if size < self._builder.size:
            at = size, self._ledger.root_at(size).hex()
            return Seen(self._builder.view(audience=audience, at=at, dated=dated))
        before = self._latest.find(audience)
        view = self._builder.view(
            audience=audience, dated=dated, before=None if before is None else before.view
        )
        seen = Seen(view, before=None if before is None else before.last_read)
        self._latest.put(audience, seen)
        return seen

    def _keep(self, query: Query, answer: Answer, forgotten: int) -> None:
        if len(answer.body) > self._octets // _PART:
            return
        with self._keeping:
            if self._forgotten != forgotten:
                return  # what was erased meanwhile may be in it
            self._answers[query] = answer
            self._held += len(answer.body)
            while self._held > self._octets:
                _, old = self._answers.popitem(last=False)
                self._held -= len(old.body)


def _weight(seen: Seen) -> int:
    return len(seen.view.told)


def _counting(notes: Mapping[bytes, Cosigned | None]) -> list[Cosigned]:
    return [each for each in notes.values() if each is not None]


class _Kept(Generic[K, V]):
    """Keeps the values that were asked for last: so many, and of so much weight together."""

    def __init__(
        self, most: int, *, room: int = 0, weigh: Callable[[V], int] = lambda _: 0
    ) -> None:
        self._most = most
        self._room = room
        self._weigh = weigh
        self._values: OrderedDict[K, V] = OrderedDict()

    def find(self, key: K) -> V | None:
        """Return the value of a key; None if it is not kept."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key, made if it is not kept."""
        value = self.find(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value, instead of any other of that key."""
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > 1 and (
            len(self._values) > self._most
            or sum(map(self._weigh, self._values.values())) > self._room
        ):
            self._values.popitem(last=False)

    def items(self) -> list[tuple[K, V]]:
        """Return what is kept, what was asked for last last."""
        return list(self._values.items())

    def drop(self, out: Callable[[K], bool]) -> None:
        """Forget the values of some keys."""
        for key in [key for key in self._values if out(key)]:
            del self._values[key]
