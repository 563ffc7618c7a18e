"""The form with which somebody new sets a password of their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from clinic.accounts import enrolment
from clinic.models import Enrolment
from clinic.web.fields import PlainForm


class EnrolForm(PlainForm):
    """The code of a one-time link, and the password that its owner chooses."""

    code = forms.CharField(
        label="Code of your link",
        help_text="It is filled in where the link was opened or scanned.",
        max_length=100,
        error_messages={"required": "Open the link that you were given, or type what comes after the #."},
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Your new password",
        help_text="At least 12 characters; a sentence is easy to remember. No other rules.",
        strip=False,
        error_messages={"required": "Choose a password."},
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="The same password, once more",
        strip=False,
        error_messages={"required": "Type the password once more."},
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    link: Enrolment | None = None

    def clean_code(self) -> str:
        typed = str(self.cleaned_data["code"])
        self.link = enrolment.find(typed)
        if self.link is None:
            raise ValidationError("This link does not work: used already, or over 30 minutes old. Ask for a new one.")
        return typed

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        typed, again = cleaned.get("password"), cleaned.get("again")
        if typed and self.link:
            try:
                validate_password(typed, self.link.user)
            except ValidationError as error:
                self.add_error("password", error)
        if typed and again and typed != again:
            self.add_error("again", "This is not what you typed above.")
        return cleaned
