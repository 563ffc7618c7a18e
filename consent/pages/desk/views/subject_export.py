"""Export everything about patient patient."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from clinic.models import Journal, Patient, PolicyChange, Role
from clinic.web.access import StaffRequest, fresh, staff
from consent.document.subject_export import archive


@staff(Role.PRACTITIONER, Role.MANAGER)
@require_POST
@fresh
def export_patient(request: StaffRequest, pk: int) -> HttpResponse:
    """The ZIP of everything that is kept about a patient, to download."""
    patient = get_object_or_404(Patient.objects.visible_to(request.actor).current(), pk=pk)
    Journal.objects.record("record exported", by=request.actor, patient=patient, count=patient.visits.count())
    content = archive(patient, clinic=PolicyChange.objects.policy(patient.site_id).clinic_name, at=timezone.localtime())
    response = HttpResponse(content, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="record-{patient.pk}.zip"'
    return response
