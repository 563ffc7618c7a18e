"""The fields of all our forms: strings become typed values here."""

from __future__ import annotations

import datetime as dt
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from clinic.domain import text

FIRST_YEAR = 1900


def helper() -> FormHelper:
    """Return how all our forms render: fields only, the template writes the form tag and the token."""
    rendered = FormHelper()
    rendered.form_tag = False
    rendered.disable_csrf = True
    return rendered


class PlainForm(forms.Form):
    """A form whose errors come from the server, so that they read the same in every browser."""

    use_required_attribute = False
    helper = helper()


class PlainModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """The same, for a model."""

    use_required_attribute = False
    helper = helper()


class PlainText(forms.CharField):
    """Text without hidden characters, in one normal form."""

    def to_python(self, value: Any) -> str:
        typed = super().to_python(value)
        try:
            return text.clean(typed or "", longest=self.max_length or text.LONGEST_TEXT)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class DayInput(forms.MultiWidget):
    """Three short boxes: day, month, year."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        box = {"inputmode": "numeric", "autocomplete": "off", "maxlength": 2}
        year = {**box, "maxlength": 4}
        super().__init__(
            {"day": forms.TextInput(box), "month": forms.TextInput(box), "year": forms.TextInput(year)}, attrs
        )

    def decompress(self, value: Any) -> list[Any]:
        if isinstance(value, str) and value:
            value = dt.date.fromisoformat(value)
        return [value.day, value.month, value.year] if isinstance(value, dt.date) else ["", "", ""]

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else id_


class DayField(forms.MultiValueField):
    """A date typed as day, month and year. The message says which part is wrong and what is allowed."""

    widget = DayInput

    def __init__(self, *, earliest: dt.date | None = None, not_future: bool = False, **kwargs: Any) -> None:
        part = forms.CharField(required=False, max_length=4)
        self.earliest, self.not_future = earliest or dt.date(FIRST_YEAR, 1, 1), not_future
        super().__init__([part, part, part], require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> Any:
        parts = [str(part or "").strip() for part in (value or ["", "", ""])]
        if not any(parts):
            if self.required:
                raise ValidationError("Type the day, the month and the year.", code="required")
            return None
        for part, name, high in zip(parts, ("day", "month", "year"), (31, 12, 9999), strict=True):
            if not part.isascii() or not part.isdigit() or len(part) > 4 or not 1 <= int(part) <= high:
                allowed = "4 digits" if name == "year" else f"a number from 1 to {high}"
                raise ValidationError(f"The {name} is not right. It must be {allowed}.")
        day, month, year = (int(part) for part in parts)
        try:
            typed = dt.date(year, month, day)
        except ValueError as error:
            raise ValidationError(f"There is no day {day} in that month. Check the day and the month.") from error
        if typed < self.earliest:
            raise ValidationError(f"The year must be {self.earliest.year} or later, with 4 digits.")
        if self.not_future and typed > timezone.localdate():
            raise ValidationError("This date is still to come. It must be today or earlier.")
        return typed


def born_field(**kwargs: Any) -> DayField:
    """Return the field for a birth date: from 1900 to today."""
    return DayField(label="Date of birth", help_text="For example, 27 3 1985", not_future=True, **kwargs)


class DayBox(forms.DateInput):
    """A date, with the browser's own picker."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")
