"""Within reach on every page of the tablet: ask something, or stop. What was filled in is carried along and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from clinic.domain.flow import NotAllowed, Stage
from clinic.web import stale_forms, unavailable
from clinic.web.access import PatientRequest, patient
from screening import actions
from screening.pages.patient.forms.patient_question import AskForm
from screening.pages.patient.views.save_on_exit import keep_typed

# Fields of these pages, or kept elsewhere: not carried along.
OURS = frozenset({"csrfmiddlewaretoken", stale_forms.FIELD, "from", "act", "text_size", "contrast"})


@dataclass(frozen=True)
class PageBehind:
    """The page that the patient came from: its address, and what was filled in there, but for passwords."""

    address: str
    filled: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, request: PatientRequest, *, but: str = "") -> PageBehind:
        """Return it; an address outside the tablet's becomes that of ``resume``. ``but``: a field not to carry."""
        address = request.POST.get("from") or request.GET.get("from", "")
        ours = address.startswith("/tablet/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
        carried = (name for name in request.POST if name not in {*OURS, but} and unavailable.UNSEEN not in name)
        filled = ((name, value) for name in carried for value in request.POST.getlist(name))
        return cls(address if ours else reverse("resume"), tuple(filled))

    @property
    def asking_from(self) -> str:
        """The address of the asking page, from which one comes back here."""
        return f"{reverse('ask')}?{urlencode({'from': self.address})}"

    @property
    def is_asking(self) -> bool:
        """Whether this is the asking page."""
        return self.address.startswith(reverse("ask"))


@patient(Stage.ANSWERING, Stage.CONSENTING)
@require_http_methods(["GET", "POST"])
def ask(request: PatientRequest) -> HttpResponse:
    """Keep a question for the practitioner, and go back to the page as it was."""
    sent = request.POST.get("act") == "send"
    form = AskForm(request.POST if sent else None, initial={"question": request.POST.get("question", "")})
    form.fields["question"].optional = False  # type: ignore[attr-defined]  # elsewhere it may stay empty
    done = False
    if sent and form.is_valid():
        try:
            actions.ask(visit=request.hold.visit, text=form.cleaned_data["question"], by=request.actor)
            done = True
        except NotAllowed as refusal:
            form.add_error("question", str(refusal))
    context = {"form": form, "came_from": PageBehind.of(request, but="question"), "done": done}
    return render(request, "screening/patient/ask.html", context, status=422 if form.errors else 200)


@patient(Stage.ANSWERING, Stage.CONSENTING)
@require_http_methods(["GET", "POST"])
def stop(request: PatientRequest) -> HttpResponse:
    """Ask once, kindly, what the patient wants. One who is reading the consent decides on its own page."""
    acts: dict[str, Callable[..., None]] = {
        "talk": actions.talk_before_going_on,
        "time": actions.stop_for_now,
        "refuse": actions.refuse,
    }
    chosen = request.POST.get("act", "")
    reading = request.hold.visit.at is Stage.CONSENTING
    if not chosen:
        decide = reverse("consent_page", args=["sign"]) if reading else reverse("stop")
        return render(request, "screening/patient/stop.html", {"came_from": PageBehind.of(request), "decide": decide})
    if chosen not in acts or reading:
        return HttpResponseBadRequest("act: talk, time or refuse, while answering")
    if not keep_typed(request, PageBehind.of(request).address):
        return redirect("resume")
    try:
        acts[chosen](visit=request.hold.visit, hold=request.hold, by=request.actor)
    except NotAllowed:
        return redirect("resume")
    at_home = request.hold.visit.at_home_at is not None and chosen != "refuse"
    return redirect("kept" if at_home else "resume")
