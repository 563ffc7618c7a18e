"""Paper, when there is no tablet: a blank form to print, and the page that takes its answers.

Reception may print; only a practitioner types it in, because that shows answers.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clinic.domain.flow import NotAllowed, Stage
from clinic.models import Journal, Role, Visit
from clinic.web.access import StaffRequest, staff
from clinic.web.lookup import the_visit
from consent.domain.statement import CHOICES, acknowledgements
from consent.status.blank_statement import blank_text, clinics_facts
from screening import actions
from screening.answering.transcribe import check_counts, check_recordable
from screening.domain import paper_form
from screening.domain.rules import is_minor
from screening.models import PaperForm
from screening.pages.desk.forms.transcription import PaperAnswersForm, PaperCodeForm

DESK = (Role.RECEPTION, Role.PRACTITIONER)


@staff(*DESK)
@require_POST
def print_blank(request: StaffRequest, pk: int) -> HttpResponse:
    """Record that a blank form is printed, with a code of its own, and show it."""
    visit, text = the_visit(request, pk), blank_text(request.actor.site)
    try:
        printed = actions.print_blank(
            visit=visit, statement_version=text.version, statement_sha256=text.sha256, by=request.actor
        )
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("visit", visit.pk)
    return redirect("paper_form", visit.pk, printed.code)


@staff(*DESK)
@require_GET
def blank(request: StaffRequest, pk: int, code: str) -> HttpResponse:
    """The blank form, to print. It holds no answers; one that no longer counts is not shown."""
    visit = the_visit(request, pk)
    printed = get_object_or_404(PaperForm.objects.select_related("visit__patient"), visit=visit, code=code)
    text = blank_text(request.actor.site)
    try:
        check_counts(printed, statement_sha256=text.sha256)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("visit", pk)
    Journal.objects.record("visit opened", by=request.actor, visit=visit)
    context = {
        "printed": printed,
        "visit": visit,
        "sheet": paper_form.sheet(returning=visit.returning),
        "statement": text,
        "acknowledgements": acknowledgements(clinics_facts(request.actor.site), paper=True),
        "choices": CHOICES.values(),
        "is_minor": is_minor(visit.patient.born, timezone.localdate()),
    }
    return render(request, "consent/document/paper_form.html", context)


@staff(Role.PRACTITIONER)
@require_http_methods(["GET", "POST"])
def record(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask which form it is, then what is on it; send that as the patient's answers."""
    visit, shown = the_visit(request, pk), blank_text(request.actor.site).sha256
    try:
        check_recordable(visit)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("visit", visit.pk)
    if request.POST.get("act") == "send":
        return _send(request, visit, PaperAnswersForm(request.POST, visit=visit, statement_sha256=shown))
    which = PaperCodeForm(request.POST or None, visit=visit, statement_sha256=shown)
    if not which.is_valid():
        Journal.objects.record("visit opened", by=request.actor, visit=visit)
        status = 422 if which.is_bound else 200
        return render(request, "consent/document/paper_code.html", {"visit": visit, "form": which}, status=status)
    printed = which.cleaned_data["code"]
    return _page(request, visit, PaperAnswersForm(visit=visit, statement_sha256=shown, printed=printed))


def _page(request: StaffRequest, visit: Visit, form: PaperAnswersForm) -> HttpResponse:
    seen: set[str] = set()
    sections = []
    for section, rows in paper_form.sheet(returning=visit.returning):
        # A follow-up that is on the sheet twice is typed in only the first time.
        sections.append((section, [(row, None if row.name in seen else form[row.name]) for row in rows]))
        seen |= {row.name for row in rows}
    Journal.objects.record("visit opened", by=request.actor, visit=visit)
    context = {"visit": visit, "form": form, "sections": sections}
    return render(request, "consent/document/paper_record.html", context, status=422 if form.errors else 200)


def _send(request: StaffRequest, visit: Visit, form: PaperAnswersForm) -> HttpResponse:
    if not form.is_valid():
        return _page(request, visit, form)
    try:
        stage = actions.transcribe(
            printed=form.cleaned_data["code"],
            given=form.given(),
            statement_sha256=form.statement_sha256,
            by=request.actor,
        )
    except NotAllowed as refusal:
        form.add_error(None, str(refusal))
        return _page(request, visit, form)
    if stage is Stage.IN_REVIEW:
        messages.success(request, "Recorded as paper, transcribed by you. Keep the sheets.")
        return redirect("review", visit.pk)
    messages.success(request, "Recorded as paper, transcribed by you. No answer needs a decision. Keep the sheets.")
    return redirect("visit", visit.pk)
