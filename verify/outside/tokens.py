"""The tokens of RFC 3161 in an export or an evidence file, each with what it proves.

What has findings is not read: only what the audit found whole is. A token here changes
no verdict; whether its authority deserves trust is the reader's to say, who may hand in the
certificates to go by.
"""

import hashlib
from collections import Counter
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

__all__ = ["MAX_TOKENS", "Token", "evidence_tokens", "read_tokens"]

MAX_TOKENS = 4096
"""Of one recorder, by certificates of its choice: it chooses what they cost, up to 0.1 s each."""

_TOO_MANY = "its recorder has more checked than one may: --tsa-chain has them all checked"


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
    found: dict[int, Attestation] = {}
    for index, data in chosen(source, size, attestations):
        event = parse_event(parse_entry(data).event)
        if isinstance(event, Attestation) and event.type == "rfc3161" and event.root:
            found[index] = event
    if not found:
        return ()
    roots = _roots(source, size, {event.size or 0 for event in found.values()})
    lines = opened(source, found)
    reading = _Reading(source, origin, roots, trusted)
    return tuple(reading.token(index, event, lines.get(index)) for index, event in found.items())


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


class _Reading:
    """Tokens of one export, of which each that several entries carry is checked once."""

    def __init__(
        self, source: Source, origin: str, roots: Mapping[int, bytes], trusted: Chain | None
    ) -> None:
        self._source = source
        self._origin = origin
        self._roots = roots
        self._trusted = trusted
        self._known: dict[tuple[Checkpoint, bytes, bytes], Token] = {}
        self._checked_of: Counter[str] = Counter()

    def token(self, index: int, event: Attestation, line: Line | None) -> Token:
        """Check the token that the entry at `index` carries."""
        size, root = event.size or 0, bytes.fromhex(event.root or "")
        if size > index or self._roots.get(size) != root:
            return Token(index, size, reason="is of a state that this record never had before it")
        token = file(self._source, line, "file.1", MAX_TOKEN)
        chain = file(self._source, line, "file.2", MAX_CHAIN)
        if token is None or chain is None:
            return Token(index, size, reason="is not here, or not with its certificates")
        checkpoint = Checkpoint(self._origin, size, root)
        # Where the reader says whom to go by, it matters not what came along.
        used = hashlib.sha256(chain).digest() if self._trusted is None else b""
        key = (checkpoint, hashlib.sha256(token).digest(), used)
        if key not in self._known:
            self._checked_of[event.author] += 1
            if self._trusted is None and self._checked_of[event.author] > MAX_TOKENS:
                return Token(index, size, reason=_TOO_MANY)
            self._known[key] = _checked(token, chain, index, checkpoint, self._trusted)
        return replace(self._known[key], index=index)


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
