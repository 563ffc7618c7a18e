"""The form of the public check page."""

from __future__ import annotations

import re

from django import forms

from clinic.web.fields import PlainForm


class DigestForm(PlainForm):
    """The SHA-256 of a file, alone or as `sha256sum` prints it."""

    sha256 = forms.CharField(
        label="SHA-256 of the file",
        help_text="64 characters, 0 to 9 and a to f.",
        max_length=4000,
        error_messages={"required": "Choose a file, or paste its SHA-256."},
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}),
    )

    def clean_sha256(self) -> str:
        """Return the 64 hex digits in lower case, without the file name that `sha256sum` adds."""
        first = str(self.cleaned_data["sha256"]).lstrip("\\").split(maxsplit=1)[0].lower()
        if not re.fullmatch("[0-9a-f]{64}", first):
            raise forms.ValidationError("A SHA-256 has 64 characters: 0 to 9 and a to f.")
        return first
