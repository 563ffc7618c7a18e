"""What a practitioner types in from a paper form: first which form it is, then the patient's answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from clinic.domain.flow import NotAllowed
from clinic.models import Visit
from clinic.models.tablets import read_code
from clinic.web.fields import DayField, PlainForm
from screening.answering.transcribe import check_counts
from screening.domain import paper_form
from screening.domain.questionnaire import AnswerKind, Value
from screening.models import PaperForm
from screening.pages.patient.forms.answers import PageForm

EMPTY = "empty"  # on the form only: radio buttons cannot be cleared, and a slip must not stay an answer


class PaperCodeForm(PlainForm):
    """The code on the sheets, and the date of birth as the patient wrote it: they show that it is this visit's form."""

    code = forms.CharField(
        label="Code on the paper",
        help_text="At the top of every sheet, such as P-12-AB3DE6FG.",
        max_length=40,
        error_messages={"required": "Type the code that is at the top of every sheet."},
        widget=forms.TextInput({"autocapitalize": "characters", "spellcheck": "false"}),
    )
    born = DayField(
        label="Date of birth on the paper", help_text="As the patient wrote it, not from our record.", not_future=True
    )

    def __init__(self, data: Mapping[str, Any] | None, *, visit: Visit, statement_sha256: str) -> None:
        """``statement_sha256``: of the consent text that a blank would carry now."""
        super().__init__(data)
        self.visit, self.statement_sha256 = visit, statement_sha256

    def clean_code(self) -> PaperForm:
        return _form_of(self.visit, self.cleaned_data["code"], self.statement_sha256)

    def clean_born(self) -> dt.date:
        return _same_birth_date(self.visit, self.cleaned_data["born"])


def _form_of(visit: Visit, typed: str, statement_sha256: str) -> PaperForm:
    wanted = read_code(typed)
    printed = next((form for form in visit.paper_forms.all() if read_code(form.code) == wanted), None)
    if printed is None:
        raise ValidationError("No form of this visit has this code. Check the sheet, and that it is this patient’s.")
    try:
        check_counts(printed, statement_sha256=statement_sha256)
    except NotAllowed as refusal:
        raise ValidationError(str(refusal)) from refusal
    return printed


def _same_birth_date(visit: Visit, born: dt.date) -> dt.date:
    if born != visit.patient.born:
        raise ValidationError("This is not the date of birth on record. Is it another patient’s form? Ask the patient.")
    return born


def _may_be_empty(field: forms.Field) -> None:
    field.required = False
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.MultipleChoiceField):
        field.choices = [*cast(list[tuple[str, str]], field.choices), (EMPTY, "Empty on paper")]
        field.empty_values = [*field.empty_values, EMPTY]


class PaperAnswersForm(PageForm):
    """All questions on one page; none is filled in beforehand, and none is required."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        visit: Visit,
        statement_sha256: str,
        printed: PaperForm | None = None,
    ) -> None:
        """``printed``: the form whose code and birth date were right, filled in to begin with."""
        self.visit, self.statement_sha256 = visit, statement_sha256
        asked = {row.name: row.question for _, rows in paper_form.sheet(returning=visit.returning) for row in rows}
        super().__init__(list(asked.values()), {}, data)
        for field in self.fields.values():
            _may_be_empty(field)
        if printed:
            self.initial = {"code": printed.code, "born": visit.patient.born}
        self.fields |= PaperCodeForm(None, visit=visit, statement_sha256=statement_sha256).fields
        self.fields["copied"] = forms.BooleanField(
            label="I copied everything as it is on the paper. What is empty here is empty there.",
            error_messages={"required": "Look through the page once more, then tick that it is as on the paper."},
        )

    def clean_code(self) -> PaperForm:
        return _form_of(self.visit, self.cleaned_data["code"], self.statement_sha256)

    def clean_born(self) -> dt.date:
        return _same_birth_date(self.visit, self.cleaned_data["born"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        wrong = set(self.errors)
        for name in paper_form.misplaced(self.given(), returning=self.visit.returning):
            if name not in wrong and not wrong & {when.question for when in self._when(name)}:
                self.add_error(
                    name, "This is filled in, but the answer before it does not call for it. Ask the patient."
                )
        return cleaned

    def _when(self, name: str) -> Any:
        return next(question.asked for question in self.asked if question.name == name)

    def given(self) -> dict[str, Value]:
        """Return what is on the paper. There an empty text is no answer, not even "nothing to say"."""
        texts = {question.name for question in self.asked if question.kind is AnswerKind.TEXT}
        return {name: value for name, value in super().given().items() if value != "" or name not in texts}
