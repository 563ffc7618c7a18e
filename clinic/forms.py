"""The front desk's, the manager's and the tablet's own forms. Strings become typed values here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from clinic import day_list, enrolling, policy, story, text
from clinic.models import Enrolment, Patient, PatientToken, Site, Tablet, User, Visit
from clinic.models.journal import JournalQuerySet
from clinic.models.patients import SHORTEST_PREFIX, words
from clinic.models.staff import practitioners_of
from clinic.policy import Policy
from clinic.regions import CONCRETE, region_words

FIRST_YEAR = 1900
ONE_LINE = 200  # characters; a longer setting gets a box of several lines


def helper() -> FormHelper:
    """Return how all our forms render: fields only, the template writes the form tag and the token."""
    rendered = FormHelper()
    rendered.form_tag = False
    rendered.disable_csrf = True
    return rendered


class PlainForm(forms.Form):
    """A form whose errors come from the server, so that they read the same in every browser."""

    use_required_attribute = False
    helper = helper()


class PlainModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """The same, for a model."""

    use_required_attribute = False
    helper = helper()


class PlainText(forms.CharField):
    """Text without hidden characters, in one normal form."""

    def to_python(self, value: Any) -> str:
        said = super().to_python(value)
        try:
            return text.clean(said or "", longest=self.max_length or text.LONGEST_TEXT)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class DayInput(forms.MultiWidget):
    """Three short boxes: day, month, year."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        box = {"inputmode": "numeric", "autocomplete": "off", "maxlength": 2}
        year = {**box, "maxlength": 4}
        super().__init__(
            {"day": forms.TextInput(box), "month": forms.TextInput(box), "year": forms.TextInput(year)}, attrs
        )

    def decompress(self, value: Any) -> list[Any]:
        if isinstance(value, str) and value:
            value = dt.date.fromisoformat(value)
        return [value.day, value.month, value.year] if isinstance(value, dt.date) else ["", "", ""]

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else id_


class DayField(forms.MultiValueField):
    """A date typed as day, month and year. The message says which part is wrong and what is allowed."""

    widget = DayInput

    def __init__(self, *, earliest: dt.date | None = None, not_future: bool = False, **kwargs: Any) -> None:
        part = forms.CharField(required=False, max_length=4)
        self.earliest, self.not_future = earliest or dt.date(FIRST_YEAR, 1, 1), not_future
        super().__init__([part, part, part], require_all_fields=False, **kwargs)

    def clean(self, value: Any) -> Any:
        parts = [str(part or "").strip() for part in (value or ["", "", ""])]
        if not any(parts):
            if self.required:
                raise ValidationError("Type the day, the month and the year.", code="required")
            return None
        for part, name, high in zip(parts, ("day", "month", "year"), (31, 12, 9999), strict=True):
            if not part.isascii() or not part.isdigit() or len(part) > 4 or not 1 <= int(part) <= high:
                allowed = "4 digits" if name == "year" else f"a number from 1 to {high}"
                raise ValidationError(f"The {name} is not right. It must be {allowed}.")
        day, month, year = (int(part) for part in parts)
        try:
            typed = dt.date(year, month, day)
        except ValueError as error:
            raise ValidationError(f"There is no day {day} in that month. Check the day and the month.") from error
        if typed < self.earliest:
            raise ValidationError(f"The year must be {self.earliest.year} or later, with 4 digits.")
        if self.not_future and typed > timezone.localdate():
            raise ValidationError("This date is still to come. It must be today or earlier.")
        return typed


def born_field(**kwargs: Any) -> DayField:
    """Return the field for a birth date: from 1900 to today."""
    return DayField(label="Date of birth", help_text="For example, 27 3 1985", not_future=True, **kwargs)


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

    def found(self, most: int, *, site: int | None) -> list[Patient]:
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
        help_text="It stands on the other record’s page, after “Record”.",
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


class HoldForm(PlainForm):
    """A record that is kept whatever its age, and why."""

    record = forms.IntegerField(
        label="Number of the record",
        help_text="It stands on the record’s page, after “Record”.",
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
        found = Patient.objects.of(self.site).current().filter(pk=self.cleaned_data["record"]).first()
        if found is None:
            raise ValidationError("There is no record with this number.")
        return found


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
        except day_list.Unreadable as error:
            for problem in error.problems:
                self.add_error("text", problem)
        except ValueError as error:
            self.add_error("text", str(error))
        return cleaned


def choices_form(
    rows: list[day_list.Row], known: Mapping[int, list[Patient]], data: Mapping[str, Any] | None
) -> forms.Form:
    """Return a form that asks "the same person?" for each row whose name and birth date are known already."""
    asked = PlainForm(data)
    for number, patients in known.items():
        if patients:
            row = rows[number]
            asked.fields[f"same_{number}"] = forms.ChoiceField(
                label=f"{row.name}, born {row.born:%d.%m.%Y}: the same person?",
                choices=[
                    *((str(each.pk), f"Yes: record {each.pk}, added {each.created_at:%d.%m.%Y}") for each in patients),
                    ("", "No, somebody else with this name and birth date"),
                ],
                required=False,
                widget=forms.RadioSelect,
                initial=str(patients[0].pk),
            )
    return asked


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
            now = self.instance.works_at if self.instance.pk else set()
            self.fields["sites"] = forms.MultipleChoiceField(
                label="Works at",
                choices=[(str(each.number), each.name) for each in clinics],
                initial=[str(number) for number in now],
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
            "is_active": "Untick when somebody leaves. It holds from their next click on.",
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


class EnrolForm(PlainForm):
    """The code of a one-time link, and the password that its owner chooses."""

    code = forms.CharField(
        label="Code of your link",
        help_text="It is filled in where the link was opened or scanned.",
        max_length=100,
        error_messages={"required": "Open the link that you were given, or type what stands after the #."},
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
        self.link = enrolling.find(typed)
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


class PolicyForm(PlainForm):
    """Every setting, with its reason as the hint and its range in the message."""

    def __init__(self, *args: Any, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = policy
        for name, how in _settings().items():
            self.fields[name] = self._field(name, how)

    def _field(self, name: str, how: policy.Setting) -> forms.Field:
        shipped = getattr(Policy(), name)
        hint = f"{how.reason} Allowed: {how.allowed}. Shipped: {shipped or 'empty'}."
        common: dict[str, Any] = {"label": how.label, "help_text": hint, "initial": getattr(self.now, name)}
        if how.kind == "choice":
            return forms.ChoiceField(choices=how.choices, widget=forms.RadioSelect, **common)
        if how.kind == "text":
            lines = forms.Textarea({"rows": 3}) if how.max_length > ONE_LINE else forms.TextInput()
            return PlainText(required=False, max_length=how.max_length, widget=lines, **common)
        wrong = {"invalid": f"Type {how.allowed}.", "required": f"Type {how.allowed}."}
        return (forms.IntegerField if how.kind == "integer" else forms.FloatField)(error_messages=wrong, **common)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, value in list(cleaned.items()):  # add_error takes from it
            try:
                policy.setting(name).clean(name, value)
            except ValueError:
                self.add_error(name, f"{value} is not allowed. Allowed: {policy.setting(name).allowed}.")
        if not self.errors:
            try:
                self.now.but(**cleaned)
            except ValueError as error:
                self.add_error("needle_fear_review", str(error))
        return cleaned


def _settings() -> Mapping[str, policy.Setting]:
    return policy.SETTINGS


class DayBox(forms.DateInput):
    """A date as the browser offers to choose it."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


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
            ("Staff", [(f"staff-{each.pk}", each.full_name) for each in people]),
            ("Tablets", [(f"tablet-{each.pk}", each.name) for each in tablets]),
            ("system", "The system"),
        ]
        self.fields["what"].choices = [  # type: ignore[attr-defined]
            ("", "Everything"),
            *((group.name, group.label) for group in story.GROUPS),
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
        return story.actions_of(kind) if kind else ()

    @property
    def by_kind_alone(self) -> bool:
        """Whether a kind was asked for, and nothing else that narrows it down."""
        asked = self.cleaned_data
        return bool(self.actions) and not any(asked[name] for name in ("who", "since", "until", "visit"))

    def found(self, rows: JournalQuerySet) -> JournalQuerySet:
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
