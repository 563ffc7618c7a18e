"""The clinic's settings, as changed by managers. Each change is a row; the latest of a name counts."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.domain.policy import SETTINGS, Policy
from clinic.models.sites import FIRST, Site
from clinic.models.staff import User
from clinic.storage.append_only import AppendOnly


class PolicyChangeQuerySet(models.QuerySet["PolicyChange"]):
    def policy(self, site: int | None = FIRST) -> Policy:
        """Return the settings in force now, with the name and the contacts of the clinic ``site``."""
        latest = {change.name: change.value for change in self.order_by("id") if change.name in SETTINGS}
        if site not in (FIRST, None):
            clinic = Site.objects.get(pk=site)
            latest |= {"clinic_name": clinic.name, "clinic_address": clinic.address, "clinic_phone": clinic.phone}
        return Policy().but(**latest)


class PolicyChange(AppendOnly):
    """One setting, changed. Written once."""

    name = models.CharField(max_length=40)
    value = models.JSONField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects = PolicyChangeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"
