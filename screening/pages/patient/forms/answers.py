"""A form made from one page of questions. Only here do strings become typed answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.html import format_html

from clinic.domain import text
from clinic.web.fields import DayField, PlainForm
from screening.domain import questionnaire
from screening.domain.questionnaire import AnswerKind, Answers, Question, Value

NONE = "none"  # on the form only: "None of these" is stored as an empty list
NO_GROUP = frozenset({AnswerKind.TEXT, AnswerKind.NUMBER})  # one box: it has a label and no legend
NUMBER = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?")
PART_OF_A_DATE = re.compile("_(day|month|year)$")
LAST_YEAR = 2199  # later is a typing error


class WordsField(forms.CharField):
    """Free text. No ``maxlength`` on the control: it would silently cut pasted text."""

    def to_python(self, value: Any) -> str:
        try:
            return text.clean(super().to_python(value) or "")
        except ValueError as error:
            raise ValidationError(str(error)) from error


class NumberField(forms.CharField):
    """A number with a unit and a range; a comma is taken as a decimal point."""

    def __init__(self, *, question: Question, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.question = question

    def to_python(self, value: Any) -> Any:
        typed = str(super().to_python(value)).replace(",", ".")
        if not typed:
            return None
        low, high = self.question.low, self.question.high
        assert low is not None
        assert high is not None
        number = float(typed) if NUMBER.fullmatch(typed) else None
        if number is None or not low <= number <= high:
            raise ValidationError(f"Type a number from {low:g} to {high:g}.")
        return int(number) if number.is_integer() else number


class AnyOfField(forms.MultipleChoiceField):
    """Several choices, with "None of these" among them."""

    def __init__(self, *, question: Question, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.question = question

    def clean(self, value: Any) -> list[str] | None:
        chosen: list[str] = super().clean(value)
        if NONE not in chosen:
            return chosen or None  # nothing ticked is no answer; it does not mean "none of these"
        if len(chosen) > 1:
            both = f"You chose “{self.question.none_label}” and something else. Choose one or the other."
            raise ValidationError(both)
        return []


class WhenField(DayField):
    """A date that may stay empty."""

    def __init__(self, *, question: Question, **kwargs: Any) -> None:
        super().__init__(not_future=bool(question.latest), required=False, **kwargs)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        if typed and typed.year > LAST_YEAR:
            raise ValidationError(f"The year must be {LAST_YEAR} or earlier, with 4 digits.")
        return typed


class PageForm(PlainForm):
    """The questions of one page. Controls carry their question's name, choices their answer values."""

    def __init__(
        self,
        asked: Sequence[Question],
        answers: Answers,
        data: Mapping[str, Any] | None = None,
        *,
        as_heading: bool = False,
    ) -> None:
        """``as_heading``: the one question of the page is the page's heading as well."""
        super().__init__(data, initial={name: _shown(value) for name, value in answers.items()})
        self.asked, self.as_heading = asked, as_heading
        for question in asked:
            label: Any = question.wording
            if as_heading:
                label = format_html('<h1 class="question-heading">{}</h1>', label)
            field = _field(question, label=label)
            field.named = question.wording  # type: ignore[attr-defined]  # for the error summary
            self.fields[question.name] = field

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        typed = sum(len(value) for name in self.data for value in _all(self.data, name))
        if typed > text.LONGEST_FORM:
            raise ValidationError(
                f"This is too much text: {typed:,} characters on this page. At most {text.LONGEST_FORM:,} are allowed."
            )
        for question in self.asked:
            value = cleaned.get(question.name)
            if question.name in cleaned and _given(question, value):
                try:
                    questionnaire.check_value(question, value)
                except ValueError as error:
                    self.add_error(question.name, str(error))
        return cleaned

    def given(self) -> dict[str, Value]:
        """Return the valid answers, typed; a question that was left empty is not among them."""
        return {
            question.name: self.cleaned_data[question.name]
            for question in self.asked
            if question.name in self.cleaned_data and _given(question, self.cleaned_data[question.name])
        }

    def checked(self) -> list[str]:
        """Return the names of the questions that are valid, answered or left empty."""
        return [question.name for question in self.asked if question.name in self.cleaned_data]


def filled_in(data: QueryDict) -> set[str]:
    """Return the names of the questions for which something was filled in, valid or not."""
    filled = [name for name in data if any(value.strip() for value in data.getlist(name))]
    return {PART_OF_A_DATE.sub("", name) for name in filled} & questionnaire.QUESTIONS.keys()


def _all(data: Any, name: str) -> list[str]:
    values = data.getlist(name) if hasattr(data, "getlist") else data[name]
    return [str(value) for value in values] if isinstance(values, list) else [str(values)]


def _given(question: Question, value: object) -> bool:
    # An empty text is an answer ("nothing to say"); an empty date, number or choice is not.
    return value is not None and (value != "" or question.kind is AnswerKind.TEXT)


def _shown(value: Value) -> Any:
    return value if value != [] else [NONE]


def _hint(question: Question) -> str:
    return " ".join(part for part in (question.hint, question.why) if part)


def _field(question: Question, *, label: Any) -> forms.Field:
    common: dict[str, Any] = {"label": label, "help_text": _hint(question)}
    if question.kind is AnswerKind.TEXT:
        return WordsField(required=False, widget=forms.Textarea({"rows": 4}), **common)
    if question.kind is AnswerKind.NUMBER:
        box = forms.TextInput({"inputmode": "decimal", "class": "number-box"})
        return NumberField(question=question, required=False, widget=box, **common)
    if question.kind is AnswerKind.DATE:
        return WhenField(question=question, **common)
    return _choice(question, common)


def _choice(question: Question, common: dict[str, Any]) -> forms.Field:
    choices = [(choice.value, choice.label) for choice in question.choices]
    common["required"] = not question.optional
    common["error_messages"] = {
        "required": "Choose an answer.",
        "invalid_choice": "“%(value)s” is not one of the answers. Choose one that is shown.",
        "invalid_list": "Choose from the answers that are shown.",
    }
    if question.kind is AnswerKind.ANY_OF:
        box = forms.CheckboxSelectMultiple({"data-exclusive": NONE})
        field: forms.Field = AnyOfField(
            question=question, choices=[*choices, (NONE, question.none_label)], widget=box, **common
        )
    elif question.kind is AnswerKind.SCALE:
        assert question.low is not None
        assert question.high is not None
        low, high = int(question.low), int(question.high)
        field = forms.TypedChoiceField(
            choices=[(str(number), str(number)) for number in range(low, high + 1)],
            coerce=int,
            empty_value=None,
            widget=forms.RadioSelect({"data-scale": ""}),
            **common,
        )
    else:
        field = forms.ChoiceField(choices=choices, widget=forms.RadioSelect, **common)
    field.optional = question.optional  # type: ignore[attr-defined]
    return field
