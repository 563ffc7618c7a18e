"""The aftercare sheet: to print, or by e-mail to the patient's own address."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from clinic.domain.flow import TREATED
from clinic.models import Journal, Role, Visit
from clinic.storage.encrypted_fields import encrypt_for
from clinic.web.access import StaffRequest, staff
from clinic.web.lookup import the_visit
from consent.document.aftercare_sheet import sheet
from consent.jobs.tasks import ADDRESS
from consent.jobs.tasks import send_aftercare as send_aftercare_task

DESK = (Role.RECEPTION, Role.PRACTITIONER)


def _treated(request: StaffRequest, pk: int) -> Visit:
    visit = the_visit(request, pk)
    if visit.at not in TREATED:
        raise Http404
    return visit


@staff(*DESK)
@require_GET
def aftercare(request: StaffRequest, pk: int) -> HttpResponse:
    """The sheet that the patient takes home, to print."""
    visit = _treated(request, pk)
    Journal.objects.record("aftercare opened", by=request.actor, visit=visit)
    return render(request, "consent/desk/aftercare.html", {"sheet": sheet(visit)})


@staff(*DESK)
@require_POST
def send_aftercare(request: StaffRequest, pk: int) -> HttpResponse:
    """E-mail the sheet to the address on the patient's record."""
    visit = _treated(request, pk)
    if visit.patient.email:
        send_aftercare_task.enqueue(visit.pk, encrypt_for(visit.patient.email, visit.patient, ADDRESS))
        Journal.objects.record("aftercare asked for", by=request.actor, visit=visit, method="e-mail")
        messages.success(request, f"The sheet goes to {visit.patient.email}.")
    else:
        messages.error(request, "There is no e-mail address on this patient’s record. Print the sheet.")
    return redirect("visit", visit.pk)
