"""Names and shapes of tiles and entry bundles, and the bytes of a bundle.

    tile/<level>/<number>            full tile: 256 hashes
    tile/<level>/<number>.p/<width>  partial tile, 1 to 255 hashes
    tile/entries/<number>[.p/<w>]    entry bundle: u16 length || entry, again and again

Hash i of tile (level, number) is the root hash of the 256^level leaves from
(256 * number + i) * 256^level on. A number is written in groups of three digits, all but the last
with an x before them: 1234067 is x001/x234/067. Hashes are not computed here.

Source: c2sp.org/tlog-tiles.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from verify.errors import MalformedError
from verify.spelling import MAX_SIZE

__all__ = [
    "MAX_ENTRY_SIZE",
    "TILE_WIDTH",
    "Bundle",
    "Tile",
    "bundles_of",
    "entries_path",
    "format_bundle",
    "parse_bundle",
    "parse_tile_path",
    "tile_path",
    "tiles_of",
]

TILE_WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""

MAX_ENTRY_SIZE = 65_535
"""Bytes in an entry: its length is a u16."""

_TILE_HEIGHT = 8
_LENGTH_SIZE = 2
_GROUP = 1000
# A level that no tree of ours reaches is refused by the range check.
_PATH = (
    r"tile/(?P<level>entries|0|[1-9][0-9]?)"
    r"/(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class Tile(msgspec.Struct, frozen=True):
    """A tile of hashes; `width` counts them, 1 to 256."""

    level: int
    number: int
    width: int = TILE_WIDTH


class Bundle(NamedTuple):
    """An entry bundle; `width` counts its entries, 1 to 256."""

    number: int
    width: int = TILE_WIDTH


def tile_path(*, level: int, number: int, width: int = TILE_WIDTH) -> str:
    """Name a tile, from the prefix of the log on.

    Raises:
        MalformedError: No tree of up to 2^53 - 1 leaves has such a tile.
    """
    _check_tile(level=level, number=number, width=width)
    return f"tile/{level}/{_format_number(number)}{_format_width(width)}"


def entries_path(*, number: int, width: int = TILE_WIDTH) -> str:
    """Name an entry bundle, from the prefix of the log on.

    Raises:
        MalformedError: No tree of up to 2^53 - 1 leaves has such a bundle.
    """
    _check_tile(level=0, number=number, width=width)
    return f"tile/entries/{_format_number(number)}{_format_width(width)}"


def parse_tile_path(path: str) -> Tile | Bundle:
    """Read the name of a tile or of an entry bundle, in its one spelling.

    Raises:
        MalformedError: It is no such name, or no tree of up to 2^53 - 1 leaves has it.
    """
    match = re.fullmatch(_PATH, path)
    if not match:
        raise MalformedError("tile path", "not the path of a tile or an entry bundle")
    number = int(match["number"].replace("x", "").replace("/", ""))
    width = int(match["width"] or TILE_WIDTH)
    tile: Tile | Bundle
    if match["level"] == "entries":
        spelled, tile = entries_path(number=number, width=width), Bundle(number, width)
    else:
        level = int(match["level"])
        spelled, tile = (
            tile_path(level=level, number=number, width=width),
            Tile(level, number, width),
        )
    # No group of zeros in front, no ".p/256".
    if path != spelled:
        raise MalformedError("tile path", "not the one spelling of the path")
    return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """List every tile of a tree of `size` leaves, from level 0 up, each from left to right."""
    level, hashes = 0, size
    while hashes:
        for number, width in _widths(hashes):
            yield Tile(level, number, width)
        # Only full tiles have a hash in the level above.
        level, hashes = level + 1, hashes >> _TILE_HEIGHT


def bundles_of(size: int) -> Iterator[Bundle]:
    """List every entry bundle of a log of `size` entries, from left to right."""
    for number, width in _widths(size):
        yield Bundle(number, width)


def parse_bundle(data: bytes, *, where: str) -> list[bytes]:
    """Cut an entry bundle into its entries: from 1 to 256. What they hold is not looked at.

    Args:
        data: The bundle.
        where: Its name, for the error.

    Raises:
        MalformedError: It is cut short, is empty or holds more than 256 entries.
    """
    entries: list[bytes] = []
    position, end = 0, len(data)
    while position < end:
        if len(entries) == TILE_WIDTH:  # two octets can be an entry: do not cut out millions
            raise MalformedError(where, f"more than {TILE_WIDTH} entries")
        start = position + _LENGTH_SIZE
        # A lone last byte leaves `position` beyond the end, too.
        position = start + int.from_bytes(data[position:start], "big")
        entries.append(data[start:position])
    if position > end:
        raise MalformedError(where, "the last entry is cut short")
    if not entries:
        raise MalformedError(where, f"0 entries, not from 1 to {TILE_WIDTH}")
    return entries


def format_bundle(entries: Sequence[bytes]) -> bytes:
    """Write an entry bundle.

    Raises:
        MalformedError: There are no entries or more than 256, or one is above 65,535 bytes.
    """
    if not 0 < len(entries) <= TILE_WIDTH:
        raise MalformedError("bundle", f"{len(entries)} entries, not from 1 to {TILE_WIDTH}")
    if max(map(len, entries)) > MAX_ENTRY_SIZE:
        raise MalformedError("bundle", f"an entry above {MAX_ENTRY_SIZE} bytes")
    return b"".join(len(entry).to_bytes(_LENGTH_SIZE, "big") + entry for entry in entries)


def _check_tile(*, level: int, number: int, width: int) -> None:
    if level < 0 or number < 0 or not 1 <= width <= TILE_WIDTH:
        raise MalformedError("tile", f"level {level}, number {number}, width {width}: out of range")
    # The tree must have at least (256 * number + width) * 256^level leaves.
    if number * TILE_WIDTH + width > MAX_SIZE >> (_TILE_HEIGHT * level):
        raise MalformedError("tile", f"level {level}, number {number}: beyond the largest tree")


def _format_number(number: int) -> str:
    text = f"{number % _GROUP:03}"
    while number := number // _GROUP:
        text = f"x{number % _GROUP:03}/{text}"
    return text


def _format_width(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"


def _widths(count: int) -> Iterator[tuple[int, int]]:
    full, partial = divmod(count, TILE_WIDTH)
    for number in range(full):
        yield number, TILE_WIDTH
    if partial:
        yield full, partial
