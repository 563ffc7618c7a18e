"""On a tablet handed over for this alone, the patient takes consent back or keeps it."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clinic.devices import holds
from clinic.domain.flow import WITHDRAWABLE, NotAllowed
from clinic.models import Hold
from clinic.web.access import PatientRequest, patient
from consent import actions
from consent.models import ConsentStatusChange
from consent.status.consent_state import consent_of

TAKE_BACK, KEEP, TALK = "take_back", "keep", "talk"


@patient(*WITHDRAWABLE, purpose=Hold.Purpose.WITHDRAW)
@require_http_methods(["GET", "POST"])
def withdraw(request: PatientRequest) -> HttpResponse:
    """Ask once, in plain words, and do what the patient says."""
    entry = consent_of(request.hold.visit)
    if entry is None or not entry.state.stands:  # it was taken back at the desk meanwhile
        holds.take_back(hold=request.hold, by=request.actor)
        return redirect("resume")
    if request.method == "GET":
        return render(request, "consent/patient/withdraw.html", {"entry": entry})
    act = request.POST.get("act", "")
    if act == KEEP:
        holds.take_back(hold=request.hold, by=request.actor, why="kept")
    elif act == TALK:
        actions.talk_first(visit=request.hold.visit, hold=request.hold, by=request.actor)
    elif act == TAKE_BACK:
        _take_back(request)
    else:
        return HttpResponseBadRequest("act: take_back, keep or talk")
    return redirect("resume")


def _take_back(request: PatientRequest) -> None:
    who, how = ConsentStatusChange.Who.PATIENT, ConsentStatusChange.How.TABLET
    try:
        actions.withdraw(visit=request.hold.visit, who=who, how=how, hold=request.hold, by=request.actor)
    except NotAllowed:  # the visit has just moved on: `resume` shows what to do now
        return
