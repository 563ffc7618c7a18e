"""What a question is, and the short forms that the content is written in. Pure: no Django."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from clinic.domain import text
from clinic.domain.body_regions import (
    CONCRETE,
    REGIONS,
    region_words,
)

A_PAGE = 4  # questions at most

Value = str | int | float | datetime.date | list[str]
Answers = Mapping[str, Value]  # an absent key is a question left out


class AnswerKind(StrEnum):
    """How a question is answered. The values are those of the questionnaire's public interface."""

    YNU = "ynu"
    YN = "yn"
    SCALE = "scale"
    DATE = "date"
    TEXT = "text"
    NUMBER = "number"
    ONE_OF = "one_of"
    ANY_OF = "any_of"


@dataclass(frozen=True)
class Choice:
    """One answer that can be picked: its public value and its words."""

    value: str
    label: str


@dataclass(frozen=True)
class When:
    """One reason to ask a follow-up: ``question`` has one of ``values`` (any answer at all, if none is named)."""

    question: str
    values: tuple[str, ...] = ()
    unless: bool = False  # negates it: asked while the question has none of the values

    def holds(self, answers: Answers) -> bool:
        """Return whether ``answers`` call for the follow-up."""
        answer = answers.get(self.question)
        if not self.values:
            return (answer is not None) != self.unless
        given = answer if isinstance(answer, list) else [answer]
        return any(value in self.values for value in given) != self.unless


@dataclass(frozen=True)
class Question:
    """One question. ``short`` is the staff's label; a follow-up has a ``parent``; ``asked`` says what calls for it."""

    name: str
    kind: AnswerKind
    wording: str
    short: str
    hint: str = ""
    why: str = ""
    choices: tuple[Choice, ...] = ()
    parent: str | None = None
    asked: tuple[When, ...] = ()  # any of them; () is always
    returning: bool = False  # asked of returning patients only
    optional: bool = False
    none_label: str = ""  # of "none of these", for ANY_OF
    low: float | None = None
    high: float | None = None
    unit: str = ""
    latest: str = ""  # "today" where a date may not be in the future
    regions: bool = False  # choices are regions of the body
    stable: bool = False  # seldom changes: a returning patient may confirm it; any other is asked on the day
    private: bool = False  # "prefer_not" reads as a wish to say it in private, to the practitioner alone

    @cached_property
    def always(self) -> bool:
        """Whether it is asked of everybody, whatever they answer."""
        return not self.asked and not self.returning

    @cached_property
    def may_stay_empty(self) -> bool:
        """Whether the form takes no answer. Dates and numbers are follow-ups, all of them."""
        return self.optional or self.kind in (AnswerKind.TEXT, AnswerKind.DATE, AnswerKind.NUMBER)

    @cached_property
    def values(self) -> frozenset[str]:
        """The values that a single choice may have; none for other kinds."""
        single = (AnswerKind.ONE_OF, AnswerKind.YN, AnswerKind.YNU)
        return frozenset(choice.value for choice in self.choices) if self.kind in single else frozenset()

    @property
    def allowed(self) -> str:
        """The values that this question takes, in words."""
        if self.kind is AnswerKind.DATE:
            return "a date such as 2026-11-23" + (", not in the future" if self.latest else "")
        if self.kind is AnswerKind.TEXT:
            return f"text of at most {text.LONGEST_TEXT:,} characters"
        if self.kind is AnswerKind.SCALE:
            return f"a whole number from {self.low:g} to {self.high:g}"
        if self.kind is AnswerKind.NUMBER:
            return f"a number from {self.low:g} to {self.high:g} ({self.unit})"
        names = REGIONS if self.regions else [choice.value for choice in self.choices]
        return ("a list of any of " if self.kind is AnswerKind.ANY_OF else "one of ") + ", ".join(names)


@dataclass(frozen=True)
class Section:
    """One part of the form: a plain heading over one to four related questions (their follow-ups come after)."""

    slug: str
    heading: str
    questions: tuple[str, ...]


_YES, _NO = Choice("yes", "Yes"), Choice("no", "No")
_YN = (_YES, _NO)
_YNU = (_YES, _NO, Choice("unsure", "I am not sure"), Choice("prefer_not", "I would rather not say"))
_IN_PRIVATE = Choice("prefer_not", "I would rather say this in private")
_REGION_CHOICES = tuple(Choice(name, region_words(name).capitalize()) for name in CONCRETE)
_NONE = "None of these"


def _ynu(
    name: str,
    wording: str,
    short: str,
    *,
    hint: str = "",
    why: str = "",
    parent: str | None = None,
    asked: tuple[When, ...] = (),
    returning: bool = False,
    optional: bool = False,
    stable: bool = False,
    private: bool = False,
) -> Question:
    choices = (*_YNU[:-1], _IN_PRIVATE) if private else _YNU
    return Question(
        name,
        AnswerKind.YNU,
        wording,
        short,
        hint,
        why,
        choices,
        parent,
        asked,
        returning=returning,
        optional=optional,
        stable=stable,
        private=private,
    )


def _yn(name: str, wording: str, short: str, *, hint: str = "", why: str = "") -> Question:
    return Question(name, AnswerKind.YN, wording, short, hint, why, _YN)


def _any_of(
    name: str,
    wording: str,
    short: str,
    *choices: tuple[str, str],
    hint: str = "",
    why: str = "",
    none: str = _NONE,
    parent: str | None = None,
    stable: bool = False,
) -> Question:
    return Question(
        name,
        AnswerKind.ANY_OF,
        wording,
        short,
        hint,
        why,
        tuple(Choice(*choice) for choice in choices),
        parent,
        (When(parent, ("yes",)),) if parent else (),
        none_label=none,
        stable=stable,
    )


def _regions(
    parent: str, wording: str, short: str, *, hint: str = "Choose all that apply.", stable: bool = False
) -> Question:
    return Question(
        f"{parent}_regions",
        AnswerKind.ANY_OF,
        wording,
        short,
        hint,
        choices=_REGION_CHOICES,
        parent=parent,
        asked=(When(parent, ("yes",)),),
        none_label=_NONE,
        regions=True,
        stable=stable,
    )


def _one_of(
    name: str,
    wording: str,
    short: str,
    *choices: tuple[str, str],
    hint: str = "",
    why: str = "",
    parent: str | None = None,
    stable: bool = False,
    private: bool = False,
) -> Question:
    return Question(
        name,
        AnswerKind.ONE_OF,
        wording,
        short,
        hint,
        why,
        tuple(Choice(*choice) for choice in choices),
        parent,
        (When(parent, ("yes",)),) if parent else (),
        stable=stable,
        private=private,
    )


def _text(
    name: str,
    wording: str,
    short: str,
    *,
    hint: str = "",
    why: str = "",
    parent: str | None = None,
    stable: bool = False,
) -> Question:
    asked = (When(parent, ("yes",)),) if parent else ()
    return Question(name, AnswerKind.TEXT, wording, short, hint, why, parent=parent, asked=asked, stable=stable)
