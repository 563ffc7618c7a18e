"""Booking and reopening a visit, or closing it because the patient did not come."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from clinic.accounts.sites import check_here
from clinic.devices.holds import take_back
from clinic.domain.flow import NotAllowed, Stage
from clinic.models import (
    Actor,
    Journal,
    Patient,
    User,
    Visit,
)
from clinic.records.patients import _check_readable


@transaction.atomic
def add_visit(
    *,
    patient: Patient,
    day: dt.date,
    by: Actor,
    time: dt.time | None = None,
    practitioner: User | None = None,
    planned_regions: list[str] | None = None,
    returning: bool | None = None,
) -> Visit:
    """Put a patient on a day's board. ``returning`` unset: whether an earlier visit of this patient was sealed.

    Raise ``NotAllowed`` for a record of another clinic, and for one that was erased.
    """
    check_here(by, patient.site_id)
    _check_readable(patient)
    before = Visit.objects.filter(patient=patient, stage=Stage.SEALED.value, in_error_at=None).exists()
    visit = Visit.objects.create(
        patient=patient,
        day=day,
        time=time,
        practitioner=practitioner,
        planned_regions=planned_regions or [],
        returning=before if returning is None else returning or before,
        created_by=by.staff,
    )
    Journal.objects.record("visit added", by=by, visit=visit)
    return visit


@transaction.atomic
def reopen_parked(*, visit: Visit, by: Actor) -> None:
    """Take the parked mark off, once staff have checked who the patient is."""
    if not visit.parked_at:
        raise NotAllowed("This visit is not parked.")
    visit.mark(by=by, action="parked visit reopened", parked_at=None)


@transaction.atomic
def take_urgent(*, visit: Visit, by: Actor) -> None:
    """Record that a staff member goes to a patient who needs help now. The first one counts."""
    taken = Visit.objects.filter(pk=visit.pk, urgent_at__isnull=False, urgent_taken_at=None)
    if not taken.update(urgent_taken_at=timezone.now(), urgent_taken_by=by.staff):
        raise NotAllowed("Somebody is with this patient already.")
    Journal.objects.record("urgent call taken", by=by, visit=visit)


@transaction.atomic
def did_not_come(*, visit: Visit, by: Actor) -> None:
    """Close a visit whose patient did not come. Only before anything was answered here; answers from home are kept."""
    if not visit.has_not_checked_in:
        raise NotAllowed("This patient has begun. A practitioner ends the visit from the review.")
    if visit.hold:
        take_back(hold=visit.hold, by=by, why="stopped")
    visit.move(Stage.STOPPED, by=by, why="did not come")
