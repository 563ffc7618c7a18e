"""The text to read at home: the same as before signing, with nothing to sign."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from clinic.domain.flow import Stage
from clinic.web.access import PatientRequest, patient
from consent.domain.statement import PAGE_HEADINGS, PAGES, statement
from consent.status.statement_input import facts
from screening.assessment.review_state import review_state

ORDER = list(PAGES)
NOT_YET = "own_risks"  # no rule has run yet: "no extra risk" would be a false comfort


@patient(Stage.ANSWERING)
@require_GET
def read_at_home(request: PatientRequest, page: str = ORDER[0]) -> HttpResponse:
    """One page of the text as it stands now, for a patient who answers at home. It may differ on the day."""
    if page not in PAGES:
        raise Http404
    if request.hold.visit.at_home_at is None:
        return redirect("resume")
    index = ORDER.index(page)
    text = statement(facts(review_state(request.hold.visit)))
    context = {
        "heading": PAGE_HEADINGS[page],
        "sections": [section for section in text.page(page) if section.id != NOT_YET],
        "number": index + 1,
        "of": len(ORDER),
        "before": ORDER[index - 1] if index else "",
        "after": ORDER[index + 1] if index + 1 < len(ORDER) else "",
    }
    return render(request, "consent/patient/read_at_home.html", context)
