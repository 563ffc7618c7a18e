"""What became of a consent."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from clinic.models import Hold, User, Visit
from clinic.storage.append_only import AppendOnly
from clinic.storage.encrypted_fields import EncryptedText
from consent.models.consents import Consent, VoidedSignature


class ConsentStatusChange(AppendOnly):
    """A consent was taken back, superseded, or entered in error. Its first file stays as it is.

    One taken back before it was confirmed has no file: its signature is voided, and this row says how and by whom.
    """

    class Kind(models.TextChoices):
        WITHDRAWN = "withdrawn", "Withdrawn"
        SUPERSEDED = "superseded", "Superseded"
        IN_ERROR = "in_error", "Entered in error"

    class Who(models.TextChoices):
        PATIENT = "patient", "the patient"
        GUARDIAN = "guardian", "a parent or guardian"
        REPRESENTATIVE = "representative", "a representative"

    class How(models.TextChoices):
        SPOKEN = "spoken", "in words"
        GESTURE = "gesture", "by a gesture"
        WRITTEN = "written", "in writing"
        TABLET = "tablet", "on the tablet"

    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, null=True, related_name="after")
    voiding = models.OneToOneField(VoidedSignature, on_delete=models.PROTECT, null=True, related_name="after")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    who = models.CharField(max_length=14, choices=Who.choices, blank=True)
    name = EncryptedText(
        of="visit.patient", row=("consent", "voiding", "kind"), max_length=200, blank=True
    )  # of a guardian or representative
    how = models.CharField(max_length=7, choices=How.choices, blank=True)
    reason = EncryptedText(of="visit.patient", row=("consent", "voiding", "kind"), blank=True)
    replaced_by = models.ForeignKey(Consent, on_delete=models.PROTECT, null=True, related_name="replaces")
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    role = models.CharField(max_length=20, blank=True)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()  # when it was said; the journal and `written_at` say when it was noted
    written_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "after"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["consent", "kind"], name="each_kind_comes_after_a_consent_once"),
            models.CheckConstraint(
                condition=models.Q(consent__isnull=False, voiding=None)
                | models.Q(consent=None, voiding__isnull=False, kind="withdrawn"),
                name="after_a_consent_or_a_voiding",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="withdrawn") & ~models.Q(who="") & ~models.Q(how="")
                | ~models.Q(kind="withdrawn") & models.Q(who="", how="", name=""),
                name="a_withdrawal_says_who_and_how",
            ),
            models.CheckConstraint(
                condition=models.Q(who__in=["", "patient"], name="")
                | ~models.Q(who__in=["", "patient"]) & ~models.Q(name=""),
                name="who_withdraws_for_another_is_named",
            ),
            models.CheckConstraint(
                condition=models.Q(how="tablet", hold__isnull=False, by=None, role="")
                | ~models.Q(how="tablet") & models.Q(hold=None, by__isnull=False) & ~models.Q(role=""),
                name="after_by_staff_or_on_a_tablet",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="withdrawn", replaced_by=None)
                | models.Q(kind="superseded", replaced_by__isnull=False)
                | ~models.Q(kind="withdrawn") & models.Q(replaced_by=None) & ~models.Q(reason=""),
                name="after_says_why",
            ),
            models.CheckConstraint(
                condition=models.Q(replaced_by=None) | ~models.Q(replaced_by=models.F("consent")),
                name="no_consent_replaces_itself",
            ),
        ]

    @property
    def visit(self) -> Visit:
        """The visit whose consent it was."""
        given = self.consent or (self.voiding.given if self.voiding else None)
        if given is None:
            raise ValueError("It comes after a consent, or the voiding of one.")
        return given.visit

    def __str__(self) -> str:
        return f"{self.kind}: {self.consent_id or self.voiding_id}"
