"""A treatment on the desk's pages: the session, adverse events, the aftercare sheet."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from clinic.domain.flow import TREATED, Stage
from clinic.models import Patient, Role, Visit
from consent.document.aftercare_sheet import patient_text
from consent.domain.risk_disclosure import NAMED, disclosed
from screening.assessment.review_state import FlagState, review_state
from screening.models import AdverseEvent, Session
from screening.treatment.forewarned import foreseen

register = template.Library()


def _is_practitioner(context: Context) -> bool:
    return Role.PRACTITIONER in getattr(context.get("user"), "roles", ())


@register.filter
def disclosed_words(event: AdverseEvent) -> str:
    """Say whether the text that the patient agreed to named this risk, and in which words."""
    if event.kind not in NAMED:
        return "Compare what happened with the consent: this kind has no line of its own."
    line = disclosed(patient_text(event.visit), event.kind)
    return f"Yes: “{line}”" if line else "No. The text of the consent does not name it."


@register.inclusion_tag("consent/desk/after_treatment.html", takes_context=True)
def after_treatment(context: Context, visit: Visit) -> dict[str, Any]:
    """Show a visit's treatment and what can be done about it; nothing before the consent is confirmed."""
    treated = visit.at in TREATED
    return {
        "visit": visit,
        "treated": treated,
        "sealed": visit.at is Stage.SEALED,
        "is_practitioner": _is_practitioner(context),
        "session": Session.of(visit) if treated else None,
        "events": _events(visit.adverse_events.all()) if treated and _is_practitioner(context) else [],
        "csrf_token": context.get("csrf_token"),
    }


def _events(rows: Any) -> list[AdverseEvent]:
    return list(rows.select_related("visit", "by").prefetch_related("notes").order_by("-began_on", "-id"))


@register.inclusion_tag("consent/desk/treatments_of.html", takes_context=True)
def treatments_of(context: Context, patient: Patient) -> dict[str, Any]:
    """Show a practitioner where and when a patient was needled, and what went wrong; nothing to anybody else."""
    if not _is_practitioner(context):
        return {}
    stages = [stage.value for stage in TREATED]
    visits = Visit.objects.filter(patient=patient, stage__in=stages).order_by("-day", "-id")
    sessions: dict[int, Session] = {}
    for session in Session.objects.filter(visit__in=visits).select_related("by").order_by("number"):
        sessions[session.visit_id] = session
    events = _events(AdverseEvent.objects.filter(visit__in=visits))
    return {
        "treatments": [(visit, sessions.get(visit.pk)) for visit in visits],
        "events": [(event, foreseen(event)) for event in events],
    }


OPEN = (Stage.IN_REVIEW, Stage.CONSENTING, Stage.SIGNED)


@register.inclusion_tag("consent/desk/open_flags_of.html", takes_context=True)
def open_flags_of(context: Context, patient: Patient) -> dict[str, Any]:
    """Show a practitioner the flags of a patient's open visits that need a decision; nothing to anybody else."""
    if not _is_practitioner(context):
        return {}
    flags: list[tuple[Visit, FlagState]] = []
    for visit in Visit.objects.filter(patient=patient, stage__in=[stage.value for stage in OPEN]):
        flags += [(visit, flag) for flag in review_state(visit).flags if flag.needs_decision]
    return {"flags": flags}
