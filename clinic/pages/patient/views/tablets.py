"""What a tablet shows: it follows from the visit that the server says it holds. Addresses carry no ids."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clinic.devices import holds, tablets, tokens
from clinic.domain.flow import WITHDRAWABLE, Stage
from clinic.models import Actor, Hold, PolicyChange, Tablet
from clinic.pages.patient.forms import BirthDateForm, PairForm
from clinic.web import stale_forms
from clinic.web.access import (
    GIVEN_BACK,
    TabletRequest,
    anyone,
    current_hold,
    current_tablet,
    give_cookie,
    tablet,
    was_a_phone,
)
from clinic.web.display import Look

NEXT = {
    Hold.Purpose.VISIT: {Stage.EXPECTED: "answering", Stage.ANSWERING: "answering", Stage.CONSENTING: "consenting"},
    Hold.Purpose.WITHDRAW: dict.fromkeys(WITHDRAWABLE, "withdraw"),
}
# Who stops before typing the birth date: nothing of the visit changes, and the tablet goes back.
STOPPED_FIRST = {Hold.Purpose.VISIT: "time", Hold.Purpose.WITHDRAW: "kept"}
THANKS_FOR = dt.timedelta(minutes=5)


def screen(here: Tablet, hold: Hold | None) -> str:
    """Name what a tablet with this hold shows, in one word; a waiting page polls it and reloads at a change."""
    if hold is None:
        last = _last(here)
        return f"thanks-{last.ended_why}" if last else "idle"
    if hold.visit.urgent_at and not hold.visit.urgent_taken_at:
        return "urgent"
    if hold.identified_at is None:
        return "birth-date"
    if not _next(hold):
        return "idle"
    return hold.visit.stage if hold.purpose == Hold.Purpose.VISIT else hold.purpose


def _next(hold: Hold) -> str:
    """Return the name of the page where this hold goes on; "" if nothing is left to do."""
    return NEXT[Hold.Purpose(hold.purpose)].get(hold.visit.at, "")


def _last(here: Tablet) -> Hold | None:
    """The hold that ended just now, so that the patient who gave it back is thanked; it names nobody.

    A tablet that was left alone says so until somebody takes it back.
    """
    last = here.holds.exclude(ended_at=None).order_by("-ended_at").first()
    if last is None or last.ended_at is None or last.ended_why in ("returned", "moved"):
        return None
    recent = last.ended_at > timezone.now() - THANKS_FOR
    return last if recent or last.ended_why == "away" else None


@anyone
def resume(request: HttpRequest) -> HttpResponse:
    """The one door: look up what this tablet holds and show it, or send it on to the room whose part is next."""
    here = current_tablet(request)
    if here is None:
        return _stranger(request)
    hold = current_hold(request)
    shown = screen(here, hold)
    if shown == "birth-date":
        return redirect("birth_date")
    if hold and (onward := _next(hold)) and shown != "urgent":
        return redirect(onward)
    if hold and shown == "idle":  # the visit went on without its tablet: nothing is left to show
        holds.take_back(hold=hold, by=_actor(here))
    if shown == "idle" and here.kind == Tablet.Kind.PHONE:
        return render(request, "clinic/patient/phone_finished.html")
    template = "clinic/patient/tablet_urgent.html" if shown == "urgent" else "clinic/patient/tablet_idle.html"
    seen_last = None if shown == "thanks-away" else _last(here)  # left alone: whoever reads it chose no look
    look = Look.of(hold or seen_last, offered=bool(hold))
    own_phone = here.kind == Tablet.Kind.PHONE
    return render(request, template, {"screen": shown, "own_phone": own_phone, "hold": hold, "look": look})


def _stranger(request: HttpRequest) -> HttpResponse:
    if was_a_phone(request):
        return render(request, "clinic/patient/phone_finished.html")
    if request.COOKIES.get(settings.TABLET_COOKIE_NAME) == GIVEN_BACK:
        return render(request, "clinic/patient/given_back.html")
    return render(request, "clinic/patient/pair.html", {"form": PairForm()})


def _actor(here: Tablet) -> Actor:
    return Actor(tablet=here)


@tablet
@require_GET
def state(request: TabletRequest) -> HttpResponse:
    """Tell an open page what this tablet shows now, and of which hold."""
    hold = request.held
    return JsonResponse({"state": screen(request.tablet, hold), "hold": hold.pk if hold else 0})


@tablet
@require_POST
def choose_look(request: TabletRequest) -> HttpResponse:
    """Go back to the page that asked; ``clinic.web.access`` saved the choice on the way in, as with every form."""
    back = request.POST.get("back", "")
    ours = back.startswith(reverse("resume")) and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if ours else "resume")


# A page may be open for hours before it asks for these, and neither does harm: no CSRF token, which could expire.
@csrf_exempt
@tablet
@require_POST
def more_time(request: TabletRequest) -> HttpResponse:
    """Note that the patient is there; ``open`` says whether the tablet still shows the visit."""
    hold = request.tablet.hold
    if hold:
        hold.touch()
    return JsonResponse({"open": bool(hold)})


@csrf_exempt
@tablet
@require_POST
def lock(request: TabletRequest) -> HttpResponse:
    """Lock now, when the page's countdown is over, unless the patient did something elsewhere in the meantime."""
    hold = request.tablet.hold
    idle = dt.timedelta(minutes=PolicyChange.objects.policy().idle_minutes)
    if hold and hold.quiet_for() > idle and request.tablet.kind != Tablet.Kind.PHONE:
        tokens.lock(hold=hold)
    return JsonResponse({"open": hold is not None and hold.ended_at is None})


@anyone
@require_http_methods(["GET", "POST"])
def pair(request: HttpRequest) -> HttpResponse:
    """Pair this device with a one-time code, and give it the cookie that names it.

    The QR code leads here with the code in the part of the address that is never sent; a script fills it in.
    """
    if request.method == "GET":
        return render(request, "clinic/patient/pair.html", {"form": PairForm()})
    form = PairForm(request.POST)
    paired = tablets.pair(typed=form.cleaned_data["code"]) if form.is_valid() else None
    if paired is None:
        if form.is_valid():
            form.add_error(
                "code", "This code is not right, or its ten minutes are over. Ask the manager for a new one."
            )
        return render(request, "clinic/patient/pair.html", {"form": form}, status=422)
    response = redirect("resume")
    give_cookie(response, paired[1], Tablet.Kind.CLINIC)
    return response


@tablet
def birth_date(request: TabletRequest) -> HttpResponse:
    """Ask for the birth date before anything of the visit is shown."""
    hold = request.held
    if hold is None or hold.identified_at or not stale_forms.fits(request, hold):
        return redirect("resume")
    request.hold = hold  # type: ignore[attr-defined]
    if request.POST.get("act") == "stop":
        holds.take_back(hold=hold, by=request.actor, why=STOPPED_FIRST[Hold.Purpose(hold.purpose)])
        return redirect("resume")
    form = BirthDateForm(request.POST or None)
    if request.method == "POST":
        hold.touch()
    if request.method == "POST" and form.is_valid():
        seen, born = stale_forms.misses_seen(request), form.cleaned_data["born"]
        if holds.confirm_birth_date(hold=hold, born=born, by=request.actor, misses_seen=seen):
            return redirect("resume")
        if hold.ended_at:
            return redirect("resume")
        form.add_error("born", "That is not the date we have. Check it, or ask at the front desk.")
    return render(
        request,
        "clinic/patient/birth_date.html",
        {"form": form, "short_name": hold.visit.patient.short_name},
        status=422 if form.errors else 200,
    )
