"""Who looked at one patient's record. It names the record by number, so that a manager may read it too."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from clinic.models import Journal, Patient, Role
from clinic.records.record_access import MOST, looks
from clinic.web.access import StaffRequest, staff


@staff(Role.PRACTITIONER, Role.MANAGER)
@require_GET
def looked(request: StaffRequest, pk: int) -> HttpResponse:
    """The pages that were opened about a patient, the newest first."""
    patient = get_object_or_404(Patient.objects.visible_to(request.actor).current(), pk=pk)
    Journal.objects.record("looks opened", by=request.actor, patient=patient)
    rows = list(looks(patient)[: MOST + 1])
    context = {"patient": patient, "looks": rows[:MOST], "more": len(rows) > MOST}
    return render(request, "clinic/manager/looked.html", context)
