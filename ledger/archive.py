"""Archives: an export as one stream, and a stream as an export's folder.

The stream is a tar archive (POSIX ustar; pax where a file has 8 GiB or more) of the export's files
and nothing else, in the order of `ledger.export`: mode 0644, no owner, no time, no compression,
two blocks of zeros at the end. Equal exports give equal archives, and any `tar` unpacks them.

`unpack` trusts nothing. Name and size are all that a header may say: it is written again from
them and must be the same octet for octet, so there are no links, no devices, no other fields. A
name must be the next that an export of the checkpoint's size has: nothing absolute, nothing
twice, nothing beside it. What is in the files is for an audit to judge.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from ledger.export import DISCLOSURES, Member
from ledger.files import ByteStream
from ledger.folders import NewFolder
from verify.checkpoint import parse_signed
from verify.contents import MANIFEST
from verify.errors import MalformedError
from verify.note import MAX_NOTE_SIZE
from verify.notes import PATH as NOTES
from verify.spelling import HASH_SIZE
from verify.tiles import MAX_ENTRY_SIZE, bundles_of, entries_path, tile_path, tiles_of

__all__ = ["pack", "unpack"]

_BLOCK: Final = 512
_END: Final = bytes(2 * _BLOCK)
_GATHERED: Final = 1 << 16
_USTAR_SIZE: Final = 1 << 33  # from here on eleven octal digits do not do
_NAME: Final = 100
_MODE: Final = 0o644
_SIZE_FIELD: Final = slice(124, 135)
_KIND: Final = 156
_FILE: Final = b"0"
_PAX: Final = b"x"
_PAX_NAME: Final = "PaxHeaders/size"
_FILES: Final = "files/"
_FILE_NAME: Final = re.compile("files/[0-9a-f]{64}")
_MOST: Final = 1 << 50
_MAX_POLICY: Final = 262_144
_MAX_MANIFEST: Final = 65_536


# Writing


def pack(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield an archive of an export's files, in pieces of about 64 KiB and more."""
    gathered: list[bytes] = []
    held = 0
    for piece in _pieces(members):
        gathered.append(piece)
        held += len(piece)
        if held >= _GATHERED:
            yield b"".join(gathered)
            gathered, held = [], 0
    yield b"".join(gathered)


def _pieces(members: Iterable[Member]) -> Iterator[bytes]:
    for member in members:
        yield _head(member.name, member.size)
        yield from member.chunks
        yield bytes(-member.size % _BLOCK)
    yield _END


def _head(name: str, size: int) -> bytes:
    """Write what stands before a file's octets."""
    if size < _USTAR_SIZE:
        return _header(name, size, _FILE)
    rest = b" size=%d\n" % size
    record = b"%d%b" % (len(rest) + 2, rest)  # its own length has two digits
    return (
        _header(_PAX_NAME, len(record), _PAX)
        + record.ljust(_BLOCK, b"\0")
        + (_header(name, 0, _FILE))
    )


def _header(name: str, size: int, kind: bytes) -> bytes:
    """Write a ustar header: octal numbers in ASCII, each with a NUL behind it."""
    before = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        name.encode("ascii", "replace").ljust(_NAME, b"\0"), _MODE, 0, 0, size, 0,
    )  # fmt: skip
    link, owner, group = bytes(100), bytes(32), bytes(32)
    after = b"%b%bustar\x0000%b%b%07o\0%07o\0" % (kind, link, owner, group, 0, 0)
    after = after.ljust(_BLOCK - len(before) - 8, b"\0")
    # The sum of all octets of the header, where those of the sum itself count as spaces.
    total = sum(before) + sum(after) + 8 * ord(" ")
    return b"%b%06o\0 %b" % (before, total, after)


# Reading


def unpack(
    stream: ByteStream, folder: NewFolder, *, progress: Callable[[int], None] | None = None
) -> None:
    """Write the files of an archive into an empty folder.

    Args:
        stream: The archive.
        folder: Where they go.
        progress: Told, now and then, how many octets have come.

    Raises:
        MalformedError: It is not the archive of an export, or not all of it. The folder is of no
            use then.
        OSError: A file cannot be written.
    """
    reader = _Reader(stream, progress or _nobody)
    head = reader.head()
    if head is None or head[0] != "checkpoint" or head[1] > MAX_NOTE_SIZE:
        raise MalformedError("archive", "does not begin with a checkpoint")
    note = b"".join(reader.octets(head[1]))
    size = parse_signed(note)[0].size
    with folder.create("checkpoint") as file:
        file.write(note)
    places = _places(size)
    place = next(places)
    last = ""
    while (head := reader.head()) is not None:
        name, length = head
        while not place.takes(name, after=last):
            if place.needed:
                raise MalformedError(name[:_NAME], f"stands where {place.name} belongs")
            place = next(places, _NOWHERE)
        if not place.least <= length <= place.most:
            raise MalformedError(name, f"cannot have {length} octets")
        if length > shutil.disk_usage(folder.path).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with folder.create(name) as file:
            file.writelines(reader.octets(length))
        last = name
        if place.name != _FILES:
            place = next(places, _NOWHERE)
    for missing in chain((place,), places):
        if missing.needed and missing is not _NOWHERE:
            raise MalformedError("archive", f"ends before {missing.name}")


class _Place(NamedTuple):
    """Where one file stands in an archive, or any number of files whose names ascend."""

    name: str
    most: int
    least: int = 0
    needed: bool = True

    def takes(self, name: str, *, after: str) -> bool:
        """Tell whether a file of this name may stand here, behind the one called `after`."""
        if self.name != _FILES:
            return name == self.name
        return _FILE_NAME.fullmatch(name) is not None and (
            not after.startswith(_FILES) or name > after
        )


_NOWHERE: Final = _Place("the end", 0)


def _places(size: int) -> Iterator[_Place]:
    """Yield what follows the checkpoint in the export of a tree of `size` leaves."""
    for tile in tiles_of(size):
        name = tile_path(level=tile.level, number=tile.number, width=tile.width)
        yield _Place(name, tile.width * HASH_SIZE, tile.width * HASH_SIZE)
    for bundle in bundles_of(size):
        name = entries_path(number=bundle.number, width=bundle.width)
        yield _Place(name, bundle.width * (MAX_ENTRY_SIZE + 2))
    yield _Place(NOTES, _MOST, least=1, needed=False)
    yield _Place(DISCLOSURES, _MOST, least=1, needed=False)
    yield _Place(_FILES, _MOST, needed=False)
    yield _Place("policy", _MAX_POLICY)
    yield _Place(MANIFEST, _MAX_MANIFEST)


class _Reader:
    """Reads headers and octets off a stream."""

    def __init__(self, stream: ByteStream, progress: Callable[[int], None]) -> None:
        self._stream = stream
        self._progress = progress
        self._came = 0

    def head(self) -> tuple[str, int] | None:
        """Return name and size of the next file; None at the end.

        Raises:
            MalformedError: There is neither the header of a plain file, nor the end.
        """
        octets = self._exactly(_BLOCK)
        if octets == bytes(_BLOCK):
            if self._exactly(_BLOCK) != bytes(_BLOCK) or self._stream.read(1):
                raise MalformedError("archive", "goes on behind its end")
            return None
        digits, base = octets[_SIZE_FIELD], 8
        if octets[_KIND : _KIND + 1] == _PAX:
            octets += self._exactly(2 * _BLOCK)
            record = octets[_BLOCK : 2 * _BLOCK]
            digits, base = record.partition(b"=")[2].partition(b"\n")[0], 10
        name = octets[-_BLOCK:][:_NAME].rstrip(b"\0").decode("ascii", "replace")
        try:
            size = int(digits, base)
        except ValueError:
            size = -1
        if size < 0 or _head(name, size) != octets:
            raise MalformedError("archive", f"has a header that no file has here: {name!r}")
        return name, size

    def octets(self, size: int) -> Iterator[bytes]:
        """Yield the octets of a file, and take the zeros behind them.

        Raises:
            MalformedError: They end early, or are no zeros.
        """
        left = size
        while left:
            chunk = self._some(min(left, _GATHERED))
            left -= len(chunk)
            yield chunk
        if any(self._exactly(-size % _BLOCK)):
            raise MalformedError("archive", "has something between two files")

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self._some(size - len(data))
        return data

    def _some(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        if not chunk:
            raise MalformedError("archive", "is cut short")
        self._came += len(chunk)
        self._progress(self._came)
        return chunk


def _nobody(_came: int) -> None:
    """Tell nobody how much has come."""
