"""Today's board, the urgent call, and the day's list from a file."""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.http import require_GET

from clinic.domain.flow import OPEN
from clinic.domain.policy import Policy
from clinic.models import Hold, Journal, Patient, PolicyChange, Role, Visit
from clinic.pages.desk.forms import DayListForm, choices_form
from clinic.records import day_list
from clinic.web.access import StaffRequest, staff

DESK = (Role.RECEPTION, Role.PRACTITIONER)


@staff(*DESK, Role.MANAGER)
@require_GET
def board(request: StaffRequest) -> HttpResponse:
    """The day's visits with their status words. A manager who holds no other role has no patients to see."""
    if request.actor.role is Role.MANAGER:
        return redirect("manage_tablets")
    day = _day(request)
    rows = _rows(request, day)
    Journal.objects.record("board opened", by=request.actor, count=len(rows))
    context = {
        "rows": rows,
        "day": day,
        "today": timezone.localdate(),
        "at": timezone.now().isoformat(),
        "left_open": _left_open(request, day),
    }
    return render(request, "clinic/desk/board.html", context)


def _left_open(request: StaffRequest, day: dt.date) -> int:
    earlier = Visit.objects.of(request.actor.site).filter(day__lt=day)
    return earlier.filter(stage__in=[stage.value for stage in OPEN]).count()


@staff(*DESK)
@require_GET
def board_news(request: StaffRequest) -> HttpResponse:
    """What changed on a day’s board since the open page was made: how many, and each row’s status, in place."""
    day, since = _day(request), _moment(request)
    rows = _rows(request, day)
    changed = [visit for visit, _, _ in rows if max(visit.created_at, visit.stage_since) > since]
    return render(request, "clinic/desk/board_news.html", {"rows": rows, "day": day, "changed": len(changed)})


def _day(request: StaffRequest) -> dt.date:
    try:
        return parse_date(request.GET.get("day", "")) or timezone.localdate()
    except ValueError:  # it looks like a date, but is no day of the calendar
        return timezone.localdate()


def _moment(request: StaffRequest) -> dt.datetime:
    """Return when the page was made, from its address; an odd one counts as now."""
    try:
        made = parse_datetime(request.GET.get("at", ""))
    except ValueError:
        made = None
    return made if made and timezone.is_aware(made) else timezone.now()


def _rows(request: StaffRequest, day: dt.date) -> list[tuple[Visit, Hold | None, bool]]:
    """Return the day's visits, each with the hold of the tablet that shows it now, and whether that is locked."""
    seen = Visit.objects.of(request.actor.site).on(day)
    visits = seen.select_related("patient", "practitioner").prefetch_related("holds__tablet")
    policy = PolicyChange.objects.policy()
    return [(visit, *_tablet(visit, policy)) for visit in visits]


def _tablet(visit: Visit, policy: Policy) -> tuple[Hold | None, bool]:
    """Return the hold that shows this visit now, and whether the tablet is locked: the patient left it alone."""
    last = max(visit.holds.all(), key=lambda hold: (hold.handed_at, hold.pk), default=None)
    if last is None:
        return None, False
    return None if last.ended_at else last, last.is_away(policy)


@staff(*DESK, Role.MANAGER)
@require_GET
def urgent(request: StaffRequest) -> HttpResponse:
    """The call on every staff page while a patient needs help and nobody has gone yet."""
    seen = Visit.objects.of(request.actor.site).urgent().select_related("patient")
    calling = seen.prefetch_related("holds__tablet").order_by("urgent_at")
    calls = [(visit, next((hold for hold in visit.holds.all() if not hold.ended_at), None)) for visit in calling]
    may_go = request.actor.role is not Role.MANAGER
    return render(request, "components/urgent.html", {"calls": calls, "may_go": may_go})


@staff(*DESK)
def import_day(request: StaffRequest) -> HttpResponse:
    """Put a day's list on the board: paste or choose a CSV, look at what was understood, then add it.

    Each row whose name and birth date are known already asks "the same person?"; nothing is added before that.
    """
    form = DayListForm(request.POST or None, request.FILES or None, site=request.actor.site)
    if request.method != "POST" or not form.is_valid():
        return render(request, "clinic/desk/import_day.html", {"form": form}, status=422 if form.errors else 200)
    rows = form.cleaned_data["rows"]
    ours = Patient.objects.of(request.actor.site)
    matches = {number: ours.same_person(row.name, row.born) for number, row in enumerate(rows)}
    ask = choices_form(rows, matches, request.POST if "import" in request.POST else None)
    if "import" not in request.POST or not ask.is_valid():
        context = {"form": form, "rows": rows, "ask": ask, "text": form.cleaned_data["text"]}
        return render(request, "clinic/desk/import_day_check.html", context, status=422 if ask.errors else 200)
    same = {number: ask.cleaned_data.get(f"same_{number}", "") for number in matches}
    added = day_list.add(rows=rows, same=same, day=timezone.localdate(), by=request.actor)
    messages.success(request, f"{added} {'visit' if added == 1 else 'visits'} put on today’s board.")
    return redirect("board")
