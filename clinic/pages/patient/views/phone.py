"""The patient's own phone: the page that its link opens, and the front desk's ways to invite it and turn it away."""

from __future__ import annotations

import logging
import smtplib
from typing import Any

from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from clinic.devices import invitations
from clinic.domain.flow import NotAllowed
from clinic.domain.qr_code import qr_code
from clinic.models import Invitation, PolicyChange, Role, Tablet, Visit
from clinic.models.invitations import DESK_LIFE
from clinic.pages.patient.forms import PhoneForm
from clinic.web.access import StaffRequest, anyone, current_tablet, give_cookie, staff
from clinic.web.lookup import the_visit

log = logging.getLogger(__name__)

DESK = (Role.RECEPTION, Role.PRACTITIONER)
REFUSED = (
    "This did not work. Check the date of birth. If it is right, the link may be too old, or used before. "
    "Ask the front desk for a new one."
)


@anyone
@require_http_methods(["GET", "POST"])
def phone(request: HttpRequest) -> HttpResponse:
    """The page behind a link. Opening it changes nothing; the secret and the birth date sent together do."""
    here = current_tablet(request)
    if here and here.kind != Tablet.Kind.PHONE:
        return redirect("resume")  # a tablet of the clinic does not become a patient's phone
    form = PhoneForm(request.POST or None)
    opened = invitations.open_invitation(**form.cleaned_data) if form.is_bound and form.is_valid() else None
    if opened:
        response = redirect("resume")
        give_cookie(response, opened[1], Tablet.Kind.PHONE)
        return response
    if form.is_bound and form.is_valid():
        form.add_error("born", REFUSED)
    context = {"form": form, "here": here and here.hold}
    return render(request, "clinic/patient/phone.html", context, status=422 if form.errors else 200)


@staff(*DESK)
@require_POST
def show_code(request: StaffRequest, pk: int) -> HttpResponse:
    """Make a link and show it as a QR code, for the phone of the patient who stands here."""
    visit = the_visit(request, pk)
    try:
        invitation, token = invitations.invite(visit=visit, how=Invitation.How.DESK, by=request.actor)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("visit", pk)
    link = _link(request, token)
    minutes = int(DESK_LIFE.total_seconds() // 60)
    context = {"visit": visit, "code": qr_code(link), "invitation": invitation, "minutes": minutes}
    return render(request, "clinic/desk/phone_code.html", context)


def _link(request: HttpRequest, token: str) -> str:
    return f"{request.build_absolute_uri(reverse('phone'))}#{token}"


@staff(*DESK)
@require_POST
def email_link(request: StaffRequest, pk: int) -> HttpResponse:
    """E-mail the patient a link. It is sent at once: in a queue, its secret would have to be stored."""
    visit = the_visit(request, pk)
    try:
        invitation, token = invitations.invite(visit=visit, how=Invitation.How.EMAIL, by=request.actor)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("visit", pk)
    try:
        _mail(visit, _link(request, token)).send()
    except (OSError, smtplib.SMTPException):
        log.warning("a link could not be e-mailed", exc_info=True)
        invitations.end_invitation(invitation=invitation, why=Invitation.Why.UNSENT, by=request.actor)
        messages.error(request, "The e-mail could not be sent. Nothing was lost; try again, or show the code here.")
    else:
        messages.success(request, f"Link sent to {visit.patient.email}.")
    return redirect("visit", pk)


def _mail(visit: Visit, link: str) -> EmailMessage:
    """Return the e-mail: it names the clinic and the day, and nothing of the visitor's health or of the treatment."""
    clinic = PolicyChange.objects.policy(visit.patient.site_id)
    context: dict[str, Any] = {"visit": visit, "clinic": clinic, "link": link}
    return EmailMessage(
        subject=f"Before you come to {clinic.clinic_name}",
        body=render_to_string("clinic/desk/phone_mail.txt", context),
        to=[visit.patient.email],
    )


@staff(*DESK)
@require_POST
def end_link(request: StaffRequest, pk: int) -> HttpResponse:
    """Turn the patient's phone away, or cancel a link that was not opened."""
    visit = the_visit(request, pk)
    invitation = Invitation.objects.now().filter(visit=visit).select_related("visit", "tablet").first()
    if invitation is None:
        messages.warning(request, "There is no link to this visit now.")
    else:
        invitations.end_invitation(invitation=invitation, why=Invitation.Why.REVOKED, by=request.actor)
        messages.success(request, "The link no longer works. What was answered is kept.")
    return redirect("visit", pk)


def on_the_visits_page(visit: Visit) -> dict[str, Any]:
    """Return what the visit's page says of the patient's own phone: the last link, and what may be done."""
    last = Invitation.objects.filter(visit=visit).select_related("tablet").last()
    return {
        "link": last,
        "may_show": _allows(visit, Invitation.How.DESK),
        "may_email": _allows(visit, Invitation.How.EMAIL),
        "today": timezone.localdate(),
    }


def _allows(visit: Visit, how: Invitation.How) -> bool:
    try:
        invitations.check_invitable(visit, how)
    except NotAllowed:
        return False
    return True
