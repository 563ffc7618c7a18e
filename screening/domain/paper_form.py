"""The questionnaire on paper: what stands on the sheets, and what on them does not fit together. Pure: no Django."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from screening.domain import questionnaire
from screening.domain.questionnaire import QUESTIONS, SECTIONS, AnswerKind, Answers, Question, Section, When


@dataclass(frozen=True)
class Printed:
    """One question on the sheet. ``depth``: 0, or how deep a follow-up is; ``condition``: when it is to be filled in.

    A follow-up stands below every question that can call for it, so one may stand there twice.
    """

    question: Question
    depth: int = 0
    condition: str = ""

    @property
    def name(self) -> str:
        return self.question.name

    @property
    def way(self) -> str:
        """How it is answered: ``tick``, ``scale``, ``date``, ``number`` or ``text``."""
        ways = {
            AnswerKind.SCALE: "scale",
            AnswerKind.DATE: "date",
            AnswerKind.NUMBER: "number",
            AnswerKind.TEXT: "text",
        }
        return ways.get(self.question.kind, "tick")

    @property
    def labels(self) -> list[str]:
        """What stands beside the boxes."""
        if self.way == "scale":
            assert self.question.low is not None
            assert self.question.high is not None
            return [str(number) for number in range(int(self.question.low), int(self.question.high) + 1)]
        return [*(choice.label for choice in self.question.choices), *filter(None, [self.question.none_label])]


def sheet(*, returning: bool) -> list[tuple[Section, list[Printed]]]:
    """Return every question of today's questionnaire in order, each follow-up below what may call for it."""
    return [
        (
            section,
            [
                each
                for name in section.questions
                for each in _with_follow_ups(QUESTIONS[name], returning, 0, _own(name))
            ],
        )
        for section in SECTIONS
    ]


def _with_follow_ups(question: Question, returning: bool, depth: int, condition: str) -> Iterator[Printed]:
    if question.returning and not returning:
        return
    yield Printed(question, depth, condition)
    for other in QUESTIONS.values():
        for when in other.asked:
            if other.parent and when.question == question.name:
                yield from _with_follow_ups(other, returning, depth + 1, _condition(question, when))


def _own(name: str) -> str:
    """Say when a question of a section's own is left out: "Only if you did not say “Yes” to “…”"."""
    return " ".join(
        f"Only if you {'did not say' if when.unless else 'said'} {_labels(QUESTIONS[when.question], when)} to "
        f"“{QUESTIONS[when.question].wording}”"
        for when in QUESTIONS[name].asked
    )


def _labels(question: Question, when: When) -> str:
    labels = {choice.value: choice.label for choice in question.choices}
    return " or ".join(f"“{labels.get(value, value)}”" for value in when.values)


def _condition(question: Question, when: When) -> str:
    """Say in words which answers call for a follow-up: "If yes:", "If “Warfarin” or “Acenocoumarol”:"."""
    if not when.values:
        return "If you know this:"
    if when.values == ("yes",) and not when.unless:
        return "If yes:"
    return f"{'Unless' if when.unless else 'If'} {_labels(question, when)}:"


def misplaced(answers: Answers, *, returning: bool) -> list[str]:
    """Return the names of follow-ups that say something though no other answer calls for them.

    On a screen that cannot be; on paper it can, and which of the two answers is right only the patient knows. A
    question of a section's own that another answer makes needless is none of them: what makes it needless says more.
    """
    return [
        name
        for name, value in answers.items()
        if QUESTIONS[name].parent
        and value not in ("", [])
        and not questionnaire.asked(QUESTIONS[name], answers, returning=returning)
    ]
