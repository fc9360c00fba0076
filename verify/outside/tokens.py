"""The tokens of RFC 3161 that an export holds, each with what it proves.

An export that has findings is not read: only what the audit found whole is. A token here changes
no verdict; whether its authority deserves trust is the reader's to say, who may hand in the
certificates to go by.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verify.checkpoint import Checkpoint
from verify.chunk import Line, parse_line
from verify.claims import File
from verify.entry import parse_entry
from verify.errors import MalformedError, SignatureError
from verify.events import Attestation, parse_event
from verify.merkle import leaf_hash, root_hash
from verify.outside.rfc3161 import MAX_CHAIN, MAX_TOKEN, Stamp, check_token
from verify.source import Source
from verify.tiles import bundles_of, entries_path, parse_bundle

__all__ = ["Token", "read_tokens"]

_DISCLOSURES = "disclosures.jsonl"
_BLOCK = 1 << 20
_KIND = b'"kind":"attestation/v1"'


@dataclass(frozen=True, slots=True)
class Token:
    """One token, as an entry carries it.

    Attributes:
        index: Index of the entry.
        size: How many entries it dates.
        stamp: What it says; None if it does not hold.
        reason: Why it does not hold; empty if it does.
        chain: SHA-256 of the certificates that came with it, in hex; empty if none did.
    """

    index: int
    size: int
    stamp: Stamp | None = None
    reason: str = ""
    chain: str = ""


def read_tokens(
    source: Source, *, origin: str, size: int, trusted: bytes | None = None
) -> tuple[Token, ...]:
    """Check every token over a checkpoint that an export holds.

    Args:
        source: The export, in which an audit found nothing wrong.
        origin: The log's name.
        size: Its size.
        trusted: Certificates that the reader trusts, PEM; without them each token is checked
            against those that came with it, which whoever recorded it chose.

    Raises:
        MalformedError: `trusted` are no certificates, or the export is not whole.
    """
    leaves: list[bytes] = []
    found: dict[int, tuple[int, str]] = {}
    for bundle in bundles_of(size):
        path = entries_path(number=bundle.number, width=bundle.width)
        for data in parse_bundle(source.read(path), where=path):
            event = parse_event(parse_entry(data).event) if _KIND in data else None
            if isinstance(event, Attestation) and event.type == "rfc3161" and event.root:
                found[len(leaves)] = (event.size or 0, event.root)
            leaves.append(leaf_hash(data))
    opened = _opened(source, found) if found else {}
    return tuple(
        _token(source, leaves[:index], opened.get(index), index, Checkpoint(
            origin, count, bytes.fromhex(root)), trusted)
        for index, (count, root) in found.items()
    )  # fmt: skip


def _token(
    source: Source,
    before: Sequence[bytes],
    line: Line | None,
    index: int,
    checkpoint: Checkpoint,
    trusted: bytes | None,
) -> Token:
    """Check one token; `before` are the leaf hashes of the entries before it."""
    size = checkpoint.size
    if size > len(before) or root_hash(before[:size]) != checkpoint.root:
        return Token(index, size, reason="is of a state that this record never had before it")
    token = _file(source, line, "file.1", MAX_TOKEN)
    chain = _file(source, line, "file.2", MAX_CHAIN)
    if token is None or chain is None:
        return Token(index, size, reason="is not here, or not with its certificates")
    sha256 = hashlib.sha256(chain).hexdigest()
    try:
        stamp = check_token(token, checkpoint=checkpoint, chain=trusted or chain)
    except (MalformedError, SignatureError) as error:
        return Token(index, size, reason=str(error), chain=sha256)
    return Token(index, size, stamp, chain=sha256)


def _file(source: Source, line: Line | None, name: str, limit: int) -> bytes | None:
    opened = None if line is None else line.claims.get(name)
    value = None if opened is None else opened.value
    if not isinstance(value, File) or value.size > limit:
        return None
    return source.read(f"files/{value.sha256}")


def _opened(source: Source, indexes: dict[int, tuple[int, str]]) -> dict[int, Line]:
    """Return the lines of opened claims of these entries."""
    ends = tuple(b'"index":%d}' % index for index in indexes)
    lines = (parse_line(line) for line in _lines(source) if line.endswith(ends))
    return {line.index: line for line in lines}


def _lines(source: Source) -> Iterator[bytes]:
    size, rest = source.size(_DISCLOSURES) or 0, b""
    for start in range(0, size, _BLOCK):
        rest += source.read(_DISCLOSURES, start, min(start + _BLOCK, size))
        *lines, rest = rest.split(b"\n")
        yield from lines
