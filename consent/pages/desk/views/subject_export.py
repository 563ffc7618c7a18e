"""Everything about one patient, to take along."""

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
def export_patient(request: StaffRequest, patient: int) -> HttpResponse:
    """The ZIP of everything that is kept about a patient, to download. It tells of itself in the journal."""
    one = get_object_or_404(Patient.objects.visible_to(request.actor).current(), pk=patient)
    Journal.objects.record("record exported", by=request.actor, patient=one, count=one.visits.count())
    made = archive(one, clinic=PolicyChange.objects.policy(one.site_id).clinic_name, at=timezone.localtime())
    response = HttpResponse(made, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="record-{one.pk}.zip"'
    return response
