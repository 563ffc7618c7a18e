"""What was agreed. Every row is written once; what comes after is another row."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import Hold, User, Visit
from clinic.storage.append_only import AppendOnly
from clinic.storage.encrypted_fields import EncryptedBytes, EncryptedJSON
from screening.models import Plan, Screening


class SignedConsent(AppendOnly):
    """Consent as given on the tablet: the text on the screen, what was acknowledged, on which tablet."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="given")
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="given")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, null=True, related_name="given")
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="given")
    statement = EncryptedJSON(
        of="visit.patient", row=("visit", "hold")
    )  # the text in full, as `statement.Statement.to_json` writes it
    statement_version = models.CharField(max_length=40)
    statement_sha256 = models.CharField(max_length=64)
    acknowledged = EncryptedJSON(
        of="visit.patient", row=("visit", "hold")
    )  # [{"name": …, "text": …}]: what was ticked, as worded
    choices = EncryptedJSON(of="visit.patient", row=("visit", "hold"))  # {"students": false, "observers": false}
    scope = EncryptedJSON(
        of="visit.patient", row=("visit", "hold"), default=dict
    )  # the part of the plan that the text named, as `scope.Scope.to_json` writes it
    # For a session: the consent of its course. None for a full consent.
    course = models.ForeignKey("Consent", on_delete=models.PROTECT, null=True, related_name="sessions")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "given"

    def __str__(self) -> str:
        return f"given for {self.visit_id}"

    @classmethod
    def of(cls, visit: Visit) -> SignedConsent | None:
        """Return the visit's signed consent that is not voided, or ``None``."""
        return cls.objects.filter(visit=visit, voiding=None).order_by("id").last()


class VoidedSignature(AppendOnly):
    """A signed consent that no longer stands: an answer or the plan changed, or it was taken back."""

    given = models.OneToOneField(SignedConsent, on_delete=models.PROTECT, related_name="voiding")
    why = models.CharField(max_length=200)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.given_id} voided"


class Consent(AppendOnly):
    """Consent confirmed in the room: the record, frozen, with its digest. The file is another row."""

    visit = models.OneToOneField(Visit, on_delete=models.PROTECT, related_name="consent")
    given = models.OneToOneField(SignedConsent, on_delete=models.PROTECT, related_name="consent")
    record = EncryptedBytes(of="visit.patient", row=("visit",))  # canonical bytes (RFC 8785)
    sha256 = models.CharField(max_length=64, unique=True)  # of `record`, in hex
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"consent {self.pk}"
