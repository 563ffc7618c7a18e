"""A session of a course: one page asks if the patient is still happy to go ahead. The whole text is one tap away."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import StaleVisit
from clinic.web import stale_forms
from clinic.web.access import PatientRequest, patient
from consent import actions
from consent.domain.statement import plan_lines, statement
from consent.pages.patient.views.sign import ORDER, READ_AGAIN
from consent.status.course_state import covering
from screening.actions import lapse_if_due
from screening.assessment.review_state import review_state
from screening.pages.patient.forms.patient_question import AskForm


@stale_forms.keeps_typed
@patient(Stage.CONSENTING)
@require_http_methods(["GET", "POST"])
def still_happy(request: PatientRequest) -> HttpResponse:
    """Show what was agreed and what is new, and take the decision."""
    if request.FILES:
        return HttpResponseBadRequest("Files are not taken.")
    if lapse_if_due(review_state(request.hold.visit), by=request.actor):
        return redirect("resume")
    if request.method == "GET":
        return _page(request, AskForm())
    if stale_forms.expired(request):
        return _page_with_error(request, stale_forms.ONCE_MORE)
    try:
        return _decide(request)
    except StaleVisit:
        return redirect("resume")


def _page(request: PatientRequest, form: AskForm) -> HttpResponse:
    state = review_state(request.hold.visit)
    within = covering(state)
    if within is None:
        return redirect("consent_page", ORDER[0])
    inputs = within.facts(state)
    text = statement(inputs)
    context = {
        "form": form,
        "within": within,
        "plan": plan_lines(replace(inputs, sessions=None)),  # the page has its own line for the number of visits
        "news": within.news_since_last(state),
        "sections": [section for section in text.sections if section.id == "own_risks"],
        "emergency_number": inputs.emergency_number,
        "text": text.sha256,
    }
    return render(request, "consent/patient/still_happy.html", context, status=422 if form.errors else 200)


def _page_with_error(request: PatientRequest, why: str) -> HttpResponse:
    form = AskForm(request.POST)
    form.full_clean()
    form.add_error(None, why)
    return _page(request, form)


def _decide(request: PatientRequest) -> HttpResponse:
    act, visit, hold, by = request.POST.get("act", ""), request.hold.visit, request.hold, request.actor
    if act == "yes":
        return _yes(request)
    if act == "time":
        actions.take_time(visit=visit, hold=hold, by=by)
    elif act == "refuse":
        actions.refuse(visit=visit, hold=hold, by=by)
    elif act == "talk":
        form = AskForm(request.POST)
        if not form.is_valid():
            return _page(request, form)
        actions.ask_to_talk(visit=visit, hold=hold, by=by, question=form.cleaned_data["question"].strip())
    else:
        return HttpResponseBadRequest("act: yes, talk, time or refuse")
    return redirect("resume")


def _yes(request: PatientRequest) -> HttpResponse:
    shown = request.POST.get("statement", "")
    try:
        actions.go_ahead(visit=request.hold.visit, hold=request.hold, shown=shown, by=request.actor)
    except StaleVisit:
        raise
    except actions.TextChanged:
        return _page_with_error(request, READ_AGAIN)
    except NotAllowed:  # the course ended while the page was open: show the whole text, and why
        return redirect("consent_page", ORDER[0])
    return redirect("resume")
