"""Questions about personal data that was asked for: what of a proper decision is recorded.

What a decision about sharing data should record is the form of the ICO's data sharing code, Annex
B. Fields of the request count as recorded when they say something, texts when they are open here,
in the request itself, or in an answer or refusal of those who were asked: to query is no decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.folds.acts import doers_of
from ledger.folds.questions.asked import Answer, Asked, joined
from ledger.folds.request_rows import RequestRow
from ledger.view import Told
from ledger.wording import actors_words, thing_words
from verify.kinds import Request

__all__ = ["FORM", "decision"]

FORM: Final = {
    "purpose": "the purpose",
    "lawful_basis": "the lawful basis",
    "necessity": "why it is necessary",
    "special_category": "conditions for special categories",
    "legal_power": "the legal power",
    "dpia": "the impact assessment",
    "dpo_view": "the data protection officer's view",
    "retention": "retention and deletion",
    "security": "security",
    "individual_rights": "individuals' rights",
    "decision": "the decision",
    "reason": "its reasons",
}
"""The texts of the form, by the name of their claim."""

_DECIDING: Final = frozenset(("answer", "refuse"))


def decision(asked: Asked) -> Iterator[Answer]:
    """What of a decision about personal data is recorded, and what is not."""
    for row in asked.requests:
        event = asked.by_id[row.id].event
        if isinstance(event, Request) and event.personal_data == "yes":
            yield _decision(asked, row, event)


def _decision(asked: Asked, row: RequestRow, event: Request) -> Answer:
    steps = [
        told
        for told, step in asked.reading.steps.get(row.id, ())
        if step.verb in _DECIDING
        and not doers_of(told).isdisjoint(row.recipients)
        and asked.counts(told, doers_of(told))
    ]
    told = [asked.by_id[row.id], *steps]
    recorded = [words for name, words in FORM.items() if any(_says(t, name) for t in told)]
    missing = [words for words in FORM.values() if words not in recorded]
    for words, value in (
        ("who controls the data", event.controllers),
        ("whether an agreement is in place", event.agreement_in_place),
    ):
        (recorded if value not in {None, "unknown"} else missing).append(words)
    words = f"Request for {thing_words(row.what)} (entry {row.index}) by "
    words += f"{actors_words(row.makers)}, {asked.when_words(row.id)}: "
    words += f"recorded: {joined(recorded)}" if recorded else "nothing of the form is recorded"
    words += f"; not recorded: {joined(missing)}" if missing else ""
    ids = [each.id for each in told]
    parties = (*row.makers, *row.recipients)
    return asked.answer(f"{words}.", ids, parties=parties, count=len(missing))


def _says(told: Told, name: str) -> bool:
    return any(claim == name or claim.startswith(f"{name}.") for claim in told.claims)
