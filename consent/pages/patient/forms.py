"""The form that is signed on the tablet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms

from clinic.domain.flow import NotAllowed
from clinic.web.fields import PlainText
from consent.domain.signature_strokes import Signed, Strokes, decode
from consent.domain.statement import CHOICES, Acknowledgement
from consent.models import Signature
from screening.pages.patient.forms.patient_question import AskForm

YES_NO = [("yes", "Yes"), ("no", "No")]
DRAWN, TYPED = Signature.Method.DRAWN.value, Signature.Method.TYPED.value
ASSISTED = Signature.Method.ASSISTED.value
METHODS = [(DRAWN, "Draw my signature"), (TYPED, "Type my name"), (ASSISTED, "A member of staff helps me")]
DID = [("spoke", "Said yes"), ("nodded", "Nodded, or made a sign"), ("marked", "Made a mark")]
GUARDIAN = Signature.Capacity.GUARDIAN.value
WITNESS = {
    "did": "Choose what they did to say yes.",
    "staff_name": "The member of staff who saw it types their user name.",
    "staff_password": "The member of staff who saw it types their password.",
}
TICK = {
    "lung": "Tick the box about the lung once you have read it, or tap “I want to talk first”.",
    "read": "Tick that you have read this, or tap “I want to talk first”.",
    "agree": "Tick that you agree. If you do not, tap one of the other buttons.",
}


def prefix_of(capacity: str) -> str:
    """Return the prefix of a signature's field names: the guardian's have one, the patient's have none."""
    return "guardian_" if capacity == GUARDIAN else ""


class SignForm(AskForm):
    """The choices, the ticks and the signatures. ``signers``: the capacities to sign in, the patient's own first."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        acknowledge: Sequence[Acknowledgement],
        signers: Sequence[str],
        name: str,
    ) -> None:
        """``name``: the patient's, for a signature that is not typed."""
        super().__init__(data)
        self.signers, self.patient_name = signers, name
        self.signed: list[Signed] = []
        for choice, label in CHOICES.items():
            self.fields[choice] = forms.ChoiceField(
                label=label,
                choices=YES_NO,
                initial="no",
                widget=forms.RadioSelect,
                error_messages={"required": "Choose yes or no.", "invalid_choice": "Choose yes or no."},
            )
        for item in acknowledge:
            self.fields[item.name] = forms.BooleanField(label=item.text, error_messages={"required": TICK[item.name]})
        for capacity in signers:
            self.fields |= _guardian_fields() if capacity == GUARDIAN else {}
            self.fields |= _signature_fields(prefix_of(capacity))

    def choices(self) -> dict[str, bool]:
        """Return what was chosen, by name."""
        return {name: self.cleaned_data[name] == "yes" for name in CHOICES}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.signed = [signed for capacity in self.signers if (signed := self._signed(capacity, cleaned))]
        return cleaned

    def _signed(self, capacity: str, cleaned: Mapping[str, Any]) -> Signed | None:
        """Return one signature, or ``None`` with an error at the field that is missing."""
        prefix = prefix_of(capacity)
        relationship = cleaned.get("guardian_relationship", "") if prefix else ""
        if cleaned.get(f"{prefix}method") == TYPED:
            typed = cleaned.get(f"{prefix}typed_name", "")
            if sum(letter.isalpha() for letter in typed) >= 2:
                return Signed(capacity, typed, TYPED, relationship=relationship)
            if f"{prefix}typed_name" not in self.errors:
                self.add_error(f"{prefix}typed_name", "Type your full name to sign.")
        elif cleaned.get(f"{prefix}method") == DRAWN:
            name = cleaned.get("guardian_name", "") if prefix else self.patient_name
            try:
                return Signed(capacity, name, DRAWN, _drawn(cleaned.get(f"{prefix}strokes", "")), relationship)
            except ValueError as refusal:
                self.add_error(f"{prefix}method", str(refusal))
        elif cleaned.get(f"{prefix}method") == ASSISTED and self._witnessed(prefix, cleaned):
            name = cleaned.get("guardian_name", "") if prefix else self.patient_name
            return Signed(capacity, name, ASSISTED, relationship=relationship, did=cleaned[f"{prefix}did"])
        return None

    def _witnessed(self, prefix: str, cleaned: Mapping[str, Any]) -> bool:
        """Say whether a witness filled in everything; the view finds out who it is."""
        missing = {name: message for name, message in WITNESS.items() if not cleaned.get(f"{prefix}{name}")}
        for name, message in missing.items():
            if f"{prefix}{name}" not in self.errors:
                self.add_error(f"{prefix}{name}", message)
        return not missing

    def add_witnesses(self, find: Callable[[str, str], int]) -> bool:
        """Give each assisted signature its witness, whom ``find`` looks up by user name and password.

        Return whether all were found; a ``NotAllowed`` of ``find`` becomes an error at the password.
        """
        for index, signature in enumerate(self.signed):
            prefix = prefix_of(signature.capacity)
            if signature.method != ASSISTED:
                continue
            try:
                witness = find(self.cleaned_data[f"{prefix}staff_name"], self.cleaned_data[f"{prefix}staff_password"])
            except NotAllowed as refusal:
                self.add_error(f"{prefix}staff_password", str(refusal))
                return False
            self.signed[index] = replace(signature, witness=witness)
        return True


def _drawn(strokes: str) -> Strokes:
    if not strokes:
        raise ValueError("Sign in the box with your finger, or choose to type your name.")
    return decode(strokes)


def _guardian_fields() -> dict[str, forms.Field]:
    return {
        "guardian_name": PlainText(
            label="Full name of the parent or guardian",
            max_length=200,
            error_messages={"required": "Type the full name of the parent or guardian."},
        ),
        "guardian_relationship": PlainText(
            label="Who are you to the patient?",
            help_text="For example mother, father or legal guardian.",
            max_length=100,
            error_messages={"required": "Type who you are to the patient, such as mother or legal guardian."},
        ),
    }


def _signature_fields(prefix: str) -> dict[str, forms.Field]:
    return {
        f"{prefix}method": forms.ChoiceField(
            label="How do you want to sign?",
            choices=METHODS,
            widget=forms.RadioSelect,
            error_messages={
                "required": "Choose how you want to sign.",
                "invalid_choice": "Choose one of the ways that are shown.",
            },
        ),
        f"{prefix}strokes": forms.CharField(required=False, widget=forms.HiddenInput),
        f"{prefix}typed_name": PlainText(
            label="Type your full name", help_text="This counts as your signature.", required=False, max_length=200
        ),
        f"{prefix}did": forms.ChoiceField(
            label="What did they do to say yes?",
            choices=DID,
            required=False,
            widget=forms.RadioSelect,
            error_messages={"invalid_choice": "Choose what they did."},
        ),
        f"{prefix}staff_name": forms.CharField(
            label="Your user name",
            required=False,
            max_length=150,
            widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false"}),
        ),
        f"{prefix}staff_password": forms.CharField(
            label="Your password",
            help_text="It shows that it was you who saw this. It does not sign you in.",
            required=False,
            strip=False,
            widget=forms.PasswordInput({"autocomplete": "new-password"}),
        ),
    }
