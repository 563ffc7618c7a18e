"""At the desk: take a consent back, say that it no longer counts, and fetch the PDF of what came after it."""

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
def withdraw_consent(request: StaffRequest, visit: int) -> HttpResponse:
    """Note that consent was taken back: who, how, when, and a reason if one was given."""
    one = the_visit(request, visit)
    entry = consent_of(one)
    if entry is None or not entry.state.stands:
        messages.info(request, f"There is no consent to take back: “{one.status}”.")
        return redirect("visit", one.pk)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.withdraw(visit=one, by=request.actor, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Withdrawn. Stop if treatment has begun, and tell the practitioner now.")
            return redirect("visit", one.pk)
    return _withdraw_page(request, one, entry, form)


def _withdraw_page(request: StaffRequest, one: Visit, entry: Entry, form: WithdrawForm) -> HttpResponse:
    Journal.objects.record("visit opened", by=request.actor, visit=one)
    context = {
        "form": form,
        "visit": one,
        "entry": entry,
        "tablets": HandOverForm(site=request.actor.site),
        "hold": one.hold,
    }
    return render(request, "consent/desk/withdraw_consent.html", context, status=422 if form.errors else 200)


@staff(*DESK)
@require_POST
def withdraw_on_tablet(request: StaffRequest, visit: int) -> HttpResponse:
    """Hand over a tablet on which the patient takes consent back."""
    one = the_visit(request, visit)
    form = HandOverForm(request.POST, site=request.actor.site)
    if not form.is_valid():
        messages.error(request, "Choose a tablet first.")
        return redirect("withdraw_consent", one.pk)
    tablet = form.cleaned_data["tablet"]
    try:
        holds.hand_over(visit=one, tablet=tablet, by=request.actor, purpose=Hold.Purpose.WITHDRAW)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{tablet} is ready. Hand it to the patient.")
    return redirect("visit", one.pk)


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
def end_consent(request: StaffRequest, visit: int) -> HttpResponse:
    """Say that a consent no longer counts: a newer one replaces it, something changed, or it was an error."""
    one = the_visit(request, visit)
    entry = consent_of(one)
    if entry is None or entry.consent is None or entry.state.kind == ConsentStatusChange.Kind.IN_ERROR:
        messages.info(request, f"There is nothing to change: “{one.status}”.")
        return redirect("visit", one.pk)
    newer = {str(each.pk): each for each in newer_that_stand(entry.consent)}
    choices = [(pk, f"Consent {number(each.visit)} replaces it") for pk, each in newer.items()]
    form = EndForm(request.POST if request.method == "POST" else None, newer=choices, stands=entry.state.stands)
    if request.method == "POST" and form.is_valid():
        try:
            _end(entry.consent, form, newer, request)
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Noted. The consent stays on record and no longer counts.")
            return redirect("visit", one.pk)
    Journal.objects.record("visit opened", by=request.actor, visit=one)
    context = {"form": form, "visit": one, "entry": entry}
    return render(request, "consent/desk/end_consent.html", context, status=422 if form.errors else 200)


def _end(consent: Consent, form: EndForm, newer: dict[str, Consent], request: StaffRequest) -> ConsentStatusChange:
    what, reason = form.cleaned_data["what"], form.cleaned_data["reason"]
    if what == IN_ERROR:
        return actions.enter_in_error(consent=consent, reason=reason, by=request.actor)
    replaced_by = None if what == CHANGED else newer[what]
    return actions.supersede(consent=consent, replaced_by=replaced_by, reason=reason, by=request.actor)


@staff(*DESK)
@require_GET
def after_pdf(request: StaffRequest, visit: int, after: int) -> HttpResponse:
    """The sealed PDF of what came after a consent, to download; with ``?view=1`` to open and print."""
    one = the_visit(request, visit)
    rows = SealedStatusChange.objects.select_related("after__consent__visit__patient")
    sealed = get_object_or_404(rows, after=after, after__consent__visit=one)
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
def seal_after_again(request: StaffRequest, visit: int, after: int) -> HttpResponse:
    """Try once more to make the PDF of what came after a consent."""
    one = the_visit(request, visit)
    row = get_object_or_404(ConsentStatusChange.objects.select_related("consent__visit"), pk=after, consent__visit=one)
    actions.seal_after_again(after=row, by=request.actor)
    messages.success(request, "The PDF is being made again.")
    return redirect("visit", visit)
