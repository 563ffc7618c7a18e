"""The front desk's and the manager's verbs. Each is one short transaction with its journal row."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Q

from clinic.accounts.sites import check_here
from clinic.domain.flow import NotAllowed
from clinic.models import (
    Actor,
    Correction,
    Hold,
    Journal,
    Merge,
    Patient,
    Visit,
)

CORRECTABLE = ("name", "born", "phone", "email")


@transaction.atomic
def add_patient(*, name: str, born: dt.date, phone: str = "", email: str = "", by: Actor) -> Patient:
    """Add a patient, indexed for search."""
    patient = Patient.objects.create(
        name=name, born=born, phone=phone, email=email, created_by=by.staff, site_id=by.staff.site_id
    )
    patient.index()
    Journal.objects.record("patient added", by=by, patient=patient)
    return patient


def _check_readable(*patients: Patient) -> None:
    """Raise ``NotAllowed`` if one of them was erased since it was read, or is about to be."""
    for patient in patients:
        if Patient.objects.select_for_update().get(pk=patient.pk).is_erased:
            raise NotAllowed("This record was erased. Add the patient anew.")


@transaction.atomic
def correct_patient(*, patient: Patient, by: Actor, **values: Any) -> list[str]:
    """Correct details; return the names of the fields that changed. The old values stay on record.

    Raise ``NotAllowed`` for a record of another clinic, and for one that was erased.
    """
    check_here(by, patient.site_id)
    _check_readable(patient)
    changed = [field for field in CORRECTABLE if field in values and values[field] != getattr(patient, field)]
    for field in changed:
        Correction.objects.create(
            patient=patient, field=field, old=str(getattr(patient, field)), new=str(values[field]), by=by.staff
        )
        Journal.objects.record("patient corrected", by=by, patient=patient, field=field)
        setattr(patient, field, values[field])
    if changed:
        patient.save(update_fields=changed)
        patient.index()
    return changed


@transaction.atomic
def merge_patients(*, kept: Patient, gone: Patient, by: Actor) -> None:
    """Make two records of one person one: visits move to ``kept``, ``gone`` is no longer found, both stay on record.

    What was merged into ``gone`` before is part of ``kept`` then. Raise ``NotAllowed`` for one record twice,
    one that was merged or erased, or a visit that is on a tablet.
    """
    if kept.pk == gone.pk or kept.merged_into_id or gone.merged_into_id:
        raise NotAllowed("Choose two different records, neither of them merged before.")
    check_here(by, kept.site_id, gone.site_id)
    _check_readable(kept, gone)
    if Hold.objects.now().filter(visit__patient=gone).exists():
        raise NotAllowed("One of these patients has a tablet now. Take it back first.")
    for visit in Visit.objects.filter(patient=gone):
        Journal.objects.record("visit given another record", by=by, visit=visit, patient=kept)
    Visit.objects.filter(patient=gone).update(patient=kept)
    Patient.objects.filter(Q(pk=gone.pk) | Q(merged_into=gone)).update(merged_into=kept)
    gone.tokens.all().delete()
    Merge.objects.create(kept=kept, gone=gone, by=by.staff)
    for patient in (kept, gone):
        Journal.objects.record("patients merged", by=by, patient=patient)
