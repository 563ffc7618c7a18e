"""One-time links with which a staff member sets a password and starts over with second factors."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils import timezone

from clinic.models.staff import User

VALID = dt.timedelta(minutes=30)


def _until() -> dt.datetime:
    return timezone.now() + VALID


class Enrolment(models.Model):
    """One link. The token itself (256 bits) is kept nowhere."""

    user = models.ForeignKey(User, models.PROTECT, related_name="enrolments")
    token_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(default=_until)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "enrolment link"

    def __str__(self) -> str:
        return f"enrolment link {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether it can still be used."""
        return self.used_at is None and timezone.now() < self.expires_at and self.user.is_active
