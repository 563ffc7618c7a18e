"""What a patient told us at an earlier visit, for this one. Reads only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from clinic.models import Visit
from screening.domain.answer_changes import Change, changes, readable
from screening.models import Screening


def last_time(visit: Visit, before: dt.datetime) -> Screening | None:
    """Return the latest screening that the patient sent at another visit before ``before`` (aware), or ``None``.

    A visit entered in error does not count: it may have been somebody else's.
    """
    sent = Screening.objects.filter(visit__patient=visit.patient_id, submitted_at__lt=before)
    others = sent.exclude(visit=visit).filter(visit__in_error_at=None)
    return others.select_related("visit").order_by("submitted_at").last()


def to_look_back_on(visit: Visit) -> Screening | None:
    """Return last time's answers if they are to be shown now: nothing is answered or confirmed here yet."""
    if Screening.objects.filter(visit=visit).exclude(submitted_at=None).exists():
        return None
    begun = Screening.of(visit)
    if begun and (begun.looked_back_at or begun.answers):
        return None
    return last_time(visit, timezone.now())


@dataclass(frozen=True)
class Since:
    """What changed from one version of the answers to the one under review."""

    since: dt.date
    now: dt.date
    is_last_time: bool  # else an earlier version of the same visit
    changes: list[Change]


def since(screening: Screening) -> list[Since]:
    """Return what changed since the visit before and since the version before, as far as there was one."""
    earlier = [last_time(screening.visit, screening.started_at)]
    sent = Screening.objects.filter(visit=screening.visit_id, number__lt=screening.number)
    earlier.append(sent.exclude(submitted_at=None).order_by("number").last())
    return [_since(before, screening) for before in earlier if before]


def _since(before: Screening, now: Screening) -> Since:
    changed = changes(readable(before.answers), readable(now.answers))
    return Since(_day(before), _day(now), before.visit_id != now.visit_id, changed)


def _day(screening: Screening) -> dt.date:
    return timezone.localdate(screening.submitted_at or screening.saved_at)
