"""The forms for what a practitioner vouches for: the talk, who takes part, what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from clinic.web.fields import PlainText
from screening.domain import attestations, talk
from screening.pages.desk.forms.base import OnDesk, area


class TalkForm(OnDesk):
    """What the patient could say back: a field for each prompt; ``screening.domain.talk`` says which are required."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        near_lung: bool,
        whole: bool = True,
        teach_back: Mapping[str, str] | None = None,
        ids: str = "talk",
    ) -> None:
        """``whole``: for a consent in full, not for a session of a course."""
        super().__init__(data, ids=ids, initial=dict(teach_back or {}))
        self.asks = {"near_lung": near_lung, "whole": whole}
        required = talk.required(near_lung=near_lung, whole=whole)
        for prompt in talk.PROMPTS:
            must = near_lung and prompt.name == talk.BREATHLESS
            self.fields[prompt.name] = forms.ChoiceField(
                label=prompt.asks,
                choices=list(talk.RESULTS.items()),
                widget=forms.RadioSelect,
                required=False,  # one may be missing if the talk ended because another failed
                help_text="The needles go near the lung: this one must be asked." if must else "",
                error_messages={"invalid_choice": f"{prompt.about}: choose one of the results shown."},
            )
            self.fields[prompt.name].optional = prompt.name not in required  # type: ignore[attr-defined]  # as labelled

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for prompt in talk.left_out(cleaned, **self.asks):
            if prompt.name in cleaned:  # else it has its own error already
                near = " The needles go near the lung." if prompt.name == talk.BREATHLESS else ""
                self.add_error(prompt.name, f"{prompt.about}: record what the patient said.{near}")
        return cleaned

    def teach_back(self) -> dict[str, str]:
        """Return the results by prompt name, without the prompts that were not asked."""
        return {name: result for name, result in self.cleaned_data.items() if result}


class InterpreterForm(OnDesk):
    """Who interprets, in which language, and how."""

    name = PlainText(
        label="Interpreter’s name", max_length=200, error_messages={"required": "Type the interpreter’s name."}
    )
    number = PlainText(label="Their number or agency", max_length=100, required=False)
    language = PlainText(label="Language", max_length=100, error_messages={"required": "Type the language."})
    mode = forms.ChoiceField(
        label="How they take part",
        choices=list(attestations.MODES.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how the interpreter takes part."},
    )


class GuardianForm(OnDesk):
    """The parent or guardian who decides with a patient under 18."""

    name = PlainText(
        label="Guardian’s name", max_length=200, error_messages={"required": "Type the guardian’s full name."}
    )
    relationship = PlainText(
        label="Who they are to the patient",
        help_text="Such as mother, father, legal guardian.",
        max_length=100,
        error_messages={"required": "Type who they are to the patient."},
    )
    authority = PlainText(
        label="What you saw of their authority",
        help_text="Such as: a court order of 3 March; or: said so, and known here as the mother since 2019.",
        widget=area(),
        error_messages={"required": "Say what you saw, or what you rely on, that they may decide."},
    )


class CapacityForm(OnDesk):
    """What helped a patient who could not say it back, and how they showed that they can decide."""

    helped = PlainText(
        label="What helped",
        help_text="Such as simpler words, a drawing, a reader, someone they trust, more time.",
        max_length=400,
        error_messages={"required": "Say what helped."},
    )
    reason = PlainText(
        label="How they showed that they can decide",
        help_text="That they understood, kept it in mind, weighed it up, and said what they want.",
        widget=area(3),
        error_messages={"required": "Say how the patient showed that they can decide."},
    )


def _measured(name: str) -> forms.IntegerField:
    plausible = attestations.VITALS[name]
    errors = dict.fromkeys(("invalid", "min_value", "max_value"), plausible.allowed)
    return forms.IntegerField(
        label=plausible.label,
        help_text=f"In {plausible.unit}, {plausible.low} to {plausible.high}",
        min_value=plausible.low,
        max_value=plausible.high,
        required=False,
        widget=forms.TextInput({"inputmode": "numeric", "class": "number-box"}),
        error_messages=errors,
    )


class VitalsForm(OnDesk):
    """Pulse and blood pressure, if they were taken."""

    pulse = _measured("pulse")
    systolic = _measured("systolic")
    diastolic = _measured("diastolic")
    note = PlainText(
        label="If the blood pressure is very high: why you go on",
        help_text="Measure again after five minutes’ rest first.",
        required=False,
        widget=area(),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                attestations.vitals(cleaned)
            except ValueError as error:
                missing = next((name for name in attestations.VITALS if cleaned.get(name) is None), "systolic")
                self.add_error(missing, str(error))
        return cleaned


class AloneForm(OnDesk):
    """Why a young person may decide without a guardian."""

    reason = PlainText(
        label="Why this young person can decide alone",
        help_text="What they understood, weighed up and said back to you.",
        widget=area(3),
        error_messages={"required": "Say why this young person can decide alone."},
    )
