"""The queue's search by name."""

from __future__ import annotations

from django import forms

from clinic.models.patients import SHORTEST_PREFIX, words
from clinic.web.fields import PlainForm, PlainText


class QueueSearchForm(PlainForm):
    """A search by the first letters of a patient's name; empty shows everybody."""

    name = PlainText(
        label="Patient’s name, or its first letters",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name and not any(len(word) >= SHORTEST_PREFIX for word in words(name)):
            raise forms.ValidationError(f"Type at least {SHORTEST_PREFIX} letters of the name.")
        return name
