"""What a server serves of a log, and what it shows: entries in order, and what a tree was before.

Tiles, bundles and kept notes come from whoever gives them; nothing of them is believed that is not
proven.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ledger.errors import TargetError
from ledger.tree import Tree
from verify.checkpoint import Checkpoint, parse_signed
from verify.codec import Decoder
from verify.errors import VerifyError
from verify.merkle import check_consistency, check_inclusion
from verify.note import Note
from verify.tiles import MAX_ENTRY_SIZE, TILE_WIDTH, entries_path, parse_bundle, tile_path

__all__ = [
    "MAX_NOTES",
    "MAX_TILE",
    "AlteredError",
    "NotesAbout",
    "Part",
    "entries_of",
    "inclusion_within",
    "parse_note",
    "past_within",
]

MAX_TILE: Final = TILE_WIDTH * 32
"""Octets of a full tile."""

MAX_NOTES: Final = 1 << 28
"""Octets of kept notes about as many entries as a bundle has.

Each names one at most, and of the size behind each a ledger keeps as many octets of them as one may
have, beside one for each witness of the charter; all of which JSON makes twice as long at most.
"""

_NOTE: Final = Decoder(str, name="checkpoints")
_MOST_NOTES: Final = 1 << 18  # in so many octets, of a log's line and another's each
_MAX_BUNDLE: Final = TILE_WIDTH * (MAX_ENTRY_SIZE + 2)

Part = Callable[[str, int, int], bytes]
"""Gives a tile or bundle by its path, its width, and the most octets that it may have."""


class AlteredError(TargetError):
    """What the server serves does not hold together: damaged on its way, or altered.

    Attributes:
        check: The number of the check of SPEC section 12 that fails, when it is one.
        path: An export that shows it to anybody, where the log key signed for what is wrong.
    """

    def __init__(self, reason: str, *, check: int | None = None, path: Path | None = None) -> None:
        super().__init__(reason)
        self.check = check
        self.path = path


def parse_note(note: bytes) -> tuple[Checkpoint, Note]:
    """Read a signed note as a checkpoint; its signature is not checked.

    Raises:
        AlteredError: It is none.
    """
    try:
        return parse_signed(note)
    except VerifyError as error:
        raise AlteredError(f"the checkpoint does not hold: {error}") from None


def entries_of(part: Part, start: int, stop: int) -> Iterator[bytes]:
    """Yield the entries [start, stop).

    Raises:
        AlteredError: A bundle has fewer than it must.
        MalformedError: One is none.
        TargetError: One cannot be had.
    """
    if start == stop:
        return
    for number in range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)):
        first = number * TILE_WIDTH
        width = min(TILE_WIDTH, stop - first)
        path = entries_path(number=number, width=width)
        entries = parse_bundle(part(path, width, _MAX_BUNDLE), where=path)
        if len(entries) < width:
            raise AlteredError(f"{path} has {len(entries)} entries, not {width}")
        yield from entries[max(0, start - first) : width]


class NotesAbout:
    """The kept notes about entries, fetched for as many entries at a time as a bundle has."""

    def __init__(self, fetch: Callable[[int, int], bytes], *, start: int, stop: int) -> None:
        """Fetch those about the entries [start, stop) as they are asked for.

        Args:
            fetch: Gives lines (SPEC section 11.2) of all kept notes that statements at entries of
                a range name, or that are of a size that ends with one of them.
            start: The first entry.
            stop: Behind the last one.
        """
        self._fetch = fetch
        self._start = start
        self._stop = stop
        self._about = range(0)
        self._notes: dict[str, bytes] = {}
        self._by_size: dict[int, list[bytes]] = {}

    def named(self, index: int, sha256: str) -> bytes | None:
        """Return the note with this hash, in hex, that the statement at an entry names.

        Raises:
            MalformedError: What came is no such file.
            TargetError: It cannot be had.
        """
        self._read(index)
        return self._notes.get(sha256)

    def of_size(self, size: int) -> Sequence[bytes]:
        """Return the notes of a size.

        Raises:
            MalformedError: What came is no such file.
            TargetError: It cannot be had.
        """
        self._read(size - 1)
        return self._by_size.get(size, ())

    def _read(self, index: int) -> None:
        if index in self._about:
            return
        first = index - index % TILE_WIDTH
        about = range(max(first, self._start), min(first + TILE_WIDTH, self._stop))
        lines = io.BytesIO(self._fetch(about.start, about.stop))
        self._notes, self._by_size = {}, {}
        for count, line in enumerate(lines):  # one at a time: 64 KiB of gzip can be 64 Mi lines
            if count == _MOST_NOTES:
                raise AlteredError(
                    f"more than {_MOST_NOTES} checkpoints about {len(about)} entries"
                )
            note = _NOTE.decode(line.removesuffix(b"\n")).encode()
            self._notes[hashlib.sha256(note).hexdigest()] = note
            self._by_size.setdefault(parse_signed(note)[0].size, []).append(note)
        self._about = about


def past_within(part: Part, *, old: int, size: int, root: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the root hash that the tree of `size` leaves, with hash `root`, had at `old`, proven.

    Returns:
        The root hash, and the consistency proof from there.

    Raises:
        AlteredError: The tiles do not prove it.
        TargetError: They cannot be had.
    """
    tree = _tree(part, size)
    found = tree.root(old)
    proof = tree.consistency_proof(old=old, new=size)
    try:
        check_consistency(old_size=old, old_root=found, new_size=size, new_root=root, proof=proof)
    except VerifyError as error:
        raise AlteredError(f"the tiles are not of the checkpoint's tree: {error}") from None
    return found, proof


def inclusion_within(
    part: Part, *, index: int, size: int, root: bytes
) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the leaf hash at `index` of the tree of `size` leaves with hash `root`, and its proof.

    Raises:
        AlteredError: The tiles do not prove it.
        TargetError: They cannot be had.
    """
    tree = _tree(part, size)
    leaf, proof = tree.leaf(index), tree.inclusion_proof(index=index, size=size)
    try:
        check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
    except VerifyError as error:
        raise AlteredError(f"the tiles are not of the checkpoint's tree: {error}") from None
    return leaf, proof


def _tree(part: Part, size: int) -> Tree:
    """Return the tree of `size` leaves, read from its tiles."""

    def read(level: int, number: int) -> bytes:
        width = min(TILE_WIDTH, (size >> (8 * level)) - TILE_WIDTH * number)
        path = tile_path(level=level, number=number, width=width)
        data = part(path, width, MAX_TILE)[: 32 * width]
        if len(data) != 32 * width:
            raise AlteredError(f"{path} is cut short")
        return data

    return Tree(read)
