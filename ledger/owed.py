"""What a mirror is owed beside the entries: claims that are open to it, and the files they name.

Which claims those are, the entries say: whatever an event seals, unless it withholds it or it is
for others; and whatever an opening has handed over. What an erasure has taken since may be among
them. What comes is compared with what the event seals, and a file with its claim.

Source: SPEC sections 5, 9.7 and 11.3.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledger.asking import UnknownReaderError
from ledger.audience import closed_to
from ledger.disclosing import disclosures_of
from ledger.errors import FileMismatchError, FullError, TargetError
from ledger.files import ByteStream, Files
from ledger.mirrored import Lacking
from ledger.source import Source
from ledger.transport import UnansweredError
from verify.chunk import Line
from verify.claims import File, check_claims
from verify.errors import RuleError
from verify.kinds import Event, Opening
from verify.submission import sealing_event

__all__ = ["Claims", "Collected", "Collector", "claims_of"]

_GAP: Final = 64  # entries of which nothing is wanted, that are not worth a request of their own


class Claims(NamedTuple):
    """Claims that should be open at an entry: the event that seals them, and their names."""

    event: Event
    names: set[str]


@dataclass(slots=True)
class Collected:
    """What came.

    Attributes:
        disclosures: As in `Commit`.
        lacking: What did not.
    """

    disclosures: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    lacking: list[Lacking] = field(default_factory=list)


def claims_of(
    events: Iterable[tuple[int, Event]],
    *,
    audience: str,
    find: Callable[[str], tuple[int, Event]],
) -> dict[int, Claims]:
    """Return what is open to an audience, by index, with the entries that hold these events.

    Args:
        events: The events, each after its entry's index.
        audience: A party or "public".
        find: Gives the index of the entry that holds an event, and the event that seals claims
            there, by the event's id: of an event that is among these, or an earlier one.
    """
    found: dict[int, Claims] = {}
    for index, event in events:
        owner = sealing_event(event)
        _want(found, index, owner, set(owner.sealed or ()).difference(owner.withheld or ()))
        if isinstance(event, Opening) and event.names is not None:
            _want(found, *find(event.of), set(event.names))
    for index, claims in list(found.items()):
        claims.names.difference_update(closed_to(audience, claims.event))
        if not claims.names:
            del found[index]
    return found


def _want(found: dict[int, Claims], index: int, owner: Event, names: set[str]) -> None:
    found.setdefault(index, Claims(owner, set())).names.update(names)


class Collector:
    """Fetches claims and files from one source."""

    def __init__(self, source: Source, files: Files, *, coming: Callable[[int], None]) -> None:
        """Fetch from `source`.

        Args:
            source: The source.
            files: Where files go.
            coming: Told, now and then, how many octets of files have come.
        """
        self._source = source
        self._files = files
        self._coming = coming
        self._came = 0

    def collect(self, wanted: Mapping[int, Claims]) -> Collected:
        """Fetch what is wanted. Its files are on disk when this returns.

        Raises:
            RuleError: A claim is not what its event seals.
            FullError: There is no room for a file.
            TargetError: The source does not answer, or what it answers does not hold.
        """
        found = Collected()
        for start, stop in _spans(sorted(wanted)):
            came = {line.index: line for line in self._source.disclosures(start, stop)}
            for index in range(start, stop):
                if index in wanted:
                    self._take(index, wanted[index], came.get(index), found)
        return found

    def _take(self, index: int, claims: Claims, line: Line | None, found: Collected) -> None:
        event, came = claims.event, {} if line is None else line.claims
        opened = {name: came[name] for name in sorted(claims.names) if name in came}
        refused = check_claims(
            opened, author=event.author, nonce=event.nonce, sealed=event.sealed or {}
        )
        for error in refused.values():
            where = f"entry {index} {error.where}"
            raise RuleError(error.check, where, error.reason, error.expected, error.found)
        found.lacking += [(index, name) for name in sorted(claims.names.difference(opened))]
        if not opened:
            return
        found.disclosures.append((index, disclosures_of(event, opened)))
        for name, one in opened.items():
            if isinstance(one.value, File) and not self._has(one.value):
                found.lacking.append((index, name))

    def _has(self, file: File) -> bool:
        """Tell whether a file is here, having fetched it if the source has it."""
        if self._files.size(file.sha256) == file.size:
            return True
        if file.size > shutil.disk_usage(self._files.folder).free:
            raise FullError(self._files.folder, f"no room for a file of {file.size:,} octets")
        try:
            self._source.file(
                file.sha256,
                lambda stream: self._files.add(
                    _Counted(stream, self._count), sha256=file.sha256, size=file.size
                ),
            )
        except (UnansweredError, UnknownReaderError):
            raise
        except (TargetError, FileMismatchError):
            return False
        return True

    def _count(self, octets: int) -> None:
        self._came += octets
        self._coming(self._came)


class _Counted:
    """A stream of which somebody counts the octets."""

    def __init__(self, stream: ByteStream, count: Callable[[int], None]) -> None:
        self._stream = stream
        self._count = count

    def read(self, size: int, /) -> bytes:
        chunk = self._stream.read(size)
        self._count(len(chunk))
        return chunk


def _spans(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield [start, stop) of what is fetched together."""
    start = stop = -1
    for index in indexes:
        if start >= 0 and index - stop > _GAP:
            yield start, stop
            start = -1
        start = index if start < 0 else start
        stop = index + 1
    if start >= 0:
        yield start, stop
