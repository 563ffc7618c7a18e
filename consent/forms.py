"""What the patient decides and signs with, and what the practitioner changes and sends with."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.text import capfirst

from clinic.flow import NotAllowed
from clinic.forms import PlainForm, PlainText
from consent.models import After, Signature
from consent.statement import CHOICES, Acknowledgement
from consent.strokes import Signed, Strokes, decode
from screening.forms import AskForm

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
    """Return how the controls of a signature begin: the guardian's are named so, the patient's are plain."""
    return "guardian_" if capacity == GUARDIAN else ""


class SignForm(AskForm):
    """The choices, the ticks and the signatures. ``signers`` are the capacities to sign in, the patient's own first."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        acknowledge: Sequence[Acknowledgement],
        signers: Sequence[str],
        name: str,
    ) -> None:
        """``name``: the patient's, which a drawn signature stands for."""
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
        for each in acknowledge:
            self.fields[each.name] = forms.BooleanField(label=each.text, error_messages={"required": TICK[each.name]})
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
        """Return one signature, or nothing with an error at the control that lacks it."""
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
        """Say whether everything is there that a witness fills in; who it is, the view finds out."""
        missing = {name: says for name, says in WITNESS.items() if not cleaned.get(f"{prefix}{name}")}
        for name, says in missing.items():
            if f"{prefix}{name}" not in self.errors:
                self.add_error(f"{prefix}{name}", says)
        return not missing

    def seen_by(self, find: Callable[[str, str], int]) -> bool:
        """Give each assisted signature its witness, whom ``find`` finds by user name and password.

        Return whether all were found; what ``find`` refuses becomes an error at the password.
        """
        for at, each in enumerate(self.signed):
            prefix = prefix_of(each.capacity)
            if each.method != ASSISTED:
                continue
            try:
                found = find(self.cleaned_data[f"{prefix}staff_name"], self.cleaned_data[f"{prefix}staff_password"])
            except NotAllowed as refusal:
                self.add_error(f"{prefix}staff_password", str(refusal))
                return False
            self.signed[at] = replace(each, witness=found)
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


class VouchForm(PlainForm):
    """What the practitioner vouches for, a tick each, none of them beforehand. ``vouched``: the sentences."""

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
    """Which answers the patient wants to change after signing. ``asked``: names of questions, and their labels."""

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
    """Return choices whose words stand alone, with a capital."""
    return [(value, capfirst(str(words))) for value, words in choices]


class WithdrawForm(PlainForm):
    """Who took consent back, how, and when; a reason if one was given."""

    who = forms.ChoiceField(
        label="Who takes it back?",
        choices=_sentences(After.Who.choices),
        initial=After.Who.PATIENT.value,
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
        choices=_sentences(choice for choice in After.How.choices if choice[0] != After.How.TABLET),
        initial=After.How.SPOKEN.value,
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
        if who and who != After.Who.PATIENT and not name and "name" not in self.errors:
            self.add_error("name", "Type the name of the guardian or representative.")
        if who == After.Who.PATIENT and name:
            self.add_error("name", "Leave this empty if the patient takes it back, or choose who it was above.")
        if clock := cleaned.get("at"):
            said = timezone.make_aware(dt.datetime.combine(timezone.localdate(), clock))
            if said > timezone.now():
                self.add_error("at", "This time is still to come. Type a time earlier today, or leave it empty.")
            cleaned["at"] = said
        return cleaned


CHANGED, IN_ERROR = "changed", "in_error"


class EndForm(PlainForm):
    """Why a consent no longer counts, other than that it was taken back. ``newer``: consents that may replace it."""

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
    """Which earlier consents of the patient a new one replaces. ``earlier``: their ids, and their words."""

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
        """Return the 64 hex digits, in lower case. `sha256sum` puts the file's name behind them."""
        first = str(self.cleaned_data["sha256"]).lstrip("\\").split(maxsplit=1)[0].lower()
        if not re.fullmatch("[0-9a-f]{64}", first):
            raise forms.ValidationError("A SHA-256 has 64 characters: 0 to 9 and a to f.")
        return first
