"""The front desk's forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from clinic.domain import text
from clinic.domain.body_regions import CONCRETE, region_words
from clinic.domain.dates import day_in_words
from clinic.models import Patient, PatientToken, Tablet, User
from clinic.models.patients import SHORTEST_PREFIX, words
from clinic.models.staff import practitioners_of
from clinic.records import day_list
from clinic.web.fields import DayField, PlainForm, PlainText, born_field


class SearchForm(PlainForm):
    """Find a patient by birth date, by the start of a name, or both."""

    name = PlainText(label="Name, or its first letters", max_length=200, required=False)
    born = DayField(label="Date of birth", required=False, not_future=True)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            letters = words(cleaned.get("name", ""))
            if (
                cleaned.get("name")
                and not any(len(word) >= SHORTEST_PREFIX for word in letters)
                and not cleaned["born"]
            ):
                self.add_error("name", f"Type at least {SHORTEST_PREFIX} letters of the name.")
            elif not letters and not cleaned["born"]:
                self.add_error("name", "Type a name, a date of birth, or both.")
        return cleaned

    def matching(self, most: int, *, site: int | None) -> list[Patient]:
        """Return the ``most`` newest records of a clinic that fit."""
        return PatientToken.objects.newest_patients(
            most, name=self.cleaned_data["name"], born=self.cleaned_data["born"], site=site
        )


class PatientForm(PlainForm):
    """Who a patient is."""

    name = PlainText(label="Full name", max_length=200, error_messages={"required": "Type the patient’s name."})
    born = born_field()
    phone = PlainText(label="Phone", max_length=40, required=False)
    email = forms.EmailField(
        label="E-mail",
        required=False,
        error_messages={"invalid": "This is not an e-mail address, like name@example.org."},
    )

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if not words(name):
            raise ValidationError("A name needs at least one letter.")
        return name


class MergeForm(PlainForm):
    """The record that is to become part of another."""

    gone = forms.IntegerField(
        label="Number of the other record",
        help_text="It is on the other record’s page, after “Record”.",
        error_messages={"required": "Type the other record’s number.", "invalid": "Type a number, such as 12."},
    )

    def __init__(self, *args: Any, kept: Patient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept

    def clean_gone(self) -> Patient:
        other = Patient.objects.of(self.kept.site_id).current().filter(pk=self.cleaned_data["gone"]).first()
        if other is None or other.pk == self.kept.pk:
            raise ValidationError("There is no other record with this number.")
        if other.is_erased:
            raise ValidationError("This record was erased. It cannot be made one with another.")
        return other


class VisitForm(PlainForm):
    """A place on a day's board."""

    day = forms.DateField(label="Day", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    time = forms.TimeField(
        label="Appointment",
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Type a time such as 09:30."},
    )
    practitioner = forms.ModelChoiceField(
        User.objects.none(),
        required=False,
        empty_label="Any",
    )
    planned_regions = forms.MultipleChoiceField(
        label="Planned regions, if known",
        choices=[(name, region_words(name).capitalize()) for name in CONCRETE],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    returning = forms.BooleanField(
        label="Has had dry needling here before",
        help_text="Tick it if that was before this system. Earlier visits in this system count by themselves.",
        required=False,
    )

    def __init__(self, *args: Any, site: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["practitioner"].queryset = practitioners_of(site)  # type: ignore[attr-defined]


class HandOverForm(PlainForm):
    """Which tablet."""

    tablet = forms.ModelChoiceField(Tablet.objects.none(), empty_label=None, widget=forms.RadioSelect)

    def __init__(self, *args: Any, site: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tablet"].queryset = Tablet.objects.of(site).paired()  # type: ignore[attr-defined]


class DayListForm(PlainForm):
    """A day's list, chosen as a file or pasted."""

    file = forms.FileField(label="CSV file", required=False, help_text="At most 200 lines.")
    text = forms.CharField(
        label="Or paste it here",
        required=False,
        max_length=100_000,
        widget=forms.Textarea({"rows": 8, "spellcheck": "false"}),
        help_text="First line: time,name,born,phone,email,practitioner. Only name and born are needed.",
    )

    def __init__(self, *args: Any, site: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.site = site

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if file := cleaned.get("file"):
            try:
                cleaned["text"] = file.read(200_000).decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", "This file is not UTF-8 text. Save it as “CSV UTF-8”.")
                return cleaned
        if not (cleaned.get("text") or "").strip():
            self.add_error("file", "Choose a file, or paste the list.")
            return cleaned
        try:
            cleaned["text"] = text.clean(cleaned["text"], longest=100_000)
            cleaned["rows"] = day_list.read(cleaned["text"], today=timezone.localdate(), site=self.site)
        except day_list.UnreadableList as error:
            for problem in error.problems:
                self.add_error("text", problem)
        except ValueError as error:
            self.add_error("text", str(error))
        return cleaned


def choices_form(
    rows: list[day_list.Appointment], matches: Mapping[int, list[Patient]], data: Mapping[str, Any] | None
) -> forms.Form:
    """Return a form that asks "the same person?" for each row whose name and birth date are known already."""
    form = PlainForm(data)
    for number, patients in matches.items():
        if patients:
            row = rows[number]
            form.fields[f"same_{number}"] = forms.ChoiceField(
                label=f"{row.name}, born {day_in_words(row.born)}: the same person?",
                choices=[
                    *((str(match.pk), f"Yes: record {match.pk}, added {_added(match)}") for match in patients),
                    ("", "No, somebody else with this name and birth date"),
                ],
                required=False,
                widget=forms.RadioSelect,
                initial=str(patients[0].pk),
            )
    return form


def _added(patient: Patient) -> str:
    return day_in_words(timezone.localdate(patient.created_at))
