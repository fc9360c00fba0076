"""Questions about knowledge and promises: how late somebody knew, what was not done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.date_words import format_as_at, format_when
from ledger.folds.commitments import CommitmentRow
from ledger.folds.grounds import Grounds
from ledger.folds.knew import doers, knew_before
from ledger.folds.knowledge import AWARE, fold_knowledge
from ledger.folds.questions.asked import Answer, Asked
from ledger.sentences import other_words
from ledger.view import Told
from ledger.wording import actor_words, actors_words, days_words, party_of, say, thing_words

__all__ = ["ignorance", "lag", "unaware", "undone"]


_KEPT: Final = frozenset(("confirmed", "denied", "fulfilled", "released", "claimed"))


def lag(asked: Asked) -> Iterator[Answer]:
    """How long it was before an event was known."""
    for row in asked.knowledge:
        if row.mode in AWARE and row.lag != (None, None):
            who, what = actor_words(row.knower), other_words(row.of, asked.by_id)
            words = f"{who} {say(row.mode)} {what} {days_words(*row.lag)} after it."
            via = [row.via] if row.via is not None and row.via in asked.by_id else []
            ids = [row.id, row.of, *via]
            yield asked.answer(words, ids, parties=[party_of(row.knower)], days=row.lag)


def ignorance(asked: Asked) -> Iterator[Answer]:
    """What somebody says that it, or somebody else, did not know, and for what time."""
    for row in asked.knowledge:
        if row.mode in AWARE or row.mode == "could_have_known":
            continue
        who, what = actor_words(row.knower), asked.named(row.of)
        when = row.when or row.as_at
        words = f"{who} {say(row.mode)} {what}"
        why = ["for what time: neither a period nor a day is told"] if when is None else []
        if row.when is not None:
            words += f": {format_when(row.when)}"
        elif row.as_at is not None:
            words += f": {format_as_at(row.as_at)}"
        if when is not None and when.latest is None:
            why.append("when that ended: no last day is told")
        yield asked.answer(f"{words}.", [row.id, row.of], parties=[party_of(row.knower)], why=why)


def unaware(asked: Asked) -> Iterator[Answer]:
    """What those who did something knew of, and did not know of, when they did it.

    It is asked of one event: of those whose act it is, or of the party asked about.
    """
    act = asked.by_id.get(asked.event or "")
    if act is None:
        return
    holders = doers(act) if asked.party is None else (asked.party,)
    known_of = dict.fromkeys(row.of for row in fold_knowledge(asked.reading).rows)
    grounds = Grounds(asked.reading)
    for holder in holders:
        for of in known_of:
            if of != act.id and holder not in doers(asked.by_id[of]):
                yield _unaware(asked, grounds, holder, of, act)


def _unaware(asked: Asked, grounds: Grounds, holder: str, of: str, act: Told) -> Answer:
    found = knew_before(
        asked.reading, holder=holder, of=of, act=act.id, telling=asked.telling, grounds=grounds
    )
    words = {"yes": "knew of", "no": "did not know of"}.get(found.answer)
    what, when = asked.named(of), other_words(act.id, asked.by_id)
    if words is None:
        said = f"Not established whether {holder} knew of {what} when it did {when}."
        return asked.answer(said, [of, act.id], parties=[holder], why=found.reasons)
    said = f"{holder} {words} {what} when it did {when}: {'; '.join(found.reasons)}."
    return asked.answer(said, [of, act.id], parties=[holder])


def undone(asked: Asked) -> Iterator[Answer]:
    """What was promised and not done."""
    for row in asked.promises:
        told_undone = row.unfulfilled_by is not None
        if row.state not in _KEPT and (told_undone or row.state in {"lapsed", "unfulfilled"}):
            yield _undone(asked, row)


def _undone(asked: Asked, row: CommitmentRow) -> Answer:
    made = "" if row.made is None else f", {format_when(row.made.when)}"
    due = "no day was set" if row.due is None else f"due {format_when(row.due)}"
    words = (
        f"{thing_words(row.what)}, promised by {actor_words(row.by)} to "
        f"{actors_words(row.to)}{made} ({due}): "
    )
    ids, parts = [row.id], []
    if row.unfulfilled_by is not None:
        as_at = row.unfulfilled_as_at
        day = "" if as_at is None else f", {format_as_at(as_at)}"
        parts.append(f"not fulfilled{day}")
        ids.append(row.unfulfilled_by)
    if row.state != "unfulfilled" or not parts:
        parts.append(say(row.state))
    if row.since != row.id:
        parts[-1] += f" (entry {asked.by_id[row.since].index})"
        ids.append(row.since)
    days = row.overdue if row.state == "lapsed" else row.waiting
    maker = party_of(row.by)
    why = []
    if not any(maker in asked.reading.stances.signers(asked.by_id[each]) for each in ids):
        why.append(f"whether {actor_words(row.by)} did it: {maker} has signed nothing of it")
    if row.state == "lapsed":
        parts.append(f"its day has been over for {days_words(*days)}")
    elif days != (None, None):
        parts.append(f"{days_words(*days)} since it was made")
    return asked.answer(
        f"{words[0].upper()}{words[1:]}{'; '.join(parts)}.",
        ids,
        parties=[party_of(row.by)],
        days=None if days == (None, None) else days,
        why=why,
    )
