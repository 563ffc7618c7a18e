"""The forms of a group's clinics: add one, choose where to work, open a record of another in an emergency."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from clinic.domain import text
from clinic.models import Site
from clinic.web.fields import PlainForm, PlainText, born_field


class SiteForm(PlainForm):
    """A clinic of the group. ``of``: the one that is changed."""

    def __init__(self, *args: Any, of: Site | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.others = Site.objects.exclude(pk=of.pk) if of else Site.objects.all()

    name = PlainText(
        label="Name",
        help_text="Shown to patients and printed on the consent.",
        max_length=200,
        error_messages={"required": "Type the clinic’s name."},
    )
    address = PlainText(label="Address", max_length=200, required=False)
    phone = PlainText(label="Phone", max_length=40, required=False)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if self.others.filter(name__iexact=name).exists():
            raise ValidationError("Another clinic has this name.")
        return name


class WorkAtForm(PlainForm):
    """Which clinic to work in."""

    site = forms.ModelChoiceField(
        Site.objects.none(),
        label="Where do you work now?",
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a clinic.", "invalid_choice": "Choose one of these clinics."},
    )

    def __init__(self, *args: Any, mine: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].queryset = mine  # type: ignore[attr-defined]


SHORTEST_REASON = 15  # design judgement: room for "unconscious in the room", none for a dot


class EmergencyForm(PlainForm):
    """Whose record of another clinic is needed, and why."""

    name = PlainText(label="Full name", max_length=200, error_messages={"required": "Type the patient’s full name."})
    born = born_field()
    reason = forms.CharField(
        label="Why do you need it now?",
        help_text="The manager of the patient’s clinic reads this.",
        min_length=SHORTEST_REASON,
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={
            "required": "Say why you need it.",
            "min_length": f"Say why in a few words: at least {SHORTEST_REASON} letters.",
        },
    )

    def clean_reason(self) -> str:
        try:
            return text.clean(self.cleaned_data["reason"], longest=1000)
        except ValueError as error:
            raise ValidationError(str(error)) from error
