"""Reading another clinic's record when somebody's safety depends on it: with a reason, for four hours, on record.

The practitioner types the name and the birth date in full, so that nobody can look through another clinic's patients.
What was opened can be read in the session that opened it. A manager of the record's clinic is shown each opening.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from clinic.domain.flow import NotAllowed
from clinic.models import Actor, EmergencyAccess, Journal, Patient, User

KEY = "emergencies"  # in the session: the numbers of what it opened
READS = ("GET", "HEAD")


@transaction.atomic
def open_records(*, name: str, born: dt.date, reason: str, by: Actor) -> list[EmergencyAccess]:
    """Open every record of that person in other clinics, to read; each is on record in its own clinic.

    Raise ``NotAllowed`` if there is none. ``reason``: in the practitioner's words.
    """
    others = Patient.objects.exclude(site=by.site)
    patients = others.same_person(name, born)
    if not patients:
        Journal.objects.record("emergency search", by=by, count=0)
        raise NotAllowed("No other clinic has a patient with this name and date of birth. Check both.")
    here, made = by.staff.site, []
    for patient in patients:
        made.append(EmergencyAccess.objects.create(patient=patient, by=by.staff, site=here, reason=reason))
        Journal.objects.record("record opened in an emergency", by=by, patient=patient, number=made[-1].pk)
    return made


def keep(request: HttpRequest, made: list[EmergencyAccess]) -> None:
    """Let this session read what was opened."""
    request.session[KEY] = [*request.session.get(KEY, []), *(access.pk for access in made)]


def opened_in(request: HttpRequest, user: User) -> list[EmergencyAccess]:
    """Return what this session opened and may still read."""
    numbers = request.session.get(KEY, [])
    mine = EmergencyAccess.objects.now().filter(pk__in=numbers, by=user)
    return list(mine.select_related("patient__site")) if numbers else []


def readable(request: HttpRequest, user: User) -> frozenset[int]:
    """Return the patients of other clinics whose records this request may read; none if it would change them.

    A session that opened none costs no query.
    """
    opened = opened_in(request, user) if request.method in READS else []
    return frozenset(access.patient_id for access in opened)


@transaction.atomic
def see(*, access: EmergencyAccess, by: Actor) -> None:
    """Record that a manager of the record's clinic saw this. The first one counts."""
    unseen = EmergencyAccess.objects.unseen(by.site).filter(pk=access.pk)
    if unseen.update(seen_at=timezone.now(), seen_by=by.staff):
        Journal.objects.record("emergency seen", by=by, patient=access.patient, number=access.pk)
