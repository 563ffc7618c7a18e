"""The patient reads on three pages, and decides at the end of the last. Each way to decide is one button."""

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
    """Begin with the first page, or ask within a course if the patient is still happy to go ahead."""
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
    """One page of the text; the last one takes the decision, and "no", "not now" and "let us talk" from any page."""
    if page not in PAGES:
        raise Http404
    if request.FILES:
        return HttpResponseBadRequest("Files are not taken.")
    state = review_state(request.hold.visit)
    if lapse_if_due(state, by=request.actor):
        return redirect("resume")
    if request.method == "POST":
        return _once_more(request, state) if stale_forms.expired(request) else _decide(request, state)
    known = facts(state)
    text = statement(known)
    if request.GET.get("text", text.sha256) != text.sha256:  # it changed between two pages: from the start again
        return redirect(reverse("consent_page", args=[ORDER[0]]) + "?changed=1")
    if page == ORDER[-1]:
        return _last_page(request, state, known, text)
    at = ORDER.index(page)
    context = {
        "heading": PAGE_HEADINGS[page],
        "sections": text.page(page),
        "number": at + 1,
        "of": len(ORDER),
        "before": ORDER[at - 1] if at else "",
        "after": ORDER[at + 1],
        "text": text.sha256,
        "changed": "changed" in request.GET,
        "within": None if at else course_for(state),
    }
    return render(request, "consent/patient/page.html", context)


def _last_page(
    request: PatientRequest,
    state: ReviewState,
    known: StatementInput,
    text: Statement,
    form: AskForm | None = None,
    *,
    whole: bool = False,
    looked: bool = False,
) -> HttpResponse:
    """The page with the decision. ``whole``: show all of the text, because it changed under the reader's eyes.

    ``looked``: it was sent without a decision, so say that nothing is signed; the text it was read with stays named.
    """
    held = bool(state.signing_holds)
    if form is None:
        form = AskForm() if held else _sign_form(request, state, known)
    signers = actions.signers(state)
    context = {
        "heading": PAGE_HEADINGS[ORDER[-1]],
        "sections": text.sections if whole else text.page(ORDER[-1]),
        "plan": plan_lines(known),
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


def _sign_form(request: PatientRequest, state: ReviewState, known: StatementInput) -> SignForm:
    return SignForm(
        request.POST or None,
        acknowledge=acknowledgements(known),
        signers=actions.signers(state),
        name=state.visit.patient.name,
    )


def _decide(request: PatientRequest, state: ReviewState) -> HttpResponse:
    """Take what was decided. ``state``: of the visit as this request read it; a verb reads it anew."""
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
    known = facts(state)
    text = statement(known)
    if state.signing_holds:
        return _last_page(request, state, known, text)
    form = _sign_form(request, state, known)
    shown = request.POST.get("statement", "")
    valid = form.is_valid()
    changed = shown != text.sha256
    if changed:
        form.add_error(None, READ_AGAIN)
    if not valid or changed or not form.seen_by(partial(_witness, request)):
        return _last_page(request, state, known, text, form, whole=changed)
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
    except NotAllowed:  # it changed in the very moment of signing: look at it again as it is now
        return redirect("consent_page", ORDER[-1])
    return redirect("resume")


def _witness(request: PatientRequest, username: str, password: str) -> int:
    return witness(request, hold=request.hold, username=username, password=password, by=request.actor)


def _look(request: PatientRequest, state: ReviewState) -> HttpResponse:
    """Show the page as it is filled in so far: a key that was pressed in a text box agrees to nothing."""
    known = facts(state)
    form = AskForm(request.POST) if state.signing_holds else _sign_form(request, state, known)
    form.full_clean()
    form.errors.clear()
    return _last_page(request, state, known, statement(known), form, looked=True)


def _talk(request: PatientRequest, state: ReviewState) -> HttpResponse:
    ask = AskForm(request.POST)
    if not ask.is_valid():
        known = facts(state)
        form = ask if state.signing_holds else _complaining(request, state, known)
        return _last_page(request, state, known, statement(known), form)
    actions.ask_to_talk(
        visit=state.visit, hold=request.hold, by=request.actor, question=ask.cleaned_data["question"].strip()
    )
    return redirect("resume")


def _complaining(request: PatientRequest, state: ReviewState, known: StatementInput) -> SignForm:
    """Return the signing form with what was filled in so far, complaining about the question alone."""
    form = _sign_form(request, state, known)
    _complain_only(form, "question")
    return form


def _complain_only(form: AskForm | SignForm, *names: str) -> None:
    form.full_clean()
    for name in [name for name in form.errors if name not in names]:
        del form.errors[name]


def _once_more(request: PatientRequest, state: ReviewState) -> HttpResponse:
    """Show the last page again with what was filled in, and do nothing else."""
    known = facts(state)
    text = statement(known)
    form = AskForm(request.POST) if state.signing_holds else _sign_form(request, state, known)
    _complain_only(form)
    changed = request.POST.get("statement", "") != text.sha256
    form.add_error(None, READ_AGAIN if changed else stale_forms.ONCE_MORE)
    return _last_page(request, state, known, text, form, whole=changed)


def _take_time(request: PatientRequest, state: ReviewState) -> HttpResponse:
    actions.take_time(visit=state.visit, hold=request.hold, by=request.actor)
    return redirect("resume")


def _refuse(request: PatientRequest, state: ReviewState) -> HttpResponse:
    actions.refuse(visit=state.visit, hold=request.hold, by=request.actor)
    return redirect("resume")
