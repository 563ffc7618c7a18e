"""The questionnaire on paper: what is on the sheets, and which answers contradict each other. Pure: no Django."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from screening.domain import questionnaire
from screening.domain.questionnaire import QUESTIONS, SECTIONS, AnswerKind, Answers, Question, Section, When


@dataclass(frozen=True)
class Printed:
    """One question on the sheet. ``depth``: how deep a follow-up is, else 0; ``condition``: when it is to be filled in.

    A follow-up is printed below every question that can call for it, so possibly twice.
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
        """The words beside the boxes."""
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
                printed
                for name in section.questions
                for printed in _with_follow_ups(QUESTIONS[name], returning, 0, _own(name))
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
    """Return when one of a section's own questions applies: "Only if you did not say “Yes” to “…”"."""
    return " ".join(
        f"Only if you {'did not say' if when.unless else 'said'} {_labels(QUESTIONS[when.question], when)} to "
        f"“{QUESTIONS[when.question].wording}”"
        for when in QUESTIONS[name].asked
    )


def _labels(question: Question, when: When) -> str:
    labels = {choice.value: choice.label for choice in question.choices}
    return " or ".join(f"“{labels.get(value, value)}”" for value in when.values)


def _condition(question: Question, when: When) -> str:
    """Return in words which answers call for a follow-up: "If yes:", "If “Warfarin” or “Acenocoumarol”:"."""
    if not when.values:
        return "If you know this:"
    if when.values == ("yes",) and not when.unless:
        return "If yes:"
    return f"{'Unless' if when.unless else 'If'} {_labels(question, when)}:"


def misplaced(answers: Answers, *, returning: bool) -> list[str]:
    """Return the names of follow-ups that were answered though no other answer calls for them.

    That cannot happen on a screen; on paper it can, and only the patient knows which answer is right. A section's own
    question that another answer makes needless is not among them.
    """
    return [
        name
        for name, value in answers.items()
        if QUESTIONS[name].parent
        and value not in ("", [])
        and not questionnaire.asked(QUESTIONS[name], answers, returning=returning)
    ]
