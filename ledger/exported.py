"""An export folder as what evidence and receipts are made of, in place of the ledger itself.

It is read as it stands: an audit comes before. What the export leaves closed stays closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import msgspec

from ledger.covering import size_of
from ledger.disclosing import disclosures_of
from ledger.errors import NotFoundError
from ledger.export import DISCLOSURES
from ledger.receipts import make_receipt
from ledger.tree import Tree
from ledger.viewing import view_of_export
from verify.chunk import Line, parse_line
from verify.entry import parse_entry
from verify.events import parse_event
from verify.kinds import GOVERNANCE, Erasure, Hold
from verify.notes import PATH as NOTES
from verify.spelling import HASH_SIZE
from verify.state import State
from verify.submission import sealing_event
from verify.tiles import TILE_WIDTH, entries_path, parse_bundle, tile_path

__all__ = ["ExportedLedger"]

_ERASING = (Erasure, Hold)


class ExportedLedger:
    """The ledger in an export folder that an audit has passed. For one thread.

    Attributes:
        fingerprint: Leaf hash of entry 0, in hex.
    """

    def __init__(self, path: Path) -> None:
        """Read the export in `path`.

        Raises:
            VerifyError: An audit would not pass it.
            OSError: A file is missing.
        """
        self._path = path
        self._view = view_of_export(path)
        self._size = self._view.size
        self.fingerprint = self._view.fingerprint
        self._tree = Tree(self._tile)
        self._bundle: tuple[int, list[bytes]] = (-1, [])
        self._lines: dict[int, Line] | None = None

    def checkpoint(self) -> bytes:
        """Return the signed checkpoint."""
        return (self._path / "checkpoint").read_bytes()

    def state(self) -> State:
        """Return the rules' state after the last entry."""
        return self._view.state

    def governance(self) -> tuple[int, ...]:
        """Return the indexes of the governance entries, in order."""
        return tuple(told.index for told in self._view.told if isinstance(told.event, GOVERNANCE))

    def erasures(self) -> tuple[int, ...]:
        """Return the indexes of the entries that are or nest an erasure or a hold, in order."""
        return tuple(told.index for told in self._view.told if isinstance(told.event, _ERASING))

    def ids_with_prefix(self, digits: str) -> tuple[str, ...]:
        """Return the event ids that begin with these hex digits, in order."""
        return tuple(sorted(one for one in self._view.by_id if one.startswith(digits)))

    def index_of(self, event_id: bytes) -> int | None:
        """Return the index of the entry that holds the event with this id, also a nested one."""
        told = self._view.by_id.get(event_id.hex())
        return None if told is None else told.index

    def entry(self, index: int) -> bytes:
        """Return the entry at `index`.

        Raises:
            NotFoundError: There is none.
        """
        if not 0 <= index < self._size:
            raise NotFoundError(f"entry {index}")
        number, offset = divmod(index, TILE_WIDTH)
        if self._bundle[0] != number:
            width = min(TILE_WIDTH, self._size - number * TILE_WIDTH)
            name = entries_path(number=number, width=width)
            self._bundle = (number, parse_bundle((self._path / name).read_bytes(), where=name))
        return self._bundle[1][offset]

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the entries [start, stop)."""
        return map(self.entry, range(start, stop))

    def root_at(self, size: int) -> bytes:
        """Return the tree's root hash at an earlier size."""
        return self._tree.root(size)

    def inclusion_proof(self, *, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that the entry at `index` is in the tree of `size` entries."""
        return self._tree.inclusion_proof(index=index, size=size)

    def consistency_proof(self, *, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of `old` entries is the beginning of that of `new`."""
        return self._tree.consistency_proof(old=old, new=new)

    def disclosures(self, index: int) -> tuple[str, ...]:
        """Return the disclosures at an entry that are open here, sorted by claim name."""
        if self._lines is None:
            self._lines = {line.index: line for line in map(parse_line, self._read(DISCLOSURES))}
        if index not in self._lines:
            return ()
        owner = sealing_event(parse_event(parse_entry(self.entry(index)).event))
        return disclosures_of(owner, self._lines[index].claims)

    def note(self, *, size: int, sha256: str) -> bytes:
        """Return a kept note by its size and its hash.

        Raises:
            NotFoundError: It is not here.
        """
        if sha256 not in self._kept:
            raise NotFoundError(f"note {sha256[:16]} of size {size}")
        return self._kept[sha256]

    def notes(self, start: int = 0) -> Iterator[bytes]:
        """Yield the kept notes from size `start` on, by size and then by hash."""
        return (note for note in self._kept.values() if size_of(note) >= start)

    def file_path(self, sha256: str) -> Path:
        """Return where a file is.

        Raises:
            NotFoundError: It is not there: no claim that is open here names it.
        """
        path = self._path / "files" / sha256
        if not path.is_file():
            raise NotFoundError(f"file {sha256[:16]}")
        return path

    def receipt(self, index: int) -> bytes:
        """Return the receipt of the submission that holds the entry, at the export's checkpoint.

        Raises:
            NotFoundError: There is no such entry.
        """
        first = index - parse_entry(self.entry(index)).position
        entry = self.entry(first)
        return make_receipt(
            entry,
            first=first,
            count=_count_of(entry),
            tree=self._tree,
            size=self._size,
            checkpoint=self.checkpoint(),
            fingerprint=self.fingerprint,
        )

    @cached_property
    def _kept(self) -> dict[str, bytes]:
        """The kept notes, by SHA-256, in the order of the export: by size and then hash."""
        notes = [msgspec.json.decode(line, type=str).encode() for line in self._read(NOTES)]
        return {hashlib.sha256(note).hexdigest(): note for note in notes}

    def _tile(self, level: int, number: int) -> bytes:
        width = min(TILE_WIDTH, (self._size >> (8 * level)) - TILE_WIDTH * number)
        name = tile_path(level=level, number=number, width=width)
        return (self._path / name).read_bytes()[: HASH_SIZE * width]

    def _read(self, name: str) -> list[bytes]:
        path = self._path / name
        return path.read_bytes().splitlines() if path.exists() else []


def _count_of(entry: bytes) -> int:
    """Return how many entries the submission has that begins with `entry`."""
    statement = parse_entry(entry).statement
    if statement is None:
        raise AssertionError("a submission begins with its statement")
    return statement.count
