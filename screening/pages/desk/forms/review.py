"""The practitioner's forms: a decision, the plan, and how the review ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from clinic.domain import body_regions
from clinic.web.fields import PlainText
from screening.actions import MOST_SESSIONS
from screening.assessment.review_state import FlagState
from screening.domain import body_map
from screening.domain.questionnaire import Question
from screening.domain.scope import Scope
from screening.models import Decision, Plan, ReviewOutcome, Technique
from screening.pages.desk.forms.base import OnDesk, area

SESSIONS = 3  # two or three are usual, says the clinic's article


class DecisionForm(OnDesk):
    """What is decided about one flag, and why."""

    outcome = forms.ChoiceField(
        label="Decision",
        choices=Decision.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a decision.", "invalid_choice": "Choose one of the decisions shown."},
    )
    reason = PlainText(label="Why", widget=area(), error_messages={"required": "Say why you decided this."})
    precaution = PlainText(
        label="Precaution",
        help_text="The patient reads this before signing, and it is printed on the consent.",
        required=False,
        widget=area(),
    )
    until = PlainText(label="What must be true first", required=False, widget=area())

    def __init__(self, data: Mapping[str, Any] | None = None, *, about: FlagState) -> None:
        last = about.decision or about.earlier
        initial: dict[str, Any] = {"precaution": " ".join(about.flag.precautions)}
        if last:
            initial |= {"reason": last.reason, "until": last.until}
            initial["precaution"] = last.precaution or initial["precaution"]
        if about.decision:  # one on earlier answers lends its words only
            initial["outcome"] = about.decision.outcome
        super().__init__(data, ids=f"flag{about.flag.pk}", initial=initial)
        for field in self.fields.values():
            field.named = f"{about.short}:"  # type: ignore[attr-defined]  # in the error summary
        if about.is_stop:  # going ahead has a page of its own
            outcome = self.fields["outcome"]
            assert isinstance(outcome, forms.ChoiceField)
            outcome.choices = [(Decision.Outcome.NOT_TODAY.value, Decision.Outcome.NOT_TODAY.label)]
            self.initial["outcome"] = Decision.Outcome.NOT_TODAY.value
            del self.fields["precaution"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("outcome") == Decision.Outcome.PRECAUTION and not cleaned.get("precaution"):
            self.add_error("precaution", "Write the precaution. It goes into the consent.")
        if cleaned.get("outcome") == Decision.Outcome.NOT_TODAY and not cleaned.get("until"):
            self.add_error("until", "Say what must be true before the patient can be treated.")
        return cleaned


class AheadForm(OnDesk):
    """Going ahead against a stop: why, with which precaution, and a password as proof of who decides."""

    reason = PlainText(
        label="Why you go ahead against this stop",
        help_text="Printed on the consent, with your name and the time.",
        widget=area(3),
        error_messages={"required": "Say why you go ahead against this stop."},
    )
    precaution = PlainText(
        label="Precaution",
        help_text="The patient reads this before signing. Leave it empty if there is none.",
        required=False,
        widget=area(),
    )
    password = forms.CharField(
        label="Your password, once more",
        help_text="The record says that you proved who you are. Wrong tries are counted.",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
        error_messages={"required": "Type your password."},
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, about: FlagState) -> None:
        super().__init__(data, ids="ahead", initial={"precaution": " ".join(about.flag.precautions)})

    def decision(self) -> dict[str, str]:
        """Return the outcome with its words: with a precaution if one was written, else cleared."""
        outcomes, precaution = Decision.Outcome, self.cleaned_data["precaution"]
        outcome = outcomes.PRECAUTION if precaution else outcomes.CLEARED
        return {"outcome": outcome.value, "reason": self.cleaned_data["reason"], "precaution": precaution}


class PlanForm(OnDesk):
    """Where, how, and how often. ``last``: the plan to start from."""

    box = body_map.BOX  # of the body map

    regions = forms.MultipleChoiceField(
        label="Regions",
        choices=[],
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one region.",
            "invalid_choice": "“%(value)s” is not a region. Choose one that is shown.",
        },
    )
    technique = forms.ChoiceField(
        label="Technique",
        choices=Technique.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a technique."},
    )
    electro = forms.TypedChoiceField(
        label="Electrical stimulation through the needles",
        choices=[("no", "No"), ("yes", "Yes")],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether electrical stimulation is planned."},
    )
    sessions = forms.IntegerField(
        label="Expected number of sessions",
        min_value=1,
        max_value=MOST_SESSIONS,
        initial=SESSIONS,
        widget=forms.TextInput({"inputmode": "numeric", "class": "number-box"}),
        error_messages={
            "required": f"Type a number from 1 to {MOST_SESSIONS}.",
            "invalid": f"Type a whole number from 1 to {MOST_SESSIONS}.",
            "min_value": f"Type a number from 1 to {MOST_SESSIONS}.",
            "max_value": f"Type a number from 1 to {MOST_SESSIONS}.",
        },
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        last: Plan | None = None,
        planned: Iterable[str] = (),
        ids: str = "plan",
    ) -> None:
        """``planned``: the regions that the front desk noted, used while there is no plan."""
        regions = last.regions if last else list(planned)
        initial: dict[str, Any] = {"regions": sorted(set().union(*(body_regions.sides(name) for name in regions)))}
        if last:
            initial |= {
                "technique": last.technique,
                "electro": "yes" if last.electro else "no",
                "sessions": last.sessions,
            }
        super().__init__(data, ids=ids, initial=initial)
        field = self.fields["regions"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = region_groups()

    @property
    def scope(self) -> Scope:
        """The plan that was filled in; for a valid form only."""
        filled = self.cleaned_data
        regions, technique, electro = filled["regions"], filled["technique"], filled["electro"]
        return Scope.of(regions, technique=technique, electro=electro, visits=filled["sessions"])

    def body(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """Return the regions for the body map, by group, each with its box and its shapes."""
        boxes = {str(box.data["value"]): box for box in self["regions"]}
        return [
            (
                group,
                [
                    {
                        "value": value,
                        "label": label,
                        "id": boxes[value].id_for_label,
                        "checked": bool(boxes[value].data["selected"]),
                        "shapes": body_map.SHAPES[value],
                    }
                    for value, label in regions
                ],
            )
            for group, regions in region_groups()
        ]


def region_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the regions in three groups, each region as its value and its words."""
    groups: dict[str, list[tuple[str, str]]] = {"Middle": [], "Left": [], "Right": []}
    for name in concrete():
        side = name.partition("_")[0].capitalize()
        groups[side if side in groups else "Middle"].append((name, body_regions.region_words(name).capitalize()))
    return list(groups.items())


def concrete() -> list[str]:
    """Return the regions that mean one side of the body, from head to foot."""
    return [name for name in body_regions.REGIONS if body_regions.sides(name) == frozenset({name})]


class _Ending(OnDesk):
    ending = forms.CharField(widget=forms.HiddenInput)


class BackForm(_Ending):
    """Which questions the patient is asked again."""

    ask_again = forms.MultipleChoiceField(
        label="Questions to ask again",
        choices=[],
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one question.",
            "invalid_choice": "“%(value)s” is not one of the questions. Choose one that is shown.",
        },
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, flagged: Iterable[str] = (), asked: Iterable[Question] = ()
    ) -> None:
        """``flagged``: names that come first, because a flag is about them."""
        super().__init__(data, ids="back", initial={"ending": ReviewOutcome.Ending.BACK.value})
        first = set(flagged)
        named = [(question.name, question.short) for question in asked]
        field = self.fields["ask_again"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            ("With a flag", [choice for choice in named if choice[0] in first]),
            ("All others", [choice for choice in named if choice[0] not in first]),
        ]


class StopForm(_Ending):
    """Why not today, and when to come back."""

    reason = PlainText(
        label="Why the patient is not treated today",
        help_text="In words for the patient: it is printed on the note, and kept on record.",
        widget=area(),
        error_messages={"required": "Say why the patient is not treated today."},
    )
    come_back = PlainText(
        label="When to come back",
        help_text="Printed on the patient’s note. For example: one week after your last antibiotic.",
        max_length=200,
        required=False,
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, ids="stop", initial={"ending": ReviewOutcome.Ending.STOPPED.value})
