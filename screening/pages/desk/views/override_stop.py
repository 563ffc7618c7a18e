"""Going ahead against a stop: a page of its own, whose first button is the safe choice."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from clinic.accounts.reauthentication import check_again
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Journal, Role, Visit
from clinic.web.access import StaffRequest, staff
from clinic.web.lookup import the_visit
from screening import actions
from screening.assessment.review_state import FlagState, review_state
from screening.models import Claim, Flag
from screening.pages.desk.forms.review import AheadForm

AHEAD = "ahead"  # what the second button sends; anything else, Enter included, is the safe choice


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def ahead(request: StaffRequest, pk: int, flag: int) -> HttpResponse:
    """Ask for a clinical decision: leave the stop as it is, or go ahead with a reason and the password."""
    visit = the_visit(request, pk)
    about = next((state for state in review_state(visit).flags if state.flag.pk == flag), None)
    if about is None or not about.is_stop or about.flag.never_cleared or visit.at is not Stage.IN_REVIEW:
        get_object_or_404(Flag, pk=flag, screening__visit=visit)
        messages.warning(request, "There is no such decision to make any more. Look at the flags again.")
        return redirect("review", visit.pk)
    claim = Claim.of(visit)
    if request.method == "GET" and claim and claim.by_id != request.actor.staff.pk:
        messages.warning(request, f"{claim.by} has had this visit since {claim.since}. To decide, take it over.")
        return redirect("review", visit.pk)
    if request.method == "GET":
        return _page(request, visit, about, AheadForm(about=about))
    if request.POST.get("way") != AHEAD:
        messages.info(request, f"{about.short}: the stop stands. Say below why not today, or change the plan.")
        return redirect(f"{reverse('review', args=[visit.pk])}#stop")
    return _decide(request, visit, about)


def _decide(request: StaffRequest, visit: Visit, about: FlagState) -> HttpResponse:
    form = AheadForm(request.POST, about=about)
    if form.is_valid():
        try:
            rechecked = check_again(by=request.actor, password=form.cleaned_data["password"], visit=visit)
        except NotAllowed as refusal:
            form.add_error("password", str(refusal))
            return _page(request, visit, about, form, status=422)
        try:
            actions.decide(flag=about.flag, by=request.actor, rechecked=rechecked, **form.decision())
        except NotAllowed as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.warning(
                request, f"{about.short}: you decided to go ahead against the stop. That is printed on the consent."
            )
            return redirect("review", visit.pk)
    return _page(request, visit, about, form, status=422)


def _page(request: StaffRequest, visit: Visit, about: FlagState, form: AheadForm, *, status: int = 200) -> HttpResponse:
    Journal.objects.record("review opened", by=request.actor, visit=visit, screening=about.flag.screening_id)
    return render(request, "screening/desk/ahead.html", {"visit": visit, "about": about, "form": form}, status=status)
