"""Records of another clinic that were opened in an emergency: by whom, why, and who has looked at it since."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone

from clinic.models.patients import Patient
from clinic.models.sites import Site
from clinic.models.staff import User
from clinic.storage.append_only import FrozenWhenSet
from clinic.storage.encrypted_fields import EncryptedText

LASTS = dt.timedelta(hours=4)  # design judgement: one shift's emergency; whoever needs longer gives a reason again


def _until() -> dt.datetime:
    return timezone.now() + LASTS


class EmergencyAccessQuerySet(models.QuerySet["EmergencyAccess"]):
    def now(self) -> EmergencyAccessQuerySet:
        """Those that still let their practitioner read."""
        return self.filter(until__gt=timezone.now())

    def unseen(self, site: int | None) -> EmergencyAccessQuerySet:
        """Those to a clinic's records that no manager there has looked at yet."""
        return self.filter(patient__site=site, seen_at=None)


class EmergencyAccess(FrozenWhenSet):
    """One record, opened for reading by a practitioner of another clinic. Only who saw it is added later."""

    final = "seen_at"
    open_fields = ("seen_at", "seen_by")

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="emergencies")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")  # where ``by`` worked then
    reason = EncryptedText(of="patient", row=("patient", "by"))
    at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(default=_until)
    seen_at = models.DateTimeField(null=True)
    seen_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    objects = EmergencyAccessQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "emergency accesses"
        ordering = ["-pk"]
        # Counted on every page of a manager's, though there is hardly ever one.
        indexes = [models.Index(fields=["seen_at"], condition=models.Q(seen_at=None), name="emergency_unseen")]

    def __str__(self) -> str:
        return f"{self.by} to record {self.patient_id}"
