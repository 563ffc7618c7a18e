"""The sealed document: open, print, download, send; and try the seal again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clinic.domain.flow import NotAllowed
from clinic.models import Journal, Role
from clinic.storage.encrypted_fields import encrypt_for
from clinic.web.access import StaffRequest, staff
from clinic.web.lookup import the_visit
from consent import actions
from consent.jobs.tasks import ADDRESS
from consent.jobs.tasks import send_copy as send_copy_task
from consent.models import Consent, SealedFile
from consent.pages.desk.forms import SendForm
from consent.status.build_record import number
from consent.status.consent_state import state_of

DESK = (Role.RECEPTION, Role.PRACTITIONER)


@staff(*DESK)
@require_GET
def consent_pdf(request: StaffRequest, pk: int) -> HttpResponse:
    """The sealed PDF, to download; with ``?view=1`` to open and print. Each is in the journal.

    The file of a consent that no longer counts cannot say so, so a page says it first and offers both files;
    ``?first=1`` then gives the consent's own, under a name that says it too.
    """
    visit, view = the_visit(request, pk), "view" in request.GET
    sealed = get_object_or_404(SealedFile.objects.select_related("consent__visit__patient"), consent__visit=visit)
    state = state_of(sealed.consent)
    if not state.stands and "first" not in request.GET:
        Journal.objects.record("documents listed", by=request.actor, visit=visit)
        return render(request, "consent/desk/ended.html", {"visit": visit, "state": state})
    action = "document opened" if view else "document downloaded"
    Journal.objects.record(action, by=request.actor, visit=visit, digest=sealed.sha256)
    suffix = "" if state.stands else f"-{state.kind.replace('_', '-')}"
    return pdf_answer(bytes(sealed.pdf), f"consent-{number(visit)}{suffix}.pdf", view=view)


def pdf_answer(pdf: bytes, name: str, *, view: bool) -> HttpResponse:
    """Return a PDF to download as ``name``, or to view."""
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'{"inline" if view else "attachment"}; filename="{name}"'
    # "sandbox" keeps the browser's own PDF viewer from starting, so only a download carries it.
    response["Content-Security-Policy"] = VIEWED if view else "sandbox"
    return response


VIEWED = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'"


@staff(*DESK)
@require_POST
def seal_again(request: StaffRequest, pk: int) -> HttpResponse:
    """Try the seal once more."""
    consent = get_object_or_404(Consent.objects.select_related("visit"), visit=the_visit(request, pk))
    try:
        actions.seal_again(consent=consent, by=request.actor)
    except NotAllowed as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, "The seal is being made again.")
    return redirect("visit", pk)


@staff(*DESK)
@require_http_methods(["GET", "POST"])
def send_copy(request: StaffRequest, pk: int) -> HttpResponse:
    """E-mail a copy: to the patient's address on record, or to one that the patient names now."""
    rows = SealedFile.objects.select_related("consent__visit__patient").defer("pdf")
    sealed = get_object_or_404(rows, consent__visit=the_visit(request, pk))
    visit, patient = sealed.consent.visit, sealed.consent.visit.patient
    asked = "address" in request.POST or not patient.email
    form = SendForm(request.POST if asked else {"address": patient.email}) if request.method == "POST" else None
    if form is None or not form.is_valid():
        form = form or SendForm(initial={"address": patient.email})
        context = {"form": form, "visit": visit}
        Journal.objects.record("visit opened", by=request.actor, visit=visit)
        return render(request, "consent/desk/send_copy.html", context, status=422 if form.errors else 200)
    send_copy_task.enqueue(sealed.consent_id, encrypt_for(form.cleaned_data["address"], patient, ADDRESS))
    Journal.objects.record("copy asked for", by=request.actor, visit=visit, method="e-mail")
    messages.success(request, f"A copy goes to {form.cleaned_data['address']}.")
    return redirect("visit", pk)
