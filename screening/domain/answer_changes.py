"""What a returning patient is shown of last time's answers, and what changed since. Pure: no Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from screening.domain import questionnaire
from screening.domain.questionnaire import QUESTIONS, Answers, Value

UNSETTLED = ("unsure", "prefer_not")


def readable(stored: Mapping[str, object]) -> dict[str, Value]:
    """Return the stored answers that today's questionnaire still knows and allows."""
    answers: dict[str, Value] = {}
    for name, value in stored.items():
        try:
            answers |= questionnaire.load({name: value})
        except ValueError:  # no longer asked, or with other choices: it is asked again
            continue
    return answers


def offered(answers: Answers) -> tuple[str, ...]:
    """Return the names of last time's answers that may be confirmed, follow-ups right after what called for them.

    Only answers that last, and that settled something; none that a patient may wish to give in private, because one
    page shows them all. A follow-up goes with the answer that called for it.
    """
    names: list[str] = []
    for question in QUESTIONS.values():
        value = answers.get(question.name)
        if not question.stable or question.private or value is None or value in UNSETTLED:
            continue
        if question.parent and (value == [] or questionnaire.caller(question, answers) not in names):
            continue
        names.append(question.name)
    return tuple(names)


@dataclass(frozen=True)
class PreviousAnswer:
    """One of last time's answers: the question in today's wording, and the answers to it and to its follow-ups."""

    name: str
    wording: str
    words: tuple[str, ...]


def previous_answers(answers: Answers) -> list[PreviousAnswer]:
    """Return what is offered to confirm, one item for each question and its follow-ups."""
    names = offered(answers)
    return [
        PreviousAnswer(
            name, QUESTIONS[name].wording, tuple(_in_words(part, answers) for part in (name, *followers(name, names)))
        )
        for name in names
        if not QUESTIONS[name].parent
    ]


def _in_words(name: str, answers: Answers) -> str:
    return questionnaire.in_words(QUESTIONS[name], answers[name]) if answers[name] != "" else "Nothing"


def followers(name: str, names: tuple[str, ...]) -> list[str]:
    """Return those of ``names`` that follow up the question ``name``, at any depth."""
    family = [name]
    for other in names:
        if QUESTIONS[other].parent in family:
            family.append(other)
    return family[1:]


@dataclass(frozen=True)
class Change:
    """One answer that changed, in words."""

    short: str
    before: str
    after: str


def changes(before: Answers, after: Answers) -> list[Change]:
    """Return what differs between two versions of the answers, in the order of the questionnaire.

    A question that was not asked in a version reads "Not asked" there.
    """
    return [
        Change(question.short, _words(question, before), _words(question, after))
        for question in QUESTIONS.values()
        if before.get(question.name) != after.get(question.name)
    ]


def _words(question: questionnaire.Question, answers: Answers) -> str:
    if question.name not in answers and not questionnaire.asked(question, answers, returning=True):
        return "Not asked"
    return questionnaire.in_words(question, answers.get(question.name))
