"""The manager's forms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from clinic.domain import journal_wording, policy
from clinic.domain.policy import Policy
from clinic.models import Patient, Site, Tablet, User, Visit
from clinic.models.journal import JournalQuerySet
from clinic.web.fields import DayBox, PlainForm, PlainModelForm, PlainText

ONE_LINE = 200  # characters; a longer setting gets a box of several lines


class HoldForm(PlainForm):
    """A record that is kept whatever its age, and why."""

    record = forms.IntegerField(
        label="Number of the record",
        help_text="It is on the record’s page, after “Record”.",
        error_messages={"required": "Type the record’s number.", "invalid": "Type a number, such as 12."},
    )
    reason = PlainText(
        label="Why it must be kept",
        help_text="Such as: a complaint of 3 March; a claim; an order of a court.",
        max_length=400,
        error_messages={"required": "Say why this record must be kept."},
    )

    def __init__(self, *args: Any, site: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.site = site

    def clean_record(self) -> Patient:
        patient = Patient.objects.of(self.site).current().filter(pk=self.cleaned_data["record"]).first()
        if patient is None:
            raise ValidationError("There is no record with this number.")
        return patient


class TabletForm(PlainModelForm):
    """A tablet's name, as staff call it."""

    class Meta:
        model = Tablet
        fields = ["name"]
        help_texts = {"name": "What you call it, such as “Front desk 1”."}


class StaffForm(PlainModelForm):
    """One staff member's account. ``clinics``: those of the manager; with more than one, it asks where they work."""

    def __init__(self, *args: Any, clinics: Collection[Site] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(clinics) > 1:
            current = self.instance.works_at if self.instance.pk else set()
            self.fields["sites"] = forms.MultipleChoiceField(
                label="Works at",
                choices=[(str(site.number), site.name) for site in clinics],
                initial=[str(number) for number in current],
                widget=forms.CheckboxSelectMultiple,
                error_messages={"required": "Choose at least one clinic."},
            )

    @property
    def sites(self) -> set[int]:
        """The numbers of the clinics that were chosen; none where it was not asked."""
        return {int(number) for number in self.cleaned_data.get("sites", [])}

    class Meta:
        model = User
        fields = [
            "full_name",
            "username",
            "is_reception",
            "is_practitioner",
            "is_manager",
            "registration_number",
            "is_active",
        ]
        labels = {"username": "User name", "is_active": "May sign in"}
        help_texts = {
            "username": "Letters, numbers and . - _ only.",
            "is_reception": "Board, hand-over, status words. No answers.",
            "is_practitioner": "Answers, review, confirm.",
            "is_manager": "Staff, tablets, settings. No answers.",
            "registration_number": "For practitioners; it is printed on every consent.",
            "is_active": "Untick when somebody leaves. It takes effect at their next click.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not any(cleaned.get(f"is_{role}") for role in ("reception", "practitioner", "manager")):
            self.add_error("is_reception", "Choose at least one role.")
        if cleaned.get("is_practitioner") and not cleaned.get("registration_number"):
            self.add_error(
                "registration_number", "A practitioner needs a registration number: it is printed on every consent."
            )
        return cleaned


class PolicyForm(PlainForm):
    """Every setting, with its reason as the hint and its range in the message."""

    def __init__(self, *args: Any, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current = policy
        for name, setting in _settings().items():
            self.fields[name] = self._field(name, setting)

    def _field(self, name: str, setting: policy.Setting) -> forms.Field:
        shipped = getattr(Policy(), name)
        hint = f"{setting.reason} Allowed: {setting.allowed}. Shipped: {shipped or 'empty'}."
        common: dict[str, Any] = {"label": setting.label, "help_text": hint, "initial": getattr(self.current, name)}
        if setting.kind == "choice":
            return forms.ChoiceField(choices=setting.choices, widget=forms.RadioSelect, **common)
        if setting.kind == "text":
            lines = forms.Textarea({"rows": 3}) if setting.max_length > ONE_LINE else forms.TextInput()
            return PlainText(required=False, max_length=setting.max_length, widget=lines, **common)
        wrong = {"invalid": f"Type {setting.allowed}.", "required": f"Type {setting.allowed}."}
        return (forms.IntegerField if setting.kind == "integer" else forms.FloatField)(error_messages=wrong, **common)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, value in list(cleaned.items()):  # add_error removes from it
            try:
                policy.setting(name).clean(name, value)
            except ValueError:
                self.add_error(name, f"{value} is not allowed. Allowed: {policy.setting(name).allowed}.")
        if not self.errors:
            try:
                self.current.but(**cleaned)
            except ValueError as error:
                self.add_error("needle_fear_review", str(error))
        return cleaned


def _settings() -> Mapping[str, policy.Setting]:
    return policy.SETTINGS


WHOLE = {"min_value": 0, "max_value": 2**63 - 1}


def _asked(kind: type[forms.Field], label: str, allowed: str, **how: Any) -> Any:
    """Return a field that may be left out, with one message that says what is allowed."""
    wrong = dict.fromkeys(("invalid", "invalid_choice", "min_value", "max_value"), allowed)
    return kind(label=label, required=False, error_messages=wrong, **how)


class JournalForm(PlainForm):
    """Who, what and when, as a manager asks the journal. Every part may be left out."""

    who = _asked(forms.ChoiceField, "Who", "Choose somebody from the list, or “Everybody”.")
    what = _asked(forms.ChoiceField, "What", "Choose something from the list, or “Everything”.")
    since = _asked(forms.DateField, "From", "Type the first day as a date: 2026-03-27.", widget=DayBox)
    until = _asked(forms.DateField, "To", "Type the last day as a date: 2026-03-27.", widget=DayBox)
    visit = _asked(forms.IntegerField, "Visit number", "Type the number of a visit, in digits.", **WHOLE)
    before = _asked(forms.IntegerField, "Before", "The row is a number.", **WHOLE)
    after = _asked(forms.IntegerField, "After", "The row is a number.", **WHOLE)

    def __init__(
        self, data: Mapping[str, Any], *, people: Iterable[User], tablets: Iterable[Tablet], site: int | None
    ) -> None:
        super().__init__(data)
        self.site = site
        self.fields["who"].choices = [  # type: ignore[attr-defined]
            ("", "Everybody"),
            ("Staff", [(f"staff-{user.pk}", user.full_name) for user in people]),
            ("Tablets", [(f"tablet-{tablet.pk}", tablet.name) for tablet in tablets]),
            ("system", "The system"),
        ]
        self.fields["what"].choices = [  # type: ignore[attr-defined]
            ("", "Everything"),
            *((group.name, group.label) for group in journal_wording.GROUPS),
        ]
        for name in ("who", "what"):
            self.fields[name].widget.attrs["class"] = "form-select"
        for name in ("since", "until", "visit"):
            self.fields[name].widget.attrs["class"] = "form-control"

    def clean_visit(self) -> Visit | None:
        """Return the visit with the number that was typed."""
        number = self.cleaned_data["visit"]
        if number is None:
            return None
        visit = Visit.objects.of(self.site).filter(pk=number).first()
        if visit is None:
            raise ValidationError(f"There is no visit with the number {number}.")
        return visit

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions of the kind that was asked for; () for everything."""
        kind = self.cleaned_data["what"]
        return journal_wording.actions_of(kind) if kind else ()

    @property
    def by_kind_alone(self) -> bool:
        """Whether a kind was asked for, and nothing else that narrows it down."""
        asked = self.cleaned_data
        return bool(self.actions) and not any(asked[name] for name in ("who", "since", "until", "visit"))

    def matching(self, rows: JournalQuerySet) -> JournalQuerySet:
        """Return those of ``rows`` that were asked for, of whatever kind."""
        asked = self.cleaned_data
        kind, _, number = asked["who"].partition("-")
        if kind:
            who = {"user": number} if kind == "staff" else {"tablet": number, "user": None} if number else {}
            rows = rows.filter(**who, **({} if number else {"actor_kind": kind}))
        if asked["since"]:
            rows = rows.filter(at__gte=_midnight(asked["since"]))
        if asked["until"]:
            rows = rows.filter(at__lt=_midnight(asked["until"] + dt.timedelta(days=1)))
        if asked["visit"]:
            rows = rows.filter(visit=asked["visit"])
        return rows


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))
