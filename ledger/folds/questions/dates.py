"""Questions about dates: which are vague, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ledger.date_words import format_when
from ledger.dates import When
from ledger.folds.moments import date_of
from ledger.folds.positions import named_parties
from ledger.folds.questions.asked import Answer, Asked
from ledger.view import Told
from ledger.wording import say
from verify.kinds import (
    GOVERNANCE,
    Attestation,
    Date,
    DateRole,
    Erasure,
    Hold,
    Opening,
    Position,
    Sealed,
)

__all__ = ["VAGUENESS", "vague", "vagueness"]

VAGUENESS: Final = {
    "unread": "Cannot be read",
    "marked": "Marked as approximate or uncertain",
    "open": "Without a first or a last day",
    "year": "Nothing but the year",
    "range": "One unknown day of several",
    "span": "A time that lasted",
    "inferred": "One day, that does not stand in the source as it is",
}
"""The ways in which a date can be vague, the worst first."""

_APART: Final = (*GOVERNANCE, Attestation, Erasure, Hold, Opening, Position, Sealed)


def vagueness(when: When | None) -> str | None:
    """Say in which of the ways of `VAGUENESS` a date is vague; None for a day that is stated."""
    if when is None:
        return "unread"
    if when.approximate or when.uncertain:
        return "marked"
    if when.earliest is None or when.latest is None:
        return "open"
    if when.undated:
        return "year"
    if when.kind == "span":
        return "span"
    if not when.precise:
        return "range"
    return None if when.basis == "stated" else "inferred"


class _Dated(NamedTuple):
    told: Told
    words: str


def vague(asked: Asked) -> Iterator[Answer]:
    """Which dates are vague, by the ways in which they are, and which events have none."""
    found: dict[str, list[_Dated]] = {way: [] for way in VAGUENESS}
    undated: list[Told] = []
    for told in _events(asked):
        for role, date in sorted((told.event.dates or {}).items()):
            way = vagueness(date_of(told, role))
            if way is not None:
                found[way].append(_Dated(told, _words(asked, told, role, date)))
        if asked.reading.when(told.id) is None:
            undated.append(told)
    for way, dated in found.items():
        if dated:
            words = f"{VAGUENESS[way]} ({len(dated)}): {'; '.join(each.words for each in dated)}."
            ids = [each.told.id for each in dated]
            yield asked.answer(words, ids, parties=_who(dated), whole=True, count=len(dated))
    if undated:
        entries = ", ".join(str(told.index) for told in undated)
        words = f"Nothing dates {len(undated)} events: entries {entries}."
        yield asked.answer(words, [told.id for told in undated], whole=True, count=len(undated))


def _events(asked: Asked) -> Iterator[Told]:
    for told in asked.reading.laid_out(asked.reading.view.told):
        if isinstance(told.event, _APART) or asked.reading.later(told):
            continue
        if asked.event in {None, told.id} and asked.telling.party in {None, told.author}:
            yield told


def _words(asked: Asked, told: Told, role: DateRole, date: Date) -> str:
    when = date_of(told, role)
    what = f"entry {told.index}, {say(role) if role == 'as_at' else role.replace('_', ' ')} "
    if when is None:
        return f"{what}{date.edtf}"
    words = f"{what}{format_when(when)}, {when.basis}"
    narrowed = asked.reading.narrowed(told, role)
    if narrowed is not None and narrowed != when:
        words += f", by outside evidence {format_when(narrowed)}"
    return words


def _who(dated: list[_Dated]) -> set[str]:
    return {
        party for each in dated for party in (each.told.author, *named_parties(each.told.event))
    }
