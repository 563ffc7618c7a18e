"""A record that an address names by number: shown to those who may see it, a 404 for everybody else."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from clinic.models import Visit
from clinic.web.access import StaffRequest


def the_visit(request: StaffRequest, pk: int) -> Visit:
    """Return a visit with its patient and practitioner. Raise ``Http404`` if missing, or of another clinic."""
    seen = Visit.objects.visible_to(request.actor)
    return get_object_or_404(seen.select_related("patient", "practitioner"), pk=pk)
