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
    one = the_visit(request, pk)
    if one.at not in TREATED:
        raise Http404
    return one


@staff(*DESK)
@require_GET
def aftercare(request: StaffRequest, visit: int) -> HttpResponse:
    """The sheet that the patient takes home, to print."""
    one = _treated(request, visit)
    Journal.objects.record("aftercare opened", by=request.actor, visit=one)
    return render(request, "consent/desk/aftercare.html", {"sheet": sheet(one)})


@staff(*DESK)
@require_POST
def send_aftercare(request: StaffRequest, visit: int) -> HttpResponse:
    """E-mail the sheet to the address on the patient's record."""
    one = _treated(request, visit)
    if one.patient.email:
        send_aftercare_task.enqueue(one.pk, encrypt_for(one.patient.email, one.patient, ADDRESS))
        Journal.objects.record("aftercare asked for", by=request.actor, visit=one, method="e-mail")
        messages.success(request, f"The sheet goes to {one.patient.email}.")
    else:
        messages.error(request, "There is no e-mail address on this patient’s record. Print the sheet.")
    return redirect("visit", one.pk)
