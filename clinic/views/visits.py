"""One visit at the front desk: on the board, onto a tablet, and back."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clinic import actions
from clinic.access import StaffRequest, staff
from clinic.flow import ON_TABLET, NotAllowed
from clinic.forms import HandOverForm, VisitForm
from clinic.models import Journal, Patient, Role, Visit
from clinic.views.phone import on_the_visits_page

DESK = (Role.RECEPTION, Role.PRACTITIONER)


@staff(*DESK)
@require_POST
def add(request: StaffRequest, pk: int) -> HttpResponse:
    """Put a patient on the board."""
    person = get_object_or_404(Patient.objects.current(), pk=pk)
    form = VisitForm(request.POST)
    if not form.is_valid():
        return render(request, "clinic/visit_form.html", {"form": form, "patient": person}, status=422)
    new = actions.add_visit(patient=person, by=request.actor, **form.cleaned_data)
    messages.success(request, f"{person} is on the board.")
    return redirect("visit", new.pk)


@staff(*DESK)
@require_GET
def visit(request: StaffRequest, pk: int) -> HttpResponse:
    """One visit: where it is, which tablet shows it, and what the front desk can do now."""
    one = get_object_or_404(Visit.objects.select_related("patient", "practitioner"), pk=pk)
    context = {
        "visit": one,
        "hold": one.hold,
        "form": HandOverForm(),
        "can_hand_over": one.at in ON_TABLET and not one.parked_at,
        "phone": on_the_visits_page(one),
        "today": timezone.localdate(),
        "log": list(one.journal.select_related("user", "tablet")),
    }
    Journal.objects.record("visit opened", by=request.actor, visit=one)
    return render(request, "clinic/visit.html", context)


def _do(request: StaffRequest, pk: int, act: Callable[[Visit], object], said: str) -> HttpResponse:
    one = get_object_or_404(Visit.objects.select_related("patient"), pk=pk)
    try:
        act(one)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    return redirect("visit", one.pk)


@staff(*DESK)
@require_POST
def hand_over(request: StaffRequest, pk: int) -> HttpResponse:
    """Let a tablet show this visit."""
    form = HandOverForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose a tablet first.")
        return redirect("visit", pk)
    here = form.cleaned_data["tablet"]
    return _do(
        request,
        pk,
        lambda one: actions.hand_over(visit=one, tablet=here, by=request.actor),
        f"{here} is ready. Hand it to the patient.",
    )


@staff(*DESK)
@require_POST
def take_back(request: StaffRequest, pk: int) -> HttpResponse:
    """End the tablet's hold; the answers stay."""

    def act(one: Visit) -> None:
        if one.hold is None:
            raise NotAllowed("No tablet shows this visit now.")
        actions.take_back(hold=one.hold, by=request.actor)

    return _do(request, pk, act, "The tablet shows nothing of this visit any more. The answers are kept.")


@staff(*DESK)
@require_POST
def reopen(request: StaffRequest, pk: int) -> HttpResponse:
    """Reopen a parked visit."""
    return _do(
        request,
        pk,
        lambda one: actions.reopen_parked(visit=one, by=request.actor),
        "Reopened. Check the birth date before you hand over the tablet again.",
    )


@staff(*DESK)
@require_POST
def did_not_come(request: StaffRequest, pk: int) -> HttpResponse:
    """Close the visit of a patient who did not come."""
    return _do(request, pk, lambda one: actions.did_not_come(visit=one, by=request.actor), "Noted: did not come.")


@staff(*DESK)
@require_POST
def going(request: StaffRequest, pk: int) -> HttpResponse:
    """Say "I am going" to an urgent call."""
    return _do(
        request,
        pk,
        lambda one: actions.take_urgent(visit=one, by=request.actor),
        "Noted that you are with the patient.",
    )
