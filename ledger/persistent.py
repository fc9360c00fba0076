"""Large maps and sequences of which a changed copy shares what did not change.

A ledger of 100,000 events is read at one size after another. What was worked out at each stays as
it is, for whoever still answers from it, and what a new event adds costs no more than the few
places that it touches. Nothing here is changed once it is made, but by a `Draft` until it is done.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import accumulate, chain
from typing import Any, Final, Protocol, TypeVar, overload

__all__ = ["Blocks", "ById", "Draft"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
V = TypeVar("V")
K = TypeVar("K", bound="_Ordered")

_DIGITS: Final = 3  # of an id, in hex, that choose one of 4,096 buckets
_WIDTH: Final = 512  # of a block when it is made; it is split when it has twice as many
_FEW: Final = 16  # with fewer old items for each new one, sorting all is quicker than searching


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - as those of Python are typed


class _Buckets(Mapping[str, V]):
    """Values by event id, in buckets by its first digits."""

    __slots__ = ("_buckets", "_size")

    def __init__(self, buckets: dict[str, dict[str, V]], size: int) -> None:
        self._buckets = buckets
        self._size = size

    def __getitem__(self, event_id: str) -> V:
        return self._buckets[event_id[:_DIGITS]][event_id]

    @overload
    def get(self, event_id: str, /) -> V | None: ...
    @overload
    def get(self, event_id: str, /, default: V | T) -> V | T: ...
    def get(self, event_id: str, /, default: V | T | None = None) -> V | T | None:
        """Return the value of an id; `default` if it has none."""
        # What `Mapping` has raises an error for each id without a value: many have none.
        bucket = self._buckets.get(event_id[:_DIGITS])
        return default if bucket is None else bucket.get(event_id, default)

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._buckets.values())

    def __len__(self) -> int:
        return self._size

    def draft(self) -> Draft[V]:
        """Begin a changed copy."""
        return Draft(dict(self._buckets), self._size)


class ById(_Buckets[V]):
    """Values by event id, in hex; that one id comes before another means nothing."""

    __slots__ = ()

    def __init__(self, buckets: dict[str, dict[str, V]] | None = None, size: int = 0) -> None:
        """Take over buckets that nobody changes any more; without any, have no values."""
        super().__init__({} if buckets is None else buckets, size)

    @classmethod
    def of(cls, values: Mapping[str, V]) -> ById[V]:
        """Hold these values."""
        draft = cls().draft()
        draft.update(values)
        return draft.done()


class Draft(_Buckets[V], MutableMapping[str, V]):
    """A map that is being made from another, which stays as it is."""

    __slots__ = ("_own",)

    def __init__(self, buckets: dict[str, dict[str, V]], size: int) -> None:
        """Begin with the buckets of another map, of so many values together."""
        super().__init__(buckets, size)
        self._own: set[str] = set()

    def __setitem__(self, event_id: str, value: V) -> None:
        bucket = self._bucket(event_id)
        before = len(bucket)
        bucket[event_id] = value
        self._size += len(bucket) - before

    def __delitem__(self, event_id: str) -> None:
        del self._bucket(event_id)[event_id]
        self._size -= 1

    def done(self) -> ById[V]:
        """Return the map as it is now; the draft must not be used any more."""
        return ById(self._buckets, self._size)

    def _bucket(self, event_id: str) -> dict[str, V]:
        digits = event_id[:_DIGITS]
        if digits not in self._own:
            self._own.add(digits)
            self._buckets[digits] = dict(self._buckets.get(digits, {}))
        return self._buckets[digits]


class Blocks(Sequence[T_co]):
    """A sequence in blocks, of which a changed copy shares those without a change."""

    __slots__ = ("_blocks", "_starts")

    def __init__(self, items: Iterable[T_co] = ()) -> None:
        """Hold `items`."""
        whole = tuple(items)
        self._set(tuple(whole[n : n + _WIDTH] for n in range(0, len(whole), _WIDTH)))

    def _set(self, blocks: tuple[tuple[T_co, ...], ...]) -> None:
        self._blocks = blocks
        self._starts = list(accumulate(map(len, blocks), initial=0))

    @classmethod
    def _of(cls, blocks: Iterable[tuple[T_co, ...]]) -> Blocks[T_co]:
        made = cls()
        made._set(tuple(chain.from_iterable(map(_split, blocks))))
        return made

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, place: int) -> T_co: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, place: int | slice) -> T_co | tuple[T_co, ...]:
        if isinstance(place, slice):
            places = range(*place.indices(len(self)))
            return tuple(self)[place] if len(places) > _WIDTH else tuple(self[n] for n in places)
        number = place if place >= 0 else place + len(self)
        if not 0 <= number < len(self):
            raise IndexError(place)
        block = bisect_right(self._starts, number) - 1
        return self._blocks[block][number - self._starts[block]]

    def __iter__(self) -> Iterator[T_co]:
        return chain.from_iterable(self._blocks)

    def __reversed__(self) -> Iterator[T_co]:
        return chain.from_iterable(map(reversed, reversed(self._blocks)))

    def __eq__(self, other: object) -> bool:
        """Tell whether another has the same items in the same order."""
        if not isinstance(other, Blocks):
            return NotImplemented
        return len(self) == len(other) and not any(True for _ in self.differing(other))

    __hash__ = None  # type: ignore[assignment]  # as of any collection

    def __repr__(self) -> str:
        return repr(tuple(self))

    def differing(self, other: Blocks[Any]) -> Iterator[int]:
        """Yield the places at which another, which is no shorter, has another item.

        Blocks that both share are not looked at.
        """
        starts = list(zip(self._starts, other._starts, strict=False))[:-1]
        if all(mine == its for mine, its in starts):
            parts = list(zip(self._starts, self._blocks, other._blocks, strict=False))
        else:
            parts = [(0, tuple(self), tuple(other))]
        for start, mine, its in parts:
            if mine is not its:
                pairs = zip(mine, its, strict=False)
                yield from (n for n, (one, another) in enumerate(pairs, start) if one != another)

    def changed(self, items: Mapping[int, Any], more: Sequence[Any] = ()) -> Blocks[T_co]:
        """Return a copy with other items at some places, and with more at the end."""
        blocks = list(self._blocks)
        for place, item in items.items():
            number = bisect_right(self._starts, place) - 1
            offset = place - self._starts[number]
            block = blocks[number]
            blocks[number] = (*block[:offset], item, *block[offset + 1 :])
        # The last block is filled first, so that blocks begin at the same places in every copy.
        room = _WIDTH - len(blocks[-1]) if blocks else 0
        if room > 0:
            blocks[-1] = (*blocks[-1], *more[:room])
        rest = tuple(more[max(room, 0) :])
        return self._of((*blocks, *(rest[n : n + _WIDTH] for n in range(0, len(rest), _WIDTH))))

    def spliced(
        self, *, gone: Iterable[int], come: Iterable[Any], key: Callable[[Any], Any]
    ) -> Blocks[T_co]:
        """Return a copy of a sorted sequence without some items and with others.

        Args:
            gone: The places of those to take out.
            come: Those to put in.
            key: What it is sorted by: no two have the same. Of those to take out it is not asked.
        """
        out: dict[int, set[int]] = {}
        for place in gone:
            number = bisect_right(self._starts, place) - 1
            out.setdefault(number, set()).add(place - self._starts[number])
        new = sorted(come, key=key)
        left = [
            _without(block, out[number]) if number in out else block
            for number, block in enumerate(self._blocks)
        ]
        left = [block for block in left if block]
        if len(new) * _FEW > len(self):
            return Blocks(sorted(chain(chain.from_iterable(left), new), key=key))
        into: dict[int, list[Any]] = {}
        number = 0
        for each in new:
            mine = key(each)
            # What comes is sorted: mostly it goes into the block of the one before.
            if number + 1 < len(left) and not mine < key(left[number + 1][0]):
                number = bisect_right(left, mine, lo=number, key=lambda block: key(block[0])) - 1
            into.setdefault(number, []).append(each)
        return self._of(
            _with(block, into[number], key) if number in into else block
            for number, block in enumerate(left)
        )

    def place_of(self, value: K, key: Callable[[T_co], K]) -> int:
        """Return the first place of a sorted sequence at which the key is not below `value`."""
        number = max(bisect_left(self._blocks, value, key=lambda block: key(block[0])) - 1, 0)
        if number == len(self._blocks):
            return 0
        return self._starts[number] + bisect_left(self._blocks[number], value, key=key)


def _without(block: tuple[T, ...], offsets: Iterable[int]) -> tuple[T, ...]:
    left = list(block)
    for offset in sorted(offsets, reverse=True):
        del left[offset]
    return tuple(left)


def _with(block: tuple[T, ...], items: Sequence[T], key: Callable[[T], Any]) -> tuple[T, ...]:
    if len(items) * _FEW > len(block):
        return tuple(sorted((*block, *items), key=key))
    found = list(block)
    for item in items:
        insort(found, item, key=key)
    return tuple(found)


def _split(block: tuple[T, ...]) -> Iterable[tuple[T, ...]]:
    if len(block) < 2 * _WIDTH:
        return (block,)
    return (block[n : n + _WIDTH] for n in range(0, len(block), _WIDTH))
