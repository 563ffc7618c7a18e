"""The desk's forms: confirm, change answers, send a copy, take a consent back, end or replace one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.text import capfirst

from clinic.web.fields import PlainForm, PlainText
from consent.models import ConsentStatusChange


class VouchForm(PlainForm):
    """What the practitioner vouches for: one box for each sentence of ``vouched``, none ticked beforehand."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, vouched: Sequence[str]) -> None:
        super().__init__(data)
        names = {
            "talk_took_place": "Tick that the talk took place.",
            "still_happy": "Tick that the patient is still happy to go ahead.",
            "sign": "Tick to sign with your name and registration number.",
        }
        for (name, missing), sentence in zip(names.items(), vouched, strict=True):
            self.fields[name] = forms.BooleanField(label=sentence, error_messages={"required": missing})


class ChangeForm(PlainForm):
    """Which answers the patient wants to change after signing. ``asked``: the questions' names and labels."""

    change = forms.MultipleChoiceField(
        label="Which answers?",
        choices=[],
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one answer that the patient wants to change.",
            "invalid_choice": "“%(value)s” is not one of the questions. Choose one that is shown.",
        },
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, asked: Sequence[tuple[str, str]]) -> None:
        super().__init__(data)
        field = self.fields["change"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = asked


class SendForm(PlainForm):
    """Where a copy goes."""

    address = forms.EmailField(
        label="E-mail address",
        help_text="Read it back to the patient first. E-mail is not sealed in an envelope: others could read it.",
        error_messages={
            "required": "Type an e-mail address.",
            "invalid": "Type an e-mail address such as name@example.org.",
        },
    )


def _sentences(choices: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Return the choices with a capital letter."""
    return [(value, capfirst(str(words))) for value, words in choices]


class WithdrawForm(PlainForm):
    """Who took consent back, how, and when; a reason if one was given."""

    who = forms.ChoiceField(
        label="Who takes it back?",
        choices=_sentences(ConsentStatusChange.Who.choices),
        initial=ConsentStatusChange.Who.PATIENT.value,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose who takes consent back.", "invalid_choice": "Choose who takes it back."},
    )
    name = PlainText(
        label="Name of the guardian or representative",
        help_text="Only if it is not the patient.",
        max_length=200,
        required=False,
    )
    how = forms.ChoiceField(
        label="How?",
        choices=_sentences(
            choice for choice in ConsentStatusChange.How.choices if choice[0] != ConsentStatusChange.How.TABLET
        ),
        initial=ConsentStatusChange.How.SPOKEN.value,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how it was said.", "invalid_choice": "Choose how it was said."},
    )
    at = forms.TimeField(
        label="At what time today?",
        help_text="Only if it was not just now, for example 14:05.",
        required=False,
        input_formats=["%H:%M", "%H.%M"],
        error_messages={"invalid": "Type the time as hours and minutes, for example 14:05."},
        widget=forms.TextInput({"inputmode": "numeric", "maxlength": 5}),
    )
    reason = PlainText(
        label="Reason",
        help_text="Only if one was given. Nobody has to give one.",
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )
    at.optional = reason.optional = True  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        who, name = cleaned.get("who"), cleaned.get("name")
        if who and who != ConsentStatusChange.Who.PATIENT and not name and "name" not in self.errors:
            self.add_error("name", "Type the name of the guardian or representative.")
        if who == ConsentStatusChange.Who.PATIENT and name:
            self.add_error("name", "Leave this empty if the patient takes it back, or choose who it was above.")
        if clock := cleaned.get("at"):
            at = timezone.make_aware(dt.datetime.combine(timezone.localdate(), clock))
            if at > timezone.now():
                self.add_error("at", "This time is still to come. Type a time earlier today, or leave it empty.")
            cleaned["at"] = at
        return cleaned


CHANGED, IN_ERROR = "changed", "in_error"


class EndForm(PlainForm):
    """Why a consent no longer counts, if it was not taken back. ``newer``: consents that may replace it."""

    what = forms.ChoiceField(
        label="Why does it no longer count?",
        choices=[],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose why it no longer counts.", "invalid_choice": "Choose one that is shown."},
    )
    reason = PlainText(
        label="What is wrong with it, or what changed?",
        help_text="It stands in the PDF. Not needed if a newer consent replaces it.",
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, newer: Sequence[tuple[str, str]], stands: bool
    ) -> None:
        super().__init__(data)
        field = self.fields["what"]
        assert isinstance(field, forms.ChoiceField)
        changes = [*newer, (CHANGED, "The answers or the plan changed")] if stands else []
        field.choices = [*changes, (IN_ERROR, "It was entered in error")]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("what") in (CHANGED, IN_ERROR) and not cleaned.get("reason") and "reason" not in self.errors:
            self.add_error("reason", "Say in a few words what is wrong, or what changed.")
        return cleaned


class ReplaceForm(PlainForm):
    """Which earlier consents of the patient a new one replaces. ``earlier``: their ids and labels."""

    replaces = forms.MultipleChoiceField(
        label="Does this consent replace an earlier one?",
        help_text="Tick each that no longer counts from now on. The others stand beside this one.",
        choices=[],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "One of these does not stand any more. Look at them again."},
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, earlier: Sequence[tuple[str, str]]) -> None:
        super().__init__(data)
        field = self.fields["replaces"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = earlier
