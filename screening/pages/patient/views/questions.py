"""The patient answers on the tablet: page by page, a check of everything, then send. Addresses carry no ids."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from clinic.domain.flow import NotAllowed, Stage
from clinic.web import stale_forms
from clinic.web.access import PatientRequest, patient
from screening import actions
from screening.answering.carry_over import asked_at_home, counts_here_and_now
from screening.answering.previous_visit import to_look_back_on
from screening.domain import questionnaire
from screening.domain.answer_changes import previous_answers, readable
from screening.domain.page_flow import Route, Step, route
from screening.domain.questionnaire import Answers, Question
from screening.models import Screening
from screening.pages.patient.forms.answers import NO_GROUP, PageForm, filled_in
from screening.pages.patient.forms.form_cache import drawn

LOOK = "look"  # back from another page: shown as it was, without errors
CHANGED_ELSEWHERE = (
    "These answers were changed on another screen. Look at them again. Tap “Continue” to keep what you see here."
)
GONE = "gone"  # ?again=…: what was just filled in is no longer asked
NO_LONGER_ASKED = (
    "An earlier answer was changed. So some of what you just filled in is no longer asked here, and is not kept. "
    "Look at this page as it is now, and tap “Continue”."
)
CHANGE, FOLLOW_UP = "1", "new"  # ?change=…: from "check your answers"; on a follow-up that a change called for


@dataclass(frozen=True)
class AnswerRow:
    """One answer on the check page."""

    wording: str
    words: str
    link: str


def _link(step: Step, change: str = "") -> str:
    return _with(reverse("part", args=[step.section.slug, step.page]), change=change)


def _with(address: str, **parts: str) -> str:
    """Return an address with the query made of ``parts``; empty ones are left out."""
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"{address}?{query}" if query else address


def way_of(request: PatientRequest, screening: Screening, answers: Answers, change: str = "") -> Route:
    """Return the pages of this patient. One who was sent back sees only the named questions, but may change any."""
    only: Collection[str] = () if change else screening.to_ask
    if screening.at_home:
        only = [name for name in only or questionnaire.QUESTIONS if asked_at_home(name)]
    return route(answers, returning=request.hold.visit.returning, only=only)


def _missing(screening: Screening, answers: Answers) -> list[str]:
    left = questionnaire.missing(answers, returning=screening.visit.returning)
    return [name for name in left if asked_at_home(name)] if screening.at_home else left


def _begin_again(request: PatientRequest, latest: Screening | None) -> HttpResponse | None:
    """Start again, and say so, if the form or the page on the screen is from another version of the questionnaire.

    A form begun at home or on an earlier day starts again too, except for answers that do not change by the day; a
    page that is sent is saved first, because what was just typed is from today. ``None``: go on.
    """
    visit = request.hold.visit
    if latest is None or latest.submitted_at:
        return None
    shown = request.POST.get("questionnaire", questionnaire.digest())
    if latest.is_current and shown == questionnaire.digest():
        if request.method == "POST" or counts_here_and_now(latest, visit):
            return None
        actions.draft(visit=visit, by=request.actor)
        return redirect(reverse("answering") + "?again=day")
    actions.draft(visit=visit, by=request.actor)
    return redirect(reverse("answering") + "?again=1")


def _read(request: PatientRequest, latest: Screening | None) -> tuple[Screening, dict[str, questionnaire.Value]]:
    screening = latest
    if screening is None or screening.submitted_at:
        screening = actions.draft(visit=request.hold.visit, by=request.actor)
    return screening, questionnaire.load(screening.answers)


@patient(Stage.ANSWERING)
@require_GET
def answering(request: PatientRequest) -> HttpResponse:
    """Go to where the patient is: the next page with something to answer, or the check page."""
    latest = Screening.of(request.hold.visit)
    if again := _begin_again(request, latest):
        return again
    if (before := to_look_back_on(request.hold.visit)) and previous_answers(readable(before.answers)):
        return redirect("last_time")
    screening, answers = _read(request, latest)
    missing = _missing(screening, answers)
    why = request.GET.get("again", "")
    if screening.number > 1 and not screening.ask_again and not missing:
        return redirect(_with(reverse("check"), again=why))  # sent back with every answer kept, to change at will
    step = way_of(request, screening, answers).go_on(answers, missing=missing)
    if step is None:
        return redirect(_with(reverse("check"), again=why))
    return redirect(_with(_link(step), again=why))


@stale_forms.keeps_typed
@patient(Stage.ANSWERING, finishes=False)
@require_http_methods(["GET", "POST"])
def part(request: PatientRequest, section: str, page: int) -> HttpResponse:
    """Show one page of questions; when it is sent, save it and go on."""
    change = request.GET.get("change", "")
    latest = Screening.of(request.hold.visit)
    if again := _begin_again(request, latest):
        return again
    screening, answers = _read(request, latest)
    way = way_of(request, screening, answers, change)
    step = way.find(section, page)
    if step is None:
        return redirect(_with(reverse("answering"), again=_in_vain(request, step)))
    alone = len(step.questions) == 1 and step.questions[0].kind not in NO_GROUP
    form = PageForm(step.questions, answers, request.POST if request.method == "POST" else None, as_heading=alone)
    version = actions.version(answers, step.names)
    if not _in_vain(request, step):
        version = request.POST.get("page_version") or version
    if request.POST.get("act") == LOOK:
        form.full_clean()
        form.errors.clear()
    elif request.method == "POST":
        try:
            if saved := _sent(request, step, form, answers, change):
                return saved
        except actions.ChangedElsewhere as changed:
            version = actions.version(changed.answers, step.names)
            _show_changes(form, changed.answers)
    number, total = way.part(step)
    context = {
        "form": form,
        "fields": drawn(form),
        "step": step,
        "number": number,
        "total": total,
        "alone": alone,
        "again": request.GET.get("again", ""),
        "at_home": screening.at_home,
        "questionnaire": questionnaire.digest(),
        "page_version": version,
        "back": reverse("check") if change else _back(way, step),
    }
    return render(request, "screening/patient/part.html", context, status=422 if form.errors else 200)


def _sent(request: PatientRequest, step: Step, form: PageForm, answers: Answers, change: str) -> HttpResponse | None:
    """Save what was sent and go on; ``None`` if the page is to be shown again."""
    valid = form.is_valid()
    if stale_forms.expired(request):
        form.add_error(None, stale_forms.ONCE_MORE)
        return None
    if _in_vain(request, step):
        form.errors.clear()  # of questions that the patient has not seen yet
        form.add_error(None, NO_LONGER_ASKED)
        return None
    # A symptom that needs help now does not wait for the rest of the page to be valid.
    if valid or form.cleaned_data.get("urgent_symptoms"):
        return _save(request, step, form, answers, change)
    return None


def _show_changes(form: PageForm, stored: Answers) -> None:
    """Add an error to each question whose stored answer differs; what was typed stays in its place."""
    typed = form.given()
    form.add_error(None, CHANGED_ELSEWHERE)
    for question in form.asked:
        if typed.get(question.name) != stored.get(question.name):
            words = questionnaire.in_words(question, stored.get(question.name))
            form.add_error(question.name, f"On the other screen the answer is: “{words}”.")


def _in_vain(request: PatientRequest, step: Step | None) -> str:
    """Return ``GONE`` if something was filled in for a question that this page no longer asks, else ""."""
    return GONE if filled_in(request.POST) - set(step.names if step else ()) else ""


def _back(way: Route, step: Step) -> str:
    before = way.before(step)
    return _link(before) if before else ""


def _save(request: PatientRequest, step: Step, form: PageForm, before: Answers, change: str) -> HttpResponse:
    visit = request.hold.visit
    try:
        saved = actions.answer(
            visit=visit,
            given=form.given(),
            names=form.checked(),
            section=step.section.slug,
            seen=request.POST.get("page_version"),
            by=request.actor,
        )
    except actions.ChangedElsewhere:
        raise
    except NotAllowed:
        return redirect("resume")
    if visit.urgent_at and not visit.urgent_taken_at:
        return redirect("resume")
    after = questionnaire.load(saved.answers)
    way = way_of(request, saved, after, change)
    onward = _after_change(way, step, before, after, change) if change else way.after(step.section.slug, step.page)
    if onward is None:
        return redirect("check")
    return redirect(_link(onward, FOLLOW_UP if change else ""))


def _after_change(way: Route, step: Step, before: Answers, after: Answers, change: str) -> Step | None:
    """Return the follow-up page that a changed answer calls for; ``None`` to go back to the check page."""
    later = [other for other in way.steps if other.section == step.section and other.page > step.page]
    if change == FOLLOW_UP:
        return later[0] if later else None
    asked_before = {
        question.name
        for question in questionnaire.QUESTIONS.values()
        if questionnaire.asked(question, before, returning=True)
    }
    return next((page for page in later if set(page.names) - asked_before), None)


@patient(Stage.ANSWERING)
@require_http_methods(["GET", "POST"])
def check(request: PatientRequest) -> HttpResponse:
    """Show all answers, each with a link to change it; then send them."""
    latest = Screening.of(request.hold.visit)
    if again := _begin_again(request, latest):
        return again
    screening, answers = _read(request, latest)
    visit = request.hold.visit
    way = way_of(request, screening, answers, CHANGE)
    if left := _missing(screening, answers):
        step = way.holding(left[0])
        return redirect(_link(step, CHANGE) if step and screening.to_ask else "answering")
    if request.method == "POST":
        try:
            if screening.at_home:
                actions.finish_at_home(visit=visit, by=request.actor)
                return redirect("kept")
            actions.submit(visit=visit, by=request.actor)
        except NotAllowed:
            return redirect("resume")
        return redirect("resume")
    asked_now = way_of(request, screening, answers).steps
    context = {
        "sections": _rows(way, answers),
        "back": _link(asked_now[-1]) if asked_now else "",
        "at_home": screening.at_home,
        "again": request.GET.get("again", ""),
    }
    return render(request, "screening/patient/check.html", context)


@patient(Stage.ANSWERING)
@require_GET
def kept(request: PatientRequest) -> HttpResponse:
    """Thank a patient who answered everything at home, and say what comes next: nothing is sent or signed yet."""
    if request.hold.visit.at_home_at is None:
        return redirect("resume")
    return render(request, "screening/patient/kept.html", {"day": request.hold.visit.day})


def _rows(way: Route, answers: Answers) -> list[tuple[str, list[AnswerRow]]]:
    """Return each section's heading with its answers, follow-ups after what called for them."""
    return [(section.heading, [_row(*row, answers) for row in rows]) for section, rows in way.by_section(answers)]


def _row(step: Step, question: Question, answers: Answers) -> AnswerRow:
    words = questionnaire.in_words(question, answers.get(question.name))
    return AnswerRow(question.wording, words, f"{_link(step, CHANGE)}#div_id_{question.name}")
