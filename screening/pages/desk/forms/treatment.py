"""The practitioner's forms for what comes after consent: a session, an adverse event, a note on one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from clinic.domain.body_regions import CONCRETE, concrete, in_order, region_words
from clinic.models import Visit
from clinic.web.fields import DayField, PlainForm, PlainText
from screening.domain.adverse_events import HARM_WORDS, REACTION_WORDS, WORDS, Reaction
from screening.models import EventNote, Plan, Session
from screening.treatment.record import COUNT_AGAIN, MOST_NEEDLES

COUNTED = {
    "required": f"Type a number from 1 to {MOST_NEEDLES}.",
    "invalid": f"Type a whole number from 1 to {MOST_NEEDLES}.",
    "min_value": f"Type a number from 1 to {MOST_NEEDLES}.",
    "max_value": f"Type a number from 1 to {MOST_NEEDLES}.",
}
HARMS = [(harm.value, words) for harm, words in HARM_WORDS.items()]


def _area(rows: int = 2) -> forms.Textarea:
    return forms.Textarea({"rows": rows})


def _count(label: str, low: int, **kwargs: Any) -> forms.IntegerField:
    box = forms.TextInput({"inputmode": "numeric", "class": "number-box"})
    errors = {name: says.replace("from 1", f"from {low}") for name, says in COUNTED.items()}
    return forms.IntegerField(
        label=label, min_value=low, max_value=MOST_NEEDLES, widget=box, error_messages=errors, **kwargs
    )


class SessionForm(PlainForm):
    """What was done with needles, and whether all of them came out again.

    Only what the patient agreed to is offered; any other place is refused with the reason.
    """

    regions = forms.MultipleChoiceField(
        label="Where the needles went",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one place.",
            "invalid_choice": "“%(value)s” is not a region. Choose one that is shown.",
        },
    )
    electro = forms.TypedChoiceField(
        label="Was electrical stimulation used?",
        choices=[("no", "No"), ("yes", "Yes")],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether electrical stimulation was used."},
    )
    treated_at = forms.TimeField(
        label="Time of the treatment",
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        error_messages={"required": "Type a time such as 09:30.", "invalid": "Type a time such as 09:30."},
    )
    needles_in = _count("Needles that went in", 1)
    needles_out = _count("Needles that came out, counted", 0)
    not_found = forms.BooleanField(
        label="I counted again. A needle could not be found",
        help_text="It goes on record as an adverse event.",
        required=False,
    )
    missing = PlainText(label="Where you looked, and what was done about it", required=False, widget=_area())
    reaction = forms.ChoiceField(
        label="Reaction at once",
        choices=[(reaction.value, words) for reaction, words in REACTION_WORDS.items()],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a reaction, or “None”."},
    )
    reaction_text = PlainText(
        label="What happened, and what was done",
        help_text="Only if there was a reaction.",
        required=False,
        widget=_area(),
    )
    harm = forms.ChoiceField(
        label="How bad was it?",
        help_text="Only if there was a reaction, or a needle is missing.",
        choices=HARMS,
        required=False,
        widget=forms.RadioSelect,
    )

    def __init__(self, data: QueryDict | None = None, *, visit: Visit, plan: Plan, last: Session | None) -> None:
        super().__init__(data, initial=_before(plan, last))
        self.visit = visit
        # A place that was sent is offered too, so that the refusal can give the reason.
        offered = concrete(plan.regions) | ({*data.getlist("regions")} & {*CONCRETE} if data else set())
        field = self.fields["regions"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, region_words(name).capitalize()) for name in in_order(offered)]
        if not plan.electro:
            del self.fields["electro"]
        if not self._is_short(data):
            del self.fields["not_found"], self.fields["missing"]

    @staticmethod
    def _is_short(data: Mapping[str, Any] | None) -> bool:
        """Whether fewer needles came out than went in, so that the form asks about it."""
        counts = [str(data.get(name, "")).strip() for name in ("needles_in", "needles_out")] if data else []
        return bool(counts) and all(count.isdecimal() for count in counts) and int(counts[1]) < int(counts[0])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._count(cleaned)
        reacted = cleaned.get("reaction") not in (None, Reaction.NONE)
        if reacted and not cleaned.get("reaction_text"):
            self.add_error("reaction_text", "Say what happened.")
        if (reacted or cleaned.get("not_found")) and not cleaned.get("harm"):
            self.add_error("harm", "Say how bad it was.")
        return cleaned

    def _count(self, cleaned: dict[str, Any]) -> None:
        went_in, came_out = cleaned.get("needles_in"), cleaned.get("needles_out")
        if went_in is None or came_out is None or went_in == came_out:
            return
        if came_out > went_in or not cleaned.get("not_found"):
            self.add_error("needles_out", COUNT_AGAIN.format(went_in=went_in, came_out=came_out))
        elif not cleaned.get("missing"):
            self.add_error("missing", "Say where you looked, and what was done about it.")

    def values(self) -> dict[str, Any]:
        """Return what ``record_session`` takes."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "not_found"}
        day = min(self.visit.day, timezone.localdate())
        values["treated_at"] = timezone.make_aware(dt.datetime.combine(day, values["treated_at"]))
        return {"electro": False, **values}


def _before(plan: Plan, last: Session | None) -> dict[str, Any]:
    if last is None:
        sides = in_order(concrete(plan.regions))
        return {"regions": list(sides), "treated_at": timezone.localtime().time()}
    again = ("regions", "needles_in", "needles_out", "reaction", "reaction_text")
    return {
        **{name: getattr(last, name) for name in again},
        "electro": "yes" if last.electro else "no",
        "treated_at": timezone.localtime(last.treated_at).time(),
    }


class EventForm(PlainForm):
    """Something that went wrong with a treatment, or after it."""

    kind = forms.ChoiceField(
        label="What was it?",
        choices=[(kind.value, words) for kind, words in WORDS.items()],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what it was."},
    )
    harm = forms.ChoiceField(
        label="How bad was it?",
        choices=HARMS,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how bad it was."},
    )
    began_on = DayField(label="When did it begin?", help_text="For example, 27 3 2026", not_future=True)
    what = PlainText(label="What happened", widget=_area(3), error_messages={"required": "Say what happened."})
    done = PlainText(label="What was done about it", required=False, widget=_area())

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"began_on": timezone.localdate()})


class NoteForm(PlainForm):
    """A note on an adverse event."""

    kind = forms.ChoiceField(
        label="What do you note?",
        choices=EventNote.Kind.choices,
        initial=EventNote.Kind.FOLLOW_UP.value,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one."},
    )
    text = PlainText(label="Note", widget=_area(3), error_messages={"required": "Write the note."})
