"""A screening that was cleared, and why that lapsed."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import Visit
from clinic.storage.append_only import AppendOnly
from screening.models.review import ReviewOutcome
from screening.models.screening import Screening


class Clearance(AppendOnly):
    """What a clearance for consent rests on; given by a review, or by the rules alone if nothing needed one."""

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="clearances")
    closing = models.OneToOneField(ReviewOutcome, on_delete=models.PROTECT, null=True, related_name="clearance")
    answers_sha256 = models.CharField(max_length=64)  # of `clearance.answers_digest`, in hex
    rules_version = models.CharField(max_length=40)
    flags = models.JSONField(default=list)  # keys of those that needed a decision and got one
    scope = models.JSONField(default=dict)  # `scope.Scope.to_json`: what was planned, as far as it was settled
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"clearance of {self.screening_id}"


class ClearanceLapse(AppendOnly):
    """A clearance that no longer held when it was relied on, and why. The visit went back to review."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="lapses")
    # `None` if it was never cleared.
    clearance = models.OneToOneField(Clearance, on_delete=models.PROTECT, null=True, related_name="lapse")
    why = models.JSONField()  # values of `clearance.LapseReason`
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"lapse of {self.visit_id}"
