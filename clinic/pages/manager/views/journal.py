"""The journal, as a manager reads it: the clinic's, newest first, or one visit's story from its beginning.

It names staff, tablets, and patients' records and visits by number; no patient's name, no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from clinic.models import Journal, Role, Site, Tablet, User, Visit
from clinic.models.journal import JournalQuerySet
from clinic.models.sites import FIRST
from clinic.models.staff import staff_of
from clinic.pages.manager.forms import JournalForm
from clinic.web.access import StaffRequest, staff

PAGE = 100


@dataclass(frozen=True)
class JournalLine:
    """One row, in words."""

    row: Journal
    who: str
    role: str
    asks: str  # the value of "who" that asks for all that this person or tablet did
    what: str


@staff(Role.MANAGER)
@require_GET
def journal(request: StaffRequest) -> HttpResponse:
    """The rows that were asked for, a page of them, and the way to the next."""
    people = {user.pk: user for user in staff_of(request.actor.site).order_by("full_name")}
    form = JournalForm(
        request.GET, people=people.values(), tablets=Tablet.objects.of(request.actor.site), site=request.actor.site
    )
    if not form.is_valid():
        return render(request, "clinic/manager/journal.html", {"form": form}, status=422)
    visit: Visit | None = form.cleaned_data["visit"]
    rows, links = _page(form, oldest_first=visit is not None)
    Journal.objects.record("journal opened", by=request.actor, visit=visit)
    asked = {name: str(form.cleaned_data[name] or "") for name in ("who", "what", "since", "until")}
    context = {
        "form": form,
        "visit": visit,
        "lines": [_line(row, people) for row in rows],
        "asked": any(asked.values()),
        **{name: urlencode({**asked, "visit": visit.pk if visit else "", **to}) for name, to in links.items()},
    }
    return render(request, "clinic/manager/journal.html", context)


def _page(form: JournalForm, *, oldest_first: bool) -> tuple[list[Journal], dict[str, dict[str, int]]]:
    """Return a page of rows and the cursors of the pages beside it ("earlier", "later"), where there are any.

    A page begins after or ends before a row's number, so that it stays the same while the journal grows.
    """
    matching = form.matching(_of(form.site).select_related("user", "tablet"))
    before, after = form.cleaned_data["before"], form.cleaned_data["after"]
    upwards = before is None and (oldest_first or after is not None)
    if upwards:
        page = _first(matching.filter(seq__gt=after or 0), "seq", form)
    else:
        page = _first(matching.filter(seq__lt=before) if before else matching, "-seq", form)
    more, rows = len(page) > PAGE, sorted(page[:PAGE], key=lambda row: row.seq)
    links: dict[str, dict[str, int]] = {}
    if rows and (bool(after) if upwards else more):
        links["earlier"] = {"before": rows[0].seq}
    if rows and (more if upwards else before is not None):
        links["later"] = {"after": rows[-1].seq}
    return rows if oldest_first else rows[::-1], links


def _first(rows: JournalQuerySet, order: str, form: JournalForm) -> list[Journal]:
    """Return the first rows of the kind that was asked for, one more than a page has.

    A kind is some twenty actions. Where nothing else narrows them down, the first rows of each are read by themselves,
    by the index, and then the first of those: a database would sort all the rows of all of them, millions in years.
    """
    if form.by_kind_alone:
        rows = rows.filter(seq__in=_heads(rows, order, form.actions))
    elif form.actions:
        rows = rows.filter(action__in=form.actions)
    return list(rows.order_by(order)[: PAGE + 1])


def _heads(rows: JournalQuerySet, order: str, actions: Sequence[str]) -> list[int]:
    """Return the first rows of each action, in one statement, which Django would compile anew for each."""
    head = rows.filter(action=actions[0]).order_by(order).values("seq")[: PAGE + 1]
    statement, params = head.query.sql_with_params()
    part = f"SELECT seq FROM ({statement}) AS head"  # noqa: S608 (Django's own statement, its parameters apart)
    at = params.index(actions[0])
    values = [value for action in actions for value in (*params[:at], action, *params[at + 1 :])]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([part] * len(actions)), values)
        seqs = sorted((seq for (seq,) in cursor.fetchall()), reverse=order.startswith("-"))
    return seqs[: PAGE + 1]


def _of(site: int | None) -> JournalQuerySet:
    """Return one clinic's rows. Those about no patient go by who acted; the system's are the first clinic's."""
    if Site.objects.count() < 2:
        return Journal.objects.all()
    no_patient = Q(patient=None)
    by_staff = no_patient & Q(user__in=staff_of(site))
    by_tablet = no_patient & Q(user=None, tablet__site=site)
    of_system = no_patient & Q(user=None, tablet=None) if site == FIRST else Q(pk=None)
    return Journal.objects.filter(Q(patient__site=site) | by_staff | by_tablet | of_system)


def _line(row: Journal, people: Mapping[int, User]) -> JournalLine:
    names: dict[str, Any] = {}
    if "staff" in row.data:
        person = people.get(row.data["staff"])
        names["staff"] = person.full_name if person else f"number {row.data['staff']}"
    if row.user:
        who, role, asks = row.user.full_name, row.role, f"staff-{row.user.pk}"
    elif row.tablet:
        who, role, asks = row.tablet.name, "tablet", f"tablet-{row.tablet.pk}"
    else:
        who, role, asks = "The system", "", "system"
    return JournalLine(row, who, role, asks, row.sentence(**names))
