"""The manager's pages: tablets, staff, settings. No answers here."""

from __future__ import annotations

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clinic.accounts import enrolment, sessions
from clinic.devices import tablets as tablets_records
from clinic.domain.flow import NotAllowed
from clinic.domain.qr_code import qr_code
from clinic.models import Hold, PolicyChange, Role, Site, Tablet, User
from clinic.models.sites import FIRST
from clinic.models.staff import managed_by, staff_of
from clinic.pages.manager.forms import PolicyForm, StaffForm, TabletForm
from clinic.records import staff as staff_records
from clinic.web.access import StaffRequest, fresh, staff


@staff(Role.MANAGER)
@fresh
def tablets(request: StaffRequest) -> HttpResponse:
    """The clinic's tablets; add one."""
    form = TabletForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        tablet = tablets_records.add_tablet(name=form.cleaned_data["name"], by=request.actor)
        return _code_page(request, tablet)
    rows = Tablet.objects.of(request.actor.site).of_the_clinic()
    busy = {hold.tablet_id for hold in Hold.objects.now()}
    context = {"form": form, "tablets": rows, "busy": busy, "now": timezone.now()}
    return render(request, "clinic/manager/manage_tablets.html", context, status=422 if form.errors else 200)


def _code_page(request: StaffRequest, tablet: Tablet) -> HttpResponse:
    typed = tablets_records.offer_code(tablet=tablet, by=request.actor)
    address = request.build_absolute_uri("/tablet/")
    context = {
        "tablet": tablet,
        "code": f"{typed[:4]}-{typed[4:]}",
        "address": address,
        "qr": qr_code(f"{address}pair/#{typed}"),
        "expires": tablet.code_expires_at,
    }
    return render(request, "clinic/manager/pairing_code.html", context)


@staff(Role.MANAGER)
@require_POST
@fresh
def code(request: StaffRequest, pk: int) -> HttpResponse:
    """Show a new one-time code for a tablet."""
    return _code_page(request, get_object_or_404(Tablet.objects.of(request.actor.site), pk=pk))


@staff(Role.MANAGER)
@require_POST
@fresh
def revoke(request: StaffRequest, pk: int) -> HttpResponse:
    """Turn a tablet away from its next request on."""
    tablet = get_object_or_404(Tablet.objects.of(request.actor.site), pk=pk)
    tablets_records.revoke(tablet=tablet, by=request.actor)
    messages.success(request, f"{tablet} is turned away. Pair it again to use it.")
    return redirect("manage_tablets")


@staff(Role.MANAGER)
@require_GET
def staff_list(request: StaffRequest) -> HttpResponse:
    """Everybody with an account."""
    people = staff_of(request.actor.site).order_by("-is_active", "full_name")
    ours = set(managed_by(request.user).values_list("pk", flat=True))
    return render(request, "clinic/manager/manage_staff.html", {"people": people, "ours": ours})


@staff(Role.MANAGER)
@fresh
def staff_member(request: StaffRequest, pk: int | None = None) -> HttpResponse:
    """Add a staff member, or change one: name, roles, registration number, leaver. A new one gets a link."""
    person = get_object_or_404(managed_by(request.user), pk=pk) if pk else None
    mine = list(Site.objects.filter(number__in=request.user.works_at))
    form = StaffForm(request.POST or None, instance=person, clinics=mine)
    if request.method == "POST" and form.is_valid():
        try:
            user = form.save(commit=False)
            if person is None:
                user.set_unusable_password()
            staff_records.save_staff(user=user, by=request.actor, sites=form.sites)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        except IntegrityError:
            form.add_error("username", "This user name is taken.")
        else:
            if person is None:
                return _link_page(request, form.instance)
            messages.success(request, f"{form.instance} was saved.")
            return redirect("manage_staff")
    context = {"form": form, "person": person, "sessions": sessions.open_of(person) if person else []}
    return render(request, "clinic/manager/staff_form.html", context, status=422 if form.errors else 200)


def _link_page(request: StaffRequest, person: User) -> HttpResponse:
    token = enrolment.offer(user=person, by=request.actor)
    address = request.build_absolute_uri(f"{reverse('enrol')}#{token}")
    context = {"person": person, "address": address, "qr": qr_code(address)}
    return render(request, "clinic/manager/enrolment_link.html", context)


@staff(Role.MANAGER)
@require_POST
@fresh
def enrolment_link(request: StaffRequest, pk: int) -> HttpResponse:
    """Show a new one-time link for somebody who is new, or whose phone or password is lost."""
    return _link_page(request, get_object_or_404(managed_by(request.user), pk=pk, is_active=True))


@staff(Role.MANAGER)
@require_POST
@fresh
def end_sessions(request: StaffRequest, pk: int) -> HttpResponse:
    """Sign somebody out everywhere."""
    person = get_object_or_404(managed_by(request.user), pk=pk)
    sessions.end(user=person, by=request.actor)
    messages.success(request, f"{person} is signed out everywhere.")
    return redirect("staff_member", pk)


@staff(Role.MANAGER)
@require_POST
@fresh
def staff_leaves(request: StaffRequest, pk: int) -> HttpResponse:
    """Close the account of somebody who works here and elsewhere: any clinic's manager may, but not open it again."""
    person = get_object_or_404(staff_of(request.actor.site), pk=pk, is_active=True)
    try:
        staff_records.let_go(user=person, by=request.actor)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{person} is signed out everywhere and can no longer sign in, in any clinic.")
    return redirect("manage_staff")


@staff(Role.MANAGER)
def policy(request: StaffRequest) -> HttpResponse:
    """The settings, each with its default, its range and its reason; who changed what.

    They hold for every clinic of a group, so the first clinic's managers look after them.
    """
    if request.actor.site != FIRST:
        raise Http404
    current = PolicyChange.objects.policy()
    form = PolicyForm(request.POST or None, policy=current)
    if request.method == "POST" and form.is_valid():
        changed = staff_records.change_policy(by=request.actor, **form.cleaned_data)
        messages.success(
            request, "Saved. It counts from the next run of the rules." if changed else "Nothing was changed."
        )
        return redirect("manage_settings")
    history = PolicyChange.objects.select_related("by").order_by("-id")[:50]
    context = {"form": form, "history": history}
    return render(request, "clinic/manager/manage_settings.html", context, status=422 if form.errors else 200)
