"""What the clinic learns, for its manager: each figure as a picture, as a table and as CSV."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from clinic.domain.csv_export import as_csv
from clinic.models import Journal, Role
from clinic.web.access import StaffRequest, staff
from screening.reports.charts import Figure, svg
from screening.reports.statistics import FIGURES, Span

SPANS = (4, 12, 26, 52)  # weeks
USUAL = 12


def _span(request: StaffRequest) -> Span:
    chosen = request.GET.get("weeks", "")
    weeks = int(chosen) if chosen in map(str, SPANS) else USUAL
    return Span.of(weeks, timezone.localdate(), request.actor.site)


def _figure(request: StaffRequest, slug: str) -> Figure:
    if slug not in FIGURES:
        raise Http404
    return FIGURES[slug](_span(request))


@staff(Role.MANAGER)
@require_GET
def figures(request: StaffRequest) -> HttpResponse:
    """Show all figures for some weeks."""
    span = _span(request)
    context = {"figures": [make(span) for make in FIGURES.values()], "span": span, "spans": SPANS}
    return render(request, "screening/manager/figures.html", context)


@staff(Role.MANAGER)
@require_GET
def plot(request: StaffRequest, slug: str) -> HttpResponse:
    """Return one figure as SVG."""
    return HttpResponse(svg(_figure(request, slug)), content_type="image/svg+xml")


@staff(Role.MANAGER)
@require_GET
def sheet(request: StaffRequest, slug: str) -> HttpResponse:
    """Return one figure as CSV."""
    figure = _figure(request, slug)
    rows = ((name, *numbers) for name, numbers in figure.rows)
    Journal.objects.record("figures exported", by=request.actor, kind=slug)
    response = HttpResponse(as_csv(figure.columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slug}.csv"'
    return response
