"""The practitioner's review. Each part of it is a form with its own address."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Journal, Role, Visit
from clinic.web.access import StaffRequest, staff
from clinic.web.fields import PlainForm
from clinic.web.lookup import the_visit
from screening import actions
from screening.assessment.review_state import ReviewState, review_state, short
from screening.models import Attestation, Claim, Flag, ReviewOutcome, Screening
from screening.pages.desk.forms.attestation import TalkForm
from screening.pages.desk.forms.review import DecisionForm, PlanForm, StopForm
from screening.pages.desk.review_page import VOUCHING, back_form, context

Kind, Ending = Attestation.Kind, ReviewOutcome.Ending


def _page(request: StaffRequest, state: ReviewState, *, status: int = 200, **forms: Any) -> HttpResponse:
    """Render the review. ``forms``: the form that was refused, in place of the fresh one."""
    claim = Claim.of(state.visit)
    another = claim is not None and claim.by_id != request.actor.staff.pk
    shown = context(state, held_by_another=another, **forms) | {"claim": claim}
    if shown["shows_answers"] and state.screening:
        Journal.objects.record("review opened", by=request.actor, visit=state.visit, screening=state.screening.pk)
    return render(request, "screening/desk/review.html", shown, status=status)


def _refused(request: StaffRequest, visit: Visit, refusal: NotAllowed) -> HttpResponse:
    """Show the review with a refusal that belongs to no field."""
    empty = PlainForm({})
    empty.add_error(None, str(refusal))
    return _page(request, review_state(visit), status=422, form=empty)


@staff(Role.PRACTITIONER)
@require_GET
def review(request: StaffRequest, pk: int) -> HttpResponse:
    """Show all about one visit: flags first, then the plan, the patient's words, the talk, all answers, and the end."""
    visit = the_visit(request, pk)
    if Screening.of(visit) is None and visit.at is not Stage.ANSWERING:
        raise Http404
    return _page(request, review_state(visit))


@staff(Role.PRACTITIONER)
@require_POST
def plan(request: StaffRequest, pk: int) -> HttpResponse:
    """Save the plan, run the rules again, and say what that changed."""
    visit = the_visit(request, pk)
    form = PlanForm(request.POST)
    if form.is_valid():
        try:
            saved = actions.save_plan(visit=visit, scope=form.scope, by=request.actor)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Plan saved.")
            if saved.raised:
                messages.warning(request, f"New flags: {_named(saved.raised)}.")
            if saved.settled:
                messages.success(request, f"No longer flagged: {_named(saved.settled)}.")
            if not saved.raised and not saved.settled:
                messages.info(request, "It changed no flag.")
            return redirect("review", visit.pk)
    return _page(request, review_state(visit), status=422, plan_form=form)


def _named(flags: tuple[Flag, ...]) -> str:
    return ", ".join(f"{short(flag.question)} ({flag.severity})" for flag in flags)


@staff(Role.PRACTITIONER)
@require_POST
def decide(request: StaffRequest, pk: int, flag: int) -> HttpResponse:
    """Decide about one flag."""
    visit = the_visit(request, pk)
    state = review_state(visit)
    about = next((row for row in state.flags if row.flag.pk == flag), None)
    if about is None:
        get_object_or_404(Flag, pk=flag, screening__visit=visit)
        return _refused(request, visit, NotAllowed("This flag no longer stands: the answers or the plan changed."))
    form = DecisionForm(request.POST, about=about)
    if form.is_valid():
        try:
            actions.decide(flag=about.flag, by=request.actor, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{about.short}: decision saved.")
            return redirect("review", visit.pk)
    return _page(request, state, status=422, decision_form=form, decision_flag=flag)


@staff(Role.PRACTITIONER)
@require_POST
def attest(request: StaffRequest, pk: int, kind: str) -> HttpResponse:
    """Vouch for something: questions answered, the talk, who takes part, what helps, what was measured."""
    if kind not in Kind.values:
        raise Http404
    visit = the_visit(request, pk)
    state = review_state(visit)
    form = _attest_form(request, state, kind)
    refused: BaseForm | None = form
    if form is None or form.is_valid():
        try:
            actions.attest(visit=visit, kind=kind, data=_data(form), by=request.actor)
        except NotAllowed as refusal:
            if form is None:
                return _refused(request, visit, refusal)
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{Kind(kind).label}: noted.")
            return redirect("review", visit.pk)
    return _page(request, state, status=422, **{f"{kind}_form": refused})


def _attest_form(request: StaffRequest, state: ReviewState, kind: str) -> BaseForm | None:
    if kind == Kind.TALK:
        return TalkForm(request.POST, near_lung=state.near_lung)
    return VOUCHING[kind](request.POST, ids=kind) if kind in VOUCHING else None


def _data(form: BaseForm | None) -> dict[str, object]:
    if isinstance(form, TalkForm):
        return {"teach_back": form.teach_back()}
    return dict(form.cleaned_data) if form else {}


@staff(Role.PRACTITIONER)
@require_POST
def close(request: StaffRequest, pk: int) -> HttpResponse:
    """End the review in one of three ways."""
    visit = the_visit(request, pk)
    ending = request.POST.get("ending", "")
    if ending == Ending.BACK:
        return _end(request, visit, "back_form", back_form(review_state(visit), request.POST))
    if ending == Ending.STOPPED:
        return _end(request, visit, "stop_form", StopForm(request.POST))
    if ending != Ending.CONSENT:
        raise Http404
    try:
        actions.close_review(visit=visit, ending=Ending.CONSENT, by=request.actor)
    except NotAllowed as refusal:
        return _refused(request, visit, refusal)
    messages.success(request, f"{visit.patient} can read and sign now. Hand over a tablet.")
    return redirect("queue")


def _end(request: StaffRequest, visit: Visit, name: str, form: BaseForm) -> HttpResponse:
    if form.is_valid():
        try:
            closing = actions.close_review(visit=visit, by=request.actor, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            if closing.ending == Ending.STOPPED:
                return redirect("not_treated_note", visit.pk)
            messages.success(request, f"{visit.patient} is asked again. Hand over a tablet.")
            return redirect("queue")
    return _page(request, review_state(visit), status=422, **{name: form})


@staff(Role.PRACTITIONER)
@require_GET
def not_treated_note(request: StaffRequest, pk: int) -> HttpResponse:
    """Show the note for a patient who was not treated: kind words, when to come back, whom to call."""
    visit = the_visit(request, pk)
    if visit.at is not Stage.STOPPED:
        raise Http404
    # `None` if the patient decided: then there is no reason to print.
    closing = ReviewOutcome.objects.filter(screening__visit=visit, ending=Ending.STOPPED).select_related("by").last()
    Journal.objects.record("note opened", by=request.actor, visit=visit)
    return render(request, "screening/desk/not_treated_note.html", {"visit": visit, "closing": closing})
