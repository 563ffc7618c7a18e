"""The practitioner's forms: a decision, the plan, what is vouched for, and how the review ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from clinic.forms import PlainForm, PlainText
from screening import questions, talk
from screening.actions import MOST_SESSIONS
from screening.models import Closing, Decision, Plan, Technique
from screening.questions import Question
from screening.standing import FlagStanding

SESSIONS = 3  # usually two or three, says the clinic's article
SPOKEN = (
    ("in_person", "In the room"),
    ("video", "By video"),
    ("phone", "By phone"),
)


def _area(rows: int = 2) -> forms.Textarea:
    return forms.Textarea({"rows": rows})


class _OnDesk(PlainForm):
    """Several forms stand on one page: each has ids of its own, while its controls keep their plain names."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, ids: str, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, auto_id=f"id_{ids}_%s", initial=initial)


class DecisionForm(_OnDesk):
    """What is decided about one flag, and why."""

    outcome = forms.ChoiceField(
        label="Decision",
        choices=Decision.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a decision.", "invalid_choice": "Choose one of the decisions shown."},
    )
    reason = PlainText(label="Why", widget=_area(), error_messages={"required": "Say why you decide so."})
    precaution = PlainText(
        label="Precaution",
        help_text="The patient reads this before signing, and it is printed on the consent.",
        required=False,
        widget=_area(),
    )
    until = PlainText(label="What must be true first", required=False, widget=_area())

    def __init__(self, data: Mapping[str, Any] | None = None, *, about: FlagStanding) -> None:
        last = about.decision or about.earlier
        initial: dict[str, Any] = {"precaution": " ".join(about.precautions)}
        if last:
            initial |= {"reason": last.reason, "until": last.until}
            initial["precaution"] = last.precaution or initial["precaution"]
        if about.decision:  # one on earlier answers helps with words; the choice is made afresh
            initial["outcome"] = about.decision.outcome
        super().__init__(data, ids=f"flag{about.flag.pk}", initial=initial)
        for field in self.fields.values():
            field.named = f"{about.short}:"  # type: ignore[attr-defined]  # in the error summary
        if about.never_cleared:
            outcome = self.fields["outcome"]
            assert isinstance(outcome, forms.ChoiceField)
            outcome.choices = [(Decision.Outcome.NOT_TODAY.value, Decision.Outcome.NOT_TODAY.label)]
            del self.fields["precaution"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("outcome") == Decision.Outcome.PRECAUTION and not cleaned.get("precaution"):
            self.add_error("precaution", "Write the precaution. It goes into the consent.")
        if cleaned.get("outcome") == Decision.Outcome.NOT_TODAY and not cleaned.get("until"):
            self.add_error("until", "Say what must be true before the patient can be treated.")
        return cleaned


class PlanForm(_OnDesk):
    """Where, how, and how often. Given ``last``, it starts from the plan that stands."""

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
        """``planned``: what the front desk noted, taken while there is no plan yet."""
        regions = last.regions if last else list(planned)
        initial: dict[str, Any] = {"regions": sorted(set().union(*(questions.sides(name) for name in regions)))}
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


def region_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the regions in three groups, each as its value and its words."""
    groups: dict[str, list[tuple[str, str]]] = {"Middle": [], "Left": [], "Right": []}
    for name in concrete():
        side = name.partition("_")[0].capitalize()
        groups[side if side in groups else "Middle"].append((name, questions.region_words(name).capitalize()))
    return list(groups.items())


def concrete() -> list[str]:
    """Return the regions that mean one side of the body only, from head to foot."""
    return [name for name in questions.REGIONS if questions.sides(name) == frozenset({name})]


class TalkForm(_OnDesk):
    """What the patient could say back. One field a prompt; breathlessness must be asked about near the lung."""

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        near_lung: bool,
        teach_back: Mapping[str, str] | None = None,
        ids: str = "talk",
    ) -> None:
        super().__init__(data, ids=ids, initial=dict(teach_back or {}))
        for prompt in talk.PROMPTS:
            must = near_lung and prompt.name == talk.BREATHLESS
            self.fields[prompt.name] = forms.ChoiceField(
                label=prompt.asks,
                choices=list(talk.RESULTS.items()),
                widget=forms.RadioSelect,
                required=must,
                help_text="The needles go near the lung: this one must be asked." if must else "",
                error_messages={
                    "required": f"{prompt.about}: record what the patient said. The needles go near the lung.",
                    "invalid_choice": f"{prompt.about}: choose one of the results shown.",
                },
            )

    def teach_back(self) -> dict[str, str]:
        """Return the results by prompt name, without the prompts that were not asked."""
        return {name: result for name, result in self.cleaned_data.items() if result}


class InterpreterForm(_OnDesk):
    """Who interprets, in which language, and how."""

    name = PlainText(
        label="Interpreter’s name", max_length=200, error_messages={"required": "Type the interpreter’s name."}
    )
    number = PlainText(label="Their number or agency", max_length=100, required=False)
    language = PlainText(label="Language", max_length=100, error_messages={"required": "Type the language."})
    mode = forms.ChoiceField(
        label="How they take part",
        choices=SPOKEN,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how the interpreter takes part."},
    )


class AloneForm(_OnDesk):
    """Why a young person may decide without a guardian."""

    reason = PlainText(
        label="Why this young person can decide alone",
        help_text="What they understood, weighed up and said back to you.",
        widget=_area(3),
        error_messages={"required": "Say why this young person can decide alone."},
    )


class _Ending(_OnDesk):
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
        """``flagged``: names that stand first, because a flag is about them."""
        super().__init__(data, ids="back", initial={"ending": Closing.Ending.BACK.value})
        first = set(flagged)
        named = [(question.name, question.short) for question in asked]
        field = self.fields["ask_again"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            ("With a flag", [each for each in named if each[0] in first]),
            ("All others", [each for each in named if each[0] not in first]),
        ]


class StopForm(_Ending):
    """Why not today, and when to come back."""

    reason = PlainText(
        label="Why the patient is not treated today",
        help_text="In words for the patient: it is printed on the note, and kept on record.",
        widget=_area(),
        error_messages={"required": "Say why the patient is not treated today."},
    )
    come_back = PlainText(
        label="When to come back",
        help_text="Printed on the patient’s note. For example: one week after your last antibiotic.",
        max_length=200,
        required=False,
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, ids="stop", initial={"ending": Closing.Ending.STOPPED.value})
