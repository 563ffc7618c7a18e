"""The patient reads three pages, and decides at the end of the last. Each decision is one button."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import StaleVisit
from clinic.web import stale_forms
from clinic.web.access import PatientRequest, patient
from consent import actions
from consent.actions.witness import refused, witness
from consent.domain.statement import (
    PAGE_HEADINGS,
    PAGES,
    Statement,
    StatementInput,
    acknowledgements,
    plan_lines,
    statement,
)
from consent.pages.patient.forms import SignForm
from consent.status.course_state import course_for, covering
from consent.status.statement_input import facts
from screening.actions import lapse_if_due
from screening.assessment.review_state import ReviewState, review_state
from screening.pages.patient.forms.patient_question import AskForm

ORDER = list(PAGES)
READ_AGAIN = "The text has changed since you opened it. Please read it again. What you filled in is still here."


@patient(Stage.CONSENTING)
@require_GET
def consenting(request: PatientRequest) -> HttpResponse:
    """Go to the first page or, within a course, ask if the patient is still happy to go ahead."""
    state = review_state(request.hold.visit)
    if lapse_if_due(state, by=request.actor):
        return redirect("resume")
    if covering(state):
        return redirect("still_happy")
    return redirect("consent_page", ORDER[0])


@stale_forms.keeps_typed
@patient(Stage.CONSENTING)
@require_http_methods(["GET", "POST"])
def consent_page(request: PatientRequest, page: str) -> HttpResponse:
    """One page of the text. The last takes the decision; each takes "no", "not now" and "let us talk"."""
    if page not in PAGES:
        raise Http404
    if request.FILES:
        return HttpResponseBadRequest("Files are not taken.")
    state = review_state(request.hold.visit)
    if lapse_if_due(state, by=request.actor):
        return redirect("resume")
    if request.method == "POST":
        return _once_more(request, state) if stale_forms.expired(request) else _decide(request, state)
    inputs = facts(state)
    text = statement(inputs)
    if request.GET.get("text", text.sha256) != text.sha256:  # it changed between two pages: start again
        return redirect(reverse("consent_page", args=[ORDER[0]]) + "?changed=1")
    if page == ORDER[-1]:
        return _last_page(request, state, inputs, text)
    index = ORDER.index(page)
    context = {
        "heading": PAGE_HEADINGS[page],
        "sections": text.page(page),
        "number": index + 1,
        "of": len(ORDER),
        "before": ORDER[index - 1] if index else "",
        "after": ORDER[index + 1],
        "text": text.sha256,
        "changed": "changed" in request.GET,
        "within": None if index else course_for(state),
    }
    return render(request, "consent/patient/page.html", context)


def _last_page(
    request: PatientRequest,
    state: ReviewState,
    inputs: StatementInput,
    text: Statement,
    form: AskForm | None = None,
    *,
    whole: bool = False,
    looked: bool = False,
) -> HttpResponse:
    """The page with the decision. ``whole``: show all of the text, because it changed while it was being read.

    ``looked``: it was sent without a decision, so say that nothing is signed, and keep the digest of the text as read.
    """
    held = bool(state.signing_holds)
    if form is None:
        form = AskForm() if held else _sign_form(request, state, inputs)
    signers = actions.signers(state)
    context = {
        "heading": PAGE_HEADINGS[ORDER[-1]],
        "sections": text.sections if whole else text.page(ORDER[-1]),
        "plan": plan_lines(inputs),
        "number": len(ORDER),
        "of": len(ORDER),
        "before": ORDER[-2],
        "text": request.POST.get("statement", "") if looked else text.sha256,
        "looked": looked,
        "form": form,
        "held": held,
        "tries": refused(request.hold),
        "with_guardian": len(signers) > 1,
        "name": state.visit.patient.name,
    }
    return render(request, "consent/patient/sign.html", context, status=422 if form.errors else 200)


def _sign_form(request: PatientRequest, state: ReviewState, inputs: StatementInput) -> SignForm:
    return SignForm(
        request.POST or None,
        acknowledge=acknowledgements(inputs),
        signers=actions.signers(state),
        name=state.visit.patient.name,
    )


def _decide(request: PatientRequest, state: ReviewState) -> HttpResponse:
    """Carry out the decision. ``state``: the visit's, as this request read it; an action reads it anew."""
    acts: dict[str, Callable[[PatientRequest, ReviewState], HttpResponse]] = {
        "look": _look,
        "agree": _agree,
        "talk": _talk,
        "time": _take_time,
        "refuse": _refuse,
    }
    act = acts.get(request.POST.get("act", ""))
    if act is None:
        return HttpResponseBadRequest("act: look, agree, talk, time or refuse")
    try:
        return act(request, state)
    except StaleVisit:
        return redirect("resume")


def _agree(request: PatientRequest, state: ReviewState) -> HttpResponse:
    inputs = facts(state)
    text = statement(inputs)
    if state.signing_holds:
        return _last_page(request, state, inputs, text)
    form = _sign_form(request, state, inputs)
    shown = request.POST.get("statement", "")
    valid = form.is_valid()
    changed = shown != text.sha256
    if changed:
        form.add_error(None, READ_AGAIN)
    if not valid or changed or not form.add_witnesses(partial(_witness, request)):
        return _last_page(request, state, inputs, text, form, whole=changed)
    try:
        actions.give(
            visit=state.visit,
            hold=request.hold,
            shown=shown,
            signed=form.signed,
            choices=form.choices(),
            by=request.actor,
        )
    except StaleVisit:
        raise
    except NotAllowed:  # it changed at the moment of signing: show it as it is now
        return redirect("consent_page", ORDER[-1])
    return redirect("resume")


def _witness(request: PatientRequest, username: str, password: str) -> int:
    return witness(request, hold=request.hold, username=username, password=password, by=request.actor)


def _look(request: PatientRequest, state: ReviewState) -> HttpResponse:
    """Show the page as filled in so far: pressing Enter in a text box agrees to nothing."""
    inputs = facts(state)
    form = AskForm(request.POST) if state.signing_holds else _sign_form(request, state, inputs)
    form.full_clean()
    form.errors.clear()
    return _last_page(request, state, inputs, statement(inputs), form, looked=True)


def _talk(request: PatientRequest, state: ReviewState) -> HttpResponse:
    ask = AskForm(request.POST)
    if not ask.is_valid():
        inputs = facts(state)
        form = ask if state.signing_holds else _question_errors(request, state, inputs)
        return _last_page(request, state, inputs, statement(inputs), form)
    actions.ask_to_talk(
        visit=state.visit, hold=request.hold, by=request.actor, question=ask.cleaned_data["question"].strip()
    )
    return redirect("resume")


def _question_errors(request: PatientRequest, state: ReviewState, inputs: StatementInput) -> SignForm:
    """Return the signing form as filled in so far, with the errors of the question alone."""
    form = _sign_form(request, state, inputs)
    _keep_errors(form, "question")
    return form


def _keep_errors(form: AskForm | SignForm, *names: str) -> None:
    form.full_clean()
    for name in [name for name in form.errors if name not in names]:
        del form.errors[name]


def _once_more(request: PatientRequest, state: ReviewState) -> HttpResponse:
    """Show the last page again with what was filled in, and do nothing else."""
    inputs = facts(state)
    text = statement(inputs)
    form = AskForm(request.POST) if state.signing_holds else _sign_form(request, state, inputs)
    _keep_errors(form)
    changed = request.POST.get("statement", "") != text.sha256
    form.add_error(None, READ_AGAIN if changed else stale_forms.ONCE_MORE)
    return _last_page(request, state, inputs, text, form, whole=changed)


def _take_time(request: PatientRequest, state: ReviewState) -> HttpResponse:
    actions.take_time(visit=state.visit, hold=request.hold, by=request.actor)
    return redirect("resume")


def _refuse(request: PatientRequest, state: ReviewState) -> HttpResponse:
    actions.refuse(visit=state.visit, hold=request.hold, by=request.actor)
    return redirect("resume")
