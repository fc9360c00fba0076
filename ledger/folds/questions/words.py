"""Questions about what was said: words that are denied, who spoke for others, what stands alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.date_words import format_when
from ledger.dates import When
from ledger.folds.moments import date_of
from ledger.folds.positions import named_parties
from ledger.folds.questions.asked import Answer, Asked, joined
from ledger.folds.stances import parties_of
from ledger.view import Told
from ledger.wording import actors_words, field_words, response_words
from verify.kinds import Account, Communication, Position

__all__ = ["authority", "denied", "receipt", "sentences"]

_DENYING: Final = frozenset(("deny", "dispute", "not_admit", "object"))


def denied(asked: Asked) -> Iterator[Answer]:
    """Which words are denied, of whom, and by whom."""
    for told in asked.reading.laid_out(asked.reading.view.told):
        position = told.event
        if not isinstance(position, Position) or position.stance not in _DENYING:
            continue
        of = asked.by_id.get(position.on)
        standing = (each.id for each, _ in asked.reading.stances.on.get(position.on, ()))
        if of is None or told.id not in standing or not asked.counts(told, {told.author}):
            continue
        yield _denied(asked, told, position, of)


def authority(asked: Asked) -> Iterator[Answer]:
    """For whom something was done, and whether they have said that it was done for them."""
    for told in asked.reading.laid_out(asked.reading.view.told):
        event = told.event
        principals = parties_of(event.on_behalf_of)
        if event.authority is None or not principals:
            continue
        if not asked.counts(told, named_parties(event)):
            continue
        signed = asked.reading.stances.upholders(told.id) & principals
        missing = sorted(principals - signed - {told.author})
        words = f"{_capital(asked.named(told.id))}: for {actors_words(sorted(principals))}, "
        words += f"authority {event.authority}"
        if signed:
            words += f"; signed by {actors_words(sorted(signed))}"
        why = (
            [f"the authority of {actors_words(missing)}: no signature of theirs"] if missing else []
        )
        yield asked.answer(f"{words}.", [told.id], parties=principals, why=why)


def receipt(asked: Asked) -> Iterator[Answer]:
    """What was written, with no day on which it came."""
    for told in asked.reading.laid_out(asked.reading.view.told):
        event = told.event
        if not isinstance(event, Communication) or not (event.to or event.cc):
            continue
        if not asked.counts(told, parties_of(event.from_, event.to, event.cc)):
            continue
        came = date_of(told, "received")
        if _is_known(came) or any(
            position.stance == "received"
            for _, position in asked.reading.stances.on.get(told.id, ())
        ):
            continue
        sent = date_of(told, "sent") or date_of(told, "dated")
        words = f"{_capital(asked.named(told.id))}"
        words += ": no date" if sent is None else f": {format_when(sent)}"
        words += "" if came is None else f"; received {format_when(came)}"
        to = parties_of(event.to, event.cc)
        why = f"when it came to {actors_words((*(event.to or ()), *(event.cc or ())), most=4)}"
        yield asked.answer(f"{words}.", [told.id], parties=to, why=[why])


def sentences(asked: Asked) -> Iterator[Answer]:
    """Which sentences of a statement of events have no event behind them."""
    for told in asked.reading.laid_out(asked.reading.view.told):
        event = told.event
        if not isinstance(event, Account) or not event.sentences:
            continue
        if not asked.counts(told, {told.author}):
            continue
        bare = [each.number for each in event.sentences if not each.events]
        numbers = [each.number for each in event.sentences]
        gaps = [number for number in range(1, numbers[-1]) if number not in set(numbers)]
        words = f"{_capital(asked.named(told.id))}: {len(numbers) - len(bare)} of "
        words += f"{len(numbers)} sentences have events behind them"
        if bare:
            words += f"; without: {joined(map(str, bare))}"
        if gaps:
            words += f"; not listed: {joined(map(str, gaps))}"
        why = ["whether the events bear out all that a sentence says: a person must read it"]
        yield asked.answer(
            f"{words}.", [told.id], parties=[told.author], count=len(bare) + len(gaps), why=why
        )


def _denied(asked: Asked, told: Told, position: Position, of: Told) -> Answer:
    field = position.field or "happened"
    claim = field.removeprefix("claims.") if field.startswith("claims.") else None
    text = None if claim is None else of.text(claim)
    words = f"{told.author} {response_words(position.stance, field)}: {asked.named(of.id)}"
    why = []
    if text is not None:
        words += f": “{' '.join(text.split()).rstrip('.')}”"
    elif claim is not None:
        why.append(f"the words of {field_words(field)}: they are not open here")
    speakers = named_parties(of.event) - {told.author}
    if of.author == told.author and speakers:
        why.append(
            f"whether these are the words: they are as {of.author}, who denies them, gives them; "
            f"nobody else has signed them"
        )
    value = date_of(told, "value")
    given = told.text("value") if value is None else format_when(value)
    words += "" if given is None else f"; by its own word: {' '.join(given.split())}"
    return asked.answer(f"{words}.", [told.id, of.id], parties={told.author, *speakers}, why=why)


def _is_known(when: When | None) -> bool:
    return when is not None and when.earliest is not None and when.latest is not None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
