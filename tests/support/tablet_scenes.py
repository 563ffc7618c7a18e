"""Every page of the tablet, and how a patient comes to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Hold, Tablet, Visit
from screening.actions import decide, save_plan
from screening.assessment.review_state import review_state
from screening.domain import questionnaire
from screening.domain.page_flow import route
from screening.domain.questionnaire import AnswerKind, Value
from screening.domain.scope import Scope
from screening.models import Decision
from tests.support.consents import ready, signed
from tests.support.course_factories import course_on_record
from tests.support.earlier_visits import came_before
from tests.support.factories import acting, hold, make_patient, make_screening, make_visit, practitioner


@dataclass(frozen=True)
class Scene:
    """A page as one patient meets it. ``shown`` writes what it needs and returns its visit, if a tablet holds one."""

    url_name: str
    name: str
    address: str
    shown: Callable[[Tablet], None]
    refuses: bool = False  # sent as it is, or emptied, it comes back with errors
    chosen: tuple[str, ...] = ()  # boxes to choose a staff member's help in first, which shows what is filled in then


def _nothing(tablet: Tablet) -> None:
    """The tablet lies at the front desk."""


def _ended(why: str) -> Callable[[Tablet], None]:
    return lambda tablet: hold(make_visit(), tablet).end(why)


def _begun(stage: Stage, *, identified: bool = True, **fields: Any) -> Callable[[Tablet], None]:
    def shown(tablet: Tablet) -> None:
        hold(make_visit(stage=stage, **fields), tablet, identified=identified)

    return shown


def _urgent(tablet: Tablet) -> None:
    hold(make_visit(stage=Stage.ANSWERING, urgent_at=timezone.now()), tablet)


def _answering(tablet: Tablet) -> None:
    visit = make_visit(stage=Stage.ANSWERING, returning=True)
    make_screening(visit, submitted=False, **everything())
    hold(visit, tablet)


def _at_home(tablet: Tablet) -> None:
    visit = make_visit(stage=Stage.ANSWERING, at_home_at=timezone.now())
    make_screening(visit, submitted=False)
    hold(visit, tablet)


def _back_again(tablet: Tablet) -> None:
    hold(make_visit(came_before(), Stage.ANSWERING, returning=True), tablet)


def _consenting(**changes: Any) -> Callable[[Tablet], None]:
    return lambda tablet: _hold_it(ready(**changes), tablet)


def _within_a_course(tablet: Tablet) -> None:
    visit = make_visit(stage=Stage.CONSENTING, returning=True)
    course_on_record(visit.patient, practitioner())
    _hold_it(ready(visit, last_needling_reaction="no", driving_after="yes"), tablet)


def _hold_it(visit: Visit, tablet: Tablet) -> None:
    hold(visit, tablet)


def _young(tablet: Tablet) -> None:
    today = timezone.localdate()
    visit = make_visit(make_patient(born=today.replace(year=today.year - 15, day=1)), stage=Stage.CONSENTING)
    _hold_it(ready(visit, filled_in_by="guardian"), tablet)
    by = acting(practitioner())
    Visit.objects.filter(pk=visit.pk).update(stage=Stage.IN_REVIEW.value)
    visit.refresh_from_db()
    save_plan(visit=visit, scope=Scope.of(["left_calf"], technique="superficial", electro=False, visits=2), by=by)
    for each in review_state(visit).undecided:
        decide(flag=each.flag, outcome=Decision.Outcome.CLEARED, reason="Seen with the mother.", by=by)
    Visit.objects.filter(pk=visit.pk).update(stage=Stage.CONSENTING.value)


def _withdrawing(tablet: Tablet) -> None:
    visit = signed()
    Hold.objects.create(
        visit=visit,
        tablet=tablet,
        handed_by=visit.created_by,
        purpose=Hold.Purpose.WITHDRAW.value,
        identified_at=timezone.now(),
    )


def everything() -> dict[str, Value]:
    """Return answers that call for every follow-up."""
    found: dict[str, Value] = {}
    for question in questionnaire.QUESTIONS.values():
        if question.kind in (AnswerKind.YN, AnswerKind.YNU):
            found[question.name] = "yes"
        elif question.kind is AnswerKind.ANY_OF:
            found[question.name] = [] if question.name == "urgent_symptoms" else [_first(question)]
        elif question.kind is AnswerKind.ONE_OF:
            found[question.name] = _first(question)
        elif question.kind is AnswerKind.SCALE:
            found[question.name] = 8
    return found


def _first(question: questionnaire.Question) -> str:
    return question.choices[0].value


def _question_pages() -> Iterator[Scene]:
    for step in route(everything(), returning=True).steps:
        address = reverse("part", args=[step.section.slug, step.page])
        can_be_wrong = any(question.kind is not AnswerKind.TEXT for question in step.questions)
        yield Scene("part", f"questions {step.section.slug} {step.page}", address, _answering, can_be_wrong)


def scenes() -> Iterator[Scene]:
    yield Scene("resume", "idle", "/tablet/", _nothing)
    for why in ("waiting", "signed", "time", "stopped", "withdrawn", "kept", "parked", "away"):
        yield Scene("resume", f"thanks {why}", "/tablet/", _ended(why))
    yield Scene("resume", "urgent", "/tablet/", _urgent)
    yield Scene("birth_date", "birth date", "/tablet/birth-date/", _begun(Stage.EXPECTED, identified=False), True)
    yield from _question_pages()
    yield Scene("check", "check", "/tablet/check/", _answering)
    for page in ("about", "risks"):
        yield Scene("consent_page", page, f"/tablet/consent/{page}/", _consenting())
    sign = "/tablet/consent/sign/"
    yield Scene("consent_page", "sign", sign, _consenting(), True)
    yield Scene("consent_page", "sign, young", sign, _young, True)
    yield Scene("consent_page", "sign, helped", sign, _consenting(), True, ("method",))
    both = ("method", "guardian_method")
    yield Scene("consent_page", "sign, young, both helped", sign, _young, True, both)
    yield Scene("consent_page", "sign, talk first", sign, _consenting(questions="Is it safe?"))
    yield Scene("still_happy", "still happy", "/tablet/still-happy/", _within_a_course)
    yield Scene("last_time", "last time", "/tablet/last-time/", _back_again)
    yield Scene("ask", "ask", "/tablet/ask/", _answering, True)
    yield Scene("stop", "stop", "/tablet/stop/", _answering)
    yield Scene("kept", "kept", "/tablet/kept/", _at_home)
    yield Scene("read_at_home", "read at home", "/tablet/read/", _at_home)
    yield Scene("read_at_home_page", "read at home, last page", "/tablet/read/sign/", _at_home)
    yield Scene("withdraw", "withdraw", "/tablet/withdraw/", _withdrawing)
