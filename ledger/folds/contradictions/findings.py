"""What a finding is, and the rules by which findings are made, the gravest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from ledger.folds.stances import Telling

__all__ = ["RULES", "Finding", "FindingKind", "Rule"]

FindingKind = Literal["contradiction", "order", "meaning", "silence", "double", "gap"]


class Rule(NamedTuple):
    """A rule.

    Attributes:
        kind: What its findings are.
        severity: 1 for what cannot both be so, 2 for what needs an explanation, 3 for what may be
            counted twice or was changed, 4 for what is missing.
        why: Why a finding is made, in words.
    """

    kind: FindingKind
    severity: int
    why: str


RULES: Final[dict[str, Rule]] = {
    "denied": Rule(
        "contradiction", 1, "One party tells an event, and another signs that it was not so."
    ),
    "date_disputed": Rule(
        "contradiction", 1, "One party gives a date, and another signs that it was another."
    ),
    "value_disputed": Rule(
        "contradiction", 1, "One party tells a part of an event, and it is signed to be otherwise."
    ),
    "same_date": Rule(
        "contradiction",
        1,
        "Events that are said to be one (same_as) have dates that leave no common day.",
    ),
    "same_value": Rule(
        "contradiction", 1, "Events that are said to be one (same_as) say different things of it."
    ),
    "evidence_date": Rule(
        "contradiction", 1, "Outside evidence of an event leaves no day of the date that is told."
    ),
    "link_order": Rule(
        "order", 1, "A link says that one event came after another, and their dates say it did not."
    ),
    "own_dates": Rule(
        "order", 1, "The dates of one event cannot hold together: received before sent."
    ),
    "known_before": Rule("order", 1, "Somebody is said to have known of an event before it was."),
    "answer_denied": Rule(
        "silence", 1, "One party tells that a request was answered, and another that nothing came."
    ),
    "promise_denied": Rule(
        "silence",
        1,
        "One party tells that a promise was kept, and another that nothing came of it.",
    ),
    "known_denied": Rule(
        "silence",
        1,
        "One party tells that somebody did not know of an event, and another that it did by then.",
    ),
    "meaning": Rule(
        "meaning",
        2,
        "Two events about the same thing, or said to be one, say that it was different things.",
    ),
    "before_awaited": Rule(
        "order",
        2,
        "Who was content to wait until something had come asked again before it came: the dates do "
        "not overlap.",
    ),
    "complained_first": Rule(
        "order",
        2,
        "Who was invited to ask sent a statement elsewhere after the invitation and before asking.",
    ),
    "answer_claimed": Rule(
        "silence",
        2,
        "A request stands unanswered by those entitled to answer, and somebody else tells that it "
        "was answered.",
    ),
    "same_file": Rule(
        "double", 3, "Two events hold the same file, and nothing says that they are one."
    ),
    "same_message": Rule(
        "double", 3, "Two events hold the same Message-ID, and nothing says that they are one."
    ),
    "alike": Rule(
        "double",
        3,
        "Two events are of one kind, between the same parties, on dates that overlap, and nothing "
        "joins them.",
    ),
    "items_doubtful": Rule(
        "double", 3, "A request can be counted in two ways, since an area may or may not be meant."
    ),
    "own_correction": Rule("contradiction", 3, "An author has corrected what it had told itself."),
    "unanswered": Rule("gap", 4, "It was asked, and nothing further is told of it."),
    "no_outcome": Rule("gap", 4, "A meeting was asked for, and what became of it is not told."),
    "queried": Rule("gap", 4, "A question was put about a request, and no answer to it is told."),
    "count_claim": Rule(
        "gap", 4, "An event speaks of a number of others without a figure, and names none or one."
    ),
    "unsupported": Rule("gap", 4, "Sentences of a statement have no event behind them."),
    "no_year": Rule("gap", 4, "The words of the source name a day or month without its year."),
    "undated": Rule(
        "gap", 4, "Nothing dates an event but its year, or bounds that were worked out."
    ),
}
"""The rules, in the order in which their findings stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not fit, is missing, or may be counted twice.

    Attributes:
        rule: Which of `RULES` found it.
        kind: What it is.
        severity: How grave it is: 1 is the gravest.
        tellings: In whose telling it stands; of several parties, where it is between them.
        events: The ids of the events that it rests on.
        indexes: Their indexes, in the same order.
        told_by: The parties that tell these.
        words: The finding, in a sentence.
        why: Why it is found.
    """

    rule: str
    kind: FindingKind
    severity: int
    tellings: tuple[Telling, ...]
    events: tuple[str, ...]
    indexes: tuple[int, ...]
    told_by: tuple[str, ...]
    words: str
    why: str
