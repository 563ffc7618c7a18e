"""A group's clinics: the list, where one works, and the records of another that were opened in an emergency."""

from __future__ import annotations

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clinic.accounts import reauthentication
from clinic.accounts import sites as places
from clinic.domain.flow import NotAllowed
from clinic.models import EmergencyAccess, Journal, Role, Site
from clinic.models.sites import FIRST
from clinic.pages.manager.site_forms import EmergencyForm, SiteForm, WorkAtForm
from clinic.records import emergency_access
from clinic.web.access import StaffRequest, fresh, staff

MOST = 200


@staff(Role.MANAGER)
@fresh
def sites(request: StaffRequest) -> HttpResponse:
    """The group's clinics; add one. For managers of the first clinic, who look after the settings of all."""
    if request.actor.site != FIRST:
        raise Http404
    form = SiteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        clinic = places.add_site(by=request.actor, **form.cleaned_data)
        messages.success(request, f"{clinic} was added. To look after it, choose it under “Where you work”.")
        return redirect("manage_sites")
    context = {"form": form, "sites": Site.objects.all(), "first": FIRST}
    return render(request, "clinic/manager/manage_sites.html", context, status=422 if form.errors else 200)


@staff(Role.MANAGER)
@fresh
def site(request: StaffRequest, number: int) -> HttpResponse:
    """Change a clinic's name, address or phone; those of the first stand in the settings."""
    if request.actor.site != FIRST or number == FIRST:
        raise Http404
    clinic = get_object_or_404(Site, number=number)
    current = {name: getattr(clinic, name) for name in places.CHANGEABLE}
    form = SiteForm(request.POST if request.method == "POST" else None, initial=current, of=clinic)
    if request.method == "POST" and form.is_valid():
        places.change_site(site=clinic, by=request.actor, **form.cleaned_data)
        messages.success(request, f"{clinic} was saved. What was signed before stays as it is.")
        return redirect("manage_sites")
    return render(
        request, "clinic/manager/manage_site.html", {"form": form, "site": clinic}, status=422 if form.errors else 200
    )


@staff(Role.RECEPTION, Role.PRACTITIONER, Role.MANAGER)
@require_http_methods(["GET", "POST"])
def work_at(request: StaffRequest) -> HttpResponse:
    """Choose in which of one's clinics to work now."""
    mine = Site.objects.filter(number__in=request.user.works_at)
    form = WorkAtForm(request.POST or None, mine=mine, initial={"site": request.user.site_id})
    if request.method == "POST" and form.is_valid():
        places.work_at(site=form.cleaned_data["site"], by=request.actor)
        messages.success(request, "You work here now. What you see is this clinic’s.")
        return redirect("home")
    return render(request, "clinic/manager/work_at.html", {"form": form}, status=422 if form.errors else 200)


@staff(Role.PRACTITIONER)
@sensitive_post_parameters("name", "born_day", "born_month", "born_year", "reason")
def emergency(request: StaffRequest) -> HttpResponse:
    """Open another clinic's record to read it, with a reason; what this session opened already.

    The proof of identity comes before the form: a post that waits for it would keep the name in the session.
    """
    form = EmergencyForm(request.POST if request.method == "POST" else None)
    fresh_now = reauthentication.is_fresh(request)
    if request.method != "POST" and not fresh_now:
        raise ReauthenticationRequired
    if request.method == "POST" and not fresh_now:
        form.add_error(
            None, "Five minutes are over. Open this page in a new tab, show who you are, then send this again."
        )
    if request.method == "POST" and form.is_valid():
        try:
            opened = emergency_access.open_records(by=request.actor, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            emergency_access.keep(request, opened)
            messages.success(request, "Opened, to read. The clinic’s manager is told.")
            return redirect("emergency")
    context = {"form": form, "opened": emergency_access.opened_in(request, request.user)}
    return render(request, "clinic/desk/emergency.html", context, status=422 if form.errors else 200)


@staff(Role.MANAGER)
@require_GET
def emergencies_list(request: StaffRequest) -> HttpResponse:
    """This clinic's records that were opened from another: by whom and why."""
    ours = EmergencyAccess.objects.filter(patient__site=request.actor.site)
    rows = ours.select_related("by", "site", "seen_by")[:MOST]
    Journal.objects.record("emergencies opened", by=request.actor, count=len(rows))
    return render(request, "clinic/manager/manage_emergencies.html", {"rows": rows})


@staff(Role.MANAGER)
@require_POST
def emergency_seen(request: StaffRequest, pk: int) -> HttpResponse:
    """Record that one was looked at."""
    ours = EmergencyAccess.objects.filter(patient__site=request.actor.site)
    emergency_access.see(access=get_object_or_404(ours, pk=pk), by=request.actor)
    return redirect("manage_emergencies")
