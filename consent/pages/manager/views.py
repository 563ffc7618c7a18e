"""The manager's page of versions."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from clinic.models import Role
from clinic.web.access import StaffRequest, staff
from consent.status.versions import versions as all_versions


@staff(Role.MANAGER)
@require_GET
def versions(request: StaffRequest) -> HttpResponse:
    """Which questionnaire, rules and text are live, since when, by whom, and how many signed each."""
    return render(request, "consent/manager/manage_versions.html", {"kinds": all_versions(request.actor.site)})
