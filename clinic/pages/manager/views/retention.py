"""Records that need not be kept any longer, for a manager to erase; and those that are held. By number, no names."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clinic.domain.dates import day_in_words
from clinic.domain.flow import NotAllowed
from clinic.models import LegalHold, Patient, Role, Tombstone
from clinic.pages.manager.forms import HoldForm
from clinic.records import erasure
from clinic.web.access import StaffRequest, fresh, staff


def _page(request: StaffRequest, form: HoldForm, status: int = 200) -> HttpResponse:
    site = request.actor.site
    held = LegalHold.objects.of(site).filter(ended_at=None).select_related("patient", "by").order_by("at")
    erased = Tombstone.objects.of(site).select_related("approved_by").order_by("-at")[:50]
    context = {"form": form, "due": erasure.due(site), "held": held, "erased": erased, "most": erasure.AT_ONCE}
    return render(request, "clinic/manager/retention.html", context, status=status)


@staff(Role.MANAGER)
@require_GET
def retention(request: StaffRequest) -> HttpResponse:
    """What is due, what is held, what was erased."""
    return _page(request, HoldForm(site=request.actor.site))


@staff(Role.MANAGER)
@require_POST
@fresh
def erase_records(request: StaffRequest) -> HttpResponse:
    """Erase the records that were ticked."""
    numbers = [int(text) for text in request.POST.getlist("record") if text.isdecimal() and len(text) < 19]
    if not numbers or len(numbers) > erasure.AT_ONCE:
        messages.error(request, f"Tick the records to erase: one at least, {erasure.AT_ONCE} at most.")
        return redirect("retention")
    done = 0
    for patient in Patient.objects.of(request.actor.site).filter(pk__in=numbers):
        try:
            erasure.erase(patient=patient, by=request.actor)
            done += 1
        except NotAllowed as refusal:
            messages.error(request, f"Record {patient.pk}: {refusal}")
    if done:
        messages.success(request, f"{done} {'record' if done == 1 else 'records'} erased. Nobody can read them again.")
    return redirect("retention")


@staff(Role.MANAGER)
@require_POST
@fresh
def hold_record(request: StaffRequest) -> HttpResponse:
    """Keep a record whatever its age."""
    form = HoldForm(request.POST, site=request.actor.site)
    if form.is_valid():
        try:
            erasure.hold(patient=form.cleaned_data["record"], reason=form.cleaned_data["reason"], by=request.actor)
            messages.success(request, "Held. It is not erased until the hold ends.")
            return redirect("retention")
        except NotAllowed as refusal:
            form.add_error("record", str(refusal))
    return _page(request, form, status=422)


@staff(Role.MANAGER)
@require_POST
@fresh
def release_record(request: StaffRequest, pk: int) -> HttpResponse:
    """End a hold."""
    held = get_object_or_404(LegalHold.objects.of(request.actor.site).select_related("patient"), pk=pk, ended_at=None)
    erasure.release(held=held, by=request.actor)
    messages.success(request, f"The hold on record {held.patient_id} ended {day_in_words(timezone.localdate())}.")
    return redirect("retention")
