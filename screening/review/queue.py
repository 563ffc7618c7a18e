"""Who waits for a practitioner, worst first: one light line a visit, all in one query.

What a page shows of a line is read only for the lines on that page (``screening.review.queue_rows``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Case, FilteredRelation, Min, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from clinic.domain.flow import Stage
from clinic.models import Patient, PolicyChange, Visit
from clinic.models.sites import FIRST
from screening.domain import review_deadline, rules
from screening.domain.review_deadline import Due
from screening.domain.rules import Severity
from screening.models import Assessment, Flag

LAST = len(Severity)  # after everything that has a flag
GRAVE = [severity for severity in Severity if rules.needs_decision(severity)]
SEVERITIES = [*[severity.value for severity in Severity], ""]  # by rank
RANK = Case(*[When(severity=severity.value, then=Value(severity.rank)) for severity in GRAVE])


class QueuePart(StrEnum):
    """What a visit waits for."""

    REVIEW = "review"
    CONFIRM = "confirm"


class QueueLine(NamedTuple):
    """One visit that waits for a practitioner, with all that decides its place in the queue."""

    pk: int
    stage: str
    stage_since: dt.datetime
    day: dt.date
    time: dt.time | None
    practitioner: int | None
    urgent_at: dt.datetime | None
    urgent_taken_at: dt.datetime | None
    flagged: int  # rank of the gravest undecided flag; else of the gravest; `LAST` without one
    claimed_by: int | None
    now: dt.datetime
    minutes: int  # a review may take

    @property
    def part(self) -> QueuePart:
        return QueuePart.CONFIRM if self.stage == Stage.SIGNED else QueuePart.REVIEW

    @property
    def is_calling(self) -> bool:
        """Whether the patient called for help and is still answering; somebody may be with them."""
        return self.stage == Stage.ANSWERING and self.urgent_at is not None

    @property
    def in_review(self) -> bool:
        """Whether it can be taken on; a patient who is still answering only wants help or a talk."""
        return self.stage == Stage.IN_REVIEW

    @property
    def is_urgent(self) -> bool:
        """Whether the patient needs help now and nobody has gone to them yet."""
        return self.urgent_at is not None and self.urgent_taken_at is None

    @property
    def since(self) -> dt.datetime:
        return self.urgent_at if self.urgent_at and self.is_urgent else self.stage_since

    @property
    def rank(self) -> int:
        """0 for the gravest, `LAST` if no flag waits."""
        return 0 if self.is_calling else LAST if self.stage == Stage.SIGNED else self.flagged

    @property
    def due_at(self) -> dt.datetime:
        """When a practitioner must have looked at it."""
        if self.is_urgent:
            return self.since
        early = timezone.make_aware(dt.datetime.combine(self.day, self.time)) if self.time else None
        return review_deadline.deadline(self.since, early, self.minutes)

    @property
    def due(self) -> Due:
        return review_deadline.standing(self.due_at, self.now, self.minutes)

    def needs(self, me: int) -> bool:
        """Whether practitioner ``me`` should look at it: it is theirs or nobody's, and no colleague has taken it on.

        A colleague's visit that they have not taken on is everybody's once it is urgent or overdue.
        """
        if self.is_urgent:
            return True
        if self.claimed_by:
            return self.claimed_by == me
        return self.practitioner in (None, me) or self.rank == 0 or self.due is Due.OVERDUE

    def is_next_for(self, me: int) -> bool:
        """Whether it may be this practitioner's next: it needs them, and nobody has gone to the patient."""
        return (self.in_review or self.is_urgent) and self.needs(me)

    def is_of(self, me: int) -> bool:
        """Whether this practitioner has it, or has its appointment and nobody else has it."""
        return (self.claimed_by or self.practitioner) == me


def lines(
    *,
    site: int | None = FIRST,
    now: dt.datetime | None = None,
    named: str = "",
    since: dt.datetime | None = None,
    among: Collection[int] = (),
) -> list[QueueLine]:
    """Return what waits in a clinic, worst first, then longest.

    ``named``: the first letters of the patient's name. ``since``: only what came later, and the visits ``among``.
    """
    now = now or timezone.now()
    minutes = PolicyChange.objects.policy().review_due_minutes
    visits = _visits(site, named)
    if since:
        visits = visits.filter(Q(stage_since__gt=since) | Q(urgent_at__gt=since) | Q(pk__in=among))
    waiting = [QueueLine._make((*values, now, minutes)) for values in visits.values_list(*COLUMNS)]
    return sorted(waiting, key=lambda line: (not line.is_urgent, line.rank, line.since, line.pk))


# The fields of a line, in its order.
COLUMNS = (
    *("pk", "stage", "stage_since", "day", "time", "practitioner", "urgent_at", "urgent_taken_at"),
    *("flagged", "claim__by"),
)


def _visits(site: int | None, named: str) -> QuerySet[Visit]:
    calling, talking = Q(urgent_at__isnull=False), Q(wants_talk_at__isnull=False, needs_time_at__isnull=False)
    answering = Q(stage=Stage.ANSWERING.value) & (calling | talking)
    visits = Visit.objects.of(site).filter(Q(stage__in=[Stage.IN_REVIEW.value, Stage.SIGNED.value]) | answering)
    if named:
        visits = visits.filter(patient__in=Patient.objects.of(site).named(named))
    runs = Assessment.objects.filter(screening__visit=OuterRef("pk")).order_by("-screening__number", "-pk")
    grave = Flag.objects.filter(assessments=OuterRef("run"), severity__in=[severity.value for severity in GRAVE])
    return visits.annotate(
        run=Subquery(runs.values("pk")[:1]),
        flagged=Coalesce(_worst(grave.filter(decisions=None)), _worst(grave), Value(LAST)),
        claim=FilteredRelation("claims", condition=Q(claims__ended_at=None)),
    )


def _worst(flags: QuerySet[Flag]) -> Subquery:
    return Subquery(flags.order_by().values("assessments").annotate(worst=Min(RANK)).values("worst"))
