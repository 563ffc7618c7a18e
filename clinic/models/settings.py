"""The clinic's settings as changed by a manager. Each change is a row; the latest of a name counts."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models.staff import User
from clinic.models.written import WrittenOnce
from clinic.policy import SETTINGS, Policy


class PolicyChangeQuerySet(models.QuerySet["PolicyChange"]):
    def policy(self) -> Policy:
        """Return the settings in force now."""
        latest = {change.name: change.value for change in self.order_by("id") if change.name in SETTINGS}
        return Policy().but(**latest)


class PolicyChange(WrittenOnce):
    """One setting, changed. Written once."""

    name = models.CharField(max_length=40)
    value = models.JSONField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = PolicyChangeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"
