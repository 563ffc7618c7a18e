"""Find the course that a visit may belong to. Reads only; the verbs are in `consent.actions`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from clinic.domain import body_regions
from clinic.domain.flow import OPEN
from clinic.models import Patient, PolicyChange, User, Visit
from consent.domain.course import Course, FullConsentReason, Today, why_full
from consent.domain.statement import VERSION, Statement, StatementInput
from consent.models import Consent, ConsentStatusChange, SignedConsent
from consent.status.consent_state import state_of
from consent.status.statement_input import facts, untold
from screening.assessment.review_state import ReviewState, review_state
from screening.assessment.rule_input import planned_scope
from screening.domain.rules import Severity, is_minor, needs_decision
from screening.domain.scope import Scope
from screening.models import AdverseEvent, Assessment, Flag, Plan

LOOKED_AT = 5  # the newest of a patient's full consents: two or three courses may run side by side


@dataclass(frozen=True)
class Within:
    """A visit as a session of a course. ``why``: the reasons for a full consent all the same, gravest first.

    ``first``: the course's consent; ``plan``: its plan; ``number``: which session the visit would be, of ``most``.
    """

    first: Consent
    plan: Plan
    why: tuple[FullConsentReason, ...]
    number: int
    most: int
    last_day: dt.date

    def facts(self, state: ReviewState) -> StatementInput:
        """Return the facts of the visit's text. What is not settled yet is as agreed for the course."""
        inputs = facts(state)
        if state.plan:
            return inputs
        return replace(
            inputs,
            regions=tuple(body_regions.region_words(name) for name in self.plan.regions),
            technique=self.plan.technique,
            electro=self.plan.electro,
            sessions=self.plan.sessions,
            near_lung=body_regions.near_lung(self.plan.regions),
            practitioner=self.first.confirmed_by.full_name,
        )

    def scope(self, state: ReviewState) -> Scope:
        """Return what the patient says yes to: the scope of the visit's own plan, or else of the course's."""
        return (state.plan or self.plan).scope

    def news(self, state: ReviewState) -> list[str]:
        """Return this patient's risks in the present text that are not in the course's."""
        return untold(Statement.from_json(self.first.given.statement), state)

    def news_since_last(self, state: ReviewState) -> list[str]:
        """Return this patient's risks in the present text that are not in the last session's."""
        last = (
            sessions_of(self.first).exclude(visit=state.visit).select_related("given").order_by("confirmed_at").last()
        )
        return untold(Statement.from_json((last or self.first).given.statement), state)


def course_for(state: ReviewState, *, by: User | None = None) -> Within | None:
    """Return the course that covers a visit, else the latest that does not, with the reasons; ``None`` without any.

    ``by``: who is about to needle, if it is known; otherwise the plan or the booking tells.
    """
    courses = [within for first in _firsts(state.visit) if (within := _within(first, state, by))]
    return next((within for within in courses if not within.why), next(iter(courses), None))


def covering(state: ReviewState) -> Within | None:
    """Return the course that the patient may continue at this visit with one "yes", or ``None``."""
    within = course_for(state)
    return None if within is None or within.why or state.signing_holds else within


def held_to(first: Consent, state: ReviewState, *, by: User | None = None) -> Within | None:
    """Return the visit as a session under this consent; ``None`` if that has no plan or no sealed file."""
    rows = Consent.objects.select_related("given", "confirmed_by", "sealed", "visit").defer("record", "sealed__pdf")
    return _within(rows.get(pk=first.pk), state, by)


def _firsts(visit: Visit) -> list[Consent]:
    return list(_full().filter(visit__patient=visit.patient_id).exclude(visit=visit)[:LOOKED_AT])


def _full() -> QuerySet[Consent]:
    rows = Consent.objects.filter(given__course=None, visit__in_error_at=None, sealed__isnull=False)
    rows = rows.select_related("given", "confirmed_by", "sealed", "visit__patient").prefetch_related("after")
    return rows.defer("record", "sealed__pdf").order_by("-confirmed_at")


def _within(first: Consent, state: ReviewState, by: User | None) -> Within | None:
    plan = Plan.of(first.visit)
    if plan is None or not hasattr(first, "sealed"):
        return None
    course = _course(first, plan, state)
    why = why_full(course, _today(first, state, by))
    visits, last_day = course.scope.visits, course.scope.last_day
    assert visits is not None and last_day is not None  # noqa: PT018  (set just above)
    return Within(first, plan, why, course.sessions + 1, visits, last_day)


def _course(first: Consent, plan: Plan, state: ReviewState) -> Course:
    began, policy, visit = timezone.localdate(first.confirmed_at), state.policy, state.visit
    return Course(
        began=began,
        scope=replace(
            plan.scope,
            visits=policy.course_sessions,
            practitioner=first.confirmed_by_id,
            last_day=began + dt.timedelta(days=policy.course_days),
        ),
        text_version=first.given.statement_version,
        flags=_flags(first.given),
        sessions=1 + _before(first, visit).count(),
        minor=is_minor(visit.patient.born, began),
        helped=first.given.signatures.exclude(witness=None).exists(),
        stands=state_of(first).stands,
    )


def _before(first: Consent, visit: Visit) -> QuerySet[Consent]:
    others = sessions_of(first).exclude(visit=visit)
    own = Consent.objects.filter(visit=visit).values_list("confirmed_at", flat=True).first()
    return others.filter(confirmed_at__lt=own) if own else others


def _flags(given: SignedConsent) -> frozenset[str]:
    run = Assessment.objects.filter(screening=given.screening_id).last()
    flags = Flag.objects.filter(assessments=run) if run else Flag.objects.none()
    return frozenset(flag.key for flag in flags if needs_decision(Severity(flag.severity)))


def _today(first: Consent, state: ReviewState, by: User | None) -> Today:
    plan = state.plan
    planned = plan.by_id if plan else state.visit.practitioner_id
    sent = state.screening is not None and state.screening.submitted_at is not None
    return Today(
        day=timezone.localdate(),
        text_version=VERSION,
        scope=replace(planned_scope(state.visit, plan), practitioner=by.pk if by else planned),
        flags=frozenset(row.flag.key for row in state.flags if row.needs_decision),
        minor=state.is_minor,
        reacted=_harmed_since(first, state.visit) or (sent and state.answers.get("last_needling_reaction") != "no"),
        changed=SignedConsent.objects.filter(visit=state.visit, voiding__isnull=False).exclude(course=None).exists(),
    )


def line_of(visit: Visit) -> dict[str, Any]:
    """Return, for a visit's page, ``within`` and ``session``: whether it is a session already, or may become one.

    A visit that has a full consent, or is over, belongs to no course.
    """
    given = SignedConsent.of(visit)
    if given and given.course:
        return {"within": held_to(given.course, review_state(visit)), "session": True}
    if given or visit.at not in OPEN or visit.day != timezone.localdate():
        return {"within": None, "session": False}
    return {"within": course_for(review_state(visit)), "session": False}


@dataclass(frozen=True)
class Running:
    """A course that may go on. ``visits``: its sessions so far, the first included, oldest first."""

    first: Consent
    regions: list[str]
    technique: str
    visits: list[Visit]
    most: int
    last_day: dt.date


def running(patient: Patient) -> list[Running]:
    """Return a patient's courses that have not ended, are not used up and not over, the newest first."""
    policy = PolicyChange.objects.policy()
    since = timezone.now() - dt.timedelta(days=policy.course_days + 1)
    courses = []
    for first in _full().filter(visit__patient=patient, confirmed_at__gte=since):
        plan = Plan.of(first.visit)
        last_day = timezone.localdate(first.confirmed_at) + dt.timedelta(days=policy.course_days)
        visits = [first.visit, *(row.visit for row in sessions_of(first).select_related("visit").order_by("pk"))]
        if plan is None or not state_of(first).stands or last_day < timezone.localdate():
            continue
        if len(visits) < policy.course_sessions:
            regions = [body_regions.region_words(name) for name in plan.regions]
            technique = plan.get_technique_display()
            courses.append(Running(first, regions, technique, visits, policy.course_sessions, last_day))
    return courses


def _harmed_since(first: Consent, visit: Visit) -> bool:
    events = AdverseEvent.objects.that_count().filter(visit__patient=visit.patient_id, at__gt=first.confirmed_at)
    return events.exclude(visit=visit).exists()


def sessions_of(first: Consent) -> QuerySet[Consent]:
    """Return the confirmed sessions under a consent, except those entered in error."""
    return Consent.objects.filter(given__course=first).exclude(after__kind=ConsentStatusChange.Kind.IN_ERROR)
