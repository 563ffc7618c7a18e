"""At the desk: take a consent back, say that it no longer counts, and download the PDF of its status change."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clinic.devices import holds
from clinic.domain.flow import NotAllowed
from clinic.models import Hold, Journal, Role, Visit
from clinic.pages.desk.forms import HandOverForm
from clinic.web.access import StaffRequest, staff
from clinic.web.lookup import the_visit
from consent import actions
from consent.models import Consent, ConsentStatusChange, SealedStatusChange
from consent.pages.desk.forms import CHANGED, IN_ERROR, EndForm, WithdrawForm
from consent.pages.desk.views.documents import pdf_answer
from consent.status.build_record import number
from consent.status.build_status_record import number as number_of_after
from consent.status.consent_state import Entry, consent_of, newer_that_stand

DESK = (Role.RECEPTION, Role.PRACTITIONER)


@staff(*DESK)
@require_http_methods(["GET", "POST"])
def withdraw_consent(request: StaffRequest, pk: int) -> HttpResponse:
    """Note that consent was taken back: who, how, when, and a reason if one was given."""
    visit = the_visit(request, pk)
    entry = consent_of(visit)
    if entry is None or not entry.state.stands:
        messages.info(request, f"There is no consent to take back: “{visit.status}”.")
        return redirect("visit", visit.pk)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.withdraw(visit=visit, by=request.actor, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Withdrawn. Stop if treatment has begun, and tell the practitioner now.")
            return redirect("visit", visit.pk)
    return _withdraw_page(request, visit, entry, form)


def _withdraw_page(request: StaffRequest, visit: Visit, entry: Entry, form: WithdrawForm) -> HttpResponse:
    Journal.objects.record("visit opened", by=request.actor, visit=visit)
    context = {
        "form": form,
        "visit": visit,
        "entry": entry,
        "tablets": HandOverForm(site=request.actor.site),
        "hold": visit.hold,
    }
    return render(request, "consent/desk/withdraw_consent.html", context, status=422 if form.errors else 200)


@staff(*DESK)
@require_POST
def withdraw_on_tablet(request: StaffRequest, pk: int) -> HttpResponse:
    """Hand over a tablet on which the patient takes consent back."""
    visit = the_visit(request, pk)
    form = HandOverForm(request.POST, site=request.actor.site)
    if not form.is_valid():
        messages.error(request, "Choose a tablet first.")
        return redirect("withdraw_consent", visit.pk)
    tablet = form.cleaned_data["tablet"]
    try:
        holds.hand_over(visit=visit, tablet=tablet, by=request.actor, purpose=Hold.Purpose.WITHDRAW)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{tablet} is ready. Hand it to the patient.")
    return redirect("visit", visit.pk)


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
def end_consent(request: StaffRequest, pk: int) -> HttpResponse:
    """Say that a consent no longer counts: a newer one replaces it, something changed, or it was an error."""
    visit = the_visit(request, pk)
    entry = consent_of(visit)
    if entry is None or entry.consent is None or entry.state.kind == ConsentStatusChange.Kind.IN_ERROR:
        messages.info(request, f"There is nothing to change: “{visit.status}”.")
        return redirect("visit", visit.pk)
    newer = {str(consent.pk): consent for consent in newer_that_stand(entry.consent)}
    choices = [(pk, f"Consent {number(consent.visit)} replaces it") for pk, consent in newer.items()]
    form = EndForm(request.POST if request.method == "POST" else None, newer=choices, stands=entry.state.stands)
    if request.method == "POST" and form.is_valid():
        try:
            _end(entry.consent, form, newer, request)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Noted. The consent stays on record and no longer counts.")
            return redirect("visit", visit.pk)
    Journal.objects.record("visit opened", by=request.actor, visit=visit)
    context = {"form": form, "visit": visit, "entry": entry}
    return render(request, "consent/desk/end_consent.html", context, status=422 if form.errors else 200)


def _end(consent: Consent, form: EndForm, newer: dict[str, Consent], request: StaffRequest) -> ConsentStatusChange:
    what, reason = form.cleaned_data["what"], form.cleaned_data["reason"]
    if what == IN_ERROR:
        return actions.enter_in_error(consent=consent, reason=reason, by=request.actor)
    replaced_by = None if what == CHANGED else newer[what]
    return actions.supersede(consent=consent, replaced_by=replaced_by, reason=reason, by=request.actor)


@staff(*DESK)
@require_GET
def after_pdf(request: StaffRequest, pk: int, after: int) -> HttpResponse:
    """The sealed PDF of a status change, to download; with ``?view=1`` to open and print."""
    visit = the_visit(request, pk)
    rows = SealedStatusChange.objects.select_related("after__consent__visit__patient")
    sealed = get_object_or_404(rows, after=after, after__consent__visit=visit)
    assert sealed.after.consent is not None  # it has a file
    view = "view" in request.GET
    Journal.objects.record(
        "document opened" if view else "document downloaded",
        by=request.actor,
        visit=sealed.after.consent.visit,
        kind=sealed.after.kind,
        digest=sealed.sha256,
    )
    return pdf_answer(bytes(sealed.pdf), f"consent-{number_of_after(sealed.after)}.pdf", view=view)


@staff(*DESK)
@require_POST
def seal_after_again(request: StaffRequest, pk: int, after: int) -> HttpResponse:
    """Try again to make the PDF of a status change."""
    visit = the_visit(request, pk)
    row = get_object_or_404(
        ConsentStatusChange.objects.select_related("consent__visit"), pk=after, consent__visit=visit
    )
    actions.seal_after_again(after=row, by=request.actor)
    messages.success(request, "The PDF is being made again.")
    return redirect("visit", pk)
