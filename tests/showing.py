"""Makes the evidence of some entries of a `World`, for tests."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from tests.world import World, claims_of, inclusion
from verify.chunk import Line
from verify.entry import parse_entry
from verify.events import event_id
from verify.evidence import Evidence, EvidenceEntry
from verify.kinds import GOVERNANCE, Charter
from verify.submission import Statement

__all__ = ["evidence_of", "reach_of"]


def evidence_of(world: World, *shown: int) -> Evidence:
    """Return the evidence of the entries at these indexes, with all that is open of them."""
    firsts = _firsts(world, shown)
    reach = reach_of(world, *shown)
    stop = max(reach, _rotated(world) + 1)
    chain = [i for i, event in enumerate(world.events()[:stop]) if isinstance(event, GOVERNANCE)]
    seen = [_statement(world, first).seen for first in firsts]
    notes = dict.fromkeys(one.note for one in seen if one is not None)
    lines = tuple(
        Line(claims=claims_of(texts), index=index)
        for index, texts in sorted(world.disclosures.items())
        if index in shown
    )
    latest = _hex(inclusion(world.leaves, chain[-1])) if chain[-1] >= reach else None
    return Evidence(
        checkpoint=world.note().decode(),
        disclosures=lines or None,
        entries=tuple(_element(world, i, shown=i in shown) for i in sorted({*shown, *firsts})),
        governance=tuple(msgspec.Raw(world.entries[index]) for index in chain),
        latest=latest,
        notes=tuple(world.notes[note][1].decode() for note in notes) or None,
    )


def reach_of(world: World, *shown: int) -> int:
    """Return up to which index governance must be complete."""
    return max(1, *_firsts(world, shown))


def _firsts(world: World, shown: Sequence[int]) -> list[int]:
    return sorted({index - parse_entry(world.entries[index]).position for index in shown})


def _statement(world: World, first: int) -> Statement:
    statement = parse_entry(world.entries[first]).statement
    assert statement is not None
    return statement


def _rotated(world: World) -> int:
    """Return the index of the entry that changed the log key last; amendments act at once."""
    charters = [(i, e.log_key) for i, e in enumerate(world.events()) if isinstance(e, Charter)]
    return max((index for (_, old), (index, new) in pairwise(charters) if old != new), default=0)


def _element(world: World, index: int, *, shown: bool) -> EvidenceEntry:
    (first,) = _firsts(world, [index])
    entries = world.entries[first : first + _statement(world, first).count]
    ids = [event_id(bytes(parse_entry(entry).event)) for entry in entries]
    return EvidenceEntry(
        entry=msgspec.Raw(world.entries[index]),
        path=(_hex(inclusion(ids, index - first)) or None) if shown else None,
        proof=_hex(inclusion(world.leaves, index)) or None,
        shown="yes" if shown else "no",
    )


def _hex(hashes: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(one.hex() for one in hashes)
