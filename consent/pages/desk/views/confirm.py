"""The practitioner confirms in the room what was signed on the tablet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from clinic.domain.dates import day_in_words
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Journal, Role, Visit
from clinic.web.access import StaffRequest, staff
from clinic.web.lookup import the_visit
from consent import actions
from consent.domain.signature_strokes import strokes_svg_path
from consent.domain.statement import CHOICES, Statement
from consent.models import Consent, SealedFile, SignedConsent
from consent.pages.desk.forms import ChangeForm, ReplaceForm, VouchForm
from consent.status.build_record import number
from consent.status.consent_state import others_that_stand
from consent.status.guardian_check import other_guardian
from screening.assessment.review_state import ReviewState, review_state
from screening.assessment.rule_input import planned_scope
from screening.domain import questionnaire
from screening.pages.desk.forms.attestation import TalkForm
from screening.pages.desk.forms.review import PlanForm


@dataclass
class Forms:
    """The forms of the confirmation page."""

    plan: PlanForm
    talk: TalkForm
    vouch: VouchForm
    replace: ReplaceForm
    earlier: dict[str, Consent]  # the patient's consents that stand, by id

    @classmethod
    def of(cls, request: StaffRequest, given: SignedConsent, state: ReviewState) -> Forms:
        data = request.POST if request.method == "POST" else None
        plan = PlanForm(data, last=state.plan, planned=state.visit.planned_regions)
        scope = plan.scope if plan.is_bound and plan.is_valid() else planned_scope(state.visit, state.plan)
        return cls(
            plan=plan,
            talk=_talk(given, state, scope.near_lung, data),
            **cls._rest(request, given, data),
        )

    @classmethod
    def blank(cls, request: StaffRequest, given: SignedConsent, state: ReviewState) -> Forms:
        """Return the forms as they are before anything is filled in, for when another form was sent."""
        return cls(
            plan=PlanForm(last=state.plan, planned=state.visit.planned_regions),
            talk=_talk(given, state, state.near_lung),
            **cls._rest(request, given, None),
        )

    @staticmethod
    def _rest(request: StaffRequest, given: SignedConsent, data: Any) -> dict[str, Any]:
        # A session replaces no consent: it continues one.
        others = [] if given.course_id else others_that_stand(given.visit)
        earlier = {str(consent.pk): consent for consent in others}
        days = {pk: day_in_words(timezone.localdate(consent.confirmed_at)) for pk, consent in earlier.items()}
        choices = [(pk, f"{number(consent.visit)} of {days[pk]}") for pk, consent in earlier.items()]
        vouch = VouchForm(data, vouched=actions.vouched(given, request.actor))
        return {"vouch": vouch, "replace": ReplaceForm(data, earlier=choices), "earlier": earlier}

    @property
    def replaces(self) -> list[Consent]:
        """The earlier consents that were ticked."""
        return [self.earlier[pk] for pk in self.replace.cleaned_data["replaces"]]

    def are_valid(self) -> bool:
        return all([self.plan.is_valid(), self.talk.is_valid(), self.vouch.is_valid(), self.replace.is_valid()])


def _talk(given: SignedConsent, state: ReviewState, near_lung: bool, data: Any = None) -> TalkForm:
    return TalkForm(data, near_lung=near_lung, whole=given.course_id is None, teach_back=state.teach_back)


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
def confirm(request: StaffRequest, pk: int) -> HttpResponse:
    """Review the signed consent, confirm the plan and the talk, and sign; afterwards, see the seal being made."""
    visit = the_visit(request, pk)
    if visit.at in (Stage.CONFIRMED, Stage.SEALED):
        return _done(request, visit)
    given = SignedConsent.of(visit)
    if visit.at is not Stage.SIGNED or given is None:
        messages.warning(request, f"There is nothing to confirm now: “{visit.status}”.")
        return redirect("visit", visit.pk)
    state = review_state(visit)
    filled = Forms.of(request, given, state)
    if request.method == "POST" and filled.are_valid():
        return _confirm(request, given, state, filled)
    return _page(request, given, state, filled, status=422 if request.method == "POST" else 200)


def _confirm(request: StaffRequest, given: SignedConsent, state: ReviewState, filled: Forms) -> HttpResponse:
    try:
        done = actions.confirm(
            visit=state.visit,
            plan=filled.plan.scope,
            teach_back=filled.talk.teach_back(),
            by=request.actor,
            replaces=filled.replaces,
        )
    except NotAllowed as refusal:
        filled.vouch.add_error(None, str(refusal))
        return _page(request, given, state, filled, status=422)
    if isinstance(done, Consent):
        return redirect("confirm", state.visit.pk)
    messages.warning(request, done.why)
    return redirect("review", state.visit.pk)


def _page(
    request: StaffRequest,
    given: SignedConsent,
    state: ReviewState,
    filled: Forms,
    *,
    change: ChangeForm | None = None,
    status: int,
) -> HttpResponse:
    shown: list[Any] = [change] if change else [filled.plan, filled.talk, filled.replace, filled.vouch]
    wrong = [form for form in shown if form.errors]
    context: dict[str, Any] = {
        "visit": state.visit,
        "state": state,
        "given": given,
        "other_guardian": other_guardian(given),
        "statement": Statement.from_json(given.statement),
        "signatures": [(row, strokes_svg_path(row.strokes)) for row in given.signatures.select_related("witness")],
        "choices": [(CHOICES[name], "Yes" if yes else "No") for name, yes in given.choices.items()],
        "forms": filled,
        "wrong": wrong,
        "change": change or _change_form(state),
        "changing": change is not None,
        "form": wrong[0] if wrong else filled.vouch,  # its errors put "Error: " into the title
    }
    Journal.objects.record("confirmation opened", by=request.actor, visit=state.visit)
    return render(request, "consent/desk/confirm.html", context, status=status)


def _change_form(state: ReviewState, data: Any = None) -> ChangeForm:
    asked = [
        (question.name, question.short)
        for question in questionnaire.QUESTIONS.values()
        if questionnaire.asked(question, state.answers, returning=state.visit.returning)
    ]
    return ChangeForm(data, asked=asked)


@staff(Role.PRACTITIONER)
@require_POST
def change(request: StaffRequest, pk: int) -> HttpResponse:
    """The patient wants to change an answer: the signature no longer counts, the chosen questions are asked again."""
    visit = the_visit(request, pk)
    given = SignedConsent.of(visit)
    if visit.at is not Stage.SIGNED or given is None:
        messages.warning(request, f"There is no signature to set aside now: “{visit.status}”.")
        return redirect("visit", visit.pk)
    state = review_state(visit)
    form = _change_form(state, request.POST)
    if not form.is_valid():
        return _page(request, given, state, Forms.blank(request, given, state), change=form, status=422)
    try:
        actions.change_answers(visit=visit, names=form.cleaned_data["change"], by=request.actor)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The signature no longer counts. Hand over a tablet for these questions.")
    return redirect("visit", visit.pk)


def _done(request: StaffRequest, visit: Visit) -> HttpResponse:
    consent = get_object_or_404(Consent.objects.select_related("confirmed_by"), visit=visit)
    sealed = SealedFile.objects.filter(consent=consent).defer("pdf").first()
    return render(request, "consent/desk/done.html", {"visit": visit, "consent": consent, "sealed": sealed})
