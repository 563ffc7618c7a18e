"""Which questions are asked, which answers are allowed, and how both are put in words. Pure: no Django."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from clinic.domain import text
from clinic.domain.body_regions import (
    REGIONS,
    region_words,
)
from clinic.domain.dates import day_in_words
from screening.domain.questionnaire.content import QUESTIONS, SECTIONS
from screening.domain.questionnaire.question import A_PAGE, AnswerKind, Answers, Question, Section, Value


def caller(question: Question, answers: Answers) -> str | None:
    """Return the name of the question whose answer calls for this one, or ``None``."""
    for when in question.asked:
        # A question that is itself not asked calls for nothing, whatever answer it still has.
        if asked(QUESTIONS[when.question], answers, returning=True) and when.holds(answers):
            return when.question
    return None


def asked(question: Question, answers: Answers, *, returning: bool) -> bool:
    """Return whether a patient with these answers is asked ``question`` (``returning``: was needled here before)."""
    if question.returning and not returning:
        return False
    return not question.asked or caller(question, answers) is not None


@cache
def _follow_ups(section: Section) -> tuple[Question, ...]:
    """Return every follow-up that answers in a section may call for."""
    family: set[str] = set()
    below = set(section.questions)
    while below - family:
        family |= below
        below = {name for name, other in QUESTIONS.items() if any(when.question in family for when in other.asked)}
    return tuple(question for name, question in QUESTIONS.items() if question.parent and name in family)


def pages(section: Section, answers: Answers, *, returning: bool) -> list[list[Question]]:
    """Return what a section shows: its own questions, then pages of follow-ups that the answers so far call for.

    The first page may be empty. Follow-ups come level by level, four a page at most.
    """
    own = [QUESTIONS[name] for name in section.questions]
    shown = [[question for question in own if asked(question, answers, returning=returning)]]
    level = set(section.questions)
    while level:
        called = [question for question in _follow_ups(section) if caller(question, answers) in level]
        shown += [called[start : start + A_PAGE] for start in range(0, len(called), A_PAGE)]
        level = {question.name for question in called}
    return shown


def place(name: str, answers: Answers, *, returning: bool) -> tuple[str, int] | None:
    """Return the section's slug and the page (from 0) that has a question, or ``None`` if it is not asked."""
    for section in SECTIONS:
        for number, page in enumerate(pages(section, answers, returning=returning)):
            if any(question.name == name for question in page):
                return section.slug, number
    return None


def prune(answers: Answers, *, returning: bool) -> dict[str, Value]:
    """Return the answers without those to questions that are not asked, or no longer."""
    return {
        name: value
        for name, value in answers.items()
        if name in QUESTIONS and (QUESTIONS[name].always or asked(QUESTIONS[name], answers, returning=returning))
    }


def missing(answers: Answers, *, returning: bool) -> list[str]:
    """Return the names of questions that are asked, must be answered on the form, and have no answer yet."""
    return [
        question.name
        for question in QUESTIONS.values()
        if question.name not in answers
        and not question.may_stay_empty
        and asked(question, answers, returning=returning)
    ]


def in_private(answers: Answers) -> list[Question]:
    """Return the questions that the patient would rather answer in private."""
    return [question for name, question in QUESTIONS.items() if question.private and answers.get(name) == "prefer_not"]


def in_words(question: Question, value: Value | None) -> str:
    """Return an answer in words: "Yes", "Left calf, right shin", "23 November 2026", "7 out of 10", "Not given"."""
    if value is None or value == "":
        return "Not given"
    if isinstance(value, list):
        return _listed(question, value) or question.none_label
    if isinstance(value, datetime.date):
        return day_in_words(value)
    if question.kind is AnswerKind.SCALE:
        return f"{value} out of {question.high:g}"
    if question.kind is AnswerKind.NUMBER:
        unit = "" if question.unit == question.short else question.unit  # "INR: 2.4", not "INR: 2.4 INR"
        return f"{value} {unit}".strip()
    return {choice.value: choice.label for choice in question.choices}.get(str(value), str(value))


def _listed(question: Question, values: Iterable[str]) -> str:
    if question.regions:
        given = [region_words(name) for name in REGIONS if name in values]
        return ", ".join(given).capitalize()
    return ", ".join(choice.label for choice in question.choices if choice.value in values)


def dump(answers: Answers) -> dict[str, str | int | float | list[str]]:
    """Return the answers as JSON can hold them: dates as ISO text."""
    return {name: value.isoformat() if isinstance(value, datetime.date) else value for name, value in answers.items()}


def load(stored: Mapping[str, object]) -> dict[str, Value]:
    """Return typed answers from what ``dump`` wrote. Raise ``ValueError`` for an unknown question or a bad value."""
    answers: dict[str, Value] = {}
    for name, value in stored.items():
        if name not in QUESTIONS:
            raise ValueError(f"{name}: no such question; allowed: {', '.join(QUESTIONS)}")
        # One of the offered values needs no second look; it is most of the answers.
        question = QUESTIONS[name]
        plain = isinstance(value, str) and value in question.values
        answers[name] = value if plain else check_value(question, value)  # type: ignore[assignment]
    return answers


def all_clear() -> dict[str, Value]:
    """Return the answers of a healthy adult, which raise no flag. Texts are empty, follow-ups unanswered."""
    harmless: dict[str, Value] = {"filled_in_by": "self", "understands_why": "yes", "wants_treatment": "yes"}
    harmless |= {"eaten": "yes", "needle_fear": 0}
    for question in QUESTIONS.values():
        if question.parent or question.name in harmless:
            continue
        if question.kind is AnswerKind.ANY_OF:
            harmless[question.name] = []
        else:
            harmless[question.name] = "" if question.kind is AnswerKind.TEXT else "no"
    return {name: harmless[name] for name in QUESTIONS if name in harmless}


def check_value(question: Question, value: object) -> Value:
    """Return ``value`` typed as this question's answer; a date may also come as ISO text.

    Raise ``ValueError`` naming the question, the value and what is allowed. "Not in the future" is the caller's to
    check: only the caller knows which day it is.
    """
    typed = _TYPED.get(question.kind, _chosen)(question, value)
    if typed is None:
        raise ValueError(f"{question.name}: {value!r} is not allowed; allowed: {question.allowed}")
    return typed


def _chosen(question: Question, value: object) -> str | None:
    return value if isinstance(value, str) and value in question.values else None


def _picked(question: Question, value: object) -> list[str] | None:
    known = REGIONS if question.regions else [choice.value for choice in question.choices]
    if not isinstance(value, list) or any(picked not in known for picked in value):
        return None
    return list(dict.fromkeys(str(picked) for picked in value))


def _number(question: Question, value: object) -> int | float | None:
    wanted = int if question.kind is AnswerKind.SCALE else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        return None
    assert isinstance(value, int | float)
    assert question.low is not None
    assert question.high is not None
    return value if math.isfinite(value) and question.low <= value <= question.high else None


def _date(question: Question, value: object) -> datetime.date | None:
    if isinstance(value, str):
        try:
            value = datetime.date.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        return None
    return value if 1900 <= value.year <= 2199 else None  # outside it is a typing error


def _clean_text(question: Question, value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return text.clean(value)
    except text.HiddenCharacter as refusal:
        raise ValueError(
            f"{question.name}: {refusal} Allowed: {question.allowed}, without control characters."
        ) from None
    except ValueError:
        return None


_TYPED: Mapping[AnswerKind, Callable[[Question, object], Value | None]] = {
    AnswerKind.ANY_OF: _picked,
    AnswerKind.DATE: _date,
    AnswerKind.NUMBER: _number,
    AnswerKind.SCALE: _number,
    AnswerKind.TEXT: _clean_text,
}
