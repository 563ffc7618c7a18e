"""A visit: one patient, one day, one stage at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from clinic.domain.dates import day_in_words
from clinic.domain.flow import OPEN, TURN, WORDS, NotAllowed, Stage, Turn, check_move
from clinic.models.actors import Actor
from clinic.models.journal import Journal
from clinic.models.patients import Patient
from clinic.models.staff import User
from clinic.models.tablets import Hold


class StaleVisit(NotAllowed):
    """Somebody else moved the visit first."""

    def __init__(self) -> None:
        super().__init__("This visit has moved on in the meantime. Look at it again before you go on.")


class VisitQuerySet(models.QuerySet["Visit"]):
    def of(self, site: int | None) -> VisitQuerySet:
        """The visits to one clinic: those of its patients."""
        return self.filter(patient__site=site)

    def visible_to(self, by: Actor) -> VisitQuerySet:
        """What ``by`` may look up: the clinic's visits, and those in a record that was opened in an emergency."""
        return self.filter(Q(patient__site=by.site) | Q(patient__in=by.opened)) if by.opened else self.of(by.site)

    def on(self, day: dt.date) -> VisitQuerySet:
        """The day's board, in the order of the appointments."""
        return self.filter(day=day).order_by(models.F("time").asc(nulls_last=True), "id")

    def urgent(self) -> VisitQuerySet:
        """Visits whose patient needs help now and whom nobody has gone to yet."""
        return self.filter(urgent_at__isnull=False, urgent_taken_at=None)


def _when(at: dt.datetime, day: dt.date) -> str:
    """Return the time, with the date if it is not the visit's ``day``: "at 14:05", "on 3 December 2026 at 14:05"."""
    local = timezone.localtime(at)
    return f"at {local:%H:%M}" if local.date() == day else f"on {day_in_words(local)} at {local:%H:%M}"


def _pair(when: str, who: str) -> models.CheckConstraint:
    """When and who are both set or both null."""
    return models.CheckConstraint(
        condition=models.Q(**{when: None, who: None}) | models.Q(**{f"{when}__isnull": False, f"{who}__isnull": False}),
        name=f"{when}_with_{who}",
    )


class Visit(models.Model):
    """One patient on one day's board."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="visits")
    day = models.DateField(db_index=True)
    time = models.TimeField("appointment", null=True, blank=True)
    practitioner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="visits")
    planned_regions = models.JSONField(default=list, blank=True)
    returning = models.BooleanField("has had dry needling here before", default=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    stage = models.CharField(max_length=12, choices=[(s.value, WORDS[s]) for s in Stage], default=Stage.EXPECTED.value)
    stage_since = models.DateTimeField(default=timezone.now)

    # Marks: they stand beside the stage and never replace it.
    parked_at = models.DateTimeField(null=True)
    urgent_at = models.DateTimeField(null=True)
    urgent_taken_at = models.DateTimeField(null=True)
    urgent_taken_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    wants_talk_at = models.DateTimeField(null=True)
    needs_time_at = models.DateTimeField(null=True)
    at_home_at = models.DateTimeField(null=True)  # answers on their own phone, away from the clinic, until check-in
    sealing_failed_at = models.DateTimeField(null=True)
    # What became of its consent afterwards; the rows that say so, and why, are in the consent room.
    withdrawn_at = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)
    in_error_at = models.DateTimeField(null=True)

    objects = VisitQuerySet.as_manager()

    class Meta:
        constraints = [_pair("urgent_taken_at", "urgent_taken_by")]
        indexes = [
            models.Index(fields=["stage", "stage_since"], name="visit_stage"),
            # Every staff page asks for these every few seconds.
            models.Index(
                fields=["urgent_at"],
                condition=models.Q(urgent_at__isnull=False, urgent_taken_at=None),
                name="visit_calls",
            ),
        ]

    def __str__(self) -> str:
        return f"visit {self.pk}"

    @property
    def at(self) -> Stage:
        """The stage as a value of ``Stage``."""
        return Stage(self.stage)

    @property
    def turn(self) -> Turn:
        """Who has to act next."""
        return TURN[self.at]

    @property
    def is_open(self) -> bool:
        """Whether something can still happen to this visit."""
        return self.at in OPEN

    @property
    def has_not_checked_in(self) -> bool:
        """Whether nothing happened yet but what the patient did at home."""
        return self.at is Stage.EXPECTED or (self.at is Stage.ANSWERING and self.at_home_at is not None)

    @property
    def waits_to_talk(self) -> bool:
        """Whether the patient gave the tablet back in the middle of the questions, to talk first."""
        return self.at is Stage.ANSWERING and bool(self.wants_talk_at and self.needs_time_at)

    @property
    def status(self) -> str:
        """Where the visit is, in the words of the front desk."""
        if self.parked_at:
            return "Parked: birth date did not match"
        if self.needs_time_at and self.at in (Stage.ANSWERING, Stage.CONSENTING):
            return "Wants to talk before going on" if self.waits_to_talk else "Wants more time to decide"
        if self.sealing_failed_at and self.at is Stage.CONFIRMED:
            return "Sealing failed"
        if self.at_home_at and self.at is Stage.ANSWERING:
            return "Answering at home"
        return self.ended or WORDS[self.at]

    @property
    def ended(self) -> str:
        """What became of the visit's consent after it was given, in words with the time; "" while it stands."""
        if self.in_error_at:
            return f"Entered in error, {_when(self.in_error_at, self.day)}"
        if self.withdrawn_at:
            return f"Withdrawn {_when(self.withdrawn_at, self.day)}"
        return f"Superseded {_when(self.superseded_at, self.day)}" if self.superseded_at else ""

    @property
    def hold(self) -> Hold | None:
        """The hold of the tablet that shows this visit now."""
        return self.holds.filter(ended_at=None).select_related("tablet").first()

    def move(self, to: Stage, *, by: Actor, **data: Any) -> None:
        """Move to the stage ``to`` and write it in the journal, in one transaction.

        Raise ``NotAllowed`` if the flow has no such move, ``StaleVisit`` if the visit has left the stage that this
        object has, so that two taps cannot both win. ``data`` goes into the journal.
        """
        was = self.at
        check_move(was, to)
        now = timezone.now()
        with transaction.atomic():
            if not Visit.objects.filter(pk=self.pk, stage=was.value).update(stage=to.value, stage_since=now):
                raise StaleVisit
            data = {"from": was.value, "to": to.value, **data}
            Journal.objects.record("visit moved", by=by, visit=self, **data)
        self.stage, self.stage_since = to.value, now

    def mark(self, *, by: Actor, action: str, told: Mapping[str, Any] | None = None, **marks: object) -> None:
        """Set marks (``parked_at=…``) and write ``action`` in the journal with ``told``, in one transaction."""
        with transaction.atomic():
            Visit.objects.filter(pk=self.pk).update(**marks)
            Journal.objects.record(action, by=by, visit=self, **(told or {}))
        for name, value in marks.items():
            setattr(self, name, value)
