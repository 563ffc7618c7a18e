"""What a patient may want to ask."""

from __future__ import annotations

from django import forms

from clinic.web.fields import PlainForm, PlainText


class AskForm(PlainForm):
    """What a patient may want to ask before deciding. It may stay empty."""

    question = PlainText(
        label="What would you like to ask?",
        help_text="You can write it here, or just ask when you meet.",
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )
    question.optional = True  # type: ignore[attr-defined]
