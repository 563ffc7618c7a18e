"""One visit at the front desk: on the board, onto a tablet, and back."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clinic.devices import holds, tokens
from clinic.domain.flow import ON_TABLET, NotAllowed
from clinic.models import Journal, Patient, PolicyChange, Role, Tablet, Visit
from clinic.pages.desk.forms import HandOverForm, VisitForm
from clinic.pages.patient.views.phone import on_the_visits_page
from clinic.records import visits
from clinic.web.access import StaffRequest, current_tablet, give_cookie, staff
from clinic.web.lookup import the_visit
from clinic.web.middleware import FORGET

DESK = (Role.RECEPTION, Role.PRACTITIONER)


@staff(*DESK)
@require_POST
def add(request: StaffRequest, pk: int) -> HttpResponse:
    """Put a patient on the board."""
    person = get_object_or_404(Patient.objects.visible_to(request.actor).current(), pk=pk)
    form = VisitForm(request.POST, site=request.actor.site)
    if not form.is_valid():
        return render(request, "clinic/desk/visit_form.html", {"form": form, "patient": person}, status=422)
    try:
        visit = visits.add_visit(patient=person, by=request.actor, **form.cleaned_data)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("patient", pk)
    messages.success(request, f"{person} is on the board.")
    return redirect("visit", visit.pk)


@staff(*DESK)
@require_GET
def visit(request: StaffRequest, pk: int) -> HttpResponse:
    """One visit: where it is, which tablet shows it, and what the front desk can do now."""
    visit = the_visit(request, pk)
    context = {
        "visit": visit,
        "hold": visit.hold,
        "form": HandOverForm(site=request.actor.site),
        "can_hand_over": visit.at in ON_TABLET and not visit.parked_at,
        "phone": on_the_visits_page(visit),
        "today": timezone.localdate(),
        "away": _left_alone(visit),
        "log": list(visit.journal.select_related("user", "tablet")),
    }
    Journal.objects.record("visit opened", by=request.actor, visit=visit)
    return render(request, "clinic/desk/visit.html", context)


def _left_alone(visit: Visit) -> bool:
    """Whether the tablet that showed this visit last is locked, because nobody touched it."""
    last = visit.holds.select_related("tablet", "visit").order_by("-handed_at", "-pk").first()
    return last is not None and last.is_away(PolicyChange.objects.policy())


def _do(request: StaffRequest, pk: int, act: Callable[[Visit], object], message: str) -> HttpResponse:
    visit = the_visit(request, pk)
    try:
        act(visit)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, message)
    return redirect("visit", visit.pk)


@staff(*DESK)
@require_POST
def hand_over(request: StaffRequest, pk: int) -> HttpResponse:
    """Let a tablet show this visit."""
    visit = the_visit(request, pk)
    form = HandOverForm(request.POST, site=request.actor.site)
    if not form.is_valid():
        messages.error(request, "Choose a tablet first.")
        return redirect("visit", visit.pk)
    tablet = form.cleaned_data["tablet"]
    return _do(
        request,
        pk,
        lambda visit: holds.hand_over(visit=visit, tablet=tablet, by=request.actor),
        f"{tablet} is ready. Hand it to the patient.",
    )


@staff(*DESK)
@require_POST
def lend(request: StaffRequest, pk: int) -> HttpResponse:
    """Hand over the device in hand: sign out on it, for good, and show this visit and nothing else."""
    visit = the_visit(request, pk)
    here = current_tablet(request)
    token = ""
    try:
        if here and here.kind == Tablet.Kind.CLINIC:
            holds.hand_over(visit=visit, tablet=here, by=request.actor)
        else:
            token = tokens.lend(visit=visit, by=request.actor)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("visit", pk)
    Journal.objects.record("signed out", by=request.actor)
    logout(request)
    response = redirect("resume")
    if token:
        give_cookie(response, token, Tablet.Kind.LENT)
    response["Clear-Site-Data"] = FORGET  # what the staff pages left
    return response


@staff(*DESK)
@require_POST
def take_back(request: StaffRequest, pk: int) -> HttpResponse:
    """End the tablet's hold; the answers stay."""

    def act(visit: Visit) -> None:
        if visit.hold is None:
            raise NotAllowed("No tablet shows this visit now.")
        holds.take_back(hold=visit.hold, by=request.actor)

    return _do(request, pk, act, "The tablet no longer shows this visit. The answers are kept.")


@staff(*DESK)
@require_POST
def reopen(request: StaffRequest, pk: int) -> HttpResponse:
    """Reopen a parked visit."""
    return _do(
        request,
        pk,
        lambda visit: visits.reopen_parked(visit=visit, by=request.actor),
        "Reopened. Check the birth date before you hand over the tablet again.",
    )


@staff(*DESK)
@require_POST
def did_not_come(request: StaffRequest, pk: int) -> HttpResponse:
    """Close the visit of a patient who did not come."""
    return _do(request, pk, lambda visit: visits.did_not_come(visit=visit, by=request.actor), "Noted: did not come.")


@staff(*DESK)
@require_POST
def going(request: StaffRequest, pk: int) -> HttpResponse:
    """Say "I am going" to an urgent call."""
    return _do(
        request,
        pk,
        lambda visit: visits.take_urgent(visit=visit, by=request.actor),
        "Noted that you are with the patient.",
    )
