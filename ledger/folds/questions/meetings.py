"""Questions about meetings."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.folds.positions import named_parties
from ledger.folds.questions.asked import Answer, Asked
from ledger.view import Told
from ledger.wording import actor_words, actors_words
from verify.kinds import Meeting

__all__ = ["met"]


def met(asked: Asked) -> Iterator[Answer]:
    """Who met, who chaired, whether there is a minute, and who agrees with it."""
    for told in asked.reading.laid_out(asked.reading.view.told):
        event = told.event
        if isinstance(event, Meeting) and asked.counts(told, named_parties(event)):
            yield _met(asked, told, event)


def _met(asked: Asked, told: Told, event: Meeting) -> Answer:
    people = named_parties(event)
    many = "Meeting" if event.count is None else f"{event.count} meetings"
    words = f"{many} of entry {told.index}, {asked.when_words(told.id)}"
    why = []
    if event.host:
        words += f"; host {actor_words(event.host)}"
    if event.chair:
        words += f"; chair {actor_words(event.chair)}"
    if event.attendees:
        words += f"; there: {actors_words(event.attendees)}"
    else:
        why.append("who was there: nobody is named")
    if event.minutes in {None, "unknown"}:
        why.append("whether there is a minute")
    else:
        words += f"; minutes: {event.minutes}"
    agreeing = asked.reading.stances.upholders(told.id) - {told.author}
    if agreeing:
        words += f"; agreed to by {actors_words(sorted(agreeing))}"
    missing = people - agreeing - {told.author}
    if missing:
        why.append(f"whether it is agreed to by {actors_words(sorted(missing))}: that is not told")
    when = asked.reading.when(told.id)
    if when is not None and when.kind == "span" and event.count is None:
        why.append("how many meetings: no number is told")
    return asked.answer(f"{words}.", [told.id], parties=people, why=why, count=event.count)
