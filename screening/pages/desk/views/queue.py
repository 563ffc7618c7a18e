"""The practitioners' queue: who waits, taking a visit on, and the next one."""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clinic.domain.flow import NotAllowed
from clinic.models import Journal, Role, Visit
from clinic.web import search_session
from clinic.web.access import StaffRequest, staff
from clinic.web.lookup import the_visit
from screening import actions
from screening.actions import ClaimedByAnother
from screening.models import Claim
from screening.pages.desk.forms.queue import QueueSearchForm
from screening.review import queue as waiting_room
from screening.review import queue_rows
from screening.review.queue import QueuePart
from screening.review.queue_filters import NAMED, Filters

ROWS = 8  # on a page: as many as a tablet shows with little scrolling
SEARCH = "queue search"


def _searched(request: StaffRequest) -> QueueSearchForm:
    """Return the search for a name that was sent now, or earlier in this session if the address says so."""
    if request.method == "POST":
        return QueueSearchForm(request.POST)
    return QueueSearchForm(search_session.kept(request, SEARCH) if NAMED in request.GET else {})


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("name")
def queue(request: StaffRequest) -> HttpResponse:
    """Show who waits for a practitioner, worst first, and whose consent is to be confirmed. A post searches by name."""
    me, now, form = request.user.pk, timezone.now(), _searched(request)
    sent = request.POST if request.method == "POST" else request.GET
    filters = Filters.read(sent, form.cleaned_data["name"] if form.is_valid() else "")
    if request.method == "POST" and form.is_valid():
        search_session.keep(request, SEARCH, {"name": filters.name})
        return redirect(f"{reverse('queue')}?{filters.query()}")
    lines = waiting_room.lines(site=request.actor.site, now=now, named=filters.name)
    chosen, links = filters.choose(lines, me)
    parts = {part: [line for line in chosen if line.part is part] for part in QueuePart}
    pages = {part: Paginator(part_lines, ROWS).get_page(request.GET.get("page")) for part, part_lines in parts.items()}
    rows = queue_rows.rows([*pages[QueuePart.REVIEW], *pages[QueuePart.CONFIRM]], now=now, user=request.user)
    Journal.objects.record("queue opened", by=request.actor, count=len(chosen))
    seen = ",".join(str(row.line.pk) for row in rows)
    context = {
        "form": form,
        "filters": filters,
        "links": links,
        "rows": [row for row in rows if row.line.part is QueuePart.REVIEW],
        "signed": [row for row in rows if row.line.part is QueuePart.CONFIRM],
        "pages": {part.value: page for part, page in pages.items()},
        "here": filters.query(),
        "news": filters.query(at=now.timestamp(), rows=seen),
        "today": timezone.localdate(),
        "next": any(line.is_next_for(me) for line in lines),
    }
    return render(request, "screening/desk/queue.html", context, status=422 if form.errors else 200)


@staff(Role.PRACTITIONER)
@require_GET
def queue_news(request: StaffRequest) -> HttpResponse:
    """Return what changed since the asking page was made: how many are new, and its rows' waiting times."""
    me, now, form = request.user.pk, timezone.now(), _searched(request)
    filters = Filters.read(request.GET, form.cleaned_data["name"] if form.is_valid() else "")
    seen = [int(pk) for pk in request.GET.get("rows", "").split(",") if pk.isdecimal() and len(pk) < 19][: 2 * ROWS]
    since = _made_at(request)
    lines = waiting_room.lines(site=request.actor.site, now=now, named=filters.name, since=since, among=seen)
    fitting, _ = filters.choose(lines, me)
    new = [line for line in fitting if line.since > since and line.pk not in seen]
    signs = queue_rows.signs((line for line in lines if line.pk in seen), user=request.user, now=now)
    context = {
        "new": len(new),
        "urgent": any(line.is_urgent for line in new),
        "rows": [(pk, signs.get(pk, queue_rows.GONE)) for pk in seen],
        "here": filters.query(),
    }
    return render(request, "screening/desk/queue_news.html", context)


def _made_at(request: StaffRequest) -> dt.datetime:
    """Return when the asking page was made, from its address; a malformed time counts as the beginning of time."""
    try:
        return dt.datetime.fromtimestamp(float(request.GET.get("at", "")), tz=dt.UTC)
    except (ValueError, OverflowError, OSError):
        return dt.datetime.min.replace(tzinfo=dt.UTC)


@staff(Role.PRACTITIONER)
@require_POST
def queue_next(request: StaffRequest) -> HttpResponse:
    """Take on the worst visit that needs this practitioner, and open it; not ``after``, the one that is open now."""
    me = request.user.pk
    for line in waiting_room.lines(site=request.actor.site):
        if not line.is_next_for(me) or str(line.pk) == request.POST.get("after"):
            continue
        if line.in_review:
            try:
                actions.claim(visit=the_visit(request, line.pk), by=request.actor)
            except NotAllowed:  # a colleague was faster, or it is over
                continue
        return redirect("review", line.pk)
    messages.info(request, "Nobody else needs you now.")
    return redirect("queue")


def _claimed(request: StaffRequest, visit: Visit, claim: Claim) -> HttpResponse:
    return render(request, "screening/desk/claimed.html", {"visit": visit, "claim": claim}, status=409)


@staff(Role.PRACTITIONER)
@require_POST
def claim(request: StaffRequest, pk: int) -> HttpResponse:
    """Take a visit on and open its review. If a colleague was first, say who, and since when."""
    visit = the_visit(request, pk)
    try:
        actions.claim(visit=visit, by=request.actor)
    except ClaimedByAnother as refusal:
        return _claimed(request, visit, refusal.claim)
    except NotAllowed as refusal:
        messages.error(request, f"{visit.patient}: {refusal}")
        return redirect("queue")
    return redirect("review", visit.pk)


@staff(Role.PRACTITIONER)
@require_POST
def take_over(request: StaffRequest, pk: int) -> HttpResponse:
    """Take a visit from the colleague who was shown to have it."""
    visit = the_visit(request, pk)
    if not (number := request.POST.get("claim", "")).isdecimal():
        raise Http404
    shown = get_object_or_404(Claim.objects.select_related("visit", "by"), pk=number, visit=visit)
    try:
        actions.take_over(claim=shown, by=request.actor)
    except ClaimedByAnother as refusal:
        return _claimed(request, visit, refusal.claim)
    except NotAllowed as refusal:
        messages.error(request, f"{visit.patient}: {refusal}")
        return redirect("queue")
    messages.success(request, f"You have this visit now. It was {shown.by}’s: tell them.")
    return redirect("review", visit.pk)


@staff(Role.PRACTITIONER)
@require_POST
def release(request: StaffRequest, pk: int) -> HttpResponse:
    """Let a visit go, so that a colleague can take it on."""
    visit = the_visit(request, pk)
    try:
        actions.release(visit=visit, by=request.actor)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"You let {visit.patient} go. Anyone can review them now.")
    return redirect("queue")
