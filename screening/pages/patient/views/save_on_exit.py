"""When a patient stops in the middle of a page, the answers on it are saved, though it was not sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import QueryDict
from django.urls import Resolver404, resolve

from clinic.domain.flow import NotAllowed
from clinic.web.access import PatientRequest
from screening import actions
from screening.domain import questionnaire
from screening.domain.page_flow import Step
from screening.domain.questionnaire import Answers
from screening.models import Screening
from screening.pages.patient.forms.answers import PageForm, filled_in
from screening.pages.patient.views.questions import way_of


def keep_typed(request: PatientRequest, address: str) -> bool:
    """Save the valid answers in this post that belong to the page of questions at ``address``.

    Return whether the patient may stop now: if a symptom needs help at once, staff are called first.
    """
    visit = request.hold.visit
    if page := _page(request, address):
        step, answers = page
        form = PageForm(step.questions, answers, request.POST)
        form.is_valid()
        filled = filled_in(request.POST)
        given = {name: value for name, value in form.given().items() if name in filled}
        stale = request.POST.get("page_version") != actions.version(answers, step.names)
        if given and (not stale or given.get("urgent_symptoms")):
            _save(request, step, given)
    return not visit.urgent_at or bool(visit.urgent_taken_at)


def _save(request: PatientRequest, step: Step, given: Answers) -> None:
    try:
        actions.answer(visit=request.hold.visit, given=given, section=step.section.slug, by=request.actor)
    except NotAllowed:  # the answers were sent in the meantime
        return


def _page(request: PatientRequest, address: str) -> tuple[Step, Answers] | None:
    """Return the questions on the page at ``address`` and the answers; ``None`` if there is no such page now."""
    parts = urlsplit(address)
    screening = Screening.of(request.hold.visit)
    if screening is None or screening.submitted_at or not screening.is_current:
        return None
    try:
        match = resolve(parts.path)
    except Resolver404:
        return None
    if match.url_name != "part" or request.POST.get("questionnaire") != questionnaire.digest():
        return None
    answers = questionnaire.load(screening.answers)
    way = way_of(request, screening, answers, QueryDict(parts.query).get("change", ""))
    step = way.find(match.kwargs["section"], match.kwargs["page"])
    return (step, answers) if step else None
