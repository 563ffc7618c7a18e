"""After the consent, at the desk: a session, an adverse event, a note on one."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from clinic.domain.flow import TREATED, NotAllowed
from clinic.models import Journal, Role, Visit
from clinic.web.access import StaffRequest, staff
from clinic.web.lookup import the_visit
from screening import actions
from screening.models import AdverseEvent, Plan, Session
from screening.pages.desk.forms.treatment import EventForm, NoteForm, SessionForm
from screening.treatment.forewarned import foreseen


def _treated(request: StaffRequest, pk: int) -> Visit:
    """Return a visit whose consent was confirmed. Raise ``Http404`` for any other."""
    visit = the_visit(request, pk)
    if visit.at not in TREATED:
        raise Http404
    return visit


def _done(form: forms.Form, act: Callable[[], object]) -> bool:
    """Do what a valid form asks for, and return whether it was done; a refusal becomes an error of the form."""
    if not form.is_valid():
        return False
    try:
        act()
    except NotAllowed as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
def session(request: StaffRequest, pk: int) -> HttpResponse:
    """Record what was done with needles, or correct that record."""
    visit = _treated(request, pk)
    plan, last = Plan.of(visit), Session.of(visit)
    if plan is None:
        raise Http404
    form = SessionForm(request.POST if request.method == "POST" else None, visit=visit, plan=plan, last=last)
    if request.method == "POST" and _done(
        form, lambda: actions.record_session(visit=visit, by=request.actor, **form.values())
    ):
        messages.success(request, "Recorded. Give the patient the aftercare sheet.")
        return redirect("visit", visit.pk)
    Journal.objects.record("visit opened", by=request.actor, visit=visit)
    context = {"form": form, "visit": visit, "plan": plan, "last": last}
    return render(request, "screening/desk/session.html", context, status=422 if form.errors else 200)


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
def record_event(request: StaffRequest, pk: int) -> HttpResponse:
    """Record that something went wrong with the treatment of a visit, then or later."""
    visit = _treated(request, pk)
    form = EventForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and _done(
        form, lambda: actions.record_event(visit=visit, by=request.actor, **form.cleaned_data)
    ):
        messages.success(request, "Recorded. The next visit’s review will ask about it.")
        return redirect("patient", visit.patient_id)
    Journal.objects.record("visit opened", by=request.actor, visit=visit)
    context = {"form": form, "visit": visit, "session": Session.of(visit)}
    return render(request, "screening/desk/event_form.html", context, status=422 if form.errors else 200)


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
def adverse_event(request: StaffRequest, pk: int) -> HttpResponse:
    """Show one adverse event: what happened, whether it was foreseen, and how it went on."""
    seen = AdverseEvent.objects.filter(visit__in=Visit.objects.visible_to(request.actor))
    rows = seen.select_related("visit__patient", "session", "by").prefetch_related("notes__by")
    event = get_object_or_404(rows, pk=pk)
    form = NoteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and _done(
        form, lambda: actions.note_event(event=event, by=request.actor, **form.cleaned_data)
    ):
        messages.success(request, "Noted.")
        return redirect("adverse_event", event.pk)
    Journal.objects.record("adverse event opened", by=request.actor, visit=event.visit, number=event.pk)
    context = {"form": form, "event": event, "visit": event.visit, "foreseen": foreseen(event)}
    return render(request, "screening/desk/event.html", context, status=422 if form.errors else 200)
