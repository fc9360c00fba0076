"""Answers as text: question by question, what is established beside what each side tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ledger.folds.questions import QUESTIONS, Answer, Ground, Question, is_gap
from ledger.folds.ranges import format_ranges
from ledger.layout import ended, item, page, table, wrap
from ledger.text import WIDTH, footer_text
from ledger.view import View
from ledger.wording import actors_words

__all__ = ["ask_text", "check_text", "questions_text"]

_LEAST_WIDTH = 40
_SHORT = 16
_ALONE = (
    "“Alone”: nothing of that is established. It rests on the word of who tells it, and nobody "
    "else whose act it is has signed it."
)


def ask_text(
    view: View, answers: Sequence[Answer], *, rows: bool = False, width: int = WIDTH
) -> str:
    """Write answers, question by question and thing by thing.

    Args:
        view: Of which the answers were made.
        answers: The answers, of one telling or of several.
        rows: Write the rows that each answer rests on in full, not only their entries.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    lines, gaps = ["What this ledger answers", ""], False
    for name, same in groupby(answers, key=lambda answer: answer.question):
        lines += item(f"{QUESTIONS[name].words} [{name}]", width)
        for _, of_one in groupby(same, key=lambda answer: answer.about):
            told = list(of_one)
            kept = [answer for answer in told if not is_gap(answer)]
            alone = " alone" if len(kept) < len(told) else ""
            gaps = gaps or bool(alone)
            for tellings in _alike(kept):
                mark = "What if: " if tellings[0].what_if else ""
                words = f"{_tellings(tellings)}{alone}: {mark}{tellings[0].answer}"
                lines += item(words, width, indent=2)
                lines += _note(tellings[0], width, rows=rows)
        lines.append("")
    if gaps:
        lines += [*wrap(_ALONE, width), ""]
    if not answers:
        lines.append("Nothing here answers what was asked.")
    return page(lines, (*check_text(view, width=width), *footer_text(view, width=width)))


def questions_text(questions: Mapping[str, Question], *, width: int = WIDTH) -> str:
    """Write which questions there are, each with what to type for it."""
    lines: list[str] = []
    for name, question in questions.items():
        lines += table((max(map(len, questions)), width - 20), [(name, question.words)])
        lines.append(f"    counterfoil ask LEDGER {question.example}")  # to be copied: unbroken
    return "\n".join(lines)


def check_text(view: View, *, width: int = WIDTH) -> tuple[str, ...]:
    """Write which commands check what a page says."""
    check = f"counterfoil-verify EXPORT --fingerprint {view.fingerprint}"
    return tuple(
        wrap(f"To check all of it: {check}", width)
        + wrap(
            "To check a row alone: counterfoil prove LEDGER ID -o row.json, and then "
            "counterfoil-verify row.json with the same fingerprint.",
            width,
        )
    )


def _alike(answers: Iterable[Answer]) -> Iterable[list[Answer]]:
    """Put together what is told alike, on the same rows and with the same doubts."""
    found: dict[object, list[Answer]] = {}
    for answer in answers:
        same = (answer.answer, answer.rests_on, answer.not_established)
        found.setdefault(same, []).append(answer)
    return found.values()


def _tellings(answers: Iterable[Answer]) -> str:
    *most, last = dict.fromkeys(str(answer.telling) for answer in answers)
    words = f"{', '.join(most)} and {last}" if most else last
    return words[:1].upper() + words[1:]


def _note(answer: Answer, width: int, *, rows: bool) -> list[str]:
    lines = [
        line
        for why in answer.not_established
        if why not in answer.answer
        for line in _why(why, width)
    ]
    if rows:
        for ground in answer.grounds:
            lines += item(_row(ground), width, indent=4)
    elif answer.grounds:
        entries = format_ranges(_ranges(sorted(set(answer.rests_on))))
        noun = "entry" if len(set(answer.rests_on)) == 1 else "entries"
        grades = ", ".join(sorted({ground.grade.lower() for ground in answer.grounds}))
        told = actors_words(answer.told_by)
        lines += item(f"(rests on {noun} {entries}, told by {told}; {grades})", width, indent=4)
    return lines


def _why(why: str, width: int) -> list[str]:
    return item(f"Not established: {why}.", width, indent=4)


def _row(ground: Ground) -> str:
    return (
        f"- entry {ground.index} [{ground.id[:_SHORT]}], told by {ground.told_by}: "
        f"{ended(ground.sentence)} That it happened: {ground.grade}."
    )


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
