"""A patient's or a visit's consents on the desk's pages, and what became of them."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from clinic.models import Patient, Role, Visit
from consent.jobs.seal_document import Time, time_of
from consent.models import ConsentStatusChange, SealedFile, SealedStatusChange
from consent.status.build_record import number
from consent.status.build_status_record import number as number_of_after
from consent.status.consent_state import consent_of as entry_of
from consent.status.consent_state import consents_of as entries_of
from consent.status.course_state import line_of, running

register = template.Library()


def _with(context: Context, **more: Any) -> dict[str, Any]:
    roles = getattr(context.get("user"), "roles", ())
    return {**more, "is_practitioner": Role.PRACTITIONER in roles, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("consent/desk/consents_of.html", takes_context=True)
def consents_of(context: Context, patient: Patient) -> dict[str, Any]:
    """Show all consents of a patient, each with its state, its files and what can be done with it."""
    return _with(context, entries=entries_of(patient), running=running(patient))


@register.inclusion_tag("consent/desk/consent_state.html", takes_context=True)
def consent_state(context: Context, visit: Visit) -> dict[str, Any]:
    """Show whether the consent given at a visit stands, and its status changes; nothing if none was given."""
    return _with(context, entry=entry_of(visit), visit=visit)


@register.inclusion_tag("consent/desk/course_line.html", takes_context=True)
def course_line(context: Context, visit: Visit) -> dict[str, Any]:
    """Show which session of which course a visit is, or why it needs a full consent; nothing without a course."""
    return _with(context, visit=visit, **line_of(visit))


@register.filter
def seal_time(sealed: SealedFile | SealedStatusChange) -> Time:
    """Return what vouches for the time of a sealed file: a timestamp, a pending one, or our own clock."""
    return time_of(sealed.sha256)


@register.filter
def consent_number(visit: Visit) -> str:
    """Return the printed number of a visit's consent."""
    return number(visit)


@register.filter
def after_number(after: ConsentStatusChange) -> str:
    """Return the printed number of a consent's status change."""
    return number_of_after(after)
