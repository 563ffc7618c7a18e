"""What a patient types before the questions: pairing code, birth date."""

from __future__ import annotations

from django import forms

from clinic.web.fields import DayField, PlainForm


class PairForm(PlainForm):
    """The one-time code that makes a device a tablet of the clinic."""

    code = forms.CharField(
        label="Pairing code",
        help_text="8 letters and numbers. The manager sees it under Tablets.",
        max_length=20,
        error_messages={"required": "Type the 8 letters and numbers."},
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )


class BirthDateForm(PlainForm):
    """The patient's own birth date."""

    born = DayField(label="What is your date of birth?", help_text="For example, 27 3 1985", not_future=True)


class PhoneForm(BirthDateForm):
    """The same, with the secret of the link that was opened, which the page's script puts here."""

    token = forms.CharField(max_length=100, required=False, widget=forms.HiddenInput)
