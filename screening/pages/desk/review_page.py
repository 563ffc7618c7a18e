"""What the review page shows, and which forms it has, given where the review stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.forms import BaseForm

from clinic.domain.flow import Stage
from screening.answering.carry_over import said_at_home
from screening.answering.previous_visit import since
from screening.assessment.review_state import FlagState, ReviewState
from screening.domain import attestations, questionnaire, talk
from screening.domain.page_flow import route
from screening.domain.questionnaire import Question
from screening.domain.rules import Severity
from screening.models import Attestation
from screening.pages.desk.forms.attestation import (
    AloneForm,
    CapacityForm,
    GuardianForm,
    InterpreterForm,
    TalkForm,
    VitalsForm,
)
from screening.pages.desk.forms.base import OnDesk
from screening.pages.desk.forms.review import BackForm, DecisionForm, PlanForm, StopForm
from screening.review.close import MAY_STOP

Kind = Attestation.Kind
VOUCHING: Mapping[str, type[OnDesk]] = {
    Kind.INTERPRETER: InterpreterForm,
    Kind.GUARDIAN: GuardianForm,
    Kind.CONSENTS_ALONE: AloneForm,
    Kind.CAPACITY: CapacityForm,
    Kind.VITALS: VitalsForm,
}
MAY_VOUCH = (Stage.IN_REVIEW, Stage.CONSENTING, Stage.SIGNED)


@dataclass(frozen=True)
class FlagPanel:
    """One flag with the form to decide about it, or no form if nothing is to be decided."""

    about: FlagState
    form: DecisionForm | None
    open: bool


def _asked(state: ReviewState) -> list[Question]:
    steps = route(state.answers, returning=state.visit.returning).steps
    return [question for step in steps for question in step.questions]


def back_form(state: ReviewState, data: Mapping[str, Any] | None = None) -> BackForm:
    """Return the form to choose the questions to ask again, flagged ones first."""
    flagged = [about.flag.question for about in state.flags if about.needs_decision]
    return BackForm(data, flagged=flagged, asked=_asked(state))


def _panels(state: ReviewState, may_act: bool, refused: DecisionForm | None, refused_flag: int) -> list[FlagPanel]:
    panels = []
    first = next((about for about in state.flags if about.undecided or about.stops_now), None)  # one fits the screen
    for about in state.flags:
        form = refused if about.flag.pk == refused_flag else None
        if form is None and may_act and about.severity is not Severity.NOTE:
            form = DecisionForm(about=about)
        panels.append(FlagPanel(about=about, form=form, open=form is refused if refused else about is first))
    return panels


def _sections(state: ReviewState) -> list[tuple[str, list[tuple[str, str]]]]:
    way = route(state.answers, returning=state.visit.returning)
    return [
        (section.heading, [(question.short, _words(state, question)) for _, question in rows])
        for section, rows in way.by_section(state.answers)
    ]


def _words(state: ReviewState, question: Question) -> str:
    words = questionnaire.in_words(question, state.answers.get(question.name))
    return f"{words} ({origin})" if (origin := state.origin(question.name)) else words


def context(
    state: ReviewState,
    *,
    held_by_another: bool = False,
    decision_form: DecisionForm | None = None,
    decision_flag: int = 0,
    **refused: BaseForm,
) -> dict[str, Any]:
    """Return the template's context. ``refused``: a form that was sent and is not valid, by its name on the page.

    ``held_by_another``: a colleague has the claim, so nothing can be changed here. A form that was sent all the same
    stays on the page, so that nobody has to type it twice.
    """
    visit = state.visit
    reads_only = held_by_another and not (decision_form or refused)
    may_act = visit.at is Stage.IN_REVIEW and not reads_only
    calling = visit.urgent_at is not None and visit.at is Stage.ANSWERING
    fresh: dict[str, Any] = {
        "plan_form": PlanForm(last=state.plan, planned=visit.planned_regions),
        "talk_form": TalkForm(near_lung=state.near_lung, teach_back=state.teach_back),
        **{f"{kind}_form": form(ids=kind, initial=_recorded(state, kind)) for kind, form in VOUCHING.items()},
        "back_form": back_form(state),
        "stop_form": StopForm(),
    }
    return {
        "state": state,
        "visit": visit,
        "may_act": may_act,
        "in_review": visit.at is Stage.IN_REVIEW,
        "may_vouch": visit.at in MAY_VOUCH and not reads_only,
        "may_stop": visit.at in MAY_STOP and not reads_only,
        "stops": [about for about in state.flags if about.stops_now] if may_act else [],
        # Answers that the patient is still giving are shown only if they called for help.
        "shows_answers": state.screening is not None and (visit.at is not Stage.ANSWERING or calling),
        "reported": _reported(state) if calling else "",
        "panels": _panels(state, may_act, decision_form, decision_flag),
        "sections": _sections(state),
        "since_home": _since_home(state),
        "what_matters": state.answers.get("what_matters", ""),
        "attested": {kind: state.attested.get(kind) for kind in Kind.values},
        "said_back": [
            (prompt.about, talk.RESULTS[state.teach_back[prompt.name]])
            for prompt in talk.PROMPTS
            if prompt.name in state.teach_back
        ],
        "since": since(state.screening) if state.screening and state.screening.submitted_at else [],
        # Flags come first on the page, so they come first here.
        "to_do": sorted(state.to_do, key=lambda task: not task.place.startswith("flag-")) if may_act else [],
        "not_able": talk.not_able(state.teach_back),
        "vitals_words": attestations.vitals_words(taken.data) if (taken := state.attested.get(Kind.VITALS)) else "",
        "modes": attestations.MODES,
        **fresh,
        **refused,
        "form": decision_form or next(iter(refused.values()), None),
    }


def _since_home(state: ReviewState) -> list[tuple[str, str, str]]:
    """Return what was answered differently at home: the question's short name, the answer there, the answer here."""
    home = said_at_home(state.visit)
    then = questionnaire.load(home.answers) if home else {}
    return [
        (
            question.short,
            questionnaire.in_words(question, then[name]),
            questionnaire.in_words(question, state.answers.get(name)),
        )
        for name, question in questionnaire.QUESTIONS.items()
        if name in questionnaire.ON_THE_DAY and name in then and then[name] != state.answers.get(name)
    ]


def _reported(state: ReviewState) -> str:
    """Return the urgent symptoms, in words."""
    return questionnaire.in_words(questionnaire.QUESTIONS["urgent_symptoms"], state.answers.get("urgent_symptoms"))


def _recorded(state: ReviewState, kind: str) -> dict[str, Any] | None:
    """Return what was recorded last, to be changed; ``None`` for measurements, which are typed afresh."""
    last = state.attested.get(kind)
    return dict(last.data) if last and kind != Kind.VITALS else None
