"""What every dispute asks, by name: one command (`counterfoil ask`), one package, one table.

To add a question: write a function from `Asked` to answers in a module of this package, and give
it a line in `QUESTIONS`. The command, HTTP, the list and the pages take it from there.

Nothing guesses at language: a question is asked by its name, of a party, of an event, or of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.folds.questions import (
    dates,
    decisions,
    knowledge,
    meetings,
    requests,
    undertakings,
    words,
)
from ledger.folds.questions.asked import (
    Answer,
    Answering,
    Asked,
    Ground,
    Grounds,
    established_gap,
    is_gap,
)
from ledger.folds.reading import Reading
from ledger.folds.stances import ESTABLISHED, Telling

__all__ = ["QUESTIONS", "Answer", "Ground", "Question", "ask", "is_gap"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    Attributes:
        words: The question.
        example: What to type for it, behind `counterfoil ask LEDGER`.
        answering: What answers it.
    """

    words: str
    example: str
    answering: Answering


QUESTIONS: Final[Mapping[str, Question]] = {
    "outstanding": Question(
        "What is outstanding, and with whom?",
        "outstanding --party rutland",
        requests.outstanding,
    ),
    "slow": Question(
        "Who had to act, and for how long?", "slow --party leicestershire", requests.slow
    ),
    "held": Question("For how long did those invited to ask hold the ball?", "held", requests.held),
    "first": Question("Who asked first?", "first", requests.first),
    "items": Question("How many items were asked for?", "items", requests.items),
    "clear": Question(
        "When was a request specific enough to answer?", "clear --event ID", requests.clear
    ),
    "queried": Question(
        "What was asked back, and of how many requests is no answer told?",
        "queried",
        requests.queried,
    ),
    "deferred": Question(
        "Which requests were put off, and when was that over?", "deferred", requests.deferred
    ),
    "order": Question(
        "Did those who put a request off write before what they waited for had come?",
        "order",
        requests.order,
    ),
    "foia": Question(
        "When would an answer have been due under the Freedom of Information Act 2000?",
        "foia",
        requests.foia,
    ),
    "undone": Question(
        "What was promised and not done?", "undone --party rutland", knowledge.undone
    ),
    "lag": Question("How long was it before an event was known?", "lag --event ID", knowledge.lag),
    "ignorance": Question(
        "What did somebody not know, and for what time?",
        "ignorance --party leicestershire",
        knowledge.ignorance,
    ),
    "unaware": Question(
        "What did somebody know of when it did something? (asked of an event)",
        "unaware --event ID --party leicestershire",
        knowledge.unaware,
    ),
    "met": Question("Who met, and is there a minute?", "met", meetings.met),
    "member": Question("Who was a member of what?", "member --party rutland", undertakings.member),
    "chair": Question("Who chaired?", "chair", undertakings.chair),
    "proposed": Question(
        "Who proposed which agreement, and what became of it?", "proposed", undertakings.proposed
    ),
    "bound": Question(
        "Who was bound by which agreement?",
        "bound --party rutland --as-at 2025-09-23",
        undertakings.bound,
    ),
    "passed": Question(
        "Which data was passed, and which items did it answer?", "passed", undertakings.passed
    ),
    "decision": Question(
        "What of a decision about personal data is recorded, and what is not?",
        "decision",
        decisions.decision,
    ),
    "denied": Question("Which words are denied, and by whom?", "denied", words.denied),
    "authority": Question(
        "For whom was something done, and have they said so?", "authority", words.authority
    ),
    "receipt": Question(
        "What was written, with no day on which it came?", "receipt", words.receipt
    ),
    "sentences": Question(
        "Which sentences of a statement have no event behind them?", "sentences", words.sentences
    ),
    "vague": Question("Which dates are vague, and how?", "vague --event ID", dates.vague),
}
"""The questions by name, in the order in which they are answered."""


def ask(
    reading: Reading,
    tellings: Iterable[Telling] = (ESTABLISHED,),
    *,
    question: str | None = None,
    party: str | None = None,
    event: str | None = None,
) -> tuple[Answer, ...]:
    """Answer a question, or all, in each telling.

    What a party tells and nobody whose act it is has signed is answered as established, too: as
    not established, with the reason.

    Args:
        reading: The view, read as at a day.
        tellings: Whose word is taken, one after the other.
        question: One of `QUESTIONS`; None for all.
        party: Only what is about this party; None for all.
        event: The id of an event: only what rests on it; None for all.
    """
    wanted = tuple(tellings)
    grounds = Grounds(reading)
    asked = [Asked(reading, telling, grounds, party=party, event=event) for telling in wanted]
    found: list[Answer] = []
    for name, one in QUESTIONS.items():
        if question in {None, name}:
            rows = [row for each in asked for row in each.ask(name, one.answering)]
            found += _with_gaps(rows) if ESTABLISHED in wanted else rows
    return tuple(found)


def _with_gaps(rows: list[Answer]) -> list[Answer]:
    """Put before what only parties tell of a thing that it is not established."""
    by_thing: dict[str | None, list[Answer]] = {}
    for row in rows:
        by_thing.setdefault(row.about, []).append(row)
    found: list[Answer] = []
    for same in by_thing.values():
        if not any(row.telling == ESTABLISHED for row in same):
            found.append(established_gap(same))
        found += same
    return found
