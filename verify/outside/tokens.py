"""The tokens of RFC 3161 in an export or an evidence file, each with what it proves.

What has findings is not read: only what the audit found whole is. A token here changes
no verdict; whether its authority deserves trust is the reader's to say, who may hand in the
certificates to go by.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from verify.checkpoint import Checkpoint
from verify.chunk import Line
from verify.entry import parse_entry
from verify.errors import MalformedError, SignatureError
from verify.events import parse_event
from verify.evidence import Evidence, token_of
from verify.kinds import Attestation
from verify.merkle import Frontier, leaf_hash
from verify.outside.held import chosen, entries, file, opened
from verify.outside.rfc3161 import MAX_CHAIN, MAX_TOKEN, Chain, Stamp, check_token, parse_chain
from verify.source import Source

__all__ = ["Token", "evidence_tokens", "read_tokens"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        index: Index of the entry that carries it; None where an evidence file does.
        size: How many entries it dates.
        stamp: What it says; None if it does not hold.
        reason: Why it does not hold; empty if it does.
    """

    index: int | None
    size: int
    stamp: Stamp | None = None
    reason: str = ""


def read_tokens(
    source: Source,
    *,
    origin: str,
    size: int,
    attestations: Collection[int],
    trusted: Chain | None = None,
) -> tuple[Token, ...]:
    """Check every token over a checkpoint that an export holds.

    Args:
        source: The export, in which an audit found nothing wrong.
        origin: The log's name.
        size: Its size.
        attestations: Indexes of its entries that hold attestations.
        trusted: Certificates that the reader trusts; without them each token is checked
            against those that came with it, which whoever recorded it chose.

    Raises:
        MalformedError: The export is not whole.
    """
    found: dict[int, tuple[int, str]] = {}
    for index, data in chosen(source, size, attestations):
        event = parse_event(parse_entry(data).event)
        if isinstance(event, Attestation) and event.type == "rfc3161" and event.root:
            found[index] = (event.size or 0, event.root)
    if not found:
        return ()
    roots = _roots(source, size, {count for count, _ in found.values()})
    lines = opened(source, found)
    known: dict[tuple[Checkpoint, bytes, bytes], Token] = {}
    return tuple(
        _token(source, roots, lines.get(index), index, Checkpoint(
            origin, count, bytes.fromhex(root)), trusted, known)
        for index, (count, root) in found.items()
    )  # fmt: skip


def evidence_tokens(
    evidence: Evidence, *, origin: str, trusted: Chain | None = None
) -> tuple[Token, ...]:
    """Check every token that an evidence file brings.

    Args:
        evidence: The file, in which an audit found nothing wrong.
        origin: The log's name.
        trusted: As of `read_tokens`.
    """
    tokens = []
    for number, one in enumerate(evidence.stamps or ()):
        checkpoint = Checkpoint(origin, one.size, bytes.fromhex(one.root))
        token = token_of(one, where=f"stamps[{number}]")
        tokens.append(_checked(token, one.certificates.encode(), None, checkpoint, trusted))
    return tuple(tokens)


def _roots(source: Source, size: int, wanted: Collection[int]) -> dict[int, bytes]:
    """Return the root hashes of the tree at these sizes, as far as it had them."""
    tree, roots = Frontier(), {}
    for data in islice(entries(source, size), max(wanted)):
        tree.append(leaf_hash(data))
        if tree.size in wanted:
            roots[tree.size] = tree.root()
    return roots


def _token(
    source: Source,
    roots: Mapping[int, bytes],
    line: Line | None,
    index: int,
    checkpoint: Checkpoint,
    trusted: Chain | None,
    known: dict[tuple[Checkpoint, bytes, bytes], Token],
) -> Token:
    """Check one token that the entry at `index` carries, unless it is one of those `known`."""
    size = checkpoint.size
    if size > index or roots.get(size) != checkpoint.root:
        return Token(index, size, reason="is of a state that this record never had before it")
    token = file(source, line, "file.1", MAX_TOKEN)
    chain = file(source, line, "file.2", MAX_CHAIN)
    if token is None or chain is None:
        return Token(index, size, reason="is not here, or not with its certificates")
    # Where the reader says whom to go by, it matters not what came along.
    used = hashlib.sha256(chain).digest() if trusted is None else b""
    key = (checkpoint, hashlib.sha256(token).digest(), used)
    if key not in known:
        known[key] = _checked(token, chain, index, checkpoint, trusted)
    return replace(known[key], index=index)


def _checked(
    token: bytes, chain: bytes, index: int | None, checkpoint: Checkpoint, trusted: Chain | None
) -> Token:
    size = checkpoint.size
    try:
        used = parse_chain(chain) if trusted is None else trusted
        stamp = check_token(token, checkpoint=checkpoint, chain=used)
    except (MalformedError, SignatureError) as error:
        return Token(index, size, reason=str(error))
    return Token(index, size, stamp)
