"""What an export holds beside what an audit counts: entries one by one, opened claims, files.

For exports in which an audit found nothing wrong.
"""

from collections.abc import Collection, Iterator
from itertools import groupby

from verify.chunk import Line, parse_line
from verify.claims import File
from verify.errors import MalformedError
from verify.source import Source
from verify.tiles import TILE_WIDTH, bundles_of, entries_path, parse_bundle

__all__ = ["chosen", "entries", "file", "opened"]

_DISCLOSURES = "disclosures.jsonl"
_BLOCK = 1 << 20


def entries(source: Source, size: int) -> Iterator[bytes]:
    """Yield the octets of the first `size` entries."""
    for bundle in bundles_of(size):
        path = entries_path(number=bundle.number, width=bundle.width)
        yield from parse_bundle(source.read(path), where=path)


def chosen(source: Source, size: int, indexes: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield some of the first `size` entries, each after its index, in their order.

    Raises:
        MalformedError: The export is no longer what it was.
    """
    for number, those in groupby(sorted(indexes), key=lambda index: index // TILE_WIDTH):
        width = min(TILE_WIDTH, size - number * TILE_WIDTH)
        path = entries_path(number=number, width=width)
        bundle = parse_bundle(source.read(path), where=path)
        if len(bundle) != width:
            raise MalformedError(path, "has another number of entries than it had")
        yield from ((index, bundle[index % TILE_WIDTH]) for index in those)


def opened(source: Source, indexes: Collection[int]) -> dict[int, Line]:
    """Return the lines of opened claims of these entries."""
    lines = (line for line in _lines(source) if _index_of(line) in indexes)
    return {line.index: line for line in map(parse_line, lines)}


def file(source: Source, line: Line | None, name: str, limit: int) -> bytes | None:
    """Return the octets of a file claim; None if it is not open here, or larger than `limit`."""
    claim = None if line is None else line.claims.get(name)
    value = None if claim is None else claim.value
    if not isinstance(value, File) or value.size > limit:
        return None
    return source.read(f"files/{value.sha256}")


def _index_of(line: bytes) -> int:
    digits = line[line.rfind(b":") + 1 : -1]
    return int(digits) if digits.isdigit() else -1


def _lines(source: Source) -> Iterator[bytes]:
    size, rest = source.size(_DISCLOSURES) or 0, b""
    for start in range(0, size, _BLOCK):
        rest += source.read(_DISCLOSURES, start, min(start + _BLOCK, size))
        *lines, rest = rest.split(b"\n")
        yield from lines
