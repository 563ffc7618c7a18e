"""The way through the questions: which page comes next or before, and where a patient resumes. Pure: no Django."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from screening.domain import questionnaire
from screening.domain.questionnaire import Answers, Question, Section


@dataclass(frozen=True)
class Step:
    """One page of questions: page 0 of a section holds its own questions, the later pages their follow-ups."""

    section: Section
    page: int
    questions: tuple[Question, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the questions on this page."""
        return tuple(question.name for question in self.questions)


@dataclass(frozen=True)
class Route:
    """The pages in the order a patient meets them, as the answers so far call for them."""

    steps: tuple[Step, ...]

    def find(self, section: str, page: int) -> Step | None:
        """Return the page, or ``None`` if it is not asked now."""
        return next((step for step in self.steps if (step.section.slug, step.page) == (section, page)), None)

    def holding(self, name: str) -> Step | None:
        """Return the page that has a question, or ``None`` if it is not asked."""
        return next((step for step in self.steps if name in step.names), None)

    def before(self, step: Step) -> Step | None:
        """Return the page before this one, or ``None`` for the first."""
        at = self.steps.index(step)
        return self.steps[at - 1] if at else None

    def after(self, section: str, page: int) -> Step | None:
        """Return the page after this one, even if this one is no longer asked; ``None`` after the last."""
        order = [part.slug for part in questionnaire.SECTIONS]
        here = (order.index(section), page)
        return next((step for step in self.steps if (order.index(step.section.slug), step.page) > here), None)

    def go_on(self, answers: Answers, *, missing: Collection[str]) -> Step | None:
        """Return the page on which a patient resumes; ``None`` if every page was answered.

        That is the first page with a missing answer, or an earlier one right after the last answered page: a page of
        questions that may stay empty is never "missing", and is shown all the same.
        """
        answered = [number for number, step in enumerate(self.steps) if any(name in answers for name in step.names)]
        first = next((i for i, step in enumerate(self.steps) if set(step.names) & set(missing)), len(self.steps))
        at = min(first, answered[-1] + 1 if answered else 0)
        return self.steps[at] if at < len(self.steps) else None

    def by_section(self, answers: Answers) -> list[tuple[Section, list[tuple[Step, Question]]]]:
        """Return the questions of each section, every follow-up right after what called for it, with their pages."""
        places = {question.name: (step, question) for step in self.steps for question in step.questions}
        callers = {name: questionnaire.caller(question, answers) for name, (_, question) in places.items()}
        sections: list[tuple[Section, list[tuple[Step, Question]]]] = []

        def add(name: str) -> None:
            sections[-1][1].append(places[name])
            for below, (step, question) in places.items():
                if question.parent and callers[below] == name and step.section == places[name][0].section:
                    add(below)

        for section in dict.fromkeys(step.section for step in self.steps):
            sections.append((section, []))
            for name, (step, question) in places.items():
                if step.section == section and (not question.parent or callers[name] not in places):
                    add(name)
        return sections

    def part(self, step: Step) -> tuple[int, int]:
        """Return (3, 9) for a page of the third of nine sections."""
        slugs = list(dict.fromkeys(other.section.slug for other in self.steps))
        return slugs.index(step.section.slug) + 1, len(slugs)


def _wanted(question: Question, answers: Answers, only: Collection[str]) -> bool:
    """Return whether a question is one of ``only``, or is called for by one of them."""
    here: str | None = question.name
    while here is not None:
        if here in only:
            return True
        here = questionnaire.caller(questionnaire.QUESTIONS[here], answers)
    return False


def route(answers: Answers, *, returning: bool, only: Collection[str] = ()) -> Route:
    """Return the way through the questions that ``answers`` call for; ``only``: just these and their follow-ups."""
    steps = []
    for section in questionnaire.SECTIONS:
        for number, page in enumerate(questionnaire.pages(section, answers, returning=returning)):
            shown = tuple(question for question in page if not only or _wanted(question, answers, only))
            if shown:
                steps.append(Step(section, number, shown))
    return Route(tuple(steps))
