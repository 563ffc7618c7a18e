"""What is planned: where the needles go, how, and how often."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import User, Visit
from clinic.storage.append_only import AppendOnly
from screening.domain.scope import Scope


class Technique(models.TextChoices):
    """The three techniques of the clinic's article."""

    SUPERFICIAL = "superficial", "Superficial: just under the skin, 5 to 10 mm"
    PISTONING = "pistoning", "Pistoning: quick in and out of the tight spot"
    NON_TRIGGER_POINT = "non_trigger_point", "Non-trigger-point: in the muscle around the tight spot"


class Plan(AppendOnly):
    """What the practitioner means to do."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="plans")
    number = models.PositiveSmallIntegerField(default=1)
    regions = models.JSONField()  # public names of regions, with sides: ["left_calf"]
    technique = models.CharField(max_length=20, choices=Technique.choices)
    electro = models.BooleanField("electrical stimulation")
    sessions = models.PositiveSmallIntegerField("expected number of sessions")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["visit", "number"], name="plans_are_numbered")]

    def __str__(self) -> str:
        return f"plan {self.number} of {self.visit_id}"

    @property
    def scope(self) -> Scope:
        """What the plan settles, as one value."""
        return Scope.of(
            self.regions,
            technique=self.technique,
            electro=self.electro,
            visits=self.sessions,
            practitioner=self.by_id,
        )

    @classmethod
    def of(cls, visit: Visit) -> Plan | None:
        """Return the visit's latest plan, or ``None``."""
        return cls.objects.filter(visit=visit).order_by("-number").first()
