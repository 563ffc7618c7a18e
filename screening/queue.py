"""Who waits for a practitioner, worst first: every open visit as one light line, in one query, however many wait.

What a page shows of a line is read for the lines on that page alone (:mod:`screening.queue_rows`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Case, FilteredRelation, Min, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from clinic.flow import Stage
from clinic.models import Patient, PolicyChange, User, Visit
from screening import due, rules
from screening.due import Due
from screening.models import Assessment, Flag
from screening.rules import Severity

LAST = len(Severity)  # after everything that has a flag
GRAVE = [severity for severity in Severity if rules.needs_decision(severity)]
RANK = Case(*[When(severity=severity.value, then=Value(severity.rank)) for severity in GRAVE])


class Part(StrEnum):
    """What is to be done for a visit."""

    REVIEW = "review"
    CONFIRM = "confirm"


@dataclass(frozen=True)
class Line:
    """One visit that waits for a practitioner: what its place in the queue depends on."""

    pk: int
    part: Part
    since: dt.datetime
    day: dt.date
    rank: int  # of the gravest flag that nobody decided; else of the gravest; `LAST` without one
    is_urgent: bool  # the patient needs help now and nobody has gone yet
    is_calling: bool  # the same, or somebody went: the patient is still answering
    practitioner: int | None
    claimed_by: int | None
    claimed_at: dt.datetime | None
    claimed_name: str
    gone_name: str  # who went to a patient that called for help
    due_at: dt.datetime
    due: Due

    @property
    def severity(self) -> str:
        """The gravest severity that is open, or ""."""
        return list(Severity)[self.rank].value if self.rank < LAST else ""

    def needs(self, user: User) -> bool:
        """Whether it is this practitioner's to look at: theirs, or nobody's, and not in a colleague's hands.

        A colleague's patient whom the colleague has not taken on is everybody's once it is urgent or overdue.
        """
        if self.is_urgent:
            return True
        if self.claimed_by:
            return self.claimed_by == user.pk
        pressing = self.rank == Severity.URGENT.rank or self.due is Due.OVERDUE
        return pressing or self.practitioner in (None, user.pk)

    def is_of(self, user: User) -> bool:
        """Whether this practitioner has it, or the appointment is theirs and nobody has it."""
        return (self.claimed_by or self.practitioner) == user.pk


def lines(*, now: dt.datetime | None = None, named: str = "") -> list[Line]:
    """Return what waits, worst first, then longest. ``named``: the first letters of the patient's name."""
    now = now or timezone.now()
    minutes = PolicyChange.objects.policy().review_due_minutes
    found = [_line(values, now, minutes) for values in _visits(named).values(*COLUMNS)]
    return sorted(found, key=lambda line: (not line.is_urgent, line.rank, line.since, line.pk))


COLUMNS = (
    *("pk", "stage", "stage_since", "day", "time", "practitioner", "urgent_at", "urgent_taken_at"),
    *("rank", "claim__by", "claim__at", "claim__by__full_name", "urgent_taken_by__full_name"),
)


def _visits(named: str) -> QuerySet[Visit]:
    calling, talking = Q(urgent_at__isnull=False), Q(wants_talk_at__isnull=False, needs_time_at__isnull=False)
    answering = Q(stage=Stage.ANSWERING.value) & (calling | talking)
    visits = Visit.objects.filter(Q(stage__in=[Stage.IN_REVIEW.value, Stage.SIGNED.value]) | answering)
    if named:
        visits = visits.filter(patient__in=Patient.objects.named(named))
    runs = Assessment.objects.filter(screening__visit=OuterRef("pk")).order_by("-screening__number", "-pk")
    grave = Flag.objects.filter(assessments=OuterRef("run"), severity__in=[each.value for each in GRAVE])
    return visits.annotate(
        run=Subquery(runs.values("pk")[:1]),
        rank=Coalesce(_worst(grave.filter(decisions=None)), _worst(grave), Value(LAST)),
        claim=FilteredRelation("claims", condition=Q(claims__ended_at=None)),
    )


def _worst(flags: QuerySet[Flag]) -> Subquery:
    return Subquery(flags.order_by().values("assessments").annotate(worst=Min(RANK)).values("worst"))


def _line(values: dict[str, Any], now: dt.datetime, minutes: int) -> Line:
    signed = values["stage"] == Stage.SIGNED.value
    calling = values["stage"] == Stage.ANSWERING.value and bool(values["urgent_at"])
    urgent = bool(values["urgent_at"]) and not values["urgent_taken_at"]
    since = values["urgent_at"] if urgent else values["stage_since"]
    due_at = since if urgent else due.deadline(since, _appointment(values["day"], values["time"]), minutes)
    return Line(
        pk=values["pk"],
        part=Part.CONFIRM if signed else Part.REVIEW,
        since=since,
        day=values["day"],
        rank=0 if calling else LAST if signed else values["rank"],
        is_urgent=urgent,
        is_calling=calling,
        practitioner=values["practitioner"],
        claimed_by=values["claim__by"],
        claimed_at=values["claim__at"],
        claimed_name=values["claim__by__full_name"] or "",
        gone_name=values["urgent_taken_by__full_name"] or "" if calling else "",
        due_at=due_at,
        due=due.standing(due_at, now, minutes),
    )


def _appointment(day: dt.date, time: dt.time | None) -> dt.datetime | None:
    return timezone.make_aware(dt.datetime.combine(day, time)) if time else None
